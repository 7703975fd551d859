/* private.h: struct net and what its parts say to each other.  Only core/net/ and its tests include
 * it.
 *
 * The parts, from the bottom: iface (addresses) and route; neighbour with arp and nd (who answers
 * for an address); ip_out (our own datagrams, queued); icmp4, icmp6 and dad, ra above it; reass and
 * ip_in (what comes).  pmtu stands apart.
 *
 * Invariant of every table: fixed bounds, objects from pools, one heap of deadlines for all of
 * them. */
#ifndef LA_NET_PRIVATE_H
#define LA_NET_PRIVATE_H

#include "base/assert.h"
#include "base/block.h"
#include "base/heap.h"
#include "net/net.h"
#include "net/params.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/ndp.h"
#include <string.h>

/* ---- addresses and interfaces ---- */

/* What duplicate detection does next with an address (dad.c). */
enum dad_step { DAD_IDLE, DAD_PROBE, DAD_SETTLE, DAD_ANNOUNCE };

struct ifaddr {
    struct la_addr addr;
    uint32_t timer;    /* position in the heap */
    uint8_t plen;      /* as the family counts */
    uint8_t state;     /* enum la_addr_state */
    uint8_t step;      /* enum dad_step */
    uint8_t sent;      /* probes, then announcements */
    bool used;         /* the slot holds an address */
    bool ready;        /* PREFERRED or DEPRECATED: may send and receive */
    bool slaac;        /* made from an advertised prefix */
    bool from_mac;     /* the link-local address that la_if_add formed */
    bool conflict;     /* conflict_at counts */
    la_ns conflict_at; /* RFC 5227 §2.4: when the last conflicting ARP came */
    la_ns step_at;     /* when `step` is due, LA_NEVER if IDLE */
    la_ns preferred_until, valid_until;
};

struct iface {
    struct la_if_config cfg;
    int16_t index;
    bool ether;
    bool v6;           /* MTU >= 1280 and no duplicate of the MAC's own address */
    uint8_t hop_limit; /* CurHopLimit */
    uint8_t rs_sent;
    uint32_t rs_timer;
    uint32_t naddr; /* slots [0, naddr) may be in use */
    uint32_t mtu6;  /* LinkMTU of IPv6, from the configuration or a router */
    la_ns base_reachable, reachable, retrans;
    uint32_t q_head, q_tail, q_packets; /* of our own datagrams, for net_tx */
    struct ifaddr addr[NET_ADDRS];
};

/* ---- routes ---- */

enum route_origin { ROUTE_STATIC, ROUTE_ADDR /* on-link prefix of an address */, ROUTE_RA };

struct route {
    uint32_t next; /* longest prefix first (also the pool's free link: keep first) */
    uint32_t timer;
    struct la_addr dst, gw;
    la_ns until; /* LA_NEVER unless advertised */
    int16_t ifx;
    uint8_t plen;
    uint8_t origin;
    bool gateway;
};

/* ---- neighbours ---- */

enum nb_state { NB_INCOMPLETE, NB_REACHABLE, NB_STALE, NB_DELAY, NB_PROBE, NB_FAILED };

struct neighbour {
    uint32_t next; /* in its hash bucket (also the pool's free link: keep first) */
    uint32_t timer;
    la_ns fresh_until;       /* until then hdr may be used without a thought; 0: never */
    la_ns used;              /* when something was last sent */
    uint8_t hdr[NET_L2_MAX]; /* the link header of a frame to it */
    uint8_t state;           /* REACHABLE past fresh_until is STALE: look at it by nb_state_now() */
    uint8_t sent;            /* solicitations since the state began */
    bool gateway;            /* a route goes through it */
    bool router;             /* IsRouter of RFC 4861 §5.1 */
    bool proven;             /* was REACHABLE once: the last to be evicted */
    bool polled;             /* asked_at counts */
    int16_t ifx;
    struct la_addr addr;
    struct la_addr local; /* whose packet made us ask (RFC 4861 §7.2.2) */
    la_ns asked_at;       /* last solicitation */
    uint32_t lru_prev, lru_next;
    uint32_t q_head, q_tail, q_packets; /* waiting packets */
};

struct nb_list {
    uint32_t head, tail, count;
};

/* ---- datagrams of our own ---- */

#define PACKET_SMALL 96U /* ARP, ND, RST and ordinary pings need no block */
#define PACKET_L3_MAX IPV6_HLEN

