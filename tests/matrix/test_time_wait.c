/* test_time_wait.c: TIME-WAIT (RFC 9293 §3.10.7.4, RFC 1337, RFC 6191): the last ACK can be given
 * again, and nothing of the old connection reaches the next. */
#include "matrix/rows.h"

/* The wait goes on: nothing moved, and it ends when it was to end. */
static void expect_unmoved(struct kit *k, la_ns end)
{
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_TIME_WAIT);
    assert_int_equal(kit_status(k).timer_at, end);
}

/* An entry whose program has gone, some time into the wait. */
static struct kit *waiting(struct how how, la_ns *end)
{
    struct kit *k = in_time_wait(how);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    *end = k->now + 2 * KIT_MSL;
    pass(k, LA_SEC(10));
    expect_unmoved(k, *end);
    return k;
}

/* ---- calls ---- */

/* C57: the handle goes, the wait stays. */
static void abort_call(void **state)
{
    struct kit *k = in_time_wait(PLAIN);
    la_ns end = k->now + 2 * KIT_MSL;
    (void)state;
    kit_mark(k);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    fired(k, "RST_SENT", 0);
    expect_unmoved(k, end);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_EBADF);
    kit_end(k);
}

/* ---- RST: RFC 1337 F1 ---- */

static void seg_rst(void **state)
{
    static const uint32_t outside[] = {-1U, RCVBUF + 1, 0x80000000U}, inside[] = {0, 1, RCVBUF - 2};
    const uint32_t *at = *state ? inside : outside;
    for (unsigned i = 0; i < 3; i++) {
        la_ns end;
        struct kit *k = waiting(PLAIN, &end);
        in(k, (struct seg){.flags = i ? R | A : R, .seq = k->rcv + at[i], .ack = k->nxt});
        fired(k, "TW_RST_IGNORED", 1);
        expect_unmoved(k, end);
        assert_int_equal(kit_record(k).tw.rst_ignored, 1);
        kit_end(k);
    }
}
static void rst_outside_ignored(void **state)
{
    *state = NULL;
    seg_rst(state);
}
static void rst_inside_ignored(void **state)
{
    static int inside;
    *state = &inside;
    seg_rst(state);
}

/* ---- SYN: RFC 6191 ---- */

struct reuse {
    bool old_ts;   /* the old connection had timestamps */
    bool ts;       /* the SYN has */
    int32_t newer; /* its TSval, from the last of the old connection */
    int32_t seq;   /* from RCV.NXT; the old FIN was one before */
    bool accepted;
};

/* Whoever listens, SYNs of a new incarnation are told from old ones. */
static void reuse(const struct reuse *r)
{
    struct kit *k = in_time_wait((struct how){.bare = true, .offer_ts = r->old_ts});
    kit_listen(k);
    uint32_t last_ts = k->tsval;
    pass(k, LA_SEC(1));
    in(k, (struct seg){.flags = S,
                       .seq = k->rcv + (uint32_t)r->seq,
                       .ack = 0,
                       .opts = {.has_mss = true,
                                .mss = 1000,
                                .has_ts = r->ts,
                                .tsval = last_ts + (uint32_t)r->newer}});
    fired(k, "TW_SYN_ACCEPTED", r->accepted);
    fired(k, "TW_SYN_REFUSED", !r->accepted);
    if (!r->accepted) { /* C49 */
        (void)expect(k, A, k->nxt, k->rcv);
        expect_state(k, LA_TIME_WAIT);
        assert_int_equal(kit_record(k).tw.syn_refused, 1);
        kit_end(k);
        return;
    }
    struct seg g;
    assert_true(kit_take(k, &g));
    assert_int_equal(g.flags, S | A);
    assert_int_equal(g.ack, k->rcv + (uint32_t)r->seq + 1);
    assert_true(seq_gt(seq(g.seq), seq(k->nxt))); /* MAY-2 (1): above all that was used */
    assert_int_equal(kit_status(k).state, LA_SYN_RECEIVED);
    k->ts = r->ts;
    if (r->newer > 0)
        k->tsval = last_ts + (uint32_t)r->newer;
    in(k, (struct seg){.flags = A, .seq = k->rcv + (uint32_t)r->seq + 1, .ack = g.seq + 1});
    fired(k, "PASSIVE_OPEN", 1);
    struct la_record old = kit_record(k);
    assert_true(old.tw.reused);
    assert_int_equal(old.closed, k->now);
    kit_end(k);
}

