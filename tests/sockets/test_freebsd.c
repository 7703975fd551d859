/* profile=freebsd: what scripts written for FreeBSD look at: SYNs, their options and times, each
 * kind of segment in each state, RFC 5961, text out of order and again, SACK and D-SACK. */
#include "sockets/driver.h"
#include <fcntl.h>

#define FLAGS "local=192.168.0.1/16,profile=freebsd"

static int connect_start(struct driver *d)
{
    socklen_t len;
    int fd = CALL(d, socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr *to = driver_remote(d, &len);
    assert_int_equal(CALL(d, fcntl, fd, F_SETFL, O_NONBLOCK), 0);
    FAILS(CALL(d, connect, fd, to, len), EINPROGRESS);
    return fd;
}

/* SYN again after 1.0 s, then 2.2 and 4.2 s more: twice the base, and 200 ms of slop. */
static void syn_again(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)connect_start(&d);
    driver_out(&d, 0, "S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS>");
    driver_out(&d, 1000 * MS, "S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS>");
    driver_out(&d, 3200 * MS, "S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS>");
    driver_out(&d, 7400 * MS, "S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS>");
    driver_close(&d);
}

static void synack_options(void **state)
{
    static const struct {
        const char *in, *out;
    } table[] = {
        {"mss 1460", "mss 1460"},
        {"mss 1460,nop,wscale 6", "mss 1460,nop,wscale 6"},
        {"mss 1460,sackOK,eol,eol", "mss 1460,nop,nop,sackOK"},
        {"mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0", "mss 1460,nop,wscale 6,sackOK,TS"},
        {"mss 1460,nop,nop,TS val 100 ecr 0", "mss 1460,nop,nop,TS"},
    };
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)driver_listen(&d, 100);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        d.rport++;
        driver_in(&d, "S 0:0(0) win 65535 <%s>", table[i].in);
        driver_out(&d, 0, "S. 0:0(0) ack 1 win 65535 <%s>", table[i].out);
        driver_in(&d, "S 0:0(0) win 65535 <%s>", table[i].in); /* again: the same answer */
        driver_out(&d, 0, "S. 0:0(0) ack 1 win 65535 <%s>", table[i].out);
        driver_in(&d, "R 1:1(0) win 0");
    }
    driver_close(&d);
}

/* Each second segment at once, however small; else after 40 ms. */
static void acks_in_pairs(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)driver_established(&d);
    driver_in(&d, "P. 1:101(100) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 101");
    driver_in(&d, "P. 101:201(100) ack 1 win 65535");
    driver_until(&d, 50 * MS);
    driver_in(&d, "P. 201:301(100) ack 1 win 65535");
    driver_out(&d, 50 * MS, ". 1:1(0) ack 301");
    driver_close(&d);
}

static void buffers_as_said(void **state)
{
    struct driver d;
    int v = 0;
    socklen_t len = sizeof v;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(CALL(&d, getsockopt, fd, SOL_SOCKET, SO_RCVBUF, &v, &len), 0);
    assert_int_equal(v, 65536);
    v = 30000;
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof v), 0);
    assert_int_equal(CALL(&d, getsockopt, fd, SOL_SOCKET, SO_RCVBUF, &v, &len), 0);
    assert_int_equal(v, 30000);
    driver_close(&d);
}

/* ---- each state ---- */

enum place {
    LISTEN,
    SYN_SENT,
    SYN_RCVD,
    ESTAB,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
    PLACES
};

/* To that state, with the descriptor still open where it can be. */
static int go(struct driver *d, enum place p)
{
    if (p == LISTEN)
        return driver_listen(d, 5);
    if (p == SYN_SENT) {
        int fd = connect_start(d);
        driver_out(d, -1, "S 0:0(0)");
        return fd;
    }
    if (p == SYN_RCVD) {
        int l = driver_listen(d, 5);
        driver_in(d, "S 0:0(0) win 65535 <mss 1000,sackOK,eol,eol>");
        driver_out(d, -1, "S. 0:0(0) ack 1");
        return l;
    }
    int fd = driver_established(d);
    if (p == CLOSE_WAIT || p == LAST_ACK) {
        driver_in(d, "F. 1:1(0) ack 1 win 65535");
        driver_out(d, -1, ". 1:1(0) ack 2");
    }
    if (p == FIN_WAIT_1 || p == FIN_WAIT_2 || p == CLOSING || p == TIME_WAIT || p == LAST_ACK) {
        assert_int_equal(CALL(d, shutdown, fd, SHUT_WR), 0);
        driver_out(d, -1, "F. 1:1(0) ack %u", p == LAST_ACK ? 2 : 1);
    }
    if (p == FIN_WAIT_2)
        driver_in(d, ". 1:1(0) ack 2 win 65535");
    if (p == CLOSING || p == TIME_WAIT) {
        driver_in(d, "F. 1:1(0) ack %d win 65535", p == TIME_WAIT ? 2 : 1);
        driver_out(d, -1, ". 2:2(0) ack 2");
    }
    return fd;
}

