/* timewait.c: the TIME-WAIT table: queues of compact slots in order of expiry (RFC 9293 §3.6.1,
 * §3.10.8; what the entries answer is decided in timewait_in.c).
 *
 * A deadline is the end of the wait rounded up to microseconds, modulo 2^32.  What is in the table
 * has at most 2MSL left, so whatever reads as more lies in the past; a driver that slept for longer
 * than 2^32 us only makes the wait longer.
 *
 * Invariant: along each queue deadlines do not decrease; a live slot is in the conntab or shadowed.
 */
#include "tcp/timewait.h"
#include "base/assert.h"
#include "tcp/tcp.h"

_Static_assert(NET_IFS <= 8, "three bits name the interface of a link-local pair");

/* ---- chunks and slots ---- */

static struct tw_chunk *chunk_at(const struct tw_queue *q, uint32_t c)
{
    return pages_at(&q->chunks, c - 1);
}

static struct tw_core *slot_at(const struct tw_queue *q, uint32_t index)
{
    return pages_at(&q->slots, index - 1);
}

static struct tw_queue *queue_of(struct timewait *w, ref r)
{
    return ref_kind(r) == REF_TW4 ? &w->v4 : &w->v6;
}

/* Appends an empty chunk to the queue. */
static bool chunk_take(struct tw_queue *q)
{
    uint32_t c = q->free;
    if (c) {
        q->free = chunk_at(q, c)->next;
    } else {
        c = q->made + 1;
        if (c > q->max || !pages_grow(&q->chunks, c) || !pages_grow(&q->slots, c * TW_CHUNK))
            return false;
        q->made = c;
    }
    *chunk_at(q, c) = (struct tw_chunk){.prev = q->last};
    if (q->last)
        chunk_at(q, q->last)->next = c;
    else
        q->first = c;
    q->last = c;
    q->filled = 0;
    q->in_use++;
    return true;
}

/* Takes a chunk other than the last out of the queue. */
static void chunk_put(struct tw_queue *q, uint32_t c)
{
    struct tw_chunk *k = chunk_at(q, c);
    chunk_at(q, k->next)->prev = k->prev;
    if (k->prev)
        chunk_at(q, k->prev)->next = k->next;
    else
        q->first = k->next;
    k->next = q->free;
    q->free = c;
    q->in_use--;
}

/* The index of the slot after the newest, now live; 0 if there is no memory. */
static uint32_t slot_take(struct tw_queue *q)
{
    if ((q->last == 0 || q->filled == TW_CHUNK) && !chunk_take(q))
        return 0;
    chunk_at(q, q->last)->live |= 1U << q->filled;
    q->live++;
    return (q->last - 1) * TW_CHUNK + ++q->filled;
}

static void slot_drop(struct tw_queue *q, uint32_t index)
{
    uint32_t c = (index - 1) / TW_CHUNK + 1;
    struct tw_chunk *k = chunk_at(q, c);
    k->live &= ~(1U << ((index - 1) % TW_CHUNK));
    q->live--;
    if (k->live)
        return;
    if (c == q->last)
        q->filled = 0;
    else
        chunk_put(q, c);
}

static bool slot_is_live(const struct tw_queue *q, uint32_t index)
{
    return index != 0 && (index - 1) / TW_CHUNK < q->made &&
           chunk_at(q, (index - 1) / TW_CHUNK + 1)->live >> (index - 1) % TW_CHUNK & 1;
}

/* The index of the oldest slot, 0 if there is none. */
static uint32_t slot_first(const struct tw_queue *q)
{
    if (q->live == 0)
        return 0;
    return (q->first - 1) * TW_CHUNK + (uint32_t)__builtin_ctz(chunk_at(q, q->first)->live) + 1;
}

static void queue_init(struct tw_queue *q, struct mem *m, uint32_t slot_bytes, uint32_t cap)
{
    /* Twice the entries: room for chunks that a few live slots keep. */
    *q = (struct tw_queue){.max = cap / (TW_CHUNK / 2) + 4};
    pages_init(&q->slots, m, slot_bytes, q->max * TW_CHUNK);
    pages_init(&q->chunks, m, sizeof(struct tw_chunk), q->max);
}

static void queue_free(struct tw_queue *q)
{
    pages_free(&q->slots);
    pages_free(&q->chunks);
}

int timewait_init(struct timewait *w, struct mem *m, uint32_t cap, la_ns wait)
{
    *w = (struct timewait){.cap = cap, .wait = wait};
    if (wait > LA_USEC(1U << 31) || cap > REF_INDEX_MAX / 4)
        return LA_EINVAL;
    queue_init(&w->v4, m, sizeof(struct tw_slot4), cap);
    queue_init(&w->v6, m, sizeof(struct tw_slot6), cap);
    return LA_OK;
}

