/* lastack/tcp.h: connections: open, carry, close, and what became of them.
 *
 * Life of a handle: la_connect and la_accept give one; la_close or la_abort takes it back, and is
 * the only thing that does.  A connection that ends before (reset, timed out) keeps its handle,
 * its unread bytes and its error until then, so nothing disappears under the program.
 * After la_close the connection goes on by itself, as an orphan, until its state is CLOSED. */
#ifndef LASTACK_TCP_H
#define LASTACK_TCP_H

#include <lastack/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct la_stack;

/* ---- options: set on a listener (its connections inherit) or on a connection, at any time ---- */

enum la_option {
    LA_OPT_NODELAY,         /* 0/1, Nagle off (RFC 9293 §3.7.4).  Default 0 */
    LA_OPT_CORK,            /* 0/1, hold back partial segments.  Default 0 */
    LA_OPT_QUICKACK,        /* 0/1, no delayed ACK.  Default 0 */
    LA_OPT_RCVBUF,          /* bytes that may wait unread, 1..1 GiB.  Default 1 MiB */
    LA_OPT_SNDBUF,          /* bytes that may wait unacknowledged.  Default 1 MiB */
    LA_OPT_MAXSEG,          /* largest payload of our segments, 0: by path MTU */
    LA_OPT_KEEPALIVE,       /* 0/1 (RFC 9293 §3.8.4).  Default 0 */
    LA_OPT_KEEPIDLE_MS,     /* default 7,200,000 */
    LA_OPT_KEEPINTVL_MS,    /* default 75,000 */
    LA_OPT_KEEPCNT,         /* default 9 */
    LA_OPT_USER_TIMEOUT_MS, /* R2 as time (RFC 9293 §3.8.3); 0: by LA_OPT_R2; -1: never */
    LA_OPT_R1, /* retransmissions before the network layer and the program hear.  Default 3 */
    LA_OPT_R2, /* retransmissions before giving up.  Default 15 */
    LA_OPT_SYN_TIMEOUT_MS, /* R2 for a SYN, default 180,000 (RFC 9293 MUST-23) */
    LA_OPT_LINGER_MS,      /* -1 (default): close in order.  0: la_close sends RST.  The core never
                              blocks: other values bound the orphan, with a RST at their end */
    LA_OPT_FIN_WAIT_2_MS,  /* this connection's limit as an orphan; default la_config.fin_wait_2 */
    LA_OPT_TTL,            /* 1..255, default 64 (MUST-49) */
    LA_OPT_DSCP,           /* 0..63, default 0 (MUST-48) */
    LA_OPT_OOBINLINE, /* 0/1: urgent bytes stay in the stream.  Default 1; 0 takes the last one out
                       */
    LA_OPT_SOFT_ERRORS,     /* 0/1: LA_EV_ERROR for soft errors (SHLD-20).  Default 1 */
    LA_OPT_SACK,            /* 0/1, before the handshake.  Default 1 */
    LA_OPT_TIMESTAMPS,      /* 0/1, before the handshake.  Default 1 */
    LA_OPT_WSCALE,          /* -1 (default): by RCVBUF; 0..14; -2: do not offer */
    LA_OPT_BACKLOG,         /* listeners only: connections that may wait for la_accept, 1 and up */
    LA_OPT_DEFER_ACCEPT_MS, /* a listener's handshake is not complete before the peer sends bytes,
                               or this time has passed.  Default 0 */
    LA_OPT_NOTSENT_LOWAT,   /* la_send takes no more while so many bytes are not sent once; 0
                               (default): SNDBUF alone is the limit */
    LA_OPT_RTO_INIT_MS,     /* before the first round trip is measured.  Default 1,000 (RFC 6298) */
    LA_OPT_RTO_MIN_MS,      /* smallest share of the deviation in the RTO.  Default 200 */
    LA_OPT_RTO_MAX_MS,      /* also between probes of a closed window.  Default 60,000 */
    LA_OPT_RTO_SLOP_MS,     /* added to each timeout but the first of a SYN.  Default 0 */
    LA_OPT_SYNACK_RETRIES,  /* of a listener's half-open connections.  Default 5 */
    LA_OPT_DELACK_MS,       /* how long an ACK may be delayed, below 500 (MUST-40).  Default 40 */
    LA_OPT_ACK_PAIRS,       /* 0/1: each second segment is acknowledged at once, however small.
                               Default 0: each second full-sized one */
    LA_OPT_QUICKACKS,       /* so many ACKs are not delayed when text begins to come, unless the
                               program answers it: the peer's slow start needs them.  Default 0 */
    LA_OPT_EMPTY_PROBES,    /* 0/1: a closed window is probed by an old sequence number without
                               text.  Default 0: with one octet (RFC 9293 §3.8.6.1) */
    LA_OPT_MINSHALL,   /* 0/1: Nagle's rule holds a small segment only while another small one is
                          not acknowledged (draft-minshall-nagle).  Default 0: while anything is */
    LA_OPT_BLACK_HOLE, /* 0/1: suspect the path MTU after a few timeouts (RFC 4821 §7.7).  Default
                          1 */
    LA_OPT_RST_UNREAD, /* 0/1: la_close with unread bytes sends RST (SHLD-3).  Default 1 */
    LA_OPT_CHALLENGE_MS, /* least time between challenge ACKs (RFC 5961 §7).  Default 500 */
    LA_OPT_ICMP_ABORTS,  /* 0/1: any ICMP unreachable ends a connection that is opening (RFC 5461
                            §4.1).  Default 0: only a hard one does (MUST-56) */
    LA_OPT_ABC_LIMIT,    /* segments by which one ACK may widen the window in slow start (L of RFC
                            3465 §2.3), 0: as many as it acknowledges.  Default 2 */
    LA_OPT_BARE_RST, /* 0/1, with LA_CONN_NONE: a RST that answers a segment carries no timestamps.
                        Default 0 (RFC 7323 §5.2) */
    LA_OPT_SYN_LAYOUT, /* enum la_syn_layout.  Default LA_SYN_SACK_FIRST */
    LA_OPT_HABITS,     /* enum la_habit, or-ed.  Default 0 */
    LA_OPTIONS
};

