/* call.c: making the calls of a script, and its results beside what came.
 *
 * What a call takes was judged by check.c, so arguments are of the kinds that calls.def lists.
 * Each run_NAME returns what the socket layer returned: a negative errno for a failure. */
#include "drill/call.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int64_t run_socket(struct run *r, const struct call *c)
{
    const struct expr *domain = call_arg(c, 0);
    bool v6 = r->s->config.v6 || r->s->config.mapped;
    int family = domain->kind == EXPR_INT ? (int)domain->num : v6 ? AF_INET6 : AF_INET;
    int fd = so_socket(r->so, family, call_int(c, 1), call_int(c, 2));

    if (fd >= 0)
        r->info = fd;
    return fd;
}

static int64_t run_bind(struct run *r, const struct call *c)
{
    struct address a;
    int rc;

    address_of(r, call_arg(c, 1), call_arg(c, 2), true, &a);
    rc = so_bind(r->so, call_fd(r, c), a.sa, a.len);
    if (rc == 0)
        call_file(r, c)->port = a.port;
    return rc;
}

static int64_t run_listen(struct run *r, const struct call *c)
{
    int rc = so_listen(r->so, call_fd(r, c), call_int(c, 1));
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;

    if (rc == 0 && so_getsockname(r->so, call_fd(r, c), (struct sockaddr *)&sa, &n) == 0)
        flow_listen(r, ntohs(sa.sin6_port)); /* at the same place in a sockaddr_in */
    return rc;
}

static int64_t accept_with(struct run *r, const struct call *c, int flags)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    int fd = so_accept4(r->so, call_fd(r, c), (struct sockaddr *)&sa, &n, flags);

    if (fd >= 0) {
        r->info = fd;
        address_compare(r, call_arg(c, 1), &sa);
        length_compare(r, call_arg(c, 2), n);
    }
    return fd;
}

static int64_t run_accept(struct run *r, const struct call *c)
{
    return accept_with(r, c, 0);
}

static int64_t run_accept4(struct run *r, const struct call *c)
{
    return accept_with(r, c, call_int(c, 3));
}

static int64_t run_connect(struct run *r, const struct call *c)
{
    struct address a;
    int fd = call_fd(r, c), rc;

    address_of(r, call_arg(c, 1), call_arg(c, 2), false, &a);
    r->connecting = true; /* the SYN leaves while the call waits */
    r->info = fd;
    rc = so_connect(r->so, fd, a.sa, a.len);
    if (rc < 0 && rc != -EINPROGRESS)
        r->connecting = false;
    return rc;
}

/* ---- carrying ---- */

static int64_t run_read(struct run *r, const struct call *c)
{
    struct buffer b;
    int rc = buffer_for_reading(r, c, 2, &b);

    if (rc)
        return rc;
    return buffer_read(r, c, &b, so_read(r->so, call_fd(r, c), b.p, b.n));
}

static int64_t run_recv(struct run *r, const struct call *c)
{
    struct buffer b;
    int rc = buffer_for_reading(r, c, 2, &b);

    if (rc)
        return rc;
    return buffer_read(r, c, &b, so_recv(r->so, call_fd(r, c), b.p, b.n, call_int(c, 3)));
}

static int64_t run_recvfrom(struct run *r, const struct call *c)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    struct buffer b;
    int rc = buffer_for_reading(r, c, 2, &b);

    if (rc)
        return rc;
    return buffer_read(
        r, c, &b,
        so_recvfrom(r->so, call_fd(r, c), b.p, b.n, call_int(c, 3), (struct sockaddr *)&sa, &n));
}

static int64_t run_write(struct run *r, const struct call *c)
{
    struct buffer b;
    int rc = buffer_for_writing(r, c, 2, &b);

    if (rc)
        return rc;
    return buffer_written(r, c, &b, so_write(r->so, call_fd(r, c), b.p, b.n));
}

