/* rows_segs.c: segments that mean the same in several synchronized states (RFC 9293 §3.10.7.4). */
#include "matrix/rows.h"

/* B may send up to here: nothing was read, and the edge never moves for a few bytes. */
#define EDGE (IRS + 1 + RCVBUF)

static struct kit *enter(void **state, struct how how)
{
    return ((const struct place *)*state)->enter(how);
}

static enum la_state here(void **state)
{
    return ((const struct place *)*state)->state;
}

/* In these states text and FIN of the peer still count. */
static bool receiving(enum la_state st)
{
    return st == LA_ESTABLISHED || st == LA_FIN_WAIT_1 || st == LA_FIN_WAIT_2;
}

/* B's text fills A's window; A's acknowledgments are taken. */
void fill_window(struct kit *k)
{
    struct seg g;
    for (uint32_t left = RCVBUF; left; left -= 1000) {
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 1000});
        k->rcv += 1000;
        while (kit_take(k, &g))
            ;
    }
    pass(k, LA_MSEC(40));
    while (kit_take(k, &g))
        ;
    assert_int_equal(kit_status(k).rcv_wnd, 0);
}

/* ---- RST ---- */

void rst_outside(void **state)
{
    const uint32_t out[] = {-1U, EDGE - IRS - 1, EDGE - IRS + 1000, 0x80000010U};
    struct kit *k = enter(state, PLAIN);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t number = i == 1 || i == 2 ? IRS + 1 + out[i] : k->rcv + out[i];
        in(k, (struct seg){.flags = i & 1 ? R : R | A, .seq = number, .ack = k->nxt});
        fired(k, "SEQ_OUT_RST", 1);
        expect_quiet(k);
        expect_events(k, 0);
        expect_state(k, here(state));
    }
    kit_end(k);
}

/* A challenge carries our own numbers; one each half second (RFC 5961 §3.2, §7). */
void rst_in_window(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct seg g;
    in(k, (struct seg){.flags = R, .seq = k->rcv + 1});
    fired(k, "RST_IN_WINDOW", 1);
    fired(k, "CHALLENGE_ACK", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, here(state));
    in(k, (struct seg){.flags = R, .seq = EDGE - 1});
    fired(k, "RST_IN_WINDOW", 1);
    fired(k, "CHALLENGE_LIMITED", 1);
    expect_quiet(k);
    pass(k, LA_MSEC(500));
    while (kit_take(k, &g)) /* what was in flight may have gone again */
        ;
    in(k, (struct seg){.flags = R | A, .seq = EDGE - 1, .ack = k->nxt});
    fired(k, "CHALLENGE_ACK", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, here(state));
    kit_end(k);
}

static void reset_by(void **state, uint8_t flags, uint32_t len)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = flags, .seq = k->rcv, .ack = k->nxt + 5, .len = len});
    fired(k, "RST_EXACT", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    assert_int_equal(kit_recv(k, 100), receiving(here(state)) ? LA_ECONNRESET : 0); /* MUST-12 */
    assert_int_equal(kit_send(k, 1, 0), LA_ECONNRESET);
    struct la_record r = kit_record(k);
    assert_int_equal(r.rst_by, LA_SIDE_PEER);
    assert_int_equal(r.error, LA_ECONNRESET);
    assert_int_equal(r.last_state, here(state));
    assert_int_equal(r.bytes_received, 0);
    if (here(state) == LA_ESTABLISHED)
        assert_int_equal(r.cause, LA_CAUSE_PEER_RST);
    kit_end(k);
}
void rst_exact(void **state)
{
    reset_by(state, R, 0);
    reset_by(state, R | A, 0); /* its ACK field does not matter */
    reset_by(state, R, 20);    /* SHLD-2: text beside it is allowed, and not delivered */
}

/* ---- SYN ---- */

