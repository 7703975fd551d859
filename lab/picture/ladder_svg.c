/* ladder_svg.c: the ladder as a picture.
 *
 * Time runs down, one row after the other (not to scale; times stand at the left).  Each end's
 * track is coloured by its state, whose name stands where it was entered; arrows slant from the
 * sending to the arrival, so what crosses in flight crosses on paper.  The sheet is as narrow as a
 * phone, so that two or three stand side by side elsewhere.
 * Invariant: rows never overlap; each has its own height, and text keeps to its row and zone. */
#include "lab/picture/ladder_private.h"

#include <string.h>

enum {
    WIDTH = 372,
    LEFT = 62, /* the tracks' centres */
    RIGHT = 358,
    MIDDLE = (LEFT + RIGHT) / 2,
    TRACK = 8,   /* their width */
    EDGE = 6,    /* arrows end this far from the centre */
    INDENT = 10, /* words begin this far from it */
    TIME_X = 50, /* right end of the time column */
    HEAD_H = 40,
    TITLE_H = 26,
    START_H = 20,
    LABEL_Y = 13, /* of a segment's label in its row */
    TAIL_Y = 22,
    HEAD_Y = 31,
    STATE_Y = 45,
    SEGMENT_H = 38,
    DEPARTS_H = 30,
    ARRIVES_H = 16,
    ARRIVES_Y = 8,
    STATE_H = 18, /* a line of states below a segment */
    NOTE_H = 20,
    LINE_H = 18,
    GAP_H = 32,
    LEGEND_H = 20,
    MARK_R = 8,
    MARK_STEP = 18,
    LABEL_COLUMNS = 38,
    CHAR_W = 7, /* of a label, about */
};

struct svg {
    const struct ladder *l;
    const struct picture *p;
    FILE *out;
    int top; /* where rows begin */
};

static int track(int side)
{
    return side == 0 ? LEFT : RIGHT;
}

/* A distance from a track towards the other one. */
static int inward(int side, int by)
{
    return side == 0 ? LEFT + by : RIGHT - by;
}

static const char *anchor_of(int side)
{
    return side == 0 ? "start" : "end";
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

/* ---- how high things are ---- */

static int count_lines(const struct row *r)
{
    char text[LADDER_TEXT];
    return (ladder_elided(r, 0, text)[0] != '\0') + (ladder_elided(r, 1, text)[0] != '\0');
}

static int height_of(const struct ladder *l, const struct row *r)
{
    int states = r->has_state[0] || r->has_state[1] ? STATE_H : 0;
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_LOST:
    case ROW_STRAY:
        return SEGMENT_H + states;
    case ROW_DEPARTS:
        return DEPARTS_H + states;
    case ROW_ARRIVES:
        return ARRIVES_H + states + (l->msg[r->msg].late ? LINE_H : 0);
    case ROW_STATE:
        return NOTE_H;
    case ROW_TIMER:
        return NOTE_H + states;
    case ROW_ELIDED:
        return count_lines(r) * LINE_H + 12;
    case ROW_GAP:
        return GAP_H;
    }
    return NOTE_H;
}

static int rows_height(const struct ladder *l)
{
    int y = 0;
    for (size_t i = 0; i < l->nrow; i++)
        y += height_of(l, &l->row[i]);
    return y;
}

/* Where in its row a segment's end lies. */
static int head_y(const struct row *r)
{
    return r->kind == ROW_ARRIVES ? ARRIVES_Y : HEAD_Y;
}

/* Where a state that is entered at this row begins on the track, from the row's top. */
static int state_y(const struct row *r, int side)
{
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
        return side == r->side ? TAIL_Y : HEAD_Y;
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

/* The baseline of the names of the states that are entered at this row. */
static int state_base(const struct ladder *l, const struct row *r)
{
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_LOST:
    case ROW_STRAY:
        return STATE_Y;
    case ROW_DEPARTS:
        return STATE_Y - SEGMENT_H + DEPARTS_H;
    case ROW_ARRIVES:
    case ROW_TIMER:
        return height_of(l, r) - 6;
    case ROW_STATE:
    case ROW_ELIDED:
    case ROW_GAP:
        return NOTE_H / 2 + 4;
    }
    return 0;
}

/* ---- tracks ---- */

