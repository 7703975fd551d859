/* test_timewait.c: the TIME-WAIT table: exact waits, order of expiry, restarts, pairs in other
 * hands, eviction, and what an entry costs. */
#include "bare_tcp.h"

#define WAIT LA_SEC(60)

static struct bare *table(uint32_t cap, la_ns wait)
{
    return bare_new((struct bare_limits){4, 4, cap, 1, 65536, wait});
}

static struct tuple pair(uint32_t i)
{
    return bare_v4(0x0b000000 + i / 50000, (uint16_t)(1024 + i % 50000), 80);
}

static struct tuple pair6(uint32_t i)
{
    return bare_v6(i / 50000, (uint16_t)(1024 + i % 50000), 80);
}

static void expire_all(struct bare *b, la_ns now)
{
    timewait_expire(&b->tcp, now + b->tcp.tw.wait + LA_USEC(1));
    assert_int_equal(b->tcp.tw.live, 0);
}

/* The end is 2MSL after the beginning, rounded up to a microsecond, wherever the clock stands. */
static void waits_exactly(void **state)
{
    static const la_ns begins[] = {0,
                                   1,
                                   999,
                                   1000,
                                   LA_SEC(1) + 1,
                                   LA_USEC(UINT64_C(0xffffffff)),
                                   LA_USEC(UINT64_C(0xffffffff)) - WAIT + 500,
                                   LA_USEC(UINT64_C(0x100000000)) - WAIT,
                                   LA_SEC(UINT64_C(1000000000)) + 123456789};
    static const la_ns waits[] = {0, 1, 1001, LA_SEC(2), WAIT, LA_USEC(UINT64_C(1) << 31)};
    (void)state;

    for (unsigned w = 0; w < sizeof waits / sizeof *waits; w++) {
        struct bare *b = table(4, waits[w]);
        for (unsigned i = 0; i < sizeof begins / sizeof *begins; i++) {
            la_ns end = (begins[i] + waits[w] + 999) / 1000 * 1000;
            struct tuple id = pair(i);
            assert_int_equal(timewait_deadline(&b->tcp.tw, begins[i]), LA_NEVER);
            ref r = bare_time_wait(b, &id, true, begins[i]);
            assert_int_not_equal(r, REF_NONE);
            assert_int_equal(timewait_deadline(&b->tcp.tw, begins[i]), end);
            assert_int_equal(timewait_deadline_of(&b->tcp, r, begins[i]), end);
            if (end > begins[i]) {
                timewait_expire(&b->tcp, end - 1);
                assert_int_equal(bare_find(b, &id), r);
                assert_int_equal(timewait_deadline(&b->tcp.tw, end - 1), end);
            }
            assert_int_equal(timewait_deadline(&b->tcp.tw, end + LA_SEC(5)), end);
            timewait_expire(&b->tcp, end);
            assert_int_equal(bare_find(b, &id), REF_NONE);
            const struct la_record *rec = bare_record(b, b->tcp.records.last);
            assert_int_equal(rec->state, LA_CLOSED);
            assert_int_equal(rec->closed, end);
            assert_int_equal(rec->in_state[LA_TIME_WAIT], end - begins[i]);
            assert_false(rec->tw.evicted || rec->tw.reused);
        }
        assert_int_equal(b->records_told, sizeof begins / sizeof *begins);
        assert_int_equal(b->rules[R_TW_EXPIRED], sizeof begins / sizeof *begins);
        bare_free(b);
    }
}

static void refuses_what_it_cannot_count(void **state)
{
    struct bare *b = table(1, WAIT);
    struct timewait w;
    (void)state;
    assert_int_equal(timewait_init(&w, &b->mem, 10, LA_USEC(UINT64_C(1) << 31) + 1), LA_EINVAL);
    assert_int_equal(timewait_init(&w, &b->mem, REF_INDEX_MAX, WAIT), LA_EINVAL);
    bare_free(b);
}