/* RFC 5961 §4.2: wherever it lies, one challenge, and the connection is as before. */
void syn_challenged(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        struct kit *k = enter(state, PLAIN);
        const uint32_t at[] = {k->rcv, IRS, EDGE + 5, k->rcv + 100};
        in(k, (struct seg){.flags = i & 1 ? S : S | A,
                           .seq = at[i],
                           .ack = k->nxt,
                           .opts = kit_syn_options(k)});
        fired(k, "SYN_IN_SYNC", i == 0 || i == 3);
        fired(k, "SEQ_OUT_OF_WINDOW", i == 1 || i == 2);
        fired(k, "CHALLENGE_ACK", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        expect_quiet(k);
        expect_events(k, 0);
        expect_state(k, here(state));
        in(k, (struct seg){.flags = S, .seq = at[i], .opts = kit_syn_options(k)});
        fired(k, "CHALLENGE_LIMITED", 1);
        expect_quiet(k);
        kit_end(k);
    }
}

/* ---- ACK ---- */

static void ack_refused(void **state, uint32_t ack_from_nxt, const char *rule)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kit *k = enter(state, PLAIN);
        in(k, (struct seg){
                  .flags = A, .seq = k->rcv, .ack = k->nxt + ack_from_nxt, .len = i ? 10 : 0});
        fired(k, rule, 1);
        fired(k, "CHALLENGE_ACK", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        expect_quiet(k);
        expect_events(k, 0); /* its text is not taken either */
        expect_state(k, here(state));
        kit_end(k);
    }
}
void ack_unsent(void **state)
{
    ack_refused(state, 1, "ACK_UNSENT");
    ack_refused(state, 0x70000000U, "ACK_UNSENT");
}

/* MAY-12: more than the largest window below SND.UNA; one more is still an old duplicate. */
void ack_too_old(void **state)
{
    struct kit *k = enter(state, PLAIN);
    uint32_t una_from_nxt = k->una - k->nxt;
    kit_end(k);
    ack_refused(state, una_from_nxt - WND - 1, "ACK_TOO_OLD");
}

void ack_old(void **state)
{
    struct kit *k = enter(state, PLAIN);
    bool text = receiving(here(state));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una - WND, .len = text ? 10 : 0});
    fired(k, "ACK_TOO_OLD", 0);
    fired(k, "ACK_ADVANCED", 0);
    fired(k, "TEXT_IN_ORDER", text);
    fired(k, "ACK_NOTHING_NEW", !text);
    expect_quiet(k);
    expect_events(k, text ? LA_EV_READABLE : 0);
    k->rcv += text ? 10 : 0;
    expect_state(k, here(state));
    kit_end(k);
}

/* ---- URG ---- */

void urg_notified(void **state)
{
    struct kit *k = enter(state, PLAIN);
    struct la_status st;
    in(k, (struct seg){.flags = U | A, .seq = k->rcv, .ack = k->una, .len = 10, .up = 5});
    fired(k, "URG_SEEN", 1);
    expect_events(k, LA_EV_URGENT | LA_EV_READABLE);
    k->rcv += 10;
    assert_int_equal(la_status(k->s, k->c, &st), LA_OK);
    assert_int_equal(st.urgent, 5); /* MUST-33, MUST-62: up to the octet before the pointer */
    in(k, (struct seg){.flags = U | A, .seq = k->rcv - 10, .ack = k->una, .len = 10, .up = 5});
    fired(k, "URG_SEEN", 0); /* not again for the same */
    in(k, (struct seg){.flags = U | A, .seq = k->rcv, .ack = k->una, .up = 500});
    fired(k, "URG_SEEN", 1); /* MUST-32: it moved ahead, beyond what has come */
    expect_events(k, LA_EV_URGENT);
    assert_int_equal(la_status(k->s, k->c, &st), LA_OK);
    assert_int_equal(st.urgent, 510);
    assert_int_equal(kit_recv(k, 4), 4);
    assert_int_equal(la_status(k->s, k->c, &st), LA_OK);
    assert_int_equal(st.urgent, 506);
    expect_state(k, here(state));
    kit_end(k);
}

void urg_ignored(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = U | A, .seq = k->rcv, .ack = k->una, .up = 5});
    fired(k, "URG_SEEN", 0);
    expect_events(k, 0);
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

