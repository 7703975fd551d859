/* open.c: device, stack, addresses, routes, capture and loop from one configuration. */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct la_host {
    struct la_stack *stack;
    struct la_dev *dev;
    struct la_loop *loop;
    struct la_pcap *pcap;
    int ifx;
    la_ns origin;
    struct la_tracers tracers;
    struct la_tracer to_pcap, to_log, to_user;
    struct la_addr addr[2]; /* as configured, waited for by la_host_ready */
    unsigned prefix[2];
    int naddr;
    bool slaac;
};

struct la_stack *la_host_stack(struct la_host *h)
{
    return h->stack;
}

struct la_loop *la_host_loop(struct la_host *h)
{
    return h->loop;
}

struct la_dev *la_host_dev(struct la_host *h)
{
    return h->dev;
}

int la_host_ifx(const struct la_host *h)
{
    return h->ifx;
}

/* ---- traces ---- */

static void trace_pcap(void *ctx, const struct la_trace *ev)
{
    la_pcap_trace(ctx, ev);
}

static void trace_log(void *ctx, const struct la_trace *ev)
{
    const struct la_host *h = ctx;
    char line[512];

    fprintf(stderr, "%s\n", la_trace_format(ev, h->origin, line, sizeof line));
}

static int open_traces(struct la_host *h, const struct la_host_config *cfg, struct la_config *c,
                       struct la_host_error *err)
{
    struct timespec ts;

    if (cfg->pcap) {
        clock_gettime(CLOCK_REALTIME, &ts);
        la_ns wall = LA_SEC(ts.tv_sec) + (la_ns)ts.tv_nsec;
        int rc = la_pcap_open(cfg->pcap, wall - la_host_now(), &h->pcap, err);
        if (rc < 0)
            return rc;
        h->to_pcap = (struct la_tracer){.fn = trace_pcap, .ctx = h->pcap};
        la_tracers_add(&h->tracers, &h->to_pcap);
    }
    if (cfg->trace) {
        h->to_log = (struct la_tracer){.fn = trace_log, .ctx = h};
        la_tracers_add(&h->tracers, &h->to_log);
    }
    if (cfg->on_trace) {
        h->to_user = (struct la_tracer){.fn = cfg->on_trace, .ctx = cfg->trace_ctx};
        la_tracers_add(&h->tracers, &h->to_user);
    }
    if (h->tracers.first) {
        c->trace = la_tracers_fire;
        c->trace_ctx = &h->tracers;
    }
    return LA_OK;
}

/* ---- the stack ---- */

static int open_stack(struct la_host *h, const struct la_host_config *cfg,
                      struct la_host_error *err)
{
    struct la_config c;
    int rc;

    la_config_init(&c);
    c.mem = la_host_memory();
    if (la_host_entropy(c.secret) < 0)
        return host_fail(err, LA_EOPNOTSUPP, "no random bytes from the kernel: %s",
                         strerror(errno));
    if (cfg->msl)
        c.msl = cfg->msl;
    if (cfg->tune)
        cfg->tune(cfg->tune_ctx, &c);
    if ((rc = open_traces(h, cfg, &c, err)) < 0)
        return rc;
    rc = la_stack_new(&c, h->origin, &h->stack);
    if (rc < 0)
        return host_fail(err, rc, "cannot make a stack: %s", la_strerror(rc));
    rc = la_loop_new(h->stack, &h->loop);
    return rc < 0 ? host_fail(err, rc, "cannot make an event loop: %s", strerror(errno)) : LA_OK;
}

static int open_device(struct la_host *h, const struct la_host_config *cfg,
                       struct la_host_error *err)
{
    struct la_dev_config dc = {.no_offload = cfg->no_offload, .mtu = cfg->mtu};

    if (cfg->dev && strncmp(cfg->dev, "tap:", 4) == 0)
        dc.kind = LA_DEV_TAP;
    else if (cfg->dev && strncmp(cfg->dev, "tun:", 4) == 0)
        dc.kind = LA_DEV_TUN;
    else
        return host_fail(err, LA_EINVAL,
                         "a device is tap:NAME or tun:NAME, like tap:tap0, not '%.40s'",
                         cfg->dev ? cfg->dev : "");
    dc.name = cfg->dev + 4;
    return la_dev_open(&dc, &h->dev, err);
}

