/* view.c: what a frame on a link is: addresses, ports, sequence numbers, and its part in its
 * connection.
 *
 * Parsed with the stack's own wire layer.  A frame that does not parse is simply not TCP. */
#include "sim/private.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/tcp.h"

static bool parse_ip(const uint8_t *p, uint32_t n, struct ip_hdr *h)
{
    uint16_t bad_at = 0;
    uint8_t bad_code = 0;
    if (n == 0)
        return false;
    if (p[0] >> 4 == 4)
        return ipv4_parse(p, n, n, true, h) == IP_OK;
    return ipv6_parse(p, n, n, h, &bad_at, &bad_code) == IP_OK;
}

void view_parse(struct sim_view *v, enum la_link link)
{
    const uint8_t *p = v->frame;
    uint32_t n = v->n;
    struct ip_hdr ip;
    struct tcp_hdr tcp;

    v->is_tcp = false;
    if (link == LA_LINK_ETHERNET) {
        struct eth_hdr eth;
        if (!eth_parse(p, n, &eth) || (eth.type != ETH_IPV4 && eth.type != ETH_IPV6))
            return;
        p += ETH_HLEN;
        n -= ETH_HLEN;
    }
    if (!parse_ip(p, n, &ip) || ip.proto != IP_TCP || (ip.fragment && ip.offset != 0))
        return;
    if (ip.total > n || ip.hlen > ip.total || !tcp_parse(p + ip.hlen, ip.total - ip.hlen, &tcp))
        return;
    v->is_tcp = true;
    v->src = (struct la_endpoint){.addr = ip.src, .port = tcp.sport, .ifx = -1};
    v->dst = (struct la_endpoint){.addr = ip.dst, .port = tcp.dport, .ifx = -1};
    v->seg.seq = tcp.seq.v;
    v->seg.ack = tcp.ack.v;
    v->seg.len = ip.total - ip.hlen - tcp.hlen;
    v->seg.flags = tcp.flags;
}

static uint64_t endpoint_hash(const struct la_endpoint *e)
{
    uint64_t h = e->port;
    for (int i = 0; i < 16; i++)
        h = h * 31 + e->addr.b[i];
    return sim_mix(h);
}

void view_follow(struct sim_link *l, int end, struct sim_view *v)
{
    const struct la_endpoint *a = end == 0 ? &v->src : &v->dst;
    const struct la_endpoint *b = end == 0 ? &v->dst : &v->src;
    uint64_t bucket = (endpoint_hash(a) + 3 * endpoint_hash(b)) % FLOW_BUCKETS;
    struct flow_entry *e = l->flows[bucket];
    while (e && !(endpoint_eq(&e->end[0], a) && endpoint_eq(&e->end[1], b)))
        e = e->next;
    if (!e) {
        e = sim_need(sizeof *e);
        e->end[0] = *a;
        e->end[1] = *b;
        flow_init(&e->flow);
        e->next = l->flows[bucket];
        l->flows[bucket] = e;
    }
    v->info = flow_see(&e->flow, end, &v->seg);
}
