/* recovery_kit.h: a sender of loss recovery's tests, driven ACK by ACK.  Segments have 1,000 bytes;
 * the first number sent is 10,000. */
#ifndef LA_TESTS_RECOVERY_KIT_H
#define LA_TESTS_RECOVERY_KIT_H

#include "unit/base_kit.h"

#include "tcp/recovery.h"

enum { SMSS = 1000, UNA = 10000 };

struct fix {
    struct kit kit;
    struct pool ranges;
    struct recovery r;
    struct cc c;
    struct recovery_view v;
    bool dsack; /* the last ACK's */
};

/* `segments` are out, and fill the congestion window. */
static inline void setup(struct fix *f, bool sack, uint32_t segments)
{
    *f = (struct fix){0};
    kit_init(&f->kit);
    pool_init(&f->ranges, &f->kit.mem, sizeof(struct range), 1000);
    recovery_init(&f->r, seq(UNA - 1));
    cc_init(&f->c, CC_RENO, SMSS, false, 2);
    f->c.cwnd = segments * SMSS;
    f->v = (struct recovery_view){seq(UNA), seq(UNA + segments * SMSS), SMSS, sack};
    recovery_sent(&f->r, &f->v, seq(UNA), segments * SMSS, false);
}

static inline void teardown(struct fix *f)
{
    recovery_free(&f->r, &f->ranges);
    assert_int_equal(f->ranges.used, 0);
    pool_free(&f->ranges);
    kit_done(&f->kit);
}

struct blocks {
    struct {
        uint32_t start, end;
    } b[TCP_SACK_MAX]; /* ends with 0, 0 */
};

static const struct blocks no_blocks = {{{0, 0}}};

static inline enum recovery_event ack(struct fix *f, uint32_t number, struct blocks s)
{
    struct tcp_opts o = {0};
    seqno una = f->v.una;

    for (; o.nsack < TCP_SACK_MAX && s.b[o.nsack].end; o.nsack++)
        o.sack[o.nsack] = (struct sack_block){seq(s.b[o.nsack].start), seq(s.b[o.nsack].end)};
    if (seq_gt(seq(number), una))
        f->v.una = seq(number);
    struct recovery_ack a = {
        .prior_una = una,
        .acked = f->v.una.v - una.v,
        .dup = number == una.v && seq_lt(una, f->v.nxt),
        .limited = true,
        .opts = &o,
        .seg_ack = seq(number),
    };
    return recovery_on_ack(&f->r, &f->c, &f->ranges, &f->v, &a, &f->dsack, 0);
}

static inline void dups(struct fix *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(ack(f, f->v.una.v, no_blocks), RECOVERY_NOTHING);
}

static inline void expect(const struct fix *f, enum recovery_next kind, uint32_t at, uint32_t n)
{
    seqno from;
    uint32_t room;

    assert_int_equal(recovery_next(&f->r, &f->c, &f->ranges, &f->v, &from, &room), kind);
    if (kind == RECOVERY_SEND_NONE)
        return;
    assert_int_equal(from.v, at);
    assert_int_equal(room, n);
}

static inline void expect_none(const struct fix *f)
{
    expect(f, RECOVERY_SEND_NONE, 0, 0);
}

static inline void expect_last_resort(const struct fix *f, enum recovery_next kind, uint32_t at,
                                      uint32_t n)
{
    seqno from;
    uint32_t room;

    assert_int_equal(recovery_last_resort(&f->r, &f->c, &f->ranges, &f->v, &from, &room), kind);
    if (kind == RECOVERY_SEND_NONE)
        return;
    assert_int_equal(from.v, at);
    assert_int_equal(room, n);
}

static inline void sent_again(struct fix *f, uint32_t from, uint32_t n)
{
    recovery_sent(&f->r, &f->v, seq(from), n, true);
}

static inline void sent_new(struct fix *f, uint32_t n)
{
    seqno from = f->v.nxt;

    f->v.nxt = seq_add(from, n);
    recovery_sent(&f->r, &f->v, from, n, false);
}

static inline uint32_t pipe(const struct fix *f)
{
    return recovery_pipe(&f->r, &f->ranges, &f->v);
}

static inline void rto(struct fix *f, bool first)
{
    recovery_on_rto(&f->r, &f->c, &f->ranges, &f->v, first, 0);
}

#endif
