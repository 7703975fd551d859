#!/bin/bash
# timeout: 120
# nc_ss: what lastack ss shows of a running stack: each column against what the kernel's side knows,
# --json, --closed, --rules, --usage, and which stack is meant.
. "$(dirname "$0")/lib_nc.sh"
needs python3 jq
needs_nc

fact() # fact JQ_EXPRESSION [OPTIONS]: of the JSON answer of $server
{
    local expression=$1
    shift
    "$lastack" ss --pid "$server" --json "$@" | jq -e "$expression"
}
fact_ok() # fact_ok NAME SECONDS JQ_EXPRESSION [OPTIONS]
{
    local name=$1 seconds=$2
    shift 2
    ok "$name" wait_for "$seconds" fact "$@"
}

mkfifo "$dir/server.in"
exec 5<>"$dir/server.in"
start server "$lastack" nc --msl 1500ms --stay -l 7000
server=$pid
ok "listens" wait_for 10 listens "$server" 7000
ok "LISTEN is not among connections" [ -z "$("$lastack" ss | tail -n +2)" ]
ok "LISTEN with --all" stack_shows "$server" '^LISTEN +0 +1 +\*:7000 +\*:\* +- +[0-9.]+ m?s +-' -a
fact_ok "LISTEN as JSON" 5 'length == 1 and .[0].state == "LISTEN" and .[0].local_port == 7000 and .[0].timer == null' -l

# A client that holds its side open.
cat >"$dir/client.py" <<'END'
import socket, sys
c = socket.create_connection(("fd77::2", 7000))
print(c.getsockname()[1], flush=True)
for line in sys.stdin:
    word = line.split()
    if word[0] == "send":
        c.sendall(b"x" * int(word[1]))
    elif word[0] == "shut":
        c.shutdown(socket.SHUT_WR)
    elif word[0] == "read":
        n = 0
        while n < int(word[1]):
            n += len(c.recv(int(word[1]) - n))
    elif word[0] == "close":
        c.close()
    print("done", line.strip(), flush=True)
END
mkfifo "$dir/client.in"
exec 6<>"$dir/client.in"
start client python3 -u "$dir/client.py"
tell()
{
    echo "$*" >&6
    wait_for 10 grep -q "^done $*" "$dir/client.out"
}
ok "connected" wait_for 10 [ -s "$dir/client.out" ]
port=$(head -n 1 "$dir/client.out")

row="^ESTABLISHED +0 +0 +\[fd77::2\]:7000 +\[fd77::1\]:$port +- +[0-9.]+ m?s +- *\$"
ok "ESTABLISHED" wait_for 10 stack_shows "$server" "$row"
ok "its header" stack_shows "$server" '^State +Recv-Q +Send-Q +Local address:port +Peer address:port +Timer +In state +Closed first'
ok "-4 leaves it out" [ -z "$("$lastack" ss -4 | tail -n +2)" ]
ok "-6 does not" stack_shows "$server" ESTABLISHED -6
fact_ok "sequence numbers agree" 5 '.[0] | .snd_una == .snd_nxt and .rcv_wnd > 0 and .mss > 1000 and .family == 6'

# The kernel's own view of the same connection.
tell send 1000
fact_ok "bytes received" 5 '.[0].bytes_received == 1000'
printf 'hello' >&5
ok "bytes sent" tell read 5
fact_ok "all acknowledged" 5 '.[0] | .bytes_sent == 5 and .send_q == 0'

# The peer closes; our program does not.
tell shut
row="^CLOSE-WAIT +0 +0 .* peer +this program has kept the peer waiting for [0-9.]+ m?s"
ok "CLOSE-WAIT says who waits" wait_for 10 stack_shows "$server" "$row"
fact_ok "and for how long" 10 '.[0].peer_kept_waiting_ms > 500 and .[0].closed_first == "peer"'
ok "nothing closed yet" [ "$("$lastack" ss --closed)" = "no connection has ended yet" ]
ok "kernel agrees" in_ns bash -c "ss -Htn state fin-wait-2 | grep -q ':7000'"

# Two stacks.
start second "$lastack" nc --dev tap:second0 --addr 10.78.0.2/24 -l 7001
second=$pid
ok "the second listens" wait_for 10 listens "$second" 7001
"$lastack" ss >"$dir/two.out" 2>"$dir/two.err"
ok "two stacks: exit status 2" [ $? = 2 ]
ok "two stacks: says which" grep -qE "^lastack ss: 2 stacks run: choose one with --pid [0-9]+ or --pid [0-9]+$" "$dir/two.err"
ok "by socket" bash -c "'$lastack' ss -l --socket '$LASTACK_RUN_DIR/$second.sock' | grep -q 7001"
kill -9 "$second"
ok "killed" ended "$second" 137
ok "its socket is left" [ -S "$LASTACK_RUN_DIR/$second.sock" ]
ok "one stack again" wait_for 5 stack_shows_any CLOSE-WAIT
ok "the left socket was removed" [ ! -e "$LASTACK_RUN_DIR/$second.sock" ]

