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
}

/* What no script could take is the command line's mistake, told once, with what there is to type.
 */
static void test_wrong_use(void **state)
{
    static const struct {
        const char *words[3], *says;
    } wrong[] = {
        {{"--mtu=x"}, "--mtu takes a number from 68 to 65535, not 'x'"},
        {{"--mtu=67"}, "--mtu takes a number from 68 to 65535, not '67'"},
        {{"--ip_version=ipv6", "--mtu=576"}, "--mtu takes a number from 1280 to 65535, not '576'"},
        {{"--ip_version=ipv5"}, "--ip_version takes ipv4, ipv6 or ipv4-mapped-ipv6, not 'ipv5'"},
        {{"--local_ip=here"}, "--local_ip takes an address, not 'here'"},
        {{"--ip_version=ipv6", "--remote_ip=192.0.2.1"},
         "--remote_ip takes an IPv6 address, not '192.0.2.1'"},
        {{"--ip_version=ipv4", "--local_ip=fd00::1"},
         "--local_ip takes an IPv4 address, not 'fd00::1'"},
        {{"--gateway_ip="}, "--gateway_ip takes an address, not ''"},
        {{"--bind_port=0"}, "--bind_port takes a number from 1 to 65535, not '0'"},
        {{"--connect_port=http"}, "--connect_port takes a number from 1 to 65535, not 'http'"},
        {{"--tolerance_usecs=-1"},
         "--tolerance_usecs takes a number from 0 to 1000000000, not '-1'"},
        {{"--profile=plan9"}, "--profile takes rfc, linux or freebsd, not 'plan9'"},
    };
    char want[200];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *const *w = wrong[i].words;
        const char *line[] = {"drill", DIR "right", w[0], w[1], NULL};

        assert_int_equal(drill(line), CLI_WRONG_USE);
        snprintf(want, sizeof want, "lastack drill: %s\n", wrong[i].says);
        assert_string_equal(output, want);
    }
    /* Which family a script is for may be said in the script. */
    assert_int_equal(
        DRILL("-n", "--ip_version=ipv6", "--local_ip=fd00::1", DIR "right/passive.pkt"), CLI_OK);
    assert_int_equal(DRILL("-n", "--local_ip=fd00::1", DIR "right/passive.pkt"), CLI_FAILED);
}

static void test_input(void **state)
{
    int saved = dup(0);

    (void)state;
    assert_int_equal(DRILL("/dev/zero"), CLI_FAILED);
    assert_non_null(strstr(output, "FAIL /dev/zero:1:1: a script may have 4194304 bytes"));
    assert_int_equal(dup2(open(DIR "right/passive.pkt", O_RDONLY), 0), 0);
    assert_int_equal(DRILL("-"), CLI_OK);
    assert_non_null(strstr(output, "1 script: 1 passed, 0 failed\n"));
    dup2(saved, 0);
    close(saved);
}

static void test_profile(void **state)
{
    (void)state;
    assert_int_equal(DRILL("--profile=linux", "-v", DIR "fails/window.pkt"), CLI_FAILED);
    assert_non_null(strstr(output, "> S. 0:0(0) ack 1 win "));
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
        cmocka_unit_test(test_exit),  cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_input), cmocka_unit_test(test_profile),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
