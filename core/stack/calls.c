/* calls.c: the program's calls, by handle: opening, carrying, closing, events. */
#include "stack/stack.h"

/* What a handle names; NULL: no connection (any more). */
static inline const struct conn_slot *conn_slot_of(const struct la_stack *s, la_conn c)
{
    if (!pool_has(&s->tcp.slots, c.index)) /* nor is any as large as a listener's */
        return NULL;
    const struct conn_slot *k = conn_slot_at(&s->tcp, c.index);
    return k->generation == c.generation ? k : NULL;
}

__attribute__((noinline)) static struct tcb *woken(struct la_stack *s, const struct conn_slot *k)
{
    return k ? rest_wake(&s->tcp, k->rest, s->now) : NULL;
}

/* The tcb of a handle; NULL if it is not one (any more), or there is no memory to wake it. */
static inline struct tcb *conn_tcb(struct la_stack *s, la_conn c)
{
    const struct conn_slot *k = conn_slot_of(s, c);
    struct tcb *t = k && k->tcb ? k->tcb : woken(s, k);
    return t && t->handle ? t : NULL;
}

const struct tcb *stack_awake(const struct la_stack *s, la_conn c)
{
    const struct conn_slot *k = conn_slot_of(s, c);
    return k && k->tcb && k->tcb->handle ? k->tcb : NULL;
}

const struct rest *stack_rest(const struct la_stack *s, la_conn c)
{
    const struct conn_slot *k = conn_slot_of(s, c);
    return k && !k->tcb ? rest_at(&s->tcp.rests, k->rest) : NULL;
}

struct listener *stack_listener(const struct la_stack *s, la_conn c)
{
    uint32_t i = c.index & ~CONN_LISTENER;
    if (!(c.index & CONN_LISTENER) || !pool_has(&s->tcp.listeners, i))
        return NULL;
    struct listener *l = listener_at(&s->tcp, i);
    return l->open && l->generation == c.generation ? l : NULL;
}

static int wrong_handle(const struct la_stack *s, la_conn c)
{
    if (stack_listener(s, c))
        return LA_EOPNOTSUPP;
    return stack_rest(s, c) ? LA_ENOMEM : LA_EBADF; /* it could not wake */
}

/* ---- options ---- */

/* An ACK that waits goes at once, or waits like others from now on. */
static void quickack_changed(struct la_stack *s, struct tcb *t)
{
    t->quick = t->opt.quickack ? t->opt.quickacks : 0;
    if (t->opt.quickack && t->ack_delayed)
        tcp_ack_now(&s->tcp, t);
}

static void option_changed(struct la_stack *s, struct tcb *t, enum la_option o, la_ns now)
{
    if (o >= LA_OPT_RTO_INIT_MS && o <= LA_OPT_RTO_SLOP_MS)
        tcb_timeouts(t); /* the handshake has not begun, else the option were refused */
    if (t->state < LA_SYN_SENT || t->state > LA_LAST_ACK)
        return;
    if (o == LA_OPT_QUICKACK || o == LA_OPT_QUICKACKS)
        quickack_changed(s, t);
    if (o == LA_OPT_NOTSENT_LOWAT || o == LA_OPT_SNDBUF)
        tcp_wake_writer(&s->tcp, t);
    if (o == LA_OPT_KEEPALIVE || o == LA_OPT_KEEPIDLE_MS)
        keepalive_start(&s->tcp, t, now);
    if (o == LA_OPT_MAXSEG)
        mss_update(&s->tcp, t);
    if (o == LA_OPT_NODELAY || o == LA_OPT_CORK) {
        t->more_coming = false;
        tcp_ready(&s->tcp, t);
    }
    if (o == LA_OPT_RCVBUF && t->state >= LA_ESTABLISHED && window_update_due(t))
        tcp_ack_now(&s->tcp, t);
}

static int set_backlog(struct listener *l, int64_t value)
{
    if (value < 1 || value > UINT32_MAX)
        return LA_EINVAL;
    l->backlog = (uint32_t)value;
    return LA_OK;
}

int la_setopt(struct la_stack *s, la_conn c, enum la_option o, int64_t value, la_ns now)
{
    struct listener *l = stack_listener(s, c);
    if (l)
        return o == LA_OPT_BACKLOG ? set_backlog(l, value) : options_set(&l->opt, o, value, false);
    if (la_conn_eq(c, LA_CONN_NONE))
        return options_set(&s->tcp.defaults, o, value, false);
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return wrong_handle(s, c);
    int err = options_set(&t->opt, o, value, t->opened != LA_NEVER);
    if (!err)
        option_changed(s, t, o, now);
    return err;
}

int la_getopt(struct la_stack *s, la_conn c, enum la_option o, int64_t *value)
{
    struct listener *l = stack_listener(s, c);
    struct tcb *t = l ? NULL : conn_tcb(s, c);
    if (l && o == LA_OPT_BACKLOG) {
        *value = l->backlog;
        return LA_OK;
    }
    if (!l && !t && !la_conn_eq(c, LA_CONN_NONE))
        return wrong_handle(s, c);
    return options_get(l ? &l->opt : t ? &t->opt : &s->tcp.defaults, o, value);
}

