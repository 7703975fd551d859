/* flow.c: see flow.h. */
#include "sim/flow.h"

#include <lastack/trace.h>

/* a comes after b, in serial-number arithmetic (RFC 1982). */
static bool after(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < 0x80000000U;
}

static bool at_or_after(uint32_t a, uint32_t b)
{
    return !after(b, a);
}

void flow_init(struct flow *f)
{
    *f = (struct flow){.first_fin = -1};
}

/* Learns where this side's numbers start: its SYN, or one before its first byte if the SYN was
 * missed. */
static void learn_start(struct flow *f, int side, const struct flow_seg *g)
{
    struct flow_side *me = &f->side[side];
    bool syn = g->flags & LA_TCP_SYN;
    if (syn && me->known && me->iss != g->seq && !(g->flags & LA_TCP_ACK))
        flow_init(f); /* the same pair of sockets, a new connection */
    if (syn && me->guessed && me->iss != g->seq)
        *me = (struct flow_side){0}; /* what it sent before was an earlier connection's */
    me->guessed = me->guessed && !syn;
    if (!me->known && (syn || !(g->flags & LA_TCP_RST))) {
        me->known = true;
        me->iss = syn ? g->seq : g->seq - 1;
        me->guessed = !syn;
    }
    struct flow_side *peer = &f->side[!side];
    if (!peer->known && (g->flags & LA_TCP_ACK) && !(g->flags & LA_TCP_RST)) {
        peer->known = peer->guessed = true;
        peer->iss = g->ack - 1;
    }
}

static uint8_t see_fin(struct flow *f, int side, const struct flow_seg *g)
{
    struct flow_side *me = &f->side[side];
    uint32_t at = g->seq + g->len;
    if (!(g->flags & LA_TCP_FIN))
        return 0;
    if (f->first_fin < 0)
        f->first_fin = side;
    me->fin = true;
    me->fin_seq = at;
    me->fin_acked = false; /* if it is repeated, its ACK will be too */
    return f->first_fin == side ? FLOW_FIN_1 : FLOW_FIN_3;
}

static uint8_t see_ack(struct flow *f, int side, const struct flow_seg *g, bool pure, bool *again)
{
    struct flow_side *peer = &f->side[!side];
    if (!(g->flags & LA_TCP_ACK) || (g->flags & LA_TCP_RST) || !peer->fin)
        return 0;
    if (peer->fin_acked || !at_or_after(g->ack, peer->fin_seq + 1))
        return 0;
    peer->fin_acked = true;
    if (pure)
        *again = peer->fin_acked_before;
    peer->fin_acked_before = true;
    return f->first_fin == !side ? FLOW_ACK_2 : FLOW_ACK_4;
}

/* Is g part of the handshake? */
static bool see_opening(struct flow *f, int side, const struct flow_seg *g)
{
    struct flow_side *peer = &f->side[!side];
    bool first = (g->flags & LA_TCP_ACK) && !(g->flags & LA_TCP_RST) && !peer->syn_acked &&
                 peer->any && at_or_after(g->ack, peer->iss + 1);
    if (first)
        peer->syn_acked = true;
    return first || (g->flags & LA_TCP_SYN);
}

struct flow_info flow_see(struct flow *f, int side, const struct flow_seg *g)
{
    struct flow_info info = {0};
    learn_start(f, side, g);
    struct flow_side *me = &f->side[side];
    uint32_t takes = g->len + !!(g->flags & LA_TCP_SYN) + !!(g->flags & LA_TCP_FIN);
    uint32_t end = g->seq + takes;

    info.rel_seq = me->known ? g->seq - me->iss : 0;
    if (g->flags & LA_TCP_ACK)
        info.rel_ack = f->side[!side].known ? g->ack - f->side[!side].iss : 0;
    info.again = takes && me->any && !after(end, me->end);
    info.pure_ack = !takes && (g->flags & (LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_ACK;
    if (!(g->flags & LA_TCP_RST) && (!me->any || after(end, me->end))) {
        me->any = true;
        me->end = end;
    }
    info.opening = see_opening(f, side, g);
    info.marks |= see_fin(f, side, g);
    info.marks |= see_ack(f, side, g, info.pure_ack, &info.again);
    return info;
}
