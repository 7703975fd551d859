#!/bin/bash
# exports.sh: only la_* leaves the library, and everything that a public header declares is there.
set -u
scripts/build release lastack_shared lastack_static >build/exports.log 2>&1 ||
    { grep -E 'error|FAILED' build/exports.log | head -n 20; exit 1; }

shared=$(nm -D --defined-only --format=posix build/liblastack.so | awk '{ print $1 }' | sort -u)
static=$(nm -g --defined-only --format=posix build/liblastack.a | awk 'NF > 1 { print $1 }' | sort -u)
promised=$(for header in include/lastack/*.h; do echo "#include <lastack/${header##*/}>"; done |
    clang -E -P -Iinclude -x c - | tr '\n' ' ' | sed 's/[;}]/&\n/g' | grep 'visibility("default")' |
    grep -oE '\bla_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)

status=0
say() { # say TEXT NAMES
    if [ -n "$2" ]; then
        echo "$1: $(echo "$2" | tr '\n' ' ')"
        status=1
    fi
}
say "liblastack.so exports" "$(echo "$shared" | grep -v '^la_')"
say "liblastack.a exports" "$(echo "$static" | grep -v '^la_')"
say "declared and not in liblastack.so" "$(comm -23 <(echo "$promised") <(echo "$shared"))"
say "declared and not in liblastack.a" "$(comm -23 <(echo "$promised") <(echo "$static"))"
say "exported and not declared" "$(comm -13 <(echo "$promised") <(echo "$shared") | grep -v '^la_panic$')"
say "liblastack.so needs" "$(readelf -d build/liblastack.so | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^libc\.so')"
exit $status
