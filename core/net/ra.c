/* ra.c: what routers advertise (RFC 4861 §6.3, RFC 4862 §5.5).  Routers and on-link prefixes become
 * routes with a lifetime; autonomous prefixes become addresses.  Only on interfaces with `slaac`.
 *
 * DEVIATION N2: redirects are counted and not followed (RFC 4861 §8.3 and RFC 1122 §3.2.2.2 want
 * them to be).  A router that sends one forwards the datagram all the same, and believing them lets
 * any station of the link take over a conversation. */
#include "net/private.h"

void ra_start(struct net *n, struct iface *i, la_ns now)
{
    if (!i->cfg.slaac || !i->ether || !i->v6)
        return;
    i->rs_sent = 0;
    timer_set(n, TIMER_RS, (uint32_t)i->index, now);
}

void ra_due(struct net *n, struct iface *i, la_ns now)
{
    nd_solicit_routers(n, i);
    if (++i->rs_sent < MAX_RTR_SOLICITATIONS)
        timer_set(n, TIMER_RS, (uint32_t)i->index, now + RTR_SOLICITATION_INTERVAL);
}

static la_ns until(la_ns now, uint32_t seconds)
{
    return seconds == UINT32_MAX ? LA_NEVER : later(now, LA_SEC(seconds));
}

/* Adds, renews or (seconds 0) ends an advertised route. */
static void set_route(struct net *n, const struct route *like, uint32_t seconds, la_ns now)
{
    uint32_t r = route_find(n, &like->dst, like->plen, like->ifx, like->gateway ? &like->gw : NULL,
                            ROUTE_RA);

    if (seconds == 0) {
        if (r)
            route_drop(n, r);
        return;
    }
    struct route x = *like;
    x.origin = ROUTE_RA;
    x.until = until(now, seconds);
    if (r) {
        struct route *old = pool_at(&n->routes, r);
        old->until = x.until;
        if (x.until == LA_NEVER)
            timer_stop(n, TIMER_ROUTE, r);
        else
            timer_set(n, TIMER_ROUTE, r, x.until);
        return;
    }
    if (n->ra_routes == RA_ROUTES || route_add(n, &x) != LA_OK)
        net_note(n, NR_RA_LIMIT);
}

/* RFC 4862 §5.5.3 (e): new lifetimes for an address that was made from this prefix. */
static void renew(struct net *n, struct iface *i, struct ifaddr *a, const struct ndp_prefix *p,
                  la_ns now)
{
    la_ns valid = until(now, p->valid_s);
    la_ns left = a->valid_until == LA_NEVER ? LA_NEVER : a->valid_until - now;

    if (p->valid_s > TWO_HOURS / LA_SEC(1) || valid > a->valid_until) {
        a->valid_until = valid;
    } else {
        net_note(n, NR_RA_TWO_HOURS);
        if (left > TWO_HOURS)
            a->valid_until = now + TWO_HOURS;
    }
    a->preferred_until = until(now, p->preferred_s);
    if (a->ready) {
        uint8_t state = a->preferred_until > now ? LA_ADDR_PREFERRED : LA_ADDR_DEPRECATED;
        if (state != a->state)
            n->epoch++;
        a->state = state;
    }
    iface_addr_arm(n, i, a);
}

/* The interface identifier of the MAC behind the prefix. */
static void form(struct net *n, struct iface *i, const struct ndp_prefix *p, la_ns now)
{
    const uint8_t *m = i->cfg.mac;
    const uint8_t id[8] = {m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
    struct ifaddr a = {.addr = p->prefix,
                       .plen = p->len,
                       .slaac = true,
                       .preferred_until = until(now, p->preferred_s),
                       .valid_until = until(now, p->valid_s)};

    memcpy(a.addr.b + 8, id, 8);
    if (iface_find(i, &a.addr))
        return; /* configured by hand: stays as it is */
    if (iface_addr_add(n, i, &a, now, NULL) != LA_OK)
        net_note(n, NR_RA_LIMIT);
}

static void autonomous(struct net *n, struct iface *i, const struct ndp_prefix *p, la_ns now)
{
    if (p->preferred_s > p->valid_s || p->len != 64 || !ip_is_valid_source(&p->prefix)) {
        net_note(n, NR_RA_PREFIX_IGNORED); /* (c), and 64 + 64 bits make an address */
        return;
    }
    for (uint32_t k = 0; k < i->naddr; k++) {
        struct ifaddr *a = &i->addr[k];
        if (a->used && a->slaac && ip_prefix_eq(&a->addr, &p->prefix, p->len)) {
            renew(n, i, a, p, now);
            return;
        }
    }
    if (p->valid_s)
        form(n, i, p, now);
}

static void set_parameters(struct net *n, struct iface *i, const struct ndp *m)
{
    if (m->hop_limit)
        i->hop_limit = m->hop_limit;
    if (m->reachable_ms && m->reachable_ms <= REACHABLE_MAX_MS &&
        LA_MSEC(m->reachable_ms) != i->base_reachable) {
        i->base_reachable = LA_MSEC(m->reachable_ms);
        i->reachable = i->base_reachable / 2 + net_jitter(n, i->base_reachable);
    }
    if (m->retrans_ms) {
        uint32_t ms = m->retrans_ms < RETRANS_MIN_MS ? RETRANS_MIN_MS : m->retrans_ms;
        i->retrans = LA_MSEC(ms > RETRANS_MAX_MS ? RETRANS_MAX_MS : ms);
    }
    if (m->mtu && (m->mtu < PMTU_MIN_V6 || m->mtu > i->cfg.mtu)) {
        net_note(n, NR_RA_MTU_IGNORED);
    } else if (m->mtu && m->mtu != i->mtu6) {
        i->mtu6 = m->mtu;
        n->epoch++;
    }
}

enum net_in ra_input(struct net *n, struct iface *i, const struct la_addr *router,
                     const struct ndp *m, la_ns now)
{
    if (!i->cfg.slaac)
        return net_drop(n, NR_RA_IGNORED);
    net_note(n, NR_RA_TAKEN);
    if (m->router_s)
        timer_stop(n, TIMER_RS, (uint32_t)i->index); /* §6.3.7: no more solicitations */
    set_parameters(n, i, m);
    const struct nb_news news = {.mac = m->has_lladdr ? &m->lladdr : NULL,
                                 .override = true,
                                 .create = true,
                                 .set_router = true,
                                 .router = true};
    (void)nb_learn(n, i, router, &news, now); /* without a link-layer address nothing is learned */
    const struct route def = {.gw = *router, .ifx = i->index, .gateway = true};
    set_route(n, &def, m->router_s, now);
    for (uint32_t k = 0; k < m->nprefix; k++) {
        const struct ndp_prefix *p = &m->prefix[k];
        const struct route on_link = {.dst = p->prefix, .plen = p->len, .ifx = i->index};
        if (p->on_link)
            set_route(n, &on_link, p->valid_s, now);
        if (p->autonomous)
            autonomous(n, i, p, now);
    }
    return NET_IN_DONE;
}
