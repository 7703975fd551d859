/* demo_show.c: what the demo prints and draws: progress bars, the ladder, the countdown of
 * TIME-WAIT, the close records, and the sum of all checks.
 *
 * On a terminal lines are redrawn ten times a second at most; elsewhere each is printed once. */
#include "cli/demo.h"
#include "lab/picture/ladder.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define REDRAW LA_MSEC(100)
#define BAR 24

static const char *ink(const struct demo *d, const char *code)
{
    return d->colour ? code : "";
}
#define BOLD "\033[1m"
#define GREEN "\033[32m"
#define RED "\033[31m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static void say_in(struct demo *d, const char *before, const char *code, const char *fmt,
                   va_list ap)
{
    fprintf(d->say, "%s%s", before, ink(d, code));
    vfprintf(d->say, fmt, ap);
    fprintf(d->say, "%s\n", ink(d, PLAIN));
    fflush(d->say);
}

void demo_part(struct demo *d, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_in(d, "\n", BOLD, fmt, ap);
    va_end(ap);
}

void demo_say(struct demo *d, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_in(d, "  ", "", fmt, ap);
    va_end(ap);
}

static void show_check(const struct demo *d, const struct demo_check *c)
{
    fprintf(d->say, "  %s%s%s  %s%s%s\n", ink(d, c->held ? GREEN : RED), c->held ? "ok  " : "FAIL",
            ink(d, PLAIN), c->what, c->detail[0] ? ": " : "", c->detail);
    fflush(d->say);
}

void demo_check(struct demo *d, bool held, const char *what, const char *fmt, ...)
{
    struct demo_check *c = &d->check[d->nchecks];
    va_list ap;

    if (d->nchecks == DEMO_CHECKS)
        return;
    d->nchecks++;
    c->held = held;
    snprintf(c->what, sizeof c->what, "%s", what);
    va_start(ap, fmt);
    vsnprintf(c->detail, sizeof c->detail, fmt, ap);
    va_end(ap);
    show_check(d, c);
}

/* ---- progress ---- */

