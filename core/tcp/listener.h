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
    uint32_t port_next; /* chain of listeners whose ports hash alike */
    struct la_addr addr; /* :: both families; 0.0.0.0 mapped: IPv4 only */
    uint16_t port;
    int16_t ifx;
    uint32_t backlog;
    uint32_t waiting;   /* connections to accept, linked through tcb.acc_next */
    uint32_t acc_head, acc_tail;
    uint32_t embryos;   /* its half-open connections */
    uint32_t ev_next;   /* event queue */
    uint32_t ev_bits;
    bool ev_queued, open;
    la_ns since;
    void *user;
    struct options opt;
};

#define LISTENER_BUCKETS 64

/* The most exact open listener for this destination: address and family before any; 0 if none. */
uint32_t listener_find(const struct tcp *tcp, const struct la_addr *local, uint16_t port, int16_t ifx);
/* LA_EADDRINUSE if an open listener has the same address (or an overlapping any) and port. */
int listener_add(struct tcp *tcp, const struct la_addr *addr, uint16_t port, int16_t ifx, uint32_t *index);
void listener_remove(struct tcp *tcp, uint32_t index);

#endif
