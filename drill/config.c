/* config.c: the --name=value lines of a script, packetdrill's names and defaults. */
#include "drill/parse.h"

#include <stdlib.h>
#include <string.h>

static bool number(const char *text, uint32_t lo, uint32_t hi, uint32_t *out)
{
    uint64_t v = 0;

    if (!*text || strlen(text) > 10 || strspn(text, "0123456789") != strlen(text))
        return false;
    for (; *text; text++)
        v = v * 10 + (uint64_t)(*text - '0');
    *out = (uint32_t)v;
    return v >= lo && v <= hi;
}

static bool port(const char *text, uint16_t *out)
{
    uint32_t v;

    if (!number(text, 1, 65535, &v))
        return false;
    *out = (uint16_t)v;
    return true;
}

/* 255.255.0.0, /16 or 16. */
static bool netmask(const char *text, unsigned max, unsigned *out)
{
    struct la_addr a;
    uint32_t bits = 0, v;

    if (number(text + (*text == '/'), 0, max, &v)) {
        *out = v;
        return true;
    }
    if (la_addr_parse(text, &a) < 0 || !la_addr_is_v4(&a))
        return false;
    for (int i = 12; i < 16; i++)
        bits = bits << 8 | a.b[i];
    for (v = 0; v < 32 && bits & 0x80000000U >> v; v++)
        ;
    *out = v;
    return bits == (v ? UINT32_MAX << (32 - v) : 0) && v <= max;
}

static bool address(const struct script_config *c, const char *text, struct la_addr *out)
{
    return la_addr_parse(text, out) == LA_OK && la_addr_is_v4(out) != c->v6;
}

static bool seconds(const char *text, la_ns *out)
{
    char *end;
    long v = strtol(text, &end, 10);

    *out = LA_SEC((uint64_t)(v > 0 ? v : 0));
    return end != text && v > 0 && v <= 86400 && (!*end || strcmp(end, "s") == 0);
}

static bool profile(const char *text, const char **out)
{
    static const char *const known[] = {"rfc", "linux", "freebsd"};

    for (int i = 0; i < 3; i++)
        if (strcmp(known[i], text) == 0) {
            *out = known[i];
            return true;
        }
    return false;
}

