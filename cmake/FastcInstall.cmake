# cmake --install: the command, the library and its headers for plugins (fastc::fastc), the runtime for programs that
# run an artifact (fastc::runtime, and fastc::runtime_shared), recipes and documents.
include(CMakePackageConfigHelpers)
set(fastc_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fastc)

set_target_properties(fastc_runtime PROPERTIES EXPORT_NAME runtime)
set_target_properties(fastc_runtime_shared PROPERTIES EXPORT_NAME runtime_shared)
install(TARGETS fastc_runtime fastc_runtime_shared EXPORT fastcRuntimeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET fastc-runner)
  install(TARGETS fastc-runner RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# The C ABI and its C++ skin; the kernels' headers stay inside.
file(GLOB rt_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/backends/runtime/fastc_rt*.h*)
install(FILES ${rt_headers} DESTINATION include/fastc/runtime)
install(EXPORT fastcRuntimeTargets NAMESPACE fastc:: DESTINATION ${fastc_cmake_dir})

if(TARGET fastc_lib)
  set_target_properties(fastc_lib PROPERTIES INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS fastc_lib EXPORT fastcTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT fastcTargets NAMESPACE fastc:: DESTINATION ${fastc_cmake_dir})
  foreach(room base ir tasks engine passes)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${room}/
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastc/${room} FILES_MATCHING PATTERN "*.h")
  endforeach()
endif()
if(TARGET fastc)
  set_target_properties(fastc PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS fastc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/fastc)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/fastcConfig.cmake.in ${PROJECT_BINARY_DIR}/fastcConfig.cmake
  INSTALL_DESTINATION ${fastc_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fastcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fastcConfig.cmake ${PROJECT_BINARY_DIR}/fastcConfigVersion.cmake
  DESTINATION ${fastc_cmake_dir})
