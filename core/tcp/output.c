/* output.c: decides what leaves next (RFC 9293 §3.7.4, §3.8, RFC 5681, RFC 6298).  emit.c builds
 * it.
 *
 * Pull: the driver asks an interface, the interface's list names a connection, the connection is
 * asked for one segment.  Order within a connection: handshake, retransmission or new text as
 * recovery allows, FIN with the last of it, probes, and an ACK of its own only if nothing carried
 * it. Invariant: SND.NXT is the highest number ever sent plus one; it never goes back. */
#include "tcp/spine.h"

#define BURST 32U /* frames in a row of one connection, while others wait */

enum out { OUT_NOTHING, OUT_FRAME, OUT_PARKED /* waits for its neighbour */, OUT_GONE };

/* ---- lists ---- */

static void list_append(struct tcb_list *l, struct tcb *t)
{
    t->q_prev = l->tail;
    t->q_next = NULL;
    if (l->tail)
        l->tail->q_next = t;
    else
        l->head = t;
    l->tail = t;
}

static void list_remove(struct tcb_list *l, struct tcb *t)
{
    if (t->q_prev)
        t->q_prev->q_next = t->q_next;
    else
        l->head = t->q_next;
    if (t->q_next)
        t->q_next->q_prev = t->q_prev;
    else
        l->tail = t->q_prev;
}

void tcp_unqueue(struct tcp *tcp, struct tcb *t)
{
    if (t->queue == TCB_READY)
        list_remove(&tcp->ready[t->queue_ifx], t);
    else if (t->queue == TCB_WAITING)
        list_remove(&tcp->waiting, t);
    t->queue = TCB_IDLE;
}

void tcp_ready(struct tcp *tcp, struct tcb *t)
{
    if (t->queue != TCB_IDLE || t->path.ifx < 0)
        return;
    t->queue = TCB_READY;
    t->queue_ifx = (uint8_t)t->path.ifx;
    list_append(&tcp->ready[t->queue_ifx], t);
}

static enum out park(struct tcp *tcp, struct tcb *t)
{
    tcp_unqueue(tcp, t);
    t->queue = TCB_WAITING;
    list_append(&tcp->waiting, t);
    return OUT_PARKED;
}

/* Neighbours or routes changed: whoever waited tries again. */
static void wake_waiting(struct tcp *tcp)
{
    if (!tcp->waiting.head || tcp->wait_epoch == net_epoch(tcp->net))
        return;
    tcp->wait_epoch = net_epoch(tcp->net);
    while (tcp->waiting.head) {
        struct tcb *t = tcp->waiting.head;
        tcp_unqueue(tcp, t);
        tcp_ready(tcp, t);
    }
}

/* ---- emitting ---- */

/* Nobody answers for the next hop: an open fails, an open connection retries by its timer
 * (MUST-56). */
static enum out unreachable(struct tcp *tcp, struct tcb *t, la_ns now)
{
    tcp_rule(tcp, t, R_NEIGHBOUR_FAILED, now);
    tcp_unqueue(tcp, t);
    if (t->state == LA_SYN_SENT) {
        tcp_end(tcp, t, LA_CAUSE_NO_NEIGHBOUR, LA_EHOSTUNREACH, now);
        return OUT_GONE;
    }
    t->soft_error = LA_EHOSTUNREACH;
    blackhole_explained(tcp, t, now);
    if (t->opt.soft_errors)
        tcp_event(tcp, t, LA_EV_ERROR);
    if (!tcb_outstanding(t) && !tcb_unsent(t))
        return OUT_NOTHING;
    if (t->at[TIMER_RTX] == LA_NEVER)
        t->rtx_since = now;
    tcp_on_sent(tcp, t, now);
    return OUT_NOTHING;
}

/* Whatever left with an ACK field acknowledged everything. */
static void acknowledged(struct tcb *t)
{
    t->ack_now = t->ack_delayed = false;
    if (t->quick && t->unacked_segs)
        t->quick--;
    t->unacked_in = t->unacked_segs = 0;
    t->pushed = 0;
    t->rcv.acked = t->rcv.nxt;
    timer_stop(t, TIMER_DELACK);
}

