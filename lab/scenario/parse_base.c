/* parse_base.c: what every part of the reader stands on: the next token, mistakes, names. */
#include "lab/scenario/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- tokens ---- */

static const struct token end_token = {.kind = TOKEN_END};

void wrong_at(struct parser *p, struct place at, const char *fmt, ...)
{
    va_list ap;
    if (p->failed)
        return;
    p->failed = true;
    p->err->line = at.line;
    p->err->column = at.column;
    va_start(ap, fmt);
    vsnprintf(p->err->text, sizeof p->err->text, fmt, ap);
    va_end(ap);
}

void wrong(struct parser *p, const struct token *t, const char *fmt, ...)
{
    va_list ap;
    char text[sizeof p->err->text];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    wrong_at(p, t->place, "%s", text);
}

char *token_text(const struct token *t, char *buf, size_t n)
{
    if (t->kind == TOKEN_END)
        snprintf(buf, n, "the end of the text");
    else if (t->kind == TOKEN_LINE)
        snprintf(buf, n, "the end of the line");
    else
        snprintf(buf, n, "'%.*s'", (int)(t->n < 40 ? t->n : 40), t->start);
    return buf;
}

const struct token *peek(const struct parser *p)
{
    return peek_next(p, 0);
}

const struct token *peek_next(const struct parser *p, size_t k)
{
    return p->failed || p->at + k >= p->n ? &end_token : &p->tok[p->at + k];
}

const struct token *take(struct parser *p)
{
    const struct token *t = peek(p);
    if (t->kind != TOKEN_END)
        p->at++;
    return t;
}

bool next_is(const struct parser *p, const char *word)
{
    const struct token *t = peek(p);
    return t->kind == TOKEN_WORD && strcmp(t->word, word) == 0;
}

bool next_is_mark(const struct parser *p, int mark)
{
    const struct token *t = peek(p);
    return t->kind == TOKEN_MARK && t->mark == mark;
}

bool take_word(struct parser *p, const char *word)
{
    bool is = next_is(p, word);
    if (is)
        take(p);
    return is;
}

bool take_mark(struct parser *p, int mark)
{
    bool is = next_is_mark(p, mark);
    if (is)
        take(p);
    return is;
}

void need_word(struct parser *p, const char *word, const char *where)
{
    char buf[48];
    if (!take_word(p, word))
        wrong(p, peek(p), "'%s' is wanted after %s, not %s", word, where,
              token_text(peek(p), buf, sizeof buf));
}

void need_mark(struct parser *p, int mark, const char *where)
{
    char buf[48];
    if (take_mark(p, mark))
        return;
    const struct token *t = peek(p);
    if (mark == '}' || mark == ')')
        wrong(p, t, "%s is not closed: '%c' is wanted here, not %s", where, mark,
              token_text(t, buf, sizeof buf));
    else
        wrong(p, t, "'%c' is wanted after %s, not %s", mark, where, token_text(t, buf, sizeof buf));
}

const char *need_name(struct parser *p, const char *what)
{
    const struct token *t = peek(p);
    char buf[48];
    if (t->kind == TOKEN_WORD) {
        take(p);
        if (t->word[0] >= 'A' && t->word[0] <= 'Z')
            wrong(p, t, "names begin with a small letter, unlike %s", t->word);
        return t->word;
    }
    wrong(p, t, "%s needs a name here, not %s", what, token_text(t, buf, sizeof buf));
    return "";
}

void skip_lines(struct parser *p)
{
    while (peek(p)->kind == TOKEN_LINE)
        take(p);
}

void need_end(struct parser *p)
{
    char buf[48];
    const struct token *t = peek(p);
    if (t->kind == TOKEN_LINE)
        take(p);
    else if (t->kind != TOKEN_END)
        wrong(p, t, "the statement should be over here, but %s follows",
              token_text(t, buf, sizeof buf));
}