struct packet {
    uint32_t next; /* in a queue (also the pool's free link: keep first) */
    uint32_t len;  /* bytes behind the IP header; of ARP: all */
    uint32_t sent; /* bytes that left in fragments */
    uint32_t frag_id;
    uint32_t mtu;       /* IP bytes a frame may carry */
    struct block *data; /* chain, if len > PACKET_SMALL */
    int16_t ifx;
    uint8_t l2_len, l3_len; /* l3_len 0: not IP */
    uint8_t nblocks;
    uint8_t l2[NET_L2_MAX];
    uint8_t l3[PACKET_L3_MAX];
    uint8_t small[PACKET_SMALL];
};

/* ---- reassembly ---- */

#define REASS_BLOCKS 17U  /* of BLOCK_DATA bytes: 65,535 and a little */
#define REASS_UNITS 8192U /* of eight bytes */
#define REASS_HDR 192U    /* IPv4: 60; IPv6: what stands before the fragment header, and that */
#define REASS_HEAD 1024U  /* of the payload that are made contiguous for the parsers */
#define REASS_BUCKETS 64U
_Static_assert(REASS_BLOCKS *BLOCK_DATA >= DATAGRAM_MAX, "a whole datagram fits");

struct reass {
    uint32_t next; /* in its hash bucket (also the pool's free link: keep first) */
    uint32_t timer;
    uint32_t older, newer; /* by arrival of the first fragment */
    struct la_addr src, dst;
    uint32_t id;
    int16_t ifx;
    uint8_t proto;      /* IPv4: part of the key */
    uint8_t ecn_seen;   /* a bit for each codepoint */
    bool group;         /* to a multicast group */
    bool poisoned;      /* fragments overlapped: whatever still comes is dropped (RFC 5722 §4) */
    uint16_t units;     /* received */
    uint16_t top;       /* one past the highest unit received */
    uint16_t first_len; /* of the first fragment, for quoting it */
    uint16_t nh_at;     /* IPv6: in hdr, to be replaced by frag_next */
    uint8_t frag_next;
    uint32_t end;     /* payload bytes; 0: the last fragment is not here */
    uint32_t hdr_len; /* 0: the first fragment is not here */
    struct block *block[REASS_BLOCKS];
    uint32_t nblocks;
    uint64_t have[REASS_UNITS / 64];  /* units received */
    uint64_t start[REASS_UNITS / 64]; /* units that begin a fragment */
    uint8_t hdr[REASS_HDR];
};
_Static_assert(REASS_UNITS * 8 > DATAGRAM_MAX, "a bit for each eight bytes");

/* ---- path MTU ---- */

struct pmtu {
    uint32_t next; /* in its hash bucket (also the pool's free link: keep first) */
    uint32_t timer;
    uint32_t older, newer; /* by last change */
    struct la_addr remote;
    uint32_t mtu;
    uint32_t before; /* what it was before it was suspected, 0: not known */
    bool suspected;  /* a guess, and no packet of that size has got through */
};

/* ---- the whole ---- */

/* Deadlines are in one heap; an id says whose they are. */
enum timer_kind { TIMER_NEIGHBOUR = 1, TIMER_ADDR, TIMER_RS, TIMER_ROUTE, TIMER_REASS, TIMER_PMTU };
#define TIMER_ID(kind, index) ((uint32_t)(kind) << 28 | (uint32_t)(index))
#define TIMER_INDEX(id) ((id)&0x0fffffffU)
#define INDEX_MAX 0x0fffffffU

/* What is known of the datagram in hand. */
struct rx {
    struct iface *iface;
    struct ip_hdr h;
    struct mac l2_src;
    bool l2_group;   /* came in a broadcast or multicast frame */
    bool group;      /* to an IPv6 multicast group of ours */
    bool fragmented; /* there was a fragment header, or it was reassembled */
    uint8_t csum;    /* enum la_csum of the frame; NONE after reassembly */
    uint16_t gso_size;
};

/* A datagram of TCP's that came whole, with its header as it was on the wire: what is like it needs
 * no second judgement. */
struct like {
    struct ip_hdr h;
    uint8_t raw[IPV6_HLEN];
    const struct iface *iface; /* NULL: none */
    uint32_t epoch;            /* of the tables then */
};

/* A route with everything that sending needs. */
struct way {
    const struct route *route;
    struct iface *iface;
    struct la_addr hop; /* the gateway or the destination itself */
};

/* The way that was asked for last, and found. */
struct way_memo {
    uint32_t epoch; /* of the tables then */
    int scope;
    struct la_addr asked, remote, local; /* asked: the local address before one was chosen */
    struct way way;
};

