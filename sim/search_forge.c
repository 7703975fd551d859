/* search_forge.c: segments that no peer sent.
 *
 * BLIND: an attacker who knows the socket pair and, at best, that a number lies in the window:
 * whatever it sends, streams and states stay what they are (RFC 5961, RFC 7323 §5, RFC 1337).
 * HOSTILE: any flags, any numbers near the right ones: connections may break, the stack may not. */
#include "sim/search_private.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#include <string.h>

#define TEXT 24U
#define FRAME_MAX 160U

struct forged {
    uint32_t seq, ack, len;
    uint16_t wnd, up;
    uint8_t flags;
    bool has_ts, bad_csum;
    uint32_t tsval, tsecr;
};

static void deliver(struct search *s, unsigned side, const struct la_status *st,
                    const struct forged *g)
{
    uint8_t b[FRAME_MAX];
    uint32_t at = 0;
    struct tcp_opts o = {.has_ts = g->has_ts, .tsval = g->tsval, .tsecr = g->tsecr};
    uint8_t opts[40];
    uint32_t nopts = tcp_opts_build(opts, &o), n = TCP_HLEN + nopts + g->len;
    struct tcp_hdr h = {.sport = st->remote.port,
                        .dport = st->local.port,
                        .seq = seq(g->seq),
                        .ack = seq(g->ack),
                        .flags = g->flags,
                        .hlen = (uint8_t)(TCP_HLEN + nopts),
                        .wnd = g->wnd,
                        .up = g->up};
    struct ip_hdr ip = {.src = st->remote.addr, .dst = st->local.addr, .proto = IP_TCP, .ttl = 64};
    if (s->link->link == LA_LINK_ETHERNET) {
        struct eth_hdr eth = {.type = ip_is_v4(&ip.src) ? ETH_IPV4 : ETH_IPV6};
        memcpy(eth.dst.b, s->link->device[side].mac, 6);
        memcpy(eth.src.b, s->link->device[!side].mac, 6);
        eth_build(b, &eth);
        at = ETH_HLEN;
    }
    at += ip_build(b + at, &ip, n);
    tcp_build(b + at, &h);
    memcpy(b + at + TCP_HLEN, opts, nopts);
    memset(b + at + TCP_HLEN + nopts, 0xee, g->len);
    struct csum c = csum_pseudo(&ip.src, &ip.dst, IP_TCP, n);
    csum_add(&c, b + at, n);
    uint16_t sum = (uint16_t)(csum_field(&c) ^ (g->bad_csum ? 0x1234 : 0));
    b[at + 16] = (uint8_t)(sum >> 8);
    b[at + 17] = (uint8_t)sum;
    struct la_frame f = {.head = {b, at + n}, .len = at + n};
    s->stats->forged++;
    host_rx(s->host[side], sim_link_ifx(s->link, s->host[side]), &f);
}

/* ---- timestamps that went by ---- */

static bool same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_eq(&a->addr, &b->addr);
}

static struct search_clock *clock_of(struct search *s, unsigned side,
                                     const struct la_endpoint *local,
                                     const struct la_endpoint *remote)
{
    for (uint32_t i = 0; i < s->clocks[side] && i < SEARCH_CLOCKS; i++) {
        struct search_clock *c = &s->clock[side][i];
        if (same(&c->local, local) && same(&c->remote, remote))
            return c;
    }
    return NULL;
}

void search_note_clock(struct search *s, unsigned side, const struct la_trace *ev)
{
    if (!ev->seg->has_ts || ev->seg->flags & TCP_RST || !ev->local)
        return;
    struct search_clock *c = clock_of(s, side, ev->local, ev->remote);
    if (!c)
        c = &s->clock[side][s->clocks[side]++ % SEARCH_CLOCKS];
    *c = (struct search_clock){*ev->local, *ev->remote, ev->seg->tsval};
}

/* ---- what the blind try ---- */

/* False if this one does not fit the connection. */
static bool blind_at(struct search *s, unsigned side, const struct la_status *st, unsigned kind,
                     struct forged *g)
{
    struct sim_rand *r = &s->forge;
    /* The peer's own clock, as it is on the wire now. */
    struct search_clock *c = clock_of(s, !side, &st->remote, &st->local);
    uint32_t luck = (uint32_t)sim_rand_next(r);
    if (st->timestamps && !c)
        return false;
    *g = (struct forged){.seq = st->rcv_nxt, .ack = st->snd_una, .flags = TCP_ACK, .wnd = 0x7fff};
    g->has_ts = st->timestamps;
    g->tsval = c ? c->tsval : 0;
    switch (kind) {
    case 0: /* RST in the window, not exact */
    case 1:
        g->flags = kind ? TCP_RST : TCP_RST | TCP_ACK;
        if (st->rcv_wnd < 2)
            return false;
        g->seq += 1 + luck % (st->rcv_wnd - 1);
        return true;
    case 2: /* RST elsewhere */
        g->flags = TCP_RST;
        g->seq += st->rcv_wnd + 1 + luck % 0x70000000;
        return true;
    case 3: /* SYN anywhere */
        g->flags = luck & 1 ? TCP_SYN : TCP_SYN | TCP_ACK;
        g->seq += luck >> 1;
        return true;
    case 4: /* acknowledges what was not sent */
        g->ack = st->snd_nxt + 1 + luck % 0x70000000;
        g->len = TEXT;
        return true;
    case 5: /* acknowledges what was acknowledged long ago */
        g->ack = st->snd_una - 0x50000000 + luck % 0x10000000;
        g->len = TEXT;
        return true;
    case 6: /* no ACK bit */
        g->flags = luck & 1 ? TCP_FIN : 0;
        g->len = TEXT;
        return true;
    case 7: /* a checksum that is wrong */
        g->bad_csum = true;
        g->flags |= luck & 1 ? TCP_FIN : 0;
        g->len = TEXT;
        return true;
    case 8: /* no timestamp where they were agreed */
        g->has_ts = false;
        g->len = TEXT;
        g->flags |= luck & 1 ? TCP_FIN : 0;
        return st->timestamps;
    case 9: /* an old timestamp */
        g->tsval -= 0x100000 + luck % 0x10000000;
        g->len = TEXT;
        g->flags |= luck & 1 ? TCP_FIN : 0;
        return st->timestamps && s->host[!side]->boots == 0; /* else its clock is another */
    case 10:                                                 /* text outside the window */
        g->seq += st->rcv_wnd + 1 + luck % 0x40000000;
        g->len = TEXT;
        return true;
    case 11: /* a window from an older segment */
        g->seq -= 1 + luck % 1000;
        g->wnd = 0;
        return true;
    default:
        return false;
    }
}

