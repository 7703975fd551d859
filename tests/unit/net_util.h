/* net_util.h: hosts and hand-built frames for the tests of core/net. */
#ifndef LA_TESTS_NET_UTIL_H
#define LA_TESTS_NET_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/endian.h"
#include "net/private.h"

#define NFRAMES 512
#define T0 LA_SEC(1000) /* where the clocks of the tests begin */

/* A stack's network layer with everything that it stands on. */
struct host {
    struct la_config cfg;
    struct mem mem;
    struct blocks blocks;
    struct pool ranges;
    uint64_t rules[NR_COUNT];
    struct net *n;
    la_ns now;
    uint64_t traces;
    /* the last results */
    enum net_in in;
    struct ip_dgram d;
    struct icmp_err e;
};

/* A frame, flat. */
struct flat {
    uint8_t b[70000];
    uint32_t n;
};

static inline void *test_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}
static inline void test_release(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}
static inline void test_tracer(void *ctx, const struct la_trace *ev)
{
    struct host *h = ctx;
    assert_true(ev->rule < NR_COUNT);
    assert_true(ev->kind == LA_TRACE_DROP || ev->kind == LA_TRACE_RULE);
    assert_true(ev->now == h->now);
    h->traces++;
}

static inline void host_defaults(struct host *h)
{
    *h = (struct host){.now = T0};
    h->cfg = (struct la_config){
        .mem = {test_alloc, test_release, NULL},
        .max_blocks = 4096,
        .max_neighbours = 16,
        .max_routes = 64,
        .max_pmtu = 8,
        .max_reassembly = 4,
        .icmp_echo = true,
        .trace = test_tracer,
        .trace_ctx = h,
    };
}

static inline void host_start(struct host *h)
{
    h->mem = (struct mem){.from = h->cfg.mem};
    blocks_init(&h->blocks, &h->mem, h->cfg.max_blocks);
    pool_init(&h->ranges, &h->mem, 16, 16);
    const struct net_config c = {
        .cfg = &h->cfg,
        .mem = &h->mem,
        .blocks = &h->blocks,
        .ranges = &h->ranges,
        .key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL},
        .rules = h->rules,
    };
    assert_int_equal(net_new(&c, h->now, &h->n), LA_OK);
}

/* Ends a test: the invariants hold, nothing is left behind. */
static inline void host_end(struct host *h)
{
    assert_int_equal(net_check(h->n), 0);
    net_free(h->n);
    assert_int_equal(h->blocks.used, 0);
    blocks_free(&h->blocks);
    pool_free(&h->ranges);
    assert_int_equal(h->mem.bytes, 0);
    const char *log = getenv("LA_RULE_LOG"); /* which rules did the tests hit? */
    FILE *f = log ? fopen(log, "a") : NULL;
    static const char *const name[] = {
#define RULE(id, section, text) #id,
#include "net/rules.def"
#undef RULE
    };
    for (unsigned k = 0; f && k < NR_COUNT; k++)
        if (h->rules[k])
            fprintf(f, "%s\n", name[k]);
    if (f)
        fclose(f);
}

static const struct mac MAC_A = {{2, 0, 0, 0, 0, 0xa}};
static const struct mac MAC_B = {{2, 0, 0, 0, 0, 0xb}};
static const struct mac MAC_ALL = {{255, 255, 255, 255, 255, 255}};

static inline struct la_addr addr(const char *text)
{
    struct la_addr a;
    assert_int_equal(la_addr_parse(text, &a), LA_OK);
    return a;
}

static inline struct la_if_config ether(const struct mac *m, bool no_dad)
{
    struct la_if_config c = {
        .link = LA_LINK_ETHERNET, .mtu = 1500, .no_dad = no_dad, .no_announce = no_dad};
    memcpy(c.mac, m->b, 6);
    return c;
}

/* The usual host: Ethernet, 10.0.0.last/24 and fd00::last/64, usable at once. */
static inline void host_usual(struct host *h, const struct mac *m, unsigned last)
{
    host_defaults(h);
    host_start(h);
    struct la_if_config c = ether(m, true);
    struct la_addr a4 = la_addr_v4(10, 0, 0, (uint8_t)last), a6 = addr("fd00::");
    a6.b[15] = (uint8_t)last;
    assert_int_equal(net_if_add(h->n, &c, h->now), 0);
    assert_int_equal(net_addr_add(h->n, 0, &a4, 24, h->now), LA_OK);
    assert_int_equal(net_addr_add(h->n, 0, &a6, 64, h->now), LA_OK);
}

