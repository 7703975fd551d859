# examples.cmake: the examples inside the tree, as build/examples/NAME.  They see what is installed
# and nothing else.  examples/CMakeLists.txt builds the same programs from an installed copy.

file(GLOB examples_c CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)
foreach(c ${examples_c})
    cmake_path(GET c STEM name)
    add_executable(example_${name} ${c})
    target_link_libraries(example_${name} PRIVATE lastack_static lastack_hosted)
    set_target_properties(example_${name} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
endforeach()
