/* siphash.c: SipHash-c-d (Aumasson and Bernstein, 2012), one routine for both strengths.
 * Inputs are read as little-endian words on every machine, so that a seed means the same
 * everywhere. */
#include "base/siphash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static inline uint64_t le32(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static inline uint64_t le64(const uint8_t *p)
{
    return le32(p) | le32(p + 4) << 32;
}

static inline void sip_rounds(struct sip *s, int n)
{
    for (int i = 0; i < n; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 = rotl(s->v2, 32);
    }
}

static inline void sip_word(struct sip *s, uint64_t m, int c)
{
    s->v3 ^= m;
    sip_rounds(s, c);
    s->v0 ^= m;
}

/* The last word: what is left over (0-7 bytes) under the length.  By halves and not byte by byte:
 * the table lookups hash 12 and 36 bytes, whose rest is one aligned half. */
static inline uint64_t last_word(const uint8_t *p, size_t n)
{
    uint64_t m = (uint64_t)(n & 0xff) << 56;
    int at = 0;

    if (n & 4) {
        m |= le32(p);
        p += 4;
        at = 32;
    }
    if (n & 2) {
        m |= ((uint64_t)p[0] | (uint64_t)p[1] << 8) << at;
        p += 2;
        at += 16;
    }
    if (n & 1)
        m |= (uint64_t)p[0] << at;
    return m;
}

__attribute__((always_inline)) static inline uint64_t sip(const struct sipkey *k, const uint8_t *p,
                                                          size_t n, int c, int d)
{
    struct sip s = {k->k0 ^ 0x736f6d6570736575, k->k1 ^ 0x646f72616e646f6d,
                    k->k0 ^ 0x6c7967656e657261, k->k1 ^ 0x7465646279746573};

    for (size_t left = n; left >= 8; left -= 8, p += 8)
        sip_word(&s, le64(p), c);
    sip_word(&s, last_word(p, n), c);
    s.v2 ^= 0xff;
    sip_rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash24(const struct sipkey *k, const void *p, size_t n)
{
    return sip(k, p, n, 2, 4);
}

uint64_t siphash13(const struct sipkey *k, const void *p, size_t n)
{
    return sip(k, p, n, 1, 3);
}
