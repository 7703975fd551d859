/* info.c: TCP_INFO: Linux's struct tcp_info out of what the core knows.  What it does not measure
 * is zero. */
#include "sockets/private.h"
#include <linux/tcp.h>
#include <string.h>

/* TCP_ESTABLISHED .. TCP_CLOSING of Linux's net/tcp_states.h. */
static uint8_t state_of(enum la_state s)
{
    static const uint8_t table[LA_STATES] = {
        [LA_CLOSED] = 7,      [LA_LISTEN] = 10,    [LA_SYN_SENT] = 2,   [LA_SYN_RECEIVED] = 3,
        [LA_ESTABLISHED] = 1, [LA_FIN_WAIT_1] = 4, [LA_FIN_WAIT_2] = 5, [LA_CLOSE_WAIT] = 8,
        [LA_CLOSING] = 11,    [LA_LAST_ACK] = 9,   [LA_TIME_WAIT] = 6,
    };
    return table[s];
}

static uint32_t ms_since(la_ns then, la_ns now)
{
    return then == 0 || then == LA_NEVER || then > now ? 0 : (uint32_t)((now - then) / LA_MSEC(1));
}

static void fill_path(struct tcp_info *i, const struct la_status *st)
{
    uint32_t mss = st->mss ? st->mss : 1;
    i->tcpi_rto = st->rto_us;
    i->tcpi_snd_mss = st->mss;
    i->tcpi_rcv_mss = st->rcv_mss;
    i->tcpi_advmss = st->adv_mss - (st->timestamps ? 12 : 0);
    i->tcpi_pmtu = st->pmtu;
    i->tcpi_rtt = st->srtt_us;
    i->tcpi_rttvar = st->rttvar_us;
    i->tcpi_min_rtt = st->min_rtt_us;
    i->tcpi_snd_cwnd = st->cwnd / mss;
    i->tcpi_snd_ssthresh = st->ssthresh == UINT32_MAX ? 0x7fffffff : st->ssthresh / mss;
    i->tcpi_reordering = 3;
    /* The core counts bytes; whole segments are what they make. */
    i->tcpi_unacked = (st->outstanding + mss - 1) / mss;
    i->tcpi_sacked = (st->sacked + mss - 1) / mss;
    i->tcpi_lost = (st->lost + mss - 1) / mss;
    i->tcpi_retrans = (st->rexmit_out + mss - 1) / mss;
}

/* Segments that are known to have arrived. */
static uint32_t delivered(const struct tcp_info *i)
{
    uint32_t once = i->tcpi_data_segs_out - i->tcpi_total_retrans;
    uint32_t missing = i->tcpi_unacked - i->tcpi_sacked;
    return i->tcpi_data_segs_out > i->tcpi_total_retrans && once > missing ? once - missing : 0;
}

static void fill_counts(struct tcp_info *i, const struct la_status *st)
{
    i->tcpi_retransmits = (uint8_t)(st->retransmits > 255 ? 255 : st->retransmits);
    i->tcpi_backoff = i->tcpi_retransmits;
    i->tcpi_probes = st->probes;
    i->tcpi_total_retrans = st->total_retrans;
    i->tcpi_segs_in = st->segs_in;
    i->tcpi_segs_out = st->segs_out - !st->active_open; /* a SYN,ACK is the listener's there */
    i->tcpi_data_segs_in = st->data_segs_in;
    i->tcpi_data_segs_out = st->data_segs_out;
    /* Linux counts numbers that were acknowledged, so our own SYN and FIN among them. */
    bool fin_acked = st->state == LA_FIN_WAIT_2 || st->state == LA_TIME_WAIT;
    bool syn_acked = st->active_open && st->state >= LA_ESTABLISHED;
    i->tcpi_bytes_acked = st->bytes_sent + syn_acked + fin_acked;
    i->tcpi_bytes_received = st->bytes_received;
    i->tcpi_bytes_sent = st->bytes_out;
    i->tcpi_bytes_retrans = st->bytes_retransmitted;
    i->tcpi_notsent_bytes = st->unsent;
    i->tcpi_delivered = 1 + delivered(i); /* our SYN was */
    i->tcpi_dsack_dups = st->dsacks_in;
    i->tcpi_rcv_ooopack = st->ooo_segs_in;
    i->tcpi_pacing_rate = i->tcpi_max_pacing_rate = UINT64_MAX;
}

/* The struct grows with each kernel, and a program may be built for more of it than this machine's
 * header knows: fields that are not measured are zero, up to what is known of. */
#define INFO_BYTES 280U
#define INFO_RCV_WND 232U /* tcpi_rcv_wnd */

int so_tcp_info(struct sockets *so, const struct sock *k, void *value, socklen_t *len)
{
    struct tcp_info i;
    uint8_t all[INFO_BYTES] = {0};
    struct la_status st;
    la_ns now = so_now(so);
    static const uint8_t ca_state[] = {0, 1, 3, 4}; /* TCP_CA_Open, Disorder, Recovery, Loss */
    memset(&i, 0, sizeof i);
    (void)so_status(so, k, &st);
    bool over = st.state == LA_TIME_WAIT && so->cfg.time_wait_is_close;
    i.tcpi_state = state_of(over ? LA_CLOSED : st.state);
    if (st.state == LA_LISTEN) {
        i.tcpi_unacked = st.queued_in;
        i.tcpi_sacked = st.queued_out - 1; /* what listen was told */
    } else if (k->phase != SO_UNCONNECTED) {
        i.tcpi_ca_state = ca_state[st.recovery & 3];
        i.tcpi_options =
            (uint8_t)((st.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (st.sack ? TCPI_OPT_SACK : 0) |
                      (st.wscale_ok ? TCPI_OPT_WSCALE : 0));
        i.tcpi_snd_wscale = (unsigned)st.snd_wscale & 0xfU;
        i.tcpi_rcv_wscale = (unsigned)st.rcv_wscale & 0xfU;
        i.tcpi_ato = st.delack_us;
        fill_path(&i, &st);
        fill_counts(&i, &st);
        i.tcpi_last_data_sent = ms_since(st.last_data_sent, now);
        i.tcpi_last_data_recv = ms_since(st.last_data_in, now);
        i.tcpi_last_ack_recv = ms_since(st.last_heard, now);
        i.tcpi_rcv_space = st.rcv_wnd;
        i.tcpi_rcv_ssthresh = st.rcv_wnd;
        i.tcpi_snd_wnd = st.snd_wnd;
    }
    memcpy(all, &i, sizeof i < sizeof all ? sizeof i : sizeof all);
    memcpy(all + INFO_RCV_WND, &st.rcv_wnd, sizeof st.rcv_wnd);
    if (*len > (socklen_t)sizeof all)
        *len = sizeof all;
    memcpy(value, all, *len);
    return 0;
}

/* SO_MEMINFO: SK_MEMINFO_RMEM_ALLOC and on.  Bytes of text stand for memory. */
int so_mem_info(struct sockets *so, const struct sock *k, void *value, socklen_t *len)
{
    struct la_status st;
    (void)so_status(so, k, &st);
    uint32_t all[9] = {st.queued_in, k->opt.rcvbuf, 0, k->opt.sndbuf, 0, st.queued_out};
    if (*len > (socklen_t)sizeof all)
        *len = sizeof all;
    memcpy(value, all, *len);
    return 0;
}
