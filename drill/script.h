/* script.h: a packetdrill script as a tree: options, events in order, each with its time.
 *
 * A script is read by script_read, which refuses what is not of the language, and what this
 * implementation does not support, with its line and column.  It owns all its parts; script_free
 * frees them.  Numbers in it are the script's (relative to the ISNs), times are nanoseconds. */
#ifndef LA_DRILL_SCRIPT_H
#define LA_DRILL_SCRIPT_H

#include <lastack/lastack.h>

#define SCRIPT_MAX (4U << 20)   /* bytes of text: far above any script, far below an int */
#define BUFFER_MAX (256U << 20) /* bytes that one call carries */

/* A place in the text, both from 1. */
struct place {
    uint32_t line, col;
};

/* "file:line:col: what is wrong". */
struct drill_error {
    char text[1024];
};

/* ---- expressions: the arguments and results of calls ---- */

enum expr_kind {
    EXPR_ELLIPSIS, /* ... : whatever it is */
    EXPR_INT,      /* numbers, constants, and what | joined */
    EXPR_WORD,     /* a name that is no constant */
    EXPR_FUNCTION, /* name(a), which only a member's name may be */
    EXPR_STRING,
    EXPR_LIST,   /* [a, b] */
    EXPR_STRUCT, /* {name = a, name(n) = b} or {a, b} */
};

struct expr {
    enum expr_kind kind;
    struct place at;
    int64_t num;      /* EXPR_INT */
    const char *text; /* EXPR_STRING, unescaped; names; EXPR_INT as it was written */
    uint32_t len;     /* of an EXPR_STRING, which may hold NULs; else the number of items */
    struct item *items;
};

/* A member of a list or struct; `name` is NULL where none was written. */
struct item {
    const char *name;
    struct expr *count; /* of msg_iov(1)=..., else NULL */
    struct expr *value;
    struct item *next;
};

/* The struct's member of this name, or NULL. */
const struct item *expr_member(const struct expr *e, const char *name);

/* ---- packets ---- */

enum drill_options { DRILL_NO_OPTIONS, DRILL_THESE_OPTIONS, DRILL_ANY_OPTIONS };

enum drill_option {
    DRILL_OPT_NOP,
    DRILL_OPT_EOL,
    DRILL_OPT_MSS,
    DRILL_OPT_WSCALE,
    DRILL_OPT_SACKOK,
    DRILL_OPT_SACK,
    DRILL_OPT_TS,
    DRILL_OPT_FO,    /* kind 34 */
    DRILL_OPT_FOEXP, /* kind 254, magic 0xf989 */
    DRILL_OPT_RAW,   /* bytes as written */
};

#define DRILL_OPT_BYTES 40

struct tcp_option {
    enum drill_option kind;
    struct place at;
    uint32_t value, ecr; /* mss, shift, TSval */
    uint32_t sack[4][2];
    uint8_t nsack;
    uint8_t nbytes; /* DRILL_OPT_FO's cookie, DRILL_OPT_RAW */
    uint8_t bytes[DRILL_OPT_BYTES];
    struct tcp_option *next;
};

/* What a script says about ECN bits; of a packet to inject, ECT01 makes ECT(0). */
enum drill_ecn {
    DRILL_ECN_UNSAID,
    DRILL_ECN_NOT,
    DRILL_ECN_ECT0,
    DRILL_ECN_ECT1,
    DRILL_ECN_ECT01,
    DRILL_ECN_CE
};

#define DRILL_IP_OPTION_BYTES 40

struct ip_info {
    enum drill_ecn ecn;
    bool has_tos, has_ttl, has_flow;
    uint8_t tos, ttl;
    uint32_t flow;
    /* from here on additions of ours */
    bool has_src, has_dst, has_id, has_df, has_proto, has_frag;
    bool df;
    bool badsum; /* inject: the checksum of TCP is wrong */
    bool burst;  /* inject: the stack takes the next packet in before it sends */
    uint8_t proto;
    uint8_t noptions; /* IPv4 options to inject, padded to four */
    uint8_t options[DRILL_IP_OPTION_BYTES];
    uint32_t id;
    uint32_t from, to; /* inject: only these bytes behind the IP header, as a fragment */
    struct la_addr src, dst;
};

