/* test_restart.c: a host that crashes and starts again without memory (RFC 9293 §3.5.1, RFC 5961
 * §4.2). */
#include "sim/prog.h"
#include "sim/sim_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80
#define FROM 40000

/* Data for a connection that the restarted host forgot draws a RST. */
static void test_data_draws_reset(void **unused)
{
    struct sim_pair p;
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    (void)unused;
    assert_true(sim_pair_new(&p, 1, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1};
    sim_serve(p.server, PORT, 4, &stays);
    struct sim_app *a = sim_app_connect(p.client, NULL, &to, &stays);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_connected, a, LA_SEC(10)), SIM_OK);
    sim_run_for(p.sim, LA_SEC(1));
    assert_int_equal(sim_host_restart(p.server, NULL), LA_OK);
    assert_int_equal(la_addr_add(sim_stack(p.server), 0, &p.server4, 24, sim_now(p.sim)), LA_OK);
    assert_int_equal(la_send(sim_stack(p.client), a->conn, "x", 1, 0, sim_now(p.sim)), 1);
    sim_run_for(p.sim, LA_SEC(5));
    assert_int_equal(a->error, LA_ECONNRESET);
    assert_int_equal(fired(p.server, "CLOSED_REPLY_ACK"), 1);
    sim_app_close(a);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

/* Its new SYN meets the old half of the connection: a challenge ACK, whose RST clears it, and the
 * SYN that comes again opens a new one (RFC 9293 figure 9, RFC 5961 §4.2). */
static void test_new_syn_clears_the_old_half(void **unused)
{
    struct sim_pair p;
    struct sim_app_config c = {.send = 1000, .send_key = 1, .check = true, .recv_key = 2};
    struct sim_app_config s = {.send = 1000, .send_key = 2, .check = true, .recv_key = 1};
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    (void)unused;
    assert_true(sim_pair_new(&p, 2, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1}, from = {p.client4, FROM, -1};
    struct sim_server *server = sim_serve(p.server, PORT, 4, &s);
    struct sim_app *old = sim_app_connect(p.client, &from, &to, &stays);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_connected, old, LA_SEC(10)), SIM_OK);
    sim_run_for(p.sim, LA_SEC(1));
    struct sim_app *orphan = server->apps;
    assert_int_equal(sim_app_state(orphan), LA_FIN_WAIT_2);
    assert_int_equal(sim_host_restart(p.client, NULL), LA_OK);
    assert_int_equal(la_addr_add(sim_stack(p.client), 0, &p.client4, 24, sim_now(p.sim)), LA_OK);
    sim_run_for(p.sim, LA_SEC(60));

    struct sim_app *a = sim_app_connect(p.client, &from, &to, &c);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_done, a, sim_now(p.sim) + LA_SEC(5)), SIM_OK);
    assert_int_equal(a->received, 1000);
    assert_int_equal(a->bad_at, UINT64_MAX);
    assert_int_equal(orphan->error, LA_ECONNRESET);
    assert_int_equal(server->accepted, 2);
    assert_int_equal(fired(p.server, "SYN_IN_SYNC") + fired(p.server, "SEQ_OUT_OF_WINDOW"), 1);
    assert_int_equal(fired(p.client, "SYNSENT_BAD_ACK"), 1);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_draws_reset),
        cmocka_unit_test(test_new_syn_clears_the_old_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
