/* cc.c: what all congestion control has in common: the table of algorithms and the initial window
 * (RFC 6928 §2, RFC 5681 §3.1). */
#include "tcp/cc.h"
#include "tcp/cc_reno.h"

const struct cc_ops *const cc_table[] = {[CC_RENO] = &cc_reno};

uint32_t cc_initial_window(uint32_t smss, bool syn_lost)
{
    uint32_t floor = 2 * smss > 14600 ? 2 * smss : 14600;

    if (syn_lost)
        return smss;
    return 10 * smss < floor ? 10 * smss : floor;
}

void cc_init(struct cc *c, uint8_t algorithm, uint32_t smss, bool syn_lost, uint8_t abc_limit)
{
    *c = (struct cc){.cwnd = cc_initial_window(smss, syn_lost),
                     .ssthresh = UINT32_MAX,
                     .algorithm = algorithm,
                     .abc_limit = abc_limit};
}
