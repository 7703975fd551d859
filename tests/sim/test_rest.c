/* test_rest.c: connections at rest (core/tcp/rest.c): packed beyond active_conns, woken by a
 * segment or a call, and nobody can tell: what la_status says, the streams, the records. */
#include "sim/prog.h"
#include "sim_kit.h"
#include "stack/stack.h"

#define CONNS 40U
#define PORT 7

struct many {
    struct sim_pair p;
    struct sim_server *server;
    struct sim_app *app[CONNS];
    uint64_t sent[CONNS];
};

static struct la_usage usage(const struct sim_host *h)
{
    struct la_usage u;
    la_usage(sim_stack(h), &u);
    return u;
}

static void check_hosts(const struct many *m)
{
    assert_int_equal(la_check(sim_stack(m->p.client)), 0);
    assert_int_equal(la_check(sim_stack(m->p.server)), 0);
}

/* An echo server and its clients, over both families, on stacks that keep `active` whole. */
static void open_many(struct many *m, uint32_t active, const struct sim_app_config *client)
{
    static const struct sim_app_config echo = {.echo = true};
    struct la_config cfg;
    la_config_init(&cfg);
    cfg.active_conns = active;
    *m = (struct many){0};
    assert_true(sim_pair_new(&m->p, 7, &cfg, NULL));
    m->server = sim_serve(m->p.server, PORT, CONNS, &echo);
    for (unsigned i = 0; i < CONNS; i++) {
        struct la_endpoint to = {i % 4 == 3 ? m->p.server6 : m->p.server4, PORT, -1};
        struct sim_app_config c = *client;
        c.send_key = c.recv_key = i;
        c.check = true;
        c.end = SIM_APP_STAYS;
        m->app[i] = sim_app_connect(m->p.client, NULL, &to, &c);
        sim_run_for(m->p.sim, LA_SEC(1));
    }
}

static void send_more(struct many *m, unsigned i, uint32_t n)
{
    uint8_t b[3000];
    assert_true(n <= sizeof b);
    pattern_fill(i, m->sent[i], b, n);
    assert_int_equal(la_send(sim_stack(m->p.client), m->app[i]->conn, b, n, 0, sim_now(m->p.sim)),
                     n);
    m->sent[i] += n;
}

static void settle(struct many *m)
{
    sim_run_for(m->p.sim, LA_SEC(2));
    check_hosts(m);
}

