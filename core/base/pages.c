/* pages.c: arrays that grow without moving.
 * The last page is cut to the cap, so that a small array costs no more than it holds and a
 * sanitizer sees an access past its end. */
#include "base/pages.h"
#include "base/assert.h"

#define PAGE_TARGET 65536U

static uint32_t per_page(const struct pages *p)
{
    return 1U << p->shift;
}

static uint32_t dir_len(const struct pages *p)
{
    return (uint32_t)(((uint64_t)p->cap + per_page(p) - 1) >> p->shift);
}

/* Elements of the page that starts at element `first`. */
static uint32_t page_elems(const struct pages *p, uint32_t first)
{
    uint32_t left = p->cap - first;
    return left < per_page(p) ? left : per_page(p);
}

/* Gives back the pages from the end until `keep` elements are left; `keep` ends a page. */
static void shrink(struct pages *p, uint32_t keep)
{
    while (p->len > keep) {
        uint32_t page = (p->len - 1) >> p->shift;
        uint32_t first = page << p->shift;
        mem_put(p->mem, p->dir[page], (size_t)page_elems(p, first) * p->elem);
        p->dir[page] = NULL;
        p->len = first;
    }
}

void pages_init(struct pages *p, struct mem *m, uint32_t elem, uint32_t cap)
{
    LA_ASSERT(elem > 0 && elem <= PAGE_TARGET);
    *p = (struct pages){.mem = m, .elem = elem, .cap = cap};
    while ((elem << (p->shift + 1)) <= PAGE_TARGET)
        p->shift++;
}

bool pages_grow(struct pages *p, uint32_t n)
{
    uint32_t before = p->len;

    if (n <= p->len)
        return true;
    if (n > p->cap) {
        p->mem->refused++;
        return false;
    }
    if (!p->dir) {
        p->dir = mem_get(p->mem, dir_len(p) * sizeof *p->dir);
        if (!p->dir)
            return false;
    }
    while (p->len < n) {
        uint32_t elems = page_elems(p, p->len);
        uint8_t *page = mem_get(p->mem, (size_t)elems * p->elem);
        if (!page) {
            shrink(p, before);
            return false;
        }
        p->dir[p->len >> p->shift] = page;
        p->len += elems;
    }
    return true;
}

void pages_free(struct pages *p)
{
    shrink(p, 0);
    if (p->dir)
        mem_put(p->mem, p->dir, dir_len(p) * sizeof *p->dir);
    p->dir = NULL;
}
