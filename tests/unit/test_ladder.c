/* test_ladder.c: ladders drawn from traces made by hand: order, marks, losses, crossings,
 * inference, both pictures. */
#include "lab/picture/ladder.h"
#include "lab/picture/ladder_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A_ISS 3735928559U /* 0xdeadbeef */
#define B_ISS 4294967200U /* wraps soon */
#define MS LA_MSEC(1)

static const struct la_endpoint end_a = {{{[10] = 0xff, 0xff, 10, 0, 0, 1}}, 41234, -1};
static const struct la_endpoint end_b = {{{[10] = 0xff, 0xff, 10, 0, 0, 2}}, 80, -1};

struct story {
    struct trace_log log[2];
    char *text;
    size_t n;
};

static void begin(struct story *s)
{
    trace_log_init(&s->log[0], TRACE_KEEP_LADDER, 0);
    trace_log_init(&s->log[1], TRACE_KEEP_LADDER, 0);
    s->text = NULL;
}

static void end(struct story *s)
{
    trace_log_free(&s->log[0]);
    trace_log_free(&s->log[1]);
    free(s->text);
}

static void tell(struct story *s, int side, struct la_trace ev, const struct la_trace_seg *seg)
{
    ev.local = side == 0 ? &end_a : &end_b;
    ev.remote = side == 0 ? &end_b : &end_a;
    ev.seg = seg;
    trace_log_take(&s->log[side], &ev);
}

static void state(struct story *s, int side, la_ns at, enum la_state from, enum la_state to)
{
    tell(s, side,
         (struct la_trace){.kind = LA_TRACE_STATE, .now = at, .state = from, .state_to = to}, NULL);
}

static void timer(struct story *s, int side, la_ns at, enum la_timer_kind k)
{
    tell(s, side, (struct la_trace){.kind = LA_TRACE_TIMER, .now = at, .timer = (uint8_t)k}, NULL);
}

/* seq and ack relative to the ISNs; got 0: lost. */
static void segment(struct story *s, int from, la_ns sent, la_ns got, uint8_t flags, uint32_t seq,
                    uint32_t ack, uint32_t len)
{
    struct la_trace_seg g = {.flags = flags, .len = len, .wscale = -1};
    g.seq = seq + (from == 0 ? A_ISS : B_ISS);
    if (flags & LA_TCP_ACK)
        g.ack = ack + (from == 0 ? B_ISS : A_ISS);
    tell(s, from, (struct la_trace){.kind = LA_TRACE_SEGMENT_OUT, .now = sent}, &g);
    if (got)
        tell(s, !from, (struct la_trace){.kind = LA_TRACE_SEGMENT_IN, .now = got}, &g);
}

static int by_time(const void *a, const void *b)
{
    const struct trace_event *x = a, *y = b;
    if (x->now != y->now)
        return x->now < y->now ? -1 : 1;
    return x->serial < y->serial ? -1 : 1;
}

/* The story was told segment by segment; each log wants its own order. */
static struct ladder *draw(struct story *s, bool left, bool right)
{
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < s->log[i].n; k++)
            s->log[i].ev[k].serial = (uint32_t)k;
        if (s->log[i].n)
            qsort(s->log[i].ev, s->log[i].n, sizeof *s->log[i].ev, by_time);
    }
    struct ladder_config cfg = {.left = {"client", end_a, left ? &s->log[0] : NULL},
                                .right = {"server", end_b, right ? &s->log[1] : NULL}};
    struct ladder *l = ladder_new(&cfg);
    assert_non_null(l);
    return l;
}

static const char *text_of(struct story *s, const struct ladder *l, bool unicode)
{
    struct ladder_style style = {.unicode = unicode, .columns = 80};
    FILE *f = open_memstream(&s->text, &s->n);
    ladder_text(l, f, &style);
    fclose(f);
    if (getenv("SHOW_LADDER"))
        puts(s->text);
    return s->text;
}