void timewait_free(struct timewait *w)
{
    queue_free(&w->v4);
    queue_free(&w->v6);
}

/* ---- time ---- */

static uint32_t deadline_from(const struct timewait *w, la_ns now)
{
    return (uint32_t)((now + w->wait + 999) / 1000);
}

/* Microseconds until a deadline; negative: since it passed. */
static int64_t left_us(const struct timewait *w, uint32_t deadline, la_ns now)
{
    uint32_t left = deadline - (uint32_t)(now / 1000);
    return left <= (w->wait + 999) / 1000 + 1 ? left : (int64_t)left - ((int64_t)1 << 32);
}

static la_ns end_at(int64_t left, la_ns now)
{
    int64_t us = (int64_t)(now / 1000) + left;
    return us > 0 ? (la_ns)us * 1000 : 0;
}

/* The entry that ends first, and in how many microseconds. */
static ref oldest(const struct timewait *w, la_ns now, int64_t *left)
{
    uint32_t i4 = slot_first(&w->v4), i6 = slot_first(&w->v6);
    int64_t left4 = i4 ? left_us(w, slot_at(&w->v4, i4)->deadline, now) : INT64_MAX;
    int64_t left6 = i6 ? left_us(w, slot_at(&w->v6, i6)->deadline, now) : INT64_MAX;
    if (i4 == 0 && i6 == 0)
        return REF_NONE;
    *left = left4 <= left6 ? left4 : left6;
    return left4 <= left6 ? ref_of(REF_TW4, i4) : ref_of(REF_TW6, i6);
}

/* ---- entries ---- */

/* Of a link-local pair the slot keeps which link it was. */
static bool has_scope(const struct tuple *id)
{
    return ip_is_link_local(&id->remote) || ip_is_link_local(&id->local);
}

struct tuple timewait_tuple(const struct timewait *w, ref r)
{
    struct tuple id;
    if (ref_kind(r) == REF_TW4) {
        const struct tw_slot4 *s = tw_slot_at(w, r);
        id = (struct tuple){ip_from_v4(s->local), ip_from_v4(s->remote), s->lport, s->rport};
    } else {
        const struct tw_slot6 *s = tw_slot_at(w, r);
        id = (struct tuple){s->local, s->remote, s->lport, s->rport};
    }
    return id;
}

bool timewait_is(const struct timewait *w, ref r, const struct tuple *id)
{
    if (ref_kind(r) == REF_TW4) {
        const struct tw_slot4 *s = tw_slot_at(w, r);
        return s->rport == id->rport && s->lport == id->lport &&
               memcmp(s->remote, ip_v4(&id->remote), 4) == 0 &&
               memcmp(s->local, ip_v4(&id->local), 4) == 0 && ip_is_v4(&id->remote);
    }
    const struct tw_slot6 *s = tw_slot_at(w, r);
    return s->rport == id->rport && s->lport == id->lport &&
           memcmp(&s->remote, &id->remote, 16) == 0 && memcmp(&s->local, &id->local, 16) == 0;
}

/* Of the records with these low bits, newest first, the open one of the pair: there is no other. */
struct la_record *timewait_record(const struct tcp *tcp, ref r)
{
    const struct records *all = &tcp->records;
    uint32_t age = (all->last - tw_core_at(&tcp->tw, r)->serial) & TW_SERIAL;
    for (; age < all->cap; age += TW_SERIAL + 1) {
        struct la_record *rec = record_find(all, all->last - age);
        if (!rec || rec->state != LA_TIME_WAIT)
            continue;
        struct tuple id = {rec->local.addr, rec->remote.addr, rec->local.port, rec->remote.port};
        if (timewait_is(&tcp->tw, r, &id))
            return rec;
    }
    return NULL;
}

static uint32_t hash_of(const struct tcp *tcp, ref r)
{
    struct tuple id = timewait_tuple(&tcp->tw, r);
    return tuple_hash(&tcp->tab.key, &id);
}

static void write_slot(struct timewait *w, ref r, const struct tw_entry *e, la_ns now)
{
    struct tw_core core = e->core;
    core.next = REF_NONE;
    core.deadline = deadline_from(w, now);
    core.serial &= TW_SERIAL;
    if (e->has_ts)
        core.serial |= TW_HAS_TS;
    if (e->ifx > 0 && has_scope(&e->id))
        core.serial |= (uint32_t)e->ifx % NET_IFS << TW_IFX_SHIFT;
    core.serial |= (uint32_t)e->wnd << TW_WND_SHIFT;
    if (ref_kind(r) == REF_TW4) {
        struct tw_slot4 *s = tw_slot_at(w, r);
        *s = (struct tw_slot4){.core = core, .lport = e->id.lport, .rport = e->id.rport};
        memcpy(s->local, ip_v4(&e->id.local), 4);
        memcpy(s->remote, ip_v4(&e->id.remote), 4);
    } else {
        struct tw_slot6 *s = tw_slot_at(w, r);
        *s = (struct tw_slot6){core, e->id.local, e->id.remote, e->id.lport, e->id.rport};
    }
}

