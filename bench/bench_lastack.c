/* bench_lastack.c: our side of `make bench`: two stacks in one thread, joined by a wire that hands
 * each frame of one to the other.  See bench.h for the work.
 *
 * The wire copies nothing: a frame's spans are valid until its sender is called again, and by then
 * the receiver has taken what it wants. */
#include "bench.h"
#include <lastack/lastack.h>

struct end {
    struct la_stack *s;
    uint64_t bytes; /* of memory, all in */
};

static struct end A, B; /* the client's, and the server's */
static la_ns now;
static la_conn listener;
static uint8_t pattern[APP_CHUNK + 251], sink[APP_CHUNK];

static const struct la_endpoint server = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}, SERVER_PORT, -1};

static void must(int err, const char *what)
{
    if (err < 0) {
        fprintf(stderr, "bench: %s: %s\n", what, la_strerror(err));
        exit(1);
    }
}

static void *counted_alloc(void *ctx, size_t n)
{
    ((struct end *)ctx)->bytes += n;
    return malloc(n);
}

static void counted_free(void *ctx, void *p, size_t n)
{
    ((struct end *)ctx)->bytes -= p ? n : 0;
    free(p);
}

static void end_init(struct end *e, const struct bench_row *row, uint8_t last)
{
    struct la_config cfg;
    la_config_init(&cfg);
    for (size_t i = 0; i < sizeof cfg.secret; i++)
        cfg.secret[i] = (uint8_t)(i * 7 + last);
    cfg.mem = (struct la_memory){counted_alloc, counted_free, e};
    cfg.max_time_wait = row->kind == BENCH_CHURN ? row->conns : 2 * row->conns;
    must(la_stack_new(&cfg, now, &e->s), "la_stack_new");
    struct la_if_config wire = {.link = LA_LINK_IP, .mtu = row->mtu, .no_dad = true};
    struct la_addr addr = la_addr_v4(10, 0, 0, last);
    must(la_if_add(e->s, &wire, now), "la_if_add");
    must(la_addr_add(e->s, 0, &addr, 24, now), "la_addr_add");
}

/* What lwIP cannot do, or was tuned not to do, is off on both sides, for every connection. */
static void tune(struct la_stack *s, const struct bench_row *row)
{
    must(la_setopt(s, LA_CONN_NONE, LA_OPT_RCVBUF, row->window, now), "RCVBUF");
    must(la_setopt(s, LA_CONN_NONE, LA_OPT_SNDBUF, row->window, now), "SNDBUF");
    must(la_setopt(s, LA_CONN_NONE, LA_OPT_WSCALE, row->window > WINDOW_64K ? 5 : -2, now),
         "WSCALE");
    must(la_setopt(s, LA_CONN_NONE, LA_OPT_NODELAY, 1, now), "NODELAY");
    if (!row->options) {
        must(la_setopt(s, LA_CONN_NONE, LA_OPT_SACK, 0, now), "SACK");
        must(la_setopt(s, LA_CONN_NONE, LA_OPT_TIMESTAMPS, 0, now), "TIMESTAMPS");
    }
}

static void set_up(const struct bench_row *row)
{
    now = bench_now();
    end_init(&A, row, 1);
    end_init(&B, row, 2);
    tune(A.s, row);
    tune(B.s, row);
    must(la_listen(B.s, &server, 128, now, &listener), "la_listen");
    bench_pattern(pattern, sizeof pattern);
}

/* ---- the wire ---- */

static void tick(void)
{
    now = bench_now();
    if (la_deadline(A.s) <= now)
        la_expire(A.s, now);
    if (la_deadline(B.s) <= now)
        la_expire(B.s, now);
}

/* ---- programs: each end is driven by its events ---- */

static void (*on_client)(const struct la_event *ev);
static void (*on_server)(const struct la_event *ev);
static uint32_t accepted;

static void server_events(void)
{
    struct la_event ev;
    while (la_next_event(B.s, &ev)) {
        if (!(ev.what & LA_EV_ACCEPT)) {
            on_server(&ev);
            continue;
        }
        la_conn c;
        while (la_accept(B.s, listener, now, &c) == LA_OK)
            accepted++;
    }
}

static void client_events(void)
{
    struct la_event ev;
    while (la_next_event(A.s, &ev))
        on_client(&ev);
}

/* Carries up to `max` frames; the receiving program has its turn after them, and whenever as much
 * has come as it takes at once, so that it reads what is still in the cache.  False if there were
 * none. */
