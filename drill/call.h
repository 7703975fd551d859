/* call.h: arguments of calls between a script and the socket layer. */
#ifndef LA_DRILL_CALL_H
#define LA_DRILL_CALL_H

#include "drill/private.h"
#include "drill/symbols.h"
#include <errno.h>
#include <sys/socket.h>

#define POLLS_MAX 64
#define VECTOR_MAX 64

const struct expr *call_arg(const struct call *c, unsigned n);
int call_int(const struct call *c, unsigned n);

/* The live descriptor of a script's; one that is not open is a number that no layer gives. */
int live_fd(const struct run *r, int64_t script);
int call_fd(const struct run *r, const struct call *c);          /* the first argument's */
struct run_file *call_file(struct run *r, const struct call *c); /* or NULL */

/* Something that the call gave besides its result is not what the script says. */
__attribute__((format(printf, 2, 3))) void call_differs(struct run *r, const char *fmt, ...);

/* ---- addresses ---- */

struct address {
    struct sockaddr_storage storage;
    const struct sockaddr *sa;
    socklen_t len;
    uint16_t port;
};

/* `...`: our own address for bind, the peer's for connect; NULL is NULL. */
void address_of(const struct run *r, const struct expr *e, const struct expr *len, bool local,
                struct address *out);
void address_compare(struct run *r, const struct expr *want, const struct sockaddr_storage *got);
void length_compare(struct run *r, const struct expr *want, socklen_t got);

/* ---- buffers: freed by what takes the result ---- */

struct buffer {
    uint8_t *p;
    size_t n;
    const struct expr *want; /* a string that is read or written, or NULL */
};

/* Of the call's second argument; its size is argument `n`.  0, or what the call returns instead. */
int buffer_for_reading(struct run *r, const struct call *c, unsigned n, struct buffer *b);
int buffer_for_writing(struct run *r, const struct call *c, unsigned n, struct buffer *b);
int64_t buffer_read(struct run *r, const struct call *c, struct buffer *b, int64_t rc);
int64_t buffer_written(struct run *r, const struct call *c, struct buffer *b, int64_t rc);

struct vector {
    struct iovec iov[VECTOR_MAX];
    const struct expr *want[VECTOR_MAX];
    unsigned n;
    uint8_t *bytes;
};

bool vector_of(struct run *r, const struct call *c, const struct expr *list, bool writing,
               struct vector *v);
int64_t vector_read(struct run *r, const struct call *c, struct vector *v, int64_t rc);
int64_t vector_written(struct run *r, const struct call *c, struct vector *v, int64_t rc);

/* ---- options, events ---- */

struct option_value {
    socklen_t n;
    uint8_t bytes[512];
};

void option_of(const struct expr *e, struct option_value *out);
void option_compare(struct run *r, const struct expr *want, const struct option_value *got);
struct epoll_event event_of(const struct expr *e);
void event_compare(struct run *r, const struct expr *want, const struct epoll_event *got);

#endif
