/* isn.h: what must not be guessed: initial sequence numbers (RFC 6528), timestamp offsets, ports (RFC 6056). */
#ifndef LA_TCP_ISN_H
#define LA_TCP_ISN_H

#include "base/seqno.h"
#include "tcp/tuple.h"

struct tcp;

/* M + F(tuple, secret), M a clock of 4 us (MUST-8, SHLD-1); lab.fixed_isn: that number. */
seqno isn_choose(const struct tcp *tcp, const struct tuple *id, la_ns now);
/* Our timestamp clock for a pair: milliseconds plus an offset keyed by the two addresses, so that it is monotone
 * from one connection of a pair of hosts to the next (RFC 7323 §7.1 with RFC 6191, ambiguity F15). */
uint32_t ts_now(const struct tcp *tcp, const struct tuple *id, la_ns now);
uint32_t ts_offset(const struct tcp *tcp, const struct tuple *id);
static inline uint32_t ts_clock(la_ns now) { return (uint32_t)(now / 1000000U); }

/* A free local port for a connect to id's remote (id->lport is filled in): double-hash of RFC 6056 §3.3.4, then on to
 * the next free one.  Taken are: pairs in the conntab (a TIME-WAIT pair may be reused when its
 * timestamps allow, RFC 6191) and ports that a listener owns.  LA_EADDRNOTAVAIL. */
int port_choose(struct tcp *tcp, struct tuple *id, la_ns now);

#endif
