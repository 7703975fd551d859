/* loop.c: one stack, its devices and the program's descriptors on epoll and a timerfd.
 *
 * A turn: time (la_expire), events to the program, frames out, then sleep; what woke us is served
 * in bounded batches, so that no device and no descriptor starves another.
 *
 * Invariants: the timerfd is never armed later than the next deadline, and rearmed only when it
 * must fire earlier, so a connection whose deadline moves with each segment costs no system call.
 * An entry that a callback deletes stays in memory until its turn is over. */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOP_DEVS 8
#define RX_BATCH 64     /* frames from one device in one turn */
#define TX_BATCH 256    /* frames to one device in one turn */
#define LAST_BATCHES 64 /* of TX_BATCH, when the loop ends */
#define EVENT_BATCH 1024
#define WAKEUPS 64

enum watch_kind { WATCH_DEV, WATCH_FD, WATCH_TIMER, WATCH_STOP };

struct watch {
    enum watch_kind kind;
    int fd;
    uint32_t events; /* wanted; 0: not in the epoll set */
    bool always;     /* a regular file: ready whenever wanted */
    bool dead;
    la_fd_fn *fn;
    void *ctx;
    struct watch *next;
};

struct loop_dev {
    struct watch w; /* kind WATCH_DEV */
    struct la_dev *d;
    int ifx, capture_if;
    struct la_pcap *capture;
};

struct la_loop {
    struct la_stack *s;
    int ep;
    struct watch timer, stop;
    la_ns armed; /* when the timerfd fires, LA_NEVER if it will not */
    la_ns now;
    bool running, stopping, failed;
    int ndev;
    struct loop_dev dev[LOOP_DEVS];
    struct watch *fds;
    void (*on_event)(void *ctx, const struct la_event *ev);
    void *event_ctx;
};

/* Puts a watch's wish into the epoll set.  No wish means no membership: EPOLLHUP would wake us for
 * ever otherwise. */
static int watch_set(struct la_loop *l, struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};
    int op = events == 0 ? EPOLL_CTL_DEL : w->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == w->events)
        return LA_OK;
    if (!w->always && epoll_ctl(l->ep, op, w->fd, &e) < 0) {
        if (errno != EPERM)
            return errno == ENOMEM || errno == ENOSPC ? LA_ENOMEM : LA_EINVAL;
        w->always = true;
    }
    w->events = events;
    return LA_OK;
}

int la_loop_new(struct la_stack *s, struct la_loop **out)
{
    struct la_loop *l = calloc(1, sizeof *l);

    if (!l)
        return LA_ENOMEM;
    l->s = s;
    l->armed = LA_NEVER;
    l->ep = epoll_create1(EPOLL_CLOEXEC);
    l->timer.kind = WATCH_TIMER;
    l->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    l->stop.kind = WATCH_STOP;
    l->stop.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->ep < 0 || l->timer.fd < 0 || l->stop.fd < 0 || watch_set(l, &l->timer, EPOLLIN) < 0 ||
        watch_set(l, &l->stop, EPOLLIN) < 0) {
        la_loop_free(l);
        return LA_ENOMEM;
    }
    *out = l;
    return LA_OK;
}

static void sweep(struct la_loop *l, bool all)
{
    for (struct watch **at = &l->fds; *at;) {
        struct watch *w = *at;
        if (!w->dead && !all) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        free(w);
    }
}

void la_loop_free(struct la_loop *l)
{
    if (!l)
        return;
    sweep(l, true);
    if (l->timer.fd >= 0)
        close(l->timer.fd);
    if (l->stop.fd >= 0)
        close(l->stop.fd);
    if (l->ep >= 0)
        close(l->ep);
    free(l);
}

int la_loop_dev_add(struct la_loop *l, struct la_dev *d, int ifx, struct la_pcap *capture)
{
    struct loop_dev *v = &l->dev[l->ndev];
    struct la_if_config c;

    if (l->ndev == LOOP_DEVS)
        return LA_ENOMEM;
    *v = (struct loop_dev){.d = d, .ifx = ifx, .capture = capture};
    v->w = (struct watch){.kind = WATCH_DEV, .fd = la_dev_fd(d), .ctx = v};
    if (capture) {
        la_dev_if_config(d, &c);
        v->capture_if = la_pcap_interface(capture, la_dev_name(d), c.link);
    }
    int rc = watch_set(l, &v->w, EPOLLIN);
    if (rc == LA_OK)
        l->ndev++;
    return rc;
}

void la_loop_on_event(struct la_loop *l, void (*fn)(void *ctx, const struct la_event *ev),
                      void *ctx)
{
    l->on_event = fn;
    l->event_ctx = ctx;
}

static struct watch *find(struct la_loop *l, int fd)
{
    struct watch *w = l->fds;

    while (w && (w->dead || w->fd != fd))
        w = w->next;
    return w;
}

int la_loop_fd_add(struct la_loop *l, int fd, uint32_t events, la_fd_fn *fn, void *ctx)
{
    struct watch *w;
    int rc;

    if (find(l, fd))
        return LA_EINVAL;
    w = calloc(1, sizeof *w);
    if (!w)
        return LA_ENOMEM;
    w->kind = WATCH_FD;
    w->fd = fd;
    w->fn = fn;
    w->ctx = ctx;
    rc = watch_set(l, w, events);
    if (rc < 0) {
        free(w);
        return rc;
    }
    w->next = l->fds;
    l->fds = w;
    return LA_OK;
}

int la_loop_fd_mod(struct la_loop *l, int fd, uint32_t events)
{
    struct watch *w = find(l, fd);

    return w ? watch_set(l, w, events) : LA_EINVAL;
}

