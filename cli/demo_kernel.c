/* demo_kernel.c: the demo beside the kernel: a network namespace with a TAP in it, this stack on
 * one side, and curl, python3 and a socket of the kernel's on the other.
 *
 * The namespace belongs to this process: it goes away with it, however that ends, and so do the
 * programs started here. */
#include "cli/demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OURS "10.77.0.2"
#define OURS6 "fd77::2"
#define KERNELS "10.77.0.1"
#define KERNELS6 "fd77::1"

/* ---- the namespace ---- */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Root in a user namespace of our own, as which we may make devices in its network namespace. */
static bool enter_as_user(void)
{
    char map[64];
    unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", uid);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof map, "0 %u 1", gid);
    return write_file("/proc/self/gid_map", map);
}

bool demo_kernel_possible(struct demo *d)
{
    bool root = geteuid() == 0;
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (tun < 0) {
        snprintf(d->wire_is, sizeof d->wire_is,
                 "two stacks in memory, for /dev/net/tun cannot be opened (%s): modprobe tun, or "
                 "give a container --device /dev/net/tun",
                 strerror(errno));
        return false;
    }
    close(tun);
    if (root ? unshare(CLONE_NEWNET) == 0 : enter_as_user()) {
        snprintf(d->wire_is, sizeof d->wire_is,
                 "beside the kernel, in a network namespace of its own%s",
                 root ? "" : " (and a user namespace, since you are not root)");
        return true;
    }
    snprintf(d->wire_is, sizeof d->wire_is,
             "two stacks in memory, for this system gives %s no network namespace (%s): %s",
             root ? "root" : "an ordinary user", strerror(errno),
             root ? "a container needs --privileged" : "try sudo");
    return false;
}

/* ---- programs of the other side ---- */

struct child {
    pid_t pid;
    int pidfd, out; /* its end; its standard output and error */
    struct la_loop *loop;
    bool ended;
    int status; /* exit status; 128 + signal */
    size_t n;
    char text[8192]; /* the beginning of what it said, with a NUL */
};

static void on_child_end(void *ctx, int fd, uint32_t events)
{
    struct child *c = ctx;
    int st = 0;

    (void)events;
    if (waitpid(c->pid, &st, WNOHANG) != c->pid)
        return;
    c->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
    c->ended = true;
    la_loop_fd_del(c->loop, fd);
}

static void on_child_text(void *ctx, int fd, uint32_t events)
{
    struct child *c = ctx;
    char rest[256];
    size_t room = sizeof c->text - 1 - c->n;
    ssize_t got = read(fd, room ? c->text + c->n : rest, room ? room : sizeof rest);

    (void)events;
    if (got <= 0)
        la_loop_fd_del(c->loop, fd);
    else if (room)
        c->n += (size_t)got;
    c->text[c->n] = '\0';
}

static bool child_ended(void *child)
{
    return ((const struct child *)child)->ended || cli_stopped();
}

/* python3's http.server says that it serves, and may warn of other things before. */
static bool child_serves(void *child)
{
    return strstr(((const struct child *)child)->text, "Serving HTTP") || child_ended(child);
}

/* The last line of what it said, where Python tells why it ended. */
static const char *last_line(struct child *c)
{
    while (c->n && c->text[c->n - 1] == '\n')
        c->text[--c->n] = '\0';
    const char *end = strrchr(c->text, '\n');
    return end ? end + 1 : c->text;
}

