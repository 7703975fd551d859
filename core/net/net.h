/* net.h: the network layer as the rest of the core sees it: datagrams in, control frames out,
 * routes, neighbours and path MTUs.  IPv4 and IPv6 as equals.
 *
 * It never calls up: net_input returns what is for somebody else as a value, frames of its own
 * (ARP, ND, ICMP, and datagrams given to net_send) wait in a queue per interface for net_tx. */
#ifndef LA_NET_NET_H
#define LA_NET_NET_H

#include "base/mem.h"
#include "base/pool.h"
#include "base/siphash.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include <lastack/stack.h>
#include <lastack/trace.h>

#define NET_IFS 8
#define NET_L2_MAX 14U /* longest link header */

enum net_rule {
#define RULE(id, section, text) NR_##id,
#include "net/rules.def"
#undef RULE
    NR_COUNT
};

struct net; /* net/private.h */

struct net_config {
    const struct la_config *cfg;
    struct mem *mem;
    struct blocks *blocks; /* shared buffer blocks */
    struct pool *ranges;   /* shared interval nodes */
    struct sipkey key;     /* for identifiers, hash tables and jitter */
    uint64_t *rules;       /* counts, NR_COUNT of them */
};

int net_new(const struct net_config *c, la_ns now, struct net **out);
void net_free(struct net *n);

/* la_if_add and friends, with the same contracts. */
int net_if_add(struct net *n, const struct la_if_config *c, la_ns now);
int net_addr_add(struct net *n, int ifx, const struct la_addr *a, unsigned plen, la_ns now);
int net_addr_del(struct net *n, int ifx, const struct la_addr *a, la_ns now);
int net_addr_state(const struct net *n, int ifx, const struct la_addr *a);
int net_route_add(struct net *n, const struct la_addr *dst, unsigned plen, const struct la_addr *gw,
                  int ifx, la_ns now);
int net_route_del(struct net *n, const struct la_addr *dst, unsigned plen, int ifx);
const struct la_if_config *net_if(const struct net *n, int ifx); /* NULL: no such */
bool net_addr_next(const struct net *n, int ifx, uint32_t *cursor, struct la_addr_info *out);
/* The largest packet of the link: of IPv6 what a router advertised, if one did.  0: no such. */
uint32_t net_link_mtu(const struct net *n, int ifx, bool v4);

/* ---- in ---- */

/* A datagram for the transport, whole (reassembled) and addressed to us by unicast.  Borrowed until
 * the next call into net.  Multicast and broadcast, invalid sources and unknown protocols were
 * dealt with before (MUST-57, MUST-63). */
struct ip_dgram {
    const struct ip_hdr *h;
    struct slice payload; /* from the transport header on */
    const uint8_t *ip;    /* the IP header, ip_len bytes, for quoting in ICMP errors */
    uint32_t ip_len;
    int16_t ifx;
    uint8_t csum;      /* enum la_csum of the frame; NONE after reassembly */
    uint16_t gso_size; /* of a coalesced frame, else 0 */
};

/* An ICMP error about a datagram that we sent, not yet believed: the transport checks the quoted
 * ports and sequence number first (RFC 5927). */
enum icmp_kind {
    ICMP_KIND_HARD, /* protocol or port unreachable, administratively prohibited */
    ICMP_KIND_SOFT, /* net, host, source route, time exceeded, parameter problem */
    ICMP_KIND_PTB,
    ICMP_KIND_QUENCH
};
struct icmp_err {
    enum icmp_kind kind;
    struct la_addr local, remote; /* of the quoted datagram: source (us) and destination */
    uint8_t proto;                /* of the quoted datagram */
    uint8_t type, code;
    uint32_t mtu;        /* PTB: next-hop MTU, 0 if the router did not say (RFC 1191 §5) */
    uint32_t quoted_len; /* PTB: total length of the quoted datagram */
    uint8_t quote[8];    /* its first eight payload bytes: ports and sequence number */
};

enum net_in { NET_IN_DONE, NET_IN_DGRAM, NET_IN_ICMP };
enum net_in net_input(struct net *n, int ifx, const struct la_frame *f, la_ns now,
                      struct ip_dgram *d, struct icmp_err *e);
/* The rule under which the last net_input dropped its frame; NR_COUNT if it did not. */
enum net_rule net_dropped(const struct net *n);

/* The transport has no use for this protocol or port: answer with the right ICMP error,
 * rate-limited. */
void net_unreachable(struct net *n, const struct ip_dgram *d, bool port, la_ns now);

/* ---- out ---- */

/* Where a remote address is reached: found once, kept by its user, refreshed when `epoch` is old.
 * Zeroed is a valid start. */
