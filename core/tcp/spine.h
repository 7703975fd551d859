/* spine.h: what the files of core/tcp/ say to each other: the segment in hand, verdicts, and who
 * does what.  The order of processing is RFC 9293 §3.10.7's. */
#ifndef LA_TCP_SPINE_H
#define LA_TCP_SPINE_H

#include "base/assert.h"
#include "base/endian.h"
#include "tcp/isn.h"
#include "tcp/tcp.h"

/* Every constant of the protocol that is not an option. */
#define MSS_DEFAULT_V4 536U /* MUST-15 */
#define MSS_DEFAULT_V6 1220U
#define MSS_FLOOR 48U                /* smaller ones cost more than they carry (CVE-2019-11479) */
#define CHALLENGE_NS LA_MSEC(500)    /* RFC 5961 §7 */
#define SWS_OVERRIDE_NS LA_MSEC(200) /* §3.8.6.2.1: 0.1 to 1 s */
#define ORPHAN_PROBES 8U             /* zero-window probes of an orphan */
#define PAWS_IDLE_MS (24U * 24 * 3600 * 1000) /* RFC 7323 §5.5: 24 days */

/* A segment as it was sent; steps that trim it move seq, at and len. */
struct tcp_seg {
    seqno seq, ack;
    uint32_t len; /* text bytes left */
    uint32_t at;  /* where they start in the datagram's payload */
    uint32_t wnd; /* SEG.WND, scaled but for SYNs */
    seqno urgent; /* SEG.SEQ + SEG.UP, as it was sent: trimming moves seq */
    uint16_t up;
    uint8_t flags;
    uint8_t hlen;
    bool odd; /* the text was not just what was expected */
    struct tcp_opts opts;
    const struct ip_dgram *d;
};

/* Sequence numbers that the segment takes: text, SYN and FIN (RFC 9293's SEG.LEN). */
static inline uint32_t seg_len(const struct tcp_seg *g)
{
    return g->len + ((g->flags & TCP_SYN) != 0) + ((g->flags & TCP_FIN) != 0);
}

/* The interface that a reply must leave by, where addresses alone do not say it. */
static inline int16_t seg_scope(const struct tuple *id, const struct tcp_seg *g)
{
    return ip_is_link_local(&id->remote) ? g->d->ifx : (int16_t)-1;
}

/* What a step decides; input.c applies it. */
enum verdict {
    V_CONTINUE,  /* to the next step */
    V_DROP,      /* no answer */
    V_ACK,       /* acknowledge and drop */
    V_CHALLENGE, /* acknowledge, at most twice a second, and drop */
    V_RESET,     /* RST to the sender, the connection stays */
    V_ABORT,     /* the peer reset us */
    V_GONE,      /* the step ended the connection: t must not be touched again */
};

/* ---- tcp.c ---- */
int tcp_init(struct tcp *tcp, la_ns now);
void tcp_free(struct tcp *tcp);
/* A tcb in CLOSED with these options and no handle yet; NULL at the limit. */
struct tcb *tcb_new(struct tcp *tcp, const struct options *opt, la_ns now);
/* Its parts: one from the pool, where need be by packing a connection at rest, as it last was; and
 * all its fields but the names it goes by. */
struct tcb *tcb_get(struct tcp *tcp, uint32_t *index, la_ns now);
void tcb_init(struct tcb *t, const struct options *opt);
/* The bounds of its RTO are what its options say, before it was ever measured. */
void tcb_timeouts(struct tcb *t);
/* There may be room now for a program that waits to send. */
void tcp_wake_writer(struct tcp *tcp, struct tcb *t);
/* IPv6 alone has a flow label (RFC 6437). */
static inline void tcb_flow(const struct tcp *tcp, struct tcb *t)
{
    if (!ip_is_v4(&t->id.remote))
        t->flow = net_flow_label(tcp->net, &t->id.local, &t->id.remote, t->id.lport, t->id.rport);
}
/* Everything it holds goes back to its pool; it is in no list, table or heap afterwards.  With
 * tcb_discard its slot stays. */
