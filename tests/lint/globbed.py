#!/usr/bin/env python3
"""globbed.py: a source that no build names.  The build takes sources by folder, so a .c elsewhere
would be read by people and by no compiler; so would a header that nobody includes, and a test whose
name makes the build take it for a helper would never run."""

import re
import tree

HOMES = [
    r"core/.+\.c",
    r"(host|sockets|sim|drill|packetdrill|cli|bench|examples)/[^/]+\.c",
    r"lab/(scenario|picture|book)/[^/]+\.c",
    r"bench/lwip/.+\.c",  # the peer's side of the bench, built by scripts/bench
    r"fuzz/(fuzz_[^/]+|replay)\.c",
    r"tests/live/(stack|alike)\.c",  # led by live/*.py
    r"tests/(support|unit|matrix|sim|drill|lab|sockets|install)/[^/]+\.c",
]
PROGRAMS = [r"tests/\w+/test_[^/]+\.c", r"tests/sim/trace_hash\.c", r"tests/(install|live)/[^/]+\.c"]

findings = [f"{name}: not in a folder that the build looks into"
            for name in tree.files(".c", ".cc", ".cpp")
            if not any(re.fullmatch(home, name) for home in HOMES)]

included = set()
for name in tree.files(".c", ".h", ".def"):
    text = tree.read(name)
    for target in re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M):
        included.add(target.rsplit("/", 1)[-1])
    if name.startswith("tests/") and re.search(r"^int main\(", text, re.M) and \
            not any(re.fullmatch(program, name) for program in PROGRAMS):
        findings.append(f"{name}: a program, and not called test_*.c: the build takes it for a helper")
for name in tree.files(".h", ".def"):
    if not name.startswith(("include/", "bench/lwip/")) and name.rsplit("/", 1)[-1] not in included:
        findings.append(f"{name}: included by nobody")
tree.report(findings)
