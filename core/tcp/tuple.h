/* tuple.h: the socket pair that is a connection (RFC 9293 §3.3.1, experiment 15). */
#ifndef LA_TCP_TUPLE_H
#define LA_TCP_TUPLE_H

#include "base/siphash.h"
#include "wire/ip.h"
#include <lastack/types.h>
#include <string.h>

struct tuple {
    struct la_addr local, remote;
    uint16_t lport, rport; /* host order */
};

static inline bool tuple_eq(const struct tuple *a, const struct tuple *b)
{
    return a->rport == b->rport && a->lport == b->lport && ip_eq(&a->remote, &b->remote) &&
           ip_eq(&a->local, &b->local);
}

/* Keyed, so that nobody outside can aim at one bucket.  IPv4 hashes 12 bytes, IPv6 36. */
static inline uint32_t tuple_hash(const struct sipkey *k, const struct tuple *t)
{
    if (ip_is_v4(&t->remote)) {
        struct {
            uint8_t a[8];
            uint16_t p[2];
        } v4;
        memcpy(v4.a, t->local.b + 12, 4);
        memcpy(v4.a + 4, t->remote.b + 12, 4);
        v4.p[0] = t->lport;
        v4.p[1] = t->rport;
        return (uint32_t)siphash13(k, &v4, sizeof v4);
    }
    return (uint32_t)siphash13(k, t, sizeof *t);
}

#endif
