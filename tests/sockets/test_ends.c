/* Opening, urgent data, shutdown and the ends of connections, as the man pages have them. */
#include "sockets/driver.h"
#include <sys/ioctl.h>

#define FLAGS "local=192.168.0.1/16,local=10.9.8.7/8,profile=linux"

/* ---- urgent ---- */

/* The pointer names the byte behind the urgent one (RFC 9293 §3.8.5, RFC 6093). */
static void urgent_out(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, send, fd, "abcde", 5, MSG_OOB), 5);
    driver_out(&d, 0, "P.U 1:6(5) ack 1 urg 5");
    driver_close(&d);
}

static void urgent_in(void **state)
{
    struct driver d;
    struct pollfd p;
    char buf[100];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    FAILS(CALL(&d, recv, fd, buf, 1, MSG_OOB), EINVAL);
    driver_in(&d, "P.U 1:11(10) ack 1 win 65535 urg 4");
    p = (struct pollfd){.fd = fd, .events = POLLIN | POLLPRI};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLIN | POLLPRI);
    assert_int_equal(driver_ask(&d, fd, FIONREAD), 3);
    assert_int_equal(driver_ask(&d, fd, SIOCATMARK), 0);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 3); /* up to the mark */
    assert_int_equal(driver_ask(&d, fd, SIOCATMARK), 1);
    assert_int_equal(CALL(&d, recv, fd, buf, 1, MSG_OOB | MSG_PEEK), 1);
    assert_int_equal(CALL(&d, recv, fd, buf, 1, MSG_OOB), 1);
    assert_int_equal(buf[0], 4);
    FAILS(CALL(&d, recv, fd, buf, 1, MSG_OOB), EINVAL);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 6);
    assert_int_equal(buf[0], 5);
    assert_int_equal(driver_ask(&d, fd, SIOCATMARK), 0);
    driver_close(&d);
}

static void urgent_in_line(void **state)
{
    struct driver d;
    char buf[100];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_set(&d, fd, SOL_SOCKET, SO_OOBINLINE, 1);
    driver_in(&d, "P.U 1:11(10) ack 1 win 65535 urg 4");
    FAILS(CALL(&d, recv, fd, buf, 1, MSG_OOB), EINVAL);
    assert_int_equal(CALL(&d, read, fd, buf, 3), 3);
    assert_int_equal(driver_ask(&d, fd, SIOCATMARK), 1);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 7);
    assert_int_equal(buf[0], 4);
    driver_close(&d);
}

/* ---- shutdown and what comes then ---- */

static void shutdown_read(void **state)
{
    struct driver d;
    char buf[2000];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, shutdown, fd, SHUT_RD), 0);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 0);
    driver_in(&d, "P. 1:1001(1000) ack 1 win 65535"); /* nothing tells the peer */
    driver_out(&d, -1, ". 1:1(0) ack 1001");
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 1000);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 0);
    assert_int_equal(CALL(&d, shutdown, fd, SHUT_WR), 0);
    driver_out(&d, -1, "F. 1:1(0) ack 1001");
    driver_in(&d, ". 1001:1001(0) ack 2 win 65535");
    driver_in(&d, "P. 1001:2001(1000) ack 2 win 65535"); /* nobody is there for it */
    driver_out(&d, -1, "R 2:2(0)");
    driver_close(&d);
}

static void shutdown_both(void **state)
{
    struct driver d;
    struct pollfd p;
    char c;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, shutdown, fd, SHUT_RDWR), 0);
    driver_out(&d, -1, "F. 1:1(0) ack 1");
    assert_int_equal(CALL(&d, read, fd, &c, 1), 0);
    p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, -1, ". 2:2(0) ack 2");
    FAILS(CALL(&d, shutdown, fd, SHUT_WR), ENOTCONN);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_close(&d);
}

static void shutdown_listener(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 1);
    assert_int_equal(CALL(&d, shutdown, l, SHUT_RD), 0);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "R. 0:0(0) ack 1");
    FAILS(CALL(&d, accept, l, NULL, NULL), EINVAL);
    assert_int_equal(CALL(&d, listen, l, 1), 0);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "S. 0:0(0) ack 1");
    driver_close(&d);
}

/* close waits for the peer's ACK, at most as long as SO_LINGER says. */
static void linger(void **state)
{
    struct driver d;
    struct linger l = {1, 2};
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
    long long before = driver_now(&d);
    assert_int_equal(CALL(&d, close, fd), 0);
    assert_in_range(driver_now(&d) - before, 2 * S, 2 * S + 1 * MS);
    driver_out(&d, 0, "F. 1:1(0) ack 1");
    driver_out(&d, 200 * MS, "F. 1:1(0) ack 1");
    driver_close(&d);
}

/* ---- connect ---- */

static void connect_without_waiting(void **state)
{
    struct driver d;
    struct pollfd p;
    socklen_t len;
    char c = 0;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr *to = driver_remote(&d, &len);
    FAILS(CALL(&d, connect, fd, to, 3), EINVAL);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    FAILS(CALL(&d, connect, fd, to, len), EALREADY);
    FAILS(CALL(&d, read, fd, &c, 1), EAGAIN);
    FAILS(CALL(&d, write, fd, &c, 1), EAGAIN);
    p = (struct pollfd){.fd = fd, .events = POLLOUT};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 0);
    driver_out(&d, 0, "S 0:0(0)");
    driver_in(&d, "S. 0:0(0) ack 1 win 65535 <mss 1000>");
    driver_out(&d, 0, ". 1:1(0) ack 1");
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLOUT);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(CALL(&d, connect, fd, to, len), 0);
    FAILS(CALL(&d, connect, fd, to, len), EISCONN);
    driver_close(&d);
}

