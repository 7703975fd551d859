/* fuzz_timewait.c: TIME-WAIT and the connection table against a list of socket pairs: who has each
 * pair, until when, in which order they end, whatever is restarted, shadowed, reused and pushed
 * out.
 */
#include "fuzz/fuzz_mem.h"
#include "tcp/tcp.h"

#define PAIRS 120U
#define WAIT LA_SEC(60)

enum holder { NOBODY, WAITING, SHADOWED };

struct pair {
    struct tuple id;
    enum holder tw;
    la_ns until;
    uint32_t serial;
    uint32_t tcb; /* of a connection that has the pair, 0: none */
    bool has_ts;
};

struct world {
    struct fuzz_mem f;
    struct la_config cfg;
    uint64_t rules[R_COUNT];
    struct tcp tcp;
    struct pair pair[PAIRS];
    uint32_t live, cap;
    la_ns now;
};

static void pair_init(struct pair *p, uint32_t i)
{
    uint8_t last = (uint8_t)i;
    if (i % 3)
        p->id = (struct tuple){la_addr_v4(10, 0, 0, 1), la_addr_v4(10, 0, 1, last), 80,
                               (uint16_t)(1000 + i / 7)};
    else
        p->id = (struct tuple){{{0xfd, [15] = 1}}, {{0xfd, 9, [15] = last}}, 80, 1000};
}

static uint32_t hash_of(const struct world *w, const struct pair *p)
{
    return tuple_hash(&w->tcp.tab.key, &p->id);
}

static ref ref_of_pair(const struct world *w, const struct pair *p)
{
    return conntab_find(&w->tcp, &p->id, hash_of(w, p));
}

static void init(struct world *w, struct input *in)
{
    struct sipkey key = {in_u8(in), 5};
    fuzz_mem_init(&w->f, 1, 1);
    w->cap = 1 + in_below(in, PAIRS);
    w->tcp.cfg = &w->cfg;
    w->tcp.mem = &w->f.m;
    w->tcp.rules = w->rules;
    pool_init(&w->tcp.tcbs, &w->f.m, sizeof(struct tcb), PAIRS);
    CHECK(conntab_init(&w->tcp.tab, &w->f.m, &key, 2 * PAIRS) == LA_OK);
    CHECK(timewait_init(&w->tcp.tw, &w->f.m, w->cap, WAIT) == LA_OK);
    CHECK(records_init(&w->tcp.records, &w->f.m, 8) == LA_OK);
    /* The serials' upper bits are not in the entries, and may change while one waits. */
    w->tcp.records.last = in_u8(in) & 1 ? TW_SERIAL - 5 : 0;
    w->now = in_u8(in) & 1 ? LA_USEC(UINT32_MAX) - LA_SEC(30) + 17 : 1;
    for (uint32_t i = 0; i < PAIRS; i++)
        pair_init(&w->pair[i], i);
}

/* The entry that was there and is not any more must have been the oldest. */
static void find_evicted(struct world *w, const struct pair *added)
{
    la_ns oldest = LA_NEVER;
    struct pair *gone = NULL;
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct pair *p = &w->pair[i];
        if (p == added || p->tw == NOBODY)
            continue;
        oldest = p->until < oldest ? p->until : oldest;
        if (p->tw == WAITING && ref_of_pair(w, p) == REF_NONE)
            gone = p;
    }
    if (!gone) { /* one that was shadowed: it cannot be found, only missed */
        for (uint32_t i = 0; i < PAIRS; i++) {
            struct pair *p = &w->pair[i];
            if (p != added && p->tw == SHADOWED && p->until == oldest)
                gone = p;
        }
    }
    CHECK(gone && gone->until == oldest);
    gone->tw = NOBODY;
}

static void add(struct world *w, struct pair *p, bool has_ts)
{
    struct la_record *rec = record_new(&w->tcp.records);
    uint64_t evicted = w->rules[R_TW_EVICTED];
    rec->state = LA_TIME_WAIT;
    rec->opened = w->now;
    rec->local = (struct la_endpoint){p->id.local, p->id.lport, -1};
    rec->remote = (struct la_endpoint){p->id.remote, p->id.rport, -1};
    struct tw_entry e = {.id = p->id,
                         .core = {.serial = rec->serial,
                                  .rcv_nxt = seq(rec->serial * 3),
                                  .snd_nxt = seq(rec->serial * 5),
                                  .ts_recent = has_ts ? rec->serial * 7 : 0},
                         .has_ts = has_ts,
                         .ifx = -1,
                         .wnd = (uint16_t)(rec->serial * 11)};
    CHECK(timewait_add(&w->tcp, &e, hash_of(w, p), w->now));
    p->tw = WAITING;
    p->until = (w->now + WAIT + 999) / 1000 * 1000;
    p->serial = rec->serial;
    p->has_ts = has_ts;
    if (w->live == w->cap) {
        CHECK(w->rules[R_TW_EVICTED] == evicted + 1);
        find_evicted(w, p);
    } else {
        w->live++;
    }
}

