/* test_wrong.c: scenarios with a mistake, each with the words that it must be told in: the first
 * line of wrong/NAME.lab, behind "# ".  And scenarios with random ones: told too, and never a
 * crash.
 */
#include "lab/scenario/run.h"
#include "sim/rand.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MUTATIONS 4000U /* a second under the sanitizers; LAB_MUTATIONS asks for another count */

static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, LAB_TEXT_MAX + 2);
    assert_non_null(f);
    assert_non_null(text);
    *n = fread(text, 1, LAB_TEXT_MAX + 1, f);
    fclose(f);
    return text;
}

/* "2:7: what", as the command shows it behind the file's name. */
static void check_file(const char *name)
{
    char path[1024], told[512];
    size_t n;
    struct lab_error err;
    snprintf(path, sizeof path, "%s/%s", LAB_WRONG, name);
    char *text = read_file(path, &n);
    struct lab_scenario *s = lab_parse(name, text, n, &err);
    if (s)
        fail_msg("%s: nothing wrong was found in it", name);
    if (err.line)
        snprintf(told, sizeof told, "%u:%u: %s", err.line, err.column, err.text);
    else
        snprintf(told, sizeof told, "%s", err.text);
    assert_int_equal(strncmp(text, "# ", 2), 0);
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text + 2, told) != 0)
        fail_msg("%s\n  wanted: %s\n  told:   %s", name, text + 2, told);
    free(text);
}

static void test_each_mistake_is_told(void **unused)
{
    DIR *dir = opendir(LAB_WRONG);
    struct dirent *e;
    unsigned n = 0;
    (void)unused;
    assert_non_null(dir);
    while ((e = readdir(dir))) {
        size_t k = strlen(e->d_name);
        if (k < 4 || strcmp(e->d_name + k - 4, ".lab") != 0)
            continue;
        check_file(e->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 60);
}

/* ---- random mistakes ---- */

/* Words that mean something somewhere, so that mutations get past the first line. */
static const char *const words[] = {"client",  "server",
                                    "check",   "{",
                                    "}",       "(",
                                    ")",       "==",
                                    "=",       ".",
                                    "variant", "\"x\"",
                                    "for",     "n",
                                    "in",      "1",
                                    "to",      "3",
                                    ",",       "let",
                                    "1s",      "every",
                                    "last",    "ACK",
                                    "FIN",     "from",
                                    "times",   "at",
                                    "when",    "drop",
                                    "hold",    "as",
                                    "a",       "delay",
                                    "by",      "is",
                                    "CLOSED",  "goes",
                                    "->",      "count",
                                    "of",      "seq",
                                    "inject",  "repeat",
                                    "wait",    "^",
                                    "-",       "100%",
                                    "not",     "and",
                                    "has",     "2nd",
                                    "the",     "none",
                                    "until",   "link",
                                    "crash",   "99999999999999",
                                    "\n",      "#"};
#define WORDS (sizeof words / sizeof words[0])

static size_t mutate(struct sim_rand *r, char *text, size_t n, size_t room)
{
    size_t at = (size_t)sim_rand_below(r, n + 1), len, to;
    const char *w;
    switch (sim_rand_below(r, 5)) {
    case 0: /* a byte */
        if (at < n)
            text[at] = (char)sim_rand_next(r);
        return n;
    case 1: /* a piece is missing */
        len = (size_t)sim_rand_below(r, 40);
        len = len < n - at ? len : n - at;
        memmove(text + at, text + at + len, n - at - len);
        return n - len;
    case 2: /* a piece stands twice */
        len = (size_t)sim_rand_below(r, 200);
        len = len < n - at ? len : n - at;
        if (n + len > room)
            return n;
        to = at + len;
        memmove(text + to, text + at, n - at);
        return n + len;
    case 3: /* the end is missing */
        return sim_rand_below(r, 8) ? n : at;
    default: /* a word too many */
        w = words[sim_rand_below(r, WORDS)];
        len = strlen(w) + 1;
        if (n + len > room)
            return n;
        memmove(text + at + len, text + at, n - at);
        text[at] = ' ';
        memcpy(text + at + 1, w, len - 1);
        return n + len;
    }
}

/* What can be read can be run: whatever does not hold is told, and a packet war would be. */
static void run_it(const struct lab_scenario *s, unsigned round)
{
    static const char *const set[] = {"until=20s"};
    struct lab_options o = {.set = set, .nset = 1};
    struct lab_error err;
    struct lab_result *r = lab_run(s, round % lab_variants(s), &o, &err);
    for (unsigned i = 0; r && i < r->nchecks; i++) {
        assert_true(r->check[i].held == (r->check[i].actual[0] == '\0'));
        assert_string_not_equal(r->check[i].text, "time goes on");
    }
    if (!r)
        assert_true(err.text[0] != '\0');
    lab_result_free(r);
}

static void test_random_mistakes(void **unused)
{
    const char *asked = getenv("LAB_MUTATIONS");
    unsigned rounds = asked ? (unsigned)strtoul(asked, NULL, 10) : MUTATIONS, read = 0, files = 0;
    size_t room = 64 << 10;
    char *text = malloc(room);
    (void)unused;
    assert_non_null(text);
    while (lab_experiment(files))
        files++;
    assert_true(files >= 22);
    for (unsigned i = 0; i < rounds; i++) {
        struct sim_rand r = sim_rand_of(20240601, i);
        const struct lab_file *f = lab_experiment((unsigned)sim_rand_below(&r, files));
        struct lab_error err = {.line = 99999};
        size_t n = f->n < room ? f->n : room;
        memcpy(text, f->text, n);
        for (uint64_t k = 1 + sim_rand_below(&r, 8); k; k--)
            n = mutate(&r, text, n, room);
        /* Of its own size, so that a read behind the end is seen. */
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        struct lab_scenario *s = lab_parse("mutant", exact, n, &err);
        free(exact);
        read += s != NULL;
        if (s)
            run_it(s, i);
        if (!s && (err.text[0] == '\0' || strchr(err.text, '\n')))
            fail_msg("round %u: a mistake is told as '%s'", i, err.text);
        lab_scenario_free(s);
    }
    free(text);
    /* Comments and blanks change nothing, most else does: both kinds must have been met. */
    assert_true(rounds < MUTATIONS || (read > rounds / 50 && read < rounds / 2));
}

static void test_sizes(void **unused)
{
    struct lab_error err;
    char *text = malloc(LAB_TEXT_MAX + 1);
    (void)unused;
    assert_non_null(text);
    memset(text, '#', LAB_TEXT_MAX + 1);
    struct lab_scenario *s = lab_parse("long", text, LAB_TEXT_MAX, &err);
    assert_non_null(s);
    assert_int_equal(lab_variants(s), 1);
    lab_scenario_free(s);
    assert_null(lab_parse("longer", text, LAB_TEXT_MAX + 1, &err));
    assert_string_equal(err.text, "larger than 256 KiB");
    memset(text, '(', LAB_TEXT_MAX);
    memcpy(text, "check ", 6);
    assert_null(lab_parse("deep", text, LAB_TEXT_MAX, &err));
    s = lab_parse("empty", "", 0, &err);
    assert_non_null(s);
    lab_scenario_free(s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mistake_is_told),
        cmocka_unit_test(test_random_mistakes),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
