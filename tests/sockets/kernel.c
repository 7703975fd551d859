/* kernel.c: see kernel.h.  A thread takes datagrams off the device as they come, so that each has
 * the time at which it left, whatever the test is doing. */
#include "sockets/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 512
#define FDS 64

struct datagram {
    long long at;
    size_t n;
    uint8_t *p;
};

struct kernel {
    int tun, home, patience_ms;
    int stop[2]; /* a pipe: the reader's end */
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct datagram queue[QUEUE];
    unsigned first, count;
    int fds[FDS]; /* what the test left open */
};

static long long wall_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the wire ---- */

/* TCP, and ICMP of errors; the kernel's own multicast and the like is nobody's business. */
static bool matters(const uint8_t *p, size_t n)
{
    if (n >= 40 && p[0] >> 4 == 6)
        return p[6] == IPPROTO_TCP;
    return n >= 20 && p[0] >> 4 == 4 && p[9] == IPPROTO_TCP;
}

static void *read_tun(void *arg)
{
    struct kernel *k = arg;
    static __thread uint8_t buf[65536];
    for (;;) {
        struct pollfd p[2] = {{k->tun, POLLIN, 0}, {k->stop[0], POLLIN, 0}};
        if (poll(p, 2, -1) < 0 || p[1].revents)
            return NULL;
        ssize_t n = read(k->tun, buf, sizeof buf);
        if (n <= 0 || !matters(buf, (size_t)n))
            continue;
        (void)pthread_mutex_lock(&k->lock);
        if (k->count < QUEUE) {
            struct datagram *d = &k->queue[(k->first + k->count++) % QUEUE];
            *d = (struct datagram){wall_us(), (size_t)n, malloc((size_t)n)};
            memcpy(d->p, buf, (size_t)n);
        }
        (void)pthread_cond_signal(&k->cond);
        (void)pthread_mutex_unlock(&k->lock);
    }
}

static int k_netdev_send(void *u, const void *p, size_t n)
{
    struct kernel *k = u;
    return write(k->tun, p, n) == (ssize_t)n ? 0 : -1;
}

static int k_netdev_receive(void *u, void *p, size_t *n, long long *time_usecs)
{
    struct kernel *k = u;
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    long long end = (long long)t.tv_sec * 1000000000 + t.tv_nsec + k->patience_ms * 1000000LL;
    t = (struct timespec){(time_t)(end / 1000000000), (long)(end % 1000000000)};
    (void)pthread_mutex_lock(&k->lock);
    while (!k->count && pthread_cond_timedwait(&k->cond, &k->lock, &t) == 0)
        ;
    if (k->count) {
        struct datagram *d = &k->queue[k->first];
        *n = d->n < *n ? d->n : *n;
        memcpy(p, d->p, *n);
        *time_usecs = d->at;
        free(d->p);
        k->first = (k->first + 1) % QUEUE;
        k->count--;
    } else {
        *n = 0;
    }
    (void)pthread_mutex_unlock(&k->lock);
    return 0;
}

static int k_usleep(void *u, useconds_t us)
{
    (void)u;
    return usleep(us);
}

static int k_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
    (void)u;
    (void)tz;
    long long us = wall_us();
    *tv = (struct timeval){us / 1000000, us % 1000000};
    return 0;
}

/* ---- calls: libc's ---- */

static int keep(void *u, int fd)
{
    struct kernel *k = u;
    for (int i = 0; fd >= 0 && i < FDS; i++)
        if (k->fds[i] < 0) {
            k->fds[i] = fd;
            break;
        }
    return fd;
}

static int k_socket(void *u, int domain, int type, int protocol)
{
    return keep(u, socket(domain, type, protocol));
}

static int k_bind(void *u, int fd, const struct sockaddr *a, socklen_t n)
{
    (void)u;
    return bind(fd, a, n);
}

static int k_listen(void *u, int fd, int backlog)
{
    (void)u;
    return listen(fd, backlog);
}

