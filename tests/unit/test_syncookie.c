/* test_syncookie.c: SYN cookies (RFC 4987 §3.6): what they remember, and which they refuse. */
#include "bare_tcp.h"

#define NOW (LA_SEC(60) * 1000 + LA_SEC(59)) /* the end of minute 1000 */

static struct bare *stack(void)
{
    return bare_new((struct bare_limits){1, 1, 1, 1, 1, LA_SEC(60)});
}

/* A SYN answered at `then`, its ACK coming at `now`. */
struct trip {
    struct tuple id;
    seqno irs;
    struct tcp_opts syn, got;
    uint32_t tsval;
    seqno iss;
};

static struct trip begin(struct bare *b, struct tuple id, struct tcp_opts syn, la_ns then)
{
    struct trip t = {.id = id, .irs = seq(0xfffffffe), .syn = syn};
    t.tsval = ts_now(&b->tcp, &id, then);
    t.iss = syncookie_make(&b->tcp, &id, t.irs, &syn, &t.tsval, then);
    return t;
}

static bool complete(struct bare *b, struct trip *t, la_ns now)
{
    struct tcp_opts ack = {.has_ts = t->syn.has_ts, .tsval = 4711, .tsecr = t->tsval};
    return syncookie_check(&b->tcp, &t->id, seq_add(t->irs, 1), seq_add(t->iss, 1), &ack, &t->got,
                           now);
}

static void remembers_the_mss_downwards(void **state)
{
    static const struct {
        uint16_t said, v4, v6;
    } rows[] = {{0, 64, 64},        {63, 64, 64},       {64, 64, 64},       {535, 64, 64},
                {536, 536, 64},     {1219, 536, 64},    {1220, 1220, 1220}, {1299, 1220, 1220},
                {1360, 1300, 1360}, {1400, 1400, 1400}, {1420, 1400, 1420}, {1439, 1400, 1420},
                {1440, 1440, 1440}, {1459, 1440, 1440}, {1460, 1460, 1440}, {8939, 1460, 1440},
                {8940, 1460, 8940}, {8960, 8960, 8940}, {65535, 8960, 8940}};
    struct bare *b = stack();
    struct trip t;
    (void)state;

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tcp_opts syn = {.has_mss = true, .mss = rows[i].said};
        t = begin(b, bare_v4(7, 80, 5000), syn, NOW);
        assert_true(complete(b, &t, NOW));
        assert_true(t.got.has_mss);
        assert_int_equal(t.got.mss, rows[i].v4);
        t = begin(b, bare_v6(7, 80, 5000), syn, NOW);
        assert_true(complete(b, &t, NOW));
        assert_int_equal(t.got.mss, rows[i].v6);
    }
    /* MUST-15: no option */
    t = begin(b, bare_v4(7, 80, 5000), (struct tcp_opts){0}, NOW);
    assert_true(complete(b, &t, NOW));
    assert_int_equal(t.got.mss, 536);
    t = begin(b, bare_v6(7, 80, 5000), (struct tcp_opts){0}, NOW);
    assert_true(complete(b, &t, NOW));
    assert_int_equal(t.got.mss, 1220);
    assert_false(t.got.has_ts || t.got.has_wscale || t.got.sack_permitted);
    bare_free(b);
}

