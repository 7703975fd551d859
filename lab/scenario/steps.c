/* steps.c: what each statement does.  A statement that must wait returns BLOCKED and is asked again
 * at each event; f->phase says how far it got. */
#include "lab/scenario/lab.h"
#include "lab/scenario/settings.h"

#include <string.h>

#define PIECE 16384U

static la_ns now_of(const struct fiber *f)
{
    return sim_now(f->lab->sim);
}

static struct la_stack *stack_of(const struct fiber *f)
{
    return sim_stack(f->lab->host[f->host]);
}

static enum done failed(struct fiber *f, int64_t rc)
{
    f->error = (int)rc;
    return FAILED;
}

int64_t whole(struct fiber *f, const struct expr *e, int64_t lo, int64_t hi, bool *ok)
{
    struct value v = ask(&f->lab->scope, e), l = {.kind = v.kind, .n = lo},
                 h = {.kind = v.kind, .n = hi};
    char is[64], low[64], high[64];
    if (v.kind != VALUE_NONE && v.n >= lo && v.n <= hi)
        return v.n;
    if (*ok)
        verdict(f->lab, e->place, false, "a value in range", "%s is not between %s and %s",
                value_text(&v, is, sizeof is), value_text(&l, low, sizeof low),
                value_text(&h, high, sizeof high));
    *ok = false;
    return lo;
}

static const char *name_of(const struct fiber *f, const struct step *st)
{
    return st->name ? st->name : f->program->name;
}

/* The connection that a statement is about; NULL with the mistake told. */
static struct end *end_of(struct fiber *f, const struct step *st)
{
    struct end *e = st->name ? end_named(f->lab, st->name) : f->end;
    if (e && e->host == (unsigned)f->host && e->boots == f->boots && e->handle)
        return e;
    verdict(f->lab, st->place, false, st->source, "%s has no connection open here", name_of(f, st));
    return NULL;
}

/* ---- opening ---- */

static void set_options(struct fiber *f, la_conn c)
{
    for (int o = 0; o < LA_OPTIONS; o++) {
        if (f->opt_set[o])
            (void)la_setopt(stack_of(f), c, (enum la_option)o, f->opt[o], now_of(f));
    }
}

static enum done do_listen(struct fiber *f, const struct step *st)
{
    bool ok = true;
    struct la_endpoint local = {.addr = LA_ADDR_ANY, .ifx = -1};
    local.port = (uint16_t)whole(f, st->a, 1, 65535, &ok);
    uint32_t backlog = st->b ? (uint32_t)whole(f, st->b, 1, 1000000, &ok) : 1024;
    if (!ok)
        return OVER;
    if (f->listening)
        return failed(f, LA_EISCONN);
    int rc = la_listen(stack_of(f), &local, backlog, now_of(f), &f->listener);
    if (rc < 0)
        return failed(f, rc);
    f->listening = true;
    la_set_user(stack_of(f), f->listener, &f->handler);
    set_options(f, f->listener);
    return DONE;
}

static enum done do_stop_listening(struct fiber *f)
{
    if (f->listening)
        la_close(stack_of(f), f->listener, now_of(f));
    f->listening = false;
    return DONE;
}

static struct end *accept_one(struct fiber *f, const char *name, int *rc)
{
    struct la_status s;
    la_conn c;
    *rc = f->listening ? la_accept(stack_of(f), f->listener, now_of(f), &c) : LA_ENOTCONN;
    if (*rc < 0)
        return NULL;
    struct end *e = end_new(f, name);
    e->conn = c;
    e->handle = e->accepted = e->connected = true;
    f->lab->accepted[f->host]++;
    la_set_user(stack_of(f), c, &e->handler);
    if (la_status(stack_of(f), c, &s) == LA_OK) {
        e->local = s.local;
        e->remote = s.remote;
        e->iss = s.iss;
        e->irs = s.irs;
        e->connection = wires_connection(f->lab, &e->local, &e->remote);
    }
    end_find_birth(e);
    return e;
}

static enum done do_accept(struct fiber *f, const struct step *st)
{
    int rc;
    struct end *e = accept_one(f, name_of(f, st), &rc);
    if (!e)
        return rc == LA_EAGAIN ? BLOCKED : failed(f, rc);
    f->end = e;
    return DONE;
}