static void syn_newer_ts(void **state)
{
    (void)state;
    reuse(&(struct reuse){true, true, 1, -1000, true});
    reuse(&(struct reuse){true, true, -1, 1000, false});
    reuse(&(struct reuse){true, true, 0x7fffffff, -1, true});
}
static void syn_equal_ts(void **state)
{
    (void)state;
    reuse(&(struct reuse){true, true, 0, 0, true});
    reuse(&(struct reuse){true, true, 0, -1, false}); /* the old FIN's own number */
}
static void syn_without_its_ts(void **state)
{
    (void)state;
    reuse(&(struct reuse){true, false, 0, 0, true});
    reuse(&(struct reuse){true, false, 0, -1, false});
}
static void syn_with_new_ts(void **state)
{
    (void)state;
    reuse(&(struct reuse){false, true, 1, -100000, true});
}
static void syn_above(void **state)
{
    (void)state;
    reuse(&(struct reuse){false, false, 0, 0, true});
    reuse(&(struct reuse){false, false, 0, 100000, true});
}
static void syn_refused(void **state)
{
    (void)state;
    reuse(&(struct reuse){false, false, 0, -1, false});
    reuse(&(struct reuse){false, false, 0, -100000, false});
    la_ns end;
    struct kit *k = waiting(PLAIN, &end); /* nobody listens */
    in(k, (struct seg){.flags = S, .seq = k->rcv + 10, .opts = kit_syn_options(k)});
    fired(k, "TW_SYN_REFUSED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = S | A, .seq = k->rcv + 10, .ack = k->nxt});
    fired(k, "TW_SYN_REFUSED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_unmoved(k, end);
    kit_end(k);
}

/* MAY-2 (2): the SYN was an old duplicate after all, and its sender refuses our SYN,ACK. */
static void syn_was_old(void **state)
{
    struct kit *k = in_time_wait((struct how){.bare = true});
    la_ns end = k->now + 2 * KIT_MSL;
    struct seg g;
    (void)state;
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    kit_listen(k);
    in(k, (struct seg){.flags = S, .seq = k->rcv + 10, .opts = kit_syn_options(k)});
    assert_true(kit_take(k, &g));
    in(k, (struct seg){.flags = R, .seq = k->rcv + 11});
    fired(k, "EMBRYO_RST", 1);
    fired(k, "TW_SYN_WAS_OLD", 1);
    expect_unmoved(k, end);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt}); /* and it answers */
    (void)expect(k, A, k->nxt, k->rcv);
    kit_end(k);
}

/* C59: nobody answers the old SYN's SYN,ACK, and TIME-WAIT ends meanwhile, at its time.  What is
 * left half open for up to 63 s harms nobody: the old connection's segments do not open it, and a
 * new SYN of the peer's takes its place. */
