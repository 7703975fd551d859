/* net.c: a network layer's life: made, freed, woken, looked at; and small tools of its parts. */
#include "net/private.h"

static uint32_t *timer_pos(void *ctx, uint32_t id)
{
    struct net *n = ctx;
    uint32_t i = TIMER_INDEX(id);

    switch ((enum timer_kind)(id >> 28)) {
    case TIMER_NEIGHBOUR:
        return &nb_at(n, i)->timer;
    case TIMER_ADDR:
        return &n->ifs[i / NET_ADDRS].addr[i % NET_ADDRS].timer;
    case TIMER_RS:
        return &n->ifs[i].rs_timer;
    case TIMER_ROUTE:
        return &((struct route *)pool_at(&n->routes, i))->timer;
    case TIMER_REASS:
        return &((struct reass *)pool_at(&n->reass, i))->timer;
    case TIMER_PMTU:
        return &((struct pmtu *)pool_at(&n->pmtu, i))->timer;
    }
    la_panic(__FILE__, __LINE__, "a timer of no kind");
}

/* Buckets for about `objects`: a power of two. */
static uint32_t buckets(uint32_t objects)
{
    uint32_t b = 16;

    while (b < objects && b < 65536)
        b *= 2;
    return b;
}

int net_new(const struct net_config *c, la_ns now, struct net **out)
{
    const struct la_config *cfg = c->cfg;
    uint32_t fixed = NET_IFS * (NET_ADDRS + 1);

    if (!cfg->max_neighbours || !cfg->max_routes || !cfg->max_pmtu || !cfg->max_reassembly ||
        cfg->max_neighbours > INDEX_MAX || cfg->max_routes > INDEX_MAX ||
        cfg->max_pmtu > INDEX_MAX || cfg->max_reassembly > INDEX_MAX)
        return LA_EINVAL;
    struct net *n = mem_get(c->mem, sizeof *n);
    if (!n)
        return LA_ENOMEM;
    n->cfg = cfg;
    n->mem = c->mem;
    n->blocks = c->blocks;
    n->rules = c->rules;
    n->key = c->key;
    n->epoch = 1; /* a zeroed net_path is out of date */
    n->now = now;
    n->dropped = NR_COUNT;
    heap_init(&n->timers, n->mem,
              cfg->max_neighbours + cfg->max_routes + cfg->max_pmtu + cfg->max_reassembly + fixed,
              timer_pos, n);
    pool_init(&n->neighbours, n->mem, sizeof(struct neighbour), cfg->max_neighbours);
    pool_init(&n->routes, n->mem, sizeof(struct route), cfg->max_routes);
    pool_init(&n->pmtu, n->mem, sizeof(struct pmtu), cfg->max_pmtu);
    pool_init(&n->reass, n->mem, sizeof(struct reass), cfg->max_reassembly);
    pool_init(&n->packets, n->mem, sizeof(struct packet), NET_PACKETS);
    n->nb_mask = buckets(cfg->max_neighbours) - 1;
    n->pmtu_mask = buckets(cfg->max_pmtu) - 1;
    n->nb_hash = mem_get(n->mem, (n->nb_mask + 1) * sizeof *n->nb_hash);
    n->pmtu_hash = mem_get(n->mem, (n->pmtu_mask + 1) * sizeof *n->pmtu_hash);
    if (!n->nb_hash || !n->pmtu_hash || !heap_reserve(&n->timers, fixed)) {
        net_free(n);
        return LA_ENOMEM;
    }
    *out = n;
    return LA_OK;
}

static void give_back_packets(struct net *n, uint32_t head)
{
    while (head) {
        struct packet *p = packet_at(n, head);
        uint32_t next = p->next;

        block_put_all(n->blocks, p->data);
        pool_put(&n->packets, head);
        head = next;
    }
}

void net_free(struct net *n)
{
    if (!n)
        return;
    for (uint32_t k = 0; k < n->nif; k++)
        give_back_packets(n, n->ifs[k].q_head);
    for (unsigned l = 0; l < 2; l++)
        for (uint32_t i = n->lru[l].head; i; i = nb_at(n, i)->lru_next)
            give_back_packets(n, nb_at(n, i)->q_head);
    reass_free_all(n);
    pool_free(&n->neighbours);
    pool_free(&n->routes);
    pool_free(&n->pmtu);
    pool_free(&n->reass);
    pool_free(&n->packets);
    heap_free(&n->timers);
    mem_put(n->mem, n->nb_hash, (n->nb_mask + 1) * sizeof *n->nb_hash);
    mem_put(n->mem, n->pmtu_hash, (n->pmtu_mask + 1) * sizeof *n->pmtu_hash);
    mem_put(n->mem, n, sizeof *n);
}

