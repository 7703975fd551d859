/* ip_out.c: datagrams of our own that belong to no connection: ICMP, ND, ARP, stray RSTs.  They are
 * copied into packets, wait for their neighbour and for the device, and leave in fragments if they
 * must (RFC 791 §3.2, RFC 8200 §4.5, RFC 6864).
 *
 * What net_tx hands out lies in txbuf and in blocks that are already given back: a pool keeps the
 * bytes until the next object is asked of it, and the frame is good until the next call. */
#include "base/endian.h"
#include "net/private.h"

#define FRAG_HLEN 8U
#define TX_HEAD 64U /* payload bytes copied behind the headers of a large packet */

void gather_slice(struct gather *g, const struct slice *s, uint32_t at, uint32_t max)
{
    uint32_t left = s->len > at ? s->len - at : 0;

    left = left < max ? left : max;
    for (uint32_t k = 0; k <= s->nspan && left; k++) {
        struct la_span x = k == 0 ? s->head : s->span[k - 1];
        if (at >= x.n) {
            at -= x.n;
            continue;
        }
        uint32_t take = x.n - at < left ? x.n - at : left;
        gather_add(g, x.p + at, take);
        left -= take;
        at = 0;
    }
}

/* ---- packets ---- */

static void packet_put(struct net *n, uint32_t i)
{
    struct packet *p = packet_at(n, i);

    n->packet_blocks -= p->nblocks;
    block_put_all(n->blocks, p->data);
    pool_put(&n->packets, i);
}

void packet_drop(struct net *n, uint32_t i, enum net_rule why)
{
    net_note(n, why);
    n->waiting--;
    packet_put(n, i);
}

/* Copies the gathered bytes into a chain of blocks; false: out of memory. */
static bool fill_blocks(struct net *n, struct packet *p, const struct gather *g)
{
    struct block **at = &p->data, *b = NULL;

    for (uint32_t k = 0; k < g->n; k++) {
        struct la_span x = g->part[k];
        while (x.n) {
            if (!b || b->len == BLOCK_DATA) {
                if (n->packet_blocks == NET_PACKET_BLOCKS || !(b = block_get(n->blocks)))
                    return false;
                *at = b;
                at = &b->next;
                p->nblocks++;
                n->packet_blocks++;
            }
            uint32_t take = BLOCK_DATA - b->len < x.n ? BLOCK_DATA - b->len : x.n;
            memcpy(b->data + b->len, x.p, take);
            b->len += take;
            x.p += take;
            x.n -= take;
        }
    }
    return true;
}

static void fill_small(struct packet *p, const struct gather *g)
{
    uint32_t at = 0;

    for (uint32_t k = 0; k < g->n; k++) {
        memcpy(p->small + at, g->part[k].p, g->part[k].n);
        at += g->part[k].n;
    }
}

/* A packet with the gathered bytes; 0 and counted: no memory, or more than a datagram. */
static uint32_t packet_make(struct net *n, const struct iface *i, const struct gather *g)
{
    uint32_t index;

    if (g->len > DATAGRAM_MAX) {
        net_note(n, NR_SEND_TOO_BIG);
        return 0;
    }
    struct packet *p = pool_get(&n->packets, &index);
    if (p) {
        p->next = 0;
        p->len = g->len;
        p->sent = 0;
        p->mtu = i->cfg.mtu;
        p->data = NULL;
        p->nblocks = 0;
        p->ifx = i->index;
        p->l2_len = i->ether ? NET_L2_MAX : 0;
        p->l3_len = 0;
        if (g->len <= PACKET_SMALL) {
            fill_small(p, g);
            return index;
        }
        if (fill_blocks(n, p, g))
            return index;
        packet_put(n, index);
    }
    net_note(n, NR_SEND_NO_MEMORY);
    return 0;
}

static void enqueue(struct net *n, struct iface *i, uint32_t index)
{
    packet_at(n, index)->next = 0;
    if (i->q_head)
        packet_at(n, i->q_tail)->next = index;
    else
        i->q_head = index;
    i->q_tail = index;
    i->q_packets++;
}

static bool queue_full(struct net *n, const struct iface *i)
{
    if (i->q_packets < NET_QUEUE_PACKETS)
        return false;
    net_note(n, NR_SEND_QUEUE_FULL);
    return true;
}

void packet_ready(struct net *n, uint32_t index, const uint8_t l2[NET_L2_MAX])
{
    struct packet *p = packet_at(n, index);
    struct iface *i = iface_at(n, p->ifx);

    if (i->q_packets == NET_QUEUE_PACKETS) {
        packet_drop(n, index, NR_SEND_QUEUE_FULL);
        return;
    }
    n->waiting--;
    memcpy(p->l2, l2, NET_L2_MAX);
    enqueue(n, i, index);
}

