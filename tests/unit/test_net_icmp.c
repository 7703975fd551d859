/* test_net_icmp.c: ping, errors we report, errors about what we sent (RFC 792, RFC 1122 §3.2.2,
 * RFC 4443). */
#include "net_util.h"

static struct flat f;
static uint8_t big[70000];

/* The peer's link-layer address is known, so that answers leave at once. */
static void start(struct host *h)
{
    host_usual(h, &MAC_A, 1);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const struct la_addr peer = addr(v6 ? "fd00::2" : "10.0.0.2");
        const struct nb_news news = {.mac = &MAC_B, .override = true, .create = true};
        assert_int_equal(nb_learn(h->n, iface_at(h->n, 0), &peer, &news, h->now), NR_COUNT);
    }
}

static struct ip_hdr icmp_hdr_of(bool v6)
{
    return v6 ? hdr("fd00::2", "fd00::1", IP_ICMPV6) : hdr("10.0.0.2", "10.0.0.1", IP_ICMP);
}

static struct flat *message(bool v6, uint8_t type, uint8_t code, uint32_t rest, const void *body,
                            uint32_t n)
{
    static uint8_t p[70000];
    const struct ip_hdr ip = icmp_hdr_of(v6);
    const struct icmp_hdr m = {.type = type, .code = code, .rest = rest};
    icmp_build(p, &m);
    memcpy(p + 8, body, n);
    return icmp_frame(&f, &MAC_A, &MAC_B, &ip, p, n + 8);
}

static void ping(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr got;
    start(&h);
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (uint32_t n = 0; n < 1400; n += 199) {
            for (uint32_t k = 0; k < n; k++)
                big[k] = (uint8_t)(k + n);
            assert_int_equal(give(&h, message(v6, v6 ? 128 : 8, 0, 0x12345678, big, n)),
                             NET_IN_DONE);
            assert_int_equal(net_dropped(h.n), NR_COUNT);
            assert_true(take(&h, &f));
            uint8_t *p = open_ip(&f, &MAC_B, &got);
            const struct ip_hdr asked = icmp_hdr_of(v6);
            assert_true(ip_eq(&got.src, &asked.dst) && ip_eq(&got.dst, &asked.src));
            assert_int_equal(got.ttl, 64);
            assert_int_equal(p[0], v6 ? 129 : 0);
            assert_int_equal(p[1], 0);
            assert_int_equal(get32(p + 4), 0x12345678);
            assert_int_equal(got.total - got.hlen, n + 8);
            assert_memory_equal(p + 8, big, n);
            expect_quiet(&h);
        }
    assert_int_equal(count(&h, NR_ICMP_ECHO), 2 * 8);
    host_end(&h);
}

/* 65,000 bytes in fragments to a host that sends them back in fragments: the same bytes, and every
 * frame within the MTU. */
static void large_ping(void **state)
{
    (void)state;
    static struct host a, b;
    static const uint32_t size[] = {1472, 1473, 9000, 65000, 65507, 65527};
    start(&a);
    host_usual(&b, &MAC_B, 2);
    for (uint32_t k = 0; k < sizeof big; k++)
        big[k] = (uint8_t)(k * 5 + (k >> 8));
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned k = 0; k < (v6 ? 6U : 5U); k++) {
            uint32_t n = size[k];
            static uint8_t p[70000];
            /* b asks a; b's answer comes back by the same way. */
            struct ip_hdr ip =
                v6 ? hdr("fd00::2", "fd00::1", IP_ICMPV6) : hdr("10.0.0.2", "10.0.0.1", IP_ICMP);
            const struct icmp_hdr m = {.type = v6 ? 128 : 8, .rest = k};
            icmp_build(p, &m);
            memcpy(p + 8, big, n);
            icmp_csum(&ip, p, n + 8);
            net_send(b.n, &ip, -1, p, n + 8, b.now);
            uint64_t before = count(&b, NR_ICMP_UNKNOWN);
            while (take(&b, &f)) {
                assert_true(f.n <= 1514);
                (void)give(&a, &f);
            }
            while (take(&a, &f)) {
                assert_true(f.n <= 1514);
                const struct la_frame fr = {.head = {f.b, f.n}, .len = f.n};
                assert_int_equal(net_input(b.n, 0, &fr, b.now, &b.d, &b.e), NET_IN_DONE);
                while (take(&b, &f))
                    (void)give(&a, &f);
            }
            /* The echo reply reached b whole, its checksum right; there is nobody to give it to. */
            if (count(&b, NR_ICMP_UNKNOWN) ==
                before) { /* the first time it had to ask for a's address */
                assert_int_equal(k, 0);
                (void)pump(&a, &b);
            }
            assert_int_equal(count(&b, NR_ICMP_UNKNOWN), before + 1);
            assert_int_equal(b.d.payload.len, n + 8);
        }
    assert_true(count(&a, NR_SEND_FRAGMENTED) >= 8);
    assert_int_equal(count(&a, NR_ICMP_CSUM) + count(&b, NR_ICMP_CSUM), 0);
    host_end(&a);
    host_end(&b);
}

