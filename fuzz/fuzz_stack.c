/* fuzz_stack.c: a whole stack under a program and a peer that do anything: calls with any
 * arguments, segments near to what would fit, ICMP errors about them, raw bytes, time, memory that
 * runs out.
 *
 * After every step each invariant holds (la_check), each frame that leaves is sound, and when all
 * is over every table is empty and every byte given back. */
#include "fuzz/fuzz_net.h"

#define HANDLES 6U

struct world {
    struct fuzz_net net;
    la_conn conn[HANDLES]; /* handles, some of them old ones: misuse is part of it */
};

/* ---- what the program does ---- */

static void carry(struct world *w, la_conn c, uint8_t op, struct input *in)
{
    static uint8_t text[65536];
    struct la_span span[3];
    uint8_t byte;
    int err;
    switch (op) {
    case 0:
        (void)la_send(w->net.s, c, text, in_u16(in), in_u8(in) & 3U, w->net.now);
        break;
    case 1:
        (void)la_recv(w->net.s, c, text, in_u16(in), w->net.now);
        break;
    case 2: {
        uint32_t n = 0;
        int spans = la_peek(w->net.s, c, span, 3, &err);
        for (int i = 0; i < spans; i++)
            n += span[i].n;
        if (spans > 0)
            (void)la_consume(w->net.s, c, in_u16(in) % (n + 1), w->net.now);
        break;
    }
    case 3:
        (void)la_recv_urgent(w->net.s, c, &byte);
        break;
    default:
        break;
    }
}

static void open_one(struct world *w, la_conn *c, struct input *in)
{
    uint8_t how = in_u8(in);
    bool v6 = how & 1;
    struct la_endpoint local = {how & 2 ? w->net.us[v6] : LA_ADDR_ANY,
                                (uint16_t)(how & 4 ? PORT + (how >> 6) : 0), -1};
    struct la_endpoint remote = {how & 8 ? w->net.us[v6] : w->net.peer[v6],
                                 (uint16_t)(2000 + (how >> 4 & 3)), -1};
    if (how & 32) {
        local.port = (uint16_t)(PORT + (how >> 6));
        (void)la_listen(w->net.s, &local, 1 + in_u8(in) % 4U, w->net.now, c);
    } else if (la_socket(w->net.s, c) == LA_OK) {
        (void)la_connect(w->net.s, *c, how & 16 ? &local : NULL, &remote, w->net.now);
    }
}

static void look(struct world *w, la_conn c)
{
    struct la_status st;
    struct la_record r;
    struct la_event ev;
    char text[512];
    uint64_t cursor = 0;
    uint32_t record = 0;
    (void)la_status(w->net.s, c, &st);
    while (la_status_next(w->net.s, &cursor, &st))
        CHECK(st.state < LA_STATES);
    while (la_record_next(w->net.s, &record, &r))
        CHECK(strlen(la_record_explain(&r, text, sizeof text)) < sizeof text);
    while (la_next_event(w->net.s, &ev))
        CHECK(ev.what);
}

static void call(struct world *w, struct input *in)
{
    uint8_t op = in_u8(in);
    la_conn *c = &w->conn[in_below(in, HANDLES)];
    switch (op % 12) {
    case 0:
    case 1:
    case 2:
    case 3:
        carry(w, *c, op % 12, in);
        break;
    case 4:
        open_one(w, c, in);
        break;
    case 5:
        (void)la_accept(w->net.s, *c, w->net.now, &w->conn[in_below(in, HANDLES)]);
        break;
    case 6:
        (void)la_setopt(w->net.s, *c, (enum la_option)(in_u8(in) % (LA_OPTIONS + 1)),
                        (int32_t)in_u32(in) >> in_below(in, 32), w->net.now);
        break;
    case 7:
        (void)la_shutdown(w->net.s, *c, in_u8(in) % 5U, w->net.now);
        break;
    case 8:
        (void)la_close(w->net.s, *c, w->net.now);
        break;
    case 9:
        (void)la_abort(w->net.s, *c, w->net.now);
        break;
    case 10:
        look(w, *c);
        break;
    case 11:
        if (in_u8(in) == 0)
            la_abort_all(w->net.s, w->net.now);
        break;
    default:
        break;
    }
}

/* ---- the world ---- */

static bool make(struct world *w, struct input *in)
{
    struct la_endpoint any = {.addr = LA_ADDR_ANY, .port = PORT, .ifx = -1};
    bool ok = net_open(&w->net, in);
    (void)la_listen(w->net.s, &any, 2, w->net.now, &w->conn[0]);
    return ok;
}

/* Everything is told to end, and time passes until it has. */
static void finish(struct world *w)
{
    la_abort_all(w->net.s, w->net.now);
    for (unsigned i = 0; i < HANDLES; i++)
        (void)la_abort(w->net.s, w->conn[i], w->net.now);
    (void)net_quiet(&w->net, 200);
    net_close(&w->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct world w = {0};
    if (make(&w, &in)) {
        while (in.n) {
            uint8_t op = in_u8(&in);
            switch (op & 7) {
            case 0:
            case 1:
            case 2:
                net_segment(&w.net, &in);
                break;
            case 3:
            case 4:
                call(&w, &in);
                break;
            case 5:
                net_pass_time(&w.net, &in);
                break;
            case 6:
                net_drain(&w.net, 1 + (op >> 3));
                break;
            default:
                if (op & 8)
                    net_icmp_error(&w.net, &in);
                else
                    net_raw(&w.net, &in);
                break;
            }
            if (op & 0x80)
                net_drain(&w.net, 64);
            CHECK(la_check(w.net.s) == 0);
        }
    }
    finish(&w);
    return 0;
}
