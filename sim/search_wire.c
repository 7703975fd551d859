/* search_wire.c: whose FIN or RST was the first, as it went by, against what close records say (the
 * fourth law).
 *
 * Each host's connections are followed from their first state on by the segments that left and
 * came, and nothing else.  A FIN of the peer's counts when it comes, unless the segment was turned
 * away or the FIN lies beyond every window that was announced.  A connection that a cookie
 * opened has no beginning, and is not judged. */
#include "sim/search_private.h"

#include <string.h>

static bool same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_eq(&a->addr, &b->addr);
}

static struct search_watch *find(struct search *s, unsigned side, const struct la_trace *ev)
{
    for (unsigned i = 0; ev->local && i < SEARCH_WATCHES; i++) {
        struct search_watch *w = &s->watch[side][i];
        if (w->used && same(&w->local, ev->local) && same(&w->remote, ev->remote))
            return w;
    }
    return NULL;
}

/* A connection begins: whatever the pair was before is over.  Without room it is not followed. */
static void begin(struct search *s, unsigned side, const struct la_trace *ev)
{
    struct search_watch *w = find(s, side, ev);
    for (unsigned i = 0; !w && i < SEARCH_WATCHES; i++)
        if (!s->watch[side][i].used)
            w = &s->watch[side][i];
    if (w)
        *w = (struct search_watch){.local = *ev->local,
                                   .remote = *ev->remote,
                                   .used = true,
                                   .unsure = ev->state == LA_LISTEN && !s->arrival[side].syn};
}

/* The other side's FIN is the second, whenever it comes. */
static void note_fin(struct search_watch *w, enum la_side side, la_ns now)
{
    if (w->first == LA_SIDE_NONE) {
        w->first = side;
        w->first_at = now;
        w->second_at = LA_NEVER;
    } else {
        w->second_at = now;
    }
}

/* ---- what came ---- */

static bool receives(enum la_state st)
{
    return st >= LA_SYN_SENT && st <= LA_FIN_WAIT_2;
}

/* Two FINs, or text beyond one: somebody lied, and which of them counts is the stack's to say. */
static bool lies(struct search_watch *w, const struct search_arrival *a,
                 const struct la_trace_seg *g)
{
    uint32_t end = g->seq + g->len, fin = w->fin_in ? w->fin_at : a->fin_at;
    bool near = w->has_edge && w->edge - end < 1U << 30; /* else its number means nothing here */
    if (g->len && near && (!w->has_top || (int32_t)(end - w->top) > 0)) {
        w->top = end;
        w->has_top = true;
    }
    return (w->fin_in || a->fin) &&
           ((w->has_top && (int32_t)(w->top - fin) > 0) || (g->flags & LA_TCP_FIN && end != fin));
}

/* Looked at until the next event of the host says what it made of it. */
static void came(struct search *s, unsigned side, const struct la_trace *ev)
{
    const struct la_trace_seg *g = ev->seg;
    struct search_watch *w = find(s, side, ev);
    struct search_arrival *a = &s->arrival[side];
    *a = (struct search_arrival){
        .watch = w, .syn = g->flags & LA_TCP_SYN, .seq = g->seq, .at = ev->now};
    if (!w)
        return;
    w->rst_in |= (g->flags & LA_TCP_RST) != 0;
    a->acks = w->fin_out && g->flags & LA_TCP_ACK && g->ack == w->fin_seq + 1;
    a->fin = g->flags & LA_TCP_FIN && !(g->flags & LA_TCP_RST) && !w->fin_in && receives(ev->state);
    if (a->fin && !w->has_edge)
        w->unsure = true;
    else if (a->fin)
        a->fin = (int32_t)(w->edge - (g->seq + g->len)) >= 0;
    a->fin_at = g->seq + g->len;
    if (search_on(s, SEARCH_HOSTILE))
        w->unsure |= lies(w, a, g);
}

/* Text that finds no room is dropped without its FIN, which needs none; two rules let a segment go
 * on without its FIN. */
static void turned_away(struct search *s, unsigned side, const struct la_trace *ev)
{
    struct search_arrival *a = &s->arrival[side];
    if (!a->watch || !(a->fin || a->acks) || find(s, side, ev) != a->watch)
        return;
    const char *rule = la_rule_name(ev->rule);
    if (ev->kind == LA_TRACE_DROP && strcmp(rule, "TEXT_REFUSED") != 0)
        a->fin = a->acks = false;
    if (strcmp(rule, "ZERO_WINDOW_PROBE") == 0 || strcmp(rule, "SEQ_OLD_NEW_ACK") == 0)
        a->fin = false;
}

static void settle(struct search *s, unsigned side)
{
    struct search_arrival *a = &s->arrival[side];
    struct search_watch *w = a->watch;
    a->watch = NULL;
    if (!w)
        return;
    w->fin_acked |= a->acks;
    if (!a->fin)
        return;
    w->fin_in = true;
    w->fin_at = a->fin_at;
    note_fin(w, LA_SIDE_PEER, a->at);
    if (w->fin_out && !w->fin_acked)
        w->first = LA_SIDE_BOTH;
}

/* ---- what left ---- */

static void announced(struct search_watch *w, uint32_t edge)
{
    if (!w->has_edge || (int32_t)(edge - w->edge) > 0)
        w->edge = edge;
    w->has_edge = true;
}

