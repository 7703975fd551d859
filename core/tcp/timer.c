/* timer.c: the only place that arms deadlines (RFC 9293 §3.8, RFC 6298 §5).
 *
 * Each connection has a few slots; the heap holds their earliest.  A slot that moves later leaves
 * the heap alone: when the old time comes, the connection is put back at its true time.  So an ACK
 * that restarts the retransmission timer costs one store. Invariant: heap_at <= every armed slot,
 * and heap_at is the time in the heap. */
#include "tcp/spine.h"

__attribute__((noinline)) static void heap_to(struct tcp *tcp, struct tcb *t, la_ns when)
{
    t->heap_at = when;
    heap_set(&tcp->timers, ref_of(REF_TCB, t->self), when);
}

void timer_arm(struct tcp *tcp, struct tcb *t, enum timer_slot s, la_ns when)
{
    t->at[s] = when;
    if (when < t->heap_at)
        heap_to(tcp, t, when);
}

void timer_stop(struct tcb *t, enum timer_slot s)
{
    t->at[s] = LA_NEVER;
}

void timer_stop_all(struct tcp *tcp, struct tcb *t)
{
    for (unsigned s = 0; s < TIMER_SLOTS; s++)
        t->at[s] = LA_NEVER;
    heap_remove(&tcp->timers, ref_of(REF_TCB, t->self));
    t->heap_at = LA_NEVER;
}

static unsigned earliest(const struct tcb *t)
{
    unsigned first = 0;
    for (unsigned s = 1; s < TIMER_SLOTS; s++)
        if (t->at[s] < t->at[first])
            first = s;
    return first;
}

static void delack_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    trace_timer(tcp, t, LA_TIMER_DELACK, now);
    tcp_rule(tcp, t, R_DELAYED_ACK, now);
    t->dialogue = false; /* no answer came to carry it */
    tcp_ack_now(tcp, t);
}

/* Runs one due slot; whatever else is due is back in the heap before, as the handler may end t. */
static void tcb_timers(struct tcp *tcp, struct tcb *t, la_ns now)
{
    unsigned s = earliest(t);
    bool due = t->at[s] <= now;
    if (due)
        t->at[s] = LA_NEVER;
    la_ns next = t->at[earliest(t)];
    t->heap_at = LA_NEVER;
    if (next != LA_NEVER)
        heap_to(tcp, t, next);
    if (!due)
        return;
    switch ((enum timer_slot)s) {
    case TIMER_RTX:
        rto_expired(tcp, t, now);
        break;
    case TIMER_DELACK:
        delack_expired(tcp, t, now);
        break;
    case TIMER_KEEP:
        keepalive_expired(tcp, t, now);
        break;
    case TIMER_LIFE:
        life_expired(tcp, t, now);
        break;
    case TIMER_SLOTS:
        break;
    }
}

void tcp_expire(struct tcp *tcp, la_ns now)
{
    uint32_t r;
    timewait_expire(tcp, now);
    while ((r = heap_pop_due(&tcp->timers, now)) != 0) {
        if (ref_kind(r) == REF_TCB)
            tcb_timers(tcp, tcb_at(tcp, ref_index(r)), now);
        else
            embryo_timer(tcp, embryo_at(tcp, ref_index(r)), now);
    }
}

la_ns tcp_deadline(const struct tcp *tcp, la_ns now)
{
    la_ns a = heap_first(&tcp->timers), b = timewait_deadline(&tcp->tw, now);
    return a < b ? a : b;
}

/* ---- the retransmission timer ---- */

static la_ns ms(uint32_t v)
{
    return LA_MSEC(v);
}

/* RTO from now, but not past the time at which the connection is given up. */
void rto_arm(struct tcp *tcp, struct tcb *t, la_ns now)
{
    la_ns when = now + LA_USEC(rtt_rto_us(&t->rtt, t->backoff)), limit = LA_NEVER;
    if (t->state == LA_SYN_SENT || t->state == LA_SYN_RECEIVED)
        limit = t->opened + ms(t->opt.syn_timeout_ms);
    else if (t->opt.user_timeout_ms > 0)
        limit = t->rtx_since + ms((uint32_t)t->opt.user_timeout_ms);
    timer_arm(tcp, t, TIMER_RTX, when < limit ? when : limit);
}

static void arm_rto(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->persist) /* a store would hold up whoever looks at all of t->odd */
        t->persist = false;
    rto_arm(tcp, t, now);
}

void tcp_on_sent(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->at[TIMER_RTX] == LA_NEVER || t->persist)
        arm_rto(tcp, t, now);
}

void tcp_on_una_advanced(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->backoff && !t->persist) /* no sample came with this ACK: Karn, RFC 6298 §5 at its end */
        rtt_keep_backoff(&t->rtt, t->backoff);
    t->backoff = 0;
    t->rtx_since = now;
    if (t->hole != HOLE_NONE)
        blackhole_over(tcp, t);
    if (seq_eq(t->snd.una, t->snd.nxt)) {
        timer_stop(t, TIMER_RTX);
        if (t->persist || t->rtx_now)
            t->persist = t->rtx_now = false;
    } else if (!t->persist) {
        arm_rto(tcp, t, now);
    }
}

