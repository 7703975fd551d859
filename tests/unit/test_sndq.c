/* The send queue: against a flat copy of the stream, on both sides of 2^32. */
#include "unit/base_kit.h"

#include "tcp/sndq.h"

enum { CAP = 64, SPANS = 20 };

struct fix {
    struct kit kit;
    struct blocks blocks;
    struct sndq q;
    unsigned pushes; /* two of three with checksums */
};

static void setup(struct fix *f, uint32_t cap, seqno start)
{
    kit_init(&f->kit);
    blocks_init(&f->blocks, &f->kit.mem, cap);
    sndq_init(&f->q, start);
    f->pushes = 0;
}

static void teardown(struct fix *f)
{
    sndq_free(&f->q, &f->blocks);
    assert_int_equal(f->blocks.used, 0);
    blocks_free(&f->blocks);
    kit_done(&f->kit);
}

/* The byte of the stream at number s, so that every place can be told from its neighbours. */
static uint8_t byte_at(seqno s)
{
    return (uint8_t)(s.v ^ s.v >> 8 ^ s.v >> 16);
}

static uint32_t push(struct fix *f, uint32_t n)
{
    uint8_t *p = malloc(n);
    assert_non_null(p);
    for (uint32_t i = 0; i < n; i++)
        p[i] = byte_at(seq_add(f->q.end, i));
    uint32_t took = sndq_push(&f->q, &f->blocks, p, n, f->pushes++ % 3 != 2);
    free(p);
    return took;
}

/* Reads [from, from + n) and compares; returns how many spans it took. */
static uint32_t read_back(struct fix *f, seqno from, uint32_t n)
{
    struct la_span span[SPANS];
    uint32_t got;
    uint32_t spans = 0;

    while (n > 0) {
        uint32_t k = sndq_spans(&f->q, from, n, span, SPANS, &got);
        assert_in_range(k, 1, SPANS);
        assert_in_range(got, 1, n);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < k; i++)
            for (uint32_t j = 0; j < span[i].n; j++)
                assert_int_equal(span[i].p[j], byte_at(seq_add(from, sum++)));
        assert_int_equal(sum, got);
        struct csum by_block = {0}, by_byte = {0};
        sndq_csum(span, k, &by_block);
        for (uint32_t i = 0; i < k; i++)
            csum_add(&by_byte, span[i].p, span[i].n);
        assert_int_equal(csum_fold(&by_block), csum_fold(&by_byte));
        from = seq_add(from, got);
        n -= got;
        spans += k;
    }
    return spans;
}

static void empty_holds_nothing(void **state)
{
    (void)state;
    struct fix f;
    uint32_t got = 7;
    struct la_span span;

    setup(&f, CAP, seq(100));
    assert_int_equal(sndq_len(&f.q), 0);
    assert_int_equal(sndq_spans(&f.q, seq(100), 0, &span, 1, &got), 0);
    assert_int_equal(got, 0);
    sndq_ack(&f.q, &f.blocks, seq(100));
    assert_int_equal(f.blocks.used, 0);
    assert_int_equal(push(&f, 5), 5);
    assert_int_equal(f.blocks.used, 1);
    sndq_ack(&f.q, &f.blocks, seq(105));
    assert_int_equal(sndq_len(&f.q), 0);
    assert_int_equal(f.blocks.used, 0);
    teardown(&f);
}

static void segment_in_one_block_is_one_span(void **state)
{
    (void)state;
    struct fix f;
    struct la_span span[2];
    uint32_t got;

    setup(&f, CAP, seq(1));
    push(&f, 2 * BLOCK_DATA);
    assert_int_equal(sndq_spans(&f.q, seq(1), 1448, span, 2, &got), 1);
    assert_ptr_equal(span[0].p, f.q.head->data);
    assert_int_equal(sndq_spans(&f.q, seq(1 + 2896), 1448, span, 2, &got), 2);
    assert_int_equal(span[0].n, BLOCK_DATA - 2896);
    assert_int_equal(span[1].n, 1448 - span[0].n);
    /* too few spans: what fits */
    assert_int_equal(sndq_spans(&f.q, seq(1 + 2896), 1448, span, 1, &got), 1);
    assert_int_equal(got, BLOCK_DATA - 2896);
    teardown(&f);
}

/* A block filled in odd pieces, and read from an odd place on. */
static void a_whole_blocks_sum_is_not_made_again(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, CAP, seq(0xffffff00U));
    for (uint32_t n = 1; n < 300; n += 2) {
        f.pushes = 0;
        push(&f, n);
    }
    assert_true(sndq_len(&f.q) > 5 * BLOCK_DATA);
    struct block *b = f.q.head->next;
    struct la_span span = {b->data, BLOCK_DATA};
    struct csum before = {.odd = 1}, after = {.odd = 1};
    csum_add(&before, b->data, BLOCK_DATA);
    b->data[7] ^= 0x55; /* what is known of the block is used, not its bytes */
    sndq_csum(&span, 1, &after);
    assert_int_equal(csum_fold(&after), csum_fold(&before));
    teardown(&f);
}

