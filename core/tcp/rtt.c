/* rtt.c: SRTT, RTTVAR and RTO (RFC 6298 §2, §5.5; RFC 7323 appendix G).
 * Integers only: SRTT is kept in eighths and RTTVAR in quarters of a microsecond, the gains' own
 * units. */
#include "tcp/rtt.h"

#define EXPECTED_MAX                                                                               \
    65536U /* samples a round trip: more than any window has; keeps products in 64 bits */

void rtt_init(struct rtt *r)
{
    *r = (struct rtt){.rto_us = RTO_INIT_US, .min_us = UINT32_MAX};
}

/* x moves towards `to` by their difference over `div`, at least one unit: a gain that many samples
 * a round trip made tiny must not stop short of the mean. */
static uint32_t approach(uint32_t x, uint32_t to, uint32_t div)
{
    uint32_t d = to > x ? to - x : x - to;
    uint32_t step = d / div;

    if (step == 0 && d > 0)
        step = 1;
    return to > x ? x + step : x - step;
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
    uint32_t var = r->rttvar4 > RTO_MIN_US ? r->rttvar4 : RTO_MIN_US; /* DEVIATION D2 */
    uint32_t rto = (r->srtt8 >> 3) + var;
    r->rto_us = rto < RTO_MAX_US ? rto : RTO_MAX_US;
}

uint32_t rtt_rto_us(const struct rtt *r, unsigned backoff)
{
    uint64_t rto = r->rto_us;

    for (; backoff > 0 && rto < RTO_MAX_US; backoff--)
        rto *= 2;
    return rto < RTO_MAX_US ? (uint32_t)rto : RTO_MAX_US;
}
