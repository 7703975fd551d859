/* book_run.c: one variant of an experiment: whether everything held, its ladders and plots, what
 * ended and why, what was left. */
#include "lab/book/book_private.h"
#include "lab/picture/timeseq.h"

#include <string.h>

enum {
    LADDERS = 3,   /* connections drawn */
    RECORDS = 6,   /* close records told */
    PLOT_FROM = 8, /* segments that make a time-sequence plot worth its room */
};

static void put_verdict(const struct book *b, const struct lab_result *r)
{
    unsigned held = r->nchecks - r->failed;
    fprintf(b->out, "<details class=\"checks %s\"><summary>%s ", r->failed ? "bad" : "ok",
            r->failed ? "✗" : "✓");
    if (r->failed)
        book_count(b->out, "span", " did not hold", " 条不成立", r->failed);
    else
        book_count(b->out, "span",
                   held == 1 ? " thing that had to hold" : " things that had to hold",
                   " 条断言全部成立", held);
    fputs("</summary><ul>\n", b->out);
    for (unsigned i = 0; i < r->nchecks; i++) {
        const struct lab_check *c = &r->check[i];
        fprintf(b->out, "<li class=\"%s\">%s <code>", c->held ? "ok" : "bad", c->held ? "✓" : "✗");
        picture_escape(b->out, c->text);
        fputs("</code>", b->out);
        if (!c->held) {
            fputs(" ", b->out);
            picture_escape(b->out, c->actual);
        }
        fputs("</li>\n", b->out);
    }
    fputs("</ul></details>\n", b->out);
}

/* ---- pictures ---- */

static void put_connection(const struct book *b, const struct lab_result *r, unsigned i)
{
    struct picture p = {.out = b->out, .language = PICTURE_BOTH, .in_page = true};
    struct ladder_config cfg;
    lab_ladder_config(r, i, &cfg);
    struct ladder *l = ladder_new(&cfg);
    if (!l)
        return;
    if (ladder_rows(l)) {
        fputs("<figure>", b->out);
        ladder_picture(l, &p);
        fputs("</figure>\n", b->out);
    }
    for (int side = LADDER_LEFT; side <= LADDER_RIGHT; side++) {
        if (timeseq_segments(l, (enum ladder_side)side) < PLOT_FROM)
            continue;
        fputs("<figure>", b->out);
        timeseq_picture(l, (enum ladder_side)side, &p);
        fputs("</figure>\n", b->out);
    }
    ladder_free(l);
}

static void put_connections(const struct book *b, const struct lab_result *r)
{
    fputs("<div class=\"pictures\">\n", b->out);
    for (unsigned i = 0; i < r->nconnections && i < LADDERS; i++)
        put_connection(b, r, i);
    fputs("</div>\n", b->out);
    if (r->nconnections > LADDERS) {
        fputs("<p class=\"more\">", b->out);
        book_count(b->out, "span", " more connections are in the capture.",
                   " 条其余的连接见抓包文件。", r->nconnections - LADDERS);
        fputs("</p>\n", b->out);
    }
}

/* ---- what ended, what was left ---- */

static void put_records(const struct book *b, const struct lab_result *r)
{
    if (r->nrecords == 0)
        return;
    book_say(b->out, "h4", (struct words){"Close records", "关闭记录"});
    fputs("<ul class=\"records\">\n", b->out);
    for (unsigned i = 0; i < r->nrecords && i < RECORDS; i++)
        book_record(b->out, sim_host_name(r->host[r->record[i].host]), &r->record[i].record);
    fputs("</ul>\n", b->out);
    if (r->nrecords > RECORDS) {
        fputs("<p class=\"more\">", b->out);
        book_count(b->out, "span", " more.", " 条从略。", r->nrecords - RECORDS);
        fputs("</p>\n", b->out);
    }
}

/* What a host holds at the end, by state. */
struct left {
    unsigned n[LA_STATES];
    uint64_t unread[LA_STATES];
    la_ns since[LA_STATES]; /* the earliest */
    bool orphans[LA_STATES];
};

static bool count_left(const struct la_stack *s, struct left *left)
{
    struct la_status st;
    uint64_t cursor = 0;
    bool any = false;
    memset(left, 0, sizeof *left);
    while (la_status_next(s, &cursor, &st)) {
        if (st.state == LA_LISTEN || st.state == LA_CLOSED)
            continue;
        if (!left->n[st.state]++ || st.since < left->since[st.state])
            left->since[st.state] = st.since;
        left->unread[st.state] += st.queued_in;
        left->orphans[st.state] |= st.orphan;
        any = true;
    }
    return any;
}

static void put_left_line(const struct book *b, const struct lab_result *r, const char *host,
                          const struct left *left, enum la_state s)
{
    unsigned long long sec = (r->ended + SIM_START - left->since[s]) / LA_SEC(1);
    fputs("<li><b>", b->out);
    picture_escape(b->out, host);
    fprintf(b->out, "</b> %s × %u <span class=\"aside\">", la_state_name(s), left->n[s]);
    if (s == LA_CLOSE_WAIT)
        book_count(b->out, "span", " s since the peer closed, the program has not",
                   " 秒前对端已关闭，程序还没有", sec);
    else
        book_count(b->out, "span", " s", " 秒", sec);
    if (left->unread[s])
        book_count(b->out, "span", " bytes unread", " 字节未读", left->unread[s]);
    if (left->orphans[s])
        book_say(b->out, "span", (struct words){"given back by the program", "程序已放手"});
    fputs("</span></li>\n", b->out);
}

static void put_left(const struct book *b, const struct lab_result *r)
{
    bool begun = false;
    for (unsigned h = 0; h < r->nhosts; h++) {
        struct left left;
        if (!count_left(sim_stack(r->host[h]), &left))
            continue;
        if (!begun) {
            book_say(b->out, "h4", (struct words){"Still there at the end", "运行结束时仍在"});
            fputs("<ul class=\"left\">\n", b->out);
            begun = true;
        }
        for (int s = 0; s < LA_STATES; s++)
            if (left.n[s])
                put_left_line(b, r, sim_host_name(r->host[h]), &left, (enum la_state)s);
    }
    if (begun)
        fputs("</ul>\n", b->out);
}

/* ---- all of it ---- */

void book_variant(const struct book *b, const struct lab_result *r, const char *capture)
{
    const char *name = lab_variant_name(r->scenario, r->variant);
    fputs("<article class=\"variant\">\n", b->out);
    if (*name) {
        char zh[BOOK_NAME];
        book_say(b->out, "h3",
                 (struct words){
                     name, book_translation(book_prose(lab_name(r->scenario), "zh"), name, zh)});
    }
    put_verdict(b, r);
    put_connections(b, r);
    put_records(b, r);
    put_left(b, r);
    fputs("<p class=\"capture\"><a download href=\"", b->out);
    picture_escape(b->out, capture);
    fputs("\">", b->out);
    book_say(b->out, "span", (struct words){"Capture (pcapng)", "抓包文件（pcapng）"});
    fputs("</a></p>\n</article>\n", b->out);
}
