/* ladder.h: one connection as a ladder diagram, from the trace events of both ends or of one.
 *
 * What it shows: both ends' states, every segment that opens or closes the connection with relative
 * and absolute numbers, the four closing segments marked 1 to 4 (FIN u, ACK u+1, FIN w, ACK w+1),
 * lost segments as lost, timers. Bulk data in between is counted instead of drawn.  With one end's
 * events the other end's states are inferred from the segments, and marked so.
 *
 * Order: events of one end are in their order, and a segment is sent before it arrives; nothing
 * else is claimed.  Where segments cross in flight they are drawn in two parts. */
#ifndef LAB_LADDER_H
#define LAB_LADDER_H

#include "lab/picture/picture.h"
#include "sim/flow.h"
#include "sim/trace.h"
#include <lastack/tcp.h>
#include <stdio.h>

struct ladder;

struct ladder_end {
    const char *name; /* "client", "lastack" ... */
    struct la_endpoint endpoint;
    const struct trace_log *log; /* NULL: infer this end from the other */
};

struct ladder_config {
    struct ladder_end left, right; /* at least one has a log */
    la_ns from, until;             /* only events in [from, until]; until 0: no limit */
    unsigned head, tail; /* plain data segments drawn before and after bulk is elided; 0: 2 and 1 */
    unsigned odd;        /* lost or repeated data segments drawn at most; 0: 6 */
    const char *title;   /* or NULL */
    const char *title_zh;
};

/* The text and the logs are borrowed until ladder_free.  NULL if memory ran out. */
struct ladder *ladder_new(const struct ladder_config *cfg);
void ladder_free(struct ladder *l);

/* Rows that would be drawn: 0 if the connection is not in the logs. */
size_t ladder_rows(const struct ladder *l);

struct ladder_style {
    bool unicode; /* else ASCII only */
    bool colour;
    int columns; /* 60 to 160; 0: 80 */
};
/* What suits this stream: unicode by the locale, colour if it is a terminal and NO_COLOR is not
 * set, at most 80 columns. */
struct ladder_style ladder_style_for(FILE *out);

void ladder_text(const struct ladder *l, FILE *out, const struct ladder_style *style);
/* As an SVG picture, alone or in a page. */
void ladder_picture(const struct ladder *l, const struct picture *p);
/* A whole SVG document in English, light or dark as the viewer prefers. */
void ladder_svg(const struct ladder *l, FILE *out);

/* The closing segments as they were first sent. */
struct ladder_close {
    uint8_t marks; /* enum flow_mark bits that were seen */
    int first;     /* who closed first: 0 left, 1 right, -1 nobody */
    bool crossed;  /* neither FIN acknowledged the other: a simultaneous close */
    uint32_t u, w; /* sequence numbers of the two FINs, relative */
    uint32_t u_abs, w_abs;
    uint32_t ack_u, ack_w; /* what the ACKs said, relative: u+1, w+1 in an orderly close */
};
void ladder_closing(const struct ladder *l, struct ladder_close *out);

#endif
