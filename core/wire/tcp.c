/* tcp.c: TCP headers and options, to values and back (RFC 9293 §3.1-3.2, RFC 7323, RFC 2018).
 * Bounded: an option list is at most 40 bytes and each step takes at least one. */
#include "wire/tcp.h"
#include "base/endian.h"

enum {
    OPT_EOL = 0,
    OPT_NOP = 1,
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_OK = 4,
    OPT_SACK = 5,
    OPT_TS = 8
};

#define NOP_NOP_TS 0x0101080aU
#define OPTS_MAX (TCP_HLEN_MAX - TCP_HLEN)

bool tcp_parse(const uint8_t *p, uint32_t n, struct tcp_hdr *h)
{
    if (n < TCP_HLEN)
        return false;
    h->sport = get16(p);
    h->dport = get16(p + 2);
    h->seq = seq(get32(p + 4));
    h->ack = seq(get32(p + 8));
    h->hlen = (uint8_t)((p[12] >> 4) * 4);
    h->flags = p[13];
    h->wnd = get16(p + 14);
    h->up = get16(p + 18);
    return h->hlen >= TCP_HLEN && h->hlen <= n;
}

static void read_sack(const uint8_t *p, uint32_t len, struct tcp_opts *o)
{
    uint32_t blocks = (len - 2) / 8;

    if ((len - 2) % 8 != 0)
        return;
    o->nsack = (uint8_t)(blocks < TCP_SACK_MAX ? blocks : TCP_SACK_MAX);
    for (uint32_t i = 0; i < o->nsack; i++) {
        o->sack[i].start = seq(get32(p + 2 + 8 * i));
        o->sack[i].end = seq(get32(p + 6 + 8 * i));
    }
}

/* One option of `len` bytes, kind and length included. */
static void read_option(const uint8_t *p, uint32_t len, bool syn, struct tcp_opts *o)
{
    switch (p[0]) {
    case OPT_MSS:
        if (syn && len == 4) {
            o->has_mss = true;
            o->mss = get16(p + 2);
        }
        break;
    case OPT_WSCALE:
        if (syn && len == 3) {
            o->has_wscale = true;
            o->wscale = p[2];
        }
        break;
    case OPT_SACK_OK:
        if (syn && len == 2)
            o->sack_permitted = true;
        break;
    case OPT_SACK:
        read_sack(p, len, o);
        break;
    case OPT_TS:
        if (len == 10) {
            o->has_ts = true;
            o->tsval = get32(p + 2);
            o->tsecr = get32(p + 6);
        }
        break;
    default: /* MUST-6: unknown kinds are passed over */
        break;
    }
}

bool tcp_opts_parse(const uint8_t *p, uint32_t n, bool syn, struct tcp_opts *o)
{
    uint32_t i = 0;

    *o = (struct tcp_opts){0};
    while (i < n && p[i] != OPT_EOL) {
        if (p[i] == OPT_NOP) {
            i++;
            continue;
        }
        if (n - i < 2 || p[i + 1] < 2 || p[i + 1] > n - i)
            return false;
        read_option(p + i, p[i + 1], syn, o);
        i += p[i + 1];
    }
    return true;
}

bool tcp_opts_only_ts(const uint8_t *p, uint32_t n, uint32_t *tsval, uint32_t *tsecr)
{
    if (n != 12)
        return false;
    if (get32(p) == NOP_NOP_TS) {
        *tsval = get32(p + 4);
        *tsecr = get32(p + 8);
        return true;
    }
    if (p[0] != OPT_TS || p[1] != 10)
        return false;
    if (p[10] != OPT_EOL && (p[10] != OPT_NOP || p[11] > OPT_NOP))
        return false;
    *tsval = get32(p + 2);
    *tsecr = get32(p + 6);
    return true;
}

static uint8_t *put_ts(uint8_t *p, const struct tcp_opts *o)
{
    p[0] = o->sack_permitted ? OPT_SACK_OK : OPT_NOP;
    p[1] = o->sack_permitted ? 2 : OPT_NOP;
    p[2] = OPT_TS;
    p[3] = 10;
    put32(p + 4, o->tsval);
    put32(p + 8, o->tsecr);
    return p + 12;
}

/* As many blocks as the room between p and end takes. */
static uint8_t *put_sack(uint8_t *p, const uint8_t *end, const struct tcp_opts *o)
{
    uint32_t fit = (uint32_t)(end - p - 4) / 8;
    uint32_t n = o->nsack < fit ? o->nsack : fit;

    if (n > TCP_SACK_MAX)
        n = TCP_SACK_MAX;
    p[0] = p[1] = OPT_NOP;
    p[2] = OPT_SACK;
    p[3] = (uint8_t)(2 + 8 * n);
    p += 4;
    for (uint32_t i = 0; i < n; i++, p += 8) {
        put32(p, o->sack[i].start.v);
        put32(p + 4, o->sack[i].end.v);
    }
    return p;
}

static uint8_t *put_wscale(uint8_t *p, const struct tcp_opts *o)
{
    p[0] = OPT_NOP;
    p[1] = OPT_WSCALE;
    p[2] = 3;
    p[3] = o->wscale;
    return p + 4;
}

/* Each part is a multiple of four bytes, so no EOL and no padding is ever needed (MUST-69), and the
 * parts before SACK take 20 bytes at most, so two blocks always fit. */
uint32_t tcp_opts_build(uint8_t p[40], const struct tcp_opts *o)
{
    uint8_t *q = p;

    if (o->has_mss) {
        q[0] = OPT_MSS;
        q[1] = 4;
        put16(q + 2, o->mss);
        q += 4;
    }
    if (o->has_wscale && o->wscale_first)
        q = put_wscale(q, o);
    if (o->has_ts) {
        q = put_ts(q, o);
    } else if (o->sack_permitted) {
        q[0] = q[1] = OPT_NOP;
        q[2] = OPT_SACK_OK;
        q[3] = 2;
        q += 4;
    }
    if (o->has_wscale && !o->wscale_first)
        q = put_wscale(q, o);
    if (o->nsack)
        q = put_sack(q, p + OPTS_MAX, o);
    return (uint32_t)(q - p);
}
