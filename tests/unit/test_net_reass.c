/* test_net_reass.c: fragments (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 3128, RFC 6946). */
#include "net_util.h"

static struct flat f;
static uint8_t data[70000]; /* a TCP segment of any length: the header, then a pattern */

static void fill(void)
{
    for (uint32_t k = 0; k < sizeof data; k++)
        data[k] = (uint8_t)(k * 7 + (k >> 8));
}

/* The fragment [from, from + n) of data. */
static struct flat *frag4(uint32_t from, uint32_t n, bool more, uint16_t id)
{
    struct ip_hdr ip = hdr("10.0.0.2", "10.0.0.1", IP_TCP);
    ip.offset = (uint16_t)from;
    ip.more = more;
    ip.id = id;
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, data + from, n);
}

static struct flat *frag6_of(uint8_t next, uint32_t from, uint32_t n, bool more, uint32_t id)
{
    const struct ip_hdr ip = hdr("fd00::2", "fd00::1", IP_V6_FRAGMENT);
    static uint8_t b[70000];
    b[0] = next;
    b[1] = 0;
    put16(b + 2, from | (more ? 1 : 0));
    put32(b + 4, id);
    memcpy(b + 8, data + from, n);
    return ip_frame(&f, &MAC_A, &MAC_B, &ip, b, n + 8);
}
static struct flat *frag6(uint32_t from, uint32_t n, bool more, uint32_t id)
{
    return frag6_of(IP_TCP, from, n, more, id);
}
static struct flat *frag(bool v6, uint32_t from, uint32_t n, bool more, uint16_t id)
{
    return v6 ? frag6(from, n, more, id) : frag4(from, n, more, id);
}

/* Gives a frame that must complete a datagram of n bytes of data. */
static void expect_whole(struct host *h, const struct flat *g, uint32_t n)
{
    static uint8_t got[70000];
    const struct la_frame fr = {.head = {g->b, g->n}, .len = g->n, .csum = LA_CSUM_VALID};
    assert_int_equal(net_input(h->n, 0, &fr, h->now, &h->d, &h->e), NET_IN_DGRAM);
    assert_int_equal(h->d.payload.len, n);
    slice_copy(&h->d.payload, 0, got, n);
    assert_memory_equal(got, data, n);
    assert_int_equal(h->d.csum, LA_CSUM_NONE); /* what the device said was of fragments */
    assert_true(h->d.payload.head.n >= (n < 60 ? n : 60)); /* the TCP header is contiguous */
}

static void expect_nothing(struct host *h, const struct flat *g)
{
    assert_int_equal(give(h, g), NET_IN_DONE);
    assert_int_equal(net_dropped(h->n), NR_COUNT);
}

static uint32_t waiting(const struct host *h)
{
    struct la_usage u = {0};
    net_usage(h->n, &u);
    return u.reassembly;
}

static void in_any_order(void **state)
{
    (void)state;
    static const unsigned order[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned o = 0; o < 3; o++) {
            for (unsigned k = 0; k < 4; k++) {
                uint32_t from = order[o][k] * 1400U;
                bool last = order[o][k] == 3;
                struct flat *g = frag(v6, from, last ? 333 : 1400, !last, (uint16_t)o);
                if (k < 3)
                    expect_nothing(&h, g);
                else
                    expect_whole(&h, g, 3 * 1400 + 333);
            }
            assert_int_equal(net_check(h.n), 0); /* while it is looked at */
            assert_int_equal(h.d.ip_len, v6 ? 40 : 20);
            assert_int_equal(h.d.h->proto, IP_TCP);
            /* The headers say what a whole datagram's would. */
            if (v6) {
                assert_int_equal(h.d.ip[6], IP_TCP);
                assert_int_equal(get16(h.d.ip + 4), 3 * 1400 + 333);
            } else {
                assert_int_equal(get16(h.d.ip + 2), 20 + 3 * 1400 + 333);
                assert_int_equal(get16(h.d.ip + 6), 0);
            }
            (void)drain(&h);
            assert_int_equal(h.blocks.used, 0);
        }
    assert_int_equal(count(&h, NR_FRAG_DONE), 6);
    assert_int_equal(count(&h, NR_FRAG_KEPT), 18);
    host_end(&h);
}

