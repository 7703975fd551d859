/* ICMP headers and neighbour discovery (RFC 792, RFC 4443, RFC 4861 §4, §6.1, §7.1, §8.1). */
#include "unit/base_kit.h"

#include "base/endian.h"
#include "wire/ndp.h"

struct msg {
    uint8_t p[512];
    uint32_t n;
};

static void add(struct msg *m, const uint8_t *b, uint32_t n)
{
    memcpy(m->p + m->n, b, n);
    m->n += n;
}
#define ADD(m, ...) add((m), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void start(struct msg *m, uint8_t type)
{
    *m = (struct msg){0};
    ADD(m, type, 0, 0x12, 0x34, 0, 0, 0, 0);
}

static void add_addr(struct msg *m, const char *text)
{
    struct la_addr a;

    assert_int_equal(la_addr_parse(text, &a), LA_OK);
    add(m, a.b, 16);
}

static bool parse(const struct msg *m, struct ndp *out)
{
    uint8_t *q = kit_exact(m->p, m->n);
    bool ok = ndp_parse(q, m->n, out);

    free(q);
    return ok;
}

static void assert_addr(const struct la_addr *a, const char *text)
{
    char buf[LA_ADDR_STRLEN];

    assert_string_equal(la_addr_format(a, buf), text);
}

static const struct mac peer = {{2, 0, 0, 0, 0, 9}};

static void icmp_header(void **state)
{
    (void)state;
    static const uint8_t want[8] = {8, 0, 0, 0, 0xab, 0xcd, 0, 7};
    struct icmp_hdr h = {ICMP_ECHO, 0, 0xabcd0007};
    struct icmp_hdr back;
    uint8_t p[8];

    icmp_build(p, &h);
    assert_memory_equal(p, want, 8);
    assert_true(icmp_parse(p, 8, &back));
    assert_int_equal(back.type, ICMP_ECHO);
    assert_int_equal(back.code, 0);
    assert_int_equal(back.rest, 0xabcd0007);
    for (uint32_t n = 0; n < 8; n++) {
        uint8_t *q = kit_exact(p, n);
        assert_false(icmp_parse(q, n, &back));
        free(q);
    }
}

static void neighbour_solicitation(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_NS);
    add_addr(&m, "fe80::1");
    assert_true(parse(&m, &d));
    assert_int_equal(d.type, ICMP6_NS);
    assert_addr(&d.target, "fe80::1");
    assert_false(d.has_lladdr);

    ADD(&m, 2, 1, 2, 0, 0, 0, 0, 8); /* a target address does not belong here */
    ADD(&m, 200, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    ADD(&m, 1, 1, 2, 0, 0, 0, 0, 9);
    assert_true(parse(&m, &d));
    assert_true(d.has_lladdr);
    assert_true(mac_eq(&d.lladdr, &peer));
}

static void neighbour_advertisement(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_NA);
    add_addr(&m, "2001:db8::5");
    ADD(&m, 1, 1, 2, 0, 0, 0, 0, 8); /* nor a source address here */
    ADD(&m, 2, 1, 2, 0, 0, 0, 0, 9);
    for (unsigned flags = 0; flags < 8; flags++) {
        m.p[4] = (uint8_t)(flags << 5 | 0x1f); /* reserved bits set */
        assert_true(parse(&m, &d));
        assert_int_equal(d.router, flags >> 2 & 1);
        assert_int_equal(d.solicited, flags >> 1 & 1);
        assert_int_equal(d.override, flags & 1);
    }
    assert_true(d.has_lladdr);
    assert_true(mac_eq(&d.lladdr, &peer));
    assert_addr(&d.target, "2001:db8::5");
}

