#!/bin/bash
# timeout: 120
# nc_exit: the exit status and the sentence of lastack nc for every kind of end, and the one line that
# wrong use gets.
. "$(dirname "$0")/lib_nc.sh"
needs python3
needs_nc

# wrong STATUS REGEX WORDS...: what the command answers at once.
wrong()
{
    local want=$1 regex=$2 got
    shift 2
    in_ns timeout 20 "$lastack" "$@" >"$dir/wrong.out" 2>"$dir/wrong.err" </dev/null
    got=$?
    ok "lastack $*: status $got" [ $got = "$want" ]
    ok "lastack $*: one line" [ "$(wc -l <"$dir/wrong.err")" = 1 ]
    ok "lastack $*: $(cat "$dir/wrong.err")" grep -qE "$regex" "$dir/wrong.err"
    ok "lastack $*: nothing on standard output" [ ! -s "$dir/wrong.out" ]
}

wrong 2 'lastack demo' # nothing said
wrong 2 'did you mean lastack nc' cn
wrong 2 'lastack --help' frobnicate
wrong 2 'no option --set' nc --set client.time_wait=off 10.77.0.1 7000 # what breaks TCP is for the laboratory
wrong 2 'lastack nc 10.77.0.1 7000' nc
wrong 2 'lastack nc 10.77.0.1 7000' nc 10.77.0.1
wrong 2 'lastack nc -l 7000' nc -l
wrong 2 'too many words' nc a b c
wrong 2 '1 to 65535' nc 10.77.0.1 http
wrong 2 '1 to 65535' nc 10.77.0.1 65536
wrong 2 'did you mean --msl' nc --msll 3 10.77.0.1 1
wrong 2 'tap:NAME' nc --dev eth0 10.77.0.1 1
wrong 2 'needs an address' nc --dev tap:x0 10.77.0.1 1
wrong 2 "10.77.0.2/24" nc --addr 10.77.0.2/99 10.77.0.1 1
wrong 2 'fd77::2/64' nc --addr6 10.77.0.2/24 10.77.0.1 1
wrong 2 '68 to 65535' nc --mtu 67 10.77.0.1 1
wrong 2 '1ms to 15m' nc --msl soon 10.77.0.1 1
wrong 2 '1ms to 15m' nc --msl 0 10.77.0.1 1
wrong 2 '1ms to 15m' nc --msl 20m 10.77.0.1 1
wrong 2 '1ms to 24h' nc -w 0 10.77.0.1 1
wrong 2 '65521.*tun:' nc --mtu 65535 10.77.0.1 1
wrong 2 '1280 to 65521' demo --mtu 65535
wrong 2 'leave one out' nc -4 -6 10.77.0.1 1
wrong 2 'leave out -6' nc -6 10.77.0.1 1
wrong 2 'leave out -4' nc -4 fd77::1 1
wrong 2 '1 to 15' nc --dev tap:a-name-that-is-too-long --addr 10.0.0.1/8 10.0.0.2 1
wrong 2 'leave out -6' nc -6 -l 10.77.0.2 7000
wrong 2 'leave out -4' nc -4 -l fd77::2 7000
wrong 2 'no IPv4 address.*--addr ' nc -4 --addr6 fd77::2/64 --host-addr6 fd77::1/64 -l 7000
wrong 2 'no IPv6 address.*--addr6' nc -6 --addr 10.77.0.2/24 --host-addr 10.77.0.1/24 -l 7000
wrong 2 'no IPv6 address.*--addr6' nc --addr 10.77.0.2/24 --host-addr 10.77.0.1/24 fd77::1 1
wrong 2 'no IPv6 address.*--addr6' nc -6 --addr 10.77.0.2/24 --host-addr 10.77.0.1/24 localhost 1
wrong 2 'no IPv4 address.*--addr ' nc --addr6 fd77::2/64 --host-addr6 fd77::1/64 10.77.0.1 1
wrong 2 'MTU of 1280.*--mtu' nc --mtu 576 fd77::1 1
wrong 2 'MTU of 1280.*--mtu' nc -6 --mtu 576 -l 7000
wrong 2 '10.77.0.2 is this stack.s own' nc 10.77.0.2 1
wrong 2 'fd77::2 is this stack.s own' nc fd77::2 1
wrong 2 '\-w is for connecting' nc -l -w 1s 7000
wrong 2 'FILE.pcapng' nc --pcap - 10.77.0.1 1
wrong 2 "a file's name" lab run 1 --pcap -
wrong 2 'no feature is called .foo.: there are loss,dup,' sim --off loss,foo
wrong 2 'no setting is called foo' lab run 10 --set foo=1
wrong 1 'nothing is in it' lab run -
wrong 2 "10.77.0.2 is this stack's address" nc --host-addr 10.77.0.2/24 10.77.0.1 1
wrong 2 "fd77::2 is this stack's address" nc --host-addr6 fd77::2/64 10.77.0.1 1
wrong 2 'capture' nc --pcap /nowhere/x.pcapng 10.77.0.1 1
wrong 1 'no address for' nc no-such-host.invalid 80
wrong 1 'no route.*--gateway' nc 192.0.2.1 80
wrong 1 'lastack nc -l' ss
wrong 1 'process 1 runs no stack' ss --pid 1
wrong 1 'no stack answers on /nowhere' ss --socket /nowhere
wrong 2 'ask one' ss --closed --rules
wrong 2 'one word too many' ss established
wrong 2 'exists and is not a tap device' nc --dev tap:lo --addr 10.0.0.1/8 10.0.0.2 1
in_ns ip tuntap add dev tun9 mode tun
wrong 2 'exists and is not a tap device' nc --dev tap:tun9 --addr 10.0.0.1/8 10.0.0.2 1
wrong 2 'type ip link set tun9 mtu 9000' nc --dev tun:tun9 --mtu 9000 --addr 10.0.0.1/8 10.0.0.2 1