static void expire(struct world *w)
{
    timewait_expire(&w->tcp, w->now);
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct pair *p = &w->pair[i];
        if (p->tw != NOBODY && p->until <= w->now) {
            p->tw = NOBODY;
            w->live--;
        }
    }
}

static void open_or_close(struct world *w, struct pair *p)
{
    uint32_t index;
    if (p->tcb) {
        conntab_remove(&w->tcp, ref_of(REF_TCB, p->tcb), tcb_at(&w->tcp, p->tcb)->hash);
        pool_put(&w->tcp.tcbs, p->tcb);
        p->tcb = 0;
        return;
    }
    struct tcb *t = pool_get(&w->tcp.tcbs, &index);
    CHECK(t);
    *t = (struct tcb){.self = index, .id = p->id};
    conntab_insert(&w->tcp, ref_of(REF_TCB, index), hash_of(w, p));
    p->tcb = index;
}

static void restart(struct world *w, struct pair *p)
{
    ref r = timewait_restart(&w->tcp, ref_of_pair(w, p), hash_of(w, p), w->now);
    la_ns until = timewait_deadline_of(&w->tcp, r, w->now);
    CHECK(until == (w->now + WAIT + 999) / 1000 * 1000 || until == p->until);
    p->until = until;
}

/* One step with one pair.  What is not expired and past its time is no longer asked. */
static void act(struct world *w, struct pair *p, uint8_t op)
{
    struct tw_entry e;
    switch (op % 8) {
    case 0:
    case 1:
        if (p->tw == NOBODY && !p->tcb)
            add(w, p, op & 8);
        break;
    case 2:
        if (p->tw == WAITING)
            restart(w, p);
        break;
    case 3:
        if (p->tw == WAITING) {
            timewait_shadow(&w->tcp, ref_of_pair(w, p), hash_of(w, p));
            p->tw = SHADOWED;
        }
        break;
    case 4:
        if (p->tw != WAITING)
            open_or_close(w, p);
        break;
    case 5:
        if (p->tw == WAITING) {
            timewait_get(&w->tcp, ref_of_pair(w, p), &e);
            const struct la_record *rec = timewait_record(&w->tcp, ref_of_pair(w, p));
            CHECK(rec == record_find(&w->tcp.records, p->serial));
            CHECK(e.has_ts == p->has_ts && tuple_eq(&e.id, &p->id));
            CHECK(e.wnd == (uint16_t)(p->serial * 11));
            CHECK(e.core.rcv_nxt.v == p->serial * 3 && e.core.snd_nxt.v == p->serial * 5);
            CHECK(e.core.ts_recent == (p->has_ts ? p->serial * 7 : 0));
        }
        break;
    case 6:
        if (p->tw == WAITING) {
            CHECK(timewait_kill(&w->tcp, ref_of_pair(w, p), &p->id, w->now));
            p->tw = NOBODY;
            w->live--;
        }
        break;
    default:
        w->now += LA_USEC((uint64_t)op * 41000U) + op;
        expire(w);
        break;
    }
}

static void compare(const struct world *w)
{
    uint32_t in_table = 0;
    la_ns first = LA_NEVER;
    for (uint32_t i = 0; i < PAIRS; i++) {
        const struct pair *p = &w->pair[i];
        ref r = ref_of_pair(w, p);
        bool tw = p->tw == WAITING;
        CHECK((r != REF_NONE) == (tw || p->tcb));
        CHECK(!p->tcb || r == ref_of(REF_TCB, p->tcb));
        CHECK(!tw || ref_kind(r) == (i % 3 ? REF_TW4 : REF_TW6));
        CHECK(!tw || timewait_deadline_of(&w->tcp, r, w->now) == p->until);
        in_table += r != REF_NONE;
        if (p->tw != NOBODY && p->until < first)
            first = p->until;
    }
    CHECK(w->tcp.tab.count == in_table && w->tcp.tw.live == w->live);
    CHECK(timewait_deadline(&w->tcp.tw, w->now) == first);
    CHECK(timewait_check(&w->tcp) == 0 && conntab_check(&w->tcp) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct world w;
    struct input in = {data, n};
    memset(&w, 0, sizeof w);
    init(&w, &in);
    while (in.n) {
        uint8_t op = in_u8(&in);
        act(&w, &w.pair[in_below(&in, PAIRS)], op);
        compare(&w);
    }
    w.now += WAIT + LA_SEC(1);
    expire(&w);
    for (uint32_t i = 0; i < PAIRS; i++)
        if (w.pair[i].tcb)
            open_or_close(&w, &w.pair[i]);
    compare(&w);
    CHECK(w.tcp.tab.count == 0 && w.live == 0);
    records_free(&w.tcp.records);
    timewait_free(&w.tcp.tw);
    conntab_free(&w.tcp.tab);
    pool_free(&w.tcp.tcbs);
    fuzz_mem_end(&w.f);
    return 0;
}