static void router_advertisement(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_RA);
    m.p[4] = 63;
    put16(m.p + 6, 1800);
    ADD(&m, 0, 0, 0x75, 0x30, 0, 0, 3, 0xe8);
    assert_true(parse(&m, &d));
    assert_int_equal(d.hop_limit, 63);
    assert_int_equal(d.router_s, 1800);
    assert_int_equal(d.reachable_ms, 30000);
    assert_int_equal(d.retrans_ms, 1000);
    assert_int_equal(d.mtu, 0);
    assert_int_equal(d.nprefix, 0);

    ADD(&m, 1, 1, 2, 0, 0, 0, 0, 9);
    ADD(&m, 5, 1, 0, 0, 0, 0, 5, 0xdc);
    ADD(&m, 3, 4, 60, 0xc0, 0, 0, 0x0e, 0x10, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
    add_addr(&m, "2001:db8:0:12ff:ffff::1"); /* bits behind the length mean nothing (§4.6.2) */
    ADD(&m, 3, 4, 64, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    add_addr(&m, "fd00:0:0:1::");
    assert_true(parse(&m, &d));
    assert_true(d.has_lladdr);
    assert_int_equal(d.mtu, 1500);
    assert_int_equal(d.nprefix, 2);
    assert_addr(&d.prefix[0].prefix, "2001:db8:0:12f0::");
    assert_int_equal(d.prefix[0].len, 60);
    assert_true(d.prefix[0].on_link);
    assert_true(d.prefix[0].autonomous);
    assert_int_equal(d.prefix[0].valid_s, 3600);
    assert_int_equal(d.prefix[0].preferred_s, 0xffffffff);
    assert_addr(&d.prefix[1].prefix, "fd00:0:0:1::");
    assert_true(d.prefix[1].on_link);
    assert_false(d.prefix[1].autonomous);
}

static void foreign_prefixes_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        uint8_t len;
    } v[] = {{"fe80::", 64}, {"ff02::", 64}, {"::ffff:10.0.0.0", 104}, {"2001:db8::", 129}};
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_RA);
    ADD(&m, 0, 0, 0, 0, 0, 0, 0, 0);

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        ADD(&m, 3, 4, v[i].len, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0);
        add_addr(&m, v[i].prefix);
    }
    assert_true(parse(&m, &d));
    assert_int_equal(d.nprefix, 0);
}

static void only_the_first_prefixes(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_RA);
    ADD(&m, 0, 0, 0, 0, 0, 0, 0, 0);

    for (uint8_t i = 0; i < NDP_PREFIXES + 3; i++) {
        ADD(&m, 3, 4, 128, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0);
        add_addr(&m, "2001:db8::");
        m.p[m.n - 1] = i;
    }
    assert_true(parse(&m, &d));
    assert_int_equal(d.nprefix, NDP_PREFIXES);
    assert_int_equal(d.prefix[NDP_PREFIXES - 1].prefix.b[15], NDP_PREFIXES - 1);
}

static void options_of_the_wrong_length_are_ignored(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_RA);
    ADD(&m, 0, 0, 0, 0, 0, 0, 0, 0);
    ADD(&m, 1, 2, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0);
    ADD(&m, 5, 2, 0, 0, 0, 0, 5, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0);
    ADD(&m, 3, 1, 64, 0xc0, 0, 0, 0, 1);
    ADD(&m, 1, 1, 0x33, 0x33, 0, 0, 0, 1); /* a group is nobody's own address */
    assert_true(parse(&m, &d));
    assert_false(d.has_lladdr);
    assert_int_equal(d.mtu, 0);
    assert_int_equal(d.nprefix, 0);
}

static void redirects(void **state)
{
    (void)state;
    struct msg m;
    struct ndp d;
    start(&m, ICMP6_REDIRECT);
    add_addr(&m, "fe80::9");
    add_addr(&m, "2001:db8::7");
    ADD(&m, 2, 1, 2, 0, 0, 0, 0, 9);
    assert_true(parse(&m, &d));
    assert_addr(&d.target, "fe80::9");
    assert_addr(&d.dest, "2001:db8::7");
    assert_true(d.has_lladdr);

    start(&m, ICMP6_REDIRECT); /* on link: the target is the destination */
    add_addr(&m, "2001:db8::7");
    add_addr(&m, "2001:db8::7");
    assert_true(parse(&m, &d));
    m.p[23] = 8; /* neither of the two */
    assert_false(parse(&m, &d));

    start(&m, ICMP6_REDIRECT);
    add_addr(&m, "fe80::9");
    add_addr(&m, "ff02::1");
    assert_false(parse(&m, &d));
    start(&m, ICMP6_REDIRECT);
    add_addr(&m, "fe80::9");
    add_addr(&m, "::ffff:10.0.0.1");
    assert_false(parse(&m, &d));
}

static void bad_targets(void **state)
{
    (void)state;
    static const uint8_t types[] = {ICMP6_NS, ICMP6_NA};
    static const char *const targets[] = {"ff02::1", "::ffff:10.0.0.1"};
    struct msg m;
    struct ndp d;

    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++) {
            start(&m, types[i]);
            add_addr(&m, targets[j]);
            assert_false(parse(&m, &d));
        }
    }
}

