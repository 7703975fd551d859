/* ranges.h: a set of sequence numbers as sorted, disjoint, non-touching ranges [start, end).
 * All lie within 2^31 of each other.  Bounded: at most `max` ranges a set. */
#ifndef LA_BASE_RANGES_H
#define LA_BASE_RANGES_H

#include "base/pool.h"
#include "base/seqno.h"

struct range {
    uint32_t next; /* index in the pool, 0: last (also the pool's free link: keep first) */
    seqno start, end;
};

struct ranges {
    uint32_t head;
    uint32_t count;
};

/* Adds [start, end), merging.  False (nothing changed) if it needs a node and there is none, or
 * `max` are in use. */
bool ranges_add(struct ranges *r, struct pool *p, seqno start, seqno end, uint32_t max);
/* Takes away everything before `upto`. */
void ranges_trim(struct ranges *r, struct pool *p, seqno upto);
void ranges_clear(struct ranges *r, struct pool *p);
/* The range that holds s; NULL if none does. */
const struct range *ranges_find(const struct ranges *r, const struct pool *p, seqno s);
/* The first range that ends after s (it may hold s or lie above it); NULL if none. */
const struct range *ranges_above(const struct ranges *r, const struct pool *p, seqno s);
/* How many numbers of [start, end) are in the set. */
uint32_t ranges_overlap(const struct ranges *r, const struct pool *p, seqno start, seqno end);
uint32_t ranges_bytes(const struct ranges *r, const struct pool *p);
static inline const struct range *ranges_first(const struct ranges *r, const struct pool *p)
{
    return r->head ? pool_at(p, r->head) : (const struct range *)0;
}
static inline const struct range *ranges_next(const struct range *x, const struct pool *p)
{
    return x->next ? pool_at(p, x->next) : (const struct range *)0;
}

#endif
