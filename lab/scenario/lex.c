/* lex.c: a scenario's text as tokens.
 *
 * Words of capitals take dashes (FIN-WAIT-1), others do not (n-1).  A number takes its unit along,
 * with a blank between them or without.  The end of a line ends a statement unless something is
 * still missing: inside parentheses, behind an operator or a comma, before an arrow. */
#include "lab/scenario/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct lexer {
    struct arena *arena;
    const char *at, *end;
    struct place place;
    unsigned parens;
    struct token *tok;
    size_t n, room;
    struct lab_error *err;
    bool failed;
};

__attribute__((format(printf, 3, 4))) static void bad(struct lexer *l, struct place at,
                                                      const char *fmt, ...)
{
    va_list ap;
    if (l->failed)
        return;
    l->failed = true;
    l->err->line = at.line;
    l->err->column = at.column;
    va_start(ap, fmt);
    vsnprintf(l->err->text, sizeof l->err->text, fmt, ap);
    va_end(ap);
}

static char look(const struct lexer *l, size_t k)
{
    return (size_t)(l->end - l->at) > k ? l->at[k] : '\0';
}

/* Moves on; a column is a character, so the later bytes of UTF-8 do not count. */
static void move(struct lexer *l, size_t n)
{
    for (; n && l->at < l->end; n--, l->at++) {
        if (*l->at == '\n') {
            l->place.line++;
            l->place.column = 1;
        } else if (((unsigned char)l->at[0] & 0xc0) != 0x80) {
            l->place.column++;
        }
    }
}

static struct token *push(struct lexer *l, enum token_kind kind)
{
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 256;
        struct token *t = arena_take(l->arena, room * sizeof *t);
        if (l->n)
            memcpy(t, l->tok, l->n * sizeof *t);
        l->tok = t;
        l->room = room;
    }
    struct token *t = &l->tok[l->n++];
    *t = (struct token){.kind = kind, .place = l->place, .start = l->at};
    return t;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool letter(char c)
{
    return capital(c) || (c >= 'a' && c <= 'z') || c == '_';
}

/* Bytes of the word that begins k bytes from here. */
static size_t word_length(const struct lexer *l, size_t k)
{
    size_t n = k;
    bool capitals = true;
    for (;; n++) {
        char c = look(l, n);
        char then = look(l, n + 1);
        if (letter(c) || digit(c))
            capitals = capitals && (capital(c) || digit(c) || c == '_');
        else if (!(c == '-' && capitals && n > k && (capital(then) || digit(then))))
            return n - k;
    }
}

/* ---- numbers ---- */

static const struct unit {
    const char *name;
    enum value_kind kind;
    int64_t scale;
} units[] = {
    {"ns", VALUE_TIME, 1},
    {"us", VALUE_TIME, 1000},
    {"ms", VALUE_TIME, 1000000},
    {"s", VALUE_TIME, 1000000000},
    {"second", VALUE_TIME, 1000000000},
    {"seconds", VALUE_TIME, 1000000000},
    {"m", VALUE_TIME, 60000000000},
    {"min", VALUE_TIME, 60000000000},
    {"minute", VALUE_TIME, 60000000000},
    {"minutes", VALUE_TIME, 60000000000},
    {"h", VALUE_TIME, 3600000000000},
    {"hour", VALUE_TIME, 3600000000000},
    {"hours", VALUE_TIME, 3600000000000},
    {"B", VALUE_NUMBER, 1},
    {"byte", VALUE_NUMBER, 1},
    {"bytes", VALUE_NUMBER, 1},
    {"kB", VALUE_NUMBER, 1000},
    {"MB", VALUE_NUMBER, 1000000},
    {"KiB", VALUE_NUMBER, 1024},
    {"MiB", VALUE_NUMBER, 1048576},
    {"kbit", VALUE_NUMBER, 1000},
    {"Mbit", VALUE_NUMBER, 1000000},
    {"Gbit", VALUE_NUMBER, 1000000000},
};