static int k_accept(void *u, int fd, struct sockaddr *a, socklen_t *n)
{
    return keep(u, accept(fd, a, n));
}

static int k_connect(void *u, int fd, const struct sockaddr *a, socklen_t n)
{
    (void)u;
    return connect(fd, a, n);
}

static ssize_t k_read(void *u, int fd, void *p, size_t n)
{
    (void)u;
    return read(fd, p, n);
}

static ssize_t k_readv(void *u, int fd, const struct iovec *v, int count)
{
    (void)u;
    return readv(fd, v, count);
}

static ssize_t k_recv(void *u, int fd, void *p, size_t n, int flags)
{
    (void)u;
    return recv(fd, p, n, flags);
}

static ssize_t k_recvfrom(void *u, int fd, void *p, size_t n, int flags, struct sockaddr *a,
                          socklen_t *len)
{
    (void)u;
    return recvfrom(fd, p, n, flags, a, len);
}

static ssize_t k_recvmsg(void *u, int fd, struct msghdr *m, int flags)
{
    (void)u;
    return recvmsg(fd, m, flags);
}

static ssize_t k_write(void *u, int fd, const void *p, size_t n)
{
    (void)u;
    return write(fd, p, n);
}

static ssize_t k_writev(void *u, int fd, const struct iovec *v, int count)
{
    (void)u;
    return writev(fd, v, count);
}

static ssize_t k_send(void *u, int fd, const void *p, size_t n, int flags)
{
    (void)u;
    return send(fd, p, n, flags);
}

static ssize_t k_sendto(void *u, int fd, const void *p, size_t n, int flags,
                        const struct sockaddr *a, socklen_t len)
{
    (void)u;
    return sendto(fd, p, n, flags, a, len);
}

static ssize_t k_sendmsg(void *u, int fd, const struct msghdr *m, int flags)
{
    (void)u;
    return sendmsg(fd, m, flags);
}

static int k_fcntl(void *u, int fd, int cmd, ...)
{
    va_list args;
    (void)u;
    va_start(args, cmd);
    int arg = va_arg(args, int);
    va_end(args);
    return fcntl(fd, cmd, arg);
}

static int k_ioctl(void *u, int fd, unsigned long request, ...)
{
    va_list args;
    (void)u;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    return ioctl(fd, request, arg);
}

static int k_close(void *u, int fd)
{
    struct kernel *k = u;
    for (int i = 0; i < FDS; i++)
        if (k->fds[i] == fd)
            k->fds[i] = -1;
    return close(fd);
}

static int k_shutdown(void *u, int fd, int how)
{
    (void)u;
    return shutdown(fd, how);
}

static int k_getsockopt(void *u, int fd, int level, int name, void *v, socklen_t *len)
{
    (void)u;
    return getsockopt(fd, level, name, v, len);
}

static int k_setsockopt(void *u, int fd, int level, int name, const void *v, socklen_t len)
{
    (void)u;
    return setsockopt(fd, level, name, v, len);
}

static int k_poll(void *u, struct pollfd *fds, nfds_t n, int ms)
{
    (void)u;
    return poll(fds, n, ms);
}

static int k_epoll_create(void *u, int size)
{
    return keep(u, epoll_create(size));
}

static int k_epoll_ctl(void *u, int ep, int op, int fd, struct epoll_event *ev)
{
    (void)u;
    return epoll_ctl(ep, op, fd, ev);
}

static int k_epoll_wait(void *u, int ep, struct epoll_event *ev, int max, int ms)
{
    (void)u;
    return epoll_wait(ep, ev, max, ms);
}

static int k_pipe(void *u, int fds[2])
{
    (void)u;
    return pipe(fds);
}

static ssize_t k_splice(void *u, int in, off_t *off_in, int out, off_t *off_out, size_t n,
                        unsigned flags)
{
    (void)u;
    return splice(in, off_in && *off_in ? off_in : NULL, out, off_out && *off_out ? off_out : NULL,
                  n, flags);
}

