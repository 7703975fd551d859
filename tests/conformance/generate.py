#!/usr/bin/env python3
"""generate.py: checks the tables beside it and makes docs/conformance.md of them.

    generate.py            writes the page
    generate.py --check    writes nothing; fails if the page is stale or a table is wrong

requirements.tsv   each row of RFC 9293's appendix B, and whether it is met
extensions.tsv     the same for the other RFCs that the core goes by
events.tsv         each cell of RFC 9293 section 3.10: state, event, case
bug_classes.tsv    how TCP stacks go wrong
unscripted.tsv     which rows of the first three no script can show, and why; all others have one

A test is named FILE:NAME below tests/, where NAME is a cmocka test or the id of a row of the matrix,
or FILE alone where the whole file is one test (.py, .sh, .pkt).  A script below tests/conformance/ says
itself which requirements or cells it proves ("# proves: MUST-12 ESTABLISHED/SEG-SYN"); it need not be
named in a table."""

import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
HERE = TESTS / "conformance"
PAGE = ROOT / "docs" / "conformance.md"

STATES = ("CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING "
          "LAST-ACK TIME-WAIT").split()
EVENTS = ("OPEN-passive OPEN-active SEND RECEIVE CLOSE ABORT STATUS SEG-RST SEG-SYN SEG-ACK-ok "
          "SEG-ACK-bad SEG-URG SEG-DATA SEG-FIN SEG-OOW T-USER T-RTX T-TIMEWAIT").split()
# Appendix B's identifiers: none may be left out.
COUNTED = {"MUST": 69, "SHLD": 31, "MAY": 18, "REC": 1}

wrong = []


def complain(text):
    wrong.append(text)


