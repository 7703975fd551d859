/* recovery.c: three states and what an ACK or a timeout does in each.
 *
 *   OPEN   nothing is known lost.  Three duplicate ACKs, or enough SACKed above una, lead to FAST.
 *   FAST   fast recovery, by the scoreboard's pipe (RFC 6675) or by an inflated window (RFC 6582).
 *   LOSS   after a timeout: slow start sends from una what is not SACKed (RFC 5681 §3.1).
 *
 * FAST and LOSS end when `recover`, the highest number sent when they began, is acknowledged.
 * Invariants: high_rxt, recover and rescue mean something in FAST and LOSS only, but for recover,
 * which in OPEN is never further behind una than it was left, or 1; inflate is 0 outside FAST. */
#include "tcp/recovery.h"

static uint32_t flight(const struct recovery_view *v)
{
    return v->nxt.v - v->una.v;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* recover is iss itself and not the number after it: RFC 6582 §3.2 to the letter would leave the
 * loss of a connection's first segment to the timer. */
void recovery_init(struct recovery *r, seqno iss)
{
    *r = (struct recovery){.recover = iss, .high_rxt = iss, .rescue = iss};
}

void recovery_free(struct recovery *r, struct pool *ranges)
{
    scoreboard_clear(&r->sb, ranges);
}

/* ---- entering and leaving ---- */

/* Both recoveries go from here up to what is sent by now. */
static void begin(struct recovery *r, const struct recovery_view *v, enum recovery_state state)
{
    r->state = (uint8_t)state;
    r->recover = v->nxt;
    r->high_rxt = r->rescue = v->una;
    r->inflate = 0;
    r->owed = false;
    scoreboard_rewind(&r->sb);
}

/* RFC 5681 §3.2 steps 2 and 3, RFC 6675 §5 step 4.  FlightSize is not more than cwnd: what limited
 * transmit sent beyond it does not count.  Nor is it less while cwnd is the limit: had each ACK
 * been answered as it came, and not a batch of them later, the window would be full. */
static void enter_fast(struct recovery *r, struct cc *c, const struct recovery_view *v,
                       bool limited, la_ns now)
{
    uint32_t n = limited ? c->cwnd : min_u32(flight(v), c->cwnd);

    cc_ops_of(c)->on_loss(c, n, v->smss, now);
    begin(r, v, RECOVERY_FAST);
    if (!v->sack)
        r->inflate = (int32_t)min_u32(DUP_THRESH * v->smss, flight(v));
    r->dup_room = flight(v) - (uint32_t)r->inflate;
    r->owed = true;
}

static void leave(struct recovery *r)
{
    r->state = RECOVERY_OPEN;
    r->inflate = 0;
    r->dupacks = 0;
    r->owed = false;
}

/* RFC 6675 §5 steps 1 and 2, for an ACK that SACKed `fresh` bytes for the first time.  A loss that
 * the scoreboard has known all along counts too: it may have waited for an earlier recovery's end.
 */
static bool sack_says_lost(struct recovery *r, const struct recovery_view *v, uint32_t fresh)
{
    if (fresh > 0 && r->dupacks < UINT8_MAX)
        r->dupacks++;
    return (fresh > 0 && r->dupacks >= DUP_THRESH) || scoreboard_is_lost(&r->sb, v->una);
}

/* RFC 6582 §3.2 step 2: three duplicates, and not of bytes that the last recovery sent twice.  With
 * una at `recover` they may be either; twice sent bytes would have moved una by far (§4.1). */
static bool dupacks_say_lost(struct recovery *r, const struct cc *c, const struct recovery_view *v,
                             bool dup)
{
    if (dup && r->dupacks < UINT8_MAX)
        r->dupacks++;
    if (!dup || r->dupacks < DUP_THRESH)
        return false;
    return seq_gt(v->una, r->recover) || (c->cwnd > v->smss && r->jump <= 4 * v->smss);
}

/* ---- one ACK ---- */

static enum recovery_event ack_open(struct recovery *r, struct cc *c, const struct recovery_view *v,
                                    const struct recovery_ack *a, uint32_t fresh, la_ns now)
{
    bool lost = v->sack ? sack_says_lost(r, v, fresh) : dupacks_say_lost(r, c, v, a->dup);

    if (lost && seq_lt(v->una, v->nxt)) {
        enter_fast(r, c, v, a->limited, now);
        return RECOVERY_ENTERED;
    }
    if (a->acked > 0)
        cc_ops_of(c)->on_ack(c, a->acked, v->smss, a->limited, now);
    if (seq_gt(v->una, r->recover)) /* or it would lie ahead again 2^31 bytes later */
        r->recover = seq_sub(v->una, 1);
    return RECOVERY_NOTHING;
}

/* RFC 6582 §3.2 step 3, and RFC 5681 §3.2 step 4. */
static enum recovery_event ack_newreno(struct recovery *r, const struct recovery_view *v,
                                       const struct recovery_ack *a)
{
    int32_t smss = (int32_t)v->smss;

    if (a->acked > 0) { /* partial: the next hole is known, and shows that a segment has left */
        r->owed = true;
        r->high_rxt = v->una;
        r->inflate -= (int32_t)a->acked;
        if (a->acked >= v->smss)
            r->inflate += smss;
        r->dup_room = flight(v);
        return RECOVERY_PARTIAL;
    }
    /* Before una moves again only what was out when it last moved can draw a duplicate: what is
     * sent since comes after what goes again.  More are forged (RFC 5681 §3.2, [SCWA99]). */
    if (a->dup && r->dup_room >= v->smss) {
        r->inflate += smss;
        r->dup_room -= v->smss;
    }
    return RECOVERY_NOTHING;
}

/* RFC 6675 §5 steps A and B. */
static enum recovery_event ack_fast(struct recovery *r, struct cc *c, const struct recovery_view *v,
                                    const struct recovery_ack *a, uint32_t fresh, la_ns now)
{
    if (seq_lt(v->una, r->recover)) {
        if (!v->sack)
            return ack_newreno(r, v, a);
        if (a->acked == 0)
            return RECOVERY_NOTHING;
        r->owed = false; /* it came after all; what is still lost the scoreboard knows */
        return RECOVERY_PARTIAL;
    }
    leave(r);
    if (!v->sack) { /* deflate; no burst if little is in flight */
        c->cwnd = min_u32(c->ssthresh, max_u32(flight(v), v->smss) + v->smss);
    } else if (sack_says_lost(r, v, fresh) && seq_lt(v->una, v->nxt)) {
        enter_fast(r, c, v, a->limited, now);
        return RECOVERY_ENTERED;
    }
    return RECOVERY_LEFT;
}

static enum recovery_event ack_loss(struct recovery *r, struct cc *c, const struct recovery_view *v,
                                    const struct recovery_ack *a, uint32_t fresh, la_ns now)
{
    /* While there is something to send again, the window is the limit. */
    bool limited = a->limited || seq_lt(r->high_rxt, r->recover);

    if (a->acked > 0)
        cc_ops_of(c)->on_ack(c, a->acked, v->smss, limited, now);
    if (seq_lt(v->una, r->recover))
        return RECOVERY_NOTHING; /* no fast recovery until then (RFC 6675 §5.1, RFC 6582 §4) */
    leave(r);
    if (v->sack && sack_says_lost(r, v, fresh) && seq_lt(v->una, v->nxt)) {
        enter_fast(r, c, v, a->limited, now);
        return RECOVERY_ENTERED;
    }
    return RECOVERY_LEFT;
}

enum recovery_event recovery_on_ack(struct recovery *r, struct cc *c, struct pool *ranges,
                                    const struct recovery_view *v, const struct recovery_ack *a,
                                    bool *dsack, la_ns now)
{
    uint32_t fresh = 0;

    *dsack = false;
    if (r->state == RECOVERY_OPEN)
        r->high_rxt = v->una; /* RFC 6675 §5 step 3.1 */
    else
        r->high_rxt = seq_max(r->high_rxt, v->una);
    if (v->sack) {
        struct scoreboard_at at = {v->una, v->nxt, r->high_rxt, r->recover, v->smss};
        *dsack = a->opts && scoreboard_dsack(a->opts, a->seg_ack, v->nxt);
        fresh = scoreboard_update(&r->sb, ranges, &at, a->opts, *dsack);
    }
    if (a->acked > 0) {
        r->dupacks = 0;
        r->jump = a->acked;
    }
    switch ((enum recovery_state)r->state) {
    case RECOVERY_OPEN:
        return ack_open(r, c, v, a, fresh, now);
    case RECOVERY_FAST:
        return ack_fast(r, c, v, a, fresh, now);
    case RECOVERY_LOSS:
        return ack_loss(r, c, v, a, fresh, now);
    }
    return RECOVERY_NOTHING;
}

/* ---- a timeout ---- */

/* SACKed ranges stay (RFC 6675 §5.1 leaves that open, if reneging is looked for): a peer that holds
 * una itself and does not acknowledge it has dropped something. */
void recovery_restart(struct recovery *r, struct pool *ranges, const struct recovery_view *v)
{
    if (scoreboard_reneged(&r->sb, ranges, v->una))
        scoreboard_clear(&r->sb, ranges);
    begin(r, v, RECOVERY_LOSS);
    r->dupacks = 0;
}

void recovery_on_rto(struct recovery *r, struct cc *c, struct pool *ranges,
                     const struct recovery_view *v, bool first, la_ns now)
{
    /* Outside fast recovery what is beyond cwnd is limited transmit's, or was given up as lost by
     * an earlier timeout; neither is FlightSize. */
    uint32_t n = r->state == RECOVERY_FAST ? flight(v) : min_u32(flight(v), c->cwnd);

    cc_ops_of(c)->on_rto(c, n, v->smss, first, now);
    recovery_restart(r, ranges, v);
}

/* ---- what may go ---- */

/* Unless it was SACKed: what is sent and neither lost nor, once more, sent again. */
static uint32_t sack_pipe(const struct recovery *r, const struct recovery_view *v)
{
    const struct scoreboard *b = &r->sb;
    seqno lost = b->sacked.head ? seq_max(b->lost, v->una) : v->una;
    uint32_t pipe = (v->nxt.v - lost.v) - b->above_lost; /* SetPipe() step a */

    if (r->state == RECOVERY_FAST)
        pipe += (r->high_rxt.v - v->una.v) - b->below_rxt; /* step b */
    return pipe;
}

/* After a timeout only what went out since counts: again below recover, or new above it. */
static uint32_t loss_pipe(const struct recovery *r, const struct recovery_view *v)
{
    const struct scoreboard *b = &r->sb;

    return (r->high_rxt.v - v->una.v) - b->below_rxt + (v->nxt.v - r->recover.v) - b->above_recover;
}

uint32_t recovery_pipe(const struct recovery *r, const struct pool *ranges,
                       const struct recovery_view *v)
{
    (void)ranges;
    if (r->state == RECOVERY_LOSS)
        return loss_pipe(r, v);
    return v->sack ? sack_pipe(r, v) : flight(v);
}

/* What the window leaves free beyond `pipe`; with nothing in flight always a segment, or nothing
 * would ever move. */
static uint32_t room_beyond(uint32_t window, uint32_t pipe, uint32_t smss)
{
    uint32_t room = window > pipe ? window - pipe : 0;

    return pipe == 0 ? max_u32(room, smss) : room;
}

static enum recovery_next send_new(const struct recovery_view *v, uint32_t n, seqno *from,
                                   uint32_t *room)
{
    *from = v->nxt;
    *room = n;
    return n > 0 ? RECOVERY_SEND_NEW : RECOVERY_SEND_NONE;
}

static enum recovery_next send_again(seqno start, seqno end, uint32_t most, seqno *from,
                                     uint32_t *room)
{
    *from = start;
    *room = min_u32(end.v - start.v, most);
    return RECOVERY_SEND_AGAIN;
}

/* Without SACK the first two duplicate ACKs each let one new segment go (RFC 3042); with it, the
 * pipe is smaller by what they SACKed (RFC 6675 §5 step 3). */
static enum recovery_next next_open(const struct recovery *r, const struct cc *c,
                                    const struct recovery_view *v, seqno *from, uint32_t *room)
{
    if (v->sack)
        return send_new(v, room_beyond(c->cwnd, sack_pipe(r, v), v->smss), from, room);
    uint32_t limited = min_u32(r->dupacks, DUP_THRESH - 1) * v->smss;
    return send_new(v, room_beyond(c->cwnd + limited, flight(v), v->smss), from, room);
}

/* The segment at una, whatever else was found: RFC 6675 §5 step 4.3, RFC 6582 §3.2 step 3. */
static enum recovery_next next_owed(const struct recovery *r, const struct pool *ranges,
                                    const struct recovery_view *v, seqno *from, uint32_t *room)
{
    struct hole h = scoreboard_hole(&r->sb, ranges, v->una, v->nxt);

    return send_again(v->una, seq_eq(h.start, v->una) ? h.end : v->nxt, v->smss, from, room);
}

/* RFC 6675 §4 NextSeg() rules 1 and 2, within §5 step C's window. */
static enum recovery_next next_sack(const struct recovery *r, const struct cc *c,
                                    const struct pool *ranges, const struct recovery_view *v,
                                    seqno *from, uint32_t *room)
{
    uint32_t n = room_beyond(c->cwnd, sack_pipe(r, v), v->smss);

    if (n < v->smss)
        return RECOVERY_SEND_NONE;
    struct hole h = scoreboard_hole(&r->sb, ranges, r->high_rxt, v->nxt);
    if (h.below_top && scoreboard_is_lost(&r->sb, h.start))
        return send_again(h.start, h.end, n, from, room);
    return send_new(v, n, from, room);
}

static enum recovery_next next_newreno(const struct recovery *r, const struct cc *c,
                                       const struct recovery_view *v, seqno *from, uint32_t *room)
{
    int64_t window = (int64_t)c->cwnd + r->inflate;
    uint32_t n = room_beyond(window > 0 ? (uint32_t)window : 0, flight(v), v->smss);

    return n < v->smss ? RECOVERY_SEND_NONE : send_new(v, n, from, room);
}

/* After a timeout: fill the holes from una on (RFC 6675 §5.1), then go on with new text. */
static enum recovery_next next_loss(const struct recovery *r, const struct cc *c,
                                    const struct pool *ranges, const struct recovery_view *v,
                                    seqno *from, uint32_t *room)
{
    uint32_t n = room_beyond(c->cwnd, loss_pipe(r, v), v->smss);

    if (n < v->smss)
        return RECOVERY_SEND_NONE;
    struct hole h = scoreboard_hole(&r->sb, ranges, r->high_rxt, v->nxt);
    if (seq_lt(h.start, r->recover))
        return send_again(h.start, seq_min(h.end, r->recover), n, from, room);
    return send_new(v, n, from, room);
}

enum recovery_next recovery_next(const struct recovery *r, const struct cc *c,
                                 const struct pool *ranges, const struct recovery_view *v,
                                 seqno *from, uint32_t *room)
{
    *from = v->nxt;
    *room = 0;
    switch ((enum recovery_state)r->state) {
    case RECOVERY_OPEN:
        return next_open(r, c, v, from, room);
    case RECOVERY_FAST:
        if (r->owed)
            return next_owed(r, ranges, v, from, room);
        return v->sack ? next_sack(r, c, ranges, v, from, room) : next_newreno(r, c, v, from, room);
    case RECOVERY_LOSS:
        return next_loss(r, c, ranges, v, from, room);
    }
    return RECOVERY_SEND_NONE;
}

enum recovery_next recovery_last_resort(const struct recovery *r, const struct cc *c,
                                        const struct pool *ranges, const struct recovery_view *v,
                                        seqno *from, uint32_t *room)
{
    *from = v->nxt;
    *room = 0;
    if (r->state != RECOVERY_FAST || !v->sack || r->owed)
        return RECOVERY_SEND_NONE;
    if (room_beyond(c->cwnd, sack_pipe(r, v), v->smss) < v->smss)
        return RECOVERY_SEND_NONE;
    struct hole h = scoreboard_hole(&r->sb, ranges, r->high_rxt, v->nxt);
    if (h.below_top) /* rule 3: perhaps lost */
        return send_again(h.start, h.end, v->smss, from, room);
    if (seq_le(v->una, r->rescue))
        return RECOVERY_SEND_NONE;
    h = scoreboard_last_hole(&r->sb, ranges, v->una, v->nxt); /* rule 4: its highest segment */
    if (seq_eq(h.start, h.end))
        return RECOVERY_SEND_NONE;
    if (h.end.v - h.start.v > v->smss)
        h.start = seq_sub(h.end, v->smss);
    return send_again(h.start, h.end, v->smss, from, room);
}

void recovery_sent(struct recovery *r, const struct recovery_view *v, seqno from, uint32_t n,
                   bool again)
{
    seqno end = seq_add(from, n);
    seqno done = seq_max(r->high_rxt, v->una);

    if (!again || r->state == RECOVERY_OPEN)
        return;
    if (r->state == RECOVERY_FAST && r->owed) {
        r->rescue = end;
    } else if (r->state == RECOVERY_FAST && v->sack &&
               (seq_le(end, done) || !r->sb.sacked.head || seq_ge(from, r->sb.top))) {
        r->rescue = r->recover; /* rule 4, once; HighRxt stays */
        return;
    }
    r->owed = false;
    if (seq_gt(from, done)) /* what was stepped over is SACKed */
        r->sb.below_rxt += from.v - done.v;
    r->high_rxt = seq_max(done, end);
}
