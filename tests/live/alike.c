/* alike.c: plays scenarios of calls and segments, and tells what became of each: values of calls,
 * and every segment that left, with its time.  By the object, or with LASTACK_DRIVE_KERNEL set by
 * this machine's kernel; test_alike.py compares the two.
 *
 *   live_alike SCENARIOS [NAME...]
 *
 * A step is a line: [+MS] [l.]VERB ARGS.  Without +MS it comes 20 ms after the one before.  "l."
 * means the listener, otherwise the connection.  After each step what left until then is told. */
#include "sockets/driver.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>

static struct {
    struct driver d;
    int listener, fd, ep;
    long long at; /* ms */
    unsigned mss; /* of the scenario: "mss 500" before its first segment */
    struct blocked blocked;
    bool running;
} p;

static char bytes[1 << 20];

#define EACH_NAME(X)                                                                               \
    X(SOL_SOCKET, SO_KEEPALIVE)                                                                    \
    X(SOL_SOCKET, SO_RCVLOWAT)                                                                     \
    X(SOL_SOCKET, SO_RCVBUF)                                                                       \
    X(SOL_SOCKET, SO_SNDBUF)                                                                       \
    X(SOL_SOCKET, SO_ERROR)                                                                        \
    X(SOL_SOCKET, SO_OOBINLINE)                                                                    \
    X(SOL_SOCKET, SO_PRIORITY)                                                                     \
    X(SOL_SOCKET, SO_ZEROCOPY)                                                                     \
    X(IPPROTO_IP, IP_TOS)                                                                          \
    X(IPPROTO_IP, IP_TTL)                                                                          \
    X(IPPROTO_IP, IP_MTU)                                                                          \
    X(IPPROTO_IP, IP_MTU_DISCOVER)                                                                 \
    X(IPPROTO_IP, IP_RECVERR)                                                                      \
    X(IPPROTO_TCP, TCP_NODELAY)                                                                    \
    X(IPPROTO_TCP, TCP_MAXSEG)                                                                     \
    X(IPPROTO_TCP, TCP_CORK)                                                                       \
    X(IPPROTO_TCP, TCP_KEEPIDLE)                                                                   \
    X(IPPROTO_TCP, TCP_KEEPINTVL)                                                                  \
    X(IPPROTO_TCP, TCP_KEEPCNT)                                                                    \
    X(IPPROTO_TCP, TCP_SYNCNT)                                                                     \
    X(IPPROTO_TCP, TCP_LINGER2)                                                                    \
    X(IPPROTO_TCP, TCP_DEFER_ACCEPT)                                                               \
    X(IPPROTO_TCP, TCP_WINDOW_CLAMP)                                                               \
    X(IPPROTO_TCP, TCP_QUICKACK)                                                                   \
    X(IPPROTO_TCP, TCP_USER_TIMEOUT)                                                               \
    X(IPPROTO_TCP, TCP_NOTSENT_LOWAT)                                                              \
    X(IPPROTO_TCP, TCP_INQ)                                                                        \
    X(IPPROTO_TCP, TCP_FASTOPEN)                                                                   \
    X(IPPROTO_TCP, TCP_SAVE_SYN)

static const struct {
    const char *name;
    int level, option;
} options[] = {
#define X(level, name) {#name, level, name},
    EACH_NAME(X)
#undef X
};

#define EACH_FIELD(X)                                                                              \
    X(state)                                                                                       \
    X(ca_state)                                                                                    \
    X(retransmits)                                                                                 \
    X(probes)                                                                                      \
    X(backoff)                                                                                     \
    X(options)                                                                                     \
    X(rto)                                                                                         \
    X(snd_mss)                                                                                     \
    X(rcv_mss)                                                                                     \
    X(advmss)                                                                                      \
    X(unacked)                                                                                     \
    X(sacked)                                                                                      \
    X(lost)                                                                                        \
    X(retrans)                                                                                     \
    X(pmtu)                                                                                        \
    X(snd_ssthresh)                                                                                \
    X(snd_cwnd)                                                                                    \
    X(reordering)                                                                                  \
    X(total_retrans)                                                                               \
    X(bytes_acked)                                                                                 \
    X(bytes_received)                                                                              \
    X(segs_out)                                                                                    \
    X(segs_in)                                                                                     \
    X(notsent_bytes)                                                                               \
    X(data_segs_in)                                                                                \
    X(data_segs_out)                                                                               \
    X(delivered)                                                                                   \
    X(bytes_sent)                                                                                  \
    X(bytes_retrans)                                                                               \
    X(dsack_dups)                                                                                  \
    X(reord_seen)                                                                                  \
    X(rcv_ooopack)                                                                                 \
    X(snd_wnd)                                                                                     \
    X(ato)                                                                                         \
    X(rtt)                                                                                         \
    X(rttvar)                                                                                      \
    X(min_rtt)                                                                                     \
    X(busy_time)                                                                                   \
    X(rwnd_limited)                                                                                \
    X(sndbuf_limited)                                                                              \
    X(last_data_sent)                                                                              \
    X(last_data_recv)                                                                              \
    X(last_ack_recv)

