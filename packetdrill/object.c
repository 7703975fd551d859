/* object.c: the calls of interface.h: the sockets' own, locked, with libc's way of telling errors.
 */
#include "packetdrill/asked.h"
#include "packetdrill/interface.h"
#include "packetdrill/world.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One call: its value, or -1 and errno. */
#define CALL(type, expression)                                                                     \
    do {                                                                                           \
        struct world *w = u;                                                                       \
        world_enter(w);                                                                            \
        type r = (expression);                                                                     \
        if (r < 0) {                                                                               \
            errno = (int)-r;                                                                       \
            r = -1;                                                                                \
        }                                                                                          \
        world_leave(w);                                                                            \
        return r;                                                                                  \
    } while (0)

bool object_owns(void *u, int fd)
{
    struct world *w = u;
    world_enter(w);
    bool is = so_is(w->so, fd);
    world_leave(w);
    return is;
}

static int pd_socket(void *u, int domain, int type, int protocol)
{
    CALL(int, (world_settings(w), so_socket(w->so, domain, type, protocol)));
}

static int pd_bind(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
    CALL(int, (world_bind(w, addr, len), so_bind(w->so, fd, addr, len)));
}

static int pd_listen(void *u, int fd, int backlog)
{
    CALL(int, (world_settings(w), so_listen(w->so, fd, backlog)));
}

static int pd_accept(void *u, int fd, struct sockaddr *addr, socklen_t *len)
{
    CALL(int, so_accept(w->so, fd, addr, len));
}

static int pd_connect(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
    CALL(int, so_connect(w->so, fd, addr, len));
}

static ssize_t pd_read(void *u, int fd, void *p, size_t n)
{
    if (!object_owns(u, fd)) /* a pipe's end */
        return read(fd, p, n);
    CALL(ssize_t, so_read(w->so, fd, p, n));
}

static ssize_t pd_readv(void *u, int fd, const struct iovec *v, int count)
{
    CALL(ssize_t, so_readv(w->so, fd, v, count));
}

static ssize_t pd_recv(void *u, int fd, void *p, size_t n, int flags)
{
    CALL(ssize_t, so_recv(w->so, fd, p, n, flags));
}

static ssize_t pd_recvfrom(void *u, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                           socklen_t *len)
{
    CALL(ssize_t, so_recvfrom(w->so, fd, p, n, flags, addr, len));
}

static ssize_t pd_recvmsg(void *u, int fd, struct msghdr *m, int flags)
{
    CALL(ssize_t, so_recvmsg(w->so, fd, m, flags));
}

static ssize_t pd_write(void *u, int fd, const void *p, size_t n)
{
    if (!object_owns(u, fd))
        return write(fd, p, n);
    CALL(ssize_t, so_write(w->so, fd, p, n));
}

static ssize_t pd_writev(void *u, int fd, const struct iovec *v, int count)
{
    CALL(ssize_t, so_writev(w->so, fd, v, count));
}

static ssize_t pd_send(void *u, int fd, const void *p, size_t n, int flags)
{
    CALL(ssize_t, so_send(w->so, fd, p, n, flags));
}

static ssize_t pd_sendto(void *u, int fd, const void *p, size_t n, int flags,
                         const struct sockaddr *addr, socklen_t len)
{
    CALL(ssize_t, so_sendto(w->so, fd, p, n, flags, addr, len));
}

static ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *m, int flags)
{
    CALL(ssize_t, so_sendmsg(w->so, fd, m, flags));
}

static int pd_fcntl(void *u, int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    long arg = va_arg(args, long); /* an int, or nothing, where the command takes none */
    va_end(args);
    CALL(int, so_fcntl(w->so, fd, cmd, arg));
}

static int pd_ioctl(void *u, int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    CALL(int, so_ioctl(w->so, fd, request, arg));
}

static int pd_close(void *u, int fd)
{
    if (!object_owns(u, fd))
        return close(fd);
    CALL(int, so_close(w->so, fd));
}

static int pd_shutdown(void *u, int fd, int how)
{
    CALL(int, so_shutdown(w->so, fd, how));
}

static int pd_getsockopt(void *u, int fd, int level, int name, void *value, socklen_t *len)
{
    CALL(int, so_getsockopt(w->so, fd, level, name, value, len));
}

