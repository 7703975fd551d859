/* nc.c: lastack nc: standard input and output over one connection.
 *
 * The end of input closes our direction only (RFC 9293 §3.6), as nc -N does; reading goes on until
 * the peer closes too.  The exit status is what the close record says.
 *
 * Invariant: no byte is taken from standard input before the last ones are in the stack, and none
 * from the stack before standard output has it, so a slow side slows the other and nothing is lost.
 */
#include "cli/nc.h"
#include "cli/cli.h"
#include "cli/control.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const struct cli_usage usage = {
    .command = "nc",
    .synopsis = "[OPTIONS] HOST PORT  |  -l [OPTIONS] [ADDRESS] PORT",
    .about =
        "Carries standard input and output over one connection of this stack.  The end of input\n"
        "closes our direction; the command ends when both are closed.  Exit status: 0 if the\n"
        "connection ended in order with every byte delivered, 1 if not, 2 for a wrong command "
        "line.",
    .examples =
        "  sudo lastack nc -l 7000 >got </dev/null\n"
        "                                         take a file, from: nc -N 10.77.0.2 7000 <file\n"
        "  sudo lastack nc 10.77.0.1 7000 <file   send a file to a listener of the kernel\n"
        "  sudo lastack nc -v --dev tap:tap0 --addr 10.1.0.9/24 --gateway 10.1.0.1 192.0.2.7 80\n"
        "  sudo lastack nc --pcap end.pcapng --stay --msl 2s 10.77.0.1 7000 </dev/null\n",
};

/* ---- where to ---- */

