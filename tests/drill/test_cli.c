/* test_cli.c: lastack drill: what it exits with, over files and folders. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#define DIR LASTACK_TESTS_DIR "/drill/"

static char output[1 << 16];

/* Runs it with standard output and error in `output`. */
static int drill(const char *const *words)
{
    char *argv[12], buf[12][300];
    int argc = 0, saved[2] = {dup(1), dup(2)}, rc;
    FILE *f = tmpfile();

    assert_non_null(f);
    fflush(stdout);
    dup2(fileno(f), 1);
    dup2(fileno(f), 2);
    for (; words[argc]; argc++) {
        snprintf(buf[argc], sizeof buf[argc], "%s", words[argc]);
        argv[argc] = buf[argc];
    }
    argv[argc] = NULL;
    rc = cmd_drill(argc, argv);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], 1 + i);
        close(saved[i]);
    }
    rewind(f);
    output[fread(output, 1, sizeof output - 1, f)] = 0;
    fclose(f);
    return rc;
}

#define DRILL(...) drill((const char *const[]){"drill", __VA_ARGS__, NULL})

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(DRILL(DIR "right"), CLI_OK);
    assert_non_null(strstr(output, "0 failed\n"));
    assert_int_equal(DRILL(DIR "right/passive.pkt", DIR "fails/ack.pkt"), CLI_FAILED);
    assert_non_null(strstr(output, "2 scripts: 1 passed, 1 failed\n"));
    assert_non_null(strstr(output, "fails/ack.pkt:10:1: at 0.100000 s: ack is 1, and not 2\n"
                                   "    10 | +0 > P. 1:11(10) ack 2\n"
                                   "  expected  > P. 1:11(10) ack 2\n"
                                   "  actual    > P. 1:11(10) ack 1 win 65535\n"));
    assert_int_equal(DRILL(DIR "wrong/udp.pkt"), CLI_FAILED);
    assert_non_null(strstr(output, "wrong/udp.pkt:2:6: UDP is not supported"));
    assert_int_equal(DRILL("--dry-run", DIR "fails"), CLI_OK);
    assert_int_equal(drill((const char *const[]){"drill", NULL}), CLI_WRONG_USE);
    assert_int_equal(DRILL(DIR "none.pkt"), CLI_FAILED);
    assert_int_equal(DRILL("--define", "NOVALUE", DIR "right"), CLI_WRONG_USE);
    assert_int_equal(DRILL("--mtu", "7", DIR "right"), CLI_FAILED);
    assert_non_null(strstr(output, "--mtu cannot be '7'"));
}

static void test_profile(void **state)
{
    (void)state;
    assert_int_equal(DRILL("--profile=linux", "-v", DIR "fails/window.pkt"), CLI_FAILED);
    assert_non_null(strstr(output, "> S. 0:0(0) ack 1 win "));
    assert_int_equal(DRILL("--profile=plan9", DIR "right"), CLI_FAILED);
    assert_non_null(strstr(output, "--profile cannot be 'plan9'"));
}

static void test_json(void **state)
{
    (void)state;
    assert_int_equal(DRILL("--json", DIR "fails/ack.pkt", DIR "wrong/udp.pkt"), CLI_FAILED);
    assert_int_equal(output[0], '[');
    assert_non_null(strstr(output, "\"line\":\t10"));
    assert_non_null(strstr(output, "\"actual\":\t\"> P. 1:11(10) ack 1 win 65535\""));
    assert_non_null(strstr(output, "\"error\":\t\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
