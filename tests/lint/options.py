#!/usr/bin/env python3
"""options.py: the man page and the completions know each command and each of its options, and no
other.  What there is stands in the tables of cli/: NAME.c has those of the command NAME, common.c those
of every command with a stack."""

import re
import tree

COMPLETION = "cli/completion/lastack."
HELP = {"-h", "--help"}


def table(name):
    rows = re.findall(r"""\{"([\w-]+)",\s*(?:0|'(.)'),\s*OPT_""", tree.read(f"cli/{name}.c"))
    return {"--" + long for long, _ in rows} | {"-" + letter for _, letter in rows if letter}


def man(command):
    """What stands in the tags of the command's "Options of" sections."""
    found = set()
    text = tree.read("man/lastack.1").replace("\\-", "-")
    for section in re.findall(rf"^\.SS Options of {command}\b.*?(?=^\.S[SH])", text, re.M | re.S):
        for tag in re.findall(r"^\.TP\n(.*)", section, re.M):
            found |= set(re.findall(r"(?<![\w-])(?:--[a-z][\w-]*|-\w)(?![\w-])", tag))
    return found


def case(suffix, command):
    """The command's block of a shell's case."""
    block = re.search(rf"^\s*{command}\)(.*?);;", tree.read(COMPLETION + suffix), re.M | re.S)
    return block.group(1) if block else ""


def bash(command):
    block = case("bash", command)
    if "$_lastack_common" in block:
        block += re.search(r"_lastack_common='(.*?)'", tree.read(COMPLETION + "bash"), re.S).group(1)
    return set(re.findall(r"--[a-z][\w-]*", block))


def zsh(command):
    block = case("zsh", command)
    if "$common" in block:
        block += re.search(r"common=\((.*?)\n\)", tree.read(COMPLETION + "zsh"), re.S).group(1)
    pairs = re.findall(r"\{(-\w),(--[\w-]+)\}", block)
    return set(sum(pairs, ())) | set(re.findall(r"'(?:\([^)]*\)|\*)?(--[\w-]+)\[", block))


def fish(command):
    text = tree.read(COMPLETION + "fish")
    for name, value in re.findall(r"^set -l (\w+) '(.*)'", text, re.M):
        text = text.replace(f"-n ${name} ", f"-n '{value}' ")
    found = set()
    for to, letter, long in re.findall(
            r"^complete -c lastack -n '__fish_seen_subcommand_from ([\w ]+)' (?:-s (\w) )?-l ([\w-]+)", text, re.M):
        if command in to.split():
            found |= {"--" + long} | ({"-" + letter} if letter else set())
    return found


commands = re.findall(r'^    \{"(\w+)", cmd_', tree.read("cli/main.c"), re.M)
findings = []
for command in commands:
    have = table(command) | (table("common") if command == "nc" else set())
    long = {o for o in have if o.startswith("--")}
    for place, told, wanted in (("man/lastack.1", man(command), have), (COMPLETION + "bash", bash(command), long),
                                (COMPLETION + "zsh", zsh(command), have), (COMPLETION + "fish", fish(command), have)):
        findings += [f"{place}: {command} {o} is missing" for o in sorted(wanted - told - HELP)]
        findings += [f"{place}: {command} has no {o}" for o in sorted(told - wanted - HELP)]
    for place, mention in (("man/lastack.1", rf"^\\fBlastack {command}\b"), (COMPLETION + "bash", rf"help\) words=.*\b{command}\b"),
                           (COMPLETION + "zsh", rf"^ +'{command}\["), (COMPLETION + "fish", rf"-a {command} -d")):
        if not re.search(mention, tree.read(place), re.M):
            findings.append(f"{place}: does not name the command {command}")
tree.report(findings)
