/* known.c: what expressions can ask a run. */
#include "lab/scenario/lab.h"
#include "lab/scenario/names.h"
#include "tcp/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct value number(int64_t n)
{
    return (struct value){.kind = VALUE_NUMBER, .n = n};
}

static struct value side(uint8_t who)
{
    return (struct value){.kind = VALUE_SIDE, .n = who};
}

/* From the beginning of the run; what did not happen has no value. */
static struct value moment(la_ns t)
{
    if (t == LA_NEVER)
        return no_value;
    return (struct value){.kind = VALUE_TIME, .n = (int64_t)(t - SIM_START)};
}

static struct value span(la_ns t)
{
    return (struct value){.kind = VALUE_TIME, .n = (int64_t)t};
}

/* ---- ends ---- */

static struct value app_field(const struct end *e, unsigned id)
{
    switch (id) {
    case APP_ERROR:
        return (struct value){.kind = VALUE_ERROR, .n = end_error(e)};
    case APP_SENT:
        return number((int64_t)e->sent);
    case APP_RECEIVED:
        return number((int64_t)e->received);
    case APP_TEXT:
        return (struct value){.kind = VALUE_TEXT, .text = e->text, .len = e->text_n};
    case APP_HASH:
        return (struct value){.kind = VALUE_HASH, .n = (int64_t)e->received_hash};
    case APP_SENT_HASH:
        return (struct value){.kind = VALUE_HASH, .n = (int64_t)e->sent_hash};
    case APP_OPENED:
        return moment(e->opened);
    case APP_PORT:
        return number(e->local.port);
    default:
        return no_value;
    }
}

static struct value record_field(const struct la_record *r, unsigned id)
{
    switch (id) {
    case RECORD_CAUSE:
        return (struct value){.kind = VALUE_CAUSE, .n = r->cause};
    case RECORD_ENDED_BY:
        return (struct value){.kind = VALUE_CAUSE, .n = r->ended_by};
    case RECORD_FIRST_CLOSER:
        return side(r->first_fin);
    case RECORD_RESET_BY:
        return side(r->rst_by);
    case RECORD_LAST_STATE:
        return (struct value){.kind = VALUE_STATE, .n = r->last_state};
    case RECORD_CLOSED_AT:
        return moment(r->closed);
    case RECORD_FIN_AT:
        return moment(r->first_fin_at);
    case RECORD_FIN_2_AT:
        return moment(r->second_fin_at);
    case RECORD_LIFE:
        return r->closed == LA_NEVER ? no_value : span(r->closed - r->opened);
    case RECORD_UNACKED:
        return number((int64_t)r->bytes_unacked);
    case RECORD_UNREAD:
        return number((int64_t)r->bytes_unread);
    case RECORD_RETRANSMITS:
        return number(r->retransmits);
    case RECORD_FIN_RETRANSMITS:
        return number(r->fin_retransmits);
    case RECORD_TIMEOUTS:
        return number(r->rto_expirations);
    case RECORD_RESTARTS:
        return number(r->tw.restarts);
    case RECORD_RST_IGNORED:
        return number(r->tw.rst_ignored);
    case RECORD_SYN_REFUSED:
        return number(r->tw.syn_refused);
    case RECORD_OLD_SEGMENTS:
        return number(r->tw.old_segments);
    case RECORD_REUSED:
        return (struct value){.kind = VALUE_BOOL, .n = r->tw.reused};
    case RECORD_EVICTED:
        return (struct value){.kind = VALUE_BOOL, .n = r->tw.evicted};
    default:
        return no_value;
    }
}

