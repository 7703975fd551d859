/* test_many.c: a thousand connections at once, and two hundred thousand one after another, ended by
 * FIN, by RST and by silence: each leaves one close record on each host that knew it, and nothing
 * else.
 *
 * LASTACK_TEST_TURNS sets how many follow each other (200,000). */
#include "sim/prog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORT 80
#define ONCE 1000U
#define TURNS 200000U
#define BATCH 1000U         /* connections between two readings of the records */
#define SETTLED (5 * BATCH) /* by then the ring of records has all its pages */

/* ---- at once ---- */

struct crowd {
    struct sim_pair p;
    struct sim_server *server;
    struct sim_app *client[ONCE];
};

static bool all_up(void *ctx)
{
    struct crowd *c = ctx;
    if (c->server->accepted < ONCE)
        return false;
    for (unsigned i = 0; i < ONCE; i++)
        if (!c->client[i]->connected)
            return false;
    return true;
}

static bool all_done(void *ctx)
{
    struct crowd *c = ctx;
    for (unsigned i = 0; i < ONCE; i++)
        if (!sim_app_is_done(c->client[i]))
            return false;
    for (struct sim_app *a = c->server->apps; a; a = a->next)
        if (!sim_app_is_done(a))
            return false;
    return true;
}

/* One record for each of these local ports, no two alike, each an orderly end. */
static void check_records(const struct sim_host *h, bool by_remote, uint64_t sent,
                          uint64_t received)
{
    static uint8_t seen[65536];
    struct la_record r;
    uint32_t cursor = 0, n = 0;
    memset(seen, 0, sizeof seen);
    while (la_record_next(sim_stack(h), &cursor, &r)) {
        n++;
        uint16_t port = by_remote ? r.remote.port : r.local.port;
        assert_int_equal(seen[port]++, 0);
        assert_int_equal(r.error, LA_OK);
        assert_true(r.bytes_sent == sent && r.bytes_received == received);
        assert_int_equal(r.rst_by, LA_SIDE_NONE);
    }
    assert_int_equal(n, ONCE);
}

static void test_at_once(void **unused)
{
    struct sim_app_config c = {.send = 3000,
                               .send_key = 1,
                               .check = true,
                               .recv_key = 2,
                               .deaf = true,
                               .end = SIM_APP_LAST};
    struct sim_app_config s = {.send = 5000, .send_key = 2, .check = true, .recv_key = 1};
    struct sim_wire w = {.delay = LA_MSEC(10), .jitter = LA_MSEC(1), .loss_ppm = 10000};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    static struct crowd l;
    struct la_usage u;
    (void)unused;
    assert_true(sim_pair_new(&l.p, 21, NULL, &link));
    sim_log(l.p.client)->keep = sim_log(l.p.server)->keep = 0;
    l.server = sim_serve(l.p.server, PORT, ONCE, &s);
    for (unsigned i = 0; i < ONCE; i++) {
        struct la_endpoint to = {i & 1 ? l.p.server6 : l.p.server4, PORT, -1};
        l.client[i] = sim_app_connect(l.p.client, NULL, &to, &c);
    }
    /* Nobody at the clients reads yet, so none of them closes. */
    assert_int_equal(sim_run_until(l.p.sim, all_up, &l, LA_SEC(600)), SIM_OK);
    la_usage(sim_stack(l.p.client), &u);
    assert_int_equal(u.conns, ONCE);
    la_usage(sim_stack(l.p.server), &u);
    assert_int_equal(u.conns, ONCE);
    for (unsigned i = 0; i < ONCE; i++)
        sim_app_listen_up(l.client[i]);
    assert_int_equal(sim_run_until(l.p.sim, all_done, &l, LA_SEC(600)), SIM_OK);
    for (unsigned i = 0; i < ONCE; i++)
        assert_true(l.client[i]->received == 5000 && l.client[i]->bad_at == UINT64_MAX);
    for (struct sim_app *a = l.server->apps; a; a = a->next)
        assert_true(a->received == 3000 && a->bad_at == UINT64_MAX);
    sim_server_close(l.server);
    assert_int_equal(sim_run_quiet(l.p.sim, sim_now(l.p.sim) + LA_SEC(4000)), SIM_OK);
    check_records(l.p.client, false, 3000, 5000);
    check_records(l.p.server, true, 5000, 3000);
    assert_int_equal(sim_leaks(l.p.sim, true), 0);
    sim_pair_free(&l.p);
}

/* ---- in turn ---- */

/* How a connection ends. */
enum way {
    BY_CLIENT_FIN,
    BY_SERVER_FIN,
    BY_BOTH_FINS,
    BY_CLIENT_RST,
    BY_SERVER_RST,
    BY_SILENCE, /* both hosts have bytes under way when the wire is cut: user timeouts */
    BY_NO_SYN,  /* cut before: the client's SYN times out, the server never hears of it */
    WAYS
};