static void outlived_by_an_old_syn(void **state)
{
    la_ns end;
    struct kit *k = waiting((struct how){.bare = true}, &end);
    struct seg g;
    (void)state;
    kit_listen(k);
    in(k, (struct seg){.flags = S, .seq = k->rcv + 1000, .opts = {.has_mss = true, .mss = 1000}});
    fired(k, "TW_SYN_ACCEPTED", 1);
    assert_true(kit_take(k, &g));
    assert_int_equal(g.flags, S | A);
    assert_true(seq_gt(seq(g.seq), seq(k->nxt)));
    pass(k, end - k->now - 1);
    fired(k, "TW_EXPIRED", 0);
    pass(k, 1);
    fired(k, "TW_EXPIRED", 1);
    struct la_record r = kit_record(k);
    assert_int_equal(r.closed, end);
    assert_false(r.tw.reused);
    assert_int_equal(kit_status(k).state, LA_SYN_RECEIVED);
    while (kit_take(k, &g))
        assert_int_equal(g.flags, S | A);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv + 1001, .ack = k->nxt, .len = 10});
    fired(k, "EMBRYO_BAD_ACK", 1);
    (void)expect(k, R, k->nxt, 0);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt});
    fired(k, "SEQ_OUT_OF_WINDOW", 1);
    (void)expect(k, A, g.seq + 1, k->rcv + 1001);
    in(k, (struct seg){.flags = S, .seq = k->rcv + 5000, .opts = {.has_mss = true, .mss = 1000}});
    fired(k, "EMBRYO_SYN_IN_WINDOW", 1);
    expect_quiet(k);
    in(k, (struct seg){.flags = S, .seq = k->rcv + 5000, .opts = {.has_mss = true, .mss = 1000}});
    fired(k, "LISTEN_SYN", 1);
    assert_true(kit_take(k, &g));
    assert_int_equal(g.ack, k->rcv + 5001);
    kit_end(k);
}

/* ---- ACK, URG, text ---- */

static void silent(uint8_t flags, uint32_t ack, const char *rule)
{
    la_ns end;
    struct kit *k = waiting(PLAIN, &end);
    in(k,
       (struct seg){.flags = flags, .seq = k->rcv, .ack = k->nxt + ack, .up = flags & U ? 9 : 0});
    fired(k, rule, 1);
    expect_unmoved(k, end);
    assert_int_equal(kit_record(k).tw.old_segments, 1);
    kit_end(k);
}
static void ack_ok(void **state)
{
    (void)state;
    silent(A, 0, "TW_ACK_IGNORED"); /* C52 */
}
static void ack_bad(void **state)
{
    (void)state; /* C52 too: whatever it acknowledges, an answer could be answered */
    silent(A, 1, "TW_ACK_IGNORED");
    silent(A, -WND - 10U, "TW_ACK_IGNORED");
}
static void urg_nothing(void **state)
{
    (void)state;
    silent(U | A, 0, "TW_ACK_IGNORED");
}
static void without_ack(void **state)
{
    (void)state;
    silent(0, 0, "TW_NOACK");
    silent(F, 0, "TW_NOACK");
    silent(P | U, 0, "TW_NOACK");
}

static void data(void **state)
{
    la_ns end;
    struct kit *k = waiting(PLAIN, &end);
    (void)state;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    fired(k, "TW_OLD_SEGMENT", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_unmoved(k, end);
    kit_end(k);
}

/* C58: whatever is answered announces the window of the last ACK; one of 0 would have a peer that
 * has lost that ACK wait for it to open. */
static void window_is_kept(void **state)
{
    static const uint32_t text[] = {0, 8192, RCVBUF};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct kit *k = in_fin_wait_2(PLAIN);
        in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->nxt, .len = text[i]});
        k->rcv += text[i] + 1;
        uint32_t wnd = expect(k, A, k->nxt, k->rcv).wnd;
        expect_state(k, LA_TIME_WAIT);
        assert_int_equal(wnd,
                         text[i] < RCVBUF ? RCVBUF - text[i] - 1 : 0); /* as the FIN found it */
        in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt});
        fired(k, "TW_FIN_AGAIN", 1);
        assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, wnd);
        in(k, (struct seg){.flags = P | A, .seq = k->rcv - 11, .ack = k->nxt, .len = 10});
        fired(k, "TW_OLD_SEGMENT", 1);
        assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, wnd);
        in(k, (struct seg){.flags = S, .seq = k->rcv - 1000});
        fired(k, "TW_SYN_REFUSED", 1);
        assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, wnd);
        kit_end(k);
    }
}

