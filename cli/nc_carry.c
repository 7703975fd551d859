/* nc_carry.c: bytes between a connection and standard input and output, with back-pressure both
 * ways, until both directions are closed and the close record is there. */
#include "cli/nc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_ROOM 4096U /* what a pipe that polls writable takes without blocking */

/* Writes what standard output takes now.  It may be shared with other programs, so it is not made
 * non-blocking; it is asked first, and given no more than it must have room for. */
static ssize_t write_some(const uint8_t *p, size_t n)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    struct stat st;
    size_t done = 0;

    if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode))
        return write(STDOUT_FILENO, p, n);
    if (S_ISSOCK(st.st_mode))
        return send(STDOUT_FILENO, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (done < n) {
        size_t part = n - done < PIPE_ROOM ? n - done : PIPE_ROOM;
        if (poll(&out, 1, 0) <= 0)
            break;
        ssize_t w = write(STDOUT_FILENO, p + done, part);
        if (w < 0 && done == 0)
            return -1;
        if (w < 0)
            break;
        done += (size_t)w;
    }
    if (done == 0)
        errno = EAGAIN;
    return done ? (ssize_t)done : -1;
}

/* ---- from the connection to standard output ---- */

static void pull(struct nc *n);

static void on_stdout(void *ctx, int fd, uint32_t events)
{
    struct nc *n = ctx;

    (void)events;
    la_loop_fd_del(n->loop, fd);
    n->out_watched = false;
    pull(n);
}

/* Nobody reads what we write: the connection ends too, with a RST, since bytes are unread. */
static void output_gone(struct nc *n, int error)
{
    n->output_failed = error;
    n->out_done = true;
    n->over = true;
}

static void give_back_if_done(struct nc *n)
{
    if (n->given_back || !n->out_done || !(n->in_shut || n->over))
        return;
    la_close(n->stack, n->conn, la_host_now());
    n->given_back = true;
    if (n->in_watched)
        la_loop_fd_mod(n->loop, STDIN_FILENO, 0);
}

/* Who types sees nothing happen, and may not know that it is for them to end it. */
static void tell_wait(const struct nc *n)
{
    bool typed = isatty(STDIN_FILENO);

    if (typed || n->verbose)
        fprintf(stderr, "lastack nc: the peer has closed; the end of input%s closes our side\n",
                typed ? " (^D)" : "");
}

static void pull(struct nc *n)
{
    struct la_span span;
    int err;

    while (n->open && !n->given_back && !n->out_done && !n->out_watched) {
        if (la_peek(n->stack, n->conn, &span, 1, &err) == 0) {
            n->out_done = n->over || (err != LA_EAGAIN && err != LA_ENOTCONN);
            if (n->out_done && err == LA_OK && !n->in_eof)
                tell_wait(n);
            break;
        }
        ssize_t w = write_some(span.p, span.n);
        if (w >= 0) {
            la_consume(n->stack, n->conn, (size_t)w, la_host_now());
        } else if (errno == EAGAIN) {
            n->out_watched =
                la_loop_fd_add(n->loop, STDOUT_FILENO, EPOLLOUT, on_stdout, n) == LA_OK;
            if (!n->out_watched)
                output_gone(n, EAGAIN);
        } else if (errno != EINTR) {
            output_gone(n, errno);
        }
    }
    give_back_if_done(n);
}

/* ---- from standard input to the connection ---- */

static void watch_input(struct nc *n, bool on)
{
    if (n->in_watched)
        la_loop_fd_mod(n->loop, STDIN_FILENO, on ? EPOLLIN : 0);
}

static void push(struct nc *n)
{
    if (!n->carrying || n->given_back || n->over)
        return;
    while (n->at < n->n) {
        int64_t r = la_send(n->stack, n->conn, n->buf + n->at, n->n - n->at, 0, la_host_now());
        if (r == LA_EAGAIN) {
            watch_input(n, false);
            return;
        }
        if (r < 0) {
            n->over = true;
            watch_input(n, false);
            pull(n);
            return;
        }
        n->at += (uint32_t)r;
    }
    if (!n->in_eof) {
        watch_input(n, true);
    } else if (!n->in_shut) {
        n->in_shut = true;
        la_shutdown(n->stack, n->conn, LA_SHUT_WR, la_host_now());
        give_back_if_done(n);
    }
}

static void on_stdin(void *ctx, int fd, uint32_t events)
{
    struct nc *n = ctx;
    ssize_t got;

    (void)events;
    if (n->at < n->n || n->in_eof)
        return;
    got = read(fd, n->buf, sizeof n->buf);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        n->input_failed = got < 0 && errno != EBADF ? errno : 0; /* EBADF: there was none */
        n->in_eof = true;
        n->in_watched = false;
        la_loop_fd_del(n->loop, fd);
        got = 0;
    }
    n->at = 0;
    n->n = (uint32_t)got;
    push(n);
}

/* ---- events ---- */

static void connected(struct nc *n)
{
    char local[LA_HOST_ENDPOINT_STRLEN], remote[LA_HOST_ENDPOINT_STRLEN];
    struct la_status st;

    if (n->carrying)
        return;
    n->carrying = true;
    if (n->verbose && la_status(n->stack, n->conn, &st) == LA_OK)
        fprintf(stderr, "lastack nc: connected: %s to %s\n", la_host_endpoint(&st.local, local),
                la_host_endpoint(&st.remote, remote));
    n->in_watched = la_loop_fd_add(n->loop, STDIN_FILENO, EPOLLIN, on_stdin, n) == LA_OK;
    if (!n->in_watched) {
        n->input_failed = ENOMEM;
        n->in_eof = true;
        push(n);
    }
}

static void accept_one(struct nc *n)
{
    if (la_accept(n->stack, n->listener, la_host_now(), &n->conn) < 0)
        return;
    n->open = true;
    n->listening = false;
    la_close(n->stack, n->listener, la_host_now());
    connected(n);
}

void nc_event(void *ctx, const struct la_event *ev)
{
    struct nc *n = ctx;

    if (n->listening && la_conn_eq(ev->conn, n->listener)) {
        accept_one(n);
        pull(n);
        return;
    }
    if (!n->open || n->given_back || !la_conn_eq(ev->conn, n->conn))
        return;
    if (ev->what & LA_EV_CONNECTED)
        connected(n);
    if (ev->what & LA_EV_WRITABLE)
        push(n);
    if (ev->what & LA_EV_CLOSED)
        n->over = true;
    if (ev->what & (LA_EV_READABLE | LA_EV_PEER_CLOSED | LA_EV_CLOSED))
        pull(n);
}

bool nc_done(void *ctx)
{
    struct nc *n = ctx;
    struct la_record r;

    if (!n->given_back)
        return false;
    while (!n->have_record && la_record_next(n->stack, &n->record_cursor, &r)) {
        n->have_record = la_conn_eq(r.conn, n->conn);
        n->record = r;
    }
    if (!n->have_record)
        return false;
    la_record_get(n->stack, n->record.serial, &n->record);
    return n->record.state == LA_CLOSED || !n->stay;
}
