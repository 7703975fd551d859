/* world.c: virtual time, and who may move it.
 * Invariant: while a call is inside, the lock is held, but in a wait; time moves only when no
 * sleeper is looking and none owes a time stamp. */
#include "packetdrill/world.h"
#include "base/checksum.h"
#include "base/endian.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define EPOCH_S 1600000000 /* of the wall clock, when the stack's is zero */
#define TICK LA_USEC(1)    /* how far asking for the time moves it */
#define FIRST LA_SEC(1)    /* the stack's clock at the start: 0 means "never" in places */
#define PATIENCE_MS 2000   /* a thread that does not come back for its time stamp is forgotten */
#define ALONE_MS 250       /* without a call for so long, a sleeper moves the time by itself */
#define ALONE_AGAIN_MS 5   /* and then on */
#define IDLE_LIMIT LA_SEC(24U * 3600 * 7) /* no script waits longer for a datagram */

/* ---- sleepers ---- */

static struct sleeper *me(struct world *w, bool make)
{
    pthread_t self = pthread_self();
    struct sleeper *empty = NULL;
    for (unsigned i = 0; i < WORLD_THREADS; i++) {
        struct sleeper *s = &w->sleepers[i];
        if (s->state == SLEEPER_NONE)
            empty = empty ? empty : s;
        else if (pthread_equal(s->thread, self))
            return s;
    }
    if (make && empty)
        *empty = (struct sleeper){.thread = self, .state = SLEEPER_LOOKING, .until = LA_NEVER};
    return make ? empty : NULL;
}

static void wake_all(void *ctx)
{
    struct world *w = ctx;
    for (unsigned i = 0; i < WORLD_THREADS; i++)
        if (w->sleepers[i].state == SLEEPER_ASLEEP)
            w->sleepers[i].state = SLEEPER_LOOKING;
    (void)pthread_cond_broadcast(&w->cond);
}

/* Waits on the condition for so long in real time; false when that has passed. */
static bool wait_real(struct world *w, unsigned ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return pthread_cond_timedwait(&w->cond, &w->lock, &t) == 0;
}

/* Is there another thread that has something to do before time may go on? */
static struct sleeper *busy(struct world *w)
{
    for (unsigned i = 0; i < WORLD_THREADS; i++) {
        struct sleeper *s = &w->sleepers[i];
        if (s->state != SLEEPER_NONE && s->state != SLEEPER_ASLEEP &&
            !pthread_equal(s->thread, pthread_self()))
            return s;
    }
    return NULL;
}

static void settle(struct world *w)
{
    struct sleeper *s;
    while ((s = busy(w)) != NULL)
        if (!wait_real(w, PATIENCE_MS) && busy(w) == s && s->state == SLEEPER_OWES)
            s->state = SLEEPER_NONE;
}

/* ---- the wire ---- */

static void capture(struct world *w, bool out, const struct la_frame *f)
{
    if (w->pcap)
        la_pcap_frame(w->pcap, 0, out, f, w->now);
}

/* The checksum that was left to the device. */
static void complete(const struct la_frame *f, uint8_t *p)
{
    struct csum c = {0};
    if (f->csum != LA_CSUM_PARTIAL)
        return;
    csum_add(&c, p + f->csum_start, f->len - f->csum_start);
    put16(p + f->csum_start + f->csum_offset, csum_field(&c));
}

/* What the stack has to send is sent now: packetdrill's wire takes everything at once. */
static void drain(struct world *w)
{
    struct la_frame f;
    if (w->pcap)
        la_pcap_begin(w->pcap);
    while (la_tx(w->stack, 0, &f, w->now)) {
        struct packet *p = malloc(sizeof *p + f.len);
        capture(w, true, &f);
        if (!p)
            continue; /* lost, as on a wire */
        *p = (struct packet){.at = w->now, .n = f.len};
        la_frame_copy(&f, p->data);
        complete(&f, p->data);
        *w->out_end = p;
        w->out_end = &p->next;
    }
}

static void happened(struct world *w)
{
    drain(w);
    so_events(w->so);
    drain(w);
    settle(w);
}

/* ---- time ---- */