/* Starts argv, or calls fn in a process of its own if there is one.  False: told as a check. */
static bool child_start(struct demo *d, struct child *c, struct la_loop *loop, char *const *argv,
                        int (*fn)(void))
{
    int p[2];

    *c = (struct child){.loop = loop, .pidfd = -1, .out = -1};
    if (pipe2(p, O_CLOEXEC) < 0 || (c->pid = fork()) < 0) {
        demo_check(d, false, "a process for the other side", "%s", strerror(errno));
        return false;
    }
    if (c->pid == 0) {
        signal(SIGINT, SIG_IGN); /* the parent ends us */
        signal(SIGTERM, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(p[1], STDOUT_FILENO);
        dup2(p[1], STDERR_FILENO);
        if (fn)
            _exit(fn());
        execvp(argv[0], argv);
        dprintf(STDERR_FILENO, "%s is not installed: apt-get install %s\n", argv[0], argv[0]);
        _exit(127);
    }
    close(p[1]);
    c->out = p[0];
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (c->pidfd < 0 || la_loop_fd_add(loop, c->pidfd, EPOLLIN, on_child_end, c) < 0 ||
        la_loop_fd_add(loop, c->out, EPOLLIN, on_child_text, c) < 0) {
        demo_check(d, false, "watching a process of the other side", "%s", strerror(errno));
        return false;
    }
    return true;
}

static void child_stop(struct child *c)
{
    if (c->pid > 0 && !c->ended) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    if (c->pidfd >= 0) {
        la_loop_fd_del(c->loop, c->pidfd);
        close(c->pidfd);
    }
    if (c->out >= 0) {
        la_loop_fd_del(c->loop, c->out);
        close(c->out);
    }
}

/* ---- our side ---- */

static struct la_loop *the_loop; /* demo.run has no other way to it */

static int run_loop(struct demo *d, bool (*done)(void *ctx), void *ctx, la_ns deadline)
{
    (void)d;
    return la_loop_run(the_loop, done, ctx, deadline);
}

/* A stack on a new TAP; `close` with la_host_close.  `recorded`: with trace and capture. */
static int open_host(struct demo *d, bool recorded, struct la_host **out)
{
    static char pcap[DEMO_PATH];
    struct la_host_config cfg = {
        .dev = "tap:lastack0",
        .addr = OURS "/24",
        .addr6 = OURS6 "/64",
        .host_addr = KERNELS "/24",
        .host_addr6 = KERNELS6 "/64",
        .mtu = d->mtu,
        .msl = d->msl,
        .no_dad = true,
    };
    struct la_host_error err;

    if (recorded) {
        snprintf(pcap, sizeof pcap, "%s/demo.pcapng", d->out);
        cfg.pcap = pcap;
        cfg.on_trace = trace_log_take;
        cfg.trace_ctx = &d->log;
    }
    if (la_host_open(&cfg, out, &err) < 0 ||
        la_host_ready(*out, la_host_now() + LA_SEC(10), &err) < 0) {
        snprintf(d->wire_is, sizeof d->wire_is, "two stacks in memory, for %.160s", err.text);
        return cli_failed("demo", "%s", err.text);
    }
    d->stack = la_host_stack(*out);
    d->run = run_loop;
    the_loop = la_host_loop(*out);
    la_loop_on_event(the_loop, demo_event, NULL);
    cli_catch_signals(the_loop);
    return 0;
}

static void close_host(struct demo *d, struct la_host *h)
{
    cli_catch_signals(NULL);
    d->stack = NULL;
    if (la_host_close(h) < 0)
        demo_check(d, false, "the capture is written", "%s", strerror(errno));
}

/* ---- the parts ---- */

static void curl_fetches(struct demo *d, bool v6)
{
    char path[DEMO_PATH], url[64];
    const char *name = v6 ? "got6" : "got4";
    char *argv[] = {"curl", "-gsS", "--fail", "--noproxy", "*", "-o", demo_path(d, name, path),
                    url,    NULL};
    struct child c;

    snprintf(url, sizeof url, v6 ? "http://[%s]/blob" : "http://%s/blob", v6 ? OURS6 : OURS);
    progress_begin(d, v6 ? "the kernel's curl, IPv6" : "the kernel's curl, IPv4", d->size);
    bool started = child_start(d, &c, the_loop, argv, NULL);
    if (started)
        d->run(d, child_ended, &c, la_host_now() + DEMO_PATIENCE);
    progress_end(d);
    child_stop(&c);
    if (cli_stopped() || !started)
        return;
    c.text[strcspn(c.text, "\n")] = '\0';
    if (!c.ended || c.status != 0)
        demo_check(d, false, "curl fetches from lastack", "%s, exit status %d",
                   c.ended ? c.text : "it did not end", c.status);
    else
        demo_compare(d, name,
                     v6 ? "over IPv6, lastack to the kernel" : "over IPv4, lastack to the kernel");
}

static void fetch_from_python(struct demo *d)
{
    char *argv[] = {"python3", "-u",    "-m", "http.server", "8000",
                    "--bind",  KERNELS, "-d", d->tmp,        NULL};
    struct la_endpoint to = {.port = DEMO_PEER_PORT, .ifx = -1};
    struct child c;

    la_addr_parse(KERNELS, &to.addr);
    bool started = child_start(d, &c, the_loop, argv, NULL);
    if (started)
        d->run(d, child_serves, &c, la_host_now() + LA_SEC(30));
    bool serves = started && strstr(c.text, "Serving HTTP");
    if (!serves || cli_stopped()) {
        if (started && !cli_stopped())
            demo_check(d, false, "python3 -m http.server starts", "%s", last_line(&c));
        child_stop(&c);
        return;
    }
    demo_transfer(d, d->stack, &to, "fetched",
                  &(struct demo_words){"from python3's http.server",
                                       "over IPv4, the kernel to lastack",
                                       "lastack fetches from python3"});
    child_stop(&c);
}

/* The kernel's side of the connection that is drawn, in a process of its own: what a program sees
 * of a peer that closes first.  It takes its time before its own close(), so that the kernel's ACK
 * does not wait for its FIN. */
static int say_goodbye(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DEMO_GOODBYE_PORT)};
    struct timespec pause = {.tv_nsec = (long)DEMO_PAUSE};
    struct tcp_info info;
    socklen_t size = sizeof info;
    char buf[64];
    ssize_t got, all = 0;
    la_ns began = la_host_now(), eof;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, OURS, &to.sin_addr);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        write(fd, "hello\n", 6) != 6) {
        printf("it could not connect: %s", strerror(errno));
        fflush(stdout);
        return 1;
    }
    while ((got = read(fd, buf, sizeof buf)) > 0)
        all += got;
    eof = la_host_now();
    int error = got < 0 ? errno : 0;
    bool close_wait = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                      info.tcpi_state == TCP_CLOSE_WAIT;
    nanosleep(&pause, NULL);
    bool closed = close(fd) == 0;
    printf("The kernel keeps no record; its program saw %zd bytes, then %s at %.3f ms%s, and %s at "
           "%.3f ms.",
           all, error ? strerror(error) : "the end of the stream", (double)(eof - began) / 1e6,
           close_wait ? " (its socket in CLOSE-WAIT)" : "",
           closed ? "closed without an error" : "its close() failed",
           (double)(la_host_now() - began) / 1e6);
    fflush(stdout);
    return error || !closed;
}

