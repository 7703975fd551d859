/* test_bug_classes.c: how TCP stacks go wrong, where no row of the matrix says it already.  The
 * list, and the test of each class, is tests/conformance/bug_classes.tsv. */
#include "matrix/rows.h"
#include "sim/prog.h"

static void no_delay(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_NODELAY, 1, now), LA_OK);
}

/* ---- simultaneous open converges ---- */

static bool both_connected(void *ctx)
{
    struct sim_app **app = ctx;
    return app[0]->connected && app[1]->connected;
}

/* Both connect to each other at the same moment, on a wire that loses the n-th segment of one side:
 * they find each other, in few segments, and close in order. */
static void simultaneous_open(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 4; lost++) {
        struct sim_pair p;
        struct sim_app *app[2];
        struct sim_app_config stays = {.end = SIM_APP_STAYS};
        assert_true(sim_pair_new(&p, 3 + lost, NULL, NULL));
        struct la_endpoint c = {p.client4, 4000, -1}, s = {p.server4, 5000, -1};
        if (lost)
            sim_wire_from(p.link, p.client)->loss_mask = 1U << (lost - 1);
        app[0] = sim_app_connect(p.client, &c, &s, &stays);
        app[1] = sim_app_connect(p.server, &s, &c, &stays);
        assert_int_equal(sim_run_until(p.sim, both_connected, app, sim_now(p.sim) + LA_SEC(10)),
                         SIM_OK);
        (void)sim_run_for(p.sim, LA_SEC(20));
        uint64_t frames =
            sim_stats_from(p.link, p.client)->frames + sim_stats_from(p.link, p.server)->frames;
        assert_in_range(frames, 4, 12); /* two SYNs, two SYN,ACKs, and what repairs */
        sim_app_close(app[0]);
        sim_app_close(app[1]);
        assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
        assert_int_equal(sim_leaks(p.sim, true), 0);
        sim_pair_free(&p);
    }
}

/* ---- TIME-WAIT assassination: RFC 1337's three hazards, and the next incarnation ---- */

static void old_segments_in_time_wait(void **state)
{
    struct kit *k = in_time_wait((struct how){.text = 100});
    (void)state;
    /* Old data draws an ACK, the peer's RST to that is ignored, and the wait is as it was. */
    in(k, (struct seg){.flags = P | A, .seq = k->rcv - 50, .ack = k->una, .len = 10});
    fired(k, "TW_OLD_SEGMENT", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = R, .seq = k->rcv});
    fired(k, "TW_RST_IGNORED", 1);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt - 1});
    expect_quiet(k);
    expect_state(k, LA_TIME_WAIT);
    kit_end(k);
}

/* The pair is in use again.  Data, ACKs, FINs and RSTs of the first incarnation change nothing. */
static void old_segments_in_the_next_life(void **state)
{
    struct kit *k = in_time_wait((struct how){.bare = true, .offer_ts = true, .text = 100});
    uint32_t old_rcv = k->rcv, old_nxt = k->nxt, old_ts = k->tsval;
    struct seg g;
    (void)state;
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    kit_listen(k);
    pass(k, LA_SEC(2));
    uint32_t irs = old_rcv + 1000;
    in(k, (struct seg){.flags = S,
                       .seq = irs,
                       .opts = {.has_mss = true, .mss = 1460, .has_ts = true, .tsval = k->tsval}});
    fired(k, "TW_SYN_ACCEPTED", 1);
    assert_true(kit_take(k, &g));
    in(k, (struct seg){.flags = A, .seq = irs + 1, .ack = g.seq + 1});
    fired(k, "PASSIVE_OPEN", 1);
    kit_accept(k);
    const struct tcp_opts old = {.has_ts = true, .tsval = old_ts};
    const struct seg dead[] = {
        {.flags = P | A, .seq = old_rcv - 100, .ack = old_nxt, .len = 100, .opts = old},
        {.flags = P | A, .seq = irs + 1, .ack = old_nxt, .len = 100, .opts = old}, /* by chance */
        {.flags = F | A, .seq = old_rcv - 1, .ack = old_nxt, .opts = old},
        {.flags = A, .seq = old_rcv, .ack = old_nxt, .opts = old},
        {.flags = R, .seq = old_rcv, .opts = old},
    };
    for (unsigned i = 0; i < sizeof dead / sizeof *dead; i++) {
        in(k, dead[i]);
        while (kit_take(k, &g))
            assert_int_equal(g.flags, A);
        assert_int_equal(kit_status(k).state, LA_ESTABLISHED);
        assert_int_equal(kit_status(k).rcv_nxt, irs + 1);
        assert_int_equal(kit_recv(k, 100), LA_EAGAIN);
    }
    kit_end(k);
}

/* The peer has crashed and opens the same pair anew, without the timestamps that were agreed: it
 * hears where we are, resets the old connection, and its next SYN finds the listener. */