/* Both families, in order of their ends, and nothing before its time. */
static void expires_in_order(void **state)
{
    enum { MANY = 1000 };
    struct bare *b = table(MANY, WAIT);
    la_ns now = LA_SEC(4000), begun[MANY];
    (void)state;

    for (uint32_t i = 0; i < MANY; i++) {
        struct tuple id = bare_random(b, 2) ? pair(i) : pair6(i);
        now += bare_random(b, 3000);
        begun[i] = now;
        assert_int_not_equal(bare_time_wait(b, &id, true, now), REF_NONE);
    }
    assert_int_equal(timewait_check(&b->tcp), 0);
    for (uint32_t i = 0; i < MANY;) {
        la_ns due = timewait_deadline(&b->tcp.tw, now);
        assert_int_equal(due, (begun[i] + WAIT + 999) / 1000 * 1000);
        now = due;
        uint32_t before = b->records_told;
        timewait_expire(&b->tcp, now);
        assert_true(b->records_told > before);
        for (; before < b->records_told; before++, i++) {
            assert_int_equal(bare_record(b, i + 1)->closed, now);
            assert_true(begun[i] + WAIT <= now);
        }
    }
    assert_int_equal(timewait_deadline(&b->tcp.tw, now), LA_NEVER);
    bare_free(b);
}

static void gives_back_what_went_in(void **state)
{
    struct bare *b = table(8, WAIT);
    struct tuple v6 = pair6(7), ll = v6,
                 ll4 = {la_addr_v4(169, 254, 1, 1), la_addr_v4(169, 254, 2, 2), 5, 6};
    struct tw_entry in = {.id = v6, .has_ts = true, .ifx = -1, .wnd = 0xfedc}, out;
    (void)state;

    in.core = (struct tw_core){.serial = 0xffffffff,
                               .rcv_nxt = {0x80000001},
                               .snd_nxt = {0xfffffff0},
                               .ts_recent = 0xdeadbeef};
    assert_true(timewait_add(&b->tcp, &in, bare_hash(b, &v6), 5));
    timewait_get(&b->tcp, bare_find(b, &v6), &out);
    assert_true(tuple_eq(&out.id, &v6));
    assert_int_equal(out.wnd, 0xfedc);
    assert_int_equal(out.core.rcv_nxt.v, 0x80000001);
    assert_int_equal(out.core.snd_nxt.v, 0xfffffff0);
    assert_int_equal(out.core.ts_recent, 0xdeadbeef);
    assert_true(out.has_ts);
    assert_int_equal(out.ifx, -1);
    /* The link of link-local pairs, of both families. */
    ll.local = ll.remote = (struct la_addr){{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}};
    for (int16_t ifx = 0; ifx < NET_IFS; ifx++) {
        ll.lport = ll4.lport = (uint16_t)(ifx + 1);
        in = (struct tw_entry){.id = ifx % 2 ? ll : ll4, .ifx = ifx};
        assert_true(timewait_add(&b->tcp, &in, bare_hash(b, &in.id), 5));
        timewait_get(&b->tcp, bare_find(b, &in.id), &out);
        assert_int_equal(out.ifx, ifx);
        assert_int_equal(out.wnd, 0);
        assert_false(out.has_ts);
    }
    expire_all(b, 5);
    bare_free(b);
}

/* A slot keeps 12 bits of the serial: serials go on past them, and past 2^32. */
static void finds_its_record(void **state)
{
    static const uint32_t last[] = {0xffe, 0xfff, 0x7fffffff, 0xfffffffd, 0xffffffff};
    (void)state;

    for (unsigned i = 0; i < sizeof last / sizeof *last; i++) {
        struct bare *b = table(8, WAIT);
        b->tcp.records.last = last[i];
        for (uint32_t k = 0; k < 4; k++) {
            struct tuple id = pair(k);
            ref r = bare_time_wait(b, &id, true, 0);
            uint32_t serial = b->tcp.records.last;
            record_new(&b->tcp.records);
            assert_int_equal(bare_serial(b, r), serial);
            assert_true(timewait_kill(&b->tcp, r, &id, 1));
            assert_int_equal(b->last_told, serial);
        }
        bare_free(b);
    }
}

/* Among those that share these bits it is the pair's; that of another is never taken for it, nor
 * one of the pair that is over. */
