#!/usr/bin/env python3
"""bulk: 1 GiB each way between lastack nc and the kernel, SHA-256 equal: one way and the other over
IPv4, both at once over IPv6.
# timeout: 240
"""

import fcntl
import hashlib
import os
import subprocess
import time

import lib_live as live
from lib_live import Both, check, same

GIB = 1 << 30
CHUNK = 1 << 20
SEED = 20
F_SETPIPE_SZ = 1031


def pour(write):
    """1 GiB through `write`, no two megabytes of it alike; returns its hash."""
    data = memoryview(live.payload(2 * CHUNK, SEED))
    h = hashlib.sha256()
    for i in range(GIB // CHUNK):
        part = data[i * 997 % CHUNK:][:CHUNK]
        h.update(part)
        write(part)
    return h.hexdigest()


def drain(read):
    """What comes until the end; returns its length and hash."""
    h, n = hashlib.sha256(), 0
    while True:
        part = read(CHUNK)
        if not part:
            return n, h.hexdigest()
        h.update(part)
        n += len(part)


class Carried:
    """One connection between nc and the kernel, with 1 GiB in the directions asked for."""

    def __init__(self, t, family, to_kernel, to_stack):
        self.hash = {}
        live.make_device("la0")
        listener = live.kernel_listen(family, 7000)
        nc = t.start("nc", live.LASTACK, "nc", "--no-dad", "--dev", "tap:la0", "--addr", live.US4 + "/24",
                     "--addr6", live.US6 + "/64", "-v", live.KERNELS[family], "7000",
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        for pipe in (nc.stdin, nc.stdout):
            fcntl.fcntl(pipe, F_SETPIPE_SZ, CHUNK)
        k = live.kernel_accept(listener)
        begin = time.monotonic()
        jobs = [lambda: self.note("kernel got", drain(k.recv)),
                lambda: self.note("stack got", drain(lambda n: os.read(nc.stdout.fileno(), n)))]
        jobs.append(lambda: self.feed_stack(nc, to_kernel))
        jobs.append(lambda: self.feed_kernel(k, to_stack))
        Both(*jobs).join(200)
        same("nc's exit status", nc.wait(30), 0)
        took = time.monotonic() - begin
        print(f"  {(to_kernel + to_stack) * GIB * 8 / took / 1e9:.1f} Gbit/s")
        empty = (0, hashlib.sha256().hexdigest())
        for way, wanted in (("kernel", to_kernel), ("stack", to_stack)):
            same(f"what the {way} got", self.hash[way + " got"],
                 (GIB, self.hash["to " + way]) if wanted else empty)
        errors = t.read("nc.err").decode()
        check("nc says how it ended", "closed first" in errors and "in order" in errors, errors)

    def note(self, what, value):
        self.hash[what] = value

    def feed_stack(self, nc, wanted):
        if wanted:
            self.note("to kernel", pour(lambda part: write_all(nc.stdin.fileno(), part)))
        nc.stdin.close()

    def feed_kernel(self, k, wanted):
        if wanted:
            self.note("to stack", pour(k.sendall))
        k.shutdown(live.socket.SHUT_WR)


def write_all(fd, part):
    while part:
        part = part[os.write(fd, part):]


def v4_to_kernel(t):
    Carried(t, 4, True, False)


def v4_to_stack(t):
    Carried(t, 4, False, True)


def v6_both_ways(t):
    Carried(t, 6, True, True)


live.main(v4_to_kernel, v4_to_stack, v6_both_ways)
