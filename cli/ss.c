/* ss.c: lastack ss: finds a running stack's control socket, asks it, and shows the answer. */
#include "cli/ss.h"
#include "cli/control.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 32
#define LINE_MAX_BYTES 65536U

static const struct cli_usage usage = {
    .command = "ss",
    .synopsis = "[OPTIONS]",
    .about = "Shows the connections of a running stack: state, queues, timer, how long it has been "
             "in that\n"
             "state, and who closed first.  A connection in CLOSE-WAIT is one whose peer has "
             "closed and\n"
             "waits for this side's program; it says for how long.",
    .examples = "  lastack ss                 connections, without listeners\n"
                "  lastack ss -l              listeners\n"
                "  lastack ss --closed        the last connections that ended, and why\n"
                "  lastack ss --rules         which rules of the protocol fired, and how often\n"
                "  lastack ss --json | jq '.[] | select(.state == \"CLOSE-WAIT\")'\n",
};

/* ---- which stack ---- */

struct found {
    int n;
    const char *distrusted; /* a directory that is there and not this user's alone */
    struct {
        unsigned pid;
        char path[CONTROL_PATH_MAX];
    } at[SOCKETS_MAX];
};

static int dial(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof sa.sun_path) {
        if (fd >= 0)
            close(fd);
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
        int e = errno;
        close(fd);
        errno = e;
        return -1;
    }
    return fd;
}

/* A name like 123.sock or 123-2.sock; 0: another. */
static unsigned pid_of(const char *name)
{
    char *end;
    unsigned long pid = strtoul(name, &end, 10);

    if (*end == '-')
        strtoul(end + 1, &end, 10);
    return strcmp(end, ".sock") == 0 && pid < 0x7fffffff ? (unsigned)pid : 0;
}

/* Whether a stack answers there.  What a killed one left behind is removed; its number may be
 * another program's by now.  A socket just bound is that of a stack which does not listen yet. */
static bool serves(const char *path, unsigned pid)
{
    bool lives = kill((pid_t)pid, 0) == 0 || errno != ESRCH;
    int fd = lives ? dial(path) : -1;
    struct stat st;

    if (fd >= 0)
        close(fd);
    if (fd >= 0 || (lives && errno != ECONNREFUSED))
        return true;
    if (!lives || (lstat(path, &st) == 0 && time(NULL) - st.st_mtime > 2))
        unlink(path);
    return false;
}

/* Collects the sockets of stacks that run. */
static void look_in(const char *dir, uint32_t wanted_pid, struct found *f)
{
    DIR *d = control_dir_ok(dir) ? opendir(dir) : NULL;
    const struct dirent *e;

    while (d && f->n < SOCKETS_MAX && (e = readdir(d))) {
        unsigned pid = pid_of(e->d_name);
        char *path = f->at[f->n].path;

        if (!pid || (wanted_pid && pid != wanted_pid) ||
            strlen(dir) + strlen(e->d_name) + 2 > CONTROL_PATH_MAX)
            continue;
        snprintf(path, CONTROL_PATH_MAX, "%.*s/%.26s", CONTROL_DIR_MAX, dir, e->d_name);
        if (serves(path, pid))
            f->at[f->n++].pid = pid;
    }
    if (d)
        closedir(d);
    else if (access(dir, F_OK) == 0)
        f->distrusted = dir;
}

/* Opens the one stack meant, or tells why there is none; returns a descriptor or -1 - status. */
static int choose(const struct ss_options *o)
{
    char dirs[CONTROL_DIRS][CONTROL_DIR_MAX];
    struct found f = {0};
    int ndir = control_dirs(dirs);
    int fd;

    if (o->socket) {
        fd = dial(o->socket);
        return fd >= 0 ? fd
                       : -1 - cli_failed("ss", "no stack answers on %s: %s", o->socket,
                                         strerror(errno));
    }
    for (int i = 0; i < ndir; i++)
        look_in(dirs[i], o->pid, &f);
    if (f.n == 0 && f.distrusted)
        return -1 - cli_failed("ss",
                               "%s is not looked in: it is another user's, or others may write to "
                               "it, so who answers there may be anybody",
                               f.distrusted);
    if (f.n == 0 && o->pid)
        return -1 - cli_failed("ss", "process %u runs no stack that this user may ask",
                               (unsigned)o->pid);
    if (f.n == 0)
        return -1 - cli_failed("ss",
                               "no stack of this user runs here (looked in %s): start one, for "
                               "instance sudo lastack nc -l 7000, or ask with sudo",
                               dirs[0]);
    if (f.n > 1 && f.at[0].pid != f.at[1].pid)
        return -1 - cli_wrong("ss", "%d stacks run: choose one with --pid %u or --pid %u", f.n,
                              f.at[0].pid, f.at[1].pid);
    if (f.n > 1)
        return -1 - cli_wrong("ss", "process %u runs %d stacks: choose one with --socket %s",
                              f.at[0].pid, f.n, f.at[0].path);
    fd = dial(f.at[0].path);
    return fd >= 0
               ? fd
               : -1 - cli_failed("ss", "no stack answers on %s: %s", f.at[0].path, strerror(errno));
}

/* ---- question and answer ---- */

/* The bytes of the character that begins here, in UTF-8; 0 if it is none, or one of the controls by
 * which a terminal is led (C0, DEL, C1). */
