/* httpd.c: a web server of the files below a directory.
 *
 *     ./httpd DIRECTORY                       and beside it:  curl http://10.77.0.2/FILE
 *
 * What it teaches is the end.  close() right after the last byte may destroy it: if the client has
 * sent anything that was not read (the rest of a large request, say), TCP must answer with a RST
 * (RFC 2525 §2.17), and a RST makes the client forget what it has not read yet.  So the server ends
 * in three steps: shut down sending, read until the client's FIN, close. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum step {
    READ_REQUEST,  /* until the empty line */
    SEND_ANSWER,   /* header, then the file */
    AWAIT_THE_FIN, /* ours is sent; what still comes is thrown away */
};

struct client {
    la_conn conn;
    enum step step;
    int file;       /* -1: none, or all of it has been read */
    uint64_t left;  /* of the file, promised by Content-Length */
    size_t at, end; /* out[at..end) waits to be sent */
    size_t request_len;
    char request[4096]; /* with a NUL */
    char out[65536];
};

struct server {
    struct la_stack *stack;
    int root; /* the directory */
};

/* ---- the answer ---- */

static void answer_head(struct client *c, const char *status, uint64_t length)
{
    int n = snprintf(c->out, sizeof c->out,
                     "HTTP/1.1 %s\r\nServer: lastack\r\nContent-Length: %llu\r\n"
                     "Connection: close\r\n\r\n",
                     status, (unsigned long long)length);

    c->at = 0;
    c->end = (size_t)n;
    c->step = SEND_ANSWER;
}

static void answer_error(struct client *c, const char *status)
{
    answer_head(c, status, strlen(status) + 1);
    c->end += (size_t)snprintf(c->out + c->end, sizeof c->out - c->end, "%s\n", status);
}

/* "/a/b" as a path below the root, without a way out of it: no ".." and no empty first part. */
static bool path_of(char *target, const char **path)
{
    target[strcspn(target, "?#")] = '\0';
    if (target[0] != '/')
        return false;
    while (*target == '/')
        target++;
    for (const char *p = target; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
            return false;
    }
    *path = *target ? target : "index.html";
    return true;
}

static void answer(struct server *server, struct client *c)
{
    char *method = c->request, *target, *version;
    const char *path;
    struct stat st;

    c->request[strcspn(c->request, "\r\n")] = '\0';
    target = strchr(method, ' ');
    version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || strncmp(version, " HTTP/1.", 8) != 0) {
        answer_error(c, "400 Bad Request");
        return;
    }
    *target++ = '\0';
    *version = '\0';
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer_error(c, "405 Method Not Allowed");
        return;
    }
    if (!path_of(target, &path)) {
        answer_error(c, "400 Bad Request");
        return;
    }

    c->file = openat(server->root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (c->file < 0 || fstat(c->file, &st) < 0 || !S_ISREG(st.st_mode)) {
        answer_error(c, c->file < 0 && errno == EACCES ? "403 Forbidden" : "404 Not Found");
        return;
    }
    c->left = (uint64_t)st.st_size;
    answer_head(c, "200 OK", c->left);
    if (strcmp(method, "HEAD") == 0)
        c->left = 0;
}

/* More of the file into c->out.  False when there is no more, or less than was promised. */
static bool refill(struct client *c)
{
    size_t want = c->left < sizeof c->out ? (size_t)c->left : sizeof c->out;
    ssize_t got = want > 0 ? read(c->file, c->out, want) : 0;

    if (got <= 0)
        return false;
    c->left -= (uint64_t)got;
    c->at = 0;
    c->end = (size_t)got;
    return true;
}

/* ---- the connection ---- */

/* Each step returns what la_send or la_recv said last: LA_EAGAIN to be called again, other negative
 * values when the connection is broken, 0 when it is over, 1 to go on with the next step. */

