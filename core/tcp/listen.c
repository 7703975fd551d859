/* listen.c: segments to LISTEN (RFC 9293 §3.10.7.2) and to half-open connections (§3.10.7.4 for
 * SYN-RECEIVED of a passive open), SYN cookies (RFC 4987). */
#include "tcp/spine.h"
#include "tcp/syncookie.h"

static void enqueue(struct tcp *tcp, struct listener *l, struct tcb *t)
{
    t->acc_next = 0;
    if (l->acc_tail)
        tcb_at(tcp, l->acc_tail)->acc_next = t->self;
    else
        l->acc_head = t->self;
    l->acc_tail = t->self;
    l->waiting++;
    tcp_listener_event(tcp, l, LA_EV_ACCEPT);
}

/* The handshake's ACK is here: a connection of its own, which takes the segment from step five on.
 */
static void promote(struct tcp *tcp, struct embryo *e, struct tcp_seg *g, la_ns now)
{
    struct listener *l = listener_at(tcp, e->listener);
    if (l->waiting >= l->backlog) {
        tcp_drop(tcp, NULL, &e->id, R_ACCEPT_FULL, now);
        return;
    }
    struct tcb *t = embryo_promote(tcp, e, now);
    if (!t) {
        tcp_drop(tcp, NULL, &e->id, R_EMBRYO_NO_MEMORY, now);
        return;
    }
    tcp_rule(tcp, t, R_PASSIVE_OPEN, now);
    enqueue(tcp, l, t);
    tcb_segment(tcp, t, g, now);
}

static void remember_syn(struct tcp *tcp, struct embryo *e, const struct listener *l,
                         const struct tcp_seg *g, const struct tcp_opts *o, la_ns now)
{
    e->irs = g->seq;
    e->mss = syn_mss(tcp, o, ip_is_v4(&e->id.remote), now);
    e->sack_ok = l->opt.sack && o->sack_permitted;
    e->ts_ok = l->opt.timestamps && o->has_ts;
    e->wscale_ok = l->opt.wscale != -2 && o->has_wscale;
    e->wscale = window_shift(&l->opt);
    e->peer_wscale = e->wscale_ok ? syn_wscale(tcp, o, now) : 0;
    e->peer_wnd = (uint16_t)g->wnd;
    e->ts_recent = e->ts_ok ? o->tsval : 0;
    e->ts_recent_at = ts_clock(now);
}

/* Room for one more half-open connection, in the table and with its timer. */
static struct embryo *embryo_new(struct tcp *tcp, struct listener *l, const struct tuple *id,
                                 uint32_t hash, const struct tcp_seg *g, la_ns now)
{
    uint32_t index;
    if (!heap_reserve(&tcp->timers, tcp->tcbs.used + tcp->embryos.used + 1))
        return NULL;
    struct embryo *e = pool_get(&tcp->embryos, &index);
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    e->self = index;
    e->used = true;
    e->id = *id;
    e->hash = hash;
    e->listener = l->self;
    e->ifx = g->d->ifx;
    e->opened = now;
    return e;
}

static void open_embryo(struct tcp *tcp, struct listener *l, struct embryo *e, ref tw, la_ns now)
{
    ref r = ref_of(REF_EMBRYO, e->self);
    if (tw != REF_NONE) {
        struct tw_entry old;
        timewait_get(tcp, tw, &old);
        if (seq_le(e->iss, old.core.snd_nxt)) /* MAY-2 (1): above everything the old one sent */
            e->iss = seq_add(old.core.snd_nxt, 65535 + 2);
        e->tw = tw;
        timewait_shadow(tcp, tw, e->hash);
    }
    l->embryos++;
    conntab_insert(tcp, r, e->hash);
    heap_set(&tcp->timers, r, now + embryo_timeout(tcp, e));
    trace_embryo(tcp, e, LA_LISTEN, LA_SYN_RECEIVED, now);
    tcp_rule(tcp, NULL, R_LISTEN_SYN, now);
}

/* No room to remember: answer with a number that remembers for us. */
static void send_cookie(struct tcp *tcp, struct listener *l, const struct tuple *id,
                        const struct tcp_seg *g, la_ns now)
{
    struct embryo e = {.id = *id, .listener = l->self, .ifx = g->d->ifx};
    uint32_t tsval = ts_now(tcp, id, now);
    remember_syn(tcp, &e, l, g, &g->opts, now);
    e.iss = syncookie_make(tcp, id, g->seq, &g->opts, &tsval, now);
    if (!e.ts_ok) /* shift and SACK have nowhere to be remembered */
        e.wscale_ok = e.sack_ok = false;
    struct tcp_opts o = {.has_mss = true,
                         .mss = mss_announce(tcp, &l->opt, e.ifx, ip_is_v4(&id->remote)),
                         .has_ts = e.ts_ok,
                         .tsval = tsval,
                         .tsecr = e.ts_recent,
                         .has_wscale = e.wscale_ok,
                         .wscale = e.wscale,
                         .wscale_first = l->opt.wscale_first,
                         .sack_permitted = e.sack_ok};
    struct bare b = {.id = id,
                     .scope = seg_scope(id, g),
                     .seq = e.iss,
                     .ack = seq_add(g->seq, 1),
                     .flags = TCP_SYN | TCP_ACK,
                     .ttl = l->opt.ttl,
                     .tos = (uint8_t)(l->opt.dscp << 2),
                     .wnd = l->opt.rcvbuf < 65535 ? l->opt.rcvbuf : 65535,
                     .opts = &o,
                     .state = LA_LISTEN};
    tcp->cookie_at = now;
    tcp_rule(tcp, NULL, R_COOKIE_SENT, now);
    emit_bare(tcp, &b, now);
}

