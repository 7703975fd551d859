/* search_private.h: a world of the search: what was drawn, its programs, and who judges them. */
#ifndef SIM_SEARCH_PRIVATE_H
#define SIM_SEARCH_PRIVATE_H

#include "sim/private.h"
#include "sim/search.h"

#define SEARCH_EPS 64U   /* programs of a world at most */
#define SEARCH_OPENS 10U /* connections that are asked for */
#define SEARCH_HEADER 8U /* bytes that name a stream */
#define SEARCH_PORT 80
#define SEARCH_CLOCKS 32U  /* connections whose timestamps are followed */
#define SEARCH_WATCHES 64U /* connections of a host that are followed on the wire */

#define SEARCH_PATIENCE LA_SEC(1000) /* in this time a transfer gets on, or it is stuck */

/* How a program ends. */
enum search_end {
    END_HALF,      /* all sent: shutdown of sending; at the peer's end of stream: close */
    END_LAST,      /* all sent and the peer's end of stream read: close */
    END_CLOSE,     /* all sent: close */
    END_ABORT,     /* at a time of its own: abort */
    END_CLOSE_AT,  /* at a time of its own: close, whatever is unread or unsent */
    END_LINGER_0,  /* all sent: close with linger 0 */
    END_LINGER,    /* all sent: close with a linger time */
    END_SHUT_READ, /* reads no more from a time of its own, else as END_HALF */
    END_STAYS,     /* when the faults stop: as END_HALF */
};

struct search_plan {
    uint64_t send;  /* bytes, 0 or at least SEARCH_HEADER */
    uint32_t chunk; /* of a call */
    la_ns send_pace, read_pace;
    uint32_t read;   /* bytes of a call */
    la_ns deaf_till; /* absolute; 0: never deaf */
    la_ns end_at;    /* absolute */
    uint32_t urgent_ppm;
    enum search_end end;
    bool peek;
};

/* One connection's program. */
struct search_ep {
    struct sim_handler handler; /* first */
    struct search *search;
    unsigned side; /* host */
    uint32_t id;   /* 1 and up: names its stream */
    la_conn conn;
    struct search_plan plan;
    struct la_endpoint local, remote;
    struct sim_rand rand;
    uint64_t sent, received;
    uint64_t carried;              /* both ways, at the last mark */
    uint8_t header[SEARCH_HEADER]; /* of the stream that it reads */
    uint32_t peer_id;              /* 0: not known yet */
    uint32_t iss, irs;
    int error;                                     /* the first that a call gave */
    la_ns opened_at, read_at, send_at;             /* the paces' next times */
    bool active, opened, handle, connected, known; /* known: iss and irs are */
    bool fragile;                                  /* its options may end it */
    bool eof, peer_closed, closed_event, shut, closed, aborted, read_shut, crashed;
    bool wake_due;
    struct search_ep *peer; /* by initial sequence numbers */
    bool twice;             /* a cookie opened it again */
    bool recorded;
    struct la_record record;
};

struct search_listener {
    struct sim_handler handler; /* first */
    struct search *search;
    unsigned side;
    la_conn conn;
    bool open, wake_due, fragile;
    la_ns accept_pace, accept_at;
};

/* The last timestamp that a host sent on a connection, for forging old ones. */
struct search_clock {
    struct la_endpoint local, remote;
    uint32_t tsval;
};

/* A connection as one host saw it on the wire (search_wire.c). */
struct search_watch {
    struct la_endpoint local, remote;
    bool used, has_edge, has_top, unsure;
    bool syn_out, fin_out, fin_in, fin_acked, rst_out, rst_in;
    enum la_side first; /* whose FIN */
    la_ns first_at, second_at;
    uint32_t fin_seq; /* our FIN's number */
    uint32_t edge;    /* of the windows that were announced, if has_edge */
    uint32_t syn_wnd; /* the window in our SYN that acknowledged nothing yet, if syn_out */
    uint32_t top;     /* end of what came, if has_top */
    uint32_t fin_at;  /* the number of the peer's FIN */
};

