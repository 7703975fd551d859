/* scenario.h: what a scenario's text became: the reader's output, the runner's input.
 *
 * Everything lies in the scenario's arena and never changes after lab_parse.  Hosts and links are
 * named by index; names of connection ends (`as first`) stay text, as ends come into being while
 * it runs.
 *
 * Invariant: whatever the runner may rely on (types of settings, hosts that exist, a link between
 * two hosts that connect) was checked by the reader, with a place for its message. */
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

#include "lab/scenario/run.h"

#define LAB_HOSTS 16
#define LAB_LINKS 7 /* a stack has at most 8 interfaces */
#define LAB_VARIANTS 64
#define LAB_RULES 32     /* drop, delay, hold ... in one variant */
#define LAB_COPIES 10000 /* of one program */
#define LAB_REPEATS 1000000
#define LAB_DEPTH 40 /* of nested blocks and parentheses: what recursion is bounded by */

#define LAB_HEIGHT 200 /* of operators in an expression, likewise */

/* ---- memory that goes all at once ---- */

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    char *at;
    size_t left;
};
void *arena_take(struct arena *a, size_t n); /* zeroed; never NULL */
char *arena_text(struct arena *a, const char *p, size_t n);
__attribute__((format(printf, 2, 3))) char *arena_format(struct arena *a, const char *fmt, ...);
void arena_free(struct arena *a);

/* ---- values ---- */

enum value_kind {
    VALUE_NONE,   /* did not happen, nobody, no error */
    VALUE_NUMBER, /* counts, bytes, sequence numbers, bits per second */
    VALUE_TIME,   /* ns */
    VALUE_SHARE,  /* parts per million */
    VALUE_BOOL,
    VALUE_TEXT,
    VALUE_STATE, /* enum la_state */
    VALUE_ERROR, /* enum la_err */
    VALUE_CAUSE, /* enum la_cause */
    VALUE_HASH,  /* FNV-1a, 64 bits */
    VALUE_SIDE,  /* enum la_side, as seen from the end that it is asked of */
};

struct value {
    enum value_kind kind;
    int64_t n;
    const char *text;
    size_t len;
};

extern const struct value no_value; /* VALUE_NONE */

struct place {
    unsigned line, column;
};

/* ---- which segments ---- */

enum segment_kind {
    SEGMENT_ANY,
    SEGMENT_SYN, /* without ACK */
    SEGMENT_SYN_ACK,
    SEGMENT_ACK, /* nothing but an ACK */
    SEGMENT_DATA,
    SEGMENT_FIN,
    SEGMENT_RST,
    SEGMENT_CLOSING,  /* any of the four that close: FIN u, ACK u+1, FIN w, ACK w+1 */
    SEGMENT_LAST_ACK, /* of the second FIN: the fourth of the closing segments */
};

struct selector {
    enum segment_kind kind;
    struct place place;
    struct expr *nth;   /* NULL: all of them, or those that `last` means */
    struct expr *count; /* how many from there; NULL: one */
    bool every, last;
    int from, to;                     /* hosts; -1: any */
    struct expr *from_port, *to_port; /* NULL: any */
};

/* ---- expressions: what settings are given, and what is checked ---- */

enum expr_kind {
    EXPR_VALUE,
    EXPR_NAME,    /* a `let`, or a setting of all hosts */
    EXPR_FIELD,   /* NAME.FIELD of an end, a host or a link */
    EXPR_END,     /* NAME alone: the end's state */
    EXPR_SEGMENT, /* FIELD of SELECTOR */
    EXPR_COUNT,   /* count of SELECTOR */
    EXPR_STATES,  /* count of STATE on HOST: how many connections are in it now */
    EXPR_EDGE,    /* count of STATE -> STATE: how often it was taken */
    EXPR_NOT,
    EXPR_MINUS,
    EXPR_BINARY,
    EXPR_GOES,   /* END goes STATE ... : its last states, to the end */
    EXPR_PASSES, /* END passes STATE ... : somewhere, in a row */
    EXPR_HAS,    /* SELECTOR has FIELD EXPR, ... */
    EXPR_LEFT,   /* nothing is left [on HOST] */
    EXPR_EDGES,  /* every edge was taken */
};

