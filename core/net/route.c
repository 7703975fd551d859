/* route.c: where a datagram goes: longest prefix, gateways, sources (RFC 1122 §3.3.1, RFC 4861
 * §5.2, §6.3.6).
 *
 * Prefixes of addresses, configured routes and what routers advertise are all routes of one table,
 * in a list per family, the longest prefix first.  Nobody looks there on the data path: a net_path
 * keeps what was found, and n->epoch tells it when to look again. */
#include "net/private.h"

static struct route *route_at(const struct net *n, uint32_t i)
{
    return pool_at(&n->routes, i);
}

/* Longer prefixes first; of equal ones, in the order in which they came, configured before
 * advertised. */
static bool comes_before(const struct route *a, const struct route *b)
{
    if (a->plen != b->plen)
        return a->plen > b->plen;
    return a->origin != ROUTE_RA && b->origin == ROUTE_RA;
}

int route_add(struct net *n, const struct route *like)
{
    uint32_t i;
    struct route *r = timer_room(n) ? pool_get(&n->routes, &i) : NULL;

    if (!r)
        return LA_ENOMEM;
    *r = *like;
    r->timer = HEAP_NONE;
    uint32_t *at = &n->route_head[ip_is_v4(&r->dst) ? 0 : 1];
    while (*at && !comes_before(r, route_at(n, *at)))
        at = &route_at(n, *at)->next;
    r->next = *at;
    *at = i;
    if (r->origin == ROUTE_RA)
        n->ra_routes++;
    if (r->until != LA_NEVER)
        timer_set(n, TIMER_ROUTE, i, r->until);
    n->epoch++;
    return LA_OK;
}

void route_drop(struct net *n, uint32_t index)
{
    struct route *r = route_at(n, index);
    uint32_t *at = &n->route_head[ip_is_v4(&r->dst) ? 0 : 1];

    while (*at != index) {
        LA_ASSERT(*at);
        at = &route_at(n, *at)->next;
    }
    *at = r->next;
    timer_stop(n, TIMER_ROUTE, index);
    if (r->origin == ROUTE_RA)
        n->ra_routes--;
    pool_put(&n->routes, index);
    n->epoch++;
}

void route_due(struct net *n, uint32_t index)
{
    net_note(n, NR_ROUTE_EXPIRED);
    route_drop(n, index);
}

uint32_t route_find(const struct net *n, const struct la_addr *dst, unsigned plen, int ifx,
                    const struct la_addr *gw, enum route_origin origin)
{
    for (uint32_t i = n->route_head[ip_is_v4(dst) ? 0 : 1]; i; i = route_at(n, i)->next) {
        const struct route *r = route_at(n, i);
        if (r->plen != plen || r->ifx != ifx || r->origin != origin || !ip_eq(&r->dst, dst))
            continue;
        if (gw ? r->gateway && ip_eq(&r->gw, gw) : !r->gateway || origin == ROUTE_STATIC)
            return i;
    }
    return 0;
}

/* How promising a gateway is (RFC 4861 §6.3.6, RFC 1122 §3.3.1.5): 2 known, 1 unknown, 0 silent. */
static int promise(const struct net *n, const struct route *r)
{
    if (!r->gateway || !n->ifs[r->ifx].ether)
        return 2;
    uint32_t i = nb_find(n, r->ifx, &r->gw);
    if (!i)
        return 1;
    switch ((enum nb_state)nb_at(n, i)->state) {
    case NB_INCOMPLETE:
        return 1;
    case NB_FAILED:
        return 0;
    case NB_REACHABLE:
    case NB_STALE:
    case NB_DELAY:
    case NB_PROBE:
        return 2;
    }
    return 0;
}

const struct route *route_pick(struct net *n, const struct la_addr *dst, int ifx)
{
    bool v4 = ip_is_v4(dst);
    const struct route *best = NULL;
    int best_promise = -1;

    for (uint32_t i = n->route_head[v4 ? 0 : 1]; i; i = route_at(n, i)->next) {
        const struct route *r = route_at(n, i);
        if (best && r->plen < best->plen)
            break;
        if ((ifx >= 0 && r->ifx != ifx) || (!v4 && !n->ifs[r->ifx].v6) ||
            !ip_prefix_eq(&r->dst, dst, r->plen))
            continue;
        int p = promise(n, r);
        if (p > best_promise) {
            best = r;
            best_promise = p;
        }
        if (p == 2)
            break;
    }
    return best;
}