static void takes_no_other_record(void **state)
{
    struct bare *b = table(20000, WAIT);
    struct tuple id = pair(1), other = pair(2);
    ref r = bare_time_wait(b, &id, true, 0), r2 = REF_NONE;
    uint32_t serial = b->tcp.records.last;
    (void)state;

    while (b->tcp.records.last % (TW_SERIAL + 1) != serial || b->tcp.records.last == serial)
        record_new(&b->tcp.records);
    assert_int_equal(bare_serial(b, r), serial);
    for (uint32_t n = 0; n < TW_SERIAL; n++)
        record_new(&b->tcp.records);
    r2 = bare_time_wait(b, &other, true, 0);
    assert_int_equal(b->tcp.records.last % (TW_SERIAL + 1), serial);
    assert_int_equal(bare_serial(b, r), serial);
    assert_int_equal(bare_serial(b, r2), b->tcp.records.last);
    assert_true(timewait_kill(&b->tcp, r, &id, 1));
    assert_int_equal(b->last_told, serial);
    /* It is kept no more. */
    while (b->tcp.records.last < 2 * b->tcp.records.cap + 2 * (TW_SERIAL + 1))
        record_new(&b->tcp.records);
    assert_int_equal(bare_serial(b, r2), 0);
    uint32_t told = b->records_told;
    assert_true(timewait_kill(&b->tcp, r2, &other, 1));
    assert_int_equal(b->records_told, told);
    bare_free(b);
}

/* E5, bug class 2: a repeated FIN begins 2MSL anew, as often as it comes. */
static void restarts(void **state)
{
    struct bare *b = table(8, WAIT);
    struct tuple id = pair(1), other = pair6(2);
    ref r = bare_time_wait(b, &id, true, 0);
    uint32_t serial = b->tcp.records.last;
    struct tw_entry e;
    la_ns now = 0;
    (void)state;

    bare_time_wait(b, &other, false, 0);
    for (int n = 0; n < 100; n++) {
        now += LA_SEC(59) + 999;
        timewait_expire(&b->tcp, now);
        ref anew = timewait_restart(&b->tcp, r, bare_hash(b, &id), now);
        assert_int_not_equal(anew, r);
        assert_int_equal(bare_find(b, &id), anew);
        assert_int_equal(timewait_deadline_of(&b->tcp, anew, now),
                         (now + WAIT + 999) / 1000 * 1000);
        timewait_get(&b->tcp, anew, &e);
        assert_int_equal(bare_serial(b, anew), serial);
        assert_int_equal(e.core.rcv_nxt.v, serial * 3);
        assert_int_equal(e.wnd, serial * 11);
        assert_int_equal(timewait_check(&b->tcp), 0);
        r = anew;
    }
    assert_int_equal(b->records_told, 1); /* the other */
    timewait_expire(&b->tcp, now + WAIT - 1);
    assert_int_equal(bare_find(b, &id), r);
    expire_all(b, now);
    bare_free(b);
}

/* A flood of repeated FINs costs no memory and pushes nobody out. */
static void a_repeated_fin_pushes_nobody_out(void **state)
{
    enum { CAP = 100 };
    struct bare *b = table(CAP, WAIT);
    struct tuple id[CAP];
    ref r[2];
    (void)state;

    for (uint32_t i = 0; i < CAP; i++) {
        id[i] = pair(i);
        bare_time_wait(b, &id[i], true, i);
    }
    uint64_t bytes = b->mem.bytes;
    for (uint32_t n = 0; n < 200000; n++) {
        uint32_t i = n % 2 ? 50 : 70;
        r[n % 2] = timewait_restart(&b->tcp, bare_find(b, &id[i]), bare_hash(b, &id[i]), 1000 + n);
        assert_int_not_equal(r[n % 2], REF_NONE);
    }
    assert_int_equal(timewait_check(&b->tcp), 0);
    assert_int_equal(b->mem.bytes, bytes);
    assert_int_equal(b->rules[R_TW_EVICTED], 0);
    assert_int_equal(b->tcp.tw.live, CAP);
    assert_true(b->tcp.tw.v4.made <= b->tcp.tw.v4.max);
    expire_all(b, LA_SEC(1));
    bare_free(b);
}

/* Entries that keep a chunk each are the worst case: the wait is not begun anew then, but everybody
 * stays, and there is room up to the cap. */
static void a_clever_repeater_pushes_nobody_out(void **state)
{
    enum { CAP = 1024 };
    struct bare *b = table(CAP, WAIT);
    struct tuple attacker = pair6(9), id = attacker;
    la_ns now = 0;
    (void)state;

    bare_time_wait(b, &attacker, true, now);
    for (uint32_t i = 0; i < CAP - 1; i++) {
        id = pair6(100 + i);
        assert_int_not_equal(bare_time_wait(b, &id, true, ++now), REF_NONE);
        for (unsigned k = 0; k < TW_CHUNK; k++)
            timewait_restart(&b->tcp, bare_find(b, &attacker), bare_hash(b, &attacker), ++now);
    }
    assert_int_equal(timewait_check(&b->tcp), 0);
    assert_int_equal(b->rules[R_TW_EVICTED], 0);
    assert_int_equal(b->tcp.tw.live, CAP);
    assert_true(b->tcp.tw.v6.in_use > CAP / TW_CHUNK + 1); /* it did its worst */
    expire_all(b, now);
    bare_free(b);
}

