#!/usr/bin/env python3
"""close: the end of a connection with the kernel, segment by segment: who closes first, both at once,
and the last ACK lost again and again.
# timeout: 120
"""

import threading

import lib_live as live
from lib_live import check, same, wait
from lib_wire import ACK, FIN, RST, Wire

MSL_MS = 400
MSL = ("--msl", f"{MSL_MS}ms")


def pair(s, family, port):
    """A connection that the kernel opened, with some data behind it both ways."""
    if port not in s.listeners:
        s.listen(port)
    k = live.kernel_connect(family, port)
    c = s.accept(port)
    c.read()
    k.sendall(b"from the kernel")
    c.send(b"from the stack")
    same("what the kernel got", k.recv(100), b"from the stack")
    wait("what the stack got", lambda: c.got() == b"from the kernel")
    wait("everything acknowledged", lambda: c.look()["send_q"] == 0)
    return c, k


def of(segments, peer):
    return [g for g in segments if peer in (g["sport"], g["dport"])]


def closing(segments, peer):
    """One connection's segments from its first FIN on, each kind once: (who, what, number)."""
    seen = []
    started = False
    for g in of(segments, peer):
        who = "kernel" if g["sport"] == peer else "stack"
        check("no RST", not g["flags"] & RST, g)
        started = started or bool(g["flags"] & FIN)
        if not started:
            continue
        if g["flags"] & FIN:
            seen.append((who, "FIN", g["seq"] + g["len"]))
        elif not g["len"]:
            seen.append((who, "ACK", g["ack"]))
    return list(dict.fromkeys(seen))


def next_number(n):
    return (n + 1) & 0xFFFFFFFF


def four(wire, peers, first, second):
    """FIN u, ACK u+1, FIN w, ACK w+1, and nothing else."""
    segments = wire.segments()
    for peer in peers:
        got = closing(segments, peer)
        u, w = got[0][2], got[-2][2]
        same("the closing segments", got, [(first, "FIN", u), (second, "ACK", next_number(u)),
                                           (second, "FIN", w), (first, "ACK", next_number(w))])


def orderly(r, first):
    same("the close record", (r["closed_first"], r["error"], r["rst_by"], r["bytes_unacked"], r["bytes_unread"]),
         (first, None, None, 0, 0))


def stack_first(t):
    """A: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT; the kernel: CLOSE-WAIT, LAST-ACK, gone."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    peers = []
    for family in (4, 6):
        c, k = pair(s, family, 80)
        peer = k.getsockname()[1]
        c.shutdown()
        c.reaches("FIN-WAIT-2")
        live.kernel_reaches(peer, "CLOSE-WAIT")
        same("end of stream at the kernel", k.recv(100), b"")
        k.close()
        c.reaches("TIME-WAIT")
        live.kernel_reaches(peer)
        c.close()
        peers.append(peer)
    for peer in peers:
        r = s.record(peer, ended=True)
        orderly(r, "local")
        same("the states on the way", set(r["in_state_ms"]) - {"ESTABLISHED", "SYN-RECEIVED", "FIN-WAIT-1"},
             {"FIN-WAIT-2", "TIME-WAIT"})
        check("2MSL", r["in_state_ms"]["TIME-WAIT"] >= 2 * MSL_MS, r["in_state_ms"])
    four(wire, peers, "stack", "kernel")


def kernel_first(t):
    """The kernel: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT; the stack: CLOSE-WAIT, LAST-ACK, gone."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    peers = []
    for family in (4, 6):
        c, k = pair(s, family, 80)
        peer = k.getsockname()[1]
        k.shutdown(live.socket.SHUT_WR)
        c.reaches("CLOSE-WAIT")
        live.kernel_reaches(peer, "FIN-WAIT-2")
        c.shutdown()
        same("end of stream at the kernel", k.recv(100), b"")
        live.kernel_reaches(peer, "TIME-WAIT")
        c.close()
        r = s.record(peer, ended=True)
        orderly(r, "peer")
        same("the state it ended from", r["last_state"], "LAST-ACK")
        check("CLOSE-WAIT was timed", "CLOSE-WAIT" in r["in_state_ms"], r["in_state_ms"])
        k.close()
        peers.append(peer)
    four(wire, peers, "kernel", "stack")


