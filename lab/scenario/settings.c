/* settings.c: everything that a scenario, a variant or --set can set, one row each. */
#include "lab/scenario/settings.h"

#include <string.h>

#define S(x) ((int64_t)LA_SEC(x))
#define YEAR S(31536000)
#define U32 ((int64_t)UINT32_MAX)
#define NO_DEFAULT SETTING_NO_DEFAULT

const struct setting_row setting_rows[] = {
    /* the run */
    {"until", SCOPE_RUN, VALUE_TIME, false, RUN_UNTIL, 1, YEAR, NO_DEFAULT,
     "when to stop looking; without it, when nothing moves any more"},
    {"seed", SCOPE_RUN, VALUE_NUMBER, false, RUN_SEED, 0, INT64_MAX, 1,
     "what luck, initial sequence numbers and ports come from"},
    /* a host's stack */
    {"msl", SCOPE_HOST, VALUE_TIME, false, HOST_MSL, 1000, S(900), S(30),
     "maximum segment lifetime; TIME-WAIT lasts two of them"},
    {"fin_wait_2", SCOPE_HOST, VALUE_TIME, false, HOST_FIN_WAIT_2, 1000, YEAR, S(60),
     "how long a closed connection waits for the peer's FIN"},
    {"time_wait", SCOPE_HOST, VALUE_BOOL, false, HOST_TIME_WAIT, 0, 1, 1,
     "off (lab only): who closes first goes straight to CLOSED"},
    {"rfc1337", SCOPE_HOST, VALUE_BOOL, false, HOST_RFC1337, 0, 1, 1,
     "off (lab only): a RST ends TIME-WAIT"},
    {"paws", SCOPE_HOST, VALUE_BOOL, false, HOST_PAWS, 0, 1, 1,
     "off (lab only): old timestamps are not turned away"},
    {"two_way_handshake", SCOPE_HOST, VALUE_BOOL, false, HOST_TWO_WAY, 0, 1, 0,
     "on (lab only): a SYN opens a connection at once"},
    {"isn", SCOPE_HOST, VALUE_NUMBER, true, HOST_ISN, 0, U32, NO_DEFAULT,
     "every initial sequence number is this one (lab only)"},
    {"syn_cookies", SCOPE_HOST, VALUE_BOOL, false, HOST_SYN_COOKIES, 0, 1, 1,
     "answer with cookies when there is no room for half-open connections"},
    {"first_port", SCOPE_HOST, VALUE_NUMBER, false, HOST_FIRST_PORT, 1, 65535, 32768,
     "the first of the ports that connect takes by itself"},
    {"last_port", SCOPE_HOST, VALUE_NUMBER, false, HOST_LAST_PORT, 1, 65535, 60999, "and the last"},
    {"max_connections", SCOPE_HOST, VALUE_NUMBER, false, HOST_MAX_CONNS, 1, 1000000, 1000000,
     "connections at most"},
    {"max_half_open", SCOPE_HOST, VALUE_NUMBER, false, HOST_MAX_EMBRYOS, 1, 1000000, 65536,
     "half-open connections at most"},
    {"max_time_wait", SCOPE_HOST, VALUE_NUMBER, false, HOST_MAX_TIME_WAIT, 1, 10000000, 262144,
     "TIME-WAIT entries at most; the oldest goes first"},
    {"max_blocks", SCOPE_HOST, VALUE_NUMBER, false, HOST_MAX_BLOCKS, 1, 10000000, 262144,
     "buffer blocks of 4 KiB at most"},
    /* a connection, or every connection of a host */
    {"nodelay", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_NODELAY, 0, 1, 0, "Nagle's algorithm off"},
    {"cork", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_CORK, 0, 1, 0, "hold back partial segments"},
    {"quickack", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_QUICKACK, 0, 1, 0, "no delayed ACK"},
    {"receive_buffer", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_RCVBUF, 1, 1 << 30, 1 << 20,
     "bytes that may wait unread"},
    {"send_buffer", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_SNDBUF, 1, 1 << 30, 1 << 20,
     "bytes that may wait unacknowledged"},
    {"mss", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_MAXSEG, 1, 65535, NO_DEFAULT,
     "largest payload of our segments"},
    {"window_scale", SCOPE_CONN, VALUE_NUMBER, true, LA_OPT_WSCALE, 0, 14, NO_DEFAULT,
     "the shift that is offered; off: none"},
    {"timestamps", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_TIMESTAMPS, 0, 1, 1, "those of RFC 7323"},
    {"sack", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_SACK, 0, 1, 1, "that of RFC 2018"},
    {"keepalive", SCOPE_CONN, VALUE_BOOL, false, LA_OPT_KEEPALIVE, 0, 1, 0, "probe an idle peer"},
    {"keepalive_idle", SCOPE_CONN, VALUE_TIME, false, LA_OPT_KEEPIDLE_MS, 1000000, S(2000000),
     S(7200), "after this long"},
    {"keepalive_interval", SCOPE_CONN, VALUE_TIME, false, LA_OPT_KEEPINTVL_MS, 1000000, S(2000000),
     S(75), "and then this far apart"},
    {"keepalive_probes", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_KEEPCNT, 1, 127, 9,
     "so many before the peer counts as dead"},
    {"user_timeout", SCOPE_CONN, VALUE_TIME, true, LA_OPT_USER_TIMEOUT_MS, 1000000, S(2000000),
     NO_DEFAULT, "how long bytes may stay unacknowledged; off: for ever"},
    {"r1", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_R1, 1, 255, 3,
     "retransmissions before the program hears of trouble"},
    {"r2", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_R2, 1, 255, 15,
     "retransmissions before the connection is given up"},
    {"syn_timeout", SCOPE_CONN, VALUE_TIME, false, LA_OPT_SYN_TIMEOUT_MS, 1000000, S(2000000),
     S(180), "how long a SYN without answer is sent again"},
    {"linger", SCOPE_CONN, VALUE_TIME, true, LA_OPT_LINGER_MS, 0, S(2000000), NO_DEFAULT,
     "0s: close sends RST; else how long what is queued has; off: as long as it takes"},
    {"ttl", SCOPE_CONN, VALUE_NUMBER, false, LA_OPT_TTL, 1, 255, 64, "of our packets"},
    /* a direction of a link, or both */
    {"delay", SCOPE_LINK, VALUE_TIME, false, LINK_DELAY, 0, YEAR, 10000000, "one way"},
    {"jitter", SCOPE_LINK, VALUE_TIME, false, LINK_JITTER, 0, S(3600), 0,
     "up to this much more, evenly; frames may overtake each other"},
    {"in_order", SCOPE_LINK, VALUE_BOOL, false, LINK_IN_ORDER, 0, 1, 0,
     "on: jitter does not reorder"},
    {"rate", SCOPE_LINK, VALUE_NUMBER, true, LINK_RATE, 1000, 1000000000000, NO_DEFAULT,
     "bits per second, like 10Mbit; off: no limit"},
    {"queue", SCOPE_LINK, VALUE_NUMBER, true, LINK_QUEUE, 1, U32, NO_DEFAULT,
     "bytes that may wait for the wire when it has a rate; off: no limit"},
    {"loss", SCOPE_LINK, VALUE_SHARE, false, LINK_LOSS, 0, 1000000, 0, "of frames"},
    {"duplication", SCOPE_LINK, VALUE_SHARE, false, LINK_DUPLICATION, 0, 1000000, 0, "of frames"},
    {"corruption", SCOPE_LINK, VALUE_SHARE, false, LINK_CORRUPTION, 0, 1000000, 0,
     "of frames: one bit flips"},
    {"reordering", SCOPE_LINK, VALUE_SHARE, false, LINK_REORDERING, 0, 1000000, 0,
     "of frames: late by reorder_by"},
    {"reorder_by", SCOPE_LINK, VALUE_TIME, false, LINK_REORDER_BY, 0, S(3600), 0, "see reordering"},
    {"loss_mask", SCOPE_LINK, VALUE_NUMBER, false, LINK_LOSS_MASK, 0, INT64_MAX, 0,
     "bit n: the n-th segment is lost, counted from 0"},
    {"black_hole", SCOPE_LINK, VALUE_NUMBER, true, LINK_BLACK_HOLE, 68, 65535, NO_DEFAULT,
     "packets longer than this vanish without a word; off: none do"},
    {"mtu", SCOPE_LINK, VALUE_NUMBER, false, LINK_MTU, 68, 65535, 1500, "bytes of a packet"},
    {"ip", SCOPE_LINK, VALUE_NUMBER, false, LINK_IP, 4, 6, 4, "4 or 6: the addresses in use"},
    {0}};

