/* control.c: the server's side of the control socket.
 *
 * Invariant: whatever clients do, they hold CONTROL_CLIENTS buffers and no more, and the stack
 * never waits for them: an answer is made piece by piece as its client reads, and a client that
 * stopped reading gives way to a new one. */
#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <lastack/lastack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_CLIENTS 8
#define CONTROL_PATIENCE LA_SEC(2) /* then a client that does nothing may lose its place */
#define REQUEST_MAX 32
#define ANSWER_BUF 16384U
#define LINES_A_TURN 64 /* lines made for one client in one turn of the loop */

enum question { ASK_NOTHING, ASK_STATUS, ASK_CLOSED, ASK_USAGE, ASK_RULES, ASK_DONE };

struct client {
    struct control *c;
    int fd; /* -1: free */
    la_ns active;
    enum question q;
    char request[REQUEST_MAX];
    uint32_t nrequest;
    uint64_t cursor; /* of la_status_next, or the next rule */
    uint32_t record; /* of la_record_next */
    uint64_t lines;
    uint32_t at, n; /* of `answer`: written, made */
    char answer[ANSWER_BUF];
};

struct control {
    struct la_loop *l;
    struct la_stack *s;
    const char *program;
    int fd;
    char path[CONTROL_PATH_MAX];
    struct client client[CONTROL_CLIENTS];
};

/* ---- where ---- */

int control_dirs(char dirs[CONTROL_DIRS][CONTROL_DIR_MAX])
{
    const char *own = getenv("LASTACK_RUN_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
    int n = 0;

    if (own && own[0] && strlen(own) < CONTROL_DIR_MAX) {
        snprintf(dirs[0], CONTROL_DIR_MAX, "%s", own);
        return 1;
    }
    if (geteuid() == 0)
        snprintf(dirs[n++], CONTROL_DIR_MAX, "/run/lastack");
    if (xdg && xdg[0] == '/' && strlen(xdg) < CONTROL_DIR_MAX - 8)
        snprintf(dirs[n++], CONTROL_DIR_MAX, "%.*s/lastack", CONTROL_DIR_MAX - 9, xdg);
    snprintf(dirs[n++], CONTROL_DIR_MAX, "/tmp/lastack-%u", (unsigned)geteuid());
    return n;
}

bool control_dir_ok(const char *dir)
{
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 0022) == 0;
}

/* The first free name for this process: a stack may not be its only one. */
static int bind_free(struct control *c, const char *dir)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    mode_t old = umask(0177);
    int rc = -1;

    for (int i = 0; i < 100 && rc < 0; i++) {
        char tail[8] = "";
        if (i)
            snprintf(tail, sizeof tail, "-%d", i + 1);
        snprintf(c->path, sizeof c->path, "%.*s/%d%s.sock", CONTROL_DIR_MAX, dir, (int)getpid(),
                 tail);
        memcpy(sa.sun_path, c->path, sizeof sa.sun_path);
        rc = bind(c->fd, (const struct sockaddr *)&sa, sizeof sa);
        if (rc < 0 && errno != EADDRINUSE)
            break;
    }
    umask(old);
    return rc;
}

/* ---- answers ---- */

static void drop(struct client *k)
{
    la_loop_fd_del(k->c->l, k->fd);
    close(k->fd);
    k->fd = -1;
}

/* Adds one object as a line.  The longest of our objects is far below ANSWER_BUF / 4. */
static void put_line(struct client *k, cJSON *o)
{
    uint32_t room = ANSWER_BUF - k->n;

    if (o && cJSON_PrintPreallocated(o, k->answer + k->n, (int)room - 1, false)) {
        k->n += (uint32_t)strlen(k->answer + k->n);
        k->answer[k->n++] = '\n';
        k->lines++;
    }
    cJSON_Delete(o);
}

static void put_end(struct client *k, const char *error)
{
    cJSON *o = cJSON_CreateObject();

    if (error)
        cJSON_AddStringToObject(o, "error", error);
    else
        cJSON_AddNumberToObject(o, "end", (double)k->lines);
    put_line(k, o);
    k->q = ASK_DONE;
}

static void put_hello(struct client *k)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "lastack", la_version());
    cJSON_AddStringToObject(o, "program", k->c->program);
    cJSON_AddNumberToObject(o, "pid", getpid());
    put_line(k, o);
    k->lines = 0;
}

static cJSON *next_object(struct client *k, la_ns now)
{
    const struct la_stack *s = k->c->s;
    struct la_status status;
    struct la_record record;
    struct la_usage usage;

    switch (k->q) {
    case ASK_STATUS:
        return la_status_next(s, &k->cursor, &status) ? json_status(&status, now) : NULL;
    case ASK_CLOSED:
        return la_record_next(s, &k->record, &record) ? json_record(&record, now) : NULL;
    case ASK_USAGE:
        la_usage(s, &usage);
        return k->cursor++ ? NULL : json_usage(&usage);
    case ASK_RULES:
        return k->cursor < la_rules() ? json_rule(s, (unsigned)k->cursor++) : NULL;
    case ASK_NOTHING:
    case ASK_DONE:
        return NULL;
    }
    return NULL;
}

