/* dev_io.c: frames in and out of an open device, and the virtio-net header between its words for
 * checksums and segmentation and struct la_frame's.
 *
 * Invariant: a frame that la_tx produced reaches the kernel, or is kept, or is counted. */
#include "private.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel's words for a received frame; false: they do not fit the frame. */
static bool from_virtio(const struct virtio_net_hdr *h, struct la_frame *f)
{
    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if ((uint32_t)h->csum_start + h->csum_offset + 2U > f->len)
            return false;
        f->csum = LA_CSUM_PARTIAL;
        f->csum_start = h->csum_start;
        f->csum_offset = h->csum_offset;
    } else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        f->csum = LA_CSUM_VALID;
    }
    if ((h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_NONE)
        f->gso_size = h->gso_size;
    return true;
}

bool la_dev_recv(struct la_dev *d, struct la_frame *f)
{
    size_t skip = d->vnet ? sizeof(struct virtio_net_hdr) : 0;

    for (;;) {
        ssize_t n = read(d->fd, d->in, DEV_BUF);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                d->gone = true; /* EBADFD: the device was deleted */
            return false;
        }
        if ((size_t)n <= skip) {
            d->stats.rx_errors++;
            continue;
        }
        uint32_t len = (uint32_t)((size_t)n - skip);
        *f = (struct la_frame){.head = {d->in + skip, len}, .len = len};
        if (d->vnet) {
            struct virtio_net_hdr h;
            memcpy(&h, d->in, sizeof h);
            if (!from_virtio(&h, f)) {
                d->stats.rx_errors++;
                continue;
            }
        }
        d->stats.rx_frames++;
        return true;
    }
}

/* Our words for a frame to send.  hdr_len is a hint of where the payload begins: the TCP header's
 * end, which its data offset tells. */
static void to_virtio(const struct la_dev *d, const struct la_frame *f, struct virtio_net_hdr *h)
{
    const uint8_t *p = f->head.p;
    uint32_t ip = d->kind == LA_DEV_TAP ? 14 : 0;

    memset(h, 0, sizeof *h);
    if (f->csum == LA_CSUM_PARTIAL) {
        h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h->csum_start = f->csum_start;
        h->csum_offset = f->csum_offset;
    }
    if (!f->gso_size || f->head.n < f->csum_start + 20U || f->head.n <= ip)
        return;
    h->gso_type = p[ip] >> 4 == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    h->gso_size = f->gso_size;
    h->hdr_len = (uint16_t)(f->csum_start + (uint32_t)(p[f->csum_start + 12U] >> 4) * 4U);
}

/* The kernel's iovec has no const; writev only reads. */
static struct iovec iov_of(const void *p, size_t n)
{
    struct iovec v = {.iov_len = n};

    memcpy(&v.iov_base, &p, sizeof p);
    return v;
}

void la_dev_send(struct la_dev *d, const struct la_frame *f)
{
    struct virtio_net_hdr h;
    struct iovec v[LA_FRAME_SPANS + 2];
    int nv = 0;
    ssize_t n;

    if (d->vnet) {
        to_virtio(d, f, &h);
        v[nv++] = iov_of(&h, sizeof h);
    }
    v[nv++] = iov_of(f->head.p, f->head.n);
    for (unsigned i = 0; i < f->nspan; i++)
        v[nv++] = iov_of(f->span[i].p, f->span[i].n);
    do
        n = writev(d->fd, v, nv);
    while (n < 0 && errno == EINTR);
    if (n >= 0) {
        d->stats.tx_frames++;
        return;
    }
    if (errno != EAGAIN || f->len > DEV_FRAME_MAX) {
        d->stats.tx_refused++;
        return;
    }
    d->pending = 0;
    for (int i = 0; i < nv; i++) {
        memcpy(d->out + d->pending, v[i].iov_base, v[i].iov_len);
        d->pending += (uint32_t)v[i].iov_len;
    }
    d->stats.tx_delayed++;
}

bool la_dev_flush(struct la_dev *d)
{
    ssize_t n;

    if (!d->pending)
        return true;
    do
        n = write(d->fd, d->out, d->pending);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    d->pending = 0;
    if (n < 0)
        d->stats.tx_refused++;
    else
        d->stats.tx_frames++;
    return true;
}
