/* kit.c: the stack under test and what crosses its boundary; steps.c has the ways into each state.
 */
#include "matrix/kit.h"

static enum { V4, V6, V4_OPTIONS, ROUNDS } round_now;

bool round_v6(void)
{
    return round_now == V6;
}
bool round_options(void)
{
    return round_now == V4_OPTIONS;
}

/* The n-th byte of either stream. */
uint8_t kit_byte(uint32_t n)
{
    return (uint8_t)(n * 31 + (n >> 8) + 7);
}

/* ---- life ---- */

static void *kit_alloc(void *ctx, size_t bytes)
{
    struct kit *k = ctx;
    if (k->refuse)
        return NULL;
    k->given += bytes;
    return malloc(bytes);
}
static void kit_free(void *ctx, void *p, size_t bytes)
{
    struct kit *k = ctx;
    k->given -= bytes;
    free(p);
}

static struct la_addr v6(uint8_t last)
{
    struct la_addr x = {{0xfd}};
    x.b[15] = last;
    return x;
}

struct kit *kit_new(struct how how)
{
    struct kit *k = calloc(1, sizeof *k);
    struct la_config cfg;
    assert_non_null(k);
    la_config_init(&cfg);
    cfg.secret[0] = 1;
    cfg.mem = (struct la_memory){kit_alloc, kit_free, k};
    cfg.lab = (struct la_lab){.enabled = true, .fixed_isn = true, .isn = ISS};
    cfg.syn_cookies = !how.no_cookies;
    cfg.max_conns = how.max_conns ? how.max_conns : 100;
    cfg.max_embryos = how.max_embryos ? how.max_embryos : 100;
    cfg.max_time_wait = how.max_time_wait ? how.max_time_wait : 100;
    cfg.max_blocks = how.max_blocks ? how.max_blocks : 1000;
    cfg.msl = KIT_MSL;
    if (how.fin_wait_2)
        cfg.fin_wait_2 = how.fin_wait_2;
    k->how = how;
    k->now = LA_SEC(100);
    k->tsval = 4000000000U;
    k->una = k->nxt = ISS;
    k->before = calloc(la_rules(), sizeof *k->before);
    assert_non_null(k->before);
    assert_int_equal(la_stack_new(&cfg, k->now, &k->s), LA_OK);
    struct la_if_config dev = {.link = how.ethernet ? LA_LINK_ETHERNET : LA_LINK_IP,
                               .mac = {2, 0, 0, 0, 0, 1},
                               .mtu = how.mtu ? how.mtu : 1500,
                               .offload = how.tso ? LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO : 0,
                               .no_dad = true,
                               .no_announce = true};
    assert_int_equal(la_if_add(k->s, &dev, k->now), 0);
    k->a = round_v6() ? v6(1) : la_addr_v4(10, 0, 0, 1);
    k->b = round_v6() ? v6(2) : la_addr_v4(10, 0, 0, 2);
    assert_int_equal(la_addr_add(k->s, 0, &k->a, round_v6() ? 64 : 24, k->now), LA_OK);
    kit_mark(k);
    return k;
}

static void run_to(struct kit *k, la_ns t)
{
    la_ns begin = k->now;
    while (la_deadline(k->s) <= t) {
        la_ns at = la_deadline(k->s);
        if (at > k->now)
            k->now = at;
        la_expire(k->s, k->now);
    }
    k->tsval += (uint32_t)((t - begin) / LA_MSEC(1));
    k->now = t;
}

void kit_end(struct kit *k)
{
    struct seg g;
    struct la_usage u;
    assert_int_equal(la_check(k->s), 0);
    la_abort_all(k->s, k->now);
    while (kit_take(k, &g))
        ;
    run_to(k, k->now + 2 * KIT_MSL + LA_SEC(1));
    la_usage(k->s, &u);
    assert_int_equal(la_check(k->s), 0);
    assert_int_equal(u.conns, 0);
    assert_int_equal(u.embryos, 0);
    assert_int_equal(u.time_wait, 0);
    assert_int_equal(u.listeners, 0);
    assert_int_equal(u.blocks, 0);
    assert_int_equal(u.ranges, 0);
    assert_int_equal(u.packets, 0);
    la_stack_free(k->s);
    assert_int_equal(k->given, 0);
    free(k->before);
    free(k);
}

void kit_mark(struct kit *k)
{
    struct la_event ev;
    while (la_next_event(k->s, &ev))
        ;
    k->events = 0;
    for (unsigned r = 0; r < la_rules(); r++)
        k->before[r] = la_rule_count(k->s, r);
}

/* ---- frames in ---- */