static void put_stretch(const struct svg *g, int side, int from, int to, enum la_state s,
                        bool inferred)
{
    if (to <= from)
        return;
    fprintf(g->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s%s\">",
            track(side) - TRACK / 2, from, TRACK, to - from, picture_state_class(s),
            inferred ? " inferred" : "");
    fprintf(g->out, "<title>%s</title></rect>\n", la_state_name(s));
}

static void put_state_name(const struct svg *g, int side, int base, enum la_state s, bool inferred)
{
    char text[LADDER_TEXT];
    snprintf(text, sizeof text, "%s%s", inferred ? "~" : "", la_state_name(s));
    picture_text(g->p, inward(side, INDENT), base, anchor_of(side),
                 inferred ? "small halo guess" : "small halo strong", text);
}

static void put_track(const struct svg *g, int side)
{
    const struct ladder *l = g->l;
    enum la_state s = l->start[side];
    bool inferred = l->inferred[side];
    int from = g->top - START_H, y = g->top;
    put_state_name(g, side, from + 12, s, inferred);
    for (size_t i = 0; i < l->nrow; y += height_of(l, &l->row[i]), i++) {
        const struct row *r = &l->row[i];
        if (!r->has_state[side])
            continue;
        int at = y + state_y(r, side);
        put_stretch(g, side, from, at, s, inferred);
        from = at;
        s = r->state[side];
        inferred = r->inferred[side];
        put_state_name(g, side, y + state_base(l, r), s, inferred);
    }
    put_stretch(g, side, from, y + 8, s, inferred);
}

/* A pause: the tracks are broken by two strokes. */
static void put_break(const struct svg *g, int y)
{
    for (int side = 0; side < 2; side++) {
        int x = track(side) - TRACK;
        fprintf(g->out, "<path d=\"M%d %dl%d -6v8l%d 6z\" class=\"paper\"/>\n", x, y + 14,
                2 * TRACK, -2 * TRACK);
        fprintf(g->out, "<path d=\"M%d %dl%d -6m0 8l%d 6\" class=\"thin plain\"/>\n", x, y + 14,
                2 * TRACK, -2 * TRACK);
    }
}

/* ---- arrows ---- */

static void put_arrow(const struct svg *g, const struct message *m, int x1, int y1, int y2,
                      const char *more)
{
    const char *c = class_of_segment(m);
    char fill[16];
    int x2 = inward(!m->from, EDGE);
    snprintf(fill, sizeof fill, "f-%s", c);
    fprintf(g->out, "<path d=\"M%d %dL%d %d\" class=\"line %s%s\"/>\n", x1, y1,
            x2 + (m->from == 0 ? -6 : 6), y2, c, more);
    picture_head(g->p, x1, y1, x2, y2, fill);
}

static void put_lost(const struct svg *g, const struct message *m, int y)
{
    int x1 = inward(m->from, EDGE), x2 = inward(!m->from, 76);
    fprintf(g->out, "<path d=\"M%d %dL%d %dm-6 -6l12 12m0 -12l-12 12\" class=\"line bad\"/>\n", x1,
            y + TAIL_Y, x2, y + TAIL_Y + 6);
    picture_words(g->p, m->from == 0 ? x2 + 12 : x2 - 12, y + TAIL_Y + 10, anchor_of(m->from),
                  "small strong bad-word halo", (struct words){"lost", "丢失"});
}

/* Where the arrow of the segment that arrives in row i, at y, began. */
static int departure_of(const struct ladder *l, size_t i, int y)
{
    for (size_t k = i; k-- > 0;) {
        y -= height_of(l, &l->row[k]);
        if (l->row[k].kind == ROW_DEPARTS && l->row[k].msg == l->row[i].msg)
            return y + TAIL_Y;
    }
    return y;
}

static void put_arrows(const struct svg *g)
{
    const struct ladder *l = g->l;
    int y = g->top;
    for (size_t i = 0; i < l->nrow; y += height_of(l, &l->row[i]), i++) {
        const struct row *r = &l->row[i];
        const struct message *m = &l->msg[r->msg];
        int x = inward(r->side, EDGE);
        if (r->kind == ROW_SEGMENT)
            put_arrow(g, m, x, y + TAIL_Y, y + HEAD_Y, "");
        else if (r->kind == ROW_STRAY)
            put_arrow(g, m, MIDDLE, y + TAIL_Y + 5, y + HEAD_Y, " dots");
        else if (r->kind == ROW_ARRIVES)
            put_arrow(g, m, x, departure_of(l, i, y), y + head_y(r), m->late ? " dash" : "");
        else if (r->kind == ROW_LOST)
            put_lost(g, m, y);
    }
}

