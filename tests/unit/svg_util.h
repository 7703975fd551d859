/* svg_util.h: is this a whole SVG document?  Every tag is closed by its own, attributes are quoted,
 * no bare ampersand: what a strict XML reader asks of markup without declarations. */
#ifndef SVG_UTIL_H
#define SVG_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline size_t svg_count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static inline const char *svg_entity(const char *at)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(at, known[i], strlen(known[i])) == 0)
            return at + strlen(known[i]);
    fail_msg("a bare & at: %.40s", at);
    return at + 1;
}

/* From '<' to after '>'; *name and *len are the tag's.  Returns 1 opened, -1 closed, 0 neither. */
static inline int svg_tag(const char **at, const char **name, size_t *len)
{
    const char *p = *at + 1;
    int what = *p == '/' ? -1 : 1;
    p += what < 0;
    *name = p;
    *len = strcspn(p, " />\n");
    for (p += *len; *p != '>'; p++) {
        if (*p == '\0' || *p == '<')
            fail_msg("a tag without an end: %.40s", *at);
        if (*p != '"')
            continue;
        for (p++; *p != '"'; p++) {
            if (*p == '\0' || *p == '<')
                fail_msg("an attribute without an end: %.40s", *at);
            if (*p == '&')
                p = svg_entity(p) - 1;
        }
    }
    if (p[-1] == '/')
        what = 0;
    *at = p + 1;
    return what;
}

static inline void svg_check(const char *text)
{
    enum { DEEP = 16 };
    struct {
        const char *name;
        size_t len;
    } open[DEEP];
    int depth = 0;
    assert_int_equal(strncmp(text, "<svg xmlns=", 11), 0);
    for (const char *p = text; *p;) {
        const char *name;
        size_t len;
        if (*p == '&') {
            p = svg_entity(p);
            continue;
        }
        if (*p != '<') {
            assert_true(depth > 0 || *p == '\n');
            p++;
            continue;
        }
        int what = svg_tag(&p, &name, &len);
        if (what > 0) {
            assert_in_range(depth, 0, DEEP - 1);
            open[depth].name = name;
            open[depth++].len = len;
        } else if (what < 0) {
            assert_in_range(depth, 1, DEEP);
            depth--;
            if (open[depth].len != len || memcmp(open[depth].name, name, len) != 0)
                fail_msg("</%.*s> closes <%.*s>", (int)len, name, (int)open[depth].len,
                         open[depth].name);
        }
    }
    assert_int_equal(depth, 0);
}

/* For a look at it: SHOW_SVG=DIRECTORY keeps what the tests draw. */
static inline void svg_keep(const char *name, const char *text)
{
    const char *dir = getenv("SHOW_SVG");
    char path[256];
    if (!dir)
        return;
    snprintf(path, sizeof path, "%s/%s.svg", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#endif
