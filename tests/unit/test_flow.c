/* test_flow.c: relative numbers, where a connection begins: at its SYNs, and before its first byte
 * where they were missed, until one is seen. */
#include "sim/flow.h"

#include <lastack/trace.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct flow f;

static struct flow_info see(int side, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    return flow_see(&f, side, &(struct flow_seg){seq, ack, len, flags});
}

static void test_from_the_syns(void **unused)
{
    (void)unused;
    flow_init(&f);
    assert_int_equal(see(0, LA_TCP_SYN, 1000, 0, 0).rel_seq, 0);
    struct flow_info i = see(1, LA_TCP_SYN | LA_TCP_ACK, 5000, 1001, 0);
    assert_int_equal(i.rel_seq, 0);
    assert_int_equal(i.rel_ack, 1);
    assert_int_equal(see(0, LA_TCP_ACK, 1001, 5001, 7).rel_seq, 1);
    assert_int_equal(see(1, LA_TCP_ACK, 5001, 1008, 0).rel_ack, 8);
}

static void test_syns_missed(void **unused)
{
    (void)unused;
    flow_init(&f);
    struct flow_info i = see(0, LA_TCP_ACK, 100, 700, 10);
    assert_int_equal(i.rel_seq, 1);
    assert_int_equal(i.rel_ack, 1);
    i = see(1, LA_TCP_ACK, 700, 110, 0);
    assert_int_equal(i.rel_seq, 1);
    assert_int_equal(i.rel_ack, 11);
}

/* RFC 9293 Figure 9: the one that kept its connection challenges the SYN with the old numbers, is
 * reset, and answers the next SYN with a number of its own. */
static void test_half_open_then_anew(void **unused)
{
    (void)unused;
    flow_init(&f);
    see(0, LA_TCP_SYN, 400, 0, 0);
    see(1, LA_TCP_ACK, 300, 100, 0);
    see(0, LA_TCP_RST, 100, 0, 0);
    struct flow_info i = see(0, LA_TCP_SYN, 400, 0, 0);
    assert_int_equal(i.rel_seq, 0);
    assert_true(i.again);
    i = see(1, LA_TCP_SYN | LA_TCP_ACK, 90000, 401, 0);
    assert_int_equal(i.rel_seq, 0);
    assert_int_equal(i.rel_ack, 1);
    assert_false(i.again);
    assert_int_equal(see(0, LA_TCP_ACK, 401, 90001, 0).rel_ack, 1);
    /* A number that a SYN gave stays, whatever an old duplicate says. */
    see(1, LA_TCP_SYN | LA_TCP_ACK, 7, 401, 0);
    assert_int_equal(see(1, LA_TCP_ACK, 90001, 401, 5).rel_seq, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_the_syns),
        cmocka_unit_test(test_syns_missed),
        cmocka_unit_test(test_half_open_then_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