/* ---- words ---- */

static void put_marks(const struct svg *g, int x, int y, uint8_t marks)
{
    for (int i = 0; i < 4; i++) {
        char digit[2] = {(char)('1' + i), '\0'};
        if (!(marks & 1 << i))
            continue;
        fprintf(g->out, "<circle cx=\"%d\" cy=\"%d\" r=\"%d\" class=\"f-close\"/>\n", x, y, MARK_R);
        picture_text(g->p, x, y + 4, "middle", "mark", digit);
        x += MARK_STEP;
    }
}

static int marks_width(uint8_t marks)
{
    int n = 0;
    for (; marks; marks &= (uint8_t)(marks - 1))
        n += MARK_STEP;
    return n;
}

/* What the pointer shows: everything, in absolute numbers. */
static void put_details(const struct svg *g, const struct message *m)
{
    const struct la_trace_seg *s = &m->ev->seg;
    char flags[LADDER_TEXT], t[LADDER_TEXT];
    fprintf(g->out, "<title>%s  SEQ %u", ladder_flags(s->flags, false, flags), s->seq);
    if (s->flags & LA_TCP_ACK)
        fprintf(g->out, "  ACK %u", s->ack);
    fprintf(g->out, "  LEN %u  WND %u", s->len, s->wnd);
    if (s->mss)
        fprintf(g->out, "  MSS %u", s->mss);
    if (s->has_ts)
        fprintf(g->out, "  TS %u/%u", s->tsval, s->tsecr);
    for (int i = 0; i < s->nsack && i < 4; i++)
        fprintf(g->out, "  SACK %u-%u", s->sack[i][0], s->sack[i][1]);
    fprintf(g->out, "\n%s s → ", m->sent == LA_NEVER ? "?" : ladder_exact(m->sent, t));
    fprintf(g->out, "%s</title>", m->got == LA_NEVER ? "×" : ladder_exact(m->got, t));
}

static struct words suffix_of(const struct message *m, enum row_kind kind)
{
    if (kind == ROW_STRAY && m->copy)
        return (struct words){" (a copy)", "（副本）"};
    if (kind == ROW_STRAY && !m->info.again)
        return (struct words){" (forged)", "（伪造）"};
    if (ladder_is_old(m))
        return (struct words){" (old)", "（旧）"};
    if (m->info.again)
        return (struct words){" (again)", "（再次）"};
    return (struct words){"", NULL};
}

static void put_segment_words(const struct svg *g, const struct row *r, int y)
{
    const struct message *m = &g->l->msg[r->msg];
    char label[LADDER_TEXT];
    int marks = marks_width(m->info.marks);
    int x = m->from == 0 ? LEFT + INDENT + marks : RIGHT - INDENT - marks;
    int first = m->from == 0 ? LEFT + INDENT + MARK_R - 1
                             : RIGHT - INDENT - MARK_R + 1 - marks + (marks ? MARK_STEP : 0);
    put_marks(g, first, y + LABEL_Y - 4, m->info.marks);
    struct words suffix = suffix_of(m, r->kind);
    ladder_label(m, LABEL_COLUMNS, label);
    bool fits =
        marks + CHAR_W * (int)(strlen(label) + strlen(suffix.en)) <= RIGHT - LEFT - 2 * INDENT;
    picture_text_begin(g->p, x, y + LABEL_Y, anchor_of(m->from),
                       fits ? "mono halo" : "mono tiny halo");
    put_details(g, m);
    picture_escape(g->out, label);
    picture_say(g->p, suffix);
    picture_text_end(g->p);
}

static void put_arrival_words(const struct svg *g, const struct row *r, int y)
{
    const struct message *m = &g->l->msg[r->msg];
    char label[LADDER_TEXT];
    if (!m->late)
        return;
    picture_text_begin(g->p, inward(!m->from, INDENT), y + ARRIVES_Y + 19, anchor_of(!m->from),
                       "small dim halo");
    picture_say(g->p, (struct words){"late: ", "迟到："});
    picture_escape(g->out, ladder_label(m, LABEL_COLUMNS, label));
    picture_text_end(g->p);
}

