#!/bin/bash
# cppcheck.sh: warnings, performance and portability; style is the reader's business.
set -u
mkdir -p build/lint/cppcheck
folders=()
for d in core host sockets sim lab drill cli examples; do
    [ -n "$(find "$d" -name '*.c' 2>/dev/null | head -n 1)" ] && folders+=("$d")
done
cppcheck --quiet --enable=warning,performance,portability --std=c11 --language=c --inline-suppr \
         --error-exitcode=1 --cppcheck-build-dir=build/lint/cppcheck -j "${JOBS:-$(nproc)}" \
         --suppressions-list=tests/lint/cppcheck.suppress -Iinclude -Icore -I. "${folders[@]}"
