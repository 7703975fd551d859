/* endian.h: network byte order as types of their own, so that a forgotten swap does not compile. */
#ifndef LA_BASE_ENDIAN_H
#define LA_BASE_ENDIAN_H

#include <stdint.h>

typedef struct be16 {
    uint8_t b[2];
} be16;
typedef struct be32 {
    uint8_t b[4];
} be32;

static inline uint16_t be16_get(be16 x)
{
    return (uint16_t)(x.b[0] << 8 | x.b[1]);
}
static inline uint32_t be32_get(be32 x)
{
    return (uint32_t)x.b[0] << 24 | (uint32_t)x.b[1] << 16 | (uint32_t)x.b[2] << 8 | x.b[3];
}
static inline be16 be16_of(uint32_t v)
{
    return (be16){{(uint8_t)(v >> 8), (uint8_t)v}};
}
static inline be32 be32_of(uint32_t v)
{
    return (be32){{(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}};
}
/* The same for bytes at a place. */
static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

#endif
