/* test_runs.c: what a run gives: checks that fail say why, seeds and settings decide, idleness is
 * free, and docs/lab.md says what is so. */
#include "lab/scenario/run.h"
#include "lab/scenario/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lab_scenario *parse(const char *text)
{
    struct lab_error err;
    struct lab_scenario *s = lab_parse("test", text, strlen(text), &err);
    if (!s)
        fail_msg("%u:%u: %s", err.line, err.column, err.text);
    return s;
}

static struct lab_result *run(const struct lab_scenario *s, unsigned variant, const char *set)
{
    struct lab_options o = {.set = &set, .nset = set ? 1 : 0};
    struct lab_error err;
    struct lab_result *r = lab_run(s, variant, &o, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

#define PLAIN                                                                                      \
    "server { listen 80; accept as peer; read all; close }\n"                                      \
    "client { connect server:80 from 4000; send \"hello\"; close }\n"

/* ---- checks ---- */

/* Each says what it found; nothing holds that is not so. */
static void test_false_checks_say_why(void **unused)
{
    static const char *const told[][2] = {
        {"client.restarts == 1", "it is 0"},
        {"1st SYN from client has seq 1, ack 0", "seq is 0, not 1, ack is none, not 0"},
        {"2nd SYN from client has seq 0", "there was no such segment"},
        {"client goes SYN-SENT ESTABLISHED",
         "it went CLOSED -> SYN-SENT -> ESTABLISHED -> FIN-WAIT-1 -> TIME-WAIT -> CLOSED"},
        {"client passes FIN-WAIT-2",
         "it went CLOSED -> SYN-SENT -> ESTABLISHED -> FIN-WAIT-1 -> TIME-WAIT -> CLOSED"},
        {"count of FIN == 3", "it is 2"},
        {"no FIN from client", "it is 1"},
        {"peer.text == \"help\"", "it is \"hello\""},
        {"client.error is ECONNRESET", "it is none"},
        {"client.first_closer is peer", "it is us"},
        {"client.TIME-WAIT < 2 * msl", "it is 60s, and the other is 60s"},
        {"client is ESTABLISHED and 1 == 1", "it is CLOSED"},
        {"1 == 2 or 3 == 4", "neither: it is 1; it is 3"},
        {"not 1 == 1", "it does"},
        {"10 / 0 == 1", "it is none"},
        {"2 ^ 63 > 0", "it is none"},
        {"client.hash == peer.hash", "it is cbf29ce484222325, and the other is a430d84680aabd0b"},
        {"every edge was taken", NULL},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, PLAIN "check %s\n", told[i][0]);
        struct lab_scenario *s = parse(text);
        struct lab_result *r = run(s, 0, NULL);
        assert_int_equal(r->nchecks, 1);
        assert_int_equal(r->failed, 1);
        assert_int_equal(r->check[0].line, 3);
        assert_int_equal(r->check[0].column, 7);
        assert_string_equal(r->check[0].text, told[i][0]);
        if (told[i][1])
            assert_string_equal(r->check[0].actual, told[i][1]);
        lab_result_free(r);
        lab_scenario_free(s);
    }
}

/* What no check asks for is told too. */
static void test_what_always_must_hold(void **unused)
{
    static const char *const told[][2] = {
        {"client { connect server:80 }", "client was told ECONNREFUSED (connection refused)"},
        {"client { connect server:80 from 1 }\nserver { connect client:1 from 80; read 1 }\n",
         "server still waits here at the end"},
        {"drop 3rd SYN\n" PLAIN, "it met 1 such segments, and applied to 0"},
        {"drop every RST\n" PLAIN, "it met 0 such segments, and applied to 0"},
        {"client { repeat 1000000 times { repeat 1000000 times { forget to close } } }",
         "the programs did 5000000 statements: enough"},
        {"client { send 1 }", "client has no connection open here"},
        {"client { connect server:0 }", "0 is not between 1 and 65535"},
        {"server { listen 1; listen 2 }", "server was told EISCONN (already connected)"},
        {"server { listen 80; accept; send \"hello\"; close }\n"
         "client { connect server:80; expect \"help!\"; close }",
         "\"hello\" came"},
        {"client { repeat 100000 times { wait 1s } }",
         "something still moves after a day: say until = 10m, or what should end"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        struct lab_scenario *s = parse(told[i][0]);
        struct lab_result *r = run(s, 0, NULL);
        bool found = false;
        for (unsigned k = 0; k < r->nchecks; k++)
            found |= !r->check[k].held && strcmp(r->check[k].actual, told[i][1]) == 0;
        if (!found)
            fail_msg("%s\nnot told: %s (but %s)", told[i][0], told[i][1],
                     r->nchecks ? r->check[0].actual : "nothing");
        lab_result_free(r);
        lab_scenario_free(s);
    }
}

/* ---- what decides ---- */

static uint64_t hash_with(const struct lab_scenario *s, const struct lab_options *o)
{
    struct lab_error err;
    struct lab_result *r = lab_run(s, 0, o, &err);
    assert_non_null(r);
    uint64_t h = r->hash;
    lab_result_free(r);
    return h;
}

static void test_seed_decides(void **unused)
{
    struct lab_scenario *s = parse("link.loss = 20%\n" PLAIN);
    struct lab_options one = {.has_seed = true, .seed = 1}, two = {.has_seed = true, .seed = 2};
    (void)unused;
    assert_true(hash_with(s, &one) == hash_with(s, &one));
    assert_true(hash_with(s, &one) == hash_with(s, NULL));
    assert_true(hash_with(s, &one) != hash_with(s, &two));
    lab_scenario_free(s);
}

/* The last word: options, then the variant, then the scenario. */
static void test_settings_have_an_order(void **unused)
{
    struct lab_scenario *s = parse(PLAIN "msl = 3s\nlet n = 1\nvariant \"a\" { }\n"
                                         "variant \"b\" { msl = 2s; n = 2 }\n"
                                         "check msl == 4s and n == 4\n");
    static const struct {
        unsigned variant;
        const char *set, *actual;
    } cases[] = {{0, NULL, "it is 3s"},           {1, NULL, "it is 2s"},
                 {1, "msl=5s", "it is 5s"},       {1, "msl=4s", "it is 2"},
                 {0, "msl = 2*2s", "it is 1"},    {0, "n=4", "it is 3s"},
                 {0, "server.msl=9s", "it is 3s"}};
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab_result *r = run(s, cases[i].variant, cases[i].set);
        assert_string_equal(r->check[0].actual, cases[i].actual);
        lab_result_free(r);
    }
    lab_scenario_free(s);
}

static void test_results_are_told(void **unused)
{
    struct lab_scenario *s = parse(PLAIN);
    struct lab_result *r = run(s, 0, NULL);
    (void)unused;
    assert_int_equal(r->nends, 2);
    assert_int_equal(r->nconnections, 1);
    assert_int_equal(r->nrecords, 2);
    assert_string_equal(r->end[0].name, "client");
    assert_string_equal(r->end[1].name, "peer");
    assert_int_equal(r->end[0].peer, 1);
    assert_int_equal(r->end[1].peer, 0);
    assert_true(r->end[1].received == 5 && r->end[1].received_hash == r->end[0].sent_hash);
    assert_true(r->end[0].record.in_state[LA_TIME_WAIT] == LA_SEC(60));
    assert_int_equal(r->connection[0].left_end.port, 4000);
    assert_true((*r->edges)[LA_TIME_WAIT][LA_CLOSED] == 1);
    struct ladder_config cfg;
    lab_ladder_config(r, 0, &cfg);
    struct ladder *l = ladder_new(&cfg);
    assert_true(ladder_rows(l) >= 6);
    ladder_free(l);
    lab_result_free(r);
    lab_scenario_free(s);
}

/* ---- idleness ---- */

/* A thousand connections for an hour: what happens is their opening, and nothing else. */
static void test_idleness_is_free(void **unused)
{
    struct lab_scenario *s = parse("until = 1h\n"
                                   "server { listen 80; for each connection { read all } }\n"
                                   "client 1000 times { connect server:80 }\n"
                                   "check server.accepted == 1000\n"
                                   "check count of ESTABLISHED on client == 1000\n"
                                   "variant \"idle\" { check count of segments == 3 * 1000 }\n"
                                   "variant \"probing every ten minutes\" {\n"
                                   "    client.keepalive = on; client.keepalive_idle = 10m\n"
                                   "    check client.KEEPALIVE_PROBE == 5 * 1000\n"
                                   "    check count of segments == 3 * 1000 + 2 * 5 * 1000\n"
                                   "}\n");
    (void)unused;
    for (unsigned v = 0; v < lab_variants(s); v++) {
        struct lab_result *r = run(s, v, NULL);
        for (unsigned i = 0; i < r->nchecks; i++) {
            if (!r->check[i].held)
                fail_msg("%s: %s", r->check[i].text, r->check[i].actual);
        }
        assert_true(r->ended == LA_SEC(3600));
        /* Segments, states, and the rules that each fires: nothing happens in between. */
        uint64_t events = sim_log(r->host[0])->seen + sim_log(r->host[1])->seen;
        assert_true(events < (v ? 200000 : 40000));
        lab_result_free(r);
    }
    lab_scenario_free(s);
}

/* ---- the documentation ---- */

static char *read_doc(void)
{
    FILE *f = fopen(LAB_DOC, "rb");
    char *text = calloc(1, 256 << 10);
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, (256 << 10) - 1, f) > 0);
    fclose(f);
    return text;
}

