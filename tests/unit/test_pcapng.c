/* The capture file, block by block: pcapng's numbers are from draft-ietf-opsawg-pcapng §3 and §4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <lastack/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static uint8_t file[65536];
static size_t size;

static struct la_pcap *begin(void)
{
    struct la_host_error err;
    struct la_pcap *p = NULL;

    snprintf(path, sizeof path, "/tmp/test_pcapng.%d", (int)getpid());
    assert_int_equal(la_pcap_open(path, LA_SEC(1000), &p, &err), LA_OK);
    return p;
}

static void finish(struct la_pcap *p)
{
    FILE *f;

    assert_int_equal(la_pcap_close(p), LA_OK);
    f = fopen(path, "rb");
    assert_non_null(f);
    size = fread(file, 1, sizeof file, f);
    fclose(f);
    unlink(path);
}

static uint32_t u32(size_t at)
{
    uint32_t v;

    assert_true(at + 4 <= size);
    memcpy(&v, file + at, 4);
    return v;
}

static uint16_t u16(size_t at)
{
    uint16_t v;

    assert_true(at + 2 <= size);
    memcpy(&v, file + at, 2);
    return v;
}

/* Where block n begins; its two lengths are checked to agree on the way. */
static size_t block(int n)
{
    size_t at = 0;

    for (;; n--) {
        uint32_t len = u32(at + 4);
        assert_true(len >= 12 && len % 4 == 0 && at + len <= size);
        assert_int_equal(u32(at + len - 4), len);
        if (n == 0)
            return at;
        at += len;
    }
}

/* The value of an option, from the block's first option at `at`; *n is its length, -1: not there.
 */
static const uint8_t *option(size_t at, uint16_t code, int *n)
{
    for (;;) {
        uint16_t c = u16(at), len = u16(at + 2);
        if (c == code) {
            *n = len;
            return file + at + 4;
        }
        if (c == 0) {
            *n = -1;
            return NULL;
        }
        at += 4 + ((len + 3U) & ~3U);
    }
}

static void comment_of(int n, char *text, size_t room)
{
    size_t at = block(n);
    int len;
    const uint8_t *p = option(at + 28 + ((u32(at + 20) + 3U) & ~3U), 1, &len);

    text[0] = '\0';
    if (len >= 0)
        snprintf(text, room, "%.*s", len, (const char *)p);
}

static void head(void **state)
{
    struct la_pcap *p = begin();
    size_t at;
    int n;
    const uint8_t *v;

    (void)state;
    assert_int_equal(la_pcap_interface(p, "tap0", LA_LINK_ETHERNET), 0);
    assert_int_equal(la_pcap_interface(p, "tun1", LA_LINK_IP), 1);
    finish(p);

    assert_int_equal(u32(0), 0x0A0D0D0A);
    assert_int_equal(u32(8), 0x1A2B3C4D);
    assert_int_equal(u16(12), 1);
    assert_int_equal(u16(14), 0);

    at = block(1);
    assert_int_equal(u32(at), 1);
    assert_int_equal(u16(at + 8), 1); /* LINKTYPE_ETHERNET */
    v = option(at + 16, 2, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(v, "tap0", 4);
    v = option(at + 16, 9, &n);
    assert_int_equal(n, 1);
    assert_int_equal(v[0], 9); /* 10^-9 s */

    at = block(2);
    assert_int_equal(u16(at + 8), 101); /* LINKTYPE_RAW */
    assert_int_equal(at + u32(at + 4), size);
}

static void packet(void **state)
{
    static const uint8_t a[] = {1, 2, 3}, b[] = {4, 5};
    struct la_frame f = {.head = {a, 3}, .span = {{b, 2}}, .nspan = 1, .len = 5};
    struct la_pcap *p = begin();
    char text[512];
    size_t at;
    int n;
    const uint8_t *v;

    (void)state;
    la_pcap_interface(p, "tun0", LA_LINK_IP);
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &f, LA_MSEC(5));
    la_pcap_begin(p);
    la_pcap_frame(p, 0, false, &f, LA_MSEC(6));
    finish(p);

    at = block(2);
    assert_int_equal(u32(at), 6);
    assert_int_equal(u32(at + 8), 0);
    uint64_t when = (uint64_t)u32(at + 12) << 32 | u32(at + 16);
    assert_true(when == LA_SEC(1000) + LA_MSEC(5));
    assert_int_equal(u32(at + 20), 5);
    assert_int_equal(u32(at + 24), 5);
    assert_memory_equal(file + at + 28, "\1\2\3\4\5\0\0\0", 8);
    v = option(at + 36, 2, &n);
    assert_int_equal(n, 4);
    assert_int_equal(v[0], 2); /* outbound */
    comment_of(2, text, sizeof text);
    assert_string_equal(text, "");

    at = block(3);
    v = option(at + 36, 2, &n);
    assert_int_equal(v[0], 1); /* inbound */
}

