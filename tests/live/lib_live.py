"""lib_live.py: what the live tests written in Python share.

A test runs in a network namespace of its own, in which this process is the kernel's side: its sockets
are the kernel's TCP.  Stack is the other side, a process that does what it is told (stack.c).
lib_wire.py puts this process between the two.  Whatever is captured is judged by tshark at the end of each test.

Nothing sleeps and hopes: wait() asks until it is so, within a bound."""

import ctypes
import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import lib_judge

BUILD = os.environ.get("LASTACK_BUILD") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "../../build/test"))
LASTACK = os.environ.get("LASTACK") or os.path.join(BUILD, "lastack")
LIVE_STACK = os.path.join(BUILD, "tests/live/live_stack")

US4, US6 = "10.77.0.2", "fd77::2"  # the stack's addresses
KERNEL4, KERNEL6 = "10.77.0.1", "fd77::1"
OURS = {4: US4, 6: US6}
KERNELS = {4: KERNEL4, 6: KERNEL6}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

# enum la_option of lastack/tcp.h, as far as tests set them
(NODELAY, QUICKACK, RCVBUF, SNDBUF, USER_TIMEOUT_MS, SYN_TIMEOUT_MS, LINGER_MS) = (0, 2, 3, 4, 10, 13, 14)
(KEEPALIVE, KEEPIDLE_MS, KEEPINTVL_MS, KEEPCNT) = (6, 7, 8, 9)

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# A background job of a script inherits that Ctrl-C is ignored, and what is started here would too.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, *shown):
    if not holds:
        raise Failed(what + "".join(f"\n  {s}" for s in shown))


def same(what, got, wanted):
    check(what, got == wanted, f"got    {got!r}", f"wanted {wanted!r}")


def wait(what, asked, seconds=20.0):
    """What asked() answers, once that is true."""
    until = time.monotonic() + seconds
    while True:
        answer = asked()
        if answer:
            return answer
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.004)


def run(*command, ok=(0,), timeout=60, **more):
    """A program of this machine, in the namespace of the caller: its standard output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          check=False, **more)
    check(f"{' '.join(command)}: exit status {done.returncode}", done.returncode in ok,
          done.stderr.decode(errors="replace")[-2000:])
    return done.stdout


def payload(n, seed):
    return random.Random(seed).randbytes(n)


def sha(data):
    return hashlib.sha256(data).hexdigest()


# ---- namespaces and devices ----

def call(name, *args):
    if getattr(_libc, name)(*args) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def new_namespace():
    """Moves the caller into a new network namespace; returns a descriptor of it."""
    call("unshare", CLONE_NEWNET)
    run("ip", "link", "set", "lo", "up")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def sysctl(name, value):
    with open("/proc/sys/net/" + name, "w", encoding="ascii") as f:
        f.write(str(value))


def addresses(name, mtu):
    run("ip", "addr", "add", KERNEL4 + "/24", "dev", name)
    if mtu >= 1280:
        run("ip", "addr", "add", KERNEL6 + "/64", "dev", name, "nodad")


def make_device(name, kind="tap", mtu=1500):
    """A persistent device, up, with the kernel's addresses."""
    run("ip", "tuntap", "add", "dev", name, "mode", kind)
    run("ip", "link", "set", name, "mtu", str(mtu), "up")
    addresses(name, mtu)


# ---- a test and what it leaves behind ----

