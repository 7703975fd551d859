/* demo.h: what the files of lastack demo share.
 *
 *   demo.c         options, and the parts in their order
 *   demo_kernel.c  the wire to the kernel: a namespace, a TAP, and the programs on the other side
 *   demo_memory.c  the wire in memory, where the system allows neither: two stacks of ours
 *   demo_http.c    the web server and the web client, on any stack
 *   demo_show.c    what is printed and drawn
 *
 * Events find their object through la_event.user, which always points to a demo_user. */
#ifndef LA_CLI_DEMO_H
#define LA_CLI_DEMO_H

#include "cli/cli.h"
#include "sim/trace.h"

#include <stdio.h>
#include <sys/types.h>

#define DEMO_PORT 80            /* our web server */
#define DEMO_PEER_PORT 8000     /* the other side's */
#define DEMO_GOODBYE_PORT 79    /* where the connection that is looked at closely goes */
#define DEMO_PAUSE LA_MSEC(150) /* before each close(): the programs take their time */
#define DEMO_CHECKS 16
#define DEMO_PATIENCE LA_SEC(300) /* for a transfer */
#define DEMO_PATH 512

struct demo_user {
    void (*event)(struct demo_user *u, const struct la_event *ev);
};
/* For la_loop_on_event; ctx is not used. */
void demo_event(void *ctx, const struct la_event *ev);

struct demo_check {
    char what[96];
    bool held;
    char detail[160];
};

struct demo_progress {
    const char *what;
    uint64_t done, total;
    la_ns began, shown;
    unsigned quarter; /* told so far, where there is no terminal */
    bool active;
};

struct demo {
    /* options */
    la_ns msl;
    uint32_t mtu, mib;
    const char *out, *wire;
    bool json;

    FILE *say;             /* where people read; standard error with --json */
    bool terminal, colour; /* of `say` */
    char tmp[64];          /* a directory of our own, removed at the end; empty: none yet */
    const uint8_t *blob;   /* `size` random bytes, mapped from tmp/blob */
    size_t size;
    char hash[65];

    /* the wire; `run` is as la_loop_run */
    bool kernel;
    char wire_is[200]; /* which wire, and why */
    struct la_stack *stack;
    int (*run)(struct demo *d, bool (*done)(void *ctx), void *ctx, la_ns deadline);
    struct trace_log log, peer_log; /* of the last part; peer_log only in memory */

    struct demo_progress progress;
    struct demo_check check[DEMO_CHECKS];
    int nchecks;
};

/* Notes whether something held, and tells it. */
__attribute__((format(printf, 4, 5))) void demo_check(struct demo *d, bool held, const char *what,
                                                      const char *fmt, ...);
/* tmp/NAME into buf, which holds DEMO_PATH. */
char *demo_path(const struct demo *d, const char *name, char *buf);
/* The SHA-256 of a file as hexadecimal text; false if there is no telling. */
bool demo_hash(const char *path, char out[65]);
/* Checks that the file tmp/NAME is the blob. */
void demo_compare(struct demo *d, const char *name, const char *what);

/* ---- the wires: each runs all parts; an exit status if they could not be run at all ---- */

/* False: not here, and d->wire_is says why.  Enters a network namespace (a user namespace too for
 * who is not root), which goes away with this process. */
bool demo_kernel_possible(struct demo *d);
int demo_kernel(struct demo *d);
int demo_memory(struct demo *d);

/* ---- HTTP ---- */

struct demo_server {
    struct demo_user user;
    struct la_stack *stack;
    struct demo *demo;
    bool counts; /* what it sends is the progress that is shown */
    la_conn listener;
};
/* Serves the blob at every path, closing first.  A la_err. */
int demo_serve(struct demo *d, struct demo_server *s, struct la_stack *stack, uint16_t port,
               bool counts);

/* What a transfer is called: while it runs, where its bytes are compared, and where it failed. */
struct demo_words {
    const char *progress, *compared, *failed;
};
/* Fetches "/blob" over `stack` into tmp/NAME, and checks that it is the blob. */
void demo_transfer(struct demo *d, struct la_stack *stack, const struct la_endpoint *to,
                   const char *name, const struct demo_words *w);

/* ---- the connection that is looked at closely ---- */

/* Our side: answers one line with one line, and closes first. */
struct demo_goodbye {
    struct demo_user user, conn_user;
    struct la_stack *stack;
    la_conn listener, conn;
    bool open, answered;
    uint32_t serial; /* of the close record, once TIME-WAIT began; 0 before */
};
int demo_goodbye_listen(struct demo_goodbye *g, struct la_stack *stack);
/* Waits until the line was answered, and closes; false if no line came. */
bool demo_goodbye_close(struct demo *d, struct demo_goodbye *g);
/* Waits for our close record, that is until the peer's FIN came; false if it did not. */
bool demo_goodbye_over(struct demo *d, struct demo_goodbye *g);

/* ---- showing ---- */

__attribute__((format(printf, 2, 3))) void demo_part(struct demo *d, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void demo_say(struct demo *d, const char *fmt, ...);
void progress_begin(struct demo *d, const char *what, uint64_t total);
void progress_add(struct demo *d, uint64_t bytes);
void progress_end(struct demo *d);
/* The ladder on the terminal and in demo.svg; checks its numbers. */
void demo_ladder(struct demo *d);
/* Counts TIME-WAIT of the record down until CLOSED. */
void demo_countdown(struct demo *d, uint32_t serial);
/* Our close record; `peer` tells the other side's. */
void demo_records(struct demo *d, uint32_t serial, const char *peer);
/* All checks again, and where the files are.  An exit status. */
int demo_summary(struct demo *d);

#endif
