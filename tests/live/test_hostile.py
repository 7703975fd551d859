#!/usr/bin/env python3
"""hostile: 10,000 random and 10,000 mutated frames into a live TAP.  After each one the stack is alive
and has counted it under a rule; connections that were open before live on, and lose nothing.

LASTACK_SEED=N chooses other frames.
# sanitized
# timeout: 300
"""

import os
import random
import struct

import lib_live as live
from lib_live import check, same, wait
from lib_wire import Seg, Wire

FRAMES = 10_000
ROUND = 1_000  # after so many the victims are made anew
SEED = int(os.environ.get("LASTACK_SEED", "20261123"))
HELD, VICTIM, CLOSED = 80, 81, 82  # ports: connections that must live, that may die, nobody
ADDR = {4: (bytes([10, 77, 0, 1]), bytes([10, 77, 0, 2])),
        6: (bytes.fromhex("fd77" + "0" * 27 + "1"), bytes.fromhex("fd77" + "0" * 27 + "2"))}


# ---- making frames ----

def total(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n > 0xFFFF:
        n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


def checksummed(frame):
    """With every checksum right that its headers, such as they are, lead to."""
    f = bytearray(frame)
    if len(f) >= 34 and f[12:14] == b"\x08\x00":
        ip = (f[14] & 15) * 4
        at, end = 14 + ip, min(len(f), 14 + struct.unpack_from("!H", f, 16)[0])
        if ip >= 20 and at <= len(f):
            f[24:26] = b"\0\0"
            struct.pack_into("!H", f, 24, total(bytes(f[14:at])))
        proto, pseudo = f[23], bytes(f[26:34])
    elif len(f) >= 54 and f[12:14] == b"\x86\xdd":
        at, end = 54, min(len(f), 54 + struct.unpack_from("!H", f, 18)[0])
        proto, pseudo = f[20], bytes(f[22:54])
    else:
        return bytes(f)
    field = {6: 16, 17: 6, 1: 2, 58: 2}.get(proto)
    if field is None or end < at + field + 2:
        return bytes(f)
    f[at + field:at + field + 2] = b"\0\0"
    n = end - at
    pseudo = b"" if proto == 1 else pseudo + struct.pack("!II", n, proto)
    struct.pack_into("!H", f, at + field, total(pseudo + bytes(f[at:end])))
    return bytes(f)


def ip(rng, family, proto, body):
    kernel, us = ADDR[family]
    if family == 4:
        return struct.pack("!BBHHHBBH4s4s", 0x45, rng.choice((0, rng.getrandbits(8))), 20 + len(body),
                           rng.getrandbits(16), rng.choice((0, 0x4000, rng.getrandbits(16))), 64, proto, 0,
                           kernel, us) + body
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), proto, rng.choice((64, 255)), kernel, us) + body


