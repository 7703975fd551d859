/* poll and epoll: what is told, and when it is told again. */
#include "sockets/driver.h"

#define FLAGS "local=192.168.0.1/16,profile=linux"

static int watch(struct driver *d, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.u64 = 0x1234567890ULL};
    int ep = CALL(d, epoll_create, 1);
    assert_true(ep >= 0);
    assert_int_equal(CALL(d, epoll_ctl, ep, EPOLL_CTL_ADD, fd, &ev), 0);
    FAILS(CALL(d, epoll_ctl, ep, EPOLL_CTL_ADD, fd, &ev), EEXIST);
    return ep;
}

/* What epoll tells without waiting, 0: nothing. */
static uint32_t told(struct driver *d, int ep)
{
    struct epoll_event ev[4];
    int n = CALL(d, epoll_wait, ep, ev, 4, 0);
    assert_in_range(n, 0, 1);
    if (n == 1)
        assert_int_equal(ev[0].data.u64, 0x1234567890ULL);
    return n ? ev[0].events : 0;
}

static void text_in(struct driver *d, int from, int to)
{
    driver_in(d, "P. %d:%d(%d) ack 1 win 65535", from, to, to - from);
    driver_out(d, -1, ". 1:1(0) ack %d", to);
}

static void listeners(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS);
    int l = driver_listen(&d, 1), ep = watch(&d, l, EPOLLIN | EPOLLOUT);
    assert_int_equal(told(&d, ep), 0);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "S. 0:0(0) ack 1");
    assert_int_equal(told(&d, ep), 0);
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_true(CALL(&d, accept, l, NULL, NULL) >= 0);
    assert_int_equal(told(&d, ep), 0);
    driver_close(&d);
}

static void level(void **state)
{
    struct driver d;
    char buf[100];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), ep = watch(&d, fd, EPOLLIN | EPOLLRDHUP);
    assert_int_equal(told(&d, ep), 0);
    text_in(&d, 1, 101);
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_int_equal(CALL(&d, read, fd, buf, 100), 100);
    assert_int_equal(told(&d, ep), 0);
    driver_in(&d, "F. 101:101(0) ack 1 win 65535");
    assert_int_equal(told(&d, ep), EPOLLIN | EPOLLRDHUP);
    driver_close(&d);
}

/* Each arrival once, whether or not all was read. */
static void edge(void **state)
{
    struct driver d;
    char buf[100];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), ep = watch(&d, fd, EPOLLIN | EPOLLOUT | EPOLLET);
    assert_int_equal(told(&d, ep), EPOLLOUT);
    assert_int_equal(told(&d, ep), 0);
    text_in(&d, 1, 101);
    assert_int_equal(told(&d, ep), EPOLLIN | EPOLLOUT);
    assert_int_equal(told(&d, ep), 0);
    text_in(&d, 101, 201);
    assert_int_equal(told(&d, ep), EPOLLIN | EPOLLOUT);
    assert_int_equal(CALL(&d, read, fd, buf, 100), 100);
    assert_int_equal(told(&d, ep), 0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x1234567890ULL};
    assert_int_equal(CALL(&d, epoll_ctl, ep, EPOLL_CTL_MOD, fd, &ev), 0); /* looks anew */
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_int_equal(told(&d, ep), 0);
    driver_close(&d);
}

/* EPOLLOUT comes back when a third of the buffer is free again. */
static void edge_of_writing(void **state)
{
    struct driver d;
    static char buf[20000];
    int bytes = 6000;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), ep = watch(&d, fd, EPOLLOUT | EPOLLET);
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    assert_int_equal(told(&d, ep), EPOLLOUT);
    assert_int_equal(CALL(&d, send, fd, buf, sizeof buf, MSG_DONTWAIT), 6000);
    FAILS(CALL(&d, send, fd, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(told(&d, ep), 0);
    driver_out(&d, -1, "P. 1:5001(5000) ack 1");
    driver_out(&d, -1, "P. 5001:6001(1000) ack 1");
    driver_in(&d, ". 1:1(0) ack 1001 win 65535");
    assert_int_equal(told(&d, ep), 0);
    driver_in(&d, ". 1:1(0) ack 3001 win 65535");
    assert_int_equal(told(&d, ep), EPOLLOUT);
    assert_int_equal(told(&d, ep), 0);
    driver_close(&d);
}

static void oneshot(void **state)
{
    struct driver d;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 0x1234567890ULL};
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), ep = watch(&d, fd, EPOLLIN | EPOLLONESHOT);
    text_in(&d, 1, 101);
    assert_int_equal(told(&d, ep), EPOLLIN);
    text_in(&d, 101, 201);
    assert_int_equal(told(&d, ep), 0);
    assert_int_equal(CALL(&d, epoll_ctl, ep, EPOLL_CTL_MOD, fd, &ev), 0);
    assert_int_equal(told(&d, ep), EPOLLIN);
    assert_int_equal(CALL(&d, epoll_ctl, ep, EPOLL_CTL_DEL, fd, &ev), 0);
    FAILS(CALL(&d, epoll_ctl, ep, EPOLL_CTL_DEL, fd, &ev), ENOENT);
    assert_int_equal(told(&d, ep), 0);
    driver_close(&d);
}

