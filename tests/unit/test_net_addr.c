/* test_net_addr.c: is an address free (RFC 4862 §5.4, RFC 5227), and who asks for it. */
#include "addr_util.h"

static const struct mac NOBODY = {{0}};

/* fe80::aff:fe00:a is made of 02:00:00:00:00:0a (RFC 4291 Appendix A). */
static void link_local_of_the_mac(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip;
    start(&h, false);
    assert_int_equal(state_of_addr(&h, "fe80::ff:fe00:a"), LA_ADDR_TENTATIVE);
    run(&h, 0);
    const struct mac group = {{0x33, 0x33, 0xff, 0, 0, 0xa}};
    struct ndp m = expect_nd(&h, &group, ICMP6_NS, &ip);
    const struct la_addr any = LA_ADDR_ANY, node = addr("ff02::1:ff00:a"),
                         own = addr("fe80::ff:fe00:a");
    assert_true(ip_eq(&ip.src, &any) && ip_eq(&ip.dst, &node) && ip_eq(&m.target, &own));
    assert_false(m.has_lladdr);
    run(&h, RETRANS_TIMER - 1);
    assert_int_equal(state_of_addr(&h, "fe80::ff:fe00:a"), LA_ADDR_TENTATIVE);
    run(&h, 1);
    assert_int_equal(state_of_addr(&h, "fe80::ff:fe00:a"), LA_ADDR_PREFERRED);
    assert_int_equal(count(&h, NR_DAD_DONE), 1);
    const struct mac all = {{0x33, 0x33, 0, 0, 0, 1}}; /* announced to all nodes */
    m = expect_nd(&h, &all, ICMP6_NA, &ip);
    assert_true(m.override && !m.solicited && ip_eq(&m.target, &own) && ip_eq(&ip.src, &own));
    expect_quiet(&h);
    assert_true(net_deadline(h.n) == LA_NEVER);
    host_end(&h);
}

/* Whoever does not ask announces all the same: neighbours may have the address with another MAC, of
 * a host that had it before.  Not on a link without any, and not if that is not wanted. */
static void announced_without_asking(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip;
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        host_defaults(&h);
        host_start(&h);
        struct la_if_config c = ether(&MAC_A, true);
        c.no_announce = quiet == 1;
        c.link = quiet == 2 ? LA_LINK_IP : LA_LINK_ETHERNET;
        assert_int_equal(net_if_add(h.n, &c, h.now), 0);
        const struct la_addr a4 = addr("10.0.0.1"), a6 = addr("fd00::1"),
                             ll = addr("fe80::ff:fe00:a");
        assert_int_equal(net_addr_add(h.n, 0, &a4, 24, h.now), LA_OK);
        assert_int_equal(net_addr_add(h.n, 0, &a6, 64, h.now), LA_OK);
        assert_true(net_is_local(h.n, &a4, -1) && net_is_local(h.n, &a6, -1));
        if (quiet) {
            expect_quiet(&h);
            run(&h, LA_SEC(10));
            expect_quiet(&h);
            host_end(&h);
            continue;
        }
        const struct mac all = {{0x33, 0x33, 0, 0, 0, 1}};
        struct ndp m = expect_nd(&h, &all, ICMP6_NA, &ip);
        assert_true(m.override && !m.solicited && ip_eq(&m.target, &ll) && ip_eq(&ip.src, &ll));
        for (unsigned k = 0; k < ANNOUNCE_NUM; k++) {
            struct arp a = expect_arp(&h, &MAC_ALL, ARP_REQUEST);
            assert_true(ip_eq(&a.spa, &a4) && ip_eq(&a.tpa, &a4));
            assert_memory_equal(a.sha.b, MAC_A.b, 6);
            assert_memory_equal(a.tha.b, NOBODY.b, 6);
            if (k == 0) {
                m = expect_nd(&h, &all, ICMP6_NA, &ip);
                assert_true(m.override && !m.solicited && ip_eq(&m.target, &a6));
                assert_true(m.has_lladdr && mac_eq(&m.lladdr, &MAC_A));
                expect_quiet(&h);
                run(&h, ANNOUNCE_INTERVAL);
            }
        }
        expect_quiet(&h);
        assert_int_equal(count(&h, NR_ADDR_ANNOUNCED), 4);
        assert_true(net_deadline(h.n) == LA_NEVER);
        host_end(&h);
    }
}

