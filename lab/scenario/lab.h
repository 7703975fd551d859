/* lab.h: a run in progress: programs as fibers, ends of connections, what the wires saw.
 *
 * A fiber walks through a program's statements until one has to wait; an event of its connection,
 * a time, or a condition that became true lets it go on.  Programs of hosts act inside the event
 * that they waited for, before their stack sends, as a real program on a fast machine might.
 *
 * Invariant: nothing here is freed before the run is: events and times that come late find what
 * they point to, and see that it is over. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "lab/scenario/ask.h"
#include "sim/prog.h"

#define LAB_SIDES 2
#define LAB_STEPS 5000000U /* in one run: a scenario that loops for ever ends */

/* One end of a connection, for its program. */
struct end {
    struct sim_handler handler; /* first */
    struct lab *lab;
    struct fiber *owner;
    const char *name;
    unsigned host, boots, index;
    la_conn conn;
    bool handle, accepted, connected, ended;
    struct la_endpoint local, remote;
    uint32_t iss, irs;
    la_ns opened;
    size_t birth;   /* in the host's log: where its track begins */
    int connection; /* of struct lab: or -1 */
    int error;      /* the first that a call gave */
    uint64_t sent, received, sent_hash, received_hash;
    char *text; /* LAB_TEXT_KEPT + 1 bytes, or NULL */
    uint32_t text_n;
};

struct frame {
    const struct step *first, *at;
    int64_t left; /* turns of a repeat */
};

/* A program at work. */
struct fiber {
    struct sim_handler handler; /* first; of its listener */
    struct fiber *next, *next_waiting;
    struct lab *lab;
    const struct program *program;
    int host; /* -1: the network */
    unsigned boots;
    struct frame stack[LAB_DEPTH + 1];
    unsigned depth; /* frames in use; 0: finished */
    bool busy, endless, waits;
    unsigned phase; /* of the statement at hand; 0: not begun */
    int64_t left;   /* bytes still to send or read */
    bool differs;   /* what came is not what expect wants */
    la_ns wake;
    int error; /* what the last call gave, for expect error */
    la_conn listener;
    bool listening;
    struct end *end;
    int64_t opt[LA_OPTIONS];
    bool opt_set[LA_OPTIONS];
};

/* A segment as it was put on a wire. */
struct seen {
    la_ns at;
    int from, to;
    uint16_t sport, dport;
    struct flow_seg seg;
    struct flow_info info;
};

struct rule_state {
    const struct wire_rule *rule;
    int64_t nth, count; /* count INT64_MAX: every one from nth on */
    int64_t matched, applied;
};

/* A frame that waits for `release`, or for its time. */
struct kept {
    struct kept *next;
    struct lab *lab;
    int link, from;
    const char *name;
    uint32_t n;
    uint8_t *bytes;
};

/* A connection as the wires see it. */
struct wire_conn {
    struct lab_connection pub;
    int host[LAB_SIDES];
    uint32_t base[LAB_SIDES]; /* their initial sequence numbers */
    bool opening[LAB_SIDES];  /* in SYN-SENT now */
    bool over;                /* the next segment begins another one */
    int before;               /* the one before in its bucket, or -1 */
};
#define CONN_BUCKETS 4096

struct wire_ctx {
    struct lab *lab;
    int link;
};

struct lab {
    struct lab_result pub; /* first: what lab_run gives out */
    struct scope scope;
    struct arena arena;
    struct settled *settled;
    struct sim *sim;
    struct sim_host *host[LAB_HOSTS];
    struct trace_ctx {
        struct lab *lab;
        unsigned host;
    } trace[LAB_HOSTS];
    struct sim_link *link[LAB_LINKS];
    struct wire_ctx wire[LAB_LINKS];
    unsigned boots[LAB_HOSTS];
    bool down[LAB_HOSTS];
    uint32_t accepted[LAB_HOSTS];

