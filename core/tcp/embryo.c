/* embryo.c: half-open connections: what they send, how they end, how they become a tcb (RFC 9293
 * §3.10.7.4 for SYN-RECEIVED from LISTEN; RFC 4987). */
#include "tcp/spine.h"

la_ns embryo_timeout(const struct tcp *tcp, const struct embryo *e)
{
    const struct options *o = &listener_at(tcp, e->listener)->opt;
    struct rtt r = {0};
    rtt_bound(&r, o->rto_init_ms * 1000U, 0, o->rto_max_ms * 1000U, o->rto_slop_ms * 1000U);
    return LA_USEC(rtt_rto_us(&r, e->resent));
}

void embryo_send_synack(struct tcp *tcp, struct embryo *e, la_ns now)
{
    const struct listener *l = listener_at(tcp, e->listener);
    uint32_t wnd = l->opt.rcvbuf < 65535 ? l->opt.rcvbuf : 65535;
    struct tcp_opts o = {.has_mss = true,
                         .mss = mss_announce(tcp, &l->opt, e->ifx, ip_is_v4(&e->id.remote)),
                         .has_ts = e->ts_ok,
                         .tsval = e->ts_ok ? ts_now(tcp, &e->id, now) : 0,
                         .tsecr = e->ts_recent,
                         .has_wscale = e->wscale_ok,
                         .wscale = e->wscale,
                         .wscale_first = l->opt.wscale_first,
                         .sack_permitted = e->sack_ok};
    struct bare b = {.id = &e->id,
                     .scope = ip_is_link_local(&e->id.remote) ? e->ifx : (int16_t)-1,
                     .seq = e->iss,
                     .ack = seq_add(e->irs, 1),
                     .flags = TCP_SYN | TCP_ACK,
                     .ttl = l->opt.ttl,
                     .tos = (uint8_t)(l->opt.dscp << 2),
                     .wnd = wnd,
                     .opts = &o,
                     .state = LA_SYN_RECEIVED};
    emit_bare(tcp, &b, now);
}

static void write_record(struct tcp *tcp, const struct embryo *e, enum la_cause cause, int error,
                         la_ns now)
{
    struct la_record *r = record_new(&tcp->records);
    r->user = listener_at(tcp, e->listener)->user;
    r->local = (struct la_endpoint){e->id.local, e->id.lport, e->ifx};
    r->remote = (struct la_endpoint){e->id.remote, e->id.rport, e->ifx};
    r->state = LA_CLOSED;
    r->last_state = LA_SYN_RECEIVED;
    r->cause = r->ended_by = (uint8_t)cause;
    r->rst_by = cause == LA_CAUSE_PEER_RST          ? LA_SIDE_PEER
                : cause == LA_CAUSE_LISTENER_CLOSED ? LA_SIDE_LOCAL
                                                    : LA_SIDE_NONE;
    r->error = error;
    r->opened = e->opened;
    r->established = r->first_fin_at = r->second_fin_at = LA_NEVER;
    r->closed = now;
    r->in_state[LA_SYN_RECEIVED] = now - e->opened;
    r->retransmits = e->resent;
}

static void release(struct tcp *tcp, struct embryo *e)
{
    ref r = ref_of(REF_EMBRYO, e->self);
    heap_remove(&tcp->timers, r);
    conntab_remove(tcp, r, e->hash);
    listener_at(tcp, e->listener)->embryos--;
    e->used = false;
    pool_put(&tcp->embryos, e->self);
}

void embryo_forget(struct tcp *tcp, struct embryo *e, la_ns now)
{
    trace_embryo(tcp, e, LA_SYN_RECEIVED, LA_LISTEN, now);
    release(tcp, e);
}

void embryo_end(struct tcp *tcp, struct embryo *e, enum la_cause cause, int error, la_ns now)
{
    ref tw = e->tw;
    struct tuple id = e->id;
    /* "Return to LISTEN" (Figure 5 note 1, §3.10.7.4): the peer took it back, the listener goes on.
     */
    bool listens = cause == LA_CAUSE_PEER_RST || cause == LA_CAUSE_PROTOCOL;
    trace_embryo(tcp, e, LA_SYN_RECEIVED, listens ? LA_LISTEN : LA_CLOSED, now);
    write_record(tcp, e, cause, error, now);
    release(tcp, e);
    if (tw != REF_NONE && timewait_unshadow(tcp, tw, &id))
        tcp_rule(tcp, NULL, R_TW_SYN_WAS_OLD, now);
}

