/* test_window.c: windows, probes, Nagle and silly windows (RFC 9293 §3.7.4, §3.8.6). */
#include "matrix/rows.h"

static void no_delay(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_NODELAY, 1, now), LA_OK);
}

/* B acknowledges up to `ack` with this window. */
static void acknowledge(struct kit *k, uint32_t ack, uint32_t wnd)
{
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = ack, .wnd = wnd});
    k->una = ack;
}

/* ---- ours ---- */

/* SHLD-14: whatever becomes of the buffer, what was promised stays promised. */
static void right_edge_stays(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint32_t edge = k->rcv + RCVBUF;
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_RCVBUF, 1000, k->now), LA_OK);
    for (unsigned i = 0; i < 9; i++) {
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = kit_mss(k)});
        k->rcv += kit_mss(k);
        if (i % 2)
            assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, edge - k->rcv);
    }
    kit_end(k);
}

/* MAY-8: closed for days, and each probe is answered. */
static void closed_for_days(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    fill_window(k);
    for (int hour = 0; hour < 72; hour++) {
        pass(k, LA_SEC(3600));
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 1});
        fired(k, "ZERO_WINDOW_PROBE", 1);
        assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, 0);
        expect_quiet(k);
    }
    assert_int_equal(kit_recv(k, RCVBUF), RCVBUF);
    assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, RCVBUF);
    kit_end(k);
}

/* MUST-39: nothing is announced for less than a segment, or half of the buffer. */
static void no_silly_window(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    fill_window(k);
    for (uint32_t n = 1; n < kit_mss(k); n++) {
        assert_int_equal(kit_recv(k, 1), 1);
        expect_quiet(k);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 1});
        if (n % 100 == 0)
            assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, 0);
        else
            (void)expect(k, A, k->nxt, k->rcv);
    }
    assert_int_equal(kit_recv(k, 1), 1);
    assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, kit_mss(k));
    kit_end(k);
}

/* ---- the peer's ---- */

/* MUST-36, SHLD-29, SHLD-30, MUST-37: probes after an RTO, then at doubled intervals up to a
 * minute, for as long as they are answered. */
static void probes(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay, .rtt = LA_MSEC(100)});
    la_ns interval = LA_MSEC(300); /* R + 4 * R/2 */
    (void)state;
    acknowledge(k, k->una, KIT_CLOSED);
    assert_int_equal(kit_send(k, 100, 0), 100);
    expect_quiet(k);
    for (unsigned i = 0; i < 40; i++) {
        la_ns before = k->now;
        wait_for_segment(k, LA_SEC(61));
        assert_int_equal(k->now - before, interval);
        fired(k, "PERSIST_PROBE", 1);
        (void)expect_text(k, A, k->una, k->rcv, 1); /* C24 */
        k->nxt = k->una + 1;
        acknowledge(k, k->una, KIT_CLOSED);
        expect_state(k, LA_ESTABLISHED);
        interval = interval * 2 < LA_SEC(60) ? interval * 2 : LA_SEC(60);
    }
    acknowledge(k, k->una, 2560);
    (void)expect_text(k, P | A, k->una, k->rcv, 100);
    kit_end(k);
}

/* `n` octets waited behind a closed window, three probes were refused, and it opens to `wnd`. */
static struct kit *reopened(uint32_t n, uint32_t wnd)
{
    struct kit *k = in_established(PLAIN);
    acknowledge(k, k->una, KIT_CLOSED);
    assert_int_equal(kit_send(k, n, 0), n);
    for (unsigned i = 0; i < 3; i++) {
        wait_for_segment(k, LA_SEC(61));
        (void)expect_text(k, A, k->una, k->rcv, 1);
        k->nxt = k->una + 1;
        acknowledge(k, k->una, KIT_CLOSED);
    }
    acknowledge(k, k->una, wnd);
    return k;
}

/* §3.7.4, §3.8.6.1: what a probe held up goes with its octet when the window opens: Nagle would let
 * it wait for the ACK of that octet.  What comes after it waits as ever. */
static void nagle_after_a_probe(void **state)
{
    struct kit *k = reopened(100, WND);
    (void)state;
    (void)expect_text(k, P | A, k->una, k->rcv, 100);
    fired(k, "RETRANSMIT", 1);
    fired(k, "NAGLE_HELD", 0);
    k->nxt = k->una + 100;
    assert_int_equal(kit_send(k, 10, 0), 10);
    expect_quiet(k);
    fired(k, "NAGLE_HELD", 1);
    acknowledge(k, k->nxt, WND);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    kit_end(k);
    /* More than a segment: full ones, and the rest waits for an ACK. */
    k = reopened(3000, WND);
    (void)expect_text(k, A, k->una, k->rcv, kit_mss(k));
    k->nxt = k->una + kit_mss(k);
    (void)expect_text(k, A, k->nxt, k->rcv, kit_mss(k));
    k->nxt += kit_mss(k);
    expect_quiet(k);
    acknowledge(k, k->nxt, WND);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 3000 - 2 * kit_mss(k));
    kit_end(k);
    /* A silly window: it has waited long enough. */
    k = reopened(3000, 128);
    (void)expect_text(k, A, k->una, k->rcv, 128);
    expect_quiet(k);
    kit_end(k);
    /* With its FIN. */
    k = reopened(100, KIT_CLOSED);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    acknowledge(k, k->una, WND);
    (void)expect_text(k, F | P | A, k->una, k->rcv, 100);
    assert_int_equal(kit_status(k).total_retrans, 3);
    kit_end(k);
}

