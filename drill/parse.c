/* parse.c: reading a script: its memory, its mistakes, its words. */
#include "drill/parse.h"
#include "drill/symbols.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

struct chunk {
    struct chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

_Noreturn void p_scanner_died(const char *why)
{
    fprintf(stderr, "drill: %s\n", why);
    abort();
}

void *p_must_alloc(size_t n)
{
    void *p = calloc(1, n);

    if (!p)
        abort();
    return p;
}

void *script_alloc(struct script *s, size_t n)
{
    const size_t align = sizeof(max_align_t);
    struct chunk *c = s->memory;
    void *p;

    n = (n + align - 1) / align * align;
    if (!c || c->size - c->used < n) {
        size_t size = n > 16384 ? n : 16384;
        c = p_must_alloc(sizeof *c + size);
        *c = (struct chunk){s->memory, 0, size};
        s->memory = c;
    }
    p = (char *)c->bytes + c->used;
    c->used += n;
    return p;
}

const char *script_text(struct script *s, const char *p, size_t n)
{
    char *copy = script_alloc(s, n + 1);

    if (n)
        memcpy(copy, p, n);
    return copy;
}

void script_free(struct script *s)
{
    struct chunk *next;

    if (!s)
        return;
    for (struct chunk *c = s->memory; c; c = next) {
        next = c->next;
        free(c);
    }
    free(s);
}

const char *script_line(const struct script *s, uint32_t line, uint32_t *n)
{
    const char *p = s->source, *end = s->source + s->len, *stop;

    for (uint32_t i = 1; i < line && p < end; i++) {
        stop = memchr(p, '\n', (size_t)(end - p));
        p = stop ? stop + 1 : end;
    }
    stop = memchr(p, '\n', (size_t)(end - p));
    *n = (uint32_t)((stop ? stop : end) - p);
    while (*n && p[*n - 1] == '\r')
        --*n;
    return p;
}

/* ---- mistakes ---- */

void p_fail(struct parse *p, struct place at, const char *fmt, ...)
{
    char why[400];
    va_list ap;

    if (p->failed)
        return;
    p->failed = true;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    for (char *c = why; *c; c++) /* whatever a script brought, the message is one line */
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    snprintf(p->err->text, sizeof p->err->text, "%.500s:%u:%u: %s", p->script->name, at.line,
             at.col, why);
}

void p_unexpected(struct parse *p, const struct region *at, bool at_end, const char *const *names,
                  int n)
{
    char list[200] = "";
    char found[40];
    size_t used = 0;
    uint32_t len;
    const char *line = script_line(p->script, at->from.line, &len);
    uint32_t from = at->from.col - 1;
    uint32_t to = at->to.line == at->from.line ? at->to.col - 1 : len;

    to = to > len ? len : to;
    from = from > to ? to : from;
    snprintf(found, sizeof found, "'%.*s'", (int)(to - from > 30 ? 30 : to - from), line + from);
    for (int i = 0; i < n && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? " or " : "", names[i]);
    p_fail(p, at->from, "unexpected %s%s%s%s", at_end ? "end of the script" : found,
           n ? " where " : "", list, n ? n > 1 ? " may stand" : " must stand" : "");
}

/* ---- words ---- */

void p_advance(struct parse *p, struct region *at, const char *text, size_t n)
{
    at->from = p->here;
    for (size_t i = 0; i < n; i++) {
        p->here.col++;
        if (text[i] == '\n')
            p->here = (struct place){p->here.line + 1, 1};
    }
    at->to = p->here;
}

const char *p_text(struct parse *p, const char *text, size_t n)
{
    return script_text(p->script, text, n);
}

struct expr *p_string(struct parse *p, struct place at, const char *text, size_t n)
{
    static const char letters[] = "nrt0\\\"'", means[] = "\n\r\t\0\\\"'";
    struct expr *e = p_expr(p, at, EXPR_STRING);
    char *out = script_alloc(p->script, n + 1);

