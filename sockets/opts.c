/* opts.c: getsockopt and setsockopt as Linux has them (socket(7), ip(7), ipv6(7), tcp(7)).
 *
 * Plain integers are rows of a table, each with its limits, its default and the core's option that
 * carries it out, if there is one; the rest have a function.  A socket keeps its own copy, since
 * one descriptor may have several connections in its life, and hands it to each (so_opts_apply). */
#include "sockets/private.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

#define NO_CORE LA_OPTIONS /* nothing of it is visible on the wire */

enum how { ANY, BOOL, CLAMP /* what is too large becomes the largest */ };

struct row {
    int level, name;
    enum how how;
    int32_t lo, hi, preset;
    enum la_option core;
    int32_t unit; /* the core's units in one of the program's */
};

static const struct row rows[OPT_COUNT] = {
    [OPT_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_REUSEPORT] = {SOL_SOCKET, SO_REUSEPORT, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE, BOOL, 0, 1, 0, LA_OPT_KEEPALIVE, 1},
    [OPT_OOBINLINE] = {SOL_SOCKET, SO_OOBINLINE, BOOL, 0, 1, 0, LA_OPT_OOBINLINE, 1},
    [OPT_RCVLOWAT] = {SOL_SOCKET, SO_RCVLOWAT, ANY, INT32_MIN, INT32_MAX, 1, NO_CORE, 1},
    [OPT_V6ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_INQ] = {IPPROTO_TCP, TCP_INQ, ANY, 0, 1, 0, NO_CORE, 1},
    [OPT_SYNCNT] = {IPPROTO_TCP, TCP_SYNCNT, ANY, 1, 127, 6, NO_CORE, 1},
    [OPT_DEFER_ACCEPT] = {IPPROTO_TCP, TCP_DEFER_ACCEPT, ANY, INT32_MIN, INT32_MAX, 0,
                          LA_OPT_DEFER_ACCEPT_MS, 1000},
    [OPT_LINGER2] = {IPPROTO_TCP, TCP_LINGER2, CLAMP, INT32_MIN, 120, 60, LA_OPT_FIN_WAIT_2_MS,
                     1000},
    [OPT_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT, ANY, 0, INT32_MAX, 0,
                          LA_OPT_USER_TIMEOUT_MS, 1},
    [OPT_DEBUG] = {SOL_SOCKET, SO_DEBUG, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_BROADCAST] = {SOL_SOCKET, SO_BROADCAST, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_DONTROUTE] = {SOL_SOCKET, SO_DONTROUTE, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_PRIORITY] = {SOL_SOCKET, SO_PRIORITY, ANY, INT32_MIN, INT32_MAX, 0, NO_CORE, 1},
    [OPT_MARK] = {SOL_SOCKET, SO_MARK, ANY, INT32_MIN, INT32_MAX, 0, NO_CORE, 1},
    [OPT_TIMESTAMP] = {SOL_SOCKET, SO_TIMESTAMP, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_BUSY_POLL] = {SOL_SOCKET, SO_BUSY_POLL, ANY, 0, INT32_MAX, 0, NO_CORE, 1},
    [OPT_INCOMING_CPU] = {SOL_SOCKET, SO_INCOMING_CPU, ANY, INT32_MIN, INT32_MAX, -1, NO_CORE, 1},
    [OPT_ZEROCOPY] = {SOL_SOCKET, SO_ZEROCOPY, ANY, 0, 1, 0, NO_CORE, 1},
    [OPT_TOS] = {IPPROTO_IP, IP_TOS, ANY, INT32_MIN, INT32_MAX, 0, NO_CORE, 1},
    [OPT_TTL] = {IPPROTO_IP, IP_TTL, ANY, -1, 255, -1, NO_CORE, 1},
    [OPT_RECVTOS] = {IPPROTO_IP, IP_RECVTOS, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_RECVTTL] = {IPPROTO_IP, IP_RECVTTL, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_MTU_DISCOVER] = {IPPROTO_IP, IP_MTU_DISCOVER, ANY, 0, 5, IP_PMTUDISC_WANT, NO_CORE, 1},
    [OPT_RECVERR] = {IPPROTO_IP, IP_RECVERR, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_FREEBIND] = {IPPROTO_IP, IP_FREEBIND, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_TRANSPARENT] = {IPPROTO_IP, IP_TRANSPARENT, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_BIND_NO_PORT] = {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_TCLASS] = {IPPROTO_IPV6, IPV6_TCLASS, ANY, -1, 255, 0, NO_CORE, 1},
    [OPT_HOPS] = {IPPROTO_IPV6, IPV6_UNICAST_HOPS, ANY, -1, 255, -1, NO_CORE, 1},
    [OPT_RECVTCLASS] = {IPPROTO_IPV6, IPV6_RECVTCLASS, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_MTU_DISCOVER6] = {IPPROTO_IPV6, IPV6_MTU_DISCOVER, ANY, 0, 5, IP_PMTUDISC_WANT, NO_CORE,
                           1},
    [OPT_RECVERR6] = {IPPROTO_IPV6, IPV6_RECVERR, BOOL, 0, 1, 0, NO_CORE, 1},
    [OPT_NODELAY] = {IPPROTO_TCP, TCP_NODELAY, BOOL, 0, 1, 0, LA_OPT_NODELAY, 1},
    [OPT_CORK] = {IPPROTO_TCP, TCP_CORK, BOOL, 0, 1, 0, LA_OPT_CORK, 1},
    [OPT_QUICKACK] = {IPPROTO_TCP, TCP_QUICKACK, BOOL, 0, 1, 1, LA_OPT_QUICKACK, 1},
    [OPT_MAXSEG] = {IPPROTO_TCP, TCP_MAXSEG, ANY, 0, 32767, 0, LA_OPT_MAXSEG, 1},
    [OPT_KEEPIDLE] = {IPPROTO_TCP, TCP_KEEPIDLE, ANY, 1, 32767, 7200, LA_OPT_KEEPIDLE_MS, 1000},
    [OPT_KEEPINTVL] = {IPPROTO_TCP, TCP_KEEPINTVL, ANY, 1, 32767, 75, LA_OPT_KEEPINTVL_MS, 1000},
    [OPT_KEEPCNT] = {IPPROTO_TCP, TCP_KEEPCNT, ANY, 1, 127, 9, LA_OPT_KEEPCNT, 1},
    [OPT_THIN_LINEAR] = {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, ANY, 0, 1, 0, NO_CORE, 1},
    [OPT_SAVE_SYN] = {IPPROTO_TCP, TCP_SAVE_SYN, ANY, 0, 2, 0, NO_CORE, 1},
};