/* ---- text ---- */

void data_in_order(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10});
    k->rcv += 10;
    fired(k, "TEXT_IN_ORDER", 1);
    expect_quiet(k);
    expect_events(k, LA_EV_READABLE);
    la_ns before = k->now;
    wait_for_segment(k, LA_MSEC(499)); /* MUST-40 */
    assert_int_equal(k->now - before, LA_MSEC(40));
    fired(k, "DELAYED_ACK", 1);
    struct seg g = expect(k, A, k->nxt, k->rcv);
    assert_int_equal(g.wnd, RCVBUF - 10);
    assert_int_equal(kit_recv(k, 100), 10);
    /* SHLD-19: the second full segment is acknowledged at once. */
    for (unsigned i = 0; i < 2; i++) {
        expect_quiet(k);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = kit_mss(k)});
        k->rcv += kit_mss(k);
    }
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, here(state));
    kit_end(k);
}

static void expect_sack(const struct kit *k, const struct seg *g, uint32_t start, uint32_t end)
{
    assert_int_equal(g->opts.nsack, k->sack);
    if (k->sack) {
        assert_int_equal(g->opts.sack[0].start.v, start);
        assert_int_equal(g->opts.sack[0].end.v, end);
    }
}

void data_gap(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = A, .seq = k->rcv + 100, .ack = k->una, .len = 50});
    fired(k, "TEXT_ABOVE_GAP", 1);
    struct seg g = expect(k, A, k->nxt, k->rcv); /* at once: RFC 5681 §4.2 */
    expect_sack(k, &g, k->rcv + 100, k->rcv + 150);
    expect_quiet(k);
    expect_events(k, 0);
    assert_int_equal(kit_recv(k, 10), LA_EAGAIN);
    expect_state(k, here(state));
    kit_end(k);
}

void data_fills(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = A, .seq = k->rcv + 100, .ack = k->una, .len = 50});
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 100});
    k->rcv += 150;
    fired(k, "TEXT_FILLED_GAP", 1);
    struct seg g = expect(k, A, k->nxt, k->rcv);
    assert_int_equal(g.opts.nsack, 0);
    expect_quiet(k);
    expect_events(k, LA_EV_READABLE);
    assert_int_equal(kit_recv(k, 1000), 150);
    expect_state(k, here(state));
    kit_end(k);
}

void data_partly(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 100});
    k->rcv += 100;
    in(k, (struct seg){.flags = A, .seq = k->rcv - 60, .ack = k->una, .len = 100});
    struct seg g = expect(k, A, k->nxt, k->rcv + 40);
    expect_sack(k, &g, k->rcv - 60, k->rcv); /* RFC 2883: what came twice */
    k->rcv += 40;
    uint32_t room = EDGE - k->rcv;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una, .len = room + 500});
    k->rcv += room;
    g = expect(k, A, k->nxt, k->rcv);
    assert_int_equal(g.wnd, 0);
    fired(k, "FIN_RECEIVED", 0); /* the FIN lay beyond the edge too */
    assert_int_equal(kit_recv(k, 2 * RCVBUF), RCVBUF);
    expect_state(k, here(state));
    kit_end(k);
}

/* MUST-66: the text is refused; ACK, URG and RST of the same segment count. */
void data_zero_window(void **state)
{
    struct kit *k = enter(state, PLAIN);
    fill_window(k);
    in(k, (struct seg){.flags = U | A, .seq = k->rcv, .ack = k->nxt, .len = 1, .up = 1});
    fired(k, "ZERO_WINDOW_PROBE", 1);
    fired(k, "URG_SEEN", 1);
    fired(k, "FIN_ACKED", here(state) == LA_FIN_WAIT_1);
    struct seg g = expect(k, A, k->nxt, k->rcv);
    assert_int_equal(g.wnd, 0);
    expect_quiet(k);
    k->una = k->nxt;
    expect_state(k, here(state) == LA_FIN_WAIT_1 ? LA_FIN_WAIT_2 : here(state));
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    fired(k, "RST_EXACT", 1);
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

/* SHLD-3: nobody will ever read it, and the peer should know. */
void data_after_close(void **state)
{
    struct kit *k = enter(state, (struct how){.orphan = true});
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10});
    fired(k, "TEXT_AFTER_CLOSE", 1);
    /* At SEG.ACK: what the peer expects, whatever it knows of our FIN. */
    (void)expect(k, R, k->una, 0);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.cause, LA_CAUSE_CLOSE);
    assert_int_equal(r.ended_by, LA_CAUSE_DATA_AFTER_CLOSE);
    assert_int_equal(r.rst_by, LA_SIDE_LOCAL);
    assert_int_equal(r.last_state, here(state));
    kit_end(k);
}

