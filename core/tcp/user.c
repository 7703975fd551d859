/* user.c: what the program asks for, by state (RFC 9293 §3.10.1 to §3.10.5). */
#include "tcp/spine.h"

/* ---- OPEN, active ---- */

int user_open(struct tcp *tcp, struct tcb *t, la_ns now)
{
    t->active = true;
    t->addr_sum = csum_addresses(&t->id.local, &t->id.remote);
    t->rcv.wscale = window_shift(&t->opt); /* what the SYN offers, whatever becomes of the buffer */
    t->opened = t->state_since = now;
    if (t->opt.timestamps)
        t->ts_offset = ts_offset(tcp, &t->id);
    tcb_flow(tcp, t);
    t->snd.iss = t->snd.una = isn_choose(tcp, &t->id, now);
    t->snd.nxt = seq_add(t->snd.iss, 1);
    sndq_init(&t->sndq, t->snd.nxt);
    rcvq_init(&t->rcvq, seq(0));
    mss_update(tcp, t);
    recovery_init(&t->recovery, t->snd.iss);
    cc_init(&t->cc, CC_RENO, t->smss, false, t->opt.abc_limit);
    t->cc.by_cwnd = (t->opt.habits & LA_HABIT_HALF_CWND) != 0;
    conntab_insert(tcp, ref_of(REF_TCB, t->self), t->hash);
    t->in_table = true;
    tcp_enter(tcp, t, LA_SYN_SENT, now);
    t->syn_now = true;
    t->rtx_since = now;
    tcp_on_sent(tcp, t, now); /* bounded even while the next hop is being asked for */
    tcp_ready(tcp, t);
    return LA_OK;
}

/* ---- SEND ---- */

/* Why a connection cannot carry bytes, or LA_OK. */
static inline int dead(const struct tcb *t)
{
    if (t->state != LA_CLOSED && t->state != LA_TIME_WAIT)
        return LA_OK;
    if (t->state == LA_CLOSED && t->opened == LA_NEVER)
        return LA_ENOTCONN;
    return t->error ? t->error : LA_EPIPE;
}

/* Checksums made while copying pay where segments hold whole blocks, and we complete them. */
static bool sums_blocks(const struct tcp *tcp, const struct tcb *t)
{
    const struct la_if_config *dev =
        t->smss >= 4 * BLOCK_DATA ? net_if(tcp->net, t->path.ifx) : NULL;
    return dev && !(dev->offload & LA_OFFLOAD_TX_CSUM);
}

/* What SNDBUF and NOTSENT_LOWAT let in. */
static uint32_t send_room(const struct tcb *t)
{
    uint32_t used = sndq_len(&t->sndq), room = used < t->opt.sndbuf ? t->opt.sndbuf - used : 0;
    uint32_t lowat = t->opt.notsent_lowat;
    if (lowat == 0)
        return room;
    uint32_t unsent = seq_lt(t->snd.nxt, t->sndq.end) ? t->sndq.end.v - t->snd.nxt.v : 0;
    uint32_t more = unsent < lowat ? lowat - unsent : 0;
    return more < room ? more : room;
}

void tcp_wake_writer(struct tcp *tcp, struct tcb *t)
{
    if (!t->want_writable || !send_room(t) ||
        sndq_len(&t->sndq) > t->opt.sndbuf - t->opt.sndbuf / 4)
        return;
    t->want_writable = false;
    tcp_event(tcp, t, LA_EV_WRITABLE);
}

__attribute__((flatten)) int64_t user_send(struct tcp *tcp, struct tcb *t, const void *p, size_t n,
                                           unsigned flags, la_ns now)
{
    int err = dead(t);
    if (err)
        return err;
    if (t->fin_queued)
        return LA_EPIPE;
    uint32_t room = send_room(t);
    if (n > room)
        flags &= ~(unsigned)LA_SEND_URGENT;
    uint32_t want = n < room ? (uint32_t)n : room;
    uint32_t took = want ? sndq_push(&t->sndq, tcp->blocks, p, want, sums_blocks(tcp, t)) : 0;
    t->more_coming = (flags & LA_SEND_MORE) != 0 && took == n;
    if (took < n)
        t->want_writable = true;
    if (took < want)
        tcp_rule(tcp, t, R_SEND_NO_BLOCK, now);
    if (took == 0 && want && sndq_len(&t->sndq) == 0)
        return LA_ENOMEM; /* nothing is under way whose acknowledgment could make it writable */
    if (took == 0)
        return n ? LA_EAGAIN : 0;
    if (flags & LA_SEND_URGENT && took == n) {
        t->snd.up = t->sndq.end; /* MUST-62: the octet after the last urgent one */
        t->urg_out = true;
    }
    if (t->state >= LA_ESTABLISHED) {
        if (!t->persist || t->snd.wnd)
            tcp_ready(tcp, t);
    }
    return took;
}

