/* kernel.h: this machine's own TCP behind packetdrill's table of calls, so that what drives the
 * object can drive the kernel too, and the two be compared.
 *
 * Each has a network namespace of its own with a TUN device, the addresses of `flags` (as the
 * object reads them), and everybody else behind the device.  Time is real. */
#ifndef TESTS_SOCKETS_KERNEL_H
#define TESTS_SOCKETS_KERNEL_H

#include "packetdrill/interface.h"
#include <stdbool.h>

/* What packetdrill_interface_init does.  False, with a line on standard error, where the right to
 * make namespaces is missing. */
bool kernel_interface_init(const char *flags, struct packetdrill_interface *ifc);

/* How long netdev_receive waits before it says that nothing comes, in ms. */
void kernel_patience(void *userdata, int ms);

#endif
