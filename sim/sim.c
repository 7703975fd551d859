/* sim.c: the network's life, its clock, and the loop that carries everything out. */
#include "sim/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sim_need(size_t n)
{
    void *p = calloc(1, n);
    if (!p) {
        fprintf(stderr, "sim: the C library has no memory for %zu bytes\n", n);
        abort();
    }
    return p;
}

/* ---- the event heap ---- */

static bool sooner(const struct event *a, const struct event *b)
{
    return a->when != b->when ? a->when < b->when : a->serial < b->serial;
}

static void heap_push(struct sim *sim, struct event e)
{
    if (sim->n + 1 >= sim->room) {
        size_t room = sim->room ? 2 * sim->room : 256;
        struct event *heap = realloc(sim->heap, room * sizeof *heap);
        if (!heap)
            abort();
        sim->heap = heap;
        sim->room = room;
    }
    size_t i = ++sim->n;
    while (i > 1 && sooner(&e, &sim->heap[i / 2])) {
        sim->heap[i] = sim->heap[i / 2];
        i /= 2;
    }
    sim->heap[i] = e;
}

static struct event heap_pop(struct sim *sim)
{
    struct event first = sim->heap[1];
    struct event last = sim->heap[sim->n--];
    size_t i = 1;
    for (size_t child = 2; child <= sim->n; child = 2 * i) {
        if (child < sim->n && sooner(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!sooner(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return first;
}

void sim_schedule(struct sim *sim, la_ns when, struct packet *p, void (*fn)(void *), void *ctx)
{
    heap_push(sim, (struct event){.when = when > sim->now ? when : sim->now,
                                  .serial = sim->serial++,
                                  .packet = p,
                                  .fn = fn,
                                  .ctx = ctx});
}

void sim_at(struct sim *sim, la_ns when, void (*fn)(void *ctx), void *ctx)
{
    sim_schedule(sim, when, NULL, fn, ctx);
}

/* ---- life ---- */

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = sim_need(sizeof *sim);
    sim->seed = seed;
    sim->now = SIM_START;
    sim->hosts_tail = &sim->hosts;
    sim->links_tail = &sim->links;
    return sim;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    for (size_t i = 1; i <= sim->n; i++)
        free(sim->heap[i].packet);
    free(sim->heap);
    while (sim->links) {
        struct sim_link *l = sim->links;
        sim->links = l->next;
        link_free(l);
    }
    while (sim->hosts) {
        struct sim_host *h = sim->hosts;
        sim->hosts = h->next;
        la_stack_free(h->stack);
        trace_log_free(&h->log);
        free(h);
    }
    while (sim->spare) {
        struct packet *p = sim->spare;
        sim->spare = p->next;
        free(p);
    }
    while (sim->chunks) {
        struct chunk *c = sim->chunks;
        sim->chunks = c->next;
        free(c);
    }
    free(sim);
}

la_ns sim_now(const struct sim *sim)
{
    return sim->now;
}

void *sim_alloc(struct sim *sim, size_t n)
{
    struct chunk *c = sim_need(sizeof *c + n);
    c->next = sim->chunks;
    sim->chunks = c;
    return c->data;
}

/* ---- carrying out ---- */

/* Hands one host's events to its programs and its frames to the links.  True if there were any. */
static bool pump_host(struct sim_host *h)
{
    bool busy = false;
    struct la_event ev;
    struct la_frame f;
    while (la_next_event(h->stack, &ev)) {
        struct sim_handler *to = ev.user;
        busy = true;
        if (to)
            to->on_event(to, h, &ev);
    }
    for (int i = 0; i < h->nlinks; i++) {
        struct sim_link *l = h->links[i];
        if (!l)
            continue;
        int end = l->host[0] == h && l->ifx[0] == i ? 0 : 1;
        while (host_tx(h, i, &f)) {
            busy = true;
            link_send(l, end, &f);
        }
    }
    return busy;
}

static void pump_all(struct sim *sim)
{
    bool busy = true;
    for (unsigned round = 0; busy && round < SIM_STUCK_STEPS; round++) {
        busy = false;
        for (struct sim_host *h = sim->hosts; h; h = h->next)
            busy |= pump_host(h);
    }
}

/* When something happens next: an event, or a host's deadline (*host). */
static la_ns next_time(const struct sim *sim, struct sim_host **host)
{
    la_ns when = sim->n ? sim->heap[1].when : LA_NEVER;
    *host = NULL;
    for (struct sim_host *h = sim->hosts; h; h = h->next) {
        la_ns d = la_deadline(h->stack);
        if (d < when) {
            when = d;
            *host = h;
        }
    }
    return when > sim->now || when == LA_NEVER ? when : sim->now;
}

/* One event or one host's deadline at sim->now, and all that follows from it at once. */
static void step(struct sim *sim, struct sim_host *due)
{
    if (due) {
        la_expire(due->stack, sim->now);
        pump_host(due);
        return;
    }
    struct event e = heap_pop(sim);
    if (e.packet) {
        struct sim_host *to = e.packet->link->host[e.packet->end];
        link_deliver(e.packet);
        pump_host(to);
    }
    if (e.fn) {
        e.fn(e.ctx);
        pump_all(sim);
    }
}

static enum sim_end run(struct sim *sim, bool (*cond)(void *ctx), void *ctx, la_ns limit)
{
    la_ns stood = sim->now;
    unsigned steps = 0;
    pump_all(sim);
    for (;;) {
        struct sim_host *due;
        if (cond && cond(ctx))
            return SIM_OK;
        la_ns when = next_time(sim, &due);
        if (when == LA_NEVER)
            return SIM_QUIET;
        if (when > limit) {
            sim->now = limit > sim->now ? limit : sim->now;
            return SIM_TIMEOUT;
        }
        steps = when == stood ? steps + 1 : 0;
        if (steps > SIM_STUCK_STEPS)
            return SIM_STUCK;
        sim->now = stood = when;
        step(sim, due);
    }
}

enum sim_end sim_run_until(struct sim *sim, bool (*cond)(void *ctx), void *ctx, la_ns limit)
{
    return run(sim, cond, ctx, limit);
}

enum sim_end sim_run_for(struct sim *sim, la_ns span)
{
    la_ns limit = sim->now + span;
    enum sim_end end = run(sim, NULL, NULL, limit);
    if (end != SIM_STUCK)
        sim->now = limit;
    return end == SIM_STUCK ? SIM_STUCK : SIM_OK;
}

enum sim_end sim_run_quiet(struct sim *sim, la_ns limit)
{
    enum sim_end end = run(sim, NULL, NULL, limit);
    return end == SIM_QUIET ? SIM_OK : end;
}

uint64_t sim_hash(const struct sim *sim)
{
    uint64_t h = trace_hash_word(sim->frame_hash, sim->nhosts);
    for (const struct sim_host *host = sim->hosts; host; host = host->next)
        h = trace_hash_word(h, host->log.hash);
    return h;
}