static void restarted_without_timestamps(void **state)
{
    (void)state;
    for (unsigned established = 0; established < 2; established++) {
        struct how how = {.passive = true, .bare = true, .offer_ts = true};
        struct kit *k = established ? in_established(how) : in_syn_received(how);
        const struct seg syn = {.flags = S, .seq = k->rcv - 500000, .no_ts = true};
        in(k, syn);
        fired(k, "SEQ_OUT_OF_WINDOW", 1);
        (void)expect(k, A, k->nxt, k->rcv);
        in(k, (struct seg){.flags = R, .seq = k->rcv}); /* RFC 9293 figure 9 */
        if (established)
            assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
        expect_state(k, LA_LISTEN);
        in(k, syn);
        (void)expect(k, S | A, ISS, syn.seq + 1);
        kit_end(k);
    }
}

/* ---- the tail of the stream ---- */

/* close() with much queued: the peer gets all of it, then the FIN. */
static void close_sends_everything(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint32_t end = ISS + 1 + 300000;
    bool fin = false;
    struct seg g;
    (void)state;
    assert_int_equal(kit_send(k, 300000, 0), 300000);
    assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
    while (!fin) {
        while (kit_take(k, &g)) { /* the kit compares each byte */
            assert_int_equal(g.seq, k->nxt);
            k->nxt += g.len;
            fin |= (g.flags & F) != 0;
        }
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt + fin});
    }
    assert_int_equal(k->nxt, end);
    k->una = ++k->nxt;
    expect_state(k, LA_FIN_WAIT_2);
    kit_end(k);
}

/* ---- no residue ---- */

/* Health checks: SYN, SYN,ACK, RST; and those that complete the handshake, then RST. */
static void health_checks(void **state)
{
    struct kit *k = in_listen(PLAIN);
    struct la_usage u;
    struct seg g;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint16_t port = (uint16_t)(1024 + i);
        in(k, (struct seg){.flags = S, .seq = IRS, .sport = port, .opts = kit_syn_options(k)});
        assert_true(kit_take(k, &g));
        if (i % 2) {
            k->ts = round_options();
            in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .sport = port});
            k->ts = false;
            kit_accept(k);
        }
        in(k, (struct seg){.flags = R, .seq = IRS + 1, .sport = port});
        if (i % 2) {
            assert_int_equal(kit_recv(k, 1), LA_ECONNRESET);
            assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
        }
        expect_quiet(k);
    }
    la_usage(k->s, &u);
    assert_int_equal(u.conns + u.embryos + u.time_wait + u.blocks + u.ranges, 0);
    kit_end(k);
}

/* ---- reordering, and the whole window ---- */

/* Segments that arrive two places late are no loss. */
static void mild_reordering(void **state)
{
    struct kit *k = in_established((struct how){.tune = no_delay});
    uint32_t mss = kit_mss(k);
    struct seg g;
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        assert_int_equal(kit_send(k, 4 * mss, 0), 4 * mss);
        while (kit_take(k, &g))
            k->nxt += g.len;
        for (unsigned i = 1; i <= 2; i++) { /* the second and third came before the first */
            g = (struct seg){.flags = A, .seq = k->rcv, .ack = k->una};
            if (k->sack) {
                g.opts.nsack = 1;
                g.opts.sack[0] =
                    (struct sack_block){seq(k->una + mss), seq(k->una + mss + i * mss)};
            }
            in(k, g);
            fired(k, "RECOVERY_ENTER", 0);
            expect_quiet(k);
        }
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
        fired(k, "RETRANSMIT", 0);
        k->una = k->nxt;
    }
    kit_end(k);
}

/* All of the window can be out of order. */
static void whole_window_out_of_order(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    (void)state;
    for (uint32_t at = 1000; at < RCVBUF; at += 1000) {
        in(k, (struct seg){.flags = A, .seq = k->rcv + at, .ack = k->una, .len = 1000});
        fired(k, "TEXT_ABOVE_GAP", 1);
        g = expect(k, A, k->nxt, k->rcv);
        if (k->sack)
            assert_int_equal(g.opts.sack[0].end.v, k->rcv + at + 1000);
    }
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 1000});
    k->rcv += RCVBUF;
    assert_int_equal(expect(k, A, k->nxt, k->rcv).wnd, 0);
    assert_int_equal(kit_recv(k, 2 * RCVBUF), RCVBUF);
    kit_end(k);
}

/* ---- attackers ---- */

/* CVE-2016-5696: what one connection was challenged says nothing about another. */
static void challenges_are_counted_apart(void **state)
{
    struct kit *k = in_listen((struct how){.bare = true});
    struct seg g;
    la_conn c[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint16_t port = (uint16_t)(B_PORT + i);
        in(k, (struct seg){.flags = S, .seq = IRS, .sport = port});
        assert_true(kit_take(k, &g));
        in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1, .sport = port});
        assert_int_equal(la_accept(k->s, k->listener, k->now, &c[i]), LA_OK);
    }
    for (unsigned i = 0; i < 500; i++) { /* the attacker's own connection */
        in(k, (struct seg){.flags = R, .seq = IRS + 100, .sport = B_PORT + 1});
        fired(k, i ? "CHALLENGE_LIMITED" : "CHALLENGE_ACK", 1);
        assert_int_equal(kit_take(k, &g), i == 0);
    }
    in(k, (struct seg){.flags = R, .seq = IRS + 100});
    fired(k, "CHALLENGE_ACK", 1);
    (void)expect(k, A, ISS + 1, IRS + 1);
    kit_end(k);
}

