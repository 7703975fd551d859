/* search_prog.c: the programs of a world: what each sends, how fast it reads, how it ends. */
#include "sim/search_private.h"

#include <string.h>

#define OPEN_WITHIN LA_SEC(50)
#define SEND_MAX 300000U
#define RETRY LA_MSEC(300)
#define RETRIES 6

/* ---- options ---- */

static void set(struct search *s, unsigned side, la_conn c, enum la_option o, int64_t v)
{
    /* One that comes too late for the handshake is refused, as it should be. */
    (void)la_setopt(sim_stack(s->host[side]), c, o, v, sim_now(s->sim));
}

static void set_buffers(struct search *s, unsigned side, la_conn c, struct sim_rand *r)
{
    struct la_status st;
    bool tiny = sim_rand_below(r, 8) == 0;
    /* A buffer that becomes tiny after the peer saw a large one is served by its silly-window timer
     * alone (RFC 9293 §3.8.6.2.1): right, and slower than anybody waits. */
    if (la_status(sim_stack(s->host[side]), c, &st) == LA_OK && st.state >= LA_ESTABLISHED)
        tiny = false;
    uint64_t lo = tiny ? 1 : 1000;
    uint64_t rcv = search_log_range(r, lo, 200000), snd = search_log_range(r, lo, 200000);
    set(s, side, c, LA_OPT_RCVBUF, (int64_t)rcv);
    set(s, side, c, LA_OPT_SNDBUF, (int64_t)snd);
    if (rcv < s->smallest_step)
        s->smallest_step = rcv;
    if (snd < s->smallest_step)
        s->smallest_step = snd;
}

static bool set_timers(struct search *s, unsigned side, la_conn c, struct sim_rand *r)
{
    bool fragile = false;
    uint64_t which = sim_rand_below(r, 6), a = search_log_range(r, 1, 20),
             b = search_log_range(r, 1, 10), n = 1 + sim_rand_below(r, 9);
    if (which == 0) {
        set(s, side, c, LA_OPT_KEEPALIVE, 1);
        set(s, side, c, LA_OPT_KEEPIDLE_MS, (int64_t)(1000 * a));
        set(s, side, c, LA_OPT_KEEPINTVL_MS, (int64_t)(1000 * b));
        set(s, side, c, LA_OPT_KEEPCNT, (int64_t)n);
        fragile = true;
    } else if (which == 1) {
        set(s, side, c, LA_OPT_USER_TIMEOUT_MS, (int64_t)(1000 * a));
        fragile = true;
    } else if (which == 2) {
        set(s, side, c, LA_OPT_R1, (int64_t)(1 + n / 2));
        set(s, side, c, LA_OPT_R2, (int64_t)(2 + n));
        fragile = true;
    } else if (which == 3) {
        set(s, side, c, LA_OPT_FIN_WAIT_2_MS, (int64_t)(1000 * a));
        fragile = true;
    } else if (which == 4) {
        set(s, side, c, LA_OPT_SYN_TIMEOUT_MS, (int64_t)(1000 * a));
        fragile = true;
    }
    return fragile;
}

bool search_set_options(struct search *s, unsigned side, la_conn c, struct sim_rand *r)
{
    uint64_t bits = sim_rand_next(r);
    int64_t wscale = (int64_t)sim_rand_below(r, 17) - 2;
    uint32_t mss = (uint32_t)search_log_range(r, 100, 9000);
    struct sim_rand buffers = sim_rand_of(sim_rand_next(r), 1),
                    timers = sim_rand_of(sim_rand_next(r), 2);
    if (search_on(s, SEARCH_OPTIONS)) {
        static const enum la_option flags[] = {LA_OPT_SACK, LA_OPT_TIMESTAMPS, LA_OPT_NODELAY,
                                               LA_OPT_CORK, LA_OPT_QUICKACK,   LA_OPT_SOFT_ERRORS};
        for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
            set(s, side, c, flags[i],
                flags[i] == LA_OPT_CORK ? (bits >> 8 & 7) == 0 : bits >> i & 1);
        if (bits >> 16 & 1)
            set(s, side, c, LA_OPT_WSCALE, wscale);
        if ((bits >> 17 & 3) == 0) {
            set(s, side, c, LA_OPT_MAXSEG, mss);
            if (mss < s->smallest_step)
                s->smallest_step = mss;
        }
    }
    if (search_on(s, SEARCH_BUFFERS))
        set_buffers(s, side, c, &buffers);
    return search_on(s, SEARCH_TIMERS) && set_timers(s, side, c, &timers);
}