static int add_interface(struct la_host *h, const struct la_host_config *cfg,
                         struct la_host_error *err)
{
    struct la_if_config ic;
    int rc;

    la_dev_if_config(h->dev, &ic);
    ic.no_dad = cfg->no_dad;
    ic.slaac = h->slaac = cfg->slaac;
    h->ifx = la_if_add(h->stack, &ic, la_host_now());
    if (h->ifx < 0)
        return host_fail(err, h->ifx, "the stack does not take %s: %s", la_dev_name(h->dev),
                         la_strerror(h->ifx));
    rc = la_loop_dev_add(h->loop, h->dev, h->ifx, h->pcap);
    return rc < 0 ? host_fail(err, rc, "cannot watch %s: %s", la_dev_name(h->dev), la_strerror(rc))
                  : LA_OK;
}

/* ---- addresses and routes ---- */

static int read_prefix(const char *text, bool v6, struct la_addr *a, unsigned *len,
                       struct la_host_error *err)
{
    if (la_host_parse_prefix(text, a, len) < 0 || la_addr_is_v4(a) == v6)
        return host_fail(err, LA_EINVAL,
                         "'%.50s' is no IPv%c address with a prefix length, like %s", text,
                         v6 ? '6' : '4', v6 ? "fd77::2/64" : "10.77.0.2/24");
    return LA_OK;
}

static int add_addr(struct la_host *h, const char *text, bool v6, struct la_host_error *err)
{
    struct la_addr a;
    unsigned len;
    int rc;

    if (!text)
        return LA_OK;
    if ((rc = read_prefix(text, v6, &a, &len, err)) < 0)
        return rc;
    rc = la_addr_add(h->stack, h->ifx, &a, len, la_host_now());
    if (rc < 0)
        return host_fail(err, rc, "the stack does not take the address %.50s: %s%s", text,
                         la_strerror(rc),
                         v6 && h->dev && h->dev->mtu < 1280 ? " (IPv6 needs an MTU of 1280)" : "");
    h->prefix[h->naddr] = len;
    h->addr[h->naddr++] = a;
    return LA_OK;
}

static int add_gateway(struct la_host *h, const char *text, struct la_host_error *err)
{
    struct la_addr gw, any = LA_ADDR_ANY;
    int rc;

    if (!text)
        return LA_OK;
    if (la_addr_parse(text, &gw) < 0)
        return host_fail(err, LA_EINVAL, "'%.50s' is no gateway address, like 10.77.0.1", text);
    if (la_addr_is_v4(&gw))
        any = la_addr_v4(0, 0, 0, 0);
    rc = la_route_add(h->stack, &any, 0, &gw, h->ifx, la_host_now());
    return rc < 0 ? host_fail(err, rc, "no route by way of %.50s: %s", text, la_strerror(rc))
                  : LA_OK;
}

static int add_host_addr(struct la_host *h, const char *text, bool v6, bool no_dad,
                         struct la_host_error *err)
{
    const char *name = la_dev_name(h->dev);
    char shown[LA_ADDR_STRLEN];
    struct la_addr a;
    unsigned len;
    int rc;

    if (!text)
        return LA_OK;
    if ((rc = read_prefix(text, v6, &a, &len, err)) < 0)
        return rc;
    for (int i = 0; i < h->naddr; i++)
        if (la_addr_eq(&a, &h->addr[i]))
            return host_fail(err, LA_EINVAL,
                             "%s is this stack's address: give the kernel's side another",
                             la_addr_format(&a, shown));
    rc = netdev_add_addr(name, &a, len, no_dad);
    return rc < 0 ? host_fail(err, LA_EOPNOTSUPP,
                              "cannot give the kernel's side %s (%s): as root type "
                              "ip addr add %.50s dev %s",
                              text, strerror(-rc), text, name)
                  : LA_OK;
}

/* A device whose kernel side has no address answers nobody; say what to type, with the first
 * address of our own network that is not ours. */
