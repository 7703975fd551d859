/* parse_steps.c: reads what programs do, and what the network does at a time.
 *
 * A statement is a verb and what it needs; each ends with its line.  Recursion (blocks in blocks)
 * is bounded by LAB_DEPTH. */
#include "lab/scenario/parse.h"

#include <string.h>

/* NOLINTBEGIN(misc-no-recursion) */

#define NUMBER KIND(VALUE_NUMBER)
#define TIME KIND(VALUE_TIME)

enum who { WHO_HOST = 1, WHO_NETWORK = 2, WHO_BOTH = 3 };

typedef void read_step(struct parser *p, struct step *st, int host);

static struct expr *quantity(struct parser *p, unsigned kinds, const char *what)
{
    struct expr *e = parse_quantity(p);
    use(p, e, kinds, what);
    return e;
}

/* ---- connections ---- */

static void read_listen(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_LISTEN;
    st->a = quantity(p, NUMBER, "a port");
    if (take_word(p, "backlog"))
        st->b = quantity(p, NUMBER, "a backlog");
}

static void read_as(struct parser *p, struct step *st)
{
    if (!take_word(p, "as"))
        return;
    st->name = need_name(p, "the connection");
    end_name(p, st->name);
}

static void read_accept(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_ACCEPT;
    read_as(p, st);
}

static void read_connect(struct parser *p, struct step *st, int host)
{
    st->kind = STEP_CONNECT;
    const struct token *t = peek(p);
    st->to = need_host(p, "connect");
    if (st->to >= 0 && host >= 0) {
        st->link = lab_link_between(p->s, host, st->to);
        if (st->link < 0)
            wrong(p, t, "no link joins %s and %s: add link %s %s", p->s->host[host].name,
                  p->s->host[st->to].name, p->s->host[host].name, p->s->host[st->to].name);
    }
    need_mark(p, ':', "connect HOST");
    st->a = quantity(p, NUMBER, "a port");
    for (;;) {
        if (!st->b && take_word(p, "from")) {
            st->b = quantity(p, NUMBER, "a port");
        } else if (!st->name && next_is(p, "as")) {
            read_as(p, st);
        } else if (!st->no_wait && take_word(p, "without")) {
            need_word(p, "waiting", "without");
            st->no_wait = true;
        } else {
            return;
        }
    }
}

static void read_send(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_SEND;
    if (peek(p)->kind == TOKEN_TEXT)
        st->text = take(p)->v;
    else
        st->a = quantity(p, NUMBER, "how many bytes");
}

static void read_read(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_READ;
    st->all = take_word(p, "all");
    if (!st->all)
        st->a = quantity(p, NUMBER, "how many bytes");
    if (!st->all && take_word(p, "every"))
        st->b = quantity(p, TIME, "every");
}

static void read_expect(struct parser *p, struct step *st, int host)
{
    const struct token *t = peek(p);
    struct value v;
    struct guess g;
    (void)host;
    if (t->kind == TOKEN_TEXT) {
        st->kind = STEP_EXPECT_TEXT;
        st->text = take(p)->v;
        return;
    }
    if (take_word(p, "end")) {
        st->kind = STEP_EXPECT_END;
        return;
    }
    need_word(p, "error", "expect (\"text\", end, or error NAME)");
    st->kind = STEP_EXPECT_ERROR;
    t = peek(p);
    if (t->kind == TOKEN_WORD && word_value(t->word, &v) && v.kind == VALUE_ERROR) {
        st->error = (enum la_err)v.n;
        take(p);
        return;
    }
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    words_guess(&g);
    wrong(p, t, "the name of an error is wanted here, like ECONNRESET%s%s%s",
          g.best ? "; did you mean " : "", g.best ? g.best : "", g.best ? "?" : "");
}

static void maybe_end(struct parser *p, struct step *st)
{
    if (peek(p)->kind != TOKEN_WORD)
        return;
    struct place at = peek(p)->place;
    st->name = need_name(p, "the connection");
    end_use(p, st->name, at);
}

static void read_shutdown(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_SHUTDOWN;
    maybe_end(p, st);
}

static void read_close(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_CLOSE;
    maybe_end(p, st);
}

static void read_abort(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_ABORT;
    maybe_end(p, st);
}

static void read_forget(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_FORGET;
    need_word(p, "to", "forget");
    need_word(p, "close", "forget to");
}

static void read_stop(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_STOP_LISTENING;
    if (take_word(p, "reading"))
        st->kind = STEP_STOP_READING;
    else
        need_word(p, "listening", "stop (listening, or reading)");
}

