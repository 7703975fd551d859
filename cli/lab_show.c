/* lab_show.c: what a run of lastack lab came to: checks, ladders, close records, JSON. */
#include "cli/lab.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LADDERS 3 /* connections drawn */
#define ENDS 8    /* of which the record is told */

/* ---- text ---- */

static void show_checks(const struct lab_command *c, const struct lab_result *r)
{
    const char *name = lab_name(r->scenario), *variant = lab_variant_name(r->scenario, r->variant);
    for (unsigned i = 0; i < r->nchecks; i++) {
        const struct lab_check *k = &r->check[i];
        const char *mark = c->marks ? (k->held ? "✓" : "✗") : (k->held ? "ok  " : "FAIL");
        if (c->quiet && k->held)
            continue;
        if (k->held)
            printf("  %s %s\n", mark, k->text);
        else if (k->line)
            printf("  %s %s:%u: %s: %s%s%s%s\n", mark, name, k->line, k->text, k->actual,
                   *variant ? " (" : "", variant, *variant ? ")" : "");
        else
            printf("  %s %s: %s: %s\n", mark, name, k->text, k->actual);
    }
}

static void show_ladders(const struct lab_result *r)
{
    struct ladder_style style = ladder_style_for(stdout);
    for (unsigned i = 0; i < r->nconnections && i < LADDERS; i++) {
        struct ladder_config cfg;
        lab_ladder_config(r, i, &cfg);
        struct ladder *l = ladder_new(&cfg);
        if (l && ladder_rows(l)) {
            ladder_text(l, stdout, &style);
            printf("\n");
        }
        ladder_free(l);
    }
    if (r->nconnections > LADDERS)
        printf("  ... and %u connections more\n\n", r->nconnections - LADDERS);
}

static void show_ends(const struct lab_result *r)
{
    char text[512];
    for (unsigned i = 0; i < r->nends && i < ENDS; i++) {
        const struct lab_end *e = &r->end[i];
        if (e->has_record)
            printf("  %s: %s\n", e->name, la_record_explain(&e->record, text, sizeof text));
    }
    if (r->nends > ENDS)
        printf("  ... and %u more\n", r->nends - ENDS);
}

/* What a host still holds at the end, a line for each state. */
static void show_left(const struct lab_result *r, const struct sim_host *h)
{
    struct {
        unsigned n;
        la_ns since; /* the first of them */
        uint64_t unread;
    } in[LA_STATES] = {{0}};
    struct la_status st;
    uint64_t cursor = 0;
    char ago[32];
    while (la_status_next(sim_stack(h), &cursor, &st)) {
        if (st.state == LA_LISTEN || st.state == LA_CLOSED)
            continue;
        if (in[st.state].n++ == 0 || st.since < in[st.state].since)
            in[st.state].since = st.since;
        in[st.state].unread += st.queued_in;
    }
    for (unsigned s = 0; s < LA_STATES; s++) {
        if (!in[s].n)
            continue;
        cli_duration_text(r->ended + SIM_START - in[s].since, ago);
        printf("  %s still holds %u in %s", sim_host_name(h), in[s].n,
               la_state_name((enum la_state)s));
        if (s == LA_CLOSE_WAIT)
            printf(": the peer closed %s ago, the program has not", ago);
        else
            printf(", for %s", ago);
        if (in[s].unread)
            printf("; %llu bytes unread", (unsigned long long)in[s].unread);
        printf("\n");
    }
}

void lab_show(const struct lab_command *c, const struct lab_result *r)
{
    const char *variant = lab_variant_name(r->scenario, r->variant);
    if (!c->quiet && *variant)
        printf("%s%s\n", c->no_ladder ? "- " : "\n- ", variant);
    if (c->quiet || c->no_ladder) {
        struct lab_command only = *c;
        only.quiet = true;
        show_checks(&only, r);
        return;
    }
    printf("\n");
    show_ladders(r);
    show_ends(r);
    for (unsigned i = 0; i < r->nhosts; i++)
        show_left(r, r->host[i]);
    printf("\n");
    show_checks(c, r);
}

/* ---- files ---- */

char *lab_numbered(const char *path, unsigned turn, char *buf, size_t n)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    if (!dot || (slash && dot < slash))
        dot = path + strlen(path);
    if (turn == 0)
        snprintf(buf, n, "%s", path);
    else
        snprintf(buf, n, "%.*s-%u%s", (int)(dot - path), path, turn + 1, dot);
    return buf;
}

