/* iface.c: interfaces and their addresses (RFC 1122 §3.3.4, RFC 4291, RFC 4862 §5.5.4), and which
 * of them speaks to whom (RFC 6724 §5).
 *
 * A strong host (RFC 1122 §3.3.4.2): an address belongs to its interface, and is only heard there.
 * Slots of addresses never move, so that a timer can name them; a free slot has a zero address,
 * which no datagram carries as its destination. */
#include "net/private.h"
#include "wire/tcp.h"

struct la_addr solicited_node(const struct la_addr *a)
{
    struct la_addr g = {
        {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a->b[13], a->b[14], a->b[15]}};
    return g;
}

struct ifaddr *iface_find(struct iface *i, const struct la_addr *a)
{
    for (uint32_t k = 0; k < i->naddr; k++)
        if (i->addr[k].used && ip_eq(&i->addr[k].addr, a))
            return &i->addr[k];
    return NULL;
}

/* All ones behind the prefix; a /31 or /32 has no broadcast address (RFC 3021). */
static bool is_broadcast_of(const struct la_addr *a, const struct la_addr *subnet, unsigned plen)
{
    uint32_t host = plen < 31 ? 0xffffffffU >> plen : 0;
    const uint8_t *b = ip_v4(a);
    uint32_t v = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

    return host != 0 && (v & host) == host && ip_prefix_eq(a, subnet, plen);
}

bool iface_is_subnet_broadcast(const struct iface *i, const struct la_addr *a)
{
    if ((a->b[15] & 3) != 3 ||
        !ip_is_v4(a)) /* a subnet with a broadcast address has two host bits */
        return false;
    for (uint32_t k = 0; k < i->naddr; k++) {
        const struct ifaddr *x = &i->addr[k];
        if (x->used && ip_is_v4(&x->addr) && is_broadcast_of(a, &x->addr, x->plen))
            return true;
    }
    return false;
}

bool iface_on_link(const struct iface *i, const struct la_addr *a)
{
    for (uint32_t k = 0; k < i->naddr; k++)
        if (i->addr[k].used && ip_prefix_eq(&i->addr[k].addr, a, i->addr[k].plen))
            return true;
    return false;
}

bool iface_in_group(const struct iface *i, const struct la_addr *group)
{
    const struct la_addr all = ALL_NODES;

    if (ip_eq(group, &all))
        return true;
    for (uint32_t k = 0; k < i->naddr; k++) {
        const struct ifaddr *x = &i->addr[k];
        if (!x->used || x->state == LA_ADDR_DUPLICATE || ip_is_v4(&x->addr))
            continue;
        struct la_addr s = solicited_node(&x->addr);
        if (ip_eq(group, &s))
            return true;
    }
    return false;
}

/* RFC 6724 §2.1's labels: addresses of one label go together. */
static unsigned label(const struct la_addr *a)
{
    const uint8_t *b = a->b;

    if (b[0] == 0x20 && b[1] == 0x02)
        return 2; /* 6to4 */
    if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0)
        return 5; /* Teredo */
    if ((b[0] & 0xfe) == 0xfc)
        return 13; /* unique local */
    return 1;
}

static unsigned common_prefix(const struct la_addr *a, const struct la_addr *b)
{
    for (unsigned k = 0; k < 16; k++) {
        unsigned d = a->b[k] ^ (unsigned)b->b[k], bits = 0;
        if (d == 0)
            continue;
        while (!(d & 0x80U >> bits))
            bits++;
        return k * 8 + bits;
    }
    return 128;
}

/* Is x a better source for dst than best?  RFC 6724 §5; rules 4 (home addresses), 5 (all candidates
 * are of one interface), 5.5 (we do not remember it) and 7 (no temporary addresses) have nothing to
 * do. */
