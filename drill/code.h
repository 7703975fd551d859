/* code.h: the %{ blocks }% of scripts: assertions about struct tcp_info.
 *
 * packetdrill hands them to Python.  What scripts write there is small: assert, print, assignments,
 * arithmetic and comparisons; so it is evaluated here, in virtual time, without an interpreter that
 * a script could make do anything at all.  Semantics are Python's: chained comparisons, / of
 * integers gives a fraction, and // goes down. */
#ifndef LA_DRILL_CODE_H
#define LA_DRILL_CODE_H

#include "drill/script.h"

struct code_kept;

struct code_host {
    /* The value of a name that is no variable of the block; false if there is none. */
    bool (*lookup)(void *ctx, const char *name, int64_t *value);
    void (*print)(void *ctx, const char *line); /* or NULL */
    bool dry; /* values are made up: what only they could make wrong is not */
    struct code_kept
        *kept; /* variables of earlier blocks, and of this one for later ones; or NULL */
    void *ctx;
};

enum code_end { CODE_HELD, CODE_FAILED, CODE_WRONG };

/* Runs a block that begins at `at`.  CODE_FAILED: an assertion did not hold, *why (300 bytes) says
 * which and what its names were; CODE_WRONG: it cannot be understood.  *where is the place. */
enum code_end code_run(const char *text, struct place at, const struct code_host *host,
                       struct place *where, char *why);

/* ---- for code.y and code.l ---- */

enum value_kind { VALUE_INT, VALUE_REAL, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t i;
    double r;
    const char *text; /* lives as long as the run */
};

#define CODE_VARIABLES 32
#define CODE_TEXT 1024 /* of one string or name */

struct code_variable {
    const char *name;
    struct value value;
};

/* What goes on from block to block, as in one program of Python. */
struct code_kept {
    struct code_variable variable[CODE_VARIABLES];
    unsigned nvariables;
    struct memo *memory;
};

void code_forget(struct code_kept *k);

struct code {
    const struct code_host *host;
    const char *text;
    struct place begin, here, statement;
    enum code_end end;
    struct place *where;
    char *why;
    bool printing;
    unsigned depth; /* of parentheses: a newline within them ends nothing */
    struct code_kept kept;
    char seen[200]; /* the names of this statement and their values */
};

void code_advance(struct code *c, struct place *at, const char *text, size_t n);
void code_wrong(struct code *c, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *code_keep(struct code *c, const char *text, size_t n);
struct value code_integer(struct code *c, struct place at, const char *text);
struct value code_name(struct code *c, struct place at, const char *name);
struct value code_unary(struct code *c, struct place at, int op, struct value a);
struct value code_binary(struct code *c, struct place at, int op, struct value a, struct value b);
/* op: = ! < > l g, the last two for "or equal". */
bool code_compare(int op, struct value a, struct value b);
struct value code_call(struct code *c, struct place at, const char *name, const struct value *args,
                       unsigned n);
struct value code_tuple(struct code *c, struct place at, const struct value *args, unsigned n);
bool code_true(struct value v);
void code_assign(struct code *c, struct place at, const char *name, struct value v);
void code_assert(struct code *c, struct place at, struct value v, const struct value *message);
void code_print(struct code *c, const struct value *args, unsigned n);

/* The grammar; false if it refused. */
bool code_parse_text(struct code *c, size_t n);

#endif
