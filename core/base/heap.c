/* heap.c: deadlines in order; a 4-ary min-heap at positions 1..n.
 * Invariant: an item comes before its children, by (when, serial), and the owner's position of each
 * item is where it stands. */
#include "base/heap.h"
#include "base/assert.h"

struct heap_item {
    la_ns when;
    uint64_t serial; /* of the heap_set that armed it: ties go by it, so runs are reproducible */
    uint32_t id;
};

static struct heap_item *item(const struct heap *h, uint32_t pos)
{
    return pages_at(&h->items, pos);
}

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->when != b->when ? a->when < b->when : a->serial < b->serial;
}

static void place(const struct heap *h, uint32_t pos, struct heap_item x)
{
    *item(h, pos) = x;
    *h->pos(h->ctx, x.id) = pos;
}

/* Children of i are 4i-2 .. 4i+1. */
static uint32_t parent(uint32_t pos)
{
    return (pos + 2) / 4;
}

/* Puts x into the hole at `pos`, pulling down what must come after it. */
static void sift_up(const struct heap *h, uint32_t pos, struct heap_item x)
{
    while (pos > 1 && before(&x, item(h, parent(pos)))) {
        place(h, pos, *item(h, parent(pos)));
        pos = parent(pos);
    }
    place(h, pos, x);
}

/* Puts x into the hole at `pos`, pulling up what must come before it. */
static void sift_down(const struct heap *h, uint32_t pos, struct heap_item x)
{
    for (;;) {
        uint64_t first = (uint64_t)pos * 4 - 2;
        uint32_t best = 0;
        const struct heap_item *b = &x;

        for (uint64_t c = first; c < first + 4 && c <= h->n; c++) {
            if (before(item(h, (uint32_t)c), b)) {
                best = (uint32_t)c;
                b = item(h, best);
            }
        }
        if (best == 0)
            break;
        place(h, pos, *b);
        pos = best;
    }
    place(h, pos, x);
}

static void settle(const struct heap *h, uint32_t pos, struct heap_item x)
{
    if (pos > 1 && before(&x, item(h, parent(pos))))
        sift_up(h, pos, x);
    else
        sift_down(h, pos, x);
}

void heap_init(struct heap *h, struct mem *m, uint32_t cap, uint32_t *(*pos)(void *, uint32_t),
               void *ctx)
{
    if (cap == UINT32_MAX)
        cap--;
    *h = (struct heap){.pos = pos, .ctx = ctx};
    pages_init(&h->items, m, sizeof(struct heap_item), cap + 1); /* position 0 is unused */
}

void heap_free(struct heap *h)
{
    pages_free(&h->items);
    h->n = 0;
}

bool heap_reserve(struct heap *h, uint32_t n)
{
    return n < UINT32_MAX && pages_grow(&h->items, n + 1);
}

void heap_set(struct heap *h, uint32_t id, la_ns when)
{
    struct heap_item x = {when, ++h->armed, id};
    uint32_t at = *h->pos(h->ctx, id);

    if (at == HEAP_NONE) {
        LA_ASSERT(h->n + 1 < h->items.len);
        sift_up(h, ++h->n, x);
    } else {
        settle(h, at, x);
    }
}

void heap_remove(struct heap *h, uint32_t id)
{
    uint32_t *where = h->pos(h->ctx, id);
    uint32_t at = *where;

    if (at == HEAP_NONE)
        return;
    *where = HEAP_NONE;
    struct heap_item last = *item(h, h->n--);
    if (at <= h->n)
        settle(h, at, last);
}

la_ns heap_first(const struct heap *h)
{
    return h->n ? item(h, 1)->when : LA_NEVER;
}

uint32_t heap_pop_due(struct heap *h, la_ns now)
{
    if (h->n == 0 || item(h, 1)->when > now)
        return 0;
    uint32_t id = item(h, 1)->id;
    heap_remove(h, id);
    return id;
}
