/* listener.h: LISTEN: a local socket, its backlog, and the connections that wait for accept. */
#ifndef LA_TCP_LISTENER_H
#define LA_TCP_LISTENER_H

#include "tcp/options.h"
#include "tcp/tuple.h"
#include <lastack/tcp.h>

struct tcp;

struct listener {
    uint32_t free_link; /* the pool's */
    uint32_t self, generation;
    uint32_t port_next;  /* chain of listeners whose ports hash alike */
    struct la_addr addr; /* :: both families; 0.0.0.0 mapped: IPv4 only */
    uint16_t port;
    int16_t ifx;
    uint32_t backlog;
    uint32_t waiting; /* connections to accept, linked through tcb.acc_next */
    uint32_t acc_head, acc_tail;
    uint32_t embryos; /* its half-open connections */
    struct ev_link ev;
    bool open;
    la_ns since;
    void *user;
    struct options opt;
};

#define LISTENER_BUCKETS 64

/* The open listener for this destination, 0 if none; there is one at most, since listener_add lets
 * no two overlap.  ifx -1: on whatever link.  An any as `local` finds one that overlaps it. */
uint32_t listener_find(const struct tcp *tcp, const struct la_addr *local, uint16_t port,
                       int16_t ifx);
/* A new open listener from the pool, in its port's chain; what is not an argument is zero.
 * LA_EADDRINUSE if an open listener has the same address (or an overlapping any) and port, on the
 * same link where both name one; LA_ENOMEM. */
int listener_add(struct tcp *tcp, const struct la_addr *addr, uint16_t port, int16_t ifx,
                 uint32_t *index);
/* Out of its chain and back to the pool, its handle refused from now on.  Its queues are empty, and
 * it is on no event list. */
void listener_remove(struct tcp *tcp, uint32_t index);

#endif
