/* bare_tcp.h: a struct tcp with its pools and tables and nothing around it, for the tests of the
 * tables.  Memory is counted and can be refused; bare_free checks that all of it came back. */
#ifndef BARE_TCP_H
#define BARE_TCP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp/isn.h"
#include "tcp/syncookie.h"
#include "tcp/tcp.h"

struct bare {
    struct la_config cfg;
    struct mem mem;
    struct tcp tcp;
    uint64_t rules[R_COUNT];
    uint64_t limit; /* bytes that the allocator gives at most */
    uint64_t given;
    uint32_t records_told; /* LA_TRACE_RECORD events */
    uint32_t last_told;
    uint64_t random;
};

/* Nobody traces here.  The core's own stands in its place where it is linked. */
__attribute__((weak)) void trace_rule(struct tcp *tcp, const struct tcb *t, enum tcp_rule r,
                                      la_ns now)
{
    (void)tcp;
    (void)t;
    (void)r;
    (void)now;
}

static void *bare_alloc(void *ctx, size_t bytes)
{
    struct bare *b = ctx;
    if (b->given + bytes > b->limit)
        return NULL;
    b->given += bytes;
    return calloc(1, bytes);
}

static void bare_dealloc(void *ctx, void *p, size_t bytes)
{
    struct bare *b = ctx;
    b->given -= bytes;
    free(p);
}

static void bare_trace(void *ctx, const struct la_trace *ev)
{
    struct bare *b = ctx;
    if (ev->kind != LA_TRACE_RECORD)
        return;
    b->records_told++;
    b->last_told = ev->serial;
}

struct bare_limits {
    uint32_t conns, embryos, time_wait, listeners, records;
    la_ns wait;
};

static inline struct bare *bare_new(struct bare_limits l)
{
    struct bare *b = calloc(1, sizeof *b);
    struct sipkey key = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    assert_non_null(b);
    b->limit = UINT64_MAX;
    b->random = 1;
    b->mem.from = (struct la_memory){bare_alloc, bare_dealloc, b};
    b->cfg.port_lo = 32768;
    b->cfg.port_hi = 60999;
    b->cfg.trace = bare_trace;
    b->cfg.trace_ctx = b;
    b->tcp.cfg = &b->cfg;
    b->tcp.mem = &b->mem;
    b->tcp.rules = b->rules;
    b->tcp.key_isn = (struct sipkey){1, 2};
    b->tcp.key_ts = (struct sipkey){3, 4};
    b->tcp.key_port = (struct sipkey){5, 6};
    b->tcp.key_cookie = (struct sipkey){7, 8};
    pool_init(&b->tcp.tcbs, &b->mem, sizeof(struct tcb), l.conns);
    pool_init(&b->tcp.embryos, &b->mem, sizeof(struct embryo), l.embryos);
    pool_init(&b->tcp.listeners, &b->mem, sizeof(struct listener), l.listeners);
    assert_int_equal(conntab_init(&b->tcp.tab, &b->mem, &key, l.conns + l.embryos + l.time_wait),
                     0);
    assert_int_equal(timewait_init(&b->tcp.tw, &b->mem, l.time_wait, l.wait), 0);
    assert_int_equal(records_init(&b->tcp.records, &b->mem, l.records), 0);
    return b;
}

/* Everything is back in its pool; the memory too. */
static inline void bare_free(struct bare *b)
{
    assert_int_equal(conntab_check(&b->tcp), 0);
    assert_int_equal(timewait_check(&b->tcp), 0);
    assert_int_equal(b->tcp.tab.count, 0);
    assert_int_equal(b->tcp.tw.live, 0);
    assert_int_equal(b->tcp.tcbs.used, 0);
    assert_int_equal(b->tcp.embryos.used, 0);
    assert_int_equal(b->tcp.listeners.used, 0);
    records_free(&b->tcp.records);
    timewait_free(&b->tcp.tw);
    conntab_free(&b->tcp.tab);
    pool_free(&b->tcp.listeners);
    pool_free(&b->tcp.embryos);
    pool_free(&b->tcp.tcbs);
    assert_int_equal(b->mem.bytes, 0);
    assert_int_equal(b->given, 0);
    free(b);
}