class Test:
    """One test: its namespace, its files, what it started.  A context manager that judges."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="lastack-live-")
        self.captures = []
        self.started = []
        self.stacks = []
        self.wires = []
        self.quotes = True  # see lib_judge.wrong
        self.kept = []  # descriptors, closed at the end
        self.uncounted = ()  # counters of the kernel that may be above zero
        os.environ["LASTACK_RUN_DIR"] = os.path.join(self.dir, "run")
        os.mkdir(os.environ["LASTACK_RUN_DIR"], 0o700)
        self.ns = new_namespace()

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        try:
            if kind is None:
                for s in self.stacks:
                    s.end()
            for w in self.wires:
                w.stop()
            for p in self.started:
                stop(p, signal.SIGINT)
            if kind is None:
                kernel_is_content(self.uncounted)
                self.judge()
        except Failed:
            self.tell()
            raise
        else:
            if kind is not None:
                self.tell()
        finally:
            for s in self.stacks:
                stop(s.process, signal.SIGKILL)
            for fd in (self.ns, *self.kept):
                os.close(fd)
            shutil.rmtree(self.dir, ignore_errors=True)

    def file(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        path = self.file(name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def read(self, name):
        try:
            with open(self.file(name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def start(self, name, *command, **more):
        """A program in the background; its standard error is NAME.err."""
        with open(self.file(name + ".err"), "wb") as err:
            p = subprocess.Popen(command, stderr=err, **more)
        self.started.append(p)
        return p

    def capture(self, device):
        """dumpcap on a device of the caller's namespace, running when this returns."""
        path = self.file(f"{device}-{len(self.captures)}.pcapng")
        p = self.start(f"dumpcap{len(self.captures)}", "dumpcap", "-q", "-B", "16", "-i", device, "-w", path)
        wait("dumpcap runs", lambda: b"File:" in self.read(f"dumpcap{len(self.captures)}.err"))
        self.captures.append(path)
        return p

    def judge(self):
        captures = [c for c in self.captures if os.path.exists(c)]
        if captures:
            found = lib_judge.wrong(captures, self.quotes)
            check("tshark finds every packet in order", not found, *found[:10])

    def tell(self):
        """What the programs said and the stacks counted, for who has to find out."""
        for s in self.stacks:
            if s.process.poll() is None and not s.process.stdin.closed:
                print(f"--- rules that fired: {s.tell('rules')}")
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".err"):
                text = self.read(name).decode(errors="replace")
                if text.strip():
                    print(f"--- {name}\n{text[-4000:]}")


def stop(p, how):
    if p.poll() is None:
        p.send_signal(how)
    try:
        return p.wait(20)
    except subprocess.TimeoutExpired:
        p.kill()
        return p.wait()


PROGRAMS = ("ip", "ss", "ping", "curl", "socat", "tshark", "dumpcap", "mergecap")


