/* test_record.c: the ring of close records, and the sentence that each becomes. */
#include "bare_tcp.h"

static struct bare *ring(uint32_t cap)
{
    return bare_new((struct bare_limits){1, 1, 1, 1, cap, LA_SEC(60)});
}

static void keeps_the_last_ones(void **state)
{
    static const uint32_t caps[] = {1, 2, 7, 1000};
    (void)state;

    for (unsigned c = 0; c < sizeof caps / sizeof *caps; c++) {
        struct bare *b = ring(caps[c]);
        struct records *r = &b->tcp.records;
        assert_null(record_find(r, 0));
        assert_null(record_find(r, 1));
        for (uint32_t s = 1; s <= 3 * caps[c] + 1; s++) {
            struct la_record *rec = record_new(r);
            assert_int_equal(rec->serial, s);
            assert_int_equal(rec->bytes_sent, 0); /* cleared */
            rec->bytes_sent = s * 10;
            assert_int_equal(r->last, s);
            assert_ptr_equal(record_find(r, s), rec);
            if (s > caps[c]) {
                assert_null(record_find(r, s - caps[c]));
                assert_int_equal(record_find(r, s - caps[c] + 1)->bytes_sent,
                                 (s - caps[c] + 1) * 10);
            }
            assert_null(record_find(r, s + 1));
        }
        bare_free(b);
    }
}

/* Memory refused: fewer are kept, the newest always, and none is taken for another. */
static void never_fails(void **state)
{
    struct bare *b = ring(10000);
    struct records *r = &b->tcp.records;
    uint32_t kept = r->ring.len;
    (void)state;

    b->limit = b->given;
    for (uint32_t s = 1; s < 5000; s++) {
        struct la_record *rec = record_new(r);
        rec->bytes_sent = s;
        assert_int_equal(rec->serial, s);
        for (uint32_t k = 1; k <= s; k += 1 + k / 3) {
            rec = record_find(r, k);
            assert_int_equal(rec != NULL, k + kept > s);
            if (rec)
                assert_int_equal(rec->bytes_sent, k);
        }
    }
    assert_int_equal(r->cap, kept);
    bare_free(b);
    b = ring(4);
    b->limit = b->given;
    struct records none;
    assert_int_equal(records_init(&none, &b->mem, 4), LA_ENOMEM);
    records_free(&none);
    bare_free(b);
}

static void serials_go_round(void **state)
{
    struct bare *b = ring(7);
    struct records *r = &b->tcp.records;
    (void)state;

    r->last = 0xfffffffe;
    assert_int_equal(record_new(r)->serial, 0xffffffff);
    assert_int_equal(record_new(r)->serial, 1); /* 0 means none */
    assert_int_equal(record_find(r, 1)->serial, 1);
    assert_null(record_find(r, 0));
    bare_free(b);
}

static void is_completed_once(void **state)
{
    struct bare *b = ring(4);
    struct la_record *rec = record_new(&b->tcp.records);
    (void)state;

    rec->state = LA_TIME_WAIT;
    rec->last_state = LA_FIN_WAIT_2;
    rec->opened = LA_SEC(5);
    rec->in_state[LA_ESTABLISHED] = LA_SEC(2);
    rec->in_state[LA_FIN_WAIT_2] = LA_MSEC(500);
    rec->closed = LA_NEVER;
    record_complete(&b->tcp, 1, false, true, LA_SEC(10));
    assert_int_equal(rec->state, LA_CLOSED);
    assert_int_equal(rec->last_state, LA_TIME_WAIT);
    assert_int_equal(rec->closed, LA_SEC(10));
    assert_int_equal(rec->in_state[LA_TIME_WAIT], LA_MSEC(2500));
    assert_true(rec->tw.evicted);
    assert_false(rec->tw.reused);
    assert_int_equal(b->records_told, 1);
    assert_int_equal(b->last_told, 1);
    record_complete(&b->tcp, 1, true, false, LA_SEC(11));
    assert_int_equal(rec->closed, LA_SEC(10));
    assert_false(rec->tw.reused);
    record_complete(&b->tcp, 2, true, false, LA_SEC(11)); /* no such record */
    assert_int_equal(b->records_told, 1);
    bare_free(b);
}

