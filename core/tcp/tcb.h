/* tcb.h: the transmission control block (RFC 9293 §3.3.1): one connection, from SYN-SENT or
 * ESTABLISHED on. The half-open (embryo.h), the listening (listener.h) and the waiting (timewait.h)
 * have types of their own. */
#ifndef LA_TCP_TCB_H
#define LA_TCP_TCB_H

#include "net/net.h"
#include "tcp/options.h"
#include "tcp/rcvq.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/sackgen.h"
#include "tcp/sndq.h"
#include "tcp/tuple.h"

/* The slots of a connection's deadlines.  They exclude each other within a slot; timer.c alone arms
 * them. */
enum timer_slot {
    TIMER_RTX, /* retransmission, or persist */
    TIMER_DELACK,
    TIMER_KEEP, /* keep-alive */
    TIMER_LIFE, /* FIN-WAIT-2 of an orphan, linger, user timeout */
    TIMER_SLOTS
};

/* Which list the tcb is on, if any. */
enum tcb_queue { TCB_IDLE, TCB_READY, TCB_WAITING };

/* What a silence is taken for, until SND.UNA moves (blackhole.c). */
enum black_hole { HOLE_NONE, HOLE_SUSPECTED, HOLE_EXCLUDED };

/* State times that a tcb can spend: SYN-SENT .. LAST-ACK. */
#define TCB_STATES (LA_TIME_WAIT - LA_SYN_SENT)

#define PUSHES 8U /* ends of pushed text that are remembered */

struct tcb {
    uint32_t free_link; /* the pool's */
    uint32_t self;
    uint32_t slot, generation; /* what its handle says */
    uint32_t next, hash;       /* conntab */
    struct tuple id;
    uint16_t addr_sum; /* what its addresses add to a checksum */

    uint8_t state;     /* enum la_state; written by tcp_enter() alone */
    uint8_t queue;     /* enum tcb_queue */
    uint8_t queue_ifx; /* whose ready list */
    uint8_t keep_probes;
    /* No bit fields: a bit written as a byte and read as a part of a word waits for the store. */
    bool used; /* not in the pool's free list */
    bool in_table;
    bool handle; /* the program holds it */
    bool active; /* active open (MUST-11) */
    bool sack_ok, ts_ok, wscale_ok;
    /* What the common case must look at before it may be short: all 0, in one word (predict.c). */
    union {
        uint64_t odd;
        struct {
            bool fin_queued; /* CLOSE was called */
            bool fin_out_of_order;
            bool read_shut; /* the program reads no more */
            bool read_over; /* nor will it, once it has closed sending too (LA_SHUT_RD_LATER) */
            bool urg_out, urg_in;
            bool persist;    /* TIMER_RTX is the persist timer */
            uint8_t backoff; /* expirations of the retransmission or persist timer in a row */
        };
    };
    bool fin_sent, fin_acked, fin_received;
    bool ack_now, ack_delayed;
    /* What leaves before, or instead of, the next new text: likewise (output.c). */
    union {
        uint32_t urgent;
        struct {
            bool probe_now, syn_now, rtx_now, keep_now;
        };
    };
    bool want_writable;
    bool urg_seen, has_oob;
    bool rtt_timing;
    bool more_coming; /* LA_SEND_MORE */
    bool cwnd_limited, recorded;
    uint8_t quick;     /* ACKs that will not be delayed (LA_OPT_QUICKACKS) */
    bool dialogue;     /* but while the program's answers carry them, they are */
    uint8_t pushed;    /* ends of what the peer's program wrote, since our last ACK: up to two */
    uint8_t hole;      /* enum black_hole */
    uint8_t acks_owed; /* duplicate ACKs to send besides, without SACK (RFC 5681 §4.2) */
    uint8_t oob;
    int16_t scope;

    struct {
        seqno una, nxt, wl1, wl2, iss, up;
        seqno sml;          /* end of the last small segment */
        seqno push[PUSHES]; /* ends of what was pushed last, so that it is when it goes again */
        uint8_t pushes;
        uint32_t wnd, max_wnd;
        uint32_t used; /* the largest flight of this window, which ends at `used_to` */
        seqno used_to;
        uint8_t wscale;
    } snd;
    struct {
        seqno nxt, irs, up;
        seqno adv;   /* right edge that was announced: never moves left (SHLD-14) */
        seqno acked; /* Last.ACK.sent (RFC 7323 §4.3) */
        uint8_t wscale;
    } rcv;
    seqno fin_seq;                    /* the peer's FIN, while out of order */
    uint16_t peer_mss, smss;          /* what the peer can take; what we send now */
    uint16_t rmss;                    /* the largest segment the peer sends, as far as seen */
    uint16_t unacked_segs;            /* segments received since our last ACK */
    uint32_t unacked_in;              /* bytes, likewise */
    la_ns text_at;                    /* when text came last */
    uint32_t ts_recent, ts_recent_at; /* value, and our millisecond clock then */
    uint32_t ts_offset;
    uint32_t flow; /* IPv6 flow label */

    struct sndq sndq;
    struct rcvq rcvq;
    struct sackgen sackgen;
    struct recovery recovery;
    struct cc cc;
    struct rtt rtt;
    seqno rtt_seq; /* without timestamps: the number being timed (Karn) */
    la_ns rtt_at;
    la_ns last_sent, last_heard;
    la_ns rtx_since; /* when the oldest outstanding number was first sent without progress since, or
                        the oldest probe of a closed window without answer */
    la_ns challenge_at; /* last challenge ACK (RFC 5961 §7, per connection) */
    struct net_path path;

    la_ns at[TIMER_SLOTS];
    la_ns heap_at; /* its time in the heap: never later than the earliest slot */
    uint32_t heap_pos;
    struct tcb *q_prev, *q_next; /* ready or waiting list */
    uint32_t acc_next;           /* a listener's accept queue */
    uint32_t listener;           /* while not accepted */
    struct ev_link ev;
    void *user;
    struct options opt;

    /* for the close record */
    uint8_t first_fin, rst_by, cause;
    uint8_t fin_cause; /* why our FIN was queued */
    uint8_t ended_by;
    uint8_t last_state;
    int16_t error; /* enum la_err */
    int16_t soft_error;
    uint32_t serial;
    la_ns opened, established, first_fin_at, second_fin_at, state_since;
    la_ns in_state[TCB_STATES];
    uint64_t bytes_acked, bytes_received, bytes_retransmitted;
    uint32_t segs_in, segs_out, retransmits, rto_expirations, fin_retransmits, dup_acks_in;
    uint32_t data_segs_in, data_segs_out, ooo_segs_in, dsacks_in;
};

#endif