/* ---- what a program will do ---- */

static enum search_end draw_end(struct search *s, struct sim_rand *r)
{
    static const enum search_end polite[] = {END_HALF, END_HALF, END_LAST, END_CLOSE, END_STAYS};
    static const enum search_end rude[] = {END_ABORT, END_CLOSE_AT, END_LINGER_0, END_LINGER,
                                           END_SHUT_READ};
    uint64_t a = sim_rand_next(r), b = sim_rand_next(r);
    if (search_on(s, SEARCH_RUDE) && a % 3 == 0)
        return rude[b % (sizeof rude / sizeof rude[0])];
    return polite[b % (sizeof polite / sizeof polite[0])];
}

static void draw_plan(struct search *s, struct search_ep *e, struct sim_rand *r)
{
    struct search_plan *p = &e->plan;
    struct sim_rand slow = sim_rand_of(sim_rand_next(r), 3);
    la_ns now = sim_now(s->sim);
    uint64_t most = s->smallest_step < 100 ? 300 * s->smallest_step : SEND_MAX;
    p->end = draw_end(s, r);
    if (p->end == END_LAST && s->stopped)
        p->end = END_HALF;
    p->send = sim_rand_below(r, 5) ? search_log_range(r, SEARCH_HEADER, SEND_MAX) : 0;
    if (p->send > most + SEARCH_HEADER)
        p->send = most + SEARCH_HEADER;
    p->chunk = (uint32_t)search_log_range(r, 1, 16384);
    if (p->chunk < p->send / 300)
        p->chunk = (uint32_t)(p->send / 300);
    p->read = (uint32_t)search_log_range(r, 1, 16384);
    p->peek = sim_rand_below(r, 2);
    p->end_at = now + LA_USEC(search_log_range(r, 1000, 30000000));
    la_ns send_pace = LA_USEC(search_log_range(&slow, 100, 500000)),
          read_pace = LA_USEC(search_log_range(&slow, 100, 500000)),
          deaf = LA_MSEC(search_log_range(&slow, 10, 30000));
    uint64_t which = sim_rand_next(&slow);
    if (search_on(s, SEARCH_SLOW) && !s->stopped) {
        p->send_pace = which & 1 ? send_pace : 0;
        p->read_pace = which & 2 ? read_pace : 0;
        p->deaf_till = (which & 12) == 0 ? now + deaf : 0;
    }
    uint32_t urgent = (uint32_t)search_log_range(r, 1000, 200000);
    p->urgent_ppm = search_on(s, SEARCH_URGENT) ? urgent : 0;
    s->payload += p->send;
}

/* ---- carrying ---- */

static la_ns now_of(const struct search_ep *e)
{
    return sim_now(e->search->sim);
}

static struct la_stack *stack_of(const struct search_ep *e)
{
    return sim_stack(e->search->host[e->side]);
}

static void note(struct search_ep *e, int64_t rc)
{
    if (rc < 0 && rc != LA_EAGAIN && e->error == LA_OK)
        e->error = (int)rc;
}

static void on_wake(void *ctx)
{
    struct search_ep *e = ctx;
    e->wake_due = false;
    search_ep_work(e);
}

static void wake_at(struct search_ep *e, la_ns when)
{
    if (e->wake_due)
        return;
    e->wake_due = true;
    sim_at(e->search->sim, when, on_wake, e);
}

/* True if everything is queued. */
static bool send_some(struct search_ep *e)
{
    uint8_t buf[16384];
    struct search_plan *p = &e->plan;
    while (e->sent < p->send) {
        if (p->send_pace && now_of(e) < e->send_at) {
            wake_at(e, e->send_at);
            return false;
        }
        uint64_t left = p->send - e->sent;
        size_t n = left < p->chunk ? (size_t)left : p->chunk;
        if (n > sizeof buf)
            n = sizeof buf;
        search_fill(e, e->sent, buf, n);
        unsigned flags = sim_rand_chance(&e->rand, p->urgent_ppm) ? LA_SEND_URGENT : 0;
        if (left > n && sim_rand_below(&e->rand, 16) == 0)
            flags |= LA_SEND_MORE;
        int64_t rc = la_send(stack_of(e), e->conn, buf, n, flags, now_of(e));
        note(e, rc);
        if (rc < 0)
            return false;
        e->sent += (uint64_t)rc;
        e->send_at = now_of(e) + p->send_pace;
    }
    return true;
}

