/* test_port.c: local ports (RFC 6056): spread, never taken ones, TIME-WAIT reused by its rule, and
 * an end to the search. */
#include "bare_tcp.h"

enum { LO = 32768, HI = 60999, RANGE = HI - LO + 1 };

static struct bare *stack(void)
{
    return bare_new((struct bare_limits){RANGE, 4, RANGE, 16, 1, LA_SEC(60)});
}

static struct tuple to(uint32_t remote)
{
    return bare_v4(remote, 0, 80);
}

/* The hash that comes with a port is its pair's. */
static enum pair_use choose_at(struct bare *b, struct tuple *id, la_ns now)
{
    uint32_t hash = 0;
    enum pair_use use = port_choose(&b->tcp, id, &hash, now);
    assert_true(use == PAIR_TAKEN || hash == bare_hash(b, id));
    return use;
}

static enum pair_use choose(struct bare *b, struct tuple *id)
{
    return choose_at(b, id, 0);
}

/* First ports to 2^17 hosts, in 128 equal parts of the range and some rest: chi-square with 127
 * degrees of freedom is below 200 but for one key in 30,000. */
static void first_ports_are_spread(void **state)
{
    enum { PARTS = 128, HOSTS = 1 << 17, WIDTH = RANGE / PARTS };
    struct bare *b = stack();
    uint32_t count[PARTS] = {0}, n = 0;
    uint64_t sum = 0;
    (void)state;

    for (uint32_t i = 0; i < HOSTS; i++) {
        struct tuple id = to(0x0b000000 + i);
        assert_int_equal(choose(b, &id), PAIR_FREE);
        assert_in_range(id.lport, LO, HI);
        if ((id.lport - LO) / WIDTH < PARTS) {
            count[(id.lport - LO) / WIDTH]++;
            n++;
        }
    }
    for (unsigned i = 0; i < PARTS; i++) {
        int64_t off = (int64_t)count[i] * PARTS - n;
        sum += (uint64_t)(off * off) / PARTS;
    }
    assert_in_range(sum / n, 60, 200);
    bare_free(b);
}

/* Two stacks with different secrets, or one stack towards two hosts, do not walk in step. */
static void the_secret_decides(void **state)
{
    struct bare *a = stack(), *b = stack();
    unsigned same = 0, close_by = 0;
    (void)state;

    b->tcp.key_port.k0 ^= 1;
    for (uint32_t i = 0; i < 1000; i++) {
        struct tuple x = to(0x0b000000 + i), y = x, z = to(0x0c000000 + i);
        (void)choose(a, &x);
        (void)choose(b, &y);
        (void)choose(a, &z);
        same += x.lport == y.lport;
        close_by += abs(x.lport - z.lport) < 16;
    }
    assert_true(same < 10);
    assert_true(close_by < 20); /* 31 of 28,232 expected: 1.1 */
    bare_free(a);
    bare_free(b);
}

/* To one host ports come in turn: none again before some thousands of others. */
static void a_port_rests_long(void **state)
{
    struct bare *b = stack();
    uint8_t used[65536] = {0};
    unsigned n = 0;
    (void)state;

    for (; n < 100000; n++) {
        struct tuple id = to(9);
        assert_int_equal(choose(b, &id), PAIR_FREE);
        if (used[id.lport]++)
            break;
    }
    assert_true(n > RANGE / 8);
    bare_free(b);
}

/* The whole range can be had, each port once; then there is none, and one given back is found. */
static void the_range_can_be_used_up(void **state)
{
    struct bare *b = stack();
    struct tcb **holder = calloc(65536, sizeof *holder);
    struct tuple id, other = to(3);
    (void)state;

    assert_non_null(holder);
    for (unsigned n = 0; n < RANGE; n++) {
        id = to(2);
        assert_int_equal(choose(b, &id), PAIR_FREE);
        assert_in_range(id.lport, LO, HI);
        assert_null(holder[id.lport]);
        holder[id.lport] = bare_tcb(b, &id);
    }
    id = to(2);
    assert_int_equal(choose(b, &id), PAIR_TAKEN);
    assert_int_equal(choose(b, &other), PAIR_FREE); /* a pair, not a port, is taken */
    bare_tcb_put(b, holder[40000]);
    assert_int_equal(choose(b, &id), PAIR_FREE);
    assert_int_equal(id.lport, 40000);
    for (unsigned p = LO; p <= HI; p++)
        if (p != 40000)
            bare_tcb_put(b, holder[p]);
    free(holder);
    bare_free(b);
}

static void small_ranges_work(void **state)
{
    struct bare *b = stack();
    (void)state;

    for (uint16_t n = 1; n < 40; n++) {
        struct tcb *t[40];
        struct tuple id;
        b->cfg.port_lo = (uint16_t)(65535 - n + 1);
        b->cfg.port_hi = 65535;
        for (uint16_t i = 0; i < n; i++) {
            id = to(5);
            assert_int_equal(choose(b, &id), PAIR_FREE);
            assert_in_range(id.lport, b->cfg.port_lo, 65535);
            t[i] = bare_tcb(b, &id);
        }
        assert_int_equal(choose(b, &id), PAIR_TAKEN);
        for (uint16_t i = 0; i < n; i++)
            bare_tcb_put(b, t[i]);
    }
    bare_free(b);
}