/* The order of a SYN's options, after MSS. */
enum la_syn_layout {
    LA_SYN_SACK_FIRST,   /* SACK permitted, timestamps, NOP, window scale */
    LA_SYN_WSCALE_FIRST, /* NOP, window scale, SACK permitted, timestamps */
};

/* What Linux or FreeBSD do where RFCs leave a choice, and their scripts count on. */
enum la_habit {
    /* Reading tells the peer of the new window only when that is twice what it knows of; and of
     * what was read, if an ACK of it is delayed, no answer is likely, and nothing is left. */
    LA_HABIT_UPDATE_DOUBLE = 1 << 0,
    /* ... only when it grew by a quarter of the buffer. */
    LA_HABIT_UPDATE_QUARTER = 1 << 1,
    /* After a loss ssthresh is half of cwnd, and not of FlightSize. */
    LA_HABIT_HALF_CWND = 1 << 2,
    /* Slow start goes on as long as more than half of cwnd was used. */
    LA_HABIT_GROW_HALF = 1 << 3,
    /* A FIN behind text is acknowledged after LA_OPT_DELACK_MS. */
    LA_HABIT_LATE_FIN_ACK = 1 << 4,
    /* A SYN with a FIN opens nothing. */
    LA_HABIT_DROP_SYN_FIN = 1 << 5,
    /* Segments without the timestamps that were agreed are taken (RFC 7323 §3.2: SHOULD drop). */
    LA_HABIT_TS_OPTIONAL = 1 << 6,
    /* A RST carries the window that an ACK would. */
    LA_HABIT_RST_WINDOW = 1 << 7,
    /* A frame for the device to cut holds at most half of cwnd, and what goes in a millisecond. */
    LA_HABIT_SMALL_BURSTS = 1 << 8,
    /* Segments are not larger than half of the largest window the peer has offered since its SYN.
     */
    LA_HABIT_HALF_WINDOW = 1 << 9,
    /* The MSS that a SYN announces is LA_OPT_MAXSEG at most. */
    LA_HABIT_ANNOUNCE_MAXSEG = 1 << 10,
    LA_HABITS = (1 << 11) - 1,
};

