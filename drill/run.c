/* run.c: the events of a script in order of time, and the stack's deadlines between them. */
#include "drill/code.h"
#include "drill/info.h"
#include "drill/private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- saying what happens ---- */

static la_ns script_now(const struct run *r)
{
    return r->now - RUN_ORIGIN;
}

void run_fail(struct run *r, const struct event *e, const char *fmt, ...)
{
    struct run_failure *f = r->failure;
    va_list ap;

    if (r->failed)
        return;
    r->failed = true;
    f->at = e->at;
    f->last_line = e->last_line;
    f->when = script_now(r);
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof f->why, fmt, ap);
    va_end(ap);
    if (e->kind == EVENT_PACKET)
        segment_text(&e->packet, f->expected, sizeof f->expected);
}

void run_tell(struct run *r, const struct event *e, const char *text)
{
    if (r->watch && r->watch->event)
        r->watch->event(r->watch->ctx, script_now(r), e->at, text);
}

/* ---- blocks ---- */

struct code_ctx {
    struct run *r;
    uint8_t info[512];
    socklen_t n;
    bool missing; /* a field was asked for, and there is no TCP_INFO */
};

static bool lookup(void *ctx, const char *name, int64_t *value)
{
    struct code_ctx *c = ctx;

    if (flow_value(c->r, name, value))
        return true;
    c->missing |= !c->n;
    return info_value(name, c->info, c->n, value);
}

static void print(void *ctx, const char *line)
{
    struct code_ctx *c = ctx;

    if (c->r->watch && c->r->watch->print)
        c->r->watch->print(c->r->watch->ctx, line);
}

static void run_code(struct run *r, const struct event *e)
{
    struct code_ctx c = {.r = r, .n = sizeof c.info};
    const struct code_host host = {lookup, print, false, &r->kept, &c};
    struct place where;
    char why[300];

    if (r->info < 0 || so_getsockopt(r->so, r->info, IPPROTO_TCP, TCP_INFO, c.info, &c.n) < 0)
        c.n = 0;
    run_tell(r, e, "%{ }%");
    enum code_end end = code_run(e->text, e->text_at, &host, &where, why);
    if (c.missing) {
        run_fail(r, e, "no connection is there to ask for its TCP_INFO");
        return;
    }
    if (end == CODE_HELD)
        return;
    run_fail(r, e, "%s", why);
    r->failure->at = where;
}

/* ---- time ---- */

/* When an event is due, on the stack's clock.  The end of a range, and what is said of a segment to
 * come, are its own business. */
static la_ns due(const struct run *r, const struct event *e)
{
    switch (e->when.kind) {
    case WHEN_ABSOLUTE:
        return RUN_ORIGIN + e->when.at;
    case WHEN_RELATIVE:
        return RUN_ORIGIN + r->base + e->when.at;
    case WHEN_ANY:
        return r->now;
    }
    return r->now;
}

/* The latest time at which a segment that the event expects may leave. */
static la_ns latest(const struct run *r, const struct event *e)
{
    if (e->when.kind == WHEN_ANY)
        return LA_NEVER;
    return due(r, e) + (e->when.range ? e->when.end - e->when.at : 0) +
           (e->packet.is_nothing ? 0 : r->s->config.tolerance);
}

static void happen(struct run *r, const struct event *e)
{
    r->base = due(r, e) - RUN_ORIGIN; /* as the script says it: lateness does not add up */
    r->next = e->next;
    switch (e->kind) {
    case EVENT_PACKET:
        packet_inject(r, e);
        return;
    case EVENT_CALL:
        call_make(r, e);
        return;
    case EVENT_COMMAND:
        world_set(r, e);
        run_tell(r, e, e->text);
        return;
    case EVENT_CODE:
        run_code(r, e);
        return;
    }
}

/* Time goes on to the stack's next deadline, or to `until`. */
static void forward(struct run *r, la_ns until)
{
    la_ns next = la_deadline(r->stack);

    world_advance(r, next < until ? next : until);
}

static void nothing_came(struct run *r, const struct event *e)
{
    if (e->packet.is_nothing) {
        r->base = script_now(r);
        r->next = e->next;
        run_tell(r, e, "> nothing");
        return;
    }
    run_fail(r, e, "no segment was sent");
    snprintf(r->failure->actual, RUN_TEXT, "nothing");
}

/* An event that looks at what the stack sends. */
static bool step_outbound(struct run *r, const struct event *e, la_ns limit)
{
    la_ns last = latest(r, e);

    bool never = last == LA_NEVER && la_deadline(r->stack) == LA_NEVER && limit == LA_NEVER;

    if (r->sent && e->packet.is_nothing)
        packet_unexpected(r, e, r->sent, "a segment was sent");
    else if (r->sent)
        packet_take(r, e);
    else if (!never && r->now < last)
        forward(r, last < limit ? last : limit);
    else
        nothing_came(r, e);
    return !r->failed;
}

bool run_step(struct run *r, la_ns limit)
{
    const struct event *e = r->next;
    la_ns at;

    world_pump(r);
    if (r->failed)
        return false;
    if (!e) {
        if (limit == LA_NEVER && la_deadline(r->stack) == LA_NEVER)
            return false;
        forward(r, limit);
        return true;
    }
    if (e->kind == EVENT_PACKET && !e->packet.inbound)
        return step_outbound(r, e, limit);
    at = due(r, e);
    if (at > r->now) {
        forward(r, at < limit ? at : limit);
        return !r->failed;
    }
    happen(r, e);
    world_pump(r);
    return !r->failed;
}

bool script_run(const struct script *s, const struct run_watch *watch, struct run_failure *f,
                la_ns *when)
{
    struct run r = {
        .s = s, .watch = watch, .failure = f, .next = s->events, .next_port = 49152, .info = -1};

    memset(f, 0, sizeof *f);
    if (world_open(&r)) {
        r.running = true;
        r.own_bytes = script_has_bytes(s);
        while (r.next && run_step(&r, LA_NEVER))
            ;
    }
    *when = script_now(&r);
    world_close(&r);
    flows_free(&r);
    code_forget(&r.kept);
    return !r.failed;
}