/* ---- datagrams ---- */

/* Fills in what the caller left open and writes the IP header; false and counted if it cannot be
 * sent. */
static bool write_l3(struct net *n, struct packet *p, const struct ip_hdr *like,
                     const struct iface *i, uint32_t mtu)
{
    struct ip_hdr h = *like;
    bool v4 = ip_is_v4(&h.dst);
    uint32_t hlen = v4 ? IPV4_HLEN : IPV6_HLEN;
    bool cut = hlen + p->len > mtu;

    if ((cut && v4 && h.df) || p->len > DATAGRAM_MAX - (v4 ? IPV4_HLEN : 0)) {
        net_note(n, NR_SEND_TOO_BIG);
        return false;
    }
    if (cut)
        net_note(n, NR_SEND_FRAGMENTED);
    p->mtu = mtu;
    p->frag_id = 0;
    if (v4) /* an atomic datagram needs no identification (RFC 6864 §4.1) */
        h.id = h.df ? 0 : net_ip_id(n);
    else if (cut)
        p->frag_id = ip_frag_id(n);
    if (!h.ttl)
        h.ttl = v4 ? DEFAULT_TTL : i->hop_limit;
    h.more = false;
    h.offset = 0;
    p->l3_len = (uint8_t)ip_build(p->l3, &h, p->len);
    return true;
}

void ip_output_to(struct net *n, const struct ip_hdr *h, struct iface *i, const struct mac *mac,
                  const struct gather *g)
{
    bool v4 = ip_is_v4(&h->dst);

    if (queue_full(n, i))
        return;
    uint32_t index = packet_make(n, i, g);
    if (!index)
        return;
    struct packet *p = packet_at(n, index);
    if (!write_l3(n, p, h, i, iface_mtu(i, v4))) {
        packet_put(n, index);
        return;
    }
    if (mac) {
        struct eth_hdr e = {.dst = *mac, .type = v4 ? ETH_IPV4 : ETH_IPV6};
        memcpy(e.src.b, i->cfg.mac, 6);
        eth_build(p->l2, &e);
    }
    enqueue(n, i, index);
}

/* What a datagram of ours may be, on the way to its destination.  Beyond a router IPv6 has nobody
 * who would fragment, and packet-too-big about ICMP cannot be validated: the minimum it is. */
static uint32_t output_mtu(const struct net *n, const struct way *w, const struct la_addr *dst)
{
    bool v4 = ip_is_v4(dst);
    uint32_t mtu = iface_mtu(w->iface, v4), learned = pmtu_learned(n, dst);

    if (!v4 && w->route->gateway)
        return PMTU_MIN_V6;
    return learned && learned < mtu ? learned : mtu;
}

/* The neighbour that a datagram goes to, in *nb: 0 if the link has none.  False and counted if
 * nobody is there or there is no room for one more. */
static bool next_hop(struct net *n, const struct way *w, const struct la_addr *local, uint32_t *nb,
                     enum net_ready *ready, la_ns now)
{
    *nb = 0;
    *ready = NET_READY;
    if (w->iface->ether) {
        *nb = nb_get(n, w->iface->index, &w->hop, now);
        if (!*nb)
            return false;
        nb_at(n, *nb)->gateway |= w->route->gateway;
        *ready = nb_use(n, *nb, local, now);
    }
    if (*ready == NET_FAILED || (*ready == NET_WAIT && n->waiting == NET_WAITING)) {
        net_note(n, *ready == NET_FAILED ? NR_NB_UNDELIVERED : NR_SEND_QUEUE_FULL);
        return false;
    }
    return *ready == NET_WAIT || !queue_full(n, w->iface);
}

void ip_output(struct net *n, const struct ip_hdr *like, int scope, const struct gather *g,
               la_ns now)
{
    struct ip_hdr h = *like;
    struct way w;
    enum net_ready ready;
    uint32_t nb;

    if (route_way(n, &h.src, &h.dst, scope, &w) != LA_OK) {
        net_note(n, NR_SEND_NO_ROUTE);
        return;
    }
    uint32_t mtu = output_mtu(n, &w, &h.dst);
    if (!next_hop(n, &w, &h.src, &nb, &ready, now))
        return;
    uint32_t index = packet_make(n, w.iface, g);
    if (!index)
        return;
    struct packet *p = packet_at(n, index);
    if (!write_l3(n, p, &h, w.iface, mtu)) {
        packet_put(n, index);
        return;
    }
    if (ready == NET_WAIT) {
        n->waiting++;
        nb_wait(n, nb, index);
        return;
    }
    if (nb)
        memcpy(p->l2, nb_at(n, nb)->hdr, NET_L2_MAX);
    enqueue(n, w.iface, index);
}