__attribute__((noinline)) static enum out emit(struct tcp *tcp, struct tcb *t, const struct emit *e,
                                               struct la_frame *f, la_ns now)
{
    switch (emit_tcb(tcp, t, e, f, now)) {
    case NET_READY:
        break;
    case NET_WAIT:
        if (t->path.ifx == t->queue_ifx)
            return park(tcp, t);
        tcp_unqueue(tcp, t);
        tcp_ready(tcp, t);
        return OUT_PARKED;
    case NET_FAILED:
        return unreachable(tcp, t, now);
    }
    if (e->flags & TCP_ACK)
        acknowledged(t);
    return OUT_FRAME;
}

static enum out emit_syn(struct tcp *tcp, struct tcb *t, struct la_frame *f, la_ns now)
{
    bool answer = t->state != LA_SYN_SENT;
    struct emit e = {.seq = t->snd.iss,
                     .flags = (uint8_t)(TCP_SYN | (answer ? TCP_ACK : 0)),
                     .retransmit = t->backoff > 0};
    enum out r = emit(tcp, t, &e, f, now);
    if (r != OUT_FRAME)
        return r;
    t->syn_now = false;
    if (e.retransmit) {
        t->retransmits++;
        tcp_rule(tcp, t, R_RETRANSMIT, now);
    } else if (!t->rtt_timing) {
        t->rtt_timing = true;
        t->rtt_seq = t->snd.nxt;
        t->rtt_at = now;
    }
    tcp_on_sent(tcp, t, now);
    return OUT_FRAME;
}

static enum out emit_ack(struct tcp *tcp, struct tcb *t, seqno at, struct la_frame *f, la_ns now)
{
    struct emit e = {.seq = at, .flags = TCP_ACK, .nsack = emit_sack_blocks(t, false)};
    return emit(tcp, t, &e, f, now);
}

/* ---- retransmission ---- */

/* What the program pushed once is pushed when it goes again, whatever was queued since. */
static bool was_pushed(const struct tcb *t, seqno end)
{
    for (unsigned i = 0; i < PUSHES; i++)
        if (seq_eq(t->snd.push[i], end))
            return true;
    return false;
}

static enum out send_again(struct tcp *tcp, struct tcb *t, const struct recovery_view *v,
                           seqno from, uint32_t room, struct la_frame *f, la_ns now)
{
    struct emit e = {
        .seq = from, .flags = TCP_ACK, .retransmit = true, .nsack = emit_sack_blocks(t, true)};
    uint32_t cap = t->smss - (e.nsack ? 4 + 8 * e.nsack : 0), text = t->sndq.end.v - from.v;
    if (seq_lt(from, t->sndq.una)) {
        /* The SYN itself: a FIN was sent from SYN-RECEIVED before anything was acknowledged. */
        recovery_sent(&t->recovery, v, from, 1, true);
        return emit_syn(tcp, t, f, now);
    }
    if (cap > room)
        cap = room;
    e.mss = cap;
    e.len = text < cap ? text : cap;
    if (seq_gt(seq_add(from, e.len), t->snd.nxt))
        e.len = t->snd.nxt.v - from.v;
    bool last = seq_eq(seq_add(from, e.len), t->sndq.end);
    if (last && t->fin_sent && (room > e.len || e.len == 0))
        e.flags |= TCP_FIN;
    if (e.len && (last || was_pushed(t, seq_add(from, e.len))))
        e.flags |= TCP_PSH;
    enum out r = emit(tcp, t, &e, f, now);
    if (r != OUT_FRAME)
        return r;
    uint32_t n = e.len + ((e.flags & TCP_FIN) != 0);
    tcp_rule(tcp, t, R_RETRANSMIT, now);
    t->retransmits++;
    t->bytes_retransmitted += e.len;
    if (e.flags & TCP_FIN) {
        t->fin_retransmits++;
        tcp_rule(tcp, t, R_FIN_RETRANSMIT, now);
    }
    t->rtt_timing = false; /* Karn */
    t->rtx_now = false;
    recovery_sent(&t->recovery, v, from, n, true);
    tcp_on_sent(tcp, t, now);
    return OUT_FRAME;
}