/* When something is due by itself: a timer of the stack, or the end of a sleep. */
static la_ns next_due(const struct world *w)
{
    la_ns due = la_deadline(w->stack);
    for (unsigned i = 0; i < WORLD_THREADS; i++)
        if (w->sleepers[i].state == SLEEPER_ASLEEP && w->sleepers[i].until < due)
            due = w->sleepers[i].until;
    return due;
}

/* Time becomes `due`, and what is due then happens. */
static void step(struct world *w, la_ns due)
{
    if (due > w->now)
        w->now = due;
    la_expire(w->stack, w->now);
    for (unsigned i = 0; i < WORLD_THREADS; i++)
        if (w->sleepers[i].state == SLEEPER_ASLEEP && w->sleepers[i].until <= w->now) {
            w->sleepers[i].state = SLEEPER_LOOKING;
            (void)pthread_cond_broadcast(&w->cond);
        }
    happened(w);
}

static void advance(struct world *w, la_ns to)
{
    settle(w);
    for (la_ns due; (due = next_due(w)) <= to;)
        step(w, due);
    if (to > w->now)
        w->now = to;
}

/* ---- the sockets' hooks ---- */

static la_ns hook_now(void *ctx)
{
    return ((struct world *)ctx)->now;
}

/* Nobody else moves the time: this thread does, to what is due next. */
static int move_alone(struct world *w, la_ns deadline)
{
    la_ns due = next_due(w);
    if (deadline < due)
        due = deadline;
    if (due == LA_NEVER)
        return EINTR; /* nothing can ever wake it */
    step(w, due);
    return 0;
}

static int hook_wait(void *ctx, la_ns deadline)
{
    struct world *w = ctx;
    drain(w);
    if (pthread_equal(w->main, pthread_self())) { /* who waits here could not move the time */
        settle(w);
        return move_alone(w, deadline);
    }
    struct sleeper *s = me(w, true);
    if (!s)
        return EINTR; /* more threads than a script has */
    s->state = SLEEPER_ASLEEP;
    s->until = deadline;
    (void)pthread_cond_broadcast(&w->cond);
    while (s->state == SLEEPER_ASLEEP) {
        uint64_t calls = w->calls;
        if (wait_real(w, calls == w->alone ? ALONE_AGAIN_MS : ALONE_MS) ||
            s->state != SLEEPER_ASLEEP || w->calls != calls)
            continue;
        w->alone = calls;
        s->state = SLEEPER_LOOKING;
        return move_alone(w, deadline);
    }
    return 0;
}

