/* run.h: experiments as text: read a scenario, run one of its variants, look at what happened.
 *
 * A scenario (docs/lab.md has the language) names hosts, what their programs do, which segments are
 * dropped, delayed or held, and what must hold.  A variant is one run of it with some settings or
 * programs changed; a scenario without any has a single one whose name is "".
 *
 * Life: lab_parse, lab_run once for each variant, look, lab_result_free, lab_scenario_free.  A
 * result borrows from its scenario.  Everything that a result points to is its own and lives as
 * long as it does.
 *
 * Invariants: no text crashes the reader; the same scenario, variant, settings and seed give the
 * same result, trace hash included, on every machine.  Running out of the C library's memory ends
 * the process, as in sim.h. */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include "lab/picture/ladder.h"
#include "sim/sim.h"

/* Where a text is wrong, what about it, and what to write instead; one line, no newline. */
struct lab_error {
    unsigned line, column; /* from 1; 0: not about a place in the text */
    char text[320];
};

/* ---- scenarios ---- */

struct lab_scenario;

#define LAB_TEXT_MAX (256U << 10) /* bytes of a scenario */

/* `name` is what messages call it ("06_four_segments", a path); name and text are copied.  NULL
 * with *err filled. */
struct lab_scenario *lab_parse(const char *name, const char *text, size_t n, struct lab_error *err);
void lab_scenario_free(struct lab_scenario *s); /* NULL is allowed */

const char *lab_name(const struct lab_scenario *s);
const char *lab_title(const struct lab_scenario *s); /* its name if it gives none */
const char *lab_about(const struct lab_scenario *s); /* a few plain sentences, "" if none */
const char *lab_text(const struct lab_scenario *s);  /* as it was read, with a NUL */
unsigned lab_variants(const struct lab_scenario *s); /* at least 1 */
const char *lab_variant_name(const struct lab_scenario *s, unsigned variant);
/* The lines of the text that the variant's block takes, from 1; 0 for a scenario without any. */
void lab_variant_lines(const struct lab_scenario *s, unsigned variant, unsigned *first,
                       unsigned *last);

/* ---- the experiments and other files of lab/experiments/, which are part of the program ---- */

struct lab_file {
    const char *name; /* "06_four_segments.lab", "06_four_segments.en.md" */
    const char *text; /* with a NUL behind it */
    size_t n;
};
/* The i-th in order of their names, NULL behind the last. */
const struct lab_file *lab_file(unsigned i);
/* By whole name; NULL if there is none. */
const struct lab_file *lab_file_named(const char *name);
/* The i-th *.lab of them, NULL behind the last. */
const struct lab_file *lab_experiment(unsigned i);

/* ---- running ---- */

struct lab_options {
    bool has_seed; /* else the scenario's, else 1 */
    uint64_t seed;
    const char *const *set; /* "msl=1s", "client.time_wait=off": after those of the variant */
    unsigned nset;
    const char *pcap;      /* a file for a capture at `pcap_host`, or NULL */
    const char *pcap_host; /* NULL: the first host of the scenario */
    /* For texts of strangers: when a run has done so many statements, or its programs were looked
     * at so often after events, it is cut short, and that is a check that failed.  0: 5,000,000
     * statements, any number of events. */
    uint32_t most;
};

/* One thing that had to hold. */
struct lab_check {
    unsigned line, column; /* where the scenario says so; 0: what holds for every scenario */
    bool held;
    la_ns at;           /* when it was judged, from SIM_START */
    const char *text;   /* as the scenario writes it, on one line */
    const char *actual; /* what was found instead, with its value; "" if it held */
};

/* One end of a connection, as a program opened or accepted it. */
struct lab_end {
    const char *name; /* its `as` name, else its program's */
    const struct sim_host *host;
    struct la_endpoint local, remote;
    la_ns opened;    /* when the program got it (virtual time) */
    bool accepted;   /* else by connect */
    bool has_record; /* it ended: record is meaningful */
    struct la_record record;
    int error; /* what the program was told, or would be; LA_OK: nothing */
    uint64_t sent, received, sent_hash, received_hash; /* payload; hashes are FNV-1a, 64 bits */
    const char *text; /* what was received, up to LAB_TEXT_KEPT bytes, with a NUL */
    uint32_t text_n;
    const enum la_state *track; /* every state from CLOSED or LISTEN on, in order */
    unsigned ntrack;
    int peer; /* the index of the other end of this very connection, or -1 */
};
#define LAB_TEXT_KEPT 4096U

/* A connection as the wires saw it: what a ladder is drawn of. */
struct lab_connection {
    const struct sim_host *left, *right; /* left sent the first segment */
    struct la_endpoint left_end, right_end;
    la_ns from, until; /* virtual time; until: LA_NEVER if no other followed on the same pair */
    uint32_t segments;
};

/* A close record, and whose: those of stacks that a restart wiped out are kept too. */
struct lab_host_record {
    unsigned host;
    unsigned boots; /* how often the host had been restarted */
    struct la_record record;
};

struct lab_result {
    const struct lab_scenario *scenario;
    unsigned variant;
    uint64_t seed;
    struct sim *sim; /* as the run left it: logs, stacks, statistics */
    la_ns ended;     /* from SIM_START */
    uint64_t hash;   /* sim_hash at the end */
    unsigned nhosts;
    struct sim_host *const *host; /* in the order of the scenario */
    unsigned nchecks, failed;
    const struct lab_check *check; /* in the order in which they were judged */
    unsigned nends;
    const struct lab_end *end; /* in the order in which they were opened */
    unsigned nconnections;
    const struct lab_connection *connection; /* in order of their first segment */
    unsigned nrecords;
    const struct lab_host_record *record;    /* every one, host by host */
    uint64_t (*edges)[LA_STATES][LA_STATES]; /* how often each edge of the state diagram was taken,
                                                all hosts; embryos leave LISTEN */
};

/* Runs one variant.  NULL with *err filled if a setting cannot be used (its line is 0 when it came
 * by options) or the capture cannot be written; what did not hold is in the result. */
struct lab_result *lab_run(const struct lab_scenario *s, unsigned variant,
                           const struct lab_options *o, struct lab_error *err);
void lab_result_free(struct lab_result *r); /* NULL is allowed */

/* What ladder_new wants for a connection of the result: names, logs, the time in which it lived. */
void lab_ladder_config(const struct lab_result *r, unsigned connection, struct ladder_config *out);

#endif
