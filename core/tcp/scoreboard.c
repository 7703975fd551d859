/* scoreboard.c: RFC 6675's Update(), IsLost() and the holes that NextSeg() asks for.
 *
 * IsLost(S) only asks what is SACKed above S, so it holds for every number below one border,
 * `lost`: the start of the third range from the top, or of the range with which more than two
 * segments' worth is SACKed.  Invariant: after scoreboard_update all sums agree with the ranges. */
#include "tcp/scoreboard.h"

static uint32_t length(const struct range *x)
{
    return x->end.v - x->start.v;
}

bool scoreboard_dsack(const struct tcp_opts *o, seqno seg_ack, seqno nxt)
{
    if (o->nsack == 0)
        return false;
    const struct sack_block *first = &o->sack[0];
    if (seq_ge(first->start, first->end) || seq_gt(first->end, nxt))
        return false;
    if (seq_lt(first->start, seg_ack))
        return true;
    const struct sack_block *second = &o->sack[1];
    return o->nsack > 1 && seq_le(second->start, first->start) && seq_le(first->end, second->end);
}

/* A block can only tell of bytes that are sent and not acknowledged; una itself cannot be held, or
 * it would be acknowledged.  By distance from una: a block half the numbers away lies "above una"
 * and "below nxt" too. */
static bool plausible(const struct sack_block *s, const struct scoreboard_at *a)
{
    uint32_t from = s->start.v - a->una.v, to = s->end.v - a->una.v;
    return from > 0 && from < to && to <= a->nxt.v - a->una.v;
}

/* The border below which everything not SACKed counts as lost; `last` has the last DUP_THRESH of
 * `seen` ranges. */
static void find_lost(struct scoreboard *b, const struct scoreboard_at *a,
                      const struct range *const *last, uint32_t seen)
{
    uint32_t sum = 0;

    b->lost = a->una;
    b->above_lost = b->bytes;
    for (uint32_t k = 1; k <= seen && k <= DUP_THRESH; k++) {
        const struct range *x = last[(seen - k) % DUP_THRESH];
        sum += length(x);
        if (k == DUP_THRESH || sum > (DUP_THRESH - 1) * a->smss) {
            b->lost = x->start;
            b->above_lost = sum;
            return;
        }
    }
}

/* Brings the sums up to date in one walk. */
static void count(struct scoreboard *b, const struct pool *ranges, const struct scoreboard_at *a)
{
    const struct range *last[DUP_THRESH] = {0};
    uint32_t seen = 0;

    *b = (struct scoreboard){.sacked = b->sacked};
    for (uint32_t i = b->sacked.head; i;) {
        const struct range *x = pool_at(ranges, i);
        b->bytes += length(x);
        b->top = x->end;
        if (seq_le(x->end, a->high_rxt)) {
            b->below_rxt += length(x);
        } else {
            if (!b->hint)
                b->hint = i;
            if (seq_lt(x->start, a->high_rxt))
                b->below_rxt += a->high_rxt.v - x->start.v;
        }
        if (seq_gt(x->end, a->recover))
            b->above_recover += x->end.v - seq_max(x->start, a->recover).v;
        last[seen++ % DUP_THRESH] = x;
        i = x->next;
    }
    find_lost(b, a, last, seen);
}

/* Takes everything below una away. */
static void trim(struct scoreboard *b, struct pool *ranges, seqno una)
{
    for (const struct range *x = ranges_first(&b->sacked, ranges); x && seq_lt(x->start, una);
         x = ranges_next(x, ranges))
        b->bytes -= seq_min(x->end, una).v - x->start.v;
    ranges_trim(&b->sacked, ranges, una);
}

uint32_t scoreboard_update(struct scoreboard *b, struct pool *ranges, const struct scoreboard_at *a,
                           const struct tcp_opts *o, bool dsack)
{
    uint32_t blocks = o ? o->nsack : 0;

    if (!b->sacked.head && blocks == 0)
        return 0;
    trim(b, ranges, a->una);
    uint32_t before = b->bytes;
    for (uint32_t i = dsack ? 1 : 0; i < blocks && i < TCP_SACK_MAX; i++) {
        const struct sack_block *s = &o->sack[i];
        if (plausible(s, a)) /* a refused range is only forgotten: it will be sent once more */
            (void)ranges_add(&b->sacked, ranges, s->start, s->end, SCOREBOARD_RANGES);
    }
    count(b, ranges, a);
    return b->bytes - before;
}

void scoreboard_clear(struct scoreboard *b, struct pool *ranges)
{
    ranges_clear(&b->sacked, ranges);
    *b = (struct scoreboard){0};
}

void scoreboard_rewind(struct scoreboard *b)
{
    b->below_rxt = 0;
    b->above_recover = 0;
    b->hint = b->sacked.head;
}

bool scoreboard_reneged(const struct scoreboard *b, const struct pool *ranges, seqno una)
{
    const struct range *x = ranges_first(&b->sacked, ranges);
    return x && seq_le(x->start, una);
}

struct hole scoreboard_hole(const struct scoreboard *b, const struct pool *ranges, seqno from,
                            seqno nxt)
{
    for (uint32_t i = b->hint; i;) {
        const struct range *x = pool_at(ranges, i);
        if (seq_gt(x->start, from))
            return (struct hole){from, x->start, true};
        from = seq_max(from, x->end);
        i = x->next;
    }
    return (struct hole){from, nxt, false};
}

struct hole scoreboard_last_hole(const struct scoreboard *b, const struct pool *ranges, seqno una,
                                 seqno nxt)
{
    struct hole last = {una, una, false};
    seqno p = una;

    for (const struct range *x = ranges_first(&b->sacked, ranges); x; x = ranges_next(x, ranges)) {
        if (seq_gt(x->start, p))
            last = (struct hole){p, x->start, true};
        p = seq_max(p, x->end);
    }
    return seq_lt(p, nxt) ? (struct hole){p, nxt, false} : last;
}
