"""lib_wire.py: a wire between the kernel and a stack that a live test holds in its hands: it says which
frame is delivered, which is lost and which waits."""

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time

import lib_judge
import lib_live as live

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Seg:
    """A frame on its way: TCP's fields where it is TCP (tcp is then True)."""

    def __init__(self, frame, to_stack):
        self.frame = frame
        self.to_stack = to_stack
        self.tcp = False
        self.family = 0
        kind = struct.unpack_from("!H", frame, 12)[0] if len(frame) >= 14 else 0
        if kind == 0x0800 and len(frame) >= 34 and frame[23] == 6 and not frame[20] & 0x1F and not frame[21]:
            self.family, at = 4, 14 + (frame[14] & 15) * 4
            end = 14 + struct.unpack_from("!H", frame, 16)[0]
        elif kind == 0x86DD and len(frame) >= 54 and frame[20] == 6:
            self.family, at = 6, 54
            end = 54 + struct.unpack_from("!H", frame, 18)[0]
        else:
            return
        if len(frame) < at + 20:
            return
        self.tcp = True
        self.at = at
        self.sport, self.dport, self.seq, self.ack, off, self.flags, self.wnd = struct.unpack_from(
            "!HHIIBBH", frame, at)
        self.len = end - at - (off >> 4) * 4

    def pure_ack(self):
        return self.tcp and self.flags & (FIN | SYN | RST | ACK) == ACK and self.len == 0


class Wire:
    """This process is the wire.  `decide(seg)` says "pass", "drop" or "hold" for each frame; what is
    held waits for release().  Everything is written to a capture as it leaves its sender.

    The stack's TAP lies in a namespace of its own, where the kernel has no address and says nothing."""

    def __init__(self, t, mtu=1500):
        self.decide = lambda seg: "drop"  # until somebody is there
        self.held = []
        self.to_stack = 0  # frames delivered to the stack, and injected
        self.lock = threading.RLock()
        self.kernel = self.open_kernel_side(mtu)
        self.stack_ns = live.new_namespace()
        try:
            for scope in ("all", "default"):
                live.sysctl(f"ipv6/conf/{scope}/disable_ipv6", 1)
            live.run("ip", "tuntap", "add", "dev", "la0", "mode", "tap")
            live.run("ip", "link", "set", "la0", "mtu", str(mtu), "up")
            self.packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.packets.bind(("la0", 0x0003))
            self.packets.setblocking(False)
        finally:
            live.call("setns", t.ns, live.CLONE_NEWNET)
        path = t.file("wire.pcap")
        self.pcap = open(path, "wb")
        self.pcap.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        self.path = path
        self.ends = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()
        t.captures.append(path)
        t.wires.append(self)
        self.t = t

    @staticmethod
    def open_kernel_side(mtu):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"k0", 0x0002 | 0x1000))  # TUNSETIFF, TAP, no PI
        live.run("ip", "link", "set", "k0", "mtu", str(mtu), "up")
        live.addresses("k0", mtu)
        return fd

    def stack(self, *options, **more):
        """A stack at the wire's end; its checksums are complete when they leave it."""
        ns = self.stack_ns
        s = live.Stack(self.t, "--dev", "tap:la0", "--no-offload", "--addr", live.US4 + "/24", "--addr6", live.US6 + "/64",
                         *options, preexec=lambda: live.call("setns", ns, live.CLONE_NEWNET), **more)
        self.decide = lambda seg: "pass"
        return s

    def note(self, frame):
        now = time.time_ns()
        self.pcap.write(struct.pack("<IIII", now // 10**9, now % 10**9, len(frame), len(frame)) + frame)

    def deliver(self, seg):
        if seg.to_stack:
            self.inject(seg.frame)
        else:
            with contextlib.suppress(BlockingIOError):
                os.write(self.kernel, seg.frame)

    def inject(self, frame):
        """A frame of the test's own making to the stack; not captured, it may be malformed."""
        with self.lock:
            while True:
                try:
                    self.packets.send(frame)
                    self.to_stack += 1
                    return
                except (BlockingIOError, InterruptedError):
                    select.select([], [self.packets], [], 1)

    def one(self, frame, to_stack):
        seg = Seg(frame, to_stack)
        with self.lock:
            self.note(frame)
            verdict = self.decide(seg)
            if verdict == "hold":
                self.held.append(seg)
            elif verdict == "pass":
                self.deliver(seg)

    def carry(self):
        try:
            while not self.ends.is_set():
                ready, _, _ = select.select([self.kernel, self.packets], [], [], 0.05)
                if self.kernel in ready:
                    with contextlib.suppress(BlockingIOError):
                        for _ in range(64):
                            self.one(os.read(self.kernel, 65536), True)
                if self.packets in ready:
                    with contextlib.suppress(BlockingIOError):
                        for _ in range(64):
                            frame, where = self.packets.recvfrom(65536)
                            if where[2] != 4:  # PACKET_OUTGOING: our own
                                self.one(frame, False)
        except Exception as e:  # told by stop
            self.error = e

    def release(self, wanted=lambda seg: True):
        """Delivers what is held and wanted, in the order in which it came."""
        with self.lock:
            now = [s for s in self.held if wanted(s)]
            self.held = [s for s in self.held if not wanted(s)]
            for s in now:
                self.deliver(s)
        return now

    def segments(self):
        """By tshark, of every connection, up to now."""
        with self.lock:
            self.pcap.flush()
        return lib_judge.segments(self.path)

    def stop(self):
        self.ends.set()
        self.thread.join(10)
        if self.error:
            raise live.Failed(f"the wire: {self.error!r}")
        self.pcap.close()
        os.close(self.kernel)
        os.close(self.stack_ns)
        self.packets.close()
