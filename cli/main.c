/* main.c: lastack COMMAND: which command it is. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
};

static const struct command commands[] = {
    {"demo", cmd_demo, "watch this stack open, carry and close connections with the kernel"},
    {"drill", cmd_drill, "run packetdrill scripts on this stack, in virtual time"},
    {"lab", cmd_lab, "experiments: why a connection opens and closes as it does"},
    {"nc", cmd_nc, "standard input and output over one connection"},
    {"sim", cmd_sim, "random programs on random networks: what must hold, holds"},
    {"ss", cmd_ss, "the connections of a running stack, and why the last ones ended"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(void)
{
    printf("Usage: lastack COMMAND [OPTIONS]\n\n"
           "A TCP/IP stack of its own, on a TAP or TUN device, that can always say who hung up and "
           "why.\n\n"
           "Commands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].about);
    printf("\n"
           "  lastack COMMAND --help     its options, with examples\n"
           "  lastack --version          the version\n\n"
           "Examples:\n"
           "  sudo lastack demo\n"
           "  sudo lastack nc -l 7000                 then, elsewhere: nc 10.77.0.2 7000\n"
           "  sudo lastack ss                         while that runs\n"
           "  sudo lastack ss --closed                why the last connections ended\n");
}

/* The command that begins as the mistaken word does, or has its letters in another order. */
static const char *similar(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *name = commands[i].name;
        size_t n = strlen(name), hit = 0;

        for (size_t j = 0; j < n; j++)
            hit += strchr(word, name[j]) != NULL;
        if (strncmp(word, name, 2) == 0 || (hit == n && strlen(word) <= n + 1))
            return name;
    }
    return NULL;
}

/* Where a standard descriptor is closed, the device would be opened in its place, and what we print
 * would be frames.  What is there instead can only be used the wrong way round: EBADF, as before.
 */
static bool fill_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
            return false;
    return true;
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const char *near;
    char *for_help[] = {NULL, "--help", NULL};

    if (!word)
        return cli_wrong(NULL, "which command? type lastack demo, or lastack --help");
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        help();
        return CLI_OK;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("lastack %s\n", la_version());
        return CLI_OK;
    }
    bool ask = strcmp(word, "help") == 0;
    if (ask)
        word = argv[2];
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) != 0)
            continue;
        for_help[0] = argv[ask ? 2 : 1];
        return ask ? commands[i].run(2, for_help) : commands[i].run(argc - 1, argv + 1);
    }
    near = similar(word);
    if (near)
        return cli_wrong(NULL, "no command '%s'; did you mean lastack %s?", word, near);
    return cli_wrong(NULL, "no command '%s': type lastack --help", word);
}

/* What was printed counts once it is out: a disk may be full, a reader gone. */
static int flushed(int rc)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    (void)cli_failed(NULL, "standard output: %s",
                     errno ? strerror(errno) : "what was printed is not all there");
    return rc == CLI_OK ? CLI_FAILED : rc;
}

int main(int argc, char **argv)
{
    if (!fill_descriptors())
        return CLI_FAILED; /* and nowhere to say it */
    signal(SIGPIPE, SIG_IGN);
    return flushed(run(argc, argv));
}
