/* ladder_words.c: how numbers, flags and times are put into words in the pictures. */
#include "lab/picture/ladder_private.h"

#include <string.h>

char *ladder_flags(uint8_t flags, bool brief, char *buf)
{
    static const struct {
        uint8_t bit;
        char name[4];
    } names[] = {{LA_TCP_SYN, "SYN"}, {LA_TCP_FIN, "FIN"}, {LA_TCP_RST, "RST"},
                 {LA_TCP_URG, "URG"}, {LA_TCP_PSH, "PSH"}, {LA_TCP_ACK, "ACK"},
                 {LA_TCP_ECE, "ECE"}, {LA_TCP_CWR, "CWR"}};
    size_t at = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!(flags & names[i].bit) || (brief && names[i].bit == LA_TCP_PSH))
            continue;
        if (at)
            buf[at++] = ',';
        memcpy(buf + at, names[i].name, 4);
        at += 3;
    }
    if (!at)
        snprintf(buf, LADDER_TEXT, "no flags");
    return buf;
}

/* What lies less than a gibibyte before the SYN is an earlier connection's, and counts down. */
static long long relative(uint32_t n)
{
    return n >= 3U << 30 ? (long long)n - (1LL << 32) : n;
}

bool ladder_is_old(const struct message *m)
{
    return relative(m->info.rel_seq) < 0;
}

char *ladder_label(const struct message *m, int columns, char *buf)
{
    const struct la_trace_seg *g = &m->ev->seg;
    char flags[LADDER_TEXT];
    for (int brief = 0; brief < 2; brief++) {
        int n = snprintf(buf, LADDER_TEXT, "%s", ladder_flags(g->flags, brief, flags));
        bool numbered =
            g->len || (g->flags & (LA_TCP_SYN | LA_TCP_FIN)) || !(g->flags & LA_TCP_ACK);
        if (numbered)
            n += snprintf(buf + n, LADDER_TEXT - (size_t)n, " seq %lld", relative(m->info.rel_seq));
        if (g->flags & LA_TCP_ACK)
            n += snprintf(buf + n, LADDER_TEXT - (size_t)n, " ack %lld", relative(m->info.rel_ack));
        if (g->len)
            n += snprintf(buf + n, LADDER_TEXT - (size_t)n, " len %u", g->len);
        if (n <= columns)
            break;
    }
    return buf;
}

char *ladder_absolute(const struct message *m, char *buf)
{
    const struct la_trace_seg *g = &m->ev->seg;
    bool numbered = g->len || (g->flags & (LA_TCP_SYN | LA_TCP_FIN)) || !(g->flags & LA_TCP_ACK);
    int n = 0;
    buf[0] = '\0';
    if (numbered)
        n = snprintf(buf, LADDER_TEXT, "%u", g->seq);
    if (g->flags & LA_TCP_ACK)
        snprintf(buf + n, LADDER_TEXT - (size_t)n, "%sack %u", n ? " " : "", g->ack);
    return buf;
}

char *ladder_count(uint64_t n, char *buf)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *to = buf;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buf;
}

char *ladder_bytes(uint64_t n, char *buf)
{
    static const char unit[4][4] = {"KiB", "MiB", "GiB", "TiB"};
    char count[32];
    if (n < 10000) {
        snprintf(buf, LADDER_TEXT, "%s byte%s", ladder_count(n, count), n == 1 ? "" : "s");
        return buf;
    }
    int u = 0;
    uint64_t whole = n / 1024, tenth = n % 1024 * 10 / 1024;
    while (whole >= 1024 && u < 3) {
        tenth = whole % 1024 * 10 / 1024;
        whole /= 1024;
        u++;
    }
    snprintf(buf, LADDER_TEXT, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)tenth,
             unit[u]);
    return buf;
}

char *ladder_span(la_ns span, char *buf)
{
    unsigned long long us = span / 1000;
    if (us < 1000)
        snprintf(buf, LADDER_TEXT, "%llu us", us);
    else if (us < 1000000)
        snprintf(buf, LADDER_TEXT, "%llu.%llu ms", us / 1000, us % 1000 / 100);
    else
        snprintf(buf, LADDER_TEXT, "%llu.%03llu s", us / 1000000, us % 1000000 / 1000);
    return buf;
}

