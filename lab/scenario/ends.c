/* ends.c: ends of connections: what their programs did, what became of them. */
#include "lab/scenario/lab.h"

#include <string.h>

#define FNV_START 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

static uint64_t fnv(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * FNV_PRIME;
    return h;
}

static void on_event(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct end *e = (struct end *)h;
    struct la_status st;
    if (ev->what & LA_EV_CONNECTED)
        e->connected = true;
    if (ev->what & LA_EV_CLOSED)
        e->ended = true;
    if (la_status(sim_stack(host), e->conn, &st) == LA_OK) {
        e->local = st.local;
        if (st.iss || st.irs) {
            e->iss = st.iss;
            e->irs = st.irs;
        }
    }
    if (e->connection < 0) /* its SYN has gone by */
        e->connection = wires_connection(e->lab, &e->local, &e->remote);
    fiber_run(e->owner);
}

struct end *end_new(struct fiber *f, const char *name)
{
    struct lab *lab = f->lab;
    struct end *e = sim_alloc(lab->sim, sizeof *e);
    *e = (struct end){.handler = {on_event},
                      .lab = lab,
                      .owner = f,
                      .name = name,
                      .host = (unsigned)f->host,
                      .boots = lab->boots[f->host],
                      .index = (unsigned)lab->nends,
                      .connection = -1,
                      .opened = sim_now(lab->sim),
                      .birth = sim_log(lab->host[f->host])->n,
                      .sent_hash = FNV_START,
                      .received_hash = FNV_START};
    lab->end = grown(lab->end, lab->nends, &lab->end_room, sizeof(struct end *));
    lab->end[lab->nends++] = e;
    return e;
}

struct end *end_named(struct lab *lab, const char *name)
{
    for (size_t i = lab->nends; i-- > 0;) {
        if (strcmp(lab->end[i]->name, name) == 0)
            return lab->end[i];
    }
    return NULL;
}

void end_took(struct end *e, const void *p, size_t n)
{
    e->received += n;
    e->received_hash = fnv(e->received_hash, p, n);
    if (!e->text)
        e->text = sim_alloc(e->lab->sim, LAB_TEXT_KEPT + 1);
    size_t keep = LAB_TEXT_KEPT - e->text_n;
    keep = n < keep ? n : keep;
    memcpy(e->text + e->text_n, p, keep);
    e->text_n += (uint32_t)keep;
}

void end_gave(struct end *e, const void *p, size_t n)
{
    e->sent += n;
    e->sent_hash = fnv(e->sent_hash, p, n);
}

/* Did a later end of this host take over the pair? */
static bool followed(const struct end *e)
{
    for (size_t i = e->index + 1; i < e->lab->nends; i++) {
        const struct end *k = e->lab->end[i];
        if (k->host == e->host && endpoint_eq(&k->local, &e->local) &&
            endpoint_eq(&k->remote, &e->remote))
            return true;
    }
    return false;
}

bool end_status(const struct end *e, struct la_status *st)
{
    const struct la_stack *s = sim_stack(e->lab->host[e->host]);
    uint64_t cursor = 0;
    if (e->boots != e->lab->boots[e->host])
        return false;
    if (e->handle)
        return la_status(s, e->conn, st) == LA_OK;
    if (followed(e))
        return false;
    while (la_status_next(s, &cursor, st)) {
        if (st->state != LA_LISTEN && endpoint_eq(&st->local, &e->local) &&
            endpoint_eq(&st->remote, &e->remote))
            return true;
    }
    return false;
}

bool end_record(const struct end *e, struct la_record *out)
{
    const struct lab *lab = e->lab;
    const struct la_stack *s = sim_stack(lab->host[e->host]);
    uint32_t cursor = 0;
    for (size_t i = 0; i < lab->nrecords; i++) {
        const struct lab_host_record *r = &lab->record[i];
        if (r->host == e->host && r->boots == e->boots && la_conn_eq(r->record.conn, e->conn)) {
            *out = r->record;
            return true;
        }
    }
    if (e->boots != lab->boots[e->host])
        return false;
    while (la_record_next(s, &cursor, out)) {
        if (la_conn_eq(out->conn, e->conn))
            return true;
    }
    return false;
}

void keep_records(struct lab *lab, unsigned host)
{
    struct la_record r;
    uint32_t cursor = 0;
    while (la_record_next(sim_stack(lab->host[host]), &cursor, &r)) {
        lab->record = grown(lab->record, lab->nrecords, &lab->record_room, sizeof *lab->record);
        lab->record[lab->nrecords++] =
            (struct lab_host_record){.host = host, .boots = lab->boots[host], .record = r};
    }
}

int end_error(const struct end *e)
{
    struct la_record r;
    if (e->error)
        return e->error;
    return end_record(e, &r) ? r.error : LA_OK;
}

/* The state that an event leads to, or LA_STATES if it is no change.  TIME-WAIT ends with its
 * record. */
static enum la_state change(const struct trace_event *ev)
{
    if (ev->kind == LA_TRACE_STATE)
        return ev->state_to;
    if (ev->kind == LA_TRACE_RECORD && ev->state != ev->state_to)
        return ev->state_to;
    return LA_STATES;
}

static bool is_birth(const struct trace_event *ev)
{
    return ev->kind == LA_TRACE_STATE && ev->state <= LA_LISTEN && ev->state_to > LA_LISTEN;
}

static unsigned end_track(const struct end *e, enum la_state *out, unsigned room)
{
    const struct trace_log *log = sim_log(e->lab->host[e->host]);
    unsigned n = 0;
    bool later = false; /* another connection has begun on this pair */
    for (size_t i = e->birth; i < log->n && n < room; i++) {
        const struct trace_event *ev = &log->ev[i];
        enum la_state to = change(ev);
        if (to == LA_STATES || !ev->has_conn || !endpoint_eq(&ev->local, &e->local) ||
            !endpoint_eq(&ev->remote, &e->remote))
            continue;
        if (n && is_birth(ev))
            later = true;
        /* The record of an entry that TIME-WAIT held comes when the new connection is safe. */
        if (later && !(ev->kind == LA_TRACE_RECORD && out[n - 1] == LA_TIME_WAIT))
            continue;
        if (n == 0)
            out[n++] = ev->state;
        if (n < room && out[n - 1] != to)
            out[n++] = to;
        if (later || to == LA_CLOSED)
            break;
    }
    return n;
}

void end_find_birth(struct end *e)
{
    const struct trace_log *log = sim_log(e->lab->host[e->host]);
    for (size_t i = log->n; i-- > 0;) {
        const struct trace_event *ev = &log->ev[i];
        if (is_birth(ev) && ev->has_conn && endpoint_eq(&ev->local, &e->local) &&
            endpoint_eq(&ev->remote, &e->remote)) {
            e->birth = i;
            return;
        }
    }
}

unsigned end_states(const struct end *e, const enum la_state **states)
{
    struct lab *lab = e->lab;
    unsigned n = 0;
    do {
        if (n == lab->track_room)
            lab->track = grown(lab->track, n, &lab->track_room, sizeof *lab->track);
        n = end_track(e, lab->track, (unsigned)lab->track_room);
    } while (n == lab->track_room);
    *states = lab->track;
    return n;
}
