/* nd.c: neighbour solicitation and advertisement (RFC 4861 §7, RFC 4862 §5.4, RFC 6980).
 * Only messages that cannot have passed a router are believed: hop limit 255, no fragment header.
 */
#include "base/endian.h"
#include "net/private.h"

/* Writes the message, its checksum included; returns its length. */
static uint32_t write_nd(uint8_t p[32], const struct ip_hdr *h, const struct ndp *m)
{
    uint32_t len = ndp_build(p, m);
    struct csum c = csum_pseudo(&h->src, &h->dst, IP_ICMPV6, len);

    csum_add(&c, p, len);
    put16(p + 2, csum_field(&c));
    return len;
}

static struct ip_hdr nd_header(const struct la_addr *src, const struct la_addr *dst)
{
    return (struct ip_hdr){.src = *src, .dst = *dst, .proto = IP_ICMPV6, .ttl = 255};
}

/* To a station of the link.  Never asks for a neighbour: this is how one is asked for. */
static void send_nd(struct net *n, struct iface *i, const struct la_addr *src,
                    const struct la_addr *dst, const struct mac *to, const struct ndp *m)
{
    const struct ip_hdr h = nd_header(src, dst);
    struct gather g = {.n = 0};
    uint8_t p[32];

    gather_add(&g, p, write_nd(p, &h, m));
    ip_output_to(n, &h, i, to, &g);
}

/* 33:33 and the last four bytes of the group (RFC 2464 §7). */
static struct mac group_mac(const struct la_addr *g)
{
    return (struct mac){{0x33, 0x33, g->b[12], g->b[13], g->b[14], g->b[15]}};
}

static struct ndp message(const struct iface *i, uint8_t type, const struct la_addr *target,
                          bool lladdr)
{
    struct ndp m = {.type = type, .has_lladdr = lladdr};

    if (target)
        m.target = *target;
    memcpy(m.lladdr.b, i->cfg.mac, 6);
    return m;
}

void nd_solicit(struct net *n, struct iface *i, const struct neighbour *nb,
                const struct la_addr *from)
{
    struct ndp m = message(i, ICMP6_NS, &nb->addr, true);
    struct la_addr dst = nb->addr;
    struct mac to;

    if (nb->state == NB_PROBE) {
        memcpy(to.b, nb->hdr, 6);
    } else {
        dst = solicited_node(&nb->addr);
        to = group_mac(&dst);
    }
    send_nd(n, i, from, &dst, &to, &m);
}

void nd_probe(struct net *n, struct iface *i, const struct la_addr *a)
{
    const struct la_addr any = LA_ADDR_ANY, dst = solicited_node(a);
    const struct mac to = group_mac(&dst);
    struct ndp m = message(i, ICMP6_NS, a, false);

    send_nd(n, i, &any, &dst, &to, &m);
}

void nd_announce(struct net *n, struct iface *i, const struct la_addr *a)
{
    const struct la_addr dst = ALL_NODES;
    const struct mac to = group_mac(&dst);
    struct ndp m = message(i, ICMP6_NA, a, true);

    m.override = true;
    send_nd(n, i, a, &dst, &to, &m);
}

void nd_solicit_routers(struct net *n, struct iface *i)
{
    const struct la_addr dst = ALL_ROUTERS, any = LA_ADDR_ANY;
    const struct mac to = group_mac(&dst);
    const struct ifaddr *src = iface_source(i, &dst);
    struct ndp m = message(i, ICMP6_RS, NULL, src != NULL);

    send_nd(n, i, src ? &src->addr : &any, &dst, &to, &m);
}

/* RFC 4861 §7.2.4. */
static void answer(struct net *n, struct iface *i, const struct rx *x, const struct la_addr *target,
                   la_ns now)
{
    struct ndp m = message(i, ICMP6_NA, target, true);

    m.override = true;
    net_note(n, NR_NS_ANSWERED);
    if (la_addr_is_any(&x->h.src)) {
        const struct la_addr all = ALL_NODES;
        const struct mac to = group_mac(&all);
        send_nd(n, i, target, &all, &to, &m);
        return;
    }
    const struct ip_hdr h = nd_header(target, &x->h.src);
    struct gather g = {.n = 0};
    uint8_t p[32];
    m.solicited = true;
    gather_add(&g, p, write_nd(p, &h, &m));
    ip_output(n, &h, i->index, &g, now);
}

