/* sim.h: a network in virtual time.  Hosts are real stacks; links are made of numbers; one seed
 * decides everything.
 *
 * A host is one la_stack with interfaces and programs (prog.h).  A link joins two hosts; each of
 * its directions (a `sim_wire`) has its own delay, rate, queue and misfortunes.  Time jumps from
 * event to event, so two virtual minutes of TIME-WAIT cost nothing.  Frames are copied when they
 * are put on the link, as a real one would.
 *
 * Life: sim_new, sim_host_add, sim_link_add, programs, sim_run_*, look at stacks and logs,
 * sim_free.  Between runs the la_* calls may be used on any host's stack, with sim_now(); the next
 * run carries out what follows from them.
 *
 * Invariants: integer arithmetic and the simulator's own random numbers only, ties in the order in
 * which they were made: the same seed and the same calls give the same trace hash on every
 * compiler.  Time never goes back. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sim/flow.h"
#include "sim/trace.h"
#include <lastack/lastack.h>

struct sim;
struct sim_host;
struct sim_link;

#define SIM_START LA_SEC(1) /* the virtual time at which every network begins */

/* Aborts the process when the C library has no memory left: every function below may assume
 * success. */
struct sim *sim_new(uint64_t seed);
/* Frees hosts, links, frames in flight and programs.  NULL is allowed. */
void sim_free(struct sim *sim);
la_ns sim_now(const struct sim *sim);

/* ---- hosts ---- */

/* Adds a host.  `cfg` NULL: la_config_init's defaults.  Memory, secret (from the seed) and trace
 * are the simulator's and are filled in; an allocator given in cfg is asked instead of the C
 * library's, and a trace callback given in cfg is called after the host's own log took the event.
 * `name` is copied.  NULL if la_stack_new refuses the configuration (*err
 * says why, if err is not NULL). */
struct sim_host *sim_host_add(struct sim *sim, const char *name, const struct la_config *cfg,
                              int *err);
/* The host crashes and starts again: a new stack with the same interfaces and a new secret, which
 * remembers nothing and has no address until the caller gives it one.  Handles on the old stack are
 * void; frames in flight arrive at the new one.  To be called between runs or from sim_at.  `cfg`
 * as for sim_host_add.  A negative la_err if the stack refuses. */
int sim_host_restart(struct sim_host *h, const struct la_config *cfg);
struct la_stack *sim_stack(const struct sim_host *h);
struct sim *sim_of(const struct sim_host *h);
const char *sim_host_name(const struct sim_host *h);
/* Its events.  Default: everything but rules, which are only hashed; change `keep` before running.
 */
struct trace_log *sim_log(struct sim_host *h);
/* Bytes that the host's stack holds now, as its allocator counts them. */
uint64_t sim_bytes(const struct sim_host *h);

/* ---- links ---- */

/* What one direction of a link does to frames.  All zero: a perfect wire without delay.
 * Probabilities are in parts per million.  Each frame draws the same count of random numbers
 * whatever the settings are. */
struct sim_wire {
    la_ns delay;
    la_ns jitter; /* added to delay, 0..jitter evenly; frames overtake each other unless in_order */
    bool in_order;
    uint64_t rate;  /* bits per second; 0: no limit */
    uint32_t queue; /* bytes that may wait for the wire when `rate` is set; more are lost.  0: no
                       limit */
    uint32_t loss_ppm, dup_ppm, corrupt_ppm; /* corrupt: one bit of the IP datagram flips */
    uint32_t reorder_ppm;
    la_ns reorder_by;    /* a reordered frame comes this much later */
    uint64_t loss_mask;  /* bit n: the n-th frame with TCP in this direction, from 0, is lost */
    uint32_t black_hole; /* IP datagrams longer than this vanish; 0: none do */
    bool cut;            /* a partition: everything is lost */
};

struct sim_link_config {
    enum la_link link;
    uint32_t mtu;     /* 0: 1500 */
    uint32_t offload; /* enum la_offload; superframes then cross the link whole */
    bool
        dad; /* Ethernet: run duplicate address detection.  Default: addresses are usable at once */
    struct sim_wire ab, ba;
};

/* Joins two hosts; each gets an interface.  NULL if a stack refuses it. */
struct sim_link *sim_link_add(struct sim_host *a, struct sim_host *b,
                              const struct sim_link_config *cfg);
/* The interface's index on a or b; -1 if h is at neither end. */
int sim_link_ifx(const struct sim_link *l, const struct sim_host *h);
/* The direction that starts at `from`: may be changed at any time between runs or from a callback.
 */
struct sim_wire *sim_wire_from(struct sim_link *l, const struct sim_host *from);

struct sim_wire_stats {
    uint64_t frames, bytes; /* sent into the wire */
    uint64_t delivered, lost, overflowed, duplicated, reordered, corrupted, picked;
};
const struct sim_wire_stats *sim_stats_from(const struct sim_link *l, const struct sim_host *from);

/* Two hosts "client" 10.0.0.1 / fd00::1 and "server" 10.0.0.2 / fd00::2 on one link: what most
 * tests want. */
struct sim_pair {
    struct sim *sim;
    struct sim_host *client, *server;
    struct sim_link *link;
    struct la_addr client4, server4, client6, server6;
};
/* cfg NULL: an IP link of MTU 1500 with 10 ms of delay each way.  False if refused. */
bool sim_pair_new(struct sim_pair *p, uint64_t seed, const struct la_config *cfg,
                  const struct sim_link_config *link);
