/* params.h: every number of the network layer, each with the document it comes from.
 *
 * DEVIATION N1: RFC 4861 §6.3.7 and RFC 4862 §5.4.2 ask for a random delay of up to a second before
 * the first message of an interface.  It spreads the load when a whole network comes up at once,
 * which a program that opens a device does not do; it is left out, except for addresses made from a
 * router advertisement, which all hosts of a link receive at the same moment. */
#ifndef LA_NET_PARAMS_H
#define LA_NET_PARAMS_H

#include <lastack/types.h>

/* ---- neighbours: RFC 4861 §10, used for ARP and ND alike ---- */
#define MAX_MULTICAST_SOLICIT 3
#define MAX_UNICAST_SOLICIT 3
#define REACHABLE_TIME LA_SEC(30) /* times 0.5 .. 1.5 */
#define RETRANS_TIMER LA_SEC(1)
#define DELAY_FIRST_PROBE_TIME LA_SEC(5)
#define FAILED_HOLD LA_SEC(3)     /* ours: how long "nobody answers" is remembered */
#define NEIGHBOUR_IDLE LA_SEC(60) /* ours: an entry that nobody uses is forgotten */
#define NEIGHBOUR_QUEUE 4         /* packets that wait for one neighbour (RFC 1122 §2.3.2.2) */
#define REACHABLE_MAX_MS 3600000U /* RFC 4861 §6.2.1: AdvReachableTime's upper bound */
#define RETRANS_MIN_MS 100U       /* ours: a router cannot make us flood the link */
#define RETRANS_MAX_MS 60000U

/* ---- routers and addresses: RFC 4861 §10, RFC 4862 §5.1, RFC 4862 §5.5.3 ---- */
#define MAX_RTR_SOLICITATIONS 3
#define RTR_SOLICITATION_INTERVAL LA_SEC(4)
#define MAX_RTR_SOLICITATION_DELAY LA_SEC(1)
#define DUP_ADDR_DETECT_TRANSMITS 1
#define TWO_HOURS LA_SEC(7200)
#define RA_ROUTES 32 /* ours: routers and prefixes that advertisements may add to the table */
#define NET_ADDRS 16 /* ours: addresses of one interface */

/* ---- IPv4 address conflicts: RFC 5227 §1.1 ---- */
#define PROBE_WAIT LA_SEC(1)
#define PROBE_NUM 3
#define PROBE_MIN LA_SEC(1)
#define PROBE_MAX LA_SEC(2)
#define ANNOUNCE_WAIT LA_SEC(2)
#define ANNOUNCE_NUM 2
#define ANNOUNCE_INTERVAL LA_SEC(2)
#define DEFEND_INTERVAL LA_SEC(10)

/* ---- fragments ---- */
#define REASSEMBLY_TIME LA_SEC(60) /* RFC 8200 §4.5; RFC 1122 §3.3.2: 60 to 120 s */
#define REASSEMBLY_BLOCKS 1024U    /* ours: 4 MiB for all datagrams in reassembly */
#define DATAGRAM_MAX 65535U
#define TCP_FIRST_FRAGMENT_MIN 20U /* RFC 3128 §3: a complete TCP header */

/* ---- path MTU ---- */
#define PMTU_AGE LA_SEC(600) /* RFC 1191 §6.3, RFC 8201 §4 */
#define PMTU_MIN_V4 68U      /* RFC 791 §3.2 */
#define PMTU_MIN_V6 1280U    /* RFC 8200 §5 */

/* ---- ICMP ---- */
#define ICMP_ERROR_BURST 10U             /* RFC 4443 §2.4 (f): B */
#define ICMP_ERROR_INTERVAL LA_MSEC(100) /* RFC 4443 §2.4 (f): N = 10 a second */
#define ICMP4_ERROR_MAX 576U             /* RFC 1812 §4.3.2.3 */
#define ICMP6_ERROR_MAX 1280U            /* RFC 4443 §2.4 (c) */

/* ---- output ---- */
#define DEFAULT_TTL 64U         /* RFC 1122 §3.2.1.7, the value that IANA recommends */
#define NET_PACKETS 512U        /* ours: datagrams of our own that may wait, in all */
#define NET_QUEUE_PACKETS 256U  /* ours: ... for one interface */
#define NET_WAITING 128U        /* ours: ... for neighbours */
#define NET_PACKET_BLOCKS 1024U /* ours: ... and their blocks, 4 MiB */

#endif
