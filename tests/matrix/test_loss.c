/* test_loss.c: what a connection does about loss, idleness and a lack of memory (RFC 5681, RFC
 * 6582, RFC 6675, RFC 2883, RFC 4821). */
#include "matrix/rows.h"

static void no_delay(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_NODELAY, 1, now), LA_OK);
}

/* Five full segments are in flight. */
static struct kit *five_out(bool sack)
{
    struct kit *k =
        in_established((struct how){.bare = true, .offer_sack = sack, .tune = no_delay});
    uint32_t mss = kit_mss(k);
    assert_int_equal(kit_send(k, 5 * mss, 0), 5 * mss);
    for (unsigned i = 0; i < 5; i++, k->nxt += mss)
        (void)expect_text(k, i < 4 ? A : P | A, k->nxt, k->rcv, mss);
    expect_quiet(k);
    return k;
}

/* B holds the last n of the five segments, but not the first. */
static void duplicate(struct kit *k, uint32_t n)
{
    struct seg g = {.flags = A, .seq = k->rcv, .ack = k->una};
    uint32_t mss = kit_mss(k);
    if (k->sack) {
        g.opts.nsack = 1;
        g.opts.sack[0] = (struct sack_block){seq(k->una + mss), seq(k->una + mss + n * mss)};
    }
    in(k, g);
    fired(k, "ACK_DUPLICATE", 1);
}

static void fast_retransmit(bool sack)
{
    struct kit *k = five_out(sack);
    uint32_t mss = kit_mss(k);
    duplicate(k, 1);
    duplicate(k, 2);
    fired(k, "RECOVERY_ENTER", 0);
    expect_quiet(k);
    duplicate(k, 3);
    fired(k, "RECOVERY_ENTER", 1);
    (void)expect_text(k, A, k->una, k->rcv, mss);
    expect_quiet(k);
    /* ssthresh is half of what was in flight (RFC 5681 eq. 4). */
    assert_int_equal(kit_status(k).ssthresh, 5 * mss / 2);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    fired(k, "RECOVERY_EXIT", 1);
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    kit_end(k);
}
static void three_duplicates(void **state)
{
    (void)state;
    fast_retransmit(false);
}
static void three_sacks(void **state)
{
    (void)state;
    fast_retransmit(true);
}

/* RFC 3042: the first two duplicates let a new segment go each, and cwnd is as before. */
static void limited_transmit(void **state)
{
    struct kit *k = in_established((struct how){.bare = true, .tune = no_delay});
    uint32_t mss = kit_mss(k), cwnd = 10 * mss;
    struct seg g;
    (void)state;
    assert_int_equal(kit_send(k, 15 * mss, 0), 15 * mss);
    while (kit_take(k, &g))
        k->nxt += g.len;
    assert_int_equal(k->nxt - k->una, cwnd); /* RFC 6928 */
    for (unsigned i = 1; i <= 2; i++) {
        duplicate(k, i);
        (void)expect_text(k, A, k->nxt, k->rcv, mss);
        k->nxt += mss;
        expect_quiet(k);
        assert_int_equal(kit_status(k).cwnd, cwnd);
    }
    duplicate(k, 3);
    fired(k, "RECOVERY_ENTER", 1);
    (void)expect_text(k, A, k->una, k->rcv, mss);
    assert_int_equal(kit_status(k).ssthresh, cwnd / 2); /* the two do not count (RFC 5681 §3.2) */
    kit_end(k);
}

/* RFC 6582: a partial ACK shows the next hole. */
static void partial_ack(void **state)
{
    struct kit *k = five_out(false);
    uint32_t mss = kit_mss(k);
    (void)state;
    for (uint32_t i = 1; i <= 3; i++)
        duplicate(k, i);
    (void)expect_text(k, A, k->una, k->rcv, mss);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 2 * mss});
    k->una += 2 * mss;
    fired(k, "RECOVERY_PARTIAL", 1);
    (void)expect_text(k, A, k->una, k->rcv, mss);
    kit_end(k);
}

/* RFC 5681 §2: what carries text, moves the window or acknowledges anew is no duplicate. */
static void no_duplicate(void **state)
{
    struct kit *k = five_out(false);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 10});
    k->rcv += 10;
    fired(k, "ACK_DUPLICATE", 0);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .wnd = 2560});
    fired(k, "ACK_DUPLICATE", 0);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + 1, .wnd = 2560});
    fired(k, "ACK_DUPLICATE", 0);
    kit_end(k);
}

