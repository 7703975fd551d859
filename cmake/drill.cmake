# drill.cmake: the grammars of drill/ become C by flex and bison, in the build directory.  What those
# two write is compiled without our warnings.  Sets LASTACK_DRILL_C.

find_package(FLEX REQUIRED)
find_package(BISON 3.6 REQUIRED)

set(drill_out ${PROJECT_BINARY_DIR}/drill)
file(MAKE_DIRECTORY ${drill_out})
set(LASTACK_DRILL_C)
foreach(grammar script code)
    set(parser ${drill_out}/${grammar}_parser)
    set(lexer ${drill_out}/${grammar}_lexer)
    add_custom_command(OUTPUT ${parser}.c ${parser}.h
        COMMAND ${BISON_EXECUTABLE} -Wall -Werror -o ${parser}.c --header=${parser}.h
                ${PROJECT_SOURCE_DIR}/drill/${grammar}.y
        DEPENDS ${PROJECT_SOURCE_DIR}/drill/${grammar}.y VERBATIM COMMENT "Parser of drill/${grammar}.y")
    add_custom_command(OUTPUT ${lexer}.c
        COMMAND ${FLEX_EXECUTABLE} -o ${lexer}.c ${PROJECT_SOURCE_DIR}/drill/${grammar}.l
        DEPENDS ${PROJECT_SOURCE_DIR}/drill/${grammar}.l ${parser}.h VERBATIM COMMENT "Words of drill/${grammar}.l")
    list(APPEND LASTACK_DRILL_C ${parser}.c ${lexer}.c)
endforeach()
set_source_files_properties(${LASTACK_DRILL_C} PROPERTIES
    COMPILE_OPTIONS "-w" INCLUDE_DIRECTORIES "${drill_out};${PROJECT_SOURCE_DIR};${PROJECT_SOURCE_DIR}/core")
