/* ladder_text.c: the ladder in a terminal.
 *
 * A line is: time, left state, left track, middle, right track, right state.  A segment takes two
 * lines: its label with relative numbers, then the arrow with the absolute ones.  States stand
 * where they are entered: at the tail of the arrow for its sender, at the head for its receiver.
 * Invariant: no line is wider than style.columns. */
#include "lab/picture/ladder_private.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIME_W 10
#define STATE_W 13
#define COLUMNS 80
#define MARKS 4

enum ink { INK_PLAIN, INK_DIM, INK_OPEN, INK_GOOD, INK_CLOSE, INK_BAD, INK_BOLD };

/* The middle of a line: cells, each one column wide, so that text and lines can be laid over each
 * other. */
struct cell {
    char glyph[5];
    enum ink ink;
};

struct canvas {
    const struct ladder *l;
    FILE *out;
    struct ladder_style style;
    int middle;
    struct cell cell[160];
    enum ink now;
};

/* ---- glyphs ---- */

enum glyph {
    G_BAR,
    G_LINE,
    G_TEE_R,
    G_TEE_L,
    G_RIGHT,
    G_LEFT,
    G_CROSS,
    G_DOTS,
    G_FAINT,
    G_FAINT_LINE
};

static const char *glyph(const struct canvas *c, enum glyph g)
{
    static const char uni[][4] = {"│", "─", "├", "┤", "▶", "◀", "✗", "⋮", "┊", "╌"};
    static const char ascii[][2] = {"|", "-", "|", "|", ">", "<", "X", ":", ":", "."};
    return c->style.unicode ? uni[g] : ascii[g];
}

static void set_cell(struct canvas *c, int at, const char *g, enum ink ink)
{
    if (at < 0 || at >= c->middle)
        return;
    snprintf(c->cell[at].glyph, sizeof c->cell[at].glyph, "%s", g);
    c->cell[at].ink = ink;
}

static void clear(struct canvas *c)
{
    for (int i = 0; i < c->middle; i++)
        set_cell(c, i, " ", INK_PLAIN);
}

/* Bytes of the UTF-8 character that starts with this one. */
static int glyph_bytes(char first)
{
    unsigned char u = (unsigned char)first;
    return u < 0x80 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
}

static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Lays text from column `at` on; returns the column after it. */
static int lay(struct canvas *c, int at, const char *text, enum ink ink)
{
    char g[5];
    while (*text) {
        int n = glyph_bytes(*text);
        snprintf(g, sizeof g, "%.*s", n, text);
        set_cell(c, at++, g, ink);
        for (int i = 0; i < n && *text; i++)
            text++;
    }
    return at;
}

/* ---- lines ---- */

static void ink(struct canvas *c, enum ink k)
{
    static const char code[][8] = {"\033[0m",  "\033[2m",  "\033[36m", "\033[32m",
                                   "\033[33m", "\033[31m", "\033[1m"};
    if (!c->style.colour || k == c->now)
        return;
    if (c->now != INK_PLAIN)
        fputs(code[INK_PLAIN], c->out);
    if (k != INK_PLAIN)
        fputs(code[k], c->out);
    c->now = k;
}

static enum ink ink_of_state(enum la_state s)
{
    switch (s) {
    case LA_SYN_SENT:
    case LA_SYN_RECEIVED:
        return INK_OPEN;
    case LA_ESTABLISHED:
        return INK_GOOD;
    case LA_FIN_WAIT_1:
    case LA_FIN_WAIT_2:
    case LA_CLOSE_WAIT:
    case LA_CLOSING:
    case LA_LAST_ACK:
    case LA_TIME_WAIT:
        return INK_CLOSE;
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_STATES:
        return INK_DIM;
    }
    return INK_PLAIN;
}

struct line {
    const char *time;
    const char *left_bar, *right_bar;
    const enum la_state *state[2];
    bool inferred[2];
};

/* A state, right up to its track: right-aligned on the left, left-aligned on the right. */
static void put_state(struct canvas *c, const struct line *n, int side)
{
    char text[LADDER_TEXT] = "";
    if (n->state[side])
        snprintf(text, sizeof text, "%s%s", n->inferred[side] ? "~" : "",
                 la_state_name(*n->state[side]));
    ink(c, n->state[side] && !n->inferred[side] ? ink_of_state(*n->state[side]) : INK_DIM);
    if (side == 0)
        fprintf(c->out, "%*s", STATE_W, text);
    else
        fputs(text, c->out);
}

