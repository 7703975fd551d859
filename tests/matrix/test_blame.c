/* test_blame.c: the fourth law: whose FIN or RST was the first, and why (what close records say). */
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

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(fin_above_a_gap),
        cmocka_unit_test(crossed_above_a_gap),
        cmocka_unit_test(fin_with_unwanted_text),
    };
    return MATRIX(rows);
}
