/* pages.h: an array that grows without moving: a directory of equal pages, made when first touched.
 * Invariant: elements [0, len) have memory, zeroed when first made. */
#ifndef LA_BASE_PAGES_H
#define LA_BASE_PAGES_H

#include "base/mem.h"

struct pages {
    struct mem *mem;
    uint8_t **dir;  /* made by the first pages_grow */
    uint32_t elem;  /* bytes of one element */
    uint32_t shift; /* elements a page, as a power of two */
    uint32_t cap;   /* elements at most */
    uint32_t len;   /* elements that have memory */
};

/* Pages of about 64 KiB; `elem` <= 64 KiB.  Takes no memory yet. */
void pages_init(struct pages *p, struct mem *m, uint32_t elem, uint32_t cap);
/* Makes at least n elements usable.  False (nothing changed) past cap or out of memory. */
bool pages_grow(struct pages *p, uint32_t n);
void pages_free(struct pages *p);

static inline void *pages_at(const struct pages *p, uint32_t i)
{
    return p->dir[i >> p->shift] + (size_t)(i & ((1U << p->shift) - 1)) * p->elem;
}

#endif
