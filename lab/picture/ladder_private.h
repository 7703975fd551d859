/* ladder_private.h: the model between trace events and pictures. */
#ifndef LAB_LADDER_PRIVATE_H
#define LAB_LADDER_PRIVATE_H

#include "lab/picture/ladder.h"

/* A segment on its way. */
struct message {
    int from; /* 0 left, 1 right */
    bool sent_known, got_known, lost;
    bool followed; /* flow_see has heard of it */
    bool shown, plain;
    bool split; /* something crossed it */
    bool late;  /* overtaken by what was sent after it, or much longer under way than others */
    bool copy;  /* arrived, as another of the same numbers did: the network doubled it */
    la_ns sent, got;
    const struct trace_event *ev; /* the event it was made from */
    struct flow_info info;
};

enum item_kind { ITEM_SEND, ITEM_RECV, ITEM_STATE, ITEM_TIMER };

/* What one end did, in its order. */
struct item {
    enum item_kind kind;
    la_ns at;
    size_t msg;
    enum la_state state_from, state_to;
    uint8_t timer;
    bool inferred;
};

struct items {
    struct item *v;
    size_t n, room;
};

enum row_kind {
    ROW_SEGMENT, /* sent and received, nothing crossed it */
    ROW_DEPARTS, /* sent; its arrival is a row further down */
    ROW_ARRIVES,
    ROW_LOST,
    ROW_STRAY, /* received, never seen sent: a duplicate, or forged */
    ROW_STATE,
    ROW_TIMER,
    ROW_ELIDED,
    ROW_GAP, /* nothing happened for a while */
};

struct row {
    enum row_kind kind;
    int side; /* of what it is about; segments: the sender */
    la_ns at;
    la_ns span; /* ROW_GAP */
    size_t msg;
    uint8_t timer;
    bool has_state[2];
    bool inferred[2];
    enum la_state state[2]; /* entered at this row */
    struct {
        uint64_t data, bytes, acks, lost, again; /* ROW_ELIDED, by sender */
    } count[2];
};

struct ladder {
    struct ladder_config cfg;
    bool failed; /* out of memory */
    struct message *msg;
    size_t nmsg, msg_room;
    struct items side[2];
    enum la_state start[2]; /* before the first row */
    bool inferred[2];
    struct row *row;
    size_t nrow, row_room;
    la_ns origin;
    struct ladder_close close;
};

const struct ladder_end *ladder_end_of(const struct ladder *l, int side);

/* Appends, false and l->failed when memory is out. */
bool ladder_add_item(struct ladder *l, int side, const struct item *it);
bool ladder_insert_item(struct ladder *l, int side, size_t at, const struct item *it);
struct message *ladder_add_message(struct ladder *l);

/* ladder_model.c: messages and both ends' items from the logs. */
void ladder_collect(struct ladder *l);
/* ladder_infer.c: the end without a log, from the other one's items. */
void ladder_infer(struct ladder *l);
/* ladder_rows.c: one order for everything, bulk elided. */
void ladder_arrange(struct ladder *l);

/* ---- words, shared by the pictures (ladder_words.c) ---- */

#define LADDER_TEXT 128

/* "FIN,ACK"; without PSH if `brief`. */
char *ladder_flags(uint8_t flags, bool brief, char *buf);
/* It belongs to an earlier connection of the same pair. */
bool ladder_is_old(const struct message *m);
/* "FIN,ACK seq 5 ack 9 len 100", relative, at most `columns` characters if it can be made to fit.
 */
char *ladder_label(const struct message *m, int columns, char *buf);
/* "3735928559 ack 288234": absolute. */
char *ladder_absolute(const struct message *m, char *buf);
/* "46,210": thousands apart. */
char *ladder_count(uint64_t n, char *buf);
/* "64.0 MiB", "310 bytes". */
char *ladder_bytes(uint64_t n, char *buf);
/* "60.000 s", "15.2 ms", "12 us". */
char *ladder_span(la_ns span, char *buf);
/* "0.000123": seconds since the start, at most 10 characters. */
char *ladder_time(la_ns at, char *buf);
/* One line of what an elided row holds for one sender, "" if nothing: "46,210 segments, 64.0 MiB".
 */
char *ladder_elided(const struct row *r, int side, char *buf);
char *ladder_elided_zh(const struct row *r, int side, char *buf);
/* "1.234": milliseconds, for a narrow column. */
char *ladder_short_time(la_ns at, char *buf);
/* "1.234567890" */
char *ladder_exact(la_ns at, char *buf);
/* What it means that this timer ran out. */
struct words ladder_timer(enum la_timer_kind k);

#endif
