/* end.c: how connections end, and the record that each leaves (the fourth law).
 * Invariant: a tcb that left CLOSED leaves exactly one record, when it reaches TIME-WAIT or CLOSED.
 */
#include "tcp/spine.h"

void tcp_blame(struct tcb *t, enum la_side side, enum la_cause cause, la_ns now)
{
    if (t->cause == LA_CAUSE_NONE)
        t->cause = (uint8_t)cause;
    if (side == LA_SIDE_NONE)
        return;
    if (t->first_fin == LA_SIDE_NONE) {
        t->first_fin = (uint8_t)side;
        t->first_fin_at = now;
    } else {
        t->second_fin_at = now;
    }
}

void tcp_unblame_peer(struct tcb *t)
{
    la_ns ours = t->first_fin == LA_SIDE_PEER ? t->second_fin_at : t->first_fin_at;
    t->first_fin = LA_SIDE_NONE;
    t->cause = LA_CAUSE_NONE;
    t->first_fin_at = t->second_fin_at = LA_NEVER;
    if (t->fin_sent)
        tcp_blame(t, LA_SIDE_LOCAL, (enum la_cause)t->fin_cause, ours);
}

void tcp_fin_sent(struct tcb *t, la_ns now)
{
    t->fin_sent = true;
    tcp_blame(t, LA_SIDE_LOCAL, (enum la_cause)t->fin_cause, now);
}

/* Payload handed to us that the peer never acknowledged. */
static uint32_t unacked(const struct tcb *t)
{
    return sndq_len(&t->sndq);
}

static void write_record(struct tcp *tcp, struct tcb *t, int error, la_ns now)
{
    if (t->recorded)
        return;
    struct la_record *r = record_new(&tcp->records);
    t->recorded = true;
    t->serial = r->serial;
    r->conn = tcb_conn(t);
    r->user = t->user;
    r->local = tcb_local(t);
    r->remote = tcb_remote(t);
    r->active_open = t->active;
    r->state = t->state;
    r->last_state = t->last_state;
    r->first_fin = t->first_fin;
    r->rst_by = t->rst_by;
    r->cause = t->cause;
    r->ended_by = t->ended_by;
    r->error = error;
    r->opened = t->opened;
    r->established = t->established;
    r->first_fin_at = t->first_fin_at;
    r->second_fin_at = t->second_fin_at;
    r->closed = t->state == LA_CLOSED ? now : LA_NEVER;
    for (unsigned i = 0; i < TCB_STATES; i++)
        r->in_state[LA_SYN_SENT + i] = t->in_state[i];
    r->bytes_sent = t->bytes_acked;
    r->bytes_received = t->bytes_received;
    r->bytes_unacked = unacked(t);
    r->bytes_unread = rcvq_readable(&t->rcvq);
    r->bytes_retransmitted = t->bytes_retransmitted;
    r->segs_in = t->segs_in;
    r->segs_out = t->segs_out;
    r->retransmits = t->retransmits;
    r->rto_expirations = t->rto_expirations;
    r->fin_retransmits = t->fin_retransmits;
    r->dup_acks_in = t->dup_acks_in;
    r->srtt_us = rtt_srtt_us(&t->rtt);
    r->min_rtt_us = t->rtt.min_us == UINT32_MAX ? 0 : t->rtt.min_us;
    if (tcp->cfg->trace) {
        struct la_endpoint l = tcb_local(t), p = tcb_remote(t);
        struct la_trace ev = {.kind = LA_TRACE_RECORD,
                              .now = now,
                              .conn = tcb_conn(t),
                              .local = &l,
                              .remote = &p,
                              .state = t->state,
                              .state_to = t->state,
                              .serial = t->serial};
        tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
    }
}

/* Out of every list and table; what the program may still read stays. */
static void retire(struct tcp *tcp, struct tcb *t)
{
    timer_stop_all(tcp, t);
    tcp_unqueue(tcp, t);
    if (t->in_table) {
        conntab_remove(tcp, ref_of(REF_TCB, t->self), t->hash);
        t->in_table = false;
    }
    sndq_free(&t->sndq, tcp->blocks);
    rcvq_free_unordered(&t->rcvq, tcp->blocks, tcp->ranges);
    recovery_free(&t->recovery, tcp->ranges);
    t->ack_now = t->ack_delayed = false;
}

static void finish(struct tcp *tcp, struct tcb *t, int error, la_ns now)
{
    t->error = (int16_t)error;
    write_record(tcp, t, error, now);
    blackhole_end(tcp, t, now);
    retire(tcp, t);
    if (t->handle)
        tcp_event(tcp, t, LA_EV_CLOSED | LA_EV_READABLE);
    else if (!t->listener)
        tcb_delete(tcp, t);
}

void tcp_end(struct tcp *tcp, struct tcb *t, enum la_cause cause, int error, la_ns now)
{
    tcp_blame(t, LA_SIDE_NONE, cause, now);
    t->ended_by = cause == LA_CAUSE_NONE ? t->cause : (uint8_t)cause;
    tcp_enter(tcp, t, LA_CLOSED, now);
    finish(tcp, t, error, now);
}

void tcp_reset(struct tcp *tcp, struct tcb *t, enum la_cause cause, int error, la_ns now)
{
    t->rst_by = LA_SIDE_LOCAL;
    emit_rst(tcp, t, now);
    tcp_end(tcp, t, cause, error, now);
}

void tcp_time_wait(struct tcp *tcp, struct tcb *t, la_ns now)
{
    struct tw_entry e = {
        .id = t->id,
        .core = {.rcv_nxt = t->rcv.nxt, .snd_nxt = t->snd.nxt, .ts_recent = t->ts_recent},
        .has_ts = t->ts_ok,
        .ifx = t->scope};
    t->ended_by = t->cause;
    tcp_enter(tcp, t, LA_TIME_WAIT, now);
    /* From CLOSING the peer's FIN has had its ACK, and its ACK of ours needs none. */
    if (t->ack_now || t->ack_delayed || !seq_eq(t->rcv.acked, t->rcv.nxt))
        emit_last_ack(tcp, t, now);
    e.wnd = (uint16_t)window_announce(t);
    if (tcp->cfg->lab.no_time_wait) {
        tcp_enter(tcp, t, LA_CLOSED, now);
        finish(tcp, t, LA_OK, now);
        return;
    }
    write_record(tcp, t, LA_OK, now);
    e.core.serial = t->serial;
    uint32_t hash = t->hash;
    retire(tcp, t);
    if (!timewait_add(tcp, &e, hash, now)) {
        tcp_rule(tcp, t, R_TW_NO_MEMORY, now);
        record_complete(tcp, t->serial, false, false, now);
    }
    finish(tcp, t, LA_OK, now);
}
