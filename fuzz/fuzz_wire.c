/* fuzz_wire.c: each parser of core/wire on any bytes: it stays inside them, what it accepts makes
 * sense, and what is built again from the values is what was parsed. */
#include "fuzz/fuzz.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/ndp.h"
#include "wire/slice.h"
#include "wire/tcp.h"

static void ethernet(const uint8_t *p, uint32_t n)
{
    struct eth_hdr h;
    uint8_t b[ETH_HLEN];
    bool ok = eth_parse(p, n, &h);
    CHECK(ok == (n >= ETH_HLEN));
    if (!ok)
        return;
    eth_build(b, &h);
    CHECK(memcmp(b, p, sizeof b) == 0);
}

static void arp(const uint8_t *p, uint32_t n)
{
    struct arp a;
    uint8_t b[ARP_LEN];
    if (!arp_parse(p, n, &a))
        return;
    CHECK(n >= ARP_LEN && (a.op == ARP_REQUEST || a.op == ARP_REPLY));
    CHECK(ip_is_v4(&a.spa) && ip_is_v4(&a.tpa));
    arp_build(b, &a);
    CHECK(memcmp(b, p, sizeof b) == 0);
}

/* `len` may be more than n: the frame goes on in spans. */
static void ipv4(const uint8_t *p, uint32_t n, uint32_t more)
{
    struct ip_hdr h;
    uint8_t b[IPV4_HLEN];
    if (ipv4_parse(p, n, n + more, more & 1, &h) != IP_OK)
        return;
    CHECK(h.hlen >= IPV4_HLEN && h.hlen <= 60 && h.hlen <= n);
    CHECK(h.total >= h.hlen && h.total <= n + more);
    CHECK(ip_is_v4(&h.src) && ip_is_v4(&h.dst));
    CHECK(h.fragment == (h.more || h.offset));
    if (h.hlen != IPV4_HLEN || p[6] & 0x80)
        return;
    ipv4_build(b, &h, h.total);
    memcpy(b + 10, p + 10, 2); /* zero has two forms, and it may not have been looked at */
    CHECK(memcmp(b, p, sizeof b) == 0);
}

static void ipv6(const uint8_t *p, uint32_t n, uint32_t more)
{
    struct ip_hdr h;
    uint16_t bad_at = 0;
    uint8_t bad_code = 0;
    enum ip_bad bad = ipv6_parse(p, n, n + more, &h, &bad_at, &bad_code);
    if (bad == IP_BAD_EXT_UNKNOWN)
        CHECK(bad_at < n && bad_at >= 6);
    if (bad != IP_OK)
        return;
    CHECK(h.hlen >= IPV6_HLEN && h.hlen <= n && h.hlen <= h.total && h.total <= n + more);
    CHECK(h.nh_at < h.hlen && p[h.nh_at] == (h.fragment ? IP_V6_FRAGMENT : h.proto));
    CHECK(!ip_is_v4(&h.src) && !ip_is_v4(&h.dst));
    if (h.fragment)
        CHECK(h.proto == IP_V6_FRAGMENT && h.unfrag + 8U <= h.hlen && (h.more || h.offset));
}

static void icmp(const uint8_t *p, uint32_t n)
{
    struct icmp_hdr h;
    uint8_t b[ICMP_HLEN];
    bool ok = icmp_parse(p, n, &h);
    CHECK(ok == (n >= ICMP_HLEN));
    if (!ok)
        return;
    icmp_build(b, &h);
    CHECK(memcmp(b, p, 2) == 0 && memcmp(b + 4, p + 4, 4) == 0 && b[2] == 0 && b[3] == 0);
}

static void ndp(const uint8_t *p, uint32_t n)
{
    struct ndp m, again;
    uint8_t b[32];
    if (!ndp_parse(p, n, &m))
        return;
    CHECK(m.type >= ICMP6_RS && m.type <= ICMP6_REDIRECT && m.nprefix <= NDP_PREFIXES);
    for (uint32_t i = 0; i < m.nprefix; i++) {
        CHECK(m.prefix[i].len <= 128 && !ip_is_multicast(&m.prefix[i].prefix));
        CHECK(!ip_is_v4(&m.prefix[i].prefix));
    }
    CHECK(!m.has_lladdr || !mac_is_group(&m.lladdr));
    if (m.type == ICMP6_RA || m.type == ICMP6_REDIRECT)
        return;
    uint32_t built = ndp_build(b, &m);
    CHECK(built <= sizeof b && ndp_parse(b, built, &again));
    CHECK(memcmp(&m.target, &again.target, sizeof m.target) == 0);
    CHECK(m.type == again.type && m.has_lladdr == again.has_lladdr);
    CHECK(m.router == again.router && m.solicited == again.solicited);
    CHECK(m.override == again.override && (!m.has_lladdr || mac_eq(&m.lladdr, &again.lladdr)));
}

