/* ladder_svg.c: the ladder as a picture of its own.
 *
 * Time runs down, one row after the other (not to scale; times stand at the left).  Each end's
 * track is coloured by its state; arrows slant from the sending to the arrival, so what crosses in
 * flight crosses on paper.  Colours come from classes, with a second set for readers who prefer
 * dark. Invariant: rows never overlap; each has its own height, and text keeps to its row and zone.
 */
#include "lab/ladder_private.h"

#include <string.h>

enum {
    WIDTH = 840,
    LEFT = 240, /* the tracks' centres */
    RIGHT = 660,
    TRACK = 8,   /* their width */
    EDGE = 7,    /* arrows end this far from the centre */
    TIME_X = 92, /* right end of the time column */
    STATE_GAP = 12,
    TOP = 96, /* where rows begin */
    SEGMENT_H = 52,
    DEPARTS_H = 46,
    ARRIVES_H = 28,
    NOTE_H = 24,
    ELIDED_H = 22,
    LEGEND_H = 22,
    SLANT = 10,
    MARK_R = 9,
    MARK_STEP = 21,
};

static const char style[] =
    "  <style>\n"
    "    svg { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }\n"
    "    .mono { font-family: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', "
    "monospace; }\n"
    "    text { fill: #1c2128; font-size: 12px; }\n"
    "    .paper { fill: #ffffff; }\n"
    "    .h1 { font-size: 17px; font-weight: 600; }\n"
    "    .h2 { font-size: 14px; font-weight: 600; }\n"
    "    .dim { fill: #66707b; font-size: 11px; }\n"
    "    .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; "
    "}\n"
    "    .state { font-weight: 600; }\n"
    "    .guess { font-style: italic; font-weight: 400; }\n"
    "    .line { fill: none; stroke-width: 1.6; }\n"
    "    .plain { stroke: #57606a; } .f-plain { fill: #57606a; }\n"
    "    .open { stroke: #0969da; } .f-open { fill: #0969da; }\n"
    "    .close { stroke: #bc4c00; } .f-close { fill: #bc4c00; }\n"
    "    .bad { stroke: #cf222e; } .f-bad { fill: #cf222e; }\n"
    "    .mark { fill: #ffffff; font-size: 11px; font-weight: 700; }\n"
    "    .rule { stroke: #d0d7de; stroke-width: 1; }\n"
    "    .s-none { fill: #c4ccd4; } .s-opening { fill: #6cb0f5; } .s-open { fill: #4fb866; }\n"
    "    .s-closing { fill: #ee9a4d; } .s-half { fill: #c58fec; } .s-wait { fill: #9aa4af; }\n"
    "    .inferred { opacity: .45; }\n"
    "    @media (prefers-color-scheme: dark) {\n"
    "      text { fill: #e2e8ee; } .paper { fill: #12161c; } .dim { fill: #98a3ae; }\n"
    "      .halo { stroke: #12161c; }\n"
    "      .plain { stroke: #a8b3bd; } .f-plain { fill: #a8b3bd; }\n"
    "      .open { stroke: #6cb6ff; } .f-open { fill: #6cb6ff; }\n"
    "      .close { stroke: #f69d50; } .f-close { fill: #f69d50; }\n"
    "      .bad { stroke: #ff7b72; } .f-bad { fill: #ff7b72; }\n"
    "      .mark { fill: #12161c; } .rule { stroke: #343c46; } .s-none { fill: #4a535d; }\n"
    "    }\n"
    "  </style>\n";

struct svg {
    const struct ladder *l;
    FILE *out;
};

static int track(int side)
{
    return side == 0 ? LEFT : RIGHT;
}

static int count_lines(const struct row *r)
{
    char text[LADDER_TEXT];
    return (ladder_elided(r, 0, text)[0] != '\0') + (ladder_elided(r, 1, text)[0] != '\0');
}

static int height_of(const struct row *r)
{
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_LOST:
    case ROW_STRAY:
        return SEGMENT_H;
    case ROW_DEPARTS:
        return DEPARTS_H;
    case ROW_ARRIVES:
        return ARRIVES_H;
    case ROW_STATE:
    case ROW_TIMER:
        return NOTE_H;
    case ROW_ELIDED:
        return count_lines(r) * ELIDED_H + 14;
    case ROW_GAP:
        return ELIDED_H + 10;
    }
    return NOTE_H;
}

