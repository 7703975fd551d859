/* test_fin_wait_1.c: FIN-WAIT-1: our FIN is under way, or waits behind text or a closed window. */
#include "matrix/rows.h"
#include "stack/stack.h"

/* ---- segments ---- */

static void ack_of_text(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    k->nxt += 11;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 10});
    k->una += 10;
    fired(k, "ACK_ADVANCED", 1);
    fired(k, "FIN_ACKED", 0);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_FIN_WAIT_1);
    kit_end(k);
}

static void ack_of_fin(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    fired(k, "FIN_ACKED", 1);
    expect_quiet(k);
    expect_events(k, LA_EV_SENT);
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
    k = in_fin_wait_1(PLAIN); /* the same segment goes on in FIN-WAIT-2 */
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    k->una = k->nxt;
    k->rcv += 10;
    expect_events(k, LA_EV_SENT | LA_EV_READABLE);
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
}

static void fin_and_ack(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->nxt});
    k->rcv++;
    fired(k, "FIN_ACKED", 1);
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, LA_EV_SENT | LA_EV_READABLE | LA_EV_PEER_CLOSED | LA_EV_CLOSED);
    expect_state(k, LA_TIME_WAIT);
    struct la_record r = kit_record(k);
    assert_int_equal(r.last_state, LA_FIN_WAIT_1); /* figure 5: straight there */
    assert_int_equal(r.first_fin, LA_SIDE_LOCAL);
    kit_end(k);
}

static void fin_crossing(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una});
    k->rcv++;
    fired(k, "FIN_RECEIVED", 1);
    fired(k, "FIN_ACKED", 0);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, LA_EV_READABLE | LA_EV_PEER_CLOSED);
    expect_state(k, LA_CLOSING);
    kit_end(k);
}

/* ---- what is special about it ---- */

/* The segment that acknowledges our FIN brings the peer's, behind text that there is no memory for:
 * that FIN does not count yet, but the ACK does. */
static void fin_acked_by_one_refused(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    struct seg fin = {.flags = F | P | A, .seq = k->rcv, .ack = k->nxt, .len = 10};
    (void)state;
    k->s->mem.fail_at = k->s->mem.asked + 1;
    in(k, fin);
    k->una = k->nxt;
    fired(k, "FIN_ACKED", 1);
    fired(k, "TEXT_REFUSED", 1);
    fired(k, "FIN_RECEIVED", 0);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_FIN_WAIT_2);
    in(k, fin);
    k->rcv += 11;
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_TIME_WAIT);
    kit_end(k);
}

/* The window is closed: the state is FIN-WAIT-1 at once, probes go on, and the FIN leaves when the
 * window opens. */
static void fin_behind_closed_window(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = KIT_CLOSED});
    assert_int_equal(kit_send(k, 10, 0), 10);
    expect_quiet(k);
    kit_mark(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    expect_state(k, LA_FIN_WAIT_1);
    wait_for_segment(k, LA_SEC(1));
    fired(k, "PERSIST_PROBE", 1);
    (void)expect_text(k, A, k->nxt, k->rcv, 1); /* C24: one octet of what waits */
    k->nxt++;
    expect_state(k, LA_FIN_WAIT_1);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una});
    (void)expect_text(k, F | P | A, k->una, k->rcv, 10);
    kit_end(k);
}

/* R2 may be "never" for a program that waits; for an orphan nobody does. */
static void orphan_of_a_patient_program(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_USER_TIMEOUT_MS, -1, k->now), LA_OK);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    (void)expect(k, F | A, k->nxt, k->rcv);
    k->nxt++;
    for (unsigned i = 0; i < 60; i++) {
        pass(k, LA_SEC(60));
        while (kit_take(k, &g))
            assert_int_equal(g.seq, k->una);
    }
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_record(k).error, LA_ETIMEDOUT);
    kit_end(k);
}