int lab_write_svg(const char *path, const struct lab_result *r)
{
    struct ladder_config cfg;
    FILE *f = fopen(path, "w");
    if (!f)
        return cli_failed("lab", "%s: %s", path, strerror(errno));
    struct ladder *l = NULL;
    if (r->nconnections) {
        lab_ladder_config(r, 0, &cfg);
        cfg.title = lab_title(r->scenario);
        l = ladder_new(&cfg);
    }
    if (l)
        ladder_svg(l, f);
    ladder_free(l);
    if (fclose(f) != 0)
        return cli_failed("lab", "%s: %s", path, strerror(errno));
    return l ? CLI_OK : cli_failed("lab", "%s: there is no connection to draw", path);
}

/* ---- JSON ---- */

static double seconds(la_ns t)
{
    return (double)t / 1e9;
}

static void add_time(cJSON *o, const char *name, la_ns t)
{
    if (t == LA_NEVER)
        cJSON_AddNullToObject(o, name);
    else
        cJSON_AddNumberToObject(o, name, seconds(t - SIM_START));
}

static void add_hex(cJSON *o, const char *name, uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, v);
    cJSON_AddStringToObject(o, name, text);
}

static cJSON *check_json(const struct lab_check *k)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "line", k->line);
    cJSON_AddBoolToObject(o, "held", k->held);
    cJSON_AddStringToObject(o, "check", k->text);
    if (!k->held)
        cJSON_AddStringToObject(o, "actual", k->actual);
    cJSON_AddNumberToObject(o, "at", seconds(k->at));
    return o;
}

static void add_record(cJSON *o, const struct la_record *r)
{
    char text[512];
    cJSON_AddStringToObject(o, "why", la_record_explain(r, text, sizeof text));
    cJSON_AddStringToObject(o, "cause", la_cause_name((enum la_cause)r->cause));
    cJSON_AddStringToObject(o, "ended_by", la_cause_name((enum la_cause)r->ended_by));
    cJSON_AddStringToObject(o, "closed_first", cli_side(r->first_fin));
    cJSON_AddStringToObject(o, "reset_by", cli_side(r->rst_by));
    add_time(o, "closed_at", r->closed);
    cJSON_AddNumberToObject(o, "fin_retransmits", r->fin_retransmits);
    cJSON_AddNumberToObject(o, "time_wait_restarts", r->tw.restarts);
    cJSON *in = cJSON_AddObjectToObject(o, "in_state");
    for (unsigned s = 0; s < LA_STATES; s++) {
        if (r->in_state[s])
            cJSON_AddNumberToObject(in, la_state_name((enum la_state)s), seconds(r->in_state[s]));
    }
}

static cJSON *end_json(const struct lab_end *e)
{
    char at[LA_HOST_ENDPOINT_STRLEN];
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", e->name);
    cJSON_AddStringToObject(o, "host", sim_host_name(e->host));
    cJSON_AddStringToObject(o, "local", la_host_endpoint(&e->local, at));
    cJSON_AddStringToObject(o, "remote", la_host_endpoint(&e->remote, at));
    cJSON *track = cJSON_AddArrayToObject(o, "states");
    for (unsigned i = 0; i < e->ntrack; i++)
        cJSON_AddItemToArray(track, cJSON_CreateString(la_state_name(e->track[i])));
    add_time(o, "opened_at", e->opened);
    cJSON_AddNumberToObject(o, "sent", (double)e->sent);
    cJSON_AddNumberToObject(o, "received", (double)e->received);
    add_hex(o, "sent_hash", e->sent_hash);
    add_hex(o, "received_hash", e->received_hash);
    if (e->error)
        cJSON_AddStringToObject(o, "error", la_strerror(e->error));
    if (e->has_record)
        add_record(o, &e->record);
    return o;
}

struct cJSON *lab_json(const struct lab_result *r)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "experiment", lab_name(r->scenario));
    cJSON_AddStringToObject(o, "title", lab_title(r->scenario));
    cJSON_AddStringToObject(o, "variant", lab_variant_name(r->scenario, r->variant));
    cJSON_AddNumberToObject(o, "seed", (double)r->seed);
    add_hex(o, "hash", r->hash);
    cJSON_AddNumberToObject(o, "ended_at", seconds(r->ended));
    cJSON_AddNumberToObject(o, "failed", r->failed);
    cJSON *checks = cJSON_AddArrayToObject(o, "checks");
    for (unsigned i = 0; i < r->nchecks; i++)
        cJSON_AddItemToArray(checks, check_json(&r->check[i]));
    cJSON *ends = cJSON_AddArrayToObject(o, "ends");
    for (unsigned i = 0; i < r->nends; i++)
        cJSON_AddItemToArray(ends, end_json(&r->end[i]));
    return o;
}
