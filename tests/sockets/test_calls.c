/* The calls as the man pages have them: values, errno, options, queues. */
#include "sockets/driver.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define FLAGS "local=192.168.0.1/16,local=10.9.8.7/8,profile=linux"

static void socket_kinds(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    FAILS(CALL(&d, socket, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(CALL(&d, socket, AF_INET, SOCK_DGRAM, 0), ESOCKTNOSUPPORT);
    FAILS(CALL(&d, socket, AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    FAILS(CALL(&d, listen, 12345, 1), EBADF);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(CALL(&d, fcntl, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    assert_int_equal(CALL(&d, fcntl, fd, F_GETFD, 0), FD_CLOEXEC);
    assert_int_equal(CALL(&d, fcntl, fd, F_SETFL, 0), 0);
    assert_int_equal(CALL(&d, fcntl, fd, F_GETFL, 0), O_RDWR);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(CALL(&d, close, fd), 0);
    FAILS(CALL(&d, close, fd), EBADF);
    driver_close(&d);
}

static struct sockaddr_in at(uint32_t host, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

static void binding(void **state)
{
    struct driver d;
    struct sockaddr_in a = at(0xc0a80001, 80), any = at(0, 80), other = at(0x0a090807, 80);
    struct sockaddr_in zero = at(0, 0), foreign = at(0x01020304, 80);
    socklen_t len = sizeof a;
    (void)state;
    driver_open(&d, FLAGS);
    int x = CALL(&d, socket, AF_INET, SOCK_STREAM, 0),
        y = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    FAILS(CALL(&d, bind, x, (struct sockaddr *)&foreign, len), EADDRNOTAVAIL);
    FAILS(CALL(&d, bind, x, (struct sockaddr *)&a, 4), EINVAL);
    assert_int_equal(CALL(&d, bind, x, (struct sockaddr *)&a, len), 0);
    FAILS(CALL(&d, bind, x, (struct sockaddr *)&other, len), EINVAL); /* has one */
    FAILS(CALL(&d, bind, y, (struct sockaddr *)&a, len), EADDRINUSE);
    FAILS(CALL(&d, bind, y, (struct sockaddr *)&any, len), EADDRINUSE);
    assert_int_equal(CALL(&d, bind, y, (struct sockaddr *)&other, len), 0);
    assert_int_equal(CALL(&d, close, y), 0);
    /* SO_REUSEADDR on both shares the address, but not between two listeners. */
    y = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    driver_set(&d, y, SOL_SOCKET, SO_REUSEADDR, 1);
    FAILS(CALL(&d, bind, y, (struct sockaddr *)&a, len), EADDRINUSE);
    driver_set(&d, x, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(CALL(&d, bind, y, (struct sockaddr *)&a, len), 0);
    assert_int_equal(CALL(&d, listen, x, 1), 0);
    assert_int_equal(driver_get(&d, x, SOL_SOCKET, SO_ACCEPTCONN), 1);
    FAILS(CALL(&d, listen, y, 1), EADDRINUSE);
    assert_int_equal(CALL(&d, listen, x, 5), 0); /* only the backlog changes */
    /* Port 0 is a port of ours to choose. */
    int z = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(CALL(&d, bind, z, (struct sockaddr *)&zero, len), 0);
    assert_int_equal(CALL(&d, listen, z, 1), 0);
    driver_close(&d);
}

/* TIME-WAIT keeps the port from those who do not say SO_REUSEADDR. */
static void reuse_after_close(void **state)
{
    struct driver d;
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    struct sockaddr *a = driver_local(&d, &len);
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, -1, "F. 1:1(0) ack 1");
    driver_in(&d, "F. 1:1(0) ack 2 win 65535");
    driver_out(&d, -1, ". 2:2(0) ack 2");
    int x = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    FAILS(CALL(&d, bind, x, a, len), EADDRINUSE);
    driver_set(&d, x, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(CALL(&d, bind, x, a, len), 0);
    assert_int_equal(CALL(&d, listen, x, 1), 0);
    driver_until(&d, 61 * S);
    int y = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(CALL(&d, close, x), 0);
    assert_int_equal(CALL(&d, bind, y, a, len), 0);
    driver_close(&d);
}

static void not_connected(void **state)
{
    struct driver d;
    char c = 0;
    int one = 1;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    FAILS(CALL(&d, read, fd, &c, 1), ENOTCONN);
    FAILS(CALL(&d, write, fd, &c, 1), EPIPE);
    FAILS(CALL(&d, shutdown, fd, SHUT_WR), ENOTCONN);
    FAILS(CALL(&d, accept, fd, NULL, NULL), EINVAL);
    FAILS(CALL(&d, getsockopt, fd, IPPROTO_TCP, 9999, &one, &(socklen_t){4}), ENOPROTOOPT);
    FAILS(CALL(&d, setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &one, 1), EINVAL);
    FAILS(CALL(&d, setsockopt, fd, IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof one), EOPNOTSUPP);
    FAILS(CALL(&d, ioctl, fd, 0x1234, &one), ENOTTY);
    int l = driver_listen(&d, 1);
    FAILS(CALL(&d, read, l, &c, 1), ENOTCONN);
    FAILS(CALL(&d, write, l, &c, 1), EPIPE);
    FAILS(CALL(&d, shutdown, l, 7), EINVAL);
    FAILS(CALL(&d, ioctl, l, FIONREAD, &one), EINVAL);
    driver_close(&d);
}

/* What is set is read back, in the units and limits of tcp(7). */
static void options(void **state)
{
    static const struct {
        int level, name, preset, set, got;
    } table[] = {
        {SOL_SOCKET, SO_REUSEADDR, 0, 7, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 0, 1, 1},
        {SOL_SOCKET, SO_OOBINLINE, 0, 1, 1},
        {SOL_SOCKET, SO_RCVLOWAT, 1, 0, 1},
        {SOL_SOCKET, SO_RCVLOWAT, 1, 500, 500},
        {SOL_SOCKET, SO_RCVBUF, 131072, 5000, 10000},
        {SOL_SOCKET, SO_RCVBUF, 10000, 1, 2304},
        {SOL_SOCKET, SO_SNDBUF, 2626560, 9000, 18000},
        {SOL_SOCKET, SO_SNDBUF, 18000, 1, 4608},
        {IPPROTO_IP, IP_TOS, 0, 0x28, 0x28},
        {IPPROTO_IP, IP_TTL, 64, 17, 17},
        {IPPROTO_TCP, TCP_NODELAY, 0, 1, 1},
        {IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 1000},
        {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 30, 30},
        {IPPROTO_TCP, TCP_KEEPINTVL, 75, 3, 3},
        {IPPROTO_TCP, TCP_KEEPCNT, 9, 4, 4},
        {IPPROTO_TCP, TCP_SYNCNT, 6, 3, 3},
        {IPPROTO_TCP, TCP_LINGER2, 60, 200, 120},
        {IPPROTO_TCP, TCP_LINGER2, 120, -5, -1},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 1234, 1234},
        {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 100, 1152},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 4096, 4096},
        {IPPROTO_TCP, TCP_INQ, 0, 1, 1},
    };
    struct driver d;
    char name[32] = "";
    socklen_t len = sizeof name;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(driver_get(&d, fd, table[i].level, table[i].name), table[i].preset);
        driver_set(&d, fd, table[i].level, table[i].name, table[i].set);
        assert_int_equal(driver_get(&d, fd, table[i].level, table[i].name), table[i].got);
    }
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_string_equal(name, "reno");
    FAILS(CALL(&d, setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
    struct timeval tv = {1, 1000000};
    FAILS(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), EDOM);
    driver_close(&d);
}

static void on_the_wire(void **state)
{
    struct driver d;
    char buf[3000] = "";
    (void)state;
    driver_open(&d, FLAGS ",tso=1");
    int fd = driver_established(&d);
    driver_set(&d, fd, IPPROTO_IP, IP_TTL, 17);
    driver_set(&d, fd, IPPROTO_IP, IP_TOS, 0x28);
    driver_set(&d, fd, IPPROTO_TCP, TCP_MAXSEG, 500);
    assert_int_equal(driver_get(&d, fd, IPPROTO_TCP, TCP_MAXSEG), 500);
    assert_int_equal(CALL(&d, write, fd, buf, 700), 700);
    driver_out(&d, 0, ". 1:501(500) ack 1");
    assert_int_equal(d.ttl, 17);
    assert_int_equal(d.tos, 0x28);
    driver_out(&d, 0, "P. 501:701(200) ack 1");
    driver_close(&d);
}

/* A window that the program bounds. */
static void small_buffer(void **state)
{
    struct driver d;
    char buf[9000];
    socklen_t len;
    (void)state;
    driver_open(&d, FLAGS);
    int l = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    struct sockaddr *a = driver_local(&d, &len);
    driver_set(&d, l, SOL_SOCKET, SO_RCVBUF, 4000);
    assert_int_equal(CALL(&d, bind, l, a, len), 0);
    assert_int_equal(CALL(&d, listen, l, 1), 0);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "S. 0:0(0) ack 1 win 4000 <mss 1460>");
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, NULL, NULL);
    driver_in(&d, "P. 1:2001(2000) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 2001 win 2000");
    driver_in(&d, "P. 2001:4001(2000) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 4001 win 0");
    assert_int_equal(driver_ask(&d, fd, FIONREAD), 4000);
    assert_int_equal(CALL(&d, recv, fd, buf, 1000, MSG_PEEK), 1000);
    assert_int_equal(driver_ask(&d, fd, FIONREAD), 4000);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 4000);
    driver_out(&d, -1, ". 1:1(0) ack 4001 win 4000"); /* the update */
    assert_int_equal(driver_ask(&d, fd, FIONREAD), 0);
    driver_close(&d);
}

static void queues(void **state)
{
    struct driver d;
    char buf[2000] = "";
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, ". 1:1(0) ack 1 win 1000");
    assert_int_equal(CALL(&d, write, fd, buf, 1500), 1500);
    driver_out(&d, 0, ". 1:1001(1000) ack 1");
    assert_int_equal(driver_ask(&d, fd, SIOCOUTQ), 1500);
    assert_int_equal(driver_ask(&d, fd, SIOCOUTQNSD), 500);
    assert_int_equal(CALL(&d, shutdown, fd, SHUT_WR), 0);
    assert_int_equal(driver_ask(&d, fd, SIOCOUTQ), 1501); /* the FIN counts */
    driver_in(&d, ". 1:1(0) ack 1001 win 1000");
    driver_out(&d, -1, "FP. 1001:1501(500) ack 1");
    driver_in(&d, ". 1:1(0) ack 1502 win 1000");
    assert_int_equal(driver_ask(&d, fd, SIOCOUTQ), 0);
    FAILS(CALL(&d, write, fd, buf, 1), EPIPE);
    driver_in(&d, "FP. 1:301(300) ack 1502 win 1000");
    driver_out(&d, -1, ". 1502:1502(0) ack 302");
    assert_int_equal(driver_ask(&d, fd, FIONREAD), 300);
    assert_int_equal(CALL(&d, recv, fd, buf, 2000, MSG_WAITALL), 300);
    assert_int_equal(CALL(&d, read, fd, buf, 2000), 0);
    driver_close(&d);
}

static void flags_of_recv(void **state)
{
    struct driver d;
    char a[100], b[400];
    struct iovec v[2] = {{a, sizeof a}, {b, sizeof b}};
    char control[256];
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    FAILS(CALL(&d, recv, fd, a, sizeof a, MSG_DONTWAIT), EAGAIN);
    driver_in(&d, "P. 1:1001(1000) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 1001");
    assert_int_equal(CALL(&d, recv, fd, NULL, 100, MSG_TRUNC), 100); /* thrown away */
    driver_set(&d, fd, IPPROTO_TCP, TCP_INQ, 1);
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    assert_int_equal(CALL(&d, recvmsg, fd, &m, 0), 500);
    assert_int_equal((uint8_t)a[0], 101);
    assert_int_equal((uint8_t)b[0], 201);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    assert_non_null(c);
    assert_int_equal(c->cmsg_level, IPPROTO_TCP);
    assert_int_equal(c->cmsg_type, TCP_CM_INQ);
    int left;
    memcpy(&left, CMSG_DATA(c), sizeof left);
    assert_int_equal(left, 400);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_kinds),      cmocka_unit_test(binding),
        cmocka_unit_test(reuse_after_close), cmocka_unit_test(not_connected),
        cmocka_unit_test(options),           cmocka_unit_test(on_the_wire),
        cmocka_unit_test(small_buffer),      cmocka_unit_test(queues),
        cmocka_unit_test(flags_of_recv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
