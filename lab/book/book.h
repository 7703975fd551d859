/* book.h: the experiments as one page: every scenario run in every variant, with its pictures, its
 * close records and its text, in English and Chinese.
 *
 * The page is one file without any reference to the network, so that it works from a disk; the
 * captures lie beside it. */
#ifndef LAB_BOOK_H
#define LAB_BOOK_H

#include <stddef.h>

struct book_report {
    unsigned experiments, variants;
    unsigned checks, failed; /* what had to hold, and did not */
};

/* Writes DIR/index.html, DIR/NAME[-VARIANT].pcapng, and the state diagram of an experiment that
 * takes all its edges as DIR/NAME.svg, making the directory if need be.  0, or -1 with one line in
 * err (n bytes): a file cannot be written, an experiment cannot be read. */
int book_write(const char *dir, struct book_report *out, char *err, size_t n);

#endif
