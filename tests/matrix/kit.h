/* kit.h: one stack against a peer made of hand-built segments, for the state x segment matrix
 * (RFC 9293 §3.10).
 *
 * The stack under test is `A` (10.0.0.1 or fd00::1); the test plays its peer `B`.  A constructor
 * (in_fin_wait_1 and the like) brings one connection into a state over real segments and checks
 * each of them.  Then the test gives a segment field by field, and says exactly what must come
 * back: flags, numbers, the state, the events, and how often each rule fired.
 *
 * Every number is the test's own arithmetic: ISS and IRS are fixed, near 2^32 so that connections
 * cross zero, and `una`, `nxt` and `rcv` are kept by the kit from what it sent and saw; none is
 * read from the stack.  kit_end checks that nothing is left in any table or pool.
 *
 * matrix_main runs every row three times: IPv4 without options, IPv6, and IPv4 with timestamps,
 * SACK and window scaling. */
#ifndef LA_TESTS_MATRIX_KIT_H
#define LA_TESTS_MATRIX_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/seqno.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include <lastack/lastack.h>

#define ISS 0xfffffff0U /* A's initial sequence number */
#define IRS 0xffffff9cU /* B's */
#define WND 65408U      /* the window that B announces: a multiple of 128, as it is scaled by 7 */
#define RCVBUF 20000U   /* A's receive buffer, and so its window */
#define A_PORT 5000
#define B_PORT 6000
#define SHIFT 7U /* B's window shift */
#define HALF_OPEN_RTO LA_SEC(1)
#define KIT_MSL LA_SEC(30)

/* Flags by the letters that traces use. */
enum { F = TCP_FIN, S = TCP_SYN, R = TCP_RST, P = TCP_PSH, A = TCP_ACK, U = TCP_URG };

/* What a row wants to be different from the usual connection. */
struct how {
    bool passive; /* A listens; else A connects */
    bool orphan;  /* the program gives the handle back where the state comes from close */
    bool offer_ts, offer_sack, offer_ws; /* B offers these whatever the round */
    bool bare;                           /* B offers no option but MSS whatever the round */
    bool no_cookies;
    bool tso;        /* the device cuts superframes and completes checksums */
    bool ethernet;   /* instead of a bare IP link; for rows that look at frames themselves */
    uint32_t mss;    /* that B announces; 0: 1460; MSS_NONE: no option */
    uint32_t rcvbuf; /* A's; 0: RCVBUF */
    uint32_t max_conns, max_embryos, max_time_wait, max_blocks; /* 0: plenty */
    uint32_t text;                                              /* that B sends with its FIN */
    uint32_t wnd;                                               /* that B announces; 0: WND */
    uint32_t mtu;                                               /* 0: 1500 */
    la_ns rtt;                                                  /* that the handshake takes */
    la_ns fin_wait_2;                                           /* 0: the default */
    void (*tune)(struct la_stack *s, la_conn c, la_ns now);     /* options, before the SYN leaves */
};
#define MSS_NONE UINT32_MAX
#define PLAIN ((struct how){.passive = false})

struct kit {
    struct la_stack *s;
    struct how how;
    la_ns now;
    la_conn c; /* the connection; LA_CONN_NONE once the program gave it back */
    la_conn listener;
    struct la_addr a, b;
    bool ts, sack, ws;    /* agreed */
    uint32_t una, nxt;    /* A's SND.UNA and SND.NXT as far as B can know */
    uint32_t rcv;         /* A's RCV.NXT: what B sent in order */
    uint32_t wrote, read; /* bytes of the streams that the program wrote and read */
    uint32_t tsval;       /* B's clock: one a millisecond */
    uint32_t ts_seen;     /* the last TSval from A */
    uint32_t events;      /* all that came since the last action */
    uint32_t records;     /* cursor */
    uint64_t *before;     /* counts of the rules at the last action */
    uint64_t given;       /* bytes that the allocator gave out */
    bool refuse;          /* the allocator has no more */
    bool waiting;         /* wait_for_segment took a frame, and the test has not yet seen it */
};

/* A segment, given or come back.  Zero is usual: ports, window WND, timestamps as agreed. */
struct seg {
    uint8_t flags;
    uint32_t seq, ack, len;
    uint32_t wnd; /* bytes; 0: WND, or KIT_CLOSED */
    uint16_t up;
    struct tcp_opts opts;
    const uint8_t *raw; /* options as bytes, instead */
    uint8_t nraw;
    uint8_t doff; /* data offset in words, if it is to lie */
    bool no_ts, bad_csum, port_0;
    uint16_t sport, dport; /* B's and A's, if others */
    struct la_addr src, dst;
    const uint8_t *at; /* of a reply: its text, until the next call */
    uint8_t tos, ttl;  /* of a reply */
};
#define KIT_CLOSED UINT32_MAX /* a window of zero */

