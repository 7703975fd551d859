/* Memory, pages, pools and blocks: growth to the cap and not past it, refusal at every allocation
 * in turn, and everything given back. */
#include "unit/base_kit.h"

#include "base/block.h"
#include "base/pool.h"

struct obj {
    uint32_t link;
    uint32_t mine;
    uint64_t pad[2];
};

static void mem_is_zeroed_and_counted(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k);
    uint8_t *p = mem_get(&k.mem, 100);

    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal(k.mem.bytes, 100);
    mem_put(&k.mem, p, 100);
    mem_put(&k.mem, NULL, 100);
    k.refuse = k.calls + 1;
    assert_null(mem_get(&k.mem, 1));
    assert_int_equal(k.mem.refused, 1);
    kit_done(&k);
}

static void pages_take_nothing_until_touched(void **state)
{
    (void)state;
    struct kit k;
    struct pages p;
    kit_init(&k);
    pages_init(&p, &k.mem, 24, 1000000);

    assert_int_equal(k.calls, 0);
    assert_true(pages_grow(&p, 0));
    assert_int_equal(k.calls, 0);
    pages_free(&p);
    kit_done(&k);
}

static void pages_grow_page_by_page(void **state)
{
    (void)state;
    struct kit k;
    struct pages p;
    kit_init(&k);
    pages_init(&p, &k.mem, 24, 10000); /* 2,048 elements of 24 bytes fit 64 KiB as a power of two */

    assert_true(pages_grow(&p, 1));
    assert_int_equal(p.len, 2048);
    assert_int_equal(k.mem.bytes, 5 * sizeof(uint8_t *) + 2048 * 24);
    uint8_t *first = pages_at(&p, 0);
    memset(first, 7, 24);
    assert_true(pages_grow(&p, 2048));
    assert_int_equal(p.len, 2048);
    assert_true(pages_grow(&p, 2049));
    assert_int_equal(p.len, 4096);
    assert_ptr_equal(pages_at(&p, 0), first); /* nothing moves */
    assert_int_equal(first[23], 7);
    assert_int_equal(*(uint8_t *)pages_at(&p, 4095), 0);
    pages_free(&p);
    kit_done(&k);
}

static void last_page_ends_at_the_cap(void **state)
{
    (void)state;
    struct kit k;
    struct pages p;
    kit_init(&k);
    pages_init(&p, &k.mem, 24, 2050);

    assert_true(pages_grow(&p, 2050));
    assert_int_equal(p.len, 2050);
    assert_int_equal(k.mem.bytes, 2 * sizeof(uint8_t *) + 2050 * 24);
    memset(pages_at(&p, 2049), 1, 24);
    assert_false(pages_grow(&p, 2051));
    assert_int_equal(p.len, 2050);
    assert_int_equal(k.mem.refused, 1);
    pages_free(&p);
    kit_done(&k);
}

static void refused_growth_changes_nothing(void **state)
{
    (void)state;
    /* Growing to five pages asks for them one after the other: refuse each in turn. */
    for (uint32_t at = 1; at <= 4; at++) {
        struct kit k;
        struct pages p;
        kit_init(&k);
        pages_init(&p, &k.mem, 65536, 5);
        assert_true(pages_grow(&p, 1));
        size_t before = k.live;
        k.refuse = k.calls + at;
        assert_false(pages_grow(&p, 5));
        assert_int_equal(p.len, 1);
        assert_int_equal(k.live, before);
        k.refuse = 0;
        assert_true(pages_grow(&p, 5));
        memset(pages_at(&p, 4), 1, 65536);
        pages_free(&p);
        kit_done(&k);
    }
}

static void refused_directory(void **state)
{
    (void)state;
    struct kit k;
    struct pages p;
    kit_init(&k);
    pages_init(&p, &k.mem, 8, 100);
    k.refuse = 1;
    assert_false(pages_grow(&p, 1));
    k.refuse = 0;
    assert_true(pages_grow(&p, 1));
    pages_free(&p);
    kit_done(&k);
}

static void pool_hands_out_each_index_once(void **state)
{
    (void)state;
    enum { CAP = 5000 };
    struct kit k;
    struct pool p;
    static bool seen[CAP + 1];
    kit_init(&k);
    memset(seen, 0, sizeof seen);
    pool_init(&p, &k.mem, sizeof(struct obj), CAP);

    assert_false(pool_has(&p, 1));
    for (uint32_t n = 0; n < CAP; n++) {
        uint32_t i = 0;
        struct obj *o = pool_get(&p, &i);
        assert_non_null(o);
        assert_in_range(i, 1, CAP);
        assert_false(seen[i]);
        seen[i] = true;
        o->mine = i;
        assert_ptr_equal(o, pool_at(&p, i));
        assert_int_equal((uintptr_t)o % 8, 0);
    }
    uint32_t i = 0;
    assert_null(pool_get(&p, &i));
    assert_int_equal(k.mem.refused, 1);
    assert_int_equal(p.used, CAP);
    for (i = 1; i <= CAP; i++) {
        struct obj *o = pool_at(&p, i);
        assert_int_equal(o->mine, i);
        pool_put(&p, i);
        assert_int_equal(o->mine, i); /* all but the first four bytes stay */
    }
    assert_int_equal(p.used, 0);
    assert_true(pool_has(&p, CAP));
    assert_false(pool_has(&p, 0));
    assert_false(pool_has(&p, CAP + 1));
    pool_free(&p);
    kit_done(&k);
}

