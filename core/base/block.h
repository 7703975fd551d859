/* block.h: buffers are chains of 4 KiB blocks from one place: nothing held while empty, nothing
 * copied when growing. */
#ifndef LA_BASE_BLOCK_H
#define LA_BASE_BLOCK_H

#include "base/assert.h"
#include "base/checksum.h"
#include "base/pages.h"
#include "base/seqno.h"
#include <string.h>

#define BLOCK_BYTES 4096U
#define BLOCK_DATA (BLOCK_BYTES - 16U)

struct block {
    struct block *next; /* of its chain, or free */
    seqno start;        /* the stream's number of data[0] */
    uint32_t len;       /* for whoever needs it: bytes in use */
    uint8_t data[BLOCK_DATA];
};
_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a block is 4 KiB");

struct blocks {
    struct pages pages;
    struct block *free;
    uint32_t made, used;
};

/* cap blocks at most; holds no memory yet. */
void blocks_init(struct blocks *p, struct mem *m, uint32_t cap);
void blocks_free(struct blocks *p);

/* block_get where none is free, or where a test may want a refusal. */
__attribute__((cold, noinline)) struct block *block_get_slow(struct blocks *p);
/* NULL at the cap, out of memory, or where mem.fail_at says so.  Its data is whatever it was. */
static inline struct block *block_get(struct blocks *p)
{
    struct block *b = p->free;
    if (!b || p->pages.mem->fail_at != 0) {
        b = block_get_slow(p);
        if (!b)
            return b;
    } else {
        p->free = b->next;
    }
    p->used++;
    b->next = (struct block *)0;
    b->len = 0;
    return b;
}
static inline void block_put(struct blocks *p, struct block *b)
{
    LA_ASSERT(p->used > 0);
    p->used--;
    b->next = p->free;
    p->free = b;
}
/* memcpy for a run of a block's bytes: without a call for a few, and by the checksum's loop for
 * many, as the string instructions that C libraries use for that many are slow where source and
 * destination are aligned differently. */
static inline void block_copy(uint8_t *to, const uint8_t *from, uint32_t n)
{
    if (n >= 8) {
        struct csum unused = {0};
        csum_copy(&unused, to, from, n);
        return;
    }
    if (n & 4)
        memcpy(to, from, 4);
    if (n & 2)
        memcpy(to + (n & 4), from + (n & 4), 2);
    if (n & 1)
        to[n - 1] = from[n - 1];
}
/* Gives back a whole chain. */
void block_put_all(struct blocks *p, struct block *b);

#endif
