/* ss_show.c: tables for people, from the control socket's objects.  Columns are as wide as their
 * widest cell; nothing is cut off. */
#include "cli/ss.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLS_MAX 9
#define CELL 160

static const char *str(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static double num(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static bool has(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

    return v && !cJSON_IsNull(v);
}

static char *span_text(double ms, char *buf)
{
    bool sane = ms >= 0 && ms < 1e12; /* 31 years */

    return cli_duration_text(sane ? (la_ns)(ms * 1e6) : LA_NEVER, buf);
}

static char *ms_text(const cJSON *o, const char *key, char *buf)
{
    return span_text(has(o, key) ? num(o, key) : -1, buf);
}

bool ss_wanted(const struct ss_options *o, const cJSON *item)
{
    const char *state = str(item, "state");
    bool listening = state && strcmp(state, "LISTEN") == 0;
    double family = num(item, "family");

    if (o->rules)
        return o->all || num(item, "count") > 0;
    if (o->usage)
        return true;
    if ((o->only4 && family != 4) || (o->only6 && family != 6)) /* a listener on :: is family 6 */
        return false;
    if (o->closed || o->all)
        return true;
    return listening == o->listening;
}

/* Members have names; what else an answer of another version may have, has none. */
static const cJSON *object(const cJSON *v)
{
    return cJSON_IsObject(v) ? v : NULL;
}

/* ---- tables ---- */

struct table {
    FILE *to;
    int ncol, nrow;
    bool right[COLS_MAX];
    size_t width[COLS_MAX];
    char (*cell)[COLS_MAX][CELL];
};

static bool table_init(struct table *t, FILE *to, int rows, const char *const *head, int ncol)
{
    memset(t, 0, sizeof *t);
    t->to = to;
    t->ncol = ncol;
    t->cell = calloc((size_t)rows + 1, sizeof *t->cell);
    if (!t->cell)
        return false;
    for (int i = 0; i < ncol; i++)
        snprintf(t->cell[0][i], CELL, "%s", head[i]);
    t->nrow = 1;
    return true;
}

__attribute__((format(printf, 3, 4))) static void set(struct table *t, int col, const char *fmt,
                                                      ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->cell[t->nrow][col], CELL, fmt, ap);
    va_end(ap);
}

static void table_print(struct table *t)
{
    for (int r = 0; r < t->nrow; r++)
        for (int c = 0; c < t->ncol; c++)
            if (strlen(t->cell[r][c]) > t->width[c])
                t->width[c] = strlen(t->cell[r][c]);
    for (int r = 0; r < t->nrow; r++) {
        for (int c = 0; c < t->ncol; c++) {
            int w = c + 1 == t->ncol && !t->right[c] ? 0 : (int)t->width[c];
            fprintf(t->to, "%*s%s", t->right[c] ? w : -w, t->cell[r][c],
                    c + 1 < t->ncol ? "  " : "");
        }
        fputc('\n', t->to);
    }
    free(t->cell);
}

/* ---- what a cell says ---- */

/* Any address and any port are '*', as ss shows them. */
static char *end_text(const cJSON *o, const char *addr_key, const char *port_key, char *buf)
{
    const char *addr = str(o, addr_key);
    double port = num(o, port_key);
    char shown[8] = "*";

    if (!addr)
        addr = "*";
    if (port >= 1 && port <= 65535)
        snprintf(shown, sizeof shown, "%u", (unsigned)port);
    if (strcmp(addr, "::") == 0)
        snprintf(buf, CELL, "*:%s", shown);
    else
        snprintf(buf, CELL, strchr(addr, ':') ? "[%.60s]:%s" : "%.60s:%s", addr, shown);
    return buf;
}

static const char *side_text(const char *side)
{
    if (!side)
        return "-";
    if (strcmp(side, "local") == 0)
        return "us";
    return side;
}

/* What ss cannot say: the reason that this connection is not over yet. */
static void remark(struct table *t, int col, const cJSON *o)
{
    const char *state = str(o, "state"), *error = str(o, "error");
    char d[32];

    if (has(o, "peer_kept_waiting_ms"))
        set(t, col, "this program has kept the peer waiting for %s",
            ms_text(o, "peer_kept_waiting_ms", d));
    else if (error)
        set(t, col, "%s; the program has not closed it yet", error);
    else if (state && strcmp(state, "TIME-WAIT") == 0)
        set(t, col, "close record %.0f", num(o, "record"));
    else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "orphan")))
        set(t, col, "the program has closed it");
    else if (num(o, "retransmits") > 0)
        set(t, col, "%.0f retransmissions without an answer", num(o, "retransmits"));
    else if (str(o, "soft_error"))
        set(t, col, "%s", str(o, "soft_error"));
}

