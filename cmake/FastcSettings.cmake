# How everything is compiled: the language, the build types, sanitizers, ccache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
# -O1: the compiler (the program) spends its time in LibTorch, and -O2 costs half as much build time again. The runtime's kernels
# ask for -O3 themselves.
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -DNDEBUG")
# The dev build keeps assert() and stays fast enough for the tests on real networks.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

# Global, since a sanitizer that only half of the objects know reports nonsense.
if(FASTC_SANITIZE)
  add_compile_options(-fsanitize=${FASTC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FASTC_SANITIZE})
endif()

if(FASTC_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "FASTC_FUZZ needs clang (libFuzzer), found ${CMAKE_CXX_COMPILER_ID}: use the preset fuzz.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage counters in every room, so that the fuzzer sees into them
endif()

find_program(FASTC_CCACHE ccache)
if(FASTC_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${FASTC_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FASTC_CCACHE})
endif()
