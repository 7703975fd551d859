/* diagram.c: see diagram.h.  The sheet is as narrow as a phone; boxes stand in the figure's three
 * columns, edges run level or upright, and each has its own place for its words and its count. */
#include "lab/picture/diagram.h"
#include "lab/picture/ladder_private.h"
#include "tcp/tcp.h"

#include <string.h>

enum {
    WIDTH = 372,
    BOX_W = 104,
    BOX_H = 28,
    STRIP = 6, /* of the phase's colour, in the box */
    LEFT = 56, /* the columns' centres */
    MIDDLE = 186,
    RIGHT = 316,
    LINE_H = 12,
    HEAD = 6, /* a line ends this far before the tip of its arrow */
    CORNER = 8,
    FIGURE_H = 738,
    NOTES_X = 10,
    NOTES_H = 15,
    POINTS = 4,
    CLOSED_AGAIN = LA_STATES, /* the figure draws CLOSED twice */
    PLACES
};

static const struct {
    int x, y;
} places[PLACES] = {
    [LA_CLOSED] = {MIDDLE, 40},       [LA_LISTEN] = {MIDDLE, 130},
    [LA_SYN_RECEIVED] = {LEFT, 244},  [LA_SYN_SENT] = {RIGHT, 244},
    [LA_ESTABLISHED] = {MIDDLE, 356}, [LA_FIN_WAIT_1] = {LEFT, 460},
    [LA_CLOSE_WAIT] = {RIGHT, 460},   [LA_FIN_WAIT_2] = {LEFT, 580},
    [LA_CLOSING] = {MIDDLE, 580},     [LA_LAST_ACK] = {RIGHT, 580},
    [LA_TIME_WAIT] = {MIDDLE, 698},   [CLOSED_AGAIN] = {RIGHT, 698},
};

struct point {
    int x, y;
};

struct words_at {
    int x, y;
    const char *anchor;
    const char *line[3]; /* one below the other */
};

struct edge {
    enum la_state from, to;
    struct point path[POINTS];
    int points;
    struct words_at words;
    struct point count; /* middle of its number's base line */
};

static const struct edge figure[] = {
    {LA_CLOSED,
     LA_LISTEN,
     {{174, 54}, {174, 116}},
     2,
     {168, 82, "end", {"passive OPEN"}},
     {152, 97}},
    {LA_LISTEN, LA_CLOSED, {{198, 116}, {198, 54}}, 2, {204, 82, "start", {"CLOSE"}}, {224, 97}},
    {LA_CLOSED,
     LA_SYN_SENT,
     {{238, 32}, {346, 32}, {346, 230}},
     3,
     {242, 25, "start", {"active OPEN / snd SYN"}},
     {346, 170}},
    {LA_SYN_SENT,
     LA_CLOSED,
     {{308, 230}, {308, 48}, {238, 48}},
     3,
     {242, 61, "start", {"CLOSE"}},
     {308, 110}},
    {LA_LISTEN,
     LA_SYN_RECEIVED,
     {{134, 124}, {36, 124}, {36, 230}},
     3,
     {130, 117, "end", {"rcv SYN / snd SYN,ACK"}},
     {36, 180}},
    {LA_SYN_RECEIVED,
     LA_LISTEN,
     {{76, 230}, {76, 138}, {134, 138}},
     3,
     {82, 154, "start", {"rcv RST"}},
     {76, 200}},
    {LA_LISTEN,
     LA_SYN_SENT,
     {{238, 130}, {276, 130}, {276, 230}},
     3,
     {271, 158, "end", {"SEND", "snd SYN"}},
     {276, 200}},
    {LA_SYN_SENT,
     LA_SYN_RECEIVED,
     {{264, 244}, {108, 244}},
     2,
     {186, 237, "middle", {"rcv SYN / snd SYN,ACK"}},
     {186, 260}},
    {LA_SYN_RECEIVED,
     LA_ESTABLISHED,
     {{86, 258}, {86, 350}, {134, 350}},
     3,
     {92, 284, "start", {"rcv ACK of SYN"}},
     {86, 316}},
    {LA_SYN_SENT,
     LA_ESTABLISHED,
     {{286, 258}, {286, 350}, {238, 350}},
     3,
     {280, 284, "end", {"rcv SYN,ACK", "snd ACK"}},
     {286, 316}},
    {LA_SYN_RECEIVED,
     LA_FIN_WAIT_1,
     {{26, 258}, {26, 446}},
     2,
     {32, 388, "start", {"CLOSE", "snd FIN"}},
     {26, 340}},
    {LA_ESTABLISHED,
     LA_FIN_WAIT_1,
     {{134, 362}, {76, 362}, {76, 446}},
     3,
     {82, 388, "start", {"CLOSE", "snd FIN"}},
     {76, 424}},
    {LA_ESTABLISHED,
     LA_CLOSE_WAIT,
     {{238, 362}, {316, 362}, {316, 446}},
     3,
     {310, 388, "end", {"rcv FIN", "snd ACK"}},
     {316, 424}},
    {LA_FIN_WAIT_1,
     LA_FIN_WAIT_2,
     {{36, 474}, {36, 566}},
     2,
     {42, 504, "start", {"rcv ACK", "of FIN"}},
     {36, 544}},
    {LA_FIN_WAIT_1,
     LA_CLOSING,
     {{108, 454}, {196, 454}, {196, 566}},
     3,
     {110, 447, "start", {"rcv FIN / snd ACK"}},
     {196, 544}},
    {LA_FIN_WAIT_1,
     LA_TIME_WAIT,
     {{108, 466}, {120, 466}, {120, 690}, {134, 690}},
     4,
     {126, 492, "start", {"rcv FIN with", "ACK of FIN", "snd ACK"}},
     {120, 544}},
    {LA_FIN_WAIT_2,
     LA_TIME_WAIT,
     {{56, 594}, {56, 706}, {134, 706}},
     3,
     {62, 630, "start", {"rcv FIN", "snd ACK"}},
     {56, 670}},
    {LA_CLOSING,
     LA_TIME_WAIT,
     {{186, 594}, {186, 684}},
     2,
     {192, 630, "start", {"rcv ACK", "of FIN"}},
     {186, 664}},
    {LA_CLOSE_WAIT,
     LA_LAST_ACK,
     {{316, 474}, {316, 566}},
     2,
     {322, 504, "start", {"CLOSE", "snd FIN"}},
     {316, 544}},
    {LA_LAST_ACK,
     LA_CLOSED,
     {{316, 594}, {316, 684}},
     2,
     {322, 630, "start", {"rcv ACK", "of FIN"}},
     {316, 664}},
    {LA_TIME_WAIT,
     LA_CLOSED,
     {{238, 698}, {264, 698}},
     2,
     {251, 727, "middle", {"timeout 2MSL"}},
     {251, 680}},
};
enum { EDGES = sizeof figure / sizeof figure[0] };