static void k_free(void *u)
{
    struct kernel *k = u;
    for (int i = 0; i < FDS; i++)
        if (k->fds[i] >= 0)
            (void)close(k->fds[i]);
    (void)close(k->stop[1]);
    (void)pthread_join(k->reader, NULL);
    (void)close(k->stop[0]);
    (void)close(k->tun);
    if (setns(k->home, CLONE_NEWNET))
        perror("setns");
    (void)close(k->home);
    free(k);
}

/* ---- making one ---- */

static bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool run(const char *fmt, ...)
{
    char command[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    return system(command) == 0; // NOLINT(cert-env33-c): texts of this file, and of tests' flags
}

static bool sysctl(const char *name, const char *value)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, value, strlen(value)) > 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* As in scripts written for Linux: Reno, without what came after RFC 6675. */
static void settings(void)
{
    static const char *const table[][2] = {
        {"tcp_congestion_control", "reno"},
        {"tcp_recovery", "0"},
        {"tcp_early_retrans", "0"},
        {"tcp_no_metrics_save", "1"},
        {"tcp_syn_linear_timeouts", "0"},
        {"tcp_ecn", "0"},
        {"tcp_fastopen", "0"},
        {"tcp_rmem", "4096 131072 15728640"},
        {"tcp_wmem", "4096 2626560 6291456"},
        {"tcp_autocorking", "0"},
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        (void)sysctl(table[i][0], table[i][1]);
}

static int open_tun(void)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    memcpy(r.ifr_name, "tun0", 5);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &r)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool addresses(const char *flags)
{
    char *all = strdup(flags), *rest = all, *word;
    bool ok = run("ip link set lo up && ip link set tun0 up");
    while (ok && (word = strsep(&rest, ",")))
        if (strncmp(word, "local=", 6) == 0)
            ok = run("ip addr add %s dev tun0 %s", word + 6, strchr(word, ':') ? "nodad" : "");
        else if (strncmp(word, "mtu=", 4) == 0)
            ok = run("ip link set tun0 mtu %s", word + 4);
    free(all);
    return ok && run("ip route add default dev tun0; ip -6 route add default dev tun0 2>&-; true");
}

static const struct packetdrill_interface calls = {
    .free = k_free,
    .socket = k_socket,
    .bind = k_bind,
    .listen = k_listen,
    .accept = k_accept,
    .connect = k_connect,
    .read = k_read,
    .readv = k_readv,
    .recv = k_recv,
    .recvfrom = k_recvfrom,
    .recvmsg = k_recvmsg,
    .write = k_write,
    .writev = k_writev,
    .send = k_send,
    .sendto = k_sendto,
    .sendmsg = k_sendmsg,
    .fcntl = k_fcntl,
    .ioctl = k_ioctl,
    .close = k_close,
    .shutdown = k_shutdown,
    .getsockopt = k_getsockopt,
    .setsockopt = k_setsockopt,
    .poll = k_poll,
    .netdev_send = k_netdev_send,
    .netdev_receive = k_netdev_receive,
    .usleep = k_usleep,
    .gettimeofday = k_gettimeofday,
    .epoll_create = k_epoll_create,
    .epoll_ctl = k_epoll_ctl,
    .epoll_wait = k_epoll_wait,
    .pipe = k_pipe,
    .splice = k_splice,
};

void kernel_patience(void *userdata, int ms)
{
    ((struct kernel *)userdata)->patience_ms = ms;
}

bool kernel_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
    struct kernel *k = calloc(1, sizeof *k);
    for (int i = 0; i < FDS; i++)
        k->fds[i] = -1;
    k->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (k->home < 0 || unshare(CLONE_NEWNET) || (k->tun = open_tun()) < 0 || pipe(k->stop)) {
        perror("a network namespace with a TUN device");
        free(k);
        return false;
    }
    settings();
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->cond, NULL);
    if (!addresses(flags) || pthread_create(&k->reader, NULL, read_tun, k)) {
        (void)fprintf(stderr, "the device has no addresses\n");
        return false;
    }
    *ifc = calls;
    ifc->userdata = k;
    return true;
}
