/* port.c: a local port that a stranger cannot guess (RFC 6056).
 *
 * Where the search starts is a hash of the addresses and the remote port plus a counter (algorithms
 * 3 and 4): to one remote the ports come in turn, so that each rests as long as possible, and no
 * remote learns where another's stand.  The counter advances by random steps of 1 to 8 (algorithm
 * 5), so that it does not tell how many connections others got.  Where that port is taken the
 * search goes on by a random stride that meets each port once: runs of taken ports cost nothing
 * then, and with a share f of the range free it takes 1/f looks on average. */
#include "tcp/isn.h"
#include "tcp/tcp.h"

/* A pair in TIME-WAIT may be reused after the slowest tick that a peer's timestamp clock can have
 * (RFC 7323 §5.4: 1 ms to 1 s). */
#define REUSE_AFTER_NS LA_SEC(1)
/* Looks for a pair that nobody has, before one in TIME-WAIT will do. */
#define LOOKS_FOR_FREE 16U

enum pair_use pair_usable(const struct tcp *tcp, const struct tuple *id, uint32_t hash, la_ns now)
{
    ref r = conntab_find(tcp, id, hash);
    struct tw_entry e;

    if (r == REF_NONE)
        return PAIR_FREE;
    if (ref_kind(r) != REF_TW4 && ref_kind(r) != REF_TW6)
        return PAIR_TAKEN;
    timewait_get(tcp, r, &e);
    if (!e.has_ts || timewait_deadline_of(tcp, r, now) + REUSE_AFTER_NS > now + tcp->tw.wait)
        return PAIR_TAKEN;
    return PAIR_REUSE;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* A stride in [1, n] from which n steps modulo n meet everything. */
static uint32_t stride_of(uint32_t random, uint32_t n)
{
    uint32_t stride = 1 + random % n;
    while (gcd(stride, n) != 1)
        stride = stride % n + 1; /* 1 comes at the latest after n */
    return stride;
}

/* RFC 6056's F: where the ports to this remote begin. */
static uint32_t offset_of(const struct tcp *tcp, const struct tuple *id)
{
    struct tuple half = *id;
    half.lport = 0;
    return (uint32_t)siphash24(&tcp->key_port, &half, sizeof half);
}

/* A connection to itself: nobody means that by "any port". */
static bool is_self(const struct tuple *id)
{
    return id->lport == id->rport && memcmp(&id->local, &id->remote, sizeof id->local) == 0;
}

enum pair_use port_choose(struct tcp *tcp, struct tuple *id, uint32_t *hash, la_ns now)
{
    uint16_t lo = tcp->cfg->port_lo, hi = tcp->cfg->port_hi;
    uint32_t n = hi >= lo ? (uint32_t)hi - lo + 1 : 1;
    uint64_t random = sip_next(&tcp->key_port, &tcp->sip_counter);
    uint32_t at = (offset_of(tcp, id) + tcp->rng_port) % n;
    uint32_t stride = stride_of((uint32_t)random, n);
    uint16_t reuse = 0;

    tcp->rng_port += 1 + (uint32_t)(random >> 61);
    for (uint32_t look = 0; look < n && !(reuse && look >= LOOKS_FOR_FREE); look++) {
        id->lport = (uint16_t)(lo + at);
        at = (at + stride) % n;
        if (id->lport == 0 || is_self(id) || listener_find(tcp, &id->local, id->lport, -1))
            continue;
        *hash = tuple_hash(&tcp->tab.key, id);
        switch (pair_usable(tcp, id, *hash, now)) {
        case PAIR_FREE:
            return PAIR_FREE;
        case PAIR_REUSE:
            if (!reuse)
                reuse = id->lport;
            break;
        case PAIR_TAKEN:
            break;
        }
    }
    id->lport = reuse;
    if (!reuse)
        return PAIR_TAKEN;
    *hash = tuple_hash(&tcp->tab.key, id);
    return PAIR_REUSE;
}
