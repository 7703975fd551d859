/* code.c: values of %{ blocks }%, with Python's meaning. */
#include "drill/code.h"
#include "drill/info.h"
#include "drill/parse.h"
#include "drill/symbols.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memo {
    struct memo *next;
    char text[];
};

#define WHY 300

void code_advance(struct code *c, struct place *at, const char *text, size_t n)
{
    *at = c->here;
    for (size_t i = 0; i < n; i++) {
        c->here.col++;
        if (text[i] == '\n')
            c->here = (struct place){c->here.line + 1, 1};
    }
}

/* Only the first finding counts, be it an assertion or a mistake. */
static void finding(struct code *c, enum code_end end, struct place at)
{
    c->end = end;
    *c->where = at;
}

void code_wrong(struct code *c, struct place at, const char *fmt, ...)
{
    va_list ap;

    if (c->end != CODE_HELD)
        return;
    finding(c, CODE_WRONG, at);
    va_start(ap, fmt);
    vsnprintf(c->why, WHY, fmt, ap);
    va_end(ap);
}

const char *code_keep(struct code *c, const char *text, size_t n)
{
    struct memo *m = p_must_alloc(sizeof *m + n + 1);

    memcpy(m->text, text, n);
    m->text[n] = 0;
    m->next = c->kept.memory;
    c->kept.memory = m;
    return m->text;
}

/* Wrong with these values, and maybe right with others. */
static void unlucky(struct code *c, struct place at, const char *why)
{
    if (!c->host->dry)
        code_wrong(c, at, "%s", why);
}

/* ---- values ---- */

static struct value integer(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}

static double real(struct value v)
{
    return v.kind == VALUE_REAL ? v.r : (double)v.i;
}

static void show(struct value v, char *buf, size_t n)
{
    switch (v.kind) {
    case VALUE_INT:
        snprintf(buf, n, "%lld", (long long)v.i);
        return;
    case VALUE_REAL:
        snprintf(buf, n, "%.12g", v.r);
        return;
    case VALUE_TEXT:
        snprintf(buf, n, "%s", v.text);
        return;
    }
}

bool code_true(struct value v)
{
    return v.kind == VALUE_TEXT ? v.text[0] != 0 : v.kind == VALUE_REAL ? v.r < 0 || v.r > 0 : v.i;
}

struct value code_integer(struct code *c, struct place at, const char *text)
{
    int base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
    int64_t v = 0;

    for (const char *p = text + (base == 16 ? 2 : 0); *p; p++) {
        int d = *p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10;
        if (v > (INT64_MAX - d) / base) {
            code_wrong(c, at, "the number %.40s is too large", text);
            return integer(0);
        }
        v = v * base + d;
    }
    return integer(v);
}

struct value code_name(struct code *c, struct place at, const char *name)
{
    size_t used = strlen(c->seen);
    int64_t v;

    for (unsigned i = 0; i < c->kept.nvariables; i++)
        if (strcmp(c->kept.variable[i].name, name) == 0)
            return c->kept.variable[i].value;
    if (symbol_value(name, &v))
        return integer(v);
    if (!c->host->lookup(c->host->ctx, name, &v)) {
        code_wrong(c, at, "nothing is called '%.60s' here", name);
        return integer(0);
    }
    if (!strstr(c->seen, name))
        snprintf(c->seen + used, sizeof c->seen - used, "%s%s is %lld", used ? ", " : "", name,
                 (long long)v);
    return integer(v);
}

/* Sets *out; false if it does not fit. */
static bool arith(int op, int64_t a, int64_t b, int64_t *out)
{
    switch (op) {
    case '+':
        return !__builtin_add_overflow(a, b, out);
    case '-':
        return !__builtin_sub_overflow(a, b, out);
    case '*':
        return !__builtin_mul_overflow(a, b, out);
    case '&':
        *out = a & b;
        return true;
    case '|':
        *out = a | b;
        return true;
    case '^':
        *out = a ^ b;
        return true;
    case 'l':
        if (b < 0 || b > 62 || a < 0 || a > INT64_MAX >> b)
            return false;
        *out = a << b;
        return true;
    case 'r':
        if (b < 0 || a < 0)
            return false;
        *out = b > 62 ? 0 : a >> b;
        return true;
    default:
        break;
    }
    if (a == INT64_MIN && b == -1)
        return false;
    *out = op == 'f' ? a / b : a % b; /* Python's goes down, C's toward zero */
    if (a % b && (a < 0) != (b < 0))
        *out += op == 'f' ? -1 : b;
    return true;
}

