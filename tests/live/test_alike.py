#!/usr/bin/env python3
"""alike: what Linux' profile claims is what Linux does.  live_alike plays alike.txt twice, with the object for
packetdrill and with this kernel, and the two accounts are compared: values of calls, poll's bits, TCP_INFO, and
each segment that left, with its options, flags and time.
# timeout: 240
"""

import os
import re
import subprocess
import sys

import lib_live as live

HERE = os.path.dirname(os.path.realpath(__file__))
PLAYER = os.path.join(live.BUILD, "tests/live/live_alike")
SCENARIOS = os.path.join(HERE, "alike.txt")

SEGMENT = re.compile(r" *([0-9.]+) > (.*)")
UNTIL = re.compile(r" until ([0-9.]+) ")


def account(kernel, *names):
    """Per scenario (all, or those named) the lines, each with a time in ms if it has one of its own."""
    env = dict(os.environ)
    env.pop("LASTACK_DRIVE_KERNEL", None)
    if kernel:
        env["LASTACK_DRIVE_KERNEL"] = "1"
    done = subprocess.run([PLAYER, SCENARIOS, *names], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=200, check=False)
    live.check(f"live_alike {'on the kernel' if kernel else ''}: {done.returncode}", done.returncode == 0,
               done.stderr.decode(errors="replace")[-500:], done.stdout.decode(errors="replace")[-300:])
    scenarios, at = {}, None
    for line in done.stdout.decode().splitlines():
        if line.startswith("== "):
            at = scenarios.setdefault(line[3:], [])
            continue
        segment = SEGMENT.match(line)
        until = UNTIL.search(line)
        if segment:
            text = re.sub(r" win [0-9]+", " win N", segment[2])  # it follows how each counts memory
            at.append((text, float(segment[1])))
        else:
            at.append((UNTIL.sub(" until ", line), float(until[1]) if until else None))
    return scenarios


def close(a, b, since):
    """Timers of the kernel are as coarse as its ticks, and coarser the longer they run."""
    return abs(a - b) <= 20 + 0.15 * max(a - since, 0)


def differences(ours, kernels):
    found, since = [], 0.0
    for i in range(max(len(ours), len(kernels))):
        a = ours[i] if i < len(ours) else ("nothing", None)
        b = kernels[i] if i < len(kernels) else ("nothing", None)
        if a[0] != b[0]:
            return found + [f"kernel: {b[0]}", f"object: {a[0]}"]
        if a[1] is not None and not close(b[1], a[1], since):
            found.append(f"{a[0]}: kernel at {b[1]} ms, object at {a[1]} ms")
        since = b[1] if b[1] is not None else since
    return found


def alike(_):
    ours, kernels = account(False), account(True)
    live.same("the scenarios", list(ours), list(kernels))
    wrong = {name: differences(ours[name], kernels[name]) for name in ours}
    for _ in range(3):  # a machine that is busy keeps even a kernel from being in time
        again = [name for name, found in wrong.items() if found]
        if again:
            kernels = account(True, *again)
            wrong.update((name, differences(ours[name], kernels[name])) for name in again)
    live.check(f"{len(ours)} scenarios are alike", not any(wrong.values()),
               *(f"{name}: {x}" for name, found in wrong.items() for x in found))


if __name__ == "__main__":
    sys.exit(live.main(alike))