static uint64_t field(const struct tcp_info *i, const char *name)
{
#define X(f)                                                                                       \
    if (strcmp(name, #f) == 0)                                                                     \
        return i->tcpi_##f;
    EACH_FIELD(X)
#undef X
    fail_msg("no field %s", name);
    return 0;
}

/* ---- telling ---- */

static void tell(const char *step, long result)
{
    if (result < 0)
        (void)printf("%6lld   %s = %s\n", p.at, step, strerrorname_np(errno));
    else
        (void)printf("%6lld   %s = %ld\n", p.at, step, result);
}

/* What the device would cut is told as it is cut: the kernel's leaves here so. */
static void told_segments(void)
{
    char flags[16];
    unsigned from, to, n;
    int used = 0;
    while (driver_left(&p.d)) {
        double at = (double)p.d.at / 1e3;
        if (sscanf(p.d.got, "%15s %u:%u(%u)%n", flags, &from, &to, &n, &used) != 4)
            fail_msg("%s", p.d.got);
        for (; n > p.mss; n -= p.mss, from += p.mss)
            (void)printf("%8.1f > . %u:%u(%u)%s\n", at, from, from + p.mss, p.mss, p.d.got + used);
        (void)printf("%8.1f > %s %u:%u(%u)%s\n", at, flags, from, to, n, p.d.got + used);
    }
}

/* ---- verbs ---- */

static const char *after(const char *s)
{
    s += strcspn(s, " ");
    return s + strspn(s, " ");
}

static int flag_of(const char *s)
{
    static const struct {
        const char *name;
        int flag;
    } names[] = {
        {"oob", MSG_OOB},           {"peek", MSG_PEEK},         {"more", MSG_MORE},
        {"eor", MSG_EOR},           {"waitall", MSG_WAITALL},   {"trunc", MSG_TRUNC},
        {"errqueue", MSG_ERRQUEUE}, {"zerocopy", MSG_ZEROCOPY}, {"fastopen", MSG_FASTOPEN}};
    int flags = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        flags |= strstr(s, names[i].name) ? names[i].flag : 0;
    return flags;
}

static void make_listener(int backlog)
{
    p.listener = driver_listen(&p.d, backlog);
    (void)CALL(&p.d, fcntl, p.listener, F_SETFL, O_NONBLOCK);
}

static long do_accept(void)
{
    int fd = CALL(&p.d, accept, p.listener, NULL, NULL);
    if (fd >= 0) {
        p.fd = fd;
        (void)CALL(&p.d, fcntl, fd, F_SETFL, O_NONBLOCK);
    }
    return fd < 0 ? -1 : 0;
}

static long do_connect(void)
{
    socklen_t len;
    if (p.fd < 0)
        p.fd = CALL(&p.d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr *to = driver_remote(&p.d, &len);
    return CALL(&p.d, connect, p.fd, to, len);
}

/* est [WINDOW [OPTIONS]]: a connection that is accepted, without a word about it. */
static void establish(const char *args)
{
    unsigned wnd = 65535;
    char opts[200] = "mss 1000,nop,nop,sackOK";
    (void)sscanf(args, "%u %199[^\n]", &wnd, opts);
    if (p.listener < 0)
        make_listener(5);
    p.fd = driver_accepted(&p.d, p.listener, opts, wnd);
    (void)CALL(&p.d, fcntl, p.fd, F_SETFL, O_NONBLOCK);
}

static long optname(bool set, int fd, const char *args, int *value)
{
    char name[32];
    socklen_t len = sizeof *value;
    if (sscanf(args, "%31s %d", name, value) < 1)
        fail_msg("option? %s", args);
    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i].name, name) == 0)
            return set ? CALL(&p.d, setsockopt, fd, options[i].level, options[i].option, value,
                              sizeof *value)
                       : CALL(&p.d, getsockopt, fd, options[i].level, options[i].option, value,
                              &len);
    fail_msg("option? %s", name);
    return -1;
}

