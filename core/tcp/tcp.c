/* tcp.c: the container: pools, lists and the life of a tcb. */
#include "tcp/spine.h"

static uint32_t *timer_pos(void *ctx, uint32_t id)
{
    struct tcp *tcp = ctx;
    return ref_kind(id) == REF_TCB ? &tcb_at(tcp, ref_index(id))->heap_pos
                                   : &embryo_at(tcp, ref_index(id))->heap_pos;
}

/* What each key is for: the same secret, different keys. */
enum key_use { KEY_CONNTAB, KEY_ISN, KEY_TS, KEY_PORT, KEY_COOKIE };

static struct sipkey derive(const struct la_config *cfg, enum key_use use)
{
    struct sipkey master;
    uint8_t text[18] = {(uint8_t)use};
    memcpy(&master, cfg->secret, sizeof master);
    memcpy(text + 2, cfg->secret + 16, 16);
    struct sipkey k = {siphash24(&master, text, sizeof text), 0};
    text[1] = 1;
    k.k1 = siphash24(&master, text, sizeof text);
    return k;
}

int tcp_init(struct tcp *tcp, la_ns now)
{
    const struct la_config *cfg = tcp->cfg;
    struct sipkey key = derive(cfg, KEY_CONNTAB);
    (void)now;
    tcp->cookie_at = LA_NEVER;
    tcp->key_isn = derive(cfg, KEY_ISN);
    tcp->key_ts = derive(cfg, KEY_TS);
    tcp->key_port = derive(cfg, KEY_PORT);
    tcp->key_cookie = derive(cfg, KEY_COOKIE);
    pool_init(&tcp->tcbs, tcp->mem, sizeof(struct tcb), cfg->max_conns);
    pool_init(&tcp->slots, tcp->mem, sizeof(struct conn_slot), cfg->max_conns);
    rest_init(tcp);
    /* One more for the moment in which a cookie comes back: a table that a flood keeps full must
     * not keep out those who answered. */
    pool_init(&tcp->embryos, tcp->mem, sizeof(struct embryo), cfg->max_embryos + 1);
    pool_init(&tcp->listeners, tcp->mem, sizeof(struct listener), cfg->max_listeners);
    heap_init(&tcp->timers, tcp->mem, cfg->max_conns + cfg->max_embryos + 1, timer_pos, tcp);
    int err = conntab_init(&tcp->tab, tcp->mem, &key,
                           cfg->max_conns + cfg->max_embryos + 1 + cfg->max_time_wait);
    if (!err)
        err = timewait_init(&tcp->tw, tcp->mem, cfg->max_time_wait, 2 * cfg->msl);
    if (!err)
        err = records_init(&tcp->records, tcp->mem, cfg->max_records);
    return err;
}

void tcp_free(struct tcp *tcp)
{
    records_free(&tcp->records);
    timewait_free(&tcp->tw);
    conntab_free(&tcp->tab);
    heap_free(&tcp->timers);
    pool_free(&tcp->listeners);
    pool_free(&tcp->embryos);
    rest_free(tcp);
    pool_free(&tcp->slots);
    pool_free(&tcp->tcbs);
}

void tcb_timeouts(struct tcb *t)
{
    rtt_bound(&t->rtt, t->opt.rto_init_ms * 1000U, t->opt.rto_min_ms * 1000U,
              t->opt.rto_max_ms * 1000U, t->opt.rto_slop_ms * 1000U);
}

struct tcb *tcb_get(struct tcp *tcp, uint32_t *index, la_ns now)
{
    if (!tcp->tcbs.free && tcp->tcbs.made >= tcp->cfg->active_conns)
        (void)rest_pack_one(tcp, now);
    /* So that arming a timer can never fail later. */
    if (!heap_reserve(&tcp->timers, tcp->tcbs.used + tcp->embryos.used + 1))
        return NULL;
    return pool_get(&tcp->tcbs, index);
}

void tcb_init(struct tcb *t, const struct options *opt)
{
    memset(t, 0, sizeof *t);
    t->opt = *opt;
    t->scope = -1;
    t->path.ifx = -1;
    t->opened = t->established = t->first_fin_at = t->second_fin_at = LA_NEVER;
    t->heap_at = LA_NEVER;
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        t->at[i] = LA_NEVER;
    rtt_init(&t->rtt);
    tcb_timeouts(t);
}

struct tcb *tcb_new(struct tcp *tcp, const struct options *opt, la_ns now)
{
    uint32_t index, slot;
    struct conn_slot *k = pool_get(&tcp->slots, &slot);
    struct tcb *t = k ? tcb_get(tcp, &index, now) : NULL;
    if (!t) {
        if (k)
            pool_put(&tcp->slots, slot);
        return NULL;
    }
    tcb_init(t, opt);
    if (!k->generation) /* never used before */
        k->generation = 1;
    k->tcb = t;
    t->self = index;
    t->slot = slot;
    t->generation = k->generation;
    t->used = true;
    return t;
}

void tcb_discard(struct tcp *tcp, struct tcb *t)
{
    LA_ASSERT(!t->in_table);
    timer_stop_all(tcp, t);
    tcp_unqueue(tcp, t);
    tcp_event_unlink(tcp, &t->ev);
    sndq_free(&t->sndq, tcp->blocks);
    rcvq_free(&t->rcvq, tcp->blocks, tcp->ranges);
    recovery_free(&t->recovery, tcp->ranges);
    t->used = false;
    pool_put(&tcp->tcbs, t->self);
}

void tcb_delete(struct tcp *tcp, struct tcb *t)
{
    struct conn_slot *k = conn_slot_at(tcp, t->slot);
    LA_ASSERT(!t->handle);
    if (++k->generation == 0)
        k->generation = 1;
    k->tcb = NULL;
    pool_put(&tcp->slots, t->slot);
    tcb_discard(tcp, t);
}

/* ---- events: a FIFO of tcbs and listeners that have something to tell, each on it once ---- */

static void event_add(struct tcp *tcp, struct ev_link *e, uint32_t bits)
{
    bool queued = e->bits != 0;
    e->bits |= (uint16_t)bits;
    if (queued)
        return;
    e->prev = tcp->ev_tail;
    e->next = NULL;
    if (e->prev)
        e->prev->next = e;
    else
        tcp->ev_head = e;
    tcp->ev_tail = e;
}

void tcp_event_unlink(struct tcp *tcp, struct ev_link *e)
{
    if (!e->bits)
        return;
    if (e->prev)
        e->prev->next = e->next;
    else
        tcp->ev_head = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else
        tcp->ev_tail = e->prev;
    e->bits = 0;
}

void tcp_event(struct tcp *tcp, struct tcb *t, uint32_t bits)
{
    if (t->handle)
        event_add(tcp, &t->ev, bits);
}

void tcp_listener_event(struct tcp *tcp, struct listener *l, uint32_t bits)
{
    event_add(tcp, &l->ev, bits);
}

la_conn tcb_conn(const struct tcb *t)
{
    return (la_conn){t->slot, t->generation};
}

struct la_endpoint tcb_local(const struct tcb *t)
{
    return (struct la_endpoint){t->id.local, t->id.lport, t->scope};
}

struct la_endpoint tcb_remote(const struct tcb *t)
{
    return (struct la_endpoint){t->id.remote, t->id.rport, t->scope};
}