/* A partial checksum holds the pseudo-header's sum.  Bytes 00 01 f2 03 f4 f5 f6 f7 sum to 0xddf2
 * (RFC 1071 §3), and the field's own 0x1000 with it to 0xedf2, so ~0xedf2 = 0x120d must be written.
 */
static void partial_checksum(void **state)
{
    static const uint8_t bytes[] = {0xaa, 0xbb, 0x00, 0x01, 0x10, 0x00,
                                    0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    struct la_frame f = {.head = {bytes, sizeof bytes},
                         .len = sizeof bytes,
                         .csum = LA_CSUM_PARTIAL,
                         .csum_start = 2,
                         .csum_offset = 2};
    struct la_pcap *p = begin();
    size_t at;

    (void)state;
    la_pcap_interface(p, "tun0", LA_LINK_IP);
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &f, 0);
    f.csum_start = 0xffff; /* points outside: left alone */
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &f, 0);
    finish(p);

    at = block(2);
    assert_int_equal(file[at + 28 + 4], 0x12);
    assert_int_equal(file[at + 28 + 5], 0x0d);
    at = block(3);
    assert_memory_equal(file + at + 28, bytes, sizeof bytes);
}

/* A bare IPv4 segment from port 80 to port 40000: seq 0x01020304, FIN and ACK. */
static const uint8_t fin[40] = {
    0x45, 0,  0,    40,   0, 0, 0, 0, 64, 6, 0, 0, 10,   77,   0, 2, 10, 77, 0, 1, /* IP */
    0,    80, 0x9c, 0x40, 1, 2, 3, 4, 0,  0, 0, 0, 0x50, 0x11, 0, 0, 0,  0,  0, 0,
};

static void say_fin(struct la_pcap *p, enum la_state state, bool retransmit)
{
    struct la_endpoint local = {.port = 80}, remote = {.port = 40000};
    struct la_trace_seg seg = {.seq = 0x01020304,
                               .flags = LA_TCP_FIN | LA_TCP_ACK,
                               .wscale = -1,
                               .retransmit = retransmit};
    struct la_trace ev = {.kind = LA_TRACE_SEGMENT_OUT,
                          .state = state,
                          .local = &local,
                          .remote = &remote,
                          .seg = &seg};

    la_pcap_trace(p, &ev);
}

/* What the stack says while it takes a segment in is about the segment that leaves later. */
static void said_early(void **state)
{
    struct la_frame in = {.head = {fin, 20}, .len = 20}, out = {.head = {fin, 40}, .len = 40};
    struct la_pcap *p = begin();
    char text[512];

    (void)state;
    la_pcap_interface(p, "tun0", LA_LINK_IP);
    la_pcap_begin(p);
    say_fin(p, LA_LAST_ACK, true);
    la_pcap_frame(p, 0, false, &in, 0);
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &in, 0); /* no TCP: not the one */
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &out, 0);
    la_pcap_begin(p); /* said once, used once */
    la_pcap_frame(p, 0, true, &out, 0);
    finish(p);
    comment_of(2, text, sizeof text);
    assert_string_equal(text, "");
    comment_of(3, text, sizeof text);
    assert_string_equal(text, "");
    comment_of(4, text, sizeof text);
    assert_string_equal(text, "LAST-ACK; retransmission");
    comment_of(5, text, sizeof text);
    assert_string_equal(text, "");
}

