# install.cmake: headers, both libraries, pkg-config, a CMake package, the command with its pages.

include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lastack DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS lastack_static lastack_shared EXPORT lastack
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT lastack FILE lastack-targets.cmake NAMESPACE lastack::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lastack)
set_target_properties(lastack_shared PROPERTIES EXPORT_NAME lastack)
set_target_properties(lastack_static PROPERTIES EXPORT_NAME static)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lastack-config.cmake.in
    ${PROJECT_BINARY_DIR}/lastack-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lastack)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lastack-config-version.cmake
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lastack-config.cmake ${PROJECT_BINARY_DIR}/lastack-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lastack)

configure_file(${PROJECT_SOURCE_DIR}/cmake/lastack.pc.in ${PROJECT_BINARY_DIR}/lastack.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lastack.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET lastack_packetdrill)
    install(TARGETS lastack_packetdrill LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

if(TARGET lastack)
    install(TARGETS lastack RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    set(completion ${PROJECT_SOURCE_DIR}/cli/completion)
    install(FILES ${completion}/lastack.bash OPTIONAL RENAME lastack
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${completion}/lastack.zsh OPTIONAL RENAME _lastack
            DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${completion}/lastack.fish OPTIONAL
            DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
