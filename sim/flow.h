/* flow.h: what a segment means to its connection, judged from the segments alone.
 *
 * Fed with the segments of one connection as they are sent, it gives relative numbers, tells what
 * is sent again, and names the four segments that close it: FIN u, ACK u+1, FIN w, ACK w+1 (RFC
 * 9293 §3.6).  Filters pick segments by it ("the last ACK from the client") and ladders are
 * labelled by it. Invariant: it looks, it never changes a connection; any segments in any order are
 * safe. */
#ifndef SIM_FLOW_H
#define SIM_FLOW_H

#include <stdbool.h>
#include <stdint.h>

/* The closing segments, as bits: one segment may be two of them (the three-segment close). */
enum flow_mark {
    FLOW_FIN_1 = 1 << 0, /* FIN u of who closed first */
    FLOW_ACK_2 = 1 << 1, /* ACK u+1 */
    FLOW_FIN_3 = 1 << 2, /* FIN w of the other side */
    FLOW_ACK_4 = 1 << 3, /* ACK w+1: the last ACK */
};

struct flow_seg {
    uint32_t seq, ack, len; /* len: payload bytes */
    uint8_t flags;          /* LA_TCP_* */
};

struct flow_side {
    bool known;   /* iss is known: a SYN was seen, or the first segment stands in for it */
    bool guessed; /* ... and no SYN has said so yet */
    bool any;     /* `end` is meaningful */
    bool fin;
    bool fin_acked;        /* a mark was given for it; a repeated FIN takes it back */
    bool fin_acked_before; /* some mark was ever given for it */
    bool syn_acked;        /* the other side has acknowledged its SYN */
    uint32_t iss, end;     /* end: highest sequence number sent, plus one */
    uint32_t fin_seq;      /* of the FIN itself */
};

struct flow {
    struct flow_side side[2];
    int first_fin; /* 0 or 1, -1: nobody closed yet */
};

struct flow_info {
    uint32_t rel_seq, rel_ack; /* from 0 at the SYN; rel_ack 0 without ACK */
    uint8_t marks;             /* enum flow_mark bits */
    bool again;                /* everything in it was sent before, or it repeats a mark */
    bool pure_ack;             /* ACK and nothing else */
    bool opening;              /* part of the handshake: a SYN, or the first to acknowledge one */
};

void flow_init(struct flow *f);
/* `side` (0 or 1) sent g.  A SYN with a new number starts the connection anew. */
struct flow_info flow_see(struct flow *f, int side, const struct flow_seg *g);

#endif
