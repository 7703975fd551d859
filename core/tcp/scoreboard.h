/* scoreboard.h: what the peer says that it holds above SND.UNA, and what follows from it (RFC 2018
 * §5, RFC 6675 §3-4).  Everything that is asked for each segment sent is a cached sum; one bounded
 * walk for each ACK that changes the ranges brings the sums up to date. */
#ifndef LA_TCP_SCOREBOARD_H
#define LA_TCP_SCOREBOARD_H

#include "base/ranges.h"
#include "wire/tcp.h"

#define SCOREBOARD_RANGES 256U
#define DUP_THRESH 3U /* RFC 6675 §2 */

/* All but `sacked` means nothing while no range is there; the sums are 0 then. */
struct scoreboard {
    struct ranges sacked;   /* within (una, nxt] */
    uint32_t bytes;         /* SACKed in all */
    seqno top;              /* the highest range's end */
    seqno lost;             /* IsLost(S) is S < lost, for S that is not SACKed */
    uint32_t above_lost;    /* bytes SACKed from `lost` on */
    uint32_t below_rxt;     /* bytes SACKed below high_rxt */
    uint32_t above_recover; /* bytes SACKed from `recover` on */
    uint32_t hint;          /* the first range that ended above high_rxt when last counted */
};

/* Where the connection is: una, nxt and smss as in struct recovery_view, the others as in struct
 * recovery. */
struct scoreboard_at {
    seqno una, nxt, high_rxt, recover;
    uint32_t smss;
};

/* Does the first block tell of bytes that came twice (RFC 2883 §4, compared as §5 says)? */
bool scoreboard_dsack(const struct tcp_opts *o, seqno seg_ack, seqno nxt);
/* Forgets what lies below una and adds the blocks of `o` (may be NULL) that make sense, but for a
 * D-SACK.  Returns how many bytes are SACKed that were not before. */
uint32_t scoreboard_update(struct scoreboard *b, struct pool *ranges, const struct scoreboard_at *a,
                           const struct tcp_opts *o, bool dsack);
void scoreboard_clear(struct scoreboard *b, struct pool *ranges);
/* A recovery begins: high_rxt is now una, and recover is nxt. */
void scoreboard_rewind(struct scoreboard *b);

/* Has the peer dropped what it had SACKed?  Then una itself is SACKed (RFC 2018 §8). */
bool scoreboard_reneged(const struct scoreboard *b, const struct pool *ranges, seqno una);
static inline bool scoreboard_is_lost(const struct scoreboard *b, seqno s)
{
    return b->sacked.head && seq_lt(s, b->lost);
}

/* A run of numbers that are not SACKed. */
struct hole {
    seqno start, end;
    bool below_top; /* something above it is SACKed */
};
/* The first hole from `from` on, where from >= high_rxt; the one above all ranges ends at nxt. */
struct hole scoreboard_hole(const struct scoreboard *b, const struct pool *ranges, seqno from,
                            seqno nxt);
/* The highest hole of [una, nxt); empty if there is none. */
struct hole scoreboard_last_hole(const struct scoreboard *b, const struct pool *ranges, seqno una,
                                 seqno nxt);

#endif