static bool link_local(const struct la_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static void from_sockaddr(const struct sockaddr *sa, struct la_addr *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (sa->sa_family == AF_INET) {
        memcpy(&v4, sa, sizeof v4);
        const uint8_t *b = (const uint8_t *)&v4.sin_addr;
        *a = la_addr_v4(b[0], b[1], b[2], b[3]);
    } else {
        memcpy(&v6, sa, sizeof v6);
        memcpy(a->b, &v6.sin6_addr, 16);
    }
}

static int check_family(const struct nc_options *o, const char *text, const struct la_addr *a)
{
    bool v4 = la_addr_is_v4(a);

    if ((o->only4 && !v4) || (o->only6 && v4))
        return cli_wrong("nc", "%s is no IPv%d address: leave out -%d", text, o->only4 ? 4 : 6,
                         o->only4 ? 4 : 6);
    return 0;
}

/* Why this stack has no address of a family. */
static int no_address(const struct nc_options *o, bool v6)
{
    uint32_t mtu = o->common.host.mtu;

    if (v6 && mtu && mtu < 1280)
        return cli_wrong("nc", "IPv6 needs an MTU of 1280, and --mtu says %u", (unsigned)mtu);
    return cli_wrong("nc", "this stack has no IPv%d address: type --addr%s", v6 ? 6 : 4,
                     v6 ? "6 fd77::2/64" : " 10.77.0.2/24");
}

/* A name is asked of this machine's resolver; the first answer of a family that we speak counts. */
static int resolve(const struct nc_options *o, const char *host, struct la_addr *a)
{
    bool v4 = o->common.host.addr && !o->only6;
    bool v6 = (o->common.host.addr6 || o->common.host.slaac) && !o->only4;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *all;
    bool found = false;
    int rc;

    if (la_addr_parse(host, a) == LA_OK)
        return check_family(o, host, a);
    if (!v4 && !v6)
        return no_address(o, o->only6);
    rc = getaddrinfo(host, NULL, &hints, &all);
    if (rc != 0)
        return cli_failed("nc", "no address for '%s': %s", host, gai_strerror(rc));
    for (const struct addrinfo *i = all; i && !found; i = i->ai_next) {
        if (!(i->ai_family == AF_INET && v4) && !(i->ai_family == AF_INET6 && v6))
            continue;
        from_sockaddr(i->ai_addr, a);
        found = true;
    }
    freeaddrinfo(all);
    if (!found)
        return cli_failed("nc", "'%s' has no address of a family that this stack has one of", host);
    return 0;
}

/* An IPv6 address that a router advertised, for --slaac. */
static bool advertised(const struct nc *n, struct la_addr *a)
{
    struct la_addr_info i;
    uint32_t cursor = 0;

    while (la_addr_next(n->stack, la_host_ifx(n->host), &cursor, &i))
        if (i.slaac && i.state == LA_ADDR_PREFERRED) {
            *a = i.addr;
            return true;
        }
    return false;
}

/* What to listen on: the address said, our IPv6 one, or every address of ours. */
static int listen_addr(const struct nc *n, const struct nc_options *o, const char *said,
                       struct la_addr *a)
{
    const struct la_host_config *h = &o->common.host;
    unsigned len;

    if (said)
        return la_addr_parse(said, a) == LA_OK
                   ? check_family(o, said, a)
                   : cli_wrong("nc", "-l takes an address of this stack, not '%s'", said);
    *a = o->only4 ? la_addr_v4(0, 0, 0, 0) : LA_ADDR_ANY;
    if (o->only4 && !h->addr)
        return no_address(o, false);
    if (o->only6 && (h->addr6 ? la_host_parse_prefix(h->addr6, a, &len) < 0 : !advertised(n, a)))
        return no_address(o, true);
    return 0;
}

/* ---- begin ---- */

static int begin_listen(struct nc *n, const struct nc_options *o, const char *addr, uint16_t port)
{
    struct la_endpoint at = {.port = port, .ifx = -1};
    char text[LA_HOST_ENDPOINT_STRLEN];
    int rc = listen_addr(n, o, addr, &at.addr);

    if (rc)
        return rc;
    if (link_local(&at.addr))
        at.ifx = (int16_t)la_host_ifx(n->host);
    rc = la_listen(n->stack, &at, 1, la_host_now(), &n->listener);
    if (rc < 0)
        return cli_failed("nc", "cannot listen on %s: %s", la_host_endpoint(&at, text),
                          la_strerror(rc));
    n->listening = true;
    if (n->verbose)
        fprintf(stderr, "lastack nc: listening on %s\n", la_host_endpoint(&at, text));
    return 0;
}

static int no_route(const struct nc *n, const struct nc_options *o, const struct la_addr *to)
{
    const struct la_host_config *h = &o->common.host;
    bool v6 = !la_addr_is_v4(to);
    char text[LA_ADDR_STRLEN];

    la_addr_format(to, text);
    if (la_addr_state(n->stack, la_host_ifx(n->host), to) >= 0)
        return cli_wrong("nc", "%s is this stack's own address: connect to another's", text);
    if (v6 ? !h->addr6 && !h->slaac : !h->addr)
        return no_address(o, v6);
    return cli_failed("nc", "no route to %s: type --gateway%s with a neighbour's address", text,
                      v6 && h->gateway ? "6" : "");
}

static int begin_connect(struct nc *n, const struct nc_options *o, const char *host, uint16_t port)
{
    struct la_endpoint to = {.port = port, .ifx = -1};
    struct la_endpoint from = {.addr = LA_ADDR_ANY, .port = (uint16_t)o->source_port, .ifx = -1};
    char text[LA_HOST_ENDPOINT_STRLEN];
    int rc = resolve(o, host, &to.addr);

    if (rc)
        return rc;
    if (link_local(&to.addr))
        to.ifx = (int16_t)la_host_ifx(n->host);
    rc = la_socket(n->stack, &n->conn);
    if (rc < 0)
        return cli_failed("nc", "no connection to be had: %s", la_strerror(rc));
    n->open = true;
    if (o->timeout)
        la_setopt(n->stack, n->conn, LA_OPT_SYN_TIMEOUT_MS, (int64_t)(o->timeout / LA_MSEC(1)),
                  la_host_now());
    rc = la_connect(n->stack, n->conn, o->source_port ? &from : NULL, &to, la_host_now());
    if (rc == LA_ENETUNREACH)
        return no_route(n, o, &to.addr);
    if (rc < 0)
        return cli_failed("nc", "cannot connect to %s: %s", la_host_endpoint(&to, text),
                          la_strerror(rc));
    return 0;
}

/* ---- the end ---- */

static bool orderly(const struct la_record *r)
{
    return r->error == LA_OK && r->rst_by == LA_SIDE_NONE && r->bytes_unacked == 0 &&
           r->bytes_unread == 0;
}

static void tell_end(const struct nc *n)
{
    char sentence[512];

    fprintf(stderr, "lastack nc: %s\n", la_record_explain(&n->record, sentence, sizeof sentence));
    if (n->record.state == LA_TIME_WAIT)
        fprintf(stderr,
                "lastack nc: it is in TIME-WAIT, which ends with this command: --stay waits\n");
}

static int run(struct nc *n)
{
    int rc = la_loop_run(n->loop, nc_done, n, LA_NEVER);
    bool stopped = rc == LA_EAGAIN;

    if (stopped && n->open && !n->given_back) {
        la_abort(n->stack, n->conn, la_host_now());
        n->given_back = true;
        n->stay = false;
        la_loop_run(n->loop, nc_done, n, la_host_now() + LA_SEC(1));
    }
    if (rc == LA_EOPNOTSUPP)
        return cli_failed("nc", "%s is gone: somebody deleted the device",
                          la_dev_name(la_host_dev(n->host)));
    if (n->have_record && (n->verbose || !orderly(&n->record)))
        tell_end(n);
    if (stopped)
        return CLI_INTERRUPTED;
    if (n->output_failed)
        return cli_failed("nc", "standard output: %s", strerror(n->output_failed));
    if (n->input_failed)
        return cli_failed("nc", "standard input: %s", strerror(n->input_failed));
    return n->have_record && orderly(&n->record) ? CLI_OK : CLI_FAILED;
}

static int with_stack(struct nc *n, struct nc_options *o, const char *host, uint16_t port)
{
    struct control *control = NULL;
    struct la_host_error err;
    int rc = common_open(&o->common, "nc", &n->host);

    if (rc)
        return rc;
    n->stack = la_host_stack(n->host);
    n->loop = la_host_loop(n->host);
    n->stay = o->stay;
    n->verbose = o->common.verbose;
    cli_catch_signals(n->loop);
    if (control_open(n->loop, n->stack, "nc", &control, &err) < 0 && n->verbose)
        fprintf(stderr, "lastack nc: %s\n", err.text);
    la_loop_on_event(n->loop, nc_event, n);
    rc = o->listen ? begin_listen(n, o, host, port) : begin_connect(n, o, host, port);
    if (rc == 0)
        rc = run(n);
    control_close(control);
    if (la_host_close(n->host) < 0) {
        int failed = cli_failed("nc", "the capture is not complete: %s", strerror(errno));
        rc = rc ? rc : failed;
    }
    return rc;
}

/* ---- the command ---- */

int cmd_nc(int argc, char **argv)
{
    static struct nc n; /* 128 KiB of buffer, once */
    struct nc_options o = {0};
    bool as_always;
    const struct opt own[] = {
        {"listen", 'l', OPT_FLAG, &o.listen, NULL, "wait for one connection", 0, 0},
        {"ipv4", '4', OPT_FLAG, &o.only4, NULL, "IPv4 only", 0, 0},
        {"ipv6", '6', OPT_FLAG, &o.only6, NULL, "IPv6 only", 0, 0},
        {"source-port", 'p', OPT_UINT, &o.source_port, "PORT", "connect from this port", 1, 65535},
        {"timeout", 'w', OPT_DURATION, &o.timeout, "TIME",
         "give up connecting after this long (180s)", 1, 86400000},
        {"stay", 0, OPT_FLAG, &o.stay, NULL, "stay until TIME-WAIT is over", 0, 0},
        {"half-close", 'N', OPT_FLAG, &as_always, NULL, "as nc -N; it is what this nc always does",
         0, 0},
        {0},
    };
    const struct opt *const tables[OPT_TABLES] = {own, o.common.table};
    const char *host = NULL;
    uint16_t port;
    int operands;

    common_init(&o.common);
    operands = opts_parse(&usage, tables, argc, argv);
    if (operands < 0)
        return -1 - operands;
    if (o.only4 && o.only6)
        return cli_wrong("nc", "-4 and -6 contradict each other: leave one out");
    if (operands < 1 || operands > 2 || (!o.listen && operands != 2))
        return cli_wrong("nc", "%s: type %s", operands > 2 ? "too many words" : "where to?",
                         o.listen ? "lastack nc -l 7000" : "lastack nc 10.77.0.1 7000");
    if (cli_port(argv[operands], &port) < 0)
        return cli_wrong("nc", "a port is a number from 1 to 65535, not '%s'", argv[operands]);
    if (o.listen && o.source_port)
        return cli_wrong("nc", "-p is for connecting: with -l type the port last, lastack nc -l %u",
                         (unsigned)o.source_port);
    if (o.listen && o.timeout)
        return cli_wrong("nc", "-w is for connecting: with -l leave it out");
    if (operands == 2)
        host = argv[1];
    return with_stack(&n, &o, host, port);
}
