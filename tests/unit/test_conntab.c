/* test_conntab.c: one table for connections, embryos and TIME-WAIT entries, against a naive one. */
#include "bare_tcp.h"

enum { OBJECTS = 100000 };

/* Object i of the naive table: what it is, and whether it is in. */
struct object {
    struct tuple id;
    ref r; /* REF_NONE: not in the table */
};

static struct tuple pair(uint32_t i)
{
    uint16_t port = (uint16_t)(1024 + i % 50000);
    return i % 5 == 0 ? bare_v6(i / 7, port, 80) : bare_v4(0x0b000000 + i / 7, port, 80);
}

static void put_in(struct bare *b, struct object *o, uint32_t i)
{
    uint32_t index;
    if (i % 3 == 0) {
        o->r = ref_of(REF_TCB, bare_tcb(b, &o->id)->self);
    } else if (i % 3 == 1) {
        struct embryo *e = pool_get(&b->tcp.embryos, &index);
        assert_non_null(e);
        e->self = index;
        e->id = o->id;
        conntab_insert(&b->tcp, ref_of(REF_EMBRYO, index), bare_hash(b, &o->id));
        o->r = ref_of(REF_EMBRYO, index);
    } else {
        o->r = bare_time_wait(b, &o->id, true, 0);
    }
}

static void take_out(struct bare *b, struct object *o)
{
    switch (ref_kind(o->r)) {
    case REF_TCB:
        bare_tcb_put(b, tcb_at(&b->tcp, ref_index(o->r)));
        break;
    case REF_EMBRYO:
        conntab_remove(&b->tcp, o->r, embryo_at(&b->tcp, ref_index(o->r))->hash);
        pool_put(&b->tcp.embryos, ref_index(o->r));
        break;
    case REF_REST: /* put_in makes none */
        break;
    case REF_TW4:
    case REF_TW6:
        assert_true(timewait_kill(&b->tcp, o->r, &o->id, 0));
        break;
    }
    o->r = REF_NONE;
}

static void agrees_with_a_naive_table(void **state)
{
    struct bare *b = bare_new((struct bare_limits){OBJECTS, OBJECTS, OBJECTS, 1, 1, LA_SEC(60)});
    struct object *o = calloc(OBJECTS, sizeof *o);
    uint32_t in = 0;
    (void)state;

    assert_non_null(o);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        o[i].id = pair(i);
        put_in(b, &o[i], i);
        in++;
    }
    assert_int_equal(b->tcp.tab.count, OBJECTS);
    assert_int_equal(conntab_check(&b->tcp), 0);
    assert_true(b->tcp.tab.nbuckets >= OBJECTS - 1); /* a bucket each */
    for (uint32_t round = 0; round < 4 * OBJECTS; round++) {
        uint32_t i = bare_random(b, OBJECTS), j = bare_random(b, OBJECTS);
        if (o[i].r == REF_NONE) {
            put_in(b, &o[i], i);
            in++;
        } else {
            take_out(b, &o[i]);
            in--;
        }
        assert_int_equal(bare_find(b, &o[j].id), o[j].r);
        if (round % 65536 == 0)
            assert_int_equal(conntab_check(&b->tcp), 0);
    }
    assert_int_equal(b->tcp.tab.count, in);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        assert_int_equal(bare_find(b, &o[i].id), o[i].r);
        if (o[i].r != REF_NONE)
            take_out(b, &o[i]);
    }
    free(o);
    bare_free(b);
}

