/* test_close_wait.c: CLOSE-WAIT: the peer has closed, our program has not. */
#include "matrix/rows.h"

/* ---- calls ---- */

static void send_normal(void **state)
{
    struct kit *k = in_close_wait(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    expect_quiet(k);
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

static void send_urgent(void **state)
{
    struct kit *k = in_close_wait(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 5, LA_SEND_URGENT), 5);
    assert_int_equal(expect_text(k, U | P | A, k->nxt, k->rcv, 5).up, 5);
    k->nxt += 5;
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

static void receive_what_is_there(void **state)
{
    struct kit *k = in_close_wait((struct how){.text = 50});
    (void)state;
    assert_int_equal(kit_recv(k, 20), 20);
    assert_int_equal(kit_recv(k, 100), 30);
    expect_quiet(k); /* the window is of no use to anybody any more */
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

static void close_call(void **state)
{
    struct kit *k = in_close_wait(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    kit_mark(k);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    fired(k, "CLOSE_FIN", 1);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    k->nxt += 11;
    expect_quiet(k);
    expect_state(k, LA_LAST_ACK); /* not CLOSING, as RFC 793 had it */
    kit_end(k);
}

/* ---- segments ---- */

static void ack_ok(void **state)
{
    struct kit *k = in_close_wait(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .wnd = 2560});
    k->una = k->nxt;
    fired(k, "ACK_ADVANCED", 1);
    fired(k, "WND_UPDATE", 1);
    expect_quiet(k);
    expect_events(k, LA_EV_SENT);
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("CLOSE-WAIT/OPEN-passive", open_passive, place_close_wait),
        SHARED("CLOSE-WAIT/OPEN-active", open_active, place_close_wait),
        ROW("CLOSE-WAIT/SEND/normal", send_normal),
        ROW("CLOSE-WAIT/SEND/urgent", send_urgent),
        ROW("CLOSE-WAIT/RECEIVE/data", receive_what_is_there),
        SHARED("CLOSE-WAIT/RECEIVE/nothing-left", receive_eof, place_close_wait),
        ROW("CLOSE-WAIT/CLOSE", close_call),
        SHARED("CLOSE-WAIT/ABORT", abort_resets, place_close_wait),
        SHARED("CLOSE-WAIT/STATUS", status, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-RST/outside", rst_outside, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-RST/in-window", rst_in_window, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-RST/exact", rst_exact, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-SYN", syn_challenged, place_close_wait),
        ROW("CLOSE-WAIT/SEG-ACK-ok", ack_ok),
        SHARED("CLOSE-WAIT/SEG-ACK-bad/unsent", ack_unsent, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-ACK-bad/too-old", ack_too_old, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-ACK-bad/old", ack_old, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-URG", urg_ignored, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-DATA", data_after_fin, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-FIN", fin_again, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-OOW", out_of_window, place_close_wait),
        SHARED("CLOSE-WAIT/SEG-noACK", no_ack_bit, place_close_wait),
        SHARED("CLOSE-WAIT/T-USER", user_timeout, place_close_wait),
        SHARED("CLOSE-WAIT/T-RTX", retransmits, place_close_wait),
        SHARED("CLOSE-WAIT/T-TIMEWAIT", no_2msl, place_close_wait),
        SHARED("CLOSE-WAIT/ICMP-hard", icmp_hard_is_soft, place_close_wait),
        SHARED("CLOSE-WAIT/ICMP-PTB", icmp_too_big, place_close_wait),
        SHARED("CLOSE-WAIT/ICMP-source-quench", icmp_quench, place_close_wait),
    };
    return MATRIX(rows);
}
