/* private.h: the simulator's insides. */
#ifndef SIM_PRIVATE_H
#define SIM_PRIVATE_H

#include "sim/rand.h"
#include "sim/sim.h"

#define SIM_PICKS 32
#define SIM_STUCK_STEPS 1000000U

/* A copy of a frame on its way.  `free_link` chains free ones. */
struct packet {
    struct packet *next;
    struct sim_link *link;
    int end;      /* where it arrives: 0 or 1 */
    unsigned tag; /* while held */
    uint32_t n, room;
    uint8_t csum;
    uint16_t csum_start, csum_offset, gso_size;
    uint8_t bytes[];
};

/* Something that happens at a virtual time: a packet arrives, or a function is called. */
struct event {
    la_ns when;
    uint64_t serial; /* breaks ties: first made, first served */
    struct packet *packet;
    void (*fn)(void *ctx);
    void *ctx;
};

struct sim_host {
    struct sim *sim;
    struct sim_host *next;
    char name[32];
    unsigned index;
    unsigned boots; /* times it was restarted */
    struct la_stack *stack;
    struct trace_log log;
    void (*trace)(void *ctx, const struct la_trace *ev); /* the caller's */
    void *trace_ctx;
    struct la_memory mem; /* where its memory comes from */
    uint64_t bytes;
    struct sim_tap tap;        /* tap.frame NULL: none */
    struct sim_link *links[8]; /* by interface */
    int nlinks;
};

struct pick_state {
    struct sim_pick pick;
    struct sim_fate fate;
    unsigned matched, applied;
};

/* One direction. */
struct direction {
    struct sim_wire wire;
    struct sim_wire_stats stats;
    struct sim_rand rand;
    la_ns free_at; /* when the last bit of what was queued has left */
    la_ns last_arrival;
    uint64_t tcp_frames;
};

struct flow_entry {
    struct flow_entry *next;
    struct la_endpoint end[2]; /* as seen from host 0 of the link */
    struct flow flow;
};
#define FLOW_BUCKETS 1024

struct sim_link {
    struct sim *sim;
    struct sim_link *next;
    enum la_link link;
    struct la_if_config device[2]; /* what each end's interface was made with */
    struct sim_host *host[2];
    int ifx[2];
    struct direction dir[2]; /* dir[i] starts at host[i] */
    sim_filter filter;
    void *filter_ctx;
    struct pick_state picks[SIM_PICKS];
    int npicks;
    struct packet *held, **held_tail;
    struct flow_entry *flows[FLOW_BUCKETS]; /* followed only while somebody looks */
};

struct chunk {
    struct chunk *next;
    max_align_t data[];
};

struct sim {
    uint64_t seed;
    la_ns now;
    uint64_t serial;
    uint64_t frame_hash;
    struct event *heap; /* heap[1..n]: a binary min-heap by (when, serial) */
    size_t n, room;
    struct sim_host *hosts, **hosts_tail;
    struct sim_link *links, **links_tail;
    unsigned nhosts, nlinks;
    struct packet *spare; /* packets of ordinary size, for reuse */
    struct chunk *chunks;
};

/* calloc that aborts the process instead of failing. */
void *sim_need(size_t n);

void sim_schedule(struct sim *sim, la_ns when, struct packet *p, void (*fn)(void *), void *ctx);

/* The host's la_tx and la_rx, with its tap. */
bool host_tx(struct sim_host *h, int ifx, struct la_frame *f);
void host_rx(struct sim_host *h, int ifx, const struct la_frame *f);

/* Puts one frame of host end `end` on the link. */
void link_send(struct sim_link *l, int end, const struct la_frame *f);
/* Hands a packet that has arrived to its stack and gives its memory back. */
void link_deliver(struct packet *p);
void link_free(struct sim_link *l);
void packet_free(struct sim *sim, struct packet *p);

/* Parses a frame's headers into v (is_tcp and what follows; info is left alone). */
void view_parse(struct sim_view *v, enum la_link link);
/* Follows the connection that v belongs to and fills in v->info. */
void view_follow(struct sim_link *l, int end, struct sim_view *v);

#endif
