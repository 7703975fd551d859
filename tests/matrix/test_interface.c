/* test_interface.c: what a program may ask for and is told (RFC 9293 §3.8.3 to §3.8.5, §3.9.1). */
#include "matrix/rows.h"

static void set(struct kit *k, enum la_option o, int64_t value)
{
    assert_int_equal(la_setopt(k->s, k->c, o, value, k->now), LA_OK);
}

/* ---- keep-alive: §3.8.4 ---- */

/* MUST-25: off unless asked for. */
static void no_keep_alive(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    pass(k, LA_SEC(86400));
    fired(k, "KEEPALIVE_PROBE", 0);
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* MUST-28: two hours by default; SHLD-12: no text in it; MUST-24: for the connection that asked. */
static void keep_alive_default(void **state)
{
    struct kit *k = in_established(PLAIN);
    la_ns before = k->now;
    (void)state;
    set(k, LA_OPT_KEEPALIVE, 1);
    wait_for_segment(k, LA_SEC(8000));
    assert_int_equal(k->now - before, LA_SEC(7200));
    fired(k, "KEEPALIVE_PROBE", 1);
    (void)expect(k, A, k->nxt - 1, k->rcv);
    expect_quiet(k);
    kit_end(k);
}

static struct kit *kept_alive(void)
{
    struct kit *k = in_established(PLAIN);
    set(k, LA_OPT_KEEPALIVE, 1);
    set(k, LA_OPT_KEEPIDLE_MS, 30000); /* MUST-27 */
    set(k, LA_OPT_KEEPINTVL_MS, 1000);
    set(k, LA_OPT_KEEPCNT, 3);
    return k;
}

/* MUST-26: only when nothing was heard for as long, and nothing is in flight. */
static void keep_alive_waits(void **state)
{
    struct kit *k = kept_alive();
    (void)state;
    pass(k, LA_SEC(20));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    la_ns heard = k->now;
    wait_for_segment(k, LA_SEC(40));
    assert_int_equal(k->now - heard, LA_SEC(30));
    (void)expect(k, A, k->nxt - 1, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    assert_int_equal(kit_send(k, 10, 0), 10);
    struct seg g;
    for (unsigned i = 0; i < 60; i++) { /* unacknowledged: the retransmission timer's business */
        while (kit_take(k, &g))
            assert_int_equal(g.len, 10);
        pass(k, LA_SEC(1));
        fired(k, "KEEPALIVE_PROBE", 0);
    }
    kit_end(k);
}

/* MUST-29: one answer lost proves nothing; three do. */
static void keep_alive_gives_up(void **state)
{
    struct kit *k = kept_alive();
    (void)state;
    wait_for_segment(k, LA_SEC(31));
    (void)expect(k, A, k->nxt - 1, k->rcv); /* unanswered */
    wait_for_segment(k, LA_SEC(1));
    (void)expect(k, A, k->nxt - 1, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt}); /* answered */
    pass(k, LA_SEC(29));
    expect_quiet(k);
    for (unsigned i = 0; i < 3; i++) {
        wait_for_segment(k, LA_SEC(1));
        (void)expect(k, A, k->nxt - 1, k->rcv);
        expect_state(k, LA_ESTABLISHED);
    }
    wait_for_segment(k, LA_SEC(1));
    fired(k, "KEEPALIVE_DEAD", 1);
    (void)expect(k, R | A, k->nxt, k->rcv); /* C44 */
    expect_state(k, LA_CLOSED);
    assert_int_equal(kit_recv(k, 1), LA_ETIMEDOUT);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_KEEPALIVE);
    kit_end(k);
}

/* ---- R1, R2, reports ---- */

