/* The shared object as packetdrill uses it: time, threads, descriptors, the wire. */
#include "sockets/driver.h"
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_clock_that_moves_when_read(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, NULL);
    long long a = driver_now(&d), b = driver_now(&d);
    assert_true(b > a && b - a < 100);
    assert_int_equal(CALL(&d, usleep, 3600000000U), 0);
    assert_in_range(driver_now(&d), 3600 * S, 3600 * S + 1 * MS);
    driver_until(&d, 3601 * S);
    driver_nothing(&d);
    driver_close(&d);
}

static void handshake_data_and_close(void **state)
{
    struct driver d;
    char buf[2000];
    (void)state;
    driver_open(&d, "local=192.168.0.1/16,gateway=192.168.0.2,mtu=1500,msl=30s");
    int l = driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>");
    driver_out(&d, -1, "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 8>");
    driver_in(&d, ". 1:1(0) ack 1 win 257");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_true(fd >= 0);
    driver_in(&d, "P. 1:1001(1000) ack 1 win 257");
    driver_out(&d, -1, ". 1:1(0) ack 1001");
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal((uint8_t)buf[i], (uint8_t)(1 + i));
    assert_int_equal(CALL(&d, write, fd, buf, 1500), 1500);
    driver_out(&d, -1, "P. 1:1501(1500) ack 1001");
    driver_in(&d, ". 1001:1001(0) ack 1501 win 257");
    assert_int_equal(CALL(&d, close, fd), 0);
    driver_out(&d, -1, "F. 1501:1501(0) ack 1001");
    driver_in(&d, "F. 1001:1001(0) ack 1502 win 257");
    driver_out(&d, -1, ". 1502:1502(0) ack 1002");
    assert_int_equal(CALL(&d, close, l), 0);
    driver_nothing(&d);
    driver_close(&d);
}

static void descriptors_are_real(void **state)
{
    struct driver d;
    struct stat st;
    (void)state;
    driver_open(&d, "profile=linux");
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(CALL(&d, close, fd), 0);
    assert_int_equal(fstat(fd, &st), -1);
    fd = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(close(fd), 0); /* packetdrill's, at the end of a script */
    driver_close(&d);               /* does not stumble over it */
}

/* ---- blocking calls on the second thread ---- */

static long do_accept(struct driver *d, long fd, void *p, long n)
{
    (void)n;
    return CALL(d, accept, (int)fd, NULL, (socklen_t *)p);
}

static long do_read(struct driver *d, long fd, void *p, long n)
{
    return CALL(d, read, (int)fd, p, (size_t)n);
}

static long do_write(struct driver *d, long fd, void *p, long n)
{
    return CALL(d, write, (int)fd, p, (size_t)n);
}

static long do_connect(struct driver *d, long fd, void *p, long n)
{
    return CALL(d, connect, (int)fd, p, (socklen_t)n);
}

static void accept_and_read_block(void **state)
{
    struct driver d;
    struct blocked b;
    char buf[3000];
    (void)state;
    driver_open(&d, "profile=linux");
    int l = driver_listen(&d, 1);
    blocked_start(&b, &d, do_accept, l, NULL, 0);
    driver_until(&d, 100 * MS);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, 100 * MS, "S. 0:0(0) ack 1 <mss 1460>");
    driver_until(&d, 200 * MS);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    driver_until(&d, 900 * MS); /* time goes on after it took its stamp */
    int fd = (int)blocked_end(&b, 200 * MS);
    assert_true(fd >= 0);
    blocked_start(&b, &d, do_read, fd, buf, sizeof buf);
    driver_until(&d, 1 * S);
    driver_in(&d, "P. 1:2001(2000) ack 1 win 65535");
    driver_until(&d, 3 * S);
    assert_int_equal(blocked_end(&b, 1 * S), 2000);
    blocked_start(&b, &d, do_read, fd, buf, sizeof buf);
    driver_until(&d, 4 * S);
    driver_in(&d, "R. 2001:2001(0) ack 1 win 0");
    driver_until(&d, 5 * S);
    assert_int_equal(blocked_end(&b, 4 * S), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 0);
    FAILS(CALL(&d, write, fd, buf, 1), EPIPE);
    driver_close(&d);
}

static void write_blocks_until_there_is_room(void **state)
{
    struct driver d;
    struct blocked b;
    static char buf[20000];
    int bytes = 5000; /* doubled, and half of that holds text */
    (void)state;
    driver_open(&d, "profile=linux");
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    blocked_start(&b, &d, do_write, fd, buf, 7000);
    driver_out(&d, -1, "P. 1:5001(5000) ack 1");
    driver_until(&d, 50 * MS);
    driver_in(&d, ". 1:1(0) ack 2001 win 65535");
    assert_int_equal(blocked_end(&b, 50 * MS), 7000);
    driver_out(&d, 50 * MS, "P. 5001:7001(2000) ack 1");
    driver_close(&d);
}

