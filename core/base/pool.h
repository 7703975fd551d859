/* pool.h: objects of one size, by index.  Index 0 is never handed out: it means none.
 * An object keeps its bytes from pool_put to the next pool_get, but for the first four. */
#ifndef LA_BASE_POOL_H
#define LA_BASE_POOL_H

#include "base/pages.h"

struct pool {
    struct pages pages;
    uint32_t free; /* head of the free list, linked through the first four bytes */
    uint32_t made; /* indices [1, made] exist */
    uint32_t used;
    uint32_t peak;
};

/* cap objects at most. */
void pool_init(struct pool *p, struct mem *m, uint32_t obj, uint32_t cap);
/* NULL at the cap, out of memory, or where mem.fail_at says so.  Not cleared. */
void *pool_get(struct pool *p, uint32_t *index);
void pool_put(struct pool *p, uint32_t index);
void pool_free(struct pool *p);

static inline void *pool_at(const struct pool *p, uint32_t index)
{
    return pages_at(&p->pages, index);
}
/* Was this index ever handed out?  (Not: is it now.) */
static inline bool pool_has(const struct pool *p, uint32_t index)
{
    return index != 0 && index <= p->made;
}

#endif
