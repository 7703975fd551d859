/* receive.c: read, recv and recvmsg, and the ioctls that ask what there is to read or to send. */
#include "sockets/private.h"
#include <limits.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define BLOCK 4096U /* the core's spans are of this size at least, but for the ends */

/* A reader's place in the program's vectors. */
struct place {
    const struct iovec *v;
    size_t count, at; /* at: bytes of *v that are filled */
    bool discard;     /* MSG_TRUNC: bytes are counted and not stored */
};

static size_t next_room(struct place *p)
{
    while (p->count && p->at == p->v->iov_len) {
        p->v++;
        p->count--;
        p->at = 0;
    }
    return p->count ? p->v->iov_len - p->at : 0;
}

static void put(struct place *p, const uint8_t *from, size_t n)
{
    while (n) {
        size_t room = next_room(p), k = room < n ? room : n;
        if (!p->discard)
            memcpy((uint8_t *)p->v->iov_base + p->at, from, k);
        p->at += k;
        from += k;
        n -= k;
    }
}

/* Hands out up to n bytes from `skip` on, in place; how many, or a negative la_err. */
static int64_t look(struct sockets *so, const struct sock *k, struct place *p, size_t skip,
                    size_t n)
{
    int max = (int)((skip + n < (1U << 30) ? skip + n : (1U << 30)) / BLOCK + 3), err;
    struct la_span *spans = malloc((size_t)max * sizeof *spans);
    if (!spans)
        return LA_ENOMEM;
    int count = la_peek(so->stack, k->conn, spans, max, &err);
    size_t done = 0;
    for (int i = 0; i < count && done < n; i++) {
        size_t from = spans[i].n < skip ? spans[i].n : skip, len = spans[i].n - from;
        skip -= from;
        if (len > n - done)
            len = n - done;
        put(p, spans[i].p + from, len);
        done += len;
    }
    free(spans);
    return done ? (int64_t)done : err;
}

static int64_t take(struct sockets *so, const struct sock *k, struct place *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t room = next_room(p);
        int64_t got;
        if (room > n - done)
            room = n - done;
        if (p->discard) {
            got = look(so, k, p, 0, room);
            if (got > 0)
                (void)la_consume(so->stack, k->conn, (size_t)got, so_now(so));
        } else {
            got = la_recv(so->stack, k->conn, (uint8_t *)p->v->iov_base + p->at, room, so_now(so));
            p->at += got > 0 ? (size_t)got : 0;
        }
        if (got <= 0)
            return done ? (int64_t)done : got;
        done += (size_t)got;
        if ((size_t)got < room) /* no more, or the urgent mark, where every reader stops */
            break;
    }
    return (int64_t)done;
}

static size_t length(const struct iovec *v, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += v[i].iov_len;
    return n;
}

/* What a read says that found nothing. */
static int nothing(struct sockets *so, struct sock *k, const struct la_status *st)
{
    (void)so;
    if (k->phase == SO_UNCONNECTED)
        return so_take_error(k, k->shut & LA_SHUT_RD ? 0 : -ENOTCONN);
    if (k->error)
        return so_take_error(k, 0);
    if (k->shut & LA_SHUT_RD || k->ended || st->peer_closed || st->state == LA_CLOSED ||
        st->state == LA_TIME_WAIT)
        return 0;
    return -EAGAIN;
}

static ssize_t receive_oob(struct sockets *so, struct sock *k, struct place *p, int flags,
                           int *out_flags)
{
    struct la_status st;
    uint8_t byte;
    if (!so_status(so, k, &st))
        return -ENOTCONN;
    int err = flags & MSG_PEEK ? la_peek_urgent(so->stack, k->conn, &byte)
                               : la_recv_urgent(so->stack, k->conn, &byte);
    if (err == LA_EAGAIN)
        return st.peer_closed || k->ended ? 0 : -EAGAIN;
    if (err)
        return -EINVAL;
    *out_flags |= MSG_OOB;
    if (next_room(p) == 0) {
        *out_flags |= MSG_TRUNC;
        return 0;
    }
    put(p, &byte, 1);
    return 1;
}

/* The one way bytes come in.  `done` counts over waits, for MSG_WAITALL and SO_RCVLOWAT. */
static ssize_t receive(struct sockets *so, int fd, struct place p, int flags, int *out_flags)
{
    struct sock *k = so_sock(so, fd);
    struct la_status st;
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    if (flags & MSG_ERRQUEUE)
        return -EAGAIN;
    so_events(so);
    if (k->phase == SO_LISTENING)
        return -ENOTCONN;
    p.discard = (flags & MSG_TRUNC) != 0;
    if (flags & MSG_OOB)
        return receive_oob(so, k, &p, flags, out_flags);
    size_t want = length(p.v, p.count), done = 0;
    size_t least = flags & MSG_WAITALL ? want : (size_t)k->opt.value[OPT_RCVLOWAT];
    if (least > want)
        least = want;
    if (least == 0)
        least = 1;
    bool peek = (flags & MSG_PEEK) != 0;
    la_ns until = k->nonblock || flags & MSG_DONTWAIT ? 0 : so_until(so, k->opt.rcvtimeo);
    for (;;) {
        int64_t got = 0;
        size_t n = want - done;
        if (so_status(so, k, &st) && st.before_mark && st.before_mark < n)
            n = st.before_mark; /* in line too, a read ends before the urgent byte */
        if (k->phase != SO_UNCONNECTED && n)
            got = peek ? look(so, k, &p, done, n) : take(so, k, &p, n);
        done += got > 0 ? (size_t)got : 0;
        (void)so_status(so, k, &st);
        if (done >= least || (done && st.at_mark))
            return (ssize_t)done;
        int why = want == 0 && st.queued_in ? 0 : nothing(so, k, &st);
        if (why != -EAGAIN) {
            if (done && why < 0)
                k->error = -why; /* for the next call */
            return done ? (ssize_t)done : why;
        }
        why = so_wait(so, &k, until);
        if (why)
            return done ? (ssize_t)done : why;
    }
}

