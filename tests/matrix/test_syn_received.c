/* test_syn_received.c: SYN-RECEIVED, from LISTEN (an embryo) and by simultaneous open (a
 * connection): MUST-11 has them remember which. */
#include "matrix/rows.h"

static const struct how both[] = {{.passive = false}, {.passive = true}};

/* The half-open connection is there, exactly as before, and nothing happened to the program. */
static void expect_unmoved(struct kit *k)
{
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_SYN_RECEIVED);
}

/* B's ACK of our SYN, perhaps with something on it. */
static void finish(struct kit *k, struct seg g)
{
    g.flags |= A;
    g.seq = k->rcv;
    g.ack = k->nxt;
    in(k, g);
    k->una = k->nxt;
    fired(k, k->how.passive ? "PASSIVE_OPEN" : "ESTABLISHED_BY_ACK", 1);
}

/* ---- calls ---- */

static void open_passive_beside(void **state)
{
    struct kit *k = in_syn_received(both[1]);
    struct la_endpoint here = {k->a, A_PORT, -1};
    la_conn other;
    (void)state;
    assert_int_equal(la_listen(k->s, &here, 4, k->now, &other), LA_EADDRINUSE); /* C11 */
    expect_unmoved(k);
    kit_end(k);
    k = in_syn_received(both[0]);
    assert_int_equal(la_listen(k->s, &here, 4, k->now, &k->listener), LA_OK);
    expect_unmoved(k);
    kit_end(k);
}

static void send_waits(void **state)
{
    struct kit *k = in_syn_received(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    expect_unmoved(k);
    finish(k, (struct seg){0});
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    kit_end(k);
}

/* C9: nothing queued: FIN at once, before our SYN is acknowledged. */
static void close_idle(void **state)
{
    struct kit *k = in_syn_received(PLAIN);
    (void)state;
    kit_mark(k);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    fired(k, "CLOSE_FIN", 1);
    (void)expect(k, F | A, k->nxt, k->rcv);
    k->nxt++;
    expect_quiet(k);
    expect_state(k, LA_FIN_WAIT_1);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt}); /* both at once */
    k->una = k->nxt;
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
}

static void close_queued(void **state)
{
    struct kit *k = in_syn_received(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    expect_unmoved(k);
    finish(k, (struct seg){0});
    expect_state(k, LA_FIN_WAIT_1);
    (void)expect_text(k, F | P | A, k->nxt, k->rcv, 10);
    kit_end(k);
}

/* ---- RST ---- */

static void seg_rst_outside(void **state)
{
    static const uint32_t out[] = {0, RCVBUF + 1, 0x80000000U};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct kit *k = in_syn_received(both[i / 3]);
        in(k, (struct seg){.flags = R | A, .seq = IRS + out[i % 3], .ack = k->nxt});
        fired(k, "SEQ_OUT_RST", 1);
        expect_unmoved(k);
        kit_end(k);
    }
}

static void rst_exact_passive(void **state)
{
    struct kit *k = in_syn_received(both[1]);
    (void)state;
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    fired(k, "EMBRYO_RST", 1);
    expect_quiet(k);
    expect_events(k, 0); /* C7: nobody hears, and the listener is untouched */
    expect_state(k, LA_LISTEN);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_PEER_RST);
    in(k, (struct seg){.flags = S, .seq = IRS + 7, .opts = kit_syn_options(k)});
    (void)expect(k, S | A, ISS, IRS + 8);
    kit_end(k);
}

static void rst_exact_active(void **state)
{
    struct kit *k = in_syn_received(both[0]);
    (void)state;
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    fired(k, "RST_EXACT", 1);
    expect_quiet(k);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_recv(k, 1), LA_ECONNREFUSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_REFUSED);
    kit_end(k);
}

static void seg_rst_in_window(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* C6 */
        struct kit *k = in_syn_received(both[i]);
        in(k, (struct seg){.flags = R, .seq = k->rcv + 1});
        fired(k, "RST_IN_WINDOW", 1);
        fired(k, "CHALLENGE_ACK", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        in(k, (struct seg){.flags = R, .seq = k->rcv + RCVBUF - 1});
        fired(k, "CHALLENGE_LIMITED", 1);
        expect_unmoved(k);
        kit_end(k);
    }
}

/* ---- SYN ---- */

