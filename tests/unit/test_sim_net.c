/* test_sim_net.c: the simulated network keeps its promises: repeatable, on time, and frames fare as
 * they are told. */
#include "sim/prog.h"
#include "sim/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80

static uint64_t story(uint64_t seed, uint32_t loss_ppm, struct sim_app **app, struct sim_pair *p)
{
    struct sim_wire w = {.delay = LA_MSEC(10), .jitter = LA_MSEC(2), .loss_ppm = loss_ppm};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    struct sim_app_config c = {.send = 100000, .send_key = 3, .end = SIM_APP_SHUTDOWN};
    struct sim_app_config s = {.check = true, .recv_key = 3, .end = SIM_APP_LAST};
    assert_true(sim_pair_new(p, seed, NULL, &link));
    struct la_endpoint to = {p->server4, PORT, -1};
    sim_serve(p->server, PORT, 4, &s);
    *app = sim_app_connect(p->client, NULL, &to, &c);
    assert_int_equal(sim_run_quiet(p->sim, LA_SEC(4000)), SIM_OK);
    return sim_hash(p->sim);
}

static void test_one_seed_one_story(void **unused)
{
    struct sim_app *app;
    struct sim_pair p;
    uint64_t h[4];
    (void)unused;
    for (uint64_t i = 0; i < 4; i++) {
        h[i] = story(i / 2, 30000, &app, &p);
        sim_pair_free(&p);
    }
    assert_true(h[0] == h[1] && h[2] == h[3]);
    assert_true(h[0] != h[2]);
}

static void test_delay_and_rate(void **unused)
{
    struct sim_app *app;
    struct sim_pair p;
    (void)unused;
    /* 10 ms a trip: connected after one round trip. */
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    assert_true(sim_pair_new(&p, 1, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1};
    sim_serve(p.server, PORT, 4, &stays);
    app = sim_app_connect(p.client, NULL, &to, &stays);
    sim_run_for(p.sim, LA_SEC(1));
    assert_true(app->connected);
    assert_true(app->connected_at == SIM_START + LA_MSEC(20));
    sim_pair_free(&p);

    /* 1,000,000 bytes at 8 Mbit/s take at least a second, and not much more than the headers and
     * the start. */
    struct sim_wire w = {.delay = LA_MSEC(1), .rate = 8000000};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    struct sim_app_config c = {.send = 1000000, .end = SIM_APP_SHUTDOWN}, s = {.end = SIM_APP_LAST};
    assert_true(sim_pair_new(&p, 1, NULL, &link));
    to.addr = p.server4;
    sim_serve(p.server, PORT, 4, &s);
    app = sim_app_connect(p.client, NULL, &to, &c);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_done, app, LA_SEC(60)), SIM_OK);
    la_ns took = sim_now(p.sim) - SIM_START;
    assert_true(took >= LA_SEC(1) && took < LA_MSEC(1100));
    sim_pair_free(&p);
}

