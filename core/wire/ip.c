/* ip.c: IPv4 and IPv6 headers to values and back (RFC 791 §3.1, RFC 8200 §3), and address classes.
 * The walk of IPv6 extension headers is in ipv6_ext.c. */
#include "wire/ip.h"
#include "base/assert.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "wire/ipv6_ext.h"
#include <string.h>

enum { V4_EOL = 0, V4_NOP = 1, V4_LSRR = 131, V4_SSRR = 137 };
enum { V4_DF = 0x4000, V4_MF = 0x2000, V4_OFFSET = 0x1fff };

struct la_addr ip_from_v4(const uint8_t b[4])
{
    return la_addr_v4(b[0], b[1], b[2], b[3]);
}

struct la_addr ip_from_v6(const uint8_t b[16])
{
    struct la_addr a;

    memcpy(a.b, b, sizeof a.b);
    return a;
}

/* Looks for a source route; everything else is ignored (RFC 1122 §3.2.1.8, RFC 9293 MUST-50).
 * False if a length is impossible. */
static bool v4_options(const uint8_t *p, uint32_t n, struct ip_hdr *h)
{
    uint32_t i = 0;

    h->options = n > 0;
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
        for (uint32_t i = 0; i < hlen; i += 4)
            c.sum += get32(p + i);
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
        .df = (frag & V4_DF) != 0,
        .more = (frag & V4_MF) != 0,
        .fragment = (frag & (V4_MF | V4_OFFSET)) != 0,
        .offset = (uint16_t)((frag & V4_OFFSET) * 8),
        .frag_id = get16(p + 4),
        .hlen = (uint16_t)hlen,
        .total = total,
    };
    if (!v4_options(p + IPV4_HLEN, hlen - IPV4_HLEN, h))
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

/* The checksum comes from the values and not from the bytes just written: reading those back as
 * words would wait for the stores. */
static void build_v4(uint8_t *p, const struct ip_hdr *h, uint32_t total)
{
    uint32_t frag = h->offset / 8U | (h->df ? V4_DF : 0U) | (h->more ? V4_MF : 0U);
    uint32_t first = 0x45000000U | (uint32_t)h->tos << 16 | total;
    uint32_t second = (uint32_t)h->id << 16 | frag;
    uint32_t third = (uint32_t)h->ttl << 24 | (uint32_t)h->proto << 16;
    uint32_t src = get32(ip_v4(&h->src));
    uint32_t dst = get32(ip_v4(&h->dst));
    struct csum c = {(uint64_t)first + second + third + src + dst, 0};

    put32(p, first);
    put32(p + 4, second);
    put32(p + 8, third | csum_field(&c));
    put32(p + 12, src);
    put32(p + 16, dst);
}

uint32_t ip_build(uint8_t *p, const struct ip_hdr *h, uint32_t payload)
{
    if (ip_is_v4(&h->src)) {
        LA_ASSERT(payload <= 65535U - IPV4_HLEN);
        build_v4(p, h, IPV4_HLEN + payload);
        return IPV4_HLEN;
    }
    LA_ASSERT(payload <= 65535U);
    put32(p, 6U << 28 | (uint32_t)h->tos << 20 | (h->flow & 0xfffff));
    put16(p + 4, payload);
    p[6] = h->proto;
    p[7] = h->ttl;
    memcpy(p + 8, h->src.b, 16);
    memcpy(p + 24, h->dst.b, 16);
    return IPV6_HLEN;
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
    return ip_is_v4(a) ? a->b[12] == 127 : la_addr_eq(a, &v6_loopback);
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
    unsigned first = v4 ? 12 : 0;
    if (n > (16 - first) * 8)
        n = (16 - first) * 8;
    unsigned bytes = n / 8;
    if (memcmp(a->b + first, b->b + first, bytes) != 0)
        return false;
    if (n % 8 == 0)
        return true;
    unsigned diff = a->b[first + bytes] ^ (unsigned)b->b[first + bytes];
    return diff >> (8 - n % 8) == 0;
}
