/* Frames in pieces: every cut of one text must read and sum as the text does. */
#include "unit/base_kit.h"

#include "wire/slice.h"

enum { PIECES = 5 };

/* Cuts text[0, n) into a head and spans, each in memory of its own. */
struct cut {
    uint8_t *mem[PIECES + 1];
    struct la_span span[PIECES];
    struct slice s;
};

static void cut_up(struct cut *c, const uint8_t *text, uint32_t n, uint64_t *seed)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i <= PIECES; i++) {
        uint32_t k = i == PIECES ? n - at : kit_below(seed, n - at + 1);
        if (i < PIECES && kit_below(seed, 4) == 0)
            k = 0; /* empty pieces are legal */
        c->mem[i] = kit_exact(text + at, k);
        struct la_span x = {c->mem[i], k};
        if (i == 0)
            c->s.head = x;
        else
            c->span[i - 1] = x;
        at += k;
    }
    c->s.span = c->span;
    c->s.nspan = PIECES;
    c->s.len = n;
}

static void cut_free(struct cut *c)
{
    for (uint32_t i = 0; i <= PIECES; i++)
        free(c->mem[i]);
}

static void check(const struct slice *s, const uint8_t *text, uint32_t n, uint64_t *seed)
{
    uint8_t got[512];
    struct csum a = {0};
    struct csum b = {0};

    assert_int_equal(s->len, n);
    slice_copy(s, 0, got, n);
    assert_memory_equal(got, text, n);
    uint32_t at = kit_below(seed, n + 1);
    uint32_t k = kit_below(seed, n - at + 1);
    memset(got, 0, sizeof got);
    slice_copy(s, at, got, k);
    assert_memory_equal(got, text + at, k);
    assert_int_equal(got[k], 0);
    slice_csum(s, &a);
    csum_add(&b, text, n);
    assert_int_equal(csum_fold(&a), csum_fold(&b));
    assert_int_equal(a.odd, b.odd);
}

static void any_cut_reads_the_same(void **state)
{
    (void)state;
    uint64_t seed = 9;
    uint8_t text[400];

    for (int round = 0; round < 5000; round++) {
        struct cut c;
        uint32_t n = kit_below(&seed, sizeof text);
        for (uint32_t i = 0; i < n; i++)
            text[i] = (uint8_t)(1 + kit_below(&seed, 255));
        cut_up(&c, text, n, &seed);
        check(&c.s, text, n, &seed);

        uint32_t skip = kit_below(&seed, c.s.head.n + 1);
        slice_skip(&c.s, skip);
        check(&c.s, text + skip, n - skip, &seed);

        uint32_t keep = kit_below(&seed, n - skip + 1);
        slice_trim(&c.s, keep);
        check(&c.s, text + skip, keep, &seed);

        uint32_t again = kit_below(&seed, c.s.head.n + 1);
        slice_skip(&c.s, again);
        check(&c.s, text + skip + again, keep - again, &seed);
        cut_free(&c);
    }
}

static void trimming_padding(void **state)
{
    (void)state;
    /* 46 bytes of Ethernet payload that hold 40 of IP. */
    uint8_t frame[46] = {0};
    struct slice s = {{frame, 46}, NULL, 0, 46};

    slice_trim(&s, 40);
    assert_int_equal(s.len, 40);
    assert_int_equal(s.head.n, 40);
    slice_skip(&s, 40);
    assert_int_equal(s.len, 0);
    slice_copy(&s, 0, frame, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_reads_the_same),
        cmocka_unit_test(trimming_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
