# live.cmake: scripts of live/ as CTest tests labelled "live", each with the machine to itself.
#
# stack.c is the stack that the Python ones lead by the hand (lib_live.py).
#
# They make their own network namespaces and need the right to.  One that has not got it fails: there
# is no skipping.  A comment "timeout: N" in a script gives it N seconds in place of 180.  With sanitizers
# only those run that have a comment "sanitized": where what comes from outside is the point.

add_executable(live_stack ${CMAKE_CURRENT_SOURCE_DIR}/live/stack.c)
target_link_libraries(live_stack PRIVATE $<TARGET_NAME_IF_EXISTS:lastack_cli> lastack_inside PkgConfig::CJSON)
set_target_properties(live_stack PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/live)
# alike.c plays the scenarios of alike.txt, by the object for packetdrill or by the kernel.
add_executable(live_alike ${CMAKE_CURRENT_SOURCE_DIR}/live/alike.c)
target_link_libraries(live_alike PRIVATE tests_inside)
set_target_properties(live_alike PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/live)

file(GLOB live CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/live/*.sh ${CMAKE_CURRENT_SOURCE_DIR}/live/test_*.py)
list(FILTER live EXCLUDE REGEX "/(lib|common)[^/]*$")
if(LASTACK_EXAMPLES)
    list(APPEND live ${CMAKE_CURRENT_SOURCE_DIR}/install/examples.sh)
endif()
foreach(script ${live})
    cmake_path(GET script STEM stem)
    cmake_path(GET script EXTENSION ext)
    string(REGEX REPLACE "^test_" "" name ${stem})
    if(ext STREQUAL ".py")
        set(interpreter python3)
    else()
        set(interpreter bash)
    endif()
    file(STRINGS ${script} sanitized REGEX "^# *sanitized" LIMIT_COUNT 1)
    if(LASTACK_SANITIZE AND NOT sanitized)
        continue()
    endif()
    file(STRINGS ${script} limit REGEX "^# *timeout: *[0-9]+" LIMIT_COUNT 1)
    string(REGEX REPLACE "[^0-9]" "" limit "${limit}")
    if(NOT limit)
        set(limit 180)
    endif()
    set(test ${LASTACK_TEST_PREFIX}live/${name})
    add_test(NAME ${test} COMMAND ${interpreter} ${script})
    set_tests_properties(${test} PROPERTIES
        LABELS live RESOURCE_LOCK live RUN_SERIAL ON TIMEOUT ${limit}
        ENVIRONMENT "LASTACK=${PROJECT_BINARY_DIR}/lastack;LASTACK_BUILD=${PROJECT_BINARY_DIR};LASTACK_SOURCE=${PROJECT_SOURCE_DIR};${sanitizer_env}")
endforeach()