/* The fragments' own headers: offsets in eights, one identification, the last without more. */
static void fragments_out(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr got;
    uint32_t ids[4];
    start(&h);
    for (unsigned k = 0; k < 4; k++) {
        bool v6 = k & 1;
        struct ip_hdr ip =
            v6 ? hdr("fd00::1", "fd00::2", IP_TCP) : hdr("10.0.0.1", "10.0.0.2", IP_TCP);
        net_send(h.n, &ip, -1, big, 5000, h.now);
        uint32_t at = 0;
        while (take(&h, &f)) {
            uint8_t *p = open_ip(&f, &MAC_B, &got);
            assert_int_equal(got.offset, at);
            assert_memory_equal(p, big + at, got.total - got.hlen);
            at += got.total - got.hlen;
            assert_int_equal(got.more, at < 5000);
            assert_int_equal(got.df, false);
            if (at < 5000)
                assert_int_equal(f.n, v6 ? 14 + 40 + 8 + 1448 : 14 + 20 + 1480);
            if (got.offset == 0)
                ids[k] = got.frag_id;
            assert_int_equal(got.frag_id, ids[k]);
        }
        assert_int_equal(at, 5000);
    }
    assert_true(ids[0] != ids[2] && ids[1] != ids[3]);

    /* Not to be fragmented: dropped.  Atomic: no identification (RFC 6864 §4.1). */
    struct ip_hdr ip = hdr("10.0.0.1", "10.0.0.2", IP_TCP);
    ip.df = true;
    net_send(h.n, &ip, -1, big, 5000, h.now);
    expect_quiet(&h);
    assert_int_equal(count(&h, NR_SEND_TOO_BIG), 1);
    net_send(h.n, &ip, -1, big, 65516, h.now);
    net_send(h.n, &ip, -1, big, 65536, h.now);
    assert_int_equal(count(&h, NR_SEND_TOO_BIG), 3);
    net_send(h.n, &ip, -1, big, 1000, h.now);
    assert_true(take(&h, &f));
    (void)open_ip(&f, &MAC_B, &got);
    assert_int_equal(got.id, 0);
    assert_true(got.df);
    host_end(&h);
}

/* 65,536 identifications, none twice (RFC 6864 §4.3), and not in order. */
static void identifications(void **state)
{
    (void)state;
    struct host h;
    static uint8_t seen[65536];
    unsigned steps = 0;
    uint16_t last = 0;
    start(&h);
    for (uint32_t k = 0; k < 65536; k++) {
        uint16_t id = net_ip_id(h.n);
        assert_int_equal(seen[id], 0);
        seen[id] = 1;
        steps += (uint16_t)(id - last) == 1;
        last = id;
    }
    assert_true(steps < 100);
    const struct la_addr a = addr("fd00::1"), b = addr("fd00::2");
    uint32_t label = net_flow_label(h.n, &a, &b, 1, 2);
    assert_true(label > 0 && label <= 0xfffff);
    assert_int_equal(net_flow_label(h.n, &a, &b, 1, 2), label); /* stable for the flow */
    assert_true(net_flow_label(h.n, &a, &b, 1, 3) != label);
    assert_true(net_flow_label(h.n, &b, &a, 1, 2) != label);
    host_end(&h);
}

