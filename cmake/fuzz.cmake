# fuzz.cmake: each fuzz/fuzz_*.c is one target: with LASTACK_FUZZ a libFuzzer program, .../fuzz/NAME;
# with the tests the same without libFuzzer, run over its corpus, fuzz/corpus/NAME.

function(lastack_fuzz_target name)
    target_link_libraries(${name} PRIVATE $<TARGET_NAME_IF_EXISTS:lastack_cli> lastack_inside)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
endfunction()

file(GLOB fuzz_c CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(c ${fuzz_c})
    cmake_path(GET c STEM stem)
    string(REGEX REPLACE "^fuzz_" "" name ${stem})
    if(LASTACK_FUZZ)
        add_executable(${stem} ${c})
        lastack_fuzz_target(${stem})
        target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${stem} PROPERTIES OUTPUT_NAME ${name})
    endif()
    if(LASTACK_TESTS)
        add_executable(replay_${name} ${c} ${PROJECT_SOURCE_DIR}/fuzz/replay.c)
        lastack_fuzz_target(replay_${name})
        add_test(NAME ${LASTACK_TEST_PREFIX}fuzz/${name}
            COMMAND replay_${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
        set_tests_properties(${LASTACK_TEST_PREFIX}fuzz/${name} PROPERTIES
            LABELS fuzz TIMEOUT 120 ENVIRONMENT "${sanitizer_env}")
    endif()
endforeach()
