/* recovery.h: what is lost and what to send next: the SACK scoreboard (RFC 2018 §5, RFC 6675),
 * NewReno where the peer does no SACK (RFC 6582), limited transmit (RFC 3042), and what a timeout
 * does (RFC 6298, 5681).
 *
 * The spine tells it what happened; output asks it what may be sent.  It sends nothing itself and
 * knows only the numbers in struct recovery_view, so that it can be tested alone. */
#ifndef LA_TCP_RECOVERY_H
#define LA_TCP_RECOVERY_H

#include "tcp/cc.h"
#include "tcp/scoreboard.h"

enum recovery_state {
    RECOVERY_OPEN,
    RECOVERY_FAST, /* fast recovery */
    RECOVERY_LOSS  /* after a timeout */
};

/* Numbers here are one past the highest byte that the RFCs' variables of the same name mean. */
struct recovery {
    struct scoreboard sb; /* empty without SACK */
    seqno recover;        /* RecoveryPoint / recover: recovery is over when this is acknowledged */
    seqno high_rxt;       /* HighRxt: everything below was sent again in this recovery */
    seqno rescue;         /* RescueRxt: no rescue retransmission until una is above it */
    int32_t inflate;      /* NewReno: what dup ACKs add to cwnd and partial ACKs take from it */
    uint32_t dup_room;    /* NewReno: bytes that duplicates may still say to have left */
    uint32_t jump;        /* how far una went last (RFC 6582 §4.1) */
    uint8_t state;        /* enum recovery_state */
    uint8_t dupacks;      /* RFC 5681's, or with SACK those of RFC 6675 §2 */
    bool owed;            /* one segment at una goes again whatever the window says */
};

/* The connection's numbers, as the caller has them now. */
struct recovery_view {
    seqno una, nxt; /* SND.UNA, SND.NXT (highest sent; never goes back) */
    uint32_t smss;
    bool sack; /* negotiated */
};

/* What one ACK said.  una in the view is already the new one. */
struct recovery_ack {
    seqno prior_una;
    uint32_t acked; /* bytes newly covered by SEG.ACK */
    bool dup;       /* RFC 5681 §2's five conditions (without SACK), ignored with SACK */
    bool limited;   /* the congestion window was the limit (growth allowed) */
    const struct tcp_opts *opts; /* SACK blocks, or NULL */
    seqno seg_ack;
};

/* What came of it, for counters and the trace. */
enum recovery_event { RECOVERY_NOTHING, RECOVERY_ENTERED, RECOVERY_PARTIAL, RECOVERY_LEFT };

void recovery_init(struct recovery *r, seqno iss);
void recovery_free(struct recovery *r, struct pool *ranges);
/* Every acceptable ACK goes through here, those that acknowledge nothing new too.  *dsack: it told
 * of bytes that came twice. */
enum recovery_event recovery_on_ack(struct recovery *r, struct cc *c, struct pool *ranges,
                                    const struct recovery_view *v, const struct recovery_ack *a,
                                    bool *dsack, la_ns now);
/* What that comes to in RECOVERY_OPEN where no ACK was duplicate and nothing is SACKed, for an ACK
 * of `acked` new bytes. */
static inline void recovery_on_plain_ack(struct recovery *r, struct cc *c,
                                         const struct recovery_view *v, uint32_t acked,
                                         bool limited, la_ns now)
{
    r->high_rxt = v->una;
    r->jump = acked;
    cc_ops_of(c)->on_ack(c, acked, v->smss, limited, now);
    if (seq_gt(v->una, r->recover))
        r->recover = seq_sub(v->una, 1);
}
static inline bool recovery_is_plain(const struct recovery *r)
{
    return r->state == RECOVERY_OPEN && r->dupacks == 0 && !r->sb.sacked.head;
}
/* The retransmission timer expired: everything not SACKed counts as lost and goes again from una.
 * SACK information is kept unless the peer reneged (RFC 2018 §8). */
void recovery_on_rto(struct recovery *r, struct cc *c, struct pool *ranges,
                     const struct recovery_view *v, bool first, la_ns now);
/* The same without a word to congestion control: segments were too large for the path, which is no
 * sign of congestion (RFC 1191 §6.5, RFC 8201 §5.4). */
void recovery_restart(struct recovery *r, struct pool *ranges, const struct recovery_view *v);

enum recovery_next { RECOVERY_SEND_NONE, RECOVERY_SEND_NEW, RECOVERY_SEND_AGAIN };
/* What congestion control lets go now, at most.  RECOVERY_SEND_NEW: *room bytes past nxt.
 * RECOVERY_SEND_AGAIN: [*from, *from + *room) within [una, nxt).  A FIN or SYN counts as a number
 * like any. */
enum recovery_next recovery_next(const struct recovery *r, const struct cc *c,
                                 const struct pool *ranges, const struct recovery_view *v,
                                 seqno *from, uint32_t *room);
/* For when recovery_next said RECOVERY_SEND_NEW and there is nothing new, or the peer's window is
 * shut: RFC 6675's rules 3 and 4, which keep the ACK clock going in fast recovery.
 * RECOVERY_SEND_AGAIN as above, or RECOVERY_SEND_NONE. */
enum recovery_next recovery_last_resort(const struct recovery *r, const struct cc *c,
                                        const struct pool *ranges, const struct recovery_view *v,
                                        seqno *from, uint32_t *room);
/* [from, from + n) was sent again, or (new) sent for the first time.  The view is the one of before
 * or after. */
void recovery_sent(struct recovery *r, const struct recovery_view *v, seqno from, uint32_t n,
                   bool again);
/* Bytes in flight as RFC 6675's pipe or FlightSize. */
uint32_t recovery_pipe(const struct recovery *r, const struct pool *ranges,
                       const struct recovery_view *v);

#endif