static void duplicate_v6(void **state)
{
    (void)state;
    struct host h;
    /* The owner defends itself. */
    start(&h, false);
    run(&h, LA_SEC(2));
    add(&h, "fd00::1", 64);
    run(&h, 0);
    (void)drain(&h);
    struct ndp m = {.type = ICMP6_NA,
                    .target = addr("fd00::1"),
                    .override = true,
                    .has_lladdr = true,
                    .lladdr = MAC_B};
    uint8_t p[32];
    uint32_t n = ndp_build(p, &m);
    expect_drop(&h, nd_frame("fd00::1", "ff02::1", &MAC_B, p, n), NR_DAD_DUPLICATE);
    assert_int_equal(state_of_addr(&h, "fd00::1"), LA_ADDR_DUPLICATE);
    run(&h, LA_SEC(5));
    expect_quiet(&h);
    /* We left its solicited-node group with it. */
    expect_drop(&h, ns_frame("fd00::2", "ff02::1:ff00:1", "fd00::1", true), NR_IP_GROUP);
    struct la_addr local = addr("fd00::1"), remote = addr("fd00::2");
    struct net_path path;
    assert_int_equal(net_route(h.n, &local, &remote, -1, &path, h.now), LA_EADDRNOTAVAIL);
    add(&h, "fd00::1", 64); /* the user may try again */
    assert_int_equal(state_of_addr(&h, "fd00::1"), LA_ADDR_TENTATIVE);

    /* Another host that asks for the same address at the same time; not a neighbour that resolves
     * it; not our own question, come back. */
    run(&h, 0);
    (void)drain(&h);
    expect_drop(&h, ns_frame("fd00::2", "ff02::1:ff00:1", "fd00::1", true), NR_IP_TENTATIVE);
    ns_frame("::", "ff02::1:ff00:1", "fd00::1", false);
    memcpy(f.b + 6, MAC_A.b, 6);
    expect_drop(&h, &f, NR_NS_NOT_OURS);
    assert_int_equal(state_of_addr(&h, "fd00::1"), LA_ADDR_TENTATIVE);
    expect_drop(&h, ns_frame("::", "ff02::1:ff00:1", "fd00::1", true), NR_ND_BAD);
    expect_drop(&h, ns_frame("::", "ff02::1", "fd00::1", false), NR_ND_BAD);
    expect_drop(&h, ns_frame("::", "ff02::1:ff00:1", "fd00::1", false), NR_DAD_DUPLICATE);
    assert_int_equal(state_of_addr(&h, "fd00::1"), LA_ADDR_DUPLICATE);
    host_end(&h);

    /* The MAC itself is doubled: no IPv6 on this interface (RFC 4862 §5.4.5). */
    start(&h, true);
    run(&h, 0);
    expect_drop(&h, ns_frame("::", "ff02::1:ff00:a", "fe80::ff:fe00:a", false), NR_DAD_DUPLICATE);
    assert_int_equal(count(&h, NR_DAD_IPV6_OFF), 1);
    (void)drain(&h);
    run(&h, LA_SEC(20));
    expect_quiet(&h);
    expect_drop(&h, ns_frame("fd00::2", "ff02::1", "fd00::1", true), NR_IP6_OFF);
    host_end(&h);
}

/* Two that want the same address at once: neither gets it; two that follow each other: the first
 * keeps it. */
