/* rest.h: a connection at rest: ESTABLISHED, everything acknowledged, nothing to read, no timer.
 * Beyond la_config.active_conns such connections are packed into a quarter of a tcb; a segment, or
 * a call of the program's, wakes them.  Neither end can tell. */
#ifndef LA_TCP_REST_H
#define LA_TCP_REST_H

#include "base/pool.h"
#include "base/seqno.h"
#include "tcp/cc.h"
#include "tcp/options.h"
#include "tcp/ref.h"
#include "tcp/tuple.h"

struct tcp;
struct tcb;

#define REST_OPTIONS 64U /* different sets of options that connections at rest share */

/* What cannot be told from the rest of it, or from the way a connection comes to rest. */
struct rest {
    ref next;         /* conntab (and the pool's free link) */
    uint32_t slot;    /* 0: unused */
    uint32_t more;    /* its struct rest_more, or 0 */
    uint32_t options; /* index of its set */
    void *user;
    la_ns opened, established, last_sent, last_heard, text_at;
    uint64_t bytes_acked, bytes_received;
    seqno nxt, iss, rcv_nxt, irs, adv;
    uint32_t wnd, max_wnd, ts_recent, ts_recent_at;
    struct cc cc;
    uint32_t srtt8, rttvar4, rto_us, min_us;
    uint32_t segs_in, segs_out, data_segs_in, data_segs_out;
    uint8_t local[4], remote[4]; /* of IPv4; else they are in `more` */
    uint16_t lport, rport, peer_mss, smss, rmss;
    int16_t ifx;
    uint8_t snd_wscale, rcv_wscale, quick;
    bool active : 1, sack_ok : 1, ts_ok : 1, wscale_ok : 1, v6 : 1, dialogue : 1;
};
_Static_assert(sizeof(struct rest) <= 192, "bytes of a connection at rest");

/* Of IPv6, and of connections that have seen loss. */
struct rest_more {
    uint32_t free_link; /* the pool's */
    uint32_t retransmits, rto_expirations, dup_acks_in, ooo_segs_in, dsacks_in;
    uint64_t bytes_retransmitted;
    struct la_addr local, remote;
    int16_t scope;
};

struct rests {
    struct pool packed, more;
    struct {
        struct options opt;
        uint32_t users;
    } set[REST_OPTIONS];
    uint32_t hand; /* the tcb that was looked at last */
};

void rest_init(struct tcp *tcp);
void rest_free(struct tcp *tcp);
static inline struct rest *rest_at(const struct rests *r, uint32_t i)
{
    return pool_at(&r->packed, i);
}
struct tuple rest_tuple(const struct rests *rs, const struct rest *d);
bool rest_is(const struct rests *rs, const struct rest *d, const struct tuple *id);
/* Packs a connection at rest, so that its tcb is free; false if none was found soon, or there is no
 * memory. */
bool rest_pack_one(struct tcp *tcp, la_ns now);
/* The connection in a tcb again; NULL without memory: it rests on. */
struct tcb *rest_wake(struct tcp *tcp, uint32_t index, la_ns now);
/* What rest_wake would give, for looking at only: it is in no table, and t->self is 0. */
void rest_view(const struct tcp *tcp, const struct rest *d, struct tcb *t);
int rest_check(const struct tcp *tcp, uint32_t i); /* 0, or __LINE__ of the broken invariant */

#endif