/* R1: perhaps the answers go to a neighbour who is another by now (MUST-20). */
static void doubt_path(struct tcp *tcp, const struct embryo *e, la_ns now)
{
    struct la_addr from = e->id.local;
    struct net_path path;
    int scope = ip_is_link_local(&e->id.remote) ? e->ifx : -1;
    tcp_rule(tcp, NULL, R_R1_REACHED, now);
    if (net_route(tcp->net, &from, &e->id.remote, scope, &path, now) == LA_OK)
        net_doubt(tcp->net, &path, now);
}

void embryo_timer(struct tcp *tcp, struct embryo *e, la_ns now)
{
    const struct options *o = &listener_at(tcp, e->listener)->opt;
    /* Its ACK came, without the bytes that the program wants to see first: no reason to ask again
     * before the time for them is over. */
    la_ns enough = e->opened + LA_MSEC(o->defer_accept_ms);
    if (e->acked && now < enough) {
        heap_set(&tcp->timers, ref_of(REF_EMBRYO, e->self), enough);
        return;
    }
    if (e->resent >= o->synack_retries) {
        tcp_rule(tcp, NULL, R_EMBRYO_TIMEOUT, now);
        embryo_end(tcp, e, LA_CAUSE_SYN_TIMEOUT, LA_ETIMEDOUT, now);
        return;
    }
    if (++e->resent == o->r1)
        doubt_path(tcp, e, now);
    heap_set(&tcp->timers, ref_of(REF_EMBRYO, e->self), now + embryo_timeout(tcp, e));
    tcp_rule(tcp, NULL, R_EMBRYO_RESEND, now);
    embryo_send_synack(tcp, e, now);
}

/* The options of both SYNs, as the tcb would have them after an exchange of its own. */
static void take_options(struct tcp *tcp, struct tcb *t, const struct embryo *e)
{
    t->peer_mss = e->mss;
    t->sack_ok = e->sack_ok;
    t->ts_ok = e->ts_ok;
    t->wscale_ok = e->wscale_ok;
    t->snd.wscale = e->wscale_ok ? e->peer_wscale : 0;
    t->rcv.wscale = e->wscale_ok ? e->wscale : 0;
    t->ts_recent = e->ts_recent;
    t->ts_recent_at = e->ts_recent_at;
    if (e->ts_ok)
        t->ts_offset = ts_offset(tcp, &t->id);
}

struct tcb *embryo_promote(struct tcp *tcp, struct embryo *e, la_ns now)
{
    struct listener *l = listener_at(tcp, e->listener);
    struct tcb *t = tcb_new(tcp, &l->opt, now);
    if (!t)
        return NULL;
    t->id = e->id;
    t->addr_sum = csum_addresses(&t->id.local, &t->id.remote);
    t->hash = e->hash;
    t->scope = ip_is_link_local(&e->id.remote) ? e->ifx : (int16_t)-1;
    t->listener = e->listener;
    tcp_adopt(t, e->opened);
    t->snd.iss = t->snd.una = e->iss;
    t->snd.nxt = seq_add(e->iss, 1);
    t->snd.wnd = e->peer_wnd;
    t->snd.max_wnd = t->opt.habits & LA_HABIT_HALF_WINDOW ? 0 : e->peer_wnd;
    t->rcv.irs = e->irs;
    t->rcv.nxt = t->rcv.acked = seq_add(e->irs, 1);
    t->rcv.adv = seq_add(t->rcv.nxt, t->opt.rcvbuf < 65535 ? t->opt.rcvbuf : 65535);
    t->backoff = e->resent;
    t->retransmits = e->resent;
    t->segs_in = 1;
    t->segs_out = 1U + e->resent;
    t->rtt_timing = e->resent == 0 && !e->acked; /* what came just now may be no answer to it */
    t->rtt_at = e->opened;
    t->rtt_seq = t->snd.nxt;
    sndq_init(&t->sndq, t->snd.nxt);
    rcvq_init(&t->rcvq, t->rcv.nxt);
    recovery_init(&t->recovery, t->snd.iss);
    take_options(tcp, t, e);
    int16_t ifx = t->path.ifx = e->ifx;
    tcb_flow(tcp, t);
    ref tw = e->tw;
    release(tcp, e);
    if (tw != REF_NONE)
        (void)timewait_kill(tcp, tw, &t->id, now);
    conntab_insert(tcp, ref_of(REF_TCB, t->self), t->hash);
    t->in_table = true;
    if (net_route(tcp->net, &t->id.local, &t->id.remote, t->scope, &t->path, now) != LA_OK)
        t->path = (struct net_path){.ifx = ifx}; /* asked again when there is something to send */
    mss_update(tcp, t);
    return t;
}