def three_segments(t):
    """The second FIN rides on the first one's ACK: FIN-WAIT-1 to TIME-WAIT at once."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    c, k = pair(s, 4, 80)
    peer = k.getsockname()[1]
    wire.decide = lambda g: "hold" if not g.to_stack and g.tcp and g.flags & FIN else "pass"
    c.shutdown()
    wait("the FIN is on its way", lambda: wire.held)
    u = wire.held[0].seq
    # Should the kernel acknowledge the FIN before it has one of its own, that ACK is lost.
    wire.decide = lambda g: "drop" if g.to_stack and g.pure_ack() else "pass"
    wire.release()
    live.kernel_reaches(peer, "CLOSE-WAIT")
    k.close()
    c.reaches("TIME-WAIT")
    wire.decide = lambda g: "pass"
    live.kernel_reaches(peer)
    c.close()
    r = s.record(peer, ended=True)
    orderly(r, "local")
    check("no FIN-WAIT-2", "FIN-WAIT-2" not in r["in_state_ms"], r["in_state_ms"])
    fins = [g for g in of(wire.segments(), peer) if g["sport"] == peer and g["flags"] & FIN]
    check("FIN and ACK in one", fins and all(g["flags"] & ACK and g["ack"] == next_number(u) for g in fins), fins)


def both_at_once(t):
    """Crossed FINs, held until both are on their way: CLOSING on both sides, then TIME-WAIT."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    ends = {}
    for family in (4, 6):
        c, k = pair(s, family, 80)
        peer = k.getsockname()[1]
        wire.decide = lambda g: "hold" if g.tcp else "pass"
        c.shutdown()
        k.shutdown(live.socket.SHUT_WR)
        wait("both FINs are on their way",
             lambda: {g.to_stack for g in wire.held if g.flags & FIN} == {True, False})
        same("the stack", c.state(), "FIN-WAIT-1")
        live.kernel_reaches(peer, "FIN-WAIT-1")
        u = next(g for g in wire.held if g.flags & FIN and not g.to_stack).seq
        w = next(g for g in wire.held if g.flags & FIN and g.to_stack).seq
        wire.release(lambda g: g.flags & FIN)
        c.reaches("CLOSING")
        live.kernel_reaches(peer, "CLOSING")
        wire.decide = lambda g: "pass"
        wire.release()
        c.reaches("TIME-WAIT")
        live.kernel_reaches(peer, "TIME-WAIT")
        c.close()
        k.close()
        ends[peer] = u, w
    segments = wire.segments()
    for peer, (u, w) in ends.items():
        r = s.record(peer, ended=True)
        orderly(r, "both")
        check("CLOSING was timed", "CLOSING" in r["in_state_ms"] and "FIN-WAIT-2" not in r["in_state_ms"], r)
        check("2MSL", r["in_state_ms"]["TIME-WAIT"] >= 2 * MSL_MS, r["in_state_ms"])
        same("the closing segments", set(closing(segments, peer)),
             {("stack", "FIN", u), ("kernel", "FIN", w), ("stack", "ACK", next_number(w)),
              ("kernel", "ACK", next_number(u))})


class LoseLastAck:
    """Loses the first `n` ACKs of the second FIN on each connection, told apart by the kernel's port."""

    def __init__(self, to_stack):
        self.to_stack = to_stack
        self.fin = {}
        self.left = {}
        self.lock = threading.Lock()

    def lose(self, peer, n):
        self.left[peer] = n

    def __call__(self, g):
        if not g.tcp:
            return "pass"
        peer = g.sport if g.to_stack else g.dport
        if g.flags & FIN and g.to_stack != self.to_stack:
            self.fin[peer] = next_number(g.seq + g.len)
        if (g.to_stack == self.to_stack and g.flags & ACK and g.ack == self.fin.get(peer)
                and self.left.get(peer, 0) > 0):
            self.left[peer] -= 1
            return "drop"
        return "pass"


def last_ack_of_the_stack_lost(t):
    """The kernel's FIN comes again N times: answered each time, 2MSL begins anew, and the kernel ends."""
    wire = Wire(t)
    s = wire.stack("--msl", "1500ms")
    wire.decide = lose = LoseLastAck(to_stack=False)
    peers = {}
    for n in (1, 2, 3, 4):
        for family in (4, 6):
            c, k = pair(s, family, 80)
            peers[k.getsockname()[1]] = n
            lose.lose(k.getsockname()[1], n)
            c.shutdown()
            c.reaches("FIN-WAIT-2")
            k.close()
            c.reaches("TIME-WAIT")
            c.close()
    for peer, n in peers.items():
        live.kernel_reaches(peer, seconds=30)
        r = s.record(peer)
        orderly(r, "local")
        same(f"restarts after {n} lost ACKs", r["time_wait"]["restarts"], n)
    same("lastack ss counts them", s.rule("TW_FIN_AGAIN"), sum(peers.values()))
    segments = wire.segments()
    for peer, n in peers.items():
        r = s.record(peer, ended=True)
        got = of(segments, peer)
        fins = [g for g in got if g["sport"] == peer and g["flags"] & FIN]
        acks = [g for g in got if g["sport"] == 80 and g["ack"] == next_number(fins[0]["seq"])]
        # By the wire's clock, half of which must be left whatever this machine's other work was.
        again_ms = (fins[-1]["time"] - fins[0]["time"]) * 1000
        check(f"2MSL after the last of {n} repeated FINs, {again_ms:.0f} ms after the first",
              r["in_state_ms"]["TIME-WAIT"] >= 3000 + again_ms / 2 - 100, r["in_state_ms"])
        same("FINs and their ACKs", (len(fins), len(acks)), (n + 1, n + 1))
        check("no RST", not any(g["flags"] & RST for g in got))


def last_ack_of_the_kernel_lost(t):
    """The same from the other end: the stack in LAST-ACK sends its FIN again until it is heard."""
    wire = Wire(t)
    s = wire.stack(*MSL)
    wire.decide = lose = LoseLastAck(to_stack=True)
    peers = {}
    for n in (1, 2, 3, 4):
        for family in (4, 6):
            c, k = pair(s, family, 80)
            peers[k.getsockname()[1]] = n
            lose.lose(k.getsockname()[1], n)
            k.shutdown(live.socket.SHUT_WR)
            c.reaches("CLOSE-WAIT")
            live.kernel_reaches(k.getsockname()[1], "FIN-WAIT-2")
            c.close()
            k.close()
    for peer, n in peers.items():
        r = s.record(peer, ended=True)
        orderly(r, "peer")
        same("the state it ended from", r["last_state"], "LAST-ACK")
        same("FINs sent again", r["fin_retransmits"], n)
        live.kernel_reaches(peer, "TIME-WAIT")


live.main(stack_first, kernel_first, three_segments, both_at_once, last_ack_of_the_stack_lost,
          last_ack_of_the_kernel_lost)
