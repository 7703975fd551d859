/* fuzz_pool.c: pools against a list of what was handed out: no object twice, none forgotten, their
 * bytes kept, the limit exact, and refusals counted. */
#include "fuzz/fuzz_mem.h"

#define CAP_MAX 40U

struct object {
    uint32_t link;
    uint8_t text[60];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct fuzz_mem f;
    struct pool p;
    uint8_t mark[CAP_MAX + 1] = {0}; /* 0: free */
    uint32_t cap = 1 + in_below(&in, CAP_MAX), used = 0;
    fuzz_mem_init(&f, 1, 1);
    pool_init(&p, &f.m, sizeof(struct object), cap);
    CHECK(!pool_has(&p, 0));
    while (in.n) {
        uint8_t op = in_u8(&in), value = (uint8_t)(1 + in_below(&in, 255));
        if (op & 1) {
            bool refuse = op >> 1 == 0;
            uint64_t before = f.m.refused;
            uint32_t i = 0;
            if (refuse)
                f.m.fail_at = f.m.asked + 1;
            struct object *o = pool_get(&p, &i);
            f.m.fail_at = 0;
            CHECK((o != NULL) == (!refuse && used < cap));
            CHECK((f.m.refused > before) == (o == NULL));
            if (!o)
                continue;
            CHECK(i >= 1 && i <= cap && mark[i] == 0 && pool_has(&p, i) && pool_at(&p, i) == o);
            memset(o->text, value, sizeof o->text);
            mark[i] = value;
            used++;
        } else {
            uint32_t i = 1 + (uint32_t)value % cap;
            if (!mark[i])
                continue;
            const struct object *o = pool_at(&p, i);
            for (unsigned k = 0; k < sizeof o->text; k++)
                CHECK(o->text[k] == mark[i]);
            mark[i] = 0;
            pool_put(&p, i);
            used--;
        }
        CHECK(p.used == used);
    }
    pool_free(&p);
    fuzz_mem_end(&f);
    return 0;
}