void la_loop_fd_del(struct la_loop *l, int fd)
{
    struct watch *w = find(l, fd);

    if (!w)
        return;
    watch_set(l, w, 0);
    w->dead = true;
    if (!l->running)
        sweep(l, false);
}

void la_loop_stop(struct la_loop *l)
{
    uint64_t one = 1;
    int e = errno;

    if (write(l->stop.fd, &one, sizeof one) < 0) {
        /* full: it is already told to stop */
    }
    errno = e;
}

/* ---- frames ---- */

static void receive(struct la_loop *l, struct loop_dev *v)
{
    struct la_frame f;

    for (int i = 0; i < RX_BATCH && la_dev_recv(v->d, &f); i++) {
        if (v->capture)
            la_pcap_begin(v->capture);
        la_rx(l->s, v->ifx, &f, l->now);
        if (v->capture)
            la_pcap_frame(v->capture, v->capture_if, false, &f, l->now);
    }
    if (v->d->gone)
        l->failed = true;
}

/* Sends what the interface has to say; true when the batch ended before that did. */
static bool transmit(struct la_loop *l, struct loop_dev *v)
{
    struct la_frame f;

    for (int i = 0; i < TX_BATCH; i++) {
        if (!la_dev_flush(v->d)) {
            watch_set(l, &v->w, EPOLLIN | EPOLLOUT);
            return false;
        }
        if (v->capture)
            la_pcap_begin(v->capture);
        bool one = la_tx(l->s, v->ifx, &f, l->now);
        if (v->capture)
            la_pcap_frame(v->capture, v->capture_if, true, one ? &f : NULL, l->now);
        if (!one) {
            watch_set(l, &v->w, EPOLLIN);
            return false;
        }
        la_dev_send(v->d, &f);
    }
    return true;
}

/* ---- a turn ---- */

static int tell(struct la_loop *l)
{
    struct la_event ev;
    int n = 0;

    while (l->on_event && n < EVENT_BATCH && la_next_event(l->s, &ev)) {
        l->on_event(l->event_ctx, &ev);
        n++;
    }
    return n;
}

static bool transmit_all(struct la_loop *l)
{
    bool more = false;

    for (int i = 0; i < l->ndev; i++)
        if (transmit(l, &l->dev[i]))
            more = true;
    return more;
}

/* Everything that is due now; true when there is more of it. */
static bool work(struct la_loop *l)
{
    bool more;

    l->now = la_host_now();
    if (la_deadline(l->s) <= l->now)
        la_expire(l->s, l->now);
    tell(l);
    more = transmit_all(l);
    return tell(l) > 0 || more;
}

static void arm(struct la_loop *l, la_ns when)
{
    struct itimerspec t = {
        .it_value = {.tv_sec = (time_t)(when / LA_SEC(1)), .tv_nsec = (long)(when % LA_SEC(1))}};

    if (when >= l->armed)
        return;
    if (timerfd_settime(l->timer.fd, TFD_TIMER_ABSTIME, &t, NULL) == 0)
        l->armed = when;
}

static void serve(struct la_loop *l, struct watch *w, uint32_t events)
{
    uint64_t n;

    switch (w->kind) {
    case WATCH_DEV:
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            receive(l, w->ctx);
        break;
    case WATCH_FD:
        if (!w->dead && w->events)
            w->fn(w->ctx, w->fd, events);
        break;
    case WATCH_TIMER:
        if (read(w->fd, &n, sizeof n) > 0)
            l->armed = LA_NEVER;
        break;
    case WATCH_STOP:
        if (read(w->fd, &n, sizeof n) > 0)
            l->stopping = true;
        break;
    }
}

/* Descriptors that epoll does not take are ready whenever they are wanted. */
static bool serve_always(struct la_loop *l, bool really)
{
    bool any = false;

    for (struct watch *w = l->fds; w; w = w->next) {
        if (w->dead || !w->always || !w->events)
            continue;
        any = true;
        if (really)
            w->fn(w->ctx, w->fd, w->events);
    }
    return any;
}

static int wait_and_serve(struct la_loop *l, bool at_once)
{
    struct epoll_event e[WAKEUPS];
    int n = epoll_wait(l->ep, e, WAKEUPS, at_once ? 0 : -1);

    if (n < 0)
        return errno == EINTR ? LA_OK : LA_EOPNOTSUPP;
    l->now = la_host_now();
    for (int i = 0; i < n; i++)
        serve(l, e[i].data.ptr, e[i].events);
    serve_always(l, true);
    sweep(l, false);
    return l->failed ? LA_EOPNOTSUPP : LA_OK;
}

static int run(struct la_loop *l, bool (*done)(void *ctx), void *ctx, la_ns deadline)
{
    for (bool served = false;; served = true) {
        bool more = work(l);
        if (l->stopping) {
            l->stopping = false;
            return LA_EAGAIN;
        }
        if (done && done(ctx)) {
            for (int i = 0; i < LAST_BATCHES && transmit_all(l); i++)
                ;
            return LA_OK;
        }
        if (deadline <= l->now && served)
            return LA_ETIMEDOUT;

        la_ns next = la_deadline(l->s);
        if (next > deadline)
            next = deadline;
        if (next <= l->now || serve_always(l, false))
            more = true;
        if (!more) {
            arm(l, next);
            for (int i = 0; i < l->ndev; i++)
                if (l->dev[i].capture)
                    la_pcap_flush(l->dev[i].capture);
        }
        int rc = wait_and_serve(l, more);
        if (rc < 0)
            return rc;
    }
}

int la_loop_run(struct la_loop *l, bool (*done)(void *ctx), void *ctx, la_ns deadline)
{
    int rc;

    if (l->running)
        return LA_EINVAL;
    l->running = true;
    rc = run(l, done, ctx, deadline);
    l->running = false;
    sweep(l, false);
    return rc;
}
