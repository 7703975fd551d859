/* What is timed and what is not (RFC 6298 §3, Karn), over a whole connection. */
#include "matrix/kit.h"

/* The ACK may answer either copy, so the round trip of a segment sent twice is not known; and the
 * backed-off timer stays until one that was sent once is acknowledged (§5.7). */
static void a_segment_sent_twice_is_not_timed(void **state)
{
    struct kit *k = in_established((struct how){.rtt = LA_MSEC(100), .bare = true});
    (void)state;
    uint32_t srtt = kit_status(k).srtt_us;
    assert_in_range(srtt, 99000, 101000);
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    wait_for_segment(k, LA_SEC(3));
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    pass(k, LA_MSEC(50));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    assert_int_equal(kit_status(k).srtt_us, srtt);
    kit_end(k);
}

/* One sent once counts: RTT 200 ms moves SRTT by an eighth of the difference (§2.3). */
static void a_segment_sent_once_is(void **state)
{
    struct kit *k = in_established((struct how){.rtt = LA_MSEC(100), .bare = true});
    (void)state;
    uint32_t srtt = kit_status(k).srtt_us;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    pass(k, LA_MSEC(200));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    uint32_t wanted = srtt + (200000 - srtt) / 8;
    assert_in_range(kit_status(k).srtt_us, wanted - 10, wanted + 10);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_sent_twice_is_not_timed),
        cmocka_unit_test(a_segment_sent_once_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
