/* cc_reno.c: slow start and congestion avoidance (RFC 5681 §3.1), by bytes and not by ACKs (RFC
 * 3465), so that dividing or delaying ACKs changes nothing. Invariant: cwnd grows only for bytes
 * acknowledged while the window was the limit. */
#include "tcp/cc_reno.h"

#define CWND_MAX (1U << 30) /* the largest window there is (RFC 7323 §2.3) */

/* RFC 5681 §3.1 eq. 4. */
static uint32_t half_of(const struct cc *c, uint32_t flight, uint32_t smss)
{
    uint32_t half = (c->by_cwnd ? c->cwnd : flight) / 2;
    return half > 2 * smss ? half : 2 * smss;
}

static void grow(struct cc *c, uint32_t by)
{
    c->cwnd = c->cwnd < CWND_MAX - by ? c->cwnd + by : CWND_MAX;
}

/* One SMSS a window of acknowledged bytes (RFC 3465 §2.1), and never more than one an ACK. */
static void avoid_congestion(struct cc *c, uint32_t acked, uint32_t smss)
{
    c->after_rto = false;
    c->acked += acked;
    if (c->acked >= c->cwnd) {
        c->acked -= c->cwnd;
        if (c->acked > c->cwnd)
            c->acked = c->cwnd;
        grow(c, smss);
    }
}

static void reno_on_ack(struct cc *c, uint32_t acked, uint32_t smss, bool limited, la_ns now)
{
    (void)now;
    if (!limited)
        return;
    if (acked > CWND_MAX)
        acked = CWND_MAX;
    if (c->cwnd < c->ssthresh) { /* slow start: L of RFC 3465 §2.3 */
        uint32_t limit = c->after_rto && c->abc_limit ? 1 : c->abc_limit;
        uint32_t most = limit ? limit * smss : c->ssthresh - c->cwnd;
        grow(c, acked < most ? acked : most);
        if (!limit && acked > most) /* one ACK of many segments ends slow start where it should */
            avoid_congestion(c, acked - most, smss);
    } else {
        avoid_congestion(c, acked, smss);
    }
}

static void reno_on_loss(struct cc *c, uint32_t flight, uint32_t smss, la_ns now)
{
    (void)now;
    c->ssthresh = half_of(c, flight, smss);
    c->cwnd = c->ssthresh;
    c->acked = 0;
    c->after_rto = false;
}

static void reno_on_rto(struct cc *c, uint32_t flight, uint32_t smss, bool first, la_ns now)
{
    (void)now;
    if (first)
        c->ssthresh = half_of(c, flight, smss);
    c->cwnd = smss; /* the loss window */
    c->acked = 0;
    c->after_rto = true;
}

static void reno_on_idle(struct cc *c, uint32_t smss, la_ns now)
{
    uint32_t restart = cc_initial_window(smss, false);

    (void)now;
    if (c->cwnd > restart)
        c->cwnd = restart;
    c->acked = 0;
}

const struct cc_ops cc_reno = {
    .name = "reno",
    .on_ack = reno_on_ack,
    .on_loss = reno_on_loss,
    .on_rto = reno_on_rto,
    .on_idle = reno_on_idle,
};
