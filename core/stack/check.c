/* check.c: every invariant of every table, for tests: 0, or the line below that is broken. */
#include "stack/stack.h"

#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            return __LINE__;                                                                       \
    } while (0)

static int check_sending(const struct tcb *t)
{
    HOLDS(seq_le(t->snd.una, t->snd.nxt));
    HOLDS(seq_le(t->sndq.una, t->sndq.end));
    HOLDS(seq_ge(t->sndq.una, t->snd.una) ||
          seq_eq(seq_add(t->sndq.una, 1), t->snd.una)); /* SYN, FIN */
    HOLDS(seq_le(t->snd.nxt, seq_add(t->sndq.end, 1)));
    HOLDS(!t->fin_sent || seq_eq(t->snd.nxt, seq_add(t->sndq.end, 1)));
    HOLDS(!t->fin_acked || t->fin_sent);
    HOLDS(!t->fin_sent || t->fin_queued);
    /* What is outstanding has a timer (no wedge). */
    HOLDS(seq_eq(t->snd.una, t->snd.nxt) || t->at[TIMER_RTX] != LA_NEVER);
    return 0;
}

static int check_receiving(const struct tcb *t)
{
    if (t->state == LA_SYN_SENT)
        return 0;
    HOLDS(seq_ge(t->rcv.adv, t->rcv.nxt)); /* the window never goes negative */
    HOLDS(seq_eq(t->rcv.nxt, seq_add(t->rcvq.nxt, t->fin_received)));
    HOLDS(seq_le(t->rcvq.read, t->rcvq.nxt));
    HOLDS(seq_le(t->rcv.acked, t->rcv.nxt));
    return 0;
}

static int check_state(const struct tcb *t)
{
    bool sent = t->state == LA_FIN_WAIT_1 || t->state == LA_FIN_WAIT_2 || t->state == LA_CLOSING ||
                t->state == LA_LAST_ACK;
    bool got = t->state == LA_CLOSE_WAIT || t->state == LA_CLOSING || t->state == LA_LAST_ACK;
    HOLDS(!sent || t->fin_queued);
    HOLDS(!got || t->fin_received);
    HOLDS(t->state != LA_ESTABLISHED || (!t->fin_queued && !t->fin_received));
    HOLDS(t->state != LA_FIN_WAIT_1 || !t->fin_acked);
    HOLDS(t->state != LA_FIN_WAIT_2 || (t->fin_acked && !t->fin_received));
    HOLDS(t->state != LA_CLOSING || !t->fin_acked);
    return 0;
}

static int check_tcb(const struct la_stack *s, uint32_t i, uint32_t *live)
{
    const struct tcb *t = tcb_at(&s->tcp, i);
    if (!t->used)
        return 0;
    (*live)++;
    HOLDS(t->self == i && conn_slot_at(&s->tcp, t->slot)->tcb == t);
    HOLDS(conn_slot_at(&s->tcp, t->slot)->generation == t->generation);
    HOLDS(t->in_table == (t->state >= LA_SYN_SENT && t->state <= LA_LAST_ACK));
    if (!t->in_table) {
        HOLDS(t->handle || t->listener); /* a dead connection is kept only for its program */
        HOLDS(t->heap_pos == HEAP_NONE && t->queue == TCB_IDLE);
        HOLDS(sndq_len(&t->sndq) == 0 || t->opened == LA_NEVER);
        return 0;
    }
    HOLDS(conntab_find(&s->tcp, &t->id, t->hash) == ref_of(REF_TCB, i));
    for (unsigned k = 0; k < TIMER_SLOTS; k++)
        HOLDS(t->at[k] == LA_NEVER || (t->heap_pos != HEAP_NONE && t->heap_at <= t->at[k]));
    int line = check_sending(t);
    if (!line)
        line = check_receiving(t);
    return line ? line : check_state(t);
}

static int check_embryos(const struct la_stack *s)
{
    const struct tcp *tcp = &s->tcp;
    uint32_t live = 0, counted = 0;
    for (uint32_t i = 1; i <= tcp->embryos.made; i++) {
        const struct embryo *e = embryo_at(tcp, i);
        if (!e->used)
            continue;
        live++;
        HOLDS(conntab_find(tcp, &e->id, e->hash) == ref_of(REF_EMBRYO, i));
        HOLDS(e->heap_pos != HEAP_NONE);
        HOLDS(listener_at(tcp, e->listener)->open);
    }
    HOLDS(live == tcp->embryos.used);
    for (uint32_t i = 1; i <= tcp->listeners.made; i++)
        counted += listener_at(tcp, i)->open ? listener_at(tcp, i)->embryos : 0;
    HOLDS(counted == live);
    return 0;
}

static uint32_t chain(const struct block *b)
{
    uint32_t n = 0;
    for (; b; b = b->next)
        n++;
    return n;
}

/* Sorted, disjoint, not touching, all within (above, upto]. */
static int check_ranges(const struct la_stack *s, const struct ranges *r, seqno above, seqno upto)
{
    uint32_t n = 0;
    for (const struct range *x = ranges_first(r, &s->ranges); x; x = ranges_next(x, &s->ranges)) {
        HOLDS(n++ < r->count);
        HOLDS(seq_gt(x->start, above) && seq_lt(x->start, x->end) && seq_le(x->end, upto));
        above = x->end;
    }
    HOLDS(n == r->count);
    return 0;
}

/* ---- lists: each member is linked both ways, and knows that it is one ---- */

