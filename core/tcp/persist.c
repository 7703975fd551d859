/* persist.c: probing a window that the peer keeps closed (RFC 9293 §3.8.6.1), also after close, and
 * the sender's silly-window override (§3.8.6.2.1), which waits on the same timer. Invariant: while
 * probes are answered a connection with a program lives on (MUST-37); R2 is about those that are
 * not. */
#include "tcp/spine.h"

void persist_start(struct tcp *tcp, struct tcb *t, la_ns wait, la_ns now)
{
    if (t->at[TIMER_RTX] != LA_NEVER)
        return;
    t->persist = true;
    t->backoff = 0;
    t->rtx_since = now;
    timer_arm(tcp, t, TIMER_RTX, now + wait);
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
    if (t->keep_probes == 0) /* what was sent before was answered */
        t->rtx_since = now;
    if (rto_give_up(tcp, t, t->keep_probes, now))
        return;
    if (!t->handle && !t->listener && t->backoff >= ORPHAN_PROBES) {
        tcp_rule(tcp, t, R_PERSIST_ORPHAN, now);
        tcp_reset(tcp, t, LA_CAUSE_PROBE_LIMIT, LA_ETIMEDOUT, now);
        return;
    }
    tcp_rule(tcp, t, R_PERSIST_PROBE, now);
    if (t->keep_probes < UINT8_MAX)
        t->keep_probes++;
    if (t->backoff < UINT8_MAX)
        t->backoff++;
    rto_arm(tcp, t, now);
    tcp_ready(tcp, t);
}