void tcb_delete(struct tcp *tcp, struct tcb *t);
void tcb_discard(struct tcp *tcp, struct tcb *t);
void tcp_event(struct tcp *tcp, struct tcb *t, uint32_t bits);
void tcp_listener_event(struct tcp *tcp, struct listener *l, uint32_t bits);
void tcp_event_unlink(struct tcp *tcp, struct ev_link *e);
la_conn tcb_conn(const struct tcb *t);
struct la_endpoint tcb_local(const struct tcb *t);
struct la_endpoint tcb_remote(const struct tcb *t);
static inline bool tcb_outstanding(const struct tcb *t)
{
    return seq_lt(t->snd.una, t->snd.nxt);
}
/* Text or a FIN that was never sent. */
static inline bool tcb_unsent(const struct tcb *t)
{
    return seq_lt(t->snd.nxt, t->sndq.end) || (t->fin_queued && !t->fin_sent);
}
/* The number of a segment without text: SND.NXT, but not beyond the window.  A probe of a closed
 * window lies past it, and the peer drops unread whatever is numbered after that (§3.8.6.1).  What
 * the scale rounds off an open window may have been a part of it before, and be with the peer. */
static inline seqno tcb_bare_seq(const struct tcb *t)
{
    seqno edge = seq_add(t->snd.una, t->snd.wnd);
    bool syn_out = seq_lt(t->snd.una, t->sndq.una);
    int32_t past = seq_diff(t->snd.nxt, edge);
    bool rounded = t->snd.wnd && past >> t->snd.wscale == 0;
    return syn_out || past <= 0 || rounded ? t->snd.nxt : edge;
}
static inline bool tcb_is_v4(const struct tcb *t)
{
    return ip_is_v4(&t->id.remote);
}

/* ---- trace.c: counting and telling ---- */
enum verdict tcp_verdict(struct tcp *tcp, const struct tcb *t, enum tcp_rule r, enum verdict v,
                         la_ns now);
/* The segment in hand is dropped under r. */
void tcp_drop(struct tcp *tcp, const struct tcb *t, const struct tuple *id, enum tcp_rule r,
              la_ns now);
void trace_segment(struct tcp *tcp, enum la_trace_kind k, const struct tcb *t,
                   const struct tuple *id, enum la_state state, const struct la_trace_seg *seg,
                   la_ns now);
void trace_segment_in(struct tcp *tcp, const struct tcb *t, const struct tuple *id,
                      enum la_state state, const struct tcp_seg *g, la_ns now);
void trace_state(struct tcp *tcp, const struct tcb *t, enum la_state from, la_ns now);
/* For those whose state is their type: each asserts that the change is an edge. */
void trace_embryo(struct tcp *tcp, const struct embryo *e, enum la_state from, enum la_state to,
                  la_ns now);
void trace_timer(struct tcp *tcp, const struct tcb *t, enum la_timer_kind k, la_ns now);

/* ---- state.c ---- */
/* Writes the state and the times, tells the trace.  Asserts that the change is an edge; a tcb never
 * enters LISTEN. */
void tcp_enter(struct tcp *tcp, struct tcb *t, enum la_state to, la_ns now);
/* t takes over from an embryo, which was in SYN-RECEIVED since then: no edge is taken. */
void tcp_adopt(struct tcb *t, la_ns since);

/* ---- input.c and the steps ---- */
void tcp_input(struct tcp *tcp, const struct ip_dgram *d, la_ns now);
void tcb_segment(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now);
void input_trim(struct tcb *t, struct tcp_seg *g);
/* Steps 5 to 8, for a segment that passed 1 to 4. */
enum verdict input_rest(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now);
enum verdict input_ack(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now);
enum verdict input_text(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now);
/* What the segment that everybody expects comes to, in one piece; false if it is another, and
 * nothing was done.  predict.c */
bool input_predicted(struct tcp *tcp, struct tcb *t, const struct ip_dgram *d, la_ns now);
/* Parts of steps 5 and 7 for predict.c: SND.WND if this segment may say it (true: it is another
 * now); SND.UNA goes on to SEG.ACK; RCV.NXT went on by n; text was kept; when its ACK leaves. */
