/* conntab.c: linear hashing over connections, awake and at rest, embryos and TIME-WAIT entries (RFC
 * 9293 §3.3.1: a connection is its socket pair).
 *
 * With n buckets, 2^k <= n < 2^(k+1), a hash belongs to the bucket that its low k+1 bits name, or,
 * if that one is not made yet, to the one that its low k bits name.  Each insertion that would make
 * chains longer than one on average splits one bucket in two.  The table never shrinks.
 *
 * Invariant: each object in the table is in the chain of the bucket of its hash, once. */
#include "tcp/conntab.h"
#include "base/assert.h"
#include "tcp/tcp.h"

#define FIRST_BUCKETS 64U /* at least 2 */

int conntab_init(struct conntab *c, struct mem *m, const struct sipkey *key, uint32_t max_objects)
{
    *c = (struct conntab){.nbuckets = FIRST_BUCKETS, .key = *key};
    pages_init(&c->buckets, m, sizeof(ref),
               max_objects > FIRST_BUCKETS ? max_objects : FIRST_BUCKETS);
    return pages_grow(&c->buckets, FIRST_BUCKETS) ? LA_OK : LA_ENOMEM;
}

void conntab_free(struct conntab *c)
{
    pages_free(&c->buckets);
    c->nbuckets = c->count = 0;
}

static ref *bucket_at(const struct conntab *c, uint32_t hash)
{
    uint32_t mask = UINT32_MAX >> __builtin_clz(c->nbuckets - 1);
    uint32_t b = hash & mask;
    return pages_at(&c->buckets, b < c->nbuckets ? b : b & (mask >> 1));
}

static ref *link_of(const struct tcp *tcp, ref r)
{
    switch (ref_kind(r)) {
    case REF_TCB:
        return &tcb_at(tcp, ref_index(r))->next;
    case REF_REST:
        return &rest_at(&tcp->rests, ref_index(r))->next;
    case REF_EMBRYO:
        return &embryo_at(tcp, ref_index(r))->next;
    case REF_TW4:
    case REF_TW6:
        break;
    }
    return &tw_core_at(&tcp->tw, r)->next;
}

/* TIME-WAIT entries, and connections at rest, are too small to keep their hash: splitting is the
 * only one that asks. */
static uint32_t hash_of(const struct tcp *tcp, ref r)
{
    struct tuple id;
    switch (ref_kind(r)) {
    case REF_TCB:
        return tcb_at(tcp, ref_index(r))->hash;
    case REF_EMBRYO:
        return embryo_at(tcp, ref_index(r))->hash;
    case REF_REST:
        id = rest_tuple(&tcp->rests, rest_at(&tcp->rests, ref_index(r)));
        break;
    case REF_TW4:
    case REF_TW6:
        id = timewait_tuple(&tcp->tw, r);
        break;
    }
    return tuple_hash(&tcp->tab.key, &id);
}

ref conntab_find(const struct tcp *tcp, const struct tuple *id, uint32_t hash)
{
    ref r = *bucket_at(&tcp->tab, hash);

    while (r != REF_NONE) {
        switch (ref_kind(r)) {
        case REF_TCB: {
            const struct tcb *t = tcb_at(tcp, ref_index(r));
            if (t->hash == hash && tuple_eq(&t->id, id))
                return r;
            r = t->next;
            break;
        }
        case REF_REST: {
            const struct rest *d = rest_at(&tcp->rests, ref_index(r));
            if (rest_is(&tcp->rests, d, id))
                return r;
            r = d->next;
            break;
        }
        case REF_EMBRYO: {
            const struct embryo *e = embryo_at(tcp, ref_index(r));
            if (e->hash == hash && tuple_eq(&e->id, id))
                return r;
            r = e->next;
            break;
        }
        case REF_TW4:
        case REF_TW6:
            if (timewait_is(&tcp->tw, r, id))
                return r;
            r = tw_core_at(&tcp->tw, r)->next;
            break;
        }
    }
    return REF_NONE;
}

/* Makes bucket n out of a part of bucket n - 2^k.  Without memory nothing happens. */
static void split(struct tcp *tcp)
{
    struct conntab *c = &tcp->tab;
    uint32_t to = c->nbuckets;
    uint32_t half = 1U << (31 - __builtin_clz(to));
    if (to >= c->buckets.cap || !pages_grow(&c->buckets, to + 1))
        return;
    ref *keep = pages_at(&c->buckets, to - half);
    ref *move = pages_at(&c->buckets, to);
    ref r = *keep;
    while (r != REF_NONE) {
        ref **tail = hash_of(tcp, r) & half ? &move : &keep;
        ref *link = link_of(tcp, r);
        ref next = *link;
        **tail = r;
        *tail = link;
        r = next;
    }
    *keep = REF_NONE;
    *move = REF_NONE;
    c->nbuckets++;
}

void conntab_insert(struct tcp *tcp, ref r, uint32_t hash)
{
    struct conntab *c = &tcp->tab;

    switch (ref_kind(r)) {
    case REF_TCB:
        tcb_at(tcp, ref_index(r))->hash = hash;
        break;
    case REF_EMBRYO:
        embryo_at(tcp, ref_index(r))->hash = hash;
        break;
    case REF_REST:
    case REF_TW4:
    case REF_TW6:
        break;
    }
    if (++c->count > c->nbuckets)
        split(tcp);
    ref *head = bucket_at(c, hash);
    *link_of(tcp, r) = *head;
    *head = r;
}

void conntab_remove(struct tcp *tcp, ref r, uint32_t hash)
{
    ref *at = bucket_at(&tcp->tab, hash);

    while (*at != r) {
        LA_ASSERT(*at != REF_NONE);
        at = link_of(tcp, *at);
    }
    *at = *link_of(tcp, r);
    *link_of(tcp, r) = REF_NONE;
    tcp->tab.count--;
}

void conntab_replace(struct tcp *tcp, ref old, ref by, uint32_t hash)
{
    ref *at = bucket_at(&tcp->tab, hash);

    while (*at != old) {
        LA_ASSERT(*at != REF_NONE);
        at = link_of(tcp, *at);
    }
    *link_of(tcp, by) = *link_of(tcp, old);
    *at = by;
}

int conntab_check(const struct tcp *tcp)
{
    const struct conntab *c = &tcp->tab;
    uint32_t count = 0;

    if (c->nbuckets < FIRST_BUCKETS || c->nbuckets > c->buckets.len)
        return __LINE__;
    for (uint32_t b = 0; b < c->nbuckets; b++) {
        const ref *head = pages_at(&c->buckets, b);
        for (ref r = *head; r != REF_NONE; r = *link_of(tcp, r)) {
            if (++count > c->count) /* also where a chain bites its tail */
                return __LINE__;
            if (bucket_at(c, hash_of(tcp, r)) != head)
                return __LINE__;
        }
    }
    return count == c->count ? 0 : __LINE__;
}
