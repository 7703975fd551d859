/* test_book.c: the book's words: markdown into markup, close records in Chinese. */
#include "lab/book/book_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t text_n;

static FILE *begin(void)
{
    free(text);
    text = NULL;
    FILE *f = open_memstream(&text, &text_n);
    assert_non_null(f);
    return f;
}

static const char *markdown(const char *prose)
{
    FILE *f = begin();
    book_markdown(f, prose);
    fclose(f);
    return text;
}

static void test_markdown(void **unused)
{
    (void)unused;
    assert_string_equal(markdown("# Title\n\n**Look at** `a < b` & \"c\".\n\nNext\n"),
                        "<p><strong>Look at</strong> <code>a &lt; b</code> &amp; "
                        "&quot;c&quot;.</p>\n<p>Next</p>\n");
    assert_string_equal(markdown("one\nline\n\n\n\ntwo"), "<p>one\nline</p>\n<p>two</p>\n");
    assert_string_equal(markdown(""), "");
    assert_string_equal(markdown("# Title alone"), "");
    /* What is left open is closed, and code is code. */
    assert_string_equal(markdown("**a `b**"), "<p><strong>a <code>b**</code></strong></p>\n");
    assert_string_equal(markdown("2 * 3"), "<p>2 * 3</p>\n");
}

/* Longer than any piece that it is written in, with characters of several bytes. */
static void test_long_paragraph(void **unused)
{
    enum { N = 300 };
    char prose[3 * N + 1], want[3 * N + 16];
    (void)unused;
    for (int i = 0; i < N; i++)
        memcpy(prose + 3 * i, "握", 3);
    prose[3 * N] = '\0';
    snprintf(want, sizeof want, "<p>%s</p>\n", prose);
    assert_string_equal(markdown(prose), want);
}

static void test_translation(void **unused)
{
    char b[BOOK_NAME];
    (void)unused;
    static const char prose[] =
        "# T\n\nText | with a line.\n\n| with | 有 |\n| with it | 有它 |\n| broken";
    assert_string_equal(book_translation(prose, "with", b), "有");
    assert_string_equal(book_translation(prose, "with it", b), "有它");
    assert_null(book_translation(prose, "wi", b));
    assert_null(book_translation(prose, "broken", b));
    assert_null(book_translation(prose, "without", b));
    assert_string_equal(markdown(prose), "<p>Text | with a line.</p>\n");
}

static void test_title(void **unused)
{
    (void)unused;
    FILE *f = begin();
    book_title(f, "# FIN & <data>\n\nText\n");
    book_title(f, "no title\n");
    fclose(f);
    assert_string_equal(text, "FIN &amp; &lt;data&gt;");
}

static const char *record(const struct la_record *r)
{
    FILE *f = begin();
    book_record(f, "a<b", r);
    fclose(f);
    return text;
}

/* Whoever closed and why: a sentence in each language, and each cause its own. */
static void test_every_cause_is_said(void **unused)
{
    char *said[LA_CAUSE_COUNT];
    (void)unused;
    for (int c = 0; c < LA_CAUSE_COUNT; c++) {
        struct la_record r = {.cause = (uint8_t)c,
                              .closed = LA_SEC(2),
                              .established = LA_SEC(1),
                              .second_fin_at = LA_NEVER};
        for (int side = LA_SIDE_NONE; side <= LA_SIDE_BOTH; side++) {
            r.first_fin = (uint8_t)side;
            assert_null(strstr(record(&r), "原因不明"));
        }
        r.first_fin = LA_SIDE_NONE;
        const char *zh = strstr(record(&r), "class=\"zh\"");
        assert_non_null(zh);
        said[c] = strdup(zh);
        for (int o = 0; o < c; o++)
            assert_string_not_equal(said[o], said[c]);
    }
    for (int c = 0; c < LA_CAUSE_COUNT; c++)
        free(said[c]);
}

static void test_record_in_chinese(void **unused)
{
    struct la_record r = {.local = {la_addr_v4(10, 0, 0, 1), 40000, -1},
                          .remote = {la_addr_v4(10, 0, 0, 2), 80, -1},
                          .first_fin = LA_SIDE_LOCAL,
                          .cause = LA_CAUSE_CLOSE,
                          .last_state = LA_TIME_WAIT,
                          .fin_retransmits = 3,
                          .bytes_unread = 12345,
                          .tw = {.restarts = 2, .rst_ignored = 1, .old_segments = 3}};
    (void)unused;
    r.in_state[LA_TIME_WAIT] = LA_SEC(60);
    record(&r);
    assert_non_null(strstr(text, "<b>a&lt;b</b>"));
    assert_non_null(strstr(text, ":40000 → 10.0.0.2:80"));
    assert_non_null(strstr(text, "本端先关闭：程序调用了 close；程序得到的结果：正常结束；"
                                 "FIN 重传 3 次；12,345 字节未读；"
                                 "TIME-WAIT 历时 60.000 s，重新计时 2 次，挡下 4 个旧报文段。"));
    r.ended_by = LA_CAUSE_KEEPALIVE;
    assert_non_null(strstr(record(&r), "；最后结束它的是：保活探测没有应答；FIN 重传 3 次"));
    r.error = LA_ECONNRESET;
    r.cause = r.ended_by = LA_CAUSE_PEER_RST;
    r.first_fin = LA_SIDE_NONE;
    assert_non_null(strstr(record(&r), "没有 FIN：对端发来 RST；程序得到的结果：连接被重置"));
    assert_null(strstr(text, "最后结束它的是"));
}

static int done(void **unused)
{
    (void)unused;
    free(text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_long_paragraph),
        cmocka_unit_test(test_title),
        cmocka_unit_test(test_translation),
        cmocka_unit_test(test_every_cause_is_said),
        cmocka_unit_test(test_record_in_chinese),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