/* Ends an entry, whatever the reason. */
static void finish(struct tcp *tcp, ref r, bool reused, bool evicted, la_ns now)
{
    const struct la_record *rec = timewait_record(tcp, r);
    if (tw_core_at(&tcp->tw, r)->next != TW_SHADOWED)
        conntab_remove(tcp, r, hash_of(tcp, r));
    slot_drop(queue_of(&tcp->tw, r), ref_index(r));
    tcp->tw.live--;
    if (rec)
        record_complete(tcp, rec->serial, reused, evicted, now);
}

static void evict(struct tcp *tcp, ref r, la_ns now)
{
    tcp_rule(tcp, NULL, R_TW_EVICTED, now);
    finish(tcp, r, false, true, now);
}

static void expire(struct tcp *tcp, ref r, la_ns now)
{
    tcp_rule(tcp, NULL, R_TW_EXPIRED, now);
    finish(tcp, r, false, false, now);
}

bool timewait_add(struct tcp *tcp, const struct tw_entry *e, uint32_t hash, la_ns now)
{
    struct timewait *w = &tcp->tw;
    enum ref_kind kind = ip_is_v4(&e->id.remote) ? REF_TW4 : REF_TW6;
    struct tw_queue *q = kind == REF_TW4 ? &w->v4 : &w->v6;
    int64_t left;
    uint32_t index;

    if (w->cap == 0)
        return false;
    if (w->live >= w->cap)
        evict(tcp, oldest(w, now, &left), now);
    while ((index = slot_take(q)) == 0) {
        /* Out of chunks, each kept by a few entries: at most those of the first one have to go. */
        if (q->in_use < q->max)
            return false;
        evict(tcp, ref_of(kind, slot_first(q)), now);
    }
    w->live++;
    write_slot(w, ref_of(kind, index), e, now);
    conntab_insert(tcp, ref_of(kind, index), hash);
    return true;
}

void timewait_get(const struct tcp *tcp, ref r, struct tw_entry *e)
{
    const struct tw_core *core = tw_core_at(&tcp->tw, r);
    e->id = timewait_tuple(&tcp->tw, r);
    e->core = *core;
    e->core.serial = 0;
    e->has_ts = (core->serial & TW_HAS_TS) != 0;
    e->ifx = has_scope(&e->id) ? (int16_t)(core->serial >> TW_IFX_SHIFT & 7) : (int16_t)-1;
    e->wnd = (uint16_t)(core->serial >> TW_WND_SHIFT);
}

/* Does the queue keep a slot for each entry that may still come, up to the cap?  Only then may a
 * restart take one: a peer that repeats its FIN must not push out others. */
static bool room_to_restart(const struct timewait *w, const struct tw_queue *q)
{
    uint32_t wanted = w->cap - q->live + 2 * TW_CHUNK;
    return wanted <= (q->max - q->in_use) * TW_CHUNK;
}

ref timewait_restart(struct tcp *tcp, ref r, uint32_t hash, la_ns now)
{
    struct timewait *w = &tcp->tw;
    struct tw_queue *q = queue_of(w, r);
    uint32_t index = room_to_restart(w, q) ? slot_take(q) : 0;
    ref anew = ref_of(ref_kind(r), index);

    if (index == 0)
        return r;
    memcpy(tw_slot_at(w, anew), tw_slot_at(w, r), q->slots.elem);
    tw_core_at(w, anew)->deadline = deadline_from(w, now);
    if (tw_core_at(w, r)->next != TW_SHADOWED) {
        conntab_remove(tcp, r, hash);
        conntab_insert(tcp, anew, hash);
    }
    slot_drop(q, ref_index(r));
    return anew;
}

la_ns timewait_deadline_of(const struct tcp *tcp, ref r, la_ns now)
{
    return end_at(left_us(&tcp->tw, tw_core_at(&tcp->tw, r)->deadline, now), now);
}

/* ---- the pair in other hands ---- */

static bool is_entry(struct tcp *tcp, ref r, const struct tuple *id)
{
    return (ref_kind(r) == REF_TW4 || ref_kind(r) == REF_TW6) &&
           slot_is_live(queue_of(&tcp->tw, r), ref_index(r)) && timewait_is(&tcp->tw, r, id);
}