static const struct unit *unit_here(const struct lexer *l, size_t k, size_t *n)
{
    *n = word_length(l, k);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].name) == *n && memcmp(units[i].name, l->at + k, *n) == 0)
            return &units[i];
    }
    return NULL;
}

/* The digits from here in *v, how many bytes they take; underscores may part them. */
static size_t digits(const struct lexer *l, size_t k, int64_t *v, unsigned *places, bool *large)
{
    size_t n = k;
    for (; digit(look(l, n)) || (look(l, n) == '_' && digit(look(l, n + 1))); n++) {
        if (look(l, n) == '_')
            continue;
        *large |=
            __builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, look(l, n) - '0', v);
        (*places)++;
    }
    return n - k;
}

static bool is_ordinal(const struct lexer *l, size_t k)
{
    static const char ends[][3] = {"st", "nd", "rd", "th"};
    if (word_length(l, k) != 2)
        return false;
    for (int i = 0; i < 4; i++) {
        if (memcmp(l->at + k, ends[i], 2) == 0)
            return true;
    }
    return false;
}

/* whole.fraction times scale; false if that is no whole number or too large. */
static bool scale(int64_t whole, int64_t fraction, unsigned places, int64_t by, int64_t *out)
{
    int64_t part;
    if (__builtin_mul_overflow(whole, by, out) || __builtin_mul_overflow(fraction, by, &part))
        return false;
    for (; places; places--) {
        if (part % 10)
            return false;
        part /= 10;
    }
    return !__builtin_add_overflow(*out, part, out);
}

static void number(struct lexer *l)
{
    struct token *t = push(l, TOKEN_NUMBER);
    int64_t whole = 0, fraction = 0;
    unsigned places = 0, unused = 0;
    bool large = false;
    size_t k = digits(l, 0, &whole, &unused, &large), n;
    const struct unit *u = NULL;
    enum value_kind kind = VALUE_NUMBER;
    int64_t by = 1;

    if (look(l, k) == '.' && digit(look(l, k + 1)))
        k += 1 + digits(l, k + 1, &fraction, &places, &large);
    size_t blank = k;
    while (look(l, blank) == ' ')
        blank++;
    if (!places && is_ordinal(l, k)) {
        t->kind = TOKEN_ORDINAL;
        k += 2;
    } else if (look(l, blank) == '%') {
        kind = VALUE_SHARE;
        by = 10000;
        k = blank + 1;
    } else if (letter(look(l, k)) && !unit_here(l, k, &n)) {
        bad(l, t->place,
            "'%.*s' is no number: units are us ms s m h, bytes kB MB KiB MiB, kbit Mbit Gbit, %%",
            (int)(k + n < 40 ? k + n : 40), l->at);
    } else if (letter(look(l, blank)) && (u = unit_here(l, blank, &n))) {
        kind = u->kind;
        by = u->scale;
        k = blank + n;
    }
    t->v.kind = kind;
    if (large || !scale(whole, fraction, places, by, &t->v.n))
        bad(l, t->place, "'%.*s' is too large, or has more digits than its unit can take",
            (int)(k < 40 ? k : 40), l->at);
    t->n = k;
    move(l, k);
}

/* ---- texts ---- */

