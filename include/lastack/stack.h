/* lastack/stack.h: a stack's life, its interfaces, and the boundary that frames and time cross.
 *
 * A stack is a value: frames, calls and the time go in; frames, events and the next deadline come
 * out.  It makes no system call, reads no clock and owns no thread.  One stack is used by one
 * thread at a time; two stacks share nothing.
 *
 * A driver's loop:   la_rx for each frame received; la_tx until it returns false; la_next_event
 * until none; sleep until a frame comes or la_deadline passes; la_expire.  Nothing is ever sent
 * inside la_rx, so a batch of frames costs one ACK. */
#ifndef LASTACK_STACK_H
#define LASTACK_STACK_H

#include <lastack/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct la_stack;
struct la_trace; /* lastack/trace.h */

/* Where memory comes from.  `alloc` returns `bytes` bytes aligned for any type, or NULL; `free`
 * gets the same size back.  Neither may call into the stack.  la_host_memory() of lastack/host.h
 * uses the C library. */
struct la_memory {
    void *(*alloc)(void *ctx, size_t bytes);
    void (*free)(void *ctx, void *p, size_t bytes);
    void *ctx;
};

/* Switches that break TCP on purpose, for the laboratory and for tests.  All zero outside them. */
struct la_lab {
    bool enabled;             /* without it, a set switch makes la_stack_new return LA_EINVAL */
    bool zero_secret;         /* accept an all-zero secret */
    bool no_time_wait;        /* the active closer goes straight to CLOSED */
    bool rst_kills_time_wait; /* RFC 1337's protection off */
    bool two_way_handshake;   /* SYN opens a connection at once, its ACK is not awaited */
    bool no_paws;             /* RFC 7323 §5 off */
    bool fixed_isn;           /* every ISN is `isn` */
    uint32_t isn;
    uint32_t fail_alloc_at; /* the n-th object asked of any pool is refused, once; 0: never */
};

/* Limits bound memory; each pool grows in slabs to its limit and never past it. */
struct la_config {
    uint8_t secret[32];   /* entropy for ISNs, ports, hashes and cookies.  No default: all zero is
                             refused */
    struct la_memory mem; /* required */

    uint32_t max_conns;      /* connections, default 1,000,000 */
    uint32_t active_conns;   /* beyond so many, those at rest are packed; default 1,024 */
    uint32_t max_embryos;    /* half-open connections, default 65,536 */
    uint32_t max_time_wait;  /* TIME-WAIT entries, default 262,144; the oldest goes first */
    uint32_t max_listeners;  /* default 1,024 */
    uint32_t max_blocks;     /* buffer blocks of 4 KiB, default 262,144 (1 GiB) */
    uint32_t max_neighbours; /* default 1,024 */
    uint32_t max_routes;     /* default 256 */
    uint32_t max_pmtu;       /* path MTU cache entries, default 1,024 */
    uint32_t max_reassembly; /* datagrams in reassembly, default 64 */
    uint32_t max_records;    /* close records kept, default 4,096 */

    la_ns msl; /* maximum segment lifetime, default 30 s (DEVIATION D1: RFC 9293 says 2 min) */
    la_ns fin_wait_2;          /* how long an orphan waits for the peer's FIN, default 60 s */
    bool syn_cookies;          /* answer with RFC 4987 cookies when embryos run out, default on */
    bool icmp_echo;            /* answer ping, default on */
    uint16_t port_lo, port_hi; /* ephemeral ports, default 32768..60999 */

    void (*trace)(void *ctx, const struct la_trace *ev); /* or NULL; must not call into the stack */
    void *trace_ctx;
    struct la_lab lab;
};

/* Fills in the defaults; secret, mem and whatever the caller wants are set afterwards. */
LA_API void la_config_init(struct la_config *cfg);

/* Makes a stack.  The configuration is copied.  LA_EINVAL (zero secret, no allocator, a limit of
 * zero, a lab switch without lab.enabled), LA_ENOMEM. */
LA_API int la_stack_new(const struct la_config *cfg, la_ns now, struct la_stack **out);

/* Frees everything at once and sends nothing; la_abort_all first if peers are to be told. */
LA_API void la_stack_free(struct la_stack *s);

/* ---- interfaces, addresses, routes ---- */

enum la_link { LA_LINK_ETHERNET, LA_LINK_IP };

enum la_offload {
    LA_OFFLOAD_TX_CSUM = 1 << 0, /* the device completes partial checksums */
    LA_OFFLOAD_TSO = 1 << 1,     /* the device cuts superframes; needs TX_CSUM */
};

