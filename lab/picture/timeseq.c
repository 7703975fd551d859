/* timeseq.c: see timeseq.h.  Coordinates are tenths of a pixel; what falls into the same half pixel
 * is drawn once, which bounds the picture. */
#include "lab/picture/timeseq.h"
#include "lab/picture/ladder_private.h"

#include <string.h>

enum {
    WIDTH = 372,
    HEIGHT = 332, /* without the legend */
    LEFT = 480,   /* the plot, in tenths */
    RIGHT = 3580,
    TOP = 320,
    BOTTOM = 2840,
    GRAIN = 5, /* half a pixel */
    TICKS = 5, /* at the most, about */
    LEGEND_H = 18,
    MARK = 3, /* half a cross, in pixels */
    MARK_GAP = 40,
};

struct plot {
    const struct ladder *l;
    const struct picture *p;
    FILE *out;
    int sender;
    int view;     /* whose items are drawn */
    la_ns t0, t1; /* t1 > t0 */
    uint64_t top; /* the highest number in the picture */
};

static struct plot plot_of(const struct ladder *l, enum ladder_side sender)
{
    int s = sender == LADDER_RIGHT;
    return (struct plot){.l = l, .sender = s, .view = l->inferred[s] ? !s : s};
}

/* ---- what there is to draw ---- */

enum layer { FRESH, AGAIN, LOST, ACKED, WINDOW, SACKED, LAYERS };

static const struct {
    const char *classes;
    struct words name;
} layers[LAYERS] = {
    [FRESH] = {"line plain", {"segment", "报文段"}},
    [AGAIN] = {"line close", {"sent again", "重传"}},
    [LOST] = {"line bad", {"lost", "丢失"}},
    [ACKED] = {"line good", {"acknowledged", "已确认"}},
    [WINDOW] = {"thin open dash", {"window's edge", "窗口边沿"}},
    [SACKED] = {"line sack", {"SACK", "SACK"}},
};

/* Sequence numbers that the segment takes. */
static uint32_t length_of(const struct message *m)
{
    const struct la_trace_seg *g = &m->ev->seg;
    return g->len + ((g->flags & LA_TCP_SYN) != 0) + ((g->flags & LA_TCP_FIN) != 0);
}

static bool is_sent(const struct plot *g, const struct message *m)
{
    return m->from == g->sender && length_of(m) > 0 && !(m->ev->seg.flags & LA_TCP_RST);
}

static bool is_ack(const struct plot *g, const struct message *m)
{
    return m->from != g->sender && m->ev->seg.flags & LA_TCP_ACK &&
           !(m->ev->seg.flags & LA_TCP_RST);
}

/* The i-th item's message, NULL if it is none: a state or a timer. */
static const struct message *message_at(const struct plot *g, size_t i)
{
    const struct item *it = &g->l->side[g->view].v[i];
    return it->kind == ITEM_SEND || it->kind == ITEM_RECV ? &g->l->msg[it->msg] : NULL;
}

static la_ns time_at(const struct plot *g, size_t i)
{
    return g->l->side[g->view].v[i].at;
}

static size_t items_of(const struct plot *g)
{
    return g->l->side[g->view].n;
}

/* Number of an absolute sequence number that the peer named in this ACK, counted from the SYN. */
static uint32_t relative(const struct message *ack, uint32_t number)
{
    return number - ack->ev->seg.ack + ack->info.rel_ack;
}

static uint64_t window_of(const struct message *ack)
{
    return (uint64_t)ack->info.rel_ack + ack->ev->seg.wnd;
}

static void see(struct plot *g, la_ns at, la_ns *first)
{
    if (*first == LA_NEVER)
        *first = at;
    g->t1 = at;
}

