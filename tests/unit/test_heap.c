/* The deadline heap, against a list that is searched from end to end. */
#include "unit/base_kit.h"

#include "base/heap.h"

enum { IDS = 500 };

struct owner {
    uint32_t pos[IDS + 1];
};

static uint32_t *where(void *ctx, uint32_t id)
{
    struct owner *o = ctx;
    assert_in_range(id, 1, IDS);
    return &o->pos[id];
}

static void setup(struct kit *k, struct heap *h, struct owner *o)
{
    kit_init(k);
    memset(o, 0, sizeof *o);
    heap_init(h, &k->mem, IDS, where, o);
}

static void empty(void **state)
{
    (void)state;
    struct kit k;
    struct heap h;
    struct owner o;
    setup(&k, &h, &o);

    assert_true(heap_first(&h) == LA_NEVER);
    assert_int_equal(heap_pop_due(&h, LA_NEVER), 0);
    heap_remove(&h, 7);
    assert_int_equal(h.n, 0);
    heap_free(&h);
    kit_done(&k);
}

static void ties_fire_in_arming_order(void **state)
{
    (void)state;
    struct kit k;
    struct heap h;
    struct owner o;
    setup(&k, &h, &o);
    assert_true(heap_reserve(&h, IDS));

    for (uint32_t id = IDS; id >= 1; id--)
        heap_set(&h, id, 1000);
    heap_set(&h, 250, 1000); /* armed again: now the last */
    for (uint32_t id = IDS; id >= 1; id--) {
        if (id != 250)
            assert_int_equal(heap_pop_due(&h, 1000), id);
    }
    assert_int_equal(heap_pop_due(&h, 1000), 250);
    assert_int_equal(heap_pop_due(&h, 1000), 0);
    heap_free(&h);
    kit_done(&k);
}

static void only_what_is_due(void **state)
{
    (void)state;
    struct kit k;
    struct heap h;
    struct owner o;
    setup(&k, &h, &o);
    assert_true(heap_reserve(&h, 3));

    heap_set(&h, 1, 30);
    heap_set(&h, 2, 10);
    heap_set(&h, 3, 20);
    assert_int_equal(heap_first(&h), 10);
    assert_int_equal(heap_pop_due(&h, 9), 0);
    assert_int_equal(heap_pop_due(&h, 10), 2);
    assert_int_equal(o.pos[2], HEAP_NONE);
    heap_set(&h, 3, 40); /* later */
    assert_int_equal(heap_first(&h), 30);
    heap_set(&h, 3, 5); /* earlier */
    assert_int_equal(heap_first(&h), 5);
    heap_remove(&h, 3);
    assert_int_equal(o.pos[3], HEAP_NONE);
    assert_int_equal(heap_pop_due(&h, 100), 1);
    assert_true(heap_first(&h) == LA_NEVER);
    heap_free(&h);
    kit_done(&k);
}

static void reserve_keeps_to_the_cap(void **state)
{
    (void)state;
    struct kit k;
    struct heap h;
    struct owner o;
    setup(&k, &h, &o);

    assert_false(heap_reserve(&h, IDS + 1));
    assert_false(heap_reserve(&h, UINT32_MAX));
    k.refuse = 1;
    assert_false(heap_reserve(&h, 1));
    k.refuse = 0;
    assert_true(heap_reserve(&h, IDS));
    heap_free(&h);
    kit_done(&k);
}

/* The model: when and serial of each id; 0 as a serial: not in. */
struct model {
    la_ns when[IDS + 1];
    uint64_t serial[IDS + 1];
    uint64_t armed;
    uint32_t n;
};

static uint32_t model_first(const struct model *m)
{
    uint32_t best = 0;

    for (uint32_t id = 1; id <= IDS; id++) {
        if (m->serial[id] == 0)
            continue;
        if (best == 0 || m->when[id] < m->when[best] ||
            (m->when[id] == m->when[best] && m->serial[id] < m->serial[best]))
            best = id;
    }
    return best;
}

static void model_remove(struct model *m, uint32_t id)
{
    m->n -= m->serial[id] != 0;
    m->serial[id] = 0;
}

static void against_the_model(void **state)
{
    (void)state;
    struct kit k;
    struct heap h;
    struct owner o;
    static struct model m;
    uint64_t seed = 5;
    setup(&k, &h, &o);
    memset(&m, 0, sizeof m);
    assert_true(heap_reserve(&h, IDS));

    for (int step = 0; step < 40000; step++) {
        uint32_t op = kit_below(&seed, 10);
        uint32_t id = 1 + kit_below(&seed, IDS);
        if (op < 6) {
            la_ns when = kit_below(&seed, 64); /* many ties */
            heap_set(&h, id, when);
            m.n += m.serial[id] == 0;
            m.when[id] = when;
            m.serial[id] = ++m.armed;
        } else if (op < 8) {
            heap_remove(&h, id);
            model_remove(&m, id);
        } else {
            uint32_t first = model_first(&m);
            la_ns now = kit_below(&seed, 64);
            bool due = first != 0 && m.when[first] <= now;
            assert_int_equal(heap_pop_due(&h, now), due ? first : 0);
            if (due)
                model_remove(&m, first);
        }
        uint32_t first = model_first(&m);
        assert_true(heap_first(&h) == (first ? m.when[first] : LA_NEVER));
        assert_int_equal(h.n, m.n);
    }
    for (uint32_t id = 1; id <= IDS; id++) { /* positions are right, or removal breaks the rest */
        assert_true((o.pos[id] != HEAP_NONE) == (m.serial[id] != 0));
        heap_remove(&h, id);
    }
    assert_int_equal(h.n, 0);
    heap_free(&h);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(ties_fire_in_arming_order),
        cmocka_unit_test(only_what_is_due),
        cmocka_unit_test(reserve_keeps_to_the_cap),
        cmocka_unit_test(against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