void so_opts_init(struct so_opts *o, const struct so_config *cfg)
{
    for (unsigned i = 0; i < OPT_COUNT; i++)
        o->value[i] = rows[i].preset;
    o->rcvbuf = cfg->rcvbuf;
    o->sndbuf = cfg->sndbuf;
    o->rcvtimeo = o->sndtimeo = LA_NEVER;
    memcpy(o->congestion, "reno", 5);
}

static int find(int level, int name)
{
    for (int i = 0; i < OPT_COUNT; i++)
        if (rows[i].level == level && rows[i].name == name)
            return i;
    return -1;
}

/* ---- to the core ---- */

static int core_set(struct sockets *so, const struct sock *k, enum la_option o, int64_t v)
{
    if (k->phase == SO_UNCONNECTED)
        return 0;
    return -so_errno(la_setopt(so->stack, k->conn, o, v, so_now(so)));
}

/* How long TCP_SYNCNT retransmissions take: the first after the initial timeout, each next after
 * twice the time. */
static int64_t syn_timeout_ms(const struct sockets *so, int32_t count)
{
    int64_t first = 1000, total = 0, most = 0;
    (void)la_getopt(so->stack, LA_CONN_NONE, LA_OPT_RTO_INIT_MS, &first);
    (void)la_getopt(so->stack, LA_CONN_NONE, LA_OPT_RTO_MAX_MS, &most);
    for (int32_t i = 0; i <= count; i++) {
        total += first < most ? first : most;
        first *= first < most ? 2 : 1;
    }
    return total < INT32_MAX ? total : INT32_MAX;
}

/* Retransmissions of a SYN,ACK in that many seconds, and the seconds that they take: what Linux
 * makes of TCP_DEFER_ACCEPT. */
static int32_t deferred_s(int32_t seconds)
{
    int32_t period = 1, timeout = 1;
    if (seconds <= 0)
        return 0;
    while (seconds > period && period < 120 * 255) {
        timeout = timeout * 2 < 120 ? timeout * 2 : 120;
        period += timeout;
    }
    return period;
}

