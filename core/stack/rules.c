/* rules.c: the names of all rules, network layer first, and their counts (the third law). */
#include "stack/stack.h"

struct rule {
    const char *name, *section, *text;
};

static const struct rule table[] = {
#define RULE(id, section, text) {#id, section, text},
#include "net/rules.def"
#include "tcp/rules.def"
#undef RULE
};
_Static_assert(sizeof table / sizeof table[0] == (unsigned)NR_COUNT + (unsigned)R_COUNT,
               "one line a rule");

static const struct rule unknown = {"UNKNOWN", "", "no such rule"};

static const struct rule *at(unsigned rule)
{
    return rule < la_rules() ? &table[rule] : &unknown;
}

unsigned la_rules(void)
{
    return sizeof table / sizeof table[0];
}

const char *la_rule_name(unsigned rule)
{
    return at(rule)->name;
}

const char *la_rule_section(unsigned rule)
{
    return at(rule)->section;
}

const char *la_rule_text(unsigned rule)
{
    return at(rule)->text;
}

uint64_t la_rule_count(const struct la_stack *s, unsigned rule)
{
    return rule < la_rules() ? s->rules[rule] : 0;
}

const char *la_version(void)
{
    return "0.1.0";
}
