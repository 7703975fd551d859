/* build.c: what the grammar's rules mean: events, packets and calls of the tree. */
#include "drill/parse.h"
#include "drill/symbols.h"

#include <string.h>

/* ---- events ---- */

static struct event *new_event(struct parse *p, enum event_kind kind, struct place at,
                               struct when when)
{
    struct event *e = script_alloc(p->script, sizeof *e);

    e->kind = kind;
    e->at = at;
    e->when = when;
    return e;
}

static void append(struct parse *p, struct event *e, struct place end)
{
    e->last_line = end.line;
    if (p->last)
        p->last->next = e;
    else
        p->script->events = e;
    p->last = e;
    p->script->nevents++;
}

void p_range(struct parse *p, struct place at, const struct when *w)
{
    if (w->end < w->at)
        p_fail(p, at, "a range of times ends before it begins");
}

void p_ends(struct parse *p, struct place at)
{
    if (p->when.range)
        p_fail(p, at, "a call that blocks has one time at which it is made, not a range");
    if (p->when.kind == WHEN_ANY)
        p_fail(p, at, "a call that blocks has a time at which it is made, not *");
    if (p->ends < p->when.at)
        p_fail(p, at, "a call returns before it is made");
}

static void quoted(struct parse *p, enum event_kind kind, struct region at, struct when when,
                   const char *text, uint32_t quote)
{
    struct event *e = new_event(p, kind, at.from, when);

    e->text = text;
    e->text_at = (struct place){at.from.line, at.from.col + quote};
    append(p, e, at.to);
}

void p_command(struct parse *p, struct region at, struct when when, const char *text)
{
    quoted(p, EVENT_COMMAND, at, when, text, 1);
}

void p_code(struct parse *p, struct region at, const char *text)
{
    quoted(p, EVENT_CODE, at, p->when, text, 2);
}

/* ---- packets ---- */

void p_packet(struct parse *p, struct place at, bool inbound)
{
    struct event *e = new_event(p, EVENT_PACKET, p->event_at, p->when);

    if (inbound && p->when.range)
        p_fail(p, at, "a packet is injected at one time, not within a range");
    if (inbound && p->when.kind == WHEN_ANY)
        p_fail(p, at, "a packet is injected at a time that the script says, not at *");
    e->packet.inbound = inbound;
    p->packet = &e->packet;
    p->pending = e;
}

void p_packet_done(struct parse *p, struct region at)
{
    append(p, p->pending, at.to);
}

void p_nothing(struct parse *p, struct place at)
{
    p->packet->is_nothing = true;
    if (p->packet->inbound)
        p_fail(p, at, "nothing cannot be injected");
    if (p->when.kind == WHEN_ANY)
        p_fail(p, at, "that nothing is sent ends at a time, not at *");
}

void p_ports(struct parse *p, struct place sat, int64_t sport, struct place dat, int64_t dport)
{
    p->packet->tcp.has_ports = true;
    p->packet->tcp.sport = p_u16(p, sat, sport, "port");
    p->packet->tcp.dport = p_u16(p, dat, dport, "port");
}

void p_flags(struct parse *p, struct place at, const char *letters)
{
    static const char known[] = "FSRP.UEW";

    for (const char *c = letters; *c; c++) {
        const char *which = strchr(known, *c);
        uint8_t bit = which ? (uint8_t)(1U << (which - known)) : 0;

        if (*c == 'A' || (*c >= '0' && *c <= '9'))
            p_fail(p, at, "AccECN's flag '%c' is not supported", *c);
        else if (!which)
            p_fail(p, at, "no TCP flag is called '%c': F S R P . U E W, or - for none", *c);
        if (p->packet->tcp.flags & bit)
            p_fail(p, at, "the flag '%c' is there twice", *c);
        p->packet->tcp.flags |= bit;
    }
}

#define PAYLOAD_MAX (65535 - 60 - 60) /* an IPv4 header and a TCP header with all their options */

void p_numbers(struct parse *p, struct place at, const struct seg_numbers *n)
{
    if (n->end - n->start != n->len) /* modulo 2^32, as sequence numbers are */
        p_fail(p, at, "from %u to %u there are %u bytes, and not %u", n->start, n->end,
               n->end - n->start, n->len);
    else if (n->len > PAYLOAD_MAX)
        p_fail(p, at, "a packet has at most %u bytes of payload", PAYLOAD_MAX);
}

struct tcp_option *p_tcp_option(struct parse *p, struct place at, enum drill_option kind)
{
    struct tcp_option *o = script_alloc(p->script, sizeof *o);

    o->kind = kind;
    o->at = at;
    return o;
}

