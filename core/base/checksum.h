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
/* Adds n bytes and copies them to dst in the same pass. */
void csum_copy(struct csum *c, void *dst, const void *src, size_t n);
/* The folded 16-bit sum, not complemented: 0xffff over data that includes a right checksum. */
static inline uint16_t csum_fold(const struct csum *c)
{
    uint64_t s = (c->sum >> 32) + (c->sum & 0xffffffff);

    s = (s >> 16) + (s & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    return NET16((uint16_t)s);
}
/* What goes into a checksum field. */
static inline uint16_t csum_field(const struct csum *c)
{
    return (uint16_t)~csum_fold(c);
}

/* Starts a sum with the pseudo-header of the addresses' family (RFC 9293 §3.1, RFC 8200 §8.1).
 * Words of 32 bits, and the length whole: modulo 2^16 - 1 that is the sum of their halves; and the
 * 0xffff of an IPv4 address's prefix counts for nothing, so one rule does for both families. */
static inline struct csum csum_pseudo(const struct la_addr *src, const struct la_addr *dst,
                                      uint8_t proto, uint32_t len)
{
    struct csum c = {NET32(proto + len), 0};

    csum_words(&c, src->b, 16);
    csum_words(&c, dst->b, 16);
    return c;
}

#endif
