/* datagram.c: datagrams from a script's packets, and the ICMP that the stack sends. */
#include "drill/segment.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

#include <string.h>

/* What the stack called this TSval of its own.  One that no script line named follows the last one
 * that was. */
static uint32_t live_stamp(const struct flow *f, uint32_t script)
{
    for (unsigned i = f->nstamps; i-- > 0;)
        if (f->stamp[i].script == script)
            return f->stamp[i].live;
    if (!f->nstamps || script == 0)
        return script;
    return f->stamp[f->nstamps - 1].live + script - f->stamp[f->nstamps - 1].script;
}

static uint8_t *put_option(uint8_t *p, const struct tcp_option *o, const struct flow *f)
{
    switch (o->kind) {
    case DRILL_OPT_NOP:
        *p++ = 1;
        break;
    case DRILL_OPT_EOL:
        *p++ = 0;
        break;
    case DRILL_OPT_MSS:
        put32(p, 2U << 24 | 4U << 16 | o->value);
        p += 4;
        break;
    case DRILL_OPT_WSCALE:
        *p++ = 3;
        *p++ = 3;
        *p++ = (uint8_t)o->value;
        break;
    case DRILL_OPT_SACKOK:
        *p++ = 4;
        *p++ = 2;
        break;
    case DRILL_OPT_SACK:
        *p++ = 5;
        *p++ = (uint8_t)(2 + 8 * o->nsack);
        for (int i = 0; i < o->nsack; i++, p += 8) {
            put32(p, flow_live(f, o->sack[i][0]));
            put32(p + 4, flow_live(f, o->sack[i][1]));
        }
        break;
    case DRILL_OPT_TS:
        *p++ = 8;
        *p++ = 10;
        put32(p, o->value);
        put32(p + 4, live_stamp(f, o->ecr));
        p += 8;
        break;
    case DRILL_OPT_FO:
    case DRILL_OPT_FOEXP:
        *p++ = o->kind == DRILL_OPT_FO ? 34 : 254;
        *p++ = (uint8_t)(o->nbytes + (o->kind == DRILL_OPT_FO ? 2 : 4));
        if (o->kind == DRILL_OPT_FOEXP) {
            put16(p, 0xf989);
            p += 2;
        }
        memcpy(p, o->bytes, o->nbytes);
        p += o->nbytes;
        break;
    case DRILL_OPT_RAW:
        memcpy(p, o->bytes, o->nbytes);
        p += o->nbytes;
        break;
    }
    return p;
}

static uint8_t tos_of(const struct ip_info *ip)
{
    static const uint8_t bits[] = {
        [DRILL_ECN_ECT0] = 2, [DRILL_ECN_ECT1] = 1, [DRILL_ECN_ECT01] = 2, [DRILL_ECN_CE] = 3};
    return (uint8_t)(ip->tos | (ip->ecn < sizeof bits ? bits[ip->ecn] : 0));
}

static struct ip_hdr header_of(const struct script_config *c, const struct packet *p, uint8_t proto)
{
    const struct ip_info *i = &p->ip;

    return (struct ip_hdr){.src = i->has_src ? i->src : c->remote,
                           .dst = i->has_dst ? i->dst : c->local,
                           .proto = i->has_proto ? i->proto : proto,
                           .ttl = i->has_ttl ? i->ttl : 64,
                           .tos = tos_of(i),
                           .flow = i->flow,
                           .id = (uint16_t)i->id,
                           .df = i->df};
}

/* The datagram's payload begins at buf + HEADER_ROOM: in front of it there is room for any header.
 */
#define HEADER_ROOM 64U

/* Cuts the fragment out of n bytes of payload, and gives it its header.  Returns what is left. */
static uint32_t fragment(uint8_t **payload, uint32_t n, const struct ip_info *i, struct ip_hdr *ip)
{
    uint32_t to = i->to < n ? i->to : n;
    uint32_t from = i->from < to ? i->from : to;
    bool more = to < n, v4 = ip_is_v4(&ip->src);
    uint8_t *p = *payload + from;

    n = to - from;
    if (v4) {
        ip->offset = (uint16_t)from;
        ip->more = more;
        ip->id = (uint16_t)(i->has_id ? i->id : 1);
    } else {
        p -= 8;
        n += 8;
        put32(p, (uint32_t)ip->proto << 24 | from | more);
        put32(p + 4, i->has_id ? i->id : 1);
        ip->proto = IP_V6_FRAGMENT;
    }
    *payload = p;
    return n;
}

/* Sets the datagram around n bytes of payload at buf + HEADER_ROOM, and moves it to buf. */
static uint32_t finish(uint8_t *buf, const struct ip_info *i, struct ip_hdr *ip, uint32_t n)
{
    uint8_t head[IPV6_HLEN], *payload = buf + HEADER_ROOM;
    struct csum sum = {0};

    if (i->has_frag)
        n = fragment(&payload, n, i, ip);
    uint32_t hlen = ip_build(head, ip, n);
    memmove(buf + hlen + i->noptions, payload, n);
    memcpy(buf, head, hlen);
    if (i->noptions) {
        memcpy(buf + hlen, i->options, i->noptions);
        hlen += i->noptions;
        buf[0] = (uint8_t)(0x40 | hlen / 4);
        put16(buf + 2, (uint16_t)(hlen + n));
        put16(buf + 10, 0);
        csum_add(&sum, buf, hlen);
        put16(buf + 10, csum_field(&sum));
    }
    return hlen + n;
}