static void syn_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* C3 */
        struct kit *k = in_syn_received(both[i]);
        in(k, (struct seg){.flags = S, .seq = IRS, .opts = kit_syn_options(k)});
        fired(k, "EMBRYO_SYN_AGAIN", 1);
        (void)expect(k, S | A, ISS, IRS + 1);
        expect_unmoved(k);
        kit_end(k);
    }
}

static void syn_in_window_passive(void **state)
{
    struct kit *k = in_syn_received(both[1]);
    (void)state;
    in(k, (struct seg){.flags = S, .seq = k->rcv + 10, .opts = kit_syn_options(k)});
    fired(k, "EMBRYO_SYN_IN_WINDOW", 1); /* C5 */
    expect_quiet(k);
    expect_state(k, LA_LISTEN);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_PROTOCOL);
    kit_end(k);
}

static void syn_in_window_active(void **state)
{
    struct kit *k = in_syn_received(both[0]);
    (void)state;
    in(k, (struct seg){.flags = S, .seq = k->rcv + 10, .opts = kit_syn_options(k)});
    fired(k, "SYN_IN_SYNC", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_unmoved(k);
    kit_end(k);
}

/* C1, figure 7. */
static void syn_crossed(void **state)
{
    struct kit *k = in_syn_received(both[0]);
    (void)state;
    in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = k->nxt, .opts = kit_syn_options(k)});
    k->una = k->nxt;
    fired(k, "CROSSED_SYNACK", 1);
    fired(k, "ESTABLISHED_BY_ACK", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE);
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
    k = in_syn_received(both[0]); /* it acknowledges something else: no such thing */
    in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS, .opts = kit_syn_options(k)});
    fired(k, "CROSSED_SYNACK", 0);
    fired(k, "SEQ_OUT_OF_WINDOW", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_unmoved(k);
    kit_end(k);
}

/* ---- ACK ---- */

static void ack_ok(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        finish(k, (struct seg){.wnd = 2560});
        expect_quiet(k);
        expect_events(k, i ? LA_EV_ACCEPT : LA_EV_CONNECTED | LA_EV_WRITABLE);
        expect_state(k, LA_ESTABLISHED);
        assert_int_equal(kit_status(k).snd_wnd, 2560); /* scaled now */
        kit_end(k);
    }
}

static void ack_bad(void **state)
{
    static const uint32_t bad[] = {ISS, ISS + 2, ISS - 100, ISS + 0x70000000U};
    (void)state;
    for (unsigned i = 0; i < 8; i++) { /* C4 */
        struct kit *k = in_syn_received(both[i / 4]);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = bad[i % 4], .len = 10});
        fired(k, i / 4 ? "EMBRYO_BAD_ACK" : "ACK_SYNRCVD_BAD", 1);
        (void)expect(k, R, bad[i % 4], 0);
        expect_unmoved(k);
        kit_end(k);
    }
}

/* ---- what comes with the ACK counts as in ESTABLISHED ---- */

static void rider(struct seg g, uint32_t takes, enum la_state then, uint32_t events)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        finish(k, g);
        k->rcv += takes;
        expect_state(k, then);
        if (i) {
            expect_events(k, LA_EV_ACCEPT);
            kit_accept(k);
            kit_events(k, LA_EV_ACCEPT | events, __FILE__, __LINE__); /* told now */
        } else {
            expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE | events);
        }
        wait_for_segment(k, LA_MSEC(40));
        (void)expect(k, A, k->nxt, k->rcv);
        assert_int_equal(kit_recv(k, 100), g.len);
        kit_end(k);
    }
}
static void urg_ack(void **state)
{
    (void)state;
    rider((struct seg){.flags = U | A, .len = 10, .up = 5}, 10, LA_ESTABLISHED,
          LA_EV_READABLE | LA_EV_URGENT);
}
static void data_ack(void **state)
{
    (void)state;
    rider((struct seg){.flags = P | A, .len = 10}, 10, LA_ESTABLISHED, LA_EV_READABLE);
}
static void fin_ack(void **state)
{
    (void)state;
    rider((struct seg){.flags = F | A, .len = 10}, 11, LA_CLOSE_WAIT,
          LA_EV_READABLE | LA_EV_PEER_CLOSED);
}

static void without_ack(uint8_t flags)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        in(k, (struct seg){.flags = flags, .seq = k->rcv, .ack = k->nxt, .len = 10, .up = 1});
        fired(k, "ACK_OFF", 1);
        expect_unmoved(k);
        kit_end(k);
    }
}
static void urg_no_ack(void **state)
{
    (void)state;
    without_ack(U);
}
static void data_no_ack(void **state)
{
    (void)state;
    without_ack(P);
}
static void fin_no_ack(void **state)
{
    (void)state;
    without_ack(F);
}

