/* picture.h: what the SVG pictures share: the sheet, words in two languages, colours for light and
 * dark.
 *
 * A picture stands alone (a document with its own style, in one language) or in a page that says
 * picture_style() once and shows one of both languages.  Elements carry classes, never colours and
 * never ids, so that any number of pictures fit on one page. */
#ifndef LAB_PICTURE_H
#define LAB_PICTURE_H

#include <lastack/types.h>
#include <stdio.h>

enum picture_language { PICTURE_ENGLISH, PICTURE_CHINESE, PICTURE_BOTH };

struct words {
    const char *en, *zh; /* zh NULL: the same in both */
};

struct picture {
    FILE *out;
    enum picture_language language;
    bool in_page; /* no style, no xmlns: the page has them */
};

/* The root element with its title and description for those who cannot see it; then the paper. */
void picture_begin(const struct picture *p, int width, int height, struct words title,
                   struct words about);
void picture_end(const struct picture *p);

/* The style sheet that every class below is defined in.  In a page dark is what the reader's system
 * asks for, or <html class="dark">, unless <html class="light">; alone, the same with classes on
 * the svg. */
void picture_style(FILE *out, bool in_page);

/* Markup-safe. */
void picture_escape(FILE *out, const char *text);
/* Words inside an open text element. */
void picture_say(const struct picture *p, struct words w);
void picture_text_begin(const struct picture *p, int x, int y, const char *anchor,
                        const char *classes);
void picture_text_end(const struct picture *p);
/* A whole text element; anchor: start, middle, end. */
void picture_text(const struct picture *p, int x, int y, const char *anchor, const char *classes,
                  const char *text);
void picture_words(const struct picture *p, int x, int y, const char *anchor, const char *classes,
                   struct words w);

/* The class of a state's colour, "s-opening", and what that colour means. */
const char *picture_state_class(enum la_state s);
enum { PICTURE_PHASES = 6 };
struct picture_phase {
    const char *classes;
    struct words meaning;
};
const struct picture_phase *picture_phase(int i);

/* A filled triangle whose tip is at (x, y), coming from (fx, fy). */
void picture_head(const struct picture *p, int fx, int fy, int x, int y, const char *classes);

#endif
