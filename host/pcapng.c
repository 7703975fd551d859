/* pcapng.c: captures that say what the stack thought of each packet.
 *
 * The file format is pcapng (draft-ietf-opsawg-pcapng): one section, an interface block for each
 * device, an enhanced packet block for each frame.  Times are in nanoseconds.
 *
 * Invariant: what is written is what went over the wire, or would have: a checksum left to a device
 * is completed in the copy, so that a reader finds none wrong that is right. */
#include "private.h"

#include "base/checksum.h"
#include <errno.h>
#include <lastack/lastack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_RULES 12
#define NOTE_STATES 6
#define COMMENT_MAX 1024
#define SAID_MAX 64U /* segments told of and not yet seen to leave */
#define INTERFACES_MAX 16

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    OPT_END = 0,
    OPT_COMMENT = 1,
    OPT_IF_NAME = 2,
    OPT_EPB_FLAGS = 2,
    OPT_USERAPPL = 4,
    OPT_IF_TSRESOL = 9,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW = 101,
};

/* What was traced about one frame, or between two. */
struct note {
    bool any, retransmit, dropped;
    uint8_t nstate, nrule;
    uint8_t state[NOTE_STATES]; /* the first before, the others after */
    unsigned rule[NOTE_RULES];
    unsigned more_rules;
    unsigned drop;
    enum la_timer_kind timer;
    uint32_t record; /* serial, or 0 */
};

/* A segment that the stack said it sends.  A reset or a TIME-WAIT's answer is said while the
 * segment that called for it is taken in, and leaves later, so what was said is found again by its
 * numbers. */
struct said {
    uint16_t lport, rport;
    uint32_t seq;
    uint8_t flags, state;
    bool retransmit, used;
};

struct la_pcap {
    FILE *f;
    la_ns epoch;
    int interfaces;
    int error; /* errno of the first write that failed, or 0 */
    bool in_frame;
    struct note now, before;
    struct said said[SAID_MAX]; /* the oldest gives way */
    uint32_t nsaid;
    uint8_t link[INTERFACES_MAX]; /* enum la_link */
    uint8_t *frame;               /* one frame, contiguous */
};

/* ---- blocks ---- */

static void write_failed(struct la_pcap *p)
{
    if (!p->error)
        p->error = errno;
}

static void put(struct la_pcap *p, const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, p->f) != n)
        write_failed(p);
}

static void word(struct la_pcap *p, uint32_t v)
{
    put(p, &v, sizeof v); /* the section's byte order is the machine's */
}

static void put_padded(struct la_pcap *p, const void *bytes, size_t n)
{
    static const uint8_t zero[4];

    put(p, bytes, n);
    put(p, zero, -n & 3U);
}

static uint32_t opt_size(size_t n)
{
    return (uint32_t)(4 + ((n + 3) & ~(size_t)3));
}

static void put_option(struct la_pcap *p, uint16_t code, const void *bytes, size_t n)
{
    uint16_t head[2] = {code, (uint16_t)n};

    put(p, head, sizeof head);
    put_padded(p, bytes, n);
}

static void put_section(struct la_pcap *p)
{
    char app[32];
    uint32_t n = (uint32_t)snprintf(app, sizeof app, "lastack %s", la_version());
    uint32_t total = 28 + opt_size(n) + 4;
    const uint16_t version[2] = {1, 0};

    word(p, BLOCK_SECTION);
    word(p, total);
    word(p, 0x1A2B3C4D);
    put(p, version, sizeof version);
    word(p, 0xffffffffU); /* length of the section: not told */
    word(p, 0xffffffffU);
    put_option(p, OPT_USERAPPL, app, n);
    word(p, OPT_END);
    word(p, total);
}

int la_pcap_interface(struct la_pcap *p, const char *name, enum la_link link)
{
    const uint16_t type[2] = {link == LA_LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW, 0};
    const uint8_t nanoseconds = 9;
    size_t n = strlen(name);
    uint32_t total = 20 + opt_size(n) + opt_size(1) + 4;

    word(p, BLOCK_INTERFACE);
    word(p, total);
    put(p, type, sizeof type);
    word(p, 0); /* no limit on the captured length */
    put_option(p, OPT_IF_NAME, name, n);
    put_option(p, OPT_IF_TSRESOL, &nanoseconds, 1);
    word(p, OPT_END);
    word(p, total);
    if (p->interfaces < INTERFACES_MAX)
        p->link[p->interfaces] = (uint8_t)link;
    return p->interfaces++;
}