static void pool_reuses_before_it_grows(void **state)
{
    (void)state;
    struct kit k;
    struct pool p;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    kit_init(&k);
    pool_init(&p, &k.mem, sizeof(struct obj), 100);

    assert_non_null(pool_get(&p, &a));
    assert_non_null(pool_get(&p, &b));
    pool_put(&p, a);
    assert_non_null(pool_get(&p, &c));
    assert_int_equal(c, a);
    assert_int_equal(p.made, 2);
    pool_put(&p, b);
    pool_put(&p, c);
    assert_int_equal(p.used, 0);
    pool_free(&p);
    kit_done(&k);
}

static void nth_object_is_refused_once(void **state)
{
    (void)state;
    struct kit k;
    struct pool p;
    struct pool q;
    uint32_t i;
    kit_init(&k);
    k.mem.fail_at = 3;
    pool_init(&p, &k.mem, sizeof(struct obj), 100);
    pool_init(&q, &k.mem, sizeof(struct obj), 100);

    assert_non_null(pool_get(&p, &i)); /* counted over all pools of the mem */
    assert_non_null(pool_get(&q, &i));
    assert_null(pool_get(&p, &i));
    assert_int_equal(k.mem.refused, 1);
    assert_int_equal(p.used, 1);
    assert_non_null(pool_get(&p, &i));
    assert_non_null(pool_get(&q, &i));
    assert_int_equal(k.mem.asked, 5);
    k.mem.asked = 2; /* as after 2^32 more: once is once */
    assert_non_null(pool_get(&q, &i));
    assert_int_equal(k.mem.refused, 1);
    pool_free(&p);
    pool_free(&q);
    kit_done(&k);
}

static void refusal_also_comes_to_reused_objects(void **state)
{
    (void)state;
    struct kit k;
    struct pool p;
    uint32_t i;
    kit_init(&k);
    k.mem.fail_at = 2;
    pool_init(&p, &k.mem, sizeof(struct obj), 100);

    assert_non_null(pool_get(&p, &i));
    pool_put(&p, i);
    assert_null(pool_get(&p, &i));
    assert_non_null(pool_get(&p, &i));
    pool_put(&p, i);
    assert_int_equal(p.used, 0);
    pool_free(&p);
    kit_done(&k);
}

static void pool_survives_a_refusing_allocator(void **state)
{
    (void)state;
    struct kit k;
    struct pool p;
    uint32_t i = 0;
    uint32_t got = 0;
    kit_init(&k);
    k.refuse = 3; /* the directory and one page */
    pool_init(&p, &k.mem, sizeof(struct obj), 100000);

    while (pool_get(&p, &i))
        got++;
    assert_int_equal(got, 2047); /* 2,048 of 24 bytes a page, the first never handed out */
    assert_null(pool_get(&p, &i));
    assert_int_equal(p.used, got);
    k.refuse = 0;
    assert_non_null(pool_get(&p, &i));
    for (i = 1; i <= got + 1; i++)
        pool_put(&p, i);
    assert_int_equal(p.used, 0);
    pool_free(&p);
    kit_done(&k);
}

static void random_use_keeps_contents(void **state)
{
    (void)state;
    enum { CAP = 300 };
    struct kit k;
    struct pool p;
    uint64_t seed = 4;
    uint32_t held[CAP];
    uint32_t n = 0;
    kit_init(&k);
    pool_init(&p, &k.mem, sizeof(struct obj), CAP);

    for (int step = 0; step < 20000; step++) {
        if (kit_below(&seed, 2)) {
            uint32_t i;
            struct obj *o = pool_get(&p, &i);
            assert_true((o != NULL) == (n < CAP));
            if (o) {
                o->link = o->mine = i;
                held[n++] = i;
            }
        } else if (n > 0) {
            uint32_t at = kit_below(&seed, n);
            struct obj *o = pool_at(&p, held[at]);
            assert_int_equal(o->link, held[at]);
            assert_int_equal(o->mine, held[at]);
            pool_put(&p, held[at]);
            held[at] = held[--n];
        }
        assert_int_equal(p.used, n);
    }
    while (n > 0)
        pool_put(&p, held[--n]);
    assert_int_equal(p.used, 0);
    pool_free(&p);
    kit_done(&k);
}

static void blocks_come_back_as_a_chain(void **state)
{
    (void)state;
    struct kit k;
    struct blocks p;
    struct block *chain = NULL;
    kit_init(&k);
    blocks_init(&p, &k.mem, 40);

    for (int i = 0; i < 40; i++) {
        struct block *b = block_get(&p);
        assert_non_null(b);
        assert_null(b->next);
        assert_int_equal(b->len, 0);
        memset(b->data, i, sizeof b->data);
        b->next = chain;
        chain = b;
    }
    assert_null(block_get(&p));
    block_put_all(&p, chain);
    block_put_all(&p, NULL);
    assert_int_equal(p.used, 0);
    blocks_free(&p);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mem_is_zeroed_and_counted),
        cmocka_unit_test(pages_take_nothing_until_touched),
        cmocka_unit_test(pages_grow_page_by_page),
        cmocka_unit_test(last_page_ends_at_the_cap),
        cmocka_unit_test(refused_growth_changes_nothing),
        cmocka_unit_test(refused_directory),
        cmocka_unit_test(pool_hands_out_each_index_once),
        cmocka_unit_test(pool_reuses_before_it_grows),
        cmocka_unit_test(nth_object_is_refused_once),
        cmocka_unit_test(refusal_also_comes_to_reused_objects),
        cmocka_unit_test(pool_survives_a_refusing_allocator),
        cmocka_unit_test(random_use_keeps_contents),
        cmocka_unit_test(blocks_come_back_as_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
