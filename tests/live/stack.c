/* stack.c: a stack beside the kernel that a live test leads by the hand.
 *
 * It takes the options of every command, and then one command a line on standard input; each is
 * answered by one line of JSON: the answer, or {"refused":TEXT}.  ID is a number that socket,
 * listen and accept gave.
 *
 *     listen PORT BACKLOG          socket                    accept ID
 *     setopt ID NUMBER VALUE       connect ID ADDR PORT LOCAL-PORT (0: any)
 *     send ID FILE [fin]           what the file holds now, as fast as the stack takes it
 *     recv ID FILE                 from now on, into the file
 *     urgent ID TEXT               its last byte is urgent
 *     shutdown ID    close ID    abort ID
 *     conn ID    list    records    usage    rules    tally    quit
 *
 * Nothing here waits: a test asks again until it sees what it waits for, within a bound.
 * Invariant: without recv nothing is read, so bytes stay unread in the stack for as long as a test
 * wants. */
#include "cli/cli.h"
#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNS 1100 /* what is not used costs nothing */
#define LINE 512

struct held {
    la_conn h;
    bool used, over, eof, fin;
    int error;      /* of the last la_send or la_recv that failed */
    FILE *in, *out; /* what is sent, where to what is received goes */
    size_t at, n;   /* of buf: given to the stack, read */
    uint64_t came;  /* bytes received */
    char buf[65536];
};

struct led {
    struct la_host *host;
    struct la_stack *s;
    struct la_loop *loop;
    bool quit;
    size_t nline;
    char line[LINE];
    struct held held[CONNS];
};

/* ---- answers ---- */

static void say(cJSON *o)
{
    char *text = o ? cJSON_PrintUnformatted(o) : NULL;

    puts(text ? text : "{\"refused\":\"out of memory\"}");
    fflush(stdout);
    cJSON_free(text);
    cJSON_Delete(o);
}

static void say_error(const char *text)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "refused", text);
    say(o);
}

static void say_result(int rc)
{
    if (rc < 0)
        say_error(la_strerror(rc));
    else
        say(cJSON_CreateNumber(rc));
}

/* ---- carrying ---- */

static void give(struct led *l, struct held *c)
{
    while (c->in) {
        while (c->at < c->n) {
            int64_t r = la_send(l->s, c->h, c->buf + c->at, c->n - c->at, 0, la_host_now());
            if (r < 0) {
                c->error = r == LA_EAGAIN ? c->error : (int)r;
                return;
            }
            c->at += (size_t)r;
        }
        c->at = 0;
        c->n = fread(c->buf, 1, sizeof c->buf, c->in);
        if (c->n > 0)
            continue;
        fclose(c->in);
        c->in = NULL;
        if (c->fin)
            la_shutdown(l->s, c->h, LA_SHUT_WR, la_host_now());
    }
}

static void take(struct led *l, struct held *c)
{
    char buf[65536];
    int64_t got;

    if (!c->out || c->eof)
        return;
    while ((got = la_recv(l->s, c->h, buf, sizeof buf, la_host_now())) > 0) {
        if (fwrite(buf, 1, (size_t)got, c->out) != (size_t)got)
            abort();
        c->came += (uint64_t)got;
    }
    fflush(c->out);
    c->eof = got == 0;
    if (got < 0 && got != LA_EAGAIN && got != LA_ENOTCONN)
        c->error = (int)got;
}

static void on_event(void *ctx, const struct la_event *ev)
{
    struct led *l = ctx;
    struct held *c = ev->user;

    if (!c || !c->used)
        return;
    if (ev->what & LA_EV_CLOSED)
        c->over = true;
    give(l, c);
    take(l, c);
}

/* ---- handles ---- */

static struct held *free_place(struct led *l)
{
    for (int i = 0; i < CONNS; i++) {
        struct held *c = &l->held[i];
        if (c->used)
            continue;
        *c = (struct held){.used = true, .h = LA_CONN_NONE};
        return c;
    }
    return NULL;
}

static void let_go(struct held *c)
{
    if (c->in)
        fclose(c->in);
    if (c->out)
        fclose(c->out);
    c->in = c->out = NULL;
    c->used = false;
}

static void keep(struct led *l, struct held *c, int rc)
{
    if (rc < 0) {
        let_go(c);
        say_error(la_strerror(rc));
        return;
    }
    la_set_user(l->s, c->h, c);
    say(cJSON_CreateNumber((double)(c - l->held)));
}

