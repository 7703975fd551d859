/* base_kit.h: what the tests of base/ and wire/ share: memory that checks what is given back,
 * seeded numbers, and inputs that end where their allocation ends, so that a sanitizer sees one
 * byte too many. */
#ifndef LA_TESTS_BASE_KIT_H
#define LA_TESTS_BASE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

/* An allocator that fills with rubbish, remembers sizes, and refuses the n-th call on demand. */
struct kit {
    struct mem mem;
    size_t live; /* bytes handed out */
    uint32_t calls;
    uint32_t refuse; /* this call and all later ones are refused; 0: none */
};

#define KIT_HEAD 16U /* before each allocation: its size, and alignment kept */

static inline void *kit_alloc(void *ctx, size_t bytes)
{
    struct kit *k = ctx;

    k->calls++;
    if (k->refuse && k->calls >= k->refuse)
        return NULL;
    uint8_t *p = malloc(bytes + KIT_HEAD);
    assert_non_null(p);
    memset(p, 0xa5, bytes + KIT_HEAD);
    memcpy(p, &bytes, sizeof bytes);
    k->live += bytes;
    return p + KIT_HEAD;
}

static inline void kit_free(void *ctx, void *ptr, size_t bytes)
{
    struct kit *k = ctx;
    uint8_t *p = (uint8_t *)ptr - KIT_HEAD;
    size_t was;

    memcpy(&was, p, sizeof was);
    assert_int_equal(was, bytes);
    k->live -= bytes;
    free(p);
}

static inline void kit_init(struct kit *k)
{
    *k = (struct kit){0};
    k->mem.from = (struct la_memory){kit_alloc, kit_free, k};
}

/* Everything was given back, by both accounts. */
static inline void kit_done(const struct kit *k)
{
    assert_int_equal(k->live, 0);
    assert_int_equal(k->mem.bytes, 0);
}

/* xorshift64*: the same numbers everywhere. */
static inline uint32_t kit_rand(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return (uint32_t)(*s * 0x2545f4914f6cdd1dU >> 32);
}
static inline uint32_t kit_below(uint64_t *s, uint32_t n)
{
    return kit_rand(s) % n;
}

/* A copy of n bytes in an allocation of just n; free() it. */
static inline uint8_t *kit_exact(const void *p, size_t n)
{
    uint8_t *q = malloc(n ? n : 1);
    assert_non_null(q);
    if (n)
        memcpy(q, p, n);
    return q;
}

/* Changes a few bytes, with a liking for the values at which parsers break. */
static inline void kit_mutate(uint64_t *s, uint8_t *p, size_t n)
{
    static const uint8_t edge[] = {0, 1, 2, 3, 4, 5, 8, 0x7f, 0x80, 0xfe, 0xff};

    for (uint32_t k = 1 + kit_below(s, 4); k > 0 && n > 0; k--) {
        uint32_t at = kit_below(s, (uint32_t)n);
        p[at] = kit_below(s, 2) ? edge[kit_below(s, sizeof edge)] : (uint8_t)kit_rand(s);
    }
}

#endif
