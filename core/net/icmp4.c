/* icmp4.c: ICMP (RFC 792, RFC 1122 §3.2.2): ping, errors about our datagrams, errors that we
 * report. DEVIATION N4: a record route or timestamp option of an echo request does not come back in
 * the reply (RFC 1122 §3.2.2.6 SHOULD): options are not sent at all. */
#include "base/endian.h"
#include "net/private.h"

#define QUOTE_MAX 68U /* the longest header and eight bytes */

static bool is_error(uint8_t type)
{
    return type == ICMP_UNREACH || type == ICMP_SOURCE_QUENCH || type == 5 /* redirect */ ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAM;
}

/* RFC 1122 §3.2.2: no error about an error, a group address, a fragment but the first, or a source
 * that is no host; the last three are in `silent` or were dropped before. */
static bool may_answer(const struct ip_dgram *d, bool silent)
{
    uint8_t type;

    if (silent || !ip_is_valid_source(&d->h->src))
        return false;
    if (d->h->proto != IP_ICMP || !d->payload.len)
        return true;
    slice_copy(&d->payload, 0, &type, 1);
    return !is_error(type);
}

/* The message of h, then the gathered rest, with its checksum; `g` has a free first part for the
 * header. */
static void send4(struct net *n, const struct ip_hdr *h, const struct icmp_hdr *m, struct gather *g,
                  uint8_t head[8], la_ns now)
{
    struct csum c = {0};

    icmp_build(head, m);
    for (uint32_t k = 0; k < g->n; k++)
        csum_add(&c, g->part[k].p, g->part[k].n);
    put16(head + 2, csum_field(&c));
    ip_output(n, h, -1, g, now);
}

void icmp4_error(struct net *n, const struct ip_dgram *d, bool silent, const struct icmp_hdr *m,
                 la_ns now)
{
    const struct ip_hdr h = {.src = d->h->dst, .dst = d->h->src, .proto = IP_ICMP};
    struct gather g = {.n = 0};
    uint8_t head[ICMP_HLEN];
    uint32_t room = ICMP4_ERROR_MAX - IPV4_HLEN - ICMP_HLEN - d->ip_len;

    if (!may_answer(d, silent)) {
        net_note(n, NR_ICMP_ERR_REFUSED);
        return;
    }
    if (!icmp_may_send(n, now))
        return;
    net_note(n, NR_ICMP_ERR_SENT);
    gather_add(&g, head, ICMP_HLEN);
    gather_add(&g, d->ip, d->ip_len);
    gather_slice(&g, &d->payload, 0, room);
    send4(n, &h, m, &g, head, now);
}

static enum net_in echo(struct net *n, const struct ip_dgram *d, const struct icmp_hdr *m,
                        la_ns now)
{
    const struct ip_hdr h = {
        .src = d->h->dst, .dst = d->h->src, .proto = IP_ICMP, .tos = d->h->tos};
    const struct icmp_hdr reply = {.type = ICMP_ECHO_REPLY, .rest = m->rest};
    struct gather g = {.n = 0};
    uint8_t head[ICMP_HLEN];

    if (!n->cfg->icmp_echo)
        return net_drop(n, NR_ICMP_ECHO_OFF);
    net_note(n, NR_ICMP_ECHO);
    gather_add(&g, head, ICMP_HLEN);
    gather_slice(&g, &d->payload, ICMP_HLEN, UINT32_MAX);
    send4(n, &h, &reply, &g, head, now);
    return NET_IN_DONE;
}

static enum icmp_kind kind_of(uint8_t type, uint8_t code)
{
    if (type == ICMP_SOURCE_QUENCH)
        return ICMP_KIND_QUENCH;
    if (type != ICMP_UNREACH)
        return ICMP_KIND_SOFT;
    switch (code) {
    case ICMP_UNREACH_PROTO:
    case ICMP_UNREACH_PORT:
    case 9: /* network, host, communication prohibited: somebody decided so, as ICMPv6 code 1 says
             */
    case 10:
    case ICMP_UNREACH_ADMIN:
        return ICMP_KIND_HARD;
    case ICMP_UNREACH_FRAG:
        return ICMP_KIND_PTB;
    default:
        return ICMP_KIND_SOFT;
    }
}

/* An error about a datagram that we are said to have sent. */
static enum net_in error(struct net *n, const struct ip_dgram *d, const struct icmp_hdr *m,
                         struct icmp_err *e)
{
    uint8_t q[QUOTE_MAX];
    uint32_t k = d->payload.len - ICMP_HLEN;

    k = k < QUOTE_MAX ? k : QUOTE_MAX;
    slice_copy(&d->payload, ICMP_HLEN, q, k);
    uint32_t hlen = k ? (q[0] & 15U) * 4 : 0;
    /* Only a first fragment has the ports. */
    if (k < IPV4_HLEN || q[0] >> 4 != 4 || hlen < IPV4_HLEN || hlen > k ||
        (get16(q + 6) & 0x1fff) != 0)
        return net_drop(n, NR_ICMP_QUOTE);
    *e = (struct icmp_err){
        .kind = kind_of(m->type, m->code),
        .local = ip_from_v4(q + 12),
        .remote = ip_from_v4(q + 16),
        .proto = q[9],
        .type = m->type,
        .code = m->code,
        .quoted_len = get16(q + 2),
    };
    if (e->kind == ICMP_KIND_PTB)
        e->mtu = m->rest & 0xffff; /* RFC 1191 §4 */
    return icmp_deliver(n, e, q + hlen, k - hlen);
}

enum net_in icmp4_input(struct net *n, const struct rx *x, struct ip_dgram *d, struct icmp_err *e,
                        la_ns now)
{
    struct icmp_hdr m;

    if (!icmp_parse(d->payload.head.p, d->payload.head.n, &m))
        return net_drop(n, NR_ICMP_SHORT);
    if (x->csum == LA_CSUM_NONE) {
        struct csum c = {0};
        slice_csum(&d->payload, &c);
        if (csum_fold(&c) != 0xffff)
            return net_drop(n, NR_ICMP_CSUM);
    }
    switch (m.type) {
    case ICMP_ECHO:
        return echo(n, d, &m, now);
    case ICMP_UNREACH:
    case ICMP_SOURCE_QUENCH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAM:
        return error(n, d, &m, e);
    case 5:
        return net_drop(n, NR_REDIRECT_IGNORED); /* DEVIATION N2 (ra.c) */
    default:
        return net_drop(n, NR_ICMP_UNKNOWN);
    }
}
