/* private.h: what the files of sockets/ share. */
#ifndef LA_SOCKETS_PRIVATE_H
#define LA_SOCKETS_PRIVATE_H

#include "sockets/sockets.h"
#include <errno.h>

/* What a program set, kept here because a descriptor may have several connections in its life
 * (connect that failed, listen, accept).  `given` tells which of the core's options it chose. */
struct so_opts {
    int32_t value[64]; /* by row of the table in opts.c */
    uint64_t given;    /* bit: that row was set by the program */
    uint32_t rcvbuf, sndbuf;
    bool bufs_given[2]; /* rcvbuf, sndbuf */
    struct linger linger;
    la_ns rcvtimeo, sndtimeo; /* LA_NEVER: none */
    uint32_t notsent_lowat;   /* 0: none */
    uint32_t window_clamp;
    char bound_dev[16];
    char congestion[16];
};

enum so_phase {
    SO_UNCONNECTED, /* no connection of the core behind it */
    SO_LISTENING,
    SO_CONNECTING,
    SO_CONNECTED, /* also when it has ended since */
};

struct epoll;

/* One descriptor watched by one epoll. */
struct ep_item {
    struct epoll *ep;
    struct sock *sock;
    struct epoll_event ev;
    uint32_t armed;                          /* events asked for; 0 after a one-shot */
    bool ready;                              /* on the epoll's list: look when asked */
    struct ep_item *next;                    /* of the same socket */
    struct ep_item *up, *down;               /* all of the epoll */
    struct ep_item *ready_prev, *ready_next; /* the epoll's ready list */
};

struct epoll {
    int fd;
    struct ep_item *items;
    struct ep_item *ready_head, *ready_tail;
};

struct sock {
    int fd;
    uint64_t serial; /* never used twice: tells a descriptor's lives apart */
    int domain;
    uint8_t phase; /* enum so_phase */
    uint8_t shut;  /* 1: no more reading, 2: no more writing (LA_SHUT_*) */
    bool nonblock, cloexec;
    bool bound, bound_port; /* bind was called; the port was chosen by the program */
    bool ended;             /* LA_EV_CLOSED was seen: error is known */
    int error;              /* SO_ERROR: positive errno, reported once */
    la_conn conn;
    struct la_endpoint local; /* of bind */
    struct so_opts opt;
    struct ep_item *watchers;
};

enum file_kind { FILE_NONE, FILE_SOCKET, FILE_EPOLL };

struct file {
    enum file_kind kind;
    union {
        struct sock *sock;
        struct epoll *ep;
    };
};

struct sockets {
    struct so_config cfg;
    struct la_stack *stack;
    struct file *files; /* by descriptor */
    int nfiles;
    uint64_t serial;
    uint64_t random; /* for ports; no secret */
};

static inline la_ns so_now(const struct sockets *so)
{
    return so->cfg.hooks.now(so->cfg.hooks.ctx);
}

/* ---- sockets.c ---- */
int so_errno(int la_err); /* positive errno of an enum la_err */
struct sock *so_sock(const struct sockets *so, int fd);
/* The same socket as before a wait?  Else NULL: it was closed meanwhile. */
struct sock *so_again(const struct sockets *so, int fd, uint64_t serial);
int so_fd_new(struct sockets *so, struct file f);
void so_fd_drop(struct sockets *so, int fd);
struct sock *so_sock_new(struct sockets *so, int domain, int type);
void so_sock_free(struct sockets *so, struct sock *k);
/* Waits once.  0: look again; -EAGAIN: the deadline has passed, or nothing blocks here; or what the
 * hook says, negative.  *k is looked up anew: -EBADF if it is gone. */
int so_wait(struct sockets *so, struct sock **k, la_ns deadline);
void so_wake(struct sockets *so);
/* SO_ERROR once: negative, or `otherwise`. */
int so_take_error(struct sock *k, int otherwise);
/* The state of the connection; false if there is none (st is zeroed, CLOSED). */
bool so_status(const struct sockets *so, const struct sock *k, struct la_status *st);
static inline la_ns so_until(const struct sockets *so, la_ns timeout)
{
    la_ns now = so_now(so);
    return timeout >= LA_NEVER - now ? LA_NEVER : now + timeout;
}

/* ---- names.c ---- */
/* The endpoint that a sockaddr names for this socket; a negative errno. */
int so_from_sockaddr(const struct sock *k, const struct sockaddr *a, socklen_t n,
                     struct la_endpoint *out);
void so_to_sockaddr(int domain, const struct la_endpoint *e, struct sockaddr *a, socklen_t *n);
/* Is the local end free for bind or listen, by SO_REUSEADDR's rules?  0 or -EADDRINUSE. */
int so_bind_conflict(struct sockets *so, const struct sock *k, const struct la_endpoint *e);
int so_choose_port(struct sockets *so, const struct sock *k, struct la_endpoint *e);

/* ---- opts.c ---- */
void so_opts_init(struct so_opts *o, const struct so_config *cfg);
/* Gives the core what the program chose. */
void so_opts_apply(struct sockets *so, struct sock *k);
/* One of the int options by its place in the table. */
enum so_opt {
    OPT_REUSEADDR,
    OPT_REUSEPORT,
    OPT_KEEPALIVE,
    OPT_OOBINLINE,
    OPT_RCVLOWAT,
    OPT_V6ONLY,
    OPT_INQ,
    OPT_SYNCNT,
    OPT_DEFER_ACCEPT,
    OPT_LINGER2,
    OPT_USER_TIMEOUT,
    OPT_DEBUG,
    OPT_BROADCAST,
    OPT_DONTROUTE,
    OPT_PRIORITY,
    OPT_MARK,
    OPT_TIMESTAMP,
    OPT_BUSY_POLL,
    OPT_INCOMING_CPU,
    OPT_ZEROCOPY,
    OPT_TOS,
    OPT_TTL,
    OPT_RECVTOS,
    OPT_RECVTTL,
    OPT_MTU_DISCOVER,
    OPT_RECVERR,
    OPT_FREEBIND,
    OPT_TRANSPARENT,
    OPT_BIND_NO_PORT,
    OPT_TCLASS,
    OPT_HOPS,
    OPT_RECVTCLASS,
    OPT_MTU_DISCOVER6,
    OPT_RECVERR6,
    OPT_NODELAY,
    OPT_CORK,
    OPT_QUICKACK,
    OPT_MAXSEG,
    OPT_KEEPIDLE,
    OPT_KEEPINTVL,
    OPT_KEEPCNT,
    OPT_THIN_LINEAR,
    OPT_SAVE_SYN,
    OPT_COUNT
};
_Static_assert(OPT_COUNT <= 64, "struct so_opts has a place and a bit for each");

/* ---- info.c ---- */
struct tcp_info;
int so_tcp_info(struct sockets *so, const struct sock *k, void *value, socklen_t *len);
int so_mem_info(struct sockets *so, const struct sock *k, void *value, socklen_t *len);

/* ---- send.c ---- */
/* Does TCP_NOTSENT_LOWAT keep more out?  What is about to leave does not count as unsent. */
bool so_held_back(const struct sock *k, const struct la_status *st);

/* ---- poll.c ---- */
/* EPOLL* bits that hold now, as tcp_poll of Linux sees them. */
uint32_t so_ready(struct sockets *so, struct sock *k);

/* ---- epoll.c ---- */
/* Something of these kinds happened to k. */
void so_notify(struct sock *k, uint32_t events);
void so_unwatch(struct sock *k);
void so_epoll_free(struct epoll *ep);

#endif
