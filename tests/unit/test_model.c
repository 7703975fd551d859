/* test_model.c: the model that `make prove` searches is of this core: it has the same states and
 * takes the same edges (prove/edges.txt, as spin found them) as the table that tcp_enter asserts.
 */
#include "tcp/spine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum la_state state_of(const char *name)
{
    for (int s = 0; s < LA_STATES; s++)
        if (strcmp(la_state_name((enum la_state)s), name) == 0)
            return (enum la_state)s;
    fail_msg("the core has no state %s", name);
    return LA_CLOSED;
}

static void test_same_edges(void **unused)
{
    bool taken[LA_STATES][LA_STATES] = {{false}};
    char from[32], to[32];
    FILE *f = fopen(LASTACK_SOURCE "/prove/edges.txt", "r");
    (void)unused;
    assert_non_null(f);
    while (fscanf(f, "%31s %31s", from, to) == 2)
        taken[state_of(from)][state_of(to)] = true;
    fclose(f);
    for (int i = 0; i < LA_STATES; i++) {
        for (int k = 0; k < LA_STATES; k++) {
            bool core = tcp_edge((enum la_state)i, (enum la_state)k);
            if (core != taken[i][k])
                fail_msg("%s to %s is an edge of the %s alone", la_state_name((enum la_state)i),
                         la_state_name((enum la_state)k), core ? "core" : "model");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
