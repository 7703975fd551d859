/* The receive queue: against a flat map of the stream, on both sides of 2^32, with memory that
 * runs out. */
#include "unit/base_kit.h"

#include "tcp/rcvq.h"

struct fix {
    struct kit kit;
    struct blocks blocks;
    struct pool ranges;
    struct rcvq q;
};

static void setup(struct fix *f, uint32_t blocks, uint32_t ranges, seqno nxt)
{
    kit_init(&f->kit);
    blocks_init(&f->blocks, &f->kit.mem, blocks);
    pool_init(&f->ranges, &f->kit.mem, sizeof(struct range), ranges);
    rcvq_init(&f->q, nxt);
}

static void teardown(struct fix *f)
{
    rcvq_free(&f->q, &f->blocks, &f->ranges);
    assert_int_equal(f->blocks.used, 0);
    assert_int_equal(f->ranges.used, 0);
    blocks_free(&f->blocks);
    pool_free(&f->ranges);
    kit_done(&f->kit);
}

static struct slice slice_of(const uint8_t *p, uint32_t n)
{
    return (struct slice){.head = {p, n}, .len = n};
}

/* n bytes of value c at s. */
static struct rcvq_result put(struct fix *f, uint32_t s, uint32_t n, uint8_t c)
{
    struct rcvq_result r;
    uint8_t *p = malloc(n + 1);

    assert_non_null(p);
    memset(p, c, n + 1);
    struct slice from = slice_of(p, n + 1);
    rcvq_write(&f->q, &f->blocks, &f->ranges, seq(s), &from, 1, n, &r);
    free(p);
    return r;
}

/* The readable bytes; the caller frees. */
static uint8_t *readable(const struct fix *f)
{
    static struct la_span span[8192];
    uint32_t n = rcvq_spans(&f->q, span, 8192);
    uint32_t sum = 0;
    uint8_t *p = malloc(rcvq_readable(&f->q) + 1);

    assert_non_null(p);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(p + sum, span[i].p, span[i].n);
        sum += span[i].n;
    }
    assert_int_equal(sum, rcvq_readable(&f->q));
    p[sum] = 0;
    return p;
}

static void expect_text(const struct fix *f, const char *text)
{
    uint8_t *p = readable(f);

    assert_string_equal((char *)p, text);
    free(p);
}

static void expect_dup(const struct rcvq_result *r, uint32_t start, uint32_t end)
{
    assert_true(r->dup);
    assert_int_equal(r->dup_start.v, start);
    assert_int_equal(r->dup_end.v, end);
}

/* Every invariant of rcvq.c's head. */
static void check(const struct fix *f)
{
    const struct rcvq *q = &f->q;
    uint32_t n = 0;
    bool cur = !q->cur;
    bool mid = !q->mid;
    const struct block *last = NULL;

    for (const struct block *b = q->head; b; b = b->next) {
        n++;
        assert_true(b->len > 0);
        if (last) {
            assert_true(seq_diff(b->start, last->start) >= (int32_t)BLOCK_DATA);
            assert_int_equal((b->start.v - last->start.v) % BLOCK_DATA, 0);
        }
        cur |= b == q->cur;
        mid |= b == q->mid;
        last = b;
    }
    assert_true(cur && mid);
    assert_ptr_equal(last, q->tail);
    assert_int_equal(n, f->blocks.used);
    assert_int_equal(q->ooo.count, f->ranges.used);
    if (rcvq_readable(q) == 0 && !q->ooo.head)
        assert_int_equal(n, 0);
    if (n > 0 && !q->ooo.head)
        assert_in_range(q->nxt.v - q->tail->start.v, 1, BLOCK_DATA);
    const struct range *x = ranges_first(&q->ooo, &f->ranges);
    if (x)
        assert_true(seq_gt(x->start, q->nxt));
}

