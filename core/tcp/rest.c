/* rest.c: packing connections at rest, and waking them.
 *
 * A connection at rest has nothing under way, so most of its tcb says only that: queues are empty,
 * windows and numbers agree, timers are off.  Options are shared, as nearly all connections have
 * the same.  Who is packed: a hand goes around the tcbs, as in the clock algorithm, whenever one
 * more is wanted than active_conns.  Invariant: a connection is in a tcb or packed, never both; its
 * slot and its place in the table say which. */
#include "tcp/rest.h"
#include "tcp/spine.h"

#define LOOKS 8U /* tcbs that one search looks at */
#define LEAD 64U /* how far ahead of the hand those are that it will want at rest */

void rest_init(struct tcp *tcp)
{
    pool_init(&tcp->rests.packed, tcp->mem, sizeof(struct rest), tcp->cfg->max_conns);
    pool_init(&tcp->rests.more, tcp->mem, sizeof(struct rest_more), tcp->cfg->max_conns);
}

void rest_free(struct tcp *tcp)
{
    pool_free(&tcp->rests.more);
    pool_free(&tcp->rests.packed);
}

static struct rest_more *more_at(const struct rests *rs, uint32_t i)
{
    return pool_at(&rs->more, i);
}

struct tuple rest_tuple(const struct rests *rs, const struct rest *d)
{
    struct tuple id = {.lport = d->lport, .rport = d->rport};
    if (d->v6) {
        id.local = more_at(rs, d->more)->local;
        id.remote = more_at(rs, d->more)->remote;
    } else {
        id.local = ip_from_v4(d->local);
        id.remote = ip_from_v4(d->remote);
    }
    return id;
}

bool rest_is(const struct rests *rs, const struct rest *d, const struct tuple *id)
{
    if (d->rport != id->rport || d->lport != id->lport)
        return false;
    struct tuple own = rest_tuple(rs, d);
    return tuple_eq(&own, id);
}

/* ---- is it at rest? ---- */

static bool nothing_under_way(const struct tcb *t)
{
    bool asked = t->ack_now || t->ack_delayed || t->acks_owed || t->want_writable ||
                 t->rtt_timing || t->cwnd_limited || t->queue != TCB_IDLE || t->ev.bits;
    if (asked || t->odd || t->urgent || t->urg_seen || t->has_oob || t->keep_probes)
        return false;
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        if (t->at[i] != LA_NEVER)
            return false;
    return seq_eq(t->snd.una, t->snd.nxt) && seq_eq(t->sndq.end, t->snd.nxt) && !t->sndq.head &&
           seq_eq(t->rcv.acked, t->rcv.nxt) && !t->rcvq.head && !t->rcvq.ooo.head &&
           !t->unacked_in && !t->unacked_segs && !t->sackgen.dup &&
           recovery_is_plain(&t->recovery) && seq_le(t->recovery.recover, t->snd.una);
}

/* It opened in the plain way, and nothing went wrong that its record must tell. */
static bool plain_life(const struct tcb *t)
{
    enum la_state opening = t->active ? LA_SYN_SENT : LA_SYN_RECEIVED;
    la_ns took = 0;
    for (unsigned i = 0; i < TCB_STATES; i++)
        took += t->in_state[i];
    return t->last_state == opening && t->state_since == t->established &&
           t->in_state[opening - LA_SYN_SENT] == took && took == t->established - t->opened &&
           !t->error && !t->soft_error && t->cause == LA_CAUSE_NONE &&
           t->first_fin == LA_SIDE_NONE && t->rst_by == LA_SIDE_NONE;
}

static bool at_rest(const struct tcb *t, la_ns now)
{
    return t->used && t->state == LA_ESTABLISHED && t->handle && nothing_under_way(t) &&
           plain_life(t) && (!t->challenge_at || now - t->challenge_at > CHALLENGE_NS);
}

/* ---- options ---- */

static bool same_options(const struct options *a, const struct options *b)
{
    uint32_t x[sizeof *a / 4], y[sizeof *b / 4], differ = 0;
    _Static_assert(sizeof *a % 4 == 0, "whole words");
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    for (unsigned i = 0; i < sizeof *a / 4; i++)
        differ |= x[i] ^ y[i];
    return differ == 0;
}

/* The set that is equal to o, or an unused one made so; REST_OPTIONS if all are taken. */
static uint32_t share_options(struct rests *rs, const struct options *o)
{
    uint32_t unused = REST_OPTIONS;
    for (uint32_t i = 0; i < REST_OPTIONS; i++) {
        if (!rs->set[i].users)
            unused = unused < i ? unused : i;
        else if (same_options(&rs->set[i].opt, o))
            return i;
    }
    if (unused < REST_OPTIONS)
        rs->set[unused].opt = *o;
    return unused;
}

/* ---- packing ---- */

static bool needs_more(const struct tcb *t)
{
    return !tcb_is_v4(t) || t->scope >= 0 || t->retransmits || t->rto_expirations ||
           t->dup_acks_in || t->ooo_segs_in || t->dsacks_in || t->bytes_retransmitted;
}

