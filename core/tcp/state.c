/* state.c: the edges of RFC 9293's Figure 5, and the one writer of a connection's state (§3.3.2).
 * Invariant: every change, of whatever type has the state, is an edge of the table below. */
#include "tcp/spine.h"

#define TO(s) (1U << LA_##s)

/* Figure 5 with its notes, and the way to CLOSED that a RST, a timeout or an abort opens from every
 * state.  LISTEN belongs to the listener's own type, and so does what leads there; SYN-RECEIVED
 * from LISTEN is an embryo until it is promoted.  Of the figure one edge is missing, LISTEN to
 * SYN-SENT: SEND on a listener is no call of ours. */
static const uint16_t edges[LA_STATES] = {
    [LA_CLOSED] = TO(LISTEN) | TO(SYN_SENT),
    [LA_LISTEN] = TO(SYN_RECEIVED) | TO(CLOSED),
    [LA_SYN_SENT] = TO(ESTABLISHED) | TO(SYN_RECEIVED) | TO(CLOSED),
    [LA_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(LISTEN) | TO(CLOSED),
    [LA_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
    [LA_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
    [LA_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
    [LA_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
    [LA_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
    [LA_LAST_ACK] = TO(CLOSED),
    [LA_TIME_WAIT] = TO(CLOSED),
};

bool tcp_edge(enum la_state from, enum la_state to)
{
    return edges[from] >> to & 1U;
}

void tcp_enter(struct tcp *tcp, struct tcb *t, enum la_state to, la_ns now)
{
    enum la_state from = t->state;
    LA_ASSERT(tcp_edge(from, to) && to != LA_LISTEN);
    if (from >= LA_SYN_SENT && from < LA_TIME_WAIT)
        t->in_state[from - LA_SYN_SENT] += now - t->state_since;
    t->last_state = (uint8_t)from;
    t->state = (uint8_t)to;
    t->state_since = now;
    if (to == LA_ESTABLISHED)
        t->established = now;
    if (tcp->cfg->trace)
        trace_state(tcp, t, from, now);
}

void tcp_adopt(struct tcb *t, la_ns since)
{
    LA_ASSERT(t->state == LA_CLOSED && t->opened == LA_NEVER);
    t->state = LA_SYN_RECEIVED;
    t->opened = t->state_since = since;
}