static void in_order(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 64, 8, seq(1000));
    assert_int_equal(rcvq_readable(&f.q), 0);
    struct rcvq_result r = put(&f, 1000, 3, 'a');
    assert_int_equal(r.advanced, 3);
    assert_true(r.stored && !r.refused && !r.filled && !r.dup);
    put(&f, 1003, 2, 'b');
    expect_text(&f, "aaabb");
    rcvq_consume(&f.q, &f.blocks, 4);
    expect_text(&f, "b");
    rcvq_consume(&f.q, &f.blocks, 1);
    assert_int_equal(f.blocks.used, 0); /* idle: holds nothing */
    r = put(&f, 1005, 0, 'x');
    assert_false(r.stored || r.dup || r.refused);
    r = put(&f, 1005, 20000, 'c'); /* five blocks */
    assert_int_equal(r.advanced, 20000);
    assert_int_equal(f.blocks.used, 5);
    check(&f);
    rcvq_consume(&f.q, &f.blocks, BLOCK_DATA);
    assert_int_equal(f.blocks.used, 4);
    check(&f);
    teardown(&f);
}

static void pieces_of_a_slice(void **state)
{
    (void)state;
    struct fix f;
    struct rcvq_result r;
    const uint8_t a[] = "..ab";
    const uint8_t b[] = "cde";
    const uint8_t c[] = "fghij";
    struct la_span span[] = {{b, 3}, {c, 5}};
    struct slice from = {.head = {a, 4}, .span = span, .nspan = 2, .len = 12};

    setup(&f, 8, 8, seq(0xffffffffU));
    rcvq_write(&f.q, &f.blocks, &f.ranges, seq(0xffffffffU), &from, 2, 9, &r);
    assert_int_equal(r.advanced, 9);
    expect_text(&f, "abcdefghi");
    rcvq_write(&f.q, &f.blocks, &f.ranges, seq(8), &from, 7, 5, &r);
    expect_text(&f, "abcdefghifghij");
    teardown(&f);
}

static void holes_are_filled_in_place(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 8, 8, seq(100));
    struct rcvq_result r = put(&f, 104, 2, 'c');
    assert_true(r.stored && !r.filled && !r.refused);
    assert_int_equal(r.advanced, 0);
    r = put(&f, 108, 2, 'e');
    assert_true(r.filled);
    r = put(&f, 102, 2, 'b'); /* grows a range downwards */
    assert_int_equal(f.q.ooo.count, 2);
    r = put(&f, 100, 2, 'a');
    assert_int_equal(r.advanced, 6);
    assert_true(r.filled);
    expect_text(&f, "aabbcc");
    r = put(&f, 106, 2, 'd');
    assert_int_equal(r.advanced, 4);
    expect_text(&f, "aabbccddee");
    assert_int_equal(f.ranges.used, 0);
    check(&f);
    teardown(&f);
}

static void first_copy_wins_and_dups_are_told(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 8, 8, seq(10));
    put(&f, 10, 4, 'a');                        /* [10, 14) */
    put(&f, 18, 2, 'c');                        /* [18, 20) */
    put(&f, 24, 2, 'e');                        /* [24, 26) */
    struct rcvq_result r = put(&f, 11, 2, 'X'); /* all below nxt */
    expect_dup(&r, 11, 13);
    assert_false(r.stored);
    r = put(&f, 5, 3, 'X'); /* below what was ever asked for */
    expect_dup(&r, 5, 8);
    r = put(&f, 18, 2, 'X'); /* a whole range */
    expect_dup(&r, 18, 20);
    assert_false(r.stored);
    r = put(&f, 19, 1, 'X');
    expect_dup(&r, 19, 20);
    r = put(&f, 17, 9, 'Y'); /* over two ranges: the first is told */
    expect_dup(&r, 18, 20);
    assert_true(r.stored);
    assert_int_equal(r.advanced, 0);
    assert_int_equal(f.q.ooo.count, 1);
    r = put(&f, 12, 16, 'Z'); /* below nxt first */
    expect_dup(&r, 12, 14);
    assert_int_equal(r.advanced, 14);
    expect_text(&f, "aaaaZZZYccYYYYeeZZ");
    r = put(&f, 28, 1, 'f'); /* touches, repeats nothing */
    assert_false(r.dup);
    rcvq_consume(&f.q, &f.blocks, 19);
    r = put(&f, 10, 30, 'X'); /* read already, and new */
    expect_dup(&r, 10, 29);
    assert_int_equal(r.advanced, 11);
    teardown(&f);
}