static int pd_setsockopt(void *u, int fd, int level, int name, const void *value, socklen_t len)
{
    CALL(int, so_setsockopt(w->so, fd, level, name, value, len));
}

static int pd_poll(void *u, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    CALL(int, so_poll(w->so, fds, n, timeout_ms));
}

static int pd_epoll_create(void *u, int size)
{
    if (size <= 0) {
        errno = EINVAL;
        return -1;
    }
    CALL(int, so_epoll_create1(w->so, 0));
}

static int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *ev)
{
    CALL(int, so_epoll_ctl(w->so, epfd, op, fd, ev));
}

static int pd_epoll_wait(void *u, int epfd, struct epoll_event *evs, int max, int timeout_ms)
{
    CALL(int, so_epoll_wait(w->so, epfd, evs, max, timeout_ms));
}

/* ---- pipes are the kernel's; splice copies between one and a socket ---- */

static int pd_pipe(void *u, int fds[2])
{
    (void)u;
    return pipe(fds);
}

static ssize_t pd_splice(void *u, int in, off_t *off_in, int out, off_t *off_out, size_t n,
                         unsigned flags)
{
    char buf[65536]; /* as much as a pipe holds */
    int dontwait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
    if ((off_in && *off_in) || (off_out && *off_out)) { /* a script's NULL comes as a zero */
        errno = ESPIPE;
        return -1;
    }
    if (n > sizeof buf)
        n = sizeof buf;
    ssize_t got = object_owns(u, in) ? pd_recv(u, in, buf, n, dontwait) : read(in, buf, n);
    if (got <= 0)
        return got;
    return object_owns(u, out) ? pd_send(u, out, buf, (size_t)got, 0)
                               : write(out, buf, (size_t)got);
}

/* ---- the wire and the clock ---- */

static int pd_netdev_send(void *u, const void *p, size_t n)
{
    world_send(u, p, n);
    return 0;
}

static int pd_netdev_receive(void *u, void *p, size_t *n, long long *time_usecs)
{
    int64_t us = 0;
    int r = world_receive(u, p, n, &us);
    if (r == 0 && *n)
        *time_usecs = us;
    return r;
}

static int pd_usleep(void *u, useconds_t usecs)
{
    world_sleep(u, LA_USEC((la_ns)usecs));
    return 0;
}

static int pd_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
    int64_t us = world_stamp(u);
    (void)tz;
    *tv = (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    return 0;
}

static void pd_free(void *u)
{
    asked_end(u);
    world_free(u);
}

static const struct packetdrill_interface calls = {
    .free = pd_free,
    .socket = pd_socket,
    .bind = pd_bind,
    .listen = pd_listen,
    .accept = pd_accept,
    .connect = pd_connect,
    .read = pd_read,
    .readv = pd_readv,
    .recv = pd_recv,
    .recvfrom = pd_recvfrom,
    .recvmsg = pd_recvmsg,
    .write = pd_write,
    .writev = pd_writev,
    .send = pd_send,
    .sendto = pd_sendto,
    .sendmsg = pd_sendmsg,
    .fcntl = pd_fcntl,
    .ioctl = pd_ioctl,
    .close = pd_close,
    .shutdown = pd_shutdown,
    .getsockopt = pd_getsockopt,
    .setsockopt = pd_setsockopt,
    .poll = pd_poll,
    .netdev_send = pd_netdev_send,
    .netdev_receive = pd_netdev_receive,
    .usleep = pd_usleep,
    .gettimeofday = pd_gettimeofday,
    .epoll_create = pd_epoll_create,
    .epoll_ctl = pd_epoll_ctl,
    .epoll_wait = pd_epoll_wait,
    .pipe = pd_pipe,
    .splice = pd_splice,
};

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
    struct flags f;
    char err[512] = "";
    struct world *w =
        flags_parse(flags, &f, err, sizeof err) ? world_new(&f, err, sizeof err) : NULL;
    if (!w) {
        (void)fprintf(stderr, "liblastack-packetdrill: %s\n", err);
        exit(EXIT_FAILURE);
    }
    *ifc = calls;
    ifc->userdata = w;
    asked_begin(ifc);
}