/* Real descriptors, since packetdrill gives what a script leaves open to the kernel's close. */
static int hook_open(void *ctx)
{
    (void)ctx;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void hook_close(void *ctx, int fd)
{
    struct stat st;
    (void)ctx;
    /* The kernel's close may have come first, and somebody else have the number now. */
    if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        (void)close(fd);
}

/* ---- calls ---- */

void world_enter(struct world *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->calls++;
    struct sleeper *s = me(w, false);
    if (s && s->state == SLEEPER_OWES)
        s->state = SLEEPER_NONE; /* it did not want to know the time */
}

void world_leave(struct world *w)
{
    struct sleeper *s = me(w, false);
    int keep = errno;
    drain(w);
    so_events(w->so);
    if (s && s->state == SLEEPER_LOOKING)
        s->state = SLEEPER_OWES;
    (void)pthread_cond_broadcast(&w->cond);
    (void)pthread_mutex_unlock(&w->lock);
    errno = keep;
}

static void depart(struct world *w)
{
    (void)pthread_cond_broadcast(&w->cond);
    (void)pthread_mutex_unlock(&w->lock);
}

void world_sleep(struct world *w, la_ns ns)
{
    world_enter(w);
    advance(w, w->now + ns);
    depart(w);
}

int64_t world_stamp(struct world *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->calls++;
    struct sleeper *s = me(w, false);
    if (s && s->state == SLEEPER_OWES)
        s->state = SLEEPER_NONE; /* this is the time at which its call ended */
    else
        advance(w, w->now + TICK);
    int64_t us = (int64_t)(w->now / 1000);
    depart(w);
    return us + (int64_t)EPOCH_S * 1000000;
}

/* The destination of a datagram; false if it is none. */
static bool destination(const uint8_t *p, size_t n, struct la_addr *a)
{
    if (n >= 20 && p[0] >> 4 == 4) {
        *a = la_addr_v4(p[16], p[17], p[18], p[19]);
        return true;
    }
    if (n < 40 || p[0] >> 4 != 6)
        return false;
    memcpy(a->b, p + 24, 16);
    return true;
}

static void learn(struct world *w, const struct la_addr *a)
{
    if (w->learn && !la_addr_is_any(a) && la_addr_state(w->stack, 0, a) < 0)
        (void)la_addr_add(w->stack, 0, a, la_addr_is_v4(a) ? 32 : 128, w->now);
}

void world_settings(struct world *w)
{
    sysctl_follow(&w->sysctls, w->stack, w->so);
}

void world_bind(struct world *w, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct la_addr a;
    if (addr && len >= sizeof in4 && addr->sa_family == AF_INET) {
        memcpy(&in4, addr, sizeof in4);
        const uint8_t *b = (const uint8_t *)&in4.sin_addr;
        a = la_addr_v4(b[0], b[1], b[2], b[3]);
        learn(w, &a);
    } else if (addr && len >= sizeof in6 && addr->sa_family == AF_INET6) {
        memcpy(&in6, addr, sizeof in6);
        memcpy(a.b, &in6.sin6_addr, sizeof a.b);
        learn(w, &a);
    }
}

void world_send(struct world *w, const void *p, size_t n)
{
    struct la_frame f = {.head = {p, (uint32_t)n}, .len = (uint32_t)n};
    struct la_addr to;
    world_enter(w);
    settle(w);
    if (destination(p, n, &to))
        learn(w, &to);
    if (w->pcap)
        la_pcap_begin(w->pcap);
    la_rx(w->stack, 0, &f, w->now);
    capture(w, false, &f);
    happened(w);
    depart(w);
}

int world_receive(struct world *w, void *p, size_t *n, int64_t *usecs)
{
    world_enter(w);
    settle(w);
    la_ns limit = w->now + IDLE_LIMIT;
    for (la_ns due; !w->out && (due = next_due(w)) <= limit;)
        step(w, due);
    struct packet *got = w->out;
    int result = 0;
    if (!got) {
        *n = 0;
    } else if (got->n > *n) {
        errno = EMSGSIZE;
        result = -1;
    } else {
        memcpy(p, got->data, got->n);
        *n = got->n;
        *usecs = (int64_t)(got->at / 1000) + (int64_t)EPOCH_S * 1000000;
    }
    if (got) {
        w->out = got->next;
        if (!w->out)
            w->out_end = &w->out;
        free(got);
    }
    depart(w);
    return result;
}

/* ---- making one ---- */

static int add_routes(struct la_stack *s, const struct flags *f)
{
    struct la_addr any[2] = {la_addr_v4(0, 0, 0, 0), LA_ADDR_ANY};
    for (unsigned i = 0; i < 2; i++) {
        const struct la_addr *via = NULL;
        for (unsigned g = 0; g < f->ngateway; g++)
            if (la_addr_is_v4(&f->gateway[g]) == la_addr_is_v4(&any[i]))
                via = &f->gateway[g];
        int err = la_route_add(s, &any[i], 0, via, 0, FIRST);
        if (err)
            return err;
    }
    return LA_OK;
}

/* The interface with its addresses.  Everybody is reached through it: on a wire without neighbours
 * a gateway only has to be on link. */
static int add_interface(struct world *w, const struct flags *f)
{
    struct la_if_config c = {.link = LA_LINK_IP, .mtu = f->mtu ? f->mtu : 1500, .no_dad = true};
    /* Linux hands its devices superframes, so its scripts expect them; tso=1 is the way out. */
    if (f->tso > 1 || (!f->tso && strcmp(f->profile, "linux") == 0)) {
        c.offload = LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO;
        c.gso_segs = f->tso;
    }
    struct la_addr preset[2] = {la_addr_v4(192, 168, 0, 1), {{0xfd, 0x3d, [15] = 1}}};
    int ifx = la_if_add(w->stack, &c, FIRST);
    if (ifx < 0)
        return ifx;
    w->learn = f->nlocal == 0;
    int err = w->learn ? la_addr_add(w->stack, ifx, &preset[0], 16, FIRST) : LA_OK;
    if (w->learn && !err && c.mtu >= 1280)
        err = la_addr_add(w->stack, ifx, &preset[1], 48, FIRST);
    for (unsigned i = 0; !err && i < f->nlocal; i++)
        err = la_addr_add(w->stack, ifx, &f->local[i], f->prefix[i], FIRST);
    return err ? err : add_routes(w->stack, f);
}

static int add_stack(struct world *w, const struct flags *f)
{
    struct la_config cfg;
    la_config_init(&cfg);
    cfg.mem = la_host_memory();
    memset(cfg.secret, 0x5c, sizeof cfg.secret); /* runs repeat; nobody attacks a script */
    cfg.max_conns = cfg.max_embryos = cfg.max_time_wait = 65536;
    if (f->msl)
        cfg.msl = f->msl;
    int err = la_stack_new(&cfg, FIRST, &w->stack);
    return err ? err : add_interface(w, f);
}

static int add_sockets(struct world *w, const struct flags *f)
{
    struct so_config cfg = {.stack = w->stack,
                            .hooks = {.ctx = w,
                                      .now = hook_now,
                                      .wait = hook_wait,
                                      .wake = wake_all,
                                      .fd_open = hook_open,
                                      .fd_close = hook_close}};
    int err = so_profile(f->profile, w->stack, &cfg);
    return err ? err : so_new(&cfg, &w->so);
}

/* The settings that flags give, and where scripts' commands leave theirs. */
static int settings(struct world *w, const struct flags *f, char *err, size_t n)
{
    for (unsigned i = 0; i < f->nsettings; i++) {
        const struct flag_setting *s = &f->settings[i];
        int bad = sysctl_set(w->stack, w->so, s->name, s->value);
        if (bad) {
            (void)snprintf(err, n, "%s=%s: %s", s->name, s->value,
                           bad == -ENOENT ? "this stack has no such setting" : "no such value");
            return LA_EINVAL;
        }
    }
    bool follows = f->sysctl[0] || strcmp(f->profile, "linux") == 0;
    if (follows && strcmp(f->sysctl, "off") != 0)
        sysctl_watch(&w->sysctls, f->sysctl[0] ? f->sysctl : "/proc/sys/net/ipv4");
    return 0;
}

struct world *world_new(const struct flags *f, char *err, size_t n)
{
    struct world *w = calloc(1, sizeof *w);
    struct la_host_error why = {""};
    pthread_condattr_t attr;
    if (!w) {
        (void)snprintf(err, n, "out of memory");
        return NULL;
    }
    w->now = FIRST;
    w->main = pthread_self();
    w->alone = UINT64_MAX;
    w->out_end = &w->out;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    int bad = add_stack(w, f);
    if (!bad && add_sockets(w, f) < 0)
        bad = LA_ENOMEM;
    if (!bad && settings(w, f, why.text, sizeof why.text))
        bad = LA_EINVAL;
    if (!bad && f->pcap[0]) {
        bad = la_pcap_open(f->pcap, LA_SEC((la_ns)EPOCH_S), &w->pcap, &why);
        if (!bad && la_pcap_interface(w->pcap, "packetdrill", LA_LINK_IP) < 0)
            bad = LA_ENOMEM;
    }
    if (!bad)
        return w;
    (void)snprintf(err, n, "%s", why.text[0] ? why.text : la_strerror(bad));
    world_free(w);
    return NULL;
}

void world_free(struct world *w)
{
    so_free(w->so);
    if (w->stack)
        la_stack_free(w->stack);
    if (w->pcap)
        (void)la_pcap_close(w->pcap);
    while (w->out) {
        struct packet *p = w->out;
        w->out = p->next;
        free(p);
    }
    (void)pthread_cond_destroy(&w->cond);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
