/* control_json.c: what the control socket tells, as JSON.  Times are relative, in milliseconds, so
 * that a reader needs no clock of ours; a time that did not happen is null. */
#include "cli/control.h"

#include <lastack/lastack.h>

static void num(cJSON *o, const char *key, uint64_t v)
{
    cJSON_AddNumberToObject(o, key, (double)v);
}

static void text(cJSON *o, const char *key, const char *v)
{
    if (v)
        cJSON_AddStringToObject(o, key, v);
    else
        cJSON_AddNullToObject(o, key);
}

static double in_ms(la_ns d)
{
    return (double)d / 1e6;
}

static void span_ms(cJSON *o, const char *key, la_ns from, la_ns to)
{
    if (from == LA_NEVER || to == LA_NEVER)
        cJSON_AddNullToObject(o, key);
    else
        cJSON_AddNumberToObject(o, key, to > from ? in_ms(to - from) : 0);
}

static const char *side(uint8_t s)
{
    switch ((enum la_side)s) {
    case LA_SIDE_NONE:
        return NULL;
    case LA_SIDE_LOCAL:
        return "local";
    case LA_SIDE_PEER:
        return "peer";
    case LA_SIDE_BOTH:
        return "both";
    }
    return NULL;
}

static void ends(cJSON *o, const struct la_endpoint *local, const struct la_endpoint *remote)
{
    char buf[LA_ADDR_STRLEN];

    num(o, "family", la_addr_is_v4(&local->addr) ? 4 : 6);
    text(o, "local_addr", la_addr_format(&local->addr, buf));
    num(o, "local_port", local->port);
    text(o, "peer_addr", la_addr_format(&remote->addr, buf));
    num(o, "peer_port", remote->port);
}

static void cause(cJSON *o, const char *key, const char *text_key, uint8_t c)
{
    bool known = c != LA_CAUSE_NONE && c < LA_CAUSE_COUNT;

    text(o, key, known ? la_cause_name((enum la_cause)c) : NULL);
    text(o, text_key, known ? la_cause_text((enum la_cause)c) : NULL);
}

static void error(cJSON *o, const char *key, int e)
{
    text(o, key, e == LA_OK ? NULL : la_strerror(e));
}

cJSON *json_status(const struct la_status *t, la_ns now)
{
    cJSON *o = cJSON_CreateObject();
    bool waits = t->state == LA_CLOSE_WAIT && !t->orphan;

    if (!o)
        return NULL;
    text(o, "state", la_state_name(t->state));
    ends(o, &t->local, &t->remote);
    num(o, "recv_q", t->queued_in);
    num(o, "send_q", t->queued_out);
    num(o, "unsent", t->unsent);
    text(o, "timer", t->timer == LA_TIMER_NONE ? NULL : la_timer_name(t->timer));
    span_ms(o, "timer_in_ms", now, t->timer == LA_TIMER_NONE ? LA_NEVER : t->timer_at);
    span_ms(o, "in_state_ms", t->since, now);
    span_ms(o, "peer_kept_waiting_ms", waits ? t->since : LA_NEVER, now);
    cJSON_AddBoolToObject(o, "orphan", t->orphan);
    text(o, "closed_first", side(t->first_fin));
    cause(o, "cause", "cause_text", t->cause);
    cause(o, "ended_by", "ended_by_text", t->ended_by);
    error(o, "error", t->error);
    error(o, "soft_error", t->soft_error);
    num(o, "record", t->serial);
    num(o, "iss", t->iss);
    num(o, "irs", t->irs);
    num(o, "snd_una", t->snd_una);
    num(o, "snd_nxt", t->snd_nxt);
    num(o, "snd_wnd", t->snd_wnd);
    num(o, "rcv_nxt", t->rcv_nxt);
    num(o, "rcv_wnd", t->rcv_wnd);
    num(o, "snd_wscale", t->snd_wscale);
    num(o, "rcv_wscale", t->rcv_wscale);
    num(o, "cwnd", t->cwnd);
    num(o, "ssthresh", t->ssthresh);
    num(o, "mss", t->mss);
    num(o, "pmtu", t->pmtu);
    num(o, "srtt_us", t->srtt_us);
    num(o, "rttvar_us", t->rttvar_us);
    num(o, "rto_us", t->rto_us);
    cJSON_AddBoolToObject(o, "sack", t->sack);
    cJSON_AddBoolToObject(o, "timestamps", t->timestamps);
    num(o, "retransmits", t->retransmits);
    num(o, "urgent", t->urgent);
    num(o, "segs_in", t->segs_in);
    num(o, "segs_out", t->segs_out);
    num(o, "bytes_sent", t->bytes_sent);
    num(o, "bytes_received", t->bytes_received);
    return o;
}

