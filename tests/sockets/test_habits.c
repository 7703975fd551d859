/* LA_OPT_HABITS through the profiles that set them: what Linux and FreeBSD do on the wire where
 * RFCs leave a choice.  Expected values are Linux's as live/alike.txt finds them on a kernel, and
 * those of FreeBSD's tcp_output(). */
#include "sockets/driver.h"

#define LINUX "local=192.168.0.1/16,profile=linux"
#define FREEBSD "local=192.168.0.1/16,profile=freebsd"

static char buf[80000];

static struct tcp_info info(struct driver *d, int fd)
{
    struct tcp_info i;
    socklen_t len = sizeof i;
    assert_int_equal(CALL(d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
    return i;
}

/* Text in segments of 1,000 and, a while later, no word of the ACKs that it drew. */
static void text(struct driver *d, unsigned from, unsigned segments)
{
    for (unsigned i = 0; i < segments; i++, from += 1000)
        driver_in(d, "P. %u:%u(1000) ack 1 win 65535", from, from + 1000);
    driver_until(d, driver_now(d) + 50 * MS);
    while (driver_left(d))
        ;
}

/* Reading is told once the window is twice what the peer knows of. */
static void updates_of_linux(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    int fd = driver_established(&d);
    text(&d, 1, 20);
    assert_int_equal(CALL(&d, read, fd, buf, sizeof buf), 20000);
    driver_silence(&d, 100 * MS);
    text(&d, 20001, 45);
    driver_until(&d, 200 * MS);
    assert_int_equal(CALL(&d, read, fd, buf, 12000), 12000); /* 20,535 and 12,000 is not twice */
    driver_silence(&d, 200 * MS);
    assert_int_equal(CALL(&d, read, fd, buf, 13000), 13000);
    driver_out(&d, 200 * MS, ". 1:1(0) ack 65001 win 45536");
    driver_close(&d);
}

/* ... once a quarter of the buffer is free more than it knows of. */
static void updates_of_freebsd(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FREEBSD);
    int fd = driver_established(&d);
    text(&d, 1, 20);
    assert_int_equal(CALL(&d, read, fd, buf, 16000), 16000);
    driver_silence(&d, 100 * MS);
    assert_int_equal(CALL(&d, read, fd, buf, 1000), 1000);
    driver_out(&d, 100 * MS, ". 1:1(0) ack 20001");
    driver_close(&d);
}

/* Behind text a FIN waits for the ACK that more text would have got; alone it does not. */
static void fin(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    (void)driver_established(&d);
    driver_in(&d, "FP. 1:101(100) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 102");
    d.rport++;
    (void)driver_established(&d);
    driver_in(&d, "F. 1:1(0) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 2");
    d.rport++;
    (void)driver_established(&d); /* a FIN that fills a gap is news at once */
    driver_in(&d, "FP. 101:201(100) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 1 <nop,nop,sack 101:201>");
    driver_in(&d, "P. 1:101(100) ack 1 win 65535");
    driver_out(&d, 40 * MS, ". 1:1(0) ack 202");
    driver_close(&d);
}

static void syn_with_fin(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    (void)driver_listen(&d, 1);
    driver_in(&d, "SF 0:0(0) win 65535 <mss 1000>");
    driver_silence(&d, 10 * MS);
    driver_close(&d);
    driver_open(&d, FREEBSD);
    (void)driver_listen(&d, 1);
    driver_in(&d, "SF 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "S. 0:0(0) ack 1");
    driver_close(&d);
}

/* Agreed timestamps may be missing, in the handshake and later; the RST says what is free. */
static void timestamps_and_rst(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    int l = driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000,nop,nop,TS val 100 ecr 0>");
    driver_out(&d, -1, "S. 0:0(0) ack 1");
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_true(fd >= 0);
    driver_in(&d, "P. 1:101(100) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 101");
    assert_int_equal(CALL(&d, close, fd), 0); /* and what it has not read: so a RST */
    driver_out(&d, -1, "R. 1:1(0) ack 101 win 65435");
    driver_close(&d);
}

/* What the program says of segments is announced, and a small window bounds them. */
static void segments(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX ",tso=1");
    int l = driver_listen(&d, 1);
    driver_set(&d, l, IPPROTO_TCP, TCP_MAXSEG, 700);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1400>");
    driver_out(&d, -1, "S. 0:0(0) ack 1 <mss 700>");
    driver_in(&d, ". 1:1(0) ack 1 win 1000");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_int_equal(CALL(&d, write, fd, buf, 1200), 1200);
    driver_out(&d, -1, ". 1:501(500) ack 1"); /* half of the largest window since the SYN */
    driver_out(&d, -1, ". 501:1001(500) ack 1");
    driver_close(&d);
}

/* A timeout halves cwnd, of which three segments of ten were used; slow start ends there. */
static void after_a_timeout(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX ",tso=1");
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, 3000), 3000);
    driver_until(&d, 250 * MS);
    while (driver_left(&d))
        ;
    assert_int_equal(info(&d, fd).tcpi_snd_ssthresh, 5);
    assert_int_equal(info(&d, fd).tcpi_snd_cwnd, 1);
    driver_in(&d, ". 1:1(0) ack 3001 win 65535");
    assert_int_equal(info(&d, fd).tcpi_snd_cwnd, 4);
    driver_close(&d);
}

/* Slow start goes on while more than half of the window is used, though the program had no more. */
static void growth(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, write, fd, buf, 10000), 10000);
    driver_in(&d, ". 1:1(0) ack 10001 win 65535");
    assert_int_equal(info(&d, fd).tcpi_snd_cwnd, 20);
    driver_until(&d, 10 * MS);
    assert_int_equal(CALL(&d, write, fd, buf, 10000), 10000);
    driver_in(&d, ". 1:1(0) ack 20001 win 65535");
    assert_int_equal(info(&d, fd).tcpi_snd_cwnd, 20); /* half, and no more */
    driver_close(&d);
}

/* At 100 ms a millisecond's worth is less than the least, two segments. */
static void bursts(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, LINUX);
    int l = driver_listen(&d, 1);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000,nop,nop,sackOK>");
    driver_out(&d, -1, "S. 0:0(0) ack 1");
    driver_until(&d, 100 * MS);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, NULL, NULL);
    assert_int_equal(CALL(&d, write, fd, buf, 5000), 5000);
    driver_out(&d, 100 * MS, "P. 1:2001(2000) ack 1");
    driver_out(&d, 100 * MS, "P. 2001:4001(2000) ack 1");
    driver_out(&d, 100 * MS, "P. 4001:5001(1000) ack 1");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_of_linux),
        cmocka_unit_test(updates_of_freebsd),
        cmocka_unit_test(fin),
        cmocka_unit_test(syn_with_fin),
        cmocka_unit_test(timestamps_and_rst),
        cmocka_unit_test(segments),
        cmocka_unit_test(after_a_timeout),
        cmocka_unit_test(growth),
        cmocka_unit_test(bursts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
