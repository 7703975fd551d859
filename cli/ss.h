/* ss.h: what the two files of lastack ss share: ss.c asks a running stack, ss_show.c shows. */
#ifndef LA_CLI_SS_H
#define LA_CLI_SS_H

#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <stdio.h>

struct ss_options {
    bool all, listening, tcp, numeric, only4, only6;
    bool closed, rules, usage, json;
    uint32_t pid;
    const char *socket;
};

/* Whether an object of `status` or `closed` is wanted. */
bool ss_wanted(const struct ss_options *o, const cJSON *item);

/* Each shows an array of the control socket's objects as a table. */
void ss_show_status(FILE *to, const cJSON *items);
void ss_show_closed(FILE *to, const cJSON *items);
void ss_show_rules(FILE *to, const cJSON *items);
void ss_show_usage(FILE *to, const cJSON *items);

#endif