/* One read; false if there is nothing (more) to read now. */
static bool read_once(struct search_ep *e)
{
    uint8_t buf[16384];
    struct la_stack *st = stack_of(e);
    if (!e->plan.peek) {
        int64_t rc = la_recv(st, e->conn, buf, e->plan.read, now_of(e));
        e->eof |= rc == 0;
        note(e, rc);
        if (rc > 0)
            search_take(e, buf, (size_t)rc);
        return rc > 0;
    }
    struct la_span span[3];
    int err = LA_OK, n = la_peek(st, e->conn, span, 3, &err);
    size_t took = 0;
    if (n <= 0) {
        e->eof |= err == LA_OK;
        note(e, err);
        return false;
    }
    for (int i = 0; i < n && took < e->plan.read; i++) {
        size_t k = span[i].n < e->plan.read - took ? span[i].n : e->plan.read - took;
        search_take(e, span[i].p, k);
        took += k;
    }
    note(e, la_consume(st, e->conn, took, now_of(e)));
    return true;
}

static void read_some(struct search_ep *e)
{
    struct search_plan *p = &e->plan;
    if (e->eof || e->read_shut || e->error != LA_OK)
        return;
    if (now_of(e) < p->deaf_till) {
        wake_at(e, p->deaf_till);
        return;
    }
    do {
        if (p->read_pace && now_of(e) < e->read_at) {
            wake_at(e, e->read_at);
            return;
        }
        e->read_at = now_of(e) + p->read_pace;
    } while (read_once(e));
}

/* ---- ending ---- */

static void do_shutdown(struct search_ep *e, unsigned how)
{
    if (how & LA_SHUT_WR) {
        if (e->shut)
            return;
        e->shut = true;
    }
    e->read_shut |= (how & LA_SHUT_RD) != 0;
    note(e, la_shutdown(stack_of(e), e->conn, how, now_of(e)));
}

static void do_close(struct search_ep *e)
{
    e->handle = false;
    e->closed = true;
    if (la_close(stack_of(e), e->conn, now_of(e)) < 0)
        search_fail(e->search, e, "close of a handle was refused");
}

static void do_abort(struct search_ep *e)
{
    e->handle = false;
    e->aborted = true;
    if (la_abort(stack_of(e), e->conn, now_of(e)) < 0)
        search_fail(e->search, e, "abort of a handle was refused");
}

static void end_half(struct search_ep *e, bool all_sent)
{
    if (all_sent)
        do_shutdown(e, LA_SHUT_WR);
    if (all_sent && (e->eof || e->read_shut))
        do_close(e);
}

static void end_if_due(struct search_ep *e, bool all_sent)
{
    struct search_plan *p = &e->plan;
    bool due = now_of(e) >= p->end_at;
    switch (p->end) {
    case END_HALF:
        end_half(e, all_sent);
        break;
    case END_LAST:
        if (all_sent && e->eof)
            do_close(e);
        break;
    case END_CLOSE:
        if (all_sent)
            do_close(e);
        break;
    case END_LINGER_0:
    case END_LINGER:
        if (all_sent) {
            int64_t ms = p->end == END_LINGER_0 ? 0 : (int64_t)search_log_range(&e->rand, 1, 20000);
            set(e->search, e->side, e->conn, LA_OPT_LINGER_MS, ms);
            do_close(e);
        }
        break;
    case END_ABORT:
    case END_CLOSE_AT:
        if (!due)
            wake_at(e, p->end_at);
        else if (p->end == END_ABORT)
            do_abort(e);
        else
            do_close(e);
        break;
    case END_SHUT_READ:
        if (!due)
            wake_at(e, p->end_at);
        else if (!e->read_shut)
            do_shutdown(e, LA_SHUT_RD);
        end_half(e, all_sent);
        break;
    case END_STAYS:
        if (e->search->stopped)
            end_half(e, all_sent);
        break;
    }
}

