/* test_closed.c: CLOSED: calls without a connection, segments to nobody (RFC 9293 §3.10.7.1). */
#include "matrix/kit.h"

/* ---- calls ---- */

static void open_passive(void **state)
{
    struct kit *k = in_closed(PLAIN);
    (void)state;
    kit_listen(k);
    expect_state(k, LA_LISTEN);
    expect_quiet(k);
    kit_end(k);
}

static void open_passive_refused(void **state)
{
    struct kit *k = in_closed(PLAIN);
    struct la_endpoint no_port = {k->a, 0, -1}, stranger = {k->b, A_PORT, -1};
    la_conn c;
    (void)state;
    assert_int_equal(la_listen(k->s, &no_port, 4, k->now, &c), LA_EINVAL);
    assert_int_equal(la_listen(k->s, &stranger, 4, k->now, &c), LA_EADDRNOTAVAIL);
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

static void open_active(void **state)
{
    struct kit *k = in_closed(PLAIN);
    struct la_endpoint there = {k->b, B_PORT, -1};
    struct seg g;
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(la_connect(k->s, k->c, NULL, &there, k->now), LA_OK);
    g = expect(k, S, ISS, 0);
    assert_true(la_addr_eq(&g.src, &k->a)); /* chosen for us, MUST-44 */
    assert_in_range(g.sport, 32768, 60999);
    assert_int_equal(g.opts.mss, round_v6() ? 1440 : 1460);
    wait_for_segment(k, LA_SEC(2)); /* the timer runs */
    (void)expect(k, S, ISS, 0);
    kit_end(k);
}

static void open_active_without_remote(void **state)
{
    struct kit *k = in_closed(PLAIN);
    struct la_endpoint nowhere = {LA_ADDR_ANY, B_PORT, -1}, no_port = {k->b, 0, -1};
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(la_connect(k->s, k->c, NULL, NULL, k->now), LA_EINVAL);
    assert_int_equal(la_connect(k->s, k->c, NULL, &nowhere, k->now), LA_EINVAL);
    assert_int_equal(la_connect(k->s, k->c, NULL, &no_port, k->now), LA_EINVAL);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

static void open_active_to_no_host(void **state)
{
    static const char *const bad[] = {"255.255.255.255", "10.0.0.255", "224.0.0.1",
                                      "0.0.0.0",         "ff02::1",    "::"};
    struct kit *k = in_closed(PLAIN);
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct la_endpoint there = {LA_ADDR_ANY, B_PORT, -1};
        assert_int_equal(la_addr_parse(bad[i], &there.addr), LA_OK);
        if (i == 1 && round_v6())
            continue; /* the subnet's broadcast address, where there is an IPv4 subnet */
        assert_int_equal(la_connect(k->s, k->c, NULL, &there, k->now), LA_EINVAL);
    }
    expect_quiet(k);
    kit_end(k);
}

/* A handle that is closed, and one that was never connected. */
static void no_connection(void **state)
{
    struct kit *k = in_closed(PLAIN);
    uint8_t b = 0;
    la_conn gone;
    (void)state;
    assert_int_equal(la_socket(k->s, &gone), LA_OK);
    assert_int_equal(la_close(k->s, gone, k->now), LA_OK);
    assert_int_equal(la_send(k->s, gone, &b, 1, 0, k->now), LA_EBADF);
    assert_int_equal(la_recv(k->s, gone, &b, 1, k->now), LA_EBADF);
    assert_int_equal(la_shutdown(k->s, gone, LA_SHUT_WR, k->now), LA_EBADF);
    assert_int_equal(la_close(k->s, gone, k->now), LA_EBADF);
    assert_int_equal(la_abort(k->s, gone, k->now), LA_EBADF);
    struct la_status st;
    assert_int_equal(la_status(k->s, gone, &st), LA_EBADF);
    expect_quiet(k);
    kit_end(k);
}

static void send_unconnected(void **state)
{
    struct kit *k = in_closed(PLAIN);
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(kit_send(k, 10, 0), LA_ENOTCONN);
    assert_int_equal(kit_recv(k, 10), LA_ENOTCONN);
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_ENOTCONN);
    assert_int_equal(kit_status(k).state, LA_CLOSED);
    expect_quiet(k);
    kit_end(k);
}

/* ---- segments ---- */

/* With ACK: <SEQ=SEG.ACK><CTL=RST>; without: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
static void refused(uint8_t flags, uint32_t len, uint32_t takes)
{
    struct kit *k = in_closed(PLAIN);
    in(k, (struct seg){.flags = flags, .seq = IRS, .ack = 77, .len = len});
    if (flags & A)
        (void)expect(k, R, 77, 0);
    else
        (void)expect(k, R | A, 0, IRS + takes);
    fired(k, "CLOSED_REPLY_ACK", flags & A ? 1 : 0);
    fired(k, "CLOSED_REPLY_NOACK", flags & A ? 0 : 1);
    fired(k, "RST_SENT", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

static void seg_rst(void **state)
{
    static const uint8_t flags[] = {R, R | A, R | S, R | F | A};
    struct kit *k = in_closed(PLAIN);
    (void)state;
    for (unsigned i = 0; i < sizeof flags; i++) {
        in(k, (struct seg){.flags = flags[i], .seq = IRS, .ack = 77});
        fired(k, "CLOSED_RST", 1);
        fired(k, "RST_SENT", 0);
        expect_quiet(k);
    }
    kit_end(k);
}

static void seg_syn(void **state)
{
    (void)state;
    refused(S, 0, 1);
    refused(S, 100, 101); /* SEG.LEN counts text ... */
    refused(S | F, 0, 2); /* ... and FIN */
}
static void seg_syn_ack(void **state)
{
    (void)state;
    refused(S | A, 0, 0);
}
static void seg_ack(void **state)
{
    (void)state;
    refused(A, 0, 0);
}
static void seg_urg(void **state)
{
    (void)state;
    refused(U, 10, 10);
}
static void seg_urg_ack(void **state)
{
    (void)state;
    refused(U | A, 10, 0);
}
static void seg_data(void **state)
{
    (void)state;
    refused(P, 100, 100);
    refused(0, 0, 0);
}
static void seg_data_ack(void **state)
{
    (void)state;
    refused(P | A, 100, 0);
}
static void seg_fin(void **state)
{
    (void)state;
    refused(F, 0, 1);
    refused(F, 10, 11);
}
static void seg_fin_ack(void **state)
{
    (void)state;
    refused(F | A, 0, 0);
}