static void not_answered(void **state)
{
    (void)state;
    struct host h;
    start(&h);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct flat *g = message(v6, v6 ? 128 : 8, 0, 1, "hello", 5);
        g->b[g->n - 1] ^= 1;
        expect_drop(&h, g, NR_ICMP_CSUM);
        assert_int_equal(give_frame(&h, 0, g, LA_CSUM_VALID),
                         NET_IN_DONE); /* the device knows better */
        assert_int_equal(drain(&h), 1);
        expect_drop(&h, message(v6, v6 ? 129 : 0, 0, 1, "hello", 5), NR_ICMP_UNKNOWN);
        expect_drop(&h, message(v6, v6 ? 200 : 17, 0, 1, "hello", 5), NR_ICMP_UNKNOWN);
        const struct ip_hdr ip = icmp_hdr_of(v6);
        expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, "abc", 3), NR_ICMP_SHORT);
    }
    expect_drop(&h, message(false, 5, 1, 0x0a000009, big, 28), NR_REDIRECT_IGNORED);
    h.cfg.icmp_echo = false;
    expect_drop(&h, message(false, 8, 0, 1, "hello", 5), NR_ICMP_ECHO_OFF);
    expect_drop(&h, message(true, 128, 0, 1, "hello", 5), NR_ICMP_ECHO_OFF);
    h.cfg.icmp_echo = true;

    /* A broadcast ping gets no answer (RFC 1122 §3.2.2.6); one to all IPv6 nodes does (RFC 4443
     * §4.2), but not from the unspecified address. */
    uint8_t p[8] = {8, 0, 0, 0, 0, 0, 0, 1};
    struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.255", IP_ICMP), got;
    expect_drop(&h, icmp_frame(&f, &MAC_ALL, &MAC_B, &ip, p, 8), NR_IP_GROUP);
    expect_quiet(&h);
    p[0] = 128;
    ip = hdr("fd00::2", "ff02::1", IP_ICMPV6);
    assert_int_equal(give(&h, icmp_frame(&f, &MAC_A, &MAC_B, &ip, p, 8)), NET_IN_DONE);
    assert_true(take(&h, &f));
    (void)open_ip(&f, &MAC_B, &got);
    const struct la_addr me = addr("fd00::1");
    assert_true(ip_eq(&got.src, &me));
    ip = hdr("::", "ff02::1", IP_ICMPV6);
    expect_drop(&h, icmp_frame(&f, &MAC_A, &MAC_B, &ip, p, 8), NR_IP_SOURCE);
    expect_quiet(&h);
    host_end(&h);
}

/* A datagram for nobody: the right error, quoting as much as the family allows. */
static void unreachable(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr got;
    start(&h);
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned udp = 0; udp < 2; udp++) {
            struct ip_hdr ip = v6 ? hdr("fd00::2", "fd00::1", udp ? IP_UDP : 132)
                                  : hdr("10.0.0.2", "10.0.0.1", udp ? IP_UDP : 132);
            expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 1300),
                        udp ? NR_UDP_CLOSED : NR_IP_PROTO_UNKNOWN);
            static struct flat sent;
            sent = f;
            assert_true(take(&h, &f));
            uint8_t *q = open_ip(&f, &MAC_B, &got);
            if (v6) {
                assert_int_equal(got.total, 1280);
                assert_int_equal(q[0], udp ? ICMP6_UNREACH : ICMP6_PARAM);
                assert_int_equal(q[1], udp ? 4 : 1);
                assert_int_equal(get32(q + 4), udp ? 0 : 6); /* at the next header field */
            } else {
                assert_int_equal(got.total, 576);
                assert_int_equal(q[0], ICMP_UNREACH);
                assert_int_equal(q[1], udp ? 3 : 2);
            }
            assert_memory_equal(q + 8, sent.b + 14, got.total - got.hlen - 8);
            expect_quiet(&h);
        }
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 4);

    /* The stack may ask for the same of what it was given. */
    const struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 20);
    const struct la_frame fr = {.head = {f.b, f.n}, .len = f.n};
    assert_int_equal(net_input(h.n, 0, &fr, h.now, &h.d, &h.e), NET_IN_DGRAM);
    net_unreachable(h.n, &h.d, true, h.now);
    net_unreachable(h.n, &h.d, false, h.now);
    assert_int_equal(drain(&h), 2);
    /* Behind an extension header the pointer shows its next header byte. */
    uint8_t b[16] = {132, 0, 1, 4, 0, 0, 0, 0};
    const struct ip_hdr ip6 = hdr("fd00::2", "fd00::1", 60);
    expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip6, b, 16), NR_IP_PROTO_UNKNOWN);
    assert_true(take(&h, &f));
    assert_int_equal(get32(open_ip(&f, &MAC_B, &got) + 4), 40);
    host_end(&h);
}

/* Ten at once, ten a second after that (RFC 4443 §2.4 (f)). */
static void error_rate(void **state)
{
    (void)state;
    struct host h;
    start(&h);
    const struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_UDP);
    for (unsigned k = 0; k < 100; k++)
        (void)give(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 8));
    assert_int_equal(drain(&h), 10);
    assert_int_equal(count(&h, NR_ICMP_ERR_LIMITED), 90);
    for (unsigned k = 0; k < 100; k++) {
        h.now += LA_MSEC(10);
        (void)give(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 8));
    }
    assert_int_equal(drain(&h), 10);
    h.now += LA_SEC(10); /* the bucket does not grow beyond its size */
    for (unsigned k = 0; k < 100; k++)
        (void)give(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 8));
    assert_int_equal(drain(&h), 10);
    host_end(&h);
}