static int carry_out(struct sockets *so, struct sock *k, int i)
{
    const struct row *r = &rows[i];
    int32_t v = k->opt.value[i];
    bool v6 = k->domain == AF_INET6;
    switch (i) {
    case OPT_SYNCNT:
        return core_set(so, k, LA_OPT_SYN_TIMEOUT_MS, syn_timeout_ms(so, v));
    case OPT_DEFER_ACCEPT:
        return core_set(so, k, r->core, (int64_t)deferred_s(v) * 1000);
    case OPT_LINGER2:
        return core_set(so, k, r->core, v < 0 ? 0 : (int64_t)v * 1000);
    case OPT_TOS:
        return v6 ? 0 : core_set(so, k, LA_OPT_DSCP, v >> 2);
    case OPT_TTL:
        return v6 ? 0 : core_set(so, k, LA_OPT_TTL, v < 0 ? 64 : v);
    case OPT_TCLASS:
        return v6 ? core_set(so, k, LA_OPT_DSCP, v < 0 ? 0 : v >> 2) : 0;
    case OPT_HOPS:
        return v6 ? core_set(so, k, LA_OPT_TTL, v < 0 ? 64 : v) : 0;
    default:
        return r->core == NO_CORE ? 0 : core_set(so, k, r->core, (int64_t)v * r->unit);
    }
}

static uint32_t usable(const struct sockets *so, uint32_t buf)
{
    return so->cfg.plain_bufs ? buf : buf / 2;
}

static void apply_rcvbuf(struct sockets *so, struct sock *k)
{
    uint32_t n = usable(so, k->opt.rcvbuf);
    if (k->opt.window_clamp && n > k->opt.window_clamp)
        n = k->opt.window_clamp;
    (void)core_set(so, k, LA_OPT_RCVBUF, n ? n : 1);
}

void so_opts_apply(struct sockets *so, struct sock *k)
{
    for (int i = 0; i < OPT_COUNT; i++)
        if (k->opt.given >> i & 1)
            (void)carry_out(so, k, i);
    if (!(k->opt.given >> OPT_OOBINLINE & 1)) /* the core's own default is in line */
        (void)core_set(so, k, LA_OPT_OOBINLINE, 0);
    apply_rcvbuf(so, k);
    (void)core_set(so, k, LA_OPT_SNDBUF, usable(so, k->opt.sndbuf));
    if (k->opt.linger.l_onoff && k->opt.linger.l_linger == 0)
        (void)core_set(so, k, LA_OPT_LINGER_MS, 0);
}

/* ---- set ---- */

static int set_row(struct sockets *so, struct sock *k, int i, int32_t v)
{
    const struct row *r = &rows[i];
    if (r->how == BOOL)
        v = v != 0;
    if (r->how == CLAMP && v > r->hi)
        v = r->hi;
    if (v < r->lo || v > r->hi)
        return -EINVAL;
    if (i == OPT_MAXSEG && v && v < 88)
        return -EINVAL;
    if (i == OPT_TTL && v == 0)
        return -EINVAL;
    if (i == OPT_V6ONLY && k->bound)
        return -EINVAL;
    if (i == OPT_TOS)
        v &= 0xff;
    if (i == OPT_LINGER2 && v < 0)
        v = -1;
    if (i == OPT_RCVLOWAT)
        v = v < 0 ? INT32_MAX : v ? v : 1;
    k->opt.value[i] = v;
    k->opt.given |= (uint64_t)1 << i;
    return carry_out(so, k, i);
}

static int set_buf(struct sockets *so, struct sock *k, bool receive, uint32_t v)
{
    uint32_t floor = receive ? 2304 : 4608, *at = receive ? &k->opt.rcvbuf : &k->opt.sndbuf;
    if (v > so->cfg.buf_max)
        v = so->cfg.buf_max;
    if (!so->cfg.plain_bufs) {
        v *= 2; /* Linux: room for its own overhead */
        v = v < floor ? floor : v;
    }
    *at = v ? v : 1;
    if (receive)
        apply_rcvbuf(so, k);
    else
        (void)core_set(so, k, LA_OPT_SNDBUF, usable(so, v));
    return 0;
}

