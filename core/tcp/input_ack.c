/* input_ack.c: the fifth step: the ACK field (RFC 9293 §3.10.7.4), with RFC 5961 §5, RFC 5681, 6298
 * and 7323. */
#include "tcp/spine.h"

/* SYN-RECEIVED (of a simultaneous open, or an embryo just promoted): our SYN must be what is
 * acknowledged. */
static enum verdict synrcvd(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (!seq_gt(g->ack, t->snd.una) || !seq_le(g->ack, t->snd.nxt))
        return tcp_verdict(tcp, t, R_ACK_SYNRCVD_BAD, V_RESET, now);
    tcp_rule(tcp, t, R_ESTABLISHED_BY_ACK, now);
    t->snd.wnd = g->wnd;
    if (g->wnd > t->snd.max_wnd)
        t->snd.max_wnd = g->wnd;
    t->snd.wl1 = g->seq;
    t->snd.wl2 = g->ack;
    if (t->rtt_timing && t->backoff == 0)
        rtt_sample(&t->rtt, (uint32_t)((now - t->rtt_at) / 1000), 1);
    t->rtt_timing = false;
    t->snd.una = seq_add(t->snd.iss, 1); /* the rest, if any, is new data for what follows */
    tcp_established(tcp, t, t->backoff > 0, now);
    if (t->fin_queued) { /* CLOSE came in SYN-RECEIVED with text queued */
        tcp_enter(tcp, t, LA_FIN_WAIT_1, now);
        tcp_ready(tcp, t);
    }
    return V_CONTINUE;
}

/* Numbers that cannot be (RFC 9293, RFC 5961 §5.2). */
static enum verdict plausible(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (seq_gt(g->ack, t->snd.nxt))
        return tcp_verdict(tcp, t, R_ACK_UNSENT, V_CHALLENGE, now);
    if (seq_lt(g->ack, seq_sub(t->snd.una, t->snd.max_wnd)))
        return tcp_verdict(tcp, t, R_ACK_TOO_OLD, V_CHALLENGE, now);
    return V_CONTINUE;
}

/* A round trip: of the segment being timed, else by the echoed timestamp (RFC 7323 §4.1), which may
 * say so even after retransmissions. */
static void sample_rtt(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    (void)tcp;
    if (t->rtt_timing && seq_ge(g->ack, t->rtt_seq)) {
        t->rtt_timing = false;
        t->backoff = 0;
        rtt_sample(&t->rtt, (uint32_t)((now - t->rtt_at) / 1000), 1);
    } else if (!t->rtt_timing && g->opts.has_ts && t->ts_ok && g->opts.tsecr) {
        uint32_t ms = ts_clock(now) + t->ts_offset - g->opts.tsecr;
        if (ms < 0x7fffffff / 1000 && t->recovery.state != RECOVERY_OPEN) {
            t->backoff = 0;
            rtt_sample(&t->rtt, ms * 1000, 1);
        }
    }
}

/* SND.WND from a segment newer than the one that set it (WL1, WL2): an old one must not shrink it.
 */
bool input_window(struct tcp *tcp, struct tcb *t, seqno at, seqno ack, uint32_t wnd, la_ns now)
{
    if (!seq_lt(t->snd.wl1, at) && !(seq_eq(t->snd.wl1, at) && seq_le(t->snd.wl2, ack)))
        return false;
    uint32_t old = t->snd.wnd;
    t->snd.wl1 = at;
    t->snd.wl2 = ack;
    t->snd.wnd = wnd;
    if (wnd > t->snd.max_wnd)
        t->snd.max_wnd = wnd;
    if (old == wnd)
        return false;
    tcp_rule(tcp, t, R_WND_UPDATE, now);
    if (seq_lt(seq_add(t->snd.una, wnd), t->snd.nxt) && wnd < old)
        tcp_rule(tcp, t, R_WND_SHRUNK, now);
    return true;
}

static void count_recovery(struct tcp *tcp, struct tcb *t, enum recovery_event ev, bool dsack,
                           la_ns now)
{
    switch (ev) {
    case RECOVERY_NOTHING:
        break;
    case RECOVERY_ENTERED:
        tcp_rule(tcp, t, R_RECOVERY_ENTER, now);
        break;
    case RECOVERY_PARTIAL:
        tcp_rule(tcp, t, R_RECOVERY_PARTIAL, now);
        break;
    case RECOVERY_LEFT:
        tcp_rule(tcp, t, R_RECOVERY_EXIT, now);
        break;
    }
    if (dsack) {
        t->dsacks_in++;
        tcp_rule(tcp, t, R_DSACK_SEEN, now);
    }
}

/* SND.UNA moves: bytes leave the queue, and our FIN is known to have arrived if the ACK covers it.
 */
