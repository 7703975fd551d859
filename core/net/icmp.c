/* icmp.c: what ICMP and ICMPv6 have in common: the rate of errors, who may get one, and which
 * errors about our own datagrams go to the transport (RFC 1122 §3.2.2, RFC 4443 §2.4, RFC 5927
 * §4.1). */
#include "net/private.h"

/* The bucket is kept as the time at which it will be full: one number, no refill to schedule. */
bool icmp_may_send(struct net *n, la_ns now)
{
    la_ns base = n->icmp_tat > now ? n->icmp_tat : now;

    if (base - now > (ICMP_ERROR_BURST - 1) * ICMP_ERROR_INTERVAL) {
        net_note(n, NR_ICMP_ERR_LIMITED);
        return false;
    }
    n->icmp_tat = base + ICMP_ERROR_INTERVAL;
    return true;
}

enum net_in icmp_deliver(struct net *n, struct icmp_err *e, const uint8_t *quote, uint32_t quote_n)
{
    if (quote_n < sizeof e->quote || !net_is_local(n, &e->local, -1) ||
        !net_is_unicast(n, &e->remote))
        return net_drop(n, NR_ICMP_QUOTE);
    if (e->proto != IP_TCP)
        return net_drop(n, NR_ICMP_QUOTE_PROTO);
    memcpy(e->quote, quote, sizeof e->quote);
    net_note(n, NR_ICMP_TAKEN);
    return NET_IN_ICMP;
}