static void tell_poll(const char *step, int fd)
{
    struct pollfd q = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    char text[64] = "";
    (void)CALL(&p.d, poll, &q, 1, 0);
    static const struct {
        short bit;
        const char *name;
    } bits[] = {{POLLIN, " IN"},       {POLLOUT, " OUT"}, {POLLPRI, " PRI"},
                {POLLRDHUP, " RDHUP"}, {POLLERR, " ERR"}, {POLLHUP, " HUP"}};
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (q.revents & bits[i].bit)
            strcat(text, bits[i].name);
    (void)printf("%6lld   %s =%s\n", p.at, step, text);
}

static void tell_epoll(const char *step)
{
    struct epoll_event ev = {0};
    int n = CALL(&p.d, epoll_wait, p.ep, &ev, 1, 0);
    (void)printf("%6lld   %s = %d 0x%x\n", p.at, step, n, n == 1 ? ev.events : 0);
}

static void tell_info(int fd, const char *names)
{
    struct tcp_info i;
    socklen_t len = sizeof i;
    char copy[256], *rest = copy, *name;
    memset(&i, 0, sizeof i);
    if (CALL(&p.d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &i, &len))
        fail_msg("TCP_INFO");
    (void)snprintf(copy, sizeof copy, "%s", names);
    (void)printf("%6lld   info", p.at);
    while ((name = strsep(&rest, " ")))
        (void)printf(" %s=%llu", name, (unsigned long long)field(&i, name));
    (void)printf("\n");
}

static long blocking(struct driver *d, long fd, void *what, long n)
{
    (void)CALL(d, fcntl, (int)fd, F_SETFL, 0);
    const char *s = what;
    if (strncmp(s, "read", 4) == 0)
        return CALL(d, recv, (int)fd, bytes, (size_t)n, flag_of(s));
    if (strncmp(s, "write", 5) == 0)
        return CALL(d, send, (int)fd, bytes, (size_t)n, flag_of(s));
    if (strncmp(s, "close", 5) == 0)
        return CALL(d, close, (int)fd);
    if (strncmp(s, "accept", 6) == 0)
        return CALL(d, accept, (int)fd, NULL, NULL) < 0 ? -1 : 0;
    fail_msg("block? %s", s);
    return -1;
}

static void finish_blocked(void)
{
    long r = blocked_end(&p.blocked, -1);
    (void)CALL(&p.d, fcntl, (int)p.blocked.a, F_SETFL, O_NONBLOCK);
    (void)printf("%6lld   blocked until %.1f = %s%ld\n", p.at, (double)p.blocked.ended / 1e3,
                 r < 0 ? strerrorname_np(errno) : "", r);
    p.running = false;
}

