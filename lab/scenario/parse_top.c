/* parse_top.c: reads what may stand at the top level and in variants: settings, hosts, links,
 * programs, rules for segments. */
#include "lab/scenario/parse.h"

#include <string.h>

/* ---- settings ---- */

static void unknown_setting(struct parser *p, const struct token *t)
{
    struct guess g;
    guess_init(&g, t->word);
    setting_guess(&g);
    for (const struct lets *l = p->lets; l; l = l->next)
        guess_try(&g, l->name);
    if (g.best)
        wrong(p, t, "no setting is called %s; did you mean %s?", t->word, g.best);
    else
        wrong(p, t, "no setting is called %s: docs/lab.md lists them; let %s = ... makes a name",
              t->word, t->word);
}

/* Who the words before the last dot name: a host, a link, or a direction of a link. */
static void read_scope(struct parser *p, struct setting *g)
{
    default_hosts(p);
    const struct token *t = peek(p);
    g->link = t->kind == TOKEN_WORD ? lab_link_named(p->s, t->word) : -1;
    if (g->link < 0) {
        g->host = need_host(p, "a setting");
        take_mark(p, '.');
        return;
    }
    take(p);
    take_mark(p, '.');
    if (peek_next(p, 1)->kind == TOKEN_MARK && peek_next(p, 1)->mark == '.') {
        g->host = need_host(p, "a direction of a link");
        take_mark(p, '.');
    }
}

static void fits(struct parser *p, const struct token *t, const struct setting *g)
{
    const char *name = g->row->name;
    switch (g->row->scope) {
    case SCOPE_RUN:
        if (g->host >= 0 || g->link >= 0)
            wrong(p, t, "%s is of the whole run: write it without a name before it", name);
        break;
    case SCOPE_HOST:
    case SCOPE_CONN:
        if (g->link >= 0)
            wrong(p, t, "%s is a host's, not a link's: say %s = ... or client.%s = ...", name, name,
                  name);
        break;
    case SCOPE_LINK:
        if (g->link < 0 && g->host >= 0)
            wrong(p, t, "%s is a link's, not a host's: say link.%s = ... or link.client.%s = ...",
                  name, name, name);
        break;
    }
}

struct setting *parse_setting(struct parser *p)
{
    struct setting *g = arena_take(&p->s->arena, sizeof *g);
    char buf[48];
    g->place = peek(p)->place;
    g->host = g->link = -1;
    if (peek_next(p, 1)->kind == TOKEN_MARK && peek_next(p, 1)->mark == '.')
        read_scope(p, g);
    const struct token *t = take(p);
    if (t->kind != TOKEN_WORD) {
        wrong(p, t, "a setting is wanted here, like msl = 1s, not %s",
              token_text(t, buf, sizeof buf));
        return g;
    }
    g->row = setting_named(t->word);
    if (g->row) {
        fits(p, t, g);
    } else if (g->host < 0 && g->link < 0 && let_named(p, t->word)) {
        g->let = t->word;
    } else {
        unknown_setting(p, t);
    }
    need_mark(p, '=', t->word);
    g->value = parse_quantity(p);
    if (g->row)
        use(p, g->value,
            KIND(g->row->kind) | (g->row->off ? KIND(VALUE_BOOL) | KIND(VALUE_NONE) : 0),
            g->row->name);
    else if (g->let)
        add_let(p, g->let, g->value);
    if (!g->row)
        use(p, g->value, 0, "a name");
    return g;
}

void add_setting(struct body *b, struct setting *g)
{
    *b->settings_tail = g;
    b->settings_tail = &g->next;
}

void top_let(struct parser *p)
{
    struct setting *g = arena_take(&p->s->arena, sizeof *g);
    struct value v;
    const struct token *t = peek(p);
    g->place = t->place;
    g->host = g->link = -1;
    g->let = need_name(p, "let");
    if (setting_named(g->let) || word_value(g->let, &v))
        wrong(p, t, "%s has a meaning already: take another name", g->let);
    need_mark(p, '=', "let NAME");
    g->value = parse_quantity(p);
    use(p, g->value, 0, "let");
    add_let(p, g->let, g->value);
    add_setting(p->body, g);
}

