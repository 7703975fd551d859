/* settings.h: what the rows of settings.c set, and how a value becomes part of a configuration. */
#ifndef LAB_SETTINGS_H
#define LAB_SETTINGS_H

#include "lab/scenario/scenario.h"

enum run_setting { RUN_UNTIL, RUN_SEED };

enum host_setting {
    HOST_MSL,
    HOST_FIN_WAIT_2,
    HOST_TIME_WAIT,
    HOST_RFC1337,
    HOST_PAWS,
    HOST_TWO_WAY,
    HOST_ISN,
    HOST_SYN_COOKIES,
    HOST_FIRST_PORT,
    HOST_LAST_PORT,
    HOST_MAX_CONNS,
    HOST_MAX_EMBRYOS,
    HOST_MAX_TIME_WAIT,
    HOST_MAX_BLOCKS,
};

enum link_setting {
    LINK_DELAY,
    LINK_JITTER,
    LINK_IN_ORDER,
    LINK_RATE,
    LINK_QUEUE,
    LINK_LOSS,
    LINK_DUPLICATION,
    LINK_CORRUPTION,
    LINK_REORDERING,
    LINK_REORDER_BY,
    LINK_LOSS_MASK,
    LINK_BLACK_HOLE,
    LINK_MTU,
    LINK_IP,
};

/* The value has the row's kind and lies in its range.  SCOPE_HOST, SCOPE_LINK, SCOPE_CONN (the
 * value of la_setopt's option row->id). */
void setting_to_config(struct la_config *c, const struct setting_row *row, const struct value *v);
void setting_to_wire(struct sim_wire *w, const struct setting_row *row, const struct value *v);
int64_t setting_to_option(const struct setting_row *row, const struct value *v);

#endif
