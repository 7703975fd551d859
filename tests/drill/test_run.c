/* test_run.c: running scripts: those of right/ pass, over IPv4, IPv6 and IPv4 behind IPv6 sockets;
 * of those of fails/ the line and the reason are told that their first line expects. */
#include "drill/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

static struct script *load(const char *folder, const char *name, const char *version, char *text)
{
    const struct script_option option = {"ip_version", version, {1, 1}, NULL};
    struct script_outside outside = {.options = version ? &option : NULL};
    struct drill_error err;
    struct script *s = NULL;
    char path[400];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, LASTACK_TESTS_DIR "/drill/%s/%s", folder, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, 1 << 16, f);
    fclose(f);
    text[n] = 0;
    if (strstr(text, "--ip_version")) /* it is about that one */
        outside.options = NULL;
    if (script_read(name, text, n, &outside, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static char text[(1 << 16) + 1];

static unsigned each(const char *folder, unsigned (*fn)(const char *name), unsigned *count)
{
    char path[400];
    DIR *d;
    struct dirent *e;
    unsigned bad = 0;

    snprintf(path, sizeof path, LASTACK_TESTS_DIR "/drill/%s", folder);
    d = opendir(path);
    assert_non_null(d);
    *count = 0;
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".pkt")) {
            bad += fn(e->d_name);
            ++*count;
        }
    closedir(d);
    return bad;
}

static unsigned one_fails(const char *name)
{
    struct script *s = load("fails", name, NULL, text);
    struct run_failure f;
    char want[500], got[500];
    la_ns when;
    bool ok;

    assert_true(strncmp(text, "# expects: ", 11) == 0);
    snprintf(want, sizeof want, "%.*s", (int)strcspn(text + 11, "\n"), text + 11);
    ok = script_run(s, NULL, &f, &when);
    snprintf(got, sizeof got, "%u:%u: %s", f.at.line, f.at.col, ok ? "it passed" : f.why);
    script_free(s);
    if (strcmp(want, got) == 0)
        return 0;
    print_error("%s: expected %s\n%s: but got  %s\n", name, want, name, got);
    return 1;
}

static void test_fails(void **state)
{
    unsigned n;

    (void)state;
    assert_int_equal(each("fails", one_fails, &n), 0);
    assert_true(n >= 25);
}

static unsigned one_right(const char *name)
{
    static const char *const versions[] = {"ipv4", "ipv6", "ipv4-mapped-ipv6"};
    unsigned bad = 0;

    for (int v = 0; v < 3; v++) {
        struct script *s = load("right", name, versions[v], text);
        struct run_failure f;
        la_ns when;

        if (!script_run(s, NULL, &f, &when)) {
            print_error("%s over %s: %u:%u: %s\nexpected %s\nactual   %s\n", name, versions[v],
                        f.at.line, f.at.col, f.why, f.expected, f.actual);
            bad++;
        }
        script_free(s);
    }
    return bad;
}

static void test_right(void **state)
{
    unsigned n;

    (void)state;
    assert_int_equal(each("right", one_right, &n), 0);
    assert_true(n >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fails),
        cmocka_unit_test(test_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
