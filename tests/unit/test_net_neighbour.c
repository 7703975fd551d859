/* test_net_neighbour.c: the neighbour cache with ARP and ND below it (RFC 826, RFC 4861 §7). */
#include "net_util.h"

static struct flat f;

/* Asks for the way from 10.0.0.1 or fd00::1 to the address; the same path object each time. */
static enum net_ready link_to(struct host *h, struct net_path *path, const char *remote,
                              uint8_t l2[NET_L2_MAX])
{
    struct la_addr to = addr(remote), from = ip_is_v4(&to) ? addr("10.0.0.1") : addr("fd00::1");
    uint32_t len = 99;
    enum net_ready r = net_link(h->n, &from, &to, -1, path, l2, &len, h->now);
    if (r == NET_READY)
        assert_int_equal(len, NET_L2_MAX);
    return r;
}

static void give_arp_reply(struct host *h, const struct mac *sha, const char *spa)
{
    (void)give(h, arp_frame(&f, &MAC_A, ARP_REPLY, sha, spa, &MAC_A, "10.0.0.1"));
}

static void give_na(struct host *h, const char *target, const struct mac *mac, bool solicited,
                    bool override, bool router)
{
    struct ip_hdr ip = hdr(target, solicited ? "fd00::1" : "ff02::1", IP_ICMPV6);
    struct ndp m = {.type = ICMP6_NA,
                    .target = addr(target),
                    .solicited = solicited,
                    .override = override,
                    .router = router,
                    .has_lladdr = mac != NULL};
    uint8_t p[32];
    if (mac)
        m.lladdr = *mac;
    ip.ttl = 255;
    uint32_t n = ndp_build(p, &m);
    (void)give(h, icmp_frame(&f, &MAC_A, &MAC_B, &ip, p, n));
}

static void resolves_by_arp(void **state)
{
    (void)state;
    struct host h;
    struct net_path path = {0};
    uint8_t l2[NET_L2_MAX];
    host_usual(&h, &MAC_A, 1);

    assert_int_equal(link_to(&h, &path, "10.0.0.2", l2), NET_WAIT);
    uint32_t epoch = net_epoch(h.n);
    struct arp a = expect_arp(&h, &MAC_ALL, ARP_REQUEST);
    assert_memory_equal(a.sha.b, MAC_A.b, 6);
    struct la_addr me = addr("10.0.0.1"), peer = addr("10.0.0.2");
    assert_true(ip_eq(&a.spa, &me) && ip_eq(&a.tpa, &peer));
    assert_int_equal(link_to(&h, &path, "10.0.0.2", l2), NET_WAIT);
    expect_quiet(&h); /* asked already */

    uint64_t heard = count(&h, NR_NB_HEARD);
    give_arp_reply(&h, &MAC_B, "10.0.0.2");
    assert_int_equal(count(&h, NR_NB_HEARD), heard + 1);
    assert_true(net_epoch(h.n) != epoch);
    assert_int_equal(link_to(&h, &path, "10.0.0.2", l2), NET_READY);
    const uint8_t want[] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 8, 0};
    assert_memory_equal(l2, want, 14);
    assert_int_equal(state_of(&h, "10.0.0.2"), NB_REACHABLE);
    assert_int_equal(count(&h, NR_NB_RESOLVED), 1);
    host_end(&h);
}

static void resolves_by_nd(void **state)
{
    (void)state;
    struct host h;
    struct net_path path = {0};
    struct ip_hdr ip;
    uint8_t l2[NET_L2_MAX];
    host_usual(&h, &MAC_A, 1);

    assert_int_equal(link_to(&h, &path, "fd00::1234:5678", l2), NET_WAIT);
    /* The solicited-node group of ...:1234:5678 is ff02::1:ff34:5678, its MAC 33:33:ff:34:56:78. */
    const struct mac group = {{0x33, 0x33, 0xff, 0x34, 0x56, 0x78}};
    struct ndp m = expect_nd(&h, &group, ICMP6_NS, &ip);
    struct la_addr me = addr("fd00::1"), node = addr("ff02::1:ff34:5678"),
                   peer = addr("fd00::1234:5678");
    assert_true(ip_eq(&ip.src, &me) && ip_eq(&ip.dst, &node) && ip_eq(&m.target, &peer));
    assert_true(m.has_lladdr);
    assert_memory_equal(m.lladdr.b, MAC_A.b, 6);

    give_na(&h, "fd00::1234:5678", &MAC_B, true, true, false);
    assert_int_equal(link_to(&h, &path, "fd00::1234:5678", l2), NET_READY);
    const uint8_t want[] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x86, 0xdd};
    assert_memory_equal(l2, want, 14);
    assert_int_equal(state_of(&h, "fd00::1234:5678"), NB_REACHABLE);
    host_end(&h);
}

