/* ethernet.c: Ethernet II headers (RFC 894, RFC 2464). */
#include "wire/ethernet.h"
#include "base/endian.h"
#include <string.h>

bool eth_parse(const uint8_t *p, uint32_t n, struct eth_hdr *h)
{
    if (n < ETH_HLEN)
        return false;
    memcpy(h->dst.b, p, 6);
    memcpy(h->src.b, p + 6, 6);
    h->type = get16(p + 12);
    return true;
}

void eth_build(uint8_t p[ETH_HLEN], const struct eth_hdr *h)
{
    memcpy(p, h->dst.b, 6);
    memcpy(p + 6, h->src.b, 6);
    put16(p + 12, h->type);
}

bool mac_eq(const struct mac *a, const struct mac *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}
