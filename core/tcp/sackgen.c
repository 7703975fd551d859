/* sackgen.c: choosing the SACK blocks of an ACK (RFC 2018 §4, RFC 2883 §4).
 *
 * The ranges themselves are the receive queue's; here is only which of them to tell first, kept as
 * one number inside each, so that ranges may grow and merge without anyone telling us. */
#include "tcp/sackgen.h"
#include <string.h>

void sackgen_arrived(struct sackgen *g, seqno s)
{
    memmove(g->recent + 1, g->recent, (TCP_SACK_MAX - 1) * sizeof g->recent[0]);
    g->recent[0] = s;
    if (g->n < TCP_SACK_MAX)
        g->n++;
}

void sackgen_duplicate(struct sackgen *g, seqno start, seqno end)
{
    g->dup = true;
    g->dup_block = (struct sack_block){start, end};
}

/* Ranges chosen so far, in the order in which they are told. */
struct choice {
    struct sack_block block[TCP_SACK_MAX];
    uint32_t n;
};

static void choose(struct choice *c, const struct range *x)
{
    if (!x || c->n == TCP_SACK_MAX)
        return;
    for (uint32_t i = 0; i < c->n; i++)
        if (seq_eq(c->block[i].start, x->start))
            return;
    c->block[c->n++] = (struct sack_block){x->start, x->end};
}

/* The highest ranges first: of those that were never told, they are the likeliest. */
static void choose_others(struct choice *c, const struct ranges *ooo, const struct pool *ranges)
{
    enum { ENOUGH = 2 * TCP_SACK_MAX }; /* so many, even if all that is chosen is among them */
    const struct range *top[ENOUGH] = {0};
    uint32_t seen = 0;

    for (const struct range *x = ranges_first(ooo, ranges); x; x = ranges_next(x, ranges))
        top[seen++ % ENOUGH] = x;
    for (uint32_t i = 0; i < seen && i < ENOUGH; i++)
        choose(c, top[(seen - 1 - i) % ENOUGH]);
}

/* Also updates `recent`: numbers whose range is gone, or that share one, drop out. */
static void choose_all(struct sackgen *g, struct choice *c, const struct ranges *ooo,
                       const struct pool *ranges)
{
    for (uint32_t i = 0; i < g->n; i++)
        choose(c, ranges_find(ooo, ranges, g->recent[i]));
    if (c->n < TCP_SACK_MAX && c->n < ooo->count)
        choose_others(c, ooo, ranges);
    g->n = (uint8_t)c->n;
    for (uint32_t i = 0; i < c->n; i++)
        g->recent[i] = c->block[i].start;
}

uint32_t sackgen_blocks(struct sackgen *g, const struct ranges *ooo, const struct pool *ranges,
                        seqno rcv_nxt, struct sack_block *out, uint32_t max)
{
    struct choice c = {.n = 0};
    uint32_t n = 0;

    if (!ooo->head)
        g->n = 0;
    if (max == 0 || (!g->dup && !ooo->head))
        return 0;
    if (g->dup) {
        out[n++] = g->dup_block;
        if (seq_gt(g->dup_block.start,
                   rcv_nxt)) /* RFC 2883 §4 rule 4: the range that it is part of */
            choose(&c, ranges_find(ooo, ranges, g->dup_block.start));
        g->dup = false;
    }
    choose_all(g, &c, ooo, ranges);
    for (uint32_t i = 0; i < c.n && n < max && n < TCP_SACK_MAX; i++)
        out[n++] = c.block[i];
    return n;
}
