/* ladder_rows.c: one order for what two ends did, and what of it is drawn.
 *
 * Both ends' items are taken from their queues: a segment is drawn straight when its sending and
 * its arrival are both next, and in two parts when something crosses it.  Bulk data is taken
 * silently and counted. */
#include "lab/picture/ladder_private.h"

#include <stdlib.h>
#include <string.h>

#define NEAR LA_MSEC(1)  /* a state change belongs to the segment that it is this close to */
#define GAP LA_MSEC(500) /* a pause worth a row of its own */

struct arranger {
    struct ladder *l;
    size_t at[2]; /* heads of the queues */
    bool hide;    /* second pass: plain messages are only counted */
    struct row elided;
    bool any_elided;
    size_t last[2];     /* row + 1 at which each end last took part, 0: none */
    la_ns now;          /* of the last row */
    unsigned flying[2]; /* segments of each side that departed and have not arrived */
};

static struct row *add_row(struct arranger *a, struct row r)
{
    struct ladder *l = a->l;
    if (l->nrow == l->row_room) {
        size_t room = l->row_room ? 2 * l->row_room : 64;
        struct row *v = realloc(l->row, room * sizeof *v);
        if (!v) {
            l->failed = true;
            return NULL;
        }
        l->row = v;
        l->row_room = room;
    }
    l->row[l->nrow] = r;
    return &l->row[l->nrow++];
}

static void flush_elided(struct arranger *a)
{
    if (a->any_elided)
        add_row(a, a->elided);
    a->elided = (struct row){.kind = ROW_ELIDED};
    a->any_elided = false;
}

static struct row *put(struct arranger *a, struct row r, int side, bool both)
{
    if (a->any_elided && a->elided.at > a->now)
        a->now = a->elided.at; /* the bulk took its time; that is no pause */
    flush_elided(a);
    if (a->l->nrow && r.at > a->now && r.at - a->now >= GAP)
        add_row(a, (struct row){.kind = ROW_GAP, .at = a->now, .span = r.at - a->now});
    if (r.at > a->now)
        a->now = r.at;
    struct row *row = add_row(a, r);
    if (row) {
        a->last[side] = a->l->nrow;
        if (both)
            a->last[!side] = a->l->nrow;
    }
    return row;
}

static void count_elided(struct arranger *a, const struct message *m, la_ns at)
{
    const struct la_trace_seg *g = &m->ev->seg;
    a->any_elided = true;
    if (at > a->elided.at)
        a->elided.at = at;
    if (g->len) {
        a->elided.count[m->from].data++;
        a->elided.count[m->from].bytes += g->len;
    } else {
        a->elided.count[m->from].acks++;
    }
    a->elided.count[m->from].lost += m->lost;
    a->elided.count[m->from].again += m->info.again;
}

static const struct item *head(const struct arranger *a, int side)
{
    const struct items *q = &a->l->side[side];
    return a->at[side] < q->n ? &q->v[a->at[side]] : NULL;
}

static bool is_segment(const struct item *it)
{
    return it->kind == ITEM_SEND || it->kind == ITEM_RECV;
}

/* A timer that only made its end send something is drawn with what it sent, or not at all. */
static bool is_hidden_timer(const struct arranger *a, int side)
{
    const struct item *it = head(a, side);
    const struct item *end = a->l->side[side].v + a->l->side[side].n;
    if (it->timer == LA_TIMER_DELACK)
        return true;
    if (it->timer != LA_TIMER_RTO && it->timer != LA_TIMER_PERSIST)
        return false;
    while (it < end && it->kind != ITEM_SEND)
        it++;
    return !a->hide || it == end || !a->l->msg[it->msg].shown;
}

static bool is_hidden(const struct arranger *a, const struct item *it)
{
    return a->hide && is_segment(it) && !a->l->msg[it->msg].shown;
}

static void set_state(struct row *r, int side, const struct item *it)
{
    r->has_state[side] = true;
    r->state[side] = it->state_to;
    r->inferred[side] = it->inferred;
}

/* Does the state change belong to the last row that its end took part in?  There it was caused by
 * what was received, by a timer, or followed from what was sent. */
