/* icmp6.c: ICMPv6 (RFC 4443): ping, errors about our datagrams, errors that we report; the door to
 * neighbour discovery. */
#include "base/endian.h"
#include "net/private.h"

#define QUOTE_BYTES (IPV6_HLEN + 8U)

static bool may_answer(const struct ip_dgram *d, bool silent)
{
    uint8_t type;

    if (silent || !ip_is_valid_source(&d->h->src))
        return false;
    if (d->h->proto != IP_ICMPV6 || !d->payload.len)
        return true;
    slice_copy(&d->payload, 0, &type, 1);
    return type >= 128 && type != ICMP6_REDIRECT; /* §2.4 (e.1), (e.2) */
}

/* Sends head and the rest of the gathered parts from src (any: chosen here, the checksum needs it).
 */
static void send6(struct net *n, const struct ip_dgram *about, const struct la_addr *src,
                  const struct icmp_hdr *m, struct gather *g, uint8_t head[8], uint8_t tos,
                  la_ns now)
{
    int scope = ip_is_link_local(&about->h->src) ? about->ifx : -1;
    struct ip_hdr h = {.src = *src, .dst = about->h->src, .proto = IP_ICMPV6, .tos = tos};
    struct way w;

    if (route_way(n, &h.src, &h.dst, scope, &w) != LA_OK) {
        net_note(n, NR_SEND_NO_ROUTE);
        return;
    }
    struct csum c = csum_pseudo(&h.src, &h.dst, IP_ICMPV6, g->len);
    icmp_build(head, m);
    for (uint32_t k = 0; k < g->n; k++)
        csum_add(&c, g->part[k].p, g->part[k].n);
    put16(head + 2, csum_field(&c));
    ip_output(n, &h, scope, g, now);
}

void icmp6_error(struct net *n, const struct ip_dgram *d, bool silent, const struct icmp_hdr *m,
                 la_ns now)
{
    struct gather g = {.n = 0};
    uint8_t head[ICMP_HLEN];
    uint32_t room = ICMP6_ERROR_MAX - IPV6_HLEN - ICMP_HLEN,
             first = d->ip_len < room ? d->ip_len : room;
    struct la_addr src = d->h->dst;

    if (!may_answer(d, silent)) {
        net_note(n, NR_ICMP_ERR_REFUSED);
        return;
    }
    if (!icmp_may_send(n, now))
        return;
    net_note(n, NR_ICMP_ERR_SENT);
    if (ip_is_multicast(&src))
        src = LA_ADDR_ANY;
    gather_add(&g, head, ICMP_HLEN);
    gather_add(&g, d->ip, first);
    gather_slice(&g, &d->payload, 0, room - first);
    send6(n, d, &src, m, &g, head, 0, now);
}

/* To a group it is answered too, from an address of ours (§4.2). */
static enum net_in echo(struct net *n, const struct rx *x, const struct ip_dgram *d,
                        const struct icmp_hdr *m, la_ns now)
{
    const struct icmp_hdr reply = {.type = ICMP6_ECHO_REPLY, .rest = m->rest};
    struct gather g = {.n = 0};
    uint8_t head[ICMP_HLEN];
    struct la_addr src = x->group ? LA_ADDR_ANY : d->h->dst;

    if (!n->cfg->icmp_echo)
        return net_drop(n, NR_ICMP_ECHO_OFF);
    net_note(n, NR_ICMP_ECHO);
    gather_add(&g, head, ICMP_HLEN);
    gather_slice(&g, &d->payload, ICMP_HLEN, UINT32_MAX);
    send6(n, d, &src, &reply, &g, head, d->h->tos, now);
    return NET_IN_DONE;
}

static enum icmp_kind kind_of(uint8_t type, uint8_t code)
{
    if (type == ICMP6_TOO_BIG)
        return ICMP_KIND_PTB;
    /* Prohibited, port, source policy, reject route (§3.1): somebody decided so. */
    if (type == ICMP6_UNREACH && (code == 1 || code == 4 || code == 5 || code == 6))
        return ICMP_KIND_HARD;
    return ICMP_KIND_SOFT;
}

/* An error about a datagram that we are said to have sent.  Those of the transport carry no
 * extension headers. */
static enum net_in error(struct net *n, const struct ip_dgram *d, const struct icmp_hdr *m,
                         struct icmp_err *e)
{
    uint8_t q[QUOTE_BYTES];
    uint32_t k = d->payload.len - ICMP_HLEN;

    if (k < QUOTE_BYTES)
        return net_drop(n, NR_ICMP_QUOTE);
    slice_copy(&d->payload, ICMP_HLEN, q, QUOTE_BYTES);
    if (q[0] >> 4 != 6)
        return net_drop(n, NR_ICMP_QUOTE);
    *e = (struct icmp_err){
        .kind = kind_of(m->type, m->code),
        .local = ip_from_v6(q + 8),
        .remote = ip_from_v6(q + 24),
        .proto = q[6],
        .type = m->type,
        .code = m->code,
        .quoted_len = IPV6_HLEN + get16(q + 4),
    };
    if (ip_is_v4(&e->local) || ip_is_v4(&e->remote))
        return net_drop(n, NR_ICMP_QUOTE);
    if (e->kind == ICMP_KIND_PTB) {
        e->mtu = m->rest;
        if (e->mtu < PMTU_MIN_V6)
            return net_drop(n, NR_ICMP_PTB_SMALL);
    }
    return icmp_deliver(n, e, q + IPV6_HLEN, k - IPV6_HLEN);
}

enum net_in icmp6_input(struct net *n, const struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                        la_ns now)
{
    struct icmp_hdr m;

    if (!icmp_parse(d->payload.head.p, d->payload.head.n, &m))
        return net_drop(n, NR_ICMP_SHORT);
    if (x->csum == LA_CSUM_NONE) {
        struct csum c = csum_pseudo(&d->h->src, &d->h->dst, IP_ICMPV6, d->payload.len);
        slice_csum(&d->payload, &c);
        if (csum_fold(&c) != 0xffff)
            return net_drop(n, NR_ICMP_CSUM);
    }
    if (m.type >= ICMP6_RS && m.type <= ICMP6_REDIRECT)
        return nd_input(n, x, &d->payload, now);
    if (la_addr_is_any(&d->h->src))
        return net_drop(n, NR_IP_SOURCE);
    if (m.type < 128) /* unknown errors go to the transport too (§2.4 (a)) */
        return error(n, d, &m, e);
    if (m.type == ICMP6_ECHO)
        return echo(n, x, d, &m, now);
    return net_drop(n, NR_ICMP_UNKNOWN);
}
