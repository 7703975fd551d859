/* command.c: commands of scripts set up the machine: sysctl and the like.  They are read here, and
 * never given to a shell: what has a counterpart in this stack is set, what holds anyway passes,
 * and everything else is refused. */
#include "drill/command.h"
#include "drill/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
    const char *name;
    enum setting setting;
    int64_t lo, hi; /* of SET_NOTHING: the values that are so here */
};

static const struct known known[] = {
    {"net.ipv4.tcp_timestamps", SET_TIMESTAMPS, 0, 1},
    {"net.ipv4.tcp_sack", SET_SACK, 0, 1},
    {"net.ipv4.tcp_window_scaling", SET_WINDOW_SCALING, 0, 1},
    {"net.ipv4.tcp_syncookies", SET_SYNCOOKIES, 0, 1},
    {"net.ipv4.tcp_fin_timeout", SET_FIN_TIMEOUT, 1, 100000},
    {"net.ipv4.tcp_retries1", SET_RETRIES1, 1, 255},
    {"net.ipv4.tcp_retries2", SET_RETRIES2, 1, 255},
    {"net.ipv4.tcp_keepalive_time", SET_KEEPALIVE_TIME, 1, 100000},
    {"net.ipv4.tcp_keepalive_intvl", SET_KEEPALIVE_INTVL, 1, 100000},
    {"net.ipv4.tcp_keepalive_probes", SET_KEEPALIVE_PROBES, 1, 127},
    {"net.ipv4.tcp_max_syn_backlog", SET_MAX_SYN_BACKLOG, 1, 65536},
    {"net.ipv4.ip_local_port_range", SET_PORT_RANGE, 1, 65535},
    {"net.ipv4.tcp_rmem", SET_RMEM, 256, 1 << 30},
    {"net.ipv4.tcp_wmem", SET_WMEM, 256, 1 << 30},
    {"net.ipv4.tcp_ecn", SET_NOTHING, 0, 0},
    {"net.ipv4.tcp_fastopen", SET_NOTHING, 0, 0},
    {"net.ipv4.tcp_rfc1337", SET_NOTHING, 1, 1},
    {"net.ipv4.tcp_dsack", SET_NOTHING, 1, 1},
    {"net.ipv4.tcp_stdurg", SET_NOTHING, 0, 0},
    {"net.ipv4.tcp_abort_on_overflow", SET_NOTHING, 0, 0},
};

#define BLANKS " \t\r\n"
#define WORD_MAX 80

/* Words end at blanks, and at what ends a command; quotes join, and are taken off. */
static bool word(const char **at, char out[WORD_MAX])
{
    const char *p = *at;
    size_t n = 0;
    char quote = 0;

    p += strspn(p, " \t");
    *at = p;
    for (; *p && (quote || !strchr(BLANKS ";&", *p)); p++) {
        if (*p == quote || (!quote && (*p == '"' || *p == '\'')))
            quote = quote ? 0 : *p;
        else if (n < WORD_MAX - 1)
            out[n++] = *p;
        else
            return false;
    }
    out[n] = 0;
    if (n)
        *at = p;
    return n > 0;
}

static int refuse(char *why, const char *fmt, const char *name)
{
    snprintf(why, 256, fmt, name);
    return -1;
}

/* name=value, as sysctl has it; the triples of tcp_rmem and tcp_wmem give their second, the pair of
 * ip_local_port_range is one setting. */
static int assign(const char *name, const char *value, struct command_step *step, char *why)
{
    char *end;
    int64_t v = strtoll(value, &end, 10), first = v;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct known *k = &known[i];

        if (strcmp(k->name, name) != 0)
            continue;
        if (k->setting == SET_RMEM || k->setting == SET_WMEM) {
            if (*end)
                v = strtoll(end, &end, 10);
            if (*end)
                (void)strtoll(end, &end, 10);
        } else if (k->setting == SET_PORT_RANGE && *end) {
            v = first >= 1 && first <= 65535 ? strtoll(end, &end, 10) : 0;
            v = v < first ? 0 : v;
        }
        if (end == value || *end || v < k->lo || v > k->hi)
            return refuse(why,
                          k->setting == SET_NOTHING ? "this stack cannot set %s so"
                                                    : "that is no value of %s",
                          name);
        *step = (struct command_step){.setting = k->setting, .value = v, .first = first};
        return 1;
    }
    return refuse(why, "the setting %s has no counterpart in this stack", name);
}

