/* ask.c: see ask.h.  Recursion follows expressions, whose height is bounded by the reader. */
#include "lab/scenario/ask.h"

#include "lab/scenario/names.h"
#include "lab/scenario/settings.h"

#include <stdio.h>
#include <string.h>

/* NOLINTBEGIN(misc-no-recursion) */

static struct value number(int64_t n)
{
    return (struct value){.kind = VALUE_NUMBER, .n = n};
}

static struct value truth(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .n = b};
}

/* ---- names and settings ---- */

static const struct setting *last_let(const struct setting *g, const char *name)
{
    const struct setting *found = NULL;
    for (; g; g = g->next) {
        if (g->let && strcmp(g->let, name) == 0)
            found = g;
    }
    return found;
}

/* The last setting of this row for this host or link; one for all counts too. */
static const struct setting *last_set(const struct setting *g, const struct setting_row *row,
                                      int host, int link)
{
    const struct setting *found = NULL;
    for (; g; g = g->next) {
        if (g->row == row && (g->host < 0 || g->host == host) && (g->link < 0 || g->link == link))
            found = g;
    }
    return found;
}

static const struct setting *settings_of(const struct scope *sc, int layer)
{
    const struct variant *v = sc->variant;
    if (layer == 0)
        return sc->given;
    if (layer == 1)
        return v && v->loop ? v->loop : NULL;
    if (layer == 2)
        return v && v->body ? v->body->settings : NULL;
    return sc->s->base.settings;
}

static struct value default_of(const struct setting_row *row)
{
    struct value v = {.kind = row->kind, .n = row->def};
    if (row->def == SETTING_NO_DEFAULT)
        v = no_value;
    return v;
}

static struct value ask_setting(const struct scope *sc, const struct setting_row *row, int host,
                                int link)
{
    for (int layer = 0; layer < 4; layer++) {
        const struct setting *g = last_set(settings_of(sc, layer), row, host, link);
        if (g)
            return ask(sc, g->value);
    }
    return default_of(row);
}

static struct value ask_name(const struct scope *sc, const struct expr *e)
{
    for (int layer = 0; layer < 4; layer++) {
        const struct setting *g = last_let(settings_of(sc, layer), e->name);
        if (g)
            return ask(sc, g->value);
    }
    const struct setting_row *row = setting_named(e->name);
    return row ? ask_setting(sc, row, 0, 0) : no_value;
}

static struct value ask_field(const struct scope *sc, const struct expr *e)
{
    if (e->field.of == OF_SETTING)
        return ask_setting(sc, &setting_rows[e->field.id], e->host < 0 ? 0 : e->host,
                           e->link < 0 ? 0 : e->link);
    return sc->run ? run_field(sc->run, e) : no_value;
}

/* ---- arithmetic ---- */

static struct value arithmetic(const struct expr *e, struct value a, struct value b)
{
    struct value v = {.kind = a.kind};
    bool over = true;
    if (a.kind == VALUE_NONE || b.kind == VALUE_NONE)
        return no_value;
    switch (e->op) {
    case OP_ADD:
        over = __builtin_add_overflow(a.n, b.n, &v.n);
        break;
    case OP_SUBTRACT:
        over = __builtin_sub_overflow(a.n, b.n, &v.n);
        break;
    case OP_TIMES:
        if (b.kind == VALUE_TIME)
            v.kind = VALUE_TIME;
        over = __builtin_mul_overflow(a.n, b.n, &v.n);
        break;
    case OP_POWER:
        over = b.n < 0 || b.n > 62;
        v.n = 1;
        for (int64_t i = 0; !over && i < b.n; i++)
            over = __builtin_mul_overflow(v.n, a.n, &v.n);
        break;
    case OP_DIVIDE:
    case OP_EQ: /* and other conditions: not arithmetic */
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_AND:
    case OP_OR:
        over = b.n == 0 || (a.n == INT64_MIN && b.n == -1);
        if (!over)
            v.n = a.n / b.n;
        if (a.kind == b.kind)
            v.kind = VALUE_NUMBER;
        break;
    }
    return over ? no_value : v;
}