static int shown(const unsigned char *p)
{
    int n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (n == 1)
        return p[0] >= ' ' && p[0] != 0x7f;
    if (p[0] < 0xc2 || p[0] > 0xf4 || (p[0] == 0xc2 && p[1] < 0xa0) ||
        (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90))
        return 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static void clean(char *text)
{
    while (text && *text) {
        int n = shown((const unsigned char *)text);
        if (n == 0)
            *text = '?';
        text += n ? n : 1;
    }
}

/* Whoever answers may be another than we think: what he says is text and nothing else. */
static void clean_all(cJSON *o)
{
    cJSON *open[CJSON_NESTING_LIMIT]; /* cJSON reads nothing deeper */
    unsigned depth = 0;

    for (cJSON *i = o; i;) {
        clean(i->string);
        clean(i->valuestring);
        if (i->child && depth < CJSON_NESTING_LIMIT) {
            open[depth++] = i;
            i = i->child;
            continue;
        }
        while (i && !i->next)
            i = depth ? open[--depth] : NULL;
        i = i ? i->next : NULL;
    }
}

/* Reads the answer's lines into `items`.  The first names the stack, the last is the end. */
static int collect(FILE *from, const struct ss_options *o, cJSON *items)
{
    static char line[LINE_MAX_BYTES];
    bool first = true;

    while (fgets(line, sizeof line, from)) {
        cJSON *item = cJSON_Parse(line);
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(item, "error");
        if (!item)
            return cli_failed("ss", "the stack's answer is not JSON: is it another version?");
        clean_all(item);
        if (cJSON_HasObjectItem(item, "end") ||
            (!cJSON_HasObjectItem(item, "state") && cJSON_IsString(error))) {
            bool ok = cJSON_HasObjectItem(item, "end");
            if (!ok)
                cli_failed("ss", "the stack says: %s", error->valuestring);
            cJSON_Delete(item);
            return ok ? CLI_OK : CLI_FAILED;
        }
        if (first || !ss_wanted(o, item))
            cJSON_Delete(item);
        else
            cJSON_AddItemToArray(items, item);
        first = false;
    }
    return cli_failed("ss", "the stack stopped in the middle of its answer");
}

static void show(const struct ss_options *o, const cJSON *items)
{
    if (o->json) {
        char *text = cJSON_Print(items);
        if (text)
            puts(text);
        free(text);
    } else if (o->closed) {
        ss_show_closed(stdout, items);
    } else if (o->rules) {
        ss_show_rules(stdout, items);
    } else if (o->usage) {
        ss_show_usage(stdout, items);
    } else {
        ss_show_status(stdout, items);
    }
}

static int ask(int fd, const struct ss_options *o)
{
    const char *word = o->closed  ? "closed\n"
                       : o->rules ? "rules\n"
                       : o->usage ? "usage\n"
                                  : "status\n";
    cJSON *items = cJSON_CreateArray();
    FILE *from = fdopen(fd, "r");
    int rc;

    if (!items || !from) {
        close(fd);
        cJSON_Delete(items);
        return cli_failed("ss", "out of memory");
    }
    if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0)
        rc = cli_failed("ss", "the stack does not answer: %s", strerror(errno));
    else
        rc = collect(from, o, items);
    if (rc == CLI_OK)
        show(o, items);
    fclose(from);
    cJSON_Delete(items);
    return rc;
}

int cmd_ss(int argc, char **argv)
{
    struct ss_options o = {0};
    const struct opt own[] = {
        {"all", 'a', OPT_FLAG, &o.all, NULL,
         "listeners too; with --rules, those that never fired too", 0, 0},
        {"listening", 'l', OPT_FLAG, &o.listening, NULL, "listeners only", 0, 0},
        {"tcp", 't', OPT_FLAG, &o.tcp, NULL, "TCP, which is all there is", 0, 0},
        {"numeric", 'n', OPT_FLAG, &o.numeric, NULL, "numbers, as always", 0, 0},
        {"ipv4", '4', OPT_FLAG, &o.only4, NULL, "IPv4 only", 0, 0},
        {"ipv6", '6', OPT_FLAG, &o.only6, NULL, "IPv6 only", 0, 0},
        {"closed", 0, OPT_FLAG, &o.closed, NULL, "the last close records: who hung up, and why", 0,
         0},
        {"rules", 0, OPT_FLAG, &o.rules, NULL,
         "rules of the protocol that fired, with their counts", 0, 0},
        {"usage", 0, OPT_FLAG, &o.usage, NULL, "how full the stack's tables are", 0, 0},
        {"json", 0, OPT_FLAG, &o.json, NULL, "an array of objects instead of a table", 0, 0},
        {"pid", 0, OPT_UINT, &o.pid, "PID", "the stack of this process", 1, 0x7fffffff},
        {"socket", 0, OPT_TEXT, &o.socket, "PATH", "the stack with this control socket", 0, 0},
        {0},
    };
    const struct opt *const tables[OPT_TABLES] = {own};
    int operands = opts_parse(&usage, tables, argc, argv);
    int fd;

    if (operands < 0)
        return -1 - operands;
    if (operands > 0)
        return cli_wrong("ss", "'%s' is one word too many: type lastack ss --help", argv[1]);
    if (o.closed + o.rules + o.usage > 1)
        return cli_wrong("ss", "--closed, --rules and --usage are different questions: ask one");
    if (o.pid && o.socket)
        return cli_wrong("ss", "--pid and --socket both choose a stack: leave one out");
    fd = choose(&o);
    return fd < 0 ? -1 - fd : ask(fd, &o);
}