static void cmd_open(struct led *l, const char *word, struct held *of, const char *port,
                     const char *backlog)
{
    struct la_endpoint at = {.addr = LA_ADDR_ANY, .ifx = -1};
    struct held *c = free_place(l);

    if (!c)
        say_error("too many handles");
    else if (strcmp(word, "socket") == 0)
        keep(l, c, la_socket(l->s, &c->h));
    else if (of)
        keep(l, c, la_accept(l->s, of->h, la_host_now(), &c->h));
    else
        keep(
            l, c,
            cli_port(port, &at.port) < 0
                ? LA_EINVAL
                : la_listen(l->s, &at, (uint32_t)strtoul(backlog, NULL, 10), la_host_now(), &c->h));
}

static int cmd_connect(struct led *l, struct held *c, const char *addr, const char *port,
                       const char *local)
{
    struct la_endpoint to = {.ifx = -1}, from = {.addr = LA_ADDR_ANY, .ifx = -1};

    if (la_addr_parse(addr, &to.addr) < 0 || cli_port(port, &to.port) < 0)
        return LA_EINVAL;
    cli_port(local, &from.port);
    return la_connect(l->s, c->h, &from, &to, la_host_now());
}

static int cmd_carry(struct led *l, struct held *c, const char *word, const char *path,
                     const char *then)
{
    bool sends = strcmp(word, "send") == 0;
    FILE *f = fopen(path, sends ? "rb" : "ab");

    if (!f || (sends ? c->in : c->out)) {
        if (f)
            fclose(f);
        return LA_EINVAL;
    }
    if (sends)
        c->in = f;
    else
        c->out = f;
    c->fin = c->fin || strcmp(then, "fin") == 0;
    give(l, c);
    take(l, c);
    return LA_OK;
}

static int cmd_end(struct led *l, struct held *c, const char *word)
{
    int rc;

    if (strcmp(word, "shutdown") == 0)
        return la_shutdown(l->s, c->h, LA_SHUT_WR, la_host_now());
    rc = strcmp(word, "close") == 0 ? la_close(l->s, c->h, la_host_now())
                                    : la_abort(l->s, c->h, la_host_now());
    let_go(c);
    return rc;
}

/* ---- looking ---- */

static cJSON *one_conn(struct led *l, struct held *c)
{
    struct la_status t;
    cJSON *o;
    int rc = la_status(l->s, c->h, &t);

    if (rc < 0)
        return NULL;
    o = json_status(&t, la_host_now());
    cJSON_AddBoolToObject(o, "over", c->over);
    cJSON_AddBoolToObject(o, "eof", c->eof);
    cJSON_AddBoolToObject(o, "sending", c->in != NULL);
    cJSON_AddNumberToObject(o, "received", (double)c->came);
    cJSON_AddStringToObject(o, "failed", c->error ? la_strerror(c->error) : "");
    return o;
}

static cJSON *everything(const struct led *l, const char *word)
{
    cJSON *o = cJSON_CreateArray();
    la_ns now = la_host_now();

    if (strcmp(word, "list") == 0) {
        struct la_status t;
        uint64_t cursor = 0;
        while (la_status_next(l->s, &cursor, &t))
            cJSON_AddItemToArray(o, json_status(&t, now));
    } else if (strcmp(word, "records") == 0) {
        struct la_record r;
        uint32_t cursor = 0;
        while (la_record_next(l->s, &cursor, &r))
            cJSON_AddItemToArray(o, json_record(&r, now));
    }
    return o;
}

static cJSON *usage(const struct led *l)
{
    struct la_dev_stats d;
    struct la_usage u;
    cJSON *o;

    la_usage(l->s, &u);
    la_dev_stats(la_host_dev(l->host), &d);
    o = json_usage(&u);
    cJSON_AddNumberToObject(o, "check", la_check(l->s));
    cJSON_AddNumberToObject(o, "rx_errors", (double)d.rx_errors);
    cJSON_AddNumberToObject(o, "tx_refused", (double)d.tx_refused);
    return o;
}

/* How many frames came, and how often any rule fired: what a test asks after each frame. */
static cJSON *tally(const struct led *l)
{
    cJSON *o = cJSON_CreateArray();
    struct la_usage u;
    uint64_t fired = 0;

    la_usage(l->s, &u);
    for (unsigned r = 0; r < la_rules(); r++)
        fired += la_rule_count(l->s, r);
    cJSON_AddItemToArray(o, cJSON_CreateNumber((double)u.frames_in));
    cJSON_AddItemToArray(o, cJSON_CreateNumber((double)fired));
    return o;
}

