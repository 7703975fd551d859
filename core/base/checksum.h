/* checksum.h: the Internet checksum (RFC 1071), over bytes that need not be contiguous. */
#ifndef LA_BASE_CHECKSUM_H
#define LA_BASE_CHECKSUM_H

#include "base/endian.h"
#include <lastack/types.h>
#include <stddef.h>
#include <stdint.h>

/* A running one's-complement sum.  `odd` says that an odd number of bytes went in, so that the
 * next byte is a low one.  Starts as {0}. */
struct csum {
    uint64_t sum;
    unsigned odd;
};

/* Adds with the carry brought around. */
static inline uint64_t csum_carry(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

void csum_add(struct csum *c, const void *p, size_t n);
/* Adds n bytes, a multiple of four and few: a header.  Only while `odd` is 0. */
static inline void csum_words(struct csum *c, const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t word;
        memcpy(&word, p + i, sizeof word);
        c->sum += word;
    }
}
/* The same for a header of n bytes, at least the fixed 20 of IPv4 and of TCP. */
static inline void csum_header(struct csum *c, const uint8_t *p, uint32_t n)
{
    uint32_t word[5];

    memcpy(word, p, sizeof word);
    c->sum += (uint64_t)word[0] + word[1] + word[2] + word[3] + word[4];
    if (n > sizeof word)
        csum_words(c, p + sizeof word, n - (uint32_t)sizeof word);
}
/* Adds n bytes and copies them to dst in the same pass. */
void csum_copy(struct csum *c, void *dst, const void *src, size_t n);
/* The folded 16-bit sum of words in the machine's order, for csum_join. */
static inline uint16_t csum_native(const struct csum *c)
{
    uint32_t low = (uint32_t)c->sum;
    uint32_t s = low + (uint32_t)(c->sum >> 32);

    s += s < low;
    s = (s >> 16) + (s & 0xffff);
    s += s >> 16;
    return (uint16_t)s;
}
/* The folded sum, not complemented: 0xffff over data that includes a right checksum. */
static inline uint16_t csum_fold(const struct csum *c)
{
    return NET16(csum_native(c));
}
/* Adds n bytes by their own sum, as of csum_native or of 56 bits at most. */
static inline void csum_join(struct csum *c, uint64_t sum, size_t n)
{
    /* times 256 swaps the bytes of a 16-bit one's-complement sum */
    c->sum = csum_carry(c->sum, c->odd ? sum << 8 : sum);
    c->odd ^= n & 1;
}
/* What goes into a checksum field. */
static inline uint16_t csum_field(const struct csum *c)
{
    return (uint16_t)~csum_fold(c);
}

/* What two addresses of one family add to a sum.  As two words each: modulo 2^16 - 1 that is the
 * sum of their halves; and the 0xffff of an IPv4 address's prefix counts for nothing, so one rule
 * does for both families. */
static inline uint16_t csum_addresses(const struct la_addr *src, const struct la_addr *dst)
{
    uint64_t x[2], y[2];

    memcpy(x, src->b, sizeof x);
    memcpy(y, dst->b, sizeof y);
    struct csum c = {csum_carry(csum_carry(x[0], x[1]), csum_carry(y[0], y[1])), 0};
    return csum_native(&c);
}
/* Starts a sum with the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1); `len` goes in whole. */
static inline struct csum csum_pseudo_of(uint16_t addresses, uint8_t proto, uint32_t len)
{
    return (struct csum){(uint64_t)addresses + NET32(proto + len), 0};
}
static inline struct csum csum_pseudo(const struct la_addr *src, const struct la_addr *dst,
                                      uint8_t proto, uint32_t len)
{
    return csum_pseudo_of(csum_addresses(src, dst), proto, len);
}

#endif
