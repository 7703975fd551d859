/* fuzz_mem.h: pools for the data structures under test, on the C library's memory. */
#ifndef FUZZ_FUZZ_MEM_H
#define FUZZ_FUZZ_MEM_H

#include "base/block.h"
#include "base/ranges.h"
#include "fuzz/fuzz.h"

static inline void *fuzz_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static inline void fuzz_free(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

struct fuzz_mem {
    struct mem m;
    struct blocks blocks;
    struct pool ranges;
};

static inline void fuzz_mem_init(struct fuzz_mem *f, uint32_t blocks, uint32_t ranges)
{
    *f = (struct fuzz_mem){.m.from = {fuzz_alloc, fuzz_free, NULL}};
    blocks_init(&f->blocks, &f->m, blocks);
    pool_init(&f->ranges, &f->m, sizeof(struct range), ranges);
}

/* Everything has come back. */
static inline void fuzz_mem_end(struct fuzz_mem *f)
{
    CHECK(f->blocks.used == 0 && f->ranges.used == 0);
    blocks_free(&f->blocks);
    pool_free(&f->ranges);
    CHECK(f->m.bytes == 0);
}

#endif
