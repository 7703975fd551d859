/* TCP headers and options on the wire (RFC 9293 §3.1-3.2, RFC 7323 §2-3, RFC 2018 §2-3). */
#include "unit/base_kit.h"

#include "base/endian.h"
#include "wire/tcp.h"

static bool parse(const uint8_t *p, uint32_t n, bool syn, struct tcp_opts *o)
{
    uint8_t *q = kit_exact(p, n);
    bool ok = tcp_opts_parse(q, n, syn, o);

    free(q);
    return ok;
}
#define PARSE(syn, o, ...)                                                                         \
    parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), (syn), (o))

static const uint8_t header[20] = {
    0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0xf1, 0xf2, 0xf3, 0xf4, /* ports, seq, ack */
    0x8f, 0x12, 0xfa, 0xf0, 0x00, 0x00, 0x00, 0x07, /* 32 bytes, reserved bits, SYN ACK */
};

static void every_field(void **state)
{
    (void)state;
    uint8_t p[32] = {0};
    struct tcp_hdr h;
    memcpy(p, header, 20);

    assert_true(tcp_parse(p, 32, &h));
    assert_int_equal(h.sport, 40000);
    assert_int_equal(h.dport, 80);
    assert_int_equal(h.seq.v, 0x01020304);
    assert_int_equal(h.ack.v, 0xf1f2f3f4);
    assert_int_equal(h.hlen, 32);
    assert_int_equal(h.flags, TCP_SYN | TCP_ACK);
    assert_int_equal(h.wnd, 64240);
    assert_int_equal(h.up, 7);
}

static void data_offsets(void **state)
{
    (void)state;
    uint8_t p[60] = {0};
    struct tcp_hdr h;
    memcpy(p, header, 20);

    for (unsigned words = 0; words < 16; words++) {
        p[12] = (uint8_t)(words << 4 | 0xf);
        for (uint32_t n = 0; n <= 60; n++) {
            uint8_t *q = kit_exact(p, n);
            bool right = n >= 20 && words >= 5 && words * 4 <= n;
            assert_true(tcp_parse(q, n, &h) == right);
            free(q);
        }
    }
}

static void header_is_built_as_parsed(void **state)
{
    (void)state;
    struct tcp_hdr h = {40000, 80, {0x01020304}, {0xf1f2f3f4}, TCP_SYN | TCP_ACK, 32, 64240, 7};
    uint8_t want[20];
    uint8_t p[20];

    memcpy(want, header, 20);
    want[12] = 0x80; /* we send no reserved bits */
    memset(p, 0xa5, sizeof p);
    tcp_build(p, &h);
    assert_memory_equal(p, want, 20);
}

static void options_of_a_syn(void **state)
{
    (void)state;
    struct tcp_opts o;

    assert_true(PARSE(true, &o, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7));
    assert_true(o.has_mss);
    assert_int_equal(o.mss, 1460);
    assert_true(o.sack_permitted);
    assert_true(o.has_ts);
    assert_int_equal(o.tsval, 1);
    assert_int_equal(o.tsecr, 2);
    assert_true(o.has_wscale);
    assert_int_equal(o.wscale, 7);
    assert_int_equal(o.nsack, 0);
}

static void handshake_options_count_on_a_syn_only(void **state)
{
    (void)state;
    struct tcp_opts o;

    assert_true(PARSE(false, &o, 2, 4, 0x05, 0xb4, 4, 2, 3, 3, 7, 0));
    assert_false(o.has_mss);
    assert_false(o.sack_permitted);
    assert_false(o.has_wscale);
}

static void any_alignment_and_unknown_kinds(void **state)
{
    (void)state;
    struct tcp_opts o;

    /* MUST-64, MUST-6: a NOP puts MSS at an odd place; kind 253 is skipped by its length. */
    assert_true(PARSE(true, &o, 1, 2, 4, 0x04, 0xb0, 253, 6, 8, 10, 3, 3, 1, 8, 10, 1, 2, 3, 4, 5,
                      6, 7, 8));
    assert_int_equal(o.mss, 1200);
    assert_false(o.has_wscale); /* those bytes were inside kind 253 */
    assert_int_equal(o.tsval, 0x01020304);
    assert_int_equal(o.tsecr, 0x05060708);
}

static void nothing_behind_the_end(void **state)
{
    (void)state;
    struct tcp_opts o;

    assert_true(PARSE(true, &o, 0, 2, 4, 0x05, 0xb4, 9, 0, 0));
    assert_false(o.has_mss);
    assert_true(PARSE(true, &o, 2, 4, 0x05, 0xb4, 0, 0xff, 0xff, 0xff));
    assert_true(o.has_mss);
}

static void wrong_lengths_of_known_kinds(void **state)
{
    (void)state;
    struct tcp_opts o;

    assert_true(PARSE(true, &o, 2, 3, 5, 2, 5, 5, 0xb4, 0, 3, 2, 3, 4, 7, 7, 4, 3, 1, 8, 9, 0, 0, 0,
                      1, 0, 0, 0, 5, 2, 5, 9, 0, 0, 0, 1, 0, 0, 0));
    assert_false(o.has_mss);
    assert_false(o.has_wscale);
    assert_false(o.sack_permitted);
    assert_false(o.has_ts);
    assert_int_equal(o.nsack, 0);
}

