/* diagram.h: the state diagram of RFC 9293's Figure 5 as a picture, each edge as wide as it was
 * often taken.
 *
 * The places are the figure's; what may be drawn is the core's own table of edges (tcp_edge): an
 * edge of the figure that this stack does not have is drawn as such, and a change that the figure
 * leaves out (its note 3: to CLOSED by a RST, a timeout or an abort) is listed below it. */
#ifndef LAB_DIAGRAM_H
#define LAB_DIAGRAM_H

#include "lab/picture/picture.h"
#include "sim/trace.h"

/* How often each change was made; all zero to begin with. */
struct diagram {
    uint64_t taken[LA_STATES][LA_STATES];
};

/* Adds every change of state in a log: connections, half-open ones, listeners, TIME-WAIT. */
void diagram_count(struct diagram *d, const struct trace_log *log);

/* Every edge of the figure that this stack has was taken. */
bool diagram_complete(const struct diagram *d);

void diagram_picture(const struct diagram *d, const struct picture *p);
/* A whole SVG document in English, light or dark as the viewer prefers. */
void diagram_svg(const struct diagram *d, FILE *out);

#endif