/* Pairs that are reused at once, over and over (RFC 6191), do not fill a table that is nearly
 * empty. */
static void reuse_does_not_fill_the_table(void **state)
{
    enum { CAP = 2048, PAIRS = 300 };
    struct bare *b = table(CAP, WAIT);
    (void)state;

    for (uint32_t n = 0; n < 300000; n++) {
        struct tuple id = pair(bare_random(b, PAIRS));
        ref r = bare_find(b, &id);
        if (r != REF_NONE) {
            const struct la_record *rec = timewait_record(&b->tcp, r);
            assert_true(timewait_kill(&b->tcp, r, &id, LA_USEC(n)));
            assert_true(!rec || rec->tw.reused);
        }
        assert_int_not_equal(bare_time_wait(b, &id, true, LA_USEC(n)), REF_NONE);
    }
    assert_int_equal(timewait_check(&b->tcp), 0);
    assert_int_equal(b->rules[R_TW_EVICTED], 0);
    assert_int_equal(b->tcp.tw.live, PAIRS);
    expire_all(b, LA_SEC(1));
    bare_free(b);
}

/* MAY-2: the pair goes to a SYN, and comes back if that was an old duplicate. */
static void lends_its_pair(void **state)
{
    struct bare *b = table(8, WAIT);
    struct tuple id = pair(1), other = pair(2);
    uint64_t cursor = 0;
    (void)state;

    ref r = bare_time_wait(b, &id, true, 0);
    uint32_t serial = b->tcp.records.last;
    timewait_shadow(&b->tcp, r, bare_hash(b, &id));
    assert_int_equal(bare_find(b, &id), REF_NONE);
    assert_int_equal(timewait_next(&b->tcp, &cursor), REF_NONE);
    struct tcb *t = bare_tcb(b, &id);
    assert_int_equal(timewait_check(&b->tcp), 0);
    bare_tcb_put(b, t);
    assert_false(timewait_unshadow(&b->tcp, r, &other));
    assert_false(timewait_unshadow(&b->tcp, REF_NONE, &id));
    assert_false(timewait_unshadow(&b->tcp, ref_of(REF_TW4, 12345), &id));
    assert_true(timewait_unshadow(&b->tcp, r, &id));
    assert_int_equal(bare_find(b, &id), r);
    assert_false(timewait_unshadow(&b->tcp, r, &id)); /* it is back already */

    /* It ends while it is lent out, and its slot becomes another's. */
    timewait_shadow(&b->tcp, r, bare_hash(b, &id));
    timewait_expire(&b->tcp, WAIT);
    assert_int_equal(b->last_told, serial);
    assert_false(timewait_unshadow(&b->tcp, r, &id));
    assert_false(timewait_kill(&b->tcp, r, &id, WAIT));
    assert_int_equal(bare_time_wait(b, &other, true, WAIT), r);
    assert_false(timewait_unshadow(&b->tcp, r, &id));
    assert_false(timewait_kill(&b->tcp, r, &id, WAIT));
    assert_int_equal(bare_find(b, &other), r);

    /* The SYN was a new connection's. */
    timewait_shadow(&b->tcp, r, bare_hash(b, &other));
    assert_true(timewait_kill(&b->tcp, r, &other, WAIT + LA_SEC(3)));
    const struct la_record *rec = bare_record(b, b->tcp.records.last);
    assert_true(rec->tw.reused);
    assert_int_equal(rec->in_state[LA_TIME_WAIT], LA_SEC(3));
    bare_free(b);
}

