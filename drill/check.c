/* check.c: what can be judged of a script before it runs: which calls there are and what they take,
 * and that time goes forward.  What passes here, call.c may rely on. */
#include "drill/parse.h"

#include <string.h>

/* What an argument may be.  Each takes `...` too, where nothing else is said. */
enum arg_kind {
    ARG_END,
    ARG_REST, /* what follows may be missing */
    ARG_INT,  /* a number; ... is none */
    ARG_ANY_INT,
    ARG_ADDR,    /* sockaddr */
    ARG_ADDRLEN, /* [16] */
    ARG_BUFFER,  /* ... or a string */
    ARG_SIZE,    /* a buffer's; less than nothing is for the call to refuse */
    ARG_IOVECS,  /* [{..., 1000}, ...] */
    ARG_MSGHDR,
    ARG_VALUE,  /* [1], {onoff=1, linger=0}, a string, 1; for setsockopt and getsockopt */
    ARG_LEN,    /* [4] */
    ARG_NUMBER, /* [1] or 1 or NULL, for ioctl */
    ARG_POLLS,
    ARG_EPOLL, /* {events=EPOLLIN, fd=4}, or a list of such */
};

#define ARGS_MAX 8
#define LIST_MAX 64 /* of iovecs, pollfds, events: VECTOR_MAX and POLLS_MAX of call.h */

struct signature {
    const char *name;
    enum arg_kind args[ARGS_MAX];
};

static const struct signature calls[] = {
#define CALL(name, ...) {#name, {__VA_ARGS__}},
#include "drill/calls.def"
#undef CALL
};

/* A struct's members, and how many of them come first and must be there. */
struct shape {
    const char *what;
    const char *members[8];
};

static const struct shape sockaddr_shape = {"a sockaddr",
                                            {"sa_family", "sin_port", "sin_addr", "sin6_port",
                                             "sin6_addr", "sin6_flowinfo", "sin6_scope_id"}};
static const struct shape msghdr_shape = {
    "a msghdr", {"msg_name", "msg_iov", "msg_flags", "msg_control", "msg_controllen"}};
static const struct shape pollfd_shape = {"a pollfd", {"fd", "events", "revents"}};
static const struct shape epoll_shape = {"an epoll_event", {"events", "fd", "u32", "u64", "ptr"}};
static const struct shape linger_shape = {"a linger", {"onoff", "linger", "l_onoff", "l_linger"}};

static void check_length(struct parse *p, const struct expr *list)
{
    if (list->len > LIST_MAX)
        p_fail(p, list->at, "a list has %d members at most here", LIST_MAX);
}

static void check_shape(struct parse *p, const struct expr *e, const struct shape *s)
{
    if (e->kind != EXPR_STRUCT) {
        p_fail(p, e->at, "%s stands in braces: {%s=...}", s->what, s->members[0]);
        return;
    }
    for (const struct item *i = e->items; i; i = i->next) {
        bool known = false;

        for (int m = 0; m < 8 && s->members[m] && i->name; m++)
            known |= strcmp(s->members[m], i->name) == 0;
        if (!i->name)
            p_fail(p, i->value->at, "a member of %s has a name and =", s->what);
        else if (!known)
            p_fail(p, i->value->at, "%s has no member '%.40s'", s->what, i->name);
    }
}

static bool is_number(const struct expr *e)
{
    return e->kind == EXPR_INT;
}

/* [n], or [...] */
static bool is_one(const struct expr *e)
{
    return e->kind == EXPR_LIST && e->len == 1 &&
           (is_number(e->items->value) || e->items->value->kind == EXPR_ELLIPSIS);
}

static void check_iovecs(struct parse *p, const struct expr *list)
{
    if (list->kind != EXPR_LIST) {
        p_fail(p, list->at, "iovecs stand in brackets: [{..., 1000}]");
        return;
    }
    check_length(p, list);
    int64_t total = 0;
    for (const struct item *i = list->items; i; i = i->next) {
        const struct expr *e = i->value;
        const struct item *n = e->kind == EXPR_STRUCT && e->len == 2 ? e->items->next : NULL;

        if (!n || !is_number(n->value) || n->value->num < 0 || n->value->num > INT32_MAX)
            p_fail(p, e->at, "an iovec is a buffer and its size: {..., 1000}");
        else if (e->items->value->kind != EXPR_ELLIPSIS && e->items->value->kind != EXPR_STRING)
            p_fail(p, e->items->value->at, "a buffer is ... or a string");
        else if ((total += n->value->num) > BUFFER_MAX)
            p_fail(p, e->at, "a call carries %u bytes at most here", BUFFER_MAX);
    }
}

static void check_msghdr(struct parse *p, const struct expr *e)
{
    const struct item *iov;

    check_shape(p, e, &msghdr_shape);
    if (e->kind != EXPR_STRUCT)
        return;
    if (expr_member(e, "msg_control") &&
        expr_member(e, "msg_control")->value->kind != EXPR_ELLIPSIS)
        p_fail(p, expr_member(e, "msg_control")->value->at, "ancillary data is not supported");
    iov = expr_member(e, "msg_iov");
    if (!iov)
        p_fail(p, e->at, "a msghdr has msg_iov(N)=[...]");
    else
        check_iovecs(p, iov->value);
}

