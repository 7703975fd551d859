/* book.c: see book.h. */
#include "lab/book/book_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BOOK_PATH 1024

__attribute__((format(printf, 2, 3))) static int failed(const struct book *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(b->err, b->err_n, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- names ---- */

const char *book_name(unsigned i, char buf[BOOK_NAME])
{
    const struct lab_file *f = lab_experiment(i);
    if (!f)
        return NULL;
    size_t n = strcspn(f->name, ".");
    snprintf(buf, BOOK_NAME, "%.*s", (int)(n < BOOK_NAME ? n : BOOK_NAME - 1), f->name);
    return buf;
}

const char *book_prose(const char *name, const char *language)
{
    char path[BOOK_NAME + 16];
    snprintf(path, sizeof path, "%s.%s.md", name, language);
    const struct lab_file *f = lab_file_named(path);
    return f ? f->text : "";
}

/* "06_four_segments-plain.pcapng": nothing but letters, digits, '-', '_' and '.'. */
static void capture_name(const char *name, const char *variant, char *buf, size_t n)
{
    snprintf(buf, n, "%s%s%.*s.pcapng", name, *variant ? "-" : "", BOOK_NAME, variant);
    char *to = buf;
    for (const char *at = buf; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || strchr("-_.", *at);
        if (plain)
            *to++ = *at;
        else if (to[-1] != '_')
            *to++ = '_';
    }
    *to = '\0';
}

/* ---- one experiment ---- */

static void add_edges(struct diagram *d, const struct lab_result *r)
{
    for (int from = 0; from < LA_STATES; from++)
        for (int to = 0; to < LA_STATES; to++)
            d->taken[from][to] += (*r->edges)[from][to];
}

static int put_variants(const struct book *b, const struct lab_scenario *s, struct diagram *edges)
{
    fprintf(b->out, "<div class=\"variants\">\n");
    for (unsigned v = 0; v < lab_variants(s); v++) {
        char capture[2 * BOOK_NAME + 16], path[BOOK_PATH];
        struct lab_error err;
        capture_name(lab_name(s), lab_variant_name(s, v), capture, sizeof capture);
        if (snprintf(path, sizeof path, "%s/%s", b->dir, capture) >= (int)sizeof path)
            return failed(b, "%s: the path is too long", b->dir);
        struct lab_result *r = lab_run(s, v, &(struct lab_options){.pcap = path}, &err);
        if (!r)
            return failed(b, "%s:%u:%u: %s", lab_name(s), err.line, err.column, err.text);
        book_variant(b, r, capture);
        add_edges(edges, r);
        b->report->variants++;
        b->report->checks += r->nchecks;
        b->report->failed += r->failed;
        lab_result_free(r);
    }
    fputs("</div>\n", b->out);
    return 0;
}

static void put_scenario(const struct book *b, const struct lab_scenario *s)
{
    fputs("<details class=\"scenario\"><summary>", b->out);
    book_say(b->out, "span", (struct words){"The scenario", "场景文本"});
    fputs("</summary><pre tabindex=\"0\"><code>", b->out);
    picture_escape(b->out, lab_text(s));
    fputs("</code></pre></details>\n", b->out);
}

/* What spin found without TIME-WAIT (prove/), where an experiment shows the same on the real stack.
 */
static void put_proof(const struct book *b, const char *name)
{
    static const char *const proofs[][2] = {{"10_last_ack_lost", "last_ack_lost.txt"},
                                            {"12_old_duplicates", "old_duplicate.txt"}};
    const struct lab_file *f = NULL;
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++) {
        if (strcmp(name, proofs[i][0]) == 0)
            f = lab_file_named(proofs[i][1]);
    }
    if (!f)
        return;
    fputs("<details class=\"scenario proof\"><summary>", b->out);
    book_say(b->out, "span",
             (struct words){"The same, found by a machine that tries every way it can go",
                            "穷举所有可能的模型检验也找到了它"});
    fputs("</summary><pre tabindex=\"0\"><code>", b->out);
    picture_escape(b->out, f->text);
    fputs("</code></pre></details>\n", b->out);
}

/* The diagram by itself, for other pages. */
static int write_diagram(const struct book *b, const char *name, const struct diagram *edges)
{
    char path[BOOK_PATH];
    if (snprintf(path, sizeof path, "%s/%s.svg", b->dir, name) >= (int)sizeof path)
        return failed(b, "%s: the path is too long", b->dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return failed(b, "%s: %s", path, strerror(errno));
    diagram_svg(edges, f);
    bool lost = ferror(f);
    if (fclose(f) != 0 || lost)
        return failed(b, "%s: %s", path, strerror(errno));
    fprintf(b->out, "<p class=\"more\"><a href=\"%s.svg\">", name);
    book_say(b->out, "span", (struct words){"This picture alone (SVG)", "单独的图（SVG）"});
    fputs("</a></p>\n", b->out);
    return 0;
}

/* Where it is complete it is what the experiment is about: it is open, and a file of its own. */
static int put_diagram(const struct book *b, const char *name, const struct diagram *edges)
{
    struct picture p = {.out = b->out, .language = PICTURE_BOTH, .in_page = true};
    bool complete = diagram_complete(edges);
    int bad = 0;
    fprintf(b->out, "<details class=\"edges\"%s><summary>", complete ? " open" : "");
    book_say(
        b->out, "span",
        (struct words){"The state diagram, as far as these runs went", "这些运行走过的状态图"});
    fputs("</summary><figure>", b->out);
    diagram_picture(edges, &p);
    fputs("</figure>\n", b->out);
    if (complete)
        bad = write_diagram(b, name, edges);
    fputs("</details>\n", b->out);
    return bad;
}

/* The variants, and the diagram behind them, or before them where it is what they are about. */
static int put_runs(const struct book *b, const struct lab_scenario *s)
{
    struct diagram edges = {0};
    struct book aside = *b;
    char *variants = NULL;
    size_t n = 0;
    aside.out = open_memstream(&variants, &n);
    if (!aside.out)
        return failed(b, "no memory");
    int bad = put_variants(&aside, s, &edges);
    bool lost = ferror(aside.out), first = diagram_complete(&edges);
    if (fclose(aside.out) != 0 || lost)
        bad = failed(b, "no memory");
    if (!bad && first)
        bad = put_diagram(b, lab_name(s), &edges);
    if (!bad) {
        fwrite(variants, 1, n, b->out);
        if (!first)
            bad = put_diagram(b, lab_name(s), &edges);
    }
    free(variants);
    return bad;
}

static int put_experiment(const struct book *b, unsigned i)
{
    char name[BOOK_NAME];
    struct lab_error err;
    const struct lab_file *f = lab_experiment(i);
    book_name(i, name);
    struct lab_scenario *s = lab_parse(name, f->text, f->n, &err);
    if (!s)
        return failed(b, "%s:%u:%u: %s", f->name, err.line, err.column, err.text);
    fprintf(b->out, "<section class=\"exp\" id=\"%s\">\n<h2><span class=\"num\">%u</span> ", name,
            i + 1);
    fputs("<span class=\"en\">", b->out);
    book_title(b->out, book_prose(name, "en"));
    fputs("</span><span class=\"zh\" lang=\"zh-CN\">", b->out);
    book_title(b->out, book_prose(name, "zh"));
    fputs("</span></h2>\n<div class=\"prose en\">\n", b->out);
    book_markdown(b->out, book_prose(name, "en"));
    fputs("</div>\n<div class=\"prose zh\" lang=\"zh-CN\">\n", b->out);
    book_markdown(b->out, book_prose(name, "zh"));
    fprintf(b->out, "</div>\n<p class=\"again\"><code>lastack lab run %s</code></p>\n", name);
    int bad = put_runs(b, s);
    put_proof(b, name);
    put_scenario(b, s);
    book_pager(b, i);
    fputs("</section>\n", b->out);
    b->report->experiments++;
    lab_scenario_free(s);
    return bad;
}

/* ---- the file ---- */

/* The directory and those above it. */
static int make_dir(const struct book *b)
{
    char path[BOOK_PATH];
    if (snprintf(path, sizeof path, "%s/", b->dir) >= (int)sizeof path)
        return failed(b, "%s: the path is too long", b->dir);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return failed(b, "%s: %s", path, strerror(errno));
        *at = '/';
    }
    return 0;
}

// NOLINTNEXTLINE(readability-non-const-parameter): failed() writes to it
int book_write(const char *dir, struct book_report *out, char *err, size_t n)
{
    struct book b = {.dir = dir, .report = out, .err = err, .err_n = n};
    char path[BOOK_PATH];
    *out = (struct book_report){0};
    if (make_dir(&b) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/index.html", dir);
    b.out = fopen(path, "w");
    if (!b.out)
        return failed(&b, "%s: %s", path, strerror(errno));
    book_head(&b);
    int bad = 0;
    for (unsigned i = 0; !bad && lab_experiment(i); i++)
        bad = put_experiment(&b, i);
    book_foot(&b);
    bool lost = ferror(b.out);
    if ((fclose(b.out) != 0 || lost) && !bad)
        bad = failed(&b, "%s: %s", path, strerror(errno));
    return bad;
}
