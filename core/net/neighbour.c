/* neighbour.c: one cache of link-layer addresses for ARP and ND, with the states of RFC 4861 §7.3.2
 * for both: an IPv4 neighbour that falls silent is noticed as an IPv6 one is (RFC 1122 §2.3.2.1).
 *
 * REACHABLE becomes STALE by comparing fresh_until with the clock, not by a timer.  While nothing
 * is asked, the one timer of an entry is there to forget it.
 *
 * When the cache is full an entry that never proved reachable goes before any that did, the least
 * used of a few old ones: a flood of addresses that do not exist cannot push out the working
 * neighbours. */
#include "net/private.h"

#define EVICTION_LOOKS 8 /* old entries looked at for the least used */

/* ---- lists and table ---- */

static struct nb_list *list_of(struct net *n, const struct neighbour *nb)
{
    return &n->lru[nb->proven ? 1 : 0];
}

static void lru_append(struct net *n, uint32_t i)
{
    struct neighbour *nb = nb_at(n, i);
    struct nb_list *l = list_of(n, nb);

    nb->lru_next = 0;
    nb->lru_prev = l->tail;
    if (l->tail)
        nb_at(n, l->tail)->lru_next = i;
    else
        l->head = i;
    l->tail = i;
    l->count++;
}

static void lru_remove(struct net *n, uint32_t i)
{
    struct neighbour *nb = nb_at(n, i);
    struct nb_list *l = list_of(n, nb);

    if (nb->lru_prev)
        nb_at(n, nb->lru_prev)->lru_next = nb->lru_next;
    else
        l->head = nb->lru_next;
    if (nb->lru_next)
        nb_at(n, nb->lru_next)->lru_prev = nb->lru_prev;
    else
        l->tail = nb->lru_prev;
    l->count--;
}

static uint32_t *bucket(const struct net *n, int ifx, const struct la_addr *a)
{
    return &n->nb_hash[addr_hash(n, a, (uint32_t)ifx) & n->nb_mask];
}

uint32_t nb_find(const struct net *n, int ifx, const struct la_addr *a)
{
    for (uint32_t i = *bucket(n, ifx, a); i; i = nb_at(n, i)->next) {
        const struct neighbour *nb = nb_at(n, i);
        if (nb->ifx == ifx && ip_eq(&nb->addr, a))
            return i;
    }
    return 0;
}

/* ---- packets that wait ---- */

static void undelivered(struct net *n, struct neighbour *nb)
{
    while (nb->q_head) {
        uint32_t p = nb->q_head;
        nb->q_head = packet_at(n, p)->next;
        packet_drop(n, p, NR_NB_UNDELIVERED);
    }
    nb->q_tail = nb->q_packets = 0;
}

static void deliver(struct net *n, struct neighbour *nb)
{
    uint32_t p = nb->q_head;

    nb->q_head = nb->q_tail = nb->q_packets = 0;
    while (p) {
        uint32_t next = packet_at(n, p)->next;
        packet_ready(n, p, nb->hdr);
        p = next;
    }
}

void nb_wait(struct net *n, uint32_t i, uint32_t packet)
{
    struct neighbour *nb = nb_at(n, i);

    if (nb->q_packets == NEIGHBOUR_QUEUE) { /* the newest is worth most (RFC 4861 §7.2.2) */
        uint32_t old = nb->q_head;
        nb->q_head = packet_at(n, old)->next;
        nb->q_packets--;
        packet_drop(n, old, NR_NB_QUEUE_FULL);
    }
    packet_at(n, packet)->next = 0;
    if (nb->q_head)
        packet_at(n, nb->q_tail)->next = packet;
    else
        nb->q_head = packet;
    nb->q_tail = packet;
    nb->q_packets++;
}

/* ---- life ---- */

void nb_drop(struct net *n, uint32_t i)
{
    struct neighbour *nb = nb_at(n, i);
    uint32_t *at = bucket(n, nb->ifx, &nb->addr);

    while (*at != i) {
        LA_ASSERT(*at);
        at = &nb_at(n, *at)->next;
    }
    *at = nb->next;
    undelivered(n, nb);
    lru_remove(n, i);
    timer_stop(n, TIMER_NEIGHBOUR, i);
    pool_put(&n->neighbours, i);
    n->epoch++; /* paths name neighbours by index */
}

static void evict_one(struct net *n)
{
    struct nb_list *l = n->lru[0].count ? &n->lru[0] : &n->lru[1];
    uint32_t looks = l->count < EVICTION_LOOKS ? l->count : EVICTION_LOOKS, best = l->head;

    for (uint32_t k = 0; k < looks; k++) { /* whoever is looked at and stays goes to the end */
        uint32_t i = l->head;
        if (nb_at(n, i)->used < nb_at(n, best)->used)
            best = i;
        lru_remove(n, i);
        lru_append(n, i);
    }
    net_note(n, NR_NB_EVICTED);
    nb_drop(n, best);
}

