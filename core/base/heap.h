/* heap.h: deadlines in order, ties in the order in which they were armed.  A 4-ary min-heap.
 * The owner keeps each item's position, so that it can be moved and removed in O(log n). */
#ifndef LA_BASE_HEAP_H
#define LA_BASE_HEAP_H

#include "base/pages.h"

#define HEAP_NONE 0U /* no item stands there: an item with this position is not in the heap */

struct heap {
    struct pages items; /* of struct heap_item; the first few stay unused */
    uint32_t n;
    uint64_t armed;                           /* serial of the last heap_set */
    uint32_t *(*pos)(void *ctx, uint32_t id); /* where the owner of `id` keeps its position */
    void *ctx;
};

void heap_init(struct heap *h, struct mem *m, uint32_t cap, uint32_t *(*pos)(void *, uint32_t),
               void *ctx);
void heap_free(struct heap *h);
/* Makes room for n items, so that heap_set cannot fail up to there. */
bool heap_reserve(struct heap *h, uint32_t n);
/* Inserts or moves `id` to `when`.  Room must have been reserved. */
void heap_set(struct heap *h, uint32_t id, la_ns when);
void heap_remove(struct heap *h, uint32_t id); /* nothing if it is not in */
/* When the item at this position is due. */
la_ns heap_when(const struct heap *h, uint32_t pos);
/* The earliest deadline, LA_NEVER if empty. */
la_ns heap_first(const struct heap *h);
/* Takes the first item out if it is due; 0 if not. */
uint32_t heap_pop_due(struct heap *h, la_ns now);

#endif