static bool better_source(const struct ifaddr *x, const struct ifaddr *best,
                          const struct la_addr *dst)
{
    bool lx = ip_is_link_local(&x->addr), lb = ip_is_link_local(&best->addr),
         ld = ip_is_link_local(dst);

    if (lx != lb) /* rule 2: the smaller scope only for a destination of that scope */
        return lx == ld;
    if (x->state != best->state) /* rule 3 */
        return x->state == LA_ADDR_PREFERRED;
    bool mx = label(&x->addr) == label(dst), mb = label(&best->addr) == label(dst);
    if (mx != mb) /* rule 6 */
        return mx;
    /* Rule 8, up to the prefix length of the candidate. */
    unsigned base = ip_is_v4(dst) ? 96 : 0;
    unsigned cx = common_prefix(&x->addr, dst), cb = common_prefix(&best->addr, dst);
    cx = cx > base + x->plen ? base + x->plen : cx;
    cb = cb > base + best->plen ? base + best->plen : cb;
    return cx > cb;
}

const struct ifaddr *iface_source(const struct iface *i, const struct la_addr *dst)
{
    const struct ifaddr *best = NULL;
    bool v4 = ip_is_v4(dst);

    for (uint32_t k = 0; k < i->naddr; k++) {
        const struct ifaddr *x = &i->addr[k];
        if (!x->ready || ip_is_v4(&x->addr) != v4)
            continue;
        if (!best || better_source(x, best, dst))
            best = x;
    }
    return best;
}

/* ---- coming and going ---- */

static struct ifaddr *free_slot(struct iface *i)
{
    for (uint32_t k = 0; k < NET_ADDRS; k++) {
        if (i->addr[k].used)
            continue;
        if (k >= i->naddr)
            i->naddr = k + 1;
        return &i->addr[k];
    }
    return NULL;
}

int iface_addr_add(struct net *n, struct iface *i, const struct ifaddr *like, la_ns now,
                   struct ifaddr **out)
{
    struct ifaddr *a = free_slot(i);
    la_ns delay = like->slaac ? net_jitter(n, MAX_RTR_SOLICITATION_DELAY) : 0;

    if (!a)
        return LA_ENOMEM;
    *a = *like;
    a->timer = HEAP_NONE;
    a->used = true;
    a->step_at = LA_NEVER;
    a->state = LA_ADDR_TENTATIVE;
    if (out)
        *out = a;
    dad_start(n, i, a, delay, now);
    return LA_OK;
}

void iface_addr_drop(struct net *n, struct iface *i, struct ifaddr *a)
{
    timer_stop(n, TIMER_ADDR, iface_addr_index(i, a));
    *a = (struct ifaddr){0};
    while (i->naddr && !i->addr[i->naddr - 1].used)
        i->naddr--;
    n->epoch++;
}

void iface_addr_arm(struct net *n, struct iface *i, struct ifaddr *a)
{
    la_ns at = a->step_at < a->valid_until ? a->step_at : a->valid_until;

    if (a->state == LA_ADDR_PREFERRED && a->preferred_until < at)
        at = a->preferred_until;
    if (at == LA_NEVER)
        timer_stop(n, TIMER_ADDR, iface_addr_index(i, a));
    else
        timer_set(n, TIMER_ADDR, iface_addr_index(i, a), at);
}

void iface_addr_due(struct net *n, uint32_t index, la_ns now)
{
    struct iface *i = iface_at(n, (int)(index / NET_ADDRS));
    struct ifaddr *a = &i->addr[index % NET_ADDRS];

    if (a->valid_until <= now) {
        net_note(n, NR_ADDR_EXPIRED);
        iface_addr_drop(n, i, a);
        return;
    }
    if (a->step_at <= now)
        dad_step(n, i, a, now);
    if (a->preferred_until <= now && a->state == LA_ADDR_PREFERRED) {
        net_note(n, NR_ADDR_DEPRECATED);
        a->state = LA_ADDR_DEPRECATED;
        n->epoch++; /* new conversations choose another source */
    }
    iface_addr_arm(n, i, a);
}

/* fe80:: and the MAC with ff:fe in its middle and its universal bit turned (RFC 4291 Appendix A).
 */
static struct la_addr link_local_of(const uint8_t mac[6])
{
    return (struct la_addr){{0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
                             mac[3], mac[4], mac[5]}};
}

/* What a datagram can carry of TCP's text beside the longest headers; and a frame's spans must hold
 * it, wherever it lies in its blocks. */