/* MUST-21: never, if the program says so. */
static void no_user_timeout(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    set(k, LA_OPT_USER_TIMEOUT_MS, -1);
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    for (unsigned i = 0; i < 4 * 24 * 60; i++) { /* four days, a minute each */
        pass(k, LA_SEC(60));
        while (kit_take(k, &g))
            assert_int_equal(g.seq, k->una);
    }
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* SHLD-20: the reports of soft errors can be switched off; la_status still has them. */
static void no_reports(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    set(k, LA_OPT_SOFT_ERRORS, 0);
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    icmp(k, SOFT, 0, k->una);
    fired(k, "ICMP_SOFT", 1);
    expect_events(k, 0);
    assert_int_equal(kit_status(k).soft_error, LA_EHOSTUNREACH);
    for (unsigned i = 1; i <= 3; i++) {
        wait_for_segment(k, LA_SEC(5));
        (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
        fired(k, "R1_REACHED", i == 3);
        expect_events(k, 0);
    }
    kit_end(k);
}

/* Nobody answers for the next hop's address: an open fails by our own observation (C12). */
static void no_neighbour(void **state)
{
    struct kit *k = in_closed((struct how){.ethernet = true});
    struct la_endpoint there = {k->b, B_PORT, -1};
    struct la_frame f;
    (void)state;
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(la_connect(k->s, k->c, NULL, &there, k->now), LA_OK);
    struct la_status st;
    for (unsigned i = 0; i < 100; i++) {
        while (la_tx(k->s, 0, &f, k->now)) /* questions; neither SYN nor anything else of TCP */
            assert_true(round_v6() ? f.head.p[20] == IP_ICMPV6 : f.head.p[13] == 6);
        assert_int_equal(la_status(k->s, k->c, &st), LA_OK);
        if (st.state == LA_CLOSED)
            break;
        pass(k, LA_MSEC(100));
    }
    fired(k, "NEIGHBOUR_FAILED", 1);
    assert_int_equal(kit_recv(k, 1), LA_EHOSTUNREACH);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_NO_NEIGHBOUR);
    kit_end(k);
}

/* The address goes and comes back: nobody can be heard meanwhile, and afterwards all goes on, what
 * we have to send and what we owe an ACK for. */
static void address_comes_back(void **state)
{
    unsigned plen = round_v6() ? 64 : 24;
    (void)state;
    for (unsigned ours = 0; ours < 2; ours++) {
        struct kit *k = in_established(PLAIN);
        assert_int_equal(la_addr_del(k->s, 0, &k->a, k->now), LA_OK);
        if (ours) {
            assert_int_equal(kit_send(k, 10, 0), 10);
            expect_quiet(k);
            fired(k, "NEIGHBOUR_FAILED", 1);
            assert_int_equal(kit_status(k).soft_error, LA_EHOSTUNREACH);
        } else {
            assert_int_equal(la_setopt(k->s, k->c, LA_OPT_KEEPIDLE_MS, 1000, k->now), LA_OK);
            assert_int_equal(la_setopt(k->s, k->c, LA_OPT_KEEPALIVE, 1, k->now), LA_OK);
            pass(k, LA_SEC(2));
            expect_quiet(k);
        }
        assert_int_equal(la_addr_add(k->s, 0, &k->a, plen, k->now), LA_OK);
        if (ours) {
            wait_for_segment(k, LA_SEC(5));
            (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
            k->nxt += 10;
        } else {
            in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10});
            k->rcv += 10;
            pass(k, LA_MSEC(500));
            (void)expect(k, A, k->nxt, k->rcv);
        }
        expect_state(k, LA_ESTABLISHED);
        kit_end(k);
    }
}

/* The address moves to another interface while there is something to send: it leaves by that one,
 * and nothing by the old one. */