/* An ACK out of the blue may carry one of our cookies, if any was sent lately: a stack that is
 * never flooded opens nothing for a number that was guessed or is old.  RST+ACK never does (it
 * would let a refusal open). */
static bool accept_cookie(struct tcp *tcp, struct listener *l, const struct tuple *id,
                          uint32_t hash, struct tcp_seg *g, la_ns now)
{
    struct tcp_opts syn;
    if (tcp->cookie_at == LA_NEVER || now - tcp->cookie_at > SYNCOOKIE_LIFE ||
        (g->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
        return false;
    if (!syncookie_check(tcp, id, g->seq, g->ack, &g->opts, &syn, now))
        return false;
    struct tcp_seg then = *g;
    then.seq = seq_sub(g->seq, 1);
    struct embryo *e = embryo_new(tcp, l, id, hash, g, now);
    if (!e)
        return true; /* ours, but no room: the peer's data will come again */
    tcp_rule(tcp, NULL, R_COOKIE_OK, now);
    remember_syn(tcp, e, l, &then, &syn, now);
    if (e->ts_ok)
        e->ts_recent = g->opts.tsval;
    e->iss = seq_sub(g->ack, 1);
    open_embryo(tcp, l, e, REF_NONE, now);
    promote(tcp, e, g, now);
    /* Not for long: with no room for the connection the cookie goes on remembering. */
    if (tcp->embryos.used > tcp->cfg->max_embryos)
        embryo_forget(tcp, e, now);
    return true;
}

static void syn(struct tcp *tcp, struct listener *l, const struct tuple *id, uint32_t hash,
                struct tcp_seg *g, ref tw, la_ns now)
{
    if (l->waiting >= l->backlog) {
        tcp_drop(tcp, NULL, id, R_LISTEN_BACKLOG, now);
        return;
    }
    struct la_addr here = id->local;
    struct net_path path;
    if (net_route(tcp->net, &here, &id->remote, seg_scope(id, g), &path, now) != LA_OK) {
        tcp_drop(tcp, NULL, id, R_LISTEN_NO_ROUTE, now);
        return;
    }
    struct embryo *e = NULL;
    if (tcp->embryos.used < tcp->cfg->max_embryos)
        e = embryo_new(tcp, l, id, hash, g, now);
    if (!e) {
        if (tcp->cfg->syn_cookies && tw == REF_NONE)
            send_cookie(tcp, l, id, g, now);
        else
            tcp_drop(tcp, NULL, id, R_LISTEN_NO_EMBRYO, now);
        return;
    }
    /* Text and FIN that ride on a SYN are not acknowledged, so they come again (ambiguity C8). */
    remember_syn(tcp, e, l, g, &g->opts, now);
    e->iss = isn_choose(tcp, id, now);
    open_embryo(tcp, l, e, tw, now);
    embryo_send_synack(tcp, e, now);
    if (tcp->cfg->lab.two_way_handshake) {
        g->flags = TCP_ACK;
        g->ack = seq_add(e->iss, 1);
        g->seq = seq_add(g->seq, 1);
        g->len = 0;
        promote(tcp, e, g, now);
    }
}

void input_listen(struct tcp *tcp, struct listener *l, const struct tuple *id, uint32_t hash,
                  struct tcp_seg *g, ref tw, la_ns now)
{
    if (g->flags & TCP_RST) {
        tcp_drop(tcp, NULL, id, R_LISTEN_RST, now);
    } else if (g->flags & TCP_ACK) {
        if (accept_cookie(tcp, l, id, hash, g, now))
            return;
        tcp_drop(tcp, NULL, id, R_LISTEN_ACK, now);
        emit_rst_reply(tcp, id, seg_scope(id, g), g, now);
    } else if (g->flags & TCP_SYN &&
               !(g->flags & TCP_FIN && l->opt.habits & LA_HABIT_DROP_SYN_FIN)) {
        syn(tcp, l, id, hash, g, tw, now);
    } else {
        tcp_drop(tcp, NULL, id, R_LISTEN_OTHER, now);
    }
}

/* ---- SYN-RECEIVED of a passive open ---- */

static void ack_embryo(struct tcp *tcp, const struct embryo *e, const struct tcp_seg *g, la_ns now)
{
    const struct listener *l = listener_at(tcp, e->listener);
    uint32_t wnd = l->opt.rcvbuf < 65535 ? l->opt.rcvbuf : 65535;
    struct tcp_opts o = {
        .has_ts = e->ts_ok, .tsval = ts_now(tcp, &e->id, now), .tsecr = e->ts_recent};
    struct bare b = {.id = &e->id,
                     .scope = seg_scope(&e->id, g),
                     .seq = seq_add(e->iss, 1),
                     .ack = seq_add(e->irs, 1),
                     .flags = TCP_ACK,
                     .ttl = l->opt.ttl,
                     .tos = (uint8_t)(l->opt.dscp << 2),
                     .wnd = e->wscale_ok ? wnd >> e->wscale : wnd,
                     .opts = e->ts_ok ? &o : NULL,
                     .state = LA_SYN_RECEIVED};
    emit_bare(tcp, &b, now);
}

static void embryo_rst(struct tcp *tcp, struct embryo *e, const struct tcp_seg *g, la_ns now)
{
    if (!seq_eq(g->seq, seq_add(e->irs, 1))) {
        tcp_drop(tcp, NULL, &e->id, R_RST_IN_WINDOW, now);
        if (!tcp_may_answer(tcp, e->hash, g, now))
            return;
        tcp_rule(tcp, NULL, R_CHALLENGE_ACK, now);
        ack_embryo(tcp, e, g, now);
        return;
    }
    tcp_drop(tcp, NULL, &e->id, R_EMBRYO_RST, now);
    embryo_end(tcp, e, LA_CAUSE_PEER_RST, LA_ECONNRESET, now);
}

/* False if the segment lies outside the window, and was dealt with. */
static bool embryo_sequence(struct tcp *tcp, struct embryo *e, const struct tcp_seg *g, la_ns now)
{
    const struct listener *l = listener_at(tcp, e->listener);
    uint32_t wnd = l->opt.rcvbuf < 65535 ? l->opt.rcvbuf : 65535, len = seg_len(g);
    seqno nxt = seq_add(e->irs, 1), last = len ? seq_add(g->seq, len - 1) : g->seq;
    if (seq_in(g->seq, nxt, wnd) || seq_in(last, nxt, wnd))
        return true;
    if (g->flags & TCP_RST) {
        tcp_drop(tcp, NULL, &e->id, R_SEQ_OUT_RST, now);
    } else {
        tcp_drop(tcp, NULL, &e->id, R_SEQ_OUT_OF_WINDOW, now);
        if (tcp_may_answer(tcp, e->hash, g, now))
            ack_embryo(tcp, e, g, now);
    }
    return false;
}

/* The program wants to hear of connections that say something, and this one has not yet. */
static bool deferred(const struct tcp *tcp, const struct embryo *e, const struct tcp_seg *g,
                     la_ns now)
{
    la_ns wait = LA_MSEC(listener_at(tcp, e->listener)->opt.defer_accept_ms);
    return wait && seg_len(g) == 0 && now < e->opened + wait;
}

void input_embryo(struct tcp *tcp, struct embryo *e, struct tcp_seg *g, la_ns now)
{
    if (g->flags & TCP_SYN && !(g->flags & (TCP_ACK | TCP_RST)) && seq_eq(g->seq, e->irs)) {
        tcp_drop(tcp, NULL, &e->id, R_EMBRYO_SYN_AGAIN, now);
        embryo_send_synack(tcp, e, now);
        return;
    }
    /* The connection's own steps would drop it, and leave it half open for ever. */
    uint16_t habits = listener_at(tcp, e->listener)->opt.habits;
    if (e->ts_ok && !(g->flags & (TCP_RST | TCP_SYN)) && !g->opts.has_ts &&
        !(habits & LA_HABIT_TS_OPTIONAL)) {
        tcp_drop(tcp, NULL, &e->id, R_TS_MISSING, now);
        return;
    }
    if (e->ts_ok && !(g->flags & TCP_RST) && g->opts.has_ts &&
        (int32_t)(g->opts.tsval - e->ts_recent) < 0 && !tcp->cfg->lab.no_paws) {
        tcp_drop(tcp, NULL, &e->id, R_PAWS, now);
        if (tcp_may_answer(tcp, e->hash, g, now))
            ack_embryo(tcp, e, g, now);
        return;
    }
    if (!embryo_sequence(tcp, e, g, now))
        return;
    if (g->flags & TCP_RST) {
        embryo_rst(tcp, e, g, now);
    } else if (g->flags & TCP_SYN) {
        tcp_drop(tcp, NULL, &e->id, R_EMBRYO_SYN_IN_WINDOW, now);
        embryo_end(tcp, e, LA_CAUSE_PROTOCOL, LA_EPROTO, now);
    } else if (!(g->flags & TCP_ACK)) {
        tcp_drop(tcp, NULL, &e->id, R_ACK_OFF, now);
    } else if (!seq_eq(g->ack, seq_add(e->iss, 1))) {
        tcp_drop(tcp, NULL, &e->id, R_EMBRYO_BAD_ACK, now);
        emit_rst_reply(tcp, &e->id, seg_scope(&e->id, g), g, now);
    } else if (deferred(tcp, e, g, now)) {
        tcp_drop(tcp, NULL, &e->id, R_EMBRYO_DEFERRED, now);
        e->acked = true;
    } else {
        promote(tcp, e, g, now);
    }
}
