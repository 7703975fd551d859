/* input.c: a segment arrives (RFC 9293 §3.10.7): the checks before any connection is known, the one
 * lookup, and steps 1 to 4 of §3.10.7.4.  Steps judge the segment as it was sent; only then is it
 * trimmed to the window, else a RST that straddles the edge would turn into an exact one. */
#include "tcp/spine.h"

/* ---- the steps ---- */

/* Before the first: PAWS (RFC 7323 §5.3 R1).  RST is exempt.  An answer is a pure ACK, and two ends
 * that each hold the other's clock for old would answer answers for ever: those only so often. */
static enum verdict step0_timestamp(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g,
                                    la_ns now)
{
    if (!t->ts_ok || g->flags & TCP_RST)
        return V_CONTINUE;
    if (!g->opts.has_ts && g->flags & TCP_SYN)
        return V_CONTINUE; /* a peer that began anew, with other options: the fourth step's */
    if (!g->opts.has_ts && t->opt.habits & LA_HABIT_TS_OPTIONAL)
        return V_CONTINUE;
    if (!g->opts.has_ts)
        return tcp_verdict(tcp, t, R_TS_MISSING, V_DROP, now);
    if ((int32_t)(g->opts.tsval - t->ts_recent) >= 0 || tcp->cfg->lab.no_paws)
        return V_CONTINUE;
    if (ts_clock(now) - t->ts_recent_at > PAWS_IDLE_MS)
        return V_CONTINUE;
    return tcp_verdict(tcp, t, R_PAWS, g->len ? V_ACK : V_CHALLENGE, now);
}

/* Table 6: does any of the segment lie in the window? */
static bool acceptable(const struct tcb *t, const struct tcp_seg *g)
{
    uint32_t len = seg_len(g), wnd = window_open(t);
    if (len == 0)
        return wnd ? seq_in(g->seq, t->rcv.nxt, wnd) : seq_eq(g->seq, t->rcv.nxt);
    return wnd &&
           (seq_in(g->seq, t->rcv.nxt, wnd) || seq_in(seq_add(g->seq, len - 1), t->rcv.nxt, wnd));
}

/* What it carries is in already, to the last number, but what it acknowledges is news.  Two probes
 * of closed windows that cross are both so, and so is every answer to them: without this each end
 * would wait for ever for the ACK that the other sends again and again. */
