/* test_listen.c: LISTEN (RFC 9293 §3.10.7.2), SYN cookies (RFC 4987).
 *
 * With sockets a listener is a thing of its own: it never becomes the connection, so SEND, RECEIVE
 * and an active OPEN on it are refused (decision C14). */
#include "matrix/kit.h"

static struct seg syn(struct kit *k)
{
    return (struct seg){.flags = S, .seq = IRS, .opts = kit_syn_options(k)};
}

/* ---- calls ---- */

static void open_passive_again(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct la_endpoint here = {k->a, A_PORT, -1}, all = {LA_ADDR_ANY, A_PORT, -1};
    la_conn c;
    (void)state;
    assert_int_equal(la_listen(k->s, &here, 4, k->now, &c), LA_EADDRINUSE);
    assert_int_equal(la_listen(k->s, &all, 4, k->now, &c), LA_EADDRINUSE);
    expect_state(k, LA_LISTEN); /* MUST-41: the first one is untouched */
    in(k, syn(k));
    (void)expect(k, S | A, ISS, IRS + 1);
    kit_end(k);
}

static void not_for_a_listener(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct la_endpoint there = {k->b, B_PORT, -1};
    uint8_t b = 0;
    (void)state;
    assert_int_equal(la_connect(k->s, k->listener, NULL, &there, k->now), LA_EOPNOTSUPP);
    assert_int_equal(la_connect(k->s, k->listener, NULL, NULL, k->now), LA_EOPNOTSUPP);
    assert_int_equal(la_send(k->s, k->listener, &b, 1, 0, k->now), LA_EOPNOTSUPP);
    assert_int_equal(la_recv(k->s, k->listener, &b, 1, k->now), LA_EOPNOTSUPP);
    expect_quiet(k);
    expect_state(k, LA_LISTEN);
    kit_end(k);
}

/* Closing resets what nobody accepted, a half-open connection and a complete one; each leaves its
 * record (C55). */
static void close_resets(bool by_abort)
{
    struct kit *k = in_listen(PLAIN);
    in(k, syn(k));
    (void)expect(k, S | A, ISS, IRS + 1);
    struct seg other = syn(k);
    other.sport = B_PORT + 1;
    in(k, other);
    struct seg g;
    assert_true(kit_take(k, &g));
    k->ts = kit_syn_options(k).has_ts;
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1});
    expect_events(k, LA_EV_ACCEPT);
    kit_mark(k);
    assert_int_equal(by_abort ? la_abort(k->s, k->listener, k->now)
                              : la_close(k->s, k->listener, k->now),
                     LA_OK);
    fired(k, "RST_SENT", 2);
    unsigned resets = 0;
    while (kit_take(k, &g)) {
        assert_int_equal(g.flags, R | A);
        assert_int_equal(g.seq, ISS + 1);
        assert_int_equal(g.ack, IRS + 1);
        resets += g.dport == B_PORT ? 1U : 16U;
    }
    assert_int_equal(resets, 17);
    expect_state(k, LA_CLOSED);
    for (int i = 0; i < 2; i++)
        assert_int_equal(kit_record(k).cause, LA_CAUSE_LISTENER_CLOSED);
    in(k, syn(k));
    fired(k, "CLOSED_REPLY_NOACK", 1);
    kit_end(k);
}
static void close_listener(void **state)
{
    (void)state;
    close_resets(false);
}
static void abort_listener(void **state)
{
    (void)state;
    close_resets(true);
}

static void status(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct la_status st;
    (void)state;
    assert_int_equal(la_status(k->s, k->listener, &st), LA_OK);
    assert_int_equal(st.state, LA_LISTEN);
    assert_int_equal(st.local.port, A_PORT);
    assert_int_equal(st.queued_out, 4); /* the backlog */
    kit_end(k);
}

/* ---- segments ---- */

static void seg_rst(void **state)
{
    static const uint8_t flags[] = {R, R | A, R | S};
    struct kit *k = in_listen(PLAIN);
    (void)state;
    for (unsigned i = 0; i < sizeof flags; i++) {
        in(k, (struct seg){.flags = flags[i], .seq = IRS, .ack = ISS + 1});
        fired(k, "LISTEN_RST", 1);
        expect_quiet(k);
    }
    expect_state(k, LA_LISTEN);
    kit_end(k);
}

