/* tcp.h: the TCP header and options as values (RFC 9293 §3.1, 7323, 2018). */
#ifndef LA_WIRE_TCP_H
#define LA_WIRE_TCP_H

#include "base/endian.h"
#include "base/seqno.h"
#include <lastack/trace.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_HLEN 20U
#define TCP_HLEN_MAX 60U
#define TCP_SACK_MAX 4
enum {
    TCP_FIN = LA_TCP_FIN,
    TCP_SYN = LA_TCP_SYN,
    TCP_RST = LA_TCP_RST,
    TCP_PSH = LA_TCP_PSH,
    TCP_ACK = LA_TCP_ACK,
    TCP_URG = LA_TCP_URG,
    TCP_ECE = LA_TCP_ECE,
    TCP_CWR = LA_TCP_CWR
};

struct tcp_hdr {
    uint16_t sport, dport;
    seqno seq, ack;
    uint8_t flags;
    uint8_t hlen; /* bytes, options included */
    uint16_t wnd; /* as on the wire, not scaled */
    uint16_t up;
};

struct sack_block {
    seqno start, end;
};

struct tcp_opts {
    bool has_mss, has_wscale, has_ts, sack_permitted;
    bool wscale_first; /* build: before SACK-permitted and TS, not behind them */
    uint8_t wscale;    /* as it was sent: above 14 too */
    uint8_t nsack;
    uint16_t mss;
    uint32_t tsval, tsecr;
    struct sack_block sack[TCP_SACK_MAX];
};

/* False if n < 20 or the data offset is below 5 or past n. */
bool tcp_parse(const uint8_t *p, uint32_t n, struct tcp_hdr *h);
/* Options of `n` bytes.  Unknown kinds are skipped (MUST-6); MSS, WS, SACK-permitted count only if
 * `syn`, wrong lengths of known kinds are skipped; false on a length of 0, 1 or past the end
 * (MUST-7), with what was understood before it. */
bool tcp_opts_parse(const uint8_t *p, uint32_t n, bool syn, struct tcp_opts *o);
/* Fast test: exactly NOP NOP TS (or TS first, as some stacks order it) and nothing else. */
bool tcp_opts_only_ts(const uint8_t *p, uint32_t n, uint32_t *tsval, uint32_t *tsecr);
/* Writes the options, padded to four bytes with NOPs in front of each as usual and zeros after EOL
 * (MUST-69).  Order: MSS, SACK-permitted+TS or NOP NOP TS, NOP WS, NOP NOP SACK, with as many
 * blocks as fit; with wscale_first NOP WS comes second.  Returns their length (<= 40). */
uint32_t tcp_opts_build(uint8_t p[40], const struct tcp_opts *o);
/* Writes 20 bytes with a zero checksum; h->hlen includes the options that follow.  Returns what
 * they add to a struct csum: reading back what was just written would wait for the stores. */
static inline uint64_t tcp_build(uint8_t p[TCP_HLEN], const struct tcp_hdr *h)
{
    uint32_t ports = (uint32_t)h->sport << 16 | h->dport;
    uint32_t rest = (uint32_t)h->hlen << 26 | (uint32_t)h->flags << 16 | h->wnd;

    put32(p, ports);
    put32(p + 4, h->seq.v);
    put32(p + 8, h->ack.v);
    put32(p + 12, rest);
    put32(p + 16, h->up);
    return (uint64_t)NET32(ports) + NET32(h->seq.v) + NET32(h->ack.v) + NET32(rest) +
           NET32((uint32_t)h->up);
}

/* The checksum, with SEG.UP beside it: a word whole, for a receiver that reads it so. */
static inline void tcp_build_csum(uint8_t p[TCP_HLEN], const struct tcp_hdr *h, uint16_t csum)
{
    put32(p + 16, (uint32_t)csum << 16 | h->up);
}

#endif
