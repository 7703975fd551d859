/* segment.h: segments as text and as bytes, for driver.c. */
#ifndef TESTS_SOCKETS_SEGMENT_H
#define TESTS_SOCKETS_SEGMENT_H

#include "sockets/driver.h"

/* The datagram that `text` means, from the far end; 0 if it cannot be read. */
size_t segment_build(struct driver *d, const char *text, uint8_t *packet, size_t room);
/* The datagram as text in d->got, with what it tells kept in *d. */
void segment_read(struct driver *d, const uint8_t *packet, size_t n);
/* The last one again, with d's numbers. */
void segment_reread(struct driver *d);
/* Does `got` say what `want` says, as far as that goes? */
bool segment_matches(const char *want, const char *got);
/* An ICMP error that quotes the last datagram read. */
size_t segment_icmp(struct driver *d, uint8_t type, uint8_t code, uint32_t mtu, uint8_t *packet);

#endif