/* Without a window every number is as good as another. */
static void seg_any_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct kit *k = in_closed(PLAIN);
        uint32_t number = i * 0x11111111U;
        in(k, (struct seg){.flags = A, .seq = number, .ack = ~number});
        (void)expect(k, R, ~number, 0);
        in(k, (struct seg){.flags = F, .seq = number});
        (void)expect(k, R | A, 0, number + 1);
        kit_end(k);
    }
}

/* MUST-57, MUST-63: no answer to what no host could have sent, or what was sent to many. */
static void seg_bad_address(void **state)
{
    struct kit *k = in_closed(PLAIN);
    struct la_addr group =
        round_v6() ? (struct la_addr){{0xff, 2, [15] = 1}} : la_addr_v4(224, 0, 0, 1);
    (void)state;
    in(k, (struct seg){.flags = S, .seq = IRS, .src = group});
    fired(k, "IP_SOURCE", 1);
    expect_quiet(k);
    in(k, (struct seg){.flags = S, .seq = IRS, .dst = group});
    fired(k, "IP_GROUP", 1);
    expect_quiet(k);
    kit_end(k);
}

/* MUST-54: an ICMP error finds its connection by what it quotes; here there is none. */
static void icmp_about_nobody(void **state)
{
    struct kit *k = in_closed(PLAIN);
    (void)state;
    icmp(k, HARD, 0, ISS);
    fired(k, "ICMP_NO_CONNECTION", 1);
    expect_quiet(k);
    kit_end(k);
}

/* ---- time ---- */

static void no_timer(void **state)
{
    struct kit *k = in_closed(PLAIN);
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(la_deadline(k->s), LA_NEVER);
    pass(k, LA_SEC(86400));
    expect_quiet(k);
    kit_end(k);
}

/* ---- what is no segment ---- */

static void damaged(void **state)
{
    static const uint8_t zero_length[] = {253, 0, 0, 0}, past_the_end[] = {8, 10, 0, 0};
    struct kit *k = in_closed(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = S, .seq = IRS, .doff = 4});
    fired(k, "SEG_SHORT", 1);
    in(k, (struct seg){.flags = S, .seq = IRS, .doff = 6});
    fired(k, "SEG_SHORT", 1);
    in(k, (struct seg){.flags = S, .seq = IRS, .bad_csum = true});
    fired(k, "SEG_CSUM", 1);
    in(k, (struct seg){.flags = S, .seq = IRS, .raw = zero_length, .nraw = 4});
    fired(k, "SEG_OPTIONS", 1);
    in(k, (struct seg){.flags = S, .seq = IRS, .raw = past_the_end, .nraw = 4});
    fired(k, "SEG_OPTIONS", 1);
    expect_quiet(k);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        ROW("CLOSED/OPEN-passive/ok", open_passive),
        ROW("CLOSED/OPEN-passive/refused", open_passive_refused),
        ROW("CLOSED/OPEN-active/ok", open_active),
        ROW("CLOSED/OPEN-active/no-remote", open_active_without_remote),
        ROW("CLOSED/OPEN-active/bad-remote", open_active_to_no_host),
        ROW("CLOSED/SEND", send_unconnected),
        ROW("CLOSED/RECEIVE", send_unconnected),
        ROW("CLOSED/CLOSE", no_connection),
        ROW("CLOSED/ABORT", no_connection),
        ROW("CLOSED/STATUS", no_connection),
        ROW("CLOSED/SEG-RST", seg_rst),
        ROW("CLOSED/SEG-SYN/no-ack", seg_syn),
        ROW("CLOSED/SEG-SYN/ack", seg_syn_ack),
        ROW("CLOSED/SEG-ACK-ok", seg_ack),
        ROW("CLOSED/SEG-ACK-bad", seg_ack),
        ROW("CLOSED/SEG-URG/no-ack", seg_urg),
        ROW("CLOSED/SEG-URG/ack", seg_urg_ack),
        ROW("CLOSED/SEG-DATA/no-ack", seg_data),
        ROW("CLOSED/SEG-DATA/ack", seg_data_ack),
        ROW("CLOSED/SEG-FIN/no-ack", seg_fin),
        ROW("CLOSED/SEG-FIN/ack", seg_fin_ack),
        ROW("CLOSED/SEG-OOW", seg_any_number),
        ROW("CLOSED/T-USER", no_timer),
        ROW("CLOSED/T-RTX", no_timer),
        ROW("CLOSED/T-TIMEWAIT", no_timer),
        cmocka_unit_test(seg_bad_address),
        cmocka_unit_test(icmp_about_nobody),
        cmocka_unit_test(damaged),
    };
    return MATRIX(rows);
}
