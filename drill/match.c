/* match.c: a segment that the stack sent beside the one that the script expects. */
#include "drill/segment.h"
#include "wire/tcp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WHY 200

__attribute__((format(printf, 2, 3))) static bool differs(char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, WHY, fmt, ap);
    va_end(ap);
    return false;
}

/* A TSval of ours: the first time that a script names one it says what it calls it; after that the
 * same name means the same value, and with a tick the names follow the time. */
static bool stamp_matches(const struct script_config *c, struct flow *f, uint32_t script,
                          uint32_t live, char *why)
{
    for (unsigned i = 0; i < f->nstamps; i++)
        if (f->stamp[i].script == script) {
            if (f->stamp[i].live == live)
                return true;
            return differs(why, "TS val %u meant %u before, and is %u now", script,
                           f->stamp[i].live, live);
        }
    if (c->ts_tick && f->nstamps) {
        uint32_t said = script - f->stamp[0].script, is = live - f->stamp[0].live;
        uint32_t ticks = (uint32_t)(c->tolerance / c->ts_tick) + 1;

        if (is - said + ticks > 2 * ticks)
            return differs(why, "TS val went on by %u, and not by %u", is, said);
    }
    if (f->nstamps < FLOW_STAMPS) {
        f->stamp[f->nstamps].script = script;
        f->stamp[f->nstamps++].live = live;
    }
    return true;
}

static bool sacks_match(const struct tcp_option *want, const struct tcp_option *got)
{
    return want->nsack == got->nsack &&
           memcmp(want->sack, got->sack, got->nsack * sizeof got->sack[0]) == 0;
}

static bool option_matches(const struct script_config *c, struct flow *f,
                           const struct tcp_option *want, const struct tcp_option *got, char *why)
{
    bool same = want->kind == got->kind;

    if (want->kind == DRILL_OPT_TS && same) {
        if (want->ecr != got->ecr)
            return differs(why, "TS ecr is %u, and not %u", got->ecr, want->ecr);
        return stamp_matches(c, f, want->value, got->value, why);
    }
    if (same && want->kind == DRILL_OPT_SACK)
        same = sacks_match(want, got);
    else if (same)
        same = want->value == got->value && want->nbytes == got->nbytes &&
               memcmp(want->bytes, got->bytes, got->nbytes) == 0;
    return same || differs(why, "options differ");
}

static bool options_match(const struct script_config *c, struct flow *f,
                          const struct tcp_spec *want, const struct live *got, char *why)
{
    const struct tcp_option *w = want->option, *g = got->packet.tcp.option;

    if (want->options == DRILL_ANY_OPTIONS)
        return true;
    for (; w && g; w = w->next, g = g->next)
        if (!option_matches(c, f, w, g, why))
            return false;
    while (g && g->kind == DRILL_OPT_EOL) /* padding */
        g = g->next;
    while (w && w->kind == DRILL_OPT_EOL)
        w = w->next;
    if (w)
        return differs(why, "an option is missing");
    return !g || differs(why, "there is an option too many");
}

static bool address_matches(const char *which, bool said, const struct la_addr *want,
                            const struct la_addr *got, char *why)
{
    char text[LA_ADDR_STRLEN];

    if (!said || memcmp(want, got, sizeof *want) == 0)
        return true;
    return differs(why, "%s is %s", which, la_addr_format(got, text));
}

static bool ip_matches(const struct ip_info *want, const struct ip_info *got, char *why)
{
    bool ect01 =
        want->ecn == DRILL_ECN_ECT01 && (got->ecn == DRILL_ECN_ECT0 || got->ecn == DRILL_ECN_ECT1);

    if (want->ecn != DRILL_ECN_UNSAID && want->ecn != got->ecn && !ect01)
        return differs(why, "the ECN bits of the IP header differ (they are %u)", got->tos & 3U);
    if (want->has_tos && want->tos != got->tos)
        return differs(why, "tos is 0x%x, and not 0x%x", got->tos, want->tos);
    if (want->has_ttl && want->ttl != got->ttl)
        return differs(why, "ttl is %u, and not %u", got->ttl, want->ttl);
    if (want->has_flow && want->flow != got->flow)
        return differs(why, "flowlabel is 0x%x, and not 0x%x", got->flow, want->flow);
    if (want->has_id && want->id != got->id)
        return differs(why, "id is %u, and not %u", got->id, want->id);
    if (want->has_df && want->df != got->df)
        return differs(why, "it may %sbe fragmented", got->df ? "not " : "");
    return address_matches("src", want->has_src, &want->src, &got->src, why) &&
           address_matches("dst", want->has_dst, &want->dst, &got->dst, why);
}

bool icmp_matches(const struct packet *want, const struct packet *got, char *why)
{
    const struct icmp_spec *w = &want->icmp, *g = &got->icmp;

    if (w->type != g->type || w->code != g->code)
        return differs(why, "its type is %u and its code %u", g->type, g->code);
    if (w->has_mtu && w->mtu != g->mtu)
        return differs(why, "mtu is %u, and not %u", g->mtu, w->mtu);
    if (w->has_echoed && (!g->has_echoed || w->echoed.start != g->echoed.start))
        return differs(why, "it quotes another segment");
    return ip_matches(&want->ip, &got->ip, why);
}

bool segment_matches(const struct script_config *c, const struct packet *want,
                     const struct live *got, struct flow *f, char *why)
{
    const struct tcp_spec *w = &want->tcp, *g = &got->packet.tcp;

    if (w->flags != g->flags)
        return differs(why, "flags differ");
    if (w->seq.start != g->seq.start)
        return differs(why, "it begins at %u, and not at %u", g->seq.start, w->seq.start);
    if (w->seq.len != g->seq.len)
        return differs(why, "it has %u bytes, and not %u", g->seq.len, w->seq.len);
    if (w->has_ack && w->ack != g->ack)
        return differs(why, "ack is %u, and not %u", g->ack, w->ack);
    if (w->has_win && w->win != g->win)
        return differs(why, "win is %u, and not %u", g->win, w->win);
    if (w->has_urg && w->urg != g->urg)
        return differs(why, "urg is %u, and not %u", g->urg, w->urg);
    return ip_matches(&want->ip, &got->packet.ip, why) && options_match(c, f, w, got, why);
}