/* With timestamps the rest comes back too, and the clock is not put forward. */
static void remembers_options_in_the_timestamp(void **state)
{
    struct bare *b = stack();
    (void)state;

    for (uint8_t i = 0; i < 64; i++) {
        struct tcp_opts syn = {.has_ts = true,
                               .has_wscale = i % 16 != 15,
                               .wscale = i % 16,
                               .sack_permitted = i >= 32};
        la_ns then = NOW + LA_MSEC(7) * i;
        struct trip t = begin(b, bare_v4(7, 80, 5000), syn, then);
        int32_t back = (int32_t)(ts_now(&b->tcp, &t.id, then) - t.tsval);
        assert_in_range(back, 0, 63);
        assert_true(complete(b, &t, then));
        assert_true(t.got.has_ts);
        assert_int_equal(t.got.tsval, 4711);
        assert_int_equal(t.got.has_wscale, syn.has_wscale);
        assert_int_equal(t.got.wscale, i % 16 != 15 ? i % 16 : 0);
        assert_int_equal(t.got.sack_permitted, syn.sack_permitted);
    }
    /* A shift above 14 counts as 14 (RFC 7323 §2.3). */
    struct trip t =
        begin(b, bare_v4(7, 80, 5000),
              (struct tcp_opts){.has_ts = true, .has_wscale = true, .wscale = 255}, NOW);
    assert_true(complete(b, &t, NOW));
    assert_true(t.got.has_wscale);
    assert_int_equal(t.got.wscale, 14);
    bare_free(b);
}

/* Good to the end of the next minute, and never again. */
static void ages(void **state)
{
    struct bare *b = stack();
    struct trip t = begin(b, bare_v4(7, 80, 5000), (struct tcp_opts){0}, NOW);
    (void)state;

    assert_true(complete(b, &t, NOW));
    assert_true(complete(b, &t, NOW + LA_SEC(1)));
    assert_true(complete(b, &t, NOW + LA_SEC(61) - 1));
    assert_false(complete(b, &t, NOW + LA_SEC(61)));
    for (unsigned minute = 2; minute < 200; minute++) /* the count of 5 bits goes round */
        assert_false(complete(b, &t, NOW + LA_SEC(60) * minute));
    assert_false(complete(b, &t, NOW - LA_SEC(60))); /* from the future */
    /* In the first minute there was none before. */
    t = begin(b, bare_v4(7, 80, 5000), (struct tcp_opts){0}, LA_SEC(31 * 60));
    assert_false(complete(b, &t, 0));
    bare_free(b);
}

static void belongs_to_one_syn(void **state)
{
    struct bare *b = stack();
    struct trip good = begin(b, bare_v4(7, 80, 5000), (struct tcp_opts){.has_ts = true}, NOW), t;
    (void)state;

    assert_true((t = good, complete(b, &t, NOW)));
    assert_false((t = good, t.id.rport++, complete(b, &t, NOW)));
    assert_false((t = good, t.id.lport++, complete(b, &t, NOW)));
    assert_false((t = good, t.id.remote.b[15]++, complete(b, &t, NOW)));
    assert_false((t = good, t.id.local.b[15]++, complete(b, &t, NOW)));
    assert_false((t = good, t.irs.v++, complete(b, &t, NOW)));
    assert_false((t = good, t.syn.has_ts = false, complete(b, &t, NOW)));
    b->tcp.key_cookie.k0 ^= 1;
    assert_false((t = good, complete(b, &t, NOW)));
    b->tcp.key_cookie.k0 ^= 1;
    for (unsigned bit = 0; bit < 32; bit++)
        assert_false((t = good, t.iss.v ^= 1U << bit, complete(b, &t, NOW)));
    bare_free(b);
}

/* 2^20 guesses: 2 minutes and 8 classes of 2^32 numbers are good, so one in 2^28 hits. */
static void is_not_guessed(void **state)
{
    struct bare *b = stack();
    struct trip t = begin(b, bare_v4(7, 80, 5000), (struct tcp_opts){0}, NOW);
    uint32_t hits = 0;
    (void)state;

    for (uint32_t i = 0; i < 1 << 20; i++) {
        t.iss = seq(bare_random(b, UINT32_MAX));
        hits += complete(b, &t, NOW);
    }
    assert_int_equal(hits, 0);
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_the_mss_downwards),
        cmocka_unit_test(remembers_options_in_the_timestamp),
        cmocka_unit_test(ages),
        cmocka_unit_test(belongs_to_one_syn),
        cmocka_unit_test(is_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