static bool nothing(const struct value *v)
{
    bool zero_is_none = v->kind == VALUE_ERROR || v->kind == VALUE_CAUSE || v->kind == VALUE_SIDE;
    return v->kind == VALUE_NONE || (zero_is_none && v->n == 0);
}

static bool equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return (a->kind == VALUE_NONE || b->kind == VALUE_NONE) && nothing(a) && nothing(b);
    if (a->kind == VALUE_TEXT)
        return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
    return a->kind == VALUE_NONE || a->n == b->n;
}

static struct value ask_binary(const struct scope *sc, const struct expr *e)
{
    struct value a = ask(sc, e->a), b;
    if (e->op == OP_AND && !(a.kind == VALUE_BOOL && a.n))
        return truth(false);
    if (e->op == OP_OR && a.kind == VALUE_BOOL && a.n)
        return truth(true);
    b = ask(sc, e->b);
    bool sized = a.kind == b.kind && a.kind != VALUE_NONE && a.kind != VALUE_TEXT;
    switch (e->op) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_TIMES:
    case OP_DIVIDE:
    case OP_POWER:
        return arithmetic(e, a, b);
    case OP_EQ:
        return truth(equal(&a, &b));
    case OP_NE:
        return truth(!equal(&a, &b));
    case OP_LT:
        return truth(sized && a.n < b.n);
    case OP_LE:
        return truth(sized && a.n <= b.n);
    case OP_GT:
        return truth(sized && a.n > b.n);
    case OP_GE:
        return truth(sized && a.n >= b.n);
    case OP_AND:
    case OP_OR:
        return truth(b.kind == VALUE_BOOL && b.n);
    }
    return truth(false);
}

/* ---- what a run knows ---- */

static bool ask_track(const struct scope *sc, const struct expr *e)
{
    const enum la_state *track;
    unsigned n = run_track(sc->run, e->name, &track);
    if (n < e->nstates)
        return false;
    if (e->kind == EXPR_GOES)
        return memcmp(track + n - e->nstates, e->states, e->nstates * sizeof *track) == 0;
    for (unsigned i = 0; i + e->nstates <= n; i++) {
        if (memcmp(track + i, e->states, e->nstates * sizeof *track) == 0)
            return true;
    }
    return false;
}

static bool ask_has(const struct scope *sc, const struct expr *e)
{
    for (const struct has *h = e->has; h; h = h->next) {
        struct value is = run_segment(sc->run, e->selector, h->field), want = ask(sc, h->want);
        if (is.kind == VALUE_NONE || !equal(&is, &want))
            return false;
    }
    return true;
}

static struct value ask_run(const struct scope *sc, const struct expr *e)
{
    char unused[8];
    switch (e->kind) {
    case EXPR_END:
        return run_state(sc->run, e->name);
    case EXPR_SEGMENT:
        return run_segment(sc->run, e->selector, e->segment);
    case EXPR_COUNT:
        return number(run_count(sc->run, e->selector));
    case EXPR_STATES:
        return number(run_in_state(sc->run, e->host, e->states[0]));
    case EXPR_EDGE:
        return number(run_edge(sc->run, e->host, e->states[0], e->states[1]));
    case EXPR_GOES:
    case EXPR_PASSES:
        return truth(ask_track(sc, e));
    case EXPR_HAS:
        return truth(ask_has(sc, e));
    case EXPR_LEFT:
        return truth(!run_left(sc->run, e->host, unused, sizeof unused));
    case EXPR_EDGES:
        return truth(run_all_edges(sc->run, unused, sizeof unused));
    case EXPR_VALUE:
    case EXPR_NAME:
    case EXPR_FIELD:
    case EXPR_NOT:
    case EXPR_MINUS:
    case EXPR_BINARY:
        break;
    }
    return no_value;
}

