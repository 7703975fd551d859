/* options.h: what a program may set on a connection (la_option), and the defaults. */
#ifndef LA_TCP_OPTIONS_H
#define LA_TCP_OPTIONS_H

#include <lastack/stack.h>
#include <lastack/tcp.h>

struct options {
    uint32_t rcvbuf, sndbuf;
    uint32_t keepidle_ms, keepintvl_ms, syn_timeout_ms, fin_wait_2_ms;
    int32_t user_timeout_ms, linger_ms;
    uint32_t defer_accept_ms, notsent_lowat;
    uint32_t rto_init_ms, rto_min_ms, rto_max_ms;
    uint16_t maxseg, rto_slop_ms, delack_ms, challenge_ms, habits;
    uint8_t keepcnt, r1, r2, ttl, dscp, synack_retries, quickacks, abc_limit;
    int8_t wscale;
    bool nodelay, cork, quickack, keepalive, oobinline, soft_errors, sack, timestamps, ack_pairs,
        empty_probes, wscale_first, minshall, black_hole, rst_unread, bare_rst, icmp_aborts;
};

/* A place in the queue of those that have events to tell. */
struct ev_link {
    struct ev_link *prev, *next;
    uint16_t bits; /* la_event_bits; 0: it is not in the queue */
    bool listener; /* whose it is: a listener's, else a tcb's */
};

void options_init(struct options *o, const struct la_config *cfg);
/* `open`: the handshake has begun, so what goes into a SYN can no longer change. */
int options_set(struct options *o, enum la_option which, int64_t value, bool open);
int options_get(const struct options *o, enum la_option which, int64_t *value);

#endif