void timewait_shadow(struct tcp *tcp, ref r, uint32_t hash)
{
    conntab_remove(tcp, r, hash);
    tw_core_at(&tcp->tw, r)->next = TW_SHADOWED;
}

bool timewait_unshadow(struct tcp *tcp, ref r, const struct tuple *id)
{
    if (!is_entry(tcp, r, id) || tw_core_at(&tcp->tw, r)->next != TW_SHADOWED)
        return false;
    conntab_insert(tcp, r, hash_of(tcp, r));
    return true;
}

bool timewait_kill(struct tcp *tcp, ref r, const struct tuple *id, la_ns now)
{
    if (!is_entry(tcp, r, id))
        return false;
    finish(tcp, r, true, false, now);
    return true;
}

/* ---- expiry and walks ---- */

la_ns timewait_deadline(const struct timewait *w, la_ns now)
{
    int64_t left;
    return oldest(w, now, &left) == REF_NONE ? LA_NEVER : end_at(left, now);
}

void timewait_expire(struct tcp *tcp, la_ns now)
{
    int64_t left;
    ref r;
    while ((r = oldest(&tcp->tw, now, &left)) != REF_NONE && left <= 0)
        expire(tcp, r, now);
}

ref timewait_next(const struct tcp *tcp, uint64_t *cursor)
{
    while (*cursor >> 32 < 2) {
        bool v4 = *cursor >> 32 == 0;
        const struct tw_queue *q = v4 ? &tcp->tw.v4 : &tcp->tw.v6;
        uint32_t at = (uint32_t)*cursor;
        if (at / TW_CHUNK >= q->made) {
            *cursor = ((*cursor >> 32) + 1) << 32;
            continue;
        }
        uint32_t live = chunk_at(q, at / TW_CHUNK + 1)->live >> at % TW_CHUNK;
        if (live == 0) {
            *cursor += TW_CHUNK - at % TW_CHUNK;
            continue;
        }
        uint32_t skip = (uint32_t)__builtin_ctz(live);
        *cursor += skip + 1;
        if (slot_at(q, at + skip + 1)->next != TW_SHADOWED)
            return ref_of(v4 ? REF_TW4 : REF_TW6, at + skip + 1);
    }
    return REF_NONE;
}

static int check_slot(const struct tcp *tcp, ref r)
{
    struct tuple id = timewait_tuple(&tcp->tw, r);
    if (ip_is_v4(&id.remote) != (ref_kind(r) == REF_TW4))
        return __LINE__;
    if (tw_core_at(&tcp->tw, r)->next == TW_SHADOWED)
        return 0;
    return conntab_find(tcp, &id, tuple_hash(&tcp->tab.key, &id)) == r ? 0 : __LINE__;
}

static int check_queue(const struct tcp *tcp, const struct tw_queue *q, enum ref_kind kind)
{
    uint32_t live = 0, chunks = 0, prev = 0, deadline = 0;

    for (uint32_t c = q->first; c != 0; prev = c, c = chunk_at(q, c)->next) {
        const struct tw_chunk *k = chunk_at(q, c);
        if (c > q->made || ++chunks > q->in_use || k->prev != prev)
            return __LINE__;
        if ((k->live == 0) != (c == q->last && q->filled == 0))
            return __LINE__;
        for (uint32_t i = 0; i < TW_CHUNK; i++) {
            if (!(k->live >> i & 1))
                continue;
            if (c == q->last && i >= q->filled)
                return __LINE__;
            uint32_t index = (c - 1) * TW_CHUNK + i + 1;
            if (live++ > 0 && (int32_t)(slot_at(q, index)->deadline - deadline) < 0)
                return __LINE__;
            deadline = slot_at(q, index)->deadline;
            int line = check_slot(tcp, ref_of(kind, index));
            if (line)
                return line;
        }
    }
    if (prev != q->last || chunks != q->in_use || live != q->live)
        return __LINE__;
    for (uint32_t c = q->free; c != 0; c = chunk_at(q, c)->next)
        if (c > q->made || ++chunks > q->made || chunk_at(q, c)->live)
            return __LINE__;
    return chunks == q->made ? 0 : __LINE__;
}

int timewait_check(const struct tcp *tcp)
{
    const struct timewait *w = &tcp->tw;
    int line = check_queue(tcp, &w->v4, REF_TW4);
    if (!line)
        line = check_queue(tcp, &w->v6, REF_TW6);
    if (line)
        return line;
    return w->live == w->v4.live + w->v6.live && w->live <= w->cap ? 0 : __LINE__;
}