/* Where the picture begins and ends: what is sent, and what an ACK changes. */
static bool measure(struct plot *g)
{
    la_ns first = LA_NEVER;
    uint64_t edge = 0, window = 0, acked = 0;
    for (size_t i = 0; i < items_of(g); i++) {
        const struct message *m = message_at(g, i);
        if (!m)
            continue;
        if (is_sent(g, m)) {
            uint64_t end = (uint64_t)m->info.rel_seq + length_of(m);
            g->top = end > g->top ? end : g->top;
            see(g, time_at(g, i), &first);
        } else if (is_ack(g, m) && (m->info.rel_ack > acked || window_of(m) != edge)) {
            acked = m->info.rel_ack;
            edge = window_of(m);
            window = edge > window ? edge : window;
            see(g, time_at(g, i), &first);
        }
    }
    if (first == LA_NEVER || g->top == 0)
        return false;
    g->t0 = first;
    if (g->t1 < first + LA_MSEC(1))
        g->t1 = first + LA_MSEC(1);
    if (window > g->top && window <= 2 * g->top)
        g->top = window;
    g->top += g->top / 24 + 1;
    return true;
}

size_t timeseq_segments(const struct ladder *l, enum ladder_side sender)
{
    size_t n = 0;
    struct plot g = plot_of(l, sender);
    for (size_t i = 0; i < items_of(&g); i++) {
        const struct message *m = message_at(&g, i);
        n += m && is_sent(&g, m);
    }
    return n;
}

/* ---- places ---- */

static int x_of(const struct plot *g, la_ns at)
{
    /* Spans beyond ten days would overflow: seconds are exact enough for them. */
    la_ns span = g->t1 - g->t0, in = at - g->t0;
    while (span > LA_SEC(1000000)) {
        span /= 1000;
        in /= 1000;
    }
    return LEFT + (int)(in * (RIGHT - LEFT) / span);
}

static int y_of(const struct plot *g, uint64_t number)
{
    return BOTTOM - (int)(number * (BOTTOM - TOP) / g->top);
}

static void put_number(const struct plot *g, int tenths)
{
    if (tenths % 10)
        fprintf(g->out, "%d.%d", tenths / 10, tenths % 10);
    else
        fprintf(g->out, "%d", tenths / 10);
}

static void put_place(const struct plot *g, char how, int x, int y)
{
    fputc(how, g->out);
    put_number(g, x);
    fputc(' ', g->out);
    put_number(g, y);
}

/* ---- bars: segments and SACK blocks ---- */

struct bar {
    bool any;
    int x, low, high; /* y of both ends; low is the greater */
};

static void put_bar(const struct plot *g, const struct bar *b)
{
    put_place(g, 'M', b->x, b->low);
    fputc('V', g->out);
    put_number(g, b->low - b->high < 20 ? b->low - 20 : b->high);
}

/* Joins what touches the bar before it. */
static void add_bar(const struct plot *g, struct bar *b, la_ns at, uint64_t from, uint64_t to)
{
    struct bar next = {true, x_of(g, at) / GRAIN * GRAIN, y_of(g, from), y_of(g, to)};
    if (b->any && next.x == b->x && next.low >= b->high - GRAIN && next.high <= b->low + GRAIN) {
        b->low = next.low > b->low ? next.low : b->low;
        b->high = next.high < b->high ? next.high : b->high;
        return;
    }
    if (b->any)
        put_bar(g, b);
    *b = next;
}

static void put_bars(const struct plot *g, enum layer which)
{
    struct bar b = {0};
    for (size_t i = 0; i < items_of(g); i++) {
        const struct message *m = message_at(g, i);
        if (m && which == SACKED && is_ack(g, m)) {
            for (int k = 0; k < m->ev->seg.nsack && k < 4; k++) {
                uint32_t from = relative(m, m->ev->seg.sack[k][0]);
                uint32_t to = relative(m, m->ev->seg.sack[k][1]);
                if (from < to && to <= g->top)
                    add_bar(g, &b, time_at(g, i), from, to);
            }
        } else if (m && is_sent(g, m) &&
                   (which == AGAIN ? m->info.again : which == FRESH && !m->info.again)) {
            add_bar(g, &b, time_at(g, i), m->info.rel_seq,
                    (uint64_t)m->info.rel_seq + length_of(m));
        }
    }
    if (b.any)
        put_bar(g, &b);
}