static int total_height(const struct ladder *l)
{
    int y = TOP;
    for (size_t i = 0; i < l->nrow; i++)
        y += height_of(&l->row[i]);
    return y;
}

/* Where in its row the sender's and the receiver's end of a segment lie. */
static int tail_y(const struct row *r)
{
    return r->kind == ROW_DEPARTS ? 36 : 26;
}

static int head_y(const struct row *r)
{
    return r->kind == ROW_ARRIVES ? 14 : 26 + SLANT;
}

/* Where a state that is entered at this row begins, from the row's top. */
static int state_y(const struct row *r, int side)
{
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
        return side == r->side ? tail_y(r) : head_y(r);
    case ROW_ARRIVES:
    case ROW_STRAY:
        return head_y(r);
    case ROW_STATE:
    case ROW_TIMER:
    case ROW_ELIDED:
    case ROW_GAP:
        return NOTE_H / 2;
    }
    return 0;
}

static const char *class_of_state(enum la_state s)
{
    switch (s) {
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_STATES:
        return "s-none";
    case LA_SYN_SENT:
    case LA_SYN_RECEIVED:
        return "s-opening";
    case LA_ESTABLISHED:
        return "s-open";
    case LA_FIN_WAIT_1:
    case LA_FIN_WAIT_2:
    case LA_CLOSING:
        return "s-closing";
    case LA_CLOSE_WAIT:
    case LA_LAST_ACK:
        return "s-half";
    case LA_TIME_WAIT:
        return "s-wait";
    }
    return "s-none";
}

static const char *class_of_segment(const struct message *m)
{
    uint8_t flags = m->ev->seg.flags;
    if (m->lost || (flags & LA_TCP_RST))
        return "bad";
    if (m->info.marks)
        return "close";
    return flags & LA_TCP_SYN ? "open" : "plain";
}

