/* mem.h: where every byte of a stack comes from.  Counts what is taken. */
#ifndef LA_BASE_MEM_H
#define LA_BASE_MEM_H

#include <lastack/stack.h>

struct mem {
    struct la_memory from;
    uint64_t bytes;   /* taken and not given back */
    uint32_t fail_at; /* la_lab.fail_alloc_at: pool_get refuses this one; 0: none, or it is done */
    uint32_t asked;   /* objects asked of pools so far */
    uint64_t refused; /* times that anything was refused */
};

/* Zeroed memory, or NULL. */
void *mem_get(struct mem *m, size_t bytes);
void mem_put(struct mem *m, void *p, size_t bytes);

#endif
