/* search_world.c: hosts, wire and faults of a world, drawn from its seed.
 *
 * Invariant: nothing lives on the wire for longer than half an MSL, as the protocol supposes; a
 * host that crashed stays off the wire for one (RFC 9293 §3.4.3). */
#include "sim/search_private.h"

#include <stdio.h>
#include <string.h>

#define FAULTS LA_SEC(60) /* how long things go wrong */
#define CUT_MAX LA_SEC(20)
#define GIVE_UP LA_SEC(4000) /* after the faults: a transfer is over by then, or gets on */
#define PHASES 4
#define LIFE_MAX LA_SEC(15)

uint64_t search_log_range(struct sim_rand *r, uint64_t lo, uint64_t hi)
{
    unsigned lo_bits = 0, hi_bits = 0;
    while (lo >> lo_bits > 1)
        lo_bits++;
    while (hi >> hi_bits > 1)
        hi_bits++;
    unsigned bits = lo_bits + (unsigned)sim_rand_below(r, hi_bits - lo_bits + 1);
    uint64_t v = ((uint64_t)1 << bits) + sim_rand_below(r, (uint64_t)1 << bits);
    return v < lo ? lo : v > hi ? hi : v;
}

/* ---- hosts ---- */

static void trace(void *ctx, const struct la_trace *ev, unsigned side)
{
    struct search *s = ctx;
    if (ev->kind == LA_TRACE_SEGMENT_IN && ev->state < LA_STATES)
        s->stats->visited[ev->state][search_kind_of(ev->seg->flags, ev->seg->len)]++;
    if (ev->kind == LA_TRACE_SEGMENT_OUT && ev->state == LA_LISTEN && ev->seg->flags & LA_TCP_SYN)
        s->cookies = true;
    if (ev->kind == LA_TRACE_SEGMENT_OUT)
        search_note_clock(s, side, ev);
    search_follow(s, side, ev);
    if (s->cfg->trace)
        s->cfg->trace(side, ev);
}

static void trace_0(void *ctx, const struct la_trace *ev)
{
    trace(ctx, ev, 0);
}

static void trace_1(void *ctx, const struct la_trace *ev)
{
    trace(ctx, ev, 1);
}

static void draw_config(struct search *s, unsigned side)
{
    struct la_config *c = &s->config[side];
    struct sim_rand limits = search_rand(s, 16 + side), refuse = search_rand(s, 18 + side),
                    timers = search_rand(s, 20 + side);
    la_config_init(c);
    c->trace = side ? trace_1 : trace_0;
    c->trace_ctx = s;
    c->msl = s->msl;
    /* As many as a world can need, so that the tables are small. */
    c->max_conns = 256;
    c->max_blocks = 16384;
    if (search_on(s, SEARCH_LIMITS)) {
        s->limited = true;
        c->max_conns = (uint32_t)search_log_range(&limits, 2, 32);
        c->max_embryos = (uint32_t)search_log_range(&limits, 1, 8);
        c->max_blocks = (uint32_t)search_log_range(&limits, 8, 1024);
        /* An entry that goes early protects nothing, so ports must not come again. */
        c->max_time_wait =
            (uint32_t)search_log_range(&limits, search_on(s, SEARCH_REUSE) ? 64 : 1, 64);
        c->syn_cookies = sim_rand_below(&limits, 2);
    }
    if (search_on(s, SEARCH_REFUSE) && sim_rand_below(&refuse, 2)) {
        s->limited = true;
        c->lab.enabled = true;
        c->lab.fail_alloc_at = (uint32_t)search_log_range(&refuse, 1, 4000);
    }
    if (search_on(s, SEARCH_REST)) {
        struct sim_rand rest = search_rand(s, 22 + side);
        c->active_conns = (uint32_t)search_log_range(&rest, 1, 8);
    }
    if (search_on(s, SEARCH_TIMERS))
        c->fin_wait_2 = LA_SEC(search_log_range(&timers, 1, 120));
}

static bool give_addresses(struct search *s, unsigned side)
{
    struct la_stack *stack = sim_stack(s->host[side]);
    int ifx = sim_link_ifx(s->link, s->host[side]);
    la_ns now = sim_now(s->sim);
    if (la_addr_add(stack, ifx, &s->addr4[side], 24, now) < 0)
        return false;
    return !s->has_v6 || la_addr_add(stack, ifx, &s->addr6[side], 64, now) == LA_OK;
}

static void draw_features(struct search *s)
{
    struct sim_rand r = search_rand(s, 0);
    /* In some worlds much goes wrong, in some little. */
    uint64_t odds = 1 + sim_rand_below(&r, 4);
    for (unsigned f = 0; f < SEARCH_FEATURE_COUNT; f++) {
        bool rare = f == SEARCH_HOSTILE || f == SEARCH_LIMITS || f == SEARCH_REFUSE ||
                    f == SEARCH_CRASH || f == SEARCH_BLACK_HOLE;
        if (sim_rand_below(&r, rare ? 12 : 6) < odds)
            s->features |= 1U << f;
    }
    s->out->features = s->features;
    s->features &= ~s->cfg->off;
}

