/* ref.h: what a socket pair leads to, in 32 bits: a kind and an index into that kind's pool. */
#ifndef LA_TCP_REF_H
#define LA_TCP_REF_H

#include <stdint.h>

enum ref_kind { REF_TCB, REF_REST, REF_EMBRYO, REF_TW4, REF_TW6 };
typedef uint32_t ref;
#define REF_NONE 0U
#define REF_INDEX_MAX 0x1fffffffU

static inline ref ref_of(enum ref_kind k, uint32_t index)
{
    return (uint32_t)k << 29 | index;
}
static inline enum ref_kind ref_kind(ref r)
{
    return (enum ref_kind)(r >> 29);
}
static inline uint32_t ref_index(ref r)
{
    return r & REF_INDEX_MAX;
}

#endif
