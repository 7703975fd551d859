/* search.c: runs a world from its seed to its rest, and makes a failing one smaller. */
#include "sim/search_private.h"

#include <stdio.h>
#include <string.h>

#define RECORDS_END LA_SEC(2000) /* after everybody gave up: TIME-WAIT, orphans, repeated SYNs */

const char *search_feature_name(enum search_feature f)
{
    static const char *const names[] = {
#define SEARCH_FEATURE_NAME(id, name) name,
        SEARCH_FEATURES(SEARCH_FEATURE_NAME)
#undef SEARCH_FEATURE_NAME
    };
    return f < SEARCH_FEATURE_COUNT ? names[f] : "?";
}

const char *search_kind_name(enum search_kind k)
{
    static const char *const names[] = {
#define SEARCH_KIND_NAME(id, name) name,
        SEARCH_KINDS(SEARCH_KIND_NAME)
#undef SEARCH_KIND_NAME
    };
    return k < SEARCH_KIND_COUNT ? names[k] : "?";
}

enum search_kind search_kind_of(uint8_t flags, uint32_t len)
{
    bool ack = flags & LA_TCP_ACK;
    if (flags & LA_TCP_RST)
        return ack ? SEARCH_KIND_RST_ACK : SEARCH_KIND_RST;
    if (flags & LA_TCP_SYN)
        return ack ? SEARCH_KIND_SYN_ACK : SEARCH_KIND_SYN;
    if (!ack)
        return SEARCH_KIND_NO_ACK;
    if (flags & LA_TCP_FIN)
        return len ? SEARCH_KIND_FIN_TEXT : SEARCH_KIND_FIN;
    if (flags & LA_TCP_URG)
        return SEARCH_KIND_URG;
    return len ? SEARCH_KIND_TEXT : SEARCH_KIND_ACK;
}

/* After every event. */
static bool watch(void *ctx)
{
    struct search *s = ctx;
    s->stats->events++;
    for (unsigned i = 0; i < 2 && !s->failed; i++) {
        int line = la_check(sim_stack(s->host[i]));
        if (line)
            search_fail(s, NULL, "host %c: la_check finds line %d broken, at %llu us",
                        'A' + (char)i, line,
                        (unsigned long long)((sim_now(s->sim) - SIM_START) / 1000));
    }
    if (s->forge_ppm && !s->stopped && !s->failed)
        search_forge(s);
    return s->failed;
}

static void mark(void *ctx)
{
    search_mark(ctx);
}

/* Who still holds a handle when any transfer should be over waits for a peer that is gone. */
static void give_up(void *ctx)
{
    struct search *s = ctx;
    if (search_judge_stuck(s)) {
        search_mark(s);
        s->give_up += SEARCH_PATIENCE;
        sim_at(s->sim, s->give_up, give_up, s);
        return;
    }
    for (uint32_t i = 0; i < s->eps && !s->failed; i++) {
        struct search_ep *e = s->ep[i];
        if (!e->handle)
            continue;
        e->handle = false;
        e->aborted = true;
        if (la_abort(sim_stack(s->host[e->side]), e->conn, sim_now(s->sim)) < 0)
            search_fail(s, e, "abort of a handle was refused");
    }
    for (unsigned i = 0; i < 4; i++) {
        struct search_listener *l = &s->listener[i / 2][i % 2];
        if (l->open)
            (void)la_close(sim_stack(s->host[l->side]), l->conn, sim_now(s->sim));
        l->open = false;
    }
}

/* A connection that is still there when nothing will ever happen to it. */
static void find_leftover(struct search *s, unsigned side)
{
    struct la_status st;
    uint64_t cursor = 0;
    if (!la_status_next(sim_stack(s->host[side]), &cursor, &st))
        return;
    struct search_ep like = {.side = side, .local = st.local, .remote = st.remote};
    search_fail(s, &like, "left in %s, with %u bytes queued, timer %s", la_state_name(st.state),
                st.queued_out, la_timer_name(st.timer));
}

static void run(struct search *s)
{
    struct sim_rand forge = search_rand(s, 80);
    uint32_t ppm = (uint32_t)search_log_range(&forge, 1000, 200000);
    s->forge = forge;
    if (search_on(s, SEARCH_BLIND) || search_on(s, SEARCH_HOSTILE))
        s->forge_ppm = ppm;
    search_plan_faults(s);
    search_plan_programs(s);
    sim_at(s->sim, s->give_up - SEARCH_PATIENCE, mark, s);
    sim_at(s->sim, s->give_up, give_up, s);
    enum sim_end end;
    la_ns limit;
    do {
        limit = s->give_up + RECORDS_END;
        end = sim_run_until(s->sim, watch, s, limit);
    } while (end == SIM_TIMEOUT && s->give_up + RECORDS_END > limit);
    if (s->failed)
        return;
    if (end != SIM_QUIET) {
        search_fail(s, NULL,
                    end == SIM_STUCK ? "a million events in one moment" : "it never comes to rest");
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        find_leftover(s, i);
    if (!s->failed && sim_leaks(s->sim, true))
        search_fail(s, NULL, "at rest, a pool is not empty");
    if (s->failed)
        return;
    search_judge(s);
}

struct sim_host *search_host(struct sim *sim, unsigned i)
{
    struct sim_host *h = sim->hosts;
    while (h && i--)
        h = h->next;
    return h;
}

struct sim *search_run(const struct search_config *cfg, struct search_result *out,
                       struct search_stats *stats)
{
    struct sim *sim = sim_new(cfg->seed);
    struct search *s = sim_alloc(sim, sizeof *s);
    *out = (struct search_result){.ok = true};
    *s = (struct search){.cfg = cfg, .out = out, .stats = stats, .sim = sim};
    s->smallest_step = UINT32_MAX;
    if (search_make_world(s))
        run(s);
    else if (!s->limited)
        search_fail(s, NULL, "the world could not be made");
    stats->worlds++;
    out->hash = sim_hash(sim);
    for (unsigned i = 0; stats->rules && i < la_rules(); i++)
        for (const struct sim_host *h = sim->hosts; h; h = h->next)
            stats->rules[i] += la_rule_count(h->stack, i);
    return sim;
}

static bool fails(const struct search_config *cfg)
{
    struct search_stats stats = {0};
    struct search_result r;
    sim_free(search_run(cfg, &r, &stats));
    return !r.ok;
}

void search_shrink(struct search_config *cfg, unsigned tries)
{
    for (unsigned f = 0; f < SEARCH_FEATURE_COUNT && tries; f++, tries--) {
        struct search_config less = *cfg;
        less.off |= 1U << f;
        if (less.off != cfg->off && fails(&less))
            *cfg = less;
    }
    for (uint8_t n = 1; n < SEARCH_OPENS && tries; n++, tries--) {
        struct search_config less = *cfg;
        less.conns = n;
        if (fails(&less)) {
            *cfg = less;
            return;
        }
    }
}
