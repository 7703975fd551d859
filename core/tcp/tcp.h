/* tcp.h: all connections of a stack: pools, table, timers, queues, and the doors that core/stack/
 * uses. */
#ifndef LA_TCP_TCP_H
#define LA_TCP_TCP_H

#include "base/heap.h"
#include "base/pool.h"
#include "net/net.h"
#include "tcp/conntab.h"
#include "tcp/embryo.h"
#include "tcp/listener.h"
#include "tcp/record.h"
#include "tcp/ref.h"
#include "tcp/rest.h"
#include "tcp/tcb.h"
#include "tcp/timewait.h"
#include "wire/tcp.h"
#include <lastack/tcp.h>
#include <lastack/trace.h>
#include <stddef.h>

enum tcp_rule {
#define RULE(id, section, text) R_##id,
#include "tcp/rules.def"
#undef RULE
    R_COUNT
};

/* A FIFO of tcbs, linked through q_prev and q_next. */
struct tcb_list {
    struct tcb *head, *tail;
};

#define TCP_ANSWERS 64U

/* What a program's handle names: stays while its connection is packed and woken. */
struct conn_slot {
    uint32_t rest; /* index of what it is packed into, while it is (and the pool's free link) */
    uint32_t generation;
    struct tcb *tcb; /* NULL: it rests, or the slot is free */
};

struct tcp {
    const struct la_config *cfg;
    struct mem *mem;
    struct net *net;
    uint64_t *rules;         /* R_COUNT counts */
    struct options defaults; /* of connections and listeners to come */
    struct pool tcbs, embryos, listeners, slots;
    struct rests rests;
    struct blocks *blocks;
    struct pool *ranges;
    struct conntab tab;
    struct tcb *recent; /* that the last segment was for, in the table or not any more; or NULL */
    struct timewait tw;
    struct records records;
    struct heap timers;               /* of refs: tcbs and embryos */
    uint32_t ports[LISTENER_BUCKETS]; /* listeners by port */
    struct tcb_list ready[NET_IFS];
    struct tcb_list waiting;           /* for a neighbour */
    uint32_t wait_epoch;               /* net_epoch() when `waiting` was last looked at */
    struct ev_link *ev_head, *ev_tail; /* of tcbs and listeners with events */
    uint32_t handles;                  /* connections that a program holds */
    uint64_t sip_counter;
    struct sipkey key_isn, key_ts, key_port, key_cookie;
    la_ns answered[TCP_ANSWERS]; /* by hash: when a pure ACK to an embryo or to TIME-WAIT last drew
                                    one */
    la_ns cookie_at;             /* when the last SYN cookie was sent; LA_NEVER: none ever was */
    uint32_t rng_port;           /* RFC 6056 algorithm 4's table offset */
    uint32_t burst;              /* frames that the connection at the head has sent in a row */
    uint8_t hdr[NET_L2_MAX + IPV6_HLEN + TCP_HLEN_MAX +
                6]; /* the header of the frame that tcp_tx made last */
};

#define CONN_LISTENER 0x80000000U /* set in la_conn.index of a listener */

static inline struct tcb *tcb_at(const struct tcp *tcp, uint32_t i)
{
    return pool_at(&tcp->tcbs, i);
}
static inline struct conn_slot *conn_slot_at(const struct tcp *tcp, uint32_t i)
{
    return pool_at(&tcp->slots, i);
}
static inline struct embryo *embryo_at(const struct tcp *tcp, uint32_t i)
{
    return pool_at(&tcp->embryos, i);
}
static inline struct listener *listener_at(const struct tcp *tcp, uint32_t i)
{
    return pool_at(&tcp->listeners, i);
}

/* Whose place in the queue of events it is. */
static inline struct tcb *ev_tcb(struct ev_link *e)
{
    return (struct tcb *)(void *)((char *)e - offsetof(struct tcb, ev));
}
static inline struct listener *ev_listener(struct ev_link *e)
{
    return (struct listener *)(void *)((char *)e - offsetof(struct listener, ev));
}

/* Can a connection go from one state to the other?  RFC 9293's Figure 5 as this stack has it, for
 * pictures and tests.  state.c */
bool tcp_edge(enum la_state from, enum la_state to);

/* A listener entered LISTEN or left it: the trace hears.  Its remote end is no address.  trace.c */
void trace_listener(struct tcp *tcp, const struct listener *l, enum la_state from, enum la_state to,
                    la_ns now);

/* The trace hears of a rule, with the connection it is about (t may be NULL).  trace.c */
__attribute__((cold, noinline)) void trace_rule(struct tcp *tcp, const struct tcb *t,
                                                enum tcp_rule r, la_ns now);

/* Counts a rule. */
__attribute__((always_inline)) static inline void tcp_rule(struct tcp *tcp, const struct tcb *t,
                                                           enum tcp_rule r, la_ns now)
{
    tcp->rules[r]++;
    if (tcp->cfg->trace)
        trace_rule(tcp, t, r, now);
}

#endif