/* A range a segment, until there are no more; the whole window can still be used by what extends
 * them or is in order. */
static void too_many_ranges(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 64, 1000, seq(0));
    for (uint32_t i = 0; i < RCVQ_RANGES; i++)
        assert_true(put(&f, 2 + 4 * i, 1, 'x').stored);
    struct rcvq_result r = put(&f, 2 + 4 * RCVQ_RANGES, 1, 'x');
    assert_true(r.refused && !r.stored);
    r = put(&f, 200000, 1, 'x'); /* no block is made for what is refused */
    assert_true(r.refused);
    check(&f);
    r = put(&f, 3 + 4 * (RCVQ_RANGES - 1), 5000, 'y');
    assert_true(r.stored && !r.refused);
    r = put(&f, 7, 3, 'y'); /* joins two */
    assert_true(r.stored);
    assert_int_equal(f.q.ooo.count, RCVQ_RANGES - 1);
    r = put(&f, 200000, 1, 'x');
    assert_true(r.stored);
    r = put(&f, 0, 2, 'y');
    assert_int_equal(r.advanced, 3);
    check(&f);
    teardown(&f);
}

static void no_range_node(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 64, 1, seq(0));
    assert_true(put(&f, 9000, 10, 'x').stored);
    uint32_t used = f.blocks.used;
    struct rcvq_result r = put(&f, 20000, 9000, 'x'); /* blocks above, then none */
    assert_true(r.refused && !r.stored);
    assert_int_equal(f.blocks.used, used);
    check(&f);
    r = put(&f, 10, 8000, 'x'); /* blocks below */
    assert_true(r.refused && !r.stored);
    assert_int_equal(f.blocks.used, used);
    check(&f);
    r = put(&f, 9012, 8000, 'x'); /* begins in a block that stays */
    assert_true(r.refused && !r.stored);
    assert_int_equal(f.blocks.used, used);
    check(&f);
    r = put(&f, 0, 9000, 'y');
    assert_int_equal(r.advanced, 9010);
    check(&f);
    teardown(&f);
}

static void no_block_in_the_middle(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 2, 8, seq(0));
    struct rcvq_result r = put(&f, 0, 10000, 'a'); /* in order: what has room */
    assert_true(r.refused && r.stored);
    assert_int_equal(r.advanced, 2 * BLOCK_DATA);
    check(&f);
    r = put(&f, r.advanced, 10, 'b');
    assert_true(r.refused && !r.stored);
    assert_int_equal(r.advanced, 0);
    rcvq_consume(&f.q, &f.blocks, 2 * BLOCK_DATA);
    r = put(&f, 2 * BLOCK_DATA + 100, 10000, 'c'); /* above a hole: the same */
    assert_true(r.refused && r.stored);
    assert_int_equal(ranges_bytes(&f.q.ooo, &f.ranges), 2 * BLOCK_DATA - 100);
    r = put(&f, 2 * BLOCK_DATA, 100, 'b');
    assert_int_equal(r.advanced, 2 * BLOCK_DATA);
    check(&f);
    teardown(&f);
}

static void fin_takes_a_number(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 8, 8, seq(0xfffffffeU));
    put(&f, 0xfffffffeU, 2, 'a');
    rcvq_skip(&f.q);
    assert_int_equal(f.q.nxt.v, 1);
    assert_int_equal(f.q.read.v, 0xfffffffeU); /* numbers of what is unread stay */
    expect_text(&f, "aa");
    struct rcvq_result r = put(&f, 0xffffffffU, 2, 'x'); /* again, FIN's number and all */
    expect_dup(&r, 0xffffffffU, 1);
    rcvq_consume(&f.q, &f.blocks, 1);
    expect_text(&f, "a");
    rcvq_consume(&f.q, &f.blocks, 1);
    assert_int_equal(rcvq_readable(&f.q), 0);
    assert_int_equal(f.blocks.used, 0);
    teardown(&f);
}

