# book.cmake: the book of the laboratory, written, and read in a headless Chromium (tests/book).

set(test ${LASTACK_TEST_PREFIX}book)
if(LASTACK_SANITIZE)
    add_test(NAME ${test} COMMAND lastack lab book ${CMAKE_CURRENT_BINARY_DIR}/book)
else()
    add_test(NAME ${test}
        COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/book/test_book.py $<TARGET_FILE:lastack>)
endif()
set_tests_properties(${test} PROPERTIES LABELS book TIMEOUT 600 ENVIRONMENT "${sanitizer_env}")