static int set_timeo(la_ns *to, const void *value, socklen_t len)
{
    struct timeval tv;
    if (len < (socklen_t)sizeof tv)
        return -EINVAL;
    memcpy(&tv, value, sizeof tv);
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
        return -EDOM;
    *to = LA_NEVER;
    if (tv.tv_sec < 0)
        *to = 0;
    else if ((tv.tv_sec || tv.tv_usec) && tv.tv_sec < INT64_MAX / 2000000000)
        *to = LA_SEC((la_ns)tv.tv_sec) + LA_USEC((la_ns)tv.tv_usec);
    return 0;
}

static int set_linger(struct sockets *so, struct sock *k, const void *value, socklen_t len)
{
    struct linger l;
    if (len < (socklen_t)sizeof l)
        return -EINVAL;
    memcpy(&l, value, sizeof l);
    k->opt.linger = (struct linger){l.l_onoff != 0, l.l_linger};
    return core_set(so, k, LA_OPT_LINGER_MS, l.l_onoff && l.l_linger == 0 ? 0 : -1);
}

static int set_congestion(struct sock *k, const void *value, socklen_t len)
{
    char name[sizeof k->opt.congestion] = "";
    if (len < 1)
        return -EINVAL;
    memcpy(name, value, len < (socklen_t)sizeof name ? len : sizeof name - 1);
    return strcmp(name, "reno") == 0 ? 0 : -ENOENT;
}

static int set_int(struct sockets *so, struct sock *k, int level, int name, int32_t v)
{
    if (level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE))
        return set_buf(so, k, true, (uint32_t)v);
    if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_SNDBUFFORCE))
        return set_buf(so, k, false, (uint32_t)v);
    if (level == IPPROTO_TCP && name == TCP_NOTSENT_LOWAT) {
        k->opt.notsent_lowat = (uint32_t)v;
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_WINDOW_CLAMP) {
        if (v <= 0 && k->phase != SO_UNCONNECTED)
            return -EINVAL;
        k->opt.window_clamp = v <= 0 ? 0 : v < 1152 ? 1152 : (uint32_t)v;
        apply_rcvbuf(so, k);
        return 0;
    }
    if (level == IPPROTO_TCP && (name == TCP_FASTOPEN || name == TCP_FASTOPEN_CONNECT))
        return -EOPNOTSUPP;
    if (level == IPPROTO_TCP && (name == TCP_TIMESTAMP || name == TCP_REPAIR))
        return -EPERM;
    return -ENOPROTOOPT;
}

int so_setsockopt(struct sockets *so, int fd, int level, int name, const void *value, socklen_t len)
{
    struct sock *k = so_sock(so, fd);
    int32_t v = 0;
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    if (level == SOL_SOCKET && name == SO_LINGER)
        return set_linger(so, k, value, len);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW))
        return set_timeo(&k->opt.rcvtimeo, value, len);
    if (level == SOL_SOCKET && (name == SO_SNDTIMEO || name == SO_SNDTIMEO_NEW))
        return set_timeo(&k->opt.sndtimeo, value, len);
    if (level == SOL_SOCKET && name == SO_BINDTODEVICE) {
        memset(k->opt.bound_dev, 0, sizeof k->opt.bound_dev);
        if (len) /* else value may be NULL */
            memcpy(k->opt.bound_dev, value, len < 15 ? len : 15);
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return set_congestion(k, value, len);
    if (len >= (socklen_t)sizeof v)
        memcpy(&v, value, sizeof v);
    else if (len >= 1 && level == IPPROTO_IP)
        v = *(const unsigned char *)value; /* as ip(7)'s options allow */
    else
        return -EINVAL;
    int i = find(level, name);
    return i >= 0 ? set_row(so, k, i, v) : set_int(so, k, level, name, v);
}

/* ---- get ---- */

static int give(void *value, socklen_t *len, const void *from, socklen_t n)
{
    if (*len < n)
        n = *len;
    memcpy(value, from, n);
    *len = n;
    return 0;
}

static int get_timeo(la_ns t, void *value, socklen_t *len)
{
    struct timeval tv = {0, 0};
    if (t != LA_NEVER) {
        tv.tv_sec = (time_t)(t / LA_SEC(1));
        tv.tv_usec = (suseconds_t)(t % LA_SEC(1) / LA_USEC(1));
    }
    return give(value, len, &tv, sizeof tv);
}