# The kernel defends its addresses (RFC 5227, RFC 4862).
in_ns ip tuntap add dev dad0 mode tap
in_ns ip link set dad0 up
in_ns ip addr add 10.79.0.1/24 dev dad0
in_ns ip addr add fd79::1/64 dev dad0 nodad
wrong 1 'somebody else on dad0 has 10\.79\.0\.1:' nc --dev tap:dad0 --addr 10.79.0.1/24 10.79.0.9 1
wrong 1 'somebody else on dad0 has fd79::1:' nc --dev tap:dad0 --addr6 fd79::1/64 fd79::9 1

for help in --help "nc --help" "ss --help" "help nc" "--version"; do
    # shellcheck disable=SC2086
    "$lastack" $help >"$dir/help.out" 2>"$dir/help.err"
    ok "lastack $help" [ $? = 0 -a -s "$dir/help.out" -a ! -s "$dir/help.err" ]
done

# A peer in python: accepts one connection and does as told.
cat >"$dir/peer.py" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 7002))
s.listen()
c, _ = s.accept()
how = sys.argv[1]
if how == "reset":
    c.recv(1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
elif how == "wait for reset":
    c.settimeout(30)
    try:
        while c.recv(65536):
            pass
        sys.exit(3)
    except ConnectionResetError:
        sys.exit(0)
elif how == "close first":
    c.shutdown(socket.SHUT_WR)
    while c.recv(65536):
        pass
END
peer() # peer HOW
{
    start peer python3 "$dir/peer.py" "$1"
    peer=$pid
    wait_for 10 kernel_listens 7002
}

# ending NAME STATUS SENTENCE_REGEX: of the nc that runs as $client.
ending()
{
    ok "$1: exit status" ended "$client" "$2"
    ok "$1: sentence $(cat "$dir/client.err")" grep -qiE "$3" "$dir/client.err"
}

start client "$lastack" nc 10.77.0.1 9
client=$pid
ending "refused" 1 'refused|RST'

start client "$lastack" nc -w 1s 10.77.0.99 9
client=$pid
ending "nobody there" 1 'answer|neighbour'

peer reset
printf x >"$dir/client.in"
start client "$lastack" nc 10.77.0.1 7002
client=$pid
ending "reset by the peer" 1 'peer.*RST|reset'
rm "$dir/client.in"
ok "peer's status" ended "$peer" 0

peer "close first"
start client "$lastack" nc -v fd77::1 7002
client=$pid
ending "orderly" 0 'order'
ok "peer's status" ended "$peer" 0

# Ctrl-C resets the connection: the peer learns of it.
peer "wait for reset"
mkfifo "$dir/client.in"
exec 6<>"$dir/client.in"
start client env --default-signal=INT "$lastack" nc 10.77.0.1 7002 # a script's background jobs ignore it
client=$pid
ok "interrupted: connected" wait_for 10 stack_shows "$client" ESTABLISHED
kill -INT "$client"
ending "interrupted" 130 'abort'
ok "interrupted: the peer saw RST" ended "$peer" 0
ok "interrupted: its socket is gone" [ -z "$(ls "$LASTACK_RUN_DIR")" ]

# Standard output that nobody reads any more.
peer "wait for reset"
ip netns exec "$ns" "$lastack" nc -l 7003 <"$dir/client.in" > >(true) 2>"$dir/client.err" 6<&- &
client=$!
pids+=("$client")
ok "no reader: listens" wait_for 10 listens "$client" 7003
head -c 100000 /dev/zero >"$dir/zeros"
in_ns timeout 10 nc -N 10.77.0.2 7003 <"$dir/zeros" >/dev/null 2>&1
ending "no reader" 1 'standard output'

# The device is deleted under it.
start client "$lastack" nc -l 7004
client=$pid
ok "device gone: listens" wait_for 10 listens "$client" 7004
in_ns ip link del lastack0
ending "device gone" 1 'lastack0 is gone'
finish