static bool brings_late_ack(const struct tcb *t, const struct tcp_seg *g)
{
    uint32_t behind = t->rcv.nxt.v - seq_add(g->seq, seg_len(g)).v;
    return behind <= 1 && (g->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
           seq_gt(g->ack, t->snd.una) && seq_le(g->ack, t->snd.nxt);
}

/* First: sequence number.  What is outside is acknowledged, so that a peer that is out of step
 * hears where we are; pure ACKs and SYNs only so often, as two ends could answer each other for
 * ever. */
static enum verdict step1_sequence(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    if (acceptable(t, g))
        return V_CONTINUE;
    if (g->flags & TCP_RST && !seq_eq(g->seq, t->rcv.nxt))
        return tcp_verdict(tcp, t, R_SEQ_OUT_RST, V_DROP, now);
    if (window_open(t) == 0 && seq_eq(g->seq, t->rcv.nxt)) {
        /* A probe of our closed window: its text and FIN are refused, the rest of it counts
         * (MUST-66). */
        g->len = 0;
        g->flags &= (uint8_t)~TCP_FIN;
        t->ack_now = true;
        tcp_ready(tcp, t);
        return tcp_verdict(tcp, t, R_ZERO_WINDOW_PROBE, V_CONTINUE, now);
    }
    if (t->state == LA_SYN_RECEIVED && (g->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) &&
        seq_eq(g->seq, t->rcv.irs) && seq_eq(g->ack, t->snd.nxt)) {
        g->flags &= (uint8_t)~TCP_SYN;
        g->seq = t->rcv.nxt;
        t->ack_now = true; /* a peer that goes by table 6 drops our SYN,ACK and waits for this */
        tcp_ready(tcp, t);
        return tcp_verdict(tcp, t, R_CROSSED_SYNACK, V_CONTINUE, now);
    }
    if (t->state == LA_SYN_RECEIVED && (g->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
        seq_eq(g->seq, t->rcv.irs)) {
        /* A peer that is still in SYN-SENT would drop a bare ACK (C3). */
        t->syn_now = true;
        tcp_ready(tcp, t);
        return tcp_verdict(tcp, t, R_EMBRYO_SYN_AGAIN, V_DROP, now);
    }
    if (brings_late_ack(t, g)) {
        if (seg_len(g)) /* what comes again wants its ACK; a FIN is in already */
            tcp_ack_now(tcp, t);
        g->flags &= (uint8_t)~TCP_FIN;
        return tcp_verdict(tcp, t, R_SEQ_OLD_NEW_ACK, V_CONTINUE, now);
    }
    if (seq_le(seq_add(g->seq, seg_len(g)), t->rcv.nxt) && seg_len(g) && !(g->flags & TCP_SYN)) {
        if (t->sack_ok && g->len)
            sackgen_duplicate(&t->sackgen, g->seq, seq_add(g->seq, g->len));
        return tcp_verdict(tcp, t, R_SEQ_OLD_DATA, V_ACK, now);
    }
    return tcp_verdict(tcp, t, R_SEQ_OUT_OF_WINDOW, g->len ? V_ACK : V_CHALLENGE, now);
}

/* Second: RST.  Only an exact RCV.NXT resets; elsewhere in the window the peer is challenged, so
 * that a blind attacker must hit one number in 2^32 (RFC 5961 §3.2). */
static enum verdict step2_rst(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (!(g->flags & TCP_RST))
        return V_CONTINUE;
    if (seq_eq(g->seq, t->rcv.nxt))
        return tcp_verdict(tcp, t, R_RST_EXACT, V_ABORT, now);
    return tcp_verdict(tcp, t, R_RST_IN_WINDOW, V_CHALLENGE, now);
}

/* Third is security and compartment, which nobody uses (RFC 9293 A.1).  Fourth: SYN. */
static enum verdict step4_syn(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (!(g->flags & TCP_SYN))
        return V_CONTINUE;
    return tcp_verdict(tcp, t, R_SYN_IN_SYNC, V_CHALLENGE, now);
}

/* TS.Recent (RFC 7323 §4.3): from segments that begin at or before what we last acknowledged. */
static void take_timestamp(struct tcb *t, const struct tcp_seg *g, la_ns now)
{
    if (t->ts_ok && g->opts.has_ts && seq_le(g->seq, t->rcv.acked)) {
        t->ts_recent = g->opts.tsval;
        t->ts_recent_at = ts_clock(now);
    }
}

/* Cuts what lies outside the window; FIN beyond it goes too, but one right at the edge needs no
 * room (C31). */
void input_trim(struct tcb *t, struct tcp_seg *g)
{
    int32_t before = seq_diff(t->rcv.nxt, g->seq);
    if (before > 0) {
        uint32_t cut = (uint32_t)before < g->len ? (uint32_t)before : g->len;
        if (t->sack_ok && cut)
            sackgen_duplicate(&t->sackgen, g->seq, seq_add(g->seq, cut));
        g->at += cut;
        g->len -= cut;
        g->seq = t->rcv.nxt;
        if (cut)
            t->ack_now = true;
    }
    int32_t room = seq_diff(t->rcv.adv, g->seq);
    if (room < 0)
        room = 0;
    if (g->len > (uint32_t)room) {
        g->len = (uint32_t)room;
        g->flags &= (uint8_t)~TCP_FIN;
        t->ack_now = true;
    }
}

/* ---- what verdicts lead to ---- */

void tcp_challenge(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->challenge_at && now - t->challenge_at < LA_MSEC(t->opt.challenge_ms)) {
        tcp_rule(tcp, t, R_CHALLENGE_LIMITED, now);
        return;
    }
    t->challenge_at = now ? now : 1;
    tcp_rule(tcp, t, R_CHALLENGE_ACK, now);
    tcp_ack_now(tcp, t);
}

bool tcp_may_answer(struct tcp *tcp, uint32_t hash, const struct tcp_seg *g, la_ns now)
{
    la_ns *last = &tcp->answered[hash % TCP_ANSWERS];
    if (seg_len(g))
        return true;
    if (*last && now - *last < CHALLENGE_NS) {
        tcp_rule(tcp, NULL, R_CHALLENGE_LIMITED, now);
        return false;
    }
    *last = now ? now : 1;
    return true;
}

/* The peer reset us.  In SYN-RECEIVED of an active open that means refused (MUST-11). */
static void peer_reset(struct tcp *tcp, struct tcb *t, la_ns now)
{
    bool opening = t->state == LA_SYN_RECEIVED;
    t->rst_by = LA_SIDE_PEER;
    tcp_end(tcp, t, opening ? LA_CAUSE_REFUSED : LA_CAUSE_PEER_RST,
            opening ? LA_ECONNREFUSED : LA_ECONNRESET, now);
}

static void apply(struct tcp *tcp, struct tcb *t, const struct tcp_seg *g, enum verdict v,
                  la_ns now)
{
    switch (v) {
    case V_CONTINUE:
    case V_DROP:
    case V_GONE:
        break;
    case V_ACK:
        tcp_ack_now(tcp, t);
        break;
    case V_CHALLENGE:
        tcp_challenge(tcp, t, now);
        break;
    case V_RESET:
        emit_rst_reply(tcp, &t->id, t->scope, g, now);
        break;
    case V_ABORT:
        peer_reset(tcp, t, now);
        break;
    }
}

/* §3.10.7.4 in order, for a connection in SYN-RECEIVED or a synchronized state. */
static enum verdict judge(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    enum verdict v = step0_timestamp(tcp, t, g, now);
    if (v == V_CONTINUE)
        v = step1_sequence(tcp, t, g, now);
    if (v == V_CONTINUE)
        v = step2_rst(tcp, t, g, now);
    if (v == V_CONTINUE)
        v = step4_syn(tcp, t, g, now);
    if (v != V_CONTINUE)
        return v;
    take_timestamp(t, g, now);
    input_trim(t, g);
    return input_rest(tcp, t, g, now);
}

enum verdict input_rest(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    enum verdict v = input_ack(tcp, t, g, now);
    if (v == V_CONTINUE)
        v = input_text(tcp, t, g, now);
    return v;
}

void tcb_segment(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    t->segs_in++;
    t->data_segs_in += g->len > 0;
    if (t->state == LA_SYN_SENT) {
        input_synsent(tcp, t, g, now);
        return;
    }
    if (!(g->flags & TCP_SYN))
        g->wnd <<= t->snd.wscale;
    apply(tcp, t, g, judge(tcp, t, g, now), now);
}

/* ---- before a connection is known ---- */

/* Reads the header; false if it was dropped. */
static bool parse_header(struct tcp *tcp, const struct ip_dgram *d, struct tcp_hdr *h,
                         struct tcp_seg *g, la_ns now)
{
    if (!tcp_parse(d->payload.head.p, d->payload.head.n, h)) {
        tcp_drop(tcp, NULL, NULL, R_SEG_SHORT, now);
        return false;
    }
    g->seq = h->seq;
    g->ack = h->ack;
    g->wnd = h->wnd;
    g->up = h->up;
    g->urgent = seq_add(h->seq, h->up);
    g->flags = h->flags;
    g->hlen = h->hlen;
    g->at = h->hlen;
    g->len = d->payload.len - h->hlen;
    g->d = d;
    return true;
}

static bool parse_options(struct tcp *tcp, struct tcp_seg *g, la_ns now)
{
    const uint8_t *p = g->d->payload.head.p + TCP_HLEN;
    uint32_t n = g->hlen - TCP_HLEN;
    g->opts.nsack = 0;
    g->opts.has_mss = g->opts.has_wscale = g->opts.sack_permitted = g->opts.has_ts = false;
    if (n == 0)
        return true;
    if (n == 12 && tcp_opts_only_ts(p, n, &g->opts.tsval, &g->opts.tsecr)) {
        g->opts.has_ts = true;
        return true;
    }
    if (tcp_opts_parse(p, n, (g->flags & TCP_SYN) != 0, &g->opts))
        return true;
    tcp_drop(tcp, NULL, NULL, R_SEG_OPTIONS, now);
    return false;
}

/* The checksum, unless the device vouches for it. */
static bool checksum_ok(const struct tcp_seg *g)
{
    const struct ip_dgram *d = g->d;
    if (d->csum != LA_CSUM_NONE)
        return true;
    struct csum c = csum_pseudo(&d->h->src, &d->h->dst, IP_TCP, d->payload.len);
    csum_header(&c, d->payload.head.p, g->hlen);
    if (g->len) {
        struct slice text = d->payload;
        slice_skip(&text, g->hlen);
        slice_csum(&text, &c);
    }
    return csum_native(&c) == 0xffff;
}

/* The connection that the last segment was for, if this one is for it too: then the table need not
 * be asked. */
static inline struct tcb *recent(struct tcp *tcp, const struct ip_dgram *d)
{
    struct tcb *t = tcp->recent;
    if (!t || !t->in_table || d->payload.head.n < TCP_HLEN)
        return NULL;
    return get32(d->payload.head.p) == ((uint32_t)t->id.rport << 16 | t->id.lport) &&
                   ip_eq(&t->id.remote, &d->h->src) && ip_eq(&t->id.local, &d->h->dst)
               ? t
               : NULL;
}

/* Checksum and options; false if it was dropped. */
static bool sound(struct tcp *tcp, struct tcp_seg *g, la_ns now)
{
    if (!checksum_ok(g)) {
        tcp_drop(tcp, NULL, NULL, R_SEG_CSUM, now);
        return false;
    }
    return parse_options(tcp, g, now);
}

static void for_tcb(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now)
{
    if (tcp->cfg->trace)
        trace_segment_in(tcp, t, &t->id, t->state, g, now);
    tcb_segment(tcp, t, g, now);
}

static void for_nobody(struct tcp *tcp, const struct tuple *id, uint32_t hash, struct tcp_seg *g,
                       la_ns now)
{
    if (id->rport == 0 || id->lport == 0) {
        tcp_drop(tcp, NULL, NULL, R_SEG_PORT_0, now);
        return;
    }
    uint32_t l = listener_find(tcp, &id->local, id->lport, g->d->ifx);
    if (tcp->cfg->trace)
        trace_segment_in(tcp, NULL, id, l ? LA_LISTEN : LA_CLOSED, g, now);
    if (l)
        input_listen(tcp, listener_at(tcp, l), id, hash, g, REF_NONE, now);
    else
        input_closed(tcp, id, g, now);
}

/* What the table says of a segment. */
struct found {
    struct tuple id;
    uint32_t hash;
    ref r;
};

/* Asks the table.  The connection, woken if it was at rest; NULL: f->r is another, or none.  This
 * and what follows stay out of tcp_input, so that the usual segment need not save their registers.
 */
__attribute__((noinline)) static struct tcb *look_up(struct tcp *tcp, const struct ip_dgram *d,
                                                     struct found *f, la_ns now)
{
    const uint8_t *p = d->payload.head.p;
    *f = (struct found){.r = REF_NONE};
    if (d->payload.head.n < TCP_HLEN)
        return NULL;
    f->id = (struct tuple){d->h->dst, d->h->src, get16(p + 2), get16(p)};
    f->hash = tuple_hash(&tcp->tab.key, &f->id);
    f->r = conntab_find(tcp, &f->id, f->hash);
    if (f->r == REF_NONE)
        return NULL;
    struct tcb *t = NULL;
    if (ref_kind(f->r) == REF_TCB)
        t = tcb_at(tcp, ref_index(f->r));
    else if (ref_kind(f->r) == REF_REST)
        t = rest_wake(tcp, ref_index(f->r), now);
    if (t)
        tcp->recent = t;
    return t;
}

static void for_another(struct tcp *tcp, const struct found *f, struct tcp_seg *g, la_ns now)
{
    if (f->r == REF_NONE) {
        for_nobody(tcp, &f->id, f->hash, g, now);
        return;
    }
    switch (ref_kind(f->r)) {
    case REF_TCB: /* tcp_input's */
        break;
    case REF_REST:
        tcp_drop(tcp, NULL, &f->id, R_REST_NO_MEMORY, now);
        break;
    case REF_EMBRYO:
        if (tcp->cfg->trace)
            trace_segment_in(tcp, NULL, &f->id, LA_SYN_RECEIVED, g, now);
        input_embryo(tcp, embryo_at(tcp, ref_index(f->r)), g, now);
        break;
    case REF_TW4:
    case REF_TW6:
        if (tcp->cfg->trace)
            trace_segment_in(tcp, NULL, &f->id, LA_TIME_WAIT, g, now);
        input_timewait(tcp, f->r, &f->id, f->hash, g, now);
        break;
    }
}

/* Any segment, by the steps.  t: its connection, or NULL: *f says whose it is. */
__attribute__((noinline)) static void
by_steps(struct tcp *tcp, struct tcb *t, const struct found *f, const struct ip_dgram *d, la_ns now)
{
    struct tcp_hdr h;
    struct tcp_seg g;
    if (!parse_header(tcp, d, &h, &g, now) || !sound(tcp, &g, now))
        return;
    if (t)
        for_tcb(tcp, t, &g, now);
    else
        for_another(tcp, f, &g, now);
}

void tcp_input(struct tcp *tcp, const struct ip_dgram *d, la_ns now)
{
    struct found f;
    struct tcb *t = recent(tcp, d);
    if (!t)
        t = look_up(tcp, d, &f, now);
    if (!t || !input_predicted(tcp, t, d, now))
        by_steps(tcp, t, &f, d, now);
}
