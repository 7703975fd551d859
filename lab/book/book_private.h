/* book_private.h: what the files of the book say to each other. */
#ifndef LAB_BOOK_PRIVATE_H
#define LAB_BOOK_PRIVATE_H

#include "lab/book/book.h"
#include "lab/picture/diagram.h"
#include "lab/picture/picture.h"
#include "lab/scenario/run.h"

struct book {
    FILE *out;
    const char *dir;
    struct book_report *report;
    char *err;
    size_t err_n;
};

#define BOOK_NAME 128 /* an experiment's or a variant's, in file names and anchors */

/* "06_four_segments" of the i-th experiment; NULL behind the last. */
const char *book_name(unsigned i, char buf[BOOK_NAME]);
/* The experiment's explanation, "" if there is none. */
const char *book_prose(const char *name, const char *language);

/* ---- book_page.c: what surrounds the experiments ---- */
void book_head(const struct book *b);
void book_foot(const struct book *b);
/* The links at the end of experiment i. */
void book_pager(const struct book *b, unsigned i);

/* ---- book_run.c: one variant ---- */
void book_variant(const struct book *b, const struct lab_result *r, const char *capture);

/* ---- book_words.c ---- */
/* Both languages, each in an element that the page shows or hides. */
void book_say(FILE *out, const char *tag, struct words w);
/* The same, each a printf format for the one number. */
void book_count(FILE *out, const char *tag, const char *en, const char *zh, unsigned long long n);
/* "# Title" of a text. */
void book_title(FILE *out, const char *prose);
/* What follows the title: paragraphs with **strong** and `code`, up to a table. */
void book_markdown(FILE *out, const char *prose);
/* What a table of the text ("| with | without |", a line each) has beside these words; NULL if it
 * has not got them.  The Chinese texts give the variants' names so. */
const char *book_translation(const char *prose, const char *text, char buf[BOOK_NAME]);
/* A close record as a list item. */
void book_record(FILE *out, const char *host, const struct la_record *r);

#endif
