/* ip.c: IPv4 and IPv6 headers to values and back (RFC 791 §3.1, RFC 8200 §3), and address classes.
 * The walk of IPv6 extension headers is in ipv6_ext.c. */
#include "wire/ip.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "wire/ipv6_ext.h"
#include <string.h>

enum { V4_EOL = 0, V4_NOP = 1, V4_LSRR = 131, V4_SSRR = 137 };

/* Looks for a source route; everything else is ignored (RFC 1122 §3.2.1.8, RFC 9293 MUST-50).
 * False if a length is impossible. */
static bool v4_options(const uint8_t *p, uint32_t n, struct ip_hdr *h)
{
    uint32_t i = 0;

    h->options = true;
    while (i < n && p[i] != V4_EOL) {
        if (p[i] == V4_NOP) {
            i++;
            continue;
        }
        if (n - i < 2 || p[i + 1] < 2 || p[i + 1] > n - i)
            return false;
        if (p[i] == V4_LSRR || p[i] == V4_SSRR)
            h->source_route = true;
        i += p[i + 1];
    }
    return true;
}

enum ip_bad ipv4_parse(const uint8_t *p, uint32_t n, uint32_t len, bool csum_known,
                       struct ip_hdr *h)
{
    if (n < IPV4_HLEN)
        return IP_BAD_SHORT;
    if (p[0] >> 4 != 4)
        return IP_BAD_VERSION;
    uint32_t hlen = (p[0] & 15U) * 4;
    if (hlen < IPV4_HLEN)
        return IP_BAD_HLEN;
    if (hlen > n)
        return IP_BAD_SHORT;
    if (!csum_known) {
        struct csum c = {0};
        csum_header(&c, p, hlen);
        if (csum_fold(&c) != 0xffff)
            return IP_BAD_CSUM;
    }
    uint32_t total = get16(p + 2);
    if (total < hlen || total > len)
        return IP_BAD_TOTAL;

    uint32_t frag = get16(p + 6);
    *h = (struct ip_hdr){
        .src = ip_from_v4(p + 12),
        .dst = ip_from_v4(p + 16),
        .proto = p[9],
        .ttl = p[8],
        .tos = p[1],
        .id = get16(p + 4),
        .df = (frag & IPV4_DF) != 0,
        .more = (frag & IPV4_MF) != 0,
        .fragment = (frag & (IPV4_MF | IPV4_OFFSET)) != 0,
        .offset = (uint16_t)((frag & IPV4_OFFSET) * 8),
        .frag_id = get16(p + 4),
        .hlen = (uint16_t)hlen,
        .total = total,
    };
    if (hlen > IPV4_HLEN && !v4_options(p + IPV4_HLEN, hlen - IPV4_HLEN, h))
        return IP_BAD_EXT;
    return IP_OK;
}

enum ip_bad ipv6_parse(const uint8_t *p, uint32_t n, uint32_t len, struct ip_hdr *h,
                       uint16_t *bad_at, uint8_t *bad_code)
{
    if (n < IPV6_HLEN)
        return IP_BAD_SHORT;
    uint32_t first = get32(p);
    if (first >> 28 != 6)
        return IP_BAD_VERSION;
    uint32_t total = IPV6_HLEN + get16(p + 4);
    if (total > len)
        return IP_BAD_TOTAL;
    *h = (struct ip_hdr){
        .src = ip_from_v6(p + 8),
        .dst = ip_from_v6(p + 24),
        .proto = p[6],
        .ttl = p[7],
        .tos = (uint8_t)(first >> 20),
        .flow = first & 0xfffff,
        .hlen = IPV6_HLEN,
        .nh_at = 6,
        .total = total,
    };
    /* Inside, such an address means IPv4: from the wire it would pass IPv4's filters by. */
    if (ip_is_v4(&h->src) || ip_is_v4(&h->dst))
        return IP_BAD_SOURCE;
    return ipv6_walk(p, n < total ? n : total, h, bad_at, bad_code);
}

bool ip_is_multicast(const struct la_addr *a)
{
    return ip_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ip_is_limited_broadcast(const struct la_addr *a)
{
    return ip_is_v4(a) && get32(a->b + 12) == 0xffffffff;
}

bool ip_is_loopback(const struct la_addr *a)
{
    static const struct la_addr v6_loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return ip_is_v4(a) ? a->b[12] == 127 : ip_eq(a, &v6_loopback);
}

bool ip_is_link_local(const struct la_addr *a)
{
    if (ip_is_v4(a))
        return a->b[12] == 169 && a->b[13] == 254;
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool ip_is_valid_source(const struct la_addr *a)
{
    if (ip_is_v4(a))
        return a->b[12] != 0 && a->b[12] < 224; /* above: multicast, class E, broadcast */
    return a->b[0] != 0xff && !la_addr_is_any(a);
}

bool ip_prefix_eq(const struct la_addr *a, const struct la_addr *b, unsigned n)
{
    bool v4 = ip_is_v4(a);

    if (v4 != ip_is_v4(b))
        return false;
    for (unsigned i = v4 ? 12 : 0; i < 16 && n > 0; i += 4) {
        uint32_t mask = n < 32 ? ~(UINT32_MAX >> n) : UINT32_MAX;
        if ((get32(a->b + i) ^ get32(b->b + i)) & mask)
            return false;
        n -= n < 32 ? n : 32;
    }
    return true;
}