/* ---- the calls ---- */

ssize_t so_recvfrom(struct sockets *so, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                    socklen_t *len)
{
    struct iovec v = {p, n};
    int out = 0;
    ssize_t r = receive(so, fd, (struct place){.v = &v, .count = 1}, flags, &out);
    if (r >= 0 && addr && len)
        *len = 0; /* a stream has one peer, whom getpeername names */
    return r;
}

ssize_t so_recv(struct sockets *so, int fd, void *p, size_t n, int flags)
{
    return so_recvfrom(so, fd, p, n, flags, NULL, NULL);
}

ssize_t so_read(struct sockets *so, int fd, void *p, size_t n)
{
    if (!so_sock(so, fd) && so_is(so, fd))
        return -EINVAL;
    return n ? so_recvfrom(so, fd, p, n, 0, NULL, NULL) : so_is(so, fd) ? 0 : -EBADF;
}

ssize_t so_readv(struct sockets *so, int fd, const struct iovec *v, int count)
{
    int out = 0;
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    return receive(so, fd, (struct place){.v = v, .count = (size_t)count}, 0, &out);
}

/* TCP_INQ: how many bytes are left after this call, in a control message. */
static void tell_inq(struct sockets *so, const struct sock *k, struct msghdr *m, size_t room)
{
    struct la_status st;
    struct cmsghdr *c = m->msg_control;
    if (!c || room < CMSG_SPACE(sizeof(int))) {
        m->msg_flags |= MSG_CTRUNC;
        return;
    }
    (void)so_status(so, k, &st);
    int inq = (int)st.queued_in;
    if (!inq && (st.peer_closed || k->ended))
        inq = 1; /* the end of the stream counts, as it makes readable */
    c->cmsg_level = IPPROTO_TCP;
    c->cmsg_type = TCP_CM_INQ;
    c->cmsg_len = CMSG_LEN(sizeof inq);
    memcpy(CMSG_DATA(c), &inq, sizeof inq);
    m->msg_controllen = CMSG_SPACE(sizeof inq);
}

ssize_t so_recvmsg(struct sockets *so, int fd, struct msghdr *m, int flags)
{
    if (m->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    size_t room = m->msg_controllen;
    struct place p = {.v = m->msg_iov, .count = m->msg_iovlen};
    m->msg_flags = 0;
    ssize_t r = receive(so, fd, p, flags, &m->msg_flags);
    if (r < 0)
        return r;
    m->msg_namelen = 0;
    m->msg_controllen = 0;
    const struct sock *k = so_sock(so, fd);
    if (k && k->opt.value[OPT_INQ] && !(flags & MSG_OOB))
        tell_inq(so, k, m, room);
    return r;
}

/* ---- ioctl ---- */

static int inq(const struct la_status *st, uint8_t phase, int *answer)
{
    if (phase == SO_LISTENING)
        return -EINVAL;
    *answer = (int)(st->before_mark < st->queued_in ? st->before_mark : st->queued_in);
    return 0;
}

int so_ioctl(struct sockets *so, int fd, unsigned long request, void *arg)
{
    struct la_status st;
    struct sock *k = so_sock(so, fd);
    int *answer = arg;
    if (!so_is(so, fd))
        return -EBADF;
    if (!k)
        return -ENOTTY;
    (void)so_status(so, k, &st);
    bool opening = st.state == LA_SYN_SENT || st.state == LA_SYN_RECEIVED;
    switch (request) {
    case FIONREAD: /* SIOCINQ */
        return inq(&st, k->phase, answer);
    case TIOCOUTQ: /* SIOCOUTQ */
        if (k->phase == SO_LISTENING)
            return -EINVAL;
        *answer = opening ? 0 : (int)(st.write_seq - st.snd_una);
        return 0;
    case SIOCOUTQNSD:
        if (k->phase == SO_LISTENING)
            return -EINVAL;
        *answer = opening ? 0 : (int)(st.write_seq - st.snd_nxt);
        return 0;
    case FIONBIO:
        k->nonblock = *answer != 0;
        return 0;
    case SIOCATMARK:
        *answer = st.at_mark;
        return 0;
    default:
        return -ENOTTY;
    }
}
