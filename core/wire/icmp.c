/* icmp.c: the eight bytes that every ICMP (RFC 792) and ICMPv6 (RFC 4443) message starts with. */
#include "wire/icmp.h"
#include "base/endian.h"

bool icmp_parse(const uint8_t *p, uint32_t n, struct icmp_hdr *h)
{
    if (n < ICMP_HLEN)
        return false;
    *h = (struct icmp_hdr){p[0], p[1], get32(p + 4)};
    return true;
}

void icmp_build(uint8_t p[ICMP_HLEN], const struct icmp_hdr *h)
{
    p[0] = h->type;
    p[1] = h->code;
    put16(p + 2, 0);
    put32(p + 4, h->rest);
}
