/* script.y: the grammar of packetdrill scripts, and nothing else: what a rule means is in build.c.
 *
 * No rule recovers: the first mistake is the one that is told. */
%define api.pure full
%define api.prefix {drill_}
%define api.location.type {struct region}
%define parse.error custom
%define parse.lac full
%locations
%param {void *scanner}
%parse-param {struct parse *p}

%code requires {
#include "drill/parse.h"
}

%code {
#define YYLLOC_DEFAULT(cur, rhs, n)                                     \
    do {                                                                \
        (cur).from = (n) ? YYRHSLOC(rhs, 1).from : YYRHSLOC(rhs, 0).to; \
        (cur).to = YYRHSLOC(rhs, n).to;                                 \
    } while (0)
#define YYMALLOC malloc
#define YYFREE free
int drill_lex(DRILL_STYPE *value, DRILL_LTYPE *at, void *scanner);
int drill_lex_init_extra(struct parse *p, void **scanner);
void *drill__scan_bytes(const char *text, int n, void *scanner);
int drill_lex_destroy(void *scanner);
static void drill_error(const struct region *at, void *scanner, struct parse *p, const char *why);
}

%union {
    const char *text;
    struct num num;
    la_ns time;
    struct expr *expr;
    struct item *item;
    struct when when;
    struct seg_numbers numbers;
    struct tcp_option *option;
    struct option_list options;
    struct list list;
    bool flag;
}

%token FAILED "something unreadable"
%token <text> WORD "a word" FLOAT "a time" COMMAND "a `command`" CODE "a %{ block }%"
%token <text> OPTION "an --option" OPTION_VALUE "its value" IP_ADDRESS "an address"
%token <num> INTEGER "a number" HEX "a hexadecimal number"
%token <expr> STRING "a string"
%token ELLIPSIS "'...'"
%token <text> ACK "'ack'" WIN "'win'" URG "'urg'" MSS "'mss'" NOP "'nop'" EOL "'eol'" WSCALE "'wscale'"
%token <text> SACKOK "'sackOK'" SACK "'sack'" TS "'TS'" VAL "'val'" ECR "'ecr'" FO "'FO'" FOEXP "'FOEXP'"
%token <text> RAW "'raw'" ICMP "'icmp'" MTU "'mtu'" UDP "'udp'" NOTHING "'nothing'"

%type <text> word flags flag_word errno
%type <time> time
%type <when> when
%type <flag> direction
%type <numbers> numbers
%type <num> number
%type <option> option
%type <options> options
%type <expr> expr atom plain result
%type <list> list items args
%type <item> member
%type <text> hexes icmp_code

%left '|'

%%

script: option_lines { config_make(p); } before events after ;

option_lines: %empty | option_lines OPTION OPTION_VALUE { p_option(p, @2.from, $2, $3); } ;

before: %empty | before COMMAND { p_command(p, @2, (struct when){.kind = WHEN_RELATIVE}, $2); } ;

events: event | events event ;
after: %empty
     | after COMMAND { p_command(p, @2, (struct when){.kind = WHEN_RELATIVE}, $2); } ;

event: when { p->when = $1; p->event_at = @1.from; } action ;

when: '+' time                       { $$ = (struct when){WHEN_RELATIVE, false, $2, 0}; }
    | time                           { $$ = (struct when){WHEN_ABSOLUTE, false, $1, 0}; }
    | '*'                            { $$ = (struct when){WHEN_ANY, false, 0, 0}; }
    | time '~' time                  { $$ = (struct when){WHEN_ABSOLUTE, true, $1, $3}; p_range(p, @3.from, &$$); }
    | '+' time '~' '+' time          { $$ = (struct when){WHEN_RELATIVE, true, $2, $5}; p_range(p, @5.from, &$$); } ;

time: FLOAT   { $$ = p_seconds(p, @1.from, $1); }
    | INTEGER { $$ = p_seconds(p, @1.from, $1.text); } ;

action: packet
      | call
      | COMMAND { p_command(p, @1, p->when, $1); }
      | CODE    { p_code(p, @1, $1); } ;

/* ---- packets ---- */

packet: direction { p_packet(p, @1.from, $1); } packet_rest { p_packet_done(p, @$); } ;

direction: '<' { $$ = true; } | '>' { $$ = false; } ;

packet_rest: body | '[' ip_list ']' body
    | NOTHING        { p_nothing(p, @1.from); }
    | UDP            { p_fail(p, @1.from, "UDP is not supported: this stack has TCP alone"); }
    | IP_ADDRESS     { p_fail(p, @1.from, "addresses of packets are those of --local_ip and --remote_ip, and cannot be given here"); } ;

body: tcp | icmp ;

