/* isn.h: what must not be guessed: initial sequence numbers (RFC 6528), timestamp offsets, ports
 * (RFC 6056). */
#ifndef LA_TCP_ISN_H
#define LA_TCP_ISN_H

#include "base/seqno.h"
#include "tcp/tuple.h"

struct tcp;

/* M + F(tuple, secret), M a clock of 4 us (MUST-8, SHLD-1); lab.fixed_isn: that number. */
seqno isn_choose(const struct tcp *tcp, const struct tuple *id, la_ns now);
/* Our timestamp clock for a pair: milliseconds plus an offset keyed by the two addresses, so that
 * it is monotone from one connection of a pair of hosts to the next (RFC 7323 §7.1 with RFC 6191,
 * ambiguity F15). */
uint32_t ts_now(const struct tcp *tcp, const struct tuple *id, la_ns now);
uint32_t ts_offset(const struct tcp *tcp, const struct tuple *id);
static inline uint32_t ts_clock(la_ns now)
{
    return (uint32_t)(now / 1000000U);
}

/* May an active open have this pair?  Not while a connection or an embryo has it, nor while it is
 * in TIME-WAIT, unless that one is `PAIR_REUSE`: it had timestamps, and has been there for a
 * second, so that both clocks went on and PAWS tells the old segments from the new (RFC 6191,
 * RFC 7323 §5.5).  Whoever takes such a pair ends its entry by timewait_kill. */
enum pair_use { PAIR_TAKEN, PAIR_REUSE, PAIR_FREE };
/* `hash` is the pair's, as of tuple_hash. */
enum pair_use pair_usable(const struct tcp *tcp, const struct tuple *id, uint32_t hash, la_ns now);

/* A local port for a connect from id's local address (not any) to its remote (id->lport is filled
 * in, 0 on failure): RFC 6056 §3.3.4's keyed start, then a keyed stride through the whole range,
 * once at most. Ports that a listener owns are skipped, free pairs come before reused ones.  *hash
 * is then the pair's; PAIR_TAKEN: every port is. */
enum pair_use port_choose(struct tcp *tcp, struct tuple *id, uint32_t *hash, la_ns now);

#endif
