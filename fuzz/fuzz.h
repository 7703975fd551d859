/* fuzz.h: what the fuzz targets share: reading decisions out of the input, and a check that is
 * always on.
 *
 * An input that is used up reads as zeros, so that every prefix of a good input is a good input. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct input {
    const uint8_t *p;
    size_t n;
};

static inline uint8_t in_u8(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static inline uint16_t in_u16(struct input *in)
{
    uint16_t hi = in_u8(in);
    return (uint16_t)(hi << 8 | in_u8(in));
}

static inline uint32_t in_u32(struct input *in)
{
    uint32_t hi = in_u16(in);
    return hi << 16 | in_u16(in);
}

/* In [0, n), n in 1..65536. */
static inline uint32_t in_below(struct input *in, uint32_t n)
{
    return (n <= 256 ? in_u8(in) : in_u16(in)) % n;
}

/* What is left, in memory of its own, so that a byte read past its end is seen.  The caller frees.
 */
static inline uint8_t *in_rest(struct input *in, size_t *n)
{
    uint8_t *copy = calloc(1, in->n ? in->n : 1);
    CHECK(copy);
    if (in->n)
        memcpy(copy, in->p, in->n);
    *n = in->n;
    in->n = 0;
    return copy;
}

#endif