struct la_if_config {
    enum la_link link;
    uint8_t mac[6];    /* Ethernet only */
    uint32_t mtu;      /* IP bytes, 68..65535; below 1280 IPv6 stays off on it */
    uint32_t offload;  /* enum la_offload bits */
    uint32_t gso_max;  /* largest superframe's payload with TSO, 65,455 at most; 0: 65,000 */
    uint32_t gso_segs; /* most segments in one; 0: gso_max is the only limit */
    bool slaac;        /* make addresses from router advertisements, RFC 4862 */
    bool no_dad; /* skip duplicate address detection and ARP probes (point-to-point wires, tests) */
    bool no_announce; /* ... and tell nobody of an address that came up without them */
};

/* Adds an interface and returns its index, 0 and up.  Ethernet interfaces with IPv6 form a
 * link-local address at once (from the MAC, RFC 4862 §5.3).  LA_EINVAL, LA_ENOMEM (8 at most). */
LA_API int la_if_add(struct la_stack *s, const struct la_if_config *cfg, la_ns now);

enum la_addr_state { LA_ADDR_TENTATIVE, LA_ADDR_PREFERRED, LA_ADDR_DEPRECATED, LA_ADDR_DUPLICATE };

/* Gives the interface an address; the on-link route comes with it.  It is usable once duplicate
 * detection is over (RFC 4862 §5.4, RFC 5227), which la_addr_state tells. */
LA_API int la_addr_add(struct la_stack *s, int ifx, const struct la_addr *a, unsigned prefix_len,
                       la_ns now);
LA_API int la_addr_del(struct la_stack *s, int ifx, const struct la_addr *a, la_ns now);
LA_API int la_addr_state(const struct la_stack *s, int ifx, const struct la_addr *a);

struct la_addr_info {
    struct la_addr addr;
    unsigned prefix_len; /* of IPv4: its own bits, 0..32 */
    enum la_addr_state state;
    bool slaac; /* made from a router's advertisement */
};

/* Walks the interface's addresses, those that it made itself too: *cursor begins as 0; false: no
 * more.  No address may come or go on the way. */
LA_API bool la_addr_next(const struct la_stack *s, int ifx, uint32_t *cursor,
                         struct la_addr_info *out);

/* gateway NULL: on link.  dst :: (or 0.0.0.0 mapped) with prefix_len 0: the default route. For IPv4
 * prefix_len counts IPv4 bits (0..32). */
LA_API int la_route_add(struct la_stack *s, const struct la_addr *dst, unsigned prefix_len,
                        const struct la_addr *gateway, int ifx, la_ns now);
LA_API int la_route_del(struct la_stack *s, const struct la_addr *dst, unsigned prefix_len,
                        int ifx);

/* ---- frames and time ---- */

/* Takes in one frame; it is only borrowed and may be reused after the call.  Never fails: whatever
 * is wrong with it is counted under a rule. */
LA_API void la_rx(struct la_stack *s, int ifx, const struct la_frame *f, la_ns now);

/* Produces the next frame that the interface should send; false when there is none.  What it points
 * to stays valid until the next call that takes this stack. */
LA_API bool la_tx(struct la_stack *s, int ifx, struct la_frame *f, la_ns now);

/* Copies a frame's head and spans in one piece to `to`, which holds f->len bytes. */
LA_API void la_frame_copy(const struct la_frame *f, void *to);

/* When la_expire must be called at the latest; LA_NEVER if no timer runs. */
LA_API la_ns la_deadline(const struct la_stack *s);
LA_API void la_expire(struct la_stack *s, la_ns now);

/* ---- what was counted ---- */

/* Rules of the protocol and reasons for drops, numbered 0..la_rules()-1 (network layer first).
 * Each has a name ("RST_EXACT"), the RFC section and one sentence, all static. */
LA_API unsigned la_rules(void);
LA_API const char *la_rule_name(unsigned rule);
LA_API const char *la_rule_section(unsigned rule);
LA_API const char *la_rule_text(unsigned rule);
LA_API uint64_t la_rule_count(const struct la_stack *s, unsigned rule);

/* How many objects of each kind are in use, and the bytes taken from la_memory. */
struct la_usage {
    uint32_t conns, at_rest /* of conns */, embryos, time_wait, listeners, blocks, ranges,
        neighbours, pmtu, reassembly, packets;
    uint64_t bytes;      /* taken from la_memory and not given back */
    uint64_t refused;    /* requests for memory that la_memory or a limit refused, ever */
    uint64_t bytes_conn; /* of a connection without buffers, all in */
    uint64_t bytes_rest; /* of one at rest: beyond active_conns, established, all acknowledged and
                            read, no timer, over IPv4 and without losses (else 72 more) */
    uint64_t bytes_time_wait, bytes_time_wait_v6; /* of a TIME-WAIT entry, all in */
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
};
LA_API void la_usage(const struct la_stack *s, struct la_usage *u);

/* Walks every table and checks every invariant; 0, or the line in the source that is broken (our
 * own bug).  For tests: it costs a walk of everything. */
LA_API int la_check(const struct la_stack *s);

#ifdef __cplusplus
}
#endif
#endif