tcp: ports flags { p_flags(p, @2.from, $2); } numbers { p->packet->tcp.seq = $4; p_numbers(p, @4.from, &$4); }
     opt_ack opt_win opt_urg opt_options ;

ip_list: ip_word | ip_list ',' ip_word | ip_list ip_word ;
ip_word: WORD         { p_ip_word(p, @1.from, $1); }
       | WORD number  { p_ip_value(p, @1.from, $1, &$2); }
       | WORD IP_ADDRESS { p_ip_text(p, @2.from, $1, $2); }
       | WORD STRING  { p_ip_text(p, @2.from, $1, $2->text); }
       | WORD INTEGER ':' INTEGER { p_ip_range(p, @1.from, $1, $2.v, $4.v); } ;

ports: %empty | INTEGER '>' INTEGER ':' { p_ports(p, @1.from, $1.v, @3.from, $3.v); } ;

flags: '.'                      { $$ = "."; }
     | '-'                      { $$ = ""; }
     | flag_word
     | flag_word '.'            { $$ = p_join(p, $1, ".", ""); }
     | '.' flag_word            { $$ = p_join(p, ".", $2, ""); }
     | flag_word '.' flag_word  { $$ = p_join(p, $1, ".", $3); }
     | flag_word IP_ADDRESS         { $$ = $1; p_fail(p, @1.from, "packets inside packets (%s) are not supported", $1); YYABORT; }
     | flag_word FLOAT          { $$ = $1; p_fail(p, @2.from, "AccECN's ACE counter is not supported"); }
     | FLOAT                    { $$ = ""; p_fail(p, @1.from, "AccECN's ACE counter is not supported"); } ;
flag_word: WORD ;

numbers: INTEGER ':' INTEGER '(' INTEGER ')'
    { $$ = (struct seg_numbers){p_u32(p, @1.from, $1.v), p_u32(p, @3.from, $3.v), p_u32(p, @5.from, $5.v)}; } ;

opt_ack: %empty | ACK INTEGER { p->packet->tcp.has_ack = true; p->packet->tcp.ack = p_u32(p, @2.from, $2.v); } ;
opt_win: %empty | WIN INTEGER { p->packet->tcp.has_win = true; p->packet->tcp.win = p_u16(p, @2.from, $2.v, "window"); } ;
opt_urg: %empty | URG INTEGER { p->packet->tcp.has_urg = true; p->packet->tcp.urg = p_u16(p, @2.from, $2.v, "urgent pointer"); } ;

opt_options: %empty               { p_options(p, DRILL_NO_OPTIONS, NULL); }
           | '<' ELLIPSIS '>'     { p_options(p, DRILL_ANY_OPTIONS, NULL); }
           | '<' options '>'      { p_options(p, DRILL_THESE_OPTIONS, $2.first); } ;
options: option                   { $$.first = $$.last = $1; }
       | options ',' option       { $$ = $1; $$.last->next = $3; $$.last = $3; } ;

option: NOP               { $$ = p_tcp_option(p, @1.from, DRILL_OPT_NOP); }
      | EOL               { $$ = p_tcp_option(p, @1.from, DRILL_OPT_EOL); }
      | SACKOK            { $$ = p_tcp_option(p, @1.from, DRILL_OPT_SACKOK); }
      | MSS INTEGER       { $$ = p_tcp_option(p, @1.from, DRILL_OPT_MSS); $$->value = p_u16(p, @2.from, $2.v, "MSS"); }
      | WSCALE INTEGER    { $$ = p_tcp_option(p, @1.from, DRILL_OPT_WSCALE); $$->value = p_u8(p, @2.from, $2.v, "window shift"); }
      | SACK              { p->option = p_tcp_option(p, @1.from, DRILL_OPT_SACK); } sack_blocks { $$ = p->option; }
      | TS VAL INTEGER ECR INTEGER
        { $$ = p_tcp_option(p, @1.from, DRILL_OPT_TS); $$->value = p_u32(p, @3.from, $3.v); $$->ecr = p_u32(p, @5.from, $5.v); }
      | FO hexes          { $$ = p_tcp_option(p, @1.from, DRILL_OPT_FO); p_hexes(p, @2.from, $$, $2); }
      | FOEXP hexes       { $$ = p_tcp_option(p, @1.from, DRILL_OPT_FOEXP); p_hexes(p, @2.from, $$, $2); }
      | RAW hexes         { $$ = p_tcp_option(p, @1.from, DRILL_OPT_RAW); p_hexes(p, @2.from, $$, $2); }
      | WORD hexes        { $$ = p_tcp_option(p, @1.from, DRILL_OPT_NOP); p_fail(p, @1.from, "the TCP option '%s' is not supported", $1); } ;

