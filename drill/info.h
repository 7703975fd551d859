/* info.h: the fields of struct tcp_info by name. */
#ifndef LA_DRILL_INFO_H
#define LA_DRILL_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beside those fields: isn, tsval and port of the connection in hand. */
bool flow_known(const char *name);
bool info_known(const char *name);
/* The field's value in the first n bytes of a struct tcp_info; one that lies behind them is 0. */
bool info_value(const char *name, const void *info, size_t n, int64_t *value);

#endif