/* ---- the sentence ---- */

static void says(const struct la_record *r, const char *expected)
{
    char buf[400];
    assert_ptr_equal(la_record_explain(r, buf, sizeof buf), buf);
    assert_string_equal(buf, expected);
}

static struct la_record record_of(enum la_cause cause)
{
    return (struct la_record){.serial = 1,
                              .cause = (uint8_t)cause,
                              .ended_by = (uint8_t)cause,
                              .state = LA_CLOSED,
                              .last_state = LA_ESTABLISHED,
                              .opened = 0,
                              .first_fin_at = LA_SEC(1),
                              .second_fin_at = LA_NEVER,
                              .closed = LA_SEC(100)};
}

static void an_orderly_close_by_us(void **state)
{
    struct la_record r = record_of(LA_CAUSE_CLOSE);
    (void)state;

    r.first_fin = LA_SIDE_LOCAL;
    r.last_state = LA_TIME_WAIT;
    r.second_fin_at = LA_SEC(1) + LA_USEC(1200);
    r.in_state[LA_TIME_WAIT] = LA_SEC(60) + 999;
    says(&r, "We closed first (the program called close); the peer closed 1.2 ms later; both "
             "directions ended in order; TIME-WAIT lasted 60 s.");
    r.tw.restarts = 2;
    r.tw.rst_ignored = 1;
    says(&r,
         "We closed first (the program called close); the peer closed 1.2 ms later; both "
         "directions ended in order; TIME-WAIT lasted 60 s, restarted twice, turned away 1 RST.");
    r.tw.old_segments = 3;
    r.tw.reused = true;
    r.cause = r.ended_by = LA_CAUSE_SHUTDOWN;
    r.in_state[LA_TIME_WAIT] = LA_MSEC(1500);
    says(&r,
         "We closed first (the program shut down sending); the peer closed 1.2 ms later; both "
         "directions ended in order; TIME-WAIT lasted 1.5 s, restarted twice, turned away 4 old "
         "segments, cut short by a new connection of the pair.");
    r.tw = (struct la_time_wait_stats){.evicted = true};
    says(&r, "We closed first (the program shut down sending); the peer closed 1.2 ms later; both "
             "directions ended in order; TIME-WAIT lasted 1.5 s, cut short because the table was "
             "full.");
    r.tw.evicted = false;
    r.state = LA_TIME_WAIT;
    r.last_state = LA_FIN_WAIT_2;
    r.in_state[LA_TIME_WAIT] = 0;
    says(&r, "We closed first (the program shut down sending); the peer closed 1.2 ms later; both "
             "directions ended in order; TIME-WAIT is still running.");
}

static void an_orderly_close_by_the_peer(void **state)
{
    struct la_record r = record_of(LA_CAUSE_PEER_FIN);
    (void)state;

    r.first_fin = LA_SIDE_PEER;
    r.last_state = LA_LAST_ACK;
    r.second_fin_at = LA_SEC(151);
    says(&r, "The peer closed first; we closed 2.5 min later; both directions ended in order.");
    r.fin_retransmits = 8;
    r.error = LA_ETIMEDOUT;
    r.ended_by = LA_CAUSE_RETRANSMISSION_LIMIT;
    says(&r, "The peer closed first; we closed 2.5 min later; then we gave up (R2 retransmissions "
             "without an answer), our FIN sent again 8 times.");
    r.ended_by = LA_CAUSE_USER_TIMEOUT;
    says(&r, "The peer closed first; we closed 2.5 min later; then we gave up (user timeout: bytes "
             "not acknowledged in time), our FIN sent again 8 times.");
    r.fin_retransmits = 0;
    r.error = LA_ECONNRESET;
    r.rst_by = LA_SIDE_PEER;
    r.ended_by = LA_CAUSE_PEER_RST;
    r.last_state = LA_CLOSE_WAIT;
    r.second_fin_at = LA_NEVER;
    r.closed = LA_SEC(151);
    r.bytes_unacked = 1;
    r.bytes_unread = 2000000;
    says(&r,
         "The peer closed first; our program had not closed 2.5 min later; then the peer reset "
         "it while 1 byte of ours was unacknowledged; 2,000,000 received bytes were never read.");
}

