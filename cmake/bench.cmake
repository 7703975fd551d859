# bench.cmake: each bench/*.c is one program, build/bench/NAME; `--target bench` builds them all.
# A peer's side, bench/*_lwip.c, needs the peer's sources: scripts/bench fetches those and builds it.

file(GLOB bench_c CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.c)
list(FILTER bench_c EXCLUDE REGEX "_lwip\\.c$")
add_custom_target(bench)
foreach(c ${bench_c})
    cmake_path(GET c STEM name)
    add_executable(bench_${name} EXCLUDE_FROM_ALL ${c})
    target_link_libraries(bench_${name} PRIVATE lastack_inside m)
    set_target_properties(bench_${name} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    add_dependencies(bench bench_${name})
endforeach()
