/* options.c: limits and defaults of what a program may set (lastack/tcp.h lists them; RFC 9293
 * §3.8.3, §3.8.4, §3.9.1).  Invariant: a struct options only ever holds values that are allowed. */
#include "tcp/options.h"
#include <stddef.h>
#include <string.h>

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
        .abc_limit = 2,
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

/* An option's limits, and its field. */
struct row {
    int32_t lo, hi;
    bool in_syn; /* said in a SYN: cannot change afterwards */
    uint8_t size;
    uint16_t at;
};

#define FIELD(name) sizeof((struct options){0}.name), offsetof(struct options, name)

static const struct row rows[LA_OPTIONS] = {
    [LA_OPT_NODELAY] = {0, 1, false, FIELD(nodelay)},
    [LA_OPT_CORK] = {0, 1, false, FIELD(cork)},
    [LA_OPT_QUICKACK] = {0, 1, false, FIELD(quickack)},
    [LA_OPT_RCVBUF] = {1, GIB, false, FIELD(rcvbuf)},
    [LA_OPT_SNDBUF] = {1, GIB, false, FIELD(sndbuf)},
    [LA_OPT_MAXSEG] = {0, UINT16_MAX, false, FIELD(maxseg)},
    [LA_OPT_KEEPALIVE] = {0, 1, false, FIELD(keepalive)},
    [LA_OPT_KEEPIDLE_MS] = {1, INT32_MAX, false, FIELD(keepidle_ms)},
    [LA_OPT_KEEPINTVL_MS] = {1, INT32_MAX, false, FIELD(keepintvl_ms)},
    [LA_OPT_KEEPCNT] = {1, UINT8_MAX, false, FIELD(keepcnt)},
    [LA_OPT_USER_TIMEOUT_MS] = {-1, INT32_MAX, false, FIELD(user_timeout_ms)},
    [LA_OPT_R1] = {1, UINT8_MAX, false, FIELD(r1)},
    [LA_OPT_R2] = {1, UINT8_MAX, false, FIELD(r2)},
    [LA_OPT_SYN_TIMEOUT_MS] = {1, INT32_MAX, false, FIELD(syn_timeout_ms)},
    [LA_OPT_LINGER_MS] = {-1, INT32_MAX, false, FIELD(linger_ms)},
    [LA_OPT_FIN_WAIT_2_MS] = {0, INT32_MAX, false, FIELD(fin_wait_2_ms)},
    [LA_OPT_TTL] = {1, UINT8_MAX, false, FIELD(ttl)},
    [LA_OPT_DSCP] = {0, 63, false, FIELD(dscp)},
    [LA_OPT_OOBINLINE] = {0, 1, false, FIELD(oobinline)},
    [LA_OPT_SOFT_ERRORS] = {0, 1, false, FIELD(soft_errors)},
    [LA_OPT_SACK] = {0, 1, true, FIELD(sack)},
    [LA_OPT_TIMESTAMPS] = {0, 1, true, FIELD(timestamps)},
    [LA_OPT_WSCALE] = {-2, 14, true, FIELD(wscale)},
    [LA_OPT_DEFER_ACCEPT_MS] = {0, INT32_MAX, false, FIELD(defer_accept_ms)},
    [LA_OPT_NOTSENT_LOWAT] = {0, INT32_MAX, false, FIELD(notsent_lowat)},
    [LA_OPT_RTO_INIT_MS] = {1, 60000, true, FIELD(rto_init_ms)},
    [LA_OPT_RTO_MIN_MS] = {1, 60000, true, FIELD(rto_min_ms)},
    [LA_OPT_RTO_MAX_MS] = {1000, 3600000, true,
                           FIELD(rto_max_ms)}, /* RFC 6298 §2.5 says 60 s at least */
    [LA_OPT_RTO_SLOP_MS] = {0, 1000, true, FIELD(rto_slop_ms)},
    [LA_OPT_SYNACK_RETRIES] = {0, 16, false, FIELD(synack_retries)},
    [LA_OPT_DELACK_MS] = {1, 499, false, FIELD(delack_ms)},
    [LA_OPT_ACK_PAIRS] = {0, 1, false, FIELD(ack_pairs)},
    [LA_OPT_QUICKACKS] = {0, UINT8_MAX, false, FIELD(quickacks)},
    [LA_OPT_EMPTY_PROBES] = {0, 1, false, FIELD(empty_probes)},
    [LA_OPT_MINSHALL] = {0, 1, false, FIELD(minshall)},
    [LA_OPT_BLACK_HOLE] = {0, 1, false, FIELD(black_hole)},
    [LA_OPT_RST_UNREAD] = {0, 1, false, FIELD(rst_unread)},
    [LA_OPT_CHALLENGE_MS] = {0, 60000, false, FIELD(challenge_ms)},
    [LA_OPT_ICMP_ABORTS] = {0, 1, false, FIELD(icmp_aborts)},
    [LA_OPT_ABC_LIMIT] = {0, UINT8_MAX, false, FIELD(abc_limit)},
    [LA_OPT_BARE_RST] = {0, 1, false, FIELD(bare_rst)},
    [LA_OPT_SYN_LAYOUT] = {0, LA_SYN_WSCALE_FIRST, true, FIELD(wscale_first)},
    [LA_OPT_HABITS] = {0, LA_HABITS, false, FIELD(habits)},
    [LA_OPT_BACKLOG] = {1, 0, false, 0, 0}, /* a listener's own, not an option to inherit */
};

static bool known(enum la_option which)
{
    return (unsigned)which < LA_OPTIONS;
}

int options_set(struct options *o, enum la_option which, int64_t value, bool open)
{
    if (!known(which) || value < rows[which].lo || value > rows[which].hi)
        return LA_EINVAL;
    if (open && rows[which].in_syn)
        return LA_EINVAL;
    uint8_t *p = (uint8_t *)o + rows[which].at;
    uint32_t v4 = (uint32_t)value;
    uint16_t v2 = (uint16_t)value;
    if (rows[which].size == sizeof v4)
        memcpy(p, &v4, sizeof v4);
    else if (rows[which].size == sizeof v2)
        memcpy(p, &v2, sizeof v2);
    else
        *p = (uint8_t)value;
    return LA_OK;
}

int options_get(const struct options *o, enum la_option which, int64_t *value)
{
    if (!known(which) || rows[which].size == 0)
        return LA_EINVAL;
    const uint8_t *p = (const uint8_t *)o + rows[which].at;
    int32_t v4;
    uint16_t v2;
    if (rows[which].size == sizeof v4) {
        memcpy(&v4, p, sizeof v4); /* no limit is above INT32_MAX */
        *value = v4;
    } else if (rows[which].size == sizeof v2) {
        memcpy(&v2, p, sizeof v2);
        *value = v2;
    } else {
        *value = rows[which].lo < 0 ? (int8_t)*p : *p;
    }
    return LA_OK;
}
