/* fuzz_rcvq.c: the receive queue against the stream as an array: each byte that was kept is what
 * came first for its number, in order or not, whatever pieces it came in and however little memory
 * there is. */
#include "fuzz/fuzz_mem.h"
#include "tcp/rcvq.h"

#define STREAM 24000U
#define WINDOW 14000U

struct model {
    uint8_t held[STREAM]; /* 0, or 1 + the version of the byte that was kept */
    uint32_t read, nxt;
    uint8_t version; /* of what comes next: old bytes must not be overwritten */
};

static struct model m;
static uint8_t text[STREAM];

static uint8_t byte_of(uint32_t offset, uint8_t version)
{
    return (uint8_t)((offset * 2654435761U >> 24) + version * 37U);
}

/* The segment [at, at + n) cut into a head and up to three spans. */
static struct slice cut(struct input *in, struct la_span span[3], uint32_t n)
{
    uint32_t head = in_below(in, 65536) % (n + 1), left = n - head;
    struct slice s = {{text, head}, span, 0, n};
    for (uint32_t i = 0; i < 3 && left; i++) {
        uint32_t k = i == 2 ? left : in_below(in, 65536) % (left + 1);
        span[i] = (struct la_span){text + (n - left), k};
        left -= k;
        s.nspan++;
    }
    return s;
}

/* What the queue says it holds above nxt, into `out`. */
static void unordered(const struct rcvq *q, const struct pool *ranges, seqno base,
                      uint8_t out[STREAM])
{
    memset(out, 0, STREAM);
    uint32_t above = m.nxt;
    for (const struct range *x = ranges_first(&q->ooo, ranges); x; x = ranges_next(x, ranges)) {
        uint32_t s = x->start.v - base.v, e = x->end.v - base.v;
        CHECK(s > above && s < e && e <= STREAM);
        memset(out + s, 1, e - s);
        above = e;
    }
}

static void note(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!m.held[i])
            m.held[i] = (uint8_t)(1 + m.version);
}

static void write_some(struct rcvq *q, struct fuzz_mem *f, struct input *in, seqno base)
{
    static uint8_t after[STREAM];
    struct la_span span[3];
    struct rcvq_result r;
    uint32_t lo = m.read > 2000 ? m.read - 2000 : 0;
    uint32_t hi = m.read + WINDOW < STREAM ? m.read + WINDOW : STREAM;
    uint32_t at = in_u8(in) & 3 ? m.nxt : lo + in_below(in, 65536) % (hi - lo + 1);
    uint32_t n = (uint32_t)(in_u16(in) >> in_below(in, 16));
    at = at < hi ? at : hi;
    n = n < hi - at ? n : hi - at;
    m.version = (uint8_t)((m.version + 1) % 200);
    for (uint32_t i = 0; i < n; i++)
        text[i] = byte_of(at + i, m.version);
    struct slice s = cut(in, span, n);
    bool before_dup = false;
    for (uint32_t i = at; i < at + n; i++)
        before_dup |= i < m.nxt || m.held[i];
    rcvq_write(q, &f->blocks, &f->ranges, seq_add(base, at), &s, 0, n, &r);
    uint32_t nxt = q->nxt.v - base.v;
    CHECK(nxt == m.nxt + r.advanced && (r.dup ? before_dup : true));
    if (r.dup)
        CHECK(seq_lt(r.dup_start, r.dup_end));
    m.nxt = nxt;
    unordered(q, &f->ranges, base, after);
    bool missing = false;
    for (uint32_t i = at; i < at + n; i++) {
        bool kept = i < m.nxt || after[i];
        CHECK(kept || !m.held[i]);
        missing |= !kept;
        if (kept)
            note(i, i + 1);
    }
    CHECK(missing == r.refused);
    for (uint32_t i = m.read; i < STREAM; i++)
        CHECK((i < m.nxt || after[i]) == (m.held[i] != 0));
}

