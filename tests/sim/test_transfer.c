/* test_transfer.c: bytes through bad networks, whole and in order, both ways at once.
 *
 * Every byte is checked against the stream that was sent, by position.  LASTACK_TEST_MIB sets the
 * size of the large transfer (64 MiB by default). */
#include "sim/prog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PORT 80
#define MIB (1U << 20)

struct both {
    struct sim_pair p;
    struct sim_server *server;
    struct sim_app *client, *peer;
};

static bool both_done(void *ctx)
{
    struct both *b = ctx;
    b->peer = b->server->apps;
    return b->peer && sim_app_is_done(b->client) && sim_app_is_done(b->peer);
}

/* `n` bytes each way over this link; true to the byte, and nothing left afterwards.  Returns the
 * virtual time it took. */
static la_ns exchange(uint64_t seed, const struct sim_link_config *link, bool v6, uint64_t n,
                      bool peek)
{
    struct sim_app_config c = {
        .send = n, .send_key = 1, .check = true, .recv_key = 2, .peek = peek};
    struct sim_app_config s = {
        .send = n, .send_key = 2, .check = true, .recv_key = 1, .peek = peek};
    struct both b = {0};
    assert_true(sim_pair_new(&b.p, seed, NULL, link));
    sim_log(b.p.client)->keep = sim_log(b.p.server)->keep = 0;
    struct la_endpoint to = {v6 ? b.p.server6 : b.p.server4, PORT, -1};
    b.server = sim_serve(b.p.server, PORT, 8, &s);
    la_ns start = sim_now(b.p.sim);
    b.client = sim_app_connect(b.p.client, NULL, &to, &c);
    enum sim_end end = sim_run_until(b.p.sim, both_done, &b, start + LA_SEC(36000));
    if (end != SIM_OK)
        fprintf(stderr, "seed %llu: ended as %d, received %llu and %llu, errors %d and %d\n",
                (unsigned long long)seed, (int)end, (unsigned long long)b.client->received,
                (unsigned long long)(b.peer ? b.peer->received : 0), b.client->error,
                b.peer ? b.peer->error : 0);
    assert_int_equal(end, SIM_OK);
    la_ns took = sim_now(b.p.sim) - start;
    assert_true(b.client->received == n && b.client->bad_at == UINT64_MAX);
    assert_true(b.peer->received == n && b.peer->bad_at == UINT64_MAX);
    sim_server_close(b.server);
    assert_int_equal(sim_run_quiet(b.p.sim, sim_now(b.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(b.p.sim, true), 0);
    struct la_record r;
    uint32_t cursor = 0;
    assert_true(la_record_next(sim_stack(b.p.client), &cursor, &r));
    assert_int_equal(r.error, LA_OK);
    assert_true(r.bytes_sent == n && r.bytes_received == n && r.bytes_unacked == 0 &&
                r.bytes_unread == 0);
    sim_pair_free(&b.p);
    return took;
}

static void test_perfect_wire(void **unused)
{
    struct sim_link_config link = {.link = LA_LINK_IP};
    (void)unused;
    exchange(1, &link, false, MIB, false);
    exchange(1, &link, true, MIB, true);
}

/* 5 % lost, 2 % doubled, some reordered, in both directions. */
static void test_bad_wire_large(void **unused)
{
    struct sim_wire bad = {.delay = LA_MSEC(5),
                           .jitter = LA_USEC(200),
                           .loss_ppm = 50000,
                           .dup_ppm = 20000,
                           .reorder_ppm = 30000,
                           .reorder_by = LA_MSEC(2)};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = bad, .ba = bad};
    const char *mib = getenv("LASTACK_TEST_MIB");
    (void)unused;
    exchange(3, &link, false, (mib ? strtoull(mib, NULL, 10) : 64) * MIB, false);
}

static void test_bad_wire_v6(void **unused)
{
    struct sim_wire bad = {.delay = LA_MSEC(5),
                           .jitter = LA_MSEC(1),
                           .loss_ppm = 50000,
                           .dup_ppm = 20000,
                           .corrupt_ppm = 10000,
                           .reorder_ppm = 30000,
                           .reorder_by = LA_MSEC(4)};
    struct sim_link_config link = {.link = LA_LINK_ETHERNET, .ab = bad, .ba = bad};
    (void)unused;
    exchange(4, &link, true, 2 * MIB, true);
}

/* Each misfortune alone, several seeds. */
static void test_each_misfortune(void **unused)
{
    static const struct sim_wire wires[] = {
        {.delay = LA_MSEC(10), .loss_ppm = 20000},
        {.delay = LA_MSEC(10), .dup_ppm = 300000},
        {.delay = LA_MSEC(10), .corrupt_ppm = 30000},
        {.delay = LA_MSEC(10), .reorder_ppm = 200000, .reorder_by = LA_MSEC(30)},
        {.delay = LA_MSEC(10), .jitter = LA_MSEC(20)},
        {.delay = LA_MSEC(10), .rate = 8000000, .queue = 20000},
        {.delay = LA_MSEC(200), .rate = 100000000, .queue = 100000},
        {.delay = LA_MSEC(10), .loss_mask = 0x5555555555555555U},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct sim_link_config link = {.link = LA_LINK_IP, .ab = wires[i], .ba = wires[i]};
            exchange(seed, &link, seed % 2, 300000, false);
        }
    }
}