enum op {
    OP_ADD,
    OP_SUBTRACT,
    OP_TIMES,
    OP_DIVIDE,
    OP_POWER,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_OR,
};

enum segment_field { FIELD_SEQ, FIELD_ACK, FIELD_LEN, FIELD_TIME, FIELD_COUNT };

/* What a name behind a dot means. */
enum field_of { OF_APP, OF_RECORD, OF_STATUS, OF_HOST, OF_STATE, OF_RULE, OF_SETTING, OF_WIRE };
struct field {
    enum field_of of;
    enum value_kind kind;
    unsigned id; /* of its table; OF_STATE: enum la_state; OF_RULE: la_rule_name */
};

struct has {
    struct has *next;
    enum segment_field field;
    struct expr *want;
};

struct expr {
    enum expr_kind kind;
    enum op op;
    unsigned height; /* of the operators below it */
    struct place place;
    const char *source; /* its words, on one line */
    struct expr *a, *b;
    struct value v;
    const char *name;
    int host; /* EXPR_FIELD, EXPR_STATES, EXPR_EDGE, EXPR_LEFT: or -1 */
    int link; /* EXPR_FIELD of a link: or -1 */
    struct field field;
    enum segment_field segment;
    struct selector *selector;
    struct has *has;
    enum la_state *states;
    unsigned nstates;
};

/* ---- what programs do ---- */

enum step_kind {
    STEP_LISTEN,
    STEP_STOP_LISTENING,
    STEP_ACCEPT,
    STEP_EACH, /* for each connection { body } */
    STEP_CONNECT,
    STEP_SEND,
    STEP_READ,
    STEP_EXPECT_TEXT,
    STEP_EXPECT_END,
    STEP_EXPECT_ERROR,
    STEP_SHUTDOWN,
    STEP_STOP_READING,
    STEP_CLOSE,
    STEP_ABORT,
    STEP_FORGET,
    STEP_SET,
    STEP_WAIT,
    STEP_WAIT_UNTIL,
    STEP_AT,
    STEP_CHECK,
    STEP_REPEAT,
    /* of the network */
    STEP_CRASH,
    STEP_RESTART,
    STEP_RELEASE,
    STEP_INJECT,
    STEP_CUT,
    STEP_MEND,
};

struct inject {
    uint8_t flags;
    struct expr *from_port, *to_port, *seq, *ack, *window, *len;
    struct value data; /* VALUE_TEXT or VALUE_NONE */
};

struct step {
    struct step *next;
    enum step_kind kind;
    struct place place;
    const char *source; /* the statement, on one line */
    struct expr *a, *b; /* the port, the bytes, the time ... */
    const char *name;   /* `as NAME`, `close NAME`, `release NAME` */
    int host, to;       /* or -1 */
    int link;           /* connect: the one between the two; cut, mend; or -1 */
    bool all, no_wait;  /* read all; connect ... without waiting */
    struct value text;
    enum la_err error;
    struct step *body;
    struct setting *setting;
    struct inject *inject;
};

struct program {
    struct program *next;
    const char *name;
    struct place place;
    int host; /* -1: the network */
    bool after_restart;
    bool check_only;            /* a `check` block: runs when everything is over */
    struct expr *times, *every; /* copies, and how far apart they start; NULL: one */
    struct expr *at, *when;     /* when it starts; NULL: at once */
    struct step *steps;
};

/* ---- settings ---- */

#define SETTING_NO_DEFAULT INT64_MIN

enum setting_scope { SCOPE_RUN, SCOPE_HOST, SCOPE_CONN, SCOPE_LINK };

