/* sackgen.h: which SACK blocks to report (RFC 2018 §4, D-SACK: RFC 2883 §4). */
#ifndef LA_TCP_SACKGEN_H
#define LA_TCP_SACKGEN_H

#include "base/ranges.h"
#include "wire/tcp.h"

struct sackgen {
    seqno recent[TCP_SACK_MAX]; /* a number inside each of the ranges last reported, newest first */
    uint8_t n;
    bool dup; /* a D-SACK is owed, once */
    struct sack_block dup_block;
};

/* An out-of-order segment at s was kept. */
void sackgen_arrived(struct sackgen *g, seqno s);
/* [start, end) came again.  Only the last one before an ACK is told (RFC 2883 §4 rule 1). */
void sackgen_duplicate(struct sackgen *g, seqno start, seqno end);
/* Fills at most `max` blocks for the next ACK and returns how many: a D-SACK first (then
 * forgotten), the newest range, then the ones reported before, then others. */
uint32_t sackgen_blocks(struct sackgen *g, const struct ranges *ooo, const struct pool *ranges,
                        seqno rcv_nxt, struct sack_block *out, uint32_t max);

#endif
