/* addr.c: addresses as text and back (RFC 4291 §2.2, RFC 5952).
 * Parsing is strict: the whole text is the address, with no scope, no spaces and no octal. */
#include "base/endian.h"
#include <lastack/types.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool la_addr_is_v4(const struct la_addr *a)
{
    return memcmp(a->b, v4_prefix, sizeof v4_prefix) == 0;
}

bool la_addr_is_any(const struct la_addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->b + 12, zero, 4) == 0 &&
           (memcmp(a->b, zero, 12) == 0 || memcmp(a->b, v4_prefix, 12) == 0);
}

bool la_addr_eq(const struct la_addr *a, const struct la_addr *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Dotted quad up to the NUL.  A leading zero is refused: half the world reads it as octal. */
static bool parse_v4(const char *s, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned v = 0;
        int digits = 0;
        for (; *s >= '0' && *s <= '9'; s++) {
            if (++digits > 3 || (digits == 2 && v == 0))
                return false;
            v = v * 10 + (unsigned)(*s - '0');
        }
        if (digits == 0 || v > 255 || *s != (i < 3 ? '.' : '\0'))
            return false;
        out[i] = (uint8_t)v;
        s++;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One group of 1-4 hex digits; returns what follows it, NULL if there is no such group. */
static const char *parse_group(const char *s, uint32_t *v)
{
    int digits = 0;
    int d;

    *v = 0;
    while ((d = hex_digit(*s)) >= 0) {
        if (++digits > 4)
            return NULL;
        *v = *v << 4 | (uint32_t)d;
        s++;
    }
    return digits ? s : NULL;
}

static bool parse_v6(const char *s, uint8_t out[16])
{
    uint8_t b[16] = {0};
    unsigned n = 0;    /* bytes so far */
    unsigned gap = 17; /* bytes before "::", 17: none seen */

    if (s[0] == ':') {
        if (s[1] != ':')
            return false;
        gap = 0;
        s += 2;
    }
    while (*s) {
        uint32_t v;
        const char *end = parse_group(s, &v);

        if (!end || n > 14)
            return false;
        if (*end == '.') {
            if (n > 12 || !parse_v4(s, b + n))
                return false;
            n += 4;
            break;
        }
        put16(b + n, v);
        n += 2;
        s = end;
        if (*s == '\0')
            break;
        if (*s++ != ':')
            return false;
        if (*s == ':') {
            if (gap != 17)
                return false;
            gap = n;
            s++;
        } else if (*s == '\0') {
            return false; /* a lone colon at the end */
        }
    }
    if (gap == 17 ? n != 16 : n > 14) /* "::" stands for at least one group */
        return false;
    if (gap == 17)
        gap = n;
    memset(out, 0, 16);
    memcpy(out, b, gap);
    memcpy(out + 16 - (n - gap), b + gap, n - gap);
    return true;
}

int la_addr_parse(const char *text, struct la_addr *out)
{
    struct la_addr a;

    if (!text || !out)
        return LA_EINVAL;
    memcpy(a.b, v4_prefix, sizeof v4_prefix);
    if (!parse_v4(text, a.b + 12) && !parse_v6(text, a.b))
        return LA_EINVAL;
    *out = a;
    return LA_OK;
}

static char *put_number(char *p, unsigned v, unsigned base)
{
    static const char digit[] = "0123456789abcdef";
    char tmp[8];
    int n = 0;

    do {
        tmp[n++] = digit[v % base];
        v /= base;
    } while (v);
    while (n > 0)
        *p++ = tmp[--n];
    return p;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952 §4.2); *len 0: none. */
static int longest_zeros(const uint8_t *b, int *len)
{
    int at = 8;

    *len = 0;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && get16(b + 2 * (i + n)) == 0)
            n++;
        if (n >= 2 && n > *len) {
            at = i;
            *len = n;
        }
        i += n;
    }
    return at;
}

char *la_addr_format(const struct la_addr *a, char *buf)
{
    char *p = buf;

    if (la_addr_is_v4(a)) {
        for (int i = 12; i < 16; i++) {
            p = put_number(p, a->b[i], 10);
            *p++ = i < 15 ? '.' : '\0';
        }
        return buf;
    }
    int len;
    int at = longest_zeros(a->b, &len);
    for (int i = 0; i < 8; i++) {
        if (i == at) {
            *p++ = ':';
            i += len - 1;
            if (i == 7)
                *p++ = ':';
            continue;
        }
        if (i > 0)
            *p++ = ':';
        p = put_number(p, get16(a->b + 2 * i), 16);
    }
    *p = '\0';
    return buf;
}
