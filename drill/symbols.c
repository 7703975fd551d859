/* symbols.c: names for numbers.  The numbers are this system's headers', which on Linux are what
 * the socket layer speaks. */
#include "drill/symbols.h"
#include "wire/icmp.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct symbol {
    const char *name;
    int64_t value;
};

#define S(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }

static const struct symbol symbols[] = {
    /* socket */
    S(AF_INET),
    S(AF_INET6),
    S(AF_UNSPEC),
    S(PF_INET),
    S(PF_INET6),
    S(SOCK_STREAM),
    S(SOCK_DGRAM),
    S(SOCK_RAW),
    S(SOCK_NONBLOCK),
    S(SOCK_CLOEXEC),
    S(IPPROTO_TCP),
    S(IPPROTO_UDP),
    S(IPPROTO_IP),
    S(IPPROTO_IPV6),
    S(IPPROTO_ICMP),
    S(SHUT_RD),
    S(SHUT_WR),
    S(SHUT_RDWR),
    S(INADDR_ANY),
    S(INADDR_LOOPBACK),
    S(SOMAXCONN),
    /* options */
    S(SOL_SOCKET),
    {"SOL_TCP", IPPROTO_TCP},
    S(SOL_IP),
    S(SOL_IPV6),
    S(SO_REUSEADDR),
    S(SO_REUSEPORT),
    S(SO_TYPE),
    S(SO_ERROR),
    S(SO_DONTROUTE),
    S(SO_BROADCAST),
    S(SO_SNDBUF),
    S(SO_RCVBUF),
    S(SO_SNDBUFFORCE),
    S(SO_RCVBUFFORCE),
    S(SO_KEEPALIVE),
    S(SO_OOBINLINE),
    S(SO_PRIORITY),
    S(SO_LINGER),
    S(SO_RCVLOWAT),
    S(SO_SNDLOWAT),
    S(SO_RCVTIMEO),
    S(SO_SNDTIMEO),
    S(SO_ACCEPTCONN),
    S(SO_MARK),
    S(SO_PROTOCOL),
    S(SO_DOMAIN),
    S(SO_MAX_PACING_RATE),
    S(SO_INCOMING_CPU),
    S(SO_ZEROCOPY),
    S(SO_TIMESTAMPING),
    S(SO_BUSY_POLL),
    S(SO_BINDTODEVICE),
    S(TCP_NODELAY),
    S(TCP_MAXSEG),
    S(TCP_CORK),
    S(TCP_KEEPIDLE),
    S(TCP_KEEPINTVL),
    S(TCP_KEEPCNT),
    S(TCP_SYNCNT),
    S(TCP_LINGER2),
    S(TCP_DEFER_ACCEPT),
    S(TCP_WINDOW_CLAMP),
    S(TCP_INFO),
    S(TCP_QUICKACK),
    S(TCP_CONGESTION),
    S(TCP_MD5SIG),
    S(TCP_USER_TIMEOUT),
    S(TCP_FASTOPEN),
    S(TCP_TIMESTAMP),
    S(TCP_NOTSENT_LOWAT),
    S(TCP_FASTOPEN_CONNECT),
    S(TCP_INQ),
    S(TCP_CM_INQ),
    S(TCP_TX_DELAY),
    S(TCP_SAVE_SYN),
    S(TCP_SAVED_SYN),
    S(TCP_FASTOPEN_NO_COOKIE),
    S(TCP_CC_INFO),
    S(IP_TOS),
    S(IP_TTL),
    S(IP_MTU_DISCOVER),
    S(IP_PMTUDISC_DONT),
    S(IP_PMTUDISC_WANT),
    S(IP_PMTUDISC_DO),
    S(IP_PMTUDISC_PROBE),
    S(IP_OPTIONS),
    S(IP_RECVERR),
    S(IP_MTU),
    S(IPV6_V6ONLY),
    S(IPV6_TCLASS),
    S(IPV6_UNICAST_HOPS),
    S(IPV6_MTU_DISCOVER),
    S(IPV6_RECVERR),
    S(IPV6_MTU),
    /* flags of calls */
    S(MSG_OOB),
    S(MSG_PEEK),
    S(MSG_DONTROUTE),
    S(MSG_CTRUNC),
    S(MSG_TRUNC),
    S(MSG_DONTWAIT),
    S(MSG_EOR),
    S(MSG_WAITALL),
    S(MSG_NOSIGNAL),
    S(MSG_MORE),
    S(MSG_FASTOPEN),
    S(MSG_ERRQUEUE),
    S(MSG_ZEROCOPY),
    S(F_GETFL),
    S(F_SETFL),
    S(F_GETFD),
    S(F_SETFD),
    S(F_DUPFD),
    S(FD_CLOEXEC),
    S(O_RDONLY),
    S(O_WRONLY),
    S(O_RDWR),
    S(O_NONBLOCK),
    S(FIONREAD),
    S(FIONBIO),
    S(TIOCOUTQ),
    S(SIOCINQ),
    S(SIOCOUTQ),
    S(SIOCOUTQNSD),
    S(SIOCATMARK),
    /* readiness */
    S(POLLIN),
    S(POLLPRI),
    S(POLLOUT),
    S(POLLERR),
    S(POLLHUP),
    S(POLLNVAL),
    S(POLLRDNORM),
    S(POLLRDBAND),
    S(POLLWRNORM),
    S(POLLWRBAND),
    S(POLLRDHUP),
    S(EPOLLIN),
    S(EPOLLPRI),
    S(EPOLLOUT),
    S(EPOLLERR),
    S(EPOLLHUP),
    S(EPOLLRDNORM),
    S(EPOLLRDBAND),
    S(EPOLLWRNORM),
    S(EPOLLWRBAND),
    S(EPOLLMSG),
    S(EPOLLRDHUP),
    S(EPOLLONESHOT),
    {"EPOLLET", EPOLLET},
    S(EPOLL_CTL_ADD),
    S(EPOLL_CTL_MOD),
    S(EPOLL_CTL_DEL),
    S(EPOLL_CLOEXEC),
    /* struct tcp_info */
    {"TCP_ESTABLISHED", 1},
    {"TCP_SYN_SENT", 2},
    {"TCP_SYN_RECV", 3},
    {"TCP_FIN_WAIT1", 4},
    {"TCP_FIN_WAIT2", 5},
    {"TCP_TIME_WAIT", 6},
    {"TCP_CLOSE", 7},
    {"TCP_CLOSE_WAIT", 8},
    {"TCP_LAST_ACK", 9},
    {"TCP_LISTEN", 10},
    {"TCP_CLOSING", 11},
    S(TCP_CA_Open),
    S(TCP_CA_Disorder),
    S(TCP_CA_CWR),
    S(TCP_CA_Recovery),
    S(TCP_CA_Loss),
    S(TCPI_OPT_TIMESTAMPS),
    S(TCPI_OPT_SACK),
    S(TCPI_OPT_WSCALE),
    S(TCPI_OPT_ECN),
    S(TCPI_OPT_ECN_SEEN),
    S(TCPI_OPT_SYN_DATA),
    {"NULL", 0},
};

