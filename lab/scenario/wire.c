/* wire.c: what the network does: rules for segments, what it has seen, crashes. */
#include "lab/scenario/lab.h"

#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

/* ---- connections ---- */

static unsigned bucket_of(const struct la_endpoint *a, const struct la_endpoint *b)
{
    uint32_t h = (uint32_t)a->port * b->port + a->port + b->port; /* the same either way round */
    for (int i = 12; i < 16; i++)
        h = h * 31 + (uint32_t)(a->addr.b[i] ^ b->addr.b[i]);
    return h % CONN_BUCKETS;
}

/* The newest connection between the two; *side is a's. */
static struct wire_conn *conn_find(struct lab *lab, const struct la_endpoint *a,
                                   const struct la_endpoint *b, int *side)
{
    for (int i = lab->bucket[bucket_of(a, b)]; i >= 0; i = lab->conn[i].before) {
        struct wire_conn *c = &lab->conn[i];
        *side = endpoint_eq(&c->pub.left_end, a) ? 0 : 1;
        if ((endpoint_eq(&c->pub.left_end, a) && endpoint_eq(&c->pub.right_end, b)) ||
            (endpoint_eq(&c->pub.left_end, b) && endpoint_eq(&c->pub.right_end, a)))
            return c;
    }
    return NULL;
}

int wires_connection(struct lab *lab, const struct la_endpoint *a, const struct la_endpoint *b)
{
    int side;
    const struct wire_conn *c = conn_find(lab, a, b, &side);
    return c ? (int)(c - lab->conn) : -1;
}

static struct wire_conn *conn_new(struct lab *lab, const struct la_endpoint *a,
                                  const struct la_endpoint *b, int from, int to)
{
    unsigned at = bucket_of(a, b);
    la_ns now = sim_now(lab->sim);
    lab->conn = grown(lab->conn, lab->nconns, &lab->conn_room, sizeof *lab->conn);
    struct wire_conn *c = &lab->conn[lab->nconns];
    *c = (struct wire_conn){.host = {from, to}, .before = lab->bucket[at]};
    c->pub = (struct lab_connection){.left = lab->host[from],
                                     .right = lab->host[to],
                                     .left_end = *a,
                                     .right_end = *b,
                                     .from = now,
                                     .until = LA_NEVER};
    lab->bucket[at] = (int)lab->nconns++;
    return c;
}

/* The connection that a segment belongs to, new if the pair's last one is over. */
static struct wire_conn *conn_of(struct lab *lab, const struct sim_view *v, int from, int to,
                                 int *side)
{
    struct wire_conn *c = conn_find(lab, &v->src, &v->dst, side);
    if (c && !c->over)
        return c;
    la_ns until = sim_now(lab->sim);
    if (c)
        c->pub.until = until ? until - 1 : 0;
    bool opening[LAB_SIDES] = {c && c->opening[*side], c && c->opening[!*side]};
    c = conn_new(lab, &v->src, &v->dst, from, to);
    memcpy(c->opening, opening, sizeof opening);
    *side = 0;
    return c;
}

/* A SYN of our own on a pair that was used before is another connection, unless the other side is
 * opening it at this very time. */
void wires_trace(struct lab *lab, unsigned host, const struct la_trace *ev)
{
    int side;
    if (ev->kind != LA_TRACE_STATE && !(ev->kind == LA_TRACE_RECORD && ev->state != ev->state_to))
        return;
    lab->edges[ev->state][ev->state_to]++;
    if (!ev->local || !ev->remote)
        return;
    struct wire_conn *c = conn_find(lab, ev->local, ev->remote, &side);
    if (!c || c->host[side] != (int)host)
        return;
    if (ev->state_to == LA_SYN_SENT) {
        c->over |= !c->opening[!side];
        c->opening[side] = true;
    } else if (ev->kind == LA_TRACE_STATE) {
        c->opening[side] = false;
    }
}

/* ---- what went by ---- */

static bool is_kind(enum segment_kind k, const struct flow_seg *g, const struct flow_info *info)
{
    bool syn = g->flags & LA_TCP_SYN, ack = g->flags & LA_TCP_ACK;
    switch (k) {
    case SEGMENT_ANY:
        return true;
    case SEGMENT_SYN:
        return syn && !ack;
    case SEGMENT_SYN_ACK:
        return syn && ack;
    case SEGMENT_ACK:
        return info->pure_ack;
    case SEGMENT_DATA:
        return g->len > 0;
    case SEGMENT_FIN:
        return g->flags & LA_TCP_FIN;
    case SEGMENT_RST:
        return g->flags & LA_TCP_RST;
    case SEGMENT_CLOSING:
        return info->marks;
    case SEGMENT_LAST_ACK:
        return info->marks & FLOW_ACK_4;
    }
    return false;
}

