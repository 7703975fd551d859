/* test_blame.c: the fourth law: whose FIN or RST was the first, and why (what close records say).
 */
#include "matrix/rows.h"

/* C60: text before B's FIN is lost; A's FIN leaves before it comes again. */
static void fin_above_a_gap(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 10, .ack = k->una, .len = 5});
    fired(k, "FIN_ABOVE_GAP", 1);
    la_ns came = k->now;
    struct seg g;
    while (kit_take(k, &g))
        assert_int_equal(g.ack, k->rcv);
    assert_int_equal(kit_status(k).first_fin, LA_SIDE_PEER);
    pass(k, LA_MSEC(100));
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    (void)expect(k, F | A, k->nxt, k->rcv);
    k->nxt++;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    k->rcv += 16;
    fired(k, "FIN_RECEIVED", 1);
    expect_state(k, LA_TIME_WAIT);
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_PEER);
    assert_int_equal(r.cause, LA_CAUSE_PEER_FIN);
    assert_int_equal(r.first_fin_at, came);
    while (kit_take(k, &g))
        assert_int_equal(g.ack, k->rcv);
    kit_end(k);
}

/* The FINs crossed, though what lay before B's came only after the ACK of A's. */
static void crossed_above_a_gap(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    struct seg g;
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 10, .ack = k->una, .len = 5});
    fired(k, "FIN_ABOVE_GAP", 1);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    k->rcv += 16;
    expect_state(k, LA_TIME_WAIT);
    assert_int_equal(kit_record(k).first_fin, LA_SIDE_BOTH);
    while (kit_take(k, &g))
        assert_int_equal(g.flags, A);
    kit_end(k);
}

/* Text with a FIN that comes after close draws a RST; the FIN was on the wire before it. */
static void fin_with_unwanted_text(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = KIT_CLOSED});
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    expect_quiet(k); /* text and FIN wait for the window */
    in(k, (struct seg){
              .flags = F | P | A, .seq = k->rcv, .ack = k->una, .len = 10, .wnd = KIT_CLOSED});
    fired(k, "TEXT_AFTER_CLOSE", 1);
    (void)expect(k, R, k->una, 0);
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_PEER);
    assert_int_equal(r.rst_by, LA_SIDE_LOCAL);
    assert_false(kit_take(k, &g));
    kit_end(k);
}

/* A FIN that the stream goes on beyond was none, whether A's has left since or not. */
static void no_fin_after_all(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct kit *k = in_established(PLAIN);
        struct seg g;
        in(k, (struct seg){.flags = F | A, .seq = k->rcv + 10, .ack = k->una});
        (void)expect(k, A, k->nxt, k->rcv);
        assert_int_equal(kit_status(k).first_fin, LA_SIDE_PEER);
        pass(k, LA_MSEC(10));
        la_ns left = closes ? k->now : LA_NEVER;
        if (closes)
            kit_shut(k);
        pass(k, LA_MSEC(10));
        in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 20});
        k->rcv += 20;
        assert_int_equal(kit_status(k).first_fin, closes ? LA_SIDE_LOCAL : LA_SIDE_NONE);
        pass(k, LA_MSEC(100));
        while (kit_take(k, &g))
            assert_int_equal(g.ack, k->rcv);
        in(k, (struct seg){.flags = R, .seq = k->rcv});
        struct la_record r = kit_record(k);
        assert_int_equal(r.first_fin, closes ? LA_SIDE_LOCAL : LA_SIDE_NONE);
        assert_int_equal(r.cause, closes ? LA_CAUSE_SHUTDOWN : LA_CAUSE_PEER_RST);
        assert_true(r.first_fin_at == left && r.second_fin_at == LA_NEVER);
        kit_end(k);
    }
}

/* ---- A's FIN counts when it leaves ---- */

/* A connection whose program closed behind a closed window. */
static struct kit *in_kept_fin(void)
{
    struct kit *k = in_established(PLAIN);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = KIT_CLOSED});
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    expect_quiet(k);
    expect_state(k, LA_FIN_WAIT_1);
    struct la_status st = kit_status(k);
    assert_true(st.first_fin == LA_SIDE_NONE && st.cause == LA_CAUSE_NONE);
    return k;
}

static void never_left(void **state)
{
    struct kit *k = in_kept_fin();
    (void)state;
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_NONE);
    assert_int_equal(r.cause, LA_CAUSE_PEER_RST);
    assert_true(r.first_fin_at == LA_NEVER && r.second_fin_at == LA_NEVER);
    kit_end(k);
}

/* In LAST-ACK too: only B's FIN was on the wire. */
static void never_left_in_last_ack(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv++, .ack = k->una, .wnd = KIT_CLOSED});
    la_ns came = k->now;
    (void)expect(k, A, k->nxt, k->rcv);
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    expect_state(k, LA_LAST_ACK);
    pass(k, LA_MSEC(10));
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_PEER);
    assert_int_equal(r.cause, LA_CAUSE_PEER_FIN);
    assert_int_equal(r.first_fin_at, came);
    assert_true(r.second_fin_at == LA_NEVER);
    kit_end(k);
}

static void left_later(void **state)
{
    struct kit *k = in_kept_fin();
    (void)state;
    pass(k, LA_MSEC(50));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una});
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    la_ns left = k->now;
    k->nxt += 11;
    assert_int_equal(kit_status(k).first_fin, LA_SIDE_LOCAL);
    pass(k, LA_MSEC(50));
    in(k, (struct seg){.flags = F | A, .seq = k->rcv++, .ack = k->nxt});
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_TIME_WAIT);
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_LOCAL);
    assert_int_equal(r.cause, LA_CAUSE_SHUTDOWN);
    assert_int_equal(r.first_fin_at, left);
    assert_int_equal(r.second_fin_at, k->now);
    kit_end(k);
}

/* The peer's comes while ours waits. */
static void overtaken(void **state)
{
    struct kit *k = in_kept_fin();
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv++, .ack = k->una});
    fired(k, "FIN_RECEIVED", 1);
    la_ns came = k->now;
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    k->nxt += 11;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    expect_state(k, LA_TIME_WAIT);
    struct la_record r = kit_record(k);
    assert_int_equal(r.first_fin, LA_SIDE_PEER);
    assert_int_equal(r.cause, LA_CAUSE_PEER_FIN);
    assert_int_equal(r.first_fin_at, came);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(fin_above_a_gap),
        cmocka_unit_test(crossed_above_a_gap),
        cmocka_unit_test(fin_with_unwanted_text),
        cmocka_unit_test(no_fin_after_all),
        cmocka_unit_test(never_left),
        cmocka_unit_test(never_left_in_last_ack),
        cmocka_unit_test(left_later),
        cmocka_unit_test(overtaken),
    };
    return MATRIX(rows);
}