const char *source_from(struct parser *p, size_t from)
{
    if (p->failed || p->at <= from)
        return "";
    const struct token *last = &p->tok[p->at - 1];
    const char *at = p->tok[from].start, *end = last->start + last->n;
    char *out = arena_take(&p->s->arena, (size_t)(end - at) + 1), *to = out;
    bool blank = false, quoted = false;
    for (; at < end; at++) {
        if (*at == '#' && !quoted) {
            while (at < end && *at != '\n')
                at++;
        }
        if (at < end && *at == '"' && at[-1] != '\\')
            quoted = !quoted;
        if (at == end || *at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') {
            blank = true;
            continue;
        }
        if (blank && to != out)
            *to++ = ' ';
        blank = false;
        *to++ = *at;
    }
    *to = '\0';
    return out;
}

/* ---- names ---- */

int lab_host_named(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->nhosts; i++) {
        if (strcmp(s->host[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int lab_link_named(const struct lab_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->nlinks; i++) {
        if (strcmp(s->link[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int lab_link_between(const struct lab_scenario *s, int a, int b)
{
    for (unsigned i = 0; i < s->nlinks; i++) {
        const struct link_def *l = &s->link[i];
        if ((l->a == a && l->b == b) || (l->a == b && l->b == a))
            return (int)i;
    }
    return -1;
}

void end_name(struct parser *p, const char *name)
{
    struct lab_scenario *s = p->s;
    for (unsigned i = 0; i < s->nend_names; i++) {
        if (strcmp(s->end_name[i], name) == 0)
            return;
    }
    if (s->nend_names == s->end_room) {
        unsigned room = s->end_room ? 2 * s->end_room : 16;
        const char **names = arena_take(&s->arena, room * sizeof *names);
        if (s->nend_names)
            memcpy(names, s->end_name, s->nend_names * sizeof *names);
        s->end_name = names;
        s->end_room = room;
    }
    s->end_name[s->nend_names++] = name;
}

void end_use(struct parser *p, const char *name, struct place at)
{
    struct pending *u = arena_take(&p->s->arena, sizeof *u);
    *u = (struct pending){.next = p->end_uses, .name = name, .place = at};
    p->end_uses = u;
}

void add_host(struct parser *p, const char *name)
{
    p->s->host[p->s->nhosts++].name = name;
    end_name(p, name);
}

void default_hosts(struct parser *p)
{
    struct lab_scenario *s = p->s;
    p->used_hosts = true;
    if (s->nhosts == 0) {
        add_host(p, "client");
        add_host(p, "server");
    }
    if (s->nhosts == 2 && s->nlinks == 0)
        s->link[s->nlinks++] = (struct link_def){.name = "link", .a = 0, .b = 1};
}

int need_host(struct parser *p, const char *what)
{
    const struct token *t = peek(p);
    struct guess g;
    char buf[48];
    default_hosts(p);
    int h = t->kind == TOKEN_WORD ? lab_host_named(p->s, t->word) : -1;
    if (h >= 0) {
        take(p);
        return h;
    }
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    for (unsigned i = 0; i < p->s->nhosts; i++)
        guess_try(&g, p->s->host[i].name);
    if (g.best)
        wrong(p, t, "no host is called %s; did you mean %s?", token_text(t, buf, sizeof buf),
              g.best);
    else
        wrong(p, t, "%s needs a host here (%s, %s%s), not %s", what, p->s->host[0].name,
              p->s->nhosts > 1 ? p->s->host[1].name : "", p->s->nhosts > 2 ? " ..." : "",
              token_text(t, buf, sizeof buf));
    return -1;
}

void use(struct parser *p, struct expr *e, unsigned kinds, const char *what)
{
    struct use *u = arena_take(&p->s->arena, sizeof *u);
    *u = (struct use){.e = e, .kinds = kinds, .what = what};
    *p->uses_tail = u;
    p->uses_tail = &u->next;
}

/* ---- names that stand for values ---- */

struct lets *let_named(const struct parser *p, const char *name)
{
    for (struct lets *l = p->lets; l; l = l->next) {
        if (strcmp(l->name, name) == 0)
            return l;
    }
    return NULL;
}

void add_let(struct parser *p, const char *name, struct expr *value)
{
    struct lets *l = let_named(p, name);
    struct let_value *v = arena_take(&p->s->arena, sizeof *v);
    if (!l) {
        l = arena_take(&p->s->arena, sizeof *l);
        *l = (struct lets){.next = p->lets, .name = name};
        p->lets = l;
    }
    *v = (struct let_value){.next = l->values, .e = value};
    l->values = v;
}
