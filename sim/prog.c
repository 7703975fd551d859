/* prog.c: see prog.h. */
#include "sim/prog.h"

#include "sim/rand.h"

#include <string.h>

#define CHUNK 16384U
#define READ_CHUNK 65536U

/* ---- streams of known bytes ---- */

static uint64_t pattern_word(uint64_t key, uint64_t index)
{
    return sim_mix(key * 0x100000001b3U + index);
}

void pattern_fill(uint64_t key, uint64_t offset, void *p, size_t n)
{
    uint8_t *b = p;
    size_t i = 0;
    while (i < n) {
        uint64_t w = pattern_word(key, (offset + i) / 8) >> (offset + i) % 8 * 8;
        for (uint64_t k = (offset + i) % 8; k < 8 && i < n; k++, w >>= 8)
            b[i++] = (uint8_t)w;
    }
}

size_t pattern_check(uint64_t key, uint64_t offset, const void *p, size_t n)
{
    const uint8_t *b = p;
    size_t i = 0;
    while (i < n) {
        uint64_t w = pattern_word(key, (offset + i) / 8) >> (offset + i) % 8 * 8;
        for (uint64_t k = (offset + i) % 8; k < 8 && i < n; k++, w >>= 8) {
            if (b[i] != (uint8_t)w)
                return i;
            i++;
        }
    }
    return n;
}

/* ---- one connection ---- */

static void note_error(struct sim_app *a, int64_t rc)
{
    if (rc < 0 && rc != LA_EAGAIN && a->error == LA_OK)
        a->error = (int)rc;
}

void sim_app_shutdown(struct sim_app *a)
{
    if (a->ended || !a->handle)
        return;
    a->ended = true;
    note_error(a, la_shutdown(sim_stack(a->host), a->conn, LA_SHUT_WR, sim_now(sim_of(a->host))));
}

void sim_app_close(struct sim_app *a)
{
    if (!a->handle)
        return;
    a->ended = true;
    a->handle = false;
    note_error(a, la_close(sim_stack(a->host), a->conn, sim_now(sim_of(a->host))));
}

void sim_app_abort(struct sim_app *a)
{
    if (!a->handle)
        return;
    a->ended = true;
    a->handle = false;
    note_error(a, la_abort(sim_stack(a->host), a->conn, sim_now(sim_of(a->host))));
}

/* Sends what it can of the stream; true if all of it is queued. */
static bool send_stream(struct sim_app *a)
{
    struct la_stack *s = sim_stack(a->host);
    uint8_t buf[CHUNK];
    uint32_t chunk = a->cfg.chunk && a->cfg.chunk < CHUNK ? a->cfg.chunk : CHUNK;
    while (a->sent < a->cfg.send) {
        uint64_t left = a->cfg.send - a->sent;
        size_t n = left < chunk ? (size_t)left : chunk;
        pattern_fill(a->cfg.send_key, a->sent, buf, n);
        int64_t rc = la_send(s, a->conn, buf, n, 0, sim_now(sim_of(a->host)));
        if (rc < 0) {
            note_error(a, rc);
            return false;
        }
        a->sent += (uint64_t)rc;
        if ((size_t)rc < n)
            continue; /* the next call says LA_EAGAIN, and so asks for LA_EV_WRITABLE */
    }
    return true;
}

static void take(struct sim_app *a, const uint8_t *p, size_t n)
{
    if (a->cfg.check && a->bad_at == UINT64_MAX) {
        size_t good = pattern_check(a->cfg.recv_key, a->received, p, n);
        if (good < n)
            a->bad_at = a->received + good;
    }
    a->received += n;
}

static void at_eof(struct sim_app *a)
{
    if (!a->eof)
        a->eof_at = sim_now(sim_of(a->host));
    a->eof = true;
}

static void read_copy(struct sim_app *a)
{
    uint8_t buf[READ_CHUNK];
    for (;;) {
        int64_t rc =
            la_recv(sim_stack(a->host), a->conn, buf, sizeof buf, sim_now(sim_of(a->host)));
        if (rc == 0)
            at_eof(a);
        else if (rc < 0)
            note_error(a, rc);
        if (rc <= 0)
            return;
        take(a, buf, (size_t)rc);
    }
}