/* A cross on each lost one, unless it would cover the one before. */
static void put_crosses(const struct plot *g)
{
    int px = -MARK_GAP, py = -MARK_GAP;
    for (size_t i = 0; i < items_of(g); i++) {
        const struct message *m = message_at(g, i);
        if (!m || !is_sent(g, m) || !m->lost)
            continue;
        int x = x_of(g, time_at(g, i)), y = y_of(g, m->info.rel_seq + length_of(m) / 2);
        if (x - px < MARK_GAP && y - py < MARK_GAP && py - y < MARK_GAP)
            continue;
        put_place(g, 'M', x, y);
        fprintf(g->out, "m-%d -%dl%d %dm0 -%dl-%d %d", MARK, MARK, 2 * MARK, 2 * MARK, 2 * MARK,
                2 * MARK, 2 * MARK);
        px = x;
        py = y;
    }
}

/* ---- lines: what was acknowledged, what may be sent ---- */

static void put_steps(const struct plot *g, enum layer which)
{
    bool on = false;
    int x = 0, y = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < items_of(g); i++) {
        const struct message *m = message_at(g, i);
        if (!m || !is_ack(g, m))
            continue;
        uint64_t number = which == ACKED ? m->info.rel_ack : window_of(m);
        if (which == ACKED && number < last)
            continue; /* an old ACK */
        int nx = x_of(g, time_at(g, i)), ny = y_of(g, number);
        if (number > g->top) {
            if (on) {
                fputc('H', g->out);
                put_number(g, nx);
            }
            on = false;
            continue;
        }
        last = number;
        if (!on) {
            put_place(g, 'M', nx, ny);
        } else if (nx - x >= GRAIN || y - ny >= GRAIN || ny - y >= GRAIN) {
            fputc('H', g->out);
            put_number(g, nx);
            fputc('V', g->out);
            put_number(g, ny);
        } else {
            continue;
        }
        on = true;
        x = nx;
        y = ny;
    }
    if (on) {
        fputc('H', g->out);
        put_number(g, RIGHT);
    }
}

/* ---- axes ---- */

/* 1, 2 or 5 times a power of ten, so that `span` has about TICKS of them. */
static uint64_t step_for(uint64_t span)
{
    uint64_t step = 1;
    for (;;) {
        static const unsigned times[] = {1, 2, 5};
        for (int i = 0; i < 3; i++)
            if (span / (step * times[i]) <= TICKS)
                return step * times[i];
        step *= 10;
    }
}

static void put_seconds(const struct plot *g, int x, la_ns at, la_ns step)
{
    enum { LETTER = 6 }; /* at the most */
    char text[LADDER_TEXT];
    int digits = 0;
    la_ns unit = LA_SEC(1);
    for (; unit > 1 && step % unit; unit /= 10)
        digits++;
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)(at / LA_SEC(1)));
    if (digits)
        n += snprintf(text + n, sizeof text - (size_t)n, ".%0*llu", digits,
                      (unsigned long long)(at % LA_SEC(1) / unit));
    int last = WIDTH - 2 - n * LETTER / 2; /* where the longest word may stand */
    picture_text(g->p, x < last ? x : last, BOTTOM / 10 + 14, "middle", "mono tiny dim", text);
}

static void put_bytes(const struct plot *g, uint64_t n, uint64_t step)
{
    char text[LADDER_TEXT];
    if (n && step % 1000000 == 0)
        fprintf(g->out, "%s M", ladder_count(n / 1000000, text));
    else if (n && step % 1000 == 0)
        fprintf(g->out, "%s k", ladder_count(n / 1000, text));
    else
        fputs(ladder_count(n, text), g->out);
}

static void put_axes(const struct plot *g)
{
    uint64_t step = step_for(g->top);
    for (uint64_t n = 0; n <= g->top; n += step) {
        int y = y_of(g, n) / 10;
        fprintf(g->out, "<path d=\"M%d %dH%d\" class=\"thin rule\"/>\n", LEFT / 10, y, RIGHT / 10);
        picture_text_begin(g->p, LEFT / 10 - 5, y + 4, "end", "mono tiny dim");
        put_bytes(g, n, step);
        picture_text_end(g->p);
    }
    la_ns from = g->t0 - g->l->origin, every = step_for(g->t1 - g->t0);
    for (la_ns at = (from + every - 1) / every * every; at <= from + (g->t1 - g->t0); at += every) {
        int x = x_of(g, at + g->l->origin) / 10;
        fprintf(g->out, "<path d=\"M%d %dV%d\" class=\"thin rule\"/>\n", x, TOP / 10, BOTTOM / 10);
        put_seconds(g, x, at, every);
    }
    picture_words(g->p, RIGHT / 10, BOTTOM / 10 + 28, "end", "tiny dim",
                  (struct words){"time, seconds", "时间（秒）"});
}

