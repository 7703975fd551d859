/* trace.h: trace events kept beyond their callback, and a running hash of them.
 *
 * A log takes la_trace events from one stack, in virtual or in real time: the simulator, the live
 * demo and the tests collect with it, and ladders are drawn from it.  The hash covers every event,
 * kept or not, field by field (never padding or pointers), so two runs are the same exactly if
 * their hashes are. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <lastack/trace.h>

/* One event with everything it pointed to. */
struct trace_event {
    enum la_trace_kind kind;
    la_ns now;
    la_conn conn;
    bool has_conn, has_seg; /* local and remote, seg are meaningful */
    struct la_endpoint local, remote;
    enum la_state state, state_to;
    unsigned rule;
    uint8_t timer;
    uint32_t serial, iss, irs;
    struct la_trace_seg seg;
};

/* The same address and port. */
static inline bool endpoint_eq(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_eq(&a->addr, &b->addr);
}

#define TRACE_KEEP(kind) (1U << (kind))
#define TRACE_KEEP_ALL UINT32_MAX
/* All but the rules that fire on each segment: what a ladder needs. */
#define TRACE_KEEP_LADDER (TRACE_KEEP_ALL & ~TRACE_KEEP(LA_TRACE_RULE))

struct trace_log {
    struct trace_event *ev;
    size_t n, room;
    size_t max;    /* events kept at most; 0: no limit */
    size_t lost;   /* not kept because of max, or of memory */
    uint32_t keep; /* TRACE_KEEP bits */
    uint64_t hash;
    uint64_t seen; /* events hashed */
};

void trace_log_init(struct trace_log *log, uint32_t keep, size_t max);
void trace_log_free(struct trace_log *log);
/* Forgets the kept events; the hash goes on. */
void trace_log_clear(struct trace_log *log);
/* la_config.trace: ctx is the log. */
void trace_log_take(void *ctx, const struct la_trace *ev);

/* Mixes one word into a running hash. */
uint64_t trace_hash_word(uint64_t hash, uint64_t word);

#endif