static void give(struct kit *k, const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
                 const uint8_t *payload, uint32_t n)
{
    struct ip_hdr ip = {.src = *src, .dst = *dst, .proto = proto, .ttl = 64, .df = true};
    uint32_t hlen = ip_is_v4(src) ? IPV4_HLEN : IPV6_HLEN;
    uint8_t *f = malloc(hlen + n); /* exact: a read past the end is seen by the sanitizer */
    assert_non_null(f);
    assert_int_equal(ip_build(f, &ip, n), hlen);
    memcpy(f + hlen, payload, n);
    const struct la_frame fr = {.head = {f, hlen + n}, .len = hlen + n, .csum = LA_CSUM_NONE};
    la_rx(k->s, 0, &fr, k->now);
    free(f);
}

static uint32_t options_of(struct kit *k, const struct seg *g, uint8_t p[40])
{
    if (g->raw) {
        memcpy(p, g->raw, g->nraw);
        return g->nraw;
    }
    struct tcp_opts o = g->opts;
    bool usual = !g->no_ts && !(g->flags & S);
    if (usual && k->ts && !o.has_ts) {
        o.has_ts = true;
        o.tsval = k->tsval;
        o.tsecr = g->flags & A ? k->ts_seen : 0;
    }
    return tcp_opts_build(p, &o);
}

static uint16_t window_of(const struct kit *k, const struct seg *g)
{
    uint32_t usual = k->how.wnd ? k->how.wnd : WND;
    uint32_t wnd = g->wnd == KIT_CLOSED ? 0 : g->wnd ? g->wnd : usual;
    return (uint16_t)(k->ws && !(g->flags & S) ? wnd >> SHIFT : wnd);
}

void in(struct kit *k, struct seg g)
{
    static uint8_t p[70000];
    uint32_t options = options_of(k, &g, p + TCP_HLEN), hlen = TCP_HLEN + options;
    struct la_addr src = la_addr_is_any(&g.src) ? k->b : g.src;
    struct la_addr dst = la_addr_is_any(&g.dst) ? k->a : g.dst;
    struct tcp_hdr h = {.sport = g.sport || g.port_0 ? g.sport : B_PORT,
                        .dport = g.dport ? g.dport : A_PORT,
                        .seq = seq(g.seq),
                        .ack = seq(g.ack),
                        .flags = g.flags,
                        .hlen = (uint8_t)(g.doff ? g.doff * 4 : hlen),
                        .wnd = window_of(k, &g),
                        .up = g.up};
    uint32_t text = g.seq + (g.flags & S ? 1 : 0);
    kit_mark(k);
    (void)tcp_build(p, &h);
    for (uint32_t i = 0; i < g.len; i++)
        p[hlen + i] = kit_byte(text + i - (IRS + 1));
    struct csum c = csum_pseudo(&src, &dst, IP_TCP, hlen + g.len);
    csum_add(&c, p, hlen + g.len);
    put16(p + 16, csum_field(&c) ^ (g.bad_csum ? 1U : 0U));
    give(k, &src, &dst, IP_TCP, p, hlen + g.len);
    assert_int_equal(la_check(k->s), 0);
}

void icmp(struct kit *k, enum trouble what, uint32_t mtu, uint32_t quoted)
{
    static const struct {
        uint8_t type4, code4, type6, code6;
    } kinds[] = {
        [HARD] = {ICMP_UNREACH, ICMP_UNREACH_PORT, ICMP6_UNREACH, 4},
        [SOFT] = {ICMP_UNREACH, ICMP_UNREACH_HOST, ICMP6_UNREACH, 3},
        [TIME_OUT] = {ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0},
        [PARAMETER] = {ICMP_PARAM, 0, ICMP6_PARAM, 0},
        [QUENCH] = {ICMP_SOURCE_QUENCH, 0, 0, 0},
        [TOO_BIG] = {ICMP_UNREACH, ICMP_UNREACH_FRAG, ICMP6_TOO_BIG, 0},
    };
    bool v4 = ip_is_v4(&k->a);
    uint8_t p[ICMP_HLEN + IPV6_HLEN + 8] = {0};
    struct icmp_hdr h = {v4 ? kinds[what].type4 : kinds[what].type6,
                         v4 ? kinds[what].code4 : kinds[what].code6, what == TOO_BIG ? mtu : 0};
    struct ip_hdr ip = {.src = k->a, .dst = k->b, .proto = IP_TCP, .ttl = 60, .df = true};
    kit_mark(k);
    icmp_build(p, &h);
    uint32_t n = ICMP_HLEN + ip_build(p + ICMP_HLEN, &ip, 100);
    put16(p + n, A_PORT);
    put16(p + n + 2, B_PORT);
    put32(p + n + 4, quoted);
    n += 8;
    struct csum c = {0};
    if (!v4)
        c = csum_pseudo(&k->b, &k->a, IP_ICMPV6, n);
    csum_add(&c, p, n);
    put16(p + 2, csum_field(&c));
    give(k, &k->b, &k->a, v4 ? IP_ICMP : IP_ICMPV6, p, n);
    assert_int_equal(la_check(k->s), 0);
}

