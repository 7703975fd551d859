/* rcvq.c: the receive queue (RFC 9293 §3.10.7.4, seventh step; D-SACK findings for RFC 2883 §4).
 *
 * Each byte has one place, given by its number: blocks start at whole multiples of BLOCK_DATA from
 * each other, so they never overlap and a late segment is written where it will be read.
 * Invariants: every block holds, or held, a byte (block.len counts them); with nothing out of order
 * the tail is where nxt is; nothing readable and nothing out of order: no block. */
#include "tcp/rcvq.h"
#include <string.h>

void rcvq_init(struct rcvq *q, seqno nxt)
{
    *q = (struct rcvq){.read = nxt, .nxt = nxt};
}

/* The last block that starts at or before s; NULL if there is none.  New segments belong to the
 * tail, the next one that fills a hole is near cur, and one more hole being filled is near mid. */
static struct block *block_upto(const struct rcvq *q, seqno s)
{
    struct block *b = q->head;

    if (!b || seq_gt(b->start, s))
        return NULL;
    if (seq_le(q->tail->start, s))
        return q->tail;
    if (q->cur && seq_le(q->cur->start, s))
        b = q->cur;
    if (q->mid && seq_le(q->mid->start, s) && seq_gt(q->mid->start, b->start))
        b = q->mid;
    while (b->next && seq_le(b->next->start, s))
        b = b->next;
    return b;
}

/* Where the block that has s begins: on the grid of the blocks there are, or a new one from nxt. */
static seqno grid_start(const struct rcvq *q, seqno s)
{
    int32_t d = seq_diff(s, q->head ? q->head->start : q->nxt);

    if (d >= 0)
        return seq_sub(s, (uint32_t)d % BLOCK_DATA);
    uint32_t below = (uint32_t)-d % BLOCK_DATA;
    return below ? seq_sub(s, BLOCK_DATA - below) : s;
}

/* The block that has the place of s, made if need be; NULL if there is none to be had. */
static struct block *block_for(struct rcvq *q, struct blocks *blocks, seqno s)
{
    struct block *prev = block_upto(q, s);

    if (prev && s.v - prev->start.v < BLOCK_DATA)
        return prev;
    struct block *b = block_get(blocks);
    if (!b)
        return NULL;
    b->start = grid_start(q, s);
    b->next = prev ? prev->next : q->head;
    if (prev)
        prev->next = b;
    else
        q->head = b;
    if (!b->next)
        q->tail = b;
    return b;
}

/* A run of stream numbers and where its bytes lie. */
struct run {
    seqno s, e;
    const struct slice *from;
    uint32_t at;
};

static void copy_run(const struct run *w, seqno p, uint8_t *to, uint32_t n)
{
    uint32_t at = w->at + (p.v - w->s.v);

    if (at < w->from->head.n && n <= w->from->head.n - at)
        memcpy(to, w->from->head.p + at, n);
    else
        slice_copy(w->from, at, to, n);
}

/* Writes the run's bytes that are not held yet, in order, until blocks run out.  Returns the first
 * number that has no place (w->e if all have) and counts the bytes written. */
static seqno place(struct rcvq *q, struct blocks *blocks, const struct pool *ranges,
                   const struct run *w, uint32_t *written)
{
    const struct range *held = ranges_above(&q->ooo, ranges, w->s);
    bool in_order = seq_eq(w->s, q->nxt);
    seqno p = w->s;

    while (seq_lt(p, w->e)) {
        if (held && seq_le(held->start, p)) {
            p = seq_min(held->end, w->e);
            held = ranges_next(held, ranges);
            continue;
        }
        struct block *b = block_for(q, blocks, p);
        if (!b)
            return p;
        if (in_order)
            q->cur = b;
        else
            q->mid = b;
        seqno stop = seq_min(seq_add(b->start, BLOCK_DATA), w->e);
        if (held)
            stop = seq_min(stop, held->start);
        uint32_t n = stop.v - p.v;
        copy_run(w, p, b->data + (p.v - b->start.v), n);
        b->len += n;
        *written += n;
        p = stop;
    }
    return w->e;
}

/* Takes back what was placed at [s, e), where nothing was held before: blocks that hold nothing
 * else go.  `prev` is the last block that was there before and starts at or before s. */
static void unplace(struct rcvq *q, struct blocks *blocks, struct block *prev, seqno s, seqno e)
{
    struct block *b = prev ? prev : q->head;
    struct block *keep = NULL;

    while (b && seq_lt(b->start, e)) {
        struct block *next = b->next;
        seqno lo = seq_max(b->start, s);
        seqno hi = seq_min(seq_add(b->start, BLOCK_DATA), e);
        if (seq_lt(lo, hi))
            b->len -= hi.v - lo.v;
        if (b->len > 0) {
            keep = b;
        } else {
            if (keep)
                keep->next = next;
            else
                q->head = next;
            if (q->tail == b)
                q->tail = keep;
            block_put(blocks, b);
        }
        b = next;
    }
    q->mid = NULL;
}

