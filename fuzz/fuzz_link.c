/* fuzz_link.c: a stack on Ethernet among hosts that say anything: ARP, neighbour discovery, router
 * advertisements, fragments, echo requests; while addresses, routes and connections come and go.
 *
 * After every step each invariant holds, each frame that leaves is sound, and when all is over
 * every byte is given back. */
#include "fuzz/fuzz_net.h"
#include "wire/arp.h"
#include "wire/ndp.h"

#define HANDLES 4U
#define HOSTS 4U
#define OPTIONS_MAX 64U

struct segment {
    struct fuzz_net net;
    la_conn conn[HANDLES];
    struct la_addr host[2][HOSTS]; /* of IPv4 and IPv6; the first is ours */
};

/* ---- what leaves ---- */

static void drain(struct segment *g, unsigned frames)
{
    struct la_frame f;
    while (frames-- && la_tx(g->net.s, 0, &f, g->net.now)) {
        struct eth_hdr h;
        struct arp a;
        CHECK(f.head.n >= ETH_HLEN && eth_parse(f.head.p, f.head.n, &h) && !mac_is_group(&h.src));
        CHECK(h.type == ETH_ARP || h.type == ETH_IPV4 || h.type == ETH_IPV6);
        f.head.p += ETH_HLEN;
        f.head.n -= ETH_HLEN;
        f.len -= ETH_HLEN;
        if (h.type == ETH_ARP)
            CHECK(arp_parse(f.head.p, f.head.n, &a));
        else
            net_check_frame(&g->net, &f);
    }
}

/* ---- what comes ---- */

static struct mac some_mac(struct input *in)
{
    uint8_t how = in_u8(in);
    if (how >= 240)
        return MAC_BROADCAST;
    return (struct mac){{how >= 224 ? 0x33 : 2, 0, 0, 0, 0, how % (HOSTS + 1)}};
}

static const struct la_addr *some_host(const struct segment *g, struct input *in, bool v6)
{
    uint8_t how = in_u8(in);
    static const struct la_addr odd[2][2] = {
        {{{[10] = 0xff, 0xff, 255, 255, 255, 255}}, {{[10] = 0xff, 0xff}}},
        {{{0xff, 2, [15] = 1}}, {{0}}},
    };
    return how < 240 ? &g->host[v6][how % HOSTS] : &odd[v6][how & 1];
}

/* Puts the Ethernet header before n bytes at b + ETH_HLEN. */
static void arrive(struct segment *g, struct input *in, uint8_t *b, uint16_t type, uint32_t n)
{
    uint8_t how = in_u8(in);
    struct eth_hdr h = {.src = some_mac(in), .type = type};
    h.dst = how < 224 ? (struct mac){{2}} : how < 240 ? MAC_BROADCAST : some_mac(in);
    eth_build(b, &h);
    if (how & 1 && n)
        n -= in_u8(in) % n; /* cut off */
    net_receive(&g->net, b, ETH_HLEN + n, LA_CSUM_NONE);
}

static void arp(struct segment *g, struct input *in)
{
    uint8_t b[ETH_HLEN + ARP_LEN];
    struct arp a = {.op = in_u8(in) & 1 ? ARP_REQUEST : ARP_REPLY,
                    .sha = some_mac(in),
                    .tha = some_mac(in),
                    .spa = *some_host(g, in, false),
                    .tpa = *some_host(g, in, false)};
    arp_build(b + ETH_HLEN, &a);
    arrive(g, in, b, ETH_ARP, ARP_LEN);
}

/* The options of neighbour discovery as the input has them, each of a length that fits. */
static uint32_t put_options(struct segment *g, struct input *in, uint8_t *p)
{
    uint32_t n = 0, count = in_u8(in) & 3;
    while (count-- && n + 32 <= OPTIONS_MAX) {
        static const uint8_t kinds[] = {1, 2, 3, 5}, lengths[] = {1, 1, 4, 1};
        uint8_t how = in_u8(in), kind = how & 3;
        memset(p + n, 0, 32);
        p[n] = kinds[kind];
        p[n + 1] = how & 0x80 ? in_u8(in) & 7 : lengths[kind];
        if (kind == 2) {
            p[n + 2] = how & 4 ? in_u8(in) : 64;
            p[n + 3] = how & 8 ? in_u8(in) : 0xc0;
            put32(p + n + 4, in_u16(in));
            put32(p + n + 8, how & 16 ? UINT32_MAX : in_u16(in));
            memcpy(p + n + 16, g->host[1][1].b, 8);
            p[n + 17] = in_u8(in) & 3;
        } else if (kind == 3) {
            put32(p + n + 4, in_u16(in));
        } else {
            p[n + 2] = 2;
            p[n + 7] = in_u8(in) & 7;
        }
        n += lengths[kind] * 8U;
    }
    return n;
}