/* Two stacks find each other without help. */
static void two_hosts(void **state)
{
    (void)state;
    static struct host a, b;
    static const char *const peer[] = {"10.0.0.2", "fd00::2"};
    uint8_t l2[NET_L2_MAX];
    host_usual(&a, &MAC_A, 1);
    host_usual(&b, &MAC_B, 2);

    for (unsigned k = 0; k < 2; k++) {
        struct net_path path = {0};
        assert_int_equal(link_to(&a, &path, peer[k], l2), NET_WAIT);
        assert_int_equal(pump(&a, &b), 2);
        assert_int_equal(link_to(&a, &path, peer[k], l2), NET_READY);
        assert_memory_equal(l2, MAC_B.b, 6);
    }
    /* Whoever was asked knows the asker, but not that the way back works. */
    assert_int_equal(state_of(&b, "10.0.0.1"), NB_STALE);
    assert_int_equal(state_of(&b, "fd00::1"),
                     NB_DELAY); /* the answer was a use; ARP's has no neighbour */
    assert_int_equal(count(&b, NR_ARP_ANSWERED), 1);
    assert_int_equal(count(&b, NR_NS_ANSWERED), 1);
    host_end(&a);
    host_end(&b);
}

/* RFC 4861 §7.3.3 in virtual time; `v6` says which family, the states are the same. */
static void life_of(struct host *h, const char *peer, bool v6)
{
    struct net_path path = {0};
    struct ip_hdr ip;
    uint8_t l2[NET_L2_MAX];
    struct neighbour *nb;

    assert_int_equal(link_to(h, &path, peer, l2), NET_WAIT);
    (void)drain(h);
    if (v6)
        give_na(h, peer, &MAC_B, true, true, false);
    else
        give_arp_reply(h, &MAC_B, peer);
    nb = neighbour_of(h, peer);
    la_ns reachable = nb->fresh_until - h->now;
    assert_true(reachable >= LA_SEC(15) && reachable <= LA_SEC(45)); /* 0.5 .. 1.5 times 30 s */
    run(h, reachable - 1);
    assert_int_equal(state_of(h, peer), NB_REACHABLE);
    run(h, 1);
    assert_int_equal(state_of(h, peer), NB_STALE);

    assert_int_equal(link_to(h, &path, peer, l2), NET_READY); /* still sent to the old address */
    assert_int_equal(state_of(h, peer), NB_DELAY);
    run(h, LA_SEC(5) - 1);
    expect_quiet(h);
    net_confirm(h->n, &path, h->now); /* progress: no probe */
    assert_int_equal(state_of(h, peer), NB_REACHABLE);
    run(h, LA_SEC(46));
    assert_int_equal(state_of(h, peer), NB_STALE);

    assert_int_equal(link_to(h, &path, peer, l2), NET_READY);
    la_ns used = h->now;
    for (unsigned k = 0; k < MAX_UNICAST_SOLICIT; k++) {
        run_to(h, used + LA_SEC(5) + k * LA_SEC(1)); /* three probes, a second apart, unicast */
        assert_int_equal(state_of(h, peer), NB_PROBE);
        assert_int_equal(link_to(h, &path, peer, l2), NET_READY);
        if (v6)
            (void)expect_nd(h, &MAC_B, ICMP6_NS, &ip);
        else
            (void)expect_arp(h, &MAC_B, ARP_REQUEST);
        expect_quiet(h);
    }
    uint32_t epoch = net_epoch(h->n);
    run_to(h, used + LA_SEC(8));
    assert_int_equal(state_of(h, peer), NB_FAILED);
    assert_true(net_epoch(h->n) != epoch);
    assert_int_equal(link_to(h, &path, peer, l2), NET_FAILED);
    expect_quiet(h);
    run(h, FAILED_HOLD); /* forgotten: asked anew */
    assert_int_equal(state_of(h, peer), -1);
    assert_int_equal(link_to(h, &path, peer, l2), NET_WAIT);
    assert_int_equal(drain(h), 1);
}

