/* ladder_infer.c: what the end without a log must have done, judged from the other end's segments.
 *
 * Every segment that the known end sent is taken to arrive, in order, and every segment that it
 * received to have been sent just before.  The states follow RFC 9293 Figure 5; a FIN counts as
 * received when the peer's numbers show that it was, so crossed FINs are recognised. */
#include "lab/picture/ladder_private.h"

struct inference {
    struct ladder *l;
    int me; /* the end that is inferred */
    enum la_state state;
    bool their_fin_sent, their_fin_known; /* the known end's FIN; known: it has arrived here */
    uint32_t their_fin;                   /* its sequence number */
    bool my_fin_sent;
    uint32_t my_fin;
    size_t fin_item; /* where in our items their FIN arrived */
};

static bool reached(uint32_t ack, uint32_t number)
{
    return ack - number < 0x80000000U;
}

/* Puts a state change at position `at` of our items. */
static void enter(struct inference *n, size_t at, la_ns when, enum la_state to)
{
    struct item it = {
        .kind = ITEM_STATE, .at = when, .state_from = n->state, .state_to = to, .inferred = true};
    if (n->state == to)
        return;
    if (n->l->side[n->me].n == 0 || (n->state == LA_CLOSED && to == LA_SYN_RECEIVED))
        it.state_from = n->l->start[n->me];
    n->state = to;
    ladder_insert_item(n->l, n->me, at, &it);
}

static size_t end_of(const struct inference *n)
{
    return n->l->side[n->me].n;
}

/* Our own FIN leaves. */
static void send_fin(struct inference *n, size_t at, la_ns when, uint32_t fin)
{
    if (n->my_fin_sent)
        return;
    n->my_fin_sent = true;
    n->my_fin = fin;
    if (n->state == LA_CLOSE_WAIT)
        enter(n, at, when, LA_LAST_ACK);
    else if (n->state == LA_ESTABLISHED || n->state == LA_SYN_RECEIVED)
        enter(n, at, when, LA_FIN_WAIT_1);
}

/* Their FIN has arrived, as our numbers show. */
static void their_fin_arrived(struct inference *n)
{
    la_ns when = n->l->side[n->me].v[n->fin_item].at;
    size_t at = n->fin_item + 1;
    if (n->their_fin_known)
        return;
    n->their_fin_known = true;
    if (n->state == LA_ESTABLISHED)
        enter(n, at, when, LA_CLOSE_WAIT);
    else if (n->state == LA_FIN_WAIT_1)
        enter(n, at, when, LA_CLOSING);
    else if (n->state == LA_FIN_WAIT_2)
        enter(n, at, when, LA_TIME_WAIT);
}

/* The known end received m: we sent it. */
static void we_sent(struct inference *n, size_t msg)
{
    struct message *m = &n->l->msg[msg];
    const struct la_trace_seg *g = &m->ev->seg;
    struct item it = {.kind = ITEM_SEND, .at = m->got, .msg = msg, .inferred = true};
    bool syn = g->flags & LA_TCP_SYN, ack = g->flags & LA_TCP_ACK;
    bool knows_fin = n->their_fin_sent && ack && reached(g->ack, n->their_fin + 1);

    m->sent_known = true;
    m->sent = m->got;
    if (knows_fin)
        their_fin_arrived(n);
    /* A segment that does not know of a FIN that is on its way was sent before it arrived. */
    bool crossed = n->their_fin_sent && !n->their_fin_known && (g->flags & LA_TCP_FIN);
    size_t at = crossed ? n->fin_item : end_of(n);
    size_t before = end_of(n);
    if (syn && !ack)
        enter(n, at, it.at, LA_SYN_SENT);
    if (g->flags & LA_TCP_FIN)
        send_fin(n, at, it.at, g->seq + g->len);
    at += end_of(n) - before;
    ladder_insert_item(n->l, n->me, at, &it);
    if (g->flags & LA_TCP_RST)
        enter(n, at + 1, it.at, LA_CLOSED);
    if (crossed)
        n->fin_item += end_of(n) - before;
}

/* The known end sent m: it arrives here. */
static void we_got(struct inference *n, size_t msg)
{
    struct message *m = &n->l->msg[msg];
    const struct la_trace_seg *g = &m->ev->seg;
    struct item it = {.kind = ITEM_RECV, .at = m->sent, .msg = msg, .inferred = true};
    bool syn = g->flags & LA_TCP_SYN, ack = g->flags & LA_TCP_ACK;

    m->got_known = true;
    m->got = m->sent;
    ladder_add_item(n->l, n->me, &it);
    if (g->flags & LA_TCP_RST) {
        enter(n, end_of(n), it.at, LA_CLOSED);
        return;
    }
    if (syn && !ack)
        enter(n, end_of(n), it.at, LA_SYN_RECEIVED);
    if ((n->state == LA_SYN_SENT && syn && ack) || (n->state == LA_SYN_RECEIVED && !syn && ack))
        enter(n, end_of(n), it.at, LA_ESTABLISHED);
    /* What comes after their FIN finds it arrived, if our own FIN had crossed it. */
    if (n->my_fin_sent && n->their_fin_sent)
        their_fin_arrived(n);
    if (n->my_fin_sent && ack && reached(g->ack, n->my_fin + 1)) {
        if (n->state == LA_LAST_ACK)
            enter(n, end_of(n), it.at, LA_CLOSED);
        else if (n->state == LA_FIN_WAIT_1)
            enter(n, end_of(n), it.at, LA_FIN_WAIT_2);
        else if (n->state == LA_CLOSING)
            enter(n, end_of(n), it.at, LA_TIME_WAIT);
    }
    if ((g->flags & LA_TCP_FIN) && !n->their_fin_known) {
        n->their_fin_sent = true;
        n->their_fin = g->seq + g->len;
        n->fin_item = end_of(n) - 1;
        if (n->state == LA_FIN_WAIT_2) {
            n->their_fin_known = true;
            enter(n, end_of(n), it.at, LA_TIME_WAIT);
        }
    }
}

void ladder_infer(struct ladder *l)
{
    int me = l->inferred[0] ? 0 : 1;
    struct inference n = {.l = l, .me = me, .state = LA_CLOSED};
    const struct items *theirs = &l->side[!me];
    if (l->failed || !l->inferred[me])
        return;
    /* Who receives the first SYN was listening. */
    for (size_t i = 0; i < theirs->n; i++) {
        if (theirs->v[i].kind != ITEM_SEND && theirs->v[i].kind != ITEM_RECV)
            continue;
        const struct message *m = &l->msg[theirs->v[i].msg];
        bool syn = (m->ev->seg.flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN;
        if (!syn) /* the log starts later: the connection stood already */
            n.state = l->start[me] = LA_ESTABLISHED;
        else if (m->from != me)
            l->start[me] = LA_LISTEN;
        break;
    }
    for (size_t i = 0; i < theirs->n && !l->failed; i++) {
        if (theirs->v[i].kind == ITEM_RECV)
            we_sent(&n, theirs->v[i].msg);
        else if (theirs->v[i].kind == ITEM_SEND)
            we_got(&n, theirs->v[i].msg);
    }
}
