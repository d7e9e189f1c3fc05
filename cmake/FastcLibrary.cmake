# libfastc.so, the rooms joined, and the command that uses it.
include(cmake/EmbedFiles.cmake)
# Both files in one folder, under the names that driver/report/chart_js.h gives.
set(chart ${PROJECT_BINARY_DIR}/chart_js)
configure_file(${FASTC_CHART_JS} ${chart}/chart.min.js COPYONLY)
configure_file(${FASTC_CHART_JS_LICENCE} ${chart}/copyright COPYONLY)
fastc_embed(chart_js TARGET fastc_driver ROOT ${chart} FILES chart.min.js copyright)

set(FASTC_ROOMS base ir tasks engine frontends passes backends driver)
list(TRANSFORM FASTC_ROOMS REPLACE "(.+)" "$<TARGET_OBJECTS:fastc_\\1>" OUTPUT_VARIABLE objects)
add_library(fastc_lib SHARED ${objects})
set_target_properties(fastc_lib PROPERTIES OUTPUT_NAME fastc EXPORT_NAME fastc VERSION ${PROJECT_VERSION} SOVERSION 0)
target_include_directories(fastc_lib PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/fastc>)
target_compile_features(fastc_lib PUBLIC cxx_std_20)
target_link_libraries(fastc_lib PUBLIC nlohmann_json::nlohmann_json fmt::fmt tl::expected
  PRIVATE fastc_torch fastc_runtime fastc_utf8proc ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS})

fastc_sources(cli_sources cli)
if(cli_sources)
  add_executable(fastc ${cli_sources})
  target_link_libraries(fastc PRIVATE fastc_flags fastc_lib cxxopts::cxxopts)
endif()
