# lab.cmake: every experiment in every variant, each with what must hold, by the command itself.

add_test(NAME ${LASTACK_TEST_PREFIX}lab/all COMMAND lastack lab all)
set_tests_properties(${LASTACK_TEST_PREFIX}lab/all PROPERTIES
    LABELS lab TIMEOUT 300 ENVIRONMENT "${sanitizer_env}")
