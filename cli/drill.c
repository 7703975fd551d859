/* drill.c: lastack drill: packetdrill scripts on a stack in virtual time. */
#include "cli/cli.h"
#include "drill/run.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFINES (sizeof((struct opt_list *)NULL)->v / sizeof(const char *))

struct drill {
    const char *given[9]; /* values of packetdrill's options, by row of `names` */
    struct opt_list defines;
    bool verbose, json, dry_run;

    struct script_option options[9];
    struct define define[DEFINES];
    char *defined[DEFINES]; /* the names, owned */
    struct script_outside outside;

    char **paths;
    size_t npaths;
    cJSON *out; /* with --json */
    unsigned passed, failed;
};

static const char *const names[9] = {"ip_version", "local_ip",        "remote_ip",
                                     "gateway_ip", "bind_port",       "connect_port",
                                     "mtu",        "tolerance_usecs", "profile"};

static int usage_of(struct drill *d, int argc, char **argv)
{
    const struct opt table[] = {
        {"ip_version", 0, OPT_TEXT, &d->given[0], "V", "ipv4, ipv6 or ipv4-mapped-ipv6 (ipv4)", 0,
         0},
        {"local_ip", 0, OPT_TEXT, &d->given[1], "A", "the stack's address (192.168.0.1)", 0, 0},
        {"remote_ip", 0, OPT_TEXT, &d->given[2], "A", "the script's (192.0.2.1)", 0, 0},
        {"gateway_ip", 0, OPT_TEXT, &d->given[3], "A", "read, and of no effect", 0, 0},
        {"bind_port", 0, OPT_TEXT, &d->given[4], "N", "what bind(3, ..., ...) takes (8080)", 0, 0},
        {"connect_port", 0, OPT_TEXT, &d->given[5], "N", "what connect(3, ..., ...) takes (8080)",
         0, 0},
        {"mtu", 0, OPT_TEXT, &d->given[6], "N", "largest IP packet (1500)", 0, 0},
        {"tolerance_usecs", 0, OPT_TEXT, &d->given[7], "N",
         "how far from its time a segment may be (4000)", 0, 0},
        {"profile", 0, OPT_TEXT, &d->given[8], "P",
         "habits that scripts take for granted: rfc, linux or freebsd (rfc)", 0, 0},
        {"define", 'D', OPT_LIST, &d->defines, "NAME=VALUE", "a name that scripts may use", 0, 0},
        {"dry-run", 'n', OPT_FLAG, &d->dry_run, NULL, "read the scripts, and run none", 0, 0},
        {"json", 'j', OPT_FLAG, &d->json, NULL, "an array of objects, one a script", 0, 0},
        {"verbose", 'v', OPT_FLAG, &d->verbose, NULL, "each event as it happens", 0, 0},
        {0}};
    static const struct cli_usage usage = {
        "drill", "[OPTIONS] FILE.pkt|DIRECTORY...",
        "Runs packetdrill scripts on a stack of their own, in virtual time: calls of a program,\n"
        "segments of a peer, and the segments that must come of them, each at its time.  A\n"
        "directory means every .pkt below it, and - standard input.  Options here rule over the\n"
        "--name=value lines of scripts.  Exit status 0: every script passed; 1: one failed or\n"
        "cannot be read.",
        "  lastack drill handshake.pkt\n"
        "  lastack drill -v --ip_version=ipv6 handshake.pkt\n"
        "  lastack drill --profile=linux --json scripts/\n"
        "  lastack drill --dry-run wrong.pkt          what is wrong with it, with line and "
        "column\n"};
    const struct opt *const tables[OPT_TABLES] = {table};
    return opts_parse(&usage, tables, argc, argv);
}

/* What was given on the command line, as scripts have it. */
static int outside(struct drill *d)
{
    struct script_option *last = NULL;
    const struct script_option *wrong;
    const char *takes;

    for (unsigned i = 0; i < 9; i++) {
        if (!d->given[i])
            continue;
        d->options[i] = (struct script_option){names[i], d->given[i], {1, 1}, NULL};
        if (last)
            last->next = &d->options[i];
        else
            d->outside.options = &d->options[i];
        last = &d->options[i];
    }
    for (size_t i = 0; i < d->defines.n; i++) {
        const char *text = d->defines.v[i];
        size_t n = strcspn(text, "=");

        if (!n || !text[n])
            return cli_wrong("drill", "--define takes NAME=VALUE, not '%s'", text);
        d->defined[i] = strndup(text, n);
        if (!d->defined[i])
            return cli_failed("drill", "no memory");
        d->define[i] = (struct define){d->defined[i], text + n + 1};
    }
    wrong = script_option_wrong(d->outside.options, &takes);
    if (wrong)
        return cli_wrong("drill", "--%s takes %s, not '%s'", wrong->name, takes, wrong->value);
    d->outside.defines = d->define;
    d->outside.ndefines = (uint32_t)d->defines.n;
    return 0;
}

/* ---- which files ---- */

static struct drill *walking; /* nftw has no argument for its caller */

static int add_path(struct drill *d, const char *path)
{
    char **more = realloc(d->paths, (d->npaths + 1) * sizeof *more);

    if (!more)
        return -1;
    d->paths = more;
    d->paths[d->npaths] = strdup(path);
    return d->paths[d->npaths] ? (int)(d->npaths++, 0) : -1;
}

