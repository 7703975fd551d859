/* arp.h: ARP for IPv4 over Ethernet (RFC 826). */
#ifndef LA_WIRE_ARP_H
#define LA_WIRE_ARP_H

#include "wire/ethernet.h"
#include <lastack/types.h>

#define ARP_LEN 28U
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
    uint16_t op;
    struct mac sha, tha;
    struct la_addr spa, tpa; /* v4-mapped */
};

/* False unless it is Ethernet/IPv4 with the right lengths and op 1 or 2. */
bool arp_parse(const uint8_t *p, uint32_t n, struct arp *a);
void arp_build(uint8_t p[ARP_LEN], const struct arp *a);

#endif
