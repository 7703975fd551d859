/* ipv6_ext.h: the walk of IPv6 extension headers (RFC 8200 §4).  Used by ipv6_parse only. */
#ifndef LA_WIRE_IPV6_EXT_H
#define LA_WIRE_IPV6_EXT_H

#include "wire/ip.h"

/* Goes on from the fixed header in h to the upper layer's, or to a header of a fragment.  `n` bytes
 * at p belong to the datagram and are contiguous.  Fills proto, hlen, nh_at and the fragment's
 * fields. */
enum ip_bad ipv6_walk(const uint8_t *p, uint32_t n, struct ip_hdr *h, uint16_t *bad_at,
                      uint8_t *bad_code);

#endif
