#!/usr/bin/env python3
"""odd: what else befalls a connection with the kernel: a bad wire, a window that stays closed, urgent bytes, a
port used again while the last connection rests in TIME-WAIT, and ends that lose their memory or vanish.
# timeout: 120
"""

import random
import socket

import lib_live as live
from lib_live import Both, check, same, wait
from lib_wire import RST, SYN, Wire

MSL = ("--msl", "300ms")


def pair(s, family, port, local=0):
    """A connection that the kernel opened."""
    if port not in s.listeners:
        s.listen(port)
    k = live.kernel_connect(family, port, local)
    return s.accept(port), k


def orderly(r):
    same("how it ended", (r["error"], r["rst_by"], r["bytes_unacked"], r["bytes_unread"]), (None, None, 0, 0))


# ---- a bad wire ----

class Bad:
    """5 % lost, 2 % doubled, 3 % overtaken by what follows; the same for the same seed and frames."""

    def __init__(self, wire, seed):
        self.wire = wire
        self.rng = random.Random(seed)
        self.late = []  # held, until so many more frames have passed

    def __call__(self, g):
        self.late = [(n - 1, x) for n, x in self.late]
        for n, x in self.late:
            if n == 0:
                self.wire.deliver(x)
        self.late = [(n, x) for n, x in self.late if n > 0]
        if not g.tcp:
            return "pass"
        dice = self.rng.random()
        if dice < 0.05:
            return "drop"
        if dice < 0.07:
            self.wire.deliver(g)
        elif dice < 0.10:
            self.late.append((self.rng.randrange(1, 6), g))
            return "drop"
        return "pass"


def bad_wire(t):
    wire = Wire(t)
    s = wire.stack(*MSL)
    s.listen(80)
    wire.decide = Bad(wire, 3)
    ways = []
    for family in (4, 6):
        k = live.kernel_connect(family, 80)
        ways.append(live.BothWays(s.accept(80), k, 1_500_000, family))
    for way in ways:
        way.end()
    for r in s.tell("records"):
        orderly(r)
        check("segments were lost", r["retransmits"] > 10, r)
    t.uncounted = ("Tcp.InErrs",)  # where it counts a doubled SYN,ACK


# ---- a window that stays closed ----

def closed_window(t):
    """close() with everything still to be sent, to a kernel that does not read: the stack is in FIN-WAIT-1 at
    once, probes the window, and delivers everything when it opens, though the word of that is lost."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    data = live.payload(900_000, 1)
    kernel = []
    for family in (4, 6):
        c, k = pair(s, family, 80)
        k.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.send(data)
        wait("all of it is queued", lambda c=c: not c.look()["sending"])
        c.close()
        port = k.getsockname()[1]
        same("the state after close", s.list(peer_port=port)[0]["state"], "FIN-WAIT-1")
        kernel.append((k, port))
    for k, port in kernel:
        wait("the window is closed, and probed", lambda port=port: s.list(peer_port=port, timer="persist"))
    probes = s.rule("PERSIST_PROBE")
    wait("another probe", lambda: s.rule("PERSIST_PROBE") > probes)
    # The first segments by which the kernel opens its window are lost.
    lost = {port: 3 for _, port in kernel}

    def lose(g):
        if g.to_stack and g.pure_ack() and g.wnd and lost.get(g.sport, 0):
            lost[g.sport] -= 1
            return "drop"
        return "pass"

    wire.decide = lose
    got = {}
    Both(*[lambda k=k, port=port: got.update({port: live.read_all(k)}) for k, port in kernel]).join()
    for k, port in kernel:
        same("what the kernel got", live.sha(got[port]), live.sha(data))
        k.close()
        r = s.record(port, ended=True)
        orderly(r)
        same("who closed first", r["closed_first"], "local")
    same("lost words of an open window", set(lost.values()), {0})


# ---- urgent ----

def urgent(t):
    """The urgent byte is where the other side believes it is (RFC 6093)."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    for family in (4, 6):
        c, k = pair(s, family, 80)
        c.read()
        k.sendall(b"before")
        k.send(b"!", socket.MSG_OOB)
        k.sendall(b"after")
        wait("the kernel's urgent byte in its place", lambda c=c: c.got() == b"before!after")
        s.tell("urgent", c.id, "abc!")
        wait("the stack's is heard of", lambda k=k: urgent_byte(k) == b"!")
        same("the rest", k.recv(100), b"abc")
        k.shutdown(socket.SHUT_WR)
        c.whole()
        c.close()
        same("end of stream", k.recv(100), b"")
        k.close()


