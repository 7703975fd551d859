/* lastack/host.h: a stack on Linux: memory, entropy, clock, TAP and TUN devices, an event loop,
 * captures and traces.  The core does not need it: who has a loop and devices of their own drives
 * la_rx, la_tx and la_expire themselves.
 *
 * The short way, used by the command and by the examples:
 *
 *     struct la_host_config cfg = {.dev = "tap:tap0", .addr = "10.77.0.2/24"};
 *     struct la_host_error err;
 *     struct la_host *h;
 *     if (la_host_open(&cfg, &h, &err) < 0)
 *         die(err.text);
 *     la_loop_on_event(la_host_loop(h), my_events, me);
 *     la_listen(la_host_stack(h), ...);
 *     la_loop_run(la_host_loop(h), NULL, NULL, LA_NEVER);
 *     la_host_close(h);
 *
 * Everything here belongs to one thread, except where a function says otherwise. */
#ifndef LASTACK_HOST_H
#define LASTACK_HOST_H

#include <lastack/stack.h>
#include <lastack/tcp.h>
#include <lastack/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong and what to type about it, one line without a newline: "tap0 is down: type ip
 * link set tap0 up".  Functions that take one fill it whenever they fail, and leave it empty or
 * with a hint (la_host_open) when they do not.  May be NULL. */
struct la_host_error {
    char text[320];
};

/* ---- what la_config wants from the machine ---- */

/* malloc and free. */
LA_API struct la_memory la_host_memory(void);

/* 32 bytes from the kernel, for la_config.secret.  LA_EOPNOTSUPP if there are none to be had. */
LA_API int la_host_entropy(uint8_t out[32]);

/* CLOCK_MONOTONIC. */
LA_API la_ns la_host_now(void);

/* "10.77.0.2/24" or "fd77::2/64" into its two parts; without a slash the length is the whole
 * address's (32 or 128).  LA_EINVAL. */
LA_API int la_host_parse_prefix(const char *text, struct la_addr *addr, unsigned *prefix_len);

/* Room for the longest text that la_host_endpoint writes, with its NUL. */
#define LA_HOST_ENDPOINT_STRLEN (LA_ADDR_STRLEN + 8)

/* "10.77.0.2:80" or "[fd77::2]:80" into buf, which holds LA_HOST_ENDPOINT_STRLEN.  Returns buf. */
LA_API char *la_host_endpoint(const struct la_endpoint *e, char *buf);

/* ---- devices ---- */

enum la_dev_kind { LA_DEV_TAP, LA_DEV_TUN };

struct la_dev_config {
    enum la_dev_kind kind;
    const char *name; /* at most 15 bytes; attached to if it is there, else made */
    bool no_offload;  /* neither checksums nor segmentation are left to the kernel */
    bool no_up;       /* do not bring up the kernel's side of a device that was made here */
    uint32_t mtu;     /* 0: the device's.  Else the kernel's side of a device that was made here is
                         set to it; LA_EINVAL if an existing device's is smaller */
};

struct la_dev; /* an open device */

/* Opens /dev/net/tun in the network namespace of the caller, without blocking, with a virtio-net
 * header where the kernel takes one.  A device that was there may take a second until the kernel
 * sends by it.  A device that was made here goes away with la_dev_close.
 * LA_EOPNOTSUPP (no /dev/net/tun, no permission), LA_EINVAL (name, type or MTU does not fit),
 * LA_EADDRINUSE (somebody else holds it), LA_ENOMEM. */
LA_API int la_dev_open(const struct la_dev_config *cfg, struct la_dev **out,
                       struct la_host_error *err);
LA_API void la_dev_close(struct la_dev *d); /* NULL is fine */

/* How la_if_add should be called for it: link, mtu, offload, and for a TAP a random locally
 * administered MAC that is not the kernel's. */
LA_API void la_dev_if_config(const struct la_dev *d, struct la_if_config *out);

LA_API const char *la_dev_name(const struct la_dev *d);
LA_API int la_dev_fd(const struct la_dev *d);

