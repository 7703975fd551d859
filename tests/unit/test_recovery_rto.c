/* Loss recovery without SACK (RFC 6582, 5681, 3042), and what timeouts do with and without it,
 * worked out by hand. */
#include "unit/recovery_kit.h"

/* ---- RFC 6582, RFC 3042 ---- */

/* Segments 0 and 5 of ten are lost, no SACK. */
static void newreno_two_losses(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 10);
    dups(&f, 1);
    expect(&f, RECOVERY_SEND_NEW, 20000, 1000); /* limited transmit */
    sent_new(&f, 1000);
    expect_none(&f);
    dups(&f, 1);
    expect(&f, RECOVERY_SEND_NEW, 21000, 1000);
    sent_new(&f, 1000);
    assert_int_equal(ack(&f, UNA, no_blocks), RECOVERY_ENTERED);
    assert_int_equal(f.c.ssthresh, 5000);
    assert_int_equal(f.r.recover.v, 22000);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    sent_again(&f, 10000, 1000);
    expect_none(&f); /* window 5,000 + 3,000, flight 12,000 */
    dups(&f, 4);     /* seven in all, for segments 1-4 and 6-8: window 12,000 */
    expect_none(&f);
    dups(&f, 1); /* segment 9: 13,000, but no more than the flight can have left */
    assert_int_equal(f.r.inflate, 8000);
    expect(&f, RECOVERY_SEND_NEW, 22000, 1000);
    sent_new(&f, 1000);
    dups(&f, 2); /* limited transmit's two: 15,000, flight 13,000 */
    expect(&f, RECOVERY_SEND_NEW, 23000, 2000);
    sent_new(&f, 2000);
    /* 5,000 acknowledged: window 15,000 - 5,000 + 1,000 = 11,000, flight 10,000 */
    assert_int_equal(ack(&f, 15000, no_blocks), RECOVERY_PARTIAL);
    expect(&f, RECOVERY_SEND_AGAIN, 15000, 1000);
    sent_again(&f, 15000, 1000);
    expect(&f, RECOVERY_SEND_NEW, 25000, 1000);
    /* 7,000 more: recover is reached.  min (ssthresh, max (3,000, 1,000) + 1,000) */
    assert_int_equal(ack(&f, 22000, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.c.cwnd, 4000);
    expect(&f, RECOVERY_SEND_NEW, 25000, 1000);
    teardown(&f);
}

/* A partial ACK of more than the window was inflated by: it deflates below ssthresh, no burst. */
static void newreno_large_partial_ack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 20);
    dups(&f, 2);
    assert_int_equal(ack(&f, UNA, no_blocks), RECOVERY_ENTERED); /* ssthresh 10,000 */
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, 28000, no_blocks), RECOVERY_PARTIAL); /* 18,000: two are left */
    assert_int_equal(f.r.inflate, 3000 - 18000 + 1000);
    expect(&f, RECOVERY_SEND_AGAIN, 28000, 1000);
    sent_again(&f, 28000, 1000);
    expect_none(&f); /* window -4,000 */
    assert_int_equal(ack(&f, 30000, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.c.cwnd, 2000); /* nothing in flight: one segment and one more */
    teardown(&f);
}

/* Endless duplicates let out no more than what can have left the network. */
static void newreno_dup_ack_attack(void **state)
{
    (void)state;
    struct fix f;
    uint32_t out = 0;

    setup(&f, false, 10);
    dups(&f, 2);
    ack(&f, UNA, no_blocks);
    sent_again(&f, 10000, 1000);
    for (int i = 0; i < 1000; i++) {
        seqno from;
        uint32_t room;
        dups(&f, 1);
        if (recovery_next(&f.r, &f.c, &f.ranges, &f.v, &from, &room) == RECOVERY_SEND_NEW &&
            out < 100) {
            sent_new(&f, 1000);
            out++;
        }
        assert_true(f.r.inflate <= (int32_t)(f.v.nxt.v - f.v.una.v));
    }
    teardown(&f);
}

/* RFC 6582 §3.2 step 2, §4: what a timeout sent twice brings duplicates that mean nothing. */
static void newreno_no_fast_retransmit_below_recover(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 10);
    rto(&f, true);
    dups(&f, 5);
    assert_int_equal(f.r.state, RECOVERY_LOSS);
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT); /* recover exactly */
    sent_new(&f, 2000);
    dups(&f, 3);
    assert_int_equal(f.r.state, RECOVERY_OPEN);
    assert_int_equal(ack(&f, 21000, no_blocks), RECOVERY_NOTHING); /* beyond: armed again */
    sent_new(&f, 3000);
    dups(&f, 2);
    assert_int_equal(ack(&f, 21000, no_blocks), RECOVERY_ENTERED);
    teardown(&f);
}

/* RFC 6582 §4.1: una stands at `recover` and went there by little, so it is a new loss. */
static void newreno_loss_right_at_recover(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 10);
    dups(&f, 2);
    ack(&f, UNA, no_blocks);
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, 17000, no_blocks), RECOVERY_PARTIAL);
    sent_again(&f, 17000, 1000);
    sent_new(&f, 3000);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT);
    dups(&f, 2);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_ENTERED);
    teardown(&f);
}

/* `recover` of a recovery long ago does not turn up ahead after half the numbers have passed. */
static void newreno_recover_does_not_wrap(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 10);
    dups(&f, 2);
    ack(&f, UNA, no_blocks);
    sent_again(&f, 10000, 1000);
    ack(&f, 20000, no_blocks);
    for (int i = 0; i < 40; i++) {
        sent_new(&f, 0x05000000);
        ack(&f, f.v.nxt.v, no_blocks);
    }
    sent_new(&f, 10000);
    dups(&f, 2);
    assert_int_equal(ack(&f, f.v.una.v, no_blocks), RECOVERY_ENTERED);
    teardown(&f);
}

