/* mem.h: where every byte of a stack comes from.  Counts what is taken. */
#ifndef LA_BASE_MEM_H
#define LA_BASE_MEM_H

#include <lastack/stack.h>

struct mem {
    struct la_memory from;
    uint64_t bytes;   /* taken and not given back */
    uint32_t fail_at; /* la_lab.fail_alloc_at: this object is refused; 0: none, or it is done */
    uint32_t asked;   /* objects asked for so far */
    uint64_t refused; /* times that anything was refused */
};

/* Zeroed memory, or NULL. */
void *mem_get(struct mem *m, size_t bytes);
void mem_put(struct mem *m, void *p, size_t bytes);

/* Is the object that is asked for the one that a test wants refused (fail_at)?  Asked here and not
 * in mem_get, so that each one can be refused, wherever pages happen to end. */
bool mem_refuses(struct mem *m);

#endif
