/* status.c: looking at what lives and at what has ended (RFC 9293 §3.9.1.6, §3.10.6). */
#include "stack/stack.h"

static void timer_of(const struct tcb *t, struct la_status *st)
{
    static const uint8_t kinds[TIMER_SLOTS] = {LA_TIMER_RTO, LA_TIMER_DELACK, LA_TIMER_KEEPALIVE,
                                               LA_TIMER_FIN_WAIT_2};
    st->timer = LA_TIMER_NONE;
    st->timer_at = LA_NEVER;
    for (unsigned i = 0; i < TIMER_SLOTS; i++) {
        if (t->at[i] >= st->timer_at)
            continue;
        st->timer_at = t->at[i];
        st->timer = i == TIMER_RTX && t->persist ? LA_TIMER_PERSIST : (enum la_timer_kind)kinds[i];
    }
}

/* A program may still hold a connection whose TIME-WAIT is over, and the pair be in another's. */
static bool still_waiting(const struct la_stack *s, const struct tcb *t, struct tw_entry *e)
{
    ref r = conntab_find(&s->tcp, &t->id, t->hash);
    if (r == REF_NONE || (ref_kind(r) != REF_TW4 && ref_kind(r) != REF_TW6))
        return false;
    timewait_get(&s->tcp, r, e);
    return seq_eq(e->core.rcv_nxt, t->rcv.nxt) && seq_eq(e->core.snd_nxt, t->snd.nxt);
}

/* What lies before the urgent byte; with OOBINLINE off that byte is not among those to read. */
static void fill_mark(const struct tcb *t, struct la_status *st)
{
    uint32_t readable = rcvq_readable(&t->rcvq), mark = user_before_mark(t);
    bool aside = !t->opt.oobinline && mark < readable;
    st->queued_in = readable - aside;
    st->before_mark = mark;
    st->at_mark = mark == 0;
    st->urgent_byte = t->has_oob;
}

/* Loss and recovery, in bytes. */
static void fill_recovery(const struct tcb *t, struct la_status *st)
{
    const struct recovery *r = &t->recovery;
    uint32_t flight = t->snd.nxt.v - t->snd.una.v;
    st->outstanding = flight;
    st->sacked = r->sb.bytes;
    switch ((enum recovery_state)r->state) {
    case RECOVERY_OPEN:
        st->recovery = r->dupacks || r->sb.bytes ? 1 : 0;
        break;
    case RECOVERY_FAST:
        st->recovery = 2;
        st->rexmit_out = r->high_rxt.v - t->snd.una.v - r->sb.below_rxt;
        if (r->sb.sacked.head && seq_gt(r->sb.lost, t->snd.una))
            st->lost = r->sb.lost.v - t->snd.una.v - (r->sb.bytes - r->sb.above_lost);
        break;
    case RECOVERY_LOSS:
        st->recovery = 3;
        st->rexmit_out = r->high_rxt.v - t->snd.una.v - r->sb.below_rxt;
        if (seq_gt(r->recover, t->snd.una))
            st->lost = r->recover.v - t->snd.una.v - (r->sb.bytes - r->sb.above_recover);
        break;
    }
}

static void fill_counts(const struct la_stack *s, const struct tcb *t, struct la_status *st)
{
    st->active_open = t->active;
    st->wscale_ok = t->wscale_ok;
    st->probes = t->keep_probes;
    st->rcv_mss = t->rmss;
    st->adv_mss = mss_announce(&s->tcp, &t->opt, t->path.ifx, tcb_is_v4(t));
    st->min_rtt_us = t->rtt.min_us == UINT32_MAX ? 0 : t->rtt.min_us;
    st->delack_us = t->opt.delack_ms * 1000U;
    st->data_segs_in = t->data_segs_in;
    st->data_segs_out = t->data_segs_out;
    st->ooo_segs_in = t->ooo_segs_in;
    st->dsacks_in = t->dsacks_in;
    st->total_retrans = t->retransmits;
    st->bytes_retransmitted = t->bytes_retransmitted;
    st->bytes_out = t->bytes_acked + sndq_len(&t->sndq) - st->unsent + t->bytes_retransmitted;
    st->last_data_sent = t->last_sent;
    st->last_data_in = t->text_at;
    st->last_heard = t->last_heard;
}

