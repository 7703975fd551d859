/* reass.c: fragments back to datagrams (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 3128).
 *
 * A fragment's bytes go straight to their place in a chain of blocks; two bitmaps, a bit for each
 * eight bytes, tell what is there and where fragments began.  So a fragment costs its own length
 * and nothing can be made slow by many small ones; an exact duplicate is told from an overlap.
 *
 * Invariant: no byte is written twice; `units` bits of `have` are set, all below `top`. */
#include "base/endian.h"
#include "net/private.h"

static struct reass *reass_at(const struct net *n, uint32_t i)
{
    return pool_at(&n->reass, i);
}

/* ---- life ---- */

static uint32_t *bucket(struct net *n, const struct la_addr *src, uint32_t id)
{
    return &n->reass_hash[addr_hash(n, src, id) % REASS_BUCKETS];
}

static void free_blocks(struct net *n, struct reass *r)
{
    for (uint32_t k = 0; k < REASS_BLOCKS; k++) {
        if (r->block[k])
            block_put(n->blocks, r->block[k]);
        r->block[k] = NULL;
    }
    n->reass_blocks -= r->nblocks;
    r->nblocks = 0;
}

/* Out of the table: no further fragment finds it.  The object stays. */
static void unlink_one(struct net *n, uint32_t i)
{
    struct reass *r = reass_at(n, i);
    uint32_t *at = bucket(n, &r->src, r->id);

    while (*at != i) {
        LA_ASSERT(*at);
        at = &reass_at(n, *at)->next;
    }
    *at = r->next;
    if (r->older)
        reass_at(n, r->older)->newer = r->newer;
    else
        n->reass_oldest = r->newer;
    if (r->newer)
        reass_at(n, r->newer)->older = r->older;
    else
        n->reass_newest = r->older;
    timer_stop(n, TIMER_REASS, i);
}

static void drop_one(struct net *n, uint32_t i)
{
    unlink_one(n, i);
    free_blocks(n, reass_at(n, i));
    pool_put(&n->reass, i);
}

void reass_release_held(struct net *n)
{
    free_blocks(n, reass_at(n, n->held));
    pool_put(&n->reass, n->held);
    n->held = 0;
}

void reass_free_all(struct net *n)
{
    reass_release(n);
    while (n->reass_oldest)
        drop_one(n, n->reass_oldest);
}

static uint32_t find(struct net *n, const struct rx *x)
{
    const struct ip_hdr *h = &x->h;
    bool v4 = ip_is_v4(&h->dst);

    for (uint32_t i = *bucket(n, &h->src, h->frag_id); i; i = reass_at(n, i)->next) {
        const struct reass *r = reass_at(n, i);
        if (r->id == h->frag_id && r->ifx == x->iface->index && ip_eq(&r->src, &h->src) &&
            ip_eq(&r->dst, &h->dst) && (!v4 || r->proto == h->proto))
            return i;
    }
    return 0;
}

static uint32_t make(struct net *n, const struct rx *x, la_ns now)
{
    uint32_t i;

    if (n->reass.used == n->cfg->max_reassembly && n->reass_oldest) {
        net_note(n, NR_FRAG_EVICTED);
        drop_one(n, n->reass_oldest);
    }
    struct reass *r = timer_room(n) ? pool_get(&n->reass, &i) : NULL;
    if (!r)
        return 0;
    uint32_t *at = bucket(n, &x->h.src, x->h.frag_id);
    *r = (struct reass){.next = *at,
                        .older = n->reass_newest,
                        .src = x->h.src,
                        .dst = x->h.dst,
                        .id = x->h.frag_id,
                        .ifx = x->iface->index,
                        .proto = x->h.proto,
                        .group = x->group};
    *at = i;
    if (r->older)
        reass_at(n, r->older)->newer = i;
    else
        n->reass_oldest = i;
    n->reass_newest = i;
    timer_set(n, TIMER_REASS, i, now + REASSEMBLY_TIME);
    return i;
}

/* ---- what is wrong with one fragment ---- */

