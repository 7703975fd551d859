/* lab.c: lastack lab: experiments in virtual time, those that ship and those of a file. */
#include "cli/lab.h"

#include "lab/book/book.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding scenarios ---- */

/* An experiment by its number ("6", "06"), its name, or the beginning of it. */
static const struct lab_file *experiment(const char *name)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    const struct lab_file *f;
    size_t n = strlen(name);
    for (unsigned i = 0; (f = lab_experiment(i)); i++) {
        size_t k = strlen(f->name);
        if (*name && !*end && strtoul(f->name, NULL, 10) == number)
            return f;
        if (k >= n && memcmp(f->name, name, n) == 0 && (n > 3 || n == k))
            return f;
        if (k > 3 && strncmp(f->name + 3, name, n) == 0 && n > 3)
            return f;
    }
    return NULL;
}

static bool looks_like_a_file(const char *name)
{
    size_t n = strlen(name);
    return strcmp(name, "-") == 0 || strchr(name, '/') ||
           (n > 4 && strcmp(name + n - 4, ".lab") == 0);
}

static struct lab_scenario *tell_mistake(const char *name, const struct lab_error *e)
{
    if (e->line)
        fprintf(stderr, "%s:%u:%u: %s\n", name, e->line, e->column, e->text);
    else
        fprintf(stderr, "%s: %s\n", name, e->text);
    return NULL;
}

/* One of ours. */
static struct lab_scenario *load_experiment(const struct lab_file *f)
{
    char plain[64];
    struct lab_error err;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(f->name, "."), f->name);
    struct lab_scenario *s = lab_parse(plain, f->text, f->n, &err);
    return s ? s : tell_mistake(f->name, &err);
}

/* Blanks and comments: nothing would happen, and all of it would hold. */
static bool says_nothing(const char *text)
{
    for (;;) {
        text += strspn(text, " \t\r\n");
        if (*text != '#')
            return !*text;
        text += strcspn(text, "\n");
    }
}

/* NULL with the mistake told. */
static struct lab_scenario *load(const char *name)
{
    const struct lab_file *f = looks_like_a_file(name) ? NULL : experiment(name);
    struct lab_scenario *s;
    struct lab_error err;
    char *text;
    size_t n;
    if (f)
        return load_experiment(f);
    if (!looks_like_a_file(name)) {
        (void)cli_failed("lab", "no experiment is called '%s': type lastack lab list", name);
        return NULL;
    }
    text = cli_read_file(name, LAB_TEXT_MAX, &n);
    if (!text) {
        (void)cli_failed("lab", "%s: %s", name, strerror(errno));
        return NULL;
    }
    if (says_nothing(text)) {
        (void)cli_failed("lab", "%s: nothing is in it: lastack lab show 1 has a scenario", name);
        free(text);
        return NULL;
    }
    s = lab_parse(name, text, n, &err);
    free(text);
    return s ? s : tell_mistake(name, &err);
}

/* ---- running ---- */

static void show_title(const struct lab_command *c, const struct lab_scenario *s)
{
    bool titled = strcmp(lab_name(s), lab_title(s)) != 0;
    printf("%s%s%s\n", lab_name(s), titled ? ": " : "", titled ? lab_title(s) : "");
    if (!c->no_ladder && *lab_about(s))
        printf("%s\n", lab_about(s));
}

static int run_variant(struct lab_command *c, const struct lab_scenario *s, unsigned variant,
                       unsigned turn)
{
    char pcap[1024], svg[1024];
    struct lab_error err;
    struct lab_options o = {.has_seed = c->seed_text != NULL,
                            .seed = c->seed,
                            .set = c->set.v,
                            .nset = c->set.n,
                            .pcap = c->pcap ? lab_numbered(c->pcap, turn, pcap, sizeof pcap) : NULL,
                            .pcap_host = c->pcap_at};
    struct lab_result *r = lab_run(s, variant, &o, &err);
    int rc = CLI_OK;
    if (!r && err.column && !err.line)
        return cli_wrong("lab", "--set, column %u: %s", err.column, err.text);
    if (!r) {
        tell_mistake(lab_name(s), &err);
        return CLI_FAILED;
    }
    if (turn == 0 && !c->json && !c->quiet)
        show_title(c, s);
    c->variants++;
    c->checks += r->nchecks;
    c->failed += r->failed;
    if (c->json)
        cJSON_AddItemToArray(c->out, lab_json(r));
    else
        lab_show(c, r);
    if (c->svg)
        rc = lab_write_svg(lab_numbered(c->svg, turn, svg, sizeof svg), r);
    lab_result_free(r);
    return rc;
}

