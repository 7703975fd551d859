/* link.c: what happens to a frame between two hosts.
 *
 * Order: the filter and the picks, then the wire's luck (cut, mask, loss, black hole, corruption),
 * then the queue and the rate, then delay, jitter and reordering, once for each copy. */
#include "sim/private.h"

#include <stdlib.h>
#include <string.h>

#define ORDINARY 2048U /* bytes of a packet that is kept for reuse */
#define BITS_PER_BYTE 8U

static struct packet *packet_new(struct sim *sim, uint32_t n)
{
    struct packet *p = sim->spare;
    if (n <= ORDINARY && p) {
        sim->spare = p->next;
    } else {
        uint32_t room = n <= ORDINARY ? ORDINARY : n;
        p = sim_need(sizeof *p + room);
        p->room = room;
    }
    p->next = NULL;
    p->n = n;
    return p;
}

void packet_free(struct sim *sim, struct packet *p)
{
    if (p->room != ORDINARY) {
        free(p);
        return;
    }
    p->next = sim->spare;
    sim->spare = p;
}

static struct packet *packet_copy(const struct packet *p)
{
    struct packet *c = packet_new(p->link->sim, p->n);
    uint32_t room = c->room;
    memcpy(c, p, sizeof *c + p->n);
    c->room = room;
    c->next = NULL;
    return c;
}

static struct packet *packet_of(struct sim_link *l, int end, const struct la_frame *f)
{
    struct packet *p = packet_new(l->sim, f->len);
    la_frame_copy(f, p->bytes);
    p->link = l;
    p->end = !end;
    p->csum = f->csum;
    p->csum_start = f->csum_start;
    p->csum_offset = f->csum_offset;
    p->gso_size = f->gso_size;
    return p;
}

static uint32_t link_header(const struct sim_link *l)
{
    return l->link == LA_LINK_ETHERNET ? 14U : 0U;
}

static bool pick_matches(const struct sim_pick *p, const struct sim_view *v)
{
    uint8_t flags = v->seg.flags;
    if (!v->is_tcp || (p->from && p->from != v->from))
        return false;
    if ((flags & p->set) != p->set || (flags & p->clear))
        return false;
    if (p->marks && !(v->info.marks & p->marks))
        return false;
    if ((p->data && v->seg.len == 0) || (p->pure_ack && !v->info.pure_ack))
        return false;
    return !p->port || p->port == v->src.port || p->port == v->dst.port;
}

/* The first pick that applies decides; every pick counts what it matches. */
static void ask_picks(struct sim_link *l, const struct sim_view *v, struct sim_fate *fate)
{
    bool decided = false;
    for (int i = 0; i < l->npicks; i++) {
        struct pick_state *k = &l->picks[i];
        if (!pick_matches(&k->pick, v))
            continue;
        unsigned nth = k->pick.nth ? k->pick.nth : 1;
        unsigned count = k->pick.count ? k->pick.count : 1;
        k->matched++;
        if (decided || k->matched < nth || k->matched - nth >= count)
            continue;
        k->applied++;
        *fate = k->fate;
        decided = true;
    }
}

/* What chance has in store for one frame: drawn whole for each, so that a setting never shifts
 * later luck. */
struct luck {
    bool loss, dup, corrupt;
    uint64_t bit; /* that flips */
    struct {
        la_ns jitter;
        bool reorder;
    } leg[2]; /* of the duplicate, of the frame */
};

static struct luck draw(struct direction *d, uint32_t ip_bytes)
{
    const struct sim_wire *w = &d->wire;
    struct sim_rand *r = &d->rand;
    struct luck k;
    k.loss = sim_rand_chance(r, w->loss_ppm);
    k.dup = sim_rand_chance(r, w->dup_ppm);
    k.corrupt = sim_rand_chance(r, w->corrupt_ppm);
    k.bit = sim_rand_below(r, (uint64_t)ip_bytes * BITS_PER_BYTE);
    for (int i = 0; i < 2; i++) {
        k.leg[i].jitter = sim_rand_below(r, w->jitter + 1);
        k.leg[i].reorder = sim_rand_chance(r, w->reorder_ppm);
    }
    return k;
}

/* Does the wire lose the frame?  If not it may flip a bit of it. */
static bool unlucky(struct direction *d, const struct luck *k, bool is_tcp, struct packet *p,
                    uint32_t l2)
{
    const struct sim_wire *w = &d->wire;
    bool masked = is_tcp && d->tcp_frames < 64 && (w->loss_mask >> d->tcp_frames & 1);
    d->tcp_frames += is_tcp;
    if (k->loss || masked || w->cut || (w->black_hole && p->n - l2 > w->black_hole)) {
        d->stats.lost++;
        return true;
    }
    if (k->corrupt && p->csum != LA_CSUM_PARTIAL && p->n > l2) {
        p->bytes[l2 + k->bit / BITS_PER_BYTE] ^= (uint8_t)(1U << k->bit % BITS_PER_BYTE);
        d->stats.corrupted++;
    }
    return false;
}

/* When the last bit of n bytes has left, given what is queued before it; false if the queue is
 * full. */
static bool serialise(struct direction *d, la_ns now, uint32_t n, la_ns *left)
{
    const struct sim_wire *w = &d->wire;
    *left = now;
    if (!w->rate)
        return true;
    la_ns start = d->free_at > now ? d->free_at : now;
    uint64_t waiting = (start - now) / 1000 * (w->rate / BITS_PER_BYTE) / 1000000;
    if (w->queue && waiting + n > w->queue) {
        d->stats.overflowed++;
        return false;
    }
    d->free_at = start + (uint64_t)n * BITS_PER_BYTE * 1000000000U / w->rate;
    *left = d->free_at;
    return true;
}