static void part_goodbye(struct demo *d)
{
    struct demo_goodbye g;
    struct child c;

    if (demo_goodbye_listen(&g, d->stack) < 0 || !child_start(d, &c, the_loop, NULL, say_goodbye)) {
        demo_check(d, false, "a connection to look at", "it could not be started");
        return;
    }
    bool over = demo_goodbye_close(d, &g) && demo_goodbye_over(d, &g);
    d->run(d, child_ended, &c, la_host_now() + LA_SEC(10));
    if (!over && !cli_stopped())
        demo_check(d, false, "a connection to look at", "it did not come to its end: %s", c.text);
    if (over && !cli_stopped()) {
        demo_ladder(d);
        demo_part(d, "TIME-WAIT: if that last ACK was lost, the kernel sends its FIN again, and "
                     "somebody must answer");
        demo_countdown(d, g.serial);
        demo_part(d, "Who closed first, and why: both sides' records");
        demo_records(d, g.serial, c.text);
        demo_check(d, c.ended && c.status == 0, "the kernel's program met no error", "%s", "");
    }
    child_stop(&c);
}

int demo_kernel(struct demo *d)
{
    struct demo_server server;
    struct la_host *h;
    int rc = open_host(d, false, &h);

    if (rc)
        return rc;
    demo_part(d, "%u MiB from lastack's web server at " OURS " and " OURS6 " to the kernel's curl",
              (unsigned)d->mib);
    if ((rc = demo_serve(d, &server, d->stack, DEMO_PORT, true)) < 0)
        demo_check(d, false, "lastack listens", "%s", la_strerror(rc));
    else
        for (int v6 = 0; v6 < 2 && !cli_stopped(); v6++)
            curl_fetches(d, v6);
    if (!cli_stopped()) {
        demo_part(d, "%u MiB from python3's http.server at " KERNELS " to lastack",
                  (unsigned)d->mib);
        fetch_from_python(d);
    }
    close_host(d, h);
    if (cli_stopped())
        return 0;

    demo_part(d, "One connection, segment by segment: lastack closes first");
    if ((rc = open_host(d, true, &h)))
        return rc;
    part_goodbye(d);
    close_host(d, h);
    return 0;
}
