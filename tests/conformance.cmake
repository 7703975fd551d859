# conformance.cmake: the scripts of conformance/, one a requirement or a cell of RFC 9293 §3.10, all run
# by one test.  A script says in its head what it proves (`# proves: MUST-12`).

add_test(NAME ${LASTACK_TEST_PREFIX}conformance
    COMMAND lastack drill ${CMAKE_CURRENT_SOURCE_DIR}/conformance)
set_tests_properties(${LASTACK_TEST_PREFIX}conformance PROPERTIES
    LABELS conformance TIMEOUT 120 ENVIRONMENT "${sanitizer_env}")
