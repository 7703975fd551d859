/* test_established.c: ESTABLISHED (RFC 9293 §3.10.7.4). */
#include "matrix/rows.h"

/* ---- calls ---- */

static void send_normal(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint32_t mss = kit_mss(k);
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_NODELAY, 1, k->now), LA_OK);
    assert_int_equal(kit_send(k, 2 * mss + 10, 0), 2 * mss + 10);
    for (unsigned i = 0; i < 2; i++, k->nxt += mss)
        (void)expect_text(k, A, k->nxt, k->rcv, mss);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10); /* MUST-61: what drains the queue is pushed */
    k->nxt += 10;
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

static void send_urgent(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 5, LA_SEND_URGENT), 5);
    struct seg g = expect_text(k, U | P | A, k->nxt, k->rcv, 5);
    assert_int_equal(g.up, 5); /* MUST-62: the octet after the last urgent one */
    k->nxt += 5;
    expect_quiet(k);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    assert_int_equal(kit_send(k, 5, 0), 5);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 5); /* passed: no URG any more */
    kit_end(k);
}

/* The state changes at once; the FIN goes with the last of what is queued. */
static void close_normal(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    kit_mark(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    fired(k, "CLOSE_FIN", 1);
    expect_state(k, LA_FIN_WAIT_1);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    k->nxt += 11;
    expect_quiet(k);
    expect_state(k, LA_FIN_WAIT_1);
    kit_end(k);
}

static void close_unread(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10});
    k->rcv += 10;
    kit_mark(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    fired(k, "CLOSE_UNREAD", 1);
    (void)expect(k, R | A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.cause, LA_CAUSE_UNREAD_DATA);
    assert_int_equal(r.bytes_unread, 10);
    kit_end(k);
}

static void close_linger_0(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_LINGER_MS, 0, k->now), LA_OK);
    kit_mark(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    fired(k, "CLOSE_LINGER_0", 1);
    (void)expect(k, R | A, k->nxt, k->rcv);
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_LINGER_0);
    kit_end(k);
}

/* ---- segments ---- */

static void ack_ok(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 4, .wnd = 1024});
    k->una += 4;
    fired(k, "ACK_ADVANCED", 1);
    fired(k, "WND_UPDATE", 1);
    expect_events(k, 0);
    assert_int_equal(kit_status(k).snd_wnd, 1024);
    assert_int_equal(kit_status(k).queued_out, 6);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    expect_events(k, LA_EV_SENT);
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    assert_int_equal(kit_status(k).timer, LA_TIMER_NONE); /* RFC 6298 5.2 */
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "ACK_NOTHING_NEW", 1);
    expect_quiet(k);
    kit_end(k);
}

/* SND.WL1 and WL2: an older segment must not take the window back. */
static void ack_window(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv + 10, .ack = k->una, .len = 10, .wnd = 1280});
    assert_int_equal(kit_status(k).snd_wnd, 1280);
    in(k, (struct seg){.flags = A, .seq = k->rcv + 10, .ack = k->una, .len = 10, .wnd = 2560});
    assert_int_equal(kit_status(k).snd_wnd, 2560); /* as new is new enough */
    /* Older by its sequence number: it was sent before. */
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10, .wnd = 128});
    fired(k, "WND_UPDATE", 0);
    assert_int_equal(kit_status(k).snd_wnd, 2560);
    kit_end(k);
    k = in_established(PLAIN); /* and older by its ACK */
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 10, .wnd = 2560});
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 9, .wnd = 128});
    fired(k, "WND_UPDATE", 0);
    assert_int_equal(kit_status(k).snd_wnd, 2560);
    kit_end(k);
}

static void fin_in_order(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una, .len = 10});
    k->rcv += 11;
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, LA_EV_READABLE | LA_EV_PEER_CLOSED);
    expect_state(k, LA_CLOSE_WAIT);
    assert_int_equal(kit_recv(k, 100), 10);
    assert_int_equal(kit_recv(k, 100), 0);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("ESTABLISHED/OPEN-passive", open_passive, place_established),
        SHARED("ESTABLISHED/OPEN-active", open_active, place_established),
        ROW("ESTABLISHED/SEND/normal", send_normal),
        ROW("ESTABLISHED/SEND/urgent", send_urgent),
        SHARED("ESTABLISHED/RECEIVE/data", receive_data, place_established),
        SHARED("ESTABLISHED/RECEIVE/no-data", receive_nothing, place_established),
        ROW("ESTABLISHED/CLOSE/normal", close_normal),
        ROW("ESTABLISHED/CLOSE/unread", close_unread),
        SHARED("ESTABLISHED/ABORT", abort_resets, place_established),
        SHARED("ESTABLISHED/STATUS", status, place_established),
        SHARED("ESTABLISHED/SEG-RST/outside", rst_outside, place_established),
        SHARED("ESTABLISHED/SEG-RST/in-window", rst_in_window, place_established),
        SHARED("ESTABLISHED/SEG-RST/exact", rst_exact, place_established),
        SHARED("ESTABLISHED/SEG-SYN", syn_challenged, place_established),
        ROW("ESTABLISHED/SEG-ACK-ok", ack_ok),
        SHARED("ESTABLISHED/SEG-ACK-bad/unsent", ack_unsent, place_established),
        SHARED("ESTABLISHED/SEG-ACK-bad/too-old", ack_too_old, place_established),
        SHARED("ESTABLISHED/SEG-ACK-bad/old", ack_old, place_established),
        SHARED("ESTABLISHED/SEG-URG", urg_notified, place_established),
        SHARED("ESTABLISHED/SEG-DATA/in-order", data_in_order, place_established),
        SHARED("ESTABLISHED/SEG-DATA/gap", data_gap, place_established),
        SHARED("ESTABLISHED/SEG-DATA/fills", data_fills, place_established),
        SHARED("ESTABLISHED/SEG-DATA/partly", data_partly, place_established),
        SHARED("ESTABLISHED/SEG-DATA/zero-window", data_zero_window, place_established),
        ROW("ESTABLISHED/SEG-FIN/in-order", fin_in_order),
        SHARED("ESTABLISHED/SEG-FIN/gap", fin_gap, place_established),
        SHARED("ESTABLISHED/SEG-OOW", out_of_window, place_established),
        SHARED("ESTABLISHED/SEG-noACK", no_ack_bit, place_established),
        SHARED("ESTABLISHED/T-USER", user_timeout, place_established),
        SHARED("ESTABLISHED/T-RTX", retransmits, place_established),
        SHARED("ESTABLISHED/T-TIMEWAIT", no_2msl, place_established),
        SHARED("ESTABLISHED/ICMP-hard", icmp_hard_is_soft, place_established),
        SHARED("ESTABLISHED/ICMP-PTB", icmp_too_big, place_established),
        SHARED("ESTABLISHED/ICMP-source-quench", icmp_quench, place_established),
        cmocka_unit_test(close_linger_0),
        cmocka_unit_test(ack_window),
    };
    return MATRIX(rows);
}