/* ---- opening ---- */

int la_listen(struct la_stack *s, const struct la_endpoint *local, uint32_t backlog, la_ns now,
              la_conn *out)
{
    uint32_t index;
    if (!local || !out || local->port == 0)
        return LA_EINVAL;
    if (!la_addr_is_any(&local->addr) && !net_is_local(s->net, &local->addr, local->ifx))
        return LA_EADDRNOTAVAIL;
    int err = listener_add(&s->tcp, &local->addr, local->port, local->ifx, &index);
    if (err)
        return err;
    struct listener *l = listener_at(&s->tcp, index);
    l->opt = s->tcp.defaults;
    l->backlog = backlog ? backlog : 1;
    l->since = now;
    trace_listener(&s->tcp, l, LA_CLOSED, LA_LISTEN, now);
    *out = (la_conn){index | CONN_LISTENER, l->generation};
    return LA_OK;
}

static void give_handle(struct la_stack *s, struct tcb *t, la_conn *out)
{
    t->handle = true;
    s->tcp.handles++;
    *out = tcb_conn(t);
}

int la_accept(struct la_stack *s, la_conn listener, la_ns now, la_conn *out)
{
    struct listener *l = stack_listener(s, listener);
    (void)now;
    if (!l)
        return conn_slot_of(s, listener) ? LA_EOPNOTSUPP : LA_EBADF;
    if (!l->acc_head)
        return LA_EAGAIN;
    struct tcb *t = tcb_at(&s->tcp, l->acc_head);
    l->acc_head = t->acc_next;
    if (!l->acc_head)
        l->acc_tail = 0;
    l->waiting--;
    t->listener = 0;
    give_handle(s, t, out);
    /* What came while it waited is told now. */
    uint32_t bits = rcvq_readable(&t->rcvq) || t->fin_received ? LA_EV_READABLE : 0;
    bits |= t->fin_received ? LA_EV_PEER_CLOSED : 0U;
    bits |= t->urg_in ? LA_EV_URGENT : 0U;
    if (t->state == LA_CLOSED || t->state == LA_TIME_WAIT)
        bits |= LA_EV_CLOSED | LA_EV_READABLE;
    if (bits)
        tcp_event(&s->tcp, t, bits);
    return LA_OK;
}

int la_socket(struct la_stack *s, la_conn *out)
{
    struct tcb *t = tcb_new(&s->tcp, &s->tcp.defaults, s->now);
    if (!t)
        return LA_ENOMEM;
    give_handle(s, t, out);
    return LA_OK;
}

static enum pair_use usable_pair(struct tcp *tcp, struct tuple *id, uint32_t *hash, la_ns now)
{
    if (id->lport == 0)
        return port_choose(tcp, id, hash, now);
    *hash = tuple_hash(&tcp->tab.key, id);
    return pair_usable(tcp, id, *hash, now);
}

/* The pair is ours from now on; a TIME-WAIT entry that may be reused ends. */
static int claim_pair(struct tcp *tcp, struct tuple *id, uint32_t *hash, la_ns now)
{
    bool any_port = id->lport == 0;
    switch (usable_pair(tcp, id, hash, now)) {
    case PAIR_FREE:
        return LA_OK;
    case PAIR_TAKEN:
        return any_port ? LA_EADDRNOTAVAIL : LA_EADDRINUSE;
    case PAIR_REUSE:
        break;
    }
    (void)timewait_kill(tcp, conntab_find(tcp, id, *hash), id, now);
    return LA_OK;
}

int la_connect(struct la_stack *s, la_conn c, const struct la_endpoint *local,
               const struct la_endpoint *remote, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return wrong_handle(s, c);
    if (t->opened != LA_NEVER)
        return LA_EISCONN;
    if (!remote || remote->port == 0 || !net_is_unicast(s->net, &remote->addr))
        return LA_EINVAL; /* MUST-46 */
    struct tuple id = {.remote = remote->addr, .rport = remote->port};
    if (local) {
        id.local = local->addr;
        id.lport = local->port;
    }
    int scope = la_addr_is_any(&id.local) && !local ? remote->ifx
                : local && local->ifx >= 0          ? local->ifx
                                                    : remote->ifx;
    if (!ip_is_link_local(&id.remote))
        scope = -1;
    if (la_addr_is_any(&id.local))
        id.local = LA_ADDR_ANY;
    struct net_path path = {.ifx = -1};
    int err = net_route(s->net, &id.local, &id.remote, scope, &path, now);
    if (err)
        return err;
    err = claim_pair(&s->tcp, &id, &t->hash, now);
    if (err)
        return err;
    t->id = id;
    t->path = path;
    t->scope = (int16_t)scope;
    return user_open(&s->tcp, t, now);
}

/* ---- carrying ---- */

int64_t la_send(struct la_stack *s, la_conn c, const void *p, size_t n, unsigned flags, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    return t ? user_send(&s->tcp, t, p, n, flags, now) : wrong_handle(s, c);
}

