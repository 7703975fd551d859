/* Loss recovery from end to end: a sender and a receiver over a wire that loses, reorders and
 * repeats, until everything has come; at each step the pipe and the choice of what goes next are
 * compared with RFC 6675 §4 done byte by byte. */
#include "unit/base_kit.h"

#include "tcp/recovery.h"
#include "tcp/sackgen.h"

enum {
    SMSS = 10,
    TOTAL = 4000, /* bytes, in segments of SMSS */
    RWND = 64 * SMSS,
    DELAY = 20, /* ticks one way */
    RTO = 100,
    TICKS = 3000000,
    FLYING = 4096,
};

struct packet {
    uint32_t at; /* when it arrives; 0: free */
    uint32_t order;
    seqno from;
    uint32_t n;
    struct tcp_opts opts;
};

/* What one run is to suffer. */
struct weather {
    bool sack;
    uint32_t loss, ack_loss, repeat; /* per thousand */
    uint32_t jitter;                 /* ticks */
    uint64_t drop;                   /* bit i: the first copy of segment 20 + i is lost */
};

struct sim {
    struct kit kit;
    struct pool ranges;
    uint64_t rnd;
    const struct weather *w;
    uint32_t now, order;
    struct packet data[FLYING], acks[FLYING];
    seqno base;

    struct recovery r;
    struct cc c;
    struct recovery_view v;
    uint32_t deadline, backoff;
    uint8_t sacked[TOTAL]; /* the test's own scoreboard */
    uint32_t again, timeouts;

    seqno rcv_nxt;
    struct ranges ooo;
    struct sackgen gen;
    uint64_t dropped;
};

static uint32_t offset(const struct sim *m, seqno s)
{
    return s.v - m->base.v;
}

/* ---- the wire ---- */

static void launch(struct sim *m, struct packet *wire, const struct packet *p, uint32_t loss)
{
    if (kit_below(&m->rnd, 1000) < loss)
        return;
    for (uint32_t copies = kit_below(&m->rnd, 1000) < m->w->repeat ? 2 : 1; copies > 0; copies--) {
        uint32_t i = 0;
        while (wire[i].at)
            assert_true(++i < FLYING);
        wire[i] = *p;
        wire[i].at = m->now + DELAY + (m->w->jitter ? kit_below(&m->rnd, m->w->jitter) : 0);
        wire[i].order = m->order++;
    }
}

/* The packet that is due and was sent first; NULL if none is. */
static struct packet *landed(const struct sim *m, struct packet *wire)
{
    struct packet *first = NULL;

    for (uint32_t i = 0; i < FLYING; i++)
        if (wire[i].at && wire[i].at <= m->now && (!first || wire[i].order < first->order))
            first = &wire[i];
    return first;
}

/* ---- the receiver ---- */

static void receive(struct sim *m, const struct packet *p)
{
    seqno end = seq_add(p->from, p->n);
    struct packet a = {.from = p->from};

    if (seq_lt(p->from, m->rcv_nxt))
        sackgen_duplicate(&m->gen, p->from, seq_min(end, m->rcv_nxt));
    else if (ranges_find(&m->ooo, &m->ranges, p->from))
        sackgen_duplicate(&m->gen, p->from, end);
    if (seq_gt(end, m->rcv_nxt)) {
        assert_true(ranges_add(&m->ooo, &m->ranges, seq_max(p->from, m->rcv_nxt), end, 1000));
        const struct range *x = ranges_first(&m->ooo, &m->ranges);
        if (seq_eq(x->start, m->rcv_nxt)) {
            m->rcv_nxt = x->end;
            ranges_trim(&m->ooo, &m->ranges, m->rcv_nxt);
        } else {
            sackgen_arrived(&m->gen, p->from);
        }
    }
    a.from = m->rcv_nxt;
    if (m->w->sack)
        a.opts.nsack =
            (uint8_t)sackgen_blocks(&m->gen, &m->ooo, &m->ranges, m->rcv_nxt, a.opts.sack, 3);
    launch(m, m->acks, &a, m->w->ack_loss);
}

/* ---- RFC 6675 §4, byte by byte ---- */

struct naive {
    uint32_t pipe;
    bool has_lost; /* rule 1 finds something */
    uint32_t lost; /* its offset */
};

