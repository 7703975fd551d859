/* chksum.c: the Internet checksum (RFC 1071) for lwIP, written so that the compiler vectorises it:
 * lwIP's own loops do not, and the peer shall not lose for that. */
#include "lwip/opt.h"
#include <string.h>

static uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffffU) + (sum >> 32);
    sum = (sum & 0xffffffffU) + (sum >> 32);
    sum = (sum & 0xffffU) + (sum >> 16);
    sum = (sum & 0xffffU) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t tail(const uint8_t *b, unsigned n)
{
    uint32_t w = 0;
    memcpy(&w, b, n);
    return w;
}

uint16_t bench_chksum(const void *p, int n)
{
    const uint8_t *b = p;
    uint64_t sum = 0;
    int words = n / 4;
    for (int i = 0; i < words; i++) {
        uint32_t w;
        memcpy(&w, b + 4 * i, 4);
        sum += w;
    }
    return fold(sum + tail(b + 4 * words, (unsigned)n & 3));
}
