/* The Internet checksum: worked examples, every small length and alignment, and pieces in any
 * order. */
#include "unit/base_kit.h"

#include "base/checksum.h"

/* RFC 1071 §2 by the letter: 16-bit big-endian words, an odd byte padded behind, carries added
 * back. */
static uint16_t naive(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static uint16_t once(const void *p, size_t n)
{
    struct csum c = {0};

    csum_add(&c, p, n);
    return csum_fold(&c);
}

static void rfc1071_example(void **state)
{
    (void)state;
    /* RFC 1071 §3: the words 0001 f203 f4f5 f6f7 add up to 2ddf0, that is ddf2. */
    static const uint8_t p[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    struct csum c = {0};

    csum_add(&c, p, sizeof p);
    assert_int_equal(csum_fold(&c), 0xddf2);
    assert_int_equal(csum_field(&c), 0x220d);
}

static void nothing_and_zeros(void **state)
{
    (void)state;
    static const uint8_t zero[200];
    uint8_t ones[200];

    memset(ones, 0xff, sizeof ones);
    assert_int_equal(once(zero, 0), 0);
    for (size_t n = 1; n <= 200; n++) {
        assert_int_equal(once(zero, n), 0); /* zeros alone sum to +0 */
        assert_int_equal(once(ones, n), n % 2 ? 0xff00 : 0xffff);
    }
}

static void right_checksum_folds_to_ones(void **state)
{
    (void)state;
    /* An IPv4 header of 20 bytes, 10.0.0.1 to 10.0.0.2, TTL 64, TCP, 40 bytes, no flags:
     * 4500 + 0028 + 4006 + 0a00 + 0001 + 0a00 + 0002 = 9931, so the field is 66ce. */
    uint8_t p[20] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    struct csum c = {0};

    csum_add(&c, p, sizeof p);
    assert_int_equal(csum_field(&c), 0x66ce);
    p[10] = 0x66;
    p[11] = 0xce;
    assert_int_equal(once(p, sizeof p), 0xffff);
}

static void every_length_and_alignment(void **state)
{
    (void)state;
    uint64_t seed = 1;

    for (size_t n = 0; n <= 600; n++) {
        for (size_t shift = 0; shift < 9; shift++) {
            uint8_t buf[640];
            for (size_t i = 0; i < sizeof buf; i++)
                buf[i] = (uint8_t)kit_rand(&seed);
            uint8_t *p = kit_exact(buf, shift + n);
            assert_int_equal(once(p + shift, n), naive(p + shift, n));
            free(p);
        }
    }
}

static void carries_do_not_get_lost(void **state)
{
    (void)state;
    enum { N = 65535 };
    uint8_t *p = malloc(N);
    assert_non_null(p);
    static const uint8_t fill[] = {0xff, 0xfe, 0x80, 0x01};

    for (size_t f = 0; f < sizeof fill; f++) {
        memset(p, fill[f], N);
        for (size_t n = N - 130; n <= N; n++)
            assert_int_equal(once(p, n), naive(p, n));
    }
    free(p);
}

static void a_full_sum_carries_around(void **state)
{
    (void)state;
    static const uint8_t p[2] = {0x12, 0x34};
    struct csum c = {UINT64_MAX, 0}; /* 2^64 - 1 is a multiple of 2^16 - 1: worth nothing */

    csum_add(&c, p, sizeof p);
    assert_int_equal(csum_fold(&c), 0x1234);
}

static void pieces_add_up(void **state)
{
    (void)state;
    uint64_t seed = 2;
    uint8_t buf[3000];

    for (int round = 0; round < 3000; round++) {
        uint32_t n = kit_below(&seed, sizeof buf + 1);
        uint32_t at = 0;
        struct csum c = {0};
        for (uint32_t i = 0; i < n; i++)
            buf[i] = (uint8_t)kit_rand(&seed);
        while (at < n) {
            uint32_t k = kit_below(&seed, kit_below(&seed, 2) ? 9 : n - at + 1);
            if (k > n - at)
                k = n - at;
            csum_add(&c, buf + at, k);
            at += k;
        }
        assert_int_equal(csum_fold(&c), naive(buf, n));
        assert_int_equal(c.odd, n % 2);
    }
}

static void copy_copies_and_adds(void **state)
{
    (void)state;
    uint64_t seed = 3;
    uint8_t src[2200];

    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)kit_rand(&seed);
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t n = round < 700 ? round : kit_below(&seed, 2100);
        uint32_t from = kit_below(&seed, 64);
        uint32_t to = kit_below(&seed, 64);
        uint8_t *dst = malloc(to + n + 1);
        assert_non_null(dst);
        dst[to + n] = 0x5a;
        struct csum c = {0};
        struct csum d = {0};
        csum_add(&c, src, round % 3);
        csum_add(&d, src, round % 3);
        csum_copy(&c, dst + to, src + from, n);
        csum_add(&d, src + from, n);
        assert_memory_equal(dst + to, src + from, n);
        assert_int_equal(dst[to + n], 0x5a);
        assert_int_equal(csum_fold(&c), csum_fold(&d));
        assert_int_equal(c.odd, d.odd);
        free(dst);
    }
}

static void pseudo_header_v4(void **state)
{
    (void)state;
    /* c0a8 + 0001 + c0a8 + 00c7 + 0006 + 0014 = 18232, that is 8233. */
    struct la_addr a = la_addr_v4(192, 168, 0, 1);
    struct la_addr b = la_addr_v4(192, 168, 0, 199);
    struct csum c = csum_pseudo(&a, &b, 6, 20);

    assert_int_equal(csum_fold(&c), 0x8233);
    assert_int_equal(c.odd, 0);
}

static void pseudo_header_v6(void **state)
{
    (void)state;
    /* RFC 8200 §8.1: addresses, 32-bit length, three zeros, next header.
     * 2001 + 0db8 + 0001 + 2001 + 0db8 + 0002 = 5b75; the length 00012345 adds 2346, next header 6.
     */
    struct la_addr a;
    struct la_addr b;
    assert_int_equal(la_addr_parse("2001:db8::1", &a), LA_OK);
    assert_int_equal(la_addr_parse("2001:db8::2", &b), LA_OK);
    struct csum c = csum_pseudo(&a, &b, 6, 0x12345);

    assert_int_equal(csum_fold(&c), 0x5b75 + 0x2346 + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc1071_example),
        cmocka_unit_test(nothing_and_zeros),
        cmocka_unit_test(right_checksum_folds_to_ones),
        cmocka_unit_test(every_length_and_alignment),
        cmocka_unit_test(carries_do_not_get_lost),
        cmocka_unit_test(a_full_sum_carries_around),
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(copy_copies_and_adds),
        cmocka_unit_test(pseudo_header_v4),
        cmocka_unit_test(pseudo_header_v6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
