# What the compiler (not the runtime) links. docs/dependencies.md says why each is there.
find_package(nlohmann_json 3.11 REQUIRED)
find_package(cxxopts REQUIRED)
find_package(Eigen3 3.4 REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)

# Debian's libzip-config.cmake also demands libzip's command-line tools, which nothing here needs.
find_path(FASTC_ZIP_INCLUDE zip.h)
find_library(FASTC_ZIP_LIBRARY zip)
find_path(FASTC_STB_INCLUDE stb_image.h PATH_SUFFIXES stb)
foreach(needed FASTC_ZIP_INCLUDE FASTC_ZIP_LIBRARY FASTC_STB_INCLUDE)
  if(NOT ${needed})
    message(FATAL_ERROR "${needed} was not found: install libzip-dev and libstb-dev, or run ./quickstart, which does.")
  endif()
endforeach()
add_library(libzip::zip UNKNOWN IMPORTED)
set_target_properties(libzip::zip PROPERTIES IMPORTED_LOCATION ${FASTC_ZIP_LIBRARY})
# Only the header: Debian's stb headers carry the implementation, one .cc of ours defines STB_IMAGE_IMPLEMENTATION.
add_library(fastc_stb INTERFACE)
target_include_directories(fastc_stb SYSTEM INTERFACE ${FASTC_STB_INCLUDE})

if(FASTC_TORCH)
  include(cmake/LibTorch.cmake)
endif()