/* The interface that owns a usable local address; -1: none. */
static int owner(struct net *n, const struct la_addr *local, int scope)
{
    for (uint32_t k = 0; k < n->nif; k++)
        if ((scope < 0 || scope == (int)k) && iface_local(&n->ifs[k], local))
            return (int)k;
    return -1;
}

static int find_way(struct net *n, struct la_addr *local, const struct la_addr *remote, int scope,
                    struct way *w)
{
    const struct route *r;

    /* There is no loopback: nothing that we send to ourselves may reach a wire (RFC 1122 §3.2.1.3
     * (g)). */
    if (!net_is_unicast(n, remote) || ip_is_loopback(remote) || net_is_local(n, remote, -1))
        return LA_ENETUNREACH;
    if (scope < 0 && !ip_is_v4(remote) && ip_is_link_local(remote)) {
        if (n->nif != 1)
            return LA_ENETUNREACH; /* fe80::/10 says nothing without an interface (RFC 4007 §6) */
        scope = 0;
    }
    if (la_addr_is_any(local)) {
        r = route_pick(n, remote, scope);
    } else {
        int own = ip_is_v4(local) == ip_is_v4(remote) ? owner(n, local, scope) : -1;
        if (own < 0)
            return LA_EADDRNOTAVAIL;
        r = route_pick(n, remote, own);
        if (!r && scope < 0)
            r = route_pick(n, remote, -1);
    }
    if (!r)
        return LA_ENETUNREACH;
    w->route = r;
    w->iface = iface_at(n, r->ifx);
    w->hop = r->gateway ? r->gw : *remote;
    if (la_addr_is_any(local)) {
        const struct ifaddr *src = iface_source(w->iface, remote);
        if (!src)
            return LA_EADDRNOTAVAIL;
        /* No router passes on what a link-local address sends (RFC 4291 §2.5.6). */
        if (r->gateway && ip_is_link_local(&src->addr) && !ip_is_link_local(remote))
            return LA_EADDRNOTAVAIL;
        *local = src->addr;
    }
    return LA_OK;
}

int route_way(struct net *n, struct la_addr *local, const struct la_addr *remote, int scope,
              struct way *w)
{
    struct way_memo *m = &n->way;
    if (m->epoch == n->epoch && m->scope == scope && ip_eq(&m->remote, remote) &&
        ip_eq(&m->asked, local)) {
        *w = m->way;
        *local = m->local;
        return LA_OK;
    }
    struct la_addr asked = *local;
    int err = find_way(n, local, remote, scope, w);
    if (err == LA_OK)
        *m = (struct way_memo){n->epoch, scope, asked, *remote, *local, *w};
    return err;
}

int net_route(struct net *n, struct la_addr *local, const struct la_addr *remote, int scope,
              struct net_path *path, la_ns now)
{
    struct way w;

    n->now = now;
    *path = (struct net_path){.epoch = n->epoch, .ifx = -1};
    int err = route_way(n, local, remote, scope, &w);
    if (err != LA_OK)
        return err;
    path->ifx = w.iface->index;
    if (w.iface->ether)
        path->neighbour = nb_find(n, path->ifx, &w.hop);
    return LA_OK;
}

/* The path is out of date, or its neighbour needs a thought. */
__attribute__((cold, noinline)) static enum net_ready
link_slow(struct net *n, const struct la_addr *local, const struct la_addr *remote, int scope,
          struct net_path *path, uint8_t l2[NET_L2_MAX], uint32_t *len, la_ns now)
{
    n->now = now;
    if (path->epoch != n->epoch || path->ifx < 0 || !path->neighbour) {
        struct la_addr from = *local;
        struct way w;

        *path =
            (struct net_path){.ifx = path->ifx}; /* where it waits, until there is a way again */
        if (route_way(n, &from, remote, scope, &w) != LA_OK)
            return NET_FAILED;
        if (w.iface->ether) {
            path->neighbour = nb_get(n, w.iface->index, &w.hop, now);
            if (!path->neighbour)
                return NET_FAILED;
            nb_at(n, path->neighbour)->gateway |= w.route->gateway;
        }
        path->epoch = n->epoch; /* making room for a neighbour may have changed it */
        path->ifx = w.iface->index;
    }
    *len = 0;
    if (!path->neighbour)
        return NET_READY;
    enum net_ready ready = nb_use(n, path->neighbour, local, now);
    if (ready == NET_READY) {
        memcpy(l2, nb_at(n, path->neighbour)->hdr, NET_L2_MAX);
        *len = NET_L2_MAX;
    }
    return ready;
}

