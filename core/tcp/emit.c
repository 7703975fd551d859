/* emit.c: the one place that builds segments: every number that leaves is put into a header here
 * (RFC 9293 §3.1, RFC 7323 §3.2, RFC 2018 §4). */
#include "tcp/spine.h"

#define TS_WORD 0x0101080aU /* NOP NOP kind 8 length 10 */

static void syn_options(const struct tcp *tcp, const struct tcb *t, const struct emit *e,
                        struct tcp_opts *o)
{
    /* A SYN offers what the program allows; SYN,ACK only what the peer offered too. */
    bool answer = (e->flags & TCP_ACK) != 0;
    o->has_mss = true;
    o->mss = mss_announce(tcp, &t->opt, t->path.ifx, tcb_is_v4(t));
    o->sack_permitted = answer ? t->sack_ok : t->opt.sack;
    o->has_ts = answer ? t->ts_ok : t->opt.timestamps;
    o->has_wscale = answer ? t->wscale_ok : t->opt.wscale != -2;
    o->wscale = t->rcv.wscale;
    o->wscale_first = t->opt.wscale_first;
}

/* Options of this segment; returns their length. */
static uint32_t build_options(struct tcp *tcp, struct tcb *t, const struct emit *e,
                              struct la_trace_seg *trace, uint8_t *p, la_ns now)
{
    struct tcp_opts o;
    memset(&o, 0, sizeof o);
    o.has_ts = t->ts_ok;
    if (e->flags & TCP_SYN)
        syn_options(tcp, t, e, &o);
    o.tsval = ts_clock(now) + t->ts_offset;
    o.tsecr = e->flags & TCP_ACK ? t->ts_recent : 0;
    if (e->nsack)
        o.nsack = (uint8_t)sackgen_blocks(&t->sackgen, &t->rcvq.ooo, tcp->ranges, t->rcvq.nxt,
                                          o.sack, e->nsack);
    if (trace) {
        trace->has_ts = o.has_ts;
        trace->tsval = o.tsval;
        trace->tsecr = o.tsecr;
        trace->mss = o.has_mss ? o.mss : 0;
        trace->wscale = o.has_wscale ? (int8_t)o.wscale : (int8_t)-1;
        trace->sack_permitted = o.sack_permitted;
        trace->nsack = o.nsack;
        for (unsigned i = 0; i < o.nsack; i++) {
            trace->sack[i][0] = o.sack[i].start.v;
            trace->sack[i][1] = o.sack[i].end.v;
        }
    }
    return tcp_opts_build(p, &o);
}

uint32_t emit_sack_blocks(const struct tcb *t, bool text)
{
    uint32_t n = t->rcvq.ooo.count + t->sackgen.dup, max = t->ts_ok ? 3 : 4;
    if (!t->sack_ok || n == 0)
        return 0;
    /* Text needs room beside them, however small the path (CVE-2019-11478's lesson); and alone they
     * may be no longer than the path takes. */
    uint32_t other = 4U + (text ? 8U : 0U);
    if (t->smss < max * 8 + other)
        max = t->smss > 8 + other ? (t->smss - other) / 8 : 0;
    return n < max ? n : max;
}

/* The window field: never scaled in a SYN. */
static uint32_t window_field(struct tcb *t, const struct emit *e)
{
    if (!(e->flags & TCP_SYN))
        return window_announce(t);
    uint32_t open = e->flags & TCP_ACK ? window_open(t) : t->opt.rcvbuf;
    return open < 65535 ? open : 65535;
}

/* The headers of a segment with `options` bytes of options behind p + l2 + its IP header, already
 * there; the checksum over all, or left to the device. */
__attribute__((always_inline)) static inline void put_headers(struct tcp *tcp, const struct tcb *t,
                                                              struct tcp_hdr *h, uint32_t l2,
                                                              uint32_t options, uint32_t len,
                                                              struct la_frame *f)
{
    const struct la_if_config *dev = net_if(tcp->net, t->path.ifx);
    uint8_t *ip = tcp->hdr + l2;
    uint8_t tos = (uint8_t)(t->opt.dscp << 2);
    uint32_t ip_len = IPV4_HLEN;
    h->sport = t->id.lport;
    h->dport = t->id.rport;
    h->hlen = (uint8_t)(TCP_HLEN + options);
    if (tcb_is_v4(t)) {
        ipv4_put(ip, 0x45000000U | (uint32_t)tos << 16 | (IPV4_HLEN + h->hlen + len), IPV4_DF,
                 (uint32_t)t->opt.ttl << 24 | IP_TCP << 16, &t->id.local, &t->id.remote);
    } else {
        ipv6_put(ip, 6U << 28 | (uint32_t)tos << 20 | (t->flow & 0xfffff),
                 (h->hlen + len) << 16 | IP_TCP << 8 | t->opt.ttl, &t->id.local, &t->id.remote);
        ip_len = IPV6_HLEN;
    }
    uint8_t *p = ip + ip_len;
    uint64_t fixed = tcp_build(p, h);
    f->head = (struct la_span){tcp->hdr, l2 + ip_len + h->hlen};
    f->len = f->head.n + len;
    struct csum c = csum_pseudo_of(t->addr_sum, IP_TCP, h->hlen + len);
    if (dev->offload & LA_OFFLOAD_TX_CSUM) {
        tcp_build_csum(p, h, csum_fold(&c));
        f->csum = LA_CSUM_PARTIAL;
        f->csum_start = (uint16_t)(p - f->head.p);
        f->csum_offset = 16;
        return;
    }
    c.sum += fixed;
    csum_words(&c, p + TCP_HLEN, options);
    sndq_csum(f->span, f->nspan, &c);
    tcp_build_csum(p, h, csum_field(&c));
    f->csum = LA_CSUM_NONE;
}