static void embryos_hold_their_pair(void **state)
{
    struct bare *b = stack();
    struct tuple id = to(5);
    uint32_t i;
    (void)state;

    b->cfg.port_lo = b->cfg.port_hi = id.lport = 5000;
    struct embryo *e = pool_get(&b->tcp.embryos, &i);
    e->id = id;
    conntab_insert(&b->tcp, ref_of(REF_EMBRYO, i), bare_hash(b, &id));
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), 0), PAIR_TAKEN);
    assert_int_equal(choose(b, &id), PAIR_TAKEN);
    conntab_remove(&b->tcp, ref_of(REF_EMBRYO, i), e->hash);
    pool_put(&b->tcp.embryos, i);
    bare_free(b);
}

static void listeners_keep_their_port(void **state)
{
    struct la_addr any4 = la_addr_v4(0, 0, 0, 0), elsewhere = la_addr_v4(10, 0, 0, 99);
    struct bare *b = stack();
    struct tuple id;
    uint32_t i, j;
    (void)state;

    b->cfg.port_lo = 5000;
    b->cfg.port_hi = 5001;
    assert_int_equal(listener_add(&b->tcp, &any4, 5000, -1, &i), 0);
    assert_int_equal(listener_add(&b->tcp, &elsewhere, 5001, -1, &j), 0);
    for (unsigned n = 0; n < 20; n++) {
        id = to(5);
        assert_int_equal(choose(b, &id), PAIR_FREE);
        assert_int_equal(id.lport, 5001); /* its listener is at another address */
    }
    listener_remove(&b->tcp, j);
    assert_int_equal(listener_add(&b->tcp, &id.local, 5001, -1, &j), 0);
    assert_int_equal(choose(b, &id), PAIR_TAKEN);
    listener_remove(&b->tcp, i);
    listener_remove(&b->tcp, j);
    bare_free(b);
}

/* Nobody who asks for any port wants to talk to himself. */
static void not_to_itself(void **state)
{
    struct bare *b = stack();
    struct tuple id = {la_addr_v4(10, 0, 0, 1), la_addr_v4(10, 0, 0, 1), 0, 5000};
    (void)state;

    b->cfg.port_lo = 5000;
    b->cfg.port_hi = 5001;
    for (unsigned n = 0; n < 20; n++) {
        assert_int_equal(choose(b, &id), PAIR_FREE);
        assert_int_equal(id.lport, 5001);
    }
    bare_free(b);
}

/* C54: a pair in TIME-WAIT, with timestamps from the second second on, without them never. */
static void time_wait_is_reused_by_its_timestamps(void **state)
{
    struct bare *b = stack();
    struct tuple id = to(5);
    (void)state;

    b->cfg.port_lo = b->cfg.port_hi = id.lport = 5000;
    ref r = bare_time_wait(b, &id, true, LA_SEC(10));
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(11) - 1), PAIR_TAKEN);
    assert_int_equal(choose_at(b, &id, LA_SEC(11) - 1), PAIR_TAKEN);
    assert_int_equal(id.lport, 0);
    id.lport = 5000;
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(11)), PAIR_REUSE);
    assert_int_equal(choose_at(b, &id, LA_SEC(11)), PAIR_REUSE);
    assert_int_equal(id.lport, 5000);
    /* A restart counts anew. */
    r = timewait_restart(&b->tcp, r, bare_hash(b, &id), LA_SEC(20));
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(21) - 1), PAIR_TAKEN);
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(21)), PAIR_REUSE);
    assert_true(timewait_kill(&b->tcp, r, &id, LA_SEC(21)));
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(21)), PAIR_FREE);

    r = bare_time_wait(b, &id, false, LA_SEC(30));
    assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(90) - 1), PAIR_TAKEN);
    timewait_expire(&b->tcp, LA_SEC(90));
    assert_int_equal(choose_at(b, &id, LA_SEC(90)), PAIR_FREE);
    bare_free(b);
}

/* Most of the range in TIME-WAIT to one server: free ones are found first, and then old ones
 * reused. */
static void a_nearly_full_range(void **state)
{
    enum { TAKEN = 28000 };
    struct bare *b = stack();
    struct tuple id;
    (void)state;

    for (unsigned n = 0; n < TAKEN; n++) {
        id = to(7);
        id.lport = (uint16_t)(LO + n);
        assert_int_not_equal(bare_time_wait(b, &id, n % 2, 0), REF_NONE);
    }
    for (unsigned n = TAKEN; n < RANGE; n++) {
        id = to(7);
        assert_int_equal(choose_at(b, &id, LA_MSEC(1)), PAIR_FREE);
        assert_in_range(id.lport, LO + TAKEN, HI);
        assert_int_not_equal(bare_time_wait(b, &id, true, LA_MSEC(1)), REF_NONE);
    }
    assert_int_equal(choose_at(b, &id, LA_MSEC(1)), PAIR_TAKEN);
    for (unsigned n = 0; n < 1000; n++) {
        id = to(7);
        assert_int_equal(choose_at(b, &id, LA_SEC(1)), PAIR_REUSE);
        assert_int_equal(pair_usable(&b->tcp, &id, bare_hash(b, &id), LA_SEC(1)), PAIR_REUSE);
        assert_int_equal((id.lport - LO) % 2, 1);
    }
    timewait_expire(&b->tcp, LA_SEC(62));
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_ports_are_spread),
        cmocka_unit_test(the_secret_decides),
        cmocka_unit_test(a_port_rests_long),
        cmocka_unit_test(the_range_can_be_used_up),
        cmocka_unit_test(small_ranges_work),
        cmocka_unit_test(embryos_hold_their_pair),
        cmocka_unit_test(listeners_keep_their_port),
        cmocka_unit_test(not_to_itself),
        cmocka_unit_test(time_wait_is_reused_by_its_timestamps),
        cmocka_unit_test(a_nearly_full_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
