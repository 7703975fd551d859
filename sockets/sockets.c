/* sockets.c: descriptors, waiting, and the stack's events. */
#include "sockets/private.h"
#include <stdlib.h>
#include <string.h>

#define EV_ALL (~0U)

int so_errno(int la_err)
{
    static const uint8_t table[] = {
        [-LA_EINVAL] = EINVAL,
        [-LA_ENOMEM] = ENOBUFS,
        [-LA_EAGAIN] = EAGAIN,
        [-LA_EBADF] = EBADF,
        [-LA_ENOTCONN] = ENOTCONN,
        [-LA_EISCONN] = EISCONN,
        [-LA_EPIPE] = EPIPE,
        [-LA_ECONNRESET] = ECONNRESET,
        [-LA_ECONNREFUSED] = ECONNREFUSED,
        [-LA_ECONNABORTED] = ECONNABORTED,
        [-LA_ETIMEDOUT] = ETIMEDOUT,
        [-LA_EHOSTUNREACH] = EHOSTUNREACH,
        [-LA_ENETUNREACH] = ENETUNREACH,
        [-LA_EADDRINUSE] = EADDRINUSE,
        [-LA_EADDRNOTAVAIL] = EADDRNOTAVAIL,
        [-LA_EOPNOTSUPP] = EOPNOTSUPP,
        [-LA_EMSGSIZE] = EMSGSIZE,
        [-LA_EPROTO] = EPROTO,
    };
    unsigned i = (unsigned)-la_err;
    return la_err < 0 && i < sizeof table ? table[i] : 0;
}

/* ---- descriptors ---- */

static struct file *file_at(const struct sockets *so, int fd)
{
    return fd >= 0 && fd < so->nfiles ? &so->files[fd] : NULL;
}

struct sock *so_sock(const struct sockets *so, int fd)
{
    struct file *f = file_at(so, fd);
    return f && f->kind == FILE_SOCKET ? f->sock : NULL;
}

struct sock *so_again(const struct sockets *so, int fd, uint64_t serial)
{
    struct sock *k = so_sock(so, fd);
    return k && k->serial == serial ? k : NULL;
}

bool so_is(const struct sockets *so, int fd)
{
    struct file *f = file_at(so, fd);
    return f && f->kind != FILE_NONE;
}

la_conn so_conn(const struct sockets *so, int fd)
{
    struct sock *k = so_sock(so, fd);
    return k ? k->conn : LA_CONN_NONE;
}

static int lowest_free(const struct sockets *so)
{
    int fd = 3;
    while (so_is(so, fd))
        fd++;
    return fd;
}

static bool grow(struct sockets *so, int fd)
{
    int n = so->nfiles ? so->nfiles : 64;
    while (n <= fd)
        n *= 2;
    struct file *p = realloc(so->files, (size_t)n * sizeof *p);
    if (!p)
        return false;
    memset(p + so->nfiles, 0, (size_t)(n - so->nfiles) * sizeof *p);
    so->files = p;
    so->nfiles = n;
    return true;
}

int so_fd_new(struct sockets *so, struct file f)
{
    const struct so_hooks *h = &so->cfg.hooks;
    int fd = h->fd_open ? h->fd_open(h->ctx) : lowest_free(so);
    if (fd < 0)
        return fd;
    if (fd >= so->nfiles && !grow(so, fd)) {
        if (h->fd_close)
            h->fd_close(h->ctx, fd);
        return -ENOMEM;
    }
    so->files[fd] = f;
    return fd;
}

void so_fd_drop(struct sockets *so, int fd)
{
    const struct so_hooks *h = &so->cfg.hooks;
    so->files[fd] = (struct file){.kind = FILE_NONE};
    if (h->fd_close)
        h->fd_close(h->ctx, fd);
}

struct sock *so_sock_new(struct sockets *so, int domain, int type)
{
    struct sock *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->fd = -1;
    k->serial = ++so->serial;
    k->domain = domain;
    k->nonblock = (type & SOCK_NONBLOCK) != 0;
    k->cloexec = (type & SOCK_CLOEXEC) != 0;
    k->local = (struct la_endpoint){.ifx = -1};
    so_opts_init(&k->opt, &so->cfg);
    return k;
}

void so_sock_free(struct sockets *so, struct sock *k)
{
    so_unwatch(k);
    if (k->fd >= 0)
        so_fd_drop(so, k->fd);
    free(k);
}

/* ---- waiting ---- */

int so_wait(struct sockets *so, struct sock **k, la_ns deadline)
{
    const struct so_hooks *h = &so->cfg.hooks;
    if (!h->wait || so_now(so) >= deadline)
        return -EAGAIN;
    int fd = k ? (*k)->fd : -1;
    uint64_t serial = k ? (*k)->serial : 0;
    int err = h->wait(h->ctx, deadline);
    so_events(so);
    if (k && !(*k = so_again(so, fd, serial)))
        return -EBADF;
    return -err;
}