static void neighbour_life_v4(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    life_of(&h, "10.0.0.2", false);
    assert_int_equal(count(&h, NR_NB_DELAY), 2);
    assert_int_equal(count(&h, NR_NB_PROBE), 1);
    assert_int_equal(count(&h, NR_NB_FAILED), 1);
    host_end(&h);
}

static void neighbour_life_v6(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    life_of(&h, "fd00::2", true);
    host_end(&h);
}

static void probe_answered(void **state)
{
    (void)state;
    struct host h;
    struct net_path path = {0};
    uint8_t l2[NET_L2_MAX];
    host_usual(&h, &MAC_A, 1);

    assert_int_equal(link_to(&h, &path, "fd00::2", l2), NET_WAIT);
    give_na(&h, "fd00::2", &MAC_B, true, true, false);
    assert_int_equal(link_to(&h, &path, "fd00::2", l2), NET_READY);
    (void)drain(&h);
    net_doubt(h.n, &path, h.now);
    assert_int_equal(count(&h, NR_NB_DOUBT), 1);
    assert_int_equal(state_of(&h, "fd00::2"), NB_PROBE);
    expect_quiet(&h); /* the last solicitation was less than RetransTimer ago */
    run(&h, LA_SEC(1));
    assert_int_equal(drain(&h), 1);
    give_na(&h, "fd00::2", NULL, true, true, false); /* no address: nothing new but that it lives */
    assert_int_equal(state_of(&h, "fd00::2"), NB_REACHABLE);
    host_end(&h);
}

/* Nobody answers: three questions a second apart, then failure (RFC 4861 §7.2.2, RFC 1122
 * §2.3.2.1). */
static void resolution_fails(void **state)
{
    (void)state;
    static const char *const peer[] = {"10.0.0.9", "fd00::9"};
    for (unsigned k = 0; k < 2; k++) {
        struct host h;
        struct net_path path = {0};
        uint8_t l2[NET_L2_MAX];
        host_usual(&h, &MAC_A, 1);
        assert_int_equal(link_to(&h, &path, peer[k], l2), NET_WAIT);
        for (unsigned t = 0; t < MAX_MULTICAST_SOLICIT; t++) {
            assert_int_equal(drain(&h), 1);
            assert_int_equal(link_to(&h, &path, peer[k], l2), NET_WAIT);
            run(&h, LA_SEC(1));
        }
        assert_int_equal(drain(&h), 0);
        assert_int_equal(link_to(&h, &path, peer[k], l2), NET_FAILED);
        /* It comes to life on its own: usable at once. */
        if (k)
            give_na(&h, peer[k], &MAC_B, false, true, false);
        else
            (void)give(&h,
                       arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, peer[k], &MAC_ALL, "10.0.0.1"));
        assert_int_equal(link_to(&h, &path, peer[k], l2), NET_READY);
        host_end(&h);
    }
}

/* Packets wait, at most four, the oldest goes; they leave in order, or are dropped with the
 * neighbour. */
static void packets_wait(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip = hdr("10.0.0.1", "10.0.0.2", IP_TCP), got;
    host_usual(&h, &MAC_A, 1);

    for (uint8_t k = 0; k < 6; k++) {
        uint8_t p[20] = {k};
        net_send(h.n, &ip, -1, p, sizeof p, h.now);
    }
    assert_int_equal(count(&h, NR_NB_QUEUE_FULL), 2);
    struct la_usage u = {0};
    net_usage(h.n, &u);
    assert_int_equal(u.packets, 5); /* four and the question */
    assert_int_equal(u.neighbours, 1);
    (void)expect_arp(&h, &MAC_ALL, ARP_REQUEST);
    expect_quiet(&h);
    give_arp_reply(&h, &MAC_B, "10.0.0.2");
    for (uint8_t k = 2; k < 6; k++) {
        assert_true(take(&h, &f));
        assert_int_equal(open_ip(&f, &MAC_B, &got)[0], k);
        assert_int_equal(got.ttl, DEFAULT_TTL);
    }
    expect_quiet(&h);

    ip = hdr("10.0.0.1", "10.0.0.3", IP_TCP);
    net_send(h.n, &ip, -1, "x", 1, h.now);
    net_send(h.n, &ip, -1, "y", 1, h.now);
    run(&h, LA_SEC(3));
    assert_int_equal(drain(&h), 3); /* questions only */
    assert_int_equal(count(&h, NR_NB_UNDELIVERED), 2);
    net_send(h.n, &ip, -1, "z", 1, h.now); /* and while it is known to be silent, at once */
    assert_int_equal(count(&h, NR_NB_UNDELIVERED), 3);
    net_usage(h.n, &u);
    assert_int_equal(u.packets, 0);
    host_end(&h);
}

