/* life.c: socket, bind, listen, accept, connect, shutdown, close. */
#include "sockets/private.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The socket, or in *err why there is none. */
static struct sock *get(const struct sockets *so, int fd, int *err)
{
    struct sock *k = so_sock(so, fd);
    *err = k ? 0 : so_is(so, fd) ? -ENOTSOCK : -EBADF;
    return k;
}

int so_socket(struct sockets *so, int domain, int type, int protocol)
{
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    if (type & ~(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC))
        return (type & 0xf) == SOCK_STREAM ? -EINVAL : -ESOCKTNOSUPPORT;
    if (!(type & SOCK_STREAM))
        return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != IPPROTO_TCP)
        return -EPROTONOSUPPORT;
    struct sock *k = so_sock_new(so, domain, type);
    if (!k)
        return -ENOMEM;
    k->fd = so_fd_new(so, (struct file){.kind = FILE_SOCKET, .sock = k});
    int fd = k->fd;
    if (fd < 0)
        so_sock_free(so, k);
    return fd;
}

/* Is there an interface with this address? */
static bool is_ours(const struct sockets *so, const struct la_endpoint *e)
{
    for (int i = 0; i < 8; i++)
        if (la_addr_state(so->stack, i, &e->addr) >= 0)
            return true;
    return la_addr_is_any(&e->addr);
}

int so_bind(struct sockets *so, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct la_endpoint e;
    int err;
    struct sock *k = get(so, fd, &err);
    if (!k)
        return err;
    if (addr && len >= (socklen_t)sizeof addr->sa_family && addr->sa_family == AF_UNSPEC &&
        k->domain == AF_INET) { /* as old programs do: AF_UNSPEC with INADDR_ANY */
        struct sockaddr_in in;
        if (len < (socklen_t)sizeof in)
            return -EINVAL;
        memcpy(&in, addr, sizeof in);
        if (in.sin_addr.s_addr != htonl(INADDR_ANY))
            return -EAFNOSUPPORT;
        in.sin_family = AF_INET;
        err = so_from_sockaddr(k, (const struct sockaddr *)&in, sizeof in, &e);
    } else {
        err = so_from_sockaddr(k, addr, len, &e);
    }
    if (err)
        return err;
    if (k->bound || k->phase != SO_UNCONNECTED)
        return -EINVAL;
    if (!is_ours(so, &e) && !k->opt.value[OPT_FREEBIND] && !k->opt.value[OPT_TRANSPARENT])
        return -EADDRNOTAVAIL;
    bool later = e.port == 0 && k->opt.value[OPT_BIND_NO_PORT];
    err = e.port ? so_bind_conflict(so, k, &e) : later ? 0 : so_choose_port(so, k, &e);
    if (err)
        return err;
    k->local = e;
    k->bound = true;
    return 0;
}

int so_listen(struct sockets *so, int fd, int backlog)
{
    int err;
    struct sock *k = get(so, fd, &err);
    if (!k)
        return err;
    uint32_t n = (uint32_t)backlog < so->cfg.somaxconn ? (uint32_t)backlog : so->cfg.somaxconn;
    n++; /* Linux queues one more than it is told */
    if (k->phase == SO_LISTENING)
        return -so_errno(la_setopt(so->stack, k->conn, LA_OPT_BACKLOG, n, so_now(so)));
    if (k->phase != SO_UNCONNECTED)
        return -EINVAL;
    struct la_endpoint e = k->local;
    if (!k->bound)
        e.addr = k->domain == AF_INET ? la_addr_v4(0, 0, 0, 0) : LA_ADDR_ANY;
    if (e.port == 0)
        err = so_choose_port(so, k, &e);
    if (err)
        return err;
    err = la_listen(so->stack, &e, n, so_now(so), &k->conn);
    if (err)
        return -so_errno(err);
    k->local = e;
    k->bound = true;
    k->phase = SO_LISTENING;
    k->shut = 0;
    (void)la_set_user(so->stack, k->conn, k);
    so_opts_apply(so, k);
    return 0;
}

/* ---- accept ---- */

