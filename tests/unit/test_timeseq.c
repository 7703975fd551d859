/* test_timeseq.c: time-sequence plots of simulated transfers: what was lost, sent again,
 * acknowledged and selectively acknowledged is drawn; the picture is whole, and small whatever was
 * sent. */
#include "lab/picture/timeseq.h"
#include "sim/prog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "svg_util.h"

#define PLAIN "class=\"line plain\""
#define AGAIN "class=\"line close\""
#define LOST "class=\"line bad\""
#define ACKED "class=\"line good\""
#define WINDOW "class=\"thin open dash\""
#define SACK "class=\"line sack\""

struct run {
    struct sim_pair p;
    struct sim_app *client;
    struct ladder *l;
    char *text;
};

static void begin(struct run *r, uint64_t rate, uint32_t queue)
{
    struct sim_link_config link = {.link = LA_LINK_IP,
                                   .ab = {.delay = LA_MSEC(10), .rate = rate, .queue = queue},
                                   .ba = {.delay = LA_MSEC(10)}};
    *r = (struct run){0};
    assert_true(sim_pair_new(&r->p, 7, NULL, &link));
}

/* The client sends `bytes` and closes; the server reads with this receive buffer (0: default). */
static void carry(struct run *r, uint64_t bytes, int64_t rcvbuf)
{
    struct sim_app_config cfg = {.send = bytes, .end = SIM_APP_SHUTDOWN},
                          last = {.end = SIM_APP_LAST};
    struct la_endpoint to = {r->p.server4, 80, -1};
    if (rcvbuf) {
        last.opt[LA_OPT_RCVBUF] = rcvbuf;
        last.opt_set[LA_OPT_RCVBUF] = true;
    }
    sim_serve(r->p.server, 80, 8, &last);
    r->client = sim_app_connect(r->p.client, NULL, &to, &cfg);
    assert_int_equal(sim_run_until(r->p.sim, sim_app_is_done, r->client, LA_SEC(600)), SIM_OK);
}

static void look(struct run *r, bool client, bool server)
{
    struct la_record rec;
    uint32_t cursor = 0;
    assert_true(la_record_next(sim_stack(r->p.client), &cursor, &rec));
    struct ladder_config cfg = {
        .left = {"client", rec.local, client ? sim_log(r->p.client) : NULL},
        .right = {"server", rec.remote, server ? sim_log(r->p.server) : NULL}};
    ladder_free(r->l);
    r->l = ladder_new(&cfg);
    assert_non_null(r->l);
}

static const char *draw(struct run *r, enum ladder_side sender, const char *name)
{
    size_t n = 0;
    free(r->text);
    r->text = NULL;
    FILE *f = open_memstream(&r->text, &n);
    assert_non_null(f);
    timeseq_svg(r->l, sender, f);
    fclose(f);
    svg_check(r->text);
    svg_keep(name, r->text);
    assert_null(strstr(r->text, "d=\"\"")); /* every layer that is there has something */
    return r->text;
}

static void end(struct run *r)
{
    free(r->text);
    ladder_free(r->l);
    sim_pair_free(&r->p);
}

/* How many "M" commands the path of this class has in the plot (the legend's has one). */
static size_t strokes(const char *text, const char *classes)
{
    const char *at = strstr(text, classes);
    assert_non_null(at);
    const char *d = at;
    while (strncmp(d, "<path", 5) != 0)
        d--;
    size_t n = 0;
    for (; d < at; d++)
        n += *d == 'M';
    return n;
}

/* 10 segments of 1,000 bytes at 8 Mbit/s: a SYN, ten bars, a FIN; nothing lost. */
static void test_clean(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 8000000, 0);
    struct sim_app_config cfg = {.send = 10000, .chunk = 1000, .end = SIM_APP_SHUTDOWN};
    struct sim_app_config last = {.end = SIM_APP_LAST};
    cfg.opt[LA_OPT_MAXSEG] = 1000;
    cfg.opt_set[LA_OPT_MAXSEG] = cfg.opt_set[LA_OPT_TIMESTAMPS] = true;
    struct la_endpoint to = {r.p.server4, 80, -1};
    sim_serve(r.p.server, 80, 8, &last);
    r.client = sim_app_connect(r.p.client, NULL, &to, &cfg);
    assert_int_equal(sim_run_until(r.p.sim, sim_app_is_done, r.client, LA_SEC(60)), SIM_OK);
    look(&r, true, true);
    size_t sent = timeseq_segments(r.l, LADDER_LEFT);
    assert_in_range(sent, 11, 12); /* the FIN may ride on the last segment */
    assert_int_equal(timeseq_segments(r.l, LADDER_RIGHT), 2); /* SYN,ACK and FIN */
    const char *t = draw(&r, LADDER_LEFT, "timeseq_clean");
    assert_null(strstr(t, AGAIN));
    assert_null(strstr(t, LOST));
    assert_null(strstr(t, SACK));
    assert_non_null(strstr(t, ACKED));
    assert_non_null(strstr(t, ">10 k<"));
    end(&r);
}

