#!/bin/bash
# timeout: 120
# nc_streams: the command's standard descriptors when they are not what they usually are.
. "$(dirname "$0")/lib_nc.sh"
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
finish
