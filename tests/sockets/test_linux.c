/* profile=linux: what scripts written for Linux look at on the wire.  Expected values are those of
 * tcp(7), of RFCs 6298, 5681 and 7323, and of the profile's list in sockets/profile.c. */
#include "sockets/driver.h"
#include <fcntl.h>

#define FLAGS "local=192.168.0.1/16,profile=linux"

static int connect_start(struct driver *d)
{
    socklen_t len;
    int fd = CALL(d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    struct sockaddr *to = driver_remote(d, &len);
    FAILS(CALL(d, connect, fd, to, len), EINPROGRESS);
    return fd;
}

/* A SYN goes again after 1, 2, 4 ... 32 s: at 1, 3, 7, 15, 31 and 63 s; after 64 s more it is over.
 */
static void syn_again(void **state)
{
    static const int at[] = {0, 1, 3, 7, 15, 31, 63};
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = connect_start(&d);
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++)
        driver_out(&d, at[i] * S, "S 0:0(0) win 65535 <mss 1460,sackOK,TS,nop,wscale 8>");
    driver_silence(&d, 126 * S);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), 0);
    driver_until(&d, 128 * S);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), 0);
    driver_nothing(&d);
    driver_close(&d);
}

static void syn_count(void **state)
{
    struct driver d;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    driver_set(&d, fd, IPPROTO_TCP, TCP_SYNCNT, 2);
    struct sockaddr *to = driver_remote(&d, &len);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    FAILS(CALL(&d, connect, fd, to, len), EALREADY);
    driver_out(&d, 0, "S 0:0(0)");
    driver_out(&d, 1 * S, "S 0:0(0)");
    driver_out(&d, 3 * S, "S 0:0(0)");
    driver_silence(&d, 6900 * MS); /* 1 + 2 + 4 s */
    driver_until(&d, 7100 * MS);
    FAILS(CALL(&d, connect, fd, to, len), ETIMEDOUT);
    driver_close(&d);
}

/* SYN,ACK at 0, 1, 3, 7, 15 and 31 s. */
static void synack_again(void **state)
{
    static const int at[] = {0, 1, 3, 7, 15, 31};
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000,sackOK,TS,nop,wscale 7>");
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++)
        driver_out(&d, at[i] * S, "S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS,nop,wscale 8>");
    driver_nothing(&d);
    driver_close(&d);
}

/* Only what was offered comes back, in Linux's order. */
static void synack_options(void **state)
{
    static const struct {
        const char *in, *out;
    } table[] = {
        {"mss 1000", "mss 1460"},
        {"mss 1000,nop,wscale 7", "mss 1460,nop,wscale 8"},
        {"mss 1000,nop,nop,sackOK", "mss 1460,nop,nop,sackOK"},
        {"mss 1000,sackOK,nop,nop,nop,wscale 7", "mss 1460,nop,nop,sackOK,nop,wscale 8"},
        {"mss 1000,nop,nop,TS val 7 ecr 0", "mss 1460,nop,nop,TS"},
        {"mss 1000,sackOK,TS val 7 ecr 0", "mss 1460,sackOK,TS"},
        {"mss 1000,nop,nop,TS val 7 ecr 0,nop,wscale 3", "mss 1460,nop,nop,TS,nop,wscale 8"},
        {"mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 3", "mss 1460,sackOK,TS,nop,wscale 8"},
    };
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    (void)driver_listen(&d, 100);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        d.rport++;
        driver_in(&d, "S 0:0(0) win 65535 <%s>", table[i].in);
        driver_out(&d, -1, "S. 0:0(0) ack 1 win 65535 <%s>", table[i].out);
        driver_in(&d, "R 1:1(0) win 0");
    }
    driver_close(&d);
}

/* RTT 100 ms: SRTT 100, RTTVAR 50 floored to 200: RTO 300 ms, then twice as long each time. */
static void data_again(void **state)
{
    struct driver d;
    char buf[1000] = "";
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, 0, "S. 0:0(0) ack 1");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_int_equal(CALL(&d, close, l), 0);
    driver_until(&d, 200 * MS);
    assert_int_equal(CALL(&d, write, fd, buf, sizeof buf), 1000);
    driver_out(&d, 200 * MS, "P. 1:1001(1000) ack 1");
    driver_out(&d, 500 * MS, "P. 1:1001(1000) ack 1");
    driver_out(&d, 1100 * MS, "P. 1:1001(1000) ack 1");
    driver_out(&d, 2300 * MS, "P. 1:1001(1000) ack 1");
    driver_out(&d, 4700 * MS, "P. 1:1001(1000) ack 1");
    driver_close(&d);
}

