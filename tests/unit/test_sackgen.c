/* Which SACK blocks a receiver reports: the examples of RFC 2018 §7 and RFC 2883 §4, played into a
 * receive queue as the spine would. */
#include "unit/base_kit.h"

#include "tcp/rcvq.h"
#include "tcp/sackgen.h"

struct fix {
    struct kit kit;
    struct blocks blocks;
    struct pool ranges;
    struct rcvq q;
    struct sackgen g;
};

static void setup(struct fix *f, uint32_t nxt)
{
    kit_init(&f->kit);
    blocks_init(&f->blocks, &f->kit.mem, 1000);
    pool_init(&f->ranges, &f->kit.mem, sizeof(struct range), 1000);
    rcvq_init(&f->q, seq(nxt));
    f->g = (struct sackgen){0};
}

static void teardown(struct fix *f)
{
    rcvq_free(&f->q, &f->blocks, &f->ranges);
    assert_int_equal(f->blocks.used, 0);
    assert_int_equal(f->ranges.used, 0);
    blocks_free(&f->blocks);
    pool_free(&f->ranges);
    kit_done(&f->kit);
}

/* The segment [start, end) comes. */
static void comes(struct fix *f, uint32_t start, uint32_t end)
{
    static const uint8_t zeros[20000];
    struct slice from = {.head = {zeros, end - start}, .len = end - start};
    struct rcvq_result r;

    rcvq_write(&f->q, &f->blocks, &f->ranges, seq(start), &from, 0, end - start, &r);
    if (r.dup)
        sackgen_duplicate(&f->g, r.dup_start, r.dup_end);
    if (r.stored && r.advanced == 0)
        sackgen_arrived(&f->g, seq(start));
}

struct want {
    uint32_t ack;
    struct {
        uint32_t start, end;
    } block[5]; /* ends with 0, 0 */
};

static void expect_max(struct fix *f, uint32_t max, struct want w)
{
    struct sack_block out[4];
    uint32_t n = sackgen_blocks(&f->g, &f->q.ooo, &f->ranges, f->q.nxt, out, max);
    uint32_t i = 0;

    assert_int_equal(f->q.nxt.v, w.ack);
    for (; i < n; i++) {
        assert_int_equal(out[i].start.v, w.block[i].start);
        assert_int_equal(out[i].end.v, w.block[i].end);
    }
    assert_int_equal(w.block[i].end, 0);
}

static void expect(struct fix *f, struct want w)
{
    expect_max(f, 3, w);
}

/* RFC 2018 §7, case 1: nothing missing, nothing told. */
static void case_1_all_in_order(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 5000);
    comes(&f, 5000, 7000);
    expect(&f, (struct want){7000, {{0, 0}}});
    teardown(&f);
}

/* Case 2: the first of eight is lost. */
static void case_2_first_lost(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 5000);
    for (uint32_t s = 5500; s <= 8500; s += 500) {
        comes(&f, s, s + 500);
        expect(&f, (struct want){5000, {{5500, s + 500}}});
    }
    teardown(&f);
}

/* Case 3: the second, fourth, sixth and eighth are lost; then the fourth comes, then the second. */
static void case_3_every_second_lost(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 5000);
    comes(&f, 5000, 5500);
    expect(&f, (struct want){5500, {{0, 0}}});
    comes(&f, 6000, 6500);
    expect(&f, (struct want){5500, {{6000, 6500}}});
    comes(&f, 7000, 7500);
    expect(&f, (struct want){5500, {{7000, 7500}, {6000, 6500}}});
    comes(&f, 8000, 8500);
    expect(&f, (struct want){5500, {{8000, 8500}, {7000, 7500}, {6000, 6500}}});
    comes(&f, 6500, 7000);
    expect(&f, (struct want){5500, {{6000, 7500}, {8000, 8500}}});
    comes(&f, 5500, 6000);
    expect(&f, (struct want){7500, {{8000, 8500}}});
    teardown(&f);
}

/* RFC 2883 §4.1.1, example 1, and rule 2: told once. */
static void dsack_1_below_the_ack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    comes(&f, 0, 4000);
    comes(&f, 3000, 3500);
    expect(&f, (struct want){4000, {{3000, 3500}}});
    expect(&f, (struct want){4000, {{0, 0}}});
    teardown(&f);
}

static void dsack_2_and_an_out_of_order_segment(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    comes(&f, 0, 4000);
    comes(&f, 4500, 5000);
    expect(&f, (struct want){4000, {{4500, 5000}}});
    comes(&f, 3000, 3500);
    expect(&f, (struct want){4000, {{3000, 3500}, {4500, 5000}}});
    teardown(&f);
}

static void dsack_3_of_an_out_of_order_segment(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    comes(&f, 0, 4000);
    comes(&f, 4500, 5000);
    expect(&f, (struct want){4000, {{4500, 5000}}});
    comes(&f, 5000, 5500);
    expect(&f, (struct want){4000, {{4500, 5500}}});
    comes(&f, 5000, 5500);
    expect(&f, (struct want){4000, {{5000, 5500}, {4500, 5500}}});
    teardown(&f);
}

static void dsack_4_part_of_a_segment(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 500);
    comes(&f, 500, 1000);
    comes(&f, 2000, 2500);
    expect(&f, (struct want){1000, {{2000, 2500}}});
    comes(&f, 1000, 1500);
    expect(&f, (struct want){1500, {{2000, 2500}}});
    comes(&f, 1000, 2000);
    expect(&f, (struct want){2500, {{1000, 1500}}});
    teardown(&f);
}

