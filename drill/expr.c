/* expr.c: building expressions: constants become numbers while they are read. */
#include "drill/parse.h"
#include "drill/symbols.h"

#include <string.h>

struct expr *p_expr(struct parse *p, struct place at, enum expr_kind kind)
{
    struct expr *e = script_alloc(p->script, sizeof *e);

    e->kind = kind;
    e->at = at;
    e->text = "";
    return e;
}

/* A name stands for what --define said, for a constant, or for itself. */
struct expr *p_word(struct parse *p, struct place at, const char *word)
{
    struct expr *e = p_expr(p, at, EXPR_WORD);

    for (uint32_t i = 0; i < p->outside->ndefines; i++)
        if (strcmp(p->outside->defines[i].name, word) == 0) {
            word = p->outside->defines[i].value;
            break;
        }
    e->text = p_text(p, word, strlen(word));
    if (symbol_value(word, &e->num)) {
        e->kind = EXPR_INT;
    } else if (*word && strspn(word, "0123456789") == strlen(word)) {
        struct num n = {0, ""};
        p_number(p, &n, at, word, 10);
        e->kind = EXPR_INT;
        e->num = n.v;
    }
    return e;
}

/* htons and the like say how a number is kept in memory, which is not the script's business here;
 * inet_addr and the like say what a string is. */
struct expr *p_function(struct parse *p, struct place at, const char *name, struct list args)
{
    static const char *const numbers[] = {"htons", "htonl", "ntohs", "ntohl"};
    static const char *const strings[] = {"inet_addr", "inet6_addr", "inet_pton"};
    struct expr *e = p_expr(p, at, EXPR_FUNCTION);

    e->text = name;
    e->items = args.first;
    e->len = args.n;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(name, numbers[i]) == 0) {
            if (args.n == 1 && args.first->value->kind == EXPR_INT)
                return args.first->value;
            p_fail(p, at, "%s takes one number", name);
        }
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        if (strcmp(name, strings[i]) == 0) {
            if (args.n >= 1 && args.last->value->kind == EXPR_STRING)
                return args.last->value;
            p_fail(p, at, "%s takes an address in quotes", name);
        }
    return e;
}

struct expr *p_items(struct parse *p, struct place at, enum expr_kind kind, struct list items)
{
    struct expr *e = p_expr(p, at, kind);

    e->items = items.first;
    e->len = items.n;
    return e;
}

struct expr *p_or(struct parse *p, struct expr *a, struct expr *b)
{
    struct expr *e = p_expr(p, a->at, EXPR_INT);
    const struct expr *wrong = a->kind != EXPR_INT ? a : b->kind != EXPR_INT ? b : NULL;

    e->num = a->num | b->num;
    if (wrong && (wrong->kind == EXPR_WORD || wrong->kind == EXPR_FUNCTION))
        p_fail(p, wrong->at, "no constant is called '%.60s'", wrong->text);
    else if (wrong)
        p_fail(p, wrong->at, "only numbers can be joined by |");
    return e;
}

struct item *p_member(struct parse *p, const struct expr *name, struct expr *value)
{
    struct item *i = script_alloc(p->script, sizeof *i);

    i->value = value;
    if (value->kind == EXPR_FUNCTION || value->kind == EXPR_WORD)
        p_fail(p, value->at, "no %s is called '%.60s'",
               value->kind == EXPR_WORD ? "constant" : "function", value->text);
    if (!name)
        return i;
    if (!name->text[0] || name->kind == EXPR_STRING || name->kind == EXPR_INT)
        p_fail(p, name->at, "a member's name must stand before =");
    i->name = name->text;
    if (name->kind == EXPR_FUNCTION && name->len == 1)
        i->count = name->items->value;
    else if (name->kind == EXPR_FUNCTION)
        p_fail(p, name->at, "%.60s takes one number in its parentheses", name->text);
    return i;
}

struct list p_append(struct parse *p, struct list l, struct item *i)
{
    (void)p;
    if (l.last)
        l.last->next = i;
    else
        l.first = i;
    l.last = i;
    l.n++;
    return l;
}

const struct item *expr_member(const struct expr *e, const char *name)
{
    for (const struct item *i = e->items; i; i = i->next)
        if (i->name && strcmp(i->name, name) == 0)
            return i;
    return NULL;
}
