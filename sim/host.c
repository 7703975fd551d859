/* host.c: hosts and links come into being; what a host holds. */
#include "sim/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MTU 1500U
#define GSO_MAX 65000U

static void *libc_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void libc_free(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static void *host_alloc(void *ctx, size_t bytes)
{
    struct sim_host *h = ctx;
    void *p = h->mem.alloc(h->mem.ctx, bytes);
    if (p)
        h->bytes += bytes;
    return p;
}

static void host_release(void *ctx, void *p, size_t bytes)
{
    struct sim_host *h = ctx;
    if (p)
        h->bytes -= bytes;
    h->mem.free(h->mem.ctx, p, bytes);
}

static void host_trace(void *ctx, const struct la_trace *ev)
{
    struct sim_host *h = ctx;
    trace_log_take(&h->log, ev);
    if (h->trace)
        h->trace(h->trace_ctx, ev);
}

/* The secret comes from the seed, so that ISNs and ports are part of what it decides. */
static void make_secret(struct sim_host *h, uint8_t secret[32])
{
    struct sim_rand r =
        sim_rand_of(h->sim->seed, 0x686f7374U + h->index + ((uint64_t)h->boots << 32));
    for (int i = 0; i < 32; i += 8) {
        uint64_t w = sim_rand_next(&r);
        for (int j = 0; j < 8; j++)
            secret[i + j] = (uint8_t)(w >> 8 * j);
    }
}

/* Makes h's stack. */
static int boot(struct sim_host *h, const struct la_config *cfg)
{
    struct la_config c;
    la_config_init(&c);
    if (cfg)
        c = *cfg;
    h->trace = c.trace;
    h->trace_ctx = c.trace_ctx;
    h->mem = c.mem.alloc ? c.mem : (struct la_memory){.alloc = libc_alloc, .free = libc_free};
    c.trace = host_trace;
    c.trace_ctx = h;
    c.mem = (struct la_memory){.alloc = host_alloc, .free = host_release, .ctx = h};
    if (!c.lab.zero_secret)
        make_secret(h, c.secret);
    return la_stack_new(&c, h->sim->now, &h->stack);
}

struct sim_host *sim_host_add(struct sim *sim, const char *name, const struct la_config *cfg,
                              int *err)
{
    struct sim_host *h = sim_need(sizeof *h);
    h->sim = sim;
    h->index = sim->nhosts;
    snprintf(h->name, sizeof h->name, "%s", name);
    trace_log_init(&h->log, TRACE_KEEP_LADDER, 0);
    int rc = boot(h, cfg);
    if (err)
        *err = rc;
    if (rc < 0) {
        free(h);
        return NULL;
    }
    *sim->hosts_tail = h;
    sim->hosts_tail = &h->next;
    sim->nhosts++;
    return h;
}

int sim_host_restart(struct sim_host *h, const struct la_config *cfg)
{
    la_stack_free(h->stack);
    h->stack = NULL;
    h->boots++;
    int rc = boot(h, cfg);
    for (int i = 0; rc == LA_OK && i < h->nlinks; i++) {
        const struct sim_link *l = h->links[i];
        static const struct la_if_config none = {.link = LA_LINK_IP, .mtu = DEFAULT_MTU};
        const struct la_if_config *c =
            !l ? &none : &l->device[l->host[0] == h && l->ifx[0] == i ? 0 : 1];
        int ifx = la_if_add(h->stack, c, h->sim->now);
        rc = ifx < 0 ? ifx : LA_OK;
    }
    return rc;
}

struct la_stack *sim_stack(const struct sim_host *h)
{
    return h->stack;
}

struct sim *sim_of(const struct sim_host *h)
{
    return h->sim;
}

const char *sim_host_name(const struct sim_host *h)
{
    return h->name;
}

struct trace_log *sim_log(struct sim_host *h)
{
    return &h->log;
}

uint64_t sim_bytes(const struct sim_host *h)
{
    return h->bytes;
}

void sim_set_tap(struct sim_host *h, const struct sim_tap *tap)
{
    h->tap = tap ? *tap : (struct sim_tap){0};
}

bool host_tx(struct sim_host *h, int ifx, struct la_frame *f)
{
    if (h->tap.frame)
        h->tap.before(h->tap.ctx);
    if (!la_tx(h->stack, ifx, f, h->sim->now))
        return false;
    if (h->tap.frame)
        h->tap.frame(h->tap.ctx, ifx, true, f, h->sim->now);
    return true;
}

void host_rx(struct sim_host *h, int ifx, const struct la_frame *f)
{
    if (h->tap.frame)
        h->tap.before(h->tap.ctx);
    la_rx(h->stack, ifx, f, h->sim->now);
    if (h->tap.frame)
        h->tap.frame(h->tap.ctx, ifx, false, f, h->sim->now);
}

/* Gives host end `end` of l its interface. */
static bool attach(struct sim_link *l, int end, const struct sim_link_config *cfg)
{
    struct sim_host *h = l->host[end];
    struct la_if_config c = {.link = cfg->link,
                             .mtu = cfg->mtu ? cfg->mtu : DEFAULT_MTU,
                             .offload = cfg->offload,
                             .gso_max = GSO_MAX,
                             .no_dad = !cfg->dad};
    uint8_t mac[6] = {0x02, 0x6c, 0x61, (uint8_t)h->index, (uint8_t)l->sim->nlinks, (uint8_t)end};
    memcpy(c.mac, mac, sizeof mac);
    int ifx = la_if_add(h->stack, &c, l->sim->now);
    if (ifx < 0)
        return false;
    l->device[end] = c;
    l->ifx[end] = ifx;
    h->links[ifx] = l;
    h->nlinks = ifx + 1;
    return true;
}

struct sim_link *sim_link_add(struct sim_host *a, struct sim_host *b,
                              const struct sim_link_config *cfg)
{
    struct sim *sim = a->sim;
    struct sim_link *l = sim_need(sizeof *l);
    l->sim = sim;
    l->link = cfg->link;
    l->host[0] = a;
    l->host[1] = b;
    l->held_tail = &l->held;
    l->dir[0].wire = cfg->ab;
    l->dir[1].wire = cfg->ba;
    for (unsigned i = 0; i < 2; i++)
        l->dir[i].rand = sim_rand_of(sim->seed, 0x6c696e6bU + 2 * (uint64_t)sim->nlinks + i);
    if (!attach(l, 0, cfg) || !attach(l, 1, cfg)) {
        /* An interface that got no partner stays, without a link: it sends nowhere. */
        for (int i = 0; i < a->nlinks; i++) {
            if (a->links[i] == l)
                a->links[i] = NULL;
        }
        free(l);
        return NULL;
    }
    *sim->links_tail = l;
    sim->links_tail = &l->next;
    sim->nlinks++;
    return l;
}

int sim_link_ifx(const struct sim_link *l, const struct sim_host *h)
{
    return l->host[0] == h ? l->ifx[0] : l->host[1] == h ? l->ifx[1] : -1;
}

struct sim_wire *sim_wire_from(struct sim_link *l, const struct sim_host *from)
{
    return &l->dir[l->host[0] == from ? 0 : 1].wire;
}

const struct sim_wire_stats *sim_stats_from(const struct sim_link *l, const struct sim_host *from)
{
    return &l->dir[l->host[0] == from ? 0 : 1].stats;
}

bool sim_pair_new(struct sim_pair *p, uint64_t seed, const struct la_config *cfg,
                  const struct sim_link_config *link)
{
    struct sim_link_config usual = {
        .link = LA_LINK_IP, .ab = {.delay = LA_MSEC(10)}, .ba = {.delay = LA_MSEC(10)}};
    *p = (struct sim_pair){.sim = sim_new(seed)};
    p->client4 = la_addr_v4(10, 0, 0, 1);
    p->server4 = la_addr_v4(10, 0, 0, 2);
    p->client6 = (struct la_addr){{0xfd, [15] = 1}};
    p->server6 = (struct la_addr){{0xfd, [15] = 2}};
    p->client = sim_host_add(p->sim, "client", cfg, NULL);
    p->server = sim_host_add(p->sim, "server", cfg, NULL);
    if (p->client && p->server)
        p->link = sim_link_add(p->client, p->server, link ? link : &usual);
    if (!p->link) {
        sim_pair_free(p);
        return false;
    }
    uint32_t mtu = link && link->mtu ? link->mtu : DEFAULT_MTU;
    la_ns now = sim_now(p->sim);
    bool ok = la_addr_add(p->client->stack, p->link->ifx[0], &p->client4, 24, now) == LA_OK &&
              la_addr_add(p->server->stack, p->link->ifx[1], &p->server4, 24, now) == LA_OK;
    if (ok && mtu >= 1280)
        ok = la_addr_add(p->client->stack, p->link->ifx[0], &p->client6, 64, now) == LA_OK &&
             la_addr_add(p->server->stack, p->link->ifx[1], &p->server6, 64, now) == LA_OK;
    if (!ok)
        sim_pair_free(p);
    return ok;
}

void sim_pair_free(struct sim_pair *p)
{
    sim_free(p->sim);
    p->sim = NULL;
}

int sim_leaks(const struct sim *sim, bool listeners)
{
    int bad = 0;
    for (const struct sim_host *h = sim->hosts; h; h = h->next) {
        struct la_usage u = {0};
        la_usage(h->stack, &u);
        int line = la_check(h->stack);
        uint32_t left = u.conns + u.embryos + u.time_wait + u.blocks + u.ranges + u.packets +
                        u.reassembly + (listeners ? u.listeners : 0);
        if (line)
            fprintf(stderr, "%s: la_check found line %d broken\n", h->name, line);
        if (left)
            fprintf(
                stderr,
                "%s: left over: %u connections, %u embryos, %u TIME-WAIT, %u listeners, %u blocks, "
                "%u ranges, %u packets, %u reassemblies\n",
                h->name, u.conns, u.embryos, u.time_wait, u.listeners, u.blocks, u.ranges,
                u.packets, u.reassembly);
        bad |= line || left;
    }
    return bad;
}