static void test_names_are_documented(void **unused)
{
    char *doc = read_doc(), want[256], def[64];
    (void)unused;
    for (const struct setting_row *r = setting_rows; r->name; r++) {
        struct value v = {.kind = r->kind, .n = r->def};
        if (r->def != SETTING_NO_DEFAULT)
            value_text(&v, def, sizeof def);
        else
            def[0] = '\0';
        snprintf(want, sizeof want, "| `%s` | %s | %s |", r->name, def, r->about);
        if (!strstr(doc, want))
            fail_msg("docs/lab.md does not say: %s", want);
    }
    for (const struct field_row *r = field_rows; r->name; r++) {
        snprintf(want, sizeof want, "| `%s` | %s |", r->name, r->about);
        if (!strstr(doc, want))
            fail_msg("docs/lab.md does not say: %s", want);
    }
    free(doc);
}

/* The ten lines. */
static void test_documented_scenario_holds(void **unused)
{
    char *doc = read_doc(), text[2048];
    const char *at = strstr(doc, "    drop the 1st FIN from client 2 times\n");
    const char *end = at ? strstr(at, "\n\n") : NULL;
    (void)unused;
    assert_non_null(end);
    snprintf(text, sizeof text, "%.*s", (int)(end - at), at);
    struct lab_scenario *s = parse(text);
    struct lab_result *r = run(s, 0, NULL);
    assert_int_equal(r->nchecks, 2);
    assert_int_equal(r->failed, 0);
    lab_result_free(r);
    lab_scenario_free(s);
    free(doc);
}

