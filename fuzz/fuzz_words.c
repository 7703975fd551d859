/* fuzz_words.c: what people type: command lines, addresses, prefixes, durations, ports, features of
 * a search.  Nothing crashes, nothing is half understood, and what is printed reads back. */
#include "cli/cli.h"
#include "fuzz/fuzz.h"

#define WORDS 24

static void address(const char *text)
{
    struct la_addr a, again;
    char buf[LA_ADDR_STRLEN];
    if (la_addr_parse(text, &a) != LA_OK)
        return;
    CHECK(la_addr_parse(la_addr_format(&a, buf), &again) == LA_OK);
    CHECK(la_addr_eq(&a, &again) && strlen(buf) < LA_ADDR_STRLEN);
}

static void prefix(const char *text)
{
    struct la_addr a;
    unsigned len;
    if (la_host_parse_prefix(text, &a, &len) == LA_OK)
        CHECK(len <= (la_addr_is_v4(&a) ? 32U : 128U));
}

static void numbers(const char *text)
{
    la_ns d;
    uint16_t port;
    char buf[32];
    if (cli_duration(text, &d) == LA_OK)
        CHECK(strlen(cli_duration_text(d, buf)) < sizeof buf);
    if (cli_port(text, &port) == LA_OK)
        CHECK(port > 0 && (unsigned long)port == strtoul(text, NULL, 10));
}

/* The words, separated by line ends, as the command line of a command with every common option. */
static void command_line(char *text)
{
    static const struct cli_usage usage = {"fuzz", "[OPTIONS] [WORDS]", "About.", "  fuzz\n"};
    struct common common;
    const char *said = NULL;
    uint32_t number = 5;
    bool flag = false;
    const struct opt own[] = {{"text", 't', OPT_TEXT, &said, "T", "a text", 0, 0},
                              {"number", 'n', OPT_UINT, &number, "N", "a number", 1, 10},
                              {"flag", 'f', OPT_FLAG, &flag, NULL, "a flag", 0, 0},
                              {0}};
    char *argv[WORDS + 2] = {"fuzz"};
    int argc = 1;
    for (char *w = text; w && argc <= WORDS; argc++) {
        argv[argc] = w;
        w = strchr(w, '\n');
        if (w)
            *w++ = '\0';
    }
    common_init(&common);
    const struct opt *const tables[OPT_TABLES] = {own, common.table};
    int n = opts_parse(&usage, tables, argc, argv);
    CHECK(n < argc && n >= -1 - CLI_WRONG_USE);
    for (int i = 1; i <= n; i++)
        CHECK(argv[i]);
    CHECK(n < 0 || (number >= 1 && number <= 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static FILE *nowhere;
    FILE *out = stdout, *err = stderr;
    struct input in = {data, n};
    uint8_t what = in_u8(&in);
    size_t len;
    uint8_t *rest = in_rest(&in, &len);
    char *text = malloc(len + 1);
    CHECK(text);
    memcpy(text, rest, len);
    text[len] = '\0';
    free(rest);
    if (!nowhere)
        CHECK((nowhere = fopen("/dev/null", "w")));
    switch (what % 4) {
    case 0:
        address(text);
        break;
    case 1:
        prefix(text);
        break;
    case 2:
        numbers(text);
        break;
    default:
        stdout = stderr = nowhere;
        command_line(text);
        stdout = out;
        stderr = err;
        break;
    }
    free(text);
    return 0;
}
