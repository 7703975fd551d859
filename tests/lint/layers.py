#!/usr/bin/env python3
"""layers.py: what may include what.

base < wire < net < tcp < stack < sockets, sim, host < lab, drill, packetdrill < cli; in lab,
picture < scenario < book.  A file includes its own layer and those below.  The core takes four headers of the C library, and of the public headers not
host.h.  A public header includes public headers and standard ones.  An example includes what is
installed.  Tests, bench and fuzz stand on top of everything."""

import re
import tree

RANK = {"core/base": 0, "core/wire": 1, "core/net": 2, "core/tcp": 3, "core/stack": 4,
        "sockets": 5, "sim": 5, "host": 5, "drill": 6, "packetdrill": 6, "lab/picture": 6,
        "lab/scenario": 7, "lab/book": 8, "cli": 9}
FREESTANDING = {"stddef.h", "stdint.h", "stdbool.h", "string.h"}
PUBLIC_HOST = {"lastack/host.h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    """The layer a repository path belongs to, or None."""
    for layer in RANK:
        if path.startswith(layer + "/"):
            return layer
    return None


def resolve(name, target):
    """The repository path that a quoted include means: include roots are core/ and the root."""
    for root in ("core/", "", name.rsplit("/", 1)[0] + "/"):
        if tree.exists(root + target):
            return root + target
    return None


def check(name, line, kind, target):
    """What is wrong with this include, or None."""
    where = f"{name}:{line}: "
    mine = layer_of(name)
    if name.startswith("include/"):
        ok = target.startswith("lastack/") or target in FREESTANDING
        if not ok:
            return where + f"a public header includes {target}"
        if target in PUBLIC_HOST and not name.endswith("/host.h"):
            return where + "the core's public headers cannot include lastack/host.h"
        return None
    if name.startswith("examples/"):
        if kind == '"' and not tree.exists("examples/" + target):
            return where + f"an example includes {target}, which is not installed"
        return None
    if mine is None:
        return None
    if kind == "<":
        if not name.startswith("core/"):
            return None
        if target.startswith("lastack/") and target not in PUBLIC_HOST:
            return None
        if target in FREESTANDING:
            return None
        return where + f"the core includes <{target}>"
    path = resolve(name, target)
    if path is None:
        return where + f'"{target}" is nowhere in the tree'
    theirs = layer_of(path)
    if theirs is None:
        return where + f"{mine} includes {path}, which is in no layer"
    if theirs != mine and RANK[theirs] >= RANK[mine]:
        return where + f"{mine} includes {path}: {theirs} is not below it"
    return None


findings = []
for name in tree.files(".c", ".h", ".def"):
    text = tree.read(name)
    for m in INCLUDE.finditer(text):
        wrong = check(name, text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2))
        if wrong:
            findings.append(wrong)
tree.report(findings)
