/* sndq.h: what the program sent and the peer has not acknowledged: [una, end) of the stream, in
 * blocks. */
#ifndef LA_TCP_SNDQ_H
#define LA_TCP_SNDQ_H

#include "base/block.h"
#include "base/checksum.h"
#include <lastack/types.h>

struct sndq {
    struct block *head, *tail;
    struct block *cur;   /* where sending last came to: the next segment is found at once */
    struct block *again; /* where sending again last came to, below cur */
    seqno una, end;
};

void sndq_init(struct sndq *q, seqno start); /* first byte's number; holds no memory */
/* Appends up to n bytes; returns how many (less if blocks run out).  `sum`: with checksums of what
 * each block holds, made while copying, so that sndq_csum need not look at the bytes again. */
uint32_t sndq_push(struct sndq *q, struct blocks *blocks, const void *p, uint32_t n, bool sum);
/* Everything before `una` is acknowledged: gives blocks back. una <= end. */
void sndq_ack(struct sndq *q, struct blocks *blocks, seqno una);
/* The bytes [from, from + n), in place: fills spans, returns how many (at most max); *got <= n if
 * max was too few. una <= from, from + n <= end. */
uint32_t sndq_spans(struct sndq *q, seqno from, uint32_t n, struct la_span *spans, uint32_t max,
                    uint32_t *got);
/* Adds the bytes of spans that sndq_spans gave. */
void sndq_csum(const struct la_span *spans, uint32_t count, struct csum *c);
/* Drops everything: una == end afterwards. */
void sndq_free(struct sndq *q, struct blocks *blocks);
static inline uint32_t sndq_len(const struct sndq *q)
{
    return q->end.v - q->una.v;
}

#endif