/* The first 16 are not delayed; when the program answers, ACKs wait for 40 ms or the second
 * segment, until once no answer comes. */
static void quick_and_delayed_acks(void **state)
{
    struct driver d;
    char buf[1000] = "";
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    for (int i = 0; i < 5; i++) {
        driver_until(&d, (i + 1) * 10 * MS);
        driver_in(&d, "P. %d:%d(1000) ack 1 win 65535", 1 + i * 1000, 1001 + i * 1000);
        driver_out(&d, (i + 1) * 10 * MS, ". 1:1(0) ack %d", 1001 + i * 1000);
    }
    assert_int_equal(CALL(&d, write, fd, buf, 100), 100);
    driver_out(&d, -1, "P. 1:101(100) ack 5001");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 5001:5001(0) ack 101 win 65535");
    driver_in(&d, "P. 5001:6001(1000) ack 101 win 65535");
    driver_out(&d, 140 * MS, ". 101:101(0) ack 6001");
    driver_until(&d, 200 * MS);
    driver_in(&d, "P. 6001:7001(1000) ack 101 win 65535");
    driver_out(&d, 200 * MS, ". 101:101(0) ack 7001");
    assert_int_equal(CALL(&d, write, fd, buf, 100), 100);
    driver_out(&d, -1, "P. 101:201(100) ack 7001");
    driver_until(&d, 210 * MS);
    driver_in(&d, "P. 7001:8001(1000) ack 201 win 65535");
    driver_until(&d, 220 * MS);
    driver_in(&d, "P. 8001:9001(1000) ack 201 win 65535");
    driver_out(&d, 220 * MS, ". 201:201(0) ack 9001");
    driver_nothing(&d);
    driver_close(&d);
}

/* What is out of order is acknowledged at once, whatever was before. */
static void quickack_option(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_set(&d, fd, IPPROTO_TCP, TCP_QUICKACK, 0);
    driver_in(&d, "P. 1:501(500) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 501");
    driver_in(&d, "P. 501:1001(500) ack 1 win 65535");
    driver_until(&d, 50 * MS);
    driver_set(&d, fd, IPPROTO_TCP, TCP_QUICKACK, 1);
    driver_out(&d, 50 * MS, ". 1:1(0) ack 1001");
    driver_close(&d);
}

/* Ten segments of the peer's MSS before the first ACK; a superframe, as a device with segmentation
 * offload gets, is pushed, and holds at most half of the window. */
static void initial_window(void **state)
{
    struct driver d;
    static char buf[30000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, sizeof buf), sizeof buf);
    driver_out(&d, 0, "P. 1:5001(5000) ack 1");
    driver_out(&d, 0, "P. 5001:10001(5000) ack 1");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 2001 win 65535");
    driver_out(&d, 100 * MS, "P. 10001:14001(4000) ack 1");
    driver_close(&d);
}

static void initial_window_in_segments(void **state)
{
    struct driver d;
    static char buf[30000];
    (void)state;
    driver_open(&d, FLAGS ",tso=1");
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, sizeof buf), sizeof buf);
    for (int i = 0; i < 10; i++)
        driver_out(&d, 0, ". %d:%d(1000) ack 1", 1 + i * 1000, 1001 + i * 1000);
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 2001 win 65535"); /* slow start: two are gone, four may go */
    for (int i = 10; i < 14; i++)
        driver_out(&d, 100 * MS, ". %d:%d(1000) ack 1", 1 + i * 1000, 1001 + i * 1000);
    driver_close(&d);
}