/* The segment that came last, until it is known what became of it. */
struct search_arrival {
    struct search_watch *watch; /* NULL: none */
    bool syn, fin, acks;        /* acks: our FIN */
    uint32_t seq, fin_at;
    la_ns at;
};

struct search {
    const struct search_config *cfg;
    struct search_result *out;
    struct search_stats *stats;
    struct sim *sim;
    struct sim_host *host[2];
    struct sim_link *link;
    struct la_config config[2];
    struct la_addr addr4[2], addr6[2];
    uint32_t mtu;
    bool has_v6;
    uint32_t features;
    la_ns msl, stop, give_up; /* absolute */
    bool stopped;             /* the faults */
    bool limited; /* pools are small, or an allocation is refused: connections may fail */
    int cuts;     /* that hold now */
    struct search_listener listener[2][2]; /* host, port 80 and 81 */
    struct search_ep *ep[SEARCH_EPS];
    uint32_t eps;
    struct search_clock clock[2][SEARCH_CLOCKS];
    uint32_t clocks[2];
    struct search_watch watch[2][SEARCH_WATCHES];
    struct search_arrival arrival[2];
    struct sim_rand forge, programs;
    uint32_t forge_ppm;
    uint64_t payload;       /* bytes that programs want to send */
    uint64_t smallest_step; /* of a transfer: least of segment and buffer sizes */
    /* A cookie was sent.  One that comes again within its two minutes opens once more: the price of
     * not remembering (RFC 4987 §3.6). */
    bool cookies;
    bool failed;
};

static inline bool search_on(const struct search *s, enum search_feature f)
{
    return s->features >> f & 1;
}
static inline struct sim_rand search_rand(const struct search *s, unsigned what)
{
    return sim_rand_of(s->cfg->seed, 0x5ea0000U + what);
}
/* Between lo and hi, small ones as likely as large ones. */
uint64_t search_log_range(struct sim_rand *r, uint64_t lo, uint64_t hi);

/* The first failure counts.  `e` may be NULL. */
__attribute__((format(printf, 3, 4))) void search_fail(struct search *s, const struct search_ep *e,
                                                       const char *fmt, ...);

/* ---- search_world.c: hosts, wire, faults ---- */
bool search_make_world(struct search *s);
void search_plan_faults(struct search *s);
void search_listen(struct search *s, unsigned side);

/* ---- search_prog.c: programs ---- */
void search_plan_programs(struct search *s);
struct search_ep *search_ep_new(struct search *s, unsigned side);
void search_ep_work(struct search_ep *e);
/* Draws options for a handle and sets them.  True if an orderly connection may fail by them. */
bool search_set_options(struct search *s, unsigned side, la_conn c, struct sim_rand *r);
void search_accept(struct search_listener *l);
/* The faults are over: whoever dawdled goes on, whoever stayed ends. */
void search_programs_hurry(struct search *s);
/* A host crashed: its programs are gone. */
void search_programs_die(struct search *s, unsigned side);

/* ---- search_forge.c ---- */
void search_forge(struct search *s);
void search_note_clock(struct search *s, unsigned side, const struct la_trace *ev);

/* ---- search_wire.c ---- */
/* Every event of a host: close records must say who was first as the wire had it. */
void search_follow(struct search *s, unsigned side, const struct la_trace *ev);
/* The host starts anew. */
void search_forget(struct search *s, unsigned side);

/* ---- search_oracle.c ---- */
/* Bytes have come. */
void search_take(struct search_ep *e, const uint8_t *p, size_t n);
/* What a program sends. */
void search_fill(const struct search_ep *e, uint64_t offset, uint8_t *p, size_t n);
/* What was carried until now: the next judgement counts from here. */
void search_mark(struct search *s);
/* Any transfer should be over by now: has an orderly one got nowhere since the mark?  True if one
 * needs more time. */
bool search_judge_stuck(struct search *s);
/* At rest: everything that can be judged. */
void search_judge(struct search *s);

#endif
