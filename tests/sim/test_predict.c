/* test_predict.c: header prediction changes nothing (core/tcp/predict.c, send_predicted): the same
 * worlds with a tracer, where every segment goes through the steps of RFC 9293 §3.10.7.4, and
 * without one must put the same frames on the wire at the same times, count the same rules and
 * leave the same records. */
#include "sim/prog.h"
#include "sim/rand.h"
#include "sim_kit.h"
#include "stack/stack.h"

#define WORLDS 150U
#define CONNS 4U
#define RULES_MAX 512U

/* What a world came to. */
struct outcome {
    uint64_t frames, rules[2][RULES_MAX];
    la_ns end;
    struct la_record record[2][2 * CONNS];
    unsigned nrecord[2];
};

/* FNV-1a over every frame's time and bytes. */
static void hash_frame(void *ctx, const struct sim_view *v, struct sim_fate *fate)
{
    uint64_t *h = ctx;
    (void)fate;
    for (unsigned i = 0; i < 8; i++)
        *h = (*h ^ (uint8_t)(v->now >> 8 * i)) * UINT64_C(0x100000001b3);
    for (uint32_t i = 0; i < v->n; i++)
        *h = (*h ^ v->frame[i]) * UINT64_C(0x100000001b3);
}

static uint32_t below(struct sim_rand *r, uint32_t n)
{
    return (uint32_t)(sim_rand_next(r) >> 32) % n;
}

static void option(struct sim_app_config *c, enum la_option o, int64_t value)
{
    c->opt[o] = value;
    c->opt_set[o] = true;
}

/* A program of either end: bulk, a dialogue in small pieces, slow or late readers, any end. */
static struct sim_app_config program(struct sim_rand *r, uint64_t key)
{
    static const uint32_t sizes[] = {1, 700, 20000, 150000};
    struct sim_app_config c = {.send = sizes[below(r, 4)],
                               .send_key = key,
                               .check = true,
                               .recv_key = key ^ 1,
                               .chunk = below(r, 3) ? 0 : 1 + below(r, 900),
                               .peek = below(r, 4) == 0,
                               .end = (enum sim_app_end)below(r, 3)};
    option(&c, LA_OPT_SACK, below(r, 4) != 0);
    option(&c, LA_OPT_TIMESTAMPS, below(r, 3) != 0);
    option(&c, LA_OPT_NODELAY, below(r, 2));
    option(&c, LA_OPT_QUICKACK, below(r, 4) == 0);
    if (below(r, 3) == 0)
        option(&c, LA_OPT_RCVBUF, 1000 + below(r, 20000));
    if (below(r, 4) == 0)
        option(&c, LA_OPT_SNDBUF, 2000 + below(r, 20000));
    if (below(r, 4) == 0)
        option(&c, LA_OPT_NOTSENT_LOWAT, 1 + below(r, 5000));
    if (below(r, 4) == 0)
        option(&c, LA_OPT_KEEPALIVE, 1);
    return c;
}

static struct sim_link_config network(struct sim_rand *r)
{
    struct sim_wire w = {.delay = LA_MSEC(below(r, 60)),
                         .jitter = LA_MSEC(below(r, 4)),
                         .rate = below(r, 2) ? 8000000 : 0,
                         .queue = 100000};
    if (below(r, 2)) {
        w.loss_ppm = below(r, 40000);
        w.dup_ppm = below(r, 20000);
        w.corrupt_ppm = below(r, 10000);
        w.reorder_ppm = below(r, 40000);
        w.reorder_by = LA_MSEC(10);
    }
    return (struct sim_link_config){.link = below(r, 2) ? LA_LINK_ETHERNET : LA_LINK_IP,
                                    .mtu = below(r, 3) ? 1500 : 1280,
                                    .ab = w,
                                    .ba = w};
}

static void run_world(uint64_t seed, bool traced, struct outcome *o)
{
    struct sim_rand r = sim_rand_of(seed, 1);
    struct sim_link_config link = network(&r);
    struct sim_pair p;
    memset(o, 0, sizeof *o);
    assert_true(sim_pair_new(&p, seed, NULL, &link));
    struct sim_host *host[2] = {p.client, p.server};
    if (!traced)
        for (unsigned i = 0; i < 2; i++)
            sim_stack(host[i])->cfg.trace = NULL;
    sim_set_filter(p.link, hash_frame, &o->frames);
    struct sim_app_config c = program(&r, 2), s = program(&r, 3);
    sim_serve(p.server, 80, 8, &s);
    for (unsigned i = 0; i < CONNS; i++) {
        struct la_endpoint to = {below(&r, 2) ? p.server6 : p.server4, 80, -1};
        sim_app_connect(p.client, NULL, &to, &c);
        sim_run_for(p.sim, LA_MSEC(below(&r, 300)));
    }
    assert_int_not_equal(sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(30000)), SIM_STUCK);
    o->end = sim_now(p.sim);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t cursor = 0;
        for (unsigned k = 0; k < la_rules() && k < RULES_MAX; k++)
            o->rules[i][k] = la_rule_count(sim_stack(host[i]), k);
        while (o->nrecord[i] < 2 * CONNS &&
               la_record_next(sim_stack(host[i]), &cursor, &o->record[i][o->nrecord[i]]))
            o->record[i][o->nrecord[i]++].user = NULL; /* where a program lies in memory */
        assert_int_equal(la_check(sim_stack(host[i])), 0);
    }
    sim_pair_free(&p);
}

static void same_world_either_way(void **state)
{
    static struct outcome steps, predicted;
    (void)state;
    assert_true(la_rules() <= RULES_MAX);
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        run_world(seed, true, &steps);
        run_world(seed, false, &predicted);
        for (unsigned i = 0; i < 2; i++)
            for (unsigned k = 0; k < la_rules(); k++)
                if (steps.rules[i][k] != predicted.rules[i][k])
                    print_error("seed %llu, host %u: %s counted %llu by the steps, %llu without\n",
                                (unsigned long long)seed, i, la_rule_name(k),
                                (unsigned long long)steps.rules[i][k],
                                (unsigned long long)predicted.rules[i][k]);
        assert_int_equal(steps.end, predicted.end);
        assert_memory_equal(steps.nrecord, predicted.nrecord, sizeof steps.nrecord);
        assert_memory_equal(steps.record, predicted.record, sizeof steps.record);
        assert_true(steps.frames == predicted.frames);
        assert_memory_equal(steps.rules, predicted.rules, sizeof steps.rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_world_either_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
