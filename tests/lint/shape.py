#!/usr/bin/env python3
"""shape.py: limits that keep every file readable at one sitting."""

import re
import tree

FILE_LINES = 600
FUNCTION_LINES = 90
COLUMNS = 100


def long_functions(name, text):
    """Functions open with a brace in column 0 and close with one."""
    start = None
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if line == "{" and start is None:
            start = i
        elif line.startswith("}") and start is not None:
            if line == "}" and i - start + 1 > FUNCTION_LINES:
                head = next((h for h in reversed(lines[:start]) if re.match(r"[A-Za-z_]", h)), "?")
                yield f"{name}:{start}: {i - start + 1} lines, {FUNCTION_LINES} at most: {head}"
            start = None


findings = []
for name in tree.files(".c", ".h", ".def", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile"):
    text = tree.read(name)
    lines = text.split("\n")
    if not text.endswith("\n"):
        findings.append(f"{name}: no newline at its end")
    if len(lines) > FILE_LINES and not name.endswith(".def"):
        findings.append(f"{name}: {len(lines) - 1} lines, {FILE_LINES} at most")
    for i, line in enumerate(lines, 1):
        if line.rstrip() != line:
            findings.append(f"{name}:{i}: blanks at the end of the line")
        if "\t" in line and not name.endswith("Makefile"):
            findings.append(f"{name}:{i}: a tab")
        if len(line) > COLUMNS and name.endswith((".c", ".h")):
            findings.append(f"{name}:{i}: {len(line)} columns, {COLUMNS} at most")
    if name.endswith(".c"):
        findings.extend(long_functions(name, text))
tree.report(findings)
