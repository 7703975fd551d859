/* ladder.c: a ladder's life. */
#include "lab/picture/ladder_private.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_HEAD 2
#define DEFAULT_TAIL 1
#define DEFAULT_ODD 6

const struct ladder_end *ladder_end_of(const struct ladder *l, int side)
{
    return side == 0 ? &l->cfg.left : &l->cfg.right;
}

/* Makes room for one more element of `size` bytes; the vector, moved or not, or NULL. */
static void *grow(struct ladder *l, void *v, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return v;
    size_t more = *room ? 2 * *room : 64;
    void *p = realloc(v, more * size);
    if (!p) {
        l->failed = true;
        return NULL;
    }
    *room = more;
    return p;
}

bool ladder_insert_item(struct ladder *l, int side, size_t at, const struct item *it)
{
    struct items *s = &l->side[side];
    struct item *v = grow(l, s->v, s->n, &s->room, sizeof *v);
    if (!v)
        return false;
    s->v = v;
    memmove(&v[at + 1], &v[at], (s->n - at) * sizeof *v);
    v[at] = *it;
    s->n++;
    return true;
}

bool ladder_add_item(struct ladder *l, int side, const struct item *it)
{
    return ladder_insert_item(l, side, l->side[side].n, it);
}

struct message *ladder_add_message(struct ladder *l)
{
    struct message *v = grow(l, l->msg, l->nmsg, &l->msg_room, sizeof *v);
    if (!v)
        return NULL;
    l->msg = v;
    v += l->nmsg++;
    *v = (struct message){.sent = LA_NEVER, .got = LA_NEVER};
    return v;
}

struct ladder *ladder_new(const struct ladder_config *cfg)
{
    struct ladder *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->cfg = *cfg;
    l->cfg.head = cfg->head ? cfg->head : DEFAULT_HEAD;
    l->cfg.tail = cfg->tail ? cfg->tail : DEFAULT_TAIL;
    l->cfg.odd = cfg->odd ? cfg->odd : DEFAULT_ODD;
    l->cfg.until = cfg->until ? cfg->until : LA_NEVER;
    l->close.first = -1;
    ladder_collect(l);
    ladder_infer(l);
    ladder_arrange(l);
    if (l->failed) {
        ladder_free(l);
        return NULL;
    }
    return l;
}

void ladder_free(struct ladder *l)
{
    if (!l)
        return;
    free(l->msg);
    free(l->side[0].v);
    free(l->side[1].v);
    free(l->row);
    free(l);
}

size_t ladder_rows(const struct ladder *l)
{
    return l->nrow;
}

void ladder_closing(const struct ladder *l, struct ladder_close *out)
{
    *out = l->close;
}