void diagram_count(struct diagram *d, const struct trace_log *log)
{
    for (size_t i = 0; i < log->n; i++) {
        const struct trace_event *ev = &log->ev[i];
        bool ends =
            ev->kind == LA_TRACE_RECORD && ev->state != ev->state_to; /* TIME-WAIT is over */
        if (ev->kind == LA_TRACE_STATE || ends)
            d->taken[ev->state][ev->state_to]++;
    }
}

static uint64_t taken(const struct diagram *d, const struct edge *e)
{
    return d->taken[e->from][e->to];
}

bool diagram_complete(const struct diagram *d)
{
    for (int i = 0; i < EDGES; i++) {
        if (tcp_edge(figure[i].from, figure[i].to) && !taken(d, &figure[i]))
            return false;
    }
    return true;
}

/* "3", "28,232", "12M". */
static char *times(uint64_t n, char *buf)
{
    enum { MILLION = 1000000 };
    if (n < 10 * MILLION)
        return ladder_count(n, buf);
    size_t len = strlen(ladder_count(n / MILLION, buf));
    memcpy(buf + len, "M", 2);
    return buf;
}

/* ---- edges ---- */

/* 1.2 for once, and half a pixel more for each threefold. */
static void put_weight(const struct picture *p, uint64_t n)
{
    int tenths = 12;
    for (; n >= 3 && tenths < 42; n /= 3)
        tenths += 5;
    fprintf(p->out, " style=\"stroke-width:%d.%d\"", tenths / 10, tenths % 10);
}

static int toward(int from, int to, int by)
{
    return from == to ? 0 : from < to ? by : -by;
}

/* The line with rounded corners, up to the arrow's base. */
static void put_line(const struct picture *p, const struct edge *e)
{
    const struct point *a = e->path;
    fprintf(p->out, "<path d=\"M%d %d", a->x, a->y);
    for (int i = 1; i < e->points - 1; i++) {
        struct point here = e->path[i], next = e->path[i + 1];
        fprintf(p->out, "L%d %dQ%d %d %d %d", here.x - toward(a->x, here.x, CORNER),
                here.y - toward(a->y, here.y, CORNER), here.x, here.y,
                here.x + toward(here.x, next.x, CORNER), here.y + toward(here.y, next.y, CORNER));
        a = &e->path[i];
    }
    struct point tip = e->path[e->points - 1];
    fprintf(p->out, "L%d %d\"", tip.x - toward(a->x, tip.x, HEAD),
            tip.y - toward(a->y, tip.y, HEAD));
}

static void put_edge(const struct diagram *d, const struct picture *p, const struct edge *e)
{
    const struct point *tip = &e->path[e->points - 1];
    bool ours = tcp_edge(e->from, e->to);
    uint64_t n = taken(d, e);
    put_line(p, e);
    fprintf(p->out, " class=\"line %s\"", n ? "plain" : ours ? "later dash" : "later dots");
    if (n)
        put_weight(p, n);
    fputs("/>\n", p->out);
    picture_head(p, tip[-1].x, tip[-1].y, tip->x, tip->y, n ? "f-plain" : "f-later");
}