static void address_moves(void **state)
{
    struct kit *k = in_established(PLAIN);
    const struct la_if_config second = {.link = LA_LINK_IP, .mtu = 1500, .no_dad = true};
    struct la_frame f;
    (void)state;
    assert_int_equal(la_if_add(k->s, &second, k->now), 1);
    assert_int_equal(kit_send(k, 10000, 0), 10000);
    assert_true(la_tx(k->s, 0, &f, k->now));
    assert_int_equal(la_addr_del(k->s, 0, &k->a, k->now), LA_OK);
    assert_int_equal(la_addr_add(k->s, 1, &k->a, round_v6() ? 64 : 24, k->now), LA_OK);
    unsigned frames[2] = {0};
    for (unsigned round = 0; round < 2; round++)
        for (int ifx = 0; ifx < 2; ifx++)
            while (la_tx(k->s, ifx, &f, k->now))
                frames[ifx]++;
    assert_int_equal(frames[0], 0);
    assert_true(frames[1] >= 5);
    assert_int_equal(la_check(k->s), 0);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    k->c = LA_CONN_NONE;
    assert_false(la_tx(k->s, 0, &f, k->now));
    assert_true(la_tx(k->s, 1, &f, k->now)); /* the RST */
    kit_end(k);
}

/* ---- what is written into the IP header ---- */

static void ttl_and_dscp(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_TTL, 7, now), LA_OK);
    assert_int_equal(la_setopt(s, c, LA_OPT_DSCP, 46, now), LA_OK);
}

/* MUST-48, SHLD-22, SHLD-21, MUST-49: every segment of the connection carries them. */
static void ip_fields(void **state)
{
    (void)state;
    for (unsigned passive = 0; passive < 2; passive++) {
        struct kit *k = kit_new((struct how){.tune = ttl_and_dscp, .passive = passive});
        struct seg g, syn = {.flags = S, .seq = IRS, .opts = kit_syn_options(k)};
        if (passive) {
            kit_listen(k);
            in(k, syn);
            g = expect(k, S | A, ISS, IRS + 1);
            k->ts = syn.opts.has_ts;
            in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1});
            kit_accept(k);
        } else {
            struct la_endpoint here = {k->a, A_PORT, -1}, there = {k->b, B_PORT, -1};
            assert_int_equal(la_socket(k->s, &k->c), LA_OK);
            ttl_and_dscp(k->s, k->c, k->now);
            assert_int_equal(la_connect(k->s, k->c, &here, &there, k->now), LA_OK);
            g = expect(k, S, ISS, 0);
            syn.flags = S | A;
            syn.ack = ISS + 1;
            in(k, syn);
            k->ts = syn.opts.has_ts;
            (void)expect(k, A, ISS + 1, IRS + 1);
        }
        assert_int_equal(g.ttl, 7);
        assert_int_equal(g.tos, 46 << 2);
        assert_int_equal(kit_send(k, 10, 0), 10);
        g = expect_text(k, P | A, ISS + 1, IRS + 1, 10);
        assert_int_equal(g.ttl, 7);
        assert_int_equal(g.tos, 46 << 2);
        set(k, LA_OPT_DSCP, 10); /* changed on the way */
        assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
        g = expect(k, R | A, ISS + 11, IRS + 1);
        assert_int_equal(g.ttl, 7);
        assert_int_equal(g.tos, 10 << 2);
        kit_end(k);
    }
}

/* MUST-43, MUST-44, MUST-45: an address of the program's choice, kept for the connection's life. */
static void local_address(void **state)
{
    struct kit *k = kit_new(PLAIN);
    struct la_addr second = k->a;
    (void)state;
    second.b[15] = 7;
    unsigned plen = round_v6() ? 64 : 24;
    assert_int_equal(la_addr_add(k->s, 0, &second, plen, k->now), LA_OK);
    struct la_endpoint here = {second, A_PORT, -1}, there = {k->b, B_PORT, -1};
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    assert_int_equal(la_connect(k->s, k->c, &here, &there, k->now), LA_OK);
    struct seg g = expect(k, S, ISS, 0);
    assert_true(la_addr_eq(&g.src, &second));
    in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS + 1, .dst = second});
    (void)expect(k, A, ISS + 1, IRS + 1);
    /* A better route and another address change nothing for what is open. */
    struct la_addr third = k->a;
    third.b[15] = 8;
    assert_int_equal(la_addr_add(k->s, 0, &third, plen, k->now), LA_OK);
    assert_int_equal(la_route_add(k->s, &k->b, round_v6() ? 128 : 32, NULL, 0, k->now), LA_OK);
    assert_int_equal(kit_send(k, 10, 0), 10);
    g = expect_text(k, P | A, ISS + 1, IRS + 1, 10);
    assert_true(la_addr_eq(&g.src, &second));
    /* A listener on one address answers for that one alone. */
    struct la_endpoint one = {second, 80, -1};
    assert_int_equal(la_listen(k->s, &one, 4, k->now, &k->listener), LA_OK);
    in(k, (struct seg){.flags = S, .seq = IRS, .dport = 80});
    fired(k, "CLOSED_REPLY_NOACK", 1);
    (void)expect(k, R | A, 0, IRS + 1);
    in(k, (struct seg){.flags = S, .seq = IRS, .dport = 80, .dst = second});
    fired(k, "LISTEN_SYN", 1);
    (void)expect(k, S | A, ISS, IRS + 1);
    kit_end(k);
}

