/* input_text.c: the sixth to eighth steps: URG, segment text, FIN (RFC 9293 §3.10.7.4). */
#include "tcp/spine.h"

/* Do bytes from the peer still matter in this state? */
static bool receives(const struct tcb *t)
{
    return t->state == LA_ESTABLISHED || t->state == LA_FIN_WAIT_1 || t->state == LA_FIN_WAIT_2;
}

/* Sixth: the urgent pointer.  The program hears whenever it moves ahead of what was read (MUST-32).
 */
static void step6_urg(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (!(g->flags & TCP_URG) || !receives(t))
        return;
    seqno up = g->urgent;
    if (!seq_gt(up, t->rcvq.read) || (t->urg_in && !seq_gt(up, t->rcv.up)))
        return;
    t->rcv.up = up;
    t->urg_in = true;
    t->urg_seen = false;
    tcp_rule(tcp, t, R_URG_SEEN, now);
    tcp_event(tcp, t, LA_EV_URGENT);
}

/* With OOBINLINE off, the byte before the mark is set aside once it is there. */
__attribute__((cold, noinline)) static void set_aside_urgent(struct tcb *t)
{
    if (t->urg_seen || t->opt.oobinline)
        return;
    seqno at = seq_sub(t->rcv.up, 1);
    if (!seq_in(at, t->rcvq.read, rcvq_readable(&t->rcvq)))
        return;
    uint32_t skip = at.v - t->rcvq.read.v;
    struct la_span s[LA_FRAME_SPANS];
    uint32_t n = rcvq_spans(&t->rcvq, s, LA_FRAME_SPANS);
    for (uint32_t i = 0; i < n; i++) {
        if (skip < s[i].n) {
            t->oob = s[i].p[skip];
            t->has_oob = t->urg_seen = true;
            return;
        }
        skip -= s[i].n;
    }
}

/* Full segments are as long as the peer's longest, which need not be what our MSS allows (SHLD-19).
 */
static bool second_segment(const struct tcb *t)
{
    if (t->opt.ack_pairs)
        return t->unacked_segs >= 2;
    return t->unacked_in > t->rmss;
}

/* When does this text want its ACK?  At once for anything out of order and for each second full
 * segment, else the timer runs (§3.8.6.3, RFC 5681 §4.2). */
void input_schedule_ack(struct tcp *tcp, struct tcb *t, bool odd, bool advanced, la_ns now)
{
    if (odd) {
        t->quick = t->opt.quickacks;
        t->dialogue = false;
    }
    if (odd || t->opt.quickack || (t->quick && !t->dialogue) || t->ack_now || second_segment(t)) {
        /* Without SACK the peer counts duplicate ACKs, so each out-of-order segment owes one of its
         * own. */
        if (t->ack_now && odd && !t->sack_ok && t->acks_owed < UINT8_MAX && !advanced)
            t->acks_owed++;
        tcp_ack_now(tcp, t);
    } else if (!t->ack_delayed) {
        t->ack_delayed = true;
        timer_arm(tcp, t, TIMER_DELACK, now + LA_MSEC(t->opt.delack_ms));
    }
}

/* RCV.NXT went on by n. */
void input_in_order(struct tcp *tcp, struct tcb *t, uint32_t n)
{
    t->rcv.nxt = t->rcvq.nxt;
    t->bytes_received += n;
    t->unacked_in += n;
    if (t->urg_in)
        set_aside_urgent(t);
    tcp_event(tcp, t, LA_EV_READABLE);
}

/* Text to its place.  True: it must be acknowledged at once. */
static bool place_text(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, bool *advanced,
                       la_ns now)
{
    struct rcvq_result r;
    rcvq_write(&t->rcvq, tcp->blocks, tcp->ranges, g->seq, &g->d->payload, g->at, g->len, &r);
    if (r.dup && t->sack_ok)
        sackgen_duplicate(&t->sackgen, r.dup_start, r.dup_end);
    if (r.refused)
        tcp_drop(tcp, t, NULL, R_TEXT_REFUSED, now);
    if (r.advanced) {
        tcp_rule(tcp, t, r.filled ? R_TEXT_FILLED_GAP : R_TEXT_IN_ORDER, now);
        input_in_order(tcp, t, r.advanced);
    } else if (r.stored) {
        tcp_rule(tcp, t, R_TEXT_ABOVE_GAP, now);
        t->ooo_segs_in++;
        sackgen_arrived(&t->sackgen, g->seq);
    }
    *advanced = r.advanced > 0;
    return r.filled || r.dup || r.refused || t->rcvq.ooo.count;
}

void input_kept(struct tcb *t, uint32_t len, bool psh, bool coalesced, la_ns now)
{
    if (coalesced || len > t->smss)
        t->unacked_in += t->smss; /* by the device: it was several segments */
    else if (len > t->rmss)
        t->rmss = (uint16_t)len;
    if (t->unacked_segs < UINT16_MAX)
        t->unacked_segs++;
    if ((psh || len < t->rmss) && t->pushed < 2)
        t->pushed++;
    t->text_at = now;
}

static void keep_text(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    bool advanced, odd = place_text(tcp, t, g, &advanced, now);
    g->odd = odd;
    input_kept(t, g->len, (g->flags & TCP_PSH) != 0, g->d->gso_size, now);
    input_schedule_ack(tcp, t, odd, advanced, now);
}

/* The peer's FIN came, in its place or above a gap: whoever closed first is known from here on, and
 * not only when the gap is filled. */
