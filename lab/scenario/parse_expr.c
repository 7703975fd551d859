/* parse_expr.c: reads expressions and descriptions of segments.
 *
 *     client.restarts == n and ack of the last ACK from client == w + 1
 *     2nd FIN from server has seq w, ack u + 1
 *     client goes ESTABLISHED -> FIN-WAIT-1 -> FIN-WAIT-2 -> TIME-WAIT -> CLOSED
 *
 * Recursion is bounded by LAB_DEPTH. */
#include "lab/scenario/parse.h"

#include <string.h>

/* NOLINTBEGIN(misc-no-recursion) */

#define NUMBER KIND(VALUE_NUMBER)

static struct expr *expr_at(struct parser *p, enum expr_kind kind, struct place at)
{
    struct expr *e = arena_take(&p->s->arena, sizeof *e);
    e->kind = kind;
    e->place = at;
    e->host = e->link = -1;
    e->source = "";
    return e;
}

static struct expr *new_expr(struct parser *p, enum expr_kind kind)
{
    return expr_at(p, kind, peek(p)->place);
}

/* ---- segments ---- */

static const struct {
    const char *word;
    enum segment_kind kind;
} kinds[] = {
    {"SYN", SEGMENT_SYN},          {"SYNs", SEGMENT_SYN},     {"SYN-ACK", SEGMENT_SYN_ACK},
    {"SYN-ACKs", SEGMENT_SYN_ACK}, {"ACK", SEGMENT_ACK},      {"ACKs", SEGMENT_ACK},
    {"FIN", SEGMENT_FIN},          {"FINs", SEGMENT_FIN},     {"RST", SEGMENT_RST},
    {"RSTs", SEGMENT_RST},         {"data", SEGMENT_DATA},    {"closing", SEGMENT_CLOSING},
    {"segment", SEGMENT_ANY},      {"segments", SEGMENT_ANY},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static bool segment_word(const struct token *t, enum segment_kind *kind)
{
    for (size_t i = 0; t->kind == TOKEN_WORD && i < KINDS; i++) {
        if (strcmp(t->word, kinds[i].word) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool is_word(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && strcmp(t->word, word) == 0;
}

bool at_selector(const struct parser *p)
{
    enum segment_kind kind;
    const struct token *t = peek(p), *then = peek_next(p, 1);
    bool begins = is_word(then, "last") || then->kind == TOKEN_ORDINAL || segment_word(then, &kind);
    if (t->kind == TOKEN_ORDINAL || segment_word(t, &kind))
        return true;
    if (is_word(t, "the") || is_word(t, "first") || is_word(t, "last") || is_word(t, "every"))
        return begins || is_word(then, "first");
    return is_word(t, "no") && (segment_word(then, &kind) || is_word(then, "last"));
}

/* "client", "client:40000". */
static void parse_side(struct parser *p, int *host, struct expr **port)
{
    *host = need_host(p, "a segment");
    if (take_mark(p, ':')) {
        *port = parse_quantity(p);
        use(p, *port, NUMBER, "a port");
    }
}

static struct expr *constant(struct parser *p, int64_t n, struct place at)
{
    struct expr *e = expr_at(p, EXPR_VALUE, at);
    e->v = (struct value){.kind = VALUE_NUMBER, .n = n};
    return e;
}

/* Which of those that match: the first, 2nd, last, every. */
static void parse_which(struct parser *p, struct selector *g)
{
    const struct token *t = peek(p);
    if (take_word(p, "every") || take_word(p, "no")) {
        g->every = true;
    } else if (t->kind == TOKEN_ORDINAL) {
        take(p);
        if (t->v.n < 1)
            wrong(p, t, "segments are counted from 1st");
        g->nth = constant(p, t->v.n, t->place);
    } else if (take_word(p, "first")) {
        g->nth = constant(p, 1, t->place);
    }
    /* "the last ACK" is the fourth closing segment, whichever that will be; any other last one is
     * known only when everything is over. */
    if (next_is(p, "last")) {
        const struct token *what = peek_next(p, 1);
        take(p);
        if (is_word(what, "ACK") || is_word(what, "ACKs"))
            g->kind = SEGMENT_LAST_ACK;
        else
            g->last = true;
    }
}

struct selector *parse_selector(struct parser *p)
{
    struct selector *g = arena_take(&p->s->arena, sizeof *g);
    const struct token *t;
    enum segment_kind kind;
    char buf[48];
    g->place = peek(p)->place;
    g->from = g->to = -1;
    take_word(p, "the");
    parse_which(p, g);
    t = peek(p);
    if (!segment_word(t, &kind)) {
        wrong(p, t,
              "%s is no kind of segment: say SYN, SYN-ACK, ACK, data, FIN, RST, closing, last "
              "ACK or segment",
              token_text(t, buf, sizeof buf));
        return g;
    }
    take(p);
    if (g->kind != SEGMENT_LAST_ACK)
        g->kind = kind;
    if (!take_word(p, "segment"))
        take_word(p, "segments");
    for (;;) {
        if (g->from < 0 && take_word(p, "from"))
            parse_side(p, &g->from, &g->from_port);
        else if (g->to < 0 && take_word(p, "to"))
            parse_side(p, &g->to, &g->to_port);
        else
            return g;
    }
}

/* ---- what is asked of them ---- */

static const char *const segment_fields[] = {"seq", "ack", "len", "time"};

static bool segment_field(const struct token *t, enum segment_field *out)
{
    for (int i = 0; t->kind == TOKEN_WORD && i < FIELD_COUNT; i++) {
        if (strcmp(t->word, segment_fields[i]) == 0) {
            *out = (enum segment_field)i;
            return true;
        }
    }
    return false;
}

static struct expr *parse_has(struct parser *p, struct expr *e)
{
    struct has **tail = &e->has;
    e->kind = EXPR_HAS;
    do {
        struct has *h = arena_take(&p->s->arena, sizeof *h);
        char buf[48];
        if (!segment_field(peek(p), &h->field)) {
            wrong(p, peek(p), "a segment has seq, ack, len and time, but no %s",
                  token_text(peek(p), buf, sizeof buf));
            return e;
        }
        take(p);
        take_mark(p, MARK_EQ);
        h->want = parse_quantity(p);
        use(p, h->want, h->field == FIELD_TIME ? KIND(VALUE_TIME) : NUMBER, "the field");
        *tail = h;
        tail = &h->next;
    } while (take_mark(p, ',') && !p->failed);
    return e;
}

/* SELECTOR has ..., or no SELECTOR. */
static struct expr *parse_about_segment(struct parser *p)
{
    struct expr *e = new_expr(p, EXPR_COUNT);
    bool none = next_is(p, "no");
    e->selector = parse_selector(p);
    if (none) {
        struct expr *same = expr_at(p, EXPR_BINARY, e->place);
        same->op = OP_EQ;
        same->a = e;
        same->b = constant(p, 0, e->place);
        return same;
    }
    if (take_word(p, "has"))
        return parse_has(p, e);
    char buf[48];
    wrong(p, peek(p),
          "what about this segment? say 'has seq 1, ack 1', or 'time of ...' before it, not %s",
          token_text(peek(p), buf, sizeof buf));
    return e;
}

static enum la_state need_state(struct parser *p)
{
    const struct token *t = peek(p);
    struct value v;
    struct guess g;
    char buf[48];
    if (t->kind == TOKEN_WORD && word_value(t->word, &v) && v.kind == VALUE_STATE) {
        take(p);
        return (enum la_state)v.n;
    }
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    for (unsigned i = 0; i < LA_STATES; i++)
        guess_try(&g, la_state_name((enum la_state)i));
    if (g.best)
        wrong(p, t, "%s is no state; did you mean %s?", token_text(t, buf, sizeof buf), g.best);
    else
        wrong(p, t, "a state is wanted here, like FIN-WAIT-1, not %s",
              token_text(t, buf, sizeof buf));
    return LA_CLOSED;
}

static bool at_state(const struct parser *p)
{
    struct value v;
    const struct token *t = peek(p);
    return t->kind == TOKEN_WORD && word_value(t->word, &v) && v.kind == VALUE_STATE;
}

static void on_host(struct parser *p, struct expr *e)
{
    if (take_word(p, "on"))
        e->host = need_host(p, "'on'");
}

/* count of ... */
static struct expr *parse_count(struct parser *p)
{
    struct expr *e = new_expr(p, EXPR_COUNT);
    take(p);
    need_word(p, "of", "count");
    if (!at_state(p)) {
        e->selector = parse_selector(p);
        return e;
    }
    e->kind = EXPR_STATES;
    e->states = arena_take(&p->s->arena, 2 * sizeof *e->states);
    e->states[e->nstates++] = need_state(p);
    if (take_mark(p, MARK_ARROW)) {
        e->kind = EXPR_EDGE;
        e->states[e->nstates++] = need_state(p);
    }
    on_host(p, e);
    return e;
}

static struct expr *parse_track(struct parser *p)
{
    enum { MOST = 64 };
    struct expr *e = new_expr(p, EXPR_GOES);
    enum la_state states[MOST];
    const struct token *name = take(p);
    e->name = name->word;
    end_use(p, e->name, name->place);
    if (take_word(p, "passes"))
        e->kind = EXPR_PASSES;
    else
        need_word(p, "goes", "a track");
    do {
        states[e->nstates++] = need_state(p);
        take_mark(p, MARK_ARROW);
    } while (at_state(p) && e->nstates < MOST);
    e->states = arena_take(&p->s->arena, sizeof states);
    memcpy(e->states, states, e->nstates * sizeof *states);
    return e;
}

/* ---- expressions ---- */

/* NAME.FIELD, LINK.HOST.FIELD */
static struct expr *parse_field(struct parser *p)
{
    struct expr *e = new_expr(p, EXPR_FIELD);
    const struct token *t = take(p);
    default_hosts(p);
    e->name = t->word;
    e->link = lab_link_named(p->s, t->word);
    e->host = lab_host_named(p->s, t->word);
    if (e->link >= 0 && peek_next(p, 2)->kind == TOKEN_MARK && peek_next(p, 2)->mark == '.') {
        take(p);
        e->host = need_host(p, "a direction of a link");
    } else if (e->link < 0 && e->host < 0) {
        end_use(p, t->word, t->place);
    }
    take(p);
    t = take(p);
    const struct setting_row *row = t->kind == TOKEN_WORD ? setting_named(t->word) : NULL;
    struct guess g;
    char buf[48];
    if (t->kind == TOKEN_WORD && field_named(t->word, &e->field)) {
        if ((e->field.of == OF_WIRE) != (e->link >= 0))
            wrong(p, t, "%s has no %s%s", e->name, t->word,
                  e->field.of == OF_WIRE ? ": it is a link's, as in link.client.lost" : "");
        if (e->field.of == OF_WIRE && e->host < 0)
            wrong(p, t, "which direction? say %s.client.%s", e->name, t->word);
        return e;
    }
    if (row) {
        e->field = (struct field){OF_SETTING, row->kind, (unsigned)(row - setting_rows)};
        return e;
    }
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    fields_guess(&g);
    setting_guess(&g);
    if (g.best)
        wrong(p, t, "nothing is called %s; did you mean %s?", token_text(t, buf, sizeof buf),
              g.best);
    else
        wrong(p, t, "nothing is called %s: docs/lab.md lists what can be asked",
              token_text(t, buf, sizeof buf));
    return e;
}

static struct expr *parse_word(struct parser *p)
{
    const struct token *t = peek(p), *then = peek_next(p, 1);
    enum segment_field f;
    struct expr *e;
    if (is_word(t, "count"))
        return parse_count(p);
    if (is_word(then, "of") && segment_field(t, &f)) {
        e = new_expr(p, EXPR_SEGMENT);
        take(p);
        take(p);
        e->segment = f;
        e->selector = parse_selector(p);
        return e;
    }
    if (is_word(then, "goes") || is_word(then, "passes"))
        return parse_track(p);
    if (then->kind == TOKEN_MARK && then->mark == '.')
        return parse_field(p);
    e = new_expr(p, EXPR_VALUE);
    if (is_word(t, "nothing") && is_word(then, "is")) {
        take(p);
        take(p);
        need_word(p, "left", "'nothing is'");
        e->kind = EXPR_LEFT;
        on_host(p, e);
    } else if (is_word(t, "every") && is_word(then, "edge")) {
        take(p);
        take(p);
        need_word(p, "was", "'every edge'");
        need_word(p, "taken", "'every edge was'");
        e->kind = EXPR_EDGES;
    } else if (word_value(t->word, &e->v)) {
        take(p);
    } else {
        e->kind = EXPR_NAME;
        e->name = take(p)->word;
    }
    return e;
}

static struct expr *parse_primary(struct parser *p)
{
    const struct token *t = peek(p);
    struct expr *e;
    char buf[48];
    if (at_selector(p))
        return parse_about_segment(p);
    if (t->kind == TOKEN_WORD)
        return parse_word(p);
    if (t->kind == TOKEN_NUMBER || t->kind == TOKEN_TEXT) {
        e = new_expr(p, EXPR_VALUE);
        e->v = take(p)->v;
        return e;
    }
    if (take_mark(p, '(')) {
        e = parse_expr(p);
        need_mark(p, ')', "the parenthesis");
        return e;
    }
    wrong(p, t, "a value is wanted here, not %s", token_text(t, buf, sizeof buf));
    return new_expr(p, EXPR_VALUE);
}

static struct expr *binary(struct parser *p, enum op op, struct expr *a, struct expr *b)
{
    struct expr *e = expr_at(p, EXPR_BINARY, a->place);
    e->op = op;
    e->a = a;
    e->b = b;
    e->height = 1 + (a->height > b->height ? a->height : b->height);
    if (e->height > LAB_HEIGHT)
        wrong_at(p, e->place, "more than %d operators in a row", LAB_HEIGHT);
    return e;
}

static struct expr *parse_unary(struct parser *p)
{
    struct expr *e;
    if (p->depth >= LAB_DEPTH) {
        wrong(p, peek(p), "nested too deep: at most %d levels", LAB_DEPTH);
        return new_expr(p, EXPR_VALUE);
    }
    p->depth++;
    if (next_is_mark(p, '-')) {
        e = new_expr(p, EXPR_MINUS);
        take(p);
        e->a = parse_unary(p);
    } else {
        e = parse_primary(p);
        if (take_mark(p, '^'))
            e = binary(p, OP_POWER, e, parse_unary(p));
    }
    p->depth--;
    return e;
}

static struct expr *parse_product(struct parser *p)
{
    struct expr *e = parse_unary(p);
    for (;;) {
        if (take_mark(p, '*'))
            e = binary(p, OP_TIMES, e, parse_unary(p));
        else if (take_mark(p, '/'))
            e = binary(p, OP_DIVIDE, e, parse_unary(p));
        else
            return e;
    }
}

struct expr *parse_quantity(struct parser *p)
{
    struct expr *e = parse_product(p);
    for (;;) {
        if (take_mark(p, '+'))
            e = binary(p, OP_ADD, e, parse_product(p));
        else if (take_mark(p, '-'))
            e = binary(p, OP_SUBTRACT, e, parse_product(p));
        else
            return e;
    }
}

static bool take_comparison(struct parser *p, enum op *op)
{
    if (next_is_mark(p, '='))
        wrong(p, peek(p), "'=' sets; did you mean '=='?");
    if (take_word(p, "is"))
        *op = take_word(p, "not") ? OP_NE : OP_EQ;
    else if (take_mark(p, MARK_EQ))
        *op = OP_EQ;
    else if (take_mark(p, MARK_NE))
        *op = OP_NE;
    else if (take_mark(p, '<'))
        *op = OP_LT;
    else if (take_mark(p, MARK_LE))
        *op = OP_LE;
    else if (take_mark(p, '>'))
        *op = OP_GT;
    else if (take_mark(p, MARK_GE))
        *op = OP_GE;
    else
        return false;
    return true;
}

static struct expr *parse_comparison(struct parser *p)
{
    enum op op;
    struct expr *e = parse_quantity(p);
    if (take_comparison(p, &op))
        e = binary(p, op, e, parse_quantity(p));
    return e;
}

static struct expr *parse_not(struct parser *p)
{
    if (!next_is(p, "not"))
        return parse_comparison(p);
    struct expr *e = new_expr(p, EXPR_NOT);
    take(p);
    if (++p->depth > LAB_DEPTH)
        wrong(p, peek(p), "nested too deep: at most %d levels", LAB_DEPTH);
    e->a = parse_not(p);
    p->depth--;
    return e;
}

struct expr *parse_expr(struct parser *p)
{
    size_t from = p->at;
    struct expr *e = parse_not(p);
    for (;;) {
        if (take_word(p, "and"))
            e = binary(p, OP_AND, e, parse_not(p));
        else if (take_word(p, "or"))
            e = binary(p, OP_OR, e, parse_not(p));
        else
            break;
    }
    e->source = source_from(p, from);
    return e;
}

/* NOLINTEND(misc-no-recursion) */
