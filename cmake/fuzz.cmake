# fuzz.cmake: each fuzz/fuzz_*.c is one libFuzzer target, build/.../fuzz/NAME.

file(GLOB fuzz_c CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(c ${fuzz_c})
    cmake_path(GET c STEM name)
    add_executable(${name} ${c})
    target_link_libraries(${name} PRIVATE lastack_inside)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
endforeach()
