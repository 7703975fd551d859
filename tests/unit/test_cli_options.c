/* Command lines: values, tables of options, and the one line that a mistake gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char said[1024];

/* Runs a command line of words separated by single spaces, with standard error in `said`. */
static int parse(const struct opt *table, const char *line, char **argv_out)
{
    static const struct cli_usage u = {
        .command = "nc", .synopsis = "", .about = "", .examples = ""};
    static char words[256];
    static char *argv[32];
    const struct opt *const tables[OPT_TABLES] = {table};
    int argc = 0, fd = dup(2), rc;
    FILE *tmp = tmpfile();
    size_t n;

    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    fflush(stderr);
    dup2(fileno(tmp), 2);
    rc = opts_parse(&u, tables, argc, argv);
    fflush(stderr);
    dup2(fd, 2);
    close(fd);
    rewind(tmp);
    n = fread(said, 1, sizeof said - 1, tmp);
    said[n] = '\0';
    fclose(tmp);
    if (argv_out)
        memcpy(argv_out, argv, sizeof(char *) * 8);
    return rc;
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        la_ns ns;
    } good[] = {{"30s", LA_SEC(30)},      {"30", LA_SEC(30)},
                {"500ms", LA_MSEC(500)},  {"2m", LA_SEC(120)},
                {"2min", LA_SEC(120)},    {"1h", LA_SEC(3600)},
                {"100us", LA_USEC(100)},  {"0.5s", LA_MSEC(500)},
                {"1.5 s", LA_MSEC(1500)}, {"0", 0}};
    static const char *const bad[] = {"",    "s",   "-1s", "1d",  "1 s s", "1e99h",
                                      "nan", "inf", "0x",  ".5s", "30S"};
    la_ns v;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cli_duration(good[i].text, &v), LA_OK);
        assert_true(v == good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cli_duration(bad[i], &v), LA_EINVAL);
}

static void ports(void **state)
{
    uint16_t p;

    (void)state;
    assert_int_equal(cli_port("1", &p), LA_OK);
    assert_int_equal(cli_port("65535", &p), LA_OK);
    assert_int_equal(p, 65535);
    assert_int_equal(cli_port("0", &p), LA_EINVAL);
    assert_int_equal(cli_port("65536", &p), LA_EINVAL);
    assert_int_equal(cli_port("http", &p), LA_EINVAL);
    assert_int_equal(cli_port("80 ", &p), LA_EINVAL);
    assert_int_equal(cli_port("", &p), LA_EINVAL);
    assert_int_equal(cli_port("18446744073709551617", &p), LA_EINVAL);
}

static void prefixes(void **state)
{
    struct la_addr a, want = la_addr_v4(10, 77, 0, 2);
    unsigned len;

    (void)state;
    assert_int_equal(la_host_parse_prefix("10.77.0.2/24", &a, &len), LA_OK);
    assert_true(la_addr_eq(&a, &want));
    assert_int_equal(len, 24);
    assert_int_equal(la_host_parse_prefix("10.77.0.2", &a, &len), LA_OK);
    assert_int_equal(len, 32);
    assert_int_equal(la_host_parse_prefix("fd77::2/64", &a, &len), LA_OK);
    assert_int_equal(len, 64);
    assert_int_equal(a.b[0], 0xfd);
    assert_int_equal(a.b[15], 2);
    assert_int_equal(la_host_parse_prefix("10.77.0.2/33", &a, &len), LA_EINVAL);
    assert_int_equal(la_host_parse_prefix("fd77::2/129", &a, &len), LA_EINVAL);
    assert_int_equal(la_host_parse_prefix("10.77.0.2/", &a, &len), LA_EINVAL);
    assert_int_equal(la_host_parse_prefix("/24", &a, &len), LA_EINVAL);
    assert_int_equal(la_host_parse_prefix("10.77.0.2/-1", &a, &len), LA_EINVAL);
    assert_int_equal(la_host_parse_prefix("10.77.0/24", &a, &len), LA_EINVAL);
}