int la_pcap_open(const char *path, la_ns epoch, struct la_pcap **out, struct la_host_error *err)
{
    struct la_pcap *p = calloc(1, sizeof *p);

    host_fail(err, 0, "%s", "");
    if (!p || !(p->frame = malloc(DEV_FRAME_MAX))) {
        free(p);
        return host_fail(err, LA_ENOMEM, "out of memory");
    }
    p->f = fopen(path, "wbe");
    if (!p->f) {
        int e = errno;
        free(p->frame);
        free(p);
        return host_fail(err, LA_EINVAL, "cannot write the capture %s: %s", path, strerror(e));
    }
    p->epoch = epoch;
    put_section(p);
    *out = p;
    return LA_OK;
}

/* ---- what the stack said ---- */

static void note_state(struct note *n, enum la_state s)
{
    if (n->nstate && n->state[n->nstate - 1] == s)
        return;
    if (n->nstate == NOTE_STATES)
        n->nstate--; /* the last one matters most */
    n->state[n->nstate++] = (uint8_t)s;
}

static void note_rule(struct note *n, unsigned rule)
{
    for (unsigned i = 0; i < n->nrule; i++)
        if (n->rule[i] == rule)
            return;
    if (n->nrule == NOTE_RULES)
        n->more_rules++;
    else
        n->rule[n->nrule++] = rule;
}

static void note_said(struct la_pcap *p, const struct la_trace *ev)
{
    if (!ev->seg || !ev->local || !ev->remote)
        return;
    p->said[p->nsaid++ % SAID_MAX] = (struct said){
        .lport = ev->local->port,
        .rport = ev->remote->port,
        .seq = ev->seg->seq,
        .flags = ev->seg->flags,
        .state = (uint8_t)ev->state,
        .retransmit = ev->seg->retransmit,
    };
}

void la_pcap_trace(struct la_pcap *p, const struct la_trace *ev)
{
    struct note *n = p->in_frame ? &p->now : &p->before;

    if (ev->kind == LA_TRACE_SEGMENT_OUT) {
        note_said(p, ev);
        return;
    }
    n->any = true;
    switch (ev->kind) {
    case LA_TRACE_SEGMENT_IN:
        note_state(n, ev->state);
        break;
    case LA_TRACE_SEGMENT_OUT:
        break;
    case LA_TRACE_STATE:
        note_state(n, ev->state);
        note_state(n, ev->state_to);
        break;
    case LA_TRACE_RULE:
        note_rule(n, ev->rule);
        break;
    case LA_TRACE_DROP:
        n->dropped = true;
        n->drop = ev->rule;
        break;
    case LA_TRACE_TIMER:
        n->timer = (enum la_timer_kind)ev->timer;
        break;
    case LA_TRACE_RECORD:
        n->record = ev->serial;
        break;
    }
}

void la_pcap_begin(struct la_pcap *p)
{
    p->in_frame = true;
    memset(&p->now, 0, sizeof p->now);
}

struct comment {
    char text[COMMENT_MAX];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct comment *c, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(c->text + c->n, sizeof c->text - c->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        c->n += (size_t)n < sizeof c->text - c->n ? (size_t)n : sizeof c->text - c->n - 1;
}

static void say_note(struct comment *c, const struct note *n, const char *lead)
{
    const char *sep = lead;

    if (n->nstate) {
        say(c, "%s%s", sep, la_state_name((enum la_state)n->state[0]));
        for (unsigned i = 1; i < n->nstate; i++)
            say(c, " -> %s", la_state_name((enum la_state)n->state[i]));
        sep = "; ";
    }
    if (n->retransmit) {
        say(c, "%sretransmission", sep);
        sep = "; ";
    }
    if (n->timer != LA_TIMER_NONE) {
        say(c, "%stimer %s", sep, la_timer_name(n->timer));
        sep = "; ";
    }
    if (n->nrule) {
        say(c, "%srules", sep);
        for (unsigned i = 0; i < n->nrule; i++)
            say(c, " %s", la_rule_name(n->rule[i]));
        if (n->more_rules)
            say(c, " and %u more", n->more_rules);
        sep = "; ";
    }
    if (n->dropped) {
        say(c, "%sdropped: %s (%s: %s)", sep, la_rule_name(n->drop), la_rule_section(n->drop),
            la_rule_text(n->drop));
        sep = "; ";
    }
    if (n->record)
        say(c, "%sclose record %u", sep, (unsigned)n->record);
}

/* The TCP header of the frame in p->frame, or NULL. */
static const uint8_t *tcp_of(const struct la_pcap *p, int interface, uint32_t n)
{
    bool ethernet = interface < INTERFACES_MAX && p->link[interface] == LA_LINK_ETHERNET;
    const uint8_t *ip = p->frame + (ethernet ? 14 : 0);
    uint32_t left = n - (ethernet && n >= 14 ? 14 : 0), skip;

    if (left < 40)
        return NULL;
    if (ip[0] >> 4 == 4)
        skip = ip[9] == 6 && (ip[6] & 0x1f) == 0 && ip[7] == 0 ? (ip[0] & 15U) * 4U : 0;
    else
        skip = ip[6] == 6 ? 40 : 0;
    return skip && left >= skip + 20 ? ip + skip : NULL;
}

static uint32_t be(const uint8_t *p, int n)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v << 8 | *p++;
    return v;
}