static void trace_out(struct tcp *tcp, struct tcb *t, const struct emit *e, struct la_trace_seg *s,
                      uint32_t wnd, la_ns now)
{
    s->seq = e->seq.v;
    s->ack = e->flags & TCP_ACK ? t->rcv.nxt.v : 0;
    s->len = e->len;
    s->flags = e->flags;
    s->wnd = e->flags & TCP_SYN ? wnd : wnd << t->rcv.wscale;
    s->retransmit = e->retransmit;
    trace_segment(tcp, LA_TRACE_SEGMENT_OUT, t, NULL, t->state, s, now);
}

static inline enum net_ready link_header(struct tcp *tcp, struct tcb *t, uint32_t *l2, la_ns now)
{
    enum net_ready ready =
        net_link(tcp->net, &t->id.local, &t->id.remote, t->scope, &t->path, tcp->hdr, l2, now);
    if (ready == NET_READY && t->path.ifx != t->queue_ifx)
        return NET_WAIT; /* another interface's turn: the route changed */
    return ready;
}

enum net_ready emit_plain(struct tcp *tcp, struct tcb *t, seqno at, uint32_t len, uint8_t flags,
                          struct la_frame *f, la_ns now)
{
    uint32_t l2 = 0, options = 0, got = 0;
    enum net_ready ready = link_header(tcp, t, &l2, now);
    if (ready != NET_READY)
        return ready;
    if (t->ts_ok) {
        uint8_t *p = tcp->hdr + l2 + (tcb_is_v4(t) ? IPV4_HLEN : IPV6_HLEN) + TCP_HLEN;
        put32(p, TS_WORD);
        put32(p + 4, ts_clock(now) + t->ts_offset);
        put32(p + 8, t->ts_recent);
        options = 12;
    }
    f->nspan = 0;
    if (len) {
        f->nspan = (uint8_t)sndq_spans(&t->sndq, at, len, f->span, LA_FRAME_SPANS, &got);
        t->data_segs_out++;
    }
    LA_ASSERT(got == len);
    struct tcp_hdr h = {
        .seq = at, .ack = t->rcv.nxt, .flags = flags, .wnd = (uint16_t)window_announce(t)};
    f->gso_size = 0;
    put_headers(tcp, t, &h, l2, options, len, f);
    t->segs_out++;
    return NET_READY;
}

enum net_ready emit_tcb(struct tcp *tcp, struct tcb *t, const struct emit *e, struct la_frame *f,
                        la_ns now)
{
    uint32_t l2 = 0, got = 0, wnd;
    bool tracing = tcp->cfg->trace != NULL;
    if (!tracing && !e->nsack && !t->urg_out && e->len <= e->mss &&
        (e->flags & (TCP_SYN | TCP_ACK)) == TCP_ACK)
        return emit_plain(tcp, t, e->seq, e->len, e->flags, f, now);
    enum net_ready ready = link_header(tcp, t, &l2, now);
    if (ready != NET_READY)
        return ready;
    struct la_trace_seg trace;
    if (tracing)
        memset(&trace, 0, sizeof trace);
    uint32_t ip_len = tcb_is_v4(t) ? IPV4_HLEN : IPV6_HLEN;
    uint32_t options =
        build_options(tcp, t, e, tracing ? &trace : NULL, tcp->hdr + l2 + ip_len + TCP_HLEN, now);
    struct tcp_hdr h = {.seq = e->seq, .flags = e->flags};
    if (e->flags & TCP_ACK)
        h.ack = t->rcv.nxt;
    wnd = window_field(t, e);
    h.wnd = (uint16_t)wnd;
    if (t->urg_out && seq_lt(e->seq, t->snd.up)) {
        int32_t up = seq_diff(t->snd.up, e->seq);
        h.flags |= TCP_URG;
        h.up = (uint16_t)(up < 65535 ? up : 65535); /* MUST-31: renewed by each segment */
    }
    f->nspan = 0;
    if (e->len)
        f->nspan = (uint8_t)sndq_spans(&t->sndq, e->seq, e->len, f->span, LA_FRAME_SPANS, &got);
    LA_ASSERT(got == e->len);
    f->gso_size = e->len > e->mss ? (uint16_t)e->mss : 0;
    put_headers(tcp, t, &h, l2, options, e->len, f);
    uint32_t segs = f->gso_size ? (e->len + e->mss - 1) / e->mss : 1;
    t->segs_out += segs;
    t->data_segs_out += e->len ? segs : 0;
    if (tracing)
        trace_out(tcp, t, e, &trace, wnd, now);
    return NET_READY;
}

