/* syncookie.c: the state of a half-open connection, kept by the peer (RFC 4987 §3.6).
 *
 *      31     27 26   24 23                     0
 *     +---------+-------+------------------------+
 *     | minute  | class | keyed hash of all      |
 *     +---------+-------+------------------------+
 *
 * The upper eight bits are masked by a hash of the pair, so that who does not see our SYN,ACKs has
 * to guess 28 bits and not 24.  With timestamps the low bits of our TSval, which comes back in
 * TSecr, hold the window scale and SACK; they are the peer's own properties, so forging them gains
 * nothing.
 *
 * A cookie is good in the minute in which it was made and in the next. */
#include "tcp/syncookie.h"
#include "tcp/tcp.h"

#define MINUTE_NS LA_SEC(60)
#define CLASSES 8U
#define MAC_BITS 24
#define MAC_MASK 0xffffffU

/* TSval's low bits: SACK, then the window scale. */
#define TS_BITS 5
#define TS_MASK 31U
#define TS_SACK 16U
#define TS_NO_WSCALE 15U

/* Of the classes the largest that does not exceed the peer's MSS is taken: the defaults without an
 * option, the usual Ethernet, tunnel and jumbo sizes, and a smallest one for whatever else comes.
 */
static const uint16_t mss_v4[CLASSES] = {64, 536, 1220, 1300, 1400, 1440, 1460, 8960};
static const uint16_t mss_v6[CLASSES] = {64, 1220, 1300, 1360, 1400, 1420, 1440, 8940};

static uint16_t mss_of(const struct tuple *id, uint32_t class)
{
    return ip_is_v4(&id->remote) ? mss_v4[class] : mss_v6[class];
}

static uint32_t class_of(const struct tuple *id, const struct tcp_opts *syn)
{
    uint16_t mss = ip_is_v4(&id->remote) ? 536 : 1220; /* MUST-15 */
    uint32_t class = CLASSES - 1;
    if (syn->has_mss)
        mss = syn->mss;
    while (class > 0 && mss_of(id, class) > mss)
        class --;
    return class;
}

/* What the hash covers; without padding. */
struct covered {
    struct tuple id;
    uint32_t irs;
    uint64_t minute;
    uint32_t class, has_ts;
};
_Static_assert(sizeof(struct covered) == 56, "hashed as its bytes");

static uint32_t mac_of(const struct tcp *tcp, const struct covered *c)
{
    return (uint32_t)siphash24(&tcp->key_cookie, c, sizeof *c) & MAC_MASK;
}

static uint32_t mask_of(const struct tcp *tcp, const struct covered *c)
{
    return (uint32_t)siphash24(&tcp->key_cookie, c, offsetof(struct covered, minute)) << MAC_BITS;
}

static uint32_t cookie_of(const struct tcp *tcp, const struct covered *c)
{
    uint32_t top = (uint32_t)(c->minute % 32 * CLASSES + c->class) << MAC_BITS;
    return (top ^ mask_of(tcp, c)) | mac_of(tcp, c);
}

seqno syncookie_make(const struct tcp *tcp, const struct tuple *id, seqno irs,
                     const struct tcp_opts *syn, uint32_t *tsval, la_ns now)
{
    struct covered c = {.id = *id,
                        .irs = irs.v,
                        .minute = now / MINUTE_NS,
                        .class = class_of(id, syn),
                        .has_ts = syn->has_ts};
    if (syn->has_ts) {
        uint32_t wscale = syn->wscale < 14 ? syn->wscale : 14; /* RFC 7323 §2.3 */
        uint32_t low = syn->has_wscale ? wscale : TS_NO_WSCALE;
        uint32_t ts = (*tsval & ~TS_MASK) | low | (syn->sack_permitted ? TS_SACK : 0);
        /* Never ahead of the clock, or the timestamps that follow would be older. */
        *tsval = (int32_t)(ts - *tsval) > 0 ? ts - (1U << TS_BITS) : ts;
    }
    return seq(cookie_of(tcp, &c));
}

bool syncookie_check(const struct tcp *tcp, const struct tuple *id, seqno seg_seq, seqno seg_ack,
                     const struct tcp_opts *ack, struct tcp_opts *syn, la_ns now)
{
    struct covered c = {.id = *id, .irs = seg_seq.v - 1, .has_ts = ack->has_ts};
    uint32_t cookie = seg_ack.v - 1;
    uint32_t top = (cookie ^ mask_of(tcp, &c)) >> MAC_BITS;
    uint64_t minute = now / MINUTE_NS;
    uint32_t age = (uint32_t)(minute - top / CLASSES) % 32;

    if (age > 1 || age > minute)
        return false;
    c.minute = minute - age;
    c.class = top % CLASSES;
    if (cookie != cookie_of(tcp, &c))
        return false;
    *syn = (struct tcp_opts){.has_mss = true, .mss = mss_of(id, c.class)};
    if (ack->has_ts) {
        uint32_t low = ack->tsecr & TS_MASK;
        syn->has_ts = true;
        syn->tsval = ack->tsval;
        syn->tsecr = ack->tsecr;
        syn->sack_permitted = (low & TS_SACK) != 0;
        syn->has_wscale = (low & TS_NO_WSCALE) != TS_NO_WSCALE;
        syn->wscale = syn->has_wscale ? (uint8_t)(low & TS_NO_WSCALE) : 0;
    }
    return true;
}
