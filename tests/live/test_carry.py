#!/usr/bin/env python3
"""carry: ping, curl and socat beside a stack on every kind of device, at every MTU, over both families;
socat and the stack call each other, and the second to close is sometimes the one, sometimes the other.
# timeout: 120
"""

import os
import subprocess

import lib_live as live
from lib_live import check, run, same, wait


def families(mtu):
    return (4, 6) if mtu >= 1280 else (4,)


def ping(family, mtu):
    """From nothing to what no MTU carries whole."""
    for size in (0, 56, mtu - (28 if family == 4 else 48), mtu, 9001, 65000):
        out = run("ping", f"-{family}", "-c", "1", "-W", "10", "-s", str(size), live.OURS[family]).decode()
        check(f"ping of {size} bytes", "1 received" in out and "truncated" not in out, out)


def curl(t, s, family):
    """The stack is the web server, and closes first."""
    body = live.payload(700_000, family)
    host = live.US4 if family == 4 else f"[{live.US6}]"
    p = subprocess.Popen(["curl", "-sS", "-g", "-m", "30", "-o", t.file("page"), f"http://{host}/"])
    c = s.accept(80)
    c.read()
    wait("curl's request", lambda: b"\r\n\r\n" in c.got())
    c.send(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, fin=True)
    same("curl's exit status", p.wait(30), 0)
    same("what curl fetched", live.sha(t.read("page")), live.sha(body))
    c.whole()
    c.close()
    os.unlink(t.file("page"))


def socat_calls(t, s, family):
    """socat sends a file, closes its direction, and gets another back."""
    there, back = live.payload(500_001, family + 10), live.payload(300_003, family + 20)
    host = live.US4 if family == 4 else f"[{live.US6}]"
    with open(t.write("there", there), "rb") as source, open(t.file("back"), "wb") as sink:
        p = subprocess.Popen(["socat", "-t", "30", "-", f"TCP{family}:{host}:7"], stdin=source, stdout=sink)
    c = s.accept(7)
    c.read()
    same("what socat sent", live.sha(c.whole()), live.sha(there))
    same("the state after socat's FIN", c.state(), "CLOSE-WAIT")
    c.send(back, fin=True)
    same("socat's exit status", p.wait(30), 0)
    c.close()
    same("what socat got", live.sha(t.read("back")), live.sha(back))


def socat_answers(s, family):
    """The stack calls, closes its direction, and gets an echo from socat's cat."""
    data = live.payload(400_007, family + 30)
    bind = live.KERNELS[family] if family == 4 else f"[{live.KERNELS[family]}]"
    p = subprocess.Popen(["socat", "-t", "30", f"TCP{family}-LISTEN:9,bind={bind},reuseaddr", "EXEC:cat"])
    wait("socat listens", lambda: b":9 " in run("ss", "-Hltn"))
    c = s.connect(live.KERNELS[family], 9)
    c.read()
    c.send(data, fin=True)
    same("the echo", live.sha(c.whole()), live.sha(data))
    c.close()
    same("socat's exit status", p.wait(30), 0)


def combination(kind, mtu, offload):
    def test(t):
        live.make_device("la0", kind, mtu)
        own = ["--pcap", t.file("own.pcapng")]
        if not offload:  # then the kernel's capture holds whole checksums, and is judged
            t.capture("la0")
            own = ["--no-offload"]
        s = live.Stack(t, "--dev", f"{kind}:la0", "--msl", "200ms", "--addr", live.US4 + "/24",
                       *(["--addr6", live.US6 + "/64"] if mtu >= 1280 else []), *own)
        for port in (7, 80):
            s.listen(port)
        for family in families(mtu):
            ping(family, mtu)
            curl(t, s, family)
            socat_calls(t, s, family)
            socat_answers(s, family)
        for r in s.tell("records"):
            same("how it ended", (r["error"], r["rst_by"], r["bytes_unacked"], r["bytes_unread"]),
                 (None, None, 0, 0))
        same("connections", len(s.tell("records")), 3 * len(families(mtu)))
        u = s.tell("usage")
        same("frames that the device refused", (u["rx_errors"], u["tx_refused"]), (0, 0))
    test.__name__ = f"{kind}_{mtu}_{'offload' if offload else 'plain'}"
    return test


live.main(*[combination(kind, mtu, offload)
            for kind in ("tap", "tun") for mtu in (576, 1280, 1500, 9000) for offload in (True, False)])
