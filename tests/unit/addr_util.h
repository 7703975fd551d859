/* addr_util.h: an interface whose addresses come and go, and the neighbour discovery that it hears.
 */
#ifndef TESTS_ADDR_UTIL_H
#define TESTS_ADDR_UTIL_H

#include "net_util.h"

static struct flat f;

/* One Ethernet interface that detects duplicates; no address but its own link-local one. */
static inline void start(struct host *h, bool slaac)
{
    host_defaults(h);
    host_start(h);
    struct la_if_config c = ether(&MAC_A, false);
    c.slaac = slaac;
    assert_int_equal(net_if_add(h->n, &c, h->now), 0);
}

static inline void add(struct host *h, const char *a, unsigned plen)
{
    const struct la_addr x = addr(a);
    assert_int_equal(net_addr_add(h->n, 0, &x, plen, h->now), LA_OK);
}

static inline int state_of_addr(const struct host *h, const char *a)
{
    const struct la_addr x = addr(a);
    return net_addr_state(h->n, 0, &x);
}

static inline struct flat *nd_frame(const char *src, const char *dst, const struct mac *from,
                                    uint8_t *p, uint32_t n)
{
    struct ip_hdr ip = hdr(src, dst, IP_ICMPV6);
    ip.ttl = 255;
    return icmp_frame(&f, &MAC_A, from, &ip, p, n);
}

static inline struct flat *ns_frame(const char *src, const char *dst, const char *target,
                                    bool lladdr)
{
    struct ndp m = {
        .type = ICMP6_NS, .target = addr(target), .has_lladdr = lladdr, .lladdr = MAC_B};
    uint8_t p[32];
    uint32_t n = ndp_build(p, &m);
    return nd_frame(src, dst, &MAC_B, p, n);
}

/* ---- duplicates ---- */

#endif