static bool pack_more(struct rests *rs, const struct tcb *t, struct rest *d)
{
    if (!needs_more(t))
        return true;
    struct rest_more *m = pool_get(&rs->more, &d->more);
    if (!m) {
        d->more = 0;
        return false;
    }
    m->local = t->id.local;
    m->remote = t->id.remote;
    m->scope = t->scope;
    m->retransmits = t->retransmits;
    m->rto_expirations = t->rto_expirations;
    m->dup_acks_in = t->dup_acks_in;
    m->ooo_segs_in = t->ooo_segs_in;
    m->dsacks_in = t->dsacks_in;
    m->bytes_retransmitted = t->bytes_retransmitted;
    return true;
}

static void pack(const struct tcb *t, struct rest *d)
{
    d->slot = t->slot;
    d->user = t->user;
    d->opened = t->opened;
    d->established = t->established;
    d->last_sent = t->last_sent;
    d->last_heard = t->last_heard;
    d->text_at = t->text_at;
    d->bytes_acked = t->bytes_acked;
    d->bytes_received = t->bytes_received;
    d->nxt = t->snd.nxt;
    d->iss = t->snd.iss;
    d->rcv_nxt = t->rcv.nxt;
    d->irs = t->rcv.irs;
    d->adv = t->rcv.adv;
    d->wnd = t->snd.wnd;
    d->max_wnd = t->snd.max_wnd;
    d->ts_recent = t->ts_recent;
    d->ts_recent_at = t->ts_recent_at;
    d->cc = t->cc;
    d->srtt8 = t->rtt.srtt8;
    d->rttvar4 = t->rtt.rttvar4;
    d->rto_us = t->rtt.rto_us;
    d->min_us = t->rtt.min_us;
    d->segs_in = t->segs_in;
    d->segs_out = t->segs_out;
    d->data_segs_in = t->data_segs_in;
    d->data_segs_out = t->data_segs_out;
    memcpy(d->local, ip_v4(&t->id.local), sizeof d->local);
    memcpy(d->remote, ip_v4(&t->id.remote), sizeof d->remote);
    d->lport = t->id.lport;
    d->rport = t->id.rport;
    d->peer_mss = t->peer_mss;
    d->smss = t->smss;
    d->rmss = t->rmss;
    d->ifx = t->path.ifx;
    d->snd_wscale = t->snd.wscale;
    d->rcv_wscale = t->rcv.wscale;
    d->quick = t->quick;
    d->dialogue = t->dialogue;
    d->active = t->active;
    d->sack_ok = t->sack_ok;
    d->ts_ok = t->ts_ok;
    d->wscale_ok = t->wscale_ok;
    d->v6 = !tcb_is_v4(t);
}

static bool rest_pack(struct tcp *tcp, struct tcb *t)
{
    struct rests *rs = &tcp->rests;
    uint32_t index, set = share_options(rs, &t->opt);
    if (set == REST_OPTIONS)
        return false;
    struct rest *d = pool_get(&rs->packed, &index);
    if (!d)
        return false;
    memset(d, 0, sizeof *d);
    if (!pack_more(rs, t, d)) {
        pool_put(&rs->packed, index); /* its slot is 0 */
        return false;
    }
    pack(t, d);
    d->options = set;
    rs->set[set].users++;
    conntab_replace(tcp, ref_of(REF_TCB, t->self), ref_of(REF_REST, index), t->hash);
    struct conn_slot *k = conn_slot_at(tcp, t->slot);
    k->rest = index;
    k->tcb = NULL;
    t->in_table = false;
    tcb_discard(tcp, t);
    return true;
}

/* An ACK that waits for company goes now, so that its connection is at rest when the hand comes. */
static void hurry(struct tcp *tcp, struct tcb *t)
{
    if (t->used && t->state == LA_ESTABLISHED && t->ack_delayed)
        tcp_ack_now(tcp, t);
}

bool rest_pack_one(struct tcp *tcp, la_ns now)
{
    uint32_t *hand = &tcp->rests.hand, n = tcp->tcbs.made;
    for (unsigned i = 0; i < LOOKS && i < n; i++) {
        *hand = *hand % n + 1;
        hurry(tcp, tcb_at(tcp, (*hand + LEAD) % n + 1));
        struct tcb *t = tcb_at(tcp, *hand);
        if (at_rest(t, now) && rest_pack(tcp, t)) {
            tcp_rule(tcp, NULL, R_REST_PACKED, now);
            return true;
        }
    }
    return false;
}

/* ---- waking ---- */

static void unpack_more(const struct rests *rs, const struct rest *d, struct tcb *t)
{
    if (!d->more)
        return;
    const struct rest_more *m = more_at(rs, d->more);
    t->scope = m->scope;
    t->retransmits = m->retransmits;
    t->rto_expirations = m->rto_expirations;
    t->dup_acks_in = m->dup_acks_in;
    t->ooo_segs_in = m->ooo_segs_in;
    t->dsacks_in = m->dsacks_in;
    t->bytes_retransmitted = m->bytes_retransmitted;
}

