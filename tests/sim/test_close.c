/* test_close.c: how connections end between two stacks, segment by segment (RFC 9293 §3.6, §3.10).
 *
 * The four closing segments with their numbers, from either side and from both at once, over both
 * families; each of them lost once and many times; the last ACK lost for ever; what TIME-WAIT
 * answers.  The ladder drawn from both logs is the judge of the numbers, the close records of the
 * reasons. */
#include "lab/picture/ladder.h"
#include "sim/prog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80
#define FROM 40000
#define MSL LA_SEC(30)
#define ALL_MARKS (FLOW_FIN_1 | FLOW_ACK_2 | FLOW_FIN_3 | FLOW_ACK_4)

/* One connection from client to server, programs that end it only when told. */
struct life {
    struct sim_pair p;
    struct sim_server *server;
    struct sim_app *client, *peer;
};

static bool both_up(void *ctx)
{
    struct life *l = ctx;
    return l->client->connected && l->server->apps;
}

static void open_with(struct life *l, bool v6, const struct sim_app_config *client,
                      const struct sim_app_config *server)
{
    assert_true(sim_pair_new(&l->p, 7, NULL, NULL));
    struct la_endpoint to = {v6 ? l->p.server6 : l->p.server4, PORT, -1};
    struct la_endpoint from = {v6 ? l->p.client6 : l->p.client4, FROM, -1};
    l->server = sim_serve(l->p.server, PORT, 8, server);
    l->client = sim_app_connect(l->p.client, &from, &to, client);
    assert_int_equal(l->client->error, LA_OK);
    assert_int_equal(sim_run_until(l->p.sim, both_up, l, sim_now(l->p.sim) + LA_SEC(1)), SIM_OK);
    l->peer = l->server->apps;
    sim_run_for(l->p.sim, LA_SEC(1));
}

static void open_plain(struct life *l, bool v6)
{
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    open_with(l, v6, &stays, &stays);
}

