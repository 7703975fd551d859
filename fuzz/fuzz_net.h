/* fuzz_net.h: one stack under test and its peer: memory that is counted, frames that leave, each
 * checked to be sound, and what comes: segments near to what would fit, ICMP errors about them, raw
 * bytes. */
#ifndef FUZZ_FUZZ_NET_H
#define FUZZ_FUZZ_NET_H

#include "base/checksum.h"
#include "fuzz/fuzz.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include <lastack/lastack.h>

#define PORT 80U
#define FRAME_MAX 2048U

struct fuzz_net {
    struct la_stack *s;
    la_ns now;
    uint64_t bytes; /* that the stack holds */
    uint32_t mtu;
    struct la_addr us[2], peer[2]; /* of IPv4, of IPv6 */
};

static inline void *net_alloc(void *ctx, size_t n)
{
    ((struct fuzz_net *)ctx)->bytes += n;
    return malloc(n);
}

static inline void net_free(void *ctx, void *p, size_t n)
{
    ((struct fuzz_net *)ctx)->bytes -= n;
    free(p);
}

/* ---- what leaves ---- */

static inline void net_check_tcp(const struct ip_hdr *ip, const uint8_t *p, uint32_t n,
                                 bool partial)
{
    struct tcp_hdr h;
    struct tcp_opts o;
    struct csum c = csum_pseudo(&ip->src, &ip->dst, IP_TCP, n);
    CHECK(tcp_parse(p, n, &h) && h.sport != 0);
    CHECK(tcp_opts_parse(p + TCP_HLEN, h.hlen - TCP_HLEN, h.flags & TCP_SYN, &o));
    csum_add(&c, p, n);
    CHECK(partial || csum_fold(&c) == 0xffff);
    /* What no segment of ours has: SYN with FIN or RST, FIN with RST, nothing at all. */
    CHECK(h.flags & (TCP_SYN | TCP_ACK | TCP_RST));
    CHECK(!(h.flags & TCP_SYN) || !(h.flags & (TCP_FIN | TCP_RST)));
    CHECK(!(h.flags & TCP_FIN) || !(h.flags & TCP_RST));
}

static inline void net_check_frame(const struct fuzz_net *w, const struct la_frame *f)
{
    static uint8_t b[70000];
    struct ip_hdr ip;
    uint16_t bad_at = 0;
    uint8_t bad_code = 0;
    uint32_t n = f->head.n;
    CHECK(f->len <= sizeof b && f->head.n <= f->len && f->nspan <= LA_FRAME_SPANS);
    memcpy(b, f->head.p, n);
    for (unsigned i = 0; i < f->nspan; n += f->span[i++].n)
        memcpy(b + n, f->span[i].p, f->span[i].n);
    CHECK(n == f->len && (f->gso_size || n <= w->mtu));
    CHECK(b[0] >> 4 == 4 ? ipv4_parse(b, n, n, false, &ip) == IP_OK
                         : ipv6_parse(b, n, n, &ip, &bad_at, &bad_code) == IP_OK);
    CHECK(ip.total == n);
    if (ip.proto == IP_TCP && !ip.fragment)
        net_check_tcp(&ip, b + ip.hlen, n - ip.hlen, f->csum == LA_CSUM_PARTIAL);
}

static inline void net_drain(struct fuzz_net *w, unsigned frames)
{
    struct la_frame f;
    while (frames-- && la_tx(w->s, 0, &f, w->now))
        net_check_frame(w, &f);
}

/* ---- what comes ---- */

static inline void net_receive(struct fuzz_net *w, const uint8_t *p, uint32_t n, enum la_csum csum)
{
    uint8_t *copy = malloc(n ? n : 1);
    CHECK(copy);
    memcpy(copy, p, n);
    struct la_frame f = {.head = {copy, n}, .len = n, .csum = (uint8_t)csum};
    la_rx(w->s, 0, &f, w->now);
    free(copy);
}

/* The k-th thing that the stack has, or a stranger's pair. */
static inline struct la_status net_target(struct fuzz_net *w, struct input *in)
{
    struct la_status st, found = {0};
    uint64_t cursor = 0;
    uint8_t k = in_u8(in);
    bool v6 = k & 0x80;
    found.local = (struct la_endpoint){w->us[v6], PORT, -1};
    found.remote = (struct la_endpoint){w->peer[v6], (uint16_t)(2000 + (k & 3)), -1};
    found.rcv_nxt = 1000;
    for (unsigned i = 0; i <= (k >> 2 & 15U) && la_status_next(w->s, &cursor, &st); i++) {
        if (st.state != LA_LISTEN)
            found = st;
    }
    return found;
}