void tcp_on_window(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->snd.wnd == 0)
        return;
    if (t->persist) {
        /* The window is open again: what the probes carried was refused, so it goes again at once,
         * and what waited behind it too. */
        t->backoff = 0;
        timer_stop(t, TIMER_RTX);
        t->persist = false;
        t->rtx_since = now;
        if (seq_lt(t->snd.una, t->snd.nxt)) {
            t->rtx_now = true;
            arm_rto(tcp, t, now);
        }
    }
    if (tcb_outstanding(t) || tcb_unsent(t))
        tcp_ready(tcp, t);
}

/* R1: the network layer looks for another way, the program is told (MUST-20, SHLD-9). */
static void reach_r1(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->backoff != t->opt.r1)
        return;
    tcp_rule(tcp, t, R_R1_REACHED, now);
    net_doubt(tcp->net, &t->path, now);
    t->soft_error = LA_ETIMEDOUT;
    if (t->opt.soft_errors)
        tcp_event(tcp, t, LA_EV_ERROR);
}

static void handshake_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (now >= t->opened + ms(t->opt.syn_timeout_ms)) {
        tcp_rule(tcp, t, R_SYN_TIMEOUT, now);
        tcp_end(tcp, t, LA_CAUSE_SYN_TIMEOUT, LA_ETIMEDOUT, now);
        return;
    }
    tcp_rule(tcp, t, R_RTO_EXPIRED, now);
    t->rto_expirations++;
    if (t->backoff < UINT8_MAX)
        t->backoff++;
    reach_r1(tcp, t, now);
    t->syn_now = true;
    t->rtt_timing = false;
    arm_rto(tcp, t, now);
    tcp_ready(tcp, t);
}

/* Must the connection be given up?  By time if the program set one, by count else; "never" is for a
 * program that waits. */
bool rto_give_up(struct tcp *tcp, struct tcb *t, unsigned count, la_ns now)
{
    bool orphan = !t->handle && !t->listener;
    int32_t limit = orphan && t->opt.user_timeout_ms < 0 ? 0 : t->opt.user_timeout_ms;
    if (limit > 0 && now >= t->rtx_since + ms((uint32_t)limit)) {
        tcp_rule(tcp, t, R_USER_TIMEOUT, now);
        tcp_end(tcp, t, LA_CAUSE_USER_TIMEOUT, LA_ETIMEDOUT, now);
        return true;
    }
    if (limit == 0 && count >= t->opt.r2) {
        tcp_rule(tcp, t, R_R2_REACHED, now);
        tcp_end(tcp, t, LA_CAUSE_RETRANSMISSION_LIMIT, LA_ETIMEDOUT, now);
        return true;
    }
    return false;
}

void rto_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    trace_timer(tcp, t, t->persist ? LA_TIMER_PERSIST : LA_TIMER_RTO, now);
    if (t->state == LA_SYN_SENT || t->state == LA_SYN_RECEIVED) {
        handshake_expired(tcp, t, now);
        return;
    }
    if (!tcb_outstanding(t) && !tcb_unsent(t))
        return;
    /* A SYN that nobody acknowledged (CLOSE came in SYN-RECEIVED) needs no window. */
    bool syn_out = seq_lt(t->snd.una, t->sndq.una);
    if ((t->persist || t->snd.wnd == 0) && !syn_out) {
        t->persist = true;
        persist_expired(tcp, t, now);
        return;
    }
    if (rto_give_up(tcp, t, t->backoff, now))
        return;
    tcp_rule(tcp, t, R_RTO_EXPIRED, now);
    struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
    t->rto_expirations++;
    blackhole_timeout(tcp, t, now);
    if (tcb_outstanding(t))
        recovery_on_rto(&t->recovery, &t->cc, tcp->ranges, &v, t->backoff == 0, now);
    else /* it waited for its next hop: longer than a silly window may hold up what fits */
        t->probe_now = true;
    if (t->backoff < UINT8_MAX)
        t->backoff++;
    reach_r1(tcp, t, now);
    arm_rto(tcp, t, now);
    tcp_ready(tcp, t);
}

/* ---- the end of an orphan ---- */

void orphan_fin_wait_2(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (!t->handle && t->state == LA_FIN_WAIT_2)
        timer_arm(tcp, t, TIMER_LIFE, now + ms(t->opt.fin_wait_2_ms));
}

void life_expired(struct tcp *tcp, struct tcb *t, la_ns now)
{
    trace_timer(tcp, t, LA_TIMER_FIN_WAIT_2, now);
    if (t->state == LA_FIN_WAIT_2) {
        tcp_rule(tcp, t, R_FIN_WAIT_2_LIMIT, now);
        tcp_end(tcp, t, LA_CAUSE_ORPHAN_TIMEOUT, LA_ETIMEDOUT, now);
        return;
    }
    tcp_rule(tcp, t, R_LINGER_LIMIT, now);
    tcp_reset(tcp, t, LA_CAUSE_LINGER_TIMEOUT, LA_ETIMEDOUT, now);
}