static void icmp6(struct segment *g, struct input *in)
{
    uint8_t b[ETH_HLEN + IPV6_HLEN + 40 + OPTIONS_MAX] = {0}, *p = b + ETH_HLEN + IPV6_HLEN;
    static const uint8_t types[] = {ICMP6_RS, ICMP6_RA,       ICMP6_NS,
                                    ICMP6_NA, ICMP6_REDIRECT, ICMP6_ECHO};
    static const uint8_t heads[] = {8, 16, 24, 24, 40, 8};
    uint8_t how = in_u8(in);
    unsigned k = how % 6U;
    uint32_t n = heads[k];
    struct ip_hdr ip = {.src = *some_host(g, in, true),
                        .dst = *some_host(g, in, true),
                        .proto = IP_ICMPV6,
                        .ttl = how >= 240 ? 64 : 255};
    p[0] = types[k];
    put32(p + 4, in_u32(in));
    if (n >= 24)
        memcpy(p + 8, some_host(g, in, true)->b, 16);
    else if (n == 16)
        put32(p + 8, in_u16(in));
    n += put_options(g, in, p + n);
    struct csum c = csum_pseudo(&ip.src, &ip.dst, IP_ICMPV6, n);
    csum_add(&c, p, n);
    put16(p + 2, csum_field(&c));
    (void)ip_build(b + ETH_HLEN, &ip, n);
    arrive(g, in, b, ETH_IPV6, IPV6_HLEN + n);
}

/* One piece of one of a few datagrams. */
static void fragment(struct segment *g, struct input *in)
{
    uint8_t b[ETH_HLEN + IPV6_HLEN + 8 + 2048], how = in_u8(in), *p = b + ETH_HLEN;
    bool v6 = how & 1, more = how & 2;
    uint32_t n = (in_u8(in) & 31U) * 8 + (how & 4 ? in_u8(in) & 7U : 0);
    uint32_t offset = how & 8 ? in_u16(in) & 0xfff8U : (in_u8(in) & 31U) * 8, id = how >> 6;
    struct ip_hdr ip = {.src = *some_host(g, in, v6),
                        .dst = g->host[v6][0],
                        .proto = how & 16 ? IP_TCP
                                 : v6     ? IP_ICMPV6
                                          : IP_ICMP,
                        .ttl = 64,
                        .id = (uint16_t)id,
                        .more = more,
                        .offset = (uint16_t)offset};
    uint32_t at = v6 ? IPV6_HLEN + 8 : IPV4_HLEN;
    memset(p + at, how & 32 ? how : 0, n);
    if (v6) {
        p[IPV6_HLEN] = ip.proto;
        p[IPV6_HLEN + 1] = 0;
        put16(p + IPV6_HLEN + 2, (uint16_t)(offset | more));
        put32(p + IPV6_HLEN + 4, id);
        ip.proto = IP_V6_FRAGMENT;
        (void)ip_build(p, &ip, n + 8);
    } else {
        ipv4_build(p, &ip, IPV4_HLEN + n);
    }
    arrive(g, in, b, v6 ? ETH_IPV6 : ETH_IPV4, at + n);
}

static void raw(struct segment *g, struct input *in)
{
    static const uint16_t types[] = {ETH_ARP, ETH_IPV4, ETH_IPV6, 0x8100};
    uint8_t b[ETH_HLEN + 256];
    uint32_t n = in_u8(in);
    uint16_t type = types[in_u8(in) & 3];
    for (uint32_t i = 0; i < n; i++)
        b[ETH_HLEN + i] = in_u8(in);
    arrive(g, in, b, type, n);
}