static void crossed_fins(void **state)
{
    struct la_record r = record_of(LA_CAUSE_CLOSE);
    (void)state;

    r.first_fin = LA_SIDE_BOTH;
    r.second_fin_at = LA_SEC(2);
    r.last_state = LA_TIME_WAIT;
    r.in_state[LA_TIME_WAIT] = LA_SEC(240);
    says(&r, "Both sides closed at once and their FINs crossed; both directions ended in order; "
             "TIME-WAIT lasted 4 min.");
}

static void a_half_closed_orphan(void **state)
{
    struct la_record r = record_of(LA_CAUSE_CLOSE);
    (void)state;

    r.first_fin = LA_SIDE_LOCAL;
    r.last_state = LA_FIN_WAIT_2;
    r.closed = LA_SEC(61);
    r.rst_by = LA_SIDE_LOCAL;
    r.ended_by = LA_CAUSE_DATA_AFTER_CLOSE;
    says(&r, "We closed first (the program called close); the peer had not closed 60 s later; then "
             "we reset it (bytes came after the program had closed).");
    r.rst_by = LA_SIDE_NONE;
    r.error = LA_ETIMEDOUT;
    r.ended_by = LA_CAUSE_ORPHAN_TIMEOUT;
    says(&r, "We closed first (the program called close); the peer had not closed 60 s later; then "
             "we gave up (FIN-WAIT-2 limit: the peer never closed its side).");
    r.error = LA_ECONNABORTED;
    r.ended_by = LA_CAUSE_ABORT;
    r.bytes_unacked = 3;
    says(&r, "We closed first (the program called close); the peer had not closed 60 s later; then "
             "we ended it (the program aborted it) while 3 bytes of ours were unacknowledged.");
}

static void resets(void **state)
{
    struct la_record r = record_of(LA_CAUSE_PEER_RST);
    (void)state;

    r.rst_by = LA_SIDE_PEER;
    r.bytes_unacked = 1234;
    says(&r, "The peer reset the connection while 1,234 bytes of ours were unacknowledged.");
    r = record_of(LA_CAUSE_UNREAD_DATA);
    r.rst_by = LA_SIDE_LOCAL;
    r.bytes_unread = 10;
    says(&r, "We reset the connection: close with received bytes unread; 10 received bytes were "
             "never read.");
    r = record_of(LA_CAUSE_ABORT);
    says(&r, "We ended the connection: the program aborted it.");
    r = record_of(LA_CAUSE_REFUSED);
    says(&r, "The peer refused the connection: it answered our SYN with RST.");
}

/* The program closed, and no FIN was ever on the wire. */
static void a_fin_that_never_left(void **state)
{
    struct la_record r = record_of(LA_CAUSE_PEER_RST);
    (void)state;

    r.first_fin_at = LA_NEVER;
    r.last_state = LA_FIN_WAIT_1;
    r.rst_by = LA_SIDE_PEER;
    r.bytes_unacked = 10;
    says(&r, "The peer reset the connection while 10 bytes of ours were unacknowledged; our FIN "
             "never left.");
    r.cause = LA_CAUSE_PEER_FIN;
    r.first_fin = LA_SIDE_PEER;
    r.first_fin_at = LA_SEC(1);
    r.last_state = LA_LAST_ACK;
    r.error = LA_ECONNRESET;
    r.ended_by = LA_CAUSE_PEER_RST;
    says(&r, "The peer closed first; then the peer reset it while 10 bytes of ours were "
             "unacknowledged; our FIN never left.");
    r = record_of(LA_CAUSE_CLOSE);
    r.last_state = LA_SYN_SENT;
    says(&r, "We ended the connection: the program called close.");
}