static void svg_of(const struct ladder *l, const char *name)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    ladder_svg(l, f);
    fclose(f);
    assert_true(strncmp(text, "<svg", 4) == 0 || strncmp(text, "<?xml", 5) == 0);
    assert_non_null(strstr(text, "</svg>"));
    const char *dir = getenv("SHOW_LADDER_SVG");
    if (dir) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s.svg", dir, name);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
    }
    free(text);
}

/* The three-way handshake, A to B, from `t` on, 5 ms a trip. */
static void handshake(struct story *s, la_ns t)
{
    state(s, 0, t, LA_CLOSED, LA_SYN_SENT);
    segment(s, 0, t, t + 5 * MS, LA_TCP_SYN, 0, 0, 0);
    state(s, 1, t + 5 * MS, LA_LISTEN, LA_SYN_RECEIVED);
    segment(s, 1, t + 5 * MS, t + 10 * MS, LA_TCP_SYN | LA_TCP_ACK, 0, 1, 0);
    state(s, 0, t + 10 * MS, LA_SYN_SENT, LA_ESTABLISHED);
    segment(s, 0, t + 10 * MS, t + 15 * MS, LA_TCP_ACK, 1, 1, 0);
    state(s, 1, t + 15 * MS, LA_SYN_RECEIVED, LA_ESTABLISHED);
}

/* Experiment 6's numbers: A sent `u - 1` bytes, B `w - 1`; A closes first. */
static void four_way_close(struct story *s, la_ns t, uint32_t u, uint32_t w)
{
    state(s, 0, t, LA_ESTABLISHED, LA_FIN_WAIT_1);
    segment(s, 0, t, t + 5 * MS, LA_TCP_FIN | LA_TCP_ACK, u, w, 0);
    state(s, 1, t + 5 * MS, LA_ESTABLISHED, LA_CLOSE_WAIT);
    segment(s, 1, t + 5 * MS, t + 10 * MS, LA_TCP_ACK, w, u + 1, 0);
    state(s, 0, t + 10 * MS, LA_FIN_WAIT_1, LA_FIN_WAIT_2);
    state(s, 1, t + 100 * MS, LA_CLOSE_WAIT, LA_LAST_ACK);
    segment(s, 1, t + 100 * MS, t + 105 * MS, LA_TCP_FIN | LA_TCP_ACK, w, u + 1, 0);
    state(s, 0, t + 105 * MS, LA_FIN_WAIT_2, LA_TIME_WAIT);
    segment(s, 0, t + 105 * MS, t + 110 * MS, LA_TCP_ACK, u + 1, w + 1, 0);
    state(s, 1, t + 110 * MS, LA_LAST_ACK, LA_CLOSED);
    timer(s, 0, t + 60105 * MS, LA_TIMER_TIME_WAIT);
    state(s, 0, t + 60105 * MS, LA_TIME_WAIT, LA_CLOSED);
}

/* Both FINs leave at the same time. */
static void close_at_once(struct story *s, la_ns t)
{
    for (int side = 0; side < 2; side++) {
        state(s, side, t, LA_ESTABLISHED, LA_FIN_WAIT_1);
        segment(s, side, t, t + 5 * MS, LA_TCP_FIN | LA_TCP_ACK, 1, 1, 0);
    }
    for (int side = 0; side < 2; side++) {
        state(s, side, t + 5 * MS, LA_FIN_WAIT_1, LA_CLOSING);
        segment(s, side, t + 5 * MS, t + 10 * MS, LA_TCP_ACK, 2, 2, 0);
    }
    for (int side = 0; side < 2; side++)
        state(s, side, t + 10 * MS, LA_CLOSING, LA_TIME_WAIT);
}

static size_t rows_of_kind(const struct ladder *l, enum row_kind k)
{
    size_t n = 0;
    for (size_t i = 0; i < l->nrow; i++)
        n += l->row[i].kind == k;
    return n;
}

static void check_width(const char *text, int columns)
{
    int n = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\n') {
            assert_true(n <= columns);
            n = 0;
        } else {
            n += ((unsigned char)*p & 0xc0) != 0x80;
        }
    }
}

