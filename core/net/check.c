/* check.c: the invariants of every table of the network layer, walked from end to end.  For tests.
 */
#include "net/private.h"

/* One walk a table; 0 or the broken line. */
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            return __LINE__;                                                                       \
    } while (0)

static uint32_t chain_blocks(const struct packet *p, uint32_t *bytes)
{
    uint32_t k = 0;

    *bytes = 0;
    for (const struct block *b = p->data; b; b = b->next, k++)
        *bytes += b->len;
    return k;
}

struct packets {
    uint32_t n, blocks;
};

/* A queue of packets: as long as it says, ends where it says. */
static int check_queue(const struct net *n, uint32_t head, uint32_t tail, uint32_t len,
                       struct packets *all)
{
    uint32_t last = 0, k = 0;

    for (uint32_t i = head; i; i = packet_at(n, i)->next, k++) {
        const struct packet *p = packet_at(n, i);
        uint32_t bytes, blocks = chain_blocks(p, &bytes);
        CHECK(k < len && pool_has(&n->packets, i));
        CHECK(blocks == p->nblocks && (blocks ? bytes == p->len : p->len <= PACKET_SMALL));
        CHECK(p->sent <= p->len);
        all->blocks += blocks;
        last = i;
    }
    CHECK(k == len && (len == 0 || last == tail));
    all->n += k;
    return 0;
}

static int check_neighbour(const struct net *n, uint32_t i, unsigned list, struct packets *waiting)
{
    const struct neighbour *nb = nb_at(n, i);
    bool known = nb->state != NB_INCOMPLETE && nb->state != NB_FAILED;

    CHECK(nb->proven == (list == 1));
    CHECK(iface_has(n, nb->ifx) && n->ifs[nb->ifx].ether);
    CHECK(nb->timer != HEAP_NONE); /* each is forgotten some day */
    CHECK(nb_find(n, nb->ifx, &nb->addr) == i);
    CHECK(nb->q_packets <= NEIGHBOUR_QUEUE && (nb->q_packets == 0 || nb->state == NB_INCOMPLETE));
    CHECK(known || nb->fresh_until == 0);
    CHECK(nb->state != NB_STALE || nb->fresh_until == 0);
    return check_queue(n, nb->q_head, nb->q_tail, nb->q_packets, waiting);
}

static int check_neighbours(const struct net *n, struct packets *all)
{
    struct packets waiting = {0, 0};
    uint32_t total = 0;

    for (unsigned l = 0; l < 2; l++) {
        uint32_t k = 0, prev = 0;
        for (uint32_t i = n->lru[l].head; i; prev = i, i = nb_at(n, i)->lru_next, k++) {
            CHECK(k < n->lru[l].count && nb_at(n, i)->lru_prev == prev);
            int line = check_neighbour(n, i, l, &waiting);
            CHECK(line == 0);
        }
        CHECK(k == n->lru[l].count && n->lru[l].tail == prev);
        total += k;
    }
    CHECK(total == n->neighbours.used && total <= n->cfg->max_neighbours);
    CHECK(waiting.n == n->waiting && waiting.n <= NET_WAITING);
    all->n += waiting.n;
    all->blocks += waiting.blocks;
    return 0;
}

static int check_routes(const struct net *n, uint32_t *timed)
{
    uint32_t k = 0, ra = 0;

    for (unsigned f = 0; f < 2; f++) {
        uint32_t longest = 128;
        for (uint32_t i = n->route_head[f]; i; k++) {
            const struct route *r = pool_at(&n->routes, i);
            CHECK(k < n->routes.used);
            CHECK(ip_is_v4(&r->dst) == (f == 0) && r->plen <= longest && iface_has(n, r->ifx));
            CHECK((r->timer != HEAP_NONE) == (r->until != LA_NEVER));
            CHECK(r->until == LA_NEVER || r->origin == ROUTE_RA);
            ra += r->origin == ROUTE_RA;
            *timed += r->timer != HEAP_NONE;
            longest = r->plen;
            i = r->next;
        }
    }
    CHECK(k == n->routes.used && ra == n->ra_routes && ra <= RA_ROUTES);
    return 0;
}

