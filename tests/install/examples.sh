#!/bin/bash
# examples.sh: the three examples beside the kernel, over both families: echo to socat, httpd to curl,
# get from python3.  Runs itself again in a network namespace of its own, which takes everything along
# when it ends.
# timeout: 120
set -eu

if [ -z "${EXAMPLES_INSIDE-}" ]; then
    EXAMPLES_INSIDE=1 exec unshare --net bash "$0"
fi

build=$LASTACK_BUILD
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
fail() {
    echo "examples: $*"
    cat "$work"/*.log
    exit 1
}
start() { # start LOG LINE COMMAND...: until its first line says LINE
    local log=$work/$1 line=$2
    shift 2
    "$@" >"$log" 2>&1 &
    pids+=($!)
    for _ in $(seq 200); do
        grep -q "$line" "$log" && return
        kill -0 "${pids[-1]}" 2>/dev/null || fail "$1 ended"
        sleep 0.1
    done
    fail "$1 does not start"
}
stop() { # the last one started, by SIGINT; it must end well
    kill -INT "${pids[-1]}"
    wait "${pids[-1]}" || fail "exit status $? after SIGINT"
    unset 'pids[-1]'
}

ip link set lo up
mkdir "$work/files"
head -c 5000000 /dev/urandom >"$work/files/data"
: >"$work/files/empty"

start echo.log "echo on port" "$build/examples/echo" --no-dad
for to in TCP4:10.77.0.2:7 "TCP6:[fd77::2]:7"; do
    timeout 20 socat -t 10 - "$to" <"$work/files/data" >"$work/back" || fail "socat $to"
    cmp "$work/files/data" "$work/back" || fail "echo over $to"
done
stop
[ "$(grep -c 'The peer closed first; .*in order' "$work/echo.log")" -eq 2 ] || fail "echo's close records"

start httpd.log "files of" "$build/examples/httpd" --no-dad "$work/files"
for host in 10.77.0.2 "[fd77::2]"; do
    curl -sS -g -m 20 -o "$work/back" "http://$host/data" || fail "curl $host"
    cmp "$work/files/data" "$work/back" || fail "httpd to $host"
done
status() { curl -sS -m 20 -o /dev/null -w '%{http_code}' "$@" || true; }
[ "$(status http://10.77.0.2/empty)" = 200 ] || fail "an empty file"
[ "$(status http://10.77.0.2/nothing)" = 404 ] || fail "a missing file"
[ "$(status --path-as-is http://10.77.0.2/../httpd.log)" = 400 ] || fail "a way out of the directory"
[ "$(status -X DELETE http://10.77.0.2/data)" = 405 ] || fail "a method it has not"
[ "$(status -H "X: $(head -c 6000 /dev/zero | tr '\0' x)" http://10.77.0.2/data)" = 431 ] || fail "a long head"
stop

# get makes the device and is gone before a server on its address could start: so the device is here.
ip tuntap add dev lastack0 mode tap
ip addr add 10.77.0.1/24 dev lastack0
ip addr add fd77::1/64 dev lastack0 nodad
ip link set lastack0 up
for host in 10.77.0.1 fd77::1; do
    start "python-$host.log" "Serving" python3 -u -m http.server --bind "$host" --directory "$work/files" 8000
done
for host in 10.77.0.1 "[fd77::1]"; do
    "$build/examples/get" --no-dad "http://$host:8000/data" >"$work/back" 2>"$work/get.log" || fail "get from $host"
    cmp "$work/files/data" "$work/back" || fail "get from $host"
    grep -q 'in order' "$work/get.log" || fail "get's close record"
done
! "$build/examples/get" --no-dad http://10.77.0.1:8000/nothing >"$work/back" 2>"$work/get.log" || fail "get took a 404"
! "$build/examples/get" --no-dad http://10.77.0.1:8001/ >"$work/back" 2>"$work/get.log" || fail "get from nobody"
grep -q 'connection refused' "$work/get.log" || fail "who refused is not said"