struct value ask(const struct scope *sc, const struct expr *e)
{
    struct value v;
    switch (e->kind) {
    case EXPR_VALUE:
        return e->v;
    case EXPR_NAME:
        return ask_name(sc, e);
    case EXPR_FIELD:
        return ask_field(sc, e);
    case EXPR_BINARY:
        return ask_binary(sc, e);
    case EXPR_NOT:
        return truth(!holds(sc, e->a));
    case EXPR_MINUS:
        v = ask(sc, e->a);
        if (v.n == INT64_MIN)
            return no_value;
        v.n = -v.n;
        return v;
    case EXPR_END:
    case EXPR_SEGMENT:
    case EXPR_COUNT:
    case EXPR_STATES:
    case EXPR_EDGE:
    case EXPR_GOES:
    case EXPR_PASSES:
    case EXPR_HAS:
    case EXPR_LEFT:
    case EXPR_EDGES:
        break;
    }
    return sc->run ? ask_run(sc, e) : no_value;
}

bool holds(const struct scope *sc, const struct expr *e)
{
    struct value v = ask(sc, e);
    return v.kind == VALUE_BOOL && v.n;
}

/* ---- why not ---- */

static const char *track_text(const struct scope *sc, const struct expr *e, struct arena *a)
{
    const enum la_state *track;
    unsigned n = run_track(sc->run, e->name, &track);
    const char *text = n ? "it went" : "there was no such connection";
    for (unsigned i = 0; i < n && i < 32; i++)
        text = arena_format(a, "%s%s%s", text, i ? " -> " : " ", la_state_name(track[i]));
    return text;
}

static const char *has_text(const struct scope *sc, const struct expr *e, struct arena *a)
{
    static const char *const names[] = {"seq", "ack", "len", "time"};
    const char *text = "";
    char buf[2][64];
    for (const struct has *h = e->has; h; h = h->next) {
        struct value is = run_segment(sc->run, e->selector, h->field), want = ask(sc, h->want);
        if (run_segment(sc->run, e->selector, FIELD_SEQ).kind == VALUE_NONE)
            return "there was no such segment";
        if (!equal(&is, &want))
            text = arena_format(a, "%s%s%s is %s, not %s", text, *text ? ", " : "", names[h->field],
                                value_text(&is, buf[0], sizeof buf[0]),
                                value_text(&want, buf[1], sizeof buf[1]));
    }
    return text;
}

static const char *binary_why(const struct scope *sc, const struct expr *e, struct arena *a)
{
    char buf[2][160];
    if (e->op == OP_AND)
        return why_not(sc, holds(sc, e->a) ? e->b : e->a, a);
    if (e->op == OP_OR)
        return arena_format(a, "neither: %s; %s", why_not(sc, e->a, a), why_not(sc, e->b, a));
    struct value l = ask(sc, e->a), r = ask(sc, e->b);
    const char *left = value_text(&l, buf[0], sizeof buf[0]);
    if (e->b->kind == EXPR_VALUE)
        return arena_format(a, "it is %s", left);
    return arena_format(a, "it is %s, and the other is %s", left,
                        value_text(&r, buf[1], sizeof buf[1]));
}

const char *why_not(const struct scope *sc, const struct expr *e, struct arena *a)
{
    char text[400] = "";
    switch (e->kind) {
    case EXPR_BINARY:
        return binary_why(sc, e, a);
    case EXPR_GOES:
    case EXPR_PASSES:
        return track_text(sc, e, a);
    case EXPR_HAS:
        return has_text(sc, e, a);
    case EXPR_LEFT:
        run_left(sc->run, e->host, text, sizeof text);
        return arena_text(a, text, strlen(text));
    case EXPR_EDGES:
        run_all_edges(sc->run, text, sizeof text);
        return arena_format(a, "never taken: %s", text);
    case EXPR_NOT:
        return "it does";
    case EXPR_VALUE:
    case EXPR_NAME:
    case EXPR_FIELD:
    case EXPR_END:
    case EXPR_SEGMENT:
    case EXPR_COUNT:
    case EXPR_STATES:
    case EXPR_EDGE:
    case EXPR_MINUS:
        break;
    }
    return "it is off";
}

/* NOLINTEND(misc-no-recursion) */

/* ---- settling ---- */