/* xorshift64*: the same numbers in every run. */
static inline uint32_t bare_random(struct bare *b, uint32_t below)
{
    b->random ^= b->random >> 12;
    b->random ^= b->random << 25;
    b->random ^= b->random >> 27;
    return (uint32_t)((b->random * 0x2545f4914f6cdd1dU) >> 33) % below;
}

static inline struct tuple bare_v4(uint32_t remote, uint16_t lport, uint16_t rport)
{
    return (struct tuple){la_addr_v4(10, 0, 0, 1),
                          la_addr_v4((uint8_t)(remote >> 24), (uint8_t)(remote >> 16),
                                     (uint8_t)(remote >> 8), (uint8_t)remote),
                          lport, rport};
}

static inline struct tuple bare_v6(uint32_t remote, uint16_t lport, uint16_t rport)
{
    struct tuple id = {{{0xfd, 0x77}}, {{0xfd, 0x77}}, lport, rport};
    id.local.b[15] = 1;
    id.remote.b[1] = 0x78;
    memcpy(id.remote.b + 12, &remote, 4);
    return id;
}

static inline uint32_t bare_hash(const struct bare *b, const struct tuple *id)
{
    return tuple_hash(&b->tcp.tab.key, id);
}

static inline ref bare_find(const struct bare *b, const struct tuple *id)
{
    return conntab_find(&b->tcp, id, bare_hash(b, id));
}

/* A connection that holds its pair. */
static inline struct tcb *bare_tcb(struct bare *b, const struct tuple *id)
{
    uint32_t i;
    struct tcb *t = pool_get(&b->tcp.tcbs, &i);
    assert_non_null(t);
    t->self = i;
    t->id = *id;
    conntab_insert(&b->tcp, ref_of(REF_TCB, i), bare_hash(b, id));
    return t;
}

static inline void bare_tcb_put(struct bare *b, struct tcb *t)
{
    conntab_remove(&b->tcp, ref_of(REF_TCB, t->self), t->hash);
    pool_put(&b->tcp.tcbs, t->self);
}

/* A pair in TIME-WAIT with a record of its own, the last serial; REF_NONE if it was refused. */
static inline ref bare_time_wait(struct bare *b, const struct tuple *id, bool has_ts, la_ns now)
{
    struct la_record *rec = record_new(&b->tcp.records);
    struct tw_entry e = {.id = *id, .has_ts = has_ts, .ifx = -1};
    rec->state = LA_TIME_WAIT;
    rec->opened = now;
    rec->closed = LA_NEVER;
    rec->local = (struct la_endpoint){id->local, id->lport, -1};
    rec->remote = (struct la_endpoint){id->remote, id->rport, -1};
    e.core.serial = rec->serial;
    e.core.rcv_nxt = seq(rec->serial * 3);
    e.core.snd_nxt = seq(rec->serial * 5);
    e.core.ts_recent = has_ts ? rec->serial * 7 : 0;
    e.wnd = (uint16_t)(rec->serial * 11);
    return timewait_add(&b->tcp, &e, bare_hash(b, id), now) ? bare_find(b, id) : REF_NONE;
}

/* Of an entry's record; 0 if that is no longer kept. */
static inline uint32_t bare_serial(const struct bare *b, ref r)
{
    const struct la_record *rec = timewait_record(&b->tcp, r);
    return rec ? rec->serial : 0;
}

static inline const struct la_record *bare_record(const struct bare *b, uint32_t serial)
{
    const struct la_record *rec = record_find(&b->tcp.records, serial);
    assert_non_null(rec);
    return rec;
}

#endif
