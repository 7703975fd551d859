/* code.y: the grammar of %{ blocks }%, evaluated as it is read. */
%define api.pure full
%define api.prefix {code_}
%define api.location.type {struct place}
%define parse.error custom
%locations
%param {void *scanner}
%parse-param {struct code *c}

%code requires {
#include "drill/code.h"
#define CODE_ARGS 8
struct values {
    unsigned n;
    struct value v[CODE_ARGS];
};
struct chain {
    struct value last;
    struct value result;
    bool held;
};
}

%code {
#include <stdlib.h>
#include <string.h>
#define YYLLOC_DEFAULT(cur, rhs, n) ((cur) = YYRHSLOC(rhs, (n) ? 1 : 0))
#define YYMALLOC malloc
#define YYFREE free
int code_lex(CODE_STYPE *value, CODE_LTYPE *at, void *scanner);
int code_lex_init_extra(struct code *c, void **scanner);
void *code__scan_bytes(const char *text, int n, void *scanner);
int code_lex_destroy(void *scanner);
static void code_error(const struct place *at, void *scanner, struct code *c, const char *why);

static struct value truth(bool b)
{
    return (struct value){.kind = VALUE_INT, .i = b};
}
}

%union {
    struct value value;
    struct values values;
    struct chain chain;
    const char *name;
    int op;
}

%token REFUSED ASSERT "assert" PRINT "print" AND "and" OR "or" NOT "not" IN "in"
%token EQ "==" NE "!=" LE "<=" GE ">=" LEFT "<<" RIGHT ">>" FLOOR "//" NEWLINE "end of line"
%token <value> NUMBER "number" TEXT "string"
%token <name> NAME "name"

%type <value> test disjunction conjunction negation comparison sum
%type <values> values list
%type <chain> chain
%type <op> op

%left '|'
%left '^'
%left '&'
%left LEFT RIGHT
%left '+' '-'
%left '*' '/' '%' FLOOR
%precedence SIGN

%%

block: statement | block NEWLINE statement ;

statement: %empty
    | ASSERT test                { code_assert(c, @1, $2, NULL); }
    | ASSERT test ',' test       { code_assert(c, @1, $2, &$4); }
    | PRINT values               { code_print(c, $2.v, $2.n); }
    | PRINT '(' ')'              { code_print(c, NULL, 0); }
    | NAME '=' test              { code_assign(c, @1, $1, $3); } ;

values: test            { $$.n = 1; $$.v[0] = $1; }
    | values ',' test   { $$ = $1;
                          if ($$.n == CODE_ARGS) { code_wrong(c, @3, "more than %d values", CODE_ARGS); YYABORT; }
                          $$.v[$$.n++] = $3; } ;
list: '(' values ')' { $$ = $2; } | '[' values ']' { $$ = $2; } ;

test: disjunction ;
disjunction: conjunction | disjunction OR conjunction { $$ = code_true($1) ? $1 : $3; } ;
conjunction: negation | conjunction AND negation      { $$ = code_true($1) ? $3 : $1; } ;
negation: comparison | NOT negation                   { $$ = truth(!code_true($2)); } ;

comparison: chain { $$ = $1.result; } ;
chain: sum              { $$ = (struct chain){$1, $1, true}; }
    | chain op sum      { $$.held = $1.held && code_compare($2, $1.last, $3);
                          $$.last = $3; $$.result = truth($$.held); }
    | chain IN list     { bool any = false;
                          for (unsigned i = 0; i < $3.n; i++)
                              any = any || code_compare('=', $1.last, $3.v[i]);
                          $$ = (struct chain){$1.last, truth($1.held && any), $1.held && any}; } ;
op: EQ { $$ = '='; } | NE { $$ = '!'; } | LE { $$ = 'l'; } | GE { $$ = 'g'; } | '<' { $$ = '<'; } | '>' { $$ = '>'; } ;

sum: NUMBER | TEXT
    | NAME                { $$ = code_name(c, @1, $1); }
    | NAME '(' values ')' { $$ = code_call(c, @1, $1, $3.v, $3.n); }
    | '(' values ')'      { $$ = $2.n == 1 ? $2.v[0] : code_tuple(c, @1, $2.v, $2.n); }
    | sum '+' sum         { $$ = code_binary(c, @2, '+', $1, $3); }
    | sum '-' sum         { $$ = code_binary(c, @2, '-', $1, $3); }
    | sum '*' sum         { $$ = code_binary(c, @2, '*', $1, $3); }
    | sum '/' sum         { $$ = code_binary(c, @2, '/', $1, $3); }
    | sum '%' sum         { $$ = code_binary(c, @2, '%', $1, $3); }
    | sum FLOOR sum       { $$ = code_binary(c, @2, 'f', $1, $3); }
    | sum '&' sum         { $$ = code_binary(c, @2, '&', $1, $3); }
    | sum '|' sum         { $$ = code_binary(c, @2, '|', $1, $3); }
    | sum '^' sum         { $$ = code_binary(c, @2, '^', $1, $3); }
    | sum LEFT sum        { $$ = code_binary(c, @2, 'l', $1, $3); }
    | sum RIGHT sum       { $$ = code_binary(c, @2, 'r', $1, $3); }
    | '-' sum %prec SIGN  { $$ = code_unary(c, @1, '-', $2); }
    | '+' sum %prec SIGN  { $$ = code_unary(c, @1, '+', $2); }
    | '~' sum %prec SIGN  { $$ = code_unary(c, @1, '~', $2); } ;

%%

/* Called only when the parser's stack is full: syntax errors are told below. */
static void code_error(const struct place *at, void *scanner, struct code *c, const char *why)
{
    (void)scanner;
    (void)why; /* "memory exhausted" */
    code_wrong(c, *at, "nested too deep");
}

static int yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, struct code *c)
{
    yysymbol_kind_t token = yypcontext_token(ctx);

    (void)scanner;
    code_wrong(c, *yypcontext_location(ctx), "unexpected %s in a block", yysymbol_name(token));
    return 0;
}

bool code_parse_text(struct code *c, size_t n)
{
    void *scanner;
    int rc;

    if (code_lex_init_extra(c, &scanner) != 0)
        return false;
    code__scan_bytes(c->text, (int)n, scanner);
    rc = code_parse(scanner, c);
    code_lex_destroy(scanner);
    return rc == 0;
}
