/* embryo.h: SYN-RECEIVED from LISTEN, as small as a flood deserves (RFC 4987 §3): what the SYN said
 * and what our SYN,ACK said, no queues, no congestion state.  It becomes a tcb with the ACK. */
#ifndef LA_TCP_EMBRYO_H
#define LA_TCP_EMBRYO_H

#include "base/seqno.h"
#include "tcp/ref.h"
#include "tcp/tuple.h"
#include "wire/tcp.h"
#include <lastack/types.h>

struct embryo {
    uint32_t free_link; /* the pool's */
    uint32_t self;
    uint32_t next, hash; /* conntab */
    struct tuple id;
    uint32_t listener; /* index */
    seqno iss, irs;
    uint32_t ts_recent, ts_recent_at; /* as in tcb.h */
    ref tw;                           /* the TIME-WAIT entry that this pair had, REF_NONE if none */
    uint32_t heap_pos;
    la_ns opened;
    uint16_t mss;      /* the peer's, or the default of MUST-15 */
    uint16_t peer_wnd; /* of its SYN, never scaled */
    int16_t ifx;
    uint8_t peer_wscale; /* 0 if not offered */
    uint8_t wscale;      /* ours, as SYN,ACK has it, whatever becomes of the listener's buffer */
    uint8_t resent;      /* SYN,ACKs sent again */
    bool wscale_ok, sack_ok, ts_ok, used;
    bool acked; /* its ACK came and was not enough (LA_OPT_DEFER_ACCEPT_MS) */
};

#endif
