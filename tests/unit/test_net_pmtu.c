/* test_net_pmtu.c: the path MTU cache (RFC 1191, RFC 8201): what is learned, for how long, and what
 * is not believed. */
#include "net_util.h"

static const struct net_path path = {.ifx = 0};

static uint32_t pmtu(const struct host *h, const char *remote)
{
    struct la_addr a = addr(remote);
    return net_pmtu(h->n, &path, &a);
}

/* A packet of `size` bytes to `remote` was too big; the router says `mtu`, or 0. */
static uint32_t too_big(struct host *h, const char *remote, uint32_t mtu, uint32_t size)
{
    struct icmp_err e = {
        .kind = ICMP_KIND_PTB, .remote = addr(remote), .mtu = mtu, .quoted_len = size};
    return net_pmtu_too_big(h->n, &path, &e, h->now);
}

static void learns_for_one_destination(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1500);
    assert_int_equal(too_big(&h, "10.9.9.9", 1400, 1500), 1400);
    assert_int_equal(too_big(&h, "fd00::99", 1280, 1500), 1280);
    assert_int_equal(count(&h, NR_PMTU_LEARNED), 2);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1400);
    assert_int_equal(pmtu(&h, "10.9.9.8"), 1500);
    assert_int_equal(pmtu(&h, "fd00::99"), 1280);
    host_end(&h);
}

/* RFC 1191 §3: never up; and never below what every link carries. */
static void only_down(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    assert_int_equal(too_big(&h, "10.9.9.9", 1400, 1500), 1400);
    assert_int_equal(too_big(&h, "10.9.9.9", 1400, 1500), 1400);
    assert_int_equal(too_big(&h, "10.9.9.9", 1500, 1500), 1400);
    assert_int_equal(too_big(&h, "10.9.9.9", 65535, 1500), 1400);
    assert_int_equal(count(&h, NR_PMTU_NOT_LOWER), 3);
    assert_int_equal(count(&h, NR_PMTU_LEARNED), 1);
    assert_int_equal(too_big(&h, "10.9.9.9", 1, 1500), 68);
    assert_int_equal(too_big(&h, "fd00::99", 1, 1500), 1280);
    host_end(&h);
}

/* A router that does not say: the next plateau below what was sent (RFC 1191 table 7-1). */
static void plateaus(void **state)
{
    static const uint32_t next[] = {1492, 1006, 508, 296, 68};
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    uint32_t size = 1500;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(too_big(&h, "10.9.9.9", 0, size), next[i]);
        size = next[i];
    }
    assert_int_equal(count(&h, NR_PMTU_PLATEAU), 5);
    /* Old routers add the header's length once more (RFC 1191 §5). */
    assert_int_equal(too_big(&h, "10.9.9.8", 0, 1520), 1492);
    host_end(&h);
}

/* Ten minutes after its last change an entry is forgotten, and the path is tried again. */
static void forgets(void **state)
{
    (void)state;
    struct host h;
    host_usual(&h, &MAC_A, 1);
    assert_int_equal(too_big(&h, "10.9.9.9", 1400, 1500), 1400);
    run(&h, LA_SEC(300));
    assert_int_equal(too_big(&h, "10.9.9.9", 1300, 1400), 1300);
    run(&h, LA_SEC(599));
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1300);
    assert_int_equal(count(&h, NR_PMTU_AGED), 0);
    run(&h, LA_SEC(2));
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1500);
    assert_int_equal(count(&h, NR_PMTU_AGED), 1);
    host_end(&h);
}

/* A guess is proven, refuted, or overtaken by what a router says. */
static void guesses(void **state)
{
    (void)state;
    struct host h;
    struct la_addr to = addr("10.9.9.9");
    host_usual(&h, &MAC_A, 1);
    net_pmtu_refute(h.n, &to);
    net_pmtu_prove(h.n, &to);
    net_pmtu_suspect(h.n, &to, 1024, h.now);
    net_pmtu_suspect(h.n, &to, 576, h.now);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 576);
    net_pmtu_refute(h.n, &to);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1500);
    assert_int_equal(too_big(&h, "10.9.9.9", 1400, 1500), 1400);
    net_pmtu_suspect(h.n, &to, 1024, h.now);
    net_pmtu_refute(h.n, &to);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1400);
    net_pmtu_suspect(h.n, &to, 1024, h.now);
    net_pmtu_prove(h.n, &to);
    net_pmtu_refute(h.n, &to);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 1024);
    net_pmtu_suspect(h.n, &to, 800, h.now);
    assert_int_equal(too_big(&h, "10.9.9.9", 700, 800), 700);
    net_pmtu_refute(h.n, &to);
    assert_int_equal(pmtu(&h, "10.9.9.9"), 700);
    host_end(&h);
}

/* The cache is full: the one that changed least recently goes. */
static void evicts_the_oldest(void **state)
{
    (void)state;
    struct host h;
    char to[32];
    host_usual(&h, &MAC_A, 1);
    for (unsigned i = 0; i < h.cfg.max_pmtu; i++) {
        snprintf(to, sizeof to, "10.9.9.%u", i + 1);
        assert_int_equal(too_big(&h, to, 1400, 1500), 1400);
    }
    assert_int_equal(too_big(&h, "10.9.9.1", 1300, 1400), 1300); /* young again */
    assert_int_equal(count(&h, NR_PMTU_EVICTED), 0);
    assert_int_equal(too_big(&h, "10.9.9.100", 1400, 1500), 1400);
    assert_int_equal(count(&h, NR_PMTU_EVICTED), 1);
    assert_int_equal(pmtu(&h, "10.9.9.1"), 1300);
    assert_int_equal(pmtu(&h, "10.9.9.2"), 1500);
    assert_int_equal(pmtu(&h, "10.9.9.100"), 1400);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_for_one_destination),
        cmocka_unit_test(only_down),
        cmocka_unit_test(plateaus),
        cmocka_unit_test(forgets),
        cmocka_unit_test(guesses),
        cmocka_unit_test(evicts_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
