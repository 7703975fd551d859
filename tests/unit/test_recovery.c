/* Loss recovery with SACK, one scripted ACK after the other: RFC 6675, 2018 and 2883, worked out by
 * hand. */
#include "unit/recovery_kit.h"

/* ---- no loss ---- */

static void window_lets_go_what_is_free(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    expect_none(&f);
    assert_int_equal(pipe(&f), 10000);
    assert_int_equal(ack(&f, 12000, no_blocks), RECOVERY_NOTHING); /* slow start: cwnd 12,000 */
    assert_int_equal(f.c.cwnd, 12000);
    expect(&f, RECOVERY_SEND_NEW, 20000, 4000);
    sent_new(&f, 4000);
    expect_none(&f);
    ack(&f, 24000, no_blocks);
    assert_int_equal(pipe(&f), 0);
    assert_int_equal(f.r.state, RECOVERY_OPEN);
    f.c.cwnd = 300; /* smaller than a segment: one may go all the same */
    expect(&f, RECOVERY_SEND_NEW, 24000, 1000);
    teardown(&f);
}

/* ---- RFC 6675 ---- */

/* The first of ten is lost; the receiver SACKs the others one by one. */
static void sack_one_loss(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 12000}}}), RECOVERY_NOTHING);
    expect(&f, RECOVERY_SEND_NEW, 20000, 1000); /* limited transmit: pipe 9,000 of 10,000 */
    sent_new(&f, 1000);
    expect_none(&f);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 13000}}}), RECOVERY_NOTHING);
    expect(&f, RECOVERY_SEND_NEW, 21000, 1000);
    sent_new(&f, 1000);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 14000}}}), RECOVERY_ENTERED);
    /* FlightSize 12,000, of which limited transmit's 2,000 do not count */
    assert_int_equal(f.c.ssthresh, 5000);
    assert_int_equal(f.c.cwnd, 5000);
    assert_int_equal(f.r.recover.v, 22000);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000); /* at once, though pipe is 8,000 */
    sent_again(&f, 10000, 1000);
    assert_int_equal(pipe(&f), 9000); /* [14, 22) and the one sent again */
    expect_none(&f);
    for (uint32_t end = 15000; end <= 17000; end += 1000)
        assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, end}}}), RECOVERY_NOTHING);
    expect_none(&f); /* pipe 6,000 */
    ack(&f, UNA, (struct blocks){{{11000, 18000}}});
    expect_none(&f); /* 5,000: cwnd - pipe is 0 */
    ack(&f, UNA, (struct blocks){{{11000, 19000}}});
    assert_int_equal(pipe(&f), 4000);
    expect(&f, RECOVERY_SEND_NEW, 22000, 1000);
    sent_new(&f, 1000);
    expect_none(&f);
    assert_int_equal(ack(&f, 22000, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.r.state, RECOVERY_OPEN);
    assert_int_equal(f.c.cwnd, 5000);
    expect(&f, RECOVERY_SEND_NEW, 23000, 4000);
    assert_int_equal(f.ranges.used, 0);
    teardown(&f);
}