static inline uint64_t count(const struct host *h, enum net_rule r)
{
    return h->rules[r];
}

/* ---- frames in ---- */

static inline enum net_in give_frame(struct host *h, int ifx, const struct flat *f, uint8_t csum)
{
    /* An exact allocation: a read past the end is seen by the sanitizer. */
    uint8_t *copy = malloc(f->n ? f->n : 1);
    memcpy(copy, f->b, f->n);
    const struct la_frame fr = {.head = {copy, f->n}, .len = f->n, .csum = csum};
    h->in = net_input(h->n, ifx, &fr, h->now, &h->d, &h->e);
    h->d.payload.head.p = NULL; /* gone with the copy */
    h->d.ip = NULL;
    free(copy);
    return h->in;
}
static inline enum net_in give(struct host *h, const struct flat *f)
{
    return give_frame(h, 0, f, LA_CSUM_NONE);
}

/* The frame is dropped under this rule. */
static inline void expect_drop(struct host *h, const struct flat *f, enum net_rule r)
{
    uint64_t before = h->rules[r];
    assert_int_equal(give(h, f), NET_IN_DONE);
    assert_int_equal(net_dropped(h->n), r);
    assert_int_equal(h->rules[r], before + 1);
}

static inline void put_eth(struct flat *f, const struct mac *dst, const struct mac *src,
                           unsigned type)
{
    memcpy(f->b, dst->b, 6);
    memcpy(f->b + 6, src->b, 6);
    put16(f->b + 12, type);
    f->n = 14;
}

/* An Ethernet frame with an IP header and payload; the IP header's own fields from `h`. */
static inline struct flat *ip_frame(struct flat *f, const struct mac *dst, const struct mac *src,
                                    const struct ip_hdr *h, const void *payload, uint32_t n)
{
    put_eth(f, dst, src, ip_is_v4(&h->dst) ? ETH_IPV4 : ETH_IPV6);
    f->n += ip_build(f->b + 14, h, n);
    if (n)
        memcpy(f->b + f->n, payload, n);
    f->n += n;
    return f;
}

static inline struct ip_hdr hdr(const char *src, const char *dst, uint8_t proto)
{
    return (struct ip_hdr){.src = addr(src), .dst = addr(dst), .proto = proto, .ttl = 64};
}

/* Fills in the ICMP checksum of a message in place. */
static inline void icmp_csum(const struct ip_hdr *h, uint8_t *p, uint32_t n)
{
    struct csum c = {0};
    if (!ip_is_v4(&h->dst))
        c = csum_pseudo(&h->src, &h->dst, IP_ICMPV6, n);
    put16(p + 2, 0);
    csum_add(&c, p, n);
    put16(p + 2, csum_field(&c));
}

static inline struct flat *icmp_frame(struct flat *f, const struct mac *dst, const struct mac *src,
                                      const struct ip_hdr *h, uint8_t *p, uint32_t n)
{
    icmp_csum(h, p, n);
    return ip_frame(f, dst, src, h, p, n);
}

static inline struct flat *arp_frame(struct flat *f, const struct mac *dst, unsigned op,
                                     const struct mac *sha, const char *spa, const struct mac *tha,
                                     const char *tpa)
{
    struct arp a = {
        .op = (uint16_t)op, .sha = *sha, .tha = *tha, .spa = addr(spa), .tpa = addr(tpa)};
    put_eth(f, dst, sha, ETH_ARP);
    arp_build(f->b + 14, &a);
    f->n += ARP_LEN;
    return f;
}

/* ---- frames out ---- */

static inline bool take_if(struct host *h, int ifx, struct flat *f)
{
    struct la_frame fr;
    if (!net_tx(h->n, ifx, &fr, h->now))
        return false;
    memcpy(f->b, fr.head.p, fr.head.n);
    f->n = fr.head.n;
    for (uint32_t k = 0; k < fr.nspan; k++) {
        memcpy(f->b + f->n, fr.span[k].p, fr.span[k].n);
        f->n += fr.span[k].n;
    }
    assert_int_equal(f->n, fr.len);
    assert_int_equal(fr.csum, LA_CSUM_NONE);
    return true;
}
static inline bool take(struct host *h, struct flat *f)
{
    return take_if(h, 0, f);
}
static inline void expect_quiet(struct host *h)
{
    static struct flat f;
    assert_false(take(h, &f));
}
static inline unsigned drain(struct host *h)
{
    static struct flat f;
    unsigned k = 0;
    while (take(h, &f))
        k++;
    return k;
}

