/* keepalive.c: finding out that an idle peer is gone (RFC 9293 §3.8.4, experiment 21).  Off unless
 * asked for. */
#include "tcp/spine.h"

static bool wanted(const struct tcb *t)
{
    return t->opt.keepalive && t->state >= LA_ESTABLISHED && t->state <= LA_LAST_ACK;
}

void keepalive_start(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (!wanted(t)) {
        timer_stop(t, TIMER_KEEP);
        return;
    }
    la_ns at = t->last_heard + LA_MSEC(t->opt.keepidle_ms);
    timer_arm(tcp, t, TIMER_KEEP, at > now ? at : now);
}

void tcp_on_heard(struct tcp *tcp, struct tcb *t, la_ns now)
{
    (void)tcp;
    t->last_heard = now;
    t->keep_probes = 0;
}

/* The timer is not moved with each segment heard: it looks again when the old time has come. */
void keepalive_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (!wanted(t))
        return;
    bool outstanding = seq_lt(t->snd.una, t->snd.nxt) || t->persist;
    la_ns idle_until = t->last_heard + LA_MSEC(t->opt.keepidle_ms);
    if (outstanding || (t->keep_probes == 0 && now < idle_until)) {
        timer_arm(tcp, t, TIMER_KEEP,
                  now < idle_until ? idle_until : now + LA_MSEC(t->opt.keepintvl_ms));
        return;
    }
    trace_timer(tcp, t, LA_TIMER_KEEPALIVE, now);
    /* A user timeout says how long silence may last; else so many probes do (tcp(7)). */
    int32_t limit = t->opt.user_timeout_ms;
    bool dead = limit > 0 ? t->keep_probes && now >= t->last_heard + LA_MSEC((uint32_t)limit)
                          : t->keep_probes >= t->opt.keepcnt;
    if (dead) {
        tcp_rule(tcp, t, R_KEEPALIVE_DEAD, now);
        tcp_reset(tcp, t, LA_CAUSE_KEEPALIVE, LA_ETIMEDOUT, now);
        return;
    }
    tcp_rule(tcp, t, R_KEEPALIVE_PROBE, now);
    if (t->keep_probes < UINT8_MAX)
        t->keep_probes++;
    t->keep_now = true;
    timer_arm(tcp, t, TIMER_KEEP, now + LA_MSEC(t->opt.keepintvl_ms));
    tcp_ready(tcp, t);
}