static void connect_blocks(void **state)
{
    struct driver d;
    struct blocked b;
    socklen_t len;
    (void)state;
    driver_open(&d, "profile=linux");
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr *to = driver_remote(&d, &len);
    blocked_start(&b, &d, do_connect, fd, to, (long)len);
    driver_out(&d, -1, "S 0:0(0) win 65535 <mss 1460,sackOK,TS,nop,wscale 8>");
    driver_until(&d, 100 * MS);
    driver_in(&d, "S. 0:0(0) ack 1 win 5792 <mss 1460,nop,wscale 2,nop,nop,sackOK>");
    assert_int_equal(blocked_end(&b, 100 * MS), 0);
    driver_out(&d, 100 * MS, ". 1:1(0) ack 1");
    /* Refused, and then again by the same descriptor. */
    int again = CALL(&d, socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    blocked_start(&b, &d, do_connect, again, to, (long)len);
    driver_out(&d, -1, "S 0:0(0)");
    driver_in(&d, "R. 0:0(0) ack 1 win 0");
    assert_int_equal(blocked_end(&b, -1), -1);
    assert_int_equal(errno, ECONNREFUSED);
    blocked_start(&b, &d, do_connect, again, to, (long)len);
    driver_out(&d, -1, "S 0:0(0)");
    driver_in(&d, "S. 0:0(0) ack 1 win 5792 <mss 1460>");
    assert_int_equal(blocked_end(&b, -1), 0);
    driver_close(&d);
}

/* Nobody else moves the time: the call does it itself. */
static void a_call_that_waits_alone(void **state)
{
    struct driver d;
    struct blocked b;
    struct timeval tv = {3, 0};
    char c;
    (void)state;
    driver_open(&d, "profile=linux");
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    blocked_start(&b, &d, do_read, fd, &c, 1);
    assert_int_equal(blocked_end(&b, 3 * S), -1);
    assert_int_equal(errno, EAGAIN);
    FAILS(CALL(&d, read, fd, &c, 1), EAGAIN); /* on the main thread too */
    assert_in_range(driver_now(&d), 6 * S, 6 * S + 1 * MS);
    driver_close(&d);
}

static void ipv6(void **state)
{
    struct driver d;
    char buf[100];
    (void)state;
    driver_open(&d, "local=fd3d::1/48,profile=linux");
    d.v6 = true;
    int l = driver_listen(&d, 5), fd = driver_accepted(&d, l, "mss 1000,sackOK,TS", 1000);
    driver_in(&d, "P. 1:11(10) ack 1 win 1000 <nop,nop,TS>");
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 10);
    driver_out(&d, -1, ". 1:1(0) ack 11 <nop,nop,TS>");
    driver_close(&d);
}

static void splice_through_a_pipe(void **state)
{
    struct driver d;
    int ends[2];
    (void)state;
    driver_open(&d, "profile=linux");
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, pipe, ends), 0);
    driver_in(&d, "P. 1:501(500) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 501");
    assert_int_equal(CALL(&d, splice, fd, NULL, ends[1], NULL, 99999, 0), 500);
    assert_int_equal(CALL(&d, splice, ends[0], NULL, fd, NULL, 99999, 0), 500);
    driver_out(&d, -1, "P. 1:501(500) ack 501");
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(d.payload[i], (uint8_t)(1 + i));
    assert_int_equal(CALL(&d, close, ends[0]), 0);
    assert_int_equal(CALL(&d, close, ends[1]), 0);
    driver_close(&d);
}

/* What init says and does about these flags, in a process of its own. */
static void refused(const char *flags, const char *says)
{
    char text[512] = "";
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct driver d;
        (void)dup2(ends[1], STDERR_FILENO);
        driver_open(&d, flags);
        _exit(0);
    }
    (void)close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
        fail_msg("%s: status %#x, said %s", flags, (unsigned)status, text);
    assert_true(n > 1 && text[n - 1] == '\n' && strchr(text, '\n') == text + n - 1);
    if (!strstr(text, says))
        fail_msg("%s: said %s", flags, text);
}

static void wrong_flags(void **state)
{
    (void)state;
    refused("mtu=big", "mtu=big: not a number from 68 to 65535");
    refused("mtu=67", "mtu=67: not a number");
    refused("mtu", "no value");
    refused("local=192.168.0.1/99", "not an address with a prefix length");
    refused("gateway=nowhere", "not an address");
    refused("gateway=1.1.1.1,gateway=2.2.2.2", "one of this family already");
    refused("msl=0s", "not a time");
    refused("msl=1000s", "not a time");
    refused("profile=plan9", "linux, freebsd or rfc");
    refused("tso=0", "not a number from 1");
    refused("local=10.0.0.1/8,colour=red", "colour: not a flag; known are local=");
    refused("pcap=/dev/null/x", "/dev/null/x");
    refused("tcp_colour=1", "tcp_colour=1: this stack has no such setting");
    refused("tcp_sack=2", "tcp_sack=2: no such value");
    refused("tcp_ecn=1", "tcp_ecn=1: no such value");
}

/* With no address given, what is spoken to is ours. */
static void any_address(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, "");
    d.v6 = true;
    int fd = CALL(&d, socket, AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(8080)};
    assert_int_equal(CALL(&d, bind, fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(CALL(&d, listen, fd, 1), 0);
    (void)driver_accepted(&d, fd, "mss 1000", 1000);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_moves_when_read),
        cmocka_unit_test(handshake_data_and_close),
        cmocka_unit_test(descriptors_are_real),
        cmocka_unit_test(accept_and_read_block),
        cmocka_unit_test(write_blocks_until_there_is_room),
        cmocka_unit_test(connect_blocks),
        cmocka_unit_test(a_call_that_waits_alone),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(splice_through_a_pipe),
        cmocka_unit_test(wrong_flags),
        cmocka_unit_test(any_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