struct net {
    const struct la_config *cfg;
    struct mem *mem;
    struct blocks *blocks;
    uint64_t *rules;
    struct sipkey key;
    uint32_t epoch;
    uint32_t nif;
    enum net_rule dropped;
    la_ns now;         /* of the call in hand, for traces */
    uint64_t rng;      /* position in the keyed stream */
    uint32_t id_count; /* datagrams that needed an identification */
    la_ns icmp_tat;    /* token bucket of ICMP errors, as the time at which it is full again */
    struct heap timers;

    struct pool neighbours;
    uint32_t *nb_hash;
    uint32_t nb_mask;
    struct nb_list lru[2]; /* not proven, proven; the oldest at the head */

    struct pool routes;
    uint32_t route_head[2]; /* IPv4, IPv6 */
    uint32_t ra_routes;

    struct pool packets;
    uint32_t waiting;       /* packets that wait for a neighbour */
    uint32_t packet_blocks; /* that packets hold */

    struct pool reass;
    uint32_t reass_hash[REASS_BUCKETS];
    uint32_t reass_oldest, reass_newest;
    uint32_t reass_blocks;
    struct rx rx;
    struct like like;
    struct way_memo way;
    uint32_t held; /* the datagram that the caller is looking at; 0: none */

    struct pool pmtu;
    uint32_t *pmtu_hash;
    uint32_t pmtu_mask;
    uint32_t pmtu_oldest, pmtu_newest;

    struct la_span rspan[REASS_BLOCKS + 1];
    uint8_t rbuf[REASS_HDR + REASS_HEAD]; /* headers of the reassembled datagram */
    uint8_t txbuf[NET_L2_MAX + PACKET_L3_MAX + 8 + PACKET_SMALL];

    struct iface ifs[NET_IFS];
};

/* ---- net.c: counting and small tools ---- */

/* Tells the tracer.  Cold. */
void net_trace(struct net *n, enum net_rule r, bool drop);

/* A rule fired. */
static inline void net_note(struct net *n, enum net_rule r)
{
    n->rules[r]++;
    if (n->cfg->trace)
        net_trace(n, r, false);
}

/* The frame in hand is dropped for this reason. */
static inline enum net_in net_drop(struct net *n, enum net_rule r)
{
    n->rules[r]++;
    n->dropped = r;
    if (n->cfg->trace)
        net_trace(n, r, true);
    return NET_IN_DONE;
}

/* A random number below `below` nanoseconds, from the keyed stream. */
la_ns net_jitter(struct net *n, la_ns below);
/* Can one more object have a deadline? */
bool timer_room(struct net *n);
static inline void timer_set(struct net *n, enum timer_kind k, uint32_t index, la_ns when)
{
    heap_set(&n->timers, TIMER_ID(k, index), when);
}
static inline void timer_stop(struct net *n, enum timer_kind k, uint32_t index)
{
    heap_remove(&n->timers, TIMER_ID(k, index));
}
static inline la_ns later(la_ns now, la_ns by)
{
    return by > LA_NEVER - now ? LA_NEVER : now + by;
}

/* Bits set (written out: the compilers' own may call into their library). */
static inline uint32_t popcount64(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555U;
    x = (x & 0x3333333333333333U) + (x >> 2 & 0x3333333333333333U);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fU;
    return (uint32_t)(x * 0x0101010101010101U >> 56);
}
/* Hash for a table, of an address and one number. */
uint32_t addr_hash(const struct net *n, const struct la_addr *a, uint32_t with);

/* ---- iface.c ---- */

#define ALL_NODES ((struct la_addr){{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})
#define ALL_ROUTERS ((struct la_addr){{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}})
/* ff02::1:ffXX:XXXX (RFC 4291 §2.7.1). */
struct la_addr solicited_node(const struct la_addr *a);

static inline struct iface *iface_at(struct net *n, int ifx)
{
    return &n->ifs[ifx];
}
static inline bool iface_has(const struct net *n, int ifx)
{
    return ifx >= 0 && (uint32_t)ifx < n->nif;
}
static inline uint32_t iface_mtu(const struct iface *i, bool v4)
{
    return v4 ? i->cfg.mtu : i->mtu6;
}

