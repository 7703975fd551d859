/* ndp.c: neighbour discovery messages to values and back (RFC 4861 §4).
 * Invariant: no address that leaves here is IPv4-mapped: such a target could be taken for a
 * neighbour that ARP is responsible for.  What depends on the IP header (§6.1, §7.1: hop limit,
 * addresses) is the caller's to check. */
#include "wire/ndp.h"
#include "base/assert.h"
#include "base/endian.h"
#include <string.h>

enum { OPT_SOURCE_LL = 1, OPT_TARGET_LL = 2, OPT_PREFIX = 3, OPT_MTU = 5 };
enum { LL_LEN = 8, PREFIX_LEN = 32, MTU_LEN = 8 }; /* bytes, type and length included */
enum { NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20 };
enum { PREFIX_ON_LINK = 0x80, PREFIX_AUTONOMOUS = 0x40 };

/* Bytes before the options; 0: not a message of neighbour discovery. */
static uint32_t fixed_len(uint8_t type)
{
    switch (type) {
    case ICMP6_RS:
        return 8;
    case ICMP6_RA:
        return 16;
    case ICMP6_NS:
    case ICMP6_NA:
        return 24;
    case ICMP6_REDIRECT:
        return 40;
    default:
        return 0;
    }
}

static uint8_t lladdr_option(uint8_t type)
{
    return type == ICMP6_NA || type == ICMP6_REDIRECT ? OPT_TARGET_LL : OPT_SOURCE_LL;
}

/* Puts the bits behind the first n to zero: whoever sent them, they mean nothing (§4.6.2). */
static void mask(struct la_addr *a, unsigned n)
{
    unsigned whole = n / 8;

    if (whole >= sizeof a->b)
        return;
    a->b[whole] &= (uint8_t)(0xff00U >> n % 8);
    memset(a->b + whole + 1, 0, sizeof a->b - whole - 1);
}

static void read_prefix(const uint8_t *p, struct ndp *m)
{
    struct ndp_prefix x = {
        .prefix = ip_from_v6(p + 16),
        .len = p[2],
        .on_link = (p[3] & PREFIX_ON_LINK) != 0,
        .autonomous = (p[3] & PREFIX_AUTONOMOUS) != 0,
        .valid_s = get32(p + 4),
        .preferred_s = get32(p + 8),
    };

    if (m->nprefix == NDP_PREFIXES || x.len > 128)
        return;
    if (ip_is_v4(&x.prefix) || ip_is_multicast(&x.prefix) || ip_is_link_local(&x.prefix))
        return;
    mask(&x.prefix, x.len);
    m->prefix[m->nprefix++] = x;
}

/* One option of `len` bytes.  What does not belong to the message, or is not of its length, is
 * ignored. */
static void read_option(const uint8_t *p, uint32_t len, struct ndp *m)
{
    if (p[0] == lladdr_option(m->type) && len == LL_LEN && !m->has_lladdr) {
        memcpy(m->lladdr.b, p + 2, 6);
        m->has_lladdr = !mac_is_group(&m->lladdr); /* nobody's own address */
    } else if (m->type == ICMP6_RA && p[0] == OPT_PREFIX && len == PREFIX_LEN) {
        read_prefix(p, m);
    } else if (m->type == ICMP6_RA && p[0] == OPT_MTU && len == MTU_LEN) {
        m->mtu = get32(p + 4);
    }
}

static bool read_fixed(const uint8_t *p, struct ndp *m)
{
    switch (m->type) {
    case ICMP6_RA:
        m->hop_limit = p[4];
        m->router_s = get16(p + 6);
        m->reachable_ms = get32(p + 8);
        m->retrans_ms = get32(p + 12);
        return true;
    case ICMP6_NA:
        m->router = (p[4] & NA_ROUTER) != 0;
        m->solicited = (p[4] & NA_SOLICITED) != 0;
        m->override = (p[4] & NA_OVERRIDE) != 0;
        m->target = ip_from_v6(p + 8);
        return !ip_is_multicast(&m->target) && !ip_is_v4(&m->target);
    case ICMP6_NS:
        m->target = ip_from_v6(p + 8);
        return !ip_is_multicast(&m->target) && !ip_is_v4(&m->target);
    case ICMP6_REDIRECT:
        m->target = ip_from_v6(p + 8);
        m->dest = ip_from_v6(p + 24);
        /* §8.1: to a router by its link-local address, or to the destination itself. */
        return !ip_is_multicast(&m->dest) && !ip_is_v4(&m->dest) &&
               (ip_is_link_local(&m->target) || ip_eq(&m->target, &m->dest));
    default:
        return true;
    }
}

bool ndp_parse(const uint8_t *p, uint32_t n, struct ndp *m)
{
    uint32_t i = n >= ICMP_HLEN ? fixed_len(p[0]) : 0;

    *m = (struct ndp){0};
    if (i == 0 || n < i || p[1] != 0)
        return false;
    m->type = p[0];
    if (!read_fixed(p, m))
        return false;
    while (i < n) {
        uint32_t len = n - i >= 2 ? p[i + 1] * 8U : 0;
        if (len == 0 || len > n - i)
            return false;
        read_option(p + i, len, m);
        i += len;
    }
    return true;
}

uint32_t ndp_build(uint8_t p[32], const struct ndp *m)
{
    uint32_t n = fixed_len(m->type);

    LA_ASSERT(m->type == ICMP6_RS || m->type == ICMP6_NS || m->type == ICMP6_NA);
    memset(p, 0, n);
    p[0] = m->type;
    if (m->type == ICMP6_NA)
        p[4] = (uint8_t)((m->router ? NA_ROUTER : 0) | (m->solicited ? NA_SOLICITED : 0) |
                         (m->override ? NA_OVERRIDE : 0));
    if (m->type != ICMP6_RS)
        memcpy(p + 8, m->target.b, 16);
    if (m->has_lladdr) {
        p[n] = lladdr_option(m->type);
        p[n + 1] = LL_LEN / 8;
        memcpy(p + n + 2, m->lladdr.b, 6);
        n += LL_LEN;
    }
    return n;
}