/* A number near one that matters. */
static inline uint32_t net_near(struct input *in, uint32_t nxt, uint32_t wnd)
{
    static const uint32_t far[] = {0x7fffffffU, 0x80000000U, 0x80000001U, 0x40000000U};
    uint8_t how = in_u8(in);
    if (how < 96)
        return nxt;
    if (how < 128)
        return nxt + in_u8(in);
    if (how < 160)
        return nxt - in_u8(in);
    if (how < 192)
        return nxt + wnd - 2 + how % 4;
    if (how < 224)
        return nxt + in_u16(in);
    return nxt + far[how % 4];
}

static inline struct tcp_opts net_options(struct input *in, const struct la_status *st,
                                          uint8_t flags)
{
    uint8_t how = in_u8(in);
    struct tcp_opts o = {.has_ts = st->timestamps != ((how & 7) == 7), .tsval = in_u16(in)};
    if (flags & TCP_SYN) {
        o.has_mss = how & 16;
        o.mss = in_u16(in);
        o.has_wscale = how & 32;
        o.wscale = in_u8(in);
        o.sack_permitted = how & 64;
        o.has_ts = how & 128;
    } else if (how & 64) {
        o.nsack = (uint8_t)(how >> 4 & 3);
        for (unsigned i = 0; i < o.nsack; i++) {
            o.sack[i].start = seq(net_near(in, st->snd_una, st->snd_nxt - st->snd_una));
            o.sack[i].end = seq_add(o.sack[i].start, in_u16(in));
        }
    }
    return o;
}

static inline uint32_t net_headers(uint8_t *b, const struct la_endpoint *src,
                                   const struct la_endpoint *dst, uint8_t proto, uint32_t n)
{
    struct ip_hdr ip = {.src = src->addr, .dst = dst->addr, .proto = proto, .ttl = 64};
    return ip_build(b, &ip, n);
}

static inline void net_segment(struct fuzz_net *w, struct input *in)
{
    static const uint8_t usual[] = {TCP_ACK,           TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN,
                                    TCP_SYN,           TCP_SYN | TCP_ACK, TCP_RST,
                                    TCP_RST | TCP_ACK, TCP_ACK | TCP_URG};
    uint8_t b[FRAME_MAX], opts[40], how = in_u8(in);
    struct la_status st = net_target(w, in);
    uint8_t flags = how & 0x80 ? in_u8(in) : usual[how & 7];
    uint32_t len = how & 0x40 ? in_u16(in) % 1400U : in_u8(in) & 15U;
    if (!(how & 0x20))
        len = 0;
    struct tcp_opts o = net_options(in, &st, flags);
    uint32_t nopts = tcp_opts_build(opts, &o), n = TCP_HLEN + nopts + len;
    struct tcp_hdr h = {.sport = st.remote.port,
                        .dport = st.local.port,
                        .seq = seq(net_near(in, st.rcv_nxt, st.rcv_wnd)),
                        .ack = seq(net_near(in, how & 8 ? st.snd_una : st.snd_nxt, 1)),
                        .flags = flags,
                        .hlen = (uint8_t)(TCP_HLEN + nopts),
                        .wnd = how & 16 ? in_u16(in) : 0xffff,
                        .up = flags & TCP_URG ? in_u16(in) : 0};
    uint32_t at = net_headers(b, &st.remote, &st.local, IP_TCP, n);
    (void)tcp_build(b + at, &h);
    memcpy(b + at + TCP_HLEN, opts, nopts);
    memset(b + at + TCP_HLEN + nopts, how, len);
    net_receive(w, b, at + n, LA_CSUM_VALID);
}