/* With LA_CONN_NONE: what connections and listeners made from now on begin with.  LA_EINVAL
 * (unknown option, value out of range, too late), LA_EBADF. */
LA_API int la_setopt(struct la_stack *s, la_conn c, enum la_option o, int64_t value, la_ns now);
LA_API int la_getopt(struct la_stack *s, la_conn c, enum la_option o, int64_t *value);

/* ---- opening: RFC 9293 §3.9.1.1 ---- */

/* Passive open.  local->addr any: every address of ours; 0.0.0.0 (mapped) only IPv4, :: both
 * families. `backlog` bounds connections waiting for la_accept.  LA_EADDRINUSE, LA_EADDRNOTAVAIL,
 * LA_ENOMEM. */
LA_API int la_listen(struct la_stack *s, const struct la_endpoint *local, uint32_t backlog,
                     la_ns now, la_conn *out);

/* Takes the next connection whose handshake is complete; LA_EAGAIN if none.  It inherited the
 * listener's options. */
LA_API int la_accept(struct la_stack *s, la_conn listener, la_ns now, la_conn *out);

/* A connection that is not open yet: options can be set before la_connect sends the SYN. */
LA_API int la_socket(struct la_stack *s, la_conn *out);

/* Active open: sends a SYN at the next la_tx and returns at once; LA_EV_CONNECTED or LA_EV_CLOSED
 * follows.  `local` may be NULL, or leave the address or the port (0) to us (RFC 6056 random
 * ports). LA_EINVAL (broadcast, multicast or unspecified remote: MUST-46), LA_ENETUNREACH,
 * LA_EADDRINUSE, LA_EADDRNOTAVAIL, LA_EISCONN. */
LA_API int la_connect(struct la_stack *s, la_conn c, const struct la_endpoint *local,
                      const struct la_endpoint *remote, la_ns now);

/* ---- carrying ---- */

enum la_send_flags {
    LA_SEND_URGENT = 1, /* the last byte is urgent (RFC 9293 §3.8.5) */
    LA_SEND_MORE = 2,   /* more will follow: a partial segment may wait */
};

/* Queues up to n bytes and returns how many (copied; the caller keeps the memory).  LA_EAGAIN when
 * SNDBUF is full, or no memory is left beside what waits already (LA_EV_WRITABLE follows),
 * LA_ENOMEM when none is left and nothing waits (try again later), LA_EPIPE after shutdown,
 * LA_ENOTCONN, or the error that ended the connection.  May be called in SYN-SENT: the bytes wait.
 */
LA_API int64_t la_send(struct la_stack *s, la_conn c, const void *p, size_t n, unsigned flags,
                       la_ns now);

/* LA_EV_WRITABLE follows when there is room, as after an LA_EAGAIN.  LA_EBADF. */
LA_API int la_want_writable(struct la_stack *s, la_conn c);

/* Moves up to n bytes to p and returns how many; 0 is the peer's FIN after everything was read
 * (or n = 0); LA_EAGAIN nothing yet; or the error that ended the connection.  Stops before a byte
 * that was set aside as urgent; the next call goes on behind it. */
LA_API int64_t la_recv(struct la_stack *s, la_conn c, void *p, size_t n, la_ns now);

/* The readable bytes where they lie, without a copy: fills up to `max` spans, returns how many (0:
 * as la_recv's error or EOF, in *err: LA_OK for EOF).  They stay valid until the next call that
 * takes this stack other than la_status.  la_consume(n) then takes n bytes off, as if received. */
LA_API int la_peek(struct la_stack *s, la_conn c, struct la_span *spans, int max, int *err);
LA_API int la_consume(struct la_stack *s, la_conn c, size_t n, la_ns now);

