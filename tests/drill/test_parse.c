/* test_parse.c: reading scripts: what is wrong with each script of wrong/ is said with its place,
 * in one line; right ones become the tree that their text says; and no text at all does more harm
 * than an error. */
#include "drill/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#define WRONG LASTACK_TESTS_DIR "/drill/wrong"

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 20);

    assert_non_null(f);
    assert_non_null(text);
    *n = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}

/* Each says what is expected in its first line, a comment: "# expects: 2:5: message". */
static unsigned one_wrong(const char *name)
{
    struct script *s = NULL;
    struct drill_error err = {""};
    char path[300], want[400];
    size_t n;
    char *text;

    snprintf(path, sizeof path, WRONG "/%s", name);
    text = slurp(path, &n);
    assert_true(strncmp(text, "# expects: ", 11) == 0);
    snprintf(want, sizeof want, "%s:%.*s", name, (int)strcspn(text + 11, "\n"), text + 11);
    if (script_read(name, text, n, NULL, &s, &err) == 0)
        snprintf(err.text, sizeof err.text, "%s was read", name);
    script_free(s);
    free(text);
    if (strcmp(err.text, want) == 0)
        return 0;
    print_error("expected %s\nbut got  %s\n", want, err.text);
    return 1;
}

static void test_wrong(void **state)
{
    DIR *d = opendir(WRONG);
    struct dirent *e;
    unsigned n = 0, bad = 0;

    (void)state;
    assert_non_null(d);
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".pkt")) {
            bad += one_wrong(e->d_name);
            n++;
        }
    closedir(d);
    assert_int_equal(bad, 0);
    assert_true(n >= 60);
}

/* ---- a right one ---- */

static struct script *read_all(const char *text)
{
    struct script *s = NULL;
    struct drill_error err = {""};