static int check_iface(const struct net *n, const struct iface *i, uint32_t *timed,
                       struct packets *all)
{
    for (uint32_t k = 0; k < NET_ADDRS; k++) {
        const struct ifaddr *a = &i->addr[k];
        CHECK(a->used ? k < i->naddr
                      : !a->ready && a->timer == HEAP_NONE && la_addr_is_any(&a->addr));
        CHECK(!a->used ||
              a->ready == (a->state == LA_ADDR_PREFERRED || a->state == LA_ADDR_DEPRECATED));
        CHECK((a->step == DAD_IDLE || !a->used) == (a->step_at == LA_NEVER || !a->used));
        *timed += a->timer != HEAP_NONE;
    }
    *timed += i->rs_timer != HEAP_NONE;
    CHECK(i->q_packets <= NET_QUEUE_PACKETS);
    return check_queue(n, i->q_head, i->q_tail, i->q_packets, all);
}

static int check_reass(const struct net *n)
{
    uint32_t k = 0, blocks = 0;

    for (uint32_t i = n->reass_oldest, prev = 0; i; k++) {
        const struct reass *r = pool_at(&n->reass, i);
        uint32_t own = 0, bits = 0;
        for (unsigned b = 0; b < REASS_BLOCKS; b++)
            own += r->block[b] != NULL;
        for (unsigned w = 0; w < REASS_UNITS / 64; w++)
            bits += popcount64(r->have[w]);
        CHECK(k < n->reass.used && r->older == prev && r->timer != HEAP_NONE);
        CHECK(own == r->nblocks && bits == r->units && r->top >= r->units);
        CHECK(!r->end || (r->end + 7) / 8 >= r->top);
        CHECK(!r->poisoned || own == 0);
        blocks += own;
        prev = i;
        i = r->newer;
        CHECK(i || n->reass_newest == prev);
    }
    if (n->held)
        blocks += ((const struct reass *)pool_at(&n->reass, n->held))->nblocks;
    CHECK(k + (n->held ? 1 : 0) == n->reass.used);
    CHECK(blocks == n->reass_blocks && blocks <= REASSEMBLY_BLOCKS);
    return 0;
}

static int check_pmtu(const struct net *n)
{
    uint32_t k = 0;

    for (uint32_t i = n->pmtu_oldest, prev = 0; i; k++) {
        const struct pmtu *p = pool_at(&n->pmtu, i);
        CHECK(k < n->pmtu.used && p->older == prev && p->timer != HEAP_NONE);
        CHECK(p->mtu >= (ip_is_v4(&p->remote) ? PMTU_MIN_V4 : PMTU_MIN_V6));
        CHECK(pmtu_learned(n, &p->remote) == p->mtu);
        prev = i;
        i = p->newer;
        CHECK(i || n->pmtu_newest == prev);
    }
    CHECK(k == n->pmtu.used && k <= n->cfg->max_pmtu);
    return 0;
}

uint32_t net_blocks(const struct net *n)
{
    return n->packet_blocks + n->reass_blocks;
}

int net_check(const struct net *n)
{
    struct packets all = {0, 0};
    uint32_t timed = 0;
    int line = check_neighbours(n, &all);

    if (!line)
        line = check_routes(n, &timed);
    for (uint32_t k = 0; k < n->nif && !line; k++)
        line = check_iface(n, &n->ifs[k], &timed, &all);
    if (!line)
        line = check_reass(n);
    if (!line)
        line = check_pmtu(n);
    if (line)
        return line;
    CHECK(all.n == n->packets.used && all.blocks == n->packet_blocks &&
          all.blocks <= NET_PACKET_BLOCKS);
    timed += n->neighbours.used + n->reass.used - (n->held ? 1 : 0) + n->pmtu.used;
    CHECK(timed == n->timers.n); /* whoever waits is in the heap, and nobody else */
    return 0;
}