static void refused(void **state)
{
    struct driver d;
    struct pollfd p;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr *to = driver_remote(&d, &len);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0)");
    driver_in(&d, "R. 0:0(0) ack 1 win 0");
    p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLIN | POLLOUT | POLLERR | POLLHUP);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), 0);
    driver_close(&d);
}

/* Both SYNs cross, to a port that is bound and does not listen. */
static void simultaneous_open(void **state)
{
    struct driver d;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr *a = driver_local(&d, &len), *to = driver_remote(&d, &len);
    assert_int_equal(CALL(&d, bind, fd, a, len), 0);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0)");
    assert_int_equal(d.lport, 8080);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, 0, "S. 0:0(0) ack 1 <mss 1460>");
    driver_in(&d, "S. 0:0(0) ack 1 win 65535 <mss 1000>");
    driver_out(&d, 0, ". 1:1(0) ack 1"); /* for a peer that took our SYN,ACK for an old one */
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(CALL(&d, write, fd, "x", 1), 1);
    driver_out(&d, 0, "P. 1:2(1) ack 1");
    driver_close(&d);
}

static void reset_in_close_wait(void **state)
{
    struct driver d;
    char c = 0;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, "F. 1:1(0) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 2");
    assert_int_equal(CALL(&d, read, fd, &c, 1), 0);
    driver_in(&d, "R. 2:2(0) ack 1 win 0");
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), EPIPE);
    FAILS(CALL(&d, write, fd, &c, 1), EPIPE);
    driver_close(&d);
}

static void icmp_ends_an_open(void **state)
{
    struct driver d;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr *to = driver_remote(&d, &len);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0)");
    driver_icmp(&d, 3, 3, 0); /* port unreachable */
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    driver_close(&d);
}

/* A soft error says that a router knows no way now: Linux's connect fails by it too. */
static void icmp_soft_while_opening(void **state)
{
    struct driver d;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    struct sockaddr *to = driver_remote(&d, &len);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0)");
    driver_icmp(&d, 3, 1, 0);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    driver_close(&d);
    driver_open(&d, "local=192.168.0.1/16,profile=rfc");
    fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0)");
    driver_icmp(&d, 3, 1, 0);
    driver_out(&d, 1 * S, "S 0:0(0)");
    driver_close(&d);
}

static void icmp_too_big(void **state)
{
    struct driver d;
    static char buf[3000];
    (void)state;
    driver_open(&d, FLAGS ",tso=1");
    int l = driver_listen(&d, 1), fd = driver_accepted(&d, l, "mss 1460,nop,nop,sackOK", 65535);
    assert_int_equal(CALL(&d, write, fd, buf, 1460), 1460);
    driver_out(&d, 0, "P. 1:1461(1460) ack 1");
    driver_icmp(&d, 3, 4, 1040);
    driver_out(&d, 0, ". 1:1001(1000) ack 1");
    driver_out(&d, 0, "P. 1001:1461(460) ack 1");
    assert_int_equal(driver_get(&d, fd, IPPROTO_IP, IP_MTU), 1040);
    driver_close(&d);
}

static void tcp_info(void **state)
{
    struct driver d;
    struct tcp_info i;
    static char buf[5000];
    socklen_t len = sizeof i;
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000,sackOK,eol,eol>");
    driver_out(&d, 0, "S. 0:0(0) ack 1");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
    assert_true(len >= 232);
    assert_int_equal(i.tcpi_state, 1);
    assert_int_equal(i.tcpi_options, TCPI_OPT_SACK);
    assert_int_equal(i.tcpi_snd_cwnd, 10);
    assert_int_equal(i.tcpi_snd_mss, 1000);
    assert_int_equal(i.tcpi_advmss, 1460);
    assert_int_equal(i.tcpi_pmtu, 1500);
    assert_in_range(i.tcpi_rtt, 99000, 101000);
    assert_in_range(i.tcpi_rto, 299000, 301000);
    assert_int_equal(CALL(&d, write, fd, buf, 5000), 5000);
    driver_out(&d, 100 * MS, "P. 1:2001(2000) ack 1"); /* a millisecond's worth is two segments */
    driver_out(&d, 100 * MS, "P. 2001:4001(2000) ack 1");
    driver_out(&d, 100 * MS, "P. 4001:5001(1000) ack 1");
    driver_in(&d, ". 1:1(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
    assert_int_equal(i.tcpi_unacked, 4);
    assert_int_equal(i.tcpi_sacked, 1);
    assert_int_equal(i.tcpi_ca_state, 1);
    assert_int_equal(i.tcpi_bytes_acked, 1000);
    assert_int_equal(i.tcpi_bytes_sent, 5000);
    assert_int_equal(i.tcpi_data_segs_out, 5); /* as the device cuts them */
    assert_int_equal(i.tcpi_segs_out, 5);      /* the SYN,ACK was the listener's */
    assert_int_equal(i.tcpi_delivered, 3);     /* the SYN, one acknowledged, one SACKed */
    assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
    len = 8; /* as much as there is room for */
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
    assert_int_equal(len, 8);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urgent_out),
        cmocka_unit_test(urgent_in),
        cmocka_unit_test(urgent_in_line),
        cmocka_unit_test(shutdown_read),
        cmocka_unit_test(shutdown_both),
        cmocka_unit_test(shutdown_listener),
        cmocka_unit_test(linger),
        cmocka_unit_test(connect_without_waiting),
        cmocka_unit_test(refused),
        cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(reset_in_close_wait),
        cmocka_unit_test(icmp_ends_an_open),
        cmocka_unit_test(icmp_soft_while_opening),
        cmocka_unit_test(icmp_too_big),
        cmocka_unit_test(tcp_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
