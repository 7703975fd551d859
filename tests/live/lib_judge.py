#!/usr/bin/env python3
"""lib_judge.py: tshark's judgement on captures, the same for every live test.

    lib_judge.py CAPTURE...     says what is wrong and fails; or says nothing"""

import os
import subprocess
import sys
import tempfile

# What TCP carries is data to it, else random bytes are taken for the protocol that some port has.
TSHARK = ["tshark", "-n", "-d", "tcp.port==1-65535,data"] + [
    x for p in ("ip", "tcp", "udp") for x in ("-o", f"{p}.check_checksum:TRUE")]
MALFORMED = "(_ws.malformed or _ws.short)"
QUOTING = "(icmp.type in {3, 4, 5, 11, 12} or icmpv6.type in {1, 2, 3, 4})"
UNVERIFIED = 'tcp.checksum.status == "Unverified"'


def bad_sum(*fields):
    return "(" + " or ".join(f'{f} == "Bad"' for f in fields) + ")"


def tshark(path, show, *more):
    """What tshark prints of the packets that its filter `show` lets through."""
    done = subprocess.run([*TSHARK, "-r", path, "-Y", show, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False)
    if done.returncode:
        raise OSError(f"tshark cannot read {path}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout.decode()


def wrong(captures, quotes=True):
    """The packets that are malformed, or have a checksum that is bad or that tshark could not judge: a
    line each.  What an ICMP error quotes is cut off, so the sum over its payload says nothing; without
    `quotes` it may even be malformed."""
    sums = bad_sum(*[f"{p}.checksum.status" for p in ("ip", "tcp", "udp", "icmp", "icmpv6")])
    outer = bad_sum(*[f"{p}.checksum.status#1" for p in ("ip", "icmp", "icmpv6")])
    # Linux writes a sum of 0 as 0xFFFF, which is as good to a receiver, and which tshark never likes.
    sums = f"({sums} or {UNVERIFIED}) and not tcp.checksum == 0xFFFF"
    bad = f"({QUOTING} and {outer}) or (not {QUOTING} and (({sums}) or {MALFORMED}))"
    if quotes:
        bad += f" or {MALFORMED}"
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as merged:
        subprocess.run(["mergecap", "-a", "-w", merged.name, *captures], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
        if os.path.getsize(merged.name) < 1000:
            return ["next to nothing was captured"]
        return tshark(merged.name, bad).splitlines()


def segments(path):
    """What tshark reads of a capture's TCP segments: dicts."""
    names = ("frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len")
    rows = []
    for line in tshark(path, "tcp", "-T", "fields", *[x for n in names for x in ("-e", n)]).splitlines():
        at, sport, dport, flags, seq, ack, length = line.split("\t")
        rows.append({"time": float(at), "sport": int(sport), "dport": int(dport), "flags": int(flags, 16),
                     "seq": int(seq), "ack": int(ack), "len": int(length)})
    return rows


if __name__ == "__main__":
    found = wrong(sys.argv[1:])
    print(*found[:10], sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
