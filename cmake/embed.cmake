# embed.cmake: cmake -DOUT=FILE.c -DFROM=ROOT -P embed.cmake: the files of lab/experiments, the ladders of
# prove/, and the book's style and script, as C in order of their names, so that an installed command has them.

file(GLOB paths ${FROM}/lab/experiments/*.lab ${FROM}/lab/experiments/*.md ${FROM}/prove/*.txt
     ${FROM}/lab/book/book.css ${FROM}/lab/book/book.js)
list(SORT paths COMPARE FILE_BASENAME)
set(code "/* Made by cmake/embed.cmake from lab/. */\n#include \"lab/scenario/run.h\"\n\n")
set(table "")
set(i 0)
foreach(path ${paths})
    cmake_path(GET path FILENAME name)
    file(READ ${path} hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR bytes "${digits} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes_c "${hex}")
    string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],){20})" "\\1\n" bytes_c "${bytes_c}")
    string(APPEND code "static const unsigned char file${i}[] = {\n${bytes_c}0};\n")
    string(APPEND table "    {\"${name}\", (const char *)file${i}, ${bytes}},\n")
    math(EXPR i "${i} + 1")
endforeach()
string(APPEND code "\nconst struct lab_file lab_files[] = {\n${table}    {0}};\n")
string(APPEND code "const unsigned lab_files_count = ${i};\n")
file(WRITE ${OUT} "${code}")
