/* sockets.h: BSD sockets over one la_stack, as Linux has them: descriptors, blocking, poll and
 * epoll, options, errno, struct tcp_info.  Streams of AF_INET and AF_INET6 only.
 *
 * Calls are libc's, with the layer's object first; numbers (options, flags, errno, struct layouts)
 * are Linux's.  Each returns what libc's returns, but for failures: those are a negative errno and
 * nothing is written to `errno`.  Pointers come from the program and must be valid.
 *
 * Who does what.  The owner drives the stack: la_rx, la_tx, la_expire.  After la_rx and la_expire
 * he calls so_events(), which takes the stack's events in; after any call here he should let la_tx
 * run, for a call may have queued frames.  The layer never sends, reads no clock of its own and
 * owns no thread: time and waiting are hooks, so that it runs alike in virtual and in real time.
 *
 * Threads.  One call at a time: the owner holds a lock of his own around each, and may release it
 * inside the wait hook.  While a call waits, any other may be made, from another thread or from the
 * hook itself; also so_close of the same descriptor, whose blocked calls then fail with EBADF. */
#ifndef LA_SOCKETS_SOCKETS_H
#define LA_SOCKETS_SOCKETS_H

#include <lastack/lastack.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct so_hooks {
    void *ctx;

    /* The time, on the stack's clock. */
    la_ns (*now)(void *ctx);

    /* Called where a blocking call can go no further; blocks the caller until a frame, the time or
     * another call may have changed something, at the latest until `deadline` (LA_NEVER: no limit).
     * The call then looks again, so it may return too early, never too late.  In virtual time with
     * one thread: runs the world by one step.  0, or an errno with which the call fails (EINTR).
     * NULL: nothing blocks; what would, fails with EAGAIN, and a connect with EINPROGRESS. */
    int (*wait)(void *ctx, la_ns deadline);

    /* Something became ready, or room for more: other threads' waits should look again.  May be
     * NULL.  Must not call back. */
    void (*wake)(void *ctx);

    /* Where descriptor numbers come from: a new one, or a negative errno; and its end.  Both NULL:
     * the lowest free number from 3 on. */
    int (*fd_open)(void *ctx);
    void (*fd_close)(void *ctx, int fd);
};

/* How sockets begin; zeroes are replaced by the defaults named. */
struct so_config {
    struct la_stack *stack;  /* borrowed; outlives the layer */
    struct so_hooks hooks;   /* now is required */
    uint32_t rcvbuf;         /* bytes of the first receive buffer, default 131,072.  SO_RCVBUF then
                                doubles what it is given and reads back the double, as on Linux */
    uint32_t sndbuf;         /* likewise; default 2,626,560 */
    uint32_t buf_max;        /* what SO_RCVBUF and SO_SNDBUF are cut to, default 212,992 */
    bool plain_bufs;         /* buffer sizes are what the program says, not doubled (BSD) */
    uint32_t somaxconn;      /* bound of listen's backlog, default 4,096 */
    bool time_wait_is_close; /* TCP_INFO says TCP_CLOSE in TIME-WAIT: on Linux what waits is not
                                the socket any more */
    uint16_t port_lo, port_hi; /* for bind to port 0, default 32768..60999 */
};

/* Makes the stack and the sockets to come behave on the wire as scripts written for that system
 * take for granted: "linux", "freebsd"; NULL or "rfc" changes nothing.  Sets defaults of the stack
 * and fields of *cfg; before so_new.  -EINVAL: no such profile. */
int so_profile(const char *name, struct la_stack *stack, struct so_config *cfg);

struct sockets;

/* -EINVAL, -ENOMEM.  so_free closes what is open (by la_abort, so nothing lingers) and gives every
 * descriptor back. */
int so_new(const struct so_config *cfg, struct sockets **out);
void so_free(struct sockets *so);

/* Sizes of the first buffers of sockets to come, as in so_config; 0 leaves one as it is. */
void so_presets(struct sockets *so, uint32_t rcvbuf, uint32_t sndbuf);

/* Takes la_next_event's events in and wakes who waits for them. */
void so_events(struct sockets *so);

/* ---- life ---- */

/* Is this descriptor one of the layer's? */
bool so_is(const struct sockets *so, int fd);
/* The core's handle behind a descriptor, for la_status and la_record_*; LA_CONN_NONE before connect
 * or listen, and for others. */
la_conn so_conn(const struct sockets *so, int fd);

int so_socket(struct sockets *so, int domain, int type, int protocol);
int so_bind(struct sockets *so, int fd, const struct sockaddr *addr, socklen_t len);
int so_listen(struct sockets *so, int fd, int backlog);
int so_accept(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len);
int so_accept4(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len, int flags);
int so_connect(struct sockets *so, int fd, const struct sockaddr *addr, socklen_t len);
int so_shutdown(struct sockets *so, int fd, int how);
/* With SO_LINGER and a time, waits for the peer's acknowledgment first. */
int so_close(struct sockets *so, int fd);
int so_getsockname(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len);
int so_getpeername(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len);

/* ---- carrying.  EPIPE raises no signal: that is the owner's, unless MSG_NOSIGNAL ---- */

ssize_t so_read(struct sockets *so, int fd, void *p, size_t n);
ssize_t so_readv(struct sockets *so, int fd, const struct iovec *v, int count);
ssize_t so_recv(struct sockets *so, int fd, void *p, size_t n, int flags);
ssize_t so_recvfrom(struct sockets *so, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                    socklen_t *len);
ssize_t so_recvmsg(struct sockets *so, int fd, struct msghdr *m, int flags);
ssize_t so_write(struct sockets *so, int fd, const void *p, size_t n);
ssize_t so_writev(struct sockets *so, int fd, const struct iovec *v, int count);
ssize_t so_send(struct sockets *so, int fd, const void *p, size_t n, int flags);
ssize_t so_sendto(struct sockets *so, int fd, const void *p, size_t n, int flags,
                  const struct sockaddr *addr, socklen_t len);
ssize_t so_sendmsg(struct sockets *so, int fd, const struct msghdr *m, int flags);

/* ---- options ---- */

/* `arg` is the int of F_SETFL and F_SETFD; F_DUPFD is not supported. */
int so_fcntl(struct sockets *so, int fd, int cmd, long arg);
/* FIONREAD (SIOCINQ), TIOCOUTQ (SIOCOUTQ), SIOCOUTQNSD, FIONBIO, SIOCATMARK. */
int so_ioctl(struct sockets *so, int fd, unsigned long request, void *arg);
int so_getsockopt(struct sockets *so, int fd, int level, int name, void *value, socklen_t *len);
int so_setsockopt(struct sockets *so, int fd, int level, int name, const void *value,
                  socklen_t len);

/* ---- readiness ---- */

int so_poll(struct sockets *so, struct pollfd *fds, nfds_t n, int timeout_ms);
int so_epoll_create1(struct sockets *so, int flags);
int so_epoll_ctl(struct sockets *so, int epfd, int op, int fd, const struct epoll_event *ev);
int so_epoll_wait(struct sockets *so, int epfd, struct epoll_event *evs, int max, int timeout_ms);

#endif
