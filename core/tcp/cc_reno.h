/* cc_reno.h: the standard's own congestion control (RFC 5681), counting bytes (RFC 3465). */
#ifndef LA_TCP_CC_RENO_H
#define LA_TCP_CC_RENO_H

#include "tcp/cc.h"

extern const struct cc_ops cc_reno;

#endif