static void fill_tcb(const struct la_stack *s, const struct tcb *t, struct la_status *st)
{
    struct tw_entry e;
    memset(st, 0, sizeof *st);
    st->conn = t->handle ? tcb_conn(t) : LA_CONN_NONE;
    st->user = t->user;
    st->local = tcb_local(t);
    st->remote = tcb_remote(t);
    st->state = t->state;
    if (t->state == LA_TIME_WAIT && !still_waiting(s, t, &e))
        st->state = LA_CLOSED;
    st->since = t->state_since;
    st->serial = t->serial;
    st->orphan = !t->handle && !t->listener;
    st->first_fin = t->first_fin;
    st->cause = t->cause;
    st->ended_by = t->ended_by;
    st->error = t->error;
    st->soft_error = t->soft_error;
    fill_mark(t, st);
    st->peer_closed = t->fin_received;
    st->queued_out = sndq_len(&t->sndq);
    st->unsent = seq_lt(t->snd.nxt, t->sndq.end) ? t->sndq.end.v - t->snd.nxt.v : 0;
    st->urgent = t->urg_in && seq_gt(t->rcv.up, t->rcvq.read) ? t->rcv.up.v - t->rcvq.read.v : 0;
    timer_of(t, st);
    st->iss = t->snd.iss.v;
    st->irs = t->rcv.irs.v;
    st->snd_una = t->snd.una.v;
    st->snd_nxt = t->snd.nxt.v;
    st->snd_wnd = t->snd.wnd;
    st->write_seq = t->sndq.end.v + t->fin_queued;
    st->ts_offset = t->ts_offset;
    st->rcv_nxt = t->rcv.nxt.v;
    st->rcv_wnd = window_open(t);
    st->cwnd = t->cc.cwnd;
    st->ssthresh = t->cc.ssthresh;
    st->mss = t->smss;
    st->pmtu = t->path.ifx >= 0 ? net_pmtu(s->net, &t->path, &t->id.remote) : 0;
    st->srtt_us = rtt_srtt_us(&t->rtt);
    st->rttvar_us = t->rtt.rttvar4 >> 2;
    st->rto_us = rtt_rto_us(&t->rtt, t->persist ? 0 : t->backoff);
    st->snd_wscale = t->snd.wscale;
    st->rcv_wscale = t->rcv.wscale;
    st->sack = t->sack_ok;
    st->timestamps = t->ts_ok;
    st->retransmits = t->backoff;
    st->segs_in = t->segs_in;
    st->segs_out = t->segs_out;
    st->bytes_sent = t->bytes_acked;
    st->bytes_received = t->bytes_received;
    fill_recovery(t, st);
    fill_counts(s, t, st);
}

static void fill_listener(const struct listener *l, struct la_status *st)
{
    memset(st, 0, sizeof *st);
    st->conn = (la_conn){l->self | CONN_LISTENER, l->generation};
    st->user = l->user;
    st->local = (struct la_endpoint){l->addr, l->port, l->ifx};
    st->remote.ifx = -1;
    st->state = LA_LISTEN;
    st->since = l->since;
    st->queued_in = l->waiting;
    st->queued_out = l->backlog;
    st->timer_at = LA_NEVER;
}

static void fill_embryo(const struct la_stack *s, const struct embryo *e, struct la_status *st)
{
    memset(st, 0, sizeof *st);
    st->local = (struct la_endpoint){e->id.local, e->id.lport, e->ifx};
    st->remote = (struct la_endpoint){e->id.remote, e->id.rport, e->ifx};
    st->state = LA_SYN_RECEIVED;
    st->since = e->opened;
    st->timer = LA_TIMER_RTO;
    st->timer_at = heap_when(&s->tcp.timers, e->heap_pos);
    st->iss = e->iss.v;
    st->irs = e->irs.v;
    st->snd_una = e->iss.v;
    st->snd_nxt = e->iss.v + 1;
    st->rcv_nxt = e->irs.v + 1;
    st->mss = e->mss;
    st->sack = e->sack_ok;
    st->timestamps = e->ts_ok;
    st->retransmits = e->resent;
}

static void fill_time_wait(const struct la_stack *s, ref r, struct la_status *st)
{
    struct tw_entry e;
    timewait_get(&s->tcp, r, &e);
    memset(st, 0, sizeof *st);
    st->local = (struct la_endpoint){e.id.local, e.id.lport, e.ifx};
    st->remote = (struct la_endpoint){e.id.remote, e.id.rport, e.ifx};
    st->state = LA_TIME_WAIT;
    st->timer = LA_TIMER_TIME_WAIT;
    st->timer_at = timewait_deadline_of(&s->tcp, r, s->now);
    st->since = st->timer_at > s->tcp.tw.wait ? st->timer_at - s->tcp.tw.wait : 0;
    st->snd_una = st->snd_nxt = e.core.snd_nxt.v;
    st->rcv_nxt = e.core.rcv_nxt.v;
    st->timestamps = e.has_ts;
    const struct la_record *rec = timewait_record(&s->tcp, r);
    if (rec) {
        st->serial = rec->serial;
        st->first_fin = rec->first_fin;
        st->cause = rec->cause;
        st->ended_by = rec->ended_by;
        st->bytes_sent = rec->bytes_sent;
        st->bytes_received = rec->bytes_received;
    }
}

