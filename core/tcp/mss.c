/* mss.c: how large our segments are (RFC 9293 §3.7.1, RFC 6691), and what we announce. */
#include "tcp/spine.h"

static uint32_t ip_hlen(bool v4)
{
    return v4 ? IPV4_HLEN : IPV6_HLEN;
}

uint16_t mss_announce(const struct tcp *tcp, const struct options *o, int ifx, bool v4)
{
    uint32_t mtu = net_link_mtu(tcp->net, ifx, v4), headers = ip_hlen(v4) + TCP_HLEN;
    if (!mtu)
        mtu = v4 ? 576 : 1280;
    uint32_t mss = mtu > headers ? mtu - headers : 1;
    if (o->habits & LA_HABIT_ANNOUNCE_MAXSEG && o->maxseg && mss > o->maxseg)
        mss = o->maxseg;
    return (uint16_t)(mss > 65495 ? 65495 : mss);
}

/* Eff.snd.MSS (MUST-16): the smaller of the peer's word, the path and the program's wish, less
 * options. */
uint16_t mss_effective(const struct tcp *tcp, const struct tcb *t)
{
    bool v4 = tcb_is_v4(t);
    uint32_t pmtu = net_pmtu(tcp->net, &t->path, &t->id.remote), headers = ip_hlen(v4) + TCP_HLEN;
    uint32_t mss = pmtu > headers ? pmtu - headers : 1;
    if (t->peer_mss && mss > t->peer_mss)
        mss = t->peer_mss;
    if (t->opt.maxseg && mss > t->opt.maxseg)
        mss = t->opt.maxseg;
    uint32_t options = t->ts_ok ? 12 : 0;
    return (uint16_t)(mss > options + 8 ? mss - options : 8);
}

void mss_update(struct tcp *tcp, struct tcb *t)
{
    t->smss = mss_effective(tcp, t);
}

uint16_t syn_mss(struct tcp *tcp, const struct tcp_opts *o, bool v4, la_ns now)
{
    if (!o->has_mss) {
        tcp_rule(tcp, NULL, R_MSS_DEFAULT, now);
        return v4 ? MSS_DEFAULT_V4 : MSS_DEFAULT_V6;
    }
    if (o->mss < MSS_FLOOR) {
        tcp_rule(tcp, NULL, R_MSS_TINY, now);
        return MSS_FLOOR;
    }
    return o->mss;
}
