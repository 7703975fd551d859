/* pool.c: objects of one size, by index: a free list over pages.
 * Invariant: every index in [1, made] is either handed out or on the free list; used counts the
 * former. */
#include "base/pool.h"

void pool_init(struct pool *p, struct mem *m, uint32_t obj, uint32_t cap)
{
    LA_ASSERT(obj >= sizeof p->free);
    if (cap == UINT32_MAX)
        cap--;
    *p = (struct pool){0};
    pages_init(&p->pages, m, obj, cap + 1); /* element 0 is never handed out */
}

void *pool_get_slow(struct pool *p, uint32_t *index)
{
    uint32_t i = p->free;

    if (mem_refuses(p->pages.mem))
        return NULL;
    if (i != 0) {
        memcpy(&p->free, pool_at(p, i), sizeof p->free);
    } else {
        if (!pages_grow(&p->pages, p->made + 2))
            return NULL;
        i = ++p->made;
    }
    p->used++;
    *index = i;
    return pool_at(p, i);
}

void pool_free(struct pool *p)
{
    pages_free(&p->pages);
    p->free = p->made = p->used = 0;
}
