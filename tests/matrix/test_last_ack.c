/* test_last_ack.c: LAST-ACK: both have closed, and the ACK of our FIN is all that is awaited. */
#include "matrix/rows.h"

static void ack_of_fin(void **state)
{
    struct kit *k = in_last_ack(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "FIN_ACKED", 1);
    expect_quiet(k);
    expect_events(k, LA_EV_SENT | LA_EV_CLOSED | LA_EV_READABLE);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.last_state, LA_LAST_ACK);
    assert_int_equal(r.first_fin, LA_SIDE_PEER);
    assert_int_equal(r.cause, LA_CAUSE_PEER_FIN);
    assert_int_equal(r.error, LA_OK);
    kit_end(k);
}

/* C46: text before the FIN may be in flight still; it is carried as in ESTABLISHED. */
static void ack_of_text(void **state)
{
    struct kit *k = in_close_wait(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 100, 0), 100);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 100);
    k->nxt += 101;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 40, .wnd = 2560});
    k->una += 40;
    fired(k, "ACK_ADVANCED", 1);
    fired(k, "WND_UPDATE", 1);
    fired(k, "FIN_ACKED", 0);
    expect_quiet(k);
    expect_state(k, LA_LAST_ACK);
    wait_for_segment(k, LA_SEC(1)); /* and the rest again, with the FIN */
    (void)expect_text(k, F | P | A, k->una, k->rcv, 60);
    expect_state(k, LA_LAST_ACK);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("LAST-ACK/OPEN-passive", open_passive, place_last_ack),
        SHARED("LAST-ACK/OPEN-active", open_active, place_last_ack),
        SHARED("LAST-ACK/SEND", send_refused, place_last_ack),
        SHARED("LAST-ACK/RECEIVE", receive_eof, place_last_ack),
        SHARED("LAST-ACK/CLOSE", close_again, place_last_ack),
        SHARED("LAST-ACK/ABORT", abort_silent, place_last_ack),
        SHARED("LAST-ACK/STATUS", status, place_last_ack),
        SHARED("LAST-ACK/SEG-RST/outside", rst_outside, place_last_ack),
        SHARED("LAST-ACK/SEG-RST/in-window", rst_in_window, place_last_ack),
        SHARED("LAST-ACK/SEG-RST/exact", rst_exact, place_last_ack),
        SHARED("LAST-ACK/SEG-SYN", syn_challenged, place_last_ack),
        ROW("LAST-ACK/SEG-ACK-ok/fin", ack_of_fin),
        ROW("LAST-ACK/SEG-ACK-ok/not-fin", ack_of_text),
        SHARED("LAST-ACK/SEG-ACK-bad/unsent", ack_unsent, place_last_ack),
        SHARED("LAST-ACK/SEG-ACK-bad/too-old", ack_too_old, place_last_ack),
        SHARED("LAST-ACK/SEG-ACK-bad/old", ack_old, place_last_ack),
        SHARED("LAST-ACK/SEG-URG", urg_ignored, place_last_ack),
        SHARED("LAST-ACK/SEG-DATA", data_after_fin, place_last_ack),
        SHARED("LAST-ACK/SEG-FIN", fin_again, place_last_ack),
        SHARED("LAST-ACK/SEG-OOW", out_of_window, place_last_ack),
        SHARED("LAST-ACK/SEG-noACK", no_ack_bit, place_last_ack),
        SHARED("LAST-ACK/T-USER", user_timeout, place_last_ack),
        SHARED("LAST-ACK/T-RTX", retransmits, place_last_ack),
        SHARED("LAST-ACK/T-TIMEWAIT", no_2msl, place_last_ack),
        SHARED("LAST-ACK/ICMP-hard", icmp_hard_is_soft, place_last_ack),
        SHARED("LAST-ACK/ICMP-PTB", icmp_too_big, place_last_ack),
        SHARED("LAST-ACK/ICMP-source-quench", icmp_quench, place_last_ack),
    };
    return MATRIX(rows);
}