/* ---- RECEIVE ---- */

/* Where a byte that was set aside lies, relative to what is read next; UINT32_MAX: nowhere near. */
static uint32_t mark_distance(const struct tcb *t)
{
    if (!t->urg_in || t->opt.oobinline)
        return UINT32_MAX;
    int32_t d = seq_diff(seq_sub(t->rcv.up, 1), t->rcvq.read);
    return d < 0 ? UINT32_MAX : (uint32_t)d;
}

uint32_t user_readable(const struct tcb *t)
{
    uint32_t n = rcvq_readable(&t->rcvq), mark = mark_distance(t);
    return n < mark ? n : mark;
}

uint32_t user_before_mark(const struct tcb *t)
{
    int32_t d = seq_diff(seq_sub(t->rcv.up, 1), t->rcvq.read);
    return t->urg_in && d >= 0 ? (uint32_t)d : UINT32_MAX;
}

void user_skip_urgent(struct tcp *tcp, struct tcb *t)
{
    if (mark_distance(t) == 0 && rcvq_readable(&t->rcvq)) {
        rcvq_consume(&t->rcvq, tcp->blocks, 1);
        t->urg_in = false;
    }
}

/* The program took bytes off: perhaps the mark is behind it, or the peer should hear. */
static inline void was_read(struct tcp *tcp, struct tcb *t)
{
    if (t->urg_in && seq_ge(t->rcvq.read, t->rcv.up))
        t->urg_in = false;
    bool receiving = t->state >= LA_ESTABLISHED && t->state <= LA_FIN_WAIT_2;
    if (receiving && window_update_due(t))
        tcp_ack_now(tcp, t);
}

int user_consume(struct tcp *tcp, struct tcb *t, uint32_t n, la_ns now)
{
    if (n > user_readable(t))
        return LA_EINVAL;
    rcvq_consume(&t->rcvq, tcp->blocks, n);
    was_read(tcp, t);
    (void)now;
    return LA_OK;
}

/* What reading says when there are no bytes. */
int user_no_bytes(const struct tcb *t)
{
    if (t->fin_received || t->read_shut)
        return LA_OK; /* end of stream */
    int err = dead(t);
    if (err == LA_EPIPE)
        return LA_OK;
    return err ? err : LA_EAGAIN;
}

__attribute__((flatten)) int64_t user_receive(struct tcp *tcp, struct tcb *t, void *p, size_t n,
                                              la_ns now)
{
    (void)now;
    if (n == 0)
        return 0;
    user_skip_urgent(tcp, t);
    uint32_t k = user_readable(t);
    if (k > n)
        k = (uint32_t)n;
    if (k == 0)
        return user_no_bytes(t);
    rcvq_read(&t->rcvq, tcp->blocks, p, k);
    was_read(tcp, t);
    return k;
}

/* ---- CLOSE ---- */

/* RFC 9293's CLOSE: FIN after what is queued; the state changes at once. */
static void close_sending(struct tcp *tcp, struct tcb *t, enum la_cause cause, la_ns now)
{
    if (t->fin_queued)
        return;
    switch ((enum la_state)t->state) {
    case LA_SYN_SENT:
        tcp_end(tcp, t, cause, LA_ECONNABORTED, now);
        return;
    case LA_SYN_RECEIVED:
        t->fin_queued = true;
        if (sndq_len(&t->sndq) == 0)
            tcp_enter(tcp, t, LA_FIN_WAIT_1, now); /* else when ESTABLISHED is reached */
        break;
    case LA_ESTABLISHED:
        t->fin_queued = true;
        tcp_enter(tcp, t, LA_FIN_WAIT_1, now);
        break;
    case LA_CLOSE_WAIT:
        t->fin_queued = true;
        tcp_enter(tcp, t, LA_LAST_ACK, now);
        break;
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_FIN_WAIT_1:
    case LA_FIN_WAIT_2:
    case LA_CLOSING:
    case LA_LAST_ACK:
    case LA_TIME_WAIT:
    case LA_STATES:
        return;
    }
    t->fin_cause = (uint8_t)cause;
    tcp_rule(tcp, t, R_CLOSE_FIN, now);
    tcp_ready(tcp, t);
}

int user_shutdown(struct tcp *tcp, struct tcb *t, unsigned how, la_ns now)
{
    if (dead(t))
        return LA_ENOTCONN;
    if (how & LA_SHUT_RD) {
        t->read_shut = true;
        uint32_t unread = rcvq_readable(&t->rcvq);
        if (unread) {
            rcvq_consume(&t->rcvq, tcp->blocks, unread);
            tcp_ack_now(tcp, t);
        }
        t->urg_in = false;
        tcp_event(tcp, t, LA_EV_READABLE);
    }
    t->read_over |= (how & LA_SHUT_RD_LATER) != 0;
    if (how & LA_SHUT_WR)
        close_sending(tcp, t, LA_CAUSE_SHUTDOWN, now);
    return LA_OK;
}