static void hint(struct la_host *h, struct la_host_error *err)
{
    const char *name = la_dev_name(h->dev);

    if (!err || err->text[0])
        return;
    for (int i = 0; i < h->naddr; i++) {
        struct la_addr a = h->addr[i];
        char text[LA_ADDR_STRLEN];
        bool v6 = !la_addr_is_v4(&a);

        if (netdev_has_addr(name, v6))
            continue;
        a.b[15] = a.b[15] == 1 ? 2 : 1;
        host_fail(err, 0,
                  "the kernel's side of %s has no IPv%c address: type ip addr add %s/%d dev %s",
                  name, v6 ? '6' : '4', la_addr_format(&a, text), (int)h->prefix[i], name);
        return;
    }
}

static int open_all(struct la_host *h, const struct la_host_config *cfg, struct la_host_error *err)
{
    int rc;

    if ((rc = open_device(h, cfg, err)) < 0 || (rc = open_stack(h, cfg, err)) < 0 ||
        (rc = add_interface(h, cfg, err)) < 0 || (rc = add_addr(h, cfg->addr, false, err)) < 0 ||
        (rc = add_addr(h, cfg->addr6, true, err)) < 0 ||
        (rc = add_gateway(h, cfg->gateway, err)) < 0 ||
        (rc = add_gateway(h, cfg->gateway6, err)) < 0 ||
        (rc = add_host_addr(h, cfg->host_addr, false, cfg->no_dad, err)) < 0 ||
        (rc = add_host_addr(h, cfg->host_addr6, true, cfg->no_dad, err)) < 0)
        return rc;
    hint(h, err);
    return LA_OK;
}

int la_host_open(const struct la_host_config *cfg, struct la_host **out, struct la_host_error *err)
{
    struct la_host *h = calloc(1, sizeof *h);
    int rc;

    host_fail(err, 0, "%s", "");
    if (!h)
        return host_fail(err, LA_ENOMEM, "out of memory");
    h->origin = la_host_now();
    rc = open_all(h, cfg, err);
    if (rc < 0) {
        la_host_close(h);
        return rc;
    }
    *out = h;
    return LA_OK;
}

/* ---- until the addresses may be used ---- */

static bool advertised(const struct la_host *h)
{
    struct la_addr_info a;
    uint32_t cursor = 0;

    while (la_addr_next(h->stack, h->ifx, &cursor, &a))
        if (a.slaac && a.state == LA_ADDR_PREFERRED)
            return true;
    return false;
}

static bool settled(void *ctx)
{
    struct la_host *h = ctx;

    if (h->slaac && !advertised(h))
        return false;
    for (int i = 0; i < h->naddr; i++)
        if (la_addr_state(h->stack, h->ifx, &h->addr[i]) == LA_ADDR_TENTATIVE)
            return false;
    return true;
}

int la_host_ready(struct la_host *h, la_ns deadline, struct la_host_error *err)
{
    char text[LA_ADDR_STRLEN];
    int rc = la_loop_run(h->loop, settled, h, deadline);

    host_fail(err, 0, "%s", "");
    if (rc == LA_ETIMEDOUT && h->slaac && !advertised(h))
        return host_fail(err, rc,
                         "no router on %s advertised an address's prefix: leave out --slaac",
                         la_dev_name(h->dev));
    if (rc < 0)
        return host_fail(err, rc, "%s: %s",
                         rc == LA_EAGAIN ? "stopped" : "waiting for the addresses to be free",
                         la_strerror(rc));
    for (int i = 0; i < h->naddr; i++)
        if (la_addr_state(h->stack, h->ifx, &h->addr[i]) == LA_ADDR_DUPLICATE)
            return host_fail(err, LA_EADDRINUSE,
                             "somebody else on %s has %s: choose another address",
                             la_dev_name(h->dev), la_addr_format(&h->addr[i], text));
    return LA_OK;
}

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

int la_host_close(struct la_host *h)
{
    int rc, error;

    if (!h)
        return LA_OK;
    if (h->loop && h->ifx >= 0) {
        la_loop_on_event(h->loop, NULL, NULL);
        la_abort_all(h->stack, la_host_now());
        la_loop_run(h->loop, at_once, NULL, LA_NEVER);
    }
    la_loop_free(h->loop);
    if (h->stack)
        la_stack_free(h->stack);
    rc = la_pcap_close(h->pcap);
    error = errno;
    la_dev_close(h->dev);
    free(h);
    errno = error;
    return rc;
}