static void put_edge_words(const struct diagram *d, const struct picture *p, const struct edge *e)
{
    const struct words_at *w = &e->words;
    uint64_t n = taken(d, e);
    for (int i = 0; i < 3 && w->line[i]; i++)
        picture_text(p, w->x, w->y + i * LINE_H, w->anchor, n ? "tiny halo" : "tiny halo dim",
                     w->line[i]);
    if (n) {
        char text[LADDER_TEXT];
        picture_text_begin(p, e->count.x, e->count.y, "middle", "small strong halo");
        fprintf(p->out, "<title>%s → %s</title>×%s", la_state_name(e->from), la_state_name(e->to),
                times(n, text));
        picture_text_end(p);
    }
}

/* ---- states ---- */

static bool visited(const struct diagram *d, enum la_state s)
{
    bool any = false;
    for (int o = 0; o < LA_STATES; o++)
        any = any || d->taken[s][o] || d->taken[o][s];
    return any;
}

static void put_state(const struct diagram *d, const struct picture *p, int place)
{
    enum la_state s = place == CLOSED_AGAIN ? LA_CLOSED : (enum la_state)place;
    int x = places[place].x - BOX_W / 2, y = places[place].y - BOX_H / 2;
    bool seen = visited(d, s);
    fprintf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"box %s\"/>\n", x, y,
            BOX_W, BOX_H, seen ? "plain" : "rule");
    fprintf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s\"/>\n", x + 1,
            y + 1, STRIP, BOX_H - 2, picture_state_class(s));
    picture_text(p, places[place].x + STRIP / 2, places[place].y + 4, "middle",
                 seen ? "small strong" : "small dim", la_state_name(s));
}

/* ---- below ---- */

static bool in_figure(int from, int to)
{
    for (int i = 0; i < EDGES; i++) {
        if ((int)figure[i].from == from && (int)figure[i].to == to)
            return true;
    }
    return false;
}

/* Changes that the figure leaves out, one a line. */
static int put_others(const struct diagram *d, const struct picture *p, int y)
{
    for (int from = 0; from < LA_STATES; from++) {
        for (int to = 0; to < LA_STATES; to++) {
            char text[LADDER_TEXT];
            if (d->taken[from][to] == 0 || in_figure(from, to))
                continue;
            picture_text_begin(p, NOTES_X, y, "start", "tiny");
            fprintf(p->out, "%s → %s ×%s", la_state_name((enum la_state)from),
                    la_state_name((enum la_state)to), times(d->taken[from][to], text));
            picture_text_end(p);
            y += NOTES_H;
        }
    }
    return y;
}

static int others(const struct diagram *d)
{
    int n = 0;
    for (int from = 0; from < LA_STATES; from++)
        for (int to = 0; to < LA_STATES; to++)
            n += d->taken[from][to] && !in_figure(from, to);
    return n;
}

static void put_notes(const struct diagram *d, const struct picture *p, int y)
{
    static const struct words notes[] = {
        {"×N and the width: how often.  Dashed: not taken this time.",
         "×N 与线宽：走过的次数。虚线：这次没有走到。"},
        {"Dotted: in the figure; here SEND on a listener is no call.",
         "点线：图中有，但本协议栈不允许对监听套接字 SEND。"},
    };
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++, y += NOTES_H)
        picture_words(p, NOTES_X, y, "start", "tiny dim", notes[i]);
    if (others(d)) {
        picture_words(p, NOTES_X, y, "start", "tiny dim",
                      (struct words){"Not drawn (note 3): a RST, a timeout or an abort",
                                     "图中省略（注 3）：RST、超时或中止"});
        put_others(d, p, y + NOTES_H);
    }
}

void diagram_picture(const struct diagram *d, const struct picture *p)
{
    int n = others(d), height = FIGURE_H + (2 + (n ? 1 + n : 0)) * NOTES_H + 6;
    picture_begin(
        p, WIDTH, height,
        (struct words){"The state diagram of RFC 9293, Figure 5", "RFC 9293 图 5 的状态图"},
        (struct words){"Boxes are states, arrows changes of state, with how often each "
                       "was made.",
                       "方框是状态，箭头是状态转换，旁边是发生的次数。"});
    for (int i = 0; i < EDGES; i++)
        put_edge(d, p, &figure[i]);
    for (int i = 0; i < PLACES; i++)
        put_state(d, p, i);
    for (int i = 0; i < EDGES; i++)
        put_edge_words(d, p, &figure[i]);
    put_notes(d, p, FIGURE_H + 10);
    picture_end(p);
}

void diagram_svg(const struct diagram *d, FILE *out)
{
    diagram_picture(d, &(struct picture){.out = out, .language = PICTURE_ENGLISH});
}
