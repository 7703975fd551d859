/* slice.c: reading a frame that lies in pieces.
 * `len` rules: after slice_trim the pieces may hold more than belongs to the slice. */
#include "wire/slice.h"
#include "base/assert.h"
#include <string.h>

void slice_trim(struct slice *s, uint32_t n)
{
    LA_ASSERT(n <= s->len);
    s->len = n;
    if (s->head.n > n)
        s->head.n = n;
    if (s->head.n == n)
        s->nspan = 0;
}

/* The part of piece `i` (0: the head) that belongs to the slice, `left` bytes of which remain. */
static struct la_span piece(const struct slice *s, uint32_t i, uint32_t left)
{
    struct la_span x = i == 0 ? s->head : s->span[i - 1];

    if (x.n > left)
        x.n = left;
    return x;
}

void slice_copy(const struct slice *s, uint32_t at, void *dst, uint32_t n)
{
    uint8_t *d = dst;

    LA_ASSERT(at <= s->len && n <= s->len - at);
    for (uint32_t i = 0; n > 0; i++) {
        LA_ASSERT(i <= s->nspan);
        struct la_span x = i == 0 ? s->head : s->span[i - 1];
        if (at >= x.n) {
            at -= x.n;
            continue;
        }
        uint32_t k = x.n - at < n ? x.n - at : n;
        memcpy(d, x.p + at, k);
        d += k;
        n -= k;
        at = 0;
    }
}

void slice_csum(const struct slice *s, struct csum *c)
{
    uint32_t left = s->len;

    for (uint32_t i = 0; left > 0; i++) {
        LA_ASSERT(i <= s->nspan);
        struct la_span x = piece(s, i, left);
        csum_add(c, x.p, x.n);
        left -= x.n;
    }
}
