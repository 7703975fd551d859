/* parse.c: reads a scenario: its top level, its variants, and its life. */
#include "lab/scenario/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- variants ---- */

static void body_init(struct body *b)
{
    *b = (struct body){0};
    b->settings_tail = &b->settings;
    b->rules_tail = &b->rules;
    b->programs_tail = &b->programs;
}

static bool read_common(struct parser *p);

/* "lost {n} times" with the loop's value in its place. */
static const char *variant_title(struct parser *p, const struct value *title,
                                 const struct setting *loop)
{
    char buf[256], number[64];
    size_t n = 0;
    for (size_t i = 0; i < title->len && n + 1 < sizeof buf; i++) {
        size_t k = loop ? strlen(loop->let) : 0;
        if (loop && title->text[i] == '{' && title->len - i >= k + 2 &&
            memcmp(title->text + i + 1, loop->let, k) == 0 && title->text[i + 1 + k] == '}') {
            n += (size_t)snprintf(buf + n, sizeof buf - n, "%s",
                                  value_text(&loop->value->v, number, sizeof number));
            n = n < sizeof buf ? n : sizeof buf - 1;
            i += k + 1;
        } else {
            buf[n++] = title->text[i];
        }
    }
    return arena_text(&p->s->arena, buf, n);
}

static void add_variant(struct parser *p, const struct token *title, const struct variant *v)
{
    struct lab_scenario *s = p->s;
    const char *name = variant_title(p, &title->v, v->loop);
    if (s->nvariants == LAB_VARIANTS) {
        wrong(p, title, "at most %d variants", LAB_VARIANTS);
        return;
    }
    for (unsigned i = 0; i < s->nvariants; i++) {
        if (strcmp(s->variant[i].name, name) == 0)
            wrong(p, title, "there is a variant \"%s\" already%s", name,
                  v->loop ? ": put the loop's name in braces into its title" : "");
    }
    s->variant[s->nvariants] = *v;
    s->variant[s->nvariants++].name = name;
}

/* for NAME in A to B, or for NAME in A, B, C: one setting for each turn. */
static unsigned read_loop(struct parser *p, struct setting *turn[LAB_VARIANTS])
{
    unsigned n = 0;
    const struct token *t = peek(p);
    struct value v;
    const char *name = need_name(p, "for");
    if (setting_named(name) || word_value(name, &v))
        wrong(p, t, "%s has a meaning already: take another name", name);
    need_word(p, "in", "for NAME");
    do {
        t = peek(p);
        struct expr *e = parse_quantity(p);
        if (e->kind != EXPR_VALUE)
            wrong(p, t, "a plain value is wanted here, like 30s");
        int64_t last = e->v.n;
        if (n == 0 && take_word(p, "to")) {
            const struct token *to = peek(p);
            if (to->kind != TOKEN_NUMBER || to->v.kind != VALUE_NUMBER || to->v.n < e->v.n ||
                e->v.kind != VALUE_NUMBER)
                wrong(p, to, "a loop goes from a number to one that is not smaller");
            last = take(p)->v.n;
        }
        for (int64_t k = e->v.n; !p->failed; k++) {
            struct setting *g = arena_take(&p->s->arena, sizeof *g);
            *g = (struct setting){.place = t->place, .let = name, .host = -1, .link = -1};
            g->value = arena_take(&p->s->arena, sizeof *e);
            *g->value = *e;
            if (last != e->v.n)
                g->value->v.n = k;
            if (n == LAB_VARIANTS)
                wrong(p, t, "at most %d variants", LAB_VARIANTS);
            else
                turn[n++] = g;
            if (k >= last)
                break;
        }
    } while (take_mark(p, ',') && !p->failed);
    for (unsigned i = 0; i < n; i++)
        add_let(p, name, turn[i]->value);
    return n;
}