static void ends(void **state)
{
    struct driver d;
    struct pollfd p;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM, 0);
    p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLOUT | POLLHUP); /* never connected */
    fd = driver_established(&d);
    int ep = watch(&d, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    driver_in(&d, "R. 1:1(0) ack 1 win 0");
    assert_int_equal(told(&d, ep), EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
    assert_int_equal(told(&d, ep), 0);
    p = (struct pollfd){.fd = 9999, .events = POLLIN};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, POLLNVAL);
    assert_int_equal(CALL(&d, close, fd), 0); /* leaves the epoll too */
    assert_int_equal(told(&d, ep), 0);
    assert_int_equal(CALL(&d, close, ep), 0);
    driver_close(&d);
}

static long do_epoll_wait(struct driver *d, long ep, void *p, long timeout_ms)
{
    return CALL(d, epoll_wait, (int)ep, p, 1, (int)timeout_ms);
}

static long do_poll(struct driver *d, long fds, void *p, long timeout_ms)
{
    return CALL(d, poll, p, (nfds_t)fds, (int)timeout_ms);
}

static void waits(void **state)
{
    struct driver d;
    struct blocked b;
    struct epoll_event ev;
    struct pollfd p;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), ep = watch(&d, fd, EPOLLIN);
    blocked_start(&b, &d, do_epoll_wait, ep, &ev, -1);
    driver_until(&d, 1 * S);
    text_in(&d, 1, 101);
    driver_until(&d, 2 * S);
    assert_int_equal(blocked_end(&b, 1 * S), 1);
    assert_int_equal(ev.events, EPOLLIN);
    p = (struct pollfd){.fd = fd, .events = POLLRDHUP};
    blocked_start(&b, &d, do_poll, 1, &p, 1500); /* times out */
    driver_until(&d, 5 * S);
    assert_int_equal(blocked_end(&b, 3500 * MS), 0);
    blocked_start(&b, &d, do_poll, 1, &p, 1500);
    driver_until(&d, 6 * S);
    driver_in(&d, "F. 101:101(0) ack 1 win 65535");
    driver_until(&d, 7 * S);
    assert_int_equal(blocked_end(&b, 6 * S), 1);
    assert_int_equal(p.revents, POLLRDHUP);
    driver_close(&d);
}

/* SO_RCVLOWAT and TCP_NOTSENT_LOWAT move what counts as ready. */
static void low_water(void **state)
{
    struct driver d;
    struct pollfd p;
    static char buf[9000];
    int n = 500;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, setsockopt, fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof n), 0);
    text_in(&d, 1, 101);
    p = (struct pollfd){.fd = fd, .events = POLLIN};
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 0);
    text_in(&d, 101, 501);
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    n = 2000;
    assert_int_equal(CALL(&d, setsockopt, fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &n, sizeof n), 0);
    /* Three leave; then a segment at a time until two are waiting. */
    driver_in(&d, ". 501:501(0) ack 1 win 3000");
    assert_int_equal(CALL(&d, send, fd, buf, 9000, MSG_DONTWAIT), 5000);
    driver_out(&d, -1, "P. 1:3001(3000) ack 501");
    FAILS(CALL(&d, send, fd, buf, 3000, MSG_DONTWAIT), EAGAIN);
    p.events = POLLOUT;
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 0);
    driver_in(&d, ". 501:501(0) ack 3001 win 1500");
    driver_out(&d, -1, ". 3001:4001(1000) ack 501");
    assert_int_equal(CALL(&d, poll, &p, 1, 0), 1);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners),       cmocka_unit_test(level),     cmocka_unit_test(edge),
        cmocka_unit_test(edge_of_writing), cmocka_unit_test(oneshot),   cmocka_unit_test(ends),
        cmocka_unit_test(waits),           cmocka_unit_test(low_water),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