/* Losses at known places: the 5th and the 9th data segment, and the 5th again. */
static void test_losses(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 10000000, 0);
    for (unsigned nth = 5; nth <= 9; nth += 4)
        sim_drop(r.p.link, (struct sim_pick){.from = r.p.client, .data = true, .nth = nth});
    carry(&r, 60000, 0);
    look(&r, true, true);
    const char *t = draw(&r, LADDER_LEFT, "timeseq_losses");
    assert_int_equal(svg_count(t, "m-3 -3l6 6"), 2);
    assert_in_range(strokes(t, AGAIN), 1, 2);
    assert_true(strokes(t, SACK) >= 1);
    assert_non_null(strstr(t, ">lost<"));

    look(&r, false, true); /* the receiver alone cannot see them lost */
    t = draw(&r, LADDER_LEFT, "timeseq_receiver");
    assert_null(strstr(t, LOST));
    assert_non_null(strstr(t, PLAIN));
    assert_non_null(strstr(t, ACKED));
    end(&r);
}

/* A receive buffer smaller than what is sent: the window's edge is in the picture. */
static void test_window(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 0, 0);
    carry(&r, 200000, 20000);
    look(&r, true, true);
    const char *t = draw(&r, LADDER_LEFT, "timeseq_window");
    assert_true(strstr(t, WINDOW) && strokes(t, WINDOW) >= 1);
    end(&r);
}

/* 40 MB through a queue that overflows: no bigger than the grid it is drawn on. */
static void test_size_is_bounded(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 100000000, 100000);
    carry(&r, 40000000, 0);
    look(&r, true, true);
    assert_true(timeseq_segments(r.l, LADDER_LEFT) > 40000000 / 1460);
    const char *t = draw(&r, LADDER_LEFT, "timeseq_large");
    assert_true(strlen(t) < 100000);
    end(&r);
}

static void test_nothing_to_draw(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 0, 0);
    struct trace_log none;
    trace_log_init(&none, TRACE_KEEP_LADDER, 0);
    struct ladder_config cfg = {.left = {"<a & \"b\">", {r.p.client4, 1, -1}, &none},
                                .right = {"b", {r.p.server4, 2, -1}, &none}};
    r.l = ladder_new(&cfg);
    assert_non_null(r.l);
    assert_int_equal(timeseq_segments(r.l, LADDER_LEFT), 0);
    draw(&r, LADDER_LEFT, "timeseq_none");
    draw(&r, LADDER_RIGHT, "timeseq_none");
    end(&r);
}

/* One SYN, answered by nobody. */
static void test_one_moment(void **unused)
{
    struct run r;
    (void)unused;
    begin(&r, 0, 0);
    sim_wire_from(r.p.link, r.p.client)->cut = true;
    struct sim_app_config cfg = {.end = SIM_APP_CLOSE};
    struct la_endpoint to = {r.p.server4, 80, -1}, from = {r.p.client4, 40000, -1};
    sim_app_connect(r.p.client, &from, &to, &cfg);
    assert_int_equal(sim_run_for(r.p.sim, LA_MSEC(10)), SIM_OK);
    struct ladder_config one = {.left = {"client", from, sim_log(r.p.client)},
                                .right = {"server", to, sim_log(r.p.server)}};
    r.l = ladder_new(&one);
    assert_int_equal(timeseq_segments(r.l, LADDER_LEFT), 1);
    assert_non_null(strstr(draw(&r, LADDER_LEFT, "timeseq_one"), LOST));
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),           cmocka_unit_test(test_losses),
        cmocka_unit_test(test_window),          cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_nothing_to_draw), cmocka_unit_test(test_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
