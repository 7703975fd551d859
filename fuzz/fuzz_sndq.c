/* fuzz_sndq.c: the send queue against the stream itself: whatever range is asked for, its bytes
 * come, and their checksum, until they are acknowledged; memory goes back as they are. */
#include "fuzz/fuzz_mem.h"
#include "tcp/sndq.h"

#define STREAM 200000U

static uint8_t byte_of(uint32_t offset)
{
    return (uint8_t)(offset * 2654435761U >> 24);
}

/* Blocks that [una, end) needs at the most: it may begin and end inside one. */
static uint32_t blocks_for(uint32_t n)
{
    return n ? n / BLOCK_DATA + 2 : 0;
}

static void check_spans(struct sndq *q, seqno start, uint32_t una, uint32_t end, struct input *in)
{
    struct la_span s[4];
    uint32_t from = una + in_below(in, 65536) % (end - una);
    uint32_t n = in_below(in, 65536) % (end - from + 1), got = 0;
    uint32_t max = in_below(in, 5);
    uint32_t count = sndq_spans(q, seq_add(start, from), n, s, max, &got);
    uint32_t at = from;
    CHECK(count <= max && got <= n && (got == n || count == max));
    for (uint32_t i = 0; i < count; i++) {
        CHECK(s[i].n > 0);
        for (uint32_t k = 0; k < s[i].n; k++)
            CHECK(s[i].p[k] == byte_of(at++));
    }
    CHECK(at == from + got);
    struct csum sum = {0}, plain = {0};
    sndq_csum(s, count, &sum);
    for (uint32_t i = 0; i < count; i++)
        csum_add(&plain, s[i].p, s[i].n);
    CHECK(csum_fold(&sum) == csum_fold(&plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t text[STREAM];
    struct input in = {data, n};
    struct fuzz_mem f;
    struct sndq q;
    seqno start = seq(in_u32(&in));
    uint32_t una = 0, end = 0;
    fuzz_mem_init(&f, 1 + in_below(&in, 20), 1);
    sndq_init(&q, start);
    if (text[1] == 0) {
        for (uint32_t i = 0; i < STREAM; i++)
            text[i] = byte_of(i);
    }
    while (in.n) {
        uint8_t op = in_u8(&in) % 4;
        uint32_t size = in_u16(&in) >> in_below(&in, 16);
        if (op == 0) {
            uint32_t want = size < STREAM - end ? size : STREAM - end;
            uint32_t took = sndq_push(&q, &f.blocks, text + end, want, in_u8(&in) & 1);
            CHECK(took <= want && (took == want || f.blocks.used == f.blocks.pages.cap));
            end += took;
        } else if (op == 1) {
            una += end > una ? size % (end - una + 1) : 0;
            sndq_ack(&q, &f.blocks, seq_add(start, una));
        } else if (op == 2 && end > una) {
            check_spans(&q, start, una, end, &in);
        } else if (op == 3 && size == 0) {
            sndq_free(&q, &f.blocks);
            una = end;
        }
        CHECK(sndq_len(&q) == end - una && q.una.v == start.v + una && q.end.v == start.v + end);
        CHECK(f.blocks.used <= blocks_for(end - una) && (f.blocks.used > 0) == (end > una));
    }
    sndq_free(&q, &f.blocks);
    fuzz_mem_end(&f);
    return 0;
}
