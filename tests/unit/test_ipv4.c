/* IPv4 headers (RFC 791 §3.1, RFC 1122 §3.2.1) and address classes of both families. */
#include "unit/base_kit.h"

#include "base/checksum.h"
#include "base/endian.h"
#include "wire/ip.h"

/* 10.0.0.1 to 10.0.0.2, TTL 64, TCP, 40 bytes in all, id 0x1234, DF, ECT(0).
 * 4502 + 0028 + 1234 + 4000 + 4006 + 0a00 + 0001 + 0a00 + 0002 = eb67, so the checksum is 1498. */
static const uint8_t plain[20] = {0x45, 0x02, 0,  40, 0x12, 0x34, 0x40, 0, 64, 6,
                                  0x14, 0x98, 10, 0,  0,    1,    10,   0, 0,  2};

static enum ip_bad parse(const uint8_t *p, uint32_t n, uint32_t len, struct ip_hdr *h)
{
    uint8_t *q = kit_exact(p, n);
    enum ip_bad bad = ipv4_parse(q, n, len, false, h);
    free(q);
    return bad;
}

static void set_csum(uint8_t *p)
{
    struct csum c = {0};

    put16(p + 10, 0);
    csum_add(&c, p, (p[0] & 15U) * 4);
    put16(p + 10, csum_field(&c));
}

/* The plain header with one 16-bit word replaced, right checksum. */
static enum ip_bad with_word(unsigned at, uint32_t v, uint32_t len, struct ip_hdr *h)
{
    uint8_t p[20];

    memcpy(p, plain, sizeof p);
    put16(p + at, v);
    if ((p[0] & 15) == 5)
        set_csum(p);
    return parse(p, sizeof p, len, h);
}

static void every_field(void **state)
{
    (void)state;
    struct ip_hdr h;
    struct la_addr src = la_addr_v4(10, 0, 0, 1);
    struct la_addr dst = la_addr_v4(10, 0, 0, 2);

    assert_int_equal(parse(plain, 20, 46, &h), IP_OK); /* six bytes of padding */
    assert_true(la_addr_eq(&h.src, &src));
    assert_true(la_addr_eq(&h.dst, &dst));
    assert_int_equal(h.proto, IP_TCP);
    assert_int_equal(h.ttl, 64);
    assert_int_equal(h.tos, 2);
    assert_int_equal(h.id, 0x1234);
    assert_true(h.df);
    assert_false(h.more);
    assert_false(h.fragment);
    assert_int_equal(h.offset, 0);
    assert_int_equal(h.hlen, 20);
    assert_int_equal(h.total, 40);
    assert_false(h.options);
    assert_false(h.source_route);
}

static void refusals(void **state)
{
    (void)state;
    struct ip_hdr h;
    uint8_t p[20];

    for (uint32_t n = 0; n < 20; n++)
        assert_int_equal(parse(plain, n, 40, &h), IP_BAD_SHORT);
    assert_int_equal(with_word(0, 0x6502, 40, &h), IP_BAD_VERSION);
    assert_int_equal(with_word(0, 0x4402, 40, &h), IP_BAD_HLEN);
    assert_int_equal(with_word(0, 0x4602, 40, &h), IP_BAD_SHORT); /* options past the head */
    assert_int_equal(with_word(2, 19, 40, &h), IP_BAD_TOTAL);
    assert_int_equal(with_word(2, 41, 40, &h), IP_BAD_TOTAL);
    assert_int_equal(with_word(2, 20, 20, &h), IP_OK);
    for (unsigned i = 0; i < 20; i++) { /* any one bit wrong */
        memcpy(p, plain, 20);
        p[i] ^= 0x10;
        assert_int_not_equal(parse(p, 20, 40, &h), IP_OK);
    }
    memcpy(p, plain, 20);
    p[10] ^= 1;
    assert_int_equal(parse(p, 20, 40, &h), IP_BAD_CSUM);
    assert_int_equal(ipv4_parse(p, 20, 40, true, &h), IP_OK); /* the device vouches for it */
}