/* ---- new text ---- */

/* May a segment that is not full go?  Nagle (§3.7.4) and silly-window avoidance (§3.8.6.2.1). */
static bool small_may_go(struct tcp *tcp, struct tcb *t, uint32_t len, bool drains, la_ns now)
{
    bool idle = seq_eq(t->snd.una, t->snd.nxt), held = t->opt.cork || t->more_coming;
    bool alone = idle || (t->opt.minshall && !seq_gt(t->snd.sml, t->snd.una));
    if (t->probe_now || t->urg_out || (drains && t->fin_queued))
        return true;
    if (drains && !held && (t->opt.nodelay || alone))
        return true;
    if (!drains && len >= t->snd.max_wnd / 2)
        return true;
    tcp_rule(tcp, t, drains ? R_NAGLE_HELD : R_SWS_HELD, now);
    if (idle)
        persist_start(tcp, t, SWS_OVERRIDE_NS, now);
    return false;
}

/* The largest flight of each window, for tcp_window_used. */
static void note_flight(struct tcb *t)
{
    uint32_t flight = t->snd.nxt.v - t->snd.una.v;
    if (seq_ge(t->snd.una, t->snd.used_to) || flight > t->snd.used) {
        t->snd.used = flight;
        t->snd.used_to = t->snd.nxt;
    }
}

static inline void note_new(struct tcp *tcp, struct tcb *t, seqno from, uint32_t n, la_ns now)
{
    if (!t->dialogue && t->text_at && now - t->text_at < LA_MSEC(t->opt.delack_ms))
        t->dialogue = true;
    tcp_wake_writer(tcp, t);
    if (seq_eq(t->snd.una, from))
        t->rtx_since = now;
    t->snd.nxt = seq_add(from, n);
    t->last_sent = now;
    if (t->opt.habits & LA_HABIT_GROW_HALF)
        note_flight(t);
    if (!t->rtt_timing) {
        t->rtt_timing = true;
        t->rtt_seq = t->snd.nxt;
        t->rtt_at = now;
    }
    tcp_on_sent(tcp, t, now);
}

/* LA_HABIT_SMALL_BURSTS: what Linux' pacing sends in a millisecond, though nothing is paced here:
 * at least two segments, more where the path is short (tcp_tso_autosize), and half of cwnd. */
static uint32_t burst(const struct tcb *t, uint32_t most, uint32_t mss)
{
    const struct cc *c = &t->cc;
    uint32_t srtt = rtt_srtt_us(&t->rtt), near = t->rtt.min_us >> 9;
    uint64_t n = most;
    if (srtt) {
        uint64_t percent = c->cwnd < c->ssthresh / 2 ? 200 : 120;
        n = c->cwnd * percent / 100 * 1000000 / 1024 / srtt + (near < 32 ? most >> near : 0);
    }
    n = n < 2 * mss ? 2 * mss : n;
    n = n < c->cwnd / 2 ? n : c->cwnd / 2;
    n = n < most ? n : most;
    return n < mss ? mss : (uint32_t)(n - n % mss);
}

/* What the refused probe carried went again. */
static void note_probed(struct tcp *tcp, struct tcb *t, const struct recovery_view *v, la_ns now)
{
    tcp_rule(tcp, t, R_RETRANSMIT, now);
    t->retransmits++;
    t->bytes_retransmitted++;
    t->rtx_now = false;
    recovery_sent(&t->recovery, v, v->una, 1, true);
}

/* How much text one frame may carry: one segment, or many where the device cuts. */
static uint32_t frame_limit(struct tcp *tcp, const struct tcb *t, uint32_t mss)
{
    const struct la_if_config *dev = net_if(tcp->net, t->path.ifx);
    if (!dev || !(dev->offload & LA_OFFLOAD_TSO) || dev->gso_max < mss)
        return mss;
    uint32_t most = dev->gso_max - dev->gso_max % mss;
    if (dev->gso_segs && dev->gso_segs < most / mss)
        most = dev->gso_segs * mss;
    return t->opt.habits & LA_HABIT_SMALL_BURSTS ? burst(t, most, mss) : most;
}