static void test_plain_life(void **unused)
{
    (void)unused;
    struct story s;
    begin(&s);
    handshake(&s, LA_SEC(1));
    segment(&s, 0, LA_SEC(2), LA_SEC(2) + 5 * MS, LA_TCP_PSH | LA_TCP_ACK, 1, 1, 100);
    segment(&s, 1, LA_SEC(2) + 5 * MS, LA_SEC(2) + 10 * MS, LA_TCP_PSH | LA_TCP_ACK, 1, 101, 50);
    four_way_close(&s, LA_SEC(3), 101, 51);
    struct ladder *l = draw(&s, true, true);

    assert_int_equal(rows_of_kind(l, ROW_SEGMENT), 9);
    assert_int_equal(rows_of_kind(l, ROW_DEPARTS), 0);
    assert_int_equal(rows_of_kind(l, ROW_LOST), 0);
    struct ladder_close c;
    ladder_closing(l, &c);
    assert_int_equal(c.marks, FLOW_FIN_1 | FLOW_ACK_2 | FLOW_FIN_3 | FLOW_ACK_4);
    assert_int_equal(c.first, 0);
    assert_false(c.crossed);
    assert_int_equal(c.u, 101);
    assert_int_equal(c.ack_u, 102);
    assert_int_equal(c.w, 51);
    assert_int_equal(c.ack_w, 52);
    assert_true(c.u_abs == A_ISS + 101 && c.w_abs == B_ISS + 51);

    const char *t = text_of(&s, l, true);
    check_width(t, 80);
    assert_non_null(strstr(t, "① FIN,ACK seq 101 ack 51"));
    assert_non_null(strstr(t, "② ACK ack 102"));
    assert_non_null(strstr(t, "③ FIN,ACK seq 51 ack 102"));
    assert_non_null(strstr(t, "④ ACK ack 52"));
    assert_non_null(strstr(t, "3735928559"));
    static const char *const states[] = {"SYN-SENT",   "LISTEN",     "SYN-RECEIVED", "ESTABLISHED",
                                         "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",   "LAST-ACK",
                                         "TIME-WAIT",  "CLOSED"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        assert_non_null(strstr(t, states[i]));
    assert_null(strstr(t, "~"));
    svg_of(l, "plain");
    ladder_free(l);
    end(&s);
}

static void test_ascii_only(void **unused)
{
    (void)unused;
    struct story s;
    begin(&s);
    handshake(&s, LA_SEC(1));
    four_way_close(&s, LA_SEC(3), 1, 1);
    struct ladder *l = draw(&s, true, true);
    const char *t = text_of(&s, l, false);
    for (const char *p = t; *p; p++)
        assert_true((unsigned char)*p < 0x80 && (unsigned char)*p != 0x1b);
    assert_non_null(strstr(t, "(4) ACK"));
    ladder_free(l);
    end(&s);
}

/* 1,000 segments with 500 ACKs become a count; the head and the tail stay. */
static void test_bulk_is_counted(void **unused)
{
    (void)unused;
    struct story s;
    begin(&s);
    handshake(&s, LA_SEC(1));
    for (uint32_t i = 0; i < 1000; i++) {
        la_ns t = LA_SEC(2) + i * 20 * LA_USEC(1);
        segment(&s, 1, t, t + 5 * MS, LA_TCP_ACK, 1 + 1000 * i, 1, 1000);
        if (i % 2)
            segment(&s, 0, t + 5 * MS, t + 10 * MS, LA_TCP_ACK, 1, 1 + 1000 * (i + 1), 0);
    }
    four_way_close(&s, LA_SEC(3), 1, 1000001);
    struct ladder *l = draw(&s, true, true);
    assert_true(ladder_rows(l) < 30);
    uint64_t data = 0, acks = 0, bytes = 0;
    for (size_t i = 0; i < l->nrow; i++) {
        data += l->row[i].count[1].data;
        bytes += l->row[i].count[1].bytes;
        acks += l->row[i].count[0].acks;
    }
    size_t shown = 0, shown_acks = 0;
    for (size_t i = 0; i < l->nrow; i++) {
        if (l->row[i].kind != ROW_SEGMENT && l->row[i].kind != ROW_DEPARTS)
            continue;
        const struct message *m = &l->msg[l->row[i].msg];
        shown += m->ev->seg.len > 0;
        shown_acks += m->info.pure_ack && !m->info.marks && m->from == 0;
    }
    assert_int_equal(data + shown, 1000);
    assert_int_equal(bytes, data * 1000);
    assert_int_equal(acks + shown_acks, 500 + 1); /* the handshake's third segment is one too */
    check_width(text_of(&s, l, true), 80);
    svg_of(l, "bulk");
    ladder_free(l);
    end(&s);
}

/* Both FINs on their way at once: each departs before the other arrives. */
static void test_crossing(void **unused)
{
    (void)unused;
    struct story s;
    la_ns t = LA_SEC(2);
    begin(&s);
    handshake(&s, LA_SEC(1));
    close_at_once(&s, t);
    struct ladder *l = draw(&s, true, true);
    assert_true(rows_of_kind(l, ROW_DEPARTS) >= 2);
    assert_int_equal(rows_of_kind(l, ROW_DEPARTS), rows_of_kind(l, ROW_ARRIVES));
    struct ladder_close c;
    ladder_closing(l, &c);
    assert_true(c.crossed);
    assert_int_equal(c.ack_u, c.u + 1);
    assert_int_equal(c.ack_w, c.w + 1);
    check_width(text_of(&s, l, true), 80);
    svg_of(l, "crossing");
    ladder_free(l);
    end(&s);
}

/* The last ACK lost twice: drawn as lost, the repeats marked. */
static void test_lost_last_ack(void **unused)
{
    (void)unused;
    struct story s;
    la_ns t = LA_SEC(2);
    begin(&s);
    handshake(&s, LA_SEC(1));
    state(&s, 0, t, LA_ESTABLISHED, LA_FIN_WAIT_1);
    segment(&s, 0, t, t + 5 * MS, LA_TCP_FIN | LA_TCP_ACK, 1, 1, 0);
    state(&s, 1, t + 5 * MS, LA_ESTABLISHED, LA_CLOSE_WAIT);
    state(&s, 1, t + 5 * MS, LA_CLOSE_WAIT, LA_LAST_ACK);
    segment(&s, 1, t + 5 * MS, t + 10 * MS, LA_TCP_FIN | LA_TCP_ACK, 1, 2, 0);
    state(&s, 0, t + 10 * MS, LA_FIN_WAIT_1, LA_TIME_WAIT);
    segment(&s, 0, t + 10 * MS, 0, LA_TCP_ACK, 2, 2, 0);
    for (unsigned i = 1; i <= 2; i++) {
        la_ns u = t + LA_SEC(i);
        timer(&s, 1, u, LA_TIMER_RTO);
        segment(&s, 1, u, u + 5 * MS, LA_TCP_FIN | LA_TCP_ACK, 1, 2, 0);
        segment(&s, 0, u + 5 * MS, i == 2 ? u + 10 * MS : 0, LA_TCP_ACK, 2, 2, 0);
    }
    state(&s, 1, t + LA_SEC(2) + 10 * MS, LA_LAST_ACK, LA_CLOSED);
    struct ladder *l = draw(&s, true, true);
    assert_int_equal(rows_of_kind(l, ROW_LOST), 2);
    assert_int_equal(rows_of_kind(l, ROW_TIMER), 2);
    const char *txt = text_of(&s, l, true);
    check_width(txt, 80);
    assert_non_null(strstr(
        txt, "②③ FIN,ACK seq 1 ack 2")); /* three segments closed it: ACK u+1 rides on FIN w */
    assert_non_null(strstr(txt, "(again)"));
    assert_non_null(strstr(txt, "lost"));
    svg_of(l, "lost");
    ladder_free(l);
    end(&s);
}

/* Only B's log: A's states come from the segments, in the same order as if A had told. */
static void test_inferred_closer(void **unused)
{
    (void)unused;
    struct story s;
    begin(&s);
    handshake(&s, LA_SEC(1));
    four_way_close(&s, LA_SEC(3), 1, 1);
    for (int known = 0; known < 2; known++) {
        struct ladder *l = draw(&s, known == 0, known == 1);
        static const enum la_state want[2][7] = {
            {LA_SYN_RECEIVED, LA_ESTABLISHED, LA_CLOSE_WAIT, LA_LAST_ACK, LA_CLOSED, LA_STATES},
            {LA_SYN_SENT, LA_ESTABLISHED, LA_FIN_WAIT_1, LA_FIN_WAIT_2, LA_TIME_WAIT, LA_STATES}};
        size_t n = 0;
        for (size_t i = 0; i < l->nrow; i++) {
            const struct row *r = &l->row[i];
            if (!r->has_state[!known])
                continue;
            assert_true(r->inferred[!known]);
            assert_int_equal(r->state[!known], want[known][n]);
            n++;
        }
        assert_int_equal(want[known][n], LA_STATES);
        assert_int_equal(l->start[!known], known == 0 ? LA_LISTEN : LA_CLOSED);
        const char *t = text_of(&s, l, true);
        check_width(t, 80);
        assert_non_null(strstr(t, "inferred"));
        assert_non_null(strstr(t, "~ESTABLISHED"));
        svg_of(l, known ? "inferred_client" : "inferred_server");
        ladder_free(l);
        free(s.text);
        s.text = NULL;
    }
    end(&s);
}

static void test_inferred_crossing(void **unused)
{
    (void)unused;
    struct story s;
    la_ns t = LA_SEC(2);
    begin(&s);
    handshake(&s, LA_SEC(1));
    close_at_once(&s, t);
    struct ladder *l = draw(&s, true, false);
    bool closing = false, time_wait = false;
    for (size_t i = 0; i < l->nrow; i++) {
        closing |= l->row[i].has_state[1] && l->row[i].state[1] == LA_CLOSING;
        time_wait |= closing && l->row[i].has_state[1] && l->row[i].state[1] == LA_TIME_WAIT;
    }
    text_of(&s, l, true);
    assert_true(closing && time_wait);
    assert_true(l->close.crossed);
    ladder_free(l);
    end(&s);
}

/* A log of another connection, an empty one, one that contradicts itself: no rows or some, never a
 * crash. */
static void test_strange_logs(void **unused)
{
    (void)unused;
    struct story s;
    begin(&s);
    struct ladder *l = draw(&s, true, true);
    assert_int_equal(ladder_rows(l), 0);
    text_of(&s, l, true);
    svg_of(l, "empty");
    ladder_free(l);
    free(s.text);
    s.text = NULL;
    /* Received before it was sent; the same received twice; a RST out of nothing. */
    segment(&s, 0, 20 * MS, 10 * MS, LA_TCP_ACK, 5, 5, 10);
    segment(&s, 0, 30 * MS, 40 * MS, LA_TCP_ACK, 5, 5, 10);
    struct la_trace_seg rst = {.seq = 77, .flags = LA_TCP_RST};
    tell(&s, 1, (struct la_trace){.kind = LA_TRACE_SEGMENT_IN, .now = 35 * MS}, &rst);
    tell(&s, 1, (struct la_trace){.kind = LA_TRACE_SEGMENT_IN, .now = 45 * MS}, &rst);
    l = draw(&s, true, true);
    assert_true(ladder_rows(l) > 0);
    assert_true(rows_of_kind(l, ROW_STRAY) >= 2);
    text_of(&s, l, true);
    svg_of(l, "strange");
    ladder_free(l);
    free(s.text);
    s.text = NULL;
    l = draw(&s, false, true);
    text_of(&s, l, true);
    ladder_free(l);
    end(&s);
}

/* Held back by the network, doubled by the network, forged by somebody: each is drawn as what it
 * is. */
static void test_late_doubled_forged(void **unused)
{
    (void)unused;
    struct story s;
    la_ns t = LA_SEC(2);
    begin(&s);
    handshake(&s, LA_SEC(1));
    segment(&s, 0, t, t + 300 * MS, LA_TCP_ACK, 1, 1, 10);
    segment(&s, 0, t + MS, t + 6 * MS, LA_TCP_ACK, 11, 1, 10);
    struct la_trace_seg twice = {.seq = A_ISS + 11, .ack = B_ISS + 1, .len = 10, .flags = 16};
    twice.wscale = -1;
    tell(&s, 1, (struct la_trace){.kind = LA_TRACE_SEGMENT_IN, .now = t + 8 * MS}, &twice);
    struct la_trace_seg rst = {.seq = A_ISS + 5000, .flags = LA_TCP_RST, .wscale = -1};
    tell(&s, 1, (struct la_trace){.kind = LA_TRACE_SEGMENT_IN, .now = t + 9 * MS}, &rst);
    struct ladder *l = draw(&s, true, true);
    size_t late = 0, copies = 0, strays = 0;
    for (size_t i = 0; i < l->nrow; i++) {
        const struct message *m = &l->msg[l->row[i].msg];
        late += l->row[i].kind == ROW_ARRIVES && m->late;
        copies += l->row[i].kind == ROW_STRAY && m->copy;
        strays += l->row[i].kind == ROW_STRAY && !m->copy;
    }
    assert_int_equal(late, 1);
    assert_int_equal(copies, 1);
    assert_int_equal(strays, 1);
    check_width(text_of(&s, l, true), 80);
    char *svg = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&svg, &n);
    ladder_picture(l, &(struct picture){.out = f, .language = PICTURE_BOTH, .in_page = true});
    fclose(f);
    assert_null(strstr(svg, "<style"));
    assert_non_null(
        strstr(svg, "<tspan class=\"en\">late: </tspan><tspan class=\"zh\">迟到：</tspan>"));
    assert_non_null(strstr(svg, "（副本）"));
    assert_non_null(strstr(svg, "（伪造）"));
    free(svg);
    svg_of(l, "late");
    ladder_free(l);
    end(&s);
}