static void put_line(struct canvas *c, const struct line *n)
{
    int last = c->middle;
    ink(c, INK_DIM);
    fprintf(c->out, "%*s ", TIME_W, n->time ? n->time : "");
    put_state(c, n, 0);
    ink(c, INK_DIM);
    fprintf(c->out, " %s", n->left_bar ? n->left_bar : glyph(c, G_BAR));
    for (int i = 0; i < last; i++) {
        ink(c, c->cell[i].ink);
        fputs(c->cell[i].glyph, c->out);
    }
    ink(c, INK_DIM);
    fputs(n->right_bar ? n->right_bar : glyph(c, G_BAR), c->out);
    if (n->state[1]) {
        fputc(' ', c->out);
        put_state(c, n, 1);
    }
    ink(c, INK_PLAIN);
    fputc('\n', c->out);
    clear(c);
}

/* ---- rows ---- */

static void marks_text(const struct canvas *c, uint8_t marks, char *buf)
{
    static const char uni[MARKS][4] = {"①", "②", "③", "④"};
    static const char ascii[MARKS][4] = {"(1)", "(2)", "(3)", "(4)"};
    char *end = buf;
    for (int i = 0; i < MARKS; i++) {
        if (marks & 1 << i)
            end = stpcpy(end, c->style.unicode ? uni[i] : ascii[i]);
    }
    stpcpy(end, end > buf ? " " : "");
}

static enum ink ink_of_segment(const struct message *m)
{
    uint8_t flags = m->ev->seg.flags;
    if (m->lost || (flags & LA_TCP_RST))
        return INK_BAD;
    if (m->info.marks)
        return INK_CLOSE;
    return flags & LA_TCP_SYN ? INK_OPEN : INK_PLAIN;
}

/* The label line's middle: at the left end if the left side sends, else at the right end. */
static void lay_label(struct canvas *c, const struct message *m, const char *extra)
{
    char mark[32], label[LADDER_TEXT], line[2 * LADDER_TEXT + 64];
    marks_text(c, m->info.marks, mark);
    int room = c->middle - 2 - width_of(mark) - (int)strlen(extra);
    snprintf(line, sizeof line, "%s%s%s", mark, ladder_label(m, room, label), extra);
    lay(c, m->from == 0 ? 1 : c->middle - 1 - width_of(line), line, ink_of_segment(m));
}

/* The arrow from column `from` to column `to` (either way), with the absolute numbers on it near
 * its tail. */
static void lay_arrow(struct canvas *c, const struct message *m, int from, int to, bool tail,
                      bool head_on)
{
    enum ink k = ink_of_segment(m);
    char absolute[LADDER_TEXT], text[LADDER_TEXT + 2];
    int step = from < to ? 1 : -1;
    for (int i = from; i != to + step; i += step)
        set_cell(c, i, glyph(c, tail || abs(i - from) > 3 ? G_LINE : G_FAINT_LINE), k);
    if (head_on)
        set_cell(c, to, glyph(c, step > 0 ? G_RIGHT : G_LEFT), k);
    if (!tail)
        return;
    snprintf(text, sizeof text, " %s ", ladder_absolute(m, absolute));
    if (width_of(text) + 4 < abs(to - from))
        lay(c, step > 0 ? from + 2 : from - 1 - width_of(text), text, INK_DIM);
}

static const char *extra_of(const struct message *m, enum row_kind kind)
{
    if (ladder_is_old(m))
        return " (old)";
    if (kind == ROW_STRAY)
        return m->info.again ? " (again)" : " (?)";
    return m->info.again ? " (again)" : "";
}

static void line_states(struct line *n, const struct row *r, int side)
{
    n->state[side] = r->has_state[side] ? &r->state[side] : NULL;
    n->inferred[side] = r->inferred[side];
}