struct value code_binary(struct code *c, struct place at, int op, struct value a, struct value b)
{
    bool reals = a.kind == VALUE_REAL || b.kind == VALUE_REAL;
    int64_t v = 0;

    if (a.kind == VALUE_TEXT || b.kind == VALUE_TEXT) {
        code_wrong(c, at, "a string cannot be reckoned with");
        return integer(0);
    }
    if ((op == '/' || op == '%' || op == 'f') && !(real(b) < 0 || real(b) > 0)) {
        unlucky(c, at, "division by zero");
        return integer(0);
    }
    if (op == '/')
        return (struct value){.kind = VALUE_REAL, .r = real(a) / real(b)};
    if (reals && (op == '+' || op == '-' || op == '*'))
        return (struct value){.kind = VALUE_REAL,
                              .r = op == '+'   ? real(a) + real(b)
                                   : op == '-' ? real(a) - real(b)
                                               : real(a) * real(b)};
    if (reals)
        unlucky(c, at, "this takes whole numbers");
    else if (!arith(op, a.i, b.i, &v))
        unlucky(c, at, "the result is no number of 64 bits");
    return integer(v);
}

struct value code_unary(struct code *c, struct place at, int op, struct value a)
{
    if (op == '~' && a.kind == VALUE_INT)
        return integer(~a.i);
    if (op == '~') {
        unlucky(c, at, "~ takes a whole number");
        return integer(0);
    }
    return code_binary(c, at, op, integer(0), a);
}

bool code_compare(int op, struct value a, struct value b)
{
    int order;

    if (a.kind == VALUE_TEXT && b.kind == VALUE_TEXT)
        order = strcmp(a.text, b.text);
    else if (a.kind == VALUE_TEXT || b.kind == VALUE_TEXT)
        order = 1; /* never equal; their order is nothing to rely on */
    else if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        order = (a.i > b.i) - (a.i < b.i);
    else
        order = (real(a) > real(b)) - (real(a) < real(b));
    switch (op) {
    case '=':
        return order == 0;
    case '!':
        return order != 0;
    case '<':
        return order < 0;
    case '>':
        return order > 0;
    case 'l':
        return order <= 0;
    default:
        return order >= 0;
    }
}

struct value code_call(struct code *c, struct place at, const char *name, const struct value *args,
                       unsigned n)
{
    struct value v = args[0];
    bool max = strcmp(name, "max") == 0, text = false;

    for (unsigned i = 0; i < n; i++)
        text |= args[i].kind == VALUE_TEXT;
    if (text) {
        code_wrong(c, at, "%.40s takes numbers", name);
    } else if (strcmp(name, "abs") == 0 && n == 1) {
        if (real(v) < 0)
            return code_binary(c, at, '-', integer(0), v);
    } else if (strcmp(name, "int") == 0 && n == 1) {
        if (v.kind == VALUE_REAL && !(v.r <= 9e18 && v.r >= -9e18)) /* NaN neither */
            unlucky(c, at, "the result is no number of 64 bits");
        else if (v.kind == VALUE_REAL)
            return integer((int64_t)v.r);
    } else if (max || strcmp(name, "min") == 0) {
        for (unsigned i = 1; i < n; i++)
            if (max ? real(args[i]) > real(v) : real(args[i]) < real(v))
                v = args[i];
    } else {
        code_wrong(c, at, "no function of blocks is called '%.40s': abs, int, min, max", name);
    }
    return v;
}