/* The table of RFC 4861 §7.2.5. */
static void advertisements(void **state)
{
    (void)state;
    struct host h;
    struct net_path path = {0};
    uint8_t l2[NET_L2_MAX];
    const struct mac other = {{2, 0, 0, 0, 0, 0xc}};
    host_usual(&h, &MAC_A, 1);

    give_na(&h, "fd00::2", &MAC_B, true, true, false);
    assert_int_equal(net_dropped(h.n), NR_NA_UNKNOWN); /* not asked for */
    assert_int_equal(link_to(&h, &path, "fd00::2", l2), NET_WAIT);
    (void)drain(&h);
    give_na(&h, "fd00::2", NULL, true, true, false);
    assert_int_equal(net_dropped(h.n), NR_NA_NO_ADDRESS);
    give_na(&h, "fd00::2", &MAC_B, false, false,
            false); /* unsolicited: STALE, override is ignored */
    assert_int_equal(state_of(&h, "fd00::2"), NB_STALE);
    give_na(&h, "fd00::2", &other, false, false, false);
    assert_int_equal(net_dropped(h.n), NR_NA_NO_OVERRIDE);
    assert_int_equal(state_of(&h, "fd00::2"), NB_STALE);
    give_na(&h, "fd00::2", &MAC_B, true, false, false); /* the same address, solicited */
    assert_int_equal(state_of(&h, "fd00::2"), NB_REACHABLE);
    give_na(&h, "fd00::2", &other, false, false, false); /* I.a: doubt, nothing else */
    assert_int_equal(state_of(&h, "fd00::2"), NB_STALE);
    assert_memory_equal(neighbour_of(&h, "fd00::2")->hdr, MAC_B.b, 6);
    give_na(&h, "fd00::2", &other, false, true, true); /* II: another address, not solicited */
    assert_int_equal(state_of(&h, "fd00::2"), NB_STALE);
    assert_memory_equal(neighbour_of(&h, "fd00::2")->hdr, other.b, 6);
    assert_true(neighbour_of(&h, "fd00::2")->router);
    give_na(&h, "fd00::2", &MAC_B, true, true, false); /* II: another address, solicited */
    assert_int_equal(state_of(&h, "fd00::2"), NB_REACHABLE);
    assert_false(neighbour_of(&h, "fd00::2")->router);
    assert_int_equal(link_to(&h, &path, "fd00::2", l2), NET_READY);
    assert_memory_equal(l2, MAC_B.b, 6);
    host_end(&h);
}

/* Sixteen entries at most; what was reachable survives a flood of addresses that do not exist. */
static void cache_is_bounded(void **state)
{
    (void)state;
    struct host h;
    struct net_path path = {0}, good = {0};
    uint8_t l2[NET_L2_MAX];
    char name[32];
    host_usual(&h, &MAC_A, 1);

    assert_int_equal(link_to(&h, &good, "10.0.0.2", l2), NET_WAIT);
    give_arp_reply(&h, &MAC_B, "10.0.0.2");
    for (unsigned k = 0; k < 100; k++) {
        snprintf(name, sizeof name, "fd00::1:%x", k);
        h.now += LA_MSEC(1);
        path = (struct net_path){0};
        assert_int_equal(link_to(&h, &path, name, l2), NET_WAIT);
        (void)drain(&h);
    }
    struct la_usage u = {0};
    net_usage(h.n, &u);
    assert_int_equal(u.neighbours, 16);
    assert_int_equal(count(&h, NR_NB_EVICTED), 101 - 16);
    assert_int_equal(link_to(&h, &good, "10.0.0.2", l2), NET_READY);
    assert_memory_equal(l2, MAC_B.b, 6);
    assert_int_equal(net_check(h.n), 0);
    /* Left alone, all are forgotten: the failed after their hold, the idle after a minute. */
    run(&h, LA_SEC(121));
    net_usage(h.n, &u);
    assert_int_equal(u.neighbours, 0);
    assert_true(net_deadline(h.n) == LA_NEVER);
    host_end(&h);
}