static void seg_syn(void **state)
{
    struct kit *k = in_listen(PLAIN);
    (void)state;
    in(k, syn(k));
    fired(k, "LISTEN_SYN", 1);
    struct seg g = expect(k, S | A, ISS, IRS + 1);
    assert_int_equal(g.wnd, RCVBUF); /* never scaled in a SYN */
    assert_int_equal(g.opts.mss, round_v6() ? 1440 : 1460);
    assert_int_equal(g.opts.has_ts, round_options());
    assert_int_equal(g.opts.sack_permitted, round_options());
    assert_int_equal(g.opts.has_wscale, round_options());
    if (round_options())
        assert_int_equal(g.opts.tsecr, k->tsval);
    expect_quiet(k);
    k->nxt = ISS + 1;
    k->rcv = IRS + 1;
    expect_state(k, LA_SYN_RECEIVED);
    struct la_status st;
    assert_int_equal(la_status(k->s, k->listener, &st), LA_OK);
    assert_int_equal(st.state, LA_LISTEN); /* the listener stays */
    kit_end(k);
}

static void seg_syn_addresses(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = syn(k);
    (void)state;
    g.src = round_v6() ? (struct la_addr){{0xff, 2, [15] = 1}} : la_addr_v4(224, 0, 0, 1);
    in(k, g);
    fired(k, "IP_SOURCE", 1);
    g.dst = g.src;
    g.src = k->b;
    in(k, g);
    fired(k, "IP_GROUP", 1);
    if (!round_v6()) {
        g.dst = la_addr_v4(10, 0, 0, 255);
        in(k, g);
        fired(k, "IP_GROUP", 1);
        g.dst = k->a;
        g.src = la_addr_v4(10, 0, 0, 255);
        in(k, g);
        fired(k, "IP_SOURCE", 1);
    }
    expect_quiet(k);
    expect_state(k, LA_LISTEN);
    kit_end(k);
}

/* C15 */
static void seg_syn_no_way_back(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = syn(k);
    (void)state;
    g.src = round_v6() ? (struct la_addr){{0xfc, [15] = 9}} : la_addr_v4(192, 168, 7, 9);
    in(k, g);
    fired(k, "LISTEN_NO_ROUTE", 1);
    fired(k, "LISTEN_SYN", 0);
    expect_quiet(k);
    expect_state(k, LA_LISTEN);
    kit_end(k);
}

static void seg_syn_port_0(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = syn(k);
    (void)state;
    g.port_0 = true;
    in(k, g);
    fired(k, "SEG_PORT_0", 1);
    expect_quiet(k);
    kit_end(k);
}

/* C13: four wait for accept: the fifth SYN is dropped, and taken when it comes again after an
 * accept. */
static void seg_syn_backlog(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = syn(k), reply;
    la_conn c[4];
    (void)state;
    k->ts = g.opts.has_ts;
    for (uint16_t i = 0; i < 4; i++) {
        g.sport = (uint16_t)(7000 + i);
        in(k, g);
        assert_true(kit_take(k, &reply));
        in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .sport = g.sport});
        fired(k, "PASSIVE_OPEN", 1);
    }
    g.sport = 0;
    in(k, g);
    fired(k, "LISTEN_BACKLOG", 1);
    expect_quiet(k);
    for (int i = 0; i < 4; i++)
        assert_int_equal(la_accept(k->s, k->listener, k->now, &c[i]), LA_OK);
    assert_int_equal(la_accept(k->s, k->listener, k->now, &c[0]), LA_EAGAIN);
    in(k, g);
    fired(k, "LISTEN_BACKLOG", 0);
    (void)expect(k, S | A, ISS, IRS + 1);
    kit_end(k);
}

/* No room for a half-open connection: with cookies the SYN,ACK remembers, without the SYN waits. */
static void seg_syn_no_room(void **state)
{
    struct kit *k = in_listen((struct how){.max_embryos = 1, .no_cookies = true});
    struct seg g = syn(k), reply;
    (void)state;
    g.sport = 7000;
    in(k, g);
    assert_true(kit_take(k, &reply));
    in(k, syn(k));
    fired(k, "LISTEN_NO_EMBRYO", 1);
    expect_quiet(k);
    kit_end(k);
}