/* The version decides about the other defaults, so it is looked for first. */
static bool ip_version(struct script_config *c, const char *text)
{
    static const char *const names[] = {"ipv4", "ipv6", "ipv4-mapped-ipv6"};

    c->mapped = strcmp(text, names[2]) == 0;
    c->v6 = strcmp(text, names[1]) == 0;
    la_addr_parse(c->v6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1", &c->local);
    la_addr_parse(c->v6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1", &c->remote);
    la_addr_parse(c->v6 ? "fd3d:0a0b:17d6:8888::1" : "192.168.0.2", &c->gateway);
    c->prefix_len = c->v6 ? 48 : 16;
    return c->mapped || c->v6 || strcmp(text, names[0]) == 0;
}

/* 1: done; 0: the value is none; -1: there is no such option; -2: packetdrill's, but not here. */
static int set(struct script_config *c, const char *name, const char *value)
{
    static const char *const foreign[] = {
        "so_filename",      "so_flags",        "speed",           "persistent_tun_dev",
        "non_fatal",        "strict_segments", "init_scripts",    "wire_client",
        "wire_server",      "wire_server_ip",  "send_omit_free",  "tolerance_percent",
        "code_command",     "code_format",     "code_sockopt",    "live_local_ip",
        "wire_server_port", "wire_client_dev", "wire_server_dev", "dry_run",
        "verbose",          "debug",           "tun_dev"};
    uint32_t us;

    if (strcmp(name, "ip_version") == 0)
        return 1; /* was done first */
    if (strcmp(name, "mtu") == 0)
        return number(value, 68, 65535, &c->mtu);
    if (strcmp(name, "bind_port") == 0)
        return port(value, &c->bind_port);
    if (strcmp(name, "connect_port") == 0)
        return port(value, &c->connect_port);
    if (strcmp(name, "local_ip") == 0)
        return address(c, value, &c->local);
    if (strcmp(name, "remote_ip") == 0)
        return address(c, value, &c->remote);
    if (strcmp(name, "gateway_ip") == 0)
        return address(c, value, &c->gateway);
    if (strcmp(name, "netmask_ip") == 0)
        return netmask(value, c->v6 ? 128 : 32, &c->prefix_len);
    if (strcmp(name, "msl") == 0)
        return seconds(value, &c->msl);
    if (strcmp(name, "profile") == 0)
        return profile(value, &c->profile);
    if (strcmp(name, "tolerance_usecs") == 0 || strcmp(name, "tcp_ts_tick_usecs") == 0) {
        la_ns *to = name[1] == 'o' ? &c->tolerance : &c->ts_tick;
        if (!number(value, 0, 1000000000, &us))
            return 0;
        *to = LA_USEC((uint64_t)us);
        return 1;
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (strcmp(foreign[i], name) == 0)
            return -2;
    return -1;
}

static void apply(struct parse *p, const struct script_option *o)
{
    int rc = set(&p->script->config, o->name, o->value);

    if (rc == 0)
        p_fail(p, o->at, "--%.40s cannot be '%.60s'", o->name, o->value);
    else if (rc == -1)
        p_fail(p, o->at, "no option is called --%.60s", o->name);
    else if (rc == -2)
        p_fail(p, o->at, "packetdrill's option --%.60s is not supported", o->name);
}

void config_make(struct parse *p)
{
    struct script_config *c = &p->script->config;
    const struct script_option *lists[] = {p->script->options, p->outside->options};

    *c = (struct script_config){.bind_port = 8080,
                                .connect_port = 8080,
                                .mtu = 1500,
                                .profile = "rfc",
                                .tolerance = LA_MSEC(4)};
    ip_version(c, "ipv4");
    for (int i = 0; i < 2; i++)
        for (const struct script_option *o = lists[i]; o; o = o->next)
            if (strcmp(o->name, "ip_version") == 0 && !ip_version(c, o->value))
                p_fail(p, o->at, "--ip_version is ipv4, ipv6 or ipv4-mapped-ipv6, and not '%.60s'",
                       o->value);
    for (int i = 0; i < 2; i++)
        for (const struct script_option *o = lists[i]; o; o = o->next)
            apply(p, o);
    if (c->v6 && c->mtu < 1280)
        p_fail(p, p->here, "IPv6 needs an MTU of 1280 at least");
}

static const char *takes_what(const struct script_config *c, const char *name, bool family)
{
    if (strcmp(name, "ip_version") == 0)
        return "ipv4, ipv6 or ipv4-mapped-ipv6";
    if (strcmp(name, "profile") == 0)
        return "rfc, linux or freebsd";
    if (strcmp(name, "mtu") == 0)
        return family && c->v6 ? "a number from 1280 to 65535" : "a number from 68 to 65535";
    if (strcmp(name, "tolerance_usecs") == 0)
        return "a number from 0 to 1000000000";
    if (strstr(name, "_port"))
        return "a number from 1 to 65535";
    return !family ? "an address" : c->v6 ? "an IPv6 address" : "an IPv4 address";
}

const struct script_option *script_option_wrong(const struct script_option *options,
                                                const char **takes)
{
    struct script_config c = {0};
    struct la_addr a;
    bool family = false; /* else each script says for which it is */

    for (const struct script_option *o = options; o; o = o->next)
        if (strcmp(o->name, "ip_version") == 0) {
            family = true;
            if (!ip_version(&c, o->value)) {
                *takes = takes_what(&c, o->name, family);
                return o;
            }
        }
    for (const struct script_option *o = options; o; o = o->next) {
        bool address = strstr(o->name, "_ip") != NULL;
        bool ok = address && !family ? la_addr_parse(o->value, &a) == LA_OK
                                     : set(&c, o->name, o->value) == 1;

        *takes = takes_what(&c, o->name, family);
        if (!ok || (family && c.v6 && c.mtu && c.mtu < 1280))
            return o;
    }
    return NULL;
}

void p_option(struct parse *p, struct place at, const char *name, const char *value)
{
    struct script_option *o = script_alloc(p->script, sizeof *o);

    *o = (struct script_option){name, value, at, NULL};
    if (p->last_option)
        p->last_option->next = o;
    else
        p->script->options = o;
    p->last_option = o;
}