/* The first run of [s, e) that came before (RFC 2883 §4): what lies below nxt, or in a range. */
static void find_duplicate(const struct rcvq *q, const struct pool *ranges, seqno s, seqno e,
                           struct rcvq_result *r)
{
    if (seq_lt(s, q->nxt)) {
        r->dup = true;
        r->dup_start = s;
        r->dup_end = seq_min(e, q->nxt);
        return;
    }
    const struct range *x = ranges_above(&q->ooo, ranges, s);
    if (x && seq_lt(x->start, e)) {
        r->dup = true;
        r->dup_start = seq_max(x->start, s);
        r->dup_end = seq_min(x->end, e);
    }
}

/* The run begins at nxt: nxt goes over it, and over the ranges that it reaches. */
static void write_in_order(struct rcvq *q, struct blocks *blocks, struct pool *ranges,
                           const struct run *w, struct rcvq_result *r)
{
    uint32_t written = 0;
    seqno before = q->nxt;
    seqno stop = place(q, blocks, ranges, w, &written);

    q->nxt = stop;
    for (const struct range *x; (x = ranges_first(&q->ooo, ranges)) && seq_le(x->start, q->nxt);) {
        q->nxt = seq_max(q->nxt, x->end);
        ranges_trim(&q->ooo, ranges, q->nxt);
    }
    r->stored = written > 0;
    r->refused = seq_lt(stop, w->e);
    r->advanced = q->nxt.v - before.v;
}

/* The run begins above nxt.  A set that is full still takes what touches a range. */
static void write_above(struct rcvq *q, struct blocks *blocks, struct pool *ranges,
                        const struct run *w, struct rcvq_result *r)
{
    if (q->ooo.count >= RCVQ_RANGES) {
        const struct range *x = ranges_above(&q->ooo, ranges, seq_sub(w->s, 1));
        if (!x || seq_gt(x->start, w->e)) {
            r->refused = true;
            return;
        }
    }
    uint32_t written = 0;
    struct block *prev = block_upto(q, w->s);
    seqno stop = place(q, blocks, ranges, w, &written);

    r->refused = seq_lt(stop, w->e);
    if (written == 0)
        return;
    if (ranges_add(&q->ooo, ranges, w->s, stop, RCVQ_RANGES)) {
        r->stored = true;
    } else { /* a run that needs a node touches no range: all of it is new */
        unplace(q, blocks, prev, w->s, stop);
        r->refused = true;
    }
}

/* Copies k bytes to `used` of the block. */
static inline void fill_one(struct rcvq_ahead *a, struct block *b, uint32_t used, const uint8_t *p,
                            uint32_t k, struct csum *sum)
{
    if (sum)
        csum_copy(sum, b->data + used, p, k);
    else
        memcpy(b->data + used, p, k);
    if (a->last)
        b->len += k;
    else
        a->in_tail += k;
    a->n += k;
}

static inline struct block *append_ahead(const struct rcvq *q, struct blocks *blocks,
                                         struct rcvq_ahead *a)
{
    struct block *b = block_get(blocks);

    if (!b)
        return NULL;
    b->start = seq_add(q->nxt, a->n);
    if (a->last)
        a->last->next = b;
    else
        a->first = b;
    a->last = b;
    return b;
}

void rcvq_fill(const struct rcvq *q, struct blocks *blocks, const struct slice *from, uint32_t at,
               uint32_t n, struct csum *sum, struct rcvq_ahead *a)
{
    struct block *b = q->tail;
    uint32_t used = b ? q->nxt.v - b->start.v : BLOCK_DATA;
    const struct la_span *next = from->span;
    const uint8_t *p = from->head.p;
    uint32_t left = from->head.n; /* at p */

    for (; at >= left; next++) {
        at -= left;
        p = next->p;
        left = next->n;
    }
    p += at;
    left -= at;
    for (;;) {
        if (used == BLOCK_DATA) {
            b = append_ahead(q, blocks, a);
            if (!b)
                return;
            used = 0;
        }
        uint32_t k = left < n ? left : n;
        k = BLOCK_DATA - used < k ? BLOCK_DATA - used : k;
        fill_one(a, b, used, p, k, sum);
        n -= k;
        if (n == 0)
            return;
        used += k;
        p += k;
        left -= k;
        if (left == 0) {
            p = next->p;
            left = next->n;
            next++;
        }
    }
}

void rcvq_commit(struct rcvq *q, struct rcvq_ahead *a)
{
    if (q->tail) {
        q->tail->len += a->in_tail;
        q->tail->next = a->first;
    } else {
        q->head = a->first;
    }
    if (a->last)
        q->tail = a->last;
    q->cur = q->tail;
    q->nxt = seq_add(q->nxt, a->n);
    *a = (struct rcvq_ahead){0};
}

