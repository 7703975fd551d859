#!/usr/bin/env python3
"""integers.py: no floating point in the core: it must do the same on every machine, and run where
there are no floating-point registers to save."""

import re
import tree

FLOAT = re.compile(r"\b(float|double|_Complex|_Float\w+)\b"
                   r"|(?<![\w.])(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?[fFlL]?\b"
                   r"|(?<![\w.])\d+[eE][-+]?\d+\b")

findings = []
for name in tree.files(".c", ".h"):
    if name.startswith(("core/", "include/")):
        for i, line in enumerate(tree.code(tree.read(name)).split("\n"), 1):
            m = FLOAT.search(line)
            if m:
                findings.append(f"{name}:{i}: {m.group(0)}")
tree.report(findings)