/* Experiment 15: a connection is its socket pair, all four parts of it. */
static void tells_pairs_apart_by_each_part(void **state)
{
    struct bare *b = bare_new((struct bare_limits){16, 1, 1, 1, 1, LA_SEC(60)});
    struct tuple id = bare_v4(0x0a000002, 80, 1000), other = id;
    struct tcb *t = bare_tcb(b, &id);
    (void)state;

    assert_int_equal(bare_find(b, &id), ref_of(REF_TCB, t->self));
    other.rport = 1001;
    assert_int_equal(bare_find(b, &other), REF_NONE);
    other = id;
    other.lport = 81;
    assert_int_equal(bare_find(b, &other), REF_NONE);
    other = id;
    other.remote = la_addr_v4(10, 0, 0, 3);
    assert_int_equal(bare_find(b, &other), REF_NONE);
    other = id;
    other.local = la_addr_v4(10, 0, 0, 4);
    assert_int_equal(bare_find(b, &other), REF_NONE);
    /* ::0a00:0002 is not ::ffff:0a00:0002 */
    other = id;
    other.remote.b[10] = other.remote.b[11] = other.local.b[10] = other.local.b[11] = 0;
    assert_int_equal(bare_find(b, &other), REF_NONE);
    bare_tcb_put(b, t);
    bare_free(b);
}

/* All hashes alike but for the bit that splitting looks at next: chains long, everything found. */
static void survives_colliding_hashes(void **state)
{
    struct bare *b = bare_new((struct bare_limits){1000, 1, 1, 1, 1, LA_SEC(60)});
    uint32_t index[1000];
    (void)state;

    for (uint32_t i = 0; i < 1000; i++) {
        struct tuple id = pair(i);
        struct tcb *t = pool_get(&b->tcp.tcbs, &index[i]);
        assert_non_null(t);
        t->id = id;
        conntab_insert(&b->tcp, ref_of(REF_TCB, index[i]), (i & 1) << 31 | (i & 1) << 7);
    }
    assert_int_equal(conntab_check(&b->tcp), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        struct tuple id = pair(i);
        uint32_t hash = (i & 1) << 31 | (i & 1) << 7;
        assert_int_equal(conntab_find(&b->tcp, &id, hash), ref_of(REF_TCB, index[i]));
        conntab_remove(&b->tcp, ref_of(REF_TCB, index[i]), hash);
        assert_int_equal(conntab_find(&b->tcp, &id, hash), REF_NONE);
        pool_put(&b->tcp.tcbs, index[i]);
    }
    bare_free(b);
}

/* Without memory for buckets the chains grow and nothing else happens. */
static void goes_on_without_memory_for_buckets(void **state)
{
    enum { MANY = 40000 };
    struct bare *b = bare_new((struct bare_limits){MANY, 1, 1, 1, 1, LA_SEC(60)});
    uint32_t *index = calloc(MANY, sizeof *index);
    (void)state;

    assert_non_null(index);
    for (uint32_t i = 0; i < MANY; i++)
        assert_non_null(pool_get(&b->tcp.tcbs, &index[i]));
    b->limit = b->given;
    for (uint32_t i = 0; i < MANY; i++) {
        struct tcb *t = tcb_at(&b->tcp, index[i]);
        t->id = pair(i);
        conntab_insert(&b->tcp, ref_of(REF_TCB, index[i]), bare_hash(b, &t->id));
    }
    assert_true(b->tcp.tab.nbuckets < MANY);
    assert_int_equal(conntab_check(&b->tcp), 0);
    b->limit = UINT64_MAX;
    for (uint32_t i = 0; i < MANY; i++) {
        struct tuple id = pair(i);
        ref r = bare_find(b, &id);
        assert_int_equal(r, ref_of(REF_TCB, index[i]));
        bare_tcb_put(b, (tcb_at(&b->tcp, index[i])->self = index[i], tcb_at(&b->tcp, index[i])));
    }
    free(index);
    bare_free(b);
}

static void needs_memory_to_begin(void **state)
{
    struct bare *b = bare_new((struct bare_limits){1, 1, 1, 1, 1, LA_SEC(60)});
    struct conntab c;
    (void)state;

    b->limit = 0;
    assert_int_equal(conntab_init(&c, &b->mem, &b->tcp.key_isn, 100), LA_ENOMEM);
    conntab_free(&c);
    b->limit = UINT64_MAX;
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_naive_table),
        cmocka_unit_test(tells_pairs_apart_by_each_part),
        cmocka_unit_test(survives_colliding_hashes),
        cmocka_unit_test(goes_on_without_memory_for_buckets),
        cmocka_unit_test(needs_memory_to_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
