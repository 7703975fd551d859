/* run.c: one variant of a scenario from its beginning to its end. */
#include "lab/scenario/lab.h"

#include <errno.h>
#include <lastack/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST LA_SEC(86400) /* without `until`: what has not come to rest by then never will */

/* ---- captures ---- */

static void before_frame(void *ctx)
{
    la_pcap_begin(((struct lab *)ctx)->pcap);
}

static void capture_frame(void *ctx, int ifx, bool outbound, const struct la_frame *f, la_ns now)
{
    la_pcap_frame(((struct lab *)ctx)->pcap, ifx, outbound, f, now);
}

static bool open_capture(struct lab *lab, const struct lab_options *o, struct lab_error *err)
{
    struct la_host_error e;
    int h = o->pcap_host ? lab_host_named(lab->scope.s, o->pcap_host) : 0;
    if (!o->pcap)
        return true;
    if (h < 0) {
        snprintf(err->text, sizeof err->text, "no host is called %s", o->pcap_host);
        return false;
    }
    if (la_pcap_open(o->pcap, 0, &lab->pcap, &e) < 0) {
        snprintf(err->text, sizeof err->text, "%s", e.text);
        return false;
    }
    lab->pcap_host = (unsigned)h;
    for (unsigned i = 0; i < lab->scope.s->nlinks; i++) {
        if (sim_link_ifx(lab->link[i], lab->host[h]) >= 0)
            la_pcap_interface(lab->pcap, lab->scope.s->link[i].name, LA_LINK_IP);
    }
    sim_set_tap(lab->host[h],
                &(struct sim_tap){.before = before_frame, .frame = capture_frame, .ctx = lab});
    return true;
}

static void on_trace(void *ctx, const struct la_trace *ev)
{
    const struct trace_ctx *t = ctx;
    if (t->lab->pcap && t->lab->pcap_host == t->host)
        la_pcap_trace(t->lab->pcap, ev);
    wires_trace(t->lab, t->host, ev);
}

/* ---- building ---- */

static bool refused(struct lab_error *err, const char *what, const char *name)
{
    snprintf(err->text, sizeof err->text, "%s %s cannot be made with these settings", what, name);
    return false;
}

static bool build(struct lab *lab, const struct lab_options *o, struct lab_error *err)
{
    const struct lab_scenario *s = lab->scope.s;
    for (unsigned h = 0; h < s->nhosts; h++) {
        struct la_config *c = &lab->settled->host[h];
        lab->trace[h] = (struct trace_ctx){lab, h};
        c->trace = on_trace;
        c->trace_ctx = &lab->trace[h];
        lab->host[h] = sim_host_add(lab->sim, s->host[h].name, c, NULL);
        if (!lab->host[h])
            return refused(err, "host", s->host[h].name);
    }
    for (unsigned i = 0; i < s->nlinks; i++) {
        lab->link[i] =
            sim_link_add(lab->host[s->link[i].a], lab->host[s->link[i].b], &lab->settled->link[i]);
        if (!lab->link[i])
            return refused(err, "link", s->link[i].name);
    }
    for (unsigned h = 0; h < s->nhosts; h++)
        host_addresses(lab, h);
    return open_capture(lab, o, err);
}

/* ---- running ---- */

static bool enough(const struct lab *lab)
{
    return lab->looks > lab->most_looks;
}

static bool due(void *ctx)
{
    struct lab *lab = ctx;
    lab->looks++;
    return fibers_due(lab) || enough(lab);
}

static const struct place nowhere = {0, 0};

static void run_to_the_end(struct lab *lab)
{
    la_ns limit = SIM_START + (lab->settled->has_until ? lab->settled->until : LONGEST);
    enum sim_end end;
    unsigned turns = 0;
    fibers_start(lab, -1);
    while ((end = sim_run_until(lab->sim, due, lab, limit)) == SIM_OK && turns++ < LAB_STEPS &&
           !enough(lab))
        fibers_run_due(lab);
    if (enough(lab))
        verdict(lab, nowhere, false, "the run ends", "more happened than may: it was cut short");
    if (end == SIM_QUIET && lab->settled->has_until)
        sim_run_for(lab->sim, limit - sim_now(lab->sim));
    if (end == SIM_STUCK)
        verdict(lab, nowhere, false, "time goes on", "a million steps without it: a packet war");
    if (end == SIM_TIMEOUT && !lab->settled->has_until)
        verdict(lab, nowhere, false, "the network comes to rest",
                "something still moves after a day: say until = 10m, or what should end");
}

/* The checks of the base, then the variant's. */
static void run_checks(struct lab *lab)
{
    const struct body *body[2] = {&lab->scope.s->base, lab->scope.variant->body};
    for (int i = 0; i < 2; i++) {
        for (const struct program *p = body[i] ? body[i]->programs : NULL; p; p = p->next) {
            for (const struct step *st = p->check_only ? p->steps : NULL; st; st = st->next)
                judge(lab, st);
        }
    }
}

/* ---- what came of it ---- */