/* At the cap the oldest goes, of whatever family. */
static void evicts_the_oldest(void **state)
{
    enum { CAP = 50, MANY = 5000 };
    struct bare *b = table(CAP, WAIT);
    (void)state;

    for (uint32_t i = 0; i < MANY; i++) {
        struct tuple id = i % 3 ? pair(i) : pair6(i);
        assert_int_not_equal(bare_time_wait(b, &id, i % 2, LA_USEC(i)), REF_NONE);
        if (i < CAP)
            continue;
        assert_int_equal(b->last_told, i + 1 - CAP);
        assert_true(bare_record(b, i + 1 - CAP)->tw.evicted);
        assert_int_equal(b->rules[R_TW_EVICTED], i + 1 - CAP);
    }
    assert_int_equal(timewait_check(&b->tcp), 0);
    assert_int_equal(b->tcp.tw.live, CAP);
    assert_true(b->tcp.tw.v4.made <= CAP / TW_CHUNK + 2); /* slots were used again */
    for (uint32_t i = MANY - CAP; i < MANY; i++) {
        struct tuple id = i % 3 ? pair(i) : pair6(i);
        assert_int_not_equal(bare_find(b, &id), REF_NONE);
    }
    expire_all(b, LA_SEC(1));
    bare_free(b);
}

static void refuses_without_memory(void **state)
{
    struct bare *b = table(1 << 20, WAIT);
    struct tuple id = pair(0);
    uint32_t n = 0;
    (void)state;

    b->limit = b->given;
    assert_int_equal(bare_time_wait(b, &id, true, 0), REF_NONE);
    b->limit = b->given + 4 * 65536;
    while (bare_time_wait(b, &id, true, 0) != REF_NONE)
        id = pair(++n);
    assert_true(n > 100);
    assert_int_equal(b->tcp.tw.live, n);
    assert_int_equal(b->tcp.tab.count, n);
    assert_int_equal(timewait_check(&b->tcp), 0);
    b->limit = UINT64_MAX;
    assert_int_not_equal(bare_time_wait(b, &id, true, 0), REF_NONE);
    expire_all(b, 0);
    bare_free(b);
}