static struct naive naive(const struct sim *m)
{
    struct naive out = {0};
    uint32_t una = offset(m, m->v.una);
    uint32_t bytes = 0; /* SACKed above */
    uint32_t runs = 0;

    for (uint32_t i = offset(m, m->v.nxt); i-- > una;) {
        if (m->sacked[i]) {
            runs += i + 1 == TOTAL || !m->sacked[i + 1];
            bytes++;
            continue;
        }
        bool lost = runs >= 3 || bytes > 2 * SMSS;
        bool again = seq_lt(seq_add(m->base, i), m->r.high_rxt);
        if (m->r.state == RECOVERY_LOSS) {
            out.pipe += again || seq_ge(seq_add(m->base, i), m->r.recover);
            continue;
        }
        out.pipe += !lost;
        if (m->r.state == RECOVERY_FAST)
            out.pipe += again;
        if (lost && !again) {
            out.has_lost = true;
            out.lost = i;
        }
    }
    return out;
}

static void mark_sacked(struct sim *m, const struct packet *p, bool dsack)
{
    for (uint32_t i = dsack; i < p->opts.nsack; i++) {
        const struct sack_block *b = &p->opts.sack[i];
        if (seq_gt(b->start, m->v.una) && seq_le(b->end, m->v.nxt))
            for (uint32_t k = offset(m, b->start); k < offset(m, b->end); k++)
                m->sacked[k] = 1;
    }
}

/* ---- the sender ---- */

static void hear(struct sim *m, const struct packet *p)
{
    bool dsack;
    seqno una = m->v.una;

    if (seq_gt(p->from, una)) {
        m->v.una = p->from;
        m->deadline = m->now + RTO;
        m->backoff = 0;
    }
    struct recovery_ack a = {
        .prior_una = una,
        .acked = m->v.una.v - una.v,
        .dup = seq_eq(p->from, una) && seq_lt(una, m->v.nxt),
        .limited = true,
        .opts = &p->opts,
        .seg_ack = p->from,
    };
    recovery_on_ack(&m->r, &m->c, &m->ranges, &m->v, &a, &dsack, 0);
    mark_sacked(m, p, dsack);
}

static void transmit(struct sim *m, seqno from, uint32_t n, bool again)
{
    struct packet p = {.from = from, .n = n};
    uint32_t bit = offset(m, from) / SMSS - 20;
    uint32_t loss = m->w->loss;

    assert_true(n > 0 && offset(m, from) + n <= TOTAL);
    if (!again && bit < 64 && (m->w->drop >> bit & 1)) {
        loss = 1000;
        m->dropped++;
    }
    launch(m, m->data, &p, loss);
    if (!again)
        m->v.nxt = seq_add(from, n);
    recovery_sent(&m->r, &m->v, from, n, again);
    m->again += again;
    if (!m->deadline || again)
        m->deadline = m->now + ((uint32_t)RTO << m->backoff);
}

/* One segment, if the window lets one go. */
static bool talk(struct sim *m)
{
    struct naive want = m->v.sack ? naive(m) : (struct naive){0};
    uint32_t left = TOTAL - offset(m, m->v.nxt);
    uint32_t flight = m->v.nxt.v - m->v.una.v;
    bool fresh = left > 0 && flight + SMSS <= RWND;
    bool owed = m->r.owed;
    seqno from;
    uint32_t room;
    enum recovery_next next = recovery_next(&m->r, &m->c, &m->ranges, &m->v, &from, &room);

    if (m->v.sack)
        assert_int_equal(recovery_pipe(&m->r, &m->ranges, &m->v), want.pipe);
    if (m->v.sack && m->r.state == RECOVERY_FAST && !owed && next != RECOVERY_SEND_NONE) {
        assert_true(want.pipe == 0 || want.pipe + SMSS <= m->c.cwnd);
        assert_int_equal(next == RECOVERY_SEND_AGAIN, want.has_lost);
        if (want.has_lost)
            assert_int_equal(offset(m, from), want.lost);
    }
    if (next == RECOVERY_SEND_NEW && !fresh)
        next = recovery_last_resort(&m->r, &m->c, &m->ranges, &m->v, &from, &room);
    if (next == RECOVERY_SEND_AGAIN) {
        assert_true(room > 0 && seq_ge(from, m->v.una));
        assert_true(seq_le(seq_add(from, room), m->v.nxt));
        for (uint32_t i = 0; i < room && !owed; i++)
            assert_int_equal(m->sacked[offset(m, from) + i], 0);
        transmit(m, from, room < SMSS ? room : SMSS, true);
        return true;
    }
    if (next == RECOVERY_SEND_NONE || room < SMSS || !fresh)
        return false;
    transmit(m, m->v.nxt, SMSS, false);
    return true;
}