static void two_claim_one(void **state)
{
    (void)state;
    static struct host a, b;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const char *text = v6 ? "fd00::5" : "10.0.0.5";
        host_defaults(&a);
        host_start(&a);
        host_defaults(&b);
        host_start(&b);
        const struct la_if_config ca = ether(&MAC_A, false), cb = ether(&MAC_B, false);
        const struct la_addr x = addr(text);
        assert_int_equal(net_if_add(a.n, &ca, a.now), 0);
        assert_int_equal(net_if_add(b.n, &cb, b.now), 0);
        assert_int_equal(net_addr_add(a.n, 0, &x, 24, a.now), LA_OK);
        for (unsigned t = 0; t < 200; t++) {
            run(&a, LA_MSEC(50));
            run_to(&b, a.now);
            (void)pump(&a, &b);
        }
        assert_int_equal(net_addr_state(a.n, 0, &x), LA_ADDR_PREFERRED);
        assert_int_equal(net_addr_add(b.n, 0, &x, 24, b.now), LA_OK);
        for (unsigned t = 0; t < 200; t++) {
            run(&a, LA_MSEC(50));
            run_to(&b, a.now);
            (void)pump(&a, &b);
        }
        assert_int_equal(net_addr_state(a.n, 0, &x), LA_ADDR_PREFERRED);
        assert_int_equal(net_addr_state(b.n, 0, &x), LA_ADDR_DUPLICATE);
        host_end(&a);
        host_end(&b);
    }
}

/* RFC 5227 §2.1.1 and §2.3: three probes 1 to 2 s apart, 2 s of waiting, two announcements 2 s
 * apart. */
static void arp_probes(void **state)
{
    (void)state;
    struct host h;
    start(&h, false);
    run(&h, LA_SEC(2));
    (void)drain(&h);
    la_ns begin = h.now, last = 0;
    add(&h, "10.0.0.1", 24);
    const struct la_addr any = la_addr_v4(0, 0, 0, 0), own = addr("10.0.0.1");
    for (unsigned k = 0; k < PROBE_NUM; k++) {
        run_to(&h, net_deadline(h.n));
        struct arp a = expect_arp(&h, &MAC_ALL, ARP_REQUEST);
        assert_true(ip_eq(&a.spa, &any) && ip_eq(&a.tpa, &own));
        assert_memory_equal(a.tha.b, NOBODY.b, 6);
        if (k == 0)
            assert_true(h.now - begin < PROBE_WAIT);
        else
            assert_true(h.now - last >= PROBE_MIN && h.now - last <= PROBE_MAX);
        last = h.now;
    }
    run(&h, ANNOUNCE_WAIT - 1);
    assert_int_equal(state_of_addr(&h, "10.0.0.1"), LA_ADDR_TENTATIVE);
    expect_quiet(&h);
    run(&h, 1);
    assert_int_equal(state_of_addr(&h, "10.0.0.1"), LA_ADDR_PREFERRED);
    for (unsigned k = 0; k < ANNOUNCE_NUM; k++) {
        struct arp a = expect_arp(&h, &MAC_ALL, ARP_REQUEST);
        assert_true(ip_eq(&a.spa, &own) && ip_eq(&a.tpa, &own));
        expect_quiet(&h);
        run(&h, ANNOUNCE_INTERVAL);
    }
    expect_quiet(&h);
    host_end(&h);
}

static void duplicate_v4(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct host h;
        start(&h, false);
        add(&h, "10.0.0.1", 24);
        run(&h, LA_SEC(1));
        if (way == 0) /* the owner answers */
            arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_B, "10.0.0.1", &MAC_A, "0.0.0.0");
        else /* another probes */
            arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, "0.0.0.0", &NOBODY, "10.0.0.1");
        expect_drop(&h, &f, NR_DAD_DUPLICATE);
        assert_int_equal(state_of_addr(&h, "10.0.0.1"), LA_ADDR_DUPLICATE);
        (void)drain(&h);
        run(&h, LA_SEC(10));
        (void)drain(&h);
        expect_drop(&h,
                    arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, "10.0.0.2", &NOBODY, "10.0.0.1"),
                    NR_ARP_NOT_US);
        expect_quiet(&h);
        host_end(&h);
    }
}

