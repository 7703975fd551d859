#!/bin/bash
# scripts.sh: shell scripts pass shellcheck, Python ones compile, and what is called is executable.
set -u
status=0
# SC2317: functions that are passed by their name look unreachable to it.
while read -r f; do
    line=
    IFS= read -r line <"$f" 2>/dev/null
    case $f:$line in
    *.sh:* | *:'#!'*sh) shellcheck --exclude=SC2317 --external-sources --source-path=SCRIPTDIR "$f" || status=1 ;;
    *.py:* | *:'#!'*python3)
        python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])' "$f" || status=1 ;;
    *) continue ;;
    esac
    if [[ $line == '#!'* && ! -x $f ]]; then
        echo "$f: begins with #! and is not executable"
        status=1
    fi
done < <(scripts/sources)
exit $status