bool setting_value(const struct scope *sc, const struct setting *g, struct value *out,
                   struct lab_error *err)
{
    const struct setting_row *row = g->row;
    char is[64], lo[64], hi[64];
    *out = ask(sc, g->value);
    bool off = row->off && (out->kind == VALUE_NONE || (out->kind == VALUE_BOOL && !out->n));
    if (off) {
        *out = truth(false);
        return true;
    }
    if (out->kind == row->kind && out->n >= row->lo && out->n <= row->hi)
        return true;
    struct value l = {.kind = row->kind, .n = row->lo}, h = {.kind = row->kind, .n = row->hi};
    err->line = g->place.line;
    err->column = g->place.column;
    snprintf(err->text, sizeof err->text, "%s takes %s to %s%s, not %s", row->name,
             value_text(&l, lo, sizeof lo), value_text(&h, hi, sizeof hi),
             row->off ? ", or off" : "", value_text(out, is, sizeof is));
    return false;
}

static void settle_link(struct settled *out, const struct lab_scenario *s, const struct setting *g,
                        const struct value *v)
{
    for (unsigned i = 0; i < s->nlinks; i++) {
        struct sim_link_config *c = &out->link[i];
        if (g->link >= 0 && g->link != (int)i)
            continue;
        if (g->row->id == LINK_MTU)
            c->mtu = (uint32_t)v->n;
        if (g->row->id == LINK_IP)
            out->ip6[i] = v->n == 6;
        if (g->host < 0 || g->host == s->link[i].a)
            setting_to_wire(&c->ab, g->row, v);
        if (g->host < 0 || g->host == s->link[i].b)
            setting_to_wire(&c->ba, g->row, v);
    }
}

static bool settle_one(const struct scope *sc, struct settled *out, const struct setting *g,
                       struct lab_error *err)
{
    struct value v;
    if (!g->row)
        return true;
    if (!setting_value(sc, g, &v, err))
        return false;
    for (unsigned h = 0; h < sc->s->nhosts; h++) {
        if (g->host >= 0 && g->host != (int)h)
            continue;
        if (g->row->scope == SCOPE_HOST)
            setting_to_config(&out->host[h], g->row, &v);
        if (g->row->scope == SCOPE_CONN) {
            out->opt[h][g->row->id] = setting_to_option(g->row, &v);
            out->opt_set[h][g->row->id] = true;
        }
    }
    if (g->row->scope == SCOPE_LINK)
        settle_link(out, sc->s, g, &v);
    if (g->row->scope == SCOPE_RUN && g->row->id == RUN_SEED)
        out->seed = (uint64_t)v.n;
    if (g->row->scope == SCOPE_RUN && g->row->id == RUN_UNTIL) {
        out->has_until = true;
        out->until = (la_ns)v.n;
    }
    return true;
}

static bool fits_together(const struct scope *sc, const struct settled *out, struct lab_error *err)
{
    for (unsigned h = 0; h < sc->s->nhosts; h++) {
        if (out->host[h].port_lo > out->host[h].port_hi) {
            snprintf(err->text, sizeof err->text, "%s: first_port is above last_port",
                     sc->s->host[h].name);
            return false;
        }
    }
    for (unsigned i = 0; i < sc->s->nlinks; i++) {
        if (out->ip6[i] && out->link[i].mtu && out->link[i].mtu < 1280) {
            snprintf(err->text, sizeof err->text, "%s: IPv6 needs an mtu of 1280 or more",
                     sc->s->link[i].name);
            return false;
        }
    }
    return true;
}

bool settle(const struct scope *sc, struct settled *out, struct lab_error *err)
{
    *out = (struct settled){.seed = 1};
    for (unsigned h = 0; h < sc->s->nhosts; h++) {
        la_config_init(&out->host[h]);
        out->host[h].lab.enabled = true;
        out->host[h].max_records = 65536; /* of thousands of connections none is to be missed */
    }
    for (unsigned i = 0; i < sc->s->nlinks; i++)
        out->link[i] = (struct sim_link_config){
            .link = LA_LINK_IP, .ab = {.delay = LA_MSEC(10)}, .ba = {.delay = LA_MSEC(10)}};
    for (int layer = 3; layer >= 0; layer--) {
        for (const struct setting *g = settings_of(sc, layer); g; g = g->next) {
            if (!settle_one(sc, out, g, err))
                return false;
        }
    }
    return fits_together(sc, out, err);
}
