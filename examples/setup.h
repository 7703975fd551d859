/* setup.h: what the three examples share: their options, a stack on a TAP device, and Ctrl-C.
 *
 * All of it is lastack/host.h's la_host_open with the fields of la_host_config filled in from the
 * command line.  Left alone, the stack is 10.77.0.2 and fd77::2 on a new device lastack0, and the
 * kernel beside it is 10.77.0.1 and fd77::1. */
#ifndef EXAMPLES_SETUP_H
#define EXAMPLES_SETUP_H

#include <lastack/host.h>
#include <lastack/lastack.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETUP_OPTIONS                                                                              \
    "  --dev tap:NAME|tun:NAME   the device (tap:lastack0)\n"                                      \
    "  --addr A/LEN, --addr6 A/LEN   the stack's addresses (10.77.0.2/24, fd77::2/64)\n"           \
    "  --host-addr A/LEN, --host-addr6 A/LEN   the kernel's (10.77.0.1/24, fd77::1/64)\n"          \
    "  --gateway A, --gateway6 A   where everything else goes\n"                                   \
    "  --mtu N, --pcap FILE.pcapng, --trace\n"                                                     \
    "  --no-dad   use the addresses at once, without the seconds of asking who else has them\n"

static struct la_loop *setup_loop; /* for the signal handler alone */

static void setup_on_signal(int sig)
{
    (void)sig;
    la_loop_stop(setup_loop);
}

static void setup_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* Where the value of an option that takes a text goes, or NULL. */
static const char **setup_field(struct la_host_config *cfg, const char *option)
{
    struct {
        const char *name;
        const char **field;
    } const texts[] = {
        {"--dev", &cfg->dev},
        {"--addr", &cfg->addr},
        {"--addr6", &cfg->addr6},
        {"--host-addr", &cfg->host_addr},
        {"--host-addr6", &cfg->host_addr6},
        {"--gateway", &cfg->gateway},
        {"--gateway6", &cfg->gateway6},
        {"--pcap", &cfg->pcap},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(option, texts[i].name) == 0)
            return texts[i].field;
    return NULL;
}

/* Takes the options off argv, opens the stack and waits until its addresses are its own.  The first
 * operand comes back in *operand, or NULL.  Wrong use and failures end the program. */
static struct la_host *setup(int argc, char **argv, const char *synopsis, const char **operand)
{
    struct la_host_config cfg = {
        .dev = "tap:lastack0",
        .addr = "10.77.0.2/24",
        .addr6 = "fd77::2/64",
        .host_addr = "10.77.0.1/24",
        .host_addr6 = "fd77::1/64",
    };
    struct la_host_error err;
    struct la_host *h;

    *operand = NULL;
    for (int i = 1; i < argc; i++) {
        const char **field = setup_field(&cfg, argv[i]);

        if (field && i + 1 < argc) {
            *field = argv[++i];
        } else if (strcmp(argv[i], "--mtu") == 0 && i + 1 < argc) {
            cfg.mtu = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--trace") == 0) {
            cfg.trace = true;
        } else if (strcmp(argv[i], "--no-dad") == 0) {
            cfg.no_dad = true;
        } else if (argv[i][0] != '-' && !*operand) {
            *operand = argv[i];
        } else {
            fprintf(stderr, "use: %s %s\n%s", argv[0], synopsis, SETUP_OPTIONS);
            exit(2);
        }
    }

    if (la_host_open(&cfg, &h, &err) < 0)
        setup_fail(argv[0], err.text);
    setup_loop = la_host_loop(h);
    signal(SIGINT, setup_on_signal);
    signal(SIGTERM, setup_on_signal);

    /* An address is used only after nobody else has claimed it (RFC 4862, RFC 5227). */
    if (la_host_ready(h, la_host_now() + LA_SEC(15), &err) < 0) {
        la_host_close(h);
        setup_fail(argv[0], err.text[0] ? err.text : "interrupted");
    }
    return h;
}

#endif
