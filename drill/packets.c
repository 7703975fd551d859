/* packets.c: packets of a run: which connection they belong to, injecting, comparing. */
#include "drill/info.h"
#include "drill/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- flows ---- */

static struct flow *find(const struct run *r, uint16_t lport, uint16_t rport)
{
    for (struct flow *f = r->flows; f; f = f->next)
        if (f->lport == lport && f->rport == rport)
            return f;
    return NULL;
}

static struct flow *flow_of(struct run *r, uint16_t lport, uint16_t rport)
{
    struct flow *f = find(r, lport, rport);

    if (f)
        return f;
    f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->lport = lport;
    f->rport = rport;
    f->next = r->flows;
    r->flows = f;
    return f;
}

void flows_free(struct run *r)
{
    struct flow *next;

    for (struct flow *f = r->flows; f; f = next) {
        next = f->next;
        free(f);
    }
}

bool flow_value(const struct run *r, const char *name, int64_t *value)
{
    const struct flow *f = r->flow;

    *value = 0;
    if (!f || !flow_known(name))
        return false;
    *value = *name == 'i' ? f->isn_live : *name == 't' ? f->tsval : f->lport;
    return true;
}

/* From now on a SYN without ports comes from a new peer. */
void flow_listen(struct run *r, uint16_t port)
{
    r->listen_port = port;
    r->flow = NULL;
}

/* The flow of a packet to inject: its ports', or the one in hand, or a new one to our listener. */
static struct flow *inbound_flow(struct run *r, const struct packet *p)
{
    if (p->tcp.has_ports)
        r->flow = flow_of(r, p->tcp.dport, p->tcp.sport);
    else if (!r->flow)
        r->flow =
            flow_of(r, r->listen_port ? r->listen_port : r->s->config.bind_port, r->next_port++);
    return r->flow;
}

void packet_inject(struct run *r, const struct event *e)
{
    uint8_t buf[DATAGRAM_MAX];
    char text[RUN_TEXT];
    const struct packet *p = &e->packet;
    struct flow *f = inbound_flow(r, p);

    if (!p->is_icmp && (p->tcp.flags & (LA_TCP_SYN | LA_TCP_RST)) == LA_TCP_SYN) {
        f->isn_due |=
            !(p->tcp.flags & LA_TCP_ACK) && f->peer_syn_known && f->peer_syn != p->tcp.seq.start;
        f->peer_syn_known = true;
        f->peer_syn = p->tcp.seq.start;
    }
    run_tell(r, e, segment_text(p, text, sizeof text));
    r->held = p->ip.burst;
    world_inject(r, buf, segment_build(buf, &r->s->config, f, p));
}

/* ---- what the stack sent ---- */

void packet_unexpected(struct run *r, const struct event *e, const struct sent *s, const char *why)
{
    struct live l;
    struct packet icmp;
    const char *bad;

    run_fail(r, e, "%s", why);
    if (icmp_seen(s, &icmp, &bad)) {
        segment_text(&icmp, r->failure->actual, RUN_TEXT);
        return;
    }
    if (!segment_parse(s, &l, &bad)) {
        snprintf(r->failure->actual, RUN_TEXT, "> a datagram that is no TCP");
        return;
    }
    struct flow *f = find(r, l.sport, l.dport);
    if (f)
        segment_map(&l, f, &e->packet);
    segment_text(&l.packet, r->failure->actual, RUN_TEXT);
}