static int run_scenario(struct lab_command *c, const struct lab_scenario *s)
{
    int rc = CLI_OK;
    unsigned turn = 0;
    c->experiments++;
    for (unsigned v = 0; v < lab_variants(s) && rc == CLI_OK; v++) {
        if (!c->variant || strstr(lab_variant_name(s, v), c->variant))
            rc = run_variant(c, s, v, turn++);
    }
    if (rc == CLI_OK && turn == 0)
        return cli_wrong("lab", "%s has no variant '%s'", lab_name(s), c->variant);
    return rc;
}

static int finish(const struct lab_command *c, int rc)
{
    if (c->json) {
        char *text = cJSON_Print(c->out);
        if (rc == CLI_OK && text)
            puts(text);
        cJSON_free(text);
        cJSON_Delete(c->out);
    } else if (rc == CLI_OK) {
        printf("%u experiment%s, %u run%s, %u checks: ", c->experiments,
               c->experiments == 1 ? "" : "s", c->variants, c->variants == 1 ? "" : "s", c->checks);
        if (c->failed)
            printf("%u did not hold\n", c->failed);
        else
            printf("all held\n");
    }
    return rc != CLI_OK ? rc : c->failed ? CLI_FAILED : CLI_OK;
}

static int run_named(struct lab_command *c, int n, char **names)
{
    int rc = CLI_OK;
    if (n == 0)
        return cli_wrong("lab", "run what? a name (type lastack lab list) or a file");
    for (int i = 0; i < n && rc == CLI_OK; i++) {
        struct lab_scenario *s = load(names[i]);
        rc = s ? run_scenario(c, s) : CLI_FAILED;
        lab_scenario_free(s);
    }
    return finish(c, rc);
}

static int run_all(struct lab_command *c)
{
    const struct lab_file *f;
    int rc = CLI_OK;
    c->no_ladder = true;
    for (unsigned i = 0; (f = lab_experiment(i)) && rc == CLI_OK; i++) {
        struct lab_scenario *s = load_experiment(f);
        if (!s)
            rc = CLI_FAILED;
        else
            rc = run_scenario(c, s);
        lab_scenario_free(s);
    }
    return finish(c, rc);
}

/* ---- the others ---- */

static int list(void)
{
    const struct lab_file *f;
    for (unsigned i = 0; (f = lab_experiment(i)); i++) {
        struct lab_scenario *s = load_experiment(f);
        if (!s)
            return CLI_FAILED;
        printf("%-26.*s %s\n", (int)strcspn(f->name, "."), f->name, lab_title(s));
        for (unsigned v = 0; v < lab_variants(s); v++) {
            if (*lab_variant_name(s, v))
                printf("%-28s - %s\n", "", lab_variant_name(s, v));
        }
        lab_scenario_free(s);
    }
    return CLI_OK;
}

static int show_text(int n, char **names)
{
    if (n == 0)
        return cli_wrong("lab", "show what? type lastack lab list");
    for (int i = 0; i < n; i++) {
        const struct lab_file *f = experiment(names[i]);
        if (!f)
            return cli_failed("lab", "no experiment is called '%s': type lastack lab list",
                              names[i]);
        fputs(f->text, stdout);
    }
    return CLI_OK;
}

static int write_book(int n, char **dirs)
{
    struct book_report report;
    char err[320];
    if (n != 1)
        return cli_wrong("lab", "book needs one folder: type lastack lab book FOLDER");
    if (book_write(dirs[0], &report, err, sizeof err) < 0)
        return cli_failed("lab", "%s", err);
    printf("%s/index.html: %u experiments, %u runs, %u checks, %u did not hold\n", dirs[0],
           report.experiments, report.variants, report.checks, report.failed);
    return report.failed ? CLI_FAILED : CLI_OK;
}