static void escape(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void text_at(const struct svg *g, int x, int y, const char *anchor, const char *classes,
                    const char *text)
{
    fprintf(g->out, "  <text x=\"%d\" y=\"%d\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
            classes);
    escape(g->out, text);
    fputs("</text>\n", g->out);
}

/* ---- tracks ---- */

static void put_stretch(const struct svg *g, int side, int from, int to, enum la_state s,
                        bool inferred)
{
    fprintf(g->out, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s%s\"/>\n",
            track(side) - TRACK / 2, from, TRACK, to - from, class_of_state(s),
            inferred ? " inferred" : "");
}

static void put_state_name(const struct svg *g, int side, int y, enum la_state s, bool inferred)
{
    char text[LADDER_TEXT];
    snprintf(text, sizeof text, "%s%s", inferred ? "~" : "", la_state_name(s));
    text_at(g, side == 0 ? LEFT - STATE_GAP : RIGHT + STATE_GAP, y + 4, side == 0 ? "end" : "start",
            inferred ? "state guess" : "state", text);
}

static void put_track(const struct svg *g, int side)
{
    const struct ladder *l = g->l;
    enum la_state s = l->start[side];
    bool inferred = l->inferred[side];
    int from = TOP - 18, y = TOP;
    put_state_name(g, side, from + 4, s, inferred);
    for (size_t i = 0; i < l->nrow; y += height_of(&l->row[i]), i++) {
        const struct row *r = &l->row[i];
        if (!r->has_state[side])
            continue;
        int at = y + state_y(r, side);
        put_stretch(g, side, from, at, s, inferred);
        from = at;
        s = r->state[side];
        inferred = r->inferred[side];
        put_state_name(g, side, at, s, inferred);
    }
    put_stretch(g, side, from, y + 8, s, inferred);
}

/* ---- arrows ---- */

static void put_arrow(const struct svg *g, const struct message *m, int y1, int y2)
{
    const char *c = class_of_segment(m);
    int x1 = m->from == 0 ? LEFT + EDGE : RIGHT - EDGE;
    int x2 = m->from == 0 ? RIGHT - EDGE : LEFT + EDGE;
    fprintf(g->out, "  <path d=\"M%d %dL%d %d\" class=\"line %s\" marker-end=\"url(#to-%s)\"/>\n",
            x1, y1, x2, y2, c, c);
}

static void put_lost(const struct svg *g, const struct message *m, int y)
{
    int x1 = m->from == 0 ? LEFT + EDGE : RIGHT - EDGE;
    int x2 = m->from == 0 ? RIGHT - 110 : LEFT + 110;
    fprintf(g->out, "  <path d=\"M%d %dL%d %d\" class=\"line bad\"/>\n", x1, y, x2, y + SLANT - 2);
    fprintf(g->out, "  <path d=\"M%d %dl12 12m0 -12l-12 12\" class=\"line bad\"/>\n", x2 - 6,
            y + SLANT - 8);
    text_at(g, m->from == 0 ? x2 + 14 : x2 - 14, y + SLANT + 2, m->from == 0 ? "start" : "end",
            "f-bad", "lost");
}

/* Where the arrow of the segment that arrives in row i began. */
static int departure_of(const struct ladder *l, size_t i, int y)
{
    for (size_t k = i; k-- > 0;) {
        y -= height_of(&l->row[k]);
        if (l->row[k].kind == ROW_DEPARTS && l->row[k].msg == l->row[i].msg)
            return y + tail_y(&l->row[k]);
    }
    return y;
}

static void put_arrows(const struct svg *g)
{
    const struct ladder *l = g->l;
    int y = TOP;
    for (size_t i = 0; i < l->nrow; y += height_of(&l->row[i]), i++) {
        const struct row *r = &l->row[i];
        if (r->kind == ROW_SEGMENT || r->kind == ROW_STRAY)
            put_arrow(g, &l->msg[r->msg], y + tail_y(r), y + head_y(r));
        else if (r->kind == ROW_ARRIVES)
            put_arrow(g, &l->msg[r->msg], departure_of(l, i, y), y + head_y(r));
        else if (r->kind == ROW_LOST)
            put_lost(g, &l->msg[r->msg], y + tail_y(r));
    }
}

/* ---- words ---- */

static void put_marks(const struct svg *g, int x, int y, uint8_t marks)
{
    for (int i = 0; i < 4; i++) {
        char digit[2] = {(char)('1' + i), '\0'};
        if (!(marks & 1 << i))
            continue;
        fprintf(g->out, "  <circle cx=\"%d\" cy=\"%d\" r=\"%d\" class=\"f-close\"/>\n", x, y,
                MARK_R);
        text_at(g, x, y + 4, "middle", "mark", digit);
        x += MARK_STEP;
    }
}

static void put_segment_words(const struct svg *g, const struct row *r, int y)
{
    const struct message *m = &g->l->msg[r->msg];
    char label[LADDER_TEXT], absolute[LADDER_TEXT], text[2 * LADDER_TEXT];
    bool departs = r->kind == ROW_DEPARTS;
    int middle = (LEFT + RIGHT) / 2;
    int side_x = m->from == 0 ? LEFT + 40 : RIGHT - 40;
    const char *anchor = !departs ? "middle" : m->from == 0 ? "start" : "end";
    snprintf(text, sizeof text, "%s%s", ladder_label(m, 44, label),
             m->info.again          ? " (again)"
             : r->kind == ROW_STRAY ? " (?)"
                                    : "");
    text_at(g, departs ? side_x : middle, y + (departs ? 14 : 18), anchor, "mono halo", text);
    text_at(g, departs ? side_x : middle, y + (departs ? 28 : 48), anchor, "mono dim halo",
            ladder_absolute(m, absolute));
    int others = -MARK_STEP;
    for (uint8_t k = m->info.marks; k; k &= (uint8_t)(k - 1))
        others += MARK_STEP;
    put_marks(g, m->from == 0 ? LEFT + 20 : RIGHT - 20 - others, y + (departs ? 16 : 26),
              m->info.marks);
}

static void put_elided_words(const struct svg *g, const struct row *r, int y)
{
    y += 20;
    for (int side = 0; side < 2; side++) {
        char what[LADDER_TEXT], text[LADDER_TEXT + 16];
        if (!ladder_elided(r, side, what)[0])
            continue;
        snprintf(text, sizeof text, side == 0 ? "… %s →" : "← %s …", what);
        text_at(g, (LEFT + RIGHT) / 2, y, "middle", "dim halo", text);
        y += ELIDED_H;
    }
}

static void put_words(const struct svg *g, const struct row *r, int y)
{
    char text[LADDER_TEXT], span[LADDER_TEXT];
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
    case ROW_STRAY:
        put_segment_words(g, r, y);
        break;
    case ROW_ARRIVES:
    case ROW_STATE:
        break;
    case ROW_TIMER:
        snprintf(text, sizeof text, "timer: %s", la_timer_name((enum la_timer_kind)r->timer));
        text_at(g, r->side == 0 ? LEFT + 14 : RIGHT - 14, y + 16, r->side == 0 ? "start" : "end",
                "dim halo", text);
        break;
    case ROW_ELIDED:
        put_elided_words(g, r, y);
        return;
    case ROW_GAP:
        snprintf(text, sizeof text, "… %s later …", ladder_span(r->span, span));
        text_at(g, (LEFT + RIGHT) / 2, y + 20, "middle", "dim halo", text);
        return;
    }
    text_at(g, TIME_X, y + state_y(r, r->side) + 4, "end", "mono dim",
            ladder_time(r->at - g->l->origin, text));
}