static void illegal_lengths(void **state)
{
    (void)state;
    struct tcp_opts o;

    /* MUST-7; what stands before the fault counts. */
    assert_false(PARSE(true, &o, 2, 4, 0x05, 0xb4, 253, 0, 3, 3));
    assert_int_equal(o.mss, 1460);
    assert_false(o.has_wscale);
    assert_false(PARSE(true, &o, 253, 1, 0, 0));
    assert_false(PARSE(true, &o, 253, 5, 0, 0));
    assert_false(PARSE(true, &o, 253, 41, 0, 0));
    assert_false(PARSE(true, &o, 2, 255, 5, 0xb4));
    assert_false(PARSE(true, &o, 1, 1, 1, 8)); /* no length byte */
    assert_true(parse((const uint8_t *)"", 0, true, &o));
}

static void window_scale_is_read_as_it_is(void **state)
{
    (void)state;
    struct tcp_opts o;

    assert_true(PARSE(true, &o, 3, 3, 14, 0));
    assert_int_equal(o.wscale, 14);
    assert_true(PARSE(true, &o, 3, 3, 15, 0));
    assert_int_equal(o.wscale, 15); /* RFC 7323 §2.3 has the connection count it, and take 14 */
    assert_true(PARSE(true, &o, 3, 3, 255, 0));
    assert_int_equal(o.wscale, 255);
}

static void sack_blocks(void **state)
{
    (void)state;
    struct tcp_opts o;
    uint8_t p[40] = {1, 1, 5, 34};

    assert_true(PARSE(false, &o, 1, 1, 5, 18, 0, 0, 0, 10, 0, 0, 0, 20, 0xff, 0xff, 0xff, 0xf0, 0,
                      0, 0, 4));
    assert_int_equal(o.nsack, 2);
    assert_int_equal(o.sack[0].start.v, 10);
    assert_int_equal(o.sack[0].end.v, 20);
    assert_int_equal(o.sack[1].start.v, 0xfffffff0);
    assert_int_equal(o.sack[1].end.v, 4);
    for (uint8_t i = 0; i < 8; i++)
        put32(p + 4 + 4 * i, i);
    assert_true(parse(p, 36, false, &o));
    assert_int_equal(o.nsack, 4);
    assert_int_equal(o.sack[3].end.v, 7);
}

static void only_timestamps(void **state)
{
    (void)state;
    static const struct {
        uint8_t p[12];
        bool yes;
    } v[] = {
        {{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, true},
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}, true},
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0}, true},
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0}, true},
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 99}, true}, /* behind the end */
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 4, 2}, false},
        {{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8}, false},
        {{8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}, false},
        {{1, 1, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8}, false},
        {{1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1}, false},
        {{4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, false},
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        uint32_t val = 0;
        uint32_t ecr = 0;
        assert_true(tcp_opts_only_ts(v[i].p, 12, &val, &ecr) == v[i].yes);
        if (v[i].yes) {
            assert_int_equal(val, 0x01020304);
            assert_int_equal(ecr, 0x05060708);
        }
        uint8_t *q = kit_exact(v[i].p, 11);
        for (uint32_t n = 0; n < 12; n++)
            assert_false(tcp_opts_only_ts(q, n, &val, &ecr));
        free(q);
    }
}

static void builds_the_usual_syn(void **state)
{
    (void)state;
    static const uint8_t want[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0,
                                   0, 1, 0,    0,    0, 2, 1, 3,  3, 7};
    struct tcp_opts o = {.has_mss = true,
                         .has_wscale = true,
                         .has_ts = true,
                         .sack_permitted = true,
                         .mss = 1460,
                         .wscale = 7,
                         .tsval = 1,
                         .tsecr = 2};
    uint8_t p[40];

    assert_int_equal(tcp_opts_build(p, &o), sizeof want);
    assert_memory_equal(p, want, sizeof want);
}