static int walk(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    size_t n = strlen(path);

    (void)st;
    if (kind == FTW_F && (at->level == 0 || (n > 4 && strcmp(path + n - 4, ".pkt") == 0)))
        return add_path(walking, path);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_scripts(struct drill *d, int n, char **operands)
{
    walking = d;
    for (int i = 0; i < n; i++) {
        size_t before = d->npaths;

        errno = 0;
        if (strcmp(operands[i], "-") == 0 ? add_path(d, "-") : nftw(operands[i], walk, 16, 0))
            return cli_failed("drill", "%s: %s", operands[i], strerror(errno ? errno : ENOMEM));
        if (d->npaths == before)
            return cli_failed("drill", "%s: no .pkt is in it", operands[i]);
        qsort(d->paths + before, d->npaths - before, sizeof *d->paths, by_name);
    }
    return 0;
}

/* ---- one script ---- */

static void show_event(void *ctx, la_ns when, struct place at, const char *text)
{
    (void)ctx;
    printf("%6u  %4llu.%06llu  %s\n", at.line, (unsigned long long)(when / LA_SEC(1)),
           (unsigned long long)(when % LA_SEC(1) / 1000), text);
}

static void show_print(void *ctx, const char *line)
{
    (void)ctx;
    printf("        %s\n", line);
}

static void show_failure(const struct script *s, const struct run_failure *f)
{
    printf("FAIL %s:%u:%u: at %llu.%06llu s: %s\n", s->name, f->at.line, f->at.col,
           (unsigned long long)(f->when / LA_SEC(1)),
           (unsigned long long)(f->when % LA_SEC(1) / 1000), f->why);
    for (uint32_t line = f->at.line; line <= f->last_line || line == f->at.line; line++) {
        uint32_t n;
        const char *text = script_line(s, line, &n);

        printf("%6u | %.*s\n", line, (int)n, text);
        if (line >= f->at.line + 5)
            break;
    }
    if (f->expected[0])
        printf("  expected  %s\n", f->expected);
    if (f->actual[0])
        printf("  actual    %s\n", f->actual);
}

static void add_json(struct drill *d, const char *path, const struct run_failure *f, la_ns when,
                     const char *unread)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "file", path);
    cJSON_AddBoolToObject(o, "passed", !f && !unread);
    if (unread)
        cJSON_AddStringToObject(o, "error", unread);
    else
        cJSON_AddNumberToObject(o, "seconds", (double)when / 1e9);
    if (f) {
        cJSON_AddNumberToObject(o, "line", f->at.line);
        cJSON_AddNumberToObject(o, "column", f->at.col);
        cJSON_AddStringToObject(o, "why", f->why);
        if (f->expected[0])
            cJSON_AddStringToObject(o, "expected", f->expected);
        if (f->actual[0])
            cJSON_AddStringToObject(o, "actual", f->actual);
    }
    cJSON_AddItemToArray(d->out, o);
}

static void unread(struct drill *d, const char *path, const char *why)
{
    d->failed++;
    if (d->json)
        add_json(d, path, NULL, 0, why);
    else
        printf("FAIL %s\n", why);
}

static void one(struct drill *d, const char *path)
{
    const struct run_watch watch = {show_event, show_print, NULL};
    struct drill_error err;
    struct run_failure f;
    struct script *s;
    la_ns when = 0;
    size_t n;
    char *text = cli_read_file(path, SCRIPT_MAX, &n);
    bool ok;

    if (!text) {
        snprintf(err.text, sizeof err.text, "%s: %s", path, strerror(errno));
        unread(d, path, err.text);
        return;
    }
    if (script_read(path, text, n, &d->outside, &s, &err) < 0) {
        unread(d, path, err.text);
        free(text);
        return;
    }
    free(text);
    if (d->verbose && !d->json)
        printf("%s\n", path);
    ok = d->dry_run || script_run(s, d->verbose && !d->json ? &watch : NULL, &f, &when);
    d->passed += ok;
    d->failed += !ok;
    if (d->json)
        add_json(d, path, ok ? NULL : &f, when, NULL);
    else if (!ok)
        show_failure(s, &f);
    script_free(s);
}

static void summary(struct drill *d)
{
    if (d->json) {
        char *text = cJSON_Print(d->out);
        printf("%s\n", text ? text : "[]");
        free(text);
        cJSON_Delete(d->out);
        return;
    }
    printf("%u script%s: %u %s, %u failed\n", d->passed + d->failed,
           d->passed + d->failed == 1 ? "" : "s", d->passed, d->dry_run ? "read" : "passed",
           d->failed);
}

int cmd_drill(int argc, char **argv)
{
    struct drill d = {0};
    int n = usage_of(&d, argc, argv);
    int rc;

    if (n < 0)
        return -1 - n;
    if (n == 0)
        return cli_wrong("drill", "which script? type lastack drill FILE.pkt");
    rc = outside(&d);
    if (!rc)
        rc = find_scripts(&d, n, argv + 1);
    if (!rc) {
        d.out = d.json ? cJSON_CreateArray() : NULL;
        for (size_t i = 0; i < d.npaths; i++)
            one(&d, d.paths[i]);
        summary(&d);
        rc = d.failed ? CLI_FAILED : CLI_OK;
    }
    for (size_t i = 0; i < d.npaths; i++)
        free(d.paths[i]);
    free(d.paths);
    for (size_t i = 0; i < DEFINES; i++)
        free(d.defined[i]);
    return rc;
}
