# lib_nc.sh: for the live tests of nc and ss: a network namespace of their own, bounded waiting, and
# counting.  $LASTACK is the command.  Everything started is in $pids, and ends with the script.
# shellcheck shell=bash

set -u
lastack=${LASTACK:-$(cd "$(dirname "$0")/../.." && pwd)/build/lastack}
ns=lastack-nc-$$-$RANDOM
dir=$(mktemp -d)
pids=()
passed=0
failed=0
export LASTACK_RUN_DIR=$dir/run

cleanup()
{
    local p
    for p in "${pids[@]}"; do
        kill "$p" 2>/dev/null
    done
    wait 2>/dev/null
    ip netns del "$ns" 2>/dev/null
    rm -rf "/etc/netns/$ns"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

die()
{
    echo "$0: $*" >&2
    exit 1
}

# needs PROGRAM...: each is there, or the test ends at once.
needs()
{
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || die "needs the program $program: type scripts/deps test"
    done
}
needs cmp ip ss timeout

# Options mean different things to the nc of different packages.
needs_nc()
{
    needs nc
    nc -h 2>&1 | grep -q '^OpenBSD netcat' || die "needs the nc of OpenBSD, and $(command -v nc) is another: type scripts/deps test"
}

[ "$(id -u)" = 0 ] || die "needs root, to make network namespaces and devices"
[ -c /dev/net/tun ] || die "needs /dev/net/tun"
[ -x "$lastack" ] || die "no $lastack: type make"
ip netns add "$ns" || die "cannot make a network namespace"
mkdir -m 700 "$LASTACK_RUN_DIR"

in_ns()
{
    ip netns exec "$ns" "$@"
}
in_ns ip link set lo up

# ok NAME COMMAND...: one check.
ok()
{
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name ($*)"
        tail -n 20 "$dir"/*.err 2>/dev/null
    fi
}

# wait_for SECONDS COMMAND...: until it succeeds, asked 20 times a second.
wait_for()
{
    local turns=$(($1 * 20))
    shift
    while ! "$@" >/dev/null 2>&1; do
        turns=$((turns - 1))
        [ $turns -gt 0 ] || return 1
        sleep 0.05
    done
}

# start NAME COMMAND...: in the background, in the namespace, its output in $dir/NAME.out and
# NAME.err, without the test's descriptors 5 and 6, its input from $dir/NAME.in if that is there.  Sets $pid.
start()
{
    local name=$1 input=/dev/null
    shift
    [ -e "$dir/$name.in" ] && input=$dir/$name.in
    ip netns exec "$ns" "$@" <"$input" >"$dir/$name.out" 2>"$dir/$name.err" 5<&- 6<&- &
    pid=$!
    pids+=("$pid")
}

gone()
{
    ! kill -0 "$1" 2>/dev/null || [ "$(awk '/^State/ {print $2}' "/proc/$1/status" 2>/dev/null)" = Z ]
}

# ended PID WANTED_STATUS: within 60 seconds.
ended()
{
    wait_for 60 gone "$1" || kill -9 "$1"
    wait "$1" 2>/dev/null
    local got=$?
    [ $got = "$2" ] && return
    echo "exit status $got, wanted $2"
    return 1
}

kernel_listens() # kernel_listens PORT
{
    in_ns ss -Hltn "sport = :$1" | grep -q LISTEN
}

# The stack of process PID is there and shows a line that matches.
stack_shows() # stack_shows PID REGEX [OPTIONS]
{
    local of=$1 regex=$2
    shift 2
    "$lastack" ss --pid "$of" "$@" 2>/dev/null | grep -qE "$regex"
}

# The same, of the only stack there is.
stack_shows_any() # stack_shows_any REGEX
{
    "$lastack" ss -a 2>/dev/null | grep -qE "$1"
}

listens() # listens PID PORT
{
    stack_shows "$1" "LISTEN .*:$2" -l
}

same()
{
    cmp -s "$1" "$2"
}

finish()
{
    echo "$passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
    exit
}