static void seg_syn_cookie(void **state)
{
    struct kit *k = in_listen((struct how){.max_embryos = 1});
    struct seg g = syn(k), cookie;
    (void)state;
    g.sport = 7000;
    in(k, g);
    assert_true(kit_take(k, &cookie));
    in(k, syn(k));
    fired(k, "COOKIE_SENT", 1);
    fired(k, "LISTEN_SYN", 0);
    assert_true(kit_take(k, &cookie));
    assert_int_equal(cookie.flags, S | A);
    assert_int_equal(cookie.ack, IRS + 1);
    expect_state(k, LA_LISTEN);                                     /* nothing is kept */
    in(k, (struct seg){.flags = R, .seq = IRS + 1, .sport = 7000}); /* room again */
    k->ts = g.opts.has_ts;
    /* A refusal never completes one. */
    in(k, (struct seg){.flags = R | A, .seq = IRS + 1, .ack = cookie.seq + 1});
    fired(k, "COOKIE_OK", 0);
    fired(k, "LISTEN_RST", 1);
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = cookie.seq + 2});
    fired(k, "COOKIE_OK", 0);
    (void)expect(k, R, cookie.seq + 2, 0);
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = cookie.seq + 1});
    fired(k, "COOKIE_OK", 1);
    fired(k, "PASSIVE_OPEN", 1);
    expect_events(k, LA_EV_ACCEPT);
    k->una = k->nxt = cookie.seq + 1;
    k->rcv = IRS + 1;
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* C8: the SYN counts; the FIN and the text beside it are not acknowledged, and come again. */
static void seg_syn_fin(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct seg g = syn(k);
    (void)state;
    g.flags = S | F;
    g.len = 100;
    in(k, g);
    fired(k, "LISTEN_SYN", 1);
    (void)expect(k, S | A, ISS, IRS + 1);
    kit_end(k);
}

/* What the SYN's options are taken for. */
static void seg_syn_options(void **state)
{
    struct kit *k = in_listen((struct how){.mss = MSS_NONE, .bare = true});
    struct seg g = syn(k);
    (void)state;
    in(k, g);
    fired(k, "MSS_DEFAULT", 1);
    assert_int_equal(kit_status(k).mss, round_v6() ? 1220 : 536);
    kit_end(k);
    k = in_listen((struct how){.mss = 47, .bare = true});
    in(k, syn(k));
    fired(k, "MSS_TINY", 1); /* C26 */
    assert_int_equal(kit_status(k).mss, 48);
    kit_end(k);
    k = in_listen((struct how){.offer_ws = true, .bare = true});
    g = syn(k);
    g.opts.wscale = 15;
    in(k, g);
    fired(k, "WSCALE_LARGE", 1);
    (void)expect(k, S | A, ISS, IRS + 1);
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1});
    assert_int_equal(kit_status(k).snd_wscale, 14); /* RFC 7323 §2.3 */
    assert_int_equal(kit_status(k).snd_wnd, 1U << 14);
    in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .wnd = 65535});
    assert_int_equal(kit_status(k).snd_wnd, 1073725440); /* REC-1: in 32 bits */
    kit_end(k);
}

static void defer_accept(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_DEFER_ACCEPT_MS, 5000, now), LA_OK);
}

/* A listener that waits for the first bytes: the bare ACK is noted, and opens nothing yet. */
static void deferred(void **state)
{
    struct kit *k = in_syn_received((struct how){.passive = true, .tune = defer_accept});
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "EMBRYO_DEFERRED", 1);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_SYN_RECEIVED);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    fired(k, "PASSIVE_OPEN", 1);
    expect_events(k, LA_EV_ACCEPT);
    k->una = k->nxt;
    k->rcv += 10;
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

static void defer_long(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_DEFER_ACCEPT_MS, 120000, now), LA_OK);
}

/* While it waits nothing is sent again, so nothing counts as lost; and when the time is over the
 * SYN,ACK does go again, as often as for anybody. */
