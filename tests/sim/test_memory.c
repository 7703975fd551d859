/* test_memory.c: every allocation refused in turn, and the stack goes on.
 *
 * One life with everything that takes memory: addresses to resolve, a listener, connections of both
 * families over a wire that loses and reorders (receive ranges, a scoreboard), a datagram in
 * fragments, a flood of SYNs, TIME-WAIT.  It is lived again and again, each time with the next
 * request refused, until a life comes to its end without a refusal: no crash, invariants hold after
 * every event, a stream that ends in order is whole, nothing is left, and when it is over a new
 * connection works.  Each refusal is counted (la_usage). */
#include "sim/prog.h"
#include "sim/sim_kit.h"
#include "stack/stack.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT 80
#define SEND 30000U
#define FLOOD 24U

/* How requests are refused. */
enum refusal {
    OBJECT_ONCE, /* the k-th object asked of any pool (la_lab.fail_alloc_at) */
    BYTES_ONCE,  /* the k-th call of the allocator */
    BYTES_FROM,  /* that one and all that follow, until the life is over */
};

struct scarce {
    enum refusal how;
    uint32_t asked, refuse_at, refused;
    bool over; /* memory is there again */
};

static void *scarce_alloc(void *ctx, size_t bytes)
{
    struct scarce *s = ctx;
    s->asked++;
    bool hit = s->how == BYTES_FROM ? s->asked >= s->refuse_at : s->asked == s->refuse_at;
    if (s->how != OBJECT_ONCE && hit && !s->over) {
        s->refused++;
        return NULL;
    }
    return malloc(bytes);
}