/* Takes the urgent byte that LA_OPT_OOBINLINE 0 set aside; LA_EAGAIN, or LA_EINVAL if none. */
LA_API int la_recv_urgent(struct la_stack *s, la_conn c, uint8_t *byte);
/* The same, and the byte stays. */
LA_API int la_peek_urgent(const struct la_stack *s, la_conn c, uint8_t *byte);

/* ---- closing ---- */

enum la_shut { LA_SHUT_RD = 1, LA_SHUT_WR = 2, LA_SHUT_RDWR = 3, LA_SHUT_RD_LATER = 4 };

/* LA_SHUT_WR is RFC 9293's CLOSE: FIN after what is queued; reading goes on.  LA_SHUT_RD drops what
 * is unread and what still comes, and sends nothing.  LA_SHUT_RD_LATER leaves what comes readable
 * until sending is over too; then nobody is there for more, and text draws a RST as after la_close
 * (SHLD-3). */
LA_API int la_shutdown(struct la_stack *s, la_conn c, unsigned how, la_ns now);

/* Gives the handle back.  FIN after what is queued; but RST if received bytes are unread or come
 * later (RFC 9293 SHLD-3, RFC 2525 §2.17) or LINGER is 0.  A listener resets what was not accepted.
 * As any call, LA_ENOMEM if the connection was at rest and there is no memory to wake it: nothing
 * happened then. */
LA_API int la_close(struct la_stack *s, la_conn c, la_ns now);

/* Gives the handle back with a RST, whatever is queued (RFC 9293 §3.10.5). */
LA_API int la_abort(struct la_stack *s, la_conn c, la_ns now);

/* Aborts every connection and closes every listener; the RSTs leave by la_tx. */
LA_API void la_abort_all(struct la_stack *s, la_ns now);

/* ---- events ---- */

enum la_event_bits {
    LA_EV_ACCEPT = 1 << 0,      /* a listener has connections to accept */
    LA_EV_CONNECTED = 1 << 1,   /* our la_connect reached ESTABLISHED */
    LA_EV_READABLE = 1 << 2,    /* bytes, or end of stream, wait to be read */
    LA_EV_WRITABLE = 1 << 3,    /* room in SNDBUF after an LA_EAGAIN */
    LA_EV_PEER_CLOSED = 1 << 4, /* the peer's FIN came */
    LA_EV_URGENT = 1 << 5,      /* urgent data pending, or more of it (MUST-32) */
    LA_EV_ERROR = 1 << 6,       /* a soft error: la_status says which; the connection lives */
    LA_EV_CLOSED = 1 << 7,      /* nothing more will come or go: TIME-WAIT or CLOSED */
    LA_EV_SENT = 1 << 8,        /* everything sent so far, and our FIN if any, is acknowledged */
};

struct la_event {
    la_conn conn;
    void *user;    /* as set by la_set_user */
    uint32_t what; /* la_event_bits, all that came since the last time */
};

/* Takes the next connection with something to tell; false when there is none. */
LA_API bool la_next_event(struct la_stack *s, struct la_event *ev);
LA_API int la_set_user(struct la_stack *s, la_conn c, void *user);

/* ---- why it ended ---- */

enum la_side { LA_SIDE_NONE, LA_SIDE_LOCAL, LA_SIDE_PEER, LA_SIDE_BOTH };

/* Why the first FIN or RST was sent, or the connection went without one; and what ended it after a
 * FIN. */