    struct fiber *fibers, **fibers_tail, *waiting;
    unsigned steps, most;       /* that programs did so far, and may do */
    uint64_t looks, most_looks; /* at who can go on, after each event */
    struct end **end;
    size_t nends, end_room;
    struct lab_check *check;
    size_t nchecks, check_room;
    struct lab_host_record *record;
    size_t nrecords, record_room;
    struct seen *seen;
    size_t nseen, seen_room;
    struct wire_conn *conn;
    size_t nconns, conn_room;
    int bucket[CONN_BUCKETS];
    struct rule_state rule[LAB_RULES];
    unsigned nrules;
    struct kept *kept;
    enum la_state *track; /* of the last end_states */
    size_t track_room;
    uint64_t edges[LA_STATES][LA_STATES];
    struct la_pcap *pcap;
    unsigned pcap_host;
};

/* Makes room for one more of `size` bytes each in a list that grows; ends the process without
 * memory. */
void *grown(void *list, size_t n, size_t *room, size_t size);

/* ---- fiber.c ---- */

/* Starts every program of the variant that `after_restart` (of host, or any for -1) says. */
void fibers_start(struct lab *lab, int after_restart_of);
/* Lets a fiber go on as far as it can. */
void fiber_run(struct fiber *f);
/* True if a fiber that waits for a condition can go on now. */
bool fibers_due(struct lab *lab);
void fibers_run_due(struct lab *lab);
/* Tells of programs that still wait for something when everything is over. */
void fibers_finish(struct lab *lab);
struct fiber *fiber_new(struct lab *lab, const struct program *p, const struct step *steps);
/* Its wake-up call. */
void fiber_wake_at(struct fiber *f, la_ns when);

/* Adds a check's outcome. */
void judge(struct lab *lab, const struct step *st);
__attribute__((format(printf, 5, 6))) void verdict(struct lab *lab, struct place at, bool held,
                                                   const char *text, const char *fmt, ...);

/* ---- steps.c ---- */

enum done { DONE, BLOCKED, FAILED, OVER };

/* One statement; FAILED leaves the error in f->error.  OVER: a mistake was told, the program ends.
 */
enum done step_do(struct fiber *f, const struct step *st);
int64_t whole(struct fiber *f, const struct expr *e, int64_t lo, int64_t hi, bool *ok);

/* ---- ends.c ---- */

struct end *end_new(struct fiber *f, const char *name);
/* An accepted one began before it was accepted: with its SYN. */
void end_find_birth(struct end *e);
/* The newest with this name; NULL if there is none. */
struct end *end_named(struct lab *lab, const char *name);
/* Its status, wherever its connection lives now; false if it is CLOSED and gone. */
bool end_status(const struct end *e, struct la_status *st);
void end_took(struct end *e, const void *p, size_t n);
void end_gave(struct end *e, const void *p, size_t n);
bool end_record(const struct end *e, struct la_record *out);
/* Every state that it was in, in order; *states is valid until the next call. */
unsigned end_states(const struct end *e, const enum la_state **states);
int end_error(const struct end *e);
/* Keeps the close records of a host whose stack is about to be lost, or of all at the end. */
void keep_records(struct lab *lab, unsigned host);

/* ---- wire.c ---- */

void wires_start(struct lab *lab);
void wires_trace(struct lab *lab, unsigned host, const struct la_trace *ev);
int wires_connection(struct lab *lab, const struct la_endpoint *a, const struct la_endpoint *b);
bool seen_matches(struct lab *lab, const struct selector *g, const struct seen *s);
void wires_release(struct lab *lab, const char *name);
void wires_finish(struct lab *lab);
void host_crash(struct lab *lab, unsigned host);
void host_restart(struct lab *lab, unsigned host);
void host_addresses(struct lab *lab, unsigned host);
struct la_addr host_addr(const struct lab *lab, int link, int host);

/* ---- inject.c ---- */

enum done inject(struct fiber *f, const struct step *st);
void inject_frame(struct lab *lab, int link, int from, const uint8_t *frame, uint32_t n);

#endif