/* The flow of a segment that the stack sent.  A SYN after connect makes one. */
static struct flow *outbound_flow(struct run *r, const struct live *l, const struct packet *want)
{
    struct flow *f = find(r, l->sport, l->dport);
    bool syn = (l->packet.tcp.flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN;

    if (syn && r->connecting) {
        r->connecting = false;
        f = flow_of(r, l->sport, l->dport);
        f->isn_due = true;
        f->peer_syn_known = false;
        r->flow = f;
    }
    if (want->tcp.has_ports)
        return l->sport == want->tcp.sport && l->dport == want->tcp.dport ? (r->flow = f) : NULL;
    return f == r->flow ? f : NULL;
}

static bool pattern_holds(const struct run *r, const struct live *l, const struct flow *f)
{
    const struct seg_numbers *n = &l->packet.tcp.seq;

    if (r->own_bytes || !f->isn_known)
        return true;
    for (uint32_t i = 0; i < n->len; i++)
        if (l->payload[i] != stream_byte((uint32_t)(n->start - f->isn_script - 1 + i)))
            return false;
    return true;
}

static bool in_time(const struct run *r, const struct event *e, la_ns at)
{
    la_ns tolerance = r->s->config.tolerance;
    la_ns from = e->when.at, to = e->when.range ? e->when.end : e->when.at;

    if (e->when.kind == WHEN_ANY)
        return true;
    if (e->when.kind == WHEN_RELATIVE) {
        from += r->base;
        to += r->base;
    }
    return at + tolerance >= from && at <= to + tolerance;
}

/* The segment's place in time becomes the base of the next event's. */
static void rebase(struct run *r, const struct event *e, la_ns at)
{
    if (e->when.kind == WHEN_ANY || e->when.range)
        r->base = at;
    else
        r->base = e->when.at + (e->when.kind == WHEN_RELATIVE ? r->base : 0);
}

static void compare(struct run *r, const struct event *e, const struct sent *s, struct live *l)
{
    char why[200], text[RUN_TEXT];
    la_ns at = s->at - RUN_ORIGIN;
    struct flow *f = outbound_flow(r, l, &e->packet);

    if (!f) {
        snprintf(why, sizeof why, "the segment is of another connection: port %u to port %u",
                 l->sport, l->dport);
        packet_unexpected(r, e, s, why);
        return;
    }
    segment_map(l, f, &e->packet);
    l->packet.tcp.has_ports = e->packet.tcp.has_ports;
    l->packet.tcp.sport = l->sport;
    l->packet.tcp.dport = l->dport;
    if (!segment_matches(&r->s->config, &e->packet, l, f, why)) {
        packet_unexpected(r, e, s, why);
        return;
    }
    if (!in_time(r, e, at)) {
        snprintf(why, sizeof why, "the segment left at %llu.%06llu s",
                 (unsigned long long)(at / LA_SEC(1)), (unsigned long long)(at % LA_SEC(1) / 1000));
        packet_unexpected(r, e, s, why);
        return;
    }
    if (!pattern_holds(r, l, f)) {
        packet_unexpected(r, e, s, "its bytes are not those that were written");
        return;
    }
    if ((l->packet.tcp.flags & (LA_TCP_SYN | LA_TCP_ACK)) == (LA_TCP_SYN | LA_TCP_ACK))
        f->peer_syn = l->packet.tcp.ack - 1;
    rebase(r, e, at);
    run_tell(r, e, segment_text(&l->packet, text, sizeof text));
}

/* An ICMP message is expected. */
static void take_icmp(struct run *r, const struct event *e)
{
    struct packet got;
    char why[200], text[RUN_TEXT];
    la_ns at = r->sent->at - RUN_ORIGIN;
    const char *bad;

    if (!icmp_seen(r->sent, &got, &bad)) {
        packet_unexpected(r, e, r->sent, "it is no ICMP message");
    } else if (bad) {
        packet_unexpected(r, e, r->sent, bad);
    } else if (!icmp_matches(&e->packet, &got, why)) {
        packet_unexpected(r, e, r->sent, why);
    } else if (!in_time(r, e, at)) {
        packet_unexpected(r, e, r->sent, "the message left at another time");
    } else {
        rebase(r, e, at);
        run_tell(r, e, segment_text(&got, text, sizeof text));
    }
}

static void drop_first(struct run *r)
{
    struct sent *s = r->sent;

    r->sent = s->next;
    if (!r->sent)
        r->sent_end = &r->sent;
    free(s);
}

/* Scripts for other systems see what an offloading device would: one segment of several MSS.  What
 * follows the first one without a gap, at the same time, is added to it until it is as long as the
 * script says.  Returns the payload's new place, which the caller frees, or NULL. */
static uint8_t *join(struct run *r, const struct packet *want, struct live *l)
{
    struct seg_numbers *n = &l->packet.tcp.seq;
    uint8_t *bytes = NULL, *more;
    const char *bad;

    if (strcmp(r->s->config.profile, "rfc") == 0 || want->tcp.seq.len > DATAGRAM_MAX)
        return NULL;
    while (r->sent->next && n->len && n->len < want->tcp.seq.len) {
        struct live next;

        if (!segment_parse(r->sent->next, &next, &bad) || bad || next.sport != l->sport ||
            next.dport != l->dport || next.at != l->at || next.raw_seq != l->raw_seq + n->len ||
            next.packet.tcp.ack != l->packet.tcp.ack || !next.packet.tcp.seq.len)
            break;
        more = realloc(bytes, n->len + next.packet.tcp.seq.len);
        if (!more)
            abort();
        if (!bytes)
            memcpy(more, l->payload, n->len);
        memcpy(more + n->len, next.payload, next.packet.tcp.seq.len);
        l->payload = bytes = more;
        l->packet.tcp.flags |= next.packet.tcp.flags;
        n->len += next.packet.tcp.seq.len;
        n->end = n->start + n->len;
        struct sent *rest = r->sent->next->next;
        free(r->sent->next);
        r->sent->next = rest;
        if (!rest)
            r->sent_end = &r->sent->next;
    }
    return bytes;
}

void packet_take(struct run *r, const struct event *e)
{
    struct live l;
    const char *bad;

    if (e->packet.is_icmp) {
        take_icmp(r, e);
        drop_first(r);
        r->next = e->next;
        return;
    }
    bool tcp = segment_parse(r->sent, &l, &bad);
    if (bad) {
        packet_unexpected(r, e, r->sent, bad);
    } else if (tcp) {
        uint8_t *joined = join(r, &e->packet, &l);
        compare(r, e, r->sent, &l);
        free(joined);
    }
    drop_first(r);
    if (tcp)
        r->next = e->next;
}