/* RFC 5227 §2.4 (b). */
static void defence(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    const struct la_addr own = addr("10.0.0.1");
    arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_A, "10.0.0.1", &NOBODY, "10.0.0.1");
    expect_drop(&h, &f, NR_ARP_NOT_US); /* our own announcement, come back */
    arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, "10.0.0.1", &NOBODY, "10.0.0.1");
    expect_drop(&h, &f, NR_ARP_CONFLICT);
    struct arp a = expect_arp(&h, &MAC_ALL, ARP_REQUEST);
    assert_true(ip_eq(&a.spa, &own) && ip_eq(&a.tpa, &own));
    run(&h, DEFEND_INTERVAL);
    expect_drop(&h, &f, NR_ARP_CONFLICT); /* long after: defended again */
    assert_int_equal(drain(&h), 1);
    assert_int_equal(count(&h, NR_ARP_DEFENDED), 2);
    run(&h, DEFEND_INTERVAL - 1);
    expect_drop(&h, &f, NR_ARP_CONFLICT); /* soon after: given up */
    expect_quiet(&h);
    assert_int_equal(count(&h, NR_ARP_GAVE_UP), 1);
    assert_int_equal(state_of_addr(&h, "10.0.0.1"), LA_ADDR_DUPLICATE);
    assert_false(net_is_local(h.n, &own, -1));
    expect_drop(&h, &f, NR_ARP_CONFLICT);
    expect_quiet(&h);

    /* IPv6: counted, no more (RFC 4862 §5.4.4). */
    struct ndp m = {.type = ICMP6_NA,
                    .target = addr("fd00::1"),
                    .override = true,
                    .has_lladdr = true,
                    .lladdr = MAC_B};
    uint8_t p[32];
    uint32_t n = ndp_build(p, &m);
    expect_drop(&h, nd_frame("fe80::b", "ff02::1", &MAC_B, p, n), NR_ADDR_CONFLICT);
    expect_drop(&h, nd_frame("fd00::1", "ff02::1", &MAC_B, p, n), NR_ADDR_CONFLICT);
    assert_int_equal(state_of_addr(&h, "fd00::1"), LA_ADDR_PREFERRED);
    host_end(&h);
}

static void adding_and_removing(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    static const struct {
        const char *a;
        unsigned plen;
    } bad[] = {{"224.0.0.1", 24}, {"127.0.0.1", 8},
               {"0.0.0.0", 0},    {"10.0.0.255", 24},
               {"10.0.0.5", 33},  {"::", 64},
               {"::1", 128},      {"ff02::5", 64},
               {"fd00::5", 129},  {"255.255.255.255", 32},
               {"240.0.0.1", 8}};
    for (unsigned k = 0; k < sizeof bad / sizeof *bad; k++) {
        const struct la_addr x = addr(bad[k].a);
        assert_int_equal(net_addr_add(h.n, 0, &x, bad[k].plen, h.now), LA_EINVAL);
    }
    struct la_addr x = addr("10.0.0.1"), y = addr("10.0.0.9"), peer = addr("10.0.0.2"),
                   any = LA_ADDR_ANY;
    struct net_path path;
    assert_int_equal(net_addr_add(h.n, 0, &x, 24, h.now), LA_EADDRINUSE);
    assert_int_equal(net_addr_add(h.n, 1, &x, 24, h.now), LA_EINVAL); /* no such interface */
    assert_int_equal(net_addr_add(h.n, 0, &y, 24, h.now), LA_OK);
    uint32_t epoch = net_epoch(h.n);
    assert_int_equal(net_addr_del(h.n, 0, &x, h.now), LA_OK);
    assert_true(net_epoch(h.n) != epoch);
    assert_int_equal(net_addr_del(h.n, 0, &x, h.now), LA_EADDRNOTAVAIL);
    assert_int_equal(net_addr_state(h.n, 0, &x), LA_EADDRNOTAVAIL);
    struct la_addr src = any;
    assert_int_equal(net_route(h.n, &src, &peer, -1, &path, h.now),
                     LA_OK); /* the prefix is still shared */
    assert_true(ip_eq(&src, &y));
    assert_int_equal(net_addr_del(h.n, 0, &y, h.now), LA_OK);
    src = any;
    assert_int_equal(net_route(h.n, &src, &peer, -1, &path, h.now), LA_ENETUNREACH);
    /* Sixteen at most: two are there. */
    for (unsigned k = 0; k < 20; k++) {
        x = la_addr_v4(10, 1, 0, (uint8_t)(k + 1));
        assert_int_equal(net_addr_add(h.n, 0, &x, 24, h.now), k < 14 ? LA_OK : LA_ENOMEM);
    }
    host_end(&h);

    struct la_if_config c = ether(&MAC_A, true);
    host_defaults(&h);
    host_start(&h);
    c.mtu = 67;
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_EINVAL);
    c.mtu = 65536;
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_EINVAL);
    c.mtu = 1500;
    c.offload = LA_OFFLOAD_TSO;
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_EINVAL);
    c.offload = 0;
    c.gso_max = 65456; /* with 80 bytes of headers, more than a datagram */
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_EINVAL);
    c.gso_max = 0;
    c.mac[0] = 1;
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_EINVAL);
    c.mac[0] = 2;
    for (int k = 0; k < NET_IFS; k++)
        assert_int_equal(net_if_add(h.n, &c, h.now), k);
    assert_int_equal(net_if_add(h.n, &c, h.now), LA_ENOMEM);
    assert_int_equal(net_if(h.n, 7)->gso_max, 65000);
    assert_null(net_if(h.n, 8));
    host_end(&h);
}

