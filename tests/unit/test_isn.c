/* test_isn.c: initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 §5.4). */
#include "bare_tcp.h"

static struct bare *stack(void)
{
    return bare_new((struct bare_limits){1, 1, 1, 1, 1, LA_SEC(60)});
}

/* M ticks every 4 us, for each pair alike, and goes round after 2^32 ticks. */
static void the_clock_ticks_every_4_us(void **state)
{
    struct bare *b = stack();
    struct tuple id = bare_v4(0x0a000002, 40000, 80);
    seqno at0 = isn_choose(&b->tcp, &id, 0);
    (void)state;

    assert_int_equal(seq_diff(isn_choose(&b->tcp, &id, 3999), at0), 0);
    assert_int_equal(seq_diff(isn_choose(&b->tcp, &id, 4000), at0), 1);
    assert_int_equal(seq_diff(isn_choose(&b->tcp, &id, LA_SEC(1)), at0), 250000);
    assert_int_equal(seq_diff(isn_choose(&b->tcp, &id, LA_SEC(3600)), at0), 900000000);
    assert_int_equal(
        seq_diff(isn_choose(&b->tcp, &id, LA_USEC(UINT64_C(4) << 32) + LA_SEC(1)), at0), 250000);
    bare_free(b);
}

/* Each part of the pair counts, in its place, and so does the secret. */
static void each_part_of_the_pair_counts(void **state)
{
    struct bare *b = stack();
    struct tuple id = bare_v4(0x0a000002, 40000, 80), t[6];
    (void)state;

    for (unsigned i = 0; i < 6; i++)
        t[i] = id;
    t[1].lport++;
    t[2].rport++;
    t[3].local.b[15]++;
    t[4].remote.b[15]++;
    t[5] = (struct tuple){id.remote, id.local, id.rport, id.lport};
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(isn_choose(&b->tcp, &t[i], 0).v, isn_choose(&b->tcp, &t[j], 0).v);
    uint32_t before = isn_choose(&b->tcp, &id, 0).v;
    b->tcp.key_isn.k1 ^= 1;
    assert_int_not_equal(isn_choose(&b->tcp, &id, 0).v, before);
    bare_free(b);
}

/* Bug class 18.  Neighbouring pairs fill 2^16 buckets evenly, by the high and by the low half:
 * chi-square with 65,535 degrees of freedom has mean 65,535 and standard deviation 362; five of
 * them are allowed. */
static void no_pattern_in_neighbouring_pairs(void **state)
{
    enum { BUCKETS = 1 << 16, SAMPLES = 1 << 21, EACH = SAMPLES / BUCKETS };
    struct bare *b = stack();
    uint32_t *count = calloc(2 * BUCKETS, sizeof *count);
    (void)state;

    assert_non_null(count);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct tuple id = bare_v4(0x0a000000 + i / 4096, (uint16_t)(32768 + i % 4096), 80);
        uint32_t isn = isn_choose(&b->tcp, &id, 0).v;
        count[isn >> 16]++;
        count[BUCKETS + (isn & 0xffff)]++;
    }
    for (unsigned half = 0; half < 2; half++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < BUCKETS; i++) {
            int64_t off = (int64_t)count[half * BUCKETS + i] - EACH;
            sum += (uint64_t)(off * off);
        }
        assert_in_range(sum / EACH, 65535 - 5 * 362, 65535 + 5 * 362);
    }
    free(count);
    bare_free(b);
}

/* One bit of the port changes each bit of the number half of the time: 16 of 32 on average; over
 * 65,536 draws the mean is within 0.05 (4.5 standard deviations). */
static void one_bit_changes_half_of_them(void **state)
{
    struct bare *b = stack();
    uint64_t changed = 0;
    (void)state;

    for (uint32_t i = 0; i < 65536; i++) {
        struct tuple id = bare_v6(i, (uint16_t)i, 443), other = id;
        other.lport ^= (uint16_t)(1U << i % 16);
        changed += (uint64_t)__builtin_popcount(isn_choose(&b->tcp, &id, 0).v ^
                                                isn_choose(&b->tcp, &other, 0).v);
    }
    assert_in_range(changed, 1045299, 1051853);
    bare_free(b);
}

static void the_laboratory_fixes_it(void **state)
{
    struct bare *b = stack();
    struct tuple id = bare_v4(1, 2, 3);
    (void)state;

    b->cfg.lab.fixed_isn = true;
    b->cfg.lab.isn = 0xfffffff0;
    assert_int_equal(isn_choose(&b->tcp, &id, LA_SEC(77)).v, 0xfffffff0);
    bare_free(b);
}

/* Ambiguity F15: from one connection of two hosts to the next the clock goes on, whatever the
 * ports; other hosts see another. */
static void timestamps_belong_to_two_hosts(void **state)
{
    struct bare *b = stack();
    struct tuple id = bare_v4(0x0a000002, 40000, 80), next = bare_v4(0x0a000002, 40001, 81);
    struct tuple other = bare_v4(0x0a000003, 40000, 80);
    (void)state;

    assert_int_equal(ts_offset(&b->tcp, &id), ts_offset(&b->tcp, &next));
    assert_int_not_equal(ts_offset(&b->tcp, &id), ts_offset(&b->tcp, &other));
    assert_int_equal(ts_now(&b->tcp, &next, LA_MSEC(5)) - ts_now(&b->tcp, &id, 0), 5);
    assert_int_equal(ts_now(&b->tcp, &id, LA_MSEC(1) - 1), ts_now(&b->tcp, &id, 0));
    assert_int_equal(ts_now(&b->tcp, &id, 0), ts_offset(&b->tcp, &id));
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_ticks_every_4_us),
        cmocka_unit_test(each_part_of_the_pair_counts),
        cmocka_unit_test(no_pattern_in_neighbouring_pairs),
        cmocka_unit_test(one_bit_changes_half_of_them),
        cmocka_unit_test(the_laboratory_fixes_it),
        cmocka_unit_test(timestamps_belong_to_two_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
