/* sysctl.h: settings by Linux's names, net.ipv4.NAME, as scripts' commands and --so_flags give
 * them.
 *
 * A script's commands run on this machine and set its kernel.  While `dir` (/proc/sys/net/ipv4) is
 * watched, what a command changes there is changed here; what it was before the script is not
 * taken, so that a run depends on nothing but the script. */
#ifndef LA_PACKETDRILL_SYSCTL_H
#define LA_PACKETDRILL_SYSCTL_H

#include "sockets/sockets.h"

#define SYSCTL_MAX 24
#define SYSCTL_TEXT 48

struct sysctls {
    char dir[200];                      /* "": nothing is watched */
    char seen[SYSCTL_MAX][SYSCTL_TEXT]; /* the texts as they were last read */
};

/* Sets one for connections and sockets to come.  -ENOENT: no such setting here; -EINVAL: no such
 * value. */
int sysctl_set(struct la_stack *s, struct sockets *so, const char *name, const char *value);
void sysctl_watch(struct sysctls *w, const char *dir);
/* What has changed since the last time. */
void sysctl_follow(struct sysctls *w, struct la_stack *s, struct sockets *so);

#endif