la_ns net_deadline(const struct net *n)
{
    return heap_first(&n->timers);
}

void net_expire(struct net *n, la_ns now)
{
    uint32_t id;

    n->now = now;
    reass_release(n);
    while ((id = heap_pop_due(&n->timers, now)) != 0) {
        uint32_t i = TIMER_INDEX(id);
        switch ((enum timer_kind)(id >> 28)) {
        case TIMER_NEIGHBOUR:
            nb_due(n, i, now);
            break;
        case TIMER_ADDR:
            iface_addr_due(n, i, now);
            break;
        case TIMER_RS:
            ra_due(n, iface_at(n, (int)i), now);
            break;
        case TIMER_ROUTE:
            route_due(n, i);
            break;
        case TIMER_REASS:
            reass_due(n, i, now);
            break;
        case TIMER_PMTU:
            pmtu_due(n, i);
            break;
        }
    }
}

uint32_t net_epoch(const struct net *n)
{
    return n->epoch;
}

enum net_rule net_dropped(const struct net *n)
{
    return n->dropped;
}

void net_usage(const struct net *n, struct la_usage *u)
{
    u->neighbours = n->neighbours.used;
    u->pmtu = n->pmtu.used;
    u->reassembly = n->reass.used;
    u->packets = n->packets.used;
}

void net_trace(struct net *n, enum net_rule r, bool drop)
{
    const struct la_trace t = {
        .kind = drop ? LA_TRACE_DROP : LA_TRACE_RULE,
        .now = n->now,
        .rule = (unsigned)r,
    };

    n->cfg->trace(n->cfg->trace_ctx, &t);
}

la_ns net_jitter(struct net *n, la_ns below)
{
    return below ? sip_next(&n->key, &n->rng) % below : 0;
}

bool timer_room(struct net *n)
{
    return heap_reserve(&n->timers, NET_IFS * (NET_ADDRS + 1) + n->neighbours.used +
                                        n->routes.used + n->pmtu.used + n->reass.used + 1);
}

uint32_t addr_hash(const struct net *n, const struct la_addr *a, uint32_t with)
{
    struct {
        struct la_addr a;
        uint32_t with;
    } k = {*a, with};
    _Static_assert(sizeof k == 20, "no padding goes into a hash");

    return (uint32_t)siphash13(&n->key, &k, sizeof k);
}

uint32_t net_flow_label(const struct net *n, const struct la_addr *src, const struct la_addr *dst,
                        uint16_t sport, uint16_t dport)
{
    struct {
        char what[4];
        uint16_t sport, dport;
        struct la_addr src, dst;
    } k = {{'f', 'l', 'o', 'w'}, sport, dport, *src, *dst};
    _Static_assert(sizeof k == 40, "no padding goes into a hash");
    uint32_t label = (uint32_t)(siphash24(&n->key, &k, sizeof k) % 0xfffffU) + 1;

    return label; /* 1..0xfffff: 0 says that there is none (RFC 6437 §2) */
}

/* A permutation of `bits` bits by the key: four Feistel rounds.  Consecutive counts give numbers
 * that never repeat before all were used, and that nobody can guess or count (RFC 7739 §5). */
static uint32_t permute(const struct net *n, uint32_t x, unsigned half)
{
    uint32_t mask = (1U << half) - 1, l = x >> half, r = x & mask;

    for (uint32_t round = 0; round < 4; round++) {
        uint32_t k[4] = {0x66726167U, half, round, r};
        uint32_t f = (uint32_t)siphash24(&n->key, k, sizeof k) & mask;
        uint32_t t = l ^ f;

        l = r;
        r = t;
    }
    return l << half | r;
}

uint16_t net_ip_id(struct net *n)
{
    return (uint16_t)permute(n, n->id_count++ & 0xffff, 8);
}

uint32_t ip_frag_id(struct net *n)
{
    return permute(n, n->id_count++, 16);
}