static void record_counts(cJSON *o, const struct la_record *r)
{
    num(o, "bytes_sent", r->bytes_sent);
    num(o, "bytes_received", r->bytes_received);
    num(o, "bytes_unacked", r->bytes_unacked);
    num(o, "bytes_unread", r->bytes_unread);
    num(o, "bytes_retransmitted", r->bytes_retransmitted);
    num(o, "segs_in", r->segs_in);
    num(o, "segs_out", r->segs_out);
    num(o, "retransmits", r->retransmits);
    num(o, "rto_expirations", r->rto_expirations);
    num(o, "fin_retransmits", r->fin_retransmits);
    num(o, "dup_acks_in", r->dup_acks_in);
    num(o, "srtt_us", r->srtt_us);
    num(o, "min_rtt_us", r->min_rtt_us);
}

static void record_time_wait(cJSON *o, const struct la_time_wait_stats *tw)
{
    cJSON *w = cJSON_AddObjectToObject(o, "time_wait");

    num(w, "restarts", tw->restarts);
    num(w, "rst_ignored", tw->rst_ignored);
    num(w, "syn_refused", tw->syn_refused);
    num(w, "old_segments", tw->old_segments);
    cJSON_AddBoolToObject(w, "reused", tw->reused);
    cJSON_AddBoolToObject(w, "evicted", tw->evicted);
}

cJSON *json_record(const struct la_record *r, la_ns now)
{
    cJSON *o = cJSON_CreateObject(), *in;
    char sentence[512];

    if (!o)
        return NULL;
    num(o, "serial", r->serial);
    text(o, "explain", la_record_explain(r, sentence, sizeof sentence));
    ends(o, &r->local, &r->remote);
    cJSON_AddBoolToObject(o, "active_open", r->active_open);
    text(o, "state", la_state_name((enum la_state)r->state));
    text(o, "last_state", la_state_name((enum la_state)r->last_state));
    text(o, "closed_first", side(r->first_fin));
    text(o, "rst_by", side(r->rst_by));
    cause(o, "cause", "cause_text", r->cause);
    cause(o, "ended_by", "ended_by_text", r->ended_by);
    error(o, "error", r->error);
    span_ms(o, "opened_ms_ago", r->opened, now);
    span_ms(o, "established_ms_ago", r->established, now);
    span_ms(o, "first_fin_ms_ago", r->first_fin_at, now);
    span_ms(o, "second_fin_ms_ago", r->second_fin_at, now);
    span_ms(o, "closed_ms_ago", r->closed, now);
    in = cJSON_AddObjectToObject(o, "in_state_ms");
    for (int i = 0; i < LA_STATES; i++)
        if (r->in_state[i])
            cJSON_AddNumberToObject(in, la_state_name((enum la_state)i), in_ms(r->in_state[i]));
    record_counts(o, r);
    record_time_wait(o, &r->tw);
    return o;
}

cJSON *json_usage(const struct la_usage *u)
{
    cJSON *o = cJSON_CreateObject();

    if (!o)
        return NULL;
    num(o, "connections", u->conns);
    num(o, "half_open", u->embryos);
    num(o, "time_wait", u->time_wait);
    num(o, "listeners", u->listeners);
    num(o, "blocks", u->blocks);
    num(o, "ranges", u->ranges);
    num(o, "neighbours", u->neighbours);
    num(o, "path_mtus", u->pmtu);
    num(o, "reassembly", u->reassembly);
    num(o, "packets", u->packets);
    num(o, "bytes", u->bytes);
    num(o, "refused", u->refused);
    num(o, "bytes_connection", u->bytes_conn);
    num(o, "bytes_time_wait", u->bytes_time_wait);
    num(o, "bytes_time_wait_v6", u->bytes_time_wait_v6);
    num(o, "frames_in", u->frames_in);
    num(o, "frames_out", u->frames_out);
    num(o, "bytes_in", u->bytes_in);
    num(o, "bytes_out", u->bytes_out);
    return o;
}

cJSON *json_rule(const struct la_stack *s, unsigned rule)
{
    cJSON *o = cJSON_CreateObject();

    if (!o)
        return NULL;
    text(o, "rule", la_rule_name(rule));
    text(o, "section", la_rule_section(rule));
    text(o, "text", la_rule_text(rule));
    num(o, "count", la_rule_count(s, rule));
    return o;
}
