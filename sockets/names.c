/* names.c: addresses of sockets, and who may bind to which. */
#include "sockets/private.h"
#include <netinet/in.h>
#include <string.h>

int so_from_sockaddr(const struct sock *k, const struct sockaddr *a, socklen_t n,
                     struct la_endpoint *out)
{
    if (!a || n < (socklen_t)sizeof a->sa_family)
        return -EINVAL;
    *out = (struct la_endpoint){.ifx = -1};
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        if (n < (socklen_t)sizeof in)
            return -EINVAL;
        if (k->domain != AF_INET)
            return -EAFNOSUPPORT;
        memcpy(&in, a, sizeof in);
        memset(out->addr.b + 10, 0xff, 2);
        memcpy(out->addr.b + 12, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        return 0;
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        if (n < (socklen_t)sizeof in - 4) /* without sin6_scope_id, as RFC 2133 had it */
            return -EINVAL;
        if (k->domain != AF_INET6)
            return -EAFNOSUPPORT;
        memset(&in, 0, sizeof in);
        memcpy(&in, a, n < (socklen_t)sizeof in ? n : sizeof in);
        memcpy(out->addr.b, &in.sin6_addr, 16);
        out->port = ntohs(in.sin6_port);
        if (in.sin6_scope_id) /* interface indices begin with 1, the stack's with 0 */
            out->ifx = (int16_t)(in.sin6_scope_id - 1);
        if (la_addr_is_v4(&out->addr) && k->opt.value[OPT_V6ONLY])
            return -ENETUNREACH;
        return 0;
    }
    return -EAFNOSUPPORT;
}

void so_to_sockaddr(int domain, const struct la_endpoint *e, struct sockaddr *a, socklen_t *n)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    const void *from;
    socklen_t size;
    if (!n)
        return;
    if (domain == AF_INET) {
        memset(&in4, 0, sizeof in4);
        in4.sin_family = AF_INET;
        in4.sin_port = htons(e->port);
        memcpy(&in4.sin_addr, e->addr.b + 12, 4);
        from = &in4;
        size = sizeof in4;
    } else {
        memset(&in6, 0, sizeof in6);
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(e->port);
        memcpy(&in6.sin6_addr, e->addr.b, 16);
        if (e->ifx >= 0 && e->addr.b[0] == 0xfe && (e->addr.b[1] & 0xc0) == 0x80)
            in6.sin6_scope_id = (uint32_t)e->ifx + 1;
        from = &in6;
        size = sizeof in6;
    }
    if (a)
        memcpy(a, from, *n < size ? *n : size);
    *n = size;
}

/* ---- who may have a port ---- */

static bool addr_v6_any(const struct la_addr *a)
{
    return la_addr_is_any(a) && !la_addr_is_v4(a);
}

/* Could a segment be for both? */
static bool overlap(const struct la_addr *a, const struct la_addr *b)
{
    if (addr_v6_any(a) || addr_v6_any(b) || la_addr_eq(a, b))
        return true;
    return la_addr_is_v4(a) == la_addr_is_v4(b) && (la_addr_is_any(a) || la_addr_is_any(b));
}

/* Both may share where both say so, and neither listens. */
static bool may_share(const struct sock *k, const struct sock *other)
{
    if (k->opt.value[OPT_REUSEPORT] && other->opt.value[OPT_REUSEPORT])
        return true;
    return k->opt.value[OPT_REUSEADDR] && other->opt.value[OPT_REUSEADDR] &&
           other->phase != SO_LISTENING && k->phase != SO_LISTENING;
}

/* The local end as the core has it, or as bind said. */
static bool local_of(const struct sockets *so, const struct sock *k, struct la_endpoint *e)
{
    struct la_status st;
    if (so_status(so, k, &st)) {
        *e = st.local;
        return true;
    }
    *e = k->local;
    return k->bound;
}

/* Connections whose descriptor is closed, and TIME-WAIT, keep the port too, from those who do not
 * say SO_REUSEADDR. */
static bool orphan_has(const struct sockets *so, const struct la_endpoint *e)
{
    struct la_status st;
    uint64_t cursor = 0;
    while (la_status_next(so->stack, &cursor, &st))
        if (!st.user && st.state != LA_LISTEN && st.local.port == e->port &&
            overlap(&st.local.addr, &e->addr))
            return true;
    return false;
}

int so_bind_conflict(struct sockets *so, const struct sock *k, const struct la_endpoint *e)
{
    struct la_endpoint theirs;
    for (int fd = 0; fd < so->nfiles; fd++) {
        const struct sock *o = so_sock(so, fd);
        if (!o || o == k || !local_of(so, o, &theirs) || theirs.port != e->port)
            continue;
        if (overlap(&theirs.addr, &e->addr) && !may_share(k, o))
            return -EADDRINUSE;
    }
    bool reuse = k->opt.value[OPT_REUSEADDR] || k->opt.value[OPT_REUSEPORT];
    return !reuse && orphan_has(so, e) ? -EADDRINUSE : 0;
}

int so_choose_port(struct sockets *so, const struct sock *k, struct la_endpoint *e)
{
    uint32_t n = (uint32_t)(so->cfg.port_hi - so->cfg.port_lo) + 1;
    so->random = so->random * 6364136223846793005U + 1442695040888963407U;
    uint32_t at = (uint32_t)(so->random >> 33) % n;
    for (uint32_t i = 0; i < n; i++) {
        e->port = (uint16_t)(so->cfg.port_lo + (at + i) % n);
        if (so_bind_conflict(so, k, e) == 0)
            return 0;
    }
    return -EADDRINUSE;
}

int so_getsockname(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len)
{
    struct sock *k = so_sock(so, fd);
    struct la_endpoint e = {.ifx = -1};
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    (void)local_of(so, k, &e);
    if (la_addr_is_any(&e.addr))
        e.addr = k->domain == AF_INET ? la_addr_v4(0, 0, 0, 0) : LA_ADDR_ANY;
    so_to_sockaddr(k->domain, &e, addr, len);
    return 0;
}

int so_getpeername(struct sockets *so, int fd, struct sockaddr *addr, socklen_t *len)
{
    struct sock *k = so_sock(so, fd);
    struct la_status st;
    if (!k)
        return so_is(so, fd) ? -ENOTSOCK : -EBADF;
    if (!so_status(so, k, &st) || k->phase == SO_LISTENING || k->phase == SO_CONNECTING ||
        st.state == LA_CLOSED)
        return -ENOTCONN;
    so_to_sockaddr(k->domain, &st.remote, addr, len);
    return 0;
}