uint32_t nb_get(struct net *n, int ifx, const struct la_addr *a, la_ns now)
{
    uint32_t i = nb_find(n, ifx, a);

    if (i)
        return i;
    if (n->neighbours.used == n->cfg->max_neighbours)
        evict_one(n);
    struct neighbour *nb = timer_room(n) ? pool_get(&n->neighbours, &i) : NULL;
    if (!nb) {
        net_note(n, NR_NB_NO_MEMORY);
        return 0;
    }
    uint32_t *at = bucket(n, ifx, a);
    *nb = (struct neighbour){
        .next = *at, .state = NB_INCOMPLETE, .ifx = (int16_t)ifx, .addr = *a, .used = now};
    const struct eth_hdr h = {.type = ip_is_v4(a) ? ETH_IPV4 : ETH_IPV6};
    eth_build(nb->hdr, &h);
    memcpy(nb->hdr + 6, n->ifs[ifx].cfg.mac, 6);
    *at = i;
    lru_append(n, i);
    timer_set(n, TIMER_NEIGHBOUR, i, later(now, NEIGHBOUR_IDLE));
    return i;
}

enum nb_state nb_state_now(const struct neighbour *nb, la_ns now)
{
    return nb->state == NB_REACHABLE && now >= nb->fresh_until ? NB_STALE
                                                               : (enum nb_state)nb->state;
}

/* Sends a solicitation, but never two within RetransTimer (RFC 4861 §7.2.2); false: too early. */
static bool solicit(struct net *n, struct neighbour *nb, la_ns now)
{
    struct iface *i = iface_at(n, nb->ifx);
    const struct ifaddr *from = iface_local(i, &nb->local);

    if (nb->polled && now - nb->asked_at < i->retrans)
        return false;
    nb->polled = true;
    nb->asked_at = now;
    nb->sent++;
    if (!from)
        from = iface_source(i, &nb->addr);
    if (!from)
        return true; /* no address to ask with: it counts all the same, so that it ends */
    if (ip_is_v4(&nb->addr))
        arp_solicit(n, i, nb, &from->addr);
    else
        nd_solicit(n, i, nb, &from->addr);
    return true;
}

static void set_state(struct net *n, uint32_t i, enum nb_state to, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);
    struct iface *f = iface_at(n, nb->ifx);
    la_ns at = later(now, NEIGHBOUR_IDLE);

    nb->state = (uint8_t)to;
    nb->sent = 0;
    nb->fresh_until = 0;
    switch (to) {
    case NB_INCOMPLETE:
    case NB_PROBE:
        nb->fresh_until = to == NB_PROBE ? LA_NEVER : 0;
        at = solicit(n, nb, now) ? later(now, f->retrans) : nb->asked_at + f->retrans;
        break;
    case NB_REACHABLE:
        f->reachable = f->base_reachable / 2 + net_jitter(n, f->base_reachable);
        nb->fresh_until = later(now, f->reachable);
        if (!nb->proven) {
            lru_remove(n, i);
            nb->proven = true;
            lru_append(n, i);
        }
        break;
    case NB_STALE:
        break;
    case NB_DELAY:
        nb->fresh_until = LA_NEVER;
        at = later(now, DELAY_FIRST_PROBE_TIME);
        break;
    case NB_FAILED:
        at = later(now, FAILED_HOLD);
        break;
    }
    timer_set(n, TIMER_NEIGHBOUR, i, at);
}

enum net_ready nb_use(struct net *n, uint32_t i, const struct la_addr *local, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);

    nb->used = now;
    if (now < nb->fresh_until)
        return NET_READY;
    switch (nb_state_now(nb, now)) {
    case NB_INCOMPLETE:
        nb->local = *local;
        if (!nb->polled)
            set_state(n, i, NB_INCOMPLETE, now);
        return NET_WAIT;
    case NB_STALE:
        nb->local = *local;
        net_note(n, NR_NB_DELAY);
        set_state(n, i, NB_DELAY, now);
        return NET_READY;
    case NB_FAILED:
        return NET_FAILED;
    case NB_REACHABLE:
    case NB_DELAY:
    case NB_PROBE:
        return NET_READY;
    }
    return NET_FAILED;
}

void nb_confirm(struct net *n, uint32_t i, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);

    switch ((enum nb_state)nb->state) {
    case NB_REACHABLE: /* the usual case: nothing but a new date */
        nb->fresh_until = later(now, n->ifs[nb->ifx].reachable);
        return;
    case NB_STALE:
    case NB_DELAY:
    case NB_PROBE:
        set_state(n, i, NB_REACHABLE, now);
        return;
    case NB_INCOMPLETE:
    case NB_FAILED:
        return;
    }
}