/* RFC 1122 §3.2.2, RFC 4443 §2.4 (e): what must not cause an error. */
static void errors_about_errors(void **state)
{
    (void)state;
    struct host h;
    start(&h);
    /* An ICMP error with a fault of its own: a fragment that would earn a parameter problem. */
    struct ip_hdr ip = hdr("fd00::2", "ff02::1", IP_UDP);
    expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, big, 8), NR_UDP_CLOSED); /* to a group */
    assert_int_equal(count(&h, NR_ICMP_ERR_REFUSED), 1);

    struct ip_hdr about = {.src = addr("10.0.0.2"), .dst = addr("10.0.0.1"), .proto = IP_ICMP};
    struct ip_dgram d = {.h = &about, .ip = big, .ip_len = 20};
    const uint8_t errors4[] = {3, 4, 5, 11, 12}, errors6[] = {1, 2, 3, 4, 100, 127, 137};
    const struct icmp_hdr m = {.type = ICMP_UNREACH};
    uint64_t refused = 1;
    for (unsigned k = 0; k < sizeof errors4; k++) {
        d.payload = (struct slice){.head = {errors4 + k, 1}, .len = 1};
        icmp4_error(h.n, &d, false, &m, h.now);
        assert_int_equal(count(&h, NR_ICMP_ERR_REFUSED), ++refused);
    }
    about.src = addr("fd00::2");
    about.dst = addr("fd00::1");
    about.proto = IP_ICMPV6;
    d.ip_len = 40;
    for (unsigned k = 0; k < sizeof errors6; k++) {
        d.payload = (struct slice){.head = {errors6 + k, 1}, .len = 1};
        icmp6_error(h.n, &d, false, &m, h.now);
        assert_int_equal(count(&h, NR_ICMP_ERR_REFUSED), ++refused);
    }
    expect_quiet(&h);
    /* About a ping it may. */
    const uint8_t echo = 128;
    d.payload = (struct slice){.head = {&echo, 1}, .len = 1};
    icmp6_error(h.n, &d, false, &m, h.now);
    assert_int_equal(drain(&h), 1);
    host_end(&h);
}

/* ---- errors about our own ---- */

/* Quotes a TCP segment of 10.0.0.1 or fd00::1 with `n` bytes behind the header. */
static uint32_t quote(uint8_t *q, bool v6, const char *src, uint8_t proto, uint32_t n,
                      uint32_t said)
{
    struct ip_hdr ip = v6 ? hdr(src, "fd00::99", proto) : hdr(src, "10.9.9.9", proto);
    uint32_t hlen = ip_build(q, &ip, said);
    memcpy(q + hlen, "\x30\x39\x00\x50\xde\xad\xbe\xef\x01\x02\x03\x04", n);
    return hlen + n;
}

static void expect_icmp(struct host *h, bool v6, uint8_t type, uint8_t code, uint32_t rest,
                        enum icmp_kind kind)
{
    uint8_t q[100];
    uint32_t n = quote(q, v6, v6 ? "fd00::1" : "10.0.0.1", IP_TCP, 8, 1000);
    assert_int_equal(give(h, message(v6, type, code, rest, q, n)), NET_IN_ICMP);
    const struct la_addr us = addr(v6 ? "fd00::1" : "10.0.0.1"),
                         them = addr(v6 ? "fd00::99" : "10.9.9.9");
    assert_true(ip_eq(&h->e.local, &us) && ip_eq(&h->e.remote, &them));
    assert_int_equal(h->e.kind, kind);
    assert_int_equal(h->e.proto, IP_TCP);
    assert_int_equal(h->e.type, type);
    assert_int_equal(h->e.code, code);
    assert_int_equal(h->e.quoted_len, v6 ? 1040 : 1020);
    assert_memory_equal(h->e.quote, "\x30\x39\x00\x50\xde\xad\xbe\xef", 8);
}

