/* steps.c: the ways into each of the eleven states, over real segments, each of which is checked.
 */
#include "matrix/kit.h"

const struct place place_syn_sent = {LA_SYN_SENT, in_syn_sent},
                   place_syn_received = {LA_SYN_RECEIVED, in_syn_received},
                   place_established = {LA_ESTABLISHED, in_established},
                   place_fin_wait_1 = {LA_FIN_WAIT_1, in_fin_wait_1},
                   place_fin_wait_2 = {LA_FIN_WAIT_2, in_fin_wait_2},
                   place_close_wait = {LA_CLOSE_WAIT, in_close_wait},
                   place_closing = {LA_CLOSING, in_closing},
                   place_last_ack = {LA_LAST_ACK, in_last_ack},
                   place_time_wait = {LA_TIME_WAIT, in_time_wait};

static void tune(struct kit *k, la_conn c)
{
    uint32_t buf = k->how.rcvbuf ? k->how.rcvbuf : RCVBUF;
    assert_int_equal(la_setopt(k->s, c, LA_OPT_RCVBUF, buf, k->now), LA_OK);
    if (k->how.tune)
        k->how.tune(k->s, c, k->now);
}

struct tcp_opts kit_syn_options(const struct kit *k)
{
    bool all = round_options() && !k->how.bare;
    struct tcp_opts o = {.has_mss = k->how.mss != MSS_NONE,
                         .mss = (uint16_t)(k->how.mss ? k->how.mss : 1460),
                         .has_ts = all || k->how.offer_ts,
                         .tsval = k->tsval,
                         .sack_permitted = all || k->how.offer_sack,
                         .has_wscale = all || k->how.offer_ws,
                         .wscale = SHIFT};
    return o;
}

static void agree(struct kit *k, const struct tcp_opts *o)
{
    k->ts = o->has_ts;
    k->sack = o->sack_permitted;
    k->ws = o->has_wscale;
}

/* ---- opening ---- */

void kit_listen(struct kit *k)
{
    struct la_endpoint here = {k->a, A_PORT, -1};
    assert_int_equal(la_listen(k->s, &here, 4, k->now, &k->listener), LA_OK);
    tune(k, k->listener);
}

void kit_connect(struct kit *k)
{
    struct la_endpoint here = {k->a, A_PORT, -1}, there = {k->b, B_PORT, -1};
    assert_int_equal(la_socket(k->s, &k->c), LA_OK);
    tune(k, k->c);
    assert_int_equal(la_connect(k->s, k->c, &here, &there, k->now), LA_OK);
    k->nxt = ISS + 1;
    (void)expect(k, S, ISS, 0);
    expect_quiet(k);
}

void kit_accept(struct kit *k)
{
    assert_int_equal(la_accept(k->s, k->listener, k->now, &k->c), LA_OK);
}

static void syn_from_b(struct kit *k, uint8_t flags, uint32_t ack)
{
    struct tcp_opts o = kit_syn_options(k);
    in(k, (struct seg){.flags = flags, .seq = IRS, .ack = ack, .opts = o});
    agree(k, &o);
    k->rcv = IRS + 1;
}

struct kit *in_closed(struct how how)
{
    return kit_new(how);
}

struct kit *in_listen(struct how how)
{
    struct kit *k = kit_new(how);
    kit_listen(k);
    return k;
}

struct kit *in_syn_sent(struct how how)
{
    struct kit *k = kit_new(how);
    kit_connect(k);
    expect_state(k, LA_SYN_SENT);
    return k;
}

struct kit *in_syn_received(struct how how)
{
    struct kit *k = how.passive ? in_listen(how) : in_syn_sent(how);
    syn_from_b(k, S, 0);
    k->nxt = ISS + 1;
    (void)expect(k, S | A, ISS, IRS + 1);
    expect_quiet(k);
    expect_state(k, LA_SYN_RECEIVED);
    return k;
}

struct kit *in_established(struct how how)
{
    struct kit *k = how.passive ? in_syn_received(how) : in_syn_sent(how);
    pass(k, how.rtt);
    if (how.passive) {
        in(k, (struct seg){.flags = A, .seq = IRS + 1, .ack = ISS + 1});
        kit_accept(k);
    } else {
        syn_from_b(k, S | A, ISS + 1);
        (void)expect(k, A, ISS + 1, IRS + 1);
    }
    k->una = ISS + 1;
    expect_quiet(k);
    expect_state(k, LA_ESTABLISHED);
    return k;
}

uint32_t kit_mss(const struct kit *k)
{
    uint32_t link = (k->how.mtu ? k->how.mtu : 1500) - (round_v6() ? 60 : 40);
    uint32_t peer = k->how.mss ? k->how.mss : 1460;
    return (link < peer ? link : peer) - (k->ts ? 12 : 0);
}

/* ---- closing ---- */

void kit_shut(struct kit *k)
{
    kit_mark(k);
    if (k->how.orphan) {
        assert_int_equal(la_close(k->s, k->c, k->now), LA_OK);
        k->c = LA_CONN_NONE;
    } else {
        assert_int_equal(la_shutdown(k->s, k->c, LA_SHUT_WR, k->now), LA_OK);
    }
    (void)expect(k, F | A, k->nxt, k->rcv);
    k->nxt++;
}

void kit_peer_fin(struct kit *k)
{
    in(k, (struct seg){.flags = F | A, .seq = k->rcv, .ack = k->una, .len = k->how.text});
    k->rcv += k->how.text + 1;
    (void)expect(k, A, k->nxt, k->rcv);
    expect_quiet(k);
}

struct kit *in_fin_wait_1(struct how how)
{
    struct kit *k = in_established(how);
    kit_shut(k);
    expect_quiet(k);
    expect_state(k, LA_FIN_WAIT_1);
    return k;
}

struct kit *in_fin_wait_2(struct how how)
{
    struct kit *k = in_fin_wait_1(how);
    in(k, (struct seg){.flags = A, .seq = k->rcv, .ack = k->nxt});
    k->una = k->nxt;
    expect_quiet(k);
    expect_state(k, LA_FIN_WAIT_2);
    return k;
}

struct kit *in_close_wait(struct how how)
{
    struct kit *k = in_established(how);
    kit_peer_fin(k);
    expect_state(k, LA_CLOSE_WAIT);
    return k;
}

struct kit *in_closing(struct how how)
{
    struct kit *k = in_fin_wait_1(how);
    kit_peer_fin(k);
    expect_state(k, LA_CLOSING);
    return k;
}

struct kit *in_last_ack(struct how how)
{
    struct kit *k = in_close_wait(how);
    kit_shut(k);
    expect_quiet(k);
    expect_state(k, LA_LAST_ACK);
    return k;
}

struct kit *in_time_wait(struct how how)
{
    struct kit *k = in_fin_wait_2(how);
    kit_peer_fin(k);
    expect_state(k, LA_TIME_WAIT);
    return k;
}