static void note_fin(struct tcb *t, seqno at, la_ns now)
{
    t->fin_seq = at;
    t->fin_out_of_order = true;
    tcp_blame(t, LA_SIDE_PEER, LA_CAUSE_PEER_FIN, now);
    if (t->fin_sent && !t->fin_acked)
        t->first_fin = LA_SIDE_BOTH;
}

/* What was taken for it was none. */
static void forget_fin(struct tcb *t)
{
    t->fin_out_of_order = false;
    tcp_unblame_peer(t);
}

/* Seventh: text. */
static enum verdict step7_text(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    if (g->len == 0)
        return V_CONTINUE;
    if (!receives(t)) {
        tcp_drop(tcp, t, NULL, R_TEXT_AFTER_FIN, now);
        tcp_challenge(tcp, t, now);
        return V_DROP;
    }
    if ((!t->handle && !t->listener) || (t->read_over && t->fin_queued)) {
        /* The program closed both ways: nobody will ever read this, and the peer should know. */
        tcp_rule(tcp, t, R_TEXT_AFTER_CLOSE, now);
        if (g->flags & TCP_FIN && !t->fin_out_of_order)
            note_fin(t, seq_add(g->seq, g->len), now);
        t->rst_by = LA_SIDE_LOCAL;
        /* As from CLOSED: at the number that the peer expects, whether it knows of our FIN or not.
         */
        emit_rst_reply(tcp, &t->id, t->scope, g, now);
        tcp_end(tcp, t, LA_CAUSE_DATA_AFTER_CLOSE, LA_ECONNABORTED, now);
        return V_GONE;
    }
    keep_text(tcp, t, g, now);
    if (t->read_shut && rcvq_readable(&t->rcvq)) {
        tcp_rule(tcp, t, R_TEXT_UNWANTED, now);
        rcvq_consume(&t->rcvq, tcp->blocks, rcvq_readable(&t->rcvq));
    }
    return V_CONTINUE;
}

/* The peer says nothing more, so its slow start needs no quick ACKs: those of what came in order
 * may wait (LA_HABIT_LATE_FIN_ACK). */
static void ack_fin(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    bool plain = g->len ? !g->odd : !t->ack_now;
    if (!(t->opt.habits & LA_HABIT_LATE_FIN_ACK) || !t->text_at || !plain || t->opt.quickack ||
        second_segment(t)) {
        tcp_ack_now(tcp, t);
        return;
    }
    t->dialogue = true;
    t->ack_now = false;
    input_schedule_ack(tcp, t, false, true, now);
}

/* Eighth: FIN, when everything before it is here. */
static enum verdict take_fin(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    t->fin_received = true;
    t->fin_out_of_order = false;
    t->rcv.nxt = seq_add(t->rcv.nxt, 1);
    if (seq_lt(t->rcv.adv, t->rcv.nxt))
        t->rcv.adv = t->rcv.nxt;
    tcp_rule(tcp, t, R_FIN_RECEIVED, now);
    tcp_event(tcp, t, LA_EV_READABLE | LA_EV_PEER_CLOSED);
    switch ((enum la_state)t->state) {
    case LA_ESTABLISHED:
        tcp_enter(tcp, t, LA_CLOSE_WAIT, now);
        ack_fin(tcp, t, g, now);
        return V_CONTINUE;
    case LA_FIN_WAIT_1:
        if (t->fin_acked) { /* by this very segment: three can close (figure 5, note 2) */
            tcp_time_wait(tcp, t, now);
            return V_GONE;
        }
        tcp_enter(tcp, t, LA_CLOSING, now);
        tcp_ack_now(tcp, t);
        return V_CONTINUE;
    case LA_FIN_WAIT_2:
        tcp_time_wait(tcp, t, now);
        return V_GONE;
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_SYN_SENT:
    case LA_SYN_RECEIVED:
    case LA_CLOSE_WAIT:
    case LA_CLOSING:
    case LA_LAST_ACK:
    case LA_TIME_WAIT:
    case LA_STATES:
        break;
    }
    return V_CONTINUE;
}

static enum verdict step8_fin(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    seqno at = seq_add(g->seq, g->len);
    if (t->fin_out_of_order && seq_lt(t->fin_seq, t->rcv.nxt))
        forget_fin(t); /* the stream went on beyond it: it was none */
    if (g->flags & TCP_FIN && receives(t)) {
        if (t->fin_out_of_order && seq_eq(at, t->rcv.nxt) && !seq_eq(at, t->fin_seq))
            forget_fin(t);
        if (!t->fin_out_of_order)
            note_fin(t, at, now);
        if (!seq_eq(t->fin_seq, t->rcv.nxt)) {
            tcp_rule(tcp, t, R_FIN_ABOVE_GAP, now);
            tcp_ack_now(tcp, t);
        }
    }
    if (t->fin_out_of_order && seq_eq(t->fin_seq, t->rcv.nxt))
        return take_fin(tcp, t, g, now);
    return V_CONTINUE;
}

enum verdict input_text(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    step6_urg(tcp, t, g, now);
    enum verdict v = step7_text(tcp, t, g, now);
    if (v == V_CONTINUE)
        v = step8_fin(tcp, t, g, now);
    /* The FIN that came with the ACK of ours did not count after all: there was no memory for the
     * text before it. */
    if (v == V_CONTINUE && t->state == LA_FIN_WAIT_1 && t->fin_acked)
        input_fin_acked(tcp, t, now);
    return v;
}
