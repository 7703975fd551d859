/* search_oracle.c: what must have come of a world.
 *
 * A stream begins with eight bytes that name it, and every byte after them is a function of that
 * name and its place: a byte that is lost, doubled, misplaced or another connection's shows.  Two
 * programs are one connection's if each end's initial sequence number is what the other heard. */
#include "sim/prog.h"
#include "sim/search_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void search_fail(struct search *s, const struct search_ep *e, const char *fmt, ...)
{
    va_list ap;
    struct search_result *out = s->out;
    if (s->failed)
        return;
    s->failed = true;
    out->ok = false;
    int n = 0;
    if (e)
        n = snprintf(out->text, sizeof out->text,
                     "at %c, connection %u (ports %u, %u): ", 'A' + (char)e->side, e->id,
                     e->local.port, e->remote.port);
    va_start(ap, fmt);
    vsnprintf(out->text + n, sizeof out->text - (size_t)n, fmt, ap);
    va_end(ap);
    if (e) {
        out->has_conn = true;
        out->conn[e->side] = e->local;
        out->conn[!e->side] = e->remote;
    }
}

/* ---- streams ---- */

static uint64_t key_of(const struct search *s, uint32_t id)
{
    return sim_mix(s->cfg->seed ^ (uint64_t)id << 32);
}

static void make_header(const struct search *s, uint32_t id, uint8_t h[SEARCH_HEADER])
{
    uint64_t check = key_of(s, id) << 32 | id;
    for (unsigned i = 0; i < SEARCH_HEADER; i++)
        h[i] = (uint8_t)(check >> 8 * i);
}

void search_fill(const struct search_ep *e, uint64_t offset, uint8_t *p, size_t n)
{
    uint8_t header[SEARCH_HEADER];
    make_header(e->search, e->id, header);
    pattern_fill(key_of(e->search, e->id), offset, p, n);
    for (size_t i = 0; i < n && offset + i < SEARCH_HEADER; i++)
        p[i] = header[offset + i];
}

/* The stream's name is complete: whose is it? */
static void read_header(struct search_ep *e)
{
    struct search *s = e->search;
    uint8_t want[SEARCH_HEADER];
    uint32_t id = (uint32_t)e->header[0] | (uint32_t)e->header[1] << 8 |
                  (uint32_t)e->header[2] << 16 | (uint32_t)e->header[3] << 24;
    make_header(s, id, want);
    if (id == 0 || id > s->eps || memcmp(want, e->header, sizeof want) != 0) {
        search_fail(s, e, "the first bytes that it read are nobody's");
        return;
    }
    e->peer_id = id;
    const struct search_ep *p = s->ep[id - 1];
    if (p->side == e->side || p->local.port != e->remote.port || p->remote.port != e->local.port)
        search_fail(s, e, "reads the stream of connection %u, whose sockets are others", id);
    else if (e->known && p->known && (e->iss != p->irs || e->irs != p->iss))
        search_fail(s, e, "reads the stream of connection %u: another incarnation", id);
}

void search_take(struct search_ep *e, const uint8_t *p, size_t n)
{
    struct search *s = e->search;
    s->stats->bytes += n;
    if (search_on(s, SEARCH_HOSTILE) || s->failed) {
        e->received += n;
        return;
    }
    while (n && e->received < SEARCH_HEADER) {
        e->header[e->received++] = *p++;
        n--;
        if (e->received == SEARCH_HEADER)
            read_header(e);
    }
    if (n == 0 || s->failed)
        return;
    size_t good = pattern_check(key_of(s, e->peer_id), e->received, p, n);
    uint64_t wrong = e->received + good;
    e->received += n;
    if (good < n)
        search_fail(s, e, "byte %llu of its stream is wrong", (unsigned long long)wrong);
    else if (e->received > s->ep[e->peer_id - 1]->sent)
        search_fail(s, e, "more came than connection %u sent", e->peer_id);
}

/* ---- records ---- */

