#!/usr/bin/env python3
"""many: 1,000 connections of the kernel at once; a server that forgets to close them, as lastack ss shows
it; and every one of them ended, each with its record.
# timeout: 120
"""

import json
import re
import resource
import select
import socket

import lib_live as live
from lib_live import check, run, same, wait

N = 1000
PORT = 80


def connect_all(family):
    """N sockets, connecting at the same time; established when this returns."""
    poll = select.epoll()
    sockets = {}
    for _ in range(N):
        k = live.kernel_socket(family)
        k.setblocking(False)
        k.connect_ex((live.OURS[family], PORT))
        sockets[k.fileno()] = k
        poll.register(k, select.EPOLLOUT | select.EPOLLONESHOT)
    left = N
    while left:
        ready = poll.poll(30)
        check("the others connect too", ready, f"{left} of {N} do not")
        left -= len(ready)
    poll.close()
    for k in sockets.values():
        same("SO_ERROR", k.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
        k.setblocking(True)
        k.settimeout(30)
    return list(sockets.values())


def ss(*options):
    return run(live.LASTACK, "ss", *options).decode()


def at_once(family):
    def test(t):
        live.make_device("la0")
        s = live.Stack(t, "--dev", "tap:la0", "--addr", live.US4 + "/24", "--addr6", live.US6 + "/64", "--msl", "1s",
                       "--pcap", t.file("own.pcapng"))
        s.listen(PORT, 2 * N)
        kernel = connect_all(family)
        stack = {}
        for _ in range(N):
            c = s.accept(PORT)
            stack[c.look()["peer_port"]] = c
        ports = {k.getsockname()[1] for k in kernel}
        same("one connection for each of the kernel's", set(stack), ports)
        same("connections", s.tell("usage")["connections"], N)
        for i, k in enumerate(kernel):  # each its own bytes, both ways
            k.sendall(b"from the kernel, %d" % i)
            c = stack[k.getsockname()[1]]
            c.read()
            c.send(b"from the stack, %d" % i)
        for i, k in enumerate(kernel):
            same("what the kernel got", k.recv(100), b"from the stack, %d" % i)
            c = stack[k.getsockname()[1]]
            wait("what the stack got", lambda c=c, i=i: c.got() == b"from the kernel, %d" % i)

        # Every client closes; the server forgets to.
        for k in kernel:
            k.shutdown(socket.SHUT_WR)
        wait("CLOSE-WAIT everywhere", lambda: len(s.list(state="CLOSE-WAIT")) == N)
        table = ss().splitlines()
        row = re.compile(r"^CLOSE-WAIT +0 +0 .* peer +this program has kept the peer waiting for [0-9.]+ m?s")
        same("rows of lastack ss", len([x for x in table if row.match(x)]), N)
        waiting = json.loads(ss("--json"))
        same("their clients", {x["peer_port"] for x in waiting}, ports)
        same("who closed first", {x["closed_first"] for x in waiting}, {"peer"})
        states = run("ss", "-Htn", "state", "fin-wait-2").decode()
        same("the kernel's sockets in FIN-WAIT-2", states.count("\n"), N)
        same("records before anything ended", s.tell("records"), [])

        # It remembers half of them, and loses patience with the others.
        aborted = set(sorted(ports)[::2])
        for port, c in stack.items():
            (c.abort if port in aborted else c.close)()
        for k in kernel:
            port = k.getsockname()[1]
            try:
                same("end of stream", k.recv(100), b"")
                check("in order", port not in aborted)
            except ConnectionResetError:
                check("a reset", port in aborted)
            k.close()
        wait("no connection is left", lambda: s.tell("usage")["connections"] == 0)
        records = s.tell("records")
        same("the last record's number: one each", records[-1]["serial"], N)
        for r in records:
            same("who reset it", r["rst_by"], "local" if r["peer_port"] in aborted else None)
            same("who closed it first", r["closed_first"], "peer")
    test.__name__ = f"at_once_v{family}"
    return test


most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most if most == resource.RLIM_INFINITY else min(3 * N, most), most))
live.main(at_once(4), at_once(6))
