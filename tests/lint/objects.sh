#!/bin/bash
# objects.sh: the first law, in the objects themselves.  A stack is a value: no object of the core has
# .data or .bss, thread-local or not (.data.rel.ro is constant once loaded), and the core asks nothing
# of its surroundings but four mem* functions.
set -u
# shellcheck source=tests/lint/variants.sh
. tests/lint/variants.sh

allowed='memcpy|memmove|memset|memcmp|la_panic|_GLOBAL_OFFSET_TABLE_'
status=0
for v in "${variants[@]}"; do
    variant "$v" lastack_core || { status=1; continue; }
    mapfile -t objects < <(find "build/lint/$v/CMakeFiles/lastack_core.dir" -name '*.o' | sort)
    for o in "${objects[@]}"; do
        # A source that is gone leaves its object behind.
        src=${o#*lastack_core.dir/}
        [ -f "${src%.o}" ] || continue
        kept+=("$o")
    done
    size -A "${kept[@]}" | awk -v v="$v" '
        / :$|:$/ { file = $1; sub(/.*lastack_core\.dir\//, "", file) }
        $1 ~ /^\.(data|bss|tdata|tbss|tm_clone_table|init_array|ctors)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 {
            print v ": " file " has " $2 " bytes of " $1; bad = 1 }
        END { exit bad }' || status=1
    nm "${kept[@]}" | awk -v v="$v" -v allowed="^($allowed)$" '
        /:$/ { file = $1; sub(/.*lastack_core\.dir\//, "", file); sub(/\.o:$/, "", file); next }
        NF == 2 && $1 == "U" { need[$2] = need[$2] " " file; next }
        NF == 3 { have[$3] = 1 }
        END { for (s in need) if (!(s in have) && s !~ allowed) { print v ": " s " is asked for by" need[s]; bad = 1 }
              exit bad }' || status=1
    unset kept
done
exit $status