static void fragments(void **state)
{
    (void)state;
    struct ip_hdr h;

    assert_int_equal(with_word(6, 0x2000, 40, &h), IP_OK);
    assert_true(h.fragment);
    assert_true(h.more);
    assert_false(h.df);
    assert_int_equal(h.offset, 0);
    assert_int_equal(h.frag_id, 0x1234);
    assert_int_equal(with_word(6, 0x0001, 40, &h), IP_OK);
    assert_true(h.fragment);
    assert_false(h.more);
    assert_int_equal(h.offset, 8);
    assert_int_equal(with_word(6, 0x1fff, 40, &h), IP_OK);
    assert_int_equal(h.offset, 65528);
    assert_int_equal(with_word(6, 0x8000, 40, &h), IP_OK); /* the reserved bit means nothing */
    assert_false(h.fragment);
}

/* The plain header with n option bytes, a multiple of four. */
static enum ip_bad with_options(const uint8_t *opt, uint32_t n, struct ip_hdr *h)
{
    uint8_t p[60];

    memcpy(p, plain, 20);
    memcpy(p + 20, opt, n);
    p[0] = (uint8_t)(0x45 + n / 4);
    put16(p + 2, 20 + n);
    set_csum(p);
    return parse(p, 20 + n, 20 + n, h);
}
#define OPTIONS(h, ...)                                                                            \
    with_options((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), (h))

static void options(void **state)
{
    (void)state;
    struct ip_hdr h;

    assert_int_equal(OPTIONS(&h, 1, 1, 1, 0), IP_OK);
    assert_true(h.options);
    assert_int_equal(h.hlen, 24);
    assert_false(h.source_route);
    assert_int_equal(OPTIONS(&h, 222, 4, 9, 9), IP_OK); /* unknown: MUST-50 */
    assert_int_equal(OPTIONS(&h, 222, 2, 131, 3, 4, 0, 0, 0), IP_OK);
    assert_true(h.source_route);
    assert_int_equal(OPTIONS(&h, 1, 137, 3, 4), IP_OK); /* strict */
    assert_true(h.source_route);
    assert_int_equal(OPTIONS(&h, 7, 7, 4, 0, 0, 0, 0, 0), IP_OK); /* record route is none */
    assert_false(h.source_route);
    assert_int_equal(OPTIONS(&h, 0, 131, 3, 4), IP_OK); /* behind the end */
    assert_false(h.source_route);
    assert_int_equal(OPTIONS(&h, 222, 0, 0, 0), IP_BAD_EXT);
    assert_int_equal(OPTIONS(&h, 222, 1, 0, 0), IP_BAD_EXT);
    assert_int_equal(OPTIONS(&h, 222, 5, 0, 0), IP_BAD_EXT);
    assert_int_equal(OPTIONS(&h, 1, 1, 1, 222), IP_BAD_EXT); /* no length byte */
}

static void builds_what_it_parses(void **state)
{
    (void)state;
    struct ip_hdr h;
    uint8_t p[IPV6_HLEN];

    assert_int_equal(parse(plain, 20, 40, &h), IP_OK);
    assert_int_equal(ip_build(p, &h, 20), 20);
    assert_memory_equal(p, plain, 20);
    h.df = false;
    h.more = true;
    h.offset = 1480;
    assert_int_equal(ip_build(p, &h, 1480), 20);
    assert_int_equal(get16(p + 6), 0x2000 | 185);
    assert_int_equal(parse(p, 20, 1500, &h), IP_OK);
    assert_int_equal(h.offset, 1480);
    assert_int_equal(h.total, 1500);
}

static void random_bytes_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 10;

    for (int i = 0; i < 60000; i++) {
        uint8_t p[64];
        uint32_t n = kit_below(&seed, 65);
        for (uint32_t j = 0; j < n; j++)
            p[j] = (uint8_t)kit_rand(&seed);
        if (n > 0 && i % 8)
            p[0] = (uint8_t)(0x45 + kit_below(&seed, 11));
        if (n >= 20 && i % 4)
            put16(p + 2, kit_below(&seed, 80));
        uint8_t *q = kit_exact(p, n);
        uint32_t len = n + kit_below(&seed, 40);
        struct ip_hdr h;
        if (ipv4_parse(q, n, len, i % 3 != 0, &h) == IP_OK) {
            assert_in_range(h.hlen, 20, n);
            assert_in_range(h.total, h.hlen, len);
        }
        free(q);
    }
}

