/* fuzz_ranges.c: sets of sequence numbers against a row of flags, anywhere on the circle. */
#include "fuzz/fuzz_mem.h"

#define SPAN 200U
#define MAX 9U

struct model {
    bool in[SPAN];
};

/* How many runs the set has; each must be one node. */
static uint32_t runs(const struct model *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < SPAN; i++)
        n += m->in[i] && (i == 0 || !m->in[i - 1]);
    return n;
}

static void compare(const struct ranges *r, const struct pool *p, const struct model *m, seqno base)
{
    uint32_t bytes = 0, at = 0;
    for (const struct range *x = ranges_first(r, p); x; x = ranges_next(x, p)) {
        uint32_t s = x->start.v - base.v, e = x->end.v - base.v;
        CHECK(s >= at && s < e && e <= SPAN);
        for (; at < s; at++)
            CHECK(!m->in[at]);
        for (; at < e; at++, bytes++)
            CHECK(m->in[at]);
    }
    for (; at < SPAN; at++)
        CHECK(!m->in[at]);
    CHECK(r->count == runs(m) && p->used == r->count);
    CHECK(ranges_bytes(r, p) == bytes);
}

static void ask(const struct ranges *r, const struct pool *p, const struct model *m, seqno base,
                uint32_t at, uint32_t to)
{
    const struct range *found = ranges_find(r, p, seq_add(base, at));
    uint32_t overlap = 0, above = at;
    CHECK((found != NULL) == m->in[at]);
    for (uint32_t i = at; i < to; i++)
        overlap += m->in[i];
    CHECK(ranges_overlap(r, p, seq_add(base, at), seq_add(base, to)) == overlap);
    while (above < SPAN && !m->in[above])
        above++;
    const struct range *x = ranges_above(r, p, seq_add(base, at));
    CHECK((x != NULL) == (above < SPAN));
    if (x && above > at)
        CHECK(x->start.v - base.v == above);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct fuzz_mem f;
    struct ranges r = {0};
    struct model m = {0};
    seqno base = seq(in_u32(&in));
    fuzz_mem_init(&f, 1, 1 + in_below(&in, 12));
    while (in.n) {
        uint8_t op = in_u8(&in) % 8;
        uint32_t at = in_below(&in, SPAN), to = at + in_below(&in, SPAN - at + 1);
        if (op < 5) {
            struct model after = m;
            for (uint32_t i = at; i < to; i++)
                after.in[i] = true;
            bool ok = ranges_add(&r, &f.ranges, seq_add(base, at), seq_add(base, to), MAX);
            /* It may be refused only where it needs a node of its own and there is none. */
            CHECK(ok || (runs(&after) > runs(&m) &&
                         (runs(&m) == MAX || runs(&m) == f.ranges.pages.cap - 1)));
            if (ok)
                m = after;
        } else if (op == 5) {
            ranges_trim(&r, &f.ranges, seq_add(base, at));
            memset(m.in, 0, at);
        } else if (op == 6) {
            ask(&r, &f.ranges, &m, base, at, to);
        } else if (to == at) {
            ranges_clear(&r, &f.ranges);
            memset(m.in, 0, sizeof m.in);
        }
        compare(&r, &f.ranges, &m, base);
    }
    ranges_clear(&r, &f.ranges);
    fuzz_mem_end(&f);
    return 0;
}
