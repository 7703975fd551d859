/* cli.h: the commands of `lastack`, and what they share: words for mistakes, options, and the one
 * way of opening a stack. */
#ifndef LA_CLI_CLI_H
#define LA_CLI_CLI_H

#include <lastack/host.h>
#include <lastack/lastack.h>

/* Exit statuses, the same for every command. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,       /* it could not be done, or the connection did not end in order */
    CLI_WRONG_USE = 2,    /* the command line makes no sense */
    CLI_INTERRUPTED = 130 /* Ctrl-C, as shells count */
};

/* Each gets its own words only, argv[0] being its name, and returns an exit status. */
int cmd_demo(int argc, char **argv);
int cmd_drill(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_nc(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_ss(int argc, char **argv);

/* "lastack nc: " and the text on standard error, one line.  Return CLI_WRONG_USE and CLI_FAILED. */
__attribute__((format(printf, 2, 3))) int cli_wrong(const char *command, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) int cli_failed(const char *command, const char *fmt, ...);

/* ---- options ---- */

enum opt_kind {
    OPT_FLAG,     /* sets a bool */
    OPT_TEXT,     /* const char * */
    OPT_UINT,     /* uint32_t, in lo..hi */
    OPT_DURATION, /* la_ns: 30s, 500ms, 2m, 1h */
    OPT_LIST,     /* struct opt_list: may be given again */
};

struct opt_list {
    const char *v[32];
    unsigned n;
};

struct opt {
    const char *name; /* without its dashes; NULL ends a table */
    char letter;      /* 0: none */
    enum opt_kind kind;
    void *to;
    const char *value; /* what its value is called in --help, like "NAME" */
    const char *help;
    uint32_t lo, hi; /* OPT_UINT; OPT_DURATION: in ms, hi 0: any */
};

/* What a command's --help says, besides its options. */
struct cli_usage {
    const char *command; /* "nc" */
    const char *synopsis;
    const char *about;
    const char *examples;
};

#define OPT_TABLES 3

/* A command line by up to OPT_TABLES tables (the first NULL ends them).  Options and operands may
 * mix; `--` ends the options.  Operands are left in argv[1..] and counted.  A negative return is an
 * exit status, -1 - status: the mistake was told, or --help was shown. */
int opts_parse(const struct cli_usage *u, const struct opt *const tables[OPT_TABLES], int argc,
               char **argv);

/* "30s", "1.5m", "200ms", "100us", "1h"; a number alone is seconds.  LA_EINVAL. */
int cli_duration(const char *text, la_ns *out);

/* A whole file ("-": standard input), at most `most` bytes and one more if there are more, with a
 * NUL behind it; to be freed.  NULL: errno says why. */
char *cli_read_file(const char *path, size_t most, size_t *n);

/* A seed: any number of 64 bits, digits or 0x.  LA_EINVAL. */
int cli_seed(const char *text, uint64_t *out);

/* A port: 1 to 65535, digits only.  LA_EINVAL. */
int cli_port(const char *text, uint16_t *out);

/* ---- the options that every command with a stack has ---- */

#define COMMON_OPTIONS 17

struct common {
    struct la_host_config host;
    bool verbose, dad, no_dad;
    struct opt table[COMMON_OPTIONS + 1];
};

void common_init(struct common *c);

/* Fills in what was not said, and opens the stack.  A stack that nothing was said about gets a
 * device of its own, lastack0, 10.77.0.2 and fd77::2, with the kernel as .1 and ::1.  Mistakes are
 * told on standard error.  Returns 0, or an exit status. */
int common_open(struct common *c, const char *command, struct la_host **out);

/* ---- Ctrl-C ---- */

/* From here on Ctrl-C, SIGTERM and SIGHUP make cli_stopped() true and stop this loop, but for those
 * that whoever started us ignores, as nohup does.  NULL: no loop, or none any more. */
void cli_catch_signals(struct la_loop *l);
bool cli_stopped(void);

/* ---- small texts ---- */

/* "4.2 s", "350 ms", "2 min 5 s".  buf holds 32. */
char *cli_duration_text(la_ns d, char *buf);
/* "LOCAL", ... as a reader says it: "us", "the peer", "both", "-". */
const char *cli_side(uint8_t side);

#endif
