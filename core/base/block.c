/* block.c: giving back chains of buffer blocks. */
#include "base/block.h"

void block_put_all(struct pool *p, struct block *b)
{
    while (b) {
        struct block *next = b->next;
        block_put(p, b);
        b = next;
    }
}
