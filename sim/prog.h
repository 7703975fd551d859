/* prog.h: programs for simulated hosts: send known bytes, check what comes, echo, read slowly,
 * close in every way.
 *
 * The bytes of a stream are a function of (key, offset), so that the receiver checks each without a
 * copy of them, and any byte that is lost, doubled or misplaced shows.  A program never blocks; it
 * acts on events and on calls. */
#ifndef SIM_PROG_H
#define SIM_PROG_H

#include "sim/sim.h"

/* Fills p with the bytes at `offset` of stream `key`. */
void pattern_fill(uint64_t key, uint64_t offset, void *p, size_t n);
/* How many of the n bytes at p are as they should be, counted up to the first that is not. */
size_t pattern_check(uint64_t key, uint64_t offset, const void *p, size_t n);

/* When and how a program ends its side. */
enum sim_app_end {
    SIM_APP_SHUTDOWN, /* when all is sent: shutdown of sending; close at the peer's end of stream */
    SIM_APP_CLOSE,    /* when all is sent: close */
    SIM_APP_LAST,     /* close when all is sent and the peer's end of stream came */
    SIM_APP_STAYS,    /* only when told (sim_app_shutdown, sim_app_close, sim_app_abort) */
};

struct sim_app_config {
    uint64_t send;     /* bytes to send */
    uint64_t send_key; /* their stream */
    bool check;        /* compare what is received with stream recv_key */
    uint64_t recv_key;
    bool echo;      /* send back what comes, instead of `send` bytes */
    uint32_t chunk; /* bytes a la_send call; 0: 16 KiB */
    bool deaf;      /* reads nothing until sim_app_listen_up */
    bool peek;      /* reads with la_peek and la_consume instead of la_recv */
    enum sim_app_end end;
    int64_t opt[LA_OPTIONS]; /* options to set before opening, where opt_set says so */
    bool opt_set[LA_OPTIONS];
};

/* One connection's program.  Read-only to tests. */
struct sim_app {
    struct sim_handler handler; /* first */
    struct sim_host *host;
    struct sim_app *next; /* of its server */
    la_conn conn;
    struct sim_app_config cfg;
    bool connected, peer_closed, eof, ended, closed_event,
        handle;                      /* ended: our sending side is over */
    uint32_t events;                 /* every la_event_bits that came */
    uint64_t sent, received, bad_at; /* bad_at: offset of the first wrong byte, UINT64_MAX: none */
    int error;                       /* the first error a call gave, other than LA_EAGAIN */
    uint8_t *kept;                   /* echo: bytes that could not be sent yet */
    uint32_t kept_n;
    la_ns connected_at, eof_at;
};

/* A listener that starts a program for each connection. */
struct sim_server {
    struct sim_handler handler; /* first */
    struct sim_host *host;
    la_conn listener;
    struct sim_app_config cfg;
    struct sim_app *apps; /* newest first */
    uint32_t accepted;
    int error;
};

/* Opens a connection now.  The program lives until sim_free.  `error` says if la_connect refused.
 */
struct sim_app *sim_app_connect(struct sim_host *h, const struct la_endpoint *local,
                                const struct la_endpoint *remote, const struct sim_app_config *cfg);
/* A program for a connection that the caller has. */
struct sim_app *sim_app_adopt(struct sim_host *h, la_conn c, const struct sim_app_config *cfg);
/* Listens on any address of both families.  Lives until sim_free. */
struct sim_server *sim_serve(struct sim_host *h, uint16_t port, uint32_t backlog,
                             const struct sim_app_config *cfg);
void sim_server_close(struct sim_server *s);

void sim_app_listen_up(struct sim_app *a); /* deaf no more */
void sim_app_shutdown(struct sim_app *a);
void sim_app_close(struct sim_app *a);
void sim_app_abort(struct sim_app *a);

/* Conditions for sim_run_until; ctx is the struct sim_app. */
bool sim_app_is_connected(void *app);
bool sim_app_is_done(void *app); /* the peer's end of stream was read, and our side is over */
bool sim_app_has_failed(void *app);

/* The state that the stack reports for the handle; LA_CLOSED if there is none. */
enum la_state sim_app_state(const struct sim_app *a);
/* The close record of the connection from local port `port` to `peer_port` on this host; false if
 * none. */
bool sim_record(const struct sim_host *h, uint16_t port, uint16_t peer_port, struct la_record *out);

#endif