/* Do the headers of the first fragment go through the upper layer's? (RFC 8200 §4.5) */
static bool chain_complete(const uint8_t *p, uint32_t n, uint8_t next)
{
    uint32_t at = 0;

    for (uint32_t k = 0; k <= IPV6_EXT_MAX; k++) {
        switch (next) {
        case 0:
        case 43:
        case 60:
            if (n - at < 8)
                return false;
            next = p[at];
            at += 8U + 8U * p[at + 1];
            if (at > n)
                return false;
            break;
        case IP_TCP:
            return n - at >= TCP_FIRST_FRAGMENT_MIN;
        case IP_UDP:
        case IP_ICMPV6:
            return n - at >= 8;
        default:
            return true;
        }
    }
    return false;
}

/* The rule that a fragment of `len` bytes breaks by itself; NR_COUNT: none.  *m: what its sender is
 * told (IPv6). */
static enum net_rule judge(const struct rx *x, const struct slice *s, uint32_t len,
                           struct icmp_hdr *m)
{
    const struct ip_hdr *h = &x->h;
    bool v4 = ip_is_v4(&h->dst);
    uint32_t before = v4 ? h->hlen : h->unfrag - IPV6_HLEN; /* counts in the length of the whole */

    *m = (struct icmp_hdr){.type = ICMP6_PARAM};
    if (len == 0 || (h->more && len % 8 != 0)) {
        m->rest = 4; /* the payload length */
        return NR_FRAG_ODD;
    }
    if (before + h->offset + len > DATAGRAM_MAX) {
        m->rest = h->unfrag + 2U; /* the fragment offset */
        return NR_FRAG_TOO_LONG;
    }
    if (v4 && h->proto == IP_TCP &&
        ((h->offset == 0 && len < TCP_FIRST_FRAGMENT_MIN) || h->offset == 8))
        return NR_FRAG_TINY;
    if (!v4 && h->offset == 0 &&
        !chain_complete(s->head.p + h->hlen, s->head.n - h->hlen, h->frag_next)) {
        m->code = 3; /* RFC 8200 §4.5, RFC 7112 §5 */
        return NR_FRAG_CHAIN;
    }
    return !v4 && h->hlen > REASS_HDR ? NR_FRAG_HEADER_LONG : NR_COUNT;
}

static bool bit(const uint64_t *map, uint32_t k)
{
    return map[k / 64] >> k % 64 & 1;
}

/* How many bits of [a, b) are set. */
static uint32_t count_bits(const uint64_t *map, uint32_t a, uint32_t b)
{
    uint32_t c = 0;

    while (a < b) {
        uint32_t in = 64 - a % 64, take = in < b - a ? in : b - a;
        uint64_t w = map[a / 64] >> a % 64;
        if (take < 64)
            w &= (UINT64_C(1) << take) - 1;
        c += popcount64(w);
        a += take;
    }
    return c;
}

static void set_bits(uint64_t *map, uint32_t a, uint32_t b)
{
    while (a < b) {
        uint32_t in = 64 - a % 64, take = in < b - a ? in : b - a;
        uint64_t w = take < 64 ? (UINT64_C(1) << take) - 1 : ~UINT64_C(0);
        map[a / 64] |= w << a % 64;
        a += take;
    }
}

/* How a fragment of units [a, b) ending at byte `end` fits what is there (RFC 5722 §4). */
static enum net_rule fits(const struct reass *r, uint32_t a, uint32_t b, uint32_t end, bool more)
{
    uint32_t seen = count_bits(r->have, a, b);

    if (seen == b - a && bit(r->start, a) && count_bits(r->start, a + 1, b) == 0 &&
        (b == r->top || !bit(r->have, b) || bit(r->start, b)) &&
        (more ? end != r->end : end == r->end))
        return NR_FRAG_DUPLICATE;
    if (seen || (!more && (b < r->top || (r->end && r->end != end))) ||
        (more && r->end && end >= r->end))
        return NR_FRAG_OVERLAP;
    return NR_COUNT;
}

