/* search.h: random programs on random networks, and an oracle that knows what must come of them.
 *
 * A seed makes a world: two hosts with random options, limits and MSL; a wire that loses,
 * duplicates, delays, corrupts and is cut; programs that send, read slowly, half-close, linger,
 * abort; crashes; forged segments of an attacker who sees nothing, or of one who sees all.  Then
 * the faults stop, and the world must come to rest.
 *
 * What must hold: every byte arrives once, in order, from the right connection and from no earlier
 * one of the same socket pair; who reads the end of a stream has read all of it; orderly programs
 * end without an error; each connection leaves one true record; TIME-WAIT lasts; no table or pool
 * keeps anything; frames are bounded; la_check is content after every event.
 *
 * Each feature draws from a random sequence of its own, so switching one off does not move the luck
 * of the others: search_shrink switches off whatever a failure does not need. */
#ifndef SIM_SEARCH_H
#define SIM_SEARCH_H

#include "sim/sim.h"

#define SEARCH_FEATURES(X)                                                                         \
    X(LOSS, "loss")            /* frames are lost */                                               \
    X(DUP, "dup")              /* frames come twice */                                             \
    X(REORDER, "reorder")      /* frames overtake each other, by up to half an MSL */              \
    X(CORRUPT, "corrupt")      /* bits flip */                                                     \
    X(CUT, "cut")              /* the wire is cut for a while */                                   \
    X(RATE, "rate")            /* a slow wire with a short queue */                                \
    X(BLACK_HOLE, "blackhole") /* large datagrams vanish without a word */                         \
    X(ETHERNET, "ethernet")    /* addresses to resolve */                                          \
    X(V6, "v6")                /* IPv6 */                                                          \
    X(MTU, "mtu")              /* other than 1500 */                                               \
    X(OFFLOAD, "offload")      /* superframes */                                                   \
    X(OPTIONS, "options")      /* SACK, timestamps, scaling, Nagle, corks: off and on */           \
    X(BUFFERS, "buffers")      /* small or odd buffers */                                          \
    X(TIMERS, "timers")        /* keep-alive, user timeout, R2, limits of orphans */               \
    X(LIMITS, "limits")        /* small pools, cookies */                                          \
    X(REFUSE, "refuse")        /* one allocation is refused */                                     \
    X(MSL, "msl")              /* other than 30 s */                                               \
    X(SLOW, "slow")            /* programs that read, send and accept late */                      \
    X(RUDE, "rude")            /* abort, linger, close with bytes unread */                        \
    X(REUSE, "reuse")          /* few ports: socket pairs come again */                            \
    X(CROSS, "cross")          /* simultaneous opens */                                            \
    X(URGENT, "urgent")        /* urgent data */                                                   \
    X(CRASH, "crash")          /* a host starts again without memory */                            \
    X(BLIND, "blind")          /* forged segments that must change nothing */                      \
    X(HOSTILE, "hostile")      /* forged segments of any kind: no stream is safe, the stack is */  \
    X(REST, "rest")            /* connections at rest are packed */

enum search_feature {
#define SEARCH_FEATURE_ENUM(id, name) SEARCH_##id,
    SEARCH_FEATURES(SEARCH_FEATURE_ENUM)
#undef SEARCH_FEATURE_ENUM
        SEARCH_FEATURE_COUNT
};
const char *search_feature_name(enum search_feature f);

/* Kinds of segment, as the reader of RFC 9293 §3.10.7 would sort them. */
#define SEARCH_KINDS(X)                                                                            \
    X(SYN, "SYN")                                                                                  \
    X(SYN_ACK, "SYN,ACK")                                                                          \
    X(RST, "RST")                                                                                  \
    X(RST_ACK, "RST,ACK")                                                                          \
    X(FIN, "FIN")                                                                                  \
    X(FIN_TEXT, "FIN+text")                                                                        \
    X(URG, "URG")                                                                                  \
    X(TEXT, "text")                                                                                \
    X(ACK, "ACK")                                                                                  \
    X(NO_ACK, "no ACK")

enum search_kind {
#define SEARCH_KIND_ENUM(id, name) SEARCH_KIND_##id,
    SEARCH_KINDS(SEARCH_KIND_ENUM)
#undef SEARCH_KIND_ENUM
        SEARCH_KIND_COUNT
};
const char *search_kind_name(enum search_kind k);
enum search_kind search_kind_of(uint8_t flags, uint32_t len);

struct search_config {
    uint64_t seed;
    uint32_t off;  /* 1 << enum search_feature: switched off */
    uint8_t conns; /* opens at most; 0: by the seed */
    bool keep;     /* keep the hosts' logs, for a ladder */
    void (*trace)(unsigned host, const struct la_trace *ev); /* or NULL: hears every event */
};

/* Added to, never reset: one for many worlds. */
struct search_stats {
    uint64_t worlds, opened, accepted, orderly, frames, bytes, events, forged, crashes;
    uint64_t judged; /* close records that were held to what went over the wire */
    uint64_t visited[LA_STATES][SEARCH_KIND_COUNT]; /* segments that met each state */
    uint64_t *rules; /* la_rules() of them, or NULL: how often each fired */
};

struct search_result {
    bool ok;
    char text[512];             /* what was wrong */
    bool has_conn;              /* and with which connection */
    struct la_endpoint conn[2]; /* seen from host 0 */
    uint64_t hash;              /* sim_hash at the end */
    uint32_t features;          /* that the seed had switched on */
};

/* A world, run.  `out` and `stats` are filled in; the network is returned for its logs (cfg->keep),
 * to be given to sim_free. */
struct sim *search_run(const struct search_config *cfg, struct search_result *out,
                       struct search_stats *stats);
/* The hosts of a world. */
struct sim_host *search_host(struct sim *sim, unsigned i);

/* Makes a failing configuration smaller: features off, fewer connections, as long as it fails.
 * `tries` worlds are run at most. */
void search_shrink(struct search_config *cfg, unsigned tries);

#endif
