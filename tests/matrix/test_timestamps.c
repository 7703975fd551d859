/* test_timestamps.c: what both SYNs agree on: timestamps, PAWS, window scaling, SACK (RFC 7323, RFC
 * 2018), and what a handshake that was lost means for what follows. */
#include "matrix/rows.h"

#define WITH_TS ((struct how){.bare = true, .offer_ts = true})

/* An option is in force if both SYNs had it, whoever opened. */
static void agreed_by_both(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct kit *k = in_established((struct how){.bare = true,
                                                    .passive = i & 8,
                                                    .offer_ts = i & 1,
                                                    .offer_sack = i & 2,
                                                    .offer_ws = i & 4});
        struct la_status st = kit_status(k);
        assert_int_equal(st.timestamps, i & 1);
        assert_int_equal(st.sack, (i & 2) != 0);
        assert_int_equal(st.snd_wscale, i & 4 ? SHIFT : 0);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = 1280});
        assert_int_equal(kit_status(k).snd_wnd, 1280); /* shifted as agreed */
        kit_end(k);
    }
}

static void nothing_offered(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_TIMESTAMPS, 0, now), LA_OK);
    assert_int_equal(la_setopt(s, c, LA_OPT_SACK, 0, now), LA_OK);
    assert_int_equal(la_setopt(s, c, LA_OPT_WSCALE, -2, now), LA_OK);
}

/* Switched off here, it does not matter what the peer offers. */
static void off_here(void **state)
{
    (void)state;
    for (unsigned passive = 0; passive < 2; passive++) {
        struct kit *k = kit_new((struct how){.tune = nothing_offered});
        struct tcp_opts all = {.has_mss = true,
                               .mss = 1000,
                               .has_ts = true,
                               .tsval = 77,
                               .sack_permitted = true,
                               .has_wscale = true,
                               .wscale = SHIFT};
        if (passive) {
            kit_listen(k);
            in(k, (struct seg){.flags = S, .seq = IRS, .opts = all});
        } else {
            kit_connect(k);
            in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS + 1, .opts = all});
        }
        struct seg g;
        assert_true(kit_take(k, &g));
        assert_false(g.opts.has_ts || g.opts.sack_permitted || g.opts.has_wscale);
        assert_false(kit_status(k).timestamps || kit_status(k).sack);
        kit_end(k);
    }
}

/* The window of a SYN is as it stands; ours is shifted, and rounded, by what our SYN said. */
static void window_is_shifted(void **state)
{
    struct kit *k = in_established((struct how){.bare = true, .offer_ws = true, .rcvbuf = 200000});
    (void)state;
    assert_int_equal(kit_status(k).rcv_wscale, 2); /* 200000 >> 2 fits 16 bits */
    uint32_t edge = k->rcv + 200000;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 1});
    wait_for_segment(k, LA_MSEC(40));
    /* C21: rounded down it ends before the edge that was promised; the promise counts. */
    assert_int_equal(expect(k, A, k->nxt, k->rcv + 1).wnd, 199999 / 4);
    in(k, (struct seg){.flags = P | A, .seq = edge - 1, .ack = k->una, .len = 1});
    fired(k, "TEXT_ABOVE_GAP", 1);
    in(k, (struct seg){.flags = P | A, .seq = edge, .ack = k->una, .len = 1});
    fired(k, "SEQ_OUT_OF_WINDOW", 1);
    kit_end(k);
}

/* ---- timestamps ---- */

static void on_every_segment(void **state)
{
    struct kit *k = in_established(WITH_TS);
    struct seg g;
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    g = expect_text(k, P | A, k->nxt, k->rcv, 10);
    assert_true(g.opts.has_ts);
    uint32_t first = g.opts.tsval;
    k->nxt += 10;
    pass(k, LA_MSEC(150));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    k->una = k->nxt;
    k->rcv += 10;
    wait_for_segment(k, LA_MSEC(40));
    g = expect(k, A, k->nxt, k->rcv);
    assert_true(g.opts.has_ts);
    assert_int_equal(g.opts.tsval - first, 190); /* a tick a millisecond */
    assert_int_equal(g.opts.tsecr, k->tsval - 40);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    assert_true(expect(k, F | A, k->nxt, k->rcv).opts.has_ts);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    assert_true(expect(k, R | A, k->nxt + 1, k->rcv).opts.has_ts);
    kit_end(k);
}

/* A RST in answer to a segment with timestamps: TSval 0, TSecr what came. */
static void on_a_reset(void **state)
{
    struct kit *k = in_closed(PLAIN);
    struct tcp_opts o = {.has_ts = true, .tsval = 12345, .tsecr = 9};
    (void)state;
    in(k, (struct seg){.flags = S, .seq = IRS, .opts = o});
    struct seg g = expect(k, R | A, 0, IRS + 1);
    assert_true(g.opts.has_ts);
    assert_int_equal(g.opts.tsval, 0);
    assert_int_equal(g.opts.tsecr, 12345);
    kit_end(k);
}