/* One row of the table of settings (settings.c). */
struct setting_row {
    const char *name;
    enum setting_scope scope;
    enum value_kind kind;
    bool off; /* takes `off` as well */
    unsigned id;
    int64_t lo, hi; /* of its value, inclusive */
    int64_t def;    /* SETTING_NO_DEFAULT: none, or what its sentence says */
    const char *about;
};

struct setting {
    struct setting *next;
    struct place place;
    const struct setting_row *row; /* NULL: a `let` */
    const char *let;
    int host; /* SCOPE_HOST, SCOPE_CONN: -1 all; SCOPE_LINK: the direction from it, -1 both */
    int link; /* SCOPE_LINK: -1 all */
    struct expr *value;
};

/* ---- what the network does to segments ---- */

enum rule_action { RULE_DROP, RULE_DELAY, RULE_HOLD, RULE_DUPLICATE, RULE_COPY };

struct wire_rule {
    struct wire_rule *next;
    enum rule_action action;
    struct place place;
    const char *source;
    struct selector *selector;
    struct expr *by;  /* delay, duplicate: how much later; NULL: at once */
    const char *name; /* hold, copy: for `release NAME`; NULL */
};

/* ---- the whole ---- */

/* What stands at the top level, or in a variant. */
struct body {
    struct setting *settings, **settings_tail;
    struct wire_rule *rules, **rules_tail;
    struct program *programs, **programs_tail;
};

struct variant {
    const char *name;
    unsigned first_line, last_line;
    struct setting *loop; /* the loop's name and its value, or NULL */
    struct body *body;
};

struct host_def {
    const char *name;
};

struct link_def {
    const char *name;
    int a, b;
};

struct lab_scenario {
    struct arena arena;
    const char *name, *title, *about, *text;
    size_t text_n;
    struct host_def host[LAB_HOSTS];
    unsigned nhosts;
    struct link_def link[LAB_LINKS];
    unsigned nlinks;
    struct body base;
    struct variant variant[LAB_VARIANTS];
    unsigned nvariants;
    const char **end_name; /* every name that an end may have */
    unsigned nend_names, end_room;
};

/* The link between two hosts, or -1. */
int lab_link_between(const struct lab_scenario *s, int a, int b);
/* By name; -1 if there is none. */
int lab_host_named(const struct lab_scenario *s, const char *name);
int lab_link_named(const struct lab_scenario *s, const char *name);

/* ---- words (words.c) ---- */

/* STATE, ERROR, CAUSE or SIDE by its name: "FIN-WAIT-1", "ECONNRESET", "UNREAD_DATA", "us", and
 * on, off, none.  False if it is none of them. */
bool word_value(const char *word, struct value *out);
/* The value as the language writes it.  Returns buf. */
char *value_text(const struct value *v, char *buf, size_t n);
const char *value_kind_name(enum value_kind k); /* "a time like 10ms" */
const char *error_word(int err);                /* "ECONNRESET", "none" */

/* A name behind a dot: false if it is none. */
bool field_named(const char *name, struct field *out);
const char *field_name(const struct field *f);
/* The rows of ends, hosts and wires. */
struct field_row {
    const char *name;
    enum field_of of;
    unsigned id;
    enum value_kind kind;
    const char *about;
};
extern const struct field_row field_rows[];

/* The closest of the words to `word`, if it is close enough to be what was meant: give it each
 * candidate in turn. */
struct guess {
    const char *word, *best;
    unsigned distance;
};
void guess_init(struct guess *g, const char *word);
void guess_try(struct guess *g, const char *candidate);
void words_guess(struct guess *g);
void fields_guess(struct guess *g);

/* ---- settings (settings.c) ---- */

extern const struct setting_row setting_rows[]; /* ends with name NULL */
const struct setting_row *setting_named(const char *name);
void setting_guess(struct guess *g);

#endif