/* ---- solicitations ---- */

static void answers_solicitations(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip;
    host_usual(&h, &MAC_A, 1);
    (void)give(&h, ns_frame("fd00::2", "ff02::1:ff00:1", "fd00::1", true));
    struct ndp m = expect_nd(&h, &MAC_B, ICMP6_NA, &ip);
    const struct la_addr us = addr("fd00::1"), them = addr("fd00::2"), all = addr("ff02::1");
    assert_true(m.solicited && m.override && !m.router && m.has_lladdr);
    assert_memory_equal(m.lladdr.b, MAC_A.b, 6);
    assert_true(ip_eq(&ip.src, &us) && ip_eq(&ip.dst, &them) && ip_eq(&m.target, &us));
    assert_int_equal(neighbour_of(&h, "fd00::2")->router, false);
    /* From the unspecified address: to all, not solicited. */
    (void)give(&h, ns_frame("::", "ff02::1:ff00:1", "fd00::1", false));
    const struct mac all_mac = {{0x33, 0x33, 0, 0, 0, 1}};
    m = expect_nd(&h, &all_mac, ICMP6_NA, &ip);
    assert_true(!m.solicited && ip_eq(&ip.dst, &all));
    expect_drop(&h, ns_frame("fd00::2", "ff02::1", "fd00::7", true), NR_NS_NOT_OURS);

    /* Not from this link; malformed; in fragments; not for us. */
    ns_frame("fd00::2", "ff02::1:ff00:1", "fd00::1", true);
    f.b[21] = 254;
    expect_drop(&h, &f, NR_ND_HOPS);
    uint8_t p[64] = {ICMP6_NS};
    expect_drop(&h, nd_frame("fd00::2", "fd00::1", &MAC_B, p, 20), NR_ND_BAD);
    memset(p, 0, sizeof p);
    p[0] = ICMP6_NA;
    p[4] = 0x40; /* solicited, and to a group */
    memcpy(p + 8, them.b, 16);
    expect_drop(&h, nd_frame("fd00::2", "ff02::1", &MAC_B, p, 24), NR_ND_BAD);
    expect_drop(&h, nd_frame("::", "ff02::1", &MAC_B, p, 24), NR_ND_BAD);
    memset(p, 0, sizeof p);
    p[0] = ICMP6_RS;
    expect_drop(&h, nd_frame("fd00::2", "ff02::1", &MAC_B, p, 8), NR_RS_IGNORED);
    memset(p, 0, sizeof p);
    p[0] = ICMP6_REDIRECT;
    memcpy(p + 8, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\7", 16);
    memcpy(p + 24, them.b, 16);
    expect_drop(&h, nd_frame("fe80::f", "fd00::1", &MAC_B, p, 40), NR_REDIRECT_IGNORED);
    ip = hdr("fd00::2", "fd00::1", IP_V6_FRAGMENT);
    ip.ttl = 255;
    const struct ip_hdr inner = hdr("fd00::2", "fd00::1", IP_ICMPV6);
    memset(p, 0, sizeof p);
    p[0] = IP_ICMPV6; /* an atomic fragment */
    p[8] = ICMP6_NS;
    memcpy(p + 16, us.b, 16);
    icmp_csum(&inner, p + 8, 24);
    expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, p, 32), NR_ND_FRAGMENTED);
    expect_quiet(&h);
    host_end(&h);

    /* A link without addresses has no neighbours to discover. */
    host_defaults(&h);
    host_start(&h);
    const struct la_if_config c = {.link = LA_LINK_IP, .mtu = 1500};
    assert_int_equal(net_if_add(h.n, &c, h.now), 0);
    add(&h, "fd00::1", 64);
    ns_frame("fd00::2", "fd00::1", "fd00::1", true);
    memmove(f.b, f.b + 14, f.n - 14);
    f.n -= 14;
    expect_drop(&h, &f, NR_ICMP_UNKNOWN);
    host_end(&h);
}

