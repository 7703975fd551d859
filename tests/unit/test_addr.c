/* Addresses as text (RFC 4291 §2.2, RFC 5952 §4-5), their predicates, and the names of public
 * enums. */
#include "unit/base_kit.h"

#include <lastack/types.h>

static void parses_what_it_should(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t b[16];
    } v[] = {
        {"10.0.0.1", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}},
        {"255.255.255.255", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 255, 255, 255, 255}},
        {"0.0.0.0", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}},
        {"::", {0}},
        {"::1", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {"1::", {0, 1}},
        {"fe80::1:2", {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}},
        {"FE80::ABCD", {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd}},
        {"1:2:3:4:5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3:4:5:6:7::", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
        {"::2:3:4:5:6:7:8", {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3::5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 0, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"::ffff:1.2.3.4", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}},
        {"1:2:3:4:5:6:1.2.3.4", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4}},
        {"0001:0000::", {0, 1}},
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct la_addr a;
        memset(&a, 0x77, sizeof a);
        assert_int_equal(la_addr_parse(v[i].text, &a), LA_OK);
        assert_memory_equal(a.b, v[i].b, 16);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.4.",
        "1.2.3.4.5",
        ".1.2.3.4",
        "1..2.3",
        "256.1.1.1",
        "1.2.3.1000",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "+1.2.3.4",
        "-1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4x",
        "1.2.3.0x4",
        ":",
        ":::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "1::2::3",
        "1:::2",
        "::1:",
        "12345::",
        "g::",
        "::1%eth0",
        "::1/64",
        "::1 ",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "::1.2.3",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.256",
        "1.2.3.4::",
        "[::1]",
        "10.0.0.1:80",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct la_addr a;
        memset(&a, 0x77, sizeof a);
        if (la_addr_parse(bad[i], &a) != LA_EINVAL)
            fail_msg("accepted \"%s\"", bad[i]);
        assert_int_equal(a.b[0], 0x77); /* untouched */
    }
    struct la_addr a;
    assert_int_equal(la_addr_parse(NULL, &a), LA_EINVAL);
}

static void formats_by_rfc5952(void **state)
{
    (void)state;
    static const char *const v[][2] = {
        {"2001:0db8::0001", "2001:db8::1"},               /* §4.1 leading zeros */
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},        /* §4.2.1 as far as possible */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* §4.2.2 not one group alone */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* §4.2.3 the longest run */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* §4.2.3 the first of equals */
        {"2001:DB8::ABCD", "2001:db8::abcd"},             /* §4.3 lower case */
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},
        {"::ffff:c0a8:1", "192.168.0.1"}, /* carried IPv4 is written as IPv4 */
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct la_addr a;
        char buf[LA_ADDR_STRLEN];
        assert_int_equal(la_addr_parse(v[i][0], &a), LA_OK);
        assert_ptr_equal(la_addr_format(&a, buf), buf);
        assert_string_equal(buf, v[i][1]);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 7;

    for (int i = 0; i < 20000; i++) {
        struct la_addr a;
        struct la_addr b;
        char buf[LA_ADDR_STRLEN];
        uint32_t zeros = kit_rand(&seed); /* many zero groups */
        for (unsigned j = 0; j < 16; j++)
            a.b[j] = zeros >> (j / 2) & 1 ? 0 : (uint8_t)kit_rand(&seed);
        la_addr_format(&a, buf);
        assert_in_range(strlen(buf), 2, LA_ADDR_STRLEN - 1);
        assert_int_equal(la_addr_parse(buf, &b), LA_OK);
        assert_true(la_addr_eq(&a, &b));
    }
}

static void random_text_is_survived(void **state)
{
    (void)state;
    static const char letters[] = "0123456789abcdefF:::....%gx ";
    uint64_t seed = 8;

    for (int i = 0; i < 50000; i++) {
        char text[48];
        uint32_t n = kit_below(&seed, sizeof text);
        for (uint32_t j = 0; j < n; j++)
            text[j] = letters[kit_below(&seed, sizeof letters - 1)];
        text[n] = '\0';
        char *exact = (char *)kit_exact(text, n + 1);
        struct la_addr a;
        int r = la_addr_parse(exact, &a);
        assert_true(r == LA_OK || r == LA_EINVAL);
        free(exact);
    }
}

static void predicates(void **state)
{
    (void)state;
    struct la_addr any6 = LA_ADDR_ANY;
    struct la_addr any4 = la_addr_v4(0, 0, 0, 0);
    struct la_addr one = la_addr_v4(0, 0, 0, 1);
    struct la_addr compatible = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}};
    struct la_addr nearly = {{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};

    assert_true(la_addr_is_any(&any6));
    assert_true(la_addr_is_any(&any4));
    assert_false(la_addr_is_any(&one));
    assert_false(la_addr_is_any(&nearly));
    assert_true(la_addr_is_v4(&any4));
    assert_true(la_addr_is_v4(&one));
    assert_false(la_addr_is_v4(&any6));
    assert_false(la_addr_is_v4(&compatible));
    assert_false(la_addr_is_v4(&nearly));
    assert_true(la_addr_eq(&any4, &any4));
    assert_false(la_addr_eq(&any4, &any6));
}

static void every_error_has_its_text(void **state)
{
    (void)state;
    for (int e = LA_EPROTO; e <= LA_OK; e++) {
        assert_string_not_equal(la_strerror(e), "unknown error");
        for (int f = e + 1; f <= LA_OK; f++)
            assert_string_not_equal(la_strerror(e), la_strerror(f));
    }
    assert_string_equal(la_strerror(1), "unknown error");
    assert_string_equal(la_strerror(LA_EPROTO - 1), "unknown error");
    assert_string_equal(la_strerror(-1000000), "unknown error");
}

static void states_as_the_rfc_writes_them(void **state)
{
    (void)state;
    static const char *const names[LA_STATES] = {
        "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
        "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
    };

    for (unsigned i = 0; i < LA_STATES; i++)
        assert_string_equal(la_state_name((enum la_state)i), names[i]);
    assert_non_null(la_state_name(LA_STATES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_it_should),    cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(formats_by_rfc5952),       cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(random_text_is_survived),  cmocka_unit_test(predicates),
        cmocka_unit_test(every_error_has_its_text), cmocka_unit_test(states_as_the_rfc_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
