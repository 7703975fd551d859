/* get.c: fetches one file by HTTP, writes it to standard output, and says how the connection ended.
 *
 *     python3 -m http.server --bind 10.77.0.1 8000 &       (once lastack0 is there)
 *     ./get http://10.77.0.1:8000/FILE >FILE
 *
 * A client in four calls: la_socket, la_connect, la_send, la_recv.  What la_send takes waits in the
 * send buffer until the handshake is over, so nothing here waits for LA_EV_CONNECTED. */
#include "setup.h"

#include <strings.h>
#include <unistd.h>

struct get {
    struct la_stack *stack;
    la_conn conn;
    char head[8192]; /* status line and fields, with a NUL, until they are complete */
    size_t head_len;
    bool in_body;
    uint64_t body, promised; /* bytes so far, and by Content-Length; UINT64_MAX: not said */
    int result;              /* LA_EAGAIN while it runs, LA_OK at the peer's FIN, or an error */
};

/* "http://10.77.0.1:8000/a" or "http://[fd77::1]/a".  A library has no resolver: addresses only. */
static bool parse_url(const char *url, struct la_endpoint *to, char *host, size_t host_size,
                      const char **path)
{
    char addr[LA_ADDR_STRLEN];
    size_t host_len, addr_len;
    unsigned long port = 80;

    if (strncmp(url, "http://", 7) != 0)
        return false;
    url += 7;
    host_len = strcspn(url, "/");
    if (host_len == 0 || host_len >= host_size)
        return false;
    memcpy(host, url, host_len);
    host[host_len] = '\0';
    *path = url[host_len] ? url + host_len : "/";

    bool bracket = host[0] == '[';
    addr_len = strcspn(host + bracket, bracket ? "]" : ":");
    if (addr_len >= sizeof addr)
        return false;
    memcpy(addr, host + bracket, addr_len);
    addr[addr_len] = '\0';
    const char *rest = host + bracket + addr_len;
    if (bracket && *rest++ != ']')
        return false;
    if (*rest == ':')
        port = strtoul(rest + 1, NULL, 10);
    else if (*rest)
        return false;

    *to = (struct la_endpoint){.port = (uint16_t)port, .ifx = -1};
    return port > 0 && port <= 65535 && la_addr_parse(addr, &to->addr) == LA_OK;
}

static bool write_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(STDOUT_FILENO, p, n);

        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* The value of a field like "Content-Length:" as a number; UINT64_MAX if there is none. */
static uint64_t number_of(const char *head, const char *field)
{
    for (const char *line = head; line; line = strstr(line + 1, "\r\n"))
        if (strncasecmp(line + 2, field, strlen(field)) == 0)
            return strtoull(line + 2 + strlen(field), NULL, 10);
    return UINT64_MAX;
}

/* Bytes of the head until its empty line; what follows is body.  False: not an answer we want. */
static bool take_head(struct get *g, const char *p, size_t n, size_t *used)
{
    size_t room = sizeof g->head - 1 - g->head_len;
    size_t before = g->head_len;
    char *end;

    memcpy(g->head + g->head_len, p, n < room ? n : room);
    g->head_len += n < room ? n : room;
    g->head[g->head_len] = '\0';
    end = strstr(g->head, "\r\n\r\n");
    *used = g->head_len - before;
    if (!end)
        return g->head_len < sizeof g->head - 1;

    *used = (size_t)(end + 4 - g->head) - before;
    end[2] = '\0';
    g->in_body = true;
    g->promised = number_of(strstr(g->head, "\r\n"), "Content-Length:");
    if (strncmp(g->head, "HTTP/1.", 7) == 0 && strncmp(g->head + 8, " 200", 4) == 0)
        return true;
    fprintf(stderr, "get: the server says: %.*s\n", (int)strcspn(g->head, "\r\n"), g->head);
    return false;
}

/* Reads what is there.  LA_EAGAIN, LA_OK at the end, or an error. */
static int read_answer(struct get *g, la_ns now)
{
    char buf[65536];
    int64_t got;

    while ((got = la_recv(g->stack, g->conn, buf, sizeof buf, now)) > 0) {
        size_t used = 0;

        if (!g->in_body && !take_head(g, buf, (size_t)got, &used))
            return LA_EPROTO;
        if (!write_all(buf + used, (size_t)got - used))
            return LA_EPIPE;
        g->body += (uint64_t)got - used;
    }
    return (int)got;
}

static void on_event(void *ctx, const struct la_event *ev)
{
    struct get *g = ctx;

    if (!la_conn_eq(ev->conn, g->conn) || g->result != LA_EAGAIN)
        return;
    g->result = read_answer(g, la_host_now());
}

static bool ended(void *ctx)
{
    const struct get *g = ctx;

    return g->result != LA_EAGAIN;
}

/* After la_close the handle is gone; the record that the connection leaves is not. */
static bool recorded(void *ctx)
{
    const struct get *g = ctx;
    uint32_t cursor = 0;
    struct la_record r;
    char why[256];

    if (!la_record_next(g->stack, &cursor, &r))
        return false;
    fprintf(stderr, "get: %llu bytes; %s\n", (unsigned long long)r.bytes_received,
            la_record_explain(&r, why, sizeof why));
    return true;
}

static int fetch(struct get *g, const struct la_endpoint *to, const char *host, const char *path)
{
    char request[4096];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: lastack\r\n\r\n", path, host);
    int rc;

    if (n < 0 || (size_t)n >= sizeof request)
        return LA_EMSGSIZE;
    if ((rc = la_socket(g->stack, &g->conn)) < 0 ||
        (rc = la_connect(g->stack, g->conn, NULL, to, la_host_now())) < 0)
        return rc;
    int64_t sent = la_send(g->stack, g->conn, request, (size_t)n, 0, la_host_now());
    return sent == n ? LA_EAGAIN : sent < 0 ? (int)sent : LA_EMSGSIZE;
}

int main(int argc, char **argv)
{
    const char *url, *path;
    struct la_host *h = setup(argc, argv, "[OPTION...] http://ADDRESS[:PORT]/PATH", &url);
    struct get g = {.stack = la_host_stack(h), .promised = UINT64_MAX};
    struct la_endpoint to;
    char host[128];

    if (!url || !parse_url(url, &to, host, sizeof host, &path))
        setup_fail(argv[0], "wants a URL like http://10.77.0.1:8000/FILE");

    la_loop_on_event(la_host_loop(h), on_event, &g);
    g.result = fetch(&g, &to, host, path);
    if (la_loop_run(la_host_loop(h), ended, &g, LA_NEVER) == LA_EAGAIN)
        g.result = LA_ECONNABORTED; /* Ctrl-C */

    if (g.result == LA_OK && g.promised != UINT64_MAX && g.body != g.promised) {
        fprintf(stderr, "get: %llu of %llu bytes came\n", (unsigned long long)g.body,
                (unsigned long long)g.promised);
        g.result = LA_EPROTO;
    }
    if (g.result < 0)
        fprintf(stderr, "get: %s\n", la_strerror(g.result));

    /* Our FIN answers the server's, and its ACK ends the connection: wait for that a little.  What
     * went wrong ends with a RST. */
    if (g.result == LA_OK)
        la_close(g.stack, g.conn, la_host_now());
    else
        la_abort(g.stack, g.conn, la_host_now());
    la_loop_run(la_host_loop(h), recorded, &g, la_host_now() + LA_SEC(3));
    la_host_close(h);
    return g.result == LA_OK ? 0 : 1;
}