/* Nagle: the small rest waits for the ACK; NODELAY and CORK as tcp(7) says. */
static void nagle_and_cork(void **state)
{
    struct driver d;
    static char buf[4000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, 100), 100);
    driver_out(&d, 0, "P. 1:101(100) ack 1");
    assert_int_equal(CALL(&d, write, fd, buf, 100), 100);
    driver_silence(&d, 20 * MS);
    driver_in(&d, ". 1:1(0) ack 101 win 65535");
    driver_out(&d, 20 * MS, "P. 101:201(100) ack 1");
    driver_set(&d, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    assert_int_equal(CALL(&d, write, fd, buf, 100), 100);
    driver_out(&d, 20 * MS, "P. 201:301(100) ack 1");
    driver_in(&d, ". 1:1(0) ack 301 win 65535");
    driver_set(&d, fd, IPPROTO_TCP, TCP_CORK, 1);
    assert_int_equal(CALL(&d, write, fd, buf, 1500), 1500);
    driver_out(&d, 20 * MS, ". 301:1301(1000) ack 1");
    driver_in(&d, ". 1:1(0) ack 1301 win 65535");
    driver_until(&d, 30 * MS);
    driver_set(&d, fd, IPPROTO_TCP, TCP_CORK, 0);
    driver_out(&d, 30 * MS, "P. 1301:1801(500) ack 1");
    driver_in(&d, ". 1:1(0) ack 1801 win 65535");
    assert_int_equal(CALL(&d, send, fd, buf, 100, MSG_MORE), 100);
    driver_silence(&d, 40 * MS);
    assert_int_equal(CALL(&d, send, fd, buf, 100, 0), 100);
    driver_out(&d, 40 * MS, "P. 1801:2001(200) ack 1");
    driver_close(&d);
}

/* Probes of a closed window: after an RTO, then twice as long each; SEQ is below SND.UNA. */
static void closed_window(void **state)
{
    struct driver d;
    static char buf[2000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, ". 1:1(0) ack 1 win 0");
    assert_int_equal(CALL(&d, write, fd, buf, 1000), 1000);
    driver_out(&d, 200 * MS, ". 0:0(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 1 win 0");
    driver_out(&d, 600 * MS, ". 0:0(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 1 win 0");
    driver_out(&d, 1400 * MS, ". 0:0(0) ack 1");
    driver_until(&d, 1500 * MS);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    driver_out(&d, 1500 * MS, "P. 1:1001(1000) ack 1");
    driver_close(&d);
}

static void keepalive(void **state)
{
    struct driver d;
    char c;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_set(&d, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    driver_out(&d, 10 * S, ". 0:0(0) ack 1");
    driver_until(&d, 11 * S);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    driver_out(&d, 21 * S, ". 0:0(0) ack 1");
    driver_out(&d, 23 * S, ". 0:0(0) ack 1");
    driver_out(&d, 25 * S, ". 0:0(0) ack 1");
    driver_out(&d, 27 * S, "R. 1:1(0) ack 1");
    FAILS(CALL(&d, read, fd, &c, 1), ETIMEDOUT);
    driver_close(&d);
}

/* With a user timeout silence ends at the probe after it, however few there were. */
static void keepalive_and_user_timeout(void **state)
{
    struct driver d;
    char c;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_set(&d, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    driver_set(&d, fd, IPPROTO_TCP, TCP_KEEPCNT, 9);
    driver_set(&d, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 12000);
    driver_out(&d, 5 * S, ". 0:0(0) ack 1");
    driver_out(&d, 10 * S, ". 0:0(0) ack 1");
    driver_out(&d, 15 * S, "R. 1:1(0) ack 1");
    FAILS(CALL(&d, read, fd, &c, 1), ETIMEDOUT);
    driver_close(&d);
}

/* An ACK of four segments widens slow start by four: 10 + 4, six of them still in flight. */
static void slow_start(void **state)
{
    struct driver d;
    static char buf[30000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, sizeof buf), sizeof buf);
    driver_out(&d, 0, "P. 1:5001(5000) ack 1");
    driver_out(&d, 0, "P. 5001:10001(5000) ack 1");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 4001 win 65535");
    driver_out(&d, 100 * MS, "P. 10001:17001(7000) ack 1");
    driver_out(&d, 100 * MS, ". 17001:18001(1000) ack 1");
    driver_close(&d);
}

static void user_timeout(void **state)
{
    struct driver d;
    char c = 0;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_set(&d, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
    assert_int_equal(CALL(&d, write, fd, &c, 1), 1);
    driver_out(&d, 0, "P. 1:2(1) ack 1");
    driver_out(&d, 200 * MS, "P. 1:2(1) ack 1");
    driver_out(&d, 600 * MS, "P. 1:2(1) ack 1");
    driver_out(&d, 1400 * MS, "P. 1:2(1) ack 1");
    driver_silence(&d, 2990 * MS);
    driver_until(&d, 3010 * MS);
    FAILS(CALL(&d, write, fd, &c, 1), ETIMEDOUT);
    FAILS(CALL(&d, write, fd, &c, 1), EPIPE);
    driver_close(&d);
}

/* An orphan waits 60 s in FIN-WAIT-2, then its peer is nobody's. */
static void fin_wait_2(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, 0, "F. 1:1(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 2 win 65535");
    driver_silence(&d, 59 * S);
    driver_until(&d, 61 * S);
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, 61 * S, "R 2:2(0)");
    driver_close(&d);
}

