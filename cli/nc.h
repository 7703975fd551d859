/* nc.h: what the two files of lastack nc share: nc.c opens and ends, nc_carry.c carries. */
#ifndef LA_CLI_NC_H
#define LA_CLI_NC_H

#include "cli/cli.h"

#define NC_BUF 131072U

struct nc_options {
    struct common common;
    bool listen, only4, only6, stay;
    uint32_t source_port;
    la_ns timeout;
};

struct nc {
    struct la_host *host;
    struct la_stack *stack;
    struct la_loop *loop;
    bool verbose, stay;

    la_conn listener, conn;
    bool listening;
    bool open;       /* conn is a handle of ours, or was */
    bool carrying;   /* it is connected: standard input is watched */
    bool over;       /* nothing more can be sent: closed, reset, timed out */
    bool given_back; /* la_close or la_abort was called */

    bool in_eof, in_shut; /* standard input ended; our FIN is asked for */
    bool in_watched, out_watched;
    bool out_done;                   /* everything that came was written, and no more comes */
    int input_failed, output_failed; /* errno, or 0 */

    uint32_t record_cursor;
    bool have_record;
    struct la_record record;

    uint32_t at, n; /* of buf: given to the stack, read */
    uint8_t buf[NC_BUF];
};

/* For la_loop_on_event and la_loop_run; ctx is a struct nc. */
void nc_event(void *ctx, const struct la_event *ev);
bool nc_done(void *ctx);

#endif
