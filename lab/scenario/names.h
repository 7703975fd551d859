/* names.h: the names that may stand behind a dot, as in client.restarts: one row each. */
#ifndef LAB_NAMES_H
#define LAB_NAMES_H

/* ROW(what it is asked of, id, kind of value, name, what it says) */
#define LAB_FIELDS(ROW)                                                                            \
    /* of an end: what its program did and was told */                                             \
    ROW(OF_APP, APP_ERROR, ERROR, "error", "what the program was, or would be, told")              \
    ROW(OF_APP, APP_SENT, NUMBER, "sent", "bytes that send took")                                  \
    ROW(OF_APP, APP_RECEIVED, NUMBER, "received", "bytes that were read")                          \
    ROW(OF_APP, APP_TEXT, TEXT, "text", "what was read, its first 4096 bytes")                     \
    ROW(OF_APP, APP_HASH, HASH, "hash", "FNV-1a of everything that was read")                      \
    ROW(OF_APP, APP_SENT_HASH, HASH, "sent_hash", "FNV-1a of everything that was sent")            \
    ROW(OF_APP, APP_OPENED, TIME, "opened", "when connect or accept gave it to the program")       \
    ROW(OF_APP, APP_PORT, NUMBER, "port", "its own port")                                          \
    /* of an end: its close record, once it has ended */                                           \
    ROW(OF_RECORD, RECORD_CAUSE, CAUSE, "cause", "why the first FIN or RST was sent")              \
    ROW(OF_RECORD, RECORD_ENDED_BY, CAUSE, "ended_by",                                             \
        "the same, or what cut it off after the first FIN")                                        \
    ROW(OF_RECORD, RECORD_FIRST_CLOSER, SIDE, "first_closer", "whose FIN was first on the wire")   \
    ROW(OF_RECORD, RECORD_RESET_BY, SIDE, "reset_by", "who sent a RST")                            \
    ROW(OF_RECORD, RECORD_LAST_STATE, STATE, "last_state", "the state it ended from")              \
    ROW(OF_RECORD, RECORD_CLOSED_AT, TIME, "closed_at", "when it was CLOSED")                      \
    ROW(OF_RECORD, RECORD_FIN_AT, TIME, "first_fin_at", "when the first FIN left or came")         \
    ROW(OF_RECORD, RECORD_FIN_2_AT, TIME, "second_fin_at", "when the other side's FIN did")        \
    ROW(OF_RECORD, RECORD_LIFE, TIME, "life", "from opening to CLOSED, TIME-WAIT included")        \
    ROW(OF_RECORD, RECORD_UNACKED, NUMBER, "unacked", "bytes sent and never acknowledged")         \
    ROW(OF_RECORD, RECORD_UNREAD, NUMBER, "unread", "bytes received and never read")               \
    ROW(OF_RECORD, RECORD_RETRANSMITS, NUMBER, "retransmits", "segments sent again")               \
    ROW(OF_RECORD, RECORD_FIN_RETRANSMITS, NUMBER, "fin_retransmits", "FINs sent again")           \
    ROW(OF_RECORD, RECORD_TIMEOUTS, NUMBER, "timeouts", "retransmission timeouts")                 \
    ROW(OF_RECORD, RECORD_RESTARTS, NUMBER, "restarts", "times that 2MSL began anew")              \
    ROW(OF_RECORD, RECORD_RST_IGNORED, NUMBER, "rst_ignored", "RSTs that TIME-WAIT ignored")       \
    ROW(OF_RECORD, RECORD_SYN_REFUSED, NUMBER, "syn_refused", "SYNs that TIME-WAIT refused")       \
    ROW(OF_RECORD, RECORD_OLD_SEGMENTS, NUMBER, "old_segments",                                    \
        "old segments that TIME-WAIT turned away")                                                 \
    ROW(OF_RECORD, RECORD_REUSED, BOOL, "reused", "TIME-WAIT ended early for a new connection")    \
    ROW(OF_RECORD, RECORD_EVICTED, BOOL, "evicted", "TIME-WAIT ended early as its table was full") \
    /* of an end: as it stands now */                                                              \
    ROW(OF_STATUS, STATUS_STATE, STATE, "state", "its state now")                                  \
    ROW(OF_STATUS, STATUS_SINCE, TIME, "since", "when it entered that state")                      \
    ROW(OF_STATUS, STATUS_SND_UNA, NUMBER, "snd_una", "SND.UNA, from 0 at our SYN")                \
    ROW(OF_STATUS, STATUS_SND_NXT, NUMBER, "snd_nxt", "SND.NXT, from 0 at our SYN")                \
    ROW(OF_STATUS, STATUS_RCV_NXT, NUMBER, "rcv_nxt", "RCV.NXT, from 0 at the peer's SYN")         \
    ROW(OF_STATUS, STATUS_ISS, NUMBER, "iss", "our initial sequence number")                       \
    ROW(OF_STATUS, STATUS_IRS, NUMBER, "irs", "the peer's initial sequence number")                \
    ROW(OF_STATUS, STATUS_QUEUED_IN, NUMBER, "queued_in", "bytes that can be read")                \
    ROW(OF_STATUS, STATUS_QUEUED_OUT, NUMBER, "queued_out", "bytes not yet acknowledged")          \
    ROW(OF_STATUS, STATUS_CWND, NUMBER, "cwnd", "the congestion window, bytes")                    \
    ROW(OF_STATUS, STATUS_SND_WND, NUMBER, "snd_wnd", "the peer's window, bytes")                  \
    /* of a host */                                                                                \
    ROW(OF_HOST, HOST_CONNECTIONS, NUMBER, "connections", "connections, TIME-WAIT not counted")    \
    ROW(OF_HOST, HOST_HALF_OPEN, NUMBER, "half_open", "half-open connections of its listeners")    \
    ROW(OF_HOST, HOST_TIME_WAITS, NUMBER, "time_waits", "entries in TIME-WAIT")                    \
    ROW(OF_HOST, HOST_ACCEPTED, NUMBER, "accepted", "connections that its programs accepted")      \
    ROW(OF_HOST, HOST_RECORDS, NUMBER, "records", "close records: connections that ended")         \
    ROW(OF_HOST, HOST_TIME_WAIT_BYTES, NUMBER, "time_wait_bytes", "memory of a TIME-WAIT entry")   \
    /* of a direction of a link: link.client.lost */                                               \
    ROW(OF_WIRE, WIRE_FRAMES, NUMBER, "frames", "frames sent into it")                             \
    ROW(OF_WIRE, WIRE_DELIVERED, NUMBER, "delivered", "frames that arrived")                       \
    ROW(OF_WIRE, WIRE_LOST, NUMBER, "lost", "frames lost by its luck")

#define LAB_FIELD_ID(of, id, kind, name, about) id,
enum lab_field_id { LAB_FIELDS(LAB_FIELD_ID) LAB_FIELD_IDS };
#undef LAB_FIELD_ID

#endif
