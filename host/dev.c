/* dev.c: opening a TAP or TUN device, and every way in which the machine can refuse one.
 *
 * Invariant: a device that is open is in the mode it says.  TUNSETOFFLOAD is always called, because
 * a persistent device remembers what the last program asked for. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TAP_MTU_MAX 65521 /* the kernel counts the Ethernet header */
#define CARRIER_MS 1500   /* a second, and something for a machine that has other work */

static const char *kind_name(enum la_dev_kind k)
{
    return k == LA_DEV_TAP ? "tap" : "tun";
}

static bool name_ok(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    if (n == 0 || n >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] == '/' || name[i] == ':' || name[i] == '%' || name[i] == 0x7f)
            return false;
    return true;
}

static int open_clone(struct la_dev *d, struct la_host_error *err)
{
    d->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (d->fd >= 0)
        return LA_OK;
    if (errno == EACCES || errno == EPERM)
        return host_fail(
            err, LA_EOPNOTSUPP,
            "not allowed to open /dev/net/tun: run as root (type sudo before the command)");
    if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
        return host_fail(err, LA_EOPNOTSUPP,
                         "no /dev/net/tun here: type modprobe tun, or start the container with "
                         "--device /dev/net/tun --cap-add NET_ADMIN");
    return host_fail(err, LA_EOPNOTSUPP, "cannot open /dev/net/tun: %s", strerror(errno));
}

static int attach(struct la_dev *d, bool offload, struct la_host_error *err)
{
    const char *kind = kind_name(d->kind);
    unsigned features = 0;
    struct ifreq ifr = {0};
    int flags = (d->kind == LA_DEV_TAP ? IFF_TAP : IFF_TUN) | IFF_NO_PI;

    if (offload && ioctl(d->fd, TUNGETFEATURES, &features) == 0 && (features & IFF_VNET_HDR)) {
        flags |= IFF_VNET_HDR;
        d->vnet = true;
    }
    memcpy(ifr.ifr_name, d->name, sizeof d->name);
    ifr.ifr_flags = (short)flags;
    if (ioctl(d->fd, TUNSETIFF, &ifr) == 0) {
        memcpy(d->name, ifr.ifr_name, sizeof d->name);
        return LA_OK;
    }
    switch (errno) {
    case EPERM:
        return host_fail(
            err, LA_EOPNOTSUPP,
            "not allowed to use %s: run as root, or have root type ip tuntap add dev %s "
            "mode %s user %u",
            d->name, d->name, kind, (unsigned)getuid());
    case EBUSY:
        return host_fail(
            err, LA_EADDRINUSE,
            "%s is in use by another program: stop it, or choose another name with --dev "
            "%s:NAME",
            d->name, kind);
    case EINVAL:
        return host_fail(err, LA_EINVAL,
                         "%s exists and is not a %s device: choose another name with --dev %s:NAME",
                         d->name, kind, kind);
    default:
        return host_fail(err, LA_EOPNOTSUPP, "cannot make %s %s: %s", kind, d->name,
                         strerror(errno));
    }
}

/* What the kernel may hand us: unfinished checksums and TCP superframes of both families.  Where it
 * will not, it finishes its frames itself; ours may be unfinished all the same. */
static void set_offload(struct la_dev *d)
{
    unsigned long want = d->vnet ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
    int hdr = (int)sizeof(struct virtio_net_hdr);

    if (d->vnet)
        ioctl(d->fd, TUNSETVNETHDRSZ, &hdr); /* a persistent device remembers another size */
    if (ioctl(d->fd, TUNSETOFFLOAD, want) < 0)
        ioctl(d->fd, TUNSETOFFLOAD, 0UL);
}

static int set_mtu(struct la_dev *d, uint32_t want, struct la_host_error *err)
{
    int rc = netdev_mtu(d->name, &d->mtu);

    if (rc < 0)
        return host_fail(err, LA_EOPNOTSUPP, "cannot read the MTU of %s: %s", d->name,
                         strerror(-rc));
    if (!want || want == d->mtu)
        return LA_OK;
    if (d->created) {
        rc = netdev_set_mtu(d->name, want);
        if (rc < 0)
            return host_fail(err, LA_EINVAL, "%s does not take an MTU of %u: %s", d->name,
                             (unsigned)want, strerror(-rc));
    } else if (want > d->mtu) {
        return host_fail(err, LA_EINVAL, "%s has an MTU of %u: type ip link set %s mtu %u", d->name,
                         (unsigned)d->mtu, d->name, (unsigned)want);
    }
    d->mtu = want;
    return LA_OK;
}

/* A random address of the locally administered range (IEEE 802 §8.4); never the kernel's own, which
 * is on the same wire. */
