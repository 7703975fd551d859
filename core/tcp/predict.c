/* predict.c: header prediction: the segment that everybody expects, an established connection's
 * next text or the next acknowledgment of ours, with nothing odd about it or about the connection.
 *
 * Most segments are so.  The eight steps of RFC 9293 §3.10.7.4 have nothing to object to such a
 * one, and what they make of it is here in one piece.  Whatever is not just so is left to them
 * untouched; so is everything while a tracer listens, as it is told of each step.  Invariant:
 * frames, counts and events are those of the steps (tests/sim/test_predict.c compares). */
#include "tcp/spine.h"

/* Nothing that a step would stop at: no gap, no loss, no FIN, nothing urgent, a program that reads.
 */
static inline bool calm(const struct tcb *t)
{
    return t->state == LA_ESTABLISHED && t->odd == 0 && !t->rcvq.ooo.head &&
           recovery_is_plain(&t->recovery) && (t->handle || t->listener);
}

/* What is read of the segment. */
struct expected {
    seqno ack;
    uint32_t hlen, len, wnd, tsval;
    bool psh;
};

/* False if it is not the expected one.  Its options are a timestamp, as agreed, that is not older
 * than the last. */
static inline bool is_expected(const struct tcb *t, const struct ip_dgram *d, struct expected *x)
{
    const uint8_t *p = d->payload.head.p;
    uint32_t hlen = TCP_HLEN + (t->ts_ok ? 12 : 0), tsecr;
    if (d->payload.head.n < hlen)
        return false;
    uint32_t head = get32(p + 12), len = d->payload.len - hlen; /* head: offset, flags, window */
    seqno ack = seq(get32(p + 8));
    uint32_t acked = ack.v - t->snd.una.v;
    if ((head & ~((uint32_t)TCP_PSH << 16)) >> 16 != (hlen << 10 | TCP_ACK) ||
        get32(p + 4) != t->rcv.nxt.v || len > window_open(t) ||
        acked > t->snd.nxt.v - t->snd.una.v || (acked | len) == 0)
        return false;
    if (t->ts_ok && (!tcp_opts_only_ts(p + TCP_HLEN, 12, &x->tsval, &tsecr) ||
                     (int32_t)(x->tsval - t->ts_recent) < 0))
        return false;
    x->ack = ack;
    x->hlen = hlen;
    x->len = len;
    x->wnd = (head & 0xffff) << t->snd.wscale;
    x->psh = head >> 16 & TCP_PSH;
    return true;
}

/* The text to its place, and the checksum over all.  False: a wrong sum, or no memory. */
static inline bool take_text(struct tcp *tcp, struct tcb *t, const struct ip_dgram *d,
                             const struct expected *x, struct rcvq_ahead *a)
{
    struct csum c = csum_pseudo_of(t->addr_sum, IP_TCP, d->payload.len);
    struct csum *sum = d->csum == LA_CSUM_NONE ? &c : NULL;
    if (sum)
        csum_header(sum, d->payload.head.p, x->hlen);
    if (x->len)
        rcvq_fill(&t->rcvq, tcp->blocks, &d->payload, x->hlen, x->len, sum, a);
    if (a->n == x->len && (!sum || csum_native(sum) == 0xffff))
        return true;
    rcvq_forget(a, tcp->blocks);
    return false;
}

/* Step 5.  A round trip is timed where no segment is sent again: by that segment. */
static inline void take_ack(struct tcp *tcp, struct tcb *t, const struct expected *x, la_ns now)
{
    uint32_t acked = x->ack.v - t->snd.una.v;
    t->last_heard = now;
    t->keep_probes = 0;
    (void)input_window(tcp, t, t->rcv.nxt, x->ack, x->wnd, now);
    if (acked) {
        if (t->rtt_timing && seq_ge(x->ack, t->rtt_seq)) {
            t->rtt_timing = false;
            rtt_sample(&t->rtt, (uint32_t)((now - t->rtt_at) / 1000), 1);
        }
        input_advance(tcp, t, x->ack, now);
        if (t->path.ifx >= 0)
            net_confirm(tcp->net, &t->path, now);
        const struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
        recovery_on_plain_ack(&t->recovery, &t->cc, &v, acked, tcp_window_used(t), now);
        t->cwnd_limited = false;
    }
    if (!seq_eq(t->snd.una, t->sndq.end)) /* outstanding, or unsent: there is no FIN */
        tcp_ready(tcp, t);
}

__attribute__((flatten)) bool input_predicted(struct tcp *tcp, struct tcb *t,
                                              const struct ip_dgram *d, la_ns now)
{
    struct expected x;
    struct rcvq_ahead a = {0};
    if (tcp->cfg->trace || !calm(t) || !is_expected(t, d, &x) || !take_text(tcp, t, d, &x, &a))
        return false;
    t->segs_in++;
    t->data_segs_in += x.len > 0;
    if (t->ts_ok && seq_eq(t->rcv.nxt, t->rcv.acked)) {
        t->ts_recent = x.tsval;
        t->ts_recent_at = ts_clock(now);
    }
    take_ack(tcp, t, &x, now);
    if (x.len) {
        rcvq_commit(&t->rcvq, &a);
        tcp_rule(tcp, t, R_TEXT_IN_ORDER, now);
        input_in_order(tcp, t, x.len);
        input_kept(t, x.len, x.psh, d->gso_size, now);
        input_schedule_ack(tcp, t, false, true, now);
    }
    return true;
}