static void seg_outside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        in(k, (struct seg){.flags = A, .seq = k->rcv + RCVBUF, .ack = k->nxt, .len = 10});
        fired(k, "SEQ_OUT_OF_WINDOW", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        expect_unmoved(k);
        if (k->ts || round_options()) {
            struct tcp_opts old = {.has_ts = true, .tsval = k->tsval - 1};
            in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .len = 10, .opts = old});
            fired(k, "PAWS", 1);
            (void)expect(k, A, k->nxt, k->rcv);
            in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .no_ts = true});
            fired(k, "TS_MISSING", 1);
            expect_unmoved(k);
        }
        kit_end(k);
    }
}

/* ---- time ---- */

static void t_rtx(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        la_ns rto = HALF_OPEN_RTO;
        for (unsigned n = 1; n <= 5; n++, rto *= 2) {
            la_ns before = k->now;
            wait_for_segment(k, LA_SEC(60));
            assert_int_equal(k->now - before, rto);
            fired(k, i ? "EMBRYO_RESEND" : "RTO_EXPIRED", 1);
            fired(k, "R1_REACHED", n == 3);
            (void)expect(k, S | A, ISS, IRS + 1);
            expect_state(k, LA_SYN_RECEIVED);
        }
        kit_end(k);
    }
}

static void t_user(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        la_ns limit = i ? LA_SEC(63) : LA_SEC(180); /* D5, MUST-23 */
        struct seg g;
        pass(k, limit - 1);
        while (kit_take(k, &g))
            assert_int_equal(g.flags, S | A);
        expect_state(k, LA_SYN_RECEIVED);
        pass(k, 1);
        fired(k, i ? "EMBRYO_TIMEOUT" : "SYN_TIMEOUT", 1);
        expect_quiet(k);
        expect_events(k, i ? 0 : LA_EV_CLOSED | LA_EV_READABLE);
        expect_state(k, i ? LA_LISTEN : LA_CLOSED);
        struct la_record r = kit_record(k);
        assert_int_equal(r.cause, LA_CAUSE_SYN_TIMEOUT);
        assert_int_equal(r.error, LA_ETIMEDOUT);
        kit_end(k);
    }
}

/* ---- ICMP ---- */

static void icmp_hard(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        icmp(k, HARD, 0, ISS + 1);
        fired(k, "ICMP_SEQ", 1);
        expect_unmoved(k);
        icmp(k, HARD, 0, ISS);
        fired(k, i ? "EMBRYO_ICMP" : "ICMP_HARD_SYN", 1);
        expect_quiet(k);
        expect_state(k, i ? LA_LISTEN : LA_CLOSED);
        expect_events(k, i ? 0 : LA_EV_CLOSED | LA_EV_READABLE);
        assert_int_equal(kit_record(k).cause, LA_CAUSE_ICMP);
        kit_end(k);
    }
}

static void icmp_soft_or_quench(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = in_syn_received(both[i]);
        icmp(k, SOFT, 0, ISS);
        fired(k, "ICMP_SOFT", 1);
        expect_events(k, i ? 0 : LA_EV_ERROR);
        if (!round_v6()) {
            icmp(k, QUENCH, 0, ISS);
            fired(k, "ICMP_QUENCH", 1);
        }
        kit_mark(k);
        expect_unmoved(k);
        kit_end(k);
    }
}

/* ---- no room: the ACK is dropped, and comes again ---- */

static void accept_queue_full(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = {.flags = S, .seq = IRS, .opts = kit_syn_options(k)}, reply;
    (void)state;
    k->ts = g.opts.has_ts;
    for (unsigned i = 0; i < 5; i++) {
        g.sport = (uint16_t)(7000 + i);
        in(k, g);
        assert_true(kit_take(k, &reply));
    }
    for (unsigned i = 0; i < 5; i++) {
        in(k,
           (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .sport = (uint16_t)(7000 + i)});
        fired(k, "ACCEPT_FULL", i == 4);
        fired(k, "PASSIVE_OPEN", i < 4);
    }
    kit_accept(k);
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .sport = 7004});
    fired(k, "PASSIVE_OPEN", 1);
    expect_quiet(k);
    kit_end(k);
}

