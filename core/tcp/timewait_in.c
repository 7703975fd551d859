/* timewait_in.c: segments that meet TIME-WAIT (RFC 9293 §3.10.7.4, RFC 1337, RFC 6191).
 *
 * The two reasons for the wait are here: a FIN that comes again is acknowledged again and the wait
 * begins anew (our last ACK was lost), and old duplicates are turned away until they have died.  A
 * segment in order that only acknowledges is not answered, as two ends could go on for ever. */
#include "tcp/spine.h"

static void reply(struct tcp *tcp, const struct tw_entry *e, la_ns now)
{
    struct tcp_opts o = {
        .has_ts = e->has_ts, .tsval = ts_now(tcp, &e->id, now), .tsecr = e->core.ts_recent};
    struct bare b = {.id = &e->id,
                     .scope = e->ifx,
                     .seq = e->core.snd_nxt,
                     .ack = e->core.rcv_nxt,
                     .flags = TCP_ACK,
                     .ttl = 64,
                     .wnd = e->wnd,
                     .opts = e->has_ts ? &o : NULL,
                     .state = LA_TIME_WAIT};
    emit_bare(tcp, &b, now);
}

/* RFC 6191 §2, and RFC 1122 §4.2.2.13 where there are no timestamps: can this SYN only be a new
 * one?  Timestamps protect the new connection if both sides will use them. */
static bool syn_is_new(const struct tcp *tcp, const struct listener *l, const struct tw_entry *e,
                       const struct tcp_seg *g)
{
    bool above = seq_ge(g->seq, e->core.rcv_nxt); /* the old FIN was rcv_nxt - 1 */
    if (e->has_ts && g->opts.has_ts && l->opt.timestamps) {
        int32_t newer = (int32_t)(g->opts.tsval - e->core.ts_recent);
        if (tcp->cfg->lab.no_paws)
            return above;
        return newer > 0 || (newer == 0 && above);
    }
    return above || (!e->has_ts && g->opts.has_ts && l->opt.timestamps);
}

static void syn(struct tcp *tcp, ref r, const struct tw_entry *e, uint32_t hash, struct tcp_seg *g,
                la_ns now)
{
    uint32_t l = listener_find(tcp, &e->id.local, e->id.lport, g->d->ifx);
    if (l && syn_is_new(tcp, listener_at(tcp, l), e, g)) {
        tcp_rule(tcp, NULL, R_TW_SYN_ACCEPTED, now);
        input_listen(tcp, listener_at(tcp, l), &e->id, hash, g, r, now);
        return;
    }
    struct la_record *rec = timewait_record(tcp, r);
    if (rec)
        rec->tw.syn_refused++;
    tcp_drop(tcp, NULL, &e->id, R_TW_SYN_REFUSED, now);
    reply(tcp, e, now);
}

static void rst(struct tcp *tcp, ref r, const struct tw_entry *e, uint32_t hash,
                const struct tcp_seg *g, la_ns now)
{
    struct la_record *rec = timewait_record(tcp, r);
    if (rec)
        rec->tw.rst_ignored++;
    tcp_drop(tcp, NULL, &e->id, R_TW_RST_IGNORED, now);
    if (tcp->cfg->lab.rst_kills_time_wait && seq_eq(g->seq, e->core.rcv_nxt)) {
        timewait_shadow(tcp, r, hash);
        (void)timewait_kill(tcp, r, &e->id, now);
    }
}

/* Our last ACK was lost: the wait begins anew, and what is echoed is of this FIN (RFC 7323 §4.3).
 */
static void fin_again(struct tcp *tcp, ref r, struct tw_entry *e, uint32_t hash,
                      const struct tcp_seg *g, la_ns now)
{
    struct la_record *rec = timewait_record(tcp, r);
    if (rec)
        rec->tw.restarts++;
    tcp_rule(tcp, NULL, R_TW_FIN_AGAIN, now);
    if (e->has_ts && g->opts.has_ts && (int32_t)(g->opts.tsval - e->core.ts_recent) > 0)
        e->core.ts_recent = tw_core_at(&tcp->tw, r)->ts_recent = g->opts.tsval;
    (void)timewait_restart(tcp, r, hash, now);
    reply(tcp, e, now);
}

static void old_segment(struct tcp *tcp, ref r, const struct tw_entry *e, enum tcp_rule rule,
                        bool answer, la_ns now)
{
    struct la_record *rec = timewait_record(tcp, r);
    if (rec)
        rec->tw.old_segments++;
    tcp_drop(tcp, NULL, &e->id, rule, now);
    if (answer)
        reply(tcp, e, now);
}

void input_timewait(struct tcp *tcp, ref r, const struct tuple *id, uint32_t hash,
                    struct tcp_seg *g, la_ns now)
{
    struct tw_entry e;
    (void)id;
    timewait_get(tcp, r, &e);
    if (g->flags & TCP_RST) {
        rst(tcp, r, &e, hash, g, now);
    } else if (g->flags & TCP_SYN) {
        if (g->flags & TCP_ACK)
            old_segment(tcp, r, &e, R_TW_SYN_REFUSED, true, now);
        else
            syn(tcp, r, &e, hash, g, now);
    } else if (!(g->flags & TCP_ACK)) {
        old_segment(tcp, r, &e, R_TW_NOACK, false, now);
    } else if (g->flags & TCP_FIN && seq_eq(seq_add(g->seq, seg_len(g)), e.core.rcv_nxt)) {
        fin_again(tcp, r, &e, hash, g, now);
    } else if (seg_len(g) == 0 && seq_eq(g->seq, e.core.rcv_nxt)) {
        old_segment(tcp, r, &e, R_TW_ACK_IGNORED, false, now);
    } else {
        old_segment(tcp, r, &e, R_TW_OLD_SEGMENT, tcp_may_answer(tcp, hash, g, now), now);
    }
}
