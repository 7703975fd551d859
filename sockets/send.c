/* send.c: write, send and sendmsg. */
#include "sockets/private.h"
#include <limits.h>

struct source {
    const struct iovec *v;
    size_t count, at;
};

static size_t left_of(const struct source *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->v[i].iov_len;
    return n - s->at;
}

/* Before ESTABLISHED a send waits; where no connection can come of it, it fails. */
static int can_send(struct sockets *so, struct sock *k, const struct la_status *st)
{
    (void)so;
    if (k->error)
        return so_take_error(k, 0);
    if (k->phase == SO_UNCONNECTED || k->phase == SO_LISTENING || k->ended || k->shut & LA_SHUT_WR)
        return -EPIPE;
    if (st->state == LA_SYN_SENT || st->state == LA_SYN_RECEIVED)
        return -EAGAIN;
    return 0;
}

bool so_held_back(const struct sock *k, const struct la_status *st)
{
    uint32_t wnd = st->cwnd < st->snd_wnd ? st->cwnd : st->snd_wnd;
    uint32_t leaves = wnd > st->outstanding ? wnd - st->outstanding : 0;
    leaves -= st->mss ? leaves % st->mss : 0;
    uint32_t unsent = st->unsent > leaves ? st->unsent - leaves : 0;
    return k->opt.notsent_lowat && unsent >= k->opt.notsent_lowat;
}

/* With TCP_NOTSENT_LOWAT Linux looks before each of its buffers, and fills that: a superframe, or
 * half of the peer's window. */
static size_t piece(const struct sock *k, const struct la_status *st, size_t n)
{
    size_t most = st->snd_wnd / 2 < 65536 ? st->snd_wnd / 2 : 65536;
    if (!k->opt.notsent_lowat || !st->mss)
        return n;
    most = most < st->mss ? st->mss : most - most % st->mss;
    return n < most ? n : most;
}

/* One piece; how much was taken, or a negative errno. */
static int64_t push(struct sockets *so, struct sock *k, struct source *s,
                    const struct la_status *st, unsigned flags)
{
    while (s->count && s->at == s->v->iov_len) {
        s->v++;
        s->count--;
        s->at = 0;
    }
    size_t all = s->v->iov_len - s->at, n = piece(k, st, all);
    bool last = s->count == 1 && n == all;
    unsigned f = last ? flags : flags & ~(unsigned)LA_SEND_URGENT;
    if (!last)
        f |= LA_SEND_MORE;
    int64_t took =
        la_send(so->stack, k->conn, (const uint8_t *)s->v->iov_base + s->at, n, f, so_now(so));
    if (took > 0)
        s->at += (size_t)took;
    return took < 0 ? -so_errno((int)took) : took;
}

static ssize_t transmit(struct sockets *so, int fd, struct source s, int flags)
{
    struct sock *k = so_sock(so, fd);
    struct la_status st;
    size_t done = 0, all = left_of(&s);
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    so_events(so);
    if (flags & MSG_FASTOPEN)
        return -EOPNOTSUPP;
    unsigned how = (flags & MSG_MORE ? LA_SEND_MORE : 0U) | (flags & MSG_OOB ? LA_SEND_URGENT : 0U);
    la_ns until = k->nonblock || flags & MSG_DONTWAIT ? 0 : so_until(so, k->opt.sndtimeo);
    for (;;) {
        (void)so_status(so, k, &st);
        int64_t r = can_send(so, k, &st);
        if (r == 0 && done == all)
            return (ssize_t)done;
        if (r == 0)
            r = so_held_back(k, &st) ? -EAGAIN : push(so, k, &s, &st, how);
        if (r > 0)
            done += (size_t)r;
        if (r > 0)
            continue;
        if (r != -EAGAIN) {
            if (done && r != -EPIPE)
                k->error = (int)-r;
            return done ? (ssize_t)done : (ssize_t)r;
        }
        (void)la_want_writable(so->stack, k->conn);
        int why = so_wait(so, &k, until);
        if (why)
            return done ? (ssize_t)done : why;
    }
}

ssize_t so_sendto(struct sockets *so, int fd, const void *p, size_t n, int flags,
                  const struct sockaddr *addr, socklen_t len)
{
    struct iovec v = {(void *)(uintptr_t)p, n};
    (void)addr; /* a stream has one peer */
    (void)len;
    return transmit(so, fd, (struct source){&v, 1, 0}, flags);
}

ssize_t so_send(struct sockets *so, int fd, const void *p, size_t n, int flags)
{
    return so_sendto(so, fd, p, n, flags, NULL, 0);
}

ssize_t so_write(struct sockets *so, int fd, const void *p, size_t n)
{
    if (!so_sock(so, fd) && so_is(so, fd))
        return -EINVAL;
    return so_sendto(so, fd, p, n, 0, NULL, 0);
}

ssize_t so_writev(struct sockets *so, int fd, const struct iovec *v, int count)
{
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    return transmit(so, fd, (struct source){v, (size_t)count, 0}, 0);
}

ssize_t so_sendmsg(struct sockets *so, int fd, const struct msghdr *m, int flags)
{
    if (m->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    return transmit(so, fd, (struct source){m->msg_iov, m->msg_iovlen, 0}, flags);
}
