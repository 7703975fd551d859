/* The event loop without a device: descriptors, deadlines, stopping, and callbacks that take things
 * away while they are being served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lastack/host.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct la_stack *stack;
static struct la_loop *loop;

static int set_up(void **state)
{
    struct la_config c;

    (void)state;
    la_config_init(&c);
    c.mem = la_host_memory();
    assert_int_equal(la_host_entropy(c.secret), LA_OK);
    assert_int_equal(la_stack_new(&c, la_host_now(), &stack), LA_OK);
    assert_int_equal(la_loop_new(stack, &loop), LA_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    la_loop_free(loop);
    la_stack_free(stack);
    return 0;
}

struct watcher {
    int calls, fd, other;
    char last;
    bool stop;
};

static void on_byte(void *ctx, int fd, uint32_t events)
{
    struct watcher *w = ctx;

    assert_true(events & EPOLLIN);
    w->calls++;
    if (read(fd, &w->last, 1) != 1)
        w->last = '?';
    if (w->other)
        la_loop_fd_del(loop, w->other);
    if (w->stop)
        la_loop_stop(loop);
}

static bool called(void *ctx)
{
    return ((struct watcher *)ctx)->calls > 0;
}

static void deadline(void **state)
{
    la_ns before = la_host_now();

    (void)state;
    assert_int_equal(la_loop_run(loop, NULL, NULL, before + LA_MSEC(30)), LA_ETIMEDOUT);
    assert_true(la_host_now() - before >= LA_MSEC(30));
    assert_true(la_host_now() - before < LA_SEC(20));
    assert_int_equal(la_loop_run(loop, NULL, NULL, 0), LA_ETIMEDOUT);
}

static void descriptor(void **state)
{
    struct watcher w = {0};
    int p[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(la_loop_fd_add(loop, p[0], EPOLLIN, on_byte, &w), LA_OK);
    assert_int_equal(la_loop_fd_add(loop, p[0], EPOLLIN, on_byte, &w), LA_EINVAL);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(la_loop_run(loop, called, &w, la_host_now() + LA_SEC(10)), LA_OK);
    assert_int_equal(w.last, 'x');

    /* Nothing wanted: neither bytes nor the hang-up wake it. */
    w.calls = 0;
    assert_int_equal(la_loop_fd_mod(loop, p[0], 0), LA_OK);
    assert_int_equal(write(p[1], "y", 1), 1);
    close(p[1]);
    assert_int_equal(la_loop_run(loop, called, &w, la_host_now() + LA_MSEC(20)), LA_ETIMEDOUT);
    assert_int_equal(la_loop_fd_mod(loop, p[0], EPOLLIN), LA_OK);
    assert_int_equal(la_loop_run(loop, called, &w, la_host_now() + LA_SEC(10)), LA_OK);
    assert_int_equal(w.last, 'y');

    la_loop_fd_del(loop, p[0]);
    assert_int_equal(la_loop_fd_mod(loop, p[0], EPOLLIN), LA_EINVAL);
    la_loop_fd_del(loop, p[0]); /* twice is fine */
    close(p[0]);
}

/* Both are ready in one wake-up, and whoever is served first deletes the other. */
static void deleted_while_served(void **state)
{
    struct watcher a = {0}, b = {0};
    int p[2], q[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(pipe(q), 0);
    a.other = q[0];
    b.other = p[0];
    assert_int_equal(la_loop_fd_add(loop, p[0], EPOLLIN, on_byte, &a), LA_OK);
    assert_int_equal(la_loop_fd_add(loop, q[0], EPOLLIN, on_byte, &b), LA_OK);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(write(q[1], "x", 1), 1);
    assert_int_equal(la_loop_run(loop, NULL, NULL, la_host_now() + LA_MSEC(20)), LA_ETIMEDOUT);
    assert_int_equal(a.calls + b.calls, 1);
    close(p[0]);
    close(p[1]);
    close(q[0]);
    close(q[1]);
}

static void regular_file(void **state)
{
    struct watcher w = {0};
    FILE *f = tmpfile();

    (void)state;
    fputs("z", f);
    rewind(f);
    assert_int_equal(la_loop_fd_add(loop, fileno(f), EPOLLIN, on_byte, &w), LA_OK);
    assert_int_equal(la_loop_run(loop, called, &w, la_host_now() + LA_SEC(10)), LA_OK);
    assert_int_equal(w.last, 'z');
    la_loop_fd_del(loop, fileno(f));
    fclose(f);
}

static void stopped(void **state)
{
    struct watcher w = {.stop = true};
    int p[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(la_loop_fd_add(loop, p[0], EPOLLIN, on_byte, &w), LA_OK);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(la_loop_run(loop, NULL, NULL, la_host_now() + LA_SEC(10)), LA_EAGAIN);
    la_loop_fd_del(loop, p[0]);
    close(p[0]);
    close(p[1]);

    /* Before it runs counts too, and only once. */
    la_loop_stop(loop);
    la_loop_stop(loop);
    assert_int_equal(la_loop_run(loop, NULL, NULL, la_host_now() + LA_SEC(10)), LA_EAGAIN);
    assert_int_equal(la_loop_run(loop, NULL, NULL, la_host_now() + LA_MSEC(5)), LA_ETIMEDOUT);
}

static void on_inner(void *ctx, int fd, uint32_t events)
{
    (void)events;
    *(int *)ctx = la_loop_run(loop, NULL, NULL, LA_NEVER);
    la_loop_fd_del(loop, fd);
    la_loop_stop(loop);
}

static void no_loop_in_a_loop(void **state)
{
    int p[2], rc = 0;

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(la_loop_fd_add(loop, p[1], EPOLLOUT, on_inner, &rc), LA_OK);
    assert_int_equal(la_loop_run(loop, NULL, NULL, la_host_now() + LA_SEC(10)), LA_EAGAIN);
    assert_int_equal(rc, LA_EINVAL);
    close(p[0]);
    close(p[1]);
}

/* What cannot be opened says what to do about it. */
static void refusals(void **state)
{
    static const struct {
        struct la_host_config cfg;
        const char *says;
    } wrong[] = {
        {{.dev = "eth0"}, "tap:NAME"},
        {{.dev = NULL}, "tap:NAME"},
        {{.dev = "tap:"}, "1 to 15"},
        {{.dev = "tap:a/b"}, "1 to 15"},
        {{.dev = "tap:sixteen-letters-"}, "1 to 15"},
        {{.dev = "tap:t", .mtu = 67}, "68"},
        {{.dev = "tap:t", .mtu = 65522}, "65521 at most; tun:t takes 65535"},
    };
    struct la_host_error err;
    struct la_host *h;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(la_host_open(&wrong[i].cfg, &h, &err), LA_EINVAL);
        assert_non_null(strstr(err.text, wrong[i].says));
        assert_int_equal(la_host_open(&wrong[i].cfg, &h, NULL), LA_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_while_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regular_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_loop_in_a_loop, set_up, tear_down),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
