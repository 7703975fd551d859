# variants.sh: the builds that objects.sh and trace_hash.sh look at.  Sourced.
# shellcheck shell=bash disable=SC2034

variants=(gcc-O0 gcc-O2 clang-O0 clang-O2)

# variant NAME TARGET...: builds the targets into build/lint/NAME, quietly.
variant() {
    local name=$1 dir=build/lint/$1
    shift
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ]; then
        cmake -S . -B "$dir" -G Ninja -DCMAKE_C_COMPILER="${name%-*}" -DCMAKE_BUILD_TYPE=None \
              -DCMAKE_C_FLAGS="-${name#*-}" -DLASTACK_TESTS=ON -DLASTACK_LIVE=OFF >"$dir.log" 2>&1 ||
            { cat "$dir.log"; return 1; }
    fi
    cmake --build "$dir" -j "${JOBS:-$(nproc)}" --target "$@" >"$dir.log" 2>&1 ||
        { grep -E 'error|warning|FAILED' "$dir.log" | head -n 20; return 1; }
}
