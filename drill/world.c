/* world.c: the stack of a run, its one interface and its time. */
#include "drill/command.h"
#include "drill/private.h"

#include <errno.h>
#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

static la_ns hook_now(void *ctx)
{
    const struct run *r = ctx;
    return r->now;
}

/* A call can go no further.  While it waits the script goes on, if the script says that it does. */
static int hook_wait(void *ctx, la_ns deadline)
{
    struct run *r = ctx;
    const struct event *e = r->in_call;

    if (!r->running)
        return EINTR;
    if (!e->call.blocks) {
        run_fail(r, e, "%s blocked; a call that may has a time of return: +0...0.5 %s(...)",
                 e->call.name, e->call.name);
        return EINTR;
    }
    bool more = run_step(r, deadline);
    r->in_call = e;
    if (!more)
        run_fail(r, e, "%s never returned: nothing more can happen", e->call.name);
    return r->failed ? EINTR : 0;
}

/* ---- settings ---- */

static void set(struct run *r, enum la_option o, int64_t value)
{
    (void)la_setopt(r->stack, LA_CONN_NONE, o, value, r->now);
}

/* One of a command's steps on a stack that runs. */
static int apply(struct run *r, const struct command_step *step)
{
    switch (step->setting) {
    case SET_TIMESTAMPS:
        set(r, LA_OPT_TIMESTAMPS, step->value);
        break;
    case SET_SACK:
        set(r, LA_OPT_SACK, step->value);
        break;
    case SET_WINDOW_SCALING:
        set(r, LA_OPT_WSCALE, step->value ? -1 : -2);
        break;
    case SET_FIN_TIMEOUT:
        set(r, LA_OPT_FIN_WAIT_2_MS, step->value * 1000);
        break;
    case SET_RETRIES1:
        set(r, LA_OPT_R1, step->value);
        break;
    case SET_RETRIES2:
        set(r, LA_OPT_R2, step->value);
        break;
    case SET_KEEPALIVE_TIME:
        set(r, LA_OPT_KEEPIDLE_MS, step->value * 1000);
        break;
    case SET_KEEPALIVE_INTVL:
        set(r, LA_OPT_KEEPINTVL_MS, step->value * 1000);
        break;
    case SET_KEEPALIVE_PROBES:
        set(r, LA_OPT_KEEPCNT, step->value);
        break;
    case SET_ADDRESS:
        return la_addr_add(r->stack, r->ifx, &step->addr, (unsigned)step->value, r->now);
    case SET_NO_ADDRESS:
        return la_addr_del(r->stack, r->ifx, &step->addr, r->now);
    case SET_SYNCOOKIES: /* decided when the stack began */
    case SET_MAX_SYN_BACKLOG:
    case SET_PORT_RANGE:
    case SET_RMEM:
    case SET_WMEM:
    case SET_NOTHING:
        break;
    }
    return 0;
}

void world_set(struct run *r, const struct event *e)
{
    const char *at = e->text;
    struct command_step step;
    char why[256];

    while (command_next(&at, &step, why) > 0)
        if (apply(r, &step) < 0)
            run_fail(r, e, "the stack refuses this command");
}

/* What a stack and its sockets begin with. */
static void foresee(const struct script *s, struct la_config *cfg, struct so_config *so)
{
    for (const struct event *e = s->events; e && e->kind == EVENT_COMMAND; e = e->next) {
        const char *at = e->text;
        struct command_step step;
        char why[256];

        while (command_next(&at, &step, why) > 0) {
            if (step.setting == SET_SYNCOOKIES)
                cfg->syn_cookies = step.value != 0;
            else if (step.setting == SET_MAX_SYN_BACKLOG)
                cfg->max_embryos = (uint32_t)step.value;
            else if (step.setting == SET_PORT_RANGE) {
                cfg->port_lo = so->port_lo = (uint16_t)step.first;
                cfg->port_hi = so->port_hi = (uint16_t)step.value;
            } else if (step.setting == SET_RMEM)
                so->rcvbuf = (uint32_t)step.value;
            else if (step.setting == SET_WMEM)
                so->sndbuf = (uint32_t)step.value;
        }
    }
}

/* ---- life ---- */

static int add_interface(struct run *r)
{
    const struct script_config *c = &r->s->config;
    const struct la_if_config ifc = {.link = LA_LINK_IP, .mtu = c->mtu, .no_dad = true};
    struct la_addr any = c->v6 ? LA_ADDR_ANY : la_addr_v4(0, 0, 0, 0);
    int rc;

    r->ifx = la_if_add(r->stack, &ifc, r->now);
    if (r->ifx < 0)
        return r->ifx;
    rc = la_addr_add(r->stack, r->ifx, &c->local, c->prefix_len, r->now);
    return rc < 0 ? rc : la_route_add(r->stack, &any, 0, NULL, r->ifx, r->now);
}

bool world_open(struct run *r)
{
    const struct script_config *c = &r->s->config;
    struct la_config cfg;
    struct so_config so = {.hooks = {.ctx = r, .now = hook_now, .wait = hook_wait}};

    la_config_init(&cfg);
    cfg.mem = la_host_memory();
    memset(cfg.secret, 'd', sizeof cfg.secret); /* a script's numbers are relative: any will do */
    if (c->msl)
        cfg.msl = c->msl;
    foresee(r->s, &cfg, &so);
    r->now = RUN_ORIGIN;
    r->sent_end = &r->sent;
    if (la_stack_new(&cfg, r->now, &r->stack) < 0 || so_profile(c->profile, r->stack, &so) < 0) {
        run_fail(r, r->s->events, "no stack can be made");
        return false;
    }
    so.stack = r->stack;
    if (add_interface(r) < 0 || so_new(&so, &r->so) < 0) {
        run_fail(r, r->s->events, "the stack refuses these addresses or this MTU");
        return false;
    }
    return true;
}

void world_close(struct run *r)
{
    struct sent *next;

    r->running = false;
    if (r->so)
        so_free(r->so);
    if (r->stack)
        la_stack_free(r->stack);
    for (struct sent *s = r->sent; s; s = next) {
        next = s->next;
        free(s);
    }
}

/* ---- frames and time ---- */

static void keep(struct run *r, const struct la_frame *f)
{
    struct sent *s = malloc(sizeof *s + f->len);

    if (!s)
        abort();
    la_frame_copy(f, s->bytes);
    s->next = NULL;
    s->at = r->now;
    s->n = f->len;
    *r->sent_end = s;
    r->sent_end = &s->next;
}

void world_pump(struct run *r)
{
    struct la_frame f;

    if (r->held)
        return;
    so_events(r->so);
    while (la_tx(r->stack, r->ifx, &f, r->now))
        keep(r, &f);
}

void world_advance(struct run *r, la_ns until)
{
    for (;;) {
        la_ns next = la_deadline(r->stack);

        if (next == LA_NEVER || next > until)
            break;
        if (next > r->now)
            r->now = next;
        la_expire(r->stack, r->now);
        world_pump(r);
    }
    if (until != LA_NEVER && until > r->now)
        r->now = until;
}

void world_inject(struct run *r, const uint8_t *p, uint32_t n)
{
    const struct la_frame f = {.head = {p, n}, .len = n};

    la_rx(r->stack, r->ifx, &f, r->now);
    world_pump(r);
}
