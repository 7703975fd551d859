/* profile.c: the habits of other stacks, where RFCs leave a choice: what their test scripts take
 * for granted. */
#include "sockets/sockets.h"
#include <errno.h>
#include <string.h>

struct setting {
    enum la_option option;
    int32_t value;
};

/* Linux 6: net/ipv4/tcp_*.c and the defaults of net.ipv4.tcp_*. */
static const struct setting linux_settings[] = {
    {LA_OPT_SYN_LAYOUT, LA_SYN_SACK_FIRST},
    {LA_OPT_WSCALE, 8},
    {LA_OPT_RTO_INIT_MS, 1000},
    {LA_OPT_RTO_MIN_MS, 200},
    {LA_OPT_RTO_MAX_MS, 120000},
    {LA_OPT_SYN_TIMEOUT_MS, 127000}, /* tcp_syn_retries 6: 1+2+4+8+16+32+64 s */
    {LA_OPT_SYNACK_RETRIES, 5},
    {LA_OPT_R2, 15},
    {LA_OPT_DELACK_MS, 40},
    {LA_OPT_QUICKACKS, 16},
    {LA_OPT_EMPTY_PROBES, 1},
    {LA_OPT_ICMP_ABORTS, 1},
    {LA_OPT_ABC_LIMIT, 0},
    {LA_OPT_MINSHALL, 1},
    {LA_OPT_BLACK_HOLE, 0},
    {LA_OPT_BARE_RST, 1},
    {LA_OPT_FIN_WAIT_2_MS, 60000},
    {LA_OPT_HABITS, LA_HABITS & ~LA_HABIT_UPDATE_QUARTER},
};

/* FreeBSD 13 and 14: sys/netinet/tcp_*.c and the defaults of net.inet.tcp. */
static const struct setting freebsd_settings[] = {
    {LA_OPT_SYN_LAYOUT, LA_SYN_WSCALE_FIRST},
    {LA_OPT_WSCALE, 6},
    {LA_OPT_RTO_INIT_MS, 1000},
    {LA_OPT_RTO_MIN_MS, 30},
    {LA_OPT_RTO_SLOP_MS, 200},
    {LA_OPT_RTO_MAX_MS, 64000},
    {LA_OPT_SYN_TIMEOUT_MS, 75000},
    {LA_OPT_SYNACK_RETRIES, 3},
    {LA_OPT_R2, 12},
    {LA_OPT_DELACK_MS, 40},
    {LA_OPT_ACK_PAIRS, 1},
    {LA_OPT_KEEPCNT, 8},
    {LA_OPT_MINSHALL, 1},
    {LA_OPT_BLACK_HOLE, 0},
    {LA_OPT_BARE_RST, 1},
    {LA_OPT_RST_UNREAD, 0},
    {LA_OPT_CHALLENGE_MS, 0},
    {LA_OPT_FIN_WAIT_2_MS, 60000},
    {LA_OPT_HABITS, LA_HABIT_UPDATE_QUARTER | LA_HABIT_RST_WINDOW},
};

static void set_all(struct la_stack *stack, const struct setting *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)la_setopt(stack, LA_CONN_NONE, s[i].option, s[i].value, 0);
}

int so_profile(const char *name, struct la_stack *stack, struct so_config *cfg)
{
    if (!name || strcmp(name, "rfc") == 0)
        return 0;
    if (strcmp(name, "linux") == 0) {
        set_all(stack, linux_settings, sizeof linux_settings / sizeof linux_settings[0]);
        cfg->plain_bufs = false;
        cfg->time_wait_is_close = true;
        return 0;
    }
    if (strcmp(name, "freebsd") == 0) {
        set_all(stack, freebsd_settings, sizeof freebsd_settings / sizeof freebsd_settings[0]);
        cfg->plain_bufs = true;
        cfg->rcvbuf = 65536;
        cfg->sndbuf = 32768;
        cfg->buf_max = 2097152;
        return 0;
    }
    return -EINVAL;
}
