/* driver.h: drives liblastack-packetdrill.so as packetdrill does: loads it, talks only through its
 * table of calls, spins on its clock, makes blocking calls on a second thread.
 *
 * Segments are written as packetdrill writes them: "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,
 * sackOK>".  Numbers count from each side's SYN.  There is one pair of ports at a time. */
#ifndef TESTS_SOCKETS_DRIVER_H
#define TESTS_SOCKETS_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packetdrill/interface.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>

/* In µs, as driver_out takes times. */
#define MS 1000LL
#define S 1000000LL

struct driver {
    void *object;
    bool kernel; /* it is this machine's TCP (kernel.h): LASTACK_DRIVE_KERNEL is set */
    struct packetdrill_interface ifc;
    bool v6;
    uint16_t lport, rport; /* local: the stack's */
    uint32_t liss, riss;   /* first numbers; liss is learned from the stack's SYN */
    bool liss_known;
    uint32_t tsval;   /* what the last segment from the stack carried */
    uint32_t ts_now;  /* of ours */
    long long start;  /* the time at which the test began, in µs */
    long long at;     /* of the last segment that was expected */
    bool marked;      /* driver_left has asked, and the answer is still to come */
    long long before; /* what the one before it came at */
    char got[512];    /* it as text */
    uint8_t tos, ttl;
    uint8_t payload[65536];
    size_t payload_n;
};

void driver_open(struct driver *d, const char *flags);
void driver_close(struct driver *d);

/* µs since the start, without moving the clock by more than reading it does. */
long long driver_now(struct driver *d);
/* Sleeps and then spins, as packetdrill does, until so many µs since the start. */
void driver_until(struct driver *d, long long us);

/* A segment to the stack. */
void driver_in(struct driver *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* ICMP (or ICMPv6) about the stack's last segment; `mtu` for those that carry one. */
void driver_icmp(struct driver *d, uint8_t type, uint8_t code, uint32_t mtu);

/* The next segment from the stack must be this one, within 1 ms of `at_us` since the start (-1: at
 * any time).  What the text leaves out (window, options) may be anything; TS matches any. */
void driver_out(struct driver *d, long long at_us, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The next that has left until now, in d->got and d->at; false: there is none. */
bool driver_left(struct driver *d);
/* Nothing is sent until that time. */
void driver_silence(struct driver *d, long long until_us);
/* Nothing more can come. */
void driver_nothing(struct driver *d);

/* sockaddrs of the two ends. */
struct sockaddr *driver_local(struct driver *d, socklen_t *len);
struct sockaddr *driver_remote(struct driver *d, socklen_t *len);

/* socket, bind, listen on the local port; the listener. */
int driver_listen(struct driver *d, int backlog);
/* A connection accepted from "S 0:0(0) win 65535 <options>", its handshake answered with
 * "ack 1 win wnd"; `listener` may be closed afterwards.  Returns the accepted descriptor. */
int driver_accepted(struct driver *d, int listener, const char *options, unsigned wnd);
/* The same in one go, mss 1000 and SACK. */
int driver_established(struct driver *d);

/* setsockopt, getsockopt and ioctl of one int; each must succeed. */
void driver_set(struct driver *d, int fd, int level, int name, int value);
int driver_get(struct driver *d, int fd, int level, int name);
int driver_ask(struct driver *d, int fd, unsigned long what);

/* A call on the second thread. */
struct blocked {
    pthread_t thread;
    pid_t tid; /* of the second thread; 0: not there yet */
    struct driver *d;
    long (*call)(struct driver *d, long a, void *p, long n);
    long a, n;
    void *p;
    long result;
    int error;
    long long ended; /* µs since the start */
};
/* Starts it, and returns when it sleeps. */
void blocked_start(struct blocked *b, struct driver *d,
                   long (*call)(struct driver *d, long a, void *p, long n), long a, void *p,
                   long n);
/* Its end.  It must have ended within 1 ms of `at_us`. */
long blocked_end(struct blocked *b, long long at_us);

#define CALL(d, name, ...) ((d)->ifc.name((d)->ifc.userdata, __VA_ARGS__))
#define FAILS(expression, err)                                                                     \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_int_equal((expression), -1);                                                        \
        assert_int_equal(errno, (err));                                                            \
    } while (0)

#endif
