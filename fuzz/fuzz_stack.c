/* fuzz_stack.c: a whole stack under a program and a peer that do anything: calls with any
 * arguments, segments near to what would fit, ICMP errors about them, raw bytes, time, memory that
 * runs out.
 *
 * After every step each invariant holds (la_check), each frame that leaves is sound, and when all
 * is over every table is empty and every byte given back. */
#include "base/checksum.h"
#include "fuzz/fuzz_mem.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include <lastack/lastack.h>

#define HANDLES 6U
#define PORT 80U
#define FRAME_MAX 2048U

struct world {
    struct la_stack *s;
    la_ns now;
    uint64_t bytes; /* that the stack holds */
    uint32_t mtu;
    la_conn conn[HANDLES]; /* handles, some of them old ones: misuse is part of it */
    struct la_addr us[2], peer[2];
};

static void *counted_alloc(void *ctx, size_t n)
{
    ((struct world *)ctx)->bytes += n;
    return malloc(n);
}

static void counted_free(void *ctx, void *p, size_t n)
{
    ((struct world *)ctx)->bytes -= n;
    free(p);
}

/* ---- what leaves ---- */

static void check_tcp(const struct ip_hdr *ip, const uint8_t *p, uint32_t n, bool partial)
{
    struct tcp_hdr h;
    struct tcp_opts o;
    struct csum c = csum_pseudo(&ip->src, &ip->dst, IP_TCP, n);
    CHECK(tcp_parse(p, n, &h) && h.sport != 0);
    CHECK(tcp_opts_parse(p + TCP_HLEN, h.hlen - TCP_HLEN, h.flags & TCP_SYN, &o));
    csum_add(&c, p, n);
    CHECK(partial || csum_fold(&c) == 0xffff);
    /* What no segment of ours has: SYN with FIN or RST, FIN with RST, nothing at all. */
    CHECK(h.flags & (TCP_SYN | TCP_ACK | TCP_RST));
    CHECK(!(h.flags & TCP_SYN) || !(h.flags & (TCP_FIN | TCP_RST)));
    CHECK(!(h.flags & TCP_FIN) || !(h.flags & TCP_RST));
}

static void check_frame(const struct world *w, const struct la_frame *f)
{
    static uint8_t b[70000];
    struct ip_hdr ip;
    uint16_t bad_at = 0;
    uint8_t bad_code = 0;
    uint32_t n = f->head.n;
    CHECK(f->len <= sizeof b && f->head.n <= f->len && f->nspan <= LA_FRAME_SPANS);
    memcpy(b, f->head.p, n);
    for (unsigned i = 0; i < f->nspan; n += f->span[i++].n)
        memcpy(b + n, f->span[i].p, f->span[i].n);
    CHECK(n == f->len && (f->gso_size || n <= w->mtu));
    CHECK(b[0] >> 4 == 4 ? ipv4_parse(b, n, n, false, &ip) == IP_OK
                         : ipv6_parse(b, n, n, &ip, &bad_at, &bad_code) == IP_OK);
    CHECK(ip.total == n);
    if (ip.proto == IP_TCP && !ip.fragment)
        check_tcp(&ip, b + ip.hlen, n - ip.hlen, f->csum == LA_CSUM_PARTIAL);
}

static void drain(struct world *w, unsigned frames)
{
    struct la_frame f;
    while (frames-- && la_tx(w->s, 0, &f, w->now))
        check_frame(w, &f);
}

/* ---- what comes ---- */

static void receive(struct world *w, const uint8_t *p, uint32_t n, enum la_csum csum)
{
    uint8_t *copy = malloc(n ? n : 1);
    CHECK(copy);
    memcpy(copy, p, n);
    struct la_frame f = {.head = {copy, n}, .len = n, .csum = (uint8_t)csum};
    la_rx(w->s, 0, &f, w->now);
    free(copy);
}