static bool is_port(struct lab *lab, const struct expr *want, uint16_t port)
{
    if (!want)
        return true;
    struct value v = ask(&lab->scope, want);
    return v.kind == VALUE_NUMBER && v.n == port;
}

bool seen_matches(struct lab *lab, const struct selector *g, const struct seen *s)
{
    return is_kind(g->kind, &s->seg, &s->info) && (g->from < 0 || g->from == s->from) &&
           (g->to < 0 || g->to == s->to) && is_port(lab, g->from_port, s->sport) &&
           is_port(lab, g->to_port, s->dport);
}

static struct kept *keep_copy(struct lab *lab, const struct wire_ctx *w, int from,
                              const struct sim_view *v)
{
    struct kept *k = arena_take(&lab->arena, sizeof *k);
    *k = (struct kept){.lab = lab, .link = w->link, .from = from, .n = v->n};
    k->bytes = arena_take(&lab->arena, v->n);
    memcpy(k->bytes, v->frame, v->n);
    return k;
}

static void put_on_wire(void *ctx)
{
    const struct kept *k = ctx;
    inject_frame(k->lab, k->link, k->from, k->bytes, k->n);
}

static void apply(struct lab *lab, const struct wire_ctx *w, struct rule_state *r, int from,
                  const struct sim_view *v, struct sim_fate *fate)
{
    struct value by = r->rule->by ? ask(&lab->scope, r->rule->by) : no_value;
    la_ns later = by.n > 0 && by.n < INT64_MAX / 4 ? (la_ns)by.n : 0;
    struct kept *k;
    switch (r->rule->action) {
    case RULE_DROP:
        fate->action = SIM_DROP;
        break;
    case RULE_DELAY:
        fate->later = later;
        break;
    case RULE_HOLD:
        fate->action = SIM_HOLD;
        fate->tag = (unsigned)(r - lab->rule) + 1;
        break;
    case RULE_DUPLICATE:
        if (!r->rule->by)
            fate->copies = 1;
        else
            sim_at(lab->sim, v->now + later, put_on_wire, keep_copy(lab, w, from, v));
        break;
    case RULE_COPY:
        k = keep_copy(lab, w, from, v);
        k->name = r->rule->name;
        k->next = lab->kept;
        lab->kept = k;
        break;
    }
}

/* The first rule that applies decides; each counts what it matches.  A copy decides nothing. */
static void ask_rules(struct lab *lab, const struct wire_ctx *w, const struct seen *s,
                      const struct sim_view *v, struct sim_fate *fate)
{
    bool decided = false;
    for (unsigned i = 0; i < lab->nrules; i++) {
        struct rule_state *r = &lab->rule[i];
        if (!seen_matches(lab, r->rule->selector, s))
            continue;
        bool copies = r->rule->action == RULE_COPY;
        r->matched++;
        if ((decided && !copies) || r->matched < r->nth || r->matched - r->nth >= r->count)
            continue;
        r->applied++;
        decided |= !copies;
        apply(lab, w, r, s->from, v, fate);
    }
}

static int index_of(const struct lab *lab, const struct sim_host *h)
{
    for (unsigned i = 0; i < lab->scope.s->nhosts; i++) {
        if (lab->host[i] == h)
            return (int)i;
    }
    return 0;
}

/* Where the numbers of both sides start.  A RST teaches nothing: its numbers are those of the
 * segment that it answers, and absolute if that belonged to no connection. */
static void learn_bases(struct wire_conn *c, int side, const struct sim_view *v)
{
    if (v->seg.flags & LA_TCP_RST)
        return;
    c->base[side] = v->seg.seq - v->info.rel_seq;
    if (v->seg.flags & LA_TCP_ACK)
        c->base[!side] = v->seg.ack - v->info.rel_ack;
}

static void on_frame(void *ctx, const struct sim_view *v, struct sim_fate *fate)
{
    const struct wire_ctx *w = ctx;
    struct lab *lab = w->lab;
    int side;
    if (!v->is_tcp)
        return;
    struct seen s = {.at = v->now,
                     .from = index_of(lab, v->from),
                     .to = index_of(lab, v->to),
                     .sport = v->src.port,
                     .dport = v->dst.port,
                     .seg = v->seg,
                     .info = v->info};
    struct wire_conn *c = conn_of(lab, v, s.from, s.to, &side);
    c->pub.segments++;
    learn_bases(c, side, v);
    s.info.rel_seq = v->seg.seq - c->base[side];
    if (v->seg.flags & LA_TCP_ACK)
        s.info.rel_ack = v->seg.ack - c->base[!side];
    lab->seen = grown(lab->seen, lab->nseen, &lab->seen_room, sizeof *lab->seen);
    lab->seen[lab->nseen++] = s;
    ask_rules(lab, w, &s, v, fate);
}

