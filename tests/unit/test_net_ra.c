/* test_net_ra.c: what routers say (RFC 4861 §6.3, RFC 4862 §5.5). */
#include "addr_util.h"

static const struct mac ROUTER_MAC = {{2, 0, 0, 0, 0, 0xf}};

struct prefix {
    const char *prefix;
    uint8_t len, flags; /* 0x80 on-link, 0x40 autonomous */
    uint32_t valid, preferred;
};

/* A router advertisement, built by hand (RFC 4861 §4.2). */
static struct flat *ra_frame(uint16_t lifetime, uint8_t hops, uint32_t reachable, uint32_t retrans,
                             uint32_t mtu, const struct prefix *px, unsigned npx)
{
    static uint8_t p[512];
    uint32_t n = 16;
    memset(p, 0, sizeof p);
    p[0] = ICMP6_RA;
    p[4] = hops;
    put16(p + 6, lifetime);
    put32(p + 8, reachable);
    put32(p + 12, retrans);
    p[n] = 1;
    p[n + 1] = 1;
    memcpy(p + n + 2, ROUTER_MAC.b, 6);
    n += 8;
    if (mtu) {
        p[n] = 5;
        p[n + 1] = 1;
        put32(p + n + 4, mtu);
        n += 8;
    }
    for (unsigned k = 0; k < npx; k++, n += 32) {
        const struct la_addr a = addr(px[k].prefix);
        p[n] = 3;
        p[n + 1] = 4;
        p[n + 2] = px[k].len;
        p[n + 3] = px[k].flags;
        put32(p + n + 4, px[k].valid);
        put32(p + n + 8, px[k].preferred);
        memcpy(p + n + 16, a.b, 16);
    }
    return nd_frame("fe80::f", "ff02::1", &ROUTER_MAC, p, n);
}

static int route_to(struct host *h, const char *to, struct la_addr *src, uint8_t l2[NET_L2_MAX])
{
    struct net_path path = {0};
    const struct la_addr remote = addr(to);
    uint32_t len;
    *src = LA_ADDR_ANY;
    int err = net_route(h->n, src, &remote, -1, &path, h->now);
    if (err == LA_OK && l2)
        assert_int_equal(net_link(h->n, src, &remote, -1, &path, l2, &len, h->now), NET_READY);
    return err;
}

