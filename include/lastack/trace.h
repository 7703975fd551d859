/* lastack/trace.h: what the stack did and why, as it happens.
 *
 * Ladders, pcapng comments and logs are all made from this.  Without a tracer it costs one test of
 * a pointer.  Everything pointed to is valid only during the callback. */
#ifndef LASTACK_TRACE_H
#define LASTACK_TRACE_H

#include <lastack/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum la_trace_kind {
    LA_TRACE_SEGMENT_IN,  /* a TCP segment passed the checksum: seg, state */
    LA_TRACE_SEGMENT_OUT, /* a TCP segment leaves: seg, state */
    LA_TRACE_STATE,       /* state -> state_to */
    LA_TRACE_RULE,        /* `rule` fired */
    LA_TRACE_DROP,        /* the frame in hand is dropped; `rule` says why */
    LA_TRACE_TIMER,       /* `timer` (enum la_timer_kind) expired */
    LA_TRACE_RECORD,      /* close record `serial` was written, or completed after TIME-WAIT */
};

enum {
    LA_TCP_FIN = 1,
    LA_TCP_SYN = 2,
    LA_TCP_RST = 4,
    LA_TCP_PSH = 8,
    LA_TCP_ACK = 16,
    LA_TCP_URG = 32,
    LA_TCP_ECE = 64,
    LA_TCP_CWR = 128
};

struct la_trace_seg {
    uint32_t seq, ack, len; /* len: payload bytes */
    uint32_t wnd;           /* as announced, scaled */
    uint16_t up;
    uint8_t flags;
    uint8_t nsack;
    uint32_t sack[4][2];
    bool has_ts, retransmit;
    uint32_t tsval, tsecr;
    uint16_t mss;  /* 0: no option */
    int8_t wscale; /* -1: no option */
    bool sack_permitted;
};

struct la_trace {
    enum la_trace_kind kind;
    la_ns now;
    la_conn conn;                             /* LA_CONN_NONE where there is none */
    const struct la_endpoint *local, *remote; /* NULL where the rule is not about a connection */
    enum la_state state, state_to;
    unsigned rule; /* la_rule_name() */
    uint8_t timer;
    uint32_t serial;
    uint32_t iss, irs;              /* for relative numbers; 0 before they are known */
    const struct la_trace_seg *seg; /* segments, else NULL */
};

#ifdef __cplusplus
}
#endif
#endif
