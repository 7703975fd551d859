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

/* The shift that a SYN offers (RFC 7323 §2.3: more than 14 is read as 14). */
uint8_t syn_wscale(struct tcp *tcp, const struct tcp_opts *o, la_ns now)
{
    if (o->wscale <= 14)
        return o->wscale;
    tcp_rule(tcp, NULL, R_WSCALE_LARGE, now);
    return 14;
}

/* The buffer: at least what the shift can say, else the window could never open again. */
static uint32_t buffer(const struct tcb *t)
{
    uint32_t unit = 1U << t->rcv.wscale;
    return t->opt.rcvbuf > unit ? t->opt.rcvbuf : unit;
}

/* Room for bytes above RCV.NXT, whatever was promised. */
static uint32_t room(const struct tcb *t)
{
    uint32_t used = rcvq_readable(&t->rcvq), all = buffer(t);
    return used < all ? all - used : 0;
}

/* Receiver's silly-window avoidance: how much the edge should have moved before it is worth
 * telling. */
static uint32_t worthwhile(const struct tcb *t)
{
    uint32_t half = buffer(t) / 2, mss = t->smss;
    return half < mss ? half : mss;
}

/* Has the edge that room() allows not come as far, whatever the scale makes of both?  The usual
 * case, and the cheap half of the questions below. */
static bool hardly_moved(const struct tcb *t)
{
    uint32_t unit = 1U << t->rcv.wscale;
    uint32_t edge = t->rcvq.read.v + t->rcvq.skipped + buffer(t);
    return (int32_t)(edge - t->rcv.adv.v) <= (int32_t)(worthwhile(t) - unit);
}

/* What the peer learns of a window: the shift cuts off the rest. */
static uint32_t seen(const struct tcb *t, uint32_t wnd)
{
    uint32_t limit = 65535U << t->rcv.wscale;
    return wnd < limit ? wnd >> t->rcv.wscale << t->rcv.wscale : limit;
}

uint32_t window_announce(struct tcb *t)
{
    uint32_t open = window_open(t);
    if (!hardly_moved(t)) {
        uint32_t r = seen(t, room(t));
        if (r > open && r - seen(t, open) >= worthwhile(t)) {
            t->rcv.adv = seq_add(t->rcv.nxt, r);
            open = r;
        }
    }
    open >>= t->rcv.wscale;
    return open < 65535 ? open : 65535;
}

/* Linux: the program has read all there was, and who wrote it may be waiting for the ACK. */
static bool read_up(const struct tcb *t)
{
    if (!t->ack_delayed || !(t->opt.habits & LA_HABIT_UPDATE_DOUBLE) || rcvq_readable(&t->rcvq))
        return false;
    return t->pushed > 1 || (t->pushed && !t->dialogue);
}

bool window_update_due(const struct tcb *t)
{
    if (read_up(t))
        return true;
    if (hardly_moved(t))
        return false;
    uint32_t open = seen(t, window_open(t)), r = seen(t, room(t)), gain = r > open ? r - open : 0;
    uint32_t all = buffer(t);
    if (t->opt.habits & LA_HABIT_UPDATE_DOUBLE)
        return open <= all / 2 && gain >= open && gain;
    if (t->opt.habits & LA_HABIT_UPDATE_QUARTER)
        return gain >= all / 2 ||
               (gain >= 2U * t->smss && (gain >= all / 4 || all <= 8U * t->smss));
    if (gain >= all / 2 || gain >= 2U * t->smss)
        return true;
    return open < t->smss && gain && gain >= worthwhile(t);
}
