/* options.c: command lines by tables.  The same tables make --help, so that no option is without
 * its line; a mistake is one line that says what is wrong and what to type. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(const char *command, const char *fmt, va_list ap)
{
    char text[600];

    vsnprintf(text, sizeof text, fmt, ap);
    if (command)
        fprintf(stderr, "lastack %s: %s\n", command, text);
    else
        fprintf(stderr, "lastack: %s\n", text);
}

int cli_wrong(const char *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tell(command, fmt, ap);
    va_end(ap);
    return CLI_WRONG_USE;
}

int cli_failed(const char *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tell(command, fmt, ap);
    va_end(ap);
    return CLI_FAILED;
}

/* ---- values ---- */

int cli_duration(const char *text, la_ns *out)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9},    {"sec", 1e9},
                 {"", 1e9},   {"m", 6e10}, {"min", 6e10}, {"h", 3.6e12}};
    char *end;
    double v;

    if (text[0] < '0' || text[0] > '9')
        return LA_EINVAL;
    v = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        v *= units[i].ns;
        if (!(v < 1e18)) /* 31 years */
            return LA_EINVAL;
        *out = (la_ns)(v + 0.5);
        return LA_OK;
    }
    return LA_EINVAL;
}

static int read_uint(const char *text, uint32_t lo, uint32_t hi, uint32_t *out)
{
    uint64_t v = 0;

    if (!text[0])
        return LA_EINVAL;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return LA_EINVAL;
        v = v * 10 + (uint64_t)(*p - '0');
        if (v > hi)
            return LA_EINVAL;
    }
    if (v < lo)
        return LA_EINVAL;
    *out = (uint32_t)v;
    return LA_OK;
}

int cli_seed(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 ? LA_OK : LA_EINVAL;
}

int cli_port(const char *text, uint16_t *out)
{
    uint32_t v;

    if (read_uint(text, 1, 65535, &v) < 0)
        return LA_EINVAL;
    *out = (uint16_t)v;
    return LA_OK;
}

/* ---- help ---- */

static void help_table(const struct opt *t)
{
    for (; t->name; t++) {
        char left[64], letter[8] = "    ";

        if (t->letter)
            snprintf(letter, sizeof letter, "-%c, ", t->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, t->name, t->value ? " " : "",
                 t->value ? t->value : "");
        printf("%-28s %s\n", left, t->help);
    }
}

static void help(const struct cli_usage *u, const struct opt *const tables[OPT_TABLES])
{
    printf("Usage: lastack %s %s\n\n%s\n\nOptions:\n", u->command, u->synopsis, u->about);
    for (int i = 0; i < OPT_TABLES && tables[i]; i++)
        help_table(tables[i]);
    printf("  -h, --help                 this text\n\nExamples:\n%s", u->examples);
}

/* ---- parsing ---- */

static const struct opt *by_letter(const struct opt *const tables[OPT_TABLES], char c)
{
    for (int i = 0; i < OPT_TABLES && tables[i]; i++)
        for (const struct opt *t = tables[i]; t->name; t++)
            if (t->letter == c)
                return t;
    return NULL;
}

static const struct opt *by_name(const struct opt *const tables[OPT_TABLES], const char *name,
                                 size_t n)
{
    for (int i = 0; i < OPT_TABLES && tables[i]; i++)
        for (const struct opt *t = tables[i]; t->name; t++)
            if (strlen(t->name) == n && memcmp(t->name, name, n) == 0)
                return t;
    return NULL;
}

/* The first option that begins as the mistaken one does, for "did you mean". */
static const char *similar(const struct opt *const tables[OPT_TABLES], const char *name, size_t n)
{
    for (size_t same = n; same >= 2; same--)
        for (int i = 0; i < OPT_TABLES && tables[i]; i++)
            for (const struct opt *t = tables[i]; t->name; t++)
                if (strncmp(t->name, name, same) == 0)
                    return t->name;
    return NULL;
}

/* "10ms", "2m": as it would be typed. */
static char *typed_ms(uint32_t ms, char *buf)
{
    if (ms && ms % 3600000 == 0)
        snprintf(buf, 16, "%uh", (unsigned)ms / 3600000);
    else if (ms && ms % 60000 == 0)
        snprintf(buf, 16, "%um", (unsigned)ms / 60000);
    else
        snprintf(buf, 16, "%ums", (unsigned)ms);
    return buf;
}

static int store_duration(const struct cli_usage *u, const struct opt *o, const char *value)
{
    char lo[16], hi[16];
    la_ns v;
    int rc = cli_duration(value, &v);

    if (rc == LA_OK && (!o->hi || (v >= LA_MSEC((la_ns)o->lo) && v <= LA_MSEC((la_ns)o->hi)))) {
        *(la_ns *)o->to = v;
        return 0;
    }
    if (!o->hi)
        return cli_wrong(u->command, "--%s takes a time like 30s, 500ms or 2m, not '%s'", o->name,
                         value);
    return cli_wrong(u->command, "--%s takes a time from %s to %s, like 30s, not '%s'", o->name,
                     typed_ms(o->lo, lo), typed_ms(o->hi, hi), value);
}

