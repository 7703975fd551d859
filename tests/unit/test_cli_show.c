/* What lastack ss prints for what the control socket told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/ss.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static char *shown(void (*show)(FILE *, const cJSON *), const char *json)
{
    cJSON *items = cJSON_Parse(json);
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(items);
    show(f, items);
    fclose(f);
    cJSON_Delete(items);
    return text;
}

static void connections(void **state)
{
    char *text = shown(
        ss_show_status,
        "[{\"state\":\"CLOSE-WAIT\",\"family\":4,\"local_addr\":\"10.77.0.2\",\"local_port\":80,"
        "\"peer_addr\":\"10.77.0.1\",\"peer_port\":51000,\"recv_q\":0,\"send_q\":12345,\"timer\":"
        "\"rto\","
        "\"timer_in_ms\":203.5,\"in_state_ms\":4250.1,\"peer_kept_waiting_ms\":4250.1,"
        "\"closed_first\":\"peer\"},"
        "{\"state\":\"LISTEN\",\"family\":6,\"local_addr\":\"::\",\"local_port\":80,\"peer_addr\":"
        "\"::\","
        "\"peer_port\":0,\"recv_q\":0,\"send_q\":128,\"timer\":null,\"timer_in_ms\":null,"
        "\"in_state_ms\":61000,\"peer_kept_waiting_ms\":null,\"closed_first\":null},"
        "{\"state\":\"TIME-WAIT\",\"family\":6,\"local_addr\":\"fd77::2\",\"local_port\":4,"
        "\"peer_addr\":\"fd77::1\",\"peer_port\":5,\"recv_q\":0,\"send_q\":0,\"timer\":\"time-"
        "wait\","
        "\"timer_in_ms\":59000,\"in_state_ms\":1000,\"closed_first\":\"local\",\"record\":7}]");

    (void)state;
    assert_string_equal(text, "State       Recv-Q  Send-Q  Local address:port  Peer address:port  "
                              "Timer             In state  Closed first  \n"
                              "CLOSE-WAIT       0   12345  10.77.0.2:80        10.77.0.1:51000    "
                              "rto 203 ms        4.2 s     peer          "
                              "this program has kept the peer waiting for 4.2 s\n"
                              "LISTEN           0     128  *:80                *:*                "
                              "-                 61.0 s    -             \n"
                              "TIME-WAIT        0       0  [fd77::2]:4         [fd77::1]:5        "
                              "time-wait 59.0 s  1.0 s     us            "
                              "close record 7\n");
    free(text);
}

static void records(void **state)
{
    char *text = shown(
        ss_show_closed,
        "[{\"serial\":3,\"local_addr\":\"10.77.0.2\",\"local_port\":80,\"peer_addr\":\"10.77.0.1\","
        "\"peer_port\":51000,\"state\":\"CLOSED\",\"closed_ms_ago\":1500,"
        "\"explain\":\"the peer closed first\",\"bytes_sent\":5,\"bytes_received\":6,"
        "\"in_state_ms\":{\"ESTABLISHED\":20,\"CLOSE-WAIT\":2000}}]");

    (void)state;
    assert_string_equal(
        text, "#3  10.77.0.2:80  10.77.0.1:51000  1.5 s ago\n"
              "    the peer closed first\n"
              "    sent 5, received 6 bytes; not acknowledged 0, not read 0; retransmitted 0 "
              "segments, 0 FINs\n"
              "    in ESTABLISHED 20 ms, CLOSE-WAIT 2.0 s\n");
    free(text);
    text = shown(ss_show_closed, "[]");
    assert_string_equal(text, "no connection has ended yet\n");
    free(text);
}

static void rules(void **state)
{
    char *text =
        shown(ss_show_rules,
              "[{\"rule\":\"RST_EXACT\",\"section\":\"RFC 5961\",\"text\":\"a\",\"count\":12}]");

    (void)state;
    assert_string_equal(text, "Count  Rule       Section   \n"
                              "   12  RST_EXACT  RFC 5961  a\n");
    free(text);
}

static void strange_objects(void **state)
{
    static const char *const strange[] = {
        "[{}]",
        "[1,null,\"x\",[]]",
        "[]",
        "{}",
        "[{\"state\":5,\"recv_q\":\"x\",\"in_state_ms\":-3,\"timer\":{}}]",
        "[{\"in_state_ms\":{\"A\":\"x\"},\"serial\":1e300}]"};

    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        free(shown(ss_show_status, strange[i]));
        free(shown(ss_show_closed, strange[i]));
        free(shown(ss_show_rules, strange[i]));
        free(shown(ss_show_usage, strange[i]));
    }
}

static void filters(void **state)
{
    cJSON *listener = cJSON_Parse("{\"state\":\"LISTEN\",\"family\":6}");
    cJSON *conn = cJSON_Parse("{\"state\":\"ESTABLISHED\",\"family\":4}");
    struct ss_options o = {0};

    (void)state;
    assert_false(ss_wanted(&o, listener));
    assert_true(ss_wanted(&o, conn));
    o.listening = true;
    assert_true(ss_wanted(&o, listener));
    assert_false(ss_wanted(&o, conn));
    o.all = true;
    assert_true(ss_wanted(&o, listener));
    assert_true(ss_wanted(&o, conn));
    o.only6 = true;
    assert_false(ss_wanted(&o, conn));
    cJSON_Delete(listener);
    cJSON_Delete(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections),     cmocka_unit_test(records), cmocka_unit_test(rules),
        cmocka_unit_test(strange_objects), cmocka_unit_test(filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