static void tcp(const uint8_t *p, uint32_t n)
{
    struct tcp_hdr h;
    uint8_t b[TCP_HLEN];
    if (!tcp_parse(p, n, &h))
        return;
    CHECK(h.hlen >= TCP_HLEN && h.hlen <= TCP_HLEN_MAX && h.hlen <= n);
    (void)tcp_build(b, &h);
    memcpy(b + 16, p + 16, 2);
    b[12] |= p[12] & 0x0f; /* reserved */
    CHECK(memcmp(b, p, sizeof b) == 0);
}

static void same_options(const struct tcp_opts *a, const struct tcp_opts *b)
{
    CHECK(a->has_mss == b->has_mss && a->mss == b->mss);
    CHECK(a->has_wscale == b->has_wscale && a->wscale == b->wscale);
    CHECK(a->has_ts == b->has_ts && a->tsval == b->tsval && a->tsecr == b->tsecr);
    CHECK(a->sack_permitted == b->sack_permitted && b->nsack <= a->nsack);
    CHECK((a->nsack > 0) == (b->nsack > 0));
    for (unsigned i = 0; i < b->nsack; i++)
        CHECK(seq_eq(a->sack[i].start, b->sack[i].start) && seq_eq(a->sack[i].end, b->sack[i].end));
}

static void options(const uint8_t *p, uint32_t n, bool syn)
{
    struct tcp_opts o, again;
    uint8_t b[40];
    uint32_t tsval, tsecr;
    n = n < 40 ? n : 40;
    bool good = tcp_opts_parse(p, n, syn, &o);
    CHECK(o.nsack <= TCP_SACK_MAX);
    CHECK(syn || (!o.has_mss && !o.has_wscale && !o.sack_permitted));
    if (tcp_opts_only_ts(p, n, &tsval, &tsecr))
        CHECK(good && o.has_ts && o.tsval == tsval && o.tsecr == tsecr && !o.nsack && !o.has_mss);
    uint32_t built = tcp_opts_build(b, &o);
    CHECK(built <= sizeof b && built % 4 == 0 && tcp_opts_parse(b, built, syn, &again));
    same_options(&o, &again);
}

/* A slice is its bytes, however they are cut, trimmed and skipped. */
static void slice(struct input *in)
{
    uint8_t copy[256];
    struct la_span span[3];
    uint32_t cuts[4], skip = in_u8(in), trim = in_u8(in);
    for (unsigned i = 0; i < 4; i++)
        cuts[i] = in_u8(in);
    size_t n;
    uint8_t *p = in_rest(in, &n);
    uint32_t len = n < sizeof copy ? (uint32_t)n : (uint32_t)sizeof copy, at = 0;
    uint32_t k = cuts[0] % (len + 1);
    struct slice s = {{p, k}, span, 3, len};
    at = k;
    for (unsigned i = 0; i < 3; i++, at += k) {
        k = i == 2 ? len - at : cuts[i + 1] % (len - at + 1);
        span[i] = (struct la_span){p + at, k};
    }
    skip %= s.head.n + 1;
    slice_skip(&s, skip);
    slice_trim(&s, trim % (s.len + 1));
    struct csum c = {0}, want = {0};
    slice_csum(&s, &c);
    csum_add(&want, p + skip, s.len);
    CHECK(csum_fold(&c) == csum_fold(&want));
    uint32_t from = cuts[3] % (s.len + 1);
    slice_copy(&s, from, copy, s.len - from);
    CHECK(memcmp(copy, p + skip + from, s.len - from) == 0);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t what = in_u8(&in), how = in_u8(&in);
    size_t all;
    if (what % 10 == 9) {
        slice(&in);
        return 0;
    }
    uint8_t *p = in_rest(&in, &all);
    uint32_t n = all < 70000 ? (uint32_t)all : 70000;
    switch (what % 10) {
    case 0:
        ethernet(p, n);
        break;
    case 1:
        arp(p, n);
        break;
    case 2:
        ipv4(p, n, how);
        break;
    case 3:
    case 4:
        ipv6(p, n, how);
        break;
    case 5:
        icmp(p, n);
        break;
    case 6:
        ndp(p, n);
        break;
    case 7:
        tcp(p, n);
        break;
    case 8:
        options(p, n, how & 1);
        break;
    default:
        break;
    }
    free(p);
    return 0;
}