void net_send(struct net *n, const struct ip_hdr *h, int scope, const void *payload,
              uint32_t n_bytes, la_ns now)
{
    struct gather g;

    g.n = g.len = 0;
    n->now = now;
    gather_add(&g, payload, n_bytes);
    ip_output(n, h, scope, &g, now);
}

void link_output(struct net *n, struct iface *i, const struct mac *dst, uint16_t type,
                 const void *bytes, uint32_t len)
{
    struct gather g = {.n = 0};
    struct eth_hdr e = {.dst = *dst, .type = type};

    if (queue_full(n, i))
        return;
    gather_add(&g, bytes, len);
    uint32_t index = packet_make(n, i, &g);
    if (!index)
        return;
    memcpy(e.src.b, i->cfg.mac, 6);
    eth_build(packet_at(n, index)->l2, &e);
    enqueue(n, i, index);
}

/* ---- to the device ---- */

/* Writes the IP header of the fragment [sent, sent + chunk) and returns its length, that of an IPv6
 * fragment header included. */
static uint32_t write_fragment(const struct packet *p, uint8_t *out, uint32_t chunk)
{
    bool more = p->sent + chunk < p->len;

    memcpy(out, p->l3, p->l3_len);
    if (p->l3_len == IPV4_HLEN) {
        struct csum c = {0};
        put16(out + 2, IPV4_HLEN + chunk);
        put16(out + 6, p->sent / 8 | (more ? 0x2000U : 0U));
        put16(out + 10, 0);
        csum_add(&c, out, IPV4_HLEN);
        put16(out + 10, csum_field(&c));
        return IPV4_HLEN;
    }
    uint8_t *f = out + IPV6_HLEN;
    put16(out + 4, FRAG_HLEN + chunk);
    f[0] = out[6];
    f[1] = 0;
    put16(f + 2, p->sent | (more ? 1U : 0U));
    put32(f + 4, p->frag_id);
    out[6] = IP_V6_FRAGMENT;
    return IPV6_HLEN + FRAG_HLEN;
}

/* Adds `chunk` payload bytes from p->sent on: the first to the head in txbuf, the rest as spans. */
static void add_payload(const struct packet *p, struct la_frame *f, uint8_t *head, uint32_t at,
                        uint32_t chunk)
{
    if (!p->data) {
        memcpy(head + at, p->small + p->sent, chunk);
        f->head.n = at + chunk;
        return;
    }
    const struct block *b = p->data;
    uint32_t skip = p->sent, copy = chunk < TX_HEAD ? chunk : TX_HEAD;
    while (skip >= b->len) {
        skip -= b->len;
        b = b->next;
    }
    for (; chunk; b = b->next, skip = 0) {
        uint32_t take = b->len - skip < chunk ? b->len - skip : chunk;
        uint32_t k = take < copy ? take : copy;
        memcpy(head + at, b->data + skip, k);
        at += k;
        copy -= k;
        if (take > k)
            f->span[f->nspan++] = (struct la_span){b->data + skip + k, take - k};
        chunk -= take;
    }
    f->head.n = at;
}

/* The next frame of the interface's queue, which is not empty. */
static void next_frame(struct net *n, struct iface *i, struct la_frame *f)
{
    uint32_t index = i->q_head;
    struct packet *p = packet_at(n, index);
    uint32_t at = p->l2_len, chunk = p->len - p->sent;
    f->nspan = 0;
    f->csum = LA_CSUM_NONE;
    f->csum_start = f->csum_offset = f->gso_size = 0;
    memcpy(n->txbuf, p->l2, p->l2_len);
    if (p->l3_len && p->l3_len + p->len > p->mtu) {
        uint32_t hlen = p->l3_len + (p->l3_len == IPV6_HLEN ? FRAG_HLEN : 0),
                 room = (p->mtu - hlen) & ~7U;
        chunk = chunk < room ? chunk : room;
        at += write_fragment(p, n->txbuf + at, chunk);
    } else {
        memcpy(n->txbuf + at, p->l3, p->l3_len);
        at += p->l3_len;
    }
    add_payload(p, f, n->txbuf, at, chunk);
    f->head.p = n->txbuf;
    f->len = at + chunk;
    p->sent += chunk;
    if (p->sent == p->len) {
        i->q_head = p->next;
        i->q_packets--;
        packet_put(n, index);
    }
}

bool net_tx(struct net *n, int ifx, struct la_frame *f, la_ns now)
{
    reass_release(n);
    if (!iface_has(n, ifx) || !n->ifs[ifx].q_head)
        return false;
    n->now = now;
    next_frame(n, iface_at(n, ifx), f);
    return true;
}
