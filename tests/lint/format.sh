#!/bin/bash
# format.sh: `make format` would change nothing.
set -u
mapfile -t sources < <(scripts/sources '*.c' '*.h')
clang-format --style=file --dry-run --Werror --ferror-limit=1 "${sources[@]}" 2>&1 | grep -E ': error:' |
    sed 's/: error: code should be clang-formatted.*/: make format would change this/'
[ "${PIPESTATUS[0]}" -eq 0 ]
