/* words.c: the words of the language that stand for values and fields, memory for a scenario, and
 * guessing which word was meant. */
#include "lab/scenario/names.h"
#include "lab/scenario/scenario.h"
#include "sim/private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the arena ---- */

#define CHUNK 16384U

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t data[];
};

void *arena_take(struct arena *a, size_t n)
{
    size_t need = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (need > a->left) {
        size_t room = need > CHUNK ? need : CHUNK;
        struct arena_chunk *c = sim_need(sizeof *c + room);
        c->next = a->chunks;
        a->chunks = c;
        a->at = (char *)c->data;
        a->left = room;
    }
    void *p = a->at;
    a->at += need;
    a->left -= need;
    return p;
}

char *arena_text(struct arena *a, const char *p, size_t n)
{
    char *t = arena_take(a, n + 1);
    if (n)
        memcpy(t, p, n);
    return t;
}

char *arena_format(struct arena *a, const char *fmt, ...)
{
    char buf[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    return arena_text(a, buf, strlen(buf));
}

void arena_free(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
    *a = (struct arena){0};
}

/* ---- words for values ---- */

const struct value no_value;

static const struct {
    const char *word;
    int err;
} errors[] = {
    {"none", LA_OK},
    {"EINVAL", LA_EINVAL},
    {"ENOMEM", LA_ENOMEM},
    {"EAGAIN", LA_EAGAIN},
    {"EBADF", LA_EBADF},
    {"ENOTCONN", LA_ENOTCONN},
    {"EISCONN", LA_EISCONN},
    {"EPIPE", LA_EPIPE},
    {"ECONNRESET", LA_ECONNRESET},
    {"ECONNREFUSED", LA_ECONNREFUSED},
    {"ECONNABORTED", LA_ECONNABORTED},
    {"ETIMEDOUT", LA_ETIMEDOUT},
    {"EHOSTUNREACH", LA_EHOSTUNREACH},
    {"ENETUNREACH", LA_ENETUNREACH},
    {"EADDRINUSE", LA_EADDRINUSE},
    {"EADDRNOTAVAIL", LA_EADDRNOTAVAIL},
    {"EOPNOTSUPP", LA_EOPNOTSUPP},
    {"EMSGSIZE", LA_EMSGSIZE},
    {"EPROTO", LA_EPROTO},
};
#define ERRORS (sizeof errors / sizeof errors[0])

static const struct {
    const char *word;
    struct value v;
} plain[] = {
    {"none", {.kind = VALUE_NONE}},
    {"on", {.kind = VALUE_BOOL, .n = 1}},
    {"yes", {.kind = VALUE_BOOL, .n = 1}},
    {"true", {.kind = VALUE_BOOL, .n = 1}},
    {"off", {.kind = VALUE_BOOL}},
    {"no", {.kind = VALUE_BOOL}},
    {"false", {.kind = VALUE_BOOL}},
    {"nobody", {.kind = VALUE_SIDE, .n = LA_SIDE_NONE}},
    {"us", {.kind = VALUE_SIDE, .n = LA_SIDE_LOCAL}},
    {"peer", {.kind = VALUE_SIDE, .n = LA_SIDE_PEER}},
    {"both", {.kind = VALUE_SIDE, .n = LA_SIDE_BOTH}},
};
#define PLAIN (sizeof plain / sizeof plain[0])

const char *error_word(int err)
{
    for (size_t i = 0; i < ERRORS; i++) {
        if (errors[i].err == err)
            return errors[i].word;
    }
    return "EUNKNOWN";
}

bool word_value(const char *word, struct value *out)
{
    *out = no_value;
    for (size_t i = 0; i < PLAIN; i++) {
        if (strcmp(word, plain[i].word) == 0) {
            *out = plain[i].v;
            return true;
        }
    }
    for (unsigned i = 0; i < LA_STATES; i++) {
        if (strcmp(word, la_state_name((enum la_state)i)) == 0) {
            *out = (struct value){.kind = VALUE_STATE, .n = i};
            return true;
        }
    }
    for (size_t i = 0; i < ERRORS; i++) {
        if (strcmp(word, errors[i].word) == 0) {
            *out = (struct value){.kind = VALUE_ERROR, .n = errors[i].err};
            return true;
        }
    }
    for (unsigned i = 1; i < LA_CAUSE_COUNT; i++) {
        if (strcmp(word, la_cause_name((enum la_cause)i)) == 0) {
            *out = (struct value){.kind = VALUE_CAUSE, .n = i};
            return true;
        }
    }
    return false;
}

void words_guess(struct guess *g)
{
    for (size_t i = 0; i < PLAIN; i++)
        guess_try(g, plain[i].word);
    for (unsigned i = 0; i < LA_STATES; i++)
        guess_try(g, la_state_name((enum la_state)i));
    for (size_t i = 0; i < ERRORS; i++)
        guess_try(g, errors[i].word);
    for (unsigned i = 1; i < LA_CAUSE_COUNT; i++)
        guess_try(g, la_cause_name((enum la_cause)i));
}

/* "60s", "1.5ms": the largest unit that needs no more than what is there. */
static void time_text(int64_t ns, char *buf, size_t n)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    uint64_t v = ns < 0 ? 0U - (uint64_t)ns : (uint64_t)ns;
    const char *sign = ns < 0 ? "-" : "";
    size_t u = 0;
    while (u < 3 && v < units[u].ns)
        u++;
    uint64_t whole = v / units[u].ns, rest = v % units[u].ns;
    if (v == 0) {
        snprintf(buf, n, "0s");
    } else if (rest == 0) {
        snprintf(buf, n, "%s%" PRIu64 "%s", sign, whole, units[u].unit);
    } else {
        char digits[24];
        int places = units[u].ns == 1000000000 ? 9 : units[u].ns == 1000000 ? 6 : 3;
        snprintf(digits, sizeof digits, "%0*" PRIu64, places, rest);
        for (size_t k = strlen(digits); k > 1 && digits[k - 1] == '0'; k--)
            digits[k - 1] = '\0';
        snprintf(buf, n, "%s%" PRIu64 ".%s%s", sign, whole, digits, units[u].unit);
    }
}