static void say(struct la_pcap *p, enum la_trace_kind kind, enum la_state from, enum la_state to,
                unsigned rule)
{
    struct la_trace_seg seg = {.flags = LA_TCP_ACK, .wscale = -1};
    struct la_trace ev = {.kind = kind, .state = from, .state_to = to, .rule = rule, .serial = 9};

    ev.timer = LA_TIMER_RTO;
    ev.seg = &seg;
    la_pcap_trace(p, &ev);
}

static void comments(void **state)
{
    static const uint8_t byte[] = {0};
    struct la_frame f = {.head = {byte, 1}, .len = 1}, out = {.head = {fin, 40}, .len = 40};
    struct la_pcap *p = begin();
    char text[1024], want[1024];

    (void)state;
    la_pcap_interface(p, "tap0", LA_LINK_ETHERNET);
    la_pcap_interface(p, "tun1", LA_LINK_IP);

    la_pcap_begin(p); /* 3: a segment that moved the connection */
    say(p, LA_TRACE_SEGMENT_IN, LA_FIN_WAIT_1, LA_CLOSED, 0);
    say(p, LA_TRACE_RULE, LA_CLOSED, LA_CLOSED, 0);
    say(p, LA_TRACE_RULE, LA_CLOSED, LA_CLOSED, 1);
    say(p, LA_TRACE_RULE, LA_CLOSED, LA_CLOSED, 0);
    say(p, LA_TRACE_STATE, LA_FIN_WAIT_1, LA_FIN_WAIT_2, 0);
    say(p, LA_TRACE_STATE, LA_FIN_WAIT_2, LA_TIME_WAIT, 0);
    say(p, LA_TRACE_RECORD, LA_CLOSED, LA_CLOSED, 0);
    la_pcap_frame(p, 0, false, &f, 0);

    la_pcap_begin(p); /* 4: dropped */
    say(p, LA_TRACE_DROP, LA_CLOSED, LA_CLOSED, 2);
    la_pcap_frame(p, 0, false, &f, 0);

    say(p, LA_TRACE_TIMER, LA_CLOSED, LA_CLOSED, 0); /* 5: what a timer made us send again */
    la_pcap_begin(p);
    say_fin(p, LA_ESTABLISHED, true);
    la_pcap_frame(p, 1, true, &out, 0);

    la_pcap_begin(p); /* 6: nothing is left over */
    la_pcap_frame(p, 0, true, &f, 0);

    la_pcap_begin(p); /* no frame after all; 7: what the program did since then is told */
    la_pcap_frame(p, 0, true, NULL, 0);
    say(p, LA_TRACE_STATE, LA_CLOSE_WAIT, LA_LAST_ACK, 0);
    la_pcap_begin(p);
    la_pcap_frame(p, 0, true, &f, 0);
    finish(p);

    comment_of(3, text, sizeof text);
    snprintf(want, sizeof want,
             "FIN-WAIT-1 -> FIN-WAIT-2 -> TIME-WAIT; rules %s %s; close record 9", la_rule_name(0),
             la_rule_name(1));
    assert_string_equal(text, want);
    comment_of(4, text, sizeof text);
    snprintf(want, sizeof want, "dropped: %s (%s: %s)", la_rule_name(2), la_rule_section(2),
             la_rule_text(2));
    assert_string_equal(text, want);
    comment_of(5, text, sizeof text);
    snprintf(want, sizeof want, "ESTABLISHED; retransmission; before it: timer %s",
             la_timer_name(LA_TIMER_RTO));
    assert_string_equal(text, want);
    comment_of(6, text, sizeof text);
    assert_string_equal(text, "");
    comment_of(7, text, sizeof text);
    assert_string_equal(text, "before it: CLOSE-WAIT -> LAST-ACK");
}