/* The slot that holds this address in whatever state; NULL: none. */
struct ifaddr *iface_find(struct iface *i, const struct la_addr *a);
/* One that may be used; NULL: none.  The usual case is one of the first compares. */
static inline struct ifaddr *iface_local(struct iface *i, const struct la_addr *a)
{
    for (uint32_t k = 0; k < i->naddr; k++)
        if (ip_eq(&i->addr[k].addr, a))
            return i->addr[k].ready ? &i->addr[k] : NULL;
    return NULL;
}
/* Is this the directed broadcast address of a subnet of the interface? */
bool iface_is_subnet_broadcast(const struct iface *i, const struct la_addr *a);
/* Is it within a subnet of one of the interface's addresses? */
bool iface_on_link(const struct iface *i, const struct la_addr *a);
/* Have we, in effect, joined this IPv6 multicast group? */
bool iface_in_group(const struct iface *i, const struct la_addr *group);
/* Best source on this interface for dst (RFC 6724 §5); NULL: none. */
const struct ifaddr *iface_source(const struct iface *i, const struct la_addr *dst);
/* Adds an address; *out (may be NULL) gets its slot.  Lifetimes LA_NEVER unless advertised. */
int iface_addr_add(struct net *n, struct iface *i, const struct ifaddr *like, la_ns now,
                   struct ifaddr **out);
void iface_addr_drop(struct net *n, struct iface *i, struct ifaddr *a);
/* Sets the timer of an address to what comes first: detection, deprecation or the end. */
void iface_addr_arm(struct net *n, struct iface *i, struct ifaddr *a);
void iface_addr_due(struct net *n, uint32_t index, la_ns now);
static inline uint32_t iface_addr_index(const struct iface *i, const struct ifaddr *a)
{
    return (uint32_t)i->index * NET_ADDRS + (uint32_t)(a - i->addr);
}

/* ---- dad.c ---- */

/* Starts detection, or makes the address usable at once where there is none. */
void dad_start(struct net *n, struct iface *i, struct ifaddr *a, la_ns delay, la_ns now);
void dad_step(struct net *n, struct iface *i, struct ifaddr *a, la_ns now);
/* Somebody else has this address. */
void dad_duplicate(struct net *n, struct iface *i, struct ifaddr *a);

/* ---- route.c ---- */

int route_add(struct net *n, const struct route *like);
void route_drop(struct net *n, uint32_t index);
/* The route of exactly these properties; 0: none.  gw may be NULL: any. */
uint32_t route_find(const struct net *n, const struct la_addr *dst, unsigned plen, int ifx,
                    const struct la_addr *gw, enum route_origin origin);
/* The way to dst, on interface ifx only unless -1: longest prefix, then the most promising gateway.
 */
const struct route *route_pick(struct net *n, const struct la_addr *dst, int ifx);
void route_due(struct net *n, uint32_t index);

/* See net_route. */
int route_way(struct net *n, struct la_addr *local, const struct la_addr *remote, int scope,
              struct way *w);

/* ---- neighbour.c ---- */

static inline struct neighbour *nb_at(const struct net *n, uint32_t i)
{
    return pool_at(&n->neighbours, i);
}
/* Index; 0: not there. */
uint32_t nb_find(const struct net *n, int ifx, const struct la_addr *a);
/* Finds or makes (INCOMPLETE, nothing sent yet); 0: no memory. */
uint32_t nb_get(struct net *n, int ifx, const struct la_addr *a, la_ns now);
enum nb_state nb_state_now(const struct neighbour *nb, la_ns now);
/* Something is to be sent: starts resolution or a check if needed.  READY: nb->hdr is right. */
enum net_ready nb_use(struct net *n, uint32_t i, const struct la_addr *local, la_ns now);
/* What a message said of a neighbour. */
struct nb_news {
    const struct mac *mac; /* NULL: not said */
    bool solicited;        /* an answer to our question: the way there works */
    bool override;
    bool create;             /* make an entry if there is none */
    bool set_router, router; /* the message tells whether it is a router */
};
/* Brings them into the cache (RFC 4861 §7.2.5 and its like for ARP).  The rule under which it was
 * useless, NR_COUNT if it was not. */
enum net_rule nb_learn(struct net *n, struct iface *i, const struct la_addr *a,
                       const struct nb_news *news, la_ns now);
/* Puts the packet (its l2 not yet built) behind those that wait. */
void nb_wait(struct net *n, uint32_t i, uint32_t packet);
void nb_doubt(struct net *n, uint32_t i, la_ns now);
__attribute__((noinline)) void nb_confirm(struct net *n, uint32_t i, la_ns now);
void nb_due(struct net *n, uint32_t i, la_ns now);
void nb_drop(struct net *n, uint32_t i);

/* ---- arp.c, nd.c, ra.c ---- */

enum net_in arp_input(struct net *n, struct iface *i, const struct slice *s, la_ns now);
/* Asks for nb's address: broadcast while INCOMPLETE, to its own MAC else. */
void arp_solicit(struct net *n, struct iface *i, const struct neighbour *nb,
                 const struct la_addr *from);
void arp_probe(struct net *n, struct iface *i, const struct la_addr *a);
void arp_announce(struct net *n, struct iface *i, const struct la_addr *a);