static int64_t run_send(struct run *r, const struct call *c)
{
    struct buffer b;
    int rc = buffer_for_writing(r, c, 2, &b);

    if (rc)
        return rc;
    return buffer_written(r, c, &b, so_send(r->so, call_fd(r, c), b.p, b.n, call_int(c, 3)));
}

static int64_t run_sendto(struct run *r, const struct call *c)
{
    const struct expr *to = call_arg(c, 4);
    struct address a = {.sa = NULL};
    struct buffer b;
    int rc = buffer_for_writing(r, c, 2, &b);

    if (rc)
        return rc;
    if (to->kind != EXPR_INT) /* NULL */
        address_of(r, to, call_arg(c, 5), false, &a);
    return buffer_written(r, c, &b,
                          so_sendto(r->so, call_fd(r, c), b.p, b.n, call_int(c, 3), a.sa, a.len));
}

/* ---- several buffers at once ---- */

/* As many as the script says, of those that it shows. */
static int vector_count(const struct call *c, const struct vector *v)
{
    return call_int(c, 2) > (int)v->n ? (int)v->n : call_int(c, 2);
}

static int64_t run_readv(struct run *r, const struct call *c)
{
    struct vector v;

    if (!vector_of(r, c, call_arg(c, 1), false, &v))
        return -ENOMEM;
    return vector_read(r, c, &v, so_readv(r->so, call_fd(r, c), v.iov, vector_count(c, &v)));
}

static int64_t run_writev(struct run *r, const struct call *c)
{
    struct vector v;

    if (!vector_of(r, c, call_arg(c, 1), true, &v))
        return -ENOMEM;
    return vector_written(r, c, &v, so_writev(r->so, call_fd(r, c), v.iov, vector_count(c, &v)));
}

static struct msghdr msghdr_of(const struct call *c, struct vector *v)
{
    const struct item *flags = expr_member(call_arg(c, 1), "msg_flags");

    return (struct msghdr){
        .msg_iov = v->iov, .msg_iovlen = v->n, .msg_flags = flags ? (int)flags->value->num : 0};
}

static int64_t run_recvmsg(struct run *r, const struct call *c)
{
    const struct expr *e = call_arg(c, 1);
    const struct item *flags = expr_member(e, "msg_flags");
    struct vector v;

    if (!vector_of(r, c, expr_member(e, "msg_iov")->value, false, &v))
        return -ENOMEM;
    struct msghdr m = msghdr_of(c, &v);
    m.msg_flags = 0;
    int64_t rc = vector_read(r, c, &v, so_recvmsg(r->so, call_fd(r, c), &m, call_int(c, 2)));
    if (rc >= 0 && flags && flags->value->kind == EXPR_INT && m.msg_flags != flags->value->num)
        call_differs(r, "msg_flags is 0x%x, and not 0x%llx", (unsigned)m.msg_flags,
                     (unsigned long long)flags->value->num);
    return rc;
}

static int64_t run_sendmsg(struct run *r, const struct call *c)
{
    struct vector v;

    if (!vector_of(r, c, expr_member(call_arg(c, 1), "msg_iov")->value, true, &v))
        return -ENOMEM;
    struct msghdr m = msghdr_of(c, &v);
    return vector_written(r, c, &v, so_sendmsg(r->so, call_fd(r, c), &m, call_int(c, 2)));
}

/* ---- the rest ---- */

static int64_t run_close(struct run *r, const struct call *c)
{
    int fd = call_fd(r, c);
    int rc = so_close(r->so, fd);

    if (rc == 0 && call_file(r, c))
        *call_file(r, c) = (struct run_file){0};
    if (rc == 0 && r->info == fd)
        r->info = -1;
    return rc;
}

static int64_t run_shutdown(struct run *r, const struct call *c)
{
    return so_shutdown(r->so, call_fd(r, c), call_int(c, 1));
}

static int64_t run_fcntl(struct run *r, const struct call *c)
{
    return so_fcntl(r->so, call_fd(r, c), call_int(c, 1), c->nargs > 2 ? call_int(c, 2) : 0);
}