const struct setting_row *setting_named(const char *name)
{
    for (const struct setting_row *r = setting_rows; r->name; r++) {
        if (strcmp(r->name, name) == 0)
            return r;
    }
    return NULL;
}

void setting_guess(struct guess *g)
{
    for (const struct setting_row *r = setting_rows; r->name; r++)
        guess_try(g, r->name);
}

void setting_to_config(struct la_config *c, const struct setting_row *row, const struct value *v)
{
    uint32_t n = (uint32_t)v->n;
    bool on = v->n != 0;
    switch ((enum host_setting)row->id) {
    case HOST_MSL:
        c->msl = (la_ns)v->n;
        break;
    case HOST_FIN_WAIT_2:
        c->fin_wait_2 = (la_ns)v->n;
        break;
    case HOST_TIME_WAIT:
        c->lab.no_time_wait = !on;
        break;
    case HOST_RFC1337:
        c->lab.rst_kills_time_wait = !on;
        break;
    case HOST_PAWS:
        c->lab.no_paws = !on;
        break;
    case HOST_TWO_WAY:
        c->lab.two_way_handshake = on;
        break;
    case HOST_ISN:
        c->lab.fixed_isn = v->kind == VALUE_NUMBER;
        c->lab.isn = n;
        break;
    case HOST_SYN_COOKIES:
        c->syn_cookies = on;
        break;
    case HOST_FIRST_PORT:
        c->port_lo = (uint16_t)n;
        break;
    case HOST_LAST_PORT:
        c->port_hi = (uint16_t)n;
        break;
    case HOST_MAX_CONNS:
        c->max_conns = n;
        break;
    case HOST_MAX_EMBRYOS:
        c->max_embryos = n;
        break;
    case HOST_MAX_TIME_WAIT:
        c->max_time_wait = n;
        break;
    case HOST_MAX_BLOCKS:
        c->max_blocks = n;
        break;
    }
}