#define GSO_MOST (DATAGRAM_MAX - IPV4_HLEN - TCP_HLEN_MAX)
_Static_assert((GSO_MOST + BLOCK_DATA - 1) / BLOCK_DATA + 1 <= LA_FRAME_SPANS, "spans of a frame");

static bool if_config_ok(const struct la_if_config *c)
{
    const struct mac none = {{0}};
    struct mac mac;

    memcpy(mac.b, c->mac, 6);
    if (c->mtu < 68 || c->mtu > DATAGRAM_MAX || c->gso_max > GSO_MOST)
        return false;
    if ((c->offload & LA_OFFLOAD_TSO) && !(c->offload & LA_OFFLOAD_TX_CSUM))
        return false;
    switch (c->link) {
    case LA_LINK_ETHERNET:
        return !mac_is_group(&mac) && !mac_eq(&mac, &none);
    case LA_LINK_IP:
        return true;
    }
    return false;
}

int net_if_add(struct net *n, const struct la_if_config *c, la_ns now)
{
    n->now = now;
    if (!if_config_ok(c))
        return LA_EINVAL;
    if (n->nif == NET_IFS)
        return LA_ENOMEM;
    struct iface *i = &n->ifs[n->nif];
    *i = (struct iface){
        .cfg = *c,
        .index = (int16_t)n->nif,
        .ether = c->link == LA_LINK_ETHERNET,
        .v6 = c->mtu >= PMTU_MIN_V6,
        .hop_limit = DEFAULT_TTL,
        .mtu6 = c->mtu,
        .base_reachable = REACHABLE_TIME,
        .retrans = RETRANS_TIMER,
    };
    if (i->cfg.gso_max == 0)
        i->cfg.gso_max = 65000;
    i->reachable = i->base_reachable / 2 + net_jitter(n, i->base_reachable);
    n->nif++;
    n->epoch++;
    if (i->ether && i->v6) {
        const struct ifaddr own = {.addr = link_local_of(c->mac),
                                   .plen = 64,
                                   .from_mac = true,
                                   .preferred_until = LA_NEVER,
                                   .valid_until = LA_NEVER};
        const struct route on_link = {.dst = {{0xfe, 0x80}},
                                      .plen = 64,
                                      .ifx = i->index,
                                      .origin = ROUTE_ADDR,
                                      .until = LA_NEVER};
        if (route_add(n, &on_link) != LA_OK) {
            n->nif--;
            return LA_ENOMEM;
        }
        (void)iface_addr_add(n, i, &own, now, NULL); /* the slots are all free */
    }
    return i->index;
}

const struct la_if_config *net_if(const struct net *n, int ifx)
{
    return iface_has(n, ifx) ? &n->ifs[ifx].cfg : NULL;
}

uint32_t net_link_mtu(const struct net *n, int ifx, bool v4)
{
    return iface_has(n, ifx) ? iface_mtu(&n->ifs[ifx], v4) : 0;
}

uint8_t net_ttl(const struct net *n, const struct net_path *path, const struct la_addr *remote)
{
    if (ip_is_v4(remote) || !iface_has(n, path->ifx))
        return DEFAULT_TTL;
    return n->ifs[path->ifx].hop_limit;
}

/* The address with its host part cleared. */
static struct la_addr prefix_of(const struct la_addr *a, unsigned plen)
{
    struct la_addr p = *a;
    unsigned at = ip_is_v4(a) ? plen + 96 : plen;

    for (unsigned k = 0; k < 16; k++) {
        unsigned keep = at > k * 8 ? at - k * 8 : 0;
        if (keep < 8)
            p.b[k] &= (uint8_t)(0xff00U >> keep);
    }
    return p;
}

static bool addr_ok(const struct iface *i, const struct la_addr *a, unsigned plen)
{
    if (!ip_is_valid_source(a) || ip_is_loopback(a))
        return false;
    if (ip_is_v4(a))
        return plen <= 32 && !is_broadcast_of(a, a, plen);
    return plen <= 128 && i->v6;
}

