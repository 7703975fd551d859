#!/bin/bash
# timeout: 120
# nc_streams: the command's standard descriptors when they are not what they usually are.
. "$(dirname "$0")/lib_nc.sh"
needs python3
needs_nc

head -c 100000 /dev/urandom >"$dir/file"

# take NAME SHELL_WORDS: lastack nc -l as the shell words have it, and the kernel's nc that sends it the file.
take()
{
    local name=$1
    start server bash -c "exec '$lastack' nc $2"
    server=$pid
    ok "$name: listens" wait_for 10 listens "$server" 7000
    in_ns timeout 20 nc -N 10.77.0.2 7000 <"$dir/file" >"$dir/back" 2>&1
}

# Closed ones: what is opened first must not become one of them, or the peer's bytes go into the device.
take "no output" "-l 7000 >&-"
ok "no output: exit status" ended "$server" 1
ok "no output: it says so" grep -q 'standard output: Bad file descriptor' "$dir/server.err"
take "no input" "-l 7000 <&-"
ok "no input: exit status" ended "$server" 0
ok "no input: same bytes" same "$dir/file" "$dir/server.out"
take "no errors" "-v -l 7000 2>&-"
ok "no errors: exit status" ended "$server" 0
ok "no errors: same bytes" same "$dir/file" "$dir/server.out"
take "nothing" "-v -l 7000 <&- >&- 2>&-"
ok "nothing: exit status" ended "$server" 1
ok "nothing: nothing comes back" [ ! -s "$dir/back" ]

# A terminal as standard input has no end until somebody types it, and must say that it is waited for.
cat >"$dir/terminal.py" <<'END'
import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600), 1)
    os.execv(sys.argv[2], sys.argv[2:])
said = b""
while True:
    try:
        got = os.read(master, 4096)
    except OSError:  # EIO: the other side is closed
        break
    said += got
    if b"^D" in said:
        os.write(master, b"\x04")
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
start terminal timeout 30 python3 "$dir/terminal.py" "$dir/terminal.got" "$lastack" nc -l 7000
ok "terminal: listens" wait_for 10 stack_shows_any 'LISTEN .*:7000'
in_ns timeout 20 nc -N 10.77.0.2 7000 <"$dir/file" >/dev/null
ok "terminal: exit status" ended "$pid" 0
ok "terminal: one line: $(cat "$dir/terminal.out")" [ "$(grep -c '^lastack nc: ' "$dir/terminal.out")" = 1 ]
ok "terminal: same bytes" same "$dir/file" "$dir/terminal.got"

# What was ignored by who started it stays so: nohup, and a shell's background jobs.
start hup nohup "$lastack" nc -l 7000
server=$pid
ok "nohup: listens" wait_for 10 listens "$server" 7000
kill -HUP "$server"
in_ns timeout 20 nc -N 10.77.0.2 7000 <"$dir/file" >/dev/null
ok "nohup: exit status" ended "$server" 0
ok "nohup: same bytes" same "$dir/file" "$dir/hup.out"
start int "$lastack" nc -l 7000
server=$pid
ok "background: listens" wait_for 10 listens "$server" 7000
kill -INT "$server"
in_ns timeout 20 nc -N 10.77.0.2 7000 <"$dir/file" >/dev/null
ok "background: exit status" ended "$server" 0
start term env --default-signal=INT "$lastack" nc -l 7000
server=$pid
ok "not ignored: listens" wait_for 10 listens "$server" 7000
kill -INT "$server"
ok "not ignored: exit status" ended "$server" 130

# Output that is lost is no success.
echo "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3" >"$dir/one.pkt"
for words in --help --version "help nc" "ss --help" "drill $dir/one.pkt" "drill --json $dir/one.pkt" \
    "drill -v $dir/one.pkt" "lab list" "lab run 1" "lab run 1 --json" "lab show 1" "lab all" "sim --seed 1" \
    "demo --wire memory --mib 1 --msl 10ms --out $dir" "demo --wire memory --mib 1 --msl 10ms --out $dir --json"; do
    # shellcheck disable=SC2086
    "$lastack" $words >/dev/full 2>"$dir/full.err"
    ok "lastack $words >/dev/full: status" [ $? = 1 ]
    ok "lastack $words >/dev/full: says why" grep -qE '^lastack: standard output: (No space left|what was printed)' "$dir/full.err"
done
# shellcheck disable=SC2188
"$lastack" --version >&- 2>"$dir/full.err"
ok "lastack --version >&-: status" [ $? = 1 ]
start server "$lastack" nc -l 7000
ok "ss >/dev/full: a stack" wait_for 10 listens "$pid" 7000
"$lastack" ss -a >/dev/full 2>"$dir/full.err"
ok "ss >/dev/full: status" [ $? = 1 ]
ok "ss >/dev/full: one line" [ "$(cat "$dir/full.err")" = 'lastack: standard output: No space left on device' ]
kill "$pid"
finish
