/* lastack: a user-space TCP/IP stack.  This header brings the whole core. */
#ifndef LASTACK_LASTACK_H
#define LASTACK_LASTACK_H

#define LA_VERSION_MAJOR 0
#define LA_VERSION_MINOR 1
#define LA_VERSION_PATCH 0

#include <lastack/stack.h>
#include <lastack/tcp.h>
#include <lastack/trace.h>
#include <lastack/types.h>

#ifdef __cplusplus
extern "C" {
#endif
/* "0.1.0".  Static. */
LA_API const char *la_version(void);
#ifdef __cplusplus
}
#endif
#endif