def tcp(rng):
    options = rng.randbytes(4 * rng.randrange(11))
    return struct.pack("!HHIIBBHHH", rng.getrandbits(16), rng.choice((VICTIM, CLOSED, rng.randrange(1024, 65536))),
                       rng.getrandbits(32), rng.getrandbits(32),
                       rng.choice((rng.getrandbits(8), (5 + len(options) // 4) << 4)), rng.getrandbits(8),
                       rng.getrandbits(16), 0, rng.getrandbits(16)) + options + rng.randbytes(rng.randrange(200))


def random_frame(rng, macs):
    """From bytes that mean nothing to headers that are almost right."""
    kind = rng.randrange(8)
    size = rng.choice((14, 15, 34, 60, rng.randrange(14, 200), rng.randrange(14, 1515)))
    if kind == 0:
        return rng.randbytes(size)
    ether = macs + struct.pack("!H", rng.choice((0x0800, 0x0800, 0x86DD, 0x86DD, 0x0806, rng.getrandbits(16))))
    if kind <= 2:
        return (ether + rng.randbytes(size - 14))[:1514]
    family = rng.choice((4, 6))
    ether = macs + (b"\x08\x00" if family == 4 else b"\x86\xdd")
    if kind == 3:  # any protocol, extension headers among them
        body = ip(rng, family, rng.choice((0, 1, 2, 6, 17, 43, 44, 50, 51, 58, 59, 60, 135, rng.getrandbits(8))),
                  rng.randbytes(rng.randrange(1400)))
    elif kind == 4:  # ICMP, where any type and code may follow
        body = ip(rng, family, 1 if family == 4 else 58, bytes([rng.choice((3, 4, 5, 8, 11, 12, 1, 2, 128, 129, 133,
                                                                            134, 135, 136, 137)), rng.randrange(8)])
                  + rng.randbytes(rng.randrange(2, 300)))
    else:
        body = ip(rng, family, 6, tcp(rng))
    return checksummed(ether + body)


def mutated_frame(rng, frames):
    """A frame that was sent, changed.  One of a connection that must live gets a single wrong bit, which
    no checksum overlooks; anything may happen to others, and their checksums may be made right again."""
    source = rng.choice(frames)
    f = bytearray(source)
    if holds(source):
        f[rng.randrange(len(f))] ^= 1 << rng.randrange(8)
        return bytes(f)
    for _ in range(rng.randrange(1, 5)):
        at, kind = rng.randrange(len(f)), rng.randrange(8)
        if kind == 0:
            f[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            f[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.getrandbits(8)))
        elif kind == 2:
            f[at:at] = rng.randbytes(rng.randrange(1, 40))
        elif kind == 3:
            del f[at:at + rng.randrange(1, 40)]
        elif kind == 4:
            del f[at:]
        elif kind == 5:
            other = rng.choice(frames)
            if not holds(other):
                f[at:] = other[at:]
        else:  # the headers, where most of the meaning is
            at = rng.randrange(min(len(f), 80))
            f[at] = rng.getrandbits(8)
        if len(f) < 14:
            f += rng.randbytes(14 - len(f))
    return (checksummed(bytes(f)) if rng.random() < 0.6 else bytes(f))[:1514]


def holds(frame):
    g = Seg(frame, True)
    return g.tcp and g.dport == HELD


# ---- into the stack ----

class Attack:
    def __init__(self, t):
        self.wire = Wire(t)
        self.s = self.wire.stack("--msl", "100ms")
        self.rng = random.Random(SEED)
        self.frames = []  # that the kernel sent
        self.uncounted = []
        self.wire.decide = self.collect
        for port in (HELD, VICTIM):
            self.s.listen(port)
        self.victims = []

    def collect(self, g):
        if g.to_stack and len(g.frame) <= 1514:
            self.frames.append(g.frame)
        return "pass"

    def gate(self, closed):
        """Closed: the kernel is not heard, so that each frame the stack sees is one of ours."""
        self.wire.decide = (lambda g: "drop" if g.to_stack else "pass") if closed else self.collect

    def make_victims(self):
        """Connections to be hit, with a bit of everything that goes over a wire."""
        for c, k in self.victims:
            k.setsockopt(live.socket.SOL_SOCKET, live.socket.SO_LINGER, struct.pack("ii", 1, 0))
            k.close()
            c.abort()
        self.victims = []
        for family in (4, 6):
            k = live.kernel_connect(family, VICTIM)
            c = self.mine(k)
            c.read()
            k.sendall(b"victim" * 100)
            c.send(b"answer" * 100)
            wait("the victims talk", lambda c=c: len(c.got()) == 600)
            self.victims.append((c, k))
        k = live.kernel_connect(4, VICTIM)
        c = self.mine(k)
        k.shutdown(live.socket.SHUT_WR)
        c.close()
        live.kernel_reaches(k.getsockname()[1], "TIME-WAIT")
        k.close()
        for family in (4, 6):
            # Until one is answered: a mutated fragment that waits may have the identification of the first.
            live.run("ping", f"-{family}", "-c", "1", "-i", "0.2", "-w", "10", "-s", "3000", live.OURS[family])
        self.frames = self.frames[-200:]

    def mine(self, k):
        """The stack's end of the kernel's connection; others that the frames opened are sent away."""
        while True:
            c = self.s.accept(VICTIM)
            if c.look()["peer_port"] == k.getsockname()[1]:
                return c
            c.abort()

    def quiet(self):
        """What was on its way has arrived."""
        wait("the stack has seen every frame", lambda: self.s.tell("tally")[0] == self.wire.to_stack)

    def fire(self, what, make):
        self.gate(True)
        self.quiet()
        seen, fired = self.s.tell("tally")
        for i in range(ROUND):
            frame = make()
            self.wire.inject(frame)
            now = wait(f"{what} frame {i} is seen", lambda seen=seen: self.after(seen))
            if now[1] == fired:
                self.uncounted.append(frame)
            seen, fired = now
        self.gate(False)

    def after(self, seen):
        now = self.s.tell("tally")
        return now if now[0] > seen else None


def frames(t):
    print(f"  seed {SEED}")
    a = Attack(t)
    held = []
    for family in (4, 6):
        k = live.kernel_connect(family, HELD)
        c = a.s.accept(HELD)
        c.read()
        held.append((c, k, live.payload(400_000, SEED + family)))
    for c, k, data in held:
        k.sendall(data[:200_000])
        c.send(data[:200_000])
        received = b""
        while len(received) < 200_000:
            received += k.recv(200_000)
        same("what the kernel got before", live.sha(received), live.sha(data[:200_000]))
        wait("what the stack got before", lambda c=c: len(c.got()) == 200_000)
    macs = next(f[:12] for f in a.frames if f[12:14] == b"\x86\xdd" and not f[0] & 1)
    for what, make in (("random", lambda: random_frame(a.rng, macs)),
                       ("mutated", lambda: mutated_frame(a.rng, a.frames))):
        for _ in range(FRAMES // ROUND):
            a.make_victims()
            a.fire(what, make)
    check(f"each frame is counted under a rule, {len(a.uncounted)} are not", not a.uncounted,
          *[f.hex() for f in a.uncounted[:5]])

    for c, k, data in held:
        same("a connection open meanwhile", c.state(), "ESTABLISHED")
        c.send(data[200_000:], fin=True)
        k.sendall(data[200_000:])
        k.shutdown(live.socket.SHUT_WR)
        same("what the kernel got after", live.sha(live.read_all(k)), live.sha(data[200_000:]))
        same("what the stack got", live.sha(c.whole()), live.sha(data))
        c.close()
        r = a.s.record(k.getsockname()[1], ended=True, local_port=HELD)
        same(f"how it ended ({r['explain']})",
             (r["error"], r["rst_by"], r["bytes_unacked"], r["bytes_unread"]), (None, None, 0, 0))
    for c, _ in a.victims:
        c.abort()
    a.quiet()
    u = a.s.tell("usage")
    same("frames that came and that were sent", u["frames_in"] + u["rx_errors"], a.wire.to_stack)
    # Fragments whose rest never comes wait their minute; la_check says that they hold these blocks.
    check("reassembly has its limit", u["reassembly"] <= 64, u)
    a.s.allowed = ("reassembly", "blocks")
    # The stack's ICMP errors quote what it was sent, which may be too odd for the kernel.
    t.uncounted = ("Icmp.InErrors",)
    t.quotes = False


def again(t):
    """Frames that the kernel sent, once more, and what they are counted as."""
    a = Attack(t)
    k = live.kernel_connect(4, HELD)
    c = a.s.accept(HELD)
    c.read()

    def once_more(rule, wanted):
        a.gate(True)
        a.quiet()
        before = a.s.rule(rule)
        a.wire.inject([f for f in a.frames if holds(f) and wanted(Seg(f, True))][-1])
        a.quiet()
        same(rule, a.s.rule(rule), before + 1)
        a.gate(False)

    once_more("ACK_NOTHING_NEW", lambda g: g.pure_ack())
    k.sendall(b"once")
    wait("the bytes", lambda: c.got() == b"once")
    once_more("SEQ_OLD_DATA", lambda g: g.len == 4)
    k.close()
    same("end of stream", c.whole(), b"once")
    c.close()


live.main(frames, again)