/* TIME-WAIT lasts 60 s, answers the FIN again, and nothing else. */
static void time_wait(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, 0, "F. 1:1(0) ack 1");
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, 0, ". 2:2(0) ack 2");
    driver_until(&d, 30 * S);
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, 30 * S, ". 2:2(0) ack 2");
    driver_until(&d, 89 * S); /* the wait began again */
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, 89 * S, ". 2:2(0) ack 2");
    driver_until(&d, 150 * S);
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, 150 * S, "R 2:2(0)");
    driver_close(&d);
}

/* Text after close, or unread text at it, is answered by RST. */
static void resets(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, 0, "F. 1:1(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 2 win 65535");
    driver_in(&d, "P. 1:1001(1000) ack 2 win 65535");
    driver_out(&d, 0, "R 2:2(0)");
    d.rport++;
    fd = driver_established(&d);
    driver_in(&d, "P. 1:1001(1000) ack 1 win 65535");
    driver_out(&d, 0, ". 1:1(0) ack 1001");
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, 0, "R. 1:1(0) ack 1001");
    d.rport++;
    fd = driver_established(&d);
    struct linger l = {1, 0};
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, 0, "R. 1:1(0) ack 1");
    driver_close(&d);
}

/* A challenge, and the next within half a second draws nothing. */
static void challenges(void **state)
{
    struct driver d;
    char c;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, "R 2:2(0) win 0");
    driver_out(&d, 0, ". 1:1(0) ack 1");
    driver_in(&d, "S 1:1(0) win 65535");
    driver_silence(&d, 490 * MS);
    driver_until(&d, 510 * MS);
    driver_in(&d, "S 1:1(0) win 65535");
    driver_out(&d, 510 * MS, ". 1:1(0) ack 1");
    driver_until(&d, 2 * S);
    driver_in(&d, ". 1:1(0) ack 999999 win 65535");
    driver_out(&d, 2 * S, ". 1:1(0) ack 1");
    driver_in(&d, "R 1:1(0) win 0");
    FAILS(CALL(&d, read, fd, &c, 1), ECONNRESET);
    driver_close(&d);
}

/* A handshake that waits for bytes. */
static void defer_accept(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 5);
    assert_int_equal(CALL(&d, fcntl, l, F_SETFL, O_NONBLOCK), 0);
    driver_set(&d, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    assert_int_equal(driver_get(&d, l, IPPROTO_TCP, TCP_DEFER_ACCEPT), 1);
    driver_set(&d, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
    assert_int_equal(driver_get(&d, l, IPPROTO_TCP, TCP_DEFER_ACCEPT), 7);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, 0, "S. 0:0(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    FAILS(CALL(&d, accept, l, NULL, NULL), EAGAIN);
    driver_silence(&d, 2 * S); /* the ACK came: SYN,ACK is not sent again yet */
    driver_in(&d, "P. 1:11(10) ack 1 win 65535");
    driver_out(&d, 2 * S, ". 1:1(0) ack 11");
    assert_true(CALL(&d, accept, l, NULL, NULL) >= 0);
    d.rport++;
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, 2 * S, "S. 0:0(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    driver_out(&d, 9 * S, "S. 0:0(0) ack 1"); /* a last chance, with or without bytes */
    FAILS(CALL(&d, accept, l, NULL, NULL), EAGAIN);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    assert_true(CALL(&d, accept, l, NULL, NULL) >= 0);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_again),
        cmocka_unit_test(syn_count),
        cmocka_unit_test(synack_again),
        cmocka_unit_test(synack_options),
        cmocka_unit_test(data_again),
        cmocka_unit_test(quick_and_delayed_acks),
        cmocka_unit_test(quickack_option),
        cmocka_unit_test(initial_window),
        cmocka_unit_test(initial_window_in_segments),
        cmocka_unit_test(nagle_and_cork),
        cmocka_unit_test(closed_window),
        cmocka_unit_test(keepalive),
        cmocka_unit_test(user_timeout),
        cmocka_unit_test(keepalive_and_user_timeout),
        cmocka_unit_test(slow_start),
        cmocka_unit_test(fin_wait_2),
        cmocka_unit_test(time_wait),
        cmocka_unit_test(resets),
        cmocka_unit_test(challenges),
        cmocka_unit_test(defer_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
