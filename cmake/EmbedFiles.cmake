# fastc_embed(NAME TARGET target ROOT folder [FILES files relative to it]): puts the files (all, if none is named)
# into TARGET as `std::span<const fastc::EmbeddedFile> fastc::embedded_NAME()` and `embedded_NAME_source_hash()`,
# which a header of the room declares. Made anew whenever a file changes. The same file is the script that writes the
# .cc.

# The bytes as one string literal a line: every compiler reads that far faster than an array of numbers.
function(fastc_embed_literal OUT FILE)
  file(READ ${FILE} hex HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" escaped "${hex}")
  string(REPEAT "." 112 row)  # 28 bytes
  string(REGEX REPLACE "(${row})" "\\1\"\n    \"" escaped "${escaped}")
  set(${OUT} "\"${escaped}\"" PARENT_SCOPE)
endfunction()

function(fastc_embed_write NAME ROOT FILES OUT)
  set(code "// Made by cmake/EmbedFiles.cmake; do not edit.\n#include <span>\n#include <string_view>\n\n")
  string(APPEND code "#include \"base/embedded.h\"\n\nnamespace fastc {\n\n")
  string(APPEND code "static constexpr EmbeddedFile kFiles[] = {\n")
  set(lines "")
  foreach(file IN LISTS FILES)
    fastc_embed_literal(literal ${ROOT}/${file})
    file(SIZE ${ROOT}/${file} size)
    file(SHA256 ${ROOT}/${file} sum)
    string(APPEND code "  {\"${file}\",\n   std::string_view(\n    ${literal},\n    ${size})},\n")
    string(APPEND lines "${file} ${sum}\n")
  endforeach()
  string(SHA256 hash "${lines}")
  string(APPEND code "};\n\nstd::span<const EmbeddedFile> embedded_${NAME}() { return kFiles; }\n")
  string(APPEND code "std::string_view embedded_${NAME}_source_hash() { return \"${hash}\"; }\n")
  string(APPEND code "\n}  // namespace fastc\n")
  # Renamed into place: a build that is interrupted here must not leave half a file that looks new.
  file(WRITE ${OUT}.tmp "${code}")
  file(RENAME ${OUT}.tmp ${OUT})
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  fastc_embed_write("${NAME}" "${ROOT}" "${FILES}" "${OUT}")
  return()
endif()

function(fastc_embed NAME)
  cmake_parse_arguments(EMBED "" "TARGET;ROOT" "FILES" ${ARGN})
  set(files ${EMBED_FILES})
  if(NOT files)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${EMBED_ROOT} ${EMBED_ROOT}/*)
  endif()
  list(SORT files)
  set(paths ${files})
  list(TRANSFORM paths PREPEND ${EMBED_ROOT}/)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded_${NAME}.cc)
  set(script ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake)
  add_custom_command(OUTPUT ${out} DEPENDS ${paths} ${script} COMMENT "Embedding ${NAME}" VERBATIM
    COMMAND ${CMAKE_COMMAND} -DNAME=${NAME} -DROOT=${EMBED_ROOT} "-DFILES=${files}" -DOUT=${out} -P ${script})
  target_sources(${EMBED_TARGET} PRIVATE ${out})
endfunction()