/* The frame is IP with right checksums and for this destination MAC; fills the header, returns the
 * payload. */
static inline uint8_t *open_ip(struct flat *f, const struct mac *dst, struct ip_hdr *h)
{
    uint16_t at;
    uint8_t code;
    assert_true(f->n >= 14);
    if (dst)
        assert_memory_equal(f->b, dst->b, 6);
    if (get16(f->b + 12) == ETH_IPV4)
        assert_int_equal(ipv4_parse(f->b + 14, f->n - 14, f->n - 14, false, h), IP_OK);
    else
        assert_int_equal(ipv6_parse(f->b + 14, f->n - 14, f->n - 14, h, &at, &code), IP_OK);
    assert_int_equal(h->total, f->n - 14);
    uint8_t *p = f->b + 14 + h->hlen;
    uint32_t n = h->total - h->hlen;
    struct csum c = {0};
    if (h->proto == IP_ICMPV6)
        c = csum_pseudo(&h->src, &h->dst, IP_ICMPV6, n);
    if (!h->fragment && (h->proto == IP_ICMP || h->proto == IP_ICMPV6)) {
        csum_add(&c, p, n);
        assert_int_equal(csum_fold(&c), 0xffff);
    }
    return p;
}

/* The next frame is ARP of this operation. */
static inline struct arp expect_arp(struct host *h, const struct mac *dst, unsigned op)
{
    static struct flat f;
    struct arp a;
    assert_true(take(h, &f));
    assert_memory_equal(f.b, dst->b, 6);
    assert_int_equal(get16(f.b + 12), ETH_ARP);
    assert_int_equal(f.n, 14 + ARP_LEN);
    assert_true(arp_parse(f.b + 14, f.n - 14, &a));
    assert_int_equal(a.op, op);
    return a;
}

/* The next frame is neighbour discovery of this type. */
static inline struct ndp expect_nd(struct host *h, const struct mac *dst, unsigned type,
                                   struct ip_hdr *ip)
{
    static struct flat f;
    struct ndp m;
    assert_true(take(h, &f));
    uint8_t *p = open_ip(&f, dst, ip);
    assert_int_equal(ip->proto, IP_ICMPV6);
    assert_int_equal(ip->ttl, 255);
    assert_true(ndp_parse(p, ip->total - ip->hlen, &m));
    assert_int_equal(m.type, type);
    return m;
}

/* ---- time ---- */

static inline void run_to(struct host *h, la_ns t)
{
    while (net_deadline(h->n) <= t) {
        if (net_deadline(h->n) > h->now)
            h->now = net_deadline(h->n);
        net_expire(h->n, h->now);
        assert_true(net_deadline(h->n) > h->now);
    }
    h->now = t;
    assert_int_equal(net_check(h->n), 0);
}
static inline void run(struct host *h, la_ns by)
{
    run_to(h, h->now + by);
}

/* Carries frames both ways until both are silent. */
static inline unsigned pump(struct host *a, struct host *b)
{
    static struct flat f;
    unsigned moved = 0;
    for (bool again = true; again;) {
        again = false;
        while (take(a, &f)) {
            (void)give(b, &f);
            again = true;
            moved++;
        }
        while (take(b, &f)) {
            (void)give(a, &f);
            again = true;
            moved++;
        }
        assert_true(moved < 100000);
    }
    return moved;
}

static inline struct neighbour *neighbour_of(struct host *h, const char *a)
{
    struct la_addr x = addr(a);
    uint32_t i = nb_find(h->n, 0, &x);
    return i ? nb_at(h->n, i) : NULL;
}
/* Its state now, or -1. */
static inline int state_of(struct host *h, const char *a)
{
    const struct neighbour *nb = neighbour_of(h, a);
    return nb ? (int)nb_state_now(nb, h->now) : -1;
}

#endif
