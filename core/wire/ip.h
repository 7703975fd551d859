/* ip.h: IPv4 and IPv6 headers as one value; protocol numbers; address classes. */
#ifndef LA_WIRE_IP_H
#define LA_WIRE_IP_H

#include "base/assert.h"
#include "base/endian.h"
#include "wire/slice.h"
#include <lastack/types.h>
#include <string.h>

enum { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_V6_FRAGMENT = 44, IP_ICMPV6 = 58, IP_V6_NONE = 59 };

/* One value for both families; the family is that of the addresses. */
struct ip_hdr {
    struct la_addr src, dst;
    uint8_t proto; /* IPv6: behind the extension headers; IP_V6_FRAGMENT if it is a fragment */
    uint8_t ttl;
    uint8_t tos;       /* DSCP << 2 | ECN */
    uint32_t flow;     /* IPv6 flow label */
    uint16_t id;       /* IPv4 */
    bool df;           /* IPv4 don't fragment */
    bool more;         /* more fragments follow */
    bool fragment;     /* more, or offset != 0; an atomic one (RFC 6946) is walked through */
    uint16_t offset;   /* of a fragment's payload, in bytes */
    uint32_t frag_id;  /* IPv4 id, or the fragment header's */
    uint16_t hlen;     /* bytes up to the payload, options and extension headers included */
    uint16_t unfrag;   /* IPv6 fragment: bytes before the fragment header */
    uint16_t nh_at;    /* IPv6: offset of the next-header byte that names `proto` */
    uint8_t frag_next; /* IPv6 fragment: what follows the fragment header */
    uint32_t total;    /* header and payload */
    bool options;      /* IPv4 options, or IPv6 hop-by-hop, present */
    bool source_route;
};

/* Why a header was refused; each is counted under its own rule by core/net. */
enum ip_bad {
    IP_OK,
    IP_BAD_SHORT,
    IP_BAD_VERSION,
    IP_BAD_HLEN,
    IP_BAD_TOTAL,
    IP_BAD_CSUM,
    IP_BAD_EXT,         /* chain too long or truncated; IPv4 option of impossible length */
    IP_BAD_EXT_UNKNOWN, /* unrecognised next header or option that asks for an error or a drop */
    IP_BAD_SOURCE,      /* IPv4-mapped in an IPv6 header; the rest is ip_is_valid_source's */
};

#define IPV4_HLEN 20U
enum { IPV4_DF = 0x4000, IPV4_MF = 0x2000, IPV4_OFFSET = 0x1fff }; /* flags and fragment offset */
#define IPV6_HLEN 40U
#define IPV6_EXT_MAX 8U /* extension headers walked at most */

/* Parses one datagram's header(s), which must lie in the first n of its frame's `len` bytes.  For
 * IP_BAD_EXT_UNKNOWN, *bad_at is the offset of the offending byte, *bad_code the ICMPv6 parameter
 * problem's code, and bad_code 0xff means drop in silence (RFC 8200 §4.2). */
enum ip_bad ipv4_parse(const uint8_t *p, uint32_t n, uint32_t len, bool csum_known,
                       struct ip_hdr *h);
enum ip_bad ipv6_parse(const uint8_t *p, uint32_t n, uint32_t len, struct ip_hdr *h,
                       uint16_t *bad_at, uint8_t *bad_code);

static inline bool ip_is_v4(const struct la_addr *a)
{
    static const uint8_t mapped[4] = {0, 0, 0xff, 0xff};
    uint64_t zero;
    uint32_t mark, want;
    memcpy(&zero, a->b, sizeof zero);
    memcpy(&mark, a->b + 8, sizeof mark);
    memcpy(&want, mapped, sizeof want);
    return zero == 0 && mark == want;
}
static inline bool ip_eq(const struct la_addr *a, const struct la_addr *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a->b, sizeof x);
    memcpy(y, b->b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}
static inline const uint8_t *ip_v4(const struct la_addr *a)
{
    return a->b + 12;
}
static inline struct la_addr ip_from_v4(const uint8_t b[4])
{
    struct la_addr a;
    uint32_t v;
    memcpy(&v, b, sizeof v);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    const uint64_t w[2] = {0, UINT64_C(0xffff) << 32 | v};
#else
    const uint64_t w[2] = {0, UINT64_C(0xffff0000) | (uint64_t)v << 32};
#endif
    memcpy(a.b, w, sizeof w); /* two words, as comparing it reads two */
    return a;
}
static inline struct la_addr ip_from_v6(const uint8_t b[16])
{
    struct la_addr a;
    memcpy(a.b, b, sizeof a.b);
    return a;
}

/* The checksum comes from the values and not from the bytes just written: reading those back as
 * words would wait for the stores. */
static inline void ipv4_put(uint8_t *p, uint32_t first, uint32_t second, uint32_t third,
                            const struct la_addr *from, const struct la_addr *to)
{
    uint32_t src, dst;

    memcpy(&src, ip_v4(from), sizeof src);
    memcpy(&dst, ip_v4(to), sizeof dst);
    struct csum c = {(uint64_t)NET32(first) + NET32(second) + NET32(third) + src + dst, 0};
    put32(p, first);
    put32(p + 4, second);
    put32(p + 8, third | csum_field(&c));
    memcpy(p + 12, &src, sizeof src);
    memcpy(p + 16, &dst, sizeof dst);
}

static inline void ipv4_build(uint8_t *p, const struct ip_hdr *h, uint32_t total)
{
    uint32_t frag = h->offset / 8U | (h->df ? IPV4_DF : 0U) | (h->more ? IPV4_MF : 0U);

    ipv4_put(p, 0x45000000U | (uint32_t)h->tos << 16 | total, (uint32_t)h->id << 16 | frag,
             (uint32_t)h->ttl << 24 | (uint32_t)h->proto << 16, &h->src, &h->dst);
}

static inline void ipv6_put(uint8_t *p, uint32_t first, uint32_t second, const struct la_addr *from,
                            const struct la_addr *to)
{
    put32(p, first);
    put32(p + 4, second);
    memcpy(p + 8, from->b, 16);
    memcpy(p + 24, to->b, 16);
}

/* Builds the fixed header for `payload` bytes; returns its length: 20 or 40, by src's family. */
static inline uint32_t ip_build(uint8_t *p, const struct ip_hdr *h, uint32_t payload)
{
    if (ip_is_v4(&h->src)) {
        LA_ASSERT(payload <= 65535U - IPV4_HLEN);
        ipv4_build(p, h, IPV4_HLEN + payload);
        return IPV4_HLEN;
    }
    LA_ASSERT(payload <= 65535U);
    ipv6_put(p, 6U << 28 | (uint32_t)h->tos << 20 | (h->flow & 0xfffff),
             payload << 16 | (uint32_t)h->proto << 8 | h->ttl, &h->src, &h->dst);
    return IPV6_HLEN;
}

bool ip_is_multicast(const struct la_addr *a);         /* 224/4, ff00::/8 */
bool ip_is_limited_broadcast(const struct la_addr *a); /* 255.255.255.255 */
bool ip_is_loopback(const struct la_addr *a);          /* 127/8, ::1 */
bool ip_is_link_local(const struct la_addr *a);        /* fe80::/10, 169.254/16 */
/* May it be a source of a unicast conversation?  Not any, multicast, broadcast, class E, 0/8
 * (RFC 1122 §3.2.1.3). */
bool ip_is_valid_source(const struct la_addr *a);
/* Do the first n bits agree?  IPv4: n counts from the IPv4 address. */
bool ip_prefix_eq(const struct la_addr *a, const struct la_addr *b, unsigned n);

#endif
