/* listener.c: who listens where (RFC 9293 §3.9.1.1, passive OPEN).
 * Invariant: an open listener is in the chain of its port's bucket, a closed one in none; no two
 * open ones overlap: no segment could belong to both, so the first that matches is the one. */
#include "tcp/listener.h"
#include "tcp/tcp.h"

static uint32_t *chain_of(struct tcp *tcp, uint16_t port)
{
    return &tcp->ports[port % LISTENER_BUCKETS];
}

/* What a listener's address stands for. */
enum scope { SCOPE_ONE, SCOPE_V4, SCOPE_ALL };

static enum scope scope_of(const struct la_addr *a)
{
    uint8_t rest = 0;
    for (unsigned i = 0; i < 16; i++)
        if (i != 10 && i != 11)
            rest |= a->b[i];
    if (rest)
        return SCOPE_ONE;
    if (ip_is_v4(a))
        return SCOPE_V4;
    return a->b[10] == 0 && a->b[11] == 0 ? SCOPE_ALL : SCOPE_ONE;
}

/* Does something sent to an address that `a` stands for reach one that `b` stands for too? */
static bool overlap(const struct la_addr *a, const struct la_addr *b)
{
    enum scope sa = scope_of(a), sb = scope_of(b);
    if (sa == SCOPE_ALL || sb == SCOPE_ALL)
        return true;
    if (sa == SCOPE_V4 || sb == SCOPE_V4)
        return ip_is_v4(a) && ip_is_v4(b);
    return memcmp(a, b, sizeof *a) == 0;
}

static bool same_link(int16_t a, int16_t b)
{
    return a < 0 || b < 0 || a == b;
}

static bool matches(const struct listener *l, const struct la_addr *addr, uint16_t port,
                    int16_t ifx)
{
    return l->open && l->port == port && same_link(l->ifx, ifx) && overlap(&l->addr, addr);
}

uint32_t listener_find(const struct tcp *tcp, const struct la_addr *local, uint16_t port,
                       int16_t ifx)
{
    uint32_t i = tcp->ports[port % LISTENER_BUCKETS];
    while (i && !matches(listener_at(tcp, i), local, port, ifx))
        i = listener_at(tcp, i)->port_next;
    return i;
}

int listener_add(struct tcp *tcp, const struct la_addr *addr, uint16_t port, int16_t ifx,
                 uint32_t *index)
{
    uint32_t *chain = chain_of(tcp, port);
    struct listener *l;
    uint32_t generation;

    if (listener_find(tcp, addr, port, ifx))
        return LA_EADDRINUSE;
    l = pool_get(&tcp->listeners, index);
    if (!l)
        return LA_ENOMEM;
    generation = l->generation;
    *l = (struct listener){.self = *index,
                           .generation = generation ? generation : 1,
                           .port_next = *chain,
                           .addr = *addr,
                           .port = port,
                           .ifx = ifx,
                           .ev.listener = true,
                           .open = true};
    *chain = *index;
    return LA_OK;
}

void listener_remove(struct tcp *tcp, uint32_t index)
{
    struct listener *l = listener_at(tcp, index);
    uint32_t *at = chain_of(tcp, l->port);

    while (*at != index)
        at = &listener_at(tcp, *at)->port_next;
    *at = l->port_next;
    l->open = false;
    if (++l->generation == 0)
        l->generation = 1;
    pool_put(&tcp->listeners, index);
}
