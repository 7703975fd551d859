/* poll.c: what a socket is ready for, and poll. */
#include "sockets/private.h"

/* Room worth waking for: a third of the buffer (of what is in use, half as much). */
static bool writable(struct sockets *so, const struct sock *k, const struct la_status *st)
{
    int64_t size = 0;
    if (so_held_back(k, st))
        return false;
    (void)la_getopt(so->stack, k->conn, LA_OPT_SNDBUF, &size);
    return size - (int64_t)st->queued_out >= st->queued_out / 2 && size > st->queued_out;
}

/* Bytes that a read may count on, or the end of the stream. */
static bool readable(const struct sock *k, const struct la_status *st)
{
    uint32_t least = (uint32_t)k->opt.value[OPT_RCVLOWAT];
    /* A window that is full before the mark is reached is as good as the mark. */
    return st->queued_in >= least || (st->queued_in && st->rcv_wnd == 0);
}

uint32_t so_ready(struct sockets *so, struct sock *k)
{
    struct la_status st;
    uint32_t bits = 0;
    (void)so_status(so, k, &st);
    if (k->phase == SO_LISTENING)
        return st.queued_in ? EPOLLIN | EPOLLRDNORM : 0;
    bool over = st.state == LA_CLOSED || st.state == LA_TIME_WAIT;
    bool no_read = over || k->shut & LA_SHUT_RD || st.peer_closed;
    bool no_write = over || k->shut & LA_SHUT_WR;
    if (k->phase == SO_UNCONNECTED) { /* Linux: hung up, and a write would not block */
        no_read = (k->shut & LA_SHUT_RD) != 0;
        bits |= EPOLLHUP;
    } else if (over || (no_read && no_write)) {
        bits |= EPOLLHUP;
    }
    if (no_read)
        bits |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (st.state != LA_SYN_SENT && st.state != LA_SYN_RECEIVED) {
        if (readable(k, &st))
            bits |= EPOLLIN | EPOLLRDNORM;
        if (no_write || writable(so, k, &st))
            bits |= EPOLLOUT | EPOLLWRNORM;
        else
            (void)la_want_writable(so->stack, k->conn);
        if (st.urgent_byte)
            bits |= EPOLLPRI;
    }
    if (k->error)
        bits |= EPOLLERR;
    return bits;
}

static int look(struct sockets *so, struct pollfd *fds, nfds_t n)
{
    int ready = 0;
    for (nfds_t i = 0; i < n; i++) {
        struct sock *k = so_sock(so, fds[i].fd);
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        uint32_t wanted = (uint16_t)fds[i].events | (uint32_t)EPOLLERR | (uint32_t)EPOLLHUP;
        if (k)
            fds[i].revents = (short)(so_ready(so, k) & wanted);
        else if (!so_is(so, fds[i].fd))
            fds[i].revents = POLLNVAL;
        ready += fds[i].revents != 0;
    }
    return ready;
}

int so_poll(struct sockets *so, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    la_ns until = timeout_ms < 0 ? LA_NEVER : so_until(so, LA_MSEC((la_ns)timeout_ms));
    so_events(so);
    for (;;) {
        int ready = look(so, fds, n);
        if (ready)
            return ready;
        int why = so_wait(so, NULL, until);
        if (why)
            return why == -EAGAIN ? 0 : why;
    }
}