static void test_words(void **unused)
{
    (void)unused;
    char b[LADDER_TEXT];
    assert_string_equal(ladder_count(0, b), "0");
    assert_string_equal(ladder_count(999, b), "999");
    assert_string_equal(ladder_count(46210, b), "46,210");
    assert_string_equal(ladder_count(1234567, b), "1,234,567");
    assert_string_equal(ladder_bytes(1, b), "1 byte");
    assert_string_equal(ladder_bytes(9999, b), "9,999 bytes");
    assert_string_equal(ladder_bytes(64 * 1048576, b), "64.0 MiB");
    assert_string_equal(ladder_bytes(10240, b), "10.0 KiB");
    assert_string_equal(ladder_bytes(1610612736, b), "1.5 GiB");
    assert_string_equal(ladder_time(LA_SEC(60) + LA_USEC(105), b), "60.000105");
    assert_string_equal(ladder_time(LA_SEC(999999), b), "999999.000");
    assert_string_equal(ladder_span(LA_SEC(60), b), "60.000 s");
    assert_string_equal(ladder_flags(LA_TCP_FIN | LA_TCP_ACK | LA_TCP_PSH, false, b),
                        "FIN,PSH,ACK");
    assert_string_equal(ladder_flags(LA_TCP_FIN | LA_TCP_ACK | LA_TCP_PSH, true, b), "FIN,ACK");

    /* Numbers from before the SYN are an earlier connection's. */
    struct trace_event ev = {.seg = {.flags = LA_TCP_ACK, .len = 9}};
    struct message m = {.ev = &ev, .info = {.rel_seq = UINT32_MAX - 99, .rel_ack = UINT32_MAX}};
    assert_true(ladder_is_old(&m));
    assert_string_equal(ladder_label(&m, 38, b), "ACK seq -100 ack -1 len 9");
    m.info = (struct flow_info){.rel_seq = 3221225471, .rel_ack = 2147483648};
    assert_false(ladder_is_old(&m));
    assert_string_equal(ladder_label(&m, 60, b), "ACK seq 3221225471 ack 2147483648 len 9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_life),          cmocka_unit_test(test_ascii_only),
        cmocka_unit_test(test_bulk_is_counted),     cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_lost_last_ack),       cmocka_unit_test(test_inferred_closer),
        cmocka_unit_test(test_inferred_crossing),   cmocka_unit_test(test_strange_logs),
        cmocka_unit_test(test_late_doubled_forged), cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
