/* window.c: the receive window (RFC 9293 §3.8.6, RFC 7323 §2).
 * Invariant: the right edge that was announced (rcv.adv) never moves left (SHLD-14). */
#include "tcp/spine.h"

uint8_t window_shift(const struct options *o)
{
    if (o->wscale >= 0)
        return (uint8_t)o->wscale;
    uint8_t s = 0;
    while (s < 14 && o->rcvbuf >> s > 65535)
        s++;
    return s;
}

/* Room for bytes above RCV.NXT, whatever was promised. */
static uint32_t room(const struct tcb *t)
{
    uint32_t used = rcvq_readable(&t->rcvq);
    return used < t->opt.rcvbuf ? t->opt.rcvbuf - used : 0;
}

/* Receiver's silly-window avoidance: how much the edge should have moved before it is worth
 * telling. */
static uint32_t worthwhile(const struct tcb *t)
{
    uint32_t half = t->opt.rcvbuf / 2, mss = t->smss;
    return half < mss ? half : mss;
}

uint32_t window_announce(struct tcb *t)
{
    uint32_t open = window_open(t), r = room(t);
    uint32_t limit = 65535U << t->rcv.wscale;
    if (r > open && r - open >= worthwhile(t)) {
        if (r > limit)
            r = limit;
        /* What the shift cannot say is not promised. */
        r = r >> t->rcv.wscale << t->rcv.wscale;
        if (r > open) {
            t->rcv.adv = seq_add(t->rcv.nxt, r);
            open = r;
        }
    }
    uint32_t field = open >> t->rcv.wscale;
    return field < 65535 ? field : 65535;
}

bool window_update_due(const struct tcb *t)
{
    uint32_t open = window_open(t), r = room(t), gain = r > open ? r - open : 0;
    if (gain >= t->opt.rcvbuf / 2 || gain >= 2U * t->smss)
        return true;
    return open < t->smss && gain && gain >= worthwhile(t);
}