/* An ICMP error that quotes a segment of ours. */
static inline void net_icmp_error(struct fuzz_net *w, struct input *in)
{
    uint8_t b[128], quote[64];
    struct la_status st = net_target(w, in);
    bool v4 = la_addr_is_v4(&st.local.addr);
    struct icmp_hdr h = {in_u8(in) % 13, in_u8(in) % 16, in_u16(in)};
    if (!v4 && h.type > 4)
        h.type = ICMP6_TOO_BIG;
    struct tcp_hdr t = {.sport = st.local.port,
                        .dport = st.remote.port,
                        .seq = seq(net_near(in, st.snd_una, 1)),
                        .hlen = TCP_HLEN};
    uint32_t q = net_headers(quote, &st.local, &st.remote, IP_TCP, TCP_HLEN);
    (void)tcp_build(quote + q, &t);
    uint32_t n = ICMP_HLEN + q + 8;
    uint32_t at = net_headers(b, &st.remote, &st.local, v4 ? IP_ICMP : IP_ICMPV6, n);
    icmp_build(b + at, &h);
    memcpy(b + at + ICMP_HLEN, quote, q + 8);
    struct csum c = {0};
    if (!v4)
        c = csum_pseudo(&st.remote.addr, &st.local.addr, IP_ICMPV6, n);
    csum_add(&c, b + at, n);
    put16(b + at + 2, csum_field(&c));
    net_receive(w, b, at + n, LA_CSUM_NONE);
}

static inline void net_raw(struct fuzz_net *w, struct input *in)
{
    uint8_t b[FRAME_MAX], how = in_u8(in);
    uint32_t n = in_below(in, 256);
    for (uint32_t i = 0; i < n; i++)
        b[i] = in_u8(in);
    net_receive(w, b, n, how % 3 ? LA_CSUM_VALID : LA_CSUM_NONE);
}

/* ---- its life ---- */

/* A stack with one interface; the input says which tables are small, and which request for memory
 * fails.  False if it refuses its addresses. */
static inline bool net_open(struct fuzz_net *w, struct input *in)
{
    struct la_config c;
    uint8_t how = in_u8(in);
    struct la_if_config ifc = {.link = LA_LINK_IP, .no_dad = true};
    static const uint32_t mtus[] = {1500, 1280, 576, 68, 9000, 65535, 1500, 1500};
    la_config_init(&c);
    c.mem = (struct la_memory){net_alloc, net_free, w};
    c.secret[0] = 1;
    c.msl = LA_SEC(1);
    c.syn_cookies = how & 1;
    c.max_conns = how & 2 ? 2 : 16;
    c.active_conns = how & 128 ? 1 : 16;
    c.max_embryos = how & 4 ? 2 : 16;
    c.max_time_wait = how & 8 ? 2 : 16;
    c.max_blocks = how & 16 ? 4 : 256;
    c.max_records = 4;
    c.max_listeners = 4;
    if (how & 32) {
        c.lab.enabled = true;
        c.lab.fail_alloc_at = 1 + in_below(in, 64);
    }
    w->now = LA_SEC(1);
    w->mtu = ifc.mtu = mtus[in_u8(in) & 7];
    if (how & 64)
        ifc.offload = LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO;
    CHECK(la_stack_new(&c, w->now, &w->s) == LA_OK);
    CHECK(la_if_add(w->s, &ifc, w->now) == 0);
    w->us[0] = la_addr_v4(10, 0, 0, 1);
    w->peer[0] = la_addr_v4(10, 0, 0, 2);
    w->us[1] = (struct la_addr){{0xfd, [15] = 1}};
    w->peer[1] = (struct la_addr){{0xfd, [15] = 2}};
    bool ok = la_addr_add(w->s, 0, &w->us[0], 24, w->now) == LA_OK;
    if (w->mtu >= 1280)
        ok &= la_addr_add(w->s, 0, &w->us[1], 64, w->now) == LA_OK;
    else
        w->us[1] = w->us[0], w->peer[1] = w->peer[0];
    return ok;
}

static inline void net_pass_time(struct fuzz_net *w, struct input *in)
{
    w->now += LA_MSEC((uint64_t)in_u8(in) << (in_u8(in) & 15));
    la_expire(w->s, w->now);
}

/* Time passes, and nobody answers, until no timer runs; false if one still does after so many. */
static inline bool net_quiet(struct fuzz_net *w, unsigned timers)
{
    for (; timers; timers--) {
        net_drain(w, 1000);
        la_ns next = la_deadline(w->s);
        if (next == LA_NEVER)
            return true;
        w->now = next > w->now ? next : w->now + 1;
        la_expire(w->s, w->now);
    }
    return false;
}

/* Nothing is left in any table, and every byte was given back. */
static inline void net_close(struct fuzz_net *w)
{
    struct la_usage u;
    CHECK(la_check(w->s) == 0);
    la_usage(w->s, &u);
    CHECK(u.embryos + u.time_wait + u.ranges + u.packets + u.reassembly == 0);
    la_stack_free(w->s);
    CHECK(w->bytes == 0);
}

#endif