static void quoted_text(const struct value *v, char *buf, size_t n)
{
    size_t at = 0;
    buf[at++] = '"';
    for (size_t i = 0; i < v->len && at + 8 < n; i++) {
        unsigned char c = (unsigned char)v->text[i];
        if (c == '"' || c == '\\')
            at += (size_t)snprintf(buf + at, n - at, "\\%c", c);
        else if (c == '\n')
            at += (size_t)snprintf(buf + at, n - at, "\\n");
        else if (c < ' ' || c == 0x7f)
            at += (size_t)snprintf(buf + at, n - at, "\\x%02x", c);
        else
            buf[at++] = (char)c;
    }
    snprintf(buf + at, n - at, "\"");
}

char *value_text(const struct value *v, char *buf, size_t n)
{
    static const char *const sides[] = {"nobody", "us", "peer", "both"};
    switch (v->kind) {
    case VALUE_NONE:
        snprintf(buf, n, "none");
        break;
    case VALUE_NUMBER:
        snprintf(buf, n, "%" PRId64, v->n);
        break;
    case VALUE_TIME:
        time_text(v->n, buf, n);
        break;
    case VALUE_SHARE:
        snprintf(buf, n, "%g%%", (double)v->n / 10000);
        break;
    case VALUE_BOOL:
        snprintf(buf, n, v->n ? "on" : "off");
        break;
    case VALUE_TEXT:
        quoted_text(v, buf, n);
        break;
    case VALUE_STATE:
        snprintf(buf, n, "%s", la_state_name((enum la_state)v->n));
        break;
    case VALUE_ERROR:
        snprintf(buf, n, "%s", error_word((int)v->n));
        break;
    case VALUE_CAUSE:
        snprintf(buf, n, "%s", v->n ? la_cause_name((enum la_cause)v->n) : "none");
        break;
    case VALUE_HASH:
        snprintf(buf, n, "%016" PRIx64, (uint64_t)v->n);
        break;
    case VALUE_SIDE:
        snprintf(buf, n, "%s", sides[v->n & 3]);
        break;
    }
    return buf;
}

const char *value_kind_name(enum value_kind k)
{
    static const char *const name[] = {"none",
                                       "a number",
                                       "a time like 10ms",
                                       "a share like 5%",
                                       "on or off",
                                       "a text in quotes",
                                       "a state like FIN-WAIT-2",
                                       "an error like ECONNRESET",
                                       "a cause like UNREAD_DATA",
                                       "a hash",
                                       "us, peer, both or nobody"};
    return name[k];
}

/* ---- words behind a dot ---- */

const struct field_row field_rows[] = {
#define ROW(of, id, kind, name, about) {name, of, id, VALUE_##kind, about},
    LAB_FIELDS(ROW)
#undef ROW
        {0}};

bool field_named(const char *name, struct field *out)
{
    struct value v;
    for (const struct field_row *r = field_rows; r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            *out = (struct field){r->of, r->kind, r->id};
            return true;
        }
    }
    if (word_value(name, &v) && v.kind == VALUE_STATE) {
        *out = (struct field){OF_STATE, VALUE_TIME, (unsigned)v.n};
        return true;
    }
    for (unsigned i = 0; i < la_rules(); i++) {
        if (strcmp(la_rule_name(i), name) == 0) {
            *out = (struct field){OF_RULE, VALUE_NUMBER, i};
            return true;
        }
    }
    return false;
}

void fields_guess(struct guess *g)
{
    for (const struct field_row *r = field_rows; r->name; r++)
        guess_try(g, r->name);
    for (unsigned i = 0; i < LA_STATES; i++)
        guess_try(g, la_state_name((enum la_state)i));
    for (unsigned i = 0; i < la_rules(); i++)
        guess_try(g, la_rule_name(i));
}

/* ---- guesses ---- */

void guess_init(struct guess *g, const char *word)
{
    *g = (struct guess){.word = word, .distance = UINT32_MAX};
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

/* How many letters must be added, taken away, changed or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    unsigned d[3][MOST + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return MOST;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *upper = d[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = up[j - 1] + (folded(a[i - 1]) != folded(b[j - 1]));
            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]) && upper[j - 2] + 1 < best)
                best = upper[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

void guess_try(struct guess *g, const char *candidate)
{
    size_t n = strlen(g->word);
    unsigned far = n <= 2 ? 1 : n <= 5 ? 2 : 3;
    unsigned d = distance(g->word, candidate);
    if (d >= strlen(candidate) || d > far || d >= g->distance)
        return;
    g->best = candidate;
    g->distance = d;
}
