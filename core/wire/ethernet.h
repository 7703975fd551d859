/* ethernet.h: Ethernet II frames (RFC 894, RFC 2464). */
#ifndef LA_WIRE_ETHERNET_H
#define LA_WIRE_ETHERNET_H

#include <stdbool.h>
#include <stdint.h>

#define ETH_HLEN 14U
enum { ETH_IPV4 = 0x0800, ETH_ARP = 0x0806, ETH_IPV6 = 0x86dd };

struct mac {
    uint8_t b[6];
};
struct eth_hdr {
    struct mac dst, src;
    uint16_t type;
};
#define MAC_BROADCAST ((struct mac){{255, 255, 255, 255, 255, 255}})

/* False if n < ETH_HLEN. */
bool eth_parse(const uint8_t *p, uint32_t n, struct eth_hdr *h);
void eth_build(uint8_t p[ETH_HLEN], const struct eth_hdr *h);
/* Multicast and broadcast. */
static inline bool mac_is_group(const struct mac *m)
{
    return m->b[0] & 1;
}
bool mac_eq(const struct mac *a, const struct mac *b);

#endif
