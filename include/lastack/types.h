/* lastack/types.h: the values that cross the library's boundary. */
#ifndef LASTACK_TYPES_H
#define LASTACK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LA_API __attribute__((visibility("default")))
#else
#define LA_API
#endif

/* Nanoseconds on a clock that the caller owns and that never goes back.  Real
 * drivers pass CLOCK_MONOTONIC, tests and simulations pass virtual time. */
typedef uint64_t la_ns;
#define LA_NEVER UINT64_MAX
#define LA_USEC(x) ((la_ns)(x)*1000U)
#define LA_MSEC(x) ((la_ns)(x)*1000000U)
#define LA_SEC(x) ((la_ns)(x)*1000000000U)

/* Every call that can fail returns one of these, negative; success is 0 or a count. */
enum la_err {
    LA_OK = 0,
    LA_EINVAL = -1,         /* an argument makes no sense (the function says which) */
    LA_ENOMEM = -2,         /* a configured limit is reached, or the allocator refused */
    LA_EAGAIN = -3,         /* nothing now; an event tells when */
    LA_EBADF = -4,          /* the handle was closed, or never was one */
    LA_ENOTCONN = -5,       /* not connected yet, or no longer */
    LA_EISCONN = -6,        /* already connected or connecting */
    LA_EPIPE = -7,          /* sending is over: we closed, or shut down, this direction */
    LA_ECONNRESET = -8,     /* the peer sent RST */
    LA_ECONNREFUSED = -9,   /* RST in answer to our SYN */
    LA_ECONNABORTED = -10,  /* we aborted it */
    LA_ETIMEDOUT = -11,     /* user timeout, retransmission limit or keep-alive */
    LA_EHOSTUNREACH = -12,  /* no neighbour answers, or ICMP said so */
    LA_ENETUNREACH = -13,   /* no route */
    LA_EADDRINUSE = -14,    /* that socket, or socket pair, is taken */
    LA_EADDRNOTAVAIL = -15, /* not an address of ours, or no free port */
    LA_EOPNOTSUPP = -16,    /* the call does not fit this kind of handle */
    LA_EMSGSIZE = -17,      /* larger than the path or the limit allows */
    LA_EPROTO = -18,        /* the peer broke the protocol */
};

/* A short English text for an la_err, "unknown error" for other values.  Static. */
LA_API const char *la_strerror(int err);

/* An IPv6 address in network order; IPv4 is carried as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
struct la_addr {
    uint8_t b[16];
};

#define LA_ADDR_ANY ((struct la_addr){{0}})
/* Room for the longest text that la_addr_format writes, with its NUL. */
#define LA_ADDR_STRLEN 46

static inline struct la_addr la_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct la_addr){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

LA_API bool la_addr_is_v4(const struct la_addr *a);
LA_API bool la_addr_is_any(const struct la_addr *a); /* :: or 0.0.0.0 */
LA_API bool la_addr_eq(const struct la_addr *a, const struct la_addr *b);

/* Parses "10.0.0.1" or "fd00::1" (RFC 4291 §2.2, no scope).  LA_EINVAL if it is neither. */
LA_API int la_addr_parse(const char *text, struct la_addr *out);

/* Writes the address as text (RFC 5952 for IPv6) with a NUL; buf holds LA_ADDR_STRLEN.  Returns
 * buf. */
LA_API char *la_addr_format(const struct la_addr *a, char *buf);

/* One end of a connection.  `ifx` names the interface where the address is link-local, else -1. */
struct la_endpoint {
    struct la_addr addr;
    uint16_t port; /* host order */
    int16_t ifx;
};

/* A connection or listener.  A handle outlives what it names safely: after la_close it is refused
 * with LA_EBADF, for ever (index and generation). */
typedef struct la_conn {
    uint32_t index;
    uint32_t generation;
} la_conn;
#define LA_CONN_NONE ((la_conn){0, 0})
static inline bool la_conn_eq(la_conn a, la_conn b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* Bytes that belong to somebody else; who, and for how long, each function says. */
struct la_span {
    const uint8_t *p;
    uint32_t n;
};

/* RFC 9293 §3.3.2, in the order in which they are usually listed. */
enum la_state {
    LA_CLOSED,
    LA_LISTEN,
    LA_SYN_SENT,
    LA_SYN_RECEIVED,
    LA_ESTABLISHED,
    LA_FIN_WAIT_1,
    LA_FIN_WAIT_2,
    LA_CLOSE_WAIT,
    LA_CLOSING,
    LA_LAST_ACK,
    LA_TIME_WAIT,
    LA_STATES
};
/* "FIN-WAIT-1" and so on, as RFC 9293 writes them.  Static. */
LA_API const char *la_state_name(enum la_state s);

/* What a device has done, or has to do, about a frame's transport checksum. */
enum la_csum {
    LA_CSUM_NONE,    /* rx: not looked at;  tx: complete in the frame */
    LA_CSUM_VALID,   /* rx: the device vouches for it */
    LA_CSUM_PARTIAL, /* the field holds the pseudo-header's sum; whoever sends it on completes it
                        from csum_start (virtio-net's NEEDS_CSUM); rx: came from this machine,
                        trusted */
};

#define LA_FRAME_SPANS 20

/* One frame, or one superframe that the device cuts into segments of gso_size (virtio-net's GSO).
 * `head` is contiguous and holds at least every header; payload may go on in the spans, so that a
 * sender's bytes need no copy.  An ordinary driver receives with nspan = 0. */
struct la_frame {
    struct la_span head;
    struct la_span span[LA_FRAME_SPANS];
    uint32_t len; /* head.n plus all spans */
    uint8_t nspan;
    uint8_t csum;         /* enum la_csum */
    uint16_t csum_start;  /* LA_CSUM_PARTIAL: offset of the transport header */
    uint16_t csum_offset; /* LA_CSUM_PARTIAL: of the checksum field, from csum_start */
    uint16_t gso_size;    /* 0, or the TCP payload bytes of each segment */
};

#ifdef __cplusplus
}
#endif
#endif