static void fill_rest(const struct la_stack *s, const struct rest *d, struct la_status *st)
{
    struct tcb t;
    rest_view(&s->tcp, d, &t);
    fill_tcb(s, &t, st);
}

int la_status(const struct la_stack *s, la_conn c, struct la_status *out)
{
    const struct tcb *t = stack_awake(s, c);
    const struct rest *d = t ? NULL : stack_rest(s, c);
    const struct listener *l = t || d ? NULL : stack_listener(s, c);
    if (t)
        fill_tcb(s, t, out);
    else if (d)
        fill_rest(s, d, out);
    else if (l)
        fill_listener(l, out);
    else
        return LA_EBADF;
    return LA_OK;
}

/* The cursor's upper half says which table, its lower half where in it. */
bool la_status_next(const struct la_stack *s, uint64_t *cursor, struct la_status *out)
{
    const struct tcp *tcp = &s->tcp;
    uint32_t table = (uint32_t)(*cursor >> 56);
    uint64_t i = *cursor & 0x00ffffffffffffffU;
    for (; table == 0 && ++i <= tcp->listeners.made;) {
        const struct listener *l = listener_at(tcp, (uint32_t)i);
        if (l->open) {
            fill_listener(l, out);
            *cursor = i;
            return true;
        }
    }
    if (table == 0) {
        table = 1;
        i = 0;
    }
    for (; table == 1 && ++i <= tcp->embryos.made;) {
        const struct embryo *e = embryo_at(tcp, (uint32_t)i);
        if (e->used) {
            fill_embryo(s, e, out);
            *cursor = (uint64_t)1 << 56 | i;
            return true;
        }
    }
    if (table == 1) {
        table = 2;
        i = 0;
    }
    for (; table == 2 && ++i <= tcp->tcbs.made;) {
        const struct tcb *t = tcb_at(tcp, (uint32_t)i);
        /* One that waits is listed with the TIME-WAIT entries; a handle that was never connected is
         * nobody's. */
        if (t->used && t->opened != LA_NEVER && t->state != LA_TIME_WAIT) {
            fill_tcb(s, t, out);
            *cursor = (uint64_t)2 << 56 | i;
            return true;
        }
    }
    if (table == 2) {
        table = 3;
        i = 0;
    }
    for (; table == 3 && ++i <= tcp->rests.packed.made;) {
        const struct rest *d = rest_at(&tcp->rests, (uint32_t)i);
        if (d->slot) {
            fill_rest(s, d, out);
            *cursor = (uint64_t)3 << 56 | i;
            return true;
        }
    }
    if (table == 3)
        i = 0;
    ref r = timewait_next(tcp, &i);
    *cursor = (uint64_t)4 << 56 | i;
    if (r == REF_NONE)
        return false;
    fill_time_wait(s, r, out);
    return true;
}

/* ---- close records ---- */

bool la_record_get(const struct la_stack *s, uint32_t serial, struct la_record *out)
{
    const struct la_record *r = record_find(&s->tcp.records, serial);
    if (r)
        *out = *r;
    return r != NULL;
}

bool la_record_next(const struct la_stack *s, uint32_t *cursor, struct la_record *out)
{
    const struct records *r = &s->tcp.records;
    uint32_t serial = *cursor + 1;
    if (r->last > r->cap && serial <= r->last - r->cap)
        serial = r->last - r->cap + 1; /* older ones are gone */
    for (; serial <= r->last; serial++) {
        const struct la_record *found = record_find(r, serial);
        if (found) {
            *cursor = serial;
            *out = *found;
            return true;
        }
    }
    return false;
}

/* ---- usage and invariants ---- */

void la_usage(const struct la_stack *s, struct la_usage *u)
{
    const struct tcp *tcp = &s->tcp;
    memset(u, 0, sizeof *u);
    u->conns = tcp->tcbs.used + tcp->rests.packed.used;
    u->at_rest = tcp->rests.packed.used;
    u->embryos = tcp->embryos.used;
    u->time_wait = tcp->tw.live;
    u->listeners = tcp->listeners.used;
    u->blocks = s->blocks.used;
    u->ranges = s->ranges.used;
    u->bytes = s->mem.bytes;
    u->refused = s->mem.refused;
    u->bytes_conn =
        sizeof(struct tcb) + sizeof(struct conn_slot) + sizeof(ref) + tcp->timers.items.elem;
    u->bytes_rest = sizeof(struct rest) + sizeof(struct conn_slot) + sizeof(ref);
    u->bytes_time_wait = tcp->tw.v4.slots.elem + sizeof(ref);
    u->bytes_time_wait_v6 = tcp->tw.v6.slots.elem + sizeof(ref);
    u->frames_in = s->frames_in;
    u->frames_out = s->frames_out;
    u->bytes_in = s->bytes_in;
    u->bytes_out = s->bytes_out;
    net_usage(s->net, u);
}
