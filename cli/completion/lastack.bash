# lastack.bash: completion for bash.

_lastack_common='--dev --addr --addr6 --host-addr --host-addr6 --gateway --gateway6 --mtu --msl --slaac
    --dad --no-dad --no-offload --pcap --trace --verbose --help'

_lastack()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words

    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W 'demo drill lab nc sim ss help --help --version' -- "$cur"))
        return
    fi
    case $prev in
    --ip_version)
        COMPREPLY=($(compgen -W 'ipv4 ipv6 ipv4-mapped-ipv6' -- "$cur"))
        return
        ;;
    --wire)
        COMPREPLY=($(compgen -W 'kernel memory auto' -- "$cur"))
        return
        ;;
    --out)
        COMPREPLY=($(compgen -d -- "$cur"))
        return
        ;;
    --profile)
        COMPREPLY=($(compgen -W 'rfc linux freebsd' -- "$cur"))
        return
        ;;
    --pcap | --socket | --svg)
        COMPREPLY=($(compgen -f -- "$cur"))
        return
        ;;
    --pid)
        COMPREPLY=($(compgen -W "$(
            for s in /run/lastack/*.sock "${XDG_RUNTIME_DIR:-/nowhere}"/lastack/*.sock; do
                [[ -S $s ]] && s=${s##*/} && echo "${s%%[-.]*}"
            done
        )" -- "$cur"))
        return
        ;;
    --addr | --addr6 | --host-addr | --host-addr6 | --gateway | --gateway6 | --mtu | --msl | --timeout | \
        --source-port | -w | -p)
        return
        ;;
    --dev)
        COMPREPLY=($(compgen -W 'tap: tun:' -- "$cur"))
        compopt -o nospace
        return
        ;;
    esac
    case $command in
    help) words='demo drill lab nc sim ss' ;;
    nc) words="$_lastack_common --listen --ipv4 --ipv6 --source-port --timeout --stay --half-close" ;;
    ss) words='--all --listening --tcp --numeric --ipv4 --ipv6 --closed --rules --usage --json --pid
               --socket --help' ;;
    drill)
        words='--ip_version --local_ip --remote_ip --gateway_ip --bind_port --connect_port --mtu
               --tolerance_usecs --profile --define --dry-run --json --verbose --help'
        [[ $cur == -* ]] || { COMPREPLY=($(compgen -f -- "$cur")); return; }
        ;;
    lab)
        words='--set --seed --variant --quiet --no-ladder --json --pcap --at --svg --help'
        if [[ $COMP_CWORD -eq 2 && $cur != -* ]]; then
            words='list run all show book'
        elif [[ $cur != -* ]]; then
            words=$(lastack lab list 2>/dev/null | grep -oE '^[0-9]+_[a-z0-9_]+')
            COMPREPLY=($(compgen -W "$words" -- "$cur") $(compgen -f -- "$cur"))
            return
        fi
        ;;
    demo) words='--msl --mtu --mib --out --wire --json --help' ;;
    sim) words='--seed --count --seconds --minutes --off --conns --visited --no-shrink --trace --verbose --help' ;;
    *) words= ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _lastack lastack