static void launch(struct direction *d, struct packet *p, la_ns at, bool reorder)
{
    const struct sim_wire *w = &d->wire;
    if (w->in_order && at < d->last_arrival)
        at = d->last_arrival;
    if (reorder) {
        at += w->reorder_by;
        d->stats.reordered++;
    } else if (at > d->last_arrival) {
        d->last_arrival = at;
    }
    sim_schedule(p->link->sim, at, p, NULL, NULL);
}

/* Sends p and its copies through the queue and the delay. */
static void carry(struct direction *d, struct packet *p, const struct luck *k,
                  const struct sim_fate *fate)
{
    unsigned copies = fate->copies + k->dup;
    struct sim *sim = p->link->sim;
    la_ns left;
    for (unsigned i = 0; i < copies; i++) {
        if (!serialise(d, sim->now, p->n, &left))
            continue;
        d->stats.duplicated++;
        launch(d, packet_copy(p), left + d->wire.delay + fate->later + k->leg[0].jitter,
               k->leg[0].reorder);
    }
    if (serialise(d, sim->now, p->n, &left))
        launch(d, p, left + d->wire.delay + fate->later + k->leg[1].jitter, k->leg[1].reorder);
    else
        packet_free(sim, p);
}

static void hash_frame(struct sim *sim, int end, const struct packet *p)
{
    uint64_t h = trace_hash_word(sim->frame_hash, sim->now);
    uint64_t sum = p->n ^ (uint64_t)end << 63;
    for (uint32_t i = 0; i < p->n; i++)
        sum = (sum << 5 | sum >> 59) ^ p->bytes[i];
    sim->frame_hash = trace_hash_word(h, sum);
}

void link_send(struct sim_link *l, int end, const struct la_frame *f)
{
    struct direction *d = &l->dir[end];
    struct packet *p = packet_of(l, end, f);
    struct sim_fate fate = {.action = SIM_PASS};
    struct sim_view v = {.from = l->host[end],
                         .to = l->host[!end],
                         .link = l,
                         .now = l->sim->now,
                         .frame = p->bytes,
                         .n = p->n,
                         .number = d->stats.frames};
    view_parse(&v, l->link);
    if (v.is_tcp && (l->filter || l->npicks))
        view_follow(l, end, &v);
    hash_frame(l->sim, end, p);
    d->stats.frames++;
    d->stats.bytes += p->n;

    if (l->filter)
        l->filter(l->filter_ctx, &v, &fate);
    if (fate.action == SIM_PASS)
        ask_picks(l, &v, &fate);
    d->stats.picked += fate.action != SIM_PASS;
    bool lost = fate.action == SIM_DROP;
    struct luck luck = draw(d, p->n - link_header(l));
    if (fate.action == SIM_PASS)
        lost = unlucky(d, &luck, v.is_tcp, p, link_header(l));

    if (lost) {
        packet_free(l->sim, p);
    } else if (fate.action == SIM_HOLD) {
        p->tag = fate.tag;
        *l->held_tail = p;
        l->held_tail = &p->next;
    } else {
        carry(d, p, &luck, &fate);
    }
}

void link_deliver(struct packet *p)
{
    struct sim_link *l = p->link;
    struct la_frame f = {.head = {p->bytes, p->n},
                         .len = p->n,
                         .csum = p->csum,
                         .csum_start = p->csum_start,
                         .csum_offset = p->csum_offset,
                         .gso_size = p->gso_size};
    l->dir[!p->end].stats.delivered++;
    host_rx(l->host[p->end], l->ifx[p->end], &f);
    packet_free(l->sim, p);
}

unsigned sim_release(struct sim_link *l, unsigned tag)
{
    unsigned n = 0;
    struct packet **at = &l->held;
    while (*at) {
        struct packet *p = *at;
        if (p->tag != tag) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = NULL;
        sim_schedule(l->sim, l->sim->now + l->dir[!p->end].wire.delay, p, NULL, NULL);
        n++;
    }
    l->held_tail = at;
    return n;
}

void sim_inject(struct sim_link *l, const struct sim_host *from, const void *frame, uint32_t n)
{
    int end = l->host[0] == from ? 0 : 1;
    struct la_frame f = {.head = {frame, n}, .len = n};
    struct packet *p = packet_of(l, end, &f);
    sim_schedule(l->sim, l->sim->now + l->dir[end].wire.delay, p, NULL, NULL);
}

int sim_add_pick(struct sim_link *l, const struct sim_pick *pick, const struct sim_fate *fate)
{
    if (l->npicks == SIM_PICKS)
        return -1;
    l->picks[l->npicks] = (struct pick_state){.pick = *pick, .fate = *fate};
    return l->npicks++;
}

int sim_drop(struct sim_link *l, struct sim_pick pick)
{
    return sim_add_pick(l, &pick, &(struct sim_fate){.action = SIM_DROP});
}

unsigned sim_pick_matched(const struct sim_link *l, int pick)
{
    return l->picks[pick].matched;
}

unsigned sim_pick_applied(const struct sim_link *l, int pick)
{
    return l->picks[pick].applied;
}

void sim_clear_picks(struct sim_link *l)
{
    l->npicks = 0;
}

void sim_set_filter(struct sim_link *l, sim_filter filter, void *ctx)
{
    l->filter = filter;
    l->filter_ctx = ctx;
}

void link_free(struct sim_link *l)
{
    for (int i = 0; i < FLOW_BUCKETS; i++) {
        while (l->flows[i]) {
            struct flow_entry *e = l->flows[i];
            l->flows[i] = e->next;
            free(e);
        }
    }
    while (l->held) {
        struct packet *p = l->held;
        l->held = p->next;
        free(p);
    }
    free(l);
}
