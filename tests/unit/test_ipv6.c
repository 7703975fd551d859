/* IPv6 headers and the walk of extension headers (RFC 8200 §3-4, RFC 5095, RFC 6946, RFC 2675). */
#include "unit/base_kit.h"

#include "base/endian.h"
#include "wire/ip.h"

enum { HOP = 0, ROUTING = 43, FRAGMENT = 44, NONE = 59, DEST = 60, SCTP = 132 };

/* A datagram under construction: fd77::2 to fd77::1, traffic class 0xb9, flow label 0x12345. */
struct dgram {
    uint8_t p[512];
    uint32_t n;
};

static void start(struct dgram *d, uint8_t next)
{
    static const uint8_t fixed[40] = {
        0x6b, 0x91, 0x23, 0x45, 0, 0, 0, 64,                         /* */
        0xfd, 0x77, 0,    0,    0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 2, /* */
        0xfd, 0x77, 0,    0,    0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 1,
    };
    memset(d, 0, sizeof *d);
    memcpy(d->p, fixed, 40);
    d->p[6] = next;
    d->n = 40;
}

static void add(struct dgram *d, const uint8_t *b, uint32_t n)
{
    memcpy(d->p + d->n, b, n);
    d->n += n;
    put16(d->p + 4, d->n - 40);
}
#define ADD(d, ...) add((d), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

struct result {
    enum ip_bad bad;
    struct ip_hdr h;
    uint16_t at;
    uint8_t code;
};

static struct result parse_n(const struct dgram *d, uint32_t n, uint32_t len)
{
    struct result r = {.at = 0xeeee, .code = 0xee};
    uint8_t *q = kit_exact(d->p, n);

    r.bad = ipv6_parse(q, n, len, &r.h, &r.at, &r.code);
    free(q);
    return r;
}
static struct result parse(const struct dgram *d)
{
    return parse_n(d, d->n, d->n);
}

static void expect_problem(const struct dgram *d, uint16_t at, uint8_t code)
{
    struct result r = parse(d);

    assert_int_equal(r.bad, IP_BAD_EXT_UNKNOWN);
    if (code != 0xff)
        assert_int_equal(r.at, at);
    assert_int_equal(r.code, code);
}

static void every_field(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, IP_TCP);
    ADD(&d, 1, 2, 3, 4, 5, 6, 7, 8);
    struct result r = parse_n(&d, d.n, d.n + 6); /* six bytes of padding */
    struct la_addr src;
    struct la_addr dst;
    la_addr_parse("fd77::2", &src);
    la_addr_parse("fd77::1", &dst);

    assert_int_equal(r.bad, IP_OK);
    assert_true(la_addr_eq(&r.h.src, &src));
    assert_true(la_addr_eq(&r.h.dst, &dst));
    assert_int_equal(r.h.proto, IP_TCP);
    assert_int_equal(r.h.ttl, 64);
    assert_int_equal(r.h.tos, 0xb9);
    assert_int_equal(r.h.flow, 0x12345);
    assert_int_equal(r.h.hlen, 40);
    assert_int_equal(r.h.total, 48);
    assert_int_equal(r.h.nh_at, 6);
    assert_false(r.h.fragment);
    assert_false(r.h.options);
}

static void refusals(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, IP_TCP);
    ADD(&d, 1, 2, 3, 4);

    for (uint32_t n = 0; n < 40; n++)
        assert_int_equal(parse_n(&d, n, d.n).bad, IP_BAD_SHORT);
    assert_int_equal(parse_n(&d, 40, 44).bad, IP_OK); /* payload in spans */
    assert_int_equal(parse_n(&d, 44, 43).bad, IP_BAD_TOTAL);
    d.p[0] = 0x4b;
    assert_int_equal(parse(&d).bad, IP_BAD_VERSION);
}

static void mapped_addresses_stay_off_the_wire(void **state)
{
    (void)state;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    for (unsigned at = 8; at <= 24; at += 16) {
        struct dgram d;
        start(&d, IP_TCP);
        memcpy(d.p + at, mapped, 12);
        assert_int_equal(parse(&d).bad, IP_BAD_SOURCE);
    }
}

static void headers_are_walked(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, HOP);
    ADD(&d, DEST, 0, 1, 4, 0, 0, 0, 0);                            /* PadN of 6 */
    ADD(&d, ROUTING, 1, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0); /* six Pad1, PadN of 8 */
    ADD(&d, DEST, 0, 0, 0, 0, 0, 0, 0); /* type 0, nothing left: ignored */
    ADD(&d, IP_TCP, 0, 0, 0, 0, 0, 0, 0);
    ADD(&d, 1, 2, 3, 4);
    struct result r = parse(&d);

    assert_int_equal(r.bad, IP_OK);
    assert_int_equal(r.h.proto, IP_TCP);
    assert_int_equal(r.h.hlen, 40 + 8 + 16 + 8 + 8);
    assert_int_equal(r.h.nh_at, 40 + 8 + 16 + 8);
    assert_int_equal(r.h.total, 40 + 40 + 4);
    assert_true(r.h.options);
    for (uint32_t n = 40; n < 80; n++) /* a head that ends inside the chain */
        assert_int_equal(parse_n(&d, n, d.n).bad, IP_BAD_EXT);
    put16(d.p + 4, 39); /* a payload length that ends inside it */
    assert_int_equal(parse(&d).bad, IP_BAD_EXT);
}

