/* options.c: limits and defaults of what a program may set (lastack/tcp.h lists them; RFC 9293
 * §3.8.3, §3.8.4, §3.9.1).  Invariant: a struct options only ever holds values that are allowed. */
#include "tcp/options.h"
#include "base/assert.h"

#define MIB (1024U * 1024U)
#define GIB (1024U * MIB)

void options_init(struct options *o, const struct la_config *cfg)
{
    la_ns fin_wait_2_ms = cfg->fin_wait_2 / LA_MSEC(1);

    *o = (struct options){
        .rcvbuf = MIB,
        .sndbuf = MIB,
        .keepidle_ms = 7200000, /* MUST-28: two hours at least by default */
        .keepintvl_ms = 75000,
        .keepcnt = 9,
        .syn_timeout_ms = 180000, /* MUST-23 */
        .fin_wait_2_ms = fin_wait_2_ms < INT32_MAX ? (uint32_t)fin_wait_2_ms : INT32_MAX,
        .linger_ms = -1,
        .r1 = 3, /* SHLD-10 */
        .r2 = 15,
        .rto_init_ms = 1000,
        .rto_min_ms = 200,
        .rto_max_ms = 60000,
        .synack_retries = 5,
        .delack_ms = 40,
        .challenge_ms = 500, /* RFC 5961 §7 leaves the number open */
        .black_hole = true,
        .rst_unread = true,
        .ttl = 64,
        .wscale = -1,
        .oobinline = true,
        .soft_errors = true,
        .sack = true,
        .timestamps = true,
    };
}

struct limits {
    int32_t lo, hi;
    bool in_syn; /* said in a SYN: cannot change afterwards */
};

static const struct limits limits[LA_OPTIONS] = {
    [LA_OPT_NODELAY] = {0, 1, false},
    [LA_OPT_CORK] = {0, 1, false},
    [LA_OPT_QUICKACK] = {0, 1, false},
    [LA_OPT_RCVBUF] = {1, GIB, false},
    [LA_OPT_SNDBUF] = {1, GIB, false},
    [LA_OPT_MAXSEG] = {0, UINT16_MAX, false},
    [LA_OPT_KEEPALIVE] = {0, 1, false},
    [LA_OPT_KEEPIDLE_MS] = {1, INT32_MAX, false},
    [LA_OPT_KEEPINTVL_MS] = {1, INT32_MAX, false},
    [LA_OPT_KEEPCNT] = {1, UINT8_MAX, false},
    [LA_OPT_USER_TIMEOUT_MS] = {-1, INT32_MAX, false},
    [LA_OPT_R1] = {1, UINT8_MAX, false},
    [LA_OPT_R2] = {1, UINT8_MAX, false},
    [LA_OPT_SYN_TIMEOUT_MS] = {1, INT32_MAX, false},
    [LA_OPT_LINGER_MS] = {-1, INT32_MAX, false},
    [LA_OPT_FIN_WAIT_2_MS] = {0, INT32_MAX, false},
    [LA_OPT_TTL] = {1, UINT8_MAX, false},
    [LA_OPT_DSCP] = {0, 63, false},
    [LA_OPT_OOBINLINE] = {0, 1, false},
    [LA_OPT_SOFT_ERRORS] = {0, 1, false},
    [LA_OPT_SACK] = {0, 1, true},
    [LA_OPT_TIMESTAMPS] = {0, 1, true},
    [LA_OPT_WSCALE] = {-2, 14, true},
    [LA_OPT_BACKLOG] = {1, 0, false}, /* a listener's own, not an option to inherit */
    [LA_OPT_DEFER_ACCEPT_MS] = {0, INT32_MAX, false},
    [LA_OPT_NOTSENT_LOWAT] = {0, INT32_MAX, false},
    [LA_OPT_RTO_INIT_MS] = {1, 60000, true},
    [LA_OPT_RTO_MIN_MS] = {1, 60000, true},
    [LA_OPT_RTO_MAX_MS] = {1000, 3600000, true}, /* RFC 6298 §2.5 says 60 s at least */
    [LA_OPT_RTO_SLOP_MS] = {0, 1000, true},
    [LA_OPT_SYNACK_RETRIES] = {0, 16, false},
    [LA_OPT_DELACK_MS] = {1, 499, false},
    [LA_OPT_ACK_PAIRS] = {0, 1, false},
    [LA_OPT_QUICKACKS] = {0, UINT8_MAX, false},
    [LA_OPT_EMPTY_PROBES] = {0, 1, false},
    [LA_OPT_MINSHALL] = {0, 1, false},
    [LA_OPT_BLACK_HOLE] = {0, 1, false},
    [LA_OPT_RST_UNREAD] = {0, 1, false},
    [LA_OPT_CHALLENGE_MS] = {0, 60000, false},
    [LA_OPT_BARE_RST] = {0, 1, false},
    [LA_OPT_SYN_LAYOUT] = {0, LA_SYN_WSCALE_FIRST, true},
};