/* The way that was asked for last is remembered: no longer than the tables say so, and for that
 * question alone. */
static void ways_follow_the_tables(void **state)
{
    (void)state;
    struct host h;
    struct la_if_config second = ether(&MAC_B, true);
    struct la_addr x = addr("10.0.0.1"), z = addr("10.9.0.1"), peer = addr("10.0.0.2"),
                   other = addr("10.0.0.3"), local;
    struct net_path path;
    host_usual(&h, &MAC_A, 1);
    assert_int_equal(net_if_add(h.n, &second, h.now), 1);
    assert_int_equal(net_addr_add(h.n, 1, &z, 24, h.now), LA_OK);
    for (unsigned k = 0; k < 2; k++) {
        local = LA_ADDR_ANY;
        assert_int_equal(net_route(h.n, &local, &peer, -1, &path, h.now), LA_OK);
        assert_true(ip_eq(&local, &x) && path.ifx == 0);
        assert_int_equal(net_route(h.n, &local, &peer, -1, &path, h.now), LA_OK);
    }
    assert_int_equal(net_route_add(h.n, &peer, 32, NULL, 1, h.now), LA_OK);
    local = LA_ADDR_ANY;
    assert_int_equal(net_route(h.n, &local, &peer, -1, &path, h.now), LA_OK);
    assert_true(ip_eq(&local, &z) && path.ifx == 1);
    local = LA_ADDR_ANY;
    assert_int_equal(net_route(h.n, &local, &other, -1, &path, h.now), LA_OK);
    assert_int_equal(path.ifx, 0);
    local = LA_ADDR_ANY;
    assert_int_equal(net_route(h.n, &local, &other, 1, &path, h.now), LA_ENETUNREACH);
    assert_int_equal(net_route_del(h.n, &peer, 32, 1), LA_OK);
    local = LA_ADDR_ANY;
    assert_int_equal(net_route(h.n, &local, &peer, -1, &path, h.now), LA_OK);
    assert_true(ip_eq(&local, &x) && path.ifx == 0);
    host_end(&h);
}

/* ---- router advertisements ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_without_asking),
        cmocka_unit_test(link_local_of_the_mac),
        cmocka_unit_test(duplicate_v6),
        cmocka_unit_test(two_claim_one),
        cmocka_unit_test(arp_probes),
        cmocka_unit_test(duplicate_v4),
        cmocka_unit_test(defence),
        cmocka_unit_test(adding_and_removing),
        cmocka_unit_test(ways_follow_the_tables),
        cmocka_unit_test(answers_solicitations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