static cJSON *rules(const struct led *l)
{
    cJSON *o = cJSON_CreateObject();

    for (unsigned r = 0; r < la_rules(); r++)
        if (la_rule_count(l->s, r))
            cJSON_AddNumberToObject(o, la_rule_name(r), (double)la_rule_count(l->s, r));
    return o;
}

/* ---- a line ---- */

static bool is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static void obey(struct led *l, char *line)
{
    static char none[] = "";
    char *w[5] = {none, none, none, none, none}, *save = NULL;
    struct held *c = NULL;
    unsigned long id;
    int n = 0;

    for (char *p = strtok_r(line, " ", &save); p && n < 5; p = strtok_r(NULL, " ", &save))
        w[n++] = p;
    id = strtoul(w[1], NULL, 10);
    if (n > 1 && strcmp(w[0], "listen") != 0 && id < CONNS && l->held[id].used)
        c = &l->held[id];

    if (is(w[0], "socket", "listen") || (c && is(w[0], "accept", "")))
        cmd_open(l, w[0], c, w[1], w[2]);
    else if (c && is(w[0], "setopt", ""))
        say_result(la_setopt(l->s, c->h, (enum la_option)strtol(w[2], NULL, 10),
                             strtoll(w[3], NULL, 10), la_host_now()));
    else if (c && is(w[0], "connect", ""))
        say_result(cmd_connect(l, c, w[2], w[3], w[4]));
    else if (c && is(w[0], "send", "recv"))
        say_result(cmd_carry(l, c, w[0], w[2], w[3]));
    else if (c && is(w[0], "urgent", ""))
        say_result((int)la_send(l->s, c->h, w[2], strlen(w[2]), LA_SEND_URGENT, la_host_now()));
    else if (c && (is(w[0], "shutdown", "close") || is(w[0], "abort", "")))
        say_result(cmd_end(l, c, w[0]));
    else if (c && is(w[0], "conn", ""))
        say(one_conn(l, c));
    else if (is(w[0], "list", "records"))
        say(everything(l, w[0]));
    else if (is(w[0], "usage", ""))
        say(usage(l));
    else if (is(w[0], "rules", ""))
        say(rules(l));
    else if (is(w[0], "tally", ""))
        say(tally(l));
    else if (is(w[0], "quit", ""))
        l->quit = true;
    else
        say_error("no such command, or no such ID");
}

static void on_line(void *ctx, int fd, uint32_t events)
{
    struct led *l = ctx;
    ssize_t got = read(fd, l->line + l->nline, sizeof l->line - l->nline);
    char *end;

    (void)events;
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        l->quit = true;
        return;
    }
    l->nline += (size_t)got;
    while (!l->quit && (end = memchr(l->line, '\n', l->nline))) {
        *end = '\0';
        size_t used = (size_t)(end - l->line) + 1;
        obey(l, l->line);
        l->nline -= used;
        memmove(l->line, l->line + used, l->nline);
    }
    if (l->nline == sizeof l->line)
        l->quit = true;
}

static bool quits(void *ctx)
{
    const struct led *l = ctx;

    return l->quit;
}

int main(int argc, char **argv)
{
    static const struct cli_usage about = {.command = "live-stack",
                                           .synopsis = "[OPTIONS]",
                                           .about = "A stack for a live test.",
                                           .examples = ""};
    static struct led l;
    struct control *control = NULL;
    struct la_host_error err;
    struct common common;
    int rc;

    common_init(&common);
    const struct opt *const tables[OPT_TABLES] = {common.table};
    rc = opts_parse(&about, tables, argc, argv);
    if (rc != 0)
        return rc < 0 ? -1 - rc : cli_wrong("live-stack", "too many words");
    rc = common_open(&common, "live-stack", &l.host);
    if (rc)
        return rc;
    l.s = la_host_stack(l.host);
    l.loop = la_host_loop(l.host);
    if (control_open(l.loop, l.s, "live-stack", &control, &err) < 0)
        return cli_failed("live-stack", "%s", err.text);
    la_loop_on_event(l.loop, on_event, &l);
    la_loop_fd_add(l.loop, STDIN_FILENO, EPOLLIN, on_line, &l);
    puts("ready");
    fflush(stdout);
    rc = la_loop_run(l.loop, quits, &l, LA_NEVER);
    for (int i = 0; i < CONNS; i++)
        if (l.held[i].used)
            let_go(&l.held[i]);
    control_close(control);
    la_host_close(l.host);
    return rc < 0 ? CLI_FAILED : CLI_OK;
}