#define LA_CAUSES(X)                                                                               \
    X(NONE, "still open")                                                                          \
    X(CLOSE, "the program called close")                                                           \
    X(SHUTDOWN, "the program shut down sending")                                                   \
    X(ABORT, "the program aborted it")                                                             \
    X(LINGER_0, "close with linger 0")                                                             \
    X(LINGER_TIMEOUT, "the linger time passed with bytes still queued")                            \
    X(UNREAD_DATA, "close with received bytes unread")                                             \
    X(DATA_AFTER_CLOSE, "bytes came after the program had closed")                                 \
    X(PEER_FIN, "the peer closed first")                                                           \
    X(PEER_RST, "the peer sent RST")                                                               \
    X(REFUSED, "the peer answered our SYN with RST")                                               \
    X(USER_TIMEOUT, "user timeout: bytes not acknowledged in time")                                \
    X(RETRANSMISSION_LIMIT, "R2 retransmissions without an answer")                                \
    X(SYN_TIMEOUT, "no answer to the handshake in time")                                           \
    X(KEEPALIVE, "keep-alive probes not answered")                                                 \
    X(ORPHAN_TIMEOUT, "FIN-WAIT-2 limit: the peer never closed its side")                          \
    X(PROBE_LIMIT, "orphan: the peer's window stayed closed")                                      \
    X(ICMP, "ICMP said unreachable while opening")                                                 \
    X(NO_NEIGHBOUR, "nobody answers for the next hop's address")                                   \
    X(PROTOCOL, "the peer broke the protocol")                                                     \
    X(NO_MEMORY, "a memory limit")                                                                 \
    X(LISTENER_CLOSED, "its listener closed before it was accepted")                               \
    X(BACKLOG, "the accept queue was full")                                                        \
    X(STACK_ABORT, "the stack was told to abort everything")

enum la_cause {
#define LA_CAUSE_ENUM(id, text) LA_CAUSE_##id,
    LA_CAUSES(LA_CAUSE_ENUM)
#undef LA_CAUSE_ENUM
        LA_CAUSE_COUNT
};
LA_API const char *la_cause_name(enum la_cause c); /* "UNREAD_DATA" */
LA_API const char *la_cause_text(enum la_cause c); /* "close with received bytes unread" */

/* What TIME-WAIT itself saw. */
struct la_time_wait_stats {
    uint32_t restarts;     /* repeated FINs answered: 2MSL began anew */
    uint32_t rst_ignored;  /* RFC 1337 */
    uint32_t syn_refused;  /* a SYN that RFC 6191 does not let reuse the pair */
    uint32_t old_segments; /* other old duplicates turned away */
    bool reused;           /* ended early: RFC 6191 let a new SYN have the pair */
    bool evicted;          /* ended early: the table was full */
};

/* The close record: outlives its connection.  One for each that ever left CLOSED. */
struct la_record {
    uint32_t serial; /* 1, 2, 3 … */
    la_conn conn;
    void *user;
    struct la_endpoint local, remote;
    bool active_open;   /* we sent the first SYN */
    uint8_t state;      /* enum la_state: CLOSED, or TIME-WAIT while that still runs */
    uint8_t last_state; /* the state it ended from */
    uint8_t first_fin;  /* enum la_side: whose FIN was first: ours when it left, the peer's when it
                           came.  BOTH: they crossed; NONE: no FIN, or ours never left */
    uint8_t rst_by;     /* enum la_side: who sent a RST, if one was */
    uint8_t cause;      /* enum la_cause: of the first FIN or RST */
    uint8_t ended_by;   /* enum la_cause: the same, or what cut it off after the first FIN */
    int error;          /* what the program is, or would be, told; LA_OK: an orderly end */
    la_ns opened, established, first_fin_at, closed; /* LA_NEVER: did not happen */
    la_ns second_fin_at;                             /* the other side's FIN */
    la_ns in_state[LA_STATES];
    uint64_t bytes_sent, bytes_received; /* payload, once each */
    uint64_t bytes_unacked;              /* given to la_send, never acknowledged */
    uint64_t bytes_unread;               /* received in order, never read */
    uint64_t bytes_retransmitted;
    uint32_t segs_in, segs_out, retransmits, rto_expirations, fin_retransmits, dup_acks_in;
    uint32_t srtt_us, min_rtt_us;
    struct la_time_wait_stats tw;
};

/* Reads the records in order of their end.  *cursor starts at 0 and is the caller's own; false when
 * there are no more.  At most la_config.max_records are kept; the cursor skips what is gone. */
LA_API bool la_record_next(const struct la_stack *s, uint32_t *cursor, struct la_record *out);
/* One record by serial (a TIME-WAIT's grows until its end); false if it is no longer kept. */
LA_API bool la_record_get(const struct la_stack *s, uint32_t serial, struct la_record *out);

