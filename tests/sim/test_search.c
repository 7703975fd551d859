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

/* Worlds that once failed, cut down to what it took. */
static void test_found(void **unused)
{
    (void)unused;
    struct search_config probes_cross = {
        .seed = 275008296991U,
        .conns = 7,
        .off = 1U << SEARCH_LOSS | 1U << SEARCH_DUP | 1U << SEARCH_REORDER | 1U << SEARCH_CORRUPT |
               1U << SEARCH_CUT | 1U << SEARCH_BLACK_HOLE | 1U << SEARCH_ETHERNET |
               1U << SEARCH_V6 | 1U << SEARCH_MTU | 1U << SEARCH_OFFLOAD | 1U << SEARCH_TIMERS |
               1U << SEARCH_LIMITS | 1U << SEARCH_REFUSE | 1U << SEARCH_MSL | 1U << SEARCH_RUDE |
               1U << SEARCH_REUSE | 1U << SEARCH_URGENT | 1U << SEARCH_CRASH | 1U << SEARCH_BLIND |
               1U << SEARCH_HOSTILE | 1U << SEARCH_REST,
    };
    struct search_config small_window = {
        .seed = 957231403408U,
        .conns = 2,
        .off = 1U << SEARCH_LOSS | 1U << SEARCH_DUP | 1U << SEARCH_CORRUPT | 1U << SEARCH_CUT |
               1U << SEARCH_ETHERNET | 1U << SEARCH_V6 | 1U << SEARCH_MTU | 1U << SEARCH_OFFLOAD |
               1U << SEARCH_OPTIONS | 1U << SEARCH_TIMERS | 1U << SEARCH_LIMITS |
               1U << SEARCH_REFUSE | 1U << SEARCH_MSL | 1U << SEARCH_SLOW | 1U << SEARCH_RUDE |
               1U << SEARCH_REUSE | 1U << SEARCH_URGENT | 1U << SEARCH_CRASH | 1U << SEARCH_BLIND |
               1U << SEARCH_HOSTILE,
    };
    struct search_stats ignored = {0};
    struct search_result r;
    sim_free(search_run(&probes_cross, &r, &ignored));
    if (!r.ok)
        fail_msg("closed windows, and probes that cross: %s", r.text);
    sim_free(search_run(&small_window, &r, &ignored));
    if (!r.ok)
        fail_msg("a window of four bytes, and much to carry: %s", r.text);
    struct search_config rounded = {.seed = 6775};
    sim_free(search_run(&rounded, &r, &ignored));
    if (!r.ok)
        fail_msg("both sent what the scale rounds off the other's window: %s", r.text);
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