/* LA_HABIT_HALF_WINDOW: a window below the default MSS is filled, of a larger one a half. */
static uint32_t within_window(const struct tcb *t, uint32_t mss)
{
    if (!(t->opt.habits & LA_HABIT_HALF_WINDOW))
        return mss;
    uint32_t wnd = t->snd.max_wnd, most = wnd > MSS_DEFAULT_V4 ? wnd / 2 : wnd;
    if (!most || mss <= most)
        return mss;
    return most < 48 ? 48 : most;
}

/* `from` is SND.NXT, or SND.UNA where a probe was refused: what it carried goes with what follows.
 */
static enum out send_new(struct tcp *tcp, struct tcb *t, const struct recovery_view *v, seqno from,
                         uint32_t room, struct la_frame *f, la_ns now)
{
    struct emit e = {.seq = from,
                     .flags = TCP_ACK,
                     .nsack = emit_sack_blocks(t, true),
                     .retransmit = seq_lt(from, t->snd.nxt)};
    uint32_t unsent = t->sndq.end.v - from.v;
    int32_t usable = seq_diff(seq_add(t->snd.una, t->snd.wnd), from);
    e.mss = within_window(t, t->smss - (e.nsack ? 4 + 8 * e.nsack : 0));
    if (usable <= 0) {
        t->cwnd_limited = false;
        if (seq_eq(t->snd.una, t->snd.nxt))
            persist_start(tcp, t, LA_USEC(rtt_rto_us(&t->rtt, 0)), now);
        return OUT_NOTHING;
    }
    uint32_t limit = frame_limit(tcp, t, e.mss);
    e.len = unsent < limit ? unsent : limit;
    if (e.len > (uint32_t)usable)
        e.len = (uint32_t)usable;
    if (e.len > room)
        e.len = room;
    bool drains = e.len == unsent;
    if (e.len > e.mss && !drains)
        e.len -= e.len % e.mss;
    if (e.len < e.mss && !small_may_go(tcp, t, e.len, drains, now))
        return OUT_NOTHING;
    uint32_t tail = e.len % e.mss;
    if (e.len > e.mss && tail && !small_may_go(tcp, t, tail, drains, now)) {
        e.len -= tail;
        drains = false;
    }
    /* MUST-61; and a superframe, so that the peer does not wait for more to put together. */
    if (e.len && (drains || e.len > e.mss))
        e.flags |= TCP_PSH;
    if (drains) {
        if (t->fin_queued && (uint32_t)usable > e.len)
            e.flags |= TCP_FIN;
    }
    if (e.len == 0 && !(e.flags & TCP_FIN))
        return OUT_NOTHING;
    enum out r = emit(tcp, t, &e, f, now);
    if (r != OUT_FRAME)
        return r;
    t->probe_now = false;
    if (e.flags & TCP_FIN)
        tcp_fin_sent(t, now);
    if (drains && e.len)
        t->snd.push[t->snd.pushes++ % PUSHES] = seq_add(e.seq, e.len);
    if (e.len % e.mss)
        t->snd.sml = seq_add(e.seq, e.len);
    uint32_t n = e.len + ((e.flags & TCP_FIN) != 0);
    if (e.retransmit)
        note_probed(tcp, t, v, now);
    note_new(tcp, t, e.seq, n, now);
    return OUT_FRAME;
}

/* One number beyond, or at the edge of, a closed window: the oldest not acknowledged, else a new
 * one (§3.8.6.1). */