struct row {
    const char *in[PLACES];  /* the segment; NULL: not tried */
    const char *out[PLACES]; /* the answer; NULL: silence */
};

/* One segment in each state, each on a stack of its own, and what it draws. */
static void in_each_state(const struct row *r)
{
    for (enum place p = 0; p < PLACES; p++) {
        struct driver d;
        if (!r->in[p])
            continue;
        driver_open(&d, FLAGS);
        (void)go(&d, p);
        long long now = driver_now(&d);
        driver_in(&d, "%s", r->in[p]);
        if (r->out[p])
            driver_out(&d, now, "%s", r->out[p]);
        driver_silence(&d, now + 20 * MS);
        driver_close(&d);
    }
}

/* Exactly RCV.NXT: over, in silence. */
static void rst_exact(void **state)
{
    static const struct row r = {{[LISTEN] = "R 0:0(0) win 0",
                                  [SYN_SENT] = "R. 0:0(0) ack 1 win 0",
                                  [SYN_RCVD] = "R 1:1(0) win 0",
                                  [ESTAB] = "R 1:1(0) win 0",
                                  [FIN_WAIT_1] = "R 1:1(0) win 0",
                                  [FIN_WAIT_2] = "R 1:1(0) win 0",
                                  [CLOSE_WAIT] = "R 2:2(0) win 0",
                                  [CLOSING] = "R 2:2(0) win 0",
                                  [LAST_ACK] = "R 2:2(0) win 0",
                                  [TIME_WAIT] = "R 2:2(0) win 0"},
                                 {0}};
    (void)state;
    in_each_state(&r);
}

/* Elsewhere in the window: RFC 5961 §3.2's challenge. */
static void rst_in_window(void **state)
{
    static const struct row r = {{[SYN_SENT] = "R 0:0(0) win 0", /* proves nothing */
                                  [SYN_RCVD] = "R 5:5(0) win 0",
                                  [ESTAB] = "R 5:5(0) win 0",
                                  [FIN_WAIT_1] = "R 5:5(0) win 0",
                                  [FIN_WAIT_2] = "R 5:5(0) win 0",
                                  [CLOSE_WAIT] = "R 5:5(0) win 0",
                                  [CLOSING] = "R 5:5(0) win 0",
                                  [LAST_ACK] = "R 5:5(0) win 0",
                                  [TIME_WAIT] = "R 5:5(0) win 0"},
                                 {[SYN_RCVD] = ". 1:1(0) ack 1",
                                  [ESTAB] = ". 1:1(0) ack 1",
                                  [FIN_WAIT_1] = ". 2:2(0) ack 1",
                                  [FIN_WAIT_2] = ". 2:2(0) ack 1",
                                  [CLOSE_WAIT] = ". 1:1(0) ack 2",
                                  [CLOSING] = ". 2:2(0) ack 2",
                                  [LAST_ACK] = ". 2:2(0) ack 2"}};
    (void)state;
    in_each_state(&r);
}

static void rst_outside(void **state)
{
    static const struct row r = {{[SYN_SENT] = "R. 0:0(0) ack 7 win 0",
                                  [SYN_RCVD] = "R 99999:99999(0) win 0",
                                  [ESTAB] = "R 99999:99999(0) win 0",
                                  [FIN_WAIT_1] = "R 99999:99999(0) win 0",
                                  [FIN_WAIT_2] = "R 99999:99999(0) win 0",
                                  [CLOSE_WAIT] = "R 99999:99999(0) win 0",
                                  [CLOSING] = "R 99999:99999(0) win 0",
                                  [LAST_ACK] = "R 99999:99999(0) win 0",
                                  [TIME_WAIT] = "R 99999:99999(0) win 0"},
                                 {0}};
    (void)state;
    in_each_state(&r);
}

