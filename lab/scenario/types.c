/* types.c: what can be checked only when everything has been read: that names mean something, that
 * times meet times and states meet states, and that each variant's settings are in range.
 *
 * Recursion follows expressions, whose height LAB_HEIGHT bounds, and names, each once. */
#include "lab/scenario/ask.h"
#include "lab/scenario/parse.h"

#include <string.h>

/* NOLINTBEGIN(misc-no-recursion) */

static enum value_kind infer(struct parser *p, struct expr *e);

static bool is_end(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->nend_names; i++) {
        if (strcmp(s->end_name[i], name) == 0)
            return true;
    }
    return false;
}

static void unknown_name(struct parser *p, struct place at, const char *name)
{
    struct guess g;
    guess_init(&g, name);
    words_guess(&g);
    setting_guess(&g);
    for (unsigned i = 0; i < p->s->nend_names; i++)
        guess_try(&g, p->s->end_name[i]);
    for (const struct lets *l = p->lets; l; l = l->next)
        guess_try(&g, l->name);
    if (g.best)
        wrong_at(p, at, "nothing is called %s; did you mean %s?", name, g.best);
    else
        wrong_at(p, at, "nothing is called %s: let %s = ... makes a name, connect ... as %s too",
                 name, name, name);
}

/* Each name is looked at once; what it adds to an expression's work is all that it stands for. */
static enum value_kind infer_let(struct parser *p, const struct expr *e, struct lets *l)
{
    unsigned before = p->work;
    if (l->seen == LET_OPEN)
        wrong_at(p, e->place, "%s stands for itself", e->name);
    if (l->seen == LET_NEW) {
        l->seen = LET_OPEN;
        for (const struct let_value *v = l->values; v && !p->failed; v = v->next)
            l->kind = infer(p, v->e);
        l->work = p->work - before;
        l->seen = LET_DONE;
    } else {
        p->work += l->work;
    }
    return l->kind;
}

static enum value_kind infer_name(struct parser *p, struct expr *e)
{
    for (struct lets *l = p->lets; l; l = l->next) {
        if (strcmp(l->name, e->name) == 0)
            return infer_let(p, e, l);
    }
    const struct setting_row *row = setting_named(e->name);
    if (row)
        return row->kind;
    if (is_end(p->s, e->name)) {
        e->kind = EXPR_END;
        return VALUE_STATE;
    }
    unknown_name(p, e->place, e->name);
    return VALUE_NONE;
}

static enum value_kind infer_sum(struct parser *p, const struct expr *e, enum value_kind a,
                                 enum value_kind b)
{
    bool a_ok = a == VALUE_NUMBER || a == VALUE_TIME || a == VALUE_SHARE;
    if (a != b || !a_ok)
        wrong_at(p, e->place, "%s and %s cannot be %s", value_kind_name(a), value_kind_name(b),
                 e->op == OP_ADD ? "added" : "subtracted");
    return a;
}

static enum value_kind infer_product(struct parser *p, const struct expr *e, enum value_kind a,
                                     enum value_kind b)
{
    if (a == VALUE_NUMBER && b == VALUE_NUMBER)
        return VALUE_NUMBER;
    if (a == VALUE_TIME && b == VALUE_NUMBER)
        return VALUE_TIME;
    if (e->op == OP_TIMES && a == VALUE_NUMBER && b == VALUE_TIME)
        return VALUE_TIME;
    if (e->op == OP_DIVIDE && a == VALUE_TIME && b == VALUE_TIME)
        return VALUE_NUMBER;
    wrong_at(p, e->place, "%s cannot be %s %s", value_kind_name(a),
             e->op == OP_TIMES ? "multiplied by" : "divided by", value_kind_name(b));
    return VALUE_NUMBER;
}

static bool may_be_none(enum value_kind k)
{
    return k == VALUE_ERROR || k == VALUE_CAUSE || k == VALUE_SIDE || k == VALUE_TIME ||
           k == VALUE_NUMBER;
}

static enum value_kind infer_binary(struct parser *p, struct expr *e)
{
    enum value_kind a = infer(p, e->a), b = infer(p, e->b);
    if (p->failed)
        return VALUE_BOOL;
    switch (e->op) {
    case OP_ADD:
    case OP_SUBTRACT:
        return infer_sum(p, e, a, b);
    case OP_TIMES:
    case OP_DIVIDE:
        return infer_product(p, e, a, b);
    case OP_POWER:
        if (a != VALUE_NUMBER || b != VALUE_NUMBER)
            wrong_at(p, e->place, "only a number has powers, and they are numbers");
        return VALUE_NUMBER;
    case OP_AND:
    case OP_OR:
        if (a != VALUE_BOOL || b != VALUE_BOOL)
            wrong_at(p, a != VALUE_BOOL ? e->a->place : e->b->place,
                     "a condition is wanted here, like client is ESTABLISHED");
        return VALUE_BOOL;
    case OP_EQ:
    case OP_NE:
        if (a != b && !(a == VALUE_NONE && may_be_none(b)) && !(b == VALUE_NONE && may_be_none(a)))
            wrong_at(p, e->b->place, "%s is never equal to %s", value_kind_name(a),
                     value_kind_name(b));
        return VALUE_BOOL;
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        if (a != b || (a != VALUE_NUMBER && a != VALUE_TIME && a != VALUE_SHARE))
            wrong_at(p, e->b->place, "%s cannot be compared in size with %s", value_kind_name(a),
                     value_kind_name(b));
        return VALUE_BOOL;
    }
    return VALUE_BOOL;
}