/* From CLOSING too, where the ACK left before. */
static void window_is_kept_from_closing(void **state)
{
    struct kit *k = in_fin_wait_1(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una, .len = 8192});
    k->rcv += 8193;
    uint32_t wnd = expect(k, A, k->nxt, k->rcv).wnd;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    expect_quiet(k);
    expect_state(k, LA_TIME_WAIT);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt});
    assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, wnd);
    kit_end(k);
}

/* Our last ACK was lost.  Each time it is given again, and 2MSL begins anew (C51). */
static void fin_again_restarts(void **state)
{
    la_ns end;
    struct kit *k = waiting((struct how){.text = 20}, &end);
    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        bool text = i == 2; /* the last text again with it */
        in(k, (struct seg){.flags = F | A,
                           .seq = k->rcv - (text ? 21 : 1),
                           .ack = k->nxt,
                           .len = text ? 20 : 0});
        fired(k, "TW_FIN_AGAIN", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        end = k->now + 2 * KIT_MSL;
        expect_unmoved(k, end);
        pass(k, LA_SEC(50));
        expect_unmoved(k, end);
    }
    pass(k, LA_SEC(10));
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.tw.restarts, 3);
    assert_int_equal(r.in_state[LA_TIME_WAIT], LA_SEC(10 + 50 + 50 + 60));
    kit_end(k);
}

static void outside(void **state)
{
    la_ns end;
    struct kit *k = waiting(PLAIN, &end);
    (void)state;
    in(k, (struct seg){.flags = P | A, .seq = k->rcv - 100, .ack = k->nxt, .len = 10});
    fired(k, "TW_OLD_SEGMENT", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv + 2 * RCVBUF, .ack = k->nxt, .len = 10});
    fired(k, "TW_OLD_SEGMENT", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv - 1, .ack = k->nxt}); /* a keep-alive probe */
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv - 1, .ack = k->nxt}); /* pure ACKs: limited */
    fired(k, "CHALLENGE_LIMITED", 1);
    expect_unmoved(k, end);
    kit_end(k);
}

/* ---- time ---- */

static void keep_alive(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_KEEPALIVE, 1, now), LA_OK);
    assert_int_equal(la_setopt(s, c, LA_OPT_KEEPIDLE_MS, 1000, now), LA_OK);
    assert_int_equal(la_setopt(s, c, LA_OPT_USER_TIMEOUT_MS, 5000, now), LA_OK);
}

/* All other timers are off, also those that the program asked for: silence until 2MSL. */
static void no_other_timer(void **state)
{
    struct kit *k = in_time_wait((struct how){.tune = keep_alive});
    la_ns end = k->now + 2 * KIT_MSL;
    (void)state;
    for (int i = 0; i < 59; i++) {
        pass(k, LA_SEC(1));
        expect_quiet(k);
        expect_events(k, 0);
    }
    expect_unmoved(k, end);
    assert_int_equal(la_deadline(k->s), end);
    kit_end(k);
}

static void expiry(void **state)
{
    struct kit *k = in_time_wait(PLAIN);
    la_ns end = k->now + 2 * KIT_MSL; /* a whole microsecond here, so exact */
    (void)state;
    pass(k, 2 * KIT_MSL - 1);
    fired(k, "TW_EXPIRED", 0);
    expect_unmoved(k, end);
    pass(k, 1);
    fired(k, "TW_EXPIRED", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.closed, end);
    assert_int_equal(r.in_state[LA_TIME_WAIT], 2 * KIT_MSL);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->nxt});
    (void)expect(k, R, k->nxt, 0); /* nobody any more */
    kit_end(k);
}

/* ---- no room ---- */

