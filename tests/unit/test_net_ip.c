/* test_net_ip.c: what comes in: addresses, headers, extension headers, junk (RFC 791, RFC 8200,
 * RFC 1122 §3.2.1). */
#include "net_util.h"

static struct flat f;
static uint8_t tcp[20] = {0x12, 0x34, 0,    80, 0,    0,    0, 1, 0, 0,
                          0,    0,    0x50, 2,  0xff, 0xff, 0, 0, 0, 0};

/* From 10.0.0.2 to 10.0.0.1, a TCP segment, so far without fault. */
static struct flat *good4(void)
{
    const struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, tcp, sizeof tcp);
}
static struct flat *good6(void)
{
    const struct ip_hdr ip = hdr("fd00::2", "fd00::1", IP_TCP);
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, tcp, sizeof tcp);
}
static struct flat *from_to(const char *src, const char *dst)
{
    const struct ip_hdr ip = hdr(src, dst, IP_TCP);
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, tcp, sizeof tcp);
}

/* Puts the header checksum of the IPv4 datagram right again. */
static void fix4(void)
{
    struct csum c = {0};
    put16(f.b + 24, 0);
    csum_add(&c, f.b + 14, (f.b[14] & 15U) * 4);
    put16(f.b + 24, csum_field(&c));
}

/* An IPv6 datagram with these bytes behind the fixed header, whose next header is `next`. */
static struct flat *with_ext(uint8_t next, const void *bytes, uint32_t n, const char *dst)
{
    struct ip_hdr ip = hdr("fd00::2", dst, next);
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, bytes, n);
}

static void datagrams_for_tcp(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);

    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct flat *g = v6 ? good6() : good4();
        memset(g->b + g->n, 0xee, 6); /* the link's padding is not the datagram's */
        g->n += 6;
        const struct la_frame fr = {
            .head = {g->b, g->n}, .len = g->n, .csum = LA_CSUM_VALID, .gso_size = 1448};
        assert_int_equal(net_input(h.n, 0, &fr, h.now, &h.d, &h.e), NET_IN_DGRAM);
        assert_int_equal(net_dropped(h.n), NR_COUNT);
        struct la_addr src = addr(v6 ? "fd00::2" : "10.0.0.2"),
                       dst = addr(v6 ? "fd00::1" : "10.0.0.1");
        assert_true(ip_eq(&h.d.h->src, &src) && ip_eq(&h.d.h->dst, &dst));
        assert_int_equal(h.d.payload.len, 20);
        assert_ptr_equal(h.d.payload.head.p, g->b + 14 + (v6 ? 40 : 20));
        assert_ptr_equal(h.d.ip, g->b + 14);
        assert_int_equal(h.d.ip_len, v6 ? 40 : 20);
        assert_int_equal(h.d.h->proto, IP_TCP);
        assert_int_equal(h.d.h->ttl, 64);
        assert_int_equal(h.d.csum, LA_CSUM_VALID);
        assert_int_equal(h.d.gso_size, 1448);
        assert_int_equal(h.d.ifx, 0);
    }
    host_end(&h);
}

/* The payload may go on in spans. */
static void payload_in_spans(void **state)
{
    (void)state;
    struct host h;
    const struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    uint8_t body[120];
    host_usual(&h, &MAC_A, 1);
    memcpy(body, tcp, 20);
    for (unsigned k = 20; k < sizeof body; k++)
        body[k] = (uint8_t)k;
    ip_frame(&f, &MAC_A, &MAC_B, &ip, body, sizeof body);
    const struct la_frame fr = {
        .head = {f.b, 54 + 10}, .span = {{f.b + 64, 50}, {f.b + 114, 40}}, .nspan = 2, .len = f.n};
    assert_int_equal(net_input(h.n, 0, &fr, h.now, &h.d, &h.e), NET_IN_DGRAM);
    assert_int_equal(h.d.payload.len, 120);
    assert_int_equal(h.d.payload.head.n, 30);
    uint8_t copy[120];
    slice_copy(&h.d.payload, 0, copy, 120);
    assert_memory_equal(copy, body, 120);
    host_end(&h);
}