static bool known(enum la_option which)
{
    return (unsigned)which < LA_OPTIONS;
}

/* When and how it sends, beside what the RFCs leave open to nobody. */
static void set_timing(struct options *o, enum la_option which, uint32_t v)
{
    if (which == LA_OPT_DEFER_ACCEPT_MS)
        o->defer_accept_ms = v;
    else if (which == LA_OPT_NOTSENT_LOWAT)
        o->notsent_lowat = v;
    else if (which == LA_OPT_RTO_INIT_MS)
        o->rto_init_ms = v;
    else if (which == LA_OPT_RTO_MIN_MS)
        o->rto_min_ms = v;
    else if (which == LA_OPT_RTO_MAX_MS)
        o->rto_max_ms = v;
    else if (which == LA_OPT_RTO_SLOP_MS)
        o->rto_slop_ms = (uint16_t)v;
    else if (which == LA_OPT_SYNACK_RETRIES)
        o->synack_retries = (uint8_t)v;
    else if (which == LA_OPT_DELACK_MS)
        o->delack_ms = (uint16_t)v;
    else if (which == LA_OPT_ACK_PAIRS)
        o->ack_pairs = v;
    else if (which == LA_OPT_QUICKACKS)
        o->quickacks = (uint8_t)v;
    else if (which == LA_OPT_EMPTY_PROBES)
        o->empty_probes = v;
    else if (which == LA_OPT_MINSHALL)
        o->minshall = v;
    else if (which == LA_OPT_BLACK_HOLE)
        o->black_hole = v;
    else if (which == LA_OPT_RST_UNREAD)
        o->rst_unread = v;
    else if (which == LA_OPT_CHALLENGE_MS)
        o->challenge_ms = (uint16_t)v;
    else if (which == LA_OPT_BARE_RST)
        o->bare_rst = v;
    else if (which == LA_OPT_SYN_LAYOUT)
        o->wscale_first = v == LA_SYN_WSCALE_FIRST;
}

int options_set(struct options *o, enum la_option which, int64_t value, bool open)
{
    if (!known(which) || value < limits[which].lo || value > limits[which].hi)
        return LA_EINVAL;
    if (open && limits[which].in_syn)
        return LA_EINVAL;

    bool on = value != 0;
    switch (which) {
    case LA_OPT_NODELAY:
        o->nodelay = on;
        break;
    case LA_OPT_CORK:
        o->cork = on;
        break;
    case LA_OPT_QUICKACK:
        o->quickack = on;
        break;
    case LA_OPT_RCVBUF:
        o->rcvbuf = (uint32_t)value;
        break;
    case LA_OPT_SNDBUF:
        o->sndbuf = (uint32_t)value;
        break;
    case LA_OPT_MAXSEG:
        o->maxseg = (uint16_t)value;
        break;
    case LA_OPT_KEEPALIVE:
        o->keepalive = on;
        break;
    case LA_OPT_KEEPIDLE_MS:
        o->keepidle_ms = (uint32_t)value;
        break;
    case LA_OPT_KEEPINTVL_MS:
        o->keepintvl_ms = (uint32_t)value;
        break;
    case LA_OPT_KEEPCNT:
        o->keepcnt = (uint8_t)value;
        break;
    case LA_OPT_USER_TIMEOUT_MS:
        o->user_timeout_ms = (int32_t)value;
        break;
    case LA_OPT_R1:
        o->r1 = (uint8_t)value;
        break;
    case LA_OPT_R2:
        o->r2 = (uint8_t)value;
        break;
    case LA_OPT_SYN_TIMEOUT_MS:
        o->syn_timeout_ms = (uint32_t)value;
        break;
    case LA_OPT_LINGER_MS:
        o->linger_ms = (int32_t)value;
        break;
    case LA_OPT_FIN_WAIT_2_MS:
        o->fin_wait_2_ms = (uint32_t)value;
        break;
    case LA_OPT_TTL:
        o->ttl = (uint8_t)value;
        break;
    case LA_OPT_DSCP:
        o->dscp = (uint8_t)value;
        break;
    case LA_OPT_OOBINLINE:
        o->oobinline = on;
        break;
    case LA_OPT_SOFT_ERRORS:
        o->soft_errors = on;
        break;
    case LA_OPT_SACK:
        o->sack = on;
        break;
    case LA_OPT_TIMESTAMPS:
        o->timestamps = on;
        break;
    case LA_OPT_WSCALE:
        o->wscale = (int8_t)value;
        break;
    case LA_OPT_DEFER_ACCEPT_MS:
    case LA_OPT_NOTSENT_LOWAT:
    case LA_OPT_RTO_INIT_MS:
    case LA_OPT_RTO_MIN_MS:
    case LA_OPT_RTO_MAX_MS:
    case LA_OPT_RTO_SLOP_MS:
    case LA_OPT_SYNACK_RETRIES:
    case LA_OPT_DELACK_MS:
    case LA_OPT_ACK_PAIRS:
    case LA_OPT_QUICKACKS:
    case LA_OPT_EMPTY_PROBES:
    case LA_OPT_MINSHALL:
    case LA_OPT_BLACK_HOLE:
    case LA_OPT_RST_UNREAD:
    case LA_OPT_CHALLENGE_MS:
    case LA_OPT_BARE_RST:
    case LA_OPT_SYN_LAYOUT:
        set_timing(o, which, (uint32_t)value);
        break;
    case LA_OPT_BACKLOG:
    case LA_OPTIONS:
        return LA_EINVAL;
    }
    return LA_OK;
}

