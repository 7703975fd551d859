/* run.h: a script run on a stack of its own, in virtual time.
 *
 * The stack is at the script's local address, and all that it sends is compared; the peer is the
 * script.  Calls go through the socket layer.  A call that the script lets block (`...` and a time)
 * waits while the script goes on; one at a time may do so, or several if the last to begin is the
 * first to return.
 *
 * Outbound events take the stack's segments one after the other; a segment that comes while other
 * events run waits for its event.  What the stack still sent when the script ends is nobody's
 * business, unless the script says `> nothing`. */
#ifndef LA_DRILL_RUN_H
#define LA_DRILL_RUN_H

#include "drill/script.h"

#define RUN_TEXT 400

struct run_failure {
    struct place at;
    uint32_t last_line;
    la_ns when; /* script time */
    char why[RUN_TEXT];
    char expected[RUN_TEXT],
        actual[RUN_TEXT]; /* what stands side by side; "" if there is nothing */
};

struct run_watch {
    /* Each event as it happens: its script time, and one line of text.  May be NULL. */
    void (*event)(void *ctx, la_ns when, struct place at, const char *text);
    /* What blocks print.  May be NULL. */
    void (*print)(void *ctx, const char *line);
    void *ctx;
};

/* True if all happened as the script says; else *f is the first thing that did not.  `watch` may be
 * NULL.  *when: the script time of the end. */
bool script_run(const struct script *s, const struct run_watch *watch, struct run_failure *f,
                la_ns *when);

#endif
