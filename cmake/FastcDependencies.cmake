# What the compiler (not the runtime) links. docs/dependencies.md says why each is there.
find_package(nlohmann_json 3.11 REQUIRED)
find_package(cxxopts REQUIRED)
find_package(Eigen3 3.4 REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)

find_path(FASTC_STB_INCLUDE stb_image.h PATH_SUFFIXES stb)
if(NOT FASTC_STB_INCLUDE)
  message(FATAL_ERROR "stb_image.h was not found: install libstb-dev, or run ./quickstart, which does.")
endif()
# Only the header: Debian's stb headers carry the implementation, one .cc of ours defines STB_IMAGE_IMPLEMENTATION.
add_library(fastc_stb INTERFACE)
target_include_directories(fastc_stb SYSTEM INTERFACE ${FASTC_STB_INCLUDE})

# utf8proc brings no CMake package in Debian 12, only pkg-config's file.
find_path(FASTC_UTF8PROC_INCLUDE utf8proc.h)
find_library(FASTC_UTF8PROC_LIBRARY utf8proc)
if(NOT FASTC_UTF8PROC_INCLUDE OR NOT FASTC_UTF8PROC_LIBRARY)
  message(FATAL_ERROR "utf8proc was not found: install libutf8proc-dev, or run ./quickstart, which does.")
endif()
add_library(fastc_utf8proc INTERFACE)
target_include_directories(fastc_utf8proc SYSTEM INTERFACE ${FASTC_UTF8PROC_INCLUDE})
target_link_libraries(fastc_utf8proc INTERFACE ${FASTC_UTF8PROC_LIBRARY})

# For report.html. The licence lies beside it in Debian's documents.
find_file(FASTC_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist)
find_file(FASTC_CHART_JS_LICENCE NAMES copyright LICENSE.md PATHS /usr/share/doc/libjs-chart.js)
if(NOT FASTC_CHART_JS OR NOT FASTC_CHART_JS_LICENCE)
  message(FATAL_ERROR "Chart.js or its licence was not found: install libjs-chart.js, or give "
    "-DFASTC_CHART_JS=chart.min.js -DFASTC_CHART_JS_LICENCE=FILE.")
endif()

if(FASTC_TORCH)
  include(cmake/LibTorch.cmake)
endif()