bool input_window(struct tcp *tcp, struct tcb *t, seqno at, seqno ack, uint32_t wnd, la_ns now);
void input_advance(struct tcp *tcp, struct tcb *t, seqno ack, la_ns now);
void input_in_order(struct tcp *tcp, struct tcb *t, uint32_t n);
void input_kept(struct tcb *t, uint32_t len, bool psh, bool coalesced, la_ns now);
void input_schedule_ack(struct tcp *tcp, struct tcb *t, bool odd, bool advanced, la_ns now);
/* FIN-WAIT-1: our FIN is acknowledged, and the peer's is not to be had yet. */
void input_fin_acked(struct tcp *tcp, struct tcb *t, la_ns now);
void input_closed(struct tcp *tcp, const struct tuple *id, const struct tcp_seg *g, la_ns now);
void input_listen(struct tcp *tcp, struct listener *l, const struct tuple *id, uint32_t hash,
                  struct tcp_seg *g, ref tw, la_ns now);
void input_embryo(struct tcp *tcp, struct embryo *e, struct tcp_seg *g, la_ns now);
void input_synsent(struct tcp *tcp, struct tcb *t, struct tcp_seg *g, la_ns now);
void input_timewait(struct tcp *tcp, ref r, const struct tuple *id, uint32_t hash,
                    struct tcp_seg *g, la_ns now);
void input_icmp(struct tcp *tcp, const struct icmp_err *e, la_ns now);
/* ESTABLISHED is reached: windows, congestion control, keep-alive begin. */
void tcp_established(struct tcp *tcp, struct tcb *t, bool syn_lost, la_ns now);
/* What the peer's SYN offers, as far as we offered or accept it too. */
void take_syn_options(struct tcp *tcp, struct tcb *t, const struct tcp_opts *o, la_ns now);
uint16_t syn_mss(struct tcp *tcp, const struct tcp_opts *o, bool v4, la_ns now);
uint8_t syn_wscale(struct tcp *tcp, const struct tcp_opts *o, la_ns now);

/* ---- embryo.c ---- */
/* Ends a half-open connection: back to LISTEN, a close record, TIME-WAIT restored if it had
 * displaced one. */
void embryo_end(struct tcp *tcp, struct embryo *e, enum la_cause cause, int error, la_ns now);
/* Back to LISTEN without a record: a cookie's, which comes back. */
void embryo_forget(struct tcp *tcp, struct embryo *e, la_ns now);
void embryo_send_synack(struct tcp *tcp, struct embryo *e, la_ns now);
void embryo_timer(struct tcp *tcp, struct embryo *e, la_ns now);
/* How long to wait for the answer to what was sent last. */
la_ns embryo_timeout(const struct tcp *tcp, const struct embryo *e);
/* A tcb in SYN-RECEIVED out of an embryo, which is gone; NULL (embryo untouched) without memory. */
struct tcb *embryo_promote(struct tcp *tcp, struct embryo *e, la_ns now);

/* ---- window.c ---- */
/* The window to announce now; moves RCV's right edge (§3.8.6.2.2). */
uint32_t window_announce(struct tcb *t);
/* Has the program read enough that the peer should hear? */
bool window_update_due(const struct tcb *t);
static inline uint32_t window_open(const struct tcb *t)
{
    return t->rcv.adv.v - t->rcv.nxt.v;
}
/* Shift that lets 16 bits cover this buffer. */
uint8_t window_shift(const struct options *o);

