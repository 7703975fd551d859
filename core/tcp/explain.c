/* explain.c: a close record as one English sentence, and the names of causes and timers.
 * The core has no printf: sentences are put together piece by piece, and end in "..." where the
 * caller's room ends. */
#include <lastack/tcp.h>

const char *la_cause_name(enum la_cause c)
{
    switch (c) {
#define CASE(id, text)                                                                             \
    case LA_CAUSE_##id:                                                                            \
        return #id;
        LA_CAUSES(CASE)
#undef CASE
    case LA_CAUSE_COUNT:
        break;
    }
    return "unknown";
}

const char *la_cause_text(enum la_cause c)
{
    switch (c) {
#define CASE(id, text)                                                                             \
    case LA_CAUSE_##id:                                                                            \
        return text;
        LA_CAUSES(CASE)
#undef CASE
    case LA_CAUSE_COUNT:
        break;
    }
    return "unknown cause";
}

const char *la_timer_name(enum la_timer_kind k)
{
    switch (k) {
    case LA_TIMER_NONE:
        return "none";
    case LA_TIMER_RTO:
        return "retransmission";
    case LA_TIMER_PERSIST:
        return "persist";
    case LA_TIMER_DELACK:
        return "delayed-ack";
    case LA_TIMER_KEEPALIVE:
        return "keepalive";
    case LA_TIMER_FIN_WAIT_2:
        return "fin-wait-2";
    case LA_TIMER_TIME_WAIT:
        return "time-wait";
    case LA_TIMER_USER:
        return "user-timeout";
    }
    return "unknown";
}

/* ---- text ---- */

struct text {
    char *at, *end; /* *end is for the NUL */
    bool cut;
};

static void put(struct text *t, const char *s)
{
    while (*s) {
        if (t->at == t->end) {
            t->cut = true;
            return;
        }
        *t->at++ = *s++;
    }
}

/* Decimal, with commas: 1,234,567. */
static void put_number(struct text *t, uint64_t v)
{
    char digits[28];
    char *p = digits + sizeof digits - 1;
    unsigned n = 0;
    *p = 0;
    do {
        if (n > 0 && n % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + v % 10);
        v /= 10;
        n++;
    } while (v);
    put(t, p);
}

/* "1 byte", "2 bytes". */
static void put_count(struct text *t, uint64_t n, const char *one, const char *many)
{
    put_number(t, n);
    put(t, " ");
    put(t, n == 1 ? one : many);
}

static void put_times(struct text *t, uint32_t n)
{
    if (n == 1)
        put(t, "once");
    else if (n == 2)
        put(t, "twice");
    else
        put_count(t, n, "time", "times");
}

/* In the unit that leaves one to four digits, with at most one decimal: 1.2 ms, 60 s, 5 min. */
static void put_time(struct text *t, la_ns ns)
{
    static const struct unit {
        uint64_t ns;
        char name[4];
    } units[] = {{LA_SEC(3600), "h"}, {LA_SEC(60), "min"}, {LA_SEC(1), "s"},
                 {LA_MSEC(1), "ms"},  {LA_USEC(1), "us"},  {1, "ns"}};
    unsigned u = 0;
    while (units[u].ns > 1 && ns < units[u].ns * (u < 2 ? 2 : 1))
        u++;
    uint64_t tenths = ns % units[u].ns * 10 / units[u].ns;
    put_number(t, ns / units[u].ns);
    if (tenths) {
        put(t, ".");
        put_number(t, tenths);
    }
    put(t, " ");
    put(t, units[u].name);
}

/* ---- clauses ---- */

static bool by_us(const struct la_record *r)
{
    return r->rst_by == LA_SIDE_LOCAL || r->rst_by == LA_SIDE_BOTH;
}

static bool by_peer(const struct la_record *r)
{
    return r->rst_by == LA_SIDE_PEER || r->rst_by == LA_SIDE_BOTH;
}

static bool had_time_wait(const struct la_record *r)
{
    return r->state == LA_TIME_WAIT || r->last_state == LA_TIME_WAIT ||
           r->in_state[LA_TIME_WAIT] > 0;
}

/* Both FINs were seen. */
static bool both_closed(const struct la_record *r)
{
    return r->second_fin_at != LA_NEVER;
}

static void put_unacked(struct text *t, const struct la_record *r, const char *before)
{
    if (r->bytes_unacked == 0)
        return;
    put(t, before);
    put_count(t, r->bytes_unacked, "byte of ours was", "bytes of ours were");
    put(t, " unacknowledged");
}

