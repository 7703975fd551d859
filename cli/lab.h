/* lab.h: what the parts of lastack lab share. */
#ifndef LA_CLI_LAB_H
#define LA_CLI_LAB_H

#include "cli/cli.h"
#include "lab/scenario/run.h"

struct cJSON;

struct lab_command {
    struct opt_list set;
    const char *seed_text, *pcap, *pcap_at, *svg, *variant;
    bool json, quiet, no_ladder;
    uint64_t seed;
    struct cJSON *out; /* --json: the array */
    unsigned experiments, variants, checks, failed;
    bool marks; /* the terminal shows UTF-8 */
};

/* One variant's outcome, as text on standard output. */
void lab_show(const struct lab_command *c, const struct lab_result *r);
/* The same as an object. */
struct cJSON *lab_json(const struct lab_result *r);
/* "ladder.svg" for the first variant, "ladder-2.svg" for the second.  buf holds n; returns buf. */
char *lab_numbered(const char *path, unsigned variant, char *buf, size_t n);
/* The first connection's ladder as SVG.  0, or an exit status. */
int lab_write_svg(const char *path, const struct lab_result *r);

#endif
