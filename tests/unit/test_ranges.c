/* Sets of sequence numbers, against a map of single numbers, on both sides of 2^32. */
#include "unit/base_kit.h"

#include "base/ranges.h"

enum { CAP = 100, SPAN = 256 };

struct fix {
    struct kit kit;
    struct pool pool;
    struct ranges set;
};

static void setup(struct fix *f)
{
    kit_init(&f->kit);
    pool_init(&f->pool, &f->kit.mem, sizeof(struct range), CAP);
    f->set = (struct ranges){0};
}

static void teardown(struct fix *f)
{
    ranges_clear(&f->set, &f->pool);
    assert_int_equal(f->set.head, 0);
    assert_int_equal(f->set.count, 0);
    assert_int_equal(f->pool.used, 0);
    pool_free(&f->pool);
    kit_done(&f->kit);
}

static bool add(struct fix *f, uint32_t start, uint32_t end)
{
    return ranges_add(&f->set, &f->pool, seq(start), seq(end), CAP);
}

/* The whole set, as pairs. */
static void check(const struct fix *f, uint32_t n, const uint32_t *want)
{
    const struct range *x = ranges_first(&f->set, &f->pool);

    assert_int_equal(f->set.count, n);
    assert_int_equal(f->pool.used, n);
    for (uint32_t i = 0; i < n; i++, x = ranges_next(x, &f->pool)) {
        assert_non_null(x);
        assert_int_equal(x->start.v, want[2 * i]);
        assert_int_equal(x->end.v, want[2 * i + 1]);
    }
    assert_null(x);
}
#define CHECK(f, ...)                                                                              \
    check(f, sizeof((uint32_t[]){__VA_ARGS__}) / 8, (const uint32_t[]){__VA_ARGS__})

static void adding_merges(void **state)
{
    (void)state;
    struct fix f;
    setup(&f);

    assert_true(add(&f, 100, 110));
    assert_true(add(&f, 120, 130));
    assert_true(add(&f, 80, 90));
    CHECK(&f, 80, 90, 100, 110, 120, 130);
    assert_true(add(&f, 110, 115)); /* touches behind */
    CHECK(&f, 80, 90, 100, 115, 120, 130);
    assert_true(add(&f, 118, 120)); /* touches in front */
    CHECK(&f, 80, 90, 100, 115, 118, 130);
    assert_true(add(&f, 115, 118)); /* closes a gap exactly */
    CHECK(&f, 80, 90, 100, 130);
    assert_true(add(&f, 105, 125)); /* inside */
    CHECK(&f, 80, 90, 100, 130);
    assert_true(add(&f, 70, 140)); /* over everything */
    CHECK(&f, 70, 140);
    assert_true(add(&f, 60, 60)); /* empty */
    assert_true(add(&f, 61, 60)); /* upside down: nothing */
    CHECK(&f, 70, 140);
    teardown(&f);
}

static void limits_change_nothing(void **state)
{
    (void)state;
    struct fix f;
    setup(&f);

    assert_true(ranges_add(&f.set, &f.pool, seq(10), seq(20), 2));
    assert_true(ranges_add(&f.set, &f.pool, seq(30), seq(40), 2));
    assert_false(ranges_add(&f.set, &f.pool, seq(50), seq(60), 2));
    CHECK(&f, 10, 20, 30, 40);
    assert_true(ranges_add(&f.set, &f.pool, seq(40), seq(60), 2)); /* needs no node */
    CHECK(&f, 10, 20, 30, 60);
    f.kit.mem.fail_at = f.kit.mem.asked + 1;
    assert_false(ranges_add(&f.set, &f.pool, seq(70), seq(80), 9));
    CHECK(&f, 10, 20, 30, 60);
    assert_true(ranges_add(&f.set, &f.pool, seq(70), seq(80), 9));
    CHECK(&f, 10, 20, 30, 60, 70, 80);
    teardown(&f);
}

static void trimming(void **state)
{
    (void)state;
    struct fix f;
    setup(&f);

    add(&f, 10, 20);
    add(&f, 30, 40);
    add(&f, 50, 60);
    ranges_trim(&f.set, &f.pool, seq(5));
    CHECK(&f, 10, 20, 30, 40, 50, 60);
    ranges_trim(&f.set, &f.pool, seq(15));
    CHECK(&f, 15, 20, 30, 40, 50, 60);
    ranges_trim(&f.set, &f.pool, seq(20));
    CHECK(&f, 30, 40, 50, 60);
    ranges_trim(&f.set, &f.pool, seq(45));
    CHECK(&f, 50, 60);
    ranges_trim(&f.set, &f.pool, seq(99));
    assert_null(ranges_first(&f.set, &f.pool));
    teardown(&f);
}