static void giving_up(void **state)
{
    struct la_record r = record_of(LA_CAUSE_SYN_TIMEOUT);
    (void)state;

    r.active_open = true;
    r.closed = LA_SEC(180);
    r.retransmits = 7;
    says(&r, "The peer never answered our SYN: we gave up after 3 min and 7 retransmissions.");
    r.active_open = false;
    r.closed = LA_MSEC(63);
    r.retransmits = 1;
    says(&r, "The peer never completed the handshake that it began: we gave up after 63 ms and 1 "
             "retransmission.");
    r = record_of(LA_CAUSE_RETRANSMISSION_LIMIT);
    r.retransmits = 15;
    r.bytes_unacked = 5;
    says(&r, "We gave up after 15 retransmissions without an answer; 5 bytes of ours were "
             "unacknowledged.");
    r = record_of(LA_CAUSE_KEEPALIVE);
    says(&r, "We gave up: keep-alive probes were not answered.");
    r = record_of(LA_CAUSE_NONE);
    says(&r, "The connection is still open.");
}

/* Each cause makes a sentence: a capital at the start, one full stop at the end. */
static void every_cause_has_a_sentence(void **state)
{
    (void)state;
    for (unsigned c = 0; c < LA_CAUSE_COUNT; c++) {
        struct la_record r = record_of((enum la_cause)c);
        char buf[400];
        size_t n = strlen(la_record_explain(&r, buf, sizeof buf));
        assert_true(n > 20 && n < 200);
        assert_true(buf[0] >= 'A' && buf[0] <= 'Z');
        assert_ptr_equal(strchr(buf, '.'), buf + n - 1);
        assert_true(strlen(la_cause_text((enum la_cause)c)) > 0);
    }
    assert_string_equal(la_cause_name(LA_CAUSE_UNREAD_DATA), "UNREAD_DATA");
    assert_string_equal(la_cause_text(LA_CAUSE_UNREAD_DATA), "close with received bytes unread");
    assert_string_equal(la_cause_name((enum la_cause)200), "unknown");
    assert_string_equal(la_timer_name(LA_TIMER_TIME_WAIT), "time-wait");
    assert_string_equal(la_timer_name((enum la_timer_kind)99), "unknown");
}

static void a_small_buffer_is_not_overrun(void **state)
{
    struct la_record r = record_of(LA_CAUSE_PEER_RST);
    const char *whole = "The peer reset the connection.";
    size_t len = strlen(whole);
    (void)state;

    for (size_t n = 0; n <= len + 1; n++) {
        char *buf = malloc(n + 1);
        memset(buf, 'x', n + 1);
        assert_ptr_equal(la_record_explain(&r, buf, n), buf);
        assert_int_equal(buf[n], 'x');
        if (n > 0)
            assert_int_equal(strlen(buf), n - 1);
        if (n == len + 1)
            assert_string_equal(buf, whole);
        else if (n > 4)
            assert_true(memcmp(buf, whole, n - 4) == 0 && strcmp(buf + n - 4, "...") == 0);
        free(buf);
    }
}

/* Numbers out of range, as a program's own record may hold. */
static void nonsense_is_harmless(void **state)
{
    struct la_record r;
    char buf[400];
    (void)state;

    for (unsigned fill = 0; fill < 256; fill++) {
        memset(&r, (int)fill, sizeof r);
        /* a bool is the one type that must hold 0 or 1 */
        r.active_open = r.tw.reused = r.tw.evicted = fill & 1;
        assert_true(strlen(la_record_explain(&r, buf, sizeof buf)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_ones),
        cmocka_unit_test(never_fails),
        cmocka_unit_test(serials_go_round),
        cmocka_unit_test(is_completed_once),
        cmocka_unit_test(an_orderly_close_by_us),
        cmocka_unit_test(an_orderly_close_by_the_peer),
        cmocka_unit_test(crossed_fins),
        cmocka_unit_test(a_half_closed_orphan),
        cmocka_unit_test(resets),
        cmocka_unit_test(a_fin_that_never_left),
        cmocka_unit_test(giving_up),
        cmocka_unit_test(every_cause_has_a_sentence),
        cmocka_unit_test(a_small_buffer_is_not_overrun),
        cmocka_unit_test(nonsense_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
