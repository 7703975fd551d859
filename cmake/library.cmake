# library.cmake: core/ and host/ as liblastack.a and liblastack.so; both export la_* alone.

file(GLOB_RECURSE LASTACK_CORE_C CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/*.c)
file(GLOB LASTACK_HOST_C CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/*.c)

# The core is freestanding: it sees include/ and core/, and no stack protector or fortified libc
# brings in a symbol behind its back.  Builtins stay on, so a short memcpy is a move.
add_library(lastack_core OBJECT ${LASTACK_CORE_C})
target_include_directories(lastack_core PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/core)
target_compile_options(lastack_core PRIVATE -fvisibility=hidden -fno-stack-protector -U_FORTIFY_SOURCE)
target_link_libraries(lastack_core PRIVATE lastack_flags)
set(LASTACK_OBJECTS $<TARGET_OBJECTS:lastack_core>)

if(LASTACK_HOST_C)
    add_library(lastack_host OBJECT ${LASTACK_HOST_C})
    target_include_directories(lastack_host PRIVATE
        ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR})
    target_compile_options(lastack_host PRIVATE -fvisibility=hidden)
    target_link_libraries(lastack_host PRIVATE lastack_hosted)
    list(APPEND LASTACK_OBJECTS $<TARGET_OBJECTS:lastack_host>)
endif()

# An archive has no visibility: without this step `rcvq_push` would be a global name in the program
# of everyone who links liblastack.a.  So the objects become one, and what is hidden becomes local.
set(merged ${PROJECT_BINARY_DIR}/liblastack.o)
add_custom_command(OUTPUT ${merged}
    COMMAND ${CMAKE_LINKER} -r -o ${merged} ${LASTACK_OBJECTS}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${merged}
    DEPENDS ${LASTACK_OBJECTS}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Merging the library's objects")
add_library(lastack_static STATIC ${merged})
set_source_files_properties(${merged} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(lastack_static PROPERTIES OUTPUT_NAME lastack LINKER_LANGUAGE C)

add_library(lastack_shared SHARED ${LASTACK_OBJECTS})
set_target_properties(lastack_shared PROPERTIES OUTPUT_NAME lastack LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(lastack_shared PRIVATE lastack_flags)
target_link_options(lastack_shared PRIVATE -Wl,-Bsymbolic-functions)

foreach(lib lastack_static lastack_shared)
    target_include_directories(${lib} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_compile_features(${lib} INTERFACE c_std_99)
endforeach()
add_library(lastack::lastack ALIAS lastack_shared)
add_library(lastack::static ALIAS lastack_static)

# Everything with its internal names, as an archive of single objects: a program that uses a part of
# it links with that part.
file(GLOB LASTACK_UPPER_C CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/sockets/*.c ${PROJECT_SOURCE_DIR}/sim/*.c
     ${PROJECT_SOURCE_DIR}/lab/*/*.c ${PROJECT_SOURCE_DIR}/drill/*.c)
if(LASTACK_COMMAND OR LASTACK_TESTS OR LASTACK_BENCH OR LASTACK_FUZZ)
    include(cmake/drill.cmake)
    list(APPEND LASTACK_UPPER_C ${LASTACK_DRILL_C})
else()
    list(FILTER LASTACK_UPPER_C EXCLUDE REGEX "/drill/") # an embedder needs neither it nor flex
endif()

# The experiments are part of the program, and what the book of them looks like.
set(embedded ${PROJECT_BINARY_DIR}/lab_files.c)
file(GLOB LASTACK_EXPERIMENTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lab/experiments/*.lab
     ${PROJECT_SOURCE_DIR}/lab/experiments/*.md ${PROJECT_SOURCE_DIR}/prove/*.txt
     ${PROJECT_SOURCE_DIR}/lab/book/book.css ${PROJECT_SOURCE_DIR}/lab/book/book.js)
add_custom_command(OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} -DOUT=${embedded} -DFROM=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${LASTACK_EXPERIMENTS} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM COMMENT "Taking in the experiments")
list(APPEND LASTACK_UPPER_C ${embedded})

add_library(lastack_inside STATIC EXCLUDE_FROM_ALL ${LASTACK_OBJECTS} ${LASTACK_UPPER_C})
set_target_properties(lastack_inside PROPERTIES LINKER_LANGUAGE C)
target_include_directories(lastack_inside PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR})
target_link_libraries(lastack_inside PUBLIC lastack_hosted)
