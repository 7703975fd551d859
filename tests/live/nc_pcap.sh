#!/bin/bash
# timeout: 120
# nc_pcap: captures judged by tshark: no malformed packet, no wrong checksum, and comments that say
# what the stack thought; and the lines of --trace.
. "$(dirname "$0")/lib_nc.sh"
needs python3 tshark mergecap ping
needs_nc

head -c 1000000 /dev/urandom >"$dir/file"
cp "$dir/file" "$dir/client.in"
mkfifo "$dir/server.in"
lib_judge=$(dirname "$0")/lib_judge.py

# shown CAPTURE FILTER [OPTIONS]: by tshark.
shown()
{
    local capture=$1 filter=$2
    shift 2
    tshark -r "$capture" -Y "$filter" "$@" 2>/dev/null
}

# judge NAME CAPTURE
judge()
{
    local name=$1 capture=$2
    ok "$name: nothing malformed, no wrong checksum" "$lib_judge" "$capture"
    shown "$capture" frame -T fields -e frame.comment -e tcp.flags.str >"$dir/comments"
    ok "$name: it has packets" [ "$(wc -l <"$dir/comments")" -gt 20 ]
    shown "$capture" 'tcp && !frame.comment' >"$dir/wrong"
    ok "$name: every segment has its comment: $(head -n 3 "$dir/wrong")" [ ! -s "$dir/wrong" ]
    ok "$name: handshake" grep -qE '^LISTEN -> SYN-RECEIVED' "$dir/comments"
    ok "$name: the rule that opened it" grep -q ESTABLISHED_BY_ACK "$dir/comments"
    ok "$name: the peer's FIN" grep -qE 'ESTABLISHED -> CLOSE-WAIT' "$dir/comments"
    ok "$name: our FIN, and why it was sent" grep -qE 'LAST-ACK.*before it: .*CLOSE-WAIT -> LAST-ACK' "$dir/comments"
    ok "$name: the end and its record" grep -qE 'LAST-ACK -> CLOSED.*close record 1' "$dir/comments"
    ok "$name: four closing segments" [ "$(shown "$capture" 'tcp.flags.fin == 1' | wc -l)" = 2 ]
}

for family in 4 6; do
    for offload in "" --no-offload; do
        address=10.77.0.2
        [ $family = 6 ] && address=fd77::2
        name="IPv$family $offload"
        exec 5<>"$dir/server.in"
        # shellcheck disable=SC2086
        start server "$lastack" nc $offload --pcap "$dir/c.pcapng" --trace -l 7000
        server=$pid
        ok "$name: listens" wait_for 10 listens "$server" 7000
        start client timeout 30 nc -N $address 7000
        ok "$name: the peer closes" wait_for 20 stack_shows "$server" CLOSE-WAIT
        exec 5<&-
        ok "$name: exit status" ended "$server" 0
        ok "$name: same bytes" same "$dir/file" "$dir/server.out"
        judge "$name" "$dir/c.pcapng"
        ok "$name: trace" grep -qE '^ +[0-9]+\.[0-9]{6} .*:7000 - .* state LAST-ACK -> CLOSED$' "$dir/server.err"
        ok "$name: trace's segments" grep -qE ':7000 > .* \[FIN,ACK\] seq 1 ack 1000002 ' "$dir/server.err"
    done
done

rm "$dir/server.in"

# A TUN's packets have no link header; and the file is whole when the command is interrupted.
start server "$lastack" nc --dev tun:lt0 --addr 10.77.0.2/24 --host-addr 10.77.0.1/24 --pcap "$dir/c.pcapng" -l 7000
ok "TUN: listens" wait_for 10 listens "$pid" 7000
in_ns ping -q -c 2 -i 0.2 -W 5 10.77.0.2 >"$dir/ping"
ok "TUN: ping" [ $? = 0 ]
kill -TERM "$pid"
ok "TUN: status" ended "$pid" 130
shown "$dir/c.pcapng" 'icmp.checksum.status == 1' >"$dir/ping"
ok "TUN: echo and reply" [ "$(wc -l <"$dir/ping")" = 4 ]

# A capture that is not complete is no success, and says what it met.
full() # full NAME CAPTURE REGEX
{
    start server "$lastack" nc --pcap "$2" -l 7000
    server=$pid
    ok "$1: listens" wait_for 10 listens "$server" 7000
    in_ns timeout 20 nc -N 10.77.0.2 7000 <"$dir/file" >/dev/null
    ok "$1: status" ended "$server" 1
    ok "$1: says why: $(cat "$dir/server.err")" grep -qx "lastack nc: the capture is not complete: $3" "$dir/server.err"
}
full "disk full" /dev/full 'No space left on device'
mkfifo "$dir/pipe"
head -c 100 "$dir/pipe" >/dev/null &
pids+=($!)
full "nobody reads" "$dir/pipe" 'Broken pipe'
finish