static int64_t run_ioctl(struct run *r, const struct call *c)
{
    const struct expr *e = c->nargs > 2 ? call_arg(c, 2) : NULL;
    const struct expr *one = e && e->kind == EXPR_LIST ? e->items->value : e;
    int request = call_int(c, 1);
    int value = one && one->kind == EXPR_INT ? (int)one->num : 0, before = value;
    int rc = so_ioctl(r->so, call_fd(r, c), (unsigned)request, &value);

    if (rc == 0 && one && one->kind == EXPR_INT && value != before)
        call_differs(r, "it gives %d, and not %d", value, before);
    return rc;
}

static int64_t run_getsockopt(struct run *r, const struct call *c)
{
    struct option_value v = {.n = sizeof v.bytes};
    const struct expr *n = call_arg(c, 4);
    int rc;

    if (n->kind == EXPR_LIST && n->items->value->kind == EXPR_INT &&
        n->items->value->num < (int64_t)sizeof v.bytes)
        v.n = (socklen_t)n->items->value->num;
    rc = so_getsockopt(r->so, call_fd(r, c), call_int(c, 1), call_int(c, 2), v.bytes, &v.n);
    if (rc == 0) {
        option_compare(r, call_arg(c, 3), &v);
        length_compare(r, n, v.n);
    }
    return rc;
}

static int64_t run_setsockopt(struct run *r, const struct call *c)
{
    struct option_value v;
    const struct expr *n = call_arg(c, 4);

    option_of(call_arg(c, 3), &v);
    if (n->kind == EXPR_INT && n->num >= 0 && n->num <= (int64_t)sizeof v.bytes)
        v.n = (socklen_t)n->num;
    return so_setsockopt(r->so, call_fd(r, c), call_int(c, 1), call_int(c, 2), v.bytes, v.n);
}

static int64_t run_poll(struct run *r, const struct call *c)
{
    struct pollfd fds[POLLS_MAX];
    const struct expr *list = call_arg(c, 0);
    nfds_t n = 0;
    int64_t rc;

    for (const struct item *i = list->items; i && n < POLLS_MAX; i = i->next, n++)
        fds[n] = (struct pollfd){.fd = live_fd(r, expr_member(i->value, "fd")->value->num),
                                 .events = (short)expr_member(i->value, "events")->value->num};
    if (call_int(c, 1) >= 0 && (nfds_t)call_int(c, 1) < n)
        n = (nfds_t)call_int(c, 1);
    rc = so_poll(r->so, fds, n, call_int(c, 2));
    n = 0;
    for (const struct item *i = list->items; i && n < POLLS_MAX && rc >= 0; i = i->next, n++) {
        const struct item *want = expr_member(i->value, "revents");

        if (want && want->value->kind == EXPR_INT && fds[n].revents != want->value->num)
            call_differs(r, "revents is 0x%x, and not 0x%llx", (unsigned)fds[n].revents,
                         (unsigned long long)want->value->num);
    }
    return rc;
}

static int64_t run_epoll_create(struct run *r, const struct call *c)
{
    return call_int(c, 0) > 0 ? so_epoll_create1(r->so, 0) : -EINVAL;
}

static int64_t run_epoll_create1(struct run *r, const struct call *c)
{
    return so_epoll_create1(r->so, call_int(c, 0));
}

static int64_t run_epoll_ctl(struct run *r, const struct call *c)
{
    struct epoll_event ev = {0};
    const struct expr *e = call_arg(c, 3);

    if (e->kind == EXPR_STRUCT)
        ev = event_of(e);
    return so_epoll_ctl(r->so, call_fd(r, c), call_int(c, 1), live_fd(r, call_arg(c, 2)->num),
                        e->kind == EXPR_STRUCT ? &ev : NULL);
}