static void frames_for_others(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    const struct mac other = {{2, 0, 0, 0, 0, 0xc}}, none = {{0}};
    uint8_t tcp[20] = {0};
    host_usual(&h, &MAC_A, 1);

    expect_drop(&h, ip_frame(&f, &other, &MAC_B, &ip, tcp, 20), NR_LINK_NOT_OURS);
    expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_ALL, &ip, tcp, 20), NR_LINK_SOURCE);
    ip_frame(&f, &MAC_A, &MAC_B, &ip, tcp, 20);
    f.b[12] = 0x88;
    expect_drop(&h, &f, NR_LINK_TYPE);
    f.n = 13;
    expect_drop(&h, &f, NR_LINK_SHORT);

    arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_B, "10.0.0.2", &MAC_A, "10.0.0.1");
    expect_drop(&h, &f, NR_ARP_NOT_US); /* we did not ask */
    f.b[14] = 9;                        /* hardware type */
    expect_drop(&h, &f, NR_ARP_BAD);
    arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_ALL, "10.0.0.2", &MAC_A, "10.0.0.1");
    f.b[6] = 2; /* the frame's own source is sound */
    expect_drop(&h, &f, NR_ARP_BAD);
    expect_drop(&h, arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_B, "224.0.0.1", &MAC_A, "10.0.0.1"),
                NR_ARP_BAD);
    expect_drop(&h, arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_B, "0.0.0.0", &MAC_A, "10.0.0.1"),
                NR_ARP_BAD);
    expect_drop(&h, arp_frame(&f, &MAC_A, ARP_REQUEST, &MAC_B, "10.0.0.255", &MAC_A, "10.0.0.1"),
                NR_ARP_BAD);
    expect_drop(&h, arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, "10.0.0.2", &none, "10.0.0.7"),
                NR_ARP_NOT_US);
    assert_int_equal(state_of(&h, "10.0.0.2"), -1); /* talk of others makes no entry */
    /* From outside the subnet it is answered, but not remembered. */
    (void)give(&h, arp_frame(&f, &MAC_ALL, ARP_REQUEST, &MAC_B, "192.168.1.1", &none, "10.0.0.1"));
    (void)expect_arp(&h, &MAC_B, ARP_REPLY);
    assert_int_equal(state_of(&h, "192.168.1.1"), -1);
    assert_true(h.traces > 0);
    host_end(&h);
}

/* Out of memory at each object in turn: refused and counted. */
static void no_memory(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 12; at++) {
        struct host h;
        struct net_path path = {0};
        uint8_t l2[NET_L2_MAX];
        struct ip_hdr ip = hdr("10.0.0.1", "10.0.0.2", IP_TCP);
        static uint8_t big[9000];
        host_usual(&h, &MAC_A, 1);
        h.mem.asked = 0;
        h.mem.fail_at = at;
        net_send(h.n, &ip, -1, big, sizeof big, h.now);
        (void)link_to(&h, &path, "fd00::2", l2);
        give_arp_reply(&h, &MAC_B, "10.0.0.2");
        net_send(h.n, &ip, -1, big, 90, h.now);
        (void)drain(&h);
        uint64_t counted = count(&h, NR_NB_NO_MEMORY) + count(&h, NR_SEND_NO_MEMORY);
        assert_true(h.mem.fail_at != 0 || counted == 1);
        host_end(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_by_arp),   cmocka_unit_test(resolves_by_nd),
        cmocka_unit_test(two_hosts),         cmocka_unit_test(neighbour_life_v4),
        cmocka_unit_test(neighbour_life_v6), cmocka_unit_test(probe_answered),
        cmocka_unit_test(resolution_fails),  cmocka_unit_test(packets_wait),
        cmocka_unit_test(advertisements),    cmocka_unit_test(cache_is_bounded),
        cmocka_unit_test(frames_for_others), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