/* An ACK cut into a thousand makes the window no larger than the whole one does (RFC 3465). */
static void divided_acks(void **state)
{
    uint32_t cwnd[2];
    (void)state;
    for (unsigned divided = 0; divided < 2; divided++) {
        struct kit *k = in_established((struct how){.tune = no_delay});
        uint32_t mss = kit_mss(k), most = 2 * mss, start = kit_status(k).cwnd;
        struct seg g;
        assert_int_equal(kit_send(k, 40 * mss, 0), 40 * mss);
        while (kit_take(k, &g))
            k->nxt += g.len;
        if (divided) {
            for (uint32_t ack = k->una + 1; ack != k->una + most + 1; ack++)
                in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = ack});
        } else {
            in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + most});
        }
        cwnd[divided] = kit_status(k).cwnd - start;
        kit_end(k);
    }
    assert_in_range(cwnd[1], 0, cwnd[0]);
}

/* Duplicate ACKs by the hundred: no more leaves than what they could have let out. */
static void spoofed_duplicates(void **state)
{
    struct kit *k = in_established((struct how){.bare = true, .tune = no_delay});
    uint32_t mss = kit_mss(k), sent = 0;
    struct seg g;
    (void)state;
    assert_int_equal(kit_send(k, 40 * mss, 0), 40 * mss);
    while (kit_take(k, &g))
        k->nxt += g.len;
    uint32_t flight = k->nxt - k->una;
    for (unsigned i = 0; i < 1000; i++) {
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una});
        while (kit_take(k, &g))
            sent += g.len;
    }
    /* RFC 5681 §3.2 step 4 inflates for each; RFC 6582 §9 has it end at what is outstanding. */
    assert_in_range(sent, mss, flight + mss);
    kit_end(k);
}

/* ---- offload ---- */

/* The device cuts by the peer's MSS less our options, whatever the link takes. */
static void offload_keeps_the_mss(void **state)
{
    struct kit *k = in_established((struct how){.mss = 1000, .tso = true});
    uint32_t mss = 1000U - (k->ts ? 12 : 0);
    struct la_frame f;
    uint32_t large = 0;
    (void)state;
    assert_int_equal(kit_mss(k), mss);
    assert_int_equal(kit_send(k, 8 * mss, 0), 8 * mss);
    while (la_tx(k->s, 0, &f, k->now)) {
        uint32_t payload = f.len - (round_v6() ? 60 : 40) - (k->ts ? 12 : 0);
        assert_int_equal(f.csum, LA_CSUM_PARTIAL);
        if (payload > mss)
            assert_int_equal(f.gso_size, mss);
        large = payload > large ? payload : large;
    }
    assert_true(large > mss); /* it was used */
    kit_end(k);
}

/* A FIN that was no FIN, as the stream goes on beyond it (forged, or a broken peer's), is
 * forgotten: the one that comes in order counts, and its sender is not left without an ACK for
 * ever. */
static void fin_inside_the_stream(void **state)
{
    struct kit *k = in_established(PLAIN);
    (void)state;
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 500, .ack = k->una});
    fired(k, "FIN_ABOVE_GAP", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 1000});
    k->rcv += 1000;
    fired(k, "FIN_RECEIVED", 0);
    pass(k, LA_SEC(1));
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 100, .ack = k->una}); /* above a gap again */
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = P | A, .seq = k->rcv, .ack = k->una, .len = 100});
    k->rcv += 101;
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
    /* In order, while the false one still lies ahead. */
    k = in_established(PLAIN);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv + 500, .ack = k->una});
    (void)expect(k, A, k->nxt, k->rcv);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una});
    k->rcv += 1;
    fired(k, "FIN_RECEIVED", 1);
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_CLOSE_WAIT);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(old_segments_in_time_wait),
        cmocka_unit_test(old_segments_in_the_next_life),
        cmocka_unit_test(restarted_without_timestamps),
        cmocka_unit_test(close_sends_everything),
        cmocka_unit_test(health_checks),
        cmocka_unit_test(mild_reordering),
        cmocka_unit_test(whole_window_out_of_order),
        cmocka_unit_test(challenges_are_counted_apart),
        cmocka_unit_test(divided_acks),
        cmocka_unit_test(spoofed_duplicates),
        cmocka_unit_test(offload_keeps_the_mss),
        cmocka_unit_test(fin_inside_the_stream),
    };
    return MATRIX(rows);
}