void setting_to_wire(struct sim_wire *w, const struct setting_row *row, const struct value *v)
{
    bool off = v->kind == VALUE_BOOL && !v->n;
    uint32_t n = off ? 0 : (uint32_t)v->n;
    switch ((enum link_setting)row->id) {
    case LINK_DELAY:
        w->delay = (la_ns)v->n;
        break;
    case LINK_JITTER:
        w->jitter = (la_ns)v->n;
        break;
    case LINK_IN_ORDER:
        w->in_order = v->n != 0;
        break;
    case LINK_RATE:
        w->rate = off ? 0 : (uint64_t)v->n;
        break;
    case LINK_QUEUE:
        w->queue = n;
        break;
    case LINK_LOSS:
        w->loss_ppm = n;
        break;
    case LINK_DUPLICATION:
        w->dup_ppm = n;
        break;
    case LINK_CORRUPTION:
        w->corrupt_ppm = n;
        break;
    case LINK_REORDERING:
        w->reorder_ppm = n;
        break;
    case LINK_REORDER_BY:
        w->reorder_by = (la_ns)v->n;
        break;
    case LINK_LOSS_MASK:
        w->loss_mask = (uint64_t)v->n;
        break;
    case LINK_BLACK_HOLE:
        w->black_hole = n;
        break;
    case LINK_MTU: /* of the interfaces, not of the wire */
    case LINK_IP:
        break;
    }
}

int64_t setting_to_option(const struct setting_row *row, const struct value *v)
{
    bool off = v->kind == VALUE_BOOL && !v->n;
    if (row->kind == VALUE_TIME)
        return off ? -1 : v->n / 1000000;
    if (row->id == LA_OPT_WSCALE && off)
        return -2;
    return v->n;
}