/* The next frame received, valid until the next call; false when there is none now. */
LA_API bool la_dev_recv(struct la_dev *d, struct la_frame *f);

/* Sends a frame.  When the device has no room the frame is copied and kept, and the next call must
 * wait until la_dev_flush has returned true.  A frame that the kernel refuses (device down) is
 * dropped and counted. */
LA_API void la_dev_send(struct la_dev *d, const struct la_frame *f);
LA_API bool la_dev_flush(struct la_dev *d); /* true: nothing is kept back */

struct la_dev_stats {
    uint64_t rx_frames, rx_errors; /* errors: too short for their own header */
    uint64_t tx_frames, tx_refused, tx_delayed;
};
LA_API void la_dev_stats(const struct la_dev *d, struct la_dev_stats *out);

/* ---- captures ---- */

/* A pcapng file whose packets carry what the stack thought of them as a comment: state before and
 * after, rules fired, why it was dropped, whether it was a retransmission. */
struct la_pcap;

/* `epoch` is added to each time: what CLOCK_REALTIME showed when the stack's clock was zero. */
LA_API int la_pcap_open(const char *path, la_ns epoch, struct la_pcap **out,
                        struct la_host_error *err);

/* Adds an interface and returns its number in the file, 0 and up. */
LA_API int la_pcap_interface(struct la_pcap *p, const char *name, enum la_link link);

/* Feed it la_config.trace's events; it keeps what the next packet's comment needs. */
LA_API void la_pcap_trace(struct la_pcap *p, const struct la_trace *ev);

/* la_pcap_begin before la_rx or la_tx, la_pcap_frame after it: what was traced between the two is
 * about this frame, what came before (timers, calls of the program) is told as such.  When la_tx
 * had no frame to give, f is NULL: nothing is written, and what came before is kept for the next.
 * Checksums that were left to a device are completed in the copy that is written. */
LA_API void la_pcap_begin(struct la_pcap *p);
LA_API void la_pcap_frame(struct la_pcap *p, int interface, bool outbound, const struct la_frame *f,
                          la_ns now);
LA_API void la_pcap_flush(struct la_pcap *p);
LA_API int la_pcap_close(struct la_pcap *p); /* LA_ENOMEM: it is not complete; errno says why */

/* ---- traces ---- */

/* One la_config.trace for many listeners: trace = la_tracers_fire, trace_ctx = the list's head. */
struct la_tracer {
    void (*fn)(void *ctx, const struct la_trace *ev);
    void *ctx;
    struct la_tracer *next; /* the list's; owned by the caller, who keeps it as long as the stack */
};
struct la_tracers {
    struct la_tracer *first;
};
LA_API void la_tracers_add(struct la_tracers *list, struct la_tracer *t);
LA_API void la_tracers_fire(void *list, const struct la_trace *ev);

/* One line of text for an event, without a newline; `origin` is taken off its time.  Returns buf.
 */
LA_API char *la_trace_format(const struct la_trace *ev, la_ns origin, char *buf, size_t n);

/* ---- the event loop ---- */

/* One stack, its devices, and file descriptors of the program, on epoll and a timerfd.
 *
 * Callbacks may call everything of the stack, and la_loop_fd_*, and la_loop_stop.  They must not
 * free the loop, the host, the stack or a device: la_loop_run is on the call stack under them. */
struct la_loop;

LA_API int la_loop_new(struct la_stack *s, struct la_loop **out);
LA_API void la_loop_free(struct la_loop *l); /* frees neither stack nor devices.  NULL is fine */

/* Gives the loop a device for the stack's interface `ifx`.  `capture` may be NULL.  LA_ENOMEM. */
LA_API int la_loop_dev_add(struct la_loop *l, struct la_dev *d, int ifx, struct la_pcap *capture);

/* The one function that hears la_next_event.  Without one, events stay in the stack. */
LA_API void la_loop_on_event(struct la_loop *l, void (*fn)(void *ctx, const struct la_event *ev),
                             void *ctx);