/* RFC 5961 §4.2: a SYN in a synchronized state is challenged, in the window or not. */
static void syn_in_each(void **state)
{
    static const struct row r = {{[LISTEN] = "S 0:0(0) win 65535 <mss 1000>",
                                  [SYN_SENT] = "S 0:0(0) win 65535 <mss 1000>",
                                  [SYN_RCVD] = "S 0:0(0) win 65535 <mss 1000,sackOK,eol,eol>",
                                  [ESTAB] = "S 1:1(0) win 65535 <mss 1000>",
                                  [FIN_WAIT_1] = "S 1:1(0) win 65535 <mss 1000>",
                                  [FIN_WAIT_2] = "S 99999:99999(0) win 65535 <mss 1000>",
                                  [CLOSE_WAIT] = "S 2:2(0) win 65535 <mss 1000>",
                                  [CLOSING] = "S 2:2(0) win 65535 <mss 1000>",
                                  [LAST_ACK] = "S 0:0(0) win 65535 <mss 1000>"},
                                 {[LISTEN] = "S. 0:0(0) ack 1 <mss 1460>",
                                  [SYN_SENT] = "S. 0:0(0) ack 1 <mss 1460>",
                                  [SYN_RCVD] = "S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>",
                                  [ESTAB] = ". 1:1(0) ack 1",
                                  [FIN_WAIT_1] = ". 2:2(0) ack 1",
                                  [FIN_WAIT_2] = ". 2:2(0) ack 1",
                                  [CLOSE_WAIT] = ". 1:1(0) ack 2",
                                  [CLOSING] = ". 2:2(0) ack 2",
                                  [LAST_ACK] = ". 2:2(0) ack 2"}};
    (void)state;
    in_each_state(&r);
}

/* An ACK of what was never sent. */
static void ack_unsent(void **state)
{
    static const struct row r = {{[LISTEN] = ". 1:1(0) ack 77 win 65535",
                                  [SYN_SENT] = ". 1:1(0) ack 77 win 65535",
                                  [SYN_RCVD] = ". 1:1(0) ack 77 win 65535",
                                  [ESTAB] = ". 1:1(0) ack 77 win 65535",
                                  [FIN_WAIT_1] = ". 1:1(0) ack 77 win 65535",
                                  [FIN_WAIT_2] = ". 1:1(0) ack 77 win 65535",
                                  [CLOSE_WAIT] = ". 2:2(0) ack 77 win 65535",
                                  [CLOSING] = ". 2:2(0) ack 77 win 65535",
                                  [LAST_ACK] = ". 2:2(0) ack 77 win 65535"},
                                 {[LISTEN] = "R 77:77(0)",
                                  [SYN_SENT] = "R 77:77(0)",
                                  [SYN_RCVD] = "R 77:77(0)",
                                  [ESTAB] = ". 1:1(0) ack 1",
                                  [FIN_WAIT_1] = ". 2:2(0) ack 1",
                                  [FIN_WAIT_2] = ". 2:2(0) ack 1",
                                  [CLOSE_WAIT] = ". 1:1(0) ack 2",
                                  [CLOSING] = ". 2:2(0) ack 2",
                                  [LAST_ACK] = ". 2:2(0) ack 2"}};
    (void)state;
    in_each_state(&r);
}

/* Without the ACK bit nothing counts. */
static void no_ack_bit(void **state)
{
    static const struct row r = {{[LISTEN] = "P 1:11(10) win 65535",
                                  [SYN_SENT] = "P 1:11(10) win 65535",
                                  [SYN_RCVD] = "P 1:11(10) win 65535",
                                  [ESTAB] = "P 1:11(10) win 65535",
                                  [FIN_WAIT_1] = "F 1:1(0) win 65535",
                                  [FIN_WAIT_2] = "F 1:1(0) win 65535",
                                  [CLOSE_WAIT] = "F 2:2(0) win 65535",
                                  [CLOSING] = "F 2:2(0) win 65535",
                                  [LAST_ACK] = "F 2:2(0) win 65535"},
                                 {0}};
    (void)state;
    in_each_state(&r);
}

static void fin_in_each(void **state)
{
    static const struct row r = {{[LISTEN] = "F. 1:1(0) ack 1 win 65535",
                                  [SYN_SENT] = "F. 1:1(0) ack 1 win 65535",
                                  [SYN_RCVD] = "F. 1:1(0) ack 1 win 65535",
                                  [ESTAB] = "F. 1:1(0) ack 1 win 65535",
                                  [FIN_WAIT_1] = "F. 1:1(0) ack 1 win 65535",
                                  [FIN_WAIT_2] = "F. 1:1(0) ack 2 win 65535",
                                  [CLOSE_WAIT] = "F. 1:1(0) ack 1 win 65535", /* again */
                                  [CLOSING] = "F. 1:1(0) ack 1 win 65535",
                                  [LAST_ACK] = "F. 1:1(0) ack 1 win 65535",
                                  [TIME_WAIT] = "F. 1:1(0) ack 2 win 65535"},
                                 {[LISTEN] = "R 1:1(0)",
                                  [SYN_RCVD] = ". 1:1(0) ack 2",
                                  [ESTAB] = ". 1:1(0) ack 2",
                                  [FIN_WAIT_1] = ". 2:2(0) ack 2",
                                  [FIN_WAIT_2] = ". 2:2(0) ack 2",
                                  [CLOSE_WAIT] = ". 1:1(0) ack 2",
                                  [CLOSING] = ". 2:2(0) ack 2",
                                  [LAST_ACK] = ". 2:2(0) ack 2",
                                  [TIME_WAIT] = ". 2:2(0) ack 2"}};
    (void)state;
    in_each_state(&r);
}