static bool wire_deliver(struct la_stack *from, struct la_stack *to, void (*program)(void), int max)
{
    struct la_frame f;
    int n = 0;
    uint32_t bytes = 0;
    while (n < max && la_tx(from, 0, &f, now)) {
        la_rx(to, 0, &f, now);
        n++;
        if ((bytes += f.len) >= APP_CHUNK) {
            bytes = 0;
            program();
        }
    }
    program();
    return n != 0;
}

static bool wire_turn(void)
{
    bool any = wire_deliver(A.s, B.s, server_events, WIRE_BATCH);
    return wire_deliver(B.s, A.s, client_events, WIRE_BATCH) || any;
}

static void ignore_event(const struct la_event *ev)
{
    (void)ev;
}

static la_conn must_connect(void)
{
    la_conn c;
    must(la_socket(A.s, &c), "la_socket");
    must(la_connect(A.s, c, NULL, &server, now), "la_connect");
    return c;
}

/* ---- bulk ---- */

static struct {
    la_conn c;
    uint64_t sent, received;
    bool connected, writable, check;
} bulk_run;

static void bulk_client(const struct la_event *ev)
{
    bulk_run.connected |= (ev->what & LA_EV_CONNECTED) != 0;
    bulk_run.writable |= (ev->what & (LA_EV_CONNECTED | LA_EV_WRITABLE)) != 0;
}

static void bulk_server(const struct la_event *ev)
{
    if (!(ev->what & LA_EV_READABLE))
        return;
    for (;;) {
        int64_t n = la_recv(B.s, ev->conn, sink, sizeof sink, now);
        if (n == LA_EAGAIN)
            return;
        if (n <= 0)
            bench_die("bulk: unexpected end");
        if (bulk_run.check)
            for (int64_t i = 0; i < n; i++)
                if (sink[i] != bench_byte(bulk_run.received + (uint64_t)i))
                    bench_die("bulk: bytes differ");
        bulk_run.received += (uint64_t)n;
        if (n < (int64_t)sizeof sink)
            return;
    }
}

static void bulk_fill(void)
{
    while (bulk_run.writable) {
        int64_t n = la_send(A.s, bulk_run.c, pattern + bulk_run.sent % 251U, APP_CHUNK, 0, now);
        if (n > 0)
            bulk_run.sent += (uint64_t)n;
        else if (n == LA_EAGAIN)
            bulk_run.writable = false;
        else
            must((int)n, "la_send");
    }
}

static double bulk(uint64_t ns)
{
    on_client = bulk_client;
    on_server = bulk_server;
    bulk_run.c = must_connect();
    while (!bulk_run.connected)
        if (!wire_turn())
            bench_die("bulk: no connection");
    struct bench_meter m;
    for (int measured = 0; measured < 2; measured++) {
        bulk_run.check = !measured;
        bench_start(&m, measured ? ns : ns / 4);
        uint64_t from = bulk_run.received;
        do {
            for (int i = 0; i < 8; i++) {
                bulk_fill();
                wire_turn();
            }
            tick();
        } while (now < m.until);
        m.work = 8 * (bulk_run.received - from);
    }
    if (bulk_run.received == 0)
        bench_die("bulk: nothing came");
    return bench_rate(&m);
}

/* ---- ping-pong ---- */

static uint64_t pp_replies;

static bool take_byte(struct la_stack *s, la_conn c, uint8_t *byte)
{
    int64_t n = la_recv(s, c, byte, 1, now);
    if (n == 1)
        return true;
    if (n != 0 && n != LA_EAGAIN)
        must((int)n, "la_recv");
    return false;
}

static void put_byte(struct la_stack *s, la_conn c, uint8_t byte)
{
    if (la_send(s, c, &byte, 1, 0, now) != 1)
        bench_die("la_send");
}

static void pp_server(const struct la_event *ev)
{
    uint8_t byte;
    if (ev->what & LA_EV_READABLE && take_byte(B.s, ev->conn, &byte))
        put_byte(B.s, ev->conn, byte);
}

static void pp_client(const struct la_event *ev)
{
    uint8_t byte;
    if (!(ev->what & LA_EV_READABLE) || !take_byte(A.s, ev->conn, &byte))
        return;
    if (byte != (uint8_t)pp_replies)
        bench_die("ping-pong: bytes differ");
    pp_replies++;
}

static void round_trip(la_conn c)
{
    uint64_t until = pp_replies + 1;
    put_byte(A.s, c, (uint8_t)pp_replies);
    while (pp_replies != until)
        if (!wire_turn())
            bench_die("ping-pong: a byte was lost");
}