static void read_variant(struct parser *p)
{
    struct setting *turn[LAB_VARIANTS] = {NULL};
    struct variant v = {.first_line = p->tok[p->at - 1].place.line};
    const struct token *title = take(p);
    unsigned turns = 0;
    if (title->kind != TOKEN_TEXT) {
        wrong(p, title, "a variant has a title: variant \"without TIME-WAIT\" { }");
        return;
    }
    if (take_word(p, "for"))
        turns = read_loop(p, turn);
    need_mark(p, '{', "the variant's title");
    p->body = v.body = arena_take(&p->s->arena, sizeof *v.body);
    body_init(v.body);
    skip_lines(p);
    while (!p->failed && !next_is_mark(p, '}') && read_common(p))
        skip_lines(p);
    v.last_line = peek(p)->place.line;
    need_mark(p, '}', "the variant");
    p->body = &p->s->base;
    for (unsigned i = 0; i < (turns ? turns : 1) && !p->failed; i++) {
        v.loop = turn[i];
        add_variant(p, title, &v);
    }
}

/* ---- the top level ---- */

static void read_title(struct parser *p)
{
    const struct token *t = take(p);
    if (t->kind != TOKEN_TEXT)
        wrong(p, t, "title is followed by a text in quotes");
    p->s->title = t->v.text;
}

static void read_about(struct parser *p)
{
    const char *about = "";
    if (peek(p)->kind != TOKEN_TEXT)
        wrong(p, peek(p), "about is followed by texts in quotes");
    while (peek(p)->kind == TOKEN_TEXT) {
        const char *more = take(p)->v.text;
        size_t n = strlen(about), m = strlen(more);
        char *both = arena_take(&p->s->arena, n + m + 2);
        bool gap = n && about[n - 1] != ' ' && about[n - 1] != '\n';
        snprintf(both, n + m + 2, "%s%s%s", about, gap ? " " : "", more);
        about = both;
        if (peek(p)->kind == TOKEN_LINE && peek_next(p, 1)->kind == TOKEN_TEXT)
            take(p);
    }
    p->s->about = about;
}

static void read_unknown(struct parser *p)
{
    static const char *const words[] = {"title", "about", "host",  "hosts", "link",
                                        "let",   "drop",  "delay", "hold",  "duplicate",
                                        "copy",  "at",    "when",  "check", "variant"};
    const struct token *t = peek(p);
    struct guess g;
    char buf[48];
    default_hosts(p);
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], g.word) == 0)
            wrong(p, t, "%s cannot stand in a variant", words[i]);
        guess_try(&g, words[i]);
    }
    for (unsigned i = 0; i < p->s->nhosts; i++)
        guess_try(&g, p->s->host[i].name);
    if (g.best)
        wrong(p, t, "nothing here is called %s; did you mean %s?", token_text(t, buf, sizeof buf),
              g.best);
    else
        wrong(p, t,
              "%s begins nothing: a program (client { }), a setting (msl = 1s), drop, hold, at, "
              "when, check or variant is wanted here",
              token_text(t, buf, sizeof buf));
}

static bool read_rule_item(struct parser *p)
{
    static const struct {
        const char *word;
        enum rule_action action;
    } actions[] = {{"drop", RULE_DROP},
                   {"delay", RULE_DELAY},
                   {"hold", RULE_HOLD},
                   {"duplicate", RULE_DUPLICATE},
                   {"copy", RULE_COPY}};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (take_word(p, actions[i].word)) {
            top_rule(p, actions[i].action);
            return true;
        }
    }
    return false;
}

static bool read_top_only(struct parser *p)
{
    if (take_word(p, "title"))
        read_title(p);
    else if (take_word(p, "about"))
        read_about(p);
    else if (take_word(p, "host") || take_word(p, "hosts"))
        top_hosts(p);
    else if (next_is(p, "link") && peek_next(p, 1)->kind == TOKEN_WORD && take_word(p, "link"))
        top_link(p);
    else if (take_word(p, "variant"))
        read_variant(p);
    else
        return false;
    return true;
}

