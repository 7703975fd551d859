"""tree.py: the sources of the project, and their text without comments and strings."""

import re
import subprocess

HERE = __file__.rsplit("/tests/", 1)[0]


def files(*suffixes):
    """Paths of every file under version control, or about to be, that ends in one of these."""
    out = subprocess.run([f"{HERE}/scripts/sources"], check=True, capture_output=True, text=True)
    return [n for n in out.stdout.splitlines() if n.endswith(suffixes)]


def exists(name):
    try:
        with open(f"{HERE}/{name}", "rb"):
            return True
    except OSError:
        return False


def read(name):
    with open(f"{HERE}/{name}", encoding="utf-8") as f:
        return f.read()


_token = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def code(text):
    """The text with comments blanked and literals emptied; line numbers stay."""
    def blank(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] * 2
        return re.sub(r"[^\n]", " ", s)
    return _token.sub(blank, text)


def report(findings):
    """Prints the findings and ends the program accordingly."""
    for f in findings:
        print(f)
    raise SystemExit(1 if findings else 0)