/* ---- time ---- */

void pass(struct kit *k, la_ns time)
{
    kit_mark(k);
    run_to(k, k->now + time);
    assert_int_equal(la_check(k->s), 0);
}

/* ---- frames out ---- */

static struct {
    uint8_t b[70000];
    uint32_t n;
} frame;

static bool take_frame(struct kit *k)
{
    struct la_frame f;
    if (k->waiting) {
        k->waiting = false;
        return true;
    }
    if (!la_tx(k->s, 0, &f, k->now))
        return false;
    frame.n = f.head.n;
    for (unsigned i = 0; i < f.nspan; i++)
        frame.n += f.span[i].n;
    assert_int_equal(frame.n, f.len);
    la_frame_copy(&f, frame.b);
    if (f.csum == LA_CSUM_PARTIAL) { /* as the device would */
        struct csum c = {0};
        csum_add(&c, frame.b + f.csum_start, frame.n - f.csum_start);
        put16(frame.b + f.csum_start + f.csum_offset, csum_field(&c));
    }
    return true;
}

void wait_for_segment(struct kit *k, la_ns limit)
{
    la_ns until = k->now + limit;
    kit_mark(k);
    while (!take_frame(k)) {
        la_ns at = la_deadline(k->s);
        if (at > until)
            fail_msg("nothing left for %llu ms", (unsigned long long)(limit / LA_MSEC(1)));
        run_to(k, at > k->now ? at : k->now);
    }
    k->waiting = true;
}

bool kit_take(struct kit *k, struct seg *g)
{
    struct ip_hdr ip;
    struct tcp_hdr h;
    uint16_t at;
    uint8_t code;
    if (!take_frame(k))
        return false;
    bool v4 = frame.b[0] >> 4 == 4;
    assert_int_equal(v4 ? ipv4_parse(frame.b, frame.n, frame.n, false, &ip)
                        : ipv6_parse(frame.b, frame.n, frame.n, &ip, &at, &code),
                     IP_OK);
    assert_int_equal(ip.total, frame.n);
    assert_int_equal(ip.proto, IP_TCP);
    const uint8_t *p = frame.b + ip.hlen;
    uint32_t n = frame.n - ip.hlen;
    struct csum c = csum_pseudo(&ip.src, &ip.dst, IP_TCP, n);
    csum_add(&c, p, n);
    assert_int_equal(csum_fold(&c), 0xffff); /* MUST-2 */
    assert_true(tcp_parse(p, n, &h));
    *g = (struct seg){.flags = h.flags,
                      .seq = h.seq.v,
                      .ack = h.ack.v,
                      .len = n - h.hlen,
                      .wnd = h.wnd,
                      .up = h.up,
                      .sport = h.sport,
                      .dport = h.dport,
                      .src = ip.src,
                      .dst = ip.dst,
                      .tos = ip.tos,
                      .ttl = ip.ttl,
                      .at = p + h.hlen};
    assert_true(tcp_opts_parse(p + TCP_HLEN, h.hlen - TCP_HLEN, true, &g->opts));
    assert_int_equal(g->opts.has_mss, (h.flags & S) != 0); /* MUST-65 */
    if (g->opts.has_ts && g->opts.tsval)
        k->ts_seen = g->opts.tsval;
    for (uint32_t i = 0; i < g->len; i++)
        assert_int_equal(g->at[i], kit_byte(g->seq + i - (ISS + 1)));
    return true;
}

static char *describe(char *buf, size_t n, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    char f[8];
    unsigned k = 0;
    for (unsigned i = 0; i < 6; i++)
        if (flags >> i & 1)
            f[k++] = "FSRPAU"[i];
    f[k] = 0;
    snprintf(buf, n, "<%s> SEQ=ISS%+d ACK=IRS%+d (%u, %u) LEN=%u", f, (int32_t)(seq - ISS),
             (int32_t)(ack - IRS), seq, ack, len);
    return buf;
}