static struct value status_field(const struct end *e, unsigned id)
{
    struct la_status st;
    bool lives = end_status(e, &st);
    if (id == STATUS_STATE)
        return (struct value){.kind = VALUE_STATE, .n = lives ? st.state : LA_CLOSED};
    if (id == STATUS_ISS)
        return number(e->iss);
    if (id == STATUS_IRS)
        return number(e->irs);
    if (!lives)
        return no_value;
    switch (id) {
    case STATUS_SINCE:
        return moment(st.since);
    case STATUS_SND_UNA:
        return number((uint32_t)(st.snd_una - e->iss));
    case STATUS_SND_NXT:
        return number((uint32_t)(st.snd_nxt - e->iss));
    case STATUS_RCV_NXT:
        return number((uint32_t)(st.rcv_nxt - e->irs));
    case STATUS_QUEUED_IN:
        return number(st.queued_in);
    case STATUS_QUEUED_OUT:
        return number(st.queued_out);
    case STATUS_CWND:
        return number(st.cwnd);
    case STATUS_SND_WND:
        return number(st.snd_wnd);
    default:
        return no_value;
    }
}

/* The whole time spent in a state: of a connection that has ended by its record. */
static struct value state_time(const struct end *e, unsigned state)
{
    struct la_record r;
    if (!end_record(e, &r) || (r.state == LA_TIME_WAIT && state == LA_TIME_WAIT))
        return no_value;
    return span(r.in_state[state]);
}

/* ---- hosts and wires ---- */

static struct value host_field(struct lab *lab, unsigned host, unsigned id)
{
    struct la_usage u;
    struct la_record r;
    uint32_t cursor = 0, n = 0;
    la_usage(sim_stack(lab->host[host]), &u);
    switch (id) {
    case HOST_CONNECTIONS:
        return number(u.conns);
    case HOST_HALF_OPEN:
        return number(u.embryos);
    case HOST_TIME_WAITS:
        return number(u.time_wait);
    case HOST_ACCEPTED:
        return number(lab->accepted[host]);
    case HOST_TIME_WAIT_BYTES:
        return number((int64_t)u.bytes_time_wait);
    case HOST_RECORDS:
        while (la_record_next(sim_stack(lab->host[host]), &cursor, &r))
            n++;
        return number(n);
    default:
        return no_value;
    }
}

static struct value wire_field(struct lab *lab, const struct expr *e)
{
    const struct sim_wire_stats *w = sim_stats_from(lab->link[e->link], lab->host[e->host]);
    switch (e->field.id) {
    case WIRE_FRAMES:
        return number((int64_t)w->frames);
    case WIRE_DELIVERED:
        return number((int64_t)w->delivered);
    case WIRE_LOST:
        return number((int64_t)w->lost);
    default:
        return no_value;
    }
}

struct value run_field(struct lab *lab, const struct expr *e)
{
    const struct end *end = end_named(lab, e->name);
    struct la_record r;
    unsigned host = end ? end->host : e->host < 0 ? 0 : (unsigned)e->host;
    switch (e->field.of) {
    case OF_APP:
        return end ? app_field(end, e->field.id) : no_value;
    case OF_RECORD:
        return end && end_record(end, &r) ? record_field(&r, e->field.id) : no_value;
    case OF_STATUS:
        return end ? status_field(end, e->field.id) : no_value;
    case OF_STATE:
        return end ? state_time(end, e->field.id) : no_value;
    case OF_HOST:
        return host_field(lab, host, e->field.id);
    case OF_RULE:
        return number((int64_t)la_rule_count(sim_stack(lab->host[host]), e->field.id));
    case OF_WIRE:
        return wire_field(lab, e);
    case OF_SETTING:
        break;
    }
    return no_value;
}

struct value run_state(struct lab *lab, const char *name)
{
    const struct end *e = end_named(lab, name);
    return e ? status_field(e, STATUS_STATE) : (struct value){.kind = VALUE_STATE, .n = LA_CLOSED};
}

unsigned run_track(struct lab *lab, const char *name, const enum la_state **states)
{
    const struct end *e = end_named(lab, name);
    return e ? end_states(e, states) : 0;
}

/* ---- segments ---- */