static void duplicate_sack(void **state)
{
    struct kit *k = in_established((struct how){.offer_sack = true});
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    wait_for_segment(k, LA_SEC(1)); /* in vain: it had arrived */
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    struct seg g = {.flags = A, .seq = k->rcv, .ack = k->nxt};
    g.opts.nsack = 1;
    g.opts.sack[0] = (struct sack_block){seq(k->una), seq(k->nxt)};
    in(k, g);
    fired(k, "DSACK_SEEN", 1);
    kit_end(k);
}

/* Karn (MUST-18): the ACK of what was sent twice measures nothing. */
static void karn(void **state)
{
    struct kit *k = in_established((struct how){.bare = true, .rtt = LA_MSEC(100)});
    (void)state;
    assert_int_equal(kit_send(k, 10, 0), 10);
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    wait_for_segment(k, LA_SEC(1));
    (void)expect_text(k, P | A, k->nxt, k->rcv, 10);
    k->nxt += 10;
    pass(k, LA_MSEC(1));
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    assert_int_equal(kit_status(k).srtt_us, 100000);
    kit_end(k);
}

/* RFC 5681 §4.1: after an RTO of silence the window is what a new connection would have. */
static void idle_restart(void **state)
{
    struct kit *k = in_established(PLAIN);
    struct seg g;
    uint32_t mss = kit_mss(k), first = 10 * mss < 14600 ? 10 * mss : 14600; /* RFC 6928 §2 */
    (void)state;
    assert_int_equal(kit_send(k, 20 * mss, 0), 20 * mss);
    for (unsigned i = 0; i < 2; i++) {
        while (kit_take(k, &g))
            k->nxt += g.len;
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
        k->una = k->nxt;
    }
    assert_true(kit_status(k).cwnd > first);
    pass(k, LA_SEC(2));
    assert_int_equal(kit_send(k, 10, 0), 10);
    assert_true(kit_take(k, &g));
    fired(k, "IDLE_RESTART", 1);
    assert_int_equal(kit_status(k).cwnd, first);
    kit_end(k);
}

/* Full segments vanish without a word: after four timeouts smaller ones are tried. */
static void black_hole(void **state)
{
    struct kit *k = in_established(PLAIN);
    uint32_t mss = kit_mss(k), smaller = round_v6() ? 1280 - 60 : 1024 - 40;
    (void)state;
    smaller -= k->ts ? 12 : 0;
    assert_int_equal(kit_send(k, mss, 0), mss);
    (void)expect_text(k, P | A, k->nxt, k->rcv, mss);
    k->nxt += mss;
    for (unsigned i = 1; i <= 4; i++) {
        wait_for_segment(k, LA_SEC(10));
        fired(k, "PMTU_BLACK_HOLE", i == 4);
        (void)expect_text(k, i < 4 ? P | A : A, k->una, k->rcv, i < 4 ? mss : smaller);
    }
    assert_int_equal(kit_status(k).pmtu, round_v6() ? 1280 : 1024);
    kit_end(k);
}

/* A full segment is out and lost; until the n-th timeout, which sends `len` bytes of it. */
static struct kit *stalled(unsigned n, uint32_t len)
{
    struct kit *k = in_established(PLAIN);
    struct seg g = {0};
    assert_int_equal(kit_send(k, kit_mss(k), 0), kit_mss(k));
    (void)expect_text(k, P | A, k->nxt, k->rcv, kit_mss(k));
    k->nxt += kit_mss(k);
    for (unsigned i = 0; i < n; i++) {
        wait_for_segment(k, LA_SEC(61));
        assert_true(kit_take(k, &g));
        assert_int_equal(g.seq, k->una);
    }
    assert_int_equal(g.len, len);
    return k;
}

/* C34: smaller ones vanish too: it was not their size, and other connections should not suffer.
 * This one goes on with them, and is back to full ones with the first progress. */
static void black_hole_in_vain(void **state)
{
    uint32_t ts = round_options() ? 12 : 0, least = (round_v6() ? 1280 - 60 : 576 - 40) - ts;
    unsigned steps = round_v6() ? 1 : 2;
    struct kit *k = stalled(3 + steps, least);
    (void)state;
    assert_int_equal(kit_status(k).pmtu, round_v6() ? 1280 : 576);
    wait_for_segment(k, LA_SEC(61));
    fired(k, "PMTU_RESTORED", 1);
    (void)expect_text(k, A, k->una, k->rcv, least);
    assert_int_equal(kit_status(k).pmtu, 1500);
    wait_for_segment(k, LA_SEC(61));
    fired(k, "PMTU_BLACK_HOLE", 0);
    (void)expect_text(k, A, k->una, k->rcv, least);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    assert_int_equal(kit_send(k, kit_mss(k), 0), kit_mss(k));
    (void)expect_text(k, P | A, k->nxt, k->rcv, kit_mss(k));
    kit_end(k);
}

