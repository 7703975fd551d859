/* common.c: the options that every command with a stack has, spelled the same everywhere, and what
 * holds when they are not given. */
#include "cli/cli.h"

#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_DEV "tap:lastack0"
#define DEFAULT_ADDR "10.77.0.2/24"
#define DEFAULT_ADDR6 "fd77::2/64"
#define DEFAULT_HOST_ADDR "10.77.0.1/24"
#define DEFAULT_HOST_ADDR6 "fd77::1/64"

void common_init(struct common *c)
{
    struct la_host_config *h = &c->host;

    memset(c, 0, sizeof *c);
    const struct opt table[COMMON_OPTIONS + 1] = {
        {"dev", 0, OPT_TEXT, &h->dev, "tap:NAME|tun:NAME",
         "the device; made if it is not there (" DEFAULT_DEV ")", 0, 0},
        {"addr", 0, OPT_TEXT, &h->addr, "A/LEN", "our IPv4 address (" DEFAULT_ADDR ")", 0, 0},
        {"addr6", 0, OPT_TEXT, &h->addr6, "A/LEN", "our IPv6 address (" DEFAULT_ADDR6 ")", 0, 0},
        {"host-addr", 0, OPT_TEXT, &h->host_addr, "A/LEN",
         "give the kernel's side of the device this address", 0, 0},
        {"host-addr6", 0, OPT_TEXT, &h->host_addr6, "A/LEN", "the same for IPv6", 0, 0},
        {"gateway", 0, OPT_TEXT, &h->gateway, "A", "where everything else goes, IPv4 or IPv6", 0,
         0},
        {"gateway6", 0, OPT_TEXT, &h->gateway6, "A", "the other family's gateway", 0, 0},
        {"mtu", 0, OPT_UINT, &h->mtu, "N", "largest IP packet (the device's)", 68, 65535},
        {"msl", 0, OPT_DURATION, &h->msl, "TIME",
         "maximum segment lifetime, 1ms to 15m; TIME-WAIT lasts two (30s)", 1, 900000},
        {"slaac", 0, OPT_FLAG, &h->slaac, NULL, "take IPv6 addresses from router advertisements", 0,
         0},
        {"dad", 0, OPT_FLAG, &c->dad, NULL,
         "check that nobody else has our addresses (if the device was there)", 0, 0},
        {"no-dad", 0, OPT_FLAG, &c->no_dad, NULL, "use them at once (if the device is made here)",
         0, 0},
        {"no-offload", 0, OPT_FLAG, &h->no_offload, NULL,
         "checksums and segments are made here, not by the kernel", 0, 0},
        {"pcap", 0, OPT_TEXT, &h->pcap, "FILE.pcapng",
         "capture, each packet with what the stack thought of it", 0, 0},
        {"trace", 0, OPT_FLAG, &h->trace, NULL,
         "tell every segment, state and rule on standard error", 0, 0},
        {"verbose", 'v', OPT_FLAG, &c->verbose, NULL,
         "say what happens, and why a connection ended", 0, 0},
        {0},
    };
    memcpy(c->table, table, sizeof table);
}

/* Settles what was not said.  A device of another's making may be a bridge's: its addresses are
 * checked.  One made here has nobody else on it. */
static int settle(struct common *c, const char *command)
{
    struct la_host_config *h = &c->host;
    bool nothing_said = !h->addr && !h->addr6 && !h->slaac;
    bool own = !h->dev;
    bool there;

    if (c->dad && c->no_dad)
        return cli_wrong(command, "--dad and --no-dad contradict each other: leave one out");
    if (h->pcap && strcmp(h->pcap, "-") == 0)
        return cli_wrong(command, "--pcap takes a file's name, and standard output is taken: "
                                  "type --pcap FILE.pcapng");
    if (own)
        h->dev = DEFAULT_DEV;
    if ((strncmp(h->dev, "tap:", 4) != 0 && strncmp(h->dev, "tun:", 4) != 0) || !h->dev[4])
        return cli_wrong(command, "--dev takes tap:NAME or tun:NAME, like tap:tap0, not '%s'",
                         h->dev);
    there = if_nametoindex(h->dev + 4) != 0;
    h->no_dad = c->no_dad || (!c->dad && !there);
    if (nothing_said && !own)
        return cli_wrong(
            command, "%s needs an address: type --addr " DEFAULT_ADDR " or --addr6 " DEFAULT_ADDR6,
            h->dev);
    if (!nothing_said)
        return 0;
    bool v6 = !h->mtu || h->mtu >= 1280;
    h->addr = DEFAULT_ADDR;
    h->addr6 = v6 ? DEFAULT_ADDR6 : NULL;
    if (there)
        return 0;
    if (!h->host_addr)
        h->host_addr = DEFAULT_HOST_ADDR;
    if (!h->host_addr6 && v6)
        h->host_addr6 = DEFAULT_HOST_ADDR6;
    return 0;
}

int common_open(struct common *c, const char *command, struct la_host **out)
{
    struct la_host_error err;
    struct la_host *h;
    int rc = settle(c, command);

    if (rc)
        return rc;
    rc = la_host_open(&c->host, &h, &err);
    if (rc < 0)
        return rc == LA_EINVAL ? cli_wrong(command, "%s", err.text)
                               : cli_failed(command, "%s", err.text);
    if (err.text[0])
        fprintf(stderr, "lastack %s: %s\n", command, err.text);
    if (c->verbose && !c->host.no_dad)
        fprintf(stderr, "lastack %s: asking whether anybody else has our addresses\n", command);
    rc = la_host_ready(h, la_host_now() + LA_SEC(30), &err);
    if (rc < 0) {
        la_host_close(h);
        return cli_failed(command, "%s", err.text);
    }
    *out = h;
    return 0;
}

/* For the signal handler, which can be given nothing else. */
static struct la_loop *signalled;
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
    if (signalled)
        la_loop_stop(signalled);
}

void cli_catch_signals(struct la_loop *l)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction sa = {.sa_handler = on_signal};

    signalled = l;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction was;
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(signals[i], &sa, NULL);
    }
}

bool cli_stopped(void)
{
    return stopped;
}
