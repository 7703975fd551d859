/* memory.c: is what was installed a whole TCP?  Two stacks on a wire of memory, in virtual time,
 * with the public headers alone: one connects, sends, and closes; the other echoes and closes; then
 * the clock runs until TIME-WAIT is over.  Exit status 0 only if every byte came back, both ends
 * closed in order, and nothing is left in any table. */
#include <lastack/host.h>
#include <lastack/lastack.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 100000U

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "memory.c:%d: not so: %s\n", __LINE__, #x);                            \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static la_ns now = LA_SEC(1);

static struct la_stack *make(uint8_t last)
{
    struct la_config cfg;
    struct la_if_config ifc = {.link = LA_LINK_IP, .mtu = 1500, .no_dad = true};
    struct la_addr addr = la_addr_v4(10, 0, 0, last);
    struct la_stack *s;

    la_config_init(&cfg);
    cfg.mem = la_host_memory();
    CHECK(la_host_entropy(cfg.secret) == LA_OK);
    CHECK(la_stack_new(&cfg, now, &s) == LA_OK);
    CHECK(la_if_add(s, &ifc, now) == 0);
    CHECK(la_addr_add(s, 0, &addr, 24, now) == LA_OK);
    return s;
}

/* Everything that `from` has to send, into `to`. */
static bool carry(struct la_stack *from, struct la_stack *to)
{
    static uint8_t wire[65600];
    struct la_frame f;
    bool any = false;

    while (la_tx(from, 0, &f, now)) {
        struct la_frame flat = {.head = {wire, f.len}, .len = f.len};
        uint32_t sum = f.head.n;

        for (unsigned i = 0; i < f.nspan; i++)
            sum += f.span[i].n;
        CHECK(sum == f.len);
        la_frame_copy(&f, wire);
        la_rx(to, 0, &flat, now);
        any = true;
    }
    return any;
}

static void exchange(struct la_stack *a, struct la_stack *b)
{
    for (bool any = true; any;) {
        any = carry(a, b);
        any = carry(b, a) || any;
    }
}

/* Lets time pass up to the next thing that either wants to do, `limit` at most. */
static void pass(struct la_stack *a, struct la_stack *b, la_ns limit)
{
    la_ns next = la_deadline(a) < la_deadline(b) ? la_deadline(a) : la_deadline(b);

    now = next < limit ? (next > now ? next : now) : limit;
    la_expire(a, now);
    la_expire(b, now);
    exchange(a, b);
}

static void show(const char *who, struct la_stack *s, enum la_side closed_first)
{
    uint32_t cursor = 0;
    struct la_record r;
    char why[256];

    CHECK(la_record_next(s, &cursor, &r));
    printf("%s: %s\n", who, la_record_explain(&r, why, sizeof why));
    CHECK(r.error == LA_OK && r.first_fin == closed_first && r.state == LA_CLOSED);
    CHECK(r.bytes_sent == BYTES && r.bytes_received == BYTES);
    CHECK(!la_record_next(s, &cursor, &r));
}

static void empty(struct la_stack *s)
{
    struct la_usage u;

    la_usage(s, &u);
    CHECK(la_check(s) == 0);
    CHECK(u.conns == 0 && u.embryos == 0 && u.time_wait == 0 && u.listeners == 0 && u.blocks == 0);
    la_stack_free(s);
}

/* Sends and reads back BYTES; the server echoes. */
static void talk(struct la_stack *client, la_conn c, struct la_stack *server, la_conn d)
{
    static uint8_t out[BYTES], in[BYTES], buf[4096];
    size_t sent = 0, back = 0;
    la_ns give_up = now + LA_SEC(60);

    for (size_t i = 0; i < BYTES; i++)
        out[i] = (uint8_t)(i * 7 + i / 251);
    while (back < BYTES) {
        int64_t n;

        CHECK(now < give_up);
        if (sent < BYTES && (n = la_send(client, c, out + sent, BYTES - sent, 0, now)) > 0)
            sent += (size_t)n;
        exchange(client, server);
        while ((n = la_recv(server, d, buf, sizeof buf, now)) > 0)
            CHECK(la_send(server, d, buf, (size_t)n, 0, now) == n);
        CHECK(n == LA_EAGAIN);
        exchange(client, server);
        while (back < BYTES && (n = la_recv(client, c, in + back, BYTES - back, now)) > 0)
            back += (size_t)n;
        pass(client, server, now + LA_MSEC(10));
    }
    CHECK(memcmp(in, out, BYTES) == 0);
}

int main(void)
{
    struct la_stack *client = make(1), *server = make(2);
    struct la_endpoint there = {.addr = la_addr_v4(10, 0, 0, 2), .port = 7, .ifx = -1};
    la_conn listener, c, d;
    uint8_t byte;

    CHECK(la_listen(server, &there, 8, now, &listener) == LA_OK);
    CHECK(la_socket(client, &c) == LA_OK);
    CHECK(la_connect(client, c, NULL, &there, now) == LA_OK);
    exchange(client, server);
    CHECK(la_accept(server, listener, now, &d) == LA_OK);

    talk(client, c, server, d);

    CHECK(la_close(client, c, now) == LA_OK);
    exchange(client, server);
    CHECK(la_recv(server, d, &byte, 1, now) == 0); /* the client's FIN */
    CHECK(la_close(server, d, now) == LA_OK);
    CHECK(la_close(server, listener, now) == LA_OK);
    exchange(client, server);

    /* The client waits two minutes at the most; nothing else is due. */
    for (la_ns end = now + LA_SEC(130); now < end;)
        pass(client, server, end);
    show("client", client, LA_SIDE_LOCAL);
    show("server", server, LA_SIDE_PEER);
    empty(client);
    empty(server);
    printf("lastack %s works from where it is installed\n", la_version());
    return 0;
}
