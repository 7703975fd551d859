/* epoll.c: epoll with level and edge triggers and one-shots.
 *
 * As in Linux an item is put on the ready list whenever something that it asks for happens to its
 * socket, and is judged when epoll_wait looks: a level-triggered one stays on the list while it is
 * ready, an edge-triggered one comes back with the next event. */
#include "sockets/private.h"
#include <stdlib.h>

#define ALWAYS (EPOLLERR | EPOLLHUP)
#define KINDS (~(uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))

static struct epoll *get(const struct sockets *so, int fd, int *err)
{
    bool open = so_is(so, fd);
    *err = open ? -EINVAL : -EBADF;
    return open && so->files[fd].kind == FILE_EPOLL ? so->files[fd].ep : NULL;
}

static void list_add(struct ep_item *i)
{
    struct epoll *ep = i->ep;
    if (i->ready)
        return;
    i->ready = true;
    i->ready_next = NULL;
    i->ready_prev = ep->ready_tail;
    if (ep->ready_tail)
        ep->ready_tail->ready_next = i;
    else
        ep->ready_head = i;
    ep->ready_tail = i;
}

static void list_remove(struct ep_item *i)
{
    struct epoll *ep = i->ep;
    if (!i->ready)
        return;
    i->ready = false;
    if (i->ready_prev)
        i->ready_prev->ready_next = i->ready_next;
    else
        ep->ready_head = i->ready_next;
    if (i->ready_next)
        i->ready_next->ready_prev = i->ready_prev;
    else
        ep->ready_tail = i->ready_prev;
}

void so_notify(struct sock *k, uint32_t events)
{
    for (struct ep_item *i = k->watchers; i; i = i->next)
        if (i->armed & events)
            list_add(i);
}

static void item_free(struct ep_item *i)
{
    struct ep_item **at = &i->sock->watchers;
    list_remove(i);
    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    if (i->up)
        i->up->down = i->down;
    else
        i->ep->items = i->down;
    if (i->down)
        i->down->up = i->up;
    free(i);
}

void so_unwatch(struct sock *k)
{
    while (k->watchers)
        item_free(k->watchers);
}

void so_epoll_free(struct epoll *ep)
{
    while (ep->items)
        item_free(ep->items);
    free(ep);
}

int so_epoll_create1(struct sockets *so, int flags)
{
    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    struct epoll *ep = calloc(1, sizeof *ep);
    if (!ep)
        return -ENOMEM;
    int fd = so_fd_new(so, (struct file){.kind = FILE_EPOLL, .ep = ep});
    if (fd < 0)
        free(ep);
    else
        ep->fd = fd; /* and the descriptor has it */
    return fd;       // NOLINT(clang-analyzer-unix.Malloc): so_fd_new keeps it
}

static void arm(struct sockets *so, struct ep_item *i, const struct epoll_event *ev)
{
    i->ev = *ev;
    i->armed = (ev->events & KINDS) | ALWAYS;
    if (so_ready(so, i->sock) & i->armed)
        list_add(i);
}

static int add(struct sockets *so, struct epoll *ep, struct sock *k, const struct epoll_event *ev)
{
    struct ep_item *i = calloc(1, sizeof *i);
    if (!i)
        return -ENOMEM;
    i->ep = ep;
    i->sock = k;
    i->next = k->watchers;
    k->watchers = i;
    i->down = ep->items;
    if (ep->items)
        ep->items->up = i;
    ep->items = i;
    arm(so, i, ev);
    so_wake(so);
    return 0;
}

int so_epoll_ctl(struct sockets *so, int epfd, int op, int fd, const struct epoll_event *ev)
{
    int err;
    struct epoll *ep = get(so, epfd, &err);
    struct sock *k = so_sock(so, fd);
    if (!so_is(so, fd))
        return -EBADF;
    if (!ep)
        return err;
    if (!k)
        return epfd == fd ? -EINVAL : -EPERM; /* an epoll in an epoll is not supported */
    if (!ev && op != EPOLL_CTL_DEL)
        return -EFAULT;
    so_events(so);
    struct ep_item *i = k->watchers;
    while (i && i->ep != ep)
        i = i->next;
    switch (op) {
    case EPOLL_CTL_ADD:
        return i ? -EEXIST : add(so, ep, k, ev);
    case EPOLL_CTL_MOD:
        if (i)
            arm(so, i, ev);
        so_wake(so);
        return i ? 0 : -ENOENT;
    case EPOLL_CTL_DEL:
        if (i)
            item_free(i);
        return i ? 0 : -ENOENT;
    default:
        return -EINVAL;
    }
}

/* Takes up to `max` events off the ready list. */
static int harvest(struct sockets *so, struct epoll *ep, struct epoll_event *evs, int max)
{
    struct ep_item *last = ep->ready_tail, *i = ep->ready_head;
    int n = 0;
    while (i && n < max) {
        struct ep_item *next = i == last ? NULL : i->ready_next;
        uint32_t now = so_ready(so, i->sock) & i->armed;
        list_remove(i);
        if (now) {
            evs[n++] = (struct epoll_event){.events = now, .data = i->ev.data};
            if (i->ev.events & EPOLLONESHOT)
                i->armed = 0;
            else if (!(i->ev.events & EPOLLET))
                list_add(i); /* behind the others: nobody starves */
        }
        i = next;
    }
    return n;
}

int so_epoll_wait(struct sockets *so, int epfd, struct epoll_event *evs, int max, int timeout_ms)
{
    int err;
    struct epoll *ep = get(so, epfd, &err);
    if (!ep)
        return err;
    if (max <= 0)
        return -EINVAL;
    la_ns until = timeout_ms < 0 ? LA_NEVER : so_until(so, LA_MSEC((la_ns)timeout_ms));
    so_events(so);
    for (;;) {
        int n = harvest(so, ep, evs, max);
        if (n)
            return n;
        int why = so_wait(so, NULL, until);
        if (why)
            return why == -EAGAIN ? 0 : why;
        if (!(ep = get(so, epfd, &err))) /* closed, or closed and another in its place */
            return err;
    }
}