    if (script_read("t", text, strlen(text), NULL, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static const struct event *at(const struct script *s, unsigned n)
{
    const struct event *e = s->events;

    while (n--)
        e = e->next;
    return e;
}

static void test_times(void **state)
{
    struct script *s = read_all("0 close(3) = 0\n"
                                "0.25 close(3) = 0 // a comment\n"
                                "+.1 close(3) = 0 # another\n"
                                "+0...1.2 read(3, ..., 9) = 9 /* and\n one */\n"
                                "* > . 1:1(0) ack 1\n"
                                "2~3.5 > . 1:1(0) ack 1\n"
                                "+1~+2 > . 1:1(0) ack 1\n"
                                "7.000000001 close(3) = -1 EBADF (Bad file descriptor)\n");
    static const struct when want[] = {
        {WHEN_ABSOLUTE, false, 0, 0},
        {WHEN_ABSOLUTE, false, LA_MSEC(250), 0},
        {WHEN_RELATIVE, false, LA_MSEC(100), 0},
        {WHEN_RELATIVE, false, 0, 0},
        {WHEN_ANY, false, 0, 0},
        {WHEN_ABSOLUTE, true, LA_SEC(2), LA_MSEC(3500)},
        {WHEN_RELATIVE, true, LA_SEC(1), LA_SEC(2)},
        {WHEN_ABSOLUTE, false, LA_SEC(7) + 1, 0},
    };

    (void)state;
    assert_int_equal(s->nevents, 8);
    for (unsigned i = 0; i < 8; i++) {
        const struct when *w = &at(s, i)->when;
        assert_int_equal(w->kind, want[i].kind);
        assert_int_equal(w->range, want[i].range);
        assert_true(w->at == want[i].at && w->end == want[i].end);
    }
    assert_true(at(s, 3)->call.blocks && at(s, 3)->call.ends == LA_MSEC(1200));
    assert_false(at(s, 2)->call.blocks);
    assert_int_equal(at(s, 4)->at.line, 6);
    assert_string_equal(at(s, 7)->call.error, "EBADF");
    script_free(s);
}

static void test_packets(void **state)
{
    struct script *s = read_all(
        "+0 < S 0:0(0) win 65535 <mss 1460,nop,wscale 7,sackOK,TS val 4000000000 ecr 0>\n"
        "+0 > SEW. 0:0(0) ack 1 <...>\n"
        "+0 < [ect0, ttl 3] PU. 1:101(100) ack 4294967295 win 5 urg 7 <nop,nop,sack 5:6 8:10>\n"
        "+0 < - 1:1(0)\n"
        "+0 < 5000 > 80: .F 9:9(0) ack 1 <raw 1e04abcd,FO 00ff>\n"
        "+0 < [1:1001(1000)] icmp unreachable frag_needed mtu 1200\n");
    const struct tcp_spec *t = &at(s, 0)->packet.tcp;
    const struct tcp_option *o = t->option;

    (void)state;
    assert_true(at(s, 0)->packet.inbound && !at(s, 1)->packet.inbound);
    assert_int_equal(t->flags, LA_TCP_SYN);
    assert_true(!t->has_ack && t->has_win && t->win == 65535 && !t->has_urg);
    assert_int_equal(t->option_bytes, 20);
    assert_int_equal(o->value, 1460);
    assert_int_equal(o->next->next->value, 7);
    assert_true(o->next->next->next->next->value == 4000000000U);
    t = &at(s, 1)->packet.tcp;
    assert_int_equal(t->flags, LA_TCP_SYN | LA_TCP_ECE | LA_TCP_CWR | LA_TCP_ACK);
    assert_true(t->options == DRILL_ANY_OPTIONS && t->has_ack && t->ack == 1 && !t->has_win);
    t = &at(s, 2)->packet.tcp;
    assert_int_equal(t->flags, LA_TCP_PSH | LA_TCP_URG | LA_TCP_ACK);
    assert_true(t->seq.start == 1 && t->seq.end == 101 && t->seq.len == 100 && t->urg == 7);
    assert_true(t->ack == UINT32_MAX);
    o = t->option->next->next;
    assert_true(o->nsack == 2 && o->sack[1][0] == 8 && o->sack[1][1] == 10);
    assert_int_equal(at(s, 2)->packet.ip.ecn, DRILL_ECN_ECT0);
    assert_true(at(s, 2)->packet.ip.has_ttl && at(s, 2)->packet.ip.ttl == 3);
    assert_int_equal(at(s, 3)->packet.tcp.flags, 0);
    t = &at(s, 4)->packet.tcp;
    assert_int_equal(t->flags, LA_TCP_FIN | LA_TCP_ACK);
    assert_true(t->has_ports && t->sport == 5000 && t->dport == 80);
    assert_true(t->option->nbytes == 4 && t->option->bytes[3] == 0xcd);
    assert_true(t->option->next->nbytes == 2 && t->option->next->bytes[1] == 0xff);
    assert_true(at(s, 5)->packet.is_icmp && at(s, 5)->packet.icmp.type == 3 &&
                at(s, 5)->packet.icmp.code == 4 && at(s, 5)->packet.icmp.mtu == 1200 &&
                at(s, 5)->packet.icmp.echoed.len == 1000);
    script_free(s);
}

static void test_calls(void **state)
{
    struct script *s = read_all(
        "--local_ip=10.0.0.1 --netmask_ip=255.0.0.0 --mtu=576\n"
        "`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0`\n"
        "0 socket(..., SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
        "+0 bind(3, {sa_family = AF_INET, sin_port = htons(80),"
        " sin_addr = inet_addr(\"1.2.3.4\")}, 16) = 0\n"
        "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n"
        "+0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{\"a\\x00b\", 3}], msg_flags=0}, 0) = 3\n"
        "+0 poll([{fd=3, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0x10) = 1\n"
        "+0 %{ assert tcpi_snd_cwnd == 10, 'cwnd'; assert 1 < tcpi_unacked <= 3\n"
        "x = tcpi_rto / 2; print(x, \"us\") }%\n");
    const struct item *a = at(s, 1)->call.args;

    (void)state;
    assert_int_equal(s->config.mtu, 576);
    assert_int_equal(s->config.prefix_len, 8);
    assert_int_equal(at(s, 0)->kind, EVENT_COMMAND);
    assert_int_equal(a->value->kind, EXPR_ELLIPSIS);
    assert_int_equal(a->next->value->num, 1 | 04000); /* SOCK_STREAM, SOCK_NONBLOCK of Linux */
    a = at(s, 2)->call.args->next;
    assert_int_equal(expr_member(a->value, "sin_port")->value->num, 80);
    assert_string_equal(expr_member(a->value, "sin_addr")->value->text, "1.2.3.4");
    a = expr_member(at(s, 4)->call.args->next->value, "msg_iov");
    assert_int_equal(a->count->num, 1);
    assert_int_equal(a->value->items->value->items->value->len, 3);
    a = at(s, 5)->call.args->next->next;
    assert_int_equal(a->value->num, 16);
    assert_int_equal(at(s, 6)->kind, EVENT_CODE);
    script_free(s);
}

static void test_outside(void **state)
{
    static const struct script_option mtu = {"mtu", "1400", {1, 1}, NULL};
    static const struct define d = {"LEVEL", "SOL_SOCKET"};
    const struct script_outside o = {&mtu, &d, 1};
    const char *text = "--mtu=1500\n+0 setsockopt(3, LEVEL, SO_REUSEADDR, [1], 4) = 0\n";
    struct script *s = NULL;
    struct drill_error err;

    (void)state;
    assert_int_equal(script_read("t", text, strlen(text), &o, &s, &err), 0);
    assert_int_equal(s->config.mtu, 1400);
    assert_int_equal(at(s, 0)->call.args->next->value->num, 1);
    script_free(s);
}

/* ---- whatever the bytes are ---- */

static const char *const seeds[] = {
    "--ip_version=ipv4\n`sysctl -q net.ipv4.tcp_sack=0`\n"
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n"
    "+0...0.5 accept(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")},"
    " [16]) = 4\n"
    "+.1~+.2 > [ect0] SEW. 0:0(0) ack 1 win 10 urg 3 <mss 1460,nop,sackOK,TS val 1 ecr 2,wscale "
    "7>\n",
    "0.1 < . 1:1001(1000) ack 1 win 100 <sack 1:2 3:4,FO 0abc,raw 1e04,eol>\n"
    "* > R 1:1(0) <...>\n+0 < [1:11(10)] icmp unreachable frag_needed mtu 1200\n"
    "+0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 1}, {\"x\\n\", 2}], msg_flags=MSG_OOB}, 0)"
    " = -1 EAGAIN (Try again)\n"
    "+0 epoll_wait(5, [{events=EPOLLIN|EPOLLET, fd=4}], 1, 0x10) = 1\n"
    "+0 %{ assert tcpi_rto in (1, 2) and not -3 // 2 == tcpi_rtt % 4, 'no'; print(1, 2) }%\n",
};

static void feed(const char *text, size_t n)
{
    struct script *s = NULL;
    struct drill_error err;

    if (script_read("fuzz", text, n, NULL, &s, &err) == 0) {
        script_free(s);
        return;
    }
    assert_non_null(memchr(err.text, 0, sizeof err.text));
    assert_true(strncmp(err.text, "fuzz:", 5) == 0);
    assert_null(strchr(err.text, '\n'));
}

/* Cuts, doubled and lost pieces, foreign bytes: 40,000 texts that nobody wrote. */
static void test_mutations(void **state)
{
    static const char odd[] = "<>()[]{}`%\"'.~*+-|,:=\\/#\n 09\xff\0S";
    uint64_t rnd = 1;
    char text[4096];

    (void)state;
    for (unsigned round = 0; round < 40000; round++) {
        const char *seed = seeds[round % 2];
        size_t n = strlen(seed);

        memcpy(text, seed, n);
        for (unsigned i = 0; i < 1 + round % 7; i++) {
            rnd = rnd * 6364136223846793005U + 1442695040888963407U;
            size_t where = (size_t)(rnd >> 33) % n, len = (size_t)(rnd >> 20) % 16;
            len = len > n - where ? n - where : len;
            switch (rnd >> 61) {
            case 0: /* a piece is lost */
                memmove(text + where, text + where + len, n - where - len);
                n -= n - len > 8 ? len : 0;
                break;
            case 1: /* doubled */
                if (n + len < sizeof text) {
                    memmove(text + where + len, text + where, n - where);
                    n += len;
                }
                break;
            case 2: /* cut */
                n = where > 8 ? where : n;
                break;
            default:
                text[where] = odd[(rnd >> 40) % (sizeof odd - 1)];
            }
        }
        feed(text, n);
    }
}

/* Every prefix of each. */
static void test_prefixes(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        for (size_t n = 0; n <= strlen(seeds[i]); n++)
            feed(seeds[i], n);
}

/* Nesting is bounded by the parser's stack, and not by ours. */
static void test_deep(void **state)
{
    enum { DEEP = 100000 };
    char *text = malloc(DEEP + 20);
    static const char *const openers[] = {"[", "{", "(", "{a=", "[[{"};

    (void)state;
    for (unsigned k = 0; k < sizeof openers / sizeof openers[0]; k++) {
        size_t n = (size_t)sprintf(text, "+0 close("), m = strlen(openers[k]);
        for (; n + m < DEEP; n += m)
            memcpy(text + n, openers[k], m);
        feed(text, n);
        n = (size_t)sprintf(text, "+0 %%{ assert ");
        for (; n + m < DEEP; n += m)
            memcpy(text + n, openers[k], m);
        n += (size_t)sprintf(text + n, " }%%");
        feed(text, n);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),    cmocka_unit_test(test_times),
        cmocka_unit_test(test_packets),  cmocka_unit_test(test_calls),
        cmocka_unit_test(test_outside),  cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
