// The runtime's own sources, as they were when fastc was built. The emitted stub writes them out, so that what was
// measured is what ships. The definitions are generated from every file under backends/runtime by
// cmake/EmbedFiles.cmake.
#pragma once

#include <span>
#include <string_view>

#include "base/embedded.h"

namespace fastc {

// Every file of backends/runtime (CMakeLists.txt among them), sorted by path; paths are relative to that folder.
std::span<const EmbeddedFile> embedded_runtime();

// SHA-256 over these files, lower-case hex: what fastc_rt_source_hash() says in the runner built from the same sources.
// backends/runtime/source_hash.cmake fixes the formula.
std::string_view embedded_runtime_source_hash();

}  // namespace fastc