/* From nothing to a global address and a default router. */
static void autoconfiguration(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip;
    struct la_addr src;
    uint8_t l2[NET_L2_MAX];
    start(&h, true);
    run(&h, LA_SEC(1));
    assert_int_equal(drain(&h), 2 + 1); /* probe, announcement, and: */
    run(&h, RTR_SOLICITATION_INTERVAL);
    const struct mac routers = {{0x33, 0x33, 0, 0, 0, 2}};
    struct ndp rs = expect_nd(&h, &routers, ICMP6_RS, &ip);
    const struct la_addr own = addr("fe80::ff:fe00:a"), all = addr("ff02::2");
    assert_true(ip_eq(&ip.src, &own) && ip_eq(&ip.dst, &all) && rs.has_lladdr);

    /* A router without a prefix: no router would pass on what a link-local address sends (RFC 4291
     * §2.5.6), but the router itself is reached. */
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, NULL, 0));
    assert_int_equal(route_to(&h, "2001:db8:ffff::1", &src, NULL), LA_EADDRNOTAVAIL);
    assert_int_equal(route_to(&h, "fe80::f", &src, NULL), LA_OK);

    const struct prefix px = {"2001:db8:1::", 64, 0xc0, 86400, 14400};
    (void)give(&h, ra_frame(1800, 77, 60000, 500, 1400, &px, 1));
    assert_int_equal(count(&h, NR_RA_TAKEN), 2);
    const char *made = "2001:db8:1::ff:fe00:a";
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_TENTATIVE);
    run(&h,
        LA_SEC(1) + LA_MSEC(500)); /* a random delay of up to a second, and the new RetransTimer */
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_PREFERRED);
    assert_int_equal(drain(&h), 2); /* its probe and announcement; no more solicitations */
    run(&h, LA_SEC(30));
    expect_quiet(&h);

    const struct iface *i = iface_at(h.n, 0);
    assert_int_equal(i->hop_limit, 77);
    assert_int_equal(i->base_reachable, LA_SEC(60));
    assert_int_equal(i->retrans, LA_MSEC(500));
    assert_int_equal(net_link_mtu(h.n, 0, false), 1400);
    assert_int_equal(net_link_mtu(h.n, 0, true), 1500);

    struct la_addr_info info;
    uint32_t cursor = 0, found = 0;
    while (net_addr_next(h.n, 0, &cursor, &info)) {
        bool is_own = ip_eq(&info.addr, &own);
        const struct la_addr formed = addr(made);
        assert_true(is_own || ip_eq(&info.addr, &formed));
        assert_true(info.slaac == !is_own && info.prefix_len == 64);
        assert_int_equal(info.state, LA_ADDR_PREFERRED);
        found++;
    }
    assert_int_equal(found, 2);

    assert_int_equal(route_to(&h, "2001:db8:ffff::1", &src, l2), LA_OK); /* by the router */
    const struct la_addr want = addr(made);
    assert_true(ip_eq(&src, &want));
    assert_memory_equal(l2, ROUTER_MAC.b, 6);
    struct net_path path = {.ifx = 0};
    assert_int_equal(net_ttl(h.n, &path, &src), 77);
    assert_int_equal(net_pmtu(h.n, &path, &src), 1400);
    const struct la_addr v4 = addr("10.0.0.1");
    assert_int_equal(net_ttl(h.n, &path, &v4), 64);
    assert_int_equal(net_pmtu(h.n, &path, &v4), 1500);
    assert_int_equal(route_to(&h, "2001:db8:1::5", &src, NULL), LA_OK); /* on link */
    const struct la_addr peer = addr("2001:db8:1::5");
    struct la_addr any = LA_ADDR_ANY;
    struct way w;
    assert_int_equal(route_way(h.n, &any, &peer, -1, &w), LA_OK);
    assert_false(w.route->gateway);

    /* Fields that say "unspecified" change nothing; an MTU out of bounds is ignored. */
    (void)give(&h, ra_frame(1800, 0, 0, 0, 1279, NULL, 0));
    (void)give(&h, ra_frame(1800, 0, 4000000, 0, 1501, NULL, 0));
    assert_int_equal(count(&h, NR_RA_MTU_IGNORED), 2);
    assert_int_equal(i->hop_limit, 77);
    assert_int_equal(i->mtu6, 1400);
    assert_int_equal(i->base_reachable, LA_SEC(60));
    (void)give(
        &h, ra_frame(1800, 0, 0, 1, 0, NULL, 0)); /* a RetransTimer of 1 ms would flood the link */
    assert_int_equal(i->retrans, LA_MSEC(RETRANS_MIN_MS));

    /* Router lifetime 0: no default any more; the prefix stays until its own end. */
    (void)give(&h, ra_frame(0, 0, 0, 0, 0, NULL, 0));
    assert_int_equal(route_to(&h, "2001:db8:ffff::1", &src, NULL), LA_ENETUNREACH);
    assert_int_equal(route_to(&h, "2001:db8:1::5", &src, NULL), LA_OK);
    host_end(&h);
}

static void router_solicitations(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr ip;
    const struct mac routers = {{0x33, 0x33, 0, 0, 0, 2}};
    start(&h, true);
    run(&h, LA_SEC(1));
    assert_int_equal(drain(&h), 3);
    for (unsigned k = 1; k < MAX_RTR_SOLICITATIONS; k++) {
        run(&h, RTR_SOLICITATION_INTERVAL - 1);
        expect_quiet(&h);
        run(&h, 1);
        (void)expect_nd(&h, &routers, ICMP6_RS, &ip);
    }
    run(&h, LA_SEC(60));
    expect_quiet(&h);
    assert_true(net_deadline(h.n) == LA_NEVER);
    host_end(&h);

    /* Without slaac an advertisement is not even looked at. */
    start(&h, false);
    run(&h, LA_SEC(5));
    assert_int_equal(drain(&h), 2);
    const struct prefix px = {"2001:db8:1::", 64, 0xc0, 86400, 14400};
    expect_drop(&h, ra_frame(1800, 1, 0, 0, 0, &px, 1), NR_RA_IGNORED);
    host_end(&h);

    /* A router has a link-local address (RFC 4861 §6.1.2). */
    start(&h, true);
    ra_frame(1800, 1, 0, 0, 0, &px, 1);
    f.b[22] = 0xfd;
    f.b[23] = 0; /* the checksum is as wrong as the source; the device vouches for it */
    assert_int_equal(give_frame(&h, 0, &f, LA_CSUM_VALID), NET_IN_DONE);
    assert_int_equal(net_dropped(h.n), NR_ND_BAD);
    host_end(&h);
}