static void no_memory(void **state)
{
    struct kit *k = in_syn_received((struct how){.passive = true, .max_conns = 1});
    la_conn taken;
    (void)state;
    assert_int_equal(la_socket(k->s, &taken), LA_OK);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "EMBRYO_NO_MEMORY", 1);
    expect_unmoved(k);
    assert_int_equal(la_close(k->s, taken, k->now), LA_OK);
    finish(k, (struct seg){0});
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* The listener's buffer changes while a connection is half open: it keeps the scale that its
 * SYN,ACK announced, or the peer would read each of our windows for another. */
static void scale_is_kept(void **state)
{
    struct kit *k = in_syn_received((struct how){.passive = true, .offer_ws = true});
    (void)state;
    assert_int_equal(la_setopt(k->s, k->listener, LA_OPT_RCVBUF, 1 << 20, k->now), LA_OK);
    in(k, (struct seg){.flags = S, .seq = IRS, .opts = kit_syn_options(k)}); /* it was lost */
    struct seg g = expect(k, S | A, ISS, IRS + 1);
    assert_true(g.opts.has_wscale);
    assert_int_equal(g.opts.wscale, 0); /* RCVBUF fits 16 bits */
    in(k, (struct seg){.flags = P | A, .seq = IRS + 1, .ack = ISS + 1, .len = 10});
    k->rcv = IRS + 11;
    k->una = k->nxt;
    kit_accept(k);
    pass(k, LA_SEC(1));
    assert_in_range(expect(k, A, k->nxt, k->rcv).wnd, RCVBUF - 10, 65535);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        ROW("SYN-RECEIVED/OPEN-passive", open_passive_beside),
        SHARED("SYN-RECEIVED/OPEN-active", open_active, place_syn_received),
        ROW("SYN-RECEIVED/SEND", send_waits),
        SHARED("SYN-RECEIVED/RECEIVE", receive_nothing, place_syn_received),
        ROW("SYN-RECEIVED/CLOSE/idle", close_idle),
        ROW("SYN-RECEIVED/CLOSE/queued", close_queued),
        SHARED("SYN-RECEIVED/ABORT", abort_resets, place_syn_received),
        SHARED("SYN-RECEIVED/STATUS", status, place_syn_received),
        ROW("SYN-RECEIVED/SEG-RST/outside", seg_rst_outside),
        ROW("SYN-RECEIVED/SEG-RST/exact-passive", rst_exact_passive),
        ROW("SYN-RECEIVED/SEG-RST/exact-active", rst_exact_active),
        ROW("SYN-RECEIVED/SEG-RST/in-window", seg_rst_in_window),
        ROW("SYN-RECEIVED/SEG-SYN/again", syn_again),
        ROW("SYN-RECEIVED/SEG-SYN/in-window-passive", syn_in_window_passive),
        ROW("SYN-RECEIVED/SEG-SYN/in-window-active", syn_in_window_active),
        ROW("SYN-RECEIVED/SEG-SYN/crossed", syn_crossed),
        ROW("SYN-RECEIVED/SEG-ACK-ok", ack_ok),
        ROW("SYN-RECEIVED/SEG-ACK-bad", ack_bad),
        ROW("SYN-RECEIVED/SEG-URG/ack", urg_ack),
        ROW("SYN-RECEIVED/SEG-URG/no-ack", urg_no_ack),
        ROW("SYN-RECEIVED/SEG-DATA/ack", data_ack),
        ROW("SYN-RECEIVED/SEG-DATA/no-ack", data_no_ack),
        ROW("SYN-RECEIVED/SEG-FIN/ack", fin_ack),
        ROW("SYN-RECEIVED/SEG-FIN/no-ack", fin_no_ack),
        ROW("SYN-RECEIVED/SEG-OOW", seg_outside),
        ROW("SYN-RECEIVED/T-USER", t_user),
        ROW("SYN-RECEIVED/T-RTX", t_rtx),
        SHARED("SYN-RECEIVED/T-TIMEWAIT", no_2msl, place_syn_received),
        ROW("SYN-RECEIVED/ICMP-hard", icmp_hard),
        ROW("SYN-RECEIVED/ICMP-soft", icmp_soft_or_quench),
        ROW("SYN-RECEIVED/ICMP-source-quench", icmp_soft_or_quench),
        cmocka_unit_test(accept_queue_full),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(scale_is_kept),
    };
    return MATRIX(rows);
}
