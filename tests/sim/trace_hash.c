/* trace_hash.c: prints one number that covers everything a fixed, unlucky network did.
 *
 * First the experiments, in every variant.  Then two stacks exchange data both ways over links that
 * lose, duplicate, reorder and corrupt, close from either side and both at once, over IPv4 and
 * IPv6, and wait out TIME-WAIT.  Every trace event and every frame's bytes go into the hash, so
 * builds by different compilers agree on it only if they agree on everything. */
#include "lab/scenario/run.h"
#include "sim/prog.h"

#include <stdio.h>

#define CONNS 6
#define BYTES 200000U

static const struct sim_wire bad_wire = {.delay = LA_MSEC(20),
                                         .jitter = LA_MSEC(3),
                                         .rate = 20000000,
                                         .queue = 60000,
                                         .loss_ppm = 40000,
                                         .dup_ppm = 20000,
                                         .corrupt_ppm = 10000,
                                         .reorder_ppm = 30000,
                                         .reorder_by = LA_MSEC(8)};

/* Every variant of every experiment, one hash over theirs; false if something did not hold. */
static bool experiments(uint64_t *hash)
{
    const struct lab_file *f;
    bool ok = true;
    for (unsigned i = 0; (f = lab_experiment(i)); i++) {
        struct lab_error err;
        struct lab_scenario *s = lab_parse(f->name, f->text, f->n, &err);
        for (unsigned v = 0; s && v < lab_variants(s); v++) {
            struct lab_result *r = lab_run(s, v, NULL, &err);
            ok &= r && r->failed == 0;
            *hash = trace_hash_word(*hash, r ? r->hash : 0);
            lab_result_free(r);
        }
        ok &= s != NULL;
        lab_scenario_free(s);
    }
    return ok;
}

int main(void)
{
    uint64_t hash = 0;
    struct sim_link_config link = {
        .link = LA_LINK_ETHERNET, .mtu = 1500, .dad = true, .ab = bad_wire, .ba = bad_wire};
    static const enum sim_app_end ends[] = {SIM_APP_SHUTDOWN, SIM_APP_LAST, SIM_APP_CLOSE};
    struct sim_app_config server = {.send = BYTES, .send_key = 2, .check = true, .recv_key = 1};
    struct sim_pair p;
    uint64_t received = 0;
    struct sim_app *app[CONNS];

    if (!experiments(&hash)) {
        fprintf(stderr, "trace_hash: an experiment does not hold\n");
        return 1;
    }
    if (!sim_pair_new(&p, 20240229, NULL, &link)) {
        fprintf(stderr, "trace_hash: the network could not be made\n");
        return 1;
    }
    sim_serve(p.server, 80, 16, &server);
    sim_run_for(p.sim, LA_SEC(30)); /* duplicate address detection */
    for (unsigned i = 0; i < CONNS; i++) {
        struct sim_app_config client = {.send = BYTES, .send_key = 1, .check = true, .recv_key = 2};
        struct la_endpoint to = {i % 2 ? p.server6 : p.server4, 80, -1};
        client.end = ends[i % 3];
        app[i] = sim_app_connect(p.client, NULL, &to, &client);
        sim_run_for(p.sim, LA_MSEC(100));
    }
    enum sim_end end = sim_run_quiet(p.sim, sim_now(p.sim) + LA_SEC(4000));
    for (unsigned i = 0; i < CONNS; i++) {
        received += app[i]->received;
        if (app[i]->bad_at != UINT64_MAX)
            end = SIM_STUCK;
    }
    printf("%016llx %016llx  %llu bytes, ended at %llu ns\n", (unsigned long long)hash,
           (unsigned long long)sim_hash(p.sim), (unsigned long long)received,
           (unsigned long long)sim_now(p.sim));
    sim_pair_free(&p);
    return end == SIM_STUCK;
}
