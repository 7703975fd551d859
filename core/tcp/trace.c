/* trace.c: counting rules, and telling a tracer what happens.  Without a tracer, one test of a
 * pointer. */
#include "tcp/spine.h"

static void fill_conn(struct la_trace *ev, struct la_endpoint ends[2], const struct tcb *t,
                      const struct tuple *id)
{
    if (t) {
        ev->conn = tcb_conn(t);
        ev->iss = t->snd.iss.v;
        ev->irs = t->rcv.irs.v;
        ev->state = t->state;
        ev->state_to = t->state;
        id = &t->id;
    }
    if (id) {
        ends[0] = (struct la_endpoint){id->local, id->lport, -1};
        ends[1] = (struct la_endpoint){id->remote, id->rport, -1};
        ev->local = &ends[0];
        ev->remote = &ends[1];
    }
}

static void tell_rule(struct tcp *tcp, const struct tcb *t, const struct tuple *id, enum tcp_rule r,
                      bool drop, la_ns now)
{
    struct la_endpoint ends[2];
    struct la_trace ev = {
        .kind = drop ? LA_TRACE_DROP : LA_TRACE_RULE, .now = now, .rule = NR_COUNT + (unsigned)r};
    fill_conn(&ev, ends, t, id);
    tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}

void trace_rule(struct tcp *tcp, const struct tcb *t, enum tcp_rule r, la_ns now)
{
    tell_rule(tcp, t, NULL, r, false, now);
}

void tcp_drop(struct tcp *tcp, const struct tcb *t, const struct tuple *id, enum tcp_rule r,
              la_ns now)
{
    tcp->rules[r]++;
    if (tcp->cfg->trace)
        tell_rule(tcp, t, id, r, true, now);
}

enum verdict tcp_verdict(struct tcp *tcp, const struct tcb *t, enum tcp_rule r, enum verdict v,
                         la_ns now)
{
    if (v == V_CONTINUE)
        tcp_rule(tcp, t, r, now);
    else
        tcp_drop(tcp, t, NULL, r, now);
    return v;
}

void trace_segment(struct tcp *tcp, enum la_trace_kind k, const struct tcb *t,
                   const struct tuple *id, enum la_state state, const struct la_trace_seg *seg,
                   la_ns now)
{
    struct la_endpoint ends[2];
    struct la_trace ev = {.kind = k, .now = now, .seg = seg};
    fill_conn(&ev, ends, t, id);
    ev.state = ev.state_to = state;
    tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}

void trace_segment_in(struct tcp *tcp, const struct tcb *t, const struct tuple *id,
                      enum la_state state, const struct tcp_seg *g, la_ns now)
{
    struct la_trace_seg s = {.seq = g->seq.v,
                             .ack = g->ack.v,
                             .len = g->len,
                             .wnd = g->wnd,
                             .up = g->up,
                             .flags = g->flags,
                             .nsack = g->opts.nsack,
                             .has_ts = g->opts.has_ts,
                             .tsval = g->opts.tsval,
                             .tsecr = g->opts.tsecr,
                             .mss = g->opts.has_mss ? g->opts.mss : 0,
                             .wscale =
                                 g->opts.has_wscale ? (int8_t)(g->opts.wscale & 127) : (int8_t)-1,
                             .sack_permitted = g->opts.sack_permitted};
    for (unsigned i = 0; i < g->opts.nsack; i++) {
        s.sack[i][0] = g->opts.sack[i].start.v;
        s.sack[i][1] = g->opts.sack[i].end.v;
    }
    trace_segment(tcp, LA_TRACE_SEGMENT_IN, t, id, state, &s, now);
}

void trace_state(struct tcp *tcp, const struct tcb *t, enum la_state from, la_ns now)
{
    struct la_endpoint ends[2];
    struct la_trace ev = {.kind = LA_TRACE_STATE, .now = now};
    fill_conn(&ev, ends, t, NULL);
    ev.state = from;
    tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}

void trace_embryo(struct tcp *tcp, const struct embryo *e, enum la_state from, enum la_state to,
                  la_ns now)
{
    struct la_endpoint ends[2];
    struct la_trace ev = {.kind = LA_TRACE_STATE, .now = now, .iss = e->iss.v, .irs = e->irs.v};
    LA_ASSERT(tcp_edge(from, to));
    if (!tcp->cfg->trace)
        return;
    fill_conn(&ev, ends, NULL, &e->id);
    ev.state = from;
    ev.state_to = to;
    tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}

void trace_listener(struct tcp *tcp, const struct listener *l, enum la_state from, enum la_state to,
                    la_ns now)
{
    struct la_endpoint local = {l->addr, l->port, l->ifx}, nobody = {LA_ADDR_ANY, 0, -1};
    struct la_trace ev = {.kind = LA_TRACE_STATE,
                          .now = now,
                          .conn = {l->self | CONN_LISTENER, l->generation},
                          .local = &local,
                          .remote = &nobody,
                          .state = from,
                          .state_to = to};
    LA_ASSERT(tcp_edge(from, to));
    if (tcp->cfg->trace)
        tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}

void trace_timer(struct tcp *tcp, const struct tcb *t, enum la_timer_kind k, la_ns now)
{
    struct la_endpoint ends[2];
    struct la_trace ev = {.kind = LA_TRACE_TIMER, .now = now, .timer = (uint8_t)k};
    if (!tcp->cfg->trace)
        return;
    fill_conn(&ev, ends, t, NULL);
    tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
}
