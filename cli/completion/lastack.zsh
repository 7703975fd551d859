#compdef lastack
# lastack.zsh: completion for zsh.

local -a common
common=(
    '--dev[the device]:device:(tap\: tun\:)'
    '--addr[our IPv4 address]:address and length:'
    '--addr6[our IPv6 address]:address and length:'
    '--host-addr[IPv4 address for the kernel'\''s side]:address and length:'
    '--host-addr6[IPv6 address for the kernel'\''s side]:address and length:'
    '--gateway[default gateway]:address:'
    '--gateway6[the other family'\''s gateway]:address:'
    '--mtu[largest IP packet]:bytes:'
    '--msl[maximum segment lifetime]:time:'
    '--slaac[addresses from router advertisements]'
    '(--no-dad)--dad[check that our addresses are free]'
    '(--dad)--no-dad[use our addresses at once]'
    '--no-offload[checksums and segments are made here]'
    '--pcap[capture with comments]:file:_files -g "*.pcapng"'
    '--trace[tell everything on standard error]'
    '(-v --verbose)'{-v,--verbose}'[say what happens]'
    '(-h --help)'{-h,--help}'[options and examples]'
)

if (( CURRENT == 2 )); then
    _values 'command' \
        'demo[watch this stack work with the kernel]' \
        'drill[run packetdrill scripts]' \
        'lab[experiments in virtual time]' \
        'nc[standard input and output over one connection]' \
        'sim[random programs on random networks]' \
        'ss[the connections of a running stack]' \
        'help[options of a command]' '--help' '--version'
    return
fi
shift words
(( CURRENT-- ))
case $words[1] in
help)
    _values 'command' demo drill lab nc sim ss
    ;;
nc)
    _arguments $common \
        '(-l --listen)'{-l,--listen}'[wait for one connection]' \
        '(-6 --ipv6)'{-4,--ipv4}'[IPv4 only]' \
        '(-4 --ipv4)'{-6,--ipv6}'[IPv6 only]' \
        '(-p --source-port)'{-p,--source-port}'[connect from this port]:port:' \
        '(-w --timeout)'{-w,--timeout}'[give up connecting after]:time:' \
        '(-N --half-close)'{-N,--half-close}'[as nc -N; always on]' \
        '--stay[stay until TIME-WAIT is over]' \
        '1:host:_hosts' '2:port:'
    ;;
ss)
    _arguments \
        '(-a --all)'{-a,--all}'[listeners too]' \
        '(-l --listening)'{-l,--listening}'[listeners only]' \
        '(-t --tcp)'{-t,--tcp}'[TCP]' '(-n --numeric)'{-n,--numeric}'[numbers]' \
        '(-6 --ipv6)'{-4,--ipv4}'[IPv4 only]' \
        '(-4 --ipv4)'{-6,--ipv6}'[IPv6 only]' \
        '(--rules --usage)--closed[the last close records]' \
        '(--closed --usage)--rules[rules that fired]' \
        '(--closed --rules)--usage[how full the tables are]' \
        '--json[an array of objects]' \
        '(--socket)--pid[the stack of this process]:process:_pids' \
        '(--pid)--socket[the stack with this socket]:socket:_files' \
        '(-h --help)'{-h,--help}'[options and examples]'
    ;;
drill)
    _arguments \
        '--ip_version[IP version]:version:(ipv4 ipv6 ipv4-mapped-ipv6)' \
        '--local_ip[address of the stack]:address:' '--remote_ip[address of the script]:address:' \
        '--gateway_ip[of no effect]:address:' \
        '--bind_port[what bind(3, ..., ...) takes]:port:' \
        '--connect_port[what connect(3, ..., ...) takes]:port:' \
        '--mtu[largest IP packet]:bytes:' '--tolerance_usecs[how far from its time]:microseconds:' \
        '--profile[habits taken for granted]:profile:(rfc linux freebsd)' \
        '*'{-D,--define}'[a name that scripts may use]:NAME=VALUE:' \
        '(-n --dry-run)'{-n,--dry-run}'[read only]' '(-j --json)'{-j,--json}'[an array of objects]' \
        '(-v --verbose)'{-v,--verbose}'[each event]' \
        '(-h --help)'{-h,--help}'[options and examples]' \
        '*:script:_files -g "*.pkt(-.) *(-/)"'
    ;;
lab)
    _arguments \
        '*--set[over what the scenario says]:NAME=VALUE:' \
        '(-s --seed)'{-s,--seed}'[what luck comes from]:number:' \
        '--variant[only variants with this in their title]:text:' \
        '(-q --quiet)'{-q,--quiet}'[only what does not hold]' '--no-ladder[checks only]' \
        '--json[an array of objects]' '--pcap[capture with comments]:file:_files -g "*.pcapng"' \
        '--at[capture at this host]:host:' '--svg[the first ladder]:file:_files -g "*.svg"' \
        '(-h --help)'{-h,--help}'[options and examples]' \
        '1:what:(list run all show book)' \
        '*:experiment:{ compadd ${(f)"$(lastack lab list 2>/dev/null | grep -oE "^[0-9]+_[a-z0-9_]+")"}; _files }'
    ;;
demo)
    _arguments \
        '--msl[maximum segment lifetime]:time:' '--mtu[largest IP packet]:bytes:' \
        '--mib[how much each transfer carries]:MiB:' \
        '(-o --out)'{-o,--out}'[where demo.pcapng and demo.svg go]:folder:_files -/' \
        '--wire[who is on the other side]:wire:(kernel memory auto)' \
        '--json[what held, for a program]' \
        '(-h --help)'{-h,--help}'[options and examples]'
    ;;
sim)
    _arguments \
        '(-s --seed)'{-s,--seed}'[the first world]:number:' \
        '(-n --count)'{-n,--count}'[that many worlds]:number:' \
        '--seconds[for that long]:seconds:' '(-m --minutes)'{-m,--minutes}'[for that long]:minutes:' \
        '--off[features switched off]:features:' '--conns[connections at most]:number:' \
        '--visited[which segments met which state]' '--no-shrink[show a failure as it was found]' \
        '--trace[every event of every host]' '(-v --verbose)'{-v,--verbose}'[each world]' \
        '(-h --help)'{-h,--help}'[options and examples]'
    ;;
esac