/* A program of its own for each connection that comes. */
static enum done do_each(struct fiber *f, const struct step *st)
{
    int rc;
    struct end *e;
    f->endless = true;
    while ((e = accept_one(f, f->program->name, &rc))) {
        struct fiber *child = fiber_new(f->lab, f->program, st->body);
        child->end = e;
        e->owner = child;
        fiber_run(child);
    }
    return rc == LA_EAGAIN ? BLOCKED : failed(f, rc);
}

static enum done begin_connect(struct fiber *f, const struct step *st)
{
    bool ok = true;
    struct la_endpoint local = {.addr = LA_ADDR_ANY, .ifx = -1}, remote = {.ifx = -1};
    remote.addr = host_addr(f->lab, st->link, st->to);
    remote.port = (uint16_t)whole(f, st->a, 1, 65535, &ok);
    local.port = st->b ? (uint16_t)whole(f, st->b, 1, 65535, &ok) : 0;
    if (!ok)
        return OVER;
    la_conn c;
    int rc = la_socket(stack_of(f), &c);
    if (rc < 0)
        return failed(f, rc);
    struct end *e = f->end = end_new(f, name_of(f, st));
    struct la_status s;
    e->conn = c;
    e->handle = true;
    la_set_user(stack_of(f), c, &e->handler);
    set_options(f, c);
    rc = la_connect(stack_of(f), c, &local, &remote, now_of(f));
    e->remote = remote;
    if (rc < 0) {
        (void)la_close(stack_of(f), c, now_of(f));
        e->handle = false;
        return failed(f, rc);
    }
    if (la_status(stack_of(f), c, &s) == LA_OK) {
        e->local = s.local;
        e->iss = s.iss;
    }
    f->phase = 1;
    return st->no_wait ? DONE : BLOCKED;
}

static enum done do_connect(struct fiber *f, const struct step *st)
{
    struct la_status s;
    if (f->phase == 0)
        return begin_connect(f, st);
    if (f->end->connected)
        return DONE;
    if (!f->end->ended)
        return BLOCKED;
    return failed(f, la_status(stack_of(f), f->end->conn, &s) == LA_OK && s.error ? s.error
                                                                                  : LA_ENOTCONN);
}

/* ---- sending and reading ---- */

static enum done do_send(struct fiber *f, const struct step *st)
{
    uint8_t buf[PIECE];
    bool ok = true;
    struct end *e = end_of(f, st);
    bool words = st->text.kind == VALUE_TEXT;
    if (!e)
        return OVER;
    if (f->phase == 0)
        f->left = words ? (int64_t)st->text.len : whole(f, st->a, 0, INT64_MAX, &ok);
    if (!ok)
        return OVER;
    f->phase = 1;
    while (f->left > 0) {
        size_t n = f->left < (int64_t)sizeof buf ? (size_t)f->left : sizeof buf;
        const void *p = buf;
        if (words)
            p = st->text.text + st->text.len - (size_t)f->left;
        else
            pattern_fill(e->index, e->sent, buf, n);
        int64_t rc = la_send(stack_of(f), e->conn, p, n, 0, now_of(f));
        if (rc < 0)
            return rc == LA_EAGAIN ? BLOCKED : failed(f, rc);
        end_gave(e, p, (size_t)rc);
        f->left -= rc;
    }
    return DONE;
}

/* Up to n bytes into buf: how many, 0 at the end of the stream, or an error. */
static int64_t receive(struct fiber *f, struct end *e, void *buf, size_t n)
{
    int64_t rc = la_recv(stack_of(f), e->conn, buf, n, now_of(f));
    if (rc > 0)
        end_took(e, buf, (size_t)rc);
    return rc;
}

static enum done stream_ended(struct fiber *f, const struct step *st)
{
    verdict(f->lab, st->place, false, st->source, "the peer closed before all of it came");
    return OVER;
}

static enum done do_read_slowly(struct fiber *f, const struct step *st, struct end *e)
{
    uint8_t buf[PIECE];
    bool ok = true;
    int64_t rc = 1;
    int64_t span = whole(f, st->b, 1, INT64_MAX / 2, &ok),
            most = whole(f, st->a, 1, INT64_MAX, &ok);
    if (!ok)
        return OVER;
    if (f->phase && now_of(f) < f->wake)
        return BLOCKED;
    for (int64_t left = most; left > 0 && rc > 0; left -= rc) {
        rc = receive(f, e, buf, left < (int64_t)sizeof buf ? (size_t)left : sizeof buf);
        if (rc == 0)
            return DONE;
        if (rc < 0 && rc != LA_EAGAIN)
            return failed(f, rc);
    }
    f->phase = 1;
    fiber_wake_at(f, now_of(f) + (la_ns)span);
    return BLOCKED;
}