/* ---- output.c and emit.c ---- */
/* Puts t on its interface's list: it has something to send. */
void tcp_ready(struct tcp *tcp, struct tcb *t);
void tcp_unqueue(struct tcp *tcp, struct tcb *t);
static inline void tcp_ack_now(struct tcp *tcp, struct tcb *t)
{
    t->ack_now = true;
    tcp_ready(tcp, t);
}
/* Might tcp_tx have something? */
static inline bool tcp_wants_tx(const struct tcp *tcp, int ifx)
{
    return tcp->ready[ifx].head || tcp->waiting.head;
}
/* The next segment of any ready connection of this interface. */
bool tcp_tx(struct tcp *tcp, int ifx, struct la_frame *f, la_ns now);
/* What one segment shall be. */
struct emit {
    seqno seq;
    uint32_t len;   /* text from the send queue */
    uint32_t mss;   /* text of each segment, where the device is to cut a superframe */
    uint32_t nsack; /* SACK blocks to carry */
    uint8_t flags;
    bool retransmit;
};
/* How many SACK blocks the next segment carries, with text beside them or without. */
uint32_t emit_sack_blocks(const struct tcb *t, bool text);
enum net_ready emit_tcb(struct tcp *tcp, struct tcb *t, const struct emit *e, struct la_frame *f,
                        la_ns now);
/* The same for a segment of an open connection with an ACK and no SYN, nothing urgent, no SACK
 * blocks, and text for one segment at the most; the trace does not hear of it. */
enum net_ready emit_plain(struct tcp *tcp, struct tcb *t, seqno at, uint32_t len, uint8_t flags,
                          struct la_frame *f, la_ns now);
/* Segments outside any send queue leave through the network layer's queue. */
struct bare {
    const struct tuple *id;
    int16_t scope;
    seqno seq, ack;
    uint8_t flags, ttl, tos;
    uint32_t wnd;                /* as on the wire */
    const struct tcp_opts *opts; /* or NULL */
    enum la_state state;         /* for the trace */
    const struct tcb *t;         /* for the trace, or NULL */
};
void emit_bare(struct tcp *tcp, const struct bare *b, la_ns now);
/* The ACK that must leave although its tcb goes (into TIME-WAIT). */
void emit_last_ack(struct tcp *tcp, struct tcb *t, la_ns now);
/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>, SND.NXT as tcb_bare_seq has it. */
void emit_rst(struct tcp *tcp, struct tcb *t, la_ns now);
/* The two RSTs of §3.10.7.1 in answer to a segment. */
void emit_rst_reply(struct tcp *tcp, const struct tuple *id, int16_t scope, const struct tcp_seg *g,
                    la_ns now);
void tcp_challenge(struct tcp *tcp, struct tcb *t, la_ns now);
/* The same limit for those that cannot remember when they last answered: an embryo, a TIME-WAIT
 * entry.  Two of these would acknowledge each other's acknowledgments for ever.  Only pure ACKs
 * are limited. */
bool tcp_may_answer(struct tcp *tcp, uint32_t hash, const struct tcp_seg *g, la_ns now);

/* Has the congestion window been the limit, so that it may grow? */
static inline bool tcp_window_used(const struct tcb *t)
{
    if (t->cwnd_limited || !(t->opt.habits & LA_HABIT_GROW_HALF))
        return t->cwnd_limited;
    return t->cc.cwnd < (t->cc.cwnd < t->cc.ssthresh ? 2 * t->snd.used : t->snd.used + t->smss);
}

/* ---- mss.c: how large our segments are ---- */
uint16_t mss_effective(const struct tcp *tcp, const struct tcb *t);
void mss_update(struct tcp *tcp, struct tcb *t);
/* What our SYN announces for a path (MUST-67, SHLD-6). */
uint16_t mss_announce(const struct tcp *tcp, const struct options *o, int ifx, bool v4);

/* ---- blackhole.c: segments too large for a path that does not say so ---- */
void blackhole_timeout(struct tcp *tcp, struct tcb *t, la_ns now);
void blackhole_explained(struct tcp *tcp, struct tcb *t, la_ns now); /* an error said why */
void blackhole_over(struct tcp *tcp, struct tcb *t);                 /* SND.UNA moved */
void blackhole_end(struct tcp *tcp, struct tcb *t, la_ns now);       /* the connection ends */