static int choose_mac(struct la_dev *d, struct la_host_error *err)
{
    uint8_t kernel[6] = {0};

    if (d->kind != LA_DEV_TAP)
        return LA_OK;
    netdev_mac(d->name, kernel);
    if (getrandom(d->mac, sizeof d->mac, 0) != (ssize_t)sizeof d->mac)
        return host_fail(err, LA_EOPNOTSUPP, "no random bytes from the kernel: %s",
                         strerror(errno));
    d->mac[0] = (uint8_t)((d->mac[0] & 0xfcU) | 0x02U);
    if (memcmp(d->mac, kernel, sizeof kernel) == 0)
        d->mac[5] ^= 1;
    return LA_OK;
}

/* A device that was there had no carrier until now.  The kernel may take a second to notice that it
 * has one, and loses without a word what it sends before: the answer to our first ARP request. */
static void await_carrier(const struct la_dev *d)
{
    const struct timespec turn = {.tv_nsec = 1000000};
    bool up = true, running = false;

    for (int i = 0; i < CARRIER_MS && up && !running; i++) {
        if (netdev_is_up(d->name, &up, &running) < 0)
            return;
        if (!running)
            nanosleep(&turn, NULL);
    }
}

static int bring_up(struct la_dev *d, bool leave, struct la_host_error *err)
{
    bool up = false, running = false;
    int rc = 0;

    netdev_is_up(d->name, &up, &running);
    if (!up && d->created && !leave) {
        rc = netdev_set_up(d->name);
        if (rc < 0)
            return host_fail(err, LA_EOPNOTSUPP, "cannot bring %s up (%s): type ip link set %s up",
                             d->name, strerror(-rc), d->name);
        up = true;
    }
    if (up)
        await_carrier(d);
    d->down = !up;
    if (d->down)
        host_fail(err, 0, "%s is down: type ip link set %s up", d->name, d->name);
    return LA_OK;
}

static int open_all(struct la_dev *d, const struct la_dev_config *cfg, struct la_host_error *err)
{
    int rc;

    if (!name_ok(cfg->name))
        return host_fail(
            err, LA_EINVAL,
            "a device name has 1 to 15 characters without spaces, '/' or ':', like tap0");
    if (cfg->mtu && (cfg->mtu < 68 || cfg->mtu > 65535))
        return host_fail(err, LA_EINVAL, "an MTU is from 68 to 65535 bytes");
    if (cfg->kind == LA_DEV_TAP && cfg->mtu > TAP_MTU_MAX)
        return host_fail(err, LA_EINVAL, "a TAP has an MTU of %d at most; tun:%s takes 65535",
                         TAP_MTU_MAX, cfg->name);
    memcpy(d->name, cfg->name, strlen(cfg->name) + 1);
    d->kind = cfg->kind;
    d->in = malloc(DEV_BUF);
    d->out = malloc(DEV_BUF);
    if (!d->in || !d->out)
        return host_fail(err, LA_ENOMEM, "out of memory");
    if ((rc = open_clone(d, err)) < 0)
        return rc;
    d->created = if_nametoindex(d->name) == 0;
    if ((rc = attach(d, !cfg->no_offload, err)) < 0)
        return rc;
    set_offload(d);
    if ((rc = set_mtu(d, cfg->mtu, err)) < 0)
        return rc;
    if ((rc = choose_mac(d, err)) < 0)
        return rc;
    return bring_up(d, cfg->no_up, err);
}

int la_dev_open(const struct la_dev_config *cfg, struct la_dev **out, struct la_host_error *err)
{
    struct la_dev *d = calloc(1, sizeof *d);
    int rc;

    host_fail(err, 0, "%s", "");
    if (!d)
        return host_fail(err, LA_ENOMEM, "out of memory");
    d->fd = -1;
    rc = open_all(d, cfg, err);
    if (rc < 0) {
        la_dev_close(d);
        return rc;
    }
    *out = d;
    return LA_OK;
}

void la_dev_close(struct la_dev *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    free(d->in);
    free(d->out);
    free(d);
}

void la_dev_if_config(const struct la_dev *d, struct la_if_config *out)
{
    *out = (struct la_if_config){
        .link = d->kind == LA_DEV_TAP ? LA_LINK_ETHERNET : LA_LINK_IP,
        .mtu = d->mtu,
        .offload = d->vnet ? LA_OFFLOAD_TX_CSUM | LA_OFFLOAD_TSO : 0,
    };
    memcpy(out->mac, d->mac, sizeof out->mac);
}

const char *la_dev_name(const struct la_dev *d)
{
    return d->name;
}

int la_dev_fd(const struct la_dev *d)
{
    return d->fd;
}

void la_dev_stats(const struct la_dev *d, struct la_dev_stats *out)
{
    *out = d->stats;
}
