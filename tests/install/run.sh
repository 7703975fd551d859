#!/bin/bash
# run.sh: installs a build into an empty place, moves it, and builds the examples and memory.c from
# there, by find_package and by pkg-config.  memory.c is run.  Where there are mount namespaces the
# programs must find the library as `make install` leaves it; elsewhere LD_LIBRARY_PATH helps them.
#
#   tests/install/run.sh BUILD-DIRECTORY
set -eu

build=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { # step WHAT COMMAND...: quiet unless it fails
    local what=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        cat "$work/log"
        echo "install: $what failed: $*"
        exit 1
    fi
    echo "$what: ok"
}

step "install below DESTDIR" env DESTDIR="$work/dest" cmake --install "$build" --prefix /usr
# The prefix was /usr; it is used from elsewhere, so nothing may have kept the path.
mv "$work/dest/usr" "$work/prefix"
prefix=$work/prefix
lib=$(dirname "$(find "$prefix" -name liblastack.a)")
stray=$(find "$prefix/include" -type f ! -path '*/include/lastack/*.h')
[ -z "$stray" ] || { echo "install: these headers are not public: $stray"; exit 1; }
if grep -rIlF -e "$source" -e "$work" "$prefix" --include='*.cmake' --include='*.pc' --include='*.h'; then
    echo "install: these files name the place where they were built"
    exit 1
fi

step "find_package: configure" cmake -S "$source/tests/install" -B "$work/cmake" \
     -DCMAKE_PREFIX_PATH="$prefix" -DLASTACK_SOURCE="$source" -DCMAKE_BUILD_TYPE=Release
step "find_package: build" cmake --build "$work/cmake"
step "find_package: shared library runs" "$work/cmake/memory"
step "find_package: static library runs" "$work/cmake/memory_static"

export PKG_CONFIG_PATH=$lib/pkgconfig
cp -r "$source/examples" "$work/examples"
step "pkg-config: examples build" make -C "$work/examples"
# shellcheck disable=SC2046 # several words
step "pkg-config: memory.c builds" cc -std=c17 -Wall -Wextra -Werror -o "$work/memory" \
     "$source/tests/install/memory.c" $(pkg-config --cflags --libs lastack)

# What is below $prefix in /usr/local, and /etc a copy, for the command that follows alone.
cat >"$work/as_installed" <<'END'
set -eu
work=$1 prefix=$2 source=$3
shift 3
mount --bind "$prefix" /usr/local
mkdir -p "$work/etc"
cp -a /etc/. "$work/etc" 2>/dev/null || true # what a user may not read is not needed
mount --bind "$work/etc" /etc
[ ! -d /var/cache/ldconfig ] || mount -t tmpfs tmpfs /var/cache/ldconfig
"$source/scripts/loader" /usr/local
unset LD_LIBRARY_PATH
"$@"
END
installed=(env LD_LIBRARY_PATH="$lib")
for way in "unshare -m" "unshare -rm"; do
    # shellcheck disable=SC2086 # several words
    if $way mount -t tmpfs tmpfs "$work/prefix" 2>/dev/null; then
        # shellcheck disable=SC2206
        installed=($way bash "$work/as_installed" "$work" "$prefix" "$source")
        break
    fi
done
step "pkg-config: it runs" "${installed[@]}" "$work/memory"
for program in echo httpd get; do
    if "${installed[@]}" "$work/examples/$program" --no-such-option >"$work/log" 2>&1; then
        echo "install: $program takes --no-such-option"
        exit 1
    fi
    grep -q '^use: ' "$work/log" || { cat "$work/log"; exit 1; }
done
if [ -x "$prefix/bin/lastack" ]; then
    step "the command runs" "$prefix/bin/lastack" --help
    [ -n "$(find "$prefix" -name 'lastack.1*')" ] || { echo "install: the man page is missing"; exit 1; }
fi