/* C45: an orphan whose peer keeps its window closed is given up after eight probes, by RST. */
static void orphan_and_closed_window(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = KIT_CLOSED});
    assert_int_equal(kit_send(k, 10, 0), 10);
    expect_quiet(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    for (unsigned i = 1; i <= 8; i++) {
        wait_for_segment(k, LA_SEC(61));
        fired(k, "PERSIST_PROBE", 1);
        (void)expect_text(k, A, ISS + 1, k->rcv, 1);
        k->nxt = ISS + 2;
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = KIT_CLOSED});
        expect_state(k, LA_FIN_WAIT_1);
    }
    wait_for_segment(k, LA_SEC(61));
    fired(k, "PERSIST_ORPHAN", 1);
    (void)expect(k, R | A, k->una, k->rcv); /* C30: at the edge of B's window */
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_PROBE_LIMIT);
    kit_end(k);
}

/* LINGER bounds the orphan, with a RST at its end. */
static void linger(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_LINGER_MS, 3000, k->now), LA_OK);
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    k->nxt += 11;
    pass(k, LA_MSEC(2999));
    while (kit_take(k, &g))
        assert_int_equal(g.seq, k->una);
    expect_state(k, LA_FIN_WAIT_1);
    pass(k, LA_MSEC(1));
    fired(k, "LINGER_LIMIT", 1);
    (void)expect(k, R | A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.cause, LA_CAUSE_CLOSE); /* its FIN left */
    assert_int_equal(r.ended_by, LA_CAUSE_LINGER_TIMEOUT);
    assert_int_equal(r.bytes_unacked, 10);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("FIN-WAIT-1/OPEN-passive", open_passive, place_fin_wait_1),
        SHARED("FIN-WAIT-1/OPEN-active", open_active, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEND", send_refused, place_fin_wait_1),
        SHARED("FIN-WAIT-1/RECEIVE/data", receive_data, place_fin_wait_1),
        SHARED("FIN-WAIT-1/RECEIVE/no-data", receive_nothing, place_fin_wait_1),
        SHARED("FIN-WAIT-1/CLOSE", close_again, place_fin_wait_1),
        SHARED("FIN-WAIT-1/ABORT", abort_resets, place_fin_wait_1),
        SHARED("FIN-WAIT-1/STATUS", status, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-RST/outside", rst_outside, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-RST/in-window", rst_in_window, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-RST/exact", rst_exact, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-SYN", syn_challenged, place_fin_wait_1),
        ROW("FIN-WAIT-1/SEG-ACK-ok/not-fin", ack_of_text),
        ROW("FIN-WAIT-1/SEG-ACK-ok/fin", ack_of_fin),
        SHARED("FIN-WAIT-1/SEG-ACK-bad/unsent", ack_unsent, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-ACK-bad/too-old", ack_too_old, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-ACK-bad/old", ack_old, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-URG", urg_notified, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/in-order", data_in_order, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/gap", data_gap, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/fills", data_fills, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/partly", data_partly, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/zero-window", data_zero_window, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-DATA/after-close", data_after_close, place_fin_wait_1),
        ROW("FIN-WAIT-1/SEG-FIN/acks-fin", fin_and_ack),
        ROW("FIN-WAIT-1/SEG-FIN/crossing", fin_crossing),
        SHARED("FIN-WAIT-1/SEG-FIN/gap", fin_gap, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-OOW", out_of_window, place_fin_wait_1),
        SHARED("FIN-WAIT-1/SEG-noACK", no_ack_bit, place_fin_wait_1),
        SHARED("FIN-WAIT-1/T-USER", user_timeout, place_fin_wait_1),
        SHARED("FIN-WAIT-1/T-RTX", retransmits, place_fin_wait_1),
        SHARED("FIN-WAIT-1/T-TIMEWAIT", no_2msl, place_fin_wait_1),
        SHARED("FIN-WAIT-1/ICMP-hard", icmp_hard_is_soft, place_fin_wait_1),
        SHARED("FIN-WAIT-1/ICMP-PTB", icmp_too_big, place_fin_wait_1),
        SHARED("FIN-WAIT-1/ICMP-source-quench", icmp_quench, place_fin_wait_1),
        cmocka_unit_test(fin_acked_by_one_refused),
        cmocka_unit_test(fin_behind_closed_window),
        cmocka_unit_test(orphan_and_closed_window),
        cmocka_unit_test(orphan_of_a_patient_program),
        cmocka_unit_test(linger),
    };
    return MATRIX(rows);
}
