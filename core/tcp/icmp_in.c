/* icmp_in.c: ICMP errors about our segments (RFC 9293 §3.9.2.2), believed only if the quoted
 * sequence number is in flight (RFC 5927 §4.1): an attacker off the path must guess it. */
#include "tcp/spine.h"

static enum la_err error_of(const struct icmp_err *e)
{
    return e->kind == ICMP_KIND_HARD ? LA_ECONNREFUSED : LA_EHOSTUNREACH;
}

/* The path takes less than we sent: cut smaller and send again, without blaming congestion (RFC
 * 8201 §5.4). */
static void too_big(struct tcp *tcp, struct tcb *t, const struct icmp_err *e, la_ns now)
{
    uint32_t before = net_pmtu(tcp->net, &t->path, &t->id.remote);
    if (net_pmtu_too_big(tcp->net, &t->path, e, now) >= before) {
        tcp_rule(tcp, t, R_PMTU_IGNORED, now);
        return;
    }
    tcp_rule(tcp, t, R_PMTU_LOWERED, now);
    mss_update(tcp, t);
    if (!tcb_outstanding(t) || t->state < LA_ESTABLISHED)
        return;
    struct cc keep = t->cc;
    struct recovery_view v = {t->snd.una, t->snd.nxt, t->smss, t->sack_ok};
    recovery_on_rto(&t->recovery, &t->cc, tcp->ranges, &v, false, now);
    t->cc = keep;
    t->rtt_timing = false;
    tcp_ready(tcp, t);
}

static void soft(struct tcp *tcp, struct tcb *t, const struct icmp_err *e, enum tcp_rule rule,
                 la_ns now)
{
    tcp_rule(tcp, t, rule, now);
    t->soft_error = (int16_t)error_of(e);
    blackhole_explained(tcp, t, now);
    if (t->opt.soft_errors)
        tcp_event(tcp, t, LA_EV_ERROR);
}

static void to_tcb(struct tcp *tcp, struct tcb *t, const struct icmp_err *e, seqno quoted,
                   la_ns now)
{
    bool opening = t->state == LA_SYN_SENT || t->state == LA_SYN_RECEIVED;
    if (seq_lt(quoted, t->snd.una) || seq_ge(quoted, t->snd.nxt)) {
        tcp_drop(tcp, t, NULL, R_ICMP_SEQ, now);
        return;
    }
    switch (e->kind) {
    case ICMP_KIND_PTB:
        too_big(tcp, t, e, now);
        break;
    case ICMP_KIND_QUENCH:
        tcp_drop(tcp, t, NULL, R_ICMP_QUENCH, now);
        break;
    case ICMP_KIND_SOFT:
        if (opening && t->opt.icmp_aborts) {
            tcp_rule(tcp, t, R_ICMP_SOFT, now);
            tcp_end(tcp, t, LA_CAUSE_ICMP, error_of(e), now);
        } else {
            soft(tcp, t, e, R_ICMP_SOFT, now);
        }
        break;
    case ICMP_KIND_HARD:
        if (opening) {
            tcp_rule(tcp, t, R_ICMP_HARD_SYN, now);
            tcp_end(tcp, t, LA_CAUSE_ICMP, error_of(e), now);
        } else {
            soft(tcp, t, e, R_ICMP_HARD_SYNC, now);
        }
        break;
    }
}

static void to_embryo(struct tcp *tcp, struct embryo *em, const struct icmp_err *e, seqno quoted,
                      la_ns now)
{
    if (!seq_eq(quoted, em->iss)) {
        tcp_drop(tcp, NULL, &em->id, R_ICMP_SEQ, now);
    } else if (e->kind == ICMP_KIND_HARD) {
        tcp_rule(tcp, NULL, R_EMBRYO_ICMP, now);
        embryo_end(tcp, em, LA_CAUSE_ICMP, LA_EHOSTUNREACH, now);
    } else {
        tcp_drop(tcp, NULL, &em->id, e->kind == ICMP_KIND_QUENCH ? R_ICMP_QUENCH : R_ICMP_SOFT,
                 now);
    }
}

__attribute__((noinline)) void input_icmp(struct tcp *tcp, const struct icmp_err *e, la_ns now)
{
    struct tuple id = {e->local, e->remote, get16(e->quote), get16(e->quote + 2)};
    seqno quoted = seq(get32(e->quote + 4));
    ref r = e->proto == IP_TCP ? conntab_find(tcp, &id, tuple_hash(&tcp->tab.key, &id)) : REF_NONE;
    if (r != REF_NONE && ref_kind(r) == REF_TCB)
        to_tcb(tcp, tcb_at(tcp, ref_index(r)), e, quoted, now);
    else if (r != REF_NONE && ref_kind(r) == REF_EMBRYO)
        to_embryo(tcp, embryo_at(tcp, ref_index(r)), e, quoted, now);
    else if (r != REF_NONE && ref_kind(r) == REF_REST)
        tcp_drop(tcp, NULL, &id, R_ICMP_SEQ, now); /* nothing of it is in flight */
    else
        tcp_drop(tcp, NULL, &id, R_ICMP_NO_CONNECTION, now);
}
