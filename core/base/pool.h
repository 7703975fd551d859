/* pool.h: objects of one size, by index.  Index 0 is never handed out: it means none.
 * An object keeps its bytes from pool_put to the next pool_get, but for the first four. */
#ifndef LA_BASE_POOL_H
#define LA_BASE_POOL_H

#include "base/assert.h"
#include "base/pages.h"
#include <string.h>

struct pool {
    struct pages pages;
    uint32_t free; /* head of the free list, linked through the first four bytes */
    uint32_t made; /* indices [1, made] exist */
    uint32_t used;
};

/* cap objects at most. */
void pool_init(struct pool *p, struct mem *m, uint32_t obj, uint32_t cap);
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

/* pool_get where nothing is free, or where a test may want a refusal. */
__attribute__((cold, noinline)) void *pool_get_slow(struct pool *p, uint32_t *index);
/* NULL at the cap, out of memory, or where mem.fail_at says so.  Not cleared. */
static inline void *pool_get(struct pool *p, uint32_t *index)
{
    uint32_t i = p->free;

    if (i == 0 || p->pages.mem->fail_at != 0)
        return pool_get_slow(p, index);
    void *obj = pool_at(p, i);
    memcpy(&p->free, obj, sizeof p->free);
    p->used++;
    *index = i;
    return obj;
}
/* obj is the object of this index. */
static inline void pool_put_at(struct pool *p, void *obj, uint32_t index)
{
    LA_ASSERT(pool_has(p, index) && p->used > 0);
    memcpy(obj, &p->free, sizeof p->free);
    p->free = index;
    p->used--;
}
static inline void pool_put(struct pool *p, uint32_t index)
{
    pool_put_at(p, pool_at(p, index), index);
}

#endif
