/* test_syn_sent.c: SYN-SENT (RFC 9293 §3.10.7.3), with erratum 8167: a RST's sequence number is not
 * tested. */
#include "matrix/rows.h"

static struct seg syn(struct kit *k, uint8_t flags, uint32_t ack)
{
    return (struct seg){.flags = flags, .seq = IRS, .ack = ack, .opts = kit_syn_options(k)};
}

/* The peer's SYN has come, and what it offered is agreed. */
static void agree(struct kit *k)
{
    struct tcp_opts o = kit_syn_options(k);
    k->ts = o.has_ts;
    k->sack = o.sack_permitted;
    k->ws = o.has_wscale;
}

/* ---- calls ---- */

static void send_waits(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    (void)state;
    assert_int_equal(kit_send(k, 100, 0), 100);
    expect_quiet(k);
    expect_state(k, LA_SYN_SENT);
    in(k, syn(k, S | A, ISS + 1));
    agree(k);
    (void)expect_text(k, P | A, ISS + 1, IRS + 1, 100);
    expect_quiet(k);
    kit_end(k);
}

/* CLOSE and ABORT: the TCB goes, nothing leaves; a late SYN,ACK meets CLOSED. */
static void gone(bool aborted)
{
    struct kit *k = in_syn_sent(PLAIN);
    assert_int_equal(kit_send(k, 100, 0), 100);
    kit_mark(k);
    assert_int_equal(aborted ? la_abort(k->s, k->c, k->now) : la_close(k->s, k->c, k->now), LA_OK);
    fired(k, "RST_SENT", 0);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    struct la_record r = kit_record(k);
    assert_int_equal(r.cause, aborted ? LA_CAUSE_ABORT : LA_CAUSE_CLOSE);
    assert_int_equal(r.error, LA_ECONNABORTED);
    assert_int_equal(r.last_state, LA_SYN_SENT);
    assert_int_equal(r.bytes_unacked, 100);
    in(k, syn(k, S | A, ISS + 1));
    (void)expect(k, R, ISS + 1, 0);
    kit_end(k);
}
static void close_call(void **state)
{
    (void)state;
    gone(false);
}
static void abort_call(void **state)
{
    (void)state;
    gone(true);
}

/* ---- RST ---- */

static void rst_refuses(void **state)
{
    static const uint32_t any_seq[] = {0, IRS, IRS + 1, 0x7fffffff, 0xffffffff};
    (void)state;
    for (unsigned i = 0; i < sizeof any_seq / sizeof *any_seq; i++) {
        struct kit *k = in_syn_sent(PLAIN);
        in(k, (struct seg){.flags = R | A, .seq = any_seq[i], .ack = ISS + 1});
        fired(k, "SYNSENT_REFUSED", 1);
        expect_quiet(k);
        expect_state(k, LA_CLOSED);
        expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
        assert_int_equal(kit_recv(k, 1), LA_ECONNREFUSED);
        struct la_record r = kit_record(k);
        assert_int_equal(r.cause, LA_CAUSE_REFUSED);
        assert_int_equal(r.rst_by, LA_SIDE_PEER);
        kit_end(k);
    }
}

static void rst_dropped(uint8_t flags, uint32_t ack, const char *rule)
{
    struct kit *k = in_syn_sent(PLAIN);
    in(k, (struct seg){.flags = flags, .seq = IRS, .ack = ack});
    fired(k, rule, 1);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_SYN_SENT);
    kit_end(k);
}
static void rst_without_ack(void **state)
{
    (void)state;
    rst_dropped(R, 0, "SYNSENT_RST_NOACK");
    rst_dropped(R | S, 0, "SYNSENT_RST_NOACK");
}
static void rst_bad_ack(void **state)
{
    (void)state;
    rst_dropped(R | A, ISS, "SYNSENT_BAD_ACK_RST");
    rst_dropped(R | A, ISS + 2, "SYNSENT_BAD_ACK_RST");
    rst_dropped(R | S | A, ISS - 1, "SYNSENT_BAD_ACK_RST");
}

/* ---- SYN ---- */

static void syn_crossed(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    (void)state;
    in(k, syn(k, S, 0));
    k->rcv = IRS + 1;
    fired(k, "SYNSENT_CROSSED", 1);
    struct seg g = expect(k, S | A, ISS, IRS + 1);
    assert_int_equal(g.opts.has_ts, round_options());
    assert_int_equal(g.opts.has_wscale, round_options());
    expect_quiet(k);
    expect_state(k, LA_SYN_RECEIVED);
    expect_events(k, 0);
    assert_int_equal(kit_status(k).snd_wnd, WND); /* C2: in this branch too, and never scaled */
    kit_end(k);
}

static void syn_ack(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    (void)state;
    in(k, syn(k, S | A, ISS + 1));
    agree(k);
    k->una = ISS + 1;
    k->rcv = IRS + 1;
    fired(k, "SYNSENT_OPEN", 1);
    struct seg g = expect(k, A, ISS + 1, IRS + 1);
    assert_int_equal(g.wnd, RCVBUF);
    assert_int_equal(g.opts.has_ts, round_options());
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE);
    assert_int_equal(kit_status(k).snd_wnd, WND);
    assert_int_equal(kit_status(k).mss, (round_v6() ? 1440 : 1460) - (round_options() ? 12 : 0));
    kit_end(k);
}

