/* ip_in.c: from a frame to a datagram for somebody (RFC 791, RFC 8200, RFC 1122 §3.2.1).
 *
 * Order of the checks: is the frame for this station, is the header sound, is the destination ours,
 * can the source be true, is it whole; then the protocol.  Each stops the frame under a rule of its
 * own. */
#include "base/endian.h"
#include "net/private.h"

struct ip_dgram quote_of(const struct rx *x, const uint8_t *ip, uint32_t n,
                         const struct slice *rest)
{
    struct ip_dgram d = {.h = &x->h, .ip = ip, .ip_len = n, .ifx = x->iface->index};

    if (rest)
        d.payload = *rest;
    return d;
}

/* ---- who it is for ---- */

static enum net_rule header_rule(enum ip_bad bad, bool v4)
{
    switch (bad) {
    case IP_BAD_SHORT:
        return NR_IP_SHORT;
    case IP_BAD_VERSION:
        return NR_IP_VERSION;
    case IP_BAD_HLEN:
        return NR_IP4_HLEN;
    case IP_BAD_TOTAL:
        return NR_IP_TOTAL;
    case IP_BAD_CSUM:
        return NR_IP4_CSUM;
    case IP_BAD_EXT:
        return v4 ? NR_IP4_HLEN : NR_IP6_EXT;
    case IP_BAD_EXT_UNKNOWN:
        return NR_IP6_EXT_UNKNOWN;
    case IP_BAD_SOURCE:
        return NR_IP_SOURCE;
    case IP_OK:
        break;
    }
    return NR_COUNT;
}

/* Why a destination that is no usable address of the interface is refused; NR_COUNT: a group of
 * ours. */
static enum net_rule not_ours(struct iface *i, const struct la_addr *dst)
{
    const struct ifaddr *a = iface_find(i, dst);

    if (a && a->state == LA_ADDR_TENTATIVE)
        return NR_IP_TENTATIVE;
    if (ip_is_multicast(dst))
        return !ip_is_v4(dst) && iface_in_group(i, dst) ? NR_COUNT : NR_IP_GROUP;
    if (ip_is_limited_broadcast(dst) || iface_is_subnet_broadcast(i, dst))
        return NR_IP_GROUP;
    return NR_IP_NOT_OURS;
}

/* Is the datagram for this interface?  Sets x->group. */
static inline enum net_rule check_destination(struct rx *x)
{
    x->group = false;
    if (!iface_local(x->iface, &x->h.dst)) {
        enum net_rule why = not_ours(x->iface, &x->h.dst);
        if (why != NR_COUNT)
            return why;
        x->group = true;
    } else if (x->l2_group) {
        return NR_IP_LINK_GROUP;
    }
    return NR_COUNT;
}

/* RFC 1122 §3.2.1.3, RFC 4291 §2.5: may this be a source at all? */
static inline enum net_rule check_source(struct rx *x)
{
    const struct la_addr *src = &x->h.src;

    if (!ip_is_valid_source(src)) {
        /* The unspecified address is for those who have none yet (RFC 4862 §5.4.2, RFC 4861 §4.1).
         */
        bool asking = x->group && x->h.proto == IP_ICMPV6 && la_addr_is_any(src);
        return asking ? NR_COUNT : NR_IP_SOURCE;
    }
    if (ip_is_loopback(src))
        return NR_IP_SOURCE_LOOPBACK;
    if (iface_is_subnet_broadcast(x->iface, src))
        return NR_IP_SOURCE;
    if (!iface_local(x->iface, src))
        return NR_COUNT;
    bool nd = x->h.proto == IP_ICMPV6 && x->h.ttl == 255 &&
              memcmp(x->l2_src.b, x->iface->cfg.mac, 6) != 0;
    return nd ? NR_ADDR_CONFLICT : NR_IP_SOURCE_OURS;
}

static inline enum net_rule check_addresses(struct rx *x)
{
    enum net_rule why = check_destination(x);
    return why != NR_COUNT ? why : check_source(x);
}

/* ---- the next of its kind ---- */