def table(name):
    """The rows of a table as dictionaries, with the line each is on."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    rows, seen = [], set()
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        where = f"tests/conformance/{name}:{number}"
        if len(cells) != len(head):
            complain(f"{where}: {len(cells)} columns instead of {len(head)}")
            continue
        if cells[0] in seen:
            complain(f"{where}: {cells[0]} is there twice")
        seen.add(cells[0])
        rows.append(dict(zip(head, cells), where=where))
    return rows


# ---- what exists ----

TEST_NAME = re.compile(r'\b(?:ROW|SHARED)\(\s*"([^"]+)"|\bcmocka_unit_test\w*\(\s*(\w+)')
RULE = re.compile(r'^RULE\(\s*(\w+)\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"', re.M)
sources = {p.relative_to(TESTS).as_posix(): p.read_text(encoding="utf-8")
           for p in sorted(TESTS.rglob("*.c"))}
tests_of = {path: {a or b for a, b in TEST_NAME.findall(text)} for path, text in sources.items()}
rules = {m[0]: m[1:] for layer in ("net", "tcp")
         for m in RULE.findall((ROOT / "core" / layer / "rules.def").read_text(encoding="utf-8"))}
decisions = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
decided = set(re.findall(r"^\| ([A-Z]\d+)", decisions, re.M))
for first, last in re.findall(r"^\| N(\d+)–N(\d+)", decisions, re.M):
    decided |= {f"N{n}" for n in range(int(first), int(last) + 1)}


def check_tests(row, names):
    for name in names:
        path, _, test = name.partition(":")
        if path.endswith(".c"):
            if path not in tests_of:
                complain(f"{row['where']}: no file tests/{path}")
            elif test not in tests_of[path]:
                complain(f"{row['where']}: no test {test} in tests/{path}")
        elif test or not (TESTS / path).is_file():
            complain(f"{row['where']}: no test {name}")


def check_decisions(row, text):
    for name in re.findall(r"\b([CDN]\d+)\b", text):
        if name not in decided:
            complain(f"{row['where']}: docs/decisions.md does not have {name}")


# ---- scripts ----

PROVES = re.compile(r"^#\s*proves:\s*(.*)$", re.M)


def add_scripts(*tables):
    """Each script is a test of what it says that it proves; MUST-56 is MUST-56a, b and c."""
    by_id = {}
    for rows in tables:
        for row in rows:
            for name in {row["id"], re.sub(r"(?<=\d)[a-z]$", "", row["id"])}:
                by_id.setdefault(name, []).append(row)
            row["scripts"] = []
    for path in sorted(HERE.rglob("*.pkt")):
        name = path.relative_to(TESTS).as_posix()
        heads = PROVES.findall(path.read_text(encoding="utf-8"))
        if not heads:
            complain(f"tests/{name}: says not what it proves")
        for word in re.findall(r"[^\s,]+", " ".join(heads)):
            if word not in by_id:
                complain(f"tests/{name}: proves {word}, which no table has")
            for row in by_id.get(word, []):
                row["scripts"].append(name)


def check_scripts(unscripted, *tables):
    """Each row has a script, or is known to have none and why."""
    why = {row["id"]: row for row in unscripted}
    for row in (r for rows in tables for r in rows):
        reason = why.pop(row["id"], None)
        if not row["scripts"] and not reason:
            complain(f"{row['where']}: {row['id']} has no script, nor a reason in unscripted.tsv")
        if row["scripts"] and reason:
            complain(f"{reason['where']}: {row['id']} has a script")
        row["unscripted"] = reason["no script because"] if reason else ""
    for row in why.values():
        complain(f"{row['where']}: no row is called {row['id']}")


# ---- the tables ----

# "text": what an RFC says without one of the words of RFC 2119.
LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "RECOMMENDED", "text")


def check_requirement(row):
    status, tests = row["status"], row["tests"].split() + row["scripts"]
    where = row["where"]
    if row["level"] not in LEVELS:
        complain(f"{where}: {row['level']} is no level")
    if not row["section"] or not row["requirement"]:
        complain(f"{where}: no section or no sentence")
    if status == "met" or re.fullmatch(r"deviation [CD]\d+", status):
        if status == "met" and not tests:
            complain(f"{where}: met, but no test shows it")
    elif status not in ("not applicable", "not taken"):
        complain(f"{where}: {status!r} is not met, deviation Dn or Cn, not applicable or not taken")
    if status == "not taken" and row["level"] not in ("MAY", "text"):
        complain(f"{where}: only what MAY be done can be left")
    if status != "met" and not row["reason"]:
        complain(f"{where}: {status} without a reason")
    for rule in row["rules"].split():
        if rule not in rules:
            complain(f"{where}: no rule {rule}")
    if row["code"] and not (ROOT / row["code"]).is_file():
        complain(f"{where}: no file {row['code']}")
    check_decisions(row, status + " " + row["reason"])
    check_tests(row, tests)


def check_appendix_b(rows):
    have = {re.sub(r"[a-z]$", "", r["id"]) for r in rows}
    for kind, last in COUNTED.items():
        for n in range(1, last + 1):
            if f"{kind}-{n}" not in have:
                complain(f"tests/conformance/requirements.tsv: {kind}-{n} is not listed")


def check_events(rows):
    cells, listed = set(), {r["id"] for r in rows}
    for row in rows:
        state, event = row["id"].split("/")[:2]
        cells.add((state, event))
        if state not in STATES:
            complain(f"{row['where']}: {state} is no state")
        check_decisions(row, row["what lastack does"])
        if row["test"] == "-":
            if not row["not applicable because"]:
                complain(f"{row['where']}: neither a test nor a reason")
        else:
            check_tests(row, [f"{row['test']}:{row['id']}"])
    for state in STATES:
        for event in EVENTS:
            if (state, event) not in cells:
                complain(f"tests/conformance/events.tsv: nothing for {event} in {state}")
    for path, names in tests_of.items():
        for name in sorted(names - listed):
            if name.split("/")[0] in STATES:
                complain(f"tests/{path}: {name} is not in tests/conformance/events.tsv")


def check_bug_classes(rows):
    for row in rows:
        if not row["tests"]:
            complain(f"{row['where']}: no test")
        check_tests(row, row["tests"].split())


def check_decisions_tested():
    """Each choice and departure is held by a test that names it."""
    text = "".join(sources.values()) + "".join(p.read_text(encoding="utf-8")
                                               for p in HERE.iterdir() if p.suffix == ".tsv")
    for name in sorted(decided, key=lambda d: (d[0], int(d[1:]))):
        if name[0] in "CD" and not re.search(rf"\b{name}\b", text):
            complain(f"docs/decisions.md: no test, and no row of tests/conformance/, names {name}")


# ---- the page ----

def plain(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def show_tests(names):
    """Tests by file, the file once."""
    files = {}
    for name in names:
        path, _, test = name.partition(":")
        files.setdefault(path, []).append(test)
    return "; ".join(f"[{path}](../tests/{path})" + (": " + ", ".join(t for t in tests if t)
                                                      if any(tests) else "")
                     for path, tests in files.items())


def show_unscripted(row):
    return f" (no script: {plain(row['unscripted'])})" if row["unscripted"] else ""


def show_status(row):
    text = row["status"]
    return f"{text}: {plain(row['reason'])}" if row["reason"] else text


def show_counts(rows, name):
    counts = Counter(re.sub(r" [CD]\d+$", "", r["status"]) for r in rows)
    kinds = ("met", "deviation", "not applicable", "not taken")
    scripted = sum(1 for r in rows if r["scripts"])
    return (f"| {name} | {len(rows)} | " + " | ".join(str(counts[k]) for k in kinds)
            + f" | {scripted} | {len(rows) - scripted} |")


def requirement_lines(rows):
    yield "| id | level | § | requirement | | rules | code | tests |"
    yield "|---|---|---|---|---|---|---|---|"
    for r in rows:
        code = f"[{r['code']}](../{r['code']})" if r["code"] else ""
        yield (f"| {r['id']} | {r['level']} | {r['section']} | {plain(r['requirement'])} | "
               f"{show_status(r)} | {' '.join(r['rules'].split())} | {code} | "
               f"{show_tests(r['tests'].split() + r['scripts'])}{show_unscripted(r)} |")


def event_lines(rows):
    yield "| id | § | what happens | what lastack does | next state | scripts |"
    yield "|---|---|---|---|---|---|"
    for r in rows:
        does = r["not applicable because"] or r["what lastack does"]
        yield (f"| {r['id']} | {r['section']} | {plain(r['what happens'])} | {plain(does)} | "
               f"{r['next state']} | {show_tests(r['scripts'])}{show_unscripted(r)} |")


def rule_lines():
    yield "| rule | § | |"
    yield "|---|---|---|"
    for name, (section, sentence) in rules.items():
        yield f"| {name} | {section} | {plain(sentence)} |"


def page(requirements, extensions, events, bugs):
    named = sum(1 for r in events if r["test"] != "-")
    scripted = sum(1 for r in events if r["scripts"])
    out = [
        "<!-- made by tests/conformance/generate.py; change the tables in tests/conformance/ -->",
        "# Conformance",
        "",
        "What the RFCs ask for, whether lastack does it, where, and which tests show it. Departures (D) and",
        "choices (C) are explained in [decisions.md](decisions.md). `make lint` fails if a requirement, a cell",
        "or a rule is missing here, if a test or a rule named here does not exist, or if this page is stale.",
        "",
        "| | rows | met | deviation | not applicable | choice not taken | scripted | not |",
        "|---|---|---|---|---|---|---|---|",
        show_counts(requirements, "RFC 9293, appendix B"),
        show_counts(extensions, "other RFCs"),
        "",
        f"Cells of RFC 9293 §3.10 (state × event × case): {len(events)}, of which {named} have a test of their"
        f" own in C and {len(events) - named} cannot occur; {scripted} have a script.",
        "What has no script says why where it is listed; all else is held by scripts of `lastack drill`,"
        " most of it by tests in C too.",
        f"Rules that the code names and counts: {len(rules)}. Classes of bugs that other stacks had:"
        f" {len(bugs)}, each with a test.",
        "",
        "## RFC 9293, appendix B",
        "",
        *requirement_lines(requirements),
        "",
        "## Other RFCs",
        "",
        *requirement_lines(extensions),
        "",
        "## RFC 9293 §3.10: every event in every state",
        "",
        "The id is the name of the test, in `tests/matrix/`; each runs over IPv4, IPv6, and IPv4 with",
        "timestamps, SACK and window scaling.",
        "",
        *event_lines(events),
        "",
        "## How TCP stacks go wrong",
        "",
        "| | what goes wrong | tests |",
        "|---|---|---|",
        *(f"| {b['class']} | {plain(b['what goes wrong'])}"
          + (f" ({plain(b['not yet'])})" if b["not yet"] else "")
          + f" | {show_tests(b['tests'].split())} |" for b in bugs),
        "",
        "## Rules",
        "",
        "Each is counted when it fires, and at least one test makes it fire and checks its count.",
        "",
        *rule_lines(),
    ]
    return "\n".join(out) + "\n"


def main():
    requirements, extensions = table("requirements.tsv"), table("extensions.tsv")
    events, bugs = table("events.tsv"), table("bug_classes.tsv")
    add_scripts(requirements, extensions, events)
    check_scripts(table("unscripted.tsv"), requirements, extensions, events)
    for row in requirements + extensions:
        check_requirement(row)
    check_appendix_b(requirements)
    check_events(events)
    check_bug_classes(bugs)
    check_decisions_tested()
    text = page(requirements, extensions, events, bugs)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        complain("docs/conformance.md is stale: tests/conformance/generate.py makes it anew")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