static int sysctl(const char **at, struct command_step *step, char *why)
{
    char w[WORD_MAX];
    const char *before = *at;

    while (word(at, w)) {
        char *value = strchr(w, '=');

        if (w[0] == '-' && strspn(w + 1, "qwne") == strlen(w + 1)) {
            before = *at;
            continue;
        }
        if (value) {
            *value++ = 0;
            for (char *c = w; *c; c++)
                if (*c == '/')
                    *c = '.';
            int rc = assign(w, value, step, why);
            if (rc < 0)
                *at = before + strspn(before, BLANKS);
            return rc;
        }
        *at = before + strspn(before, BLANKS);
        return refuse(why, "sysctl takes name=value, and not '%s'", w);
    }
    return refuse(why, "sysctl takes name=value%s", "");
}

/* ip addr add ADDRESS/BITS dev tun0: the one interface, whatever it is called. */
static int ip_addr(const char **at, struct command_step *step, char *why)
{
    char w[5][WORD_MAX], *slash, *end;
    const char *const form = "ip is understood as ip addr add|del ADDRESS/BITS dev NAME%s";
    const char *begin = *at;

    for (int i = 0; i < 5; i++)
        if (!word(at, w[i])) {
            *at = begin;
            return refuse(why, form, "");
        }
    slash = strchr(w[2], '/');
    if (slash)
        *slash++ = 0;
    bool add = strcmp(w[1], "add") == 0;
    *step = (struct command_step){.setting = add ? SET_ADDRESS : SET_NO_ADDRESS};
    step->value = slash ? strtoll(slash, &end, 10) : -1;
    if (strncmp(w[0], "addr", 4) != 0 || (!add && strcmp(w[1], "del") != 0) ||
        la_addr_parse(w[2], &step->addr) < 0 || !slash || *end || step->value < 0 ||
        step->value > (la_addr_is_v4(&step->addr) ? 32 : 128) || strcmp(w[3], "dev") != 0) {
        *at = begin;
        return refuse(why, form, "");
    }
    return 1;
}

int command_next(const char **at, struct command_step *step, char *why)
{
    char w[WORD_MAX];
    const char *begin;

    *at += strspn(*at, BLANKS ";&");
    while (**at == '#') {
        *at += strcspn(*at, "\n");
        *at += strspn(*at, BLANKS ";&");
    }
    if (!**at)
        return 0;
    begin = *at;
    if (word(at, w)) {
        const char *base = strrchr(w, '/');

        base = base ? base + 1 : w;
        if (strncmp(w, "net.", 4) == 0 && strchr(w, '=')) /* one more of a sysctl's settings */
            *at = begin;
        if (strcmp(base, "sysctl") == 0 || *at == begin)
            return sysctl(at, step, why);
        if (strcmp(base, "ip") == 0)
            return ip_addr(at, step, why);
        if (strcmp(base, "true") == 0) {
            *step = (struct command_step){.setting = SET_NOTHING};
            return 1;
        }
    }
    *at = begin;
    return refuse(
        why, "commands are not run here; only sysctl settings, ip addr and true are understood%s",
        "");
}

/* What a stack begins with cannot be changed once it runs. */
static bool too_late(const struct command_step *step, char *why)
{
    bool late = step->setting == SET_SYNCOOKIES || step->setting == SET_MAX_SYN_BACKLOG ||
                step->setting == SET_PORT_RANGE || step->setting == SET_RMEM ||
                step->setting == SET_WMEM;

    if (late)
        refuse(why, "this setting stands before the first event%s", "");
    return late;
}

void check_commands(struct parse *p)
{
    bool begun = false;

    for (const struct event *e = p->script->events; e; e = e->next) {
        const char *at = e->text;
        struct command_step step;
        struct place where = e->text_at;
        char why[256];
        int rc = 0;

        begun |= e->kind != EVENT_COMMAND;
        if (e->kind != EVENT_COMMAND)
            continue;
        while ((rc = command_next(&at, &step, why)) > 0)
            if (begun && too_late(&step, why)) {
                rc = -1;
                at = e->text;
                break;
            }
        if (rc == 0)
            continue;
        for (const char *c = e->text; c < at; c++)
            where = *c == '\n' ? (struct place){where.line + 1, 1}
                               : (struct place){where.line, where.col + 1};
        p_fail(p, where, "%s", why);
    }
}