static void put_unread(struct text *t, const struct la_record *r)
{
    if (r->bytes_unread == 0)
        return;
    put(t, "; ");
    put_count(t, r->bytes_unread, "received byte was", "received bytes were");
    put(t, " never read");
}

/* We cut it off; whether a RST went out depends on the state it was in. */
static void put_cut(struct text *t, const struct la_record *r, const char *why)
{
    put(t, by_us(r) ? "We reset the connection: " : "We ended the connection: ");
    put(t, why);
    put_unacked(t, r, " while ");
}

static void put_gave_up(struct text *t, const struct la_record *r, const char *why)
{
    put(t, "We gave up: ");
    put(t, why);
    put_unacked(t, r, "; ");
}

static void put_later(struct text *t, const struct la_record *r, la_ns then)
{
    if (then == r->first_fin_at) {
        put(t, "at once");
        return;
    }
    put_time(t, then - r->first_fin_at);
    put(t, " later");
}

/* The other side's FIN, after the first one. */
static void put_second_fin(struct text *t, const struct la_record *r)
{
    if (r->first_fin == LA_SIDE_LOCAL && both_closed(r)) {
        put(t, "; the peer closed ");
        put_later(t, r, r->second_fin_at);
    } else if (r->first_fin == LA_SIDE_LOCAL && r->last_state == LA_FIN_WAIT_2) {
        put(t, "; the peer had not closed ");
        put_later(t, r, r->closed);
    } else if (r->first_fin == LA_SIDE_PEER && both_closed(r)) {
        put(t, "; we closed ");
        put_later(t, r, r->second_fin_at);
    } else if (r->first_fin == LA_SIDE_PEER && r->last_state == LA_CLOSE_WAIT) {
        put(t, "; our program had not closed ");
        put_later(t, r, r->closed);
    }
}

/* The program had closed, and a closed window, text before it or the wire kept our FIN back. */
static void put_kept_fin(struct text *t, const struct la_record *r)
{
    bool closed = r->last_state == LA_FIN_WAIT_1 || r->last_state == LA_CLOSING ||
                  r->last_state == LA_LAST_ACK;
    if (closed && r->first_fin != LA_SIDE_LOCAL && !both_closed(r))
        put(t, "; our FIN never left");
}

/* What cut it off after the first FIN, or nothing did. */
static void put_outcome(struct text *t, const struct la_record *r)
{
    bool cut = r->ended_by != r->cause && r->ended_by != LA_CAUSE_NONE;
    if (cut && by_peer(r)) {
        put(t, "; then the peer reset it");
        put_unacked(t, r, " while ");
    } else if (cut) {
        put(t, by_us(r)                   ? "; then we reset it ("
               : r->error == LA_ETIMEDOUT ? "; then we gave up ("
                                          : "; then we ended it (");
        put(t, la_cause_text((enum la_cause)r->ended_by));
        put(t, ")");
        put_unacked(t, r, " while ");
    } else if (r->error != LA_OK || !both_closed(r)) {
        put(t, "; it did not end in order");
        put_unacked(t, r, ": ");
    } else {
        put(t, "; both directions ended in order");
    }
    if (r->fin_retransmits) {
        put(t, ", our FIN sent again ");
        put_times(t, r->fin_retransmits);
    }
}

/* The first FIN, whoever sent it, and what came after. */
static void put_closing(struct text *t, const struct la_record *r)
{
    if (r->first_fin == LA_SIDE_BOTH) {
        put(t, "Both sides closed at once and their FINs crossed");
    } else if (r->first_fin == LA_SIDE_PEER) {
        put(t, "The peer closed first");
    } else {
        put(t, "We closed first (");
        put(t, la_cause_text((enum la_cause)r->cause));
        put(t, ")");
    }
    put_second_fin(t, r);
    put_outcome(t, r);
}

static void put_handshake_timeout(struct text *t, const struct la_record *r)
{
    put(t, r->active_open ? "The peer never answered our SYN"
                          : "The peer never completed the handshake that it began");
    if (r->closed != LA_NEVER && r->opened != LA_NEVER && r->closed > r->opened) {
        put(t, ": we gave up after ");
        put_time(t, r->closed - r->opened);
    }
    if (r->retransmits) {
        put(t, " and ");
        put_count(t, r->retransmits, "retransmission", "retransmissions");
    }
}

