/* private.h: what the files of host/ share. */
#ifndef LA_HOST_PRIVATE_H
#define LA_HOST_PRIVATE_H

#include <lastack/host.h>
#include <linux/virtio_net.h>

/* The largest frame either way: 64 KiB of IP behind an Ethernet header with a VLAN tag. */
#define DEV_FRAME_MAX (65535U + 18U)

struct la_dev {
    int fd;
    enum la_dev_kind kind;
    char name[16];
    uint8_t mac[6];
    uint32_t mtu;
    bool vnet;    /* frames carry a virtio-net header */
    bool created; /* made by this process: it goes away with the descriptor */
    bool down;    /* the kernel's side was down when it was opened */
    bool gone;    /* somebody deleted it under us */
    struct la_dev_stats stats;
    uint32_t pending; /* bytes in `out` that the device had no room for */
    uint8_t *in, *out;
};

#define DEV_BUF (sizeof(struct virtio_net_hdr) + DEV_FRAME_MAX)

/* Writes err->text as printf does; err may be NULL.  Returns `code`, so that callers can
 * `return host_fail(err, LA_EINVAL, ...)`. */
__attribute__((format(printf, 3, 4))) int host_fail(struct la_host_error *err, int code,
                                                    const char *fmt, ...);

/* ---- netdev.c: the kernel's side of a device.  Each returns 0 or a negative errno. ---- */

int netdev_mtu(const char *name, uint32_t *mtu);
int netdev_set_mtu(const char *name, uint32_t mtu);
int netdev_mac(const char *name, uint8_t mac[6]);
int netdev_is_up(const char *name, bool *up, bool *running);
int netdev_set_up(const char *name);
/* Adds an address; one that is there already is fine.  no_dad: usable at once (IPv6). */
int netdev_add_addr(const char *name, const struct la_addr *a, unsigned prefix_len, bool no_dad);
/* Whether the kernel's side has an address of the family that can talk to ours. */
bool netdev_has_addr(const char *name, bool v6);

#endif