enum net_ready net_link(struct net *n, const struct la_addr *local, const struct la_addr *remote,
                        int scope, struct net_path *path, uint8_t l2[NET_L2_MAX], uint32_t *len,
                        la_ns now)
{
    if (path->epoch == n->epoch && path->ifx >= 0) {
        if (path->neighbour) {
            struct neighbour *nb = nb_at(n, path->neighbour);
            if (now < nb->fresh_until) {
                memcpy(l2, nb->hdr, NET_L2_MAX);
                *len = NET_L2_MAX;
                nb->used = now;
                return NET_READY;
            }
        } else if (!n->ifs[path->ifx].ether) {
            *len = 0;
            return NET_READY;
        }
    }
    return link_slow(n, local, remote, scope, path, l2, len, now);
}

void net_confirm(struct net *n, const struct net_path *path, la_ns now)
{
    if (path->epoch == n->epoch && path->neighbour)
        nb_confirm(n, path->neighbour, now);
}

/* Begins to resolve another default gateway than this one, so that it is known when this one fails.
 */
static void wake_next_gateway(struct net *n, const struct neighbour *old, la_ns now)
{
    for (uint32_t i = n->route_head[ip_is_v4(&old->addr) ? 0 : 1]; i; i = route_at(n, i)->next) {
        const struct route *r = route_at(n, i);
        if (!r->gateway || r->plen != 0 || !n->ifs[r->ifx].ether ||
            (r->ifx == old->ifx && ip_eq(&r->gw, &old->addr)))
            continue;
        struct la_addr local = old->local;
        uint32_t nb = nb_get(n, r->ifx, &r->gw, now);
        if (nb)
            (void)nb_use(n, nb, &local, now);
        return;
    }
}

void net_doubt(struct net *n, const struct net_path *path, la_ns now)
{
    n->now = now;
    if (path->epoch != n->epoch || !path->neighbour)
        return;
    net_note(n, NR_NB_DOUBT);
    const struct neighbour nb =
        *nb_at(n, path->neighbour); /* by value: it may be evicted for the other */
    nb_doubt(n, path->neighbour, now);
    if (nb.gateway)
        wake_next_gateway(n, &nb, now);
}

bool net_in_doubt(struct net *n, const struct la_addr *local, const struct la_addr *remote,
                  int scope, const struct net_path *path, la_ns now)
{
    struct la_addr from = *local;
    struct net_path p = *path;

    if (p.epoch != n->epoch && net_route(n, &from, remote, scope, &p, now) != LA_OK)
        return true;
    if (!n->ifs[p.ifx].ether)
        return false;
    if (!p.neighbour)
        return true;
    switch ((enum nb_state)nb_at(n, p.neighbour)->state) {
    case NB_REACHABLE:
    case NB_STALE:
    case NB_DELAY:
        return false;
    case NB_INCOMPLETE:
    case NB_PROBE:
    case NB_FAILED:
        break;
    }
    return true;
}

static bool route_ok(const struct net *n, const struct la_addr *dst, unsigned plen,
                     const struct la_addr *gw, int ifx)
{
    if (!iface_has(n, ifx) || plen > (ip_is_v4(dst) ? 32U : 128U) || ip_is_multicast(dst))
        return false;
    return !gw || (ip_is_v4(gw) == ip_is_v4(dst) && net_is_unicast(n, gw) && !ip_is_loopback(gw) &&
                   !net_is_local(n, gw, -1));
}

/* `dst` may be :: for the default route of IPv4 too, if the gateway says so. */
static struct la_addr route_dst(const struct la_addr *dst, unsigned plen, const struct la_addr *gw)
{
    return plen == 0 && gw && ip_is_v4(gw) ? la_addr_v4(0, 0, 0, 0) : *dst;
}

int net_route_add(struct net *n, const struct la_addr *dst, unsigned plen, const struct la_addr *gw,
                  int ifx, la_ns now)
{
    const struct la_addr to = route_dst(dst, plen, gw);

    n->now = now;
    if (!route_ok(n, &to, plen, gw, ifx))
        return LA_EINVAL;
    struct route r = {.dst = to,
                      .plen = (uint8_t)plen,
                      .ifx = (int16_t)ifx,
                      .origin = ROUTE_STATIC,
                      .until = LA_NEVER,
                      .gateway = gw != NULL};
    if (gw)
        r.gw = *gw;
    return route_add(n, &r);
}

int net_route_del(struct net *n, const struct la_addr *dst, unsigned plen, int ifx)
{
    uint32_t i = route_find(n, dst, plen, ifx, NULL, ROUTE_STATIC);

    if (!i)
        return LA_EINVAL;
    route_drop(n, i);
    return LA_OK;
}
