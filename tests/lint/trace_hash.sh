#!/bin/bash
# trace_hash.sh: the same inputs give the same trace, whatever compiled the core.  trace_hash runs a
# fixed simulation and prints one line with the hash of everything that happened.
set -u
[ -f tests/sim/trace_hash.c ] || exit 0
# shellcheck source=tests/lint/variants.sh
. tests/lint/variants.sh

first=
for v in "${variants[@]}"; do
    variant "$v" trace_hash || exit 1
    hash=$(timeout 300 "build/lint/$v/tests/trace_hash") || { echo "$v: trace_hash failed: $hash"; exit 1; }
    [ -n "$first" ] || first=$hash
    if [ "$hash" != "$first" ]; then
        echo "${variants[0]}: $first"
        echo "$v: $hash"
        exit 1
    fi
done