/* There can be none; but its ACK field counts. */
void data_after_fin(void **state)
{
    struct kit *k = enter(state, PLAIN);
    bool answered = here(state) != LA_CLOSING; /* which ignores what does not acknowledge its FIN */
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10, .wnd = 2048});
    fired(k, "TEXT_AFTER_FIN", answered);
    fired(k, "WND_UPDATE", 1);
    if (answered)
        (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, 0);
    assert_int_equal(kit_recv(k, 10), 0);
    expect_state(k, here(state));
    kit_end(k);
}

/* ---- FIN ---- */

void fin_gap(void **state)
{
    static const enum la_state next[LA_STATES] = {[LA_ESTABLISHED] = LA_CLOSE_WAIT,
                                                  [LA_FIN_WAIT_1] = LA_CLOSING,
                                                  [LA_FIN_WAIT_2] = LA_TIME_WAIT};
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 50, .ack = k->una, .len = 50});
    fired(k, "FIN_ABOVE_GAP", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, here(state));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 50});
    fired(k, "FIN_RECEIVED", 1);
    k->rcv += 101;
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_state(k, next[here(state)]);
    assert_int_equal(kit_recv(k, 1000), 100);
    assert_int_equal(kit_recv(k, 1000), 0);
    kit_end(k);
}

/* Our ACK was lost: it is acknowledged each time, without a limit. */
void fin_again(void **state)
{
    struct kit *k = enter(state, PLAIN);
    for (unsigned i = 0; i < 3; i++) {
        in(k, (struct seg){.flags = F | A, .seq = k->rcv - 1, .ack = k->una});
        fired(k, "SEQ_OLD_DATA", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        expect_quiet(k);
        expect_events(k, 0);
        expect_state(k, here(state));
    }
    kit_end(k);
}

/* ---- outside ---- */

void out_of_window(void **state)
{
    struct kit *k = enter(state, PLAIN);
    in(k, (struct seg){.flags = A, .seq = EDGE, .ack = k->nxt, .len = 10});
    fired(k, "SEQ_OUT_OF_WINDOW", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, here(state)); /* the ACK field, of our FIN perhaps, was not used */
    in(k, (struct seg){.flags = A, .seq = k->rcv - 1, .ack = k->una}); /* a keep-alive probe */
    fired(k, "SEQ_OUT_OF_WINDOW", 1);
    fired(k, "CHALLENGE_ACK", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    if (k->ts) { /* RFC 7323 R1 */
        struct tcp_opts old = {.has_ts = true, .tsval = k->tsval - 1};
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .len = 10, .opts = old});
        fired(k, "PAWS", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt, .len = 10, .no_ts = true});
        fired(k, "TS_MISSING", 1); /* C20 */
    }
    expect_quiet(k);
    expect_state(k, here(state));
    kit_end(k);
}

void no_ack_bit(void **state)
{
    static const uint8_t flags[] = {0, F, P, U};
    struct kit *k = enter(state, PLAIN);
    for (unsigned i = 0; i < sizeof flags; i++) {
        in(k,
           (struct seg){.flags = flags[i], .seq = k->rcv, .ack = k->nxt, .len = 10, .up = i == 3});
        fired(k, "ACK_OFF", 1);
        expect_quiet(k);
        expect_events(k, 0);
        expect_state(k, here(state));
    }
    kit_end(k);
}
