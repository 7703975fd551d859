/* block.h: buffers are chains of 4 KiB blocks from one pool: nothing held while empty, nothing
 * copied when growing. */
#ifndef LA_BASE_BLOCK_H
#define LA_BASE_BLOCK_H

#include "base/pool.h"
#include "base/seqno.h"

#define BLOCK_BYTES 4096U
#define BLOCK_DATA (BLOCK_BYTES - 24U)

struct block {
    uint32_t free_link; /* the pool's */
    uint32_t self;      /* its index */
    struct block *next;
    seqno start;  /* the stream's number of data[0] */
    uint32_t len; /* for whoever needs it: bytes in use */
    uint8_t data[BLOCK_DATA];
};
_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a block is 4 KiB");

static inline struct block *block_get(struct pool *p)
{
    uint32_t i;
    struct block *b = pool_get(p, &i);
    if (b) {
        b->self = i;
        b->next = (struct block *)0;
        b->len = 0;
    }
    return b;
}
static inline void block_put(struct pool *p, struct block *b)
{
    pool_put_at(p, b, b->self);
}
/* memcpy, without a call for a few bytes. */
static inline void block_copy(uint8_t *to, const uint8_t *from, uint32_t n)
{
    if (n >= 8) {
        memcpy(to, from, n);
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
void block_put_all(struct pool *p, struct block *b);

#endif