static void put_elided_words(const struct svg *g, const struct row *r, int y)
{
    fprintf(g->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" class=\"box\"/>\n",
            LEFT + 14, y + 3, RIGHT - LEFT - 28, count_lines(r) * LINE_H + 6);
    y += 18;
    for (int side = 0; side < 2; side++) {
        char en[LADDER_TEXT], zh[LADDER_TEXT];
        if (!ladder_elided(r, side, en)[0])
            continue;
        picture_text_begin(g->p, MIDDLE, y, "middle", "small dim halo");
        if (side == 1)
            fputs("← ", g->out);
        picture_say(g->p, (struct words){en, ladder_elided_zh(r, side, zh)});
        if (side == 0)
            fputs(" →", g->out);
        picture_text_end(g->p);
        y += LINE_H;
    }
}

static void put_timer(const struct svg *g, const struct row *r, int y)
{
    int x = inward(r->side, INDENT + 6), base = y + NOTE_H / 2;
    fprintf(g->out,
            "<circle cx=\"%d\" cy=\"%d\" r=\"5\" class=\"thin plain\"/>"
            "<path d=\"M%d %dv-3m0 3l2.5 1.5\" class=\"thin plain\"/>\n",
            x, base, x, base);
    picture_words(g->p, inward(r->side, INDENT + 16), base + 4, anchor_of(r->side),
                  "small dim halo", ladder_timer((enum la_timer_kind)r->timer));
}

static void put_gap(const struct svg *g, const struct row *r, int y)
{
    char span[LADDER_TEXT], en[LADDER_TEXT + 16], zh[LADDER_TEXT + 16];
    ladder_span(r->span, span);
    snprintf(en, sizeof en, "%s later", span);
    snprintf(zh, sizeof zh, "%s 之后", span);
    picture_words(g->p, MIDDLE, y + 20, "middle", "small dim halo", (struct words){en, zh});
}

/* One row's words; *said is the time that stands at the left of a row above. */
static void put_words(const struct svg *g, const struct row *r, int y, la_ns *said)
{
    char text[LADDER_TEXT];
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
    case ROW_STRAY:
        put_segment_words(g, r, y);
        break;
    case ROW_ARRIVES:
        put_arrival_words(g, r, y);
        break;
    case ROW_STATE:
        break;
    case ROW_TIMER:
        put_timer(g, r, y);
        break;
    case ROW_ELIDED:
        put_elided_words(g, r, y);
        return;
    case ROW_GAP:
        put_gap(g, r, y);
        return;
    }
    if (r->at == *said)
        return;
    *said = r->at;
    picture_text_begin(g->p, TIME_X, y + state_y(r, r->side) + 4, "end", "mono tiny dim");
    fprintf(g->out, "<title>%s s</title>", ladder_exact(r->at, text));
    picture_escape(g->out, ladder_short_time(r->at - g->l->origin, text));
    picture_text_end(g->p);
}

/* ---- above and below ---- */

static void put_head(const struct svg *g)
{
    const struct ladder *l = g->l;
    int y = g->top - START_H - HEAD_H;
    if (l->cfg.title && !g->p->in_page)
        picture_words(g->p, WIDTH / 2, y - 6, "middle", "h1",
                      (struct words){l->cfg.title, l->cfg.title_zh});
    for (int side = 0; side < 2; side++) {
        const struct ladder_end *e = ladder_end_of(l, side);
        char addr[LA_ADDR_STRLEN], text[LADDER_TEXT];
        int x = side == 0 ? LEFT - TRACK / 2 : RIGHT + TRACK / 2;
        la_addr_format(&e->endpoint.addr, addr);
        picture_text_begin(g->p, x, y + 16, anchor_of(side), "h2");
        picture_escape(g->out, e->name);
        if (l->inferred[side])
            picture_say(g->p, (struct words){" (inferred)", "（推断）"});
        picture_text_end(g->p);
        snprintf(text, sizeof text, la_addr_is_v4(&e->endpoint.addr) ? "%s:%u" : "[%s]:%u", addr,
                 e->endpoint.port);
        picture_text(g->p, x, y + 31, anchor_of(side), "mono tiny dim", text);
    }
    picture_text(g->p, TIME_X, y + 16, "end", "tiny dim", "s");
}

