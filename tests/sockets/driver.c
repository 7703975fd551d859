/* driver.c: see driver.h. */
#include "sockets/driver.h"
#include "sockets/kernel.h"
#include "sockets/segment.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#define NEAR_US 1000

static void load(struct driver *d, const char *flags)
{
    void (*init)(const char *, struct packetdrill_interface *);
    d->object = dlopen(LASTACK_PACKETDRILL_SO, RTLD_NOW | RTLD_LOCAL);
    if (!d->object)
        fail_msg("%s", dlerror());
    *(void **)&init = dlsym(d->object, "packetdrill_interface_init");
    assert_non_null(init);
    init(flags, &d->ifc);
}

void driver_open(struct driver *d, const char *flags)
{
    struct timeval tv;
    memset(d, 0, sizeof *d);
    d->kernel = getenv("LASTACK_DRIVE_KERNEL") != NULL;
    if (d->kernel)
        assert_true(kernel_interface_init(flags, &d->ifc));
    else
        load(d, flags);
    d->lport = 8080;
    d->rport = 40000;
    d->riss = 0x7ffffff0; /* numbers cross the sign bit early */
    d->ts_now = 100;
    assert_int_equal(CALL(d, gettimeofday, &tv, NULL), 0);
    d->start = (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

void driver_close(struct driver *d)
{
    d->ifc.free(d->ifc.userdata);
    /* The object stays loaded: a sanitizer wants to name its lines at the end. */
}

long long driver_now(struct driver *d)
{
    struct timeval tv;
    assert_int_equal(CALL(d, gettimeofday, &tv, NULL), 0);
    return (long long)tv.tv_sec * 1000000 + tv.tv_usec - d->start;
}

void driver_until(struct driver *d, long long us)
{
    long long now = driver_now(d);
    if (us - now > 100)
        assert_int_equal(CALL(d, usleep, (useconds_t)(us - now - 100)), 0);
    for (int i = 0; (i < 1000 || d->kernel) && driver_now(d) < us; i++)
        ;
    assert_true(driver_now(d) >= us);
}

/* ---- segments ---- */

void driver_in(struct driver *d, const char *fmt, ...)
{
    uint8_t packet[65536];
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t n = segment_build(d, text, packet, sizeof packet);
    if (n == 0)
        fail_msg("cannot read segment: %s", text);
    assert_int_equal(CALL(d, netdev_send, packet, n), 0);
}

/* The kernel's timers are as coarse as its ticks, and coarser the longer they run. */
static bool near(const struct driver *d, long long at, long long wanted)
{
    long long span = d->kernel ? 15 * MS + (wanted - d->before) / 7 : NEAR_US;
    return at >= wanted - (d->kernel ? 10 * MS : NEAR_US) && at <= wanted + span;
}

/* The next one, as text in d->got; false if there is none any more. */
static bool next(struct driver *d)
{
    uint8_t packet[65536];
    size_t n = sizeof packet;
    long long us = 0;
    assert_int_equal(CALL(d, netdev_receive, packet, &n, &us), 0);
    d->at = us - d->start;
    if (n == 0)
        return false;
    segment_read(d, packet, n);
    return true;
}

void driver_out(struct driver *d, long long at_us, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (d->kernel) /* what is late is told as late, and what never comes is given up */
        kernel_patience(d->ifc.userdata,
                        at_us < 0 ? 1000 : (int)((at_us - driver_now(d)) / 800) + 1000);
    if (!next(d))
        fail_msg("expected %s, and nothing can come any more", text);
    if (!segment_matches(text, d->got))
        fail_msg("expected %s\n     got %s at %.6f s", text, d->got, (double)d->at / 1e6);
    if (at_us >= 0 && !near(d, d->at, at_us))
        fail_msg("%s came at %.6f s, not at %.6f s", d->got, (double)d->at / 1e6,
                 (double)at_us / 1e6);
    d->before = d->at;
}

/* A marker of our own to nobody draws a RST: what comes before that has left already. */
bool driver_left(struct driver *d)
{
    struct driver probe = *d;
    probe.lport = 9;
    probe.liss = probe.riss = 0;
    if (!d->marked)
        driver_in(&probe, ". 0:0(0) ack 12345 win 100");
    d->marked = true;
    if (d->kernel)
        kernel_patience(d->ifc.userdata, 1000);
    if (!next(&probe))
        fail_msg("the stack does not answer");
    if (strncmp(probe.got, "R 12345:", 8) == 0) {
        d->marked = false;
        return false;
    }
    d->at = probe.at;
    segment_reread(d);
    return true;
}

void driver_silence(struct driver *d, long long until_us)
{
    driver_until(d, until_us);
    if (driver_left(d))
        fail_msg("expected silence until %.6f s, got %s at %.6f s", (double)until_us / 1e6, d->got,
                 (double)d->at / 1e6);
}

void driver_nothing(struct driver *d)
{
    if (d->kernel)
        kernel_patience(d->ifc.userdata, 500);
    if (next(d))
        fail_msg("expected nothing, got %s at %.6f s", d->got, (double)d->at / 1e6);
}

/* ---- ends ---- */

static struct sockaddr *address(struct driver *d, const char *v4, const char *v6, uint16_t port,
                                socklen_t *len)
{
    static struct sockaddr_in in4[2];
    static struct sockaddr_in6 in6[2];
    int which = port == d->lport;
    if (d->v6) {
        in6[which] = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET6, v6, &in6[which].sin6_addr), 1);
        *len = sizeof in6[0];
        return (struct sockaddr *)&in6[which];
    }
    in4[which] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, v4, &in4[which].sin_addr), 1);
    *len = sizeof in4[0];
    return (struct sockaddr *)&in4[which];
}