/* Segments 0, 2 and 5 of twelve are lost: NextSeg rule 1 in order, then 2, then 3, then 4. */
static void sack_three_losses(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 12);
    ack(&f, UNA, (struct blocks){{{11000, 12000}}});
    ack(&f, UNA, (struct blocks){{{13000, 14000}, {11000, 12000}}});
    /* 3,000 SACKed above: more than two segments, and the third duplicate */
    assert_int_equal(ack(&f, UNA, (struct blocks){{{13000, 15000}, {11000, 12000}}}),
                     RECOVERY_ENTERED);
    assert_int_equal(f.c.cwnd, 6000);
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 1000);
    sent_again(&f, 10000, 1000);
    /* lost is what lies below 11,000: only 2,000 are SACKed above 12,000.  Pipe: [12, 13), [15, 22)
     * and the one sent again. */
    assert_int_equal(pipe(&f), 9000);
    ack(&f, UNA, (struct blocks){{{16000, 17000}, {13000, 15000}, {11000, 12000}}});
    /* now [12, 13) is lost too: [15, 16), [17, 22), and the one again */
    assert_int_equal(pipe(&f), 7000);
    expect_none(&f);
    ack(&f, UNA, (struct blocks){{{16000, 18000}, {13000, 15000}, {11000, 12000}}});
    assert_int_equal(pipe(&f), 6000);
    ack(&f, UNA, (struct blocks){{{16000, 19000}, {13000, 15000}, {11000, 12000}}});
    /* [15, 16) is lost: [19, 22) and the one again: 4,000 */
    assert_int_equal(pipe(&f), 4000);
    expect(&f, RECOVERY_SEND_AGAIN, 12000, 1000);
    sent_again(&f, 12000, 1000);
    assert_int_equal(pipe(&f), 5000);
    expect(&f, RECOVERY_SEND_AGAIN, 15000, 1000);
    sent_again(&f, 15000, 1000);
    assert_int_equal(pipe(&f), 6000);
    expect_none(&f);
    assert_int_equal(ack(&f, 12000, (struct blocks){{{16000, 19000}, {13000, 15000}}}),
                     RECOVERY_PARTIAL);
    assert_int_equal(pipe(&f), 5000);
    expect(&f, RECOVERY_SEND_NEW, 22000, 1000); /* rule 2 */
    /* Nothing new: rule 3 finds no hole below 19,000 that was not sent again; rule 4 wants una
     * above 11,000 and the highest segment that is not SACKed. */
    expect_last_resort(&f, RECOVERY_SEND_AGAIN, 21000, 1000);
    sent_again(&f, 21000, 1000);
    expect_last_resort(&f, RECOVERY_SEND_NONE, 0, 0); /* once */
    assert_int_equal(f.r.high_rxt.v, 16000);          /* not moved by it */
    assert_int_equal(ack(&f, 19000, no_blocks), RECOVERY_PARTIAL);
    assert_int_equal(ack(&f, 22000, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.c.cwnd, 6000);
    teardown(&f);
}

/* Rule 3: a hole below what is SACKed that does not count as lost yet. */
static void sack_rule_3(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 6);
    ack(&f, UNA, (struct blocks){{{11000, 12000}}});
    ack(&f, UNA, (struct blocks){{{11000, 13000}}});
    assert_int_equal(ack(&f, UNA, (struct blocks){{{14000, 15000}, {11000, 13000}}}),
                     RECOVERY_ENTERED);
    assert_int_equal(f.c.cwnd, 3000);
    expect_last_resort(&f, RECOVERY_SEND_NONE, 0, 0); /* the first retransmission goes first */
    sent_again(&f, 10000, 1000);
    assert_int_equal(pipe(&f), 3000); /* [13, 14), [15, 16), one again */
    expect_last_resort(&f, RECOVERY_SEND_NONE, 0, 0);
    ack(&f, UNA, (struct blocks){{{14000, 16000}, {11000, 13000}}});
    assert_int_equal(pipe(&f), 2000);
    expect(&f, RECOVERY_SEND_NEW, 16000, 1000);
    expect_last_resort(&f, RECOVERY_SEND_AGAIN, 13000, 1000);
    sent_again(&f, 13000, 1000);
    assert_int_equal(f.r.high_rxt.v, 14000);
    assert_int_equal(pipe(&f), 3000); /* counted twice, as RFC 6675 §4 says */
    expect_none(&f);
    assert_int_equal(ack(&f, 16000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

/* Small segments never reach two full ones; the third duplicate or the third range tells. */
static void sack_small_segments(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 1); /* 1,000 bytes as ten segments of 100 */
    ack(&f, UNA, (struct blocks){{{10100, 10200}}});
    ack(&f, UNA, (struct blocks){{{10100, 10300}}});
    assert_int_equal(ack(&f, UNA, (struct blocks){{{10100, 10400}}}), RECOVERY_ENTERED);
    assert_int_equal(f.c.cwnd, 2000); /* 2*SMSS at the least */
    expect(&f, RECOVERY_SEND_AGAIN, 10000, 100);
    sent_again(&f, 10000, 100);
    teardown(&f);

    setup(&f, true, 1); /* one ACK tells of three ranges: IsLost without three duplicates */
    assert_int_equal(
        ack(&f, UNA, (struct blocks){{{10500, 10600}, {10300, 10400}, {10100, 10200}}}),
        RECOVERY_ENTERED);
    teardown(&f);
}

/* A duplicate ACK that SACKs nothing new moves nothing (RFC 3042, RFC 6675 §2). */
static void sack_needs_sack(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    dups(&f, 20);
    expect_none(&f);
    assert_int_equal(f.c.cwnd, 10000);
    ack(&f, UNA, (struct blocks){{{11000, 12000}}});
    for (int i = 0; i < 20; i++)
        assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 12000}}}), RECOVERY_NOTHING);
    assert_int_equal(f.r.state, RECOVERY_OPEN);
    assert_int_equal(pipe(&f), 9000);
    assert_int_equal(ack(&f, 13000, no_blocks), RECOVERY_NOTHING); /* it was only late */
    assert_int_equal(f.r.dupacks, 0);
    assert_int_equal(f.ranges.used, 0);
    teardown(&f);
}