struct side {
    struct sim_handler handler; /* first */
    struct turns *turns;
    struct sim_host *host;
    la_conn conn;
    bool handle;
    uint32_t events;
    uint32_t cursor, records, expected; /* close records */
    uint32_t cause[LA_CAUSE_COUNT];
};

struct turns {
    struct sim_handler accept; /* first: the listener's */
    struct sim_pair p;
    struct side side[2]; /* client, server */
};

static void on_side(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct side *s = (struct side *)h;
    uint8_t b[64];
    s->events |= ev->what;
    if (s->handle && (ev->what & LA_EV_READABLE))
        (void)la_recv(sim_stack(host), s->conn, b, sizeof b, sim_now(sim_of(host)));
}

static void on_accept(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct turns *t = (struct turns *)h;
    struct side *s = &t->side[1];
    assert_int_equal(la_accept(sim_stack(host), ev->conn, sim_now(t->p.sim), &s->conn), LA_OK);
    assert_int_equal(
        la_setopt(sim_stack(host), s->conn, LA_OPT_USER_TIMEOUT_MS, 2000, sim_now(t->p.sim)),
        LA_OK);
    la_set_user(sim_stack(host), s->conn, &s->handler);
    s->handle = true;
}

static bool both_up(void *ctx)
{
    struct turns *t = ctx;
    return t->side[1].handle && (t->side[0].events & LA_EV_CONNECTED);
}

static bool both_heard_end(void *ctx)
{
    struct turns *t = ctx;
    return (t->side[0].events & LA_EV_PEER_CLOSED) && (t->side[1].events & LA_EV_PEER_CLOSED);
}

static bool client_ended(void *ctx)
{
    return ((struct turns *)ctx)->side[0].events & LA_EV_CLOSED;
}

static bool both_ended(void *ctx)
{
    struct turns *t = ctx;
    return (t->side[0].events & LA_EV_CLOSED) && (t->side[1].events & LA_EV_CLOSED);
}

static void until(struct turns *t, bool (*cond)(void *))
{
    assert_int_equal(sim_run_until(t->p.sim, cond, t, sim_now(t->p.sim) + LA_SEC(60)), SIM_OK);
}

static void cut(struct turns *t, bool on)
{
    sim_wire_from(t->p.link, t->p.client)->cut = on;
    sim_wire_from(t->p.link, t->p.server)->cut = on;
}

static void shut(struct turns *t, unsigned i)
{
    assert_int_equal(
        la_shutdown(sim_stack(t->side[i].host), t->side[i].conn, LA_SHUT_WR, sim_now(t->p.sim)),
        LA_OK);
}

static void give_back(struct turns *t, unsigned i, bool abort)
{
    struct side *s = &t->side[i];
    la_ns now = sim_now(t->p.sim);
    if (!s->handle)
        return;
    s->handle = false;
    assert_int_equal(abort ? la_abort(sim_stack(s->host), s->conn, now)
                           : la_close(sim_stack(s->host), s->conn, now),
                     LA_OK);
}

static void end_it(struct turns *t, enum way way)
{
    unsigned first = way == BY_SERVER_FIN || way == BY_SERVER_RST;
    switch (way) {
    case BY_CLIENT_FIN:
    case BY_SERVER_FIN:
        shut(t, first);
        sim_run_for(t->p.sim, LA_MSEC(5));
        shut(t, !first);
        until(t, both_heard_end);
        break;
    case BY_BOTH_FINS:
        shut(t, 0);
        shut(t, 1);
        until(t, both_heard_end);
        break;
    case BY_CLIENT_RST:
    case BY_SERVER_RST:
        give_back(t, first, true);
        sim_run_for(t->p.sim, LA_MSEC(5));
        assert_true(t->side[!first].events & LA_EV_CLOSED);
        break;
    case BY_SILENCE:
        cut(t, true);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(
                la_send(sim_stack(t->side[i].host), t->side[i].conn, "x", 1, 0, sim_now(t->p.sim)),
                1);
        until(t, both_ended);
        cut(t, false);
        break;
    case BY_NO_SYN:
    case WAYS:
        break;
    }
}

static void turn(struct turns *t, enum way way)
{
    struct side *c = &t->side[0], *s = &t->side[1];
    struct la_stack *cs = sim_stack(c->host);
    struct la_endpoint to = {t->p.server4, PORT, -1};
    c->events = s->events = 0;
    assert_int_equal(la_socket(cs, &c->conn), LA_OK);
    c->handle = true;
    la_set_user(cs, c->conn, &c->handler);
    la_ns now = sim_now(t->p.sim);
    assert_int_equal(la_setopt(cs, c->conn, LA_OPT_USER_TIMEOUT_MS, 2000, now), LA_OK);
    assert_int_equal(la_setopt(cs, c->conn, LA_OPT_SYN_TIMEOUT_MS, 5000, now), LA_OK);
    cut(t, way == BY_NO_SYN);
    assert_int_equal(la_connect(cs, c->conn, NULL, &to, now), LA_OK);
    c->expected++;
    if (way == BY_NO_SYN) {
        until(t, client_ended);
        cut(t, false);
    } else {
        s->expected++;
        until(t, both_up);
        end_it(t, way);
    }
    give_back(t, 0, false);
    give_back(t, 1, false);
    sim_run_for(t->p.sim, LA_MSEC(5));
}