static uint32_t draw_mtu(struct search *s)
{
    static const uint32_t mtus[] = {256, 576, 1006, 1280, 1492, 1500, 4000, 9000, 65535};
    struct sim_rand r = search_rand(s, 1);
    return search_on(s, SEARCH_MTU) ? mtus[sim_rand_below(&r, sizeof mtus / sizeof mtus[0])] : 1500;
}

bool search_make_world(struct search *s)
{
    static const uint8_t msls[] = {1, 2, 5, 10, 30, 120};
    struct sim_rand r = search_rand(s, 2);
    draw_features(s);
    s->msl = LA_SEC(search_on(s, SEARCH_MSL) ? msls[sim_rand_below(&r, sizeof msls)] : 30);
    s->mtu = draw_mtu(s);
    s->has_v6 = s->mtu >= 1280;
    s->stop = SIM_START + FAULTS;
    s->give_up = s->stop + GIVE_UP;
    for (unsigned i = 0; i < 2; i++) {
        char name[2] = {(char)('A' + i), 0};
        s->addr4[i] = la_addr_v4(10, 0, 0, (uint8_t)(i + 1));
        s->addr6[i] = (struct la_addr){{0xfd, [15] = (uint8_t)(i + 1)}};
        draw_config(s, i);
        s->host[i] = sim_host_add(s->sim, name, &s->config[i], NULL);
        if (!s->host[i])
            return false;
        sim_log(s->host[i])->keep = s->cfg->keep ? TRACE_KEEP_LADDER : 0;
    }
    struct sim_link_config link = {
        .link = search_on(s, SEARCH_ETHERNET) ? LA_LINK_ETHERNET : LA_LINK_IP,
        .mtu = s->mtu,
        .offload = search_on(s, SEARCH_OFFLOAD) ? LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO : 0};
    s->link = sim_link_add(s->host[0], s->host[1], &link);
    if (!s->link || !give_addresses(s, 0) || !give_addresses(s, 1))
        return false;
    search_listen(s, 0);
    search_listen(s, 1);
    return true;
}

/* ---- the wire ---- */

/* A change of one direction at a time of its own. */
struct phase {
    struct search *search;
    unsigned side;
    struct sim_wire wire;
};

static void set_wire(void *ctx)
{
    struct phase *p = ctx;
    struct sim_wire *w = sim_wire_from(p->search->link, p->search->host[p->side]);
    if (p->search->stopped)
        return;
    bool cut = w->cut;
    *w = p->wire;
    w->cut = cut;
}

static void set_cut(struct search *s, int more)
{
    s->cuts += more;
    sim_wire_from(s->link, s->host[0])->cut = s->cuts > 0;
    sim_wire_from(s->link, s->host[1])->cut = s->cuts > 0;
}

static void mend(void *ctx)
{
    set_cut(ctx, -1);
}

static void cut(void *ctx)
{
    set_cut(ctx, 1);
}

/* The longest that a frame may be under way. */
static la_ns packet_life(const struct search *s)
{
    return s->msl / 2 < LIFE_MAX ? s->msl / 2 : LIFE_MAX;
}

static struct sim_wire draw_wire(struct search *s, struct sim_rand r[8])
{
    la_ns life = packet_life(s);
    struct sim_wire w = {.delay = LA_USEC(search_log_range(&r[0], 1, 65536))};
    if (w.delay > life / 4)
        w.delay = life / 4;
    if (search_on(s, SEARCH_LOSS))
        w.loss_ppm = (uint32_t)search_log_range(&r[1], 500, 250000);
    if (search_on(s, SEARCH_DUP))
        w.dup_ppm = (uint32_t)search_log_range(&r[2], 500, 300000);
    uint32_t reorder = (uint32_t)search_log_range(&r[3], 500, 200000);
    la_ns by = LA_USEC(search_log_range(&r[3], 10, life / 2000));
    la_ns jitter = LA_USEC(search_log_range(&r[3], 1, 32768));
    if (search_on(s, SEARCH_REORDER)) {
        w.reorder_ppm = reorder;
        w.reorder_by = by;
        w.jitter = jitter < life / 8 ? jitter : life / 8;
    }
    if (search_on(s, SEARCH_CORRUPT))
        w.corrupt_ppm = (uint32_t)search_log_range(&r[4], 500, 100000);
    if (search_on(s, SEARCH_RATE)) {
        w.rate = search_log_range(&r[5], 256000, 100000000);
        /* What waits must not wait longer than an eighth of its life. */
        uint64_t most = w.rate / 8 * (life / 8 / 1000000) / 1000;
        w.queue = (uint32_t)search_log_range(&r[5], 3000, 200000);
        if (w.queue > most)
            w.queue = (uint32_t)most;
        if (w.queue < 2 * s->mtu)
            w.rate = 0;
    }
    uint32_t hole = (uint32_t)(s->has_v6 ? 1280 : 576) + (uint32_t)sim_rand_below(&r[6], 200);
    if (search_on(s, SEARCH_BLACK_HOLE))
        w.black_hole = hole;
    return w;
}

