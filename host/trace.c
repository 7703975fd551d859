/* trace.c: one trace callback for many listeners, and the text of an event. */
#include "private.h"

#include <stdarg.h>
#include <stdio.h>

void la_tracers_add(struct la_tracers *list, struct la_tracer *t)
{
    struct la_tracer **end = &list->first;

    while (*end)
        end = &(*end)->next;
    t->next = NULL;
    *end = t;
}

void la_tracers_fire(void *list, const struct la_trace *ev)
{
    const struct la_tracers *l = list;

    for (struct la_tracer *t = l->first; t; t = t->next)
        t->fn(t->ctx, ev);
}

/* Text that grows in a caller's buffer and is cut off where that ends. */
struct text {
    char *p;
    size_t n, at;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->at + 1 >= t->n)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->p + t->at, t->n - t->at, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->at += (size_t)n < t->n - t->at ? (size_t)n : t->n - t->at - 1;
}

static void add_flags(struct text *t, uint8_t flags)
{
    static const char name[8][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    const char *sep = "";

    add(t, "[");
    for (unsigned i = 0; i < 8; i++) {
        if (!(flags & (1U << i)))
            continue;
        add(t, "%s%s", sep, name[i]);
        sep = ",";
    }
    add(t, "]");
}

/* Sequence numbers count from the initial one of their side where that is known. */
static void add_segment(struct text *t, const struct la_trace *ev)
{
    const struct la_trace_seg *g = ev->seg;
    bool out = ev->kind == LA_TRACE_SEGMENT_OUT;
    uint32_t seq0 = out ? ev->iss : ev->irs;
    uint32_t ack0 = out ? ev->irs : ev->iss;

    add(t, " ");
    add_flags(t, g->flags);
    add(t, " seq %u", (unsigned)(g->seq - seq0));
    if (g->flags & LA_TCP_ACK)
        add(t, " ack %u", (unsigned)(g->ack - ack0));
    add(t, " len %u wnd %u", (unsigned)g->len, (unsigned)g->wnd);
    if (g->flags & LA_TCP_URG)
        add(t, " up %u", (unsigned)g->up);
    if (g->mss)
        add(t, " mss %u", (unsigned)g->mss);
    if (g->wscale >= 0)
        add(t, " wscale %d", g->wscale);
    if (g->sack_permitted)
        add(t, " sackOK");
    if (g->has_ts)
        add(t, " ts %u/%u", (unsigned)g->tsval, (unsigned)g->tsecr);
    for (unsigned i = 0; i < g->nsack && i < 4; i++)
        add(t, " sack %u-%u", (unsigned)(g->sack[i][0] - ack0), (unsigned)(g->sack[i][1] - ack0));
    if (g->retransmit)
        add(t, " retransmission");
    add(t, " %s", la_state_name(ev->state));
}

char *la_trace_format(const struct la_trace *ev, la_ns origin, char *buf, size_t n)
{
    struct text t = {buf, n, 0};
    char local[LA_HOST_ENDPOINT_STRLEN] = "", remote[LA_HOST_ENDPOINT_STRLEN] = "";
    la_ns at = ev->now - origin;

    if (n == 0)
        return buf;
    buf[0] = '\0';
    add(&t, "%4u.%06u", (unsigned)(at / LA_SEC(1)), (unsigned)(at % LA_SEC(1) / 1000U));
    if (ev->local)
        add(&t, " %s", la_host_endpoint(ev->local, local));
    if (ev->remote)
        add(&t, " %s %s",
            ev->kind == LA_TRACE_SEGMENT_IN    ? "<"
            : ev->kind == LA_TRACE_SEGMENT_OUT ? ">"
                                               : "-",
            la_host_endpoint(ev->remote, remote));
    switch (ev->kind) {
    case LA_TRACE_SEGMENT_IN:
    case LA_TRACE_SEGMENT_OUT:
        if (ev->seg)
            add_segment(&t, ev);
        break;
    case LA_TRACE_STATE:
        add(&t, " state %s -> %s", la_state_name(ev->state), la_state_name(ev->state_to));
        break;
    case LA_TRACE_RULE:
        add(&t, " rule %s (%s)", la_rule_name(ev->rule), la_rule_section(ev->rule));
        break;
    case LA_TRACE_DROP:
        add(&t, " drop %s (%s): %s", la_rule_name(ev->rule), la_rule_section(ev->rule),
            la_rule_text(ev->rule));
        break;
    case LA_TRACE_TIMER:
        add(&t, " timer %s", la_timer_name((enum la_timer_kind)ev->timer));
        break;
    case LA_TRACE_RECORD:
        add(&t, " close record %u", (unsigned)ev->serial);
        break;
    }
    return buf;
}