/* The segment that is meant; NULL if there was none. */
static const struct seen *find(struct lab *lab, const struct selector *g)
{
    struct value nth = g->nth ? ask(&lab->scope, g->nth) : (struct value){.n = 1};
    int64_t n = 0;
    for (size_t i = 0; i < lab->nseen; i++) {
        const struct seen *s = &lab->seen[g->last ? lab->nseen - 1 - i : i];
        if (seen_matches(lab, g, s) && ++n == nth.n)
            return s;
    }
    return NULL;
}

struct value run_segment(struct lab *lab, const struct selector *g, enum segment_field f)
{
    const struct seen *s = find(lab, g);
    if (!s)
        return no_value;
    switch (f) {
    case FIELD_SEQ:
        return number(s->info.rel_seq);
    case FIELD_ACK:
        return s->seg.flags & LA_TCP_ACK ? number(s->info.rel_ack) : no_value;
    case FIELD_LEN:
        return number(s->seg.len);
    case FIELD_TIME:
        return moment(s->at);
    case FIELD_COUNT:
        break;
    }
    return no_value;
}

int64_t run_count(struct lab *lab, const struct selector *g)
{
    int64_t n = 0;
    for (size_t i = 0; i < lab->nseen; i++)
        n += seen_matches(lab, g, &lab->seen[i]);
    return n;
}

/* ---- states ---- */

int64_t run_in_state(struct lab *lab, int host, enum la_state state)
{
    int64_t n = 0;
    for (unsigned i = 0; i < lab->scope.s->nhosts; i++) {
        struct la_status st;
        uint64_t cursor = 0;
        if (host >= 0 && host != (int)i)
            continue;
        while (la_status_next(sim_stack(lab->host[i]), &cursor, &st))
            n += st.state == state;
    }
    return n;
}

int64_t run_edge(struct lab *lab, int host, enum la_state from, enum la_state to)
{
    int64_t n = 0;
    if (host < 0)
        return (int64_t)lab->edges[from][to];
    const struct trace_log *log = sim_log(lab->host[host]);
    for (size_t i = 0; i < log->n; i++) {
        const struct trace_event *ev = &log->ev[i];
        n += (ev->kind == LA_TRACE_STATE || ev->kind == LA_TRACE_RECORD) && ev->state == from &&
             ev->state_to == to;
    }
    return n;
}

bool run_all_edges(struct lab *lab, char *missing, size_t n)
{
    bool all = true;
    size_t at = 0;
    missing[0] = '\0';
    for (unsigned from = 0; from < LA_STATES; from++) {
        for (unsigned to = 0; to < LA_STATES; to++) {
            if (!tcp_edge((enum la_state)from, (enum la_state)to) || lab->edges[from][to])
                continue;
            all = false;
            int k = snprintf(missing + at, n - at, "%s%s -> %s", at ? ", " : "",
                             la_state_name((enum la_state)from), la_state_name((enum la_state)to));
            at = k > 0 && (size_t)k < n - at ? at + (size_t)k : at;
        }
    }
    return all;
}

bool run_left(struct lab *lab, int host, char *what, size_t n)
{
    snprintf(what, n, "nothing");
    for (unsigned i = 0; i < lab->scope.s->nhosts; i++) {
        struct la_usage u;
        if (host >= 0 && host != (int)i)
            continue;
        la_usage(sim_stack(lab->host[i]), &u);
        uint32_t left =
            u.conns + u.embryos + u.time_wait + u.blocks + u.ranges + u.packets + u.reassembly;
        int broken = la_check(sim_stack(lab->host[i]));
        if (!left && !broken)
            continue;
        if (broken)
            snprintf(what, n, "%s is broken: line %d of la_check", lab->scope.s->host[i].name,
                     broken);
        else
            snprintf(what, n,
                     "%s still holds %u connections, %u half-open ones, %u in TIME-WAIT, %u "
                     "buffers",
                     lab->scope.s->host[i].name, u.conns, u.embryos, u.time_wait,
                     u.blocks + u.ranges + u.packets + u.reassembly);
        return true;
    }
    return false;
}
