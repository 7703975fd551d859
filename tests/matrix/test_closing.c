/* test_closing.c: CLOSING: the FINs crossed, and ours is not acknowledged yet. */
#include "matrix/rows.h"

static void ack_of_fin(void **state)
{
    struct kit *k = in_closing(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "FIN_ACKED", 1);
    expect_state(k, LA_TIME_WAIT);
    expect_events(k, LA_EV_SENT | LA_EV_CLOSED | LA_EV_READABLE);
    struct la_record r = kit_record(k);
    assert_int_equal(r.last_state, LA_CLOSING);
    assert_int_equal(r.first_fin, LA_SIDE_BOTH);
    kit_end(k);
}

/* Text was in flight before our FIN: its ACK counts, and the segment goes no further. */
static void ack_of_text(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    k->nxt += 11;
    kit_peer_fin(k);
    expect_state(k, LA_CLOSING);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 10});
    k->una += 10;
    fired(k, "ACK_ADVANCED", 1);
    fired(k, "FIN_ACKED", 0);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_CLOSING);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("CLOSING/OPEN-passive", open_passive, place_closing),
        SHARED("CLOSING/OPEN-active", open_active, place_closing),
        SHARED("CLOSING/SEND", send_refused, place_closing),
        SHARED("CLOSING/RECEIVE", receive_eof, place_closing),
        SHARED("CLOSING/CLOSE", close_again, place_closing),
        SHARED("CLOSING/ABORT", abort_silent, place_closing),
        SHARED("CLOSING/STATUS", status, place_closing),
        SHARED("CLOSING/SEG-RST/outside", rst_outside, place_closing),
        SHARED("CLOSING/SEG-RST/in-window", rst_in_window, place_closing),
        SHARED("CLOSING/SEG-RST/exact", rst_exact, place_closing),
        SHARED("CLOSING/SEG-SYN", syn_challenged, place_closing),
        ROW("CLOSING/SEG-ACK-ok/fin", ack_of_fin),
        ROW("CLOSING/SEG-ACK-ok/not-fin", ack_of_text),
        SHARED("CLOSING/SEG-ACK-bad/unsent", ack_unsent, place_closing),
        SHARED("CLOSING/SEG-ACK-bad/too-old", ack_too_old, place_closing),
        SHARED("CLOSING/SEG-ACK-bad/old", ack_old, place_closing),
        SHARED("CLOSING/SEG-URG", urg_ignored, place_closing),
        SHARED("CLOSING/SEG-DATA", data_after_fin, place_closing),
        SHARED("CLOSING/SEG-FIN", fin_again, place_closing),
        SHARED("CLOSING/SEG-OOW", out_of_window, place_closing),
        SHARED("CLOSING/SEG-noACK", no_ack_bit, place_closing),
        SHARED("CLOSING/T-USER", user_timeout, place_closing),
        SHARED("CLOSING/T-RTX", retransmits, place_closing),
        SHARED("CLOSING/T-TIMEWAIT", no_2msl, place_closing),
        SHARED("CLOSING/ICMP-hard", icmp_hard_is_soft, place_closing),
        SHARED("CLOSING/ICMP-PTB", icmp_too_big, place_closing),
        SHARED("CLOSING/ICMP-source-quench", icmp_quench, place_closing),
    };
    return MATRIX(rows);
}