struct seg kit_expect(struct kit *k, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
                      const char *file, int line)
{
    struct seg g;
    char want[120], got[120];
    describe(want, sizeof want, flags, seq, ack, len);
    if (!kit_take(k, &g)) {
        print_error("expected %s, and nothing leaves\n", want);
        _fail(file, line);
    }
    if (g.flags != flags || g.seq != seq || g.ack != ack || g.len != len || g.dport != B_PORT ||
        !la_addr_eq(&g.dst, &k->b)) {
        print_error("expected %s\n     got %s\n", want,
                    describe(got, sizeof got, g.flags, g.seq, g.ack, g.len));
        _fail(file, line);
    }
    return g;
}

void kit_quiet(struct kit *k, const char *file, int line)
{
    struct seg g;
    char got[120];
    if (!kit_take(k, &g))
        return;
    print_error("expected silence\n     got %s\n",
                describe(got, sizeof got, g.flags, g.seq, g.ack, g.len));
    _fail(file, line);
}

/* ---- the program ---- */

int64_t kit_send(struct kit *k, uint32_t n, unsigned flags)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    for (uint32_t i = 0; i < n; i++)
        p[i] = kit_byte(k->wrote + i);
    kit_mark(k);
    int64_t r = la_send(k->s, k->c, p, n, flags, k->now);
    if (r > 0)
        k->wrote += (uint32_t)r;
    free(p);
    return r;
}

int64_t kit_recv(struct kit *k, uint32_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    kit_mark(k);
    int64_t r = la_recv(k->s, k->c, p, n, k->now);
    for (int64_t i = 0; i < r; i++)
        assert_int_equal(p[i], kit_byte(k->read + (uint32_t)i));
    if (r > 0)
        k->read += (uint32_t)r;
    free(p);
    return r;
}

/* ---- what is there ---- */

struct la_status kit_status(struct kit *k)
{
    struct la_status st, found = {.state = LA_CLOSED};
    uint64_t cursor = 0;
    while (la_status_next(k->s, &cursor, &st))
        if (st.remote.port == B_PORT && st.local.port == A_PORT && st.state != LA_CLOSED)
            found = st;
        else if (st.state == LA_LISTEN && found.state == LA_CLOSED)
            found = st;
    return found;
}

void kit_state(struct kit *k, enum la_state want, const char *file, int line)
{
    struct la_status st = kit_status(k);
    if (st.state != want) {
        print_error("expected %s, is %s\n", la_state_name(want), la_state_name(st.state));
        _fail(file, line);
    }
    if (want == LA_CLOSED || want == LA_LISTEN)
        return;
    bool same = want == LA_SYN_SENT || st.rcv_nxt == k->rcv;
    same = same && st.snd_una == (want == LA_TIME_WAIT ? k->nxt : k->una) && st.snd_nxt == k->nxt;
    if (!same) {
        print_error("numbers, from ISS, ISS, IRS: UNA %+d (is %+d) NXT %+d (is %+d) RCV.NXT %+d "
                    "(is %+d)\n",
                    (int32_t)(k->una - ISS), (int32_t)(st.snd_una - ISS), (int32_t)(k->nxt - ISS),
                    (int32_t)(st.snd_nxt - ISS), (int32_t)(k->rcv - IRS),
                    (int32_t)(st.rcv_nxt - IRS));
        _fail(file, line);
    }
}

void kit_events(struct kit *k, uint32_t bits, const char *file, int line)
{
    struct la_event ev;
    while (la_next_event(k->s, &ev))
        k->events |= ev.what;
    if (k->events != bits) {
        print_error("expected events %#x, got %#x\n", bits, k->events);
        _fail(file, line);
    }
}

void kit_fired(struct kit *k, const char *rule, uint64_t n, const char *file, int line)
{
    for (unsigned r = 0; r < la_rules(); r++) {
        if (strcmp(la_rule_name(r), rule) != 0)
            continue;
        uint64_t got = la_rule_count(k->s, r) - k->before[r];
        if (got != n) {
            print_error("%s fired %llu times, not %llu\n", rule, (unsigned long long)got,
                        (unsigned long long)n);
            _fail(file, line);
        }
        return;
    }
    print_error("there is no rule %s\n", rule);
    _fail(file, line);
}

struct la_record kit_record(struct kit *k)
{
    struct la_record r;
    assert_true(la_record_next(k->s, &k->records, &r));
    return r;
}

/* ---- rows ---- */

int matrix_main(const struct CMUnitTest *rows, size_t n)
{
    static const char *const name[] = {"IPv4", "IPv6", "IPv4 with options"};
    int failed = 0;
    for (round_now = V4; round_now < ROUNDS; round_now++)
        failed += _cmocka_run_group_tests(name[round_now], rows, n, NULL, NULL);
    return failed;
}
