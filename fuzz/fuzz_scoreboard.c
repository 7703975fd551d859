/* fuzz_scoreboard.c: the SACK scoreboard against one flag a number: RFC 6675's definitions counted
 * out number by number. */
#include "fuzz/fuzz_mem.h"
#include "tcp/scoreboard.h"

#define SPAN 400U /* numbers from where the first una was */
#define SMSS 20U

struct model {
    bool sacked[SPAN + 1];
    uint32_t una, nxt, high_rxt, recover; /* offsets */
};

static uint32_t sacked_in(const struct model *m, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += m->sacked[i];
    return n;
}

/* RFC 6675 §4, IsLost(S): three separate runs above S, or more than two segments' worth. */
static bool is_lost(const struct model *m, uint32_t s)
{
    uint32_t runs = 0, bytes = 0;
    for (uint32_t i = s + 1; i < m->nxt; i++) {
        bytes += m->sacked[i];
        runs += m->sacked[i] && !m->sacked[i - 1];
    }
    return runs >= DUP_THRESH || bytes > (DUP_THRESH - 1) * SMSS;
}

static void compare(const struct scoreboard *b, const struct model *m, seqno base)
{
    uint32_t total = sacked_in(m, m->una, m->nxt), top = m->nxt;
    bool below = true;
    if (!total) {
        CHECK(!b->sacked.head && b->bytes == 0 && b->below_rxt == 0 && b->above_recover == 0 &&
              b->above_lost == 0);
        return;
    }
    while (!m->sacked[top - 1])
        top--;
    CHECK(b->bytes == total && b->top.v - base.v == top);
    CHECK(b->below_rxt == sacked_in(m, m->una, m->high_rxt));
    CHECK(b->above_recover == sacked_in(m, m->recover, m->nxt));
    for (uint32_t i = m->una; i < m->nxt; i++) {
        if (m->sacked[i])
            continue;
        bool lost = scoreboard_is_lost(b, seq_add(base, i));
        CHECK(lost == is_lost(m, i) && (below || !lost));
        below = lost;
    }
    CHECK(b->above_lost == sacked_in(m, b->lost.v - base.v, m->nxt));
}

static void check_holes(const struct scoreboard *b, const struct pool *p, const struct model *m,
                        seqno base, uint32_t from)
{
    struct hole h = scoreboard_hole(b, p, seq_add(base, from), seq_add(base, m->nxt));
    uint32_t s = from, e;
    while (s < m->nxt && m->sacked[s])
        s++;
    for (e = s; e < m->nxt && !m->sacked[e];)
        e++;
    CHECK(h.start.v - base.v == s && h.end.v - base.v == e);
    CHECK(h.below_top == (e < m->nxt));
    struct hole last = scoreboard_last_hole(b, p, seq_add(base, m->una), seq_add(base, m->nxt));
    for (e = m->nxt; e > m->una && m->sacked[e - 1];)
        e--;
    for (s = e; s > m->una && !m->sacked[s - 1];)
        s--;
    CHECK(last.end.v - last.start.v == e - s);
    if (e > s)
        CHECK(last.start.v - base.v == s);
}

static void take_ack(struct scoreboard *b, struct fuzz_mem *f, struct model *m, seqno base,
                     struct input *in)
{
    struct tcp_opts o = {.nsack = (uint8_t)in_below(in, TCP_SACK_MAX + 1)};
    uint32_t before, fresh;
    m->una += in_below(in, 4) ? 0 : in_below(in, m->nxt - m->una + 1);
    m->high_rxt = m->high_rxt > m->una ? m->high_rxt : m->una;
    m->recover = m->recover > m->una ? m->recover : m->una;
    memset(m->sacked, 0, m->una);
    before = sacked_in(m, m->una, m->nxt);
    for (uint32_t i = 0; i < o.nsack; i++) {
        uint32_t s = in_u16(in) % (SPAN + 20), e = s + in_below(in, 64);
        uint32_t wild = in_u8(in);
        o.sack[i] = (struct sack_block){seq_add(base, s), seq_add(base, e)};
        if (wild < 8) { /* from elsewhere on the circle */
            o.sack[i].start.v ^= 0x80000000U;
            continue;
        }
        if (s > m->una && s < e && e <= m->nxt)
            for (uint32_t k = s; k < e; k++)
                m->sacked[k] = true;
    }
    struct scoreboard_at at = {seq_add(base, m->una), seq_add(base, m->nxt),
                               seq_add(base, m->high_rxt), seq_add(base, m->recover), SMSS};
    fresh = scoreboard_update(b, &f->ranges, &at, &o, false);
    CHECK(fresh == sacked_in(m, m->una, m->nxt) - before);
    CHECK(scoreboard_reneged(b, &f->ranges, at.una) == (m->una < m->nxt && m->sacked[m->una]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct fuzz_mem f;
    struct model m = {0};
    struct scoreboard b = {0};
    seqno base = seq(in_u32(&in));
    fuzz_mem_init(&f, 1, SPAN); /* room for every run: refusals are fuzz_stack's */
    while (in.n) {
        switch (in_u8(&in) % 5) {
        case 0:
            m.nxt += in_below(&in, SPAN - m.nxt + 1) / 4;
            break;
        case 1:
        case 2:
            take_ack(&b, &f, &m, base, &in);
            compare(&b, &m, base);
            break;
        case 3: /* holes are asked for between high_rxt and nxt */
            m.recover = m.nxt;
            m.high_rxt = m.una;
            scoreboard_rewind(&b);
            check_holes(&b, &f.ranges, &m, base,
                        m.high_rxt + in_below(&in, m.nxt - m.high_rxt + 1));
            break;
        case 4:
            if (in_below(&in, 16) == 0) {
                scoreboard_clear(&b, &f.ranges);
                memset(m.sacked, 0, sizeof m.sacked);
            }
            break;
        }
    }
    scoreboard_clear(&b, &f.ranges);
    fuzz_mem_end(&f);
    return 0;
}
