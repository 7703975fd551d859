/* machine.c: what a stack's configuration wants from the machine (memory, entropy, a clock), and
 * the small texts that programs on it share. */
#include "private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int host_fail(struct la_host_error *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return code;
}

static void *host_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void host_free(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

struct la_memory la_host_memory(void)
{
    return (struct la_memory){.alloc = host_alloc, .free = host_free};
}

int la_host_entropy(uint8_t out[32])
{
    size_t got = 0;

    while (got < 32) {
        ssize_t n = getrandom(out + got, 32 - got, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return LA_EOPNOTSUPP;
        got += (size_t)n;
    }
    return LA_OK;
}

la_ns la_host_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return LA_SEC(ts.tv_sec) + (la_ns)ts.tv_nsec;
}

int la_host_parse_prefix(const char *text, struct la_addr *addr, unsigned *prefix_len)
{
    char head[LA_ADDR_STRLEN];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    unsigned len = 0;

    if (n == 0 || n >= sizeof head)
        return LA_EINVAL;
    memcpy(head, text, n);
    head[n] = '\0';
    if (la_addr_parse(head, addr) < 0)
        return LA_EINVAL;

    unsigned most = la_addr_is_v4(addr) ? 32 : 128;
    if (!slash) {
        *prefix_len = most;
        return LA_OK;
    }
    if (!slash[1] || strlen(slash + 1) > 3)
        return LA_EINVAL;
    for (const char *p = slash + 1; *p; p++) {
        if (*p < '0' || *p > '9')
            return LA_EINVAL;
        len = len * 10 + (unsigned)(*p - '0');
    }
    if (len > most)
        return LA_EINVAL;
    *prefix_len = len;
    return LA_OK;
}

char *la_host_endpoint(const struct la_endpoint *e, char *buf)
{
    char addr[LA_ADDR_STRLEN];
    bool v6 = !la_addr_is_v4(&e->addr);

    la_addr_format(&e->addr, addr);
    snprintf(buf, LA_HOST_ENDPOINT_STRLEN, v6 ? "[%s]:%u" : "%s:%u", addr, (unsigned)e->port);
    return buf;
}