static void put_peer_reset(struct text *t, const struct la_record *r)
{
    put(t, "The peer reset the connection");
    put_unacked(t, r, " while ");
}

/* No FIN was first: what ended it is all there is. */
static void put_cause(struct text *t, const struct la_record *r)
{
    switch ((enum la_cause)r->cause) {
    case LA_CAUSE_NONE:
        put(t, "The connection is still open");
        break;
    case LA_CAUSE_PEER_RST:
        put_peer_reset(t, r);
        break;
    case LA_CAUSE_REFUSED:
        put(t, "The peer refused the connection: it answered our SYN with RST");
        break;
    case LA_CAUSE_SYN_TIMEOUT:
        put_handshake_timeout(t, r);
        break;
    case LA_CAUSE_RETRANSMISSION_LIMIT:
        put(t, "We gave up after ");
        put_count(t, r->retransmits, "retransmission", "retransmissions");
        put(t, " without an answer");
        put_unacked(t, r, "; ");
        break;
    case LA_CAUSE_USER_TIMEOUT:
        put_gave_up(t, r, "the user timeout passed");
        break;
    case LA_CAUSE_KEEPALIVE:
        put_gave_up(t, r, "keep-alive probes were not answered");
        break;
    case LA_CAUSE_PROBE_LIMIT:
        put_gave_up(t, r, "the program had closed, and the peer's window stayed closed");
        break;
    case LA_CAUSE_ICMP:
        put(t, "The connection could not be opened: ICMP said unreachable");
        break;
    case LA_CAUSE_NO_NEIGHBOUR:
        put_gave_up(t, r, "nobody answers for the next hop's address");
        break;
    case LA_CAUSE_CLOSE:
    case LA_CAUSE_SHUTDOWN:
    case LA_CAUSE_PEER_FIN:
    case LA_CAUSE_ABORT:
    case LA_CAUSE_LINGER_0:
    case LA_CAUSE_LINGER_TIMEOUT:
    case LA_CAUSE_UNREAD_DATA:
    case LA_CAUSE_DATA_AFTER_CLOSE:
    case LA_CAUSE_ORPHAN_TIMEOUT:
    case LA_CAUSE_PROTOCOL:
    case LA_CAUSE_NO_MEMORY:
    case LA_CAUSE_LISTENER_CLOSED:
    case LA_CAUSE_BACKLOG:
    case LA_CAUSE_STACK_ABORT:
    case LA_CAUSE_COUNT:
        put_cut(t, r, la_cause_text((enum la_cause)r->cause));
        break;
    }
}

static void put_turned_away(struct text *t, const struct la_time_wait_stats *tw)
{
    uint32_t n = tw->rst_ignored + tw->syn_refused + tw->old_segments;
    if (n == 0)
        return;
    put(t, ", turned away ");
    if (n == tw->rst_ignored)
        put_count(t, n, "RST", "RSTs");
    else if (n == tw->syn_refused)
        put_count(t, n, "SYN", "SYNs");
    else
        put_count(t, n, "old segment", "old segments");
}

static void put_time_wait(struct text *t, const struct la_record *r)
{
    if (!had_time_wait(r))
        return;
    if (r->state == LA_TIME_WAIT) {
        put(t, "; TIME-WAIT is still running");
    } else {
        put(t, "; TIME-WAIT lasted ");
        put_time(t, r->in_state[LA_TIME_WAIT]);
    }
    if (r->tw.restarts) {
        put(t, ", restarted ");
        put_times(t, r->tw.restarts);
    }
    put_turned_away(t, &r->tw);
    if (r->tw.reused)
        put(t, ", cut short by a new connection of the pair");
    else if (r->tw.evicted)
        put(t, ", cut short because the table was full");
}

char *la_record_explain(const struct la_record *r, char *buf, size_t n)
{
    struct text t;
    if (n == 0)
        return buf;
    t = (struct text){.at = buf, .end = buf + n - 1};
    if (r->first_fin == LA_SIDE_NONE)
        put_cause(&t, r);
    else
        put_closing(&t, r);
    put_kept_fin(&t, r);
    put_unread(&t, r);
    put_time_wait(&t, r);
    put(&t, ".");
    *t.at = 0;
    for (unsigned i = 0; t.cut && i < 3 && t.at > buf; i++)
        *--t.at = '.';
    return buf;
}
