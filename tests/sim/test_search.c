/* test_search.c: the search over fixed seeds: what must hold, holds; the same seed is the same
 * world; every state met every kind of segment.  LASTACK_TEST_WORLDS sets how many (1500). */
#include "sim/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct search_stats stats;

static void test_worlds(void **unused)
{
    const char *env = getenv("LASTACK_TEST_WORLDS");
    unsigned long n = env ? strtoul(env, NULL, 10) : 1500;
    (void)unused;
    for (uint64_t seed = 1; seed <= n; seed++) {
        struct search_config cfg = {.seed = seed};
        struct search_result r;
        sim_free(search_run(&cfg, &r, &stats));
        if (!r.ok)
            fail_msg("seed %llu: %s", (unsigned long long)seed, r.text);
    }
    assert_true(stats.orderly > n && stats.judged > 2 * n && stats.accepted > 2 * n &&
                stats.bytes > 1000 * n);
}

/* Worlds that once failed, cut down to what it took: all but this is off. */
#define ON(f) 1U << SEARCH_##f
static const struct {
    const char *what;
    struct search_config world;
} found[] = {
    {"closed windows, and probes that cross",
     {.seed = 275008296991U,
      .conns = 7,
      .off = ~(ON(RATE) | ON(OPTIONS) | ON(BUFFERS) | ON(SLOW) | ON(CROSS))}},
    {"a window of four bytes, and much to carry",
     {.seed = 957231403408U,
      .conns = 2,
      .off = ~(ON(REORDER) | ON(RATE) | ON(BLACK_HOLE) | ON(BUFFERS) | ON(CROSS) | ON(REST))}},
    {"both sent what the scale rounds off the other's window", {.seed = 6775}},
    {"a forged number from far away, a forged FIN, and text that says it was none",
     {.seed = 918904186110U,
      .conns = 3,
      .off = ~(ON(REORDER) | ON(CORRUPT) | ON(ETHERNET) | ON(MTU) | ON(BUFFERS) | ON(SLOW) |
               ON(RUDE) | ON(HOSTILE))}},
    {"a next hop was gone, and a silly window held up what waited for it",
     {.seed = 630014521935U,
      .conns = 9,
      .off = ~(ON(CORRUPT) | ON(CUT) | ON(ETHERNET) | ON(BUFFERS) | ON(CROSS))}},
    {"a forged SYN comes before ours could leave, and a FIN behind it",
     {.seed = 636171058872U,
      .conns = 1,
      .off = ~(ON(ETHERNET) | ON(SLOW) | ON(CRASH) | ON(HOSTILE))}},
    {"a FIN in the window that only the SYN announced",
     {.seed = 106657153184U,
      .conns = 9,
      .off = ~(ON(DUP) | ON(RATE) | ON(OPTIONS) | ON(BUFFERS) | ON(REFUSE) | ON(MSL) | ON(SLOW) |
               ON(HOSTILE))}},
};

static void test_found(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        struct search_stats ignored = {0};
        struct search_result r;
        sim_free(search_run(&found[i].world, &r, &ignored));
        if (!r.ok)
            fail_msg("%s: %s", found[i].what, r.text);
    }
}

/* What one seed decides, it decides every time; and a feature that is off does nothing. */
static void test_same_seed_same_world(void **unused)
{
    (void)unused;
    for (uint64_t seed = 5000; seed < 5020; seed++) {
        struct search_config cfg = {.seed = seed};
        struct search_stats ignored = {0};
        struct search_result a, b;
        sim_free(search_run(&cfg, &a, &ignored));
        sim_free(search_run(&cfg, &b, &ignored));
        assert_true(a.hash == b.hash && a.features == b.features);
        cfg.off = ~a.features & ((1U << SEARCH_FEATURE_COUNT) - 1);
        sim_free(search_run(&cfg, &b, &ignored));
        assert_true(a.hash == b.hash);
    }
}

static void test_every_state_met_every_segment(void **unused)
{
    (void)unused;
    for (int st = 0; st < LA_STATES; st++)
        for (int k = 0; k < SEARCH_KIND_COUNT; k++)
            if (stats.visited[st][k] == 0)
                fail_msg("%s never met %s", la_state_name((enum la_state)st),
                         search_kind_name((enum search_kind)k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worlds),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_same_seed_same_world),
        cmocka_unit_test(test_every_state_met_every_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
