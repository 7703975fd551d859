/* segment.h: between a script's packets and datagrams: numbers, options, text. */
#ifndef LA_DRILL_SEGMENT_H
#define LA_DRILL_SEGMENT_H

#include "drill/script.h"

#define FLOW_STAMPS 128

/* One connection of a script.  Its own numbers are the peer's, as they are on the wire; ours differ
 * by what the stack chose as ISN and as clock of timestamps. */
struct flow {
    uint16_t lport, rport;
    bool isn_known; /* our SYN was seen */
    uint32_t isn_live, isn_script;
    bool had_isn; /* an earlier life of these ports had these; TIME-WAIT may still speak of them */
    uint32_t old_live, old_script;
    bool isn_due; /* our next SYN may begin a new life of these ports */
    bool peer_syn_known;
    uint32_t peer_syn; /* the number of the peer's SYN, where its stream begins */
    unsigned nstamps;
    struct {
        uint32_t script, live;
    } stamp[FLOW_STAMPS]; /* TSvals of ours, as the script calls them */
    uint32_t tsval;       /* the last one of ours, as it was on the wire */
    struct flow *next;
};

/* A number of ours as the wire has it. */
static inline uint32_t flow_live(const struct flow *f, uint32_t script)
{
    return f->isn_known ? script - f->isn_script + f->isn_live : script;
}

/* A datagram that the stack sent. */
struct sent {
    struct sent *next;
    la_ns at;
    uint32_t n;
    uint8_t bytes[];
};

#define LIVE_OPTIONS 40

/* A segment that the stack sent, as a script would write it. */
struct live {
    la_ns at;
    uint16_t sport, dport;
    uint32_t raw_seq;
    struct packet packet;
    struct tcp_option option[LIVE_OPTIONS];
    const uint8_t *payload;
};

#define DATAGRAM_MAX 65600U

/* The byte at `pos` of every stream: what `...` stands for in a write, what is injected, and so
 * what must come out. */
static inline uint8_t stream_byte(uint64_t pos)
{
    return (uint8_t)(pos % 251);
}

/* Makes the datagram to inject.  Returns its length; buf holds DATAGRAM_MAX. */
uint32_t segment_build(uint8_t *buf, const struct script_config *c, const struct flow *f,
                       const struct packet *p);

/* Reads a datagram of the stack's; false if it is no TCP.  Numbers are still the live ones.  *bad:
 * what is wrong with it in itself (a checksum), or NULL. */
bool segment_parse(const struct sent *s, struct live *out, const char **bad);

/* Reads an ICMP message of the stack's; false if it is none.  What it quotes has the numbers of the
 * wire, which are the peer's own. */
bool icmp_seen(const struct sent *s, struct packet *out, const char **bad);

/* Does the message do what the script says?  Else why (200 bytes) says what differs. */
bool icmp_matches(const struct packet *want, const struct packet *got, char *why);

/* Puts the script's numbers in place of the live ones; learns the ISN from a SYN. */
void segment_map(struct live *l, struct flow *f, const struct packet *want);

/* Does the segment do what the script says?  Learns timestamps.  Else why (200 bytes) says what
 * differs. */
bool segment_matches(const struct script_config *c, const struct packet *want,
                     const struct live *got, struct flow *f, char *why);

/* "> P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>" into buf; returns buf. */
char *segment_text(const struct packet *p, char *buf, size_t n);

#endif