char *ladder_time(la_ns at, char *buf)
{
    unsigned long long us = at / 1000;
    if (us < 1000000000ULL)
        snprintf(buf, LADDER_TEXT, "%llu.%06llu", us / 1000000, us % 1000000);
    else
        snprintf(buf, LADDER_TEXT, "%llu.%03llu", us / 1000000, us % 1000000 / 1000);
    return buf;
}

char *ladder_short_time(la_ns at, char *buf)
{
    unsigned long long ms = at / 1000000;
    if (ms < 10000000)
        snprintf(buf, LADDER_TEXT, "%llu.%03llu", ms / 1000, ms % 1000);
    else
        snprintf(buf, LADDER_TEXT, "%llu.%llu", ms / 1000, ms % 1000 / 100);
    return buf;
}

char *ladder_exact(la_ns at, char *buf)
{
    unsigned long long s = at / 1000000000, ns = at % 1000000000;
    snprintf(buf, LADDER_TEXT, "%llu.%09llu", s, ns);
    return buf;
}

struct words ladder_timer(enum la_timer_kind k)
{
    switch (k) {
    case LA_TIMER_NONE:
        break;
    case LA_TIMER_RTO:
        return (struct words){"no answer in time: send again", "超时未应答：重传"};
    case LA_TIMER_PERSIST:
        return (struct words){"window still closed: probe", "窗口仍为零：探测"};
    case LA_TIMER_DELACK:
        return (struct words){"delayed ACK is due", "延迟确认到时"};
    case LA_TIMER_KEEPALIVE:
        return (struct words){"silent too long: keep-alive", "久无消息：保活"};
    case LA_TIMER_FIN_WAIT_2:
        return (struct words){"FIN-WAIT-2 limit", "FIN-WAIT-2 到时"};
    case LA_TIMER_TIME_WAIT:
        return (struct words){"2MSL is over", "2MSL 结束"};
    case LA_TIMER_USER:
        return (struct words){"user timeout", "用户超时"};
    }
    return (struct words){"timer", "计时器"};
}

char *ladder_elided_zh(const struct row *r, int side, char *buf)
{
    char number[LADDER_TEXT];
    int n = 0;
    buf[0] = '\0';
    if (r->count[side].data) {
        n += snprintf(buf, LADDER_TEXT, "%s 个数据段，", ladder_count(r->count[side].data, number));
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, "%s",
                      ladder_bytes(r->count[side].bytes, number));
    }
    if (r->count[side].acks)
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, "%s%s 个 ACK", n ? "，" : "",
                      ladder_count(r->count[side].acks, number));
    if (r->count[side].again)
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, "；重发 %s",
                      ladder_count(r->count[side].again, number));
    if (r->count[side].lost)
        snprintf(buf + n, LADDER_TEXT - (size_t)n, "；丢失 %s",
                 ladder_count(r->count[side].lost, number));
    return buf;
}

char *ladder_elided(const struct row *r, int side, char *buf)
{
    char number[LADDER_TEXT];
    int n = 0;
    buf[0] = '\0';
    if (r->count[side].data) {
        n += snprintf(buf, LADDER_TEXT, "%s segment%s", ladder_count(r->count[side].data, number),
                      r->count[side].data == 1 ? "" : "s");
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, ", %s",
                      ladder_bytes(r->count[side].bytes, number));
    }
    if (r->count[side].acks)
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, "%s%s ACK%s", n ? ", " : "",
                      ladder_count(r->count[side].acks, number),
                      r->count[side].acks == 1 ? "" : "s");
    if (r->count[side].again)
        n += snprintf(buf + n, LADDER_TEXT - (size_t)n, "; %s again",
                      ladder_count(r->count[side].again, number));
    if (r->count[side].lost)
        snprintf(buf + n, LADDER_TEXT - (size_t)n, "; %s lost",
                 ladder_count(r->count[side].lost, number));
    return buf;
}
