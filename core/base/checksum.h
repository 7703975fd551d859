/* checksum.h: the Internet checksum (RFC 1071), over bytes that need not be contiguous. */
#ifndef LA_BASE_CHECKSUM_H
#define LA_BASE_CHECKSUM_H

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
/* Adds a 16-bit field; only while `odd` is 0. */
static inline void csum_add16(struct csum *c, uint16_t host_value)
{
    c->sum += host_value;
}
/* Adds n bytes and copies them to dst in the same pass. */
void csum_copy(struct csum *c, void *dst, const void *src, size_t n);
/* The folded 16-bit sum, not complemented: 0xffff over data that includes a right checksum. */
uint16_t csum_fold(const struct csum *c);
/* What goes into a checksum field. */
static inline uint16_t csum_field(const struct csum *c)
{
    return (uint16_t)~csum_fold(c);
}

/* Starts a sum with the pseudo-header of the addresses' family (RFC 9293 §3.1, RFC 8200 §8.1). */
struct csum csum_pseudo(const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
                        uint32_t len);

#endif
