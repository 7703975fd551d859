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

/* ---- why the first, and what ended it (C61) ---- */

static void check_causes(struct kit *k, enum la_side first, enum la_cause cause,
                         enum la_cause ended_by)
{
    struct la_record r = kit_record(k);
    struct seg g;
    assert_int_equal(r.first_fin, first);
    assert_string_equal(la_cause_name((enum la_cause)r.cause), la_cause_name(cause));
    assert_string_equal(la_cause_name((enum la_cause)r.ended_by), la_cause_name(ended_by));
    while (kit_take(k, &g)) {
    }
    kit_end(k);
}

static void set(struct kit *k, enum la_option o, int64_t value)
{
    assert_int_equal(la_setopt(k->s, k->c, o, value, k->now), LA_OK);
}

/* A FIN and its answer: nothing else ended it. */
static void nothing_but_fins(void **state)
{
    struct kit *k = in_last_ack(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    check_causes(k, LA_SIDE_PEER, LA_CAUSE_PEER_FIN, LA_CAUSE_PEER_FIN);
    k = in_time_wait(PLAIN);
    assert_int_equal(kit_status(k).ended_by, LA_CAUSE_SHUTDOWN);
    check_causes(k, LA_SIDE_LOCAL, LA_CAUSE_SHUTDOWN, LA_CAUSE_SHUTDOWN);
}

static void unread_after_fin(void **state)
{
    struct kit *k = in_close_wait((struct how){.text = 10});
    (void)state;
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    check_causes(k, LA_SIDE_PEER, LA_CAUSE_PEER_FIN, LA_CAUSE_UNREAD_DATA);
}

static void keep_alive_after_fin(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    struct seg g;
    (void)state;
    set(k, LA_OPT_KEEPCNT, 2);
    set(k, LA_OPT_KEEPALIVE, 1);
    for (unsigned i = 0; i < 3; i++) {
        wait_for_segment(k, LA_SEC(7201));
        assert_true(kit_take(k, &g));
    }
    assert_int_equal(g.flags, R | A);
    check_causes(k, LA_SIDE_LOCAL, LA_CAUSE_SHUTDOWN, LA_CAUSE_KEEPALIVE);
}

/* After B's FIN the two limits can be told apart. */
static void limits_after_fin(void **state)
{
    (void)state;
    for (int by_time = 0; by_time < 2; by_time++) {
        struct kit *k = in_close_wait(PLAIN);
        struct seg g;
        set(k, LA_OPT_R2, 2);
        if (by_time)
            set(k, LA_OPT_USER_TIMEOUT_MS, 5000);
        assert_int_equal(kit_send(k, 10, 0), 10);
        for (unsigned i = 0; i < 100 && kit_status(k).state == LA_CLOSE_WAIT; i++) {
            while (kit_take(k, &g))
                assert_int_equal(g.seq, k->una);
            pass(k, LA_SEC(1));
        }
        check_causes(k, LA_SIDE_PEER, LA_CAUSE_PEER_FIN,
                     by_time ? LA_CAUSE_USER_TIMEOUT : LA_CAUSE_RETRANSMISSION_LIMIT);
    }
}

static void resets_after_fin(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    check_causes(k, LA_SIDE_LOCAL, LA_CAUSE_SHUTDOWN, LA_CAUSE_PEER_RST);
    k = in_close_wait(PLAIN);
    set(k, LA_OPT_LINGER_MS, 0);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    check_causes(k, LA_SIDE_PEER, LA_CAUSE_PEER_FIN, LA_CAUSE_LINGER_0);
    k = in_fin_wait_2(PLAIN);
    la_abort_all(k->s, k->now);
    check_causes(k, LA_SIDE_LOCAL, LA_CAUSE_SHUTDOWN, LA_CAUSE_STACK_ABORT);
}

/* Before any FIN they are one. */
static void nothing_before(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    check_causes(k, LA_SIDE_NONE, LA_CAUSE_ABORT, LA_CAUSE_ABORT);
    k = in_kept_fin();
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    check_causes(k, LA_SIDE_NONE, LA_CAUSE_PEER_RST, LA_CAUSE_PEER_RST);
    k = in_syn_sent(PLAIN);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    check_causes(k, LA_SIDE_NONE, LA_CAUSE_CLOSE, LA_CAUSE_CLOSE);
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
        cmocka_unit_test(nothing_but_fins),
        cmocka_unit_test(unread_after_fin),
        cmocka_unit_test(keep_alive_after_fin),
        cmocka_unit_test(limits_after_fin),
        cmocka_unit_test(resets_after_fin),
        cmocka_unit_test(nothing_before),
    };
    return MATRIX(rows);
}
