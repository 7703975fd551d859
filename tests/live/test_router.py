#!/usr/bin/env python3
"""router: the kernel as the stack's router: addresses and a default route from its advertisement, a
narrow link behind it that it tells of by ICMP, and one that swallows what is too large without a word.
# timeout: 120
"""

import contextlib
import json
import os
import socket
import struct
import threading

import lib_live as live
from lib_live import check, run, same, wait
from lib_wire import Wire

FAR = {4: "10.78.0.2", 6: "fd78::2"}
NARROW = 1300
PREFIX, ADVERTISED = "fd79::", 1400
HEADERS = {4: 20 + 20, 6: 40 + 20}  # IP and TCP, without options
STAMPS = 12  # the timestamps option, in each segment


def inside(ns, f):
    """What f() gives, called in another namespace; its sockets stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        live.call("setns", ns, live.CLONE_NEWNET)
        return f()
    finally:
        live.call("setns", here, live.CLONE_NEWNET)
        os.close(here)


class Far:
    """A machine behind the kernel, which forwards; what the kernel sends there may have NARROW bytes."""

    def __init__(self, t, device):
        live.make_device(device)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.ns = live.new_namespace()
        run("ip", "link", "add", "f0", "type", "veth", "peer", "name", "r0", "netns", f"/proc/{os.getpid()}/fd/{here}")
        run("ip", "link", "set", "f0", "up")
        for family in (4, 6):
            run("ip", "addr", "add", f"{FAR[family]}/{24 if family == 4 else 64}", "dev", "f0", *dad(family))
        live.call("setns", here, live.CLONE_NEWNET)
        os.close(here)
        run("ip", "link", "set", "r0", "up")
        for family, via in ((4, "10.78.0.1"), (6, "fd78::1")):
            run("ip", "addr", "add", f"{via}/{24 if family == 4 else 64}", "dev", "r0", *dad(family))
            inside(self.ns, lambda via=via, family=family: run("ip", f"-{family}", "route", "add", "default", "via", via))
        run("ip", "route", "replace", "10.78.0.0/24", "dev", "r0", "mtu", "lock", str(NARROW))
        live.sysctl("ipv6/conf/r0/mtu", NARROW)
        live.sysctl("ipv4/ip_forward", 1)
        live.sysctl("ipv6/conf/all/forwarding", 1)
        t.kept.append(self.ns)

    def listen(self, family, port):
        def make():
            s = live.kernel_socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((FAR[family], port))
            s.listen(16)
            return s
        return inside(self.ns, make)


def dad(family):
    return ["nodad"] if family == 6 else []


# ---- packets too big ----

def too_big(offload):
    def test(t):
        far = Far(t, "la0")
        s = live.Stack(t, "--dev", "tap:la0", "--msl", "200ms", "--addr", live.US4 + "/24", "--addr6", live.US6 + "/64",
                       "--gateway", live.KERNEL4, "--gateway6", live.KERNEL6, "--pcap", t.file("own.pcapng"),
                       *([] if offload else ["--no-offload"]))
        for family in (4, 6):
            listener = far.listen(family, 7000 + family)
            for again in (0, 1):
                learned, lowered = s.rule("PMTU_LEARNED"), s.rule("PMTU_LOWERED")
                c = s.connect(FAR[family], 7000 + family)
                k = live.kernel_accept(listener)
                wait("established", lambda c=c: c.state() == "ESTABLISHED")
                # The far side's SYN allows for its own 1,500; the second connection knows better.
                same("MSS at first", c.look()["mss"], (NARROW if again else 1500) - HEADERS[family] - STAMPS)
                live.BothWays(c, k, 2_000_000, family).end()
                same("told of the narrow link", s.rule("PMTU_LEARNED") > learned, not again)
                same("segments became smaller", s.rule("PMTU_LOWERED") > lowered, not again)
            r = s.record()
            same("how it ended", (r["error"], r["rst_by"], r["rto_expirations"]), (None, None, 0))
        same("path MTUs that are known", s.tell("usage")["path_mtus"], 2)
    test.__name__ = f"too_big_{'offload' if offload else 'plain'}"
    return test


def black_hole(t):
    """What is larger than NARROW vanishes, and nobody says so."""
    wire = Wire(t)
    s = wire.stack("--msl", "200ms")
    wire.decide = lambda g: "drop" if not g.to_stack and len(g.frame) > 14 + NARROW else "pass"
    ways = []
    for family in (4, 6):
        listener = live.kernel_listen(family, 7000)
        c = s.connect(live.KERNELS[family], 7000)
        ways.append(live.BothWays(c, live.kernel_accept(listener), 200_000, family))
    for way in ways:
        way.end()
    same("the stack found out, of both", s.rule("PMTU_BLACK_HOLE"), 2)


# ---- router advertisements ----

class Router(threading.Thread):
    """Answers router solicitations, as the kernel's link-local address, which forwards; it tells of a
    prefix and of an MTU smaller than the device's."""

    def __init__(self):
        super().__init__(daemon=True)
        self.mac = bytes.fromhex(json.loads(run("ip", "-j", "link", "show", "la0"))[0]["address"].replace(":", ""))
        self.ifx = socket.if_nametoindex("la0")
        self.raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self.raw.settimeout(0.05)
        self.solicited = 0
        self.ends = threading.Event()
        self.start()

    def advertise(self, lifetime):
        ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0) + b"\x01\x01" + self.mac
        ra += struct.pack("!BBHI", 5, 1, 0, ADVERTISED)
        ra += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 1800, 0, socket.inet_pton(socket.AF_INET6, PREFIX))
        self.raw.sendto(ra, ("ff02::1", 0, 0, self.ifx))

    def run(self):
        while not self.ends.is_set():
            with contextlib.suppress(TimeoutError):
                if self.raw.recv(1500)[0] == 133:
                    self.solicited += 1
                    self.advertise(1800)

    def stop(self):
        self.ends.set()
        self.join(10)
        self.raw.close()


