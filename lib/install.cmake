# What `cmake --install` puts where, and how other projects find it: find_package(coterie) and pkg-config.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(coterie::coterie ALIAS coterie)

install(TARGETS coterie EXPORT coterie-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/coterie DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The library is shared and its header needs nothing else: the config file is the exported target and no more.
set(coterie_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coterie)
install(EXPORT coterie-targets NAMESPACE coterie:: FILE coterie-config.cmake DESTINATION ${coterie_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/coterie-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/coterie-config-version.cmake DESTINATION ${coterie_package_dir})

# The prefix is found from the place of the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH coterie_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/coterie.pc "\
prefix=\${pcfiledir}/${coterie_pc_to_prefix}
Name: coterie
Description: Runs quantised Mixture-of-Experts language models on CPUs
Version: ${PROJECT_VERSION}
Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
Libs: -L\${prefix}/${CMAKE_INSTALL_LIBDIR} -lcoterie
")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/coterie.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