static int adopt(struct sockets *so, const struct sock *l, la_conn c, int flags,
                 struct sockaddr *addr, socklen_t *len)
{
    struct la_status st;
    struct sock *k = so_sock_new(so, l->domain, flags);
    int fd = -ENOMEM;
    if (k) {
        k->phase = SO_CONNECTED;
        k->conn = c;
        k->opt = l->opt;
        fd = k->fd = so_fd_new(so, (struct file){.kind = FILE_SOCKET, .sock = k});
    }
    if (fd < 0) {
        (void)la_abort(so->stack, c, so_now(so));
        if (k)
            so_sock_free(so, k);
        return fd;
    }
    (void)la_set_user(so->stack, c, k);
    if (so_status(so, k, &st)) {
        k->local = st.local;
        so_to_sockaddr(k->domain, &st.remote, addr, len);
    }
    k->bound = true;
    return fd;
}

int so_accept4(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int err;
    struct sock *k = get(so, fd, &err);
    la_conn c;
    if (!k)
        return err;
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    if (k->phase != SO_LISTENING)
        return -EINVAL;
    la_ns until = k->nonblock ? 0 : so_until(so, k->opt.rcvtimeo);
    for (;;) {
        if (k->phase != SO_LISTENING)
            return -EINVAL;
        err = la_accept(so->stack, k->conn, so_now(so), &c);
        if (err == LA_OK)
            return adopt(so, k, c, flags, addr, len);
        if (err != LA_EAGAIN)
            return -so_errno(err);
        err = so_wait(so, &k, until);
        if (err)
            return err;
    }
}

int so_accept(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len)
{
    return so_accept4(so, fd, addr, len, 0);
}

/* ---- connect ---- */

/* Gives up what the descriptor stood for; it can be connected again. */
static void disconnect(struct sockets *so, struct sock *k)
{
    if (k->phase != SO_UNCONNECTED)
        (void)la_abort(so->stack, k->conn, so_now(so));
    k->conn = LA_CONN_NONE;
    k->phase = SO_UNCONNECTED;
    k->ended = false;
}

static int start_connect(struct sockets *so, struct sock *k, const struct sockaddr *addr,
                         socklen_t len)
{
    struct la_endpoint to;
    int err = so_from_sockaddr(k, addr, len, &to);
    if (err)
        return err;
    if (la_addr_is_any(&to.addr)) /* "this host" */
        to.addr = k->bound && !la_addr_is_any(&k->local.addr) ? k->local.addr : to.addr;
    err = la_socket(so->stack, &k->conn);
    if (err)
        return -so_errno(err);
    k->phase = SO_CONNECTING;
    k->ended = false;
    k->error = 0;
    k->shut = 0;
    (void)la_set_user(so->stack, k->conn, k);
    so_opts_apply(so, k);
    err = la_connect(so->stack, k->conn, k->bound ? &k->local : NULL, &to, so_now(so));
    if (!err)
        return 0;
    disconnect(so, k);
    if (err == LA_EADDRINUSE) /* this very pair lives or waits; the address itself is free */
        return -EADDRNOTAVAIL;
    return err == LA_EINVAL ? -ENETUNREACH : -so_errno(err);
}

/* How the connect stands: 0 done, -EINPROGRESS under way, or how it failed. */
static int connect_result(struct sockets *so, struct sock *k)
{
    struct la_status st;
    (void)so_status(so, k, &st);
    if (st.state == LA_SYN_SENT || st.state == LA_SYN_RECEIVED)
        return -EINPROGRESS;
    if (st.state == LA_CLOSED && st.error != LA_OK) {
        int err = so_take_error(k, -ECONNABORTED);
        disconnect(so, k);
        return err;
    }
    k->phase = SO_CONNECTED;
    return 0;
}

