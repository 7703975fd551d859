/* stack.c: a stack's life, and frames and time crossing its boundary.
 * Invariant: nothing leaves inside la_rx; a batch of frames costs one ACK. */
#include "stack/stack.h"

void la_config_init(struct la_config *cfg)
{
    memset(cfg, 0, sizeof *cfg);
    cfg->max_conns = 1000000;
    cfg->active_conns = 1024;
    cfg->max_embryos = 65536;
    cfg->max_time_wait = 262144;
    cfg->max_listeners = 1024;
    cfg->max_blocks = 262144;
    cfg->max_neighbours = 1024;
    cfg->max_routes = 256;
    cfg->max_pmtu = 1024;
    cfg->max_reassembly = 64;
    cfg->max_records = 4096;
    cfg->msl = LA_SEC(30);
    cfg->fin_wait_2 = LA_SEC(60);
    cfg->syn_cookies = true;
    cfg->icmp_echo = true;
    cfg->port_lo = 32768;
    cfg->port_hi = 60999;
}

static bool any_lab(const struct la_lab *l)
{
    return l->zero_secret || l->no_time_wait || l->rst_kills_time_wait || l->two_way_handshake ||
           l->no_paws || l->fixed_isn || l->fail_alloc_at;
}

static bool valid(const struct la_config *c)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < sizeof c->secret; i++)
        any |= c->secret[i];
    if (!any && !c->lab.zero_secret)
        return false;
    if (any_lab(&c->lab) && !c->lab.enabled)
        return false;
    if (!c->mem.alloc || !c->mem.free || c->port_lo == 0 || c->port_lo > c->port_hi)
        return false;
    if (c->msl == 0 || c->msl > LA_SEC(900)) /* TIME-WAIT keeps microseconds in 32 bits */
        return false;
    return c->max_conns && c->active_conns && c->max_embryos && c->max_time_wait &&
           c->max_listeners && c->max_blocks && c->max_neighbours && c->max_routes && c->max_pmtu &&
           c->max_reassembly && c->max_records && c->max_conns < REF_INDEX_MAX &&
           c->max_embryos < REF_INDEX_MAX && c->max_time_wait < REF_INDEX_MAX / 2;
}

static int build(struct la_stack *s, la_ns now)
{
    blocks_init(&s->blocks, &s->mem, s->cfg.max_blocks);
    pool_init(&s->ranges, &s->mem, sizeof(struct range), s->cfg.max_blocks);
    struct net_config n = {.cfg = &s->cfg,
                           .mem = &s->mem,
                           .blocks = &s->blocks,
                           .ranges = &s->ranges,
                           .rules = s->rules};
    memcpy(&n.key, s->cfg.secret + 8, sizeof n.key);
    int err = net_new(&n, now, &s->net);
    if (err)
        return err;
    s->tcp.cfg = &s->cfg;
    s->tcp.mem = &s->mem;
    s->tcp.net = s->net;
    s->tcp.rules = s->rules + NR_COUNT;
    s->tcp.blocks = &s->blocks;
    s->tcp.ranges = &s->ranges;
    return tcp_init(&s->tcp, now);
}

int la_stack_new(const struct la_config *cfg, la_ns now, struct la_stack **out)
{
    if (!cfg || !out || !valid(cfg))
        return LA_EINVAL;
    struct la_stack *s = cfg->mem.alloc(cfg->mem.ctx, sizeof *s);
    if (!s)
        return LA_ENOMEM;
    memset(s, 0, sizeof *s);
    s->cfg = *cfg;
    s->mem.from = cfg->mem;
    s->mem.bytes = sizeof *s;
    s->mem.fail_at = cfg->lab.fail_alloc_at;
    s->now = now;
    options_init(&s->tcp.defaults, cfg);
    int err = build(s, now);
    if (err) {
        la_stack_free(s);
        return err;
    }
    *out = s;
    return LA_OK;
}

void la_stack_free(struct la_stack *s)
{
    if (!s)
        return;
    struct la_memory from = s->mem.from;
    if (s->tcp.cfg)
        tcp_free(&s->tcp);
    if (s->net)
        net_free(s->net);
    pool_free(&s->ranges);
    blocks_free(&s->blocks);
    from.free(from.ctx, s, sizeof *s);
}

/* ---- interfaces, addresses, routes ---- */

int la_if_add(struct la_stack *s, const struct la_if_config *cfg, la_ns now)
{
    return cfg ? net_if_add(s->net, cfg, now) : LA_EINVAL;
}

int la_addr_add(struct la_stack *s, int ifx, const struct la_addr *a, unsigned prefix_len,
                la_ns now)
{
    return net_addr_add(s->net, ifx, a, prefix_len, now);
}

int la_addr_del(struct la_stack *s, int ifx, const struct la_addr *a, la_ns now)
{
    return net_addr_del(s->net, ifx, a, now);
}

int la_addr_state(const struct la_stack *s, int ifx, const struct la_addr *a)
{
    return net_addr_state(s->net, ifx, a);
}

bool la_addr_next(const struct la_stack *s, int ifx, uint32_t *cursor, struct la_addr_info *out)
{
    return net_addr_next(s->net, ifx, cursor, out);
}

int la_route_add(struct la_stack *s, const struct la_addr *dst, unsigned prefix_len,
                 const struct la_addr *gateway, int ifx, la_ns now)
{
    return net_route_add(s->net, dst, prefix_len, gateway, ifx, now);
}

int la_route_del(struct la_stack *s, const struct la_addr *dst, unsigned prefix_len, int ifx)
{
    return net_route_del(s->net, dst, prefix_len, ifx);
}

/* ---- frames and time ---- */

void la_rx(struct la_stack *s, int ifx, const struct la_frame *f, la_ns now)
{
    struct ip_dgram d;
    struct icmp_err e;
    s->now = now;
    s->frames_in++;
    s->bytes_in += f->len;
    switch (net_input(s->net, ifx, f, now, &d, &e)) {
    case NET_IN_DONE:
        break;
    case NET_IN_DGRAM:
        tcp_input(&s->tcp, &d, now);
        break;
    case NET_IN_ICMP:
        input_icmp(&s->tcp, &e, now);
        break;
    }
}

bool la_tx(struct la_stack *s, int ifx, struct la_frame *f, la_ns now)
{
    s->now = now;
    if (!net_if(s->net, ifx))
        return false;
    if (!net_tx(s->net, ifx, f, now)) {
        if (!tcp_wants_tx(&s->tcp, ifx))
            return false;
        if (!tcp_tx(&s->tcp, ifx, f, now) &&
            !net_tx(s->net, ifx, f, now)) /* a connection that ended may have left a RST there */
            return false;
    }
    s->frames_out++;
    s->bytes_out += f->len;
    return true;
}

void la_frame_copy(const struct la_frame *f, void *to)
{
    uint8_t *at = to;
    memcpy(at, f->head.p, f->head.n);
    at += f->head.n;
    for (unsigned i = 0; i < f->nspan; at += f->span[i++].n)
        memcpy(at, f->span[i].p, f->span[i].n);
}

la_ns la_deadline(const struct la_stack *s)
{
    la_ns a = net_deadline(s->net), b = tcp_deadline(&s->tcp, s->now);
    return a < b ? a : b;
}

void la_expire(struct la_stack *s, la_ns now)
{
    s->now = now;
    net_expire(s->net, now);
    tcp_expire(&s->tcp, now);
}