/* RFC 4862 §5.5.3 and §5.5.4. */
static void lifetimes(void **state)
{
    (void)state;
    struct host h;
    struct la_addr src;
    const char *made = "2001:db8:1::ff:fe00:a";
    struct prefix px = {"2001:db8:1::", 64, 0xc0, 10000, 100};
    start(&h, true);
    run(&h, LA_SEC(1));
    la_ns begin = h.now;
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    run_to(&h, begin + LA_SEC(100) - 1);
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_PREFERRED);
    run(&h, 1);
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_DEPRECATED);
    assert_int_equal(count(&h, NR_ADDR_DEPRECATED), 1);
    assert_int_equal(route_to(&h, "2001:db8:1::5", &src, NULL),
                     LA_OK); /* better than none of that scope */
    const struct la_addr dep = addr(made);
    assert_true(ip_eq(&src, &dep) && net_is_local(h.n, &dep, -1));

    /* A new preferred lifetime brings it back. */
    px.preferred = 5000;
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_PREFERRED);
    /* A stranger says one second: two hours at least (rule 3), and then nothing more (rule 2). */
    begin = h.now;
    px.valid = px.preferred = 1;
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    assert_int_equal(count(&h, NR_RA_TWO_HOURS), 1);
    run(&h, LA_SEC(1));
    assert_int_equal(state_of_addr(&h, made),
                     LA_ADDR_DEPRECATED); /* the preferred one is believed */
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    assert_int_equal(count(&h, NR_RA_TWO_HOURS), 2);
    run_to(&h, begin + LA_SEC(7200) - 1);
    assert_int_equal(state_of_addr(&h, made), LA_ADDR_DEPRECATED);
    run(&h, 1);
    assert_int_equal(state_of_addr(&h, made), LA_EADDRNOTAVAIL);
    assert_int_equal(count(&h, NR_ADDR_EXPIRED), 1);
    assert_true(count(&h, NR_ROUTE_EXPIRED) >= 2); /* router and prefix */
    assert_int_equal(route_to(&h, "2001:db8:1::5", &src, NULL), LA_ENETUNREACH);

    /* For ever, and more than two hours at once. */
    px.valid = px.preferred = UINT32_MAX;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    run(&h, LA_SEC(3));
    px.valid = 7300;
    px.preferred = 7300;
    begin = h.now;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1)); /* rule 1: longer than two hours */
    run_to(&h, begin + LA_SEC(7300));
    assert_int_equal(state_of_addr(&h, made), LA_EADDRNOTAVAIL);
    /* An on-link prefix is withdrawn at once (RFC 4861 §6.3.4). */
    px = (struct prefix){"2001:db8:7::", 48, 0x80, 100, 100};
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    uint32_t routes = h.n->routes.used;
    px.valid = 0;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    assert_int_equal(h.n->routes.used, routes - 1);
    px.valid = UINT32_MAX;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    px.valid = 50;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    px.valid = UINT32_MAX;
    (void)give(&h, ra_frame(9000, 0, 0, 0, 0, &px, 1));
    assert_int_equal(net_check(h.n), 0);
    host_end(&h);
}

static void bad_prefixes_and_limits(void **state)
{
    (void)state;
    struct host h;
    static const struct prefix bad[] = {
        {"2001:db8:1::", 64, 0x40, 100, 101}, /* preferred beyond valid */
        {"2001:db8:2::", 63, 0x40, 100, 100}, /* no room for the identifier */
        {"2001:db8:3::", 64, 0x40, 0, 0},     /* nothing to make */
    };
    start(&h, true);
    run(&h, LA_SEC(1));
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, bad, 3));
    assert_int_equal(count(&h, NR_RA_PREFIX_IGNORED), 2);
    assert_int_equal(h.n->ifs[0].naddr, 1);
    /* A flood of prefixes: 32 routes, 16 addresses, no more. */
    for (unsigned k = 0; k < 100; k++) {
        char text[32];
        snprintf(text, sizeof text, "2001:db8:%x::", k + 16);
        const struct prefix px = {text, 64, 0xc0, 10000, 10000};
        (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    }
    assert_int_equal(h.n->ra_routes, RA_ROUTES);
    assert_int_equal(h.n->ifs[0].naddr, NET_ADDRS);
    assert_int_equal(count(&h, NR_RA_LIMIT), (100 - 31) + (100 - 15));
    assert_int_equal(net_check(h.n), 0);
    host_end(&h);

    /* An address configured by hand stays as it is. */
    start(&h, true);
    run(&h, LA_SEC(1));
    add(&h, "2001:db8:1::ff:fe00:a", 64);
    const struct prefix px = {"2001:db8:1::", 64, 0xc0, 10, 10};
    (void)give(&h, ra_frame(1800, 0, 0, 0, 0, &px, 1));
    run(&h, LA_SEC(20));
    assert_int_equal(state_of_addr(&h, "2001:db8:1::ff:fe00:a"), LA_ADDR_PREFERRED);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autoconfiguration),
        cmocka_unit_test(router_solicitations),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(bad_prefixes_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