static uint32_t tcp_datagram(uint8_t *buf, const struct script_config *c, const struct flow *f,
                             const struct packet *p)
{
    const struct tcp_spec *t = &p->tcp;
    struct ip_hdr ip = header_of(c, p, IP_TCP);
    struct tcp_hdr h = {.sport = f->rport,
                        .dport = f->lport,
                        .seq = {t->seq.start},
                        .ack = {t->has_ack ? flow_live(f, t->ack) : 0},
                        .flags = t->flags,
                        .hlen = (uint8_t)(TCP_HLEN + t->option_bytes),
                        .wnd = t->win,
                        .up = t->urg};
    uint32_t n = h.hlen + t->seq.len;
    uint8_t *tcp = buf + HEADER_ROOM, *o = tcp + TCP_HLEN;
    /* Where the first byte is in the peer's stream, which begins behind the SYN. */
    uint32_t pos = t->seq.start - f->peer_syn - !(t->flags & TCP_SYN);
    struct csum sum = csum_pseudo(&ip.src, &ip.dst, IP_TCP, n);

    memset(o, 0, t->option_bytes);
    for (const struct tcp_option *i = t->option; i; i = i->next)
        o = put_option(o, i, f);
    (void)tcp_build(tcp, &h);
    for (uint32_t i = 0; i < t->seq.len; i++)
        tcp[h.hlen + i] = stream_byte(pos + i);
    csum_add(&sum, tcp, n);
    put16(tcp + 16, csum_field(&sum) ^ p->ip.badsum);
    return finish(buf, &p->ip, &ip, n);
}

/* The message quotes the IP header and eight bytes of a segment of ours. */
static uint32_t icmp_datagram(uint8_t *buf, const struct script_config *c, const struct flow *f,
                              const struct packet *p)
{
    const struct icmp_spec *m = &p->icmp;
    struct ip_hdr ip = header_of(c, p, c->v6 ? IP_ICMPV6 : IP_ICMP);
    struct ip_hdr quoted = {
        .src = c->local, .dst = c->remote, .proto = IP_TCP, .ttl = 64, .df = true};
    struct icmp_hdr h = {m->type, m->code, m->mtu};
    uint32_t n = ICMP_HLEN + (c->v6 ? IPV6_HLEN : IPV4_HLEN) + 8;
    uint8_t *icmp = buf + HEADER_ROOM;
    uint8_t *tcp;
    struct csum sum = {0};

    icmp_build(icmp, &h);
    tcp = icmp + ICMP_HLEN;
    tcp += ip_build(tcp, &quoted, TCP_HLEN + m->echoed.len);
    put32(tcp, (uint32_t)f->lport << 16 | f->rport);
    put32(tcp + 4, flow_live(f, m->echoed.start));
    if (c->v6)
        sum = csum_pseudo(&ip.src, &ip.dst, IP_ICMPV6, n);
    csum_add(&sum, icmp, n);
    put16(icmp + 2, csum_field(&sum) ^ p->ip.badsum);
    return finish(buf, &p->ip, &ip, n);
}

uint32_t segment_build(uint8_t *buf, const struct script_config *c, const struct flow *f,
                       const struct packet *p)
{
    return p->is_icmp ? icmp_datagram(buf, c, f, p) : tcp_datagram(buf, c, f, p);
}

/* ---- ICMP that the stack sent ---- */

bool icmp_seen(const struct sent *s, struct packet *out, const char **bad)
{
    struct ip_hdr ip;
    struct icmp_hdr h;
    uint16_t at;
    uint8_t code;
    bool v6 = s->n && s->bytes[0] >> 4 == 6;
    enum ip_bad why = v6 ? ipv6_parse(s->bytes, s->n, s->n, &ip, &at, &code)
                         : ipv4_parse(s->bytes, s->n, s->n, false, &ip);
    struct csum sum = {0};

    memset(out, 0, sizeof *out);
    *bad = NULL;
    if (why != IP_OK || ip.fragment || ip.proto != (v6 ? IP_ICMPV6 : IP_ICMP))
        return false;
    const uint8_t *p = s->bytes + ip.hlen, *quote = p + ICMP_HLEN;
    uint32_t n = ip.total - ip.hlen, qlen = v6 ? IPV6_HLEN : IPV4_HLEN;

    if (!icmp_parse(p, n, &h))
        return false;
    if (v6)
        sum = csum_pseudo(&ip.src, &ip.dst, IP_ICMPV6, n);
    csum_add(&sum, p, n);
    if (csum_fold(&sum) != 0xffff)
        *bad = "its checksum is wrong";
    out->is_icmp = true;
    out->ip = (struct ip_info){.tos = ip.tos, .ttl = ip.ttl, .src = ip.src, .dst = ip.dst};
    out->icmp = (struct icmp_spec){.type = h.type, .code = h.code, .mtu = h.rest};
    if (!v6 && n > ICMP_HLEN)
        qlen = 4U * (*quote & 15U);
    if (n >= ICMP_HLEN + qlen + 8) {
        uint32_t start = get32(quote + qlen + 4);
        out->icmp.has_echoed = true;
        out->icmp.echoed = (struct seg_numbers){start, start, 0};
    }
    return true;
}
