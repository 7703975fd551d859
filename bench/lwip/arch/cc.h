/* cc.h: what lwIP asks of the machine: nothing but a fast checksum. */
#ifndef BENCH_LWIP_CC_H
#define BENCH_LWIP_CC_H

#include <stdint.h>
#include <stdlib.h>

#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) abort()
#define LWIP_RAND() ((uint32_t)rand())

/* chksum.c: the sum that the compiler vectorises, in memory order. */
uint16_t bench_chksum(const void *p, int n);
#define LWIP_CHKSUM bench_chksum

#endif