static void dsack_5_two_parts_below(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 500);
    comes(&f, 500, 1000);
    comes(&f, 3000, 3500);
    expect(&f, (struct want){1000, {{3000, 3500}}});
    comes(&f, 1000, 1500);
    expect(&f, (struct want){1500, {{3000, 3500}}});
    comes(&f, 2000, 2500);
    expect(&f, (struct want){1500, {{2000, 2500}, {3000, 3500}}});
    comes(&f, 1000, 2500);
    expect(&f, (struct want){2500, {{1000, 1500}, {3000, 3500}}});
    teardown(&f);
}

/* Example 6, where the segment that was delayed is 2500-2999: the RFC's table has 2000-2499 in its
 * third row, which was dropped. */
static void dsack_6_two_parts_above(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 500);
    comes(&f, 500, 1000);
    comes(&f, 3500, 4000);
    expect(&f, (struct want){1000, {{3500, 4000}}});
    comes(&f, 1500, 2000);
    expect(&f, (struct want){1000, {{1500, 2000}, {3500, 4000}}});
    comes(&f, 2500, 3000);
    expect(&f, (struct want){1000, {{2500, 3000}, {1500, 2000}, {3500, 4000}}});
    comes(&f, 1500, 3000);
    expect(&f, (struct want){1000, {{1500, 2000}, {1500, 3000}, {3500, 4000}}});
    teardown(&f);
}

/* A duplicate inside a range that is not the newest: rule 4 puts that range second. */
static void dsack_then_its_own_range(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    comes(&f, 1000, 2000);
    comes(&f, 3000, 4000);
    comes(&f, 5000, 6000);
    comes(&f, 1200, 1400);
    expect_max(&f, 4, (struct want){0, {{1200, 1400}, {1000, 2000}, {5000, 6000}, {3000, 4000}}});
    teardown(&f);
}

static void no_room(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    comes(&f, 0, 1000);
    comes(&f, 2000, 3000);
    comes(&f, 500, 600);
    expect_max(&f, 0, (struct want){1000, {{0, 0}}}); /* the D-SACK waits */
    expect_max(&f, 1, (struct want){1000, {{500, 600}}});
    expect_max(&f, 1, (struct want){1000, {{2000, 3000}}});
    expect_max(&f, 99, (struct want){1000, {{2000, 3000}}});
    teardown(&f);
}

/* RFC 2018 §4: each range is told at least three times in a row, newest first. */
static void each_range_is_told_three_times(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    for (uint32_t i = 1; i <= 40; i++) {
        struct want w = {0, {{0, 0}}};
        comes(&f, i * 1000, i * 1000 + 500);
        for (uint32_t k = 0; k < 3 && k < i; k++) {
            w.block[k].start = (i - k) * 1000;
            w.block[k].end = (i - k) * 1000 + 500;
        }
        expect(&f, w);
    }
    teardown(&f);
}

/* Many segments before one ACK, in few ranges among many: those that were never told, which lie
 * highest, are not forgotten for older ones. */
static void a_batch_before_one_ack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0);
    for (uint32_t i = 1; i <= 10; i++) {
        comes(&f, i * 1000, i * 1000 + 500);
        expect(&f, (struct want){0,
                                 {{i * 1000, i * 1000 + 500},
                                  {i > 1 ? i * 1000 - 1000 : 0, i > 1 ? i * 1000 - 500 : 0},
                                  {i > 2 ? i * 1000 - 2000 : 0, i > 2 ? i * 1000 - 1500 : 0}}});
    }
    for (uint32_t s = 20000; s < 25000; s += 500)
        comes(&f, s, s + 500);
    for (uint32_t s = 30000; s < 35000; s += 500)
        comes(&f, s, s + 500);
    expect(&f, (struct want){0, {{30000, 35000}, {20000, 25000}, {10000, 10500}}});
    teardown(&f);
}

/* Ranges that grew together are told once; those that nxt passed, not at all; and over 2^32. */
static void merged_and_gone(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 0xfffff000U);
    comes(&f, 0xfffff800U, 0xfffffc00U);
    comes(&f, 0x400, 0x800);
    comes(&f, 0xfffffc00U, 0x400);
    expect(&f, (struct want){0xfffff000U, {{0xfffff800U, 0x800}}});
    comes(&f, 0x1000, 0x1800);
    comes(&f, 0xfffff000U, 0xfffff800U);
    expect(&f, (struct want){0x800, {{0x1000, 0x1800}}});
    comes(&f, 0x800, 0x1000);
    expect(&f, (struct want){0x1800, {{0, 0}}});
    assert_int_equal(f.g.n, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_1_all_in_order),
        cmocka_unit_test(case_2_first_lost),
        cmocka_unit_test(case_3_every_second_lost),
        cmocka_unit_test(dsack_1_below_the_ack),
        cmocka_unit_test(dsack_2_and_an_out_of_order_segment),
        cmocka_unit_test(dsack_3_of_an_out_of_order_segment),
        cmocka_unit_test(dsack_4_part_of_a_segment),
        cmocka_unit_test(dsack_5_two_parts_below),
        cmocka_unit_test(dsack_6_two_parts_above),
        cmocka_unit_test(dsack_then_its_own_range),
        cmocka_unit_test(no_room),
        cmocka_unit_test(each_range_is_told_three_times),
        cmocka_unit_test(a_batch_before_one_ack),
        cmocka_unit_test(merged_and_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
