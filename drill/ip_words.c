/* ip_words.c: what stands in the brackets before a packet: its IP header, and how it comes. */
#include "drill/parse.h"

#include <string.h>

#define WORDS                                                                                      \
    "noecn, ect0, ect1, ect01, ce, tos N, ttl N, flowlabel N, src A, dst A, id N, df, nodf, "      \
    "proto N, options BYTES, frag A:B, badsum, burst"

static void unknown(struct parse *p, struct place at, const char *word)
{
    p_fail(p, at, "'%.40s' says nothing about an IP header: " WORDS, word);
}

/* Some can only be done to a packet; what leaves is not compared with them. */
static void inbound_only(struct parse *p, struct place at, const char *word)
{
    if (!p->packet->inbound)
        p_fail(p, at, "%s is for packets to inject", word);
}

static bool ecn_word(struct ip_info *ip, const char *word)
{
    static const struct {
        const char *name;
        enum drill_ecn ecn;
    } words[] = {{"noecn", DRILL_ECN_NOT},
                 {"ect0", DRILL_ECN_ECT0},
                 {"ect1", DRILL_ECN_ECT1},
                 {"ect01", DRILL_ECN_ECT01},
                 {"ce", DRILL_ECN_CE}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, word) == 0) {
            ip->ecn = words[i].ecn;
            return true;
        }
    return false;
}

void p_ip_word(struct parse *p, struct place at, const char *word)
{
    struct ip_info *ip = &p->packet->ip;
    bool df = strcmp(word, "df") == 0;

    if (ecn_word(ip, word))
        return;
    if (df || strcmp(word, "nodf") == 0) {
        ip->has_df = true;
        ip->df = df;
        if (p->script->config.v6)
            p_fail(p, at, "IPv6 has no flag 'don't fragment'");
    } else if (strcmp(word, "badsum") == 0) {
        ip->badsum = true;
        inbound_only(p, at, word);
    } else if (strcmp(word, "burst") == 0) {
        ip->burst = true;
        inbound_only(p, at, word);
    } else {
        unknown(p, at, word);
    }
}

void p_ip_value(struct parse *p, struct place at, const char *word, const struct num *value)
{
    struct ip_info *ip = &p->packet->ip;

    if (strcmp(word, "tos") == 0) {
        ip->has_tos = true;
        ip->tos = p_u8(p, at, value->v, "type of service");
    } else if (strcmp(word, "ttl") == 0) {
        ip->has_ttl = true;
        ip->ttl = p_u8(p, at, value->v, "time to live");
    } else if (strcmp(word, "flowlabel") == 0) {
        ip->has_flow = true;
        ip->flow = p_u32(p, at, value->v) & 0xfffff;
        if (value->v > 0xfffff)
            p_fail(p, at, "a flow label has 20 bits");
        if (!p->script->config.v6)
            p_fail(p, at, "IPv4 has no flow label");
    } else if (strcmp(word, "id") == 0) {
        ip->has_id = true;
        ip->id = p_u32(p, at, value->v);
        if (!p->script->config.v6)
            ip->id = p_u16(p, at, value->v, "identification");
        else
            inbound_only(p, at, word);
    } else if (strcmp(word, "proto") == 0) {
        ip->has_proto = true;
        ip->proto = p_u8(p, at, value->v, "protocol");
        inbound_only(p, at, word);
    } else {
        unknown(p, at, word);
    }
}

static void address(struct parse *p, struct place at, const char *text, bool *has,
                    struct la_addr *out)
{
    *has = true;
    if (la_addr_parse(text, out) < 0 || la_addr_is_v4(out) == p->script->config.v6)
        p_fail(p, at, "'%.60s' is no address of the script's version of IP", text);
}

void p_ip_text(struct parse *p, struct place at, const char *word, const char *text)
{
    struct ip_info *ip = &p->packet->ip;

    if (strcmp(word, "src") == 0) {
        address(p, at, text, &ip->has_src, &ip->src);
    } else if (strcmp(word, "dst") == 0) {
        address(p, at, text, &ip->has_dst, &ip->dst);
    } else if (strcmp(word, "options") == 0) {
        ip->noptions = (uint8_t)((p_bytes(p, at, text, ip->options) + 3) / 4 * 4);
        inbound_only(p, at, word);
        if (p->script->config.v6)
            p_fail(p, at, "IPv6 has no options in its header");
    } else {
        unknown(p, at, word);
    }
}

void p_ip_range(struct parse *p, struct place at, const char *word, int64_t from, int64_t to)
{
    struct ip_info *ip = &p->packet->ip;

    if (strcmp(word, "frag") != 0) {
        unknown(p, at, word);
        return;
    }
    ip->has_frag = true;
    ip->from = p_u16(p, at, from, "fragment's offset");
    ip->to = p_u16(p, at, to, "fragment's end");
    inbound_only(p, at, word);
    if (from % 8)
        p_fail(p, at, "a fragment begins at a multiple of eight bytes");
    if (from >= to)
        p_fail(p, at, "a fragment has one byte at least");
}

void check_bursts(struct parse *p)
{
    for (const struct event *e = p->script->events; e; e = e->next) {
        const struct event *n = e->next;

        if (e->kind == EVENT_PACKET && e->packet.ip.burst &&
            (!n || n->kind != EVENT_PACKET || !n->packet.inbound || n->when.kind != WHEN_RELATIVE ||
             n->when.at))
            p_fail(p, e->at, "after a packet of a burst comes another one to inject, at +0");
    }
}