static struct la_addr text(const char *s)
{
    struct la_addr a;

    assert_int_equal(la_addr_parse(s, &a), LA_OK);
    return a;
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool multicast, broadcast, loopback, link_local, source;
    } v[] = {
        {"10.0.0.1", 0, 0, 0, 0, 1},    {"0.0.0.0", 0, 0, 0, 0, 0},
        {"0.1.2.3", 0, 0, 0, 0, 0},     {"127.0.0.1", 0, 0, 1, 0, 1},
        {"127.255.0.9", 0, 0, 1, 0, 1}, {"169.254.1.1", 0, 0, 0, 1, 1},
        {"169.253.1.1", 0, 0, 0, 0, 1}, {"223.255.255.255", 0, 0, 0, 0, 1},
        {"224.0.0.1", 1, 0, 0, 0, 0},   {"239.255.255.255", 1, 0, 0, 0, 0},
        {"240.0.0.1", 0, 0, 0, 0, 0},   {"255.255.255.255", 0, 1, 0, 0, 0},
        {"::", 0, 0, 0, 0, 0},          {"::1", 0, 0, 1, 0, 1},
        {"fe80::1", 0, 0, 0, 1, 1},     {"febf::1", 0, 0, 0, 1, 1},
        {"fec0::1", 0, 0, 0, 0, 1},     {"ff02::1", 1, 0, 0, 0, 0},
        {"2001:db8::1", 0, 0, 0, 0, 1}, {"::ffff:0:1", 0, 0, 0, 0, 0},
        {"e000::1", 0, 0, 0, 0, 1},
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct la_addr a = text(v[i].text);
        assert_int_equal(ip_is_multicast(&a), v[i].multicast);
        assert_int_equal(ip_is_limited_broadcast(&a), v[i].broadcast);
        assert_int_equal(ip_is_loopback(&a), v[i].loopback);
        assert_int_equal(ip_is_link_local(&a), v[i].link_local);
        assert_int_equal(ip_is_valid_source(&a), v[i].source);
        assert_int_equal(ip_is_v4(&a), la_addr_is_v4(&a));
    }
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned n;
        bool same;
    } v[] = {
        {"10.0.0.1", "10.0.0.2", 24, 1},
        {"10.0.0.1", "10.0.1.1", 24, 0},
        {"10.0.0.1", "10.0.1.1", 23, 1},
        {"10.0.0.1", "10.0.0.2", 32, 0},
        {"10.0.0.1", "10.0.0.1", 32, 1},
        {"10.0.0.1", "99.0.0.1", 0, 1},
        {"10.0.0.1", "10.0.0.1", 99, 1},
        {"128.0.0.0", "0.0.0.0", 1, 0},
        {"10.0.0.1", "::1", 0, 0}, /* never across families */
        {"2001:db8::1", "2001:db8::2", 64, 1},
        {"2001:db8::1", "2001:db8::2", 128, 0},
        {"2001:db8::1", "2001:db8::2", 126, 1},
        {"2001:db8::1", "2001:db8::2", 127, 0},
        {"2001:db8::1", "3001::", 0, 1},
        {"fe80::1", "febf::1", 10, 1},
        {"fe80::1", "fec0::1", 10, 0},
        {"::1", "::1", 128, 1},
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct la_addr a = text(v[i].a);
        struct la_addr b = text(v[i].b);
        assert_int_equal(ip_prefix_eq(&a, &b, v[i].n), v[i].same);
        assert_int_equal(ip_prefix_eq(&b, &a, v[i].n), v[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),
        cmocka_unit_test(refusals),
        cmocka_unit_test(fragments),
        cmocka_unit_test(options),
        cmocka_unit_test(builds_what_it_parses),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(classes),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