/* ---- blocks ---- */

static struct step *block(struct parser *p, int host, const char *where)
{
    struct step *first;
    if (++p->depth > LAB_DEPTH)
        wrong(p, peek(p), "nested too deep: at most %d levels", LAB_DEPTH);
    need_mark(p, '{', where);
    first = parse_steps(p, host);
    need_mark(p, '}', "the block");
    p->depth--;
    return first;
}

static void read_for(struct parser *p, struct step *st, int host)
{
    st->kind = STEP_EACH;
    need_word(p, "each", "for");
    need_word(p, "connection", "for each");
    st->body = block(p, host, "for each connection");
}

static void read_repeat(struct parser *p, struct step *st, int host)
{
    st->kind = STEP_REPEAT;
    st->a = quantity(p, NUMBER, "how many times");
    need_word(p, "times", "repeat N");
    st->body = block(p, host, "repeat N times");
}

/* ---- time, settings, checks ---- */

static void read_wait(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_WAIT;
    if (take_word(p, "until")) {
        st->kind = STEP_WAIT_UNTIL;
        st->a = parse_expr(p);
        use(p, st->a, KIND(VALUE_BOOL), "wait until");
        return;
    }
    st->a = quantity(p, TIME, "wait");
}

static void read_at(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_AT;
    st->a = quantity(p, TIME, "at");
}

static void read_check(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_CHECK;
    st->a = parse_expr(p);
    use(p, st->a, KIND(VALUE_BOOL), "check");
}

static void read_set(struct parser *p, struct step *st, int host)
{
    const struct token *t = peek(p);
    struct setting *g;
    st->kind = STEP_SET;
    st->setting = g = parse_setting(p);
    if (p->failed)
        return;
    if (host < 0 && (!g->row || g->row->scope != SCOPE_LINK))
        wrong(p, t, "only links can be set while it runs: say link.loss = 5%%");
    if (host >= 0 && (!g->row || g->row->scope != SCOPE_CONN || g->host >= 0))
        wrong(p, t, "a program sets options of its own connection: say set keepalive = on");
}

/* ---- the network ---- */

static void read_crash(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_CRASH;
    st->host = need_host(p, "crash");
}

static void read_restart(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_RESTART;
    st->host = need_host(p, "restart");
}

static void read_release(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_RELEASE;
    if (peek(p)->kind == TOKEN_WORD)
        st->name = need_name(p, "what is held");
}

static void read_link(struct parser *p, struct step *st)
{
    const struct token *t = peek(p);
    default_hosts(p);
    const char *name = need_name(p, "the link");
    st->link = name ? lab_link_named(p->s, name) : -1;
    if (name && st->link < 0)
        wrong(p, t, "no link is called %s%s", name,
              p->s->nlinks == 1 ? "; say link" : ": name it with link A B as NAME");
}

static void read_cut(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_CUT;
    read_link(p, st);
}

static void read_mend(struct parser *p, struct step *st, int host)
{
    (void)host;
    st->kind = STEP_MEND;
    read_link(p, st);
}

static const struct {
    const char *word;
    uint8_t flags;
} forged[] = {{"SYN", LA_TCP_SYN},
              {"SYN-ACK", LA_TCP_SYN | LA_TCP_ACK},
              {"ACK", LA_TCP_ACK},
              {"data", LA_TCP_ACK | LA_TCP_PSH},
              {"FIN", LA_TCP_FIN | LA_TCP_ACK},
              {"RST", LA_TCP_RST},
              {"RST-ACK", LA_TCP_RST | LA_TCP_ACK}};

static void inject_numbers(struct parser *p, struct inject *g)
{
    const struct {
        const char *word;
        struct expr **to;
    } part[] = {{"seq", &g->seq}, {"ack", &g->ack}, {"window", &g->window}, {"len", &g->len}};
    for (size_t i = 0; i < 4; i++) {
        if (next_is(p, part[i].word)) {
            take(p);
            *part[i].to = quantity(p, NUMBER, part[i].word);
            take_mark(p, ',');
            i = (size_t)-1;
        }
    }
    if (take_word(p, "text") && peek(p)->kind == TOKEN_TEXT)
        g->data = take(p)->v;
}