# The same when the number is another program's by now: this script's.
mkdir -m 700 "$dir/other"
for d in "$LASTACK_RUN_DIR" "$dir/other"; do
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$d/$$.sock"
done
ok "just bound: another stack may be starting" stack_shows_any CLOSE-WAIT
ok "just bound: it is left" [ -S "$LASTACK_RUN_DIR/$$.sock" ]
touch -d '1 minute ago' "$LASTACK_RUN_DIR/$$.sock" "$dir/other/$$.sock"
ok "nobody listens: not counted" stack_shows_any CLOSE-WAIT
ok "nobody listens: removed" [ ! -e "$LASTACK_RUN_DIR/$$.sock" ]

# A directory that another made is not looked in, and nothing of it is removed.
untrusted() # untrusted NAME DIRECTORY
{
    LASTACK_RUN_DIR=$2 "$lastack" ss >"$dir/theirs.out" 2>"$dir/theirs.err"
    ok "$1: exit status" [ $? = 1 ]
    ok "$1: one line" grep -qx "lastack ss: $2 is not looked in: .*" "$dir/theirs.err"
    ok "$1: nothing is removed" [ -S "$dir/other/$$.sock" ]
}
ln -s "$dir/other" "$dir/link"
untrusted "a link" "$dir/link"
chmod 777 "$dir/other"
untrusted "others may write" "$dir/other"
chmod 700 "$dir/other"
chown 65534 "$dir/other"
untrusted "another's" "$dir/other"

# What a socket says is shown, but no terminal is led by it.
cat >"$dir/fake.py" <<'END'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
evil = "\x1b]0;x\x07\x1b[2J\x7f\u009b31m\n"
while True:
    c, _ = s.accept()
    what = c.recv(100)
    item = {k: evil for k in ("state", "local_addr", "timer", "error", "explain", "rule", "section", "text", "closed_first")}
    item |= {evil: 1, "family": 4, "count": 1, "in_state_ms": {evil: 1}, "section": "RFC 1 §3"}
    last = {"error": evil} if what == b"usage\n" else {"end": 1}
    c.sendall("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in ({}, item, last)).encode())
    c.close()
END
start fake python3 "$dir/fake.py" "$dir/fake.sock"
ok "fake: listens" wait_for 10 [ -S "$dir/fake.sock" ]
for question in "" --closed --rules --usage --json; do
    # shellcheck disable=SC2086
    "$lastack" ss $question --socket "$dir/fake.sock" >"$dir/fake.out" 2>&1
    ok "fake $question: it answers" grep -q '31m' "$dir/fake.out"
    ok "fake $question: nothing but text" python3 -c 'import sys
sys.exit(any(not c.isprintable() for c in open(sys.argv[1]).read() if c not in "\n\t"))' "$dir/fake.out"
done
ok "fake: what is text stays" bash -c "'$lastack' ss --rules --socket '$dir/fake.sock' | grep -q '1 §3'"

# End of input: LAST-ACK and gone.
exec 5<&-
ok "orderly end" ended "$server" 0

# We close first: TIME-WAIT, seen until it is over.
rm "$dir/server.in"
start server "$lastack" nc --msl 1500ms --stay -l 7000
server=$pid
ok "listens again" wait_for 10 listens "$server" 7000
in_ns timeout 30 nc -d 10.77.0.2 7000 >/dev/null 2>&1
row='^TIME-WAIT +0 +0 +10.77.0.2:7000 +10.77.0.1:[0-9]+ +[a-zA-Z -]+ [0-9.]+ m?s +[0-9.]+ m?s +us +close record 1'
ok "TIME-WAIT" wait_for 10 stack_shows "$server" "$row"
fact_ok "closed first by us" 5 '.[0].closed_first == "local" and .[0].timer_in_ms <= 3000 and .[0].record == 1'
"$lastack" ss --closed >"$dir/closed"
ok "--closed" grep -qE '^#1  10.77.0.2:7000  10.77.0.1:[0-9]+  TIME-WAIT' "$dir/closed"
ok "--closed: sentence" grep -qE '^    [A-Z].*closed first' "$dir/closed"
ok "--closed: states" grep -qE '^    in .*ESTABLISHED' "$dir/closed"
fact_ok "--closed as JSON" 5 'length == 1 and .[0].closed_first == "local" and .[0].error == null and .[0].bytes_unacked == 0' --closed
ok "--rules" stack_shows "$server" '^ +1  PASSIVE_OPEN ' --rules
ok "--rules: only what fired" [ "$("$lastack" ss --rules | awk 'NR > 1 && $1 == 0' | wc -l)" = 0 ]
ok "--rules --all" [ "$("$lastack" ss --rules --all | wc -l)" -gt 100 ]
fact_ok "--rules as JSON" 5 'map(select(.rule == "PASSIVE_OPEN"))[0] | .count == 1 and (.text | length) > 5' --rules
ok "--usage" stack_shows "$server" '^time_wait +1$' --usage
fact_ok "--usage as JSON" 5 '.[0] | .connections == 0 and .time_wait == 1 and .bytes > 0' --usage
ok "TIME-WAIT is over" ended "$server" 0
finish
