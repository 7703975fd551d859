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

/* Reads the segment; false if it is not the expected one.  Its options are a timestamp, as agreed,
 * that is not older than the last. */
static inline bool expected(const struct tcb *t, const struct ip_dgram *d, struct tcp_seg *g)
{
    const uint8_t *p = d->payload.head.p;
    uint32_t hlen = TCP_HLEN + (t->ts_ok ? 12 : 0);
    if (d->payload.head.n < hlen)
        return false;
    uint32_t head = get32(p + 12); /* offset, flags, window */
    if ((head & ~((uint32_t)TCP_PSH << 16)) >> 16 != (hlen << 10 | TCP_ACK))
        return false;
    g->seq = seq(get32(p + 4));
    g->ack = seq(get32(p + 8));
    g->len = d->payload.len - hlen;
    if (!seq_eq(g->seq, t->rcv.nxt) || g->len > window_open(t))
        return false;
    uint32_t acked = g->ack.v - t->snd.una.v;
    if (acked > t->snd.nxt.v - t->snd.una.v || (acked | g->len) == 0)
        return false;
    if (t->ts_ok && (!tcp_opts_only_ts(p + TCP_HLEN, 12, &g->opts.tsval, &g->opts.tsecr) ||
                     (int32_t)(g->opts.tsval - t->ts_recent) < 0))
        return false;
    g->wnd = (head & 0xffff) << t->snd.wscale;
    g->flags = (uint8_t)(head >> 16);
    g->hlen = (uint8_t)hlen;
    g->d = d;
    return true;
}

/* The text to its place, and the checksum over all.  False: a wrong sum, or no memory. */
static inline bool take_text(struct tcp *tcp, struct tcb *t, struct tcp_seg *g)
{
    const struct ip_dgram *d = g->d;
    struct csum c, *sum = d->csum == LA_CSUM_NONE ? &c : NULL;
    if (sum) {
        c = csum_pseudo_of(t->addr_sum, IP_TCP, d->payload.len);
        csum_header(&c, d->payload.head.p, g->hlen);
    }
    g->ahead = (struct rcvq_ahead){0};
    if (g->len)
        rcvq_fill(&t->rcvq, tcp->blocks, &d->payload, g->hlen, g->len, sum, &g->ahead);
    if (g->ahead.n == g->len && (!sum || csum_fold(sum) == 0xffff))
        return true;
    rcvq_forget(&g->ahead, tcp->blocks);
    return false;
}

/* Step 5.  A round trip is timed where no segment is sent again: by that segment. */
static inline void take_ack(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    uint32_t acked = g->ack.v - t->snd.una.v;
    t->last_heard = now;
    t->keep_probes = 0;
    bool window = input_window(tcp, t, g, now);
    if (acked) {
        if (t->rtt_timing && seq_ge(g->ack, t->rtt_seq)) {
            t->rtt_timing = false;
            rtt_sample(&t->rtt, (uint32_t)((now - t->rtt_at) / 1000), 1);
        }
        input_advance(tcp, t, g, now);
        if (t->path.ifx >= 0)
            net_confirm(tcp->net, &t->path, now);
        const struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
        recovery_on_plain_ack(&t->recovery, &t->cc, &v, acked, tcp_window_used(t), now);
        t->cwnd_limited = false;
    }
    if (window)
        tcp_on_window(tcp, t, now);
    if (tcb_outstanding(t) || tcb_unsent(t))
        tcp_ready(tcp, t);
}

__attribute__((flatten)) bool input_predicted(struct tcp *tcp, struct tcb *t,
                                              const struct ip_dgram *d, la_ns now)
{
    struct tcp_seg g;
    if (tcp->cfg->trace || !calm(t) || !expected(t, d, &g) || !take_text(tcp, t, &g))
        return false;
    t->segs_in++;
    t->data_segs_in += g.len > 0;
    if (t->ts_ok && seq_eq(g.seq, t->rcv.acked)) {
        t->ts_recent = g.opts.tsval;
        t->ts_recent_at = ts_clock(now);
    }
    take_ack(tcp, t, &g, now);
    if (g.len) {
        rcvq_commit(&t->rcvq, &g.ahead);
        tcp_rule(tcp, t, R_TEXT_IN_ORDER, now);
        input_in_order(tcp, t, g.len);
        input_kept(tcp, t, &g, false, true, now);
    }
    return true;
}