/* ---- timer.c ---- */
void timer_arm(struct tcp *tcp, struct tcb *t, enum timer_slot s, la_ns when);
void timer_stop(struct tcb *t, enum timer_slot s);
void timer_stop_all(struct tcp *tcp, struct tcb *t);
void tcp_expire(struct tcp *tcp, la_ns now);
la_ns tcp_deadline(const struct tcp *tcp, la_ns now);
/* What happened; each arms or stops what follows from it. */
void tcp_on_sent(struct tcp *tcp, struct tcb *t, la_ns now); /* numbers were sent */
void tcp_on_una_advanced(struct tcp *tcp, struct tcb *t, la_ns now);
void tcp_on_window(struct tcp *tcp, struct tcb *t, la_ns now); /* SND.WND or the queue changed */
void tcp_on_heard(struct tcp *tcp, struct tcb *t, la_ns now);  /* a valid segment came */
void keepalive_start(struct tcp *tcp, struct tcb *t, la_ns now);
void keepalive_expired(struct tcp *tcp, struct tcb *t, la_ns now);
void persist_start(struct tcp *tcp, struct tcb *t, la_ns wait, la_ns now);
void persist_expired(struct tcp *tcp, struct tcb *t, la_ns now);
void rto_expired(struct tcp *tcp, struct tcb *t, la_ns now);
/* TIMER_RTX, for the next retransmission or probe. */
void rto_arm(struct tcp *tcp, struct tcb *t, la_ns now);
/* Ends t if R2 is reached: so many timeouts, or what the program said since t->rtx_since. */
bool rto_give_up(struct tcp *tcp, struct tcb *t, unsigned count, la_ns now);
void life_expired(struct tcp *tcp, struct tcb *t, la_ns now);
void orphan_fin_wait_2(struct tcp *tcp, struct tcb *t, la_ns now);

/* ---- end.c: how connections end ---- */
/* Who sent the first FIN or RST, and why: only the first is kept. */
void tcp_blame(struct tcb *t, enum la_side side, enum la_cause cause, la_ns now);
/* The peer's FIN was none: only ours, if it has left, counts. */
void tcp_unblame_peer(struct tcb *t);
/* Our FIN leaves for the first time: only now does it count, however long it was queued. */
void tcp_fin_sent(struct tcb *t, la_ns now);
/* To CLOSED: record, event, out of every list; the tcb stays for its program's handle, else it
 * goes.  t may be gone afterwards.  `cause` is what ended it, and of the whole connection if no FIN
 * was first; NONE: the FINs' exchange did. */
void tcp_end(struct tcp *tcp, struct tcb *t, enum la_cause cause, int error, la_ns now);
/* RST to the peer, then tcp_end. */
void tcp_reset(struct tcp *tcp, struct tcb *t, enum la_cause cause, int error, la_ns now);
/* To TIME-WAIT: a compact entry takes over (§3.10.7.4 eighth). */
void tcp_time_wait(struct tcp *tcp, struct tcb *t, la_ns now);

/* ---- user.c: the calls of §3.10.1-6, by state ---- */
int user_open(struct tcp *tcp, struct tcb *t, la_ns now); /* id, hash, path are set */
int64_t user_send(struct tcp *tcp, struct tcb *t, const void *p, size_t n, unsigned flags,
                  la_ns now);
int64_t user_receive(struct tcp *tcp, struct tcb *t, void *p, size_t n, la_ns now);
int user_consume(struct tcp *tcp, struct tcb *t, uint32_t n, la_ns now);
int user_shutdown(struct tcp *tcp, struct tcb *t, unsigned how, la_ns now);
void user_close(struct tcp *tcp, struct tcb *t, la_ns now);
void user_abort(struct tcp *tcp, struct tcb *t, enum la_cause cause, la_ns now);
void user_unlisten(struct tcp *tcp, struct listener *l, enum la_cause cause, la_ns now);
/* Bytes the program can take before the urgent mark stops it. */
uint32_t user_readable(const struct tcb *t);
/* Readable bytes before the urgent one, whether set aside or in line; UINT32_MAX: none is known. */
uint32_t user_before_mark(const struct tcb *t);
/* Stands the program at the byte that was taken out of the stream?  Then over it. */
void user_skip_urgent(struct tcp *tcp, struct tcb *t);
/* What a read says when there are no bytes: LA_OK is the end of the stream. */
int user_no_bytes(const struct tcb *t);

#endif