enum net_in nd_input(struct net *n, const struct rx *x, const struct slice *icmp, la_ns now);
void nd_solicit(struct net *n, struct iface *i, const struct neighbour *nb,
                const struct la_addr *from);
void nd_probe(struct net *n, struct iface *i, const struct la_addr *a);
void nd_announce(struct net *n, struct iface *i, const struct la_addr *a);
void nd_solicit_routers(struct net *n, struct iface *i);

enum net_in ra_input(struct net *n, struct iface *i, const struct la_addr *router,
                     const struct ndp *m, la_ns now);
/* Begins to ask for routers, if the interface wants them. */
void ra_start(struct net *n, struct iface *i, la_ns now);
void ra_due(struct net *n, struct iface *i, la_ns now);

/* ---- ip_in.c ---- */

/* What an ICMP error quotes: `n` contiguous bytes from the IP header on, then the rest (may be
 * NULL). */
struct ip_dgram quote_of(const struct rx *x, const uint8_t *ip, uint32_t n,
                         const struct slice *rest);

/* ---- reass.c ---- */

/* Takes a fragment; `s` from the IP header on, trimmed to the datagram.  True: the datagram is
 * whole, *whole is it (headers contiguous) and stays until the next reass_release. */
bool reass_input(struct net *n, struct rx *x, struct slice *s, struct slice *whole, la_ns now);
void reass_release_held(struct net *n);
static inline void reass_release(struct net *n)
{
    if (n->held)
        reass_release_held(n);
}
void reass_due(struct net *n, uint32_t index, la_ns now);
void reass_free_all(struct net *n);

/* ---- icmp.c, icmp4.c, icmp6.c ---- */

enum net_in icmp4_input(struct net *n, const struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                        la_ns now);
enum net_in icmp6_input(struct net *n, const struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                        la_ns now);
/* Reports an error about d (its ip, ip_len and payload are quoted), unless the rules or the rate
 * forbid. `silent`: d came to a group or is not the first fragment. */
void icmp4_error(struct net *n, const struct ip_dgram *d, bool silent, const struct icmp_hdr *m,
                 la_ns now);
void icmp6_error(struct net *n, const struct ip_dgram *d, bool silent, const struct icmp_hdr *m,
                 la_ns now);
/* Takes a token if there is one. */
bool icmp_may_send(struct net *n, la_ns now);
/* What ICMP errors of both families have in common, once the quoted header is read. */
enum net_in icmp_deliver(struct net *n, struct icmp_err *e, const uint8_t *quote, uint32_t quote_n);

/* ---- ip_out.c ---- */

/* A datagram in pieces. */
struct gather {
    struct la_span part[LA_FRAME_SPANS + 4];
    uint32_t n;
    uint32_t len;
};
static inline void gather_add(struct gather *g, const void *p, uint32_t len)
{
    LA_ASSERT(g->n < LA_FRAME_SPANS + 4);
    g->part[g->n++] = (struct la_span){p, len};
    g->len += len;
}
/* At most `max` bytes of a slice from offset `at` on. */
void gather_slice(struct gather *g, const struct slice *s, uint32_t at, uint32_t max);

/* Queues a unicast datagram by route and neighbour cache.  The identification is chosen here; ttl 0
 * means the interface's default; a source of any is chosen. */
void ip_output(struct net *n, const struct ip_hdr *h, int scope, const struct gather *g, la_ns now);
/* Queues a datagram for this station of the link, without asking anybody; mac NULL: the link has no
 * addresses. */
void ip_output_to(struct net *n, const struct ip_hdr *h, struct iface *i, const struct mac *mac,
                  const struct gather *g);
/* Queues a frame that is not IP. */
void link_output(struct net *n, struct iface *i, const struct mac *dst, uint16_t type,
                 const void *p, uint32_t len);
/* Gives a packet that waited its link header and puts it into its interface's queue. */
void packet_ready(struct net *n, uint32_t packet, const uint8_t l2[NET_L2_MAX]);
void packet_drop(struct net *n, uint32_t packet, enum net_rule why);
static inline struct packet *packet_at(const struct net *n, uint32_t i)
{
    return pool_at(&n->packets, i);
}
/* A 32-bit identification that does not repeat within 2^32 and does not tell how many there were.
 */
uint32_t ip_frag_id(struct net *n);

/* ---- pmtu.c ---- */

void pmtu_due(struct net *n, uint32_t index);
/* What was learned for this destination; 0: nothing. */
uint32_t pmtu_learned(const struct net *n, const struct la_addr *remote);

#endif
