/* blackhole.c: large segments that vanish without a word, as ICMP is filtered (RFC 4821 §7.7).
 *
 * After a few timeouts smaller ones are tried, unless an error said why nothing is heard, or the
 * next hop itself is in doubt.  If these vanish too, or the error comes late, it was not their
 * size: the path MTU of the destination is for everybody what it was, and only this connection goes
 * on with the smaller ones until it gets through. */
#include "tcp/spine.h"

#define BLACK_HOLE_RTOS 3U /* timeouts of a full segment before the path is suspected */

/* What is tried next; no smaller than the last step. */
static uint32_t smaller(const struct tcb *t, uint32_t pmtu)
{
    if (!tcb_is_v4(t))
        return 1280;
    return pmtu > 1024 ? 1024 : 576;
}

static void refute(struct tcp *tcp, struct tcb *t, la_ns now)
{
    tcp_rule(tcp, t, R_PMTU_RESTORED, now);
    net_pmtu_refute(tcp->net, &t->id.remote);
    t->hole = HOLE_EXCLUDED;
}

void blackhole_timeout(struct tcp *tcp, struct tcb *t, la_ns now)
{
    uint32_t pmtu = net_pmtu(tcp->net, &t->path, &t->id.remote), next = smaller(t, pmtu);
    if (!t->opt.black_hole || t->backoff < BLACK_HOLE_RTOS || t->hole == HOLE_EXCLUDED)
        return;
    if (t->hole == HOLE_SUSPECTED && mss_effective(tcp, t) > t->smss) {
        t->hole = HOLE_EXCLUDED; /* another connection found out */
        return;
    }
    if (t->hole == HOLE_SUSPECTED && pmtu <= next) {
        refute(tcp, t, now);
        return;
    }
    if (pmtu <= next || seq_diff(t->snd.nxt, t->snd.una) < (int32_t)t->smss ||
        t->queue == TCB_WAITING ||
        net_in_doubt(tcp->net, &t->id.local, &t->id.remote, t->scope, &t->path, now))
        return;
    tcp_rule(tcp, t, R_PMTU_BLACK_HOLE, now);
    net_pmtu_suspect(tcp->net, &t->id.remote, next, now);
    mss_update(tcp, t);
    t->hole = HOLE_SUSPECTED;
}

void blackhole_explained(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->hole == HOLE_SUSPECTED)
        refute(tcp, t, now);
    else if (tcb_outstanding(t))
        t->hole = HOLE_EXCLUDED;
}

void blackhole_over(struct tcp *tcp, struct tcb *t)
{
    if (t->hole == HOLE_SUSPECTED)
        net_pmtu_prove(tcp->net, &t->id.remote);
    t->hole = HOLE_NONE;
    mss_update(tcp, t);
}

void blackhole_end(struct tcp *tcp, struct tcb *t, la_ns now)
{
    if (t->hole == HOLE_SUSPECTED)
        refute(tcp, t, now);
}