/* The k-th thing that the stack has, or a stranger's pair. */
static struct la_status target(struct world *w, struct input *in)
{
    struct la_status st, found = {0};
    uint64_t cursor = 0;
    uint8_t k = in_u8(in);
    bool v6 = k & 0x80;
    found.local = (struct la_endpoint){w->us[v6], PORT, -1};
    found.remote = (struct la_endpoint){w->peer[v6], (uint16_t)(2000 + (k & 3)), -1};
    found.rcv_nxt = 1000;
    for (unsigned i = 0; i <= (k >> 2 & 15U) && la_status_next(w->s, &cursor, &st); i++) {
        if (st.state != LA_LISTEN)
            found = st;
    }
    return found;
}

/* A number near one that matters. */
static uint32_t near(struct input *in, uint32_t nxt, uint32_t wnd)
{
    static const uint32_t far[] = {0x7fffffffU, 0x80000000U, 0x80000001U, 0x40000000U};
    uint8_t how = in_u8(in);
    if (how < 96)
        return nxt;
    if (how < 128)
        return nxt + in_u8(in);
    if (how < 160)
        return nxt - in_u8(in);
    if (how < 192)
        return nxt + wnd - 2 + how % 4;
    if (how < 224)
        return nxt + in_u16(in);
    return nxt + far[how % 4];
}

static struct tcp_opts some_options(struct input *in, const struct la_status *st, uint8_t flags)
{
    uint8_t how = in_u8(in);
    struct tcp_opts o = {.has_ts = st->timestamps != ((how & 7) == 7), .tsval = in_u16(in)};
    if (flags & TCP_SYN) {
        o.has_mss = how & 16;
        o.mss = in_u16(in);
        o.has_wscale = how & 32;
        o.wscale = in_u8(in);
        o.sack_permitted = how & 64;
        o.has_ts = how & 128;
    } else if (how & 64) {
        o.nsack = (uint8_t)(how >> 4 & 3);
        for (unsigned i = 0; i < o.nsack; i++) {
            o.sack[i].start = seq(near(in, st->snd_una, st->snd_nxt - st->snd_una));
            o.sack[i].end = seq_add(o.sack[i].start, in_u16(in));
        }
    }
    return o;
}

static uint32_t put_headers(uint8_t *b, const struct la_endpoint *src,
                            const struct la_endpoint *dst, uint8_t proto, uint32_t n)
{
    struct ip_hdr ip = {.src = src->addr, .dst = dst->addr, .proto = proto, .ttl = 64};
    return ip_build(b, &ip, n);
}

static void segment(struct world *w, struct input *in)
{
    static const uint8_t usual[] = {TCP_ACK,           TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN,
                                    TCP_SYN,           TCP_SYN | TCP_ACK, TCP_RST,
                                    TCP_RST | TCP_ACK, TCP_ACK | TCP_URG};
    uint8_t b[FRAME_MAX], opts[40], how = in_u8(in);
    struct la_status st = target(w, in);
    uint8_t flags = how & 0x80 ? in_u8(in) : usual[how & 7];
    uint32_t len = how & 0x40 ? in_u16(in) % 1400U : in_u8(in) & 15U;
    if (!(how & 0x20))
        len = 0;
    struct tcp_opts o = some_options(in, &st, flags);
    uint32_t nopts = tcp_opts_build(opts, &o), n = TCP_HLEN + nopts + len;
    struct tcp_hdr h = {.sport = st.remote.port,
                        .dport = st.local.port,
                        .seq = seq(near(in, st.rcv_nxt, st.rcv_wnd)),
                        .ack = seq(near(in, how & 8 ? st.snd_una : st.snd_nxt, 1)),
                        .flags = flags,
                        .hlen = (uint8_t)(TCP_HLEN + nopts),
                        .wnd = how & 16 ? in_u16(in) : 0xffff,
                        .up = flags & TCP_URG ? in_u16(in) : 0};
    uint32_t at = put_headers(b, &st.remote, &st.local, IP_TCP, n);
    (void)tcp_build(b + at, &h);
    memcpy(b + at + TCP_HLEN, opts, nopts);
    memset(b + at + TCP_HLEN + nopts, how, len);
    receive(w, b, at + n, LA_CSUM_VALID);
}