static int32_t get_row(struct sockets *so, struct sock *k, int i, const struct la_status *st)
{
    int32_t v = k->opt.value[i];
    bool open = k->phase == SO_CONNECTING || k->phase == SO_CONNECTED;
    (void)so;
    switch (i) {
    case OPT_DEFER_ACCEPT:
        return deferred_s(v);
    case OPT_TTL:
    case OPT_HOPS:
        return v < 0 ? 64 : v;
    case OPT_MAXSEG:
        return open ? (int32_t)st->mss : v ? v : 536;
    default:
        return v;
    }
}

/* Integers that are not rows; -1: no such option. */
static int get_int(struct sockets *so, struct sock *k, int level, int name,
                   const struct la_status *st, int32_t *v)
{
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_ERROR:
            so_events(so);
            *v = -so_take_error(k, 0);
            return 0;
        case SO_TYPE:
            *v = SOCK_STREAM;
            return 0;
        case SO_PROTOCOL:
            *v = IPPROTO_TCP;
            return 0;
        case SO_DOMAIN:
            *v = k->domain;
            return 0;
        case SO_ACCEPTCONN:
            *v = k->phase == SO_LISTENING;
            return 0;
        case SO_RCVBUF:
            *v = (int32_t)k->opt.rcvbuf;
            return 0;
        case SO_SNDBUF:
            *v = (int32_t)k->opt.sndbuf;
            return 0;
        case SO_SNDLOWAT:
            *v = 1;
            return 0;
        default:
            return -1;
        }
    }
    bool mtu =
        (level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU);
    if (mtu)
        *v = (int32_t)st->pmtu;
    else if (level == IPPROTO_TCP && name == TCP_NOTSENT_LOWAT)
        *v = (int32_t)k->opt.notsent_lowat;
    else if (level == IPPROTO_TCP && name == TCP_WINDOW_CLAMP)
        *v = (int32_t)k->opt.window_clamp;
    else if (level == IPPROTO_TCP && name == TCP_TIMESTAMP)
        *v = (int32_t)((uint32_t)(so_now(so) / LA_MSEC(1)) + st->ts_offset);
    else if (level == IPPROTO_TCP && (name == TCP_REPAIR || name == TCP_FASTOPEN))
        *v = 0;
    else
        return -1;
    return mtu && !*v ? -ENOTCONN : 0;
}

int so_getsockopt(struct sockets *so, int fd, int level, int name, void *value, socklen_t *len)
{
    struct sock *k = so_sock(so, fd);
    struct la_status st;
    int32_t v = 0;
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    if ((int)*len < 0)
        return -EINVAL;
    (void)so_status(so, k, &st);
    if (level == SOL_SOCKET && name == SO_LINGER)
        return give(value, len, &k->opt.linger, sizeof k->opt.linger);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_RCVTIMEO_NEW))
        return get_timeo(k->opt.rcvtimeo, value, len);
    if (level == SOL_SOCKET && (name == SO_SNDTIMEO || name == SO_SNDTIMEO_NEW))
        return get_timeo(k->opt.sndtimeo, value, len);
    if (level == SOL_SOCKET && name == SO_COOKIE)
        return *len < (socklen_t)sizeof k->serial ? -EINVAL
                                                  : give(value, len, &k->serial, sizeof k->serial);
    if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
        return give(value, len, k->opt.bound_dev,
                    (socklen_t)(k->opt.bound_dev[0] ? strlen(k->opt.bound_dev) + 1 : 0));
    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return give(value, len, k->opt.congestion, sizeof k->opt.congestion);
    if (level == IPPROTO_TCP && name == TCP_INFO)
        return so_tcp_info(so, k, value, len);
    if (level == IPPROTO_TCP && name == TCP_CC_INFO) {
        *len = 0; /* Reno has nothing to tell */
        return 0;
    }
    if (level == SOL_SOCKET && name == SO_MEMINFO)
        return so_mem_info(so, k, value, len);
    int i = find(level, name);
    int err = i >= 0 ? 0 : get_int(so, k, level, name, &st, &v);
    if (err)
        return err == -1 ? -ENOPROTOOPT : err;
    if (i >= 0)
        v = get_row(so, k, i, &st);
    return give(value, len, &v, sizeof v);
}
