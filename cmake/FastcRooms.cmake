# fastc_room(NAME [PATHS dirs…] LINK libs…): every .cc under NAME/ (or under PATHS) becomes the OBJECT library
# fastc_NAME. A new file needs no edit here: the folders are looked through again at every build.
add_library(fastc_flags INTERFACE)
target_compile_options(fastc_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers -ffp-contract=off)
target_include_directories(fastc_flags INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)

function(fastc_sources OUT)
  set(all)
  foreach(dir IN LISTS ARGN)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${dir}/*.cc)
    list(APPEND all ${found})
  endforeach()
  set(${OUT} ${all} PARENT_SCOPE)
endfunction()

function(fastc_room NAME)
  cmake_parse_arguments(ROOM "" "" "PATHS;LINK" ${ARGN})
  if(NOT ROOM_PATHS)
    set(ROOM_PATHS ${NAME})
  endif()
  fastc_sources(sources ${ROOM_PATHS})
  if(NOT sources)  # CMake refuses a library without sources; a room may be empty while the house is being built
    set(sources ${PROJECT_BINARY_DIR}/empty_${NAME}.cc)
    file(CONFIGURE OUTPUT ${sources} CONTENT "// ${NAME} has no source file yet.\n")
  endif()
  add_library(fastc_${NAME} OBJECT ${sources})
  target_link_libraries(fastc_${NAME} PUBLIC fastc_flags ${ROOM_LINK})
endfunction()
