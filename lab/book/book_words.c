/* book_words.c: the book's words: markdown into markup, close records into sentences. */
#include "lab/book/book_private.h"
#include "lab/picture/ladder_private.h"

#include <string.h>

/* ---- two languages ---- */

void book_say(FILE *out, const char *tag, struct words w)
{
    fprintf(out, "<%s class=\"en\">", tag);
    picture_escape(out, w.en);
    fprintf(out, "</%s><%s class=\"zh\" lang=\"zh-CN\">", tag, tag);
    picture_escape(out, w.zh ? w.zh : w.en);
    fprintf(out, "</%s>", tag);
}

void book_count(FILE *out, const char *tag, const char *en, const char *zh, unsigned long long n)
{
    char number[LADDER_TEXT], a[2 * LADDER_TEXT], b[2 * LADDER_TEXT];
    ladder_count(n, number);
    snprintf(a, sizeof a, "%s%s", number, en);
    snprintf(b, sizeof b, "%s%s", number, zh);
    book_say(out, tag, (struct words){a, b});
}

/* ---- markdown: as much of it as the explanations use ---- */

static void put_part(FILE *out, const char *p, size_t n)
{
    char piece[64];
    while (n) {
        size_t take = n < sizeof piece - 1 ? n : sizeof piece - 1;
        memcpy(piece, p, take);
        piece[take] = '\0';
        picture_escape(out, piece);
        p += take;
        n -= take;
    }
}

static void put_paragraph(FILE *out, const char *p, size_t n)
{
    const char *end = p + n, *from = p;
    bool strong = false, code = false;
    fputs("<p>", out);
    for (; p < end; p++) {
        bool star = !code && p + 1 < end && p[0] == '*' && p[1] == '*';
        if (!star && *p != '`')
            continue;
        put_part(out, from, (size_t)(p - from));
        if (star) {
            fputs(strong ? "</strong>" : "<strong>", out);
            strong = !strong;
            p++;
        } else {
            fputs(code ? "</code>" : "<code>", out);
            code = !code;
        }
        from = p + 1;
    }
    put_part(out, from, (size_t)(end - from));
    fputs(code ? "</code>" : "", out);
    fputs(strong ? "</strong>" : "", out);
    fputs("</p>\n", out);
}

void book_title(FILE *out, const char *prose)
{
    if (strncmp(prose, "# ", 2) == 0)
        put_part(out, prose + 2, strcspn(prose + 2, "\n"));
}

void book_markdown(FILE *out, const char *prose)
{
    if (*prose == '#')
        prose += strcspn(prose, "\n");
    while (*(prose += strspn(prose, "\n")) && *prose != '|') {
        const char *end = strstr(prose, "\n\n");
        size_t n = end ? (size_t)(end - prose) : strlen(prose);
        while (n && prose[n - 1] == '\n')
            n--;
        put_paragraph(out, prose, n);
        prose += n;
    }
}

const char *book_translation(const char *prose, const char *text, char buf[BOOK_NAME])
{
    size_t n = strlen(text);
    for (const char *at = prose; (at = strstr(at, "\n| ")); at++) {
        const char *to = at + 3 + n;
        if (strncmp(at + 3, text, n) != 0 || strncmp(to, " | ", 3) != 0)
            continue;
        to += 3;
        const char *end = strstr(to, " |");
        if (!end || (size_t)(end - to) >= BOOK_NAME)
            break;
        memcpy(buf, to, (size_t)(end - to));
        buf[end - to] = '\0';
        return buf;
    }
    return NULL;
}

/* ---- close records ---- */

