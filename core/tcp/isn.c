/* isn.c: initial sequence numbers (RFC 6528 §3) and timestamp offsets (RFC 7323 §5.4, RFC 6191 §2).
 * Both are sums of a clock and a keyed hash: each pair sees the clock, nobody else can tell where
 * it stands. */
#include "tcp/isn.h"
#include "tcp/tcp.h"

_Static_assert(sizeof(struct tuple) == 36, "a tuple is hashed as its bytes");

seqno isn_choose(const struct tcp *tcp, const struct tuple *id, la_ns now)
{
    if (tcp->cfg->lab.fixed_isn)
        return seq(tcp->cfg->lab.isn);
    uint32_t m = (uint32_t)(now / 4000);
    return seq(m + (uint32_t)siphash24(&tcp->key_isn, id, sizeof *id));
}

uint32_t ts_offset(const struct tcp *tcp, const struct tuple *id)
{
    struct la_addr pair[2] = {id->local, id->remote};
    return (uint32_t)siphash24(&tcp->key_ts, pair, sizeof pair);
}

uint32_t ts_now(const struct tcp *tcp, const struct tuple *id, la_ns now)
{
    return ts_clock(now) + ts_offset(tcp, id);
}
