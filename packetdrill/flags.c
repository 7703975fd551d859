/* flags.c: the text of --so_flags, field by field. */
#include "packetdrill/flags.h"
#include <lastack/host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN                                                                                      \
    "local=ADDR/LEN, gateway=ADDR, mtu=BYTES, msl=TIME, profile=linux|freebsd|rfc, tso=SEGMENTS, " \
    "pcap=FILE, sysctl=DIR|off, tcp_NAME=VALUE"

struct text {
    char *err;
    size_t n;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(t->err, t->n, fmt, args);
    va_end(args);
    return false;
}

static bool copy(const struct text *t, const char *key, const char *value, char *to, size_t n)
{
    if (strlen(value) >= n)
        return fail(t, "%s=%s: longer than %zu bytes", key, value, n - 1);
    memcpy(to, value, strlen(value) + 1);
    return true;
}

static bool local(const struct text *t, const char *value, struct flags *f)
{
    if (f->nlocal == FLAGS_ADDRS)
        return fail(t, "local=%s: more than %d addresses", value, FLAGS_ADDRS);
    if (la_host_parse_prefix(value, &f->local[f->nlocal], &f->prefix[f->nlocal]) != LA_OK)
        return fail(t, "local=%s: not an address with a prefix length, as in 192.168.0.1/16",
                    value);
    f->nlocal++;
    return true;
}

static bool gateway(const struct text *t, const char *value, struct flags *f)
{
    struct la_addr a;
    if (la_addr_parse(value, &a) != LA_OK)
        return fail(t, "gateway=%s: not an address", value);
    for (unsigned i = 0; i < f->ngateway; i++)
        if (la_addr_is_v4(&f->gateway[i]) == la_addr_is_v4(&a))
            return fail(t, "gateway=%s: there is one of this family already", value);
    f->gateway[f->ngateway++] = a;
    return true;
}

static bool number(const struct text *t, const char *key, const char *value, unsigned long lo,
                   uint32_t *to)
{
    char *end;
    unsigned long v = strtoul(value, &end, 10);
    if (end == value || *end || v < lo || v > 65535)
        return fail(t, "%s=%s: not a number from %lu to 65535", key, value, lo);
    *to = (uint32_t)v;
    return true;
}

static bool msl(const struct text *t, const char *value, struct flags *f)
{
    char *end;
    unsigned long v = strtoul(value, &end, 10);
    la_ns unit = strcmp(end, "ms") == 0 ? LA_MSEC(1) : LA_SEC(1);
    if (end == value || (*end && strcmp(end, "s") != 0 && strcmp(end, "ms") != 0) || v == 0 ||
        v > 900000 || v * unit > LA_SEC(900))
        return fail(t, "msl=%s: not a time from 1ms to 900s", value);
    f->msl = v * unit;
    return true;
}

static bool profile(const struct text *t, const char *value, struct flags *f)
{
    if (strcmp(value, "linux") != 0 && strcmp(value, "freebsd") != 0 && strcmp(value, "rfc") != 0)
        return fail(t, "profile=%s: linux, freebsd or rfc", value);
    return copy(t, "profile", value, f->profile, sizeof f->profile);
}

static bool setting(const struct text *t, const char *name, const char *value, struct flags *f)
{
    if (f->nsettings == FLAGS_SETTINGS)
        return fail(t, "%s: more than %d settings", name, FLAGS_SETTINGS);
    struct flag_setting *s = &f->settings[f->nsettings++];
    return copy(t, name, name, s->name, sizeof s->name) &&
           copy(t, name, value, s->value, sizeof s->value);
}

static bool field(const struct text *t, char *word, struct flags *f)
{
    char *value = strchr(word, '=');
    if (!value)
        return fail(t, "%s: no value; known are " KNOWN, word);
    *value++ = '\0';
    if (strcmp(word, "local") == 0)
        return local(t, value, f);
    if (strcmp(word, "gateway") == 0)
        return gateway(t, value, f);
    if (strcmp(word, "mtu") == 0)
        return number(t, word, value, 68, &f->mtu);
    if (strcmp(word, "tso") == 0)
        return number(t, word, value, 1, &f->tso);
    if (strcmp(word, "msl") == 0)
        return msl(t, value, f);
    if (strcmp(word, "profile") == 0)
        return profile(t, value, f);
    if (strcmp(word, "pcap") == 0)
        return copy(t, word, value, f->pcap, sizeof f->pcap);
    if (strcmp(word, "sysctl") == 0)
        return copy(t, word, value, f->sysctl, sizeof f->sysctl);
    if (strncmp(word, "tcp_", 4) == 0)
        return setting(t, word, value, f);
    return fail(t, "%s: not a flag; known are " KNOWN, word);
}

bool flags_parse(const char *text, struct flags *f, char *err, size_t n)
{
    struct text t = {err, n};
    memset(f, 0, sizeof *f);
    memcpy(f->profile, "linux", sizeof "linux");
    char *all = strdup(text ? text : ""), *rest = all, *word;
    bool ok = all != NULL || fail(&t, "out of memory");
    while (ok && (word = strsep(&rest, ",")))
        ok = !*word || field(&t, word, f);
    free(all);
    return ok;
}
