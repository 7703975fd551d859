/* test_orphan.c: close() with a full send queue before a closed window (RFC 9293 §3.6, §3.8.6.1):
 * the connection leaves ESTABLISHED at once; it drains, to the byte, when the window opens; when it
 * never does, it ends in bounded time with a record that says why, and the peer hears of it. */
#include "sim/prog.h"
#include "sim/sim_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80
#define FROM 40000
#define SNDBUF 200000
#define RCVBUF 50000

struct stuck {
    struct sim_pair p;
    struct sim_server *server;
    struct sim_app *client, *peer;
};

static bool is_full(void *ctx)
{
    struct stuck *k = ctx;
    struct la_status st;
    return k->client->handle && la_status(sim_stack(k->p.client), k->client->conn, &st) == LA_OK &&
           st.snd_wnd == 0 && st.timer == LA_TIMER_PERSIST && st.queued_out == SNDBUF;
}

/* The reader's buffer is full, its window closed, and behind it the writer's buffer is full. */
static void fill(struct stuck *k, bool v6, int64_t linger_ms)
{
    struct sim_app_config c = {.send = UINT64_MAX, .send_key = 1, .end = SIM_APP_STAYS};
    struct sim_app_config s = {.check = true, .recv_key = 1, .deaf = true, .end = SIM_APP_LAST};
    c.opt_set[LA_OPT_SNDBUF] = s.opt_set[LA_OPT_RCVBUF] = c.opt_set[LA_OPT_LINGER_MS] = true;
    c.opt[LA_OPT_SNDBUF] = SNDBUF;
    c.opt[LA_OPT_LINGER_MS] = linger_ms;
    s.opt[LA_OPT_RCVBUF] = RCVBUF;
    assert_true(sim_pair_new(&k->p, 31, NULL, NULL));
    struct la_endpoint to = {v6 ? k->p.server6 : k->p.server4, PORT, -1};
    struct la_endpoint from = {v6 ? k->p.client6 : k->p.client4, FROM, -1};
    k->server = sim_serve(k->p.server, PORT, 4, &s);
    k->client = sim_app_connect(k->p.client, &from, &to, &c);
    assert_int_equal(sim_run_until(k->p.sim, is_full, k, LA_SEC(60)), SIM_OK);
    k->peer = k->server->apps;
}

/* The state of the only connection that the host has, handle or not. */
static enum la_state only_state(struct sim_host *h)
{
    struct la_status st;
    uint64_t cursor = 0;
    while (la_status_next(sim_stack(h), &cursor, &st))
        if (st.state != LA_LISTEN)
            return st.state;
    return LA_CLOSED;
}