/* ---- taking it in ---- */

static bool need_block(struct net *n, uint32_t self, uint32_t k)
{
    struct reass *r = reass_at(n, self);

    if (r->block[k])
        return true;
    while (n->reass_blocks >= REASSEMBLY_BLOCKS && n->reass_oldest != self) {
        net_note(n, NR_FRAG_EVICTED);
        drop_one(n, n->reass_oldest);
    }
    if (n->reass_blocks >= REASSEMBLY_BLOCKS || !(r->block[k] = block_get(n->blocks)))
        return false;
    r->nblocks++;
    n->reass_blocks++;
    return true;
}

/* Copies len bytes of s from `from` on to offset `at` of the datagram; false: no memory, nothing
 * noted. */
static bool store(struct net *n, uint32_t self, const struct slice *s, uint32_t from, uint32_t at,
                  uint32_t len)
{
    for (uint32_t k = at / BLOCK_DATA; k <= (at + len - 1) / BLOCK_DATA; k++)
        if (!need_block(n, self, k))
            return false;
    struct reass *r = reass_at(n, self);
    while (len) {
        uint32_t in = at % BLOCK_DATA, take = BLOCK_DATA - in < len ? BLOCK_DATA - in : len;
        slice_copy(s, from, r->block[at / BLOCK_DATA]->data + in, take);
        from += take;
        at += take;
        len -= take;
    }
    return true;
}

static void keep_first(struct reass *r, const struct rx *x, const struct slice *s, uint32_t len)
{
    memcpy(r->hdr, s->head.p, x->h.hlen); /* of IPv6, the fragment header is there for quoting */
    r->hdr_len = ip_is_v4(&x->h.dst) ? x->h.hlen : x->h.unfrag;
    r->nh_at = x->h.nh_at;
    r->frag_next = x->h.frag_next;
    r->first_len = (uint16_t)len;
}

/* Writes headers and the first bytes to rbuf and points *whole at everything. */
static void assemble(struct net *n, struct reass *r, struct slice *whole)
{
    uint32_t k = r->end < REASS_HEAD ? r->end : REASS_HEAD, left = r->end - k, nspan = 0;
    bool v4 = ip_is_v4(&r->dst), ce = r->ecn_seen & 1U << 3;
    uint8_t *p = n->rbuf;

    memcpy(p, r->hdr, r->hdr_len);
    memcpy(p + r->hdr_len, r->block[0]->data, k);
    if (v4) {
        struct csum c = {0};
        p[1] |= ce ? 3 : 0;
        put16(p + 2, r->hdr_len + r->end);
        put16(p + 6, 0);
        put16(p + 10, 0);
        csum_add(&c, p, r->hdr_len);
        put16(p + 10, csum_field(&c));
    } else {
        p[1] |= ce ? 0x30 : 0;
        put16(p + 4, r->hdr_len - IPV6_HLEN + r->end);
        p[r->nh_at] = r->frag_next;
    }
    for (uint32_t b = 0; left; b++) {
        uint32_t skip = b == 0 ? k : 0, take = BLOCK_DATA - skip < left ? BLOCK_DATA - skip : left;
        n->rspan[nspan++] = (struct la_span){r->block[b]->data + skip, take};
        left -= take;
    }
    *whole = (struct slice){
        .head = {p, r->hdr_len + k}, .span = n->rspan, .nspan = nspan, .len = r->hdr_len + r->end};
}

/* What the length field would have to say.  The headers are the first fragment's: they may be
 * longer than those by which another was judged. */
static uint32_t whole_length(const struct reass *r)
{
    return r->hdr_len - (ip_is_v4(&r->dst) ? 0 : IPV6_HLEN) + r->end;
}