void sim_pair_free(struct sim_pair *p);

/* ---- looking at frames, and deciding about them ---- */

struct sim_view {
    const struct sim_host *from, *to;
    struct sim_link *link;
    la_ns now;
    const uint8_t *frame; /* with its link header */
    uint32_t n;
    uint64_t number; /* of the frame in this direction, from 0 */
    bool is_tcp; /* the rest is meaningful; of a fragment only the first, and only if it holds the
                    header */
    struct la_endpoint src, dst;
    struct flow_seg seg;
    struct flow_info info; /* relative numbers, closing marks */
};

enum sim_action { SIM_PASS, SIM_DROP, SIM_HOLD };

struct sim_fate {
    enum sim_action action;
    la_ns later;     /* SIM_PASS: on top of the wire's delay */
    unsigned copies; /* SIM_PASS: extra copies */
    unsigned tag;    /* SIM_HOLD: for sim_release */
};

/* Sees each frame before the wire's own luck does, and may change its fate (which starts as
 * SIM_PASS).  It must not call into any stack.  One filter a link; NULL takes it away. */
typedef void (*sim_filter)(void *ctx, const struct sim_view *v, struct sim_fate *fate);
void sim_set_filter(struct sim_link *l, sim_filter filter, void *ctx);

/* A description of segments, for the usual filters without writing one: "the 2nd FIN from the
 * server". */
struct sim_pick {
    const struct sim_host *from; /* NULL: either */
    uint8_t set, clear;          /* TCP flags that must be there, must not be there */
    uint8_t marks;               /* any of these closing segments (enum flow_mark); 0: not asked */
    bool data;                   /* only segments with payload */
    bool pure_ack;               /* only those with nothing but an ACK */
    uint16_t port;               /* source or destination; 0: not asked */
    unsigned nth;                /* the first one it applies to, from 1 (0 means 1) */
    unsigned count;              /* how many from there; 0: one.  SIM_FOR_EVER */
};
#define SIM_FOR_EVER UINT32_MAX
/* Up to 32 picks a link, asked in order after the filter; the first that applies decides.  Returns
 * its number. */
int sim_add_pick(struct sim_link *l, const struct sim_pick *pick, const struct sim_fate *fate);
/* How many segments it matched so far, and how many of them it decided about. */
unsigned sim_pick_matched(const struct sim_link *l, int pick);
unsigned sim_pick_applied(const struct sim_link *l, int pick);
void sim_clear_picks(struct sim_link *l);
/* The usual one: these are lost. */
int sim_drop(struct sim_link *l, struct sim_pick pick);

/* Lets held frames with this tag go on: they arrive after the wire's delay.  Returns how many. */
unsigned sim_release(struct sim_link *l, unsigned tag);

/* Puts a forged frame on the wire, as if `from` had sent it; no filter, pick or luck touches it. */
void sim_inject(struct sim_link *l, const struct sim_host *from, const void *frame, uint32_t n);

/* A tap on a host's interfaces, for captures: `before` is called before each la_rx and la_tx,
 * `frame` after it with the frame (not after a la_tx that had none).  Neither may call into a
 * stack.  NULL takes it away. */
struct sim_tap {
    void (*before)(void *ctx);
    void (*frame)(void *ctx, int ifx, bool outbound, const struct la_frame *f, la_ns now);
    void *ctx;
};
void sim_set_tap(struct sim_host *h, const struct sim_tap *tap);

/* ---- programs ---- */

/* What la_event.user points to, for events that the simulator hands on.  Set it with la_set_user.
 */
struct sim_handler {
    void (*on_event)(struct sim_handler *h, struct sim_host *host, const struct la_event *ev);
};

/* Calls fn(ctx) at this virtual time (or now, if it has passed); it may do anything a test may. */
void sim_at(struct sim *sim, la_ns when, void (*fn)(void *ctx), void *ctx);

/* Memory that lives until sim_free, zeroed. */
void *sim_alloc(struct sim *sim, size_t n);

/* ---- running ---- */

enum sim_end {
    SIM_OK,      /* what was waited for came */
    SIM_TIMEOUT, /* virtual time ran out before */
    SIM_QUIET,   /* nothing is left that could make it happen: no frame, no timer */
    SIM_STUCK,   /* a million steps without time moving: a packet war, or a timer that does not
                    advance */
};

/* Runs until cond(ctx) is true, tested after every event, or until the time `limit` (absolute). */
enum sim_end sim_run_until(struct sim *sim, bool (*cond)(void *ctx), void *ctx, la_ns limit);
/* Runs for this long: SIM_OK with the time moved on to the end, or SIM_STUCK. */
enum sim_end sim_run_for(struct sim *sim, la_ns span);
/* Runs until no frame is in flight and no timer runs: SIM_OK; or SIM_TIMEOUT, SIM_STUCK. */
enum sim_end sim_run_quiet(struct sim *sim, la_ns limit);

/* A hash of every event of every host and every frame sent, so far. */
uint64_t sim_hash(const struct sim *sim);

/* ---- for tests ---- */

/* 0 if no host holds a connection, embryo, TIME-WAIT entry, block, range, packet or reassembly, and
 * la_check is content with each; else prints what is left to stderr and returns 1.  Listeners count
 * if `listeners`. */
int sim_leaks(const struct sim *sim, bool listeners);

#endif