static int check_queue(const struct tcp *tcp, const struct tcb_list *l, enum tcb_queue queue,
                       int ifx, uint32_t *members)
{
    const struct tcb *prev = NULL;
    for (const struct tcb *t = l->head; t; prev = t, t = t->q_next) {
        HOLDS(t->used && t->queue == queue && t->q_prev == prev);
        HOLDS(queue != TCB_READY || t->queue_ifx == ifx);
        HOLDS((*members)++ < tcp->tcbs.used);
    }
    HOLDS(l->tail == prev);
    return 0;
}

static int check_queues(const struct tcp *tcp, uint32_t queued)
{
    uint32_t members = 0;
    int line = check_queue(tcp, &tcp->waiting, TCB_WAITING, 0, &members);
    for (int i = 0; i < (int)NET_IFS && !line; i++)
        line = check_queue(tcp, &tcp->ready[i], TCB_READY, i, &members);
    if (line)
        return line;
    HOLDS(members == queued);
    return 0;
}

static int check_events(const struct tcp *tcp, uint32_t queued)
{
    uint32_t members = 0;
    const struct ev_link *prev = NULL;
    for (struct ev_link *e = tcp->ev_head; e; prev = e, e = e->next) {
        HOLDS(e->listener ? ev_listener(e)->open : ev_tcb(e)->handle);
        HOLDS(e->bits && e->prev == prev);
        HOLDS(members++ < queued);
    }
    HOLDS(tcp->ev_tail == prev && members == queued);
    return 0;
}

static int check_listener(const struct tcp *tcp, const struct listener *l, uint32_t *waiting)
{
    uint32_t n = 0, last = 0;
    for (uint32_t i = l->acc_head; i; last = i, i = tcb_at(tcp, i)->acc_next) {
        const struct tcb *t = tcb_at(tcp, i);
        HOLDS(t->used && t->listener == l->self && !t->handle);
        HOLDS(n++ < l->waiting);
    }
    /* More than the backlog may wait: it may have been lowered since. */
    HOLDS(n == l->waiting && l->acc_tail == last);
    HOLDS(listener_find(tcp, &l->addr, l->port, l->ifx) == l->self);
    *waiting += n;
    return 0;
}

/* ---- what tables and pools should hold, counted from the connections ---- */

struct tally {
    uint32_t live, handles, blocks, ranges, timed, queued, events, in_table, unaccepted;
};

static int tally_tcb(const struct la_stack *s, const struct tcb *t, struct tally *n)
{
    n->handles += t->handle;
    n->blocks += chain(t->sndq.head) + chain(t->rcvq.head);
    n->ranges += t->rcvq.ooo.count + t->recovery.sb.sacked.count;
    n->timed += t->heap_pos != HEAP_NONE;
    n->queued += t->queue != TCB_IDLE;
    n->events += t->ev.bits != 0;
    n->in_table += t->in_table;
    n->unaccepted += t->listener != 0;
    HOLDS(!t->in_table || t->handle || t->listener || t->fin_queued);
    int line = check_ranges(s, &t->rcvq.ooo, t->rcvq.nxt, t->rcv.adv);
    /* una itself is SACKed where the peer reneged. */
    return line ? line
                : check_ranges(s, &t->recovery.sb.sacked, seq_sub(t->snd.una, 1), t->snd.nxt);
}

static int check_listeners(const struct tcp *tcp, struct tally *n)
{
    uint32_t open = 0, waiting = 0;
    for (uint32_t i = 1; i <= tcp->listeners.made; i++) {
        const struct listener *l = listener_at(tcp, i);
        if (!l->open)
            continue;
        open++;
        n->events += l->ev.bits != 0;
        int line = check_listener(tcp, l, &waiting);
        if (line)
            return line;
    }
    HOLDS(open == tcp->listeners.used && waiting == n->unaccepted);
    return 0;
}

int la_check(const struct la_stack *s)
{
    const struct tcp *tcp = &s->tcp;
    struct tally n = {.blocks = net_blocks(s->net)};
    uint32_t rests = 0;
    int line = 0;
    for (uint32_t i = 1; i <= tcp->tcbs.made && !line; i++) {
        line = check_tcb(s, i, &n.live);
        if (!line && tcb_at(tcp, i)->used)
            line = tally_tcb(s, tcb_at(tcp, i), &n);
    }
    for (uint32_t i = 1; i <= tcp->rests.packed.made && !line; i++) {
        if (!rest_at(&tcp->rests, i)->slot)
            continue;
        rests++;
        line = rest_check(tcp, i);
    }
    if (!line)
        line = check_embryos(s);
    if (!line)
        line = check_listeners(tcp, &n);
    if (line)
        return line;
    HOLDS(n.blocks == s->blocks.used); /* none is lost, none has two owners */
    HOLDS(n.ranges == s->ranges.used);
    HOLDS(n.live == tcp->tcbs.used && rests == tcp->rests.packed.used);
    HOLDS(tcp->slots.used == n.live + rests);
    HOLDS(n.handles + rests == tcp->handles);
    HOLDS(n.timed + tcp->embryos.used == tcp->timers.n);
    HOLDS(n.in_table + rests + tcp->embryos.used <= tcp->tab.count); /* TIME-WAIT has the rest */
    line = conntab_check(tcp);
    if (!line)
        line = check_queues(tcp, n.queued);
    if (!line)
        line = check_events(tcp, n.events);
    if (!line)
        line = timewait_check(tcp);
    if (!line)
        line = net_check(s->net);
    return line;
}