static enum out send_probe(struct tcp *tcp, struct tcb *t, const struct recovery_view *v,
                           struct la_frame *f, la_ns now)
{
    bool fresh = seq_eq(t->snd.una, t->snd.nxt);
    struct emit e = {.seq = t->snd.una, .flags = TCP_ACK, .mss = t->smss, .retransmit = !fresh};
    if (t->opt.empty_probes) {
        t->probe_now = false;
        return emit_ack(tcp, t, seq_sub(t->snd.una, 1), f, now);
    }
    if (seq_lt(t->snd.una, t->sndq.end))
        e.len = 1;
    else if (t->fin_queued)
        e.flags |= TCP_FIN;
    else
        return OUT_NOTHING;
    enum out r = emit(tcp, t, &e, f, now);
    if (r != OUT_FRAME)
        return r;
    t->probe_now = false;
    t->rtt_timing = false;
    if (fresh) {
        if (e.flags & TCP_FIN)
            tcp_fin_sent(t, now);
        t->snd.nxt = seq_add(t->snd.nxt, 1);
        t->rtx_since = now;
        recovery_sent(&t->recovery, v, e.seq, 1, false);
    } else {
        t->retransmits++;
        t->fin_retransmits += (e.flags & TCP_FIN) != 0;
    }
    return OUT_FRAME;
}

/* Is the octet of a zero-window probe all that is out, and was it refused?  Sent again alone, it
 * would let Nagle hold up the text behind it for a round trip (§3.7.4). */
static bool only_probed(const struct tcb *t)
{
    return t->rtx_now && seq_eq(t->snd.una, t->sndq.una) &&
           seq_eq(t->snd.nxt, seq_add(t->snd.una, 1)) && seq_le(t->snd.nxt, t->sndq.end);
}

/* Is there anything that a window or a timer could let go? */
static enum out send_stream(struct tcp *tcp, struct tcb *t, struct la_frame *f, la_ns now)
{
    struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
    bool outstanding = tcb_outstanding(t), unsent = tcb_unsent(t);
    if (!outstanding && !unsent)
        return OUT_NOTHING;
    if (t->persist && t->snd.wnd == 0)
        return t->probe_now ? send_probe(tcp, t, &v, f, now) : OUT_NOTHING;
    if (only_probed(t)) {
        t->probe_now = true; /* it waited for longer than a silly window may hold it up */
        return send_new(tcp, t, &v, v.una, t->cc.cwnd, f, now);
    }
    if (t->rtx_now && outstanding)
        return send_again(tcp, t, &v, v.una, v.nxt.v - v.una.v, f, now);
    if (!outstanding && now - t->last_sent > LA_USEC(rtt_rto_us(&t->rtt, 0)) && t->last_sent) {
        tcp_rule(tcp, t, R_IDLE_RESTART, now);
        cc_ops_of(&t->cc)->on_idle(&t->cc, t->smss, now);
        t->last_sent = now;
    }
    seqno from;
    uint32_t room;
    switch (recovery_next(&t->recovery, &t->cc, tcp->ranges, &v, &from, &room)) {
    case RECOVERY_SEND_AGAIN:
        return send_again(tcp, t, &v, from, room, f, now);
    case RECOVERY_SEND_NEW:
        /* A window smaller than a segment must not make the last bytes wait for ever. */
        if (unsent && (room >= t->smss || room >= t->sndq.end.v - v.nxt.v || !outstanding))
            return send_new(tcp, t, &v, v.nxt, room, f, now);
        t->cwnd_limited |= unsent;
        return OUT_NOTHING;
    case RECOVERY_SEND_NONE:
        t->cwnd_limited |= unsent;
        return OUT_NOTHING;
    }
    return OUT_NOTHING;
}

/* Apart from next_frame, so that the usual segment need not save its registers. */
__attribute__((noinline)) static enum out tcb_output(struct tcp *tcp, struct tcb *t,
                                                     struct la_frame *f, la_ns now)
{
    if (t->syn_now)
        return emit_syn(tcp, t, f, now);
    if (t->state != LA_SYN_SENT && t->state != LA_SYN_RECEIVED) {
        enum out r = send_stream(tcp, t, f, now);
        if (r != OUT_NOTHING)
            return r;
    }
    if (t->keep_now) {
        t->keep_now = false; /* SEQ=SND.NXT-1, no text (SHLD-12) */
        return emit_ack(tcp, t, seq_sub(t->snd.nxt, 1), f, now);
    }
    if (t->ack_now)
        return emit_ack(tcp, t, tcb_bare_seq(t), f, now);
    if (t->acks_owed) {
        t->acks_owed--;
        return emit_ack(tcp, t, tcb_bare_seq(t), f, now);
    }
    return OUT_NOTHING;
}

