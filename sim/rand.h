/* rand.h: the simulator's own random numbers, the same on every machine and compiler.
 *
 * xoshiro256** seeded through splitmix64: both are public-domain algorithms by Blackman and Vigna.
 * It decides what the network does to a frame; it is no source of secrets. Invariant: integer
 * arithmetic only, so one seed gives one sequence everywhere. */
#ifndef SIM_RAND_H
#define SIM_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rand {
    uint64_t s[4];
};

/* One step of splitmix64: turns any counter or key into 64 well mixed bits. */
static inline uint64_t sim_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* A generator of its own for each (seed, stream): adding a link does not move the luck of the
 * others. */
static inline struct sim_rand sim_rand_of(uint64_t seed, uint64_t stream)
{
    struct sim_rand r;
    uint64_t x = sim_mix(seed) ^ sim_mix(~stream);
    for (int i = 0; i < 4; i++)
        r.s[i] = x = sim_mix(x);
    return r;
}

static inline uint64_t sim_rand_next(struct sim_rand *r)
{
    uint64_t *s = r->s;
    uint64_t x = s[1] * 5;
    uint64_t out = ((x << 7) | (x >> 57)) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return out;
}

/* A number below n; 0 if n is 0.  Always draws, so that settings do not shift what follows. */
static inline uint64_t sim_rand_below(struct sim_rand *r, uint64_t n)
{
    uint64_t x = sim_rand_next(r);
    return n ? x % n : 0;
}

/* True `ppm` times in a million. */
static inline bool sim_rand_chance(struct sim_rand *r, uint32_t ppm)
{
    return ((sim_rand_next(r) >> 32) * 1000000U >> 32) < ppm;
}

#endif
