#!/bin/bash
# timeout: 120
# nc_odd: lastack nc while odd things happen to the kernel's side: its device goes down and comes up, loses
# its address, changes its MTU, or is made anew; its programs close one direction, linger for no time, or die.
. "$(dirname "$0")/lib_nc.sh"
needs python3 jq tshark mergecap
needs_nc

head -c 600000 /dev/urandom >"$dir/first"
head -c 900000 /dev/urandom >"$dir/second"
cat "$dir/first" "$dir/second" >"$dir/whole"
captures=0

# A listening lastack nc and the kernel's nc, connected; both are fed by hand: descriptor 5 goes to ours,
# 6 to the kernel's.
connected() # connected NAME FAMILY ADDRESS [OPTIONS]
{
    local name=$1 family=$2 address=$3
    shift 3
    rm -f "$dir/server.in" "$dir/client.in"
    mkfifo "$dir/server.in" "$dir/client.in"
    exec 5<>"$dir/server.in" 6<>"$dir/client.in"
    captures=$((captures + 1))
    start server "$lastack" nc "$@" --pcap "$dir/$captures.pcapng" -l 7000
    server=$pid
    ok "$name: listens" wait_for 10 listens "$server" 7000
    start client nc -N "$family" "$address" 7000
    client=$pid
    ok "$name: connected" wait_for 10 stack_shows "$server" ESTABLISHED
    cat "$dir/first" >&5
    cat "$dir/first" >&6
    ok "$name: the first part arrives here" wait_for 20 same "$dir/first" "$dir/server.out"
    ok "$name: the first part arrives there" wait_for 20 same "$dir/first" "$dir/client.out"
}

# The rest, the end of both directions, and how it ended.
rest() # rest NAME
{
    cat "$dir/second" >&5 &
    pids+=($!)
    cat "$dir/second" >&6
    ok "$1: the rest arrives here" wait_for 30 same "$dir/whole" "$dir/server.out"
    ok "$1: the rest arrives there" wait_for 30 same "$dir/whole" "$dir/client.out"
    exec 5<&- 6<&-
    ok "$1: exit status" ended "$server" 0
    ok "$1: nc's exit status" ended "$client" 0
}

in_flight() # something waits to be acknowledged
{
    stack_shows "$server" 'ESTABLISHED +[0-9]+ +[1-9]'
}

sent_again()
{
    "$lastack" ss --pid "$server" --json | jq -e '.[0].retransmits >= 2'
}

# Down and up again.  The kernel keeps its IPv4 address.
connected "down and up" -4 10.77.0.2
in_ns ip link set lastack0 down
cat "$dir/second" >&5 &
pids+=($!)
ok "down and up: what is sent waits" wait_for 10 in_flight
in_ns ip link set lastack0 up
cat "$dir/second" >&6
ok "down and up: the rest arrives here" wait_for 30 same "$dir/whole" "$dir/server.out"
ok "down and up: the rest arrives there" wait_for 30 same "$dir/whole" "$dir/client.out"
exec 5<&- 6<&-
ok "down and up: exit status" ended "$server" 0
ok "down and up: nc's exit status" ended "$client" 0

# Without its address the kernel does not answer; with it, everything goes on.
for family in 4 6; do
    name="address removed, IPv$family"
    address=10.77.0.1/24 ours=10.77.0.2
    [ $family = 6 ] && address=fd77::1/64 ours=fd77::2
    connected "$name" -$family $ours
    in_ns ip addr del $address dev lastack0
    cat "$dir/second" >&5 &
    pids+=($!)
    ok "$name: it is sent again" wait_for 20 sent_again
    if [ $family = 6 ]; then
        in_ns ip addr add $address dev lastack0 nodad
    else
        in_ns ip addr add $address dev lastack0
    fi
    cat "$dir/second" >&6
    ok "$name: the rest arrives here" wait_for 30 same "$dir/whole" "$dir/server.out"
    ok "$name: the rest arrives there" wait_for 30 same "$dir/whole" "$dir/client.out"
    exec 5<&- 6<&-
    ok "$name: exit status" ended "$server" 0
    ok "$name: nc's exit status" ended "$client" 0
done

# The kernel's MTU shrinks and grows under the connection.
for offload in "" --no-offload; do
    for family in 4 6; do
        ours=10.77.0.2
        [ $family = 6 ] && ours=fd77::2
        name="MTU changes, IPv$family $offload"
        # shellcheck disable=SC2086
        connected "$name" -$family $ours $offload
        in_ns ip link set lastack0 mtu 1280
        rest "$name"
        # shellcheck disable=SC2086
        connected "$name, larger" -$family $ours $offload
        in_ns ip link set lastack0 mtu 9000
        rest "$name, larger"
    done
done

# A peer in Python: accepts, says the first part, and ends as told.
cat >"$dir/peer.py" <<'END'
import os, socket, struct, sys
how, path = sys.argv[1:]
with open(path, "rb") as f:
    first = f.read()
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 7002))
s.listen()
c, _ = s.accept()
c.settimeout(30)
c.sendall(first)
def take(n):
    while n:
        n -= len(c.recv(min(n, 65536)))
if how == "half":  # closes its direction, and takes everything
    c.shutdown(socket.SHUT_WR)
    n = 0
    while part := c.recv(65536):
        n += len(part)
    sys.exit(0 if n == len(first) else 3)
take(1000)
if how == "linger":
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
elif how == "unread":  # close with bytes unread resets, too
    c.close()
elif how == "dies":
    os.kill(os.getpid(), 9)
END

# against NAME HOW PEER_STATUS STATUS SENTENCE: lastack nc sends the first part to the peer and takes what it sends.
against()
{
    local name=$1 address
    for address in 10.77.0.1 fd77::1; do
        start peer python3 "$dir/peer.py" "$2" "$dir/first"
        peer=$pid
        ok "$name: the peer listens" wait_for 10 kernel_listens 7002
        cp "$dir/first" "$dir/client.in"
        captures=$((captures + 1))
        start client "$lastack" nc -v --pcap "$dir/$captures.pcapng" "$address" 7002
        ok "$name, $address: exit status" ended "$pid" "$4"
        ok "$name, $address: it says why" grep -qE "$5" "$dir/client.err"
        ok "$name, $address: the peer's status" ended "$peer" "$3"
    done
}
rm -f "$dir/client.in" "$dir/server.in"
against "half close" half 0 0 'in order'
ok "half close: everything came" same "$dir/first" "$dir/client.out"
against "linger 0" linger 0 1 'peer.*(RST|reset)'
against "close with bytes unread" unread 0 1 'peer.*(RST|reset)'
against "killed" dies 137 1 'peer.*(RST|reset)'
ok "captures: nothing malformed, no wrong checksum" "$(dirname "$0")/lib_judge.py" "$dir"/*.pcapng
finish
