/* segment.c: segments that the stack sent as a script would write them, and the text of both. */
#include "drill/segment.h"
#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

/* One option at p, of n bytes; its length, 0 if it has none. */
static uint32_t read_option(const uint8_t *p, uint32_t n, struct tcp_option *o)
{
    uint32_t len = n > 1 ? p[1] : 0;

    *o = (struct tcp_option){.kind = *p == 1 ? DRILL_OPT_NOP : DRILL_OPT_EOL};
    if (*p <= 1)
        return 1;
    if (len < 2 || len > n)
        return 0;
    o->kind = DRILL_OPT_RAW;
    o->nbytes = (uint8_t)len;
    memcpy(o->bytes, p, len);
    if (*p == 2 && len == 4) {
        o->kind = DRILL_OPT_MSS;
        o->value = get16(p + 2);
    } else if (*p == 3 && len == 3) {
        o->kind = DRILL_OPT_WSCALE;
        o->value = p[2];
    } else if (*p == 4 && len == 2) {
        o->kind = DRILL_OPT_SACKOK;
    } else if (*p == 5 && len >= 10 && len <= 34 && len % 8 == 2) {
        o->kind = DRILL_OPT_SACK;
        o->nsack = (uint8_t)(len / 8);
        for (int i = 0; i < o->nsack; i++) {
            o->sack[i][0] = get32(p + 2 + 8 * i);
            o->sack[i][1] = get32(p + 6 + 8 * i);
        }
    } else if (*p == 8 && len == 10) {
        o->kind = DRILL_OPT_TS;
        o->value = get32(p + 2);
        o->ecr = get32(p + 6);
    } else if (*p == 34) {
        o->kind = DRILL_OPT_FO;
        o->nbytes = (uint8_t)(len - 2);
        memcpy(o->bytes, p + 2, len - 2);
        return len;
    } else {
        return len;
    }
    o->nbytes = 0;
    return len;
}

static const char *read_options(const uint8_t *p, uint32_t n, struct live *l)
{
    struct tcp_option **link = &l->packet.tcp.option;
    unsigned k = 0;

    l->packet.tcp.options = n ? DRILL_THESE_OPTIONS : DRILL_NO_OPTIONS;
    while (n && k < LIVE_OPTIONS) {
        uint32_t len = read_option(p, n, &l->option[k]);

        if (!len)
            return "its options are malformed";
        *link = &l->option[k];
        link = &l->option[k++].next;
        if (*p == 0)
            break; /* the rest is padding */
        p += len;
        n -= len;
    }
    return NULL;
}

bool segment_parse(const struct sent *s, struct live *out, const char **bad)
{
    struct ip_hdr ip;
    struct tcp_hdr h;
    uint16_t bad_at;
    uint8_t bad_code;
    bool v6 = s->n && s->bytes[0] >> 4 == 6;
    enum ip_bad why = v6 ? ipv6_parse(s->bytes, s->n, s->n, &ip, &bad_at, &bad_code)
                         : ipv4_parse(s->bytes, s->n, s->n, false, &ip);
    const uint8_t *tcp = s->bytes + (why == IP_OK ? ip.hlen : 0);
    uint32_t n;
    struct tcp_spec *t = &out->packet.tcp;

    *bad = NULL;
    memset(out, 0, sizeof *out);
    out->at = s->at;
    if (why != IP_OK) {
        *bad = "its IP header is malformed";
        return true;
    }
    if (ip.proto != IP_TCP || ip.fragment)
        return false;
    n = ip.total - ip.hlen;
    if (!tcp_parse(tcp, n, &h)) {
        *bad = "its TCP header is malformed";
        return true;
    }
    struct csum sum = csum_pseudo(&ip.src, &ip.dst, IP_TCP, n);
    csum_add(&sum, tcp, n);
    if (csum_fold(&sum) != 0xffff)
        *bad = "its checksum is wrong";
    if (ip.options)
        *bad = "it has IP options";
    out->sport = h.sport;
    out->dport = h.dport;
    out->raw_seq = h.seq.v;
    out->payload = tcp + h.hlen;
    out->packet.ip =
        (struct ip_info){.ecn = (enum drill_ecn[]){DRILL_ECN_NOT, DRILL_ECN_ECT1, DRILL_ECN_ECT0,
                                                   DRILL_ECN_CE}[ip.tos & 3],
                         .tos = ip.tos,
                         .ttl = ip.ttl,
                         .flow = ip.flow,
                         .df = ip.df,
                         .id = ip.id,
                         .src = ip.src,
                         .dst = ip.dst};
    t->flags = h.flags;
    t->has_ack = h.flags & TCP_ACK;
    t->has_win = true;
    t->has_urg = h.flags & TCP_URG;
    t->ack = h.ack.v;
    t->win = h.wnd;
    t->urg = h.up;
    t->seq = (struct seg_numbers){h.seq.v, h.seq.v + n - h.hlen, n - h.hlen};
    const char *options = read_options(tcp + TCP_HLEN, h.hlen - TCP_HLEN, out);
    *bad = *bad ? *bad : options;
    return true;
}

