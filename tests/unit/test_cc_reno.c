/* Reno by bytes: RFC 5681 §3.1, RFC 3465 §2, RFC 6928 §2, worked out by hand. */
#include "unit/base_kit.h"

#include "tcp/cc.h"

enum { SMSS = 1000 };

static struct cc started(uint32_t cwnd, uint32_t ssthresh)
{
    struct cc c;

    cc_init(&c, CC_RENO, SMSS, false, 2);
    c.cwnd = cwnd;
    c.ssthresh = ssthresh;
    return c;
}

static void ack(struct cc *c, uint32_t n)
{
    cc_ops_of(c)->on_ack(c, n, SMSS, true, 0);
}

/* min (10*MSS, max (2*MSS, 14600)). */
static void initial_window(void **state)
{
    (void)state;
    assert_int_equal(cc_initial_window(1460, false), 14600);
    assert_int_equal(cc_initial_window(1448, false), 14480);
    assert_int_equal(cc_initial_window(536, false), 5360);
    assert_int_equal(cc_initial_window(4000, false), 14600);
    assert_int_equal(cc_initial_window(7300, false), 14600);
    assert_int_equal(cc_initial_window(8960, false), 17920);
    assert_int_equal(cc_initial_window(65495, false), 130990);
    assert_int_equal(cc_initial_window(1460, true), 1460);

    struct cc c;
    cc_init(&c, CC_RENO, 1448, false, 2);
    assert_int_equal(c.cwnd, 14480);
    assert_int_equal(c.ssthresh, UINT32_MAX);
    assert_string_equal(cc_ops_of(&c)->name, "reno");
}

static void slow_start(void **state)
{
    (void)state;
    struct cc c = started(10000, UINT32_MAX);

    ack(&c, 1000); /* one segment */
    assert_int_equal(c.cwnd, 11000);
    ack(&c, 2000); /* delayed ACK: L = 2 */
    assert_int_equal(c.cwnd, 13000);
    ack(&c, 9000); /* stretch ACK: still 2 */
    assert_int_equal(c.cwnd, 15000);
    for (int i = 0; i < 1000; i++)
        ack(&c, 1); /* divided ACKs: what they say, no more */
    assert_int_equal(c.cwnd, 16000);
}

static void grows_only_when_limited(void **state)
{
    (void)state;
    struct cc c = started(10000, UINT32_MAX);

    cc_ops_of(&c)->on_ack(&c, 5000, SMSS, false, 0);
    assert_int_equal(c.cwnd, 10000);
    c.ssthresh = 5000;
    for (int i = 0; i < 100; i++)
        cc_ops_of(&c)->on_ack(&c, 5000, SMSS, false, 0);
    assert_int_equal(c.cwnd, 10000);
}

/* One SMSS each time that a window's worth is acknowledged. */
static void congestion_avoidance(void **state)
{
    (void)state;
    struct cc c = started(10000, 10000);

    for (int i = 0; i < 9; i++)
        ack(&c, 1000);
    assert_int_equal(c.cwnd, 10000);
    ack(&c, 1000);
    assert_int_equal(c.cwnd, 11000);
    for (int i = 0; i < 5; i++)
        ack(&c, 2000);
    assert_int_equal(c.cwnd, 11000);
    ack(&c, 2000); /* 12,000 of 11,000 */
    assert_int_equal(c.cwnd, 12000);
    assert_int_equal(c.acked, 1000);
    ack(&c, UINT32_MAX); /* never more than one step an ACK, and nothing overflows */
    assert_int_equal(c.cwnd, 13000);
    assert_true(c.acked <= 12000);
}

static void loss_halves_the_flight(void **state)
{
    (void)state;
    struct cc c = started(20000, UINT32_MAX);

    cc_ops_of(&c)->on_loss(&c, 18000, SMSS, 0);
    assert_int_equal(c.ssthresh, 9000);
    assert_int_equal(c.cwnd, 9000);
    cc_ops_of(&c)->on_loss(&c, 3000, SMSS, 0);
    assert_int_equal(c.ssthresh, 2000); /* 2*SMSS at the least */
}

static void timeout(void **state)
{
    (void)state;
    struct cc c = started(20000, UINT32_MAX);

    cc_ops_of(&c)->on_rto(&c, 16000, SMSS, true, 0);
    assert_int_equal(c.ssthresh, 8000);
    assert_int_equal(c.cwnd, 1000);
    cc_ops_of(&c)->on_rto(&c, 4000, SMSS, false, 0); /* the same segment again */
    assert_int_equal(c.ssthresh, 8000);
    ack(&c, 5000); /* the hole was filled: L = 1 (RFC 3465 §2.3) */
    assert_int_equal(c.cwnd, 2000);
    for (int i = 0; i < 6; i++)
        ack(&c, 2000);
    assert_int_equal(c.cwnd, 8000);
    assert_true(c.after_rto);
    ack(&c, 8000); /* congestion avoidance from here */
    assert_int_equal(c.cwnd, 9000);
    assert_false(c.after_rto);
}

static void idle(void **state)
{
    (void)state;
    struct cc c = started(500000, 300000);

    cc_ops_of(&c)->on_idle(&c, SMSS, 0);
    assert_int_equal(c.cwnd, 10000);
    assert_int_equal(c.ssthresh, 300000);
    c.cwnd = 3000; /* RW = min (IW, cwnd) */
    cc_ops_of(&c)->on_idle(&c, SMSS, 0);
    assert_int_equal(c.cwnd, 3000);
}

static void never_past_the_largest_window(void **state)
{
    (void)state;
    struct cc c = started((1U << 30) - 500, UINT32_MAX);

    for (int i = 0; i < 5; i++)
        ack(&c, 2000);
    assert_int_equal(c.cwnd, 1U << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_window),
        cmocka_unit_test(slow_start),
        cmocka_unit_test(grows_only_when_limited),
        cmocka_unit_test(congestion_avoidance),
        cmocka_unit_test(loss_halves_the_flight),
        cmocka_unit_test(timeout),
        cmocka_unit_test(idle),
        cmocka_unit_test(never_past_the_largest_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