/* ---- hosts and links ---- */

void top_hosts(struct parser *p)
{
    struct lab_scenario *s = p->s;
    do {
        const struct token *t = peek(p);
        if (p->used_hosts)
            wrong(p, t, "hosts are named before anything is said about them: move this line up");
        const char *name = need_name(p, "a host");
        if (lab_host_named(s, name) >= 0)
            wrong(p, t, "there is a host %s already", name);
        else if (setting_named(name))
            wrong(p, t, "%s is a setting's name: take another one", name);
        else if (s->nhosts == LAB_HOSTS)
            wrong(p, t, "at most %d hosts", LAB_HOSTS);
        else
            add_host(p, name);
    } while (take_mark(p, ',') && !p->failed);
}

void top_link(struct parser *p)
{
    struct lab_scenario *s = p->s;
    const struct token *t = peek(p);
    unsigned at = s->nlinks;
    if (s->nlinks == LAB_LINKS) {
        wrong(p, t, "at most %d links", LAB_LINKS);
        return;
    }
    s->nlinks++; /* so that default_hosts does not make one */
    struct link_def *l = &s->link[at];
    *l = (struct link_def){.name = "link"};
    l->a = need_host(p, "link");
    l->b = need_host(p, "link");
    if (l->a == l->b)
        wrong(p, t, "a link joins two hosts");
    if (take_word(p, "as"))
        l->name = need_name(p, "the link");
    for (unsigned i = 0; i < at; i++) {
        if (strcmp(s->link[i].name, l->name) == 0)
            wrong(p, t, "a second link needs a name of its own: link A B as NAME");
    }
    if (lab_host_named(s, l->name) >= 0)
        wrong(p, t, "there is a host %s already", l->name);
    if (!take_mark(p, '{'))
        return;
    skip_lines(p);
    while (!p->failed && !next_is_mark(p, '}') && peek(p)->kind != TOKEN_END) {
        t = peek(p);
        struct setting *g = parse_setting(p);
        if (g->row && g->row->scope != SCOPE_LINK)
            wrong(p, t, "%s is not of a link", g->row->name);
        g->link = (int)at;
        add_setting(p->body, g);
        if (!next_is_mark(p, '}'))
            need_end(p);
        skip_lines(p);
    }
    need_mark(p, '}', "the link's block");
}

/* ---- programs ---- */

static void add_program(struct parser *p, struct program *g)
{
    *p->body->programs_tail = g;
    p->body->programs_tail = &g->next;
}

static void read_block(struct parser *p, struct program *g, struct step **steps)
{
    need_mark(p, '{', "this");
    *steps = parse_steps(p, g->host);
    need_mark(p, '}', "the block");
    add_program(p, g);
}

static struct program *new_program(struct parser *p, int host)
{
    struct program *g = arena_take(&p->s->arena, sizeof *g);
    g->place = peek(p)->place;
    g->host = host;
    return g;
}

static struct step *new_step(struct parser *p, enum step_kind kind)
{
    struct step *st = arena_take(&p->s->arena, sizeof *st);
    st->kind = kind;
    st->place = peek(p)->place;
    st->host = st->to = st->link = -1;
    return st;
}

/* HOST [as NAME] [after restart] [N times [every T]] [at T] { } */
void top_program(struct parser *p)
{
    struct program *g = new_program(p, -1);
    g->name = peek(p)->word;
    g->host = need_host(p, "a program");
    if (take_word(p, "as")) {
        g->name = need_name(p, "the program");
        end_name(p, g->name);
    }
    if (take_word(p, "after")) {
        need_word(p, "restart", "after");
        g->after_restart = true;
    }
    if (!next_is_mark(p, '{') && !next_is(p, "at")) {
        g->times = parse_quantity(p);
        use(p, g->times, KIND(VALUE_NUMBER), "how many times");
        need_word(p, "times", "how many");
        if (take_word(p, "every")) {
            g->every = parse_quantity(p);
            use(p, g->every, KIND(VALUE_TIME), "every");
        }
    }
    if (take_word(p, "at")) {
        g->at = parse_quantity(p);
        use(p, g->at, KIND(VALUE_TIME), "at");
    }
    read_block(p, g, &g->steps);
}