/* What the table of settings calls a default is one. */
static void test_defaults_are_so(void **unused)
{
    struct la_config c;
    struct sim_pair p;
    la_conn conn;
    (void)unused;
    la_config_init(&c);
    assert_true(sim_pair_new(&p, 1, NULL, NULL));
    assert_int_equal(la_socket(sim_stack(p.client), &conn), LA_OK);
    for (const struct setting_row *r = setting_rows; r->name; r++) {
        int64_t is;
        if (r->scope != SCOPE_CONN || r->def == SETTING_NO_DEFAULT)
            continue;
        assert_int_equal(la_getopt(sim_stack(p.client), conn, (enum la_option)r->id, &is), LA_OK);
        if ((r->kind == VALUE_TIME ? r->def / 1000000 : r->def) != is)
            fail_msg("%s is %lld", r->name, (long long)is);
    }
    assert_true((int64_t)c.msl == setting_named("msl")->def);
    assert_true((int64_t)c.fin_wait_2 == setting_named("fin_wait_2")->def);
    assert_true(c.port_lo == setting_named("first_port")->def);
    assert_true(c.port_hi == setting_named("last_port")->def);
    assert_true(c.max_conns == setting_named("max_connections")->def);
    assert_true(c.max_embryos == setting_named("max_half_open")->def);
    assert_true(c.max_time_wait == setting_named("max_time_wait")->def);
    assert_true(c.max_blocks == setting_named("max_blocks")->def);
    assert_true(c.syn_cookies == setting_named("syn_cookies")->def);
    sim_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_checks_say_why),
        cmocka_unit_test(test_what_always_must_hold),
        cmocka_unit_test(test_seed_decides),
        cmocka_unit_test(test_settings_have_an_order),
        cmocka_unit_test(test_results_are_told),
        cmocka_unit_test(test_idleness_is_free),
        cmocka_unit_test(test_names_are_documented),
        cmocka_unit_test(test_documented_scenario_holds),
        cmocka_unit_test(test_defaults_are_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
