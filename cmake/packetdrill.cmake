# packetdrill.cmake: build/liblastack-packetdrill.so, which packetdrill loads with --so_filename.  It
# exports one function; everything else of the archive stays inside.

file(GLOB packetdrill_c CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/packetdrill/*.c)
find_package(Threads REQUIRED)
add_library(lastack_packetdrill MODULE ${packetdrill_c})
set_target_properties(lastack_packetdrill PROPERTIES
    PREFIX "" OUTPUT_NAME liblastack-packetdrill C_VISIBILITY_PRESET hidden)
target_link_libraries(lastack_packetdrill PRIVATE lastack_inside Threads::Threads)
target_link_options(lastack_packetdrill PRIVATE -Wl,--exclude-libs,ALL)
