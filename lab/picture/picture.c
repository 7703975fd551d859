/* picture.c: see picture.h. */
#include "lab/picture/picture.h"

#include <string.h>

/* ---- style ---- */

/* Fonts and sizes, the same by day and by night. */
static const char shape[] =
    "%s { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', "
    "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif; }\n"
    "%s text { font-size: 12px; }\n"
    "%s .mono { font-family: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', "
    "'Noto Sans CJK SC', monospace; }\n"
    "%s .h1 { font-size: 14px; font-weight: 600; }\n"
    "%s .h2 { font-size: 13px; font-weight: 600; }\n"
    "%s .small { font-size: 11px; }\n"
    "%s .tiny { font-size: 10px; }\n"
    "%s .strong { font-weight: 600; }\n"
    "%s .guess { font-style: italic; font-weight: 400; }\n"
    "%s .halo { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }\n"
    "%s .line { fill: none; stroke-width: 1.6; }\n"
    "%s .thin { fill: none; stroke-width: 1; }\n"
    "%s .dash { stroke-dasharray: 5 4; }\n"
    "%s .dots { stroke-dasharray: 1.5 3.5; stroke-linecap: round; }\n"
    "%s .inferred { opacity: .45; }\n"
    "%s .mark { font-size: 11px; font-weight: 700; }\n";

struct ink {
    const char *selector, *property;
    const char *day, *night;
};

static const struct ink inks[] = {
    {"text", "fill", "#1c2128", "#e2e8ee"},
    {".paper", "fill", "#ffffff", "#12161c"},
    {".paper-line", "stroke", "#ffffff", "#12161c"},
    {".halo", "stroke", "#ffffff", "#12161c"},
    {"text.dim", "fill", "#5a6470", "#9aa5b1"},
    {"text.mark", "fill", "#ffffff", "#12161c"},
    {".rule", "stroke", "#d0d7de", "#343c46"},
    {".f-later", "fill", "#8c959f", "#768390"},
    {".later", "stroke", "#8c959f", "#768390"},
    {".plain", "stroke", "#57606a", "#a8b3bd"},
    {".f-plain", "fill", "#57606a", "#a8b3bd"},
    {".open", "stroke", "#0969da", "#6cb6ff"},
    {".f-open", "fill", "#0969da", "#6cb6ff"},
    {".close", "stroke", "#b04600", "#f69d50"},
    {".f-close", "fill", "#b04600", "#f69d50"},
    {".bad", "stroke", "#cf222e", "#ff7b72"},
    {".f-bad", "fill", "#cf222e", "#ff7b72"},
    {"text.bad-word", "fill", "#b81e2a", "#ff8d85"},
    {".good", "stroke", "#1a7f37", "#57ab5a"},
    {".f-good", "fill", "#1a7f37", "#57ab5a"},
    {".sack", "stroke", "#8250df", "#b392f0"},
    {".f-sack", "fill", "#8250df", "#b392f0"},
    {".box", "fill", "#f6f8fa", "#1c222b"},
    {".s-none", "fill", "#c4ccd4", "#4a535d"},
    {".s-opening", "fill", "#54a3f0", "#6cb0f5"},
    {".s-open", "fill", "#3fab58", "#4fb866"},
    {".s-closing", "fill", "#ec8e37", "#ee9a4d"},
    {".s-half", "fill", "#b877e8", "#c58fec"},
    {".s-wait", "fill", "#8b96a2", "#8b96a2"},
};

static void put_inks(FILE *out, const char *scope, bool night)
{
    for (size_t i = 0; i < sizeof inks / sizeof inks[0]; i++)
        fprintf(out, "%s %s { %s: %s; }\n", scope, inks[i].selector, inks[i].property,
                night ? inks[i].night : inks[i].day);
}

void picture_style(FILE *out, bool in_page)
{
    static const char all[] = "svg.la";
    for (const char *at = shape, *next; *at; at = next) {
        next = strstr(at, "%s");
        if (next == at) {
            fputs(all, out);
            next += 2;
        } else {
            next = next ? next : at + strlen(at);
            fwrite(at, 1, (size_t)(next - at), out);
        }
    }
    put_inks(out, all, false);
    fputs("@media (prefers-color-scheme: dark) {\n", out);
    put_inks(out, in_page ? "html:not(.light) svg.la" : "svg.la:not(.light)", true);
    fputs("}\n", out);
    put_inks(out, in_page ? "html.dark svg.la" : "svg.la.dark", true);
}

/* ---- the sheet ---- */

static const char *in(const struct picture *p, struct words w)
{
    return p->language == PICTURE_CHINESE && w.zh ? w.zh : w.en;
}

static void put_note(const struct picture *p, const char *tag, struct words w)
{
    fprintf(p->out, "<%s", tag);
    if (p->language == PICTURE_BOTH && w.zh) {
        fputs(" data-zh=\"", p->out);
        picture_escape(p->out, w.zh);
        fputc('"', p->out);
    }
    fputc('>', p->out);
    picture_escape(p->out, in(p, w));
    fprintf(p->out, "</%s>\n", tag);
}