/* However much is traced, a comment stays within its bound. */
static void long_comment(void **state)
{
    static const uint8_t byte[] = {0};
    struct la_frame f = {.head = {byte, 1}, .len = 1};
    struct la_pcap *p = begin();
    char text[2048];

    (void)state;
    la_pcap_interface(p, "tap0", LA_LINK_ETHERNET);
    la_pcap_begin(p);
    for (unsigned i = 0; i < 20 && i < la_rules(); i++)
        say(p, LA_TRACE_RULE, LA_CLOSED, LA_CLOSED, i);
    for (unsigned i = 0; i < 20; i++)
        say(p, LA_TRACE_STATE, (enum la_state)(i % LA_STATES), (enum la_state)((i + 1) % LA_STATES),
            0);
    la_pcap_frame(p, 0, true, &f, 0);
    finish(p);
    comment_of(2, text, sizeof text);
    assert_true(strlen(text) > 100 && strlen(text) < 1024);
    assert_non_null(strstr(text, " and 8 more"));
}

static void no_such_folder(void **state)
{
    struct la_host_error err;
    struct la_pcap *p;

    (void)state;
    assert_int_equal(la_pcap_open("/nowhere/at/all.pcapng", 0, &p, &err), LA_EINVAL);
    assert_non_null(strstr(err.text, "/nowhere/at/all.pcapng"));
}

static void trace_text(void **state)
{
    struct la_endpoint us = {.addr = la_addr_v4(10, 77, 0, 2), .port = 80, .ifx = -1};
    struct la_endpoint peer = {.addr = la_addr_v4(10, 77, 0, 1), .port = 40000, .ifx = -1};
    struct la_trace_seg seg = {.seq = 1101,
                               .ack = 5001,
                               .len = 10,
                               .wnd = 65535,
                               .wscale = -1,
                               .flags = LA_TCP_ACK | LA_TCP_PSH};
    struct la_trace ev = {.kind = LA_TRACE_SEGMENT_OUT,
                          .now = LA_SEC(3) + LA_USEC(7),
                          .local = &us,
                          .remote = &peer,
                          .state = LA_ESTABLISHED,
                          .iss = 1100,
                          .irs = 5000,
                          .seg = &seg};
    char text[256];

    (void)state;
    assert_string_equal(la_trace_format(&ev, LA_SEC(1), text, sizeof text),
                        "   2.000007 10.77.0.2:80 > 10.77.0.1:40000 [PSH,ACK] seq 1 ack 1 len 10 "
                        "wnd 65535 ESTABLISHED");
    ev.kind = LA_TRACE_STATE;
    ev.state_to = LA_CLOSE_WAIT;
    assert_string_equal(
        la_trace_format(&ev, LA_SEC(1), text, sizeof text),
        "   2.000007 10.77.0.2:80 - 10.77.0.1:40000 state ESTABLISHED -> CLOSE-WAIT");
    assert_string_equal(la_trace_format(&ev, LA_SEC(1), text, 12), "   2.000007");
}

static void count(void *ctx, const struct la_trace *ev)
{
    (void)ev;
    ++*(int *)ctx;
}

static void tracers(void **state)
{
    int a = 0, b = 0;
    struct la_tracers list = {0};
    struct la_tracer ta = {.fn = count, .ctx = &a}, tb = {.fn = count, .ctx = &b};
    struct la_trace ev = {.kind = LA_TRACE_RULE};

    (void)state;
    la_tracers_fire(&list, &ev);
    la_tracers_add(&list, &ta);
    la_tracers_fire(&list, &ev);
    la_tracers_add(&list, &tb);
    la_tracers_fire(&list, &ev);
    assert_int_equal(a, 2);
    assert_int_equal(b, 1);
}

/* Why it is not complete is told at its end: the disk is full, or nobody reads it. */
static void incomplete(void **state)
{
    struct la_host_error err;
    struct la_pcap *p = NULL;

    (void)state;
    assert_int_equal(la_pcap_open("/dev/full", 0, &p, &err), LA_OK);
    assert_int_equal(la_pcap_close(p), LA_ENOMEM);
    assert_int_equal(errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head),
        cmocka_unit_test(packet),
        cmocka_unit_test(partial_checksum),
        cmocka_unit_test(comments),
        cmocka_unit_test(said_early),
        cmocka_unit_test(long_comment),
        cmocka_unit_test(no_such_folder),
        cmocka_unit_test(trace_text),
        cmocka_unit_test(tracers),
        cmocka_unit_test(incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