def main(*tests):
    """Runs them (or those that the command line names) in turn and ends the program."""
    for need in (LIVE_STACK, LASTACK, "/dev/net/tun"):
        if not os.path.exists(need):
            sys.exit(f"no {need}: type scripts/build test")
    for need in PROGRAMS:
        if not shutil.which(need):
            sys.exit(f"needs the program {need}: type scripts/deps test")
    if os.geteuid() != 0:
        sys.exit("needs root, to make network namespaces and devices: type scripts/rooted before it")
    failed = 0
    for f in tests:
        if len(sys.argv) > 1 and f.__name__ not in sys.argv[1:]:
            continue
        begin = time.monotonic()
        try:
            with Test(f.__name__) as t:
                f(t)
            word = "ok    "
        except (Failed, OSError, subprocess.SubprocessError) as e:
            print(f"{type(e).__name__}: {e}" if not isinstance(e, Failed) else str(e))
            trace = e.__traceback__
            while trace.tb_next and not trace.tb_next.tb_frame.f_code.co_filename.endswith("lib_live.py"):
                trace = trace.tb_next
            print(f"  at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
            word = "FAILED"
            failed += 1
        print(f"{word} {f.__name__}  {time.monotonic() - begin:.1f} s", flush=True)
    sys.exit(1 if failed else 0)


# ---- the stack's side ----

EMPTY = ("connections", "half_open", "time_wait", "listeners", "blocks", "ranges", "reassembly", "packets")


class Stack:
    """stack.c, with the options of every command; --no-dad unless --dad, since nobody else is there."""

    def __init__(self, t, *options, name="stack", preexec=None):
        self.t = t
        self.errors = name + ".err"
        with open(t.file(self.errors), "wb") as err:
            dad = () if "--dad" in options else ("--no-dad",)
            self.process = subprocess.Popen([LIVE_STACK, *dad, *options], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=err, bufsize=0,
                                            preexec_fn=preexec)
        self.left = b""
        self.listeners = {}
        self.allowed = ()  # of EMPTY: what may be left at the end
        t.stacks.append(self)
        if "--pcap" in options:
            t.captures.append(options[options.index("--pcap") + 1])
        same("the stack's first word", self.line(), "ready")

    def line(self):
        while b"\n" not in self.left:
            ready, _, _ = select.select([self.process.stdout], [], [], 30)
            check("the stack answers", ready)
            got = os.read(self.process.stdout.fileno(), 1 << 20)
            check("the stack lives", got, f"exit status {self.process.poll()}")
            self.left += got
        line, self.left = self.left.split(b"\n", 1)
        return line.decode()

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        except BrokenPipeError as e:
            raise Failed(f"the stack is gone: exit status {self.process.poll()}") from e
        return json.loads(self.line())

    def tell(self, *words):
        answer = self.ask(*words)
        check(" ".join(map(str, words)), not (isinstance(answer, dict) and list(answer) == ["refused"]), answer)
        return answer

    # opening

    def listen(self, port, backlog=64):
        self.listeners[port] = self.tell("listen", port, backlog)

    def deaf(self, port):
        """No longer listens."""
        self.tell("close", self.listeners.pop(port))

    def accept(self, port):
        def asked():
            answer = self.ask("accept", self.listeners[port])
            return None if isinstance(answer, dict) else (answer,)
        return Conn(self, wait("accept", asked)[0])

    def connect(self, addr, port, local=0, **options):
        """A connection that is opening; options by their names in this module."""
        c = Conn(self, self.tell("socket"))
        for name, value in options.items():
            self.tell("setopt", c.id, globals()[name], value)
        self.tell("connect", c.id, addr, port, local)
        return c

    # looking

    def list(self, **fields):
        return [x for x in self.tell("list") if all(x[k] == v for k, v in fields.items())]

    def record(self, peer_port=None, ended=False, local_port=None):
        """The newest close record, of those ports; ended: TIME-WAIT is over too."""
        def asked():
            found = [r for r in self.tell("records")
                     if peer_port in (None, r["peer_port"]) and local_port in (None, r["local_port"])
                     and not (ended and r["state"] != "CLOSED")]
            return found[-1] if found else None
        return wait("a close record", asked, 30)

    def rule(self, name):
        return self.tell("rules").get(name, 0)

    # the end

    def empty(self):
        """Every table and pool is back to zero."""
        def asked():
            u = self.tell("usage")
            same("la_check", u["check"], 0)
            return all(u[k] == 0 for k in EMPTY if k not in self.allowed)
        for port in list(self.listeners):
            self.deaf(port)
        try:
            wait("tables and pools back to zero", asked, 30)
        except Failed as e:
            raise Failed(f"{e}\n  {self.tell('usage')}\n  {self.tell('list')}") from e

    def end(self):
        if self.process.poll() is None and not self.process.stdin.closed:
            self.empty()
            self.process.stdin.write(b"quit\n")
            self.process.stdin.close()
            same("the stack's exit status", self.process.wait(30), 0)
        errors = self.t.read(self.errors).decode(errors="replace")
        check("the stack has nothing to complain of", "ERROR" not in errors and "runtime error" not in errors,
              errors[-4000:])

    def kill(self):
        """As if the machine had lost its power."""
        stop(self.process, signal.SIGKILL)
        self.process.stdin.close()


class Conn:
    """A connection of the stack.  Its data goes by files, which are written and read here."""

    def __init__(self, s, number):
        self.s = s
        self.id = number
        self.out = s.t.file(f"received-{id(self):x}-{time.monotonic_ns():x}")

    def look(self):
        return self.s.tell("conn", self.id)

    def state(self):
        return self.look()["state"]

    def reaches(self, state, seconds=20):
        wait(f"the stack in {state} (is in {self.state()})", lambda: self.state() == state, seconds)

    def send(self, data, fin=False):
        path = self.s.t.write(f"send-{time.monotonic_ns():x}", data)
        self.s.tell("send", self.id, path, *(["fin"] if fin else []))

    def read(self):
        """From now on whatever comes is read."""
        self.s.tell("recv", self.id, self.out)

    def got(self):
        with open(self.out, "rb") as f:
            return f.read()

    def whole(self, seconds=60):
        """Everything, after the peer's FIN."""
        wait("the peer's FIN", lambda: self.look()["eof"], seconds)
        return self.got()

    def shutdown(self):
        self.s.tell("shutdown", self.id)

    def close(self):
        self.s.tell("close", self.id)

    def abort(self):
        self.s.tell("abort", self.id)


# ---- the kernel's side ----

def kernel_socket(family):
    s = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    s.settimeout(30)
    return s


def kernel_listen(family, port):
    s = kernel_socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((KERNELS[family], port))
    s.listen(16)
    return s


def kernel_connect(family, port, local=0):
    s = kernel_socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((KERNELS[family], local))
    s.connect((OURS[family], port))
    return s


def kernel_accept(listener):
    c, _ = listener.accept()
    c.settimeout(30)
    return c


def read_all(s):
    """Until the stack's FIN."""
    parts = []
    while True:
        part = s.recv(1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


# /proc/net/tcp's numbers, by the names that lastack has for them
KERNEL_STATES = {1: "ESTABLISHED", 2: "SYN-SENT", 3: "SYN-RECEIVED", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT",
                 7: "CLOSED", 8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING", 12: "SYN-RECEIVED"}


def kernel_states(port):
    """The states of the kernel's sockets with this port at either end, listeners left out."""
    found = []
    for name in ("tcp", "tcp6"):
        with open("/proc/thread-self/net/" + name, encoding="ascii") as f:
            for line in f.read().splitlines()[1:]:
                _, local, remote, state = line.split()[:4]
                ports = {int(end.rsplit(":", 1)[1], 16) for end in (local, remote)}
                if port in ports and int(state, 16) != 10:
                    found.append(KERNEL_STATES[int(state, 16)])
    return sorted(found)


def kernel_reaches(port, *states, seconds=20):
    wait(f"the kernel in {states} (is in {kernel_states(port)})", lambda: kernel_states(port) == sorted(states),
         seconds)


def kernel_counters():
    counters = {}
    with open("/proc/thread-self/net/snmp", encoding="ascii") as f:
        lines = f.read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        head = names.split(":")[0]
        counters.update({f"{head}.{n}": int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    return counters


def kernel_is_content(but):
    """The kernel found nothing malformed and no checksum wrong in what came."""
    counters = kernel_counters()
    for name in ("Ip.InHdrErrors", "Tcp.InErrs", "Tcp.InCsumErrors", "Icmp.InErrors", "Icmp.InCsumErrors"):
        if name not in but:
            same(f"the kernel's counter {name}", counters[name], 0)


class Both:
    """Runs functions at the same time; the first that fails is the one that is told."""

    def __init__(self, *functions):
        self.errors = []
        self.threads = [threading.Thread(target=self.one, args=(f,), daemon=True) for f in functions]
        for th in self.threads:
            th.start()

    def one(self, f):
        try:
            f()
        except Exception as e:  # told by join
            self.errors.append(e)

    def join(self, seconds=60):
        for th in self.threads:
            th.join(seconds)
            check("a thread of the test ends", self.errors or not th.is_alive())
        if self.errors:
            raise self.errors[0] if isinstance(self.errors[0], Failed) else Failed(repr(self.errors[0]))


class BothWays:
    """n bytes each way between the stack's c and the kernel's k, and the end."""

    def __init__(self, c, k, n, seed):
        self.c, self.k = c, k
        self.ours, self.theirs = payload(n, seed), payload(n, seed + 1)
        c.read()
        c.send(self.ours, fin=True)
        self.kernel = Both(self.feed, self.take)

    def feed(self):
        self.k.sendall(self.theirs)
        self.k.shutdown(socket.SHUT_WR)

    def take(self):
        self.got = read_all(self.k)

    def end(self):
        self.kernel.join()
        same("what the far side got", sha(self.got), sha(self.ours))
        same("what the stack got", sha(self.c.whole()), sha(self.theirs))
        self.c.close()
        self.k.close()