static const char *cause_zh(enum la_cause c)
{
    switch (c) {
    case LA_CAUSE_NONE:
        return "仍未结束";
    case LA_CAUSE_CLOSE:
        return "程序调用了 close";
    case LA_CAUSE_SHUTDOWN:
        return "程序关闭了发送方向";
    case LA_CAUSE_ABORT:
        return "程序中止了连接";
    case LA_CAUSE_LINGER_0:
        return "close 时 linger 为 0";
    case LA_CAUSE_LINGER_TIMEOUT:
        return "linger 到时，仍有数据没有发完";
    case LA_CAUSE_UNREAD_DATA:
        return "close 时还有收到的数据没有读";
    case LA_CAUSE_DATA_AFTER_CLOSE:
        return "程序关闭之后又来了数据";
    case LA_CAUSE_PEER_FIN:
        return "对端先关闭";
    case LA_CAUSE_PEER_RST:
        return "对端发来 RST";
    case LA_CAUSE_REFUSED:
        return "对端用 RST 拒绝了 SYN";
    case LA_CAUSE_USER_TIMEOUT:
        return "用户超时：数据迟迟没有被确认";
    case LA_CAUSE_RETRANSMISSION_LIMIT:
        return "重传达到上限，仍无应答";
    case LA_CAUSE_SYN_TIMEOUT:
        return "握手一直没有应答";
    case LA_CAUSE_KEEPALIVE:
        return "保活探测没有应答";
    case LA_CAUSE_ORPHAN_TIMEOUT:
        return "FIN-WAIT-2 到时，对端始终没有关闭";
    case LA_CAUSE_PROBE_LIMIT:
        return "对端的窗口一直为零";
    case LA_CAUSE_ICMP:
        return "建立连接时收到 ICMP 不可达";
    case LA_CAUSE_NO_NEIGHBOUR:
        return "下一跳没有应答";
    case LA_CAUSE_PROTOCOL:
        return "对端违反协议";
    case LA_CAUSE_NO_MEMORY:
        return "达到内存上限";
    case LA_CAUSE_LISTENER_CLOSED:
        return "还没有 accept，监听者已经关闭";
    case LA_CAUSE_BACKLOG:
        return "accept 队列已满";
    case LA_CAUSE_STACK_ABORT:
        return "协议栈被要求中止全部连接";
    case LA_CAUSE_COUNT:
        break;
    }
    return "原因不明";
}

static const char *error_zh(int error)
{
    switch (error) {
    case LA_OK:
        return "正常结束";
    case LA_ECONNRESET:
        return "连接被重置";
    case LA_ECONNREFUSED:
        return "连接被拒绝";
    case LA_ECONNABORTED:
        return "连接已中止";
    case LA_ETIMEDOUT:
        return "超时";
    case LA_EHOSTUNREACH:
        return "主机不可达";
    default:
        return la_strerror(error);
    }
}

static const char *first_zh(const struct la_record *r)
{
    switch ((enum la_side)r->first_fin) {
    case LA_SIDE_LOCAL:
        return "本端先关闭：";
    case LA_SIDE_PEER:
        return "对端先关闭：";
    case LA_SIDE_BOTH:
        return "双方同时关闭：";
    case LA_SIDE_NONE:
        break;
    }
    return "没有 FIN：";
}

static void put_time_wait_zh(FILE *out, const struct la_record *r)
{
    char span[LADDER_TEXT];
    uint32_t away = r->tw.rst_ignored + r->tw.syn_refused + r->tw.old_segments;
    if (r->state == LA_TIME_WAIT)
        fputs("；TIME-WAIT 仍在计时", out);
    else if (r->in_state[LA_TIME_WAIT])
        fprintf(out, "；TIME-WAIT 历时 %s", ladder_span(r->in_state[LA_TIME_WAIT], span));
    else
        return;
    if (r->tw.restarts)
        fprintf(out, "，重新计时 %u 次", r->tw.restarts);
    if (away)
        fprintf(out, "，挡下 %u 个旧报文段", away);
    if (r->tw.reused)
        fputs("，因新连接重用而提前结束", out);
    if (r->tw.evicted)
        fputs("，因表满而提前结束", out);
}

static void put_record_zh(FILE *out, const struct la_record *r)
{
    char n[LADDER_TEXT];
    bool own = r->first_fin == LA_SIDE_PEER && r->cause == LA_CAUSE_PEER_FIN;
    fprintf(out, "%s%s；程序得到的结果：%s", own ? "" : first_zh(r),
            cause_zh((enum la_cause)r->cause), error_zh(r->error));
    if (r->ended_by != r->cause && r->ended_by != LA_CAUSE_NONE)
        fprintf(out, "；最后结束它的是：%s", cause_zh((enum la_cause)r->ended_by));
    if (r->fin_retransmits)
        fprintf(out, "；FIN 重传 %u 次", r->fin_retransmits);
    if (r->bytes_unacked)
        fprintf(out, "；%s 字节未被确认", ladder_count(r->bytes_unacked, n));
    if (r->bytes_unread)
        fprintf(out, "；%s 字节未读", ladder_count(r->bytes_unread, n));
    put_time_wait_zh(out, r);
    fputs("。", out);
}

void book_record(FILE *out, const char *host, const struct la_record *r)
{
    char text[512], addr[LA_ADDR_STRLEN];
    fputs("<li><b>", out);
    picture_escape(out, host);
    fprintf(out, "</b> <span class=\"pair\">:%u → %s:%u</span> ", r->local.port,
            la_addr_format(&r->remote.addr, addr), r->remote.port);
    fputs("<span class=\"en\">", out);
    picture_escape(out, la_record_explain(r, text, sizeof text));
    fputs("</span><span class=\"zh\" lang=\"zh-CN\">", out);
    put_record_zh(out, r);
    fputs("</span></li>\n", out);
}
