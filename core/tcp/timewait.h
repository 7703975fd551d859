/* timewait.h: TIME-WAIT as a compact table (RFC 9293 §3.6.1, RFC 1337, RFC 6191).
 *
 * An entry is what is needed to answer for a dead connection: 36 bytes for IPv4 (and 4 for its
 * bucket), 60 for IPv6; no buffers, no control block.  The wait is the same for all, so the entries
 * of a family live in a ring in order of expiry: new ones at the tail, expiry at the head, nothing to
 * search.  A restarted wait leaves a dead slot behind and appends anew.  Nothing is ever sent
 * unprompted (no stray timers in TIME-WAIT). */
#ifndef LA_TCP_TIMEWAIT_H
#define LA_TCP_TIMEWAIT_H

#include "base/pages.h"
#include "base/seqno.h"
#include "tcp/ref.h"
#include "tcp/tuple.h"
#include <lastack/tcp.h>

struct tcp;

/* The part that both families share; `deadline` is in microseconds modulo 2^32. */
struct tw_core {
    uint32_t next;      /* conntab's chain */
    uint32_t deadline;
    uint32_t serial;    /* of the close record */
    seqno rcv_nxt;      /* the peer's FIN is rcv_nxt - 1 */
    seqno snd_nxt;
    uint32_t ts_recent; /* if flags say so */
};

/* What goes in and comes out. */
struct tw_entry {
    struct tuple id;
    struct tw_core core;
    bool has_ts;
    int16_t ifx; /* scope of a link-local pair, else -1 */
};

struct tw_ring {
    struct pages slots;
    uint32_t slot_cap;   /* slots in the ring */
    uint32_t head, tail; /* positions modulo slot_cap; empty when equal and live == 0 */
    uint32_t filled;     /* slots between head and tail, dead ones included */
    uint32_t live;
};

struct timewait {
    struct tw_ring v4, v6;
    uint32_t cap;  /* live entries at most, both families */
    uint32_t live;
    la_ns wait;    /* 2MSL */
};

int timewait_init(struct timewait *w, struct mem *m, uint32_t cap, la_ns wait);
void timewait_free(struct timewait *w);

/* Puts a pair into TIME-WAIT until now + 2MSL and into the conntab (where nobody has it).  At the cap the oldest is
 * evicted first (R_TW_EVICTED, its record completed).  False if there is no memory: the caller goes to CLOSED. */
bool timewait_add(struct tcp *tcp, const struct tw_entry *e, uint32_t hash, la_ns now);
/* Reads an entry. */
void timewait_get(const struct tcp *tcp, ref r, struct tw_entry *e);
/* Begins 2MSL anew (a repeated FIN); the ref changes. */
ref timewait_restart(struct tcp *tcp, ref r, uint32_t hash, la_ns now);
/* When it ends. */
la_ns timewait_deadline_of(const struct tcp *tcp, ref r, la_ns now);

/* A new SYN has the pair for now: out of the conntab, but kept, in case the SYN was an old duplicate (MAY-2).
 * timewait_unshadow puts it back, timewait_kill ends it (reused).  Both check `serial`, so an entry that expired
 * meanwhile is left alone; they return whether it was there. */
void timewait_shadow(struct tcp *tcp, ref r, uint32_t hash);
bool timewait_unshadow(struct tcp *tcp, ref r, uint32_t serial);
bool timewait_kill(struct tcp *tcp, ref r, uint32_t serial, la_ns now);

la_ns timewait_deadline(const struct timewait *w, la_ns now); /* of the oldest; LA_NEVER */
/* Ends what is due: out of the table, record completed (record_complete). */
void timewait_expire(struct tcp *tcp, la_ns now);
/* The next live entry's ref after position *cursor (0 at the start); REF_NONE at the end.  For listings. */
ref timewait_next(const struct tcp *tcp, uint64_t *cursor);
int timewait_check(const struct tcp *tcp); /* 0, or __LINE__ of the broken invariant */

#endif
