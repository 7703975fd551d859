/* test_options.c: TCP options where nobody expects them, and how large our segments are (RFC 9293
 * §3.1, §3.2, §3.7.1). */
#include "matrix/rows.h"

#define BYTES(...)                                                                                 \
    .raw = (const uint8_t[]){__VA_ARGS__}, .nraw = sizeof((const uint8_t[]){__VA_ARGS__})

static uint32_t mss_of(struct seg syn)
{
    struct kit *k = in_listen((struct how){.bare = true});
    syn.flags = S;
    syn.seq = IRS;
    in(k, syn);
    (void)expect(k, S | A, ISS, IRS + 1);
    uint32_t mss = kit_status(k).mss;
    kit_end(k);
    return mss;
}

/* MUST-4, MUST-6, MUST-64, MUST-68, MUST-69: wherever they begin, whatever lies between. */
static void odd_places(void **state)
{
    uint32_t none = round_v6() ? 1220 : 536; /* MUST-15 */
    (void)state;
    assert_int_equal(mss_of((struct seg){BYTES(2, 4, 4, 0xb0)}), 1200);
    assert_int_equal(mss_of((struct seg){BYTES(1, 2, 4, 4, 0xb0, 0, 0, 0)}), 1200);
    assert_int_equal(mss_of((struct seg){BYTES(1, 1, 1, 2, 4, 4, 0xb0, 0)}), 1200);
    assert_int_equal(mss_of((struct seg){BYTES(253, 6, 9, 9, 9, 9, 2, 4, 4, 0xb0, 0, 0)}), 1200);
    assert_int_equal(mss_of((struct seg){BYTES(254, 3, 2, 2, 4, 4, 0xb0, 0)}), 1200);
    assert_int_equal(mss_of((struct seg){BYTES(0, 2, 4, 4, 0xb0, 0, 0, 0)}), none);
    assert_int_equal(mss_of((struct seg){BYTES(2, 4, 4, 0xb0, 0, 2, 4, 2)}), 1200);
}

/* MUST-5: on every kind of segment; MSS counts on a SYN alone (MUST-65's other side). */
static void any_segment(void **state)
{
    static const uint8_t mixed[] = {1, 253, 5, 1, 2, 3, 2, 4, 0, 100, 1, 1};
    struct kit *k = in_established((struct how){.bare = true});
    uint32_t mss = kit_mss(k);
    (void)state;
    in(k, (struct seg){
              .flags = P | A, .seq = k->rcv, .ack = k->una, .len = 10, .raw = mixed, .nraw = 12});
    k->rcv += 10;
    fired(k, "TEXT_IN_ORDER", 1);
    assert_int_equal(kit_recv(k, 100), 10);
    assert_int_equal(kit_status(k).mss, mss);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->una, .raw = mixed, .nraw = 12});
    fired(k, "ACK_NOTHING_NEW", 1);
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una, .raw = mixed, .nraw = 12});
    k->rcv++;
    (void)expect(k, A, k->nxt, k->rcv);
    expect_state(k, LA_CLOSE_WAIT);
    in(k, (struct seg){.flags = R, .seq = k->rcv, .raw = mixed, .nraw = 12});
    expect_state(k, LA_CLOSED);
    kit_end(k);
}

static void ask_for_500(struct la_stack *s, la_conn c, la_ns now)
{
    assert_int_equal(la_setopt(s, c, LA_OPT_MAXSEG, 500, now), LA_OK);
}

/* MUST-16: the least of the peer's word, the path and the program's wish, less our options. */
static void effective_mss(void **state)
{
    uint32_t headers = round_v6() ? 60 : 40, ts = round_options() ? 12 : 0;
    const struct {
        struct how how;
        uint32_t mss;
    } cases[] = {
        {{.mss = 9000}, 1500 - headers - ts},
        {{.mss = 1000}, 1000 - ts},
        {{.mss = 1460, .mtu = 1400}, 1400 - headers - ts},
        {{.mss = 9000, .mtu = 9000}, 9000 - (headers > 40 ? headers : 40) - ts},
        {{.mss = MSS_NONE}, (round_v6() ? 1220U : 536U) - ts},
        {{.tune = ask_for_500}, 500 - ts},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit *k = in_established(cases[i].how);
        uint32_t mss = cases[i].mss < 9000 ? cases[i].mss : 9000;
        assert_int_equal(kit_send(k, mss + 1, 0), mss + 1);
        (void)expect_text(k, A, k->nxt, k->rcv, mss);
        expect_quiet(k); /* the one left over waits (Nagle) */
        kit_end(k);
    }
}

/* MUST-14, MUST-67, SHLD-5: what we announce is what the link carries, less the fixed headers. */
static void announced_mss(void **state)
{
    static const uint32_t mtu[] = {1280, 1500, 9000, 65535};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct kit *k = kit_new((struct how){.mtu = mtu[i]});
        struct la_endpoint there = {k->b, B_PORT, -1};
        struct seg g;
        assert_int_equal(la_socket(k->s, &k->c), LA_OK);
        assert_int_equal(la_connect(k->s, k->c, NULL, &there, k->now), LA_OK);
        assert_true(kit_take(k, &g));
        assert_int_equal(g.opts.mss, mtu[i] - (round_v6() ? 60 : 40));
        kit_end(k);
    }
}

int main(void)
{
    static const struct CMUnitTest rows[] = {
        cmocka_unit_test(odd_places),
        cmocka_unit_test(any_segment),
        cmocka_unit_test(effective_mss),
        cmocka_unit_test(announced_mss),
    };
    return MATRIX(rows);
}
