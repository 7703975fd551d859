/* arp.c: who has this IPv4 address (RFC 826), and what to do about another who says it is his (RFC
 * 5227). Entries are made only for hosts of our own subnets that asked for us, and updated for
 * those we know: talk between others does not fill the cache (RFC 826's merge flag). */
#include "net/private.h"

static void send_arp(struct net *n, struct iface *i, uint16_t op, const struct mac *to,
                     const struct mac *tha, const struct la_addr *spa, const struct la_addr *tpa)
{
    struct arp a = {.op = op, .tha = *tha, .spa = *spa, .tpa = *tpa};
    uint8_t p[ARP_LEN];

    memcpy(a.sha.b, i->cfg.mac, 6);
    arp_build(p, &a);
    link_output(n, i, to, ETH_ARP, p, ARP_LEN);
}

void arp_solicit(struct net *n, struct iface *i, const struct neighbour *nb,
                 const struct la_addr *from)
{
    const struct mac none = {{0}};
    struct mac to = MAC_BROADCAST;

    if (nb->state == NB_PROBE) /* a unicast poll (RFC 1122 §2.3.2.1 (2)) */
        memcpy(to.b, nb->hdr, 6);
    send_arp(n, i, ARP_REQUEST, &to, &none, from, &nb->addr);
}

void arp_probe(struct net *n, struct iface *i, const struct la_addr *a)
{
    const struct mac none = {{0}}, all = MAC_BROADCAST;
    const struct la_addr any = la_addr_v4(0, 0, 0, 0);

    send_arp(n, i, ARP_REQUEST, &all, &none, &any, a);
}

void arp_announce(struct net *n, struct iface *i, const struct la_addr *a)
{
    const struct mac none = {{0}}, all = MAC_BROADCAST;

    send_arp(n, i, ARP_REQUEST, &all, &none, a, a);
}

/* RFC 5227 §2.4 (b): the first conflict is answered with an announcement; a second one within ten
 * seconds ends the use of the address, so that two hosts cannot fight for ever. */
static enum net_in conflict(struct net *n, struct iface *i, struct ifaddr *a, la_ns now)
{
    if (a->state == LA_ADDR_TENTATIVE) {
        dad_duplicate(n, i, a);
        return net_drop(n, NR_DAD_DUPLICATE);
    }
    (void)net_drop(n, NR_ARP_CONFLICT);
    if (!a->ready)
        return NET_IN_DONE;
    if (a->conflict && now - a->conflict_at < DEFEND_INTERVAL) {
        net_note(n, NR_ARP_GAVE_UP);
        dad_duplicate(n, i, a);
        return NET_IN_DONE;
    }
    a->conflict = true;
    a->conflict_at = now;
    net_note(n, NR_ARP_DEFENDED);
    arp_announce(n, i, &a->addr);
    return NET_IN_DONE;
}

static bool plausible(const struct iface *i, const struct arp *a)
{
    const struct mac none = {{0}};

    if (mac_is_group(&a->sha) || mac_eq(&a->sha, &none))
        return false;
    if (la_addr_is_any(&a->spa))
        return a->op == ARP_REQUEST; /* a probe */
    return ip_is_valid_source(&a->spa) && !ip_is_loopback(&a->spa) &&
           !iface_is_subnet_broadcast(i, &a->spa);
}

enum net_in arp_input(struct net *n, struct iface *i, const struct slice *s, la_ns now)
{
    struct arp a;

    if (!arp_parse(s->head.p, s->head.n, &a) || !plausible(i, &a))
        return net_drop(n, NR_ARP_BAD);
    if (memcmp(a.sha.b, i->cfg.mac, 6) == 0)
        return net_drop(n, NR_ARP_NOT_US); /* our own, come back */
    struct ifaddr *claimed = iface_find(i, &a.spa), *target = iface_find(i, &a.tpa);
    if (claimed)
        return conflict(n, i, claimed, now);
    if (target && target->state == LA_ADDR_TENTATIVE && la_addr_is_any(&a.spa))
        return conflict(n, i, target, now); /* somebody else is probing it (RFC 5227 §2.1.1) */
    bool for_us = target && target->ready;
    if (!la_addr_is_any(&a.spa)) {
        uint32_t known = nb_find(n, i->index, &a.spa);
        const struct nb_news news = {
            .mac = &a.sha,
            .solicited = known && nb_at(n, known)->polled && a.op == ARP_REPLY && for_us,
            .override = true,
            .create = for_us && a.op == ARP_REQUEST && iface_on_link(i, &a.spa),
        };
        enum net_rule useless = nb_learn(n, i, &a.spa, &news, now);
        if (useless != NR_COUNT && !(for_us && a.op == ARP_REQUEST))
            return net_drop(n, NR_ARP_NOT_US);
    }
    if (a.op == ARP_REQUEST) {
        if (!for_us)
            return net_drop(n, NR_ARP_NOT_US);
        net_note(n, NR_ARP_ANSWERED);
        send_arp(n, i, ARP_REPLY, &a.sha, &a.sha, &a.tpa, &a.spa);
    }
    return NET_IN_DONE;
}