static int parse(struct lab_command *c, int argc, char **argv)
{
    const struct opt table[] = {
        {"set", 0, OPT_LIST, &c->set, "NAME=VALUE",
         "like msl=1s or client.time_wait=off, over what the scenario says", 0, 0},
        {"seed", 's', OPT_TEXT, &c->seed_text, "N", "what luck, numbers and ports come from", 0, 0},
        {"variant", 0, OPT_TEXT, &c->variant, "TEXT", "only variants with this in their title", 0,
         0},
        {"quiet", 'q', OPT_FLAG, &c->quiet, NULL, "only what does not hold, and the sum", 0, 0},
        {"no-ladder", 0, OPT_FLAG, &c->no_ladder, NULL, "checks only", 0, 0},
        {"json", 0, OPT_FLAG, &c->json, NULL, "an array with an object for each run", 0, 0},
        {"pcap", 0, OPT_TEXT, &c->pcap, "FILE.pcapng",
         "what the first host saw, each packet with what its stack thought of it", 0, 0},
        {"at", 0, OPT_TEXT, &c->pcap_at, "HOST", "with --pcap: what this host saw", 0, 0},
        {"svg", 0, OPT_TEXT, &c->svg, "FILE.svg", "the first connection's ladder as a picture", 0,
         0},
        {0}};
    static const struct cli_usage usage = {
        "lab", "list | run NAME|FILE ... | all | show NAME | book FOLDER",
        "Experiments with connections, in virtual time: what opens and closes them, what is lost,\n"
        "late or forged on the way, and what must hold.\n\n"
        "  list                       the experiments and their variants\n"
        "  run NAME|FILE ...          run them and show what happened; - is standard input\n"
        "  all                        run every experiment\n"
        "  show NAME                  its text, to change and run again\n"
        "  book FOLDER                every experiment with its pictures as one page\n\n"
        "The language is described in docs/lab.md.  Several variants write FILE-2.svg and so on.",
        "  lastack lab run 10                              TIME-WAIT, with and without it\n"
        "  lastack lab run 16 --set msl=2s\n"
        "  lastack lab show four_segments >mine.lab\n"
        "  lastack lab run mine.lab --set client.time_wait=off --pcap mine.pcapng\n"};
    const struct opt *const tables[OPT_TABLES] = {table};
    return opts_parse(&usage, tables, argc, argv);
}

int cmd_lab(int argc, char **argv)
{
    struct lab_command c = {0};
    int n = parse(&c, argc, argv);
    if (n < 0)
        return -1 - n;
    if (n == 0)
        return cli_wrong("lab", "list, run, all, show or book? type lastack lab --help");
    if (c.seed_text && cli_seed(c.seed_text, &c.seed) < 0)
        return cli_wrong("lab", "--seed takes a number, not '%s'", c.seed_text);
    if ((c.pcap && strcmp(c.pcap, "-") == 0) || (c.svg && strcmp(c.svg, "-") == 0))
        return cli_wrong("lab",
                         "--pcap and --svg take a file's name, and standard output is taken");
    c.marks = ladder_style_for(stdout).unicode;
    const char *what = argv[1];
    bool runs = strcmp(what, "run") == 0 || strcmp(what, "all") == 0;
    if (c.json && runs)
        c.out = cJSON_CreateArray();
    if (strcmp(what, "run") == 0)
        return run_named(&c, n - 1, argv + 2);
    if (strcmp(what, "show") == 0)
        return show_text(n - 1, argv + 2);
    if (strcmp(what, "book") == 0)
        return write_book(n - 1, argv + 2);
    if (n > 1 || (strcmp(what, "list") != 0 && !runs))
        return cli_wrong("lab", "'%s' is none of list, run, all, show, book%s", argv[n > 1 ? 2 : 1],
                         n > 1 ? ", and those that need no name take none" : "");
    return runs ? run_all(&c) : list();
}
