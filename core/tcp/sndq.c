/* sndq.c: the send queue (RFC 9293 §3.8.1: what is sent stays until it is acknowledged).
 *
 * Invariant: blocks follow each other without a gap, and all but the tail are full, so the start of
 * any block gives the place of any byte after it.  No byte waits: no block is held. */
#include "tcp/sndq.h"
#include <stddef.h>
#include <string.h>

void sndq_init(struct sndq *q, seqno start)
{
    *q = (struct sndq){.una = start, .end = start};
}

/* A block for the byte at q->end; NULL if there is none to be had. */
static struct block *append_block(struct sndq *q, struct blocks *blocks)
{
    struct block *b = block_get(blocks);

    if (!b)
        return NULL;
    b->start = q->end;
    if (q->tail)
        q->tail->next = b;
    else
        q->head = b;
    q->tail = b;
    return b;
}

/* block.len here: the folded sum of the block's bytes so far, marked, or 0 if it is not known. */
#define SUMMED 0x80000000U

static void copy_in(struct block *b, uint32_t used, const uint8_t *from, uint32_t n, bool sum)
{
    if (!sum || (used && !(b->len & SUMMED))) {
        block_copy(b->data + used, from, n);
        b->len = 0;
        return;
    }
    struct csum c = {b->len & 0xffff, used & 1};
    csum_copy(&c, b->data + used, from, n);
    b->len = SUMMED | csum_native(&c);
}

uint32_t sndq_push(struct sndq *q, struct blocks *blocks, const void *p, uint32_t n, bool sum)
{
    const uint8_t *from = p;
    uint32_t left = n;

    while (left > 0) {
        struct block *b = q->tail;
        uint32_t used = b ? q->end.v - b->start.v : BLOCK_DATA;
        if (used == BLOCK_DATA) {
            b = append_block(q, blocks);
            if (!b)
                break;
            used = 0;
        }
        uint32_t k = BLOCK_DATA - used < left ? BLOCK_DATA - used : left;
        copy_in(b, used, from, k, sum);
        from += k;
        left -= k;
        q->end = seq_add(q->end, k);
    }
    return n - left;
}

static void pop_block(struct sndq *q, struct blocks *blocks)
{
    struct block *b = q->head;

    if (q->cur == b)
        q->cur = NULL;
    if (q->again == b)
        q->again = NULL;
    q->head = b->next;
    if (!q->head)
        q->tail = NULL;
    block_put(blocks, b);
}

void sndq_ack(struct sndq *q, struct blocks *blocks, seqno una)
{
    if (seq_le(una, q->una))
        return;
    q->una = una;
    if (seq_ge(una, q->end)) {
        sndq_free(q, blocks);
        return;
    }
    while (una.v - q->head->start.v >= BLOCK_DATA)
        pop_block(q, blocks);
}

/* The nearest block known to start at or before `from`. */
static struct block *nearest(const struct sndq *q, seqno from)
{
    if (q->head == q->tail)
        return q->head;
    if (q->cur && seq_le(q->cur->start, from))
        return q->cur;
    if (q->again && seq_le(q->again->start, from))
        return q->again;
    return q->head;
}

uint32_t sndq_spans(struct sndq *q, seqno from, uint32_t n, struct la_span *spans, uint32_t max,
                    uint32_t *got)
{
    uint32_t count = 0;
    uint32_t left = n;

    *got = 0;
    if (n == 0 || max == 0)
        return 0;
    struct block *b = nearest(q, from);
    uint32_t at = from.v - b->start.v;
    for (; at >= BLOCK_DATA; at -= BLOCK_DATA)
        b = b->next;
    for (;;) {
        uint32_t k = BLOCK_DATA - at < left ? BLOCK_DATA - at : left;
        spans[count++] = (struct la_span){b->data + at, k};
        left -= k;
        if (left == 0 || count == max)
            break;
        b = b->next;
        at = 0;
    }
    /* One cursor goes on with the new bytes, the other with those sent again, so that a repair
     * far behind never makes either of them search. */
    if (!q->cur || seq_ge(from, q->cur->start))
        q->cur = b;
    else
        q->again = b;
    *got = n - left;
    return count;
}

void sndq_csum(const struct la_span *spans, uint32_t count, struct csum *c)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct block *whole =
            spans[i].n == BLOCK_DATA
                ? (const struct block *)(const void *)(spans[i].p - offsetof(struct block, data))
                : NULL;
        if (whole && whole->len & SUMMED)
            csum_join(c, (uint16_t)whole->len, BLOCK_DATA);
        else
            csum_add(c, spans[i].p, spans[i].n);
    }
}

void sndq_free(struct sndq *q, struct blocks *blocks)
{
    block_put_all(blocks, q->head);
    q->head = q->tail = q->cur = q->again = NULL;
    q->una = q->end;
}