/* They get through: that is what the path takes. */
static void black_hole_found(void **state)
{
    uint32_t ts = round_options() ? 12 : 0, less = (round_v6() ? 1280 - 60 : 1024 - 40) - ts;
    struct kit *k = stalled(4, less);
    (void)state;
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una + less});
    k->una += less;
    (void)expect_text(k, P | A, k->una, k->rcv, kit_mss(k) - less);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    fired(k, "PMTU_RESTORED", 0);
    (void)expect(k, R | A, k->nxt, k->rcv);
    kit_end(k);
}

/* An error says why nothing comes back: before (nothing is suspected) or after (it is taken back).
 * A connection that ends without progress takes it back too. */
static void black_hole_explained(void **state)
{
    uint32_t ts = round_options() ? 12 : 0, less = (round_v6() ? 1280 - 60 : 1024 - 40) - ts;
    struct kit *k = stalled(2, (round_v6() ? 1500 - 60 : 1500 - 40) - ts);
    (void)state;
    icmp(k, SOFT, 0, k->una);
    for (unsigned i = 0; i < 5; i++) {
        wait_for_segment(k, LA_SEC(61));
        fired(k, "PMTU_BLACK_HOLE", 0);
        (void)expect_text(k, P | A, k->una, k->rcv, kit_mss(k));
    }
    kit_end(k);
    k = stalled(4, less);
    icmp(k, SOFT, 0, k->una);
    fired(k, "PMTU_RESTORED", 1);
    assert_int_equal(kit_status(k).pmtu, 1500);
    kit_end(k);
    k = stalled(4, less);
    kit_mark(k);
    assert_int_equal(la_abort(k->s, k->c, k->now), LA_OK);
    fired(k, "PMTU_RESTORED", 1);
    (void)expect(k, R | A, k->nxt, k->rcv);
    kit_end(k);
}

/* ---- a lack of memory refuses, and never breaks the stream ---- */

static void no_block_to_receive(void **state)
{
    struct kit *k = in_established((struct how){.max_blocks = 1});
    (void)state;
    for (unsigned i = 0; i < 6; i++) { /* the block has 4096 bytes or a little less */
        in(k, (struct seg){.flags = A, .seq = IRS + 1 + i * 1000, .ack = k->una, .len = 1000});
        fired(k, "TEXT_REFUSED", i >= 4);
    }
    int64_t got = kit_recv(k, 10000);
    assert_in_range(got, 3000, 4096);
    k->rcv += (uint32_t)got;
    struct seg g;
    while (kit_take(k, &g))
        assert_int_equal(g.ack, k->rcv);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .len = 1000});
    fired(k, "TEXT_REFUSED", 0); /* it came again, and there is room */
    assert_int_equal(kit_recv(k, 10000), 1000);
    kit_end(k);
}

/* What the program was told since it was last looked at. */
static uint32_t told(struct kit *k)
{
    struct la_event ev;
    uint32_t what = 0;
    while (la_next_event(k->s, &ev))
        what |= ev.what;
    return what;
}

static void no_block_to_send(void **state)
{
    struct kit *k = in_established((struct how){.max_blocks = 1});
    (void)state;
    int64_t took = kit_send(k, 10000, 0);
    fired(k, "SEND_NO_BLOCK", 1);
    assert_in_range(took, 3000, 4096);
    struct seg g;
    uint32_t what = 0;
    for (unsigned i = 0; i < 2; i++) {
        while (kit_take(k, &g))
            k->nxt += g.len;
        what |= told(k);
        in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
        what |= told(k);
    }
    assert_int_equal(k->nxt - (ISS + 1), took);
    assert_int_equal(what, LA_EV_WRITABLE | LA_EV_SENT);
    assert_int_equal(kit_send(k, 100, 0), 100);
    kit_end(k);
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(three_duplicates),
        cmocka_unit_test(three_sacks),
        cmocka_unit_test(limited_transmit),
        cmocka_unit_test(partial_ack),
        cmocka_unit_test(no_duplicate),
        cmocka_unit_test(duplicate_sack),
        cmocka_unit_test(karn),
        cmocka_unit_test(idle_restart),
        cmocka_unit_test(black_hole),
        cmocka_unit_test(black_hole_in_vain),
        cmocka_unit_test(black_hole_found),
        cmocka_unit_test(black_hole_explained),
        cmocka_unit_test(no_block_to_receive),
        cmocka_unit_test(no_block_to_send),
    };
    return MATRIX(rows);
}
