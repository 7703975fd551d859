/* bench.h: what both benchmarks share, so that lastack and its peer do the same work: the rows, the
 * clock, the random order, and the one number that each run prints.
 *
 * Both ends of every connection live in one thread; the wire between them is a function call.  A
 * run is `bench_X ROW MILLISECONDS`.  Rates are taken over the process's own CPU time: nothing here
 * ever waits, so on a quiet machine that is the time of day, and on a busy one it is still the
 * truth. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum bench_kind {
    BENCH_BULK,     /* bits a second through one connection */
    BENCH_PINGPONG, /* one byte there and one back, a second, over `conns` open connections */
    BENCH_CHURN,    /* connect, one byte, close, a second, with `conns` pairs in TIME-WAIT */
    BENCH_MEM_CONN, /* bytes an idle connection takes at one end */
    BENCH_MEM_TW,   /* bytes a TIME-WAIT entry takes */
};

struct bench_row {
    const char *name;
    enum bench_kind kind;
    uint32_t mtu;
    uint32_t window; /* receive window, and room for unacknowledged bytes */
    uint32_t conns;
    bool options; /* with SACK and timestamps, which lwIP was tuned without: ours alone */
};

#define WINDOW_64K 65535U
#define WINDOW_1M 1048576U
#define MTU_ETHERNET 1500U
/* The largest that both take: lwIP rounds a 16-bit length up to 8. */
#define MTU_JUMBO 65520U

static const struct bench_row bench_rows[] = {
    {"bulk-64k", BENCH_BULK, MTU_ETHERNET, WINDOW_64K, 1, false},
    {"bulk-1m", BENCH_BULK, MTU_ETHERNET, WINDOW_1M, 1, false},
    {"bulk-1m-options", BENCH_BULK, MTU_ETHERNET, WINDOW_1M, 1, true},
    {"bulk-jumbo", BENCH_BULK, MTU_JUMBO, WINDOW_1M, 1, false},
    {"pingpong-1", BENCH_PINGPONG, MTU_ETHERNET, WINDOW_64K, 1, false},
    {"pingpong-1000", BENCH_PINGPONG, MTU_ETHERNET, WINDOW_64K, 1000, false},
    {"pingpong-10000", BENCH_PINGPONG, MTU_ETHERNET, WINDOW_64K, 10000, false},
    {"churn-256", BENCH_CHURN, MTU_ETHERNET, WINDOW_64K, 256, false},
    {"churn-20000", BENCH_CHURN, MTU_ETHERNET, WINDOW_64K, 20000, false},
    {"mem-conn", BENCH_MEM_CONN, MTU_ETHERNET, WINDOW_64K, 10000, false},
    {"mem-timewait", BENCH_MEM_TW, MTU_ETHERNET, WINDOW_64K, 10000, false},
};

/* Ports of both ends, and of Linux by default. */
#define PORT_LO 32768
#define PORT_HI 60999
#define SERVER_PORT 80

/* One call of send or receive moves at most this much; the program's buffers are used again and
 * again. */
#define APP_CHUNK 65535U
/* Frames that the wire carries one way before the other has its turn. */
#define WIRE_BATCH 64

_Noreturn static inline void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static inline uint64_t bench_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* What the stacks are told the time is. */
static inline uint64_t bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}
/* What rates are taken over. */
static inline uint64_t bench_cpu(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* xorshift64: both sides visit the same connections in the same order. */
static inline uint32_t bench_random(uint64_t *x, uint32_t below)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (uint32_t)(((*x >> 32) * below) >> 32);
}

/* The stream's byte at `at`, so that a transfer can be checked wherever it was cut. */
static inline uint8_t bench_byte(uint64_t at)
{
    return (uint8_t)(at % 251U);
}

/* A buffer from which any APP_CHUNK bytes of the stream can be sent: start at at % 251. */
static inline void bench_pattern(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = bench_byte(i);
}

static inline void bench_args(int argc, char **argv, const struct bench_row **row, uint64_t *ns)
{
    *row = NULL;
    if (argc == 3)
        for (size_t i = 0; i < sizeof bench_rows / sizeof *bench_rows; i++)
            if (strcmp(argv[1], bench_rows[i].name) == 0)
                *row = &bench_rows[i];
    long ms = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (!*row || ms < 1) {
        fprintf(stderr, "usage: %s ROW MILLISECONDS\nrows:", argv[0]);
        for (size_t i = 0; i < sizeof bench_rows / sizeof *bench_rows; i++)
            fprintf(stderr, " %s", bench_rows[i].name);
        fprintf(stderr, "\n");
        exit(2);
    }
    *ns = (uint64_t)ms * 1000000U;
}

/* Counts work done in a measured stretch.  The CPU clock is a system call, so it is read at the
 * ends alone; how long to go on is asked of the cheap clock, now and then. */
struct bench_meter {
    uint64_t cpu, until, work;
};

static inline void bench_start(struct bench_meter *m, uint64_t ns)
{
    m->work = 0;
    m->until = bench_now() + ns;
    m->cpu = bench_cpu();
}

/* The number that the run prints: work a second. */
static inline double bench_rate(const struct bench_meter *m)
{
    return (double)m->work * 1e9 / (double)(bench_cpu() - m->cpu);
}

#endif