void rcvq_forget(struct rcvq_ahead *a, struct blocks *blocks)
{
    block_put_all(blocks, a->first);
    *a = (struct rcvq_ahead){0};
}

void rcvq_write(struct rcvq *q, struct blocks *blocks, struct pool *ranges, seqno s,
                const struct slice *from, uint32_t at, uint32_t n, struct rcvq_result *r)
{
    *r = (struct rcvq_result){0};
    if (n == 0)
        return;
    if (seq_eq(s, q->nxt) && !q->ooo.head) { /* the common case */
        struct rcvq_ahead a = {0};
        rcvq_fill(q, blocks, from, at, n, NULL, &a);
        r->advanced = a.n;
        r->stored = a.n > 0;
        r->refused = a.n < n;
        rcvq_commit(q, &a);
        return;
    }
    r->filled = q->ooo.head != 0;
    struct run w = {s, seq_add(s, n), from, at};
    find_duplicate(q, ranges, w.s, w.e, r);
    if (seq_le(w.e, q->nxt))
        return;
    if (seq_lt(w.s, q->nxt)) {
        w.at += q->nxt.v - w.s.v;
        w.s = q->nxt;
    }
    if (seq_eq(w.s, q->nxt))
        write_in_order(q, blocks, ranges, &w, r);
    else
        write_above(q, blocks, ranges, &w, r);
}

uint32_t rcvq_spans(const struct rcvq *q, struct la_span *spans, uint32_t max)
{
    uint32_t left = rcvq_readable(q);
    uint32_t count = 0;
    seqno p = q->read;

    for (const struct block *b = q->head; left > 0 && count < max; b = b->next) {
        uint32_t at = p.v - b->start.v;
        uint32_t k = BLOCK_DATA - at < left ? BLOCK_DATA - at : left;
        spans[count++] = (struct la_span){b->data + at, k};
        left -= k;
        p = seq_add(p, k);
    }
    return count;
}

void rcvq_copy(const struct rcvq *q, void *to, uint32_t n)
{
    const struct block *b = q->head;
    uint8_t *d = to;

    for (uint32_t at = n ? q->read.v - b->start.v : 0; n > 0; b = b->next, at = 0) {
        uint32_t k = BLOCK_DATA - at < n ? BLOCK_DATA - at : n;
        block_copy(d, b->data + at, k);
        d += k;
        n -= k;
    }
}

static void pop_block(struct rcvq *q, struct blocks *blocks)
{
    struct block *b = q->head;

    if (q->cur == b)
        q->cur = NULL;
    if (q->mid == b)
        q->mid = NULL;
    q->head = b->next;
    if (!q->head)
        q->tail = NULL;
    block_put(blocks, b);
}

void rcvq_consume(struct rcvq *q, struct blocks *blocks, uint32_t n)
{
    q->read = seq_add(q->read, n);
    if (rcvq_readable(q) == 0 && !q->ooo.head) {
        block_put_all(blocks, q->head);
        q->head = q->tail = q->cur = q->mid = NULL;
        return;
    }
    while (q->head && seq_le(seq_add(q->head->start, BLOCK_DATA), q->read))
        pop_block(q, blocks);
}

void rcvq_read(struct rcvq *q, struct blocks *blocks, void *to, uint32_t n)
{
    struct block *b = q->head;

    if (b == q->tail && n == rcvq_readable(q) && !q->ooo.head) { /* all there is, in one block */
        block_copy(to, b->data + (q->read.v - b->start.v), n);
        block_put(blocks, b);
        q->head = q->tail = q->cur = q->mid = NULL;
        q->read = seq_add(q->read, n);
        return;
    }
    rcvq_copy(q, to, n);
    rcvq_consume(q, blocks, n);
}

void rcvq_skip(struct rcvq *q)
{
    q->nxt = seq_add(q->nxt, 1);
    q->skipped++;
}

void rcvq_free_unordered(struct rcvq *q, struct blocks *blocks, struct pool *ranges)
{
    ranges_clear(&q->ooo, ranges);
    if (rcvq_readable(q) == 0) {
        rcvq_free(q, blocks, ranges);
        return;
    }
    q->tail = block_upto(q, seq_sub(q->nxt, q->skipped + 1)); /* has the last byte in order */
    block_put_all(blocks, q->tail->next);
    q->tail->next = q->mid = NULL;
}

void rcvq_free(struct rcvq *q, struct blocks *blocks, struct pool *ranges)
{
    block_put_all(blocks, q->head);
    q->head = q->tail = q->cur = q->mid = NULL;
    ranges_clear(&q->ooo, ranges);
}