static void step(const char *line)
{
    char verb[32], *v = verb;
    static char block_what[64];
    const char *args = after(line);
    int value = 0, fd = p.fd, type = 0, code = 0, mtu = 0, q = -1;
    struct linger l = {1, 0};
    (void)sscanf(line, "%31s", verb);
    if (strncmp(v, "l.", 2) == 0) {
        fd = p.listener;
        v += 2;
    }
    if (strcmp(v, "est") == 0)
        establish(args);
    else if (strcmp(v, "listen") == 0)
        make_listener(atoi(args));
    else if (strcmp(v, "accept") == 0)
        tell(line, do_accept());
    else if (strcmp(v, "connect") == 0)
        tell(line, do_connect());
    else if (strcmp(v, "in") == 0)
        driver_in(&p.d, "%s", args);
    else if (strcmp(v, "mss") == 0)
        p.mss = (unsigned)atoi(args);
    else if (strcmp(v, "port") == 0)
        p.d.rport = (uint16_t)(p.d.rport + 1);
    else if (strcmp(v, "write") == 0)
        tell(line, CALL(&p.d, send, fd, bytes, (size_t)atol(args), flag_of(args)));
    else if (strcmp(v, "read") == 0)
        tell(line, CALL(&p.d, recv, fd, bytes, (size_t)atol(args), flag_of(args)));
    else if (strcmp(v, "close") == 0)
        tell(line, CALL(&p.d, close, fd));
    else if (strcmp(v, "shutdown") == 0)
        tell(line, CALL(&p.d, shutdown, fd, atoi(args)));
    else if (strcmp(v, "set") == 0)
        tell(line, optname(true, fd, args, &value));
    else if (strcmp(v, "get") == 0) {
        long r = optname(false, fd, args, &value);
        tell(line, r < 0 ? r : value);
    } else if (strcmp(v, "linger") == 0) {
        l.l_linger = atoi(args);
        tell(line, CALL(&p.d, setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    } else if (strcmp(v, "poll") == 0)
        tell_poll(line, fd);
    else if (strcmp(v, "epoll") == 0) {
        struct epoll_event ev = {.events = (uint32_t)strtoul(args, NULL, 16)};
        p.ep = CALL(&p.d, epoll_create, 1);
        tell(line, CALL(&p.d, epoll_ctl, p.ep, EPOLL_CTL_ADD, fd, &ev));
    } else if (strcmp(v, "told") == 0)
        tell_epoll(line);
    else if (strcmp(v, "info") == 0)
        tell_info(fd, args);
    else if (strcmp(v, "inq") == 0 || strcmp(v, "outq") == 0 || strcmp(v, "outqnsd") == 0 ||
             strcmp(v, "atmark") == 0) {
        unsigned long request = v[0] == 'i'   ? SIOCINQ
                                : v[0] == 'a' ? SIOCATMARK
                                : v[4]        ? SIOCOUTQNSD
                                              : SIOCOUTQ;
        long r = CALL(&p.d, ioctl, fd, request, &q);
        tell(line, r < 0 ? r : q);
    } else if (strcmp(v, "icmp") == 0) {
        (void)sscanf(args, "%d %d %d", &type, &code, &mtu);
        driver_icmp(&p.d, (uint8_t)type, (uint8_t)code, (uint32_t)mtu);
    } else if (strcmp(v, "disconnect") == 0) {
        struct sockaddr a = {.sa_family = AF_UNSPEC};
        tell(line, CALL(&p.d, connect, fd, &a, sizeof a));
    } else if (strcmp(v, "block") == 0) {
        (void)snprintf(block_what, sizeof block_what, "%s", args);
        p.running = true;
        blocked_start(&p.blocked, &p.d, blocking, fd, block_what, atol(after(args)));
    } else if (strcmp(v, "join") == 0)
        finish_blocked();
    else if (strcmp(v, "wait") != 0)
        fail_msg("verb? %s", line);
}

static void play(const char *title, char *steps)
{
    char *line;
    int gap;
    memset(&p, 0, sizeof p);
    p.listener = p.fd = p.ep = -1;
    (void)printf("== %s\n", title);
    p.mss = 1000;
    driver_open(&p.d, "local=192.168.0.1/16,profile=linux");
    while ((line = strsep(&steps, "\n"))) {
        int used = 0;
        line += strspn(line, " ");
        if (!*line || *line == '#')
            continue;
        gap = 20;
        if (sscanf(line, "+%d %n", &gap, &used) == 1)
            line += used;
        p.at += gap;
        driver_until(&p.d, p.at * MS);
        told_segments();
        step(line);
        if (p.d.kernel)
            (void)CALL(&p.d, usleep, 2000);
        told_segments();
    }
    driver_close(&p.d);
    (void)fflush(stdout);
}

static bool wanted(const char *title, char **names)
{
    bool any = *names == NULL;
    for (; *names; names++)
        any |= strcmp(*names, title) == 0;
    return any;
}

int main(int argc, char **argv)
{
    static char text[1 << 18], title[100];
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGPIPE, SIG_IGN); /* the kernel sends it, and packetdrill ignores it */
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!f)
        return 2;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    for (char *at = strstr(text, "\n== "); at;) {
        char *end = strchr(at + 4, '\n'), *following = strstr(end, "\n== ");
        (void)snprintf(title, sizeof title, "%.*s", (int)(end - at - 4), at + 4);
        if (following)
            *following = '\0';
        if (wanted(title, argv + 2))
            play(title, end);
        at = following;
        if (at)
            *at = '\n';
    }
    return 0;
}