int64_t la_recv(struct la_stack *s, la_conn c, void *p, size_t n, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    return t ? user_receive(&s->tcp, t, p, n, now) : wrong_handle(s, c);
}

int la_peek(struct la_stack *s, la_conn c, struct la_span *spans, int max, int *err)
{
    struct tcb *t = conn_tcb(s, c);
    *err = LA_OK;
    if (!t || max <= 0) {
        *err = t ? LA_EINVAL : wrong_handle(s, c);
        return 0;
    }
    user_skip_urgent(&s->tcp, t);
    uint32_t left = user_readable(t), n = rcvq_spans(&t->rcvq, spans, (uint32_t)max), used = 0;
    for (; used < n && left; used++) {
        if (spans[used].n > left)
            spans[used].n = left;
        left -= spans[used].n;
    }
    if (used == 0)
        *err = user_no_bytes(t);
    return (int)used;
}

int la_consume(struct la_stack *s, la_conn c, size_t n, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return wrong_handle(s, c);
    return n > UINT32_MAX ? LA_EINVAL : user_consume(&s->tcp, t, (uint32_t)n, now);
}

int la_peek_urgent(const struct la_stack *s, la_conn c, uint8_t *byte)
{
    const struct tcb *t = stack_awake(s, c);
    if (!t)
        return stack_rest(s, c) ? LA_EINVAL : wrong_handle(s, c);
    if (!t->has_oob)
        return t->urg_in && !t->opt.oobinline && !t->urg_seen ? LA_EAGAIN : LA_EINVAL;
    *byte = t->oob;
    return LA_OK;
}

int la_recv_urgent(struct la_stack *s, la_conn c, uint8_t *byte)
{
    int err = la_peek_urgent(s, c, byte);
    if (!err)
        conn_tcb(s, c)->has_oob = false;
    return err;
}

int la_want_writable(struct la_stack *s, la_conn c)
{
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return wrong_handle(s, c);
    t->want_writable = true;
    return LA_OK;
}

/* ---- closing ---- */

int la_shutdown(struct la_stack *s, la_conn c, unsigned how, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return wrong_handle(s, c);
    return how == 0 || how & ~(unsigned)(LA_SHUT_RDWR | LA_SHUT_RD_LATER)
               ? LA_EINVAL
               : user_shutdown(&s->tcp, t, how, now);
}

int la_close(struct la_stack *s, la_conn c, la_ns now)
{
    struct listener *l = stack_listener(s, c);
    struct tcb *t = l ? NULL : conn_tcb(s, c);
    if (l)
        user_unlisten(&s->tcp, l, LA_CAUSE_LISTENER_CLOSED, now);
    else if (t)
        user_close(&s->tcp, t, now);
    else
        return wrong_handle(s, c);
    return LA_OK;
}

int la_abort(struct la_stack *s, la_conn c, la_ns now)
{
    struct tcb *t = conn_tcb(s, c);
    if (!t)
        return stack_listener(s, c) ? la_close(s, c, now) : wrong_handle(s, c);
    user_abort(&s->tcp, t, LA_CAUSE_ABORT, now);
    return LA_OK;
}

void la_abort_all(struct la_stack *s, la_ns now)
{
    struct tcp *tcp = &s->tcp;
    for (uint32_t i = 1; i <= tcp->listeners.made; i++)
        if (listener_at(tcp, i)->open)
            user_unlisten(tcp, listener_at(tcp, i), LA_CAUSE_STACK_ABORT, now);
    for (uint32_t i = 1; i <= tcp->tcbs.made; i++)
        if (tcb_at(tcp, i)->used)
            user_abort(tcp, tcb_at(tcp, i), LA_CAUSE_STACK_ABORT, now);
    for (uint32_t i = 1; i <= tcp->rests.packed.made; i++) {
        struct tcb *t = rest_at(&tcp->rests, i)->slot ? rest_wake(tcp, i, now) : NULL;
        if (t)
            user_abort(tcp, t, LA_CAUSE_STACK_ABORT, now);
    }
}

/* ---- events ---- */

bool la_next_event(struct la_stack *s, struct la_event *ev)
{
    struct ev_link *e = s->tcp.ev_head;
    if (!e)
        return false;
    if (e->listener) {
        const struct listener *l = ev_listener(e);
        *ev = (struct la_event){{l->self | CONN_LISTENER, l->generation}, l->user, e->bits};
    } else {
        const struct tcb *t = ev_tcb(e);
        *ev = (struct la_event){tcb_conn(t), t->user, e->bits};
    }
    tcp_event_unlink(&s->tcp, e);
    return true;
}

int la_set_user(struct la_stack *s, la_conn c, void *user)
{
    struct listener *l = stack_listener(s, c);
    struct tcb *t = l ? NULL : conn_tcb(s, c);
    if (l)
        l->user = user;
    else if (t)
        t->user = user;
    else
        return wrong_handle(s, c);
    return LA_OK;
}
