/* ladder_model.c: from two logs to segments on their way and what each end did.
 *
 * A segment that one end sent is matched with the one that the other end received by its numbers;
 * of several equal ones the latest that could have arrived by then.  What is never matched was lost
 * (or is a stray). */
#include "lab/picture/ladder_private.h"

#include <stdlib.h>
#include <string.h>

#define LATE LA_MSEC(20) /* a delay below this is nobody's concern */

static bool is_ours(const struct ladder *l, int side, const struct trace_event *ev)
{
    const struct ladder_end *me = ladder_end_of(l, side), *peer = ladder_end_of(l, !side);
    return ev->has_conn && ev->now >= l->cfg.from && ev->now <= l->cfg.until &&
           endpoint_eq(&ev->local, &me->endpoint) && endpoint_eq(&ev->remote, &peer->endpoint);
}

static void take_segment(struct ladder *l, int side, const struct trace_event *ev)
{
    bool out = ev->kind == LA_TRACE_SEGMENT_OUT;
    struct item it = {.kind = out ? ITEM_SEND : ITEM_RECV, .at = ev->now, .msg = l->nmsg};
    struct message *m = ladder_add_message(l);
    if (!m)
        return;
    m->from = out ? side : !side;
    m->ev = ev;
    m->sent_known = out;
    m->got_known = !out;
    if (out)
        m->sent = ev->now;
    else
        m->got = ev->now;
    ladder_add_item(l, side, &it);
}

/* A state change, unless it was told already.  What it started from is where this end starts. */
static void take_state(struct ladder *l, int side, const struct trace_event *ev,
                       const struct item *it)
{
    const struct items *q = &l->side[side];
    for (size_t i = q->n; i-- > 0;) {
        if (q->v[i].kind != ITEM_STATE)
            continue;
        if (q->v[i].state_to != ev->state_to)
            ladder_add_item(l, side, it);
        return;
    }
    l->start[side] = ev->state;
    ladder_add_item(l, side, it);
}

static void take_log(struct ladder *l, int side)
{
    const struct trace_log *log = ladder_end_of(l, side)->log;
    for (size_t i = 0; i < log->n && !l->failed; i++) {
        const struct trace_event *ev = &log->ev[i];
        struct item it = {.kind = ITEM_STATE,
                          .at = ev->now,
                          .state_from = ev->state,
                          .state_to = ev->state_to,
                          .timer = ev->timer};
        if (!is_ours(l, side, ev))
            continue;
        switch (ev->kind) {
        case LA_TRACE_SEGMENT_IN:
        case LA_TRACE_SEGMENT_OUT:
            take_segment(l, side, ev);
            break;
        case LA_TRACE_RECORD: /* TIME-WAIT ends with its record */
            if (ev->state == ev->state_to)
                break;
            take_state(l, side, ev, &it);
            break;
        case LA_TRACE_STATE:
            take_state(l, side, ev, &it);
            break;
        case LA_TRACE_TIMER:
            it.kind = ITEM_TIMER;
            ladder_add_item(l, side, &it);
            break;
        case LA_TRACE_RULE:
        case LA_TRACE_DROP:
            break;
        }
    }
}

/* ---- matching ---- */

struct key {
    const struct ladder *l;
    size_t msg;
};