int net_addr_add(struct net *n, int ifx, const struct la_addr *a, unsigned plen, la_ns now)
{
    n->now = now;
    if (!iface_has(n, ifx))
        return LA_EINVAL;
    struct iface *i = iface_at(n, ifx);
    if (!addr_ok(i, a, plen))
        return LA_EINVAL;
    struct ifaddr *old = iface_find(i, a);
    if (old && old->state != LA_ADDR_DUPLICATE)
        return LA_EADDRINUSE;
    if (old)
        (void)net_addr_del(n, ifx, a, now);
    bool host = plen == (ip_is_v4(a) ? 32U : 128U); /* nobody else is on that link */
    struct route r = {.dst = prefix_of(a, plen),
                      .plen = (uint8_t)plen,
                      .ifx = i->index,
                      .origin = ROUTE_ADDR,
                      .until = LA_NEVER};
    bool known = host || route_find(n, &r.dst, plen, ifx, NULL, ROUTE_ADDR);
    if (!known && route_add(n, &r) != LA_OK)
        return LA_ENOMEM;
    const struct ifaddr like = {
        .addr = *a, .plen = (uint8_t)plen, .preferred_until = LA_NEVER, .valid_until = LA_NEVER};
    int err = iface_addr_add(n, i, &like, now, NULL);
    if (err != LA_OK && !known)
        route_drop(n, route_find(n, &r.dst, plen, ifx, NULL, ROUTE_ADDR));
    return err;
}

int net_addr_del(struct net *n, int ifx, const struct la_addr *a, la_ns now)
{
    n->now = now;
    if (!iface_has(n, ifx))
        return LA_EINVAL;
    struct iface *i = iface_at(n, ifx);
    struct ifaddr *x = iface_find(i, a);
    if (!x)
        return LA_EADDRNOTAVAIL;
    struct la_addr prefix = prefix_of(a, x->plen);
    uint8_t plen = x->plen;
    bool slaac = x->slaac;
    iface_addr_drop(n, i, x);
    for (uint32_t k = 0; k < i->naddr; k++) {
        const struct ifaddr *y = &i->addr[k];
        if (y->used && !y->slaac && y->plen == plen && ip_prefix_eq(&y->addr, &prefix, plen))
            return LA_OK; /* another address shares the prefix */
    }
    uint32_t r = slaac ? 0 : route_find(n, &prefix, plen, ifx, NULL, ROUTE_ADDR);
    if (r)
        route_drop(n, r);
    return LA_OK;
}

int net_addr_state(const struct net *n, int ifx, const struct la_addr *a)
{
    if (!iface_has(n, ifx))
        return LA_EINVAL;
    const struct iface *i = &n->ifs[ifx];
    for (uint32_t k = 0; k < i->naddr; k++)
        if (i->addr[k].used && ip_eq(&i->addr[k].addr, a))
            return i->addr[k].state;
    return LA_EADDRNOTAVAIL;
}

bool net_addr_next(const struct net *n, int ifx, uint32_t *cursor, struct la_addr_info *out)
{
    if (!iface_has(n, ifx))
        return false;
    const struct iface *i = &n->ifs[ifx];
    while (*cursor < i->naddr) {
        const struct ifaddr *a = &i->addr[(*cursor)++];
        if (!a->used)
            continue;
        *out = (struct la_addr_info){
            .addr = a->addr, .prefix_len = a->plen, .state = a->state, .slaac = a->slaac};
        return true;
    }
    return false;
}

bool net_is_local(const struct net *n, const struct la_addr *a, int scope)
{
    for (uint32_t k = 0; k < n->nif; k++) {
        const struct iface *i = &n->ifs[k];
        if (scope >= 0 && scope != (int)k)
            continue;
        for (uint32_t s = 0; s < i->naddr; s++)
            if (i->addr[s].ready && ip_eq(&i->addr[s].addr, a))
                return true;
    }
    return false;
}

bool net_is_unicast(const struct net *n, const struct la_addr *a)
{
    if (la_addr_is_any(a) || !ip_is_valid_source(a))
        return false;
    for (uint32_t k = 0; k < n->nif; k++)
        if (iface_is_subnet_broadcast(&n->ifs[k], a))
            return false;
    return true;
}
