/* sim_kit.h: what several simulated tests ask of a host. */
#ifndef TESTS_SIM_SIM_KIT_H
#define TESTS_SIM_SIM_KIT_H

#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* How often the host's stack fired this rule. */
static inline uint64_t fired(const struct sim_host *h, const char *rule)
{
    for (unsigned i = 0; i < la_rules(); i++) {
        if (strcmp(la_rule_name(i), rule) == 0)
            return la_rule_count(sim_stack(h), i);
    }
    fail_msg("no rule %s", rule);
    return 0;
}

#endif