static enum value_kind infer(struct parser *p, struct expr *e)
{
    if (++p->work > LAB_WORK)
        wrong_at(p, e->place, "this stands for more than %u values", LAB_WORK);
    if (p->failed)
        return VALUE_NONE;
    switch (e->kind) {
    case EXPR_VALUE:
        return e->v.kind;
    case EXPR_NAME:
        return infer_name(p, e);
    case EXPR_FIELD:
        return e->field.kind;
    case EXPR_END:
        return VALUE_STATE;
    case EXPR_SEGMENT:
        return e->segment == FIELD_TIME ? VALUE_TIME : VALUE_NUMBER;
    case EXPR_COUNT:
    case EXPR_STATES:
    case EXPR_EDGE:
        return VALUE_NUMBER;
    case EXPR_NOT:
        if (infer(p, e->a) != VALUE_BOOL)
            wrong_at(p, e->a->place, "a condition is wanted after not");
        return VALUE_BOOL;
    case EXPR_MINUS:
        return infer(p, e->a);
    case EXPR_BINARY:
        return infer_binary(p, e);
    case EXPR_GOES:
    case EXPR_PASSES:
    case EXPR_HAS:
    case EXPR_LEFT:
    case EXPR_EDGES:
        return VALUE_BOOL;
    }
    return VALUE_NONE;
}

/* NOLINTEND(misc-no-recursion) */

static void check_use(struct parser *p, const struct use *u)
{
    p->work = 0;
    enum value_kind k = infer(p, u->e);
    if (p->failed || u->kinds == 0 || u->kinds & KIND(k))
        return;
    for (unsigned want = 0; want <= VALUE_SIDE; want++) {
        if (!(u->kinds & KIND(want)))
            continue;
        if (want == VALUE_BOOL && u->kinds == KIND(VALUE_BOOL) && u->e->kind != EXPR_VALUE &&
            setting_named(u->what) == NULL)
            wrong_at(p, u->e->place, "%s takes a condition, like client is ESTABLISHED", u->what);
        else
            wrong_at(p, u->e->place, "%s takes %s, not %s", u->what,
                     value_kind_name((enum value_kind)want), value_kind_name(k));
        return;
    }
}

static void check_ends(struct parser *p)
{
    for (const struct pending *u = p->end_uses; u; u = u->next) {
        struct guess g;
        if (is_end(p->s, u->name))
            continue;
        guess_init(&g, u->name);
        for (unsigned i = 0; i < p->s->nend_names; i++)
            guess_try(&g, p->s->end_name[i]);
        if (g.best)
            wrong_at(p, u->place, "no connection is called %s; did you mean %s?", u->name, g.best);
        else
            wrong_at(p, u->place,
                     "no connection is called %s: connect ... as %s, or accept as %s, names one",
                     u->name, u->name, u->name);
    }
}

void check_all(struct parser *p)
{
    check_ends(p);
    for (const struct use *u = p->uses; u && !p->failed; u = u->next)
        check_use(p, u);
    for (unsigned i = 0; i < p->s->nvariants && !p->failed; i++) {
        struct scope sc = {.s = p->s, .variant = &p->s->variant[i]};
        struct settled *out = arena_take(&p->s->arena, sizeof *out);
        if (!settle(&sc, out, p->err))
            p->failed = true;
    }
}

/* Every name that the scenario knows, with its values. */
static void know_lets(struct parser *p, const struct setting *g)
{
    for (; g; g = g->next) {
        if (g->let)
            add_let(p, g->let, g->value);
    }
}

struct setting *parse_given(const struct lab_scenario *s, const char *text, struct arena *a,
                            struct lab_error *err)
{
    struct lab_scenario copy = *s; /* what is read beside it lies in another arena */
    struct body body = {0};
    struct parser p = {.s = &copy, .err = err, .body = &body, .used_hosts = true};
    struct setting *g = NULL;
    copy.arena = *a;
    *err = (struct lab_error){0};
    p.uses_tail = &p.uses;
    know_lets(&p, s->base.settings);
    for (unsigned i = 0; i < s->nvariants; i++) {
        know_lets(&p, s->variant[i].body ? s->variant[i].body->settings : NULL);
        know_lets(&p, s->variant[i].loop);
    }
    const char *kept = arena_text(&copy.arena, text, strlen(text));
    p.failed = !lex(&copy.arena, kept, strlen(kept), &p.tok, &p.n, err);
    if (!p.failed)
        g = parse_setting(&p);
    if (!p.failed)
        need_end(&p);
    for (const struct use *u = p.uses; u && !p.failed; u = u->next)
        check_use(&p, u);
    *a = copy.arena;
    err->line = 0;
    return p.failed ? NULL : g;
}
