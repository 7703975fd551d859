/* flags.h: --so_flags: "local=192.168.0.1/16,gateway=192.168.0.2,mtu=1500,msl=30s,profile=linux".
 */
#ifndef LA_PACKETDRILL_FLAGS_H
#define LA_PACKETDRILL_FLAGS_H

#include <lastack/types.h>

#define FLAGS_ADDRS 8

#define FLAGS_SETTINGS 16

struct flag_setting {
    char name[32], value[48];
};

struct flags {
    struct la_addr local[FLAGS_ADDRS];
    unsigned prefix[FLAGS_ADDRS], nlocal;
    struct la_addr gateway[2]; /* one of each family at most */
    unsigned ngateway;
    uint32_t mtu;     /* 0: 1500 */
    la_ns msl;        /* 0: the stack's default */
    uint32_t tso;     /* largest segment count of a superframe; 0: by profile */
    char profile[16]; /* "linux", "freebsd" or "rfc" */
    char pcap[256];   /* a capture of what passes, or "" */
    char sysctl[200]; /* where commands change settings; "": by profile, "off": nowhere */
    struct flag_setting settings[FLAGS_SETTINGS]; /* net.ipv4.NAME */
    unsigned nsettings;
};

/* Reads `text` (NULL: none).  False with one line in err, which says what is wrong and what could
 * stand there. */
bool flags_parse(const char *text, struct flags *f, char *err, size_t n);

#endif
