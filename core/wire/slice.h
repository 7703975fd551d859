/* slice.h: a cut of a received frame: `head` contiguous, then spans.  Borrowed from the driver. */
#ifndef LA_WIRE_SLICE_H
#define LA_WIRE_SLICE_H

#include "base/checksum.h"
#include <lastack/types.h>

struct slice {
    struct la_span head;
    const struct la_span *span;
    uint32_t nspan;
    uint32_t len; /* head and spans together; once trimmed the spans may hold more, and len rules */
};

/* Drops the first n bytes; n <= head.n (headers are always in the head). */
static inline void slice_skip(struct slice *s, uint32_t n)
{
    s->head.p += n;
    s->head.n -= n;
    s->len -= n;
}
/* Keeps only the first n bytes (link-layer padding goes).  n <= len. */
void slice_trim(struct slice *s, uint32_t n);
/* Copies n bytes from offset `at` to dst.  at + n <= len. */
void slice_copy(const struct slice *s, uint32_t at, void *dst, uint32_t n);
/* Adds all bytes to the sum. */
void slice_csum(const struct slice *s, struct csum *c);

#endif
