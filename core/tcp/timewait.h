/* timewait.h: TIME-WAIT as a compact table (RFC 9293 §3.6.1, RFC 1337, RFC 6191).
 *
 * An entry is what is needed to answer for a dead connection: 36 bytes for IPv4 (and 4 for its
 * bucket), 60 for IPv6; no buffers, no control block.  The wait is the same for all, so the entries
 * of a family stand in a queue in order of expiry: new ones at the tail, expiry at the head,
 * nothing to search.  A restarted wait leaves its slot and appends anew.  Nothing is ever sent
 * unprompted (no stray timers in TIME-WAIT).
 *
 * The queue is a list of chunks of 32 slots with a bit for each live one.  A chunk whose slots are
 * all dead goes back at once, wherever it stands, so neither a peer that repeats its FIN nor pairs
 * that are reused over and over fill the table with the dead. */
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
    uint32_t next; /* conntab's chain; TW_SHADOWED outside it */
    uint32_t deadline;
    uint32_t serial; /* of the close record; in a slot TW_SERIAL bits of it and three fields more */
    seqno rcv_nxt;   /* the peer's FIN is rcv_nxt - 1 */
    seqno snd_nxt;
    uint32_t ts_recent; /* if flags say so */
};

/* A slot's `next` where the pair is somebody else's for now: no object has this ref. */
#define TW_SHADOWED ref_of(REF_TW6, 0)
/* A slot's `serial`: 12 bits (which say, with the pair, where the record is), the interface of a
 * link-local pair, whether there were timestamps, and the window announced last. */
#define TW_SERIAL 0xfffU
#define TW_IFX_SHIFT 12
#define TW_HAS_TS 0x8000U
#define TW_WND_SHIFT 16

struct tw_slot4 {
    struct tw_core core;
    uint8_t local[4], remote[4];
    uint16_t lport, rport;
};
struct tw_slot6 {
    struct tw_core core;
    struct la_addr local, remote;
    uint16_t lport, rport;
};
_Static_assert(sizeof(struct tw_slot4) == 36, "a TIME-WAIT entry of IPv4");
_Static_assert(sizeof(struct tw_slot6) == 60, "a TIME-WAIT entry of IPv6");

/* What goes in and comes out. */
struct tw_entry {
    struct tuple id;
    struct tw_core core;
    bool has_ts;
    int16_t ifx;  /* scope of a link-local pair, else -1 */
    uint16_t wnd; /* what our last ACK announced, as on the wire: what we answer says the same */
};

#define TW_CHUNK 32U

/* Numbers of chunks start at 1; 0 is none.  Chunk c has slots (c - 1) * TW_CHUNK and up, and the
 * ref of slot i has index i + 1. */
struct tw_chunk {
    uint32_t prev, next;
    uint32_t live; /* bit i: its i-th slot is in use */
};

struct tw_queue {
    struct pages slots, chunks;
    uint32_t max;         /* chunks at most */
    uint32_t made, free;  /* chunks that exist; list of those that are not in use */
    uint32_t in_use;      /* chunks between first and last */
    uint32_t first, last; /* all but `last` have a live slot */
    uint32_t filled;      /* slots of `last` that were handed out */
    uint32_t live;
};

struct timewait {
    struct tw_queue v4, v6;
    uint32_t cap; /* live entries at most, both families */
    uint32_t live;
    la_ns wait; /* 2MSL */
};

/* LA_EINVAL: a wait above 2^31 us (35 minutes), or a cap that refs cannot number.  Takes no memory.
 */
int timewait_init(struct timewait *w, struct mem *m, uint32_t cap, la_ns wait);
void timewait_free(struct timewait *w);

/* Puts a pair into TIME-WAIT until now + 2MSL and into the conntab (where nobody has it).  At the
 * cap the oldest is evicted first (R_TW_EVICTED, its record completed).  False if there is no
 * memory: the caller goes to CLOSED. */
bool timewait_add(struct tcp *tcp, const struct tw_entry *e, uint32_t hash, la_ns now);
/* Reads an entry, but for what it has of its record's serial. */
void timewait_get(const struct tcp *tcp, ref r, struct tw_entry *e);
/* Its close record; NULL if that is no longer kept. */
struct la_record *timewait_record(const struct tcp *tcp, ref r);
/* Begins 2MSL anew (a repeated FIN); the ref changes.  Where no slot can be had without pushing out
 * others, the old wait goes on and the ref stays.  The record's count is the caller's. */
ref timewait_restart(struct tcp *tcp, ref r, uint32_t hash, la_ns now);
/* When it ends. */
la_ns timewait_deadline_of(const struct tcp *tcp, ref r, la_ns now);

/* A new SYN has the pair for now: out of the conntab, but kept, in case the SYN was an old
 * duplicate (MAY-2).  timewait_unshadow puts it back (nobody has the pair then), timewait_kill ends
 * it (reused), shadowed or not.  Both leave alone what is not this pair's, as the entry may have
 * expired meanwhile and its slot be another's; they return whether it was there. */
void timewait_shadow(struct tcp *tcp, ref r, uint32_t hash);
bool timewait_unshadow(struct tcp *tcp, ref r, const struct tuple *id);
bool timewait_kill(struct tcp *tcp, ref r, const struct tuple *id, la_ns now);

la_ns timewait_deadline(const struct timewait *w, la_ns now); /* of the oldest; LA_NEVER */
/* Ends what is due, oldest first: out of the table, record completed (record_complete). */
void timewait_expire(struct tcp *tcp, la_ns now);
/* The next entry's ref after position *cursor (0 at the start); REF_NONE at the end.  For listings:
 * shadowed entries are left out, so that a pair is seen once. */
ref timewait_next(const struct tcp *tcp, uint64_t *cursor);
int timewait_check(const struct tcp *tcp); /* 0, or __LINE__ of the broken invariant */

/* ---- for conntab.c, which chains slots with connections ---- */

static inline void *tw_slot_at(const struct timewait *w, ref r)
{
    return pages_at(ref_kind(r) == REF_TW4 ? &w->v4.slots : &w->v6.slots, ref_index(r) - 1);
}
static inline struct tw_core *tw_core_at(const struct timewait *w, ref r)
{
    return tw_slot_at(w, r); /* the first member of both */
}
/* Is it the entry of this pair? */
bool timewait_is(const struct timewait *w, ref r, const struct tuple *id);
struct tuple timewait_tuple(const struct timewait *w, ref r);

#endif
