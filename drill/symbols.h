/* symbols.h: the names that scripts use for numbers, Linux's values. */
#ifndef LA_DRILL_SYMBOLS_H
#define LA_DRILL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/* AF_INET, SO_LINGER, O_NONBLOCK, POLLIN and so on.  False if it is none. */
bool symbol_value(const char *name, int64_t *value);

/* ECONNRESET and so on; 0 if it is no errno. */
int errno_value(const char *name);
/* "ECONNRESET", or "errno 999" in buf (32 bytes). */
const char *errno_name(int number, char *buf);

/* ICMP type and code by packetdrill's names; `code` NULL: none was said, which is 0.  False if this
 * IP version has no such type, or *known_type and no such code. */
bool icmp_value(bool v6, const char *type, const char *code, uint8_t *t, uint8_t *c,
                bool *known_type);

#endif