void ss_show_status(FILE *to, const cJSON *items)
{
    static const char *const head[] = {
        "State",    "Recv-Q",       "Send-Q", "Local address:port", "Peer address:port", "Timer",
        "In state", "Closed first", ""};
    struct table t;
    const cJSON *o;

    if (!table_init(&t, to, cJSON_GetArraySize(items), head, 9))
        return;
    t.right[1] = t.right[2] = true;
    cJSON_ArrayForEach(o, items)
    {
        char buf[CELL], d[32];
        const char *timer = str(o, "timer"), *state = str(o, "state");

        set(&t, 0, "%s", state ? state : "?");
        set(&t, 1, "%.0f", num(o, "recv_q"));
        set(&t, 2, "%.0f", num(o, "send_q"));
        set(&t, 3, "%s", end_text(o, "local_addr", "local_port", buf));
        set(&t, 4, "%s", end_text(o, "peer_addr", "peer_port", buf));
        if (timer)
            set(&t, 5, "%s %s", timer, ms_text(o, "timer_in_ms", d));
        else
            set(&t, 5, "-");
        set(&t, 6, "%s", ms_text(o, "in_state_ms", d));
        set(&t, 7, "%s", side_text(str(o, "closed_first")));
        remark(&t, 8, o);
        t.nrow++;
    }
    table_print(&t);
}

void ss_show_closed(FILE *to, const cJSON *items)
{
    const cJSON *o;

    cJSON_ArrayForEach(o, items)
    {
        char local[CELL], peer[CELL], d[32];
        const char *explain = str(o, "explain"), *state = str(o, "state");
        bool ended = has(o, "closed_ms_ago");

        fprintf(to, "#%.0f  %s  %s  %s%s\n", num(o, "serial"),
                end_text(o, "local_addr", "local_port", local),
                end_text(o, "peer_addr", "peer_port", peer),
                ended   ? ms_text(o, "closed_ms_ago", d)
                : state ? state
                        : "",
                ended ? " ago" : "");
        fprintf(to, "    %s\n", explain ? explain : "");
        fprintf(to,
                "    sent %.0f, received %.0f bytes; not acknowledged %.0f, not read %.0f; "
                "retransmitted "
                "%.0f segments, %.0f FINs\n",
                num(o, "bytes_sent"), num(o, "bytes_received"), num(o, "bytes_unacked"),
                num(o, "bytes_unread"), num(o, "retransmits"), num(o, "fin_retransmits"));
        const cJSON *in = object(cJSON_GetObjectItemCaseSensitive(o, "in_state_ms")), *s;
        const char *sep = "    in ";
        cJSON_ArrayForEach(s, in)
        {
            fprintf(to, "%s%s %s", sep, s->string,
                    span_text(cJSON_IsNumber(s) ? s->valuedouble : -1, d));
            sep = ", ";
        }
        fprintf(to, "%s", cJSON_GetArraySize(in) ? "\n" : "");
    }
    if (cJSON_GetArraySize(items) == 0)
        fprintf(to, "no connection has ended yet\n");
}

void ss_show_rules(FILE *to, const cJSON *items)
{
    static const char *const head[] = {"Count", "Rule", "Section", ""};
    struct table t;
    const cJSON *o;

    if (!table_init(&t, to, cJSON_GetArraySize(items), head, 4))
        return;
    t.right[0] = true;
    cJSON_ArrayForEach(o, items)
    {
        const char *rule = str(o, "rule"), *section = str(o, "section"), *text = str(o, "text");

        set(&t, 0, "%.0f", num(o, "count"));
        set(&t, 1, "%s", rule ? rule : "?");
        set(&t, 2, "%s", section ? section : "");
        set(&t, 3, "%s", text ? text : "");
        t.nrow++;
    }
    table_print(&t);
}

void ss_show_usage(FILE *to, const cJSON *items)
{
    const cJSON *o = object(cJSON_GetArrayItem(items, 0)), *v;

    cJSON_ArrayForEach(v, o)
    {
        if (cJSON_IsNumber(v))
            fprintf(to, "%-20s %.0f\n", v->string, v->valuedouble);
    }
}