static enum done do_read(struct fiber *f, const struct step *st)
{
    uint8_t buf[PIECE];
    bool ok = true;
    struct end *e = end_of(f, st);
    if (!e)
        return OVER;
    if (st->b)
        return do_read_slowly(f, st, e);
    if (f->phase == 0)
        f->left = st->all ? INT64_MAX : whole(f, st->a, 0, INT64_MAX, &ok);
    f->phase = 1;
    if (!ok)
        return OVER;
    while (f->left > 0) {
        size_t n = f->left < (int64_t)sizeof buf ? (size_t)f->left : sizeof buf;
        int64_t rc = receive(f, e, buf, n);
        if (rc == 0)
            return st->all ? DONE : stream_ended(f, st);
        if (rc < 0)
            return rc == LA_EAGAIN ? BLOCKED : failed(f, rc);
        f->left -= st->all ? 0 : rc;
    }
    return DONE;
}

static enum done do_expect_text(struct fiber *f, const struct step *st)
{
    uint8_t buf[PIECE];
    struct end *e = end_of(f, st);
    if (!e)
        return OVER;
    if (f->phase == 0) {
        f->left = (int64_t)st->text.len;
        f->differs = false;
    }
    f->phase = 1;
    while (f->left > 0) {
        size_t n = f->left < (int64_t)sizeof buf ? (size_t)f->left : sizeof buf;
        int64_t rc = receive(f, e, buf, n);
        if (rc == 0)
            return stream_ended(f, st);
        if (rc < 0)
            return rc == LA_EAGAIN ? BLOCKED : failed(f, rc);
        const char *want = st->text.text + st->text.len - (size_t)f->left;
        f->differs |= memcmp(buf, want, (size_t)rc) != 0;
        f->left -= rc;
    }
    if (!f->differs)
        return DONE;
    size_t n = st->text.len < e->text_n ? st->text.len : e->text_n;
    struct value came = {.kind = VALUE_TEXT, .text = e->text + e->text_n - n, .len = n};
    char text[256];
    verdict(f->lab, st->place, false, st->source, "%s came", value_text(&came, text, sizeof text));
    return OVER;
}

static enum done do_expect_end(struct fiber *f, const struct step *st)
{
    uint8_t byte;
    struct end *e = end_of(f, st);
    if (!e)
        return OVER;
    int64_t rc = receive(f, e, &byte, 1);
    if (rc == 0)
        return DONE;
    if (rc == LA_EAGAIN)
        return BLOCKED;
    if (rc < 0)
        return failed(f, rc);
    verdict(f->lab, st->place, false, st->source, "more bytes came");
    return OVER;
}

static enum done do_expect_error(struct fiber *f, const struct step *st)
{
    struct la_status s;
    if (!f->error) {
        struct end *e = end_of(f, st);
        if (!e)
            return OVER;
        if (la_status(stack_of(f), e->conn, &s) == LA_OK)
            f->error = s.error;
        if (!f->error && !e->ended)
            return BLOCKED;
        if (!e->error)
            e->error = f->error;
    }
    bool same = f->error == (int)st->error;
    verdict(f->lab, st->place, same, st->source, "%s%s", same ? "" : "the program was told ",
            same ? "" : error_word(f->error));
    f->error = LA_OK;
    return same ? DONE : OVER;
}

/* ---- closing ---- */

static enum done do_close(struct fiber *f, const struct step *st)
{
    struct end *e = end_of(f, st);
    int rc = LA_OK;
    if (!e)
        return OVER;
    if (st->kind == STEP_SHUTDOWN)
        rc = la_shutdown(stack_of(f), e->conn, LA_SHUT_WR, now_of(f));
    if (st->kind == STEP_STOP_READING)
        rc = la_shutdown(stack_of(f), e->conn, LA_SHUT_RD, now_of(f));
    if (st->kind == STEP_CLOSE)
        rc = la_close(stack_of(f), e->conn, now_of(f));
    if (st->kind == STEP_ABORT)
        rc = la_abort(stack_of(f), e->conn, now_of(f));
    if (st->kind == STEP_CLOSE || st->kind == STEP_ABORT)
        e->handle = false;
    return rc < 0 ? failed(f, rc) : DONE;
}

/* ---- settings, time ---- */

