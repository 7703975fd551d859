/* lwipopts.h: lwIP as fast as we could make it.  What is not set here is off, or lwIP's default.
 *
 * -DBENCH_MTU and -DBENCH_WINDOW give the variant; scripts/bench builds one for each pair in use.
 */
#ifndef BENCH_LWIPOPTS_H
#define BENCH_LWIPOPTS_H

#ifndef BENCH_MTU
#define BENCH_MTU 1500
#endif
#ifndef BENCH_WINDOW
#define BENCH_WINDOW 65535
#endif

/* The raw API in one thread. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_TIMERS 1
#define LWIP_NOASSERT 1
#define LWIP_STATS 0

/* IPv4 and TCP, nothing else to look at on the way. */
#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_UDP 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define IP_FORWARD 0
#define IP_SOF_BROADCAST 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_SINGLE_NETIF 0
#define LWIP_NETIF_API 0

/* TCP without SACK and timestamps, with a window of the row's size. */
#define LWIP_TCP 1
#define TCP_MSS (BENCH_MTU - 40)
#define TCP_WND BENCH_WINDOW
#define TCP_SND_BUF BENCH_WINDOW
#if BENCH_WINDOW > 65535
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
#endif
#define TCP_SND_QUEUELEN 8192
#define TCP_SNDLOWAT (BENCH_WINDOW / 2)
#define LWIP_TCP_SACK_OUT 0
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_QUEUE_OOSEQ 1
#define TCP_LISTEN_BACKLOG 0
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define TCP_LOCAL_PORT_RANGE_START 32768
#define TCP_LOCAL_PORT_RANGE_END 60999
#define TCP_ENSURE_LOCAL_PORT_RANGE(port) ((u16_t)(((port)&0x3fff) + 32768))
#define TCP_OVERSIZE 0

/* Checksums in software, both ways.  Taking them while copying gains nothing: the bytes are in the
 * cache either way, and lwip/chksum.c runs at the speed of memcpy. */
#define CHECKSUM_GEN_IP 1
#define CHECKSUM_CHECK_IP 1
#define CHECKSUM_GEN_TCP 1
#define CHECKSUM_CHECK_TCP 1
#define TCP_CHECKSUM_ON_COPY 0

/* Memory: pools of exact sizes instead of the first-fit heap (lwippools.h). */
#define MEM_ALIGNMENT 8
#define MEM_SIZE (64 * 1024 * 1024)
#define MEM_USE_POOLS                                                                              \
    (BENCH_MTU <= 1500) /* a pool's size is 16 bits; beyond, the heap is as fast */
#if MEM_USE_POOLS
#define MEMP_USE_CUSTOM_POOLS 1
#endif
#define MEMP_NUM_TCP_PCB 20100
#define MEMP_NUM_TCP_PCB_LISTEN 4
#define MEMP_NUM_TCP_SEG 32768
#define MEMP_NUM_PBUF 4096
#define PBUF_POOL_SIZE 4096
#define PBUF_LINK_HLEN 0
#define PBUF_LINK_ENCAPSULATION_HLEN 0
#define PBUF_POOL_BUFSIZE 128 /* headers and small frames; payload goes by reference */
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* Two interfaces in one stack: what is for B leaves by A's end of the wire, and the other way
 * round. */
struct netif *bench_route(const void *dest);
#define LWIP_HOOK_IP4_ROUTE_SRC(src, dest) bench_route(dest)

#endif