static void lengths_and_codes(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint32_t min;
    } v[] = {
        {ICMP6_RS, 8}, {ICMP6_RA, 16}, {ICMP6_NS, 24}, {ICMP6_NA, 24}, {ICMP6_REDIRECT, 40},
    };
    struct ndp d;

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct msg m;
        start(&m, v[i].type);
        m.p[8] = 0xfe; /* target and destination both fe80:: */
        m.p[9] = 0x80;
        m.p[24] = 0xfe;
        m.p[25] = 0x80;
        for (m.n = 0; m.n < v[i].min; m.n++)
            assert_false(parse(&m, &d));
        assert_true(parse(&m, &d));
        m.p[1] = 1;
        assert_false(parse(&m, &d));
        m.p[1] = 0;
        ADD(&m, 1, 0, 0, 0, 0, 0, 0, 0); /* an option of length zero */
        assert_false(parse(&m, &d));
        m.p[v[i].min + 1U] = 2; /* past the end */
        assert_false(parse(&m, &d));
        m.p[v[i].min + 1U] = 1;
        assert_true(parse(&m, &d));
        m.n++; /* a type without a length */
        assert_false(parse(&m, &d));
    }
    struct msg m;
    start(&m, ICMP6_ECHO);
    assert_false(parse(&m, &d));
}

static void builds_what_it_parses(void **state)
{
    (void)state;
    static const uint8_t types[] = {ICMP6_RS, ICMP6_NS, ICMP6_NA};
    static const uint32_t lengths[] = {8, 24, 24};

    for (size_t i = 0; i < sizeof types; i++) {
        for (unsigned with = 0; with < 2; with++) {
            struct ndp m = {.type = types[i], .solicited = true, .override = true};
            struct msg out = {0};
            struct ndp back;
            m.has_lladdr = with;
            m.lladdr = peer;
            la_addr_parse("fe80::42", &m.target);
            memset(out.p, 0xa5, sizeof out.p);
            out.n = ndp_build(out.p, &m);
            assert_int_equal(out.n, lengths[i] + 8 * with);
            assert_int_equal(out.p[out.n], 0xa5);
            assert_int_equal(get16(out.p + 2), 0);
            assert_true(parse(&out, &back));
            assert_int_equal(back.type, types[i]);
            assert_int_equal(back.has_lladdr, with);
            assert_int_equal(back.solicited, types[i] == ICMP6_NA);
            assert_int_equal(back.override, types[i] == ICMP6_NA);
            assert_false(back.router);
            if (types[i] != ICMP6_RS)
                assert_true(la_addr_eq(&back.target, &m.target));
        }
    }
}

static void random_messages_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 12;

    for (int i = 0; i < 60000; i++) {
        struct msg m;
        struct ndp d;
        start(&m, (uint8_t)(ICMP6_RS + kit_below(&seed, 5)));
        for (uint32_t k = kit_below(&seed, 60); k > 0; k--) {
            uint8_t b[8];
            for (unsigned j = 0; j < sizeof b; j++)
                b[j] =
                    kit_below(&seed, 2) ? (uint8_t)kit_below(&seed, 6) : (uint8_t)kit_rand(&seed);
            add(&m, b, sizeof b);
        }
        m.n -= kit_below(&seed, 4) ? 0 : kit_below(&seed, 8);
        if (parse(&m, &d)) {
            assert_true(d.nprefix <= NDP_PREFIXES);
            assert_false(la_addr_is_v4(&d.target));
            for (uint32_t k = 0; k < d.nprefix; k++) {
                assert_true(d.prefix[k].len <= 128);
                assert_false(la_addr_is_v4(&d.prefix[k].prefix));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(icmp_header),
        cmocka_unit_test(neighbour_solicitation),
        cmocka_unit_test(neighbour_advertisement),
        cmocka_unit_test(router_advertisement),
        cmocka_unit_test(foreign_prefixes_are_left_out),
        cmocka_unit_test(only_the_first_prefixes),
        cmocka_unit_test(options_of_the_wrong_length_are_ignored),
        cmocka_unit_test(redirects),
        cmocka_unit_test(bad_targets),
        cmocka_unit_test(lengths_and_codes),
        cmocka_unit_test(builds_what_it_parses),
        cmocka_unit_test(random_messages_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
