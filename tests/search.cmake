# search.cmake: a fixed budget of the search on fresh seeds, which its output names (lastack sim).

add_test(NAME ${LASTACK_TEST_PREFIX}sim/search_fresh COMMAND lastack sim --seconds 60)
set_tests_properties(${LASTACK_TEST_PREFIX}sim/search_fresh PROPERTIES
    LABELS sim TIMEOUT 300 ENVIRONMENT "${sanitizer_env}")