static void raw_ip_link(void **state)
{
    (void)state;
    struct host h;
    const struct la_if_config c = {.link = LA_LINK_IP, .mtu = 1500};
    const struct la_addr a4 = addr("10.0.0.1"), a6 = addr("fd00::1");
    host_defaults(&h);
    host_start(&h);
    assert_int_equal(net_if_add(h.n, &c, h.now), 0);
    assert_int_equal(net_addr_add(h.n, 0, &a4, 24, h.now), LA_OK);
    assert_int_equal(net_addr_add(h.n, 0, &a6, 64, h.now), LA_OK);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct flat *g = v6 ? good6() : good4();
        memmove(g->b, g->b + 14, g->n - 14);
        g->n -= 14;
        assert_int_equal(give(&h, g), NET_IN_DGRAM);
    }
    f.b[0] = 0x50;
    expect_drop(&h, &f, NR_IP_VERSION);
    f.n = 0;
    expect_drop(&h, &f, NR_IP_SHORT);
    /* No neighbours: a frame is ready at once and has no link header. */
    struct net_path path = {0};
    uint8_t l2[NET_L2_MAX];
    uint32_t len = 99;
    const struct la_addr peer = addr("10.0.0.2");
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(net_link(h.n, &a4, &peer, -1, &path, l2, &len, h.now), NET_READY);
        assert_int_equal(len, 0);
    }
    struct ip_hdr ip = hdr("10.0.0.1", "10.0.0.2", IP_TCP);
    net_send(h.n, &ip, -1, tcp, 20, h.now);
    assert_true(take(&h, &f));
    assert_int_equal(f.n, 40);
    assert_int_equal(f.b[0], 0x45);
    host_end(&h);
}

static void bad_headers(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);

    good4()->n = 33;
    expect_drop(&h, &f, NR_IP_SHORT);
    good4()->b[14] = 0x55;
    expect_drop(&h, &f, NR_IP_VERSION);
    good4()->b[14] = 0x44;
    expect_drop(&h, &f, NR_IP4_HLEN);
    good4()->b[22] ^= 1; /* TTL without a new checksum */
    expect_drop(&h, &f, NR_IP4_CSUM);
    put16(good4()->b + 16, 41);
    fix4();
    expect_drop(&h, &f, NR_IP_TOTAL);
    good6()->n = 53;
    expect_drop(&h, &f, NR_IP_SHORT);
    put16(good6()->b + 18, 21);
    expect_drop(&h, &f, NR_IP_TOTAL);
    good6()->b[14] = 0x45;
    expect_drop(&h, &f, NR_IP_VERSION);

    /* Options: a length past the end; a loose source route of eight bytes (and one byte to fill
     * up). */
    struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    uint8_t body[28] = {131, 7, 4, 10, 0, 0, 9, 0};
    memcpy(body + 8, tcp, 20);
    ip_frame(&f, &MAC_A, &MAC_B, &ip, body, sizeof body);
    f.b[14] = 0x47;
    fix4();
    expect_drop(&h, &f, NR_IP4_SOURCE_ROUTE);
    f.b[35] = 9;
    fix4();
    expect_drop(&h, &f, NR_IP4_HLEN);
    f.b[34] = 1; /* NOPs: skipped, the segment arrives */
    memset(f.b + 34, 1, 8);
    fix4();
    assert_int_equal(give(&h, &f), NET_IN_DGRAM);
    assert_int_equal(h.d.ip_len, 28);
    assert_int_equal(h.d.payload.len, 20);
    host_end(&h);
}