static void timer(struct sim *m)
{
    if (seq_eq(m->v.una, m->v.nxt)) {
        m->deadline = 0;
    } else if (m->deadline && m->now >= m->deadline) {
        recovery_on_rto(&m->r, &m->c, &m->ranges, &m->v, m->backoff == 0, 0);
        m->timeouts++;
        if (m->backoff < 6)
            m->backoff++;
        m->deadline = m->now + ((uint32_t)RTO << m->backoff);
    }
}

/* Runs until all is acknowledged, and checks that nothing is left. */
static void run(struct sim *m, const struct weather *w, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    kit_init(&m->kit);
    pool_init(&m->ranges, &m->kit.mem, sizeof(struct range), 1000);
    m->w = w;
    m->rnd = seed;
    m->base = seq(seed % 2 ? 0xfffffc00U : 1);
    m->rcv_nxt = m->base;
    m->v = (struct recovery_view){m->base, m->base, SMSS, w->sack};
    recovery_init(&m->r, seq_sub(m->base, 1));
    cc_init(&m->c, CC_RENO, SMSS, false, 2);
    while (offset(m, m->v.una) < TOTAL) {
        struct packet *p;
        assert_true(++m->now < TICKS);
        for (; (p = landed(m, m->data)); p->at = 0)
            receive(m, p);
        for (; (p = landed(m, m->acks)); p->at = 0)
            hear(m, p);
        timer(m);
        for (uint32_t i = 0; talk(m); i++)
            assert_true(i < 1000);
    }
    assert_int_equal(m->r.state, RECOVERY_OPEN);
    assert_int_equal(m->r.sb.sacked.count, 0);
    recovery_free(&m->r, &m->ranges);
    assert_int_equal(m->ranges.used, 0);
    pool_free(&m->ranges);
    kit_done(&m->kit);
}

static struct sim sim;

static void clear_sky(void **state)
{
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        run(&sim, &(struct weather){.sack = sack}, 1);
        assert_int_equal(sim.again, 0);
        assert_int_equal(sim.timeouts, 0);
    }
}

/* Chosen losses, each once: with SACK each costs one retransmission and never a timeout. */
static void chosen_losses(void **state)
{
    (void)state;
    static const uint64_t drops[] = {0x1, 0x3, 0x15, 0xff, 0x5555, 0x0f0f0f, 0x8000000000000001U};

    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        run(&sim, &(struct weather){.sack = true, .drop = drops[i]}, i + 1);
        assert_int_equal(sim.again, sim.dropped);
        assert_int_equal(sim.timeouts, 0);
        run(&sim, &(struct weather){.drop = drops[i]}, i + 1);
        assert_int_equal(sim.timeouts, 0);
        assert_true(sim.again >= sim.dropped);
    }
}

static void bad_weather(void **state)
{
    (void)state;
    static const struct weather all[] = {
        {true, 20, 0, 0, 0, 0},      {false, 20, 0, 0, 0, 0},      {true, 50, 50, 20, 10, 0},
        {false, 50, 50, 20, 10, 0},  {true, 0, 0, 0, 60, 0},       {false, 0, 0, 0, 60, 0},
        {true, 300, 100, 50, 40, 0}, {false, 300, 100, 50, 40, 0}, {true, 0, 500, 0, 0, 0},
        {false, 0, 500, 0, 0, 0},    {true, 0, 0, 1000, 30, 0},    {false, 0, 0, 1000, 30, 0},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (uint64_t seed = 1; seed <= 6; seed++)
            run(&sim, &all[i], seed * 1000003U + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_sky),
        cmocka_unit_test(chosen_losses),
        cmocka_unit_test(bad_weather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