void top_at(struct parser *p)
{
    struct program *g = new_program(p, -1);
    default_hosts(p);
    g->at = parse_quantity(p);
    use(p, g->at, KIND(VALUE_TIME), "at");
    read_block(p, g, &g->steps);
}

/* A program of the network that begins by waiting. */
void top_when(struct parser *p)
{
    size_t from = p->at - 1;
    struct program *g = new_program(p, -1);
    struct step *st = new_step(p, STEP_WAIT_UNTIL);
    default_hosts(p);
    st->a = parse_expr(p);
    st->source = source_from(p, from);
    use(p, st->a, KIND(VALUE_BOOL), "when");
    g->steps = st;
    read_block(p, g, &st->next);
}

static struct step *one_check(struct parser *p)
{
    struct step *st = new_step(p, STEP_CHECK);
    st->a = parse_expr(p);
    st->source = st->a->source;
    use(p, st->a, KIND(VALUE_BOOL), "check");
    return st;
}

void top_check(struct parser *p)
{
    struct program *g = new_program(p, -1);
    struct step **tail = &g->steps;
    default_hosts(p);
    g->check_only = true;
    if (!take_mark(p, '{')) {
        g->steps = one_check(p);
        add_program(p, g);
        return;
    }
    skip_lines(p);
    while (!p->failed && !next_is_mark(p, '}') && peek(p)->kind != TOKEN_END) {
        *tail = one_check(p);
        tail = &(*tail)->next;
        if (!next_is_mark(p, '}'))
            need_end(p);
        skip_lines(p);
    }
    need_mark(p, '}', "check");
    add_program(p, g);
}

/* ---- rules ---- */

static void rule_tail(struct parser *p, struct wire_rule *r)
{
    if ((r->action == RULE_HOLD || r->action == RULE_COPY) && take_word(p, "as"))
        r->name = need_name(p, "what is held");
    if (r->action == RULE_DELAY) {
        need_word(p, "by", "what is delayed");
        r->by = parse_quantity(p);
        use(p, r->by, KIND(VALUE_TIME), "by");
    } else if (r->action == RULE_DUPLICATE && take_word(p, "after")) {
        r->by = parse_quantity(p);
        use(p, r->by, KIND(VALUE_TIME), "after");
    }
    if (peek(p)->kind == TOKEN_LINE || next_is_mark(p, '}'))
        return;
    const struct token *t = peek(p);
    if (r->selector->every)
        wrong(p, t, "every one of them is meant already");
    r->selector->count = parse_quantity(p);
    use(p, r->selector->count, KIND(VALUE_NUMBER), "how many times");
    need_word(p, "times", "how many");
}

void top_rule(struct parser *p, enum rule_action action)
{
    struct wire_rule *r = arena_take(&p->s->arena, sizeof *r);
    size_t from = p->at - 1;
    unsigned n = 0;
    default_hosts(p);
    r->place = p->tok[from].place;
    r->action = action;
    r->selector = parse_selector(p);
    if (r->selector->last)
        wrong_at(p, r->selector->place,
                 "which one is the last is known only when everything is over: count from the "
                 "first, as in 2nd FIN");
    if (!p->failed)
        rule_tail(p, r);
    r->source = source_from(p, from);
    for (const struct wire_rule *k = p->body->rules; k; k = k->next)
        n++;
    if (n == LAB_RULES / 2)
        wrong_at(p, r->place, "more than %d rules for segments", LAB_RULES / 2);
    *p->body->rules_tail = r;
    p->body->rules_tail = &r->next;
}
