/* The round-trip timer: RFC 6298 §2 and RFC 7323 appendix G worked out by hand, in microseconds. */
#include "unit/base_kit.h"

#include "tcp/rtt.h"

static void before_any_sample(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    assert_int_equal(rtt_srtt_us(&r), 0);
    assert_int_equal(r.min_us, UINT32_MAX);
    assert_int_equal(rtt_rto_us(&r, 0), 1000000); /* §2.1 */
    assert_int_equal(rtt_rto_us(&r, 1), 2000000); /* §5.5 */
    assert_int_equal(rtt_rto_us(&r, 5), 32000000);
    assert_int_equal(rtt_rto_us(&r, 6), 60000000); /* §2.5 */
    assert_int_equal(rtt_rto_us(&r, UINT32_MAX), 60000000);
}

/* One sample a round trip: alpha 1/8, beta 1/4. */
static void samples_of_seconds(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    rtt_sample(&r, 1000000, 1); /* SRTT 1, RTTVAR 0.5: 1 + 4 * 0.5 */
    assert_int_equal(rtt_srtt_us(&r), 1000000);
    assert_int_equal(r.rttvar4 / 4, 500000);
    assert_int_equal(r.rto_us, 3000000);
    rtt_sample(&r, 1400000, 1); /* RTTVAR 0.75*0.5 + 0.25*0.4 = 0.475; SRTT 0.875 + 0.175 */
    assert_int_equal(rtt_srtt_us(&r), 1050000);
    assert_int_equal(r.rttvar4 / 4, 475000);
    assert_int_equal(r.rto_us, 2950000);
    rtt_sample(&r, 650000, 1); /* RTTVAR 0.35625 + 0.1; SRTT 0.91875 + 0.08125 */
    assert_int_equal(rtt_srtt_us(&r), 1000000);
    assert_int_equal(r.rttvar4 / 4, 456250);
    assert_int_equal(r.rto_us, 2825000);
    assert_int_equal(r.min_us, 650000);
    assert_int_equal(rtt_rto_us(&r, 2), 11300000);
}

/* Two a round trip: alpha 1/16, beta 1/8. */
static void two_samples_expected(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    rtt_sample(&r, 1000000, 2);
    assert_int_equal(r.rto_us, 3000000);
    rtt_sample(&r, 1400000, 2); /* RTTVAR 0.4375 + 0.05; SRTT 0.9375 + 0.0875 */
    assert_int_equal(rtt_srtt_us(&r), 1025000);
    assert_int_equal(r.rttvar4 / 4, 487500);
    assert_int_equal(r.rto_us, 2975000);
}

/* DEVIATION D2: 200 ms beyond SRTT at the least. */
static void short_and_steady(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    rtt_sample(&r, 100, 1);
    assert_int_equal(r.rto_us, 200100);
    for (int i = 0; i < 200; i++)
        rtt_sample(&r, 150000, 1);
    assert_int_equal(rtt_srtt_us(&r), 150000);
    assert_int_equal(r.rttvar4, 0);
    assert_int_equal(r.rto_us, 350000);
}

static void extremes(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    rtt_sample(&r, 0, 0); /* faster than the clock: a sample all the same */
    assert_int_equal(r.srtt8, 8);
    assert_int_equal(r.rto_us, 200001);
    for (int i = 0; i < 100; i++) {
        rtt_sample(&r, UINT32_MAX, 1);
        assert_in_range(r.rto_us, RTO_MIN_US, RTO_MAX_US);
    }
    assert_int_equal(r.rto_us, RTO_MAX_US);
    assert_int_equal(rtt_rto_us(&r, 1), RTO_MAX_US);
    rtt_sample(&r, 0, UINT32_MAX);
    assert_in_range(r.rto_us, RTO_MIN_US, RTO_MAX_US);
}

/* A large window gives thousands of samples a round trip; each moves the mean a little, none of
 * them is lost to rounding. */
static void many_samples_still_converge(void **state)
{
    (void)state;
    struct rtt r;

    rtt_init(&r);
    rtt_sample(&r, 40000, 5000);
    for (int i = 0; i < 5000 * 60; i++)
        rtt_sample(&r, 41000, 5000);
    assert_in_range(rtt_srtt_us(&r), 40999, 41000);
    assert_in_range(r.rttvar4, 0, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_any_sample),
        cmocka_unit_test(samples_of_seconds),
        cmocka_unit_test(two_samples_expected),
        cmocka_unit_test(short_and_steady),
        cmocka_unit_test(extremes),
        cmocka_unit_test(many_samples_still_converge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
