/* fuzz_scenario.c: the laboratory's scenarios by anybody: read, and each variant run if they can
 * be.
 *
 * No text crashes the reader, each mistake is told in one line with its place, a run gives the same
 * the second time, leaves every stack whole, and can be drawn.  Only so much may happen in a run:
 * what would take long is cut short.  A first line "#set NAME = VALUE" is what --set would say. */
#include "fuzz/fuzz.h"
#include "lab/scenario/run.h"

#define MOST 1000U /* that may happen in a run; the variants share it */
#define SET "#set "
#define SET_MAX 200U
#define DRAWN 2U /* connections of a run */

struct given {
    char text[SET_MAX];
    const char *set[1];
    unsigned n;
};

static void read_given(struct given *g, const uint8_t *text, size_t n)
{
    size_t at = strlen(SET), len = 0;
    if (n < at || memcmp(text, SET, at) != 0)
        return;
    while (at < n && text[at] != '\n' && len < SET_MAX - 1)
        g->text[len++] = (char)text[at++];
    g->set[0] = g->text;
    g->n = 1;
}

/* In one line; if it is about a place, at one that there is. */
static void check_mistake(const struct lab_error *e, const uint8_t *text, size_t n)
{
    unsigned last = 1;
    for (size_t i = 0; i < n; i++)
        last += text[i] == '\n';
    CHECK(*e->text && strlen(e->text) < sizeof e->text && !strchr(e->text, '\n'));
    CHECK(e->line <= last && (e->line == 0 || e->column >= 1));
}

static void check_result(const struct lab_result *r)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < r->nchecks; i++) {
        const struct lab_check *c = &r->check[i];
        CHECK(c->text && *c->text && !strchr(c->text, '\n') && c->at <= r->ended);
        CHECK(c->held || *c->actual);
        failed += !c->held;
    }
    CHECK(failed == r->failed);
    for (unsigned i = 0; i < r->nends; i++) {
        const struct lab_end *e = &r->end[i];
        CHECK(e->peer < (int)r->nends && e->text_n <= LAB_TEXT_KEPT && e->text_n <= e->received);
        for (unsigned k = 0; k < e->ntrack; k++)
            CHECK(e->track[k] < LA_STATES);
    }
    for (unsigned h = 0; h < r->nhosts; h++)
        CHECK(la_check(sim_stack(r->host[h])) == 0);
}

static void draw(const struct lab_result *r)
{
    const struct ladder_style style = {.unicode = true, .colour = true};
    for (unsigned i = 0; i < r->nconnections && i < DRAWN; i++) {
        struct ladder_config cfg;
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);
        lab_ladder_config(r, i, &cfg);
        struct ladder *l = ladder_new(&cfg);
        CHECK(out && l);
        ladder_text(l, out, &style);
        ladder_svg(l, out);
        ladder_free(l);
        CHECK(fclose(out) == 0 && n > 0);
        free(text);
    }
}

static void run(const struct lab_scenario *s, unsigned variant, const struct given *g,
                const uint8_t *text, size_t n)
{
    struct lab_options o = {.set = g->set, .nset = g->n, .most = 1 + MOST / lab_variants(s)};
    struct lab_error err, again;
    struct lab_result *r = lab_run(s, variant, &o, &err), *same = lab_run(s, variant, &o, &again);
    CHECK(!r == !same);
    if (r) {
        CHECK(r->hash == same->hash && r->ended == same->ended && r->nchecks == same->nchecks &&
              r->failed == same->failed);
        check_result(r);
        draw(r);
    } else {
        check_mistake(&err, text, n);
    }
    lab_result_free(same);
    lab_result_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct given g = {.n = 0};
    struct lab_error err;
    uint8_t *text = in_rest(&in, &n);
    struct lab_scenario *s = lab_parse("fuzz", (const char *)text, n, &err);
    read_given(&g, text, n);
    if (!s)
        check_mistake(&err, text, n);
    for (unsigned v = 0; s && v < lab_variants(s); v++)
        run(s, v, &g, text, n);
    lab_scenario_free(s);
    free(text);
    return 0;
}
