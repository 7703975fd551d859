/* rtt.c: SRTT, RTTVAR and RTO (RFC 6298 §2, §5.5; RFC 7323 appendix G).
 * Integers only: SRTT is kept in eighths and RTTVAR in quarters of a microsecond, the gains' own
 * units. */
#include "tcp/rtt.h"

#define EXPECTED_MAX                                                                               \
    65536U /* samples a round trip: more than any window has; keeps products in 64 bits */

void rtt_init(struct rtt *r)
{
    *r = (struct rtt){.min_us = UINT32_MAX};
    rtt_bound(r, RTO_INIT_US, RTO_MIN_US, RTO_MAX_US, 0);
}

void rtt_bound(struct rtt *r, uint32_t init_us, uint32_t lo_us, uint32_t hi_us, uint32_t slop_us)
{
    r->rto_us = init_us;
    r->lo_us = lo_us < hi_us ? lo_us : hi_us;
    r->hi_us = hi_us;
    r->slop_us = slop_us;
}

/* x moves towards `to` by their difference over `div`, at least one unit: a gain that many samples
 * a round trip made tiny must not stop short of the mean.  None comes near 2^31. */
static inline uint32_t approach(uint32_t x, uint32_t to, uint32_t div)
{
    int32_t d = (int32_t)(to - x), step = d / (int32_t)div;

    if (step == 0 && d != 0)
        step = d > 0 ? 1 : -1;
    return x + (uint32_t)step;
}

void rtt_sample(struct rtt *r, uint32_t us, uint32_t expected)
{
    if (us == 0)
        us = 1; /* 0 would say that there is no sample */
    if (us > RTO_MAX_US)
        us = RTO_MAX_US;
    if (expected == 0)
        expected = 1;
    if (expected > EXPECTED_MAX)
        expected = EXPECTED_MAX;
    if (us < r->min_us)
        r->min_us = us;

    if (r->srtt8 == 0) { /* §2.2: SRTT = R, RTTVAR = R/2 */
        r->srtt8 = us << 3;
        r->rttvar4 = us << 1;
    } else { /* §2.3, RTTVAR first, with alpha = 1/8 and beta = 1/4 over the expected samples */
        uint32_t srtt = r->srtt8 >> 3;
        uint32_t err = us > srtt ? us - srtt : srtt - us;
        r->rttvar4 = approach(r->rttvar4, err << 2, expected << 2);
        r->srtt8 = approach(r->srtt8, us << 3, expected << 3);
    }
    uint32_t var = r->rttvar4 > r->lo_us ? r->rttvar4 : r->lo_us; /* DEVIATION D2 */
    uint64_t rto = (uint64_t)(r->srtt8 >> 3) + var;
    r->rto_us = rto < r->hi_us ? (uint32_t)rto : r->hi_us;
}

void rtt_keep_backoff(struct rtt *r, unsigned backoff)
{
    for (; backoff > 0 && r->rto_us < r->hi_us; backoff--)
        r->rto_us = r->rto_us < r->hi_us / 2 ? r->rto_us * 2 : r->hi_us;
}

uint32_t rtt_rto_us(const struct rtt *r, unsigned backoff)
{
    uint64_t rto = r->rto_us;
    bool first = backoff == 0 && r->srtt8 == 0;

    for (; backoff > 0 && rto < r->hi_us; backoff--)
        rto *= 2;
    rto += first ? 0 : r->slop_us;
    return rto < r->hi_us ? (uint32_t)rto : r->hi_us;
}