/* What is known lost above `recover` starts the next recovery without waiting for more. */
static void sack_next_recovery_follows(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 15000}}}), RECOVERY_ENTERED);
    sent_again(&f, 10000, 1000);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 20000}}}), RECOVERY_NOTHING);
    sent_new(&f, 4000);                                              /* [20, 24) */
    ack(&f, UNA, (struct blocks){{{21000, 24000}, {11000, 20000}}}); /* [20, 21) is lost */
    assert_int_equal(ack(&f, 20000, (struct blocks){{{21000, 24000}}}), RECOVERY_ENTERED);
    assert_int_equal(f.r.recover.v, 24000);
    expect(&f, RECOVERY_SEND_AGAIN, 20000, 1000);
    sent_again(&f, 20000, 1000);
    assert_int_equal(ack(&f, 24000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

/* The original comes before the repair was sent: the repair is not owed any more. */
static void sack_reordering_undoes_the_debt(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    assert_int_equal(ack(&f, UNA, (struct blocks){{{11000, 14000}}}), RECOVERY_ENTERED);
    assert_int_equal(ack(&f, 14000, no_blocks), RECOVERY_PARTIAL);
    expect_none(&f); /* pipe 6,000 of cwnd 5,000 */
    assert_int_equal(ack(&f, 20000, no_blocks), RECOVERY_LEFT);
    teardown(&f);
}

/* ---- what a peer may say ---- */

/* RFC 2883 §5: the first block against the ACK field of the same segment, then against the second
 * block; never against una. */
static void dsack_is_seen_and_not_scored(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    ack(&f, 14000, (struct blocks){{{12000, 13000}}});
    assert_true(f.dsack);
    assert_int_equal(f.ranges.used, 0);
    ack(&f, 14000, (struct blocks){{{12000, 13000}, {16000, 17000}}});
    assert_true(f.dsack);
    assert_int_equal(pipe(&f), 5000);
    ack(&f, 14000, (struct blocks){{{16000, 16500}, {16000, 17000}}});
    assert_true(f.dsack);
    assert_int_equal(pipe(&f), 5000);
    ack(&f, 14000, (struct blocks){{{18000, 18500}, {16000, 17000}}}); /* an ordinary block */
    assert_false(f.dsack);
    assert_int_equal(pipe(&f), 4500);
    ack(&f, 13000,
        (struct blocks){{{13500, 14500}}}); /* an older ACK that was overtaken: no D-SACK */
    assert_false(f.dsack);
    assert_int_equal(f.r.sb.bytes, 1500); /* and it cannot be so: una is not held */
    teardown(&f);
}

static void junk_blocks_are_ignored(void **state)
{
    (void)state;
    struct fix f;
    static const struct blocks junk[] = {
        {{{15000, 15000}}},       /* empty */
        {{{16000, 15000}}},       /* backwards */
        {{{19000, 20001}}},       /* never sent */
        {{{30000, 40000}}},       /* far beyond */
        {{{10000, 12000}}},       /* una itself */
        {{{11000, 0x90000000U}}}, /* half the space */
        {{{0x80000000U, 0x80000001U}}},
    };

    setup(&f, true, 10);
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        assert_int_equal(ack(&f, UNA, junk[i]), RECOVERY_NOTHING);
        assert_false(f.dsack);
        assert_int_equal(f.r.sb.bytes, 0);
        assert_int_equal(f.ranges.used, 0);
        assert_int_equal(pipe(&f), 10000);
    }
    f.v.sack = false; /* not negotiated */
    ack(&f, UNA, (struct blocks){{{5000, 6000}, {11000, 15000}}});
    assert_false(f.dsack);
    assert_int_equal(f.ranges.used, 0);
    teardown(&f);
}

/* CVE-2019-11477: a tiny MSS, and every second segment SACKed. */
static void tiny_fragments(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 100);
    f.v.smss = 8;
    for (uint32_t at = 0; at + 16 <= 100000; at += 16) {
        uint32_t s = UNA + 8 + at;
        ack(&f, UNA, (struct blocks){{{s, s + 8}}});
        if (f.r.owed)
            sent_again(&f, UNA, 8);
        assert_true(f.ranges.used <= SCOREBOARD_RANGES);
        assert_true(pipe(&f) <= 200000);
    }
    assert_int_equal(f.ranges.used, SCOREBOARD_RANGES);
    /* IsLost: what is below the third range from the top, which is 253 above the lowest */
    assert_int_equal(f.r.sb.lost.v, UNA + 8 + 16 * 253);
    for (uint32_t i = 1; i < 20; i++) { /* the holes go again, one a segment */
        f.c.cwnd = 1000000;
        expect(&f, RECOVERY_SEND_AGAIN, UNA + 16 * i, 8);
        sent_again(&f, UNA + 16 * i, 8);
    }
    rto(&f, true);
    f.c.cwnd = 1000000;
    expect(&f, RECOVERY_SEND_AGAIN, UNA, 8);
    assert_int_equal(ack(&f, f.v.nxt.v, no_blocks), RECOVERY_LEFT);
    assert_int_equal(f.ranges.used, 0);
    teardown(&f);
}

/* No node for a range: it is forgotten and its bytes count as in flight. */
static void no_memory_for_the_scoreboard(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, true, 10);
    pool_free(&f.ranges);
    pool_init(&f.ranges, &f.kit.mem, sizeof(struct range), 1);
    ack(&f, UNA, (struct blocks){{{12000, 13000}, {14000, 15000}}});
    assert_int_equal(pipe(&f), 9000);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_lets_go_what_is_free),
        cmocka_unit_test(sack_one_loss),
        cmocka_unit_test(sack_three_losses),
        cmocka_unit_test(sack_rule_3),
        cmocka_unit_test(sack_small_segments),
        cmocka_unit_test(sack_needs_sack),
        cmocka_unit_test(sack_next_recovery_follows),
        cmocka_unit_test(sack_reordering_undoes_the_debt),
        cmocka_unit_test(dsack_is_seen_and_not_scored),
        cmocka_unit_test(junk_blocks_are_ignored),
        cmocka_unit_test(tiny_fragments),
        cmocka_unit_test(no_memory_for_the_scoreboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
