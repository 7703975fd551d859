/* mem.c: the only place that calls the embedder's allocator. */
#include "base/mem.h"
#include <string.h>

void *mem_get(struct mem *m, size_t bytes)
{
    void *p = m->from.alloc(m->from.ctx, bytes);

    if (!p) {
        m->refused++;
        return NULL;
    }
    memset(p, 0, bytes);
    m->bytes += bytes;
    return p;
}

void mem_put(struct mem *m, void *p, size_t bytes)
{
    if (!p)
        return;
    m->bytes -= bytes;
    m->from.free(m->from.ctx, p, bytes);
}