void segment_map(struct live *l, struct flow *f, const struct packet *want)
{
    struct tcp_spec *t = &l->packet.tcp;
    bool syn = t->flags & TCP_SYN;

    if (syn && (want->tcp.flags & TCP_SYN) &&
        (!f->isn_known || (f->isn_due && l->raw_seq != flow_live(f, want->tcp.seq.start)))) {
        f->had_isn = f->isn_known;
        f->old_live = f->isn_live;
        f->old_script = f->isn_script;
        f->isn_known = true;
        f->isn_due = false;
        f->isn_live = l->raw_seq;
        f->isn_script = want->tcp.seq.start;
    }
    /* A RST that answers a segment without ACK is <SEQ=0>, whatever our ISN was. */
    if (f->isn_known && !((t->flags & TCP_RST) && l->raw_seq == 0)) {
        t->seq.start = l->raw_seq - f->isn_live + f->isn_script;
        if (f->had_isn && l->raw_seq - f->old_live + f->old_script == want->tcp.seq.start)
            t->seq.start = want->tcp.seq.start;
        t->seq.end = t->seq.start + t->seq.len;
    }
    for (const struct tcp_option *o = t->option; o; o = o->next)
        if (o->kind == DRILL_OPT_TS)
            f->tsval = o->value;
}

/* ---- text ---- */

struct text {
    char *p;
    size_t n, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->p + t->used, t->n - t->used, fmt, ap);
    va_end(ap);
    t->used += n > 0 ? (size_t)n : 0;
    t->used = t->used >= t->n ? t->n - 1 : t->used;
}

static void put_bytes(struct text *t, const struct tcp_option *o)
{
    for (int i = 0; i < o->nbytes; i++)
        put(t, "%02x", o->bytes[i]);
}

static void option_text(struct text *t, const struct tcp_option *o)
{
    switch (o->kind) {
    case DRILL_OPT_NOP:
        put(t, "nop");
        return;
    case DRILL_OPT_EOL:
        put(t, "eol");
        return;
    case DRILL_OPT_MSS:
        put(t, "mss %u", o->value);
        return;
    case DRILL_OPT_WSCALE:
        put(t, "wscale %u", o->value);
        return;
    case DRILL_OPT_SACKOK:
        put(t, "sackOK");
        return;
    case DRILL_OPT_SACK:
        put(t, "sack");
        for (int i = 0; i < o->nsack; i++)
            put(t, " %u:%u", o->sack[i][0], o->sack[i][1]);
        return;
    case DRILL_OPT_TS:
        put(t, "TS val %u ecr %u", o->value, o->ecr);
        return;
    case DRILL_OPT_FO:
        put(t, "FO ");
        break;
    case DRILL_OPT_FOEXP:
        put(t, "FOEXP ");
        break;
    case DRILL_OPT_RAW:
        put(t, "raw ");
        break;
    }
    put_bytes(t, o);
}

char *segment_text(const struct packet *p, char *buf, size_t n)
{
    static const char *const ecn[] = {"", "", "[ect0] ", "[ect1] ", "[ect01] ", "[ce] "};
    static const char letters[] = "FSRP.UEW";
    struct text t = {buf, n, 0};
    const struct tcp_spec *s = &p->tcp;

    put(&t, "%c ", p->inbound ? '<' : '>');
    if (p->is_nothing) {
        put(&t, "nothing");
        return buf;
    }
    if (p->is_icmp) {
        if (p->icmp.has_echoed)
            put(&t, "[%u:%u(%u)] ", p->icmp.echoed.start, p->icmp.echoed.end, p->icmp.echoed.len);
        put(&t, "icmp type %u code %u", p->icmp.type, p->icmp.code);
        if (p->icmp.has_mtu)
            put(&t, " mtu %u", p->icmp.mtu);
        return buf;
    }
    put(&t, "%s", ecn[p->ip.ecn]);
    if (s->has_ports)
        put(&t, "%u > %u: ", s->sport, s->dport);
    for (int i = 0; i < 8; i++)
        if (s->flags >> i & 1 && letters[i] != '.')
            put(&t, "%c", letters[i]);
    put(&t, "%s %u:%u(%u)",
        s->flags & TCP_ACK ? "."
        : s->flags         ? ""
                           : "-",
        s->seq.start, s->seq.end, s->seq.len);
    if (s->has_ack)
        put(&t, " ack %u", s->ack);
    if (s->has_win)
        put(&t, " win %u", s->win);
    if (s->has_urg)
        put(&t, " urg %u", s->urg);
    if (s->options == DRILL_ANY_OPTIONS)
        put(&t, " <...>");
    else if (s->option)
        put(&t, " <");
    for (const struct tcp_option *o = s->option; o; o = o->next) {
        option_text(&t, o);
        put(&t, o->next ? "," : ">");
    }
    return buf;
}