/* The largest that there is: 65,535 bytes with the header (IPv4), behind it (IPv6). */
static void largest(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (unsigned v6 = 0; v6 < 2; v6++) {
        uint32_t n = v6 ? 65535 : 65515, at = 0;
        for (; n - at > 1448; at += 1448)
            expect_nothing(&h, frag(v6, at, 1448, true, 9));
        expect_whole(&h, frag(v6, at, n - at, false, 9), n);
    }
    host_end(&h);

    /* And one byte more: refused, IPv6 is told where the mistake is. */
    host_usual(&h, &MAC_A, 1);
    expect_drop(&h, frag4(65512, 8, false, 1), NR_FRAG_TOO_LONG);
    expect_drop(&h, frag6(65528, 8, false, 1), NR_FRAG_TOO_LONG);
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 1);
    assert_int_equal(waiting(&h), 0);
    host_end(&h);
}

/* 40 bytes of options (NOP) in the header of an IPv4 frame. */
static struct flat *with_options(struct flat *g)
{
    uint8_t *ip = g->b + 14;
    memmove(ip + 60, ip + 20, g->n - 34);
    memset(ip + 20, 1, 40);
    g->n += 40;
    ip[0] = 0x4f;
    put16(ip + 2, get16(ip + 2) + 40);
    put16(ip + 10, 0);
    struct csum c = {0};
    csum_add(&c, ip, 60);
    put16(ip + 10, csum_field(&c));
    return g;
}

/* The headers of the whole are the first fragment's, and may be longer than another's: what is
 * within bounds behind a short header passes them behind these.  In either order. */
static void longest_headers(void **state)
{
    enum { PART = 32000, END = 65515 };
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        struct host h;
        host_usual(&h, &MAC_A, 1);
        fill();
        if (first)
            expect_nothing(&h, with_options(frag4(0, PART, true, 9)));
        expect_nothing(&h, frag4(PART, PART, true, 9));
        if (first) {
            expect_drop(&h, frag4(2 * PART, END - 2 * PART, false, 9), NR_FRAG_TOO_LONG);
        } else {
            expect_nothing(&h, frag4(2 * PART, END - 2 * PART, false, 9));
            expect_drop(&h, with_options(frag4(0, PART, true, 9)), NR_FRAG_TOO_LONG);
        }
        assert_int_equal(waiting(&h), 0);
        assert_int_equal(h.blocks.used, 0);
        expect_nothing(&h, with_options(frag4(0, PART, true, 10))); /* all that fits is taken */
        expect_nothing(&h, frag4(PART, PART, true, 10));
        expect_whole(&h, frag4(2 * PART, END - 40 - 2 * PART, false, 10), END - 40);
        assert_int_equal(h.d.ip_len, 60);
        assert_int_equal(get16(h.d.ip + 2), 65535);
        host_end(&h);
    }
}

