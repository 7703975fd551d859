/* test_fin_wait_2.c: FIN-WAIT-2: our FIN is acknowledged, the peer's is awaited. */
#include "matrix/rows.h"

static void ack_ok(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .wnd = 2560});
    fired(k, "WND_UPDATE", 1);
    fired(k, "ACK_ADVANCED", 0);
    assert_int_equal(kit_status(k).snd_wnd, 2560);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .wnd = 2560});
    fired(k, "ACK_NOTHING_NEW", 1);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
}

static void fin_in_order(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    k->rcv += 11;
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, LA_EV_READABLE | LA_EV_PEER_CLOSED | LA_EV_CLOSED);
    expect_state(k, LA_TIME_WAIT);
    assert_int_equal(kit_recv(k, 100), 10);
    assert_int_equal(kit_recv(k, 100), 0);
    struct la_record r = kit_record(k);
    assert_int_equal(r.state, LA_TIME_WAIT);
    assert_int_equal(r.first_fin, LA_SIDE_LOCAL);
    assert_int_equal(r.cause, LA_CAUSE_SHUTDOWN);
    kit_end(k);
}

/* C43: no limit while the program can read ... */
static void no_user_timeout(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_USER_TIMEOUT_MS, 5000, k->now), LA_OK);
    pass(k, LA_SEC(864000));
    fired(k, "USER_TIMEOUT", 0);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
}

/* ... and 60 s for an orphan, then CLOSED without a segment. */
static void orphan_limit(void **state)
{
    struct kit *k = in_fin_wait_2((struct how){.orphan = true});
    (void)state;
    pass(k, LA_SEC(60) - 1);
    expect_state(k, LA_FIN_WAIT_2);
    pass(k, 1);
    fired(k, "FIN_WAIT_2_LIMIT", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.cause, LA_CAUSE_CLOSE);
    assert_int_equal(r.ended_by, LA_CAUSE_ORPHAN_TIMEOUT);
    assert_int_equal(r.in_state[LA_FIN_WAIT_2], LA_SEC(60));
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->nxt}); /* it closes after all */
    (void)expect(k, R, k->nxt, 0);
    kit_end(k);
}

/* Close gives the handle back here too: from then on it is an orphan. */
static void closed_here(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    pass(k, LA_SEC(1000));
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    pass(k, LA_SEC(60) - 1);
    expect_state(k, LA_FIN_WAIT_2);
    pass(k, 1);
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

static void no_retransmission(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    assert_int_equal(kit_status(k).timer, LA_TIMER_NONE);
    pass(k, LA_SEC(86400));
    fired(k, "RTO_EXPIRED", 0);
    expect_quiet(k);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("FIN-WAIT-2/OPEN-passive", open_passive, place_fin_wait_2),
        SHARED("FIN-WAIT-2/OPEN-active", open_active, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEND", send_refused, place_fin_wait_2),
        SHARED("FIN-WAIT-2/RECEIVE/data", receive_data, place_fin_wait_2),
        SHARED("FIN-WAIT-2/RECEIVE/no-data", receive_nothing, place_fin_wait_2),
        SHARED("FIN-WAIT-2/CLOSE", close_again, place_fin_wait_2),
        SHARED("FIN-WAIT-2/ABORT", abort_resets, place_fin_wait_2),
        SHARED("FIN-WAIT-2/STATUS", status, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-RST/outside", rst_outside, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-RST/in-window", rst_in_window, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-RST/exact", rst_exact, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-SYN", syn_challenged, place_fin_wait_2),
        ROW("FIN-WAIT-2/SEG-ACK-ok", ack_ok),
        SHARED("FIN-WAIT-2/SEG-ACK-bad/unsent", ack_unsent, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-ACK-bad/too-old", ack_too_old, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-ACK-bad/old", ack_old, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-URG", urg_notified, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/in-order", data_in_order, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/gap", data_gap, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/fills", data_fills, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/partly", data_partly, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/zero-window", data_zero_window, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-DATA/after-close", data_after_close, place_fin_wait_2),
        ROW("FIN-WAIT-2/SEG-FIN/in-order", fin_in_order),
        SHARED("FIN-WAIT-2/SEG-FIN/gap", fin_gap, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-OOW", out_of_window, place_fin_wait_2),
        SHARED("FIN-WAIT-2/SEG-noACK", no_ack_bit, place_fin_wait_2),
        ROW("FIN-WAIT-2/T-USER", no_user_timeout),
        ROW("FIN-WAIT-2/T-RTX", no_retransmission),
        SHARED("FIN-WAIT-2/T-TIMEWAIT", no_2msl, place_fin_wait_2),
        SHARED("FIN-WAIT-2/ICMP-hard", icmp_hard_is_soft, place_fin_wait_2),
        SHARED("FIN-WAIT-2/ICMP-PTB", icmp_too_big, place_fin_wait_2),
        SHARED("FIN-WAIT-2/ICMP-source-quench", icmp_quench, place_fin_wait_2),
        cmocka_unit_test(orphan_limit),
        cmocka_unit_test(closed_here),
    };
    return MATRIX(rows);
}
