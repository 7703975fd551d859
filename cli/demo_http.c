/* demo_http.c: as much of HTTP/1.0 as the demo's two transfers need: a server of one file, which
 * closes first, and a client that reads until the end of stream.  And the small conversation whose
 * segments are drawn. */
#include "cli/demo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_MAX 4096U

/* ---- server ---- */

struct served {
    struct demo_user user;
    struct demo_server *server;
    la_conn conn;
    size_t matched; /* bytes of the empty line that ends the request; 4: it was there */
    size_t requested;
    size_t head_at, head_n, body_at;
    bool shut;
    char head[128];
};

static void served_end(struct served *c, bool orderly)
{
    if (orderly)
        la_close(c->server->stack, c->conn, la_host_now());
    else
        la_abort(c->server->stack, c->conn, la_host_now());
    free(c);
}

/* How much of "\r\n\r\n" is matched after n more bytes; *used counts those up to its end. */
static size_t match_empty_line(size_t matched, const uint8_t *p, size_t n, size_t *used)
{
    size_t i = 0;

    while (i < n && matched < 4) {
        uint8_t want = matched % 2 ? '\n' : '\r';

        matched = p[i] == want ? matched + 1 : p[i] == '\r' ? 1 : 0;
        i++;
    }
    *used = i;
    return matched;
}

/* Reads the request, and afterwards until the client's FIN.  LA_OK is that FIN. */
static int64_t served_read(struct served *c)
{
    uint8_t buf[1024];
    int64_t got;
    size_t used;

    while ((got = la_recv(c->server->stack, c->conn, buf, sizeof buf, la_host_now())) > 0) {
        c->requested += (size_t)got;
        c->matched = match_empty_line(c->matched, buf, (size_t)got, &used);
        if (c->requested > REQUEST_MAX)
            return LA_EPROTO;
    }
    return got;
}

static int64_t served_send(struct served *c, const void *p, size_t n, size_t *at, unsigned flags)
{
    while (*at < n) {
        int64_t sent = la_send(c->server->stack, c->conn, (const uint8_t *)p + *at, n - *at, flags,
                               la_host_now());

        if (sent < 0)
            return sent;
        *at += (size_t)sent;
    }
    return LA_OK;
}

static int64_t served_answer(struct served *c)
{
    struct demo *d = c->server->demo;
    size_t before = c->body_at;
    int64_t rc;

    if (c->head_n == 0)
        c->head_n = (size_t)snprintf(c->head, sizeof c->head,
                                     "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n", d->size);
    rc = served_send(c, c->head, c->head_n, &c->head_at, LA_SEND_MORE);
    if (rc == LA_OK)
        rc = served_send(c, d->blob, d->size, &c->body_at, 0);
    if (c->server->counts)
        progress_add(d, c->body_at - before);
    return rc;
}

static void served_event(struct demo_user *u, const struct la_event *ev)
{
    struct served *c = (struct served *)u;
    int64_t in = served_read(c), out = LA_OK;

    (void)ev;
    if (c->matched == 4 && !c->shut) {
        out = served_answer(c);
        if (out == LA_OK) {
            c->shut = true;
            la_shutdown(c->server->stack, c->conn, LA_SHUT_WR, la_host_now());
        }
    }
    if (in == LA_OK && c->shut)
        served_end(c, true);
    else if ((in < 0 && in != LA_EAGAIN) || (out < 0 && out != LA_EAGAIN))
        served_end(c, false);
}

static void server_event(struct demo_user *u, const struct la_event *ev)
{
    struct demo_server *s = (struct demo_server *)u;
    la_conn conn;

    while (la_accept(s->stack, ev->conn, la_host_now(), &conn) == LA_OK) {
        struct served *c = calloc(1, sizeof *c);

        if (!c) {
            la_abort(s->stack, conn, la_host_now());
            continue;
        }
        c->user.event = served_event;
        c->server = s;
        c->conn = conn;
        la_set_user(s->stack, conn, &c->user);
        served_event(&c->user, ev);
    }
}

static int listen_at(struct la_stack *stack, uint16_t port, struct demo_user *user, la_conn *out)
{
    struct la_endpoint at = {.port = port, .ifx = -1};
    int rc = la_listen(stack, &at, 16, la_host_now(), out);

    if (rc == LA_OK)
        la_set_user(stack, *out, user);
    return rc;
}

int demo_serve(struct demo *d, struct demo_server *s, struct la_stack *stack, uint16_t port,
               bool counts)
{
    *s = (struct demo_server){
        .user.event = server_event, .stack = stack, .demo = d, .counts = counts};
    return listen_at(stack, port, &s->user, &s->listener);
}

/* ---- client ---- */

struct client {
    struct demo_user user;
    struct la_stack *stack;
    struct demo *demo;
    la_conn conn;
    int file;    /* body goes here */
    size_t head; /* bytes of "\r\n\r\n" matched so far, 4: in the body */
    uint64_t body;
    int result; /* LA_EAGAIN while it runs; LA_OK at the peer's FIN; an error */
};

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static int client_read(struct client *c)
{
    struct la_span span;
    size_t used;
    int err = LA_OK;

    while (la_peek(c->stack, c->conn, &span, 1, &err) == 1) {
        const uint8_t *p = span.p;
        size_t n = span.n;

        c->head = match_empty_line(c->head, p, n, &used);
        if (!write_all(c->file, p + used, n - used))
            return LA_ENOMEM;
        c->body += n - used;
        progress_add(c->demo, n - used);
        la_consume(c->stack, c->conn, n, la_host_now());
    }
    return err;
}

