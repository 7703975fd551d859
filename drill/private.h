/* private.h: a run in progress: the world of one stack (world.c), calls (call.c), events (run.c).
 */
#ifndef LA_DRILL_PRIVATE_H
#define LA_DRILL_PRIVATE_H

#include "drill/code.h"
#include "drill/run.h"
#include "drill/segment.h"
#include "sockets/sockets.h"

#define RUN_FILES 1024 /* descriptors that a script may name: 0 to 1023 */

/* A descriptor as the script calls it. */
struct run_file {
    bool open;
    int fd;
    uint64_t written, read; /* bytes of its stream so far */
    uint16_t port;          /* that it was bound to; 0: none */
};

struct run {
    const struct script *s;
    const struct run_watch *watch;
    struct run_failure *failure;
    bool failed;

    struct la_stack *stack;
    struct sockets *so;
    int ifx;
    la_ns now;
    struct sent *sent, **sent_end; /* what the stack sent and no event took yet */

    const struct event *next;    /* to happen */
    la_ns base;                  /* of relative times */
    bool running;                /* a call may wait */
    const struct event *in_call; /* the call in hand: the innermost */

    struct flow *flows;
    struct flow *flow; /* that packets without ports belong to; NULL: none yet */
    uint16_t listen_port;
    uint16_t next_port; /* of the next peer that connects to us */
    bool held;          /* a burst is not over: the stack may not send yet */
    bool connecting;    /* connect was called: our next SYN makes a flow */
    bool own_bytes;     /* the script says what bytes are written or injected: streams have no
                           pattern */
    struct run_file file[RUN_FILES];
    struct code_kept kept; /* the variables of blocks */
    int info;              /* the live descriptor that blocks ask about; -1: none */
};

#define RUN_ORIGIN LA_SEC(1000) /* the stack's time at script time 0 */

/* ---- world.c ---- */

/* False, and the run has failed, if the script's configuration makes no stack. */
bool world_open(struct run *r);
void world_close(struct run *r);
/* Applies a command. */
void world_set(struct run *r, const struct event *e);
/* Lets the stack send, and takes its events in. */
void world_pump(struct run *r);
/* Time goes on to `until`, past every deadline on the way. */
void world_advance(struct run *r, la_ns until);
void world_inject(struct run *r, const uint8_t *p, uint32_t n);

/* ---- run.c ---- */

__attribute__((format(printf, 3, 4))) void run_fail(struct run *r, const struct event *e,
                                                    const char *fmt, ...);
void run_tell(struct run *r, const struct event *e, const char *text);
/* Does one thing: the next event, or the next deadline of the stack, or time goes on to `limit`,
 * whichever is first.  False: the run has failed, or there is nothing more that could happen. */
bool run_step(struct run *r, la_ns limit);

/* ---- packets.c ---- */

void packet_inject(struct run *r, const struct event *e);
/* The first segment that waits, beside the event's. */
void packet_take(struct run *r, const struct event *e);
void packet_unexpected(struct run *r, const struct event *e, const struct sent *s, const char *why);
void flow_listen(struct run *r, uint16_t port);
void flows_free(struct run *r);
/* What blocks may ask about the connection in hand beside TCP_INFO. */
bool flow_value(const struct run *r, const char *name, int64_t *value);

/* ---- call.c ---- */

/* Makes the call; its result beside the script's. */
void call_make(struct run *r, const struct event *e);
/* Does the script itself say what bytes go over its connections? */
bool script_has_bytes(const struct script *s);

#endif