/* ---- segments that belong to no send queue ---- */

void emit_bare(struct tcp *tcp, const struct bare *b, la_ns now)
{
    uint8_t seg[TCP_HLEN_MAX];
    uint32_t options = b->opts ? tcp_opts_build(seg + TCP_HLEN, b->opts) : 0,
             len = TCP_HLEN + options;
    struct tcp_hdr h = {.sport = b->id->lport,
                        .dport = b->id->rport,
                        .seq = b->seq,
                        .ack = b->ack,
                        .flags = b->flags,
                        .hlen = (uint8_t)len,
                        .wnd = (uint16_t)b->wnd};
    struct ip_hdr ip = {.src = b->id->local,
                        .dst = b->id->remote,
                        .proto = IP_TCP,
                        .ttl = b->ttl,
                        .tos = b->tos,
                        .df = true};
    struct csum c = csum_pseudo(&ip.src, &ip.dst, IP_TCP, len);
    c.sum += tcp_build(seg, &h);
    csum_words(&c, seg + TCP_HLEN, options);
    tcp_build_csum(seg, &h, csum_field(&c));
    if (b->flags & TCP_RST)
        tcp_rule(tcp, b->t, R_RST_SENT, now);
    if (tcp->cfg->trace) {
        struct la_trace_seg s = {
            .seq = b->seq.v, .ack = b->ack.v, .wnd = b->wnd, .flags = b->flags, .wscale = -1};
        if (b->opts) {
            s.has_ts = b->opts->has_ts;
            s.tsval = b->opts->tsval;
            s.tsecr = b->opts->tsecr;
            s.mss = b->opts->has_mss ? b->opts->mss : 0;
            s.wscale = b->opts->has_wscale ? (int8_t)b->opts->wscale : (int8_t)-1;
            s.sack_permitted = b->opts->sack_permitted;
        }
        trace_segment(tcp, LA_TRACE_SEGMENT_OUT, b->t, b->id, b->state, &s, now);
    }
    net_send(tcp->net, &ip, b->scope, seg, len, now);
}

static void emit_from_tcb(struct tcp *tcp, struct tcb *t, uint8_t flags, uint32_t wnd, la_ns now)
{
    struct tcp_opts o = {
        .has_ts = t->ts_ok, .tsval = ts_clock(now) + t->ts_offset, .tsecr = t->ts_recent};
    struct bare b = {.id = &t->id,
                     .scope = t->scope,
                     .seq = tcb_bare_seq(t),
                     .ack = t->rcv.nxt,
                     .flags = flags,
                     .ttl = t->opt.ttl,
                     .tos = (uint8_t)(t->opt.dscp << 2),
                     .wnd = wnd,
                     .opts = t->ts_ok ? &o : NULL,
                     .state = t->state,
                     .t = t};
    t->segs_out++;
    emit_bare(tcp, &b, now);
}

void emit_last_ack(struct tcp *tcp, struct tcb *t, la_ns now)
{
    emit_from_tcb(tcp, t, TCP_ACK, window_announce(t), now);
}

/* With the ACK bit, as stacks do (ambiguity D4); with timestamps if they are agreed (RFC 7323
 * §5.2). */
void emit_rst(struct tcp *tcp, struct tcb *t, la_ns now)
{
    uint32_t wnd = t->opt.habits & LA_HABIT_RST_WINDOW ? window_announce(t) : 0;
    emit_from_tcb(tcp, t, TCP_RST | TCP_ACK, wnd, now);
}

void emit_rst_reply(struct tcp *tcp, const struct tuple *id, int16_t scope, const struct tcp_seg *g,
                    la_ns now)
{
    struct tcp_opts o = {.has_ts = g->opts.has_ts, .tsval = 0, .tsecr = g->opts.tsval};
    struct bare b = {.id = id,
                     .scope = scope,
                     .ttl = 64,
                     .opts = g->opts.has_ts && !tcp->defaults.bare_rst ? &o : NULL,
                     .state = LA_CLOSED};
    if (g->flags & TCP_ACK) {
        b.seq = g->ack;
        b.flags = TCP_RST;
    } else {
        b.ack = seq_add(g->seq, seg_len(g));
        b.flags = TCP_RST | TCP_ACK;
    }
    emit_bare(tcp, &b, now);
}