static void finish(struct stuck *k)
{
    sim_server_close(k->server);
    assert_int_equal(sim_run_quiet(k->p.sim, sim_now(k->p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(k->p.sim, true), 0);
    sim_pair_free(&k->p);
}

/* The window opens half a minute after close: every byte and the FIN arrive. */
static void test_drains_when_the_window_opens(void **unused)
{
    (void)unused;
    for (int v6 = 0; v6 < 2; v6++) {
        struct stuck k;
        struct la_record a, b;
        fill(&k, v6, -1);
        uint64_t sent = k.client->sent;
        assert_true(sent >= SNDBUF);
        sim_app_close(k.client);
        assert_int_equal(only_state(k.p.client), LA_FIN_WAIT_1);
        sim_run_for(k.p.sim, LA_SEC(30));
        assert_int_equal(only_state(k.p.client), LA_FIN_WAIT_1);
        sim_app_listen_up(k.peer);
        assert_int_equal(
            sim_run_until(k.p.sim, sim_app_is_done, k.peer, sim_now(k.p.sim) + LA_SEC(10)), SIM_OK);
        assert_true(k.peer->received == sent && k.peer->bad_at == UINT64_MAX);
        sim_run_for(k.p.sim, LA_SEC(1));
        assert_int_equal(only_state(k.p.client), LA_TIME_WAIT);
        sim_run_for(k.p.sim, LA_SEC(61));
        assert_true(sim_record(k.p.client, FROM, PORT, &a));
        assert_true(sim_record(k.p.server, PORT, FROM, &b));
        assert_true(a.error == LA_OK && b.error == LA_OK);
        assert_int_equal(a.cause, LA_CAUSE_CLOSE);
        assert_true(a.bytes_sent == sent && b.bytes_received == sent);
        assert_true(a.bytes_unacked == 0 && b.bytes_unread == 0);
        finish(&k);
    }
}

/* It never opens: 8 probes at the persist timer's pace, a minute apart at the most, then a RST. */
static void test_bounded_when_it_never_does(void **unused)
{
    struct stuck k;
    struct la_record a;
    (void)unused;
    fill(&k, false, -1);
    uint64_t frames = sim_stats_from(k.p.link, k.p.client)->frames;
    la_ns closed_at = sim_now(k.p.sim);
    sim_app_close(k.client);
    assert_int_equal(only_state(k.p.client), LA_FIN_WAIT_1);
    sim_run_for(k.p.sim, LA_SEC(9 * 60));
    assert_int_equal(only_state(k.p.client), LA_CLOSED);
    /* At most 8 probes, and the RST. */
    assert_in_range(sim_stats_from(k.p.link, k.p.client)->frames - frames, 2, 9);
    assert_true(sim_record(k.p.client, FROM, PORT, &a));
    assert_int_equal(a.last_state, LA_FIN_WAIT_1);
    assert_int_equal(a.error, LA_ETIMEDOUT);
    assert_int_equal(a.rst_by, LA_SIDE_LOCAL);
    assert_int_equal(a.first_fin, LA_SIDE_NONE); /* it waited behind the text */
    assert_int_equal(a.cause, LA_CAUSE_PROBE_LIMIT);
    assert_int_equal(a.bytes_unacked, SNDBUF);
    assert_int_equal(fired(k.p.client, "PERSIST_ORPHAN"), 1);
    assert_true(fired(k.p.server, "ZERO_WINDOW_PROBE") > 0);
    assert_int_equal(fired(k.p.server, "RST_EXACT"), 1);
    assert_true(a.closed - closed_at <= LA_SEC(9 * 60));
    /* The reader hears of it, and still has what came in order. */
    assert_true(k.peer->events & LA_EV_CLOSED);
    sim_app_listen_up(k.peer);
    assert_true(k.peer->bad_at == UINT64_MAX);
    assert_int_equal(k.peer->error, LA_ECONNRESET);
    finish(&k);
}

/* A linger time bounds it too, exactly. */
static void test_linger_bounds_it(void **unused)
{
    struct stuck k;
    struct la_record a;
    (void)unused;
    fill(&k, true, 20000);
    la_ns closed_at = sim_now(k.p.sim);
    sim_app_close(k.client);
    assert_int_equal(only_state(k.p.client), LA_FIN_WAIT_1);
    sim_run_for(k.p.sim, LA_SEC(60));
    assert_true(sim_record(k.p.client, FROM, PORT, &a));
    assert_int_equal(a.cause, LA_CAUSE_LINGER_TIMEOUT);
    assert_int_equal(a.rst_by, LA_SIDE_LOCAL);
    assert_true(a.closed - closed_at == LA_SEC(20));
    assert_int_equal(fired(k.p.client, "LINGER_LIMIT"), 1);
    sim_app_listen_up(k.peer);
    finish(&k);
}

/* While its handle is held the connection is no orphan: the program may wait for hours (RFC 9293
 * §3.8.6.1, MUST-37), and close ends that. */
static void test_unbounded_while_held(void **unused)
{
    struct stuck k;
    (void)unused;
    fill(&k, false, -1);
    sim_run_for(k.p.sim, LA_SEC(6 * 3600));
    assert_int_equal(sim_app_state(k.client), LA_ESTABLISHED);
    sim_app_close(k.client);
    assert_int_equal(only_state(k.p.client), LA_FIN_WAIT_1);
    sim_run_for(k.p.sim, LA_SEC(9 * 60));
    assert_int_equal(only_state(k.p.client), LA_CLOSED);
    sim_app_listen_up(k.peer);
    finish(&k);
}

/* Both windows are closed and both ends probe.  When one of them reads again the other must hear of
 * it at once: an ACK numbered after the probe that was refused would lie outside the closed window
 * and be dropped unread. */
static void test_both_closed(void **unused)
{
    struct sim_app_config both = {
        .send = 500000, .check = true, .deaf = true, .end = SIM_APP_SHUTDOWN};
    struct sim_pair p;
    (void)unused;
    both.opt_set[LA_OPT_SNDBUF] = both.opt_set[LA_OPT_RCVBUF] = true;
    both.opt[LA_OPT_SNDBUF] = SNDBUF;
    both.opt[LA_OPT_RCVBUF] = RCVBUF;
    assert_true(sim_pair_new(&p, 32, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1}, from = {p.client4, FROM, -1};
    struct sim_server *server = sim_serve(p.server, PORT, 4, &both);
    struct sim_app *client = sim_app_connect(p.client, &from, &to, &both);
    sim_run_for(p.sim, LA_SEC(20)); /* several probes each way */
    struct sim_app *peer = server->apps;
    struct la_status a, b;
    assert_int_equal(la_status(sim_stack(p.client), client->conn, &a), LA_OK);
    assert_int_equal(la_status(sim_stack(p.server), peer->conn, &b), LA_OK);
    assert_true(a.timer == LA_TIMER_PERSIST && b.timer == LA_TIMER_PERSIST);
    assert_true(a.snd_wnd == 0 && b.snd_wnd == 0);
    sim_app_listen_up(client);
    sim_run_for(p.sim, LA_SEC(2));
    assert_true(client->received == 500000 && client->bad_at == UINT64_MAX);
    sim_app_listen_up(peer);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_done, peer, sim_now(p.sim) + LA_SEC(2)),
                     SIM_OK);
    assert_true(peer->received == 500000 && peer->bad_at == UINT64_MAX);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drains_when_the_window_opens),
        cmocka_unit_test(test_bounded_when_it_never_does),
        cmocka_unit_test(test_linger_bounds_it),
        cmocka_unit_test(test_unbounded_while_held),
        cmocka_unit_test(test_both_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
