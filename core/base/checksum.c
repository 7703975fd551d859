/* checksum.c: the Internet checksum (RFC 1071).
 * A one's-complement sum is a sum modulo 2^16 - 1, so words of 64 bits can be added as two of 32 and
 * byte order is a factor of 256 that is put right once an add.  Invariant: c->sum is the sum of the
 * bytes so far as big-endian words; it is 0 only if all of them were. */
#include "base/checksum.h"
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BIG_ENDIAN_HOST 1
#else
#define BIG_ENDIAN_HOST 0
#endif

/* Adds with the carry brought around. */
static inline uint64_t add64(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* The last 0-7 bytes, in this machine's order, padded with zeros behind. */
static inline uint64_t load_rest(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;

    if (n & 4) {
        uint32_t x;
        memcpy(&x, p, sizeof x);
        sum += x;
        p += 4;
    }
    if (n & 2) {
        uint16_t x;
        memcpy(&x, p, sizeof x);
        sum += x;
        p += 2;
    }
    if (n & 1) {
        uint8_t pad[2] = {*p, 0};
        uint16_t x;
        memcpy(&x, pad, sizeof x);
        sum += x;
    }
    return sum;
}

static inline uint64_t sum_native(const uint8_t *p, size_t n)
{
    uint64_t total = 0; /* of the words, modulo 2^64 */
    uint64_t high = 0;  /* of their upper halves, exact */
    size_t words = n / 8;

    for (size_t i = 0; i < words; i++) {
        uint64_t x = load64(p + 8 * i);
        total += x;
        high += x >> 32;
    }
    /* What total lacks it lacks in the upper half only: total - high * 2^32 is the exact sum of the
     * lower halves, and modulo 2^16 - 1 a half counts the same wherever it stands. */
    return add64(add64(total - (high << 32), high), load_rest(p + 8 * words, n & 7));
}

static inline void add_native(struct csum *c, uint64_t sum, size_t n)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    if ((c->odd != 0) == BIG_ENDIAN_HOST)
        sum <<= 8; /* times 256 swaps the bytes of a 16-bit one's-complement sum */
    c->sum = add64(c->sum, sum);
    c->odd ^= n & 1;
}

void csum_add(struct csum *c, const void *p, size_t n)
{
    add_native(c, sum_native(p, n), n);
}

void csum_copy(struct csum *c, void *dst, const void *src, size_t n)
{
    memcpy(dst, src, n);
    csum_add(c, dst, n);
}

uint16_t csum_fold(const struct csum *c)
{
    uint64_t s = (c->sum >> 32) + (c->sum & 0xffffffff);

    s = (s >> 16) + (s & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    return (uint16_t)s;
}

struct csum csum_pseudo(const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
                        uint32_t len)
{
    struct csum c = {0};
    bool v4 = la_addr_is_v4(src);

    csum_add(&c, v4 ? src->b + 12 : src->b, v4 ? 4 : 16);
    csum_add(&c, v4 ? dst->b + 12 : dst->b, v4 ? 4 : 16);
    c.sum += (uint64_t)proto + (len >> 16) + (len & 0xffff);
    return c;
}