/* One sentence: who closed first, why, and what ended it.  Writes at most n bytes with a NUL,
 * returns buf. */
LA_API char *la_record_explain(const struct la_record *r, char *buf, size_t n);

/* ---- looking at what lives: RFC 9293 §3.9.1.6 STATUS ---- */

enum la_timer_kind {
    LA_TIMER_NONE,
    LA_TIMER_RTO,
    LA_TIMER_PERSIST,
    LA_TIMER_DELACK,
    LA_TIMER_KEEPALIVE,
    LA_TIMER_FIN_WAIT_2,
    LA_TIMER_TIME_WAIT,
    LA_TIMER_USER
};
LA_API const char *la_timer_name(enum la_timer_kind k);

struct la_status {
    la_conn conn; /* LA_CONN_NONE for embryos, orphans and TIME-WAIT entries */
    void *user;
    struct la_endpoint local, remote;
    enum la_state state;
    la_ns since;         /* when it entered this state */
    uint32_t serial;     /* TIME-WAIT: of its close record; 0: no longer kept */
    bool orphan;         /* the program gave the handle back */
    uint8_t first_fin;   /* enum la_side */
    uint8_t cause;       /* enum la_cause */
    uint8_t ended_by;    /* enum la_cause; NONE while it lives */
    int error;           /* what ended it */
    int soft_error;      /* the last soft error, LA_OK if none (SHLD-25) */
    uint32_t queued_in;  /* bytes to read, without one set aside; LISTEN: connections to accept */
    uint32_t queued_out; /* not acknowledged, sent or not; LISTEN: backlog */
    uint32_t unsent;
    uint32_t urgent;          /* bytes up to the urgent mark that are still unread (MUST-33) */
    uint32_t before_mark;     /* readable bytes before the urgent one; UINT32_MAX: none is known */
    bool at_mark;             /* the urgent byte is next, or was set aside just here */
    bool urgent_byte;         /* it was set aside and is there for la_recv_urgent */
    bool peer_closed;         /* the peer's FIN came */
    enum la_timer_kind timer; /* the one that fires next */
    la_ns timer_at;
    uint32_t iss, irs, snd_una, snd_nxt, snd_wnd, rcv_nxt, rcv_wnd;
    uint32_t write_seq; /* number of the next byte la_send takes: queued text and our FIN are below
                         */
    uint32_t cwnd, ssthresh, mss, pmtu, srtt_us, rttvar_us, rto_us;
    uint32_t ts_offset; /* what its timestamps are ahead of the clock, in milliseconds */
    uint8_t snd_wscale, rcv_wscale;
    bool sack, timestamps;
    uint32_t retransmits; /* of the oldest segment now outstanding */
    uint32_t segs_in, segs_out;
    uint64_t bytes_sent, bytes_received;

    bool active_open, wscale_ok;
    uint8_t recovery; /* 0 nothing is known lost, 1 duplicate ACKs or SACKs came, 2 fast recovery,
                         3 a timeout is being repaired */
    uint8_t probes;   /* of a closed window or an idle peer, not answered */
    uint32_t rcv_mss, adv_mss, min_rtt_us, delack_us;
    uint32_t outstanding, sacked, lost, rexmit_out; /* bytes: sent and not acknowledged; of these
                                                       SACKed; thought lost; sent again */
    uint32_t data_segs_in, data_segs_out, ooo_segs_in, dsacks_in, total_retrans;
    uint64_t bytes_out, bytes_retransmitted;        /* payload sent, every time it was */
    la_ns last_data_sent, last_data_in, last_heard; /* 0: never */
};
LA_API int la_status(const struct la_stack *s, la_conn c, struct la_status *out);

/* Walks listeners, embryos, connections and TIME-WAIT entries.  *cursor starts at 0; false at the
 * end. What opens or closes during the walk may or may not be seen. */
LA_API bool la_status_next(const struct la_stack *s, uint64_t *cursor, struct la_status *out);

#ifdef __cplusplus
}
#endif
#endif
