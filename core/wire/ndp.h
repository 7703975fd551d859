/* ndp.h: neighbour discovery messages (RFC 4861 §4), parsed with their options. */
#ifndef LA_WIRE_NDP_H
#define LA_WIRE_NDP_H

#include "wire/ethernet.h"
#include "wire/icmp.h"

#define NDP_PREFIXES 8

struct ndp_prefix {
    struct la_addr prefix;
    uint8_t len;
    bool on_link, autonomous;
    uint32_t valid_s, preferred_s; /* 0xffffffff: infinity */
};

struct ndp {
    uint8_t type;                      /* ICMP6_RS … ICMP6_REDIRECT */
    struct la_addr target;             /* NS, NA, redirect */
    struct la_addr dest;               /* redirect */
    bool router, solicited, override;  /* NA */
    uint8_t hop_limit;                 /* RA, 0: unspecified */
    uint16_t router_s;                 /* RA: router lifetime */
    uint32_t reachable_ms, retrans_ms; /* RA, 0: unspecified */
    bool has_lladdr; /* source (RS, NS, RA) or target (NA, redirect) link-layer address */
    struct mac lladdr;
    uint32_t mtu;     /* 0: no option */
    uint32_t nprefix; /* the first NDP_PREFIXES */
    struct ndp_prefix prefix[NDP_PREFIXES];
};

/* p points at the ICMPv6 header.  False if short, an option has length zero or runs past the end,
 * or the fields break §6.1 and §7.1 (hop limit 255 and checksum are the caller's to check). */
bool ndp_parse(const uint8_t *p, uint32_t n, struct ndp *m);
/* Builds RS, NS or NA, with a link-layer option if has_lladdr, and a zero checksum.  Returns its
 * length (<= 32). */
uint32_t ndp_build(uint8_t p[32], const struct ndp *m);

#endif
