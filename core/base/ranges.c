/* ranges.c: sets of sequence numbers as sorted lists of disjoint ranges that do not touch.
 * Everything is a walk of a short list: a set has a bound, and its owner chooses it. */
#include "base/ranges.h"

static struct range *at(const struct pool *p, uint32_t i)
{
    return pool_at(p, i);
}

/* Takes the node that *link names out of the list. */
static void drop(struct ranges *r, struct pool *p, uint32_t *link)
{
    uint32_t i = *link;

    *link = at(p, i)->next;
    r->count--;
    pool_put(p, i);
}

bool ranges_add(struct ranges *r, struct pool *p, seqno start, seqno end, uint32_t max)
{
    uint32_t *link = &r->head;

    if (seq_ge(start, end))
        return true;
    while (*link && seq_lt(at(p, *link)->end, start))
        link = &at(p, *link)->next;

    if (*link == 0 || seq_gt(at(p, *link)->start, end)) { /* touches nothing */
        uint32_t i;
        struct range *x = r->count < max ? pool_get(p, &i) : NULL;
        if (!x)
            return false;
        *x = (struct range){*link, start, end};
        *link = i;
        r->count++;
        return true;
    }
    struct range *x = at(p, *link);
    x->start = seq_min(x->start, start);
    x->end = seq_max(x->end, end);
    while (x->next && seq_le(at(p, x->next)->start, x->end)) {
        x->end = seq_max(x->end, at(p, x->next)->end);
        drop(r, p, &x->next);
    }
    return true;
}

void ranges_trim(struct ranges *r, struct pool *p, seqno upto)
{
    while (r->head && seq_le(at(p, r->head)->end, upto))
        drop(r, p, &r->head);
    if (r->head)
        at(p, r->head)->start = seq_max(at(p, r->head)->start, upto);
}

void ranges_clear(struct ranges *r, struct pool *p)
{
    while (r->head)
        drop(r, p, &r->head);
}

const struct range *ranges_above(const struct ranges *r, const struct pool *p, seqno s)
{
    const struct range *x = ranges_first(r, p);

    while (x && seq_le(x->end, s))
        x = ranges_next(x, p);
    return x;
}

const struct range *ranges_find(const struct ranges *r, const struct pool *p, seqno s)
{
    const struct range *x = ranges_above(r, p, s);
    return x && seq_le(x->start, s) ? x : NULL;
}

uint32_t ranges_overlap(const struct ranges *r, const struct pool *p, seqno start, seqno end)
{
    uint32_t n = 0;

    for (const struct range *x = ranges_above(r, p, start); x && seq_lt(x->start, end);
         x = ranges_next(x, p)) {
        int32_t d = seq_diff(seq_min(x->end, end), seq_max(x->start, start));
        if (d > 0)
            n += (uint32_t)d;
    }
    return n;
}

uint32_t ranges_bytes(const struct ranges *r, const struct pool *p)
{
    uint32_t n = 0;

    for (const struct range *x = ranges_first(r, p); x; x = ranges_next(x, p))
        n += (uint32_t)seq_diff(x->end, x->start);
    return n;
}