static void draw(struct demo *d, la_ns now)
{
    const struct demo_progress *p = &d->progress;
    double part = p->total ? (double)p->done / (double)p->total : 1;
    double mib = (double)p->done / 1048576, secs = (double)(now - p->began) / 1e9;
    int full = (int)(part * BAR);
    char bar[BAR + 1];

    for (int i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(d->say, "%s  %-28s [%s] %3.0f %%  %6.1f of %.1f MiB  %6.1f MiB/s%s",
            d->terminal ? "\r" : "", p->what, bar, part * 100, mib, (double)p->total / 1048576,
            secs > 0 ? mib / secs : 0, d->terminal ? "" : "\n");
    fflush(d->say);
}

void progress_begin(struct demo *d, const char *what, uint64_t total)
{
    d->progress = (struct demo_progress){
        .what = what, .total = total, .began = la_host_now(), .active = true};
}

void progress_add(struct demo *d, uint64_t bytes)
{
    struct demo_progress *p = &d->progress;
    la_ns now = la_host_now();

    if (!p->active)
        return;
    p->done += bytes;
    unsigned quarter = p->total ? (unsigned)(p->done * 4 / p->total) : 4;
    bool due = d->terminal ? now - p->shown >= REDRAW : quarter > p->quarter && quarter < 4;
    if (!due)
        return;
    p->shown = now;
    p->quarter = quarter;
    draw(d, now);
}

void progress_end(struct demo *d)
{
    if (!d->progress.active)
        return;
    if (d->progress.done > 0) {
        draw(d, la_host_now());
        if (d->terminal)
            fputc('\n', d->say);
    }
    d->progress.active = false;
}

/* ---- the ladder ---- */

static FILE *out_file(struct demo *d, const char *name)
{
    char path[DEMO_PATH];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", d->out, name);
    f = fopen(path, "w");
    if (!f)
        demo_check(d, false, name, "cannot be written in %s: %s; choose another with --out DIR",
                   d->out, strerror(errno));
    return f;
}

static void check_close(struct demo *d, const struct ladder *l)
{
    struct ladder_close c;

    ladder_closing(l, &c);
    demo_check(d, c.marks == (FLOW_FIN_1 | FLOW_ACK_2 | FLOW_FIN_3 | FLOW_ACK_4),
               "four segments close the connection", "%s%s%s%s",
               c.marks & FLOW_FIN_1 ? "FIN u, " : "no first FIN, ",
               c.marks & FLOW_ACK_2 ? "ACK u+1, " : "no ACK of it, ",
               c.marks & FLOW_FIN_3 ? "FIN w, " : "no second FIN, ",
               c.marks & FLOW_ACK_4 ? "ACK w+1" : "no last ACK");
    demo_check(d, c.ack_u == c.u + 1 && c.ack_w == c.w + 1, "each FIN took one sequence number",
               "u = %u, acknowledged with %u; w = %u, acknowledged with %u", c.u, c.ack_u, c.w,
               c.ack_w);
}

void demo_ladder(struct demo *d)
{
    struct ladder_config cfg = {
        .left = {.name = "lastack", .log = &d->log},
        .right = {.name = d->kernel ? "kernel" : "lastack too",
                  .log = d->kernel ? NULL : &d->peer_log},
        .title = d->kernel ? "lastack and the Linux kernel" : "Two lastacks",
    };
    struct ladder_style style;
    struct ladder *l;

    for (size_t i = 0; i < d->log.n; i++)
        if (d->log.ev[i].has_conn && d->log.ev[i].local.port == DEMO_GOODBYE_PORT &&
            d->log.ev[i].remote.port) {
            cfg.left.endpoint = d->log.ev[i].local;
            cfg.right.endpoint = d->log.ev[i].remote;
        }
    l = ladder_new(&cfg);
    if (!l || ladder_rows(l) == 0) {
        ladder_free(l);
        demo_check(d, false, "the ladder", "no segment of the connection was seen");
        return;
    }
    style = ladder_style_for(d->say);
    fputc('\n', d->say);
    ladder_text(l, d->say, &style);
    fputc('\n', d->say);
    check_close(d, l);
    FILE *svg = out_file(d, "demo.svg");
    if (svg) {
        ladder_svg(l, svg);
        fclose(svg);
    }
    ladder_free(l);
}

/* ---- TIME-WAIT ---- */

static bool find_time_wait(const struct demo *d, uint32_t serial, la_ns *until)
{
    struct la_status st;
    uint64_t cursor = 0;

    while (la_status_next(d->stack, &cursor, &st)) {
        if (st.state != LA_TIME_WAIT || st.serial != serial)
            continue;
        *until = st.timer_at;
        return true;
    }
    return false;
}

void demo_countdown(struct demo *d, uint32_t serial)
{
    char wait[32];
    struct la_record r;
    la_ns until = 0;

    cli_duration_text(2 * d->msl, wait);
    demo_say(d, "2MSL is %s here, because --msl shortens it; without it, 60 s.", wait);
    if (!d->terminal && find_time_wait(d, serial, &until))
        demo_say(d, "TIME-WAIT ...");
    while (!cli_stopped() && find_time_wait(d, serial, &until)) {
        la_ns now = la_host_now(), left = until > now ? until - now : 0;

        if (d->terminal) {
            fprintf(d->say, "\r  TIME-WAIT %s%5.1f s left%s ", ink(d, BOLD), (double)left / 1e9,
                    ink(d, PLAIN));
            fflush(d->say);
        }
        d->run(d, NULL, NULL, now + (left < REDRAW ? left + LA_MSEC(1) : REDRAW));
    }
    if (d->terminal)
        fprintf(d->say, "\r%40s\r", "");
    if (!la_record_get(d->stack, serial, &r))
        return;
    la_ns spent = r.in_state[LA_TIME_WAIT];
    demo_check(d, r.state == LA_CLOSED && spent >= 2 * d->msl, "TIME-WAIT lasted 2MSL, then CLOSED",
               "%.3f s", (double)spent / 1e9);
}

/* ---- the close records ---- */

static void show_record(struct demo *d, const struct la_record *r)
{
    char line[512];
    int n = 0;

    demo_say(d, "%s", la_record_explain(r, line, sizeof line));
    for (int s = 0; s < LA_STATES; s++)
        if (r->in_state[s] && n >= 0 && (size_t)n < sizeof line)
            n += snprintf(line + n, sizeof line - (size_t)n, "%s%s %.3f ms", n ? ", " : "",
                          la_state_name((enum la_state)s), (double)r->in_state[s] / 1e6);
    demo_say(d, "%sin %s%s", ink(d, DIM), line, ink(d, PLAIN));
    demo_say(d, "%ssent %llu and received %llu bytes; %llu not acknowledged, %llu not read%s",
             ink(d, DIM), (unsigned long long)r->bytes_sent, (unsigned long long)r->bytes_received,
             (unsigned long long)r->bytes_unacked, (unsigned long long)r->bytes_unread,
             ink(d, PLAIN));
}

void demo_records(struct demo *d, uint32_t serial, const char *peer)
{
    struct la_record r;

    if (!la_record_get(d->stack, serial, &r)) {
        demo_check(d, false, "the close record", "there is none");
        return;
    }
    demo_say(d, "%slastack:%s", ink(d, BOLD), ink(d, PLAIN));
    show_record(d, &r);
    demo_check(d, r.first_fin == LA_SIDE_LOCAL && r.error == LA_OK && r.rst_by == LA_SIDE_NONE,
               "the record says who closed first", "%s, %s", cli_side(r.first_fin),
               la_cause_text(r.cause));
    demo_say(d, "%s%s:%s", ink(d, BOLD), d->kernel ? "the kernel's program" : "the other lastack",
             ink(d, PLAIN));
    demo_say(d, "%s", peer);
}

/* ---- the end ---- */

static bool print_json(const struct demo *d, bool held)
{
    cJSON *o = cJSON_CreateObject(), *checks = cJSON_AddArrayToObject(o, "checks");
    char *text;

    cJSON_AddBoolToObject(o, "ok", held);
    cJSON_AddStringToObject(o, "wire", d->kernel ? "kernel" : "memory");
    cJSON_AddStringToObject(o, "wire_is", d->wire_is);
    for (int i = 0; i < d->nchecks; i++) {
        cJSON *c = cJSON_CreateObject();

        cJSON_AddStringToObject(c, "what", d->check[i].what);
        cJSON_AddBoolToObject(c, "ok", d->check[i].held);
        cJSON_AddStringToObject(c, "detail", d->check[i].detail);
        cJSON_AddItemToArray(checks, c);
    }
    text = cJSON_Print(o);
    if (text)
        puts(text);
    free(text);
    cJSON_Delete(o);
    return text && fflush(stdout) == 0;
}

int demo_summary(struct demo *d)
{
    int held = 0;

    for (int i = 0; i < d->nchecks; i++)
        held += d->check[i].held;
    bool all = held == d->nchecks && held > 0 && !cli_stopped();
    demo_part(d, "%d of %d checks held%s", held, d->nchecks,
              cli_stopped() ? "; stopped before the end" : "");
    for (int i = 0; i < d->nchecks; i++)
        if (!d->check[i].held)
            show_check(d, &d->check[i]);
    if (all)
        demo_say(d,
                 "For later: %s/demo.pcapng (wireshark shows the stack's own words as packet "
                 "comments), %s/demo.svg",
                 d->out, d->out);
    if (d->json && !print_json(d, all))
        return CLI_FAILED;
    return cli_stopped() ? CLI_INTERRUPTED : all ? CLI_OK : CLI_FAILED;
}
