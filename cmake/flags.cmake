# flags.cmake: how everything is compiled.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo" FORCE)
endif()
# The default is what is measured and shipped: -O3, with line numbers for a backtrace.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")

add_library(lastack_flags INTERFACE)
target_compile_options(lastack_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum)
if(LASTACK_WERROR)
    target_compile_options(lastack_flags INTERFACE -Werror)
endif()

if(LASTACK_SANITIZE)
    target_compile_options(lastack_flags INTERFACE
        -fsanitize=${LASTACK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(lastack_flags INTERFACE -fsanitize=${LASTACK_SANITIZE})
endif()
if(LASTACK_FUZZ)
    target_compile_options(lastack_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What stands above the core may use the system it runs on.
add_library(lastack_hosted INTERFACE)
target_compile_definitions(lastack_hosted INTERFACE _GNU_SOURCE)
target_link_libraries(lastack_hosted INTERFACE lastack_flags)
