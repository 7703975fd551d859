/* ask.h: what expressions and settings come to, before and during a run. */
#ifndef LAB_ASK_H
#define LAB_ASK_H

#include "lab/scenario/scenario.h"

struct lab;

/* Where names get their values: settings given by options, then the variant's, then the base's. */
struct scope {
    const struct lab_scenario *s;
    const struct variant *variant;
    const struct setting *given; /* by options */
    struct lab *run;             /* NULL: only settings and names are known */
};

/* Never fails: what has no value is VALUE_NONE (a division by zero, an end that does not exist). */
struct value ask(const struct scope *sc, const struct expr *e);
/* The same as a condition: VALUE_NONE is false. */
bool holds(const struct scope *sc, const struct expr *e);
/* Why a condition that does not hold does not: the values that were found.  In the arena. */
const char *why_not(const struct scope *sc, const struct expr *e, struct arena *a);

/* What the stacks, programs and wires of a run know; VALUE_NONE if they do not. */
struct value run_field(struct lab *run, const struct expr *e);
struct value run_state(struct lab *run, const char *end);
struct value run_segment(struct lab *run, const struct selector *g, enum segment_field f);
int64_t run_count(struct lab *run, const struct selector *g);
int64_t run_in_state(struct lab *run, int host, enum la_state st);
int64_t run_edge(struct lab *run, int host, enum la_state from, enum la_state to);
bool run_left(struct lab *run, int host, char *what, size_t n);
bool run_all_edges(struct lab *run, char *missing, size_t n);
/* The states of an end, in order; how many, 0 if there is no such end. */
unsigned run_track(struct lab *run, const char *end, const enum la_state **states);

/* Everything that settings decide, for one variant. */
struct settled {
    struct la_config host[LAB_HOSTS];
    int64_t opt[LAB_HOSTS][LA_OPTIONS];
    bool opt_set[LAB_HOSTS][LA_OPTIONS];
    struct sim_link_config link[LAB_LINKS];
    bool ip6[LAB_LINKS];
    bool has_until;
    la_ns until;
    uint64_t seed;
};
/* False with err filled: a value out of range. */
bool settle(const struct scope *sc, struct settled *out, struct lab_error *err);

/* The value of a setting's expression, checked against its row; false with err filled. */
bool setting_value(const struct scope *sc, const struct setting *g, struct value *out,
                   struct lab_error *err);

/* Reads "msl=1s" as an option gives it, against the scenario; it lies in the arena.  NULL with err
 * filled. */
struct setting *parse_given(const struct lab_scenario *s, const char *text, struct arena *a,
                            struct lab_error *err);

#endif
