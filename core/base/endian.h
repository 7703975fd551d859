/* endian.h: numbers in network byte order, at any place, each as one load or store. */
#ifndef LA_BASE_ENDIAN_H
#define LA_BASE_ENDIAN_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define NET16(v) (v)
#define NET32(v) (v)
#else
#define NET16(v) __builtin_bswap16(v)
#define NET32(v) __builtin_bswap32(v)
#endif
static inline uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return NET16(v);
}
static inline uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return NET32(v);
}
static inline void put16(uint8_t *p, uint32_t v)
{
    uint16_t x = NET16((uint16_t)v);
    memcpy(p, &x, sizeof x);
}
static inline void put32(uint8_t *p, uint32_t v)
{
    uint32_t x = NET32(v);
    memcpy(p, &x, sizeof x);
}

#endif
