/* parse.h: the reader's own state, shared by its files: lex.c makes tokens, parse_base.c
 * hands them out, parse.c and parse_top.c read what stands at the top level, parse_steps.c
 * programs, parse_expr.c expressions and segments, types.c checks what could only be known at the
 * end.
 *
 * Invariant: the first mistake is told, and from then on every token is the end, so that each loop
 * ends by itself. */
#ifndef LAB_PARSE_H
#define LAB_PARSE_H

#include "lab/scenario/scenario.h"

enum token_kind {
    TOKEN_END,
    TOKEN_LINE, /* the end of a line that may end a statement, or a semicolon */
    TOKEN_WORD,
    TOKEN_NUMBER,
    TOKEN_ORDINAL, /* 2nd */
    TOKEN_TEXT,
    TOKEN_MARK,
};

enum mark {
    MARK_EQ = 256, /* == */
    MARK_NE,
    MARK_LE,
    MARK_GE,
    MARK_ARROW, /* -> */
};

struct token {
    enum token_kind kind;
    struct place place;
    const char *start;
    size_t n;
    struct value v;   /* number, ordinal, text */
    const char *word; /* a copy with a NUL */
    int mark;         /* a character, or enum mark */
};

/* Something to be checked when everything has been read: the kind that an expression must have. */
struct use {
    struct use *next;
    struct expr *e;
    unsigned kinds; /* bits 1 << enum value_kind; 0: any */
    const char *what;
};

/* A `let`, with what it is anywhere: in the base, in variants, by loops. */
struct let_value {
    struct let_value *next;
    struct expr *e;
};
struct lets {
    struct lets *next;
    const char *name;
    struct let_value *values;
    enum { LET_NEW, LET_OPEN, LET_DONE } seen;
    enum value_kind kind;
    unsigned work;
};

struct pending {
    struct pending *next;
    const char *name;
    struct place place;
};

struct parser {
    struct lab_scenario *s;
    struct lab_error *err;
    bool failed;
    struct token *tok;
    size_t at, n;
    unsigned depth;
    struct body *body; /* where statements go */
    struct use *uses, **uses_tail;
    bool told_hosts, used_hosts;
    struct lets *lets;
    struct pending *end_uses; /* names of ends that must turn out to exist */
    unsigned work;            /* what evaluating takes: names count with all that they stand for */
};

/* False with err filled. */
bool lex(struct arena *a, const char *text, size_t n, struct token **out, size_t *count,
         struct lab_error *err);

/* Tells the first mistake, at a token or a place. */
__attribute__((format(printf, 3, 4))) void wrong(struct parser *p, const struct token *t,
                                                 const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void wrong_at(struct parser *p, struct place at,
                                                    const char *fmt, ...);
/* What a token is called in a message.  Returns buf. */
char *token_text(const struct token *t, char *buf, size_t n);

const struct token *peek(const struct parser *p);
const struct token *peek_next(const struct parser *p, size_t k);
const struct token *take(struct parser *p);
bool next_is(const struct parser *p, const char *word);
bool next_is_mark(const struct parser *p, int mark);
bool take_word(struct parser *p, const char *word); /* if it is the next one */
bool take_mark(struct parser *p, int mark);
void need_word(struct parser *p, const char *word, const char *where);
void need_mark(struct parser *p, int mark, const char *where);
/* A name that the scenario makes up or refers to. */
const char *need_name(struct parser *p, const char *what);
void skip_lines(struct parser *p);
/* The statement must be over. */
void need_end(struct parser *p);
/* The words from the token `from` up to here, on one line. */
const char *source_from(struct parser *p, size_t from);

/* A host's index by its name; -1 with the mistake told. */
void add_host(struct parser *p, const char *name);
int need_host(struct parser *p, const char *what);
/* client and server on a link, if the scenario named nobody. */
void default_hosts(struct parser *p);

struct expr *parse_expr(struct parser *p);
/* Without and, or, comparisons: a quantity. */
struct expr *parse_quantity(struct parser *p);
struct selector *parse_selector(struct parser *p);
struct lets *let_named(const struct parser *p, const char *name); /* or NULL */
/* A name and one more thing that it may stand for. */
void add_let(struct parser *p, const char *name, struct expr *value);
bool at_selector(const struct parser *p);
#define LAB_WORK 10000U /* of one expression */
/* Remembers what kind e must have. */
void use(struct parser *p, struct expr *e, unsigned kinds, const char *what);
#define KIND(k) (1U << (k))

struct step *parse_steps(struct parser *p, int host);
struct setting *parse_setting(struct parser *p);
void end_name(struct parser *p, const char *name);
void end_use(struct parser *p, const char *name, struct place at);

/* The statements of the top level and of variants, behind their first word (parse_top.c). */
void add_setting(struct body *b, struct setting *g);
void top_let(struct parser *p);
void top_hosts(struct parser *p);
void top_link(struct parser *p);
void top_program(struct parser *p); /* its first word is the host */
void top_at(struct parser *p);
void top_when(struct parser *p);
void top_check(struct parser *p);
void top_rule(struct parser *p, enum rule_action action);

/* Everything that was read against everything else; then each variant's settings. */
void check_all(struct parser *p);

#endif
