/* timeseq.h: a time-sequence plot of one direction of a connection, as a picture.
 *
 * What it shows, as the sender saw it (or the receiver, if only its log is there): each segment as
 * a bar from its first to its last sequence number, those sent again and those lost as such; the
 * line of what was acknowledged; the edge of the peer's window, where it comes near; SACK blocks.
 * The segments are a ladder's, so both pictures of a connection are made from one reading of the
 * logs.  The picture's size in bytes is bounded by its resolution, whatever was sent. */
#ifndef LAB_TIMESEQ_H
#define LAB_TIMESEQ_H

#include "lab/picture/ladder.h"

enum ladder_side { LADDER_LEFT, LADDER_RIGHT };

/* Segments with text, a SYN or a FIN that this side sent: below a handful there is little to see.
 */
size_t timeseq_segments(const struct ladder *l, enum ladder_side sender);

void timeseq_picture(const struct ladder *l, enum ladder_side sender, const struct picture *p);
/* A whole SVG document in English, light or dark as the viewer prefers. */
void timeseq_svg(const struct ladder *l, enum ladder_side sender, FILE *out);

#endif