/* ---- timeouts ---- */

static void timeout_without_sack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, false, 10);
    rto(&f, true);
    assert_int_equal(f.c.ssthresh, 5000);
    assert_int_equal(f.c.cwnd, 1000);
    assert_int_equal(pipe(&f), 0);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    sent_again(&f, 10000, 1000);
    assert_int_equal(pipe(&f), 1000);
    expect_none(&f);
    assert_int_equal(ack(&f, 11000, no_blocks), RECOVERY_NOTHING);
    assert_int_equal(f.c.cwnd, 2000);
    expect(&f, RECOVERY_SEND_AGAIN, 11000, 2000);
    sent_again(&f, 11000, 1000);
    expect(&f, RECOVERY_SEND_AGAIN, 12000, 1000);
    sent_again(&f, 12000, 1000);
    expect_none(&f);
    assert_int_equal(ack(&f, 19000, no_blocks), RECOVERY_NOTHING); /* it had the others: L = 1 */
    assert_int_equal(f.c.cwnd, 3000);
    expect(&f, RECOVERY_SEND_AGAIN, 19000, 1000); /* never past what was sent */
    sent_again(&f, 19000, 1000);
    expect(&f, RECOVERY_SEND_NEW, 20000, 2000);
    sent_new(&f, 2000);
    expect_none(&f);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.r.state, RECOVERY_OPEN);
    teardown(&f);
}

/* The same segment times out again: ssthresh stays (RFC 5681 §3.1). */
static void timeout_again(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    rto(&f, true);
    sent_again(&f, 10000, 1000);
    rto(&f, false);
    assert_int_equal(f.c.ssthresh, 5000);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    teardown(&f);
}

/* With SACK: what is SACKed, before or after, is not sent again; new text counts in the pipe. */
static void timeout_with_sack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    ack(&f, UNA, (struct blocks){{{12000, 13000}}});
    rto(&f, true);
    assert_int_equal(pipe(&f), 0);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, 11000, (struct blocks){{{12000, 13000}}}), RECOVERY_NOTHING);
    expect(&f, RECOVERY_SEND_AGAIN, 11000, 1000); /* up to what is SACKed */
    sent_again(&f, 11000, 1000);
    expect(&f, RECOVERY_SEND_AGAIN, 13000, 1000);
    sent_again(&f, 13000, 1000);
    assert_int_equal(pipe(&f), 2000);
    expect_none(&f);
    /* The last five were there all the time.  No fast recovery now (RFC 6675 §5.1). */
    assert_int_equal(ack(&f, 14000, (struct blocks){{{15000, 20000}}}), RECOVERY_NOTHING);
    assert_int_equal(f.c.cwnd, 3000);
    assert_int_equal(pipe(&f), 0);
    expect(&f, RECOVERY_SEND_AGAIN, 14000, 1000);
    sent_again(&f, 14000, 1000);
    expect(&f, RECOVERY_SEND_NEW, 20000, 2000);
    sent_new(&f, 2000);
    assert_int_equal(pipe(&f), 3000);
    ack(&f, 14000, (struct blocks){{{15000, 21000}}});
    assert_int_equal(pipe(&f), 2000);
    assert_int_equal(ack(&f, 21000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

/* A timeout in fast recovery ends it; the next begins beyond what was sent by then. */
static void timeout_in_fast_recovery(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    ack(&f, UNA, (struct blocks){{{11000, 15000}}});
    assert_int_equal(f.c.ssthresh, 5000);
    sent_again(&f, 10000, 1000);
    rto(&f, true);
    assert_int_equal(f.c.ssthresh, 5000);
    assert_int_equal(f.r.state, RECOVERY_LOSS);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 18000}}}), RECOVERY_NOTHING);
    assert_int_equal(f.r.state, RECOVERY_LOSS);
    assert_int_equal(ack(&f, 18000, no_blocks), RECOVERY_NOTHING);
    expect(&f, RECOVERY_SEND_AGAIN, 18000, 2000);
    sent_again(&f, 18000, 2000);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

/* RFC 2018 §8: una itself is SACKed, so the peer dropped what it had. */
static void peer_reneges(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    ack(&f, UNA, (struct blocks){{{11000, 13000}}});
    ack(&f, 11000, no_blocks); /* and not 13,000 */
    rto(&f, true);
    assert_int_equal(f.ranges.used, 0);
    expect(&f, RECOVERY_SEND_AGAIN, 11000, 1000);
    sent_again(&f, 11000, 1000);
    ack(&f, 12000, no_blocks);
    expect(&f, RECOVERY_SEND_AGAIN, 12000, 2000);
    teardown(&f);
}

static void path_too_narrow(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    recovery_restart(&f.r, &f.ranges, &f.v);
    assert_int_equal(f.c.cwnd, 10000);
    f.v.smss = 500;
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 10000);
    sent_again(&f, 10000, 500);
    expect(&f, RECOVERY_SEND_AGAIN, 10500, 9500);
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newreno_two_losses),
        cmocka_unit_test(newreno_large_partial_ack),
        cmocka_unit_test(newreno_dup_ack_attack),
        cmocka_unit_test(newreno_no_fast_retransmit_below_recover),
        cmocka_unit_test(newreno_loss_right_at_recover),
        cmocka_unit_test(newreno_recover_does_not_wrap),
        cmocka_unit_test(timeout_without_sack),
        cmocka_unit_test(timeout_again),
        cmocka_unit_test(timeout_with_sack),
        cmocka_unit_test(timeout_in_fast_recovery),
        cmocka_unit_test(peer_reneges),
        cmocka_unit_test(path_too_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
