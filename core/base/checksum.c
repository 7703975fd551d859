/* checksum.c: the Internet checksum (RFC 1071).  The hottest code of the product: each byte sent or
 * received in software passes here, so long runs go through vectors and short ones through few
 * branches. A one's-complement sum is a sum modulo 2^16 - 1: words of 64 bits can be added as two
 * of 32, and byte order is a factor of 256 that is put right once, when the sum is read.
 * Invariant: c->sum is the sum of the bytes so far as words of the machine's order; it is 0 only if
 * all of them were. */
#include "base/checksum.h"
#include "base/endian.h"
#include <string.h>

/* As wide as the target's registers: compilers turn wider vectors into worse code than narrow ones.
 */
#if defined(__AVX512F__)
#define VEC_BYTES 64
#elif defined(__AVX2__)
#define VEC_BYTES 32
#else
#define VEC_BYTES 16
#endif
typedef uint64_t vec __attribute__((vector_size(VEC_BYTES)));

/* Words are added whole, modulo 2^64, and their upper halves beside, exactly: three operations a
 * word instead of four. */
struct acc {
    vec total, high;
};

static inline void acc_add(struct acc *a, const uint8_t *p, uint8_t *copy)
{
    vec x;

    memcpy(&x, p, sizeof x);
    if (copy)
        memcpy(copy, &x, sizeof x);
    a->total += x;
    a->high += x >> 32;
}

/* What total lacks it lacks in the upper half only: total - high * 2^32 is the exact sum of the
 * lower halves, and modulo 2^16 - 1 a half counts the same wherever it stands. */
static inline uint64_t halves(uint64_t total, uint64_t high)
{
    return csum_carry(total - (high << 32), high);
}

/* n bytes, a multiple of VEC_BYTES.  Two accumulators, so that additions need not wait. */
__attribute__((always_inline)) static inline uint64_t sum_blocks(const uint8_t *p, size_t n,
                                                                 uint8_t *copy)
{
    struct acc a = {{0}, {0}};
    struct acc b = {{0}, {0}};

    size_t i = 0;
    for (; i + 4 * VEC_BYTES <= n; i += 4 * VEC_BYTES) {
        acc_add(&a, p + i, copy ? copy + i : NULL);
        acc_add(&b, p + i + VEC_BYTES, copy ? copy + i + VEC_BYTES : NULL);
        acc_add(&a, p + i + 2 * VEC_BYTES, copy ? copy + i + 2 * VEC_BYTES : NULL);
        acc_add(&b, p + i + 3 * VEC_BYTES, copy ? copy + i + 3 * VEC_BYTES : NULL);
    }
    for (; i < n; i += VEC_BYTES)
        acc_add(&a, p + i, copy ? copy + i : NULL);
    a.total += b.total;
    a.high += b.high;
    uint64_t total = 0;
    uint64_t high = 0;
    for (unsigned k = 0; k < VEC_BYTES / 8; k++) {
        total += a.total[k];
        high += a.high[k];
    }
    return halves(total, high);
}

/* Fewer than eight bytes: as words of 4, 2 and 1, each in lanes of its own of one word. */
__attribute__((always_inline)) static inline uint64_t sum_few(const uint8_t *p, size_t n,
                                                              uint8_t *copy)
{
    uint64_t sum = 0;
    size_t at = 0;

    if (n & 4) {
        uint32_t x;
        memcpy(&x, p, sizeof x);
        if (copy)
            memcpy(copy, &x, sizeof x);
        sum = x;
        at = 4;
    }
    if (n & 2) {
        uint16_t x;
        memcpy(&x, p + at, sizeof x);
        if (copy)
            memcpy(copy + at, &x, sizeof x);
        sum |= (uint64_t)x << 32;
        at += 2;
    }
    if (n & 1) {
        if (copy)
            copy[at] = p[at];
        sum |= (uint64_t)NET16((uint16_t)(p[at] << 8)) << 48;
    }
    return sum;
}

/* Fewer than 2 * VEC_BYTES bytes: headers, and what the blocks leave. */
__attribute__((always_inline)) static inline uint64_t sum_rest(const uint8_t *p, size_t n,
                                                               uint8_t *copy)
{
    uint64_t total = 0;
    uint64_t high = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t x;
        memcpy(&x, p + i, sizeof x);
        if (copy)
            memcpy(copy + i, &x, sizeof x);
        total += x;
        high += x >> 32;
    }
    uint64_t few = sum_few(p + i, n - i, copy ? copy + i : NULL);
    return i == 0 ? few : halves(total + few, high + (few >> 32));
}

__attribute__((always_inline)) static inline uint64_t sum_native(const uint8_t *p, size_t n,
                                                                 uint8_t *copy)
{
    size_t blocks = n & ~(size_t)(VEC_BYTES - 1);

    if (n < 2 * (size_t)VEC_BYTES)
        return sum_rest(p, n, copy);
    uint64_t sum = sum_blocks(p, blocks, copy);
    return csum_carry(sum, sum_rest(p + blocks, n - blocks, copy ? copy + blocks : NULL));
}

static inline void add_native(struct csum *c, uint64_t sum, size_t n)
{
    csum_join(c, (sum >> 32) + (sum & 0xffffffff), n);
}

/* Apart, so that what calls the next two need not make room for vectors. */
__attribute__((noinline)) static void add_many(struct csum *c, const uint8_t *p, size_t n)
{
    add_native(c, sum_native(p, n, NULL), n);
}

__attribute__((noinline)) static void copy_many(struct csum *c, uint8_t *dst, const uint8_t *src,
                                                size_t n)
{
    add_native(c, sum_native(src, n, dst), n);
}

void csum_add(struct csum *c, const void *p, size_t n)
{
    if (n < 8)
        add_native(c, sum_few(p, n, NULL), n);
    else
        add_many(c, p, n);
}

void csum_copy(struct csum *c, void *dst, const void *src, size_t n)
{
    if (n < 8)
        add_native(c, sum_few(src, n, dst), n);
    else
        copy_many(c, dst, src, n);
}