/* The new text that everybody expects: of a connection with nothing odd about it, one segment that
 * the windows have room for, which Nagle does not hold.  False: it is another case, or a tracer
 * listens, and nothing was done. */
__attribute__((always_inline)) static inline bool send_predicted(struct tcp *tcp, struct tcb *t,
                                                                 struct la_frame *f, la_ns now)
{
    uint32_t flight = t->snd.nxt.v - t->snd.una.v, unsent = t->sndq.end.v - t->snd.nxt.v;
    uint32_t len = unsent < t->smss ? unsent : t->smss;
    if (tcp->cfg->trace || (t->odd | t->urgent | t->rcvq.ooo.count | t->sackgen.dup) != 0 ||
        unsent == 0 || !recovery_is_plain(&t->recovery) ||
        (t->state != LA_ESTABLISHED && t->state != LA_CLOSE_WAIT))
        return false;
    if (within_window(t, len) < len)
        return false;
    if (flight + len > t->snd.wnd || (flight && flight + len > t->cc.cwnd) ||
        (flight == 0 && now - t->last_sent > LA_USEC(t->rtt.rto_us)))
        return false;
    if (len < t->smss ? t->opt.cork || t->more_coming || (flight && !t->opt.nodelay)
                      : unsent > len && frame_limit(tcp, t, len) > len)
        return false;
    uint8_t flags = len == unsent ? TCP_ACK | TCP_PSH : TCP_ACK;
    seqno from = t->snd.nxt, end = seq_add(from, len);
    if (emit_plain(tcp, t, from, len, flags, f, now) != NET_READY)
        return false;
    acknowledged(t);
    if (len == unsent)
        t->snd.push[t->snd.pushes++ % PUSHES] = end;
    if (len < t->smss)
        t->snd.sml = end;
    note_new(tcp, t, from, len, now);
    return true;
}

/* Certainly nothing left: saves asking again. */
static bool drained(const struct tcb *t)
{
    return !t->ack_now && !t->acks_owed && !t->syn_now && !t->keep_now && !t->rtx_now &&
           !tcb_unsent(t) && t->recovery.state == RECOVERY_OPEN;
}

/* Off the list when it has nothing left, and behind the others when it had its share. */
static inline void next_turn(struct tcp *tcp, struct tcb *t, bool done)
{
    if (!done && (++tcp->burst < BURST || !t->q_next))
        return;
    tcp->burst = 0;
    tcp_unqueue(tcp, t);
    if (!done)
        tcp_ready(tcp, t);
}

/* Apart from tcp_tx, so that asking an idle interface costs nothing. */
__attribute__((noinline, flatten)) static bool next_frame(struct tcp *tcp, struct tcb_list *l,
                                                          struct la_frame *f, la_ns now)
{
    while (l->head) {
        struct tcb *t = l->head;
        if (send_predicted(tcp, t, f, now)) {
            next_turn(tcp, t, seq_eq(t->snd.nxt, t->sndq.end) && !t->acks_owed);
            return true;
        }
        enum out r = tcb_output(tcp, t, f, now);
        if (r == OUT_PARKED && tcp->wait_epoch != net_epoch(tcp->net))
            tcp->wait_epoch = net_epoch(tcp->net);
        if (r == OUT_PARKED || r == OUT_GONE) {
            tcp->burst = 0;
            continue;
        }
        next_turn(tcp, t, r == OUT_NOTHING || drained(t));
        if (r == OUT_FRAME)
            return true;
    }
    return false;
}

bool tcp_tx(struct tcp *tcp, int ifx, struct la_frame *f, la_ns now)
{
    struct tcb_list *l = &tcp->ready[ifx];
    wake_waiting(tcp);
    return l->head && next_frame(tcp, l, f, now);
}
