/* command.h: the `commands` of a script: settings of the stack, and nothing that runs. */
#ifndef LA_DRILL_COMMAND_H
#define LA_DRILL_COMMAND_H

#include "drill/script.h"

/* What a command may set, by the names of Linux's sysctl. */
enum setting {
    SET_TIMESTAMPS,
    SET_SACK,
    SET_WINDOW_SCALING,
    SET_SYNCOOKIES,
    SET_FIN_TIMEOUT, /* s */
    SET_RETRIES1,
    SET_RETRIES2,
    SET_KEEPALIVE_TIME, /* s */
    SET_KEEPALIVE_INTVL,
    SET_KEEPALIVE_PROBES,
    SET_MAX_SYN_BACKLOG, /* half-open connections */
    SET_PORT_RANGE,      /* value: the last one; first: the first one */
    SET_ADDRESS,         /* ip addr add; value: bits of the prefix */
    SET_NO_ADDRESS,      /* ip addr del */
    SET_RMEM,            /* the default of its three: bytes */
    SET_WMEM,
    SET_NOTHING, /* known, and as it is asked for here already */
};

struct command_step {
    enum setting setting;
    int64_t value, first;
    struct la_addr addr;
};

/* The next step of a command, whose text begins at *at; *at moves on.  1: one; 0: the end; -1:
 * refused, why says (256 bytes), and *at stands at what was refused. */
int command_next(const char **at, struct command_step *step, char *why);

#endif