/* Makes lines while there is room for a long one. */
static void fill(struct client *k)
{
    la_ns now = la_host_now();

    for (int i = 0; i < LINES_A_TURN && k->q != ASK_DONE; i++) {
        if (k->n > ANSWER_BUF / 4 * 3)
            return;
        cJSON *o = next_object(k, now);
        if (o)
            put_line(k, o);
        else
            put_end(k, NULL);
    }
}

static void answer(struct client *k)
{
    fill(k);
    ssize_t n = send(k->fd, k->answer + k->at, k->n - k->at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            drop(k);
        return;
    }
    k->active = la_host_now();
    k->at += (uint32_t)n;
    if (k->at < k->n)
        return;
    k->at = k->n = 0;
    if (k->q == ASK_DONE)
        drop(k);
}

/* ---- questions ---- */

static void ask(struct client *k, const char *word)
{
    static const char words[][8] = {"", "status", "closed", "usage", "rules"};

    put_hello(k);
    for (unsigned i = 1; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0)
            k->q = (enum question)i;
    if (k->q == ASK_NOTHING)
        put_end(k, "ask for status, closed, usage or rules");
    la_loop_fd_mod(k->c->l, k->fd, EPOLLOUT);
}

static void listen_to(struct client *k)
{
    ssize_t n = recv(k->fd, k->request + k->nrequest, REQUEST_MAX - 1 - k->nrequest, MSG_DONTWAIT);
    char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(k);
        return;
    }
    k->nrequest += (uint32_t)n;
    k->request[k->nrequest] = '\0';
    end = memchr(k->request, '\n', k->nrequest);
    if (end) {
        *end = '\0';
        ask(k, k->request);
    } else if (k->nrequest == REQUEST_MAX - 1) {
        ask(k, "");
    }
}

static void on_client(void *ctx, int fd, uint32_t events)
{
    struct client *k = ctx;

    (void)fd;
    if (k->q == ASK_NOTHING)
        listen_to(k);
    else if (events & (EPOLLERR | EPOLLHUP))
        drop(k);
    else
        answer(k);
}

/* A place for a new client: a free one, or that of the client that has been idle longest. */
static struct client *place(struct control *c)
{
    struct client *oldest = NULL;

    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *k = &c->client[i];
        if (k->fd < 0)
            return k;
        if (!oldest || k->active < oldest->active)
            oldest = k;
    }
    if (la_host_now() - oldest->active < CONTROL_PATIENCE)
        return NULL;
    drop(oldest);
    return oldest;
}

static void on_accept(void *ctx, int fd, uint32_t events)
{
    struct control *c = ctx;
    int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *k;

    (void)events;
    if (got < 0)
        return;
    k = place(c);
    if (!k) {
        close(got);
        return;
    }
    memset(k, 0, offsetof(struct client, answer));
    k->c = c;
    k->fd = got;
    k->active = la_host_now();
    if (la_loop_fd_add(c->l, got, EPOLLIN, on_client, k) < 0) {
        close(got);
        k->fd = -1;
    }
}

/* ---- life ---- */

static int open_socket(struct control *c)
{
    char dirs[CONTROL_DIRS][CONTROL_DIR_MAX];
    int ndir = control_dirs(dirs);

    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -1;
    for (int i = 0; i < ndir; i++)
        if ((mkdir(dirs[i], 0700) == 0 || errno == EEXIST) && control_dir_ok(dirs[i]) &&
            bind_free(c, dirs[i]) == 0)
            return listen(c->fd, CONTROL_CLIENTS);
    c->path[0] = '\0';
    return -1;
}

int control_open(struct la_loop *l, struct la_stack *s, const char *program, struct control **out,
                 struct la_host_error *err)
{
    struct control *c = calloc(1, sizeof *c);

    if (!c) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return LA_ENOMEM;
    }
    c->l = l;
    c->s = s;
    c->program = program;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        c->client[i].fd = -1;
    if (open_socket(c) < 0 || la_loop_fd_add(l, c->fd, EPOLLIN, on_accept, c) < 0) {
        snprintf(
            err->text, sizeof err->text,
            "no control socket (%s): lastack ss will not see this stack; set LASTACK_RUN_DIR to "
            "a directory of yours",
            strerror(errno));
        control_close(c);
        return LA_EOPNOTSUPP;
    }
    *out = c;
    return LA_OK;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (c->client[i].fd >= 0)
            drop(&c->client[i]);
    if (c->fd >= 0) {
        la_loop_fd_del(c->l, c->fd);
        close(c->fd);
    }
    if (c->path[0])
        unlink(c->path);
    free(c);
}

const char *control_path(const struct control *c)
{
    return c->path;
}