void input_advance(struct tcp *tcp, struct tcb *t, seqno ack, la_ns now)
{
    seqno text_end = seq_min(ack, t->sndq.end);
    if (seq_gt(text_end, t->sndq.una)) {
        t->bytes_acked += text_end.v - t->sndq.una.v;
        sndq_ack(&t->sndq, tcp->blocks, text_end);
    }
    t->snd.una = ack;
    if (seq_lt(t->snd.sml, t->snd.una))
        t->snd.sml = t->snd.una;
    if (t->urg_out && seq_ge(t->snd.una, t->snd.up))
        t->urg_out = false;
    if (t->fin_sent && !t->fin_acked && seq_gt(ack, t->sndq.end)) {
        t->fin_acked = true;
        tcp_rule(tcp, t, R_FIN_ACKED, now);
    }
    tcp_rule(tcp, t, R_ACK_ADVANCED, now);
    tcp_on_una_advanced(tcp, t, now);
    if (seq_eq(t->snd.una, t->snd.nxt) && !tcb_unsent(t))
        tcp_event(tcp, t, LA_EV_SENT);
    tcp_wake_writer(tcp, t);
}

/* What the ACK means for loss recovery and the congestion window; queues what may go now. */
static void take_ack(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    seqno prior = t->snd.una;
    bool fresh = seq_gt(g->ack, prior), dsack = false, outstanding = tcb_outstanding(t);
    bool window_changed = input_window(tcp, t, g->seq, g->ack, g->wnd, now);
    /* RFC 5681 §2's five conditions. */
    bool dup = !fresh && outstanding && g->len == 0 && !(g->flags & (TCP_SYN | TCP_FIN)) &&
               seq_eq(g->ack, prior) && !window_changed;
    if (fresh) {
        sample_rtt(tcp, t, g, now);
        input_advance(tcp, t, g->ack, now);
        if (t->path.ifx >= 0)
            net_confirm(tcp->net, &t->path, now);
    }
    if (dup) {
        t->dup_acks_in++;
        tcp_rule(tcp, t, R_ACK_DUPLICATE, now);
    } else if (!fresh && !window_changed && g->len == 0 && !(g->flags & TCP_FIN)) {
        tcp_rule(tcp, t, R_ACK_NOTHING_NEW, now);
    }
    if (fresh || dup || g->opts.nsack) {
        struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
        struct recovery_ack a = {.prior_una = prior,
                                 .acked = g->ack.v - prior.v,
                                 .dup = dup,
                                 .limited = tcp_window_used(t),
                                 .opts = t->sack_ok && g->opts.nsack ? &g->opts : NULL,
                                 .seg_ack = g->ack};
        if (!fresh)
            a.acked = 0;
        enum recovery_event ev =
            recovery_on_ack(&t->recovery, &t->cc, tcp->ranges, &v, &a, &dsack, now);
        count_recovery(tcp, t, ev, dsack, now);
        if (fresh)
            t->cwnd_limited = false;
    }
    if (window_changed)
        tcp_on_window(tcp, t, now);
    if (tcb_outstanding(t) || tcb_unsent(t))
        tcp_ready(tcp, t);
}

void input_fin_acked(struct tcp *tcp, struct tcb *t, la_ns now)
{
    tcp_enter(tcp, t, LA_FIN_WAIT_2, now);
    timer_stop(t, TIMER_LIFE);
    orphan_fin_wait_2(tcp, t, now);
}

enum verdict input_ack(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    if (!(g->flags & TCP_ACK))
        return tcp_verdict(tcp, t, R_ACK_OFF, V_DROP, now);
    if (t->state == LA_SYN_RECEIVED) {
        enum verdict v = synrcvd(tcp, t, g, now);
        if (v != V_CONTINUE)
            return v;
    } else {
        enum verdict v = plausible(tcp, t, g, now);
        if (v != V_CONTINUE)
            return v;
    }
    tcp_on_heard(tcp, t, now);
    take_ack(tcp, t, g, now);
    switch ((enum la_state)t->state) {
    case LA_FIN_WAIT_1:
        /* With the peer's FIN in the same segment the eighth step goes on to TIME-WAIT directly. */
        if (t->fin_acked && !(g->flags & TCP_FIN && seq_eq(g->seq, t->rcv.nxt)))
            input_fin_acked(tcp, t, now);
        break;
    case LA_CLOSING:
        if (!t->fin_acked)
            return V_DROP;
        tcp_time_wait(tcp, t, now);
        return V_GONE;
    case LA_LAST_ACK:
        if (t->fin_acked) {
            tcp_end(tcp, t, LA_CAUSE_NONE, LA_OK, now);
            return V_GONE;
        }
        break;
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_SYN_SENT:
    case LA_SYN_RECEIVED:
    case LA_ESTABLISHED:
    case LA_FIN_WAIT_2:
    case LA_CLOSE_WAIT:
    case LA_TIME_WAIT:
    case LA_STATES:
        break;
    }
    return V_CONTINUE;
}
