/* inject.c: segments that no stack sent: forged ones, and copies that come late.
 *
 * Numbers are relative to the connection between the two ends, as everywhere in a scenario; without
 * one they are what goes into the segment. */
#include "lab/scenario/lab.h"

#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#include <string.h>

#define TEXT_MAX 1400U

void inject_frame(struct lab *lab, int link, int from, const uint8_t *frame, uint32_t n)
{
    sim_inject(lab->link[link], lab->host[from], frame, n);
}

static uint32_t build(uint8_t *out, const struct la_endpoint *from, const struct la_endpoint *to,
                      const struct tcp_hdr *h, const char *text, uint32_t n)
{
    struct ip_hdr ip = {.src = from->addr, .dst = to->addr, .proto = IP_TCP, .ttl = 64};
    uint32_t at = ip_build(out, &ip, TCP_HLEN + n);
    tcp_build(out + at, h);
    if (n && text)
        memcpy(out + at + TCP_HLEN, text, n);
    else
        memset(out + at + TCP_HLEN, 'x', n);
    struct csum c = csum_pseudo(&ip.src, &ip.dst, IP_TCP, TCP_HLEN + n);
    csum_add(&c, out + at, TCP_HLEN + n);
    uint16_t sum = csum_field(&c);
    out[at + 16] = (uint8_t)(sum >> 8);
    out[at + 17] = (uint8_t)sum;
    return at + TCP_HLEN + n;
}

/* The initial sequence numbers of the connection from a to b: a's, b's. */
static void bases(struct lab *lab, const struct la_endpoint *a, const struct la_endpoint *b,
                  uint32_t out[2])
{
    int i = wires_connection(lab, a, b);
    out[0] = out[1] = 0;
    if (i < 0)
        return;
    const struct wire_conn *c = &lab->conn[i];
    bool left = c->pub.left_end.port == a->port && la_addr_eq(&c->pub.left_end.addr, &a->addr);
    out[0] = c->base[left ? 0 : 1];
    out[1] = c->base[left ? 1 : 0];
}

static int64_t part(struct fiber *f, const struct expr *e, int64_t otherwise, bool *ok)
{
    return e ? whole(f, e, -4294967295, 4294967295, ok) : otherwise;
}

enum done inject(struct fiber *f, const struct step *st)
{
    struct lab *lab = f->lab;
    const struct inject *g = st->inject;
    uint8_t out[TEXT_MAX + 128];
    uint32_t base[2];
    bool ok = true;
    struct la_endpoint from = {.addr = host_addr(lab, st->link, st->host), .ifx = -1},
                       to = {.addr = host_addr(lab, st->link, st->to), .ifx = -1};
    from.port = (uint16_t)whole(f, g->from_port, 0, 65535, &ok);
    to.port = (uint16_t)whole(f, g->to_port, 0, 65535, &ok);
    int64_t n = g->data.kind == VALUE_TEXT ? (int64_t)g->data.len : 0;
    if (g->len)
        n = whole(f, g->len, 0, TEXT_MAX, &ok);
    n = n < TEXT_MAX ? n : TEXT_MAX;
    bases(lab, &from, &to, base);
    struct tcp_hdr h = {.sport = from.port,
                        .dport = to.port,
                        .flags = g->flags,
                        .hlen = TCP_HLEN,
                        .seq = seq((uint32_t)part(f, g->seq, 0, &ok) + base[0]),
                        .wnd = (uint16_t)part(f, g->window, 65535, &ok)};
    if (g->flags & LA_TCP_ACK)
        h.ack = seq((uint32_t)part(f, g->ack, 0, &ok) + base[1]);
    if (!ok)
        return OVER;
    uint32_t size = build(out, &from, &to, &h, g->data.text, (uint32_t)n);
    inject_frame(lab, st->link, st->host, out, size);
    return DONE;
}
