/* demo_memory.c: the demo where the system allows no TAP: two stacks, and a wire between them that
 * is a function call.  Time is real, so that TIME-WAIT can be watched. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64 /* frames in one direction before the other has its turn */

struct end {
    const char *addr4, *addr6;
    struct la_stack *stack;
    struct la_tracers tracers;
    struct la_tracer to_log, to_pcap;
};

static struct {
    struct end us, peer;
    struct la_pcap *pcap; /* of our end; NULL: none */
    int pcap_if;
} wire;

static void to_pcap(void *pcap, const struct la_trace *ev)
{
    la_pcap_trace(pcap, ev);
}

/* ---- the wire ---- */

static bool carry(struct la_stack *from, struct la_stack *to, la_ns now)
{
    struct la_pcap *p = wire.pcap;
    struct la_frame f;
    int n = 0;

    for (; n < BATCH; n++) {
        if (p)
            la_pcap_begin(p);
        if (!la_tx(from, 0, &f, now))
            break;
        if (p && from == wire.us.stack) {
            la_pcap_frame(p, wire.pcap_if, true, &f, now);
            p = NULL; /* the peer's la_rx is not about our frame */
        }
        la_rx(to, 0, &f, now);
        if (p)
            la_pcap_frame(p, wire.pcap_if, false, &f, now);
        p = wire.pcap;
    }
    return n > 0;
}

static void serve_events(struct la_stack *s)
{
    struct la_event ev;

    while (la_next_event(s, &ev))
        demo_event(NULL, &ev);
}

static void sleep_until(la_ns when)
{
    struct timespec ts = {.tv_sec = (time_t)(when / LA_SEC(1)),
                          .tv_nsec = (long)(when % LA_SEC(1))};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL); /* a signal ends it early */
}

static int run(struct demo *d, bool (*done)(void *ctx), void *ctx, la_ns deadline)
{
    struct la_stack *a = wire.us.stack, *b = wire.peer.stack;

    (void)d;
    while (!cli_stopped()) {
        la_ns now = la_host_now(), next;
        bool moved;

        la_expire(a, now);
        la_expire(b, now);
        moved = carry(a, b, now);
        moved = carry(b, a, now) || moved;
        serve_events(a);
        serve_events(b);
        if (done && done(ctx))
            return LA_OK;
        if (now >= deadline)
            return LA_ETIMEDOUT;
        if (moved)
            continue;
        next = la_deadline(a) < la_deadline(b) ? la_deadline(a) : la_deadline(b);
        sleep_until(next < deadline ? next : deadline);
    }
    return LA_EAGAIN;
}

/* ---- two stacks ---- */

static int open_end(struct demo *d, struct end *e, struct trace_log *log, struct la_pcap *pcap)
{
    struct la_if_config ifc = {.link = LA_LINK_IP, .mtu = d->mtu, .no_dad = true};
    struct la_addr a;
    struct la_config c;
    la_ns now = la_host_now();
    int rc;

    la_config_init(&c);
    c.mem = la_host_memory();
    c.msl = d->msl;
    e->tracers = (struct la_tracers){0};
    if (log) {
        e->to_log = (struct la_tracer){.fn = trace_log_take, .ctx = log};
        la_tracers_add(&e->tracers, &e->to_log);
        c.trace = la_tracers_fire;
        c.trace_ctx = &e->tracers;
    }
    if (pcap) {
        e->to_pcap = (struct la_tracer){.fn = to_pcap, .ctx = pcap};
        la_tracers_add(&e->tracers, &e->to_pcap);
    }
    if ((rc = la_host_entropy(c.secret)) < 0 || (rc = la_stack_new(&c, now, &e->stack)) < 0 ||
        (rc = la_if_add(e->stack, &ifc, now)) < 0 || (rc = la_addr_parse(e->addr4, &a)) < 0 ||
        (rc = la_addr_add(e->stack, 0, &a, 24, now)) < 0 ||
        (rc = la_addr_parse(e->addr6, &a)) < 0 || (rc = la_addr_add(e->stack, 0, &a, 64, now)) < 0)
        return cli_failed("demo", "cannot make a stack: %s", la_strerror(rc));
    return 0;
}

static void close_wire(struct demo *d)
{
    la_stack_free(wire.us.stack);
    la_stack_free(wire.peer.stack);
    if (la_pcap_close(wire.pcap) < 0)
        demo_check(d, false, "the capture is written", "%s", strerror(errno));
    wire.us.stack = wire.peer.stack = NULL;
    wire.pcap = NULL;
}

static int open_wire(struct demo *d, bool recorded)
{
    char path[DEMO_PATH];
    struct la_host_error err;
    struct timespec ts;

    memset(&wire, 0, sizeof wire);
    wire.us.addr4 = "10.77.0.2";
    wire.us.addr6 = "fd77::2";
    wire.peer.addr4 = "10.77.0.1";
    wire.peer.addr6 = "fd77::1";
    if (recorded) {
        clock_gettime(CLOCK_REALTIME, &ts);
        snprintf(path, sizeof path, "%s/demo.pcapng", d->out);
        if (la_pcap_open(path, LA_SEC(ts.tv_sec) + (la_ns)ts.tv_nsec - la_host_now(), &wire.pcap,
                         &err) < 0)
            return cli_failed("demo", "%s", err.text);
        wire.pcap_if = la_pcap_interface(wire.pcap, "memory", LA_LINK_IP);
    }
    d->run = run;
    int rc = open_end(d, &wire.us, recorded ? &d->log : NULL, wire.pcap);
    if (rc == 0)
        rc = open_end(d, &wire.peer, recorded ? &d->peer_log : NULL, NULL);
    d->stack = wire.us.stack;
    return rc;
}