/* What the stack said of the segment that leaves now goes first into its note. */
static void find_said(struct la_pcap *p, int interface, uint32_t n)
{
    const uint8_t *h = tcp_of(p, interface, n);
    uint32_t oldest = p->nsaid > SAID_MAX ? p->nsaid - SAID_MAX : 0;

    for (uint32_t i = oldest; h && i != p->nsaid; i++) {
        struct said *s = &p->said[i % SAID_MAX];
        if (s->used || s->lport != be(h, 2) || s->rport != be(h + 2, 2) || s->seq != be(h + 4, 4) ||
            s->flags != h[13])
            continue;
        s->used = true;
        p->now.any = true;
        p->now.retransmit = s->retransmit;
        if (p->now.nstate == 0 || p->now.state[0] != s->state) {
            if (p->now.nstate < NOTE_STATES)
                p->now.nstate++;
            memmove(p->now.state + 1, p->now.state, p->now.nstate - 1U);
            p->now.state[0] = s->state;
        }
        return;
    }
}

/* What timers and calls of the program did since the last frame explains an outbound one; before an
 * inbound one it would only be noise, and waits. */
static void compose(struct la_pcap *p, bool outbound, struct comment *c)
{
    c->n = 0;
    c->text[0] = '\0';
    if (p->now.any)
        say_note(c, &p->now, "");
    if (!outbound || !p->before.any)
        return;
    if (p->before.nstate || p->before.timer != LA_TIMER_NONE)
        say_note(c, &p->before, c->n ? "; before it: " : "before it: ");
    memset(&p->before, 0, sizeof p->before);
}

/* ---- packets ---- */

/* Gathers a frame into p->frame, with its checksum complete; returns its length, 0 if it is none.
 */
static uint32_t gather(struct la_pcap *p, const struct la_frame *f)
{
    uint32_t n = f->head.n;
    uint32_t field = (uint32_t)f->csum_start + f->csum_offset;

    if (f->len > DEV_FRAME_MAX || n > f->len || f->nspan > LA_FRAME_SPANS)
        return 0;
    memcpy(p->frame, f->head.p, n);
    for (unsigned i = 0; i < f->nspan; i++) {
        if (f->span[i].n > f->len - n)
            return 0;
        memcpy(p->frame + n, f->span[i].p, f->span[i].n);
        n += f->span[i].n;
    }
    if (f->csum == LA_CSUM_PARTIAL && field + 2 <= n) {
        struct csum c = {0};
        csum_add(&c, p->frame + f->csum_start, n - f->csum_start);
        uint16_t sum = csum_field(&c);
        p->frame[field] = (uint8_t)(sum >> 8);
        p->frame[field + 1] = (uint8_t)sum;
    }
    return n;
}

void la_pcap_frame(struct la_pcap *p, int interface, bool outbound, const struct la_frame *f,
                   la_ns now)
{
    struct comment c;
    uint32_t n = f ? gather(p, f) : 0;
    uint32_t direction = outbound ? 2 : 1;
    la_ns at = p->epoch + now;

    p->in_frame = false;
    if (!f)
        return;
    if (outbound)
        find_said(p, interface, n);
    compose(p, outbound, &c);
    if (n == 0)
        return;

    uint32_t total = 32 + ((n + 3U) & ~3U) + opt_size(4) + (c.n ? opt_size(c.n) : 0) + 4;
    word(p, BLOCK_PACKET);
    word(p, total);
    word(p, (uint32_t)interface);
    word(p, (uint32_t)(at >> 32));
    word(p, (uint32_t)at);
    word(p, n);
    word(p, n);
    put_padded(p, p->frame, n);
    if (c.n)
        put_option(p, OPT_COMMENT, c.text, c.n);
    put_option(p, OPT_EPB_FLAGS, &direction, sizeof direction);
    word(p, OPT_END);
    word(p, total);
}

void la_pcap_flush(struct la_pcap *p)
{
    if (fflush(p->f) != 0)
        write_failed(p);
}

int la_pcap_close(struct la_pcap *p)
{
    int error;

    if (!p)
        return LA_OK;
    if (fclose(p->f) != 0)
        write_failed(p);
    error = p->error;
    free(p->frame);
    free(p);
    errno = error;
    return error ? LA_ENOMEM : LA_OK;
}
