/* rtt.h: round-trip time and the retransmission timeout (RFC 6298). */
#ifndef LA_TCP_RTT_H
#define LA_TCP_RTT_H

#include <lastack/types.h>

#define RTO_INIT_US 1000000U /* §2.1 */
/* DEVIATION D2: §2.4 rounds up to 1 s; Linux's 200 ms repairs sooner.  The variance term is not let
 * below it either, so that the timeout never comes within a peer's delayed ACK of the round trip.
 */
#define RTO_MIN_US 200000U
#define RTO_MAX_US 60000000U /* §2.5 */

struct rtt {
    uint32_t srtt8;   /* SRTT in eighths of a microsecond; 0: no sample yet */
    uint32_t rttvar4; /* RTTVAR in quarters */
    uint32_t rto_us;  /* before backoff, within [lo_us, hi_us] */
    uint32_t min_us;  /* smallest sample, UINT32_MAX: none */
    uint32_t lo_us, hi_us;
    uint32_t slop_us; /* on top of each timeout, but for the first of a SYN */
};

void rtt_init(struct rtt *r);
/* Other bounds than the defaults, before the first sample. */
void rtt_bound(struct rtt *r, uint32_t init_us, uint32_t lo_us, uint32_t hi_us, uint32_t slop_us);
/* One sample; `expected` samples a round trip (RFC 7323 appendix G), 1 or more. */
void rtt_sample(struct rtt *r, uint32_t us, uint32_t expected);
/* The timeout stays where `backoff` expirations have taken it, until a sample says otherwise. */
void rtt_keep_backoff(struct rtt *r, unsigned backoff);
/* The timeout after `backoff` expirations: doubled each time, at most hi_us. */
uint32_t rtt_rto_us(const struct rtt *r, unsigned backoff);
static inline uint32_t rtt_srtt_us(const struct rtt *r)
{
    return r->srtt8 >> 3;
}

#endif
