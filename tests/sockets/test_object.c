/* What packetdrill does with a shared object beside the calls of scripts: pipes, code blocks,
 * commands that set the machine. */
#include "sockets/driver.h"
#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS "local=192.168.0.1/16,profile=linux"

/* packetdrill's struct of 2025; what a kernel does not know of is zero. */
#define INFO_BYTES 280

static void pipes(void **state)
{
    struct driver d;
    off_t none_in = 0, none_out = 0;
    int fds[2];
    char c[200];
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    assert_int_equal(CALL(&d, pipe, fds), 0);
    driver_in(&d, "P. 1:101(100) ack 1 win 65535");
    driver_out(&d, -1, ". 1:1(0) ack 101");
    /* packetdrill hands a script's NULL over as the address of a zero. */
    assert_int_equal(CALL(&d, splice, fd, &none_in, fds[1], &none_out, 60, 0), 60);
    assert_int_equal(CALL(&d, splice, fd, NULL, fds[1], NULL, 60, 0), 40);
    assert_int_equal(CALL(&d, read, fds[0], c, 30), 30);
    assert_int_equal(CALL(&d, splice, fds[0], &none_in, fd, &none_out, 200, 0), 70);
    driver_out(&d, -1, "P. 1:71(70) ack 101");
    none_in = 5;
    FAILS(CALL(&d, splice, fd, &none_in, fds[1], &none_out, 60, 0), ESPIPE);
    assert_int_equal(CALL(&d, close, fds[0]), 0);
    assert_int_equal(CALL(&d, close, fds[1]), 0);
    driver_close(&d);
}

/* The data of code blocks, in the lengths that packetdrill insists on. */
static void data_of_code(void **state)
{
    struct driver d;
    uint8_t info[INFO_BYTES + 20];
    uint32_t mem[SK_MEMINFO_VARS];
    socklen_t len = sizeof info;
    (void)state;
    driver_open(&d, FLAGS);
    int fd = driver_established(&d);
    driver_in(&d, "P. 1:101(100) ack 1 win 65535");
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, &len), 0);
    assert_int_equal(len, INFO_BYTES);
    len = 20;
    assert_int_equal(CALL(&d, getsockopt, fd, IPPROTO_TCP, TCP_CC_INFO, info, &len), 0);
    assert_int_equal(len, 0);
    len = sizeof mem;
    assert_int_equal(CALL(&d, getsockopt, fd, SOL_SOCKET, SO_MEMINFO, mem, &len), 0);
    assert_int_equal(len, 9 * sizeof(uint32_t));
    assert_int_equal(mem[SK_MEMINFO_RMEM_ALLOC], 100);
    assert_int_equal(mem[SK_MEMINFO_RCVBUF], 131072);
    driver_close(&d);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GETSOCKOPT_IS_OUR_OWN 1 /* clang links its own into the program */
#endif
#endif

/* packetdrill asks libc for them, with the object's descriptor. */
static void asked_of_libc(void **state)
{
    struct driver d;
    struct tcp_info i;
    socklen_t len = sizeof i;
    (void)state;
#ifdef GETSOCKOPT_IS_OUR_OWN
    skip();
#endif
    driver_open(&d, FLAGS);
    int fd = driver_established(&d), one = 1, kernels = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
    assert_int_equal(i.tcpi_state, 1);
    assert_int_equal(i.tcpi_snd_mss, 1000);
    FAILS(getsockopt(fd, IPPROTO_TCP, 9999, &i, &len), ENOPROTOOPT);
    len = sizeof one;
    assert_int_equal(getsockopt(kernels, SOL_SOCKET, SO_TYPE, &one, &len), 0);
    assert_int_equal(one, SOCK_STREAM);
    int null = fd;
    driver_close(&d);
    FAILS(getsockopt(null, IPPROTO_TCP, TCP_INFO, &i, &len), EBADF); /* nobody's any more */
    assert_int_equal(close(kernels), 0);
}