static void put_title(const struct plot *g)
{
    const struct ladder_end *a = ladder_end_of(g->l, g->sender),
                            *b = ladder_end_of(g->l, !g->sender);
    picture_text_begin(g->p, LEFT / 10, 14, "start", "h2");
    picture_escape(g->out, a->name);
    fputs(" → ", g->out);
    picture_escape(g->out, b->name);
    picture_text_end(g->p);
    picture_words(
        g->p, LEFT / 10, 27, "start", "tiny dim",
        (struct words){"sequence number, bytes since the SYN", "序号，自 SYN 起的字节数"});
}

/* ---- all of it ---- */

static bool has(const struct plot *g, enum layer which)
{
    for (size_t i = 0; i < items_of(g); i++) {
        const struct message *m = message_at(g, i);
        if (!m)
            continue;
        bool sent = is_sent(g, m), ack = is_ack(g, m), is = false;
        switch (which) {
        case FRESH:
            is = sent && !m->info.again;
            break;
        case AGAIN:
            is = sent && m->info.again;
            break;
        case LOST:
            is = sent && m->lost;
            break;
        case ACKED:
            is = ack;
            break;
        case WINDOW:
            is = ack && window_of(m) <= g->top;
            break;
        case SACKED:
            is = ack && m->ev->seg.nsack > 0;
            break;
        case LAYERS:
            break;
        }
        if (is)
            return true;
    }
    return false;
}

static void put_layer(const struct plot *g, enum layer which)
{
    fputs("<path d=\"", g->out);
    switch (which) {
    case FRESH:
    case AGAIN:
    case SACKED:
        put_bars(g, which);
        break;
    case LOST:
        put_crosses(g);
        break;
    case ACKED:
    case WINDOW:
        put_steps(g, which);
        break;
    case LAYERS:
        break;
    }
    fprintf(g->out, "\" class=\"%s\"/>\n", layers[which].classes);
}

static void put_legend(const struct plot *g, unsigned present)
{
    static const int column[3] = {14, 130, 252};
    int n = 0;
    for (int i = 0; i < LAYERS; i++) {
        if (!(present & 1U << i))
            continue;
        int x = column[n % 3], y = HEIGHT + n / 3 * LEGEND_H;
        fprintf(g->out, "<path d=\"M%d %dh14\" class=\"%s\"/>\n", x, y, layers[i].classes);
        picture_words(g->p, x + 20, y + 4, "start", "tiny dim", layers[i].name);
        n++;
    }
}

void timeseq_picture(const struct ladder *l, enum ladder_side sender, const struct picture *p)
{
    struct plot g = plot_of(l, sender);
    unsigned present = 0;
    int n = 0;
    g.p = p;
    g.out = p->out;
    bool any = measure(&g);
    for (int i = 0; any && i < LAYERS; i++) {
        if (has(&g, (enum layer)i)) {
            present |= 1U << i;
            n++;
        }
    }
    picture_begin(p, WIDTH, HEIGHT + (n + 2) / 3 * LEGEND_H,
                  (struct words){"Sequence numbers over time", "序号随时间的变化"},
                  (struct words){"Each bar is a segment; the line below is what was acknowledged.",
                                 "每条竖线是一个报文段，下方的阶梯线是已确认的序号。"});
    put_title(&g);
    if (any)
        put_axes(&g);
    static const enum layer order[] = {WINDOW, ACKED, SACKED, FRESH, AGAIN, LOST};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (present & 1U << order[i])
            put_layer(&g, order[i]);
    }
    put_legend(&g, present);
    picture_end(p);
}

void timeseq_svg(const struct ladder *l, enum ladder_side sender, FILE *out)
{
    timeseq_picture(l, sender, &(struct picture){.out = out, .language = PICTURE_ENGLISH});
}