static void unordered_goes_readable_stays(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 64, 8, seq(0));
    put(&f, 0, 5000, 'a');
    put(&f, 5010, 100, 'b');
    put(&f, 30000, 9000, 'b');
    rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
    assert_int_equal(f.blocks.used, 2);
    check(&f);
    rcvq_skip(&f.q);
    rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
    assert_int_equal(rcvq_readable(&f.q), 5000);
    assert_int_equal(f.blocks.used, 2);
    rcvq_consume(&f.q, &f.blocks, 5000);
    assert_int_equal(f.blocks.used, 0);
    rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
    teardown(&f);

    setup(&f, 64, 8, seq(0)); /* exactly one block in order */
    put(&f, 0, BLOCK_DATA, 'a');
    put(&f, BLOCK_DATA + 1, 1, 'b');
    rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
    assert_int_equal(f.blocks.used, 1);
    check(&f);
    teardown(&f);

    setup(&f, 64, 8, seq(0)); /* nothing in order */
    put(&f, 1, 1, 'b');
    rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
    assert_int_equal(f.blocks.used, 0);
    check(&f);
    teardown(&f);
}

/* A long unread queue, a hole near its end, and new segments beyond: neither the hole nor the new
 * ones may cost a walk over what is unread (counted by what block_upto would start from). */
static void long_queue_is_not_walked(void **state)
{
    (void)state;
    struct fix f;
    uint32_t at = 0;

    setup(&f, 4096, 300, seq(0));
    for (; at < 1000 * BLOCK_DATA; at += 1448)
        put(&f, at, 1448, 'a');
    for (uint32_t i = 0; i < 100; i++) { /* every second one is lost */
        put(&f, at + 1448 + 2896 * i, 1448, 'b');
        assert_true(seq_diff(f.q.nxt, f.q.cur->start) <= (int32_t)BLOCK_DATA);
    }
    for (uint32_t i = 0; i < 100; i++) { /* and comes later, in turn with new ones */
        put(&f, at + 2896 * i, 1448, 'c');
        put(&f, at + 2896 * (100 + i), 2896, 'd');
        assert_true(seq_diff(f.q.nxt, f.q.cur->start) < 2 * (int32_t)BLOCK_DATA);
    }
    assert_int_equal(f.q.nxt.v, at + 2896 * 200);
    check(&f);
    teardown(&f);
}

/* ---- random ---- */

enum { STREAM = 60000, WINDOW = 20000 };

struct model {
    uint8_t value[STREAM];
    uint8_t held[STREAM];
    uint32_t read, nxt;
};

/* The first run of [at, end) that is held. */
static bool model_dup(const struct model *m, uint32_t at, uint32_t end, uint32_t *start,
                      uint32_t *stop)
{
    while (at < end && !m->held[at])
        at++;
    *start = at;
    while (at < end && m->held[at])
        at++;
    *stop = at;
    return *start < *stop;
}

/* What the queue says that it holds after a write of [at, end); it may have refused some of it. */
static void model_write(struct model *m, const struct fix *f, seqno base, uint32_t at, uint32_t end,
                        const uint8_t *bytes, const struct rcvq_result *r)
{
    bool stored = false;
    bool refused = false;
    uint32_t before = m->nxt;

    for (uint32_t i = at; i < end; i++) {
        seqno s = seq_add(base, i);
        bool now = seq_lt(s, f->q.nxt) || ranges_find(&f->q.ooo, &f->ranges, s);
        if (m->held[i]) {
            assert_true(now);
        } else if (now) {
            m->held[i] = 1;
            m->value[i] = bytes[i - at];
            stored = true;
        } else {
            refused = true;
        }
    }
    while (m->nxt < STREAM && m->held[m->nxt])
        m->nxt++;
    assert_int_equal(f->q.nxt.v, seq_add(base, m->nxt).v);
    assert_int_equal(r->advanced, m->nxt - before);
    assert_int_equal(r->stored, stored);
    assert_int_equal(r->refused, refused);
}