static void deferred_for_long(void **state)
{
    struct kit *k = in_syn_received((struct how){.passive = true, .tune = defer_long});
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    pass(k, LA_SEC(100));
    fired(k, "EMBRYO_RESEND", 0);
    expect_quiet(k);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->nxt, .len = 10});
    fired(k, "PASSIVE_OPEN", 1);
    k->una = k->nxt;
    k->rcv += 10;
    kit_accept(k);
    assert_int_equal(kit_status(k).total_retrans, 0);
    assert_int_equal(kit_status(k).cwnd, 10 * kit_mss(k));
    assert_int_equal(kit_status(k).srtt_us, 0); /* not a hundred seconds */
    kit_end(k);
    k = in_syn_received((struct how){.passive = true, .tune = defer_long});
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    wait_for_segment(k, LA_SEC(121));
    (void)expect(k, S | A, ISS, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    fired(k, "PASSIVE_OPEN", 1);
    k->una = k->nxt;
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

static void seg_ack(void **state)
{
    static const uint8_t flags[] = {A, S | A, F | A, P | A};
    struct kit *k = in_listen(PLAIN);
    (void)state;
    for (unsigned i = 0; i < sizeof flags; i++) {
        in(k, (struct seg){.flags = flags[i], .seq = IRS, .ack = 77 + i});
        fired(k, "LISTEN_ACK", 1);
        (void)expect(k, R, 77 + i, 0);
        expect_quiet(k);
    }
    expect_state(k, LA_LISTEN);
    kit_end(k);
}

static void ignored(uint8_t flags, uint32_t len)
{
    struct kit *k = in_listen(PLAIN);
    in(k, (struct seg){.flags = flags, .seq = IRS, .len = len, .up = flags & U ? 1 : 0});
    fired(k, "LISTEN_OTHER", 1);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_LISTEN);
    kit_end(k);
}
static void seg_urg(void **state)
{
    (void)state;
    ignored(U, 10);
}
static void seg_data(void **state)
{
    (void)state;
    ignored(0, 10);
    ignored(P, 10);
    ignored(0, 0);
}
static void seg_fin(void **state)
{
    (void)state;
    ignored(F, 0);
}

/* No number is out of a window that does not exist. */
static void seg_any_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct kit *k = in_listen(PLAIN);
        struct seg g = syn(k);
        g.seq = i * 0x11111111U;
        in(k, g);
        (void)expect(k, S | A, ISS, g.seq + 1);
        kit_end(k);
    }
}

/* ---- time ---- */

static void no_timer(void **state)
{
    struct kit *k = in_listen(PLAIN);
    (void)state;
    assert_int_equal(la_deadline(k->s), LA_NEVER);
    pass(k, LA_SEC(864000));
    expect_state(k, LA_LISTEN);
    expect_quiet(k);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        ROW("LISTEN/OPEN-passive", open_passive_again),
        ROW("LISTEN/OPEN-active/remote", not_for_a_listener),
        ROW("LISTEN/OPEN-active/no-remote", not_for_a_listener),
        ROW("LISTEN/SEND/remote", not_for_a_listener),
        ROW("LISTEN/SEND/no-remote", not_for_a_listener),
        ROW("LISTEN/RECEIVE", not_for_a_listener),
        ROW("LISTEN/CLOSE", close_listener),
        ROW("LISTEN/ABORT", abort_listener),
        ROW("LISTEN/STATUS", status),
        ROW("LISTEN/SEG-RST", seg_rst),
        ROW("LISTEN/SEG-SYN/new", seg_syn),
        ROW("LISTEN/SEG-SYN/bad-address", seg_syn_addresses),
        ROW("LISTEN/SEG-SYN/backlog", seg_syn_backlog),
        ROW("LISTEN/SEG-SYN/fin", seg_syn_fin),
        ROW("LISTEN/SEG-ACK-ok", seg_ack),
        ROW("LISTEN/SEG-ACK-bad", seg_ack),
        ROW("LISTEN/SEG-URG", seg_urg),
        ROW("LISTEN/SEG-DATA", seg_data),
        ROW("LISTEN/SEG-FIN", seg_fin),
        ROW("LISTEN/SEG-OOW", seg_any_number),
        ROW("LISTEN/T-USER", no_timer),
        ROW("LISTEN/T-RTX", no_timer),
        ROW("LISTEN/T-TIMEWAIT", no_timer),
        cmocka_unit_test(seg_syn_no_way_back),
        cmocka_unit_test(seg_syn_port_0),
        cmocka_unit_test(seg_syn_no_room),
        cmocka_unit_test(seg_syn_cookie),
        cmocka_unit_test(seg_syn_options),
        cmocka_unit_test(deferred),
        cmocka_unit_test(deferred_for_long),
    };
    return MATRIX(rows);
}
