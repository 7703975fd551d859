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

bool mem_refuses(struct mem *m)
{
    m->asked++;
    if (m->fail_at == 0 || m->asked != m->fail_at)
        return false;
    m->fail_at = 0; /* once */
    m->refused++;
    return true;
}

void mem_put(struct mem *m, void *p, size_t bytes)
{
    if (!p)
        return;
    m->bytes -= bytes;
    m->from.free(m->from.ctx, p, bytes);
}