static void check_polls(struct parse *p, const struct expr *list)
{
    if (list->kind != EXPR_LIST) {
        p_fail(p, list->at, "pollfds stand in brackets: [{fd=4, events=POLLIN}]");
        return;
    }
    check_length(p, list);
    for (const struct item *i = list->items; i; i = i->next) {
        check_shape(p, i->value, &pollfd_shape);
        if (i->value->kind == EXPR_STRUCT &&
            (!expr_member(i->value, "fd") || !expr_member(i->value, "events")))
            p_fail(p, i->value->at, "a pollfd has fd and events");
    }
}

static void check_epoll(struct parse *p, const struct expr *e)
{
    if (e->kind != EXPR_LIST) {
        check_shape(p, e, &epoll_shape);
        return;
    }
    for (const struct item *i = e->items; i; i = i->next)
        check_shape(p, i->value, &epoll_shape);
}

static void check_arg(struct parse *p, enum arg_kind kind, const struct expr *e)
{
    const char *wanted = NULL;
    bool any = e->kind == EXPR_ELLIPSIS;

    switch (kind) {
    case ARG_END:
    case ARG_REST:
        break;
    case ARG_INT:
        wanted = is_number(e) ? NULL : "a number";
        break;
    case ARG_ANY_INT:
        wanted = any || is_number(e) ? NULL : "a number or ...";
        break;
    case ARG_ADDR:
        if (!any && !is_number(e)) /* NULL */
            check_shape(p, e, &sockaddr_shape);
        break;
    case ARG_ADDRLEN:
    case ARG_LEN:
        wanted = any || is_one(e) || is_number(e) ? NULL : "a length in brackets: [4]";
        break;
    case ARG_BUFFER:
        wanted = any || e->kind == EXPR_STRING ? NULL : "a buffer: ... or a string";
        break;
    case ARG_SIZE:
        wanted = is_number(e) ? NULL : "a number";
        if (!wanted && e->num > BUFFER_MAX)
            p_fail(p, e->at, "a call carries %u bytes at most here", BUFFER_MAX);
        break;
    case ARG_IOVECS:
        check_iovecs(p, e);
        break;
    case ARG_MSGHDR:
        check_msghdr(p, e);
        break;
    case ARG_VALUE:
        if (e->kind == EXPR_STRUCT)
            check_shape(p, e, &linger_shape);
        else if (!any && !is_one(e) && !is_number(e) && e->kind != EXPR_STRING)
            wanted = "an option's value: [1], {onoff=1, linger=0} or a string";
        break;
    case ARG_NUMBER:
        wanted = any || is_one(e) || is_number(e) ? NULL : "a number in brackets: [1]";
        break;
    case ARG_POLLS:
        check_polls(p, e);
        break;
    case ARG_EPOLL:
        if (!any && !is_number(e)) /* NULL */
            check_epoll(p, e);
        break;
    }
    if (wanted)
        p_fail(p, e->at, "here stands %s", wanted);
}

static void check_call(struct parse *p, const struct call *c)
{
    static const char *const foreign[] = {"pipe",    "splice", "sendfile", "select",
                                          "pselect", "ppoll",  "dup",      "sendmmsg"};
    const struct signature *s = NULL;
    const struct item *arg = c->args;
    uint32_t n = 0, least = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(calls[i].name, c->name) == 0)
            s = &calls[i];
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (strcmp(foreign[i], c->name) == 0) {
            p_fail(p, c->at, "the call %s is not supported", c->name);
            return;
        }
    if (!s) {
        p_fail(p, c->at, "no call is named '%.40s'", c->name);
        return;
    }
    for (int i = 0; i < ARGS_MAX && s->args[i] != ARG_END; i++) {
        if (s->args[i] == ARG_REST) {
            least = n;
            continue;
        }
        n++;
        if (!arg)
            continue;
        check_arg(p, s->args[i], arg->value);
        arg = arg->next;
    }
    least = least ? least : n;
    if (c->nargs < least || c->nargs > n)
        p_fail(p, c->at, "%s takes %u%s arguments, and here are %u", s->name, least,
               least == n ? "" : " or more", c->nargs);
}

void check_calls(struct parse *p)
{
    la_ns base = 0; /* the least time that the event can have */

    for (const struct event *e = p->script->events; e; e = e->next) {
        if (e->when.kind == WHEN_ABSOLUTE && e->when.at < base)
            p_fail(p, e->at, "time goes back: what came before is at %llu.%06llu s or later",
                   (unsigned long long)(base / LA_SEC(1)),
                   (unsigned long long)(base % LA_SEC(1) / 1000));
        if (e->when.kind == WHEN_ABSOLUTE)
            base = e->when.at;
        else if (e->when.kind == WHEN_RELATIVE)
            base += e->when.at;
        if (e->kind == EVENT_CALL)
            check_call(p, &e->call);
    }
}