static bool happened(const struct search_ep *e, uint8_t cause)
{
    switch ((enum la_cause)cause) {
    case LA_CAUSE_CLOSE:
    case LA_CAUSE_LINGER_TIMEOUT:
    case LA_CAUSE_DATA_AFTER_CLOSE:
    case LA_CAUSE_ORPHAN_TIMEOUT:
    case LA_CAUSE_PROBE_LIMIT:
        return e->closed;
    case LA_CAUSE_LINGER_0:
        return e->closed && e->plan.end == END_LINGER_0;
    case LA_CAUSE_UNREAD_DATA:
        return e->closed && e->record.bytes_unread > 0;
    case LA_CAUSE_SHUTDOWN:
        return e->shut;
    case LA_CAUSE_ABORT:
        return e->aborted;
    case LA_CAUSE_PEER_FIN:
        return e->record.first_fin == LA_SIDE_PEER;
    case LA_CAUSE_PEER_RST:
    case LA_CAUSE_REFUSED:
        return e->record.rst_by == LA_SIDE_PEER;
    case LA_CAUSE_USER_TIMEOUT:
    case LA_CAUSE_RETRANSMISSION_LIMIT:
    case LA_CAUSE_SYN_TIMEOUT:
    case LA_CAUSE_KEEPALIVE:
    case LA_CAUSE_NO_NEIGHBOUR:
        return e->record.error != LA_OK;
    case LA_CAUSE_NO_MEMORY:
        return e->search->limited;
    case LA_CAUSE_ICMP:
        return e->active;
    case LA_CAUSE_LISTENER_CLOSED:
    case LA_CAUSE_BACKLOG:
        return !e->active;
    case LA_CAUSE_NONE:
    case LA_CAUSE_PROTOCOL:
    case LA_CAUSE_STACK_ABORT:
    case LA_CAUSE_COUNT:
        break;
    }
    return false;
}

static void judge_times(struct search *s, const struct search_ep *e)
{
    const struct la_record *r = &e->record;
    la_ns sum = 0, wait = 2 * s->msl, most;
    for (unsigned i = 0; i < LA_STATES; i++)
        sum += r->in_state[i];
    if (r->state != LA_CLOSED || r->closed == LA_NEVER)
        search_fail(s, e, "at rest its record says that it is in %s", la_state_name(r->state));
    else if (sum != r->closed - r->opened)
        search_fail(s, e, "the times in its states are not the time of its life");
    else if (r->established != LA_NEVER &&
             (r->established < r->opened || r->established > r->closed))
        search_fail(s, e, "it was established before it was opened or after it was closed");
    la_ns in = r->in_state[LA_TIME_WAIT];
    bool early = r->tw.reused || r->tw.evicted || s->limited;
    /* Its clock counts whole microseconds, rounded up. */
    most = (wait + LA_USEC(1)) * (1 + (la_ns)r->tw.restarts);
    if (in && !early && (in < wait || in > most))
        search_fail(s, e, "TIME-WAIT lasted %llu ms with %u restarts, and 2MSL is %llu ms",
                    (unsigned long long)(in / 1000000), r->tw.restarts,
                    (unsigned long long)(wait / 1000000));
}

static void judge_record(struct search *s, const struct search_ep *e)
{
    const struct la_record *r = &e->record;
    bool hostile = search_on(s, SEARCH_HOSTILE);
    judge_times(s, e);
    if (r->local.port != e->local.port || r->remote.port != e->remote.port ||
        r->active_open != e->active)
        search_fail(s, e, "its record is of another connection");
    else if (!hostile && !happened(e, r->cause))
        search_fail(s, e, "its record says %s, which did not happen", la_cause_name(r->cause));
    else if (!hostile && !happened(e, r->ended_by))
        search_fail(s, e, "its record says that %s ended it, which did not happen",
                    la_cause_name(r->ended_by));
    else if (r->bytes_sent + r->bytes_unacked != e->sent)
        search_fail(s, e, "it sent %llu bytes, and its record says %llu, and %llu not acknowledged",
                    (unsigned long long)e->sent, (unsigned long long)r->bytes_sent,
                    (unsigned long long)r->bytes_unacked);
    else if (!e->read_shut && r->bytes_received != e->received + r->bytes_unread)
        search_fail(s, e, "it read %llu bytes, and its record says %llu, and %llu not read",
                    (unsigned long long)e->received, (unsigned long long)r->bytes_received,
                    (unsigned long long)r->bytes_unread);
    else if (r->error == LA_OK && (r->bytes_unacked || r->rst_by != LA_SIDE_NONE))
        search_fail(s, e, "its record calls an end orderly that was none");
    else if (e->error == LA_OK && r->error != LA_OK && e->eof && r->bytes_unacked == 0 &&
             r->rst_by == LA_SIDE_NONE && !e->closed)
        search_fail(s, e, "its record has an error that the program was not told");
}