/* ---- urgent data: §3.8.5 ---- */

/* MUST-31: the pointer has 16 bits; each segment moves it on until it reaches the mark. */
static void urgent_of_any_length(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint32_t end = ISS + 1 + 200000;
    struct seg g;
    bool near = false;
    (void)state;
    assert_int_equal(kit_send(k, 200000, LA_SEND_URGENT), 200000);
    while (k->una != end) {
        while (kit_take(k, &g)) {
            assert_int_equal(g.flags & U, U);
            assert_int_equal(g.up, end - g.seq < 65535 ? end - g.seq : 65535);
            near |= g.up < 65535;
            k->nxt = g.seq + g.len;
        }
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
        k->una = k->nxt;
    }
    assert_true(near);
    assert_int_equal(kit_send(k, 1, 0), 1);
    assert_int_equal(expect_text(k, P | A, end, k->rcv, 1).up, 0);
    kit_end(k);
}

/* OOBINLINE off: the urgent byte is taken out of the stream, and read apart (C28). */
static void urgent_out_of_band(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint8_t b, text[10];
    (void)state;
    set(k, LA_OPT_OOBINLINE, 0);
    assert_int_equal(la_recv_urgent(k->s, k->c, &b), LA_EINVAL);
    in(k, (struct seg){.flags = U | A, .seq = k->rcv, .ack = k->una, .up = 5});
    assert_int_equal(la_recv_urgent(k->s, k->c, &b), LA_EAGAIN);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10});
    assert_int_equal(la_recv_urgent(k->s, k->c, &b), LA_OK);
    assert_int_equal(la_recv(k->s, k->c, text, 10, k->now), 4); /* as far as the mark */
    assert_int_equal(la_recv(k->s, k->c, text + 4, 6, k->now), 5);
    assert_int_equal(b, kit_byte(4));
    assert_int_equal(text[3], kit_byte(3));
    assert_int_equal(text[4], kit_byte(5));
    kit_end(k);
}

/* ---- reading is over ---- */

static void read_shut(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_RD, k->now), LA_OK);
    expect_quiet(k);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10});
    k->rcv += 10;
    fired(k, "TEXT_UNWANTED", 1);
    assert_int_equal(kit_recv(k, 10), 0);
    wait_for_segment(k, LA_MSEC(40));
    assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, RCVBUF - 10);
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(no_keep_alive),      cmocka_unit_test(keep_alive_default),
        cmocka_unit_test(keep_alive_waits),   cmocka_unit_test(keep_alive_gives_up),
        cmocka_unit_test(address_comes_back), cmocka_unit_test(address_moves),
        cmocka_unit_test(no_user_timeout),    cmocka_unit_test(no_reports),
        cmocka_unit_test(no_neighbour),       cmocka_unit_test(ip_fields),
        cmocka_unit_test(local_address),      cmocka_unit_test(urgent_of_any_length),
        cmocka_unit_test(urgent_out_of_band), cmocka_unit_test(read_shut),
    };
    return MATRIX(rows);
}