static void close_all(struct many *m)
{
    for (unsigned i = 0; i < CONNS; i++)
        sim_app_close(m->app[i]);
    assert_int_equal(sim_run_quiet(m->p.sim, sim_now(m->p.sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(m->p.sim, false), 0);
}

static void packed_and_woken(void **state)
{
    static struct many m;
    struct la_record r;
    uint32_t cursor = 0, ends = 0;
    (void)state;
    open_many(&m, 4, &(struct sim_app_config){0});
    settle(&m);
    struct la_usage u = usage(m.p.client);
    assert_int_equal(u.conns, CONNS);
    assert_true(u.at_rest >= CONNS - 8);
    assert_int_equal(fired(m.p.client, "REST_WOKEN"), 0);
    /* By a call here and by a segment there, in no order, some of them many times. */
    for (unsigned i = 0; i < 10 * CONNS; i++) {
        send_more(&m, i * 17 % CONNS, 1 + i * 37 % 3000);
        sim_run_for(m.p.sim, LA_MSEC(i % 7 * 5));
    }
    settle(&m);
    for (unsigned i = 0; i < CONNS; i++) {
        assert_true(m.app[i]->bad_at == UINT64_MAX);
        assert_int_equal(m.app[i]->received, m.sent[i]);
    }
    assert_true(fired(m.p.client, "REST_WOKEN") > CONNS);
    assert_true(fired(m.p.server, "REST_WOKEN") > CONNS);
    assert_true(fired(m.p.client, "REST_PACKED") > fired(m.p.client, "REST_WOKEN"));
    assert_true(usage(m.p.client).at_rest >= CONNS - 8);
    close_all(&m);
    for (; la_record_next(sim_stack(m.p.client), &cursor, &r); ends++) {
        la_ns lived = 0;
        for (unsigned k = 0; k < LA_STATES; k++)
            lived += r.in_state[k];
        assert_int_equal(lived, r.closed - r.opened);
        assert_int_equal(r.first_fin, LA_SIDE_LOCAL);
        assert_int_equal(r.error, LA_OK);
        assert_int_equal(r.bytes_sent, r.bytes_received);
        assert_true(r.bytes_sent > 0 && r.srtt_us >= 20000);
    }
    assert_int_equal(ends, CONNS);
    sim_pair_free(&m.p);
}

/* What la_status says of a connection, but for what belongs to the wire's next move. */
static struct la_status said(const struct many *m, unsigned i)
{
    struct la_status st;
    assert_int_equal(la_status(sim_stack(m->p.client), m->app[i]->conn, &st), LA_OK);
    return st;
}

static void status_is_the_same(void **state)
{
    static struct many whole, packed;
    uint64_t cursor = 0;
    unsigned listed = 0;
    struct la_status st;
    (void)state;
    open_many(&whole, 1024, &(struct sim_app_config){0});
    open_many(&packed, 1, &(struct sim_app_config){0});
    for (unsigned i = 0; i < CONNS; i++) {
        send_more(&whole, i, 1000);
        send_more(&packed, i, 1000);
        sim_run_for(whole.p.sim, LA_SEC(1));
        sim_run_for(packed.p.sim, LA_SEC(1));
    }
    settle(&whole);
    settle(&packed);
    assert_int_equal(usage(whole.p.client).at_rest, 0);
    assert_true(usage(packed.p.client).at_rest > CONNS / 2);
    uint64_t woken = fired(packed.p.client, "REST_WOKEN");
    for (unsigned i = 0; i < CONNS; i++) {
        struct la_status a = said(&whole, i), b = said(&packed, i);
        assert_true(a.user && b.user);
        a.user = b.user = NULL;
        a.conn = b.conn = LA_CONN_NONE;
        a.segs_out = b.segs_out = 0; /* the hand asks for ACKs that would have waited */
        assert_memory_equal(&a, &b, sizeof a);
    }
    while (la_status_next(sim_stack(packed.p.client), &cursor, &st))
        listed += st.state == LA_ESTABLISHED;
    assert_int_equal(listed, CONNS);
    assert_int_equal(fired(packed.p.client, "REST_WOKEN"), woken); /* to look wakes nobody */
    close_all(&whole);
    close_all(&packed);
    sim_pair_free(&whole.p);
    sim_pair_free(&packed.p);
}

/* Those that are not at rest stay whole: a timer runs, bytes wait to be read. */
static void the_busy_stay_whole(void **state)
{
    static struct many m;
    struct sim_app_config keepalive = {0}, deaf = {.deaf = true};
    (void)state;
    keepalive.opt[LA_OPT_KEEPALIVE] = 1;
    keepalive.opt_set[LA_OPT_KEEPALIVE] = true;
    open_many(&m, 1, &keepalive);
    assert_int_equal(usage(m.p.client).at_rest, 0);
    assert_true(usage(m.p.server).at_rest > 0);
    close_all(&m);
    sim_pair_free(&m.p);
    open_many(&m, 1, &deaf);
    uint32_t before = usage(m.p.client).at_rest;
    assert_true(before > 0);
    for (unsigned i = 0; i < CONNS; i++)
        send_more(&m, i, 10);
    settle(&m);
    assert_int_equal(usage(m.p.client).at_rest, 0); /* each echo waits to be read */
    for (unsigned i = 0; i < CONNS; i++)
        sim_app_listen_up(m.app[i]);
    settle(&m);
    close_all(&m);
    sim_pair_free(&m.p);
}

static bool rests(const struct many *m, unsigned i)
{
    return stack_rest(sim_stack(m->p.client), m->app[i]->conn) != NULL;
}

/* Whoever is awake has a timer from now on, so that nobody can make room; and the next object that
 * is asked for is refused. */
static void scarce(const struct many *m)
{
    struct la_stack *s = sim_stack(m->p.client);
    for (unsigned i = 0; i < CONNS; i++)
        if (!rests(m, i))
            assert_int_equal(la_setopt(s, m->app[i]->conn, LA_OPT_KEEPALIVE, 1, sim_now(m->p.sim)),
                             LA_OK);
    s->mem.fail_at = s->mem.asked + 1;
}

/* The other end of the client's connection i. */
static struct sim_app *peer_of(const struct many *m, unsigned i)
{
    struct la_status mine = said(m, i), theirs;
    for (struct sim_app *a = m->server->apps; a; a = a->next) {
        assert_int_equal(la_status(sim_stack(m->p.server), a->conn, &theirs), LA_OK);
        if (theirs.remote.port == mine.local.port)
            return a;
    }
    fail_msg("connection %u has no other end", i);
    return NULL;
}

/* No memory to wake one: a call says so, a segment is dropped and comes again; it rests on. */
static void no_memory_to_wake(void **state)
{
    static struct many m;
    uint8_t b[100];
    unsigned i = 0;
    (void)state;
    open_many(&m, 1, &(struct sim_app_config){0});
    struct la_stack *s = sim_stack(m.p.client);
    while (!rests(&m, i))
        i++;
    la_conn c = m.app[i]->conn;
    pattern_fill(i, 0, b, sizeof b);
    scarce(&m);
    assert_int_equal(la_send(s, c, b, sizeof b, 0, sim_now(m.p.sim)), LA_ENOMEM);
    assert_true(rests(&m, i));
    scarce(&m);
    assert_int_equal(la_close(s, c, sim_now(m.p.sim)), LA_ENOMEM);
    assert_true(rests(&m, i));
    check_hosts(&m);
    scarce(&m);
    assert_int_equal(
        la_send(sim_stack(m.p.server), peer_of(&m, i)->conn, b, sizeof b, 0, sim_now(m.p.sim)),
        sizeof b);
    settle(&m);
    assert_int_equal(fired(m.p.client, "REST_NO_MEMORY"), 1);
    assert_int_equal(m.app[i]->received, sizeof b);
    assert_true(m.app[i]->bad_at == UINT64_MAX);
    close_all(&m);
    sim_pair_free(&m.p);
}

/* The stack is told to give up everything: those at rest too. */
static void all_are_aborted(void **state)
{
    static struct many m;
    (void)state;
    open_many(&m, 1, &(struct sim_app_config){0});
    assert_true(usage(m.p.client).at_rest > CONNS / 2);
    la_abort_all(sim_stack(m.p.client), sim_now(m.p.sim));
    assert_int_equal(sim_run_quiet(m.p.sim, sim_now(m.p.sim) + LA_SEC(10)), SIM_OK);
    check_hosts(&m);
    assert_int_equal(usage(m.p.client).conns, 0);
    sim_pair_free(&m.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_woken),    cmocka_unit_test(status_is_the_same),
        cmocka_unit_test(the_busy_stay_whole), cmocka_unit_test(no_memory_to_wake),
        cmocka_unit_test(all_are_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