void picture_begin(const struct picture *p, int width, int height, struct words title,
                   struct words about)
{
    fputs("<svg", p->out);
    if (!p->in_page)
        fputs(" xmlns=\"http://www.w3.org/2000/svg\"", p->out);
    fprintf(p->out,
            " class=\"la\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", width,
            height, width, height);
    put_note(p, "title", title);
    if (about.en)
        put_note(p, "desc", about);
    if (!p->in_page) {
        fputs("<style>\n", p->out);
        picture_style(p->out, false);
        fputs("</style>\n", p->out);
    }
    fprintf(p->out, "<rect width=\"%d\" height=\"%d\" class=\"paper\"/>\n", width, height);
}

void picture_end(const struct picture *p)
{
    fputs("</svg>\n", p->out);
}

/* ---- text ---- */

void picture_escape(FILE *out, const char *text)
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

void picture_say(const struct picture *p, struct words w)
{
    if (p->language != PICTURE_BOTH || !w.zh) {
        picture_escape(p->out, in(p, w));
        return;
    }
    fputs("<tspan class=\"en\">", p->out);
    picture_escape(p->out, w.en);
    fputs("</tspan><tspan class=\"zh\">", p->out);
    picture_escape(p->out, w.zh);
    fputs("</tspan>", p->out);
}

void picture_text_begin(const struct picture *p, int x, int y, const char *anchor,
                        const char *classes)
{
    fprintf(p->out, "<text x=\"%d\" y=\"%d\"", x, y);
    if (strcmp(anchor, "start") != 0)
        fprintf(p->out, " text-anchor=\"%s\"", anchor);
    fprintf(p->out, " class=\"%s\">", classes);
}

void picture_text_end(const struct picture *p)
{
    fputs("</text>\n", p->out);
}

void picture_words(const struct picture *p, int x, int y, const char *anchor, const char *classes,
                   struct words w)
{
    picture_text_begin(p, x, y, anchor, classes);
    picture_say(p, w);
    picture_text_end(p);
}

void picture_text(const struct picture *p, int x, int y, const char *anchor, const char *classes,
                  const char *text)
{
    picture_words(p, x, y, anchor, classes, (struct words){text, NULL});
}

/* ---- what states look like ---- */

static const struct picture_phase phases[PICTURE_PHASES] = {
    {"s-none", {"no connection", "没有连接"}},
    {"s-opening", {"opening", "建立中"}},
    {"s-open", {"open", "已建立"}},
    {"s-closing", {"closing, went first", "主动关闭"}},
    {"s-half", {"closing, went second", "被动关闭"}},
    {"s-wait", {"2MSL wait", "2MSL 等待"}},
};

const struct picture_phase *picture_phase(int i)
{
    return &phases[i];
}

const char *picture_state_class(enum la_state s)
{
    switch (s) {
    case LA_CLOSED:
    case LA_LISTEN:
    case LA_STATES:
        break;
    case LA_SYN_SENT:
    case LA_SYN_RECEIVED:
        return phases[1].classes;
    case LA_ESTABLISHED:
        return phases[2].classes;
    case LA_FIN_WAIT_1:
    case LA_FIN_WAIT_2:
    case LA_CLOSING:
        return phases[3].classes;
    case LA_CLOSE_WAIT:
    case LA_LAST_ACK:
        return phases[4].classes;
    case LA_TIME_WAIT:
        return phases[5].classes;
    }
    return phases[0].classes;
}

/* ---- lines ---- */

/* In integers alone: eight directions' worth of a unit vector would do, but arrows in a ladder are
 * nearly level and in the diagram nearly anything, so the length is an integer square root. */
static int root(int n)
{
    int r = 0;
    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

void picture_head(const struct picture *p, int fx, int fy, int x, int y, const char *classes)
{
    enum { LENGTH = 90, HALF = 36 }; /* tenths of a pixel */
    int dx = x - fx, dy = y - fy, len = root(dx * dx + dy * dy);
    if (len == 0)
        return;
    int bx = 10 * x - LENGTH * dx / len, by = 10 * y - LENGTH * dy / len;
    int nx = -HALF * dy / len, ny = HALF * dx / len;
    int corner[2][2] = {{bx + nx, by + ny}, {bx - nx, by - ny}};
    fprintf(p->out, "<path d=\"M%d %d", x, y);
    for (int i = 0; i < 2; i++) {
        fputc('L', p->out);
        for (int k = 0; k < 2; k++) {
            int v = corner[i][k], a = v < 0 ? -v : v;
            fprintf(p->out, "%s%s%d.%d", k ? " " : "", v < 0 ? "-" : "", a / 10, a % 10);
        }
    }
    fprintf(p->out, "z\" class=\"%s\"/>\n", classes);
}
