/* stack.h: what a stack is made of.  core/stack/ ties the layers together and is the public API's
 * other side. */
#ifndef LA_STACK_STACK_H
#define LA_STACK_STACK_H

#include "tcp/spine.h"
#include <lastack/lastack.h>

struct la_stack {
    struct la_config cfg;
    struct mem mem;
    struct blocks blocks;
    struct pool ranges;
    struct net *net;
    struct tcp tcp;
    uint64_t rules[NR_COUNT + R_COUNT];
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    la_ns now; /* of the last call: only for deadlines that are kept modulo 2^32 */
};

/* What a handle names, without waking a connection at rest: one of these, or neither. */
const struct tcb *stack_awake(const struct la_stack *s, la_conn c);
const struct rest *stack_rest(const struct la_stack *s, la_conn c);
struct listener *stack_listener(const struct la_stack *s, la_conn c);

#endif
