/* icmp.h: ICMP (RFC 792, 1191) and ICMPv6 (RFC 4443) messages but for neighbour discovery. */
#ifndef LA_WIRE_ICMP_H
#define LA_WIRE_ICMP_H

#include "wire/ip.h"

enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACH = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAM = 12
};
enum {
    ICMP_UNREACH_NET = 0,
    ICMP_UNREACH_HOST = 1,
    ICMP_UNREACH_PROTO = 2,
    ICMP_UNREACH_PORT = 3,
    ICMP_UNREACH_FRAG = 4,
    ICMP_UNREACH_SRCROUTE = 5,
    ICMP_UNREACH_ADMIN = 13
};
enum {
    ICMP6_UNREACH = 1,
    ICMP6_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAM = 4,
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_RS = 133,
    ICMP6_RA = 134,
    ICMP6_NS = 135,
    ICMP6_NA = 136,
    ICMP6_REDIRECT = 137
};

#define ICMP_HLEN 8U
struct icmp_hdr {
    uint8_t type, code;
    uint32_t rest; /* bytes 4..7: id and sequence, MTU, pointer */
};
/* False if shorter than ICMP_HLEN.  The checksum is the caller's to verify (it covers a slice). */
bool icmp_parse(const uint8_t *p, uint32_t n, struct icmp_hdr *h);
/* Writes 8 bytes with a zero checksum. */
void icmp_build(uint8_t p[ICMP_HLEN], const struct icmp_hdr *h);

#endif