static void acks_give_blocks_back_one_by_one(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, CAP, seq(0));
    push(&f, 3 * BLOCK_DATA + 1);
    assert_int_equal(f.blocks.used, 4);
    sndq_ack(&f.q, &f.blocks, seq(BLOCK_DATA - 1));
    assert_int_equal(f.blocks.used, 4);
    sndq_ack(&f.q, &f.blocks, seq(BLOCK_DATA));
    assert_int_equal(f.blocks.used, 3);
    sndq_ack(&f.q, &f.blocks, seq(BLOCK_DATA)); /* again */
    sndq_ack(&f.q, &f.blocks, seq(0));          /* an old one */
    assert_int_equal(sndq_len(&f.q), 2 * BLOCK_DATA + 1);
    sndq_ack(&f.q, &f.blocks, seq(3 * BLOCK_DATA));
    assert_int_equal(f.blocks.used, 1);
    read_back(&f, seq(3 * BLOCK_DATA), 1);
    teardown(&f);
}

/* New bytes at the far end and a repair near the start, in turn: each finds its place by its own
 * cursor, also after an ACK freed the block of either. */
static void repair_and_new_text_in_turn(void **state)
{
    (void)state;
    struct fix f;
    seqno lost;
    seqno fresh;

    setup(&f, CAP, seq(0U - 5000));
    push(&f, 40 * BLOCK_DATA);
    lost = f.q.una;
    fresh = seq_add(f.q.una, 20 * BLOCK_DATA);
    for (uint32_t i = 0; i < 50; i++) {
        read_back(&f, fresh, 1448);
        assert_true(seq_le(f.q.cur->start, seq_add(fresh, 1447)));
        assert_true(seq_diff(seq_add(fresh, 1447), f.q.cur->start) < (int32_t)BLOCK_DATA);
        read_back(&f, lost, 1448);
        assert_true(seq_diff(seq_add(lost, 1447), f.q.again->start) < (int32_t)BLOCK_DATA);
        fresh = seq_add(fresh, 1448);
        lost = seq_add(lost, 1448);
        if (i == 30)
            sndq_ack(&f.q, &f.blocks, lost);
    }
    sndq_ack(&f.q, &f.blocks, fresh);
    read_back(&f, fresh, sndq_len(&f.q));
    teardown(&f);
}

static void no_more_blocks(void **state)
{
    (void)state;
    struct fix f;

    setup(&f, 2, seq(0xfffffff0U));
    assert_int_equal(push(&f, 10000), 2 * BLOCK_DATA);
    assert_int_equal(push(&f, 1), 0);
    read_back(&f, seq(0xfffffff0U), 2 * BLOCK_DATA);
    sndq_ack(&f.q, &f.blocks, seq_add(seq(0xfffffff0U), BLOCK_DATA));
    assert_int_equal(push(&f, 10000), BLOCK_DATA);
    read_back(&f, f.q.una, 2 * BLOCK_DATA);
    teardown(&f);
}

static void random_against_the_stream(void **state)
{
    (void)state;
    static const uint32_t starts[] = {0, 0xffff0000U, 0x7fff0000U, 0xfffffffeU};
    uint64_t s = 42;

    for (uint32_t round = 0; round < 4; round++) {
        struct fix f;
        setup(&f, 24, seq(starts[round]));
        for (uint32_t i = 0; i < 4000; i++) {
            uint32_t len = sndq_len(&f.q);
            uint32_t what = kit_below(&s, 4);
            if (what == 0) {
                push(&f, 1 + kit_below(&s, 9000));
            } else if (what == 1) {
                sndq_ack(&f.q, &f.blocks, seq_add(f.q.una, kit_below(&s, len + 1)));
            } else if (len > 0) {
                uint32_t at = kit_below(&s, len);
                read_back(&f, seq_add(f.q.una, at), 1 + kit_below(&s, len - at));
            }
            assert_true(f.blocks.used <= sndq_len(&f.q) / BLOCK_DATA + 2);
        }
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_holds_nothing),
        cmocka_unit_test(segment_in_one_block_is_one_span),
        cmocka_unit_test(a_whole_blocks_sum_is_not_made_again),
        cmocka_unit_test(acks_give_blocks_back_one_by_one),
        cmocka_unit_test(repair_and_new_text_in_turn),
        cmocka_unit_test(no_more_blocks),
        cmocka_unit_test(random_against_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