static int store(const struct cli_usage *u, const struct opt *o, const char *value)
{
    struct opt_list *list;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)o->to = true;
        return 0;
    case OPT_TEXT:
        *(const char **)o->to = value;
        return 0;
    case OPT_LIST:
        list = o->to;
        if (list->n == sizeof list->v / sizeof list->v[0])
            return cli_wrong(u->command, "--%s may be given %zu times at most", o->name,
                             sizeof list->v / sizeof list->v[0]);
        list->v[list->n++] = value;
        return 0;
    case OPT_UINT:
        if (read_uint(value, o->lo, o->hi, o->to) == LA_OK)
            return 0;
        return cli_wrong(u->command, "--%s takes a number from %u to %u, not '%s'", o->name,
                         (unsigned)o->lo, (unsigned)o->hi, value);
    case OPT_DURATION:
        return store_duration(u, o, value);
    }
    return 0;
}

/* One word that begins with "--"; *at moves on when its value is the next word. */
static int parse_long(const struct cli_usage *u, const struct opt *const tables[OPT_TABLES],
                      int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct opt *o = by_name(tables, name, n);
    const char *near;

    if (!o && (near = similar(tables, name, n)))
        return cli_wrong(u->command, "no option --%.*s; did you mean --%s?", (int)n, name, near);
    if (!o)
        return cli_wrong(u->command, "no option --%.*s: type lastack %s --help", (int)n, name,
                         u->command);
    if (o->kind == OPT_FLAG && equals)
        return cli_wrong(u->command, "--%s takes no value: type --%s alone", o->name, o->name);
    if (o->kind == OPT_FLAG)
        return store(u, o, NULL);
    if (equals)
        return store(u, o, equals + 1);
    if (*at + 1 >= argc)
        return cli_wrong(u->command, "--%s needs its value: type --%s %s", o->name, o->name,
                         o->value);
    return store(u, o, argv[++*at]);
}

/* One word of letters, "-lv" or "-w5s". */
static int parse_letters(const struct cli_usage *u, const struct opt *const tables[OPT_TABLES],
                         int argc, char **argv, int *at)
{
    for (const char *p = argv[*at] + 1; *p; p++) {
        const struct opt *o = by_letter(tables, *p);
        int rc;

        if (!o)
            return cli_wrong(u->command, "no option -%c: type lastack %s --help", *p, u->command);
        if (o->kind == OPT_FLAG) {
            if ((rc = store(u, o, NULL)))
                return rc;
            continue;
        }
        if (p[1])
            return store(u, o, p + 1);
        if (*at + 1 >= argc)
            return cli_wrong(u->command, "-%c needs its value: type -%c %s", *p, *p, o->value);
        return store(u, o, argv[++*at]);
    }
    return 0;
}

int opts_parse(const struct cli_usage *u, const struct opt *const tables[OPT_TABLES], int argc,
               char **argv)
{
    int operands = 0;
    bool only_operands = false;

    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        int rc = 0;

        if (only_operands || word[0] != '-' || !word[1]) {
            argv[++operands] = word;
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            help(u, tables);
            return -1 - CLI_OK;
        } else if (word[1] == '-') {
            rc = parse_long(u, tables, argc, argv, &i);
        } else {
            rc = parse_letters(u, tables, argc, argv, &i);
        }
        if (rc)
            return -1 - rc;
    }
    return operands;
}

/* ---- files ---- */

char *cli_read_file(const char *path, size_t most, size_t *n)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;
    bool ok = f != NULL;

    *n = 0;
    while (ok && !feof(f) && *n <= most) {
        if (room - *n < 2) {
            char *more = realloc(text, room = room ? 2 * room : 16384);
            if (!(ok = more != NULL))
                break;
            text = more;
        }
        size_t want = room - *n - 1, left = most + 1 - *n;
        *n += fread(text + *n, 1, want < left ? want : left, f);
        ok = !ferror(f);
    }
    if (f && f != stdin) {
        int e = errno;
        fclose(f);
        errno = e;
    }
    if (!ok || !text) {
        free(text);
        return NULL;
    }
    text[*n] = '\0';
    return text;
}

/* ---- small texts ---- */

char *cli_duration_text(la_ns d, char *buf)
{
    unsigned long long ms = d / 1000000U, s = ms / 1000;

    if (d == LA_NEVER)
        snprintf(buf, 32, "-");
    else if (ms < 1000)
        snprintf(buf, 32, "%llu ms", ms);
    else if (s < 100)
        snprintf(buf, 32, "%llu.%llu s", s, ms % 1000 / 100);
    else if (s < 6000)
        snprintf(buf, 32, "%llu min %llu s", s / 60, s % 60);
    else
        snprintf(buf, 32, "%llu h %llu min", s / 3600, s % 3600 / 60);
    return buf;
}

const char *cli_side(uint8_t side)
{
    switch ((enum la_side)side) {
    case LA_SIDE_NONE:
        return "-";
    case LA_SIDE_LOCAL:
        return "us";
    case LA_SIDE_PEER:
        return "the peer";
    case LA_SIDE_BOTH:
        return "both";
    }
    return "-";
}
