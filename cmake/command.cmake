# command.cmake: build/lastack.  cli/main.c is the program; the rest of cli/ is an archive, so that
# tests can link with its parts.

file(GLOB LASTACK_CLI_C CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/*.c)
list(REMOVE_ITEM LASTACK_CLI_C ${PROJECT_SOURCE_DIR}/cli/main.c)

find_package(PkgConfig REQUIRED)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)

if(LASTACK_CLI_C)
    add_library(lastack_cli STATIC EXCLUDE_FROM_ALL ${LASTACK_CLI_C})
    target_link_libraries(lastack_cli PUBLIC lastack_inside PkgConfig::CJSON)
endif()

if(EXISTS ${PROJECT_SOURCE_DIR}/cli/main.c)
    add_executable(lastack ${PROJECT_SOURCE_DIR}/cli/main.c)
    target_link_libraries(lastack PRIVATE $<TARGET_NAME_IF_EXISTS:lastack_cli> lastack_inside PkgConfig::CJSON)
endif()
