/* record.c: the ring of close records (the fourth law: nothing ends without a reason).
 * Invariant: the record of serial s lies in slot (s - 1) % cap; a slot's own serial says whose it
 * is now, so that a reader with an old serial finds nothing rather than somebody else's. */
#include "tcp/record.h"
#include "tcp/tcp.h"

int records_init(struct records *r, struct mem *m, uint32_t cap)
{
    *r = (struct records){.cap = cap ? cap : 1};
    pages_init(&r->ring, m, sizeof(struct la_record), r->cap);
    return pages_grow(&r->ring, 1) ? LA_OK : LA_ENOMEM;
}

void records_free(struct records *r)
{
    pages_free(&r->ring);
    r->last = 0;
}

static struct la_record *slot_of(const struct records *r, uint32_t serial)
{
    return pages_at(&r->ring, (serial - 1) % r->cap);
}

struct la_record *record_new(struct records *r)
{
    uint32_t serial = r->last + 1 ? r->last + 1 : 1; /* 0 is no serial */
    struct la_record *rec;

    /* Memory refused on the first lap: the ring stays as large as it is, and the older records
     * already lie where the smaller ring has them. */
    if ((serial - 1) % r->cap >= r->ring.len && !pages_grow(&r->ring, (serial - 1) % r->cap + 1))
        r->cap = r->ring.len;
    rec = slot_of(r, serial);
    *rec = (struct la_record){.serial = serial};
    r->last = serial;
    return rec;
}

struct la_record *record_find(const struct records *r, uint32_t serial)
{
    struct la_record *rec;
    if (serial == 0 || (serial - 1) % r->cap >= r->ring.len)
        return NULL;
    rec = slot_of(r, serial);
    return rec->serial == serial ? rec : NULL;
}

/* When it entered TIME-WAIT. */
static la_ns time_wait_since(const struct la_record *rec)
{
    la_ns since = rec->opened;
    for (unsigned s = 0; s < LA_STATES; s++)
        if (s != LA_TIME_WAIT)
            since += rec->in_state[s];
    return since;
}

void record_complete(struct tcp *tcp, uint32_t serial, bool reused, bool evicted, la_ns now)
{
    struct la_record *rec = record_find(&tcp->records, serial);
    la_ns since;

    if (!rec || rec->state != LA_TIME_WAIT)
        return;
    since = time_wait_since(rec);
    rec->state = LA_CLOSED;
    rec->last_state = LA_TIME_WAIT;
    rec->closed = now;
    rec->in_state[LA_TIME_WAIT] = now > since ? now - since : 0;
    rec->tw.reused = reused;
    rec->tw.evicted = evicted;
    if (tcp->cfg->trace) {
        struct la_trace ev = {.kind = LA_TRACE_RECORD,
                              .now = now,
                              .local = &rec->local,
                              .remote = &rec->remote,
                              .state = LA_TIME_WAIT,
                              .state_to = LA_CLOSED,
                              .serial = serial};
        tcp->cfg->trace(tcp->cfg->trace_ctx, &ev);
    }
}