static void test_picks(void **unused)
{
    struct sim_app_config c = {.send = 20000, .end = SIM_APP_SHUTDOWN}, s = {.end = SIM_APP_LAST};
    struct sim_pair p;
    (void)unused;
    assert_true(sim_pair_new(&p, 2, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1};
    sim_serve(p.server, PORT, 4, &s);
    int syn = sim_drop(p.link, (struct sim_pick){.from = p.client, .set = LA_TCP_SYN});
    int fin = sim_drop(
        p.link, (struct sim_pick){.from = p.server, .set = LA_TCP_FIN, .nth = 2, .count = 3});
    int data = sim_drop(p.link, (struct sim_pick){.data = true, .nth = 3});
    int last = sim_drop(p.link, (struct sim_pick){.marks = FLOW_ACK_4, .count = 1});
    int nobody = sim_drop(p.link, (struct sim_pick){.port = 81});
    struct sim_app *app = sim_app_connect(p.client, NULL, &to, &c);
    assert_int_equal(sim_run_quiet(p.sim, LA_SEC(4000)), SIM_OK);
    assert_int_equal(app->error, LA_OK);
    assert_true(app->connected_at >= SIM_START + LA_SEC(1)); /* the first SYN was lost */
    assert_int_equal(sim_pick_applied(p.link, syn), 1);
    assert_int_equal(sim_pick_matched(p.link, syn), 2);
    assert_int_equal(sim_pick_applied(p.link, data), 1);
    assert_int_equal(sim_pick_applied(p.link, last), 1);
    /* The first FIN got through, so it was the lost last ACK that made the others: 2, 3 and 4 were
     * lost, 5 was not. */
    assert_int_equal(sim_pick_applied(p.link, fin), 3);
    assert_int_equal(sim_pick_matched(p.link, fin), 5);
    assert_int_equal(sim_pick_matched(p.link, nobody), 0);
    sim_pair_free(&p);
}

/* A segment that is held arrives when it is released, and not before. */
static void test_hold_and_release(void **unused)
{
    struct sim_app_config c = {.check = true, .recv_key = 5, .end = SIM_APP_STAYS};
    struct sim_app_config s = {.send = 100, .send_key = 5, .end = SIM_APP_STAYS};
    struct sim_pair p;
    (void)unused;
    assert_true(sim_pair_new(&p, 3, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1};
    sim_serve(p.server, PORT, 4, &s);
    struct sim_pick all_data = {.from = p.server, .data = true, .count = SIM_FOR_EVER};
    sim_add_pick(p.link, &all_data, &(struct sim_fate){.action = SIM_HOLD, .tag = 4});
    struct sim_app *app = sim_app_connect(p.client, NULL, &to, &c);
    sim_run_for(p.sim, LA_MSEC(300));
    assert_true(app->connected);
    assert_true(app->received == 0);
    assert_int_equal(sim_release(p.link, 5), 0);
    unsigned n = sim_release(p.link, 4);
    assert_true(n >= 1);
    sim_run_for(p.sim, LA_MSEC(9));
    assert_true(app->received == 0);
    sim_run_for(p.sim, LA_MSEC(2));
    assert_true(app->received == 100 && app->bad_at == UINT64_MAX);
    sim_pair_free(&p);
}

static void count_and_delay(void *ctx, const struct sim_view *v, struct sim_fate *fate)
{
    unsigned *seen = ctx;
    seen[0]++;
    if (v->is_tcp && v->seg.len) {
        seen[1]++;
        fate->later = LA_SEC(2);
        fate->copies = 1;
    }
}

static void test_filter(void **unused)
{
    struct sim_app_config c = {.send = 10, .send_key = 5, .end = SIM_APP_STAYS};
    struct sim_app_config s = {.check = true, .recv_key = 5, .end = SIM_APP_STAYS};
    unsigned seen[2] = {0, 0};
    struct sim_pair p;
    (void)unused;
    assert_true(sim_pair_new(&p, 4, NULL, NULL));
    struct la_endpoint to = {p.server6, PORT, -1};
    struct sim_server *server = sim_serve(p.server, PORT, 4, &s);
    sim_set_filter(p.link, count_and_delay, seen);
    sim_app_connect(p.client, NULL, &to, &c);
    sim_run_for(p.sim, LA_SEC(2));
    assert_non_null(server->apps);
    assert_true(server->apps->received == 0 && seen[1] >= 1 && seen[0] >= 3 + seen[1]);
    sim_run_for(p.sim, LA_SEC(1));
    assert_true(server->apps->received == 10 && server->apps->bad_at == UINT64_MAX);
    assert_true(sim_stats_from(p.link, p.client)->duplicated >= 1);
    sim_pair_free(&p);
}

/* Probabilities are what they say, and corruption never passes as data (the checksums see one
 * flipped bit). */
static void test_luck(void **unused)
{
    struct sim_app *app;
    struct sim_pair p;
    (void)unused;
    story(11, 100000, &app, &p);
    const struct sim_wire_stats *st = sim_stats_from(p.link, p.client);
    assert_true(st->frames > 50 && st->lost > 0);
    assert_true(st->frames == st->lost + st->delivered);
    sim_pair_free(&p);
    struct sim_rand r = sim_rand_of(1, 2);
    unsigned hit = 0;
    for (int i = 0; i < 100000; i++)
        hit += sim_rand_chance(&r, 50000);
    assert_in_range(hit, 4700, 5300); /* 5,000 within four standard deviations (69) */
    for (int i = 0; i < 1000; i++)
        assert_true(sim_rand_below(&r, 7) < 7);
}

static void test_quiet_and_timeout(void **unused)
{
    struct sim_pair p;
    (void)unused;
    assert_true(sim_pair_new(&p, 5, NULL, NULL));
    assert_int_equal(sim_run_for(p.sim, LA_SEC(5)), SIM_OK);
    assert_true(sim_now(p.sim) == SIM_START + LA_SEC(5));
    /* Nobody listens: refused at once, no TIME-WAIT. */
    struct sim_app_config c = {.end = SIM_APP_SHUTDOWN};
    struct la_endpoint to = {p.server4, PORT, -1};
    struct sim_app *app = sim_app_connect(p.client, NULL, &to, &c);
    assert_int_equal(sim_run_until(p.sim, sim_app_has_failed, app, sim_now(p.sim) + LA_SEC(1)),
                     SIM_OK);
    assert_int_equal(app->error, LA_ECONNREFUSED);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_connected, app, sim_now(p.sim) + LA_SEC(5000)),
                     SIM_QUIET);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

static void test_pattern(void **unused)
{
    uint8_t whole[100], part[100];
    (void)unused;
    pattern_fill(9, 1000, whole, sizeof whole);
    for (size_t cut = 0; cut <= sizeof whole; cut++) {
        pattern_fill(9, 1000, part, cut);
        pattern_fill(9, 1000 + cut, part + cut, sizeof part - cut);
        assert_memory_equal(whole, part, sizeof whole);
    }
    assert_int_equal(pattern_check(9, 1000, whole, 100), 100);
    whole[57] ^= 1;
    assert_int_equal(pattern_check(9, 1000, whole, 100), 57);
    assert_true(pattern_check(8, 1000, whole, 100) < 4);
    assert_true(pattern_check(9, 1001, whole, 100) < 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_seed_one_story),
        cmocka_unit_test(test_delay_and_rate),
        cmocka_unit_test(test_picks),
        cmocka_unit_test(test_hold_and_release),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_luck),
        cmocka_unit_test(test_quiet_and_timeout),
        cmocka_unit_test(test_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
