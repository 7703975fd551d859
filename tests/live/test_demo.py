#!/usr/bin/env python3
"""test_demo: lastack demo beside the kernel, as root and as an ordinary user; in memory; stopped in the
middle; and that nothing of it is left."""
# timeout: 240

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import xml.etree.ElementTree as xml

import lib_judge
import lib_live as live
from lib_live import check, same

FIN, ACK = 1, 16
NOBODY = 65534


def folder(mode=0o755):
    d = tempfile.TemporaryDirectory(prefix="lastack-test-")
    os.chmod(d.name, mode)
    os.mkdir(os.path.join(d.name, "tmp"))
    os.chmod(os.path.join(d.name, "tmp"), 0o777)
    return d


def demo(d, *options, user=None, path=""):
    """Runs it to its end: exit status, what --json says, and what people see."""
    program = live.LASTACK
    if user:  # who need not be let into the folder where it was built
        program = shutil.copy(program, d.name)
    done = subprocess.run([program, "demo", "--out", d.name, "--json", *options], check=False, timeout=100,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user, group=user,
                          env=os.environ | {"TMPDIR": d.name + "/tmp", "PATH": path + os.environ["PATH"]})
    text = done.stderr.decode()
    same("nothing is left in TMPDIR", os.listdir(d.name + "/tmp"), [])
    return done.returncode, json.loads(done.stdout) if done.stdout else None, text


def held(status, said, text, wire, checks):
    check("exit status 0", status == 0, text)
    same("wire", said["wire"], wire)
    same("checks that held", sum(c["ok"] for c in said["checks"]), checks)
    same("checks", len(said["checks"]), checks)


def four_segments(capture):
    """FIN u, ACK u+1, FIN w, ACK w+1, the numbers read by tshark."""
    close = [s for s in lib_judge.segments(capture) if s["flags"] & FIN]
    same("FINs", len(close), 2)
    u, w = (s["seq"] + s["len"] for s in close)
    acks = [s for s in lib_judge.segments(capture) if s["flags"] & ACK and s["len"] == 0]
    check("ACK u+1 comes from the other side", any(s["ack"] == (u + 1) % 2**32 and s["sport"] == close[1]["sport"]
                                                    and not s["flags"] & FIN for s in acks))
    last = acks[-1]
    same("the last ACK", (last["sport"], last["ack"], last["flags"]), (close[0]["sport"], (w + 1) % 2**32, ACK))


def files(d):
    capture = os.path.join(d.name, "demo.pcapng")
    same("what tshark finds wrong", lib_judge.wrong([capture]), [])
    four_segments(capture)
    comments = live.run("tshark", "-r", capture, "-T", "fields", "-e", "frame.comment").decode()
    for words in ("LISTEN -> SYN-RECEIVED", "FIN-WAIT-2 -> TIME-WAIT"):
        check(f"a packet comment says {words}", words in comments, comments)
    root = xml.parse(os.path.join(d.name, "demo.svg")).getroot()
    texts = "".join(root.itertext())
    check("the picture names the states", all(s in texts for s in ("FIN-WAIT-1", "TIME-WAIT", "LAST-ACK")))


def beside_the_kernel(t):
    d = folder()
    with d:
        status, said, text = demo(d, "--msl", "500ms")
        held(status, said, text, "kernel", 8)
        check("64 MiB, three times", text.count("64.0 of 64.0 MiB") == 3, text)
        for words in ("2MSL is 1.0 s here", "We closed first (the program called close)", "CLOSE-WAIT"):
            check(f"it says: {words}", words in text, text)
        files(d)


def beside_a_python_that_warns(t):
    d = folder()
    with d:
        warns = os.path.join(d.name, "python3")
        with open(warns, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\necho 'a warning' >&2\nsleep 0.3\nexec {shutil.which('python3')} \"$@\"\n")
        os.chmod(warns, 0o755)
        status, said, text = demo(d, "--msl", "50ms", "--mib", "1", path=d.name + ":")
        held(status, said, text, "kernel", 8)


def as_an_ordinary_user(t):
    d = folder(0o777)
    with d:
        status, said, text = demo(d, "--msl", "50ms", "--mib", "2", user=NOBODY)
        if said and said["wire"] == "memory":  # the system gives users no namespaces, and it says so
            check("it says why", "ordinary user" in said["wire_is"] or "/dev/net/tun" in said["wire_is"], text)
            held(status, said, text, "memory", 7)
        else:
            held(status, said, text, "kernel", 8)


def in_memory(t):
    d = folder()
    with d:
        status, said, text = demo(d, "--wire", "memory", "--msl", "50ms", "--mib", "8")
        held(status, said, text, "memory", 7)
        files(d)


def children(pid):
    return open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read().split()


def stopped_in_the_middle(t):
    """Ctrl-C while it serves, and a kill that it cannot see: no process and no file of it is left."""
    for sig, status in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)):
        d = folder()
        with d:
            p = subprocess.Popen([live.LASTACK, "demo", "--out", d.name, "--mib", "96"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=os.environ | {"TMPDIR": d.name + "/tmp"})
            ours = live.wait("curl runs", lambda p=p: [
                c for c in children(p.pid) if open(f"/proc/{c}/comm", encoding="ascii").read() == "curl\n"], 60)
            p.send_signal(sig)
            same("exit status", p.wait(20), status)
            live.wait("its programs end", lambda ours=ours: not any(os.path.exists(f"/proc/{c}") for c in ours))
            if sig != signal.SIGKILL:
                same("files", glob.glob(d.name + "/tmp/*"), [])


def wrong_use(t):
    for words, status, said in (
            (["--wire", "carrier-pigeon"], 2, "--wire takes kernel, memory or auto"),
            (["--msl", "1h"], 2, "--msl takes a time from 10ms to 2m"),
            (["now"], 2, "lastack demo --help"),
            (["--set", "client.time_wait=off"], 2, "no option --set"),  # what breaks TCP is for the laboratory
            (["--out", t.file("nowhere")], 1, "--out DIR")):
        done = subprocess.run([live.LASTACK, "demo", *words], check=False, capture_output=True, timeout=20)
        same("exit status", done.returncode, status)
        err = done.stderr.decode()
        check(f"one line that says {said}", said in err and err.count("\n") == 1, err)


live.main(beside_the_kernel, beside_a_python_that_warns, as_an_ordinary_user, in_memory, stopped_in_the_middle,
          wrong_use)