static inline uint64_t word(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline bool like4(const struct like *k, const uint8_t *p, uint32_t n, uint32_t len)
{
    /* Length, identification and checksum may differ. */
    static const uint8_t same[16] = {255, 255, 0, 0, 0,   0,   255, 255,
                                     255, 255, 0, 0, 255, 255, 255, 255};
    uint32_t dst, to;
    if (n < IPV4_HLEN || get16(p + 2) != len)
        return false;
    memcpy(&dst, p + 16, sizeof dst);
    memcpy(&to, k->raw + 16, sizeof to);
    if (((word(p) ^ word(k->raw)) & word(same)) |
        ((word(p + 8) ^ word(k->raw + 8)) & word(same + 8)) | (dst ^ to))
        return false;
    const struct csum c = {csum_carry(csum_carry(word(p), word(p + 8)), dst), 0};
    return csum_native(&c) == 0xffff;
}

static inline bool like6(const struct like *k, const uint8_t *p, uint32_t n, uint32_t len)
{
    static const uint8_t same[8] = {255, 255, 255, 255, 0, 0, 255, 255}; /* but for the length */
    if (n < IPV6_HLEN || IPV6_HLEN + get16(p + 4) != len)
        return false;
    uint64_t differ = (word(p) ^ word(k->raw)) & word(same);
    for (unsigned i = 8; i < IPV6_HLEN; i += 8)
        differ |= word(p + i) ^ word(k->raw + i);
    return differ == 0;
}

/* Bytes of the link's header, if it is one for this station alone, and of what the last datagram
 * was; UINT32_MAX if not. */
static inline uint32_t like_link(const struct like *k, const struct iface *i, const uint8_t *p,
                                 uint32_t n)
{
    if (!i->ether)
        return 0;
    bool same = n >= ETH_HLEN && memcmp(p, i->cfg.mac, 6) == 0 && !(p[6] & 1) &&
                get16(p + 12) == (k->h.hlen == IPV4_HLEN ? ETH_IPV4 : ETH_IPV6);
    return same ? ETH_HLEN : UINT32_MAX;
}

/* Most datagrams are like the one before.  If that one was TCP's, whole and fit to be taken, so is
 * this one, until an address comes or goes; *d is it then. */
static inline bool like_last(struct net *n, const struct iface *i, const struct la_frame *f,
                             struct ip_dgram *d)
{
    struct like *k = &n->like;
    if (k->iface != i || k->epoch != n->epoch)
        return false;
    uint32_t l2 = like_link(k, i, f->head.p, f->head.n);
    if (l2 == UINT32_MAX)
        return false;
    const uint8_t *p = f->head.p + l2;
    if (k->h.hlen == IPV4_HLEN ? !like4(k, p, f->head.n - l2, f->len - l2)
                               : !like6(k, p, f->head.n - l2, f->len - l2))
        return false;
    k->h.total = f->len - l2;
    d->h = &k->h;
    d->ip = p;
    d->ip_len = k->h.hlen;
    uint32_t skip = l2 + k->h.hlen;
    d->payload =
        (struct slice){{f->head.p + skip, f->head.n - skip}, f->span, f->nspan, f->len - skip};
    d->ifx = i->index;
    d->csum = f->csum;
    d->gso_size = f->gso_size;
    return true;
}

/* A datagram of TCP's for the next one to be like: no options, no extension headers, no fragment.
 */
static void remember(struct net *n, const struct rx *x, const uint8_t *ip)
{
    const struct ip_hdr *h = &x->h;
    if (x->group || x->fragmented || h->fragment ||
        h->hlen != (ip_is_v4(&h->dst) ? IPV4_HLEN : IPV6_HLEN))
        return;
    n->like.h = *h;
    memcpy(n->like.raw, ip, h->hlen);
    n->like.iface = x->iface;
    n->like.epoch = n->epoch;
}

/* ---- what it carries ---- */

/* Where the byte stands that names the upper layer's protocol. */
static uint32_t next_header_at(const struct ip_dgram *d)
{
    uint32_t at = 6, off = IPV6_HLEN;
    uint8_t next = d->ip[6];

    while (off + 8 <= d->ip_len) {
        at = off;
        off += next == IP_V6_FRAGMENT ? 8U : 8U + 8U * d->ip[at + 1];
        next = d->ip[at];
    }
    return at;
}

static void protocol_unreachable(struct net *n, const struct ip_dgram *d, bool silent, la_ns now)
{
    if (ip_is_v4(&d->h->dst)) {
        const struct icmp_hdr m = {.type = ICMP_UNREACH, .code = ICMP_UNREACH_PROTO};
        icmp4_error(n, d, silent, &m, now);
    } else { /* unrecognized next header (RFC 4443 §3.4) */
        const struct icmp_hdr m = {.type = ICMP6_PARAM, .code = 1, .rest = next_header_at(d)};
        icmp6_error(n, d, silent, &m, now);
    }
}

static void port_unreachable(struct net *n, const struct ip_dgram *d, bool silent, la_ns now)
{
    if (ip_is_v4(&d->h->dst)) {
        const struct icmp_hdr m = {.type = ICMP_UNREACH, .code = ICMP_UNREACH_PORT};
        icmp4_error(n, d, silent, &m, now);
    } else {
        const struct icmp_hdr m = {.type = ICMP6_UNREACH, .code = 4};
        icmp6_error(n, d, silent, &m, now);
    }
}

void net_unreachable(struct net *n, const struct ip_dgram *d, bool port, la_ns now)
{
    n->now = now;
    if (port)
        port_unreachable(n, d, false, now);
    else
        protocol_unreachable(n, d, false, now);
}

/* A whole datagram; its payload starts at its IP header yet. */
static enum net_in deliver(struct net *n, const struct rx *x, struct ip_dgram *d,
                           struct icmp_err *e, la_ns now)
{
    const struct ip_hdr *h = &x->h;

    d->h = h;
    d->ip = d->payload.head.p;
    d->ip_len = h->hlen;
    slice_skip(&d->payload, h->hlen);
    d->ifx = x->iface->index;
    d->csum = x->csum;
    d->gso_size = x->gso_size;
    if (h->proto == IP_TCP) {
        remember(n, x, d->ip);
        return x->group ? net_drop(n, NR_IP_GROUP) : NET_IN_DGRAM;
    }
    bool v4 = ip_is_v4(&h->dst);
    if (h->proto == IP_ICMP && v4)
        return icmp4_input(n, x, d, e, now);
    if (h->proto == IP_ICMPV6 && !v4)
        return icmp6_input(n, x, d, e, now);
    if (h->proto == IP_V6_NONE && !v4)
        return net_drop(n, NR_IP6_NO_NEXT);
    if (h->proto == IP_UDP) {
        (void)net_drop(n, NR_UDP_CLOSED);
        port_unreachable(n, d, x->group, now);
        return NET_IN_DONE;
    }
    (void)net_drop(n, NR_IP_PROTO_UNKNOWN);
    protocol_unreachable(n, d, x->group, now);
    return NET_IN_DONE;
}

/* ---- both families ---- */

static enum net_in input4(struct net *n, struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                          la_ns now)
{
    struct slice *s = &d->payload, whole;
    enum net_rule why;
    enum ip_bad bad = ipv4_parse(s->head.p, s->head.n, s->len, false, &x->h);

    if (bad != IP_OK)
        return net_drop(n, header_rule(bad, true));
    if ((why = check_addresses(x)) != NR_COUNT)
        return net_drop(n, why);
    /* DEVIATION N3: RFC 1122 §3.2.1.8 lets a source-routed datagram reach its destination; nobody
     * has used one in good faith for decades, and RFC 7126 §4.3 advises to drop it. */
    if (x->h.source_route)
        return net_drop(n, NR_IP4_SOURCE_ROUTE);
    if (x->h.total < s->len)
        slice_trim(s, x->h.total);
    if (!x->h.fragment)
        return deliver(n, x, d, e, now);
    if (!reass_input(n, x, s, &whole, now))
        return NET_IN_DONE;
    d->payload = whole;
    return deliver(n, x, d, e, now);
}

/* The headers are in order up to a thing that we do not know; if the datagram is for us, its sender
 * hears of it unless the thing says not to (RFC 8200 §4.2). */
static enum net_in unknown_extension(struct net *n, struct rx *x, const struct slice *s,
                                     uint16_t at, uint8_t code, la_ns now)
{
    enum net_rule why = check_destination(x);

    if (why != NR_COUNT)
        return net_drop(n, why);
    (void)net_drop(n, NR_IP6_EXT_UNKNOWN);
    if (code == 0xff || check_source(x) != NR_COUNT)
        return NET_IN_DONE;
    uint32_t k = s->head.n < x->h.total ? s->head.n : x->h.total;
    const struct ip_dgram q = quote_of(x, s->head.p, k, NULL);
    const struct icmp_hdr m = {.type = ICMP6_PARAM, .code = code, .rest = at};
    icmp6_error(n, &q, x->group && code != 2, &m,
                now); /* code 2 may go to a group (RFC 4443 §2.4 (e.3)) */
    return NET_IN_DONE;
}

static enum net_in input6(struct net *n, struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                          la_ns now)
{
    struct slice *s = &d->payload, whole;
    enum net_rule why;
    uint16_t at = 0;
    uint8_t code = 0xff;

    if (!x->iface->v6)
        return net_drop(n, NR_IP6_OFF);
    enum ip_bad bad = ipv6_parse(s->head.p, s->head.n, s->len, &x->h, &at, &code);
    if (bad == IP_BAD_EXT_UNKNOWN)
        return unknown_extension(n, x, s, at, code, now);
    if (bad != IP_OK)
        return net_drop(n, header_rule(bad, false));
    if ((why = check_addresses(x)) != NR_COUNT)
        return net_drop(n, why);
    slice_trim(s, x->h.total);
    x->fragmented = x->h.unfrag != 0;
    if (!x->h.fragment) {
        if (x->fragmented)
            net_note(n, NR_FRAG_ATOMIC);
        return deliver(n, x, d, e, now);
    }
    if (!reass_input(n, x, s, &whole, now))
        return NET_IN_DONE;
    bad = ipv6_parse(whole.head.p, whole.head.n, whole.len, &x->h, &at, &code);
    if (bad == IP_BAD_EXT_UNKNOWN)
        return unknown_extension(n, x, &whole, at, code, now);
    if (bad != IP_OK || x->h.fragment) /* fragments of fragments: no */
        return net_drop(n, bad != IP_OK ? header_rule(bad, false) : NR_IP6_EXT);
    d->payload = whole;
    return deliver(n, x, d, e, now);
}

/* What is known of a frame before anything in it was looked at. */
static struct rx *new_rx(struct net *n, struct iface *i, const struct la_frame *f)
{
    struct rx *x = &n->rx;
    x->iface = i;
    x->l2_group = x->fragmented = false;
    x->l2_src = (struct mac){{0}};
    x->csum = f->csum;
    x->gso_size = f->gso_size;
    return x;
}

/* A frame that is not like the last; apart, so that one that is need not save its registers. */
__attribute__((noinline)) static enum net_in any_frame(struct net *n, struct iface *i,
                                                       const struct la_frame *f, la_ns now,
                                                       struct ip_dgram *d, struct icmp_err *e)
{
    struct slice *s = &d->payload;
    const uint8_t *p = f->head.p;
    struct rx *x = new_rx(n, i, f);
    *s = (struct slice){f->head, f->span, f->nspan, f->len};
    if (!i->ether)
        return s->head.n && p[0] >> 4 == 6 ? input6(n, x, d, e, now) : input4(n, x, d, e, now);
    if (s->head.n < ETH_HLEN)
        return net_drop(n, NR_LINK_SHORT);
    x->l2_group = p[0] & 1;
    if (!x->l2_group && memcmp(p, i->cfg.mac, 6) != 0)
        return net_drop(n, NR_LINK_NOT_OURS);
    if (p[6] & 1)
        return net_drop(n, NR_LINK_SOURCE);
    memcpy(x->l2_src.b, p + 6, 6);
    slice_skip(s, ETH_HLEN);
    switch (get16(p + 12)) {
    case ETH_IPV4:
        return input4(n, x, d, e, now);
    case ETH_IPV6:
        return input6(n, x, d, e, now);
    case ETH_ARP:
        return arp_input(n, i, s, now);
    default:
        return net_drop(n, NR_LINK_TYPE);
    }
}

enum net_in net_input(struct net *n, int ifx, const struct la_frame *f, la_ns now,
                      struct ip_dgram *d, struct icmp_err *e)
{
    n->dropped = NR_COUNT;
    n->now = now;
    reass_release(n);
    if (!iface_has(n, ifx))
        return net_drop(n, NR_LINK_NOT_OURS);
    struct iface *i = iface_at(n, ifx);
    return like_last(n, i, f, d) ? NET_IN_DGRAM : any_frame(n, i, f, now, d, e);
}
