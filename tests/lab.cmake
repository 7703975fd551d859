# lab.cmake: the laboratory: its language, and every experiment in every variant, each with what must
# hold, by the command itself.

lastack_tests(lab 120)
target_compile_definitions(lab_wrong PRIVATE LAB_WRONG="${CMAKE_CURRENT_SOURCE_DIR}/lab/wrong")
target_compile_definitions(lab_runs PRIVATE LAB_DOC="${PROJECT_SOURCE_DIR}/docs/lab.md")

add_test(NAME ${LASTACK_TEST_PREFIX}lab/all COMMAND lastack lab all)
set_tests_properties(${LASTACK_TEST_PREFIX}lab/all PROPERTIES
    LABELS lab TIMEOUT 300 ENVIRONMENT "${sanitizer_env}")