def urgent_byte(k):
    try:
        return k.recv(1, socket.MSG_OOB)
    except OSError:  # none yet
        return None


# ---- TIME-WAIT, and the same ports again ----

def again_from_the_kernel(t):
    """In TIME-WAIT the stack takes a SYN of the same socket pair whose timestamp is newer (RFC 6191)."""
    wire = Wire(t)
    s = wire.stack("--msl", "20s")
    for family in (4, 6):
        local = 40000 + family
        for turn in range(3):
            c, k = pair(s, family, 80, local)
            c.shutdown()
            same("end of stream", k.recv(100), b"")
            k.close()
            c.reaches("TIME-WAIT")
            c.close()
            r = s.tell("records")
            same("the one before was reused", [x["time_wait"]["reused"] for x in r if x["peer_port"] == local],
                 [True] * turn + [False])
    same("the kernel was never refused", sum(bool(g["flags"] & RST) for g in wire.segments()), 0)
    s.allowed = ("time_wait",)


def again_from_the_stack(t):
    """The kernel in TIME-WAIT takes ours: the timestamp is newer and the sequence number higher."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    for family in (4, 6):
        listener = live.kernel_listen(family, 90)
        for _ in range(3):
            c = s.connect(live.KERNELS[family], 90, 41000 + family)
            k = live.kernel_accept(listener)
            k.shutdown(socket.SHUT_WR)
            c.reaches("CLOSE-WAIT")
            c.close()
            same("end of stream", k.recv(100), b"")
            live.kernel_reaches(41000 + family, "TIME-WAIT")
            k.close()
        syns = [g for g in wire.segments() if g["sport"] == 41000 + family and g["flags"] & SYN]
        same("SYNs: none was sent twice", len(syns), 3)


# ---- ends that lose their memory, or vanish ----

def stack_restarts(t):
    """The kernel's data to a stack that knows of nothing draws a RST; and the stack's SYN to a kernel that
    remembers an ESTABLISHED connection draws an ACK, which draws a RST, and then it connects (RFC 9293 §3.5.1)."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    old = []
    listener = live.kernel_listen(4, 90)
    for family in (4, 6):
        c, k = pair(s, family, 80)
        old.append(k)
    c = s.connect(live.KERNEL4, 90, 42000)
    half_open = live.kernel_accept(listener)
    c.reaches("ESTABLISHED")
    s.kill()
    wire.decide = lambda g: "drop"
    s = wire.stack(*MSL, name="restarted")
    live.run("ip", "neigh", "flush", "dev", "k0")  # its MAC is another one
    for k in old:
        k.sendall(b"are you there?")
        try:
            k.recv(100)
            check("the kernel is told", False)
        except ConnectionResetError:
            pass
    same("segments to nobody", s.rule("CLOSED_REPLY_ACK"), 2)
    c = s.connect(live.KERNEL4, 90, 42000)
    k = live.kernel_accept(listener)
    c.reaches("ESTABLISHED")
    try:
        half_open.recv(100)
        check("the kernel gives the old one up", False)
    except ConnectionResetError:
        pass
    k.close()
    c.reaches("CLOSE-WAIT")
    c.close()
    t.uncounted = ("Tcp.InErrs",)  # where it counts the SYN


def kernel_vanishes(t):
    """Keep-alive finds out, in the time that its options say."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    for family in (4, 6):
        c, k = pair(s, family, 80)
        for option, value in ((live.KEEPALIVE, 1), (live.KEEPIDLE_MS, 1000), (live.KEEPINTVL_MS, 300), (live.KEEPCNT, 3)):
            s.tell("setopt", c.id, option, value)
        port = k.getsockname()[1]
        wait("a first probe is answered", lambda family=family: s.rule("KEEPALIVE_PROBE") >= (1 if family == 4 else 2))
        same("the state after it", c.state(), "ESTABLISHED")
        wire.decide = lambda g, port=port: "drop" if g.tcp and port in (g.sport, g.dport) else "pass"
        r = s.record(port)
        same("why it ended", (r["cause"], r["error"]), ("KEEPALIVE", "connection timed out"))
        wire.decide = lambda g: "pass"
        c.close()
        k.close()


live.main(bad_wire, closed_window, urgent, again_from_the_kernel, again_from_the_stack, stack_restarts, kernel_vanishes)
