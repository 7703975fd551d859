/* call_args.c: arguments of calls: descriptors, addresses, buffers, option values. */
#include "drill/call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct expr *call_arg(const struct call *c, unsigned n)
{
    const struct item *i = c->args;

    while (n--)
        i = i->next;
    return i->value;
}

int call_int(const struct call *c, unsigned n)
{
    return (int)call_arg(c, n)->num;
}

#define NO_SUCH_FD 1000000

static bool is_open(const struct run *r, int64_t script)
{
    return script >= 0 && script < RUN_FILES && r->file[script].open;
}

int live_fd(const struct run *r, int64_t script)
{
    return script < 0 ? -1 : is_open(r, script) ? r->file[script].fd : NO_SUCH_FD;
}

int call_fd(const struct run *r, const struct call *c)
{
    return live_fd(r, call_arg(c, 0)->num);
}

struct run_file *call_file(struct run *r, const struct call *c)
{
    int64_t script = call_arg(c, 0)->num;
    return is_open(r, script) ? &r->file[script] : NULL;
}

void call_differs(struct run *r, const char *fmt, ...)
{
    char why[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    run_fail(r, r->in_call, "%s: %s", r->in_call->call.name, why);
}

/* ---- addresses ---- */

static void fill(const struct run *r, int family, const struct la_addr *a, uint16_t port,
                 struct address *out)
{
    struct sockaddr_in in = {.sin_family = (sa_family_t)family, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = (sa_family_t)family, .sin6_port = htons(port)};

    (void)r;
    out->port = port;
    if (family == AF_INET6) {
        memcpy(&in6.sin6_addr, a->b, 16);
        memcpy(&out->storage, &in6, sizeof in6);
        out->len = sizeof in6;
    } else {
        memcpy(&in.sin_addr, a->b + 12, 4);
        memcpy(&out->storage, &in, sizeof in);
        out->len = sizeof in;
    }
}

/* sin_port or sin6_port, and so on. */
static const struct expr *part(const struct expr *e, const char *v4, const char *v6)
{
    const struct item *i = expr_member(e, v4);

    i = i ? i : expr_member(e, v6);
    return i ? i->value : NULL;
}

void address_of(const struct run *r, const struct expr *e, const struct expr *len, bool local,
                struct address *out)
{
    const struct script_config *c = &r->s->config;
    struct la_addr addr = local ? c->local : c->remote;
    uint16_t port = local ? c->bind_port : c->connect_port;
    int family = c->v6 || c->mapped ? AF_INET6 : AF_INET;
    const struct expr *p;

    memset(out, 0, sizeof *out);
    if (e->kind == EXPR_INT) /* NULL */
        return;
    if (e->kind == EXPR_STRUCT) {
        const struct item *f = expr_member(e, "sa_family");
        if (f)
            family = (int)f->value->num;
        p = part(e, "sin_port", "sin6_port");
        if (p && p->kind == EXPR_INT)
            port = (uint16_t)p->num;
        p = part(e, "sin_addr", "sin6_addr");
        if (p && p->kind == EXPR_STRING)
            (void)la_addr_parse(p->text, &addr);
        else if (p && p->kind == EXPR_INT) /* INADDR_ANY */
            addr = la_addr_v4((uint8_t)(p->num >> 24), (uint8_t)(p->num >> 16),
                              (uint8_t)(p->num >> 8), (uint8_t)p->num);
        if (family == AF_INET6 && p && p->kind == EXPR_INT)
            addr = LA_ADDR_ANY;
    }
    fill(r, family, &addr, port, out);
    out->sa = (const struct sockaddr *)&out->storage;
    if (len->kind == EXPR_INT)
        out->len =
            (socklen_t)len->num > sizeof out->storage ? sizeof out->storage : (socklen_t)len->num;
}

void address_compare(struct run *r, const struct expr *want, const struct sockaddr_storage *got)
{
    struct address a;
    static const struct expr whole = {.kind = EXPR_ELLIPSIS};

    if (want->kind != EXPR_STRUCT)
        return;
    address_of(r, want, &whole, false, &a);
    if (a.storage.ss_family != got->ss_family)
        call_differs(r, "the address is of family %d", got->ss_family);
    else if (memcmp(&a.storage, got, a.len) != 0)
        call_differs(r, "the address is another one, with port %u",
                     ntohs(((const struct sockaddr_in *)(const void *)got)->sin_port));
}

void length_compare(struct run *r, const struct expr *want, socklen_t got)
{
    const struct expr *one = want->kind == EXPR_LIST ? want->items->value : want;

    if (one->kind == EXPR_INT && want->kind == EXPR_LIST && one->num != got)
        call_differs(r, "the length is %u, and not %lld", (unsigned)got, (long long)one->num);
}

/* ---- buffers ---- */

bool script_has_bytes(const struct script *s)
{
    for (const struct event *e = s->events; e; e = e->next) {
        if (e->kind == EVENT_PACKET && (e->packet.tcp.flags & LA_TCP_URG))
            return true; /* an urgent byte may leave the stream */
        if (e->kind != EVENT_CALL)
            continue;
        for (const struct item *i = e->call.args; i; i = i->next) {
            if (i->value->kind == EXPR_STRING && strstr(e->call.name, "sockopt") == NULL)
                return true;
            if (i->value->kind == EXPR_INT && (i->value->num & MSG_OOB) && i->next == NULL &&
                strncmp(e->call.name, "send", 4) == 0)
                return true;
        }
    }
    return false;
}

static void write_pattern(uint8_t *p, size_t n, uint64_t pos)
{
    for (size_t i = 0; i < n; i++)
        p[i] = stream_byte(pos + i);
}

/* The check has refused what is above BUFFER_MAX.  No buffer reaches as far as a negative size. */
static int new_buffer(struct run *r, const struct call *c, unsigned n, struct buffer *b)
{
    int64_t size = call_arg(c, n)->num;
    const struct expr *text = call_arg(c, 1);

    if (size < 0)
        return call_file(r, c) ? -EFAULT : -EBADF;
    b->n = (size_t)size;
    b->want = text->kind == EXPR_STRING ? text : NULL;
    b->p = calloc(1, b->n + 1);
    return b->p ? 0 : -ENOMEM;
}

int buffer_for_reading(struct run *r, const struct call *c, unsigned n, struct buffer *b)
{
    return new_buffer(r, c, n, b);
}

int buffer_for_writing(struct run *r, const struct call *c, unsigned n, struct buffer *b)
{
    const struct run_file *f = call_file(r, c);
    int rc = new_buffer(r, c, n, b);

    if (rc)
        return rc;
    if (b->want)
        memcpy(b->p, b->want->text, b->want->len < b->n ? b->want->len : b->n);
    else if (f)
        write_pattern(b->p, b->n, f->written);
    return 0;
}

/* What was read beside what the script says, or else beside the pattern. */
static void check_read(struct run *r, const struct expr *want, const uint8_t *p, size_t n,
                       uint64_t pos)
{
    if (want && want->len == n && memcmp(want->text, p, n) == 0)
        return;
    if (want) {
        call_differs(r, "other bytes were read");
        return;
    }
    for (size_t i = 0; i < n && !r->own_bytes; i++)
        if (p[i] != stream_byte(pos + i)) {
            call_differs(r, "byte %zu that was read is not what was sent", i);
            return;
        }
}

int64_t buffer_read(struct run *r, const struct call *c, struct buffer *b, int64_t rc)
{
    struct run_file *f = call_file(r, c);

    if (rc > 0 && f) {
        check_read(r, b->want, b->p, (size_t)rc, f->read);
        if (c->nargs < 4 || !(call_int(c, 3) & (MSG_PEEK | MSG_OOB)))
            f->read += (uint64_t)rc;
    }
    free(b->p);
    return rc;
}

int64_t buffer_written(struct run *r, const struct call *c, struct buffer *b, int64_t rc)
{
    struct run_file *f = call_file(r, c);

    if (rc > 0 && f)
        f->written += (uint64_t)rc;
    free(b->p);
    return rc;
}

bool vector_of(struct run *r, const struct call *c, const struct expr *list, bool writing,
               struct vector *v)
{
    const struct run_file *f = call_file(r, c);
    size_t total = 0;
    uint8_t *p;

    v->n = 0;
    for (const struct item *i = list->items; i && v->n < VECTOR_MAX; i = i->next, v->n++) {
        const struct expr *first = i->value->items->value;
        size_t n = (size_t)i->value->items->next->value->num;

        v->want[v->n] = first->kind == EXPR_STRING ? first : NULL;
        v->iov[v->n].iov_len = n;
        total += n;
    }
    p = v->bytes = calloc(1, total + 1);
    if (!p)
        return false;
    if (writing && f)
        write_pattern(p, total, f->written);
    for (unsigned i = 0; i < v->n; p += v->iov[i++].iov_len) {
        v->iov[i].iov_base = p;
        if (writing && v->want[i])
            memcpy(p, v->want[i]->text,
                   v->want[i]->len < v->iov[i].iov_len ? v->want[i]->len : v->iov[i].iov_len);
    }
    return true;
}

int64_t vector_read(struct run *r, const struct call *c, struct vector *v, int64_t rc)
{
    struct run_file *f = call_file(r, c);
    size_t left = rc > 0 ? (size_t)rc : 0;

    for (unsigned i = 0; i < v->n && f && left; i++) {
        size_t n = v->iov[i].iov_len < left ? v->iov[i].iov_len : left;

        check_read(r, v->want[i], v->iov[i].iov_base, n, f->read);
        f->read += n;
        left -= n;
    }
    free(v->bytes);
    return rc;
}

int64_t vector_written(struct run *r, const struct call *c, struct vector *v, int64_t rc)
{
    struct run_file *f = call_file(r, c);

    if (rc > 0 && f)
        f->written += (uint64_t)rc;
    free(v->bytes);
    return rc;
}

/* ---- options, events ---- */

static int64_t member_or(const struct expr *e, const char *name, const char *other, int64_t none)
{
    const struct item *i = expr_member(e, name);

    i = i ? i : expr_member(e, other);
    return i ? i->value->num : none;
}

void option_of(const struct expr *e, struct option_value *out)
{
    const struct expr *one = e->kind == EXPR_LIST ? e->items->value : e;
    int v = (int)one->num;

    memset(out, 0, sizeof *out);
    out->n = sizeof v;
    if (e->kind == EXPR_STRUCT) {
        struct linger l = {(int)member_or(e, "onoff", "l_onoff", 0),
                           (int)member_or(e, "linger", "l_linger", 0)};
        memcpy(out->bytes, &l, sizeof l);
        out->n = sizeof l;
    } else if (e->kind == EXPR_STRING) {
        out->n = e->len < sizeof out->bytes ? e->len : sizeof out->bytes;
        memcpy(out->bytes, e->text, out->n);
    } else {
        memcpy(out->bytes, &v, sizeof v);
    }
}

void option_compare(struct run *r, const struct expr *want, const struct option_value *got)
{
    struct option_value w;
    const struct expr *one = want->kind == EXPR_LIST ? want->items->value : want;
    int v = 0;

    if (want->kind == EXPR_ELLIPSIS || one->kind == EXPR_ELLIPSIS)
        return;
    option_of(want, &w);
    memcpy(&v, got->bytes, got->n < sizeof v ? got->n : sizeof v);
    if (one->kind == EXPR_INT && v != (int)one->num)
        call_differs(r, "the option is %d, and not %lld", v, (long long)one->num);
    else if (want->kind == EXPR_STRUCT && memcmp(w.bytes, got->bytes, sizeof(struct linger)) != 0)
        call_differs(r, "the option is {onoff=%d, linger=%d}", v, got->bytes[4]);
    else if (want->kind == EXPR_STRING && strncmp((const char *)got->bytes, want->text,
                                                  got->n > want->len ? got->n : want->len) != 0)
        call_differs(r, "the option is \"%.*s\"", (int)(got->n < 40 ? got->n : 40), got->bytes);
}

struct epoll_event event_of(const struct expr *e)
{
    struct epoll_event ev = {0};

    ev.events = (uint32_t)member_or(e, "events", "", 0);
    ev.data.u64 = (uint64_t)member_or(e, "fd", "u32", member_or(e, "u64", "ptr", 0));
    return ev;
}

void event_compare(struct run *r, const struct expr *want, const struct epoll_event *got)
{
    struct epoll_event w = event_of(want);

    if (w.events != got->events)
        call_differs(r, "events is 0x%x, and not 0x%x", got->events, w.events);
    else if (w.data.u64 != got->data.u64)
        call_differs(r, "the event is of descriptor %llu", (unsigned long long)got->data.u64);
}