struct sockaddr *driver_local(struct driver *d, socklen_t *len)
{
    return address(d, "192.168.0.1", "fd3d::1", d->lport, len);
}

struct sockaddr *driver_remote(struct driver *d, socklen_t *len)
{
    return address(d, "192.0.2.1", "2001:db8::1", d->rport, len);
}

int driver_listen(struct driver *d, int backlog)
{
    socklen_t len;
    int one = 1, fd = CALL(d, socket, d->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 0);
    assert_int_equal(CALL(d, setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    struct sockaddr *a = driver_local(d, &len);
    assert_int_equal(CALL(d, bind, fd, a, len), 0);
    assert_int_equal(CALL(d, listen, fd, backlog), 0);
    return fd;
}

int driver_accepted(struct driver *d, int listener, const char *options, unsigned wnd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer, want;
    driver_in(d, "S 0:0(0) win 65535 <%s>", options);
    driver_out(d, -1, "S. 0:0(0) ack 1");
    driver_in(d, ". 1:1(0) ack 1 win %u%s", wnd, strstr(options, "TS") ? " <nop,nop,TS>" : "");
    int fd = CALL(d, accept, listener, (struct sockaddr *)&peer, &len);
    assert_true(fd >= 0);
    struct sockaddr *a = driver_remote(d, &want);
    assert_int_equal(len, want);
    assert_memory_equal(&peer, a, want);
    return fd;
}

int driver_established(struct driver *d)
{
    int l = driver_listen(d, 1), fd = driver_accepted(d, l, "mss 1000,nop,nop,sackOK", 65535);
    assert_int_equal(CALL(d, close, l), 0);
    return fd;
}

/* ---- ICMP ---- */

void driver_icmp(struct driver *d, uint8_t type, uint8_t code, uint32_t mtu)
{
    uint8_t packet[256];
    size_t n = segment_icmp(d, type, code, mtu, packet);
    assert_int_equal(CALL(d, netdev_send, packet, n), 0);
}

/* ---- blocking calls ---- */

static void *run(void *p)
{
    struct blocked *b = p;
    __atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
    errno = 0;
    b->result = b->call(b->d, b->a, b->p, b->n);
    b->error = errno;
    b->ended = driver_now(b->d);
    return NULL;
}

/* Waits until the thread sleeps, or is over, as packetdrill does: by its state in /proc. */
static void let_it_block(struct blocked *b)
{
    char path[64], line[256], state = 'R';
    for (int i = 0; i < 100000 && state != 'S' && state != 'Z'; i++) {
        pid_t tid = __atomic_load_n(&b->tid, __ATOMIC_ACQUIRE);
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
        FILE *f = tid ? fopen(path, "r") : NULL;
        if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
            state = strrchr(line, ')')[2];
        else if (tid)
            state = 'Z';
        if (f)
            (void)fclose(f);
        (void)sched_yield();
    }
    assert_int_not_equal(state, 'R');
}

void blocked_start(struct blocked *b, struct driver *d,
                   long (*call)(struct driver *d, long a, void *p, long n), long a, void *p, long n)
{
    *b = (struct blocked){.d = d, .call = call, .a = a, .p = p, .n = n};
    assert_int_equal(pthread_create(&b->thread, NULL, run, b), 0);
    let_it_block(b);
}

long blocked_end(struct blocked *b, long long at_us)
{
    assert_int_equal(pthread_join(b->thread, NULL), 0);
    if (at_us >= 0 && !near(b->d, b->ended, at_us))
        fail_msg("the blocked call ended at %.6f s, not at %.6f s", (double)b->ended / 1e6,
                 (double)at_us / 1e6);
    errno = b->error;
    return b->result;
}

/* ---- options ---- */

void driver_set(struct driver *d, int fd, int level, int name, int value)
{
    assert_int_equal(CALL(d, setsockopt, fd, level, name, &value, sizeof value), 0);
}

int driver_get(struct driver *d, int fd, int level, int name)
{
    int value = -12345;
    socklen_t len = sizeof value;
    assert_int_equal(CALL(d, getsockopt, fd, level, name, &value, &len), 0);
    assert_int_equal(len, sizeof value);
    return value;
}

int driver_ask(struct driver *d, int fd, unsigned long what)
{
    int v = -1;
    assert_int_equal(CALL(d, ioctl, fd, what, &v), 0);
    return v;
}
