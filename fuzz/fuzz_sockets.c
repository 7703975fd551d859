/* fuzz_sockets.c: the socket layer under a program that makes any calls and a peer that sends
 * anything; while a call waits, others are made.
 *
 * Which descriptors are open, and what each epoll watches, is kept beside the layer and compared.
 * What poll promises holds: what is readable does not block a reader, what is writable no writer,
 * and epoll says the same.  When all is closed and time has passed, the stack holds nothing. */
#include "fuzz/fuzz_program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#define DEPTH 4U /* calls that wait, one inside the other */
#define ALL_BITS 0x7fff
#define TRIGGERS ((uint32_t)(EPOLLET | EPOLLONESHOT))

static void step(struct program *p);

/* ---- the hooks ---- */

static la_ns on_now(void *ctx)
{
    return ((struct program *)ctx)->net.now;
}

static int on_fd_open(void *ctx)
{
    struct program *p = ctx;
    for (int fd = FIRST_FD; fd < FDS; fd++) {
        if (!p->open[fd]) {
            p->open[fd] = true;
            return fd;
        }
    }
    return -EMFILE;
}

static void on_fd_close(void *ctx, int fd)
{
    struct program *p = ctx;
    CHECK(fd >= FIRST_FD && fd < FDS && p->open[fd]);
    p->open[fd] = false;
    for (int i = 0; i < FDS; i++)
        p->watch[fd][i] = p->watch[i][fd] = 0;
}

static int on_wait(void *ctx, la_ns deadline)
{
    struct program *p = ctx;
    CHECK(deadline > p->net.now);
    if (!p->in->n || p->depth == DEPTH)
        return EINTR;
    p->depth++;
    step(p);
    p->depth--;
    return 0;
}

/* ---- life ---- */

static void new_socket(struct program *p)
{
    uint8_t how = in_u8(p->in);
    int domain = how & 1 ? AF_INET6 : AF_INET, type = SOCK_STREAM, protocol = 0;
    if (how & 2)
        type |= SOCK_NONBLOCK;
    if (how >= 240) {
        domain = in_u8(p->in);
        type = in_u16(p->in);
        protocol = in_u8(p->in);
    }
    int fd = so_socket(p->so, domain, type, protocol);
    CHECK(fd < 0 || so_is(p->so, fd));
}

static void accept_one(struct program *p)
{
    int fd = some_fd(p), flags = in_u8(p->in) & 1 ? SOCK_NONBLOCK : in_u8(p->in);
    socklen_t room = in_u8(p->in) % 40U, len = room;
    struct sockaddr *a = some_bytes(room);
    int got = so_accept4(p->so, fd, room ? a : NULL, room ? &len : NULL, flags);
    CHECK(got < 0 || (got != fd && so_is(p->so, got)));
    free(a);
}

static void call_with_address(struct program *p, bool connects)
{
    int fd = some_fd(p);
    socklen_t len;
    struct sockaddr *a = some_addr(p, &len);
    int rc = connects ? so_connect(p->so, fd, a, len) : so_bind(p->so, fd, a, len);
    CHECK(rc <= 0);
    free(a);
}