/* The probe's octet was taken after all, before the answer to the open window left. */
static void probe_taken(void **state)
{
    struct kit *k = reopened(1, WND);
    (void)state;
    acknowledge(k, k->una + 1, WND);
    expect_quiet(k);
    assert_int_equal(kit_send(k, kit_mss(k), 0), kit_mss(k));
    (void)expect_text(k, P | A, k->una, k->rcv, kit_mss(k));
    fired(k, "RETRANSMIT", 0);
    expect_quiet(k); /* and not once more */
    kit_end(k);
}

/* Nobody answers the probes either: R2. */
static void probes_unanswered(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    acknowledge(k, k->una, KIT_CLOSED);
    assert_int_equal(kit_send(k, 100, 0), 100);
    for (unsigned i = 0; i < 15; i++) {
        wait_for_segment(k, LA_SEC(61));
        assert_true(kit_take(k, &g));
        assert_int_equal(g.len, 1);
    }
    pass(k, LA_SEC(61));
    fired(k, "R2_REACHED", 1);
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_RETRANSMISSION_LIMIT);
    kit_end(k);
}

/* A user timeout is about silence: a window that is closed for longer ends nothing, nor does its
 * opening, and then the time begins anew.  Probes that nobody answers do (§3.10.8). */
static void probes_and_a_user_timeout(void **state)
{
    struct kit *k = in_established(PLAIN);
    la_ns since = 0;
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_USER_TIMEOUT_MS, 5000, k->now), LA_OK);
    acknowledge(k, k->una, KIT_CLOSED);
    assert_int_equal(kit_send(k, 100, 0), 100);
    for (unsigned i = 0; i < 5; i++) {
        wait_for_segment(k, LA_SEC(61));
        since = k->now;
        (void)expect_text(k, A, k->una, k->rcv, 1);
        if (i < 4)
            acknowledge(k, k->una, KIT_CLOSED);
    }
    k->nxt = k->una + 1;
    pass(k, LA_MSEC(4900)); /* the last one was not answered */
    expect_state(k, LA_ESTABLISHED);
    acknowledge(k, k->una, WND);
    la_ns opened = k->now;
    assert_true(opened - since > LA_SEC(4));
    (void)expect_text(k, P | A, k->una, k->rcv, 100);
    k->nxt = k->una + 100;
    struct seg g;
    while (k->now < opened + LA_MSEC(4900)) {
        pass(k, LA_MSEC(100));
        (void)kit_take(k, &g);
        expect_state(k, LA_ESTABLISHED);
    }
    acknowledge(k, k->nxt, KIT_CLOSED);
    expect_state(k, LA_ESTABLISHED);
    pass(k, LA_SEC(3600));
    assert_int_equal(kit_send(k, 100, 0), 100);
    wait_for_segment(k, LA_SEC(61));
    since = k->now;
    (void)expect_text(k, A, k->una, k->rcv, 1);
    k->nxt++;
    while (k->now < since + LA_SEC(5)) {
        expect_state(k, LA_ESTABLISHED);
        pass(k, LA_MSEC(100));
        (void)kit_take(k, &g);
    }
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_USER_TIMEOUT);
    kit_end(k);
}

/* MUST-21: R2 may be never. */
static void probes_for_ever(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_USER_TIMEOUT_MS, -1, k->now), LA_OK);
    acknowledge(k, k->una, KIT_CLOSED);
    assert_int_equal(kit_send(k, 100, 0), 100);
    for (unsigned i = 0; i < 300; i++) {
        wait_for_segment(k, LA_SEC(61));
        assert_true(kit_take(k, &g));
    }
    k->nxt++;
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* MUST-34, SHLD-15, SHLD-16, MUST-35, SHLD-17: the peer takes window back that is in use. */
static void peer_shrinks(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay, .rtt = LA_MSEC(100)});
    struct seg g;
    (void)state;
    assert_int_equal(kit_send(k, 10000, 0), 10000);
    while (kit_take(k, &g))
        k->nxt += g.len;
    assert_int_equal(k->nxt - k->una, 10000);
    acknowledge(k, k->una, 2048);
    fired(k, "WND_SHRUNK", 1);
    assert_int_equal(kit_send(k, 1000, 0), 1000);
    expect_quiet(k); /* nothing new (SHLD-15) */
    wait_for_segment(k, LA_MSEC(300));
    (void)expect_text(k, A, k->una, k->rcv, kit_mss(k)); /* within the new window (SHLD-16) */
    expect_quiet(k);
    acknowledge(k, k->una, KIT_CLOSED); /* to zero: probed like any other (MUST-35) */
    fired(k, "WND_SHRUNK", 1);
    for (unsigned i = 0; i < 40; i++) { /* far past R2, while ACKs come (SHLD-17) */
        wait_for_segment(k, LA_SEC(61));
        fired(k, "PERSIST_PROBE", 1);
        (void)expect_text(k, A, k->una, k->rcv, 1);
        acknowledge(k, k->una, KIT_CLOSED);
    }
    acknowledge(k, k->una, WND);
    (void)expect_text(k, A, k->una, k->rcv, kit_mss(k));
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* ---- what small writes lead to ---- */