/* Not agreed: whatever it says, it says nothing. */
static void not_agreed(void **state)
{
    struct kit *k = in_established((struct how){.bare = true});
    struct tcp_opts o = {.has_ts = true, .tsval = 1, .tsecr = 2};
    (void)state;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10, .opts = o});
    o.tsval = 0x90000000U;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv + 10, .ack = k->una, .len = 10, .opts = o});
    k->rcv += 20;
    fired(k, "TEXT_IN_ORDER", 1);
    fired(k, "PAWS", 0);
    wait_for_segment(k, LA_MSEC(40));
    assert_false(expect(k, A, k->nxt, k->rcv).opts.has_ts);
    kit_end(k);
}

static void text_at(struct kit *k, uint32_t seq, uint32_t tsval, uint32_t echoed)
{
    struct tcp_opts o = {.has_ts = true, .tsval = tsval, .tsecr = k->ts_seen};
    struct seg g;
    in(k, (struct seg){.flags = A, .seq = seq, .ack = k->una, .len = 100, .opts = o});
    wait_for_segment(k, LA_MSEC(40));
    assert_true(kit_take(k, &g));
    assert_int_equal(g.opts.tsecr, echoed);
}

/* RFC 7323 §4.3: what is echoed is of the segment that moved the left edge. */
static void echo(void **state)
{
    struct kit *k = in_established(WITH_TS);
    uint32_t t = k->tsval, at = k->rcv;
    (void)state;
    text_at(k, at, t + 10, t + 10);
    text_at(k, at + 200, t + 20, t + 10); /* above a gap: not echoed */
    text_at(k, at + 300, t + 30, t + 10);
    text_at(k, at + 100, t + 15, t + 15); /* it fills the gap */
    kit_end(k);
}

/* In TIME-WAIT too: the ACK of a FIN that comes again echoes that one, and an older one does not
 * take the clock back. */
static void echo_in_time_wait(void **state)
{
    struct kit *k = in_time_wait(WITH_TS);
    uint32_t t = k->tsval;
    (void)state;
    static const int32_t after[] = {100, 50, 200}, echoed[] = {100, 100, 200};
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_opts ts = {.has_ts = true, .tsval = t + (uint32_t)after[i]};
        in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt, .opts = ts});
        struct seg g = expect(k, A, k->nxt, k->rcv);
        assert_int_equal(g.opts.tsecr, t + (uint32_t)echoed[i]);
    }
    kit_end(k);
}

/* PAWS spares RSTs, and forgets after 24 days of silence. */
static void paws_exceptions(void **state)
{
    struct kit *k = in_established(WITH_TS);
    struct tcp_opts old = {.has_ts = true, .tsval = k->tsval - 1000};
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10, .opts = old});
    fired(k, "PAWS", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    pass(k, LA_SEC(25 * 86400));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10, .opts = old});
    fired(k, "PAWS", 0);
    fired(k, "TEXT_IN_ORDER", 1);
    old.tsval -= 1000;
    in(k, (struct seg){.flags = R, .seq = k->rcv + 10, .opts = old});
    fired(k, "RST_EXACT", 1);
    kit_end(k);
}

/* ---- SACK ---- */

/* C29: a batch out of order owes one ACK where blocks say all of it, else one a segment, which the
 * peer counts. */
static void acks_of_a_batch(void **state)
{
    (void)state;
    for (unsigned sack = 0; sack < 2; sack++) {
        struct kit *k = in_established((struct how){.bare = true, .offer_sack = sack});
        for (uint32_t i = 1; i <= 3; i++)
            in(k, (struct seg){.flags = A, .seq = k->rcv + i * 100, .ack = k->una, .len = 100});
        struct seg g = expect(k, A, k->nxt, k->rcv);
        assert_int_equal(g.opts.nsack, sack);
        if (sack) {
            assert_int_equal(g.opts.sack[0].start.v, k->rcv + 100);
            assert_int_equal(g.opts.sack[0].end.v, k->rcv + 400);
        } else {
            (void)expect(k, A, k->nxt, k->rcv);
            (void)expect(k, A, k->nxt, k->rcv);
        }
        expect_quiet(k);
        kit_end(k);
    }
}

/* ---- a handshake that was lost (C10) ---- */

static void lost_handshake(void **state)
{
    uint32_t mss = (round_v6() ? 1440U : 1460U) - (round_options() ? 12 : 0);
    uint32_t first = 10 * mss < 14600 ? 10 * mss : 14600;
    (void)state;
    for (unsigned lost = 1; lost <= 2; lost++) {
        struct kit *k = in_syn_sent(PLAIN);
        for (unsigned i = 0; i < lost; i++) {
            wait_for_segment(k, LA_SEC(2));
            (void)expect(k, S, ISS, 0);
        }
        struct tcp_opts o = kit_syn_options(k);
        in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS + 1, .opts = o});
        assert_int_equal(kit_status(k).cwnd, lost == 1 ? first : mss); /* RFC 6928 §2 */
        assert_int_equal(kit_status(k).rto_us, 3000000);               /* RFC 6298 §5.7 */
        kit_end(k);
    }
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(agreed_by_both),
        cmocka_unit_test(off_here),
        cmocka_unit_test(window_is_shifted),
        cmocka_unit_test(on_every_segment),
        cmocka_unit_test(on_a_reset),
        cmocka_unit_test(not_agreed),
        cmocka_unit_test(echo),
        cmocka_unit_test(echo_in_time_wait),
        cmocka_unit_test(paws_exceptions),
        cmocka_unit_test(acks_of_a_batch),
        cmocka_unit_test(lost_handshake),
    };
    return MATRIX(rows);
}