static void read_in_place(struct sim_app *a)
{
    struct la_stack *s = sim_stack(a->host);
    for (;;) {
        struct la_span span[4];
        int err = LA_OK;
        size_t n = 0;
        int spans = la_peek(s, a->conn, span, 4, &err);
        if (spans <= 0) {
            if (err == LA_OK)
                at_eof(a);
            note_error(a, err);
            return;
        }
        for (int i = 0; i < spans; i++) {
            take(a, span[i].p, span[i].n);
            n += span[i].n;
        }
        note_error(a, la_consume(s, a->conn, n, sim_now(sim_of(a->host))));
    }
}

/* Sends back what came; reads no more than it could send. */
static void echo(struct sim_app *a)
{
    struct la_stack *s = sim_stack(a->host);
    la_ns now = sim_now(sim_of(a->host));
    if (!a->kept)
        a->kept = sim_alloc(sim_of(a->host), CHUNK);
    for (;;) {
        while (a->kept_n) {
            int64_t rc = la_send(s, a->conn, a->kept, a->kept_n, 0, now);
            note_error(a, rc);
            if (rc <= 0)
                return;
            a->sent += (uint64_t)rc;
            a->kept_n -= (uint32_t)rc;
            memmove(a->kept, a->kept + rc, a->kept_n);
        }
        int64_t rc = la_recv(s, a->conn, a->kept, CHUNK, now);
        if (rc == 0)
            at_eof(a);
        note_error(a, rc);
        if (rc <= 0)
            return;
        take(a, a->kept, (size_t)rc);
        a->kept_n = (uint32_t)rc;
    }
}

static void end_if_due(struct sim_app *a, bool all_sent)
{
    if (!a->handle || !all_sent)
        return;
    switch (a->cfg.end) {
    case SIM_APP_SHUTDOWN:
        sim_app_shutdown(a);
        if (a->eof)
            sim_app_close(a);
        return;
    case SIM_APP_CLOSE:
        sim_app_close(a);
        return;
    case SIM_APP_LAST:
        if (a->eof)
            sim_app_close(a);
        return;
    case SIM_APP_STAYS:
        return;
    }
}

/* Does whatever can be done now. */
static void work(struct sim_app *a)
{
    bool all_sent;
    if (!a->handle)
        return;
    if (a->cfg.echo) {
        echo(a);
        all_sent = a->eof && a->kept_n == 0;
    } else {
        all_sent = a->ended || send_stream(a);
        if (!a->cfg.deaf && !a->eof && a->error == LA_OK) {
            if (a->cfg.peek)
                read_in_place(a);
            else
                read_copy(a);
        }
    }
    if (a->error != LA_OK && (a->events & LA_EV_CLOSED)) {
        if (a->cfg.end != SIM_APP_STAYS)
            sim_app_close(a); /* the connection is gone: only the handle is left */
        return;
    }
    end_if_due(a, all_sent && a->error == LA_OK);
}

static void on_app_event(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct sim_app *a = (struct sim_app *)h;
    a->events |= ev->what;
    if ((ev->what & LA_EV_CONNECTED) && !a->connected) {
        a->connected = true;
        a->connected_at = sim_now(sim_of(host));
    }
    if (ev->what & LA_EV_PEER_CLOSED)
        a->peer_closed = true;
    if (ev->what & LA_EV_CLOSED)
        a->closed_event = true;
    if (a->connected || (ev->what & LA_EV_CLOSED))
        work(a);
}

static struct sim_app *app_new(struct sim_host *h, const struct sim_app_config *cfg)
{
    struct sim_app *a = sim_alloc(sim_of(h), sizeof *a);
    *a = (struct sim_app){.handler = {on_app_event}, .host = h, .cfg = *cfg, .bad_at = UINT64_MAX};
    return a;
}