static int64_t value_of(const struct options *o, enum la_option which)
{
    switch (which) {
    case LA_OPT_NODELAY:
        return o->nodelay;
    case LA_OPT_CORK:
        return o->cork;
    case LA_OPT_QUICKACK:
        return o->quickack;
    case LA_OPT_RCVBUF:
        return o->rcvbuf;
    case LA_OPT_SNDBUF:
        return o->sndbuf;
    case LA_OPT_MAXSEG:
        return o->maxseg;
    case LA_OPT_KEEPALIVE:
        return o->keepalive;
    case LA_OPT_KEEPIDLE_MS:
        return o->keepidle_ms;
    case LA_OPT_KEEPINTVL_MS:
        return o->keepintvl_ms;
    case LA_OPT_KEEPCNT:
        return o->keepcnt;
    case LA_OPT_USER_TIMEOUT_MS:
        return o->user_timeout_ms;
    case LA_OPT_R1:
        return o->r1;
    case LA_OPT_R2:
        return o->r2;
    case LA_OPT_SYN_TIMEOUT_MS:
        return o->syn_timeout_ms;
    case LA_OPT_LINGER_MS:
        return o->linger_ms;
    case LA_OPT_FIN_WAIT_2_MS:
        return o->fin_wait_2_ms;
    case LA_OPT_TTL:
        return o->ttl;
    case LA_OPT_DSCP:
        return o->dscp;
    case LA_OPT_OOBINLINE:
        return o->oobinline;
    case LA_OPT_SOFT_ERRORS:
        return o->soft_errors;
    case LA_OPT_SACK:
        return o->sack;
    case LA_OPT_TIMESTAMPS:
        return o->timestamps;
    case LA_OPT_WSCALE:
        return o->wscale;
    case LA_OPT_DEFER_ACCEPT_MS:
        return o->defer_accept_ms;
    case LA_OPT_NOTSENT_LOWAT:
        return o->notsent_lowat;
    case LA_OPT_RTO_INIT_MS:
        return o->rto_init_ms;
    case LA_OPT_RTO_MIN_MS:
        return o->rto_min_ms;
    case LA_OPT_RTO_MAX_MS:
        return o->rto_max_ms;
    case LA_OPT_RTO_SLOP_MS:
        return o->rto_slop_ms;
    case LA_OPT_SYNACK_RETRIES:
        return o->synack_retries;
    case LA_OPT_DELACK_MS:
        return o->delack_ms;
    case LA_OPT_ACK_PAIRS:
        return o->ack_pairs;
    case LA_OPT_QUICKACKS:
        return o->quickacks;
    case LA_OPT_EMPTY_PROBES:
        return o->empty_probes;
    case LA_OPT_MINSHALL:
        return o->minshall;
    case LA_OPT_BLACK_HOLE:
        return o->black_hole;
    case LA_OPT_RST_UNREAD:
        return o->rst_unread;
    case LA_OPT_CHALLENGE_MS:
        return o->challenge_ms;
    case LA_OPT_BARE_RST:
        return o->bare_rst;
    case LA_OPT_SYN_LAYOUT:
        return o->wscale_first ? LA_SYN_WSCALE_FIRST : LA_SYN_SACK_FIRST;
    case LA_OPT_BACKLOG:
    case LA_OPTIONS:
        break;
    }
    return 0;
}

int options_get(const struct options *o, enum la_option which, int64_t *value)
{
    if (!known(which) || which == LA_OPT_BACKLOG)
        return LA_EINVAL;
    *value = value_of(o, which);
    return LA_OK;
}