static bool fits(const struct arranger *a, const struct row *r, int side, la_ns at, bool sent)
{
    if (a->any_elided || r->has_state[side])
        return false;
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
        if (r->side == side)
            return sent && at - r->at <= NEAR;
        return !sent && at - a->l->msg[r->msg].got <= NEAR;
    case ROW_ARRIVES:
    case ROW_STRAY:
        return !sent && r->side != side && at - a->l->msg[r->msg].got <= NEAR;
    case ROW_TIMER:
        return !sent && r->side == side && r->at == at;
    case ROW_STATE:
    case ROW_ELIDED:
    case ROW_GAP:
        return false;
    }
    return false;
}

/* A state change goes to the row of what caused it, or waits for the segment that is sent with it,
 * or goes to the row of the segment just sent, or gets a row of its own. */
static void take_state(struct arranger *a, int side)
{
    struct ladder *l = a->l;
    const struct item *it = head(a, side);
    const struct item *next = a->at[side] + 1 < l->side[side].n ? it + 1 : NULL;
    struct row *r = a->last[side] ? &l->row[a->last[side] - 1] : NULL;
    a->at[side]++;
    if (r && fits(a, r, side, it->at, false)) {
        set_state(r, side, it);
        return;
    }
    if (next && next->kind == ITEM_SEND && next->at - it->at <= NEAR && !is_hidden(a, next))
        return; /* with_state takes it up */
    if (r && fits(a, r, side, it->at, true)) {
        set_state(r, side, it);
        return;
    }
    struct row own = {.kind = ROW_STATE, .side = side, .at = it->at};
    set_state(&own, side, it);
    put(a, own, side, false);
}

/* The state that was entered just before the segment at the head was sent goes to its row. */
static void with_state(const struct arranger *a, struct row *r, int side)
{
    const struct item *it = head(a, side);
    if (a->at[side] == 0)
        return;
    const struct item *before = it - 1;
    const struct row *last = a->last[side] ? &a->l->row[a->last[side] - 1] : NULL;
    bool drawn = last && last->has_state[side] && last->state[side] == before->state_to;
    if (before->kind != ITEM_STATE || it->at - before->at > NEAR || drawn)
        return;
    set_state(r, side, before);
}

static void take_silently(struct arranger *a, int side)
{
    const struct item *it = head(a, side);
    const struct message *m = &a->l->msg[it->msg];
    if (it->kind == ITEM_SEND || !m->sent_known)
        count_elided(a, m, it->at);
    else if (a->any_elided && it->at > a->elided.at)
        a->elided.at = it->at;
    a->at[side]++;
}

/* Everything at the head that needs no partner; true if something was taken. */
static bool take_alone(struct arranger *a, int side)
{
    struct ladder *l = a->l;
    const struct item *it = head(a, side);
    if (!it)
        return false;
    if (is_hidden(a, it)) {
        take_silently(a, side);
        return true;
    }
    if (it->kind == ITEM_TIMER && is_hidden_timer(a, side)) {
        a->at[side]++;
        return true;
    }
    const struct message *m = is_segment(it) ? &l->msg[it->msg] : NULL;
    struct row r = {.side = side, .at = it->at, .msg = it->msg, .timer = it->timer};
    switch (it->kind) {
    case ITEM_STATE:
        take_state(a, side);
        return true;
    case ITEM_TIMER:
        r.kind = ROW_TIMER;
        break;
    case ITEM_SEND:
        if (!m->lost)
            return false;
        r.kind = ROW_LOST;
        with_state(a, &r, side);
        break;
    case ITEM_RECV:
        if (m->sent_known && !m->split)
            return false;
        r.kind = m->sent_known ? ROW_ARRIVES : ROW_STRAY;
        r.side = m->from;
        break;
    }
    if (r.kind == ROW_ARRIVES)
        a->flying[r.side]--;
    put(a, r, side, false);
    a->at[side]++;
    return true;
}

static void depart(struct arranger *a, int side)
{
    const struct item *it = head(a, side);
    struct row r = {.kind = ROW_DEPARTS, .side = side, .at = it->at, .msg = it->msg};
    with_state(a, &r, side);
    put(a, r, side, false);
    a->l->msg[it->msg].split = true;
    a->flying[side]++;
    a->at[side]++;
}