static int64_t run_epoll_wait(struct run *r, const struct call *c)
{
    struct epoll_event got[POLLS_MAX];
    const struct expr *want = call_arg(c, 1);
    int max = call_int(c, 2);
    int rc =
        so_epoll_wait(r->so, call_fd(r, c), got, max < POLLS_MAX ? max : POLLS_MAX, call_int(c, 3));

    if (rc >= 1 && want->kind == EXPR_STRUCT)
        event_compare(r, want, &got[0]);
    if (want->kind == EXPR_LIST) {
        const struct item *i = want->items;
        for (int k = 0; k < rc && i; k++, i = i->next)
            event_compare(r, i->value, &got[k]);
    }
    return rc;
}

/* ---- one call ---- */

static const struct {
    const char *name;
    int64_t (*run)(struct run *r, const struct call *c);
} calls[] = {
#define CALL(name, ...) {#name, run_##name},
#include "drill/calls.def"
#undef CALL
};

/* Does the call make a descriptor? */
static bool makes_fd(const char *name)
{
    return strcmp(name, "socket") == 0 || strncmp(name, "accept", 6) == 0 ||
           strncmp(name, "epoll_create", 12) == 0;
}

static void judge(struct run *r, const struct event *e, int64_t rc)
{
    const struct call *c = &e->call;
    const struct expr *want = c->result;
    char name[32], got[60];

    if (rc < 0)
        snprintf(got, sizeof got, "-1 %s", errno_name((int)-rc, name));
    else
        snprintf(got, sizeof got, "%lld", (long long)rc);
    if (rc >= 0 && makes_fd(c->name)) {
        if (want->kind != EXPR_INT)
            return;
        if (want->num < 0)
            run_fail(r, e, "%s succeeded", c->name);
        else if (want->num >= RUN_FILES || r->file[want->num].open)
            run_fail(r, e, "the descriptor %lld %s", (long long)want->num,
                     want->num >= RUN_FILES ? "is too large" : "is open already");
        else
            r->file[want->num] = (struct run_file){.open = true, .fd = (int)rc};
    } else if (want->kind == EXPR_INT && (rc < 0 ? -1 : rc) != want->num) {
        run_fail(r, e, "%s returned %s", c->name, got);
    } else if (rc < 0 && c->error && c->error_number != (int)-rc) {
        run_fail(r, e, "%s failed with %s", c->name, got + 3);
    }
    if (r->failed && !r->failure->actual[0]) {
        snprintf(r->failure->expected, RUN_TEXT, "%s(...) = %lld%s%s", c->name,
                 (long long)want->num, c->error ? " " : "", c->error ? c->error : "");
        snprintf(r->failure->actual, RUN_TEXT, "%s(...) = %s", c->name, got);
    }
}

/* A call that blocks returns when the script says. */
static void judge_time(struct run *r, const struct event *e, la_ns base)
{
    la_ns at = r->now - RUN_ORIGIN, want = e->call.ends;
    la_ns off;

    if (!e->call.blocks)
        return;
    if (e->when.kind == WHEN_RELATIVE)
        want += base;
    off = at > want ? at - want : want - at;
    if (off > r->s->config.tolerance)
        run_fail(r, e, "%s returned at %llu.%06llu s, and not at %llu.%06llu s", e->call.name,
                 (unsigned long long)(at / LA_SEC(1)), (unsigned long long)(at % LA_SEC(1) / 1000),
                 (unsigned long long)(want / LA_SEC(1)),
                 (unsigned long long)(want % LA_SEC(1) / 1000));
}

void call_make(struct run *r, const struct event *e)
{
    const struct event *outer = r->in_call;
    la_ns base = r->base - (e->when.kind == WHEN_RELATIVE ? e->when.at : 0);
    char text[RUN_TEXT];
    int64_t rc = -ENOSYS;

    r->in_call = e;
    snprintf(text, sizeof text, "%s(...)", e->call.name);
    run_tell(r, e, text);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(calls[i].name, e->call.name) == 0)
            rc = calls[i].run(r, &e->call);
    world_pump(r);
    if (!r->failed)
        judge(r, e, rc);
    if (!r->failed)
        judge_time(r, e, base);
    r->in_call = outer;
}