/* --ip_version=ipv4-mapped-ipv6: sockets of AF_INET6, datagrams of IPv4. */
static void mapped(void **state)
{
    struct driver d;
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(8080)}, peer;
    socklen_t len = sizeof peer;
    (void)state;
    driver_open(&d, "profile=linux");
    int l = CALL(&d, socket, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.168.0.1", &a.sin6_addr), 1);
    assert_int_equal(CALL(&d, bind, l, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(CALL(&d, listen, l, 1), 0);
    driver_in(&d, "S 0:0(0) win 65535 <mss 1000>");
    driver_out(&d, -1, "S. 0:0(0) ack 1 <mss 1460>");
    driver_in(&d, ". 1:1(0) ack 1 win 65535");
    int fd = CALL(&d, accept, l, (struct sockaddr *)&peer, &len);
    assert_true(fd >= 0);
    assert_int_equal(len, sizeof peer);
    assert_int_equal(peer.sin6_family, AF_INET6);
    assert_int_equal(peer.sin6_port, htons(d.rport));
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &a.sin6_addr), 1);
    assert_memory_equal(&peer.sin6_addr, &a.sin6_addr, sizeof a.sin6_addr);
    fd = CALL(&d, socket, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    FAILS(CALL(&d, connect, fd, (struct sockaddr *)&a, sizeof a), EINPROGRESS);
    driver_out(&d, -1, "S 0:0(0) win 65535 <mss 1460,sackOK,TS,nop,wscale 8>");
    driver_close(&d);
}

static void settings_in_flags(void **state)
{
    struct driver d;
    (void)state;
    driver_open(&d, FLAGS ",tcp_timestamps=0,tcp_sack=0,tcp_window_scaling=0,tcp_syn_retries=1,"
                          "tcp_rmem=4096 8192 6291456,tcp_ecn=0");
    socklen_t len;
    int fd = CALL(&d, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_RCVBUF), 8192);
    struct sockaddr *to = driver_remote(&d, &len);
    FAILS(CALL(&d, connect, fd, to, len), EINPROGRESS);
    driver_out(&d, 0, "S 0:0(0) win 4096 <mss 1460,nop,wscale 7>");
    driver_out(&d, 1 * S, "S 0:0(0)");
    driver_until(&d, 3100 * MS);
    assert_int_equal(driver_get(&d, fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    driver_close(&d);
}

static void put(const char *dir, const char *name, const char *value)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(value, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void open_with(struct driver *d, const char *dir, const char *options)
{
    char flags[200];
    (void)snprintf(flags, sizeof flags, FLAGS ",sysctl=%s", dir);
    driver_open(d, flags);
    put(dir, "tcp_timestamps", "0\n");
    put(dir, "tcp_rmem", "4096\t10000\t15728640\n");
    int l = driver_listen(d, 1);
    driver_in(d, "S 0:0(0) win 65535 <mss 1000,sackOK,TS val 5 ecr 0,nop,wscale 3>");
    driver_out(d, -1, "S. 0:0(0) ack 1 <%s>", options);
    assert_int_equal(driver_get(d, l, SOL_SOCKET, SO_RCVBUF), 10000);
    driver_close(d);
}

/* What a command changes on the machine is changed here; what was so before is not. */
static void settings_of_commands(void **state)
{
    struct driver d;
    char dir[] = "/tmp/sysctlXXXXXX", path[128];
    (void)state;
    assert_non_null(mkdtemp(dir));
    put(dir, "tcp_timestamps", "1\n");
    put(dir, "tcp_sack", "0\n"); /* as the machine is: not the script's doing */
    put(dir, "tcp_rmem", "4096\t131072\t6291456\n");
    open_with(&d, dir, "mss 1460,nop,nop,sackOK,nop,wscale 8");
    static const char *const names[] = {"tcp_timestamps", "tcp_sack", "tcp_rmem"};
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes),
        cmocka_unit_test(data_of_code),
        cmocka_unit_test(asked_of_libc),
        cmocka_unit_test(mapped),
        cmocka_unit_test(settings_in_flags),
        cmocka_unit_test(settings_of_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
