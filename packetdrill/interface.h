/* interface.h: what packetdrill asks of a stack that is loaded as a shared object: one function
 * that fills a table of calls, each libc's with `userdata` first.  The order of the fields is the
 * contract. */
#ifndef LA_PACKETDRILL_INTERFACE_H
#define LA_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
    void *userdata;
    void (*free)(void *userdata);
    int (*socket)(void *userdata, int domain, int type, int protocol);
    int (*bind)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(void *userdata, int fd, int backlog);
    int (*accept)(void *userdata, int fd, struct sockaddr *addr, socklen_t *len);
    int (*connect)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
    ssize_t (*read)(void *userdata, int fd, void *p, size_t n);
    ssize_t (*readv)(void *userdata, int fd, const struct iovec *v, int count);
    ssize_t (*recv)(void *userdata, int fd, void *p, size_t n, int flags);
    ssize_t (*recvfrom)(void *userdata, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                        socklen_t *len);
    ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *m, int flags);
    ssize_t (*write)(void *userdata, int fd, const void *p, size_t n);
    ssize_t (*writev)(void *userdata, int fd, const struct iovec *v, int count);
    ssize_t (*send)(void *userdata, int fd, const void *p, size_t n, int flags);
    ssize_t (*sendto)(void *userdata, int fd, const void *p, size_t n, int flags,
                      const struct sockaddr *addr, socklen_t len);
    ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *m, int flags);
    int (*fcntl)(void *userdata, int fd, int cmd, ...);
    int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
    int (*close)(void *userdata, int fd);
    int (*shutdown)(void *userdata, int fd, int how);
    int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *len);
    int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value,
                      socklen_t len);
    int (*poll)(void *userdata, struct pollfd *fds, nfds_t n, int timeout_ms);

    /* A datagram for the stack, and the next one from it: *n is the room, then the length.  0 with
     * *n 0: nothing can come any more. */
    int (*netdev_send)(void *userdata, const void *p, size_t n);
    int (*netdev_receive)(void *userdata, void *p, size_t *n, long long *time_usecs);

    int (*usleep)(void *userdata, useconds_t usecs);
    int (*gettimeofday)(void *userdata, struct timeval *tv, struct timezone *tz);
    int (*epoll_create)(void *userdata, int size);
    int (*epoll_ctl)(void *userdata, int epfd, int op, int fd, struct epoll_event *ev);
    int (*epoll_wait)(void *userdata, int epfd, struct epoll_event *evs, int max, int timeout_ms);
    int (*pipe)(void *userdata, int fds[2]);
    ssize_t (*splice)(void *userdata, int in, off_t *off_in, int out, off_t *off_out, size_t n,
                      unsigned flags);
};

/* `flags` is --so_flags' text (flags.h), or NULL.  A flag that is wrong ends the process with one
 * line on standard error. */
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc);

#endif
