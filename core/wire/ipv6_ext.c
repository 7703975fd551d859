/* ipv6_ext.c: the walk of IPv6 extension headers (RFC 8200 §4).
 * Bounded twice: IPV6_EXT_MAX headers, and each byte of them is looked at once.  A fragment ends
 * the walk, since what follows it is whole only after reassembly; an atomic one (RFC 6946) does
 * not, since it is whole already. */
#include "wire/ipv6_ext.h"
#include "base/endian.h"

enum { EXT_HOP_BY_HOP = 0, EXT_ROUTING = 43, EXT_DESTINATION = 60 };
enum {
    PARAM_FIELD = 0,
    PARAM_NEXT_HEADER = 1,
    PARAM_OPTION = 2,
    PARAM_SILENT = 0xff
}; /* RFC 4443 §3.4 */
enum { OPT_PAD1 = 0, OPT_PADN = 1 };

struct blame {
    uint16_t at;
    uint8_t code;
};

static enum ip_bad refuse(struct blame *b, uint32_t at, uint8_t code)
{
    b->at = (uint16_t)at;
    b->code = code;
    return IP_BAD_EXT_UNKNOWN;
}

/* What an option that we do not know asks for in its two highest bits (§4.2). */
static enum ip_bad unknown_option(uint8_t type, uint32_t at, const struct ip_hdr *h,
                                  struct blame *b)
{
    switch (type >> 6) {
    case 0:
        return IP_OK;
    case 1:
        return refuse(b, at, PARAM_SILENT);
    case 2:
        return refuse(b, at, PARAM_OPTION);
    default:
        return refuse(b, at, ip_is_multicast(&h->dst) ? PARAM_SILENT : PARAM_OPTION);
    }
}

/* Options from `at` to `end`, in their order.  The jumbo payload option (RFC 2675) is unknown here,
 * and its type asks for a parameter problem. */
static enum ip_bad walk_options(const uint8_t *p, uint32_t at, uint32_t end, const struct ip_hdr *h,
                                struct blame *b)
{
    while (at < end) {
        if (p[at] == OPT_PAD1) {
            at++;
            continue;
        }
        if (end - at < 2 || p[at + 1] > end - at - 2)
            return IP_BAD_EXT;
        if (p[at] != OPT_PADN) {
            enum ip_bad bad = unknown_option(p[at], at, h, b);
            if (bad != IP_OK)
                return bad;
        }
        at += 2U + p[at + 1];
    }
    return IP_OK;
}

static void read_fragment(const uint8_t *f, struct ip_hdr *h)
{
    uint32_t word = get16(f + 2);

    h->unfrag = h->hlen;
    h->frag_next = f[0];
    h->offset = (uint16_t)(word & 0xfff8);
    h->more = word & 1;
    h->fragment = h->more || h->offset != 0;
    h->frag_id = get32(f + 4);
}

/* One extension header of `len` bytes at h->hlen. */
static enum ip_bad one_header(const uint8_t *p, uint32_t len, struct ip_hdr *h, struct blame *b)
{
    uint32_t at = h->hlen;

    switch (h->proto) {
    case EXT_HOP_BY_HOP:
        /* Only right behind the fixed header (§4.1); elsewhere it counts as unknown (§4). */
        if (at != IPV6_HLEN)
            return refuse(b, h->nh_at, PARAM_NEXT_HEADER);
        h->options = true;
        return walk_options(p, at + 2, at + len, h, b);
    case EXT_DESTINATION:
        return walk_options(p, at + 2, at + len, h, b);
    case EXT_ROUTING:
        /* We know no routing type, and type 0 is to be treated as unknown (RFC 5095 §3). */
        return p[at + 3] ? refuse(b, at + 2, PARAM_FIELD) : IP_OK;
    default: /* IP_V6_FRAGMENT: the caller's test of proto lets nothing else in */
        read_fragment(p + at, h);
        return IP_OK;
    }
}

static bool is_extension(uint8_t next)
{
    return next == EXT_HOP_BY_HOP || next == EXT_ROUTING || next == EXT_DESTINATION ||
           next == IP_V6_FRAGMENT;
}

enum ip_bad ipv6_walk(const uint8_t *p, uint32_t n, struct ip_hdr *h, uint16_t *bad_at,
                      uint8_t *bad_code)
{
    struct blame b = {0, PARAM_SILENT};

    for (uint32_t walked = 0; is_extension(h->proto); walked++) {
        uint32_t at = h->hlen;
        if (walked == IPV6_EXT_MAX || n - at < 8)
            return IP_BAD_EXT;
        uint32_t len = h->proto == IP_V6_FRAGMENT ? 8U : 8U + 8U * p[at + 1];
        if (len > n - at)
            return IP_BAD_EXT;
        enum ip_bad bad = one_header(p, len, h, &b);
        if (bad != IP_OK) {
            *bad_at = b.at;
            *bad_code = b.code;
            return bad;
        }
        h->hlen = (uint16_t)(at + len);
        if (h->fragment)
            return IP_OK;
        h->nh_at = (uint16_t)at;
        h->proto = p[at];
    }
    return IP_OK;
}