static int64_t read_request(struct server *server, struct client *c, la_ns now)
{
    int64_t got = la_recv(server->stack, c->conn, c->request + c->request_len,
                          sizeof c->request - 1 - c->request_len, now);

    if (got <= 0)
        return got;
    c->request_len += (size_t)got;
    c->request[c->request_len] = '\0';
    if (strstr(c->request, "\r\n\r\n"))
        answer(server, c);
    else if (c->request_len == sizeof c->request - 1)
        answer_error(c, "431 Request Header Fields Too Large");
    return 1;
}

static int64_t send_answer(struct server *server, struct client *c, la_ns now)
{
    do {
        while (c->at < c->end) {
            int64_t sent = la_send(server->stack, c->conn, c->out + c->at, c->end - c->at,
                                   c->left ? LA_SEND_MORE : 0, now);
            if (sent < 0)
                return sent;
            c->at += (size_t)sent;
        }
    } while (refill(c));

    if (c->left > 0) { /* the file shrank: a RST is the honest end, for the length was promised */
        fprintf(stderr, "httpd: %s ended early\n", c->request);
        return LA_EPIPE;
    }
    c->step = AWAIT_THE_FIN;
    return la_shutdown(server->stack, c->conn, LA_SHUT_WR, now) < 0 ? LA_EPIPE : 1;
}

static int64_t await_the_fin(struct server *server, struct client *c, la_ns now)
{
    int64_t got = la_recv(server->stack, c->conn, c->out, sizeof c->out, now);

    return got > 0 ? 1 : got;
}

static void serve(struct server *server, struct client *c)
{
    la_ns now = la_host_now();
    int64_t rc = 1;

    while (rc > 0) {
        switch (c->step) {
        case READ_REQUEST:
            rc = read_request(server, c, now);
            break;
        case SEND_ANSWER:
            rc = send_answer(server, c, now);
            break;
        case AWAIT_THE_FIN:
            rc = await_the_fin(server, c, now);
            break;
        }
    }
    if (rc == LA_EAGAIN)
        return;
    if (rc == 0)
        la_close(server->stack, c->conn, now);
    else
        la_abort(server->stack, c->conn, now);
    if (c->file >= 0)
        close(c->file);
    free(c);
}

static void on_event(void *ctx, const struct la_event *ev)
{
    struct server *server = ctx;
    la_conn conn;

    if (!(ev->what & LA_EV_ACCEPT)) {
        serve(server, ev->user);
        return;
    }
    while (la_accept(server->stack, ev->conn, la_host_now(), &conn) == LA_OK) {
        struct client *c = calloc(1, sizeof *c);

        if (!c) {
            la_abort(server->stack, conn, la_host_now());
            continue;
        }
        c->conn = conn;
        c->file = -1;
        la_set_user(server->stack, conn, c);
        serve(server, c);
    }
}

int main(int argc, char **argv)
{
    const char *directory;
    struct la_host *h = setup(argc, argv, "[OPTION...] [DIRECTORY]", &directory);
    struct server server = {.stack = la_host_stack(h)};
    struct la_endpoint here = {.port = 80, .ifx = -1};
    la_conn listener;

    if (!directory)
        directory = ".";
    server.root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (server.root < 0)
        setup_fail(directory, strerror(errno));

    int rc = la_listen(server.stack, &here, 128, la_host_now(), &listener);
    if (rc < 0)
        setup_fail("port 80", la_strerror(rc));
    /* Connections inherit the listener's options: who vanished is found after a minute. */
    la_setopt(server.stack, listener, LA_OPT_KEEPALIVE, 1, la_host_now());
    la_setopt(server.stack, listener, LA_OPT_KEEPIDLE_MS, 60000, la_host_now());

    printf("files of %s on port 80; Ctrl-C ends it\n", directory);
    fflush(stdout);
    la_loop_on_event(la_host_loop(h), on_event, &server);
    la_loop_run(la_host_loop(h), NULL, NULL, LA_NEVER);
    la_host_close(h);
    close(server.root);
    return 0;
}
