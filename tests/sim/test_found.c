/* test_found.c: what the search found, each as the shortest run that shows it. */
#include "sim/prog.h"
#include "sim/sim_kit.h"
#include "tcp/scoreboard.h"
#include <lastack/host.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80
#define FROM 40000

/* A reader with a buffer smaller than a unit of its window's scale: the window could say nothing
 * but zero, and the transfer crept by probes of one byte. */
static void test_buffer_below_the_scale(void **unused)
{
    struct sim_pair p;
    struct sim_app_config c = {.send = 100000, .send_key = 1};
    struct sim_app_config s = {.check = true, .recv_key = 1, .end = SIM_APP_LAST};
    s.opt_set[LA_OPT_RCVBUF] = s.opt_set[LA_OPT_WSCALE] = true;
    s.opt[LA_OPT_RCVBUF] = 1000;
    s.opt[LA_OPT_WSCALE] = 12;
    (void)unused;
    assert_true(sim_pair_new(&p, 1, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1};
    struct sim_server *server = sim_serve(p.server, PORT, 4, &s);
    struct sim_app *a = sim_app_connect(p.client, NULL, &to, &c);
    assert_int_equal(sim_run_until(p.sim, sim_app_is_done, a, LA_SEC(60)), SIM_OK);
    assert_int_equal(server->apps->received, 100000);
    assert_int_equal(server->apps->bad_at, UINT64_MAX);
    sim_pair_free(&p);
}

/* ---- a segment by hand, from the server's address to the client's port ---- */

static void forge(struct sim_pair *p, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
                  uint8_t flags, uint16_t wnd)
{
    uint8_t f[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1};
    uint32_t sum = 0, tcp = 6 + 20;
    f[20] = (uint8_t)(sport >> 8), f[21] = (uint8_t)sport;
    f[22] = (uint8_t)(dport >> 8), f[23] = (uint8_t)dport;
    for (int i = 0; i < 4; i++) {
        f[24 + i] = (uint8_t)(seq >> (24 - 8 * i));
        f[28 + i] = (uint8_t)(ack >> (24 - 8 * i));
    }
    f[32] = 0x50;
    f[33] = flags;
    f[34] = (uint8_t)(wnd >> 8), f[35] = (uint8_t)wnd;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(f[i] << 8 | f[i + 1]);
    for (int i = 12; i < 40; i += 2)
        tcp += (uint32_t)(f[i] << 8 | f[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    tcp = (tcp & 0xffff) + (tcp >> 16);
    f[10] = (uint8_t)(~sum >> 8), f[11] = (uint8_t)~sum;
    f[36] = (uint8_t)(~tcp >> 8), f[37] = (uint8_t)~tcp;
    struct la_frame frame = {.head = {f, sizeof f}, .len = sizeof f};
    la_rx(sim_stack(p->client), 0, &frame, sim_now(p->sim));
}

static struct la_status first_status(struct sim_host *h, enum la_state state)
{
    struct la_status st;
    uint64_t cursor = 0;
    while (la_status_next(sim_stack(h), &cursor, &st))
        if (st.state == state)
            return st;
    fail_msg("nothing is in %s", la_state_name(state));
    return st;
}

/* Timestamps were agreed, and the handshake's ACK comes without one: the embryo became a connection
 * that dropped the segment and sat in SYN-RECEIVED without a timer for ever. */
static void test_embryo_wants_timestamps(void **unused)
{
    struct sim_pair p;
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    (void)unused;
    assert_true(sim_pair_new(&p, 2, NULL, NULL));
    struct la_endpoint to = {p.client4, PORT, -1}, from = {p.server4, FROM, -1};
    struct sim_server *server = sim_serve(p.client, PORT, 4, &stays);
    sim_drop(p.link, (struct sim_pick){.from = p.client, .set = LA_TCP_SYN, .count = SIM_FOR_EVER});
    struct sim_app *a = sim_app_connect(p.server, &from, &to, &stays);
    sim_run_for(p.sim, LA_MSEC(100));
    struct la_status st = first_status(p.client, LA_SYN_RECEIVED);
    assert_true(st.timestamps);
    forge(&p, FROM, PORT, st.rcv_nxt, st.iss + 1, LA_TCP_ACK, 1000);
    assert_int_equal(fired(p.client, "TS_MISSING"), 1);
    assert_int_equal(server->accepted, 0);
    sim_app_close(a);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(1000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

/* A crossed SYN announces a window of zero, and the program closes in SYN-RECEIVED: the SYN that
 * nobody acknowledged was taken for text behind a closed window, which was not there. */
static void test_close_behind_a_closed_window(void **unused)
{
    struct sim_pair p;
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    (void)unused;
    assert_true(sim_pair_new(&p, 3, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1}, from = {p.client4, FROM, -1};
    sim_wire_from(p.link, p.client)->cut = true;
    struct sim_app *a = sim_app_connect(p.client, &from, &to, &stays);
    sim_run_for(p.sim, LA_MSEC(10));
    forge(&p, PORT, FROM, 1, 0, LA_TCP_SYN, 0);
    assert_int_equal(sim_app_state(a), LA_SYN_RECEIVED);
    sim_app_close(a);
    first_status(p.client, LA_FIN_WAIT_1);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
    assert_true(fired(p.client, "RETRANSMIT") > 0);
    assert_int_equal(fired(p.client, "PERSIST_PROBE"), 0);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

/* The client's address moved to another interface, and the server holds the old one for reachable:
 * its SYN,ACKs went astray for half a minute, until somebody else asked. */
static void test_a_changed_neighbour_is_noticed(void **unused)
{
    struct sim_pair p;
    struct sim_link_config ether = {.link = LA_LINK_ETHERNET};
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    struct sim_app_config says = {.send = 100, .end = SIM_APP_STAYS}; /* its ACK confirms the way */
    (void)unused;
    assert_true(sim_pair_new(&p, 5, NULL, &ether));
    struct la_endpoint to = {p.server4, PORT, -1};
    (void)sim_serve(p.server, PORT, 4, &says);
    (void)sim_app_connect(p.client, NULL, &to, &stays);
    sim_run_for(p.sim, LA_SEC(1));
    uint64_t probes = fired(p.server, "NB_PROBE");
    (void)sim_drop(p.link, (struct sim_pick){.from = p.server, .set = LA_TCP_SYN, .count = 6});
    struct sim_app *a = sim_app_connect(p.client, NULL, &to, &stays);
    sim_run_for(p.sim, LA_SEC(6));
    assert_int_equal(fired(p.server, "NB_PROBE"), probes); /* 1 and 3 s: not yet */
    sim_run_for(p.sim, LA_SEC(2));
    assert_int_equal(fired(p.server, "R1_REACHED"), 1);
    assert_int_equal(fired(p.server, "NB_DOUBT"), 1);
    assert_int_equal(fired(p.server, "NB_PROBE"), probes + 1);
    assert_int_equal(sim_app_state(a), LA_ESTABLISHED);
    sim_pair_free(&p);
}

/* The neighbour was gone for a while, or the wire was cut: the path MTU was lowered for all
 * connections to it and for ten minutes. */
static void test_an_outage_is_no_black_hole(void **unused)
{
    (void)unused;
    for (unsigned ether = 0; ether < 2; ether++) {
        struct sim_pair p;
        struct sim_link_config link = {.link = ether ? LA_LINK_ETHERNET : LA_LINK_IP,
                                       .ab = {.delay = LA_MSEC(1)},
                                       .ba = {.delay = LA_MSEC(1)}};
        struct sim_app_config c = {.end = SIM_APP_STAYS, .send = 200000, .send_key = 1},
                              s = {.end = SIM_APP_STAYS, .check = true, .recv_key = 1};
        assert_true(sim_pair_new(&p, 9, NULL, &link));
        struct la_endpoint to = {p.server4, PORT, -1};
        struct sim_server *server = sim_serve(p.server, PORT, 4, &s);
        struct sim_app *a = sim_app_connect(p.client, NULL, &to, &c);
        assert_int_equal(sim_run_until(p.sim, sim_app_is_connected, a, LA_SEC(10)), SIM_OK);
        sim_run_for(p.sim, LA_MSEC(2));
        sim_wire_from(p.link, p.client)->cut = sim_wire_from(p.link, p.server)->cut = true;
        sim_run_for(p.sim, LA_SEC(30));
        assert_true(server->apps->received < 200000);
        assert_int_equal(fired(p.client, "PMTU_BLACK_HOLE"), ether ? 0 : 2);
        sim_wire_from(p.link, p.client)->cut = sim_wire_from(p.link, p.server)->cut = false;
        sim_run_for(p.sim, LA_SEC(60));
        assert_int_equal(server->apps->received, 200000);
        assert_int_equal(first_status(p.client, LA_ESTABLISHED).pmtu, 1500);
        assert_int_equal(first_status(p.client, LA_ESTABLISHED).mss, 1500 - 40 - 12);
        sim_app_close(a);
        sim_app_close(server->apps);
        sim_server_close(server);
        assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000)), SIM_OK);
        assert_int_equal(sim_leaks(p.sim, true), 0);
        sim_pair_free(&p);
    }
}

/* A SACK block half the sequence numbers away lies above una and below nxt, by comparison of signs:
 * its bytes counted as delivered, and nothing was sent any more. */
static void test_sack_from_the_other_side(void **unused)
{
    struct mem m = {.from = la_host_memory()};
    struct pool ranges;
    struct scoreboard b = {0};
    struct scoreboard_at at = {.una = seq(1000), .nxt = seq(5000), .smss = 1000};
    struct tcp_opts far = {.nsack = 1, .sack = {{seq(0x800003e7U), seq(0x80001389U)}}};
    struct tcp_opts edge = {.nsack = 1, .sack = {{seq(2000), seq(5001)}}};
    struct tcp_opts good = {.nsack = 1, .sack = {{seq(2000), seq(5000)}}};
    (void)unused;
    pool_init(&ranges, &m, sizeof(struct range), 16);
    assert_int_equal(scoreboard_update(&b, &ranges, &at, &far, false), 0);
    assert_int_equal(scoreboard_update(&b, &ranges, &at, &edge, false), 0);
    assert_int_equal(scoreboard_update(&b, &ranges, &at, &good, false), 3000);
    scoreboard_clear(&b, &ranges);
    pool_free(&ranges);
}

/* Two ends that hold each other's clock for old, or each other's numbers for wrong, answered pure
 * ACKs with pure ACKs as fast as the wire could carry them. */
static void test_no_ack_is_answered_for_ever(void **unused)
{
    struct sim_pair p;
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    (void)unused;
    assert_true(sim_pair_new(&p, 4, NULL, NULL));
    struct la_endpoint to = {p.server4, PORT, -1}, from = {p.client4, FROM, -1};
    struct sim_server *server = sim_serve(p.server, PORT, 4, &stays);
    struct sim_app *a = sim_app_connect(p.client, &from, &to, &stays);
    sim_run_for(p.sim, LA_SEC(1));
    sim_app_close(a);
    sim_run_for(p.sim, LA_SEC(1));
    sim_app_close(server->apps);
    sim_run_for(p.sim, LA_SEC(1));
    struct la_status st = first_status(p.client, LA_TIME_WAIT);
    uint64_t before = sim_stats_from(p.link, p.client)->frames;
    for (int i = 0; i < 100; i++) {
        forge(&p, PORT, FROM, st.rcv_nxt + 100000, st.snd_nxt, LA_TCP_ACK, 1000);
        sim_run_for(p.sim, LA_MSEC(10));
    }
    /* One second: one answer each half. */
    assert_in_range(sim_stats_from(p.link, p.client)->frames - before, 2, 3);
    assert_true(fired(p.client, "CHALLENGE_LIMITED") >= 97);
    /* A FIN is no pure ACK. */
    before = sim_stats_from(p.link, p.client)->frames;
    forge(&p, PORT, FROM, st.rcv_nxt - 1, st.snd_nxt, LA_TCP_ACK | LA_TCP_FIN, 1000);
    sim_run_for(p.sim, LA_MSEC(1));
    assert_int_equal(sim_stats_from(p.link, p.client)->frames - before, 1);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(1000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

/* A listener without timestamps cannot let a SYN below the old numbers into TIME-WAIT because that
 * SYN offers some: nothing would tell old segments from new ones. */
static void test_time_wait_and_refused_timestamps(void **unused)
{
    struct sim_pair p;
    struct sim_app_config stays = {.end = SIM_APP_STAYS};
    stays.opt_set[LA_OPT_TIMESTAMPS] = true;
    (void)unused;
    assert_true(sim_pair_new(&p, 5, NULL, NULL));
    struct la_endpoint to = {p.client4, PORT, -1}, from = {p.server4, FROM, -1};
    struct sim_server *server = sim_serve(p.client, PORT, 4, &stays);
    struct sim_app_config offers = {.end = SIM_APP_STAYS};
    struct sim_app *a = sim_app_connect(p.server, &from, &to, &offers);
    sim_run_for(p.sim, LA_SEC(1));
    sim_app_close(server->apps);
    sim_run_for(p.sim, LA_SEC(1));
    sim_app_close(a);
    sim_run_for(p.sim, LA_SEC(1));
    struct la_status st = first_status(p.client, LA_TIME_WAIT);
    assert_false(st.timestamps);
    uint8_t f[52] = {0x45, 0, 0, 52, 0,  0, 0, 0, 64,        6,          0, 0,
                     10,   0, 0, 2,  10, 0, 0, 1, FROM >> 8, FROM & 255, 0, PORT};
    uint32_t below = st.rcv_nxt - 1000, sum = 0, tcp = 6 + 32;
    for (int i = 0; i < 4; i++)
        f[24 + i] = (uint8_t)(below >> (24 - 8 * i));
    static const uint8_t rest[] = {0x80, LA_TCP_SYN, 4, 0, 0, 0, 0, 0, 1, 1,
                                   8,    10,         1, 2, 3, 4, 0, 0, 0, 0};
    memcpy(f + 32, rest, sizeof rest);
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(f[i] << 8 | f[i + 1]);
    for (int i = 12; i < 52; i += 2)
        tcp += (uint32_t)(f[i] << 8 | f[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    tcp = (tcp & 0xffff) + (tcp >> 16);
    f[10] = (uint8_t)(~sum >> 8), f[11] = (uint8_t)~sum;
    f[36] = (uint8_t)(~tcp >> 8), f[37] = (uint8_t)~tcp;
    struct la_frame frame = {.head = {f, sizeof f}, .len = sizeof f};
    la_rx(sim_stack(p.client), 0, &frame, sim_now(p.sim));
    assert_int_equal(fired(p.client, "TW_SYN_ACCEPTED"), 0);
    assert_int_equal(fired(p.client, "TW_SYN_REFUSED"), 1);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(1000)), SIM_OK);
    assert_int_equal(sim_leaks(p.sim, true), 0);
    sim_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_below_the_scale),
        cmocka_unit_test(test_embryo_wants_timestamps),
        cmocka_unit_test(test_close_behind_a_closed_window),
        cmocka_unit_test(test_a_changed_neighbour_is_noticed),
        cmocka_unit_test(test_an_outage_is_no_black_hole),
        cmocka_unit_test(test_sack_from_the_other_side),
        cmocka_unit_test(test_no_ack_is_answered_for_ever),
        cmocka_unit_test(test_time_wait_and_refused_timestamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