static void builds_single_options(void **state)
{
    (void)state;
    uint8_t p[40];
    struct tcp_opts none = {0};
    struct tcp_opts sack_ok = {.sack_permitted = true};
    struct tcp_opts ts = {.has_ts = true, .tsval = 0x01020304, .tsecr = 0x05060708};
    struct tcp_opts ws = {.has_wscale = true, .wscale = 3};
    static const uint8_t want_ts[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t val;
    uint32_t ecr;

    assert_int_equal(tcp_opts_build(p, &none), 0);
    assert_int_equal(tcp_opts_build(p, &sack_ok), 4);
    assert_memory_equal(p, "\1\1\4\2", 4);
    assert_int_equal(tcp_opts_build(p, &ws), 4);
    assert_memory_equal(p, "\1\3\3\3", 4);
    assert_int_equal(tcp_opts_build(p, &ts), 12);
    assert_memory_equal(p, want_ts, 12);
    assert_true(tcp_opts_only_ts(p, 12, &val, &ecr));
}

static void as_many_sack_blocks_as_fit(void **state)
{
    (void)state;
    uint8_t p[41];

    for (uint8_t n = 0; n <= 4; n++) {
        struct tcp_opts o = {.nsack = n};
        struct tcp_opts back;
        for (uint8_t i = 0; i < n; i++)
            o.sack[i] = (struct sack_block){seq(100U * i), seq(100U * i + 50)};
        p[40] = 0x5a;
        assert_int_equal(tcp_opts_build(p, &o), n ? 4 + 8 * n : 0);
        assert_true(parse(p, n ? 4U + 8U * n : 0, false, &back));
        assert_int_equal(back.nsack, n);
        o.has_ts = true; /* leaves room for three */
        uint32_t len = tcp_opts_build(p, &o);
        uint32_t fit = n < 3 ? n : 3;
        assert_int_equal(len, 12 + (fit ? 4 + 8 * fit : 0));
        assert_true(parse(p, len, false, &back));
        assert_int_equal(back.nsack, fit);
        assert_true(back.has_ts);
        for (uint32_t i = 0; i < fit; i++)
            assert_int_equal(back.sack[i].end.v, 100 * i + 50);
        o.has_mss = o.has_wscale = o.sack_permitted = true; /* the most that can stand before */
        o.nsack = 4;
        assert_int_equal(tcp_opts_build(p, &o), 40);
        assert_int_equal(p[40], 0x5a);
    }
}

static void what_is_built_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 13;

    for (int i = 0; i < 20000; i++) {
        uint32_t bits = kit_rand(&seed);
        struct tcp_opts o = {.has_mss = bits & 1,
                             .has_wscale = bits & 2,
                             .has_ts = bits & 4,
                             .sack_permitted = bits & 8,
                             .nsack = (uint8_t)(bits >> 4 & 1 ? 2 : 0)};
        o.mss = (uint16_t)kit_rand(&seed);
        o.wscale = (uint8_t)kit_below(&seed, 15);
        o.tsval = kit_rand(&seed);
        o.tsecr = kit_rand(&seed);
        for (unsigned k = 0; k < 2; k++)
            o.sack[k] = (struct sack_block){seq(kit_rand(&seed)), seq(kit_rand(&seed))};
        uint8_t p[40];
        struct tcp_opts back;
        uint32_t n = tcp_opts_build(p, &o);
        assert_in_range(n, 0, 40);
        assert_int_equal(n % 4, 0);
        assert_true(parse(p, n, true, &back));
        assert_int_equal(back.has_mss, o.has_mss);
        assert_int_equal(back.has_wscale, o.has_wscale);
        assert_int_equal(back.has_ts, o.has_ts);
        assert_int_equal(back.sack_permitted, o.sack_permitted);
        assert_int_equal(back.nsack, o.nsack);
        assert_int_equal(back.mss, o.has_mss ? o.mss : 0);
        assert_int_equal(back.wscale, o.has_wscale ? o.wscale : 0);
        assert_int_equal(back.tsval, o.has_ts ? o.tsval : 0);
        for (unsigned k = 0; k < o.nsack; k++)
            assert_int_equal(back.sack[k].start.v, o.sack[k].start.v);
    }
}

static void random_options_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 14;

    for (int i = 0; i < 100000; i++) {
        uint8_t p[40];
        uint32_t n = kit_below(&seed, 41);
        for (uint32_t j = 0; j < n; j++)
            p[j] = kit_below(&seed, 3) ? (uint8_t)kit_below(&seed, 12) : (uint8_t)kit_rand(&seed);
        struct tcp_opts o;
        struct tcp_opts slow;
        uint32_t val;
        uint32_t ecr;
        parse(p, n, i % 2, &o);
        assert_true(o.nsack <= TCP_SACK_MAX);
        if (tcp_opts_only_ts(p, n, &val, &ecr)) { /* the fast way says what the slow one says */
            assert_true(parse(p, n, false, &slow));
            assert_true(slow.has_ts && slow.nsack == 0);
            assert_int_equal(slow.tsval, val);
            assert_int_equal(slow.tsecr, ecr);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),
        cmocka_unit_test(data_offsets),
        cmocka_unit_test(header_is_built_as_parsed),
        cmocka_unit_test(options_of_a_syn),
        cmocka_unit_test(handshake_options_count_on_a_syn_only),
        cmocka_unit_test(any_alignment_and_unknown_kinds),
        cmocka_unit_test(nothing_behind_the_end),
        cmocka_unit_test(wrong_lengths_of_known_kinds),
        cmocka_unit_test(illegal_lengths),
        cmocka_unit_test(window_scale_is_read_as_it_is),
        cmocka_unit_test(sack_blocks),
        cmocka_unit_test(only_timestamps),
        cmocka_unit_test(builds_the_usual_syn),
        cmocka_unit_test(builds_single_options),
        cmocka_unit_test(as_many_sack_blocks_as_fit),
        cmocka_unit_test(what_is_built_reads_back),
        cmocka_unit_test(random_options_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
