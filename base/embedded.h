// Files that CMake puts inside the library (cmake/EmbedFiles.cmake), so that the installed command needs no folder
// beside it.
#pragma once

#include <string_view>

namespace fastc {

struct EmbeddedFile {
  std::string_view path;  // relative to the folder that was embedded, with '/'
  std::string_view data;  // the file's bytes
};

}  // namespace fastc