static void overlaps(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (unsigned v6 = 0; v6 < 2; v6++) {
        /* Part of what is there again: all of it goes, also what comes later (RFC 5722 §4). */
        expect_nothing(&h, frag(v6, 0, 80, true, 1));
        expect_drop(&h, frag(v6, 72, 80, true, 1), NR_FRAG_OVERLAP);
        assert_int_equal(h.blocks.used, 0);
        expect_drop(&h, frag(v6, 80, 80, false, 1), NR_FRAG_OVERLAP);
        /* Inside one that is there; around two. */
        expect_nothing(&h, frag(v6, 0, 80, true, 2));
        expect_drop(&h, frag(v6, 16, 16, true, 2), NR_FRAG_OVERLAP);
        expect_nothing(&h, frag(v6, 16, 16, true, 3));
        expect_nothing(&h, frag(v6, 48, 16, true, 3));
        expect_drop(&h, frag(v6, 0, 80, true, 3), NR_FRAG_OVERLAP);
        /* An end that contradicts what is there: before it, and another end. */
        expect_nothing(&h, frag(v6, 160, 80, true, 4));
        expect_drop(&h, frag(v6, 80, 80, false, 4), NR_FRAG_OVERLAP);
        run(&h, REASSEMBLY_TIME);
        assert_int_equal(waiting(&h), 0);
        expect_nothing(&h, frag(v6, 160, 80, false, 5));
        expect_drop(&h, frag(v6, 240, 80, false, 5), NR_FRAG_OVERLAP);
        expect_nothing(&h, frag(v6, 160, 80, false, 6));
        expect_drop(&h, frag(v6, 240, 80, true, 6), NR_FRAG_OVERLAP);
        /* Exact duplicates alone are harmless (RFC 8200 §4.5). */
        expect_nothing(&h, frag(v6, 0, 80, true, 7));
        expect_drop(&h, frag(v6, 0, 80, true, 7), NR_FRAG_DUPLICATE);
        expect_nothing(&h, frag(v6, 160, 20, false, 7));
        expect_drop(&h, frag(v6, 160, 20, false, 7), NR_FRAG_DUPLICATE);
        expect_whole(&h, frag(v6, 80, 80, true, 7), 180);
        run(&h, REASSEMBLY_TIME);
        (void)drain(&h);
        assert_int_equal(waiting(&h), 0);
    }
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 0); /* never about overlaps */
    host_end(&h);
}

static void bad_fragments(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    expect_drop(&h, frag4(0, 1399, true, 1), NR_FRAG_ODD);
    expect_drop(&h, frag4(8000, 0, true, 1), NR_FRAG_ODD);
    expect_drop(&h, frag4(0, 16, true, 1), NR_FRAG_TINY);   /* RFC 3128: FO=0, short */
    expect_drop(&h, frag4(8, 1000, true, 1), NR_FRAG_TINY); /* FO=1 */
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 0);
    expect_drop(&h, frag6(0, 1399, true, 1), NR_FRAG_ODD); /* parameter problem */
    expect_drop(&h, frag6(0, 16, true, 1), NR_FRAG_CHAIN); /* parameter problem, code 3 */
    memset(data, 0, 16);
    data[0] = 60;
    data[1] = 1; /* destination options of 16 bytes of which eight are here */
    expect_drop(&h, frag6_of(60, 0, 8, true, 1), NR_FRAG_CHAIN);
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 3);
    assert_int_equal(waiting(&h), 0);

    /* 168 bytes of options before the fragment header are more than we keep. */
    const struct ip_hdr ip = hdr("fd00::2", "fd00::1", 60);
    static uint8_t b[400];
    b[0] = IP_V6_FRAGMENT;
    b[1] = 20;
    b[2] = 1;
    b[3] = 164;
    b[168] = IP_TCP;
    put16(b + 170, 1);
    expect_drop(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, b, 168 + 8 + 40), NR_FRAG_HEADER_LONG);
    host_end(&h);
}

