/* fuzz_heap.c: deadlines against a search through all of them: the earliest first, ties in the
 * order in which they were armed. */
#include "base/heap.h"
#include "fuzz/fuzz_mem.h"

#define ITEMS 64U

struct items {
    uint32_t pos[ITEMS + 1];
    la_ns when[ITEMS + 1];
    uint64_t armed[ITEMS + 1];
    bool in[ITEMS + 1];
};

static uint32_t *pos_of(void *ctx, uint32_t id)
{
    return &((struct items *)ctx)->pos[id];
}

static uint32_t first_of(const struct items *t)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i <= ITEMS; i++) {
        if (!t->in[i])
            continue;
        if (!best || t->when[i] < t->when[best] ||
            (t->when[i] == t->when[best] && t->armed[i] < t->armed[best]))
            best = i;
    }
    return best;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct fuzz_mem f;
    struct items t = {0};
    struct heap h;
    uint64_t serial = 0;
    uint32_t count = 0;
    fuzz_mem_init(&f, 1, 1);
    heap_init(&h, &f.m, ITEMS, pos_of, &t);
    CHECK(heap_reserve(&h, ITEMS) && !heap_reserve(&h, ITEMS + 1));
    /* Near its end the serial wraps in 32 bits; ties must not notice. */
    h.armed = in_u8(&in) & 1 ? UINT32_MAX - 3 : 0;
    while (in.n) {
        uint8_t op = in_u8(&in);
        uint32_t id = 1 + in_below(&in, ITEMS);
        la_ns when = in_below(&in, 16);
        if (op & 1) {
            heap_set(&h, id, when);
            count += !t.in[id];
            t.in[id] = true;
            t.when[id] = when;
            t.armed[id] = ++serial;
        } else if (op & 2) {
            heap_remove(&h, id);
            count -= t.in[id];
            t.in[id] = false;
        } else {
            uint32_t first = first_of(&t), due = first && t.when[first] <= when ? first : 0;
            CHECK(heap_pop_due(&h, when) == due);
            count -= due != 0;
            t.in[due] = false;
        }
        uint32_t first = first_of(&t);
        CHECK(heap_first(&h) == (first ? t.when[first] : LA_NEVER));
        CHECK(h.n == count);
        for (uint32_t i = 1; i <= ITEMS; i++)
            CHECK((t.pos[i] != HEAP_NONE) == t.in[i]);
    }
    heap_free(&h);
    fuzz_mem_end(&f);
    return 0;
}