void p_sack(struct parse *p, struct place at, uint32_t start, uint32_t end)
{
    struct tcp_option *o = p->option;

    if (o->nsack == 4) {
        p_fail(p, at, "a SACK option has at most 4 blocks");
        return;
    }
    o->sack[o->nsack][0] = start;
    o->sack[o->nsack++][1] = end;
}

uint8_t p_bytes(struct parse *p, struct place at, const char *digits, uint8_t *out)
{
    size_t n = strlen(digits);

    if (strspn(digits, "0123456789abcdefABCDEF") != n || n % 2 || n / 2 > DRILL_OPT_BYTES) {
        p_fail(p, at, "'%.40s' is not bytes: two hexadecimal digits each, at most %u", digits,
               DRILL_OPT_BYTES);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        int d = digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 32) - 'a' + 10;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | d);
    }
    return (uint8_t)(n / 2);
}

void p_hexes(struct parse *p, struct place at, struct tcp_option *o, const char *digits)
{
    o->nbytes = p_bytes(p, at, digits, o->bytes);
    if (o->kind == DRILL_OPT_RAW && !*digits)
        p_fail(p, o->at, "raw has the option's bytes after it, as in raw 1e04abcd");
}

static uint32_t option_bytes(const struct tcp_option *o)
{
    switch (o->kind) {
    case DRILL_OPT_NOP:
    case DRILL_OPT_EOL:
        return 1;
    case DRILL_OPT_MSS:
        return 4;
    case DRILL_OPT_WSCALE:
        return 3;
    case DRILL_OPT_SACKOK:
        return 2;
    case DRILL_OPT_SACK:
        return 2 + 8U * o->nsack;
    case DRILL_OPT_TS:
        return 10;
    case DRILL_OPT_FO:
        return 2U + o->nbytes;
    case DRILL_OPT_FOEXP:
        return 4U + o->nbytes;
    case DRILL_OPT_RAW:
        return o->nbytes;
    }
    return 0;
}

void p_options(struct parse *p, enum drill_options kind, struct tcp_option *first)
{
    struct tcp_spec *t = &p->packet->tcp;
    uint32_t n = 0;

    t->options = kind;
    t->option = first;
    for (const struct tcp_option *o = first; o; o = o->next) {
        n += option_bytes(o);
        if (n > 40)
            p_fail(p, o->at, "options have at most 40 bytes, and with this one they have %u", n);
    }
    t->option_bytes = (n + 3) / 4 * 4;
    if (kind == DRILL_ANY_OPTIONS && p->packet->inbound)
        p_fail(p, p->event_at, "a packet to inject needs its options said: <...> leaves them open");
}

/* ---- ICMP ---- */

void p_icmp(struct parse *p, struct place at, const char *type, struct place code_at,
            const char *code)
{
    struct icmp_spec *i = &p->packet->icmp;
    bool known, v6 = p->script->config.v6;

    p->packet->is_icmp = true;
    if (!i->has_echoed && p->packet->inbound)
        p_fail(p, at, "ICMP quotes the segment that it is about: [1:1001(1000)] icmp ...");
    if (icmp_value(v6, type, code, &i->type, &i->code, &known))
        return;
    if (!known)
        p_fail(p, at, "ICMP%s has no message called '%.40s' here", v6 ? "v6" : "", type);
    else
        p_fail(p, code_at, "ICMP%s's %.40s has no code called '%.40s'", v6 ? "v6" : "", type, code);
}

void p_icmp_mtu(struct parse *p, struct place at, int64_t mtu)
{
    struct icmp_spec *i = &p->packet->icmp;

    i->has_mtu = true;
    i->mtu = p_u32(p, at, mtu);
    if (!p->script->config.v6)
        p_u16(p, at, mtu, "MTU");
}

/* ---- calls ---- */

void p_call(struct parse *p, struct place at, const char *name)
{
    p->call = name;
    p->call_at = at;
}

void p_call_done(struct parse *p, struct region at, struct list args, struct expr *result,
                 struct place error_at, const char *error)
{
    struct event *e = new_event(p, EVENT_CALL, p->event_at, p->when);

    e->call = (struct call){.name = p->call,
                            .at = p->call_at,
                            .blocks = p->blocks,
                            .ends = p->ends,
                            .args = args.first,
                            .nargs = args.n,
                            .result = result,
                            .error = error};
    if (error && !(e->call.error_number = errno_value(error)))
        p_fail(p, error_at, "no error is called '%.40s'", error);
    if (result->kind != EXPR_INT && result->kind != EXPR_ELLIPSIS)
        p_fail(p, result->at, "a call returns a number, or ...");
    if (error && (result->kind != EXPR_INT || result->num != -1))
        p_fail(p, error_at, "a call that fails returns -1");
    append(p, e, at.to);
}
