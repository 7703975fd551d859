#!/bin/bash
# timeout: 240
# nc_files: files through lastack nc, to and from the kernel's nc, socat and curl, over IPv4 and IPv6,
# on TAP and TUN, with and without offloads, at several MTUs.  What arrives is what was sent.
. "$(dirname "$0")/lib_nc.sh"
needs socat curl jq
needs_nc

head -c 4194304 /dev/urandom >"$dir/file"
head -c 300000 /dev/urandom >"$dir/small"

# The kernel sends, the stack listens.
kernel_to_stack() # NAME FAMILY ADDRESS FILE [OPTIONS]
{
    local name=$1 family=$2 address=$3 file=$4 server
    shift 4
    start server "$lastack" nc "$@" -l 7000
    server=$pid
    ok "$name: listens" wait_for 10 listens "$server" 7000
    in_ns timeout 60 nc -N "$family" "$address" 7000 <"$file" >"$dir/back"
    ok "$name: nc sends" [ $? = 0 ]
    ok "$name: exit status" ended "$server" 0
    ok "$name: same bytes" same "$file" "$dir/server.out"
}

# The stack connects; the kernel's cat sends everything back while it comes.
there_and_back() # NAME ADDRESS FILE [OPTIONS]
{
    local name=$1 address=$2 file=$3 client
    shift 3
    cp "$file" "$dir/client.in"
    start client "$lastack" nc "$@" "$address" 7001
    client=$pid
    ok "$name: exit status" ended "$client" 0
    ok "$name: same bytes" same "$file" "$dir/client.out"
    rm "$dir/client.in"
}

kernel_to_stack "IPv4 in" -4 10.77.0.2 "$dir/file"
kernel_to_stack "IPv6 in" -6 fd77::2 "$dir/file"
kernel_to_stack "IPv4 in, -4" -4 10.77.0.2 "$dir/small" -4
kernel_to_stack "no offload" -4 10.77.0.2 "$dir/file" --no-offload
kernel_to_stack "TUN" -6 fd77::2 "$dir/file" --dev tun:lt0 --addr 10.77.0.2/24 --addr6 fd77::2/64 \
    --host-addr 10.77.0.1/24 --host-addr6 fd77::1/64
for mtu in 576 1280 9000; do
    kernel_to_stack "MTU $mtu" -4 10.77.0.2 "$dir/small" --mtu $mtu
    kernel_to_stack "MTU $mtu, no offload" -4 10.77.0.2 "$dir/small" --mtu $mtu --no-offload
done

mkdir -p "/etc/netns/$ns"
echo "10.77.0.1 kernel.test" >"/etc/netns/$ns/hosts"
start echo socat TCP6-LISTEN:7001,fork,reuseaddr,ipv6only=0 EXEC:cat
ok "socat listens" wait_for 10 kernel_listens 7001
there_and_back "IPv4 both ways" 10.77.0.1 "$dir/file"
there_and_back "IPv6 both ways" fd77::1 "$dir/file"
there_and_back "IPv6 both ways, no offload" fd77::1 "$dir/small" --no-offload
there_and_back "MTU 1280 both ways" fd77::1 "$dir/small" --mtu 1280
there_and_back "by name" kernel.test "$dir/small"

# An HTTP answer out of a file, for curl.
{
    printf 'HTTP/1.0 200 OK\r\nContent-Length: 4194304\r\n\r\n'
    cat "$dir/file"
} >"$dir/http.in"
for url in http://10.77.0.2:8080/ 'http://[fd77::2]:8080/'; do
    start http "$lastack" nc -l 8080
    ok "$url: listens" wait_for 10 listens "$pid" 8080
    ok "$url: curl" in_ns curl -gsS -m 60 -o "$dir/fetched" "$url"
    ok "$url: exit status" ended "$pid" 0
    ok "$url: same bytes" same "$dir/file" "$dir/fetched"
done

# Nobody reads our standard output for a while: the window closes, the sender waits, nothing is lost.
mkfifo "$dir/pipe"
exec 5<>"$dir/pipe"
ip netns exec "$ns" "$lastack" nc -l 7000 >"$dir/pipe" 2>"$dir/slow.err" </dev/null 5<&- &
server=$!
pids+=("$server")
ok "slow reader: listens" wait_for 10 listens "$server" 7000
cp "$dir/file" "$dir/sender.in"
start sender nc -N 10.77.0.2 7000
sender=$pid
# Closed, or what is left of it is less than the kernel finds worth a segment.
window_closed()
{
    "$lastack" ss --pid "$server" --json | jq -e '.[0] | .rcv_wnd < .mss and .recv_q > 100000'
}
ok "slow reader: the window closes" wait_for 20 window_closed
ok "slow reader: the sender waits" kill -0 "$sender"
exec 7<"$dir/pipe" 5<&-
cat <&7 >"$dir/slow.out" &
reader=$!
pids+=("$reader")
exec 7<&-
ok "slow reader: sender's exit status" ended "$sender" 0
ok "slow reader: exit status" ended "$server" 0
ok "slow reader: reader's exit status" ended "$reader" 0
ok "slow reader: same bytes" same "$dir/file" "$dir/slow.out"
finish