static void test_mtus(void **unused)
{
    static const uint32_t mtus[] = {68, 576, 1280, 1500, 9000, 65535};
    (void)unused;
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        struct sim_wire w = {.delay = LA_MSEC(5), .loss_ppm = 10000};
        struct sim_link_config link = {.link = LA_LINK_IP, .mtu = mtus[i], .ab = w, .ba = w};
        exchange(i, &link, false, mtus[i] < 576 ? 20000 : 400000, false);
        if (mtus[i] >= 1280)
            exchange(i, &link, true, 400000, false);
    }
}

/* Superframes and checksums left to the device: what is put on the wire is what the receiver gets.
 */
static void test_offload(void **unused)
{
    struct sim_wire w = {.delay = LA_MSEC(5), .loss_ppm = 10000};
    struct sim_link_config link = {
        .link = LA_LINK_ETHERNET, .offload = LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO, .ab = w, .ba = w};
    (void)unused;
    exchange(5, &link, false, 4 * MIB, false);
    exchange(5, &link, true, 4 * MIB, false);
}

/* A link that goes away for a minute in the middle: everything arrives all the same. */
static void cut(void *ctx)
{
    struct both *b = ctx;
    sim_wire_from(b->p.link, b->p.client)->cut = !sim_wire_from(b->p.link, b->p.client)->cut;
    sim_wire_from(b->p.link, b->p.server)->cut = sim_wire_from(b->p.link, b->p.client)->cut;
}

static void test_partition(void **unused)
{
    struct sim_wire w = {.delay = LA_MSEC(10), .rate = 8000000, .queue = 50000};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    struct sim_app_config c = {.send = MIB, .send_key = 1, .check = true, .recv_key = 2};
    struct sim_app_config s = {.send = MIB, .send_key = 2, .check = true, .recv_key = 1};
    struct both b = {0};
    (void)unused;
    assert_true(sim_pair_new(&b.p, 6, NULL, &link));
    struct la_endpoint to = {b.p.server4, PORT, -1};
    b.server = sim_serve(b.p.server, PORT, 8, &s);
    b.client = sim_app_connect(b.p.client, NULL, &to, &c);
    sim_at(b.p.sim, sim_now(b.p.sim) + LA_MSEC(500), cut, &b);
    sim_at(b.p.sim, sim_now(b.p.sim) + LA_SEC(60), cut, &b);
    assert_int_equal(sim_run_until(b.p.sim, both_done, &b, LA_SEC(3600)), SIM_OK);
    assert_true(b.client->received == MIB && b.client->bad_at == UINT64_MAX);
    assert_true(b.peer->received == MIB && b.peer->bad_at == UINT64_MAX);
    sim_server_close(b.server);
    assert_int_equal(sim_run_quiet(b.p.sim, sim_now(b.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(b.p.sim, true), 0);
    sim_pair_free(&b.p);
}

/* A reader that sleeps: the window closes, probes keep it known, and reading on opens it again. */
static void test_closed_window(void **unused)
{
    struct sim_app_config c = {.send = 4 * MIB, .send_key = 1, .end = SIM_APP_SHUTDOWN};
    struct sim_app_config s = {.check = true, .recv_key = 1, .deaf = true, .end = SIM_APP_LAST};
    struct both b = {0};
    (void)unused;
    assert_true(sim_pair_new(&b.p, 8, NULL, NULL));
    struct la_endpoint to = {b.p.server4, PORT, -1};
    b.server = sim_serve(b.p.server, PORT, 8, &s);
    b.client = sim_app_connect(b.p.client, NULL, &to, &c);
    sim_run_for(b.p.sim, LA_SEC(300));
    struct la_status st;
    assert_int_equal(la_status(sim_stack(b.p.client), b.client->conn, &st), LA_OK);
    assert_int_equal(st.snd_wnd, 0);
    assert_int_equal(st.timer, LA_TIMER_PERSIST);
    sim_app_listen_up(b.server->apps);
    assert_int_equal(sim_run_until(b.p.sim, both_done, &b, sim_now(b.p.sim) + LA_SEC(300)), SIM_OK);
    assert_true(b.peer->received == 4 * MIB && b.peer->bad_at == UINT64_MAX);
    sim_server_close(b.server);
    assert_int_equal(sim_run_quiet(b.p.sim, sim_now(b.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(b.p.sim, true), 0);
    sim_pair_free(&b.p);
}

static void test_echo(void **unused)
{
    struct sim_wire w = {.delay = LA_MSEC(5), .loss_ppm = 30000, .dup_ppm = 30000};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    struct sim_app_config c = {
        .send = 200000, .send_key = 1, .check = true, .recv_key = 1, .chunk = 777};
    struct sim_app_config s = {.echo = true, .end = SIM_APP_LAST};
    struct both b = {0};
    (void)unused;
    assert_true(sim_pair_new(&b.p, 9, NULL, &link));
    struct la_endpoint to = {b.p.server6, PORT, -1};
    b.server = sim_serve(b.p.server, PORT, 8, &s);
    b.client = sim_app_connect(b.p.client, NULL, &to, &c);
    assert_int_equal(sim_run_until(b.p.sim, both_done, &b, LA_SEC(3600)), SIM_OK);
    assert_true(b.client->received == 200000 && b.client->bad_at == UINT64_MAX);
    sim_server_close(b.server);
    assert_int_equal(sim_run_quiet(b.p.sim, sim_now(b.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(b.p.sim, true), 0);
    sim_pair_free(&b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perfect_wire), cmocka_unit_test(test_bad_wire_large),
        cmocka_unit_test(test_bad_wire_v6),  cmocka_unit_test(test_each_misfortune),
        cmocka_unit_test(test_mtus),         cmocka_unit_test(test_offload),
        cmocka_unit_test(test_partition),    cmocka_unit_test(test_closed_window),
        cmocka_unit_test(test_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