static void put_segment(struct canvas *c, const struct row *r)
{
    const struct message *m = &c->l->msg[r->msg];
    char time[LADDER_TEXT];
    int from = r->side == 0 ? 0 : c->middle - 1;
    int to = r->side == 0 ? c->middle - 1 : 0;
    struct line label = {.time = ladder_time(r->at - c->l->origin, time)};
    struct line arrow = {.left_bar = r->side == 0 ? glyph(c, G_TEE_R) : NULL,
                         .right_bar = r->side == 1 ? glyph(c, G_TEE_L) : NULL};
    line_states(&label, r, r->side);
    line_states(&arrow, r, !r->side);
    lay_label(c, m, extra_of(m, r->kind));
    put_line(c, &label);
    if (r->kind == ROW_LOST) {
        int stop = r->side == 0 ? c->middle - 10 : 9;
        lay_arrow(c, m, from, stop, true, false);
        set_cell(c, stop, glyph(c, G_CROSS), INK_BAD);
        lay(c, r->side == 0 ? stop + 2 : stop - 5, "lost", INK_BAD);
    } else if (r->kind == ROW_DEPARTS) {
        int stop = r->side == 0 ? c->middle - 5 : 4;
        lay_arrow(c, m, from, stop, true, false);
        for (int i = 1; i <= 3; i++)
            set_cell(c, r->side == 0 ? stop + i : stop - i, glyph(c, G_FAINT_LINE), INK_DIM);
    } else {
        lay_arrow(c, m, from, to, true, true);
    }
    put_line(c, &arrow);
}

static void put_arrival(struct canvas *c, const struct row *r)
{
    const struct message *m = &c->l->msg[r->msg];
    char time[LADDER_TEXT], mark[32], label[LADDER_TEXT], text[2 * LADDER_TEXT];
    struct line n = {.time = ladder_time(r->at - c->l->origin, time)};
    int from = r->side == 0 ? 0 : c->middle - 1, to = r->side == 0 ? c->middle - 1 : 0;
    line_states(&n, r, !r->side);
    lay_arrow(c, m, from, to, false, true);
    marks_text(c, m->info.marks, mark);
    snprintf(text, sizeof text, " %s%s ", mark, ladder_label(m, c->middle - 14, label));
    lay(c, r->side == 0 ? 4 : c->middle - 4 - width_of(text), text, ink_of_segment(m));
    put_line(c, &n);
}

static void put_elided(struct canvas *c, const struct row *r)
{
    static const char *const arrow[2][2] = {{"<-", "->"}, {"◀", "▶"}};
    struct line n = {.left_bar = glyph(c, G_FAINT), .right_bar = glyph(c, G_FAINT)};
    for (int side = 0; side < 2; side++) {
        char what[LADDER_TEXT], text[LADDER_TEXT + 16];
        if (!ladder_elided(r, side, what)[0])
            continue;
        if (side == 0)
            snprintf(text, sizeof text, "%s %s %s", glyph(c, G_DOTS), what,
                     arrow[c->style.unicode][1]);
        else
            snprintf(text, sizeof text, "%s %s %s", arrow[c->style.unicode][0], what,
                     glyph(c, G_DOTS));
        int w = width_of(text);
        lay(c, side == 0 ? 1 : c->middle - 1 - w > 0 ? c->middle - 1 - w : 0, text, INK_DIM);
        put_line(c, &n);
    }
}

static void put_note(struct canvas *c, const struct row *r, const char *note)
{
    char time[LADDER_TEXT];
    struct line n = {.time = ladder_time(r->at - c->l->origin, time)};
    line_states(&n, r, r->side);
    lay(c, r->side == 0 ? 1 : c->middle - 1 - width_of(note), note, INK_DIM);
    put_line(c, &n);
}

static void put_gap(struct canvas *c, const struct row *r)
{
    char span[LADDER_TEXT], text[LADDER_TEXT + 16];
    struct line n = {.left_bar = glyph(c, G_FAINT), .right_bar = glyph(c, G_FAINT)};
    snprintf(text, sizeof text, "%s %s later %s", glyph(c, G_DOTS), ladder_span(r->span, span),
             glyph(c, G_DOTS));
    lay(c, (c->middle - width_of(text)) / 2, text, INK_DIM);
    put_line(c, &n);
}

static void put_row(struct canvas *c, const struct row *r)
{
    char note[LADDER_TEXT];
    switch (r->kind) {
    case ROW_SEGMENT:
    case ROW_DEPARTS:
    case ROW_LOST:
    case ROW_STRAY:
        put_segment(c, r);
        break;
    case ROW_ARRIVES:
        put_arrival(c, r);
        break;
    case ROW_STATE:
        put_note(c, r, "");
        break;
    case ROW_TIMER:
        snprintf(note, sizeof note, "timer: %s", la_timer_name((enum la_timer_kind)r->timer));
        put_note(c, r, note);
        break;
    case ROW_ELIDED:
        put_elided(c, r);
        break;
    case ROW_GAP:
        put_gap(c, r);
        break;
    }
}