/* MUST-57, MUST-63 and RFC 1122 §3.2.1.3: nothing of it is answered. */
static void addresses(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);

    expect_drop(&h, from_to("10.0.0.2", "10.0.0.3"), NR_IP_NOT_OURS);
    expect_drop(&h, from_to("10.0.0.2", "10.0.0.255"), NR_IP_GROUP);
    expect_drop(&h, from_to("10.0.0.2", "255.255.255.255"), NR_IP_GROUP);
    expect_drop(&h, from_to("10.0.0.2", "224.0.0.1"), NR_IP_GROUP);
    expect_drop(&h, from_to("fd00::2", "fd00::3"), NR_IP_NOT_OURS);
    expect_drop(&h, from_to("fd00::2", "ff02::1"), NR_IP_GROUP);
    expect_drop(&h, from_to("fd00::2", "ff02::1:ff00:1"), NR_IP_GROUP);
    expect_drop(&h, from_to("fd00::2", "ff02::2"), NR_IP_GROUP);
    expect_drop(&h, from_to("fd00::2", "::1"), NR_IP_NOT_OURS);
    expect_drop(&h, from_to("10.0.0.2", "127.0.0.1"), NR_IP_NOT_OURS);

    expect_drop(&h, from_to("10.0.0.255", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("255.255.255.255", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("224.0.0.1", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("240.0.0.1", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("0.0.0.0", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("0.1.2.3", "10.0.0.1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("127.0.0.1", "10.0.0.1"), NR_IP_SOURCE_LOOPBACK);
    expect_drop(&h, from_to("10.0.0.1", "10.0.0.1"), NR_IP_SOURCE_OURS);
    expect_drop(&h, from_to("::", "fd00::1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("ff02::1", "fd00::1"), NR_IP_SOURCE);
    expect_drop(&h, from_to("::1", "fd00::1"), NR_IP_SOURCE_LOOPBACK);
    expect_drop(&h, from_to("fd00::1", "fd00::1"), NR_IP_SOURCE_OURS);
    from_to("fd00::2", "fd00::1");
    memcpy(f.b + 22, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2",
           16); /* a mapped address on the wire */
    expect_drop(&h, &f, NR_IP_SOURCE);

    const struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    expect_drop(&h, ip_frame(&f, &MAC_ALL, &MAC_B, &ip, tcp, 20), NR_IP_LINK_GROUP);
    expect_quiet(&h);
    host_end(&h);
}

static void addresses_not_ready(void **state)
{
    (void)state;
    struct host h;
    const struct la_if_config c = ether(&MAC_A, false);
    const struct la_addr a4 = addr("10.0.0.1"), a6 = addr("fd00::1");
    host_defaults(&h);
    host_start(&h);
    assert_int_equal(net_if_add(h.n, &c, h.now), 0);
    assert_int_equal(net_addr_add(h.n, 0, &a4, 24, h.now), LA_OK);
    assert_int_equal(net_addr_add(h.n, 0, &a6, 64, h.now), LA_OK);
    expect_drop(&h, good4(), NR_IP_TENTATIVE);
    expect_drop(&h, good6(), NR_IP_TENTATIVE);
    host_end(&h);

    /* An MTU below 1280: no IPv6. */
    struct la_if_config small = ether(&MAC_A, true);
    small.mtu = 576;
    host_defaults(&h);
    host_start(&h);
    assert_int_equal(net_if_add(h.n, &small, h.now), 0);
    assert_int_equal(net_addr_add(h.n, 0, &a6, 64, h.now), LA_EINVAL);
    assert_int_equal(net_addr_add(h.n, 0, &a4, 24, h.now), LA_OK);
    expect_drop(&h, good6(), NR_IP6_OFF);
    assert_int_equal(give(&h, good4()), NET_IN_DGRAM);
    host_end(&h);
}

/* RFC 8200 §4: skipped, bounded, refused. */
static void extension_headers(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr got;
    uint8_t b[200] = {0};
    host_usual(&h, &MAC_A, 1);

    /* Hop-by-hop with PadN, destination options with an option to be skipped (00xxxxxx), TCP. */
    memcpy(b, "\x3c\0\1\4\0\0\0\0\x06\0\x1e\4\1\2\3\4", 16);
    memcpy(b + 16, tcp, 20);
    assert_int_equal(give(&h, with_ext(0, b, 36, "fd00::1")), NET_IN_DGRAM);
    assert_int_equal(h.d.ip_len, 56);
    assert_int_equal(h.d.payload.len, 20);

    /* An option whose type 10xxxxxx says: discard and tell the sender (code 2, at the option). */
    b[10] = 0x9e;
    expect_drop(&h, with_ext(0, b, 36, "fd00::1"), NR_IP6_EXT_UNKNOWN);
    assert_int_equal(drain(&h), 1); /* the solicitation for fd00::2 */
    struct ip_hdr na = hdr("fd00::2", "fd00::1", IP_ICMPV6);
    struct ndp m = {.type = ICMP6_NA,
                    .target = addr("fd00::2"),
                    .solicited = true,
                    .override = true,
                    .has_lladdr = true,
                    .lladdr = MAC_B};
    uint8_t p[32];
    na.ttl = 255;
    uint32_t n = ndp_build(p, &m);
    (void)give(&h, icmp_frame(&f, &MAC_A, &MAC_B, &na, p, n));
    assert_true(take(&h, &f));
    uint8_t *q = open_ip(&f, &MAC_B, &got);
    assert_int_equal(q[0], ICMP6_PARAM);
    assert_int_equal(q[1], 2);
    assert_int_equal(get32(q + 4), 40 + 10);
    assert_memory_equal(q + 8 + 40, b, 36);

    b[10] = 0x5e; /* 01xxxxxx: discard in silence */
    expect_drop(&h, with_ext(0, b, 36, "fd00::1"), NR_IP6_EXT_UNKNOWN);
    expect_quiet(&h);
    b[10] = 0xde; /* 11xxxxxx: tell, unless it was to a group */
    expect_drop(&h, with_ext(0, b, 36, "ff02::1"), NR_IP6_EXT_UNKNOWN);
    expect_quiet(&h);
    b[10] = 0x9e; /* 10xxxxxx: tell even then, from an address of ours */
    expect_drop(&h, with_ext(0, b, 36, "ff02::1"), NR_IP6_EXT_UNKNOWN);
    assert_true(take(&h, &f));
    (void)open_ip(&f, &MAC_B, &got);
    struct la_addr me = addr("fd00::1");
    assert_true(ip_eq(&got.src, &me));
    expect_drop(&h, with_ext(0, b, 36, "fd00::7"),
                NR_IP_NOT_OURS); /* not for us: not our business */

    /* A routing header with segments left: parameter problem, code 0. */
    memcpy(b, "\x06\0\0\1\0\0\0\0", 8);
    memcpy(b + 8, tcp, 20);
    expect_drop(&h, with_ext(43, b, 28, "fd00::1"), NR_IP6_EXT_UNKNOWN);
    assert_true(take(&h, &f));
    q = open_ip(&f, &MAC_B, &got);
    assert_int_equal(q[1], 0);
    assert_int_equal(get32(q + 4), 42);

    /* Nine headers are one too many; a header that runs past the end. */
    for (unsigned k = 0; k < 9; k++)
        memcpy(b + 8 * k, k == 8 ? "\x06\0\1\4\0\0\0\0" : "\x3c\0\1\4\0\0\0\0", 8);
    expect_drop(&h, with_ext(60, b, 92, "fd00::1"), NR_IP6_EXT);
    b[1] = 200;
    expect_drop(&h, with_ext(60, b, 92, "fd00::1"), NR_IP6_EXT);
    expect_drop(&h, with_ext(59, b, 8, "fd00::1"), NR_IP6_NO_NEXT);
    expect_quiet(&h);
    host_end(&h);
}

/* 100,000 frames of noise, half of them with a header that is nearly right: each is counted, none
 * does harm. */
static void junk(void **state)
{
    (void)state;
    struct host h;
    const struct sipkey key = {1, 2};
    uint64_t rng = 0, total = 0;
    host_usual(&h, &MAC_A, 1);

    for (unsigned k = 0; k < 100000; k++) {
        uint64_t r = sip_next(&key, &rng);
        f.n = (uint32_t)(r % 200);
        for (uint32_t i = 0; i < f.n; i += 8) {
            uint64_t x = sip_next(&key, &rng);
            memcpy(f.b + i, &x, 8);
        }
        if (r & 1U << 20) {
            static const uint16_t type[] = {ETH_IPV4, ETH_IPV6, ETH_ARP, 0x1234};
            static const uint8_t proto[] = {IP_ICMP, IP_TCP, IP_UDP, 44, 58, 0, 60, 43};
            memcpy(f.b, r & 1U << 21 ? MAC_A.b : MAC_ALL.b, 6);
            f.b[6] &= 0xfe;
            unsigned t = r >> 22 & 3;
            put16(f.b + 12, type[t]);
            if (t == 0) {
                f.b[14] = r & 1U << 25 ? 0x45 : 0x46;
                put16(f.b + 16, f.n > 14 ? f.n - 14 : 0);
                f.b[20] &= 0x20;
                f.b[21] &= 3;
                f.b[23] = proto[r >> 26 & 7];
                memcpy(f.b + 26, "\x0a\0\0", 3);
                memcpy(f.b + 30, "\x0a\0\0\1", 4);
                fix4();
            } else if (t == 1) {
                struct la_addr a = addr("fd00::1"), g = addr("ff02::1");
                f.b[14] = 0x60;
                put16(f.b + 18, f.n > 54 ? f.n - 54 : 0);
                f.b[20] = proto[r >> 26 & 7];
                f.b[21] = r & 1U << 29 ? 255 : 64;
                memcpy(f.b + 22, "\xfe\x80", 2);
                memcpy(f.b + 38, r & 1U << 30 ? a.b : g.b, 16);
            } else if (t == 2) {
                memcpy(f.b + 14, "\0\1\x08\0\6\4\0", 7);
                memcpy(f.b + 28, "\x0a\0\0", 3);
                memcpy(f.b + 38, "\x0a\0\0\1", 4);
            }
        }
        h.now += LA_USEC(100);
        /* Checksums are often vouched for, so that what lies behind them is reached. */
        enum net_in in = give_frame(&h, 0, &f, r & 1U << 31 ? LA_CSUM_VALID : LA_CSUM_NONE);
        assert_true(in != NET_IN_DONE || net_dropped(h.n) != NR_COUNT || h.traces > total);
        total = h.traces;
        if (k % 64 == 0) {
            (void)drain(&h);
            if (net_deadline(h.n) <= h.now)
                net_expire(h.n, h.now);
            assert_int_equal(net_check(h.n), 0);
        }
    }
    (void)drain(&h);
    run(&h, LA_SEC(300));
    (void)drain(&h);
    struct la_usage u = {0};
    net_usage(h.n, &u);
    assert_int_equal(u.neighbours + u.reassembly + u.packets + u.pmtu, 0);
    assert_int_equal(h.blocks.used, 0);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_for_tcp), cmocka_unit_test(payload_in_spans),
        cmocka_unit_test(raw_ip_link),       cmocka_unit_test(bad_headers),
        cmocka_unit_test(addresses),         cmocka_unit_test(addresses_not_ready),
        cmocka_unit_test(extension_headers), cmocka_unit_test(junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