/* Which records are whose; those of nobody are of half-open connections. */
static void collect(struct search *s, unsigned side)
{
    struct la_record r;
    uint32_t cursor = 0;
    while (la_record_next(sim_stack(s->host[side]), &cursor, &r)) {
        struct search_ep *e = NULL;
        for (uint32_t i = 0; i < s->eps; i++)
            if (s->ep[i]->side == side && !s->ep[i]->crashed && la_conn_eq(s->ep[i]->conn, r.conn))
                e = s->ep[i];
        if (!e) {
            if (r.cause == LA_CAUSE_NONE)
                search_fail(s, NULL, "a record without a cause, from %s",
                            la_state_name(r.last_state));
        } else if (e->recorded) {
            search_fail(s, e, "it left two records");
        } else {
            e->recorded = true;
            e->record = r;
        }
    }
}

/* ---- pairs ---- */

/* Would it end without an error, beside another such on a wire that gets better? */
static bool orderly(const struct search_ep *e)
{
    if (e->fragile || e->crashed || e->aborted || e->read_shut)
        return false;
    return e->plan.end == END_HALF || e->plan.end == END_LAST || e->plan.end == END_STAYS ||
           e->plan.end == END_CLOSE;
}

static void find_peers(struct search *s)
{
    for (uint32_t i = 0; i < s->eps; i++) {
        for (uint32_t k = 0; k < i; k++) {
            struct search_ep *a = s->ep[i], *b = s->ep[k];
            if (a->side == b->side || !a->known || !b->known || a->iss != b->irs ||
                a->irs != b->iss || a->local.port != b->remote.port ||
                a->remote.port != b->local.port)
                continue;
            if ((a->peer && a->peer != b) || (b->peer && b->peer != a)) {
                if (s->cookies) {
                    a->twice = b->twice = true;
                    continue;
                }
                search_fail(s, a, "two connections share their initial sequence numbers");
            }
            a->peer = b;
            b->peer = a;
        }
    }
}

/* Who read the end of the stream has read the stream, and its writer had ended it. */
static void judge_eof(struct search *s, const struct search_ep *e)
{
    const struct search_ep *p = e->peer;
    if (e->eof && !(p->shut || p->closed))
        search_fail(s, e, "it read an end of the stream that nobody sent");
    else if (e->eof && e->received != p->sent)
        search_fail(s, e, "it read the end of the stream after %llu of %llu bytes",
                    (unsigned long long)e->received, (unsigned long long)p->sent);
    else if (e->received && e->peer_id && e->peer_id != p->id)
        search_fail(s, e, "it is the other end of connection %u and read the stream of %u", p->id,
                    e->peer_id);
}

static bool both_orderly(const struct search *s, const struct search_ep *e)
{
    const struct search_ep *p = e->peer;
    if (s->limited || !p || e->twice || p->twice || !orderly(e) || !orderly(p))
        return false;
    /* Who closed waits for the other's FIN only so long. */
    bool impatient = e->plan.end == END_CLOSE || p->plan.end == END_CLOSE;
    bool long_wait = e->plan.end == END_STAYS || p->plan.end == END_STAYS ||
                     search_on(s, SEARCH_SLOW) || search_on(s, SEARCH_TIMERS);
    if (impatient && long_wait)
        return false;
    /* A close answers whatever still comes with RST: then the other must have nothing to say. */
    return !(e->plan.end == END_CLOSE && p->plan.send) &&
           !(p->plan.end == END_CLOSE && e->plan.send);
}

/* What both ends have read and their programs have written. */
static uint64_t carried(const struct search_ep *e)
{
    return e->sent + e->received + e->peer->sent + e->peer->received;
}

/* A small window carries much only slowly, but one step in ten seconds it does carry.  What has
 * carried everything has yet to end. */
static bool goes_on(const struct search *s, const struct search_ep *e)
{
    const struct search_ep *p = e->peer;
    uint64_t step = s->smallest_step < s->mtu ? s->smallest_step : s->mtu;
    uint64_t moved = carried(e) - e->carried, least = step * (SEARCH_PATIENCE / LA_SEC(10));
    bool whole = e->received == p->plan.send && p->received == e->plan.send;
    return moved >= least || (moved && whole);
}

void search_mark(struct search *s)
{
    if (search_on(s, SEARCH_HOSTILE))
        return;
    find_peers(s);
    for (uint32_t i = 0; i < s->eps; i++)
        if (s->ep[i]->peer)
            s->ep[i]->carried = carried(s->ep[i]);
}

