/* The control socket: its answers, its file, and clients that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/control.h"
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <lastack/lastack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS 600

static struct la_stack *stack;
static struct la_loop *loop;
static struct control *control;
static char dir[64];
static char got[4 * 1024 * 1024];
static size_t ngot;

static int set_up(void **state)
{
    struct la_host_error err;
    struct la_config c;

    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(dir));
    setenv("LASTACK_RUN_DIR", dir, 1);
    la_config_init(&c);
    c.mem = la_host_memory();
    assert_int_equal(la_host_entropy(c.secret), LA_OK);
    assert_int_equal(la_stack_new(&c, la_host_now(), &stack), LA_OK);
    assert_int_equal(la_loop_new(stack, &loop), LA_OK);
    assert_int_equal(control_open(loop, stack, "test", &control, &err), LA_OK);
    return 0;
}

static int tear_down(void **state)
{
    struct stat st;
    char path[CONTROL_PATH_MAX];

    (void)state;
    snprintf(path, sizeof path, "%s", control_path(control));
    control_close(control);
    assert_int_equal(stat(path, &st), -1); /* its socket went with it */
    la_loop_free(loop);
    la_stack_free(stack);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static void turn(la_ns how_long)
{
    la_loop_run(loop, NULL, NULL, la_host_now() + how_long);
}

static int dial(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(strlen(control_path(control)) < sizeof sa.sun_path);
    memcpy(sa.sun_path, control_path(control), strlen(control_path(control)) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* Reads until the other side closes, with the loop turning in between; true if it did in time. */
static bool read_all(int fd)
{
    la_ns until = la_host_now() + LA_SEC(20);

    ngot = 0;
    while (la_host_now() < until) {
        ssize_t n = read(fd, got + ngot, sizeof got - 1 - ngot);
        if (n == 0) {
            got[ngot] = '\0';
            return true;
        }
        if (n > 0)
            ngot += (size_t)n;
        else if (errno != EAGAIN)
            return false;
        else
            turn(0);
    }
    return false;
}

static void ask(const char *word)
{
    int fd = dial();

    assert_int_equal(write(fd, word, strlen(word)), strlen(word));
    assert_true(read_all(fd));
    close(fd);
}

/* Parses `got` line by line; returns how many objects lie between the first and the last. */
static int objects(cJSON **first_object)
{
    int n = 0;
    double end = -1;
    cJSON *o = NULL;

    *first_object = NULL;
    for (char *line = strtok(got, "\n"); line; line = strtok(NULL, "\n"), n++) {
        o = cJSON_Parse(line);
        assert_non_null(o);
        if (n == 0)
            assert_string_equal(cJSON_GetObjectItem(o, "program")->valuestring, "test");
        if (cJSON_HasObjectItem(o, "end"))
            end = cJSON_GetObjectItem(o, "end")->valuedouble;
        if (n == 1 && end < 0)
            *first_object = o;
        else
            cJSON_Delete(o);
    }
    assert_true(end == n - 2);
    return n - 2;
}

static void listen_on(uint16_t port)
{
    struct la_endpoint e = {.addr = LA_ADDR_ANY, .port = port, .ifx = -1};
    la_conn c;

    assert_int_equal(la_listen(stack, &e, 16, la_host_now(), &c), LA_OK);
}

static void answers(void **state)
{
    cJSON *o;

    (void)state;
    ask("closed\n");
    assert_int_equal(objects(&o), 0);
    listen_on(7000);
    ask("status\n");
    assert_int_equal(objects(&o), 1);
    assert_string_equal(cJSON_GetObjectItem(o, "state")->valuestring, "LISTEN");
    assert_int_equal(cJSON_GetObjectItem(o, "local_port")->valueint, 7000);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(o, "timer")));
    assert_int_equal(cJSON_GetObjectItem(o, "send_q")->valueint, 16);
    cJSON_Delete(o);
    ask("usage\n");
    assert_int_equal(objects(&o), 1);
    assert_int_equal(cJSON_GetObjectItem(o, "listeners")->valueint, 1);
    cJSON_Delete(o);
    ask("rules\n");
    assert_int_equal(objects(&o), la_rules());
    assert_string_equal(cJSON_GetObjectItem(o, "rule")->valuestring, la_rule_name(0));
    cJSON_Delete(o);
}

static void file_mode(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(stat(control_path(control), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void two_in_one_process(void **state)
{
    struct la_host_error err;
    struct control *second;

    (void)state;
    assert_int_equal(control_open(loop, stack, "second", &second, &err), LA_OK);
    assert_string_not_equal(control_path(second), control_path(control));
    control_close(second);
    ask("usage\n");
}

static void open_to_others(void **state)
{
    struct la_host_error err;
    struct control *second;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(control_open(loop, stack, "second", &second, &err), LA_EOPNOTSUPP);
    assert_non_null(strstr(err.text, "LASTACK_RUN_DIR"));
    assert_int_equal(chmod(dir, 0700), 0);
}

static void bad_questions(void **state)
{
    static const char *const bad[] = {
        "\n", "statu\n", "status \n", "STATUS\n",
        "this line is longer than any question could ever be, and has no end"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = dial();
        assert_true(write(fd, bad[i], strlen(bad[i])) > 0);
        /* What was not read of the question may reset the answer; either way it ends. */
        if (read_all(fd))
            assert_true(ngot == 0 || strstr(got, "\"error\"") != NULL);
        close(fd);
    }
    ask("usage\n");
}

static void byte_by_byte(void **state)
{
    int fd = dial();
    cJSON *o;

    (void)state;
    for (const char *p = "usage\n"; *p; p++) {
        assert_int_equal(write(fd, p, 1), 1);
        turn(LA_MSEC(1));
    }
    assert_true(read_all(fd));
    assert_int_equal(objects(&o), 1);
    cJSON_Delete(o);
    close(fd);
}

static void gone_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = dial();
        if (i & 1)
            assert_int_equal(write(fd, "status\n", 7), 7);
        close(fd);
        turn(LA_MSEC(1));
    }
    ask("usage\n");
}

/* An answer that no socket buffer holds: made as it is read, and the loop turns on when it is not.
 */
static void slow_reader(void **state)
{
    int slow, fd;
    cJSON *o;

    (void)state;
    for (uint16_t i = 0; i < LISTENERS; i++)
        listen_on((uint16_t)(1000 + i));
    slow = dial();
    assert_int_equal(write(slow, "status\n", 7), 7);
    turn(LA_MSEC(50));
    fd = dial();
    assert_int_equal(write(fd, "status\n", 7), 7);
    assert_true(read_all(fd));
    assert_int_equal(objects(&o), LISTENERS);
    cJSON_Delete(o);
    close(fd);
    assert_true(read_all(slow));
    assert_int_equal(objects(&o), LISTENERS);
    cJSON_Delete(o);
    close(slow);
}

/* Clients that say nothing take places; after a while they lose them to those who ask. */
static void silent_crowd(void **state)
{
    int crowd[8], fd;

    (void)state;
    for (int i = 0; i < 8; i++) {
        crowd[i] = dial();
        turn(LA_MSEC(2));
    }
    fd = dial();
    assert_true(write(fd, "usage\n", 6) > 0);
    read_all(fd);
    assert_int_equal(ngot, 0); /* turned away: no place */
    close(fd);
    turn(LA_MSEC(2100));
    ask("usage\n");
    assert_non_null(strstr(got, "\"end\""));
    for (int i = 0; i < 8; i++)
        close(crowd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_mode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_in_one_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gone_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silent_crowd, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
