/* pmtu.c: what the path to a destination takes (RFC 1191, RFC 8201, RFC 4821 §4).
 * One entry a destination, forgotten ten minutes after its last change, so that a path that has
 * become better is tried again.  Whether an ICMP message is to be believed was decided before (RFC
 * 5927). */
#include "net/private.h"

static struct pmtu *pmtu_at(const struct net *n, uint32_t i)
{
    return pool_at(&n->pmtu, i);
}

static uint32_t *bucket(const struct net *n, const struct la_addr *remote)
{
    return &n->pmtu_hash[addr_hash(n, remote, 0) & n->pmtu_mask];
}

static uint32_t find(const struct net *n, const struct la_addr *remote)
{
    for (uint32_t i = *bucket(n, remote); i; i = pmtu_at(n, i)->next)
        if (ip_eq(&pmtu_at(n, i)->remote, remote))
            return i;
    return 0;
}

static void age_remove(struct net *n, const struct pmtu *p)
{
    if (p->older)
        pmtu_at(n, p->older)->newer = p->newer;
    else
        n->pmtu_oldest = p->newer;
    if (p->newer)
        pmtu_at(n, p->newer)->older = p->older;
    else
        n->pmtu_newest = p->older;
}

static void age_append(struct net *n, uint32_t i)
{
    struct pmtu *p = pmtu_at(n, i);

    p->older = n->pmtu_newest;
    p->newer = 0;
    if (p->older)
        pmtu_at(n, p->older)->newer = i;
    else
        n->pmtu_oldest = i;
    n->pmtu_newest = i;
}

static void drop_one(struct net *n, uint32_t i)
{
    struct pmtu *p = pmtu_at(n, i);
    uint32_t *at = bucket(n, &p->remote);

    while (*at != i) {
        LA_ASSERT(*at);
        at = &pmtu_at(n, *at)->next;
    }
    *at = p->next;
    age_remove(n, p);
    timer_stop(n, TIMER_PMTU, i);
    pool_put(&n->pmtu, i);
}

void pmtu_due(struct net *n, uint32_t i)
{
    net_note(n, NR_PMTU_AGED);
    drop_one(n, i);
}

static uint32_t make(struct net *n, const struct la_addr *remote)
{
    uint32_t i;

    if (n->pmtu.used == n->cfg->max_pmtu) {
        net_note(n, NR_PMTU_EVICTED);
        drop_one(n, n->pmtu_oldest);
    }
    struct pmtu *p = timer_room(n) ? pool_get(&n->pmtu, &i) : NULL;
    if (!p)
        return 0;
    uint32_t *at = bucket(n, remote);
    *p = (struct pmtu){.next = *at, .remote = *remote};
    *at = i;
    age_append(n, i);
    return i;
}

static uint32_t floor_of(const struct la_addr *remote)
{
    return ip_is_v4(remote) ? PMTU_MIN_V4 : PMTU_MIN_V6;
}

void net_pmtu_set(struct net *n, const struct la_addr *remote, uint32_t mtu, la_ns now)
{
    uint32_t i = find(n, remote), least = floor_of(remote);

    n->now = now;
    if (i) {
        age_remove(n, pmtu_at(n, i));
        age_append(n, i);
    } else {
        i = make(n, remote);
        if (!i)
            return; /* it will be learned again */
    }
    net_note(n, NR_PMTU_LEARNED);
    pmtu_at(n, i)->mtu = mtu < least ? least : mtu;
    pmtu_at(n, i)->suspected = false;
    timer_set(n, TIMER_PMTU, i, later(now, PMTU_AGE));
}

void net_pmtu_suspect(struct net *n, const struct la_addr *remote, uint32_t mtu, la_ns now)
{
    uint32_t i = find(n, remote), before = i ? pmtu_at(n, i)->mtu : 0;

    if (i && pmtu_at(n, i)->suspected)
        before = pmtu_at(n, i)->before;
    net_pmtu_set(n, remote, mtu, now);
    i = find(n, remote);
    if (i) {
        pmtu_at(n, i)->suspected = true;
        pmtu_at(n, i)->before = before;
    }
}

void net_pmtu_refute(struct net *n, const struct la_addr *remote)
{
    uint32_t i = find(n, remote);

    if (!i || !pmtu_at(n, i)->suspected)
        return;
    if (pmtu_at(n, i)->before) {
        pmtu_at(n, i)->mtu = pmtu_at(n, i)->before;
        pmtu_at(n, i)->suspected = false;
    } else {
        drop_one(n, i);
    }
}

void net_pmtu_prove(struct net *n, const struct la_addr *remote)
{
    uint32_t i = find(n, remote);

    if (i)
        pmtu_at(n, i)->suspected = false;
}

uint32_t pmtu_learned(const struct net *n, const struct la_addr *remote)
{
    uint32_t i = n->pmtu.used ? find(n, remote) : 0;

    return i ? pmtu_at(n, i)->mtu : 0;
}

uint32_t net_pmtu(const struct net *n, const struct net_path *path, const struct la_addr *remote)
{
    uint32_t link = iface_has(n, path->ifx) ? iface_mtu(&n->ifs[path->ifx], ip_is_v4(remote))
                                            : floor_of(remote);
    uint32_t learned = pmtu_learned(n, remote);

    return learned && learned < link ? learned : link;
}

/* RFC 1191 §7.1, Table 7-1: the largest usual MTU below `size`. */
static uint32_t plateau_below(uint32_t size)
{
    static const uint16_t plateau[] = {65535, 32000, 17914, 8166, 4352, 2002,
                                       1492,  1006,  508,   296,  68};

    for (unsigned k = 0; k < sizeof plateau / sizeof *plateau; k++)
        if (plateau[k] < size)
            return plateau[k];
    return PMTU_MIN_V4;
}

/* What a packet-too-big without an MTU means (RFC 1191 §5).  Some routers quote a total length that
 * has the header added a second time; if it is not below what we believe, that is assumed. */
static uint32_t guess(struct net *n, const struct icmp_err *e, uint32_t old)
{
    uint32_t size = e->quoted_len;

    net_note(n, NR_PMTU_PLATEAU);
    if (size >= old)
        size -= size - old < IPV4_HLEN ? size - old : IPV4_HLEN;
    return plateau_below(size < old ? size : old);
}

uint32_t net_pmtu_too_big(struct net *n, const struct net_path *path, const struct icmp_err *e,
                          la_ns now)
{
    uint32_t old = net_pmtu(n, path, &e->remote), least = floor_of(&e->remote);

    n->now = now;
    uint32_t mtu = e->mtu ? e->mtu : guess(n, e, old);
    if (mtu < least)
        mtu = least;
    if (mtu >= old) {
        net_note(n, NR_PMTU_NOT_LOWER);
        return old;
    }
    net_pmtu_set(n, &e->remote, mtu, now);
    return mtu;
}
