/* trace.c: see trace.h. */
#include "sim/trace.h"

#include "sim/rand.h"

#include <stdlib.h>
#include <string.h>

#define HASH_START 0x6c61737461636b31U /* "lastack1" */
#define FIRST_ROOM 256

void trace_log_init(struct trace_log *log, uint32_t keep, size_t max)
{
    *log = (struct trace_log){.keep = keep, .max = max, .hash = HASH_START};
}

void trace_log_free(struct trace_log *log)
{
    free(log->ev);
    trace_log_init(log, log->keep, log->max);
}

void trace_log_clear(struct trace_log *log)
{
    log->n = 0;
    log->lost = 0;
}

uint64_t trace_hash_word(uint64_t hash, uint64_t word)
{
    return sim_mix(hash ^ sim_mix(word)) + (hash << 1);
}

static uint64_t hash_endpoint(uint64_t h, const struct la_endpoint *e)
{
    for (int i = 0; i < 16; i += 8) {
        uint64_t w = 0;
        for (int j = 0; j < 8; j++)
            w = w << 8 | e->addr.b[i + j];
        h = trace_hash_word(h, w);
    }
    return trace_hash_word(h, e->port);
}

static uint64_t hash_segment(uint64_t h, const struct la_trace_seg *g)
{
    h = trace_hash_word(h, (uint64_t)g->seq << 32 | g->ack);
    h = trace_hash_word(h, (uint64_t)g->len << 32 | g->wnd);
    h = trace_hash_word(h, (uint64_t)g->up << 32 | (uint64_t)g->mss << 16 | g->flags);
    h = trace_hash_word(h, (uint64_t)g->nsack << 32 | (uint64_t)(uint8_t)g->wscale << 8 |
                               (uint64_t)g->has_ts << 2 | (uint64_t)g->retransmit << 1 |
                               g->sack_permitted);
    if (g->has_ts)
        h = trace_hash_word(h, (uint64_t)g->tsval << 32 | g->tsecr);
    for (int i = 0; i < g->nsack && i < 4; i++)
        h = trace_hash_word(h, (uint64_t)g->sack[i][0] << 32 | g->sack[i][1]);
    return h;
}

static uint64_t hash_event(uint64_t h, const struct la_trace *ev)
{
    h = trace_hash_word(h, (uint64_t)ev->kind << 56 ^ ev->now);
    h = trace_hash_word(h, (uint64_t)ev->state << 16 | (uint64_t)ev->state_to << 8 | ev->timer);
    h = trace_hash_word(h, (uint64_t)ev->rule << 32 | ev->serial);
    h = trace_hash_word(h, (uint64_t)ev->iss << 32 | ev->irs);
    if (ev->local)
        h = hash_endpoint(h, ev->local);
    if (ev->remote)
        h = hash_endpoint(h, ev->remote);
    if (ev->seg)
        h = hash_segment(h, ev->seg);
    return h;
}

static bool make_room(struct trace_log *log)
{
    if (log->max && log->n >= log->max)
        return false;
    if (log->n < log->room)
        return true;
    size_t room = log->room ? 2 * log->room : FIRST_ROOM;
    struct trace_event *ev = realloc(log->ev, room * sizeof *ev);
    if (!ev)
        return false;
    log->ev = ev;
    log->room = room;
    return true;
}

void trace_log_take(void *ctx, const struct la_trace *ev)
{
    struct trace_log *log = ctx;
    log->hash = hash_event(log->hash, ev);
    log->seen++;
    if (!(log->keep & TRACE_KEEP(ev->kind)))
        return;
    if (!make_room(log)) {
        log->lost++;
        return;
    }
    struct trace_event *e = &log->ev[log->n++];
    memset(e, 0, sizeof *e);
    e->kind = ev->kind;
    e->now = ev->now;
    e->conn = ev->conn;
    e->state = ev->state;
    e->state_to = ev->state_to;
    e->rule = ev->rule;
    e->timer = ev->timer;
    e->serial = ev->serial;
    e->iss = ev->iss;
    e->irs = ev->irs;
    e->has_conn = ev->local && ev->remote;
    if (e->has_conn) {
        e->local = *ev->local;
        e->remote = *ev->remote;
    }
    e->has_seg = ev->seg != NULL;
    if (e->has_seg)
        e->seg = *ev->seg;
}
