/* asked.h: answers what packetdrill asks past its table (asked.c). */
#ifndef LA_PACKETDRILL_ASKED_H
#define LA_PACKETDRILL_ASKED_H

#include "packetdrill/interface.h"
#include <stdbool.h>

/* From now on, for the descriptors of this object; of several the first is asked. */
void asked_begin(const struct packetdrill_interface *ifc);
void asked_end(const void *userdata);

/* object.c: is the descriptor one of the object's? */
bool object_owns(void *userdata, int fd);

#endif