def slaac(t):
    """The stack asks for a router; its word gives an address, a default route and the link's MTU, and
    later takes the route away."""
    far = Far(t, "la0")
    run("ip", "link", "set", "la0", "addrgenmode", "none")
    for address in (PREFIX + "1/64", "fe80::1/64"):
        run("ip", "addr", "add", address, "dev", "la0", "nodad")
    t.capture("la0")
    router = Router()
    s = live.Stack(t, "--dev", "tap:la0", "--no-offload", "--msl", "200ms", "--slaac")
    check("the stack asked for a router", router.solicited)
    listener = far.listen(6, 7000)
    c = s.connect(FAR[6], 7000)
    k = live.kernel_accept(listener)
    c.reaches("ESTABLISHED")
    address = k.getpeername()[0]
    same("the address is made of the prefix", socket.inet_pton(socket.AF_INET6, address)[:8],
         socket.inet_pton(socket.AF_INET6, PREFIX)[:8])
    same("MSS of what the stack sends, by the advertised MTU", c.look()["mss"], ADVERTISED - HEADERS[6] - STAMPS)
    same("MSS of what the far side sends", k.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG),
         ADVERTISED - HEADERS[6] - STAMPS)
    live.BothWays(c, k, 100_000, 3).end()
    taken = s.rule("RA_TAKEN")
    router.advertise(0)
    wait("its end is heard", lambda: s.rule("RA_TAKEN") > taken)
    c = live.Conn(s, s.tell("socket"))
    same("a way to the far machine", s.ask("connect", c.id, FAR[6], 7000, 0), {"refused": "network unreachable"})
    c.close()
    c = s.connect(PREFIX + "1", 7001)
    c.reaches("CLOSED")
    same("the kernel is still a neighbour, and refuses", s.record(7001)["rst_by"], "peer")
    c.close()
    router.stop()


live.main(too_big(True), too_big(False), black_hole, slaac)