static void put_closing(const struct svg *g, int y)
{
    static const char *const what[] = {"FIN u", "ACK u+1", "FIN w", "ACK w+1"};
    const struct ladder_close *k = &g->l->close;
    uint32_t rel[] = {k->u, k->ack_u, k->w, k->ack_w};
    uint32_t whole[] = {k->u_abs, k->ack_u - k->u + k->u_abs, k->w_abs, k->ack_w - k->w + k->w_abs};
    fprintf(g->out, "<path d=\"M8 %dH%d\" class=\"rule\"/>\n", y - 16, WIDTH - 8);
    for (int i = 0; i < 4; i++) {
        char text[2 * LADDER_TEXT];
        int by = (i == 0 || i == 3) ? k->first : !k->first;
        if (!(k->marks & 1 << i))
            continue;
        put_marks(g, 18, y - 4, (uint8_t)(1 << i));
        snprintf(text, sizeof text, "%s = %u", what[i], rel[i]);
        picture_text(g->p, 34, y, "start", "mono small strong", text);
        snprintf(text, sizeof text, "%u, %s", whole[i], ladder_end_of(g->l, by)->name);
        picture_text(g->p, WIDTH - 14, y, "end", "mono tiny dim", text);
        y += LEGEND_H;
    }
}

static int closing_height(const struct ladder *l)
{
    int n = 0;
    for (int i = 0; i < 4; i++)
        n += l->close.marks >> i & 1;
    return n ? n * LEGEND_H + 12 : 0;
}

/* The phases whose colours are on the tracks, as bits. */
static unsigned phases_of(const struct ladder *l)
{
    unsigned seen = 0;
    for (int i = 0; i < PICTURE_PHASES; i++) {
        const char *c = picture_phase(i)->classes;
        for (int side = 0; side < 2; side++)
            seen |= (unsigned)(picture_state_class(l->start[side]) == c) << i;
        for (size_t k = 0; k < l->nrow; k++) {
            for (int side = 0; side < 2; side++) {
                const struct row *r = &l->row[k];
                if (r->has_state[side] && picture_state_class(r->state[side]) == c)
                    seen |= 1U << i;
            }
        }
    }
    return seen;
}

static int legend_rows(unsigned phases)
{
    int n = 0;
    for (; phases; phases &= phases - 1)
        n++;
    return (n + 2) / 3;
}

/* What the colours of the tracks mean, three a line. */
static void put_colours(const struct svg *g, int y, unsigned phases)
{
    static const int column[3] = {10, 126, 252};
    int n = 0;
    fprintf(g->out, "<path d=\"M8 %dH%d\" class=\"rule\"/>\n", y - 16, WIDTH - 8);
    for (int i = 0; i < PICTURE_PHASES; i++) {
        if (!(phases & 1U << i))
            continue;
        int x = column[n % 3], line = y + n / 3 * LINE_H;
        fprintf(g->out, "<rect x=\"%d\" y=\"%d\" width=\"8\" height=\"11\" class=\"%s\"/>\n", x,
                line - 9, picture_phase(i)->classes);
        picture_words(g->p, x + 13, line, "start", "tiny dim", picture_phase(i)->meaning);
        n++;
    }
}

void ladder_picture(const struct ladder *l, const struct picture *p)
{
    bool titled = l->cfg.title && !p->in_page;
    struct svg g = {l, p, p->out, HEAD_H + START_H + (titled ? TITLE_H : 0)};
    unsigned phases = phases_of(l);
    int end = g.top + rows_height(l) + 14, y = g.top;
    int closing = closing_height(l);
    la_ns said = LA_NEVER;
    struct words title = {l->cfg.title, l->cfg.title_zh};
    if (!title.en)
        title = (struct words){"One TCP connection as a ladder", "一条 TCP 连接的时序梯形图"};
    picture_begin(p, WIDTH, end + closing + legend_rows(phases) * LINE_H + 14, title,
                  (struct words){"Time runs down; each arrow is a segment.",
                                 "时间自上而下，每个箭头是一个报文段。"});
    put_head(&g);
    put_arrows(&g);
    for (size_t i = 0; i < l->nrow; y += height_of(l, &l->row[i]), i++)
        put_words(&g, &l->row[i], y, &said);
    put_track(&g, 0);
    put_track(&g, 1);
    y = g.top;
    for (size_t i = 0; i < l->nrow; y += height_of(l, &l->row[i]), i++) {
        if (l->row[i].kind == ROW_GAP)
            put_break(&g, y);
    }
    if (closing)
        put_closing(&g, end + 16);
    put_colours(&g, end + closing + 16, phases);
    picture_end(p);
}

void ladder_svg(const struct ladder *l, FILE *out)
{
    ladder_picture(l, &(struct picture){.out = out, .language = PICTURE_ENGLISH});
}