void wires_release(struct lab *lab, const char *name)
{
    struct kept **at = &lab->kept;
    for (unsigned i = 0; i < lab->nrules; i++) {
        const char *is = lab->rule[i].rule->name;
        if (lab->rule[i].rule->action != RULE_HOLD || (name && !(is && strcmp(is, name) == 0)))
            continue;
        for (unsigned l = 0; l < lab->scope.s->nlinks; l++)
            sim_release(lab->link[l], i + 1);
    }
    while (*at) {
        struct kept *k = *at;
        if (name && !(k->name && strcmp(k->name, name) == 0)) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        put_on_wire(k);
    }
}

/* ---- starting and ending ---- */

static void add_rules(struct lab *lab, const struct wire_rule *r)
{
    for (; r && lab->nrules < LAB_RULES; r = r->next) {
        const struct selector *g = r->selector;
        struct value nth = g->nth ? ask(&lab->scope, g->nth) : (struct value){.n = 1};
        struct value count = g->count ? ask(&lab->scope, g->count) : (struct value){.n = 1};
        lab->rule[lab->nrules++] =
            (struct rule_state){.rule = r, .nth = nth.n, .count = g->every ? INT64_MAX : count.n};
    }
}

void wires_start(struct lab *lab)
{
    const struct variant *v = lab->scope.variant;
    for (unsigned i = 0; i < CONN_BUCKETS; i++)
        lab->bucket[i] = -1;
    add_rules(lab, lab->scope.s->base.rules);
    add_rules(lab, v->body ? v->body->rules : NULL);
    for (unsigned i = 0; i < lab->scope.s->nlinks; i++) {
        lab->wire[i] = (struct wire_ctx){.lab = lab, .link = (int)i};
        sim_set_filter(lab->link[i], on_frame, &lab->wire[i]);
    }
}

/* A rule that met less than it was written for is a scenario that does not show what it says. */
void wires_finish(struct lab *lab)
{
    for (unsigned i = 0; i < lab->nrules; i++) {
        const struct rule_state *r = &lab->rule[i];
        bool enough = r->rule->selector->every ? r->applied > 0 : r->applied >= r->count;
        if (!enough)
            verdict(lab, r->rule->place, false, r->rule->source,
                    "it met %lld such segments, and applied to %lld", (long long)r->matched,
                    (long long)r->applied);
    }
}

/* ---- hosts that crash ---- */

static void cut_host(struct lab *lab, unsigned host, bool off)
{
    for (unsigned i = 0; i < lab->scope.s->nlinks; i++) {
        const struct link_def *l = &lab->scope.s->link[i];
        if (l->a != (int)host && l->b != (int)host)
            continue;
        sim_wire_from(lab->link[i], lab->host[l->a])->cut = off;
        sim_wire_from(lab->link[i], lab->host[l->b])->cut = off;
    }
}

static struct la_addr address(int link, int end, bool ip6)
{
    if (!ip6)
        return la_addr_v4(10, 0, (uint8_t)link, (uint8_t)(end + 1));
    return (struct la_addr){{0xfd, [7] = (uint8_t)link, [15] = (uint8_t)(end + 1)}};
}

struct la_addr host_addr(const struct lab *lab, int link, int host)
{
    return address(link, lab->scope.s->link[link].a == host ? 0 : 1, lab->settled->ip6[link]);
}

void host_addresses(struct lab *lab, unsigned host)
{
    for (unsigned i = 0; i < lab->scope.s->nlinks; i++) {
        int ifx = sim_link_ifx(lab->link[i], lab->host[host]);
        if (ifx < 0)
            continue;
        struct la_addr a = host_addr(lab, (int)i, (int)host);
        (void)la_addr_add(sim_stack(lab->host[host]), ifx, &a, lab->settled->ip6[i] ? 64 : 24,
                          sim_now(lab->sim));
    }
}

void host_crash(struct lab *lab, unsigned host)
{
    if (lab->down[host])
        return;
    keep_records(lab, host);
    lab->boots[host]++;
    lab->down[host] = true;
    cut_host(lab, host, true);
    (void)sim_host_restart(lab->host[host], &lab->settled->host[host]);
}

void host_restart(struct lab *lab, unsigned host)
{
    host_crash(lab, host);
    lab->down[host] = false;
    cut_host(lab, host, false);
    host_addresses(lab, host);
    fibers_start(lab, (int)host);
}