static void names(struct program *p)
{
    int fd = some_fd(p);
    socklen_t room = in_u8(p->in) % 40U, len = room;
    struct sockaddr *a = some_bytes(room);
    bool peer = in_u8(p->in) & 1;
    int rc = peer ? so_getpeername(p->so, fd, a, &len) : so_getsockname(p->so, fd, a, &len);
    CHECK(rc <= 0);
    if (rc == 0 && room >= sizeof a->sa_family)
        CHECK(len ==
              (a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
    free(a);
}

/* ---- carrying ---- */

static void send_some(struct program *p)
{
    struct iovec v[PIECES] = {{0}};
    uint8_t how = in_u8(p->in);
    int fd = some_fd(p), flags = some_flags(p);
    unsigned n = some_pieces(p, v);
    size_t all = 0;
    ssize_t r;
    for (unsigned i = 0; i < n; i++)
        all += v[i].iov_len;
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    if (how & 1)
        r = so_sendmsg(p->so, fd, &m, flags);
    else if (how & 2)
        r = so_writev(p->so, fd, v, (int)n);
    else
        r = n ? so_send(p->so, fd, v[0].iov_base, v[0].iov_len, flags) : so_write(p->so, fd, "", 0);
    CHECK(r <= (ssize_t)all);
    free_pieces(v, n);
}

static void receive_some(struct program *p)
{
    struct iovec v[PIECES] = {{0}};
    uint8_t how = in_u8(p->in);
    int fd = some_fd(p), flags = some_flags(p);
    unsigned n = some_pieces(p, v);
    size_t all = 0, room = how >> 2;
    ssize_t r;
    for (unsigned i = 0; i < n; i++)
        all += v[i].iov_len;
    void *control = some_bytes(room);
    struct msghdr m = {
        .msg_iov = v, .msg_iovlen = n, .msg_control = control, .msg_controllen = room};
    if (how & 1)
        r = so_recvmsg(p->so, fd, &m, flags);
    else if (how & 2)
        r = so_readv(p->so, fd, v, (int)n);
    else
        r = n ? so_recv(p->so, fd, v[0].iov_base, v[0].iov_len, flags) : so_read(p->so, fd, v, 0);
    CHECK(r <= (ssize_t)all && m.msg_controllen <= room);
    free(control);
    free_pieces(v, n);
}

/* ---- options ---- */

static int some_level(struct program *p)
{
    static const int levels[] = {SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6};
    uint8_t how = in_u8(p->in);
    return how < 252 ? levels[how & 3] : how;
}

static void set_option(struct program *p)
{
    static const socklen_t lengths[] = {4, 4, 4, 8, 16, 0, 1, 20};
    uint8_t bytes[20] = {0};
    int fd = some_fd(p), level = some_level(p), name = in_u8(p->in) & 127;
    socklen_t len = lengths[in_u8(p->in) & 7];
    int32_t value = (int32_t)in_u32(p->in) >> in_below(p->in, 32);
    if (level == IPPROTO_TCP && name == TCP_USER_TIMEOUT)
        value &= 0xffff; /* days of retransmissions show nothing more */
    memcpy(bytes, &value, sizeof value);
    if (len > 4)
        bytes[8] = in_u8(p->in), bytes[4] = in_u8(p->in);
    void *m = some_bytes(len);
    memcpy(m, bytes, len);
    CHECK(so_setsockopt(p->so, fd, level, name, len ? m : NULL, len) <= 0);
    free(m);
}

static void get_option(struct program *p)
{
    int fd = some_fd(p), level = some_level(p), name = in_u8(p->in) & 127;
    uint8_t how = in_u8(p->in);
    socklen_t room = how < 128 ? how : 500, len = room;
    void *m = some_bytes(room);
    int rc = so_getsockopt(p->so, fd, level, name, m, &len);
    CHECK(rc <= 0 && len <= room);
    free(m);
}

static void control(struct program *p)
{
    static const unsigned long requests[] = {FIONREAD, TIOCOUTQ, SIOCOUTQNSD, FIONBIO, SIOCATMARK};
    uint8_t how = in_u8(p->in);
    int fd = some_fd(p), answer = how & 1;
    if (how & 2) {
        (void)so_fcntl(p->so, fd, how >> 3, how & 4 ? O_NONBLOCK : 0);
    } else if (so_ioctl(p->so, fd, requests[(how >> 3) % 5], &answer) == 0) {
        CHECK(answer >= 0);
    }
}

/* ---- readiness ---- */

static uint32_t ready_now(struct program *p, int fd)
{
    struct pollfd f = {.fd = fd, .events = ALL_BITS};
    CHECK(so_poll(p->so, &f, 1, 0) == (f.revents != 0));
    return (uint16_t)f.revents;
}

/* What poll says beside what calls do that do not wait. */
static void look(struct program *p)
{
    int fd = some_fd(p), lowat = 1, listens = 0;
    socklen_t len = sizeof lowat;
    uint8_t byte, how = in_u8(p->in);
    uint32_t bits = ready_now(p, fd);
    if (bits & POLLNVAL || fd < 0 ||
        so_getsockopt(p->so, fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, &len))
        return;
    len = sizeof listens;
    CHECK(so_getsockopt(p->so, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0);
    if (listens) {
        CHECK(!(bits & ~(uint32_t)(POLLIN | POLLRDNORM | POLLERR)));
        return;
    }
    if (how & 1) {
        ssize_t r = so_recv(p->so, fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (bits & POLLIN)
            CHECK(r != -EAGAIN);
        else
            CHECK(r != 0 && (r < 0 || lowat > 1));
    } else if (bits & POLLOUT) {
        ssize_t r = so_send(p->so, fd, "w", 1, MSG_DONTWAIT);
        CHECK(r != 0 && (r != -EAGAIN || p->tight));
    }
}

static void poll_some(struct program *p)
{
    struct pollfd f[3];
    nfds_t n = in_below(p->in, 4);
    int timeout = in_u8(p->in) - 1, ready = 0;
    for (nfds_t i = 0; i < n; i++)
        f[i] = (struct pollfd){.fd = some_fd(p), .events = (short)in_u16(p->in)};
    int rc = so_poll(p->so, f, n, timeout);
    if (rc < 0)
        return;
    for (nfds_t i = 0; i < n; i++) {
        ready += f[i].revents != 0;
        CHECK(!(f[i].revents & ~(f[i].events | POLLERR | POLLHUP | POLLNVAL)));
    }
    CHECK(rc == ready);
}

static void epoll_change(struct program *p)
{
    int ep = some_fd(p), fd = some_fd(p), op = 1 + (int)in_below(p->in, 4);
    uint8_t how = in_u8(p->in);
    struct epoll_event ev = {.events = (how & 1 ? EPOLLIN : 0U) | (how & 2 ? EPOLLOUT : 0U) |
                                       (how & 4 ? EPOLLRDHUP | EPOLLPRI : 0U) |
                                       (how & 8 ? TRIGGERS & EPOLLET : 0U) |
                                       (how & 16 ? TRIGGERS & EPOLLONESHOT : 0U),
                             .data.fd = fd};
    if (so_epoll_ctl(p->so, ep, op, fd, how & 32 && op == EPOLL_CTL_DEL ? NULL : &ev) < 0)
        return;
    CHECK(p->open[ep] && p->open[fd] && !p->watch[ep][fd] == (op == EPOLL_CTL_ADD));
    p->watch[ep][fd] = op == EPOLL_CTL_DEL ? 0 : (uint64_t)ev.events << 1 | WATCHED;
}

/* Without waiting: what is watched by its level is told if and only if it is ready. */
static void epoll_look(struct program *p)
{
    struct epoll_event got[FDS];
    uint32_t told[FDS] = {0};
    int ep = some_fd(p), n = so_epoll_wait(p->so, ep, got, FDS, 0);
    for (int i = 0; i < n; i++) {
        int fd = got[i].data.fd;
        CHECK(fd >= FIRST_FD && fd < FDS && p->open[fd] && p->watch[ep][fd] && !told[fd]);
        told[fd] = got[i].events;
    }
    for (int fd = FIRST_FD; fd < FDS && n >= 0; fd++) {
        uint32_t asked = (uint32_t)(p->watch[ep][fd] >> 1);
        if (!p->watch[ep][fd])
            continue;
        uint32_t due = ready_now(p, fd) & ((asked & ALL_BITS) | EPOLLERR | EPOLLHUP);
        CHECK(told[fd] == due || (told[fd] == 0 && asked & TRIGGERS));
    }
}

static void epoll_some(struct program *p)
{
    struct epoll_event got[2];
    uint8_t how = in_u8(p->in);
    int fd;
    switch (how & 3) {
    case 0:
        fd = so_epoll_create1(p->so, how & 4 ? EPOLL_CLOEXEC : how >> 4);
        CHECK(fd < 0 || so_is(p->so, fd));
        break;
    case 1:
        epoll_change(p);
        break;
    case 2:
        epoll_look(p);
        break;
    default:
        fd = some_fd(p);
        CHECK(so_epoll_wait(p->so, fd, got, in_u8(p->in) % 3, in_u8(p->in) - 1) <= 2);
        break;
    }
}

/* ---- the world ---- */

static void call(struct program *p)
{
    switch (in_below(p->in, 16)) {
    case 0:
        new_socket(p);
        break;
    case 1:
        call_with_address(p, false);
        break;
    case 2:
        (void)so_listen(p->so, some_fd(p), (int8_t)in_u8(p->in));
        break;
    case 3:
        accept_one(p);
        break;
    case 4:
        call_with_address(p, true);
        break;
    case 5:
    case 6:
        send_some(p);
        break;
    case 7:
        receive_some(p);
        break;
    case 8:
        CHECK(so_shutdown(p->so, some_fd(p), in_u8(p->in) & 3) <= 0);
        break;
    case 9:
        CHECK(so_close(p->so, some_fd(p)) <= 0);
        break;
    case 10:
        names(p);
        break;
    case 11:
        set_option(p);
        break;
    case 12:
        get_option(p);
        break;
    case 13:
        control(p);
        break;
    case 14:
        if (in_u8(p->in) & 1)
            poll_some(p);
        else
            look(p);
        break;
    default:
        epoll_some(p);
        break;
    }
}

static void step(struct program *p)
{
    uint8_t op = in_u8(p->in);
    switch (op & 7) {
    case 0:
    case 1:
        net_segment(&p->net, p->in);
        so_events(p->so);
        break;
    case 2:
        net_pass_time(&p->net, p->in);
        so_events(p->so);
        break;
    case 3:
        if (op & 8)
            net_icmp_error(&p->net, p->in);
        else
            net_drain(&p->net, 1 + (op >> 4));
        break;
    default:
        call(p);
        break;
    }
    if (op & 0x80)
        net_drain(&p->net, 64);
    CHECK(la_check(p->net.s) == 0);
    for (int fd = 0; fd < FDS; fd++)
        CHECK(so_is(p->so, fd) == p->open[fd]);
}

static void make(struct program *p)
{
    struct so_config cfg = {.hooks = {.ctx = p,
                                      .now = on_now,
                                      .wait = on_wait,
                                      .fd_open = on_fd_open,
                                      .fd_close = on_fd_close}};
    static const char *const profiles[] = {NULL, "linux", "freebsd", "rfc"};
    p->tight = p->in->n && *p->in->p & (16 | 32);
    (void)net_open(&p->net, p->in);
    uint8_t how = in_u8(p->in);
    cfg.stack = p->net.s;
    cfg.rcvbuf = how & 4 ? 5000 : 0;
    cfg.sndbuf = how & 8 ? 5000 : 0;
    CHECK(so_profile(profiles[how & 3], p->net.s, &cfg) == 0);
    CHECK(so_new(&cfg, &p->so) == 0);
    if (how & 16) {
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
        int fd = so_socket(p->so, AF_INET6, SOCK_STREAM | (how & 32 ? SOCK_NONBLOCK : 0), 0);
        (void)so_bind(p->so, fd, (const struct sockaddr *)&any, sizeof any);
        (void)so_listen(p->so, fd, 2);
    }
    if (how & 64)
        (void)so_epoll_create1(p->so, 0);
}

/* Everything is closed, and time passes until no connection is left; nobody waits any more. */
static void finish(struct program *p, bool by_hand)
{
    struct la_usage u;
    for (int fd = FIRST_FD; fd < FDS && by_hand; fd++) {
        int expected = p->open[fd] ? 0 : -EBADF;
        CHECK(so_close(p->so, fd) == expected && !so_is(p->so, fd));
    }
    if (!by_hand)
        so_free(p->so);
    CHECK(net_quiet(&p->net, 20000));
    if (by_hand) {
        so_events(p->so);
        so_free(p->so);
    }
    for (int fd = 0; fd < FDS; fd++)
        CHECK(!p->open[fd]);
    la_usage(p->net.s, &u);
    CHECK(u.conns + u.listeners + u.blocks == 0);
    net_close(&p->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct program p = {.in = &in};
    make(&p);
    uint8_t end = in_u8(&in);
    while (in.n)
        step(&p);
    finish(&p, end & 3);
    return 0;
}
