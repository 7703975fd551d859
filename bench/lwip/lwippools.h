/* lwippools.h: mem_malloc's sizes: a pure ACK or one byte, a full segment. */
LWIP_MALLOC_MEMPOOL_START
LWIP_MALLOC_MEMPOOL(24000, 128)
LWIP_MALLOC_MEMPOOL(4096, 1600)
LWIP_MALLOC_MEMPOOL_END
