/* fiber.c: programs at work: going on, waiting, ending. */
#include "lab/scenario/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *grown(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return list;
    size_t more = *room ? 2 * *room : 64;
    void *p = realloc(list, more * size);
    if (!p) {
        fprintf(stderr, "lab: the C library has no memory for %zu bytes\n", more * size);
        abort();
    }
    *room = more;
    return p;
}

/* ---- what held and what did not ---- */

void verdict(struct lab *lab, struct place at, bool held, const char *text, const char *fmt, ...)
{
    char actual[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(actual, sizeof actual, fmt, ap);
    va_end(ap);
    lab->check = grown(lab->check, lab->nchecks, &lab->check_room, sizeof *lab->check);
    lab->check[lab->nchecks++] =
        (struct lab_check){.line = at.line,
                           .column = at.column,
                           .held = held,
                           .at = sim_now(lab->sim) - SIM_START,
                           .text = text,
                           .actual = arena_text(&lab->arena, actual, strlen(actual))};
    lab->pub.failed += !held;
}

void judge(struct lab *lab, const struct step *st)
{
    bool held = holds(&lab->scope, st->a);
    verdict(lab, st->a->place, held, st->a->source, "%s",
            held ? "" : why_not(&lab->scope, st->a, &lab->arena));
}

/* ---- life ---- */

static bool fiber_lives(const struct fiber *f)
{
    return f->depth &&
           (f->host < 0 || (!f->lab->down[f->host] && f->boots == f->lab->boots[f->host]));
}

static void on_listener(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    (void)host;
    (void)ev;
    fiber_run((struct fiber *)h);
}

struct fiber *fiber_new(struct lab *lab, const struct program *p, const struct step *steps)
{
    struct fiber *f = sim_alloc(lab->sim, sizeof *f);
    *f = (struct fiber){.handler = {on_listener}, .lab = lab, .program = p, .host = p->host};
    if (p->host >= 0) {
        f->boots = lab->boots[p->host];
        memcpy(f->opt, lab->settled->opt[p->host], sizeof f->opt);
        memcpy(f->opt_set, lab->settled->opt_set[p->host], sizeof f->opt_set);
    }
    f->stack[0] = (struct frame){.first = steps, .at = steps};
    f->depth = 1;
    *lab->fibers_tail = f;
    lab->fibers_tail = &f->next;
    return f;
}

static void woken(void *ctx)
{
    fiber_run(ctx);
}

void fiber_wake_at(struct fiber *f, la_ns when)
{
    f->wake = when;
    sim_at(f->lab->sim, when, woken, f);
}

/* ---- going on ---- */

/* The next statement; NULL when the program is over. */
static const struct step *step_here(struct fiber *f)
{
    while (f->depth) {
        struct frame *top = &f->stack[f->depth - 1];
        if (top->at)
            return top->at;
        if (top->left > 1) {
            top->left--;
            top->at = top->first;
            if (!top->at)
                top->left = 0; /* nothing, over and over */
            continue;
        }
        f->depth--;
    }
    return NULL;
}

static void step_on(struct fiber *f)
{
    f->stack[f->depth - 1].at = f->stack[f->depth - 1].at->next;
    f->phase = 0;
}

/* A call gave an error.  If the next statement expects one it gets it, else that is a failure. */
static bool fiber_failed(struct fiber *f, const struct step *st)
{
    if (f->end && !f->end->error)
        f->end->error = f->error;
    if (st->next && st->next->kind == STEP_EXPECT_ERROR) {
        step_on(f);
        return true;
    }
    verdict(f->lab, st->place, false, st->source, "%s was told %s (%s)", f->program->name,
            error_word(f->error), la_strerror(f->error));
    return false;
}

static bool enter_block(struct fiber *f, const struct step *st)
{
    bool ok = true;
    int64_t times = whole(f, st->a, 0, LAB_REPEATS, &ok);
    step_on(f);
    if (!ok)
        return false;
    if (times > 0)
        f->stack[f->depth++] = (struct frame){.first = st->body, .at = st->body, .left = times};
    return true;
}

void fiber_run(struct fiber *f)
{
    const struct step *st;
    if (f->busy || !fiber_lives(f))
        return;
    f->busy = true;
    while (fiber_lives(f) && (st = step_here(f))) {
        if (++f->lab->steps > f->lab->most) {
            verdict(f->lab, st->place, false, st->source, "the programs did %u statements: enough",
                    f->lab->most);
            f->depth = 0;
            break;
        }
        if (st->kind == STEP_REPEAT) {
            if (!enter_block(f, st))
                f->depth = 0;
            continue;
        }
        enum done d = step_do(f, st);
        if (d == BLOCKED)
            break;
        if (d == DONE)
            step_on(f);
        else if (d == OVER || !fiber_failed(f, st))
            f->depth = 0;
    }
    f->busy = false;
}

/* ---- conditions ---- */

bool fibers_due(struct lab *lab)
{
    for (struct fiber *f = lab->waiting; f; f = f->next_waiting) {
        const struct step *st = fiber_lives(f) ? f->stack[f->depth - 1].at : NULL;
        lab->looks++;
        if (st && st->kind == STEP_WAIT_UNTIL && holds(&lab->scope, st->a))
            return true;
    }
    return false;
}

void fibers_run_due(struct lab *lab)
{
    struct fiber *all = lab->waiting;
    lab->waiting = NULL;
    while (all) {
        struct fiber *f = all;
        all = f->next_waiting;
        f->waits = false;
        fiber_run(f); /* waits again if its time has not come */
    }
}

/* ---- starting ---- */

static void start_now(void *ctx)
{
    fiber_run(ctx);
}

static void start(struct lab *lab, const struct program *p)
{
    bool ok = true;
    struct value times = {.kind = VALUE_NUMBER, .n = 1}, every = {0}, at = {0};
    la_ns now = sim_now(lab->sim), begin = now;
    if (p->times)
        times = ask(&lab->scope, p->times);
    if (p->every)
        every = ask(&lab->scope, p->every);
    if (p->at)
        at = ask(&lab->scope, p->at);
    ok = times.n >= 0 && times.n <= LAB_COPIES && every.n >= 0 && at.n >= 0;
    if (!ok || (times.n && every.n > INT64_MAX / 2 / (times.n + 1)) || at.n > INT64_MAX / 2) {
        verdict(lab, p->place, false, p->name ? p->name : "at", "0 to %d copies, at times from 0s",
                LAB_COPIES);
        return;
    }
    if (p->at && SIM_START + (la_ns)at.n > begin)
        begin = SIM_START + (la_ns)at.n;
    for (int64_t i = 0; i < times.n; i++) {
        struct fiber *f = fiber_new(lab, p, p->steps);
        sim_at(lab->sim, begin + (la_ns)(i * every.n), start_now, f);
    }
}

static bool replaced(const struct variant *v, const struct program *p)
{
    if (p->host < 0 || !v->body)
        return false;
    for (const struct program *q = v->body->programs; q; q = q->next) {
        if (q->host == p->host && q->after_restart == p->after_restart &&
            strcmp(q->name, p->name) == 0)
            return true;
    }
    return false;
}

void fibers_start(struct lab *lab, int after_restart_of)
{
    const struct variant *v = lab->scope.variant;
    const struct body *body[2] = {&lab->scope.s->base, v->body};
    for (int i = 0; i < 2; i++) {
        for (const struct program *p = body[i] ? body[i]->programs : NULL; p; p = p->next) {
            bool now = after_restart_of < 0 ? !p->after_restart
                                            : p->after_restart && p->host == after_restart_of;
            if (now && !p->check_only && !(i == 0 && replaced(v, p)))
                start(lab, p);
        }
    }
}

/* Where the scenario says when to stop, a program may well be in the middle of something. */
void fibers_finish(struct lab *lab)
{
    for (struct fiber *f = lab->fibers; f; f = f->next) {
        if (!fiber_lives(f) || f->endless || f->lab->settled->has_until)
            continue;
        const struct step *st = step_here(f);
        if (st)
            verdict(lab, st->place, false, st->source, "%s still waits here at the end",
                    f->program->name ? f->program->name : "the network");
    }
}