/* ---- above and below ---- */

static void put_head(const struct svg *g, int height)
{
    static const char *const kinds[] = {"plain", "open", "close", "bad"};
    const struct ladder *l = g->l;
    fprintf(g->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" role=\"img\">\n",
            WIDTH, height, WIDTH, height);
    fputs("  <title>", g->out);
    escape(g->out, l->cfg.title ? l->cfg.title : "One TCP connection");
    fputs("</title>\n", g->out);
    fputs(style, g->out);
    fputs("  <defs>\n", g->out);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        fprintf(g->out,
                "    <marker id=\"to-%s\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" "
                "markerWidth=\"11\" "
                "markerHeight=\"11\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
                "<path d=\"M0 0L10 5L0 10z\" class=\"f-%s\"/></marker>\n",
                kinds[i], kinds[i]);
    fputs("  </defs>\n", g->out);
    fprintf(g->out, "  <rect width=\"%d\" height=\"%d\" class=\"paper\"/>\n", WIDTH, height);
    text_at(g, WIDTH / 2, 26, "middle", "h1", l->cfg.title ? l->cfg.title : "One TCP connection");
    for (int side = 0; side < 2; side++) {
        const struct ladder_end *e = ladder_end_of(l, side);
        char addr[LA_ADDR_STRLEN], text[LADDER_TEXT];
        la_addr_format(&e->endpoint.addr, addr);
        snprintf(text, sizeof text, "%s%s", e->name, l->inferred[side] ? " (states inferred)" : "");
        text_at(g, track(side), 50, "middle", "h2", text);
        snprintf(text, sizeof text, la_addr_is_v4(&e->endpoint.addr) ? "%s:%u" : "[%s]:%u", addr,
                 e->endpoint.port);
        text_at(g, track(side), 66, "middle", "mono dim", text);
    }
}

static void put_legend(const struct svg *g, int y)
{
    static const char *const what[] = {"FIN u", "ACK u+1", "FIN w", "ACK w+1"};
    const struct ladder_close *k = &g->l->close;
    uint32_t rel[] = {k->u, k->ack_u, k->w, k->ack_w};
    uint32_t whole[] = {k->u_abs, k->ack_u - k->u + k->u_abs, k->w_abs, k->ack_w - k->w + k->w_abs};
    fprintf(g->out, "  <path d=\"M40 %dH%d\" class=\"rule\"/>\n", y - 14, WIDTH - 40);
    for (int i = 0; i < 4; i++) {
        char text[2 * LADDER_TEXT];
        int by = (i == 0 || i == 3) ? k->first : !k->first;
        if (!(k->marks & 1 << i))
            continue;
        put_marks(g, LEFT - 20, y, (uint8_t)(1 << i));
        text_at(g, LEFT, y + 4, "start", "state", what[i]);
        snprintf(text, sizeof text, "= %-10u  absolute %-10u  from %s", rel[i], whole[i],
                 ladder_end_of(g->l, by)->name);
        text_at(g, LEFT + 72, y + 4, "start", "mono", text);
        y += LEGEND_H;
    }
}

static int legend_height(const struct ladder *l)
{
    int n = 0;
    for (int i = 0; i < 4; i++)
        n += l->close.marks >> i & 1;
    return n ? n * LEGEND_H + 24 : 0;
}

void ladder_svg(const struct ladder *l, FILE *out)
{
    struct svg g = {.l = l, .out = out};
    int rows_end = total_height(l);
    int y = TOP;
    put_head(&g, rows_end + 24 + legend_height(l));
    put_track(&g, 0);
    put_track(&g, 1);
    put_arrows(&g);
    for (size_t i = 0; i < l->nrow; y += height_of(&l->row[i]), i++)
        put_words(&g, &l->row[i], y);
    if (l->close.marks)
        put_legend(&g, rows_end + 36);
    fputs("</svg>\n", out);
}