/* The fast path: bytes copied ahead, then taken or not. */
static void ahead(struct rcvq *q, struct fuzz_mem *f, struct input *in)
{
    struct la_span span[3];
    struct rcvq_ahead a = {0};
    struct csum sum = {0}, want = {0};
    uint32_t hi = m.read + WINDOW < STREAM ? m.read + WINDOW : STREAM;
    uint32_t n = (uint32_t)(in_u16(in) >> in_below(in, 16));
    bool commit = in_u8(in) & 1;
    n = n < hi - m.nxt ? n : hi - m.nxt;
    if (q->ooo.head || n == 0)
        return;
    m.version = (uint8_t)((m.version + 1) % 200);
    for (uint32_t i = 0; i < n; i++)
        text[i] = byte_of(m.nxt + i, m.version);
    struct slice s = cut(in, span, n);
    rcvq_fill(q, &f->blocks, &s, 0, n, &sum, &a);
    CHECK(a.n <= n);
    if (a.n == n) {
        csum_add(&want, text, n);
        CHECK(csum_fold(&sum) == csum_fold(&want));
    }
    if (commit && a.n) {
        note(m.nxt, m.nxt + a.n);
        m.nxt += a.n;
        rcvq_commit(q, &a);
    } else {
        rcvq_forget(&a, &f->blocks);
    }
}

static void take_some(struct rcvq *q, struct fuzz_mem *f, struct input *in)
{
    static uint8_t copy[STREAM];
    uint32_t n = in_below(in, 65536) % (rcvq_readable(q) + 1);
    if (n && in_u8(in) & 1) {
        rcvq_read(q, &f->blocks, copy, n);
        for (uint32_t i = 0; i < n; i++)
            CHECK(copy[i] == byte_of(m.read + i, (uint8_t)(m.held[m.read + i] - 1)));
    } else {
        rcvq_consume(q, &f->blocks, n);
    }
    m.read += n;
}

static void check_readable(const struct rcvq *q)
{
    static uint8_t copy[STREAM];
    struct la_span s[3];
    uint32_t n = rcvq_readable(q), at = m.read, spans = rcvq_spans(q, s, 3);
    CHECK(n == m.nxt - m.read);
    rcvq_copy(q, copy, n);
    for (uint32_t i = 0; i < n; i++)
        CHECK(copy[i] == byte_of(m.read + i, (uint8_t)(m.held[m.read + i] - 1)));
    for (uint32_t i = 0; i < spans; i++)
        for (uint32_t k = 0; k < s[i].n; k++, at++)
            CHECK(s[i].p[k] == copy[at - m.read]);
    CHECK(spans == 3 || at == m.nxt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct fuzz_mem f;
    struct rcvq q;
    seqno base = seq(in_u32(&in));
    bool skipped = false;
    memset(&m, 0, sizeof m);
    fuzz_mem_init(&f, 1 + in_below(&in, 20), 1 + in_below(&in, 12));
    rcvq_init(&q, base);
    while (in.n && !skipped) {
        switch (in_u8(&in) % 8) {
        case 0:
        case 1:
        case 2:
        case 3:
            write_some(&q, &f, &in, base);
            break;
        case 4:
            ahead(&q, &f, &in);
            break;
        case 5:
        case 6:
            take_some(&q, &f, &in);
            break;
        case 7:
            if (q.ooo.head == 0 && (in_u8(&in) & 7) == 0) {
                rcvq_skip(&q);
                skipped = true;
            }
            break;
        }
        check_readable(&q);
        CHECK(f.blocks.used > 0 || (rcvq_readable(&q) == 0 && !q.ooo.head));
        if (rcvq_readable(&q) == 0 && !q.ooo.head)
            CHECK(f.blocks.used == 0);
    }
    rcvq_free_unordered(&q, &f.blocks, &f.ranges);
    check_readable(&q);
    rcvq_free(&q, &f.blocks, &f.ranges);
    fuzz_mem_end(&f);
    return 0;
}