static void random_write(struct model *m, struct fix *f, seqno base, uint64_t *s)
{
    struct rcvq_result r;
    uint8_t bytes[6000];
    uint32_t lo = m->read > 500 ? m->read - 500 : 0;
    uint32_t hi = m->read + WINDOW < STREAM ? m->read + WINDOW : STREAM;
    uint32_t at = kit_below(s, 3) ? m->nxt : lo + kit_below(s, hi - lo);
    uint32_t most = hi - at < sizeof bytes ? hi - at : (uint32_t)sizeof bytes;

    if (most == 0)
        return;
    uint32_t n = 1 + kit_below(s, kit_below(s, 2) ? most : (most < 20 ? most : 20));
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)kit_rand(s);
    uint32_t cut = kit_below(s, n + 1);
    uint8_t *head = kit_exact(bytes, cut);
    uint8_t *rest = kit_exact(bytes + cut, n - cut);
    struct la_span span = {rest, n - cut};
    struct slice from = {.head = {head, cut}, .span = &span, .nspan = 1, .len = n};
    bool before = f->q.ooo.head != 0;
    uint32_t start;
    uint32_t stop;
    bool dup = model_dup(m, at, at + n, &start, &stop);
    rcvq_write(&f->q, &f->blocks, &f->ranges, seq_add(base, at), &from, 0, n, &r);
    free(head);
    free(rest);
    assert_int_equal(r.dup, dup);
    if (dup)
        expect_dup(&r, base.v + start, base.v + stop);
    if (seq_lt(seq_add(base, at + n), f->q.nxt) == false || r.advanced)
        assert_int_equal(r.filled, before);
    model_write(m, f, base, at, at + n, bytes, &r);
}

static void random_read(struct model *m, struct fix *f, uint64_t *s)
{
    uint8_t *p = readable(f);
    uint32_t n = rcvq_readable(&f->q);

    assert_int_equal(n, m->nxt - m->read);
    assert_memory_equal(p, m->value + m->read, n);
    free(p);
    n = kit_below(s, n + 1);
    rcvq_consume(&f->q, &f->blocks, n);
    m->read += n;
}

static void random_against_a_map(void **state)
{
    (void)state;
    static const uint32_t bases[] = {0, 0xffffff00U, 0xffff8000U, 0x7fffc000U};
    static struct model m;
    uint64_t s = 1;

    for (uint32_t round = 0; round < 40; round++) {
        struct fix f;
        seqno base = seq(bases[round % 4]);
        bool scarce = round % 2;
        setup(&f, scarce ? 4 : 64, scarce ? 5 : 400, base);
        memset(&m, 0, sizeof m);
        for (uint32_t i = 0; i < 400 && m.read < STREAM; i++) {
            random_write(&m, &f, base, &s);
            check(&f);
            if (kit_below(&s, 4) == 0)
                random_read(&m, &f, &s);
            check(&f);
        }
        if (round % 3 == 0) {
            rcvq_free_unordered(&f.q, &f.blocks, &f.ranges);
            check(&f);
            uint8_t *p = readable(&f);
            assert_memory_equal(p, m.value + m.read, m.nxt - m.read);
            free(p);
        }
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(pieces_of_a_slice),
        cmocka_unit_test(holes_are_filled_in_place),
        cmocka_unit_test(first_copy_wins_and_dups_are_told),
        cmocka_unit_test(too_many_ranges),
        cmocka_unit_test(no_range_node),
        cmocka_unit_test(no_block_in_the_middle),
        cmocka_unit_test(fin_takes_a_number),
        cmocka_unit_test(unordered_goes_readable_stays),
        cmocka_unit_test(long_queue_is_not_walked),
        cmocka_unit_test(random_against_a_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