int so_connect(struct sockets *so, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct la_status st;
    int err;
    struct sock *k = get(so, fd, &err);
    if (!k)
        return err;
    if (!addr || len < (socklen_t)sizeof addr->sa_family)
        return -EINVAL;
    so_events(so);
    if (addr->sa_family == AF_UNSPEC) {
        bool reset = so_status(so, k, &st) && st.state >= LA_ESTABLISHED;
        disconnect(so, k);
        k->error = reset ? ECONNRESET : 0;
        return 0;
    }
    bool again = k->phase == SO_CONNECTING;
    if (k->phase == SO_CONNECTED || k->phase == SO_LISTENING)
        return -EISCONN;
    if (!again && (err = start_connect(so, k, addr, len)) != 0)
        return err;
    la_ns until = k->nonblock ? 0 : so_until(so, k->opt.sndtimeo);
    while ((err = connect_result(so, k)) == -EINPROGRESS) {
        int waited = so_wait(so, &k, until);
        if (waited == -EAGAIN)
            return again ? -EALREADY : -EINPROGRESS;
        if (waited)
            return waited;
        if (k->phase == SO_UNCONNECTED) /* shut down meanwhile */
            return so_take_error(k, -ECONNABORTED);
    }
    return err;
}

/* ---- ends ---- */

int so_shutdown(struct sockets *so, int fd, int how)
{
    int err;
    struct la_status st;
    struct sock *k = get(so, fd, &err);
    if (!k)
        return err;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    so_events(so);
    (void)so_status(so, k, &st);
    uint8_t bits = (uint8_t)(how + 1);
    if (k->phase == SO_LISTENING) {
        if (bits & LA_SHUT_RD) {
            disconnect(so, k);
            so_notify(k, ~0U);
            so_wake(so);
        }
        return 0;
    }
    if (st.state == LA_SYN_SENT) {
        disconnect(so, k);
        k->error = ECONNRESET;
        so_notify(k, ~0U);
        so_wake(so);
        return 0;
    }
    k->shut |= bits;
    if (st.state == LA_CLOSED || st.state == LA_TIME_WAIT)
        err = -ENOTCONN;
    else
        (void)la_shutdown(so->stack, k->conn,
                          (bits & LA_SHUT_WR) | (bits & LA_SHUT_RD ? LA_SHUT_RD_LATER : 0U),
                          so_now(so));
    so_notify(k, ~0U);
    so_wake(so);
    return err;
}

/* SO_LINGER with a time: close waits until the peer has everything, our FIN included. */
static struct sock *linger(struct sockets *so, struct sock *k)
{
    struct la_status st;
    la_ns until = so_until(so, LA_SEC((la_ns)(unsigned)k->opt.linger.l_linger));
    if (!so_status(so, k, &st) || st.queued_in || k->phase != SO_CONNECTED)
        return k;
    (void)la_shutdown(so->stack, k->conn, LA_SHUT_WR, so_now(so));
    while (so_status(so, k, &st) &&
           (st.state == LA_FIN_WAIT_1 || st.state == LA_CLOSING || st.state == LA_LAST_ACK))
        if (so_wait(so, &k, until))
            break;
    return k;
}

int so_close(struct sockets *so, int fd)
{
    int err;
    struct sock *k = get(so, fd, &err);
    if (!k && err == -ENOTSOCK) {
        so_epoll_free(so->files[fd].ep);
        so_fd_drop(so, fd);
        return 0;
    }
    if (!k)
        return err;
    if (k->opt.linger.l_onoff && k->opt.linger.l_linger && !(k = linger(so, k)))
        return 0; /* closed by somebody else meanwhile */
    if (k->phase != SO_UNCONNECTED) {
        (void)la_set_user(so->stack, k->conn, NULL);
        (void)la_close(so->stack, k->conn, so_now(so));
    }
    so_sock_free(so, k);
    so_wake(so);
    return 0;
}

/* ---- what hangs on the descriptor ---- */

int so_fcntl(struct sockets *so, int fd, int cmd, long arg)
{
    struct sock *k = so_sock(so, fd);
    if (!so_is(so, fd))
        return -EBADF;
    if (!k)
        return cmd == F_GETFL || cmd == F_GETFD || cmd == F_SETFD ? 0 : -EINVAL;
    switch (cmd) {
    case F_GETFL:
        return O_RDWR | (k->nonblock ? O_NONBLOCK : 0);
    case F_SETFL:
        k->nonblock = (arg & O_NONBLOCK) != 0;
        return 0;
    case F_GETFD:
        return k->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        k->cloexec = (arg & FD_CLOEXEC) != 0;
        return 0;
    default:
        return -EINVAL;
    }
}