/* ---- life ---- */
struct kit *kit_new(struct how how); /* no connection: CLOSED */
/* Aborts what lives, waits out TIME-WAIT; then tables and pools are empty, memory is back. */
void kit_end(struct kit *k);

/* ---- into a state; each checks what leaves on the way ---- */
typedef struct kit *(*enter_fn)(struct how how);
struct kit *in_closed(struct how how);
struct kit *in_listen(struct how how);
struct kit *in_syn_sent(struct how how);
struct kit *in_syn_received(struct how how); /* by simultaneous open, or how.passive: from LISTEN */
struct kit *in_established(struct how how);
struct kit *in_fin_wait_1(struct how how); /* FIN sent, by shutdown or how.orphan: by close */
struct kit *in_fin_wait_2(struct how how);
struct kit *in_close_wait(struct how how);
struct kit *in_closing(struct how how);
struct kit *in_last_ack(struct how how);
struct kit *in_time_wait(struct how how);
/* The steps of them, for rows that stop in between. */
void kit_listen(struct kit *k);
void kit_connect(struct kit *k);
struct tcp_opts kit_syn_options(const struct kit *k); /* what B's SYN carries */
void kit_accept(struct kit *k);
void kit_shut(struct kit *k); /* shutdown(WR), or close as how.orphan says; the FIN leaves */
uint32_t kit_mss(const struct kit *k); /* text of a full segment of A's */
void kit_peer_fin(struct kit *k);      /* B's FIN, acknowledged */

/* ---- doing ---- */
void kit_mark(struct kit *k); /* from here on events and rules are counted; in() and pass() do it */
void in(struct kit *k, struct seg g);
void pass(struct kit *k, la_ns time); /* timers run; what they send waits to be taken */
/* Timers run until a segment leaves, which the next expect() sees; fails after `limit`. */
void wait_for_segment(struct kit *k, la_ns limit);
/* ICMP about a segment of ours with this sequence number. */
enum trouble { HARD, SOFT, TIME_OUT, PARAMETER, QUENCH, TOO_BIG };
void icmp(struct kit *k, enum trouble what, uint32_t mtu, uint32_t quoted);
/* The program's calls; the stream's bytes are a pattern that every text is checked against. */
uint8_t kit_byte(uint32_t n); /* the n-th */
int64_t kit_send(struct kit *k, uint32_t n, unsigned flags);
int64_t kit_recv(struct kit *k, uint32_t n);

/* ---- what must come of it ---- */
#define expect(k, flags, seq, ack) kit_expect(k, flags, seq, ack, 0, __FILE__, __LINE__)
#define expect_text(k, flags, seq, ack, len) kit_expect(k, flags, seq, ack, len, __FILE__, __LINE__)
#define expect_quiet(k) kit_quiet(k, __FILE__, __LINE__)
#define expect_state(k, st) kit_state(k, st, __FILE__, __LINE__)
#define expect_events(k, bits) kit_events(k, bits, __FILE__, __LINE__)
#define fired(k, rule, n) kit_fired(k, rule, n, __FILE__, __LINE__)
/* The next segment that leaves is exactly this. */
struct seg kit_expect(struct kit *k, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
                      const char *file, int line);
bool kit_take(struct kit *k, struct seg *g); /* the next segment, whatever it is */
void kit_quiet(struct kit *k, const char *file, int line);
/* The state of the pair, and SND.UNA, SND.NXT and RCV.NXT where it has them. */
void kit_state(struct kit *k, enum la_state st, const char *file, int line);
void kit_events(struct kit *k, uint32_t bits, const char *file, int line);
/* The rule fired n times since the last action. */
void kit_fired(struct kit *k, const char *rule, uint64_t n, const char *file, int line);
struct la_status kit_status(struct kit *k);
/* The next close record; fails if there is none. */
struct la_record kit_record(struct kit *k);

/* ---- rows ---- */
/* A state that rows shared by several states are run in. */
struct place {
    enum la_state state;
    struct kit *(*enter)(struct how how);
};
extern const struct place place_syn_sent, place_syn_received, place_established, place_fin_wait_1,
    place_fin_wait_2, place_close_wait, place_closing, place_last_ack, place_time_wait;
/* A row of tests/conformance/events.tsv by its id; SHARED: one of rows.h, in a state. */
#define ROW(id, test)                                                                              \
    {                                                                                              \
        id, test, NULL, NULL, NULL                                                                 \
    }
#define SHARED(id, test, place)                                                                    \
    {                                                                                              \
        id, test, NULL, NULL, (void *)(uintptr_t) & (place)                                        \
    }
/* Runs the rows in each of the three rounds; what main returns. */
int matrix_main(const struct CMUnitTest *rows, size_t n);
bool round_v6(void), round_options(void);
#define MATRIX(rows) matrix_main(rows, sizeof(rows) / sizeof *(rows))

#endif