static void read_program_or_setting(struct parser *p)
{
    const struct token *t = peek(p), *then = peek_next(p, 1);
    bool sets = then->kind == TOKEN_MARK && (then->mark == '=' || then->mark == '.');
    if (t->kind == TOKEN_WORD && sets) {
        add_setting(p->body, parse_setting(p));
        return;
    }
    default_hosts(p);
    if (t->kind == TOKEN_WORD && lab_host_named(p->s, t->word) >= 0)
        top_program(p);
    else
        read_unknown(p);
}

static bool statement_over(struct parser *p)
{
    if (!next_is_mark(p, '}'))
        need_end(p);
    return !p->failed;
}

/* A statement that may stand anywhere; true while nothing is wrong. */
static bool read_common(struct parser *p)
{
    const struct token *then = peek_next(p, 1);
    bool sets = then->kind == TOKEN_MARK && then->mark == '=';
    if (sets || !read_rule_item(p)) {
        if (!sets && take_word(p, "let"))
            top_let(p);
        else if (!sets && take_word(p, "at"))
            top_at(p);
        else if (!sets && take_word(p, "when"))
            top_when(p);
        else if (!sets && take_word(p, "check"))
            top_check(p);
        else
            read_program_or_setting(p);
    }
    return statement_over(p);
}

/* One of the top level. */
static bool read_item(struct parser *p)
{
    return read_top_only(p) ? statement_over(p) : read_common(p);
}

static struct lab_scenario *new_scenario(const char *name, const char *text, size_t n)
{
    struct arena a = {0};
    struct lab_scenario *s = arena_take(&a, sizeof *s);
    s->arena = a;
    s->name = arena_text(&s->arena, name, strlen(name));
    s->text = arena_text(&s->arena, text, n);
    s->text_n = n;
    s->title = s->name;
    s->about = "";
    body_init(&s->base);
    return s;
}

struct lab_scenario *lab_parse(const char *name, const char *text, size_t n, struct lab_error *err)
{
    *err = (struct lab_error){0};
    if (n > LAB_TEXT_MAX) {
        snprintf(err->text, sizeof err->text, "larger than %u KiB", LAB_TEXT_MAX >> 10);
        return NULL;
    }
    struct lab_scenario *s = new_scenario(name, text, n);
    struct parser p = {.s = s, .err = err, .body = &s->base};
    p.uses_tail = &p.uses;
    p.failed = !lex(&s->arena, s->text, n, &p.tok, &p.n, err);
    skip_lines(&p);
    while (!p.failed && peek(&p)->kind != TOKEN_END && read_item(&p))
        skip_lines(&p);
    if (!p.failed) {
        default_hosts(&p);
        if (s->nvariants == 0)
            s->variant[s->nvariants++] = (struct variant){.name = ""};
        check_all(&p);
    }
    if (p.failed) {
        lab_scenario_free(s);
        return NULL;
    }
    return s;
}

void lab_scenario_free(struct lab_scenario *s)
{
    if (!s)
        return;
    struct arena a = s->arena; /* the scenario lies in it */
    arena_free(&a);
}

const char *lab_name(const struct lab_scenario *s)
{
    return s->name;
}

const char *lab_title(const struct lab_scenario *s)
{
    return s->title;
}

const char *lab_about(const struct lab_scenario *s)
{
    return s->about;
}

const char *lab_text(const struct lab_scenario *s)
{
    return s->text;
}

unsigned lab_variants(const struct lab_scenario *s)
{
    return s->nvariants;
}

const char *lab_variant_name(const struct lab_scenario *s, unsigned variant)
{
    return variant < s->nvariants ? s->variant[variant].name : "";
}

void lab_variant_lines(const struct lab_scenario *s, unsigned variant, unsigned *first,
                       unsigned *last)
{
    bool there = variant < s->nvariants;
    *first = there ? s->variant[variant].first_line : 0;
    *last = there ? s->variant[variant].last_line : 0;
}
