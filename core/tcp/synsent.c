/* synsent.c: SYN-SENT (RFC 9293 §3.10.7.3), with erratum 8167: a RST's sequence number is not
 * tested here. */
#include "tcp/spine.h"

/* What both sides said in their SYNs is in force from now on. */
void take_syn_options(struct tcp *tcp, struct tcb *t, const struct tcp_opts *o, la_ns now)
{
    t->peer_mss = syn_mss(tcp, o, tcb_is_v4(t), now);
    t->sack_ok = t->opt.sack && o->sack_permitted;
    t->ts_ok = t->opt.timestamps && o->has_ts;
    t->wscale_ok = t->opt.wscale != -2 && o->has_wscale;
    if (t->wscale_ok)
        t->snd.wscale = syn_wscale(tcp, o, now);
    else
        t->rcv.wscale = 0;
    if (t->ts_ok) {
        t->ts_recent = o->tsval;
        t->ts_recent_at = ts_clock(now);
    }
    mss_update(tcp, t);
}

static void take_syn(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    uint32_t wnd = t->opt.rcvbuf < 65535 ? t->opt.rcvbuf : 65535;
    t->rcv.irs = g->seq;
    t->rcv.nxt = t->rcv.acked = seq_add(g->seq, 1);
    t->rcv.adv = seq_add(t->rcv.nxt, wnd); /* what our SYN announced */
    rcvq_init(&t->rcvq, t->rcv.nxt);
    take_syn_options(tcp, t, &g->opts, now);
    t->snd.wnd = t->snd.max_wnd = g->wnd; /* never scaled in a SYN */
    t->snd.wl1 = g->seq;
    t->snd.wl2 = g->flags & TCP_ACK ? g->ack : t->snd.iss; /* ambiguity C2 */
    g->flags &= (uint8_t)~TCP_SYN;
    g->seq = t->rcv.nxt;
}

void tcp_established(struct tcp *tcp, struct tcb *t, bool syn_lost, la_ns now)
{
    tcp_enter(tcp, t, LA_ESTABLISHED, now);
    timer_stop(t, TIMER_RTX);
    /* RFC 6298 §5.7: a handshake that timed out says nothing good about the path. */
    if (syn_lost && t->rtt.srtt8 == 0)
        t->rtt.rto_us = 3 * t->opt.rto_init_ms * 1000U;
    t->backoff = 0;
    t->syn_now = false;
    cc_init(&t->cc, CC_RENO, t->smss, t->retransmits > 1, t->opt.abc_limit);
    t->cc.by_cwnd = (t->opt.habits & LA_HABIT_HALF_CWND) != 0;
    recovery_init(&t->recovery, t->snd.una);
    t->last_heard = now;
    t->quick = t->opt.quickacks;
    t->snd.sml = t->snd.una;
    for (unsigned i = 0; i < PUSHES; i++)
        t->snd.push[i] = t->snd.una;
    t->rmss = t->smss < MSS_DEFAULT_V4 ? t->smss : MSS_DEFAULT_V4;
    keepalive_start(tcp, t, now);
    if (t->active)
        tcp_event(tcp, t, LA_EV_CONNECTED | LA_EV_WRITABLE);
    tcp_ready(tcp, t);
}

static void sample_syn(struct tcb *t, la_ns now)
{
    if (t->rtt_timing && t->backoff == 0)
        rtt_sample(&t->rtt, (uint32_t)((now - t->rtt_at) / 1000), 1);
    t->rtt_timing = false;
}

/* First: the ACK.  V_CONTINUE also if there is none. */
static enum verdict check_ack(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (!(g->flags & TCP_ACK))
        return V_CONTINUE;
    if (seq_gt(g->ack, t->snd.iss) && seq_le(g->ack, t->snd.nxt))
        return V_CONTINUE;
    if (g->flags & TCP_RST)
        return tcp_verdict(tcp, t, R_SYNSENT_BAD_ACK_RST, V_DROP, now);
    return tcp_verdict(tcp, t, R_SYNSENT_BAD_ACK, V_RESET, now);
}

/* Simultaneous open: both SYNs are under way; ours is answered by an ACK of theirs (figure 7). */
static void crossed(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    take_syn(tcp, t, g, now);
    tcp_rule(tcp, t, R_SYNSENT_CROSSED, now);
    tcp_enter(tcp, t, LA_SYN_RECEIVED, now);
    t->syn_now = true;
    tcp_ready(tcp, t);
}

void input_synsent(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    switch (check_ack(tcp, t, g, now)) {
    case V_CONTINUE:
        break;
    case V_RESET:
        emit_rst_reply(tcp, &t->id, t->scope, g, now);
        return;
    case V_DROP:
    case V_ACK:
    case V_CHALLENGE:
    case V_ABORT:
    case V_GONE:
        return;
    }
    if (g->flags & TCP_RST) {
        if (!(g->flags & TCP_ACK)) {
            tcp_drop(tcp, t, NULL, R_SYNSENT_RST_NOACK, now);
            return;
        }
        tcp_rule(tcp, t, R_SYNSENT_REFUSED, now);
        t->rst_by = LA_SIDE_PEER;
        tcp_end(tcp, t, LA_CAUSE_REFUSED, LA_ECONNREFUSED, now);
        return;
    }
    if (!(g->flags & TCP_SYN)) {
        tcp_drop(tcp, t, NULL, R_SYNSENT_NO_SYN, now);
        return;
    }
    if (!(g->flags & TCP_ACK)) {
        crossed(tcp, t, g, now);
        return;
    }
    bool syn_lost = t->backoff > 0;
    sample_syn(t, now);
    take_syn(tcp, t, g, now);
    t->snd.una = g->ack;
    tcp_rule(tcp, t, R_SYNSENT_OPEN, now);
    net_confirm(tcp->net, &t->path, now);
    tcp_established(tcp, t, syn_lost, now);
    tcp_ack_now(tcp, t);
    /* Sixth step and on: URG, text and FIN of the same segment, as far as our SYN's window goes. */
    input_trim(t, g);
    (void)input_text(tcp, t, g, now);
}