static const struct symbol errnos[] = {
    S(EPERM),
    S(ENOENT),
    S(EINTR),
    S(EIO),
    S(EBADF),
    S(EAGAIN),
    {"EWOULDBLOCK", EWOULDBLOCK},
    S(ENOMEM),
    S(EACCES),
    S(EFAULT),
    S(EBUSY),
    S(EEXIST),
    S(EINVAL),
    S(ENFILE),
    S(EMFILE),
    S(ENOTTY),
    S(ENOSPC),
    S(EPIPE),
    S(EDOM),
    S(ERANGE),
    S(ENOSYS),
    S(ENOTSOCK),
    S(EDESTADDRREQ),
    S(EMSGSIZE),
    S(EPROTOTYPE),
    S(ENOPROTOOPT),
    S(EPROTONOSUPPORT),
    S(ESOCKTNOSUPPORT),
    S(EOPNOTSUPP),
    {"ENOTSUP", ENOTSUP},
    S(EPFNOSUPPORT),
    S(EAFNOSUPPORT),
    S(EADDRINUSE),
    S(EADDRNOTAVAIL),
    S(ENETDOWN),
    S(ENETUNREACH),
    S(ENETRESET),
    S(ECONNABORTED),
    S(ECONNRESET),
    S(ENOBUFS),
    S(EISCONN),
    S(ENOTCONN),
    S(ESHUTDOWN),
    S(ETIMEDOUT),
    S(ECONNREFUSED),
    S(EHOSTDOWN),
    S(EHOSTUNREACH),
    S(EALREADY),
    S(EINPROGRESS),
    S(EPROTO),
    S(ENODATA),
    S(ETIME),
    S(ECANCELED),
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

bool symbol_value(const char *name, int64_t *value)
{
    for (size_t i = 0; i < COUNT(symbols); i++)
        if (strcmp(symbols[i].name, name) == 0) {
            *value = symbols[i].value;
            return true;
        }
    return false;
}

int errno_value(const char *name)
{
    for (size_t i = 0; i < COUNT(errnos); i++)
        if (strcmp(errnos[i].name, name) == 0)
            return (int)errnos[i].value;
    return 0;
}

const char *errno_name(int number, char *buf)
{
    for (size_t i = 0; i < COUNT(errnos); i++)
        if (errnos[i].value == number)
            return errnos[i].name;
    snprintf(buf, 32, "errno %d", number);
    return buf;
}

/* ---- ICMP ---- */

struct icmp_name {
    const char *name;
    uint8_t type, code;
    bool is_type;
};

/* A type, and after it its codes. */
static const struct icmp_name icmp4[] = {
    {"echo_reply", ICMP_ECHO_REPLY, 0, true},
    {"unreachable", ICMP_UNREACH, 0, true},
    {"net_unreachable", ICMP_UNREACH, 0, false},
    {"host_unreachable", ICMP_UNREACH, 1, false},
    {"protocol_unreachable", ICMP_UNREACH, 2, false},
    {"port_unreachable", ICMP_UNREACH, 3, false},
    {"frag_needed", ICMP_UNREACH, 4, false},
    {"source_route_failed", ICMP_UNREACH, 5, false},
    {"net_unknown", ICMP_UNREACH, 6, false},
    {"host_unknown", ICMP_UNREACH, 7, false},
    {"source_host_isolated", ICMP_UNREACH, 8, false},
    {"net_prohibited", ICMP_UNREACH, 9, false},
    {"host_prohibited", ICMP_UNREACH, 10, false},
    {"net_unreachable_for_tos", ICMP_UNREACH, 11, false},
    {"host_unreachable_for_tos", ICMP_UNREACH, 12, false},
    {"packet_filtered", ICMP_UNREACH, 13, false},
    {"precedence_violation", ICMP_UNREACH, 14, false},
    {"precedence_cutoff", ICMP_UNREACH, 15, false},
    {"source_quench", ICMP_SOURCE_QUENCH, 0, true},
    {"echo_request", ICMP_ECHO, 0, true},
    {"time_exceeded", ICMP_TIME_EXCEEDED, 0, true},
    {"exceeded_ttl", ICMP_TIME_EXCEEDED, 0, false},
    {"exceeded_fragment_time", ICMP_TIME_EXCEEDED, 1, false},
    {"parameter_problem", ICMP_PARAM, 0, true},
};

static const struct icmp_name icmp6[] = {
    {"unreachable", ICMP6_UNREACH, 0, true},
    {"no_route", ICMP6_UNREACH, 0, false},
    {"admin_prohibited", ICMP6_UNREACH, 1, false},
    {"not_neighbour", ICMP6_UNREACH, 2, false},
    {"address_unreachable", ICMP6_UNREACH, 3, false},
    {"port_unreachable", ICMP6_UNREACH, 4, false},
    {"packet_too_big", ICMP6_TOO_BIG, 0, true},
    {"time_exceeded", ICMP6_TIME_EXCEEDED, 0, true},
    {"exceeded_hop_limit", ICMP6_TIME_EXCEEDED, 0, false},
    {"exceeded_fragment_time", ICMP6_TIME_EXCEEDED, 1, false},
    {"parameter_problem", ICMP6_PARAM, 0, true},
    {"header_field", ICMP6_PARAM, 0, false},
    {"unknown_next_header", ICMP6_PARAM, 1, false},
    {"unknown_option", ICMP6_PARAM, 2, false},
};

bool icmp_value(bool v6, const char *type, const char *code, uint8_t *t, uint8_t *c,
                bool *known_type)
{
    const struct icmp_name *names = v6 ? icmp6 : icmp4;
    size_t n = v6 ? COUNT(icmp6) : COUNT(icmp4);

    *known_type = false;
    for (size_t i = 0; i < n; i++)
        if (names[i].is_type && strcmp(names[i].name, type) == 0) {
            *known_type = true;
            *t = names[i].type;
        }
    *c = 0;
    if (!*known_type || !code)
        return *known_type;
    for (size_t i = 0; i < n; i++)
        if (!names[i].is_type && names[i].type == *t && strcmp(names[i].name, code) == 0) {
            *c = names[i].code;
            return true;
        }
    return false;
}