static void looking(void **state)
{
    (void)state;
    struct fix f;
    setup(&f);

    add(&f, 0xfffffff0, 0xfffffff8);
    add(&f, 0xfffffffc, 4); /* over the wrap */
    add(&f, 8, 16);
    CHECK(&f, 0xfffffff0, 0xfffffff8, 0xfffffffc, 4, 8, 16);
    assert_int_equal(ranges_bytes(&f.set, &f.pool), 8 + 8 + 8);
    assert_null(ranges_find(&f.set, &f.pool, seq(0xffffffef)));
    assert_int_equal(ranges_find(&f.set, &f.pool, seq(0xfffffff0))->end.v, 0xfffffff8);
    assert_null(ranges_find(&f.set, &f.pool, seq(0xfffffff8))); /* the end is outside */
    assert_int_equal(ranges_find(&f.set, &f.pool, seq(0))->start.v, 0xfffffffc);
    assert_null(ranges_find(&f.set, &f.pool, seq(16)));
    assert_int_equal(ranges_above(&f.set, &f.pool, seq(0xfffffff8))->start.v, 0xfffffffc);
    assert_int_equal(ranges_above(&f.set, &f.pool, seq(3))->start.v, 0xfffffffc);
    assert_int_equal(ranges_above(&f.set, &f.pool, seq(4))->start.v, 8);
    assert_null(ranges_above(&f.set, &f.pool, seq(16)));
    assert_int_equal(ranges_overlap(&f.set, &f.pool, seq(0xfffffff4), seq(10)), 4 + 8 + 2);
    assert_int_equal(ranges_overlap(&f.set, &f.pool, seq(4), seq(8)), 0);
    assert_int_equal(ranges_overlap(&f.set, &f.pool, seq(5), seq(5)), 0);
    assert_int_equal(ranges_overlap(&f.set, &f.pool, seq(9), seq(8)), 0);
    teardown(&f);
}

/* The model: in[i] says whether base + i is in the set. */
static void compare(const struct fix *f, const bool in[SPAN], uint32_t base, uint64_t *seed)
{
    uint32_t runs = 0;
    uint32_t bytes = 0;
    const struct range *x = ranges_first(&f->set, &f->pool);

    for (uint32_t i = 0; i < SPAN; i++) {
        bytes += in[i];
        if (!in[i] || (i > 0 && in[i - 1]))
            continue;
        uint32_t end = i;
        while (end < SPAN && in[end])
            end++;
        assert_non_null(x);
        assert_int_equal(x->start.v, base + i);
        assert_int_equal(x->end.v, base + end);
        x = ranges_next(x, &f->pool);
        runs++;
    }
    assert_null(x);
    assert_int_equal(f->set.count, runs);
    assert_int_equal(ranges_bytes(&f->set, &f->pool), bytes);

    uint32_t at = kit_below(seed, SPAN);
    assert_true((ranges_find(&f->set, &f->pool, seq(base + at)) != NULL) == in[at]);
    uint32_t a = kit_below(seed, SPAN);
    uint32_t b = a + kit_below(seed, SPAN - a + 1);
    uint32_t over = 0;
    for (uint32_t i = a; i < b; i++)
        over += in[i];
    assert_int_equal(ranges_overlap(&f->set, &f->pool, seq(base + a), seq(base + b)), over);
}

static void against_the_model(void **state)
{
    (void)state;
    static const uint32_t bases[] = {0, 1000, 0x7fffff80, 0xffffff80, 0xffffff01};
    uint64_t seed = 6;

    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        for (int round = 0; round < 60; round++) {
            struct fix f;
            bool in[SPAN] = {false};
            uint32_t base = bases[i];
            uint32_t max = 1 + kit_below(&seed, 40);
            setup(&f);
            for (int step = 0; step < 60; step++) {
                uint32_t a = kit_below(&seed, SPAN);
                uint32_t b = a + kit_below(&seed, 24);
                b = b > SPAN ? SPAN : b;
                if (kit_below(&seed, 12) == 0) {
                    ranges_trim(&f.set, &f.pool, seq(base + a / 4));
                    memset(in, 0, a / 4);
                } else if (ranges_add(&f.set, &f.pool, seq(base + a), seq(base + b), max)) {
                    memset(in + a, 1, b - a);
                } else {
                    assert_int_equal(f.set.count, max);
                }
                compare(&f, in, base, &seed);
            }
            teardown(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_merges),     cmocka_unit_test(limits_change_nothing),
        cmocka_unit_test(trimming),          cmocka_unit_test(looking),
        cmocka_unit_test(against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
