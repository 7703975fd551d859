/* What la_setopt lets through: defaults and limits as lastack/tcp.h lists them. */
#include "unit/base_kit.h"

#include "tcp/options.h"

struct expect {
    enum la_option which;
    int64_t dflt, lo, hi;
    bool in_syn;
};

static const struct expect table[] = {
    {LA_OPT_NODELAY, 0, 0, 1, false},
    {LA_OPT_CORK, 0, 0, 1, false},
    {LA_OPT_QUICKACK, 0, 0, 1, false},
    {LA_OPT_RCVBUF, 1048576, 1, 1073741824, false},
    {LA_OPT_SNDBUF, 1048576, 1, 1073741824, false},
    {LA_OPT_MAXSEG, 0, 0, 65535, false},
    {LA_OPT_KEEPALIVE, 0, 0, 1, false},
    {LA_OPT_KEEPIDLE_MS, 7200000, 1, INT32_MAX, false},
    {LA_OPT_KEEPINTVL_MS, 75000, 1, INT32_MAX, false},
    {LA_OPT_KEEPCNT, 9, 1, 255, false},
    {LA_OPT_USER_TIMEOUT_MS, 0, -1, INT32_MAX, false},
    {LA_OPT_R1, 3, 1, 255, false},
    {LA_OPT_R2, 15, 1, 255, false},
    {LA_OPT_SYN_TIMEOUT_MS, 180000, 1, INT32_MAX, false},
    {LA_OPT_LINGER_MS, -1, -1, INT32_MAX, false},
    {LA_OPT_FIN_WAIT_2_MS, 45000, 0, INT32_MAX, false},
    {LA_OPT_TTL, 64, 1, 255, false},
    {LA_OPT_DSCP, 0, 0, 63, false},
    {LA_OPT_OOBINLINE, 1, 0, 1, false},
    {LA_OPT_SOFT_ERRORS, 1, 0, 1, false},
    {LA_OPT_SACK, 1, 0, 1, true},
    {LA_OPT_TIMESTAMPS, 1, 0, 1, true},
    {LA_OPT_WSCALE, -1, -2, 14, true},
    {LA_OPT_DEFER_ACCEPT_MS, 0, 0, INT32_MAX, false},
    {LA_OPT_NOTSENT_LOWAT, 0, 0, INT32_MAX, false},
    {LA_OPT_RTO_INIT_MS, 1000, 1, 60000, true},
    {LA_OPT_RTO_MIN_MS, 200, 1, 60000, true},
    {LA_OPT_RTO_MAX_MS, 60000, 1000, 3600000, true},
    {LA_OPT_RTO_SLOP_MS, 0, 0, 1000, true},
    {LA_OPT_SYNACK_RETRIES, 5, 0, 16, false},
    {LA_OPT_DELACK_MS, 40, 1, 499, false},
    {LA_OPT_ACK_PAIRS, 0, 0, 1, false},
    {LA_OPT_QUICKACKS, 0, 0, 255, false},
    {LA_OPT_EMPTY_PROBES, 0, 0, 1, false},
    {LA_OPT_MINSHALL, 0, 0, 1, false},
    {LA_OPT_BLACK_HOLE, 1, 0, 1, false},
    {LA_OPT_RST_UNREAD, 1, 0, 1, false},
    {LA_OPT_CHALLENGE_MS, 500, 0, 60000, false},
    {LA_OPT_ICMP_ABORTS, 0, 0, 1, false},
    {LA_OPT_ABC_LIMIT, 2, 0, 255, false},
    {LA_OPT_BARE_RST, 0, 0, 1, false},
    {LA_OPT_SYN_LAYOUT, LA_SYN_SACK_FIRST, LA_SYN_SACK_FIRST, LA_SYN_WSCALE_FIRST, true},
    {LA_OPT_HABITS, 0, 0, LA_HABITS, false},
};
#define N (sizeof table / sizeof table[0])
_Static_assert(N == (size_t)LA_OPTIONS - 1, "every option but a listener's BACKLOG is listed");

static struct options fresh(void)
{
    struct la_config cfg = {.fin_wait_2 = LA_SEC(45)};
    struct options o;

    options_init(&o, &cfg);
    return o;
}

static int64_t get(const struct options *o, enum la_option which)
{
    int64_t v = INT64_MIN;

    assert_int_equal(options_get(o, which, &v), LA_OK);
    return v;
}

static void defaults(void **state)
{
    (void)state;
    struct options o = fresh();

    for (unsigned i = 0; i < N; i++)
        assert_int_equal(get(&o, table[i].which), table[i].dflt);
}

static void both_ends_and_just_beyond(void **state)
{
    (void)state;
    struct options o = fresh();

    for (unsigned i = 0; i < N; i++) {
        const struct expect *x = &table[i];
        assert_int_equal(options_set(&o, x->which, x->lo, false), LA_OK);
        assert_int_equal(get(&o, x->which), x->lo);
        assert_int_equal(options_set(&o, x->which, x->hi, false), LA_OK);
        assert_int_equal(get(&o, x->which), x->hi);
        assert_int_equal(options_set(&o, x->which, x->lo - 1, false), LA_EINVAL);
        assert_int_equal(options_set(&o, x->which, x->hi + 1, false), LA_EINVAL);
        assert_int_equal(options_set(&o, x->which, INT64_MAX, false), LA_EINVAL);
        assert_int_equal(options_set(&o, x->which, INT64_MIN, false), LA_EINVAL);
        assert_int_equal(get(&o, x->which), x->hi);
    }
    for (unsigned i = 0; i < N; i++) /* none stands in another's place */
        assert_int_equal(get(&o, table[i].which), table[i].hi);
}

static void what_the_syn_said_stays(void **state)
{
    (void)state;
    struct options o = fresh();

    for (unsigned i = 0; i < N; i++) {
        int want = table[i].in_syn ? LA_EINVAL : LA_OK;
        assert_int_equal(options_set(&o, table[i].which, table[i].lo, true), want);
        assert_int_equal(get(&o, table[i].which), table[i].in_syn ? table[i].dflt : table[i].lo);
    }
}

static void unknown(void **state)
{
    (void)state;
    struct options o = fresh();
    int64_t v = 77;

    assert_int_equal(options_set(&o, LA_OPTIONS, 0, false), LA_EINVAL);
    assert_int_equal(options_set(&o, LA_OPT_BACKLOG, 1, false), LA_EINVAL); /* is no option here */
    assert_int_equal(options_set(&o, (enum la_option)1000, 0, false), LA_EINVAL);
    assert_int_equal(options_get(&o, LA_OPTIONS, &v), LA_EINVAL);
    assert_int_equal(options_get(&o, (enum la_option)UINT32_MAX, &v), LA_EINVAL);
    assert_int_equal(v, 77);
}

static void long_fin_wait_2(void **state)
{
    (void)state;
    struct la_config cfg = {.fin_wait_2 = LA_NEVER};
    struct options o;

    options_init(&o, &cfg);
    assert_int_equal(o.fin_wait_2_ms, INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(both_ends_and_just_beyond),
        cmocka_unit_test(what_the_syn_said_stays),
        cmocka_unit_test(unknown),
        cmocka_unit_test(long_fin_wait_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