/* An ICMP error that quotes a segment of ours. */
static void icmp_error(struct world *w, struct input *in)
{
    uint8_t b[128], quote[64];
    struct la_status st = target(w, in);
    bool v4 = la_addr_is_v4(&st.local.addr);
    struct icmp_hdr h = {in_u8(in) % 13, in_u8(in) % 16, in_u16(in)};
    if (!v4 && h.type > 4)
        h.type = ICMP6_TOO_BIG;
    struct tcp_hdr t = {.sport = st.local.port,
                        .dport = st.remote.port,
                        .seq = seq(near(in, st.snd_una, 1)),
                        .hlen = TCP_HLEN};
    uint32_t q = put_headers(quote, &st.local, &st.remote, IP_TCP, TCP_HLEN);
    (void)tcp_build(quote + q, &t);
    uint32_t n = ICMP_HLEN + q + 8;
    uint32_t at = put_headers(b, &st.remote, &st.local, v4 ? IP_ICMP : IP_ICMPV6, n);
    icmp_build(b + at, &h);
    memcpy(b + at + ICMP_HLEN, quote, q + 8);
    struct csum c = {0};
    if (!v4)
        c = csum_pseudo(&st.remote.addr, &st.local.addr, IP_ICMPV6, n);
    csum_add(&c, b + at, n);
    put16(b + at + 2, csum_field(&c));
    receive(w, b, at + n, LA_CSUM_NONE);
}

static void raw(struct world *w, struct input *in)
{
    uint8_t b[FRAME_MAX], how = in_u8(in);
    uint32_t n = in_below(in, 256);
    for (uint32_t i = 0; i < n; i++)
        b[i] = in_u8(in);
    receive(w, b, n, how % 3 ? LA_CSUM_VALID : LA_CSUM_NONE);
}

/* ---- what the program does ---- */

static void carry(struct world *w, la_conn c, uint8_t op, struct input *in)
{
    static uint8_t text[65536];
    struct la_span span[3];
    uint8_t byte;
    int err;
    switch (op) {
    case 0:
        (void)la_send(w->s, c, text, in_u16(in), in_u8(in) & 3U, w->now);
        break;
    case 1:
        (void)la_recv(w->s, c, text, in_u16(in), w->now);
        break;
    case 2: {
        uint32_t n = 0;
        int spans = la_peek(w->s, c, span, 3, &err);
        for (int i = 0; i < spans; i++)
            n += span[i].n;
        if (spans > 0)
            (void)la_consume(w->s, c, in_u16(in) % (n + 1), w->now);
        break;
    }
    case 3:
        (void)la_recv_urgent(w->s, c, &byte);
        break;
    default:
        break;
    }
}

static void open_one(struct world *w, la_conn *c, struct input *in)
{
    uint8_t how = in_u8(in);
    bool v6 = how & 1;
    struct la_endpoint local = {how & 2 ? w->us[v6] : LA_ADDR_ANY,
                                (uint16_t)(how & 4 ? PORT + (how >> 6) : 0), -1};
    struct la_endpoint remote = {how & 8 ? w->us[v6] : w->peer[v6],
                                 (uint16_t)(2000 + (how >> 4 & 3)), -1};
    if (how & 32) {
        local.port = (uint16_t)(PORT + (how >> 6));
        (void)la_listen(w->s, &local, 1 + in_u8(in) % 4U, w->now, c);
    } else if (la_socket(w->s, c) == LA_OK) {
        (void)la_connect(w->s, *c, how & 16 ? &local : NULL, &remote, w->now);
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
    (void)la_status(w->s, c, &st);
    while (la_status_next(w->s, &cursor, &st))
        CHECK(st.state < LA_STATES);
    while (la_record_next(w->s, &record, &r))
        CHECK(strlen(la_record_explain(&r, text, sizeof text)) < sizeof text);
    while (la_next_event(w->s, &ev))
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
        (void)la_accept(w->s, *c, w->now, &w->conn[in_below(in, HANDLES)]);
        break;
    case 6:
        (void)la_setopt(w->s, *c, (enum la_option)(in_u8(in) % (LA_OPTIONS + 1)),
                        (int32_t)in_u32(in) >> in_below(in, 32), w->now);
        break;
    case 7:
        (void)la_shutdown(w->s, *c, in_u8(in) % 5U, w->now);
        break;
    case 8:
        (void)la_close(w->s, *c, w->now);
        break;
    case 9:
        (void)la_abort(w->s, *c, w->now);
        break;
    case 10:
        look(w, *c);
        break;
    case 11:
        if (in_u8(in) == 0)
            la_abort_all(w->s, w->now);
        break;
    default:
        break;
    }
}

