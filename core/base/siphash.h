/* siphash.h: SipHash-c-d, the keyed hash behind ISNs, ports, cookies and table lookups. */
#ifndef LA_BASE_SIPHASH_H
#define LA_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sipkey {
    uint64_t k0, k1;
};

/* SipHash-2-4 of n bytes: for what an attacker must not predict (ISN, cookies). */
uint64_t siphash24(const struct sipkey *k, const void *p, size_t n);
/* SipHash-1-3: for hash tables. */
uint64_t siphash13(const struct sipkey *k, const void *p, size_t n);

/* A random-looking stream from a key and a counter, for jitter and choices that need no proof. */
static inline uint64_t sip_next(const struct sipkey *k, uint64_t *counter)
{
    uint64_t c = ++*counter;
    return siphash13(k, &c, sizeof c);
}

#endif