struct seg_numbers {
    uint32_t start, end, len;
};

struct tcp_spec {
    uint8_t flags; /* LA_TCP_* */
    bool has_ports, has_ack, has_win, has_urg;
    uint16_t sport, dport; /* of `PORT > PORT:`, an addition of ours */
    struct seg_numbers seq;
    uint32_t ack;
    uint16_t win, urg;
    enum drill_options options;
    struct tcp_option *option;
    uint32_t option_bytes; /* padded to four */
};

struct icmp_spec {
    uint8_t type, code; /* as on the wire of the script's IP version */
    uint32_t mtu;       /* the next-hop MTU, if has_mtu */
    bool has_mtu, has_echoed;
    struct seg_numbers echoed; /* of the segment that is quoted; of one to come its beginning */
};

struct packet {
    bool inbound;
    bool is_icmp;
    bool is_nothing; /* an addition of ours: up to this time the stack sends no segment */
    struct ip_info ip;
    struct tcp_spec tcp;
    struct icmp_spec icmp;
};

/* ---- events ---- */

enum when_kind { WHEN_ABSOLUTE, WHEN_RELATIVE, WHEN_ANY };

struct when {
    enum when_kind kind;
    bool range;
    la_ns at, end;
};

struct call {
    const char *name;
    struct place at;
    bool blocks; /* `...` and a time: when it returns */
    la_ns ends;  /* on the event's scale */
    struct item *args;
    uint32_t nargs;
    struct expr *result;
    const char *error; /* "ECONNRESET", or NULL */
    int error_number;
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_COMMAND, EVENT_CODE };

struct event {
    enum event_kind kind;
    struct place at; /* its first word */
    uint32_t last_line;
    struct when when;
    struct packet packet;
    struct call call;
    const char *text;     /* EVENT_COMMAND, EVENT_CODE: without the quotes */
    struct place text_at; /* where that begins */
    struct event *next;
};

/* --name=value */
struct script_option {
    const char *name, *value;
    struct place at;
    struct script_option *next;
};

/* What the options say, with packetdrill's defaults. */
struct script_config {
    bool v6;
    bool mapped; /* ipv4-mapped-ipv6: sockets of AF_INET6, packets of IPv4 */
    struct la_addr local, remote, gateway;
    unsigned prefix_len;
    uint16_t bind_port, connect_port; /* 8080 each */
    uint32_t mtu;                     /* 1500 */
    la_ns tolerance;                  /* 4 ms */
    la_ns ts_tick;                    /* 0: TSvals are not compared with time */
    la_ns msl;                        /* 0: the stack's default */
    const char *profile;              /* "linux", "freebsd" or "rfc", as so_profile's */
};

/* NAME=VALUE of --define. */
struct define {
    const char *name, *value;
};

struct script {
    const char *name;   /* as the caller called it */
    const char *source; /* its text, `len` bytes and a NUL */
    uint32_t len;
    struct script_option *options;
    struct script_config config;
    struct event *events; /* commands before and after the timed ones too */
    uint32_t nevents;
    struct chunk *memory;
};

/* What stands outside a script: options that rule over those in it, and names that it may use. */
struct script_outside {
    const struct script_option *options; /* or NULL */
    const struct define *defines;
    uint32_t ndefines;
};

/* The first of these options that has a value which no script could take, or NULL.  *takes: what it
 * takes instead. */
const struct script_option *script_option_wrong(const struct script_option *options,
                                                const char **takes);

/* Reads a script of n bytes.  0 and *out, or -1 and *err.  `outside` may be NULL.  Never keeps
 * pointers to what it was given. */
int script_read(const char *name, const char *text, size_t n, const struct script_outside *outside,
                struct script **out, struct drill_error *err);
void script_free(struct script *s); /* NULL is fine */

/* Line `line` of the text without its end; *n is its length. */
const char *script_line(const struct script *s, uint32_t line, uint32_t *n);

#endif