/* TIME-WAIT knows no live program: even the right numbers change nothing. */
static void blind_time_wait(struct search *s, unsigned side, const struct la_status *st)
{
    struct forged g = {.seq = st->rcv_nxt, .ack = st->snd_nxt, .flags = TCP_RST, .wnd = 1000};
    uint64_t luck = sim_rand_next(&s->forge);
    switch (luck % 4) {
    case 0:
        break;
    case 1:
        g.flags = TCP_RST | TCP_ACK;
        break;
    case 2:
        g.flags = TCP_ACK;
        g.len = TEXT;
        break;
    case 3: /* a SYN below the window, not newer by its timestamp */
        g.flags = TCP_SYN;
        g.seq -= 1 + (uint32_t)(luck >> 32) % 0x10000000;
        break;
    }
    deliver(s, side, st, &g);
}

/* ---- what the hostile try ---- */

static void hostile(struct search *s, unsigned side, const struct la_status *st)
{
    static const uint8_t flags[] = {
        TCP_SYN, TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_ACK,
        TCP_ACK, TCP_FIN,           0,       TCP_URG | TCP_ACK, TCP_SYN | TCP_FIN};
    static const uint32_t ends[] = {0, 0, 0, 1, UINT32_MAX, 1000, 100000, 0x7fffffff, 0x80000000};
    struct sim_rand *r = &s->forge;
    uint64_t luck = sim_rand_next(r);
    struct forged g = {.seq = st->rcv_nxt + ends[sim_rand_below(r, 9)],
                       .ack = (luck & 1 ? st->snd_una : st->snd_nxt) + ends[sim_rand_below(r, 9)],
                       .flags = flags[sim_rand_below(r, sizeof flags)],
                       .len = luck & 2 ? TEXT : 0,
                       .wnd = (uint16_t)(luck & 4 ? 0 : luck >> 16),
                       .up = (uint16_t)(luck >> 40 & (luck & 8 ? 0xf : 0xffff)),
                       .has_ts = st->timestamps != ((luck >> 5 & 7) == 0),
                       .bad_csum = (luck >> 8 & 15) == 0};
    if (sim_rand_below(r, 16) == 0)
        g.flags = (uint8_t)(luck >> 56);
    struct search_clock *c = clock_of(s, !side, &st->remote, &st->local);
    g.tsval = c ? c->tsval : (uint32_t)(luck >> 32);
    g.tsecr = (uint32_t)sim_rand_next(r);
    deliver(s, side, st, &g);
}

/* Any connection of the host, in any state; a listener stands for a stranger's segment. */
static bool pick(struct search *s, unsigned side, struct la_status *out)
{
    struct la_status st;
    uint64_t cursor = 0;
    uint32_t n = 0;
    while (la_status_next(sim_stack(s->host[side]), &cursor, &st)) {
        if (sim_rand_below(&s->forge, ++n) == 0)
            *out = st;
    }
    if (n == 0)
        return false;
    if (out->state == LA_LISTEN || sim_rand_below(&s->forge, 64) == 0) {
        bool v6 = s->has_v6 && sim_rand_below(&s->forge, 2);
        bool closed = sim_rand_below(&s->forge, 2);
        *out = (struct la_status){.state = closed ? LA_CLOSED : LA_LISTEN};
        out->local = (struct la_endpoint){v6 ? s->addr6[side] : s->addr4[side],
                                          (uint16_t)(SEARCH_PORT + 5 * closed), -1};
        out->remote = (struct la_endpoint){v6 ? s->addr6[!side] : s->addr4[!side],
                                           (uint16_t)(1000 + sim_rand_below(&s->forge, 3)), -1};
    }
    return true;
}

void search_forge(struct search *s)
{
    struct la_status st;
    struct forged g;
    unsigned side = (unsigned)sim_rand_below(&s->forge, 2);
    if (!sim_rand_chance(&s->forge, s->forge_ppm) || !pick(s, side, &st))
        return;
    if (search_on(s, SEARCH_HOSTILE)) {
        hostile(s, side, &st);
    } else if (st.state == LA_TIME_WAIT) {
        if (!st.timestamps)
            blind_time_wait(s, side, &st);
    } else if (st.state >= LA_ESTABLISHED && st.conn.generation) {
        if (blind_at(s, side, &st, (unsigned)sim_rand_below(&s->forge, 12), &g))
            deliver(s, side, &st, &g);
    }
}