/* ---- ACK ---- */

static void dropped(uint8_t flags, uint32_t len)
{
    struct kit *k = in_syn_sent(PLAIN);
    in(k, (struct seg){.flags = flags, .seq = IRS + 1, .ack = ISS + 1, .len = len, .up = 1});
    fired(k, "SYNSENT_NO_SYN", 1);
    expect_quiet(k);
    expect_events(k, 0);
    expect_state(k, LA_SYN_SENT);
    kit_end(k);
}
static void ack_ok(void **state)
{
    (void)state;
    dropped(A, 0);
}
static void urg_no_syn(void **state)
{
    (void)state;
    dropped(U, 10);
    dropped(U | A, 10);
}
static void data_no_syn(void **state)
{
    (void)state;
    dropped(0, 10);
    dropped(A, 10);
}
static void fin_no_syn(void **state)
{
    (void)state;
    dropped(F, 0);
    dropped(F | A, 0);
}

/* An old connection's other half is told; ours goes on (figure 9). */
static void ack_bad(void **state)
{
    static const uint32_t bad[] = {ISS, ISS - 1, ISS + 2, ISS + 0x7fffffff, ISS + 0x80000001};
    static const uint8_t flags[] = {A, S | A, F | A};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (unsigned j = 0; j < sizeof flags; j++) {
            struct kit *k = in_syn_sent(PLAIN);
            in(k, (struct seg){.flags = flags[j], .seq = IRS, .ack = bad[i]});
            fired(k, "SYNSENT_BAD_ACK", 1);
            (void)expect(k, R, bad[i], 0);
            expect_quiet(k);
            expect_state(k, LA_SYN_SENT);
            wait_for_segment(k, LA_SEC(1));
            (void)expect(k, S, ISS, 0);
            kit_end(k);
        }
}

/* ---- what rides on SYN,ACK counts as in ESTABLISHED ---- */

static struct kit *rider(uint8_t flags, uint32_t len, uint16_t up, uint32_t takes)
{
    struct kit *k = in_syn_sent(PLAIN);
    struct seg g = syn(k, (uint8_t)(S | A | flags), ISS + 1);
    g.len = len;
    g.up = up;
    in(k, g);
    agree(k);
    k->una = ISS + 1;
    k->rcv = IRS + 1 + takes;
    fired(k, "SYNSENT_OPEN", 1);
    (void)expect(k, A, ISS + 1, IRS + 1 + takes);
    expect_quiet(k);
    return k;
}

static void urg_syn_ack(void **state)
{
    struct kit *k = rider(U, 10, 5, 10);
    (void)state;
    fired(k, "URG_SEEN", 1);
    expect_state(k, LA_ESTABLISHED);
    expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE | LA_EV_READABLE | LA_EV_URGENT);
    kit_end(k);
}

static void data_syn_ack(void **state)
{
    struct kit *k = rider(0, 10, 0, 10);
    (void)state;
    expect_state(k, LA_ESTABLISHED);
    expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE | LA_EV_READABLE);
    assert_int_equal(kit_recv(k, 100), 10);
    kit_end(k);
    k = rider(0, RCVBUF + 100, 0, RCVBUF); /* no more than our SYN announced */
    expect_state(k, LA_ESTABLISHED);
    assert_int_equal(kit_status(k).rcv_wnd, 0);
    kit_end(k);
}

static void fin_syn_ack(void **state)
{
    struct kit *k = rider(F, 10, 0, 11);
    (void)state;
    fired(k, "FIN_RECEIVED", 1);
    expect_state(k, LA_CLOSE_WAIT);
    expect_events(k, LA_EV_CONNECTED | LA_EV_WRITABLE | LA_EV_READABLE | LA_EV_PEER_CLOSED);
    kit_end(k);
    k = rider(F, RCVBUF, 0, RCVBUF + 1); /* at the edge it needs no room (C31) */
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
    k = rider(F, RCVBUF + 1, 0, RCVBUF); /* beyond it, it comes again */
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}

/* No window yet: any number of the peer's is as good as another. */
static void any_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct kit *k = in_syn_sent(PLAIN);
        struct seg g = syn(k, S | A, ISS + 1);
        g.seq = i * 0x11111111U;
        in(k, g);
        (void)expect(k, A, ISS + 1, g.seq + 1);
        kit_end(k);
    }
}

/* ---- time ---- */

/* RTO 1 s, doubled each time; R1 at the third, and the program hears of it (MUST-20, MUST-22). */
static void t_rtx(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    la_ns rto = HALF_OPEN_RTO;
    (void)state;
    for (unsigned i = 1; i <= 6; i++, rto *= 2) {
        la_ns before = k->now;
        wait_for_segment(k, LA_SEC(100));
        assert_int_equal(k->now - before, rto);
        fired(k, "RTO_EXPIRED", 1);
        fired(k, "RETRANSMIT", 1);
        fired(k, "R1_REACHED", i == 3);
        expect_events(k, i == 3 ? LA_EV_ERROR : 0);
        (void)expect(k, S, ISS, 0);
        expect_state(k, LA_SYN_SENT);
        assert_int_equal(kit_status(k).soft_error, i >= 3 ? LA_ETIMEDOUT : LA_OK);
    }
    kit_end(k);
}

