/* rcvq.h: received bytes: [read, nxt) in order and not yet read, and out-of-order ranges above nxt,
 * all written in place into blocks by sequence number.  Work a segment is bounded (ranges are at
 * most RCVQ_RANGES). */
#ifndef LA_TCP_RCVQ_H
#define LA_TCP_RCVQ_H

#include "base/block.h"
#include "base/ranges.h"
#include "wire/slice.h"

#define RCVQ_RANGES 256U

struct rcvq {
    struct block *head, *tail; /* sorted by start; holes between blocks where nothing came */
    struct block *cur;         /* the last one written in order: the next hole is near it */
    struct block *mid;         /* the last one written out of order */
    seqno read, nxt;
    struct ranges ooo; /* ends all lie above nxt */
    uint32_t skipped;  /* numbers below nxt that carry no byte: 1 after the peer's FIN */
};

struct rcvq_result {
    uint32_t advanced; /* how far nxt moved: > n if a hole was filled */
    bool stored;       /* some new byte was kept */
    bool refused;      /* no block, no range node, or too many ranges: the new bytes, or the last of
                          them, were dropped */
    bool filled;       /* there were out-of-order ranges before (RFC 5681 §4.2: ACK at once) */
    bool dup; /* [dup_start, dup_end) had been received before: the first such run (D-SACK, RFC
                 2883) */
    seqno dup_start, dup_end;
};

/* Bytes copied to where the stream goes on, and not yet part of it. */
struct rcvq_ahead {
    struct block *first, *last; /* what the tail had no room for */
    uint32_t n, in_tail;
};

void rcvq_init(struct rcvq *q, seqno nxt);
/* Copies n bytes from offset `at` of the slice to where the next ones in order belong, adding them
 * to *sum (may be NULL) in the same pass; only with nothing out of order.  *a was zeroed; a->n < n
 * if blocks ran out.  Nobody sees them before rcvq_commit; else they go by rcvq_forget, and nothing
 * is written to the queue in between. */
void rcvq_fill(const struct rcvq *q, struct blocks *blocks, const struct slice *from, uint32_t at,
               uint32_t n, struct csum *sum, struct rcvq_ahead *a);
void rcvq_commit(struct rcvq *q, struct rcvq_ahead *a);
void rcvq_forget(struct rcvq_ahead *a, struct blocks *blocks);
/* Bytes [at, at + n) of the slice are the stream's [s, s + n); the caller cut them to the window,
 * so s + n is at most 2^30 above read; s may lie below nxt, or below read.  Bytes already held are
 * never overwritten (first one wins). */
void rcvq_write(struct rcvq *q, struct blocks *blocks, struct pool *ranges, seqno s,
                const struct slice *from, uint32_t at, uint32_t n, struct rcvq_result *r);
static inline uint32_t rcvq_readable(const struct rcvq *q)
{
    return q->nxt.v - q->read.v - q->skipped;
}
/* The readable bytes in place, at most `max` spans. */
uint32_t rcvq_spans(const struct rcvq *q, struct la_span *spans, uint32_t max);
/* Copies the first n <= readable bytes; they stay. */
void rcvq_copy(const struct rcvq *q, void *to, uint32_t n);
/* Takes n <= readable bytes off, giving blocks back. */
void rcvq_consume(struct rcvq *q, struct blocks *blocks, uint32_t n);
/* rcvq_copy and rcvq_consume: 0 < n <= readable. */
void rcvq_read(struct rcvq *q, struct blocks *blocks, void *to, uint32_t n);
/* Steps nxt over the number that carries no byte (the peer's FIN); what is readable stays so, at
 * its numbers. Nothing out of order lies there, and nothing is written afterwards. */
void rcvq_skip(struct rcvq *q);
/* Drops what is out of order (nothing will fill the holes any more); what is readable stays. */
void rcvq_free_unordered(struct rcvq *q, struct blocks *blocks, struct pool *ranges);
void rcvq_free(struct rcvq *q, struct blocks *blocks, struct pool *ranges);

#endif