/* ---- text: order, overlap, SACK, D-SACK (RFC 2018 §4, RFC 2883 §4) ---- */

static void text_out_of_order(void **state)
{
    struct driver d;
    char buf[10000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, ". 2001:3001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1 <nop,nop,sack 2001:3001>");
    driver_in(&d, ". 4001:5001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1 <nop,nop,sack 4001:5001 2001:3001>");
    driver_in(&d, ". 6001:7001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1 <nop,nop,sack 6001:7001 4001:5001 2001:3001>");
    driver_in(&d, ". 8001:9001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1 <nop,nop,sack 8001:9001 6001:7001 4001:5001 2001:3001>");
    driver_in(&d, ". 3001:4001(1000) ack 1 win 65535"); /* joins two */
    driver_out(&d, 0, ". 1:1(0) ack 1 <nop,nop,sack 2001:5001 8001:9001 6001:7001>");
    driver_in(&d, ". 1:1001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1001 <nop,nop,sack 2001:5001 8001:9001 6001:7001>");
    driver_in(&d, ". 1001:2001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 5001 <nop,nop,sack 8001:9001 6001:7001>");
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 5000);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal((uint8_t)buf[i], (uint8_t)(1 + i));
    driver_close(&d);
}

static void duplicates_are_told(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)driver_established(&d);
    driver_in(&d, ". 1:1001(1000) ack 1 win 65535");
    driver_in(&d, ". 1001:2001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 2001 <>");
    driver_in(&d, ". 1:1001(1000) ack 1 win 65535"); /* all of it below RCV.NXT */
    driver_out(&d, 0, ". 1:1(0) ack 2001 <nop,nop,sack 1:1001>");
    driver_in(&d, ". 1501:2501(1000) ack 1 win 65535"); /* half of it */
    driver_out(&d, 0, ". 1:1(0) ack 2501 <nop,nop,sack 1501:2001>");
    driver_in(&d, ". 4001:5001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 2501 <nop,nop,sack 4001:5001>");
    driver_in(&d, ". 4001:5001(1000) ack 1 win 65535"); /* above: then the range that holds it */
    driver_out(&d, 0, ". 1:1(0) ack 2501 <nop,nop,sack 4001:5001 4001:5001>");
    driver_in(&d, ". 3501:4501(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 2501 <nop,nop,sack 4001:4501 3501:5001>");
    driver_close(&d);
}

/* No SACK agreed: plain duplicate ACKs, one for each. */
static void without_sack(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 1);
    (void)driver_accepted(&d, l, "mss 1000", 65535);
    for (int i = 0; i < 3; i++) {
        driver_in(&d, ". %d:%d(1000) ack 1 win 65535", 2001 + i * 1000, 3001 + i * 1000);
        driver_out(&d, 0, ". 1:1(0) ack 1 <>");
    }
    driver_in(&d, ". 1:2001(2000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 5001 <>");
    driver_close(&d);
}

/* close with unread bytes sends FIN here, and RST when more come. */
static void close_unread(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, "P. 1:1001(1000) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 1001");
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, -1, "F. 1:1(0) ack 1001");
    driver_in(&d, "P. 1001:2001(1000) ack 2 win 65535");
    driver_out(&d, -1, "R 2:2(0)");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_again),           cmocka_unit_test(synack_options),
        cmocka_unit_test(acks_in_pairs),       cmocka_unit_test(buffers_as_said),
        cmocka_unit_test(rst_exact),           cmocka_unit_test(rst_in_window),
        cmocka_unit_test(rst_outside),         cmocka_unit_test(syn_in_each),
        cmocka_unit_test(ack_unsent),          cmocka_unit_test(no_ack_bit),
        cmocka_unit_test(fin_in_each),         cmocka_unit_test(text_out_of_order),
        cmocka_unit_test(duplicates_are_told), cmocka_unit_test(without_sack),
        cmocka_unit_test(close_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