sack_blocks: sack_block | sack_blocks sack_block ;
sack_block: INTEGER ':' INTEGER { p_sack(p, @1.from, p_u32(p, @1.from, $1.v), p_u32(p, @3.from, $3.v)); } ;

hexes: %empty { $$ = ""; } | WORD | INTEGER { $$ = $1.text; } | HEX { $$ = $1.text; } ;

icmp: echoed ICMP WORD icmp_code { p_icmp(p, @3.from, $3, @4.from, $4); } opt_mtu ;
echoed: %empty
      | '[' numbers ']' { p->packet->icmp.has_echoed = true; p->packet->icmp.echoed = $2; p_numbers(p, @2.from, &$2); }
      | '[' UDP        { p_fail(p, @2.from, "UDP is not supported: this stack has TCP alone"); YYABORT; } ;
icmp_code: %empty { $$ = NULL; } | WORD ;
opt_mtu: %empty | MTU INTEGER { p_icmp_mtu(p, @2.from, $2.v); } ;

/* ---- calls ---- */

call: opt_end WORD { p_call(p, @2.from, $2); } '(' args ')' '=' result errno note
      { p_call_done(p, @$, $5, $8, @9.from, $9); } ;

opt_end: %empty        { p->blocks = false; }
       | ELLIPSIS time { p->blocks = true; p->ends = $2; p_ends(p, @2.from); }
       | ELLIPSIS '+' time { p->blocks = true; p->ends = $3; p_ends(p, @3.from); } ;

args: %empty { $$ = (struct list){0}; } | list ;
result: plain
      | result '|' plain { $$ = p_or(p, $1, $3); } ;
errno: %empty { $$ = NULL; } | WORD ;
note: %empty | '(' note_words ')' ;
note_words: %empty | note_words note_word ;
note_word: word | INTEGER | ',' | '-' | '\'' | ':' | '/' | '.' ;
word: WORD | ACK | WIN | URG | MSS | NOP | EOL | WSCALE | SACKOK | SACK | TS | VAL | ECR | FO | FOEXP | RAW
    | ICMP | MTU | UDP | NOTHING ;

list: expr           { $$ = p_append(p, (struct list){0}, p_member(p, NULL, $1)); }
    | list ',' expr  { $$ = p_append(p, $1, p_member(p, NULL, $3)); } ;

expr: atom
    | expr '|' expr { $$ = p_or(p, $1, $3); } ;

atom: plain
    | WORD '(' args ')'         { $$ = p_function(p, @1.from, $1, $3); } ;

plain: ELLIPSIS                 { $$ = p_expr(p, @1.from, EXPR_ELLIPSIS); }
    | number                    { $$ = p_expr(p, @1.from, EXPR_INT); $$->num = $1.v; $$->text = $1.text; }
    | STRING                    { $$ = $1; }
    | STRING ELLIPSIS           { $$ = $1; p_fail(p, @2.from, "a string that goes on (\"\"...) is not supported"); }
    | word                      { $$ = p_word(p, @1.from, $1); }
    | '[' args ']'              { $$ = p_items(p, @1.from, EXPR_LIST, $2); }
    | '{' items '}'             { $$ = p_items(p, @1.from, EXPR_STRUCT, $2); } ;

number: INTEGER | HEX ;

items: member           { $$ = p_append(p, (struct list){0}, $1); }
     | items ',' member { $$ = p_append(p, $1, $3); } ;
member: expr '=' expr   { $$ = p_member(p, $1, $3); }
      | expr            { $$ = p_member(p, NULL, $1); } ;

%%

/* Called only when the parser's stack is full: syntax errors are told below. */
static void drill_error(const struct region *at, void *scanner, struct parse *p, const char *why)
{
    (void)scanner;
    (void)why; /* "memory exhausted" */
    p_fail(p, at->from, "nested too deep");
}

/* "unexpected X where Y or Z may stand", unless that is half the language. */
static int yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, struct parse *p)
{
    enum { MANY = 64, FEW = 7 };
    yysymbol_kind_t expected[MANY];
    int n = yypcontext_expected_tokens(ctx, expected, MANY);
    yysymbol_kind_t found = yypcontext_token(ctx);
    const char *names[FEW];

    (void)scanner;
    if (n < 0)
        return n;
    n = n > FEW ? 0 : n;
    for (int i = 0; i < n; i++)
        names[i] = yysymbol_name(expected[i]);
    p_unexpected(p, yypcontext_location(ctx), found == YYSYMBOL_YYEOF, names, n);
    return 0;
}

bool p_run(struct parse *p, const char *text, size_t n)
{
    void *scanner;
    int rc;

    if (drill_lex_init_extra(p, &scanner) != 0)
        return false;
    drill__scan_bytes(text, (int)n, scanner);
    rc = drill_parse(scanner, p);
    drill_lex_destroy(scanner);
    return rc == 0;
}
