/* fuzz_program.h: a program on the socket layer under test, and the arguments of its calls. */
#ifndef FUZZ_FUZZ_PROGRAM_H
#define FUZZ_FUZZ_PROGRAM_H

#include "fuzz/fuzz_net.h"
#include "sockets/sockets.h"

#include <netinet/in.h>

#define FIRST_FD 3
#define FDS 16     /* numbers below this are given */
#define WATCHED 1U /* in `watch`: so that it is not 0 */

struct program {
    struct fuzz_net net;
    struct sockets *so;
    struct input *in;
    unsigned depth;
    bool tight; /* memory is scarce: a send may fail for want of it */
    bool open[FDS];
    uint64_t watch[FDS][FDS]; /* by epoll and socket: what was asked for << 1 | WATCHED */
};

/* Mostly one that is open. */
static inline int some_fd(struct program *p)
{
    uint8_t how = in_u8(p->in);
    unsigned n = 0;
    for (int fd = FIRST_FD; fd < FDS; fd++)
        n += p->open[fd];
    if (how >= 240 || !n)
        return (how & (FDS - 1)) - 1;
    for (int fd = FIRST_FD, k = how % (int)n;; fd++)
        if (p->open[fd] && k-- == 0)
            return fd;
}

static inline size_t some_size(struct program *p)
{
    uint8_t how = in_u8(p->in);
    return how < 64 ? how : (size_t)in_u8(p->in) << (how & 7);
}

/* In memory of its own size, so that a byte past it is seen; the caller frees. */
static inline void *some_bytes(size_t n)
{
    void *m = malloc(n ? n : 1);
    CHECK(m);
    memset(m, 'f', n);
    return m;
}

static inline struct sockaddr *some_addr(struct program *p, socklen_t *len)
{
    uint8_t how = in_u8(p->in), end = in_u8(p->in);
    const struct la_addr *from = end & 1 ? p->net.us : p->net.peer;
    static const uint16_t ports[] = {PORT, PORT + 1, 0, 2000, 2001, 2002, 2003, 40000};
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(ports[end >> 2 & 7])};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in4.sin_port};
    uint8_t bytes[sizeof in6 + 4] = {0};
    if (!(end & 2)) {
        memcpy(&in4.sin_addr, from[0].b + 12, 4);
        memcpy(&in6.sin6_addr, from[how >> 2 & 1].b, 16);
    }
    if (how & 8)
        in6.sin6_scope_id = in_u8(p->in);
    *len = how & 1 ? sizeof in6 : sizeof in4;
    memcpy(bytes, how & 1 ? (const void *)&in6 : (const void *)&in4, *len);
    if (how >= 240)
        bytes[0] = in_u8(p->in);
    if (how >= 224)
        *len = in_u8(p->in) % sizeof bytes;
    struct sockaddr *a = some_bytes(*len);
    memcpy(a, bytes, *len);
    return a;
}

static inline int some_flags(struct program *p)
{
    static const int flags[] = {MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL,  MSG_TRUNC,
                                MSG_OOB,      MSG_MORE, MSG_NOSIGNAL, MSG_ERRQUEUE};
    uint8_t bits = in_u8(p->in);
    int f = 0;
    for (int i = 0; i < 8; i++)
        f |= bits >> i & 1 ? flags[i] : 0;
    return f;
}

#define PIECES 3U

static inline unsigned some_pieces(struct program *p, struct iovec *v)
{
    unsigned n = in_below(p->in, PIECES + 1);
    for (unsigned i = 0; i < n; i++) {
        v[i].iov_len = some_size(p);
        v[i].iov_base = some_bytes(v[i].iov_len);
    }
    return n;
}

static inline void free_pieces(struct iovec *v, unsigned n)
{
    while (n--)
        free(v[n].iov_base);
}

#endif
