/* rows_calls.c: calls, timers and ICMP that mean the same in several states (RFC 9293 §3.10.1 to
 * §3.10.6, §3.10.8, §3.9.2.2). */
#include "matrix/rows.h"

static struct kit *enter(void **state, struct how how)
{
    return ((const struct place *)*state)->enter(how);
}

static enum la_state here(void **state)
{
    return ((const struct place *)*state)->state;
}

/* Something is in flight, if the state allows it: 100 bytes, or the FIN that already is. */
static uint32_t in_flight(struct kit *k, enum la_state st)
{
    if (st != LA_ESTABLISHED && st != LA_CLOSE_WAIT)
        return k->nxt - k->una;
    assert_int_equal(kit_send(k, 100, 0), 100);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 100);
    k->nxt += 100;
    return 100;
}

/* ---- calls ---- */

/* MUST-41, MUST-42: a listener on the connection's port is possible, and leaves it alone. */
void open_passive(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct la_endpoint local = {k->a, A_PORT, -1};
    assert_int_equal(la_listen(k->s, &local, 4, k->now, &k->listener), LA_OK);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

void open_active(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct la_endpoint local = {k->a, A_PORT, -1}, remote = {k->b, B_PORT, -1};
    la_conn other;
    assert_int_equal(la_connect(k->s, k->c, &local, &remote, k->now), LA_EISCONN);
    assert_int_equal(la_socket(k->s, &other), LA_OK);
    assert_int_equal(la_connect(k->s, other, &local, &remote, k->now), LA_EADDRINUSE);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

void send_refused(void **state)
{
    struct kit *k = enter(state, PLAIN);
    assert_int_equal(kit_send(k, 10, 0), LA_EPIPE);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

void receive_nothing(void **state)
{
    struct kit *k = enter(state, PLAIN);
    assert_int_equal(kit_recv(k, 10), LA_EAGAIN);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

/* What was read makes room; the peer hears of it when it is worth a segment (§3.8.6.2.2): not for
 * one octet, but when the window opens again. */
void receive_data(void **state)
{
    struct kit *k = enter(state, PLAIN);
    fill_window(k);
    assert_int_equal(kit_recv(k, 1), 1);
    expect_quiet(k);
    assert_int_equal(kit_recv(k, RCVBUF), RCVBUF - 1);
    struct seg g = expect(k, A, k->nxt, k->rcv);
    assert_int_equal(g.wnd, RCVBUF);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

/* C47: what came before the FIN can still be read, whatever our side has closed; then its end. */
void receive_eof(void **state)
{
    struct kit *k = enter(state, (struct how){.text = 50});
    assert_int_equal(kit_recv(k, 100), 50);
    assert_int_equal(kit_recv(k, 100), 0);
    assert_int_equal(kit_recv(k, 100), 0);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

/* C56: a second CLOSE is no error and sends no second FIN; giving the handle back neither. */
void close_again(void **state)
{
    struct kit *k = enter(state, PLAIN);
    kit_mark(k);
    int err = la_shutdown(k->s, k->c, LA_SHUT_WR, k->now);
    assert_int_equal(err, here(state) == LA_TIME_WAIT ? LA_ENOTCONN : LA_OK);
    fired(k, "CLOSE_FIN", 0);
    expect_quiet(k);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    fired(k, "CLOSE_FIN", 0);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

static void aborted(void **state, bool rst)
{
    struct kit *k = enter(state, PLAIN);
    enum la_state st = here(state);
    kit_mark(k);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    fired(k, "ABORT_CALL", 1);
    fired(k, "RST_SENT", rst);
    if (rst)
        (void)expect(k, R | A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, LA_CLOSED); /* C42: not TIME-WAIT, as §3.5.2 has it */
    struct la_record r = kit_record(k);
    assert_int_equal(r.last_state, st);
    assert_int_equal(r.rst_by, rst ? LA_SIDE_LOCAL : LA_SIDE_NONE);
    assert_int_equal(r.error, LA_ECONNABORTED);
    assert_int_equal(r.ended_by, LA_CAUSE_ABORT);
    if (st == LA_ESTABLISHED || st == LA_SYN_RECEIVED)
        assert_int_equal(r.cause, LA_CAUSE_ABORT); /* else of the first FIN */
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_EBADF);
    kit_end(k);
}
void abort_resets(void **state)
{
    aborted(state, true);
}
void abort_silent(void **state)
{
    aborted(state, false);
}

void status(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct la_status st;
    assert_int_equal(la_status(k->s, k->c, &st), LA_OK);
    assert_int_equal(st.state, here(state));
    assert_int_equal(st.iss, ISS);
    assert_int_equal(st.local.port, A_PORT);
    assert_int_equal(st.remote.port, B_PORT);
    assert_true(la_addr_eq(&st.local.addr, &k->a) && la_addr_eq(&st.remote.addr, &k->b));
    assert_int_equal(st.since, k->now);
    assert_false(st.orphan);
    expect_state(k, here(state));
    kit_end(k);
}

/* ---- time ---- */

/* C44: CLOSED without a segment, when what is oldest was unacknowledged for as long. */
void user_timeout(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct seg g;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_USER_TIMEOUT_MS, 5000, k->now), LA_OK);
    assert_true(in_flight(k, here(state)) > 0);
    la_ns end = k->now + LA_SEC(5);
    while (k->now < end - 1) {
        pass(k, end - 1 - k->now < LA_MSEC(100) ? end - 1 - k->now : LA_MSEC(100));
        while (kit_take(k, &g))
            assert_int_equal(g.seq, k->una);
        expect_state(k, here(state));
    }
    pass(k, 1);
    fired(k, "USER_TIMEOUT", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    struct la_record r = kit_record(k);
    assert_int_equal(r.error, LA_ETIMEDOUT);
    assert_int_equal(r.ended_by, LA_CAUSE_USER_TIMEOUT);
    if (here(state) == LA_ESTABLISHED)
        assert_int_equal(r.cause, LA_CAUSE_USER_TIMEOUT);
    kit_end(k);
}

/* With R = 100 ms RFC 6298 §2.2 gives R + 4 * R/2 = 300 ms; doubled each time, to a minute; R1 at
 * the third, CLOSED at R2 (MUST-20). */
void retransmits(void **state)
{
    struct kit *k = enter(state, (struct how){.rtt = LA_MSEC(100)});
    uint32_t flight = in_flight(k, here(state));
    bool fin = here(state) != LA_ESTABLISHED && here(state) != LA_CLOSE_WAIT;
    la_ns rto = LA_MSEC(300), begin = k->now;
    for (unsigned i = 1; i <= 15; i++, rto = rto * 2 < LA_SEC(60) ? rto * 2 : LA_SEC(60)) {
        la_ns before = k->now;
        wait_for_segment(k, LA_SEC(200));
        assert_int_equal(k->now - before, rto);
        fired(k, "RTO_EXPIRED", 1);
        fired(k, "RETRANSMIT", 1);
        fired(k, "FIN_RETRANSMIT", fin);
        fired(k, "R1_REACHED", i == 3);
        expect_events(k, i == 3 ? LA_EV_ERROR : 0);
        if (fin)
            (void)expect(k, F | A, k->una, k->rcv);
        else
            (void)expect_text(k, P | A, k->una, k->rcv, flight);
        assert_int_equal(kit_status(k).cwnd, kit_mss(k)); /* RFC 5681 §3.1 */
        expect_state(k, here(state));
    }
    pass(k, rto);
    fired(k, "R2_REACHED", 1);
    assert_true(k->now - begin >= LA_SEC(100)); /* SHLD-11 */
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    struct la_record r = kit_record(k);
    assert_int_equal(r.error, LA_ETIMEDOUT);
    assert_int_equal(r.retransmits, 15);
    assert_int_equal(r.fin_retransmits, fin ? 15 : 0);
    kit_end(k);
}

/* The 2MSL timer runs in TIME-WAIT alone. */
void no_2msl(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct la_usage u;
    la_usage(k->s, &u);
    assert_int_equal(u.time_wait, 0);
    assert_int_not_equal(kit_status(k).timer, LA_TIMER_TIME_WAIT);
    kit_end(k);
}

/* ---- ICMP ---- */

/* D3: on an open connection a hard error is only reported. */
void icmp_hard_is_soft(void **state)
{
    struct kit *k = enter(state, PLAIN);
    bool flying = in_flight(k, here(state)) > 0;
    icmp(k, HARD, 0, k->una);
    fired(k, "ICMP_HARD_SYNC", flying);
    fired(k, "ICMP_SEQ", !flying); /* FIN-WAIT-2: nothing that it could be about */
    expect_events(k, flying ? LA_EV_ERROR : 0);
    assert_int_equal(kit_status(k).soft_error, flying ? LA_ECONNREFUSED : LA_OK);
    icmp(k, HARD, 0, k->nxt); /* was never sent: not believed (RFC 5927 §4.1) */
    fired(k, "ICMP_SEQ", 1);
    expect_events(k, 0);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

void icmp_soft(void **state)
{
    static const enum trouble kinds[] = {SOFT, TIME_OUT, PARAMETER};
    for (unsigned i = 0; i < 3; i++) {
        struct kit *k = enter(state, PLAIN);
        icmp(k, kinds[i], 0, k->una);
        fired(k, "ICMP_SOFT", 1);
        expect_events(k, LA_EV_ERROR);
        assert_int_equal(kit_status(k).soft_error, LA_EHOSTUNREACH);
        expect_quiet(k);
        expect_state(k, here(state));
        kit_end(k);
    }
}

/* MUST-55.  IPv6 has no such message. */
void icmp_quench(void **state)
{
    struct kit *k = enter(state, PLAIN);
    bool flying = in_flight(k, here(state)) > 0;
    uint32_t cwnd = kit_status(k).cwnd;
    if (!round_v6()) {
        icmp(k, QUENCH, 0, k->una);
        fired(k, "ICMP_QUENCH", flying);
        fired(k, "ICMP_SEQ", !flying);
        expect_events(k, 0);
    }
    assert_int_equal(kit_status(k).cwnd, cwnd);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

/* Smaller segments, what is out goes again at once, and congestion is not blamed. */
void icmp_too_big(void **state)
{
    struct kit *k = enter(state, PLAIN);
    bool text = here(state) == LA_ESTABLISHED || here(state) == LA_CLOSE_WAIT;
    uint32_t mss = 1300U - (round_v6() ? 60 : 40) - (k->ts ? 12 : 0), sent = 1400;
    if (text) {
        assert_int_equal(kit_send(k, sent, 0), sent);
        (void)expect_text(k, P | A, k->nxt, k->rcv, sent);
        k->nxt += sent;
    }
    uint32_t cwnd = kit_status(k).cwnd;
    bool flying = k->nxt != k->una;
    icmp(k, TOO_BIG, 1300, k->una);
    fired(k, "PMTU_LOWERED", flying);
    fired(k, "ICMP_SEQ", !flying);
    if (text) {
        (void)expect_text(k, A, k->una, k->rcv, mss);
        (void)expect_text(k, P | A, k->una + mss, k->rcv, sent - mss);
    } else if (flying) {
        (void)expect(k, F | A, k->una, k->rcv);
    }
    expect_quiet(k);
    assert_int_equal(kit_status(k).cwnd, cwnd);
    if (flying) {
        assert_int_equal(kit_status(k).pmtu, 1300);
        icmp(k, TOO_BIG, 1400, k->una); /* never up (RFC 5927 §7.2) */
        fired(k, "PMTU_IGNORED", 1);
        assert_int_equal(kit_status(k).pmtu, 1300);
        expect_quiet(k);
    }
    expect_state(k, here(state));
    kit_end(k);
}