/* The peer's SYN was taken, so what our own SYN announced begins at a number. */
static void syn_taken(struct search *s, unsigned side, const struct la_trace *ev)
{
    const struct search_arrival *a = &s->arrival[side];
    struct search_watch *w = find(s, side, ev);
    if (w && w == a->watch && a->syn && w->syn_out) /* else it waits for its neighbour yet */
        announced(w, a->seq + 1 + w->syn_wnd);
}

static void left(struct search *s, unsigned side, const struct la_trace *ev)
{
    const struct la_trace_seg *g = ev->seg;
    struct search_watch *w = find(s, side, ev);
    if (!w)
        return;
    w->rst_out |= (g->flags & LA_TCP_RST) != 0;
    if ((g->flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN) {
        w->syn_out = true;
        w->syn_wnd = g->wnd;
    }
    if (g->flags & LA_TCP_ACK && !(g->flags & LA_TCP_RST))
        announced(w, g->ack + g->wnd);
    if (g->flags & LA_TCP_FIN && !w->fin_out) {
        w->fin_out = true;
        w->fin_seq = g->seq + g->len;
        note_fin(w, LA_SIDE_LOCAL, ev->now);
    }
}

/* ---- the record ---- */

static const char *name_of(enum la_side side)
{
    static const char *const names[] = {"nobody", "this host", "its peer", "both"};
    return names[side];
}

static bool of_a_fin(uint8_t cause)
{
    return cause == LA_CAUSE_CLOSE || cause == LA_CAUSE_SHUTDOWN;
}

/* Does the cause belong to the first FIN, or, without one, to none? */
static bool fits(const struct search_watch *w, const struct la_record *r)
{
    switch (w->first) {
    case LA_SIDE_LOCAL:
    case LA_SIDE_BOTH:
        return of_a_fin(r->cause);
    case LA_SIDE_PEER:
        return r->cause == LA_CAUSE_PEER_FIN;
    case LA_SIDE_NONE:
        break;
    }
    /* CLOSE in SYN-SENT is the end, and sends nothing. */
    return r->cause == r->ended_by && r->cause != LA_CAUSE_PEER_FIN &&
           (!of_a_fin(r->cause) || r->last_state == LA_SYN_SENT);
}

static void judge(struct search *s, unsigned side, const struct search_watch *w,
                  const struct la_record *r)
{
    const struct search_ep like = {.side = side, .local = w->local, .remote = w->remote};
    bool by_peer = r->ended_by == LA_CAUSE_PEER_RST || r->ended_by == LA_CAUSE_REFUSED;
    s->stats->judged++;
    if (r->first_fin != w->first)
        search_fail(s, &like, "its record says that the first FIN was of %s, and it was of %s",
                    name_of((enum la_side)r->first_fin), name_of(w->first));
    else if (w->first != LA_SIDE_NONE &&
             (r->first_fin_at != w->first_at || r->second_fin_at != w->second_at))
        search_fail(s, &like, "its record has the FINs at other times than the wire");
    else if (!fits(w, r))
        search_fail(s, &like, "the first FIN was of %s, and its record says %s, ended by %s",
                    name_of(w->first), la_cause_name((enum la_cause)r->cause),
                    la_cause_name((enum la_cause)r->ended_by));
    else if (r->error == LA_OK && r->ended_by != r->cause)
        search_fail(s, &like, "an orderly end, and ended by %s",
                    la_cause_name((enum la_cause)r->ended_by));
    else if (by_peer != (r->rst_by == LA_SIDE_PEER) || (by_peer && !w->rst_in) ||
             (r->rst_by == LA_SIDE_LOCAL && !w->rst_out))
        search_fail(s, &like, "ended by %s, its record names the RST of %s",
                    la_cause_name((enum la_cause)r->ended_by), name_of((enum la_side)r->rst_by));
}

/* A record that completes at the end of TIME-WAIT was judged when it was written. */
static void recorded(struct search *s, unsigned side, const struct la_trace *ev)
{
    struct search_watch *w = find(s, side, ev);
    struct la_record r;
    if (ev->state != ev->state_to || !w)
        return;
    w->used = false;
    if (!w->unsure && la_record_get(sim_stack(s->host[side]), ev->serial, &r))
        judge(s, side, w, &r);
}

void search_follow(struct search *s, unsigned side, const struct la_trace *ev)
{
    struct search_watch *w;
    switch (ev->kind) {
    case LA_TRACE_SEGMENT_IN:
        settle(s, side);
        came(s, side, ev);
        break;
    case LA_TRACE_SEGMENT_OUT:
        settle(s, side);
        left(s, side, ev);
        break;
    case LA_TRACE_STATE:
        if (ev->state_to == LA_SYN_SENT ||
            (ev->state == LA_LISTEN && ev->state_to == LA_SYN_RECEIVED))
            begin(s, side, ev);
        else if (ev->state == LA_SYN_SENT)
            syn_taken(s, side, ev);
        else if (ev->conn.generation == 0 && (w = find(s, side, ev)) != NULL)
            w->used = false; /* an embryo's end */
        break;
    case LA_TRACE_RULE:
    case LA_TRACE_DROP:
        turned_away(s, side, ev);
        break;
    case LA_TRACE_RECORD:
        settle(s, side);
        recorded(s, side, ev);
        break;
    case LA_TRACE_TIMER:
        break;
    }
}

void search_forget(struct search *s, unsigned side)
{
    memset(s->watch[side], 0, sizeof s->watch[side]);
    s->arrival[side].watch = NULL;
}