/* MUST-23: not before three minutes. */
static void t_user(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    la_ns begin = k->now;
    struct seg g;
    (void)state;
    while (k->now < begin + LA_SEC(180) - 1) {
        la_ns left = begin + LA_SEC(180) - 1 - k->now;
        pass(k, left < LA_SEC(1) ? left : LA_SEC(1));
        while (kit_take(k, &g))
            assert_int_equal(g.flags, S);
        expect_state(k, LA_SYN_SENT);
    }
    pass(k, 1);
    fired(k, "SYN_TIMEOUT", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    assert_int_equal(kit_recv(k, 1), LA_ETIMEDOUT);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_SYN_TIMEOUT);
    kit_end(k);
}

/* ---- ICMP ---- */

static void icmp_hard(void **state)
{
    struct kit *k = in_syn_sent(PLAIN);
    (void)state;
    icmp(k, HARD, 0, ISS + 1); /* not in flight: not believed */
    fired(k, "ICMP_SEQ", 1);
    expect_state(k, LA_SYN_SENT);
    icmp(k, HARD, 0, ISS);
    fired(k, "ICMP_HARD_SYN", 1);
    expect_quiet(k);
    expect_state(k, LA_CLOSED);
    expect_events(k, LA_EV_CLOSED | LA_EV_READABLE);
    assert_int_equal(kit_recv(k, 1), LA_ECONNREFUSED);
    assert_int_equal(kit_record(k).cause, LA_CAUSE_ICMP);
    kit_end(k);
}

/* The buffer changes while the SYN is under way: the scale is the one that it offered, or the peer
 * would read each of our windows for another. */
static void scale_is_kept(void **state)
{
    struct kit *k = in_syn_sent((struct how){.offer_ws = true});
    struct tcp_opts o = kit_syn_options(k);
    (void)state;
    assert_int_equal(la_setopt(k->s, k->c, LA_OPT_RCVBUF, 1 << 20, k->now), LA_OK);
    wait_for_segment(k, LA_SEC(2));
    assert_int_equal(expect(k, S, ISS, 0).opts.wscale, 0); /* as before: RCVBUF fits 16 bits */
    in(k, (struct seg){.flags = S | A, .seq = IRS, .ack = ISS + 1, .opts = o});
    k->rcv = IRS + 1;
    k->una = k->nxt;
    k->ts = o.has_ts;
    k->sack = o.sack_permitted;
    k->ws = true;
    assert_in_range(expect(k, A, k->nxt, k->rcv).wnd, RCVBUF, 65535);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        SHARED("SYN-SENT/OPEN-passive", open_passive, place_syn_sent),
        SHARED("SYN-SENT/OPEN-active", open_active, place_syn_sent),
        ROW("SYN-SENT/SEND", send_waits),
        SHARED("SYN-SENT/RECEIVE", receive_nothing, place_syn_sent),
        ROW("SYN-SENT/CLOSE", close_call),
        ROW("SYN-SENT/ABORT", abort_call),
        SHARED("SYN-SENT/STATUS", status, place_syn_sent),
        ROW("SYN-SENT/SEG-RST/ack", rst_refuses),
        ROW("SYN-SENT/SEG-RST/no-ack", rst_without_ack),
        ROW("SYN-SENT/SEG-RST/bad-ack", rst_bad_ack),
        ROW("SYN-SENT/SEG-SYN/crossed", syn_crossed),
        ROW("SYN-SENT/SEG-SYN/ack", syn_ack),
        ROW("SYN-SENT/SEG-ACK-ok", ack_ok),
        ROW("SYN-SENT/SEG-ACK-bad", ack_bad),
        ROW("SYN-SENT/SEG-URG/no-syn", urg_no_syn),
        ROW("SYN-SENT/SEG-URG/syn-ack", urg_syn_ack),
        ROW("SYN-SENT/SEG-DATA/no-syn", data_no_syn),
        ROW("SYN-SENT/SEG-DATA/syn-ack", data_syn_ack),
        ROW("SYN-SENT/SEG-FIN/no-syn", fin_no_syn),
        ROW("SYN-SENT/SEG-FIN/syn-ack", fin_syn_ack),
        ROW("SYN-SENT/SEG-OOW", any_number),
        ROW("SYN-SENT/T-USER", t_user),
        ROW("SYN-SENT/T-RTX", t_rtx),
        SHARED("SYN-SENT/T-TIMEWAIT", no_2msl, place_syn_sent),
        ROW("SYN-SENT/ICMP-hard", icmp_hard),
        SHARED("SYN-SENT/ICMP-soft", icmp_soft, place_syn_sent),
        SHARED("SYN-SENT/ICMP-source-quench", icmp_quench, place_syn_sent),
        cmocka_unit_test(scale_is_kept),
    };
    return MATRIX(rows);
}