/* RFC 4861 §7.2.3, RFC 4862 §5.4.3. */
static enum net_in solicitation(struct net *n, const struct rx *x, const struct ndp *m, la_ns now)
{
    struct iface *i = x->iface;
    bool anonymous = la_addr_is_any(&x->h.src), ours = memcmp(x->l2_src.b, i->cfg.mac, 6) == 0;
    const struct la_addr group = solicited_node(&m->target);

    if (anonymous && (m->has_lladdr || !ip_eq(&x->h.dst, &group)))
        return net_drop(n, NR_ND_BAD); /* §7.1.1 */
    struct ifaddr *a = iface_find(i, &m->target);
    if (!a || a->state == LA_ADDR_DUPLICATE || ours)
        return net_drop(n, NR_NS_NOT_OURS);
    if (a->state == LA_ADDR_TENTATIVE) {
        if (!anonymous)
            return net_drop(n, NR_IP_TENTATIVE);
        dad_duplicate(n, i, a);
        return net_drop(n, NR_DAD_DUPLICATE);
    }
    if (!anonymous && m->has_lladdr) {
        const struct nb_news news = {.mac = &m->lladdr, .override = true, .create = true};
        (void)nb_learn(n, i, &x->h.src, &news, now); /* what it has no use for is counted there */
    }
    answer(n, i, x, &a->addr, now);
    return NET_IN_DONE;
}

/* §7.2.5: a router that became a host routes nothing any more. */
static void no_router(struct net *n, const struct iface *i, const struct la_addr *router)
{
    const struct la_addr any = LA_ADDR_ANY;
    uint32_t r = route_find(n, &any, 0, i->index, router, ROUTE_RA);

    if (r)
        route_drop(n, r);
}

/* RFC 4861 §7.2.5, RFC 4862 §5.4.4. */
static enum net_in advertisement(struct net *n, const struct rx *x, const struct ndp *m, la_ns now)
{
    struct iface *i = x->iface;

    if (m->solicited && x->group)
        return net_drop(n, NR_ND_BAD); /* §7.1.2 */
    struct ifaddr *a = iface_find(i, &m->target);
    if (a && memcmp(x->l2_src.b, i->cfg.mac, 6) == 0)
        return net_drop(n, NR_NA_UNKNOWN); /* our own, come back */
    if (a && a->state == LA_ADDR_TENTATIVE) {
        dad_duplicate(n, i, a);
        return net_drop(n, NR_DAD_DUPLICATE);
    }
    if (a)
        return net_drop(n, NR_ADDR_CONFLICT);
    const struct nb_news news = {
        .mac = m->has_lladdr ? &m->lladdr : NULL,
        .solicited = m->solicited,
        .override = m->override,
        .set_router = true,
        .router = m->router,
    };
    enum net_rule useless = nb_learn(n, i, &m->target, &news, now);
    if (useless != NR_COUNT)
        return net_drop(n, useless);
    if (!m->router)
        no_router(n, i, &m->target);
    return NET_IN_DONE;
}

enum net_in nd_input(struct net *n, const struct rx *x, const struct slice *icmp, la_ns now)
{
    struct ndp m;

    if (x->fragmented)
        return net_drop(n, NR_ND_FRAGMENTED);
    if (x->h.ttl != 255)
        return net_drop(n, NR_ND_HOPS);
    if (!x->iface->ether)
        return net_drop(n, NR_ICMP_UNKNOWN); /* no neighbours on such a link */
    if (icmp->head.n < icmp->len || !ndp_parse(icmp->head.p, icmp->len, &m))
        return net_drop(n, NR_ND_BAD);
    if (la_addr_is_any(&x->h.src) && m.type != ICMP6_NS && m.type != ICMP6_RS)
        return net_drop(n, NR_ND_BAD);
    switch (m.type) {
    case ICMP6_NS:
        return solicitation(n, x, &m, now);
    case ICMP6_NA:
        return advertisement(n, x, &m, now);
    case ICMP6_RA:
        if (!ip_is_link_local(&x->h.src))
            return net_drop(n, NR_ND_BAD); /* §6.1.2 */
        return ra_input(n, x->iface, &x->h.src, &m, now);
    case ICMP6_RS:
        return net_drop(n, NR_RS_IGNORED);
    default: /* ICMP6_REDIRECT, the only one left that ndp_parse lets through */
        return net_drop(n, NR_REDIRECT_IGNORED);
    }
}