/* The numbers: with all acknowledged and read, one of each side says where its queues are. */
static void unpack_numbers(const struct rest *d, struct tcb *t)
{
    t->snd.nxt = t->snd.una = t->snd.sml = t->snd.wl2 = d->nxt;
    t->snd.iss = d->iss;
    t->snd.wnd = d->wnd;
    t->snd.max_wnd = d->max_wnd;
    t->snd.wscale = d->snd_wscale;
    t->rcv.nxt = t->rcv.acked = t->snd.wl1 = d->rcv_nxt;
    t->rcv.irs = d->irs;
    t->rcv.adv = d->adv;
    t->rcv.wscale = d->rcv_wscale;
    sndq_init(&t->sndq, d->nxt);
    rcvq_init(&t->rcvq, d->rcv_nxt);
    recovery_init(&t->recovery, seq_sub(d->nxt, 1));
    t->peer_mss = d->peer_mss;
    t->smss = d->smss;
    t->rmss = d->rmss;
    t->ts_recent = d->ts_recent;
    t->ts_recent_at = d->ts_recent_at;
    t->bytes_acked = d->bytes_acked;
    t->bytes_received = d->bytes_received;
}

static void unpack_life(const struct rest *d, struct tcb *t)
{
    t->state = LA_ESTABLISHED;
    t->last_state = d->active ? LA_SYN_SENT : LA_SYN_RECEIVED;
    t->opened = d->opened;
    t->established = t->state_since = d->established;
    t->in_state[t->last_state - LA_SYN_SENT] = d->established - d->opened;
    t->last_sent = d->last_sent;
    t->last_heard = d->last_heard;
    t->text_at = d->text_at;
    t->segs_in = d->segs_in;
    t->segs_out = d->segs_out;
    t->data_segs_in = d->data_segs_in;
    t->data_segs_out = d->data_segs_out;
}

void rest_view(const struct tcp *tcp, const struct rest *d, struct tcb *t)
{
    const struct rests *rs = &tcp->rests;
    tcb_init(t, &rs->set[d->options].opt);
    t->slot = d->slot;
    t->generation = conn_slot_at(tcp, d->slot)->generation;
    t->used = t->handle = true;
    t->user = d->user;
    t->id = rest_tuple(rs, d);
    t->addr_sum = csum_addresses(&t->id.local, &t->id.remote);
    t->active = d->active;
    t->sack_ok = d->sack_ok;
    t->ts_ok = d->ts_ok;
    t->wscale_ok = d->wscale_ok;
    t->quick = d->quick;
    t->dialogue = d->dialogue;
    t->path.ifx = d->ifx; /* found anew when it is wanted */
    t->cc = d->cc;
    t->rtt.srtt8 = d->srtt8;
    t->rtt.rttvar4 = d->rttvar4;
    t->rtt.rto_us = d->rto_us;
    t->rtt.min_us = d->min_us;
    if (d->ts_ok)
        t->ts_offset = ts_offset(tcp, &t->id);
    tcb_flow(tcp, t);
    unpack_numbers(d, t);
    unpack_life(d, t);
    unpack_more(rs, d, t);
}

struct tcb *rest_wake(struct tcp *tcp, uint32_t index, la_ns now)
{
    struct rests *rs = &tcp->rests;
    uint32_t self;
    struct tcb *t = tcb_get(tcp, &self, now);
    if (!t)
        return NULL;
    struct rest *d = rest_at(rs, index);
    rest_view(tcp, d, t);
    t->self = self;
    t->hash = tuple_hash(&tcp->tab.key, &t->id);
    conntab_replace(tcp, ref_of(REF_REST, index), ref_of(REF_TCB, self), t->hash);
    t->in_table = true;
    conn_slot_at(tcp, d->slot)->tcb = t;
    rs->set[d->options].users--;
    if (d->more)
        pool_put(&rs->more, d->more);
    d->slot = 0;
    pool_put(&rs->packed, index);
    tcp_rule(tcp, t, R_REST_WOKEN, now);
    return t;
}

int rest_check(const struct tcp *tcp, uint32_t i)
{
    const struct rest *d = rest_at(&tcp->rests, i);
    struct tuple id = rest_tuple(&tcp->rests, d);
    if (conntab_find(tcp, &id, tuple_hash(&tcp->tab.key, &id)) != ref_of(REF_REST, i))
        return __LINE__;
    if (d->options >= REST_OPTIONS || !tcp->rests.set[d->options].users)
        return __LINE__;
    const struct conn_slot *k = conn_slot_at(tcp, d->slot);
    if (k->tcb || k->rest != i)
        return __LINE__;
    return seq_lt(d->adv, d->rcv_nxt) ? __LINE__ : 0;
}
