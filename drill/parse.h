/* parse.h: what the grammar (script.y), its words (script.l) and what they build (build.c) share.
 *
 * The first mistake is kept and every later one forgotten; builders go on with harmless values
 * until the grammar notices, so none of them returns NULL. */
#ifndef LA_DRILL_PARSE_H
#define LA_DRILL_PARSE_H

#include "drill/script.h"
#include <stddef.h>

struct region {
    struct place from, to;
};

struct num {
    int64_t v;
    const char *text;
};

struct list {
    struct item *first, *last;
    uint32_t n;
};

struct option_list {
    struct tcp_option *first, *last;
};

struct parse {
    struct script *script;
    const struct script_outside *outside;
    struct drill_error *err;
    bool failed;
    struct place here; /* where the scanner stands */
    struct event *last;
    struct script_option *last_option;

    /* the event in hand */
    struct when when;
    struct place event_at;
    struct packet *packet;
    struct event *pending;
    struct tcp_option *option;
    bool blocks;
    la_ns ends;
    const char *call;
    struct place call_at;
};

/* ---- memory: the script's ---- */

/* Zeroed memory; aborts the process when there is none. */
void *p_must_alloc(size_t n);
/* The same, aligned for anything, until script_free. */
void *script_alloc(struct script *s, size_t n);
const char *script_text(struct script *s, const char *p, size_t n);

/* ---- mistakes ---- */

__attribute__((format(printf, 3, 4))) void p_fail(struct parse *p, struct place at, const char *fmt,
                                                  ...);
void p_unexpected(struct parse *p, const struct region *at, bool at_end, const char *const *names,
                  int n);
_Noreturn void p_scanner_died(const char *why);

/* ---- words ---- */

void p_advance(struct parse *p, struct region *at, const char *text, size_t n);
const char *p_text(struct parse *p, const char *text, size_t n);
struct expr *p_string(struct parse *p, struct place at, const char *text, size_t n);
bool p_number(struct parse *p, struct num *out, struct place at, const char *digits, int base);
la_ns p_seconds(struct parse *p, struct place at, const char *text);
const char *p_join(struct parse *p, const char *a, const char *b, const char *c);
uint32_t p_u32(struct parse *p, struct place at, int64_t v);
uint16_t p_u16(struct parse *p, struct place at, int64_t v, const char *what);
uint8_t p_u8(struct parse *p, struct place at, int64_t v, const char *what);

/* ---- options and events ---- */

void p_option(struct parse *p, struct place at, const char *name, const char *value);
void p_range(struct parse *p, struct place at, const struct when *w);
void p_ends(struct parse *p, struct place at);
void p_command(struct parse *p, struct region at, struct when when, const char *text);
void p_code(struct parse *p, struct region at, const char *text);

void p_packet(struct parse *p, struct place at, bool inbound);
void p_packet_done(struct parse *p, struct region at);
void p_nothing(struct parse *p, struct place at);
void p_ports(struct parse *p, struct place sat, int64_t sport, struct place dat, int64_t dport);
void p_ip_word(struct parse *p, struct place at, const char *word);
void p_ip_value(struct parse *p, struct place at, const char *word, const struct num *value);
void p_ip_text(struct parse *p, struct place at, const char *word, const char *text);
void p_ip_range(struct parse *p, struct place at, const char *word, int64_t from, int64_t to);
void p_flags(struct parse *p, struct place at, const char *letters);
void p_numbers(struct parse *p, struct place at, const struct seg_numbers *n);
void p_options(struct parse *p, enum drill_options kind, struct tcp_option *first);
struct tcp_option *p_tcp_option(struct parse *p, struct place at, enum drill_option kind);
void p_sack(struct parse *p, struct place at, uint32_t start, uint32_t end);
/* Bytes of two hexadecimal digits each to out, which holds 40; their number. */
uint8_t p_bytes(struct parse *p, struct place at, const char *digits, uint8_t *out);
void p_hexes(struct parse *p, struct place at, struct tcp_option *o, const char *digits);
void p_icmp(struct parse *p, struct place at, const char *type, struct place code_at,
            const char *code);
void p_icmp_mtu(struct parse *p, struct place at, int64_t mtu);

void p_call(struct parse *p, struct place at, const char *name);
void p_call_done(struct parse *p, struct region at, struct list args, struct expr *result,
                 struct place error_at, const char *error);

/* ---- expressions ---- */

struct expr *p_expr(struct parse *p, struct place at, enum expr_kind kind);
struct expr *p_word(struct parse *p, struct place at, const char *word);
struct expr *p_function(struct parse *p, struct place at, const char *name, struct list args);
struct expr *p_items(struct parse *p, struct place at, enum expr_kind kind, struct list items);
struct expr *p_or(struct parse *p, struct expr *a, struct expr *b);
struct item *p_member(struct parse *p, const struct expr *name, struct expr *value);
struct list p_append(struct parse *p, struct list l, struct item *i);

/* The grammar over n bytes; false if it refused, or a builder did. */
bool p_run(struct parse *p, const char *text, size_t n);

/* The script's options, with those outside it, into its config.  Refuses by p_fail. */
void config_make(struct parse *p);
/* Arguments of every call, as far as they can be judged before it runs.  Refuses by p_fail. */
void check_calls(struct parse *p);
void check_commands(struct parse *p);
void check_bursts(struct parse *p);
void check_code(struct parse *p);

#endif