    e->text = out;
    for (size_t i = 0; i < n; i++) {
        const char *known = text[i] == '\\' && text[i + 1] ? strchr(letters, text[i + 1]) : NULL;

        if (text[i] != '\\') {
            out[e->len++] = text[i];
        } else if (known) {
            out[e->len++] = means[known - letters];
            i++;
        } else if (text[i + 1] == 'x' && i + 3 < n && isxdigit((unsigned char)text[i + 2]) &&
                   isxdigit((unsigned char)text[i + 3])) {
            const char hex[3] = {text[i + 2], text[i + 3], 0};
            out[e->len++] = (char)strtol(hex, NULL, 16);
            i += 3;
        } else {
            p_fail(p, (struct place){at.line, at.col + 1 + (uint32_t)i},
                   "unknown escape '\\%c' in a string", text[i + 1]);
            return NULL;
        }
    }
    return e;
}

bool p_number(struct parse *p, struct num *out, struct place at, const char *digits, int base)
{
    bool minus = *digits == '-';
    int64_t v = 0;

    for (const char *c = digits + minus; *c; c++) {
        int d = *c <= '9' ? *c - '0' : (*c | 32) - 'a' + 10;
        if (v > (INT64_MAX - d) / base) {
            p_fail(p, at, "the number %.40s is too large", digits);
            return false;
        }
        v = v * base + d;
    }
    out->v = minus ? -v : v;
    out->text = p_text(p, digits, strlen(digits));
    return true;
}

la_ns p_seconds(struct parse *p, struct place at, const char *text)
{
    uint64_t whole = 0, frac = 0, unit = LA_SEC(1);
    const char *c = text;

    if (*c == '-')
        p_fail(p, at, "a time cannot be negative");
    for (c += *c == '-'; *c >= '0' && *c <= '9'; c++) {
        whole = whole * 10 + (uint64_t)(*c - '0');
        if (whole > 1000000000) {
            p_fail(p, at, "the time %.40s is too large", text);
            return 0;
        }
    }
    for (c += *c == '.'; *c; c++) {
        unit /= 10;
        frac += unit * (uint64_t)(*c - '0');
    }
    return LA_SEC(whole) + frac;
}

const char *p_join(struct parse *p, const char *a, const char *b, const char *c)
{
    char text[64];

    snprintf(text, sizeof text, "%.20s%.20s%.20s", a, b, c);
    return p_text(p, text, strlen(text));
}

static uint32_t bounded(struct parse *p, struct place at, int64_t v, uint32_t max, const char *what)
{
    if (v < 0 || v > max) {
        p_fail(p, at, "%lld is no %s: 0 to %u", (long long)v, what, max);
        return 0;
    }
    return (uint32_t)v;
}

uint32_t p_u32(struct parse *p, struct place at, int64_t v)
{
    return bounded(p, at, v, UINT32_MAX, "number of 32 bits");
}

uint16_t p_u16(struct parse *p, struct place at, int64_t v, const char *what)
{
    return (uint16_t)bounded(p, at, v, UINT16_MAX, what);
}

uint8_t p_u8(struct parse *p, struct place at, int64_t v, const char *what)
{
    return (uint8_t)bounded(p, at, v, UINT8_MAX, what);
}

/* ---- the whole ---- */

/* Commands and blocks are C strings: behind a NUL they would be passed over. */
static void check_nul(struct parse *p, const char *text, size_t n)
{
    const char *nul = n ? memchr(text, 0, n) : NULL;
    struct region before;

    if (!nul)
        return;
    p_advance(p, &before, text, (size_t)(nul - text));
    p_fail(p, before.to, "a NUL is no part of the language");
}

int script_read(const char *name, const char *text, size_t n, const struct script_outside *outside,
                struct script **out, struct drill_error *err)
{
    static const struct script_outside none;
    struct script *s = p_must_alloc(sizeof *s);
    struct parse p = {
        .script = s, .outside = outside ? outside : &none, .err = err, .here = {1, 1}};

    s->name = script_text(s, name, strlen(name));
    if (n > SCRIPT_MAX) {
        p_fail(&p, p.here, "a script may have %u bytes, and this one has more", SCRIPT_MAX);
        n = 0;
    }
    s->source = script_text(s, text, n);
    s->len = (uint32_t)n;
    check_nul(&p, s->source, n);
    if (!p.failed && !p_run(&p, s->source, n))
        p_fail(&p, p.here, "the script cannot be read");
    if (!p.failed)
        check_calls(&p);
    if (!p.failed)
        check_bursts(&p);
    if (!p.failed)
        check_commands(&p);
    if (!p.failed)
        check_code(&p);
    if (p.failed) {
        script_free(s);
        return -1;
    }
    *out = s;
    return 0;
}
