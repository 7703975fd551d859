/* control.h: the socket on which a running stack tells about itself.
 *
 * Each stack listens on DIR/PID.sock, a Unix stream socket with mode 0600; DIR is $LASTACK_RUN_DIR,
 * or /run/lastack for root, else $XDG_RUNTIME_DIR/lastack, else /tmp/lastack-UID, with mode 0700.
 * A client sends one line, a word of control_words; the answer is JSON, one object a line, made as
 * fast as the client reads it, and ends with {"end":N}, N being how many went before. */
#ifndef LA_CLI_CONTROL_H
#define LA_CLI_CONTROL_H

#include <cjson/cJSON.h>
#include <lastack/host.h>

struct control;

/* Opens the socket and watches it on the loop.  `program` is told to clients ("nc"). LA_EOPNOTSUPP:
 * no directory for it, or no socket. */
int control_open(struct la_loop *l, struct la_stack *s, const char *program, struct control **out,
                 struct la_host_error *err);

/* Removes the socket.  Before la_loop_free.  NULL is fine. */
void control_close(struct control *c);

const char *control_path(const struct control *c);

/* ---- where the sockets are ---- */

#define CONTROL_PATH_MAX 108 /* sun_path */
#define CONTROL_DIR_MAX 80   /* leaves room for the name */
#define CONTROL_DIRS 3

/* The directories to look in, best first; returns how many. */
int control_dirs(char dirs[CONTROL_DIRS][CONTROL_DIR_MAX]);

/* A directory of ours in which nobody else can make a file: else a stranger could put his socket
 * there, for our stack or for who asks it. */
bool control_dir_ok(const char *dir);

/* ---- control_json.c: the objects; NULL when memory is out ---- */

cJSON *json_status(const struct la_status *t, la_ns now);
cJSON *json_record(const struct la_record *r, la_ns now);
cJSON *json_usage(const struct la_usage *u);
cJSON *json_rule(const struct la_stack *s, unsigned rule);

#endif
