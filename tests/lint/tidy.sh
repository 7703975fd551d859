#!/bin/bash
# tidy.sh: clang-tidy with .clang-tidy's checks.  A file that passed is looked at again only when it,
# a header or the checks have changed.
set -u
scripts/build release help >/dev/null 2>&1 # configures: it is compile_commands.json that is wanted
done_dir=build/lint/tidy
mkdir -p "$done_dir"
newest=$(find include core host sockets sim lab drill cli .clang-tidy \( -name '*.h' -o -name '*.def' -o -name .clang-tidy \) \
              -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 1 | cut -d' ' -f2)

one() {
    mark=$done_dir/${1//\//_}
    [ "$mark" -nt "$1" ] && [ "$mark" -nt "$newest" ] && return 0
    if out=$(clang-tidy --quiet -p build "$1" 2>/dev/null); then
        touch "$mark"
    else
        printf '%s\n' "$out" | grep -E '(error|warning):' | sed "s|^$PWD/||; s/,-warnings-as-errors]/]/"
        return 1
    fi
}
export -f one
export done_dir newest
find core host sockets sim lab drill cli -name '*.c' 2>/dev/null | sort |
    xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'one {}'