static void client_event(struct demo_user *u, const struct la_event *ev)
{
    struct client *c = (struct client *)u;

    (void)ev;
    if (c->result != LA_EAGAIN)
        return;
    c->result = client_read(c);
    if (c->result == LA_ENOTCONN)
        c->result = LA_EAGAIN; /* the handshake goes on */
    if (c->result == LA_OK)
        la_close(c->stack, c->conn, la_host_now());
    else if (c->result != LA_EAGAIN)
        la_abort(c->stack, c->conn, la_host_now());
}

static bool fetched(void *client)
{
    return ((const struct client *)client)->result != LA_EAGAIN || cli_stopped();
}

/* Starts fetching "/blob".  A la_err. */
static int fetch(struct demo *d, struct client *c, struct la_stack *stack,
                 const struct la_endpoint *to, int file)
{
    static const char request[] = "GET /blob HTTP/1.0\r\n\r\n";
    int rc;

    *c = (struct client){
        .user.event = client_event, .stack = stack, .demo = d, .file = file, .result = LA_EAGAIN};
    if ((rc = la_socket(stack, &c->conn)) < 0)
        return rc;
    la_set_user(stack, c->conn, &c->user);
    rc = la_connect(stack, c->conn, NULL, to, la_host_now());
    if (rc == LA_OK && la_send(stack, c->conn, request, sizeof request - 1, 0, la_host_now()) < 0)
        rc = LA_ENOMEM;
    if (rc < 0)
        la_abort(stack, c->conn, la_host_now());
    return rc;
}

void demo_transfer(struct demo *d, struct la_stack *stack, const struct la_endpoint *to,
                   const char *name, const struct demo_words *w)
{
    char path[DEMO_PATH];
    struct client get;
    int file = open(demo_path(d, name, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc;

    progress_begin(d, w->progress, d->size);
    rc = file < 0 ? LA_ENOMEM : fetch(d, &get, stack, to, file);
    if (rc == LA_OK) {
        d->run(d, fetched, &get, la_host_now() + DEMO_PATIENCE);
        rc = get.result;
        if (rc == LA_EAGAIN) /* its events must not find us gone */
            la_abort(stack, get.conn, la_host_now());
    }
    progress_end(d);
    if (file >= 0)
        close(file);
    if (rc == LA_OK)
        demo_compare(d, name, w->compared);
    else if (!cli_stopped())
        demo_check(d, false, w->failed, "%s", la_strerror(rc));
}

/* ---- the connection that is looked at closely ---- */

static void goodbye_event(struct demo_user *u, const struct la_event *ev)
{
    struct demo_goodbye *g =
        (struct demo_goodbye *)((char *)u - offsetof(struct demo_goodbye, conn_user));
    static const char answer[] = "goodbye\n";
    char buf[64];

    (void)ev;
    if (!g->open || g->answered)
        return;
    int64_t got = la_recv(g->stack, g->conn, buf, sizeof buf, la_host_now());
    if (got == LA_EAGAIN)
        return;
    if (got > 0)
        la_send(g->stack, g->conn, answer, sizeof answer - 1, 0, la_host_now());
    g->answered = true;
}

static void goodbye_accept(struct demo_user *u, const struct la_event *ev)
{
    struct demo_goodbye *g = (struct demo_goodbye *)u;

    if (g->open || la_accept(g->stack, ev->conn, la_host_now(), &g->conn) != LA_OK)
        return;
    g->open = true;
    la_set_user(g->stack, g->conn, &g->conn_user);
    goodbye_event(&g->conn_user, ev);
}

int demo_goodbye_listen(struct demo_goodbye *g, struct la_stack *stack)
{
    *g = (struct demo_goodbye){
        .user.event = goodbye_accept, .conn_user.event = goodbye_event, .stack = stack};
    return listen_at(stack, DEMO_GOODBYE_PORT, &g->user, &g->listener);
}

static bool answered(void *goodbye)
{
    return ((const struct demo_goodbye *)goodbye)->answered || cli_stopped();
}

static bool recorded(void *goodbye)
{
    struct demo_goodbye *g = goodbye;
    struct la_record r;
    uint32_t cursor = 0;

    while (g->serial == 0 && la_record_next(g->stack, &cursor, &r))
        if (r.local.port == DEMO_GOODBYE_PORT)
            g->serial = r.serial;
    return g->serial != 0 || cli_stopped();
}

bool demo_goodbye_close(struct demo *d, struct demo_goodbye *g)
{
    d->run(d, answered, g, la_host_now() + LA_SEC(10));
    if (!g->answered)
        return false;
    /* A while after the answer, so that the FIN stands alone in the picture. */
    d->run(d, NULL, NULL, la_host_now() + DEMO_PAUSE);
    la_close(g->stack, g->conn, la_host_now());
    return true;
}

bool demo_goodbye_over(struct demo *d, struct demo_goodbye *g)
{
    d->run(d, recorded, g, la_host_now() + LA_SEC(10));
    return g->serial != 0;
}