static int hex(char c)
{
    if (digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character that a backslash and what follows stand for; how many bytes that takes, 0: wrong.
 */
static size_t escaped(const struct lexer *l, char *out)
{
    static const char from[] = "nrt0\"\\", to[] = "\n\r\t\0\"\\";
    char c = look(l, 1);
    const char *f = c ? strchr(from, c) : NULL;
    if (f) {
        *out = to[f - from];
        return 2;
    }
    int high = hex(look(l, 2)), low = high < 0 ? -1 : hex(look(l, 3));
    if (c != 'x' || low < 0)
        return 0;
    *out = (char)(high << 4 | low);
    return 4;
}

static void text(struct lexer *l)
{
    struct token *t = push(l, TOKEN_TEXT);
    const char *close = l->at + 1;
    while (close < l->end && *close != '"' && *close != '\n')
        close += *close == '\\' && l->end - close > 1 ? 2 : 1;
    if (close >= l->end || *close != '"') {
        bad(l, t->place, "this text does not end on its line: close it with \"");
        return;
    }
    char *out = arena_take(l->arena, (size_t)(close - l->at) + 1);
    size_t n = 0;
    move(l, 1);
    while (l->at < close && !l->failed) {
        char c = *l->at;
        size_t took = c == '\\' ? escaped(l, &c) : 1;
        if (!took) {
            bad(l, l->place, "a backslash stands before n r t 0 \" \\ or x and two hex digits");
            return;
        }
        out[n++] = c;
        move(l, took);
    }
    move(l, 1);
    t->v = (struct value){.kind = VALUE_TEXT, .text = out, .len = n};
    out[n] = '\0';
    t->n = (size_t)(l->at - t->start);
}

/* ---- the rest ---- */

static void mark(struct lexer *l)
{
    static const struct {
        char text[4];
        int mark;
    } longer[] = {{"==", MARK_EQ}, {"!=", MARK_NE},    {"<=", MARK_LE},
                  {">=", MARK_GE}, {"->", MARK_ARROW}, {"\xe2\x86\x92", MARK_ARROW}};
    size_t left = (size_t)(l->end - l->at);
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++) {
        size_t n = i == 5 ? 3 : 2;
        if (left < n || memcmp(l->at, longer[i].text, n) != 0)
            continue;
        if (longer[i].mark == MARK_ARROW && l->n && l->tok[l->n - 1].kind == TOKEN_LINE)
            l->n--; /* the line goes on */
        struct token *t = push(l, TOKEN_MARK);
        t->mark = longer[i].mark;
        t->n = n;
        move(l, n);
        return;
    }
    char c = *l->at;
    if (!strchr("{}(),.:=<>+-*/^", c) || c == '\0') {
        bool shown = c > ' ' && c < 0x7f;
        bad(l, l->place, shown ? "'%c' means nothing here" : "a character that means nothing here",
            c);
        return;
    }
    struct token *t = push(l, TOKEN_MARK);
    t->mark = (unsigned char)c;
    t->n = 1;
    l->parens += c == '(';
    l->parens -= c == ')' && l->parens;
    move(l, 1);
}

/* Does the statement need more, whatever the line's end says? */
static bool unfinished(const struct lexer *l)
{
    const struct token *last = l->n ? &l->tok[l->n - 1] : NULL;
    if (!last || last->kind == TOKEN_LINE)
        return true;
    return l->parens || (last->kind == TOKEN_MARK && last->mark != '}' && last->mark != ')');
}

static void line_end(struct lexer *l)
{
    if (!unfinished(l))
        push(l, TOKEN_LINE)->n = 1;
    move(l, 1);
}

static void word(struct lexer *l)
{
    struct token *t = push(l, TOKEN_WORD);
    t->n = word_length(l, 0);
    t->word = arena_text(l->arena, l->at, t->n);
    move(l, t->n);
}

bool lex(struct arena *a, const char *text_in, size_t n, struct token **out, size_t *count,
         struct lab_error *err)
{
    struct lexer l = {.arena = a, .at = text_in, .end = text_in + n, .place = {1, 1}, .err = err};
    if (n >= 3 && memcmp(text_in, "\xef\xbb\xbf", 3) == 0)
        l.at += 3; /* a byte order mark */
    while (l.at < l.end && !l.failed) {
        char c = *l.at;
        if (c == ' ' || c == '\t' || c == '\r') {
            move(&l, 1);
        } else if (c == '#') {
            while (l.at < l.end && *l.at != '\n')
                move(&l, 1);
        } else if (c == '\n' || c == ';') {
            line_end(&l);
        } else if (digit(c)) {
            number(&l);
        } else if (letter(c)) {
            word(&l);
        } else if (c == '"') {
            text(&l);
        } else {
            mark(&l);
        }
    }
    push(&l, TOKEN_LINE);
    push(&l, TOKEN_END);
    *out = l.tok;
    *count = l.n;
    return !l.failed;
}