static void errors_in(void **state)
{
    (void)state;
    struct host h;
    start(&h);
    for (uint8_t code = 0; code < 16; code++) {
        bool hard = code == 2 || code == 3 || code == 9 || code == 10 || code == 13;
        expect_icmp(&h, false, 3, code, 1400,
                    code == 4 ? ICMP_KIND_PTB
                    : hard    ? ICMP_KIND_HARD
                              : ICMP_KIND_SOFT);
        assert_int_equal(h.e.mtu, code == 4 ? 1400 : 0);
    }
    expect_icmp(&h, false, 4, 0, 0, ICMP_KIND_QUENCH);
    expect_icmp(&h, false, 11, 0, 0, ICMP_KIND_SOFT);
    expect_icmp(&h, false, 12, 0, 0, ICMP_KIND_SOFT);
    for (uint8_t code = 0; code < 7; code++) {
        bool hard = code == 1 || code >= 4;
        expect_icmp(&h, true, 1, code, 0, hard ? ICMP_KIND_HARD : ICMP_KIND_SOFT);
    }
    expect_icmp(&h, true, 2, 0, 1300, ICMP_KIND_PTB);
    assert_int_equal(h.e.mtu, 1300);
    expect_icmp(&h, true, 3, 0, 0, ICMP_KIND_SOFT);
    expect_icmp(&h, true, 4, 1, 0, ICMP_KIND_SOFT);
    expect_icmp(&h, true, 100, 0, 0, ICMP_KIND_SOFT); /* unknown errors go up too */
    assert_int_equal(count(&h, NR_ICMP_TAKEN), 16 + 3 + 7 + 4);

    uint8_t q[100];
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const char *us = v6 ? "fd00::1" : "10.0.0.1";
        uint8_t type = v6 ? 1 : 3;
        uint32_t n = quote(q, v6, us, IP_TCP, 7, 1000);
        expect_drop(&h, message(v6, type, 1, 0, q, n), NR_ICMP_QUOTE); /* seven bytes are too few */
        expect_drop(&h, message(v6, type, 1, 0, q, 10), NR_ICMP_QUOTE); /* not even a header */
        expect_drop(&h, message(v6, type, 1, 0, q, 0), NR_ICMP_QUOTE);
        n = quote(q, v6, v6 ? "fd00::77" : "10.0.0.77", IP_TCP, 8, 1000); /* not sent by us */
        expect_drop(&h, message(v6, type, 1, 0, q, n), NR_ICMP_QUOTE);
        n = quote(q, v6, us, IP_UDP, 8, 1000);
        expect_drop(&h, message(v6, type, 1, 0, q, n), NR_ICMP_QUOTE_PROTO);
        n = quote(q, v6, us, IP_TCP, 8, 1000);
        q[0] = 0x55;
        expect_drop(&h, message(v6, type, 1, 0, q, n), NR_ICMP_QUOTE);
    }
    uint32_t n = quote(q, false, "10.0.0.1", IP_TCP, 8, 1000);
    put16(q + 6, 5); /* a later fragment has no ports */
    expect_drop(&h, message(false, 3, 1, 0, q, n), NR_ICMP_QUOTE);
    n = quote(q, true, "fd00::1", IP_TCP, 8, 1000);
    expect_drop(&h, message(true, 2, 0, 1279, q, n), NR_ICMP_PTB_SMALL);
    expect_quiet(&h);
    host_end(&h);
}

/* What we send ourselves is bounded. */
static void output_limits(void **state)
{
    (void)state;
    struct host h;
    start(&h);
    struct ip_hdr ip = hdr("10.0.0.1", "10.0.0.2", IP_TCP);
    for (unsigned k = 0; k < 300; k++)
        net_send(h.n, &ip, -1, big, 20, h.now);
    assert_int_equal(count(&h, NR_SEND_QUEUE_FULL), 300 - NET_QUEUE_PACKETS);
    assert_int_equal(drain(&h), NET_QUEUE_PACKETS);
    for (unsigned k = 0; k < 100; k++) /* 61 of them take 1,024 blocks: 16.1 and a few each */
        net_send(h.n, &ip, -1, big, 65000, h.now);
    assert_true(count(&h, NR_SEND_NO_MEMORY) >= 35);
    assert_true(h.blocks.used <= NET_PACKET_BLOCKS);
    assert_int_equal(net_check(h.n), 0);
    (void)drain(&h);
    assert_int_equal(h.blocks.used, 0);
    ip = hdr("10.0.0.1", "192.168.0.1", IP_TCP);
    net_send(h.n, &ip, -1, big, 20, h.now);
    assert_int_equal(count(&h, NR_SEND_NO_ROUTE), 1);
    ip = hdr("10.0.0.77", "10.0.0.2", IP_TCP); /* not our address */
    net_send(h.n, &ip, -1, big, 20, h.now);
    assert_int_equal(count(&h, NR_SEND_NO_ROUTE), 2);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping),          cmocka_unit_test(large_ping),
        cmocka_unit_test(fragments_out), cmocka_unit_test(identifications),
        cmocka_unit_test(not_answered),  cmocka_unit_test(unreachable),
        cmocka_unit_test(error_rate),    cmocka_unit_test(errors_about_errors),
        cmocka_unit_test(errors_in),     cmocka_unit_test(output_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
