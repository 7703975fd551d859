/* heap.c: deadlines in order; a 4-ary min-heap at positions 3..n+2, so that the four children of an
 * item start at a multiple of four and lie in one page.
 * Invariant: an item comes before its children, by (when, serial), and the owner's position of each
 * item is where it stands. */
#include "base/heap.h"
#include "base/assert.h"

/* 16 bytes, so that four siblings are 64: half of what setting costs is fetching them. */
struct heap_item {
    la_ns when;
    uint32_t serial; /* of the heap_set that armed it: ties go by it, so runs are reproducible */
    uint32_t id;
};

enum { ROOT = 3, ARITY = 4 };

static inline struct heap_item *item(const struct heap *h, uint32_t pos)
{
    return pages_at(&h->items, pos);
}

/* Serials wrap: two that meet in a tie are less than 2^31 settings apart. */
static inline bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->when != b->when ? a->when < b->when : (int32_t)(a->serial - b->serial) < 0;
}

static inline void place(const struct heap *h, uint32_t pos, struct heap_item x)
{
    *item(h, pos) = x;
    *h->pos(h->ctx, x.id) = pos;
}

static inline uint32_t parent(uint32_t pos)
{
    return pos / ARITY + 2;
}

static inline uint32_t last(const struct heap *h)
{
    return h->n + ROOT - 1;
}

/* Puts x into the hole at `pos`, pulling down what must come after it. */
static void sift_up(const struct heap *h, uint32_t pos, struct heap_item x)
{
    while (pos > ROOT && before(&x, item(h, parent(pos)))) {
        place(h, pos, *item(h, parent(pos)));
        pos = parent(pos);
    }
    place(h, pos, x);
}

/* Puts x into the hole at `pos`, pulling up what must come before it. */
static void sift_down(const struct heap *h, uint32_t pos, struct heap_item x)
{
    uint32_t end = last(h);

    for (;;) {
        uint64_t first = ((uint64_t)pos - 2) * ARITY;
        if (first > end)
            break;
        uint32_t n = end - (uint32_t)first < ARITY - 1 ? end - (uint32_t)first + 1 : ARITY;
        const struct heap_item *child = item(h, (uint32_t)first);
        uint32_t best = 0;
        for (uint32_t i = 1; i < n; i++)
            best = before(&child[i], &child[best]) ? i : best;
        if (!before(&child[best], &x))
            break;
        place(h, pos, child[best]);
        pos = (uint32_t)first + best;
    }
    place(h, pos, x);
}

static void settle(const struct heap *h, uint32_t pos, struct heap_item x)
{
    if (pos > ROOT && before(&x, item(h, parent(pos))))
        sift_up(h, pos, x);
    else
        sift_down(h, pos, x);
}

void heap_init(struct heap *h, struct mem *m, uint32_t cap, uint32_t *(*pos)(void *, uint32_t),
               void *ctx)
{
    if (cap > UINT32_MAX - ROOT)
        cap = UINT32_MAX - ROOT;
    *h = (struct heap){.pos = pos, .ctx = ctx};
    pages_init(&h->items, m, sizeof(struct heap_item), cap + ROOT);
}

void heap_free(struct heap *h)
{
    pages_free(&h->items);
    h->n = 0;
}

bool heap_reserve(struct heap *h, uint32_t n)
{
    return n <= UINT32_MAX - ROOT && pages_grow(&h->items, n + ROOT);
}

void heap_set(struct heap *h, uint32_t id, la_ns when)
{
    struct heap_item x = {when, (uint32_t)++h->armed, id};
    uint32_t at = *h->pos(h->ctx, id);

    if (at == HEAP_NONE) {
        LA_ASSERT(h->items.len > ROOT && h->n < h->items.len - ROOT);
        h->n++;
        sift_up(h, last(h), x);
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
    struct heap_item x = *item(h, last(h));
    h->n--;
    if (at <= last(h))
        settle(h, at, x);
}

la_ns heap_when(const struct heap *h, uint32_t pos)
{
    return pos == HEAP_NONE ? LA_NEVER : item(h, pos)->when;
}

la_ns heap_first(const struct heap *h)
{
    return h->n ? item(h, ROOT)->when : LA_NEVER;
}

uint32_t heap_pop_due(struct heap *h, la_ns now)
{
    if (h->n == 0 || item(h, ROOT)->when > now)
        return 0;
    uint32_t id = item(h, ROOT)->id;
    heap_remove(h, id);
    return id;
}
