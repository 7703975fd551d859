/* test_diagram.c: the core's table of edges beside RFC 9293's Figure 5, and the picture drawn from
 * it: a simulated life counted edge by edge, markup that is whole. */
#include "lab/picture/diagram.h"
#include "sim/prog.h"
#include "tcp/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "svg_util.h"

struct change {
    enum la_state from, to;
};

/* Figure 5, arrow by arrow from the top. */
static const struct change figure_5[] = {
    {LA_CLOSED, LA_LISTEN},
    {LA_LISTEN, LA_CLOSED},
    {LA_CLOSED, LA_SYN_SENT},
    {LA_SYN_SENT, LA_CLOSED},
    {LA_SYN_RECEIVED, LA_LISTEN},
    {LA_LISTEN, LA_SYN_RECEIVED},
    {LA_LISTEN, LA_SYN_SENT},
    {LA_SYN_SENT, LA_SYN_RECEIVED},
    {LA_SYN_RECEIVED, LA_ESTABLISHED},
    {LA_SYN_SENT, LA_ESTABLISHED},
    {LA_SYN_RECEIVED, LA_FIN_WAIT_1},
    {LA_ESTABLISHED, LA_FIN_WAIT_1},
    {LA_ESTABLISHED, LA_CLOSE_WAIT},
    {LA_FIN_WAIT_1, LA_FIN_WAIT_2},
    {LA_FIN_WAIT_1, LA_CLOSING},
    {LA_CLOSE_WAIT, LA_LAST_ACK},
    {LA_FIN_WAIT_2, LA_TIME_WAIT},
    {LA_CLOSING, LA_TIME_WAIT},
    {LA_TIME_WAIT, LA_CLOSED},
    {LA_LAST_ACK, LA_CLOSED},
    {LA_FIN_WAIT_1, LA_TIME_WAIT}, /* note 2 */
};
enum { FIGURE_5 = sizeof figure_5 / sizeof figure_5[0] };

static bool in_figure_5(enum la_state from, enum la_state to)
{
    for (int i = 0; i < FIGURE_5; i++)
        if (figure_5[i].from == from && figure_5[i].to == to)
            return true;
    return false;
}

/* Note 3: a RST, a timeout or an abort leads to CLOSED from every state. */
static bool may_change(enum la_state from, enum la_state to)
{
    if (from == LA_LISTEN && to == LA_SYN_SENT) /* SEND on a listener: not offered */
        return false;
    return in_figure_5(from, to) || (to == LA_CLOSED && from != LA_CLOSED);
}

static void test_table_is_figure_5(void **unused)
{
    (void)unused;
    for (int from = 0; from < LA_STATES; from++)
        for (int to = 0; to < LA_STATES; to++)
            if (tcp_edge((enum la_state)from, (enum la_state)to) !=
                may_change((enum la_state)from, (enum la_state)to))
                fail_msg("%s to %s", la_state_name((enum la_state)from),
                         la_state_name((enum la_state)to));
}

static char *draw(const struct diagram *d, const char *name)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    diagram_svg(d, f);
    fclose(f);
    svg_check(text);
    svg_keep(name, text);
    return text;
}

/* Every change that the core allows appears, each under its own number. */
static void test_every_edge_is_drawn(void **unused)
{
    struct diagram d = {0};
    unsigned n = 0;
    (void)unused;
    for (int from = 0; from < LA_STATES; from++)
        for (int to = 0; to < LA_STATES; to++)
            if (tcp_edge((enum la_state)from, (enum la_state)to))
                d.taken[from][to] = 4000 + ++n;
    assert_true(diagram_complete(&d));
    char *text = draw(&d, "diagram_all");
    for (unsigned i = 1; i <= n; i++) {
        char want[16];
        snprintf(want, sizeof want, "×4,%03u<", i);
        assert_non_null(strstr(text, want));
    }
    for (int s = 0; s < LA_STATES; s++) {
        char want[32];
        snprintf(want, sizeof want, ">%s<", la_state_name((enum la_state)s));
        assert_non_null(strstr(text, want));
    }
    free(text);
}

static void test_nothing_taken(void **unused)
{
    struct diagram d = {0};
    (void)unused;
    char *text = draw(&d, "diagram_none");
    assert_int_equal(svg_count(text, "class=\"line later dash\""), FIGURE_5 - 1);
    assert_int_equal(svg_count(text, "class=\"line later dots\""), 1); /* LISTEN to SYN-SENT */
    free(text);
}

/* The client opens, closes first, waits 2MSL; a second SYN meets nobody; the listener goes. */
static void test_counts_of_a_life(void **unused)
{
    struct sim_pair p;
    struct diagram client = {0}, server = {0};
    (void)unused;
    assert_true(sim_pair_new(&p, 1, NULL, NULL));
    struct sim_app_config cfg = {.send = 100, .end = SIM_APP_CLOSE}, last = {.end = SIM_APP_LAST};
    struct sim_server *srv = sim_serve(p.server, 80, 8, &last);
    struct la_endpoint to = {p.server4, 80, -1}, nobody = {p.server4, 81, -1};
    sim_app_connect(p.client, NULL, &to, &cfg);
    sim_app_connect(p.client, NULL, &nobody, &cfg);
    assert_int_equal(sim_run_for(p.sim, LA_SEC(70)), SIM_OK);
    sim_server_close(srv);
    diagram_count(&client, sim_log(p.client));
    diagram_count(&server, sim_log(p.server));

    struct diagram want = {0};
    want.taken[LA_CLOSED][LA_SYN_SENT] = 2;
    want.taken[LA_SYN_SENT][LA_ESTABLISHED] = 1;
    want.taken[LA_SYN_SENT][LA_CLOSED] = 1; /* refused */
    want.taken[LA_ESTABLISHED][LA_FIN_WAIT_1] = 1;
    want.taken[LA_FIN_WAIT_1][LA_FIN_WAIT_2] = client.taken[LA_FIN_WAIT_1][LA_FIN_WAIT_2];
    want.taken[LA_FIN_WAIT_2][LA_TIME_WAIT] = client.taken[LA_FIN_WAIT_2][LA_TIME_WAIT];
    want.taken[LA_FIN_WAIT_1][LA_TIME_WAIT] = 1 - client.taken[LA_FIN_WAIT_1][LA_FIN_WAIT_2];
    want.taken[LA_TIME_WAIT][LA_CLOSED] = 1;
    assert_memory_equal(&client, &want, sizeof want);

    struct diagram other = {0};
    other.taken[LA_CLOSED][LA_LISTEN] = other.taken[LA_LISTEN][LA_CLOSED] = 1;
    other.taken[LA_LISTEN][LA_SYN_RECEIVED] = other.taken[LA_SYN_RECEIVED][LA_ESTABLISHED] = 1;
    other.taken[LA_ESTABLISHED][LA_CLOSE_WAIT] = other.taken[LA_CLOSE_WAIT][LA_LAST_ACK] = 1;
    other.taken[LA_LAST_ACK][LA_CLOSED] = 1;
    assert_memory_equal(&server, &other, sizeof other);
    assert_false(diagram_complete(&client));
    free(draw(&client, "diagram_client"));
    sim_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_figure_5),
        cmocka_unit_test(test_every_edge_is_drawn),
        cmocka_unit_test(test_nothing_taken),
        cmocka_unit_test(test_counts_of_a_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
