/* world.h: one stack on one wire, in virtual time, for the two threads of packetdrill.
 *
 * Time stands still unless somebody moves it: gettimeofday by a microsecond, usleep to its end,
 * netdev_receive to the next datagram, and a blocked call to its wake-up when nobody else moves. On
 * the way every timer fires at its own time.
 *
 * The second thread makes the calls that a script lets block.  A blocked call sleeps on a
 * condition. Whenever something happened, sleepers look again before time may go on; and one whose
 * call is over first takes its time stamp, by gettimeofday, or packetdrill would find that it took
 * too long. */
#ifndef LA_PACKETDRILL_WORLD_H
#define LA_PACKETDRILL_WORLD_H

#include "packetdrill/flags.h"
#include "packetdrill/sysctl.h"
#include "sockets/sockets.h"
#include <lastack/host.h>
#include <pthread.h>

#define WORLD_THREADS 8

enum sleeper_state {
    SLEEPER_NONE,
    SLEEPER_ASLEEP,
    SLEEPER_LOOKING, /* woken; will sleep again or return */
    SLEEPER_OWES,    /* returned from a call that had blocked; its time stamp is due */
};

struct sleeper {
    pthread_t thread;
    enum sleeper_state state;
    la_ns until;
};

struct packet {
    struct packet *next;
    la_ns at;
    size_t n;
    uint8_t data[];
};

struct world {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct la_stack *stack;
    struct sockets *so;
    struct la_pcap *pcap;
    bool learn; /* no address was given: what datagrams are sent to is ours */
    la_ns now;
    pthread_t main; /* who made this: other threads' calls may block */
    uint64_t calls; /* from outside: while there are some, a sleeper moves no time */
    uint64_t alone; /* of `calls`, when a sleeper last found that nobody calls */
    struct sleeper sleepers[WORLD_THREADS];
    struct packet *out, **out_end; /* sent and not yet received */
    struct sysctls sysctls;
};

/* NULL with a line in err. */
struct world *world_new(const struct flags *f, char *err, size_t n);
void world_free(struct world *w);

/* Around each call of the sockets. */
void world_enter(struct world *w);
void world_leave(struct world *w);

void world_sleep(struct world *w, la_ns ns);
/* The time on the wall clock, in microseconds. */
int64_t world_stamp(struct world *w);
/* Before a socket is made or listens: what commands have set meanwhile. */
void world_settings(struct world *w);
/* With no address given, one that a program binds to is ours. */
void world_bind(struct world *w, const struct sockaddr *addr, socklen_t len);
void world_send(struct world *w, const void *p, size_t n);
/* 0 with *n 0 when nothing can come any more; -1: *n is too small, errno says so. */
int world_receive(struct world *w, void *p, size_t *n, int64_t *usecs);

#endif