struct net_path {
    uint32_t epoch;     /* of the routing tables when found */
    uint32_t neighbour; /* index, 0: none (an IP link) */
    int16_t ifx;        /* -1: none found */
};

/* Finds the way from *local (any: chosen by RFC 6724's rules and the route) to remote.  scope:
 * interface for link-local, -1 else.  LA_ENETUNREACH, LA_EADDRNOTAVAIL (local is not ours, or still
 * tentative). */
int net_route(struct net *n, struct la_addr *local, const struct la_addr *remote, int scope,
              struct net_path *path, la_ns now);

enum net_ready {
    NET_READY,
    NET_WAIT,  /* the neighbour is being asked */
    NET_FAILED /* nobody answers, or there is no way */
};
/* Writes the link header (0 or 14 bytes, *len) for the path, refreshing the path if the tables
 * changed; starts resolution if needed.  On NET_WAIT try again when net_epoch() has changed.  Where
 * there is no way any more the path keeps its interface, so that it can be asked again. */
enum net_ready net_link(struct net *n, const struct la_addr *local, const struct la_addr *remote,
                        int scope, struct net_path *path, uint8_t l2[NET_L2_MAX], uint32_t *len,
                        la_ns now);
/* Changes whenever a neighbour is resolved or fails, or a route or address comes or goes. */
uint32_t net_epoch(const struct net *n);

/* May a SYN or datagram go to this address at all?  False for any, multicast, broadcast (also a
 * subnet's): MUST-46. */
bool net_is_unicast(const struct net *n, const struct la_addr *a);
/* Is it an address of ours that may be used now?  scope -1: on any interface. */
bool net_is_local(const struct net *n, const struct la_addr *a, int scope);

/* Largest datagram the path takes whole: the interface's MTU or what was learned. */
uint32_t net_pmtu(const struct net *n, const struct net_path *path, const struct la_addr *remote);
/* A believed packet-too-big: returns the new path MTU (never above the old, never below 68 / 1280).
 * e->mtu 0: the plateau table of RFC 1191 §7.1.  Aged after 10 minutes (RFC 1191 §6.3). */
uint32_t net_pmtu_too_big(struct net *n, const struct net_path *path, const struct icmp_err *e,
                          la_ns now);
/* What goes into the TTL or hop limit field: routers may have said (RFC 1122 §3.2.1.7, RFC 4861
 * §6.3.4). */
uint8_t net_ttl(const struct net *n, const struct net_path *path, const struct la_addr *remote);
/* A black hole (RFC 4821 §7.7): this MTU is tried for the destination, in vain (it is again what it
 * was), or with success.  The last two do nothing where a packet-too-big came between. */
void net_pmtu_suspect(struct net *n, const struct la_addr *remote, uint32_t mtu, la_ns now);
void net_pmtu_refute(struct net *n, const struct la_addr *remote);
void net_pmtu_prove(struct net *n, const struct la_addr *remote);
/* Remember this MTU for the destination. */
void net_pmtu_set(struct net *n, const struct la_addr *remote, uint32_t mtu, la_ns now);

/* Forward progress: the neighbour is alive (RFC 4861 §7.3.1).  Cheap. */
void net_confirm(struct net *n, const struct net_path *path, la_ns now);
/* No progress after R1 retransmissions: probe the neighbour, and the next router if it was one
 * (MUST-20). */
void net_doubt(struct net *n, const struct net_path *path, la_ns now);
/* Is the next hop not known, being asked whether it is there, or not answering? */
bool net_in_doubt(struct net *n, const struct la_addr *local, const struct la_addr *remote,
                  int scope, const struct net_path *path, la_ns now);

/* Queues one datagram (header built here; `n_bytes` copied) for the path's interface, waiting for
 * its neighbour if it must; dropped and counted if queues are full.  For segments that belong to no
 * connection.  Checksum is complete. */
void net_send(struct net *n, const struct ip_hdr *h, int scope, const void *payload,
              uint32_t n_bytes, la_ns now);

/* The IP ID for the next datagram that is not atomic (RFC 6864), and the flow label of a flow (RFC
 * 6437). */
uint16_t net_ip_id(struct net *n);
uint32_t net_flow_label(const struct net *n, const struct la_addr *src, const struct la_addr *dst,
                        uint16_t sport, uint16_t dport);

/* The next control frame of this interface; false if none. */
bool net_tx(struct net *n, int ifx, struct la_frame *f, la_ns now);

la_ns net_deadline(const struct net *n);
void net_expire(struct net *n, la_ns now);

void net_usage(const struct net *n, struct la_usage *u); /* neighbours, pmtu, reassembly, packets */
int net_check(const struct net *n);                      /* la_check's part */
uint32_t net_blocks(const struct net *n);                /* that packets and fragments hold */

#endif