/* Watches a descriptor (EPOLLIN, EPOLLOUT, ... of <sys/epoll.h>), level-triggered.  The loop never
 * closes it; la_loop_fd_del before close().  A regular file, which epoll does not take, counts as
 * always ready.  LA_EINVAL, LA_ENOMEM. */
typedef void la_fd_fn(void *ctx, int fd, uint32_t events);
LA_API int la_loop_fd_add(struct la_loop *l, int fd, uint32_t events, la_fd_fn *fn, void *ctx);
LA_API int la_loop_fd_mod(struct la_loop *l, int fd, uint32_t events); /* 0: nothing for now */
LA_API void la_loop_fd_del(struct la_loop *l, int fd);

/* Runs until `done` (NULL: never) says true, asked before each sleep; or `deadline` on
 * la_host_now()'s clock passes: LA_ETIMEDOUT; or la_loop_stop: LA_EAGAIN.  0 when done. Frames that
 * were due have left when it returns.  A deadline in the past serves once what is ready now.
 * LA_EOPNOTSUPP if a device went away, LA_EINVAL from inside a callback. */
LA_API int la_loop_run(struct la_loop *l, bool (*done)(void *ctx), void *ctx, la_ns deadline);

/* Makes la_loop_run return; for signal handlers and other threads too. */
LA_API void la_loop_stop(struct la_loop *l);

/* ---- all of it at once ---- */

struct la_host_config {
    const char *dev;        /* "tap:NAME" or "tun:NAME" */
    const char *addr;       /* "10.77.0.2/24", or NULL */
    const char *addr6;      /* "fd77::2/64", or NULL */
    const char *gateway;    /* "10.77.0.1" or "fd77::1", or NULL */
    const char *gateway6;   /* one of each family may be wanted */
    const char *host_addr;  /* "10.77.0.1/24": given to the kernel's side of the device, or NULL */
    const char *host_addr6; /* "fd77::1/64", or NULL */
    uint32_t mtu;           /* 0: the device's */
    la_ns msl;              /* 0: la_config's default */
    bool no_offload;
    bool no_dad;      /* use the addresses at once (la_if_config.no_dad) */
    bool slaac;       /* IPv6 addresses from router advertisements */
    const char *pcap; /* a file for la_pcap_open, or NULL */
    bool trace;       /* la_trace_format lines on standard error */
    void (*on_trace)(void *ctx, const struct la_trace *ev); /* or NULL: also hears every event */
    void *trace_ctx;
    void (*tune)(void *ctx,
                 struct la_config *cfg); /* or NULL: may change limits before la_stack_new */
    void *tune_ctx;
};

struct la_host;

/* Opens the device, makes the stack, and gives it its addresses and routes.  On success err->text
 * is empty or a hint (the kernel's side has no address yet, say).  Errors of la_dev_open and
 * la_stack_new, and LA_EINVAL for text that cannot be read. */
LA_API int la_host_open(const struct la_host_config *cfg, struct la_host **out,
                        struct la_host_error *err);

LA_API struct la_stack *la_host_stack(struct la_host *h);
LA_API struct la_loop *la_host_loop(struct la_host *h);
LA_API struct la_dev *la_host_dev(struct la_host *h);
LA_API int la_host_ifx(const struct la_host *h); /* the stack's interface */

/* Runs the loop until every configured address is past duplicate detection, and with slaac until a
 * router's advertisement gave one.  LA_EADDRINUSE with the address in err: somebody else has it.
 * LA_ETIMEDOUT, LA_EAGAIN as la_loop_run. */
LA_API int la_host_ready(struct la_host *h, la_ns deadline, struct la_host_error *err);

/* Aborts what still lives, sends its RSTs, and frees everything.  NULL is fine.  LA_ENOMEM: the
 * capture is not complete; errno says why. */
LA_API int la_host_close(struct la_host *h);

#ifdef __cplusplus
}
#endif
#endif