void search_ep_work(struct search_ep *e)
{
    if (!e->handle || !e->opened || e->search->failed)
        return;
    if (e->closed_event || e->error != LA_OK) {
        /* What came before the end may still be read; then only the handle is left. */
        while (!e->eof && !e->read_shut && e->error == LA_OK && read_once(e))
            ;
        if (e->closed_event)
            do_close(e);
        return;
    }
    bool timed = e->plan.end == END_ABORT || e->plan.end == END_CLOSE_AT;
    if (!e->connected) {
        /* Before the handshake is over bytes may be queued, and the program may lose patience. */
        if (e->plan.peek)
            (void)send_some(e);
        if (timed && e->error == LA_OK)
            end_if_due(e, false);
        return;
    }
    if (!e->known) {
        struct la_status st;
        e->known = la_status(stack_of(e), e->conn, &st) == LA_OK;
        e->iss = st.iss;
        e->irs = st.irs;
    }
    bool all_sent = e->shut || send_some(e);
    read_some(e);
    if (e->error == LA_OK)
        end_if_due(e, all_sent);
    else if (e->handle)
        wake_at(e, now_of(e));
}

static void on_event(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct search_ep *e = (struct search_ep *)h;
    (void)host;
    if (!la_conn_eq(ev->conn, e->conn)) {
        search_fail(e->search, e, "an event for another handle");
        return;
    }
    e->connected |= (ev->what & LA_EV_CONNECTED) != 0;
    e->peer_closed |= (ev->what & LA_EV_PEER_CLOSED) != 0;
    e->closed_event |= (ev->what & LA_EV_CLOSED) != 0;
    search_ep_work(e);
}

struct search_ep *search_ep_new(struct search *s, unsigned side)
{
    if (s->eps == SEARCH_EPS)
        return NULL;
    struct search_ep *e = sim_alloc(s->sim, sizeof *e);
    *e = (struct search_ep){.handler = {on_event}, .search = s, .side = side, .id = s->eps + 1};
    s->ep[s->eps++] = e;
    return e;
}

/* ---- opening ---- */

static void on_accept_wake(void *ctx)
{
    struct search_listener *l = ctx;
    l->wake_due = false;
    search_accept(l);
}

void search_accept(struct search_listener *l)
{
    struct search *s = l->search;
    struct la_stack *stack = sim_stack(s->host[l->side]);
    la_conn c;
    while (l->open && !s->failed) {
        la_ns now = sim_now(s->sim);
        if (now < l->accept_at) {
            if (!l->wake_due)
                sim_at(s->sim, l->accept_at, on_accept_wake, l);
            l->wake_due = true;
            return;
        }
        if (la_accept(stack, l->conn, now, &c) != LA_OK)
            return;
        l->accept_at = s->stopped ? 0 : now + l->accept_pace;
        struct search_ep *e = search_ep_new(s, l->side);
        struct la_status st;
        if (!e || la_status(stack, c, &st) != LA_OK) {
            (void)la_abort(stack, c, now);
            continue;
        }
        s->stats->accepted++;
        e->rand = sim_rand_of(sim_rand_next(&s->programs), e->id);
        e->conn = c;
        e->handle = e->opened = e->connected = e->known = true;
        e->opened_at = now;
        e->iss = st.iss;
        e->irs = st.irs;
        e->local = st.local;
        e->remote = st.remote;
        la_set_user(stack, c, &e->handler);
        e->fragile = search_set_options(s, l->side, c, &e->rand) || l->fragile;
        draw_plan(s, e, &e->rand);
        search_ep_work(e);
    }
}

/* An open that is asked for at a time. */
struct opening {
    struct search *search;
    unsigned side, tries;
    struct la_endpoint local, remote;
    bool fixed; /* the local port */
    uint64_t luck;
};

