/* seqno.h: sequence number arithmetic modulo 2^32 (RFC 9293 §3.4).
 * A struct, so that a raw < or a mix-up with a length does not compile. */
#ifndef LA_BASE_SEQNO_H
#define LA_BASE_SEQNO_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seqno {
    uint32_t v;
} seqno;

/* clang-format off */
static inline seqno seq(uint32_t v) { return (seqno){v}; }
static inline seqno seq_add(seqno a, uint32_t n) { return (seqno){a.v + n}; }
static inline seqno seq_sub(seqno a, uint32_t n) { return (seqno){a.v - n}; }
/* Signed distance from b to a: how far a lies ahead. */
static inline int32_t seq_diff(seqno a, seqno b) { return (int32_t)(a.v - b.v); }
static inline bool seq_eq(seqno a, seqno b) { return a.v == b.v; }
static inline bool seq_lt(seqno a, seqno b) { return seq_diff(a, b) < 0; }
static inline bool seq_le(seqno a, seqno b) { return seq_diff(a, b) <= 0; }
static inline bool seq_gt(seqno a, seqno b) { return seq_diff(a, b) > 0; }
static inline bool seq_ge(seqno a, seqno b) { return seq_diff(a, b) >= 0; }
static inline seqno seq_max(seqno a, seqno b) { return seq_lt(a, b) ? b : a; }
static inline seqno seq_min(seqno a, seqno b) { return seq_lt(a, b) ? a : b; }
/* a in [lo, lo + n). */
static inline bool seq_in(seqno a, seqno lo, uint32_t n) { return a.v - lo.v < n; }
/* clang-format on */

#endif
