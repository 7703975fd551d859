/* record.h: the close records (the fourth law: nothing ends without a reason), a ring of the last
 * ones. */
#ifndef LA_TCP_RECORD_H
#define LA_TCP_RECORD_H

#include "base/pages.h"
#include <lastack/tcp.h>

struct tcp;

struct records {
    struct pages ring;
    uint32_t cap;
    uint32_t last; /* serial of the newest, 0: none yet */
};

/* Takes the first page, so that there is always a slot; LA_ENOMEM. */
int records_init(struct records *r, struct mem *m, uint32_t cap);
void records_free(struct records *r);
/* Takes the next serial and returns its slot, cleared, the serial filled in.  Never fails: the
 * ring's memory is taken a page at a time, and if that is refused an old slot is used again. */
struct la_record *record_new(struct records *r);
/* The record of this serial; NULL if it is no longer kept. */
struct la_record *record_find(const struct records *r, uint32_t serial);
/* TIME-WAIT is over: state CLOSED, last_state, in_state[TIME-WAIT] and closed filled in,
 * LA_TRACE_RECORD. It began when the other states' times, counted from `opened`, were over. Nothing
 * happens to a record that is not in TIME-WAIT, or no longer kept. */
void record_complete(struct tcp *tcp, uint32_t serial, bool reused, bool evicted, la_ns now);

#endif