/* Probes of two closed windows that cross are old to each other, and so are their answers; but what
 * they acknowledge is news, and is taken (C33).  The same with a FIN that comes again. */
static void old_text_with_a_new_ack(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 1});
    k->rcv += 1;
    assert_int_equal(kit_recv(k, 1), 1);
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv - 1, .ack = k->nxt, .len = 1});
    k->una = k->nxt;
    fired(k, "SEQ_OLD_NEW_ACK", 1);
    fired(k, "ACK_ADVANCED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    kit_peer_fin(k);
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt});
    k->una = k->nxt;
    fired(k, "SEQ_OLD_NEW_ACK", 1);
    fired(k, "FIN_RECEIVED", 0);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

/* SHLD-7, MUST-60, MAY-16: small segments wait for the ACK of the one in flight, and merge. */
static void nagle(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 1, 0), 1);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 1);
    k->nxt++;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(kit_send(k, 1, 0), 1);
        expect_quiet(k);
        fired(k, "NAGLE_HELD", 1);
    }
    acknowledge(k, k->nxt, 0);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 5);
    expect_quiet(k);
    kit_end(k);
}

/* MUST-17: off for one connection. */
static void nagle_off(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay});
    (void)state;
    for (unsigned i = 0; i < 5; i++, k->nxt++) {
        assert_int_equal(kit_send(k, 1, 0), 1);
        (void)expect_text(k, P | A, k->nxt, k->rcv, 1);
        fired(k, "NAGLE_HELD", 0);
    }
    kit_end(k);
}

/* SHLD-27: what waited leaves as one segment, with one PSH. */
static void writes_merge(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay});
    (void)state;
    acknowledge(k, k->una, KIT_CLOSED);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(kit_send(k, 100, 0), 100);
    expect_quiet(k);
    acknowledge(k, k->una, WND);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 500);
    expect_quiet(k);
    kit_end(k);
}

/* MUST-38: a sliver of window waits for more, 200 ms at most (C25). */
static void silly_window_refused(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay});
    la_ns before = k->now;
    (void)state;
    acknowledge(k, k->una, 128);
    assert_int_equal(kit_send(k, 1000, 0), 1000);
    expect_quiet(k);
    fired(k, "SWS_HELD", 1);
    wait_for_segment(k, LA_SEC(1));
    assert_int_equal(k->now - before, LA_MSEC(200));
    fired(k, "SWS_OVERRIDE", 1);
    (void)expect_text(k, A, k->nxt, k->rcv, 128);
    expect_quiet(k);
    kit_end(k);
    /* Half of the largest window ever seen is worth a segment (§3.8.6.2.1 (2)). */
    k = in_established((struct how){.tune = no_delay, .wnd = 1024});
    acknowledge(k, k->una, 512);
    assert_int_equal(kit_send(k, 1000, 0), 1000);
    (void)expect_text(k, A, k->nxt, k->rcv, 512);
    fired(k, "SWS_HELD", 0);
    kit_end(k);
}

/* ---- ACKs ---- */

/* MUST-58, MUST-59: a batch is processed whole, then acknowledged once. */
static void batch(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = kit_mss(k)});
        k->rcv += kit_mss(k);
    }
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(right_edge_stays),
        cmocka_unit_test(closed_for_days),
        cmocka_unit_test(no_silly_window),
        cmocka_unit_test(probes),
        cmocka_unit_test(probes_unanswered),
        cmocka_unit_test(probes_and_a_user_timeout),
        cmocka_unit_test(probes_for_ever),
        cmocka_unit_test(nagle_after_a_probe),
        cmocka_unit_test(probe_taken),
        cmocka_unit_test(peer_shrinks),
        cmocka_unit_test(old_text_with_a_new_ack),
        cmocka_unit_test(nagle),
        cmocka_unit_test(nagle_off),
        cmocka_unit_test(writes_merge),
        cmocka_unit_test(silly_window_refused),
        cmocka_unit_test(batch),
    };
    return MATRIX(rows);
}
