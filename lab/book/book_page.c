/* book_page.c: the page around the experiments: style, contents, how to read it, the script. */
#include "lab/book/book_private.h"

static void put_file(const struct book *b, const char *name)
{
    const struct lab_file *f = lab_file_named(name);
    if (f)
        fwrite(f->text, 1, f->n, b->out);
}

static void put_titles(const struct book *b, const char *name)
{
    fputs("<span class=\"en\">", b->out);
    book_title(b->out, book_prose(name, "en"));
    fputs("</span><span class=\"zh\" lang=\"zh-CN\">", b->out);
    book_title(b->out, book_prose(name, "zh"));
    fputs("</span>", b->out);
}

static void put_contents(const struct book *b)
{
    char name[BOOK_NAME];
    fputs("<nav class=\"contents\" aria-label=\"Contents\">"
          "<input type=\"search\" aria-label=\"Search\" placeholder=\"Search\">\n<ol>\n",
          b->out);
    for (unsigned i = 0; book_name(i, name); i++) {
        fprintf(b->out, "<li><a href=\"#%s\"><span class=\"num\">%u</span>", name, i + 1);
        put_titles(b, name);
        fputs("</a></li>\n", b->out);
    }
    fputs("</ol></nav>\n", b->out);
}

static const char how_en[] =
    "# Why TCP opens and closes as it does\n\n"
    "Every picture here was drawn from a run of a real TCP, the one in this repository, on a "
    "network in virtual time. Nothing is an animation, so everything can be asked \"and if this "
    "one is lost?\": change the scenario, and run it again.\n\n"
    "**A ladder** has one column for each end. Time runs down, though not to scale; seconds stand "
    "at the left. The coloured track is the end's state, with its name where it is entered. An "
    "arrow is a segment, with sequence numbers counted from the SYN; point at its words for the "
    "absolute ones. The segments that close the connection are marked 1 to 4: FIN u, ACK u+1, FIN "
    "w, ACK w+1. A lost segment ends in a cross, a late one crosses what was sent after it.\n\n"
    "**Under each run** stand what had to hold in it, the close record of each end, which is what "
    "lastack keeps of every connection that ever ended, and a capture for Wireshark.\n\n"
    "**To run one yourself** type `lastack lab run 06_four_segments`; `docs/lab.md` explains the "
    "language that the scenarios are written in.\n";

static const char how_zh[] =
    "# TCP 为什么这样建立、这样关闭\n\n"
    "这里的每一幅图，都来自一次真实 TCP 的运行：就是本仓库里的协议栈，跑在虚拟时间的网络上。"
    "它们不是动画，所以什么都可以问一句“要是这个报文丢了呢”：改一改场景，再跑一遍。\n\n"
    "**梯形图**：两端各占一列，时间自上而下（不按比例，左侧标注秒数）。彩色竖条是该端的状态，"
    "进入时标出名称。箭头是报文段，序号从 SYN 数起；把指针停在文字上，可以看到绝对序号。"
    "关闭连接的报文段标为 1 到 4：FIN u、ACK u+1、FIN w、ACK w+1。"
    "丢失的报文段以叉号结束，迟到的会与后发的交叉。\n\n"
    "**每次运行的下方**，是这次运行中必须成立的断言、两端的关闭记录（lastack "
    "为每条结束的连接都保留一份），以及可以用 Wireshark 打开的抓包文件。\n\n"
    "**自己动手**：输入 `lastack lab run 06_four_segments`。场景所用的语言见 `docs/lab.md`。\n";

static void put_keys(const struct book *b)
{
    static const struct {
        const char *keys;
        struct words what;
    } rows[] = {
        {"<kbd>j</kbd> <kbd>k</kbd>", {"next, previous experiment", "下一个、上一个实验"}},
        {"<kbd>h</kbd>", {"this page", "回到本页"}},
        {"<kbd>/</kbd>", {"search", "搜索"}},
        {"<kbd>l</kbd> <kbd>t</kbd>", {"language, theme", "切换语言、主题"}},
    };
    fputs("<dl class=\"keys\">", b->out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(b->out, "<dt>%s</dt><dd>", rows[i].keys);
        book_say(b->out, "span", rows[i].what);
        fputs("</dd>\n", b->out);
    }
    fputs("</dl>\n", b->out);
}

void book_head(const struct book *b)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n"
          "<title>lastack: the book of the laboratory</title>\n<style>\n",
          b->out);
    put_file(b, "book.css");
    picture_style(b->out, true);
    fputs("</style>\n</head>\n<body>\n<header><a class=\"home\" href=\"#top\">", b->out);
    book_say(b->out, "span", (struct words){"lastack: the laboratory", "lastack 实验手册"});
    fputs("</a><button id=\"language\" type=\"button\">中文</button>"
          "<button id=\"theme\" type=\"button\">Auto</button></header>\n<div class=\"sheet\">\n",
          b->out);
    put_contents(b);
    fputs("<main>\n<section id=\"top\">\n<h1><span class=\"en\">", b->out);
    book_title(b->out, how_en);
    fputs("</span><span class=\"zh\" lang=\"zh-CN\">", b->out);
    book_title(b->out, how_zh);
    fputs("</span></h1>\n<div class=\"prose en\">", b->out);
    book_markdown(b->out, how_en);
    fputs("</div>\n<div class=\"prose zh\" lang=\"zh-CN\">", b->out);
    book_markdown(b->out, how_zh);
    fputs("</div>\n", b->out);
    put_keys(b);
    fputs("</section>\n", b->out);
}

void book_pager(const struct book *b, unsigned i)
{
    char name[BOOK_NAME];
    fputs("<nav class=\"pager\" aria-label=\"Pages\">", b->out);
    if (i && book_name(i - 1, name)) {
        fprintf(b->out, "<a href=\"#%s\">← ", name);
        put_titles(b, name);
        fputs("</a>", b->out);
    } else {
        fputs("<a href=\"#top\">←</a>", b->out);
    }
    if (book_name(i + 1, name)) {
        fprintf(b->out, "<a href=\"#%s\">", name);
        put_titles(b, name);
        fputs(" →</a>", b->out);
    }
    fputs("</nav>\n", b->out);
}

void book_foot(const struct book *b)
{
    fputs("</main>\n</div>\n<script>\n", b->out);
    put_file(b, "book.js");
    fputs("</script>\n</body>\n</html>\n", b->out);
}
