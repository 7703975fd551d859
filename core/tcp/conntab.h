/* conntab.h: one table from socket pair to connection, embryo or TIME-WAIT entry, so that a segment
 * costs one lookup however many there are.  Linear hashing: it grows a bucket at a time, so there
 * is no pause and nothing moves; chains are linked through the objects themselves. */
#ifndef LA_TCP_CONNTAB_H
#define LA_TCP_CONNTAB_H

#include "base/pages.h"
#include "tcp/ref.h"
#include "tcp/tuple.h"

struct tcp;

struct conntab {
    struct pages buckets; /* of ref */
    uint32_t nbuckets;    /* in use */
    uint32_t count;       /* objects in the table */
    struct sipkey key;
};

/* Takes memory for the first buckets; LA_ENOMEM. */
int conntab_init(struct conntab *c, struct mem *m, const struct sipkey *key, uint32_t max_objects);
void conntab_free(struct conntab *c);
/* REF_NONE if nobody has this pair. */
ref conntab_find(const struct tcp *tcp, const struct tuple *id, uint32_t hash);
/* The object's own link and hash fields are used; it is not in the table yet.  Never fails (a
 * bucket that cannot be made only makes chains longer, counted nowhere). */
void conntab_insert(struct tcp *tcp, ref r, uint32_t hash);
void conntab_remove(struct tcp *tcp, ref r, uint32_t hash);
/* `by` has the pair and the hash of `old`, whose place it takes; its object keeps its own hash. */
void conntab_replace(struct tcp *tcp, ref old, ref by, uint32_t hash);
int conntab_check(const struct tcp *tcp); /* 0, or __LINE__ of the broken invariant */

#endif