static void unknown_upper_layers_are_left_to_the_caller(void **state)
{
    (void)state;
    static const uint8_t upper[] = {IP_UDP, IP_ICMPV6, NONE, SCTP, 50, 51, 253};

    for (size_t i = 0; i < sizeof upper; i++) {
        struct dgram d;
        start(&d, DEST);
        ADD(&d, upper[i], 0, 1, 4, 0, 0, 0, 0);
        struct result r = parse(&d);
        assert_int_equal(r.bad, IP_OK);
        assert_int_equal(r.h.proto, upper[i]);
        assert_int_equal(r.h.hlen, 48);
        assert_int_equal(r.h.nh_at, 40);
    }
}

static void hop_by_hop_comes_first_or_not_at_all(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, DEST);
    ADD(&d, HOP, 0, 1, 4, 0, 0, 0, 0);
    ADD(&d, IP_TCP, 0, 1, 4, 0, 0, 0, 0);
    expect_problem(&d, 40, 1); /* as an unknown next header, at the byte that names it (§4) */
}

static void option_action_bits(void **state)
{
    (void)state;
    for (unsigned header = 0; header < 2; header++) {
        struct dgram d;
        start(&d, header ? DEST : HOP);
        ADD(&d, IP_TCP, 0, 0, 0, 0x1e, 2, 7, 7);
        assert_int_equal(parse(&d).bad, IP_OK); /* 00: skip */
        d.p[44] = 0x5e;
        expect_problem(&d, 0, 0xff); /* 01: drop */
        d.p[44] = 0x9e;
        expect_problem(&d, 44, 2); /* 10: tell */
        d.p[44] = 0xde;
        expect_problem(&d, 44, 2); /* 11: tell ... */
        d.p[24] = 0xff;
        expect_problem(&d, 0, 0xff); /* ... but not about multicast */
        d.p[44] = 0x9e;
        expect_problem(&d, 44, 2);
        d.p[44] = 0x05; /* router alert */
        assert_int_equal(parse(&d).bad, IP_OK);
    }
}

static void first_offending_option_counts(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, DEST);
    ADD(&d, IP_TCP, 1, 0x1e, 1, 0, 0x9e, 0, 0x5e, 0, 1, 5, 0, 0, 0, 0, 0);
    expect_problem(&d, 45, 2);
}

static void options_that_overrun_their_header(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, DEST);
    ADD(&d, IP_TCP, 0, 1, 5, 0, 0, 0, 0); /* one too long, though more bytes follow */
    ADD(&d, 1, 2, 3, 4, 5, 6, 7, 8);
    assert_int_equal(parse(&d).bad, IP_BAD_EXT);
    d.p[43] = 0xff;
    assert_int_equal(parse(&d).bad, IP_BAD_EXT);
    d.p[43] = 3; /* five bytes, and then a type without a length */
    d.p[47] = 0x1e;
    assert_int_equal(parse(&d).bad, IP_BAD_EXT);
}

static void routing_with_segments_left(void **state)
{
    (void)state;
    static const uint8_t types[] = {0, 2, 3, 4, 253};

    for (size_t i = 0; i < sizeof types; i++) {
        struct dgram d;
        start(&d, ROUTING);
        ADD(&d, IP_TCP, 2, types[i], 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        expect_problem(&d, 42, 0); /* at the routing type */
        d.p[43] = 0;
        assert_int_equal(parse(&d).bad, IP_OK);
    }
}

static void jumbograms_are_refused(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, HOP);
    ADD(&d, IP_TCP, 0, 0xc2, 4, 0, 1, 0, 0);
    expect_problem(&d, 42, 2); /* with a payload length the option is unknown to us */
    put16(d.p + 4, 0);
    assert_int_not_equal(parse(&d).bad, IP_OK);
}