/* What follows the fragment header is walked once the datagram is whole. */
static void headers_after(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    memcpy(data, "\x06\0\1\4\0\0\0\0", 8); /* destination options, then TCP */
    expect_nothing(&h, frag6_of(60, 0, 80, true, 1));
    assert_int_equal(give(&h, frag6_of(60, 80, 20, false, 1)), NET_IN_DGRAM);
    assert_int_equal(h.d.ip_len, 48);
    assert_int_equal(h.d.payload.len, 92);
    data[0] = IP_V6_FRAGMENT; /* a fragment in fragments */
    memcpy(data + 8, "\x06\0\0\1\0\0\0\7", 8);
    expect_nothing(&h, frag6_of(60, 0, 80, true, 2));
    expect_drop(&h, frag6_of(60, 80, 20, false, 2), NR_IP6_EXT);
    memcpy(data, "\x06\0\x9e\4\0\0\0\0", 8); /* an option that the sender is to hear of */
    expect_nothing(&h, frag6_of(60, 0, 80, true, 3));
    expect_drop(&h, frag6_of(60, 80, 20, false, 3), NR_IP6_EXT_UNKNOWN);
    assert_int_equal(count(&h, NR_ICMP_ERR_SENT), 1);
    /* A whole datagram in a fragment header (RFC 6946): by itself, whatever waits under its number.
     */
    fill();
    expect_nothing(&h, frag6(0, 80, true, 4));
    assert_int_equal(give(&h, frag6(0, 80, false, 4)), NET_IN_DGRAM);
    assert_int_equal(h.d.payload.len, 80);
    assert_int_equal(count(&h, NR_FRAG_ATOMIC), 1);
    expect_whole(&h, frag6(80, 80, false, 4), 160);
    host_end(&h);
}

static void times_out(void **state)
{
    (void)state;
    struct host h;
    struct ip_hdr got;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (unsigned v6 = 0; v6 < 2; v6++) {
        expect_nothing(&h, frag(v6, 80, 80, true, 1)); /* without the first nobody is told */
        run(&h, LA_SEC(1));
        expect_nothing(&h, frag(v6, 0, 80, true, 2));
        run(&h, LA_SEC(59) - 1);
        assert_int_equal(waiting(&h), 2);
        run(&h, 1);
        assert_int_equal(waiting(&h), 1);
        assert_int_equal(count(&h, NR_ICMP_ERR_SENT), v6);
        run(&h, LA_SEC(1));
        assert_int_equal(waiting(&h), 0);
        assert_int_equal(count(&h, NR_ICMP_ERR_SENT), v6 + 1);
        (void)drain(&h);
        /* The neighbour answers; time exceeded, code 1, quotes the fragment. */
        if (v6) {
            struct ip_hdr na = hdr("fd00::2", "fd00::1", IP_ICMPV6);
            struct ndp m = {.type = ICMP6_NA,
                            .target = addr("fd00::2"),
                            .solicited = true,
                            .override = true,
                            .has_lladdr = true,
                            .lladdr = MAC_B};
            uint8_t p[32];
            na.ttl = 255;
            uint32_t n = ndp_build(p, &m);
            (void)give(&h, icmp_frame(&f, &MAC_A, &MAC_B, &na, p, n));
        } else {
            (void)give(&h,
                       arp_frame(&f, &MAC_A, ARP_REPLY, &MAC_B, "10.0.0.2", &MAC_A, "10.0.0.1"));
        }
        assert_true(take(&h, &f));
        uint8_t *q = open_ip(&f, &MAC_B, &got);
        assert_int_equal(q[0], v6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED);
        assert_int_equal(q[1], 1);
        assert_int_equal(got.total, v6 ? 40 + 8 + 48 + 80 : 20 + 8 + 20 + 80);
        assert_memory_equal(q + 8 + (v6 ? 48 : 20), data, 80);
    }
    assert_int_equal(count(&h, NR_FRAG_TIMEOUT), 4);
    host_end(&h);
}