static void stop_faults(void *ctx)
{
    struct search *s = ctx;
    s->stopped = true;
    for (unsigned i = 0; i < 2; i++) {
        struct sim_wire *w = sim_wire_from(s->link, s->host[i]);
        *w = (struct sim_wire){.delay = w->delay};
    }
    search_programs_hurry(s);
}

struct crash {
    struct search *search;
    unsigned side;
    bool crashed;
};

static void crash(void *ctx)
{
    struct crash *c = ctx;
    struct search *s = c->search;
    if (s->stopped || s->failed)
        return;
    s->stats->crashes++;
    c->crashed = true;
    search_programs_die(s, c->side);
    search_forget(s, c->side);
    if (sim_host_restart(s->host[c->side], &s->config[c->side]) < 0 ||
        !give_addresses(s, c->side)) {
        search_fail(s, NULL, "host %c did not start again", 'A' + (char)c->side);
        return;
    }
    set_cut(s, 1);
    search_listen(s, c->side);
}

static void mend_crash(void *ctx)
{
    struct crash *c = ctx;
    if (c->crashed)
        mend(c->search);
}

void search_plan_faults(struct search *s)
{
    struct sim_rand r[8], when = search_rand(s, 40), cuts = search_rand(s, 41),
                          crashes = search_rand(s, 42);
    for (unsigned i = 0; i < 8; i++)
        r[i] = search_rand(s, 48 + i);
    unsigned phases = 1 + (unsigned)sim_rand_below(&when, PHASES);
    for (unsigned i = 0; i < 2 * phases; i++) {
        struct phase *p = sim_alloc(s->sim, sizeof *p);
        *p = (struct phase){.search = s, .side = i % 2, .wire = draw_wire(s, r)};
        la_ns at = i < 2 ? 0 : sim_rand_below(&when, FAULTS);
        sim_at(s->sim, SIM_START + at, set_wire, p);
    }
    if (search_on(s, SEARCH_CUT)) {
        la_ns at = SIM_START + sim_rand_below(&cuts, FAULTS);
        sim_at(s->sim, at, cut, s);
        sim_at(s->sim, at + sim_rand_below(&cuts, CUT_MAX), mend, s);
    }
    unsigned times = 1 + (unsigned)sim_rand_below(&crashes, 2);
    for (unsigned i = 0; search_on(s, SEARCH_CRASH) && i < times; i++) {
        struct crash *c = sim_alloc(s->sim, sizeof *c);
        la_ns at = SIM_START + sim_rand_below(&crashes, FAULTS / 4) + i * (FAULTS / 2);
        *c = (struct crash){.search = s, .side = (unsigned)sim_rand_below(&crashes, 2)};
        sim_at(s->sim, at, crash, c);
        /* The stack is new at once, and nothing reaches it or leaves it for a packet's life. */
        sim_at(s->sim, at + packet_life(s), mend_crash, c);
    }
    sim_at(s->sim, s->stop, stop_faults, s);
}

/* ---- listeners ---- */

static void on_accept(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    (void)host;
    (void)ev;
    search_accept((struct search_listener *)h);
}

void search_listen(struct search *s, unsigned side)
{
    struct sim_rand r = search_rand(s, 64 + side);
    for (unsigned i = 0; i < 2; i++) {
        struct search_listener *l = &s->listener[side][i];
        struct la_endpoint local = {
            .addr = LA_ADDR_ANY, .port = (uint16_t)(SEARCH_PORT + i), .ifx = -1};
        uint32_t backlog = (uint32_t)search_log_range(&r, 1, 16);
        la_ns pace = LA_MSEC(search_log_range(&r, 1, 4096)), now = sim_now(s->sim);
        bool slow = search_on(s, SEARCH_SLOW) && i;
        *l = (struct search_listener){.handler = {on_accept}, .search = s, .side = side};
        l->accept_pace = slow ? pace : 0;
        int rc = la_listen(sim_stack(s->host[side]), &local, slow ? backlog : 64, now, &l->conn);
        l->open = rc == LA_OK;
        if (!l->open && !s->limited)
            search_fail(s, NULL, "listen: %s", la_strerror(rc));
        if (!l->open)
            continue;
        la_set_user(sim_stack(s->host[side]), l->conn, &l->handler);
        l->fragile = search_set_options(s, side, l->conn, &r);
    }
}
