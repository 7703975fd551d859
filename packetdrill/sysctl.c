/* sysctl.c: see sysctl.h. */
#include "packetdrill/sysctl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RMEM_MAX 212992 /* net.core.rmem_max, which bounds windows too */

enum kind {
    PLAIN,       /* an option of the core, in `unit` of its own units */
    SCALING,     /* window scaling or none */
    SYN_RETRIES, /* as a time */
    RMEM,        /* the second of three, in bytes, and the third as a shift */
    WMEM,
    ALWAYS, /* so it is here: `lo` to `hi` */
};

struct row {
    const char *name;
    enum kind kind;
    int64_t lo, hi;
    enum la_option option;
    int64_t unit;
};

static const struct row rows[] = {
    {"tcp_timestamps", PLAIN, 0, 1, LA_OPT_TIMESTAMPS, 1},
    {"tcp_sack", PLAIN, 0, 1, LA_OPT_SACK, 1},
    {"tcp_window_scaling", SCALING, 0, 1, LA_OPT_WSCALE, 1},
    {"tcp_syn_retries", SYN_RETRIES, 1, 127, LA_OPT_SYN_TIMEOUT_MS, 1},
    {"tcp_synack_retries", PLAIN, 0, 16, LA_OPT_SYNACK_RETRIES, 1},
    {"tcp_retries1", PLAIN, 1, 255, LA_OPT_R1, 1},
    {"tcp_retries2", PLAIN, 1, 255, LA_OPT_R2, 1},
    {"tcp_fin_timeout", PLAIN, 1, 100000, LA_OPT_FIN_WAIT_2_MS, 1000},
    {"tcp_keepalive_time", PLAIN, 1, 100000, LA_OPT_KEEPIDLE_MS, 1000},
    {"tcp_keepalive_intvl", PLAIN, 1, 100000, LA_OPT_KEEPINTVL_MS, 1000},
    {"tcp_keepalive_probes", PLAIN, 1, 127, LA_OPT_KEEPCNT, 1},
    {"tcp_invalid_ratelimit", PLAIN, 0, 60000, LA_OPT_CHALLENGE_MS, 1},
    {"tcp_rmem", RMEM, 256, 1 << 30, LA_OPT_WSCALE, 1},
    {"tcp_wmem", WMEM, 256, 1 << 30, LA_OPT_SNDBUF, 1},
    {"tcp_ecn", ALWAYS, 0, 0, LA_OPTIONS, 0},
    {"tcp_fastopen", ALWAYS, 0, 0, LA_OPTIONS, 0},
    {"tcp_dsack", ALWAYS, 1, 1, LA_OPTIONS, 0},
    {"tcp_stdurg", ALWAYS, 0, 0, LA_OPTIONS, 0},
};
#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= SYSCTL_MAX, "struct sysctls has a place for each");

static int set(struct la_stack *s, enum la_option o, int64_t v)
{
    return la_setopt(s, LA_CONN_NONE, o, v, 0) == LA_OK ? 0 : -EINVAL;
}

/* The shift that lets a window of so many bytes be told. */
static int shift_for(int64_t bytes)
{
    int shift = 0;
    if (bytes < RMEM_MAX)
        bytes = RMEM_MAX;
    while (shift < 14 && bytes >> 16 >> shift)
        shift++;
    return shift;
}

static int scaling(struct la_stack *s, bool on)
{
    int64_t now = 0;
    (void)la_getopt(s, LA_CONN_NONE, LA_OPT_WSCALE, &now);
    if (on && now != -2)
        return 0;
    return set(s, LA_OPT_WSCALE, on ? shift_for(6291456) : -2); /* of tcp_rmem by default */
}

static int64_t syn_timeout(int64_t retries)
{
    int64_t ms = 0, wait = 1000;
    for (int64_t i = 0; i <= retries && ms < 1000000; i++) {
        ms += wait;
        wait = wait < 60000 ? wait * 2 : 120000;
    }
    return ms;
}

/* Up to three numbers with blanks between; how many, or 0. */
static int numbers(const char *text, int64_t v[3])
{
    int n = 0;
    char *end;
    while (n < 3) {
        v[n] = strtoll(text, &end, 10);
        if (end == text)
            break;
        n++;
        text = end;
    }
    return text[strspn(text, " \t\n")] ? 0 : n;
}

int sysctl_set(struct la_stack *s, struct sockets *so, const char *name, const char *value)
{
    const struct row *r = rows;
    int64_t v[3];
    while (r < rows + ROWS && strcmp(r->name, name) != 0)
        r++;
    if (r == rows + ROWS)
        return -ENOENT;
    int n = numbers(value, v);
    int64_t it = n == 3 ? v[1] : v[0];
    if ((n != 1 && n != 3) || it < r->lo || it > r->hi)
        return -EINVAL;
    switch (r->kind) {
    case PLAIN:
        return set(s, r->option, it * r->unit);
    case SCALING:
        return scaling(s, it != 0);
    case SYN_RETRIES:
        return set(s, r->option, syn_timeout(it));
    case RMEM:
        so_presets(so, (uint32_t)it, 0);
        return n == 3 ? set(s, r->option, shift_for(v[2])) : 0;
    case WMEM:
        so_presets(so, 0, (uint32_t)it);
        return 0;
    case ALWAYS:
        return 0;
    }
    return 0;
}

/* ---- following the machine's ---- */

static void read_text(const struct sysctls *w, const char *name, char text[SYSCTL_TEXT])
{
    char path[sizeof w->dir + 40];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, SYSCTL_TEXT - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

void sysctl_watch(struct sysctls *w, const char *dir)
{
    (void)snprintf(w->dir, sizeof w->dir, "%s", dir);
    for (unsigned i = 0; *dir && i < ROWS; i++)
        read_text(w, rows[i].name, w->seen[i]);
}

void sysctl_follow(struct sysctls *w, struct la_stack *s, struct sockets *so)
{
    char text[SYSCTL_TEXT];
    for (unsigned i = 0; w->dir[0] && i < ROWS; i++) {
        read_text(w, rows[i].name, text);
        if (!text[0] || strcmp(text, w->seen[i]) == 0)
            continue;
        memcpy(w->seen[i], text, sizeof text);
        (void)sysctl_set(s, so, rows[i].name, text);
    }
}