/* n connections, each used once. */
static la_conn *open_many(uint32_t n)
{
    la_conn *conns = calloc(n, sizeof *conns);
    if (!conns)
        bench_die("out of memory");
    on_client = pp_client;
    on_server = pp_server;
    for (uint32_t i = 0; i < n; i++) {
        conns[i] = must_connect();
        while (accepted <= i)
            if (!wire_turn())
                bench_die("no connection");
        round_trip(conns[i]);
    }
    return conns;
}

static double pingpong(const struct bench_row *row, uint64_t ns)
{
    la_conn *conns = open_many(row->conns);
    struct bench_meter m;
    uint64_t x = 88172645463325252U;
    uint32_t between = row->conns > 100 ? 8 : 256; /* round trips between two looks at the clock */
    for (int measured = 0; measured < 2; measured++) {
        bench_start(&m, measured ? ns : ns / 4);
        do {
            for (uint32_t i = 0; i < between; i++)
                round_trip(conns[row->conns == 1 ? 0 : bench_random(&x, row->conns)]);
            m.work += between;
            tick();
        } while (now < m.until);
    }
    free(conns);
    return bench_rate(&m);
}

/* ---- connect, one byte, close ---- */

static void churn_client(const struct la_event *ev)
{
    if (!(ev->what & LA_EV_CONNECTED))
        return;
    put_byte(A.s, ev->conn, 42);
    must(la_close(A.s, ev->conn, now), "la_close");
}

static void churn_server(const struct la_event *ev)
{
    uint8_t byte;
    if (ev->what & LA_EV_READABLE && take_byte(B.s, ev->conn, &byte) && byte != 42)
        bench_die("churn: bytes differ");
    if (ev->what & LA_EV_PEER_CLOSED)
        must(la_close(B.s, ev->conn, now), "la_close");
}

/* One connection's life, up to the server's last ACK. */
static void churn_one(void)
{
    (void)must_connect();
    while (wire_turn())
        ;
}

static void churn_many(uint32_t n)
{
    on_client = churn_client;
    on_server = churn_server;
    for (uint32_t i = 0; i < n; i++) {
        churn_one();
        tick();
    }
}

/* Both ends are left with what the row says, and nothing else. */
static void churn_verify(uint32_t waiting)
{
    struct la_usage a, b;
    la_usage(A.s, &a);
    la_usage(B.s, &b);
    if (a.time_wait != waiting || a.conns != 0 || b.conns != 0 || b.embryos != 0)
        bench_die("churn: TIME-WAIT is not as full as the row says, or connections are left");
}

static double churn(const struct bench_row *row, uint64_t ns)
{
    churn_many(row->conns + 64);
    struct bench_meter m;
    uint32_t between = row->conns > 1000 ? 8 : 32;
    bench_start(&m, ns);
    do {
        for (uint32_t i = 0; i < between; i++)
            churn_one();
        m.work += between;
        tick();
    } while (now < m.until);
    double rate = bench_rate(&m);
    churn_verify(row->conns);
    return rate;
}

/* ---- memory: what n more of them took at the client's end, pools' slabs and tables included ----
 */

static double mem_conn(const struct bench_row *row)
{
    uint32_t first = row->conns / 10;
    free(open_many(first));
    uint64_t before = A.bytes;
    accepted = 0;
    free(open_many(row->conns));
    return (double)(A.bytes - before) / row->conns;
}

static double mem_timewait(const struct bench_row *row)
{
    uint32_t first =
        row->conns / 2; /* the close records, of which a fixed number is kept, are full */
    churn_many(first);
    uint64_t before = A.bytes;
    churn_many(row->conns);
    churn_verify(first + row->conns);
    return (double)(A.bytes - before) / row->conns;
}

int main(int argc, char **argv)
{
    const struct bench_row *row;
    uint64_t ns;
    bench_args(argc, argv, &row, &ns);
    on_client = on_server = ignore_event;
    set_up(row);
    double result = 0;
    switch (row->kind) {
    case BENCH_BULK:
        result = bulk(ns);
        break;
    case BENCH_PINGPONG:
        result = pingpong(row, ns);
        break;
    case BENCH_CHURN:
        result = churn(row, ns);
        break;
    case BENCH_MEM_CONN:
        result = mem_conn(row);
        break;
    case BENCH_MEM_TW:
        result = mem_timewait(row);
        break;
    }
    la_stack_free(A.s);
    la_stack_free(B.s);
    if (A.bytes || B.bytes)
        bench_die("memory was not given back");
    printf("%.0f\n", result);
    return 0;
}