/* ---- above and below ---- */

static void endpoint_text(const struct la_endpoint *e, char *buf, size_t n)
{
    char addr[LA_ADDR_STRLEN];
    la_addr_format(&e->addr, addr);
    snprintf(buf, n, la_addr_is_v4(&e->addr) ? "%s:%u" : "[%s]:%u", addr, e->port);
}

/* Names and addresses above their tracks: the left one from the first column, the right one up to
 * the last. */
static void put_pair(struct canvas *c, const char *left, const char *right)
{
    int gap = c->style.columns - width_of(left) - width_of(right);
    ink(c, INK_BOLD);
    if (gap >= 2)
        fprintf(c->out, "%s%*s%s\n", left, gap, "", right);
    else
        fprintf(c->out, "%s\n%*s%s\n", left, c->style.columns - width_of(right), "", right);
    ink(c, INK_PLAIN);
}

static void put_header(struct canvas *c)
{
    char text[2][LADDER_TEXT];
    const struct ladder *l = c->l;
    if (l->cfg.title)
        fprintf(c->out, "%s\n", l->cfg.title);
    for (int side = 0; side < 2; side++)
        snprintf(text[side], LADDER_TEXT, "%s%s", ladder_end_of(l, side)->name,
                 l->inferred[side] ? " (inferred)" : "");
    put_pair(c, text[0], text[1]);
    for (int side = 0; side < 2; side++)
        endpoint_text(&ladder_end_of(l, side)->endpoint, text[side], LADDER_TEXT);
    put_pair(c, text[0], text[1]);
    struct line n = {.state = {&l->start[0], &l->start[1]},
                     .inferred = {l->inferred[0], l->inferred[1]}};
    put_line(c, &n);
}

static void put_closing(struct canvas *c)
{
    const struct ladder_close *k = &c->l->close;
    static const char *const what[MARKS] = {"FIN u", "ACK u+1", "FIN w", "ACK w+1"};
    uint32_t rel[MARKS] = {k->u, k->ack_u, k->w, k->ack_w};
    uint32_t abs_n[MARKS] = {k->u_abs, k->ack_u - k->u + k->u_abs, k->w_abs,
                             k->ack_w - k->w + k->w_abs};
    if (!k->marks)
        return;
    fputc('\n', c->out);
    for (int i = 0; i < MARKS; i++) {
        char mark[32];
        int by = (i == 0 || i == 3) ? k->first : !k->first;
        if (!(k->marks & 1 << i))
            continue;
        marks_text(c, (uint8_t)(1 << i), mark);
        ink(c, INK_CLOSE);
        fprintf(c->out, "  %s%-7s", mark, what[i]);
        ink(c, INK_PLAIN);
        fprintf(c->out, " = %-10u absolute %-10u from %s\n", rel[i], abs_n[i],
                ladder_end_of(c->l, by)->name);
    }
    if (c->l->inferred[0] || c->l->inferred[1])
        fprintf(c->out, "  ~ inferred: that end did not tell, its segments did\n");
}

struct ladder_style ladder_style_for(FILE *out)
{
    struct ladder_style s = {.columns = COLUMNS};
    const char *no = getenv("NO_COLOR");
    const char *set = nl_langinfo(CODESET);
    bool tty = isatty(fileno(out));
    s.unicode = set && strcmp(set, "UTF-8") == 0;
    s.colour = tty && !(no && *no);
    return s;
}

void ladder_text(const struct ladder *l, FILE *out, const struct ladder_style *style)
{
    struct canvas c = {.l = l, .out = out, .style = *style};
    if (c.style.columns == 0)
        c.style.columns = COLUMNS;
    if (c.style.columns < 60)
        c.style.columns = 60;
    if (c.style.columns > 160)
        c.style.columns = 160;
    c.middle = c.style.columns - TIME_W - 1 - STATE_W - 2 - 2 - STATE_W;
    clear(&c);
    put_header(&c);
    for (size_t i = 0; i < l->nrow; i++)
        put_row(&c, &l->row[i]);
    put_closing(&c);
}