/* Reads the records that came since the last time: their serials leave no gap, so none was
 * overwritten unread. */
static void read_records(struct side *s)
{
    struct la_record r;
    while (la_record_next(sim_stack(s->host), &s->cursor, &r)) {
        assert_int_equal(r.serial, s->records + 1);
        s->records++;
        s->cause[r.cause]++;
    }
    assert_int_equal(s->records, s->expected);
}

static void check_causes(const struct turns *t, const uint32_t ways[WAYS])
{
    const uint32_t *c = t->side[0].cause, *s = t->side[1].cause;
    /* Whoever closes first has a reason of its own, the other the peer's FIN or RST; when both do,
     * each had its own. */
    assert_int_equal(c[LA_CAUSE_SHUTDOWN], ways[BY_CLIENT_FIN] + ways[BY_BOTH_FINS]);
    assert_int_equal(s[LA_CAUSE_SHUTDOWN], ways[BY_SERVER_FIN] + ways[BY_BOTH_FINS]);
    assert_int_equal(c[LA_CAUSE_PEER_FIN], ways[BY_SERVER_FIN]);
    assert_int_equal(s[LA_CAUSE_PEER_FIN], ways[BY_CLIENT_FIN]);
    assert_int_equal(c[LA_CAUSE_ABORT], ways[BY_CLIENT_RST]);
    assert_int_equal(s[LA_CAUSE_ABORT], ways[BY_SERVER_RST]);
    assert_int_equal(c[LA_CAUSE_PEER_RST], ways[BY_SERVER_RST]);
    assert_int_equal(s[LA_CAUSE_PEER_RST], ways[BY_CLIENT_RST]);
    assert_int_equal(c[LA_CAUSE_USER_TIMEOUT], ways[BY_SILENCE]);
    assert_int_equal(s[LA_CAUSE_USER_TIMEOUT], ways[BY_SILENCE]);
    assert_int_equal(c[LA_CAUSE_SYN_TIMEOUT], ways[BY_NO_SYN]);
}

static void test_in_turn(void **unused)
{
    struct sim_wire w = {.delay = LA_MSEC(1)};
    struct sim_link_config link = {.link = LA_LINK_IP, .ab = w, .ba = w};
    struct turns t = {.accept = {on_accept}};
    struct la_endpoint any = {.addr = LA_ADDR_ANY, .port = PORT, .ifx = -1};
    const char *env = getenv("LASTACK_TEST_TURNS");
    uint32_t ways[WAYS] = {0}, turns = env ? (uint32_t)strtoul(env, NULL, 10) : TURNS;
    uint64_t bytes[2] = {0};
    la_conn listener;
    (void)unused;
    assert_true(sim_pair_new(&t.p, 22, NULL, &link));
    for (unsigned i = 0; i < 2; i++) {
        struct sim_host *h = i ? t.p.server : t.p.client;
        t.side[i].handler.on_event = on_side;
        t.side[i].turns = &t;
        t.side[i].host = h;
        sim_log(h)->keep = 0;
    }
    assert_int_equal(la_listen(sim_stack(t.p.server), &any, 4, sim_now(t.p.sim), &listener), LA_OK);
    la_set_user(sim_stack(t.p.server), listener, &t.accept);
    for (uint32_t i = 0; i < turns; i++) {
        enum way way = (enum way)(i % WAYS);
        turn(&t, way);
        ways[way]++;
        if (i % BATCH && i + 1 < turns)
            continue;
        /* Let TIME-WAIT end; then nothing is left, and no memory was taken. */
        sim_run_for(t.p.sim, LA_SEC(61));
        assert_int_equal(la_check(sim_stack(t.p.client)), 0);
        assert_int_equal(la_check(sim_stack(t.p.server)), 0);
        for (unsigned k = 0; k < 2; k++) {
            struct la_usage u;
            la_usage(sim_stack(t.side[k].host), &u);
            assert_int_equal(u.conns + u.embryos + u.time_wait + u.blocks + u.ranges + u.packets,
                             0);
            if (i == SETTLED)
                bytes[k] = sim_bytes(t.side[k].host);
            if (i > SETTLED)
                assert_true(sim_bytes(t.side[k].host) == bytes[k]);
            read_records(&t.side[k]);
        }
    }
    check_causes(&t, ways);
    assert_int_equal(la_close(sim_stack(t.p.server), listener, sim_now(t.p.sim)), LA_OK);
    assert_int_equal(sim_run_quiet(t.p.sim, sim_now(t.p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(t.p.sim, true), 0);
    sim_pair_free(&t.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