/* All units are there. */
static bool finish(struct net *n, uint32_t i, struct rx *x, struct slice *whole)
{
    struct reass *r = reass_at(n, i);

    if ((r->ecn_seen & 1U << 3) && (r->ecn_seen & 1U)) {
        (void)net_drop(n, NR_FRAG_ECN);
        drop_one(n, i);
        return false;
    }
    net_note(n, NR_FRAG_DONE);
    unlink_one(n, i);
    n->held = i;
    assemble(n, r, whole);
    x->fragmented = true;
    x->csum = LA_CSUM_NONE;
    x->gso_size = 0;
    if (ip_is_v4(&r->dst)) {
        enum ip_bad bad = ipv4_parse(whole->head.p, whole->head.n, whole->len, true, &x->h);
        LA_ASSERT(bad == IP_OK); /* it was parsed as a fragment, and only its length is new */
    }
    return true;
}

static bool refuse(struct net *n, const struct rx *x, const struct slice *s, enum net_rule why,
                   const struct icmp_hdr *m, la_ns now)
{
    (void)net_drop(n, why);
    if (!ip_is_v4(&x->h.dst) && why != NR_FRAG_HEADER_LONG) {
        const struct ip_dgram q = quote_of(x, s->head.p, s->head.n, NULL);
        icmp6_error(n, &q, x->group, m, now);
    }
    return false;
}

bool reass_input(struct net *n, struct rx *x, struct slice *s, struct slice *whole, la_ns now)
{
    struct ip_hdr *h = &x->h;
    uint32_t len = h->total - h->hlen, a = h->offset / 8U, end = h->offset + len, b = (end + 7) / 8;
    struct icmp_hdr m;
    enum net_rule why = judge(x, s, len, &m);

    if (why != NR_COUNT)
        return refuse(n, x, s, why, &m, now);
    uint32_t i = find(n, x);
    if (!i && !(i = make(n, x, now))) {
        (void)net_drop(n, NR_FRAG_NO_MEMORY);
        return false;
    }
    struct reass *r = reass_at(n, i);
    why = r->poisoned ? NR_FRAG_OVERLAP : fits(r, a, b, end, h->more);
    if (why == NR_COUNT && !store(n, i, s, h->hlen, h->offset, len))
        why = NR_FRAG_NO_MEMORY;
    if (why != NR_COUNT) {
        (void)net_drop(n, why);
        if (why == NR_FRAG_OVERLAP) {
            r->poisoned = true;
            free_blocks(n, r);
        }
        return false;
    }
    r->start[a / 64] |= UINT64_C(1) << a % 64;
    set_bits(r->have, a, b);
    r->units = (uint16_t)(r->units + (b - a));
    r->top = b > r->top ? (uint16_t)b : r->top;
    r->ecn_seen |= (uint8_t)(1U << (h->tos & 3));
    if (!h->more)
        r->end = end;
    if (a == 0)
        keep_first(r, x, s, len);
    if (!r->end || r->units != (r->end + 7) / 8) {
        net_note(n, NR_FRAG_KEPT);
        return false;
    }
    if (whole_length(r) > DATAGRAM_MAX) {
        drop_one(n, i);
        m.rest = h->unfrag + 2U;
        return refuse(n, x, s, NR_FRAG_TOO_LONG, &m, now);
    }
    return finish(n, i, x, whole);
}

void reass_due(struct net *n, uint32_t i, la_ns now)
{
    struct reass *r = reass_at(n, i);

    net_note(n, NR_FRAG_TIMEOUT);
    if (r->hdr_len && !r->poisoned) { /* only who has the first fragment can say what is missing */
        bool v4 = ip_is_v4(&r->dst);
        struct rx x = {.iface = iface_at(n, r->ifx), .h = {.src = r->src, .dst = r->dst}};
        const struct slice rest = {.head = {r->block[0]->data, r->first_len}, .len = r->first_len};
        const struct icmp_hdr m = {.type = v4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED,
                                   .code = 1};
        x.h.proto = v4 ? r->proto : r->frag_next;
        const struct ip_dgram q = quote_of(&x, r->hdr, r->hdr_len + (v4 ? 0 : 8), &rest);
        if (v4)
            icmp4_error(n, &q, r->group, &m, now);
        else
            icmp6_error(n, &q, r->group, &m, now);
    }
    drop_one(n, i);
}