static void lists_each_once(void **state)
{
    enum { MANY = 333 };
    struct bare *b = table(1000, WAIT);
    uint8_t seen[MANY + 1] = {0};
    uint64_t cursor = 0;
    ref r;
    (void)state;

    for (uint32_t i = 0; i < MANY; i++) {
        struct tuple id = i % 2 ? pair(i) : pair6(i);
        bare_time_wait(b, &id, true, 0);
    }
    for (uint32_t i = 0; i < MANY; i += 7) {
        struct tuple id = i % 2 ? pair(i) : pair6(i);
        assert_true(timewait_kill(&b->tcp, bare_find(b, &id), &id, 0));
    }
    while ((r = timewait_next(&b->tcp, &cursor)) != REF_NONE) {
        uint32_t serial = bare_serial(b, r);
        assert_in_range(serial, 1, MANY);
        assert_int_equal(seen[serial]++, 0);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(seen[i + 1], i % 7 != 0);
    assert_int_equal(timewait_next(&b->tcp, &cursor), REF_NONE);
    expire_all(b, 0);
    bare_free(b);
}

/* ---- everything at once, against an array ---- */

enum { PAIRS = 400 };
struct model {
    struct tuple id;
    la_ns end; /* 0: not in */
    ref lent;  /* REF_NONE: in the conntab */
};

static void model_expire(struct bare *b, struct model *m, la_ns now)
{
    timewait_expire(&b->tcp, now);
    for (uint32_t i = 0; i < PAIRS; i++) {
        if (m[i].end == 0 || m[i].end > now)
            continue;
        if (m[i].lent != REF_NONE)
            assert_false(timewait_unshadow(&b->tcp, m[i].lent, &m[i].id));
        m[i].end = 0;
        m[i].lent = REF_NONE;
    }
}

static void model_step(struct bare *b, struct model *m, la_ns now)
{
    ref r = bare_find(b, &m->id);
    la_ns end = (now + b->tcp.tw.wait + 999) / 1000 * 1000;
    if (m->end == 0) {
        assert_int_equal(r, REF_NONE);
        assert_int_not_equal(bare_time_wait(b, &m->id, true, now), REF_NONE);
        m->end = end;
    } else if (m->lent != REF_NONE) {
        assert_int_equal(r, REF_NONE);
        if (bare_random(b, 2)) {
            assert_true(timewait_unshadow(&b->tcp, m->lent, &m->id));
        } else {
            assert_true(timewait_kill(&b->tcp, m->lent, &m->id, now));
            m->end = 0;
        }
        m->lent = REF_NONE;
    } else {
        assert_int_equal(timewait_deadline_of(&b->tcp, r, now), m->end);
        switch (bare_random(b, 4)) {
        case 0:
            assert_true(timewait_kill(&b->tcp, r, &m->id, now));
            m->end = 0;
            break;
        case 1:
            timewait_shadow(&b->tcp, r, bare_hash(b, &m->id));
            m->lent = r;
            break;
        default:
            timewait_restart(&b->tcp, r, bare_hash(b, &m->id), now);
            m->end = end;
            break;
        }
    }
}

/* Through many turns of the 32-bit clock, and with slots used again and again. */
static void agrees_with_an_array(void **state)
{
    struct bare *b = table(PAIRS, WAIT);
    struct model m[PAIRS] = {{.end = 0}};
    la_ns now = 0;
    (void)state;

    for (uint32_t i = 0; i < PAIRS; i++)
        m[i].id = i % 3 ? pair(i) : pair6(i);
    for (uint32_t n = 0; n < 100000; n++) {
        now += bare_random(b, 4) ? bare_random(b, 400000000) : bare_random(b, 2000);
        if (n % 1000 == 0) /* silence, for hours */
            now += LA_SEC(bare_random(b, 4200));
        model_expire(b, m, now);
        model_step(b, &m[bare_random(b, PAIRS)], now);
        la_ns first = LA_NEVER;
        for (uint32_t i = 0; i < PAIRS; i++)
            if (m[i].end && m[i].end < first)
                first = m[i].end;
        assert_int_equal(timewait_deadline(&b->tcp.tw, now), first);
        if (n % 100 == 0)
            assert_int_equal(timewait_check(&b->tcp), 0);
    }
    assert_true(now > LA_USEC(UINT64_C(1) << 32) * 4);
    assert_int_equal(b->rules[R_TW_EVICTED], 0);
    assert_true(b->tcp.tw.v4.made <= b->tcp.tw.v4.max && b->tcp.tw.v6.made <= b->tcp.tw.v6.max);
    expire_all(b, now);
    bare_free(b);
}

/* A driver that slept for long: what is over ends at once, in order. */
static void a_late_driver_ends_what_is_over(void **state)
{
    struct bare *b = table(100, WAIT);
    la_ns late = LA_SEC(3600);
    (void)state;

    for (uint32_t i = 0; i < 100; i++) {
        struct tuple id = pair(i);
        bare_time_wait(b, &id, true, LA_MSEC(i));
    }
    assert_true(timewait_deadline(&b->tcp.tw, late) <= late);
    timewait_expire(&b->tcp, late);
    assert_int_equal(b->tcp.tw.live, 0);
    bare_free(b);
}

/* All in: slot, its share of the chunk, its bucket. */
static void a_million_entries_cost_little(void **state)
{
    enum { MANY = 1000000 };
    (void)state;

    for (uint32_t v6 = 0; v6 < 2; v6++) {
        uint32_t many = v6 ? MANY / 5 : MANY;
        struct bare *b = table(many, WAIT);
        uint64_t before = b->mem.bytes;
        for (uint32_t i = 0; i < many; i++) {
            struct tuple id = v6 ? pair6(i) : pair(i);
            assert_int_not_equal(bare_time_wait(b, &id, true, LA_USEC(i)), REF_NONE);
        }
        uint64_t records = (uint64_t)b->tcp.records.ring.len * sizeof(struct la_record);
        uint64_t bytes = b->mem.bytes - before - records;
        print_message("%s: %.2f bytes an entry\n", v6 ? "IPv6" : "IPv4", (double)bytes / many);
        assert_true(bytes <= (v6 ? 68U : 44U) * (uint64_t)many);
        assert_int_equal(timewait_check(&b->tcp), 0);
        expire_all(b, LA_SEC(1));
        bare_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_exactly),
        cmocka_unit_test(refuses_what_it_cannot_count),
        cmocka_unit_test(expires_in_order),
        cmocka_unit_test(gives_back_what_went_in),
        cmocka_unit_test(finds_its_record),
        cmocka_unit_test(takes_no_other_record),
        cmocka_unit_test(restarts),
        cmocka_unit_test(a_repeated_fin_pushes_nobody_out),
        cmocka_unit_test(a_clever_repeater_pushes_nobody_out),
        cmocka_unit_test(reuse_does_not_fill_the_table),
        cmocka_unit_test(lends_its_pair),
        cmocka_unit_test(evicts_the_oldest),
        cmocka_unit_test(refuses_without_memory),
        cmocka_unit_test(lists_each_once),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(a_late_driver_ends_what_is_over),
        cmocka_unit_test(a_million_entries_cost_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