static void fragment_ends_the_walk(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, HOP);
    ADD(&d, FRAGMENT, 0, 1, 4, 0, 0, 0, 0);
    ADD(&d, DEST, 0xaa, 0x05, 0xa9, 0xde, 0xad, 0xbe, 0xef); /* offset 1448, more */
    ADD(&d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff); /* not looked at */
    struct result r = parse(&d);

    assert_int_equal(r.bad, IP_OK);
    assert_true(r.h.fragment);
    assert_true(r.h.more);
    assert_int_equal(r.h.offset, 1448);
    assert_int_equal(r.h.frag_id, 0xdeadbeef);
    assert_int_equal(r.h.proto, IP_V6_FRAGMENT);
    assert_int_equal(r.h.frag_next, DEST);
    assert_int_equal(r.h.unfrag, 48);
    assert_int_equal(r.h.hlen, 56);
    assert_int_equal(r.h.nh_at, 40);
    assert_int_equal(r.h.total, 64);

    put16(d.p + 50, 0x0007); /* first fragment; reserved bits are ignored */
    r = parse(&d);
    assert_true(r.h.fragment);
    assert_int_equal(r.h.offset, 0);
    put16(d.p + 50, 0xfff8); /* last fragment, the highest offset */
    r = parse(&d);
    assert_true(r.h.fragment);
    assert_false(r.h.more);
    assert_int_equal(r.h.offset, 65528);
}

static void atomic_fragment_is_walked_through(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, FRAGMENT);
    ADD(&d, DEST, 0, 0, 6, 0, 0, 0, 9); /* only reserved bits set */
    ADD(&d, IP_TCP, 0, 1, 4, 0, 0, 0, 0);
    struct result r = parse(&d);

    assert_int_equal(r.bad, IP_OK);
    assert_false(r.h.fragment);
    assert_int_equal(r.h.proto, IP_TCP);
    assert_int_equal(r.h.hlen, 56);
    assert_int_equal(r.h.nh_at, 48);
}

static void chains_are_bounded(void **state)
{
    (void)state;
    struct dgram d;
    start(&d, DEST);
    for (unsigned i = 1; i < IPV6_EXT_MAX; i++)
        ADD(&d, DEST, 0, 1, 4, 0, 0, 0, 0);
    ADD(&d, IP_TCP, 0, 1, 4, 0, 0, 0, 0);
    struct result r = parse(&d);
    assert_int_equal(r.bad, IP_OK);
    assert_int_equal(r.h.proto, IP_TCP);
    d.p[d.n - 8] = DEST;
    ADD(&d, IP_TCP, 0, 1, 4, 0, 0, 0, 0);
    assert_int_equal(parse(&d).bad, IP_BAD_EXT);
}

static void builds_what_it_parses(void **state)
{
    (void)state;
    struct dgram d;
    uint8_t p[40];
    start(&d, IP_TCP);
    ADD(&d, 1, 2, 3, 4);
    struct result r = parse(&d);

    assert_int_equal(ip_build(p, &r.h, 4), 40);
    assert_memory_equal(p, d.p, 40);
    r.h.flow = 0xfff00001; /* more than a label holds */
    ip_build(p, &r.h, 65535);
    assert_int_equal(get32(p), 0x6b900001);
    assert_int_equal(get16(p + 4), 65535);
}

static void random_chains_are_survived(void **state)
{
    (void)state;
    static const uint8_t next[] = {HOP, ROUTING, FRAGMENT, DEST, IP_TCP, NONE};
    uint64_t seed = 11;

    for (int i = 0; i < 60000; i++) {
        struct dgram d;
        start(&d, next[kit_below(&seed, sizeof next)]);
        for (uint32_t k = kit_below(&seed, 10); k > 0; k--) {
            uint8_t b[24];
            for (unsigned j = 0; j < sizeof b; j++)
                b[j] = kit_below(&seed, 2) ? 0 : (uint8_t)kit_rand(&seed);
            b[0] = next[kit_below(&seed, sizeof next)];
            b[1] = (uint8_t)kit_below(&seed, 3);
            add(&d, b, 8U + 8U * b[1]);
        }
        kit_mutate(&seed, d.p, d.n);
        uint32_t n = kit_below(&seed, 3) ? d.n : kit_below(&seed, d.n + 1);
        struct result r = parse_n(&d, n, d.n);
        if (r.bad == IP_OK) {
            assert_in_range(r.h.hlen, 40, n);
            assert_in_range(r.h.total, r.h.hlen, d.n);
            assert_true(r.h.nh_at < r.h.hlen);
            assert_true(!r.h.fragment || r.h.unfrag + 8 == r.h.hlen);
        } else if (r.bad == IP_BAD_EXT_UNKNOWN) {
            assert_true(r.code <= 2 || r.code == 0xff);
            assert_true(r.at < n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),
        cmocka_unit_test(refusals),
        cmocka_unit_test(mapped_addresses_stay_off_the_wire),
        cmocka_unit_test(headers_are_walked),
        cmocka_unit_test(unknown_upper_layers_are_left_to_the_caller),
        cmocka_unit_test(hop_by_hop_comes_first_or_not_at_all),
        cmocka_unit_test(option_action_bits),
        cmocka_unit_test(first_offending_option_counts),
        cmocka_unit_test(options_that_overrun_their_header),
        cmocka_unit_test(routing_with_segments_left),
        cmocka_unit_test(jumbograms_are_refused),
        cmocka_unit_test(fragment_ends_the_walk),
        cmocka_unit_test(atomic_fragment_is_walked_through),
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(builds_what_it_parses),
        cmocka_unit_test(random_chains_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
