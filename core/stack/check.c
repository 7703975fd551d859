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
    HOLDS(t->self == i);
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

int la_check(const struct la_stack *s)
{
    const struct tcp *tcp = &s->tcp;
    uint32_t live = 0, handles = 0, blocks = net_blocks(s->net);
    for (uint32_t i = 1; i <= tcp->tcbs.made; i++) {
        int line = check_tcb(s, i, &live);
        if (line)
            return line;
        if (!tcb_at(tcp, i)->used)
            continue;
        handles += tcb_at(tcp, i)->handle;
        blocks += chain(tcb_at(tcp, i)->sndq.head) + chain(tcb_at(tcp, i)->rcvq.head);
    }
    HOLDS(blocks == s->blocks.used); /* none is lost, none has two owners */
    HOLDS(live == tcp->tcbs.used);
    HOLDS(handles == tcp->handles);
    int line = check_embryos(s);
    if (!line)
        line = timewait_check(tcp);
    if (!line)
        line = net_check(s->net);
    return line;
}