/* Both heads are the two ends of one segment. */
static bool take_straight(struct arranger *a)
{
    const struct item *h[2] = {head(a, 0), head(a, 1)};
    if (!h[0] || !h[1] || h[0]->msg != h[1]->msg)
        return false;
    int from = h[0]->kind == ITEM_SEND ? 0 : 1;
    if (h[from]->kind != ITEM_SEND || h[!from]->kind != ITEM_RECV)
        return false;
    if (a->flying[!from]) { /* it crosses what is under way */
        depart(a, from);
        return true;
    }
    struct row r = {.kind = ROW_SEGMENT, .side = from, .at = h[from]->at, .msg = h[from]->msg};
    with_state(a, &r, from);
    put(a, r, from, true);
    if (a->l->msg[r.msg].got != LA_NEVER && a->l->msg[r.msg].got > a->now)
        a->now = a->l->msg[r.msg].got;
    a->at[0]++;
    a->at[1]++;
    return true;
}

/* Two segments cross: the earlier one departs, its arrival comes later. */
static bool take_apart(struct arranger *a)
{
    int side = -1;
    for (int s = 0; s < 2; s++) {
        const struct item *it = head(a, s);
        if (it && it->kind == ITEM_SEND && (side < 0 || it->at < head(a, side)->at))
            side = s;
    }
    if (side < 0)
        return false;
    depart(a, side);
    return true;
}

static void run(struct arranger *a)
{
    struct ladder *l = a->l;
    l->nrow = 0;
    for (size_t i = 0; i < l->nmsg; i++)
        l->msg[i].split = false;
    while (!l->failed) {
        const struct item *h[2] = {head(a, 0), head(a, 1)};
        if (!h[0] && !h[1])
            break;
        int first = h[0] && (!h[1] || h[0]->at <= h[1]->at) ? 0 : 1;
        if (take_alone(a, first) || take_alone(a, !first) || take_straight(a) || take_apart(a))
            continue;
        a->at[h[first] ? first : !first]++; /* a log that contradicts itself: skip, never hang */
    }
    flush_elided(a);
}

/* Plain: ordinary data or an ordinary ACK, of which one tells as much as a thousand. */
static bool is_plain(const struct message *m)
{
    uint8_t odd = LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST;
    return !(m->ev->seg.flags & odd) && !m->info.marks && !m->info.opening;
}

/* Decides about one run of plain rows [from, to), `n` of them segments: its head and its tail are
 * shown if nothing crosses them, all of it if it is short, and a few odd ones. */
static void choose_in_run(struct ladder *l, size_t from, size_t to, size_t n, unsigned *odd)
{
    bool whole = n <= l->cfg.head + l->cfg.tail + 1;
    size_t k = 0;
    for (size_t j = from; j < to; j++) {
        const struct row *r = &l->row[j];
        struct message *m = &l->msg[r->msg];
        if (r->kind == ROW_GAP)
            continue;
        bool edge = (k < l->cfg.head || k + l->cfg.tail >= n) && r->kind == ROW_SEGMENT;
        bool strange = m->lost || m->info.again || r->kind == ROW_STRAY;
        k++;
        if (strange && !whole && *odd >= l->cfg.odd)
            continue;
        *odd += strange && !m->shown;
        m->shown |= whole || edge || strange;
    }
}

/* Decides what is shown: all that is not plain, and some of each run of what is. */
static void choose(struct ladder *l)
{
    size_t start = 0, n = 0;
    unsigned odd = 0;
    for (size_t i = 0; i < l->nmsg; i++) {
        l->msg[i].plain = is_plain(&l->msg[i]);
        l->msg[i].shown = !l->msg[i].plain;
    }
    for (size_t i = 0; i <= l->nrow; i++) {
        const struct row *r = i < l->nrow ? &l->row[i] : NULL;
        bool segment = r && (r->kind == ROW_SEGMENT || r->kind == ROW_DEPARTS ||
                             r->kind == ROW_ARRIVES || r->kind == ROW_LOST || r->kind == ROW_STRAY);
        if (segment && l->msg[r->msg].plain) {
            n++;
            continue;
        }
        if (r && r->kind == ROW_GAP)
            continue;
        choose_in_run(l, start, i, n, &odd);
        start = i + 1;
        n = 0;
    }
}

void ladder_arrange(struct ladder *l)
{
    struct arranger a = {.l = l, .elided = {.kind = ROW_ELIDED}};
    run(&a);
    choose(l);
    a = (struct arranger){.l = l, .hide = true, .elided = {.kind = ROW_ELIDED}};
    run(&a);
}