static void set_options(struct sim_app *a)
{
    for (int o = 0; o < LA_OPTIONS; o++) {
        if (a->cfg.opt_set[o])
            note_error(a, la_setopt(sim_stack(a->host), a->conn, (enum la_option)o, a->cfg.opt[o],
                                    sim_now(sim_of(a->host))));
    }
}

struct sim_app *sim_app_connect(struct sim_host *h, const struct la_endpoint *local,
                                const struct la_endpoint *remote, const struct sim_app_config *cfg)
{
    struct sim_app *a = app_new(h, cfg);
    struct la_stack *s = sim_stack(h);
    int rc = la_socket(s, &a->conn);
    if (rc < 0) {
        a->error = rc;
        return a;
    }
    a->handle = true;
    la_set_user(s, a->conn, &a->handler);
    set_options(a);
    note_error(a, la_connect(s, a->conn, local, remote, sim_now(sim_of(h))));
    return a;
}

struct sim_app *sim_app_adopt(struct sim_host *h, la_conn c, const struct sim_app_config *cfg)
{
    struct sim_app *a = app_new(h, cfg);
    a->conn = c;
    a->handle = true;
    a->connected = true;
    a->connected_at = sim_now(sim_of(h));
    la_set_user(sim_stack(h), c, &a->handler);
    set_options(a);
    work(a);
    return a;
}

/* ---- a listener ---- */

static void on_server_event(struct sim_handler *h, struct sim_host *host, const struct la_event *ev)
{
    struct sim_server *s = (struct sim_server *)h;
    la_conn c;
    (void)ev;
    while (la_accept(sim_stack(host), s->listener, sim_now(sim_of(host)), &c) == LA_OK) {
        struct sim_app *a = sim_app_adopt(host, c, &s->cfg);
        a->next = s->apps;
        s->apps = a;
        s->accepted++;
    }
}

struct sim_server *sim_serve(struct sim_host *h, uint16_t port, uint32_t backlog,
                             const struct sim_app_config *cfg)
{
    struct sim_server *s = sim_alloc(sim_of(h), sizeof *s);
    struct la_endpoint local = {.addr = LA_ADDR_ANY, .port = port, .ifx = -1};
    la_ns now = sim_now(sim_of(h));
    *s = (struct sim_server){.handler = {on_server_event}, .host = h, .cfg = *cfg};
    s->error = la_listen(sim_stack(h), &local, backlog, now, &s->listener);
    if (s->error < 0)
        return s;
    la_set_user(sim_stack(h), s->listener, &s->handler);
    for (int o = 0; o < LA_OPTIONS; o++) {
        if (cfg->opt_set[o])
            la_setopt(sim_stack(h), s->listener, (enum la_option)o, cfg->opt[o], now);
    }
    /* Its connections inherit them; setting them again would be too late for some. */
    memset(s->cfg.opt_set, 0, sizeof s->cfg.opt_set);
    return s;
}

void sim_server_close(struct sim_server *s)
{
    la_close(sim_stack(s->host), s->listener, sim_now(sim_of(s->host)));
}

/* ---- for tests ---- */

void sim_app_listen_up(struct sim_app *a)
{
    a->cfg.deaf = false;
    work(a);
}

bool sim_app_is_connected(void *app)
{
    return ((struct sim_app *)app)->connected;
}

bool sim_app_is_done(void *app)
{
    struct sim_app *a = app;
    return a->eof && a->ended;
}

bool sim_app_has_failed(void *app)
{
    return ((struct sim_app *)app)->error != LA_OK;
}

enum la_state sim_app_state(const struct sim_app *a)
{
    struct la_status st;
    if (!a->handle || la_status(sim_stack(a->host), a->conn, &st) < 0)
        return LA_CLOSED;
    return st.state;
}

bool sim_record(const struct sim_host *h, uint16_t port, uint16_t peer_port, struct la_record *out)
{
    uint32_t cursor = 0;
    bool found = false;
    struct la_record r;
    while (la_record_next(sim_stack(h), &cursor, &r)) {
        if (r.local.port == port && r.remote.port == peer_port) {
            *out = r;
            found = true; /* the newest wins */
        }
    }
    return found;
}