void nb_doubt(struct net *n, uint32_t i, la_ns now)
{
    switch ((enum nb_state)nb_at(n, i)->state) {
    case NB_REACHABLE:
    case NB_STALE:
    case NB_DELAY:
        net_note(n, NR_NB_PROBE);
        set_state(n, i, NB_PROBE, now);
        return;
    case NB_INCOMPLETE:
    case NB_PROBE:
    case NB_FAILED:
        return;
    }
}

static void failed(struct net *n, uint32_t i, la_ns now)
{
    net_note(n, NR_NB_FAILED);
    undelivered(n, nb_at(n, i));
    set_state(n, i, NB_FAILED, now);
    n->epoch++;
}

static void ask_again(struct net *n, uint32_t i, unsigned limit, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);

    if (nb->sent >= limit) {
        failed(n, i, now);
        return;
    }
    (void)solicit(n, nb, now);
    timer_set(n, TIMER_NEIGHBOUR, i, later(now, n->ifs[nb->ifx].retrans));
}

void nb_due(struct net *n, uint32_t i, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);

    switch ((enum nb_state)nb->state) {
    case NB_INCOMPLETE:
        if (nb->polled)
            ask_again(n, i, MAX_MULTICAST_SOLICIT, now);
        else
            nb_drop(n, i); /* looked up, never used */
        return;
    case NB_PROBE:
        ask_again(n, i, MAX_UNICAST_SOLICIT, now);
        return;
    case NB_DELAY:
        net_note(n, NR_NB_PROBE);
        set_state(n, i, NB_PROBE, now);
        return;
    case NB_REACHABLE:
    case NB_STALE:
        if (later(nb->used, NEIGHBOUR_IDLE) > now)
            timer_set(n, TIMER_NEIGHBOUR, i, later(nb->used, NEIGHBOUR_IDLE));
        else
            nb_drop(n, i);
        return;
    case NB_FAILED:
        nb_drop(n, i); /* whoever still wants it asks anew */
        return;
    }
}

/* ---- what messages say ---- */

static bool knows_mac(const struct neighbour *nb)
{
    return nb->state != NB_INCOMPLETE && nb->state != NB_FAILED;
}

/* The entry has, or gets, a link-layer address that differs from what it had. */
static void set_mac(struct net *n, uint32_t i, const struct mac *mac, bool solicited, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);

    if (!knows_mac(nb))
        n->epoch++; /* whoever waits may try again */
    memcpy(nb->hdr, mac->b, 6);
    net_note(n, NR_NB_RESOLVED);
    set_state(n, i, solicited ? NB_REACHABLE : NB_STALE, now);
    if (!nb->q_head)
        return;
    if (!solicited) /* sending what waits is a use (RFC 4861 §7.3.3) */
        (void)nb_use(n, i, &nb->local, now);
    deliver(n, nb);
}

/* RFC 4861 §7.2.5 for an entry whose link-layer address is known. */
static enum net_rule update(struct net *n, uint32_t i, const struct nb_news *news, la_ns now)
{
    struct neighbour *nb = nb_at(n, i);
    bool differs = news->mac && memcmp(nb->hdr, news->mac->b, 6) != 0;

    if (differs && !news->override) {
        if (nb_state_now(nb, now) == NB_REACHABLE)
            set_state(n, i, NB_STALE, now);
        return NR_NA_NO_OVERRIDE;
    }
    if (differs)
        set_mac(n, i, news->mac, news->solicited, now);
    else if (news->solicited)
        set_state(n, i, NB_REACHABLE, now);
    return NR_COUNT;
}

enum net_rule nb_learn(struct net *n, struct iface *f, const struct la_addr *a,
                       const struct nb_news *news, la_ns now)
{
    uint32_t i = nb_find(n, f->index, a);
    enum net_rule useless = NR_COUNT;

    if (!i && !(news->create && news->mac))
        return NR_NA_UNKNOWN;
    if (!i && !(i = nb_get(n, f->index, a, now)))
        return NR_NB_NO_MEMORY;
    struct neighbour *nb = nb_at(n, i);
    if (!knows_mac(nb)) {
        if (!news->mac)
            return NR_NA_NO_ADDRESS;
        set_mac(n, i, news->mac, news->solicited, now);
    } else {
        useless = update(n, i, news, now);
    }
    if (useless != NR_COUNT)
        return useless;
    net_note(n, NR_NB_HEARD);
    if (news->set_router)
        nb->router = news->router;
    return NR_COUNT;
}
