/* syncookie.h: answering SYNs without remembering them (RFC 4987 §3.6).  Used when embryos run out.
 */
#ifndef LA_TCP_SYNCOOKIE_H
#define LA_TCP_SYNCOOKIE_H

#include "base/seqno.h"
#include "tcp/tuple.h"
#include "wire/tcp.h"

struct tcp;

/* A cookie is good in the minute in which it was made and in the next. */
#define SYNCOOKIE_LIFE LA_SEC(120)

/* An ISS that carries a 3-bit MSS class, a 5-bit minute count and a keyed hash of the pair and irs.
 * The rest of the options goes in the low bits of TSval where the peer does timestamps (*tsval is
 * changed, back by less than 64 ms): wscale, SACK. */
seqno syncookie_make(const struct tcp *tcp, const struct tuple *id, seqno irs,
                     const struct tcp_opts *syn, uint32_t *tsval, la_ns now);
/* Is this ACK's number one of ours, less than two minutes old?  Fills `syn` with what it remembers.
 * Flags are the caller's: a RST never completes a cookie. */
bool syncookie_check(const struct tcp *tcp, const struct tuple *id, seqno seg_seq, seqno seg_ack,
                     const struct tcp_opts *ack, struct tcp_opts *syn, la_ns now);

#endif
