/* sim.c: lastack sim: random worlds, each from a seed, until something does not hold. */
#include "cli/cli.h"
#include "lab/picture/ladder.h"
#include "sim/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHRINK_TRIES 64
#define FEATURES_TEXT 400 /* room for all names */

struct sim_options {
    const char *seed, *off;
    uint32_t count, seconds, minutes, conns;
    bool verbose, visited, no_shrink, trace;
};

/* ---- reading the command line ---- */

/* "loss,dup" into bits; the word that is none in *bad. */
static bool parse_features(const char *text, uint32_t *out, char bad[32])
{
    *out = 0;
    while (text && *text) {
        size_t n = strcspn(text, ",");
        bool found = false;
        for (unsigned f = 0; f < SEARCH_FEATURE_COUNT; f++) {
            const char *name = search_feature_name((enum search_feature)f);
            if (strlen(name) == n && strncmp(name, text, n) == 0) {
                *out |= 1U << f;
                found = true;
            }
        }
        if (!found) {
            snprintf(bad, 32, "%.*s", (int)n, text);
            return false;
        }
        text += n + (text[n] == ',');
    }
    return true;
}

/* "loss,dup" from bits.  Returns buf. */
static char *features_text(uint32_t bits, char buf[FEATURES_TEXT])
{
    size_t n = 0;

    buf[0] = '\0';
    for (unsigned f = 0; f < SEARCH_FEATURE_COUNT && n < FEATURES_TEXT; f++)
        if (bits >> f & 1)
            n += (size_t)snprintf(buf + n, FEATURES_TEXT - n, "%s%s", n ? "," : "",
                                  search_feature_name((enum search_feature)f));
    return buf;
}

/* ---- telling ---- */

static void print_replay(const struct search_config *cfg)
{
    char off[FEATURES_TEXT];
    printf("  lastack sim --seed %" PRIu64, cfg->seed);
    if (cfg->off)
        printf(" --off %s", features_text(cfg->off, off));
    if (cfg->conns)
        printf(" --conns %u", cfg->conns);
    printf("\n");
}

static void show_ladder(struct sim *sim, const struct search_result *r)
{
    struct sim_host *a = search_host(sim, 0), *b = search_host(sim, 1);
    struct ladder_config cfg = {.left = {"A", r->conn[0], sim_log(a)},
                                .right = {"B", r->conn[1], sim_log(b)}};
    struct ladder *l = ladder_new(&cfg);
    struct ladder_style style = ladder_style_for(stdout);
    if (!l || ladder_rows(l) == 0)
        printf("(no segment of it was seen)\n");
    else
        ladder_text(l, stdout, &style);
    ladder_free(l);
}

/* Makes the failure as small as it gets, and shows it. */
static void tell_failure(struct search_config cfg, const struct search_result *found, bool shrink)
{
    struct search_stats stats = {0};
    struct search_result r;
    char with[FEATURES_TEXT];
    printf("seed %" PRIu64 ": %s\n", cfg.seed, found->text);
    fflush(stdout);
    if (shrink)
        search_shrink(&cfg, SHRINK_TRIES);
    cfg.keep = true;
    cfg.trace = NULL;
    struct sim *sim = search_run(&cfg, &r, &stats);
    if (shrink && !r.ok && strcmp(r.text, found->text) != 0)
        printf("with less in its way: %s\n", r.text);
    printf("with: %s\nagain:\n", features_text(r.features & ~cfg.off, with));
    print_replay(&cfg);
    if (r.has_conn)
        show_ladder(sim, &r);
    sim_free(sim);
}

static void print_event(unsigned host, const struct la_trace *ev)
{
    char line[256];
    printf("%c %s\n", 'A' + (char)host, la_trace_format(ev, SIM_START, line, sizeof line));
}

static void show_visited(const struct search_stats *stats)
{
    printf("\nsegments that met each state:\n%-13s", "");
    for (unsigned k = 0; k < SEARCH_KIND_COUNT; k++)
        printf(" %9s", search_kind_name((enum search_kind)k));
    printf("\n");
    for (unsigned st = 0; st < LA_STATES; st++) {
        printf("%-13s", la_state_name((enum la_state)st));
        for (unsigned k = 0; k < SEARCH_KIND_COUNT; k++)
            printf(" %9" PRIu64, stats->visited[st][k]);
        printf("\n");
    }
    printf("\nrules that never fired:");
    for (unsigned i = 0; i < la_rules(); i++) {
        if (stats->rules[i] == 0)
            printf(" %s", la_rule_name(i));
    }
    printf("\n");
}

