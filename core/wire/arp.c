/* arp.c: ARP messages for IPv4 over Ethernet (RFC 826).  Values only: what to believe is net's. */
#include "wire/arp.h"
#include "base/endian.h"
#include "wire/ip.h"
#include <string.h>

enum { HW_ETHERNET = 1 };

bool arp_parse(const uint8_t *p, uint32_t n, struct arp *a)
{
    if (n < ARP_LEN || get16(p) != HW_ETHERNET || get16(p + 2) != ETH_IPV4 || p[4] != 6 ||
        p[5] != 4)
        return false;
    a->op = get16(p + 6);
    if (a->op != ARP_REQUEST && a->op != ARP_REPLY)
        return false;
    memcpy(a->sha.b, p + 8, 6);
    a->spa = ip_from_v4(p + 14);
    memcpy(a->tha.b, p + 18, 6);
    a->tpa = ip_from_v4(p + 24);
    return true;
}

void arp_build(uint8_t p[ARP_LEN], const struct arp *a)
{
    put16(p, HW_ETHERNET);
    put16(p + 2, ETH_IPV4);
    p[4] = 6;
    p[5] = 4;
    put16(p + 6, a->op);
    memcpy(p + 8, a->sha.b, 6);
    memcpy(p + 14, ip_v4(&a->spa), 4);
    memcpy(p + 18, a->tha.b, 6);
    memcpy(p + 24, ip_v4(&a->tpa), 4);
}
