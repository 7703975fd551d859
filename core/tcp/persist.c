/* persist.c: probing a window that the peer keeps closed (RFC 9293 §3.8.6.1), also after close, and
 * the sender's silly-window override (§3.8.6.2.1), which waits on the same timer. Invariant: while
 * probes are answered a connection with a program lives on (MUST-37). */
#include "tcp/spine.h"

void persist_start(struct tcp *tcp, struct tcb *t, la_ns wait, la_ns now)
{
    if (t->at[TIMER_RTX] != LA_NEVER)
        return;
    t->persist = true;
    t->backoff = 0;
    timer_arm(tcp, t, TIMER_RTX, now + wait);
}

static la_ns interval(const struct tcb *t)
{
    return LA_USEC(rtt_rto_us(&t->rtt, t->backoff));
}

void persist_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    t->probe_now = true;
    if (t->snd.wnd > 0) {
        /* Not closed, only silly: what fits goes now. */
        tcp_rule(tcp, t, R_SWS_OVERRIDE, now);
        t->persist = false;
        tcp_ready(tcp, t);
        return;
    }
    if (t->keep_probes >= t->opt.r2) {
        tcp_rule(tcp, t, R_R2_REACHED, now);
        tcp_end(tcp, t, LA_CAUSE_RETRANSMISSION_LIMIT, LA_ETIMEDOUT, now);
        return;
    }
    if (!t->handle && !t->listener && t->backoff >= ORPHAN_PROBES) {
        tcp_rule(tcp, t, R_PERSIST_ORPHAN, now);
        t->cause = LA_CAUSE_PROBE_LIMIT;
        tcp_reset(tcp, t, LA_CAUSE_PROBE_LIMIT, LA_ETIMEDOUT, now);
        return;
    }
    tcp_rule(tcp, t, R_PERSIST_PROBE, now);
    t->keep_probes++;
    if (t->backoff < UINT8_MAX)
        t->backoff++;
    timer_arm(tcp, t, TIMER_RTX, now + interval(t));
    tcp_ready(tcp, t);
}