static int usage_of(struct sim_options *o, int argc, char **argv)
{
    const struct opt table[] = {
        {"seed", 's', OPT_TEXT, &o->seed, "N", "the first world (random)", 0, 0},
        {"count", 'n', OPT_UINT, &o->count, "K",
         "that many worlds, N and what follows it (1; with a time limit: no limit)", 1, UINT32_MAX},
        {"seconds", 0, OPT_UINT, &o->seconds, "S", "for that long", 1, 1000000},
        {"minutes", 'm', OPT_UINT, &o->minutes, "M", "for that long", 1, 1000000},
        {"off", 0, OPT_TEXT, &o->off, "LIST", "features switched off, as in loss,dup,crash", 0, 0},
        {"conns", 0, OPT_UINT, &o->conns, "N", "connections at most", 1, 10},
        {"visited", 0, OPT_FLAG, &o->visited, NULL,
         "at the end: which segments met which state, which rules never fired", 0, 0},
        {"no-shrink", 0, OPT_FLAG, &o->no_shrink, NULL, "show a failure as it was found", 0, 0},
        {"trace", 0, OPT_FLAG, &o->trace, NULL, "tell every event of every host", 0, 0},
        {"verbose", 'v', OPT_FLAG, &o->verbose, NULL, "tell each world", 0, 0},
        {0}};
    static const struct cli_usage usage = {
        "sim", "[OPTIONS]",
        "Random programs on random networks, in virtual time: each seed makes two hosts, a wire "
        "that\n"
        "loses, doubles, delays and cuts, crashes, forged segments.  Then the faults stop, and "
        "what\n"
        "must hold is checked: every stream whole and its own, true records, nothing left, rest.\n"
        "A world that fails is made smaller, shown as a ladder, and told with the command that\n"
        "brings it back.",
        "  lastack sim --minutes 5\n"
        "  lastack sim --seed 1 --count 1000 --visited\n"
        "  lastack sim --seed 42 --off loss,crash -v\n"};
    const struct opt *const tables[OPT_TABLES] = {table};
    return opts_parse(&usage, tables, argc, argv);
}

static uint64_t fresh_seed(void)
{
    uint8_t b[32];
    uint64_t seed = 0;
    if (la_host_entropy(b) < 0)
        return la_host_now();
    for (int i = 0; i < 5; i++)
        seed = seed << 8 | b[i];
    return seed;
}

static int run(const struct sim_options *o, struct search_config cfg)
{
    struct search_stats stats = {0};
    la_ns begin = la_host_now();
    la_ns limit = LA_SEC(o->seconds + 60 * (uint64_t)o->minutes);
    uint64_t count = o->count ? o->count : limit ? UINT64_MAX : 1;
    bool ok = true;
    stats.rules = calloc(la_rules(), sizeof *stats.rules);
    if (!stats.rules)
        return cli_failed("sim", "no memory");
    for (uint64_t i = 0; i < count && ok; i++, cfg.seed++) {
        struct search_result r;
        if (limit && la_host_now() - begin > limit)
            break;
        sim_free(search_run(&cfg, &r, &stats));
        if (o->verbose)
            printf("seed %" PRIu64 ": %016" PRIx64 " %s\n", cfg.seed, r.hash, r.ok ? "ok" : r.text);
        if (!r.ok)
            tell_failure(cfg, &r, !o->no_shrink);
        ok = r.ok;
    }
    char took[32];
    printf("%" PRIu64 " worlds in %s: %" PRIu64 " opens, %" PRIu64 " accepted, %" PRIu64
           " orderly ends, %" PRIu64 " bytes read, %" PRIu64 " frames, %" PRIu64 " events, %" PRIu64
           " forged, %" PRIu64 " crashes: %s\n",
           stats.worlds, cli_duration_text(la_host_now() - begin, took), stats.opened,
           stats.accepted, stats.orderly, stats.bytes, stats.frames, stats.events, stats.forged,
           stats.crashes, ok ? "all held" : "FAILED");
    if (o->visited)
        show_visited(&stats);
    free(stats.rules);
    return ok ? CLI_OK : CLI_FAILED;
}

int cmd_sim(int argc, char **argv)
{
    struct sim_options o = {0};
    struct search_config cfg = {0};
    char bad[32], all[FEATURES_TEXT];
    int n = usage_of(&o, argc, argv);
    if (n < 0)
        return -1 - n;
    if (n > 0)
        return cli_wrong("sim", "'%s' is no option: type lastack sim --help", argv[1]);
    if (o.seed && cli_seed(o.seed, &cfg.seed) < 0)
        return cli_wrong("sim", "--seed takes a number, not '%s'", o.seed);
    if (!o.seed)
        cfg.seed = fresh_seed();
    if (!parse_features(o.off, &cfg.off, bad))
        return cli_wrong("sim", "no feature is called '%s': there are %s", bad,
                         features_text((1U << SEARCH_FEATURE_COUNT) - 1, all));
    cfg.conns = (uint8_t)o.conns;
    cfg.trace = o.trace ? print_event : NULL;
    printf("from seed %" PRIu64 "\n", cfg.seed);
    fflush(stdout);
    return run(&o, cfg);
}