static void fill_end(struct lab *lab, const struct end *e, struct lab_end *out)
{
    const enum la_state *track;
    *out = (struct lab_end){.name = e->name,
                            .host = lab->host[e->host],
                            .local = e->local,
                            .remote = e->remote,
                            .opened = e->opened,
                            .accepted = e->accepted,
                            .error = end_error(e),
                            .sent = e->sent,
                            .received = e->received,
                            .sent_hash = e->sent_hash,
                            .received_hash = e->received_hash,
                            .text = e->text ? e->text : "",
                            .text_n = e->text_n,
                            .peer = -1};
    out->has_record = end_record(e, &out->record);
    out->ntrack = end_states(e, &track);
    enum la_state *kept = arena_take(&lab->arena, (out->ntrack + 1) * sizeof *kept);
    if (out->ntrack)
        memcpy(kept, track, out->ntrack * sizeof *kept);
    out->track = kept;
}

/* Ends of one connection on two hosts; of several on one host the one that was opened with it. */
static int peer_of(const struct lab *lab, const struct end *e)
{
    for (size_t i = lab->nends; i-- > 0;) {
        const struct end *k = lab->end[i];
        if (e->connection >= 0 && k->connection == e->connection && k->host != e->host)
            return (int)i;
    }
    return -1;
}

static void fill_result(struct lab *lab)
{
    struct lab_result *r = &lab->pub;
    struct lab_end *ends = arena_take(&lab->arena, (lab->nends + 1) * sizeof *ends);
    struct lab_connection *conns = arena_take(&lab->arena, (lab->nconns + 1) * sizeof *conns);
    for (unsigned h = 0; h < lab->scope.s->nhosts; h++)
        keep_records(lab, h);
    for (size_t i = 0; i < lab->nends; i++) {
        fill_end(lab, lab->end[i], &ends[i]);
        ends[i].peer = peer_of(lab, lab->end[i]);
    }
    for (size_t i = 0; i < lab->nconns; i++)
        conns[i] = lab->conn[i].pub;
    r->sim = lab->sim;
    r->ended = sim_now(lab->sim) - SIM_START;
    r->hash = sim_hash(lab->sim);
    r->nhosts = lab->scope.s->nhosts;
    r->host = lab->host;
    r->nchecks = (unsigned)lab->nchecks;
    r->check = lab->check;
    r->nends = (unsigned)lab->nends;
    r->end = ends;
    r->nconnections = (unsigned)lab->nconns;
    r->connection = conns;
    r->nrecords = (unsigned)lab->nrecords;
    r->record = lab->record;
    r->edges = &lab->edges;
}

static bool read_given(struct lab *lab, const struct lab_options *o, struct lab_error *err)
{
    struct setting *first = NULL, **tail = &first;
    for (unsigned i = 0; i < o->nset; i++) {
        *tail = parse_given(lab->scope.s, o->set[i], &lab->arena, err);
        if (!*tail)
            return false;
        (*tail)->place = nowhere;
        tail = &(*tail)->next;
    }
    lab->scope.given = first;
    return true;
}

struct lab_result *lab_run(const struct lab_scenario *s, unsigned variant,
                           const struct lab_options *o, struct lab_error *err)
{
    static const struct lab_options none;
    struct lab *lab = calloc(1, sizeof *lab);
    if (!lab)
        abort();
    o = o ? o : &none;
    *err = (struct lab_error){0};
    variant = variant < s->nvariants ? variant : 0;
    lab->scope = (struct scope){.s = s, .variant = &s->variant[variant]};
    lab->pub = (struct lab_result){.scenario = s, .variant = variant};
    lab->fibers_tail = &lab->fibers;
    lab->most = o->most ? o->most : LAB_STEPS;
    lab->most_looks = o->most ? o->most : UINT64_MAX;
    lab->settled = arena_take(&lab->arena, sizeof *lab->settled);
    if (!read_given(lab, o, err) || !settle(&lab->scope, lab->settled, err)) {
        lab_result_free(&lab->pub);
        return NULL;
    }
    lab->pub.seed = o->has_seed ? o->seed : lab->settled->seed;
    lab->sim = sim_new(lab->pub.seed);
    if (!build(lab, o, err)) {
        lab_result_free(&lab->pub);
        return NULL;
    }
    lab->scope.run = lab;
    wires_start(lab);
    run_to_the_end(lab);
    wires_finish(lab);
    fibers_finish(lab);
    run_checks(lab);
    if (lab->pcap && la_pcap_close(lab->pcap) < 0)
        verdict(lab, nowhere, false, "the capture is written", "%s", strerror(errno));
    lab->pcap = NULL;
    fill_result(lab);
    return &lab->pub;
}

void lab_result_free(struct lab_result *r)
{
    struct lab *lab = (struct lab *)r;
    if (!lab)
        return;
    if (lab->pcap)
        (void)la_pcap_close(lab->pcap);
    sim_free(lab->sim);
    free(lab->end);
    free(lab->check);
    free(lab->record);
    free(lab->seen);
    free(lab->conn);
    free(lab->track);
    arena_free(&lab->arena);
    free(lab);
}

void lab_ladder_config(const struct lab_result *r, unsigned connection, struct ladder_config *out)
{
    const struct lab_connection *c = &r->connection[connection];
    struct sim_host *side[2] = {NULL, NULL};
    for (unsigned i = 0; i < r->nhosts; i++) {
        if (r->host[i] == c->left)
            side[0] = r->host[i];
        if (r->host[i] == c->right)
            side[1] = r->host[i];
    }
    *out =
        (struct ladder_config){.left = {sim_host_name(c->left), c->left_end, sim_log(side[0])},
                               .right = {sim_host_name(c->right), c->right_end, sim_log(side[1])},
                               .from = c->from,
                               .until = c->until == LA_NEVER ? 0 : c->until};
}
