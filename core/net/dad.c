/* dad.c: is an address free?  RFC 4862 §5.4 for IPv6, RFC 5227 §2.1 for IPv4.  Probes, then a wait,
 * then the address is ours and is announced (RFC 5227 §2.3, RFC 4861 §7.2.6).  So is one that comes
 * up without them: neighbours may still have the link-layer address of whoever had it before.
 *
 * Step by step, at step_at: DAD_PROBE sends a probe, DAD_SETTLE ends the wait after the last one,
 * DAD_ANNOUNCE sends an announcement. */
#include "net/private.h"

static void usable(struct net *n, struct iface *i, struct ifaddr *a, la_ns now)
{
    a->state = a->preferred_until > now ? LA_ADDR_PREFERRED : LA_ADDR_DEPRECATED;
    a->ready = true;
    n->epoch++;
    if (a->from_mac)
        ra_start(n, i, now);
}

static void probe(struct net *n, struct iface *i, struct ifaddr *a, la_ns now)
{
    bool v4 = ip_is_v4(&a->addr);

    if (v4)
        arp_probe(n, i, &a->addr);
    else
        nd_probe(n, i, &a->addr);
    bool last = ++a->sent == (v4 ? PROBE_NUM : DUP_ADDR_DETECT_TRANSMITS);
    if (last) {
        a->step = DAD_SETTLE;
        a->step_at = now + (v4 ? ANNOUNCE_WAIT : i->retrans);
    } else {
        a->step_at = now + (v4 ? PROBE_MIN + net_jitter(n, PROBE_MAX - PROBE_MIN) : i->retrans);
    }
}

static void announce(struct net *n, struct iface *i, struct ifaddr *a, la_ns now)
{
    bool v4 = ip_is_v4(&a->addr);

    net_note(n, NR_ADDR_ANNOUNCED);
    if (v4)
        arp_announce(n, i, &a->addr);
    else
        nd_announce(n, i, &a->addr);
    bool last = ++a->sent == (v4 ? ANNOUNCE_NUM : 1);
    a->step = last ? DAD_IDLE : DAD_ANNOUNCE;
    a->step_at = last ? LA_NEVER : now + ANNOUNCE_INTERVAL;
}

void dad_start(struct net *n, struct iface *i, struct ifaddr *a, la_ns delay, la_ns now)
{
    a->sent = 0;
    a->step = DAD_IDLE;
    a->step_at = LA_NEVER;
    if (i->ether && !i->cfg.no_dad) {
        a->step = DAD_PROBE;
        a->step_at = now + (ip_is_v4(&a->addr) ? net_jitter(n, PROBE_WAIT) : delay);
    } else {
        usable(n, i, a, now);
        if (i->ether && !i->cfg.no_announce)
            announce(n, i, a, now);
    }
    iface_addr_arm(n, i, a);
}

void dad_step(struct net *n, struct iface *i, struct ifaddr *a, la_ns now)
{
    switch ((enum dad_step)a->step) {
    case DAD_IDLE:
        return;
    case DAD_PROBE:
        probe(n, i, a, now);
        return;
    case DAD_SETTLE:
        net_note(n, NR_DAD_DONE);
        usable(n, i, a, now);
        a->sent = 0;
        announce(n, i, a, now);
        return;
    case DAD_ANNOUNCE:
        announce(n, i, a, now);
        return;
    }
}

void dad_duplicate(struct net *n, struct iface *i, struct ifaddr *a)
{
    a->state = LA_ADDR_DUPLICATE;
    a->ready = false;
    a->step = DAD_IDLE;
    a->step_at = LA_NEVER;
    n->epoch++;
    iface_addr_arm(n, i, a);
    if (a->from_mac) { /* the MAC itself must be doubled: nothing made from it can work */
        net_note(n, NR_DAD_IPV6_OFF);
        i->v6 = false;
    }
}