/* Four datagrams at most here, and 1,024 blocks: the oldest goes. */
static void limits(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (uint16_t id = 0; id < 10; id++)
        expect_nothing(&h, frag4(0, 80, true, id));
    assert_int_equal(waiting(&h), 4);
    assert_int_equal(count(&h, NR_FRAG_EVICTED), 6);
    expect_nothing(&h, frag4(80, 80, false, 0)); /* begins anew: its first went */
    expect_whole(&h, frag4(80, 80, false, 9), 160);
    host_end(&h);

    host_defaults(&h);
    h.cfg.max_reassembly = 2000;
    host_start(&h);
    struct la_if_config c = ether(&MAC_A, true);
    const struct la_addr a = addr("10.0.0.1");
    assert_int_equal(net_if_add(h.n, &c, h.now), 0);
    assert_int_equal(net_addr_add(h.n, 0, &a, 24, h.now), LA_OK);
    for (uint16_t id = 0; id < 1500; id++)
        expect_nothing(&h, frag4(0, 80, true, id));
    assert_int_equal(h.blocks.used, REASSEMBLY_BLOCKS);
    assert_int_equal(waiting(&h), 1024);
    host_end(&h);

    /* No block to be had: the fragment is dropped, the rest goes on. */
    host_usual(&h, &MAC_A, 1);
    h.mem.asked = 0;
    h.mem.fail_at = 1;
    expect_drop(&h, frag4(0, 80, true, 1), NR_FRAG_NO_MEMORY);
    h.mem.asked = 0;
    h.mem.fail_at = 2;
    expect_drop(&h, frag4(0, 80, true, 1), NR_FRAG_NO_MEMORY);
    expect_nothing(&h, frag4(0, 80, true, 1));
    expect_whole(&h, frag4(80, 80, false, 1), 160);
    host_end(&h);
}

/* RFC 3168 §5.3. */
static void congestion_marks(void **state)
{
    (void)state;
    static const struct {
        uint8_t first, second;
        int want; /* -1: dropped */
    } t[] = {{2, 2, 2}, {2, 3, 3}, {3, 2, 3}, {0, 0, 0}, {0, 3, -1}, {3, 0, -1}};
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (uint16_t k = 0; k < sizeof t / sizeof *t; k++)
            for (unsigned part = 0; part < 2; part++) {
                struct flat *g = frag(v6, part * 80, 80, part == 0, (uint16_t)(k + 100));
                uint8_t ecn = part ? t[k].second : t[k].first;
                if (v6) {
                    g->b[15] |= (uint8_t)(ecn << 4);
                } else {
                    struct csum c = {0};
                    g->b[15] |= ecn;
                    put16(g->b + 24, 0);
                    csum_add(&c, g->b + 14, 20);
                    put16(g->b + 24, csum_field(&c));
                }
                if (part == 0) {
                    expect_nothing(&h, g);
                } else if (t[k].want < 0) {
                    expect_drop(&h, g, NR_FRAG_ECN);
                } else {
                    expect_whole(&h, g, 160);
                    assert_int_equal(h.d.h->tos & 3, t[k].want);
                }
            }
    host_end(&h);
}

/* Fragments are told apart by addresses, protocol and identification. */
static void keys(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    fill();
    expect_nothing(&h, frag4(0, 80, true, 1));
    struct ip_hdr ip = hdr("10.0.0.3", "10.0.0.1", IP_TCP);
    ip.offset = 80;
    ip.id = 1;
    expect_nothing(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, data + 80, 80)); /* another source */
    ip = hdr("10.0.0.2", "10.0.0.1", IP_UDP);
    ip.offset = 80;
    ip.id = 1;
    expect_nothing(&h, ip_frame(&f, &MAC_A, &MAC_B, &ip, data + 80, 80)); /* another protocol */
    expect_nothing(&h, frag4(80, 80, false, 2));                          /* another number */
    assert_int_equal(waiting(&h), 4);
    expect_whole(&h, frag4(80, 80, false, 1), 160);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order),     cmocka_unit_test(longest_headers),
        cmocka_unit_test(largest),          cmocka_unit_test(overlaps),
        cmocka_unit_test(bad_fragments),    cmocka_unit_test(headers_after),
        cmocka_unit_test(times_out),        cmocka_unit_test(limits),
        cmocka_unit_test(congestion_marks), cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