/* inject RST from server:80 to client:40000 seq 1 */
static void read_inject(struct parser *p, struct step *st, int host)
{
    struct inject *g = st->inject = arena_take(&p->s->arena, sizeof *g);
    const struct token *t = take(p);
    bool known = false;
    (void)host;
    st->kind = STEP_INJECT;
    for (size_t i = 0; t->kind == TOKEN_WORD && i < sizeof forged / sizeof forged[0]; i++) {
        if (strcmp(t->word, forged[i].word) == 0) {
            g->flags = forged[i].flags;
            known = true;
        }
    }
    if (!known)
        wrong(p, t, "inject what? SYN, SYN-ACK, ACK, data, FIN, RST or RST-ACK");
    need_word(p, "from", "inject");
    st->host = need_host(p, "from");
    need_mark(p, ':', "from HOST");
    g->from_port = quantity(p, NUMBER, "a port");
    need_word(p, "to", "inject ... from HOST:PORT");
    st->to = need_host(p, "to");
    need_mark(p, ':', "to HOST");
    g->to_port = quantity(p, NUMBER, "a port");
    inject_numbers(p, g);
    if (p->failed)
        return;
    st->link = lab_link_between(p->s, st->host, st->to);
    if (st->link < 0)
        wrong(p, t, "no link joins %s and %s", p->s->host[st->host].name, p->s->host[st->to].name);
}

/* ---- statements ---- */

static const struct verb {
    const char *word;
    enum who who;
    read_step *read;
} verbs[] = {
    {"listen", WHO_HOST, read_listen},
    {"accept", WHO_HOST, read_accept},
    {"for", WHO_HOST, read_for},
    {"connect", WHO_HOST, read_connect},
    {"send", WHO_HOST, read_send},
    {"read", WHO_HOST, read_read},
    {"expect", WHO_HOST, read_expect},
    {"shutdown", WHO_HOST, read_shutdown},
    {"close", WHO_HOST, read_close},
    {"abort", WHO_HOST, read_abort},
    {"forget", WHO_HOST, read_forget},
    {"stop", WHO_HOST, read_stop},
    {"set", WHO_BOTH, read_set},
    {"wait", WHO_BOTH, read_wait},
    {"at", WHO_BOTH, read_at},
    {"check", WHO_BOTH, read_check},
    {"repeat", WHO_BOTH, read_repeat},
    {"crash", WHO_NETWORK, read_crash},
    {"restart", WHO_NETWORK, read_restart},
    {"release", WHO_NETWORK, read_release},
    {"inject", WHO_NETWORK, read_inject},
    {"cut", WHO_NETWORK, read_cut},
    {"mend", WHO_NETWORK, read_mend},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static const struct verb *verb_here(struct parser *p, enum who who)
{
    const struct token *t = peek(p);
    struct guess g;
    char buf[48];
    guess_init(&g, t->kind == TOKEN_WORD ? t->word : "");
    for (size_t i = 0; t->kind == TOKEN_WORD && i < VERBS; i++) {
        if (strcmp(t->word, verbs[i].word) == 0 && (verbs[i].who & who))
            return &verbs[i];
        if (strcmp(t->word, verbs[i].word) == 0) {
            wrong(p, t,
                  who == WHO_HOST ? "%s is done by the network, not by a program: write it in "
                                    "at TIME { } or when CONDITION { }"
                                  : "%s is done by a program, not by the network: write it in the "
                                    "program of a host, like client { }",
                  t->word);
            return NULL;
        }
        if (verbs[i].who & who)
            guess_try(&g, verbs[i].word);
    }
    if (g.best)
        wrong(p, t, "nothing here is called %s; did you mean %s?", token_text(t, buf, sizeof buf),
              g.best);
    else
        wrong(p, t, "a statement is wanted here, not %s", token_text(t, buf, sizeof buf));
    return NULL;
}

struct step *parse_steps(struct parser *p, int host)
{
    struct step *first = NULL, **tail = &first;
    skip_lines(p);
    while (!p->failed && !next_is_mark(p, '}') && peek(p)->kind != TOKEN_END) {
        size_t from = p->at;
        struct step *st = arena_take(&p->s->arena, sizeof *st);
        const struct verb *v = verb_here(p, host < 0 ? WHO_NETWORK : WHO_HOST);
        if (!v)
            break;
        st->place = take(p)->place;
        st->host = st->to = st->link = -1;
        v->read(p, st, host);
        st->source = source_from(p, from);
        if (!next_is_mark(p, '}'))
            need_end(p);
        skip_lines(p);
        *tail = st;
        tail = &st->next;
    }
    return first;
}

/* NOLINTEND(misc-no-recursion) */
