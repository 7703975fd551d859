/* test_code.c: the values of %{ blocks }%, which are Python's. */
#include "drill/code.h"
#include "drill/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char printed[400];

static bool lookup(void *ctx, const char *name, int64_t *value)
{
    (void)ctx;
    *value = 7;
    return strcmp(name, "seven") == 0;
}

static void print(void *ctx, const char *line)
{
    (void)ctx;
    snprintf(printed, sizeof printed, "%s", line);
}

static const struct code_host host = {lookup, print, false, NULL, NULL};

static void holds(const char *text)
{
    struct place where;
    char why[300];

    if (code_run(text, (struct place){1, 1}, &host, &where, why) != CODE_HELD)
        fail_msg("%s: %u:%u: %s", text, where.line, where.col, why);
}

static void ends(const char *text, enum code_end end, uint32_t line, uint32_t col, const char *says)
{
    struct place where;
    char why[300];

    assert_int_equal(code_run(text, (struct place){1, 1}, &host, &where, why), end);
    assert_string_equal(why, says);
    assert_int_equal(where.line, line);
    assert_int_equal(where.col, col);
}

static void test_arithmetic(void **state)
{
    (void)state;
    holds("assert 2 + 3 * 4 == 14 and (2 + 3) * 4 == 20");
    holds("assert 7 // 2 == 3 and -7 // 2 == -4 and 7 // -2 == -4"); /* down, not toward zero */
    holds("assert -7 % 3 == 2 and 7 % -3 == -2 and 7 % 3 == 1");
    holds("assert 7 / 2 == 3.5 and int(7 / 2) == 3 and 1.5 + 1 == 2.5");
    holds("assert 1 << 4 == 16 and 255 >> 4 == 15 and 6 & 3 == 2 and 6 | 1 == 7 and 6 ^ 3 == 5");
    holds("assert 0x10 == 16 and ~0 == -1 and - -3 == 3");
    holds("assert abs(-3) == 3 and min(3, 1, 2) == 1 and max(3, 1, 2) == 3");
    holds("assert seven == 7 and seven * seven == 49");
}

static void test_logic(void **state)
{
    (void)state;
    holds("assert 1 < 2 <= 2 < 3 and not 1 < 3 < 2");
    holds("assert seven in (6, 7, 8) and not seven in [1, 2]");
    holds("assert 0 or 3; assert not 0 and True and not False");
    holds("assert 'a' == \"a\" and 'a' != 'b' and 'a' < 'b'");
    holds("x = seven + 1\nassert x == 8; x = x * 2\nassert (x ==\n 16)\n# a comment\n");
    holds("");
}

static void test_says(void **state)
{
    (void)state;
    ends("assert seven == 8", CODE_FAILED, 1, 1, "assert seven == 8: seven is 7");
    ends("x = 1\n assert seven > 9, 'too few'", CODE_FAILED, 2, 2,
         "assert seven > 9, 'too few': seven is 7 (too few)");
    ends("assert 1 / (seven - 7)", CODE_WRONG, 1, 10, "division by zero");
    ends("assert eight", CODE_WRONG, 1, 8, "nothing is called 'eight' here");
    ends("assert 9223372036854775807 + 1", CODE_WRONG, 1, 28, "the result is no number of 64 bits");
    ends("for x in (1, 2)", CODE_WRONG, 1, 1,
         "'for' is not supported in a block: assert, print and = are");
    ends("assert 'a' + 1", CODE_WRONG, 1, 12, "a string cannot be reckoned with");
    ends("assert sqrt(2)", CODE_WRONG, 1, 8,
         "no function of blocks is called 'sqrt': abs, int, min, max");
}

/* Digits enough for infinity, and what comes of it. */
static void test_no_integer(void **state)
{
    char nines[401], text[500];

    (void)state;
    memset(nines, '9', sizeof nines - 1);
    nines[sizeof nines - 1] = 0;
    snprintf(text, sizeof text, "assert int(%s.0)", nines);
    ends(text, CODE_WRONG, 1, 8, "the result is no number of 64 bits");
    snprintf(text, sizeof text, "assert int(%s.0 * 0)", nines);
    ends(text, CODE_WRONG, 1, 8, "the result is no number of 64 bits");
}

static void test_print(void **state)
{
    (void)state;
    holds("print('cwnd', seven, 1.5)");
    assert_string_equal(printed, "cwnd 7 1.5");
    holds("print seven");
    assert_string_equal(printed, "7");
}

/* Offsets of the ABI: a byte array whose every byte is its own place. */
static void test_info(void **state)
{
    unsigned char info[280];
    int64_t v;

    (void)state;
    for (unsigned i = 0; i < sizeof info; i++)
        info[i] = (unsigned char)i;
    assert_true(info_value("tcpi_backoff", info, sizeof info, &v));
    assert_int_equal(v, 4);
    assert_true(info_value("tcpi_rto", info, sizeof info, &v));
    assert_int_equal(v, 0x0b0a0908);
    assert_true(info_value("tcpi_snd_cwnd", info, sizeof info, &v));
    assert_int_equal(v, 0x53525150);
    assert_true(info_value("tcpi_snd_wscale", info, sizeof info, &v) && v == 6);
    assert_true(info_value("tcpi_rcv_wscale", info, sizeof info, &v) && v == 0);
    assert_true(info_value("tcpi_snd_wnd", info, 200, &v) && v == 0); /* an older kernel's */
    assert_false(info_value("tcpi_none", info, sizeof info, &v));
}

static void test_deep(void **state)
{
    static char text[20000] = "assert ";

    (void)state;
    memset(text + 7, '(', sizeof text - 8);
    ends(text, CODE_WRONG, 1, 10005, "nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_logic),
        cmocka_unit_test(test_says),       cmocka_unit_test(test_no_integer),
        cmocka_unit_test(test_print),      cmocka_unit_test(test_info),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