static int compare_numbers(const struct la_trace_seg *a, const struct la_trace_seg *b)
{
    uint32_t x[6] = {a->seq, a->ack, a->len, a->flags, a->has_ts ? a->tsval : 0, a->nsack};
    uint32_t y[6] = {b->seq, b->ack, b->len, b->flags, b->has_ts ? b->tsval : 0, b->nsack};
    for (int i = 0; i < 6; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

/* By sender, numbers, received before sent, and time backwards for the sent ones: so that in a
 * group each received one can look for the latest sent one that fits. */
static int compare_keys(const void *pa, const void *pb)
{
    const struct key *ka = pa, *kb = pb;
    const struct message *a = &ka->l->msg[ka->msg], *b = &kb->l->msg[kb->msg];
    if (a->from != b->from)
        return a->from - b->from;
    int c = compare_numbers(&a->ev->seg, &b->ev->seg);
    if (c)
        return c;
    if (a->sent_known != b->sent_known)
        return a->sent_known ? 1 : -1;
    return ka->msg < kb->msg ? -1 : ka->msg > kb->msg;
}

/* The shortest time that an unmistakable segment took from this side. */
static la_ns shortest_trip(const struct ladder *l, const struct key *k, size_t n, int from)
{
    la_ns best = LA_NEVER;
    for (size_t i = 0; i + 1 < n; i++) {
        const struct message *a = &l->msg[k[i].msg], *b = &l->msg[k[i + 1].msg];
        bool alone = (i == 0 || compare_numbers(&l->msg[k[i - 1].msg].ev->seg, &a->ev->seg) ||
                      l->msg[k[i - 1].msg].from != from) &&
                     (i + 2 >= n || compare_numbers(&l->msg[k[i + 2].msg].ev->seg, &a->ev->seg) ||
                      l->msg[k[i + 2].msg].from != from);
        if (a->from != from || b->from != from || !alone || a->sent_known || !b->sent_known)
            continue;
        if (compare_numbers(&a->ev->seg, &b->ev->seg) == 0 && a->got >= b->sent &&
            a->got - b->sent < best)
            best = a->got - b->sent;
    }
    return best == LA_NEVER ? 0 : best;
}

/* One group of equal segments k[0..n): joins each received one with the latest sent one that could
 * be it. */
static void match_group(struct ladder *l, const struct key *k, size_t n, la_ns trip,
                        size_t *merged_into)
{
    for (size_t i = 0; i < n && !l->msg[k[i].msg].sent_known; i++) {
        struct message *in = &l->msg[k[i].msg];
        for (size_t j = n; j-- > i + 1;) {
            struct message *out = &l->msg[k[j].msg];
            if (!out->sent_known)
                break;
            if (out->got_known || out->sent + trip > in->got)
                continue;
            out->got_known = true;
            out->got = in->got;
            merged_into[k[i].msg] = k[j].msg;
            break;
        }
        in->copy = merged_into[k[i].msg] == k[i].msg && l->msg[k[n - 1].msg].sent_known;
    }
}

/* Late: something that was sent after it arrived before it, or it took several times as long as the
 * quickest. */
static void find_late(struct ladder *l, int side, la_ns trip)
{
    la_ns first = LA_NEVER;
    for (size_t i = l->side[side].n; i-- > 0;) {
        const struct item *it = &l->side[side].v[i];
        struct message *m = &l->msg[it->msg];
        if (it->kind != ITEM_SEND || m->lost)
            continue;
        m->late = m->got > first || (trip && m->got - m->sent > 3 * trip + LATE);
        if (m->got < first)
            first = m->got;
    }
}

static void match(struct ladder *l)
{
    struct key *k = malloc((l->nmsg + 1) * sizeof *k);
    size_t *into = malloc((l->nmsg + 1) * sizeof *into);
    if (!k || !into) {
        l->failed = true;
        free(k);
        free(into);
        return;
    }
    for (size_t i = 0; i < l->nmsg; i++) {
        k[i] = (struct key){l, i};
        into[i] = i;
    }
    qsort(k, l->nmsg, sizeof *k, compare_keys);
    la_ns trip[2] = {shortest_trip(l, k, l->nmsg, 0), shortest_trip(l, k, l->nmsg, 1)};
    for (size_t i = 0, j; i < l->nmsg; i = j) {
        const struct message *m = &l->msg[k[i].msg];
        for (j = i + 1; j < l->nmsg && l->msg[k[j].msg].from == m->from &&
                        compare_numbers(&l->msg[k[j].msg].ev->seg, &m->ev->seg) == 0;)
            j++;
        match_group(l, k + i, j - i, trip[m->from], into);
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < l->side[side].n; i++) {
            struct item *it = &l->side[side].v[i];
            if (it->kind == ITEM_RECV)
                it->msg = into[it->msg];
        }
    }
    for (size_t i = 0; i < l->nmsg; i++)
        l->msg[i].lost = l->msg[i].sent_known && !l->msg[i].got_known;
    find_late(l, 0, trip[0]);
    find_late(l, 1, trip[1]);
    free(k);
    free(into);
}

/* ---- numbers and marks ---- */

static void note_close(struct ladder *l, const struct message *m)
{
    struct ladder_close *c = &l->close;
    uint8_t fresh = m->info.marks & (uint8_t)~c->marks;
    const struct la_trace_seg *g = &m->ev->seg;
    c->marks |= m->info.marks;
    if (fresh & FLOW_FIN_1) {
        c->first = m->from;
        c->u = m->info.rel_seq + g->len;
        c->u_abs = g->seq + g->len;
    }
    if (fresh & FLOW_ACK_2)
        c->ack_u = m->info.rel_ack;
    if (fresh & FLOW_FIN_3) {
        c->w = m->info.rel_seq + g->len;
        c->w_abs = g->seq + g->len;
        c->crossed = !(g->flags & LA_TCP_ACK) || m->info.rel_ack <= c->u;
    }
    if (fresh & FLOW_ACK_4)
        c->ack_w = m->info.rel_ack;
}

/* The next item of this side that flow_see should hear of; NULL at the end, or if what was received
 * before it is still to be followed where it was sent: `*waits`.  Times alone do not tell, since
 * between two ends in one process they are often equal. */
static const struct item *next_to_follow(const struct ladder *l, int side, size_t *at, bool *waits)
{
    for (*waits = false; *at < l->side[side].n; ++*at) {
        const struct item *it = &l->side[side].v[*at];
        const struct message *m = &l->msg[it->msg];
        if (it->kind == ITEM_SEND || (it->kind == ITEM_RECV && !m->sent_known))
            return it;
        *waits = it->kind == ITEM_RECV && !m->followed;
        if (*waits)
            break;
    }
    return NULL;
}

/* Follows the connection in the order in which segments were sent (or, where that is not known,
 * received). */
static void follow(struct ladder *l)
{
    struct flow flow;
    size_t at[2] = {0, 0};
    flow_init(&flow);
    for (;;) {
        const struct item *next[2];
        bool waits[2];
        for (int s = 0; s < 2; s++)
            next[s] = next_to_follow(l, s, &at[s], &waits[s]);
        int side = !next[0] || (next[1] && next[1]->at < next[0]->at);
        if (!next[side]) {
            if (!waits[0] && !waits[1])
                return;
            at[waits[0] ? 0 : 1]++; /* each waits for the other: a log is not whole */
            continue;
        }
        at[side]++;
        struct message *m = &l->msg[next[side]->msg];
        const struct la_trace_seg *g = &m->ev->seg;
        m->info = flow_see(&flow, m->from, &(struct flow_seg){g->seq, g->ack, g->len, g->flags});
        m->followed = true;
        note_close(l, m);
    }
}

static void find_origin(struct ladder *l)
{
    l->origin = LA_NEVER;
    for (int s = 0; s < 2; s++) {
        if (l->side[s].n && l->side[s].v[0].at < l->origin)
            l->origin = l->side[s].v[0].at;
    }
}

void ladder_collect(struct ladder *l)
{
    for (int side = 0; side < 2; side++) {
        l->inferred[side] = !ladder_end_of(l, side)->log;
        if (!l->inferred[side])
            take_log(l, side);
    }
    if (!l->failed && !l->inferred[0] && !l->inferred[1])
        match(l);
    if (!l->failed)
        follow(l);
    find_origin(l);
}
