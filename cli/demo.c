/* demo.c: lastack demo: this stack opens, carries and closes connections before your eyes.
 *
 * In a network namespace of its own the other side is the kernel: curl fetches from our web server,
 * we fetch from python3's, and one small connection is drawn segment by segment, down to the end of
 * TIME-WAIT.  Where the system allows no namespace or no TAP, two stacks talk in memory. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cli_usage usage = {
    .command = "demo",
    .synopsis = "[OPTIONS]",
    .about =
        "Opens, carries and closes connections with the kernel, in a network namespace that goes\n"
        "away with the command.  Exit status: 0 if every check held.",
    .examples =
        "  sudo lastack demo                     beside the kernel\n"
        "  lastack demo                          the same in a user namespace, if there are any\n"
        "  lastack demo --wire memory --mib 8    two stacks, no kernel between them\n"
        "  sudo lastack demo --msl 30s           with TIME-WAIT as long as it is by default\n"
        "  sudo lastack demo --json --out /tmp   what held, for a program\n",
};

void demo_event(void *ctx, const struct la_event *ev)
{
    struct demo_user *u = ev->user;

    (void)ctx;
    if (u)
        u->event(u, ev);
}

/* ---- the file that is carried ---- */

char *demo_path(const struct demo *d, const char *name, char *buf)
{
    snprintf(buf, DEMO_PATH, "%s/%s", d->tmp, name);
    return buf;
}

bool demo_hash(const char *path, char out[65])
{
    char command[DEMO_PATH + 32];
    FILE *f;
    bool ok;

    snprintf(command, sizeof command, "sha256sum <'%s'", path);
    f = popen(command, "r");
    if (!f)
        return false;
    ok = fgets(out, 65, f) && strlen(out) == 64;
    return pclose(f) == 0 && ok;
}

void demo_compare(struct demo *d, const char *name, const char *what)
{
    char path[DEMO_PATH], hash[65] = "";
    bool same = demo_hash(demo_path(d, name, path), hash) && strcmp(hash, d->hash) == 0;

    demo_check(d, same, what, same ? "SHA-256 %.16s... on both sides" : "SHA-256 differs: %.16s",
               hash);
    unlink(path);
}

static bool fill(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(p, n < 1048576 ? n : 1048576, 0);

        if (got < 0 && errno == EINTR && !cli_stopped())
            continue;
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static int make_blob(struct demo *d)
{
    const char *under = getenv("TMPDIR");
    char path[DEMO_PATH];
    void *p;
    int fd;

    d->size = (size_t)d->mib << 20;
    if ((size_t)snprintf(d->tmp, sizeof d->tmp, "%s/lastack-demo-XXXXXX", under ? under : "/tmp") >=
            sizeof d->tmp ||
        strchr(d->tmp, '\'') || !mkdtemp(d->tmp)) {
        d->tmp[0] = '\0';
        return cli_failed("demo", "no place for the file that is carried: set TMPDIR to a folder "
                                  "that can be written");
    }
    chmod(d->tmp, 0755); /* the programs of the other side read it */
    fd = open(demo_path(d, "blob", path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)d->size) != 0) {
        if (fd >= 0)
            close(fd);
        return cli_failed("demo", "no room for %u MiB in %s: set TMPDIR, or take less with --mib",
                          (unsigned)d->mib, d->tmp);
    }
    p = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return cli_failed("demo", "mmap: %s", strerror(errno));
    d->blob = p;
    if (!fill(p, d->size) || !demo_hash(path, d->hash))
        return cli_stopped() ? CLI_INTERRUPTED
                             : cli_failed("demo", "sha256sum did not work: install coreutils");
    return 0;
}

static void remove_blob(struct demo *d)
{
    static const char *const names[] = {"blob", "got4", "got6", "fetched"};
    char path[DEMO_PATH];

    if (d->blob)
        munmap((void *)(uintptr_t)d->blob, d->size);
    if (!d->tmp[0])
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(demo_path(d, names[i], path));
    rmdir(d->tmp);
}

/* ---- which wire ---- */

/* Chooses, and says which and why. */
static int choose(struct demo *d)
{
    bool memory = strcmp(d->wire, "memory") == 0, must = strcmp(d->wire, "kernel") == 0;

    if (!memory && !must && strcmp(d->wire, "auto") != 0)
        return cli_wrong("demo", "--wire takes kernel, memory or auto, not '%s'", d->wire);
    if (memory)
        snprintf(d->wire_is, sizeof d->wire_is, "two stacks in memory, as --wire memory says");
    else
        d->kernel = demo_kernel_possible(d);
    if (must && !d->kernel)
        return cli_failed("demo", "not beside the kernel: %s", d->wire_is);
    return 0;
}

static int run(struct demo *d)
{
    int rc = make_blob(d);

    if (rc)
        return rc;
    demo_part(d, "lastack %s: %s", la_version(), d->wire_is);
    rc = d->kernel ? demo_kernel(d) : demo_memory(d);
    if (rc && d->kernel && d->nchecks == 0 && strcmp(d->wire, "auto") == 0) {
        d->kernel = false; /* no device to be had */
        demo_part(d, "%s", d->wire_is);
        rc = demo_memory(d);
    }
    progress_end(d);
    return rc ? rc : demo_summary(d);
}

int cmd_demo(int argc, char **argv)
{
    struct demo d = {.msl = LA_SEC(2), .mtu = 1500, .mib = 64, .out = ".", .wire = "auto"};
    const struct opt own[] = {
        {"msl", 0, OPT_DURATION, &d.msl, "TIME", "maximum segment lifetime, 10ms to 2m (2s)", 10,
         120000},
        {"mtu", 0, OPT_UINT, &d.mtu, "N", "largest IP packet (1500)", 1280, 65521},
        {"mib", 0, OPT_UINT, &d.mib, "N", "how much each transfer carries (64)", 1, 4096},
        {"out", 'o', OPT_TEXT, &d.out, "DIR", "where demo.pcapng and demo.svg go (here)", 0, 0},
        {"wire", 0, OPT_TEXT, &d.wire, "WIRE",
         "kernel, memory, or auto: the kernel if the system allows it (auto)", 0, 0},
        {"json", 0, OPT_FLAG, &d.json, NULL, "what held, on standard output", 0, 0},
        {0},
    };
    const struct opt *const tables[OPT_TABLES] = {own};
    int rc = opts_parse(&usage, tables, argc, argv);

    if (rc < 0)
        return -1 - rc;
    if (rc > 0)
        return cli_wrong("demo", "what is '%s' for? type lastack demo --help", argv[1]);
    if (access(d.out, W_OK | X_OK) < 0)
        return cli_failed("demo", "%s: %s; choose another folder with --out DIR", d.out,
                          strerror(errno));
    d.say = d.json ? stderr : stdout;
    d.terminal = isatty(fileno(d.say));
    d.colour = d.terminal && !getenv("NO_COLOR");
    if ((rc = choose(&d)))
        return rc;
    trace_log_init(&d.log, TRACE_KEEP_LADDER, 100000);
    trace_log_init(&d.peer_log, TRACE_KEEP_LADDER, 100000);
    cli_catch_signals(NULL);
    rc = run(&d);
    remove_blob(&d);
    trace_log_free(&d.log);
    trace_log_free(&d.peer_log);
    return rc;
}