void so_wake(struct sockets *so)
{
    const struct so_hooks *h = &so->cfg.hooks;
    if (h->wake)
        h->wake(h->ctx);
}

int so_take_error(struct sock *k, int otherwise)
{
    int err = k->error;
    k->error = 0;
    return err ? -err : otherwise;
}

bool so_status(const struct sockets *so, const struct sock *k, struct la_status *st)
{
    if (k->phase != SO_UNCONNECTED && la_status(so->stack, k->conn, st) == LA_OK)
        return true;
    memset(st, 0, sizeof *st);
    return false;
}

/* ---- events ---- */

/* A reset in CLOSE-WAIT is a broken pipe to the program; a time-out is named by what ICMP said. */
static int error_of(const struct sockets *so, const struct la_status *st)
{
    struct la_record r;
    if (st->error == LA_ECONNRESET && la_record_get(so->stack, st->serial, &r) &&
        r.last_state == LA_CLOSE_WAIT)
        return EPIPE;
    if (st->error == LA_ETIMEDOUT && st->soft_error)
        return so_errno(st->soft_error);
    return so_errno(st->error);
}

static uint32_t poll_bits(uint32_t what)
{
    if (what & (LA_EV_CONNECTED | LA_EV_PEER_CLOSED | LA_EV_CLOSED))
        return EV_ALL;
    uint32_t bits = 0;
    if (what & (LA_EV_READABLE | LA_EV_ACCEPT))
        bits |= EPOLLIN | EPOLLRDNORM;
    if (what & LA_EV_WRITABLE)
        bits |= EPOLLOUT | EPOLLWRNORM;
    if (what & LA_EV_URGENT)
        bits |= EPOLLPRI;
    return bits;
}

/* IP_RECVERR: an error that ends nothing (RFC 9293 MUST-47) is told once too.  Without it the
 * program is left alone (SHLD-20). */
static bool wants_soft(const struct sock *k)
{
    return k->opt.value[OPT_RECVERR] || k->opt.value[OPT_RECVERR6];
}

static void take_event(struct sockets *so, struct sock *k, uint32_t what)
{
    struct la_status st;
    if (what & LA_EV_ERROR && wants_soft(k) && !k->error && so_status(so, k, &st) &&
        st.soft_error) {
        k->error = so_errno(st.soft_error);
        so_notify(k, EPOLLERR);
    }
    if (what & LA_EV_CLOSED && !k->ended) {
        k->ended = true;
        if (so_status(so, k, &st))
            k->error = error_of(so, &st);
    }
    so_notify(k, poll_bits(what));
}

void so_events(struct sockets *so)
{
    struct la_event ev;
    bool any = false;
    while (la_next_event(so->stack, &ev)) {
        any = true;
        if (ev.user)
            take_event(so, ev.user, ev.what);
    }
    if (any)
        so_wake(so);
}

/* ---- the layer itself ---- */

int so_new(const struct so_config *cfg, struct sockets **out)
{
    if (!cfg->stack || !cfg->hooks.now || !cfg->hooks.fd_open != !cfg->hooks.fd_close ||
        cfg->port_lo > cfg->port_hi)
        return -EINVAL;
    struct sockets *so = calloc(1, sizeof *so);
    if (!so)
        return -ENOMEM;
    so->cfg = *cfg;
    so->stack = cfg->stack;
    if (!so->cfg.rcvbuf)
        so->cfg.rcvbuf = 131072;
    if (!so->cfg.sndbuf)
        so->cfg.sndbuf = 2626560;
    if (!so->cfg.buf_max)
        so->cfg.buf_max = 212992;
    if (!so->cfg.somaxconn)
        so->cfg.somaxconn = 4096;
    if (!so->cfg.port_hi) {
        so->cfg.port_lo = 32768;
        so->cfg.port_hi = 60999;
    }
    so->random = so_now(so);
    *out = so;
    return 0;
}

void so_presets(struct sockets *so, uint32_t rcvbuf, uint32_t sndbuf)
{
    if (rcvbuf)
        so->cfg.rcvbuf = rcvbuf;
    if (sndbuf)
        so->cfg.sndbuf = sndbuf;
}

void so_free(struct sockets *so)
{
    if (!so)
        return;
    for (int fd = 0; fd < so->nfiles; fd++) {
        struct file f = so->files[fd];
        if (f.kind == FILE_SOCKET) {
            if (f.sock->phase != SO_UNCONNECTED)
                (void)la_abort(so->stack, f.sock->conn, so_now(so));
            so_sock_free(so, f.sock);
        } else if (f.kind == FILE_EPOLL) {
            so_epoll_free(f.ep);
            so_fd_drop(so, fd);
        }
    }
    free(so->files);
    free(so);
}