static enum done do_set(struct fiber *f, const struct step *st)
{
    struct lab *lab = f->lab;
    const struct setting *g = st->setting;
    struct lab_error err;
    struct value v;
    if (!setting_value(&lab->scope, g, &v, &err)) {
        verdict(lab, g->place, false, st->source, "%s", err.text);
        return OVER;
    }
    if (f->host < 0) {
        for (unsigned i = 0; i < lab->scope.s->nlinks; i++) {
            const struct link_def *l = &lab->scope.s->link[i];
            if (g->link >= 0 && g->link != (int)i)
                continue;
            if (g->host < 0 || g->host == l->a)
                setting_to_wire(sim_wire_from(lab->link[i], lab->host[l->a]), g->row, &v);
            if (g->host < 0 || g->host == l->b)
                setting_to_wire(sim_wire_from(lab->link[i], lab->host[l->b]), g->row, &v);
        }
        return DONE;
    }
    f->opt[g->row->id] = setting_to_option(g->row, &v);
    f->opt_set[g->row->id] = true;
    la_conn c = f->end && f->end->handle ? f->end->conn : f->listener;
    int rc = LA_OK;
    if ((f->end && f->end->handle) || f->listening)
        rc = la_setopt(stack_of(f), c, (enum la_option)g->row->id, f->opt[g->row->id], now_of(f));
    return rc < 0 ? failed(f, rc) : DONE;
}

static enum done do_wait(struct fiber *f, const struct step *st)
{
    bool ok = true;
    if (f->phase)
        return now_of(f) < f->wake ? BLOCKED : DONE;
    la_ns span = (la_ns)whole(f, st->a, 0, INT64_MAX / 4, &ok);
    la_ns until = st->kind == STEP_AT ? SIM_START + span : now_of(f) + span;
    if (!ok)
        return OVER;
    if (until <= now_of(f))
        return DONE;
    f->phase = 1;
    fiber_wake_at(f, until);
    return BLOCKED;
}

static enum done do_wait_until(struct fiber *f, const struct step *st)
{
    if (holds(&f->lab->scope, st->a))
        return DONE;
    if (!f->waits) {
        f->waits = true;
        f->next_waiting = f->lab->waiting;
        f->lab->waiting = f;
    }
    return BLOCKED;
}

static void cut(struct lab *lab, int link, bool off)
{
    const struct link_def *l = &lab->scope.s->link[link];
    sim_wire_from(lab->link[link], lab->host[l->a])->cut = off;
    sim_wire_from(lab->link[link], lab->host[l->b])->cut = off;
}

static enum done do_network(struct fiber *f, const struct step *st)
{
    struct lab *lab = f->lab;
    if (st->kind == STEP_CRASH)
        host_crash(lab, (unsigned)st->host);
    else if (st->kind == STEP_RESTART)
        host_restart(lab, (unsigned)st->host);
    else if (st->kind == STEP_RELEASE)
        wires_release(lab, st->name);
    else if (st->kind == STEP_INJECT)
        return inject(f, st);
    else
        cut(lab, st->link, st->kind == STEP_CUT);
    return DONE;
}

enum done step_do(struct fiber *f, const struct step *st)
{
    switch (st->kind) {
    case STEP_LISTEN:
        return do_listen(f, st);
    case STEP_STOP_LISTENING:
        return do_stop_listening(f);
    case STEP_ACCEPT:
        return do_accept(f, st);
    case STEP_EACH:
        return do_each(f, st);
    case STEP_CONNECT:
        return do_connect(f, st);
    case STEP_SEND:
        return do_send(f, st);
    case STEP_READ:
        return do_read(f, st);
    case STEP_EXPECT_TEXT:
        return do_expect_text(f, st);
    case STEP_EXPECT_END:
        return do_expect_end(f, st);
    case STEP_EXPECT_ERROR:
        return do_expect_error(f, st);
    case STEP_SHUTDOWN:
    case STEP_STOP_READING:
    case STEP_CLOSE:
    case STEP_ABORT:
        return do_close(f, st);
    case STEP_SET:
        return do_set(f, st);
    case STEP_WAIT:
    case STEP_AT:
        return do_wait(f, st);
    case STEP_WAIT_UNTIL:
        return do_wait_until(f, st);
    case STEP_CHECK:
        judge(f->lab, st);
        return DONE;
    case STEP_FORGET:
    case STEP_REPEAT: /* the fiber's own */
        return DONE;
    case STEP_CRASH:
    case STEP_RESTART:
    case STEP_RELEASE:
    case STEP_INJECT:
    case STEP_CUT:
    case STEP_MEND:
        return do_network(f, st);
    }
    return OVER;
}