struct value code_tuple(struct code *c, struct place at, const struct value *args, unsigned n)
{
    char line[CODE_TEXT] = "";
    size_t used = 0;

    if (!c->printing)
        code_wrong(c, at, "several values can only be printed, or stand behind in");
    for (unsigned i = 0; i < n && used < sizeof line - 1; i++) {
        if (i)
            line[used++] = ' ';
        show(args[i], line + used, sizeof line - used);
        used = strlen(line);
    }
    return (struct value){.kind = VALUE_TEXT, .text = code_keep(c, line, used)};
}

/* ---- statements ---- */

void code_assign(struct code *c, struct place at, const char *name, struct value v)
{
    unsigned i = 0;

    c->seen[0] = 0;
    while (i < c->kept.nvariables && strcmp(c->kept.variable[i].name, name) != 0)
        i++;
    if (i == CODE_VARIABLES) {
        code_wrong(c, at, "more than %d variables", CODE_VARIABLES);
        return;
    }
    c->kept.variable[i].name = name;
    c->kept.variable[i].value = v;
    if (i == c->kept.nvariables)
        c->kept.nvariables++;
}

/* "assert tcpi_reordering == 3: tcpi_reordering is 5 (message)". */
void code_assert(struct code *c, struct place at, struct value v, const struct value *message)
{
    char extra[100] = "", line[120];
    size_t n = 0;
    const char *p = c->text;
    struct place here = c->begin;

    if (c->end != CODE_HELD || c->host->dry || code_true(v)) {
        c->seen[0] = 0;
        return;
    }
    for (; *p && (here.line < at.line || (here.line == at.line && here.col < at.col)); p++)
        here =
            *p == '\n' ? (struct place){here.line + 1, 1} : (struct place){here.line, here.col + 1};
    while (p[n] && p[n] != '\n' && p[n] != ';' && n < sizeof line - 1)
        n++;
    while (n && p[n - 1] == ' ')
        n--;
    snprintf(line, sizeof line, "%.*s", (int)n, p);
    if (message) {
        char text[90];
        show(*message, text, sizeof text);
        snprintf(extra, sizeof extra, " (%s)", text);
    }
    finding(c, CODE_FAILED, at);
    snprintf(c->why, WHY, "%s%s%.78s%s", line, c->seen[0] ? ": " : "", c->seen, extra);
}

void code_print(struct code *c, const struct value *args, unsigned n)
{
    c->seen[0] = 0;
    if (c->end == CODE_HELD && c->host->print)
        c->host->print(c->host->ctx, code_tuple(c, c->here, args, n).text);
    c->printing = false;
}

void code_forget(struct code_kept *k)
{
    struct memo *next;

    for (struct memo *m = k->memory; m; m = next) {
        next = m->next;
        free(m);
    }
    *k = (struct code_kept){.nvariables = 0};
}

enum code_end code_run(const char *text, struct place at, const struct code_host *host,
                       struct place *where, char *why)
{
    struct code c = {
        .host = host, .text = text, .begin = at, .here = at, .where = where, .why = why};

    if (host->kept)
        c.kept = *host->kept;
    *where = at;
    why[0] = 0;
    if (!code_parse_text(&c, strlen(text)))
        code_wrong(&c, at, "this block cannot be read");
    if (host->kept)
        *host->kept = c.kept;
    else
        code_forget(&c.kept);
    return c.end;
}

/* ---- before the script runs ---- */

static bool any_name(void *ctx, const char *name, int64_t *value)
{
    (void)ctx;
    *value = 1;
    return info_known(name) || flow_known(name);
}

void check_code(struct parse *p)
{
    struct code_kept kept = {.nvariables = 0};
    const struct code_host host = {.lookup = any_name, .dry = true, .kept = &kept};
    struct place where;
    char why[WHY];

    for (const struct event *e = p->script->events; e; e = e->next)
        if (e->kind == EVENT_CODE &&
            code_run(e->text, e->text_at, &host, &where, why) == CODE_WRONG)
            p_fail(p, where, "%s", why);
    code_forget(&kept);
}
