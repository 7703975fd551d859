#!/usr/bin/env python3
"""rules.py: the third law.  A rule of core/*/rules.def is defined once, cites its section, is fired
somewhere in the core, is counted by at least one test, and is listed in docs/conformance.md."""

import re
import tree

RULE = re.compile(r'^RULE\(\s*(\w+)\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"', re.M)
PREFIX = "(?:NR_|R_)?"  # of the enum constants that name the rule in C


def names(text):
    """Every word of the text that could name a rule."""
    return set(re.findall(r"\b" + PREFIX + r"([A-Z][A-Z0-9_]*)\b", text)) | \
        set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", text))


findings = []
home = {}
for path in tree.files("rules.def"):
    text = tree.read(path)
    for m in RULE.finditer(text):
        rule, section, sentence = m.groups()
        where = f"{path}:{text.count(chr(10), 0, m.start()) + 1}"
        if rule in home:
            findings.append(f"{where}: {rule} is already in {home[rule]}")
        home[rule] = where
        if not section or not sentence:
            findings.append(f"{where}: {rule} lacks its section or its sentence")

core = set()
for path in tree.files(".c", ".h"):
    if path.startswith("core/"):
        core |= names(tree.code(tree.read(path)))
# A test counts a rule by its name as a string or by its constant; a word in a comment counts nothing.
COUNTED = re.compile(r"""(?:\bN?R_|["'])([A-Z][A-Z0-9_]*)\b""")
tests = set()
for path in tree.files(".c", ".h", ".py", ".sh"):
    if path.startswith(("tests/", "fuzz/")) and not path.startswith("tests/lint/"):
        tests |= set(COUNTED.findall(tree.read(path)))
listed = names(tree.read("docs/conformance.md")) if tree.exists("docs/conformance.md") else None

unfired = sorted(r for r in home if r not in core)
untested = sorted(r for r in home if r not in tests)
unlisted = sorted(r for r in home if listed is not None and r not in listed)
for what, rules in (("fired nowhere in the core", unfired), ("counted by no test", untested),
                    ("not in docs/conformance.md", unlisted)):
    if rules:
        findings.append(f"{len(rules)} of {len(home)} rules are {what}:")
        findings.extend(f"    {home[r]}: {r}" for r in rules)
tree.report(findings)
