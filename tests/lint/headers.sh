#!/bin/bash
# headers.sh: an embedder may include any public header first, from C or from C++.
set -u
status=0
for header in include/lastack/*.h; do
    for as in "-x c -std=c17" "-x c++ -std=c++17"; do
        # shellcheck disable=SC2086 # several words
        printf '#include <lastack/%s>\n' "${header##*/}" |
            clang $as -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Werror \
                  -Wno-c99-extensions -Wno-gnu-anonymous-struct -Iinclude - || status=1
    done
done
exit $status
