/* netdev.c: the kernel's side of a device: its MTU, its state, its addresses.  ioctl where that
 * says it in one call, rtnetlink for addresses, where both families are equals. */
#include "private.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ioctl_named(unsigned long request, const char *name, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = 0;

    if (fd < 0)
        return -errno;
    memcpy(ifr->ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    if (ioctl(fd, request, ifr) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

int netdev_mtu(const char *name, uint32_t *mtu)
{
    struct ifreq ifr = {0};
    int rc = ioctl_named(SIOCGIFMTU, name, &ifr);

    if (rc == 0)
        *mtu = (uint32_t)ifr.ifr_mtu;
    return rc;
}

int netdev_set_mtu(const char *name, uint32_t mtu)
{
    struct ifreq ifr = {0};

    ifr.ifr_mtu = (int)mtu;
    return ioctl_named(SIOCSIFMTU, name, &ifr);
}

int netdev_mac(const char *name, uint8_t mac[6])
{
    struct ifreq ifr = {0};
    int rc = ioctl_named(SIOCGIFHWADDR, name, &ifr);

    if (rc == 0)
        memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
    return rc;
}

int netdev_is_up(const char *name, bool *up, bool *running)
{
    struct ifreq ifr = {0};
    int rc = ioctl_named(SIOCGIFFLAGS, name, &ifr);

    if (rc == 0) {
        *up = (ifr.ifr_flags & IFF_UP) != 0;
        *running = (ifr.ifr_flags & IFF_RUNNING) != 0;
    }
    return rc;
}

int netdev_set_up(const char *name)
{
    struct ifreq ifr = {0};
    int rc = ioctl_named(SIOCGIFFLAGS, name, &ifr);

    if (rc < 0)
        return rc;
    ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
    return ioctl_named(SIOCSIFFLAGS, name, &ifr);
}

struct addr_request {
    struct nlmsghdr h;
    struct ifaddrmsg a;
    uint8_t attrs[64]; /* IFA_LOCAL and IFA_ADDRESS, 20 bytes each, and IFA_FLAGS, 8 */
};

static void put_attr(struct addr_request *r, unsigned short type, const void *p, size_t n)
{
    struct rtattr at = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(n)};
    uint8_t *to = (uint8_t *)r + NLMSG_ALIGN(r->h.nlmsg_len);

    memcpy(to, &at, sizeof at);
    memcpy(to + RTA_LENGTH(0), p, n);
    r->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(at.rta_len));
}

/* Sends one request and waits for its acknowledgement, which the kernel gives at once. */
static int netlink_ask(const struct addr_request *r)
{
    struct {
        struct nlmsghdr h;
        struct nlmsgerr e;
        uint8_t more[256];
    } reply;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int rc;

    if (fd < 0)
        return -errno;
    if (send(fd, r, r->h.nlmsg_len, 0) < 0) {
        rc = -errno;
    } else {
        ssize_t n = recv(fd, &reply, sizeof reply, 0);
        if (n < 0)
            rc = -errno;
        else if (n < (ssize_t)(sizeof reply.h + sizeof reply.e) ||
                 reply.h.nlmsg_type != NLMSG_ERROR)
            rc = -EPROTO;
        else
            rc = reply.e.error;
    }
    close(fd);
    return rc;
}

int netdev_add_addr(const char *name, const struct la_addr *a, unsigned prefix_len, bool no_dad)
{
    bool v4 = la_addr_is_v4(a);
    size_t n = v4 ? 4 : 16;
    const uint8_t *bytes = a->b + (16 - n);
    unsigned index = if_nametoindex(name);
    uint32_t flags = no_dad && !v4 ? IFA_F_NODAD : 0;
    struct addr_request r = {
        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof r.a),
              .nlmsg_type = RTM_NEWADDR,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .a = {.ifa_family = v4 ? AF_INET : AF_INET6, .ifa_prefixlen = (uint8_t)prefix_len},
    };
    int rc;

    if (!index)
        return -ENODEV;
    r.a.ifa_index = index;
    put_attr(&r, IFA_LOCAL, bytes, n);
    put_attr(&r, IFA_ADDRESS, bytes, n);
    put_attr(&r, IFA_FLAGS, &flags, sizeof flags);
    rc = netlink_ask(&r);
    return rc == -EEXIST ? 0 : rc;
}

bool netdev_has_addr(const char *name, bool v6)
{
    struct ifaddrs *all;
    bool found = false;

    if (getifaddrs(&all) < 0)
        return true; /* not known to be missing: say nothing */
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        if (!i->ifa_addr || strcmp(i->ifa_name, name) != 0)
            continue;
        if (!v6 && i->ifa_addr->sa_family == AF_INET)
            found = true;
        if (v6 && i->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 sa;
            memcpy(&sa, i->ifa_addr, sizeof sa);
            found = !IN6_IS_ADDR_LINKLOCAL(&sa.sin6_addr);
        }
    }
    freeifaddrs(all);
    return found;
}
