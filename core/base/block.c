/* block.c: where buffer blocks come from, and giving back chains of them. */
#include "base/block.h"

void blocks_init(struct blocks *p, struct mem *m, uint32_t cap)
{
    *p = (struct blocks){0};
    pages_init(&p->pages, m, sizeof(struct block), cap);
}

void blocks_free(struct blocks *p)
{
    pages_free(&p->pages);
    p->free = (struct block *)0;
    p->made = p->used = 0;
}

struct block *block_get_slow(struct blocks *p)
{
    struct block *b = p->free;

    if (mem_refuses(p->pages.mem))
        return (struct block *)0;
    if (b)
        p->free = b->next;
    else if (pages_grow(&p->pages, p->made + 1))
        b = pages_at(&p->pages, p->made++);
    return b;
}

void block_put_all(struct blocks *p, struct block *b)
{
    while (b) {
        struct block *next = b->next;
        block_put(p, b);
        b = next;
    }
}