bool search_judge_stuck(struct search *s)
{
    bool more = false;
    if (search_on(s, SEARCH_HOSTILE))
        return false;
    find_peers(s);
    for (uint32_t i = 0; i < s->eps && !s->failed; i++) {
        const struct search_ep *e = s->ep[i];
        struct la_status st;
        if (!e->handle || !both_orderly(s, e) ||
            la_status(sim_stack(s->host[e->side]), e->conn, &st) != LA_OK)
            continue;
        more = true;
        if (!goes_on(s, e))
            search_fail(s, e, "stuck in %s: %llu of %llu bytes sent, %u queued, %llu received",
                        la_state_name(st.state), (unsigned long long)e->sent,
                        (unsigned long long)e->plan.send, st.queued_out,
                        (unsigned long long)e->received);
    }
    return more && !s->failed;
}

/* The last ACK, and every answer to a FIN that came again, was lost until the peer's TIME-WAIT was
 * over: then a RST tells it (experiment 11).  Its bytes had all arrived. */
static bool outlived(const struct search_ep *e)
{
    const struct la_record *r = &e->record, *q = &e->peer->record;
    return e->error == LA_OK && (r->last_state == LA_LAST_ACK || r->last_state == LA_CLOSING) &&
           q->bytes_received == e->sent && q->in_state[LA_TIME_WAIT] && q->closed <= r->closed;
}

/* Neither end did anything that breaks a connection, nothing but the wire was against them. */
static void judge_orderly(struct search *s, struct search_ep *e)
{
    if (!both_orderly(s, e))
        return;
    s->stats->orderly++;
    if (outlived(e))
        return;
    if (e->sent != e->plan.send)
        search_fail(s, e, "only %llu of its %llu bytes were taken", (unsigned long long)e->sent,
                    (unsigned long long)e->plan.send);
    else if (e->error != LA_OK || e->record.error != LA_OK)
        search_fail(s, e, "an orderly end, and an error: %s; the record: %s, %s",
                    la_strerror(e->error), la_strerror(e->record.error),
                    la_cause_name(e->record.cause));
    else if (!e->eof && e->plan.end != END_CLOSE)
        search_fail(s, e, "it never read the end of the stream");
}

static void judge_pair(struct search *s, struct search_ep *e)
{
    const struct search_ep *p = e->peer;
    judge_eof(s, e);
    if (!s->failed)
        judge_orderly(s, e);
    if (s->failed || e->crashed || p->crashed)
        return;
    const struct la_record *r = &e->record, *q = &p->record;
    if (r->error == LA_OK && q->bytes_received != e->sent)
        search_fail(s, e,
                    "its record is of an orderly end, and of its %llu bytes the peer had %llu",
                    (unsigned long long)e->sent, (unsigned long long)q->bytes_received);
    else if (r->bytes_sent > q->bytes_received)
        search_fail(s, e, "more bytes were acknowledged than received");
    else if (r->error == LA_OK && q->error == LA_OK && r->first_fin == q->first_fin &&
             r->first_fin != LA_SIDE_BOTH)
        search_fail(s, e, "both ends say that %s closed first",
                    r->first_fin == LA_SIDE_LOCAL ? "they" : "the other");
}

/* ---- everything ---- */

static void judge_frames(struct search *s)
{
    uint64_t frames =
        sim_stats_from(s->link, s->host[0])->frames + sim_stats_from(s->link, s->host[1])->frames;
    uint64_t step = s->smallest_step > s->mtu ? s->mtu : s->smallest_step;
    uint64_t bound = 2000 + 1500 * (uint64_t)s->eps +
                     40 * (s->payload / (step ? step : 1) + s->payload / 50) + 4 * s->stats->forged;
    s->stats->frames += frames;
    if (frames > bound)
        search_fail(s, NULL, "%llu frames, for %llu bytes of %u programs",
                    (unsigned long long)frames, (unsigned long long)s->payload, s->eps);
}

void search_judge(struct search *s)
{
    bool hostile = search_on(s, SEARCH_HOSTILE);
    judge_frames(s);
    collect(s, 0);
    collect(s, 1);
    if (!hostile)
        find_peers(s);
    for (uint32_t i = 0; i < s->eps && !s->failed; i++) {
        struct search_ep *e = s->ep[i];
        if (!e->crashed && !e->recorded)
            search_fail(s, e, "it left no record");
        else if (!e->crashed)
            judge_record(s, e);
    }
    for (uint32_t i = 0; i < s->eps && !s->failed; i++) {
        if (s->ep[i]->peer && !s->ep[i]->twice && !s->ep[i]->peer->twice)
            judge_pair(s, s->ep[i]);
    }
}
