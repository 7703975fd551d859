/* fuzz_answer.c: what lastack ss shows of an answer by anybody: lines of JSON of any shape.  Each
 * table is whole lines, and nothing is shown that is not there. */
#include "cli/ss.h"
#include "fuzz/fuzz.h"

static void show(void (*table)(FILE *to, const cJSON *items), const cJSON *items, bool says_null)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    CHECK(to);
    table(to, items);
    CHECK(fclose(to) == 0 && (n == 0 || text[n - 1] == '\n'));
    CHECK(says_null || !text || !strstr(text, "(null)"));
    free(text);
}

/* The lines, as ss collects them, until one that is no JSON. */
static cJSON *collect(const struct ss_options *o, char *text)
{
    cJSON *items = cJSON_CreateArray(), *item;
    CHECK(items);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        item = cJSON_Parse(line);
        if (!item)
            break;
        if (ss_wanted(o, item))
            cJSON_AddItemToArray(items, item);
        else
            cJSON_Delete(item);
    }
    return items;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    uint8_t how = in_u8(&in), what = how & 3;
    struct ss_options o = {.all = how & 4,
                           .listening = how & 8,
                           .only4 = how & 16,
                           .only6 = how & 32,
                           .closed = what == 1,
                           .rules = what == 2,
                           .usage = what == 3};
    static void (*const tables[])(FILE *, const cJSON *) = {ss_show_status, ss_show_closed,
                                                            ss_show_rules, ss_show_usage};
    char *text = calloc(1, in.n + 1);
    CHECK(text);
    memcpy(text, in.p, in.n);
    bool says_null = strstr(text, "(null") || strchr(text, '\\');
    cJSON *items = collect(&o, text);
    show(tables[what], items, says_null);
    cJSON_Delete(items);
    free(text);
    return 0;
}