/* ---- what the owner does ---- */

static void configure(struct segment *g, struct input *in)
{
    uint8_t how = in_u8(in);
    bool v6 = how & 8;
    const struct la_addr *a = some_host(g, in, v6), *via = some_host(g, in, v6);
    unsigned len = in_u8(in) % (v6 ? 130U : 34U);
    struct la_stack *s = g->net.s;
    switch (how & 7) {
    case 0:
        (void)la_addr_add(s, 0, a, len, g->net.now);
        break;
    case 1:
        (void)la_addr_del(s, 0, a, g->net.now);
        break;
    case 2:
        (void)la_route_add(s, a, len, how & 16 ? via : NULL, 0, g->net.now);
        break;
    case 3:
        (void)la_route_del(s, a, len, 0);
        break;
    default:
        CHECK(la_addr_state(s, 0, a) <= LA_ADDR_DUPLICATE);
        break;
    }
}

static void connect_or_end(struct segment *g, struct input *in)
{
    uint8_t how = in_u8(in);
    la_conn *c = &g->conn[how % HANDLES];
    struct la_endpoint to = {*some_host(g, in, how & 4), PORT, -1};
    if (how & 8)
        (void)la_abort(g->net.s, *c, g->net.now);
    else if (la_socket(g->net.s, c) == LA_OK)
        (void)la_connect(g->net.s, *c, NULL, &to, g->net.now);
}

/* ---- the world ---- */

/* False if there was no memory for the interface. */
static bool make(struct segment *g, struct input *in)
{
    struct la_config c;
    uint8_t how = in_u8(in);
    struct la_if_config ifc = {.link = LA_LINK_ETHERNET,
                               .mac = {2},
                               .mtu = how & 1 ? 1500 : 1280,
                               .slaac = how & 2,
                               .no_dad = how & 4};
    la_config_init(&c);
    c.mem = (struct la_memory){net_alloc, net_free, &g->net};
    c.secret[0] = 1;
    c.max_conns = 4;
    c.max_blocks = how & 8 ? 4 : 64;
    if (how & 16) {
        c.lab.enabled = true;
        c.lab.fail_alloc_at = 1 + in_below(in, 64);
    }
    g->net.now = LA_SEC(1);
    g->net.mtu = ifc.mtu;
    CHECK(la_stack_new(&c, g->net.now, &g->net.s) == LA_OK);
    if (la_if_add(g->net.s, &ifc, g->net.now) != 0)
        return false;
    for (uint8_t i = 0; i < HOSTS; i++) {
        g->host[0][i] = la_addr_v4(10, 0, 0, (uint8_t)(i + 1));
        g->host[1][i] = (struct la_addr){{0xfd, [15] = (uint8_t)(i + 1)}};
    }
    g->host[1][HOSTS - 1] = (struct la_addr){{0xfe, 0x80, [15] = HOSTS}}; /* the router */
    (void)la_addr_add(g->net.s, 0, &g->host[0][0], 24, g->net.now);
    (void)la_addr_add(g->net.s, 0, &g->host[1][0], 64, g->net.now);
    return true;
}

static void step(struct segment *g, struct input *in)
{
    uint8_t op = in_u8(in);
    switch (op & 7) {
    case 0:
        arp(g, in);
        break;
    case 1:
    case 2:
        icmp6(g, in);
        break;
    case 3:
        fragment(g, in);
        break;
    case 4:
        if (op & 8)
            raw(g, in);
        else
            configure(g, in);
        break;
    case 5:
        connect_or_end(g, in);
        break;
    case 6:
        net_pass_time(&g->net, in);
        break;
    default:
        drain(g, 1 + (op >> 4));
        break;
    }
    if (op & 0x80)
        drain(g, 64);
    CHECK(la_check(g->net.s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct segment g = {0};
    bool up = make(&g, &in);
    while (up && in.n)
        step(&g, &in);
    la_abort_all(g.net.s, g.net.now);
    for (unsigned i = 0; i < 100; i++) { /* longer than any piece or neighbour is waited for */
        drain(&g, 1000);
        g.net.now += LA_SEC(10);
        la_expire(g.net.s, g.net.now);
    }
    drain(&g, 1000);
    net_close(&g.net);
    return 0;
}