static void forms(void **state)
{
    bool listen = false, verbose = false;
    uint32_t mtu = 0;
    const char *dev = NULL;
    la_ns wait = 0;
    const struct opt table[] = {
        {"listen", 'l', OPT_FLAG, &listen, NULL, "", 0, 0},
        {"verbose", 'v', OPT_FLAG, &verbose, NULL, "", 0, 0},
        {"mtu", 'm', OPT_UINT, &mtu, "N", "", 68, 65535},
        {"dev", 0, OPT_TEXT, &dev, "NAME", "", 0, 0},
        {"timeout", 'w', OPT_DURATION, &wait, "TIME", "", 0, 0},
        {0},
    };
    char *argv[8];

    (void)state;
    assert_int_equal(parse(table, "nc -lv --mtu=1500 host --dev tap:x -w2s 80", argv), 2);
    assert_true(listen && verbose);
    assert_int_equal(mtu, 1500);
    assert_string_equal(dev, "tap:x");
    assert_true(wait == LA_SEC(2));
    assert_string_equal(argv[1], "host");
    assert_string_equal(argv[2], "80");
    assert_string_equal(said, "");
    assert_int_equal(parse(table, "nc -w 3s -- -l -", argv), 2);
    assert_string_equal(argv[1], "-l");
    assert_string_equal(argv[2], "-");
    assert_true(wait == LA_SEC(3));
    assert_int_equal(parse(table, "nc", argv), 0);
}

static void mistakes(void **state)
{
    bool flag = false;
    uint32_t mtu = 0;
    la_ns wait = 0;
    const struct opt table[] = {
        {"listen", 'l', OPT_FLAG, &flag, NULL, "", 0, 0},
        {"mtu", 0, OPT_UINT, &mtu, "N", "", 68, 65535},
        {"msl", 'w', OPT_DURATION, &wait, "TIME", "", 0, 0},
        {"linger", 0, OPT_DURATION, &wait, "TIME", "", 10, 120000},
        {0},
    };
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"nc --lisen", "lastack nc: no option --lisen; did you mean --listen?\n"},
        {"nc --zebra", "lastack nc: no option --zebra: type lastack nc --help\n"},
        {"nc -x", "lastack nc: no option -x: type lastack nc --help\n"},
        {"nc --mtu", "lastack nc: --mtu needs its value: type --mtu N\n"},
        {"nc --mtu 67", "lastack nc: --mtu takes a number from 68 to 65535, not '67'\n"},
        {"nc --mtu 15x", "lastack nc: --mtu takes a number from 68 to 65535, not '15x'\n"},
        {"nc --msl soon", "lastack nc: --msl takes a time like 30s, 500ms or 2m, not 'soon'\n"},
        {"nc --linger 0", "lastack nc: --linger takes a time from 10ms to 2m, like 30s, not '0'\n"},
        {"nc --linger 121s",
         "lastack nc: --linger takes a time from 10ms to 2m, like 30s, not '121s'\n"},
        {"nc -w", "lastack nc: -w needs its value: type -w TIME\n"},
        {"nc --listen=yes", "lastack nc: --listen takes no value: type --listen alone\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(table, wrong[i].line, NULL), -1 - CLI_WRONG_USE);
        assert_string_equal(said, wrong[i].says);
    }
    assert_int_equal(wait, 0);
    assert_int_equal(parse(table, "nc --linger 10ms --linger=2m", NULL), 0);
    assert_true(wait == LA_SEC(120));
}

static void times(void **state)
{
    char buf[32];

    (void)state;
    assert_string_equal(cli_duration_text(0, buf), "0 ms");
    assert_string_equal(cli_duration_text(LA_MSEC(999), buf), "999 ms");
    assert_string_equal(cli_duration_text(LA_MSEC(4250), buf), "4.2 s");
    assert_string_equal(cli_duration_text(LA_SEC(125), buf), "2 min 5 s");
    assert_string_equal(cli_duration_text(LA_SEC(7260), buf), "2 h 1 min");
    assert_string_equal(cli_duration_text(LA_NEVER, buf), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations), cmocka_unit_test(ports),    cmocka_unit_test(prefixes),
        cmocka_unit_test(forms),     cmocka_unit_test(mistakes), cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
