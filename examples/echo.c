/* echo.c: a TCP server that sends back what it gets (RFC 862).
 *
 *     ./echo                                  and beside it:  nc -N 10.77.0.2 7
 *
 * The smallest whole program: listen, accept, pump, close.  One buffer a connection is all its
 * state.  While a client does not read, la_send says LA_EAGAIN, so nothing more is taken from it:
 * its own window closes, and memory stays bounded without a line about it here. */
#include "setup.h"

struct client {
    la_conn conn;
    size_t at, end; /* buf[at..end) came in and has not gone out */
    char buf[16384];
};

struct server {
    struct la_stack *stack;
    uint32_t cursor; /* close records told so far */
};

/* Carries bytes until one side has nothing now.  False when the connection is over for us. */
static bool pump(struct la_stack *s, struct client *c, la_ns now)
{
    for (;;) {
        while (c->at < c->end) {
            int64_t sent = la_send(s, c->conn, c->buf + c->at, c->end - c->at, 0, now);

            if (sent < 0)
                return sent == LA_EAGAIN; /* LA_EV_WRITABLE will call again */
            c->at += (size_t)sent;
        }
        int64_t got = la_recv(s, c->conn, c->buf, sizeof c->buf, now);

        if (got <= 0) /* 0: the client's FIN, and every byte before it has been echoed */
            return got == LA_EAGAIN;
        c->at = 0;
        c->end = (size_t)got;
    }
}

static void serve(struct la_stack *s, struct client *c, la_ns now)
{
    if (pump(s, c, now))
        return;
    /* The handle goes back, the connection goes on by itself: FIN after what is queued, then the
     * wait for the client's last ACK. */
    la_close(s, c->conn, now);
    free(c);
}

static void accept_all(struct la_stack *s, la_conn listener, la_ns now)
{
    la_conn conn;

    while (la_accept(s, listener, now, &conn) == LA_OK) {
        struct client *c = calloc(1, sizeof *c);

        if (!c) {
            la_abort(s, conn, now);
            continue;
        }
        c->conn = conn;
        la_set_user(s, conn, c); /* comes back in every event of this connection */
        serve(s, c, now);        /* its first bytes may be here already */
    }
}

static void on_event(void *ctx, const struct la_event *ev)
{
    struct server *server = ctx;

    if (ev->what & LA_EV_ACCEPT)
        accept_all(server->stack, ev->conn, la_host_now());
    else
        serve(server->stack, ev->user, la_host_now());
}

/* The loop asks this before each sleep: nothing ends without a reason, so tell it. */
static bool tell_ends(void *ctx)
{
    struct server *server = ctx;
    struct la_record r;
    char who[LA_HOST_ENDPOINT_STRLEN], why[256];

    while (la_record_next(server->stack, &server->cursor, &r))
        printf("%s: %s\n", la_host_endpoint(&r.remote, who),
               la_record_explain(&r, why, sizeof why));
    fflush(stdout);
    return false;
}

int main(int argc, char **argv)
{
    const char *operand;
    struct la_host *h = setup(argc, argv, "[OPTION...] [PORT]", &operand);
    struct server server = {.stack = la_host_stack(h)};
    unsigned long port = operand ? strtoul(operand, NULL, 10) : 7;
    struct la_endpoint here = {.port = (uint16_t)port, .ifx = -1}; /* any address, both families */
    la_conn listener;

    if (port == 0 || port > 65535)
        setup_fail(argv[0], "a port is 1 to 65535");
    int rc = la_listen(server.stack, &here, 128, la_host_now(), &listener);
    if (rc < 0)
        setup_fail(argv[0], la_strerror(rc));

    printf("echo on port %lu; Ctrl-C ends it\n", port);
    fflush(stdout);
    la_loop_on_event(la_host_loop(h), on_event, &server);
    la_loop_run(la_host_loop(h), tell_ends, &server, LA_NEVER);
    la_host_close(h); /* whoever is still connected gets a RST */
    return 0;
}