static void on_open(void *ctx)
{
    struct opening *o = ctx;
    struct search *s = o->search;
    struct la_stack *stack = sim_stack(s->host[o->side]);
    la_ns now = sim_now(s->sim);
    struct search_ep *e;
    la_conn c;
    if (s->failed || s->stopped)
        return;
    int rc = la_socket(stack, &c);
    if (rc < 0 || !(e = search_ep_new(s, o->side))) {
        if (rc < 0 && !s->limited)
            search_fail(s, NULL, "socket: %s", la_strerror(rc));
        else if (rc == LA_OK)
            (void)la_close(stack, c, now);
        return;
    }
    e->rand = sim_rand_of(o->luck, o->tries);
    e->active = e->handle = true;
    e->conn = c;
    e->opened_at = now;
    la_set_user(stack, c, &e->handler);
    e->fragile = search_set_options(s, o->side, c, &e->rand);
    draw_plan(s, e, &e->rand);
    rc = la_connect(stack, c, o->fixed ? &o->local : NULL, &o->remote, now);
    e->opened = rc == LA_OK;
    struct la_status st;
    if (e->opened && la_status(stack, c, &st) == LA_OK) {
        s->stats->opened++;
        e->local = st.local;
        e->remote = st.remote;
        search_ep_work(e);
        return;
    }
    /* The pair is still in use, or a pool is empty: again later. */
    s->payload -= e->plan.send;
    s->eps--;
    (void)la_close(stack, c, now);
    if (rc != LA_EADDRINUSE && !s->limited)
        search_fail(s, NULL, "connect: %s", la_strerror(rc));
    else if (o->tries++ < RETRIES)
        sim_at(s->sim, now + RETRY * (1 + sim_rand_below(&e->rand, 20)), on_open, o);
}

static struct opening *new_opening(struct search *s, unsigned side, bool v6, uint64_t luck)
{
    struct opening *o = sim_alloc(s->sim, sizeof *o);
    *o = (struct opening){.search = s, .side = side, .luck = luck};
    o->local = (struct la_endpoint){v6 ? s->addr6[side] : s->addr4[side], 0, -1};
    o->remote = (struct la_endpoint){v6 ? s->addr6[!side] : s->addr4[!side], 0, -1};
    return o;
}

void search_plan_programs(struct search *s)
{
    struct sim_rand r = search_rand(s, 32), reuse = search_rand(s, 33);
    unsigned n = 1 + (unsigned)sim_rand_below(&r, SEARCH_OPENS);
    s->programs = search_rand(s, 34);
    if (s->cfg->conns && n > s->cfg->conns)
        n = s->cfg->conns;
    for (unsigned i = 0; i < n; i++) {
        unsigned side = sim_rand_below(&r, 4) == 0;
        bool v6 = sim_rand_below(&r, 2) && search_on(s, SEARCH_V6) && s->has_v6;
        la_ns at = SIM_START + sim_rand_below(&r, OPEN_WITHIN);
        uint16_t server = (uint16_t)(SEARCH_PORT + sim_rand_below(&r, 2));
        uint64_t luck = sim_rand_next(&r), cross = sim_rand_next(&r);
        uint16_t port = (uint16_t)(40000 + sim_rand_below(&reuse, 2));
        struct opening *o = new_opening(s, side, v6, luck);
        o->fixed = search_on(s, SEARCH_REUSE);
        o->local.port = port;
        o->remote.port = server;
        if (search_on(s, SEARCH_CROSS) && cross % 3 == 0) {
            /* Both ends open, within a few milliseconds or in one moment. */
            struct opening *other = new_opening(s, !side, v6, ~luck);
            o->fixed = other->fixed = true;
            o->local.port = other->remote.port = (uint16_t)(5000 + i);
            o->remote.port = other->local.port = (uint16_t)(6000 + i);
            sim_at(s->sim, at + (cross >> 8 & 1 ? LA_USEC(cross >> 16 & 0x3fff) : 0), on_open,
                   other);
        }
        sim_at(s->sim, at, on_open, o);
    }
}

void search_programs_hurry(struct search *s)
{
    for (unsigned i = 0; i < 4; i++) {
        struct search_listener *l = &s->listener[i / 2][i % 2];
        l->accept_pace = l->accept_at = 0;
        search_accept(l);
    }
    for (uint32_t i = 0; i < s->eps; i++) {
        struct search_ep *e = s->ep[i];
        e->plan.send_pace = e->plan.read_pace = e->plan.deaf_till = 0;
        if (e->plan.end == END_LAST)
            e->plan.end = END_HALF; /* else two of them would wait for each other */
        search_ep_work(e);
    }
}

void search_programs_die(struct search *s, unsigned side)
{
    for (uint32_t i = 0; i < s->eps; i++) {
        struct search_ep *e = s->ep[i];
        if (e->side == side) {
            e->crashed = true;
            e->handle = false;
        }
    }
    s->listener[side][0].open = s->listener[side][1].open = false;
    s->clocks[side] = 0;
}
