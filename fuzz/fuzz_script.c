/* fuzz_script.c: packetdrill scripts by anybody: read, and run if they can be.
 *
 * No text crashes the reader, each mistake is told in one line with its place, and what is read
 * runs to an end, which is the same the second time.  The run is a stack in virtual time: commands
 * are read, never given to a shell.  What would only take long is left alone: a script that passes
 * more than LONGEST, or carries more than MOST bytes. */
#include "drill/run.h"
#include "fuzz/fuzz.h"

#define LONGEST LA_SEC(600)
#define MOST 300000

static uint32_t lines(const struct script *s)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < s->len; i++)
        n += s->source[i] == '\n';
    return n;
}

/* "fuzz:line:col: what is wrong". */
static void check_mistake(const struct drill_error *err, const uint8_t *text, size_t n)
{
    unsigned line = 0, col = 0, last = 1;
    int at = 0;
    for (size_t i = 0; i < n; i++)
        last += text[i] == '\n';
    CHECK(sscanf(err->text, "fuzz:%u:%u: %n", &line, &col, &at) == 2);
    CHECK(at && err->text[at] && !strchr(err->text, '\n'));
    CHECK(line >= 1 && line <= last && col >= 1 && col <= n + 1);
}

/* ---- is it worth while? ---- */

static int64_t numbers_in(const struct expr *e) /* NOLINT(misc-no-recursion): of a short text */
{
    int64_t sum = e->kind == EXPR_INT && e->num > 0 ? e->num : 0;
    for (const struct item *i = e->items; i && sum <= MOST; i = i->next)
        sum += i->value->num > MOST ? MOST + 1 : numbers_in(i->value);
    return sum;
}

/* Bytes that a call may read or write: the sum of its numbers, or more than that for a size that
 * the C library would take for a large one. */
static int64_t carried(const struct call *c)
{
    int64_t sum = 0;
    if (!strstr(c->name, "read") && !strstr(c->name, "write") && !strstr(c->name, "send") &&
        !strstr(c->name, "recv"))
        return 0;
    for (const struct item *i = c->args; i && sum <= MOST; i = i->next)
        sum += i->value->num < 0 || i->value->num > MOST ? MOST + 1 : numbers_in(i->value);
    return sum;
}

static bool short_enough(const struct script *s)
{
    la_ns time = 0;
    int64_t bytes = 0;
    for (const struct event *e = s->events; e; e = e->next) {
        la_ns at = e->when.at > e->when.end ? e->when.at : e->when.end;
        if (e->kind == EVENT_CALL) {
            at = e->call.ends > at ? e->call.ends : at;
            bytes += carried(&e->call);
        }
        if (e->when.kind == WHEN_ABSOLUTE)
            time = at > time ? at : time;
        else
            time += at > LONGEST ? LONGEST : at;
        if (time > LONGEST || bytes > MOST)
            return false;
    }
    return true;
}

/* ---- running ---- */

struct watched {
    const struct script *s;
    la_ns last;
    unsigned events;
};

static void on_event(void *ctx, la_ns when, struct place at, const char *text)
{
    struct watched *w = ctx;
    CHECK(when >= w->last && at.line >= 1 && at.line <= lines(w->s) && text);
    w->last = when;
    w->events++;
}

static void on_print(void *ctx, const char *line)
{
    (void)ctx;
    CHECK(line);
}

static bool run(const struct script *s, struct run_failure *f, la_ns *when)
{
    struct watched w = {.s = s};
    const struct run_watch watch = {on_event, on_print, &w};
    bool held = script_run(s, &watch, f, when);
    CHECK(*when >= w.last);
    if (!held)
        CHECK(f->at.line >= 1 && f->at.line <= lines(s) && f->at.col >= 1 && *f->why);
    return held;
}

static void run_twice(const struct script *s)
{
    struct run_failure first, second;
    la_ns ended, again;
    bool held = run(s, &first, &ended);
    CHECK(run(s, &second, &again) == held && again == ended);
    CHECK(held || strcmp(first.why, second.why) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct script *s = NULL;
    struct drill_error err;
    uint8_t *text = in_rest(&in, &n);
    if (script_read("fuzz", (const char *)text, n, NULL, &s, &err) == 0) {
        if (short_enough(s))
            run_twice(s);
    } else {
        CHECK(!s);
        check_mistake(&err, text, n);
    }
    script_free(s);
    free(text);
    return 0;
}