/* C53 */
static void evicted(void **state)
{
    struct kit *k = in_time_wait((struct how){.max_time_wait = 1, .bare = true});
    struct la_endpoint here = {k->a, A_PORT + 1, -1}, there = {k->b, B_PORT, -1};
    la_conn other;
    struct seg g;
    (void)state;
    assert_int_equal(la_socket(k->s, &other), LA_OK);
    assert_int_equal(la_connect(k->s, other, &here, &there, k->now), LA_OK);
    assert_true(kit_take(k, &g));
    in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS + 1, .dport = A_PORT + 1});
    assert_int_equal(la_shutdown(k->s, other, LA_SHUT_WR, k->now), LA_OK);
    in(k, (struct seg){.flags = F | A, .seq = IRS + 1, .ack = ISS + 1, .dport = A_PORT + 1});
    while (kit_take(k, &g))
        ;
    in(k, (struct seg){.flags = A, .seq = IRS + 2, .ack = ISS + 2, .dport = A_PORT + 1});
    fired(k, "TW_EVICTED", 1);
    expect_state(k, LA_CLOSED);
    assert_true(kit_record(k).tw.evicted);
    kit_end(k);
}

static void no_memory(void **state)
{
    struct kit *k = in_fin_wait_2(PLAIN);
    (void)state;
    k->refuse = true;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "TW_NO_MEMORY", 1);
    fired(k, "SEND_NO_MEMORY", 1); /* not even for the ACK: B's FIN will meet CLOSED */
    k->refuse = false;
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.closed, k->now);
    assert_int_equal(r.error, LA_OK);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("TIME-WAIT/OPEN-passive", open_passive, place_time_wait),
        SHARED("TIME-WAIT/OPEN-active", open_active, place_time_wait),
        SHARED("TIME-WAIT/SEND", send_refused, place_time_wait),
        SHARED("TIME-WAIT/RECEIVE", receive_eof, place_time_wait),
        SHARED("TIME-WAIT/CLOSE", close_again, place_time_wait),
        ROW("TIME-WAIT/ABORT", abort_call),
        SHARED("TIME-WAIT/STATUS", status, place_time_wait),
        ROW("TIME-WAIT/SEG-RST/outside", rst_outside_ignored),
        ROW("TIME-WAIT/SEG-RST/in-window", rst_inside_ignored),
        ROW("TIME-WAIT/SEG-SYN/newer-ts", syn_newer_ts),
        ROW("TIME-WAIT/SEG-SYN/equal-ts", syn_equal_ts),
        ROW("TIME-WAIT/SEG-SYN/ts-gone", syn_without_its_ts),
        ROW("TIME-WAIT/SEG-SYN/ts-new", syn_with_new_ts),
        ROW("TIME-WAIT/SEG-SYN/no-ts", syn_above),
        ROW("TIME-WAIT/SEG-SYN/refused", syn_refused),
        ROW("TIME-WAIT/SEG-SYN/was-old", syn_was_old),
        ROW("TIME-WAIT/SEG-ACK-ok", ack_ok),
        ROW("TIME-WAIT/SEG-ACK-bad", ack_bad),
        ROW("TIME-WAIT/SEG-URG", urg_nothing),
        ROW("TIME-WAIT/SEG-DATA", data),
        ROW("TIME-WAIT/SEG-FIN", fin_again_restarts),
        ROW("TIME-WAIT/SEG-OOW", outside),
        ROW("TIME-WAIT/SEG-noACK", without_ack),
        ROW("TIME-WAIT/T-USER", no_other_timer),
        ROW("TIME-WAIT/T-RTX", no_other_timer),
        ROW("TIME-WAIT/T-TIMEWAIT", expiry),
        cmocka_unit_test(outlived_by_an_old_syn),
        cmocka_unit_test(window_is_kept),
        cmocka_unit_test(window_is_kept_from_closing),
        cmocka_unit_test(evicted),
        cmocka_unit_test(no_memory),
    };
    return MATRIX(rows);
}
