/* segment.c: see segment.h.  Written without the stack's own parsers: what is wrong in those must
 * not look right here. */
#include "sockets/segment.h"
#include <arpa/inet.h>
#include <ctype.h>

static uint8_t last[65536]; /* the last datagram read, for ICMP to quote */
static size_t last_n;

static void put16n(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32n(uint8_t *p, uint32_t v)
{
    put16n(p, v >> 16);
    put16n(p + 2, v);
}

static uint32_t get16n(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t get32n(const uint8_t *p)
{
    return get16n(p) << 16 | get16n(p + 2);
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        s += get16n(p + i);
    if (n & 1)
        s += (uint32_t)(p[n - 1] << 8);
    return s;
}

static uint16_t fold(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

/* ---- text to bytes ---- */

/* "mss 1000", "sackOK", "TS val 1 ecr 2", "nop", "wscale 7", "sack 1:2 3:4"; one without a comma.
 */
static int build_option(struct driver *d, const char *o, uint8_t *p)
{
    unsigned a, b;
    int used;
    if (sscanf(o, "mss %u", &a) == 1) {
        p[0] = 2;
        p[1] = 4;
        put16n(p + 2, a);
        return 4;
    }
    if (strcmp(o, "nop") == 0) {
        p[0] = 1;
        return 1;
    }
    if (strcmp(o, "eol") == 0) {
        p[0] = 0;
        return 1;
    }
    if (strcmp(o, "sackOK") == 0) {
        p[0] = 4;
        p[1] = 2;
        return 2;
    }
    if (sscanf(o, "wscale %u", &a) == 1) {
        p[0] = 3;
        p[1] = 3;
        p[2] = (uint8_t)a;
        return 3;
    }
    if (strncmp(o, "TS", 2) == 0) {
        p[0] = 8;
        p[1] = 10;
        if (sscanf(o, "TS val %u ecr %u", &a, &b) != 2) {
            a = d->ts_now++;
            b = d->tsval;
        }
        put32n(p + 2, a);
        put32n(p + 6, b);
        return 10;
    }
    if (strncmp(o, "sack ", 5) == 0) {
        int n = 2;
        for (o += 5; sscanf(o, "%u:%u%n", &a, &b, &used) == 2; o += used, n += 8) {
            put32n(p + n, d->liss + a);
            put32n(p + n + 4, d->liss + b);
        }
        p[0] = 5;
        p[1] = (uint8_t)n;
        return n;
    }
    return -1;
}

static int build_options(struct driver *d, const char *text, uint8_t *p)
{
    char word[128];
    int n = 0;
    while (*text && *text != '>') {
        size_t k = strcspn(text, ",>");
        if (k >= sizeof word)
            return -1;
        memcpy(word, text, k);
        word[k] = '\0';
        int len = build_option(d, word, p + n);
        if (len < 0)
            return -1;
        n += len;
        text += k + (text[k] == ',');
    }
    while (n & 3)
        p[n++] = 0;
    return n;
}

static uint8_t flag_bits(const char *s, size_t n)
{
    static const char names[] = "FSRP.UEW";
    uint8_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(names, s[i]);
        if (at && *at)
            bits |= (uint8_t)(1U << (at - names));
    }
    return bits;
}

static size_t ip_header(struct driver *d, uint8_t *p, size_t payload, uint8_t proto,
                        uint32_t *pseudo)
{
    if (d->v6) {
        memset(p, 0, 40);
        p[0] = 0x60;
        put16n(p + 4, (uint32_t)payload);
        p[6] = proto;
        p[7] = 64;
        (void)inet_pton(AF_INET6, "2001:db8::1", p + 8);
        (void)inet_pton(AF_INET6, "fd3d::1", p + 24);
        *pseudo = sum(p + 8, 32, proto + (uint32_t)payload);
        return 40;
    }
    memset(p, 0, 20);
    p[0] = 0x45;
    p[1] = d->tos;
    put16n(p + 2, (uint32_t)(20 + payload));
    p[6] = 0x40;
    p[8] = 64;
    p[9] = proto;
    (void)inet_pton(AF_INET, "192.0.2.1", p + 12);
    (void)inet_pton(AF_INET, "192.168.0.1", p + 16);
    put16n(p + 10, fold(sum(p, 20, 0)));
    *pseudo = sum(p + 12, 8, proto + (uint32_t)payload);
    return 20;
}

size_t segment_build(struct driver *d, const char *text, uint8_t *packet, size_t room)
{
    unsigned from, to, len, ack = 0, win = 0, up = 0;
    size_t flags = strcspn(text, " "), ip = d->v6 ? 40 : 20;
    int used = 0;
    uint8_t *t = packet + ip, bits = flag_bits(text, flags);
    const char *s = text + flags, *o = strchr(text, '<');
    uint32_t pseudo;
    if (sscanf(s, " %u:%u(%u)%n", &from, &to, &len, &used) != 3)
        return 0;
    if (to - from != len || len + 100 > room)
        return 0;
    s += used;
    if (sscanf(s, " ack %u%n", &ack, &used) == 1)
        s += used;
    if (sscanf(s, " win %u%n", &win, &used) == 1)
        s += used;
    if (sscanf(s, " urg %u%n", &up, &used) == 1)
        s += used;
    memset(t, 0, 60);
    int opts = o ? build_options(d, o + 1, t + 20) : 0;
    if (opts < 0 || opts > 40)
        return 0;
    put16n(t, d->rport);
    put16n(t + 2, d->lport);
    put32n(t + 4, d->riss + from);
    put32n(t + 8, bits & 16 ? d->liss + ack : 0);
    t[12] = (uint8_t)((20 + opts) << 2);
    t[13] = bits;
    put16n(t + 14, win);
    put16n(t + 18, up);
    for (unsigned i = 0; i < len; i++)
        t[20 + opts + (int)i] = (uint8_t)(from + i);
    size_t n = 20 + (size_t)opts + len;
    (void)ip_header(d, packet, n, 6, &pseudo);
    put16n(t + 16, fold(sum(t, n, pseudo)));
    return ip + n;
}

/* ---- bytes to text ---- */

static void print_options(struct driver *d, const uint8_t *p, size_t n, char *to, size_t room)
{
    size_t at = 0;
    const char *comma = "";
    for (size_t i = 0; i < n && p[i]; comma = ",") {
        size_t len = p[i] == 1 ? 1 : p[i + 1];
        assert_true(len && i + len <= n);
        at += (size_t)snprintf(to + at, room - at, "%s", comma);
        if (p[i] == 1)
            at += (size_t)snprintf(to + at, room - at, "nop");
        else if (p[i] == 2)
            at += (size_t)snprintf(to + at, room - at, "mss %u", get16n(p + i + 2));
        else if (p[i] == 3)
            at += (size_t)snprintf(to + at, room - at, "wscale %u", p[i + 2]);
        else if (p[i] == 4)
            at += (size_t)snprintf(to + at, room - at, "sackOK");
        else if (p[i] == 8) {
            d->tsval = get32n(p + i + 2);
            at += (size_t)snprintf(to + at, room - at, "TS ecr %u", get32n(p + i + 6));
        } else if (p[i] == 5) {
            at += (size_t)snprintf(to + at, room - at, "sack");
            for (size_t k = 2; k < len; k += 8)
                at += (size_t)snprintf(to + at, room - at, " %u:%u", get32n(p + i + k) - d->riss,
                                       get32n(p + i + k + 4) - d->riss);
        } else {
            at += (size_t)snprintf(to + at, room - at, "kind %u", p[i]);
        }
        i += len;
    }
}

static void print_flags(uint8_t bits, char *to)
{
    static const char names[] = "FSRP.UEW";
    for (unsigned i = 0; i < 8; i++)
        if (bits >> i & 1)
            *to++ = names[i];
    *to = '\0';
}

void segment_read(struct driver *d, const uint8_t *packet, size_t n)
{
    bool v6 = packet[0] >> 4 == 6;
    size_t ip = v6 ? 40 : 20;
    const uint8_t *t = packet + ip;
    char flags[9], opts[256] = "";
    memcpy(last, packet, n);
    last_n = n;
    if (n < ip + 20 || packet[v6 ? 6 : 9] != 6) {
        (void)snprintf(d->got, sizeof d->got, "not TCP: protocol %u, %zu bytes", packet[v6 ? 6 : 9],
                       n);
        return;
    }
    d->tos = v6 ? (uint8_t)(packet[0] << 4 | packet[1] >> 4) : packet[1];
    d->ttl = packet[v6 ? 7 : 8];
    size_t len = v6 ? get16n(packet + 4) : get16n(packet + 2) - 20, hlen = (size_t)(t[12] >> 4) * 4;
    uint32_t pseudo =
        v6 ? sum(packet + 8, 32, 6 + (uint32_t)len) : sum(packet + 12, 8, 6 + (uint32_t)len);
    assert_int_equal(n, ip + len);
    assert_int_equal(fold(sum(t, len, pseudo)), 0);
    if (t[13] & 2) { /* our numbers count from here */
        d->liss = get32n(t + 4);
        d->lport = (uint16_t)get16n(t);
        d->rport = (uint16_t)get16n(t + 2);
        d->liss_known = true;
    }
    uint32_t payload = (uint32_t)(len - hlen), seq = get32n(t + 4) - d->liss;
    d->payload_n = payload;
    memcpy(d->payload, t + hlen, payload);
    print_flags(t[13], flags);
    print_options(d, t + 20, hlen - 20, opts, sizeof opts);
    int at = snprintf(d->got, sizeof d->got, "%s %u:%u(%u)", flags, seq, seq + payload, payload);
    if (t[13] & 16)
        at += snprintf(d->got + at, sizeof d->got - (size_t)at, " ack %u", get32n(t + 8) - d->riss);
    at += snprintf(d->got + at, sizeof d->got - (size_t)at, " win %u", get16n(t + 14));
    if (t[13] & 32)
        at += snprintf(d->got + at, sizeof d->got - (size_t)at, " urg %u", get16n(t + 18));
    (void)snprintf(d->got + at, sizeof d->got - (size_t)at, " <%s>", opts);
}

void segment_reread(struct driver *d)
{
    uint8_t copy[sizeof last];
    memcpy(copy, last, last_n);
    segment_read(d, copy, last_n);
}

/* Is the word "NAME ..." of one the same in the other? */
static bool same_part(const char *want, const char *got, const char *name)
{
    const char *w = strstr(want, name), *g = strstr(got, name);
    if (!w)
        return true;
    size_t n = strlen(name) + strspn(w + strlen(name), "0123456789");
    return g && strncmp(w, g, n) == 0 && !isdigit((unsigned char)g[n]);
}

/* Option by option; "TS" matches any timestamps. */
static bool same_options(const char *w, const char *g)
{
    while (*w && *w != '>' && *g && *g != '>') {
        size_t a = strcspn(w, ",>"), b = strcspn(g, ",>");
        bool any_ts = a == 2 && strncmp(w, "TS", 2) == 0 && strncmp(g, "TS ", 3) == 0;
        if (!any_ts && (a != b || strncmp(w, g, a) != 0))
            return false;
        w += a + (w[a] == ',');
        g += b + (g[b] == ',');
    }
    return (*w == '>' || !*w) && (*g == '>' || !*g);
}

bool segment_matches(const char *want, const char *got)
{
    size_t n = strcspn(want, ")") + 1;
    const char *w = strchr(want, '<'), *g = strchr(got, '<');
    bool ack_w = strstr(want, " ack ") != NULL, ack_g = strstr(got, " ack ") != NULL;
    if (strncmp(want, got, n) != 0 || ack_w != ack_g)
        return false;
    return same_part(want, got, " ack ") && same_part(want, got, " win ") &&
           same_part(want, got, " urg ") && (!w || (g && same_options(w + 1, g + 1)));
}

/* ---- ICMP ---- */

size_t segment_icmp(struct driver *d, uint8_t type, uint8_t code, uint32_t mtu, uint8_t *packet)
{
    size_t ip = d->v6 ? 40 : 20, quote = ip + 8, n = 8 + quote;
    uint8_t *m = packet + ip;
    uint32_t pseudo;
    assert_true(last_n >= quote);
    memset(m, 0, 8);
    m[0] = type;
    m[1] = code;
    put32n(m + 4, mtu);
    memcpy(m + 8, last, quote);
    (void)ip_header(d, packet, n, d->v6 ? 58 : 1, &pseudo);
    put16n(m + 2, fold(sum(m, n, d->v6 ? pseudo : 0)));
    return ip + n;
}
