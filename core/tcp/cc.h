/* cc.h: congestion control: how much may be in flight.  What is lost, recovery.h decides. */
#ifndef LA_TCP_CC_H
#define LA_TCP_CC_H

#include <lastack/types.h>

struct cc {
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t acked;          /* counted towards the next step of congestion avoidance (RFC 3465) */
    uint8_t algorithm;       /* index into cc_table */
    uint8_t abc_limit; /* L of RFC 3465 §2.3 outside such; 0: none, after a timeout neither */
    bool by_cwnd;      /* a loss halves cwnd, and not FlightSize (LA_HABIT_HALF_CWND) */
    bool after_rto;    /* slow start after a timeout: L = 1 (RFC 3465 §2.3) */
};

struct cc_ops {
    const char *name;
    /* `acked` new bytes while not in recovery; `limited`: the window was full, so it may grow. */
    void (*on_ack)(struct cc *c, uint32_t acked, uint32_t smss, bool limited, la_ns now);
    /* Loss found by duplicate ACKs: sets ssthresh from the flight (and cwnd to it). */
    void (*on_loss)(struct cc *c, uint32_t flight, uint32_t smss, la_ns now);
    /* Timeout; `first`: the first of this segment (RFC 5681 §3.1 eq. 4 applies once). */
    void (*on_rto)(struct cc *c, uint32_t flight, uint32_t smss, bool first, la_ns now);
    /* Idle longer than an RTO (RFC 5681 §4.1). */
    void (*on_idle)(struct cc *c, uint32_t smss, la_ns now);
};

extern const struct cc_ops *const cc_table[];
enum { CC_RENO };

/* RFC 6928; `syn_lost`: more than one handshake retransmission, one segment (RFC 5681 §3.1). */
uint32_t cc_initial_window(uint32_t smss, bool syn_lost);
/* `abc_limit`: LA_OPT_ABC_LIMIT. */
void cc_init(struct cc *c, uint8_t algorithm, uint32_t smss, bool syn_lost, uint8_t abc_limit);
static inline const struct cc_ops *cc_ops_of(const struct cc *c)
{
    return cc_table[c->algorithm];
}

#endif
