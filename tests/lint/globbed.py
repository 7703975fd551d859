#!/usr/bin/env python3
"""globbed.py: a source that no build names.  The build takes sources by folder, so a .c elsewhere
would be read by people and by no compiler."""

import re
import tree

HOMES = [
    r"core/.+\.c",
    r"(host|sockets|sim|lab|drill|cli|bench|examples)/[^/]+\.c",
    r"bench/lwip/.+\.c",  # the peer's side of the bench, built by scripts/bench
    r"fuzz/fuzz_[^/]+\.c",
    r"tests/(support|unit|matrix|sim|install)/[^/]+\.c",
]

tree.report([f"{name}: not in a folder that the build looks into"
             for name in tree.files(".c", ".cc", ".cpp")
             if not any(re.fullmatch(home, name) for home in HOMES)])