/* ---- the parts ---- */

static void transfer(struct demo *d, struct la_stack *to, const char *from_addr, const char *name,
                     const char *what)
{
    struct la_endpoint at = {.port = DEMO_PORT, .ifx = -1};

    la_addr_parse(from_addr, &at.addr);
    demo_transfer(d, to, &at, name, &(struct demo_words){what, what, what});
}

static void part_transfers(struct demo *d)
{
    struct demo_server ours, peers;
    int rc = demo_serve(d, &ours, wire.us.stack, DEMO_PORT, false);

    if (rc == LA_OK)
        rc = demo_serve(d, &peers, wire.peer.stack, DEMO_PORT, false);
    if (rc < 0) {
        demo_check(d, false, "both stacks listen", "%s", la_strerror(rc));
        return;
    }
    transfer(d, wire.peer.stack, wire.us.addr4, "got4", "to the other one, IPv4");
    if (!cli_stopped())
        transfer(d, wire.peer.stack, wire.us.addr6, "got6", "to the other one, IPv6");
    if (!cli_stopped())
        transfer(d, wire.us.stack, wire.peer.addr4, "fetched", "from the other one");
}

/* The other side of the connection that is drawn: says one line, and closes a while after us. */
struct caller {
    struct demo_user user;
    la_conn conn;
    bool eof;
};

static void caller_event(struct demo_user *u, const struct la_event *ev)
{
    struct caller *c = (struct caller *)u;
    char buf[64];
    int64_t got = 1;

    (void)ev;
    while (!c->eof && got > 0)
        got = la_recv(wire.peer.stack, c->conn, buf, sizeof buf, la_host_now());
    c->eof = c->eof || (got != LA_EAGAIN && got != LA_ENOTCONN);
}

static bool caller_eof(void *caller)
{
    return ((const struct caller *)caller)->eof || cli_stopped();
}

static bool call(struct caller *c)
{
    struct la_endpoint to = {.port = DEMO_GOODBYE_PORT, .ifx = -1};
    struct la_stack *s = wire.peer.stack;

    *c = (struct caller){.user.event = caller_event};
    la_addr_parse(wire.us.addr4, &to.addr);
    if (la_socket(s, &c->conn) < 0)
        return false;
    la_set_user(s, c->conn, &c->user);
    return la_connect(s, c->conn, NULL, &to, la_host_now()) == LA_OK &&
           la_send(s, c->conn, "hello\n", 6, 0, la_host_now()) == 6;
}

static bool peer_recorded(void *record)
{
    uint32_t cursor = 0;

    return la_record_next(wire.peer.stack, &cursor, record) || cli_stopped();
}

/* The conversation, from its SYN until both sides have their records. */
static bool converse(struct demo *d, struct demo_goodbye *g, struct la_record *peer)
{
    struct caller c;

    *peer = (struct la_record){0};
    if (demo_goodbye_listen(g, wire.us.stack) < 0 || !call(&c) || !demo_goodbye_close(d, g))
        return false;
    d->run(d, caller_eof, &c, la_host_now() + LA_SEC(10));
    d->run(d, NULL, NULL, la_host_now() + DEMO_PAUSE);
    la_close(wire.peer.stack, c.conn, la_host_now());
    if (!demo_goodbye_over(d, g))
        return false;
    d->run(d, peer_recorded, peer, la_host_now() + LA_SEC(10));
    return peer->serial != 0;
}

static void part_goodbye(struct demo *d)
{
    struct demo_goodbye g;
    struct la_record r;
    char peer[512];

    if (!converse(d, &g, &r)) {
        if (!cli_stopped())
            demo_check(d, false, "a connection to look at", "it did not come to its end");
        return;
    }
    demo_ladder(d);
    demo_part(d, "TIME-WAIT: if that last ACK was lost, the other side sends its FIN again, and "
                 "somebody must answer");
    demo_countdown(d, g.serial);
    demo_part(d, "Who closed first, and why: both sides' records");
    demo_records(d, g.serial, la_record_explain(&r, peer, sizeof peer));
}

int demo_memory(struct demo *d)
{
    int rc = open_wire(d, false);

    if (rc == 0) {
        demo_part(d, "%u MiB each way between two lastacks", (unsigned)d->mib);
        part_transfers(d);
    }
    close_wire(d);
    if (rc || cli_stopped())
        return rc;
    rc = open_wire(d, true);
    if (rc == 0) {
        demo_part(d, "One connection, segment by segment: we close first");
        part_goodbye(d);
    }
    close_wire(d);
    d->stack = NULL;
    return rc;
}