/* ---- the world ---- */

static bool make(struct world *w, struct input *in)
{
    struct la_config c;
    uint8_t how = in_u8(in);
    struct la_if_config ifc = {.link = LA_LINK_IP, .no_dad = true};
    static const uint32_t mtus[] = {1500, 1280, 576, 68, 9000, 65535, 1500, 1500};
    la_config_init(&c);
    c.mem = (struct la_memory){counted_alloc, counted_free, w};
    c.secret[0] = 1;
    c.msl = LA_SEC(1);
    c.syn_cookies = how & 1;
    c.max_conns = how & 2 ? 2 : 16;
    c.active_conns = how & 64 ? 1 : 16;
    c.max_embryos = how & 4 ? 2 : 16;
    c.max_time_wait = how & 8 ? 2 : 16;
    c.max_blocks = how & 16 ? 4 : 256;
    c.max_records = 4;
    c.max_listeners = 4;
    if (how & 32) {
        c.lab.enabled = true;
        c.lab.fail_alloc_at = 1 + in_below(in, 64);
    }
    w->now = LA_SEC(1);
    w->mtu = ifc.mtu = mtus[in_u8(in) & 7];
    if (how & 64)
        ifc.offload = LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO;
    CHECK(la_stack_new(&c, w->now, &w->s) == LA_OK);
    CHECK(la_if_add(w->s, &ifc, w->now) == 0);
    w->us[0] = la_addr_v4(10, 0, 0, 1);
    w->peer[0] = la_addr_v4(10, 0, 0, 2);
    w->us[1] = (struct la_addr){{0xfd, [15] = 1}};
    w->peer[1] = (struct la_addr){{0xfd, [15] = 2}};
    bool ok = la_addr_add(w->s, 0, &w->us[0], 24, w->now) == LA_OK;
    if (w->mtu >= 1280)
        ok &= la_addr_add(w->s, 0, &w->us[1], 64, w->now) == LA_OK;
    else
        w->us[1] = w->us[0], w->peer[1] = w->peer[0];
    struct la_endpoint any = {.addr = LA_ADDR_ANY, .port = PORT, .ifx = -1};
    (void)la_listen(w->s, &any, 2, w->now, &w->conn[0]);
    return ok;
}

static void pass_time(struct world *w, struct input *in)
{
    w->now += LA_MSEC((uint64_t)in_u8(in) << (in_u8(in) & 15));
    la_expire(w->s, w->now);
}

/* Everything is told to end, and time passes until it has. */
static void finish(struct world *w)
{
    struct la_usage u;
    la_abort_all(w->s, w->now);
    for (unsigned i = 0; i < HANDLES; i++)
        (void)la_abort(w->s, w->conn[i], w->now);
    for (unsigned i = 0; i < 200 && la_deadline(w->s) != LA_NEVER; i++) {
        la_ns next = la_deadline(w->s);
        drain(w, 1000);
        w->now = next > w->now && next != LA_NEVER ? next : w->now + 1;
        la_expire(w->s, w->now);
    }
    drain(w, 1000);
    CHECK(la_check(w->s) == 0);
    la_usage(w->s, &u);
    CHECK(u.embryos + u.time_wait + u.ranges + u.packets + u.reassembly == 0);
    la_stack_free(w->s);
    CHECK(w->bytes == 0);
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
                segment(&w, &in);
                break;
            case 3:
            case 4:
                call(&w, &in);
                break;
            case 5:
                pass_time(&w, &in);
                break;
            case 6:
                drain(&w, 1 + (op >> 3));
                break;
            default:
                if (op & 8)
                    icmp_error(&w, &in);
                else
                    raw(&w, &in);
                break;
            }
            if (op & 0x80)
                drain(&w, 64);
            CHECK(la_check(w.s) == 0);
        }
    }
    finish(&w);
    return 0;
}