/* The record was written when the connection ended; what the program then left unread is known only
 * now. */
static void discard(struct tcp *tcp, struct tcb *t)
{
    struct la_record *r = t->recorded ? record_find(&tcp->records, t->serial) : NULL;
    if (r)
        r->bytes_unread = rcvq_readable(&t->rcvq);
    tcb_delete(tcp, t);
}

static void give_back(struct tcp *tcp, struct tcb *t)
{
    if (t->handle) {
        t->handle = false;
        tcp->handles--;
    }
    tcp_event_unlink(tcp, &t->ev);
    t->want_writable = false;
}

static bool resets(const struct tcb *t)
{
    return t->state != LA_SYN_SENT && t->state != LA_CLOSING && t->state != LA_LAST_ACK &&
           t->state != LA_TIME_WAIT;
}

void user_abort(struct tcp *tcp, struct tcb *t, enum la_cause cause, la_ns now)
{
    give_back(tcp, t);
    if (t->state == LA_CLOSED || t->state == LA_TIME_WAIT) {
        discard(tcp, t);
        return;
    }
    tcp_rule(tcp, t, R_ABORT_CALL, now);
    if (resets(t))
        tcp_reset(tcp, t, cause, LA_ECONNABORTED, now);
    else
        tcp_end(tcp, t, cause, LA_ECONNABORTED, now);
}

void user_close(struct tcp *tcp, struct tcb *t, la_ns now)
{
    give_back(tcp, t);
    if (t->state == LA_CLOSED || t->state == LA_TIME_WAIT) {
        discard(tcp, t);
        return;
    }
    if (t->opt.linger_ms == 0) {
        tcp_rule(tcp, t, R_CLOSE_LINGER_0, now);
        if (resets(t))
            tcp_reset(tcp, t, LA_CAUSE_LINGER_0, LA_ECONNABORTED, now);
        else
            tcp_end(tcp, t, LA_CAUSE_LINGER_0, LA_ECONNABORTED, now);
        return;
    }
    if (rcvq_readable(&t->rcvq) && t->state != LA_SYN_SENT && t->opt.rst_unread) {
        tcp_rule(tcp, t, R_CLOSE_UNREAD, now);
        tcp_reset(tcp, t, LA_CAUSE_UNREAD_DATA, LA_ECONNABORTED, now);
        return;
    }
    bool opening = t->state == LA_SYN_SENT;
    close_sending(tcp, t, LA_CAUSE_CLOSE, now);
    if (opening)
        return; /* gone */
    if (t->state == LA_FIN_WAIT_2)
        orphan_fin_wait_2(tcp, t, now);
    else if (t->opt.linger_ms > 0)
        timer_arm(tcp, t, TIMER_LIFE, now + LA_MSEC(t->opt.linger_ms));
}

/* ---- CLOSE of a listener: what nobody accepted is reset ---- */

static void reset_embryo(struct tcp *tcp, struct embryo *e, enum la_cause cause, la_ns now)
{
    struct bare b = {.id = &e->id,
                     .scope = ip_is_link_local(&e->id.remote) ? e->ifx : (int16_t)-1,
                     .seq = seq_add(e->iss, 1),
                     .ack = seq_add(e->irs, 1),
                     .flags = TCP_RST | TCP_ACK,
                     .ttl = 64,
                     .state = LA_SYN_RECEIVED};
    emit_bare(tcp, &b, now);
    embryo_end(tcp, e, cause, LA_ECONNABORTED, now);
}

void user_unlisten(struct tcp *tcp, struct listener *l, enum la_cause cause, la_ns now)
{
    while (l->acc_head) {
        struct tcb *t = tcb_at(tcp, l->acc_head);
        l->acc_head = t->acc_next;
        t->listener = 0;
        if (t->state == LA_CLOSED || t->state == LA_TIME_WAIT) {
            discard(tcp, t);
        } else {
            tcp_reset(tcp, t, cause, LA_ECONNABORTED, now);
        }
    }
    l->acc_tail = l->waiting = 0;
    for (uint32_t i = 1; l->embryos && i <= tcp->embryos.made; i++) {
        struct embryo *e = embryo_at(tcp, i);
        if (e->used && e->listener == l->self)
            reset_embryo(tcp, e, cause, now);
    }
    tcp_event_unlink(tcp, &l->ev);
    trace_listener(tcp, l, LA_LISTEN, LA_CLOSED, now);
    l->open = false;
    if (++l->generation == 0)
        l->generation = 1;
    listener_remove(tcp, l->self);
}
