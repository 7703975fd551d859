/* SipHash: the published vectors of 2-4; those of 1-3 are CPython's hash() of bytes, whose key is
 * zero under PYTHONHASHSEED=0. */
#include "unit/base_kit.h"

#include "base/siphash.h"

static void fill(uint8_t p[64])
{
    for (unsigned i = 0; i < 64; i++)
        p[i] = (uint8_t)i;
}

static void published_vectors_2_4(void **state)
{
    (void)state;
    /* Key 00 01 .. 0f, input 00 01 .. n-1 (Aumasson and Bernstein, appendix A and reference code).
     */
    static const struct {
        uint8_t n;
        uint64_t hash;
    } v[] = {
        {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
        {3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
        {6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
        {9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
        {12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee},
        {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb}, {17, 0x699ae9f52cbe4794},
        {18, 0x4bc1b3f0968dd39c}, {19, 0xbb6dc91da77961bd}, {20, 0xbed65cf21aa2ee98},
        {63, 0x958a324ceb064572},
    };
    struct sipkey k = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t p[64];

    fill(p);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        uint8_t *q = kit_exact(p, v[i].n);
        assert_int_equal(siphash24(&k, q, v[i].n), v[i].hash);
        free(q);
    }
}

static void cpython_vectors_1_3(void **state)
{
    (void)state;
    static const struct {
        uint8_t n;
        uint64_t hash;
    } v[] = {
        {1, 0x68a914128e01e473},  {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},
        {12, 0xa6baf4fb0f9fe1c2}, {36, 0xac77921fcc642bd3}, {63, 0x385d3e39e5f37359},
    };
    struct sipkey k = {0, 0};
    uint8_t p[64];

    fill(p);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        assert_int_equal(siphash13(&k, p, v[i].n), v[i].hash);
}

static void alignment_does_not_matter(void **state)
{
    (void)state;
    struct sipkey k = {1, 2};
    uint8_t p[64];
    uint8_t q[80];

    fill(p);
    for (size_t shift = 0; shift < 9; shift++) {
        memcpy(q + shift, p, 64);
        for (size_t n = 0; n <= 64; n++) {
            assert_int_equal(siphash13(&k, q + shift, n), siphash13(&k, p, n));
            assert_int_equal(siphash24(&k, q + shift, n), siphash24(&k, p, n));
        }
    }
}

static void stream_does_not_repeat(void **state)
{
    (void)state;
    struct sipkey k = {3, 4};
    uint64_t counter = 0;
    uint64_t before = 0;

    for (int i = 0; i < 1000; i++) {
        uint64_t x = sip_next(&k, &counter);
        assert_int_not_equal(x, before);
        before = x;
    }
    assert_int_equal(counter, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_2_4),
        cmocka_unit_test(cpython_vectors_1_3),
        cmocka_unit_test(alignment_does_not_matter),
        cmocka_unit_test(stream_does_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