/* Waits until nothing moves any more, and checks that nothing is left. */
static void finish(struct life *l)
{
    sim_server_close(l->server);
    assert_int_equal(sim_run_quiet(l->p.sim, sim_now(l->p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(l->p.sim, true), 0);
    sim_pair_free(&l->p);
}

static struct ladder *draw(struct life *l, bool v6)
{
    struct ladder_config cfg = {
        .left = {"client", {v6 ? l->p.client6 : l->p.client4, FROM, -1}, sim_log(l->p.client)},
        .right = {"server", {v6 ? l->p.server6 : l->p.server4, PORT, -1}, sim_log(l->p.server)}};
    struct ladder *d = ladder_new(&cfg);
    struct ladder_style style = {.unicode = true};
    assert_non_null(d);
    if (getenv("SHOW_LADDER"))
        ladder_text(d, stdout, &style);
    return d;
}

/* The states that a host's end went through, in order, after ESTABLISHED. */
static void check_states(struct sim_host *h, const enum la_state *want)
{
    const struct trace_log *log = sim_log(h);
    enum la_state last = LA_CLOSED;
    bool up = false;
    size_t n = 0;
    for (size_t i = 0; i < log->n; i++) {
        const struct trace_event *ev = &log->ev[i];
        bool ends = ev->kind == LA_TRACE_RECORD && ev->state == LA_TIME_WAIT;
        if ((ev->kind != LA_TRACE_STATE && !ends) || ev->state_to == last)
            continue;
        last = ev->state_to;
        if (up)
            assert_int_equal(last, want[n++]);
        up |= last == LA_ESTABLISHED;
    }
    assert_true(up);
    assert_int_equal(want[n], LA_STATES);
}

static struct la_record record_of(struct sim_host *h, uint16_t port, uint16_t peer)
{
    struct la_record r;
    assert_true(sim_record(h, port, peer, &r));
    return r;
}

static const enum la_state active[] = {LA_FIN_WAIT_1, LA_FIN_WAIT_2, LA_TIME_WAIT, LA_CLOSED,
                                       LA_STATES};
static const enum la_state passive[] = {LA_CLOSE_WAIT, LA_LAST_ACK, LA_CLOSED, LA_STATES};
static const enum la_state at_once[] = {LA_FIN_WAIT_1, LA_CLOSING, LA_TIME_WAIT, LA_CLOSED,
                                        LA_STATES};
static const enum la_state three[] = {LA_FIN_WAIT_1, LA_TIME_WAIT, LA_CLOSED, LA_STATES};

/* The last ACK is told as TIME-WAIT's (RFC 9293 §3.10.7.4 eighth, and Figure 5 in §3.3.2). */
static void check_last_ack(struct sim_host *h)
{
    const struct trace_log *log = sim_log(h);
    enum la_state told = LA_CLOSED;
    for (size_t i = 0; i < log->n; i++) {
        if (log->ev[i].kind == LA_TRACE_SEGMENT_OUT)
            told = log->ev[i].state;
    }
    assert_string_equal(la_state_name(told), "TIME-WAIT");
}

/* ---- experiment 6 ---- */

/* `sent[0]` bytes from the client, `sent[1]` from the server, then one of them closes. */
static void four_segments(bool v6, bool server_first, const uint64_t sent[2])
{
    struct life l;
    struct sim_app_config c = {
        .send = sent[0], .send_key = 1, .check = true, .recv_key = 2, .end = SIM_APP_STAYS};
    struct sim_app_config s = {
        .send = sent[1], .send_key = 2, .check = true, .recv_key = 1, .end = SIM_APP_STAYS};
    open_with(&l, v6, &c, &s);
    assert_true(l.peer->received == sent[0] && l.client->received == sent[1]);

    struct sim_app *first = server_first ? l.peer : l.client,
                   *second = server_first ? l.client : l.peer;
    sim_app_shutdown(first);
    sim_run_for(l.p.sim, LA_SEC(2));
    assert_true(second->eof);
    assert_int_equal(sim_app_state(first), LA_FIN_WAIT_2);
    assert_int_equal(sim_app_state(second), LA_CLOSE_WAIT);
    sim_app_close(second);
    sim_run_for(l.p.sim, LA_SEC(2));
    sim_app_close(first);
    sim_run_for(l.p.sim, LA_SEC(100));

    struct ladder *d = draw(&l, v6);
    struct ladder_close k;
    ladder_closing(d, &k);
    ladder_free(d);
    assert_int_equal(k.marks, ALL_MARKS);
    assert_int_equal(k.first, server_first);
    assert_false(k.crossed);
    assert_int_equal(k.u, 1 + sent[server_first]); /* the SYN took number 0 */
    assert_int_equal(k.ack_u, k.u + 1);
    assert_int_equal(k.w, 1 + sent[!server_first]);
    assert_int_equal(k.ack_w, k.w + 1);
    check_states(first->host, active);
    check_states(second->host, passive);
    check_last_ack(first->host);

    struct la_record a =
        record_of(first->host, server_first ? PORT : FROM, server_first ? FROM : PORT);
    struct la_record b =
        record_of(second->host, server_first ? FROM : PORT, server_first ? PORT : FROM);
    assert_int_equal(a.first_fin, LA_SIDE_LOCAL);
    assert_int_equal(a.cause, LA_CAUSE_SHUTDOWN);
    assert_int_equal(b.first_fin, LA_SIDE_PEER);
    assert_int_equal(b.cause, LA_CAUSE_PEER_FIN);
    assert_true(a.error == LA_OK && b.error == LA_OK);
    assert_true(a.rst_by == LA_SIDE_NONE && b.rst_by == LA_SIDE_NONE);
    assert_true(a.in_state[LA_TIME_WAIT] == 2 * MSL);
    assert_true(b.in_state[LA_TIME_WAIT] == 0);
    assert_true(a.bytes_sent == sent[server_first] && a.bytes_received == sent[!server_first]);
    assert_true(a.bytes_unacked == 0 && a.bytes_unread == 0);
    finish(&l);
}

static void test_four_segments(void **unused)
{
    static const uint64_t sent[][2] = {{0, 0}, {100, 0}, {0, 5000}, {70000, 123456}};
    (void)unused;
    for (int v6 = 0; v6 < 2; v6++) {
        for (int server_first = 0; server_first < 2; server_first++) {
            for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
                four_segments(v6, server_first, sent[i]);
        }
    }
}

/* Experiment 9: both programs close at the same virtual instant. */
static void test_both_at_once(void **unused)
{
    (void)unused;
    for (int v6 = 0; v6 < 2; v6++) {
        struct life l;
        open_plain(&l, v6);
        sim_app_close(l.client);
        sim_app_close(l.peer);
        sim_run_for(l.p.sim, LA_SEC(100));
        struct ladder *d = draw(&l, v6);
        struct ladder_close k;
        ladder_closing(d, &k);
        ladder_free(d);
        assert_int_equal(k.marks, ALL_MARKS);
        assert_true(k.crossed);
        assert_true(k.u == 1 && k.ack_u == 2 && k.w == 1 && k.ack_w == 2);
        check_states(l.p.client, at_once);
        check_states(l.p.server, at_once);
        struct la_record a = record_of(l.p.client, FROM, PORT),
                         b = record_of(l.p.server, PORT, FROM);
        assert_int_equal(a.first_fin, LA_SIDE_BOTH);
        assert_int_equal(b.first_fin, LA_SIDE_BOTH);
        assert_true(a.in_state[LA_TIME_WAIT] == 2 * MSL && b.in_state[LA_TIME_WAIT] == 2 * MSL);
        assert_true(a.error == LA_OK && b.error == LA_OK);
        finish(&l);
    }
}

/* Experiment 8: the other side has nothing more to say, so its FIN carries the ACK: FIN-WAIT-1 to
 * TIME-WAIT. */
static void test_three_segments(void **unused)
{
    struct sim_app_config client = {.end = SIM_APP_STAYS}, server = {.end = SIM_APP_LAST};
    struct life l;
    (void)unused;
    open_with(&l, false, &client, &server);
    sim_app_shutdown(l.client);
    sim_run_for(l.p.sim, LA_SEC(1));
    sim_app_close(l.client);
    sim_run_for(l.p.sim, LA_SEC(100));
    check_states(l.p.client, three);
    check_states(l.p.server, passive);
    finish(&l);
}

/* Experiment 5: the client's direction is closed, the server goes on for a megabyte. */
static void test_half_close(void **unused)
{
    struct sim_app_config client = {.check = true, .recv_key = 9, .end = SIM_APP_SHUTDOWN};
    struct sim_app_config server = {.send = 1 << 20, .send_key = 9, .end = SIM_APP_LAST};
    struct life l;
    (void)unused;
    assert_true(sim_pair_new(&l.p, 7, NULL, NULL));
    struct la_endpoint to = {l.p.server4, PORT, -1};
    l.server = sim_serve(l.p.server, PORT, 8, &server);
    l.client = sim_app_connect(l.p.client, NULL, &to, &client);
    assert_int_equal(sim_run_until(l.p.sim, sim_app_is_done, l.client, LA_SEC(60)), SIM_OK);
    assert_true(l.client->received == 1 << 20);
    assert_true(l.client->bad_at == UINT64_MAX);
    sim_run_for(l.p.sim, LA_SEC(100));
    struct la_record r = {0};
    uint32_t cursor = 0;
    assert_true(la_record_next(sim_stack(l.p.client), &cursor, &r));
    assert_true(r.in_state[LA_FIN_WAIT_2] > LA_MSEC(10));
    assert_true(r.bytes_received == 1 << 20);
    finish(&l);
}

/* ---- closing segments that are lost ---- */

/* The client closes, the server follows; what `pick` names is lost.  Both ends must come out clean.
 */
static void lose(struct sim_pick pick, unsigned *server_fins, unsigned *restarts)
{
    struct life l;
    open_plain(&l, false);
    if (pick.from)
        pick.from = l.p.server;
    int n = sim_drop(l.p.link, pick);
    sim_app_shutdown(l.client);
    sim_run_for(l.p.sim, LA_SEC(1));
    /* The server answers only when the client's FIN has been acknowledged, whatever that takes. */
    for (int i = 0; i < 600 && sim_app_state(l.client) != LA_FIN_WAIT_2; i++)
        sim_run_for(l.p.sim, LA_SEC(1));
    assert_int_equal(sim_app_state(l.client), LA_FIN_WAIT_2);
    sim_app_close(l.peer);
    for (int i = 0; i < 600 && !l.client->eof; i++)
        sim_run_for(l.p.sim, LA_SEC(1));
    assert_true(l.client->eof);
    sim_app_close(l.client);
    assert_int_equal(sim_run_quiet(l.p.sim, sim_now(l.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_pick_applied(l.p.link, n), pick.count ? pick.count : 1);
    struct la_record a = record_of(l.p.client, FROM, PORT), b = record_of(l.p.server, PORT, FROM);
    assert_int_equal(a.error, LA_OK);
    assert_int_equal(b.error, LA_OK);
    assert_int_equal(a.rst_by, LA_SIDE_NONE);
    assert_int_equal(b.rst_by, LA_SIDE_NONE);
    assert_int_equal(a.state, LA_CLOSED);
    *server_fins = b.fin_retransmits;
    *restarts = a.tw.restarts;
    finish(&l);
}

static void test_each_lost_once_and_more(void **unused)
{
    static const uint8_t marks[] = {FLOW_FIN_1, FLOW_ACK_2, FLOW_FIN_3, FLOW_ACK_4};
    unsigned fins, restarts;
    (void)unused;
    for (size_t i = 0; i < sizeof marks; i++) {
        for (unsigned n = 1; n <= 5; n++) {
            lose((struct sim_pick){.marks = marks[i], .count = n}, &fins, &restarts);
            /* Only the last two touch the server's FIN and TIME-WAIT. */
            if (marks[i] == FLOW_FIN_1 || marks[i] == FLOW_ACK_2) {
                assert_int_equal(fins, 0);
                assert_int_equal(restarts, 0);
            }
        }
    }
}

/* Experiment 10a and 11: the last ACK lost N times.  The server's FIN comes again each time,
 * TIME-WAIT answers each and starts anew. */
static void test_last_ack_lost(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= 8; n++) {
        unsigned fins, restarts;
        lose((struct sim_pick){.marks = FLOW_ACK_4, .count = n}, &fins, &restarts);
        assert_int_equal(fins, n);
        assert_int_equal(restarts, n);
    }
}

/* Every last ACK is lost: the server gives up in bounded time with a record that says why;
 * TIME-WAIT ends. */
static void test_last_ack_never_comes(void **unused)
{
    struct life l;
    (void)unused;
    open_plain(&l, false);
    sim_drop(l.p.link, (struct sim_pick){.marks = FLOW_ACK_4, .count = SIM_FOR_EVER});
    sim_app_shutdown(l.client);
    sim_run_for(l.p.sim, LA_SEC(1));
    sim_app_close(l.peer);
    sim_run_for(l.p.sim, LA_SEC(1));
    sim_app_close(l.client);
    assert_int_equal(sim_run_quiet(l.p.sim, sim_now(l.p.sim) + LA_SEC(7200)), SIM_OK);
    struct la_record a = record_of(l.p.client, FROM, PORT), b = record_of(l.p.server, PORT, FROM);
    assert_int_equal(a.error, LA_OK);
    assert_true(a.tw.restarts >= 1);
    assert_int_equal(b.last_state, LA_LAST_ACK);
    assert_int_equal(b.error, LA_ETIMEDOUT);
    assert_true(b.fin_retransmits >= 3);
    assert_true(b.closed - b.first_fin_at < LA_SEC(3600));
    finish(&l);
}

/* RFC 1337: a RST into TIME-WAIT changes nothing. */
static void test_time_wait_ignores_rst(void **unused)
{
    struct life l;
    (void)unused;
    open_plain(&l, false);
    sim_app_close(l.client);
    sim_run_for(l.p.sim, LA_SEC(1));
    sim_app_close(l.peer);
    sim_run_for(l.p.sim, LA_SEC(1));
    struct la_usage u;
    la_usage(sim_stack(l.p.client), &u);
    assert_int_equal(u.time_wait, 1);
    uint32_t ack = 0;
    const struct trace_log *log = sim_log(l.p.client);
    for (size_t i = 0; i < log->n; i++) {
        if (log->ev[i].kind == LA_TRACE_SEGMENT_OUT && (log->ev[i].seg.flags & LA_TCP_ACK))
            ack = log->ev[i].seg.ack;
    }
    /* An IPv4 RST from the server with the exact number: 10.0.0.2:80 to 10.0.0.1:40000. */
    uint8_t f[40] = {0x45,
                     0,
                     0,
                     40,
                     0,
                     0,
                     0x40,
                     0,
                     64,
                     6,
                     0,
                     0,
                     10,
                     0,
                     0,
                     2,
                     10,
                     0,
                     0,
                     1,
                     0,
                     PORT,
                     FROM >> 8,
                     FROM & 255,
                     (uint8_t)(ack >> 24),
                     (uint8_t)(ack >> 16),
                     (uint8_t)(ack >> 8),
                     (uint8_t)ack,
                     0,
                     0,
                     0,
                     0,
                     0x50,
                     LA_TCP_RST};
    uint32_t sum = 0, tcp = 6 + 20;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(f[i] << 8 | f[i + 1]);
    for (int i = 12; i < 40; i += 2)
        tcp += (uint32_t)(f[i] << 8 | f[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    tcp = (tcp & 0xffff) + (tcp >> 16);
    f[10] = (uint8_t)(~sum >> 8), f[11] = (uint8_t)~sum;
    f[36] = (uint8_t)(~tcp >> 8), f[37] = (uint8_t)~tcp;
    sim_inject(l.p.link, l.p.server, f, sizeof f);
    sim_run_for(l.p.sim, LA_SEC(1));
    la_usage(sim_stack(l.p.client), &u);
    assert_int_equal(u.time_wait, 1);
    sim_run_for(l.p.sim, LA_SEC(100));
    struct la_record a = record_of(l.p.client, FROM, PORT);
    assert_int_equal(a.tw.rst_ignored, 1);
    assert_true(a.in_state[LA_TIME_WAIT] == 2 * MSL);
    finish(&l);
}

/* After the close nothing is sent any more, however long one waits (no stray timers). */
static void test_time_wait_is_silent(void **unused)
{
    struct life l;
    (void)unused;
    open_plain(&l, false);
    sim_app_close(l.client);
    sim_run_for(l.p.sim, LA_SEC(1));
    sim_app_close(l.peer);
    sim_run_for(l.p.sim, LA_SEC(1));
    uint64_t sent =
        sim_stats_from(l.p.link, l.p.client)->frames + sim_stats_from(l.p.link, l.p.server)->frames;
    sim_run_for(l.p.sim, LA_SEC(200));
    assert_true(sent == sim_stats_from(l.p.link, l.p.client)->frames +
                            sim_stats_from(l.p.link, l.p.server)->frames);
    finish(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_segments),
        cmocka_unit_test(test_both_at_once),
        cmocka_unit_test(test_three_segments),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_each_lost_once_and_more),
        cmocka_unit_test(test_last_ack_lost),
        cmocka_unit_test(test_last_ack_never_comes),
        cmocka_unit_test(test_time_wait_ignores_rst),
        cmocka_unit_test(test_time_wait_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
