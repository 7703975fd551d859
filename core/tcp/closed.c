/* closed.c: a segment to a pair that nobody has (RFC 9293 §3.10.7.1, experiment 19). */
#include "tcp/spine.h"

void input_closed(struct tcp *tcp, const struct tuple *id, const struct tcp_seg *g, la_ns now)
{
    if (g->flags & TCP_RST) {
        tcp_drop(tcp, NULL, id, R_CLOSED_RST, now);
        return;
    }
    tcp_drop(tcp, NULL, id, g->flags & TCP_ACK ? R_CLOSED_REPLY_ACK : R_CLOSED_REPLY_NOACK, now);
    emit_rst_reply(tcp, id, seg_scope(id, g), g, now);
}