static void scarce_free(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

struct life {
    struct sim *sim;
    struct sim_host *host[2]; /* client, server */
    struct sim_link *link;
    struct scarce scarce;
    unsigned scarce_side;
    struct la_addr v4[2], v6[2];
    struct sim_server *server;
    struct sim_app *client[4];
    unsigned told; /* calls that said LA_ENOMEM */
};

static bool note(struct life *l, int rc)
{
    if (rc == LA_ENOMEM)
        l->told++;
    else
        assert_true(rc >= 0);
    return rc >= 0;
}

/* ---- frames of the hostile world ---- */

static uint16_t inet_sum(const uint8_t *p, uint32_t n, uint32_t sum)
{
    for (uint32_t i = 0; i < n; i += 2)
        sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0U);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* From the client's wire to the server: an IPv4 datagram or a fragment of one. */
static void inject4(struct life *l, uint8_t host, uint8_t proto, uint16_t frag,
                    const uint8_t *payload, uint32_t n)
{
    uint8_t f[1600] = {2, 0x6c, 0x61, 1, 0, 1, 2, 0x6c, 0x61, 0, 0, 0, 8, 0};
    uint8_t *ip = f + 14;
    const uint8_t head[20] = {
        0x45, 0,    0,  0, 0, 7, (uint8_t)(frag >> 8), (uint8_t)frag, 64, proto, 0, 0, 10, 0,
        0,    host, 10, 0, 0, 2};
    memcpy(ip, head, 20);
    ip[2] = (uint8_t)((20 + n) >> 8);
    ip[3] = (uint8_t)(20 + n);
    uint16_t sum = inet_sum(ip, 20, 0);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
    memcpy(ip + 20, payload, n);
    sim_inject(l->link, l->host[0], f, 34 + n);
}

/* A ping of 2,000 bytes in two fragments, and one that is never completed. */
static void inject_fragments(struct life *l)
{
    static uint8_t ping[2008] = {8};
    uint16_t sum = inet_sum(ping, sizeof ping, 0);
    ping[2] = (uint8_t)(sum >> 8);
    ping[3] = (uint8_t)sum;
    inject4(l, 1, 1, 1200 / 8, ping + 1200, sizeof ping - 1200);
    inject4(l, 1, 1, 0x2000, ping, 1200);
    inject4(l, 9, 1, 0x2000, ping, 1200);
    ping[2] = ping[3] = 0;
}

static void inject_flood(struct life *l)
{
    for (unsigned i = 0; i < FLOOD; i++) {
        uint8_t g[24] = {0x10, (uint8_t)i, 0,    PORT, 1, 2, 3, 4, 0, 0, 0, 0,
                         0x60, LA_TCP_SYN, 0x10, 0,    0, 0, 0, 0, 2, 4, 5, 0xb4};
        uint8_t from = (uint8_t)(100 + i);
        uint32_t pseudo = 10U * 256 + from + 10U * 256 + 2 + 6 + sizeof g;
        uint16_t sum = inet_sum(g, sizeof g, pseudo);
        g[16] = (uint8_t)(sum >> 8);
        g[17] = (uint8_t)sum;
        inject4(l, from, 6, 0x4000, g, sizeof g);
    }
}

/* ---- one life ---- */

static bool sound(void *ctx)
{
    struct life *l = ctx;
    for (unsigned i = 0; i < 2; i++) {
        int line = la_check(sim_stack(l->host[i]));
        if (line)
            fail_msg("refusal %u: la_check found line %d broken", l->scarce.refuse_at, line);
    }
    return false;
}

/* False if the hosts could not even be made. */
static bool make(struct life *l)
{
    struct sim_wire w = {.delay = LA_MSEC(5),
                         .jitter = LA_MSEC(1),
                         .loss_ppm = 30000,
                         .reorder_ppm = 50000,
                         .reorder_by = LA_MSEC(4)};
    struct sim_link_config link = {.link = LA_LINK_ETHERNET, .ab = w, .ba = w};
    l->sim = sim_new(41);
    for (unsigned i = 0; i < 2; i++) {
        struct la_config cfg;
        int err;
        la_config_init(&cfg);
        cfg.max_embryos = 8;
        cfg.max_time_wait = 64;
        cfg.active_conns = 1; /* the others are packed while they rest */
        if (i == l->scarce_side) {
            cfg.mem = (struct la_memory){scarce_alloc, scarce_free, &l->scarce};
            if (l->scarce.how == OBJECT_ONCE) {
                cfg.lab.enabled = true;
                cfg.lab.fail_alloc_at = l->scarce.refuse_at;
            }
        }
        l->host[i] = sim_host_add(l->sim, i ? "server" : "client", &cfg, &err);
        if (!l->host[i])
            return note(l, err);
        sim_log(l->host[i])->keep = 0;
    }
    l->link = sim_link_add(l->host[0], l->host[1], &link);
    if (!l->link) {
        l->told++; /* la_if_add's only reason here */
        return false;
    }
    bool ok = true;
    for (unsigned i = 0; i < 2; i++) {
        struct la_stack *s = sim_stack(l->host[i]);
        l->v4[i] = la_addr_v4(10, 0, 0, (uint8_t)(1 + i));
        l->v6[i] = (struct la_addr){{0xfd, [15] = (uint8_t)(1 + i)}};
        ok &= note(l, la_addr_add(s, 0, &l->v4[i], 24, sim_now(l->sim)));
        ok &= note(l, la_addr_add(s, 0, &l->v6[i], 64, sim_now(l->sim)));
    }
    return ok;
}

/* A stream that ended in order is whole; none has a wrong byte. */
static void check_stream(const struct life *l, const struct sim_app *a, uint64_t want)
{
    if (a->bad_at != UINT64_MAX)
        fail_msg("refusal %u: a wrong byte at %llu", l->scarce.refuse_at,
                 (unsigned long long)a->bad_at);
    if (a->eof && a->received != want)
        fail_msg("refusal %u: the stream ended after %llu bytes", l->scarce.refuse_at,
                 (unsigned long long)a->received);
}

static void close_handles(struct life *l)
{
    for (unsigned i = 0; i < 4; i++) {
        l->told += l->client[i]->error == LA_ENOMEM;
        sim_app_abort(l->client[i]);
    }
    for (struct sim_app *a = l->server->apps; a; a = a->next) {
        l->told += a->error == LA_ENOMEM;
        sim_app_abort(a);
    }
}

/* After it all, a connection with everything in order. */
static void check_recovered(struct life *l)
{
    struct sim_app_config c = {.send = SEND, .send_key = 3, .check = true, .recv_key = 4};
    struct sim_app_config s = {.send = SEND, .send_key = 4, .check = true, .recv_key = 3};
    struct la_endpoint to = {l->v4[1], PORT, -1};
    struct sim_server *server = sim_serve(l->host[1], PORT, 8, &s);
    assert_int_equal(server->error, LA_OK);
    struct sim_app *a = sim_app_connect(l->host[0], NULL, &to, &c);
    assert_int_equal(sim_run_until(l->sim, sim_app_is_done, a, sim_now(l->sim) + LA_SEC(600)),
                     SIM_OK);
    assert_true(a->received == SEND && a->bad_at == UINT64_MAX);
    sim_server_close(server);
    assert_int_equal(sim_run_quiet(l->sim, sim_now(l->sim) + LA_SEC(4000)), SIM_OK);
    assert_int_equal(sim_leaks(l->sim, true), 0);
}

static void live(struct life *l)
{
    struct sim_app_config c = {.send = SEND, .send_key = 1, .check = true, .recv_key = 2};
    struct sim_app_config s = {.send = SEND, .send_key = 2, .check = true, .recv_key = 1};
    l->server = sim_serve(l->host[1], PORT, 8, &s);
    if (!note(l, l->server->error))
        return;
    inject_fragments(l);
    for (unsigned i = 0; i < 4; i++) {
        struct la_endpoint to = {i & 1 ? l->v6[1] : l->v4[1], PORT, -1};
        l->client[i] = sim_app_connect(l->host[0], NULL, &to, &c);
        (void)sim_run_until(l->sim, sound, l, sim_now(l->sim) + LA_MSEC(20));
    }
    inject_flood(l);
    (void)sim_run_until(l->sim, sound, l, sim_now(l->sim) + LA_SEC(200));
    close_handles(l);
    sim_server_close(l->server);
    enum sim_end end = sim_run_until(l->sim, sound, l, sim_now(l->sim) + LA_SEC(4000));
    if (end != SIM_QUIET)
        fail_msg("refusal %u: it does not come to rest", l->scarce.refuse_at);
    for (unsigned i = 0; i < 4; i++)
        check_stream(l, l->client[i], SEND);
    for (struct sim_app *a = l->server->apps; a; a = a->next)
        check_stream(l, a, SEND);
    assert_int_equal(sim_leaks(l->sim, true), 0);
}

/* Lives once with the k-th request refused; false if it did not come to k. */
static bool live_once(enum refusal how, unsigned side, uint32_t k)
{
    struct life l = {.scarce = {.how = how, .refuse_at = k}, .scarce_side = side};
    bool made = make(&l), refused = l.scarce.refused > 0;
    if (made)
        live(&l);
    if (l.host[side]) {
        struct la_stack *s = sim_stack(l.host[side]);
        struct la_usage u;
        la_usage(s, &u);
        refused = how == OBJECT_ONCE ? s->mem.fail_at == 0 : l.scarce.refused > 0;
        s->mem.fail_at = 0;
        l.scarce.over = true;
        if (refused && u.refused == 0)
            fail_msg("refusal %u was not counted", k);
    } else {
        assert_true(l.told > 0);
    }
    if (made && l.server->error == LA_OK)
        check_recovered(&l);
    sim_free(l.sim);
    return refused;
}

static void refuse_each(enum refusal how, uint32_t at_least)
{
    for (unsigned side = 0; side < 2; side++) {
        uint32_t k = 1;
        while (live_once(how, side, k))
            k++;
        assert_true(k > at_least);
    }
}

static void test_objects(void **unused)
{
    (void)unused;
    refuse_each(OBJECT_ONCE, 60);
}

static void test_bytes_once(void **unused)
{
    (void)unused;
    refuse_each(BYTES_ONCE, 20);
}

static void test_bytes_from_there_on(void **unused)
{
    (void)unused;
    refuse_each(BYTES_FROM, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_bytes_once),
        cmocka_unit_test(test_bytes_from_there_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
